//! The caller side: for each principal that is let in, one managed policy of ours in its account.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crossrole_model::desired::{DesiredState, DocumentRef, Origin, Place};
use crossrole_model::state::{AttachmentState, PolicyState};
use crossrole_model::{AccountId, Address, Digest, Kind, PrincipalKind, PrincipalRef, Span, limits};
use crossrole_policy::{Element, Statement};

use super::principal::Resolved;
use super::{Builder, Placed};

/// Whose side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallerKey {
    account: AccountId,
    principal: PrincipalRef,
}

/// What it needs.
#[derive(Debug, Default)]
pub(super) struct CallerGrants {
    /// Roles by ARN, each with the trusts that let it in there.
    roles: BTreeMap<String, Vec<Place>>,
    statements: Vec<Placed>,
}

impl Builder<'_> {
    /// Notes that `found` may assume `role_arn`, as `span` says.
    pub(super) fn caller(&mut self, found: &Resolved, kind: PrincipalKind, role_arn: &str, span: Span) {
        if found.managed {
            let place = self.place(span);
            self.caller_grants(found, kind).roles.entry(role_arn.to_owned()).or_default().push(place);
        } else {
            let note = format!(
                "account {} ({}) is not managed here: its {} {} needs sts:AssumeRole on {role_arn}",
                found.account,
                found.label,
                kind.as_str(),
                found.name
            );
            self.desired.unmanaged_callers.insert(note);
        }
    }

    /// Notes that `found` needs these statements in its own permissions.
    pub(super) fn caller_statements(&mut self, found: &Resolved, kind: PrincipalKind, statements: &[Placed]) {
        if found.managed {
            self.takes(statements);
            self.caller_grants(found, kind).statements.extend(statements.iter().cloned());
        } else {
            for Placed { statement, .. } in statements {
                let note = format!(
                    "account {} ({}) is not managed here: its {} {} needs {} on {}",
                    found.account,
                    found.label,
                    kind.as_str(),
                    found.name,
                    statement.action.values.join(", "),
                    statement.resource.iter().flat_map(|r| r.values.clone()).collect::<Vec<_>>().join(", ")
                );
                self.desired.unmanaged_callers.insert(note);
            }
        }
    }

    fn caller_grants(&mut self, found: &Resolved, kind: PrincipalKind) -> &mut CallerGrants {
        let object_kind = match kind {
            PrincipalKind::Role => Kind::Role,
            PrincipalKind::User => Kind::User,
            PrincipalKind::Group => Kind::Group,
        };
        self.require(&found.account, object_kind, &found.name);
        let key = CallerKey { account: found.account.clone(), principal: PrincipalRef { kind, name: found.name.clone() } };
        self.callers.entry(key).or_default()
    }

    /// Makes the policies and attaches them. A role that is declared here is declared whole: the policy goes into its own
    /// list of attached policies.
    pub(super) fn caller_policies(&mut self) {
        let whole = Span { start: self.raw.name.span.start, end: self.raw.name.span.end };
        for (CallerKey { account, principal }, grants) in std::mem::take(&mut self.callers) {
            let name = policy_name(&self.name, &principal);
            let address = Address::new(&account, Kind::Policy, &name);
            let document = self.document(&address, &DocumentRef::Policy, statements(&grants));
            self.over(
                whole,
                &format!("the policy of {principal} in account {account}"),
                document.size(),
                limits::MANAGED_POLICY,
                "give some of these roles to another group or role",
            );
            let arn = self.partition.iam_arn(&account, "policy", "/", &name);
            let tags = self.tags(None, whole);
            // No description: AWS can never change one, and the name says it all.
            let state = PolicyState { path: "/".to_owned(), description: String::new(), document, tags };
            self.insert(whole, address, false, DesiredState::Policy(state));
            let role = Address::new(&account, Kind::Role, &principal.name);
            if principal.kind == PrincipalKind::Role
                && let Some(object) = self.desired.objects.get_mut(&role)
                && let DesiredState::Role { state, .. } = &mut object.state
            {
                state.attached.insert(arn);
                continue;
            }
            let address = Address::new(&account, Kind::Attachment, format!("{}/{}/{name}", principal.kind.as_str(), principal.name));
            self.insert(whole, address, false, DesiredState::Attachment(AttachmentState { principal, policy_arn: arn }));
        }
    }
}

/// One statement for all roles, and the others without their repetitions.
fn statements(grants: &CallerGrants) -> Vec<Placed> {
    let mut out = Vec::new();
    if !grants.roles.is_empty() {
        let mut assume = Statement::allow(Element::of(["sts:AssumeRole"]), Some(Element::of(grants.roles.keys().cloned())));
        assume.sid = Some("AssumeRoles".to_owned());
        let origins = grants.roles.values().flatten().map(|place| Origin { place: place.clone(), principal: None }).collect();
        out.push(Placed { statement: assume, origins });
    }
    let mut seen = BTreeMap::<_, Placed>::new();
    for placed in &grants.statements {
        match seen.entry(placed.statement.canonical()) {
            Entry::Vacant(entry) => _ = entry.insert(placed.clone()),
            Entry::Occupied(mut entry) => entry.get_mut().origins.extend(placed.origins.iter().cloned()),
        }
    }
    out.extend(seen.into_values());
    out
}

/// `crossrole-prod-data-group-Developers`; with a hash in place of its end when IAM would not take the length.
fn policy_name(manifest: &str, principal: &PrincipalRef) -> String {
    /// Longest name of a managed policy.
    const LIMIT: usize = 128;
    let name = format!("crossrole-{manifest}-{}-{}", principal.kind.as_str(), principal.name);
    if name.len() <= LIMIT {
        return name;
    }
    let hash = Digest::of(name.as_bytes()).to_string();
    name.chars().take(LIMIT - 9).chain(std::iter::once('-')).chain(hash.chars().take(8)).collect()
}
