//! IAM of the estate.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::observed::{AccountState, ObservedGroup, ObservedPolicy, ObservedRole, ObservedUser};
use crossrole_model::state::{GroupState, OidcState, PolicyState, RoleState, SamlState, UserState};
use crossrole_model::{AccountId, ErrorClass, IamCall, Observed, PrincipalKind, PrincipalRef, limits, ownership};

use super::{Answer, account, forget, known, unique};

pub(super) struct Iam<'e> {
    pub(super) estate: &'e mut Observed,
    pub(super) to: &'e AccountId,
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

    pub(super) fn call(&mut self, call: &IamCall) -> Answer {
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
            IamCall::CreateSamlProvider { .. }
            | IamCall::UpdateSamlProvider { .. }
            | IamCall::TagSamlProvider { .. }
            | IamCall::UntagSamlProvider { .. }
            | IamCall::DeleteSamlProvider { .. } => self.of_saml(call),
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
            IamCall::CreateGroup { .. }
            | IamCall::UpdateGroup { .. }
            | IamCall::DeleteGroup { .. }
            | IamCall::AddUserToGroup { .. }
            | IamCall::RemoveUserFromGroup { .. } => self.of_group(call),
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
                let policy = ObservedPolicy { name: name.clone(), arn, state, old_versions: Vec::new(), history: Vec::new() };
                self.account().policies.insert(name.to_ascii_lowercase(), policy);
            }
            IamCall::CreatePolicyVersion { arn, document } => {
                let policy = self.policy(arn)?;
                if policy.old_versions.len() + 1 >= limits::POLICY_VERSIONS {
                    if !ownership::is_caller_arn(arn) {
                        return Err(ErrorClass::Quota);
                    }
                    // Whoever writes one of these makes room for it.
                    policy.old_versions.remove(0);
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
            IamCall::UpdateGroup { group, path } => self.group(group)?.state.path.clone_from(path),
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

    fn saml(&mut self, arn: &str) -> Result<&mut SamlState, ErrorClass> {
        let name = arn.split_once(":saml-provider/").map(|(_, name)| name.to_owned()).ok_or(ErrorClass::Invalid)?;
        self.account().saml_providers.get_mut(&name).ok_or(ErrorClass::NotFound)
    }

    fn of_saml(&mut self, call: &IamCall) -> Answer {
        match call {
            IamCall::CreateSamlProvider { name, metadata, tags } => {
                if self.account().saml_providers.contains_key(name) {
                    return Err(ErrorClass::AlreadyExists);
                }
                let provider = SamlState { metadata: metadata.clone(), tags: tags.clone() };
                self.account().saml_providers.insert(name.clone(), provider);
            }
            IamCall::UpdateSamlProvider { arn, metadata } => self.saml(arn)?.metadata.clone_from(metadata),
            IamCall::TagSamlProvider { arn, tags } => self.saml(arn)?.tags.extend(tags.clone()),
            IamCall::UntagSamlProvider { arn, keys } => self.saml(arn)?.tags.retain(|key, _| !keys.contains(key)),
            IamCall::DeleteSamlProvider { arn } => {
                self.saml(arn)?;
                let name = arn.rsplit('/').next().unwrap_or_default();
                self.account().saml_providers.remove(name);
            }
            other => panic!("{other:?} is not of a SAML provider"),
        }
        Ok(())
    }
}
