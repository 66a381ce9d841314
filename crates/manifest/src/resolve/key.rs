//! KMS keys: what using an encrypted bucket takes, and our statements in the keys' policies.
//!
//! S3 asks KMS as whoever asks S3, so who may read or write objects needs the key as well (S3 User Guide, "Using server-side
//! encryption with AWS KMS keys"). Both sides are limited to calls by S3 for objects of that bucket.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::{BucketKey, DesiredState, DocumentRef, KeyGrant, Origin};
use crossrole_model::desired::{ByHand, HandSide};
use crossrole_model::{AccountId, Address, Finding, KeyRef, Kind, Span, limits, ownership, revoked_of};
use crossrole_policy::{Arn, Conditions, Document, Effect, Element, Principal, Statement};

use crate::decode::{Spanned, Table, did_you_mean};
use crate::raw::{Encryption, Key, KeyAccess, KeyAllow, KmsKey};
use crate::scalar::ActionPattern;

use super::bucket::{digits, joined};
use super::grant::Grant;
use super::principal::{CallerSide, Named, Resolved};
use super::statement::{Place, condition};
use super::{Builder, Placed};

/// A statement for a key's policy.
#[derive(Debug, Clone)]
pub(super) struct Granted {
    placed: Placed,
    /// Policies of the key's account allow the same.
    by_iam: bool,
}

/// What using the objects of a bucket takes of its key.
pub(super) struct Use {
    key: KeyRef,
    /// On the key, for whoever uses it.
    pub(super) statement: Placed,
}

impl Use {
    /// What the caller needs in its own permissions: limited as what it uses the key for is.
    pub(super) fn of_caller(&self, conditions: &Conditions) -> Self {
        let mut own = Self { key: self.key.clone(), statement: self.statement.clone() };
        limit(&mut own.statement.statement.conditions, conditions, OF_CALLERS);
        own
    }
}

