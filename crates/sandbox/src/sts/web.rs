//! AssumeRoleWithWebIdentity. The token's payload is believed: the sandbox has no keys of any provider.

use base64::Engine as _;
use crossrole_access::{Caller as AccessCaller, Compiled, Context, Policies, Request, evaluate};
use crossrole_policy::Arn;
use serde_json::Value;

use crate::auth::{of_request, unix_now};
use crate::error::ApiError;
use crate::world::{Role, Tags};

use super::{Sts, params};

/// Claim of session tags (IAM User Guide, "Passing session tags in AWS STS").
const TAGS: &str = "https://aws.amazon.com/tags";

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::new(400, "InvalidIdentityToken", why)
}

/// What a token says.
struct Token(Value);

impl Token {
    fn read(text: &str) -> Result<Self, ApiError> {
        let wrong = || invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)");
        let payload = text.split('.').nth(1).filter(|_| text.split('.').count() == 3).ok_or_else(wrong)?;
        let payload = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).map_err(|_| wrong())?;
        let claims: Value = serde_json::from_slice(&payload).map_err(|_| wrong())?;
        if claims.is_object() { Ok(Self(claims)) } else { Err(wrong()) }
    }

    fn text(&self, claim: &str) -> &str {
        self.0.get(claim).and_then(Value::as_str).unwrap_or_default()
    }

    fn seconds(&self, claim: &str) -> Option<i64> {
        let value = self.0.get(claim)?;
        // A number may have a fraction (RFC 7519, NumericDate).
        value.as_i64().or_else(|| value.as_number()?.to_string().split('.').next()?.parse().ok())
    }

    /// The audiences; more than one needs `azp`, which is then the audience (OpenID Connect Core 1.0, 2).
    fn audiences(&self) -> Vec<&str> {
        match self.0.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(list)) if self.text("azp").is_empty() => list.iter().filter_map(Value::as_str).collect(),
            _ => vec![self.text("azp")],
        }
    }

    fn host(&self) -> String {
        self.text("iss").trim_start_matches("https://").trim_end_matches('/').to_owned()
    }

    /// A token that ended, or that has no end, is none.
    fn check_times(&self) -> Result<(), ApiError> {
        let now = unix_now();
        let Some(end) = self.seconds("exp") else { return Err(invalid("Missing a required claim: exp")) };
        // Five minutes of difference between clocks are taken.
        if end + 300 < now {
            let message = format!("Token expired: current date/time {now} must be before the expiration date/time {end}");
            return Err(ApiError::new(400, "ExpiredTokenException", message));
        }
        if self.seconds("nbf").is_some_and(|begin| begin - 300 > now) {
            return Err(invalid("Token is not yet valid"));
        }
        Ok(())
    }

    /// Session tags: name to the list of its one value.
    fn tags(&self) -> Tags {
        let tags = self.0.get(TAGS).and_then(|t| t.get("principal_tags")).and_then(Value::as_object);
        let value = |v: &Value| v.as_str().or_else(|| v.get(0).and_then(Value::as_str)).map(str::to_owned);
        tags.into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), value(v)?))).collect()
    }

    fn transitive(&self) -> std::collections::BTreeSet<String> {
        let keys = self.0.get(TAGS).and_then(|t| t.get("transitive_tag_keys")).and_then(Value::as_array);
        keys.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

impl Sts<'_> {
    pub(super) fn web_identity(&mut self) -> Result<(), ApiError> {
        let asked = self.asked;
        let asked_for = params::role(asked, true, |constraints| match asked.param("WebIdentityToken") {
            None => constraints.add("webIdentityToken", None, "Member must not be null"),
            Some(token) => constraints.length("webIdentityToken", token, 4, 20_000),
        })?;
        let token = Token::read(asked.param("WebIdentityToken").unwrap_or_default())?;
        let host = token.host();
        let account = Arn::parse(&asked_for.arn).map(|a| a.account.to_owned()).unwrap_or_default();
        let provider = self.world.accounts.get(&account).and_then(|a| a.providers.get(&host)).and_then(|p| p.visible(self.world.now_ms));
        let provider = provider.ok_or_else(|| invalid(format!("No OpenIDConnect provider found in your account for https://{host}")))?;
        token.check_times()?;
        if !token.audiences().iter().any(|audience| provider.client_ids.contains(*audience)) {
            return Err(invalid("Incorrect token audience"));
        }
        let denied = || ApiError::new(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity");
        let role = self.find_role(&asked_for.arn).ok_or_else(denied)?;
        let provider = format!("arn:aws:iam::{account}:oidc-provider/{host}");
        let mut context = of_request(self.asked);
        for (claim, value) in token.0.as_object().into_iter().flatten() {
            if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
                context.set(&format!("{host}:{claim}"), text);
            }
        }
        if let Some(audience) = token.audiences().first() {
            context.set(&format!("{host}:aud"), *audience);
        }
        context.set("sts:RoleSessionName", asked_for.name.clone());
        context.set("aws:FederatedProvider", provider.clone());
        self.trusts(&role, &asked_for.arn, &account, &provider, "sts:AssumeRoleWithWebIdentity", &context).ok_or_else(denied)?;
        let tags = token.tags();
        if !tags.is_empty() {
            self.trusts(&role, &asked_for.arn, &account, &provider, "sts:TagSession", &with_tags(&context, &tags)).ok_or_else(denied)?;
        }
        if asked_for.seconds.unsigned_abs() > role.max_session {
            return Err(ApiError::validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
        }
        let policies = self.session_policies(&account)?;
        let size = policies.size();
        let transitive = token.transitive();
        self.x.text("SubjectFromWebIdentityToken", token.text("sub")).text("Audience", token.audiences().first().copied().unwrap_or_default());
        self.assumed(&account, &role, &asked_for.name, asked_for.seconds, |session| {
            session.policies = policies.documents;
            session.federated = Some(provider.clone());
            session.tags = tags;
            session.transitive = transitive;
        });
        self.x.maybe("PackedPolicySize", size.as_deref()).text("Provider", &provider);
        Ok(())
    }

    /// Asks a role's trust policy, of a caller that has no policies of its own.
    pub(super) fn trusts(&self, role: &Role, arn: &str, account: &str, provider: &str, action: &str, context: &Context) -> Option<()> {
        let mut context = context.clone();
        for (key, value) in &role.held.tags {
            context.set(&format!("aws:ResourceTag/{key}"), value.clone());
        }
        let request = Request {
            caller: AccessCaller::parse(provider),
            action: action.to_owned(),
            resource: arn.to_owned(),
            resource_account: Some(account.to_owned()),
            context,
        };
        let trust = Compiled::new(&self.world.shown(&role.trust), "trust policy");
        evaluate(&request, &Policies { resource: Some(&trust), ..Policies::default() }).is_allowed().then_some(())
    }
}

/// The keys of a request that brings tags.
pub(super) fn with_tags(context: &Context, tags: &Tags) -> Context {
    let mut context = context.clone();
    for (key, value) in tags {
        context.set(&format!("aws:RequestTag/{key}"), value.clone());
    }
    context.set_many("aws:TagKeys", tags.keys().cloned().collect());
    context
}
