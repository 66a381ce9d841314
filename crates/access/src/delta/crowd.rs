//! Callers with all that follows from who they are.
//!
//! `aws:PrincipalArn`, `aws:PrincipalAccount`, `aws:userid` and the like are no keys of their own: they are said of one
//! caller, and fit one another (IAM User Guide, "AWS global condition context keys", and "Request information that you can
//! use for policy variables", principal key values). A [`Crowd`] is some callers; [`Crowd::profiles`] gives one of each class
//! that conditions on any of these keys tell apart, with all of its keys.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::glob::token;
use crate::engine::operator::Test;
use crate::principal::Caller;
use crate::request::{Context, ContextValue};

use super::classes;
use super::cover::Value;
use super::forms::{Form, Pattern, Tapes};
use super::values::{Asked, spellings};

const ARN: u32 = 0;
const ACCOUNT: u32 = 1;
const USER_ID: u32 = 2;
const USER_NAME: u32 = 3;
const ORGANIZATION: u32 = 4;
const PATHS: u32 = 5;
const SERVICE: u32 = 6;

/// The keys that follow from who calls, each with its text.
const TEXTS: [(&str, u32); 8] = [
    ("aws:principalarn", ARN),
    ("aws:principalaccount", ACCOUNT),
    (CALLER_ACCOUNT, ACCOUNT),
    ("aws:userid", USER_ID),
    ("aws:username", USER_NAME),
    ("aws:principalorgid", ORGANIZATION),
    ("aws:principalorgpaths", PATHS),
    ("aws:principalservicename", SERVICE),
];

/// The caller's account in requests to KMS, and in no others (AWS KMS Developer Guide, "AWS KMS condition keys").
pub(crate) const CALLER_ACCOUNT: &str = "kms:calleraccount";

/// Those that are the same for all of a kind.
const CONSTANT: [&str; 2] = ["aws:principaltype", "aws:principalisawsservice"];

/// Tells whether a key follows from who calls.
pub(crate) fn is_of_caller(key: &str) -> bool {
    TEXTS.iter().any(|(k, _)| *k == key) || CONSTANT.contains(&key)
}

/// Tells whether what one key of a caller holds says something of what another does: the same letters are in both.
pub(crate) fn share_letters(a: &str, b: &str) -> bool {
    const TOGETHER: [[&str; 2]; 5] = [
        ["aws:principalarn", "aws:username"],
        ["aws:principalarn", "aws:principalaccount"],
        ["aws:principalarn", CALLER_ACCOUNT],
        ["aws:principalaccount", CALLER_ACCOUNT],
        ["aws:principalorgid", "aws:principalorgpaths"],
    ];
    a != b && TOGETHER.iter().any(|keys| keys.contains(&a) && keys.contains(&b))
}

/// A name that nobody is taken to have.
const NOBODY: &str = "any-other";

/// Accounts that stand for one that nothing names, as long as nothing does.
const STAND_INS: [&str; 3] = ["999999999999", "888888888888", "777777777777"];

/// Which accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accounts {
    One(String),
    /// All but these.
    Others(BTreeSet<String>),
}

/// Which names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Names {
    Any,
    /// Path, `None` where nobody knows it, and name.
    This(Option<String>, String),
}

/// A sort of callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sort {
    /// Sessions of roles.
    Role(Names),
    User(Names),
    /// Federated users: `GetFederationToken`.
    Federated(Names),
    Root,
    Service(Names),
}

/// Some callers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crowd {
    pub(crate) partition: String,
    pub(crate) accounts: Accounts,
    pub(crate) kinds: Vec<Sort>,
    /// The ARN that requests come from, where it is another than what follows from the name: one session.
    pub(crate) caller: Option<Caller>,
    /// The name of the session, where they are one.
    pub(crate) session: Option<String>,
    /// ARNs, and names of services, that are asked about by themselves.
    pub(crate) except: BTreeSet<String>,
}

impl Crowd {
    /// The principals of some accounts.
    pub(crate) fn of(partition: &str, accounts: Accounts, except: BTreeSet<String>) -> Self {
        let kinds = vec![Sort::Role(Names::Any), Sort::User(Names::Any), Sort::Federated(Names::Any), Sort::Root];
        Self { partition: partition.to_owned(), accounts, kinds, caller: None, session: None, except }
    }

    /// The caller that stands for all where nothing tells them apart.
    pub(crate) fn plain(&self) -> Caller {
        self.quick()
            .or_else(|| self.profiles(&[], &Context::default()).and_then(|all| all.into_iter().next()).and_then(|v| v.caller))
            .unwrap_or(Caller::Anonymous)
    }

