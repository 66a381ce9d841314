//! `--deny-widening=SELECTOR`: what of a plan's widenings is meant. Parsed once, and never compared with a sentence.

use std::collections::BTreeSet;

use crossrole_access::{account_meets, actions_meet, catalogue, overlap, party_meets, resources_meet};
use crossrole_model::access::{AccessChange, Part, Party};
use crossrole_model::desired::DesiredState;
use crossrole_model::{Desired, Kind, Observed};
use crossrole_policy::{Arn, Document};

use crate::actions;
use crate::failure::Failure;

/// What a widening is chosen by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    /// Any.
    All,
    /// Who gains: a pattern over ARNs, `kind/Name`, a service, or `anonymous`.
    Principal(String),
    /// The account of who gains: an id, or a pattern over ids.
    Account(String),
    /// What is gained: a pattern over actions.
    Action(String),
    /// On what: a pattern over ARNs, or over buckets and what is in them.
    Resource(String),
}

/// Kinds that a principal can be named by.
const KINDS: [&str; 8] = ["role", "user", "group", "assumed-role", "federated-user", "service", "oidc-provider", "saml-provider"];

const FORMS: &str = "write `principal=` and an ARN, `role/Name`, `user/Name`, `group/Name`, a service or `anonymous`; `account=` and an id or label; \
                     `action=` as in `s3:Get*`; `resource=` and an ARN or `bucket/key`; each may have `*`; or no value for any widening";

const ONE: &str = "a selector is one: give `--deny-widening` once for each, and a widening that any of them matches is denied; where a name has \
                   a comma, `?` stands for it";

impl Selector {
    /// Reads all that were given; labels become the ids of all accounts that have them.
    pub(crate) fn parse_all(texts: &[String], desired: &Desired) -> Result<Vec<Self>, Failure> {
        let each: Vec<Vec<Self>> = texts.iter().map(|text| Self::parse(text, desired)).collect::<Result<_, _>>()?;
        Ok(each.concat())
    }

    fn parse(text: &str, desired: &Desired) -> Result<Vec<Self>, Failure> {
        let failure = |why: &str, advice: &str| Failure::new(format!("`--deny-widening={}` {why}", crossrole_report::safe(text)), advice);
        let wrong = |why: &str| failure(why, FORMS);
        if text == "*" {
            return Ok(vec![Self::All]);
        }
        // A list that is taken for one name would match what nobody meant, or nothing.
        if text.contains(',') {
            return Err(failure("has a comma, which separates nothing", ONE));
        }
        let Some((by, pattern)) = text.split_once('=').filter(|(_, pattern)| !pattern.is_empty()) else { return Err(wrong("selects nothing")) };
        match by {
            "principal" if is_principal(pattern) => Ok(vec![Self::Principal(pattern.to_owned())]),
            "principal" => Err(wrong("names no principal")),
            "account" => {
                let digits = pattern.bytes().all(|b| b.is_ascii_digit() || b == b'*' || b == b'?') && (pattern.len() == 12 || pattern.contains('*'));
                let labelled = desired.accounts.iter().filter(|(_, info)| overlap(pattern, &info.label)).map(|(id, _)| id.as_str());
                let ids: Vec<Self> = labelled.chain(digits.then_some(pattern)).map(|id| Self::Account(id.to_owned())).collect();
                if ids.is_empty() { Err(wrong("names no account")) } else { Ok(ids) }
            }
            "action" if actions::is_pattern(pattern) => Ok(vec![Self::Action(pattern.to_owned())]),
            "action" => Err(wrong("names no action: an action is `service:Name`")),
            "resource" => Ok(vec![Self::Resource(pattern.to_owned())]),
            _ => Err(wrong("selects nothing")),
        }
    }

    /// Tells whether a change may be one that is meant. Never wrongly no: exceptions are left aside.
    pub(crate) fn selects(&self, change: &AccessChange) -> bool {
        match self {
            Self::All => true,
            Self::Principal(pattern) => party_meets(&change.party, pattern),
            Self::Account(pattern) => account_meets(&change.party, pattern),
            Self::Action(pattern) => actions_meet(&change.actions, pattern),
            Self::Resource(pattern) => resources_meet(&change.resources, pattern),
        }
    }

