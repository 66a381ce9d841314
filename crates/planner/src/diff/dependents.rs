//! What names a withheld object, or is reached through it: it must not be written, since the object is not what was meant.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::DesiredState;
use crossrole_model::state::Encryption;
use crossrole_model::{AccountId, Address, Cause, KeyRef, Kind, Subject, Withheld};
use crossrole_policy::{Arn, Document, Effect, Element, Statement};

use crate::draft::{Draft, Piece};

use super::caller;

/// What rests on something that is withheld.
#[derive(Default)]
pub(super) struct Held {
    /// Declared objects that would be written, each with what it rests on.
    pub(super) written: BTreeMap<Address, Address>,
    /// All that rest on such.
    all: BTreeMap<Address, Address>,
    /// Names of all that are withheld or rest on such.
    names: Names,
}

/// Declared objects that rest on one that is withheld.
pub(super) fn of_withheld(draft: &Draft<'_>) -> Held {
    let mut held: BTreeMap<Address, Address> = BTreeMap::new();
    let mut names = Names::default();
    for address in draft.withheld_objects().into_iter().chain(of_unread_accounts(draft)) {
        names.add(address);
    }
    for withheld in draft.withheld.iter().filter(|withheld| matches!(withheld.cause, Cause::Revoked { .. })) {
        if let Subject::Object(address) = &withheld.subject {
            names.close(address);
        }
    }
    if names.exact.is_empty() {
        return Held { written: held.clone(), all: held, names };
    }
    let mentions: Vec<(&Address, Mentions)> = draft.desired.objects.iter().map(|(address, object)| (address, Mentions::of(address, &object.state))).collect();
    // Each round adds at least one object, or ends.
    loop {
        let found: Vec<(&Address, Address)> = mentions
            .iter()
            .filter(|(address, _)| !held.contains_key(*address) && !names.holds(address))
            .filter_map(|(address, mentions)| Some((*address, names.first_of(mentions)?)))
            .collect();
        if found.is_empty() {
            break;
        }
        for (address, on) in found {
            let on = the_key(&held, on);
            names.add(address);
            held.insert(address.clone(), on);
        }
    }
    // What is as it should be is left alone, and passes on what it rests on.
    let written: BTreeSet<&Address> = draft.changes.iter().map(|c| &c.address).collect();
    let is_written = |address: &Address| written.contains(address) || draft.caller_written.contains(address);
    // Where all that a caller is let rests on something, and something else goes, each part stands for itself.
    let in_parts: BTreeSet<&Address> = draft.desired.objects.iter().filter(|object| caller::loses(draft, *object)).map(|(address, _)| address).collect();
    let alone = |address: &Address| in_parts.contains(address) && names_of_itself(&names, &mentions, address).is_none();
    let written = held.iter().filter(|(address, _)| is_written(address) && !alone(address)).map(|(address, on)| (address.clone(), on.clone())).collect();
    Held { written, all: held, names }
}

/// What is withheld of what an object names as a whole, its parts aside.
fn names_of_itself(names: &Names, mentions: &[(&Address, Mentions)], address: &Address) -> Option<Address> {
    let (_, mentions) = mentions.iter().find(|(of, _)| *of == address)?;
    mentions.exact.iter().find_map(|name| names.exact.get(name)).cloned()
}

/// By caller, and by key, that is not withheld: what of it is, or rests on what is (a resource that it is let use, a role that it may
/// assume among them, or one that may use it). The rest goes on: one account of many that can't be read keeps nobody out of the others.
pub(super) fn parts_held(draft: &Draft<'_>, held: &Held) -> BTreeMap<Address, BTreeMap<Piece, Address>> {
    let Held { written: held, all: resting, names } = held;
    if names.exact.is_empty() {
        return BTreeMap::new();
    }
    let mut found: BTreeMap<Address, BTreeMap<Piece, Address>> = BTreeMap::new();
    for (address, object) in draft.desired.objects.iter().filter(|(address, _)| !held.contains_key(*address)) {
        for (piece, mentions) in parts(&object.state) {
            if let Some(on) = names.first_of(&mentions) {
                found.entry(address.clone()).or_default().insert(piece, the_key(resting, on));
            }
        }
    }
    found
}

/// What something rests on; of a bucket that rests on its key alone, the key: of the bucket itself nothing is withheld.
fn the_key(resting: &BTreeMap<Address, Address>, on: Address) -> Address {
    let root = resting.get(&on).filter(|root| on.kind == Kind::Bucket && matches!(root.kind, Kind::Key | Kind::KeyPolicy));
    root.cloned().unwrap_or(on)
}

