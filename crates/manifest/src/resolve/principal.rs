//! `label/Name` to accounts and ARNs.

use crossrole_model::{AccountId, Kind};

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

impl Builder<'_> {
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
