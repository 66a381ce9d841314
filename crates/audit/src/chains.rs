//! Chains: who comes over several roles, each assumed from the one before, from one account into another.
//!
//! A step is one that the evaluator allows on both sides. Candidates for it are found in the texts of policies, once, and each is put to
//! the evaluator: a text that was overlooked would hide a chain, so that whatever may match is a candidate.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crossrole_access::estate::Principal;
use crossrole_access::language::wildcard_matches;
use crossrole_access::{Estate, action_matches, assumers, reached, resource_matches};
use crossrole_model::access::{AccessChange, Hop, Party, Undecided};
use crossrole_model::audit::{Callers, Chain, Cut, NotKnown, Object, Origin, WayIn};
use crossrole_policy::{Arn, Effect, Statement};

use crate::look::{always, may_be, still_lets, with_factor};

/// Most roles of one chain. AWS has no limit (each session of a chain ends within the hour, IAM User Guide, "Role chaining"); longer than
/// any that a person follows.
const DEPTH_MOST: usize = 32;

/// Most chains that are told. A reader who sees more reads none; a hundred administrators of one account are a hundred chains each.
const CHAINS_MOST: usize = 1_000;

/// Most pairs of a principal and a role that are put to the evaluator: ten thousand take about a second, and a hundred administrators are
/// as many with a hundred roles that leave it to their account.
const PAIRS_MOST: usize = 50_000;

/// Most buckets and keys that roles at the ends of chains are asked about.
const REACH_MOST: usize = 5_000;

const ASSUME: &str = "sts:AssumeRole";

/// What was found.
#[derive(Default)]
pub(crate) struct Chained {
    /// Who assumes which role: ARNs.
    pairs: BTreeSet<(String, String)>,
    /// The same of accounts, some of whose principals do.
    of_accounts: BTreeSet<(String, String)>,
    /// Users who need no second factor on either side, by the role that they assume.
    unproven: BTreeMap<String, BTreeSet<String>>,
    /// Not every pair was looked at.
    partial: bool,
    pub(crate) chains: Vec<Chain>,
    pub(crate) reach: BTreeMap<String, Vec<AccessChange>>,
    pub(crate) cut: BTreeSet<Cut>,
}

/// Finds chains, and what their last roles reach.
pub(crate) fn chains(estate: &Estate, ways: &[WayIn], now: i64, not_known: &mut Vec<NotKnown>) -> Chained {
    let mut found = Chained::default();
    let steps = steps(estate, now, not_known, &mut found.cut);
    let mut all = BTreeSet::new();
    for start in starts(estate, ways, &steps) {
        walk(start, &steps, &mut all, &mut found.cut);
    }
    let mut chains: Vec<Chain> = all.into_iter().collect();
    chains.sort_by(|a, b| b.hops.len().cmp(&a.hops.len()).then_with(|| a.cmp(b)));
    if chains.len() > CHAINS_MOST {
        chains.truncate(CHAINS_MOST);
        found.cut.insert(Cut::Chains(CHAINS_MOST));
    }
    found.partial = found.cut.contains(&Cut::Pairs(PAIRS_MOST));
    let ends: BTreeSet<&str> = chains.iter().filter_map(Chain::last).collect();
    found.reach = reach(estate, &ends, now, &mut found.cut);
    found.chains = chains;
    let pairs = steps.iter().flat_map(|(from, hops)| hops.iter().map(move |hop| (from.clone(), hop.resource.clone())));
    found.pairs = pairs.collect();
    for hop in steps.iter().filter(|(from, _)| is_user(estate, from)).flat_map(|(_, hops)| hops).filter(|hop| !always(&hop.when, with_factor)) {
        found.unproven.entry(hop.resource.clone()).or_default().extend(hop.party.id().map(str::to_owned));
    }
    found.of_accounts = found.pairs.iter().filter_map(|(from, role)| Some((Arn::parse(from)?.account.to_owned(), role.clone()))).collect();
    found
}

fn is_user(estate: &Estate, arn: &str) -> bool {
    estate.principals.get(arn).is_some_and(|principal| principal.user)
}

impl Chained {
    /// Users of an account who assume a role without a second factor, by what both sides say.
    pub(crate) fn unproven<'c>(&'c self, role: &str, account: &'c str) -> impl Iterator<Item = &'c String> {
        self.unproven.get(role).into_iter().flatten().filter(move |user| Arn::parse(user).is_some_and(|arn| arn.account == account))
    }

