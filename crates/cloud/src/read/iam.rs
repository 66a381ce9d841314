//! IAM of one account: two paged calls, however many roles there are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_iam::types::{AttachedPolicy, EntityType, GroupDetail, ManagedPolicyDetail, PolicyDetail, RoleDetail, Tag, UserDetail};
use crossrole_model::audit::RoleFacts;
use crossrole_model::limits::{Granted, Quota};
use crossrole_model::observed::Scope;
use crossrole_model::observed::{AccountState, ObservedGroup, ObservedPolicy, ObservedRole, ObservedUser};
use crossrole_model::state::{GroupState, OidcState, PolicyState, RoleState, SamlState, Tags, UserState};
use crossrole_model::{Address, CloudError, ErrorClass, Kind, Unreadable, ownership};
use crossrole_policy::Document;
use futures_util::future::{join, join_all, try_join, try_join_all};

use crate::session::Session;
use crate::versions::number;

use super::{decode_document, malformed, object};

/// Entries a page: the most IAM gives.
const PAGE: i32 = 1000;

/// Code of a listing in which a managed policy has no name: an emulator's, which knows single objects all the same.
const NAMELESS: &str = "policy without a name";

/// Most pages of one listing: 1,000 pages of 1,000 are far beyond every quota of IAM.
pub(super) const PAGES_MOST: usize = 1_000;

/// Reads an account: in bulk, or, where the runner may not, the objects that are relied on, one by one. Any other failure tells
/// nothing about single objects.
pub(super) async fn read(session: &Arc<Session>, objects: &BTreeSet<Address>, scope: &Scope) -> Result<AccountState, Unreadable> {
    let quotas = async { if scope.presence { Granted::default() } else { granted(session).await } };
    let (state, quotas) = join(bulk(session, scope.presence), quotas).await;
    let mut state = match state {
        Ok(state) => state,
        Err(error) if error.class == ErrorClass::Denied || error.code == NAMELESS => object::read(session, objects, Unreadable::from(&error)).await,
        Err(error) => return Err(Unreadable::from(&error)),
    };
    state.granted = quotas;
    Ok(state)
}

/// The account's own quotas, where it tells them.
async fn granted(session: &Arc<Session>) -> Granted {
    match session.read("GetAccountSummary", || session.iam.get_account_summary().send()).await {
        Ok(answer) => {
            let told = |key: &str| {
                let value = answer.summary_map()?.iter().find(|(k, _)| k.as_str() == key)?.1;
                usize::try_from(*value).ok().filter(|n| *n > 0)
            };
            let limits = Quota::ALL.into_iter().filter_map(|quota| Some((quota, told(quota.key()?)?)));
            Granted { limits: limits.collect(), unread: None }
        }
        Err(error) => Granted { limits: BTreeMap::new(), unread: Some(Unreadable::from(&error)) },
    }
}

/// Reads what no bulk read has, where the manifest or what was read speaks of it: tags of policies, OpenID Connect providers.
pub(super) async fn more(session: &Arc<Session>, state: &mut AccountState, objects: &BTreeSet<Address>, scope: &Scope) {
    let tags = async { if state.complete && !scope.presence { policy_tags(session, state, objects, scope).await } else { Vec::new() } };
    let speaks = |kind| speaks_of_providers(kind, state, objects, scope);
    let oidc = async { if speaks(Kind::OidcProvider) { Some(oidc_providers(session).await) } else { None } };
    let saml = async { if speaks(Kind::SamlProvider) { Some(saml_providers(session).await) } else { None } };
    let (tags, (oidc, saml)) = join(tags, join(oidc, saml)).await;
    for (key, answer) in tags {
        match answer {
            Ok(tags) => {
                if let Some(policy) = state.policies.get_mut(&key) {
                    policy.state.tags = tags;
                }
            }
            Err(error) => {
                let name = state.policies.get(&key).map_or(key, |p| p.name.clone());
                let address = Address::new(&session.account, Kind::Policy, name);
                if !objects.contains(&address) {
                    state.unlisted.entry(Kind::Policy).or_insert_with(|| Unreadable::from(&error));
                }
                state.unreadable.insert(address, Unreadable::from(&error));
            }
        }
    }
    let mut unread = |kind, error: &CloudError| {
        let any = scope.everything.then(|| Address::new(&session.account, kind, "*"));
        let declared = objects.iter().filter(|a| a.kind == kind).chain(&any);
        state.unreadable.extend(declared.map(|address| (address.clone(), Unreadable::from(error))));
        state.unlisted.insert(kind, Unreadable::from(error));
    };
    match oidc {
        Some(Ok(found)) => state.oidc_providers = found,
        Some(Err(error)) => unread(Kind::OidcProvider, &error),
        None => {}
    }
    match saml {
        Some(Ok(found)) => state.saml_providers = found,
        Some(Err(error)) => unread(Kind::SamlProvider, &error),
        None => {}
    }
}

