//! Who gains and who loses, between two [estates](Estate).
//!
//! Looked at are the principals and resources of which something differs, and those that their documents name: each named
//! principal, "any other of account X" for each account named, another account, unsigned callers, each service. Nothing is
//! sampled; see [`pair`] and [`words`] for how, and [`values`] for what is bounded.

mod atoms;
pub(crate) mod boxes;
pub(crate) mod pair;
pub(crate) mod reach;
pub(crate) mod subjects;
mod values;
mod words;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::{AccessChange, AccessDelta, Clause, Direction, Undecided};
use crossrole_policy::{Document, Element, Statement};

use crate::engine::principal::Asker;
use crate::estate::{Estate, Guarded, Identity, Placed};

use atoms::ASSUME;
use pair::{Domain, Region, Subject, Text, compare};
use subjects::{Kind, Who};

/// Kinds of IAM's resources, by the beginning of their names (Service Authorization Reference, AWS IAM).
const IAM_KINDS: [&str; 9] = ["role", "user", "group", "policy", "instance-profile", "oidc-provider", "saml-provider", "mfa", "server-certificate"];

/// Returns everything that is allowed on one side only.
pub fn delta(before: &Estate, after: &Estate) -> AccessDelta {
    let everything = Document::new(vec![Statement::allow(Element::of(["*"]), Some(Element::of(["*"])))]);
    let everything = Placed::new(everything, "the account's own policies");
    let mut work = Work { sides: [before, after], everything: &everything, delta: AccessDelta::default() };
    work.resources();
    work.elsewhere();
    work.unread();
    let mut delta = work.delta;
    tidy(&mut delta);
    delta
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
}

