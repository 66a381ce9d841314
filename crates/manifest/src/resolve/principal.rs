//! `label/Name` to accounts and ARNs.

use crossrole_model::{AccountId, Kind, PrincipalKind};
use crossrole_policy::Principal;

use crate::decode::{Spanned, Table, did_you_mean};
use crate::scalar::check_iam_name;

use super::Builder;

/// A principal of a known account.
pub(super) struct Resolved {
    pub(super) account: AccountId,
    pub(super) label: String,
    pub(super) managed: bool,
    /// Begins and ends with a slash.
    pub(super) path: String,
    pub(super) name: String,
}

impl Resolved {
    /// Returns the ARN of a user or role.
    pub(super) fn arn(&self, builder: &Builder<'_>, kind: Kind) -> String {
        builder.partition.iam_arn(&self.account, kind.as_str(), &self.path, &self.name)
    }
}

/// Whom a `trust` or a bucket's `allow` names, however it is spelt.
pub(super) enum Named {
    /// A group can't be a principal: its account is, and the group gets the policy.
    Group(Resolved),
    User(Resolved),
    Role(Resolved),
    Account(AccountId),
    Service(String),
    /// Everyone of an organization, by its id.
    Organization(String),
    /// By ARN, or whatever else AWS takes.
    Other(String),
}

/// The spellings, as they stand in the raw types.
pub(super) struct Spelt<'r> {
    pub(super) group: Option<&'r Spanned<String>>,
    pub(super) user: Option<&'r Spanned<String>>,
    pub(super) role: Option<&'r Spanned<String>>,
    pub(super) account: Option<&'r Spanned<String>>,
    pub(super) service: Option<&'r str>,
    pub(super) organization: Option<&'r str>,
    pub(super) principal: Option<&'r str>,
}

impl Named {
    /// The `Principal` of a statement.
    pub(super) fn principal(&self, builder: &Builder<'_>) -> Principal {
        let root = |account: &AccountId| Principal::of("AWS", [builder.partition.iam_arn(account, "root", "", "")]);
        match self {
            Self::Group(found) => root(&found.account),
            Self::User(found) => Principal::of("AWS", [found.arn(builder, Kind::User)]),
            Self::Role(found) => Principal::of("AWS", [found.arn(builder, Kind::Role)]),
            Self::Account(account) => root(account),
            Self::Service(name) => Principal::of("Service", [name]),
            Self::Organization(_) => Principal::of("AWS", ["*"]),
            Self::Other(text) => Principal::of("AWS", [text]),
        }
    }

    /// Who gets a policy on the caller's side.
    pub(super) fn caller(&self) -> Option<(&Resolved, PrincipalKind)> {
        match self {
            Self::Group(found) => Some((found, PrincipalKind::Group)),
            Self::User(found) => Some((found, PrincipalKind::User)),
            Self::Role(found) => Some((found, PrincipalKind::Role)),
            Self::Account(_) | Self::Service(_) | Self::Organization(_) | Self::Other(_) => None,
        }
    }
}

impl Builder<'_> {
    /// Resolves the one spelling that is there.
    pub(super) fn named(&mut self, spelt: &Spelt<'_>) -> Option<Named> {
        let Spelt { group, user, role, account, service, organization, principal } = spelt;
        if let Some(group) = group {
            return self.resolve(Kind::Group, group).map(Named::Group);
        }
        if let Some(user) = user {
            return self.resolve(Kind::User, user).map(Named::User);
        }
        if let Some(role) = role {
            return self.resolve(Kind::Role, role).map(Named::Role);
        }
        if let Some(account) = account {
            return self.label(account, &account.value.clone()).map(|(id, _)| Named::Account(id));
        }
        let text = |text: &&str| (*text).to_owned();
        let service = service.as_ref().map(text).map(Named::Service);
        let organization = organization.as_ref().map(text).map(Named::Organization);
        service.or(organization).or_else(|| principal.as_ref().map(text).map(Named::Other))
    }

    /// Finds the account behind a label.
    pub(super) fn label(&mut self, label: &Spanned<String>, text: &str) -> Option<(AccountId, bool)> {
        if text == "trusting" {
            return Some((self.trusting.clone(), true));
        }
        let raw = self.raw;
        let known: Vec<&str> = raw.trusted.iter().flat_map(|t| t.0.keys()).map(String::as_str).collect();
        if let Some(entry) = raw.trusted.as_ref().and_then(|t| t.0.get(text)) {
            // An entry with mistakes was reported where it stands.
            let trusted = entry.value.as_ref()?;
            return Some((super::account_id(trusted.account.value.as_ref()), trusted.manage.unwrap_or(true)));
        }
        let advice = did_you_mean(text, known.iter().copied()).unwrap_or_else(|| format!("declare it: `[trusted.{text}]` with its `account`"));
        self.error(label.span, format!("no trusted account is labelled `{text}`"), advice);
        None
    }

    /// Resolves `label/Name` or `label/path/Name`.
    pub(super) fn resolve(&mut self, kind: Kind, text: &Spanned<String>) -> Option<Resolved> {
        let Some((label, rest)) = text.value.split_once('/').filter(|(label, rest)| !label.is_empty() && !rest.is_empty()) else {
            self.error(
                text.span,
                format!("`{}` does not say which account the {} is in", text.value, kind.as_str()),
                format!("write `label/{}`, with the label of a trusted account", text.value.trim_matches('/')),
            );
            return None;
        };
        let (path, name) = match rest.rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => (String::new(), rest),
        };
        let limit = if kind == Kind::Role { 64 } else { 128 };
        if let Err((message, advice)) = check_iam_name(kind.as_str(), name, limit) {
            self.error(text.span, message, advice);
            return None;
        }
        let (account, managed) = self.label(text, label)?;
        let path = if path.is_empty() { self.declared_path(&account, kind, name) } else { path };
        Some(Resolved { account, label: label.to_owned(), managed, path, name: name.to_owned() })
    }

    fn declared_path(&self, account: &AccountId, kind: Kind, name: &str) -> String {
        let raw = self.raw;
        let trusted = raw.trusted.iter().flat_map(Table::iter).map(|(_, _, t)| t).find(|t| super::account_id(t.account.value.as_ref()) == *account);
        let roles = if *account == self.trusting { raw.roles.as_ref() } else { trusted.and_then(|t| t.roles.as_ref()) };
        let path = match kind {
            Kind::Role => roles.and_then(|t| t.0.get(name)).and_then(|e| e.value.as_ref()).and_then(|r| r.path.as_ref()),
            Kind::User => trusted.and_then(|t| t.users.as_ref()).and_then(|t| t.0.get(name)).and_then(|e| e.value.as_ref()).and_then(|u| u.path.as_ref()),
            _ => None,
        };
        Self::path(path)
    }
}
