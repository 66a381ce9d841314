//! Users.

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::{Held, User};
use crate::xml::Xml;

use super::roles::boundary_field;
use super::{Iam, edit, maybe_tags, merge_tags};

impl Iam<'_> {
    /// The user of the request: the one named, or the caller.
    pub(super) fn user(&mut self) -> Result<User, ApiError> {
        let name = match (self.asked.param("UserName"), &self.caller.user) {
            (Some(name), _) => name.to_owned(),
            (None, Some(own)) => own.clone(),
            (None, None) => return Err(ApiError::validation("Must specify userName when calling with non-User credentials")),
        };
        let now = self.now();
        let account = self.account.clone();
        let user = self.world.account(&account).users.get(&name.to_ascii_lowercase()).and_then(|u| u.visible(now)).cloned();
        user.ok_or_else(|| ApiError::no_such("user", &name))
    }

    pub(super) fn create_user(&mut self) -> Result<(), ApiError> {
        let name = self.name("UserName", 64)?;
        let path = self.path()?;
        let mut tags = crate::world::Tags::new();
        merge_tags(&mut tags, self.asked.tags())?;
        let account = self.account.clone();
        if self.world.account(&account).users.get(&name.to_ascii_lowercase()).is_some_and(|u| u.newest().is_some()) {
            return Err(ApiError::exists("User", &name));
        }
        let boundary = self.boundary_param()?;
        let id = self.world.principal_id(&account, false, &name);
        let user = User { held: Held { name: name.clone(), path, id, created: iso(unix_now()), tags, boundary, ..Held::default() }, ..User::default() };
        self.x.nest("User", |x| user_fields(x, &account, &user, true));
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        self.world.account(&account).users.entry(name.to_ascii_lowercase()).or_default().set(Some(user), now, lag);
        Ok(())
    }

    pub(super) fn get_user(&mut self) -> Result<(), ApiError> {
        let account = self.account.clone();
        if self.caller.root && self.asked.param("UserName").is_none() {
            self.x.nest("User", |x| {
                x.text("Path", "/")
                    .text("UserName", "root")
                    .text("UserId", &account)
                    .text("Arn", &format!("arn:aws:iam::{account}:root"))
                    .text("CreateDate", &iso(0));
            });
            return Ok(());
        }
        let user = self.user()?;
        self.x.nest("User", |x| user_fields(x, &account, &user, true));
        Ok(())
    }

    pub(super) fn list_users(&mut self) -> Result<(), ApiError> {
        let prefix = self.asked.param("PathPrefix").unwrap_or("/").to_owned();
        let now = self.now();
        let account = self.account.clone();
        let users: Vec<User> = self.world.account(&account).visible_users(now).filter(|u| u.held.path.starts_with(&prefix)).cloned().collect();
        let page = self.page(users)?;
        self.x.members("Users", &page, |x, user| user_fields(x, &account, user, false));
        Ok(())
    }

    pub(super) fn delete_user(&mut self) -> Result<(), ApiError> {
        let user = self.user()?;
        let account = self.account.clone();
        let conflict = |message: &str| Err(ApiError::new(409, "DeleteConflict", message));
        if !user.groups.is_empty() {
            return conflict("Cannot delete entity, must remove users from group first.");
        }
        if !user.held.inline.is_empty() {
            return conflict("Cannot delete entity, must delete policies first.");
        }
        if !user.held.attached.is_empty() {
            return conflict("Cannot delete entity, must detach all policies first.");
        }
        if self.world.keys.values().any(|k| k.account == account && k.user == user.held.name) {
            return conflict("Cannot delete entity, must delete access keys first.");
        }
        let key = user.held.name.to_ascii_lowercase();
        if self.state().logins.contains_key(&key) {
            return conflict("Cannot delete entity, must delete login profile first.");
        }
        if self.state().devices.values().any(|d| d.user.as_deref() == Some(user.held.name.as_str())) {
            return conflict("Cannot delete entity, must delete MFA device first.");
        }
        if self.has_credentials(&user.held.name) || self.state().uploads.values().any(|u| u.user == user.held.name) {
            return conflict("Cannot delete entity, must remove referenced objects first.");
        }
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        let users = &mut self.world.account(&account).users;
        if let Some(slot) = users.get_mut(&user.held.name.to_ascii_lowercase()) {
            slot.set(None, now, lag);
        }
        users.retain(|_, u| !u.is_gone(now));
        Ok(())
    }

    /// A new name or path; what is written by name elsewhere follows.
    pub(super) fn update_user(&mut self) -> Result<(), ApiError> {
        let old = self.user()?.held.name;
        let new = if self.asked.param("NewUserName").is_some() { self.name("NewUserName", 64)? } else { old.clone() };
        let path = self.asked.param("NewPath").map(str::to_owned);
        let (from, to) = (old.to_ascii_lowercase(), new.to_ascii_lowercase());
        let clock = self.clock();
        let account = self.account.clone();
        let state = self.world.account(&account);
        if from != to && state.users.get(&to).is_some_and(|u| u.newest().is_some()) {
            return Err(ApiError::exists("User", &new));
        }
        let Some(mut user) = state.users.get(&from).and_then(|u| u.newest()).cloned() else { return Err(ApiError::no_such("user", &old)) };
        user.held.name.clone_from(&new);
        user.held.path = path.unwrap_or(user.held.path);
        let id = user.held.id.clone();
        if from != to
            && let Some(slot) = state.users.get_mut(&from)
        {
            slot.set(None, clock.0, clock.1);
        }
        state.users.entry(to.clone()).or_default().set(Some(user), clock.0, clock.1);
        if let Some(login) = state.logins.remove(&from) {
            state.logins.insert(to, login);
        }
        for device in state.devices.values_mut().filter(|d| d.user.as_deref() == Some(old.as_str())) {
            device.user = Some(new.clone());
        }
        for upload in state.uploads.values_mut().filter(|u| u.user == old) {
            upload.user.clone_from(&new);
        }
        for key in self.world.keys.values_mut().filter(|k| k.account == account && k.user == old) {
            key.user.clone_from(&new);
        }
        self.world.rename_principal(&id, &new);
        Ok(())
    }

    pub(super) fn edit_user<R>(&mut self, name: &str, change: impl FnOnce(&mut User) -> Result<R, ApiError>) -> Result<R, ApiError> {
        let clock = (self.world.now_ms, self.world.lag_ms);
        let account = self.account.clone();
        edit(&mut self.world.account(&account).users, clock, "user", name, change)
    }

    pub(super) fn groups_for_user(&mut self) -> Result<(), ApiError> {
        let user = self.user()?;
        let account = self.account.clone();
        let now = self.now();
        let state = self.world.account(&account);
        let groups: Vec<Held> = user.groups.iter().filter_map(|g| state.groups.get(&g.to_ascii_lowercase())?.visible(now)).map(|g| g.held.clone()).collect();
        let page = self.page(groups)?;
        self.x.members("Groups", &page, |x, held| super::groups::group_fields(x, &account, held));
        Ok(())
    }
}

pub(super) fn user_fields(x: &mut Xml, account: &str, user: &User, whole: bool) {
    let held = &user.held;
    x.text("Path", &held.path).text("UserName", &held.name).text("UserId", &held.id);
    x.text("Arn", &format!("arn:aws:iam::{account}:user{}{}", held.path, held.name)).text("CreateDate", &held.created);
    if whole {
        boundary_field(x, held);
        maybe_tags(x, &held.tags);
    }
}
