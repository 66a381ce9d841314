//! Access that was taken back: what manifests say of it, and the marks of it on what is live.
//!
//! Whether an entry is why a call is refused is not guessed from its words: the manifests are read and planned without it, and what stands
//! in the way then is compared.

use std::collections::BTreeSet;

use crossrole_model::access::{Lack, Layer, StatementRef};
use crossrole_model::diagnosis::{Amend, Amendment, Cause, RESTORED_KEY, REVOKED_LIST, RevokedBy, RevokedMark, Word};
use crossrole_model::ownership::{REVOKED_TAG, revoked_tag, sid_head};
use crossrole_model::state::Tags;
use crossrole_model::{AccountId, Address, Cause as Withheld, KeyRef, Kind, PermissionSet, PrincipalKind, Revocation, Subject, Whose, revoked_since};
use crossrole_policy::{Effect, Statement};

use crate::asked::Who;
use crate::trouble::{Guard, Hop, Trouble, bare, bucket_of};
use crate::world::World;

/// Rounds in which further marks may show once one is taken away: a role, a bucket and a key have one each.
const ROUNDS_MOST: usize = 4;

/// One thing that says that access was taken back, and is why a call is refused.
#[derive(Debug, Clone)]
pub(crate) struct TakenBack {
    pub(crate) trouble: Trouble,
    /// What gives it back; nothing where manifests have no place for it.
    pub(crate) amendments: Vec<Amendment>,
}

/// What there is without entries of manifests.
enum Without<'w> {
    /// The same.
    Same,
    /// It can't be said: manifests have no place for what it takes, or would not be carried out whole.
    NoPlace,
    /// Something else, by these changes.
    Other(Box<World<'w>>, Vec<Amendment>),
}

