//! The caller side: what each principal that is let in needs in its own account.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use crossrole_model::desired::{DesiredState, DocumentRef, Origin, Place};
use crossrole_model::{AccountId, Address, Kind, PrincipalKind, PrincipalRef, Span, limits, ownership};
use crossrole_policy::{Element, Statement};

use super::bucket::digits;
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
        self.require(&found.account, kind.kind(), &found.name);
        let key = CallerKey { account: found.account.clone(), principal: PrincipalRef { kind, name: found.name.clone() } };
        self.callers.entry(key).or_default()
    }

    /// What each principal needs, with Sids of ours: it goes into a document that other manifests write too.
    pub(super) fn caller_policies(&mut self) {
        let whole = Span { start: self.raw.name.span.start, end: self.raw.name.span.end };
        for (CallerKey { account, principal }, grants) in std::mem::take(&mut self.callers) {
            let name = format!("{}/{}/{}", principal.kind.as_str(), principal.name, self.name);
            let address = Address::new(&account, Kind::Caller, name);
            let document = self.document(&address, &DocumentRef::Policy, statements(&self.name, &grants));
            self.over(
                whole,
                &format!("what {principal} in account {account} is given"),
                document.size(),
                limits::MANAGED_POLICY,
                "give some of these roles to another group or role",
            );
            self.insert(whole, address, false, DesiredState::Caller { principal, statements: document.statements });
        }
    }
}

/// One statement for all roles, and the others without their repetitions.
fn statements(manifest: &str, grants: &CallerGrants) -> Vec<Placed> {
    let prefix = ownership::sid_prefix(manifest);
    let mut out = Vec::new();
    if !grants.roles.is_empty() {
        let mut assume = Statement::allow(Element::of(["sts:AssumeRole"]), Some(Element::of(grants.roles.keys().cloned())));
        assume.sid = Some(format!("{prefix}AssumeRoles"));
        let origins = grants.roles.values().flatten().map(|place| Origin { place: place.clone(), principal: None }).collect();
        out.push(Placed { statement: assume, origins });
    }
    let mut seen = BTreeMap::<_, Placed>::new();
    for placed in &grants.statements {
        match seen.entry(Statement { sid: None, ..placed.statement.clone() }.canonical()) {
            Entry::Vacant(entry) => _ = entry.insert(placed.clone()),
            Entry::Occupied(mut entry) => entry.get_mut().origins.extend(placed.origins.iter().cloned()),
        }
    }
    for mut placed in seen.into_values() {
        placed.statement.sid = Some(format!("{prefix}{}", digits(&Statement { sid: None, ..placed.statement.clone() }.canonical_body())));
        out.push(placed);
    }
    out
}
