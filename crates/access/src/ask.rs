//! Questions to an estate: may this principal do that, directly or through roles, and why.

use std::collections::BTreeSet;

use crossrole_model::access::{Explanation, Party};
use crossrole_policy::Arn;

use crate::delta::crowd::{Accounts, Crowd};
use crate::delta::subjects::{Kind, Who};
use crate::estate::{Estate, Guarded, Identity, Placed};
use crate::principal::Caller;
use crate::request::{Context, ContextValue, Request};
use crate::why::{Words, explain};

/// One question.
#[derive(Debug, Clone)]
pub struct Question {
    /// ARN of a user, role, group or session, an account id, a service name, or `anonymous`.
    pub principal: String,
    /// ARNs of the roles that are assumed on the way, one from the other.
    pub via: Vec<String>,
    /// `s3:GetObject`.
    pub action: String,
    /// An ARN, or `*`.
    pub resource: String,
    /// Account of a resource whose ARN names none and that nothing here guards.
    pub resource_account: Option<String>,
    /// Condition keys that are given; those that follow from the caller and the resource are added.
    pub context: Context,
    /// Policies whose documents were not read are taken to allow everything, and not to say nothing.
    pub unread_allows: bool,
    /// Show external ids in full.
    pub show_external_ids: bool,
}

impl Estate {
    /// Answers hop by hop; the first no is the last answer.
    pub fn ask(&self, question: &Question) -> Vec<Explanation> {
        let mut answers = Vec::new();
        let mut principal = question.principal.clone();
        for role in &question.via {
            let action = match Caller::parse(&principal) {
                Caller::Arn(arn) if arn.contains(":oidc-provider/") => "sts:AssumeRoleWithWebIdentity",
                Caller::Arn(arn) if arn.contains(":saml-provider/") => "sts:AssumeRoleWithSAML",
                _ => "sts:AssumeRole",
            };
            let answer = self.hop(question, &principal, action, role);
            let allowed = answer.decision == "Allowed";
            answers.push(answer);
            if !allowed {
                return answers;
            }
            principal.clone_from(role);
        }
        answers.push(self.hop(question, &principal, &question.action, &question.resource));
        answers
    }

