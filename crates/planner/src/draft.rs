//! A plan being written: changes with their steps in stages, before the edges between changes are drawn.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::limits::Quota;
use crossrole_model::plan::Meter;
use crossrole_model::{
    AccountId, Action, Address, Call, Cause, Change, Desired, Digest, Facet, Kind, ObjectState, Observed, PermissionSet, Plan, Reason, Step, StepId, Subject,
    Unreadable, Withheld, limits, ownership,
};
use crossrole_policy::{Document, Merged, Share, Statement, Unmergeable};

use crate::Options;
use crate::diff::{Relied, elsewhere};

/// Calls of one change that may run at the same time; a later stage needs the whole earlier one.
pub(crate) type Stage = Vec<(Call, Facet)>;

/// ARNs of caller policies that a role holds, and that it loses.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) hold: BTreeSet<String>,
    pub(crate) lose: BTreeSet<String>,
}

pub(crate) struct Draft<'a> {
    pub(crate) desired: &'a Desired,
    pub(crate) observed: &'a Observed,
    pub(crate) destroy: bool,
    /// What the manifests declare where all of it is taken back, and nothing is wanted.
    pub(crate) taken_back: Option<&'a Desired>,
    /// What is not ours, and what rests on something withheld, is compared all the same.
    pub(crate) look_through: bool,
    /// Aliases of keys that were told to go.
    pub(crate) destroy_keys: &'a BTreeSet<String>,
    /// What AWS calls keys that manifests make, by the ARNs with their aliases.
    pub(crate) made_keys: BTreeMap<String, String>,
    pub(crate) changes: Vec<Change>,
    pub(crate) steps: Vec<Step>,
    pub(crate) withheld: Vec<Withheld>,
    meters: Vec<Meter>,
    /// Keys whose policies leave our grants to the policies of their accounts.
    pub(crate) left_to_iam: BTreeSet<Address>,
    /// Declared callers whose statements are not all there.
    pub(crate) caller_written: BTreeSet<Address>,
    /// Caller policies of roles, by account and name in lower case.
    pub(crate) caller_held: BTreeMap<(AccountId, String), Held>,
    /// By caller and by key: what of it is withheld, each with what that rests on.
    pub(crate) parts_held: BTreeMap<Address, BTreeMap<Piece, Address>>,
    /// Accounts whose own quotas would tell more, and why they were not read.
    unsure: BTreeMap<AccountId, Unreadable>,
    /// Permission sets that manifests name, where these are written by hand.
    pub(crate) sets_by_hand: Vec<PermissionSet>,
    /// Every name that manifests of this run have, or had, with the manifest: what bears one of them is ours.
    pub(crate) owners: BTreeMap<&'a str, &'a str>,
    /// The same by how the Sids of their statements begin.
    pub(crate) sids: BTreeMap<String, &'a str>,
    /// What declared objects rely on.
    pub(crate) relied: Relied,
    /// ARNs of what manifests that are not of this run rely on.
    pub(crate) used: BTreeSet<String>,
    /// Every declared object of IAM, by its name in lower case.
    declared: BTreeSet<(&'a AccountId, Kind, String)>,
}

/// A part of what a caller is let, or of a key's policy, that stands for itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Piece {
    /// Of a caller: the Sid of its statement.
    pub(crate) sid: String,
    /// The resource, if the statement lists any; of a key the principal.
    pub(crate) of: String,
}

impl Piece {
    pub(crate) fn new(sid: &str, of: &str) -> Self {
        Self { sid: sid.to_owned(), of: of.to_owned() }
    }
}

