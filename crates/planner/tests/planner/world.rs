//! An estate in memory that takes calls as strictly as AWS does: what a call names must be there, what is deleted must be
//! empty, names are unique without regard to case. The tests of the planner and of the applier stand on it.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::observed::{AccountState, ObservedBucket, ObservedGroup, ObservedPolicy, ObservedRole, ObservedUser, Scope};
use crossrole_model::state::{BucketPolicyState, BucketState, GroupState, OidcState, PolicyState, RoleState, Tags, UserState};
use crossrole_model::{AccountId, BucketCall, Call, ErrorClass, IamCall, Observation, Observed, PrincipalKind, PrincipalRef, Unreadable, limits, ownership};
use crossrole_policy::{Arn, Document};

/// The answer to a call.
pub(crate) type Answer = Result<(), ErrorClass>;

pub(crate) fn id(account: &str) -> AccountId {
    AccountId::parse(account).unwrap()
}

/// Accounts that are empty, and whole.
pub(crate) fn estate(accounts: &[&str]) -> Observed {
    let mut estate = Observed::default();
    for account in accounts {
        estate.accounts.insert(id(account), Observation::Known(AccountState { complete: true, ..AccountState::default() }));
    }
    estate
}

pub(crate) fn account<'e>(estate: &'e mut Observed, account: &AccountId) -> &'e mut AccountState {
    match estate.accounts.get_mut(account) {
        Some(Observation::Known(state)) => state,
        other => panic!("account {account} is {other:?}"),
    }
}

pub(crate) fn bucket<'e>(estate: &'e mut Observed, name: &str) -> &'e mut ObservedBucket {
    match estate.buckets.get_mut(name) {
        Some(Observation::Known(Some(bucket))) => bucket,
        other => panic!("bucket {name} is {other:?}"),
    }
}

/// A bucket as S3 makes it today.
pub(crate) fn add_bucket(estate: &mut Observed, owner: &str, name: &str, region: &str) {
    let state = BucketState {
        region: region.to_owned(),
        versioning: Some(false),
        encryption: Some(crossrole_model::state::Encryption::Aes256),
        public_access_block: Some(crossrole_model::state::PublicAccessBlock::all(true)),
        ownership: Some("BucketOwnerEnforced".to_owned()),
        logging: Some(None),
        tags: Some(Tags::new()),
    };
    let found = ObservedBucket { state, policy: Observation::Known(BucketPolicyState { document: None }) };
    estate.buckets.insert(name.to_owned(), Observation::Known(Some(found)));
    estate.bucket_accounts.insert(name.to_owned(), id(owner));
}

/// A unique id such as IAM gives: of its kind, never the same for two.
fn unique(prefix: &str, account: &AccountId, name: &str) -> String {
    let letters: String = name.bytes().filter(u8::is_ascii_alphanumeric).map(char::from).collect();
    format!("{prefix}{}{}", account.as_str(), letters.to_ascii_uppercase())
}

/// Makes one call. An error changes nothing.
pub(crate) fn carry_out(estate: &mut Observed, to: &AccountId, call: &Call) -> Answer {
    match call {
        Call::Iam(call) => Iam { estate, to }.call(call),
        Call::Bucket(call) => s3(estate, to, call),
    }
}

struct Iam<'e> {
    estate: &'e mut Observed,
    to: &'e AccountId,
}

