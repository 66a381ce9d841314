//! One object at a time, where the runner may not read in bulk. What no manifest declares stays unknown.

use std::collections::BTreeSet;
use std::sync::Arc;

use crossrole_model::observed::{AccountState, ObservedGroup, ObservedPolicy, ObservedRole, ObservedUser};
use crossrole_model::state::{GroupState, PolicyState, RoleState, UserState};
use crossrole_model::{Address, CloudError, ErrorClass, Kind, PrincipalKind, PrincipalRef, Unreadable, ownership};
use futures_util::future::join_all;

use crate::session::Session;
use crate::versions::number;

use super::iam::{PAGES_MOST, arns, seconds, tags};
use super::{decode_document, malformed};

/// Reads the objects that are relied on.
pub(super) async fn read(session: &Arc<Session>, objects: &BTreeSet<Address>, because: Unreadable) -> AccountState {
    let mut state = AccountState { incomplete_because: Some(because), ..AccountState::default() };
    let mut roles = BTreeSet::new();
    let mut users = BTreeSet::new();
    let mut groups = BTreeSet::new();
    let mut policies = BTreeSet::new();
    let mut callers = BTreeSet::new();
    for address in objects {
        let mut parts = address.name.split('/');
        match (address.kind, parts.next(), parts.next()) {
            (Kind::Role, Some(name), _) => roles.insert(name),
            (Kind::User, Some(name), _) => users.insert(name),
            (Kind::Group, Some(name), _) => groups.insert(name),
            (Kind::Policy, Some(name), _) => policies.insert(name),
            (Kind::Membership, Some(group), Some(user)) => groups.insert(group) | users.insert(user),
            (Kind::Attachment, Some("role"), Some(name)) => roles.insert(name),
            (Kind::Attachment, Some("user"), Some(name)) => users.insert(name),
            (Kind::Attachment, Some("group"), Some(name)) => groups.insert(name),
            (Kind::Caller, Some(kind), Some(name)) => {
                let (names, kind) = match kind {
                    "role" => (&mut roles, PrincipalKind::Role),
                    "user" => (&mut users, PrincipalKind::User),
                    _ => (&mut groups, PrincipalKind::Group),
                };
                callers.insert(ownership::caller_key(&PrincipalRef { kind, name: name.to_owned() }).to_ascii_lowercase()) | names.insert(name)
            }
            _ => false,
        };
    }
    macro_rules! each {
        ($names:expr, $kind:expr, $read:ident, $into:ident) => {
            for (name, answer) in join_all($names.into_iter().map(|name| async move { (name, $read(session, name).await) })).await {
                match answer {
                    Ok(Some(found)) => {
                        state.$into.insert(name.to_ascii_lowercase(), found);
                    }
                    Ok(None) => {}
                    Err(error) => {
                        state.unreadable.insert(Address::new(&session.account, $kind, name), Unreadable::from(&error));
                    }
                }
            }
        };
    }
    each!(roles, Kind::Role, role, roles);
    each!(users, Kind::User, user, users);
    each!(groups, Kind::Group, group, groups);
    named_policies(session, &policies, &callers, objects, &mut state).await;
    // An attachment, a membership or a caller's side is as unknown as the principal it hangs on.
    for address in objects.iter().filter(|a| matches!(a.kind, Kind::Attachment | Kind::Membership | Kind::Caller)) {
        let names: Vec<&str> = address.name.split('/').collect();
        let why = state
            .unreadable
            .iter()
            .find(|(a, _)| matches!(a.kind, Kind::Role | Kind::User | Kind::Group) && names.contains(&a.name.as_str()))
            .map(|(_, why)| why.clone());
        if let Some(why) = why {
            state.unreadable.insert(address.clone(), why);
        }
    }
    state
}

