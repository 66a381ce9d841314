//! What decides a call, as things are and as they would be after part of a fix.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crossrole_access::estate::{Guarded, Placed};
use crossrole_access::{Controls, Estate, Objects};
use crossrole_model::desired::DesiredState;
use crossrole_model::diagnosis::{Amendment, Cause, FixStep, RequestChange};
use crossrole_model::state::{BucketState, RoleState};
use crossrole_model::{AccountId, Address, Change, Desired, Kind, ObjectState, Observation, Observed, Plan};

use crate::asked::{Asked, Who};
use crate::revoked::TakenBack;
use crate::trouble::{Guard, Hop, Trouble};

/// Whoever can change manifests and plan them.
pub trait Manifests {
    /// Returns the manifests with these changes; `None` where a manifest has no place for one, or is then a mistake.
    fn amended(&self, amendments: &[Amendment]) -> Option<Desired>;

    /// Plans, for these targets alone where there are some.
    fn plan(&self, desired: &Desired, observed: &Observed, targets: &[String]) -> Plan;

    /// Returns the text of a file without changes and with them.
    fn texts(&self, file: &str, amendments: &[Amendment]) -> Option<(String, String)>;
}

/// Everything that a diagnosis is made from.
pub struct Case<'c> {
    /// What the manifests say.
    pub desired: &'c Desired,
    /// What was read for them.
    pub observed: &'c Observed,
    /// What was read besides: buckets with all their settings, and keys that no manifest names.
    pub besides: &'c Observed,
    /// Whether the object that is asked for is there, where that was looked at.
    pub object: Option<bool>,
    /// Control policies that are known.
    pub controls: &'c Controls,
    /// How manifests are changed.
    pub manifests: &'c dyn Manifests,
}

/// One state of things.
#[derive(Clone)]
pub(crate) struct World<'c> {
    pub(crate) case: &'c Case<'c>,
    pub(crate) asked: Asked,
    pub(crate) desired: Rc<Desired>,
    pub(crate) observed: Rc<Observed>,
    /// Settings of buckets that were read besides.
    pub(crate) besides: Rc<Observed>,
    pub(crate) amendments: Vec<Amendment>,
    pub(crate) targets: BTreeSet<Address>,
    pub(crate) commands: Vec<FixStep>,
    pub(crate) requests: Vec<RequestChange>,
    /// What AWS told and is taken care of.
    pub(crate) cared: BTreeSet<Cause>,
    /// The Deny that AWS names, and nothing that was read before any fix shows.
    pub(crate) hidden: Option<Trouble>,
    /// As things were, KMS refused S3 a key that nothing names.
    pub(crate) other_key: bool,
    /// What says that access was taken back, as things were before any fix.
    pub(crate) taken: Rc<Vec<TakenBack>>,
    /// Of that, what is given back.
    pub(crate) given_back: BTreeSet<usize>,
    /// Roles whose trust was not read, as the manifests have it, by ARN.
    pub(crate) declared: Rc<BTreeMap<String, Guarded>>,
    /// Buckets that are open again to whom manifests name, and to nobody else.
    pub(crate) reopened: BTreeSet<String>,
    /// What applying does.
    pub(crate) changes: Rc<Vec<Change>>,
    pub(crate) estate: Rc<Estate>,
}

impl<'c> World<'c> {
    /// Things as they are.
    pub(crate) fn live(case: &'c Case<'c>, asked: Asked) -> Self {
        let mut world = World {
            case,
            asked,
            desired: Rc::new(case.desired.clone()),
            observed: Rc::new(with(case.observed, case.besides)),
            besides: Rc::new(case.besides.clone()),
            amendments: Vec::new(),
            targets: BTreeSet::new(),
            commands: Vec::new(),
            requests: Vec::new(),
            cared: BTreeSet::new(),
            hidden: None,
            other_key: false,
            taken: Rc::default(),
            given_back: BTreeSet::new(),
            declared: Rc::new(declared(case)),
            reopened: BTreeSet::new(),
            changes: Rc::default(),
            estate: Rc::default(),
        };
        world.estate = Rc::new(world.made(&[]));
        world.other_key = world.is_by_other_key();
        world.hidden = if world.other_key { None } else { world.hidden() };
        world.taken = Rc::new(world.revocations());
        world
    }

    /// What decides after these changes.
    pub(crate) fn made(&self, changes: &[Change]) -> Estate {
        let mut objects = Objects::observed(&self.observed, self.desired.partition).with_keys(&self.desired.bucket_keys);
        objects.apply(changes);
        let mut estate = objects.estate().under(self.case.controls);
        // That a key is off is a cause of its own here, found beside what policies say.
        estate.keys_off.clear();
        for (arn, trust) in &*self.declared {
            estate.roles.entry(arn.clone()).or_insert_with(|| trust.clone());
        }
        estate
    }

    /// All that is planned now, and not applied.
    pub(crate) fn planned(&self) -> Vec<Change> {
        self.case.manifests.plan(&self.desired, &self.observed, &[]).changes
    }

    /// The same with these objects applied, too; `None` where that can't be done whole.
    pub(crate) fn applied(mut self, more: impl IntoIterator<Item = Address>) -> Option<Self> {
        self.targets.extend(more);
        if !self.targets.is_empty() {
            let targets: Vec<String> = self.targets.iter().map(ToString::to_string).collect();
            let plan = self.case.manifests.plan(&self.desired, &self.observed, &targets);
            if plan.is_blocked() {
                return None;
            }
            self.changes = Rc::new(plan.changes);
        }
        self.estate = Rc::new(self.made(&self.changes));
        Some(self)
    }

