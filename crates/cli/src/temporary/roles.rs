//! Roles as people name them.

use crossrole_access::Estate;
use crossrole_model::{AccountId, Desired, DesiredState};
use crossrole_policy::Arn;
use crossrole_report::safe;

use crate::ask;
use crate::failure::Failure;

/// Every role that manifests declare: its account, its name, its ARN.
pub(crate) fn declared(desired: &Desired) -> impl Iterator<Item = (&AccountId, &str, String)> {
    desired.objects.iter().filter_map(|(address, object)| match &object.state {
        DesiredState::Role { state, .. } => {
            let arn = desired.partition.iam_arn(&address.account, "role", &state.path, &address.name);
            Some((&address.account, address.name.as_str(), arn))
        }
        _ => None,
    })
}

/// The ARN of a role, from an ARN, its name in a manifest, `role/Name` or `label/role/Name`.
pub(crate) fn named(text: &str, desired: &Desired, estate: &Estate) -> Result<String, Failure> {
    if text.starts_with("arn:") {
        let is_role = Arn::parse(text).is_some_and(|arn| {
            let name = arn.resource.strip_prefix("role/").is_some_and(|name| !name.is_empty() && !name.contains(['*', '?']));
            arn.service == "iam" && AccountId::parse(arn.account).is_some() && name
        });
        let wrong = || Failure::new(format!("`{}` is no ARN of a role", safe(text)), "write it as in `arn:aws:iam::222222222222:role/Name`");
        return if is_role { Ok(text.to_owned()) } else { Err(wrong()) };
    }
    let name = text.strip_prefix("role/").unwrap_or(text);
    let found: Vec<(&AccountId, String)> =
        declared(desired).filter(|(_, known, _)| known.eq_ignore_ascii_case(name)).map(|(account, _, arn)| (account, arn)).collect();
    match found.as_slice() {
        [(_, arn)] => return Ok(arn.clone()),
        [] => {}
        several => {
            let label = |account: &AccountId| desired.accounts.get(account).map_or_else(|| account.to_string(), |info| info.label.clone());
            let labels: Vec<String> = several.iter().map(|(account, _)| format!("`{}/role/{}`", safe(&label(account)), safe(name))).collect();
            return Err(Failure::new(format!("role `{}` is declared in {} accounts", safe(name), several.len()), format!("write {}", labels.join(", or "))));
        }
    }
    if text.contains('/') {
        return ask::role(text, desired, estate);
    }
    let known: Vec<String> = declared(desired).map(|(_, known, _)| known.to_owned()).collect();
    let near = known.iter().map(|known| (strsim::damerau_levenshtein(known, name), known)).min().filter(|(far, _)| *far <= 3);
    let hint = match near {
        Some((_, near)) => format!("did you mean `{}`?", safe(near)),
        None => "name one that a manifest declares, or write its ARN".to_owned(),
    };
    Err(Failure::new(format!("no manifest declares a role `{}`", safe(name)), hint))
}
