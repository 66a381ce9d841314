//! STS.

use base64::Engine as _;
use crossrole_access::{Caller as AccessCaller, Compiled, Context, Policies, Request, evaluate};
use crossrole_policy::{Arn, Document};

use crate::auth::{Caller, Want, authorize, iso, managed_document, unix_now};
use crate::error::ApiError;
use crate::query::{Asked, Reply};
use crate::world::{Session, Tags, World};
use crate::xml::Xml;

/// Characters of all session policies together (STS API reference, AssumeRole).
const SESSION_POLICY: usize = 2_048;

pub(crate) fn answer(world: &mut World, caller: &Caller, asked: &Asked) -> Result<Reply, ApiError> {
    let mut x = Xml::default();
    match asked.operation.as_str() {
        "GetCallerIdentity" => {
            x.text("Arn", &caller.arn).text("UserId", &caller.user_id).text("Account", &caller.account);
        }
        "GetAccessKeyInfo" => {
            let id = asked.need("AccessKeyId")?;
            let account = world.keys.get(id).map(|k| k.account.clone()).or_else(|| world.sessions.get(id).map(|s| s.account.clone()));
            let account = account.ok_or_else(|| ApiError::validation("Invalid Access Key ID"))?;
            x.text("Account", &account);
        }
        "GetSessionToken" => session_token(world, caller, asked, &mut x)?,
        "AssumeRole" => assume_role(world, caller, asked, &mut x)?,
        "AssumeRoleWithWebIdentity" => web_identity(world, caller, asked, &mut x)?,
        other => return Err(ApiError::new(400, "InvalidAction", format!("Could not find operation {other} for version 2011-06-15"))),
    }
    let op = &asked.operation;
    Ok(Reply::xml(format!(
        "<{op}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{op}Result>{}</{op}Result><ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></{op}Response>",
        x.0
    )))
}

fn constraint(name: &str, value: &str, rule: &str) -> ApiError {
    ApiError::validation(format!("1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {rule}"))
}

fn duration(asked: &Asked, default: u32, most: u32) -> Result<u32, ApiError> {
    let Some(text) = asked.param("DurationSeconds") else { return Ok(default) };
    let seconds: u32 = text.parse().map_err(|_| constraint("durationSeconds", text, "Member must be a number"))?;
    if seconds < 900 {
        return Err(constraint("durationSeconds", text, "Member must have value greater than or equal to 900"));
    }
    if seconds > most {
        return Err(constraint("durationSeconds", text, &format!("Member must have value less than or equal to {most}")));
    }
    Ok(seconds)
}

