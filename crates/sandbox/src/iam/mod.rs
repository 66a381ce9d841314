//! IAM, query protocol, version 2010-05-08.

mod account;
pub(crate) mod credentials;
mod details;
pub(crate) mod devices;
mod grammar;
mod groups;
mod held;
mod keys;
mod logins;
mod policies;
mod positions;
mod profiles;
mod providers;
mod report;
mod roles;
pub(crate) mod rules;
mod saml;
mod service_linked;
mod simulate;
mod sources;
mod target;
pub(crate) mod uploads;
mod users;

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::auth::Caller;
use crate::constraint::{Constraints, integer};
use crate::error::ApiError;
use crate::lagged::Lagged;
use crate::managed;
use crate::query::{Asked, Reply, Service, lower_first};
use crate::world::{Account, Tags, World};
use crate::xml::Xml;

const VERSION: &str = "2010-05-08";
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One request and what it works on.
pub(crate) struct Iam<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) account: String,
    pub(crate) asked: &'a Asked,
    pub(crate) caller: &'a Caller,
    pub(crate) x: Xml,
}

type Operation = fn(&mut Iam<'_>) -> Result<(), ApiError>;

pub(crate) fn answer(world: &mut World, caller: &Caller, asked: &Asked) -> Result<Reply, ApiError> {
    asked.check_version(VERSION)?;
    let op = asked.operation.as_str();
    let operation = operation(op).ok_or_else(|| asked.unknown_operation(VERSION))?;
    target::authorize(world, caller, asked)?;
    let mut iam = Iam { account: caller.account.clone(), world, asked, caller, x: Xml::default() };
    operation(&mut iam)?;
    // Of calls that answer nothing, these have a result all the same, and clients look for it.
    let result = if iam.x.0.is_empty() && !RESULTS.contains(&op) { String::new() } else { format!("<{op}Result>{}</{op}Result>", iam.x.0) };
    Ok(Reply::xml(format!(
        "<{op}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">{result}<ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></{op}Response>"
    )))
}

const RESULTS: &[&str] = &["UpdateRole"];

/// Every operation that there is here.
fn operation(name: &str) -> Option<Operation> {
    let operation: Operation = match name {
        "GetAccountAuthorizationDetails" => |iam| iam.details(),
        "GetAccountSummary" => |iam| {
            iam.summary();
            Ok(())
        },
        "CreateRole" => |iam| iam.create_role(),
        "GetRole" => |iam| iam.get_role(),
        "ListRoles" => |iam| iam.list_roles(),
        "DeleteRole" => |iam| iam.delete_role(),
        "UpdateRole" | "UpdateRoleDescription" => |iam| iam.update_role(),
        "UpdateAssumeRolePolicy" => |iam| iam.update_trust(),
        "CreateUser" => |iam| iam.create_user(),
        "GetUser" => |iam| iam.get_user(),
        "ListUsers" => |iam| iam.list_users(),
        "UpdateUser" => |iam| iam.update_user(),
        "DeleteUser" => |iam| iam.delete_user(),
        "ListGroupsForUser" => |iam| iam.groups_for_user(),
        "CreateGroup" => |iam| iam.create_group(),
        "GetGroup" => |iam| iam.get_group(),
        "ListGroups" => |iam| iam.list_groups(),
        "UpdateGroup" => |iam| iam.update_group(),
        "DeleteGroup" => |iam| iam.delete_group(),
        "AddUserToGroup" | "RemoveUserFromGroup" => |iam| iam.membership(),
        "CreatePolicy" => |iam| iam.create_policy(),
        "GetPolicy" => |iam| iam.get_policy(),
        "ListPolicies" => |iam| iam.list_policies(),
        "DeletePolicy" => |iam| iam.delete_policy(),
        "CreatePolicyVersion" | "DeletePolicyVersion" | "SetDefaultPolicyVersion" => |iam| iam.change_version(),
        "GetPolicyVersion" => |iam| iam.get_version(),
        "ListPolicyVersions" => |iam| iam.list_versions(),
        "TagPolicy" | "UntagPolicy" | "ListPolicyTags" => |iam| iam.policy_tags(),
        "ListEntitiesForPolicy" => |iam| iam.entities(),
        "SimulatePrincipalPolicy" | "SimulateCustomPolicy" => |iam| iam.simulate(),
        "GetContextKeysForPrincipalPolicy" | "GetContextKeysForCustomPolicy" => |iam| iam.context_keys(),
        "CreateServiceLinkedRole" => |iam| iam.create_service_linked(),
        "DeleteServiceLinkedRole" => |iam| iam.delete_service_linked(),
        "GetServiceLinkedRoleDeletionStatus" => |iam| iam.deletion_status(),
        _ => return of_parts(name).or_else(|| held::operation(name)),
    };
    Some(operation)
}

/// Keys, passwords, devices, profiles, providers and the account's own.
fn of_parts(name: &str) -> Option<Operation> {
    let operation: Operation = match name {
        "CreateAccessKey" => |iam| iam.create_access_key(),
        "ListAccessKeys" => |iam| iam.list_access_keys(),
        "UpdateAccessKey" => |iam| iam.update_access_key(),
        "DeleteAccessKey" => |iam| iam.delete_access_key(),
        "GetAccessKeyLastUsed" => |iam| iam.access_key_last_used(),
        "CreateServiceSpecificCredential" => |iam| iam.create_credential(),
        "ListServiceSpecificCredentials" => |iam| iam.list_credentials(),
        "UpdateServiceSpecificCredential" | "ResetServiceSpecificCredential" | "DeleteServiceSpecificCredential" => |iam| iam.change_credential(),
        "CreateLoginProfile" | "GetLoginProfile" | "UpdateLoginProfile" | "DeleteLoginProfile" => |iam| iam.login_profile(),
        "ChangePassword" => |iam| iam.change_password(),
        "CreateVirtualMFADevice" => |iam| iam.create_device(),
        "EnableMFADevice" | "ResyncMFADevice" => |iam| iam.enable_device(),
        "DeactivateMFADevice" => |iam| iam.deactivate_device(),
        "DeleteVirtualMFADevice" => |iam| iam.delete_device(),
        "ListMFADevices" | "ListVirtualMFADevices" => |iam| iam.list_devices(),
        "GetMFADevice" => |iam| iam.get_device(),
        "TagMFADevice" | "UntagMFADevice" | "ListMFADeviceTags" => |iam| iam.device_tags(),
        "CreateInstanceProfile" => |iam| iam.create_profile(),
        "GetInstanceProfile" => |iam| iam.get_profile(),
        "DeleteInstanceProfile" => |iam| iam.delete_profile(),
        "AddRoleToInstanceProfile" | "RemoveRoleFromInstanceProfile" => |iam| iam.profile_role(),
        "ListInstanceProfiles" | "ListInstanceProfilesForRole" => |iam| iam.list_profiles(),
        "TagInstanceProfile" | "UntagInstanceProfile" | "ListInstanceProfileTags" => |iam| iam.profile_tags(),
        "CreateOpenIDConnectProvider"
        | "DeleteOpenIDConnectProvider"
        | "GetOpenIDConnectProvider"
        | "ListOpenIDConnectProviders"
        | "AddClientIDToOpenIDConnectProvider"
        | "RemoveClientIDFromOpenIDConnectProvider"
        | "UpdateOpenIDConnectProviderThumbprint"
        | "ListOpenIDConnectProviderTags"
        | "TagOpenIDConnectProvider"
        | "UntagOpenIDConnectProvider" => |iam| iam.providers(),
        "CreateSAMLProvider" => |iam| iam.create_saml(),
        "ListSAMLProviders" => |iam| {
            iam.list_saml();
            Ok(())
        },
        "GetSAMLProvider" | "UpdateSAMLProvider" | "DeleteSAMLProvider" | "TagSAMLProvider" | "UntagSAMLProvider" | "ListSAMLProviderTags" => |iam| iam.saml(),
        "UploadSSHPublicKey"
        | "GetSSHPublicKey"
        | "ListSSHPublicKeys"
        | "UpdateSSHPublicKey"
        | "DeleteSSHPublicKey"
        | "UploadSigningCertificate"
        | "ListSigningCertificates"
        | "UpdateSigningCertificate"
        | "DeleteSigningCertificate" => |iam| iam.uploads(),
        "UploadServerCertificate" => |iam| iam.upload_server_certificate(),
        "ListServerCertificates" => |iam| iam.list_server_certificates(),
        "GetServerCertificate"
        | "UpdateServerCertificate"
        | "DeleteServerCertificate"
        | "TagServerCertificate"
        | "UntagServerCertificate"
        | "ListServerCertificateTags" => |iam| iam.server_certificate(),
        "GenerateCredentialReport" => |iam| {
            iam.generate_report();
            Ok(())
        },
        "GetCredentialReport" => |iam| iam.get_report(),
        "CreateAccountAlias" | "DeleteAccountAlias" | "ListAccountAliases" => |iam| iam.aliases(),
        "GetAccountPasswordPolicy" | "UpdateAccountPasswordPolicy" | "DeleteAccountPasswordPolicy" => |iam| iam.password_policy(),
        _ => return None,
    };
    Some(operation)
}

/// Tells whether a policy may be attached, as far as its ARN alone says it. One of AWS's own whose document is not here is
/// refused: it would grant nothing, and nobody would know.
pub(crate) fn attachable(arn: &str) -> Result<(), ApiError> {
    if crossrole_policy::Arn::parse(arn).is_none() {
        return Err(ApiError::validation("Invalid ARN:  Could not be parsed!"));
    }
    let Some(policy) = managed::find(arn) else { return Ok(()) };
    if policy.path() == "/aws-service-role/" {
        return Err(ApiError::new(400, "PolicyNotAttachable", "Cannot attach a Service Role Policy to a Customer Role."));
    }
    if policy.text().is_none() {
        let message =
            format!("the sandbox knows {arn} by name and has not its document, so it can't be attached: make a policy of your own with what it should grant");
        return Err(ApiError::new(501, "NotImplemented", message));
    }
    Ok(())
}

impl Iam<'_> {
    /// The caller's account.
    pub(crate) fn state(&mut self) -> &mut Account {
        self.world.account(&self.account)
    }

    /// Now, and the time until a write is seen.
    pub(crate) fn clock(&self) -> (u64, u64) {
        (self.world.now_ms, self.world.lag_ms)
    }

    pub(crate) fn now(&self) -> u64 {
        self.world.now_ms
    }

    /// Checks a name parameter.
    pub(crate) fn name(&self, param: &str, limit: usize) -> Result<String, ApiError> {
        let text = self.asked.need(param)?;
        let field = lower_first(param);
        let mut constraints = Constraints::of(Service::Iam);
        constraints.length(&field, text, 1, limit);
        constraints.check()?;
        if !text.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)) {
            return Err(ApiError::validation(format!(
                "The specified value for {field} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
            )));
        }
        Ok(text.to_owned())
    }

    pub(crate) fn path(&self) -> Result<String, ApiError> {
        let path = self.asked.param("Path").unwrap_or("/");
        let good = path.starts_with('/') && path.ends_with('/') && path.len() <= 512 && path.bytes().all(|b| (0x21..=0x7e).contains(&b));
        if good {
            Ok(path.to_owned())
        } else {
            Err(ApiError::validation(
                "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters."
                    .to_string(),
            ))
        }
    }

    /// A page of `items`, with the marker of the next.
    pub(crate) fn page<T>(&mut self, items: Vec<T>) -> Result<Vec<T>, ApiError> {
        let window = window(self.asked, items.len())?;
        turn(&mut self.x, &window, items.len());
        Ok(items.into_iter().skip(window.start).take(window.len()).collect())
    }
}

