//! Desired and observed objects to a plan: a pure, synchronous function without client, clock or environment.
//!
//! [`plan`] compares kind by kind (`diff`), lowers every change to steps, draws the edges between them (`order`) and sorts.
//! [`check`](check::check) re-derives what must hold of any plan, with code of its own; it runs in every test here and
//! before every apply.
//!
//! Order is IAM's: what is named exists first, what hangs on an object goes before it, and within an object what is taken
//! away is taken before anything is given.

mod again;
pub mod check;
mod diff;
mod draft;
mod narrow;
mod order;
mod renamed;
mod rest;
mod rests_on;
pub mod rights;
mod since;
mod stale;
mod target;
mod unread;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::{ByHand, DesiredState, HandSide};
use crossrole_model::observed::{BucketScope, Scope};
use crossrole_model::state::{BucketState, Encryption, Tags};
use crossrole_model::{AccountId, Address, Cause, Desired, KeyRef, Kind, Observation, Observed, PermissionSet, Plan, PrincipalKind, Subject, Whose, Withheld};
use crossrole_policy::{Arn, Document, is_public};

pub use again::scope_again;
pub use check::check;
pub use narrow::narrowed;
pub use rest::{rest, unlike_the_rest};
pub use rests_on::{rests_on, turned};
pub use since::since;
pub use stale::differences;
pub use unread::{apart_from_unread, unread};

use draft::Draft;

/// What kind of plan to make.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Plan the removal of everything that the manifests own.
    pub destroy: bool,
    /// Only these objects and what they need: `kind/name`, `account/kind/name` or a bare name, with `*`. Empty: all.
    pub targets: Vec<String>,
    /// Aliases of keys that are to be deleted, where nothing declares them: no key goes without being named.
    pub destroy_keys: BTreeSet<String>,
    /// Compare also what is not ours, and what rests on something withheld. Such a plan says what differs, and is never carried out.
    pub look_through: bool,
    /// Look also for what of ours nothing speaks of any more, as `destroy` does: that costs a call each.
    pub everything: bool,
}

/// Returns what has to be read for a plan of this kind.
pub fn scope_of(desired: &Desired, options: &Options) -> Scope {
    let mut scope = scope(desired);
    scope.everything = options.destroy || options.everything;
    // A key that is told to go, and that nothing names, may be wherever the manifests are.
    let known: BTreeSet<&str> = desired.made_keys.keys().filter_map(|arn| arn.rsplit_once('{')?.1.strip_suffix('}')).collect();
    let told = options.destroy_keys.iter().filter(|alias| !known.contains(alias.as_str()));
    let regions: BTreeSet<&String> = scope.key_regions.values().flatten().collect();
    let places = || scope.accounts.keys().flat_map(|account| regions.iter().map(move |region| (account, *region)));
    let named = told.flat_map(|alias| places().map(move |(account, region)| KeyRef::made(desired.partition, region, account, alias).arn));
    let named: Vec<String> = named.filter(|arn| KeyRef::parse(arn).is_some()).collect();
    scope.keys.extend(named);
    scope
}

