//! The caller side: what manifests let principals do, in documents that belong to all manifests.
//!
//! A principal holds one [caller policy](ownership::caller_policy), however many manifests speak of it, and further parts
//! where one is full. What a manifest says of a principal stands together in one part, and stays in it while there is room.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::DesiredState;
use crossrole_model::key;
use crossrole_model::limits::Quota;
use crossrole_model::observed::{AccountState, ObservedPolicy};
use crossrole_model::state::{AttachmentState, PolicyState};
use crossrole_model::{
    AccountId, Action, Address, Call, Cause, Change, DesiredObject, Facet, IamCall, Kind, ObjectState, Part as Named, PrincipalRef, Reason, Subject,
    Unreadable, Withheld, ownership,
};
use crossrole_policy::{Arn, Document, Share, Statement};

use crate::draft::{Draft, Stage};

use super::pack::{Wish, place};
use super::policy::{attached_to, delete_stages};
use super::{missing as lacking, read_accounts};

/// What the run says of one principal.
#[derive(Default)]
struct Wanted<'a> {
    principal: Option<&'a PrincipalRef>,
    /// Statements by manifest.
    by_owner: BTreeMap<&'a str, (&'a Address, &'a [Statement])>,
    /// Manifests whose statements are left as they are: something that they rest on is withheld.
    left: BTreeSet<&'a str>,
}

/// One part of a principal's caller policy.
pub(crate) struct Part<'a> {
    account: &'a AccountId,
    name: String,
    principal: Option<PrincipalRef>,
    found: Option<&'a ObservedPolicy>,
    share: Share,
    /// A manifest of the run that speaks, or spoke, in it.
    manifest: String,
}

impl Part<'_> {
    fn arn(&self, draft: &Draft<'_>) -> String {
        let made = || draft.desired.partition.iam_arn(self.account, "policy", ownership::CALLER_PATH, &self.name);
        self.found.map_or_else(made, |found| found.arn.clone())
    }

    /// Tells whether anything of it is left, ours or others'.
    fn stays(&self) -> bool {
        let foreign = self.found.is_some_and(|found| found.state.document.statements.iter().any(|s| !self.share.is_ours(s)));
        foreign || !self.share.statements.is_empty()
    }

    fn is_as_wanted(&self) -> bool {
        match self.found {
            Some(found) => self.share.is_in(Some(&found.state.document)),
            None => self.share.statements.is_empty(),
        }
    }
}

/// Every caller policy that is there or is wanted, with our part of it. `held`: declared objects that rest on a withheld one.
pub(super) fn parts<'a>(draft: &mut Draft<'a>, held: &BTreeMap<Address, Cause>, missing: &BTreeSet<Address>) -> Vec<Part<'a>> {
    let mut wanted = wanted(draft, held, missing);
    let mut parts = Vec::new();
    let mut unlisted: BTreeSet<AccountId> = BTreeSet::new();
    for (account, state) in read_accounts(draft) {
        unlisted.extend(elsewhere(draft, state));
        let mut live: BTreeMap<String, BTreeMap<usize, &ObservedPolicy>> = BTreeMap::new();
        for policy in state.policies.values().filter(|p| p.state.path == ownership::CALLER_PATH) {
            if let Some((part, key)) = ownership::caller_part(&policy.name) {
                live.entry(key.to_ascii_lowercase()).or_default().insert(part, policy);
            }
        }
        let keys: BTreeSet<String> = live.keys().cloned().chain(wanted.keys().filter(|(a, _)| *a == account).map(|(_, key)| key.clone())).collect();
        for key in keys {
            let live = live.remove(&key).unwrap_or_default();
            let wanted = wanted.remove(&(account, key)).unwrap_or_default();
            parts.extend(of_principal(draft, account, state, &live, &wanted));
        }
    }
    // What was made there is not found any more, and that is said.
    for account in unlisted {
        let subject = Subject::Account { account, label: "not listed".to_owned() };
        draft.withheld.push(Withheld { subject, cause: Cause::Unlisted, blocks: false });
    }
    parts
}

/// Accounts that nobody names, whose roles our statements let somebody assume.
fn elsewhere(draft: &Draft<'_>, state: &AccountState) -> BTreeSet<AccountId> {
    let policies = state.policies.values().filter(|p| p.state.path == ownership::CALLER_PATH).flat_map(|p| &p.state.document.statements);
    let ours = policies.filter(|s| ownership::sid_head(s.sid()).is_some_and(|head| draft.sids.contains_key(head)));
    let resources = ours.filter(|s| s.action.values.iter().any(|a| a == "sts:AssumeRole")).flat_map(|s| s.resource.iter().flat_map(|r| &r.values));
    let accounts = resources.filter_map(|arn| AccountId::parse(Arn::parse(arn)?.account));
    accounts.filter(|account| !draft.desired.accounts.contains_key(account)).collect()
}