impl Iam<'_> {
    /// A page of tags, sorted by key.
    pub(crate) fn tag_page(&mut self, tags: Tags) -> Result<(), ApiError> {
        let page = self.page(tags.into_iter().collect::<Vec<_>>())?;
        write_tags(&mut self.x, &page.into_iter().collect());
        Ok(())
    }

    /// Tags, untags or lists tags, by the name of the call. `None`: it is a list, which the caller writes.
    pub(crate) fn change_tags(asked: &Asked, tags: &mut Tags) -> Option<Result<(), ApiError>> {
        if asked.operation.starts_with("Tag") {
            return Some(merge_tags(tags, asked.tags()));
        }
        if asked.operation.starts_with("Untag") {
            let keys = asked.list("TagKeys");
            if let Err(error) = check_keys(&keys) {
                return Some(Err(error));
            }
            tags.retain(|k, _| !keys.contains(k));
            return Some(Ok(()));
        }
        None
    }
}

/// The entries that a page of `total` shows: 100 by default, 1,000 at most.
pub(crate) fn window(asked: &Asked, total: usize) -> Result<std::ops::Range<usize>, ApiError> {
    let size = match asked.param("MaxItems") {
        None => 100,
        Some(text) => {
            let number = integer(text)?;
            let mut constraints = Constraints::of(Service::Iam);
            constraints.number("maxItems", number, 1, 1_000);
            constraints.check()?;
            usize::try_from(number).unwrap_or(100)
        }
    };
    let start = match asked.param("Marker") {
        None => 0,
        Some(text) => text.strip_prefix("sandbox-").and_then(|t| t.parse().ok()).ok_or_else(|| ApiError::validation("Invalid Marker."))?,
    };
    Ok(start..total.min(start.saturating_add(size)).max(start))
}

