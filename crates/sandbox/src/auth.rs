//! Who calls, and whether they may.

use crossrole_access::{Caller as AccessCaller, Compiled, Context, ContextValue, Policies, Request, by_policies};
use crossrole_policy::{Document, Element, Statement};
use time::OffsetDateTime;

use crate::error::ApiError;
use crate::lagged::Lagged;
use crate::managed;
use crate::query::{Asked, Service};
use crate::refusal::{Refusal, Side, Sides, reason};
use crate::sigv4;
use crate::world::{Held as Holder, Session, Tags, World};

/// Address that requests come from, unless the header `x-crossrole-source-ip` says another.
const SOURCE_IP: &str = "127.0.0.1";

/// A caller with everything that decides its requests.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) arn: String,
    pub(crate) account: String,
    pub(crate) user_id: String,
    /// The user's name, for a user with long-term keys or a session token.
    pub(crate) user: Option<String>,
    /// ARN of the user behind a federated user.
    behind: Option<String>,
    /// True for a session of a role: assuming another role with it is chaining.
    pub(crate) role_session: bool,
    pub(crate) root: bool,
    pub(crate) anonymous: bool,
    pub(crate) transitive_tags: Tags,
    pub(crate) source_identity: Option<String>,
    identity: Vec<Held>,
    boundary: Option<Vec<Held>>,
    session: Option<Vec<Held>>,
    context: Context,
}

/// A document, and the ARN of the managed policy that it is of.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) arn: Option<String>,
    pub(crate) document: Document,
}

/// The current time in seconds.
pub(crate) fn unix_now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

/// An instant as AWS writes it.
pub(crate) fn iso(unix: i64) -> String {
    let at = OffsetDateTime::from_unix_timestamp(unix).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", at.year(), u8::from(at.month()), at.day(), at.hour(), at.minute(), at.second())
}

/// What every request has, whoever makes it, and whether it is signed or not (IAM User Guide, "AWS global condition context keys").
pub(crate) fn of_request(asked: &Asked) -> Context {
    let mut context = Context::default();
    let now = unix_now();
    context.set("aws:CurrentTime", iso(now));
    context.set("aws:EpochTime", now.to_string());
    context.set("aws:SourceIp", asked.header("x-crossrole-source-ip").unwrap_or(SOURCE_IP));
    context.set("aws:SecureTransport", "true");
    context.set("aws:ViaAWSService", "false");
    context.set("aws:PrincipalIsAWSService", "false");
    context.set("aws:RequestedRegion", region(asked));
    context
}

impl Caller {
    fn new(arn: String, account: &str, user_id: String, asked: &Asked) -> Self {
        let mut context = of_request(asked);
        if !account.is_empty() {
            context.set("aws:PrincipalAccount", account);
            context.set("aws:userid", user_id.clone());
            context.set("aws:PrincipalArn", arn.clone());
        }
        Self {
            arn,
            account: account.to_owned(),
            user_id,
            user: None,
            behind: None,
            role_session: false,
            root: false,
            anonymous: false,
            transitive_tags: Tags::new(),
            source_identity: None,
            identity: Vec::new(),
            boundary: None,
            session: None,
            context,
        }
    }

    fn tags<'t>(&mut self, tags: impl IntoIterator<Item = (&'t String, &'t String)>) {
        for (key, value) in tags {
            self.context.set(&format!("aws:PrincipalTag/{key}"), value.clone());
        }
    }
}

/// The region that a call goes to: IAM has one, whatever the client signs for.
fn region(asked: &Asked) -> &str {
    match (asked.service, &asked.authorization) {
        (Service::Sts | Service::Kms | Service::Sso | Service::CloudTrail | Service::S3(_), Some(auth))
            if !auth.region.is_empty() && auth.region != "aws-global" =>
        {
            &auth.region
        }
        _ => "us-east-1",
    }
}

