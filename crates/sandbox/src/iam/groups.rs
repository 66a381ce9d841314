//! Groups and who is in them.

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::{Group, Held, User};
use crate::xml::Xml;

use super::users::user_fields;
use super::{Iam, edit};

impl Iam<'_> {
    pub(super) fn group(&mut self) -> Result<Group, ApiError> {
        let name = self.asked.need("GroupName")?.to_owned();
        let now = self.now();
        let account = self.account.clone();
        let group = self.world.account(&account).groups.get(&name.to_ascii_lowercase()).and_then(|g| g.visible(now)).cloned();
        group.ok_or_else(|| ApiError::no_such("group", &name))
    }

    pub(super) fn create_group(&mut self) -> Result<(), ApiError> {
        let name = self.name("GroupName", 128)?;
        let path = self.path()?;
        let account = self.account.clone();
        if self.world.account(&account).groups.get(&name.to_ascii_lowercase()).is_some_and(|g| g.newest().is_some()) {
            return Err(ApiError::exists("Group", &name));
        }
        let id = self.world.fresh_id("AGPA");
        let group = Group { held: Held { name: name.clone(), path, id, created: iso(unix_now()), ..Held::default() } };
        self.x.nest("Group", |x| group_fields(x, &account, &group.held));
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        self.world.account(&account).groups.entry(name.to_ascii_lowercase()).or_default().set(Some(group), now, lag);
        Ok(())
    }

    pub(super) fn get_group(&mut self) -> Result<(), ApiError> {
        let group = self.group()?;
        let account = self.account.clone();
        let now = self.now();
        self.x.nest("Group", |x| group_fields(x, &account, &group.held));
        let members: Vec<User> = self.world.account(&account).visible_users(now).filter(|u| u.groups.contains(&group.held.name)).cloned().collect();
        let page = self.page(members)?;
        self.x.members("Users", &page, |x, user| user_fields(x, &account, user, false));
        Ok(())
    }

    pub(super) fn list_groups(&mut self) -> Result<(), ApiError> {
        let prefix = self.asked.param("PathPrefix").unwrap_or("/").to_owned();
        let now = self.now();
        let account = self.account.clone();
        let groups: Vec<Held> = self
            .world
            .account(&account)
            .groups
            .values()
            .filter_map(|g| g.visible(now))
            .filter(|g| g.held.path.starts_with(&prefix))
            .map(|g| g.held.clone())
            .collect();
        let page = self.page(groups)?;
        self.x.members("Groups", &page, |x, held| group_fields(x, &account, held));
        Ok(())
    }

    pub(super) fn delete_group(&mut self) -> Result<(), ApiError> {
        let name = self.asked.need("GroupName")?.to_owned();
        let account = self.account.clone();
        let state = self.world.account(&account);
        let group = state.groups.get(&name.to_ascii_lowercase()).and_then(|g| g.newest()).cloned().ok_or_else(|| ApiError::no_such("group", &name))?;
        let conflict = |message: &str| Err(ApiError::new(409, "DeleteConflict", message));
        if state.users.values().filter_map(|u| u.newest()).any(|u| u.groups.contains(&group.held.name)) {
            return conflict("Cannot delete entity, must remove users from group first.");
        }
        if !group.held.inline.is_empty() {
            return conflict("Cannot delete entity, must delete policies first.");
        }
        if !group.held.attached.is_empty() {
            return conflict("Cannot delete entity, must detach all policies first.");
        }
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        let groups = &mut self.world.account(&account).groups;
        if let Some(slot) = groups.get_mut(&name.to_ascii_lowercase()) {
            slot.set(None, now, lag);
        }
        groups.retain(|_, g| !g.is_gone(now));
        Ok(())
    }

    /// Adding a member again, and removing one that is not in it, both succeed only where IAM says so.
    pub(super) fn membership(&mut self) -> Result<(), ApiError> {
        let group = self.group()?.held.name;
        let user = self.asked.need("UserName")?.to_owned();
        let add = self.asked.operation == "AddUserToGroup";
        self.edit_user(&user, |user| {
            if add {
                user.groups.insert(group);
            } else if !user.groups.remove(&group) {
                return Err(ApiError::new(404, "NoSuchEntity", format!("User {} is not in group {group}", user.held.name)));
            }
            Ok(())
        })
    }

    /// A new name or path; its members follow.
    pub(super) fn update_group(&mut self) -> Result<(), ApiError> {
        let mut group = self.group()?;
        let old = group.held.name.clone();
        let new = if self.asked.param("NewGroupName").is_some() { self.name("NewGroupName", 128)? } else { old.clone() };
        let (from, to) = (old.to_ascii_lowercase(), new.to_ascii_lowercase());
        let clock = self.clock();
        let path = self.asked.param("NewPath").map(str::to_owned);
        let state = self.state();
        if from != to && state.groups.get(&to).is_some_and(|g| g.newest().is_some()) {
            return Err(ApiError::exists("Group", &new));
        }
        group.held.name.clone_from(&new);
        group.held.path = path.unwrap_or(group.held.path);
        if from != to
            && let Some(slot) = state.groups.get_mut(&from)
        {
            slot.set(None, clock.0, clock.1);
        }
        state.groups.entry(to).or_default().set(Some(group), clock.0, clock.1);
        for slot in state.users.values_mut() {
            let Some(mut user) = slot.newest().filter(|u| u.groups.contains(&old)).cloned() else { continue };
            user.groups.remove(&old);
            user.groups.insert(new.clone());
            slot.set(Some(user), clock.0, clock.1);
        }
        Ok(())
    }

    pub(super) fn edit_group<R>(&mut self, name: &str, change: impl FnOnce(&mut Group) -> Result<R, ApiError>) -> Result<R, ApiError> {
        let clock = (self.world.now_ms, self.world.lag_ms);
        let account = self.account.clone();
        edit(&mut self.world.account(&account).groups, clock, "group", name, change)
    }
}

pub(super) fn group_fields(x: &mut Xml, account: &str, held: &Held) {
    x.text("Path", &held.path).text("GroupName", &held.name).text("GroupId", &held.id);
    x.text("Arn", &format!("arn:aws:iam::{account}:group{}{}", held.path, held.name)).text("CreateDate", &held.created);
}
