//! Who is asked about: principals that are known, and those that stand for all others.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::{Certainty, Party};
use crossrole_policy::{Arn, Document, Effect, Element, Principal, Statement};

use crate::estate::{Estate, Guarded, Identity, Placed};
use crate::principal::Caller;
use crate::request::ContextValue;

use super::crowd::{Accounts, Crowd, Names, Sort};
use super::pair::{Subject, TAG};

/// Whose policies its side of a decision is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its own, which are known.
    Known,
    /// Those that are known, and others that are taken to allow it everything.
    AndMore,
    /// Its account is taken to allow it everything: what it gets then is up to the other side.
    Everything,
    /// It has none.
    Nothing,
}

/// A principal, or one that stands for many.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub(crate) kind: Kind,
    /// Of a known principal.
    pub(crate) arn: String,
    pub(crate) subject: Subject,
}

/// The name of a session, by its ARN.
fn session_name(arn: &str) -> Option<String> {
    arn.rsplit_once('/').map(|(_, name)| name.to_owned())
}

/// A key whose one value is known.
#[expect(clippy::unnecessary_wraps, reason = "a key may also be known to be missing, which is None")]
fn one(value: &str) -> Option<ContextValue> {
    Some(ContextValue::One(value.to_owned()))
}

/// Keys that only requests of services have (IAM User Guide, "AWS global condition context keys", aws:SourceArn and those
/// beside it).
const OF_SERVICES: [&str; 6] =
    ["aws:sourcearn", "aws:sourceaccount", "aws:sourceorgid", "aws:sourceorgpaths", "aws:principalservicename", "aws:principalservicenameslist"];

/// Keys that only requests with credentials of an account's principals have.
const OF_PRINCIPALS: [&str; 16] = [
    "aws:principalarn",
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:userid",
    "aws:username",
    "aws:multifactorauthpresent",
    "aws:multifactorauthage",
    "aws:tokenissuetime",
    "aws:sourceidentity",
    "aws:federatedprovider",
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:ec2instancesourcevpc",
    "aws:ec2instancesourceprivateipv4",
];

fn without(keys: &[&str]) -> BTreeMap<String, Option<ContextValue>> {
    keys.iter().map(|key| ((*key).to_owned(), None)).collect()
}

/// Path with its slashes, and name: `/team/`, `Reader`.
fn path_and_name(resource: &str) -> (String, String) {
    let rest = resource.split_once('/').map_or("", |(_, rest)| rest);
    match rest.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name.to_owned()),
        None => ("/".to_owned(), rest.to_owned()),
    }
}

impl Who {
    /// A role or user that an estate has, or whoever is in a group that it has.
    pub(crate) fn known(arn: &str, sides: [&Estate; 2]) -> Option<Self> {
        let principal = sides.into_iter().rev().find_map(|side| side.principals.get(arn))?;
        let mut who = Self::named(arn);
        who.kind = Kind::Known;
        who.subject.certainty = Certainty::Exact;
        if arn.contains(":group/") {
            let partition = Arn::parse(arn).map_or("aws", |a| a.partition).to_owned();
            let kinds = vec![Sort::User(Names::Any)];
            let accounts = Accounts::One(principal.account.clone());
            let crowd = Crowd { partition, accounts, kinds, caller: None, session: None, except: BTreeSet::new() };
            who.subject.party = Party::Members { group: arn.to_owned() };
            who.subject.caller = crowd.plain();
            who.subject.fixed.retain(|key, _| !OF_PRINCIPALS.contains(&key.as_str()) || key == "aws:principalaccount");
            who.subject.fixed.insert("aws:principaltype".to_owned(), one("User"));
            who.subject.crowd = Some(crowd);
            return Some(who);
        }
        who.subject.tags = sides.map(|side| {
            let principal = side.principals.get(arn)?;
            // A session can bring tags of its own over those of its role where the trust policy lets it.
            if brings_tags(side, arn) {
                return None;
            }
            Some(principal.tags.iter().map(|(key, value)| (format!("{TAG}{}", key.to_lowercase()), value.clone())).collect())
        });
        // Where it is not there at all, it is not asked about its tags.
        for (at, side) in sides.into_iter().enumerate() {
            if !side.principals.contains_key(arn)
                && let [a, b] = who.subject.tags.clone()
                && let Some(slot) = who.subject.tags.get_mut(at)
            {
                *slot = if at == 0 { b } else { a };
            }
        }
        Some(who)
    }

    /// The policies of its side; `None` where it is not there. `everything`: what stands in for those that are not known.
    pub(crate) fn identity<'e>(&self, side: &'e Estate, everything: &'e Placed) -> Option<Identity<'e>> {
        match self.kind {
            Kind::Known => side.principals.get(&self.arn).map(Identity::Of),
            Kind::AndMore => side.principals.get(&self.arn).map(|principal| Identity::AndMore(principal, everything)),
            Kind::Everything => Some(Identity::Everything(everything)),
            Kind::Nothing => Some(Identity::Nothing),
        }
    }

