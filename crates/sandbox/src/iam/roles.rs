//! Roles and instance profiles.

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::{Held, Profile, Role, World};
use crate::xml::Xml;

use super::{Iam, edit, encoded, merge_tags, rules, turn, window, write_tags};

impl Iam<'_> {
    fn max_session(&self) -> Result<Option<u32>, ApiError> {
        let Some(text) = self.asked.param("MaxSessionDuration") else { return Ok(None) };
        let seconds = text.parse::<u32>().ok().filter(|s| (3_600..=43_200).contains(s));
        seconds.map(Some).ok_or_else(|| ApiError::validation(format!("1 validation error detected: Value '{text}' at 'maxSessionDuration' failed to satisfy constraint: Member must have value between 3600 and 43200")))
    }

    fn description(&self) -> Result<Option<String>, ApiError> {
        let Some(text) = self.asked.param("Description") else { return Ok(None) };
        if text.chars().count() > 1_000 || text.chars().any(|c| !matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}')) {
            return Err(ApiError::validation(
                "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*",
            ));
        }
        Ok(Some(text.to_owned()))
    }

    pub(super) fn create_role(&mut self) -> Result<(), ApiError> {
        let name = self.name("RoleName", 64)?;
        let path = self.path()?;
        let max_session = self.max_session()?.unwrap_or(3_600);
        let description = self.description()?.unwrap_or_default();
        let mut tags = crate::world::Tags::new();
        merge_tags(&mut tags, self.asked.tags())?;
        let quota = self.world.role_quota;
        let account = self.account.clone();
        let roles = &self.world.account(&account).roles;
        if roles.get(&name.to_ascii_lowercase()).is_some_and(|r| r.newest().is_some()) {
            return Err(ApiError::exists("Role", &name));
        }
        if roles.len() >= quota {
            return Err(ApiError::limit(format!("Cannot exceed quota for RolesPerAccount: {quota}")));
        }
        let trust = rules::trust(self.world, self.asked.need("AssumeRolePolicyDocument")?)?;
        let boundary = self.boundary_param()?;
        let id = self.world.principal_id(&account, true, &name);
        let held = Held { name: name.clone(), path, id, created: iso(unix_now()), tags, boundary, ..Held::default() };
        let role = Role { held, trust, description, max_session };
        self.write_role(&role);
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        self.world.account(&account).roles.entry(name.to_ascii_lowercase()).or_default().set(Some(role), now, lag);
        Ok(())
    }

    /// A boundary must be a policy that exists.
    pub(super) fn boundary_param(&self) -> Result<Option<String>, ApiError> {
        let Some(arn) = self.asked.param("PermissionsBoundary") else { return Ok(None) };
        if crate::auth::managed_document(self.world, &self.account, arn).is_none() {
            return Err(ApiError::new(404, "NoSuchEntity", format!("Scope ARN: {arn} does not exist or is not attachable.")));
        }
        Ok(Some(arn.to_owned()))
    }

    fn write_role(&mut self, role: &Role) {
        let shown = self.world.shown(&role.trust).to_json();
        let account = self.account.clone();
        self.x.nest("Role", |x| role_fields(x, &account, role, &shown, true));
    }

    pub(super) fn role(&mut self) -> Result<Role, ApiError> {
        let name = self.asked.need("RoleName")?.to_owned();
        let now = self.now();
        let account = self.account.clone();
        let role = self.world.account(&account).roles.get(&name.to_ascii_lowercase()).and_then(|r| r.visible(now)).cloned();
        role.ok_or_else(|| ApiError::no_such("role", &name))
    }

    pub(super) fn get_role(&mut self) -> Result<(), ApiError> {
        let role = self.role()?;
        self.write_role(&role);
        Ok(())
    }

    pub(super) fn list_roles(&mut self) -> Result<(), ApiError> {
        let prefix = self.asked.param("PathPrefix").unwrap_or("/").to_owned();
        let now = self.now();
        let account = self.account.clone();
        self.world.account(&account);
        let world: &World = self.world;
        let Some(state) = world.accounts.get(&account) else { return Ok(()) };
        let roles: Vec<&Role> = state.visible_roles(now).filter(|r| r.held.path.starts_with(&prefix)).collect();
        let shown = window(self.asked, roles.len())?;
        let x = &mut self.x;
        turn(x, &shown, roles.len());
        x.members("Roles", roles.into_iter().skip(shown.start).take(shown.len()), |x, role| {
            role_fields(x, &account, role, &world.shown(&role.trust).to_json(), false);
        });
        Ok(())
    }

    pub(super) fn delete_role(&mut self) -> Result<(), ApiError> {
        let name = self.asked.need("RoleName")?.to_owned();
        let account = self.account.clone();
        let state = self.world.account(&account);
        let role = state.roles.get(&name.to_ascii_lowercase()).and_then(|r| r.newest()).cloned().ok_or_else(|| ApiError::no_such("role", &name))?;
        let conflict = |message: &str| Err(ApiError::new(409, "DeleteConflict", message));
        if state.profiles.values().any(|p| p.roles.contains(&role.held.name)) {
            return conflict("Cannot delete entity, must remove roles from instance profile first.");
        }
        if !role.held.inline.is_empty() {
            return conflict("Cannot delete entity, must delete policies first.");
        }
        if !role.held.attached.is_empty() {
            return conflict("Cannot delete entity, must detach all policies first.");
        }
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        let roles = &mut self.world.account(&account).roles;
        if let Some(slot) = roles.get_mut(&name.to_ascii_lowercase()) {
            slot.set(None, now, lag);
        }
        roles.retain(|_, r| !r.is_gone(now));
        Ok(())
    }

    /// Absent members stay as they are.
    pub(super) fn update_role(&mut self) -> Result<(), ApiError> {
        let name = self.asked.need("RoleName")?.to_owned();
        let (description, max_session) = (self.description()?, self.max_session()?);
        let mut edited = None;
        self.edit_role(&name, |role| {
            if let Some(description) = description {
                role.description = description;
            }
            if let Some(seconds) = max_session {
                role.max_session = seconds;
            }
            edited = Some(role.clone());
            Ok(())
        })?;
        if let Some(role) = edited.filter(|_| self.asked.operation == "UpdateRoleDescription") {
            self.write_role(&role);
        }
        Ok(())
    }

    pub(super) fn update_trust(&mut self) -> Result<(), ApiError> {
        let name = self.asked.need("RoleName")?.to_owned();
        let trust = rules::trust(self.world, self.asked.need("PolicyDocument")?)?;
        self.edit_role(&name, |role| {
            role.trust = trust;
            Ok(())
        })
    }

    pub(super) fn edit_role<R>(&mut self, name: &str, change: impl FnOnce(&mut Role) -> Result<R, ApiError>) -> Result<R, ApiError> {
        let clock = (self.world.now_ms, self.world.lag_ms);
        let account = self.account.clone();
        let roles = &mut self.world.account(&account).roles;
        if roles.get(&name.to_ascii_lowercase()).and_then(|r| r.newest()).is_some_and(|r| r.held.path.starts_with("/aws-service-role/")) {
            return Err(ApiError::new(
                400,
                "UnmodifiableEntity",
                format!("Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"),
            ));
        }
        edit(roles, clock, "role", name, change)
    }

    pub(super) fn profiles(&mut self) -> Result<(), ApiError> {
        let account = self.account.clone();
        if self.asked.operation == "ListInstanceProfilesForRole" {
            let role = self.role()?.held.name;
            let profiles: Vec<Profile> = self.world.account(&account).profiles.values().filter(|p| p.roles.contains(&role)).cloned().collect();
            let page = self.page(profiles)?;
            self.x.members("InstanceProfiles", &page, |x, p| profile_fields(x, &account, p));
            return Ok(());
        }
        let name = self.name("InstanceProfileName", 128)?;
        let key = name.to_ascii_lowercase();
        if self.asked.operation == "CreateInstanceProfile" {
            let profile = Profile { name: name.clone(), id: self.world.fresh_id("AIPA"), created: iso(unix_now()), roles: std::collections::BTreeSet::new() };
            if self.world.account(&account).profiles.contains_key(&key) {
                return Err(ApiError::exists("Instance Profile", &name));
            }
            self.x.nest("InstanceProfile", |x| profile_fields(x, &account, &profile));
            self.world.account(&account).profiles.insert(key, profile);
            return Ok(());
        }
        let role = if self.asked.operation.contains("Role") { Some(self.role()?.held.name) } else { None };
        let missing = || ApiError::new(404, "NoSuchEntity", format!("Instance Profile {name} cannot be found."));
        let profile = self.world.account(&account).profiles.get_mut(&key).ok_or_else(missing)?;
        match (self.asked.operation.as_str(), role) {
            ("AddRoleToInstanceProfile", Some(_)) if !profile.roles.is_empty() => {
                return Err(ApiError::limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
            }
            ("AddRoleToInstanceProfile", Some(role)) => {
                profile.roles.insert(role);
            }
            ("RemoveRoleFromInstanceProfile", Some(role)) => {
                if !profile.roles.remove(&role) {
                    return Err(ApiError::no_such("role", &role));
                }
            }
            ("GetInstanceProfile", _) => {
                let profile = profile.clone();
                self.x.nest("InstanceProfile", |x| profile_fields(x, &account, &profile));
            }
            _ if profile.roles.is_empty() => {
                self.world.account(&account).profiles.remove(&key);
            }
            _ => return Err(ApiError::new(409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")),
        }
        Ok(())
    }
}

fn profile_fields(x: &mut Xml, account: &str, profile: &Profile) {
    let Profile { name, id, created, roles: _ } = profile;
    x.text("Path", "/")
        .text("InstanceProfileName", name)
        .text("InstanceProfileId", id)
        .text("Arn", &format!("arn:aws:iam::{account}:instance-profile/{name}"))
        .text("CreateDate", created);
    x.nest("Roles", |_| {});
}

/// `whole`: what GetRole has and ListRoles leaves out.
fn role_fields(x: &mut Xml, account: &str, role: &Role, trust: &str, whole: bool) {
    let held = &role.held;
    x.text("Path", &held.path).text("RoleName", &held.name).text("RoleId", &held.id);
    x.text("Arn", &format!("arn:aws:iam::{account}:role{}{}", held.path, held.name)).text("CreateDate", &held.created);
    x.text("AssumeRolePolicyDocument", &encoded(trust));
    if !role.description.is_empty() {
        x.text("Description", &role.description);
    }
    x.text("MaxSessionDuration", &role.max_session.to_string());
    if whole {
        boundary_field(x, held);
        write_tags(x, &held.tags);
        x.nest("RoleLastUsed", |_| {});
    }
}

pub(super) fn boundary_field(x: &mut Xml, held: &Held) {
    if let Some(arn) = &held.boundary {
        x.nest("PermissionsBoundary", |x| {
            x.text("PermissionsBoundaryType", "Policy").text("PermissionsBoundaryArn", arn);
        });
    }
}