async fn bulk(session: &Arc<Session>, presence: bool) -> Result<AccountState, CloudError> {
    if presence {
        return details(session, None).await.map(|state| AccountState { complete: true, ..state });
    }
    let (details, settings) = try_join(details(session, None), role_settings(session)).await?;
    Ok(whole(details, &settings))
}

/// Puts both listings together.
fn whole(mut state: AccountState, settings: &BTreeMap<String, (String, u32)>) -> AccountState {
    for role in state.roles.values_mut() {
        // A role made between the two listings has only defaults here; the next plan sees it.
        if let Some((description, seconds)) = settings.get(&role.name) {
            role.state.description.clone_from(description);
            role.state.max_session_seconds = *seconds;
        }
    }
    state.complete = true;
    state
}

/// An account with the policies of AWS's own that somebody has, and when its roles were made and used.
pub(super) async fn with_uses(session: &Arc<Session>) -> Result<(AccountState, BTreeMap<String, RoleFacts>), CloudError> {
    let mut uses = BTreeMap::new();
    let (details, settings) = try_join(details(session, Some(&mut uses)), role_settings(session)).await?;
    Ok((whole(details, &settings), uses))
}

/// Identity providers of the account.
pub(super) async fn providers(session: &Arc<Session>) -> Result<(BTreeMap<String, OidcState>, BTreeMap<String, SamlState>), CloudError> {
    try_join(oidc_providers(session), saml_providers(session)).await
}

async fn details(session: &Arc<Session>, mut uses: Option<&mut BTreeMap<String, RoleFacts>>) -> Result<AccountState, CloudError> {
    const OPERATION: &str = "GetAccountAuthorizationDetails";
    let mut state = AccountState::default();
    let mut marker = None;
    for _ in 0..PAGES_MOST {
        let request = session.iam.get_account_authorization_details().max_items(PAGE).set_marker(marker.take());
        let mut request = request.filter(EntityType::Role).filter(EntityType::User).filter(EntityType::Group).filter(EntityType::LocalManagedPolicy);
        if uses.is_some() {
            request = request.filter(EntityType::AwsManagedPolicy);
        }
        let page = session.read(OPERATION, || request.clone().send()).await?;
        for role in page.role_detail_list() {
            if let Some(uses) = &mut uses {
                uses.insert(role.role_name().unwrap_or_default().to_ascii_lowercase(), role_uses(role));
            }
            let role = role_detail(session, role)?;
            state.roles.insert(role.name.to_ascii_lowercase(), role);
        }
        for user in page.user_detail_list() {
            let user = user_detail(session, user);
            state.users.insert(user.name.to_ascii_lowercase(), user);
        }
        for group in page.group_detail_list() {
            let group = group_detail(session, group);
            state.groups.insert(group.name.to_ascii_lowercase(), group);
        }
        for policy in page.policies() {
            // A policy without a name is no policy: some emulators answer so.
            if policy.policy_name().is_none_or(str::is_empty) {
                return Err(CloudError { code: NAMELESS.to_owned(), ..malformed(OPERATION, &session.account, "a managed policy has no name") });
            }
            let of_aws = policy.arn().is_some_and(|arn| arn.contains(":iam::aws:"));
            match policy_detail(session, policy) {
                // Those of AWS's own may be called as one of the account's.
                Ok(policy) if of_aws => drop(state.policies.insert(policy.arn.clone(), policy)),
                Ok(policy) => drop(state.policies.insert(policy.name.to_ascii_lowercase(), policy)),
                // Whoever has it is said to have a policy that was not read.
                Err(_) if of_aws => {}
                Err(error) => return Err(error),
            }
        }
        if !page.is_truncated() {
            return Ok(state);
        }
        marker = page.marker().map(str::to_owned);
    }
    Err(malformed(OPERATION, &session.account, "the listing does not end"))
}