    /// What is known of who comes into a role: of principals that were read.
    pub(crate) fn callers(&self, estate: &Estate, way: &WayIn) -> Callers {
        let Object::Role { arn: role } = &way.to else { return Callers::NotRead };
        let account = way.access.party.account().filter(|account| estate.whole.contains(*account));
        let Some(account) = account.filter(|_| !self.partial) else { return Callers::NotRead };
        let may = match &way.access.party {
            Party::Role { arn } | Party::User { arn } if estate.principals.contains_key(arn) => self.pairs.contains(&(arn.clone(), role.clone())),
            Party::Named { arn } => match estate.role_behind(arn) {
                Some(of) => self.pairs.contains(&(of.clone(), role.clone())),
                None => return Callers::NotRead,
            },
            Party::AnyOf { .. } => self.of_accounts.contains(&(account.to_owned(), role.clone())),
            _ => return Callers::NotRead,
        };
        if may { Callers::May } else { Callers::MayNot }
    }
}

/// Roles that each principal may assume: by its ARN.
type Steps = BTreeMap<String, Vec<Hop>>;

fn steps(estate: &Estate, now: i64, not_known: &mut Vec<NotKnown>, cut: &mut BTreeSet<Cut>) -> Steps {
    let wants = Wants::of(estate);
    let (mut steps, mut pairs) = (Steps::new(), 0);
    for role in estate.roles.keys() {
        let candidates = wants.candidates(estate, role);
        pairs += candidates.len();
        if pairs > PAIRS_MOST {
            cut.insert(Cut::Pairs(PAIRS_MOST));
            break;
        }
        if candidates.is_empty() {
            continue;
        }
        let (hops, undecided) = assumers(estate, role, candidates);
        for mut hop in hops {
            let may = still_lets(&mut hop.when, now);
            if let Some(from) = hop.party.id().filter(|_| may).map(str::to_owned) {
                // A session goes on from where its role was assumed.
                let from = estate.role_behind(&from).cloned().unwrap_or(from);
                steps.entry(from).or_default().push(hop);
            }
        }
        let object = || Object::Role { arn: role.clone() };
        not_known.extend(undecided.into_iter().map(|Undecided { party, about, why }| NotKnown::Undecided { party, about, object: object(), why }));
    }
    steps
}

/// Who wants to assume which roles, by policies of their own.
struct Wants<'e> {
    /// By the ARN of the role.
    exact: BTreeMap<&'e str, BTreeSet<&'e str>>,
    /// Patterns over roles, by account.
    patterns: BTreeMap<&'e str, BTreeSet<(&'e str, &'e str)>>,
}

impl<'e> Wants<'e> {
    fn of(estate: &'e Estate) -> Self {
        let (mut exact, mut patterns) = (BTreeMap::<&str, BTreeSet<&str>>::new(), BTreeMap::<&str, BTreeSet<(&str, &str)>>::new());
        // A group's permissions are those of its members, who are there themselves.
        for (arn, principal) in estate.principals.iter().filter(|(arn, _)| !arn.contains(":group/")) {
            for statement in principal.identity.iter().flat_map(|p| &p.document.statements).filter(|s| lets_assume(s)) {
                let mut wants = |pattern: &'e str| {
                    if pattern.contains(['*', '?', '$']) {
                        patterns.entry(principal.account.as_str()).or_default().insert((pattern, arn.as_str()));
                    } else {
                        exact.entry(pattern).or_default().insert(arn.as_str());
                    }
                };
                match &statement.resource {
                    Some(resource) if !resource.negated => resource.values.iter().for_each(|value| wants(value)),
                    _ => wants("*"),
                }
            }
        }
        Self { exact, patterns }
    }

    /// Those that a role's trust may let in, and that may want it; inside one account, whom the trust names needs nothing else.
    fn candidates(&self, estate: &'e Estate, role: &str) -> BTreeSet<&'e str> {
        let mut all = BTreeSet::new();
        let Some(guarded) = estate.roles.get(role) else { return all };
        let statements = guarded.policy.iter().flat_map(|p| &p.document.statements);
        for principal in statements.filter(|s| s.effect == Effect::Allow).filter_map(|s| s.principal.as_ref()) {
            if principal.negated || principal.bare_star || principal.aws().iter().any(|value| value == "*") {
                all.extend(self.patterns.keys().flat_map(|account| self.wanting(account, role)));
                all.extend(self.exact.get(role).into_iter().flatten());
                continue;
            }
            for value in principal.aws() {
                match Arn::parse(value) {
                    Some(arn) if arn.resource == "root" => all.extend(self.of_account(estate, arn.account, role)),
                    None => all.extend(self.of_account(estate, value, role)),
                    Some(arn) if arn.service == "sts" => {
                        let name = arn.resource.split('/').nth(1).unwrap_or_default();
                        let named =
                            |(known, p): &(&'e String, &'e Principal)| !p.user && p.name == name && !known.contains(":group/") && p.account == arn.account;
                        all.extend(estate.principals.iter().filter(named).map(|(known, _)| known.as_str()));
                    }
                    Some(_) => all.extend(estate.principals.get_key_value(value.as_str()).map(|(known, _)| known.as_str())),
                }
            }
        }
        all
    }

    fn of_account(&self, estate: &Estate, account: &str, role: &str) -> BTreeSet<&'e str> {
        let of = |arn: &&&str| estate.principals.get(**arn).is_some_and(|p| p.account == account);
        let mut all: BTreeSet<&str> = self.exact.get(role).into_iter().flatten().filter(of).copied().collect();
        all.extend(self.wanting(account, role));
        all
    }

    /// Those of an account of whom some pattern may match a role.
    fn wanting(&self, account: &str, role: &str) -> impl Iterator<Item = &'e str> {
        let of_account = self.patterns.get(account).into_iter().flatten();
        // What a variable stands for is up to the evaluator.
        of_account
            .filter(move |(pattern, _)| pattern.contains("${") || resource_matches(pattern, role, None))
            .map(|(_, arn)| *arn)
            .collect::<Vec<_>>()
            .into_iter()
    }
}

