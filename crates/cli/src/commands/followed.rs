//! Sessions of further roles that were opened from sessions that end: whom they may be of, and which of them can be ended.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::{Entered, Estate, Objects, Onward, onward};
use crossrole_model::desired::DesiredState;
use crossrole_model::{
    AccountId, Address, Desired, Followed, Further, Kind, ObjectState, Observed, Partition, PrincipalKind, Undenied, Whose, ownership, revoked_of,
};
use crossrole_policy::{Arn, Effect, Principal, Statement, glob};

/// The longest session of a role that is opened from a session of a role, in seconds (IAM User Guide, "Role chaining").
const CHAINED: u32 = 3600;

/// The longest session that a role may let be opened, in seconds (IAM API Reference, `CreateRole`, `MaxSessionDuration`).
const LONGEST: u32 = 43200;

/// The longest session of a role, as far as manifests say, in seconds.
pub(super) fn longest(desired: &Desired, role: &Address) -> u32 {
    match desired.objects.get(role).map(|object| &object.state) {
        Some(DesiredState::Role { state, .. }) => state.max_session_seconds,
        _ => LONGEST,
    }
}

/// What ends of a role's sessions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ends {
    /// All of them: none is anybody else's, or those of everybody are meant.
    All,
    /// Those of these source identities.
    Of(BTreeSet<String>),
}

/// Whose sessions are followed.
#[derive(Debug, Clone, Default)]
struct Start {
    /// All sessions of it are those of whom is revoked.
    whole: bool,
    /// What they carry on; none: it is not known.
    identities: BTreeSet<String>,
    /// Some may not carry it: nobody asks them to.
    unsure: bool,
    /// It is revoked itself, and may go on calling.
    party: bool,
}

impl Start {
    /// Every session of it can be told by what it carries.
    fn is_known(&self) -> bool {
        !self.unsure && !self.identities.is_empty()
    }
}

/// How an entry is asked for.
pub(super) struct Asked<'a> {
    /// The first instant of this command's entries.
    pub(super) since: &'a str,
    /// Sessions of everybody end.
    pub(super) all_sessions: bool,
    /// What those who ask say that its sessions carry.
    pub(super) identities: &'a [String],
}

/// Follows the sessions of whom is revoked: declared roles whose sessions end as well, and what lives on.
pub(super) fn followed(desired: &Desired, observed: &Observed, asked: &Asked<'_>) -> (BTreeMap<Address, Ends>, Followed) {
    let estate = Objects::observed(observed, desired.partition).with_keys(&desired.bucket_keys).estate();
    let gone: Vec<&Whose> = desired.revoked.iter().filter(|one| one.since.as_str() >= asked.since).map(|one| &one.whose).collect();
    let starts = starts(desired, &estate, &gone, asked);
    let names = starts.keys().cloned().collect();
    let is_gone = |arn: &str| gone.iter().any(|whose| is_own(whose, arn, desired.partition));
    let found = onward(&estate, &names, is_gone);
    let direct = starts.keys().filter(|arn| is_gone(arn)).map(String::as_str).collect();
    let search = Search { desired, starts: &starts, direct, found: &found, asked };
    let (ends, mut lives_on) = search.ends();
    let (ends, unequal) = search.equal(&estate, &ends);
    let shared = found.roles.iter().filter(|(arn, _)| address(arn).is_some_and(|address| unequal.contains(&address)));
    lives_on.extend(shared.map(|(arn, entered)| search.further(arn, entered, Undenied::Shared)));
    lives_on.sort();
    lives_on.dedup();
    let on = search.on();
    let said = |arn: &str| on.contains(arn) || starts.get(arn).is_some_and(|start| start.party);
    let beyond = found.beyond.iter().filter(|(arn, _)| said(arn)).map(|(arn, all)| (arn.clone(), all.clone())).collect();
    (ends, Followed { lives_on, beyond, federated: federated(desired, &estate, &gone), cut: found.cut })
}

