//! OpenID Connect providers.

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::Provider;

use super::{Iam, edit, maybe_tags, merge_tags};

impl Iam<'_> {
    pub(super) fn providers(&mut self) -> Result<(), ApiError> {
        let account = self.account.clone();
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        match self.asked.operation.as_str() {
            "CreateOpenIDConnectProvider" => return self.create_provider(),
            "ListOpenIDConnectProviders" => {
                let hosts: Vec<String> = self.world.account(&account).providers.values().filter_map(|p| p.visible(now)).map(|p| p.host.clone()).collect();
                self.x.members("OpenIDConnectProviderList", &hosts, |x, host| {
                    x.text("Arn", &format!("arn:aws:iam::{account}:oidc-provider/{host}"));
                });
                return Ok(());
            }
            _ => {}
        }
        let arn = self.asked.need("OpenIDConnectProviderArn")?.to_owned();
        let host = arn.split_once(":oidc-provider/").map(|(_, host)| host.to_owned()).unwrap_or_default();
        let none = || ApiError::new(404, "NoSuchEntity", format!("OpenIDConnect Provider not found for arn {arn}"));
        let tags = self.asked.tags();
        let keys = self.asked.list("TagKeys");
        let thumbprints = self.asked.list("ThumbprintList");
        let client = self.asked.param("ClientID").unwrap_or_default().to_owned();
        let operation = self.asked.operation.clone();
        let providers = &mut self.world.account(&account).providers;
        let provider = providers.get(&host).and_then(|p| p.visible(now)).cloned().ok_or_else(none)?;
        match operation.as_str() {
            "GetOpenIDConnectProvider" => {
                self.x
                    .text("Url", &provider.host)
                    .names("ClientIDList", &provider.client_ids)
                    .names("ThumbprintList", &provider.thumbprints)
                    .text("CreateDate", &provider.created);
                maybe_tags(&mut self.x, &provider.tags);
                Ok(())
            }
            "ListOpenIDConnectProviderTags" => self.tag_page(provider.tags),
            "DeleteOpenIDConnectProvider" => {
                if let Some(slot) = providers.get_mut(&host) {
                    slot.set(None, now, lag);
                }
                providers.retain(|_, p| !p.is_gone(now));
                Ok(())
            }
            _ => edit(providers, (now, lag), "OpenIDConnect provider", &host, |p| {
                match operation.as_str() {
                    "AddClientIDToOpenIDConnectProvider" => {
                        p.client_ids.insert(client);
                    }
                    "RemoveClientIDFromOpenIDConnectProvider" => {
                        p.client_ids.remove(&client);
                    }
                    "UpdateOpenIDConnectProviderThumbprint" => p.thumbprints = thumbprints,
                    "TagOpenIDConnectProvider" => merge_tags(&mut p.tags, tags)?,
                    _ => p.tags.retain(|k, _| !keys.contains(k)),
                }
                Ok(())
            }),
        }
    }

    fn create_provider(&mut self) -> Result<(), ApiError> {
        let url = self.asked.need("Url")?;
        let Some(host) = url.strip_prefix("https://").map(|h| h.trim_end_matches('/').to_owned()).filter(|h| !h.is_empty()) else {
            return Err(ApiError::new(400, "InvalidInput", "Invalid Open ID Connect Provider URL"));
        };
        let account = self.account.clone();
        let (now, lag) = (self.world.now_ms, self.world.lag_ms);
        if self.world.account(&account).providers.get(&host).is_some_and(|p| p.newest().is_some()) {
            return Err(ApiError::new(409, "EntityAlreadyExists", format!("Provider with url {url} already exists.")));
        }
        let mut tags = crate::world::Tags::new();
        merge_tags(&mut tags, self.asked.tags())?;
        let provider = Provider {
            client_ids: self.asked.list("ClientIDList").into_iter().collect(),
            thumbprints: self.asked.list("ThumbprintList"),
            created: iso(unix_now()),
            host: host.clone(),
            tags,
        };
        self.x.text("OpenIDConnectProviderArn", &format!("arn:aws:iam::{account}:oidc-provider/{host}"));
        self.world.account(&account).providers.entry(host).or_default().set(Some(provider), now, lag);
        Ok(())
    }
}