fn lets_assume(statement: &Statement) -> bool {
    statement.effect == Effect::Allow && statement.action.values.iter().any(|pattern| action_matches(pattern, ASSUME)) != statement.action.negated
}

/// Where chains begin: each is somebody's first step.
fn starts<'s>(estate: &Estate, ways: &[WayIn], steps: &'s Steps) -> Vec<Vec<Hop>> {
    let whole: BTreeSet<&str> = estate.whole.iter().map(String::as_str).collect();
    let mut outside: BTreeMap<Party, Vec<Hop>> = BTreeMap::new();
    for way in ways {
        let Object::Role { arn } = &way.to else { continue };
        // Services come for themselves, and of accounts that were read everybody is known by name.
        let known = way.access.party.account().is_some_and(|account| whole.contains(account));
        if matches!(way.origin, Origin::Service { .. }) || known {
            continue;
        }
        let access = &way.access;
        let action = access.actions.first().map_or_else(|| ASSUME.to_owned(), |part| part.pattern.clone());
        let (party, except, when) = (access.party.clone(), access.except.clone(), access.when.clone());
        outside.entry(party.clone()).or_default().push(Hop { party, except, certainty: access.certainty, action, resource: arn.clone(), when });
    }
    let entered: BTreeSet<&str> = steps.values().flatten().chain(outside.values().flatten()).map(|hop| hop.resource.as_str()).collect();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut all: Vec<Vec<Hop>> = outside.values().cloned().collect();
    let firsts = steps.iter().filter(|(from, _)| !entered.contains(from.as_str()));
    let mut open: Vec<&'s str> = Vec::new();
    for (from, hops) in firsts {
        seen.insert(from);
        open.extend(hops.iter().map(|hop| hop.resource.as_str()));
        all.push(hops.clone());
    }
    let of_outside: Vec<String> = outside.values().flatten().map(|hop| hop.resource.clone()).collect();
    open.extend(of_outside.iter().filter_map(|role| steps.get_key_value(role)).map(|(role, _)| role.as_str()));
    // Roles in a circle that nothing leads into begin at the first of them.
    reach_all(&mut open, steps, &mut seen);
    for (from, hops) in steps {
        if !seen.contains(from.as_str()) {
            all.push(hops.clone());
            open.push(from);
            reach_all(&mut open, steps, &mut seen);
        }
    }
    all
}

fn reach_all<'s>(open: &mut Vec<&'s str>, steps: &'s Steps, seen: &mut BTreeSet<&'s str>) {
    while let Some(role) = open.pop() {
        if seen.insert(role) {
            open.extend(steps.get(role).into_iter().flatten().map(|hop| hop.resource.as_str()));
        }
    }
}

