//! Who can do something, directly or through roles.

use std::collections::BTreeSet;
use std::rc::Rc;

use crossrole_model::access::{About, Beside, Clause, Hop, Limit, Party, Undecided, Why};
use crossrole_policy::{Arn, Document};

use crate::engine::never::unheard;
use crate::estate::{Estate, Guarded, Placed};
use crate::request::{all_buckets, is_list_all};

use super::named::Apart;
use super::pair::{Domain, Subject, Text, compare};
use super::subjects::{Kind, Who, role_behind};
use super::{keys, named, undecided};

/// Most roles on one way: AWS chains sessions without end, people do not follow more.
const CHAIN_MOST: usize = 4;

/// Most ways that are followed.
const WAYS_MOST: usize = 10_000;

/// Every way to one action on one resource.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// Each ends with the action on the resource; before it come roles that are assumed.
    pub ways: Vec<Vec<Hop>>,
    /// What could not be decided.
    pub undecided: Vec<Undecided>,
    /// What is to be known beside that.
    pub beside: Vec<Beside>,
}

/// Returns everyone who may do `action` on `resource`, and how. `owner`: account of a resource whose ARN names none.
pub fn who_can(estate: &Estate, action: &str, resource: &str, owner: Option<&str>) -> Reach {
    let everything = Placed::everything("the account's own policies");
    let mut search = Search { estate, everything: &everything, reach: Reach::default(), whos: Vec::new() };
    let all = is_list_all(action, resource).then(|| all_buckets(if estate.partition.is_empty() { "aws" } else { &estate.partition }));
    let resource = all.as_deref().unwrap_or(resource);
    let uses = keys::uses(estate, action, resource);
    if let Some((asked, key)) = keys::rests_on(estate, action, resource) {
        let asked = if asked.is_empty() { action } else { asked };
        if let Some(state) = keys::off(estate, asked, key) {
            search.reach.beside.push(Beside::KeyOff { key: key.to_owned(), state: state.clone() });
            if uses.is_none() {
                return search.reach;
            }
        } else if keys::is_use(asked) {
            search.reach.beside.push(Beside::GrantsUnseen { key: key.to_owned() });
        }
    }
    let last = search.direct(action, resource, owner);
    let mut open: Vec<Way> = last.into_iter().map(|(arn, hop)| (arn, vec![hop])).collect();
    // Of an encrypted object, whoever can't use the key gets nothing; what is encrypted otherwise takes nothing of it.
    if let Some(uses) = uses {
        let (with, without) = search.with_key(open, &uses);
        open = with;
        let ways = search.chained(without, resource);
        if !ways.is_empty() {
            search.reach.beside.push(Beside::WithoutKey { key: uses.key.arn.clone(), ways });
        }
    }
    if let Some(bucket) = keys::unread(estate, action, resource) {
        let account = estate.buckets.get(bucket).map(|bucket| bucket.account.clone()).unwrap_or_default();
        let party = Party::AnyOf { partition: estate.partition.clone(), account };
        search.reach.undecided.push(Undecided { party, about: About::Bucket(bucket.to_owned()), why: Why::EncryptionNotRead });
    }
    if let Some(bucket) = block_unread(estate, resource) {
        let party = Party::AnyOther { partition: estate.partition.clone() };
        search.reach.undecided.push(Undecided { party, about: About::Bucket(bucket.to_owned()), why: Why::BlockNotRead });
    }
    let ways = search.chained(open, resource);
    let Reach { mut undecided, beside, .. } = search.reach;
    undecided.sort();
    undecided.dedup();
    Reach { ways, undecided, beside }
}

/// The bucket that a resource is, or lies in, where its policy is public and nobody has read whether that is restricted.
pub(crate) fn block_unread<'r>(estate: &Estate, resource: &'r str) -> Option<&'r str> {
    let (_, name) = resource.split_once(":s3:::")?;
    name.split('/').next().filter(|bucket| estate.blocks_unread.contains(*bucket))
}

