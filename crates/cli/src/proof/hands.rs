//! Whose credentials are at hand.

use std::collections::BTreeSet;

use crossrole_access::Estate;
use crossrole_cloud::By;
use crossrole_model::{AccountId, CloudError, PermissionSet};
use crossrole_policy::Arn;

use crate::ask;
use crate::failure::Failure;
use crate::session::Session;

/// Credentials of somebody.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    /// ARN of the user or role.
    pub(crate) arn: String,
    /// ARNs of its groups.
    pub(crate) groups: BTreeSet<String>,
    /// They were given with a second factor.
    pub(crate) mfa: bool,
    pub(crate) by: By,
}

/// In the embedded AWS, everybody's whom a manifest lets in or might; elsewhere those that the settings name, each asked who it is.
pub(crate) async fn held(session: &Session, live: &Estate) -> Result<Vec<Held>, Failure> {
    if session.is_embedded() {
        return Ok(embedded(session, live));
    }
    let mut all = Vec::new();
    let mut wrong = Vec::new();
    for said in session.settings.principals() {
        let arn = ask::principal(&said.name, &session.desired, live)?;
        let by = match (&said.profile, &said.command) {
            (Some(profile), _) => By::Profile(profile.clone()),
            (_, Some(line)) => By::Command { name: said.name.clone(), line: line.clone() },
            _ => continue,
        };
        let account = Arn::parse(&arn).and_then(|arn| AccountId::parse(arn.account)).unwrap_or_else(AccountId::nobody);
        // A command is run once: it may ask somebody.
        let found = Box::pin(async {
            let acting = session.aws.acting(&by, &account).await?;
            let identity = acting.identity().await?;
            let by = if matches!(by, By::Command { .. }) { By::Keys(acting.keys().await?) } else { by };
            Ok::<_, CloudError>((identity, by))
        });
        let name = crossrole_report::safe(&said.name);
        match session.stops.or(found).await.map_err(|stop| stop.while_("asking whose credentials are at hand"))? {
            Err(error) => wrong.push(format!("`{name}`: {}", crossrole_report::safe(&error.to_string()))),
            Ok((identity, by)) => match is(&arn, &identity.arn, &identity.account) {
                Some((arn, group)) => {
                    let mut groups = live.principals.get(&arn).map(|p| p.groups.clone()).unwrap_or_default();
                    if let Some(group) = group {
                        match is_member(session, live, &arn, &group, &by, &account).await? {
                            Some(false) => {
                                wrong.push(format!("`{name}`: {} is not in that group", crossrole_report::safe(&arn)));
                                continue;
                            }
                            Some(true) => {}
                            None => session.told.line(&format!("note: `{name}`: whether {} is in that group could not be read", crossrole_report::safe(&arn))),
                        }
                        groups.insert(group);
                    }
                    all.push(Held { groups, arn, mfa: said.mfa, by });
                }
                None => wrong.push(format!("`{name}`: these credentials are those of {}", crossrole_report::safe(&identity.arn))),
            },
        }
    }
    let advice = format!("correct `[[verify.principals]]` in `{}`, or sign in again", crossrole_report::safe(&session.settings.path().display().to_string()));
    if wrong.is_empty() { Ok(all) } else { Err(Failure::several(wrong, advice)) }
}

/// Whether a user is in a group, as it was read, or as the user may read it; `None`: neither tells.
async fn is_member(session: &Session, live: &Estate, user: &str, group: &str, by: &By, account: &AccountId) -> Result<Option<bool>, Failure> {
    let name = |arn: &str| arn.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    if let Some(known) = live.principals.get(user) {
        return Ok(Some(known.groups.iter().any(|one| name(one) == name(group))));
    }
    let asked = Box::pin(async { session.aws.acting(by, account).await?.groups_of(user.rsplit('/').next().unwrap_or_default()).await });
    let groups = session.stops.or(asked).await.map_err(|stop| stop.while_("asking whose credentials are at hand"))?;
    Ok(groups.ok().map(|groups| groups.iter().any(|one| one.eq_ignore_ascii_case(&name(group)))))
}

/// The principal that credentials have to be of, as it is asked about, and its group; `None`: they are somebody else's.
fn is(wanted: &str, found: &str, account: &AccountId) -> Option<(String, Option<String>)> {
    let parsed = Arn::parse(wanted).filter(|arn| arn.account == account.as_str())?;
    if wanted == found {
        return Some((wanted.to_owned(), None));
    }
    if parsed.resource.starts_with("group/") {
        return found.contains(":user/").then(|| (found.to_owned(), Some(wanted.to_owned())));
    }
    // A session's ARN has its role's name and no path.
    let role = Arn::parse(found)?.resource.strip_prefix("assumed-role/")?.split('/').next()?.to_owned();
    let same = parsed.resource.starts_with("role/") && wanted.rsplit('/').next() == Some(role.as_str());
    let of_set = PermissionSet::of_role(wanted).is_some() && PermissionSet::of_role(wanted) == PermissionSet::of_session(account.as_str(), &role);
    (same || of_set).then(|| (wanted.to_owned(), None))
}

fn embedded(session: &Session, live: &Estate) -> Vec<Held> {
    let trusting = |account: &str| session.desired.accounts.iter().any(|(id, info)| info.trusting && id.as_str() == account);
    let trusts = live.roles.values().filter_map(|role| role.policy.as_ref());
    let named: BTreeSet<&str> = trusts.flat_map(|policy| policy.document.aws_principals()).collect();
    let outside = live.principals.iter().filter(|(arn, principal)| !arn.contains(":group/") && (!trusting(&principal.account) || named.contains(arn.as_str())));
    let mut all = Vec::new();
    for (arn, principal) in outside {
        for mfa in [false, true] {
            if let Some(keys) = session.sign_in(arn, mfa) {
                all.push(Held { arn: arn.clone(), groups: principal.groups.clone(), mfa, by: By::Keys(keys) });
            }
        }
    }
    all
}