/// The paths of declared policies are not known here: the listing has the ARNs.
///
/// `callers`: the keys of principals whose caller policies are relied on, in lower case.
async fn named_policies(session: &Arc<Session>, names: &BTreeSet<&str>, callers: &BTreeSet<String>, objects: &BTreeSet<Address>, state: &mut AccountState) {
    if names.is_empty() && callers.is_empty() {
        return;
    }
    let of_caller = |arn: &str| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        ownership::is_caller_arn(arn) && ownership::caller_part(name).is_some_and(|(_, key)| callers.contains(&key.to_ascii_lowercase()))
    };
    // What a principal is let do is unknown where a policy that may say it is.
    let unknown_callers = |state: &mut AccountState, error: &CloudError| {
        let all = objects.iter().filter(|a| a.kind == Kind::Caller).map(|a| (a.clone(), Unreadable::from(error)));
        state.unreadable.extend(all);
    };
    let name_of = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_owned();
    let unread = |name: &str, error: &CloudError| (Address::new(&session.account, Kind::Policy, name), Unreadable::from(error));
    let found = match listed_policies(session).await {
        Ok(found) => found.into_iter().filter(|arn| names.contains(name_of(arn).as_str()) || of_caller(arn)),
        Err(error) => {
            state.unreadable.extend(names.iter().map(|name| unread(name, &error)));
            unknown_callers(state, &error);
            return;
        }
    };
    for (arn, answer) in join_all(found.map(|arn| async move { (arn.clone(), policy(session, &arn).await) })).await {
        match answer {
            Ok(Some(found)) => drop(state.policies.insert(name_of(&arn).to_ascii_lowercase(), found)),
            Ok(None) => {}
            Err(error) => {
                if of_caller(&arn) {
                    unknown_callers(state, &error);
                }
                state.unreadable.extend([unread(&name_of(&arn), &error)]);
            }
        }
    }
}

/// "Not there" is an answer; every other error is one.
fn absent<T>(error: CloudError) -> Result<Option<T>, CloudError> {
    if error.class == ErrorClass::NotFound { Ok(None) } else { Err(error) }
}

macro_rules! ask {
    ($session:expr, $operation:literal, $request:expr) => {{
        let request = $request;
        $session.read($operation, || request.clone().send()).await
    }};
}

/// Collects a listing of IAM.
macro_rules! list {
    ($session:expr, $operation:literal, $request:expr, |$page:ident| $items:expr) => {{
        let mut all = Vec::new();
        let mut marker: Option<String> = None;
        let mut ended = false;
        for _ in 0..PAGES_MOST {
            let $page = ask!($session, $operation, $request.set_marker(marker.take()))?;
            all.extend($items);
            if !$page.is_truncated() {
                ended = true;
                break;
            }
            marker = $page.marker().map(str::to_owned);
        }
        if !ended {
            return Err(malformed($operation, &$session.account, "the listing does not end"));
        }
        all
    }};
}

async fn role(session: &Arc<Session>, name: &str) -> Result<Option<ObservedRole>, CloudError> {
    let answer = match ask!(session, "GetRole", session.iam.get_role().role_name(name)) {
        Ok(answer) => answer,
        Err(error) => return absent(error),
    };
    let Some(role) = answer.role() else { return Ok(None) };
    let names = list!(session, "ListRolePolicies", session.iam.list_role_policies().role_name(name), |page| page.policy_names().iter().cloned());
    let mut inline = std::collections::BTreeMap::new();
    for policy in names {
        let answer = ask!(session, "GetRolePolicy", session.iam.get_role_policy().role_name(name).policy_name(&policy))?;
        inline.insert(policy, decode_document(Some(answer.policy_document()), "GetRolePolicy", &session.account)?);
    }
    let attached = list!(session, "ListAttachedRolePolicies", session.iam.list_attached_role_policies().role_name(name), |page| arns(page.attached_policies()));
    let profiles = list!(session, "ListInstanceProfilesForRole", session.iam.list_instance_profiles_for_role().role_name(name), |page| page
        .instance_profiles()
        .iter()
        .map(|p| p.instance_profile_name().to_owned()));
    Ok(Some(ObservedRole {
        name: role.role_name().to_owned(),
        id: role.role_id().to_owned(),
        state: RoleState {
            path: role.path().to_owned(),
            trust: decode_document(role.assume_role_policy_document(), "GetRole", &session.account)?,
            description: role.description().unwrap_or_default().to_owned(),
            max_session_seconds: seconds(role.max_session_duration()),
            boundary: role.permissions_boundary().and_then(|b| b.permissions_boundary_arn()).map(str::to_owned),
            tags: tags(role.tags()),
            inline,
            attached: attached.into_iter().collect(),
        },
        instance_profiles: profiles.into_iter().collect(),
    }))
}