impl Iam<'_> {
    fn account(&mut self) -> &mut AccountState {
        account(self.estate, self.to)
    }

    fn role(&mut self, name: &str) -> Result<&mut ObservedRole, ErrorClass> {
        self.account().roles.get_mut(&name.to_ascii_lowercase()).ok_or(ErrorClass::NotFound)
    }

    fn policy(&mut self, arn: &str) -> Result<&mut ObservedPolicy, ErrorClass> {
        self.account().policies.values_mut().find(|p| p.arn == arn).ok_or(ErrorClass::NotFound)
    }

    fn user(&mut self, name: &str) -> Result<&mut ObservedUser, ErrorClass> {
        self.account().users.get_mut(&name.to_ascii_lowercase()).ok_or(ErrorClass::NotFound)
    }

    fn group(&mut self, name: &str) -> Result<&mut ObservedGroup, ErrorClass> {
        self.account().groups.get_mut(&name.to_ascii_lowercase()).ok_or(ErrorClass::NotFound)
    }

    fn provider(&mut self, arn: &str) -> Result<&mut OidcState, ErrorClass> {
        let host = arn.split_once(":oidc-provider/").map(|(_, host)| host.to_owned()).ok_or(ErrorClass::Invalid)?;
        self.account().oidc_providers.get_mut(&host).ok_or(ErrorClass::NotFound)
    }

    fn attached(&mut self, of: &PrincipalRef) -> Result<&mut BTreeSet<String>, ErrorClass> {
        Ok(match of.kind {
            PrincipalKind::Role => &mut self.role(&of.name)?.state.attached,
            PrincipalKind::User => &mut self.user(&of.name)?.attached,
            PrincipalKind::Group => &mut self.group(&of.name)?.attached,
        })
    }

    fn is_attached(&mut self, arn: &str) -> bool {
        let account = self.account();
        let boundary = account.roles.values().any(|r| r.state.boundary.as_deref() == Some(arn));
        let role = account.roles.values().any(|r| r.state.attached.contains(arn));
        let user = account.users.values().any(|u| u.attached.contains(arn));
        boundary || role || user || account.groups.values().any(|g| g.attached.contains(arn))
    }

    fn call(&mut self, call: &IamCall) -> Answer {
        match call {
            IamCall::CreateRole { .. }
            | IamCall::UpdateTrust { .. }
            | IamCall::UpdateRole { .. }
            | IamCall::PutBoundary { .. }
            | IamCall::DeleteBoundary { .. }
            | IamCall::TagRole { .. }
            | IamCall::UntagRole { .. }
            | IamCall::RemoveRoleFromInstanceProfile { .. }
            | IamCall::PutInlinePolicy { .. }
            | IamCall::DeleteRole { .. } => self.of_role(call),
            IamCall::CreatePolicy { .. }
            | IamCall::CreatePolicyVersion { .. }
            | IamCall::DeletePolicyVersion { .. }
            | IamCall::TagPolicy { .. }
            | IamCall::UntagPolicy { .. }
            | IamCall::DeletePolicy { .. } => self.of_policy(call),
            IamCall::CreateOidcProvider { .. }
            | IamCall::AddClientId { .. }
            | IamCall::RemoveClientId { .. }
            | IamCall::TagOidcProvider { .. }
            | IamCall::UntagOidcProvider { .. }
            | IamCall::DeleteOidcProvider { .. } => self.of_provider(call),
            IamCall::DeleteInlinePolicy { principal, name } => {
                let gone = match principal.kind {
                    PrincipalKind::Role => self.role(&principal.name)?.state.inline.remove(name).is_some(),
                    PrincipalKind::User => self.user(&principal.name)?.inline.remove(name).is_some(),
                    PrincipalKind::Group => self.group(&principal.name)?.inline.remove(name).is_some(),
                };
                if gone { Ok(()) } else { Err(ErrorClass::NotFound) }
            }
            IamCall::AttachPolicy { principal, arn } => {
                if !arn.contains(":iam::aws:") {
                    self.policy(arn)?;
                }
                self.attached(principal)?.insert(arn.clone());
                Ok(())
            }
            IamCall::DetachPolicy { principal, arn } => {
                if self.attached(principal)?.remove(arn) {
                    Ok(())
                } else {
                    Err(ErrorClass::NotFound)
                }
            }
            IamCall::CreateUser { .. } | IamCall::TagUser { .. } | IamCall::UntagUser { .. } | IamCall::DeleteUser { .. } => self.of_user(call),
            IamCall::CreateGroup { .. } | IamCall::DeleteGroup { .. } | IamCall::AddUserToGroup { .. } | IamCall::RemoveUserFromGroup { .. } => {
                self.of_group(call)
            }
        }
    }

    fn of_role(&mut self, call: &IamCall) -> Answer {
        match call {
            IamCall::CreateRole { name, path, trust, description, max_session_seconds, boundary, tags } => {
                if self.role(name).is_ok() {
                    return Err(ErrorClass::AlreadyExists);
                }
                known(self.estate, trust)?;
                boundary.as_deref().map_or(Ok(()), |arn| self.policy(arn).map(drop))?;
                let state = RoleState {
                    path: path.clone(),
                    trust: trust.clone(),
                    description: description.clone(),
                    max_session_seconds: *max_session_seconds,
                    boundary: boundary.clone(),
                    tags: tags.clone(),
                    inline: BTreeMap::new(),
                    attached: BTreeSet::new(),
                };
                let role = ObservedRole { name: name.clone(), id: unique("AROA", self.to, name), state, instance_profiles: BTreeSet::new() };
                self.account().roles.insert(name.to_ascii_lowercase(), role);
            }
            IamCall::UpdateTrust { role, trust } => {
                self.role(role)?;
                known(self.estate, trust)?;
                self.role(role)?.state.trust = trust.clone();
            }
            IamCall::UpdateRole { role, description, max_session_seconds } => {
                let state = &mut self.role(role)?.state;
                state.description.clone_from(description);
                state.max_session_seconds = *max_session_seconds;
            }
            IamCall::PutBoundary { role, arn } => {
                self.policy(arn)?;
                self.role(role)?.state.boundary = Some(arn.clone());
            }
            IamCall::DeleteBoundary { role } => self.role(role)?.state.boundary = None,
            IamCall::TagRole { role, tags } => self.role(role)?.state.tags.extend(tags.clone()),
            IamCall::UntagRole { role, keys } => self.role(role)?.state.tags.retain(|key, _| !keys.contains(key)),
            IamCall::RemoveRoleFromInstanceProfile { role, profile } => {
                if !self.role(role)?.instance_profiles.remove(profile) {
                    return Err(ErrorClass::NotFound);
                }
            }
            IamCall::PutInlinePolicy { role, name, document } => {
                self.role(role)?.state.inline.insert(name.clone(), document.clone());
            }
            IamCall::DeleteRole { role } => {
                let found = self.role(role)?;
                if !found.state.attached.is_empty() || !found.state.inline.is_empty() || !found.instance_profiles.is_empty() {
                    return Err(ErrorClass::Conflict);
                }
                let (path, name, unique) = (found.state.path.clone(), found.name.clone(), found.id.clone());
                self.account().roles.remove(&role.to_ascii_lowercase());
                forget(self.estate, &format!("arn:aws:iam::{}:role{path}{name}", self.to), &unique);
            }
            other => panic!("{other:?} is not of a role"),
        }
        Ok(())
    }

    fn of_policy(&mut self, call: &IamCall) -> Answer {
        match call {
            IamCall::CreatePolicy { name, path, description, document, tags } => {
                if self.account().policies.contains_key(&name.to_ascii_lowercase()) {
                    return Err(ErrorClass::AlreadyExists);
                }
                let arn = format!("arn:aws:iam::{}:policy{path}{name}", self.to);
                let state = PolicyState { path: path.clone(), description: description.clone(), document: document.clone(), tags: tags.clone() };
                let policy = ObservedPolicy { name: name.clone(), arn, state, old_versions: Vec::new() };
                self.account().policies.insert(name.to_ascii_lowercase(), policy);
            }
            IamCall::CreatePolicyVersion { arn, document } => {
                let policy = self.policy(arn)?;
                if policy.old_versions.len() + 1 >= limits::POLICY_VERSIONS {
                    return Err(ErrorClass::Quota);
                }
                let next = policy.old_versions.len() + 1;
                policy.old_versions.push(format!("v{next}"));
                policy.state.document = document.clone();
            }
            IamCall::DeletePolicyVersion { arn, version } => {
                let versions = &mut self.policy(arn)?.old_versions;
                let at = versions.iter().position(|v| v == version).ok_or(ErrorClass::NotFound)?;
                versions.remove(at);
            }
            IamCall::TagPolicy { arn, tags } => self.policy(arn)?.state.tags.extend(tags.clone()),
            IamCall::UntagPolicy { arn, keys } => self.policy(arn)?.state.tags.retain(|key, _| !keys.contains(key)),
            IamCall::DeletePolicy { arn } => {
                let policy = self.policy(arn)?;
                let (key, versions) = (policy.name.to_ascii_lowercase(), policy.old_versions.len());
                if versions > 0 || self.is_attached(arn) {
                    return Err(ErrorClass::Conflict);
                }
                self.account().policies.remove(&key);
            }
            other => panic!("{other:?} is not of a policy"),
        }
        Ok(())
    }

    fn of_user(&mut self, call: &IamCall) -> Answer {
        match call {
            IamCall::CreateUser { name, path, tags } => {
                if self.user(name).is_ok() {
                    return Err(ErrorClass::AlreadyExists);
                }
                let user = ObservedUser {
                    name: name.clone(),
                    id: unique("AIDA", self.to, name),
                    state: UserState { path: path.clone(), tags: tags.clone() },
                    groups: BTreeSet::new(),
                    boundary: None,
                    attached: BTreeSet::new(),
                    inline: BTreeMap::new(),
                };
                self.account().users.insert(name.to_ascii_lowercase(), user);
            }
            IamCall::TagUser { user, tags } => self.user(user)?.state.tags.extend(tags.clone()),
            IamCall::UntagUser { user, keys } => self.user(user)?.state.tags.retain(|key, _| !keys.contains(key)),
            IamCall::DeleteUser { user } => {
                let found = self.user(user)?;
                if !found.groups.is_empty() || !found.attached.is_empty() || !found.inline.is_empty() {
                    return Err(ErrorClass::Conflict);
                }
                let (path, name, unique) = (found.state.path.clone(), found.name.clone(), found.id.clone());
                self.account().users.remove(&user.to_ascii_lowercase());
                forget(self.estate, &format!("arn:aws:iam::{}:user{path}{name}", self.to), &unique);
            }
            other => panic!("{other:?} is not of a user"),
        }
        Ok(())
    }

    fn of_group(&mut self, call: &IamCall) -> Answer {
        match call {
            IamCall::CreateGroup { name, path } => {
                if self.group(name).is_ok() {
                    return Err(ErrorClass::AlreadyExists);
                }
                let group = ObservedGroup { name: name.clone(), state: GroupState { path: path.clone() }, attached: BTreeSet::new(), inline: BTreeMap::new() };
                self.account().groups.insert(name.to_ascii_lowercase(), group);
            }
            IamCall::DeleteGroup { group } => {
                let found = self.group(group)?;
                let name = found.name.clone();
                let held = !found.attached.is_empty() || !found.inline.is_empty();
                if held || self.account().users.values().any(|u| u.groups.contains(&name)) {
                    return Err(ErrorClass::Conflict);
                }
                self.account().groups.remove(&group.to_ascii_lowercase());
            }
            IamCall::AddUserToGroup { group, user } => {
                let name = self.group(group)?.name.clone();
                self.user(user)?.groups.insert(name);
            }
            IamCall::RemoveUserFromGroup { group, user } => {
                let name = self.group(group)?.name.clone();
                if !self.user(user)?.groups.remove(&name) {
                    return Err(ErrorClass::NotFound);
                }
            }
            other => panic!("{other:?} is not of a group"),
        }
        Ok(())
    }

    fn of_provider(&mut self, call: &IamCall) -> Answer {
        match call {
            IamCall::CreateOidcProvider { url, client_ids, tags } => {
                let host = url.trim_start_matches("https://").to_owned();
                if self.account().oidc_providers.contains_key(&host) {
                    return Err(ErrorClass::AlreadyExists);
                }
                let provider = OidcState { url: url.clone(), client_ids: client_ids.clone(), tags: tags.clone() };
                self.account().oidc_providers.insert(host, provider);
            }
            IamCall::AddClientId { arn, client_id } => drop(self.provider(arn)?.client_ids.insert(client_id.clone())),
            IamCall::RemoveClientId { arn, client_id } => drop(self.provider(arn)?.client_ids.remove(client_id)),
            IamCall::TagOidcProvider { arn, tags } => self.provider(arn)?.tags.extend(tags.clone()),
            IamCall::UntagOidcProvider { arn, keys } => self.provider(arn)?.tags.retain(|key, _| !keys.contains(key)),
            IamCall::DeleteOidcProvider { arn } => {
                let host = self.provider(arn)?.url.trim_start_matches("https://").to_owned();
                self.account().oidc_providers.remove(&host);
            }
            other => panic!("{other:?} is not of a provider"),
        }
        Ok(())
    }
}