    /// The same with manifests that say more, of which what is new is applied.
    pub(crate) fn amended(mut self, more: Vec<Amendment>) -> Option<Self> {
        let before = self.planned();
        self.amendments.extend(more);
        self.desired = Rc::new(self.case.manifests.amended(&self.amendments)?);
        let new: Vec<Address> = self.planned().into_iter().filter(|change| !before.contains(change)).map(|change| change.address).collect();
        if new.is_empty() {
            return None;
        }
        self.applied(new)
    }

    /// The same after a command that somebody ran.
    pub(crate) fn commanded(mut self, observed: Observed, steps: Vec<FixStep>) -> Option<Self> {
        self.observed = Rc::new(observed);
        self.commands.extend(steps);
        self.applied([])
    }

    /// A role, as it would be.
    pub(crate) fn role(&self, account: &str, name: &str) -> Option<RoleState> {
        let account = AccountId::parse(account)?;
        let planned = self.changes.iter().find(|c| c.address.kind == Kind::Role && c.address.account == account && c.address.name.eq_ignore_ascii_case(name));
        if let Some(ObjectState::Role(role)) = planned.and_then(|change| change.after.as_ref()) {
            return Some(role.clone());
        }
        self.observed.accounts.get(&account)?.known()?.roles.get(&name.to_ascii_lowercase()).map(|role| role.state.clone())
    }

    /// The settings of a bucket, as they would be: what was not read is left out.
    pub(crate) fn bucket(&self, name: &str) -> Option<BucketState> {
        let of = |observed: &Observed| observed.buckets.get(name).and_then(|b| b.known().cloned().flatten()).map(|bucket| bucket.state);
        let mut state = of(&self.besides).or_else(|| of(&self.observed))?;
        let planned = self.changes.iter().find(|c| c.address.kind == Kind::Bucket && c.address.name == name);
        if let Some(ObjectState::Bucket(after)) = planned.and_then(|change| change.after.as_ref()) {
            let BucketState { ownership, public_access_block, .. } = after;
            state.ownership = ownership.clone().or(state.ownership);
            state.public_access_block = public_access_block.or(state.public_access_block);
        }
        Some(state)
    }

    /// The ARN under which the estate knows a principal.
    pub(crate) fn known(&self, principal: &str) -> Option<String> {
        if self.estate.principals.contains_key(principal) {
            return Some(principal.to_owned());
        }
        let who = Who::of(principal)?;
        let is = |arn: &&String| Who::of(arn).as_ref() == Some(&who);
        self.estate.principals.keys().find(is).cloned()
    }

    /// Tells whether the policy of a resource is what a manifest says, and was not read.
    pub(crate) fn is_supposed(&self, hop: &Hop) -> bool {
        hop.guard == Guard::Trust && self.declared.contains_key(&hop.call.resource)
    }

    /// Tells whether an account was read whole.
    pub(crate) fn whole(&self, account: &str) -> bool {
        self.estate.whole.contains(account)
    }
}

/// The trust of roles that could not be read, as manifests have it.
fn declared(case: &Case<'_>) -> BTreeMap<String, Guarded> {
    let is_read = |address: &Address| {
        let name = address.name.to_ascii_lowercase();
        known(case.observed.accounts.get(&address.account)).is_some_and(|state| state.complete || state.roles.contains_key(&name))
    };
    let mut out = BTreeMap::new();
    for (address, object) in &case.desired.objects {
        if let DesiredState::Role { state, .. } = &object.state
            && !is_read(address)
        {
            let arn = case.desired.partition.iam_arn(&address.account, "role", &state.path, &address.name);
            let place = format!("trust policy of role {}, as the manifest has it", address.name);
            let policy = Some(Placed::new(state.trust.clone(), place).on(&arn, &state.tags));
            out.insert(arn, Guarded { account: address.account.to_string(), policy, restrict_public: false });
        }
    }
    out
}

/// What was read for the manifests, and what was read besides of what they do not speak of.
fn with(observed: &Observed, besides: &Observed) -> Observed {
    let mut all = observed.clone();
    for (name, bucket) in &besides.buckets {
        if !all.buckets.contains_key(name) {
            all.buckets.insert(name.clone(), bucket.clone());
            all.bucket_accounts.extend(besides.bucket_accounts.get(name).map(|account| (name.clone(), account.clone())));
        }
    }
    for (account, block) in &besides.account_blocks {
        all.account_blocks.entry(account.clone()).or_insert_with(|| block.clone());
    }
    for (arn, key) in &besides.keys {
        all.keys.entry(arn.clone()).or_insert_with(|| key.clone());
    }
    all
}

/// What is known of something that was read.
pub(crate) fn known<T>(observation: Option<&Observation<T>>) -> Option<&T> {
    observation.and_then(Observation::known)
}

/// The object that a principal is.
pub(crate) fn address_of(principal: &str) -> Option<Address> {
    let who = Who::of(principal)?;
    let kind = match who.kind {
        "user" => Kind::User,
        "role" => Kind::Role,
        _ => Kind::Group,
    };
    Some(Address::new(&AccountId::parse(who.account)?, kind, who.name))
}
