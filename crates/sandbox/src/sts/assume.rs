//! AssumeRole.

use crossrole_policy::Arn;

use crate::auth::{Want, authorize};
use crate::error::ApiError;
use crate::refusal::{Refusal, Spelling};

use super::{Sts, params, tags};

impl Sts<'_> {
    pub(super) fn assume_role(&mut self) -> Result<(), ApiError> {
        let (asked, caller) = (self.asked, self.caller);
        let asked_for = params::role(asked, true, |c| params::of_assume_role(c, asked))?;
        let arn = asked_for.arn;
        if caller.root {
            return Err(ApiError::new(403, "AccessDenied", "Roles may not be assumed by root accounts."));
        }
        let tags = tags::read(asked, caller)?;
        let with_mfa = self.mfa()?;
        // AWS does not say which side refused, nor whether the role exists.
        let denied =
            |action: &str| Refusal { caller: caller.arn.clone(), action: action.to_owned(), resource: Spelling::Plain(arn.clone()), reason: None }.error();
        let account = Arn::parse(&arn).map(|a| a.account.to_owned()).unwrap_or_default();
        let Some(role) = self.find_role(&arn) else { return Err(denied("sts:AssumeRole")) };
        let source_identity = match (asked.param("SourceIdentity"), &caller.source_identity) {
            (Some(new), Some(old)) if new != old => {
                return Err(ApiError::new(403, "AccessDenied", "The source identity is already set for this assume role session"));
            }
            (new, old) => new.map(str::to_owned).or_else(|| old.clone()),
        };
        let trust = self.world.shown(&role.trust);
        let (mut context, many) = tags.context();
        context.push(("sts:RoleSessionName".to_owned(), asked_for.name.clone()));
        context.extend(asked.param("ExternalId").map(|id| ("sts:ExternalId".to_owned(), id.to_owned())));
        context.extend(source_identity.clone().map(|id| ("sts:SourceIdentity".to_owned(), id)));
        for (key, value) in &role.held.tags {
            context.push((format!("aws:ResourceTag/{key}"), value.clone()));
            context.push((format!("iam:ResourceTag/{key}"), value.clone()));
        }
        if with_mfa {
            context.push(("aws:MultiFactorAuthPresent".to_owned(), "true".to_owned()));
            context.push(("aws:MultiFactorAuthAge".to_owned(), "0".to_owned()));
        }
        let mut actions = vec!["sts:AssumeRole"];
        // What a session hands on is set anew (IAM User Guide, "Passing session tags in AWS STS", "Monitor and control actions taken with
        // assumed roles").
        actions.extend((!tags.new.is_empty() || !caller.transitive_tags.is_empty()).then_some("sts:TagSession"));
        actions.extend(source_identity.as_ref().map(|_| "sts:SetSourceIdentity"));
        for action in actions {
            let want = Want { action, resource: &arn, account: &account, policy: Some(&trust), context: context.clone(), many: many.clone() };
            authorize(caller, &want)?;
        }
        if asked_for.seconds.unsigned_abs() > role.max_session {
            return Err(ApiError::validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
        }
        if caller.role_session && asked_for.seconds > 3_600 {
            return Err(ApiError::validation("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."));
        }
        let policies = self.session_policies(&account)?;
        let size = policies.size();
        self.assumed(&account, &role, &asked_for.name, asked_for.seconds, |session| {
            session.policies = policies.documents;
            session.tags = tags.all;
            session.transitive = tags.transitive;
            session.source_identity.clone_from(&source_identity);
        });
        self.x.maybe("PackedPolicySize", size.as_deref()).maybe("SourceIdentity", source_identity.as_deref());
        Ok(())
    }
}
