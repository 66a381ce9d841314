//! `[accounts]`: how each is reached, and which control policies bind it.

use std::collections::BTreeMap;

use crossrole_cloud::Access;
use crossrole_manifest::decode::{Decode, Decoder, OneOrMany, Spanned, Table, Value, did_you_mean, span};
use crossrole_manifest::scalar::ExternalId;
use crossrole_model::{AccountId, Desired, Finding, Severity, Span};
use crossrole_policy::Arn;
use toml::de::DeValue;

use super::Settings;
use super::defaults::is_role_name;
use crate::ask;
use crate::failure::Failure;

crossrole_manifest::table! {
    Account {
        profile: Option<String>,
        role_arn: Option<Spanned<String>>,
        external_id: Option<ExternalId>,
        /// `false`: no manifest ever was of it, and none looks there for what it has left.
        manage: Option<bool>,
        /// Files, a level each from the organization's root down.
        service_control: Option<Vec<Level>>,
        resource_control: Option<Vec<Level>>,
    }
}

/// The files of the control policies of the root, of a unit, or of the account itself.
#[derive(Debug, Clone)]
pub(super) struct Level(pub(super) Vec<String>);

impl Decode for Level {
    fn decode(value: &Value<'_>, d: &mut Decoder<'_>) -> Option<Self> {
        if matches!(value.get_ref(), DeValue::Array(list) if list.is_empty()) {
            let advice = "every level has one at least: AWS's own is `FullAWSAccess`, or `RCPFullAWSAccess`";
            d.error(span(value.span()), "a level of control policies names none", advice);
            return None;
        }
        let OneOrMany(names) = OneOrMany::<String>::decode(value, d)?;
        Some(Self(names.into_iter().map(|name| name.value).collect()))
    }
}

/// An entry: its key is an id, or a label.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    at: Span,
    /// How it is reached; `None`: nothing is said of that.
    pub(super) access: Option<Access>,
    pub(super) unmanaged: bool,
    pub(super) service_control: Vec<Level>,
    pub(super) resource_control: Vec<Level>,
}

/// The entries as they are written.
pub(super) fn entries(table: Table<Account>, d: &mut Decoder<'_>) -> Vec<Entry> {
    table.0.into_iter().filter_map(|(key, entry)| Some(entry.value?.said(key, entry.key, d))).collect()
}

impl Account {
    fn said(self, key: String, at: Span, d: &mut Decoder<'_>) -> Entry {
        let Self { profile, role_arn, external_id, manage, service_control, resource_control, .. } = self;
        if let Some(wrong) = role_arn.as_ref().filter(|arn| !is_role_arn(&arn.value)) {
            d.error(wrong.span, format!("`{}` is no ARN of a role", wrong.value), "write it as in `arn:aws:iam::111111111111:role/crossrole-runner`");
        }
        let (service_control, resource_control) = (service_control.unwrap_or_default(), resource_control.unwrap_or_default());
        let reached = profile.is_some() || role_arn.is_some() || external_id.is_some();
        // An entry that names control policies alone says nothing of how the account is reached.
        let says = reached || manage.is_none() && service_control.is_empty() && resource_control.is_empty();
        let access = says.then(|| Access { profile, role_arn: role_arn.map(|arn| arn.value), external_id: external_id.map(|id| id.0) });
        Entry { key, at, access, unmanaged: manage == Some(false), service_control, resource_control }
    }
}

/// Tells whether a key is meant to be an id.
fn is_id(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|b| b.is_ascii_digit())
}

fn is_role_arn(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| {
        let role = arn.resource.strip_prefix("role/").is_some_and(is_role_name);
        arn.service == "iam" && AccountId::parse(arn.account).is_some() && role
    })
}

impl Settings {
    /// The entries, by the accounts that they are of.
    pub(super) fn entries(&self, desired: &Desired) -> Result<Vec<(AccountId, &Entry)>, Failure> {
        let (entries, findings) = self.of_accounts(desired);
        if findings.is_empty() { Ok(entries) } else { Err(Failure::findings(findings, self.shown(&[]))) }
    }