impl<'a> Draft<'a> {
    pub(crate) fn new(desired: &'a Desired, observed: &'a Observed, options: &'a Options) -> Self {
        let declared = desired.objects.keys().map(|a| (&a.account, a.kind, a.name.to_ascii_lowercase())).collect();
        let (owners, sids) = (ownership::marks(&desired.manifests), ownership::sid_marks(&desired.manifests));
        Self {
            desired,
            observed,
            destroy: options.destroy,
            taken_back: None,
            look_through: options.look_through,
            destroy_keys: &options.destroy_keys,
            made_keys: observed.made_keys(),
            changes: Vec::new(),
            steps: Vec::new(),
            withheld: Vec::new(),
            meters: Vec::new(),
            left_to_iam: BTreeSet::new(),
            caller_written: BTreeSet::new(),
            caller_held: BTreeMap::new(),
            parts_held: BTreeMap::new(),
            unsure: BTreeMap::new(),
            sets_by_hand: Vec::new(),
            used: elsewhere(observed, &owners, &sids),
            owners,
            sids,
            relied: Relied::of(desired),
            declared,
        }
    }

    /// Tells whether a live object of IAM is declared, in whatever spelling: IAM takes names that differ only in case for one.
    pub(crate) fn declares(&self, address: &Address) -> bool {
        self.declared.contains(&(&address.account, address.kind, address.name.to_ascii_lowercase()))
    }

    /// Tells whether no manifest is of an account any more: whatever one has left there goes.
    pub(crate) fn is_left(&self, account: &AccountId) -> bool {
        self.desired.accounts.get(account).is_some_and(|info| info.left)
    }

    /// Tells whether manifests speak of an object: it is declared, or would be if not all of it were taken back.
    pub(crate) fn is_spoken_of(&self, address: &Address) -> bool {
        self.desired.objects.contains_key(address) || self.taken_back.is_some_and(|desired| desired.objects.contains_key(address))
    }

    /// Adds a change and its steps.
    pub(crate) fn change(&mut self, change: Change, stages: Vec<Stage>) {
        let index = self.changes.len();
        let digest = |state: &Option<ObjectState>, facet: &Facet| state.as_ref().map_or_else(Digest::absent, |s| s.facet(facet));
        let mut earlier: Vec<StepId> = Vec::new();
        for stage in stages.into_iter().filter(|s| !s.is_empty()) {
            let mut ids = Vec::new();
            for (call, facet) in stage {
                ids.push(StepId(self.steps.len()));
                // A replacement finds nothing but what it has just made.
                let fresh = change.action == Action::Replace && !call.removes();
                let before = if fresh { Digest::absent() } else { digest(&change.before, &facet) };
                let after = if change.action == Action::Replace && call.removes() { Digest::absent() } else { digest(&change.after, &facet) };
                let account = change.address.account.clone();
                self.steps.push(Step { change: index, account, call, needs: earlier.clone(), facet, before, after, awaits: BTreeSet::new(), share: None });
            }
            earlier = ids;
        }
        self.changes.push(change);
    }

    /// Adds a change of our part of a document that belongs to many, which is one step.
    pub(crate) fn change_shared(&mut self, change: Change, call: Call, share: Share) {
        let facet = Facet::Statements(share.prefixes.clone());
        self.change(change, vec![vec![(call, facet)]]);
        if let Some(step) = self.steps.last_mut() {
            step.share = Some(share);
        }
    }

    /// Adds a change of our part of a document that belongs to many, and what has to follow the writing of it.
    pub(crate) fn change_with_share(&mut self, change: Change, stages: Vec<Stage>, share: &Share) {
        let first = self.steps.len();
        self.change(change, stages);
        for step in self.steps.iter_mut().skip(first).filter(|step| matches!(step.facet, Facet::Statements(_))) {
            step.share = Some(share.clone());
        }
    }

    /// Adds the end of a document that belongs to many: each step takes something away only while nobody else is in it.
    pub(crate) fn change_shared_in_stages(&mut self, change: Change, stages: Vec<Stage>, share: &Share) {
        let facet = Facet::Statements(share.prefixes.clone());
        let first = self.steps.len();
        self.change(change, stages.into_iter().map(|stage| stage.into_iter().map(|(call, _)| (call, facet.clone())).collect()).collect());
        for step in self.steps.iter_mut().skip(first) {
            step.share = Some(share.clone());
        }
    }