/// Says whether there is a next page, and where it starts.
pub(crate) fn turn(x: &mut Xml, window: &std::ops::Range<usize>, total: usize) {
    x.text("IsTruncated", if window.end < total { "true" } else { "false" });
    if window.end < total {
        x.text("Marker", &format!("sandbox-{}", window.end));
    }
}

/// Changes an entity that exists and can be seen.
pub(crate) fn edit<T: Clone, R>(
    map: &mut BTreeMap<String, Lagged<T>>,
    (now, lag): (u64, u64),
    kind: &str,
    name: &str,
    change: impl FnOnce(&mut T) -> Result<R, ApiError>,
) -> Result<R, ApiError> {
    let none = || ApiError::no_such(kind, name);
    let slot = map.get_mut(&name.to_ascii_lowercase()).ok_or_else(none)?;
    if slot.visible(now).is_none() {
        return Err(none());
    }
    let mut value = slot.newest().cloned().ok_or_else(none)?;
    let result = change(&mut value)?;
    slot.set(Some(value), now, lag);
    Ok(result)
}

/// Writes an entity whose name counts letter by letter.
pub(crate) fn edit_exact<T: Clone>(map: &mut BTreeMap<String, Lagged<T>>, (now, lag): (u64, u64), name: &str, value: T) {
    map.entry(name.to_owned()).or_default().set(Some(value), now, lag);
}

