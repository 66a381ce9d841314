//! `label/Name` to accounts and ARNs.

use std::collections::BTreeSet;

use crossrole_model::{AccountId, Kind, Partition, PermissionSet, PrincipalKind};
use crossrole_policy::{Conditions, Principal};

use crate::decode::{Spanned, Table, did_you_mean};
use crate::raw::Who;
use crate::scalar::check_iam_name;

use super::Builder;
use super::statement::{condition, texts};

/// A principal of a known account.
#[derive(Clone)]
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

/// Whom a grant names, however it is spelt.
#[derive(Clone)]
pub(super) enum Named {
    /// A group can't be a principal: its account is, and the group gets the policy.
    Group(Resolved),
    User(Resolved),
    Role(Resolved),
    Account(AccountId),
    /// Permission sets: the roles that IAM Identity Center makes of them change their names, so that their accounts are let in
    /// and the names are asked for (Identity Center User Guide, "Referencing permission sets in resource policies").
    Sets(Vec<Resolved>),
    Service(String),
    /// Everyone of organizations, by their ids.
    Organizations(Vec<String>),
    /// Everyone of organizational units and those below them, by their paths.
    Units(Vec<String>),
    /// By ARN, or whatever else AWS takes.
    Other(String),
}

impl Named {
    /// The `Principal` of a statement.
    pub(super) fn principal(&self, builder: &Builder<'_>) -> Principal {
        let root = |account: &AccountId| builder.partition.iam_arn(account, "root", "", "");
        match self {
            Self::Group(found) => Principal::of("AWS", [root(&found.account)]),
            Self::User(found) => Principal::of("AWS", [found.arn(builder, Kind::User)]),
            Self::Role(found) => Principal::of("AWS", [found.arn(builder, Kind::Role)]),
            Self::Account(account) => Principal::of("AWS", [root(account)]),
            Self::Sets(sets) => Principal::of("AWS", sets.iter().map(|set| root(&set.account)).collect::<BTreeSet<_>>()),
            Self::Service(name) => Principal::of("Service", [name]),
            Self::Organizations(_) | Self::Units(_) => Principal::of("AWS", ["*"]),
            Self::Other(text) => Principal::of("AWS", [text]),
        }
    }

    /// Adds the condition without which the `Principal` names more than is meant.
    pub(super) fn limit(&self, partition: Partition, conditions: &mut Conditions) {
        match self {
            Self::Organizations(ids) => condition(conditions, "StringEquals", "aws:PrincipalOrgID", ids.iter().cloned()),
            Self::Units(paths) => {
                let below = paths.iter().map(|path| format!("{}/*", path.trim_end_matches('/')));
                condition(conditions, "ForAnyValue:StringLike", "aws:PrincipalOrgPaths", below);
                // S3 takes a policy for everyone for public unless it asks for one of a few keys, and this is none of them (S3 User
                // Guide, "The meaning of public").
                let organizations: BTreeSet<String> = paths.iter().filter_map(|path| path.split('/').next()).map(str::to_owned).collect();
                condition(conditions, "StringEquals", "aws:PrincipalOrgID", organizations);
            }
            Self::Sets(sets) => {
                let patterns = sets.iter().flat_map(|set| PermissionSet { account: set.account.clone(), name: set.name.clone() }.roles(partition));
                condition(conditions, "ArnLike", "aws:PrincipalArn", patterns);
            }
            Self::Group(_) | Self::User(_) | Self::Role(_) | Self::Account(_) | Self::Service(_) | Self::Other(_) => {}
        }
    }

    /// Who needs a policy on the caller's side.
    pub(super) fn callers(&self) -> Vec<(&Resolved, CallerSide)> {
        let one = |found, kind| vec![(found, CallerSide::Principal(kind))];
        match self {
            Self::Group(found) => one(found, PrincipalKind::Group),
            Self::User(found) => one(found, PrincipalKind::User),
            Self::Role(found) => one(found, PrincipalKind::Role),
            Self::Sets(sets) => sets.iter().map(|set| (set, CallerSide::PermissionSet)).collect(),
            Self::Account(_) | Self::Service(_) | Self::Organizations(_) | Self::Units(_) | Self::Other(_) => Vec::new(),
        }
    }
}

