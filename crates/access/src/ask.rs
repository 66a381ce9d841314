//! Questions to an estate: may this principal do that, directly or through roles, and why.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::{Assumption, Because, Decision, Explanation, Fix, Lack};
use crossrole_policy::Arn;

use crate::brought::{asked_tags, context, is_open, of_session};
use crate::delta::crowd::{Accounts, Crowd};
use crate::delta::keys::{self, ObjectKey};
use crate::delta::reach::block_unread;
use crate::delta::subjects::{Kind, Who, brings_tags};
use crate::engine::decide::is_of_key;
use crate::engine::principal::Asker;
use crate::estate::{Estate, Guarded, Identity, Placed};
use crate::principal::{Caller, is_provider};
use crate::request::{Context, Policies, Request};
use crate::tagged;
use crate::why::explain_open;

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
}

/// Answers a question under these policies and no others: the caller's keys follow from its ARN, and a role is asked about as a
/// session of it, as it never calls by itself.
pub fn explain_alone(question: &Question, policies: &Policies<'_>) -> Explanation {
    let partition = Arn::parse(&question.principal).map(|a| a.partition.to_owned()).unwrap_or_default();
    let estate = Estate { partition, ..Estate::default() };
    let (who, _) = estate.who(&question.principal);
    let owner = account_of(&question.resource).or_else(|| question.resource_account.clone());
    let mut assumed = Vec::new();
    if owner.is_none() && who.subject.account.is_some() && question.resource != "*" {
        assumed.push(Assumption::OwnAccount);
    }
    if policies.resource.is_none() {
        assumed.extend(unguarded(&question.resource, owner.as_deref(), &who));
    }
    let request = request(question, &who, None, owner, &question.action, &question.resource);
    let open = |key: &str| is_open(&who.subject, &question.context, &request.context, key);
    let mut policies = policies.clone();
    let asker = Asker::of(&request.caller);
    if asker.is_federated_user() {
        // Without a session policy it has what names the session itself, and nothing else (STS API reference, GetFederationToken).
        policies.session.get_or_insert_default();
    }
    assumed.extend(asker.is_of_nobody_known().then_some(Assumption::OfUserOfItsName));
    explain_open(&request, &policies, who.subject.party.clone(), assumed, open)
}

/// What is taken for granted of a resource whose policy is not known.
fn unguarded(resource: &str, owner: Option<&str>, who: &Who) -> Option<Assumption> {
    let service = Arn::parse(resource)?.service;
    match service {
        "kms" => Some(Assumption::KeyPolicy),
        // Of these, only roles have a policy of their own, which decides about assuming them alone.
        "iam" if owner.is_none_or(|o| who.subject.account.as_deref() == Some(o)) => None,
        _ => Some(Assumption::ResourcePolicy),
    }
}

fn request(question: &Question, who: &Who, tags: Option<&BTreeMap<String, String>>, owner: Option<String>, action: &str, resource: &str) -> Request {
    Request {
        caller: who.subject.caller.clone(),
        action: action.to_owned(),
        resource: resource.to_owned(),
        context: context(question, who, tags, owner.as_deref(), action),
        resource_account: owner.or_else(|| who.subject.account.clone()),
    }
}

impl Estate {
    /// Answers hop by hop; the first no is the last answer.
    pub fn ask(&self, question: &Question) -> Vec<Explanation> {
        let mut answers = Vec::new();
        let mut principal = question.principal.clone();
        let mut question = question.clone();
        let first = question.context.clone();
        for (at, role) in std::mem::take(&mut question.via).into_iter().enumerate() {
            let action = Caller::parse(&principal).assumes_by();
            if at > 0 {
                question.context = of_session(&first, action);
            }
            let answer = self.hop(&question, &principal, action, &role);
            let allowed = answer.is_allowed();
            answers.push(answer);
            if !allowed {
                return answers;
            }
            question.context = of_session(&first, &question.action);
            principal = role;
        }
        answers.push(self.hop(&question, &principal, &question.action, &question.resource));
        self.ask_key(&question, &principal, &mut answers);
        answers
    }

