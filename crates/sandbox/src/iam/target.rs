//! What a call is asked of: actions, resources, how a refusal spells them, and the condition keys that come with them
//! (Service Authorization Reference, "AWS Identity and Access Management"; spellings from refusals of live AWS).

use crate::auth::{Caller, Want, decide};
use crate::error::ApiError;
use crate::lagged::Lagged;
use crate::query::Asked;
use crate::refusal::Spelling;
use crate::world::{Account, Held, Tags, World};

/// One action on one resource.
struct Target {
    action: String,
    arn: String,
    spelling: String,
    /// Of the resource.
    tags: Tags,
    /// Keys of IAM's own.
    keys: Vec<(String, String)>,
}

/// Calls that are about the caller's own user where they name none.
const OWN: &[&str] = &[
    "GetUser",
    "UpdateUser",
    "ListAccessKeys",
    "CreateAccessKey",
    "UpdateAccessKey",
    "DeleteAccessKey",
    "ListMFADevices",
    "ChangePassword",
    "GetLoginProfile",
    "DeleteLoginProfile",
    "ListSigningCertificates",
    "ListSSHPublicKeys",
    "UploadSigningCertificate",
    "UpdateSigningCertificate",
    "DeleteSigningCertificate",
    "ListServiceSpecificCredentials",
];

/// Calls on no resource in particular.
const NONE: &[&str] = &[
    "GetAccountAuthorizationDetails",
    "GetAccountSummary",
    "GetAccountPasswordPolicy",
    "UpdateAccountPasswordPolicy",
    "DeleteAccountPasswordPolicy",
    "ListAccountAliases",
    "CreateAccountAlias",
    "DeleteAccountAlias",
    "SimulateCustomPolicy",
    "GetContextKeysForCustomPolicy",
    "GenerateCredentialReport",
    "GetCredentialReport",
];

/// Decides a call, and what else it does.
pub(super) fn authorize(world: &World, caller: &Caller, asked: &Asked) -> Result<(), ApiError> {
    for target in targets(world, caller, asked)? {
        let mut context = target.keys;
        for (key, value) in &target.tags {
            context.push((format!("aws:ResourceTag/{key}"), value.clone()));
            context.push((format!("iam:ResourceTag/{key}"), value.clone()));
        }
        context.extend(asked.tags().into_iter().map(|(k, v)| (format!("aws:RequestTag/{k}"), v)));
        let mut tag_keys: Vec<String> = asked.tags().into_iter().map(|(k, _)| k).collect();
        tag_keys.extend(asked.list("TagKeys"));
        let many = if tag_keys.is_empty() { Vec::new() } else { vec![("aws:TagKeys".to_owned(), tag_keys)] };
        let want = Want { action: &target.action, resource: &target.arn, context, many, ..Want::default() };
        decide(caller, &want).map_err(|mut refusal| {
            refusal.resource = Spelling::Plain(target.spelling);
            refusal.error()
        })?;
    }
    Ok(())
}

/// What names say of their entity.
struct Scope<'a> {
    asked: &'a Asked,
    caller: &'a Caller,
    account: Option<&'a Account>,
}

fn targets(world: &World, caller: &Caller, asked: &Asked) -> Result<Vec<Target>, ApiError> {
    let scope = Scope { asked, caller, account: world.accounts.get(&caller.account) };
    let first = scope.first(world)?;
    let also = scope.also(&first);
    Ok(std::iter::once(first).chain(also).collect())
}

fn newest<'a, T: Clone>(map: &'a std::collections::BTreeMap<String, Lagged<T>>, name: &str) -> Option<&'a T> {
    map.get(&name.to_ascii_lowercase())?.newest()
}

