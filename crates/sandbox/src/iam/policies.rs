//! Managed policies: the account's own, and AWS's.

use std::collections::BTreeMap;

use crate::auth::{iso, unix_now};
use crate::constraint::broken;
use crate::error::ApiError;
use crate::managed::{self, AwsPolicy};
use crate::query::Service;
use crate::world::{Held, Policy};
use crate::xml::Xml;

use super::{Iam, edit, encoded, maybe_tags, merge_tags, rules, write_tags};

/// Versions kept of one policy.
const VERSIONS: usize = 5;

impl Iam<'_> {
    pub(super) fn create_policy(&mut self) -> Result<(), ApiError> {
        let name = self.name("PolicyName", 128)?;
        let path = self.path()?;
        let text = self.document()?;
        let mut tags = crate::world::Tags::new();
        merge_tags(&mut tags, self.asked.tags())?;
        let account = self.account.clone();
        if self.world.account(&account).policies.get(&name.to_ascii_lowercase()).is_some_and(|p| p.newest().is_some()) {
            return Err(ApiError::new(409, "EntityAlreadyExists", format!("A policy called {name} already exists. Duplicate names are not allowed.")));
        }
        let created = iso(unix_now());
        let policy = Policy {
            arn: format!("arn:aws:iam::{account}:policy{path}{name}"),
            id: self.world.fresh_id("ANPA"),
            description: self.asked.param("Description").unwrap_or_default().to_owned(),
            versions: BTreeMap::from([(1, (text, created.clone()))]),
            default: 1,
            next: 2,
            name: name.clone(),
            path,
            updated: created.clone(),
            created,
            tags,
        };
        self.x.nest("Policy", |x| {
            policy_fields(x, &policy, (0, 0));
            maybe_tags(x, &policy.tags);
        });
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        self.world.account(&account).policies.entry(name.to_ascii_lowercase()).or_default().set(Some(policy), now, lag);
        Ok(())
    }

    fn document(&self) -> Result<String, ApiError> {
        let text = self.asked.need("PolicyDocument")?;
        rules::identity(text, true)?;
        if text.chars().filter(|c| !c.is_whitespace()).count() > 6_144 {
            return Err(ApiError::limit("Cannot exceed quota for PolicySize: 6144"));
        }
        Ok(text.to_owned())
    }

    fn policy_name(&self) -> Result<String, ApiError> {
        let arn = self.asked.need("PolicyArn")?;
        if crossrole_policy::Arn::parse(arn).is_none() {
            return Err(ApiError::validation(format!("ARN {arn} is not valid.")));
        }
        Ok(arn.rsplit('/').next().unwrap_or_default().to_ascii_lowercase())
    }

    fn missing(&self) -> ApiError {
        ApiError::new(404, "NoSuchEntity", format!("Policy {} was not found.", self.asked.param("PolicyArn").unwrap_or_default()))
    }

    pub(super) fn policy(&mut self) -> Result<Policy, ApiError> {
        let name = self.policy_name()?;
        let arn = self.asked.need("PolicyArn")?.to_owned();
        if let Some(policy) = managed::find(&arn) {
            return Ok(of_aws(policy));
        }
        let now = self.now();
        let account = self.account.clone();
        let policy = self.world.account(&account).policies.get(&name).and_then(|p| p.visible(now)).filter(|p| p.arn == arn).cloned();
        policy.ok_or_else(|| self.missing())
    }

    fn edit_policy<R>(&mut self, change: impl FnOnce(&mut Policy) -> Result<R, ApiError>) -> Result<R, ApiError> {
        let policy = self.policy()?;
        own(&policy.arn)?;
        let clock = self.clock();
        edit(&mut self.state().policies, clock, "policy", &policy.name, change)
    }

    /// How many principals each policy is attached to, and how many it bounds.
    pub(super) fn uses(&self) -> BTreeMap<String, (usize, usize)> {
        let mut uses: BTreeMap<String, (usize, usize)> = BTreeMap::new();
        let Some(state) = self.world.accounts.get(&self.account) else { return uses };
        let roles = state.roles.values().filter_map(|r| r.newest()).map(|r| &r.held);
        let users = state.users.values().filter_map(|u| u.newest()).map(|u| &u.held);
        let groups = state.groups.values().filter_map(|g| g.newest()).map(|g| &g.held);
        for held in roles.chain(users).chain(groups) {
            for arn in &held.attached {
                uses.entry(arn.clone()).or_default().0 += 1;
            }
            if let Some(arn) = &held.boundary {
                uses.entry(arn.clone()).or_default().1 += 1;
            }
        }
        uses
    }

    pub(super) fn get_policy(&mut self) -> Result<(), ApiError> {
        let policy = self.policy()?;
        let uses = self.uses().get(&policy.arn).copied().unwrap_or_default();
        self.x.nest("Policy", |x| {
            policy_fields(x, &policy, uses);
            x.maybe("Description", Some(policy.description.as_str()).filter(|d| !d.is_empty()));
            write_tags(x, &policy.tags);
        });
        Ok(())
    }

    pub(super) fn list_policies(&mut self) -> Result<(), ApiError> {
        let asked = self.asked;
        let one_of = |param: &str, field: &str, values: &[&str]| match asked.param(param) {
            Some(value) if !values.contains(&value) => {
                Err(broken(Service::Iam, field, None, &format!("Member must satisfy enum value set: [{}]", values.join(", "))))
            }
            value => Ok(value),
        };
        let scope = one_of("Scope", "scope", &["All", "AWS", "Local"])?.unwrap_or("All");
        let usage = one_of("PolicyUsageFilter", "policyUsageFilter", &["PermissionsPolicy", "PermissionsBoundary"])?;
        let prefix = asked.param("PathPrefix").unwrap_or("/");
        let only_attached = asked.param("OnlyAttached").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let uses = self.uses();
        let of = |arn: &str| uses.get(arn).copied().unwrap_or_default();
        let wanted = |policy: &Policy| {
            let (attached, bounding) = of(&policy.arn);
            let used = match usage {
                Some("PermissionsPolicy") => attached > 0,
                Some(_) => bounding > 0,
                None => true,
            };
            policy.path.starts_with(prefix) && used && (!only_attached || attached + bounding > 0)
        };
        let now = self.now();
        let local = self.state().policies.values().filter_map(|p| p.visible(now)).filter(|_| scope != "AWS").cloned();
        let mut policies: Vec<Policy> = local.filter(wanted).collect();
        policies.extend(managed::all().filter(|_| scope != "Local").map(of_aws).filter(wanted));
        let page = self.page(policies)?;
        self.x.members("Policies", &page, |x, policy| policy_fields(x, policy, of(&policy.arn)));
        Ok(())
    }

    pub(super) fn delete_policy(&mut self) -> Result<(), ApiError> {
        let policy = self.policy()?;
        own(&policy.arn)?;
        let conflict = |message: &str| Err(ApiError::new(409, "DeleteConflict", message));
        if self.uses().contains_key(&policy.arn) {
            return conflict("Cannot delete a policy attached to entities.");
        }
        if policy.versions.len() > 1 {
            return conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
            );
        }
        let account = self.account.clone();
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        let policies = &mut self.world.account(&account).policies;
        if let Some(slot) = policies.get_mut(&policy.name.to_ascii_lowercase()) {
            slot.set(None, now, lag);
        }
        policies.retain(|_, p| !p.is_gone(now));
        Ok(())
    }

    fn version(&self) -> Result<u32, ApiError> {
        let text = self.asked.need("VersionId")?;
        text.strip_prefix('v')
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| broken(Service::Iam, "versionId", None, "Member must satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?"))
    }

    pub(super) fn change_version(&mut self) -> Result<(), ApiError> {
        let none = |n: u32| ApiError::new(404, "NoSuchEntity", format!("Policy version v{n} does not exist."));
        match self.asked.operation.as_str() {
            "CreatePolicyVersion" => {
                let text = self.document()?;
                let default = self.asked.param("SetAsDefault") == Some("true");
                let number = self.edit_policy(|policy| {
                    if policy.versions.len() >= VERSIONS {
                        return Err(ApiError::limit(
                            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
                        ));
                    }
                    let number = policy.next;
                    policy.next += 1;
                    policy.versions.insert(number, (text, iso(unix_now())));
                    if default {
                        policy.default = number;
                        policy.updated = iso(unix_now());
                    }
                    Ok(number)
                })?;
                self.x.nest("PolicyVersion", |x| {
                    x.text("VersionId", &format!("v{number}")).text("IsDefaultVersion", &default.to_string()).text("CreateDate", &iso(unix_now()));
                });
                Ok(())
            }
            "SetDefaultPolicyVersion" => {
                let number = self.version()?;
                self.edit_policy(|policy| {
                    policy.versions.get(&number).ok_or_else(|| none(number))?;
                    policy.default = number;
                    policy.updated = iso(unix_now());
                    Ok(())
                })
            }
            _ => {
                let number = self.version()?;
                self.edit_policy(|policy| {
                    if policy.default == number {
                        return Err(ApiError::new(409, "DeleteConflict", "Cannot delete the default version of a policy."));
                    }
                    policy.versions.remove(&number).map(|_| ()).ok_or_else(|| none(number))
                })
            }
        }
    }

    pub(super) fn get_version(&mut self) -> Result<(), ApiError> {
        let policy = self.policy()?;
        let number = self.version()?;
        let (text, created) = policy
            .versions
            .get(&number)
            .ok_or_else(|| ApiError::new(404, "NoSuchEntity", format!("Policy {} version v{number} does not exist or is not attachable.", policy.arn)))?;
        if text.is_empty() {
            let message = format!("the sandbox knows {} by name and has not its document", policy.arn);
            return Err(ApiError::new(501, "NotImplemented", message));
        }
        self.x.nest("PolicyVersion", |x| {
            x.text("Document", &encoded(text))
                .text("VersionId", &format!("v{number}"))
                .text("IsDefaultVersion", &(policy.default == number).to_string())
                .text("CreateDate", created);
        });
        Ok(())
    }

    pub(super) fn list_versions(&mut self) -> Result<(), ApiError> {
        let policy = self.policy()?;
        let page = self.page(policy.versions.into_iter().rev().collect::<Vec<_>>())?;
        self.x.members("Versions", &page, |x, (number, (_, created))| {
            x.text("VersionId", &format!("v{number}")).text("IsDefaultVersion", &(policy.default == *number).to_string()).text("CreateDate", created);
        });
        Ok(())
    }

    pub(super) fn policy_tags(&mut self) -> Result<(), ApiError> {
        let asked = self.asked;
        if asked.operation == "ListPolicyTags" {
            let tags = self.policy()?.tags;
            return self.tag_page(tags);
        }
        self.edit_policy(|policy| Self::change_tags(asked, &mut policy.tags).unwrap_or(Ok(())))
    }

    /// Who holds it, or is bounded by it.
    pub(super) fn entities(&mut self) -> Result<(), ApiError> {
        let asked = self.asked;
        let arn = self.policy()?.arn;
        let prefix = asked.param("PathPrefix").unwrap_or("/").to_owned();
        let filter = asked.param("EntityFilter").unwrap_or("All").to_owned();
        let usage = asked.param("PolicyUsageFilter").unwrap_or_default().to_owned();
        let now = self.now();
        let holds = |held: &Held| {
            let attached = held.attached.contains(&arn) && usage != "PermissionsBoundary";
            let bounded = held.boundary.as_deref() == Some(arn.as_str()) && usage != "PermissionsPolicy";
            held.path.starts_with(&prefix) && (attached || bounded)
        };
        let named = |held: &Held| (held.name.clone(), held.id.clone());
        let state = self.state();
        let roles: Vec<_> = state.visible_roles(now).filter(|r| holds(&r.held)).map(|r| named(&r.held)).collect();
        let users: Vec<_> = state.visible_users(now).filter(|u| holds(&u.held)).map(|u| named(&u.held)).collect();
        let groups: Vec<_> = state.groups.values().filter_map(|g| g.visible(now)).filter(|g| holds(&g.held)).map(|g| named(&g.held)).collect();
        let kinds = [("PolicyGroups", "Group", groups), ("PolicyUsers", "User", users), ("PolicyRoles", "Role", roles)];
        let all: Vec<(&str, &str, (String, String))> = kinds
            .into_iter()
            .filter(|(_, kind, _)| filter == "All" || filter == *kind)
            .flat_map(|(list, kind, names)| names.into_iter().map(move |name| (list, kind, name)))
            .collect();
        let page = self.page(all)?;
        for list in ["PolicyGroups", "PolicyUsers", "PolicyRoles"] {
            self.x.members(list, page.iter().filter(|(l, _, _)| *l == list), |x, (_, kind, (name, id))| {
                x.text(&format!("{kind}Name"), name).text(&format!("{kind}Id"), id);
            });
        }
        Ok(())
    }
}

