//! The file as it is written, and what it says.

use crossrole_lint::guardrails::Guardrails;
use crossrole_manifest::decode::{Decoder, Spanned, Table, decode_file};
use crossrole_model::limits::{self, Quotas};
use crossrole_model::{Finding, IdentityCenter, LockPlace, Source};

use super::accounts::{self, Entry};
use super::audit::{self, Audit};
use super::defaults::{self, Defaults};
use super::verify::{self, AtHand};
use super::{guardrails, identity_center, lock};

crossrole_manifest::table! {
    File {
        accounts: Option<Table<accounts::Account>>,
        defaults: Option<defaults::Raw>,
        guardrails: Option<guardrails::Raw>,
        quotas: Option<Raised>,
        identity_center: Option<identity_center::Center>,
        lock: Option<lock::Lock>,
        verify: Option<verify::Verify>,
        audit: Option<audit::Raw>,
    }
}

crossrole_manifest::table! {
    /// Quotas that AWS was asked to raise.
    Raised {
        trust_policy: Option<Spanned<u64>>,
        policies_per_role: Option<Spanned<u64>>,
    }
}

/// What the settings say.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) accounts: Vec<Entry>,
    pub(super) defaults: Defaults,
    pub(super) guardrails: Guardrails,
    pub(super) quotas: Quotas,
    pub(super) identity_center: Option<IdentityCenter>,
    pub(super) lock: Option<LockPlace>,
    pub(super) principals: Vec<AtHand>,
    pub(super) audit: Audit,
}

/// Reads the file; every mistake is reported, and what is mistaken is left out.
pub(super) fn read(source: &Source, findings: &mut Vec<Finding>) -> Said {
    let Some(file) = decode_file::<File>(source, findings) else { return Said::default() };
    let File { accounts, defaults, guardrails, quotas, identity_center, lock, verify, audit, .. } = file;
    let mut d = Decoder { file: &source.file, findings };
    Said {
        accounts: accounts.map(|table| accounts::entries(table, &mut d)).unwrap_or_default(),
        defaults: defaults.map(|raw| raw.said(&mut d)).unwrap_or_default(),
        guardrails: guardrails.map(|raw| raw.said(&mut d)).unwrap_or_default(),
        quotas: quotas.map(|raw| raw.said(&mut d)).unwrap_or_default(),
        identity_center: identity_center.and_then(|raw| raw.said(&mut d)),
        lock: lock.and_then(|raw| raw.said(&mut d)),
        principals: verify.map(|raw| raw.said(&mut d)).unwrap_or_default(),
        audit: audit.map(|raw| raw.said(&mut d)).unwrap_or_default(),
    }
}

impl Raised {
    /// What AWS does not raise a quota to, or lower than its default, is a mistake in the file.
    fn said(self, d: &mut Decoder<'_>) -> Quotas {
        let usual = Quotas::default();
        let mut one = |name: &str, value: Option<Spanned<u64>>, least: usize, most: usize| {
            let Spanned { value, span } = value?;
            let value = usize::try_from(value).unwrap_or(usize::MAX);
            if !(least..=most).contains(&value) {
                d.error(span, format!("quota `{name}` can't be {value}"), format!("it is {least} unless AWS has raised it, to {most} at most"));
            }
            Some(value)
        };
        let trust_policy = one("trust_policy", self.trust_policy, limits::TRUST_POLICY, limits::TRUST_POLICY_MOST);
        let policies_per_role = one("policies_per_role", self.policies_per_role, limits::ATTACHED_POLICIES, limits::POLICIES_PER_ROLE_MOST);
        Quotas { trust_policy: trust_policy.unwrap_or(usual.trust_policy), policies_per_role: policies_per_role.unwrap_or(usual.policies_per_role) }
    }
}

/// A number within bounds, where there is one.
pub(super) fn within(name: &str, value: Option<Spanned<u64>>, least: u64, most: u64, d: &mut Decoder<'_>) -> Option<u64> {
    let Spanned { value, span } = value?;
    if (least..=most).contains(&value) {
        return Some(value);
    }
    d.error(span, format!("`{name}` can't be {value}"), format!("it is between {least} and {most}"));
    None
}