impl Scope<'_> {
    fn arn(&self, resource: &str) -> String {
        format!("arn:aws:iam::{}:{resource}", self.caller.account)
    }

    fn target(&self, arn: String, spelling: String) -> Target {
        Target { action: format!("iam:{}", self.asked.operation), arn, spelling, tags: Tags::new(), keys: Vec::new() }
    }

    /// An entity by name. One that does not exist has no path, whatever its name would have (so a policy limited to a path
    /// answers "denied", not "no such entity"); one that is to be made has what it is asked to get.
    fn named(&self, kind: &str, words: &str, name: &str, held: Option<&Held>) -> Target {
        let makes = self.asked.operation.starts_with("Create") && !self.is_part();
        let held = held.filter(|_| !makes);
        let path = if makes { self.asked.param("Path") } else { held.map(|h| h.path.as_str()) };
        let arn = self.arn(&format!("{kind}{}{name}", path.unwrap_or("/")));
        let spelling = if makes { arn.clone() } else { format!("{words} {name}") };
        let mut target = self.target(arn, spelling);
        target.tags = held.map(|h| h.tags.clone()).unwrap_or_default();
        // What is set, or else what is there.
        let boundary = self.asked.param("PermissionsBoundary").map(str::to_owned).or_else(|| held.and_then(|h| h.boundary.clone()));
        target.keys.extend(boundary.map(|arn| ("iam:PermissionsBoundary".to_owned(), arn)));
        if matches!(self.asked.operation.get(..6), Some("Attach" | "Detach")) {
            target.keys.extend(self.asked.param("PolicyArn").map(|arn| ("iam:PolicyARN".to_owned(), arn.to_owned())));
        }
        target
    }

    /// It makes something of an entity that is there.
    fn is_part(&self) -> bool {
        matches!(self.asked.operation.as_str(), "CreateAccessKey" | "CreateLoginProfile" | "CreateServiceSpecificCredential")
    }

    fn first(&self, world: &World) -> Result<Target, ApiError> {
        let asked = self.asked;
        let op = asked.operation.as_str();
        let account = self.account;
        if NONE.contains(&op) {
            return Ok(self.target("*".to_owned(), "*".to_owned()));
        }
        if let Some(target) = self.listing() {
            return Ok(target);
        }
        if op == "CreateServiceLinkedRole" || op == "GetServiceLinkedRoleDeletionStatus" {
            return Ok(self.service_linked());
        }
        if let Some(name) = asked.param("InstanceProfileName") {
            let profile = account.and_then(|a| a.profiles.get(&name.to_ascii_lowercase()));
            let held = profile.map(|p| Held { path: p.path.clone(), tags: p.tags.clone(), ..Held::default() });
            return Ok(self.named("instance-profile", "instance profile", name, held.as_ref()));
        }
        if let Some(name) = asked.param("RoleName") {
            let mut target = self.named("role", "role", name, account.and_then(|a| newest(&a.roles, name)).map(|r| &r.held));
            if op == "DeleteServiceLinkedRole" {
                let service = target.arn.split("/aws-service-role/").nth(1).and_then(|rest| rest.split('/').next()).map(str::to_owned);
                target.keys.extend(service.map(|s| ("iam:AWSServiceName".to_owned(), s)));
            }
            return Ok(target);
        }
        if let Some(name) = asked.param("GroupName") {
            return Ok(self.named("group", "group", name, account.and_then(|a| newest(&a.groups, name)).map(|g| &g.held)));
        }
        if let Some(name) = asked.param("UserName") {
            return Ok(self.user(name));
        }
        if let Some(arn) = asked.param("PolicyArn") {
            let mut target = self.target(arn.to_owned(), format!("policy {arn}"));
            let name = arn.rsplit('/').next().unwrap_or_default();
            target.tags = account.and_then(|a| newest(&a.policies, name)).filter(|p| p.arn == arn).map(|p| p.tags.clone()).unwrap_or_default();
            return Ok(target);
        }
        if let (Some(name), "CreatePolicy") = (asked.param("PolicyName"), op) {
            return Ok(self.target(self.arn(&format!("policy{}{name}", asked.param("Path").unwrap_or("/"))), format!("policy {name}")));
        }
        if OWN.contains(&op) {
            return self.own();
        }
        Ok(self.other(world))
    }

    fn user(&self, name: &str) -> Target {
        self.named("user", "user", name, self.account.and_then(|a| newest(&a.users, name)).map(|u| &u.held))
    }

    /// The caller's own user.
    fn own(&self) -> Result<Target, ApiError> {
        match &self.caller.user {
            Some(name) => Ok(self.user(name)),
            None if self.caller.root => Ok(self.target(self.caller.arn.clone(), self.caller.arn.clone())),
            None => Err(ApiError::validation("Must specify userName when calling with non-User credentials")),
        }
    }

    /// Lists are asked of everything of their kind under a path.
    fn listing(&self) -> Option<Target> {
        let prefix = self.asked.param("PathPrefix").unwrap_or("/");
        let kind = match self.asked.operation.as_str() {
            "ListRoles" => "role",
            "ListUsers" => "user",
            "ListGroups" => "group",
            "ListInstanceProfiles" => "instance-profile",
            "ListPolicies" => return Some(self.target(self.arn(&format!("policy{prefix}")), format!("policy path {prefix}"))),
            "ListVirtualMFADevices" => return Some(self.plain(self.arn("mfa/"))),
            "ListServerCertificates" => "server-certificate",
            "ListOpenIDConnectProviders" => return Some(self.plain(self.arn("oidc-provider/*"))),
            "ListSAMLProviders" => return Some(self.plain(self.arn("saml-provider/*"))),
            _ => return None,
        };
        Some(self.plain(self.arn(&format!("{kind}{prefix}"))))
    }

    fn plain(&self, arn: String) -> Target {
        self.target(arn.clone(), arn)
    }

    fn service_linked(&self) -> Target {
        let asked = self.asked;
        if let Some(task) = asked.param("DeletionTaskId") {
            let role = task.strip_prefix("task/").and_then(|t| t.rsplit_once('/')).map_or(task, |(role, _)| role);
            return self.plain(self.arn(&format!("role/{role}")));
        }
        let service = asked.param("AWSServiceName").unwrap_or_default();
        let name = super::service_linked::role_name(service, asked.param("CustomSuffix")).unwrap_or_else(|| "*".to_owned());
        let mut target = self.plain(self.arn(&format!("role/aws-service-role/{service}/{name}")));
        target.keys.push(("iam:AWSServiceName".to_owned(), service.to_owned()));
        target
    }

    /// Providers, devices, keys by id, and what is simulated.
    fn other(&self, world: &World) -> Target {
        let asked = self.asked;
        let account = self.account;
        for param in ["OpenIDConnectProviderArn", "SAMLProviderArn", "SerialNumber", "PolicySourceArn"] {
            let Some(arn) = asked.param(param) else { continue };
            let mut target = self.plain(arn.to_owned());
            let provider = arn.split_once(":oidc-provider/").and_then(|(_, host)| account?.providers.get(host)?.newest());
            let saml = arn.split_once(":saml-provider/").and_then(|(_, name)| account?.saml.get(name)?.newest());
            let device = account.and_then(|a| a.devices.get(arn));
            target.tags = provider.map(|p| &p.tags).or(saml.map(|p| &p.tags)).or(device.map(|d| &d.tags)).cloned().unwrap_or_default();
            return target;
        }
        let path = asked.param("Path").unwrap_or("/");
        if let Some(name) = asked.param("ServerCertificateName") {
            let held = account.and_then(|a| a.server_certificates.get(name));
            let mut target = self.plain(self.arn(&format!("server-certificate{}{name}", held.map_or(path, |h| h.path()))));
            target.tags = held.map(|h| h.tags().clone()).unwrap_or_default();
            return target;
        }
        match asked.operation.as_str() {
            "CreateOpenIDConnectProvider" => {
                self.plain(self.arn(&format!("oidc-provider/{}", asked.param("Url").unwrap_or_default().trim_start_matches("https://").trim_end_matches('/'))))
            }
            "CreateSAMLProvider" => self.plain(self.arn(&format!("saml-provider/{}", asked.param("Name").unwrap_or_default()))),
            "CreateVirtualMFADevice" => self.plain(self.arn(&format!("mfa{path}{}", asked.param("VirtualMFADeviceName").unwrap_or_default()))),
            "GetAccessKeyLastUsed" => {
                let user = asked.param("AccessKeyId").and_then(|id| world.keys.get(id)).filter(|k| k.account == self.caller.account);
                user.map_or_else(|| self.plain("*".to_owned()), |key| self.user(&key.user))
            }
            _ => self.plain("*".to_owned()),
        }
    }

    /// What else a call needs: to tag what it makes with tags, to pass the role that it hands to EC2, to have a group under another name.
    fn also(&self, first: &Target) -> Vec<Target> {
        let asked = self.asked;
        let also = |action: &str, arn: String| Target { action: action.to_owned(), spelling: arn.clone(), arn, tags: Tags::new(), keys: Vec::new() };
        let kind = asked.operation.strip_prefix("Create").or_else(|| asked.operation.strip_prefix("Upload"));
        if let Some(kind) = kind.filter(|_| !asked.tags().is_empty()) {
            let kind = if kind == "VirtualMFADevice" { "MFADevice" } else { kind };
            return vec![also(&format!("iam:Tag{kind}"), first.arn.clone())];
        }
        if let ("AddRoleToInstanceProfile", Some(name)) = (asked.operation.as_str(), asked.param("RoleName")) {
            let held = self.account.and_then(|a| newest(&a.roles, name)).map(|r| &r.held);
            let path = held.map_or("/", |h| h.path.as_str());
            let mut pass = also("iam:PassRole", self.arn(&format!("role{path}{name}")));
            pass.tags = held.map(|h| h.tags.clone()).unwrap_or_default();
            pass.keys.push(("iam:PassedToService".to_owned(), "ec2.amazonaws.com".to_owned()));
            return vec![pass];
        }
        // Whoever renames or moves a group has to be let update both, as it is and as it will be (IAM API reference, "UpdateGroup").
        if let ("UpdateGroup", Some(name)) = (asked.operation.as_str(), asked.param("GroupName")) {
            let held = self.account.and_then(|a| newest(&a.groups, name)).map_or("/", |group| group.held.path.as_str());
            let (path, name) = (asked.param("NewPath").unwrap_or(held), asked.param("NewGroupName").unwrap_or(name));
            return vec![also("iam:UpdateGroup", self.arn(&format!("group{path}{name}")))];
        }
        Vec::new()
    }
}