impl World<'_> {
    /// Everything of the kind, as things are.
    pub(crate) fn revocations(&self) -> Vec<TakenBack> {
        let hops = self.hops();
        let stood = self.stood();
        let mut out: Vec<TakenBack> = Vec::new();
        let mut causes: Vec<&Revocation> = Vec::new();
        for (at, hop) in hops.iter().enumerate() {
            let entries: Vec<&Revocation> = self.desired.revoked.iter().filter(|entry| is_of(entry, hop)).collect();
            let marks = self.marks(hop);
            if entries.is_empty() && marks.is_empty() {
                continue;
            }
            let gone = match self.without(&entries) {
                Without::Same => continue,
                // Nothing tells what there would be: what is said of a call that is refused is taken for why.
                Without::NoPlace => {
                    if stood.iter().any(|trouble| trouble.found.hop == at && trouble.found.cause > Cause::Revoked) {
                        out.extend(self.said(&entries, marks, hop).into_iter().map(|by| taken(by, at, hop)));
                    }
                    continue;
                }
                Without::Other(next, _) => self.gone(&next, at, &stood),
            };
            if gone.is_empty() {
                continue;
            }
            if entries.is_empty() {
                out.extend(marks.into_iter().map(|by| taken(by, at, hop)));
                continue;
            }
            for entry in &entries {
                let others: Vec<&Revocation> = entries.iter().filter(|other| other.place != entry.place).copied().collect();
                let less = || match self.without(&others) {
                    Without::Other(kept, _) => self.gone(&kept, at, &stood).len() < gone.len(),
                    Without::Same | Without::NoPlace => true,
                };
                if others.is_empty() || less() {
                    out.push(taken(self.by_entry(entry), at, hop));
                    causes.push(entry);
                }
            }
        }
        // All of it has to go, and what of it lets the rest be given again is known of all alone.
        if let Without::Other(_, amendments) = self.without(&causes) {
            for taken in &mut out {
                taken.amendments.clone_from(&amendments);
            }
        }
        out
    }

    /// What stands in the way at a call and does not in another state of things.
    fn gone(&self, next: &World<'_>, at: usize, stood: &[Trouble]) -> BTreeSet<Gone> {
        let then = next.stood();
        let here = stood.iter().filter(|trouble| trouble.found.hop == at && !then.iter().any(|other| other.is(trouble)));
        let mut gone: BTreeSet<Gone> = here.map(|trouble| Gone::Trouble(trouble.found.cause, trouble.found.lack.clone())).collect();
        if self.ended(at).is_some_and(|ended| ended.for_good) && next.ended(at).is_none() {
            gone.insert(Gone::Sessions);
        }
        gone
    }

    /// Things under these manifests without some entries, and with what lets what they took be given again.
    fn without(&self, entries: &[&Revocation]) -> Without<'_> {
        let Some(amendments) = self.amendments_without(entries) else { return Without::NoPlace };
        let all = [&self.amendments[..], &amendments[..]].concat();
        let Some(desired) = self.case.manifests.amended(&all).filter(|_| !amendments.is_empty()) else { return Without::Same };
        match self.clone().amended(amendments.clone()) {
            Some(next) => Without::Other(Box::new(next), amendments),
            None if self.case.manifests.plan(&desired, &self.observed, &[]).changes == self.planned() => Without::Same,
            None => Without::NoPlace,
        }
    }

    /// The changes of the manifests that this takes; `None`: they have no place for one.
    fn amendments_without(&self, entries: &[&Revocation]) -> Option<Vec<Amendment>> {
        let mut amendments: Vec<Amendment> = Vec::new();
        for entry in entries {
            let file = entry.place.file.clone();
            let starts: BTreeSet<usize> = self.case.desired.revoked.iter().filter(|o| o.place.file == file).map(|o| o.place.span.start).collect();
            let index = starts.iter().position(|start| *start == entry.place.span.start)?;
            let change = Amend::Remove { list: REVOKED_LIST.to_owned(), index };
            amendments.push(Amendment { file, at: Vec::new(), entry: None, change });
        }
        amendments.dedup();
        for _ in 0..ROUNDS_MOST {
            let all = [&self.amendments[..], &amendments[..]].concat();
            let desired = if all.is_empty() { self.case.desired.clone() } else { self.case.manifests.amended(&all)? };
            let plan = self.case.manifests.plan(&desired, &self.observed, &[]);
            let mut found = Vec::new();
            for withheld in plan.withheld {
                if let (Subject::Object(address), Withheld::Revoked { since }) = (withheld.subject, withheld.cause) {
                    found.push(self.restored(&desired, &address, &since, &all)?);
                }
            }
            if found.is_empty() {
                break;
            }
            amendments.extend(found);
        }
        Some(amendments)
    }

    /// What is said to be why, where it can't be tried.
    fn said(&self, entries: &[&Revocation], marks: Vec<RevokedBy>, hop: &Hop) -> Vec<RevokedBy> {
        if !entries.is_empty() {
            return entries.iter().map(|entry| self.by_entry(entry)).collect();
        }
        let denies = hop.answer.reasons.iter().any(|reason| reason.applies(Effect::Deny) && revoked_since(&reason.statement.sid).is_some());
        let is = |by: &RevokedBy| match by.mark {
            RevokedMark::Tag { .. } => hop.guard == Guard::Trust && hop.answer.needs.contains(&Layer::Resource),
            RevokedMark::Statement { .. } => denies,
            RevokedMark::Entry { .. } | RevokedMark::Sessions => false,
        };
        marks.into_iter().filter(is).collect()
    }

    /// That what was revoked may be given again, in the table of an object.
    fn restored(&self, desired: &crossrole_model::Desired, address: &Address, since: &str, said: &[Amendment]) -> Option<Amendment> {
        let at = match address.kind {
            Kind::Role if self.gives_others(address, since) => return None,
            Kind::Role => vec!["roles".to_owned(), address.name.clone()],
            Kind::Bucket | Kind::BucketPolicy => vec!["buckets".to_owned(), address.name.clone()],
            Kind::Key | Kind::KeyPolicy => {
                let is = |arn: &&String| KeyRef::parse(arn).is_some_and(|key| key.account() == address.account && key.name() == address.name);
                vec!["keys".to_owned(), self.observed.keys.keys().find(is)?.clone()]
            }
            _ => return None,
        };
        let places = desired.places.get(address).into_iter().flatten().map(|place| place.file.clone());
        let files: BTreeSet<String> = places.chain(desired.manifests.iter().map(|m| m.file.clone())).collect();
        let change = Amend::Put { key: RESTORED_KEY.to_owned(), word: Word::Instant(since.to_owned()), there: false };
        let tried = files.into_iter().map(|file| Amendment { file, at: at.clone(), entry: None, change: change.clone() });
        // One manifest of several may speak of it alone.
        tried.into_iter().find(|one| self.case.manifests.amended(&[said, std::slice::from_ref(one)].concat()).is_some())
    }

    fn by_entry(&self, entry: &Revocation) -> RevokedBy {
        let file = entry.place.file.clone();
        let text = self.case.manifests.texts(&file, &[]).map(|(text, _)| text).unwrap_or_default();
        let line = 1 + text.as_bytes().iter().take(entry.place.span.start).filter(|byte| **byte == b'\n').count();
        let partition = self.desired.partition;
        let whose = match &entry.whose {
            Whose::Role(role) | Whose::Sessions(role) => partition.iam_arn(&role.account, "role", "/", &role.name),
            Whose::Account(id) => id.to_string(),
            Whose::Group { account, name } => partition.iam_arn(account, "group", "/", name),
            Whose::Principal { arn, .. } => arn.clone(),
            Whose::PermissionSet(set) => format!("{}/permission-set/{}", set.account, set.name),
        };
        RevokedBy { since: entry.since.clone(), mark: RevokedMark::Entry { file, line, whose } }
    }

    /// Marks of ours on what a call is about, and on the role that calls.
    fn marks(&self, hop: &Hop) -> Vec<RevokedBy> {
        let mut out = Vec::new();
        for arn in [&hop.call.resource, &hop.call.principal] {
            let Some(who) = Who::of(arn).filter(|who| who.kind == "role") else { continue };
            let tag = self.live_role(who.account, who.name).and_then(|role| self.tagged(&role.tags));
            let role = format!("arn:{}:iam::{}:role/{}", who.partition, who.account, who.name);
            out.extend(tag.map(|since| RevokedBy { since, mark: RevokedMark::Tag { role } }));
        }
        if matches!(hop.guard, Guard::Bucket | Guard::Key) {
            let statements = self.policy_of(hop).into_iter().flat_map(|document| &document.statements);
            let latest = statements.filter_map(|statement| revoked_since(statement.sid())).max();
            let resource = match bucket_of(&hop.call.resource) {
                Some(_) => hop.call.resource.split('/').next().unwrap_or_default().to_owned(),
                None => hop.call.resource.clone(),
            };
            out.extend(latest.map(|since| RevokedBy { since, mark: RevokedMark::Statement { resource } }));
        }
        out
    }

    /// When access by a role was taken back of whoever calls, by its tags. Whose session it is that a role calls by is not known: there, the
    /// latest of all counts, as it does where the tags tell of nobody.
    fn tagged(&self, tags: &Tags) -> Option<String> {
        let told = tags.keys().any(|tag| is_of_somebody(tag));
        if !told || Who::of(&self.asked.question.principal).is_none_or(|who| who.kind == "role") {
            return tags.get(REVOKED_TAG).cloned();
        }
        let own = self.own_tags();
        tags.iter().filter(|(tag, _)| own.contains(*tag)).map(|(_, since)| since.clone()).max()
    }

    /// Tags that tell of whoever calls: by itself, its account, its groups, and the roles on the way.
    fn own_tags(&self) -> BTreeSet<String> {
        let principal = self.asked.question.principal.as_str();
        let mut own = BTreeSet::new();
        for kind in [PrincipalKind::User, PrincipalKind::Role] {
            own.insert(revoked_tag(&Whose::Principal { kind, arn: principal.to_owned() }));
        }
        own.extend(PermissionSet::of_role(principal).map(|set| revoked_tag(&Whose::PermissionSet(set))));
        if let Some((account, who)) = Who::of(principal).and_then(|who| Some((AccountId::parse(who.account)?, who))) {
            let state = self.observed.accounts.get(&account).and_then(|state| state.known());
            let user = state.filter(|_| who.kind == "user").and_then(|state| state.users.values().find(|user| user.name.eq_ignore_ascii_case(who.name)));
            let groups = user.into_iter().flat_map(|user| user.groups.iter().cloned()).chain((who.kind == "group").then(|| who.name.to_owned()));
            own.extend(groups.map(|name| revoked_tag(&Whose::Group { account: account.clone(), name })));
            own.insert(revoked_tag(&Whose::Account(account)));
        }
        let roles = self.asked.question.via.iter().chain([&self.asked.question.resource]);
        for role in roles.filter_map(|arn| Who::of(arn)).filter(|who| who.kind == "role") {
            let Some(account) = AccountId::parse(role.account) else { continue };
            let address = Address::new(&account, Kind::Role, role.name);
            own.extend([revoked_tag(&Whose::Role(address.clone())), revoked_tag(&Whose::Sessions(address))]);
        }
        own
    }

    /// Tells whether others would be let in again by what gives back what was taken until an instant: tags tell of them, and no entry does.
    fn gives_others(&self, role: &Address, since: &str) -> bool {
        if Who::of(&self.asked.question.principal).is_none_or(|who| who.kind == "role") {
            return false;
        }
        let mut kept = self.own_tags();
        kept.extend(self.case.desired.revoked.iter().map(|entry| revoked_tag(&entry.whose)));
        let tags = self.live_role(role.account.as_str(), &role.name).map(|role| &role.tags);
        tags.into_iter().flatten().any(|(tag, at)| is_of_somebody(tag) && !kept.contains(tag) && at.as_str() <= since)
    }

    /// A role as it was read.
    fn live_role(&self, account: &str, name: &str) -> Option<&crossrole_model::state::RoleState> {
        let account = AccountId::parse(account)?;
        self.observed.accounts.get(&account)?.known()?.roles.get(&name.to_ascii_lowercase()).map(|role| &role.state)
    }

    /// The Deny of older sessions that meets a call whose session began long ago, where the request does not say when it did.
    pub(crate) fn ended(&self, at: usize) -> Option<Ended> {
        let hops = self.hops();
        let hop = hops.get(at)?;
        let aged = self.aged(hop)?;
        let mut all = aged.answer.reasons.iter().filter(|reason| reason.applies(Effect::Deny));
        let statement = all.find(|reason| self.is_by_age(&hop.call.principal, &reason.statement))?.statement.clone();
        let said = self.by_age(&hop.call.principal, &statement)?;
        // Of everybody's sessions, some were opened by who may open another.
        let of_some = said.conditions.values().flat_map(|keys| keys.keys()).any(|key| !key.eq_ignore_ascii_case(ISSUED));
        let nobody = Who::of(&hop.call.principal).and_then(|who| self.live_role(who.account, who.name)).is_some_and(|role| {
            let allows = role.trust.statements.iter().filter(|s| s.effect == Effect::Allow);
            allows.count() == 0
        });
        Some(Ended { since: before(&said).unwrap_or_default(), statement, for_good: of_some || nobody })
    }

    /// Tells whether a statement of a role's own policies denies sessions by their age.
    pub(crate) fn is_by_age(&self, principal: &str, statement: &StatementRef) -> bool {
        self.by_age(principal, statement).is_some()
    }

    fn by_age(&self, principal: &str, statement: &StatementRef) -> Option<Statement> {
        let who = Who::of(principal).filter(|who| who.kind == "role")?;
        let role = self.role(who.account, who.name)?;
        let inline = role.inline.iter().filter(|(name, _)| statement.place.contains(name.as_str()));
        let managed = role.attached.iter().filter(|arn| statement.place.contains(arn.rsplit('/').next().unwrap_or(arn))).filter_map(|arn| self.managed(arn));
        let mut all = inline.map(|(_, document)| document.clone()).chain(managed);
        let is = |s: &Statement| s.effect == Effect::Deny && s.sid() == statement.sid && before(s).is_some();
        all.find_map(|document| document.statements.get(statement.number.checked_sub(1)?).filter(|s| is(s)).cloned())
    }
}

