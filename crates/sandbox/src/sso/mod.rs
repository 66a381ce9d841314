//! IAM Identity Center: awsJson1.1, permission sets with their inline policies, and the roles that they have in accounts.
//!
//! A set changes no role before it is provisioned (IAM Identity Center API reference, ProvisionPermissionSet).

mod roles;
pub(crate) mod state;

use std::collections::BTreeMap;

use bytes::Bytes;
use crossrole_model::IdentityCenter;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::auth::{Caller, Want, authorize, unix_now};
use crate::error::ApiError;
use crate::kms::state::uuid;
use crate::query::{Asked, Reply};
use crate::sigv4::hex;
use crate::world::World;

use state::{Instance, Set};

/// How its operations are named in the header `X-Amz-Target`.
pub(crate) const TARGET: &str = "SWBExternalService.";

/// Characters of an inline policy that are not white space (IAM Identity Center User Guide, "Quotas").
const INLINE_MOST: usize = 10_240;

/// How long a set takes to its accounts, in milliseconds.
const PROVISIONING: u64 = 3_000;

/// One request and what it works on.
struct Sso<'a> {
    world: &'a mut World,
    caller: &'a Caller,
    region: &'a str,
    input: Value,
}

/// Makes a set and assigns it in accounts, where that is not so already; `false`: it was.
pub(crate) fn place(world: &mut World, center: &IdentityCenter, name: &str, accounts: &[String]) -> bool {
    let IdentityCenter { instance, account, region } = center;
    let made = make(world, (instance, account.as_str(), region), name, "").is_ok();
    let set = set_arn(instance, name);
    let mut assigned = false;
    for account in accounts {
        assigned |= roles::assign(world, instance, &set, account).unwrap_or(false);
    }
    made || assigned
}

/// Makes a set. The first makes the instance: it is switched on in the console.
fn make(world: &mut World, (instance, account, region): (&str, &str, &str), name: &str, description: &str) -> Result<Value, ApiError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if name.chars().count() > 32 || !name.chars().all(plain) {
        let rule = "Member must satisfy regular expression pattern: [\\w+=,.@-]+";
        return Err(invalid(format!("Value '{name}' at 'name' failed to satisfy constraint: {rule}")));
    }
    let fresh = || Instance { account: account.to_owned(), region: region.to_owned(), sets: BTreeMap::new(), requests: BTreeMap::new() };
    let there = world.sso.instances.entry(instance.to_owned()).or_insert_with(fresh);
    if there.sets.values().any(|other| other.name == name) {
        return Err(ApiError::new(400, "ConflictException", format!("PermissionSet with name {name} already exists.")));
    }
    let made = Set { name: name.to_owned(), description: description.to_owned(), created: unix_now(), inline: None, accounts: BTreeMap::new() };
    let arn = set_arn(instance, name);
    let told = told(&arn, &made);
    there.sets.insert(arn, made);
    Ok(json!({ "PermissionSet": told }))
}

/// Tells whether an operation changes something that is kept.
pub(crate) fn writes(operation: &str) -> bool {
    !["Describe", "Get", "List"].iter().any(|p| operation.starts_with(p))
}

pub(crate) fn answer(world: &mut World, caller: &Caller, asked: &Asked) -> Result<Reply, ApiError> {
    let region = asked.authorization.as_ref().map(|a| a.region.as_str()).unwrap_or_default();
    let input = serde_json::from_slice(&asked.body).map_err(|_| ApiError::new(400, "SerializationException", ""))?;
    let mut sso = Sso { world, caller, region, input };
    let told = match asked.operation.as_str() {
        "ListInstances" => sso.list_instances(),
        "CreatePermissionSet" => sso.create(),
        "ListPermissionSets" => sso.list(),
        "DescribePermissionSet" => sso.describe(),
        "GetInlinePolicyForPermissionSet" => sso.inline(),
        "PutInlinePolicyToPermissionSet" => sso.put_inline(),
        "DeleteInlinePolicyFromPermissionSet" => sso.delete_inline(),
        "CreateAccountAssignment" => sso.assign(),
        "DeleteAccountAssignment" => sso.unassign(),
        "ProvisionPermissionSet" => sso.provision(),
        "DescribePermissionSetProvisioningStatus" => sso.provisioning(),
        "ListAccountsForProvisionedPermissionSet" => sso.accounts(),
        other => {
            let message = format!("the sandbox has no sso:{other}; nothing was done");
            Err(ApiError::new(501, "NotImplemented", message))
        }
    }?;
    Ok(Reply { status: 200, body: Bytes::from(told.to_string()), content_type: Some(crate::kms::CONTENT_TYPE.to_owned()), ..Reply::default() })
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "ValidationException", message)
}

fn missing(what: &str) -> ApiError {
    ApiError::new(400, "ResourceNotFoundException", format!("{what} not found"))
}