/// Users whose sessions by `sts:GetFederationToken` keep something: what a bucket or key lets their whole account (AWS STS API Reference,
/// GetFederationToken, "Permissions"), where no policy that is planned names the user to deny them.
fn federated(desired: &Desired, estate: &Estate, gone: &[&Whose]) -> BTreeSet<String> {
    let users = gone.iter().filter_map(|whose| match whose {
        Whose::Principal { kind: PrincipalKind::User, arn } => Some((*whose, arn, Arn::parse(arn)?.account)),
        _ => None,
    });
    let lets = |whose: &Whose, arn: &str, account: &str| {
        let whole = |text: &String| text == "*" || text == account || Arn::parse(text).is_some_and(|arn| arn.account == account && arn.resource == "root");
        let denied = if is_there(estate, arn) { denying(desired, &whose.digits()) } else { BTreeSet::new() };
        let elsewhere = estate.buckets.iter().chain(&estate.keys).filter(|(name, guarded)| guarded.account != account && !denied.contains(name.as_str()));
        let statements = elsewhere.map(|(_, guarded)| guarded).filter_map(|guarded| guarded.policy.as_ref()).flat_map(|policy| &policy.document.statements);
        let named = statements.filter(|s| s.effect == Effect::Allow).filter_map(|s| s.principal.as_ref());
        named.flat_map(Principal::aws).any(whole)
    };
    users.filter(|(whose, arn, account)| lets(whose, arn, account)).map(|(_, arn, _)| arn.clone()).collect()
}

/// Tells whether a user was read, whatever the spelling.
fn is_there(estate: &Estate, user: &str) -> bool {
    let asked = Arn::parse(user).and_then(|arn| Some((arn.account, arn.kind_and_name()?.1)));
    let is = |account: &str, name: &str| asked.is_some_and(|(of, asked)| of == account && asked.eq_ignore_ascii_case(name));
    estate.principals.values().any(|principal| principal.user && is(&principal.account, &principal.name))
}

/// Buckets by name, and keys by ARN, whose policies are to deny somebody.
fn denying<'d>(desired: &'d Desired, digits: &str) -> BTreeSet<&'d str> {
    let denies = |statement: &crossrole_policy::Statement| statement.effect == Effect::Deny && revoked_of(statement.sid()) == Some(digits);
    let of = |(address, object): (&'d Address, &'d crossrole_model::DesiredObject)| match &object.state {
        DesiredState::BucketPolicy { statements, .. } if statements.iter().any(denies) => Some(address.name.as_str()),
        // Of a key, only what is denied whatever it is used for.
        DesiredState::KeyPolicy { key, grants } if grants.iter().any(|g| denies(&g.statement) && !g.statement.conditions.contains_key("StringLike")) => {
            Some(key.arn.as_str())
        }
        _ => None,
    };
    desired.objects.iter().filter_map(of).collect()
}

/// Sessions of declared roles that nothing tells from those of others.
pub(super) fn shared<'a>(desired: &Desired, roles: impl IntoIterator<Item = (&'a Address, u32)>) -> Vec<Further> {
    let arn = |role: &Address| match &desired.objects.get(role)?.state {
        DesiredState::Role { state, .. } => Some(desired.partition.iam_arn(&role.account, "role", &state.path, &role.name)),
        _ => None,
    };
    let further = |(role, longest)| Some(Further { role: arn(role)?, from: BTreeSet::new(), longest, because: Undenied::Shared });
    roles.into_iter().filter_map(further).collect()
}

/// Roles that whoever is revoked could come into, and of which not all is done that takes them back.
pub(super) fn not_done(desired: &Desired, since: &str, is_done: impl Fn(&Address) -> bool) -> Vec<Further> {
    let opened = desired.revoked.iter().filter(|one| one.since.as_str() >= since).flat_map(|one| &one.opened).map(|opened| &opened.role);
    let roles: BTreeSet<&Address> = opened.filter(|role| !is_done(role)).collect();
    let of = |roles: BTreeSet<&Address>, because| {
        let all = shared(desired, roles.into_iter().map(|role| (role, longest(desired, role))));
        all.into_iter().map(move |further| Further { because, ..further }).collect::<Vec<_>>()
    };
    let entries = desired.revoked.iter().filter(|one| one.since.as_str() >= since).flat_map(|one| &one.opened);
    let full = entries.filter(|opened| opened.no_room).map(|opened| &opened.role).collect();
    [of(roles, Undenied::NotDone), of(full, Undenied::NoRoom)].concat()
}

/// Tells whether all is live that takes a role back; `None`: nothing was read.
pub(super) fn is_done(desired: &Desired, live: Option<&Observed>, role: &Address) -> bool {
    let Some(DesiredState::Role { state, .. }) = desired.objects.get(role).map(|object| &object.state) else { return true };
    let denied = state.inline.get(ownership::REVOKED_POLICY).into_iter().flat_map(|document| &document.statements);
    match live.map(|live| live.state(role)) {
        Some(Ok(Some(ObjectState::Role(live)))) => {
            let there = live.inline.get(ownership::REVOKED_POLICY);
            let trust = |statement: &Statement| state.trust.statements.contains(statement);
            let has = |statement: &Statement| there.is_some_and(|document| document.statements.contains(statement));
            live.trust.statements.iter().all(trust) && denied.into_iter().all(has)
        }
        Some(Ok(None)) => true,
        _ => false,
    }
}