/// That older sessions are denied.
#[derive(Debug, Clone)]
pub(crate) struct Ended {
    pub(crate) statement: StatementRef,
    pub(crate) since: String,
    /// Whoever had such a session gets no other.
    pub(crate) for_good: bool,
}

/// Tells whether a tag tells of whom access was taken back.
fn is_of_somebody(tag: &str) -> bool {
    tag.strip_prefix(REVOKED_TAG).is_some_and(|rest| rest.starts_with('-'))
}

/// When a session was made.
pub(crate) const ISSUED: &str = "aws:TokenIssueTime";

/// The instant before which a statement is about sessions.
fn before(statement: &Statement) -> Option<String> {
    let dates = statement.conditions.iter().filter(|(operator, _)| operator.to_ascii_lowercase().contains("dateless"));
    dates.flat_map(|(_, keys)| keys).find(|(key, _)| key.eq_ignore_ascii_case(ISSUED)).and_then(|(_, values)| values.first().cloned())
}

/// Tells whether a statement of a shared document is one that manifests write: no hand is to change it.
pub(crate) fn is_written_by_manifests(statement: &Statement) -> bool {
    sid_head(statement.sid()).is_some_and(|head| head.get(9..).is_some_and(|hash| hash.bytes().all(|b| b.is_ascii_hexdigit())))
}

