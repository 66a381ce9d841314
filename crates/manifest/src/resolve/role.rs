//! Roles: trust, permissions, attachments.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::{DesiredState, DocumentRef, Origin, StatementRef};
use crossrole_model::state::RoleState;
use crossrole_model::{AccountId, Address, Kind, Span, limits, ownership};
use crossrole_policy::{Conditions, Document, Effect, Element, Principal, Statement};

use crate::decode::{Spanned, Table, did_you_mean};
use crate::raw::{ForeignPolicies, GitHub, Role, SessionName, Trust};
use crate::scalar::{PolicyArn, check_iam_name};

use super::principal::Named;
use super::statement::{Holders, condition, texts};
use super::{Builder, Placed, account_id};

/// Host of GitHub's provider.
const GITHUB: &str = "token.actions.githubusercontent.com";

impl<'a> Builder<'a> {
    pub(super) fn role(&mut self, account: &AccountId, name: &str, key: Span, raw: &'a Role) {
        self.check(key, check_iam_name("role", name, 64));
        let path = Self::path(raw.path.as_ref());
        let arn = self.partition.iam_arn(account, "role", &path, name);
        let address = Address::new(account, Kind::Role, name);
        self.ways.clear();
        self.doors.clear();
        let mut statements: Vec<Placed> = raw.trust.iter().flatten().flat_map(|t| self.trust(t, &arn, account)).collect();
        if self.is_revoked(&address) {
            statements.clear();
        }
        if raw.trust.as_ref().map_or(!raw.has("trust"), Vec::is_empty) {
            let trusted = self.raw.trusted.iter().flat_map(Table::iter).find(|(_, _, one)| account_id(one.account.value.as_ref()) == *account);
            let advice = match trusted.filter(|_| *account != self.trusting) {
                None => format!("add `[[roles.{name}.trust]]`"),
                Some((label, ..)) => format!("add `[[trusted.{label}.roles.{name}.trust]]`, or leave the table out: a role that exists needs none"),
            };
            self.error(key, format!("nobody may assume role `{name}`"), advice);
        }
        let nobody = statements.is_empty();
        let statements = if nobody { self.nobody(key) } else { pack(self.kept_out(statements)) };
        let trust = self.document(&address, &DocumentRef::Trust, statements);
        self.over(
            key,
            &format!("the trust policy of role `{name}`"),
            trust.size(),
            self.desired.quotas.trust_policy,
            raised(
                "trust fewer principals, or a group in place of its users",
                self.desired.quotas.trust_policy < limits::TRUST_POLICY_MOST,
                "trust_policy = 4096",
            ),
        );
        let longest = raw.max_session.map_or(3600, |s| s.0);
        let mut tags = self.tags(raw.tags.as_ref(), key);
        let denied = self.ended_sessions(&address, nobody, longest, &mut tags);
        let inline = self.inline(&address, key, raw, &arn, denied);
        let attached = self.attached(&address, key, raw);
        let boundary = raw.permissions_boundary.as_ref().map(|b| b.value.0.clone());
        let state = RoleState {
            path,
            trust,
            description: raw.description.as_ref().map(|d| d.0.clone()).unwrap_or_default(),
            max_session_seconds: longest,
            boundary,
            tags,
            inline,
            attached,
        };
        if let Some(restored) = &raw.restored {
            self.desired.restored.insert(address.clone(), restored.value.text.clone());
        }
        let keep_foreign = raw.foreign_policies == Some(ForeignPolicies::Keep);
        self.insert(key, address, raw.adopt.unwrap_or(false), DesiredState::Role { state, keep_foreign });
    }

