//! Users and their access keys.

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::{AccessKey, Held, User};
use crate::xml::Xml;

use super::roles::boundary_field;
use super::{Iam, edit, merge_tags, write_tags};

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
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        let users = &mut self.world.account(&account).users;
        if let Some(slot) = users.get_mut(&user.held.name.to_ascii_lowercase()) {
            slot.set(None, now, lag);
        }
        users.retain(|_, u| !u.is_gone(now));
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

    pub(super) fn create_access_key(&mut self) -> Result<(), ApiError> {
        let user = self.user()?.held.name;
        let account = self.account.clone();
        if self.world.keys.values().filter(|k| k.account == account && k.user == user).count() >= 2 {
            return Err(ApiError::limit("Cannot exceed quota for AccessKeysPerUser: 2"));
        }
        let id = self.world.fresh_id("AKIA").chars().take(20).collect::<String>();
        let key = AccessKey { account, user: user.clone(), secret: self.world.fresh(40), created: iso(unix_now()), active: true };
        self.x.nest("AccessKey", |x| {
            x.text("UserName", &user).text("AccessKeyId", &id).text("Status", "Active").text("SecretAccessKey", &key.secret).text("CreateDate", &key.created);
        });
        self.world.keys.insert(id, key);
        Ok(())
    }

    pub(super) fn list_access_keys(&mut self) -> Result<(), ApiError> {
        let user = self.user()?.held.name;
        let keys: Vec<(String, AccessKey)> =
            self.world.keys.iter().filter(|(_, k)| k.account == self.account && k.user == user).map(|(id, k)| (id.clone(), k.clone())).collect();
        let page = self.page(keys)?;
        self.x.members("AccessKeyMetadata", &page, |x, (id, key)| {
            x.text("UserName", &key.user).text("AccessKeyId", id).text("Status", "Active").text("CreateDate", &key.created);
        });
        Ok(())
    }

    pub(super) fn delete_access_key(&mut self) -> Result<(), ApiError> {
        let user = self.user()?.held.name;
        let id = self.asked.need("AccessKeyId")?;
        if self.world.keys.get(id).is_none_or(|k| k.account != self.account || k.user != user) {
            return Err(ApiError::new(404, "NoSuchEntity", format!("The Access Key with id {id} cannot be found.")));
        }
        self.world.keys.remove(id);
        Ok(())
    }
}

pub(super) fn user_fields(x: &mut Xml, account: &str, user: &User, whole: bool) {
    let held = &user.held;
    x.text("Path", &held.path).text("UserName", &held.name).text("UserId", &held.id);
    x.text("Arn", &format!("arn:aws:iam::{account}:user{}{}", held.path, held.name)).text("CreateDate", &held.created);
    if whole {
        boundary_field(x, held);
        write_tags(x, &held.tags);
    }
}