    /// A selector that speaks of nothing in this run would let everything pass, and is a mistake.
    pub(crate) fn check(selectors: &[Self], known: &Known) -> Result<(), Failure> {
        for selector in selectors {
            let (what, found) = match selector {
                Self::All => continue,
                Self::Principal(p) => (format!("principal={p}"), known.has_principal(p)),
                Self::Account(p) => (format!("account={p}"), known.has_account(p)),
                Self::Action(p) => (format!("action={p}"), known.has_action(p)),
                Self::Resource(p) => (format!("resource={p}"), resources_meet(&known.resources, p)),
            };
            if !found {
                return Err(Failure::new(
                    format!("`--deny-widening={}` matches nothing in this run, and so would deny nothing", crossrole_report::safe(&what)),
                    "correct the name; what is not declared, not live in these accounts and not named by a policy can't gain anything here",
                ));
            }
        }
        Ok(())
    }
}

fn is_principal(pattern: &str) -> bool {
    if pattern == "anonymous" || pattern.trim_matches('*').is_empty() || pattern.ends_with(".amazonaws.com") || pattern.ends_with(".amazonaws.com.cn") {
        return true;
    }
    if pattern.starts_with("arn:") {
        return is_arn(pattern);
    }
    pattern.split_once('/').is_some_and(|(kind, name)| !name.is_empty() && KINDS.iter().any(|known| overlap(kind, known)))
}

/// Tells whether an ARN, or a pattern over ARNs, may be a principal's.
fn is_arn(pattern: &str) -> bool {
    // What has too few parts is a pattern over any.
    let Some(arn) = Arn::parse(pattern) else { return pattern.contains('*') };
    let digits = arn.account.len() == 12 && arn.account.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = arn.resource.split('/').collect();
    let kind = match parts.as_slice() {
        [only] => *only == "root" || only.contains('*'),
        // A session is of a role.
        ["assumed-role", rest @ ..] => rest.len() == 2 || rest.iter().any(|part| part.contains('*')),
        [kind, .., name] => !name.is_empty() && (KINDS.contains(kind) || kind.contains('*')),
        [] => false,
    };
    let wild = |text: &str| text.contains(['*', '?']);
    (["iam", "sts"].contains(&arn.service) || wild(arn.service)) && (digits || wild(arn.account)) && kind
}

/// What a run knows: who there is, and what.
#[derive(Debug, Default)]
pub(crate) struct Known {
    parties: Vec<Party>,
    resources: Vec<Part>,
    /// Services that are named.
    services: BTreeSet<String>,
    /// Accounts of which all principals are known.
    whole: BTreeSet<String>,
}

impl Known {
    /// Of what is declared, what is live, and what either names.
    pub(crate) fn of(desired: &Desired, observed: &Observed, changes: &[AccessChange]) -> Self {
        let mut known = Self::default();
        let partition = desired.partition;
        for account in desired.accounts.keys() {
            known.arn(&partition.iam_arn(account, "root", "", ""));
        }
        for (address, object) in &desired.objects {
            let path = match &object.state {
                DesiredState::Role { state, .. } => state.path.as_str(),
                DesiredState::User(state) => state.path.as_str(),
                DesiredState::Group { state, members: _ } => state.path.as_str(),
                _ => "/",
            };
            if matches!(address.kind, Kind::Role | Kind::User | Kind::Group | Kind::OidcProvider | Kind::SamlProvider) {
                known.arn(&partition.iam_arn(&address.account, address.kind.as_str(), path, &address.name));
            }
            known.state(&object.state, &address.name);
        }
        for (id, account) in observed.accounts.iter().filter_map(|(id, o)| Some((id, o.known()?))) {
            let roles = account.roles.values().map(|r| ("role", &r.state.path, &r.name));
            let users = account.users.values().map(|u| ("user", &u.state.path, &u.name));
            let groups = account.groups.values().map(|g| ("group", &g.state.path, &g.name));
            for (kind, path, name) in roles.chain(users).chain(groups) {
                known.arn(&partition.iam_arn(id, kind, path, name));
            }
            account.roles.values().for_each(|role| known.document(&role.state.trust));
            if account.complete {
                known.whole.insert(id.to_string());
            }
        }
        for (name, bucket) in &observed.buckets {
            known.bucket(name);
            let policy = bucket.known().and_then(|b| b.as_ref()).and_then(|b| b.policy.known()).and_then(|p| p.document.as_ref());
            if let Some(document) = policy {
                known.document(document);
            }
        }
        for change in changes {
            known.parties.push(change.party.clone());
            known.resources.extend(change.resources.iter().filter(|r| r.pattern != "*").cloned());
            known.services.extend(change.actions.iter().filter_map(|a| a.pattern.split_once(':')).map(|(service, _)| service.to_owned()));
        }
        known
    }

