//! Who gains and who loses, between two [estates](Estate).
//!
//! Looked at are the principals and resources of which something differs, and those that their documents name: each named
//! principal, "any other of account X" for each account named, another account, unsigned callers, each service. Nothing is
//! sampled; see [`pair`] and [`classes`] for how, and [`values`] for what is bounded.

mod action_kind;
mod among;
mod atoms;
mod beside;
pub(crate) mod classes;
mod combine;
pub(crate) mod cover;
pub(crate) mod crowd;
mod describe;
mod elsewhere;
mod forms;
pub(crate) mod keys;
pub(crate) mod meets;
mod named;
pub(crate) mod pair;
pub(crate) mod reach;
mod relevant;
mod simplify;
pub(crate) mod subjects;
mod tidy;
mod told_apart;
mod typed;
mod undecided;
mod unseen;
mod values;
mod variables;
mod witness;

use std::collections::BTreeSet;
use std::rc::Rc;

use crossrole_model::access::{About, AccessChange, AccessDelta, Certainty, Undecided};
use crossrole_policy::Document;

use crate::estate::{Estate, Guarded, Placed};

use among::Among;
use atoms::ASSUME;
use elsewhere::{OTHER, head, may_match};
use named::Apart;
use pair::{Domain, Region, Subject, Text, compare};
use subjects::{Kind, Who};

/// Returns everything that is allowed on one side only.
pub fn delta(before: &Estate, after: &Estate) -> AccessDelta {
    let everything = Placed::everything("the account's own policies");
    let mut work = Work { sides: [before, after], everything: &everything, delta: AccessDelta::default() };
    work.resources();
    work.rekeyed();
    work.elsewhere();
    work.unread();
    work.session_tags();
    work.session_names();
    work.resource_tags();
    work.providers();
    work.unseen();
    let mut delta = work.delta;
    keys::unread_keys(&mut delta.changes, [before, after]);
    tidy::tidy(&mut delta, [before, after]);
    delta.grants_unseen = delta.changes.iter().any(|change| keys::is_of_key(change, [before, after]));
    delta
}

/// Returns what one principal that is known may do with some buckets, by name, and keys, by ARN: all of it is gained where there was
/// nothing.
pub fn reached<'a>(estate: &Estate, principal: &str, buckets: impl IntoIterator<Item = &'a str>, keys: impl IntoIterator<Item = &'a str>) -> AccessDelta {
    let nobody = estate.of_nobody();
    let everything = Placed::everything("the account's own policies");
    let mut work = Work { sides: [&nobody, estate], everything: &everything, delta: AccessDelta::default() };
    let Some(who) = Who::known(principal, work.sides) else { return work.delta };
    for name in buckets {
        let guarded = estate.buckets.get(name);
        work.pair(&who, &bucket_domain(estate.partition(), name, guarded.map(|g| g.account.clone())), [None, guarded]);
    }
    for arn in keys {
        let guarded = estate.keys.get(arn);
        work.pair(&who, &keys::domain(arn, guarded.map(|g| g.account.clone())), [None, guarded]);
    }
    work.delta
}

/// A bucket, and what is in it.
fn bucket_domain(partition: &str, name: &str, owner: Option<String>) -> Domain {
    let arn = format!("arn:{partition}:s3:::{name}");
    let texts = vec![Text::Exact(arn.clone()), Text::Walk(format!("{arn}/"))];
    Domain {
        about: About::Bucket(name.to_owned()),
        texts,
        elsewhere: BTreeSet::new(),
        known: Rc::default(),
        owner,
        actions: Vec::new(),
        service: Some("s3"),
        other: OTHER,
    }
}

struct Work<'e> {
    sides: [&'e Estate; 2],
    everything: &'e Placed,
    delta: AccessDelta,
}

/// A bucket or a role on both sides.
struct Resource<'e> {
    domain: Domain,
    sides: [Option<&'e Guarded>; 2],
    changed: bool,
    names: Names,
}

/// Account and name: paths do not count.
fn named(arn: &str) -> String {
    let account = crossrole_policy::Arn::parse(arn).map_or("", |a| a.account);
    format!("{account}/{}", arn.rsplit('/').next().unwrap_or(arn))
}

/// A principal whose policies are known, ready to be looked for.
struct Known<'e> {
    who: Who,
    changed: bool,
    /// Account and name.
    named: String,
    /// Heads of its resource patterns, each with whether it is the whole pattern.
    patterns: Vec<(&'e str, bool)>,
}

/// Whom a resource's policies name, roughly.
#[derive(Default)]
struct Names {
    /// Everyone, or something that needs a closer look.
    everyone: bool,
    /// Account ids, and roles and users as `account/name`.
    texts: BTreeSet<String>,
    /// Sessions.
    sessions: BTreeSet<String>,
}