/// Description and longest session by role: the bulk read leaves them out.
async fn role_settings(session: &Arc<Session>) -> Result<BTreeMap<String, (String, u32)>, CloudError> {
    const OPERATION: &str = "ListRoles";
    let mut settings = BTreeMap::new();
    let mut marker = None;
    for _ in 0..PAGES_MOST {
        let request = session.iam.list_roles().max_items(PAGE).set_marker(marker.take());
        let page = session.read(OPERATION, || request.clone().send()).await?;
        for role in page.roles() {
            let value = (role.description().unwrap_or_default().to_owned(), seconds(role.max_session_duration()));
            settings.insert(role.role_name().to_owned(), value);
        }
        if !page.is_truncated() {
            return Ok(settings);
        }
        marker = page.marker().map(str::to_owned);
    }
    Err(malformed(OPERATION, &session.account, "the listing does not end"))
}

pub(super) fn seconds(duration: Option<i32>) -> u32 {
    duration.and_then(|d| u32::try_from(d).ok()).unwrap_or(3600)
}

/// Tags without AWS's own.
pub(super) fn tags(tags: &[Tag]) -> Tags {
    tags.iter().filter(|t| !t.key().starts_with("aws:")).map(|t| (t.key().to_owned(), t.value().to_owned())).collect()
}

pub(super) fn arns(policies: &[AttachedPolicy]) -> BTreeSet<String> {
    policies.iter().filter_map(|p| p.policy_arn()).map(str::to_owned).collect()
}

fn inline(session: &Session, policies: &[PolicyDetail]) -> Result<BTreeMap<String, Document>, CloudError> {
    let decode = |p: &PolicyDetail| {
        Ok((p.policy_name().unwrap_or_default().to_owned(), decode_document(p.policy_document(), "GetAccountAuthorizationDetails", &session.account)?))
    };
    policies.iter().map(decode).collect()
}

/// Inline policies of principals that are not ours: one that can't be read hides no other.
fn foreign(session: &Session, policies: &[PolicyDetail]) -> BTreeMap<String, Option<Document>> {
    let decode = |p: &PolicyDetail| decode_document(p.policy_document(), "GetAccountAuthorizationDetails", &session.account).ok();
    policies.iter().map(|p| (p.policy_name().unwrap_or_default().to_owned(), decode(p))).collect()
}

fn role_detail(session: &Session, role: &RoleDetail) -> Result<ObservedRole, CloudError> {
    Ok(ObservedRole {
        name: role.role_name().unwrap_or_default().to_owned(),
        id: role.role_id().unwrap_or_default().to_owned(),
        state: RoleState {
            path: role.path().unwrap_or("/").to_owned(),
            trust: decode_document(role.assume_role_policy_document(), "GetAccountAuthorizationDetails", &session.account)?,
            description: String::new(),
            max_session_seconds: 3600,
            boundary: role.permissions_boundary().and_then(|b| b.permissions_boundary_arn()).map(str::to_owned),
            tags: tags(role.tags()),
            inline: inline(session, role.role_policy_list())?,
            attached: arns(role.attached_managed_policies()),
        },
        instance_profiles: role.instance_profile_list().iter().map(|p| p.instance_profile_name().to_owned()).collect(),
    })
}

fn role_uses(role: &RoleDetail) -> RoleFacts {
    let used = role.role_last_used().and_then(aws_sdk_iam::types::RoleLastUsed::last_used_date);
    RoleFacts { made: role.create_date().map(aws_sdk_iam::primitives::DateTime::secs), used: used.map(aws_sdk_iam::primitives::DateTime::secs) }
}