/// Returns who of some principals that are known may assume a role, and when; and what of it is not decided. Where the trust names a session
/// of one of them, and lets in that one or lets it in otherwise, the session is told by itself.
pub fn assumers<'a>(estate: &Estate, role: &str, candidates: impl IntoIterator<Item = &'a str>) -> (Vec<Hop>, Vec<Undecided>) {
    const ACTION: &str = "sts:AssumeRole";
    let everything = Placed::everything("the account's own policies");
    let mut search = Search { estate, everything: &everything, reach: Reach::default(), whos: Vec::new() };
    let guarded = estate.roles.get(role);
    let owner = guarded.map(|g| g.account.as_str());
    let domain = asked(ACTION, role, owner);
    let sides = [estate, estate];
    let named = guarded.and_then(|g| g.policy.as_ref()).into_iter().flat_map(|p| p.document.aws_principals());
    let sessions: Vec<(&str, String)> = named.filter_map(|session| Some((session, role_behind(session, sides)?))).collect();
    let mut hops = Vec::new();
    for arn in candidates {
        let of_it = sessions.iter().filter(|(_, of)| of == arn).filter_map(|(session, of)| Who::session(session, of, sides));
        let mut known: Vec<Vec<Vec<Clause>>> = Vec::new();
        for who in Who::known(arn, sides).into_iter().chain(of_it) {
            for when in search.one(&who, &domain, guarded, owner) {
                if known.iter().any(|said| said.is_empty() || *said == when) {
                    continue;
                }
                known.push(when.clone());
                let (action, resource) = (ACTION.to_owned(), role.to_owned());
                hops.push(Hop { party: who.subject.party.clone(), except: Vec::new(), certainty: who.subject.certainty, action, resource, when });
            }
        }
    }
    (hops, search.reach.undecided)
}

/// One action on one resource.
fn asked(action: &str, resource: &str, owner: Option<&str>) -> Domain {
    Domain {
        about: About::Resource(resource.to_owned()),
        texts: vec![Text::Exact(resource.to_owned())],
        elsewhere: BTreeSet::new(),
        known: Rc::default(),
        owner: Some(owner.unwrap_or_default().to_owned()),
        actions: vec![action.to_owned()],
        service: None,
        other: super::elsewhere::OTHER,
    }
}

pub(super) struct Search<'e> {
    pub(super) estate: &'e Estate,
    pub(super) everything: &'e Placed,
    pub(super) reach: Reach,
    /// Whom the last question was put for.
    pub(super) whos: Vec<Who>,
}

/// A way so far: who begins it, and its hops.
pub(super) type Way = (Option<String>, Vec<Hop>);