    fn inline(&mut self, address: &Address, key: Span, raw: &'a Role, arn: &str, denied: Vec<Placed>) -> BTreeMap<String, Document> {
        let mut inline = BTreeMap::new();
        let own = self.permissions(raw.allow.as_deref(), raw.statement.as_deref(), &Holders::Role(arn.to_owned()));
        if !own.is_empty() {
            inline.insert(ownership::INLINE_POLICY.to_owned(), self.document(address, &DocumentRef::Inline(ownership::INLINE_POLICY.to_owned()), own));
        }
        for (policy, span, raw) in raw.inline.iter().flat_map(Table::iter) {
            self.check(span, check_iam_name("policy", policy, 128));
            if policy == ownership::INLINE_POLICY {
                self.error(span, format!("the inline policy `{policy}` is the one that `allow` and `statement` make"), "use another name");
            }
            if policy == ownership::REVOKED_POLICY {
                self.error(span, format!("the inline policy `{policy}` is the one that `[[revoked]]` makes"), "use another name");
            }
            self.unique_sids(Some(&raw.statement.value));
            let statements: Vec<Placed> = raw.statement.value.iter().filter_map(|s| self.raw_statement(s, super::statement::Place::Identity)).collect();
            self.takes(&statements);
            inline.insert(policy.clone(), self.document(address, &DocumentRef::Inline(policy.clone()), statements));
        }
        if !denied.is_empty() {
            let name = ownership::REVOKED_POLICY.to_owned();
            inline.insert(name.clone(), self.document(address, &DocumentRef::Inline(name), denied));
        }
        let size = inline.values().map(Document::size).sum();
        self.over(
            key,
            &format!("the inline policies of role `{}`", address.name),
            size,
            limits::ROLE_INLINE,
            "move statements into `[policies]` and name them in the role's `policies`",
        );
        inline
    }

    fn attached(&mut self, role: &Address, key: Span, raw: &Role) -> BTreeSet<String> {
        let Address { account, name, .. } = role;
        let mut attached = BTreeSet::new();
        for policy in raw.policies.iter().flatten() {
            if policy.value.starts_with("arn:") {
                if PolicyArn::check(&policy.value) {
                    self.names_policy(role, &policy.value, policy.span);
                    attached.insert(policy.value.clone());
                } else {
                    self.error(
                        policy.span,
                        format!("`{}` is not the ARN of a managed policy", policy.value),
                        "write it as in `arn:aws:iam::aws:policy/ReadOnlyAccess`",
                    );
                }
                continue;
            }
            if *account == self.trusting && self.over_policies.contains(&policy.value) {
                continue;
            }
            let local = self.raw.policies.as_ref().filter(|_| *account == self.trusting);
            if let Some(entry) = local.and_then(|t| t.0.get(&policy.value)) {
                let path = Self::path(entry.value.as_ref().and_then(|p| p.path.as_ref()));
                attached.insert(self.partition.iam_arn(account, "policy", &path, &policy.value));
            } else {
                let known = local.iter().flat_map(|t| t.0.keys()).map(String::as_str).collect::<Vec<_>>();
                let advice =
                    did_you_mean(&policy.value, known.into_iter()).unwrap_or_else(|| format!("declare `[policies.{}]`, or write the whole ARN", policy.value));
                self.error(policy.span, format!("no policy is named `{}` in this manifest", policy.value), advice);
            }
        }
        let limit = self.desired.quotas.policies_per_role;
        if attached.len() > limit {
            let advice = raised("join some of them", limit < limits::POLICIES_PER_ROLE_MOST, "policies_per_role = 20");
            self.error(key, format!("role `{name}` has {} managed policies, over AWS's limit of {limit}", attached.len()), advice);
        }
        attached
    }

    /// Where a role names a policy whose statements stand elsewhere.
    fn names_policy(&mut self, role: &Address, arn: &str, span: Span) {
        let at = StatementRef { address: role.clone(), document: DocumentRef::Attached(arn.to_owned()), index: 0 };
        let origin = Origin { place: self.place(span), principal: None };
        self.desired.origins.insert(at, vec![origin]);
    }