fn taken(by: RevokedBy, at: usize, hop: &Hop) -> TakenBack {
    let mut trouble = bare(Cause::Revoked, at, hop);
    trouble.found.revoked = Some(by);
    TakenBack { trouble, amendments: Vec::new() }
}

/// What no longer stands in the way.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Gone {
    Trouble(Cause, Option<Lack>),
    /// Sessions are not denied any more.
    Sessions,
}

/// Tells whether an entry names who calls, or the role that is asked for.
fn is_of(entry: &Revocation, hop: &Hop) -> bool {
    let caller = hop.call.principal.as_str();
    let who = Who::of(caller);
    let is_role = |arn: &str, role: &Address| {
        Who::of(arn).is_some_and(|who| who.kind == "role" && who.account == role.account.as_str() && who.name.eq_ignore_ascii_case(&role.name))
    };
    match &entry.whose {
        Whose::Role(role) => is_role(caller, role) || is_role(&hop.call.resource, role),
        Whose::Sessions(role) => is_role(caller, role) || is_session_of(caller, role),
        Whose::Account(id) => caller == id.as_str() || crossrole_policy::Arn::parse(caller).is_some_and(|arn| arn.account == id.as_str()),
        Whose::Group { account, name } => {
            who.is_some_and(|who| who.account == account.as_str() && (who.kind == "user" || who.kind == "group" && who.name.eq_ignore_ascii_case(name)))
        }
        // A session may be that of a principal who assumed the role.
        Whose::Principal { arn, .. } => who.is_some() && who == Who::of(arn) || caller.contains(":assumed-role/"),
        Whose::PermissionSet(set) => {
            let of = who.and_then(|who| who.set()).or_else(|| crossrole_model::PermissionSet::of_role(caller));
            of.as_ref() == Some(set) || caller.contains(":assumed-role/")
        }
    }
}

/// The changes that give back what was taken, of those that are made.
pub(crate) fn amendments(taken: &[TakenBack], given: &BTreeSet<usize>) -> Vec<Amendment> {
    let mut out: Vec<Amendment> = Vec::new();
    for amendment in taken.iter().enumerate().filter(|(at, _)| given.contains(at)).flat_map(|(_, one)| &one.amendments) {
        if !out.contains(amendment) {
            out.push(amendment.clone());
        }
    }
    out
}

/// Tells whether an ARN is that of a session of a role.
fn is_session_of(arn: &str, role: &Address) -> bool {
    let Some(arn) = crossrole_policy::Arn::parse(arn).filter(|arn| arn.account == role.account.as_str()) else { return false };
    let name = arn.resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
    name.is_some_and(|name| name.eq_ignore_ascii_case(&role.name))
}