impl Search<'_> {
    /// The ways, each with every row of roles that leads to its beginning, in order.
    fn chained(&mut self, mut open: Vec<Way>, resource: &str) -> Vec<Vec<Hop>> {
        let mut ways: Vec<Vec<Hop>> = Vec::new();
        while let Some((arn, way)) = open.pop() {
            if let Some(arn) = arn.filter(|arn| self.estate.roles.contains_key(arn)) {
                // A role that is on the way already adds nothing to it.
                let mut more = self.direct("sts:AssumeRole", &arn, None);
                more.retain(|(before, hop)| {
                    before.as_ref().is_none_or(|b| *b != arn) && !way.iter().any(|h| (&h.party, h.certainty) == (&hop.party, hop.certainty))
                });
                let cut = if way.len() > CHAIN_MOST {
                    Some(Limit::Roles(CHAIN_MOST))
                } else {
                    (ways.len() + open.len() + more.len() > WAYS_MOST).then_some(Limit::Routes(WAYS_MOST))
                };
                match cut {
                    None => open.extend(more.into_iter().map(|(before, hop)| (before, std::iter::once(hop).chain(way.clone()).collect()))),
                    Some(_) if more.is_empty() => {}
                    Some(limit) => {
                        let about = About::Resource(resource.to_owned());
                        self.reach.undecided.push(Undecided { party: Party::of(&arn), about, why: Why::TooMany(limit) });
                    }
                }
            }
            ways.push(way);
        }
        ways.sort_by(|a, b| (a.len(), a).cmp(&(b.len(), b)));
        ways.dedup();
        ways
    }

    /// Everyone who may do it themselves; known principals with their ARN.
    fn direct(&mut self, action: &str, resource: &str, owner: Option<&str>) -> Vec<(Option<String>, Hop)> {
        let bucket = resource.split_once(":s3:::").map(|(_, name)| name.split('/').next().unwrap_or(name));
        let guarded: Option<&Guarded> = match bucket {
            Some(name) => self.estate.buckets.get(name),
            None => self.estate.guarded(action, resource),
        };
        let in_arn = || Arn::parse(resource).map(|arn| arn.account.to_owned()).filter(|account| !account.is_empty());
        let owner = guarded.map(|g| g.account.clone()).or_else(|| owner.map(str::to_owned)).or_else(in_arn);
        // Whose it is nobody knows, so neither does anybody know what its policy says.
        if let Some(arn) = Arn::parse(resource) {
            // The list of one's own buckets is guarded by nobody else.
            let why = if arn.service == "s3" && arn.resource == "*" {
                None
            } else if ["s3", "iam"].contains(&arn.service) {
                owner.is_none().then_some(Why::NotRead)
            } else {
                guarded.is_none().then_some(Why::ResourceKind)
            };
            let partition = self.estate.partition.clone();
            let party = owner
                .clone()
                .map_or_else(|| Party::AnyOther { partition: partition.clone() }, |account| Party::AnyOf { partition: partition.clone(), account });
            self.reach.undecided.extend(why.map(|why| Undecided { party, about: About::Resource(resource.to_owned()), why }));
        }
        let mut whos: Vec<Who> = self.estate.principals.keys().filter_map(|arn| Who::known(arn, [self.estate, self.estate])).collect();
        let documents: Vec<&Document> = guarded.and_then(|g| g.policy.as_ref()).map(|p| &p.document).into_iter().collect();
        let domain = asked(action, resource, owner.as_deref());
        // Whom the policy of a key names is one of its own, too.
        let key = keys::uses(self.estate, action, resource).and_then(|uses| self.estate.keys.get(&uses.key.arn)).and_then(|g| g.policy.as_ref());
        let beside: Vec<&Document> = documents.iter().copied().chain(key.map(|p| &p.document)).collect();
        whos.extend(named::others(&beside, owner.as_deref().unwrap_or_default(), [self.estate, self.estate], &domain));
        self.unknown_kinds(&documents, resource);
        // Where nobody stands for the others, the root user stands for itself: it needs no policy.
        let root = owner.as_deref().filter(|owner| self.estate.whole.contains(*owner)).map(|owner| Who::root(self.estate.partition(), owner));
        whos.extend(root.filter(|root| !whos.iter().any(|who| who.subject.party == root.subject.party)));
        let mut found = Vec::new();
        let of_owner = |w: &Who| w.kind == Kind::Everything && w.subject.account.as_deref().unwrap_or_default() == owner.as_deref().unwrap_or_default();
        // Where all of an account's principals are known, nobody has to stand for the others.
        let whole = owner.as_ref().is_some_and(|owner| self.estate.whole.contains(owner));
        for who in whos.iter().filter(|w| !(of_owner(w) && w.arn.is_empty() && (whole || owner.is_none()))) {
            if let Some(unread) = self.estate.principals.get(&who.arn).map(|p| &p.unread).filter(|u| !u.is_empty()) {
                let about = About::Policies(unread.iter().cloned().collect());
                self.reach.undecided.push(Undecided { party: who.subject.party.clone(), about, why: Why::NotRead });
            }
            for when in self.one(who, &domain, guarded, owner.as_deref()) {
                let (action, resource) = (action.to_owned(), resource.to_owned());
                let hop = Hop { party: who.subject.party.clone(), except: Vec::new(), certainty: who.subject.certainty, action, resource, when };
                found.push((Some(who.arn.clone()).filter(|a| !a.is_empty()), hop));
            }
        }
        self.whos = whos;
        let apart = Apart::of(&documents, owner.as_deref().unwrap_or_default(), [self.estate, self.estate]);
        let said: BTreeSet<Party> = found.iter().map(|(_, hop): &(_, Hop)| hop.party.clone()).collect();
        for (_, hop) in &mut found {
            hop.except = apart.silent(&hop.party, |one| said.contains(one));
        }
        found
    }

    /// Principals of kinds that the evaluator does not know.
    fn unknown_kinds(&mut self, documents: &[&Document], resource: &str) {
        for kind in undecided::unknown_kinds(documents) {
            let (party, about) = (Party::OfKind { kind }, About::Resource(resource.to_owned()));
            self.reach.undecided.push(Undecided { party, about, why: Why::PrincipalKind });
        }
    }

    fn one(&mut self, who: &Who, domain: &Domain, guarded: Option<&Guarded>, owner: Option<&str>) -> Vec<Vec<Vec<Clause>>> {
        let identity = who.identity(self.estate, self.everything);
        let account = who.subject.account.as_deref();
        let policies = identity.map(|identity| self.estate.policies(identity, account, guarded, owner));
        let mut subject: Subject = who.subject.clone();
        let mut domain = domain.clone();
        // What nobody else guards belongs to the caller's own account.
        domain.owner = owner.or(account).map(str::to_owned);
        subject.name_accounts(&domain);
        if domain.actions.iter().any(|action| unheard(&subject.caller, action).is_some()) {
            return Vec::new();
        }
        match compare(&subject, &domain, [None, policies.as_ref()]) {
            Ok(regions) => regions.into_iter().map(|r| r.when.0).collect(),
            Err(why) => {
                self.reach.undecided.push(Undecided { party: subject.party, about: domain.about, why });
                Vec::new()
            }
        }
    }
}
