//! Writing to IAM Identity Center.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_ssoadmin::types::{PermissionSetProvisioningStatus, ProvisionTargetType, StatusValues};
use crossrole_model::{AccountId, Call, CloudError, ErrorClass, SetCall, SetRef};

use crate::Aws;
use crate::call::Kind;
use crate::session::Session;

/// Between two looks at whether a set has reached its accounts.
const LOOK: Duration = Duration::from_secs(2);

/// Most looks: a set of many accounts reaches one after the other, some seconds each.
const LOOKS_MOST: usize = 900;

pub(super) async fn write(aws: &Aws, session: &Arc<Session>, call: &SetCall, operation: &str, kind: Kind) -> Result<(), CloudError> {
    let SetRef { at, arn, .. } = call.set();
    let client = session.ssoadmin(&at.region);
    macro_rules! send {
        ($request:expr) => {{
            let request = $request.instance_arn(&at.instance).permission_set_arn(arn);
            session.write(operation, kind, || request.clone().send()).await
        }};
    }
    match call {
        SetCall::PutPolicy { .. } => {
            let Call::Set(SetCall::PutPolicy { document, .. }) = aws.made.in_call(&session.account, &call.clone().into())? else { return Ok(()) };
            send!(client.put_inline_policy_to_permission_set().inline_policy(document.to_json()))
        }
        SetCall::DeletePolicy { .. } => send!(client.delete_inline_policy_from_permission_set()),
        SetCall::Provision { set, account } => provision(aws, session, set, account, operation).await,
    }
}

/// Provisions a set and waits until its roles have it.
async fn provision(aws: &Aws, session: &Arc<Session>, set: &SetRef, account: &AccountId, operation: &str) -> Result<(), CloudError> {
    let SetRef { at, arn, name } = set;
    let client = session.ssoadmin(&at.region);
    let request = client.provision_permission_set().instance_arn(&at.instance).permission_set_arn(arn);
    let request = request.target_type(ProvisionTargetType::AwsAccount).target_id(account.as_str());
    // Asked twice, it is done twice, and says the same.
    let answer = session.answered(operation, Kind::Write, || request.clone().send()).await?;
    let mut status = answer.permission_set_provisioning_status().cloned();
    for _ in 0..LOOKS_MOST {
        if let Some(ended) = ended(session, name, operation, status.as_ref()) {
            return ended;
        }
        aws.sessions.run().halt.or(tokio::time::sleep(LOOK)).await.ok_or_else(|| unfinished(session, name, operation, ErrorClass::Interrupted))?;
        let id = status.as_ref().and_then(|s| s.request_id()).unwrap_or_default().to_owned();
        let request = client.describe_permission_set_provisioning_status().instance_arn(&at.instance).provision_permission_set_request_id(id);
        let answer = session.read("DescribePermissionSetProvisioningStatus", || request.clone().send()).await?;
        status = answer.permission_set_provisioning_status().cloned();
    }
    Err(unfinished(session, name, operation, ErrorClass::Other))
}

/// How it ended, if it has.
fn ended(session: &Session, name: &str, operation: &str, status: Option<&PermissionSetProvisioningStatus>) -> Option<Result<(), CloudError>> {
    match status.and_then(|s| s.status()) {
        Some(StatusValues::Succeeded) => Some(Ok(())),
        Some(StatusValues::Failed) => {
            let why = status.and_then(|s| s.failure_reason()).unwrap_or("it does not say why");
            let message = format!("permission set {name} has not reached all its accounts: {why}");
            Some(Err(error(session, operation, ErrorClass::Other, "FAILED", message)))
        }
        _ => None,
    }
}

fn unfinished(session: &Session, name: &str, operation: &str, class: ErrorClass) -> CloudError {
    error(session, operation, class, "IN_PROGRESS", format!("permission set {name} was still on its way to its accounts when it was last looked at"))
}

fn error(session: &Session, operation: &str, class: ErrorClass, code: &str, message: String) -> CloudError {
    CloudError { class, operation: operation.to_owned(), account: Some(session.account.clone()), code: code.to_owned(), message, request_id: None }
}