    /// Who is let in by one trust: nobody, where its end has come or it has mistakes.
    fn trust(&mut self, raw: &Trust, role_arn: &str, role_account: &AccountId) -> Vec<Placed> {
        let who = raw.who();
        let federated = ["github", "oidc", "saml"].into_iter().filter(|kind| raw.has(kind));
        let given: Vec<&str> = who.given.iter().copied().chain(federated).collect();
        if self.one_kind(raw.span, &given).is_none() {
            return Vec::new();
        }
        let mut federated = Conditions::new();
        let (action, principals) = match self.federated(raw, role_account, &mut federated) {
            Some((action, principal)) => (action, principal.into_iter().map(|p| (p, Conditions::new())).collect()),
            None => ("sts:AssumeRole", Vec::new()),
        };
        let named = self.named(&who);
        self.is_met(raw, &named);
        let mut conditions = federated;
        Self::trust_conditions(raw, &mut conditions);
        self.limits(&who, &named, &mut conditions);
        self.ways(raw, &named, &conditions);
        let role = Address::new(role_account, Kind::Role, role_arn.rsplit('/').next().unwrap_or_default());
        let named = self.unrevoked(named);
        if self.is_over(raw.expires.as_ref()) || self.is_revoked(&role) {
            return Vec::new();
        }
        let mut actions = vec![action.to_owned()];
        actions.extend((raw.session_tags == Some(true)).then(|| "sts:TagSession".to_owned()));
        actions.extend((raw.source_identity == Some(true)).then(|| "sts:SetSourceIdentity".to_owned()));
        for (found, side) in named.iter().flat_map(Named::callers) {
            self.caller(found, side, role_arn, raw.span);
            // What goes with the session is asked of both sides, too (IAM User Guide, "Passing session tags in AWS STS").
            if let Some(more) = actions.get(1..).filter(|more| !more.is_empty()) {
                let statement = Statement::allow(Element::of(more.iter().cloned()), Some(Element::of([role_arn])));
                let placed = self.placed(statement, raw.span);
                self.caller_statements(found, side, std::slice::from_ref(&placed));
            }
        }
        let by_name = named.iter().map(|named| {
            let mut own = Conditions::new();
            named.limit(self.partition, &mut own);
            (named.principal(self), own)
        });
        let principals: Vec<(Principal, Conditions)> = by_name.chain(principals).collect();
        let statement = |(principal, own): (Principal, Conditions)| {
            let mut conditions = conditions.clone();
            for (operator, keys) in own {
                conditions.entry(operator).or_default().extend(keys);
            }
            Statement { sid: None, effect: Effect::Allow, principal: Some(principal), action: Element::of(actions.clone()), resource: None, conditions }
        };
        principals.into_iter().map(|principal| self.placed(statement(principal), raw.span)).collect()
    }

    /// The trust of a role that nobody may assume any more, as AWS takes it.
    fn nobody(&self, key: Span) -> Vec<Placed> {
        vec![self.placed(
            Statement { effect: Effect::Deny, principal: Some(Principal::of("AWS", ["*"])), ..Statement::allow(Element::of(["sts:AssumeRole"]), None) },
            key,
        )]
    }

    /// Says what such callers can't meet.
    fn is_met(&mut self, raw: &Trust, named: &[Named]) {
        let mfa = raw.mfa.as_ref().is_some_and(|m| m.value);
        if let (Some(first), true) = (raw.role.as_ref().and_then(|list| list.0.first()), mfa) {
            self.warning(
                first.span,
                "a session of a role never carries a second factor, so this trust can't be met",
                "drop `mfa`, or trust the users themselves",
            );
        }
        if let (Some(first), true) = (raw.permission_set.as_ref().and_then(|list| list.0.first()), mfa) {
            self.warning(
                first.span,
                "a session of a permission set never carries a second factor, so this trust can't be met",
                "drop `mfa`, and ask for the second factor in IAM Identity Center",
            );
        }
        let users = |named: &Named| match named {
            Named::Group(_) | Named::User(_) | Named::Account(_) | Named::Organizations(_) | Named::Units(_) => true,
            Named::Other(arn) => !arn.contains(":role/") && !arn.contains(":assumed-role/"),
            Named::Role(_) | Named::Sets(_) | Named::Service(_) => false,
        };
        if let (Some(session), true) = (&raw.session_name, named.is_empty() || !named.iter().all(users)) {
            let message = "`session_name = \"username\"` is for users: other callers have no user name, so this trust can't be met";
            self.error(session.span, message, "leave it out, or trust a `user`, a `group` or an `account`");
        }
    }

