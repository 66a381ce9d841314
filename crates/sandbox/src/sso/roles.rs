//! The roles that permission sets have in accounts, which nobody but IAM Identity Center changes.

use crossrole_policy::{Document, Element, Principal, Statement};

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::{Held, Role, Saml, World};

use super::state::Set;
use super::{digits, missing};

/// The inline policy of a set, as its roles have it.
const INLINE: &str = "AwsSSOInlinePolicy";

fn set<'w>(world: &'w mut World, instance: &str, arn: &str) -> Result<&'w mut Set, ApiError> {
    world.sso.instances.get_mut(instance).and_then(|instance| instance.sets.get_mut(arn)).ok_or_else(|| missing("PermissionSet"))
}

/// Assigns a set to somebody in an account, which makes its role there; `false`: it is there.
pub(super) fn assign(world: &mut World, instance: &str, arn: &str, account: &str) -> Result<bool, ApiError> {
    let region = world.sso.instances.get(instance).map(|i| i.region.clone()).unwrap_or_default();
    let found = set(world, instance, arn)?.clone();
    if found.accounts.contains_key(account) {
        return Ok(false);
    }
    let name = format!("AWSReservedSSO_{}_{}", found.name, digits(&format!("{arn} {account} {}", world.fresh(8))));
    let path = if region == "us-east-1" { String::new() } else { format!("{region}/") };
    let provider = format!("AWSSSO_{}_DO_NOT_DELETE", digits(account));
    let id = world.principal_id(account, true, &name);
    let held = Held { name: name.clone(), path: format!("/aws-reserved/sso.amazonaws.com/{path}"), id, created: iso(unix_now()), ..Held::default() };
    let mut trust = Statement::allow(Element::of(["sts:AssumeRoleWithSAML", "sts:TagSession"]), None);
    trust.principal = Some(Principal::of("Federated", [format!("arn:aws:iam::{account}:saml-provider/{provider}")]));
    let audience = [("SAML:aud".to_owned(), vec!["https://signin.aws.amazon.com/saml".to_owned()])];
    trust.conditions.insert("StringEquals".to_owned(), audience.into());
    let role = Role { held, trust: Document::new(vec![trust]), description: found.description, max_session: 43_200 };
    let (now, lag) = (world.now_ms, world.lag_ms);
    let saml = Saml { name: provider.clone(), metadata: "<EntityDescriptor/>".to_owned(), created: iso(unix_now()), ..Saml::default() };
    let state = world.account(account);
    state.roles.entry(name.to_ascii_lowercase()).or_default().set(Some(role), now, lag);
    state.saml.entry(provider).or_default().set(Some(saml), now, lag);
    set(world, instance, arn)?.accounts.insert(account.to_owned(), (name, None));
    give(world, instance, arn, account)?;
    Ok(true)
}

/// Gives the role of a set in an account what the set gives.
pub(super) fn give(world: &mut World, instance: &str, arn: &str, account: &str) -> Result<(), ApiError> {
    let (now, lag) = (world.now_ms, world.lag_ms);
    let found = set(world, instance, arn)?;
    let inline = found.inline.clone();
    let Some((name, got)) = found.accounts.get_mut(account) else { return Err(missing("The account")) };
    got.clone_from(&inline);
    let name = name.to_ascii_lowercase();
    if let Some(slot) = world.account(account).roles.get_mut(&name)
        && let Some(mut role) = slot.newest().cloned()
    {
        match inline {
            Some(inline) => drop(role.held.inline.insert(INLINE.to_owned(), inline)),
            None => drop(role.held.inline.remove(INLINE)),
        }
        slot.set(Some(role), now, lag);
    }
    Ok(())
}