    /// What S3 asks KMS for, as whoever asks S3, where S3 lets it.
    fn ask_key(&self, question: &Question, principal: &str, answers: &mut Vec<Explanation>) {
        let Question { action, resource, context, .. } = question;
        let Some(last) = answers.last_mut() else { return };
        let brought = keys::brought(context, action, self.key_of(resource));
        let supposed = brought == ObjectKey::AsItsBucket;
        if let Some(bucket) = keys::unread(self, action, resource).filter(|_| supposed) {
            last.assumed.push(Assumption::Encryption { bucket: bucket.to_owned() });
        }
        let asked = Question { principal: principal.to_owned(), ..question.clone() };
        let Some(through) = self.through_s3(&asked, &brought).filter(|_| last.is_allowed()) else { return };
        let mut answer = self.hop(&through, principal, &through.action, &through.resource);
        answer.assumed.extend(supposed.then(|| Assumption::AsItsBucket { key: through.resource.clone() }));
        answers.push(answer);
    }

    fn hop(&self, question: &Question, principal: &str, action: &str, resource: &str) -> Explanation {
        let (mut who, mut assumed) = self.who(principal);
        if question.unread_allows && self.principals.get(&who.arn).is_some_and(|p| !p.unread.is_empty()) {
            who.kind = Kind::AndMore;
        }
        let guarded = self.guarded(action, resource);
        let owner = guarded.map(|g| g.account.clone()).or_else(|| account_of(resource)).or_else(|| question.resource_account.clone());
        if guarded.is_none() {
            assumed.extend(unguarded(resource, owner.as_deref(), &who));
        }
        let everything = Placed::everything("caller's own policies (not known)");
        let identity = match (who.kind, self.principals.get(&who.arn)) {
            (Kind::Known, Some(known)) => Identity::Of(known),
            (Kind::AndMore, Some(known)) => Identity::AndMore(known, &everything),
            (Kind::Everything, _) => Identity::Everything(&everything),
            _ => Identity::Nothing,
        };
        let mut policies = self.policies(identity, who.subject.account.as_deref(), guarded, owner.as_deref());
        // The request brings the tags, so that reasons can say what they are.
        policies.resource = guarded.and_then(|g| g.policy.as_ref()).map(Placed::written);
        let tags = self.principals.get(&who.arn).filter(|_| !who.arn.contains(":group/")).map(|principal| &principal.tags);
        let mut request = request(question, &who, tags, owner.clone(), action, resource);
        if let Some(tags) = self.tags_of(resource) {
            tagged::put(&mut request.context, resource, tags);
        }
        if let Some(tags) = tags.filter(|_| brings_tags(self, &who.arn)) {
            let keys = asked_tags(&policies, &action.to_ascii_lowercase(), tags, &question.context);
            assumed.extend((!keys.is_empty()).then_some(Assumption::RoleTags { keys }));
        }
        assumed.extend(Asker::of(&request.caller).is_of_nobody_known().then_some(Assumption::OfUserOfItsName));
        let open = |key: &str| is_open(&who.subject, &question.context, &request.context, key);
        let mut answer = explain_open(&request, &policies, who.subject.party.clone(), assumed, open);
        let outside = || !Asker::of(&request.caller).is_service() && who.subject.account != owner;
        if let Some(bucket) = block_unread(self, resource).filter(|_| answer.is_allowed() && outside()) {
            answer.assumed.push(Assumption::NoBlock { bucket: bucket.to_owned() });
        }
        assumed_of_tags(self, resource, &mut answer);
        if is_of_key(&request) && !answer.is_allowed() {
            answer.assumed.push(Assumption::NoGrant);
        }
        // Whom policies let, KMS refuses all the same (AWS KMS Developer Guide, "Key states of AWS KMS keys").
        if let Some(state) = keys::off(self, action, resource).filter(|_| answer.is_allowed()) {
            answer.decision = Decision::ImplicitlyDenied;
            answer.because = Because::KeyState { state: state.clone() };
            answer.fixes = vec![Fix::Key { state: state.clone() }];
        }
        answer
    }