    /// One session of a role that an estate has.
    pub(crate) fn session(session: &str, role: &str, sides: [&Estate; 2]) -> Option<Self> {
        let mut who = Self::known(role, sides)?;
        who.subject.party = Party::of(session);
        who.subject.caller = Caller::Arn(session.to_owned());
        if let Some(crowd) = &mut who.subject.crowd {
            crowd.caller = Some(who.subject.caller.clone());
            crowd.session = session_name(session);
        }
        Some(who)
    }

    /// A principal by ARN of which nothing else is known.
    pub(crate) fn named(arn: &str) -> Self {
        let parsed = Arn::parse(arn);
        let account = parsed.map(|a| a.account.to_owned());
        let mut fixed = without(&OF_SERVICES);
        fixed.insert("aws:principalaccount".to_owned(), account.as_deref().and_then(one));
        fixed.insert("aws:principalisawsservice".to_owned(), one("false"));
        let mut fix = |key: &str, value: Option<ContextValue>| drop(fixed.insert(key.to_owned(), value));
        let mut crowd = None;
        if let Some(parsed) = parsed {
            let (path, name) = path_and_name(parsed.resource);
            let this = |path: Option<String>, name: String| Names::This(path, name);
            let (kind, sort, caller) = match parsed.resource.split('/').next().unwrap_or_default() {
                "assumed-role" => {
                    let role = parsed.resource.split('/').nth(1).unwrap_or_default().to_owned();
                    (Sort::Role(this(None, role)), "AssumedRole", Some(Caller::Arn(arn.to_owned())))
                }
                "federated-user" => {
                    fix("aws:userid", one(&format!("{}:{name}", parsed.account)));
                    (Sort::Federated(this(None, name)), "FederatedUser", None)
                }
                "user" => {
                    fix("aws:username", one(&name));
                    (Sort::User(this(Some(path), name)), "User", None)
                }
                "root" => {
                    fix("aws:userid", one(parsed.account));
                    (Sort::Root, "Account", None)
                }
                _ => (Sort::Role(this(Some(path), name)), "AssumedRole", None),
            };
            if !matches!(kind, Sort::User(_)) {
                fix("aws:username", None);
            }
            // A session's own ARN does not tell the path of its role.
            if caller.is_none() {
                fix("aws:principalarn", one(arn));
            }
            fix("aws:principaltype", one(sort));
            let accounts = Accounts::One(parsed.account.to_owned());
            let session = caller.as_ref().and_then(|_| session_name(arn));
            crowd = Some(Crowd { partition: parsed.partition.to_owned(), accounts, kinds: vec![kind], caller, session, except: BTreeSet::new() });
        }
        let subject = Subject {
            party: Party::of(arn),
            certainty: Certainty::OwnPolicies,
            account,
            caller: crowd.as_ref().map_or_else(|| Caller::Arn(arn.to_owned()), Crowd::plain),
            fixed,
            crowd,
            tags: [None, None],
        };
        Self { kind: Kind::Everything, arn: arn.to_owned(), subject }
    }

    /// The same, taken to have no policies of its own.
    pub(super) fn bare(mut self) -> Self {
        self.kind = Kind::Nothing;
        self.subject.certainty = Certainty::EvenWithout;
        self
    }

    /// The root user of an account, which needs no policies of its own.
    pub(crate) fn root(partition: &str, account: &str) -> Self {
        let mut who = Self::named(&format!("arn:{partition}:iam::{account}:root"));
        // As if policies of its own let it everything: it is `Kind::Everything`.
        who.subject.certainty = Certainty::Exact;
        who
    }

    /// Principals of accounts that nothing else is known of.
    pub(crate) fn any_of(crowd: Crowd, kind: Kind) -> Self {
        let (party, account) = match &crowd.accounts {
            Accounts::One(account) => (Party::AnyOf { partition: crowd.partition.clone(), account: account.clone() }, account.clone()),
            Accounts::Others(_) => {
                let caller = crowd.plain();
                (Party::AnyOther { partition: crowd.partition.clone() }, caller.account().unwrap_or_default().to_owned())
            }
        };
        let certainty = match kind {
            Kind::Known => Certainty::Exact,
            Kind::AndMore => Certainty::UnreadPolicies,
            Kind::Everything => Certainty::OwnPolicies,
            Kind::Nothing => Certainty::EvenWithout,
        };
        let mut crowd = crowd;
        if kind == Kind::Nothing {
            // The root of an account needs no policies.
            crowd.kinds.retain(|kind| *kind != Sort::Root);
        }
        let mut fixed = without(&OF_SERVICES);
        fixed.insert("aws:principalisawsservice".to_owned(), one("false"));
        if matches!(crowd.accounts, Accounts::One(_)) {
            fixed.insert("aws:principalaccount".to_owned(), one(&account));
        }
        let caller = crowd.plain();
        let subject = Subject { party, certainty, account: Some(account), caller, fixed, crowd: Some(crowd), tags: [None, None] };
        Self { kind, arn: String::new(), subject }
    }

