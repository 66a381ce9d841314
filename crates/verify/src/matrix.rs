//! Everything that has to be tried.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::{Caller, Estate};
use crossrole_model::proof::{Act, Cell, Terms, Twist, UNWRITTEN};
use crossrole_model::{AccountId, Desired, DesiredState};
use crossrole_policy::{Arn, Document, Principal};

use crate::asked::at_least;
use crate::bucket::{Place, acts, places};
use crate::statements::guests;
use crate::terms::{LONGEST, terms_of, twisted};

/// Most cells of one run: each may cost three calls, and who has more has several runs.
pub const CELLS_MOST: usize = 20_000;

/// Name of the sessions that are opened to try something.
pub const SESSION_NAME: &str = "crossrole-verify";

/// Objects that are there, by bucket.
pub type Objects = BTreeMap<String, Vec<String>>;

/// Somebody whose credentials are at hand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hand {
    /// ARN of the user or role.
    pub arn: String,
    /// ARNs of the groups that it is in, as far as they are known.
    pub groups: BTreeSet<String>,
}

/// How it is tried.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Objects of our own may be written and deleted.
    pub write_probes: bool,
    /// Key of such an object, below each prefix.
    pub probe: String,
    /// Where policies that are live let somebody work, by bucket: prefixes.
    pub elsewhere: BTreeMap<String, BTreeSet<String>>,
    /// The address that calls come from, where it is known.
    pub address: Option<String>,
    /// Seconds since 1970.
    pub now: i64,
}

/// What has to be tried.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Matrix {
    /// Each once, in the order of people: roles first, then what their sessions do, then buckets without a role.
    pub cells: Vec<Cell>,
    /// Cells over the most that are tried.
    pub left_out: usize,
    /// Actions that are granted and that nothing here tries, by role.
    pub untried: BTreeMap<String, BTreeSet<String>>,
    /// Buckets that a role may work in and that no manifest of the run speaks of, by role.
    pub elsewhere: BTreeMap<String, BTreeSet<String>>,
}

impl Options {
    /// The name of an object of ours: one that is written, or one that is only asked about.
    pub(crate) fn object(&self) -> &str {
        if self.write_probes { &self.probe } else { UNWRITTEN }
    }
}

pub(crate) struct Builder<'b> {
    pub(crate) desired: &'b Desired,
    /// Of the manifests alone.
    pub(crate) wanted: &'b Estate,
    pub(crate) hands: &'b [Hand],
    pub(crate) objects: &'b Objects,
    pub(crate) options: &'b Options,
    pub(crate) cells: Vec<Cell>,
    /// Roles whose sessions are asked about.
    pub(crate) via: BTreeSet<String>,
}

/// Lists what has to be tried. `wanted` is the estate that the manifests make by themselves.
pub fn matrix(desired: &Desired, wanted: &Estate, hands: &[Hand], objects: &Objects, options: &Options) -> Matrix {
    let mut builder = Builder { desired, wanted, hands, objects, options, cells: Vec::new(), via: BTreeSet::new() };
    let callers = builder.callers();
    let roles = builder.roles();
    let (mut untried, mut elsewhere) = (BTreeMap::new(), BTreeMap::new());
    for (arn, longest) in &roles {
        let granted = builder.assumes(&callers, arn, *longest);
        builder.sessions(arn, &granted);
        let actions = builder.others(arn, &granted);
        if !actions.is_empty() {
            untried.insert(arn.clone(), actions);
        }
        let buckets = builder.elsewhere(arn);
        if !buckets.is_empty() {
            elsewhere.insert(arn.clone(), buckets);
        }
    }
    builder.direct(&callers);
    builder.statements(&callers);
    let mut seen = BTreeSet::new();
    let mut cells = builder.cells;
    cells.retain(|cell| seen.insert(cell.clone()));
    let left_out = cells.len().saturating_sub(CELLS_MOST);
    cells.truncate(CELLS_MOST);
    Matrix { cells, left_out, untried, elsewhere }
}

