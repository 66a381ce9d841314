//! Instance profiles.

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::{Account, Profile, World};
use crate::xml::Xml;

use super::roles::{Shown, role_fields};
use super::{Iam, maybe_tags, merge_tags};

impl Iam<'_> {
    pub(super) fn create_profile(&mut self) -> Result<(), ApiError> {
        let name = self.name("InstanceProfileName", 128)?;
        let path = self.path()?;
        let mut tags = crate::world::Tags::new();
        merge_tags(&mut tags, self.asked.tags())?;
        if self.state().profiles.contains_key(&name.to_ascii_lowercase()) {
            return Err(ApiError::exists("Instance Profile", &name));
        }
        let id = self.world.fresh_id("AIPA");
        let profile = Profile { name: name.clone(), path, tags, id, created: iso(unix_now()), roles: std::collections::BTreeSet::new() };
        self.write_profile(&profile);
        self.state().profiles.insert(name.to_ascii_lowercase(), profile);
        Ok(())
    }

    fn write_profile(&mut self, profile: &Profile) {
        let account = self.account.clone();
        let world: &World = self.world;
        let state = world.accounts.get(&account);
        self.x.nest("InstanceProfile", |x| {
            profile_fields(x, world, state, &account, profile);
            maybe_tags(x, &profile.tags);
        });
    }

    fn profile(&mut self) -> Result<Profile, ApiError> {
        let name = self.name("InstanceProfileName", 128)?;
        let profile = self.state().profiles.get(&name.to_ascii_lowercase()).cloned();
        profile.ok_or_else(|| ApiError::new(404, "NoSuchEntity", format!("Instance Profile {name} cannot be found.")))
    }

    /// Writes a profile back.
    fn keep_profile(&mut self, profile: Profile) {
        self.state().profiles.insert(profile.name.to_ascii_lowercase(), profile);
    }

    pub(super) fn get_profile(&mut self) -> Result<(), ApiError> {
        let profile = self.profile()?;
        self.write_profile(&profile);
        Ok(())
    }

    pub(super) fn delete_profile(&mut self) -> Result<(), ApiError> {
        let profile = self.profile()?;
        if !profile.roles.is_empty() {
            return Err(ApiError::new(409, "DeleteConflict", "Cannot delete entity, must remove roles from instance profile first."));
        }
        self.state().profiles.remove(&profile.name.to_ascii_lowercase());
        Ok(())
    }

    pub(super) fn profile_role(&mut self) -> Result<(), ApiError> {
        let mut profile = self.profile()?;
        let role = self.role()?.held.name;
        if self.asked.operation == "AddRoleToInstanceProfile" {
            if !profile.roles.is_empty() {
                return Err(ApiError::limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
            }
            profile.roles.insert(role);
        } else if !profile.roles.remove(&role) {
            return Err(ApiError::no_such("role", &role));
        }
        self.keep_profile(profile);
        Ok(())
    }

    pub(super) fn list_profiles(&mut self) -> Result<(), ApiError> {
        let role = if self.asked.operation == "ListInstanceProfilesForRole" { Some(self.role()?.held.name) } else { None };
        let prefix = self.asked.param("PathPrefix").unwrap_or("/");
        let wanted = |p: &&Profile| p.path.starts_with(prefix) && role.as_ref().is_none_or(|role| p.roles.contains(role));
        let account = self.account.clone();
        let profiles: Vec<Profile> = self.world.account(&account).profiles.values().filter(wanted).cloned().collect();
        let page = self.page(profiles)?;
        let world: &World = self.world;
        let state = world.accounts.get(&account);
        self.x.members("InstanceProfiles", &page, |x, p| profile_fields(x, world, state, &account, p));
        Ok(())
    }

    pub(super) fn profile_tags(&mut self) -> Result<(), ApiError> {
        let mut profile = self.profile()?;
        match Self::change_tags(self.asked, &mut profile.tags) {
            None => self.tag_page(profile.tags),
            Some(changed) => changed.map(|()| self.keep_profile(profile)),
        }
    }
}

/// A profile with its roles.
pub(super) fn profile_fields(x: &mut Xml, world: &World, state: Option<&Account>, account: &str, profile: &Profile) {
    let Profile { name, path, id, created, roles, tags: _ } = profile;
    x.text("Path", path)
        .text("InstanceProfileName", name)
        .text("InstanceProfileId", id)
        .text("Arn", &format!("arn:aws:iam::{account}:instance-profile{path}{name}"))
        .text("CreateDate", created);
    let roles = roles.iter().filter_map(|role| state?.roles.get(&role.to_ascii_lowercase())?.newest());
    x.members("Roles", roles, |x, role| role_fields(x, account, role, &world.shown(&role.trust).to_json(), &Shown::Listed));
}