    /// What a resource is guarded by, where that decides about an action.
    pub(crate) fn guarded(&self, action: &str, resource: &str) -> Option<&Guarded> {
        match resource.split_once(":s3:::") {
            Some((_, name)) => self.buckets.get(name.split('/').next().unwrap_or(name)),
            None if resource.contains(":kms:") => self.keys.get(resource).filter(|_| action.to_ascii_lowercase().starts_with("kms:")),
            None => self.roles.get(resource).filter(|_| action.to_ascii_lowercase().starts_with("sts:")),
        }
    }

    /// Finds a principal, and says what is taken for granted of it.
    fn who(&self, principal: &str) -> (Who, Vec<Assumption>) {
        let partition = self.partition();
        if principal.len() == 12 && principal.bytes().all(|b| b.is_ascii_digit()) {
            let crowd = Crowd::of(partition, Accounts::One(principal.to_owned()), BTreeSet::new());
            return (Who::any_of(crowd, Kind::Everything), vec![Assumption::OwnPolicies]);
        }
        if let Some(root) = Arn::parse(principal).filter(|arn| arn.service == "iam" && arn.resource == "root") {
            return (Who::root(root.partition, root.account), Vec::new());
        }
        match Caller::parse(principal) {
            caller @ (Caller::Anonymous | Caller::Service(_)) => (Who::without_identity(caller), Vec::new()),
            Caller::Arn(arn) if is_provider(&arn) => (Who::without_identity(Caller::Arn(arn)), Vec::new()),
            Caller::Arn(arn) | Caller::Federated { arn, .. } => self.known(&arn).unwrap_or_else(|| (Who::named(&arn), vec![Assumption::UnknownPolicies])),
        }
    }

    fn known(&self, arn: &str) -> Option<(Who, Vec<Assumption>)> {
        let parsed = Arn::parse(arn)?;
        let role = (parsed.service == "sts").then(|| parsed.resource.strip_prefix("assumed-role/")).flatten().and_then(|rest| rest.split('/').next());
        let key = match role {
            // Sessions carry no path.
            Some(name) => self.role_named(parsed.account, name)?,
            None => self.principals.get_key_value(arn)?.0,
        };
        let who = if role.is_some() { Who::session(arn, key, [self, self])? } else { Who::known(key, [self, self])? };
        let policies = self.principals.get(key).map(|p| p.unread.iter().cloned().collect::<Vec<_>>()).unwrap_or_default();
        let assumed = if policies.is_empty() { Vec::new() } else { vec![Assumption::Unread { policies }] };
        Some((who, assumed))
    }
}

/// Notes where an answer rests on tags of a bucket, which a request has only where ABAC is on.
fn assumed_of_tags(estate: &Estate, resource: &str, answer: &mut Explanation) {
    let Some((head, name)) = resource.split_once(":s3:::") else { return };
    let bucket = name.split('/').next().unwrap_or(name);
    let lacks = answer.fixes.iter().filter_map(|fix| if let Fix::Complete { lack: Lack::Condition { key, .. }, .. } = fix { Some(key) } else { None });
    let given = answer.assumed.iter().filter_map(|assumed| if let Assumption::NotGiven { keys } = assumed { Some(keys) } else { None }).flatten();
    if lacks.chain(given).any(|key| tagged::is_resource_tag(key)) {
        let tags = estate.tags.get(&format!("{head}:s3:::{bucket}")).cloned().unwrap_or_default();
        answer.assumed.push(Assumption::BucketTags { bucket: bucket.to_owned(), tags });
    }
}

fn account_of(resource: &str) -> Option<String> {
    Arn::parse(resource).map(|a| a.account.to_owned()).filter(|a| !a.is_empty())
}
