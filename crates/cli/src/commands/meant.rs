//! Whose access is meant, as it is typed and as manifests say it.

use std::collections::BTreeMap;

use crossrole_manifest::take_up::{has_role, labels};
use crossrole_model::AccountId;
use crossrole_policy::Arn;
use crossrole_report::safe;

use crate::failure::Failure;
use crate::load::Loaded;

/// Whose access, as it was typed.
#[derive(Clone)]
pub(super) enum What {
    /// One word of a manifest, and its value.
    Named(&'static str, String),
    /// An account by its id.
    Account(AccountId),
    /// The same of somebody of an account: the key, the account, and the name.
    Of {
        /// `user`, `role`, `group` or `permission_set`.
        key: &'static str,
        /// Its account.
        account: AccountId,
        /// Its name, with its path if that was said.
        name: String,
    },
}

impl What {
    pub(super) fn parse(text: &str) -> Result<Self, Failure> {
        let shown = crossrole_report::safe(text);
        if let Some(id) = AccountId::parse(text) {
            return Ok(Self::Account(id));
        }
        if text.starts_with("arn:") {
            let arn = Arn::parse(text);
            let root = arn.filter(|arn| arn.service == "iam" && arn.resource == "root").and_then(|arn| AccountId::parse(arn.account));
            if let Some(id) = root {
                return Ok(Self::Account(id));
            }
            if arn.is_some_and(|arn| arn.service == "sts") {
                let advice = "name its role as `role/Name`, or whoever opened it; `--session-name` says which sessions are meant";
                return Err(Failure::new(format!("`{shown}` is a session, which is gone by itself"), advice));
            }
            if arn.is_some_and(|arn| arn.service == "iam" && arn.resource.contains("-provider/")) {
                return Err(not_revoked(&shown, "an identity provider"));
            }
            return Ok(Self::Named("principal", text.to_owned()));
        }
        if text.ends_with(".amazonaws.com") || text.ends_with(".amazonaws.com.cn") {
            return Err(not_revoked(&shown, "a service"));
        }
        let parts: Vec<&str> = text.splitn(3, '/').collect();
        let good = !parts.iter().any(|part| part.is_empty());
        match parts.as_slice() {
            ["role", name] if good => Ok(Self::Named("role", (*name).to_owned())),
            [label, kind, name] if good => {
                let key = match *kind {
                    "user" => "user",
                    "role" => "role",
                    "group" => "group",
                    "permission-set" => "permission_set",
                    _ => return Err(unknown(&shown)),
                };
                Ok(Self::Named(key, format!("{label}/{name}")))
            }
            [label] if good => Ok(Self::Named("account", (*label).to_owned())),
            _ => Err(unknown(&shown)),
        }
    }

    /// With the account that a label stands for: manifests may have others for it, or none.
    pub(super) fn known(&self, loaded: &Loaded) -> Result<Self, Failure> {
        let Self::Named(key, text) = self else { return Ok(self.clone()) };
        let (label, name) = match (*key, text.split_once('/')) {
            ("principal", _) | ("role", None) | (_, Some(("trusting", _))) => return Ok(self.clone()),
            (_, Some((label, name))) => (label, Some(name)),
            (_, None) => (text.as_str(), None),
        };
        let all = loaded.sources.iter().flat_map(|source| labels(&source.text).into_iter().map(|one| (one, &source.file)));
        let of: BTreeMap<String, &String> = all.filter(|((one, _), _)| one == label).map(|((_, id), file)| (id, file)).collect();
        if of.len() > 1 {
            let each: Vec<String> = of.iter().map(|(id, file)| format!("`{}` says {}", safe(file), safe(id))).collect();
            let error = format!("`{}` is not the same account in all of these manifests: {}", safe(label), each.join(", "));
            return Err(Failure::new(error, "say the account's id in place of the label, or an ARN"));
        }
        if name.is_none() && of.is_empty() && is_of_organization(label) {
            return Err(not_revoked(&safe(label), "an organization, or a unit of one"));
        }
        let Some(account) = AccountId::parse(label).or_else(|| of.keys().find_map(|id| AccountId::parse(id))) else { return Ok(self.clone()) };
        Ok(name.map_or_else(|| Self::Account(account.clone()), |name| Self::Of { key, account: account.clone(), name: name.to_owned() }))
    }

    /// How manifests may name it, the likeliest first.
    pub(super) fn words(&self, text: &str) -> Vec<(&'static str, String)> {
        let own = |account: &AccountId| labels(text).into_iter().find(|(_, of)| of == account.as_str()).map(|(label, _)| label);
        match self {
            Self::Named(key, name) => vec![(*key, name.clone())],
            Self::Account(id) => own(id).into_iter().chain([id.to_string()]).map(|label| ("account", label)).collect(),
            Self::Of { key, account, name } => own(account).into_iter().chain([account.to_string()]).map(|label| (*key, format!("{label}/{name}"))).collect(),
        }
    }

    /// Tells whether a manifest has nothing of that name, and so nothing to say of it: a role is its own.
    pub(super) fn is_elsewhere(&self, text: &str, loaded: &Loaded) -> bool {
        let Self::Named("role", name) = self else { return false };
        !name.contains('/') && !has_role(text, name) && loaded.sources.iter().any(|source| has_role(&source.text, name))
    }
}

/// Tells whether a text is the id of an organization, of its root or of a unit (Organizations API Reference, `Organization`, `Root` and
/// `OrganizationalUnit`).
fn is_of_organization(text: &str) -> bool {
    let is = |part: &str, least: usize| (least..=32).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    let parts: Vec<&str> = text.split('-').collect();
    match parts.as_slice() {
        ["o", id] => is(id, 10),
        ["r", id] => is(id, 4),
        ["ou", root, id] => is(root, 4) && is(id, 8),
        _ => false,
    }
}

/// What many come in by: nothing tells whose sessions were opened so.
fn not_revoked(shown: &str, what: &str) -> Failure {
    let advice = "take it out of the manifests and run `crossrole apply`, and then `crossrole revoke role/NAME` where sessions have to end";
    Failure::new(format!("`{shown}` is {what}, and `revoke` takes back what a role, a user, a group, a permission set or an account has"), advice)
}

fn unknown(shown: &str) -> Failure {
    let advice = "write `role/Name`, `LABEL/user/Name`, `LABEL/role/Name`, `LABEL/group/Name`, `LABEL/permission-set/Name`, an account, or an ARN";
    Failure::new(format!("`{shown}` says nobody's access"), advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_organizations_are_no_labels() {
        for id in ["o-a1b2c3d4e5", "r-ab12", "ou-ab12-cdef3456"] {
            assert!(is_of_organization(id), "{id}");
        }
        for label in ["o-team1", "ou-team1", "r-and-d1", "r-", "o-A1B2C3D4E5", "ops"] {
            assert!(!is_of_organization(label), "{label}");
        }
    }
}