/// The parts of an object that stand each for itself.
fn parts(state: &DesiredState) -> Vec<(Piece, Mentions)> {
    match state {
        DesiredState::Caller { statements, .. } => statements.iter().flat_map(of_statement).collect(),
        DesiredState::KeyPolicy { grants, .. } => {
            let principals: BTreeSet<&String> = grants
                .iter()
                .filter(|g| g.statement.effect == Effect::Allow)
                .filter_map(|g| g.statement.principal.as_ref()?.entries.get("AWS"))
                .flatten()
                .collect();
            let of_principal = |arn: &String| {
                let mut mentions = Mentions::default();
                mentions.arn(arn);
                (Piece::new("", arn), mentions)
            };
            principals.into_iter().map(of_principal).collect()
        }
        DesiredState::Role { .. }
        | DesiredState::Policy(_)
        | DesiredState::User(_)
        | DesiredState::Group { .. }
        | DesiredState::Membership(_)
        | DesiredState::OidcProvider(_)
        | DesiredState::SamlProvider(_)
        | DesiredState::Bucket(_)
        | DesiredState::Key(_)
        | DesiredState::PermissionSet { .. }
        | DesiredState::BucketPolicy { .. } => Vec::new(),
    }
}

/// Each resource of a caller's statement by itself, with what the statement speaks of besides.
fn of_statement(statement: &Statement) -> Vec<(Piece, Mentions)> {
    let of_resource = |resource: Option<Element>, name: &str| {
        let one = Statement { resource, ..statement.clone() };
        let mut mentions = Mentions::default();
        mentions.document(&Document::new(vec![one.clone()]));
        mentions.resources(&one);
        (Piece::new(statement.sid(), name), mentions)
    };
    match statement.resource.as_ref().filter(|resource| !resource.negated) {
        Some(listed) => listed.values.iter().map(|value| of_resource(Some(Element::of([value.as_str()])), value)).collect(),
        None => vec![of_resource(statement.resource.clone(), "")],
    }
}

/// Objects of accounts that could not be read: said once for the account.
fn of_unread_accounts<'d>(draft: &Draft<'d>) -> Vec<&'d Address> {
    let unread = |w: &'_ Withheld| if let Subject::Account { account, .. } = &w.subject { Some(account.clone()) } else { None };
    let unread: BTreeSet<AccountId> = draft.withheld.iter().filter_map(unread).collect();
    draft.desired.objects.keys().filter(|a| crate::is_iam(a.kind) && unread.contains(&a.account)).collect()
}

/// How an object is known in documents: its account (a bucket's ARN has none), kind and name. Paths do not count, since an
/// object that is not ours may have another.
pub(super) type Name = (Option<AccountId>, Kind, String);

pub(super) fn name_of(address: &Address) -> Name {
    let account = (address.kind != Kind::Bucket).then(|| address.account.clone());
    (account, address.kind, address.name.to_ascii_lowercase())
}

/// Names of objects.
#[derive(Default)]
struct Names {
    exact: BTreeMap<Name, Address>,
    /// Whose they are.
    accounts: BTreeSet<Option<AccountId>>,
    /// Buckets and keys whose policies are withheld since somebody was revoked there: what lets people use them from their own side gives
    /// it again as much as those policies do.
    closed: BTreeMap<Name, Address>,
}

impl Names {
    fn add(&mut self, address: &Address) {
        let name = name_of(address);
        self.accounts.insert(name.0.clone());
        self.exact.insert(name, address.clone());
    }

    fn close(&mut self, address: &Address) {
        let kind = match address.kind {
            Kind::BucketPolicy => Kind::Bucket,
            Kind::KeyPolicy => Kind::Key,
            _ => return,
        };
        self.closed.insert(name_of(&Address { kind, ..address.clone() }), address.clone());
    }

    fn holds(&self, address: &Address) -> bool {
        self.exact.contains_key(&name_of(address))
    }

    fn first_of(&self, mentions: &Mentions) -> Option<Address> {
        let closed = || mentions.used.iter().find_map(|name| self.closed.get(name));
        let exact = mentions.exact.iter().find_map(|name| self.exact.get(name)).or_else(closed);
        if let (None, Some((_, first)), true) = (exact, mentions.parts.first(), mentions.parts.iter().all(|(_, part)| self.first_of(part).is_some())) {
            return self.first_of(first);
        }
        exact.or_else(|| mentions.heads.iter().find_map(|head| self.first_under(head))).cloned()
    }

    /// Names are sorted, so that what a head covers stands together in each account.
    fn first_under(&self, head: &Head) -> Option<&Address> {
        let may_be = |account: &Option<AccountId>| head.account.is_none() || account.is_none() || head.account == *account;
        self.accounts.iter().filter(|account| may_be(account)).find_map(|account| {
            let (name, address) = self.exact.range((account.clone(), head.kind, head.start.clone())..).next()?;
            (name.0 == *account && name.1 == head.kind && name.2.starts_with(&head.start)).then_some(address)
        })
    }
}

/// A pattern over names, up to its first wildcard: `arn:aws:iam::222222222222:role/app-*`.
struct Head {
    account: Option<AccountId>,
    kind: Kind,
    start: String,
}