    /// A statement of ours by the name that its manifest has now.
    pub(crate) fn under_its_name(&self, statement: &Statement) -> Statement {
        let sid = statement.sid();
        let named = ownership::sid_head(sid).and_then(|head| Some(format!("{}{}", ownership::sid_prefix(self.sids.get(head)?), sid.strip_prefix(head)?)));
        Statement { sid: named.or_else(|| statement.sid.clone()), ..statement.clone() }
    }

    /// A live document with ours by the names that manifests have now: what of it is wanted is told by its Sids.
    pub(crate) fn under_their_names<'d>(&self, document: &'d Document) -> Cow<'d, Document> {
        if self.desired.manifests.iter().all(|manifest| manifest.renamed_from.is_empty()) {
            return Cow::Borrowed(document);
        }
        let statements = document.statements.iter().map(|statement| self.under_its_name(statement)).collect();
        Cow::Owned(Document { statements, ..document.clone() })
    }

    pub(crate) fn withhold(&mut self, what: &Address, cause: Cause) {
        self.withheld.push(Withheld { subject: Subject::Object(what.clone()), cause, blocks: true });
    }

    /// Withholds the end of what a declared object relies on, and tells whether one does.
    pub(crate) fn keeps(&mut self, what: &Address) -> bool {
        let by = self.relied.by(what).cloned();
        let keeps = by.is_some();
        if let Some(by) = by {
            self.withhold(what, Cause::ReliedOn(by));
        }
        keeps
    }

    /// Notes what would go, and stays because a manifest of another run uses it.
    pub(crate) fn leave(&mut self, what: Address) {
        self.withheld.push(Withheld { subject: Subject::Object(what), cause: Cause::Used, blocks: false });
    }

    /// Forgets what was compared, and all that was withheld but the first `said`.
    pub(crate) fn restart(&mut self, said: usize) {
        self.changes.clear();
        self.steps.clear();
        self.meters.clear();
        self.left_to_iam.clear();
        self.caller_written.clear();
        self.caller_held.clear();
        self.unsure.clear();
        self.withheld.truncate(said);
    }

    /// The declared objects that are withheld so far.
    pub(crate) fn withheld_objects(&self) -> BTreeSet<&Address> {
        let objects = self.withheld.iter().filter(|w| w.blocks).map(|w| &w.subject);
        objects.filter_map(|subject| if let Subject::Object(address) = subject { Some(address) } else { None }).collect()
    }

    /// The account's own quota, or what AWS gives everyone; and whether that is sure: an account that has not told may have
    /// been granted more.
    pub(crate) fn limit(&self, account: &AccountId, quota: Quota) -> (usize, bool) {
        let state = self.observed.accounts.get(account).and_then(|o| o.known());
        match state.and_then(|s| s.granted.limits.get(&quota)) {
            Some(limit) => (*limit, true),
            // Of what GetAccountSummary does not have, AWS's own default is all that there is.
            None => {
                let said = match quota {
                    Quota::TrustPolicy => self.desired.quotas.trust_policy,
                    Quota::PoliciesPerRole => self.desired.quotas.policies_per_role,
                    quota => quota.usual(),
                };
                (said, !quota.is_raised())
            }
        }
    }

    /// Returns why so much does not fit, and notes it when it is close to its limit.
    pub(crate) fn meter(&mut self, account: &AccountId, what: impl FnOnce() -> String, quota: Quota, used: usize) -> Option<Cause> {
        let (limit, sure) = self.limit(account, quota);
        if used * 100 > limit * limits::METER_PERCENT {
            self.meters.push(Meter { what: what(), used, limit });
            let unread = self.observed.accounts.get(account).and_then(|o| o.known()).and_then(|s| s.granted.unread.clone());
            if let Some(unread) = unread.filter(|_| !sure) {
                self.unsure.entry(account.clone()).or_insert(unread);
            }
        }
        // What is only shown has no limit.
        (used > limit && sure && !self.look_through).then_some(Cause::Quota { quota, size: used, limit })
    }

    /// A document with our part of it. Where that can't be put in and is only shown, both stand beside one another.
    ///
    /// # Errors
    /// Somebody else's statement would come to mean something else.
    pub(crate) fn merged(&self, share: &Share, found: Option<&Document>) -> Result<Merged, Unmergeable> {
        match share.merge(found) {
            Err(_) if self.look_through => Ok(Merged { document: Some(share.beside(found)), dropped: Vec::new() }),
            merged => merged,
        }
    }

    pub(crate) fn deletion_reason(&self) -> Reason {
        if self.destroy { Reason::Destroy } else { Reason::NotInManifest }
    }

    /// Sorts the steps so that each stands behind those it needs, and the changes by address.
    pub(crate) fn finish(self) -> Plan {
        let Self {
            desired: _,
            observed: _,
            destroy: _,
            taken_back: _,
            look_through: _,
            destroy_keys: _,
            made_keys: _,
            changes,
            steps,
            mut withheld,
            mut meters,
            left_to_iam,
            caller_written: _,
            caller_held: _,
            parts_held: _,
            unsure,
            sets_by_hand: _,
            owners: _,
            sids: _,
            relied: _,
            used: _,
            declared: _,
        } = self;
        let (changes, steps) = sort_changes(changes, steps);
        let steps = sort_steps(steps);
        // Said once, whichever accounts they are.
        if let Some(why) = unsure.values().next().cloned() {
            withheld.push(Withheld { subject: Subject::Quotas(unsure.into_keys().collect()), cause: Cause::Unreadable(why), blocks: false });
        }
        withheld.sort();
        withheld.dedup();
        meters.sort_by(|a, b| a.what.cmp(&b.what));
        Plan { changes, steps, withheld, meters, left_to_iam, ..Plan::default() }
    }
}

