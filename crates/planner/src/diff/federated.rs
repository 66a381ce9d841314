//! What denies the sessions that a revoked user has by `sts:GetFederationToken`.
//!
//! These are principals of their own, with names that the user chose: `aws:PrincipalArn` is theirs, and no key tells whose they are. A
//! policy that names the user by its ARN is about them as well (IAM User Guide, "Policy evaluation logic"), and is taken where that user
//! exists.

use crossrole_model::{AccountId, Address, Cause, DesiredState, Kind, ObjectState, PrincipalKind, Revocation, Subject, Whose, Withheld, revoked_of};
use crossrole_policy::{Arn, Document, Effect, Principal, Statement};

use crate::draft::Draft;

use super::principal::user_goes;

/// What stands behind the Sid of a statement that denies a user, in that of the one that denies its sessions.
const SESSIONS: &str = "Sessions";

/// Whether a user is there.
enum Known {
    /// By its ARN.
    There(String),
    Missing,
    NotRead,
}

/// The statements, with one for the sessions of each user that they deny.
pub(super) fn with_sessions(draft: &mut Draft<'_>, address: &Address, found: Option<&Document>, statements: Vec<Statement>) -> Vec<Statement> {
    let (of_sessions_before, mut all): (Vec<Statement>, Vec<Statement>) = statements.into_iter().partition(is_of_sessions);
    // Where nothing else of it is left, such a statement is the mark.
    let stands =
        |one: &Statement| named_in(one).is_some_and(|arn| is_kept(draft, &arn)) && !all.iter().any(|other| revoked_of(other.sid()) == revoked_of(one.sid()));
    let left: Vec<Statement> = of_sessions_before.into_iter().filter(stands).collect();
    let mut more = Vec::new();
    let desired = draft.desired;
    for statement in all.iter().filter(|statement| statement.effect == Effect::Deny) {
        let Some(digits) = revoked_of(statement.sid()) else { continue };
        let named = named_before(found, digits).filter(|arn| is_kept(draft, arn));
        let arn = match (user(&desired.revoked, digits), named) {
            (None, named) => named,
            (Some(user), named) => match (known(draft, user), named) {
                (Known::There(arn), _) | (Known::NotRead, Some(arn)) => Some(arn),
                (other, _) => {
                    let cause = Cause::Federated { user: user.to_owned(), missing: matches!(other, Known::Missing) };
                    let remark = Withheld { subject: Subject::Part(address.clone()), cause, blocks: false };
                    if !draft.withheld.contains(&remark) {
                        draft.withheld.push(remark);
                    }
                    None
                }
            },
        };
        more.extend(arn.map(|arn| of_sessions(statement, arn)));
    }
    all.extend(more);
    all.extend(left);
    all
}

fn is_of_sessions(statement: &Statement) -> bool {
    revoked_of(statement.sid()).is_some() && statement.sid().ends_with(SESSIONS)
}

/// Whom the statement about the same names that is live, where it is there still.
fn named_before(found: Option<&Document>, digits: &str) -> Option<String> {
    let mut live = found.into_iter().flat_map(|document| &document.statements).filter(|s| is_of_sessions(s) && revoked_of(s.sid()) == Some(digits));
    live.find_map(named_in)
}

/// The user that a statement names; none where that is gone, and its unique id is left.
fn named_in(statement: &Statement) -> Option<String> {
    statement.principal.as_ref()?.aws().iter().find(|arn| Arn::parse(arn).is_some()).cloned()
}

/// The user that an entry revokes.
fn user<'d>(revoked: &'d [Revocation], digits: &str) -> Option<&'d str> {
    revoked.iter().filter(|one| one.whose.is_told_by(digits)).find_map(|one| match &one.whose {
        Whose::Principal { kind: PrincipalKind::User, arn } => Some(arn.as_str()),
        _ => None,
    })
}

fn known(draft: &Draft<'_>, user: &str) -> Known {
    let found = Arn::parse(user).and_then(|arn| Some((AccountId::parse(arn.account)?, arn.kind_and_name()?.1)));
    let Some((account, name)) = found else { return Known::NotRead };
    let address = Address::new(&account, Kind::User, name);
    let partition = draft.desired.partition;
    match draft.observed.state(&address) {
        Err(_) => Known::NotRead,
        Ok(Some(ObjectState::User(state))) => {
            let state_of = draft.observed.accounts.get(&account).and_then(|account| account.known());
            let found = state_of.and_then(|of| Some((of, of.users.get(&name.to_ascii_lowercase())?)));
            // No policy names one that this plan deletes.
            if found.is_some_and(|(of, user)| user_goes(draft, &account, of, user)) {
                return Known::Missing;
            }
            // A policy has to name it as it is spelled.
            let spelled = found.map_or(name, |(_, user)| user.name.as_str());
            Known::There(partition.iam_arn(&account, "user", &state.path, spelled))
        }
        Ok(_) => match draft.desired.objects.get(&address).map(|object| &object.state) {
            Some(DesiredState::User(state)) => Known::There(partition.iam_arn(&account, "user", &state.path, name)),
            _ => Known::Missing,
        },
    }
}

/// Tells whether a policy may go on naming a user.
fn is_kept(draft: &Draft<'_>, user: &str) -> bool {
    !matches!(known(draft, user), Known::Missing)
}

/// The same Deny, of everybody whom the user is behind.
fn of_sessions(statement: &Statement, user: String) -> Statement {
    let mut denied = statement.clone();
    denied.sid = Some(format!("{}{SESSIONS}", statement.sid()));
    denied.principal = Some(Principal::of("AWS", [user]));
    for keys in denied.conditions.values_mut() {
        keys.retain(|key, _| !key.eq_ignore_ascii_case("aws:PrincipalArn"));
    }
    denied.conditions.retain(|_, keys| !keys.is_empty());
    denied
}