/// Where a caller's policy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallerSide {
    Principal(PrincipalKind),
    PermissionSet,
}

impl Builder<'_> {
    /// Resolves the principals of the one kind that is there; mistaken ones are reported, and left out.
    pub(super) fn named(&mut self, who: &Who<'_>) -> Vec<Named> {
        let mut out = Vec::new();
        for (kind, list, named) in
            [(Kind::Group, who.group, Named::Group as fn(Resolved) -> Named), (Kind::User, who.user, Named::User), (Kind::Role, who.role, Named::Role)]
        {
            for text in list.iter().flat_map(|list| &list.0) {
                out.extend(self.resolve(kind, text).map(named));
            }
        }
        for label in who.account.iter().flat_map(|list| &list.0) {
            out.extend(self.label(label, &label.value.clone()).map(|(id, _)| Named::Account(id)));
        }
        let mut sets = Vec::new();
        for text in who.permission_set.iter().flat_map(|list| &list.0) {
            sets.extend(self.permission_set(text));
        }
        out.extend((!sets.is_empty()).then_some(Named::Sets(sets)));
        out.extend(who.service.iter().flat_map(|list| texts(list, |v| &v.0)).map(Named::Service));
        let organizations = who.organization.map(|list| texts(list, |v| &v.0)).filter(|list| !list.is_empty());
        out.extend(organizations.map(Named::Organizations));
        out.extend(who.organizational_unit.map(|list| texts(list, |v| &v.0)).filter(|list| !list.is_empty()).map(Named::Units));
        out.extend(who.principal.iter().flat_map(|list| texts(list, |v| &v.0)).map(Named::Other));
        out
    }

    /// Resolves `label/Name` of a permission set (IAM Identity Center API Reference, `CreatePermissionSet`: its name has 1 to 32
    /// characters). Where the account's sets are named, it is one of those.
    pub(super) fn permission_set(&mut self, text: &Spanned<String>) -> Option<Resolved> {
        let Some((label, name)) = text.value.split_once('/').filter(|(label, name)| !label.is_empty() && !name.is_empty()) else {
            let advice = format!("write `label/{}`, with the label of a trusted account", text.value.trim_matches('/'));
            self.error(text.span, format!("`{}` does not say which account the permission set is in", text.value), advice);
            return None;
        };
        if let Some(inner) = name.strip_prefix("AWSReservedSSO_") {
            let set = inner.rsplit_once('_').map_or(inner, |(set, _)| set);
            let advice = format!("write `{label}/{set}`: the end of the role's name changes when the set is assigned anew");
            self.error(text.span, format!("`{name}` is a role of a permission set, not the set"), advice);
            return None;
        }
        if let Err((message, advice)) = check_iam_name("permission set", name, 32) {
            self.error(text.span, message, advice);
            return None;
        }
        let (account, managed) = self.label(text, label)?;
        let raw = self.raw;
        let trusted = raw.trusted.as_ref().and_then(|t| t.0.get(label)).and_then(|entry| entry.value.as_ref());
        if let Some(sets) = trusted.and_then(|t| t.permission_sets.as_ref()).filter(|sets| !sets.0.contains_key(name)) {
            let advice = did_you_mean(name, sets.0.keys().map(String::as_str)).unwrap_or_else(|| format!("declare `[trusted.{label}.permission_sets.{name}]`"));
            self.error(text.span, format!("no permission set of `{label}` is named `{name}` in this manifest"), advice);
            return None;
        }
        Some(Resolved { account, label: label.to_owned(), managed, path: String::new(), name: name.to_owned() })
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
        if let Some(id) = AccountId::parse(text).filter(|_| self.by_id) {
            return Some((id, false));
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
