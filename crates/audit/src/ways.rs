//! Ways in: whom the policies of roles, buckets and keys let in from outside, whom ACLs and grants do, and under which conditions.
//!
//! Each resource is put to the access delta by itself, between nobody and it: what anybody gains there is a way. Policies that say the
//! same are asked once: most roles of an account trust alike.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::estate::{Guarded, Placed};
use crossrole_access::{Estate, delta};
use crossrole_model::access::{About, AccessChange, AccessDelta, Part, Party, Undecided, Why};
use crossrole_model::audit::{By, Callers, NotKnown, Object, Origin, WayIn};
use crossrole_model::{AccountId, Observation};
use crossrole_policy::{Arn, Document};

use crate::beside::{AclOf, accounts, of_grants};
use crate::certain::organizations;
use crate::look::{always, still_lets};
use crate::{Asked, standing};

/// Roles that only AWS makes and changes, for one of its services (IAM User Guide, "Using service-linked roles").
const SERVICE_LINKED: &str = ":role/aws-service-role/";

/// Every way in, sorted, and what is not decided.
pub(crate) fn ways(asked: &Asked<'_>, estate: &Estate) -> (Vec<WayIn>, Vec<NotKnown>) {
    let mut search =
        Search { asked, estate, one: estate.of_nobody(), nobody: estate.of_nobody(), known: BTreeMap::new(), ways: Vec::new(), undecided: Vec::new() };
    for (arn, guarded) in &estate.roles {
        if arn.contains(SERVICE_LINKED) {
            continue;
        }
        let Some(policy) = &guarded.policy else { continue };
        search.role(arn, &guarded.account, &policy.document);
    }
    for (name, guarded) in &estate.buckets {
        let (Some(policy), Some(account)) = (&guarded.policy, AccountId::parse(&guarded.account)) else { continue };
        search.one.buckets.insert(name.clone(), guarded.clone());
        let found = delta(&search.nobody, &search.one);
        search.one.buckets.clear();
        search.found((&Object::Bucket { account, name: name.clone() }, By::Policy), &guarded.account, &policy.document, found);
    }
    for (arn, guarded) in &estate.keys {
        let Some(policy) = guarded.policy.as_ref().filter(|_| is_usable(asked, arn)) else { continue };
        search.one.keys.insert(arn.clone(), guarded.clone());
        let found = delta(&search.nobody, &search.one);
        search.one.keys.clear();
        search.found((&Object::Key { arn: arn.clone() }, By::Policy), &guarded.account, &policy.document, found);
    }
    search.acls();
    search.grants();
    let Search { mut ways, undecided, .. } = search;
    ways.sort();
    (ways, undecided)
}

/// A key that is to be deleted lets nobody in, nor does one of AWS's own.
fn is_usable(asked: &Asked<'_>, arn: &str) -> bool {
    let key = asked.audited.observed.keys.get(arn);
    matches!(key, Some(Observation::Known(Some(key))) if key.state != crossrole_model::observed::KeyState::PendingDeletion && key.customer)
}

struct Search<'a> {
    asked: &'a Asked<'a>,
    estate: &'a Estate,
    /// Nobody, and one resource at a time.
    one: Estate,
    nobody: Estate,
    /// What trust policies let, by account and meaning, with the role that was asked about.
    known: BTreeMap<(String, Vec<u8>), (String, AccessDelta)>,
    ways: Vec<WayIn>,
    undecided: Vec<NotKnown>,
}