/// AWS's own are read, and not changed.
fn own(arn: &str) -> Result<(), ApiError> {
    if managed::is_aws(arn) { Err(ApiError::new(403, "AccessDenied", format!("Policy is outside your own account: {arn}"))) } else { Ok(()) }
}

/// One of AWS's as if it were of the account; a document that is not here is empty.
pub(super) fn of_aws(policy: &AwsPolicy) -> Policy {
    Policy {
        name: policy.name().to_owned(),
        path: policy.path().to_owned(),
        id: policy.id(),
        arn: policy.arn(),
        description: String::new(),
        created: policy.created(),
        updated: policy.updated(),
        tags: BTreeMap::new(),
        versions: BTreeMap::from([(policy.version, (policy.text().unwrap_or_default().to_owned(), policy.updated()))]),
        default: policy.version,
        next: policy.version + 1,
    }
}

/// `uses`: principals that it is attached to, and that it bounds.
pub(super) fn policy_fields(x: &mut Xml, policy: &Policy, (attached, bounding): (usize, usize)) {
    let updated = if policy.updated.is_empty() { &policy.created } else { &policy.updated };
    x.text("PolicyName", &policy.name).text("PolicyId", &policy.id).text("Arn", &policy.arn).text("Path", &policy.path);
    x.text("DefaultVersionId", &format!("v{}", policy.default)).text("AttachmentCount", &attached.to_string());
    x.text("PermissionsBoundaryUsageCount", &bounding.to_string());
    x.text("IsAttachable", "true").text("CreateDate", &policy.created).text("UpdateDate", updated);
}
