//! Who is asked about: principals that are known, and those that stand for all others.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::{Certainty, Party};
use crossrole_policy::{Arn, Document, Effect, Element, Principal, Statement};

use crate::engine::condition::Condition;
use crate::engine::operator::Test;
use crate::estate::Estate;
use crate::principal::Caller;
use crate::request::ContextValue;

use super::pair::Subject;

/// A name that nobody is taken to have.
const NOBODY: &str = "any-other";

/// Whose policies its side of a decision is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Its own, which are known.
    Known,
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

/// A key whose one value is known.
#[expect(clippy::unnecessary_wraps, reason = "a key may also be known to be missing, which is None")]
fn one(value: &str) -> Option<ContextValue> {
    Some(ContextValue::One(value.to_owned()))
}

impl Who {
    /// A role or user that an estate has.
    pub(crate) fn known(arn: &str, sides: [&Estate; 2]) -> Option<Self> {
        let principal = sides.into_iter().rev().find_map(|side| side.principals.get(arn))?;
        let mut who = Self::named(arn);
        who.kind = Kind::Known;
        who.subject.certainty = Certainty::Exact;
        if let Some((head, _)) = arn.split_once(":group/") {
            let begins = format!("{head}:user/");
            who.subject.party = Party::Members { group: arn.to_owned() };
            who.subject.caller = Caller::Arn(format!("{begins}any-member"));
            who.subject.fixed.remove("aws:principalarn");
            who.subject.fixed.remove("aws:username");
            who.subject.fixed.insert("aws:principaltype".to_owned(), one("User"));
            who.subject.begins.insert("aws:principalarn".to_owned(), vec![begins]);
        }
        // A session can bring tags of its own over those of its role where the trust policy lets it.
        let brings = |side: &Estate| {
            let trust = side.roles.get(arn).and_then(|g| g.policy.as_ref());
            trust.is_some_and(|p| p.compiled.statements.iter().any(|s| s.effect == Effect::Allow && s.action.match_("sts:TagSession")))
        };
        if !sides.into_iter().any(brings) && !arn.contains(":group/") {
            who.subject.all_tags = true;
            for (key, value) in &principal.tags {
                who.subject.fixed.insert(format!("aws:principaltag/{}", key.to_lowercase()), one(value));
            }
        }
        let tags: Vec<_> = sides.into_iter().filter_map(|side| side.principals.get(arn)).map(|p| &p.tags).collect();
        who.subject.retagged = tags.windows(2).any(|pair| matches!(pair, [a, b] if a != b));
        Some(who)
    }

    /// A principal by ARN of which nothing else is known.
    pub(crate) fn named(arn: &str) -> Self {
        let parsed = Arn::parse(arn);
        let (kind, name) = parsed.and_then(|a| a.kind_and_name()).unwrap_or_default();
        let account = parsed.map(|a| a.account.to_owned());
        let mut fixed = BTreeMap::from([("aws:principalaccount".to_owned(), account.as_deref().and_then(one))]);
        let caller = match (parsed, kind) {
            (Some(arn), "role") => format!("arn:{}:sts::{}:assumed-role/{name}/session", arn.partition, arn.account),
            _ => arn.to_owned(),
        };
        let behind = match (parsed, kind) {
            // A session's policies are its role's, and so is the ARN that conditions see.
            (Some(a), "assumed-role") => {
                let role = a.resource.split('/').nth(1).unwrap_or_default();
                format!("arn:{}:iam::{}:role/{role}", a.partition, a.account)
            }
            _ => arn.to_owned(),
        };
        fixed.insert("aws:principalarn".to_owned(), one(&behind));
        fixed.insert("aws:principaltype".to_owned(), one(if kind == "user" { "User" } else { "AssumedRole" }));
        fixed.insert("aws:username".to_owned(), if kind == "user" { one(name) } else { None });
        fixed.insert("aws:principalisawsservice".to_owned(), one("false"));
        let subject = Subject {
            party: Party::of(arn),
            certainty: Certainty::Exact,
            account,
            caller: Caller::Arn(caller),
            fixed,
            begins: BTreeMap::new(),
            all_tags: false,
            retagged: false,
        };
        Self { kind: Kind::Everything, arn: arn.to_owned(), subject }
    }

    pub(crate) fn any_of(partition: &str, account: &str, party: Party, kind: Kind) -> Self {
        let certainty = match kind {
            Kind::Known => Certainty::Exact,
            Kind::Everything => Certainty::OwnPolicies,
            Kind::Nothing => Certainty::EvenWithout,
        };
        let caller = Caller::Arn(format!("arn:{partition}:sts::{account}:assumed-role/{NOBODY}/session"));
        let fixed = BTreeMap::from([("aws:principalaccount".to_owned(), one(account)), ("aws:principalisawsservice".to_owned(), one("false"))]);
        let begins = ["role/", "user/"].map(|kind| format!("arn:{partition}:iam::{account}:{kind}")).to_vec();
        let subject = Subject {
            party,
            certainty,
            account: Some(account.to_owned()),
            caller,
            fixed,
            begins: BTreeMap::from([("aws:principalarn".to_owned(), begins)]),
            all_tags: false,
            retagged: false,
        };
        Self { kind, arn: String::new(), subject }
    }