impl Builder<'_> {
    /// Roles that manifests declare, each with its longest session in seconds.
    fn roles(&self) -> BTreeMap<String, u32> {
        let objects = self.desired.objects.iter();
        let roles = objects.filter_map(|(address, object)| match &object.state {
            DesiredState::Role { state, .. } => {
                let arn = format!("arn:{}:iam::{}:role{}{}", self.desired.partition.as_str(), address.account, state.path, address.name);
                Some((arn, state.max_session_seconds))
            }
            _ => None,
        });
        roles.collect()
    }

    /// Everybody who is asked about: who is at hand, who is named, any other of each account that is trusted, and of any other.
    fn callers(&self) -> BTreeSet<String> {
        let mut all: BTreeSet<String> = self.hands.iter().map(|hand| hand.arn.clone()).collect();
        let trusting = |account: &str| self.desired.accounts.iter().any(|(id, info)| id.as_str() == account && info.trusting);
        let trusts = self.wanted.roles.values().chain(self.wanted.buckets.values()).filter_map(|guarded| guarded.policy.as_ref());
        for statement in trusts.flat_map(|policy| &policy.document.statements) {
            let named = statement.principal.iter().filter(|p| !p.negated).flat_map(Principal::aws);
            all.extend(named.filter(|arn| is_somebody(arn)).cloned());
        }
        all.extend(self.wanted.principals.iter().filter(|(_, principal)| !trusting(&principal.account)).map(|(arn, _)| arn.clone()));
        all.extend(self.desired.accounts.iter().filter(|(_, info)| !info.trusting && !info.left).map(|(id, _)| id.to_string()));
        all.insert(AccountId::nobody().to_string());
        all
    }

    /// Who may assume a role, and on what terms it may not. Returns who may, with the terms.
    fn assumes(&mut self, callers: &BTreeSet<String>, role: &str, longest: u32) -> Vec<(String, Terms)> {
        let Some(trust) = self.wanted.roles.get(role).and_then(|guarded| guarded.policy.as_ref()).map(|policy| policy.document.clone()) else {
            return Vec::new();
        };
        let act = Act::Assume { role: role.to_owned() };
        let mut granted = Vec::new();
        let guests: BTreeSet<String> = trust.statements.iter().flat_map(guests).filter(|guest| !callers.contains(guest)).collect();
        for caller in callers.iter().chain(&guests).filter(|caller| caller.as_str() != role) {
            let of = |terms: Terms, twist, wanted| Cell { principal: caller.clone(), via: None, act: act.clone(), twist, terms, wanted };
            let name = caller.rsplit('/').next().unwrap_or_default();
            let mut candidates = terms_of(&trust, name, Caller::parse(caller).assumes_by(), Some(self.options.now));
            for candidate in &mut candidates {
                if self.options.address.is_some() && candidate.address.is_some() {
                    candidate.address.clone_from(&self.options.address);
                }
            }
            let mut allowed: Vec<Terms> =
                candidates.iter().filter(|terms| self.is_wanted(&of((*terms).clone(), Twist::AsGranted, true)) == Some(true)).cloned().collect();
            // Terms that ask for nothing of another's are that other's with something left out.
            allowed.dedup();
            if allowed.iter().any(|terms| terms.keys.is_empty() && terms.at.is_none()) {
                allowed.retain(|terms| terms.keys.is_empty() && terms.at.is_none());
            }
            let Some(terms) = allowed.first().cloned() else {
                // With all that the role asks for, and not let in all the same.
                let mut last = candidates.last().cloned();
                if self.is_at_hand(caller) {
                    // Its own call brings what it brings.
                    if let Some(terms) = &mut last {
                        terms.keys.clear();
                    }
                }
                if let Some(terms) = last
                    && self.is_wanted(&of(terms.clone(), Twist::OtherPrincipal, false)) == Some(false)
                {
                    let twist = self.other_moment(&trust, &of(terms.clone(), Twist::OtherPrincipal, false));
                    self.cells.push(of(terms, twist, false));
                }
                // Of whom the account's own affair is whether it is let, it is the manifests' that it is not without what they ask for.
                let left = candidates.iter().find(|terms| self.is_wanted(&of((*terms).clone(), Twist::AsGranted, true)).is_none()).cloned();
                if let Some(terms) = left.filter(|_| self.is_at_hand(caller)) {
                    let cells = twisted(&terms, &trust, LONGEST, false).into_iter().map(|(twist, other)| of(other, twist, false));
                    let refused: Vec<Cell> = cells.filter(|cell| self.is_wanted(cell) == Some(false)).collect();
                    self.cells.extend(refused);
                }
                continue;
            };
            self.cells.extend(each_external_id(&allowed).into_iter().map(|terms| of(terms, Twist::AsGranted, true)));
            // Who is no principal of IAM has sessions as long as its own call asks for.
            let chained = caller.contains(":role/");
            let longest = if guests.contains(caller) && !chained { LONGEST } else { longest };
            for (twist, other) in twisted(&terms, &trust, longest, chained) {
                let cell = of(other, twist, false);
                // What is let all the same is no matter of this grant.
                let most = if chained { longest.min(crate::terms::CHAINED) } else { longest };
                if self.is_wanted(&cell) == Some(false) || !at_least(&cell.terms, most) {
                    self.cells.push(cell);
                }
            }
            granted.push((caller.clone(), terms));
        }
        // One of them as long as the role lets a session be, where that is longer than any role does.
        let long = granted.iter().find(|(caller, _)| longest > LEAST && !caller.contains(":role/"));
        self.cells.extend(long.map(|(caller, terms)| {
            let terms = Terms { seconds: Some(longest), ..terms.clone() };
            Cell { principal: caller.clone(), via: None, act: act.clone(), twist: Twist::AsGranted, terms, wanted: true }
        }));
        granted
    }

    /// Whether a refusal is one of the moment: on a date of the trust policy it would be let in.
    fn other_moment(&self, trust: &Document, cell: &Cell) -> Twist {
        let dates = twisted(&cell.terms, trust, LONGEST, false).into_iter().filter(|(twist, _)| *twist == Twist::OutsideWindow);
        // A second before the end, and a second after the beginning.
        let inside = dates.filter_map(|(_, terms)| terms.at).flat_map(|at| [at - 2, at + 2]);
        let let_in =
            inside.map(|at| Cell { terms: Terms { at: Some(at), ..cell.terms.clone() }, ..cell.clone() }).any(|cell| self.is_wanted(&cell) == Some(true));
        if let_in { Twist::OutsideWindow } else { cell.twist }
    }

    /// What sessions of a role do: with those of one who may assume it, of whom credentials are at hand if possible.
    fn sessions(&mut self, role: &str, granted: &[(String, Terms)]) {
        let at_hand = |caller: &str| self.hands.iter().any(|hand| hand.arn == caller);
        // Who is let in by what any call brings can open one; others are asked about.
        let plain = |terms: &Terms| terms.keys.is_empty() && terms.at.is_none();
        let callers = || granted.iter().filter(|(caller, _)| at_hand(caller));
        let Some((principal, terms)) = callers().find(|(_, terms)| plain(terms)).or_else(|| callers().next()).or(granted.first()).cloned() else { return };
        self.via.insert(role.to_owned());
        let mut places = self.places(role);
        let known = self.buckets();
        places.retain(|bucket, _| known.contains(bucket));
        // What others may do is nothing of this role.
        for bucket in known {
            places.entry(bucket).or_default();
        }
        for (bucket, prefixes) in &places {
            let of = |(act, twist)| Cell { principal: principal.clone(), via: Some(role.to_owned()), act, twist, terms: terms.clone(), wanted: false };
            let cells: Vec<Cell> = acts(bucket, prefixes, self.objects, self.options).into_iter().map(of).collect();
            for cell in self.readable(&cells) {
                self.judged(cell);
            }
        }
    }

    /// An object of ours is read where it could be written.
    pub(crate) fn readable(&self, cells: &[Cell]) -> Vec<Cell> {
        let written = |key: &str| cells.iter().any(|c| matches!(&c.act, Act::Put { key: put, .. } if put == key) && self.is_wanted(c) == Some(true));
        let ours = |key: &String| key.ends_with(&self.options.probe);
        let unwritten = |c: &Cell| matches!(&c.act, Act::Get { key: Some(key), .. } if self.options.write_probes && ours(key) && !written(key));
        cells.iter().filter(|cell| !unwritten(cell)).cloned().collect()
    }

    /// A cell with what the manifests say of it.
    fn judged(&mut self, cell: Cell) {
        let Some(wanted) = self.is_wanted(&cell) else { return };
        let twist = match (wanted, cell.twist) {
            (true, _) => Twist::AsGranted,
            (false, Twist::AsGranted) => Twist::Outside,
            (false, twist) => twist,
        };
        self.cells.push(Cell { twist, wanted, ..cell });
    }

    /// Buckets that manifests speak of.
    pub(crate) fn buckets(&self) -> BTreeSet<String> {
        let objects = self.desired.objects.iter();
        let buckets = objects.filter(|(_, o)| matches!(o.state, DesiredState::Bucket(_) | DesiredState::BucketPolicy { .. })).map(|(a, _)| a.name.clone());
        buckets.collect()
    }

    /// Where a principal's own policies let it work.
    fn places(&self, principal: &str) -> BTreeMap<String, BTreeSet<Place>> {
        places(self.wanted.principals.get(principal).into_iter().flat_map(|p| &p.identity).map(|placed| &placed.document))
    }

    /// Buckets that a role may work in and whose account and policy nobody here knows.
    fn elsewhere(&self, role: &str) -> BTreeSet<String> {
        let known = self.buckets();
        self.places(role).into_keys().filter(|bucket| !known.contains(bucket)).collect()
    }

    /// Access to buckets without a role: of those at hand and those who are named, of anybody else, and of nobody.
    fn direct(&mut self, callers: &BTreeSet<String>) {
        for bucket in self.buckets() {
            let policy = self.wanted.buckets.get(&bucket).and_then(|guarded| guarded.policy.as_ref()).map(|p| p.document.clone());
            let prefixes = places(policy.iter()).remove(&bucket).unwrap_or_default();
            let owner = self.wanted.buckets.get(&bucket).map(|guarded| guarded.account.clone()).unwrap_or_default();
            for caller in callers {
                // A role that nobody has at hand is asked about where it is assumed; the bucket's own account may let its own do anything.
                if caller.contains(":role/") && !self.is_at_hand(caller) || account_of(caller) == owner {
                    continue;
                }
                self.in_bucket(&bucket, caller, &prefixes, Twist::OtherPrincipal);
            }
            self.in_bucket(&bucket, "anonymous", &prefixes, Twist::Unsigned);
        }
    }

    fn in_bucket(&mut self, bucket: &str, caller: &str, prefixes: &BTreeSet<Place>, refused: Twist) {
        let of = |(act, twist)| Cell { principal: caller.to_owned(), via: None, act, twist, terms: Terms::default(), wanted: false };
        let all: Vec<Cell> = acts(bucket, prefixes, self.objects, self.options).into_iter().map(of).collect();
        let cells = self.readable(&all);
        // Who is let nothing in this bucket is somebody else; who is let something is elsewhere.
        let nobody = !cells.iter().any(|cell| self.is_wanted(cell) == Some(true));
        for cell in cells {
            self.judged(if nobody { Cell { twist: refused, ..cell } } else { cell });
        }
    }

    pub(crate) fn is_at_hand(&self, caller: &str) -> bool {
        self.hands.iter().any(|hand| hand.arn == *caller)
    }
}

/// Seconds that the sessions of any role may be (IAM API Reference, `CreateRole`, `MaxSessionDuration`).
const LEAST: u32 = 3_600;

/// The first of these, and the others that have another external id: while one is rotated, either has to work.
fn each_external_id(allowed: &[Terms]) -> Vec<Terms> {
    let mut seen = BTreeSet::new();
    allowed
        .iter()
        .enumerate()
        .filter(|(at, terms)| {
            seen.insert((terms.external_id.clone(), terms.keys.clone())) && (*at == 0 || terms.external_id.is_some() || !terms.keys.is_empty())
        })
        .map(|(_, terms)| terms.clone())
        .collect()
}

/// A user, a role or a group, and no account.
pub(crate) fn is_somebody(arn: &str) -> bool {
    Arn::parse(arn).is_some_and(|arn| arn.service == "iam" && ["user/", "role/"].iter().any(|kind| arn.resource.starts_with(kind)))
}

pub(crate) fn account_of(principal: &str) -> String {
    Arn::parse(principal).map_or_else(|| principal.to_owned(), |arn| arn.account.to_owned())
}
