//! Buckets, their settings, and our statements in their policies.

use std::collections::BTreeMap;

use crossrole_model::desired::{DesiredState, DocumentRef, Origin};
use crossrole_model::state::{self, BucketState, PublicAccessBlock};
use crossrole_model::{Address, Digest, Kind, Partition, Span, limits, ownership};
use crossrole_policy::canonical::CanonicalBody;
use crossrole_policy::{Document, Effect, Element, Principal, Statement};

use crate::decode::Table;
use crate::raw::{Bucket, BucketAllow, Encryption, Logging};

use super::grant::Grant;
use super::statement::{Place, condition};
use super::{Builder, Placed};

impl Builder<'_> {
    pub(super) fn buckets(&mut self) {
        let raw = self.raw;
        for (name, key, bucket) in raw.buckets.iter().flat_map(Table::iter) {
            self.bucket_name(key, name);
            self.one_account(key, name);
            self.bucket_statements.entry(name.clone()).or_default();
            let region = bucket.region.as_ref().map_or(&self.region, |r| &r.value.0).clone();
            if Partition::of_region(&region) != self.partition {
                self.error(
                    bucket.region.as_ref().map_or(key, |r| r.span),
                    format!("region `{region}` lies in another partition"),
                    "a bucket lies in the partition of its account",
                );
            }
            self.bucket_settings(name, key, bucket, region);
            self.taken.clear();
            for allow in bucket.allow.iter().flatten() {
                self.bucket_allow(name, allow);
            }
            let denied = self.denied_bucket(name);
            self.bucket_statements.entry(name.clone()).or_default().extend(denied);
            self.deny_use(name);
            if let Some(restored) = &bucket.restored {
                self.desired.restored.insert(Address::new(&self.trusting, Kind::BucketPolicy, name), restored.value.text.clone());
            }
            self.unique_sids(bucket.statement.as_deref());
            for statement in bucket.statement.iter().flatten() {
                if let Some(mut built) = self.raw_statement(statement, Place::Bucket(name)) {
                    self.meet_statement(&built.statement);
                    // Ours carry our prefix; what the manifest says stays readable behind it. Without a sid, a statement is
                    // known by all that it says, so that only twins meet.
                    let sid = built.statement.sid.clone().filter(|s| !s.is_empty()).unwrap_or_else(|| digits(&built.statement.canonical_body()));
                    built.statement.sid = Some(format!("{}{sid}", ownership::sid_prefix(&self.name)));
                    self.bucket_statements.entry(name.clone()).or_default().push(built);
                }
            }
        }
    }

    /// A bucket has a name of its own in all accounts.
    fn one_account(&mut self, key: Span, name: &str) {
        if self.at.is_none() {
            return;
        }
        let other = self.bucket_accounts.entry(name.to_owned()).or_insert_with(|| self.trusting.clone()).clone();
        if other != self.trusting {
            let message = format!("accounts {other} and {} would both have a bucket `{name}`", self.trusting);
            self.error(key, message, "put `{account}` or `{label}` into its name: no two buckets have one name, wherever they are");
        }
    }

    fn bucket_settings(&mut self, name: &str, key: Span, raw: &Bucket, region: String) {
        let create = raw.create.as_ref().is_some_and(|c| c.value);
        let encryption = raw.encryption.as_ref().and_then(|encryption| match &encryption.value {
            Encryption::Aes256(_) => Some(state::Encryption::Aes256),
            // One with mistakes was reported where the keys of all buckets were.
            Encryption::Kms(_) => {
                let found = self.desired.bucket_keys.get(name)?;
                Some(state::Encryption::Kms { key: found.key.arn.clone(), bucket_key: found.bucket_key })
            }
        });
        let stated = [
            ("versioning", raw.versioning.as_ref().map(|v| v.span)),
            // Which key somebody else's bucket has is said for those who use it.
            ("encryption", raw.encryption.as_ref().filter(|v| matches!(v.value, Encryption::Aes256(_))).map(|v| v.span)),
            ("public_access_block", raw.public_access_block.as_ref().map(|v| v.span)),
            ("ownership", raw.ownership.as_ref().map(|v| v.span)),
            ("logging", raw.logging.as_ref().map(|v| v.span)),
            ("tags", raw.tags.as_ref().and_then(|tags| tags.0.values().next()).map(|first| first.key)),
            ("adopt", raw.adopt.as_ref().map(|v| v.span)),
        ];
        if !create {
            if raw.has("create") && raw.create.is_none() {
                return;
            }
            for (setting, span) in stated.into_iter().filter_map(|(n, s)| s.map(|s| (n, s))) {
                self.error(span, format!("`{setting}` is for buckets that this manifest owns"), "add `create = true`, or leave it to the bucket's owner");
            }
            return;
        }
        if let Some(logging) = &raw.logging {
            self.logging_grant(name, &logging.value, logging.span);
        }
        let tags = self.tags(raw.tags.as_ref(), key);
        let state = BucketState {
            region,
            versioning: raw.versioning.as_ref().map(|v| v.value),
            encryption,
            public_access_block: raw.public_access_block.as_ref().map(|on| PublicAccessBlock::all(on.value)),
            ownership: raw.ownership.as_ref().map(|o| o.value.as_str().to_owned()),
            logging: raw.logging.as_ref().map(|l| {
                let prefix = l.value.prefix.clone().unwrap_or_default();
                Some(state::Logging { bucket: l.value.bucket.value.0.clone(), prefix })
            }),
            tags: Some(tags),
        };
        self.insert(key, Address::new(&self.trusting, Kind::Bucket, name), raw.adopt.as_ref().is_some_and(|adopt| adopt.value), DesiredState::Bucket(state));
    }

    /// The other side of logging: the target's policy lets the logging service put this bucket's logs (S3 User Guide,
    /// "Permissions for log delivery"). A target of somebody else's is theirs to open.
    fn logging_grant(&mut self, source: &str, logging: &Logging, span: Span) {
        let target = &logging.bucket.value.0;
        if !self.raw.buckets.as_ref().is_some_and(|t| t.0.contains_key(target)) {
            return;
        }
        if self.desired.bucket_keys.contains_key(target) {
            let advice = "encrypt that bucket with `\"AES256\"`: the logging service puts its logs nowhere else";
            self.error(span, format!("bucket `{target}` takes no logs, since it is encrypted with a KMS key"), advice);
        }
        let objects = self.partition.s3_arn(&format!("{target}/{}*", logging.prefix.clone().unwrap_or_default()));
        let mut grant = Statement::allow(Element::of(["s3:PutObject"]), Some(Element::of([objects])));
        condition(&mut grant.conditions, "ArnLike", "aws:SourceArn", [self.partition.s3_arn(source)]);
        condition(&mut grant.conditions, "StringEquals", "aws:SourceAccount", [self.trusting.to_string()]);
        let grant = self.placed(grant, span);
        self.grant_in_bucket(target, &grant, &Principal::of("Service", ["logging.s3.amazonaws.com"]));
    }

    fn bucket_allow(&mut self, bucket: &str, raw: &BucketAllow) {
        let Some(Grant { named, conditions, over }) = self.grant(&raw.who()) else { return };
        let grants = self.bucket_grants(bucket, raw.access.as_ref(), raw.actions.as_ref(), raw.prefix.as_ref(), &conditions, raw.span);
        if over {
            return;
        }
        let uses = if raw.kms.unwrap_or(true) { self.use_of_key(bucket, &grants, raw.span) } else { Vec::new() };
        let own: Vec<Placed> = grants.iter().cloned().chain(uses.iter().map(|u| u.of_caller(&conditions).statement)).collect();
        for named in named {
            for use_of_key in &uses {
                self.let_use(use_of_key, &named, &conditions);
            }
            for (found, side) in named.callers() {
                self.caller_statements(found, side, &own);
            }
            let principal = named.principal(self);
            for grant in &grants {
                let mut grant = grant.clone();
                named.limit(self.partition, &mut grant.statement.conditions);
                self.grant_in_bucket(bucket, &grant, &principal);
            }
        }
    }

    /// Adds a grant to a bucket's policy.
    pub(super) fn grant_in_bucket(&mut self, bucket: &str, grant: &Placed, principal: &Principal) {
        if self.is_revoked_arn(principal) {
            return;
        }
        let mut statement = Statement { principal: Some(principal.clone()), effect: Effect::Allow, ..grant.statement.clone() };
        statement.sid = Some(format!("{}{}", ownership::sid_prefix(&self.name), rights_hash(&statement)));
        let origins = grant.origins.iter().map(|o| Origin { principal: Some(principal.clone()), ..o.clone() }).collect();
        self.bucket_statements.entry(bucket.to_owned()).or_default().push(Placed { statement, origins });
    }

    pub(super) fn bucket_policies(&mut self) {
        for (bucket, statements) in std::mem::take(&mut self.bucket_statements) {
            let key = self.raw.buckets.as_ref().and_then(|t| t.0.get(&bucket)).map(|e| e.key);
            let Some(key) = key else { continue };
            let packed = self.packed(key, &bucket, statements);
            let size = Document::new(packed.iter().map(|p| p.statement.clone()).collect()).to_json().len();
            self.over(
                key,
                &format!("our part of the policy of bucket `{bucket}`"),
                size,
                limits::BUCKET_POLICY,
                "trust an account or organization in it, or use access points",
            );
            let region = self.raw.buckets.as_ref().and_then(|t| t.0.get(&bucket)).and_then(|e| e.value.as_ref()).and_then(|b| b.region.as_ref());
            let said = region.map(|r| r.value.0.clone());
            let address = Address::new(&self.trusting, Kind::BucketPolicy, &bucket);
            // Other manifests of the run may speak of the same bucket: its policy is one document.
            let there = match self.desired.objects.get(&address).map(|o| &o.state) {
                Some(DesiredState::BucketPolicy { statements, .. }) => Some(statements.len()),
                _ => None,
            };
            let packed = self.stand(&address, &DocumentRef::Policy, there.unwrap_or(0), packed);
            if let Some(object) = self.desired.objects.get_mut(&address)
                && let DesiredState::BucketPolicy { region, is_region_said, statements } = &mut object.state
            {
                statements.extend(packed);
                if let Some(said) = said {
                    (*region, *is_region_said) = (said, true);
                }
                let place = self.place(key);
                self.desired.places.entry(address).or_default().push(place);
                continue;
            }
            self.insert(
                key,
                address,
                false,
                DesiredState::BucketPolicy { is_region_said: said.is_some(), region: said.unwrap_or_else(|| self.region.clone()), statements: packed },
            );
        }
    }
}