/// Tells whether a principal is whom is revoked.
fn is_own(whose: &Whose, arn: &str, partition: Partition) -> bool {
    match whose {
        Whose::Account(id) => arn == id.as_str() || Arn::parse(arn).is_some_and(|arn| arn.account == id.as_str()),
        Whose::Principal { arn: of, .. } => of == arn,
        Whose::PermissionSet(set) => set.roles(partition).iter().any(|pattern| glob::is_like(pattern, arn)),
        Whose::Role(role) => address(arn).as_ref() == Some(role),
        Whose::Group { .. } | Whose::Sessions(_) => false,
    }
}

/// The role that an ARN is of.
fn address(arn: &str) -> Option<Address> {
    let arn = Arn::parse(arn).filter(|arn| arn.service == "iam")?;
    let (kind, name) = arn.kind_and_name()?;
    (kind == "role").then_some(())?;
    Some(Address::new(&AccountId::parse(arn.account)?, Kind::Role, name))
}

fn starts(desired: &Desired, estate: &Estate, gone: &[&Whose], asked: &Asked<'_>) -> BTreeMap<String, Start> {
    let mut starts: BTreeMap<String, Start> = BTreeMap::new();
    for opened in desired.revoked.iter().filter(|one| one.since.as_str() >= asked.since).flat_map(|one| &one.opened) {
        let live = estate.roles.keys().filter(|arn| address(arn).as_ref() == Some(&opened.role));
        for arn in live {
            let new = !starts.contains_key(arn);
            let start = starts.entry(arn.clone()).or_default();
            start.whole |= opened.whole;
            start.unsure |= !opened.sure;
            // Where two come in, and of one it is not known, it is not known.
            if new {
                start.identities.extend(opened.identities.iter().cloned());
            } else if opened.identities.is_empty() || start.identities.is_empty() {
                start.identities.clear();
            } else {
                start.identities.extend(opened.identities.iter().cloned());
            }
        }
    }
    // One who is named by several entries, as by several manifests, is one all the same.
    let opened: BTreeSet<String> = starts.keys().cloned().collect();
    let itself = |whose: &&&Whose| matches!(whose, Whose::Principal { .. } | Whose::PermissionSet(_));
    for whose in gone.iter().filter(itself) {
        for arn in estate.principals.keys().filter(|arn| is_own(whose, arn, desired.partition)) {
            // A role that is made here ends with its own entry.
            let party = !opened.contains(arn);
            let start = starts.entry(arn.clone()).or_default();
            start.party = party;
            start.whole = true;
            start.unsure |= !asked.identities.is_empty();
            start.identities.extend(asked.identities.iter().cloned());
        }
    }
    starts
}

struct Search<'s> {
    desired: &'s Desired,
    starts: &'s BTreeMap<String, Start>,
    /// Of these, who is revoked.
    direct: BTreeSet<&'s str>,
    found: &'s Onward,
    asked: &'s Asked<'s>,
}

