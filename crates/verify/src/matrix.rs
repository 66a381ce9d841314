//! Everything that has to be tried.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::{Caller, Estate, catalogue, is_provider};
use crossrole_model::access::{Because, Explanation};
use crossrole_model::proof::{Act, Cell, NO_OBJECT, Terms, Twist, UNWRITTEN};
use crossrole_model::{AccountId, Desired, DesiredState, Partition, PermissionSet};
use crossrole_policy::{Arn, Document, Principal};

use crate::asked::{asked, at_least, is_let};
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

    /// What the manifests say; `None` where they leave it to what the principal's account lets it do.
    pub(crate) fn is_wanted(&self, cell: &Cell) -> Option<bool> {
        let now = self.options.now;
        // A member of a group is let what the group is let: of one whose members are declared, that is who is declared.
        let groups = self.hands.iter().find(|hand| hand.arn == cell.principal).map(|hand| &hand.groups);
        // A group that was there before has a path of its own.
        let by_group = groups.into_iter().flatten().filter_map(|group| self.wanted.principals.keys().find(|known| is_same_group(known, group)));
        let member = |group: &&String| is_let(self.wanted, &Cell { principal: (*group).clone(), ..cell.clone() }, now);
        let (declared, left): (Vec<&String>, Vec<&String>) = by_group.filter(member).partition(|group| self.members_declared(group));
        if !left.is_empty() {
            // But for one who is denied by name.
            let denied = |answer: &Explanation| matches!(answer.because, Because::Denied { .. });
            return Some(!asked(self.wanted, cell, now).iter().any(denied));
        }
        if !is_let(self.wanted, cell, now) {
            return if self.is_accounts(cell) { None } else { Some(false) };
        }
        // Who was put into such a group by hand comes in by nothing that the manifests say.
        if !declared.is_empty() && !self.wanted.principals.contains_key(&cell.principal) && !self.is_named(cell) {
            return Some(false);
        }
        // Of a principal that no manifest knows, nothing but its own policies may stand between: those are its account's affair.
        let known = self.wanted.principals.contains_key(&cell.principal) || cell.principal == "anonymous" || is_any(&cell.principal);
        let named = known || is_provider(&cell.principal) || !cell.principal.contains([':', '/']) || PermissionSet::of_role(&cell.principal).is_some();
        (named || self.is_named(cell)).then_some(true)
    }

    /// Whether its whole account is let in, and nothing of the manifests says whom of it: what its own policies let is not theirs.
    fn is_accounts(&self, cell: &Cell) -> bool {
        let now = self.options.now;
        let account = account_of(&cell.principal);
        if cell.via.is_some() || account == cell.principal || AccountId::parse(&account).is_none() {
            return false;
        }
        let denied = |answer: &Explanation| matches!(answer.because, Because::Denied { .. });
        let may = |principal: &str| is_let(self.wanted, &Cell { principal: principal.to_owned(), ..cell.clone() }, now);
        let groups = self.wanted.principals.iter().filter(|(arn, group)| group.account == account && arn.contains(":group/"));
        may(&account) && !groups.into_iter().any(|(arn, _)| may(arn)) && !asked(self.wanted, cell, now).iter().any(denied)
    }

    /// Whether manifests say who is in a group.
    fn members_declared(&self, group: &str) -> bool {
        let members = self.desired.objects.iter().filter_map(|(address, object)| match &object.state {
            DesiredState::Membership(membership) => Some(self.desired.partition.iam_arn(&address.account, "group", "/", &membership.group)),
            _ => None,
        });
        members.into_iter().any(|declared| is_same_group(&declared, group))
    }

    /// Whether a policy names the principal itself, so that it is the manifests' affair.
    fn is_named(&self, cell: &Cell) -> bool {
        let guarded = match &cell.act {
            Act::Assume { role } => self.wanted.roles.get(role),
            Act::Other { resource, .. } if resource.contains(":kms:") => self.wanted.keys.get(resource),
            act => act.bucket().and_then(|bucket| self.wanted.buckets.get(bucket)),
        };
        let statements = guarded.and_then(|g| g.policy.as_ref()).map(|p| p.document.statements.as_slice()).unwrap_or_default();
        statements.iter().filter_map(|s| s.principal.as_ref()).flat_map(Principal::aws).any(|arn| *arn == cell.principal)
    }

    /// Whatever else a role's policies let: each is a cell. Returns what is none, since nothing tells of what it would be asked.
    fn others(&mut self, role: &str, granted: &[(String, Terms)]) -> BTreeSet<String> {
        let documents = self.wanted.principals.get(role).into_iter().flat_map(|p| &p.identity).map(|placed| &placed.document);
        let statements = documents.flat_map(|d| &d.statements).filter(|s| s.effect == crossrole_policy::Effect::Allow);
        let statements: Vec<crossrole_policy::Statement> = statements.cloned().collect();
        let at_hand = |caller: &str| self.hands.iter().any(|hand| hand.arn == caller);
        let by = granted.iter().find(|(caller, _)| at_hand(caller)).or(granted.first()).cloned();
        let (mut untried, mut cells) = (BTreeSet::new(), BTreeSet::new());
        for (pattern, statement) in statements.iter().flat_map(|s| s.action.values.iter().map(move |pattern| (pattern, s))) {
            let acts = other_acts(pattern, statement, &self.buckets(), self.desired.partition);
            if acts.is_none() && is_tried(pattern) {
                continue;
            }
            let Some((principal, terms)) = by.clone() else {
                untried.insert(pattern.clone());
                continue;
            };
            let of = |act| Cell { principal: principal.clone(), via: Some(role.to_owned()), act, twist: Twist::AsGranted, terms: terms.clone(), wanted: true };
            let let_in: Vec<Cell> = acts.into_iter().flatten().map(of).filter(|cell| self.is_wanted(cell) == Some(true)).collect();
            if let_in.is_empty() || cells.len() + let_in.len() > OTHERS_MOST {
                untried.insert(pattern.clone());
            } else {
                cells.extend(let_in);
            }
        }
        self.cells.extend(cells);
        untried
    }
}