    /// Unsigned callers, a service, tokens of a provider: only the resource's policy decides about them.
    pub(crate) fn without_identity(caller: Caller) -> Self {
        let mut fixed = without(&OF_PRINCIPALS);
        let (party, service) = match &caller {
            Caller::Anonymous => (Party::Unsigned, None),
            Caller::Service(name) => (Party::Service { name: name.clone() }, Some(name.clone())),
            Caller::Arn(arn) | Caller::Federated { arn, .. } => (Party::Tokens { provider: arn.clone() }, None),
        };
        fixed.insert("aws:principaltype".to_owned(), if party == Party::Unsigned { one("Anonymous") } else { None });
        // Requests that are not signed lack it; S3 says `anonymous` of who they are from (IAM User Guide, "AWS global condition
        // context keys", and "Request information that you can use for policy variables").
        fixed.insert("aws:principalisawsservice".to_owned(), if service.is_some() { one("true") } else { None });
        if party == Party::Unsigned {
            fixed.extend(["aws:principalaccount", "aws:userid"].map(|key| (key.to_owned(), one("anonymous"))));
            // No service asks for somebody who has not signed.
            fixed.insert("aws:viaawsservice".to_owned(), one("false"));
        }
        match service {
            Some(name) => {
                fixed.insert("aws:principalservicename".to_owned(), one(&name));
                fixed.insert("aws:principalservicenameslist".to_owned(), Some(ContextValue::Many(vec![name])));
            }
            None => fixed.extend(without(&OF_SERVICES)),
        }
        let none = || Some(BTreeMap::new());
        let subject = Subject { party, certainty: Certainty::Exact, account: None, caller, fixed, crowd: None, tags: [none(), none()] };
        Self { kind: Kind::Nothing, arn: String::new(), subject }
    }

    /// Services that nothing names.
    pub(super) fn any_service(except: BTreeSet<String>) -> Self {
        let kinds = vec![Sort::Service(Names::Any)];
        let crowd = Crowd { partition: String::new(), accounts: Accounts::One(String::new()), kinds, caller: None, session: None, except };
        let mut who = Self::without_identity(crowd.plain());
        who.subject.party = Party::AnyService;
        who.subject.fixed.remove("aws:principalservicename");
        who.subject.fixed.remove("aws:principalservicenameslist");
        who.subject.crowd = Some(crowd);
        who
    }
}

impl Subject {
    /// A session that stands for all of a role's is called as none that policies name.
    pub(crate) fn rename_session(&mut self, guarded: [Option<&Guarded>; 2]) {
        if self.party.id() == Some(self.caller.as_str()) || !self.caller.as_str().contains(":assumed-role/") {
            return;
        }
        let named = |name: &str| {
            let policies = guarded.into_iter().flatten().filter_map(|g| g.policy.as_ref());
            policies.flat_map(|p| p.document.aws_principals()).any(|p| p == name)
        };
        if !named(self.caller.as_str()) {
            return;
        }
        let mut name = self.caller.as_str().to_owned();
        while named(&name) {
            name.push('x');
        }
        self.caller = Caller::Arn(name.clone());
        if let Some(crowd) = self.crowd.as_mut().filter(|crowd| crowd.kinds.len() == 1) {
            crowd.caller = Some(Caller::Arn(name));
        }
    }
}

/// Tells whether sessions of a role may bring tags.
pub(crate) fn brings_tags(side: &Estate, arn: &str) -> bool {
    let trust = side.roles.get(arn).and_then(|g| g.policy.as_ref());
    trust.is_some_and(|p| p.compiled.statements.iter().any(|s| s.effect == Effect::Allow && s.action.match_("sts:TagSession")))
}

/// The role that an estate has of a session's ARN, which does not tell its path.
pub(crate) fn role_behind(session: &str, sides: [&Estate; 2]) -> Option<String> {
    sides.into_iter().rev().find_map(|side| side.role_behind(session).cloned())
}

/// A trust policy that lets in whom this account's own policies let.
pub(crate) fn trusts_account(account: &str) -> Document {
    let mut statement = Statement::allow(Element::of(super::atoms::ASSUME), None);
    statement.principal = Some(Principal::of("AWS", [account]));
    Document::new(vec![statement])
}
