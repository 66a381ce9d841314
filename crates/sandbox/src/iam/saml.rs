//! SAML providers.

use crate::auth::{iso, unix_now};
use crate::constraint::Constraints;
use crate::error::ApiError;
use crate::query::Service;
use crate::world::{Saml, Tags};

use super::{Iam, edit_exact, maybe_tags, merge_tags};

/// Seconds until a provider's metadata ends, as AWS tells it of metadata without an end: a hundred years.
const VALID: i64 = 100 * 365 * 86_400;

impl Iam<'_> {
    fn saml_arn(&self, name: &str) -> String {
        format!("arn:aws:iam::{}:saml-provider/{name}", self.account)
    }

    fn metadata(&self) -> Result<String, ApiError> {
        let text = self.asked.need("SAMLMetadataDocument")?;
        let mut constraints = Constraints::of(Service::Iam);
        constraints.length("sAMLMetadataDocument", text, 1_000, 10_000_000);
        constraints.check()?;
        if roxmltree::Document::parse(text).is_err() {
            return Err(ApiError::new(400, "InvalidInput", "Could not parse metadata"));
        }
        Ok(text.to_owned())
    }

    pub(super) fn create_saml(&mut self) -> Result<(), ApiError> {
        let name = self.name("Name", 128)?;
        let metadata = self.metadata()?;
        let mut tags = Tags::new();
        merge_tags(&mut tags, self.asked.tags())?;
        let arn = self.saml_arn(&name);
        if self.state().saml.get(&name).is_some_and(|p| p.newest().is_some()) {
            return Err(ApiError::new(409, "EntityAlreadyExists", format!("SAMLProvider {arn} already exists.")));
        }
        self.x.text("SAMLProviderArn", &arn);
        maybe_tags(&mut self.x, &tags);
        let (now, lag) = self.clock();
        let provider = Saml { name: name.clone(), metadata, created: iso(unix_now()), tags };
        self.state().saml.entry(name).or_default().set(Some(provider), now, lag);
        Ok(())
    }

    pub(super) fn list_saml(&mut self) {
        let now = self.now();
        let providers: Vec<Saml> = self.state().saml.values().filter_map(|p| p.visible(now)).cloned().collect();
        let account = self.account.clone();
        self.x.members("SAMLProviderList", &providers, |x, p| {
            x.text("Arn", &format!("arn:aws:iam::{account}:saml-provider/{}", p.name));
            x.text("ValidUntil", &iso(unix_now() + VALID)).text("CreateDate", &p.created);
        });
    }

    pub(super) fn saml(&mut self) -> Result<(), ApiError> {
        let arn = self.asked.need("SAMLProviderArn")?.to_owned();
        let name = arn.split_once(":saml-provider/").map(|(_, name)| name.to_owned()).unwrap_or_default();
        let missing = || ApiError::new(404, "NoSuchEntity", format!("Manifest not found for arn {arn}"));
        let clock = self.clock();
        let provider = self.state().saml.get(&name).and_then(|p| p.visible(clock.0)).cloned();
        let mut provider = provider.filter(|_| arn == self.saml_arn(&name)).ok_or_else(missing)?;
        match self.asked.operation.as_str() {
            "GetSAMLProvider" => {
                self.x.text("SAMLMetadataDocument", &provider.metadata).text("CreateDate", &provider.created);
                self.x.text("ValidUntil", &iso(unix_now() + VALID));
                maybe_tags(&mut self.x, &provider.tags);
                return Ok(());
            }
            "DeleteSAMLProvider" => {
                if let Some(slot) = self.state().saml.get_mut(&name) {
                    slot.set(None, clock.0, clock.1);
                }
                self.state().saml.retain(|_, p| !p.is_gone(clock.0));
                return Ok(());
            }
            "UpdateSAMLProvider" => {
                provider.metadata = self.metadata()?;
                self.x.text("SAMLProviderArn", &arn);
            }
            _ => match Self::change_tags(self.asked, &mut provider.tags) {
                None => return self.tag_page(provider.tags),
                Some(changed) => changed?,
            },
        }
        edit_exact(&mut self.state().saml, clock, &name, provider);
        Ok(())
    }
}