impl Search<'_> {
    /// What ends of each declared role that is entered, and what lives on.
    fn ends(&self) -> (BTreeMap<Address, Ends>, Vec<Further>) {
        let whole = self.fixpoint(|start| start.whole, |_, entered| !entered.others, |_, entered| entered.from.iter().collect());
        let own = |arn: &str| self.starts.get(arn).is_none_or(|start| start.party || start.is_known());
        let known = self.fixpoint(Start::is_known, |arn, _| own(arn), |arn, entered| self.chained(arn, entered));
        let identities = self.identities();
        let named: BTreeSet<&str> = self.on().union(&self.back()).copied().collect();
        let (mut ends, mut lives_on) = (BTreeMap::new(), Vec::new());
        for (arn, entered) in &self.found.roles {
            if self.starts.get(arn).is_some_and(|start| start.whole) || self.chained(arn, entered).is_empty() && !whole.contains(arn.as_str()) {
                continue;
            }
            let Some(made) = address(arn).filter(|address| self.is_made(address)) else {
                if named.contains(arn.as_str()) {
                    let open = entered.from.iter().any(|from| self.starts.get(from).is_some_and(|start| start.party));
                    lives_on.push(self.further(arn, entered, if open { Undenied::Open } else { Undenied::NotMade }));
                }
                continue;
            };
            if whole.contains(arn.as_str()) || self.asked.all_sessions {
                ends.insert(made, Ends::All);
                continue;
            }
            if let Some(some) = identities.get(arn.as_str()).filter(|some| !some.is_empty()) {
                ends.insert(made, Ends::Of(some.clone()));
            }
            if !known.contains(arn.as_str()) {
                lives_on.push(self.further(arn, entered, Undenied::Shared));
            }
        }
        (ends, lives_on)
    }

    /// By whom a role is entered, but for the ways in of whom is revoked that manifests say: those sessions end by its own entry.
    fn chained<'e>(&self, arn: &str, entered: &'e Entered) -> Vec<&'e String> {
        let said = self.starts.get(arn).is_some_and(|start| !start.party);
        entered.from.iter().filter(|from| !said || !self.direct.contains(from.as_str())).collect()
    }

    /// Roles into which nobody comes but from starts of a kind, over roles of a kind: those that are not are taken away until all are.
    fn fixpoint<'e>(
        &'e self,
        start: impl Fn(&Start) -> bool,
        entered: impl Fn(&str, &Entered) -> bool,
        from: impl Fn(&str, &'e Entered) -> Vec<&'e String>,
    ) -> BTreeSet<&'e str> {
        let mut all: BTreeSet<&str> = self.found.roles.iter().filter(|(arn, one)| entered(arn, one)).map(|(arn, _)| arn.as_str()).collect();
        loop {
            let is = |from: &String| all.contains(from.as_str()) || self.starts.get(from).is_some_and(&start);
            let stays = |arn: &&str| self.found.roles.get(*arn).is_some_and(|entered| from(arn, entered).into_iter().all(is));
            let left: BTreeSet<&str> = all.iter().copied().filter(stays).collect();
            if left.len() == all.len() {
                return all;
            }
            all = left;
        }
    }

    /// Source identities that sessions carry on, by role.
    fn identities(&self) -> BTreeMap<&str, BTreeSet<String>> {
        let mut all: BTreeMap<&str, BTreeSet<String>> = self.starts.iter().map(|(arn, start)| (arn.as_str(), start.identities.clone())).collect();
        loop {
            let mut moved = false;
            for (arn, entered) in &self.found.roles {
                let more: BTreeSet<String> = self.chained(arn, entered).into_iter().filter_map(|from| all.get(from.as_str())).flatten().cloned().collect();
                let known = all.entry(arn.as_str()).or_default();
                let before = known.len();
                known.extend(more);
                moved |= known.len() > before;
            }
            if !moved {
                return all;
            }
        }
    }

    fn is_made(&self, role: &Address) -> bool {
        self.desired.objects.get(role).is_some_and(|object| matches!(object.state, DesiredState::Role { .. }))
    }

    /// Roles with sessions that were opened from those of manifests' roles, these among them.
    fn on(&self) -> BTreeSet<&str> {
        let mut all: BTreeSet<&str> = self.starts.iter().filter(|(_, start)| !start.party).map(|(arn, _)| arn.as_str()).collect();
        grown(&mut all, |all| {
            let entered = self.found.roles.iter().filter(|(_, entered)| entered.from.iter().any(|from| all.contains(from.as_str())));
            entered.map(|(arn, _)| arn.as_str()).collect()
        });
        all
    }

    /// Roles that lead to what manifests speak of: what else goes on in a trusted account is its own business.
    fn back(&self) -> BTreeSet<&str> {
        let trusting = |address: &Address| self.desired.accounts.get(&address.account).is_some_and(|info| info.trusting);
        let concerns = |arn: &str| address(arn).is_some_and(|role| trusting(&role) || self.is_made(&role));
        let mut all: BTreeSet<&str> = self.found.roles.keys().map(String::as_str).filter(|arn| concerns(arn)).collect();
        grown(&mut all, |all| {
            let entered = self.found.roles.iter().filter(|(arn, _)| all.contains(arn.as_str())).flat_map(|(_, entered)| &entered.from);
            entered.filter_map(|from| self.found.roles.get_key_value(from)).map(|(arn, _)| arn.as_str()).collect()
        });
        all
    }

    fn further(&self, arn: &str, entered: &Entered, because: Undenied) -> Further {
        // One that is opened from a session of a role is short; a user opens one as long as the role lets it.
        let most = if entered.from.iter().all(|from| address(from).is_some()) { CHAINED } else { LONGEST };
        let longest = address(arn).map_or(LONGEST, |address| longest(self.desired, &address)).min(most);
        Further { role: arn.to_owned(), from: entered.from.clone(), longest, because }
    }

    /// One entry is about a role in all accounts that a manifest is of: where others have sessions in one of them, none ends by it. Returns
    /// those.
    fn equal(&self, estate: &Estate, ends: &BTreeMap<Address, Ends>) -> (BTreeMap<Address, Ends>, BTreeSet<Address>) {
        let owner = |address: &Address| self.desired.objects.get(address).map(|object| object.owner.as_str());
        let trusting = |address: &Address| self.desired.accounts.get(&address.account).is_some_and(|info| info.trusting);
        let same = |one: &Address, other: &Address| one.name == other.name && owner(one) == owner(other) && trusting(one) && trusting(other);
        let live: BTreeSet<Address> = estate.roles.keys().filter_map(|arn| address(arn)).collect();
        let whole: BTreeSet<Address> = self.starts.iter().filter(|(_, start)| start.whole).filter_map(|(arn, _)| address(arn)).collect();
        let nobodys = |role: &Address| ends.get(role) == Some(&Ends::All) || whole.contains(role) || !live.contains(role);
        let alike = |role: &Address| self.desired.objects.keys().filter(|other| other.kind == Kind::Role && same(role, other)).all(nobodys);
        let (left, unequal): (Vec<_>, Vec<_>) = ends.iter().partition(|(role, end)| **end != Ends::All || alike(role));
        (left.into_iter().map(|(role, end)| (role.clone(), end.clone())).collect(), unequal.into_iter().map(|(role, _)| role.clone()).collect())
    }
}