/// What is said of each principal of an account that was read, and what of it is left alone for now.
fn wanted<'a>(draft: &mut Draft<'a>, held: &BTreeMap<Address, Cause>, missing: &BTreeSet<Address>) -> BTreeMap<(&'a AccountId, String), Wanted<'a>> {
    let mut all: BTreeMap<(&AccountId, String), Wanted<'_>> = BTreeMap::new();
    let desired = draft.desired;
    for (address, object) in &desired.objects {
        let DesiredState::Caller { principal, statements } = &object.state else { continue };
        if draft.observed.accounts.get(&address.account).is_none_or(|o| o.known().is_none()) {
            // Said once for the whole account.
            continue;
        }
        let cause = if let Some(cause) = held.get(address).or_else(|| part_of(held, &address.account, principal)) {
            Some(cause.clone())
        } else if let Some(why) = unreadable(draft, address, principal) {
            Some(Cause::Unreadable(why))
        } else if let Some(arn) = taken(draft, &address.account, principal) {
            Some(Cause::NameTaken(arn))
        } else {
            lacking::names(&object.state, &address.account, missing).map(|gone| Cause::Missing(gone.clone()))
        };
        let entry = all.entry((&address.account, ownership::caller_key(principal).to_ascii_lowercase())).or_default();
        entry.principal = Some(principal);
        match cause {
            None => {
                entry.by_owner.insert(&object.owner, (address, statements));
            }
            Some(cause) => {
                entry.left.insert(&object.owner);
                draft.withhold(address, cause);
            }
        }
    }
    all
}

/// Why a part of the principal's caller policy, or its attachment, does not fit.
fn part_of<'h>(held: &'h BTreeMap<Address, Cause>, account: &AccountId, principal: &PrincipalRef) -> Option<&'h Cause> {
    let names = |address: &Address| match address.kind {
        Kind::Policy => is_of(&address.name, principal),
        Kind::Attachment => address.name.rsplit('/').next().is_some_and(|name| is_of(name, principal)),
        _ => false,
    };
    held.iter().find(|(address, _)| address.account == *account && names(address)).map(|(_, cause)| cause)
}

/// Names of policies are unique whatever their path: this one has the name of the principal's caller policy.
fn taken(draft: &Draft<'_>, account: &AccountId, principal: &PrincipalRef) -> Option<String> {
    let state = draft.observed.accounts.get(account)?.known()?;
    let found = state.policies.get(&ownership::caller_policy(principal, 1).to_ascii_lowercase())?;
    (found.state.path != ownership::CALLER_PATH).then(|| found.arn.clone())
}

/// Why it is not known what the principal is let do.
pub(super) fn unreadable(draft: &Draft<'_>, address: &Address, principal: &PrincipalRef) -> Option<Unreadable> {
    let policy = Address::new(&address.account, Kind::Policy, ownership::caller_policy(principal, 1));
    [address, &policy].into_iter().find_map(|address| draft.observed.state(address).err())
}

