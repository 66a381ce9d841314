//! The accounts of a manifest, and what it may have left in those that it is of no longer.

use std::collections::BTreeMap;

use crossrole_model::desired::AccountInfo;
use crossrole_model::{AccountId, Address, KeyRef, Kind, Span};

use crate::decode::Table;
use crate::scalar::check_bucket_name;

use super::{Builder, account_id};

impl Builder<'_> {
    pub(super) fn accounts(&mut self) {
        let raw = self.raw;
        let trusting = self.trusting.clone();
        let stated = raw.trusting.value.as_ref();
        let span = stated.and_then(|t| t.account.as_ref().map(|a| a.span).or_else(|| t.accounts.as_ref()?.0.first().map(|a| a.span)));
        let label = self.at.map_or("trusting", |at| at.label.as_str()).to_owned();
        let fills = BTreeMap::from([("region".to_owned(), self.region.clone())]);
        self.account(&trusting, span.unwrap_or(raw.trusting.span), AccountInfo { label: label.clone(), trusting: true, managed: true, left: false, fills });
        let mut seen = BTreeMap::from([(trusting, label)]);
        for (label, key, trusted) in raw.trusted.iter().flat_map(Table::iter) {
            if label == "trusting" || label.is_empty() || label.contains('/') {
                self.error(key, format!("`{label}` can't be the label of a trusted account"), "`trusting` is taken, and a label has no `/`");
            }
            let id = account_id(trusted.account.value.as_ref());
            if trusted.account.value.is_none() {
                continue;
            }
            if let Some(other) = seen.insert(id.clone(), label.clone()) {
                self.error(
                    trusted.account.span,
                    format!("account {id} is `{other}` already"),
                    if self.at.is_some() {
                        "leave it out of the trusting accounts with `except`, or write its principals as `trusting/Name`"
                    } else {
                        "name each account once; principals of the trusting account are written `trusting/Name`"
                    },
                );
            }
            if let Some(other) = self.directory.iter().find(|at| at.label == *label && at.id != id) {
                let message = format!("`{label}` is another account, {}, in the directory of accounts", other.id);
                self.error(key, message, "give one of the two another label: settings and commands know accounts by it");
            }
            self.account(
                &id,
                trusted.account.span,
                AccountInfo { label: label.clone(), trusting: false, managed: trusted.manage.unwrap_or(true), left: false, fills: BTreeMap::new() },
            );
        }
    }

    /// Several manifests of a run may name one account: it is trusting if one says so, managed if one manages it.
    fn account(&mut self, id: &AccountId, span: Span, info: AccountInfo) {
        let place = self.place(span);
        self.desired.account_places.entry(id.clone()).or_default().push(place);
        let entry = self.desired.accounts.entry(id.clone()).or_insert_with(|| info.clone());
        if info.trusting && !entry.trusting {
            entry.label = info.label;
        }
        entry.trusting |= info.trusting;
        entry.managed |= info.managed;
        for (word, value) in info.fills {
            entry.fills.entry(word).or_insert(value);
        }
    }

    /// What this manifest would have made in its account, or written into, that does not tell whose it is before it is read.
    pub(super) fn left(&mut self) {
        let raw = self.raw;
        let policies = raw.policies.iter().flat_map(Table::iter).map(|(name, ..)| Address::new(&self.trusting, Kind::Policy, name));
        self.desired.left.objects.extend(policies);
        let host = |url: &str| url.trim_end_matches('/').trim_start_matches("https://").to_owned();
        let providers = raw.oidc_providers.iter().flat_map(Table::iter).map(|(_, _, p)| Address::new(&self.trusting, Kind::OidcProvider, host(&p.url.value.0)));
        self.desired.left.objects.extend(providers);
        let providers = raw.saml_providers.iter().flat_map(Table::iter).map(|(name, ..)| Address::new(&self.trusting, Kind::SamlProvider, name));
        self.desired.left.objects.extend(providers);
        let of_buckets = raw.buckets.iter().flat_map(Table::iter).filter_map(|(_, _, bucket)| match bucket.encryption.as_ref().map(|e| &e.value) {
            Some(crate::raw::Encryption::Kms(kms)) => Some(kms.kms_key.value.clone()),
            _ => None,
        });
        let named: Vec<String> =
            raw.keys.iter().flat_map(Table::iter).filter_map(|(_, _, key)| Some(key.arn.as_ref()?.value.clone())).chain(of_buckets).collect();
        self.desired.left.keys.extend(named.into_iter().filter(|arn| KeyRef::parse(arn).is_some_and(|key| key.account() == self.trusting)));
        self.left_keys();
        for (name, _, bucket) in raw.buckets.iter().flat_map(Table::iter) {
            let kinds = [Kind::Bucket, Kind::BucketPolicy];
            let somebodys = self.desired.objects.keys().any(|a| kinds.contains(&a.kind) && a.name == *name);
            if somebodys || check_bucket_name(name).is_err() {
                continue;
            }
            let region = bucket.region.as_ref().map_or(&self.region, |r| &r.value.0).clone();
            self.desired.left.buckets.insert(name.clone(), (self.trusting.clone(), region));
        }
    }
}