    pub(crate) fn without_identity(caller: Caller) -> Self {
        let party = match &caller {
            Caller::Anonymous => Party::Unsigned,
            Caller::Service(name) => Party::Service { name: name.clone() },
            Caller::Arn(arn) => Party::Tokens { provider: arn.clone() },
        };
        let mut fixed: BTreeMap<String, Option<ContextValue>> = BTreeMap::new();
        for key in ["aws:principalarn", "aws:principalaccount", "aws:principalorgid", "aws:principalorgpaths", "aws:username", "aws:multifactorauthpresent"] {
            fixed.insert(key.to_owned(), None);
        }
        match &caller {
            Caller::Service(name) => {
                fixed.insert("aws:principalisawsservice".to_owned(), one("true"));
                fixed.insert("aws:principalservicename".to_owned(), one(name));
            }
            _ => {
                fixed.insert("aws:principalisawsservice".to_owned(), one("false"));
            }
        }
        let certainty = Certainty::Exact;
        let subject = Subject { party, certainty, account: None, caller, fixed, begins: BTreeMap::new(), all_tags: false, retagged: false };
        Self { kind: Kind::Nothing, arn: String::new(), subject }
    }
}

/// Everyone whom a resource's documents can be about and who is not known: named principals, the accounts named, another
/// account, unsigned callers, services, identity providers.
pub(crate) fn others(documents: &[&Document], owner: &str, sides: [&Estate; 2], trust: bool) -> Vec<Who> {
    let partition = sides.into_iter().rev().map(|s| s.partition.as_str()).find(|p| !p.is_empty()).unwrap_or("aws");
    let (mut named, mut accounts, mut everyone) = (BTreeSet::new(), BTreeSet::new(), false);
    let (mut services, mut providers) = (BTreeSet::new(), BTreeSet::new());
    for statement in documents.iter().flat_map(|d| &d.statements) {
        let Some(principal) = &statement.principal else { continue };
        everyone |= principal.bare_star || principal.negated;
        for (kind, values) in &principal.entries {
            for value in values {
                match kind.as_str() {
                    "Service" => drop(services.insert(value.clone())),
                    "Federated" => drop(providers.insert(value.clone())),
                    "AWS" if value == "*" => everyone = true,
                    "AWS" if value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit()) => drop(accounts.insert(value.clone())),
                    "AWS" => match Arn::parse(value) {
                        Some(arn) if arn.resource == "root" => drop(accounts.insert(arn.account.to_owned())),
                        Some(_) if !sides.iter().any(|side| side.principals.contains_key(value)) => drop(named.insert(value.clone())),
                        _ => {}
                    },
                    _ => {}
                }
            }
        }
        accounts.extend(accounts_in_conditions(statement));
    }
    if !owner.is_empty() {
        accounts.remove(owner);
    }
    let mut all: Vec<Who> = named.iter().map(|arn| Who::named(arn)).collect();
    let of = |account: &str| Party::AnyOf { partition: partition.to_owned(), account: account.to_owned() };
    for account in &accounts {
        all.push(Who::any_of(partition, account, of(account), Kind::Everything));
    }
    all.extend([Kind::Nothing, Kind::Everything].map(|kind| Who::any_of(partition, owner, of(owner), kind)));
    if everyone {
        let other = ["999999999999", "888888888888", "777777777777"].into_iter().find(|a| *a != owner && !accounts.contains(*a)).unwrap_or("999999999999");
        all.push(Who::any_of(partition, other, Party::AnyOther { partition: partition.to_owned() }, Kind::Everything));
        if !trust {
            all.push(Who::without_identity(Caller::Anonymous));
        }
    }
    all.extend(services.into_iter().map(Caller::Service).chain(providers.into_iter().map(Caller::Arn)).map(Who::without_identity));
    all
}

/// A trust policy that lets in whom this account's own policies let.
pub(crate) fn trusts_account(account: &str) -> Document {
    let mut statement = Statement::allow(Element::of(super::atoms::ASSUME), None);
    statement.principal = Some(Principal::of("AWS", [account]));
    Document::new(vec![statement])
}

/// Accounts that conditions on the caller's account or ARN speak of.
fn accounts_in_conditions(statement: &crossrole_policy::Statement) -> Vec<String> {
    let mut found = Vec::new();
    for (operator, keys) in &statement.conditions {
        for (key, values) in keys {
            let about = ["aws:principalarn", "aws:principalaccount"].iter().any(|k| key.eq_ignore_ascii_case(k));
            let written = crate::engine::condition::Written { operator: operator.clone(), key: key.clone(), values: Vec::new() };
            let texts = Condition::new(written, false).operator.is_some_and(|o| o.test != Test::Null);
            if !about || !texts {
                continue;
            }
            for value in values {
                let account = Arn::parse(value).map_or(value.as_str(), |a| a.account);
                if account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) {
                    found.push(account.to_owned());
                }
            }
        }
    }
    found
}