impl<'e> Work<'e> {
    fn changed_principals(&self) -> BTreeSet<&'e str> {
        let [before, after] = self.sides;
        let all = before.principals.keys().chain(after.principals.keys());
        all.filter(|arn| before.principals.get(*arn) != after.principals.get(*arn)).map(String::as_str).collect()
    }

    fn guarded(&self) -> Vec<Resource<'e>> {
        let [before, after] = self.sides;
        let partition = if after.partition.is_empty() { &before.partition } else { &after.partition };
        let mut all = Vec::new();
        let names: BTreeSet<&String> = before.buckets.keys().chain(after.buckets.keys()).collect();
        for name in names {
            let sides = self.sides.map(|side| side.buckets.get(name));
            let owner = sides.into_iter().flatten().next_back().map(|g| g.account.clone());
            let arn = format!("arn:{partition}:s3:::{name}");
            let texts = vec![Text::Exact(arn.clone()), Text::Walk(format!("{arn}/"))];
            let domain = Domain {
                name: format!("bucket {name}"),
                texts,
                elsewhere: BTreeSet::new(),
                known: BTreeSet::new(),
                owner,
                actions: Vec::new(),
                service: Some("s3"),
            };
            all.push(Resource { domain, sides, changed: differs(sides) });
        }
        let arns: BTreeSet<&String> = before.roles.keys().chain(after.roles.keys()).collect();
        for arn in arns {
            let sides = self.sides.map(|side| side.roles.get(arn));
            let owner = sides.into_iter().flatten().next_back().map(|g| g.account.clone());
            let texts = vec![Text::Exact(arn.clone())];
            let domain = Domain {
                name: subjects::role_name(arn),
                texts,
                elsewhere: BTreeSet::new(),
                known: BTreeSet::new(),
                owner,
                actions: ASSUME.map(str::to_owned).to_vec(),
                service: None,
            };
            all.push(Resource { domain, sides, changed: differs(sides) });
        }
        all
    }

    /// Every bucket and role, for everyone whom a difference there can touch.
    fn resources(&mut self) {
        let changed = self.changed_principals();
        let known: BTreeSet<&str> = self.sides.into_iter().flat_map(|side| side.principals.keys()).map(String::as_str).collect();
        let known: Vec<Who> = known.into_iter().filter_map(|arn| Who::known(arn, self.sides)).collect();
        for resource in self.guarded() {
            for who in &known {
                if (resource.changed || changed.contains(who.arn.as_str())) && self.touches(who, &resource) {
                    self.pair(who, &resource.domain, resource.sides);
                }
            }
            if resource.changed {
                let documents: Vec<&Document> = resource.sides.iter().flatten().filter_map(|g| g.policy.as_ref()).map(|p| &p.document).collect();
                let owner = resource.domain.owner.as_deref().unwrap_or_default();
                for who in subjects::others(&documents, owner, self.sides, !resource.domain.actions.is_empty()) {
                    self.pair(&who, &resource.domain, resource.sides);
                }
            }
        }
    }

    /// Quick and never wrongly false: some statement of the principal may be about the resource, or some statement of the
    /// resource names the principal.
    fn touches(&self, who: &Who, resource: &Resource<'_>) -> bool {
        let asker = Asker::of(&who.subject.caller);
        let named = resource
            .sides
            .iter()
            .flatten()
            .filter_map(|g| g.policy.as_ref())
            .any(|policy| policy.compiled.statements.iter().any(|s| s.names(&asker, false).is_some() || s.principal.as_ref().is_some_and(|p| p.negated)));
        let own = |estate: &&Estate| {
            let Some(principal) = estate.principals.get(&who.arn) else { return false };
            principal
                .identity
                .iter()
                .flat_map(|p| &p.compiled.statements)
                .filter_map(|s| s.resource.as_ref())
                .any(|r| r.negated || r.written.iter().any(|pattern| resource.domain.texts.iter().any(|text| may_match(pattern, text))))
        };
        named || self.sides.iter().any(own)
    }

    /// What has no policy of its own, for every principal that differs.
    fn elsewhere(&mut self) {
        let [before, after] = self.sides;
        let partition = if after.partition.is_empty() { before.partition.clone() } else { after.partition.clone() };
        for arn in self.changed_principals() {
            let Some(who) = Who::known(arn, self.sides) else { continue };
            let documents =
                self.sides.into_iter().filter_map(|side| side.principals.get(arn)).flat_map(|p| p.identity.iter().chain(p.boundary.iter().flatten()));
            let patterns: BTreeSet<&String> =
                documents.flat_map(|p| &p.document.statements).filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values).collect();
            let mut texts = vec![Text::Exact("*".to_owned())];
            let mut services: BTreeSet<&str> = patterns.iter().filter_map(|p| p.split(':').nth(2)).filter(|s| !s.contains(['*', '?', '$'])).collect();
            services.extend(["s3", "iam", "ec2"]);
            let account = who.subject.account.clone().unwrap_or_default();
            let mut accounts: BTreeSet<&str> = patterns.iter().filter_map(|p| p.split(':').nth(4)).filter(|a| a.bytes().all(|b| b.is_ascii_digit())).collect();
            accounts.retain(|a| !a.is_empty());
            accounts.insert(&account);
            for service in services {
                match service {
                    "s3" => texts.push(Text::Walk(format!("arn:{partition}:s3:::"))),
                    "iam" => texts.extend(accounts.iter().flat_map(|a| IAM_KINDS.map(|kind| Text::Walk(format!("arn:{partition}:iam::{a}:{kind}/"))))),
                    service => texts.push(Text::Walk(format!("arn:{partition}:{service}:us-east-1:{account}:"))),
                }
            }
            let buckets = before.buckets.keys().chain(after.buckets.keys()).map(|name| format!("arn:{partition}:s3:::{name}"));
            let roles = before.roles.keys().chain(after.roles.keys()).cloned();
            // A pattern that names a known one is told apart from it; of the others it says that they are left out.
            let told_apart = |known: &BTreeSet<String>| -> BTreeSet<String> {
                known.iter().filter(|k| patterns.iter().any(|p| head(p).starts_with(k.as_str()))).cloned().collect()
            };
            let known: BTreeSet<String> = buckets.collect();
            let name = "other resources".to_owned();
            let domain = Domain { name, texts: texts.clone(), elsewhere: told_apart(&known), known, owner: None, actions: Vec::new(), service: None };
            self.pair(&who, &domain, [None, None]);
            // Roles whose trust nobody has read are taken to trust the account: what is gained there is up to them.
            let trusting = Placed::new(subjects::trusts_account(&account), "trust policy that was not read");
            let trusting = Guarded { account: String::new(), policy: Some(trusting), restrict_public: false };
            texts.retain(|t| matches!(t, Text::Walk(start) if start.ends_with(":role/")));
            let known: BTreeSet<String> = roles.collect();
            let name = "other roles".to_owned();
            let domain = Domain { name, texts, elsewhere: told_apart(&known), known, owner: None, actions: ASSUME.map(str::to_owned).to_vec(), service: None };
            self.pair(&who, &domain, [Some(&trusting), Some(&trusting)]);
        }
    }

    fn pair(&mut self, who: &Who, domain: &Domain, guarded: [Option<&Guarded>; 2]) {
        let account = who.subject.account.as_deref();
        let mut policies = Vec::new();
        for (side, guarded) in self.sides.into_iter().zip(guarded) {
            let identity = match who.kind {
                Kind::Known => side.principals.get(&who.arn).map(Identity::Of),
                Kind::Everything => Some(Identity::Everything(self.everything)),
                Kind::Nothing => Some(Identity::Nothing),
            };
            policies.push(identity.map(|identity| side.policies(identity, account, guarded, domain.owner.as_deref())));
        }
        let [before, after] = policies.as_slice() else { return };
        let mut subject = who.subject.clone();
        let mut domain = domain.clone();
        if !domain.actions.is_empty() {
            domain.actions = atoms::assume_by(&subject.caller);
        }
        if let Some(owner) = domain.owner.as_deref().or(account) {
            for key in ["aws:resourceaccount", "s3:resourceaccount"] {
                subject.fixed.insert(key.to_owned(), Some(crate::ContextValue::One(owner.to_owned())));
            }
        }
        match compare(&subject, &domain, [before.as_ref(), after.as_ref()]) {
            Ok(regions) => self.delta.changes.extend(regions.into_iter().map(|region| change(&subject, region))),
            Err(why) => self.delta.undecided.push(Undecided { who: subject.who, what: domain.name.clone(), why }),
        }
    }

    /// Principals that differ and have policies whose documents nobody has read.
    fn unread(&mut self) {
        for arn in self.changed_principals() {
            let unread: BTreeSet<&String> = self.sides.into_iter().filter_map(|side| side.principals.get(arn)).flat_map(|p| &p.unread).collect();
            if let (false, Some(who)) = (unread.is_empty(), Who::known(arn, self.sides)) {
                let list: Vec<&str> = unread.into_iter().map(String::as_str).collect();
                self.delta.undecided.push(Undecided {
                    who: who.subject.who,
                    what: list.join(", "),
                    why: "its document was not read, and what it allows is not counted".to_owned(),
                });
            }
        }
    }
}

