//! The caller side: what each principal that is let in needs in its own account.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::{ByHand, DesiredState, DocumentRef, HandSide, Origin, Place};
use crossrole_model::{AccountId, Address, Kind, PrincipalRef, Span, key, limits, ownership};
use crossrole_policy::{Document, Element, Statement};

use super::bucket::digits;
use super::principal::{CallerSide, Resolved};
use super::statement::condition;
use super::{Builder, Placed};

/// Whose side.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CallerKey {
    account: AccountId,
    side: HandSide,
}

/// What it needs.
#[derive(Debug, Default)]
pub(super) struct CallerGrants {
    /// Roles by ARN, each with the trusts that let it in there.
    roles: BTreeMap<String, Vec<Place>>,
    statements: Vec<Placed>,
    /// The account's label where somebody else has to write it; a permission set's is never written here.
    by_hand: Option<String>,
}

impl Builder<'_> {
    /// Notes that `found` may assume `role_arn`, as `span` says.
    pub(super) fn caller(&mut self, found: &Resolved, side: CallerSide, role_arn: &str, span: Span) {
        let place = self.place(span);
        self.caller_grants(found, side).roles.entry(role_arn.to_owned()).or_default().push(place);
    }

    /// Notes that `found` needs these statements in its own permissions.
    pub(super) fn caller_statements(&mut self, found: &Resolved, side: CallerSide, statements: &[Placed]) {
        self.takes(statements);
        self.caller_grants(found, side).statements.extend(statements.iter().cloned());
    }

    fn caller_grants(&mut self, found: &Resolved, side: CallerSide) -> &mut CallerGrants {
        let (side, by_hand) = match side {
            CallerSide::Principal(kind) => (HandSide::Principal(PrincipalRef { kind, name: found.name.clone() }), !found.managed),
            CallerSide::PermissionSet => (HandSide::PermissionSet(found.name.clone()), true),
        };
        if let (HandSide::Principal(principal), false) = (&side, by_hand) {
            self.require(&found.account, principal.kind.kind(), &found.name);
        }
        let grants = self.callers.entry(CallerKey { account: found.account.clone(), side }).or_default();
        grants.by_hand = by_hand.then(|| found.label.clone());
        grants
    }

    /// What each principal needs, with Sids of ours: it goes into a document that other manifests write too.
    pub(super) fn caller_policies(&mut self) {
        let whole = Span { start: self.raw.name.span.start, end: self.raw.name.span.end };
        let mut sets: BTreeMap<String, (Vec<Placed>, BTreeSet<AccountId>)> = BTreeMap::new();
        for (CallerKey { account, side }, grants) in std::mem::take(self.callers) {
            let principal = match (side, grants.by_hand.clone()) {
                (HandSide::Principal(principal), None) => principal,
                (HandSide::PermissionSet(set), _) if self.desired.identity_center.is_some() => {
                    let (placed, accounts) = sets.entry(set).or_default();
                    placed.extend(of_set(&self.name, &account, grants));
                    accounts.insert(account);
                    continue;
                }
                (side, label) => {
                    let statements: Vec<Statement> =
                        statements(&self.name, grants).into_iter().map(|placed| Statement { sid: None, ..placed.statement }).collect();
                    if let HandSide::PermissionSet(set) = &side {
                        let size = key::size(&Document::new(statements.clone()));
                        let advice = "let another permission set into some of these roles, or a role of its account";
                        self.over(whole, &format!("what permission set {set} in account {account} is given"), size, limits::PERMISSION_SET, advice);
                    }
                    self.desired.by_hand.push(ByHand { account, label, side, statements });
                    continue;
                }
            };
            let name = format!("{}/{}/{}", principal.kind.as_str(), principal.name, self.name);
            let address = Address::new(&account, Kind::Caller, name);
            let document = self.document(&address, &DocumentRef::Policy, statements(&self.name, grants));
            // Resources, and roles among them, are spread over as many policies as a principal may hold.
            let parts = limits::ATTACHED_POLICIES * limits::MANAGED_POLICY;
            let what = format!("what {principal} in account {account} is given");
            self.over(whole, &what, key::size(&document), parts, "give some of these roles to another group or role");
            let longest = document.statements.iter().map(of_longest).max();
            let advice = "name fewer prefixes or conditions at once: a policy takes no statement that is longer";
            self.over(whole, &format!("one statement of {what}"), longest.unwrap_or_default(), limits::MANAGED_POLICY, advice);
            self.insert(whole, address, false, DesiredState::Caller { principal, statements: document.statements });
        }
        for (set, (statements, accounts)) in sets {
            self.in_permission_set(whole, &set, statements, accounts);
        }
    }

    /// Statements in the inline policy of a permission set, which is one in all accounts.
    fn in_permission_set(&mut self, span: Span, set: &str, placed: Vec<Placed>, accounts: BTreeSet<AccountId>) {
        let Some(at) = self.desired.identity_center.clone() else { return };
        let size = key::size(&Document::new(placed.iter().map(|p| p.statement.clone()).collect()));
        let advice = "let another permission set into some of these roles, or a role of its account";
        self.over(span, &format!("what permission set {set} is given"), size, limits::PERMISSION_SET, advice);
        let address = Address::new(&at.account, Kind::PermissionSet, set);
        let there = match self.desired.objects.get(&address).map(|o| &o.state) {
            Some(DesiredState::PermissionSet { statements, .. }) => statements.len(),
            _ => 0,
        };
        let more = self.stand(&address, &DocumentRef::Policy, there, placed);
        // Other manifests of the run may speak of the same set: its policy is one document.
        if let Some(object) = self.desired.objects.get_mut(&address)
            && let DesiredState::PermissionSet { statements, accounts: named } = &mut object.state
        {
            statements.extend(more);
            named.extend(accounts);
            let place = self.place(span);
            self.desired.places.entry(address).or_default().push(place);
            return;
        }
        self.insert(span, address, false, DesiredState::PermissionSet { statements: more, accounts });
    }
}

