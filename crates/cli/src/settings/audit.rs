//! `[audit]`: where an audit draws its lines, and what of its findings is known and wanted.

use std::collections::BTreeSet;
use std::path::Path;

use crossrole_model::AccountId;
use crossrole_model::audit::{Limits, NotKnown, Rule, Suppression};
use serde::Deserialize;
use toml::value::Datetime;

use crate::approvals::end_of;
use crate::failure::Failure;

/// Most days of a limit: a hundred years.
const DAYS_MOST: u32 = 36_500;

/// AWS's own longest session, in hours (IAM API reference, CreateRole).
const HOURS_MOST: u32 = 12;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Audit {
    unused_days: Option<u32>,
    max_session_hours: Option<u32>,
    role_age_days: Option<u32>,
    key_age_days: Option<u32>,
    #[serde(default)]
    kms: bool,
    /// Regions in which keys and trails are looked for, beside those of buckets and manifests.
    #[serde(default)]
    regions: Vec<String>,
    /// Accounts that are no third party's, beside those of manifests and of the directory.
    #[serde(default)]
    own_accounts: Vec<String>,
    /// Organizations of one's own: others that a policy names are third parties.
    #[serde(default)]
    own_organizations: Vec<String>,
    #[serde(default)]
    suppress: Vec<Suppress>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Suppress {
    rule: String,
    object: String,
    reason: String,
    /// The day that ends it.
    expires: Option<Datetime>,
}

impl Audit {
    /// All that is wrong with it at once.
    pub(super) fn check(&self, path: &Path) -> Result<(), Failure> {
        let Self { unused_days, max_session_hours, role_age_days, key_age_days, kms: _, regions, own_accounts, own_organizations, suppress } = self;
        let mut wrong = Vec::new();
        let numbers = [
            ("unused_days", unused_days, DAYS_MOST),
            ("max_session_hours", max_session_hours, HOURS_MOST),
            ("role_age_days", role_age_days, DAYS_MOST),
            ("key_age_days", key_age_days, DAYS_MOST),
        ];
        for (name, value, most) in numbers {
            if let Some(value) = value.filter(|value| !(1..=most).contains(value)) {
                wrong.push(format!("`{name} = {value}` is not between 1 and {most}"));
            }
        }
        wrong.extend(regions.iter().filter(|region| !super::is_region(region)).map(|region| format!("`{region}` in `regions` is no region")));
        wrong.extend(own_accounts.iter().filter(|id| AccountId::parse(id).is_none()).map(|id| format!("`{id}` in `own_accounts` is no account id")));
        let is_one =
            |id: &String| id.strip_prefix("o-").is_some_and(|rest| rest.len() >= 10 && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        wrong.extend(own_organizations.iter().filter(|id| !is_one(id)).map(|id| format!("`{id}` in `own_organizations` is no organization's id")));
        for one in suppress {
            if one.rule != NotKnown::RULE && Rule::ALL.iter().all(|rule| rule.id() != one.rule) {
                wrong.push(format!("no rule of the audit is called `{}`", one.rule));
            }
            if one.object.trim().is_empty() || one.reason.trim().is_empty() {
                wrong.push(format!("the suppression of `{}` needs an `object` and a `reason`", one.rule));
            }
            if one.expires.as_ref().is_some_and(|day| end_of(day).is_none()) {
                wrong.push(format!("the suppression of `{}` for `{}` expires on no day", one.rule, one.object));
            }
        }
        if wrong.is_empty() {
            return Ok(());
        }
        let rules: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).chain([NotKnown::RULE]).collect();
        let advice = format!(
            "`[[audit.suppress]]` has `rule`, `object` (as in `role/Reader`, `222222222222/bucket/*`), `reason` and, where it ends, `expires = 2027-01-31`; rules are {}",
            rules.join(", ")
        );
        Err(Failure::several(wrong.into_iter().map(|what| format!("settings `{}`: `[audit]`: {what}", path.display())).collect(), advice))
    }

    pub(super) fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits {
            unused_days: self.unused_days.unwrap_or(usual.unused_days),
            session_seconds: self.max_session_hours.map_or(usual.session_seconds, |hours| hours * 3_600),
            role_days: self.role_age_days.unwrap_or(usual.role_days),
            key_days: self.key_age_days.unwrap_or(usual.key_days),
            kms: self.kms,
        }
    }

    pub(super) fn regions(&self) -> BTreeSet<String> {
        self.regions.iter().cloned().collect()
    }

    pub(super) fn own_accounts(&self) -> BTreeSet<AccountId> {
        self.own_accounts.iter().filter_map(|id| AccountId::parse(id)).collect()
    }

    pub(super) fn own_organizations(&self) -> BTreeSet<String> {
        self.own_organizations.iter().cloned().collect()
    }

    pub(super) fn suppressions(&self) -> Vec<Suppression> {
        let one = |one: &Suppress| Suppression {
            rule: one.rule.clone(),
            object: one.object.clone(),
            reason: one.reason.trim().to_owned(),
            expires: one.expires.as_ref().and_then(|day| Some((day.to_string(), end_of(day)?))),
        };
        self.suppress.iter().map(one).collect()
    }
}