    fn quick(&self) -> Option<Caller> {
        if self.caller.is_some() {
            return self.caller.clone();
        }
        let account = match &self.accounts {
            Accounts::One(id) => id.as_str(),
            Accounts::Others(except) => STAND_INS.into_iter().find(|a| !except.contains(*a))?,
        };
        let (name, free) = match self.kinds.first()? {
            Sort::Role(names) | Sort::User(names) | Sort::Federated(names) | Sort::Service(names) => match names {
                Names::Any => (NOBODY, true),
                Names::This(_, name) => (name.as_str(), false),
            },
            Sort::Root => ("", false),
        };
        // A name that something names would not stand for the others.
        if free && self.except.iter().any(|e| e.contains(NOBODY)) {
            return None;
        }
        Some(self.called(self.kinds.first()?, account, name, None))
    }

    /// The ARN that conditions see of the caller that stands for all.
    pub(crate) fn principal_arn(&self) -> Option<String> {
        let caller = self.plain();
        let arn = crossrole_policy::Arn::parse(caller.as_str())?;
        match (arn.service, arn.resource.split('/').nth(1)) {
            ("sts", Some(role)) if arn.resource.starts_with("assumed-role/") => Some(format!("arn:{}:iam::{}:role/{role}", arn.partition, arn.account)),
            _ => Some(caller.as_str().to_owned()),
        }
    }

    fn called(&self, kind: &Sort, account: &str, name: &str, arn: Option<&str>) -> Caller {
        let p = &self.partition;
        if let Some(caller) = &self.caller {
            return caller.clone();
        }
        Caller::Arn(match kind {
            Sort::Role(_) => format!("arn:{p}:sts::{account}:assumed-role/{name}/session"),
            Sort::User(Names::This(Some(path), _)) => format!("arn:{p}:iam::{account}:user{path}{name}"),
            Sort::User(_) => arn.map_or_else(|| format!("arn:{p}:iam::{account}:user/{name}"), str::to_owned),
            Sort::Federated(_) => format!("arn:{p}:sts::{account}:federated-user/{name}"),
            Sort::Root => format!("arn:{p}:iam::{account}:root"),
            Sort::Service(_) => return Caller::Service(format!("{name}.amazonaws.com")),
        })
    }