/// How long a statement is with the longest of its resources alone.
fn of_longest(statement: &Statement) -> usize {
    let longest = statement.resource.iter().filter(|resource| !resource.negated).flat_map(|r| &r.values).max_by_key(|value| value.len());
    let resource = longest.map(|value| Element::of([value.as_str()])).or_else(|| statement.resource.clone());
    key::size(&Document::new(vec![Statement { resource, ..statement.clone() }]))
}

/// What a permission set is given for one of its accounts. Its policy goes to all of them, so that each statement says for which it
/// is: of the others, one that owns what it speaks of would be let by it.
fn of_set(manifest: &str, account: &AccountId, grants: CallerGrants) -> Vec<Placed> {
    const KEY: &str = "aws:PrincipalAccount";
    let limited = |mut placed: Placed| {
        let keys = placed.statement.conditions.entry("StringEquals".to_owned()).or_default();
        // Values of one key are alternatives: of those that are written, this account is what is left.
        let written = keys.keys().find(|key| key.eq_ignore_ascii_case(KEY)).cloned();
        if let Some(values) = written.and_then(|key| keys.remove(&key))
            && !values.iter().any(|value| value == account.as_str())
        {
            return None;
        }
        condition(&mut placed.statement.conditions, "StringEquals", KEY, [account.to_string()]);
        Some(placed)
    };
    packed(manifest, of_roles(&grants).into_iter().chain(grants.statements).filter_map(limited).collect())
}

/// What lets a principal assume all roles, by itself, and everything else.
fn of_roles(grants: &CallerGrants) -> Option<Placed> {
    let origins = grants.roles.values().flatten().map(|place| Origin { place: place.clone(), principal: None }).collect();
    let statement = Statement::allow(Element::of(["sts:AssumeRole"]), Some(Element::of(grants.roles.keys().cloned())));
    (!grants.roles.is_empty()).then_some(Placed { statement, origins })
}

/// One statement for all roles, and one for all resources of which the same is let.
fn statements(manifest: &str, grants: CallerGrants) -> Vec<Placed> {
    let assume = of_roles(&grants).map(|mut placed| {
        placed.statement.sid = Some(ownership::assume_sid(manifest));
        placed
    });
    assume.into_iter().chain(packed(manifest, grants.statements)).collect()
}

/// One statement for all resources of which the same is let on the same conditions. Actions and conditions are never joined: all that
/// is let, of all resources together, would be more than was said of each.
fn packed(manifest: &str, placed: Vec<Placed>) -> Vec<Placed> {
    let mut alike = BTreeMap::<_, Placed>::new();
    for placed in placed {
        match alike.entry(but_resources(&placed.statement).canonical_body()) {
            Entry::Vacant(entry) => _ = entry.insert(placed),
            Entry::Occupied(mut entry) => {
                let same = entry.get_mut();
                let more = placed.statement.resource.into_iter().flat_map(|more| more.values);
                if let Some(all) = same.statement.resource.as_mut().filter(|all| !all.negated) {
                    all.values.extend(more);
                }
                same.origins.extend(placed.origins);
            }
        }
    }
    let named = |mut placed: Placed| {
        let prefix = ownership::sid_prefix(manifest);
        placed.statement.sid = Some(format!("{prefix}{}", digits(&but_resources(&placed.statement).canonical_body())));
        if let Some(resource) = &mut placed.statement.resource {
            resource.values.sort();
            resource.values.dedup();
        }
        placed
    };
    alike.into_values().map(named).collect()
}

/// What statements that are one but for their resources have in common; its digits are their Sid, which stays when resources come and
/// go. What speaks of all resources but some has no other like it.
fn but_resources(statement: &Statement) -> Statement {
    let resource = statement.resource.clone().filter(|resource| resource.negated);
    Statement { sid: None, resource, ..statement.clone() }
}
