//! From what was read, and what a plan changes, to an [`Estate`].

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::observed::{AccountState, KeyState};
use crossrole_model::state::{BucketPolicyState, Encryption, KeyPolicyState, PublicAccessBlock, SetState};
use crossrole_model::{Address, Change, Desired, DesiredState, KeyRef, Kind, ObjectState, Observation, Observed, Partition, PermissionSet, PrincipalKind};
use crossrole_policy::{Document, Element, Principal, Statement, is_public};

use crate::estate::{self, Acls, BucketKey, Estate, Guarded, Placed};
use crate::naming::Naming;

/// AWS's own policies whose documents are known without reading them (AWS managed policy reference).
const AWS_MANAGED: &[(&str, &str)] = &[("AdministratorAccess", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#)];

/// The objects that access depends on, ready to be changed.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    principals: BTreeMap<Address, Held>,
    groups: BTreeMap<Address, Held>,
    /// Customer managed policies by ARN.
    policies: BTreeMap<String, Document>,
    buckets: BTreeMap<String, Bucket>,
    /// Identity providers, and what tells whose tokens they take: audiences, or metadata.
    providers: BTreeMap<Address, BTreeSet<String>>,
    partition: Partition,
    /// Policies of keys by ARN.
    keys: BTreeMap<String, Document>,
    /// Keys that nobody can use as they are, by ARN.
    keys_off: BTreeMap<String, KeyState>,
    /// Keys of buckets by name; `None` of one that has none.
    bucket_keys: BTreeMap<String, Option<BucketKey>>,
    /// Buckets of which it could not be read.
    encryption_unread: BTreeSet<String>,
    /// Tags of buckets and of keys that manifests make, by ARN: of other keys nobody reads them.
    tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Accounts that were read as a whole.
    whole: BTreeSet<String>,
    /// Accounts of which single objects alone were read.
    in_part: BTreeSet<String>,
    /// Blocks of public access of accounts, where they could be read; `None`: nothing was read at all.
    account_blocks: Option<BTreeMap<String, PublicAccessBlock>>,
    /// What AWS calls keys that manifests make, by the ARNs with their aliases: policies of others may name them by patterns.
    in_force: BTreeMap<String, String>,
}

/// A principal or a group.
#[derive(Debug, Clone, Default, PartialEq)]
struct Held {
    /// In IAM's spelling, where the key has none.
    name: Option<String>,
    path: String,
    tags: BTreeMap<String, String>,
    trust: Option<Document>,
    boundary: Option<String>,
    inline: BTreeMap<String, Option<Document>>,
    attached: BTreeSet<String>,
    groups: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Bucket {
    account: String,
    policy: Option<Document>,
    block: Option<PublicAccessBlock>,
    ownership: Option<String>,
}

/// The alias of the key that AWS makes in each account for S3 (AWS KMS Developer Guide, "AWS managed keys").
pub(crate) const AWS_KEY: &str = "alias/aws/s3";

/// The id of a key, or the alias that it is known by.
fn key_name(arn: &str) -> String {
    let id = arn.split_once(":key/").map_or(arn, |(_, id)| id);
    KeyRef::parse(arn).and_then(|key| key.alias().map(str::to_owned)).unwrap_or_else(|| id.to_owned())
}

/// The paths under which policies name principals that manifests rely on and do not make.
fn paths(desired: &Desired) -> BTreeMap<Address, String> {
    let mut paths = BTreeMap::new();
    let statements = desired.objects.values().flat_map(|object| match &object.state {
        DesiredState::Role { state, .. } => state.trust.statements.iter().collect::<Vec<_>>(),
        DesiredState::BucketPolicy { statements, .. } => statements.iter().collect(),
        DesiredState::KeyPolicy { grants, .. } => grants.iter().map(|grant| &grant.statement).collect(),
        _ => Vec::new(),
    });
    let named = statements.filter_map(|statement| statement.principal.as_ref());
    for arn in named.flat_map(crossrole_policy::Principal::aws).filter_map(|text| crossrole_policy::Arn::parse(text)) {
        let kind = match arn.kind_and_name() {
            Some(("role", _)) => Kind::Role,
            Some(("user", _)) => Kind::User,
            _ => continue,
        };
        let (Some(account), Some((_, rest))) = (crossrole_model::AccountId::parse(arn.account), arn.resource.split_once('/')) else { continue };
        if let Some((path, name)) = rest.rsplit_once('/') {
            paths.insert(Address::new(&account, kind, name), format!("/{path}/"));
        }
    }
    paths
}

/// IAM compares names without regard to case.
fn key(address: &Address) -> Address {
    Address { name: address.name.to_ascii_lowercase(), ..address.clone() }
}

impl Objects {
    /// What was read.
    pub fn observed(observed: &Observed, partition: Partition) -> Self {
        let blocks = observed.account_blocks.iter().filter_map(|(account, block)| Some((account.to_string(), *block.known()?)));
        let account_blocks = Some(blocks.collect());
        let mut objects = Self { partition, in_force: observed.made_keys(), account_blocks, ..Self::default() };
        for (account, state) in &observed.accounts {
            if let Some(state) = state.known() {
                objects.account(account, state);
                let accounts = if state.complete { &mut objects.whole } else { &mut objects.in_part };
                accounts.insert(account.to_string());
            }
        }
        for (name, bucket) in &observed.buckets {
            let (Some(Some(bucket)), Some(account)) = (bucket.known(), observed.bucket_accounts.get(name)) else { continue };
            // One whose policy could not be read is left to "other resources", where nothing rests on the other side.
            let Some(policy) = bucket.policy.known().map(|p| p.document.clone()) else { continue };
            let (block, ownership) = (bucket.state.public_access_block, bucket.state.ownership.clone());
            objects.buckets.insert(name.clone(), Bucket { account: account.to_string(), policy, block, ownership });
            match &bucket.encryption {
                Some(Observation::Known(encryption)) => objects.encrypt(name, &bucket.state.region, Some(encryption)),
                Some(Observation::Unreadable(_)) => drop(objects.encryption_unread.insert(name.clone())),
                None => objects.encrypt(name, &bucket.state.region, bucket.state.encryption.as_ref()),
            }
            objects.tagged(name, &bucket.state);
        }
        for (arn, key) in &observed.keys {
            if matches!(key, Observation::Known(None)) && KeyRef::parse(arn).is_some_and(|key| key.alias().is_some()) {
                // One that nobody has made yet lets nobody in.
                objects.keys.insert(arn.clone(), Document::new(Vec::new()));
            }
            if let Some(policy) = key.known().and_then(Option::as_ref).and_then(|key| key.policy.known()) {
                objects.keys.insert(arn.clone(), policy.document.clone());
            }
            if let Some(Some(key)) = key.known().filter(|key| key.as_ref().is_some_and(|key| key.state.is_off())) {
                objects.keys_off.insert(arn.clone(), key.state.clone());
            }
            if let Some(made) = key.known().and_then(Option::as_ref).and_then(|key| key.made.as_ref()) {
                objects.tags.insert(arn.clone(), made.state.tags.clone());
            }
        }
        objects
    }

    /// The same with the keys that manifests say buckets have: of those that somebody else made and nobody may look at, nothing else tells.
    #[must_use]
    pub fn with_keys(mut self, said: &BTreeMap<String, crossrole_model::desired::BucketKey>) -> Self {
        for (name, key) in said {
            let key = BucketKey { arn: key.key.arn.clone(), bucket_key: key.bucket_key, region: key.region.clone() };
            self.bucket_keys.entry(name.clone()).or_insert(Some(key));
            self.encryption_unread.remove(name);
        }
        self
    }

    /// Notes the tags of a bucket, where they are known.
    fn tagged(&mut self, name: &str, state: &crossrole_model::state::BucketState) {
        if let Some(tags) = &state.tags {
            self.tags.insert(format!("arn:{}:s3:::{name}", self.partition.as_str()), tags.clone());
        }
    }

    /// Notes the key of a bucket whose encryption is known.
    fn encrypt(&mut self, name: &str, region: &str, encryption: Option<&Encryption>) {
        let key = match encryption {
            None => return,
            Some(Encryption::Aes256) => None,
            Some(Encryption::Kms { key, bucket_key }) => {
                let arn = if key.is_empty() { self.key_of_aws(name, region) } else { key.clone() };
                Some(BucketKey { arn, bucket_key: *bucket_key, region: region.to_owned() })
            }
        };
        self.bucket_keys.insert(name.to_owned(), key);
        self.encryption_unread.remove(name);
    }

    /// The key of AWS's own that the account of a bucket has for S3, by its alias. Its policy is the same everywhere, and nobody's to change
    /// (AWS KMS Developer Guide, "AWS managed keys").
    fn key_of_aws(&mut self, bucket: &str, region: &str) -> String {
        let account = self.buckets.get(bucket).map(|bucket| bucket.account.clone()).unwrap_or_default();
        let arn = format!("arn:{}:kms:{region}:{account}:{AWS_KEY}", self.partition.as_str());
        let actions = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"];
        let mut own = Statement::allow(Element::of(actions), Some(Element::of(["*"])));
        own.principal = Some(Principal::of("AWS", ["*"]));
        let bounds = [("kms:CallerAccount", account), ("kms:ViaService", format!("s3.{region}.amazonaws.com"))];
        own.conditions.insert("StringEquals".to_owned(), bounds.into_iter().map(|(key, value)| (key.to_owned(), vec![value])).collect());
        self.keys.insert(arn.clone(), Document::new(vec![own]));
        arn
    }

    /// What the manifests say, and nothing else: principals that they rely on have the policies they are given here.
    pub fn desired(desired: &Desired) -> Self {
        let mut objects = Self { partition: desired.partition, ..Self::default() };
        let paths = paths(desired);
        for address in &desired.required {
            match address.kind {
                Kind::Role | Kind::User => {
                    let path = paths.get(address).cloned().unwrap_or_else(|| "/".to_owned());
                    objects.principals.insert(address.clone(), Held { path, ..Held::default() });
                }
                Kind::Group => drop(objects.groups.insert(key(address), Held { name: Some(address.name.clone()), path: "/".to_owned(), ..Held::default() })),
                _ => {}
            }
        }
        for (address, object) in &desired.objects {
            let state = match object.state.clone() {
                DesiredState::Role { state, .. } => ObjectState::Role(state),
                DesiredState::Policy(state) => ObjectState::Policy(state),
                DesiredState::User(state) => ObjectState::User(state),
                DesiredState::Group { state, members: _ } => ObjectState::Group(state),
                DesiredState::Membership(state) => ObjectState::Membership(state),
                DesiredState::Caller { principal, statements } => {
                    if let Some(held) = objects.principal(principal.kind, &address.account, &principal.name) {
                        held.inline.insert(address.name.clone(), Some(Document::new(statements)));
                    }
                    continue;
                }
                DesiredState::OidcProvider(state) => ObjectState::OidcProvider(state),
                DesiredState::SamlProvider(state) => ObjectState::SamlProvider(state),
                DesiredState::Bucket(state) => ObjectState::Bucket(state),
                DesiredState::Key(state) => ObjectState::Key(state),
                DesiredState::PermissionSet { statements, .. } => {
                    ObjectState::PermissionSet(SetState { document: Some(Document::new(statements)), late: BTreeSet::new() })
                }
                DesiredState::KeyPolicy { key, grants } => {
                    // What others say in it is not known: it is taken to be as AWS makes keys, and left to the account's policies.
                    let mut document = KeyPolicyState::of_new_key(desired.partition, &key.account()).document;
                    document.statements.extend(grants.iter().map(|g| g.statement.clone()));
                    objects.keys.insert(key.arn.clone(), document);
                    continue;
                }
                DesiredState::BucketPolicy { statements, .. } => ObjectState::BucketPolicy(BucketPolicyState { document: Some(Document::new(statements)) }),
            };
            objects.put(address, &state);
        }
        objects.with_keys(&desired.bucket_keys)
    }

    fn account(&mut self, account: &crossrole_model::AccountId, state: &AccountState) {
        for policy in state.policies.values() {
            self.policies.insert(policy.arn.clone(), policy.state.document.clone());
        }
        for (host, provider) in &state.oidc_providers {
            self.providers.insert(Address::new(account, Kind::OidcProvider, host), provider.client_ids.clone());
        }
        for (name, provider) in &state.saml_providers {
            self.put(&Address::new(account, Kind::SamlProvider, name), &ObjectState::SamlProvider(provider.clone()));
        }
        for role in state.roles.values() {
            let address = Address::new(account, Kind::Role, &role.name);
            self.put(&address, &ObjectState::Role(role.state.clone()));
        }
        for group in state.groups.values() {
            let held = Held {
                name: Some(group.name.clone()),
                path: group.state.path.clone(),
                inline: group.inline.clone(),
                attached: group.attached.clone(),
                ..Held::default()
            };
            self.groups.insert(key(&Address::new(account, Kind::Group, &group.name)), held);
        }
        for user in state.users.values() {
            let held = Held {
                path: user.state.path.clone(),
                tags: user.state.tags.clone(),
                boundary: user.boundary.clone(),
                inline: user.inline.clone(),
                attached: user.attached.clone(),
                groups: user.groups.iter().map(|g| g.to_ascii_lowercase()).collect(),
                ..Held::default()
            };
            self.principals.insert(Address::new(account, Kind::User, &user.name), held);
        }
    }

    /// Carries the changes of a plan out.
    pub fn apply(&mut self, changes: &[Change]) {
        // What goes first, so that what comes in its place stays.
        for change in changes.iter().filter(|c| c.before.is_some()) {
            if change.after.is_none() || change.action == crossrole_model::Action::Replace {
                self.take(&change.address, change.before.as_ref());
            }
        }
        // A key or bucket that goes lets nobody in, whatever is left in its policy until then.
        let policy_of = |kind: Kind| match kind {
            Kind::Key => Some(Kind::KeyPolicy),
            Kind::Bucket => Some(Kind::BucketPolicy),
            _ => None,
        };
        let gone: BTreeSet<Address> =
            changes.iter().filter(|c| c.after.is_none()).filter_map(|c| Some(Address { kind: policy_of(c.address.kind)?, ..c.address.clone() })).collect();
        // A group that moves is the same group: nobody is in it, or is let anything, by its path.
        let moves = |c: &Change| c.address.kind == Kind::Group && c.before.is_some();
        for change in changes.iter().filter(|c| !gone.contains(&c.address) && !moves(c)) {
            if let Some(after) = &change.after {
                self.put(&change.address, after);
            }
            // All four settings are on in a bucket that is new (S3 User Guide, "Default settings for new S3 buckets").
            if change.address.kind == Kind::Bucket && change.before.is_none() {
                self.buckets.entry(change.address.name.clone()).or_default().block.get_or_insert(PublicAccessBlock::all(true));
            }
        }
    }

    fn principal(&mut self, kind: PrincipalKind, account: &crossrole_model::AccountId, name: &str) -> Option<&mut Held> {
        let (map, kind) = match kind {
            PrincipalKind::Role => (&mut self.principals, Kind::Role),
            PrincipalKind::User => (&mut self.principals, Kind::User),
            PrincipalKind::Group => (&mut self.groups, Kind::Group),
        };
        let exact = Address::new(account, kind, name);
        let found = if map.contains_key(&exact) {
            exact
        } else {
            // In another spelling: among those of the account.
            let own = map.range(Address::new(account, kind, "")..).map(|(a, _)| a).take_while(|a| a.account == *account && a.kind == kind);
            own.into_iter().find(|a| a.name.eq_ignore_ascii_case(name))?.clone()
        };
        map.get_mut(&found)
    }

    fn put(&mut self, address: &Address, state: &ObjectState) {
        let account = &address.account;
        match state {
            ObjectState::Role(role) => {
                let held = Held {
                    name: None,
                    path: role.path.clone(),
                    tags: role.tags.clone(),
                    trust: Some(role.trust.clone()),
                    boundary: role.boundary.clone(),
                    inline: role.inline.iter().map(|(name, document)| (name.clone(), Some(document.clone()))).collect(),
                    attached: role.attached.clone(),
                    groups: BTreeSet::new(),
                };
                self.principals.insert(address.clone(), held);
            }
            ObjectState::Policy(policy) => {
                self.policies.insert(self.partition.iam_arn(account, "policy", &policy.path, &address.name), policy.document.clone());
            }
            ObjectState::User(user) => {
                let held = self.principals.entry(address.clone()).or_default();
                held.path.clone_from(&user.path);
                held.tags.clone_from(&user.tags);
            }
            ObjectState::Group(group) => {
                let held = self.groups.entry(key(address)).or_default();
                held.name = Some(address.name.clone());
                held.path.clone_from(&group.path);
            }
            ObjectState::Membership(membership) => {
                if let Some(user) = self.principal(PrincipalKind::User, account, &membership.user) {
                    user.groups.insert(membership.group.to_ascii_lowercase());
                }
            }
            ObjectState::Attachment(attachment) => {
                if let Some(held) = self.principal(attachment.principal.kind, account, &attachment.principal.name) {
                    held.attached.insert(attachment.policy_arn.clone());
                }
            }
            ObjectState::OidcProvider(provider) => drop(self.providers.insert(address.clone(), provider.client_ids.clone())),
            ObjectState::SamlProvider(provider) => drop(self.providers.insert(address.clone(), BTreeSet::from([provider.metadata.clone()]))),
            ObjectState::Bucket(bucket) => {
                let slot = self.buckets.entry(address.name.clone()).or_default();
                slot.account = account.to_string();
                // What a manifest does not say stays as it is.
                slot.block = bucket.public_access_block.or(slot.block);
                slot.ownership = bucket.ownership.clone().or_else(|| slot.ownership.take());
                self.tagged(&address.name, bucket);
                self.encrypt(&address.name, &bucket.region, bucket.encryption.as_ref());
            }
            ObjectState::BucketPolicy(policy) => {
                let slot = self.buckets.entry(address.name.clone()).or_default();
                slot.account = account.to_string();
                slot.policy.clone_from(&policy.document);
            }
            ObjectState::PermissionSet(set) => self.provision(&address.name, set),
            ObjectState::Key(made) => {
                let fresh = KeyPolicyState::of_new_key(self.partition, account).document;
                let arn = KeyRef::named(self.partition, account, &address.name).arn;
                self.tags.insert(arn.clone(), made.tags.clone());
                let policy = self.keys.entry(arn).or_default();
                if policy.statements.is_empty() {
                    *policy = fresh;
                }
            }
            ObjectState::KeyPolicy(policy) => {
                let arn = KeyRef::named(self.partition, account, &address.name).arn;
                self.keys.insert(arn, policy.document.clone());
            }
        }
    }

    /// What a permission set gives by its inline policy, to the roles of it that are known and get it.
    fn provision(&mut self, set: &str, state: &SetState) {
        let SetState { document, late } = state;
        let partition = self.partition;
        for (address, held) in self.principals.iter_mut().filter(|(address, _)| address.kind == Kind::Role) {
            let arn = partition.iam_arn(&address.account, "role", &held.path, held.name.as_deref().unwrap_or(&address.name));
            if late.contains(&address.account) || PermissionSet::of_role(&arn).is_none_or(|of| of.name != set) {
                continue;
            }
            match document {
                Some(document) => drop(held.inline.insert(PermissionSet::INLINE.to_owned(), Some(document.clone()))),
                None => drop(held.inline.remove(PermissionSet::INLINE)),
            }
        }
    }

    fn take(&mut self, address: &Address, before: Option<&ObjectState>) {
        let account = &address.account;
        match before {
            Some(ObjectState::Role(_) | ObjectState::User(_)) => {
                let found = self.principals.remove(address);
                // In another spelling.
                if found.is_none() {
                    self.principals.retain(|a, _| !(a.account == *account && a.kind == address.kind && a.name.eq_ignore_ascii_case(&address.name)));
                }
            }
            Some(ObjectState::Group(_)) => {
                self.groups.remove(&key(address));
                let name = address.name.to_ascii_lowercase();
                for (_, user) in self.principals.iter_mut().filter(|(a, _)| a.account == *account) {
                    user.groups.remove(&name);
                }
            }
            Some(ObjectState::Policy(policy)) => {
                let arn = self.partition.iam_arn(account, "policy", &policy.path, &address.name);
                self.policies.remove(&arn);
                // IAM deletes none that is attached: the same change takes it off whoever holds it.
                self.principals.values_mut().chain(self.groups.values_mut()).for_each(|held| {
                    held.attached.remove(&arn);
                });
            }
            Some(ObjectState::Membership(membership)) => {
                if let Some(user) = self.principal(PrincipalKind::User, account, &membership.user) {
                    user.groups.remove(&membership.group.to_ascii_lowercase());
                }
            }
            Some(ObjectState::Attachment(attachment)) => {
                if let Some(held) = self.principal(attachment.principal.kind, account, &attachment.principal.name) {
                    held.attached.remove(&attachment.policy_arn);
                }
            }
            Some(ObjectState::Bucket(_)) => {
                self.buckets.remove(&address.name);
                self.bucket_keys.remove(&address.name);
                self.encryption_unread.remove(&address.name);
            }
            Some(ObjectState::BucketPolicy(_)) => {
                if let Some(bucket) = self.buckets.get_mut(&address.name) {
                    bucket.policy = None;
                }
            }
            // A key keeps a policy, and a set is never taken away.
            Some(ObjectState::KeyPolicy(_) | ObjectState::PermissionSet(_)) => {}
            Some(ObjectState::Key(_)) => {
                self.keys.insert(KeyRef::named(self.partition, account, &address.name).arn, Document::new(Vec::new()));
            }
            Some(ObjectState::OidcProvider(_) | ObjectState::SamlProvider(_)) => drop(self.providers.remove(address)),
            None => {}
        }
    }

    /// Someone who is in a group, and has nothing else.
    fn member(&self, address: &Address, held: &Held) -> (String, estate::Principal) {
        let name = held.name.clone().unwrap_or_else(|| address.name.clone());
        let mut member = estate::Principal {
            account: address.account.to_string(),
            user: true,
            name: name.clone(),
            tags: BTreeMap::new(),
            identity: Vec::new(),
            boundary: None,
            groups: BTreeSet::new(),
            unread: BTreeSet::new(),
        };
        self.collect(held, &format!("group {name}"), &mut member);
        (self.partition.iam_arn(&address.account, "group", &held.path, &name), member)
    }

    /// Compiles everything.
    pub fn estate(&self) -> Estate {
        if self.in_force.is_empty() {
            return self.compiled();
        }
        let mut named = self.clone();
        let other = |text: &str| self.in_force.get(text).cloned();
        for held in named.principals.values_mut().chain(named.groups.values_mut()) {
            let documents = held.trust.iter_mut().chain(held.inline.values_mut().flatten());
            documents.for_each(|document| document.map_texts(&other));
        }
        let buckets = named.buckets.values_mut().filter_map(|bucket| bucket.policy.as_mut());
        named.policies.values_mut().chain(buckets).for_each(|document| document.map_texts(&other));
        named.keys = std::mem::take(&mut named.keys).into_iter().map(|(arn, document)| (other(&arn).unwrap_or(arn), document)).collect();
        named.keys_off = std::mem::take(&mut named.keys_off).into_iter().map(|(arn, state)| (other(&arn).unwrap_or(arn), state)).collect();
        named.tags = std::mem::take(&mut named.tags).into_iter().map(|(arn, tags)| (other(&arn).unwrap_or(arn), tags)).collect();
        named.keys.values_mut().for_each(|document| document.map_texts(&other));
        for key in named.bucket_keys.values_mut().flatten() {
            key.arn = other(&key.arn).unwrap_or_else(|| key.arn.clone());
        }
        named.compiled()
    }

    /// Makes of the estate of others the one of these, where nothing but users and roles differs, and returns the ARNs of those. `None`:
    /// more does, and the estate is as it was.
    pub fn put_principals(&self, others: &Self, estate: &mut Estate) -> Option<BTreeSet<String>> {
        let Self {
            principals,
            groups,
            policies,
            buckets,
            providers,
            partition: _,
            keys,
            keys_off,
            bucket_keys,
            encryption_unread,
            tags,
            whole,
            in_part,
            account_blocks,
            in_force,
        } = self;
        let same = *groups == others.groups && *policies == others.policies && *buckets == others.buckets && *providers == others.providers;
        let same = same && *keys == others.keys && *bucket_keys == others.bucket_keys && *tags == others.tags && *whole == others.whole;
        let same = same && *keys_off == others.keys_off && *encryption_unread == others.encryption_unread;
        let same = same && *in_part == others.in_part && *account_blocks == others.account_blocks;
        if !same || !in_force.is_empty() || !others.in_force.is_empty() {
            return None;
        }
        // Whom other policies name may be another then.
        let (naming, before) = (self.naming(), others.naming());
        let trusts = principals.values().filter_map(|held| held.trust.as_ref());
        let policies = buckets.values().filter_map(|bucket| bucket.policy.as_ref()).chain(keys.values());
        if trusts.chain(policies).any(|document| naming.reads_otherwise(&before, document)) {
            return None;
        }
        let mut touched = BTreeSet::new();
        for (address, held) in others.principals.iter().filter(|(address, held)| principals.get(*address) != Some(*held)) {
            let arn = self.arn(address, held);
            estate.principals.remove(&arn);
            estate.roles.remove(&arn);
            touched.insert(arn);
        }
        for (address, held) in principals.iter().filter(|(address, held)| others.principals.get(*address) != Some(*held)) {
            self.compile(address, held, &naming, estate);
            touched.insert(self.arn(address, held));
        }
        Some(touched)
    }

    fn naming(&self) -> Naming {
        Naming::of(self.principals.iter().map(|(address, held)| self.arn(address, held)))
    }

    fn arn(&self, address: &Address, held: &Held) -> String {
        self.partition.iam_arn(&address.account, address.kind.as_str(), &held.path, &address.name)
    }

    fn compiled(&self) -> Estate {
        let mut estate = Estate {
            partition: self.partition.as_str().to_owned(),
            whole: self.whole.clone(),
            in_part: self.in_part.clone(),
            managed: self.policies.clone(),
            ..Estate::default()
        };
        let naming = self.naming();
        for (address, held) in &self.principals {
            self.compile(address, held, &naming, &mut estate);
        }
        for (address, held) in &self.groups {
            let (arn, member) = self.member(address, held);
            estate.principals.insert(arn, member);
        }
        for (address, tokens) in &self.providers {
            estate.providers.insert(self.partition.iam_arn(&address.account, address.kind.as_str(), "/", &address.name), tokens.clone());
        }
        for (name, bucket) in &self.buckets {
            let restrict_public = bucket.policy.as_ref().is_some_and(is_public)
                && self.restricts(bucket).unwrap_or_else(|| {
                    estate.blocks_unread.insert(name.clone());
                    false
                });
            estate.acls.insert(name.clone(), self.acls(bucket));
            let policy = bucket.policy.as_ref().map(|d| Placed::new(naming.read(d), format!("bucket policy of {name}")));
            estate.buckets.insert(name.clone(), Guarded { account: bucket.account.clone(), policy, restrict_public });
        }
        for (arn, document) in &self.keys {
            let account = crossrole_policy::Arn::parse(arn).map(|a| a.account.to_owned()).unwrap_or_default();
            let policy = Placed::of_key(naming.read(document), format!("policy of key {}", key_name(arn)));
            let policy = Some(if let Some(tags) = self.tags.get(arn) { policy.on(arn, tags) } else { policy });
            estate.keys.insert(arn.clone(), Guarded { account, policy, restrict_public: false });
        }
        estate.bucket_keys = self.bucket_keys.iter().filter_map(|(name, key)| Some((name.clone(), key.clone()?))).collect();
        estate.keys_off.clone_from(&self.keys_off);
        estate.encryption_unread.clone_from(&self.encryption_unread);
        estate.tags.clone_from(&self.tags);
        estate
    }

    fn compile(&self, address: &Address, held: &Held, naming: &Naming, estate: &mut Estate) {
        let kind = address.kind.as_str();
        let arn = self.arn(address, held);
        let of = format!("{kind} {}", address.name);
        let account = address.account.to_string();
        let mut principal = estate::Principal {
            account: account.clone(),
            user: address.kind == Kind::User,
            name: address.name.clone(),
            tags: held.tags.clone(),
            identity: Vec::new(),
            boundary: None,
            groups: BTreeSet::new(),
            unread: BTreeSet::new(),
        };
        self.collect(held, &of, &mut principal);
        for group in &held.groups {
            let address = Address::new(&address.account, Kind::Group, group.as_str());
            if let Some(held) = self.groups.get(&address) {
                let name = held.name.as_deref().unwrap_or(group);
                principal.groups.insert(self.partition.iam_arn(&address.account, "group", &held.path, name));
                self.collect(held, &format!("group {name}"), &mut principal);
            }
        }
        if let Some(arn) = &held.boundary {
            principal.boundary = Some(match self.managed(arn) {
                Some(document) => vec![Placed::new(document, format!("permissions boundary {arn}"))],
                // What it limits is not known, so it is taken to limit nothing: a widening must not hide behind it.
                None => {
                    principal.unread.insert(arn.clone());
                    vec![Placed::everything(arn.as_str())]
                }
            });
        }
        if let Some(trust) = &held.trust {
            let policy = Some(Placed::new(naming.read(trust), format!("trust policy of {of}")).on(&arn, &held.tags));
            estate.roles.insert(arn.clone(), Guarded { account, policy, restrict_public: false });
        }
        estate.principals.insert(arn, principal);
    }

    /// The blocks of public access of a bucket and its account: `None` where one is not known.
    fn blocks(&self, bucket: &Bucket) -> [Option<PublicAccessBlock>; 2] {
        let off = PublicAccessBlock::all(false);
        match &self.account_blocks {
            Some(read) => [bucket.block, read.get(&bucket.account).copied()],
            // Manifests alone are asked: what they do not say is not there.
            None => [Some(bucket.block.unwrap_or(off)), Some(off)],
        }
    }

    /// Tells whether a bucket whose policy is public is closed to others, if that is known.
    fn restricts(&self, bucket: &Bucket) -> Option<bool> {
        let blocks = self.blocks(bucket);
        let on = blocks.iter().flatten().any(|block| block.restrict_buckets);
        (on || blocks.iter().all(Option::is_some)).then_some(on)
    }

    fn acls(&self, bucket: &Bucket) -> Acls {
        Acls { ownership: bucket.ownership.clone(), ignored: self.blocks(bucket).iter().flatten().any(|block| block.ignore_acls) }
    }

    fn collect(&self, held: &Held, of: &str, into: &mut estate::Principal) {
        for (name, document) in &held.inline {
            match document {
                Some(document) => into.identity.push(Placed::new(document.clone(), format!("inline policy {name} of {of}"))),
                None => {
                    into.unread.insert(format!("inline policy {name}"));
                }
            }
        }
        for arn in &held.attached {
            match self.managed(arn) {
                Some(document) => into.identity.push(Placed::new(document, format!("managed policy {} of {of}", arn.rsplit('/').next().unwrap_or(arn)))),
                None => {
                    into.unread.insert(arn.clone());
                }
            }
        }
    }

    fn managed(&self, arn: &str) -> Option<Document> {
        self.policies.get(arn).cloned().or_else(|| aws_managed(arn))
    }
}

/// The document of a policy of AWS's own, where it is known without reading it.
pub fn aws_managed(arn: &str) -> Option<Document> {
    let name = arn.split_once(":iam::aws:policy/")?.1;
    let (_, text) = AWS_MANAGED.iter().find(|(known, _)| *known == name)?;
    crossrole_policy::parse(text).ok()
}