fn differs(sides: [Option<&Guarded>; 2]) -> bool {
    let [before, after] = sides.map(|side| side.map(|g| (g.policy.as_ref(), g.restrict_public)).unwrap_or_default());
    before != after
}

/// The part of a pattern before its first wildcard or variable.
fn head(pattern: &str) -> &str {
    let end = pattern.find(['*', '?']).into_iter().chain(pattern.find("${")).min();
    end.and_then(|end| pattern.get(..end)).unwrap_or(pattern)
}

fn may_match(pattern: &str, text: &Text) -> bool {
    let head = head(pattern);
    let whole = head.len() == pattern.len();
    match text {
        Text::Exact(text) => {
            if whole {
                head == text
            } else {
                text.starts_with(head)
            }
        }
        Text::Walk(start) => head.starts_with(start.as_str()) || !whole && start.starts_with(head),
    }
}

fn change(subject: &Subject, region: Region) -> AccessChange {
    AccessChange {
        direction: region.direction,
        who: subject.who.clone(),
        account: subject.account.clone(),
        actions: region.actions,
        resources: region.resources,
        when: region.when.0,
        witness: region.witness,
    }
}

/// Which way, who, which actions, under which conditions.
type Alike = (Direction, String, Vec<String>, Vec<Vec<Clause>>);

/// Puts what differs only in its resources together, drops what is said of everyone already, and sorts.
fn tidy(delta: &mut AccessDelta) {
    let mut merged: BTreeMap<Alike, AccessChange> = BTreeMap::new();
    for change in delta.changes.drain(..) {
        let key = (change.direction, change.who.clone(), change.actions.clone(), change.when.clone());
        match merged.get_mut(&key) {
            Some(same) => same.resources.extend(change.resources),
            None => {
                merged.insert(key, change);
            }
        }
    }
    let mut changes: Vec<AccessChange> = merged.into_values().collect();
    for change in &mut changes {
        change.resources.sort();
        change.resources.dedup();
    }
    let everyone: Vec<AccessChange> = changes.iter().filter(|c| c.who == subjects::ANYONE).cloned().collect();
    // Who needs no policies of its own is more than who has some.
    let bare: Vec<AccessChange> = changes.iter().filter(|c| c.who.ends_with(subjects::EVEN_WITHOUT)).cloned().collect();
    changes.retain(|c| {
        let same =
            |e: &&AccessChange| (e.direction, &e.account, &e.actions, &e.resources, &e.when) == (c.direction, &c.account, &c.actions, &c.resources, &c.when);
        !(c.who.ends_with(subjects::IF_LET) && bare.iter().any(|e| same(&e)))
    });
    // A user whose difference is that of a group's members has it from the group.
    let groups: Vec<AccessChange> = changes.iter().filter(|c| c.who.starts_with(subjects::MEMBERS)).cloned().collect();
    changes.retain(|c| {
        let same =
            |e: &&AccessChange| (e.direction, &e.account, &e.actions, &e.resources, &e.when) == (c.direction, &c.account, &c.actions, &c.resources, &c.when);
        !(c.who.starts_with("user ") && groups.iter().any(|e| same(&e)))
    });
    changes.retain(|c| {
        c.who == subjects::ANYONE
            || !everyone.iter().any(|e| (e.direction, &e.actions, &e.resources, &e.when) == (c.direction, &c.actions, &c.resources, &c.when))
    });
    changes.sort_by(|a, b| (a.direction, a.account.is_some(), &a.who, &a.resources).cmp(&(b.direction, b.account.is_some(), &b.who, &b.resources)));
    delta.changes = changes;
    delta.undecided.sort();
    delta.undecided.dedup();
}