impl Search<'_> {
    fn role(&mut self, arn: &str, account: &str, trust: &Document) {
        let object = Object::Role { arn: arn.to_owned() };
        // Control policies may name roles, so that what two of them let is not the same for saying the same.
        let shared = self.one.service_control.is_empty() && self.one.resource_control.is_empty();
        let meaning = (account.to_owned(), trust.canonical().encode());
        if let Some((of, found)) = self.known.get(&meaning).filter(|_| shared) {
            let found = renamed(found, of, arn);
            return self.found((&object, By::Policy), account, trust, found);
        }
        if let Some(guarded) = self.estate.roles.get(arn) {
            self.one.roles.insert(arn.to_owned(), guarded.clone());
        }
        let found = delta(&self.nobody, &self.one);
        self.one.roles.clear();
        if shared {
            self.known.insert(meaning, (arn.to_owned(), found.clone()));
        }
        self.found((&object, By::Policy), account, trust, found);
    }

    /// Whom ACLs of buckets let in.
    fn acls(&mut self) {
        let facts = &self.asked.audited.facts;
        let accounts = accounts(self.asked.audited);
        for (account, facts) in facts {
            let whole = facts.block.known().copied().flatten().is_some_and(|block| block.ignore_acls);
            for (name, bucket) in &facts.buckets {
                let ignores_public = whole || bucket.block.known().is_some_and(|block| block.ignore_acls);
                let acl = AclOf { bucket: name, partition: self.asked.desired.partition, accounts: &accounts, owner: account.as_str(), ignores_public };
                let policy = self.estate.buckets.get(name).and_then(|guarded| guarded.policy.as_ref());
                let granted = bucket.acl.known().and_then(|grants| acl.document(grants, policy.map(|policy| &policy.document)));
                let Some(document) = granted else { continue };
                let policy = Some(Placed::new(document.clone(), format!("the ACL of bucket {name}")));
                let guarded = Guarded { account: account.to_string(), policy, restrict_public: false };
                self.one.buckets.insert(name.clone(), guarded);
                let found = delta(&self.nobody, &self.one);
                self.one.buckets.clear();
                self.found((&Object::Bucket { account: account.clone(), name: name.clone() }, By::Acl), account.as_str(), &document, found);
            }
        }
    }

    /// Whom grants of keys let in.
    fn grants(&mut self) {
        for (account, facts) in &self.asked.audited.facts {
            for (arn, grants) in facts.grants.iter().filter(|(arn, _)| is_usable(self.asked, arn)) {
                let policy = self.estate.keys.get(arn).and_then(|guarded| guarded.policy.as_ref());
                let Some(document) = grants.known().and_then(|grants| of_grants(grants, policy.map(|policy| &policy.document))) else { continue };
                let policy = Some(Placed::of_key(document.clone(), format!("grants of key {arn}")));
                let guarded = Guarded { account: account.to_string(), policy, restrict_public: false };
                self.one.keys.insert(arn.clone(), guarded);
                let found = delta(&self.nobody, &self.one);
                self.one.keys.clear();
                self.found((&Object::Key { arn: arn.clone() }, By::Grant), account.as_str(), &document, found);
            }
        }
    }

    /// Sorts out what is from outside.
    fn found(&mut self, (object, by): (&Object, By), owner: &str, document: &Document, found: AccessDelta) {
        // What AWS shows as a unique id is of somebody who was deleted: a finding of its own, and nobody who comes in.
        for Undecided { party, about, why } in found.undecided.into_iter().filter(|one| one.why != Why::UnknownId) {
            if is_outside(&party, owner) {
                self.undecided.push(NotKnown::Undecided { party, about, object: object.clone(), why });
            }
        }
        for mut access in found.changes {
            if !is_outside(&access.party, owner) || !self.exists(&access.party) {
                continue;
            }
            if !still_lets(&mut access.when, self.asked.now) {
                continue;
            }
            let standing = standing::of(self.asked, object, document, &access.party);
            self.ways.push(WayIn { to: object.clone(), origin: origin(&access), by, access, callers: Callers::NotRead, standing });
        }
    }

    /// A provider that an account has not got gives nobody a token for it. Those without an ARN every account knows.
    fn exists(&self, party: &Party) -> bool {
        let Party::Tokens { provider } = party else { return true };
        let Some(account) = Arn::parse(provider).and_then(|arn| AccountId::parse(arn.account)) else { return true };
        let known = self.asked.audited.facts.get(&account).is_some_and(|facts| facts.providers.is_none());
        !known || self.estate.providers.contains_key(provider)
    }
}

/// Tells whether somebody is not of the account that owns a resource.
fn is_outside(party: &Party, owner: &str) -> bool {
    match party {
        Party::AnyOf { .. } | Party::Role { .. } | Party::User { .. } | Party::Named { .. } | Party::Members { .. } => party.account() != Some(owner),
        Party::AnyOther { .. } | Party::AnyService | Party::Unsigned | Party::OfKind { .. } | Party::Service { .. } | Party::Tokens { .. } => true,
    }
}

fn origin(access: &AccessChange) -> Origin {
    match &access.party {
        Party::Service { name } => Origin::Service { service: name.clone() },
        Party::AnyService => Origin::Service { service: "*".to_owned() },
        Party::Tokens { provider } => Origin::Federation { provider: provider.clone() },
        Party::AnyOther { .. } if always(&access.when, |clauses| organizations(clauses).is_some()) => {
            let all: BTreeSet<&str> = access.when.iter().filter_map(|clauses| organizations(clauses)).flatten().collect();
            Origin::Organization { organization: all.into_iter().collect::<Vec<_>>().join(", ") }
        }
        Party::AnyOther { .. } | Party::Unsigned | Party::OfKind { .. } => Origin::Anyone,
        party => party.account().map_or(Origin::Anyone, |account| Origin::Account { account: account.to_owned() }),
    }
}

/// The same, of another role.
fn renamed(found: &AccessDelta, from: &str, to: &str) -> AccessDelta {
    let part = |part: &mut Part| {
        if part.pattern == from {
            to.clone_into(&mut part.pattern);
        }
    };
    let mut found = found.clone();
    for change in &mut found.changes {
        change.resources.iter_mut().for_each(part);
        if change.witness.resource == from {
            to.clone_into(&mut change.witness.resource);
        }
    }
    for one in &mut found.undecided {
        if let About::Role(arn) | About::Resource(arn) = &mut one.about
            && arn == from
        {
            to.clone_into(arn);
        }
    }
    found
}
