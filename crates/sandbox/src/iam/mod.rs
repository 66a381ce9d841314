//! IAM, query protocol, version 2010-05-08.

mod details;
mod groups;
mod held;
mod policies;
mod providers;
mod roles;
pub(crate) mod rules;
mod users;

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::auth::{Caller, Want, authorize};
use crate::error::ApiError;
use crate::lagged::Lagged;
use crate::query::{Asked, Reply, lower_first};
use crate::world::{Tags, World};
use crate::xml::Xml;

const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// One request and what it works on.
pub(crate) struct Iam<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) account: String,
    pub(crate) asked: &'a Asked,
    pub(crate) caller: &'a Caller,
    pub(crate) x: Xml,
}

pub(crate) fn answer(world: &mut World, caller: &Caller, asked: &Asked) -> Result<Reply, ApiError> {
    let resource = resource(world, caller, asked);
    let mut context: Vec<(String, String)> = asked.tags().into_iter().map(|(k, v)| (format!("aws:RequestTag/{k}"), v)).collect();
    context.extend(asked.param("PermissionsBoundary").map(|arn| ("iam:PermissionsBoundary".to_owned(), arn.to_owned())));
    context.extend(asked.param("PolicyArn").map(|arn| ("iam:PolicyARN".to_owned(), arn.to_owned())));
    authorize(caller, &Want { action: &format!("iam:{}", asked.operation), resource: &resource, context, ..Want::default() })?;
    let mut iam = Iam { account: caller.account.clone(), world, asked, caller, x: Xml::default() };
    iam.dispatch()?;
    let op = &asked.operation;
    // Of calls that answer nothing, this one has a result all the same, and clients look for it.
    let result = if iam.x.0.is_empty() && op != "UpdateRole" { String::new() } else { format!("<{op}Result>{}</{op}Result>", iam.x.0) };
    Ok(Reply::xml(format!(
        "<{op}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\">{result}<ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></{op}Response>"
    )))
}

/// The ARN that a call is authorized against. For an entity that does not exist it has no path, whatever its name would
/// have (so a policy limited to a path answers "denied", not "no such entity").
fn resource(world: &World, caller: &Caller, asked: &Asked) -> String {
    let account = world.accounts.get(&caller.account);
    let arn = |kind: &str, path: &str, name: &str| format!("arn:aws:iam::{}:{kind}{path}{name}", caller.account);
    let path = |param: &str| asked.param(param).unwrap_or("/").to_owned();
    if let Some(name) = asked.param("RoleName") {
        let real = account.and_then(|a| a.roles.get(&name.to_ascii_lowercase())).and_then(|r| r.newest()).map(|r| r.held.path.clone());
        return arn("role", &real.unwrap_or_else(|| if asked.operation == "CreateRole" { path("Path") } else { "/".to_owned() }), name);
    }
    if let Some(name) = asked.param("GroupName") {
        let real = account.and_then(|a| a.groups.get(&name.to_ascii_lowercase())).and_then(|g| g.newest()).map(|g| g.held.path.clone());
        return arn("group", &real.unwrap_or_else(|| path("Path")), name);
    }
    if let Some(name) = asked.param("UserName") {
        let real = account.and_then(|a| a.users.get(&name.to_ascii_lowercase())).and_then(|u| u.newest()).map(|u| u.held.path.clone());
        return arn("user", &real.unwrap_or_else(|| path("Path")), name);
    }
    if let Some(arn) = asked.param("PolicyArn").or_else(|| asked.param("OpenIDConnectProviderArn")) {
        return arn.to_owned();
    }
    if let (Some(name), "CreatePolicy") = (asked.param("PolicyName"), asked.operation.as_str()) {
        return arn("policy", &path("Path"), name);
    }
    "*".to_owned()
}

