//! Customer managed policies.

use std::collections::BTreeMap;

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::Policy;
use crate::xml::Xml;

use super::{Iam, edit, encoded, merge_tags, rules, write_tags};

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
            created,
            tags,
        };
        self.x.nest("Policy", |x| {
            policy_fields(x, &policy, 0);
            write_tags(x, &policy.tags);
        });
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        self.world.account(&account).policies.entry(name.to_ascii_lowercase()).or_default().set(Some(policy), now, lag);
        Ok(())
    }

    fn document(&self) -> Result<String, ApiError> {
        let text = self.asked.need("PolicyDocument")?;
        rules::identity(text)?;
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
        if let Some(document) = crate::managed::document(&arn) {
            let name = arn.rsplit('/').next().unwrap_or_default().to_owned();
            let versions = BTreeMap::from([(1, (document.to_json(), iso(0)))]);
            return Ok(Policy {
                name,
                path: "/".to_owned(),
                id: "ANPASANDBOXAWSMANAGED".to_owned(),
                arn,
                description: String::new(),
                created: iso(0),
                tags: BTreeMap::new(),
                versions,
                default: 1,
                next: 2,
            });
        }
        let now = self.now();
        let account = self.account.clone();
        let policy = self.world.account(&account).policies.get(&name).and_then(|p| p.visible(now)).filter(|p| p.arn == arn).cloned();
        policy.ok_or_else(|| self.missing())
    }

    fn edit_policy<R>(&mut self, change: impl FnOnce(&mut Policy) -> Result<R, ApiError>) -> Result<R, ApiError> {
        let name = self.policy_name()?;
        let clock = (self.world.now_ms, self.world.lag_ms);
        let account = self.account.clone();
        edit(&mut self.world.account(&account).policies, clock, "policy", &name, change)
    }

    /// How many principals it is attached to, and how many it bounds.
    fn uses(&mut self, arn: &str) -> (usize, usize) {
        let account = self.account.clone();
        let state = self.world.account(&account);
        let roles = state.roles.values().filter_map(|r| r.newest()).map(|r| &r.held);
        let users = state.users.values().filter_map(|u| u.newest()).map(|u| &u.held);
        let groups = state.groups.values().filter_map(|g| g.newest()).map(|g| &g.held);
        roles
            .chain(users)
            .chain(groups)
            .fold((0, 0), |(a, b), held| (a + usize::from(held.attached.contains(arn)), b + usize::from(held.boundary.as_deref() == Some(arn))))
    }

    pub(super) fn get_policy(&mut self) -> Result<(), ApiError> {
        let policy = self.policy()?;
        let (attached, _) = self.uses(&policy.arn.clone());
        self.x.nest("Policy", |x| {
            policy_fields(x, &policy, attached);
            x.maybe("Description", Some(policy.description.as_str()).filter(|d| !d.is_empty()));
            write_tags(x, &policy.tags);
        });
        Ok(())
    }

    pub(super) fn list_policies(&mut self) -> Result<(), ApiError> {
        let account = self.account.clone();
        let now = self.now();
        let policies: Vec<Policy> = self.world.account(&account).policies.values().filter_map(|p| p.visible(now)).cloned().collect();
        let page = self.page(policies)?;
        self.x.members("Policies", &page, |x, policy| policy_fields(x, policy, 0));
        Ok(())
    }

    pub(super) fn delete_policy(&mut self) -> Result<(), ApiError> {
        let policy = self.policy()?;
        let conflict = |message: &str| Err(ApiError::new(409, "DeleteConflict", message));
        if self.uses(&policy.arn) != (0, 0) {
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
        text.strip_prefix('v').and_then(|n| n.parse().ok()).ok_or_else(|| ApiError::validation(format!("1 validation error detected: Value '{text}' at 'versionId' failed to satisfy constraint: Member must satisfy regular expression pattern: v[1-9][0-9]*(\\.[A-Za-z0-9-]*)?")))
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
        match self.asked.operation.as_str() {
            "TagPolicy" => {
                let tags = self.asked.tags();
                self.edit_policy(|policy| merge_tags(&mut policy.tags, tags))
            }
            "UntagPolicy" => {
                let keys = self.asked.list("TagKeys");
                self.edit_policy(|policy| {
                    policy.tags.retain(|k, _| !keys.contains(k));
                    Ok(())
                })
            }
            _ => {
                let policy = self.policy()?;
                let page = self.page(policy.tags.into_iter().collect::<Vec<_>>())?;
                write_tags(&mut self.x, &page.into_iter().collect());
                Ok(())
            }
        }
    }

    pub(super) fn entities(&mut self) -> Result<(), ApiError> {
        let arn = self.policy()?.arn;
        let account = self.account.clone();
        let now = self.now();
        let state = self.world.account(&account);
        let roles: Vec<String> = state.visible_roles(now).filter(|r| r.held.attached.contains(&arn)).map(|r| r.held.name.clone()).collect();
        let users: Vec<String> = state.visible_users(now).filter(|u| u.held.attached.contains(&arn)).map(|u| u.held.name.clone()).collect();
        let groups: Vec<String> =
            state.groups.values().filter_map(|g| g.visible(now)).filter(|g| g.held.attached.contains(&arn)).map(|g| g.held.name.clone()).collect();
        for (list, field, names) in [("PolicyRoles", "RoleName", roles), ("PolicyUsers", "UserName", users), ("PolicyGroups", "GroupName", groups)] {
            self.x.members(list, &names, |x, name| {
                x.text(field, name);
            });
        }
        self.x.text("IsTruncated", "false");
        Ok(())
    }
}

pub(super) fn policy_fields(x: &mut Xml, policy: &Policy, attached: usize) {
    x.text("PolicyName", &policy.name).text("PolicyId", &policy.id).text("Arn", &policy.arn).text("Path", &policy.path);
    x.text("DefaultVersionId", &format!("v{}", policy.default)).text("AttachmentCount", &attached.to_string()).text("PermissionsBoundaryUsageCount", "0");
    x.text("IsAttachable", "true").text("CreateDate", &policy.created).text("UpdateDate", &policy.created);
}