fn of_principal<'a>(
    draft: &mut Draft<'a>,
    account: &'a AccountId,
    state: &AccountState,
    live: &BTreeMap<usize, &'a ObservedPolicy>,
    wanted: &Wanted<'a>,
) -> Vec<Part<'a>> {
    let prefixes: BTreeSet<String> = draft.sids.iter().filter(|(_, manifest)| !wanted.left.contains(*manifest)).map(|(head, _)| head.clone()).collect();
    let named: BTreeMap<usize, _> = live.iter().map(|(part, policy)| (*part, draft.under_their_names(&policy.state.document))).collect();
    let documents: BTreeMap<usize, &Document> = named.iter().map(|(part, document)| (*part, document.as_ref())).collect();
    let wish = |(owner, (address, statements)): (&&'a str, &(&Address, &'a [Statement]))| {
        Wish::new(owner, statements, draft.parts_held.get(*address).map(|pieces| pieces.keys().cloned().collect()).unwrap_or_default())
    };
    let wishes: Vec<Wish<'_>> = wanted.by_owner.iter().map(wish).collect();
    let placed = place(&documents, &wishes, &prefixes);
    // What is let already stays, and that is nothing to say.
    for (wish, (address, _)) in wishes.iter().zip(wanted.by_owner.values()) {
        let (there, left) = (wish.there(&documents), wish.left(&documents));
        let parts = draft.parts_held.get(*address).into_iter().flatten();
        let on: BTreeSet<Address> = parts.filter(|(piece, _)| !there.contains(*piece) || left.contains(*piece)).map(|(_, on)| on.clone()).collect();
        for on in on {
            draft.withheld.push(Withheld { subject: Subject::Part((*address).clone()), cause: Cause::Withheld(on), blocks: true });
        }
    }
    let mut parts = Vec::new();
    for part in live.keys().chain(placed.keys()).copied().collect::<BTreeSet<usize>>() {
        let found = live.get(&part).copied();
        let (statements, speaks) = placed.get(&part).cloned().unwrap_or_default();
        let share = Share { prefixes: prefixes.clone(), statements };
        let spoke = || {
            let ours = found.into_iter().flat_map(|f| &f.state.document.statements);
            let mut owners = ours.filter_map(|s| draft.sids.get(ownership::sid_head(s.sid())?));
            owners.next().map(|owner| (*owner).to_owned())
        };
        // What no manifest of the run speaks in is not looked at.
        let Some(manifest) = speaks.map(str::to_owned).or_else(spoke) else { continue };
        let holder = || found.and_then(|f| attached_to(state, &f.arn).into_iter().find(|p| is_of(&f.name, p)));
        let principal = wanted.principal.cloned().or_else(holder);
        let named = || wanted.principal.map(|p| ownership::caller_policy(p, part)).unwrap_or_default();
        let name = found.map_or_else(named, |f| f.name.clone());
        parts.push(Part { account, name, principal, found, share, manifest });
    }
    if !parts.iter().all(Part::is_as_wanted) {
        draft.caller_written.extend(wanted.by_owner.values().map(|(address, _)| (*address).clone()));
    }
    parts
}

/// Tells whether a principal is let something by the object's manifest that is not wanted any more.
pub(super) fn loses(draft: &Draft<'_>, (address, object): (&Address, &DesiredObject)) -> bool {
    let DesiredState::Caller { principal, statements } = &object.state else { return false };
    let Some(state) = draft.observed.accounts.get(&address.account).and_then(|o| o.known()) else { return false };
    let prefix = ownership::sid_prefix(&object.owner);
    let policies = state.policies.values().filter(|p| p.state.path == ownership::CALLER_PATH && is_of(&p.name, principal));
    let live = policies.flat_map(|policy| &policy.state.document.statements).filter(|s| s.sid().starts_with(&prefix));
    let resources = |statement: &Statement| {
        statement.resource.iter().flat_map(|r| r.values.iter().map(|value| (statement.sid().to_owned(), value.clone()))).collect::<Vec<_>>()
    };
    let wanted: BTreeSet<(String, String)> = statements.iter().flat_map(resources).collect();
    live.flat_map(resources).any(|piece| !wanted.contains(&piece))
}

/// Tells whether a caller policy of this name is the principal's own.
pub(crate) fn is_of(name: &str, principal: &PrincipalRef) -> bool {
    ownership::caller_part(name).is_some_and(|(_, key)| key.eq_ignore_ascii_case(&ownership::caller_key(principal)))
}

/// Notes what a role that is declared whole holds of it: it is attached, and detached, with the role's other policies.
pub(super) fn note_roles(draft: &mut Draft<'_>, parts: &[Part<'_>]) {
    for part in parts {
        let Some(principal) = &part.principal else { continue };
        let role = Address::new(part.account, principal.kind.kind(), &principal.name);
        if principal.kind.kind() != Kind::Role || !draft.declares(&role) {
            continue;
        }
        let arn = part.arn(draft);
        let held = draft.caller_held.entry((part.account.clone(), principal.name.to_ascii_lowercase())).or_default();
        if part.stays() {
            held.hold.insert(arn)
        } else {
            held.lose.insert(arn)
        };
    }
}

/// Plans what differs.
pub(super) fn diff(draft: &mut Draft<'_>, parts: Vec<Part<'_>>) {
    for part in parts {
        if !part.is_as_wanted() && !write(draft, &part) {
            continue;
        }
        if let Some(principal) = part.principal.clone()
            && !part.share.statements.is_empty()
        {
            attach(draft, &part, principal);
        }
    }
}

