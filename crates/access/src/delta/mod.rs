//! Who gains and who loses, between two [estates](Estate).
//!
//! Looked at are the principals and resources of which something differs, and those that their documents name: each named
//! principal, "any other of account X" for each account named, another account, unsigned callers, each service. Nothing is
//! sampled; see [`pair`] and [`words`] for how, and [`values`] for what is bounded.

mod atoms;
pub(crate) mod boxes;
pub(crate) mod pair;
pub(crate) mod reach;
mod saying;
pub(crate) mod subjects;
mod values;
pub(crate) mod words;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crossrole_model::access::{AccessChange, AccessDelta, Clause, Direction, Undecided};
use crossrole_policy::{Document, Statement};

use crate::estate::{Estate, Guarded, Identity, Placed};

use atoms::ASSUME;
use pair::{Domain, Region, Subject, Text, compare};
use subjects::{Kind, Who};

/// Kinds of IAM's resources, by the beginning of their names (Service Authorization Reference, AWS IAM).
const IAM_KINDS: [&str; 9] = ["role", "user", "group", "policy", "instance-profile", "oidc-provider", "saml-provider", "mfa", "server-certificate"];

/// The first that nothing names stands for every service that nothing names.
const OTHER_SERVICES: [&str; 16] =
    ["ec2", "lambda", "sqs", "sns", "kms", "dynamodb", "logs", "events", "ecs", "eks", "rds", "ssm", "glue", "athena", "kinesis", "states"];

/// Where all of those are named; no service has this name.
const OTHER: &str = "other";