/// Returns what has to be read to plan `desired`.
pub fn scope(desired: &Desired) -> Scope {
    let mut scope = Scope::default();
    for (account, _) in desired.accounts.iter().filter(|(_, info)| info.managed) {
        scope.accounts.entry(account.clone()).or_default();
    }
    for address in desired.objects.keys().chain(&desired.required) {
        if let Some(objects) = scope.accounts.get_mut(&address.account) {
            objects.insert(address.clone());
        }
    }
    for (address, object) in &desired.objects {
        let (region, settings, public) = match &object.state {
            DesiredState::BucketPolicy { region, statements, .. } => (region.clone(), None, is_public(&Document::new(statements.clone()))),
            DesiredState::Bucket(state) => (state.region.clone(), Some(state.clone()), false),
            _ => continue,
        };
        let new = || BucketScope { account: address.account.clone(), region, settings: None, left: false, encryption: true, public: false };
        let entry = scope.buckets.entry(address.name.clone()).or_insert_with(new);
        entry.public |= public;
        if settings.is_some() {
            entry.settings = settings;
        }
    }
    // Whether it exists decides what denies its sessions.
    for revoked in &desired.revoked {
        let Whose::Principal { kind: PrincipalKind::User, arn } = &revoked.whose else { continue };
        let found = Arn::parse(arn).and_then(|arn| Some(Address::new(&AccountId::parse(arn.account)?, Kind::User, arn.kind_and_name()?.1)));
        if let Some(address) = found
            && let Some(objects) = scope.accounts.get_mut(&address.account)
        {
            objects.insert(address);
        }
    }
    for address in &desired.left.objects {
        if let Some(objects) = scope.accounts.get_mut(&address.account) {
            objects.insert(address.clone());
        }
    }
    for (name, (account, region)) in &desired.left.buckets {
        // Whether it is ours is in its tags, and what it is encrypted with keeps a key.
        let settings = Some(BucketState { tags: Some(Tags::new()), encryption: Some(Encryption::Aes256), ..BucketState::unstated(region) });
        let left = || BucketScope { account: account.clone(), region: region.clone(), settings, left: true, encryption: false, public: false };
        scope.buckets.entry(name.clone()).or_insert_with(left);
    }
    // A key is read in its own account only: nobody else may (AWS KMS API reference, GetKeyPolicy).
    let managed = |key: &KeyRef| desired.accounts.get(&key.account()).is_some_and(|info| info.managed);
    let named = desired.objects.values().filter_map(|object| if let DesiredState::KeyPolicy { key, .. } = &object.state { Some(key) } else { None });
    let of_buckets = desired.bucket_keys.values().map(|bucket| &bucket.key);
    let left = desired.left.keys.iter().filter_map(|arn| KeyRef::parse(arn));
    let made = desired.made_keys.keys().filter_map(|arn| KeyRef::parse(arn));
    // What statements name without a table is read as well: an earlier manifest may have written there, and what the key lets counts.
    let wanted = desired.objects.values().flat_map(|object| object.state.statements()).flat_map(KeyRef::named_by).filter(|key| key.alias().is_none());
    let all = named.cloned().chain(of_buckets.cloned()).chain(left).chain(made).chain(wanted);
    scope.keys = all.filter(|key| managed(key)).map(|key| key.arn).collect();
    let to_make = desired.objects.keys().filter(|address| address.kind == Kind::Key);
    scope.key_regions = key_regions(desired, &scope);
    scope.keys_to_make = to_make.map(|address| KeyRef::named(desired.partition, &address.account, &address.name).arn).collect();
    // All of its sets are looked at: what was left in one that nothing declares is found nowhere else.
    scope.permission_sets = desired.identity_center.as_ref().map(|at| {
        let declared = desired.objects.keys().filter(|address| address.kind == Kind::PermissionSet);
        (at.clone(), declared.map(|address| address.name.clone()).collect())
    });
    scope.trusting = desired.accounts.iter().filter(|(_, info)| info.managed && info.trusting).map(|(account, _)| account.clone()).collect();
    scope.follow_owned = desired.owners().into_iter().map(str::to_owned).collect();
    scope
}

/// Regions in which manifests have buckets or keys, or would have them.
fn key_regions(desired: &Desired, scope: &Scope) -> BTreeMap<AccountId, BTreeSet<String>> {
    let own =
        desired.accounts.iter().filter(|(_, info)| info.trusting).filter_map(|(account, info)| Some((account.clone(), info.fills.get("region")?.clone())));
    let of_buckets = scope.buckets.values().map(|bucket| (bucket.account.clone(), bucket.region.clone()));
    let of_keys = scope.keys.iter().filter_map(|arn| KeyRef::parse(arn)).map(|key| (key.account(), key.region().to_owned()));
    let mut all: BTreeMap<AccountId, BTreeSet<String>> = BTreeMap::new();
    for (account, region) in own.chain(of_buckets).chain(of_keys).filter(|(account, _)| scope.accounts.contains_key(account)) {
        all.entry(account).or_default().insert(region);
    }
    all
}