/// Plans our part of the document; `false` where it can't be put in.
fn write(draft: &mut Draft<'_>, part: &Part<'_>) -> bool {
    let address = Address::new(part.account, Kind::Policy, &part.name);
    let before = part.found.map(|f| &f.state.document);
    let after = match draft.merged(&part.share, before) {
        Ok(merged) => merged.document,
        Err(why) => {
            draft.withhold(&address, Cause::Unmergeable(why));
            return false;
        }
    };
    if let Some(after) = &after
        && let Some(over) = draft.meter(part.account, || address.short(), Quota::ManagedPolicy, key::size(after))
    {
        draft.withhold(&address, over);
        return false;
    }
    let arn = part.arn(draft);
    let ours = part.share.part(before);
    let reason = match (ours.statements.is_empty(), part.share.statements.is_empty()) {
        (true, _) => Reason::Missing,
        (false, true) => draft.deletion_reason(),
        (false, false) => Reason::Differs(Named::Statements),
    };
    let state = |document: Document| {
        ObjectState::Policy(PolicyState { path: ownership::CALLER_PATH.to_owned(), description: String::new(), document, tags: BTreeMap::new() })
    };
    let mut change = Change {
        address,
        action: Action::Update,
        before: part.found.map(|f| ObjectState::Policy(f.state.clone())),
        after: after.clone().map(state),
        reasons: vec![reason],
        consequences: Vec::new(),
        manifest: part.manifest.clone(),
    };
    match (after, part.found) {
        (Some(document), Some(_)) => draft.change_shared(change, IamCall::CreatePolicyVersion { arn, document }.into(), part.share.clone()),
        (Some(document), None) => {
            change.action = Action::Create;
            let call = IamCall::CreatePolicy {
                name: part.name.clone(),
                path: ownership::CALLER_PATH.to_owned(),
                description: String::new(),
                document,
                tags: BTreeMap::new(),
            };
            draft.change_shared(change, call.into(), part.share.clone());
        }
        (None, Some(found)) => {
            change.action = Action::Delete;
            let Some(state) = draft.observed.accounts.get(part.account).and_then(|o| o.known()) else { return false };
            let (stages, consequences) = delete_stages(state, found);
            change.consequences = consequences;
            draft.change_shared_in_stages(change, stages, &part.share);
        }
        (None, None) => {}
    }
    true
}

fn attach(draft: &mut Draft<'_>, part: &Part<'_>, principal: PrincipalRef) {
    let role = Address::new(part.account, principal.kind.kind(), &principal.name);
    let address = Address::new(part.account, Kind::Attachment, format!("{}/{}/{}", principal.kind.as_str(), principal.name, part.name));
    let whole = principal.kind.kind() == Kind::Role && draft.declares(&role);
    if whole || draft.observed.state(&address) != Ok(None) {
        return;
    }
    let policy_arn = part.arn(draft);
    let change = Change {
        address,
        action: Action::Create,
        before: None,
        after: Some(ObjectState::Attachment(AttachmentState { principal: principal.clone(), policy_arn: policy_arn.clone() })),
        reasons: vec![Reason::Missing],
        consequences: Vec::new(),
        manifest: part.manifest.clone(),
    };
    let stage: Stage = vec![(Call::Iam(IamCall::AttachPolicy { principal, arn: policy_arn }), Facet::Existence)];
    draft.change(change, vec![stage]);
}

/// A caller policy lets its holder assume roles: whoever holds one with statements of ours and is not whom it is made for,
/// loses it.
pub(super) fn prune(draft: &mut Draft<'_>) {
    let going: BTreeSet<Address> = draft.changes.iter().filter(|c| c.action == Action::Delete).map(|c| c.address.clone()).collect();
    for (id, account) in read_accounts(draft) {
        for policy in account.policies.values().filter(|p| p.state.path == ownership::CALLER_PATH) {
            if going.contains(&Address::new(id, Kind::Policy, &policy.name)) {
                continue;
            }
            let owner = policy.state.document.statements.iter().find_map(|s| draft.sids.get(ownership::sid_head(s.sid())?));
            let Some(owner) = owner.map(|owner| (*owner).to_owned()) else { continue };
            for principal in attached_to(account, &policy.arn).into_iter().filter(|p| !is_of(&policy.name, p)) {
                // A declared role is compared whole where it stands.
                if principal.kind.kind() == Kind::Role && draft.declares(&Address::new(id, Kind::Role, &principal.name)) {
                    continue;
                }
                let address = Address::new(id, Kind::Attachment, format!("{}/{}/{}", principal.kind.as_str(), principal.name, policy.name));
                let change = Change {
                    address,
                    action: Action::Delete,
                    before: Some(ObjectState::Attachment(AttachmentState { principal: principal.clone(), policy_arn: policy.arn.clone() })),
                    after: None,
                    reasons: vec![draft.deletion_reason()],
                    consequences: Vec::new(),
                    manifest: owner.clone(),
                };
                draft.change(change, vec![vec![(Call::Iam(IamCall::DetachPolicy { principal, arn: policy.arn.clone() }), Facet::Existence)]]);
            }
        }
    }
}