/// The shortest way from somebody's first steps to every role beyond, each as far as it goes.
fn walk(start: Vec<Hop>, steps: &Steps, all: &mut BTreeSet<Chain>, cut: &mut BTreeSet<Cut>) {
    let mut seen: BTreeSet<String> = start.first().and_then(|hop| hop.party.id()).map(str::to_owned).into_iter().collect();
    let mut open: VecDeque<Vec<Hop>> = VecDeque::new();
    for hop in start {
        if seen.insert(hop.resource.clone()) {
            open.push_back(vec![hop]);
        }
    }
    while let Some(way) = open.pop_front() {
        // One more than is told, so that it is known whether that is all.
        if all.len() > CHAINS_MOST {
            return;
        }
        let Some(last) = way.last() else { continue };
        let next = steps.get(&last.resource).into_iter().flatten();
        let further: Vec<&Hop> = next.filter(|hop| !seen.contains(&hop.resource) && goes_on(last, hop)).collect();
        if !further.is_empty() && way.len() == DEPTH_MOST {
            cut.insert(Cut::Depth(DEPTH_MOST));
        }
        if further.is_empty() || way.len() == DEPTH_MOST {
            if way.len() > 1 && crosses(&way) {
                all.insert(Chain { hops: way });
            }
            continue;
        }
        for hop in further {
            if seen.insert(hop.resource.clone()) {
                open.push_back(way.iter().cloned().chain([hop.clone()]).collect());
            }
        }
    }
}

/// Tells whether who has assumed a role can be the session of it that goes on, where that has to be one of a certain name.
fn goes_on(before: &Hop, next: &Hop) -> bool {
    let Party::Named { arn } = &next.party else { return true };
    let name = arn.rsplit('/').next().unwrap_or_default();
    let user = if let Party::User { .. } = before.party { before.party.name() } else { None };
    before.when.is_empty() || before.when.iter().any(|clauses| may_be(clauses, "sts:RoleSessionName", name, user))
}

/// Tells whether a chain leads from one account into another, or comes from none.
fn crosses(way: &[Hop]) -> bool {
    way.iter().any(|hop| hop.party.account() != Arn::parse(&hop.resource).map(|arn| arn.account))
}

/// What roles reach, of the buckets and keys that were read.
fn reach(estate: &Estate, roles: &BTreeSet<&str>, now: i64, cut: &mut BTreeSet<Cut>) -> BTreeMap<String, Vec<AccessChange>> {
    let (mut all, mut asked) = (BTreeMap::new(), 0);
    for role in roles {
        let Some(principal) = estate.principals.get(*role) else { continue };
        let buckets: Vec<&str> = estate.buckets.keys().filter(|name| may_reach(estate, principal, role, name)).map(String::as_str).collect();
        let keys: Vec<&str> = estate.keys.keys().filter(|arn| speaks_of_key(principal, arn)).map(String::as_str).collect();
        asked += buckets.len() + keys.len();
        if asked > REACH_MOST {
            cut.insert(Cut::Reach(REACH_MOST));
            break;
        }
        let mut found = reached(estate, role, buckets, keys).changes;
        found.retain_mut(|change| still_lets(&mut change.when, now));
        if !found.is_empty() {
            all.insert((*role).to_owned(), found);
        }
    }
    all
}

/// Tells whether policies of either side may be about both: the evaluator decides what of that is so.
fn may_reach(estate: &Estate, principal: &Principal, role: &str, bucket: &str) -> bool {
    let resources = principal.identity.iter().flat_map(|p| &p.document.statements).filter(|s| s.effect == Effect::Allow).filter_map(|s| s.resource.as_ref());
    let mut matches = resources.flat_map(|r| r.values.iter().map(move |value| (r.negated, value)));
    let wanted = matches.any(|(negated, value)| match value.split_once(":s3:::") {
        _ if negated => true,
        Some((_, rest)) => wildcard_matches(rest.split('/').next().unwrap_or(rest), bucket) || rest.contains("${"),
        None => value.starts_with('*') || value.starts_with("arn:") && value.contains('*') && !value.contains(":iam:") && !value.contains(":kms:"),
    });
    let policy = estate.buckets.get(bucket).and_then(|b| b.policy.as_ref());
    wanted || policy.is_some_and(|p| p.document.aws_principals().any(|value| value == role))
}

fn speaks_of_key(principal: &Principal, arn: &str) -> bool {
    let resources = principal.identity.iter().flat_map(|p| &p.document.statements).filter(|s| s.effect == Effect::Allow).filter_map(|s| s.resource.as_ref());
    resources.into_iter().any(|r| r.negated || r.values.iter().any(|value| resource_matches(value, arn, None)))
}