    /// A trust in an identity provider: the action, and the provider where it has no mistakes; `None` where the trust is in none.
    fn federated(&mut self, raw: &Trust, role_account: &AccountId, conditions: &mut Conditions) -> Option<(&'static str, Option<Principal>)> {
        if let Some(github) = &raw.github {
            condition(conditions, "StringEquals", &format!("{GITHUB}:aud"), ["sts.amazonaws.com".to_owned()]);
            let good = self.github_subjects(&github.value, conditions);
            let provider = good.map(|()| Principal::of("Federated", [self.partition.iam_arn(role_account, "oidc-provider", "/", GITHUB)]));
            return Some(("sts:AssumeRoleWithWebIdentity", provider));
        }
        if let Some(oidc) = &raw.oidc {
            return Some(("sts:AssumeRoleWithWebIdentity", self.oidc_principal(raw, oidc, role_account, conditions)));
        }
        let saml = raw.saml.as_ref()?;
        // Of one that is declared, it is said where it is.
        let is_declared = self.raw.saml_providers.as_ref().is_some_and(|providers| providers.0.contains_key(&saml.value));
        if !is_declared && !self.saml_name(&saml.value, saml.span) {
            return Some(("sts:AssumeRoleWithSAML", None));
        }
        let declared = self.raw.saml_providers.iter().flat_map(|t| t.0.keys()).map(String::as_str);
        // It may be there without us, and yet it is hardly another one that has nearly the same name.
        if !declared.clone().any(|label| *label == saml.value)
            && let Some(advice) = did_you_mean(&saml.value, declared)
        {
            self.warning(saml.span, format!("no SAML provider of this manifest is named `{}`", saml.value), advice);
        }
        condition(conditions, "StringEquals", "SAML:aud", ["https://signin.aws.amazon.com/saml".to_owned()]);
        Some(("sts:AssumeRoleWithSAML", Some(Principal::of("Federated", [self.partition.iam_arn(role_account, "saml-provider", "/", &saml.value)]))))
    }

    fn oidc_principal(&mut self, raw: &Trust, oidc: &Spanned<String>, account: &AccountId, conditions: &mut Conditions) -> Option<Principal> {
        let host = match self.raw.oidc_providers.as_ref().and_then(|t| t.0.get(&oidc.value)) {
            Some(entry) => entry.value.as_ref()?.url.value.0.trim_start_matches("https://").trim_end_matches('/').to_owned(),
            None if oidc.value.contains('.') => oidc.value.trim_start_matches("https://").trim_end_matches('/').to_owned(),
            None => {
                self.error(
                    oidc.span,
                    format!("no OpenID Connect provider is labelled `{}`", oidc.value),
                    format!("declare `[oidc_providers.{}]`, or write its host", oidc.value),
                );
                return None;
            }
        };
        let (Some(audience), Some(subject)) = (&raw.audience, &raw.subject) else {
            self.error(
                raw.span,
                "a trust in an OpenID Connect provider needs `audience` and `subject`",
                "without both, every user of that provider can come in",
            );
            return None;
        };
        if subject.0.iter().any(|s| s.value.0.chars().all(|c| c == '*')) {
            self.error(raw.span, "`subject` lets every user of that provider in", "pin it to a repository, project or workload");
            return None;
        }
        let subjects = texts(subject, |v| &v.0);
        let operator = if subjects.iter().any(|s| s.contains(['*', '?'])) { "StringLike" } else { "StringEquals" };
        condition(conditions, "StringEquals", &format!("{host}:aud"), texts(audience, |v| &v.0));
        condition(conditions, operator, &format!("{host}:sub"), subjects);
        Some(Principal::of("Federated", [self.partition.iam_arn(account, "oidc-provider", "/", &host)]))
    }