/// Returns everything that is allowed on one side only.
pub fn delta(before: &Estate, after: &Estate) -> AccessDelta {
    let everything = Placed::everything("the account's own policies");
    let mut work = Work { sides: [before, after], everything: &everything, delta: AccessDelta::default() };
    work.resources();
    work.elsewhere();
    work.unread();
    work.providers();
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
                known: Rc::default(),
                owner,
                actions: Vec::new(),
                service: Some("s3"),
                other: OTHER,
            };
            all.push(Resource { domain, sides, changed: differs(sides), names: Names::of(sides) });
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
                known: Rc::default(),
                owner,
                actions: ASSUME.map(str::to_owned).to_vec(),
                service: None,
                other: OTHER,
            };
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
        // Of thousands of roles, few are named by a trust policy or may assume others: only those are looked at for each.
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (at, principal) in known.iter().enumerate() {
            by_name.entry(&principal.named).or_default().push(at);
            by_name.entry(principal.who.subject.account.as_deref().unwrap_or_default()).or_default().push(at);
        }
        let all: BTreeSet<usize> = (0..known.len()).collect();
        let assumers: BTreeSet<usize> = known.iter().enumerate().filter(|(_, k)| self.assumes(&k.who)).map(|(at, _)| at).collect();
        for resource in self.guarded() {
            let among: Cow<'_, BTreeSet<usize>> = if resource.domain.actions.is_empty() || resource.names.everyone {
                Cow::Borrowed(&all)
            } else {
                let named = resource.names.texts.iter().filter_map(|text| by_name.get(text.as_str())).flatten().copied();
                Cow::Owned(named.chain(assumers.iter().copied()).collect())
            };
            for known in among.iter().filter_map(|at| known.get(*at)) {
                if (resource.changed || known.changed) && Self::touches(known, &resource) {
                    self.pair(&known.who, &resource.domain, resource.sides);
                }
                // What was not read may let it do what the resource now allows; where it changes itself, that is said of it.
                if resource.changed && !known.changed && self.is_unread(&known.who) {
                    let mut who = known.who.clone();
                    who.kind = Kind::Everything;
                    who.subject.who = format!("{}, as far as its policies that were not read let it,", who.subject.who);
                    self.pair(&who, &resource.domain, resource.sides);
                }
            }
            if resource.changed {
                self.unknown_kinds(&resource);
                let documents: Vec<&Document> = resource.sides.iter().flatten().filter_map(|g| g.policy.as_ref()).map(|p| &p.document).collect();
                let owner = resource.domain.owner.as_deref().unwrap_or_default();
                for who in subjects::others(&documents, owner, self.sides, !resource.domain.actions.is_empty()) {
                    self.pair(&who, &resource.domain, resource.sides);
                }
            }
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
        let named = names.everyone || names.texts.contains(&known.named) || known.who.subject.account.as_deref().is_some_and(|a| names.texts.contains(a));
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

    /// What has no policy of its own, for every principal that differs.
    fn elsewhere(&mut self) {
        let [before, after] = self.sides;
        let partition = if after.partition.is_empty() { before.partition.clone() } else { after.partition.clone() };
        let buckets = before.buckets.keys().chain(after.buckets.keys()).map(|name| format!("arn:{partition}:s3:::{name}"));
        let buckets: Rc<BTreeSet<String>> = Rc::new(buckets.collect());
        let roles: Rc<BTreeSet<String>> = Rc::new(before.roles.keys().chain(after.roles.keys()).cloned().collect());
        for arn in self.changed_principals() {
            if self.stays_inside(arn, &buckets) {
                continue;
            }
            let Some(who) = Who::known(arn, self.sides) else { continue };
            let patterns: BTreeSet<&String> = self.statements(arn).filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values).collect();
            let mut texts = vec![Text::Exact("*".to_owned())];
            // A wildcard in this place matches nothing.
            let written: BTreeSet<&str> = patterns.iter().filter_map(|p| p.split(':').nth(2)).filter(|s| !s.contains(['*', '?', '$'])).collect();
            let mut services = written.clone();
            let other = self.other_service(arn, &written);
            services.extend(["s3", "iam", other]);
            let account = who.subject.account.clone().unwrap_or_default();
            let mut accounts: BTreeSet<&str> = patterns.iter().filter_map(|p| p.split(':').nth(4)).filter(|a| a.bytes().all(|b| b.is_ascii_digit())).collect();
            accounts.retain(|a| !a.is_empty());
            accounts.insert(&account);
            for service in services {
                match service {
                    "s3" => texts.push(Text::Walk(format!("arn:{partition}:s3:::"))),
                    "iam" => texts.extend(accounts.iter().flat_map(|a| IAM_KINDS.map(|kind| Text::Walk(format!("arn:{partition}:iam::{a}:{kind}/"))))),
                    // Of any region and account.
                    service => texts.push(Text::Walk(format!("arn:{partition}:{service}:"))),
                }
            }
            self.not_looked_at(&who, &texts, &buckets);
            // A pattern that names a known one is told apart from it; of the others it says that they are left out.
            let told_apart = |known: &BTreeSet<String>| -> BTreeSet<String> {
                known.iter().filter(|k| patterns.iter().any(|p| head(p).starts_with(k.as_str()))).cloned().collect()
            };
            let known = Rc::clone(&buckets);
            let name = "other resources".to_owned();
            let domain = Domain { name, texts: texts.clone(), elsewhere: told_apart(&known), known, owner: None, actions: Vec::new(), service: None, other };
            self.pair(&who, &domain, [None, None]);
            // Roles whose trust nobody has read are taken to trust the account: what is gained there is up to them.
            let trusting = Placed::new(subjects::trusts_account(&account), "trust policy that was not read");
            let trusting = Guarded { account: String::new(), policy: Some(trusting), restrict_public: false };
            texts.retain(|t| matches!(t, Text::Walk(start) if start.ends_with(":role/")));
            let known = Rc::clone(&roles);
            let name = "other roles".to_owned();
            let domain =
                Domain { name, texts, elsewhere: told_apart(&known), known, owner: None, actions: ASSUME.map(str::to_owned).to_vec(), service: None, other };
            self.pair(&who, &domain, [Some(&trusting), Some(&trusting)]);
        }
    }

    /// Statements of the principal's side: its policies, its boundary, its account's control policies.
    fn statements(&self, arn: &str) -> impl Iterator<Item = &'e Statement> {
        self.sides.into_iter().flat_map(|side| side.principals.get(arn).map(|p| (side, p))).flat_map(|(side, principal)| {
            let own = principal.identity.iter().chain(principal.boundary.iter().flatten());
            let control = side.service_control.get(&principal.account).into_iter().flatten().flatten();
            own.chain(control).flat_map(|p| &p.document.statements)
        })
    }

    /// A service that nothing names of what bears on a principal.
    fn other_service(&self, arn: &str, written: &BTreeSet<&str>) -> &'static str {
        let actions = self.statements(arn).flat_map(|s| &s.action.values).filter_map(|a| a.split_once(':'));
        let named: BTreeSet<String> = actions.map(|(service, _)| service).chain(written.iter().copied()).map(str::to_lowercase).filter(|s| s != "*").collect();
        OTHER_SERVICES.into_iter().find(|other| !named.iter().any(|s| words::overlap(s, other))).unwrap_or(OTHER)
    }

    /// Resources that come or go in a principal's policies and that no domain is about: access points, jobs, and others.
    fn not_looked_at(&mut self, who: &Who, texts: &[Text], buckets: &BTreeSet<String>) {
        let [before, after] = self.sides.map(|side| -> BTreeSet<&String> {
            let documents = side.principals.get(&who.arn).into_iter().flat_map(|p| &p.identity);
            let statements = documents.flat_map(|p| &p.document.statements);
            statements.filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values).collect()
        });
        for pattern in before.symmetric_difference(&after) {
            let head = head(pattern);
            let whole = head.len() == pattern.len();
            let known = pattern.split('/').next().is_some_and(|bucket| buckets.contains(bucket));
            let seen = known || crossrole_policy::Arn::parse(pattern).is_none() || texts.iter().any(|text| may_match(head, whole, text));
            if !seen {
                let why = "resources of this kind are not looked at".to_owned();
                self.delta.undecided.push(Undecided { who: who.subject.who.clone(), what: (*pattern).clone(), why });
            }
        }
    }

    /// Quick and never wrongly true: all that the principal's policies allow is inside buckets that are looked at by
    /// themselves.
    fn stays_inside(&self, arn: &str, buckets: &BTreeSet<String>) -> bool {
        let inside = |pattern: &String| {
            let bucket = pattern.split('/').next().unwrap_or(pattern);
            // A wildcard in the bucket's name reaches out.
            !bucket.contains(['*', '?', '$']) && buckets.contains(bucket)
        };
        let documents = self.sides.into_iter().filter_map(|side| side.principals.get(arn)).flat_map(|p| &p.identity);
        let mut allows = documents.flat_map(|p| &p.document.statements).filter(|s| s.effect == crossrole_policy::Effect::Allow);
        allows.all(|s| s.resource.as_ref().is_some_and(|r| !r.negated && r.values.iter().all(inside)))
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

    fn is_unread(&self, who: &Who) -> bool {
        self.sides.into_iter().filter_map(|side| side.principals.get(&who.arn)).any(|p| !p.unread.is_empty())
    }

    /// Principals of kinds that the evaluator does not know, such as canonical users.
    fn unknown_kinds(&mut self, resource: &Resource<'_>) {
        let policies = resource.sides.iter().flatten().filter_map(|g| g.policy.as_ref());
        let principals = policies.flat_map(|p| &p.document.statements).filter_map(|s| s.principal.as_ref());
        let kinds: BTreeSet<&String> = principals.flat_map(|p| p.entries.keys()).filter(|k| !["AWS", "Service", "Federated"].contains(&k.as_str())).collect();
        for kind in kinds {
            let why = "principals of this kind are not evaluated".to_owned();
            self.delta.undecided.push(Undecided { who: format!("principals of kind {kind}"), what: resource.domain.name.clone(), why });
        }
    }

    /// A provider that comes, goes or takes other audiences changes who can come in by trust policies that stay as they are.
    fn providers(&mut self) {
        let [before, after] = self.sides;
        let arns: BTreeSet<&String> = before.providers.keys().chain(after.providers.keys()).collect();
        for arn in arns.into_iter().filter(|arn| before.providers.get(*arn) != after.providers.get(*arn)) {
            for (role, guarded) in &before.roles {
                let principals = guarded.policy.iter().flat_map(|p| &p.document.statements).filter_map(|s| s.principal.as_ref());
                let names = principals.into_iter().any(|p| p.entries.get("Federated").is_some_and(|list| list.contains(arn)));
                if names && after.roles.contains_key(role) {
                    let host = arn.split_once('/').map_or(arn.as_str(), |(_, host)| host);
                    let why = "the provider itself changes".to_owned();
                    self.delta.undecided.push(Undecided { who: format!("tokens of {host}"), what: subjects::role_name(role), why });
                }
            }
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

fn may_match(head: &str, whole: bool, text: &Text) -> bool {
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
        // An account that stands for all others is none.
        account: subject.account.clone().filter(|_| !subject.who.starts_with(subjects::ANY_OTHER)),
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