    fn hop(&self, question: &Question, principal: &str, action: &str, resource: &str) -> Explanation {
        let (mut who, mut assumed) = self.who(principal);
        if question.unread_allows && self.principals.get(&who.arn).is_some_and(|p| !p.unread.is_empty()) {
            who.kind = Kind::Everything;
        }
        let guarded = self.guarded(action, resource);
        let owner = guarded.map(|g| g.account.clone()).or_else(|| account_of(resource)).or_else(|| question.resource_account.clone());
        if guarded.is_none() && owner.as_deref().is_some_and(|o| who.subject.account.as_deref() != Some(o)) {
            assumed.push(format!("the policy of {resource} is not known: it is taken to say nothing"));
        }
        let everything = Placed::everything(format!("policies of {} (not known)", words(&who.subject.party)));
        let identity = match (who.kind, self.principals.get(&who.arn)) {
            (Kind::Known, Some(known)) => Identity::Of(known),
            (Kind::Everything, _) => Identity::Everything(&everything),
            _ => Identity::Nothing,
        };
        let request = Request {
            caller: who.subject.caller.clone(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: owner.clone().or_else(|| who.subject.account.clone()),
            context: context(question, &who, owner.as_deref(), action),
        };
        let policies = self.policies(identity, who.subject.account.as_deref(), guarded, owner.as_deref());
        explain(&request, &policies, Words { who: words(&who.subject.party), assumed, show_external_ids: question.show_external_ids })
    }

    fn guarded(&self, action: &str, resource: &str) -> Option<&Guarded> {
        match resource.split_once(":s3:::") {
            Some((_, name)) => self.buckets.get(name.split('/').next().unwrap_or(name)),
            None => self.roles.get(resource).filter(|_| action.to_ascii_lowercase().starts_with("sts:")),
        }
    }

    /// Finds a principal, and says what is taken for granted of it.
    fn who(&self, principal: &str) -> (Who, Vec<String>) {
        let partition = self.partition();
        if principal.len() == 12 && principal.bytes().all(|b| b.is_ascii_digit()) {
            let crowd = Crowd::of(partition, Accounts::One(principal.to_owned()), BTreeSet::new());
            return (Who::any_of(crowd, Kind::Everything), vec![format!("the own policies of {principal} let it")]);
        }
        match Caller::parse(principal) {
            caller @ (Caller::Anonymous | Caller::Service(_)) => (Who::without_identity(caller), Vec::new()),
            Caller::Arn(arn) if arn.contains(":oidc-provider/") || arn.contains(":saml-provider/") => (Who::without_identity(Caller::Arn(arn)), Vec::new()),
            Caller::Arn(arn) => self.known(&arn).unwrap_or_else(|| {
                let who = Who::named(&arn);
                let assumed = format!("the own policies of {} are not known: they are taken to let it", words(&who.subject.party));
                (who, vec![assumed])
            }),
        }
    }

    fn known(&self, arn: &str) -> Option<(Who, Vec<String>)> {
        let parsed = Arn::parse(arn)?;
        let role = (parsed.service == "sts").then(|| parsed.resource.strip_prefix("assumed-role/")).flatten().and_then(|rest| rest.split('/').next());
        let key = match role {
            // Sessions carry no path.
            Some(name) => self.principals.iter().find(|(_, p)| !p.user && p.account == parsed.account && p.name == name)?.0,
            None => self.principals.get_key_value(arn)?.0,
        };
        let mut who = Who::known(key, [self, self])?;
        if role.is_some() {
            who.subject.caller = Caller::Arn(arn.to_owned());
        }
        let unread = self.principals.get(key).map(|p| p.unread.iter().cloned().collect::<Vec<_>>()).unwrap_or_default();
        let assumed = if unread.is_empty() { Vec::new() } else { vec![format!("{} were not read, and what they say is not counted", unread.join(", "))] };
        Some((who, assumed))
    }
}

/// A party in the words of an explanation.
fn words(party: &Party) -> String {
    match party {
        Party::AnyOf { account, .. } => format!("principals of {account}"),
        Party::AnyOther { .. } => "principals of any other account".to_owned(),
        Party::AnyService => "services".to_owned(),
        Party::Unsigned => "anyone, without signing in".to_owned(),
        Party::Members { group } => format!("members of group {} of {}", party.name().unwrap_or(group), party.account().unwrap_or_default()),
        Party::Service { name } => format!("service {name}"),
        Party::Tokens { provider } => format!("tokens of {}", party.name().unwrap_or(provider)),
        Party::OfKind { kind } => format!("principals of kind {kind}"),
        Party::Named { arn } | Party::Role { arn } | Party::User { arn } => match Arn::parse(arn).map(|a| (a.account, a.kind_and_name())) {
            Some((account, Some((kind, name)))) => format!("{kind} {name} of {account}"),
            Some((account, None)) if arn.ends_with(":root") => format!("account {account}"),
            _ => arn.clone(),
        },
    }
}

fn account_of(resource: &str) -> Option<String> {
    Arn::parse(resource).map(|a| a.account.to_owned()).filter(|a| !a.is_empty())
}

/// What is given, and what follows from the caller and the resource.
fn context(question: &Question, who: &Who, owner: Option<&str>, action: &str) -> Context {
    let mut context = question.context.clone();
    let mut add = |key: &str, value: ContextValue| {
        if context.get(key).is_none() {
            context.insert(key, value);
        }
    };
    let one = |text: &str| ContextValue::One(text.to_owned());
    for (key, value) in &who.subject.fixed {
        if let Some(value) = value {
            add(key, value.clone());
        }
    }
    if let Some(tags) = who.subject.tags.iter().flatten().next_back() {
        for (key, value) in tags {
            add(key, one(value));
        }
    }
    if let Some(arn) = who.subject.crowd.as_ref().and_then(Crowd::principal_arn) {
        add("aws:PrincipalArn", ContextValue::One(arn));
    }
    if let Some(owner) = owner {
        add("aws:ResourceAccount", one(owner));
        add("s3:ResourceAccount", one(owner));
    }
    add("aws:SecureTransport", one("true"));
    add("aws:ViaAWSService", one("false"));
    if action.eq_ignore_ascii_case("sts:AssumeRole") {
        add("sts:RoleSessionName", one("session"));
    }
    context
}
