//! Identity providers of the trusting account: OpenID Connect and SAML.

use crossrole_model::desired::DesiredState;
use crossrole_model::state::{OidcState, SamlState};
use crossrole_model::{Address, Kind, Span, limits};

use crate::decode::{Spanned, Table};

use super::Builder;

impl Builder<'_> {
    pub(super) fn oidc_providers(&mut self) {
        let raw = self.raw;
        for (_, key, provider) in raw.oidc_providers.iter().flat_map(Table::iter) {
            let url = provider.url.value.0.trim_end_matches('/').to_owned();
            let client_ids =
                provider.client_ids.as_ref().map_or_else(|| vec!["sts.amazonaws.com".to_owned()], |list| list.0.iter().map(|v| v.value.0.clone()).collect());
            let tags = self.tags(provider.tags.as_ref(), key);
            let host = url.trim_start_matches("https://").to_owned();
            let state = OidcState { url, client_ids: client_ids.into_iter().collect(), tags };
            self.insert(key, Address::new(&self.trusting, Kind::OidcProvider, host), false, DesiredState::OidcProvider(state));
        }
    }

    /// Tells whether this may be a SAML provider's name, and says so where not.
    pub(super) fn saml_name(&mut self, name: &str, at: Span) -> bool {
        let good = !name.is_empty() && name.len() <= NAME_MOST && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
        if !good {
            let advice = match name.split_once(":saml-provider/") {
                Some((_, own)) => format!("write its name alone, `{own}`: it is one of the role's own account"),
                None => format!("a name has 1 to {NAME_MOST} letters, digits, `.`, `_` and `-`"),
            };
            self.error(at, format!("`{name}` can't be the name of a SAML provider"), advice);
        }
        good
    }

    pub(super) fn saml_providers(&mut self) {
        let raw = self.raw;
        for (name, key, provider) in raw.saml_providers.iter().flat_map(Table::iter) {
            self.saml_name(name, key);
            self.metadata(&provider.metadata);
            let tags = self.tags(provider.tags.as_ref(), key);
            let state = SamlState { metadata: provider.metadata.value.trim().to_owned(), tags };
            self.insert(key, Address::new(&self.trusting, Kind::SamlProvider, name), false, DesiredState::SamlProvider(state));
        }
    }

    /// Metadata that AWS refuses: too short or too long, no XML, of nobody.
    fn metadata(&mut self, metadata: &Spanned<String>) {
        let text = metadata.value.trim();
        let advice = "write the whole document that the identity provider gives out, between `\'\'\'` and `\'\'\'`";
        let (least, most) = limits::SAML_METADATA;
        let entity = match roxmltree::Document::parse(text) {
            Ok(document) => document.root_element().tag_name().name().to_owned(),
            Err(error) => {
                self.error(metadata.span, format!("`metadata` is no XML: {error}"), advice);
                return;
            }
        };
        if !["EntityDescriptor", "EntitiesDescriptor"].contains(&entity.as_str()) {
            self.error(metadata.span, format!("`metadata` is `{entity}`, and not the `EntityDescriptor` of an identity provider"), advice);
        } else if !(least..=most).contains(&text.chars().count()) {
            let message = format!("`metadata` has {} characters, and AWS takes {least} to {most}", text.chars().count());
            self.error(metadata.span, message, advice);
        }
    }
}

/// Most characters of a SAML provider's name (IAM API reference, CreateSAMLProvider).
const NAME_MOST: usize = 128;
