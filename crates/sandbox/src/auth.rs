//! Who calls, and whether they may.

use crossrole_access::{Caller as AccessCaller, Compiled, Context, Decision, Policies, Request, evaluate};
use crossrole_policy::{Document, Element, Statement};
use time::OffsetDateTime;

use crate::error::ApiError;
use crate::managed;
use crate::query::{Asked, Service};
use crate::sigv4;
use crate::world::{Held, Tags, World};

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
    /// True for a session of a role: assuming another role with it is chaining.
    pub(crate) role_session: bool,
    pub(crate) root: bool,
    pub(crate) anonymous: bool,
    pub(crate) transitive_tags: Tags,
    pub(crate) source_identity: Option<String>,
    identity: Vec<Document>,
    boundary: Option<Vec<Document>>,
    session: Option<Vec<Document>>,
    context: Context,
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

impl Caller {
    fn new(arn: String, account: &str, user_id: String, asked: &Asked) -> Self {
        let mut context = Context::default();
        let now = unix_now();
        context.set("aws:CurrentTime", iso(now));
        context.set("aws:EpochTime", now.to_string());
        context.set("aws:SourceIp", asked.header("x-crossrole-source-ip").unwrap_or(SOURCE_IP));
        context.set("aws:SecureTransport", "true");
        context.set("aws:ViaAWSService", "false");
        context.set("aws:PrincipalIsAWSService", "false");
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

/// Finds the caller behind a request and checks its signature.
pub(crate) fn identify(world: &mut World, asked: &Asked) -> Result<Caller, ApiError> {
    if asked.s3 {
        crate::s3::authentication::check(world, asked)?;
    }
    let Some(auth) = &asked.authorization else {
        if asked.service == Service::Iam
            || (asked.service == Service::Sts && !matches!(asked.operation.as_str(), "AssumeRoleWithWebIdentity" | "AssumeRoleWithSAML"))
        {
            return Err(ApiError::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"));
        }
        let mut caller = Caller::new("anonymous".to_owned(), "", String::new(), asked);
        caller.anonymous = true;
        caller.context.set("aws:PrincipalType", "Anonymous");
        return Ok(caller);
    };
    if auth.service == "sts" && auth.region.is_empty() {
        return Err(ApiError::new(403, "SignatureDoesNotMatch", "Credential should be scoped to a valid region. "));
    }
    let id = &auth.key_id;
    if id.len() == 12 && id.bytes().all(|b| b.is_ascii_digit()) {
        let mut caller = Caller::new(format!("arn:aws:iam::{id}:root"), id, id.clone(), asked);
        caller.root = true;
        caller.context.set("aws:PrincipalType", "Account");
        return Ok(caller);
    }
    let unknown = || {
        if asked.s3 {
            ApiError::new(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
        } else {
            ApiError::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        }
    };
    let mismatch = || {
        ApiError::new(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        )
    };
    if let Some(key) = world.keys.get(id).filter(|k| k.active).cloned() {
        if !sigv4::is_signed_with(asked, auth, &key.secret) {
            return Err(mismatch());
        }
        return user(world, &key.account, &key.user, asked).ok_or_else(unknown);
    }
    let session = world.sessions.get(id).cloned().ok_or_else(unknown)?;
    if asked.token() != Some(session.token.as_str()) {
        return Err(unknown());
    }
    if !sigv4::is_signed_with(asked, auth, &session.secret) {
        return Err(mismatch());
    }
    if session.expires <= unix_now() {
        return Err(ApiError::new(403, "ExpiredToken", "The security token included in the request is expired"));
    }
    let mut caller = if let Some(name) = session.resource.strip_prefix("user/") {
        user(world, &session.account, name, asked).ok_or_else(unknown)?
    } else {
        role_session(world, &session, asked).ok_or_else(unknown)?
    };
    caller.context.set("aws:TokenIssueTime", iso(session.issued));
    caller.context.set("aws:MultiFactorAuthPresent", session.mfa.to_string());
    if session.mfa {
        caller.context.set("aws:MultiFactorAuthAge", (unix_now() - session.issued).max(0).to_string());
    }
    Ok(caller)
}

fn user(world: &World, account: &str, name: &str, asked: &Asked) -> Option<Caller> {
    let state = world.accounts.get(account)?;
    let user = state.users.get(&name.to_ascii_lowercase())?.newest()?;
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

fn role_session(world: &World, session: &crate::world::Session, asked: &Asked) -> Option<Caller> {
    let account = &session.account;
    let name = session.resource.split('/').nth(1)?;
    let role = world.accounts.get(account)?.roles.get(&name.to_ascii_lowercase())?.newest()?;
    // A session of a role that was deleted is dead, even when a role of its name exists again.
    if role.held.id != session.principal_id {
        return None;
    }
    let session_name = session.resource.split('/').nth(2)?;
    let mut caller = Caller::new(format!("arn:aws:sts::{account}:{}", session.resource), account, format!("{}:{session_name}", role.held.id), asked);
    caller.context.set("aws:PrincipalArn", format!("arn:aws:iam::{account}:role{}{}", role.held.path, role.held.name));
    caller.context.set("aws:PrincipalType", "AssumedRole");
    caller.tags(&role.held.tags);
    caller.tags(&session.tags);
    if let Some(identity) = &session.source_identity {
        caller.context.set("aws:SourceIdentity", identity.clone());
    }
    if let Some(provider) = &session.federated {
        caller.context.set("aws:FederatedProvider", provider.clone());
    }
    caller.role_session = true;
    caller.source_identity.clone_from(&session.source_identity);
    caller.transitive_tags = session.tags.iter().filter(|(k, _)| session.transitive.contains(*k)).map(|(k, v)| (k.clone(), v.clone())).collect();
    caller.identity = documents(world, account, &role.held);
    caller.boundary = boundary(world, account, &role.held);
    caller.session.clone_from(&session.policies);
    Some(caller)
}

/// The inline and attached documents of a principal.
pub(crate) fn documents(world: &World, account: &str, held: &Held) -> Vec<Document> {
    let inline = held.inline.values().filter_map(|text| crossrole_policy::parse(text).ok());
    let attached = held.attached.iter().filter_map(|arn| managed_document(world, account, arn));
    inline.chain(attached).collect()
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

fn boundary(world: &World, account: &str, held: &Held) -> Option<Vec<Document>> {
    held.boundary.as_ref().map(|arn| managed_document(world, account, arn).into_iter().collect())
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
        caller: AccessCaller::parse(&caller.arn),
        action: want.action.to_owned(),
        resource: want.resource.to_owned(),
        resource_account: Some(owner.to_owned()),
        context,
    };
    // The root user has no policies of its own and needs none.
    let everything = Document::new(vec![Statement::allow(Element::of(["*"]), Some(Element::of(["*"])))]);
    let compile = |document: &Document| Compiled::new(document, "");
    let list = |documents: &[Document]| documents.iter().map(compile).collect::<Vec<_>>();
    let identity = if caller.root { vec![compile(&everything)] } else { list(&caller.identity) };
    let (resource, boundary, session) = (want.policy.map(compile), caller.boundary.as_deref().map(list), caller.session.as_deref().map(list));
    let policies = Policies {
        identity: identity.iter().collect(),
        resource: resource.as_ref(),
        boundary: boundary.as_ref().map(|b| b.iter().collect()),
        session: session.as_ref().map(|s| s.iter().collect()),
        ..Policies::default()
    };
    let answer = evaluate(&request, &policies);
    if answer.is_allowed() {
        return Ok(());
    }
    let (action, resource) = (want.action, want.resource);
    let why = match (answer.decision, answer.layer) {
        (Decision::ExplicitlyDenied, Some(layer)) => format!(" with an explicit deny in a {}", layer.as_str()),
        (_, Some(layer)) => format!(" because no {} allows the {action} action", layer.as_str()),
        _ => String::new(),
    };
    Err(ApiError::new(403, "AccessDenied", format!("User: {} is not authorized to perform: {action} on resource: {resource}{why}", caller.arn)))
}