/// A document as IAM sends it.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

pub(crate) fn write_tags(x: &mut Xml, tags: &Tags) {
    x.members("Tags", tags, |x, (key, value)| {
        x.text("Key", key).text("Value", value);
    });
}

/// Tags where there are any: most reads leave the element out otherwise.
pub(crate) fn maybe_tags(x: &mut Xml, tags: &Tags) {
    if !tags.is_empty() {
        write_tags(x, tags);
    }
}

/// Checks keys of tags that go.
fn check_keys(keys: &[String]) -> Result<(), ApiError> {
    let mut constraints = Constraints::of(Service::Iam);
    if keys.len() > 50 {
        constraints.add("tagKeys", None, "Member must have length less than or equal to 50");
    }
    if keys.iter().any(|key| !(1..=128).contains(&key.chars().count())) {
        constraints.add("tagKeys", None, "Member must satisfy constraint: [Member must have length less than or equal to 128, Member must have length greater than or equal to 1, Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+]");
    }
    constraints.check()
}

/// Checks new tags against those there are; keys differ in more than case.
pub(crate) fn merge_tags(tags: &mut Tags, new: Vec<(String, String)>) -> Result<(), ApiError> {
    let invalid = |message: &str| ApiError::new(400, "InvalidInput", message);
    let mut seen = std::collections::BTreeSet::new();
    let mut constraints = Constraints::of(Service::Iam);
    if new.len() > 50 {
        constraints.add("tags", None, "Member must have length less than or equal to 50");
    }
    let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    for (at, (key, value)) in new.iter().enumerate() {
        let at = at + 1;
        constraints.length(&format!("tags.{at}.member.key"), key, 1, 128);
        constraints.pattern(&format!("tags.{at}.member.key"), key, "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+", allowed);
        constraints.length(&format!("tags.{at}.member.value"), value, 0, 256);
        constraints.pattern(&format!("tags.{at}.member.value"), value, "[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*", allowed);
    }
    constraints.check()?;
    for (key, value) in new {
        if !seen.insert(key.to_lowercase()) {
            return Err(invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
        if key.to_lowercase().starts_with("aws:") {
            return Err(invalid("Value at 'tags' failed to satisfy constraint: the prefix aws: is reserved"));
        }
        if let Some(same) = tags.keys().find(|k| k.to_lowercase() == key.to_lowercase()).cloned() {
            // The case of a key can't be changed by tagging again.
            tags.insert(same, value);
        } else {
            tags.insert(key, value);
        }
    }
    if tags.len() > 50 {
        return Err(ApiError::limit("Cannot exceed quota for TagsPerResource: 50"));
    }
    Ok(())
}
