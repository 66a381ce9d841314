//! Permission sets of IAM Identity Center: what their inline policies say, and in which accounts they are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_ssoadmin::types::ProvisioningStatus;
use crossrole_model::observed::{ObservedSet, ObservedSets};
use crossrole_model::state::SetState;
use crossrole_model::{AccountId, CloudError, ErrorClass, IdentityCenter, Observation, Unreadable, ownership};
use crossrole_policy::Document;
use futures_util::future::{join, join_all};

use crate::Aws;
use crate::session::Session;

use super::malformed;

/// Most sets that are looked at for what nothing declares any more: IAM Identity Center takes 20 calls a second.
const OTHERS_MOST: usize = 300;

/// Most of one page (IAM Identity Center API reference, ListPermissionSets).
const PAGE: i32 = 100;

/// Reads the sets that are declared, and all others for statements of ours.
pub(super) async fn read(aws: &Aws, at: &IdentityCenter, declared: &BTreeSet<String>) -> Observation<ObservedSets> {
    let found = async {
        let session = aws.sessions.get(&at.account).await?;
        let names = named(&session, at).await?;
        sets(&session, at, names, declared).await
    };
    found.await.map_or_else(|error: CloudError| Observation::Unreadable(Unreadable::from(&error)), Observation::Known)
}

/// Every set: its ARN, and its name where that could be read.
async fn named(session: &Arc<Session>, at: &IdentityCenter) -> Result<Vec<(String, Result<String, CloudError>)>, CloudError> {
    let client = session.ssoadmin(&at.region);
    let (mut arns, mut next) = (Vec::new(), None::<String>);
    loop {
        let request = client.list_permission_sets().instance_arn(&at.instance).max_results(PAGE);
        let page = session.read("ListPermissionSets", || request.clone().set_next_token(next.clone()).send()).await?;
        arns.extend(page.permission_sets().iter().cloned());
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            break;
        }
    }
    let described = arns.into_iter().map(|arn| {
        let request = client.describe_permission_set().instance_arn(&at.instance).permission_set_arn(&arn);
        async move {
            let answer = session.read("DescribePermissionSet", || request.clone().send()).await;
            let name = answer.map(|answer| answer.permission_set().and_then(|set| set.name()).unwrap_or_default().to_owned());
            (arn, name)
        }
    });
    Ok(join_all(described).await)
}

async fn sets(
    session: &Arc<Session>,
    at: &IdentityCenter,
    names: Vec<(String, Result<String, CloudError>)>,
    declared: &BTreeSet<String>,
) -> Result<ObservedSets, CloudError> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut nameless: Option<CloudError> = None;
    for (arn, name) in names {
        match name {
            Ok(name) => drop(known.insert(name, arn)),
            // It has gone since it was listed.
            Err(error) if error.class == ErrorClass::NotFound => {}
            Err(error) => nameless = Some(error),
        }
    }
    let mut unread = match nameless {
        // It may be any of those that are declared and were not found.
        Some(error) if declared.iter().any(|name| !known.contains_key(name)) => return Err(error),
        error => error.as_ref().map(Unreadable::from),
    };
    if known.len() > OTHERS_MOST {
        let why = format!("there are {} permission sets, and no more than {OTHERS_MOST} are looked at for what nothing declares any more", known.len());
        unread = Some(Unreadable { class: None, why });
        known.retain(|name, _| declared.contains(name));
    }
    let read = known.into_iter().map(|(name, arn)| async move {
        let found = one(session, at, &arn, declared.contains(&name)).await;
        (name, found.map_or_else(|error| Observation::Unreadable(Unreadable::from(&error)), Observation::Known))
    });
    let mut sets: BTreeMap<String, Observation<ObservedSet>> = join_all(read).await.into_iter().collect();
    let failed = sets.iter().find_map(|(name, set)| if let Observation::Unreadable(why) = set { Some((name, why)) } else { None });
    if let Some((_, why)) = failed.filter(|(name, _)| !declared.contains(*name)) {
        unread.get_or_insert(why.clone());
    }
    sets.retain(|name, set| declared.contains(name) || matches!(set, Observation::Known(_)));
    Ok(ObservedSets { sets, unread })
}

async fn one(session: &Arc<Session>, at: &IdentityCenter, arn: &str, declared: bool) -> Result<ObservedSet, CloudError> {
    let document = document(session, at, arn).await?;
    let ours = document.iter().flat_map(|d| &d.statements).any(|s| ownership::sid_head(s.sid()).is_some());
    let (all, late) = if declared || ours { provisioned(session, at, arn).await? } else { Default::default() };
    Ok(ObservedSet { arn: arn.to_owned(), state: SetState { document, late }, accounts: all })
}

/// The accounts in which a set is, and those of which the roles have not got it as it is.
async fn provisioned(session: &Arc<Session>, at: &IdentityCenter, arn: &str) -> Result<(BTreeSet<AccountId>, BTreeSet<AccountId>), CloudError> {
    let stale = accounts(session, at, arn, Some(ProvisioningStatus::LatestPermissionSetNotProvisioned));
    let (all, late) = join(accounts(session, at, arn, None), stale).await;
    Ok((all?, late?))
}

/// Reads the accounts of sets that have nothing of ours any more, and of which a role still has: it was taken out, and never got there.
pub(super) async fn of_roles(aws: &Aws, at: &IdentityCenter, sets: &mut ObservedSets, held: &BTreeSet<String>) {
    let Ok(session) = aws.sessions.get(&at.account).await else { return };
    for (_, found) in sets.sets.iter_mut().filter(|(name, _)| held.contains(*name)) {
        let Observation::Known(set) = found else { continue };
        if !set.accounts.is_empty() {
            continue;
        }
        match provisioned(&session, at, &set.arn).await {
            Ok((accounts, late)) => (set.accounts, set.state.late) = (accounts, late),
            Err(error) => *found = Observation::Unreadable(Unreadable::from(&error)),
        }
    }
}

/// Reads the inline policy of a set: AWS says that there is none by an empty text.
pub(super) async fn document(session: &Arc<Session>, at: &IdentityCenter, arn: &str) -> Result<Option<Document>, CloudError> {
    let client = session.ssoadmin(&at.region);
    let request = client.get_inline_policy_for_permission_set().instance_arn(&at.instance).permission_set_arn(arn);
    let answer = session.read("GetInlinePolicyForPermissionSet", || request.clone().send()).await?;
    let text = answer.inline_policy().unwrap_or_default().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let why = |errors: Vec<_>| errors.first().map_or_else(String::new, ToString::to_string);
    crossrole_policy::parse(text).map(Some).map_err(|errors| malformed("GetInlinePolicyForPermissionSet", &session.account, &why(errors)))
}

/// The accounts in which a set is; with a status, those of which that is so.
async fn accounts(session: &Arc<Session>, at: &IdentityCenter, arn: &str, status: Option<ProvisioningStatus>) -> Result<BTreeSet<AccountId>, CloudError> {
    let client = session.ssoadmin(&at.region);
    let request = client.list_accounts_for_provisioned_permission_set().instance_arn(&at.instance).permission_set_arn(arn).max_results(PAGE);
    let request = request.set_provisioning_status(status);
    let (mut found, mut next) = (BTreeSet::new(), None::<String>);
    loop {
        let page = session.read("ListAccountsForProvisionedPermissionSet", || request.clone().set_next_token(next.clone()).send()).await?;
        found.extend(page.account_ids().iter().filter_map(|id| AccountId::parse(id)));
        next = page.next_token().map(str::to_owned);
        if next.is_none() {
            return Ok(found);
        }
    }
}
