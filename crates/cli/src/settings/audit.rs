//! `[audit]`: where an audit draws its lines, and what of its findings is known and wanted.

use std::collections::BTreeSet;

use crossrole_manifest::decode::{Decoder, Needed, Spanned, did_you_mean};
use crossrole_manifest::scalar::{Account, OrgId, Region};
use crossrole_model::AccountId;
use crossrole_model::audit::{Limits, NotKnown, Rule, Suppression};

use super::file::within;
use crate::day::Day;

/// Most days of a limit: a hundred years.
const DAYS_MOST: u64 = 36_500;

/// AWS's own longest session, in hours (IAM API reference, CreateRole).
const HOURS_MOST: u64 = 12;

crossrole_manifest::table! {
    Raw {
        unused_days: Option<Spanned<u64>>,
        max_session_hours: Option<Spanned<u64>>,
        role_age_days: Option<Spanned<u64>>,
        key_age_days: Option<Spanned<u64>>,
        kms: Option<bool>,
        regions: Option<Vec<Region>>,
        own_accounts: Option<Vec<Account>>,
        own_organizations: Option<Vec<OrgId>>,
        suppress: Option<Vec<Suppress>>,
    }
}

crossrole_manifest::table! {
    /// `[[audit.suppress]]`
    Suppress {
        rule: Needed<String>,
        object: Needed<String>,
        reason: Needed<String>,
        /// The day that ends it.
        expires: Option<Day>,
    }
}

/// What it says.
#[derive(Debug, Default)]
pub(super) struct Audit {
    pub(super) limits: Limits,
    /// Regions in which keys and trails are looked for, beside those of buckets and manifests.
    pub(super) regions: BTreeSet<String>,
    /// Accounts that are no third party's, beside those of manifests and of the directory.
    pub(super) own_accounts: BTreeSet<AccountId>,
    /// Organizations of one's own: others that a policy names are third parties.
    pub(super) own_organizations: BTreeSet<String>,
    pub(super) suppressions: Vec<Suppression>,
}

impl Raw {
    pub(super) fn said(self, d: &mut Decoder<'_>) -> Audit {
        let Self { unused_days, max_session_hours, role_age_days, key_age_days, kms, regions, own_accounts, own_organizations, suppress, .. } = self;
        let usual = Limits::default();
        let mut number = |name: &str, value: Option<Spanned<u64>>, most: u64| within(name, value, 1, most, d).and_then(|value| u32::try_from(value).ok());
        let limits = Limits {
            unused_days: number("unused_days", unused_days, DAYS_MOST).unwrap_or(usual.unused_days),
            session_seconds: number("max_session_hours", max_session_hours, HOURS_MOST).map_or(usual.session_seconds, |hours| hours * 3_600),
            role_days: number("role_age_days", role_age_days, DAYS_MOST).unwrap_or(usual.role_days),
            key_days: number("key_age_days", key_age_days, DAYS_MOST).unwrap_or(usual.key_days),
            kms: kms.unwrap_or_default(),
        };
        Audit {
            limits,
            regions: regions.into_iter().flatten().map(|region| region.0).collect(),
            own_accounts: own_accounts.into_iter().flatten().filter_map(|id| AccountId::parse(&id.0)).collect(),
            own_organizations: own_organizations.into_iter().flatten().map(|id| id.0).collect(),
            suppressions: suppress.into_iter().flatten().filter_map(|one| one.said(d)).collect(),
        }
    }
}

impl Suppress {
    fn said(self, d: &mut Decoder<'_>) -> Option<Suppression> {
        let Self { rule, object, reason, expires, .. } = self;
        let rules: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).chain([NotKnown::RULE]).collect();
        if let Some(wrong) = rule.value.as_deref().filter(|id| !rules.contains(id)) {
            let advice = did_you_mean(wrong, rules.iter().copied()).unwrap_or_else(|| format!("rules are {}", rules.join(", ")));
            d.error(rule.span, format!("no rule of the audit is called `{wrong}`"), advice);
        }
        for (name, text, advice) in [
            ("object", &object, "write it as in `role/Reader`, or `222222222222/bucket/*`"),
            ("reason", &reason, "say why it is wanted; whoever reads the file after you has nothing else"),
        ] {
            if text.value.as_ref().is_some_and(|text| text.trim().is_empty()) {
                d.error(text.span, format!("this `{name}` says nothing"), advice);
            }
        }
        let expires = expires.map(|Day { written, begins }| (written, begins));
        Some(Suppression { rule: rule.value?, object: object.value?, reason: reason.value?.trim().to_owned(), expires })
    }
}