fn s3(estate: &mut Observed, to: &AccountId, call: &BucketCall) -> Answer {
    let name = call.bucket().name.clone();
    let there = matches!(estate.buckets.get(&name), Some(Observation::Known(Some(_))));
    if let BucketCall::Create { bucket: wanted, ownership, tags } = call {
        if there {
            return Err(ErrorClass::AlreadyExists);
        }
        add_bucket(estate, to.as_str(), &name, &wanted.region);
        let state = &mut bucket(estate, &name).state;
        state.tags = Some(tags.clone());
        if ownership.is_some() {
            state.ownership.clone_from(ownership);
        }
        return Ok(());
    }
    if !there {
        return Err(ErrorClass::NotFound);
    }
    if let BucketCall::PutPolicy { document, .. } = call {
        known(estate, document)?;
        if document.to_json().len() > limits::BUCKET_POLICY {
            return Err(ErrorClass::Invalid);
        }
    }
    if let BucketCall::PutLogging { logging: Some(logging), .. } = call
        && !matches!(estate.buckets.get(&logging.bucket), Some(Observation::Known(Some(_))))
    {
        return Err(ErrorClass::Invalid);
    }
    let found = bucket(estate, &name);
    let state = &mut found.state;
    assert_eq!(state.region, call.bucket().region, "{call:?} goes to the wrong region");
    match call {
        BucketCall::Create { .. } => {}
        BucketCall::PutVersioning { enabled, .. } => state.versioning = Some(*enabled),
        BucketCall::PutEncryption { encryption, .. } => state.encryption = Some(encryption.clone()),
        BucketCall::PutPublicAccessBlock { block, .. } => state.public_access_block = Some(*block),
        BucketCall::PutOwnership { ownership, .. } => state.ownership = Some(ownership.clone()),
        BucketCall::PutLogging { logging, .. } => state.logging = Some(logging.clone()),
        BucketCall::PutTags { tags, .. } => state.tags = Some(tags.clone()),
        BucketCall::Delete { .. } => drop(estate.buckets.insert(name, Observation::Known(None))),
        BucketCall::PutPolicy { document, .. } => found.policy = Observation::Known(BucketPolicyState { document: Some(document.clone()) }),
        BucketCall::DeletePolicy { .. } => found.policy = Observation::Known(BucketPolicyState { document: None }),
    }
    Ok(())
}

