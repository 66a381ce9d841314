//! Credentials of users, session policies, and what is told of keys and refusals.

use crossrole_policy::Document;

use crate::auth::{Want, authorize, managed_document};
use crate::constraint::Constraints;
use crate::error::ApiError;
use crate::iam::rules;
use crate::query::Service;

use super::{Sts, params, tags};

/// Characters of all session policies together (STS API reference, AssumeRole).
const SESSION_POLICY: usize = 2_048;

/// Policies that come with a session.
#[derive(Default)]
pub(super) struct SessionPolicies {
    /// Each with the ARN of its managed policy; `None` where none were given.
    pub(super) documents: Option<Vec<(Option<String>, Document)>>,
    characters: usize,
}

impl SessionPolicies {
    /// The part of the room that they take, in percent, as AWS tells it: how it packs them is its secret, so this is of their
    /// characters.
    pub(super) fn size(&self) -> Option<String> {
        self.documents.as_ref().map(|_| (self.characters * 100 / SESSION_POLICY).to_string())
    }
}

impl Sts<'_> {
    /// The second factor of the request. A device that was made here must show its code; of any other, six digits are right.
    pub(super) fn mfa(&self) -> Result<bool, ApiError> {
        let (asked, caller) = (self.asked, self.caller);
        let (Some(serial), Some(code)) = (asked.param("SerialNumber"), asked.param("TokenCode")) else { return Ok(false) };
        let own = serial.starts_with(&format!("arn:aws:iam::{}:mfa/", caller.account)) && caller.user.is_some();
        let device = self.world.accounts.get(&caller.account).and_then(|a| a.devices.get(serial));
        let good = match device {
            Some(device) => device.user.as_deref() == caller.user.as_deref() && device.shows(code),
            None => code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()),
        };
        if good && own {
            return Ok(true);
        }
        Err(ApiError::new(403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code. "))
    }

    pub(super) fn session_token(&mut self) -> Result<(), ApiError> {
        let seconds = params::duration(self.asked, 43_200)?;
        let mut constraints = Constraints::of(Service::Sts);
        constraints.number("durationSeconds", seconds, 900, 129_600);
        params::second_factor(&mut constraints, self.asked);
        constraints.check()?;
        let resource = match &self.caller.user {
            Some(user) => format!("user/{user}"),
            None if self.caller.root => "root".to_owned(),
            None => return Err(ApiError::new(403, "AccessDenied", "Cannot call GetSessionToken with session credentials")),
        };
        let mfa = self.mfa()?;
        let mut session = self.session(&self.caller.account.clone(), resource, self.caller.user_id.clone(), seconds);
        session.mfa = mfa;
        self.issue(session);
        Ok(())
    }

    pub(super) fn federation_token(&mut self) -> Result<(), ApiError> {
        let (asked, caller) = (self.asked, self.caller);
        let seconds = params::duration(asked, 43_200)?;
        let mut constraints = Constraints::of(Service::Sts);
        match asked.param("Name") {
            None => constraints.add("name", None, "Member must not be null"),
            Some(name) => {
                constraints.length("name", name, 2, 32);
                constraints.pattern("name", name, "[\\w+=,.@-]*", params::in_name);
            }
        }
        params::policy(&mut constraints, asked);
        constraints.number("durationSeconds", seconds, 900, 129_600);
        constraints.check()?;
        if caller.user.is_none() && !caller.root {
            return Err(ApiError::new(403, "AccessDenied", "Cannot call GetFederationToken with session credentials"));
        }
        let name = asked.param("Name").unwrap_or_default();
        let arn = format!("arn:aws:sts::{}:federated-user/{name}", caller.account);
        let tags = tags::read(asked, caller)?;
        let (context, many) = tags.context();
        let tagging = (!tags.new.is_empty()).then_some("sts:TagSession");
        for action in std::iter::once("sts:GetFederationToken").chain(tagging) {
            authorize(caller, &Want { action, resource: &arn, context: context.clone(), many: many.clone(), ..Want::default() })?;
        }
        let policies = self.session_policies(&caller.account)?;
        let size = policies.size();
        let mut session = self.session(&caller.account.clone(), format!("federated-user/{name}"), caller.user_id.clone(), seconds);
        session.policies = policies.documents;
        session.tags = tags.new;
        session.user.clone_from(&caller.user);
        self.issue(session);
        let id = format!("{}:{name}", caller.account);
        self.x.nest("FederatedUser", |x| {
            x.text("FederatedUserId", &id).text("Arn", &arn);
        });
        self.x.text("PackedPolicySize", size.as_deref().unwrap_or("0"));
        Ok(())
    }

    /// Session policies, inline and managed.
    pub(super) fn session_policies(&self, account: &str) -> Result<SessionPolicies, ApiError> {
        let mut found = SessionPolicies::default();
        let mut documents = Vec::new();
        let mut given = false;
        if let Some(text) = self.asked.param("Policy") {
            given = true;
            found.characters += text.chars().count();
            documents.push((None, rules::identity(text, false)?));
        }
        let arns: Vec<&str> = (1..).map_while(|n| self.asked.param(&format!("PolicyArns.member.{n}.arn"))).collect();
        if arns.len() > 10 {
            return Err(ApiError::new(400, "PackedPolicyTooLarge", "A session takes at most 10 managed policies"));
        }
        for arn in arns {
            given = true;
            found.characters += arn.chars().count();
            crate::iam::attachable(arn)?;
            let document = managed_document(self.world, account, arn);
            let document = document.ok_or_else(|| ApiError::validation(format!("PolicyArns {arn} does not exist")))?;
            documents.push((Some(arn.to_owned()), document));
        }
        if found.characters > SESSION_POLICY {
            let percent = found.characters * 100 / SESSION_POLICY;
            return Err(ApiError::new(400, "PackedPolicyTooLarge", format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.")));
        }
        found.documents = given.then_some(documents);
        Ok(found)
    }

    /// The account behind any key; keys that are not ours tell nothing.
    pub(super) fn key_info(&mut self) -> Result<(), ApiError> {
        let asked = self.asked;
        let mut constraints = Constraints::of(Service::Sts);
        match asked.param("AccessKeyId") {
            None => constraints.add("accessKeyId", None, "Member must not be null"),
            Some(id) => {
                constraints.length("accessKeyId", id, 16, 128);
                constraints.pattern("accessKeyId", id, "[\\w]*", |c| c.is_ascii_alphanumeric() || c == '_');
            }
        }
        constraints.check()?;
        authorize(self.caller, &Want { action: "sts:GetAccessKeyInfo", resource: "*", ..Want::default() })?;
        let id = asked.param("AccessKeyId").unwrap_or_default();
        let key = self.world.keys.get(id).map(|k| k.account.clone());
        let account = key.or_else(|| self.world.sessions.get(id).map(|s| s.account.clone()));
        let account = account.ok_or_else(|| ApiError::validation("Invalid Access Key ID"))?;
        self.x.text("Account", &account);
        Ok(())
    }

    /// No service here encodes the reasons of its refusals (EC2 does), so no message can be one of ours.
    pub(super) fn decode(&mut self) -> Result<(), ApiError> {
        if self.asked.param("EncodedMessage").is_none() {
            return Err(crate::constraint::broken(Service::Sts, "encodedMessage", None, "Member must not be null"));
        }
        authorize(self.caller, &Want { action: "sts:DecodeAuthorizationMessage", resource: "*", ..Want::default() })?;
        Err(ApiError::new(400, "InvalidAuthorizationMessageException", "Message is not valid"))
    }
}