impl Builder<'_> {
    pub(super) fn keys(&mut self) {
        let raw = self.raw;
        let mut labels: BTreeMap<String, &str> = BTreeMap::new();
        for (label, at, key) in raw.keys.iter().flat_map(Table::iter) {
            if label.is_empty() || label.contains([':', '/']) {
                self.error(at, format!("`{label}` can't be the label of a key"), "a label has no `:` and no `/`, so that no ARN is one");
            }
            self.taken.clear();
            let Some(reference) = self.declared_key(label, at, key) else { continue };
            if let (Some(other), Some(arn)) = (labels.insert(reference.arn.clone(), label), &key.arn) {
                self.error(arn.span, format!("this key is `{other}` already"), "name each key once");
            }
            for allow in key.allow.iter().flatten() {
                self.key_allow(&reference, allow);
            }
            if let Some(restored) = &key.restored {
                let address = Address::new(&reference.account(), Kind::KeyPolicy, reference.name());
                self.desired.restored.insert(address, restored.value.text.clone());
            }
            if key.allow.is_some() || key.statement.is_some() {
                let denied = self.denied_key().into_iter().map(|placed| Granted { placed, by_iam: false });
                self.key_statements.entry(reference.clone()).or_default().extend(denied);
            }
            self.unique_sids(key.statement.as_deref());
            for statement in key.statement.iter().flatten() {
                if let Some(mut placed) = self.raw_statement(statement, Place::Key(&reference)) {
                    self.meet_statement(&placed.statement);
                    let sid = placed.statement.sid.clone().filter(|s| !s.is_empty()).unwrap_or_else(|| digits(&placed.statement.canonical_body()));
                    placed.statement.sid = Some(format!("{}{sid}", ownership::sid_prefix(&self.name)));
                    self.key_statements.entry(reference.clone()).or_default().push(Granted { placed, by_iam: false });
                }
            }
            self.key_statements.entry(reference).or_default();
        }
    }

    /// The key that `[keys.LABEL]` is of: one that exists, or one that is made.
    fn declared_key(&mut self, label: &str, at: Span, key: &Key) -> Option<KeyRef> {
        let create = key.create.as_ref().is_some_and(|create| create.value);
        let Some(arn) = &key.arn else {
            if create {
                return self.make_key(label, at, key);
            }
            if !key.has("arn") && (!key.has("create") || key.create.is_some()) {
                self.error(key.span, "`arn` is missing", "write the `arn` of a key that exists, or `create = true` to have one made");
            }
            return None;
        };
        if create {
            let advice = "leave `arn` out to have one made, or `create` to use the one that exists";
            self.error(key.create.as_ref().map_or(key.span, |create| create.span), "a key that has an `arn` is made already", advice);
            return None;
        }
        self.only_of_made(key);
        if !arn.value.contains([':', '/']) && !arn.value.is_empty() {
            self.no_key(arn);
            return None;
        }
        self.key(arn)
    }

    /// A key by its ARN, or by a label of this manifest.
    fn key(&mut self, text: &Spanned<String>) -> Option<KeyRef> {
        let raw = self.raw;
        let value = &text.value;
        if let Some(entry) = raw.keys.as_ref().and_then(|t| t.0.get(value)) {
            // One with mistakes was reported where it stands.
            let entry = entry.value.as_ref()?;
            return self.made_key(value, entry).or_else(|| plain(&entry.arn.as_ref()?.value));
        }
        let parsed = Arn::parse(value);
        let alias = value.starts_with("alias/") || value == "aws/s3" || parsed.is_some_and(|a| a.resource.starts_with("alias/"));
        if value.contains("aws/s3") {
            self.error(
                text.span,
                "`aws/s3` is a key of AWS's own: nobody can change its policy, and it lets no other account in",
                "make a key of your own, and write its ARN",
            );
        } else if alias {
            let advice = "write the ARN of the key: AWS looks an alias up in the account of whoever asks";
            self.error(text.span, format!("`{value}` is an alias, not a key"), advice);
        } else if let Some(key) = plain(value) {
            if parsed.is_some_and(|a| a.partition != self.partition.as_str()) {
                self.error(text.span, format!("`{value}` lies in another partition"), "a key lies in the partition of its account");
            }
            return Some(key);
        } else if parsed.is_some() || value.is_empty() || value.starts_with("arn:") {
            self.no_key(text);
        } else {
            let known: Vec<&str> = raw.keys.iter().flat_map(|t| t.0.keys()).map(String::as_str).collect();
            let advice = did_you_mean(value, known.into_iter()).unwrap_or_else(|| format!("declare `[keys.{value}]`, or write the ARN of the key"));
            self.error(text.span, format!("no key is labelled `{value}` in this manifest"), advice);
        }
        None
    }

    fn no_key(&mut self, text: &Spanned<String>) {
        self.error(text.span, format!("`{}` is not the ARN of a KMS key", text.value), "write it as in `arn:aws:kms:eu-west-1:222222222222:key/…`");
    }

    /// An action of another service does nothing in a key's policy.
    pub(super) fn of_key(&mut self, action: &Spanned<ActionPattern>) -> bool {
        let pattern = &action.value.0;
        let service = pattern.split_once(':').map_or("*", |(service, _)| service);
        let of_kms = crossrole_policy::glob::is_like(service, "kms");
        if !of_kms {
            self.error(action.span, format!("`{pattern}` is not an action on a key"), "name actions of KMS, as in `kms:Decrypt`");
        }
        of_kms
    }

    /// Notes the keys of this manifest's buckets: grants of every manifest of the run need them.
    pub(super) fn bucket_keys(&mut self) {
        let raw = self.raw;
        for (name, _, bucket) in raw.buckets.iter().flat_map(Table::iter) {
            let Some(Encryption::Kms(kms)) = bucket.encryption.as_ref().map(|e| &e.value) else { continue };
            let region = bucket.region.as_ref().map_or(&self.region, |r| &r.value.0).clone();
            self.bucket_key(name, kms, &region);
        }
    }

    fn bucket_key(&mut self, bucket: &str, kms: &KmsKey, region: &str) {
        let Some(key) = self.key(&kms.kms_key) else { return };
        if key.region() != region {
            let message = format!("the key lies in {}, and the bucket in {region}", key.region());
            self.error(kms.kms_key.span, message, "a bucket takes a key of its own region alone");
        }
        let found = BucketKey { key, bucket_key: kms.bucket_key.unwrap_or(false), region: region.to_owned() };
        let here = self.place(kms.kms_key.span);
        let other = self.desired.bucket_keys.get(bucket).filter(|other| other.key != found.key).cloned();
        if let Some(BucketKey { key: other, .. }) = other {
            let message = format!("two manifests say that bucket `{bucket}` has two keys");
            let advice = |other: &KeyRef| format!("the other names {}: a bucket has one", other.arn);
            self.error(kms.kms_key.span, message.clone(), advice(&other));
            if let Some(place) = self.bucket_key_places.get(bucket).cloned() {
                self.findings.push(Finding::error(&place.file, Some(place.span), message, advice(&found.key)));
            }
            return;
        }
        self.bucket_key_places.insert(bucket.to_owned(), here);
        self.desired.bucket_keys.entry(bucket.to_owned()).or_insert(found);
    }

    /// What these grants on a bucket need of its key, if it has one.
    pub(super) fn use_of_key(&mut self, bucket: &str, grants: &[Placed], span: Span) -> Vec<Use> {
        let Some(BucketKey { key, region, .. }) = self.desired.bucket_keys.get(bucket).cloned() else { return Vec::new() };
        let let_do = |names: &[&str]| {
            let mut patterns = grants.iter().flat_map(|g| &g.statement.action.values);
            patterns.any(|pattern| names.iter().any(|name| crossrole_policy::glob::is_like(pattern, name)))
        };
        let actions: Vec<&str> = USES.iter().filter(|(_, actions)| let_do(actions)).map(|(action, _)| *action).collect();
        if actions.is_empty() {
            return Vec::new();
        }
        let mut statement = Statement::allow(Element::of(actions), Some(Element::of([key.arn.as_str()])));
        condition(&mut statement.conditions, "StringEquals", "kms:ViaService", [format!("s3.{region}.amazonaws.com")]);
        // Objects with a data key of the bucket's have its ARN for a context, those with one of their own theirs; a bucket has both.
        let objects = grants.iter().filter_map(|g| g.statement.resource.as_ref()).flat_map(|r| &r.values).filter(|v| v.contains('/')).cloned();
        let mut context: Vec<String> = std::iter::once(self.partition.s3_arn(bucket)).chain(objects).collect();
        context.sort();
        context.dedup();
        condition(&mut statement.conditions, "StringLike", CONTEXT, context);
        vec![Use { key, statement: self.placed(statement, span) }]
    }

    /// Lets a role use a key for a bucket.
    pub(super) fn let_role_use(&mut self, use_of_key: &Use, role: &str) {
        let own = Arn::parse(role).is_some_and(|arn| arn.account == use_of_key.key.account().as_str());
        self.grant_on_key(&use_of_key.key, &use_of_key.statement, &Principal::of("AWS", [role]), own);
    }

    /// Lets a principal that a bucket's policy names use its key.
    pub(super) fn let_use(&mut self, use_of_key: &Use, named: &Named, conditions: &Conditions) {
        let mut placed = use_of_key.statement.clone();
        match named {
            // A service asks KMS itself, for whoever its conditions say.
            Named::Service(_) => {
                placed.statement.conditions.remove("StringEquals");
                limit(&mut placed.statement.conditions, conditions, OF_SERVICES);
            }
            _ => limit(&mut placed.statement.conditions, conditions, OF_CALLERS),
        }
        named.limit(self.partition, &mut placed.statement.conditions);
        self.grant_on_key(&use_of_key.key, &placed, &named.principal(self), is_of(named, &use_of_key.key));
    }

    /// Denies whoever is revoked the use of a bucket's key for the bucket, where the bucket let it in: the key's policy has to tell as well
    /// that it was revoked.
    pub(super) fn deny_use(&mut self, bucket: &str) {
        let Some(BucketKey { key, region, .. }) = self.desired.bucket_keys.get(bucket).cloned().filter(|_| !self.taken.is_empty()) else { return };
        // Whom this manifest denies the key altogether, since it says who uses it.
        let prefix = ownership::sid_prefix(&self.name);
        let statements = self.key_statements.get(&key).into_iter().flatten().map(|granted| &granted.placed.statement);
        let whole = statements.filter(|s| s.effect == Effect::Deny && s.sid().starts_with(&prefix) && !s.conditions.contains_key("StringLike"));
        let whole: BTreeSet<String> = whole.filter_map(|s| revoked_of(s.sid())).map(str::to_owned).collect();
        let mut conditions = Conditions::new();
        condition(&mut conditions, "StringEquals", "kms:ViaService", [format!("s3.{region}.amazonaws.com")]);
        condition(&mut conditions, "StringLike", CONTEXT, [self.partition.s3_arn(bucket), self.partition.s3_arn(&format!("{bucket}/*"))]);
        let left = self.denied_use(&conditions).into_iter().filter(|placed| revoked_of(placed.statement.sid()).is_none_or(|of| !whole.contains(of)));
        let denied: Vec<Granted> = left.map(|placed| Granted { placed, by_iam: false }).collect();
        self.key_statements.entry(key).or_default().extend(denied);
    }

    fn key_allow(&mut self, key: &KeyRef, raw: &KeyAllow) {
        let Some(Grant { named, conditions, over }) = self.grant(&raw.who()) else { return };
        let mut actions: Vec<String> = Vec::new();
        for word in raw.access.iter().flat_map(|l| &l.0) {
            match word.value {
                KeyAccess::Decrypt => actions.push("kms:Decrypt".to_owned()),
                KeyAccess::Encrypt => actions.extend(["kms:Encrypt", "kms:GenerateDataKey"].map(str::to_owned)),
            }
        }
        for action in raw.actions.iter().flat_map(|l| &l.0) {
            if self.of_key(action) {
                actions.push(action.value.0.clone());
            }
        }
        if actions.is_empty() {
            if !raw.has("actions") && !raw.has("access") {
                self.error(raw.span, "`allow` says neither `access` nor `actions`", "write for example `access = \"decrypt\"`");
            }
            return;
        }
        if over {
            return;
        }
        let mut statement = Statement::allow(Element::of(actions), Some(Element::of([key.arn.as_str()])));
        statement.conditions = conditions;
        let placed = self.placed(statement, raw.span);
        for named in named {
            for (found, side) in named.callers() {
                self.caller_statements(found, side, std::slice::from_ref(&placed));
            }
            let mut placed = placed.clone();
            named.limit(self.partition, &mut placed.statement.conditions);
            self.grant_on_key(key, &placed, &named.principal(self), is_of(&named, key));
        }
    }

    /// Adds a grant to a key's policy, which speaks of its own key as `*`.
    fn grant_on_key(&mut self, key: &KeyRef, grant: &Placed, principal: &Principal, by_iam: bool) {
        if self.is_revoked_arn(principal) {
            return;
        }
        let mut statement = Statement { principal: Some(principal.clone()), resource: Some(Element::of(["*"])), ..grant.statement.clone() };
        let rights = digits(&Statement { sid: None, principal: None, ..statement.clone() }.canonical_body());
        // What the key's account may be left to is not in one statement with what it may not.
        statement.sid = Some(format!("{}{rights}{}", ownership::sid_prefix(&self.name), if by_iam { "i" } else { "" }));
        let origins = grant.origins.iter().map(|o| Origin { principal: Some(principal.clone()), ..o.clone() }).collect();
        self.key_statements.entry(key.clone()).or_default().push(Granted { placed: Placed { statement, origins }, by_iam });
    }

    pub(super) fn key_policies(&mut self) {
        for (key, granted) in std::mem::take(self.key_statements) {
            let span = self.raw.name.span;
            let account = key.account();
            if !self.desired.accounts.get(&account).is_some_and(|info| info.managed) {
                self.for_others(&key, &account, &granted);
                continue;
            }
            let packed = self.packed_on_key(span, &key, granted);
            let size = Document::new(packed.iter().map(|g| g.placed.statement.clone()).collect()).to_json().len();
            let advice = "let an account or an organization use it, or use a key for fewer buckets";
            self.over(span, &format!("our part of the policy of key `{}`", key.name()), size, limits::KEY_POLICY, advice);
            let address = Address::new(&account, Kind::KeyPolicy, key.name());
            let there = match self.desired.objects.get(&address).map(|o| &o.state) {
                Some(DesiredState::KeyPolicy { grants, .. }) => Some(grants.len()),
                _ => None,
            };
            let by_iam: Vec<bool> = packed.iter().map(|g| g.by_iam).collect();
            let statements = self.stand(&address, &DocumentRef::Policy, there.unwrap_or(0), packed.into_iter().map(|g| g.placed).collect());
            let more: Vec<KeyGrant> = statements.into_iter().zip(by_iam).map(|(statement, by_iam)| KeyGrant { statement, by_iam }).collect();
            // Other manifests of the run may speak of the same key: its policy is one document.
            if let Some(object) = self.desired.objects.get_mut(&address)
                && let DesiredState::KeyPolicy { grants, .. } = &mut object.state
            {
                grants.extend(more);
                let place = self.place(span);
                self.desired.places.entry(address).or_default().push(place);
                continue;
            }
            self.insert(span, address, false, DesiredState::KeyPolicy { key, grants: more });
        }
    }

    /// What has to stand in the policy of a key of an account that nobody here manages: only its own account can write it.
    fn for_others(&mut self, key: &KeyRef, account: &AccountId, granted: &[Granted]) {
        let mut statements: Vec<Statement> = Vec::new();
        for Granted { placed, .. } in granted {
            let statement = Statement { sid: None, ..placed.statement.clone() };
            if !statements.contains(&statement) {
                statements.push(statement);
            }
        }
        if !statements.is_empty() {
            let label = self.desired.accounts.get(account).map(|info| info.label.clone());
            self.desired.by_hand.push(ByHand { account: account.clone(), label, side: HandSide::KeyPolicy(key.clone()), statements });
        }
    }
}