fn user_detail(session: &Session, user: &UserDetail) -> ObservedUser {
    ObservedUser {
        name: user.user_name().unwrap_or_default().to_owned(),
        id: user.user_id().unwrap_or_default().to_owned(),
        state: UserState { path: user.path().unwrap_or("/").to_owned(), tags: tags(user.tags()) },
        boundary: user.permissions_boundary().and_then(|b| b.permissions_boundary_arn()).map(str::to_owned),
        groups: user.group_list().iter().cloned().collect(),
        attached: arns(user.attached_managed_policies()),
        inline: foreign(session, user.user_policy_list()),
    }
}

fn group_detail(session: &Session, group: &GroupDetail) -> ObservedGroup {
    ObservedGroup {
        name: group.group_name().unwrap_or_default().to_owned(),
        state: GroupState { path: group.path().unwrap_or("/").to_owned() },
        attached: arns(group.attached_managed_policies()),
        inline: foreign(session, group.group_policy_list()),
    }
}

fn policy_detail(session: &Session, policy: &ManagedPolicyDetail) -> Result<ObservedPolicy, CloudError> {
    let shared = policy.path() == Some(ownership::CALLER_PATH);
    let mut old: Vec<(u32, String)> = Vec::new();
    let mut document = None;
    let mut newest = 0;
    for version in policy.policy_version_list() {
        let number = number(version.version_id().unwrap_or_default());
        newest = newest.max(number);
        if shared {
            let document = decode_document(version.document(), "GetAccountAuthorizationDetails", &session.account)?;
            session.versions.note(policy.arn().unwrap_or_default(), number, document);
        }
        if version.is_default_version() {
            document = Some(decode_document(version.document(), "GetAccountAuthorizationDetails", &session.account)?);
        } else {
            old.push((number, version.version_id().unwrap_or_default().to_owned()));
        }
    }
    old.sort();
    // Those, too, that IAM keeps no longer; of one that was made anew, none of before.
    let seen = if shared { session.versions.of(policy.arn().unwrap_or_default()) } else { std::collections::BTreeMap::new() };
    let history = seen.into_iter().filter(|(number, _)| *number <= newest).collect();
    Ok(ObservedPolicy {
        name: policy.policy_name().unwrap_or_default().to_owned(),
        arn: policy.arn().unwrap_or_default().to_owned(),
        state: PolicyState {
            path: policy.path().unwrap_or("/").to_owned(),
            description: policy.description().unwrap_or_default().to_owned(),
            document: document.ok_or_else(|| malformed("GetAccountAuthorizationDetails", &session.account, "a managed policy has no default version"))?,
            // The bulk read has no tags of policies: they are read below, for those that can be ours.
            tags: Tags::new(),
        },
        old_versions: old.into_iter().map(|(_, id)| id).collect(),
        history,
    })
}

/// Tells whether a provider of this kind is declared, or a live role of ours trusts one.
fn speaks_of_providers(kind: Kind, state: &AccountState, objects: &BTreeSet<Address>, scope: &Scope) -> bool {
    let ours = |r: &&ObservedRole| ownership::owner(&r.state.tags).is_some_and(|o| scope.follow_owned.contains(o));
    let principals = state.roles.values().filter(ours).flat_map(|r| &r.state.trust.statements).filter_map(|s| s.principal.as_ref());
    let mut federated = principals.filter_map(|p| p.entries.get("Federated")).flatten();
    scope.everything || objects.iter().any(|a| a.kind == kind) || federated.any(|v| v.contains(&format!(":{}/", kind.as_str())))
}