    fn state(&mut self, state: &DesiredState, name: &str) {
        match state {
            DesiredState::Role { state, .. } => {
                self.document(&state.trust);
                state.inline.values().for_each(|document| self.document(document));
            }
            DesiredState::Policy(state) => self.document(&state.document),
            DesiredState::Bucket(_) => self.bucket(name),
            DesiredState::Caller { statements, .. } => self.document(&Document::new(statements.clone())),
            DesiredState::BucketPolicy { statements, .. } => {
                self.bucket(name);
                self.document(&Document::new(statements.clone()));
            }
            DesiredState::KeyPolicy { key, grants } => {
                self.resources.push(Part::of(key.arn.as_str()));
                self.document(&Document::new(grants.iter().map(|g| g.statement.clone()).collect()));
            }
            DesiredState::PermissionSet { statements, .. } => self.document(&Document::new(statements.clone())),
            DesiredState::Key(_) => {}
            DesiredState::User(_)
            | DesiredState::Group { .. }
            | DesiredState::Membership(_)
            | DesiredState::OidcProvider(_)
            | DesiredState::SamlProvider(_) => {}
        }
    }

    fn bucket(&mut self, name: &str) {
        self.resources.extend([format!("arn:*:s3:::{name}"), format!("arn:*:s3:::{name}/*")].map(Part::of));
    }

    fn arn(&mut self, arn: &str) {
        self.parties.push(match Arn::parse(arn) {
            Some(a) if a.resource == "root" => Party::AnyOf { partition: a.partition.to_owned(), account: a.account.to_owned() },
            Some(a) if a.resource.starts_with("group/") => Party::Members { group: arn.to_owned() },
            Some(a) if ["oidc-provider/", "saml-provider/"].iter().any(|kind| a.resource.starts_with(kind)) => Party::Tokens { provider: arn.to_owned() },
            _ => Party::of(arn),
        });
        self.resources.push(Part::of(arn));
    }

    fn document(&mut self, document: &Document) {
        for statement in &document.statements {
            for (kind, values) in statement.principal.iter().flat_map(|p| &p.entries) {
                for value in values {
                    match kind.as_str() {
                        "Service" => self.parties.push(Party::Service { name: value.clone() }),
                        "Federated" => self.parties.push(Party::Tokens { provider: value.clone() }),
                        _ if value == "*" => self.parties.extend([Party::Unsigned, Party::AnyOther { partition: "*".to_owned() }]),
                        _ if value.len() == 12 => self.parties.push(Party::AnyOf { partition: "*".to_owned(), account: value.clone() }),
                        _ => self.arn(value),
                    }
                }
            }
            if statement.principal.as_ref().is_some_and(|p| p.bare_star) {
                self.parties.extend([Party::Unsigned, Party::AnyOther { partition: "*".to_owned() }]);
            }
            let resources = statement.resource.iter().flat_map(|r| &r.values).filter(|r| *r != "*");
            self.resources.extend(resources.map(|r| Part::of(r.as_str())));
            self.services.extend(statement.action.values.iter().filter_map(|a| a.split_once(':')).map(|(service, _)| service.to_owned()));
        }
    }

    /// A name without an account has to be somebody's: whoever stands for many may bear any. So has an ARN of an account of which all
    /// are known.
    fn has_principal(&self, pattern: &str) -> bool {
        if pattern.trim_matches('*').is_empty() || pattern == "anonymous" {
            return true;
        }
        let named = |party: &Party| !matches!(party, Party::AnyOf { .. } | Party::AnyOther { .. } | Party::AnyService | Party::Unsigned | Party::OfKind { .. });
        if !pattern.starts_with("arn:") {
            return self.parties.iter().any(|party| named(party) && party_meets(party, pattern));
        }
        let wild = pattern.contains(['*', '?']);
        let read = Arn::parse(pattern).filter(|_| !wild).is_some_and(|arn| self.whole.contains(arn.account) && arn.resource != "root");
        self.parties.iter().any(|party| *party != Party::Unsigned && (named(party) || !read) && party_meets(party, pattern))
    }

    /// An account that something names; a pattern has to stand for one.
    fn has_account(&self, pattern: &str) -> bool {
        let wild = pattern.contains(['*', '?']);
        self.parties.iter().any(|party| (party.account().is_some() || !wild) && account_meets(party, pattern))
    }

    /// An action that is listed, or of a service that something names and that nobody has listed.
    fn has_action(&self, pattern: &str) -> bool {
        if pattern.trim_matches('*').is_empty() || !catalogue::expand(pattern).is_empty() {
            return true;
        }
        let service = pattern.split_once(':').map_or(pattern, |(service, _)| service).to_ascii_lowercase();
        let listed = catalogue::SERVICES.contains(&service.as_str());
        !listed && (self.services.iter().any(|s| overlap(&s.to_ascii_lowercase(), &service)) || catalogue::is_service(&service))
    }
}