/// Compares what is wanted with what was read.
pub fn plan(desired: &Desired, observed: &Observed, options: &Options) -> Plan {
    let scope = scope_of(desired, options);
    // Who calls a key by its ARN that a manifest of the run makes means the same key.
    let names: BTreeMap<String, String> = observed.made_keys().into_iter().map(|(alias, arn)| (arn, alias)).collect();
    let renamed = if names.is_empty() { None } else { Some(desired.rename_keys(&names)) };
    let desired = renamed.as_ref().unwrap_or(desired);
    let emptied;
    let wanted = if options.destroy {
        emptied = Desired { objects: BTreeMap::new(), required: BTreeSet::new(), by_hand: Vec::new(), ..desired.clone() };
        &emptied
    } else {
        desired
    };
    let mut draft = Draft::new(wanted, observed, options);
    draft.taken_back = options.destroy.then_some(desired);
    draft.sets_by_hand = desired.by_hand.iter().filter_map(set_of).collect();
    unreadable(&mut draft, scope.everything);
    diff::diff(&mut draft);
    diff::note_unnamed(&mut draft, desired);
    if options.destroy {
        diff::unknown(&mut draft, desired);
        diff::unmarked(&mut draft, desired);
    }
    order::connect(&mut draft);
    let mut plan = Plan {
        manifests: desired.manifests.clone(),
        accounts: desired.accounts.clone(),
        partition: desired.partition,
        scope,
        destroy: options.destroy,
        targets: options.targets.clone(),
        destroy_keys: options.destroy_keys.clone(),
        renamed: renamed::renamed(desired, observed),
        made_keys: made_keys(observed),
        by_hand: wanted.by_hand.clone(),
        calls: observed.calls.clone(),
        ..draft.finish()
    };
    target::select(&mut plan, &options.targets, &desired.objects);
    plan
}

fn set_of(hand: &ByHand) -> Option<PermissionSet> {
    let HandSide::PermissionSet(name) = &hand.side else { return None };
    Some(PermissionSet { account: hand.account.clone(), name: name.clone() })
}

/// Keys that are known by their aliases, and what AWS calls them.
fn made_keys(observed: &Observed) -> BTreeMap<String, Option<String>> {
    let known = observed.keys.iter().filter(|(arn, _)| KeyRef::parse(arn).is_some_and(|key| key.alias().is_some()));
    let named = observed.made_keys();
    known.map(|(alias, _)| (alias.clone(), named.get(alias).cloned())).collect()
}

/// Says which accounts could not be read, whole or in part.
fn unreadable(draft: &mut Draft<'_>, everything: bool) {
    let desired = draft.desired;
    for (account, observation) in &draft.observed.accounts {
        let label = desired.accounts.get(account).map_or("", |info| info.label.as_str());
        match observation {
            Observation::Unreadable(why) => draft.withheld.push(Withheld {
                subject: Subject::Account { account: account.clone(), label: label.to_owned() },
                cause: Cause::Unreadable(why.clone()),
                blocks: true,
            }),
            Observation::Known(state) if !state.complete => draft.withheld.push(Withheld {
                subject: Subject::Pruning { account: account.clone(), label: label.to_owned() },
                cause: Cause::Incomplete(state.incomplete_because.clone()),
                // Of one that manifests are of no longer, that is all that was asked.
                blocks: draft.is_left(account),
            }),
            Observation::Known(state) => {
                let left = |address: &Address| desired.left.objects.contains(address) && !desired.objects.contains_key(address);
                for (address, why) in &state.unreadable {
                    let blocks = left(address);
                    if blocks || everything && !draft.destroy && !draft.declares(address) {
                        draft.withheld.push(Withheld { subject: Subject::Object(address.clone()), cause: Cause::Unreadable(why.clone()), blocks });
                    }
                }
            }
        }
        // Drift names each policy.
        let named = |kind: &Kind| everything && !draft.destroy && *kind == Kind::Policy;
        let unlisted = observation.known().into_iter().flat_map(|state| &state.unlisted).filter(|(kind, _)| !named(kind));
        draft.withheld.extend(unlisted.map(|(kind, why)| Withheld {
            subject: Subject::PruningOf { account: account.clone(), label: label.to_owned(), kind: *kind },
            cause: Cause::Unreadable(why.clone()),
            // Where everything is taken back, what was not looked for is not.
            blocks: draft.destroy,
        }));
    }
}

/// Tells whether a kind lives in IAM.
fn is_iam(kind: Kind) -> bool {
    !matches!(kind, Kind::PermissionSet | Kind::Bucket | Kind::BucketPolicy | Kind::Key | Kind::KeyPolicy)
}