/// AWS refuses a document that names a principal that does not exist; accounts that were not read are taken at their word.
fn known(estate: &Observed, document: &Document) -> Answer {
    if !document.orphaned_principals().is_empty() {
        return Err(ErrorClass::UnknownPrincipal);
    }
    for principal in document.aws_principals() {
        let Some(arn) = Arn::parse(principal) else { continue };
        let Some(Observation::Known(account)) = AccountId::parse(arn.account).and_then(|a| estate.accounts.get(&a)) else { continue };
        let there = match arn.kind_and_name() {
            Some(("role", name)) => account.roles.get(&name.to_ascii_lowercase()).is_some_and(|r| arn.resource == format!("role{}{}", r.state.path, r.name)),
            Some(("user", name)) => account.users.get(&name.to_ascii_lowercase()).is_some_and(|u| arn.resource == format!("user{}{}", u.state.path, u.name)),
            _ => true,
        };
        if !there {
            return Err(ErrorClass::UnknownPrincipal);
        }
    }
    Ok(())
}

/// A principal that is deleted stays in documents under its unique id.
fn forget(estate: &mut Observed, arn: &str, unique: &str) {
    let rename = |document: &mut Document| document.map_aws_principals(|value| (value == arn).then(|| unique.to_owned()));
    for observation in estate.accounts.values_mut() {
        if let Observation::Known(account) = observation {
            account.roles.values_mut().for_each(|role| rename(&mut role.state.trust));
        }
    }
    for observation in estate.buckets.values_mut() {
        if let Observation::Known(Some(ObservedBucket { policy: Observation::Known(BucketPolicyState { document: Some(document) }), .. })) = observation {
            rename(document);
        }
    }
}

