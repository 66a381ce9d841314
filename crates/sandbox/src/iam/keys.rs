//! Access keys of users.

use crate::auth::{iso, unix_now};
use crate::constraint::broken;
use crate::error::ApiError;
use crate::query::Service;
use crate::world::AccessKey;

use super::Iam;

fn status(key: &AccessKey) -> &'static str {
    if key.active { "Active" } else { "Inactive" }
}

impl Iam<'_> {
    pub(super) fn create_access_key(&mut self) -> Result<(), ApiError> {
        let user = self.user()?.held.name;
        let account = self.account.clone();
        if self.world.keys.values().filter(|k| k.account == account && k.user == user).count() >= 2 {
            return Err(ApiError::limit("Cannot exceed quota for AccessKeysPerUser: 2"));
        }
        let id = self.world.fresh_id("AKIA").chars().take(20).collect::<String>();
        let key = AccessKey { account, user: user.clone(), secret: self.world.fresh(40), created: iso(unix_now()), active: true, used: None };
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
            x.text("UserName", &key.user).text("AccessKeyId", id).text("Status", status(key)).text("CreateDate", &key.created);
        });
        Ok(())
    }

    /// The key of the request, of the user of the request.
    fn access_key(&mut self) -> Result<&mut AccessKey, ApiError> {
        let user = self.user()?.held.name;
        let id = self.asked.need("AccessKeyId")?;
        let account = &self.account;
        let key = self.world.keys.get_mut(id).filter(|k| k.account == *account && k.user == user);
        key.ok_or_else(|| ApiError::new(404, "NoSuchEntity", format!("The Access Key with id {id} cannot be found.")))
    }

    pub(super) fn update_access_key(&mut self) -> Result<(), ApiError> {
        let status = self.asked.need("Status")?;
        if !matches!(status, "Active" | "Inactive") {
            return Err(broken(Service::Iam, "status", None, "Member must satisfy enum value set: [Active, Inactive]"));
        }
        let active = status == "Active";
        self.access_key()?.active = active;
        Ok(())
    }

    pub(super) fn delete_access_key(&mut self) -> Result<(), ApiError> {
        self.access_key()?;
        self.world.keys.remove(self.asked.need("AccessKeyId")?);
        Ok(())
    }

    pub(super) fn access_key_last_used(&mut self) -> Result<(), ApiError> {
        let id = self.asked.need("AccessKeyId")?;
        let key = self.world.keys.get(id).filter(|k| k.account == self.account);
        let key = key.ok_or_else(|| ApiError::new(404, "NoSuchEntity", format!("The Access Key with id {id} cannot be found.")))?;
        self.x.text("UserName", &key.user);
        let used = key.used.clone();
        self.x.nest("AccessKeyLastUsed", |x| match used {
            Some((at, region, service)) => {
                x.text("LastUsedDate", &iso(at)).text("ServiceName", &service).text("Region", &region);
            }
            None => {
                x.text("ServiceName", "N/A").text("Region", "N/A");
            }
        });
        Ok(())
    }
}