/// What an object's desired state speaks of.
#[derive(Default)]
pub(super) struct Mentions {
    pub(super) exact: BTreeSet<Name>,
    heads: Vec<Head>,
    /// Buckets and keys that it lets somebody use from the caller's side.
    pub(super) used: BTreeSet<Name>,
    /// Where each stands for itself: the object rests on what all of them do.
    parts: Vec<(Piece, Mentions)>,
}

impl Mentions {
    fn of(address: &Address, state: &DesiredState) -> Self {
        let mut mentions = Self::default();
        let own = |kind: Kind, name: &str| name_of(&Address::new(&address.account, kind, name));
        match state {
            DesiredState::Role { state, .. } => {
                mentions.document(&state.trust);
                state.inline.values().for_each(|document| mentions.document(document));
                state.attached.iter().chain(&state.boundary).for_each(|arn| mentions.arn(arn));
            }
            DesiredState::Policy(state) => mentions.document(&state.document),
            DesiredState::Membership(state) => mentions.exact.extend([own(Kind::Group, &state.group), own(Kind::User, &state.user)]),
            DesiredState::Caller { principal, .. } => {
                mentions.exact.insert(own(principal.kind.kind(), &principal.name));
                mentions.parts = parts(state);
            }
            DesiredState::Bucket(state) => {
                if let Some(Some(logging)) = &state.logging {
                    mentions.exact.insert(own(Kind::Bucket, &logging.bucket));
                }
                // A bucket whose key lets nobody in takes no objects any more.
                if let Some(Encryption::Kms { key, .. }) = &state.encryption
                    && let Some(key) = KeyRef::parse(key)
                {
                    mentions.exact.insert((Some(key.account()), Kind::KeyPolicy, key.name().to_ascii_lowercase()));
                    mentions.arn(&key.arn);
                }
            }
            DesiredState::BucketPolicy { statements, .. } => {
                mentions.exact.insert(own(Kind::Bucket, &address.name));
                mentions.document(&Document::new(statements.clone()));
            }
            DesiredState::KeyPolicy { .. } => {
                mentions.exact.insert(own(Kind::Key, &address.name));
                mentions.parts = parts(state);
            }
            DesiredState::PermissionSet { statements, .. } => {
                mentions.document(&Document::new(statements.clone()));
                for statement in statements {
                    mentions.resources(statement);
                }
            }
            DesiredState::Key(_) | DesiredState::User(_) | DesiredState::Group { .. } | DesiredState::OidcProvider(_) | DesiredState::SamlProvider(_) => {}
        }
        mentions
    }

    pub(super) fn resources(&mut self, statement: &Statement) {
        for text in statement.resource.iter().flat_map(|resource| &resource.values) {
            let name = match (KeyRef::parse(text), Arn::parse(text).filter(|arn| arn.service == "s3")) {
                (Some(key), _) => name_of(&Address::new(&key.account(), Kind::Key, key.name())),
                (None, Some(arn)) => (None, Kind::Bucket, arn.resource.split('/').next().unwrap_or_default().to_ascii_lowercase()),
                (None, None) => continue,
            };
            self.used.insert(name);
        }
    }

    fn document(&mut self, document: &Document) {
        for statement in &document.statements {
            let principals = statement.principal.iter().flat_map(|p| p.entries.values().flatten());
            let resources = statement.resource.iter().flat_map(|r| &r.values);
            let values = statement.conditions.values().flat_map(|keys| keys.values().flatten());
            principals.chain(resources).chain(values).for_each(|text| self.arn(text));
        }
    }

    pub(super) fn arn(&mut self, text: &str) {
        if let Some(key) = KeyRef::parse(text).filter(|key| key.alias().is_some()) {
            self.exact.insert((Some(key.account()), Kind::Key, key.name().to_ascii_lowercase()));
            return;
        }
        let Some(arn) = Arn::parse(text) else { return };
        let account = AccountId::parse(arn.account);
        let (kind, name) = match (arn.service, arn.kind_and_name()) {
            ("s3", _) => (Kind::Bucket, arn.resource.split('/').next().unwrap_or_default()),
            ("iam", Some(("role", name))) => (Kind::Role, name),
            ("iam", Some(("user", name))) => (Kind::User, name),
            ("iam", Some(("policy", name))) => (Kind::Policy, name),
            ("iam", _) => match arn.resource.split_once('/') {
                Some(("oidc-provider", host)) => (Kind::OidcProvider, host),
                Some(("saml-provider", name)) => (Kind::SamlProvider, name),
                _ => return,
            },
            _ => return,
        };
        let name = name.to_ascii_lowercase();
        match name.find(['*', '?', '$']) {
            // A lone star speaks of nothing in particular.
            Some(0) if kind == Kind::Bucket => {}
            Some(end) => self.heads.push(Head { account, kind, start: name.get(..end).unwrap_or_default().to_owned() }),
            None => drop(self.exact.insert((account.filter(|_| kind != Kind::Bucket), kind, name))),
        }
    }
}