/// Reads what is in scope, as AWS is read: only the settings that are stated, and the buckets that live roles of ours name.
pub(crate) fn look(estate: &Observed, scope: &Scope) -> Observed {
    let mut seen = Observed::default();
    for account in scope.accounts.keys() {
        let unread = Observation::Unreadable(Unreadable::not_tried(account));
        seen.accounts.insert(account.clone(), estate.accounts.get(account).cloned().unwrap_or(unread));
    }
    for (name, wanted) in &scope.buckets {
        seen.bucket_accounts.insert(name.clone(), wanted.account.clone());
        let found = estate.buckets.get(name).cloned().unwrap_or(Observation::Known(None));
        seen.buckets.insert(name.clone(), only(found, wanted.settings.as_ref()));
    }
    let ours = |role: &&ObservedRole| ownership::owner(&role.state.tags).is_some_and(|owner| scope.follow_owned.contains(owner));
    let roles = estate.accounts.values().filter_map(Observation::known).flat_map(|a| a.roles.values()).filter(ours);
    let documents = roles.flat_map(|role| role.state.inline.values()).flat_map(|d| &d.statements);
    let resources = documents.filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values);
    for name in resources.filter_map(|r| Arn::parse(r)).filter(|a| a.service == "s3").filter_map(|a| a.resource.split('/').next()) {
        if let (false, Some(found), Some(owner)) = (seen.buckets.contains_key(name), estate.buckets.get(name), estate.bucket_accounts.get(name)) {
            let followed = BucketState {
                region: String::new(),
                versioning: None,
                encryption: None,
                public_access_block: None,
                ownership: None,
                logging: None,
                tags: Some(Tags::new()),
            };
            seen.buckets.insert(name.to_owned(), only(found.clone(), Some(&followed)));
            seen.bucket_accounts.insert(name.to_owned(), owner.clone());
        }
    }
    seen
}

/// The bucket with only those settings that are stated.
fn only(mut found: Observation<Option<ObservedBucket>>, stated: Option<&BucketState>) -> Observation<Option<ObservedBucket>> {
    if let Observation::Known(Some(bucket)) = &mut found {
        let BucketState { region: _, versioning, encryption, public_access_block, ownership, logging, tags } = &mut bucket.state;
        let unless = |stated: Option<bool>| stated != Some(true);
        if unless(stated.map(|s| s.versioning.is_some())) {
            *versioning = None;
        }
        if unless(stated.map(|s| s.encryption.is_some())) {
            *encryption = None;
        }
        if unless(stated.map(|s| s.public_access_block.is_some())) {
            *public_access_block = None;
        }
        if unless(stated.map(|s| s.ownership.is_some())) {
            *ownership = None;
        }
        if unless(stated.map(|s| s.logging.is_some())) {
            *logging = None;
        }
        if unless(stated.map(|s| s.tags.is_some())) {
            *tags = None;
        }
    }
    found
}
