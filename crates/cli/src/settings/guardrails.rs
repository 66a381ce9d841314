//! `[guardrails]`: a team's own rules, as they are written.

use crossrole_lint::guardrails::{Guardrails, RoleRule};
use crossrole_manifest::decode::{Decoder, Spanned};
use crossrole_manifest::scalar::Account;

use crate::actions;

crossrole_manifest::table! {
    Raw {
        trusted_accounts: Option<Vec<Account>>,
        forbidden_actions: Option<Vec<Spanned<String>>>,
        roles: Option<Vec<Role>>,
    }
}

crossrole_manifest::table! {
    /// `[[guardrails.roles]]`
    Role {
        select: Option<Spanned<String>>,
        external_id: Option<bool>,
        mfa: Option<bool>,
        boundary: Option<String>,
        max_session_hours: Option<u32>,
        forbidden_actions: Option<Vec<Spanned<String>>>,
    }
}

impl Raw {
    /// A guardrail that forbids what does not exist, or can select nothing, asks nothing of anybody.
    pub(super) fn said(self, d: &mut Decoder<'_>) -> Guardrails {
        let Self { trusted_accounts, forbidden_actions, roles, .. } = self;
        Guardrails {
            trusted_accounts: trusted_accounts.map(|ids| ids.into_iter().map(|id| id.0).collect()),
            forbidden_actions: forbidden(forbidden_actions, d),
            roles: roles.into_iter().flatten().map(|role| role.said(d)).collect(),
        }
    }
}

impl Role {
    fn said(self, d: &mut Decoder<'_>) -> RoleRule {
        let Self { select, external_id, mfa, boundary, max_session_hours, forbidden_actions, .. } = self;
        let named = |select: &str| !select.is_empty() && select.bytes().all(|b| b.is_ascii_alphanumeric() || b"+=,.@_-*?".contains(&b));
        if let Some(select) = select.as_ref().filter(|select| !named(&select.value)) {
            d.error(select.span, format!("`{}` is no pattern of role names", select.value), "a name has no path and no kind before it, as in `Prod*`");
        }
        RoleRule {
            select: select.map_or_else(|| "*".to_owned(), |select| select.value),
            external_id: external_id.unwrap_or_default(),
            mfa: mfa.unwrap_or_default(),
            boundary,
            max_session_hours,
            forbidden_actions: forbidden(forbidden_actions, d),
        }
    }
}

fn forbidden(patterns: Option<Vec<Spanned<String>>>, d: &mut Decoder<'_>) -> Vec<String> {
    let patterns = patterns.unwrap_or_default();
    for pattern in &patterns {
        if let Some(error) = actions::mistake(&pattern.value) {
            d.error(pattern.span, error, "correct it in `forbidden_actions`; a pattern is written as in `iam:*`");
        }
    }
    patterns.into_iter().map(|pattern| pattern.value).collect()
}