    fn github_subjects(&mut self, github: &GitHub, conditions: &mut Conditions) -> Option<()> {
        let repository = &github.repository;
        let good = repository.value.split_once('/').is_some_and(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'))
            && !repository.value.contains(['*', '?', ':', ' ']);
        if !good {
            self.error(repository.span, format!("`{}` is not a repository", repository.value), "write `owner/repository`, without wildcards");
            return None;
        }
        let mut exact = Vec::new();
        let mut like = Vec::new();
        let subject = |rest: String| format!("repo:{}:{rest}", repository.value);
        for (value, kind) in [(&github.environment, "environment:"), (&github.branch, "ref:refs/heads/"), (&github.tag, "ref:refs/tags/")] {
            if let Some(value) = value {
                let list = if value.value.contains(['*', '?']) { &mut like } else { &mut exact };
                list.push(subject(format!("{kind}{}", value.value)));
            }
        }
        if github.pull_request.as_ref().is_some_and(|p| p.value) {
            exact.push(subject("pull_request".to_owned()));
        }
        let mistaken = [&github.environment, &github.branch, &github.tag].into_iter().zip(["environment", "branch", "tag"]);
        let mistaken = mistaken.fold(github.has("pull_request") && github.pull_request.is_none(), |is, (value, key)| is || github.has(key) && value.is_none());
        if exact.is_empty() && like.is_empty() && mistaken {
            return None;
        }
        if exact.is_empty() && like.is_empty() {
            self.error(
                github.span,
                "this lets every workflow of the repository in, pull requests too",
                "add `environment`, `branch`, `tag` or `pull_request = true`",
            );
            return None;
        }
        // Two operators would both have to match: with one pattern, all go under StringLike.
        let (operator, values) = if like.is_empty() { ("StringEquals", exact) } else { ("StringLike", exact.into_iter().chain(like).collect()) };
        condition(conditions, operator, &format!("{GITHUB}:sub"), values);
        Some(())
    }

    fn trust_conditions(raw: &Trust, conditions: &mut Conditions) {
        if raw.mfa.as_ref().is_some_and(|m| m.value) {
            condition(conditions, "Bool", "aws:MultiFactorAuthPresent", ["true".to_owned()]);
        }
        if let Some(age) = raw.mfa_max_age {
            condition(conditions, "NumericLessThan", "aws:MultiFactorAuthAge", [age.0.to_string()]);
        }
        if let Some(ids) = &raw.external_id {
            condition(conditions, "StringEquals", "sts:ExternalId", texts(ids, |v| &v.0));
        }
        if let Some(SessionName::Username) = raw.session_name.as_ref().map(|name| name.value) {
            condition(conditions, "StringLike", "sts:RoleSessionName", ["${aws:username}".to_owned()]);
        }
    }
}

impl PolicyArn {
    fn check(text: &str) -> bool {
        crossrole_policy::Arn::parse(text).is_some_and(|a| a.service == "iam" && a.resource.starts_with("policy/"))
    }
}

/// Advice about a quota that AWS may have raised.
fn raised(advice: &str, may_be: bool, setting: &str) -> String {
    if may_be { format!("{advice}; where AWS has raised it, say `{setting}` under `[quotas]` in `crossrole.toml`") } else { advice.to_owned() }
}

/// Joins statements that differ only in their principals: quotas count characters.
pub(super) fn pack(statements: Vec<Placed>) -> Vec<Placed> {
    let mut out: Vec<Placed> = Vec::new();
    for placed in statements {
        let bare = |s: &Statement| Statement { principal: None, sid: None, ..s.clone() }.canonical();
        let key = bare(&placed.statement);
        match out.iter_mut().find(|p| bare(&p.statement) == key) {
            Some(same) => {
                same.origins.extend(placed.origins);
                let (Some(into), Some(from)) = (same.statement.principal.as_mut(), placed.statement.principal) else { continue };
                for (kind, values) in from.entries {
                    let list = into.entries.entry(kind).or_default();
                    let fresh: Vec<String> = values.into_iter().filter(|v| !list.contains(v)).collect();
                    list.extend(fresh);
                }
            }
            None => out.push(placed),
        }
    }
    out
}