/// Finds the caller behind a request and checks its signature.
pub(crate) fn identify(world: &mut World, asked: &Asked) -> Result<Caller, ApiError> {
    if asked.s3 {
        crate::s3::authentication::check(world, asked)?;
    }
    let Some(auth) = &asked.authorization else {
        if asked.service.is_json() {
            return Err(ApiError::new(400, "MissingAuthenticationTokenException", "Missing Authentication Token"));
        }
        if asked.service == Service::Iam
            || (asked.service == Service::Sts && !matches!(asked.operation.as_str(), "AssumeRoleWithWebIdentity" | "AssumeRoleWithSAML"))
        {
            return Err(ApiError::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"));
        }
        let mut caller = Caller::new("anonymous".to_owned(), "", String::new(), asked);
        caller.anonymous = true;
        caller.context.set("aws:PrincipalType", "Anonymous");
        // IAM User Guide, "AWS global condition context keys": requests that are not signed lack the one, and say `anonymous` in the others.
        caller.context.remove("aws:PrincipalIsAWSService");
        for key in ["aws:PrincipalAccount", "aws:userid"] {
            caller.context.set(key, "anonymous");
        }
        return Ok(caller);
    };
    if auth.service == "sts" && auth.region.is_empty() {
        return Err(ApiError::new(403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region. "));
    }
    let id = &auth.key_id;
    if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(root(id, asked));
    }
    let unknown = || unknown_key(asked);
    if let Some(key) = world.keys.get(id).filter(|k| k.active).cloned() {
        if !sigv4::is_signed_with(asked, auth, &key.secret) {
            return Err(mismatch(asked));
        }
        let caller = user(world, &key.account, &key.user, asked).ok_or_else(unknown)?;
        if let Some(key) = world.keys.get_mut(id) {
            key.used = Some((unix_now(), auth.region.clone(), auth.service.clone()));
        }
        return Ok(caller);
    }
    let session = world.sessions.get(id).cloned().ok_or_else(unknown)?;
    // The token, and that its principal is there, are looked at before the signature (argmin, deleted-role matrix, live AWS).
    if asked.token() != Some(session.token.as_str()) {
        return Err(unknown());
    }
    if session.expires <= unix_now() {
        let (status, code) = if asked.service.is_json() { (400, "ExpiredTokenException") } else { (403, "ExpiredToken") };
        return Err(ApiError::new(status, code, "The security token included in the request is expired"));
    }
    let mut caller = session_caller(world, &session, asked).ok_or_else(unknown)?;
    if !sigv4::is_signed_with(asked, auth, &session.secret) {
        return Err(mismatch(asked));
    }
    limits_of_user_sessions(&session, asked)?;
    if caller.role_session {
        let used = (unix_now(), region(asked).to_owned());
        world.account(&session.account).last_used.insert(session.principal_id.clone(), used);
    }
    caller.context.set("aws:TokenIssueTime", iso(session.issued));
    caller.context.set("aws:MultiFactorAuthPresent", session.mfa.to_string());
    if session.mfa {
        caller.context.set("aws:MultiFactorAuthAge", (unix_now() - session.issued).max(0).to_string());
    }
    Ok(caller)
}

fn unknown_key(asked: &Asked) -> ApiError {
    if asked.s3 {
        ApiError::new(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
    } else {
        let (status, code) = if asked.service.is_json() { (400, "UnrecognizedClientException") } else { (403, "InvalidClientTokenId") };
        ApiError::new(status, code, "The security token included in the request is invalid.")
    }
}

fn mismatch(asked: &Asked) -> ApiError {
    let advice = if asked.s3 {
        "Check your key and signing method."
    } else {
        "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    };
    let message = format!("The request signature we calculated does not match the signature you provided. {advice}");
    match asked.service {
        Service::Kms | Service::Sso | Service::CloudTrail => ApiError::new(400, "InvalidSignatureException", message),
        _ => ApiError::new(403, "SignatureDoesNotMatch", message),
    }
}

/// The root user of an account.
fn root(account: &str, asked: &Asked) -> Caller {
    let mut caller = Caller::new(format!("arn:aws:iam::{account}:root"), account, account.to_owned(), asked);
    caller.root = true;
    caller.context.set("aws:PrincipalType", "Account");
    caller
}

fn session_caller(world: &World, session: &Session, asked: &Asked) -> Option<Caller> {
    if session.resource == "root" {
        return Some(root(&session.account, asked));
    }
    match session.resource.split_once('/')? {
        ("user", name) => user(world, &session.account, name, asked),
        ("federated-user", name) => federated(world, session, name, asked),
        _ => role_session(world, session, asked),
    }
}

/// What credentials of a user that are no keys of its own can't call (STS API reference, GetSessionToken, GetFederationToken;
/// IAM User Guide, "Compare AWS STS credentials").
fn limits_of_user_sessions(session: &Session, asked: &Asked) -> Result<(), ApiError> {
    let federated = session.resource.starts_with("federated-user/");
    if !federated && !session.resource.starts_with("user/") && session.resource != "root" {
        return Ok(());
    }
    match asked.service {
        Service::Iam if federated || !session.mfa => Err(unknown_key(asked)),
        Service::Sts if asked.operation != "GetCallerIdentity" && (federated || asked.operation != "AssumeRole") => {
            Err(ApiError::new(403, "AccessDenied", format!("Cannot call {} with session credentials", asked.operation)))
        }
        _ => Ok(()),
    }
}

/// A principal as it acts: with what can be seen of it; one that can't be seen yet has nothing.
fn acting<T: Clone + Default>(slot: &Lagged<T>, now: u64, bare: impl Fn(&T) -> T) -> Option<T> {
    slot.visible(now).cloned().or_else(|| slot.newest().map(bare))
}

fn bare(held: &Holder) -> Holder {
    Holder { name: held.name.clone(), path: held.path.clone(), id: held.id.clone(), ..Holder::default() }
}

fn user(world: &World, account: &str, name: &str, asked: &Asked) -> Option<Caller> {
    let state = world.accounts.get(account)?;
    let slot = state.users.get(&name.to_ascii_lowercase())?;
    let user = acting(slot, world.now_ms, |u| crate::world::User { held: bare(&u.held), ..crate::world::User::default() })?;
    let mut caller = Caller::new(format!("arn:aws:iam::{account}:user{}{}", user.held.path, user.held.name), account, user.held.id.clone(), asked);
    caller.context.set("aws:username", user.held.name.clone());
    caller.context.set("aws:PrincipalType", "User");
    caller.tags(&user.held.tags);
    caller.user = Some(user.held.name.clone());
    caller.identity = documents(world, account, &user.held);
    for group in &user.groups {
        if let Some(group) = state.groups.get(&group.to_ascii_lowercase()).and_then(|g| g.visible(world.now_ms)) {
            caller.identity.extend(documents(world, account, &group.held));
        }
    }
    caller.boundary = boundary(world, account, &user.held);
    Some(caller)
}

fn role_session(world: &World, session: &Session, asked: &Asked) -> Option<Caller> {
    let account = &session.account;
    let name = session.resource.split('/').nth(1)?;
    let slot = world.accounts.get(account)?.roles.get(&name.to_ascii_lowercase())?;
    let role = acting(slot, world.now_ms, |r| crate::world::Role { held: bare(&r.held), ..crate::world::Role::default() })?;
    // A session of a role that was deleted is dead, even when a role of its name exists again.
    if role.held.id != session.principal_id {
        return None;
    }
    let session_name = session.resource.split('/').nth(2)?;
    let mut caller = Caller::new(format!("arn:aws:sts::{account}:{}", session.resource), account, format!("{}:{session_name}", role.held.id), asked);
    caller.context.set("aws:PrincipalArn", format!("arn:aws:iam::{account}:role{}{}", role.held.path, role.held.name));
    caller.context.set("aws:PrincipalType", "AssumedRole");
    // Keys of tags are compared without regard to case, and the session's win.
    caller.tags(role.held.tags.iter().filter(|(key, _)| !session.tags.keys().any(|k| k.eq_ignore_ascii_case(key))));
    caller.tags(&session.tags);
    if let Some(identity) = &session.source_identity {
        caller.context.set("aws:SourceIdentity", identity.clone());
    }
    if let Some(provider) = &session.federated {
        caller.context.set("aws:FederatedProvider", provider.clone());
    }
    caller.role_session = true;
    caller.source_identity.clone_from(&session.source_identity);
    let transitive = |key: &String| session.transitive.iter().any(|t| t.eq_ignore_ascii_case(key));
    caller.transitive_tags = session.tags.iter().filter(|(k, _)| transitive(k)).map(|(k, v)| (k.clone(), v.clone())).collect();
    caller.identity = documents(world, account, &role.held);
    caller.boundary = boundary(world, account, &role.held);
    caller.session = session_policies(session);
    Some(caller)
}

/// A federated user: no more than the user who asked for it, and no more than the policies that came with it.
fn federated(world: &World, session: &Session, name: &str, asked: &Asked) -> Option<Caller> {
    let account = &session.account;
    let arn = format!("arn:aws:sts::{account}:federated-user/{name}");
    let mut caller = Caller::new(arn, account, format!("{account}:{name}"), asked);
    if let Some(issuer) = &session.user {
        let issuer = user(world, account, issuer, asked).filter(|u| u.user_id == session.principal_id)?;
        let tags: Vec<(String, ContextValue)> = issuer.context.iter().map(|(k, v)| (k.to_owned(), v.clone())).collect();
        for (key, value) in tags.into_iter().filter(|(key, _)| key.starts_with("aws:principaltag/")) {
            caller.context.insert(&key, value);
        }
        caller.behind = Some(issuer.arn);
        caller.identity = issuer.identity;
        caller.boundary = issuer.boundary;
    } else {
        caller.identity = vec![Held { arn: None, document: everything() }];
    }
    caller.tags(&session.tags);
    caller.context.set("aws:PrincipalType", "FederatedUser");
    caller.session = Some(session_policies(session).unwrap_or_default());
    Some(caller)
}

fn session_policies(session: &Session) -> Option<Vec<Held>> {
    session.policies.as_ref().map(|list| list.iter().map(|(arn, document)| Held { arn: arn.clone(), document: document.clone() }).collect())
}

/// The root user has no policies of its own and needs none.
pub(crate) fn everything() -> Document {
    Document::new(vec![Statement::allow(Element::of(["*"]), Some(Element::of(["*"])))])
}

/// The inline and attached documents of a principal.
pub(crate) fn documents(world: &World, account: &str, held: &Holder) -> Vec<Held> {
    let inline = held.inline.values().filter_map(|text| crossrole_policy::parse(text).ok()).map(|document| Held { arn: None, document });
    inline.chain(held.attached.iter().filter_map(|arn| managed(world, account, arn))).collect()
}

fn managed(world: &World, account: &str, arn: &str) -> Option<Held> {
    managed_document(world, account, arn).map(|document| Held { arn: Some(arn.to_owned()), document })
}

/// The document of a managed policy, AWS's or the account's.
pub(crate) fn managed_document(world: &World, account: &str, arn: &str) -> Option<Document> {
    if let Some(document) = managed::document(arn) {
        return Some(document);
    }
    let name = arn.rsplit('/').next()?.to_ascii_lowercase();
    let policy = world.accounts.get(account)?.policies.get(&name)?.visible(world.now_ms).filter(|p| p.arn == arn)?;
    crossrole_policy::parse(&policy.versions.get(&policy.default)?.0).ok()
}

fn boundary(world: &World, account: &str, held: &Holder) -> Option<Vec<Held>> {
    held.boundary.as_ref().map(|arn| managed(world, account, arn).into_iter().collect())
}

/// What is asked of the evaluator.
#[derive(Debug, Default)]
pub(crate) struct Want<'a> {
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    /// Account of the resource; empty is the caller's own.
    pub(crate) account: &'a str,
    pub(crate) policy: Option<&'a Document>,
    pub(crate) context: Vec<(String, String)>,
    pub(crate) many: Vec<(String, Vec<String>)>,
}

/// Decides a request; the error is AWS's.
pub(crate) fn authorize(caller: &Caller, want: &Want<'_>) -> Result<(), ApiError> {
    decide(caller, want).map_err(|refusal| refusal.error())
}

/// Decides a request.
pub(crate) fn decide(caller: &Caller, want: &Want<'_>) -> Result<(), Box<Refusal>> {
    let mut context = caller.context.clone();
    for (key, value) in &want.context {
        context.set(key, value.clone());
    }
    for (key, values) in &want.many {
        context.set_many(key, values.clone());
    }
    let owner = if want.account.is_empty() { &caller.account } else { want.account };
    context.set("aws:ResourceAccount", owner);
    let request = Request {
        caller: match &caller.behind {
            Some(user) => AccessCaller::Federated { arn: caller.arn.clone(), user: user.clone() },
            None => AccessCaller::parse(&caller.arn),
        },
        action: want.action.to_owned(),
        resource: want.resource.to_owned(),
        resource_account: Some(owner.to_owned()),
        context,
    };
    let identity = if caller.root { side(&[Held { arn: None, document: everything() }]) } else { side(&caller.identity) };
    let (resource, boundary, session) = (want.policy.map(|d| Compiled::new(d, "")), caller.boundary.as_deref().map(side), caller.session.as_deref().map(side));
    let policies = Policies {
        identity: identity.list(),
        resource: resource.as_ref(),
        boundary: boundary.as_ref().map(Side::list),
        session: session.as_ref().map(Side::list),
        ..Policies::default()
    };
    let answer = by_policies(&request, &policies);
    if answer.is_allowed() {
        return Ok(());
    }
    let sides = Sides { identity: &identity, boundary: boundary.as_ref(), session: session.as_ref() };
    let why = reason(&request, &policies, answer, &sides);
    Err(Box::new(Refusal::new(&request, &caller.arn, why)))
}

fn side(documents: &[Held]) -> Side {
    Side {
        documents: documents.iter().map(|held| Compiled::new(&held.document, held.arn.as_deref().unwrap_or_default())).collect(),
        arns: documents.iter().map(|held| held.arn.clone()).collect(),
    }
}