/// Adds what is next to what is there, until nothing is.
fn grown<'e>(all: &mut BTreeSet<&'e str>, more: impl Fn(&BTreeSet<&'e str>) -> Vec<&'e str>) {
    loop {
        let before = all.len();
        all.extend(more(all));
        if all.len() == before {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The estate of a manifest in which a bucket, and a key of another account, let somebody in.
    fn estate(allow: &str) -> (Desired, Estate) {
        let text = format!(
            "name = \"t\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.Ann]\n[trusted.ops]\naccount = \"333333333333\"\n\
             [keys.k]\narn = \"arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab\"\n[buckets.b-one]\n{allow}"
        );
        let (desired, findings) = crossrole_manifest::load(&[crossrole_model::Source { file: "t.toml".into(), text }]);
        let desired = desired.unwrap_or_else(|| panic!("{findings:?}"));
        let estate = Objects::desired(&desired).estate();
        (desired, estate)
    }

    /// Whatever lets a whole account in lets in sessions that nothing that names the user denies; nobody else has them.
    #[test]
    fn who_has_federated_sessions_is_told_by_what_lets_a_whole_account_in() {
        let user = |account: &str| Whose::Principal { kind: PrincipalKind::User, arn: format!("arn:aws:iam::{account}:user/Ann") };
        let role = Whose::Principal { kind: PrincipalKind::Role, arn: "arn:aws:iam::111111111111:role/Ann".into() };
        let bucket = |who: &str| format!("[[buckets.b-one.allow]]\n{who}\naccess = \"get\"\nprefix = \"x/\"\n");
        for (allow, whose, keeps) in [
            (bucket("account = \"dev\""), user("111111111111"), true),
            (bucket("organization = \"o-a1b2c3d4e5\""), user("111111111111"), true),
            ("[[keys.k.allow]]\naccount = \"dev\"\naccess = \"decrypt\"\n".to_owned(), user("111111111111"), true),
            (bucket("account = \"ops\""), user("111111111111"), false),
            (bucket("user = \"dev/Ann\""), user("111111111111"), false),
            (bucket("account = \"dev\""), role, false),
            // In its own account, a bucket's policy alone tells nothing of it.
            (bucket("account = \"dev\""), user("222222222222"), false),
            (bucket("account = \"dev\""), Whose::Account(AccountId::parse("111111111111").unwrap_or_else(AccountId::nobody)), false),
        ] {
            let (desired, estate) = estate(&allow);
            assert_eq!(!federated(&desired, &estate, &[&whose]).is_empty(), keeps, "{allow} {whose:?}");
        }
    }
}