/// Tags of managed policies come from no bulk call. They are asked for where a policy may be ours: it is declared, somebody of ours has it,
/// or it is named as caller policies once were, which their path tells now.
async fn policy_tags(session: &Arc<Session>, state: &AccountState, objects: &BTreeSet<Address>, scope: &Scope) -> Vec<(String, Result<Tags, CloudError>)> {
    let declared: BTreeSet<String> = objects.iter().filter(|a| a.kind == Kind::Policy).map(|a| a.name.to_ascii_lowercase()).collect();
    let held = held_by_ours(state, scope);
    let may_be_ours = |key: &String, policy: &ObservedPolicy| declared.contains(key) || held.contains(&policy.arn) || policy.name.starts_with("crossrole-");
    let wanted = state
        .policies
        .iter()
        .filter(|(key, p)| p.state.path != ownership::CALLER_PATH && (scope.everything || may_be_ours(key, p)))
        .map(|(key, p)| (key.clone(), p.arn.clone()));
    join_all(wanted.map(|(key, arn)| async move {
        let answer = session.read("ListPolicyTags", || session.iam.list_policy_tags().policy_arn(&arn).send()).await;
        (key, answer.map(|a| tags(a.tags())))
    }))
    .await
}

/// Policies that roles, users and groups of ours have, or are bounded by.
fn held_by_ours<'s>(state: &'s AccountState, scope: &Scope) -> BTreeSet<&'s String> {
    let ours = |tags: &Tags| ownership::owner(tags).is_some_and(|owner| scope.follow_owned.contains(owner));
    let paths: Vec<String> = scope.follow_owned.iter().map(|manifest| ownership::group_path(manifest)).collect();
    let roles = state.roles.values().filter(|r| ours(&r.state.tags)).flat_map(|r| r.state.attached.iter().chain(&r.state.boundary));
    let users = state.users.values().filter(|u| ours(&u.state.tags)).flat_map(|u| u.attached.iter().chain(&u.boundary));
    let groups = state.groups.values().filter(|g| paths.contains(&g.state.path)).flat_map(|g| &g.attached);
    roles.chain(users).chain(groups).collect()
}

async fn oidc_providers(session: &Arc<Session>) -> Result<BTreeMap<String, OidcState>, CloudError> {
    let list = session.read("ListOpenIDConnectProviders", || session.iam.list_open_id_connect_providers().send()).await?;
    let arns = list.open_id_connect_provider_list().iter().filter_map(|p| p.arn()).filter_map(|arn| Some((arn, arn.split_once(":oidc-provider/")?.1)));
    let found = try_join_all(arns.map(|(arn, host)| async move {
        let request = session.iam.get_open_id_connect_provider().open_id_connect_provider_arn(arn);
        let answer = session.read("GetOpenIDConnectProvider", || request.clone().send()).await?;
        let state = OidcState { url: format!("https://{host}"), client_ids: answer.client_id_list().iter().cloned().collect(), tags: tags(answer.tags()) };
        Ok::<_, CloudError>((host.to_owned(), state))
    }));
    Ok(found.await?.into_iter().collect())
}

async fn saml_providers(session: &Arc<Session>) -> Result<BTreeMap<String, SamlState>, CloudError> {
    let list = session.read("ListSAMLProviders", || session.iam.list_saml_providers().send()).await?;
    let arns = list.saml_provider_list().iter().filter_map(|p| p.arn()).filter_map(|arn| Some((arn, arn.split_once(":saml-provider/")?.1)));
    let found = try_join_all(arns.map(|(arn, name)| async move {
        let request = session.iam.get_saml_provider().saml_provider_arn(arn);
        let answer = session.read("GetSAMLProvider", || request.clone().send()).await?;
        let state = SamlState { metadata: answer.saml_metadata_document().unwrap_or_default().to_owned(), tags: tags(answer.tags()) };
        Ok::<_, CloudError>((name.to_owned(), state))
    }));
    Ok(found.await?.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_iam_leaves_out_is_its_default() {
        assert_eq!([seconds(None), seconds(Some(-1)), seconds(Some(43_200))], [3_600, 3_600, 43_200]);
        let tag = |key: &str| Tag::builder().key(key).value("v").build().unwrap();
        let kept = tags(&[tag("team"), tag("aws:cloudformation:stack-name"), tag("awsome")]);
        assert_eq!(kept.keys().collect::<Vec<_>>(), ["awsome", "team"], "AWS's own tags are nobody's to set");
        let policies =
            [AttachedPolicy::builder().policy_arn("b").build(), AttachedPolicy::builder().build(), AttachedPolicy::builder().policy_arn("a").build()];
        assert_eq!(arns(&policies), ["a", "b"].map(String::from).into());
    }
}