impl Iam<'_> {
    fn dispatch(&mut self) -> Result<(), ApiError> {
        let op = self.asked.operation.as_str();
        match op {
            "GetAccountAuthorizationDetails" => self.details(),
            "GetAccountSummary" => {
                self.summary();
                Ok(())
            }
            "CreateRole" => self.create_role(),
            "GetRole" => self.get_role(),
            "ListRoles" => self.list_roles(),
            "DeleteRole" => self.delete_role(),
            "UpdateRole" | "UpdateRoleDescription" => self.update_role(),
            "UpdateAssumeRolePolicy" => self.update_trust(),
            "CreateInstanceProfile"
            | "DeleteInstanceProfile"
            | "AddRoleToInstanceProfile"
            | "RemoveRoleFromInstanceProfile"
            | "ListInstanceProfilesForRole"
            | "GetInstanceProfile" => self.profiles(),
            "CreateUser" => self.create_user(),
            "GetUser" => self.get_user(),
            "ListUsers" => self.list_users(),
            "DeleteUser" => self.delete_user(),
            "ListGroupsForUser" => self.groups_for_user(),
            "CreateAccessKey" => self.create_access_key(),
            "ListAccessKeys" => self.list_access_keys(),
            "DeleteAccessKey" => self.delete_access_key(),
            "CreateGroup" => self.create_group(),
            "GetGroup" => self.get_group(),
            "ListGroups" => self.list_groups(),
            "DeleteGroup" => self.delete_group(),
            "AddUserToGroup" | "RemoveUserFromGroup" => self.membership(),
            "CreatePolicy" => self.create_policy(),
            "GetPolicy" => self.get_policy(),
            "ListPolicies" => self.list_policies(),
            "DeletePolicy" => self.delete_policy(),
            "CreatePolicyVersion" | "DeletePolicyVersion" | "SetDefaultPolicyVersion" => self.change_version(),
            "GetPolicyVersion" => self.get_version(),
            "ListPolicyVersions" => self.list_versions(),
            "TagPolicy" | "UntagPolicy" | "ListPolicyTags" => self.policy_tags(),
            "ListEntitiesForPolicy" => self.entities(),
            "CreateOpenIDConnectProvider"
            | "DeleteOpenIDConnectProvider"
            | "GetOpenIDConnectProvider"
            | "ListOpenIDConnectProviders"
            | "AddClientIDToOpenIDConnectProvider"
            | "RemoveClientIDFromOpenIDConnectProvider"
            | "TagOpenIDConnectProvider"
            | "UntagOpenIDConnectProvider" => self.providers(),
            _ => self
                .held_operation(op)
                .unwrap_or_else(|| Err(ApiError::new(400, "InvalidAction", format!("Could not find operation {op} for version 2010-05-08")))),
        }
    }

    pub(crate) fn now(&self) -> u64 {
        self.world.now_ms
    }

    /// Checks a name parameter.
    pub(crate) fn name(&self, param: &str, limit: usize) -> Result<String, ApiError> {
        let text = self.asked.need(param)?;
        let good = text.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c));
        if !good {
            let field = lower_first(param);
            return Err(ApiError::validation(format!(
                "The specified value for {field} is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"
            )));
        }
        if text.len() > limit {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value '{text}' at '{}' failed to satisfy constraint: Member must have length less than or equal to {limit}",
                lower_first(param)
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

/// The entries that a page of `total` shows: 100 by default, 1,000 at most.
pub(crate) fn window(asked: &Asked, total: usize) -> Result<std::ops::Range<usize>, ApiError> {
    let size = match asked.param("MaxItems") {
        None => 100,
        Some(text) => {
            text.parse::<usize>().ok().filter(|n| (1..=1000).contains(n)).ok_or_else(|| ApiError::validation("MaxItems must be between 1 and 1000"))?
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

/// A document as IAM sends it.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

pub(crate) fn write_tags(x: &mut Xml, tags: &Tags) {
    x.members("Tags", tags, |x, (key, value)| {
        x.text("Key", key).text("Value", value);
    });
}

/// Checks new tags against those there are; keys differ in more than case.
pub(crate) fn merge_tags(tags: &mut Tags, new: Vec<(String, String)>) -> Result<(), ApiError> {
    let invalid = |message: &str| ApiError::new(400, "InvalidInput", message);
    let mut seen = std::collections::BTreeSet::new();
    for (key, value) in new {
        if !seen.insert(key.to_lowercase()) {
            return Err(invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
        }
        if key.to_lowercase().starts_with("aws:") {
            return Err(invalid("Value at 'tags' failed to satisfy constraint: the prefix aws: is reserved"));
        }
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return Err(ApiError::validation("1 validation error detected: tag key or value has an invalid length"));
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