    /// One caller of each class that the conditions tell apart, with its keys; `None` when they are too many.
    pub(crate) fn profiles(&self, asked: &[Asked<'_>], context: &Context) -> Option<Vec<Value>> {
        let keys: BTreeSet<&str> = asked.iter().map(|(_, c)| c.key.as_str()).collect();
        let organized = keys.contains("aws:principalorgid") || keys.contains("aws:principalorgpaths");
        let mut patterns = patterns(asked, context);
        let excepted = patterns.len();
        patterns.extend(self.except.iter().map(|text| {
            let tape = if text.starts_with("arn:") { ARN } else { SERVICE };
            Pattern { tape, symbols: text.chars().map(classes::Symbol::Char).collect() }
        }));
        if let Accounts::Others(except) = &self.accounts {
            patterns.extend(except.iter().map(|id| Pattern { tape: ACCOUNT, symbols: id.chars().map(classes::Symbol::Char).collect() }));
        }
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for kind in &self.kinds {
            let none = [false];
            let both = [false, true];
            let member = if organized && !matches!(kind, Sort::Service(_)) { &both[..] } else { &none[..] };
            for in_organization in member {
                for found in self.form(kind, &keys, *in_organization).classes(&patterns)? {
                    if found.matched.iter().skip(excepted).any(|m| *m) {
                        continue;
                    }
                    let value = self.profile(kind, &found.texts, *in_organization);
                    if seen.insert(value.answers(asked, context)) {
                        all.push(value);
                    }
                }
            }
        }
        Some(all)
    }

    /// How callers of a kind are spelled.
    fn form(&self, kind: &Sort, keys: &BTreeSet<&str>, in_organization: bool) -> Form {
        let p = &self.partition;
        let bit = |tape: u32| -> Tapes { 1 << tape };
        let service = if matches!(kind, Sort::Role(_) | Sort::User(_) | Sort::Root) { "iam" } else { "sts" };
        let mut form = Form::new();
        if let Sort::Service(names) = kind {
            return match names {
                Names::Any => form.name(bit(SERVICE)).text(".amazonaws.com", bit(SERVICE)),
                Names::This(_, name) => form.text(name, bit(SERVICE)),
            };
        }
        // Of root and federated users, the id begins with the account.
        let id = if matches!(kind, Sort::Root | Sort::Federated(_)) { bit(USER_ID) } else { 0 };
        form = form.text(&format!("arn:{p}:{service}::"), bit(ARN));
        let digits = bit(ARN) | bit(ACCOUNT) | id;
        form = match &self.accounts {
            Accounts::One(account) => form.text(account, digits),
            Accounts::Others(_) => form.digits(12, digits),
        };
        form = match kind {
            Sort::Role(names) => named(form.text(":role", bit(ARN)), names, 0),
            Sort::User(names) => named(form.text(":user", bit(ARN)), names, bit(USER_NAME)),
            Sort::Federated(Names::This(_, name)) => form.text(":federated-user/", bit(ARN)).text(":", id).text(name, bit(ARN) | id),
            Sort::Federated(Names::Any) => form.text(":federated-user/", bit(ARN)).text(":", id).name(bit(ARN) | id),
            Sort::Root | Sort::Service(_) => form.text(":root", bit(ARN)),
        };
        if keys.contains("aws:userid") {
            // Unique ids are random; a session's has its name behind a colon (IAM User Guide, "IAM identifiers").
            form = match kind {
                Sort::Role(_) => {
                    let of_role = form.text("AROA", bit(USER_ID)).name(bit(USER_ID)).text(":", bit(USER_ID));
                    self.session.as_ref().map_or_else(|| of_role.clone().name(bit(USER_ID)), |name| of_role.clone().text(name, bit(USER_ID)))
                }
                Sort::User(_) => form.text("AIDA", bit(USER_ID)).name(bit(USER_ID)),
                _ => form,
            };
        }
        if in_organization {
            // A path begins with the organization's id and goes on with its root (o-…/r-…/ou-…/).
            let both = bit(ORGANIZATION) | bit(PATHS);
            form = form.text("o-", both).name(both).text("/r-", bit(PATHS)).name(bit(PATHS)).text("/", bit(PATHS)).path(bit(PATHS));
        }
        form
    }

    fn profile(&self, kind: &Sort, texts: &[String], in_organization: bool) -> Value {
        let text = |tape: u32| texts.get(tape as usize).cloned().unwrap_or_default();
        let one = |text: String| Some(ContextValue::One(text));
        let mut keys: BTreeMap<String, Option<ContextValue>> = BTreeMap::new();
        let mut set = |key: &str, value: Option<ContextValue>| drop(keys.insert(key.to_owned(), value));
        let service = matches!(kind, Sort::Service(_));
        for (key, tape) in TEXTS {
            let value = text(tape);
            set(key, if value.is_empty() { None } else { one(value) });
        }
        if in_organization {
            set("aws:principalorgpaths", Some(ContextValue::Many(vec![text(PATHS)])));
        }
        let sort = match kind {
            Sort::Role(_) => Some("AssumedRole"),
            Sort::User(_) => Some("User"),
            Sort::Federated(_) => Some("FederatedUser"),
            Sort::Root => Some("Account"),
            Sort::Service(_) => None,
        };
        set("aws:principaltype", sort.and_then(|s| one(s.to_owned())));
        set("aws:principalisawsservice", one(service.to_string()));
        let arn = text(ARN);
        let name = match kind {
            Sort::Service(_) => text(SERVICE).trim_end_matches(".amazonaws.com").to_owned(),
            _ => arn.rsplit('/').next().unwrap_or_default().to_owned(),
        };
        let caller = self.called(kind, &text(ACCOUNT), &name, Some(&arn));
        Value { keys: keys.into_iter().collect(), caller: Some(caller), taggable: !matches!(kind, Sort::Root | Sort::Service(_)) }
    }
}

fn named(form: Form, names: &Names, name: Tapes) -> Form {
    let arn: Tapes = 1 << ARN;
    match names {
        Names::Any => form.text("/", arn).path(arn).name(arn | name),
        Names::This(Some(path), text) => form.text(path, arn).text(text, arn | name),
        Names::This(None, text) => form.text("/", arn).path(arn).text(text, arn | name),
    }
}

/// The patterns of conditions on the keys of a caller.
fn patterns(asked: &[Asked<'_>], context: &Context) -> Vec<Pattern> {
    let mut all = Vec::new();
    for (variables, condition) in asked {
        let Some((_, tape)) = TEXTS.iter().find(|(key, _)| *key == condition.key) else { continue };
        let mut add = |symbols: Vec<classes::Symbol>| all.push(Pattern { tape: *tape, symbols });
        if !condition.is_text() {
            // An account is a number to who asks for one.
            condition.written.values.iter().for_each(|v| add(v.chars().map(classes::Symbol::Char).collect()));
            continue;
        }
        let folded = condition.operator.is_some_and(|o| o.test == Test::StringEqualsIgnoreCase);
        for (tokens, arn) in condition.patterns(context, *variables) {
            if arn {
                classes::arn(&tokens, false).into_iter().for_each(&mut add);
                continue;
            }
            if folded {
                let others: usize = asked.iter().map(|(_, c)| c.written.values.len()).sum();
                for other in spellings(&crate::engine::template::plain(&tokens), others) {
                    add(other.chars().map(classes::Symbol::Char).collect());
                }
            }
            add(classes::plain(&tokens));
        }
    }
    all
}

/// The wildcards of a text, as a pattern over a whole text.
pub(crate) fn pattern(text: &str) -> Vec<classes::Symbol> {
    classes::plain(&text.chars().map(token).collect::<Vec<_>>())
}