fn sort_changes(changes: Vec<Change>, mut steps: Vec<Step>) -> (Vec<Change>, Vec<Step>) {
    let mut indexed: Vec<(usize, Change)> = changes.into_iter().enumerate().collect();
    indexed.sort_by(|(_, a), (_, b)| a.address.cmp(&b.address));
    let place: BTreeMap<usize, usize> = indexed.iter().enumerate().map(|(new, (old, _))| (*old, new)).collect();
    for step in &mut steps {
        step.change = place.get(&step.change).copied().unwrap_or(step.change);
    }
    (indexed.into_iter().map(|(_, change)| change).collect(), steps)
}

/// Kahn's algorithm. Steps on a cycle, which must not exist, come last: the check names them.
fn sort_steps(steps: Vec<Step>) -> Vec<Step> {
    let mut open: Vec<usize> = steps.iter().map(|s| s.needs.len()).collect();
    let mut wanted_by: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
    for (index, step) in steps.iter().enumerate() {
        for need in &step.needs {
            if let Some(list) = wanted_by.get_mut(need.0) {
                list.push(index);
            }
        }
    }
    let mut ready: BTreeSet<usize> = open.iter().enumerate().filter(|(_, n)| **n == 0).map(|(i, _)| i).collect();
    let mut order = Vec::with_capacity(steps.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for later in wanted_by.get(next).into_iter().flatten() {
            if let Some(count) = open.get_mut(*later) {
                *count -= 1;
                if *count == 0 {
                    ready.insert(*later);
                }
            }
        }
    }
    let done: BTreeSet<usize> = order.iter().copied().collect();
    order.extend((0..steps.len()).filter(|i| !done.contains(i)));
    let place: BTreeMap<usize, usize> = order.iter().enumerate().map(|(new, old)| (*old, new)).collect();
    let mut slots: Vec<Option<Step>> = steps.into_iter().map(Some).collect();
    let mut sorted: Vec<Step> = order.iter().filter_map(|old| slots.get_mut(*old).and_then(Option::take)).collect();
    for step in &mut sorted {
        step.needs = step.needs.iter().filter_map(|n| place.get(&n.0).map(|p| StepId(*p))).collect();
        step.needs.sort();
        step.needs.dedup();
    }
    sorted
}