/// A key by the ARN that AWS gave it.
fn plain(arn: &str) -> Option<KeyRef> {
    KeyRef::parse(arn).filter(|key| key.alias().is_none())
}

/// What actions on objects take of the key that the objects are encrypted with (S3 User Guide, "Using server-side encryption with
/// AWS KMS keys" and "Replicating encrypted objects"; S3 API Reference, `CompleteMultipartUpload`: the parts of a large upload
/// are read again).
const USES: &[(&str, &[&str])] = &[
    (
        "kms:Decrypt",
        &["s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectVersionForReplication", "s3:ListMultipartUploadParts", "s3:PutObject", "s3:ReplicateObject"],
    ),
    ("kms:Encrypt", &["s3:ReplicateObject"]),
    ("kms:GenerateDataKey", &["s3:PutObject"]),
];

/// The key of the encryption context that S3 gives (S3 User Guide, "Encryption context").
const CONTEXT: &str = "kms:EncryptionContext:aws:s3:arn";

/// Keys of a service's requests that KMS sees as S3 does (IAM User Guide, "AWS global condition context keys").
const OF_SERVICES: &[&str] = &["aws:currenttime", "aws:epochtime", "aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths"];

/// Keys of who calls, and when, that KMS sees as S3 does where S3 asks in the caller's name. What tells of the caller's network is
/// not among them.
const OF_CALLERS: &[&str] = &[
    "aws:currenttime",
    "aws:epochtime",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principaltag/",
    "aws:principaltype",
    "aws:userid",
    "aws:username",
];