impl Builder<'_> {
    /// Grants of the same rights in one statement, with the principals of all. What only shares a Sid is never joined.
    fn packed(&mut self, key: Span, bucket: &str, statements: Vec<Placed>) -> Vec<Placed> {
        let mut packed: Vec<Placed> = Vec::new();
        let mut by_sid: BTreeMap<String, usize> = BTreeMap::new();
        for placed in statements {
            let Some(same) = by_sid.get(placed.statement.sid()).and_then(|at| packed.get_mut(*at)) else {
                by_sid.insert(placed.statement.sid().to_owned(), packed.len());
                packed.push(placed);
                continue;
            };
            if same.statement == placed.statement || joined(&mut same.statement, &placed.statement) {
                same.origins.extend(placed.origins);
            } else {
                // A sid of the manifest's, twice, is said where it stands.
                let message = format!("two statements in the policy of bucket `{bucket}` would have the id `{}`", placed.statement.sid());
                self.error(key, message, "give those that are written out a `sid` each, of their own");
            }
        }
        packed
    }

    /// AWS takes no two statements of one id in a document, and neither of two can be left out.
    pub(super) fn unique_sids(&mut self, statements: Option<&[crate::raw::Statement]>) {
        let mut known: BTreeMap<&str, Span> = BTreeMap::new();
        for sid in statements.into_iter().flatten().filter_map(|s| s.sid.as_ref()).filter(|s| !s.value.is_empty()) {
            let Some(first) = known.get(sid.value.as_str()) else {
                known.insert(&sid.value, sid.span);
                continue;
            };
            let line = self.source.text.get(..first.start).map_or(0, |text| text.matches('\n').count()) + 1;
            let message = format!("the sid `{}` is that of another statement, in line {line}", sid.value);
            self.error(sid.span, message, "give each statement a sid of its own, or none");
        }
    }
}

/// Joins the principals of a grant into another of the same rights; `false` where they do not say the same but for those.
pub(super) fn joined(into: &mut Statement, from: &Statement) -> bool {
    let bare = |s: &Statement| Statement { sid: None, principal: None, ..s.clone() };
    if into.effect != Effect::Allow || bare(into) != bare(from) {
        return false;
    }
    let (Some(into), Some(from)) = (into.principal.as_mut(), &from.principal) else { return false };
    if into.negated || from.negated || into.bare_star || from.bare_star {
        return false;
    }
    for (kind, values) in &from.entries {
        let list = into.entries.entry(kind.clone()).or_default();
        list.extend(values.iter().cloned());
        list.sort();
        list.dedup();
    }
    true
}

/// What a grant says apart from its principals: the stable end of its Sid. Principals of the same rights share a statement.
fn rights_hash(statement: &Statement) -> String {
    digits(&Statement { sid: None, principal: None, ..statement.clone() }.canonical_body())
}

/// Sixteen hexadecimal digits: no two of a bucket's statements meet by chance.
pub(super) fn digits(body: &CanonicalBody) -> String {
    Digest::of(&body.encode()).to_string().chars().take(16).collect()
}