impl Names {
    fn of(sides: [Option<&Guarded>; 2]) -> Self {
        let mut names = Self::default();
        let principals =
            sides.into_iter().flatten().filter_map(|g| g.policy.as_ref()).flat_map(|p| &p.document.statements).filter_map(|s| s.principal.as_ref());
        for principal in principals {
            names.everyone |= principal.negated || principal.bare_star;
            for value in principal.aws() {
                match crossrole_policy::Arn::parse(value) {
                    Some(arn) if arn.resource == "root" => drop(names.texts.insert(arn.account.to_owned())),
                    Some(arn) if arn.service == "iam" => drop(names.texts.insert(named(value))),
                    Some(arn) if arn.service == "sts" => {
                        names.sessions.insert(value.clone());
                        names.everyone = true;
                    }
                    None if value.len() == 12 => drop(names.texts.insert(value.clone())),
                    _ => names.everyone = true,
                }
            }
        }
        names
    }
}

impl<'e> Work<'e> {
    fn changed_principals(&self) -> BTreeSet<&'e str> {
        let [before, after] = self.sides;
        let all = before.principals.keys().chain(after.principals.keys());
        let differs = |arn: &&String| before.principals.get(*arn) != after.principals.get(*arn) || undecided::brings_other_tags(self.sides, arn);
        all.filter(differs).map(String::as_str).collect()
    }

    fn guarded(&self) -> Vec<Resource<'e>> {
        let [before, after] = self.sides;
        let partition = after.partition();
        let mut all = Vec::new();
        let names: BTreeSet<&String> = before.buckets.keys().chain(after.buckets.keys()).collect();
        for name in names {
            let sides = self.sides.map(|side| side.buckets.get(name));
            let owner = sides.into_iter().flatten().next_back().map(|g| g.account.clone());
            let domain = bucket_domain(partition, name, owner);
            all.push(Resource { domain, sides, changed: differs(sides), names: Names::of(sides) });
        }
        let arns: BTreeSet<&String> = before.roles.keys().chain(after.roles.keys()).collect();
        for arn in arns {
            let sides = self.sides.map(|side| side.roles.get(arn));
            let owner = sides.into_iter().flatten().next_back().map(|g| g.account.clone());
            let texts = vec![Text::Exact(arn.clone())];
            let domain = Domain {
                about: About::Role(arn.clone()),
                texts,
                elsewhere: BTreeSet::new(),
                known: Rc::default(),
                owner,
                actions: ASSUME.map(str::to_owned).to_vec(),
                service: None,
                other: OTHER,
            };
            all.push(Resource { domain, sides, changed: differs(sides), names: Names::of(sides) });
        }
        let arns: BTreeSet<&String> = before.keys.keys().chain(after.keys.keys()).collect();
        for arn in arns {
            let sides = self.sides.map(|side| side.keys.get(arn));
            let domain = keys::domain(arn, sides.into_iter().flatten().next_back().map(|g| g.account.clone()));
            all.push(Resource { domain, sides, changed: differs(sides), names: Names::of(sides) });
        }
        all
    }

    /// Every bucket and role, for everyone whom a difference there can touch.
    fn resources(&mut self) {
        let changed = self.changed_principals();
        let known: BTreeSet<&str> = self.sides.into_iter().flat_map(|side| side.principals.keys()).map(String::as_str).collect();
        let known = known.into_iter().filter_map(|arn| Who::known(arn, self.sides));
        let known: Vec<Known<'_>> =
            known.map(|who| Known { changed: changed.contains(who.arn.as_str()), named: named(&who.arn), patterns: self.heads(&who), who }).collect();
        let among = Among::new(&known, self);
        for resource in self.guarded() {
            let Some(Text::Exact(arn)) = resource.domain.texts.first() else { continue };
            let first = self.delta.changes.len();
            for known in among.of(&resource, arn).iter().filter_map(|at| known.get(*at)) {
                if (resource.changed || known.changed) && Self::touches(known, &resource) {
                    self.pair(&known.who, &resource.domain, resource.sides);
                }
                // What was not read may let it do what the resource now allows; where it changes itself, that is said of it.
                if resource.changed && !known.changed {
                    self.and_more(&known.who, &resource);
                }
            }
            for session in resource.names.sessions.iter().filter(|_| !resource.changed) {
                let role = subjects::role_behind(session, self.sides).filter(|role| changed.contains(role.as_str()));
                if let Some(who) = role.and_then(|role| Who::session(session, &role, self.sides)) {
                    self.pair(&who, &resource.domain, resource.sides);
                }
            }
            if resource.changed {
                self.unknown_kinds(&resource);
                self.unknown_ids(&resource);
                let documents: Vec<&Document> = resource.sides.iter().flatten().filter_map(|g| g.policy.as_ref()).map(|p| &p.document).collect();
                let owner = resource.domain.owner.as_deref().unwrap_or_default();
                for who in named::others(&documents, owner, self.sides, &resource.domain) {
                    self.pair(&who, &resource.domain, resource.sides);
                    // A session that is named, of a role that is known.
                    if who.kind == Kind::Known && !changed.contains(who.arn.as_str()) {
                        self.and_more(&who, &resource);
                    }
                }
                let apart = Apart::of(&documents, owner, self.sides);
                if let Some(changes) = self.delta.changes.get_mut(first..) {
                    apart.leave_out(changes);
                }
            }
        }
    }

    /// The same, where it has policies that were not read, as if they let it everything.
    fn and_more(&mut self, who: &Who, resource: &Resource<'_>) {
        if self.is_unread(who) {
            let mut who = who.clone();
            who.kind = Kind::AndMore;
            who.subject.certainty = Certainty::UnreadPolicies;
            self.pair(&who, &resource.domain, resource.sides);
        }
    }

    /// Tells whether some statement of the principal allows assuming roles: without one, only a trust policy that names it
    /// can let it in.
    fn assumes(&self, who: &Who) -> bool {
        let principals = self.sides.into_iter().filter_map(|side| side.principals.get(&who.arn));
        let mut allows = principals.flat_map(|p| &p.identity).flat_map(|p| &p.compiled.statements).filter(|s| s.effect == crossrole_policy::Effect::Allow);
        allows.any(|s| ASSUME.iter().any(|action| s.action.match_(action)))
    }

    /// Quick and never wrongly false: some statement of the principal may be about the resource, or some statement of the
    /// resource names the principal.
    fn touches(known: &Known<'_>, resource: &Resource<'_>) -> bool {
        let (names, patterns) = (&resource.names, &known.patterns);
        let named = names.everyone || names.texts.contains(&known.named);
        named || patterns.iter().any(|(head, whole)| resource.domain.texts.iter().any(|text| may_match(head, *whole, text)))
    }

    /// Of every resource pattern of a principal: what stands before the first wildcard, and whether that is all.
    fn heads(&self, who: &Who) -> Vec<(&'e str, bool)> {
        let principals = self.sides.into_iter().filter_map(|side| side.principals.get(&who.arn));
        let resources = principals.flat_map(|p| &p.identity).flat_map(|p| &p.document.statements).filter_map(|s| s.resource.as_ref());
        let mut heads: Vec<(&str, bool)> = Vec::new();
        for resource in resources {
            if resource.negated {
                heads.push(("", false));
            }
            heads.extend(resource.values.iter().map(|pattern| (head(pattern), head(pattern).len() == pattern.len())));
        }
        heads.sort_unstable();
        heads.dedup();
        heads
    }

    fn pair(&mut self, who: &Who, domain: &Domain, guarded: [Option<&Guarded>; 2]) {
        let account = who.subject.account.as_deref();
        let mut policies = Vec::new();
        for (side, guarded) in self.sides.into_iter().zip(guarded) {
            let identity = who.identity(side, self.everything);
            policies.push(identity.map(|identity| side.policies(identity, account, guarded, domain.owner.as_deref())));
        }
        let [before, after] = policies.as_slice() else { return };
        let mut subject = who.subject.clone();
        subject.rename_session(guarded);
        let mut domain = domain.clone();
        if !domain.actions.is_empty() {
            domain.actions = atoms::assume_by(&subject.caller);
        }
        subject.name_accounts(&domain);
        match compare(&subject, &domain, [before.as_ref(), after.as_ref()]) {
            Ok(regions) => {
                let mut changes: Vec<AccessChange> = regions.into_iter().map(|region| change(&subject, region)).collect();
                self.without_key(who, &domain, &mut changes);
                self.delta.changes.extend(changes);
            }
            Err(why) => self.delta.undecided.push(Undecided { party: subject.party, about: domain.about, why }),
        }
    }
}

fn differs(sides: [Option<&Guarded>; 2]) -> bool {
    let [before, after] = sides.map(|side| side.map(|g| (g.policy.as_ref(), g.restrict_public)).unwrap_or_default());
    before != after
}

fn change(subject: &Subject, region: Region) -> AccessChange {
    AccessChange {
        direction: region.direction,
        party: subject.party.clone(),
        except: Vec::new(),
        certainty: subject.certainty,
        actions: region.actions,
        resources: region.resources,
        when: region.when.0,
        witness: region.witness,
        keyless: None,
    }
}