async fn user(session: &Arc<Session>, name: &str) -> Result<Option<ObservedUser>, CloudError> {
    let answer = match ask!(session, "GetUser", session.iam.get_user().user_name(name)) {
        Ok(answer) => answer,
        Err(error) => return absent(error),
    };
    let Some(user) = answer.user() else { return Ok(None) };
    let groups =
        list!(session, "ListGroupsForUser", session.iam.list_groups_for_user().user_name(name), |page| page.groups().iter().map(|g| g.group_name().to_owned()));
    let attached = list!(session, "ListAttachedUserPolicies", session.iam.list_attached_user_policies().user_name(name), |page| arns(page.attached_policies()));
    let inline = list!(session, "ListUserPolicies", session.iam.list_user_policies().user_name(name), |page| page.policy_names().iter().cloned());
    Ok(Some(ObservedUser {
        name: user.user_name().to_owned(),
        id: user.user_id().to_owned(),
        state: UserState { path: user.path().to_owned(), tags: tags(user.tags()) },
        boundary: user.permissions_boundary().and_then(|b| b.permissions_boundary_arn()).map(str::to_owned),
        groups: groups.into_iter().collect(),
        attached: attached.into_iter().collect(),
        inline: inline.into_iter().map(|name| (name, None)).collect(),
    }))
}

async fn group(session: &Arc<Session>, name: &str) -> Result<Option<ObservedGroup>, CloudError> {
    let answer = match ask!(session, "GetGroup", session.iam.get_group().group_name(name)) {
        Ok(answer) => answer,
        Err(error) => return absent(error),
    };
    let Some(group) = answer.group() else { return Ok(None) };
    let attached =
        list!(session, "ListAttachedGroupPolicies", session.iam.list_attached_group_policies().group_name(name), |page| arns(page.attached_policies()));
    let inline = list!(session, "ListGroupPolicies", session.iam.list_group_policies().group_name(name), |page| page.policy_names().iter().cloned());
    Ok(Some(ObservedGroup {
        name: group.group_name().to_owned(),
        state: GroupState { path: group.path().to_owned() },
        attached: attached.into_iter().collect(),
        inline: inline.into_iter().map(|name| (name, None)).collect(),
    }))
}

async fn listed_policies(session: &Arc<Session>) -> Result<Vec<String>, CloudError> {
    use aws_sdk_iam::types::PolicyScopeType::Local;
    let found =
        list!(session, "ListPolicies", session.iam.list_policies().scope(Local), |page| page.policies().iter().filter_map(|p| p.arn()).map(str::to_owned));
    Ok(found)
}

/// A managed policy without its tags, right before it is written.
pub(super) async fn document(session: &Arc<Session>, arn: &str) -> Result<Option<PolicyState>, CloudError> {
    let answer = match ask!(session, "GetPolicy", session.iam.get_policy().policy_arn(arn)) {
        Ok(answer) => answer,
        Err(error) => return absent(error),
    };
    let Some(policy) = answer.policy() else { return Ok(None) };
    let default = policy.default_version_id().unwrap_or("v1").to_owned();
    let version = match ask!(session, "GetPolicyVersion", session.iam.get_policy_version().policy_arn(arn).version_id(&default)) {
        Ok(version) => version,
        Err(error) => return absent(error),
    };
    let document = decode_document(version.policy_version().and_then(|v| v.document()), "GetPolicyVersion", &session.account)?;
    session.versions.note(arn, number(&default), document.clone());
    Ok(Some(PolicyState { path: policy.path().unwrap_or("/").to_owned(), description: String::new(), document, tags: std::collections::BTreeMap::new() }))
}

async fn policy(session: &Arc<Session>, arn: &str) -> Result<Option<ObservedPolicy>, CloudError> {
    let answer = match ask!(session, "GetPolicy", session.iam.get_policy().policy_arn(arn)) {
        Ok(answer) => answer,
        Err(error) => return absent(error),
    };
    let Some(policy) = answer.policy() else { return Ok(None) };
    let default = policy.default_version_id().unwrap_or("v1").to_owned();
    let version = ask!(session, "GetPolicyVersion", session.iam.get_policy_version().policy_arn(arn).version_id(&default))?;
    let versions = list!(session, "ListPolicyVersions", session.iam.list_policy_versions().policy_arn(arn), |page| page
        .versions()
        .iter()
        .filter_map(|v| v.version_id())
        .map(str::to_owned));
    let mut old: Vec<String> = versions.into_iter().filter(|v| *v != default).collect();
    old.sort_by_key(|v| number(v));
    Ok(Some(ObservedPolicy {
        name: policy.policy_name().unwrap_or_default().to_owned(),
        arn: arn.to_owned(),
        state: PolicyState {
            path: policy.path().unwrap_or("/").to_owned(),
            description: policy.description().unwrap_or_default().to_owned(),
            document: decode_document(version.policy_version().and_then(|v| v.document()), "GetPolicyVersion", &session.account)?,
            tags: tags(policy.tags()),
        },
        old_versions: old,
        history: Vec::new(),
    }))
}
