//! STS, query protocol, version 2011-06-15.

mod assume;
mod params;
mod saml;
mod tags;
mod tokens;
mod web;

use crossrole_policy::Arn;

use crate::auth::{Caller, iso, unix_now};
use crate::error::ApiError;
use crate::query::{Asked, Reply};
use crate::world::{Role, Session, Tags, World};
use crate::xml::Xml;

const VERSION: &str = "2011-06-15";

/// One request and what it works on.
struct Sts<'a> {
    world: &'a mut World,
    caller: &'a Caller,
    asked: &'a Asked,
    x: Xml,
}

pub(crate) fn answer(world: &mut World, caller: &Caller, asked: &Asked) -> Result<Reply, ApiError> {
    let op = asked.operation.as_str();
    asked.check_version(VERSION)?;
    let mut sts = Sts { world, caller, asked, x: Xml::default() };
    match op {
        "GetCallerIdentity" => {
            sts.x.text("UserId", &caller.user_id).text("Account", &caller.account).text("Arn", &caller.arn);
        }
        "GetAccessKeyInfo" => sts.key_info()?,
        "DecodeAuthorizationMessage" => sts.decode()?,
        "GetSessionToken" => sts.session_token()?,
        "GetFederationToken" => sts.federation_token()?,
        "AssumeRole" => sts.assume_role()?,
        "AssumeRoleWithWebIdentity" => sts.web_identity()?,
        "AssumeRoleWithSAML" => sts.saml()?,
        _ => return Err(asked.unknown_operation(VERSION)),
    }
    Ok(Reply::xml(format!(
        "<{op}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{op}Result>{}</{op}Result><ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></{op}Response>",
        sts.x.0
    )))
}

impl Sts<'_> {
    /// The role behind an ARN, if it can be seen.
    fn find_role(&self, arn: &str) -> Option<Role> {
        let parsed = Arn::parse(arn)?;
        let (kind, name) = parsed.kind_and_name()?;
        let role = self.world.accounts.get(parsed.account)?.roles.get(&name.to_ascii_lowercase())?.visible(self.world.now_ms)?;
        let real = format!("role{}{}", role.held.path, role.held.name);
        (kind == "role" && parsed.resource == real).then(|| role.clone())
    }

    /// A session that has nothing but its principal.
    fn session(&mut self, account: &str, resource: String, principal_id: String, seconds: i32) -> Session {
        let now = unix_now();
        let seconds = self.world.session_most.map_or(i64::from(seconds), |most| i64::from(most).min(i64::from(seconds)));
        Session {
            account: account.to_owned(),
            resource,
            secret: self.world.fresh(40),
            token: self.world.fresh(120),
            expires: now + seconds,
            issued: now,
            principal_id,
            mfa: false,
            policies: None,
            tags: Tags::new(),
            transitive: std::collections::BTreeSet::new(),
            source_identity: None,
            federated: None,
            user: None,
        }
    }

    /// Keeps a session and answers with its credentials.
    fn issue(&mut self, session: Session) {
        let id = self.world.fresh_id("ASIA").chars().take(20).collect::<String>();
        self.x.nest("Credentials", |x| {
            x.text("AccessKeyId", &id).text("SecretAccessKey", &session.secret).text("SessionToken", &session.token).text("Expiration", &iso(session.expires));
        });
        self.world.sessions.insert(id, session);
    }

    /// Answers with a session of a role; `fill` gives it what it has besides.
    fn assumed(&mut self, account: &str, role: &Role, name: &str, seconds: i32, fill: impl FnOnce(&mut Session)) {
        let resource = format!("assumed-role/{}/{name}", role.held.name);
        let mut session = self.session(account, resource.clone(), role.held.id.clone(), seconds);
        fill(&mut session);
        self.x.nest("AssumedRoleUser", |x| {
            x.text("AssumedRoleId", &format!("{}:{name}", role.held.id)).text("Arn", &format!("arn:aws:sts::{account}:{resource}"));
        });
        self.issue(session);
    }
}
