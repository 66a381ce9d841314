//! Permission sets, as far as the planner writes them.

use crossrole_model::{AccountId, ErrorClass, Observation, Observed, SetCall};

use super::Answer;

pub(super) fn call(estate: &mut Observed, to: &AccountId, call: &SetCall) -> Answer {
    let set = call.set();
    if set.at.account != *to {
        return Err(ErrorClass::Denied);
    }
    let Some(Observation::Known(sets)) = &mut estate.permission_sets else { return Err(ErrorClass::NotFound) };
    let Some(Observation::Known(found)) = sets.sets.get_mut(&set.name) else { return Err(ErrorClass::NotFound) };
    if found.arn != set.arn {
        return Err(ErrorClass::NotFound);
    }
    match call {
        SetCall::PutPolicy { document, .. } => {
            found.state.document = Some(document.clone());
            found.state.late.clone_from(&found.accounts);
        }
        SetCall::DeletePolicy { .. } => {
            found.state.document.take().ok_or(ErrorClass::NotFound)?;
            found.state.late.clone_from(&found.accounts);
        }
        SetCall::Provision { account, .. } if !found.accounts.contains(account) => return Err(ErrorClass::NotFound),
        SetCall::Provision { account, .. } => drop(found.state.late.remove(account)),
    }
    Ok(())
}