    /// What names nothing that these manifests, or the directory of accounts, know. A label may be one that a manifest knows which is not looked
    /// at now: that is a warning.
    pub(crate) fn strangers(&self, desired: &Desired) -> Vec<Finding> {
        let (_, mut findings) = self.of_accounts(desired);
        let elsewhere: Vec<Span> = self.said.accounts.iter().filter(|entry| self.is_elsewhere(desired, &entry.key)).map(|entry| entry.at).collect();
        for finding in findings.iter_mut().filter(|finding| finding.span.is_some_and(|at| elsewhere.contains(&at))) {
            finding.severity = Severity::Warning;
        }
        let estate = crossrole_access::Objects::desired(desired).estate();
        for one in &self.said.principals {
            if let Err(wrong) = ask::principal(&one.name, desired, &estate) {
                findings.push(wrong.into_warning(&self.file(), one.at));
            }
        }
        findings
    }

    /// The entries of accounts, and a mistake for each that is of none, or of another's.
    fn of_accounts(&self, desired: &Desired) -> (Vec<(AccountId, &Entry)>, Vec<Finding>) {
        let (mut found, mut findings) = (Vec::new(), Vec::new());
        let mut seen: BTreeMap<AccountId, &str> = BTreeMap::new();
        for entry in &self.said.accounts {
            let mistake = match self.account(desired, &entry.key) {
                Ok(id) => match seen.insert(id.clone(), &entry.key) {
                    None => {
                        let is_managed = desired.accounts.get(&id).is_some_and(|info| info.managed && !info.left);
                        found.push((id, entry));
                        if !(entry.unmanaged && is_managed) {
                            continue;
                        }
                        let advice = "take `manage = false` out, or the account out of the manifest (`except`, or `manage = false` there)";
                        (format!("a manifest is of `{}`, which these settings say no manifest ever was of", entry.key), advice.to_owned())
                    }
                    Some(other) => (format!("`{other}` and `{}` are one account", entry.key), "write one entry for it".to_owned()),
                },
                Err(mistake) => mistake,
            };
            findings.push(Finding::error(&self.file(), Some(entry.at), mistake.0, mistake.1));
        }
        (found, findings)
    }

    /// The account of a label that only the directory has.
    fn listed(&self, label: &str) -> Option<AccountId> {
        let listed = self.directory.as_ref().map(|source| crossrole_manifest::listed(source).0).unwrap_or_default();
        listed.into_iter().find(|one| one.label == label).map(|one| one.id)
    }

    /// Tells whether a key is a label that nothing here knows.
    fn is_elsewhere(&self, desired: &Desired, key: &str) -> bool {
        !is_id(key) && desired.labelled(key).is_empty() && self.listed(key).is_none()
    }

    /// The account of a key.
    fn account(&self, desired: &Desired, key: &str) -> Result<AccountId, (String, String)> {
        if let Some(id) = AccountId::parse(key) {
            return Ok(id);
        }
        match desired.labelled(key).as_slice() {
            [one] => return Ok((*one).clone()),
            [one, other, ..] => {
                let message = format!("`{key}` is the label of several accounts of these manifests, {one} and {other} among them");
                return Err((message, format!("write `[accounts.\"{one}\"]`, and so for each")));
            }
            [] => {}
        }
        let listed = self.directory.as_ref().map(|source| crossrole_manifest::listed(source).0).unwrap_or_default();
        if let Some(one) = listed.iter().find(|one| one.label == key) {
            return Ok(one.id.clone());
        }
        let digits = is_id(key);
        let ids = desired.accounts.keys().map(AccountId::as_str);
        let labels = desired.accounts.values().map(|info| info.label.as_str()).chain(listed.iter().map(|one| one.label.as_str()));
        let near = if digits { did_you_mean(key, ids) } else { did_you_mean(key, labels) };
        let form = if digits { "an account id has exactly 12 digits" } else { "write `[accounts.\"222222222222\"]`, or the label in the manifest" };
        Err((format!("`{key}` is neither an account id nor the label of a trusted account"), near.unwrap_or_else(|| form.to_owned())))
    }

    /// The file as findings name it.
    pub(super) fn file(&self) -> String {
        self.path.display().to_string()
    }
}