/// The instance that an account has when it administers one: the same each time.
fn instance_of(account: &str) -> String {
    format!("arn:aws:sso:::instance/ssoins-{}", digits(&format!("instance {account}")))
}

/// The ARN of a set of an instance: the same each time.
fn set_arn(instance: &str, name: &str) -> String {
    format!("arn:aws:sso:::permissionSet/{}/ps-{}", instance.rsplit('/').next().unwrap_or_default(), digits(&format!("{instance} {name}")))
}

/// Sixteen hexadecimal digits.
fn digits(seed: &str) -> String {
    hex(&Sha256::digest(seed.as_bytes())).chars().take(16).collect()
}

impl Sso<'_> {
    fn need(&self, member: &str) -> Result<String, ApiError> {
        let text = self.input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.map(str::to_owned)
            .ok_or_else(|| invalid(format!("1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null")))
    }

    fn allow(&self, operation: &str, resource: &str) -> Result<(), ApiError> {
        authorize(self.caller, &Want { action: &format!("sso:{operation}"), resource, ..Want::default() })
    }

    /// The instance that is named, which this account administers from this region.
    fn instance(&mut self, operation: &str) -> Result<&mut Instance, ApiError> {
        let arn = self.need("InstanceArn")?;
        self.allow(operation, &arn)?;
        let (account, region) = (self.caller.account.clone(), self.region);
        match self.world.sso.instances.get_mut(&arn) {
            Some(instance) if instance.account == account && instance.region == region => Ok(instance),
            // It is told as one that is not there (recorded by AWS CDK and Terraform users of member accounts).
            _ => {
                let why = "because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access";
                Err(ApiError::new(
                    400,
                    "AccessDeniedException",
                    format!("User: {} is not authorized to perform: sso:{operation} on resource: {arn} {why}", self.caller.arn),
                ))
            }
        }
    }

    fn set(&mut self, operation: &str) -> Result<&mut Set, ApiError> {
        let arn = self.need("PermissionSetArn")?;
        self.instance(operation)?.sets.get_mut(&arn).ok_or_else(|| missing("PermissionSet"))
    }

    fn list_instances(&mut self) -> Result<Value, ApiError> {
        self.allow("ListInstances", "*")?;
        let account = self.caller.account.clone();
        let own = self.world.sso.instances.iter().filter(|(_, instance)| instance.account == account && instance.region == self.region);
        let mut arns: Vec<String> = own.map(|(arn, _)| arn.clone()).collect();
        if arns.is_empty() {
            arns.push(instance_of(&account));
        }
        let told: Vec<Value> = arns.iter().map(|arn| json!({ "InstanceArn": arn, "OwnerAccountId": account, "Status": "ACTIVE" })).collect();
        Ok(json!({ "Instances": told }))
    }

    fn create(&mut self) -> Result<Value, ApiError> {
        let (arn, name) = (self.need("InstanceArn")?, self.need("Name")?);
        let is_new = !self.world.sso.instances.contains_key(&arn);
        if is_new && arn.strip_prefix("arn:aws:sso:::instance/ssoins-").is_some_and(|digits| digits.len() == 16) {
            self.allow("CreatePermissionSet", &arn)?;
        } else {
            self.instance("CreatePermissionSet")?;
        }
        let description = self.input.get("Description").and_then(Value::as_str).unwrap_or_default().to_owned();
        make(self.world, (&arn, &self.caller.account, self.region), &name, &description)
    }

    /// A page of `items`; the token says where the next begins.
    fn page(&self, member: &str, items: &[String]) -> Result<Value, ApiError> {
        let most = self.input.get("MaxResults").and_then(Value::as_u64).unwrap_or(100).clamp(1, 100);
        let start = match self.input.get("NextToken").and_then(Value::as_str) {
            None => 0,
            Some(token) => token.parse::<usize>().map_err(|_| invalid("Invalid NextToken"))?,
        };
        let end = start.saturating_add(usize::try_from(most).unwrap_or(usize::MAX)).min(items.len());
        let shown = items.get(start..end).unwrap_or_default();
        Ok(if end < items.len() { json!({ member: shown, "NextToken": end.to_string() }) } else { json!({ member: shown }) })
    }

    fn list(&mut self) -> Result<Value, ApiError> {
        let arns: Vec<String> = self.instance("ListPermissionSets")?.sets.keys().cloned().collect();
        self.page("PermissionSets", &arns)
    }

    fn describe(&mut self) -> Result<Value, ApiError> {
        let arn = self.need("PermissionSetArn")?;
        let set = self.set("DescribePermissionSet")?;
        Ok(json!({ "PermissionSet": told(&arn, set) }))
    }

    fn inline(&mut self) -> Result<Value, ApiError> {
        let set = self.set("GetInlinePolicyForPermissionSet")?;
        Ok(json!({ "InlinePolicy": set.inline.clone().unwrap_or_default() }))
    }

    fn put_inline(&mut self) -> Result<Value, ApiError> {
        let text = self.need("InlinePolicy")?;
        if text.chars().filter(|c| !c.is_whitespace()).count() > INLINE_MOST {
            return Err(ApiError::new(400, "ServiceQuotaExceededException", "You have exceeded the limit for the inline policy of a permission set."));
        }
        let good = crossrole_policy::parse(&text).is_ok_and(|document| {
            let sids: Vec<&str> = document.statements.iter().map(crossrole_policy::Statement::sid).filter(|sid| !sid.is_empty()).collect();
            let unique = sids.iter().collect::<std::collections::BTreeSet<_>>().len() == sids.len();
            unique && document.statements.iter().all(|s| s.principal.is_none())
        });
        if !good {
            return Err(invalid("The policy document is invalid."));
        }
        self.set("PutInlinePolicyToPermissionSet")?.inline = Some(text);
        Ok(json!({}))
    }

    fn delete_inline(&mut self) -> Result<Value, ApiError> {
        let set = self.set("DeleteInlinePolicyFromPermissionSet")?;
        set.inline.take().map(|_| json!({})).ok_or_else(|| missing("InlinePolicy"))
    }

    fn assign(&mut self) -> Result<Value, ApiError> {
        let (instance, arn, account) = (self.need("InstanceArn")?, self.need("PermissionSetArn")?, self.need("TargetId")?);
        self.set("CreateAccountAssignment")?;
        roles::assign(self.world, &instance, &arn, &account)?;
        Ok(json!({ "AccountAssignmentCreationStatus": { "Status": "SUCCEEDED", "RequestId": uuid(&self.world.fresh(32)), "TargetId": account } }))
    }

    /// The last assignment in an account takes the role with it.
    fn unassign(&mut self) -> Result<Value, ApiError> {
        let account = self.need("TargetId")?;
        let gone = self.set("DeleteAccountAssignment")?.accounts.remove(&account);
        if let Some((role, _)) = gone {
            let (now, lag) = (self.world.now_ms, self.world.lag_ms);
            if let Some(slot) = self.world.account(&account).roles.get_mut(&role.to_ascii_lowercase()) {
                slot.set(None, now, lag);
            }
        }
        Ok(json!({ "AccountAssignmentDeletionStatus": { "Status": "SUCCEEDED", "RequestId": uuid(&self.world.fresh(32)), "TargetId": account } }))
    }

    fn provision(&mut self) -> Result<Value, ApiError> {
        let arn = self.need("PermissionSetArn")?;
        let all = self.need("TargetType")? == "ALL_PROVISIONED_ACCOUNTS";
        let only = if all { None } else { Some(self.need("TargetId")?) };
        let set = self.set("ProvisionPermissionSet")?.clone();
        let accounts: Vec<String> = set.accounts.keys().filter(|account| only.as_ref().is_none_or(|only| only == *account)).cloned().collect();
        if accounts.is_empty() {
            return Err(missing("The account in which the permission set is provisioned"));
        }
        let instance = self.need("InstanceArn")?;
        for account in &accounts {
            roles::give(self.world, &instance, &arn, account)?;
        }
        let id = uuid(&self.world.fresh(32));
        let ready = self.world.now_ms + PROVISIONING;
        self.instance("ProvisionPermissionSet")?.requests.insert(id.clone(), (arn.clone(), ready));
        Ok(json!({ "PermissionSetProvisioningStatus": { "RequestId": id, "Status": "IN_PROGRESS", "PermissionSetArn": arn } }))
    }

    fn provisioning(&mut self) -> Result<Value, ApiError> {
        let (id, now) = (self.need("ProvisionPermissionSetRequestId")?, self.world.now_ms);
        let instance = self.instance("DescribePermissionSetProvisioningStatus")?;
        let (arn, ready) = instance.requests.get(&id).ok_or_else(|| missing("Request"))?;
        let status = if now >= *ready { "SUCCEEDED" } else { "IN_PROGRESS" };
        Ok(json!({ "PermissionSetProvisioningStatus": { "RequestId": id, "Status": status, "PermissionSetArn": arn } }))
    }

    fn accounts(&mut self) -> Result<Value, ApiError> {
        let status = self.input.get("ProvisioningStatus").and_then(Value::as_str).map(str::to_owned);
        let set = self.set("ListAccountsForProvisionedPermissionSet")?;
        let late: Vec<String> = set.late().cloned().collect();
        let all = set.accounts.keys().filter(|account| match status.as_deref() {
            Some("LATEST_PERMISSION_SET_NOT_PROVISIONED") => late.contains(account),
            Some(_) => !late.contains(account),
            None => true,
        });
        let all: Vec<String> = all.cloned().collect();
        self.page("AccountIds", &all)
    }
}

fn told(arn: &str, set: &Set) -> Value {
    json!({ "Name": set.name, "PermissionSetArn": arn, "Description": set.description, "CreatedDate": set.created, "SessionDuration": "PT1H" })
}