/// Seconds that the sessions of any role may be (IAM API Reference, `CreateRole`, `MaxSessionDuration`).
const LEAST: u32 = 3_600;

/// Most cells of one role that are about other actions than those that are called: a pattern may stand for hundreds.
pub(crate) const OTHERS_MOST: usize = 200;

/// Actions that have calls of their own.
fn is_tried(action: &str) -> bool {
    ["s3:ListBucket", "s3:GetObject", "s3:PutObject", "s3:DeleteObject"].iter().any(|tried| tried.eq_ignore_ascii_case(action))
}

/// What a statement lets by a pattern of actions, each as it can be asked about; `None`: nothing can.
pub(crate) fn other_acts(pattern: &str, statement: &crossrole_policy::Statement, buckets: &BTreeSet<String>, partition: Partition) -> Option<BTreeSet<Act>> {
    let resources = statement.resource.as_ref().filter(|r| !r.negated && !statement.action.negated)?;
    let actions: Vec<String> = match catalogue::expand(pattern) {
        known if !known.is_empty() => known.into_iter().map(|action| action.name.to_owned()).collect(),
        _ if pattern.contains(['*', '?']) => return None,
        _ => vec![pattern.to_owned()],
    };
    let mut all = BTreeSet::new();
    for action in actions.into_iter().filter(|action| !is_tried(action)) {
        for resource in &resources.values {
            let concrete = concrete(resource, buckets, partition);
            let asked = concrete.into_iter().filter(|resource| catalogue::is_asked_of(&action, resource));
            all.extend(asked.map(|resource| Act::Other { action: action.clone(), resource }));
        }
    }
    (!all.is_empty()).then_some(all)
}

/// Resources that a pattern stands for, of those that manifests speak of.
fn concrete(pattern: &str, buckets: &BTreeSet<String>, partition: Partition) -> Vec<String> {
    let s3 = |rest: &str| partition.s3_arn(rest);
    if pattern == "*" {
        let of_buckets = buckets.iter().flat_map(|bucket| [s3(bucket), s3(&format!("{bucket}/{NO_OBJECT}"))]);
        return of_buckets.chain(["*".to_owned(), s3("*")]).collect();
    }
    let Some((_, name)) = pattern.split_once(":s3:::") else {
        return if pattern.contains(['*', '?', '$']) { Vec::new() } else { vec![pattern.to_owned()] };
    };
    let (bucket, key) = name.split_once('/').map_or((name, None), |(bucket, key)| (bucket, Some(key)));
    if name == "*" {
        return vec![s3("*")];
    }
    if !buckets.contains(bucket) {
        return Vec::new();
    }
    let object = key.map(|key| match key.split(['*', '?', '$']).next() {
        Some(head) if head.len() < key.len() => format!("{bucket}/{head}{NO_OBJECT}"),
        _ => format!("{bucket}/{key}"),
    });
    vec![s3(&object.unwrap_or_else(|| bucket.to_owned()))]
}

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

/// Groups of one account have names that differ, whatever their paths (IAM User Guide, "IAM identifiers").
fn is_same_group(one: &str, other: &str) -> bool {
    let parts = |arn: &str| {
        let arn = Arn::parse(arn).filter(|arn| arn.resource.starts_with("group/"))?;
        Some((arn.account.to_owned(), arn.resource.rsplit('/').next()?.to_ascii_lowercase()))
    };
    parts(one).is_some_and(|one| Some(one) == parts(other))
}

/// Any principal of an account.
fn is_any(principal: &str) -> bool {
    AccountId::parse(principal).is_some()
}

pub(crate) fn account_of(principal: &str) -> String {
    Arn::parse(principal).map_or_else(|| principal.to_owned(), |arn| arn.account.to_owned())
}