/// Any six digits are the right code of any device of the user.
fn mfa(caller: &Caller, asked: &Asked) -> Result<bool, ApiError> {
    let (Some(serial), Some(code)) = (asked.param("SerialNumber"), asked.param("TokenCode")) else { return Ok(false) };
    let good = code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit());
    let own = serial.starts_with(&format!("arn:aws:iam::{}:mfa/", caller.account)) && caller.user.is_some();
    if good && own {
        return Ok(true);
    }
    Err(ApiError::new(403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. "))
}

fn issue(world: &mut World, session: Session, x: &mut Xml) -> String {
    let id = world.fresh_id("ASIA").chars().take(20).collect::<String>();
    let (secret, token, expires) = (session.secret.clone(), session.token.clone(), session.expires);
    world.sessions.insert(id.clone(), session);
    x.nest("Credentials", |x| {
        x.text("AccessKeyId", &id).text("SecretAccessKey", &secret).text("SessionToken", &token).text("Expiration", &iso(expires));
    });
    id
}

fn session_token(world: &mut World, caller: &Caller, asked: &Asked, x: &mut Xml) -> Result<(), ApiError> {
    let Some(user) = caller.user.clone().filter(|_| !caller.role_session) else {
        return Err(ApiError::new(403, "AccessDenied", "Cannot call GetSessionToken with session credentials"));
    };
    let seconds = duration(asked, 43_200, 129_600)?;
    let now = unix_now();
    let session = Session {
        account: caller.account.clone(),
        resource: format!("user/{user}"),
        secret: world.fresh(40),
        token: world.fresh(120),
        expires: now + i64::from(seconds),
        issued: now,
        principal_id: caller.user_id.clone(),
        mfa: mfa(caller, asked)?,
        policies: None,
        tags: Tags::new(),
        transitive: std::collections::BTreeSet::new(),
        source_identity: None,
        federated: None,
    };
    issue(world, session, x);
    Ok(())
}

fn check_session_name(name: &str) -> Result<(), ApiError> {
    let good = (2..=64).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
    if good { Ok(()) } else { Err(constraint("roleSessionName", name, "Member must satisfy regular expression pattern: [\\w+=,.@-]*")) }
}

/// Session policies, inline and managed.
fn session_policies(world: &World, account: &str, asked: &Asked) -> Result<Option<Vec<Document>>, ApiError> {
    let mut documents = Vec::new();
    let mut size = 0;
    let mut given = false;
    if let Some(text) = asked.param("Policy") {
        given = true;
        size += text.len();
        let malformed = |m: String| ApiError::new(400, "MalformedPolicyDocument", m);
        documents.push(crossrole_policy::parse(text).map_err(|e| malformed(e.first().map_or_else(String::new, ToString::to_string)))?);
    }
    for n in 1.. {
        let Some(arn) = asked.param(&format!("PolicyArns.member.{n}.arn")) else { break };
        given = true;
        size += arn.len();
        documents.extend(managed_document(world, account, arn));
    }
    if size > SESSION_POLICY {
        return Err(ApiError::new(400, "PackedPolicyTooLarge", "Serialized token too large for session"));
    }
    Ok(given.then_some(documents))
}

fn assume_role(world: &mut World, caller: &Caller, asked: &Asked, x: &mut Xml) -> Result<(), ApiError> {
    let arn = asked.need("RoleArn")?.to_owned();
    let name = asked.need("RoleSessionName")?.to_owned();
    check_session_name(&name)?;
    let seconds = duration(asked, 3_600, 43_200)?;
    let external_id = asked.param("ExternalId");
    if let Some(id) = external_id.filter(|id| id.chars().count() < 2 || id.chars().any(|c| !(c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c)))) {
        return Err(constraint("externalId", id, "Member must satisfy regular expression pattern: [\\w+=,.@:\\/-]*"));
    }
    let denied = || ApiError::new(403, "AccessDenied", format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {arn}", caller.arn));
    if caller.root {
        return Err(ApiError::new(403, "AccessDenied", "Roles may not be assumed by root accounts."));
    }
    let with_mfa = mfa(caller, asked)?;
    let parsed = Arn::parse(&arn).ok_or_else(|| ApiError::validation(format!("{arn} is invalid")))?;
    let account = parsed.account.to_owned();
    let Some(role) = find_role(world, &arn) else { return Err(denied()) };
    let trust = world.shown(&role.trust);
    let tags: Tags = asked.tags().into_iter().collect();
    let transitive: std::collections::BTreeSet<String> = asked.list("TransitiveTagKeys").into_iter().collect();
    if let Some(key) = tags.keys().find(|k| caller.transitive_tags.contains_key(*k)) {
        return Err(ApiError::new(
            400,
            "InvalidParameterValue",
            format!("One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session: {key}"),
        ));
    }
    let source_identity = match (asked.param("SourceIdentity"), &caller.source_identity) {
        (Some(new), Some(old)) if new != old => {
            return Err(ApiError::new(403, "AccessDenied", "The source identity is already set for this assume role session"));
        }
        (new, old) => new.map(str::to_owned).or_else(|| old.clone()),
    };
    let mut context = vec![("sts:RoleSessionName".to_owned(), name.clone())];
    context.extend(external_id.map(|id| ("sts:ExternalId".to_owned(), id.to_owned())));
    context.extend(source_identity.clone().map(|id| ("sts:SourceIdentity".to_owned(), id)));
    context.extend(tags.iter().map(|(k, v)| (format!("aws:RequestTag/{k}"), v.clone())));
    if with_mfa {
        context.push(("aws:MultiFactorAuthPresent".to_owned(), "true".to_owned()));
        context.push(("aws:MultiFactorAuthAge".to_owned(), "0".to_owned()));
    }
    let mut actions = vec!["sts:AssumeRole"];
    if !tags.is_empty() {
        actions.push("sts:TagSession");
    }
    if asked.param("SourceIdentity").is_some() {
        actions.push("sts:SetSourceIdentity");
    }
    let many = vec![("aws:TagKeys".to_owned(), tags.keys().cloned().collect()), ("sts:TransitiveTagKeys".to_owned(), transitive.iter().cloned().collect())];
    for action in actions {
        let want = Want {
            action,
            resource: &arn,
            account: &account,
            policy: Some(&trust),
            context: context.clone(),
            many: if tags.is_empty() { Vec::new() } else { many.clone() },
        };
        // AWS does not say which side refused, nor whether the role exists.
        authorize(caller, &want).map_err(|_| denied())?;
    }
    if seconds > role.max_session {
        return Err(ApiError::validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
    }
    if caller.role_session && seconds > 3_600 {
        return Err(ApiError::validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."));
    }
    let mut session_tags = caller.transitive_tags.clone();
    session_tags.extend(tags);
    let carried: std::collections::BTreeSet<String> = transitive.into_iter().chain(caller.transitive_tags.keys().cloned()).collect();
    let policies = session_policies(world, &account, asked)?;
    finish(world, &account, &role, &name, seconds, x, |session| {
        session.policies = policies;
        session.tags = session_tags;
        session.transitive = carried;
        session.source_identity.clone_from(&source_identity);
    });
    x.maybe("SourceIdentity", source_identity.as_deref());
    Ok(())
}

fn find_role(world: &World, arn: &str) -> Option<crate::world::Role> {
    let parsed = Arn::parse(arn)?;
    let (kind, name) = parsed.kind_and_name()?;
    let role = world.accounts.get(parsed.account)?.roles.get(&name.to_ascii_lowercase())?.visible(world.now_ms)?;
    let real = format!("role{}{}", role.held.path, role.held.name);
    (kind == "role" && parsed.resource == real).then(|| role.clone())
}

fn finish(world: &mut World, account: &str, role: &crate::world::Role, name: &str, seconds: u32, x: &mut Xml, fill: impl FnOnce(&mut Session)) {
    let now = unix_now();
    let resource = format!("assumed-role/{}/{name}", role.held.name);
    let mut session = Session {
        account: account.to_owned(),
        resource: resource.clone(),
        secret: world.fresh(40),
        token: world.fresh(120),
        expires: now + i64::from(seconds),
        issued: now,
        principal_id: role.held.id.clone(),
        mfa: false,
        policies: None,
        tags: Tags::new(),
        transitive: std::collections::BTreeSet::new(),
        source_identity: None,
        federated: None,
    };
    fill(&mut session);
    issue(world, session, x);
    x.nest("AssumedRoleUser", |x| {
        x.text("AssumedRoleId", &format!("{}:{name}", role.held.id)).text("Arn", &format!("arn:aws:sts::{account}:{resource}"));
    });
}

/// The token's payload is believed: the sandbox has no keys of any provider.
fn web_identity(world: &mut World, caller: &Caller, asked: &Asked, x: &mut Xml) -> Result<(), ApiError> {
    let arn = asked.need("RoleArn")?.to_owned();
    let name = asked.need("RoleSessionName")?.to_owned();
    check_session_name(&name)?;
    let seconds = duration(asked, 3_600, 43_200)?;
    let invalid = |why: &str| ApiError::new(400, "InvalidIdentityToken", why);
    let payload = asked.need("WebIdentityToken")?.split('.').nth(1).ok_or_else(|| invalid("The ID Token provided is not a valid JWT."))?;
    let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(payload.trim_end_matches('='))
        .map_err(|_| invalid("The ID Token provided is not a valid JWT."))?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).map_err(|_| invalid("The ID Token provided is not a valid JWT."))?;
    let claim = |key: &str| claims.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    let host = claim("iss").trim_start_matches("https://").trim_end_matches('/').to_owned();
    let account = Arn::parse(&arn).map(|a| a.account.to_owned()).unwrap_or_default();
    let provider = world.accounts.get(&account).and_then(|a| a.providers.get(&host)).and_then(|p| p.visible(world.now_ms));
    let provider = provider.ok_or_else(|| invalid(&format!("No OpenIDConnect provider found in your account for https://{host}")))?;
    if !provider.client_ids.contains(&claim("aud")) {
        return Err(invalid("Incorrect token audience"));
    }
    let denied = || ApiError::new(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
    let role = find_role(world, &arn).ok_or_else(denied)?;
    let mut context = Context::default();
    for key in ["aud", "sub", "amr", "job_workflow_ref"] {
        if !claim(key).is_empty() {
            context.set(&format!("{host}:{key}"), claim(key));
        }
    }
    let provider_arn = format!("arn:aws:iam::{account}:oidc-provider/{host}");
    let request = Request {
        caller: AccessCaller::parse(&provider_arn),
        action: "sts:AssumeRoleWithWebIdentity".to_owned(),
        resource: arn.clone(),
        resource_account: Some(account.clone()),
        context,
    };
    let trust = Compiled::new(&world.shown(&role.trust), "trust policy");
    if !evaluate(&request, &Policies { resource: Some(&trust), ..Policies::default() }).is_allowed() {
        return Err(denied());
    }
    debug_assert!(caller.anonymous || !caller.account.is_empty());
    if seconds > role.max_session {
        return Err(ApiError::validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
    }
    let policies = session_policies(world, &account, asked)?;
    finish(world, &account, &role, &name, seconds, x, |session| {
        session.policies = policies;
        session.federated = Some(provider_arn.clone());
    });
    x.text("SubjectFromWebIdentityToken", &claim("sub")).text("Audience", &claim("aud")).text("Provider", &provider_arn);
    Ok(())
}
