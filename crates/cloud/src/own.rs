//! Somebody's own permissions, as far as it may read them itself.

use crossrole_model::{AccountId, CloudError, ErrorClass};
use crossrole_policy::Document;

use crate::acting::{Acting, Identity};
use crate::call::{Kind, plain};

/// Most pages of one list: IAM gives a hundred entries in one, and nobody holds as many.
const PAGES_MOST: usize = 20;

/// What was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Own {
    /// Inline and managed policies, of a user's groups too.
    pub documents: Vec<Document>,
    /// What could not be read, each of its kind once.
    pub unread: Vec<CloudError>,
}

/// Whose policies.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Whose {
    User(String),
    Group(String),
    Role(String),
}

struct Reading<'a> {
    acting: &'a Acting,
    iam: aws_sdk_iam::Client,
    own: Own,
}

impl Acting {
    /// Reads the policies of whoever calls. What may not be read is said, and is not taken for nothing.
    pub async fn own_policies(&self, identity: &Identity) -> Own {
        let mut reading = Reading { acting: self, iam: aws_sdk_iam::Client::new(&self.config), own: Own::default() };
        match whose(&identity.arn) {
            Some(Whose::User(name)) => {
                let groups = reading.groups(&name).await;
                reading.all(Whose::User(name)).await;
                for group in groups {
                    reading.all(Whose::Group(group)).await;
                }
            }
            Some(role) => reading.all(role).await,
            None => reading.failed(plain(ErrorClass::Invalid, &identity.account, "GetCallerIdentity", "it is neither a user nor a session of a role")),
        }
        reading.own
    }

    /// Serial numbers of the devices of whoever calls, who has to be a user. A user has eight at most (IAM User Guide, "IAM and AWS STS
    /// quotas"), so that one page has them all.
    ///
    /// # Errors
    /// That of the call.
    pub async fn own_devices(&self) -> Result<Vec<String>, CloudError> {
        let iam = aws_sdk_iam::Client::new(&self.config);
        let answer = self.line.call(&self.run, "ListMFADevices", Kind::Read, || iam.list_mfa_devices().send()).await?;
        Ok(answer.mfa_devices().iter().map(|device| device.serial_number().to_owned()).collect())
    }
}

/// The name behind an ARN; the path of a role is not in those of its sessions.
fn whose(arn: &str) -> Option<Whose> {
    if let Some((_, rest)) = arn.split_once(":assumed-role/") {
        return Some(Whose::Role(rest.split('/').next()?.to_owned()));
    }
    let (_, path) = arn.split_once(":user/")?;
    Some(Whose::User(path.rsplit('/').next()?.to_owned()))
}

/// Reads a list to its end.
macro_rules! pages {
    ($reading:ident, $operation:literal, $entries:ident, $request:expr) => {{
        let mut all = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..PAGES_MOST {
            let at = marker.clone();
            let answer = $reading.acting.line.call(&$reading.acting.run, $operation, Kind::Read, || $request.set_marker(at.clone()).send()).await;
            match answer {
                Ok(answer) => {
                    all.extend(answer.$entries().iter().cloned());
                    marker = answer.marker().map(str::to_owned);
                }
                Err(error) => {
                    $reading.failed(error);
                    break;
                }
            }
            if marker.is_none() {
                break;
            }
        }
        all
    }};
}

impl Reading<'_> {
    fn failed(&mut self, error: CloudError) {
        if !self.own.unread.iter().any(|known| known.operation == error.operation) {
            self.own.unread.push(error);
        }
    }

    fn account(&self) -> &AccountId {
        &self.acting.line.account
    }

    async fn groups(&mut self, user: &str) -> Vec<String> {
        let groups = pages!(self, "ListGroupsForUser", groups, self.iam.list_groups_for_user().user_name(user));
        groups.into_iter().map(|group| group.group_name().to_owned()).collect()
    }

    async fn all(&mut self, whose: Whose) {
        let inline = match &whose {
            Whose::User(name) => pages!(self, "ListUserPolicies", policy_names, self.iam.list_user_policies().user_name(name)),
            Whose::Group(name) => pages!(self, "ListGroupPolicies", policy_names, self.iam.list_group_policies().group_name(name)),
            Whose::Role(name) => pages!(self, "ListRolePolicies", policy_names, self.iam.list_role_policies().role_name(name)),
        };
        for policy in inline {
            let text = self.inline(&whose, &policy).await;
            self.read(text, &policy);
        }
        let attached = match &whose {
            Whose::User(name) => pages!(self, "ListAttachedUserPolicies", attached_policies, self.iam.list_attached_user_policies().user_name(name)),
            Whose::Group(name) => pages!(self, "ListAttachedGroupPolicies", attached_policies, self.iam.list_attached_group_policies().group_name(name)),
            Whose::Role(name) => pages!(self, "ListAttachedRolePolicies", attached_policies, self.iam.list_attached_role_policies().role_name(name)),
        };
        for arn in attached.iter().filter_map(|policy| policy.policy_arn()) {
            let text = self.managed(arn).await;
            self.read(text, arn);
        }
    }

    async fn inline(&self, whose: &Whose, policy: &str) -> Result<String, CloudError> {
        let (line, run) = (&self.acting.line, &self.acting.run);
        Ok(match whose {
            Whose::User(name) => {
                let send = || self.iam.get_user_policy().user_name(name).policy_name(policy).send();
                line.call(run, "GetUserPolicy", Kind::Read, send).await?.policy_document().to_owned()
            }
            Whose::Group(name) => {
                let send = || self.iam.get_group_policy().group_name(name).policy_name(policy).send();
                line.call(run, "GetGroupPolicy", Kind::Read, send).await?.policy_document().to_owned()
            }
            Whose::Role(name) => {
                let send = || self.iam.get_role_policy().role_name(name).policy_name(policy).send();
                line.call(run, "GetRolePolicy", Kind::Read, send).await?.policy_document().to_owned()
            }
        })
    }

    async fn managed(&self, arn: &str) -> Result<String, CloudError> {
        let (line, run) = (&self.acting.line, &self.acting.run);
        let answer = line.call(run, "GetPolicy", Kind::Read, || self.iam.get_policy().policy_arn(arn).send()).await?;
        let version = answer.policy().and_then(|policy| policy.default_version_id()).unwrap_or_default().to_owned();
        let send = || self.iam.get_policy_version().policy_arn(arn).version_id(&version).send();
        let answer = line.call(run, "GetPolicyVersion", Kind::Read, send).await?;
        Ok(answer.policy_version().and_then(|version| version.document()).unwrap_or_default().to_owned())
    }

    fn read(&mut self, text: Result<String, CloudError>, name: &str) {
        let unreadable = |why: &str| plain(ErrorClass::NotAws, self.account(), "GetPolicyVersion", &format!("policy {name} {why}"));
        let document = text.and_then(|text| {
            // Documents come encoded (IAM API Reference, GetRolePolicy).
            let text = percent_encoding::percent_decode_str(&text).decode_utf8_lossy();
            crossrole_policy::parse(&text).map_err(|_| unreadable("is no policy that can be read"))
        });
        match document {
            Ok(document) => self.own.documents.push(document),
            Err(error) => self.failed(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_names_a_user_or_a_role() {
        assert_eq!(whose("arn:aws:iam::111111111111:user/team/ann"), Some(Whose::User("ann".to_owned())));
        assert_eq!(whose("arn:aws:sts::111111111111:assumed-role/R/s"), Some(Whose::Role("R".to_owned())));
        assert_eq!(whose("arn:aws:iam::111111111111:root"), None);
    }
}
