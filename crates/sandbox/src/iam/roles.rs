//! Roles.

use crate::auth::{iso, unix_now};
use crate::constraint::{Constraints, integer};
use crate::error::ApiError;
use crate::query::Service;
use crate::world::{Held, Role, World};
use crate::xml::Xml;

use super::{Iam, edit, encoded, maybe_tags, merge_tags, rules, turn, window};

impl Iam<'_> {
    fn max_session(&self) -> Result<Option<u32>, ApiError> {
        let Some(text) = self.asked.param("MaxSessionDuration") else { return Ok(None) };
        let seconds = integer(text)?;
        let mut constraints = Constraints::of(Service::Iam);
        constraints.number("maxSessionDuration", seconds, 3_600, 43_200);
        constraints.check()?;
        Ok(Some(seconds.unsigned_abs()))
    }

    fn description(&self) -> Result<Option<String>, ApiError> {
        let Some(text) = self.asked.param("Description") else { return Ok(None) };
        let mut constraints = Constraints::of(Service::Iam);
        constraints.length("description", text, 0, 1_000);
        constraints.pattern(
            "description",
            text,
            "[\\u0009\\u000A\\u000D\\u0020-\\u007E\\u00A1-\\u00FF]*",
            |c| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}'),
        );
        constraints.check()?;
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
        let sent = self.asked.need("AssumeRolePolicyDocument")?.to_owned();
        let trust = rules::trust(self.world, "assumeRolePolicyDocument", &sent)?;
        let boundary = self.boundary_param()?;
        let id = self.world.principal_id(&account, true, &name);
        let held = Held { name: name.clone(), path, id, created: iso(unix_now()), tags, boundary, ..Held::default() };
        let role = Role { held, trust, description, max_session };
        // What was sent is echoed, as it was sent.
        self.x.nest("Role", |x| role_fields(x, &account, &role, &sent, &Shown::Made));
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        self.world.account(&account).roles.entry(name.to_ascii_lowercase()).or_default().set(Some(role), now, lag);
        Ok(())
    }

    /// A boundary must be a policy that exists.
    pub(super) fn boundary_param(&self) -> Result<Option<String>, ApiError> {
        let Some(arn) = self.asked.param("PermissionsBoundary") else { return Ok(None) };
        if crate::managed::is_aws(arn) {
            super::attachable(arn)?;
        }
        if crate::auth::managed_document(self.world, &self.account, arn).is_none() {
            return Err(ApiError::new(404, "NoSuchEntity", format!("Scope ARN: {arn} does not exist or is not attachable.")));
        }
        Ok(Some(arn.to_owned()))
    }

    fn write_role(&mut self, role: &Role) {
        let trust = self.world.shown(&role.trust).to_json();
        let account = self.account.clone();
        let used = self.state().last_used.get(&role.held.id).cloned();
        self.x.nest("Role", |x| role_fields(x, &account, role, &trust, &Shown::Whole(used)));
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
            role_fields(x, &account, role, &world.shown(&role.trust).to_json(), &Shown::Listed);
        });
        Ok(())
    }

    pub(super) fn delete_role(&mut self) -> Result<(), ApiError> {
        let name = self.asked.need("RoleName")?.to_owned();
        let account = self.account.clone();
        let state = self.world.account(&account);
        let role = state.roles.get(&name.to_ascii_lowercase()).and_then(|r| r.newest()).cloned().ok_or_else(|| ApiError::no_such("role", &name))?;
        protect(&role.held)?;
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
        let trust = rules::trust(self.world, "policyDocument", self.asked.need("PolicyDocument")?)?;
        self.edit_role(&name, |role| {
            role.trust = trust;
            Ok(())
        })
    }

    pub(super) fn edit_role<R>(&mut self, name: &str, change: impl FnOnce(&mut Role) -> Result<R, ApiError>) -> Result<R, ApiError> {
        let clock = (self.world.now_ms, self.world.lag_ms);
        let account = self.account.clone();
        let roles = &mut self.world.account(&account).roles;
        if let Some(role) = roles.get(&name.to_ascii_lowercase()).and_then(|r| r.newest()) {
            protect(&role.held)?;
        }
        edit(roles, clock, "role", name, change)
    }
}

/// Roles of services are changed by their services alone.
fn protect(held: &Held) -> Result<(), ApiError> {
    if !held.path.starts_with("/aws-service-role/") {
        return Ok(());
    }
    let message = format!("Cannot perform the operation on the protected role '{}' - this role is only modifiable by AWS", held.name);
    Err(ApiError::new(400, "UnmodifiableEntity", message))
}

/// How much of a role an answer has (LocalStack, test_iam.py::test_create_describe_role, 2025-03-06).
pub(super) enum Shown {
    /// CreateRole: no duration.
    Made,
    /// GetRole: all of it, with its last use in unix seconds and a region.
    Whole(Option<(i64, String)>),
    /// Lists: no tags, boundary or last use.
    Listed,
}

pub(super) fn role_fields(x: &mut Xml, account: &str, role: &Role, trust: &str, shown: &Shown) {
    let held = &role.held;
    x.text("Path", &held.path).text("RoleName", &held.name).text("RoleId", &held.id);
    x.text("Arn", &format!("arn:aws:iam::{account}:role{}{}", held.path, held.name)).text("CreateDate", &held.created);
    x.text("AssumeRolePolicyDocument", &encoded(trust));
    if !role.description.is_empty() {
        x.text("Description", &role.description);
    }
    if !matches!(shown, Shown::Made) {
        x.text("MaxSessionDuration", &role.max_session.to_string());
    }
    if !matches!(shown, Shown::Listed) {
        boundary_field(x, held);
        maybe_tags(x, &held.tags);
    }
    if let Shown::Whole(used) = shown {
        x.nest("RoleLastUsed", |x| {
            if let Some((at, region)) = used {
                x.text("LastUsedDate", &iso(*at)).text("Region", region);
            }
        });
    }
}

pub(super) fn boundary_field(x: &mut Xml, held: &Held) {
    if let Some(arn) = &held.boundary {
        x.nest("PermissionsBoundary", |x| {
            x.text("PermissionsBoundaryType", "Policy").text("PermissionsBoundaryArn", arn);
        });
    }
}