/// Limits a statement to whom another one is limited to, as far as these keys tell; one with a slash at its end is every tag.
fn limit(conditions: &mut Conditions, by: &Conditions, keys: &[&str]) {
    let told = |key: &str| keys.iter().any(|k| key == *k || k.ends_with('/') && key.starts_with(k));
    for (operator, asked) in by {
        for (key, values) in asked.iter().filter(|(key, _)| told(&key.to_ascii_lowercase())) {
            condition(conditions, operator, key, values.iter().cloned());
        }
    }
}

/// Tells whether a principal is one of the key's own account, whose policies are given the same.
fn is_of(named: &Named, key: &KeyRef) -> bool {
    let own = |found: &Resolved, side| found.account == key.account() && found.managed && matches!(side, CallerSide::Principal(_));
    named.callers().into_iter().any(|(found, side)| own(found, side))
}

impl Builder<'_> {
    /// Grants of the same rights in one statement, with the principals of all. What only shares a Sid is never joined.
    fn packed_on_key(&mut self, span: Span, key: &KeyRef, granted: Vec<Granted>) -> Vec<Granted> {
        let mut out: Vec<Granted> = Vec::new();
        for grant in granted {
            let Some(same) = out.iter_mut().find(|g| g.placed.statement.sid() == grant.placed.statement.sid()) else {
                out.push(grant);
                continue;
            };
            if same.placed.statement == grant.placed.statement || joined(&mut same.placed.statement, &grant.placed.statement) {
                same.placed.origins.extend(grant.placed.origins);
                same.placed.origins.dedup();
            } else {
                let message = format!("two statements in the policy of key `{}` would have the id `{}`", key.name(), grant.placed.statement.sid());
                self.error(span, message, "give those that are written out a `sid` each, of their own");
            }
        }
        out
    }
}
