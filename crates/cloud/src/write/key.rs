//! Writing to KMS.

use std::sync::Arc;

use aws_sdk_kms::types::Tag;
use aws_smithy_types::error::operation::BuildError;
use crossrole_model::state::Tags;
use crossrole_model::{Call, CloudError, ErrorClass, KeyCall, KeyRef};

use crate::Aws;
use crate::call::Kind;
use crate::read::key::{POLICY, begun, described_arn};
use crate::session::Session;

use super::unbuilt;

pub(super) async fn write(aws: &Aws, session: &Arc<Session>, call: &KeyCall, operation: &str, kind: Kind) -> Result<(), CloudError> {
    let key = call.key();
    let (kms, arn) = (session.kms(key.region()), aws.made.arn(key));
    let build = |error: BuildError| unbuilt(&session.account, operation, &error);
    macro_rules! send {
        ($request:expr) => {{
            let request = $request;
            session.write(operation, kind, || request.clone().send()).await
        }};
    }
    match call {
        KeyCall::Create { key, description, tags } => {
            let request = kms.create_key().description(description).set_tags(Some(built(tags).map_err(build)?));
            // AWS makes another key each time that it is asked (KMS API reference, CreateKey): a lost answer is looked for.
            let made = match session.answered(operation, Kind::Anew, || request.clone().send()).await {
                Ok(answer) => answer.key_metadata().and_then(|data| data.arn()).map(str::to_owned),
                Err(error) if matches!(error.class, ErrorClass::Unanswered | ErrorClass::Network | ErrorClass::Server) => {
                    let found = begun(session, key.region(), key.alias().unwrap_or_default()).await;
                    Some(found.ok().flatten().map(|found| found.arn).ok_or(error)?)
                }
                Err(error) => return Err(error),
            };
            aws.made.note(key, &made.unwrap_or_default());
            Ok(())
        }
        KeyCall::CreateAlias { key } => {
            let made = send!(kms.create_alias().alias_name(key.alias().unwrap_or_default()).target_key_id(&arn));
            match made {
                Err(error) if error.class == ErrorClass::AlreadyExists => stands_for(session, key, &arn, error).await,
                other => other,
            }
        }
        KeyCall::UpdateDescription { description, .. } => send!(kms.update_key_description().key_id(arn).description(description)),
        KeyCall::EnableRotation { days, .. } => {
            send!(kms.enable_key_rotation().key_id(arn).rotation_period_in_days(i32::try_from(*days).unwrap_or(i32::MAX)))
        }
        KeyCall::Tag { tags, .. } => send!(kms.tag_resource().key_id(arn).set_tags(Some(built(tags).map_err(build)?))),
        KeyCall::Untag { keys, .. } => send!(kms.untag_resource().key_id(arn).set_tag_keys(Some(keys.iter().cloned().collect()))),
        KeyCall::ScheduleDeletion { days, .. } => {
            send!(kms.schedule_key_deletion().key_id(arn).pending_window_in_days(i32::try_from(*days).unwrap_or(i32::MAX)))
        }
        KeyCall::PutPolicy { .. } => {
            let Call::Key(KeyCall::PutPolicy { document, .. }) = aws.made.in_call(&session.account, &call.clone().into())? else { return Ok(()) };
            send!(kms.put_key_policy().policy_name(POLICY).key_id(arn).policy(document.to_json()))
        }
    }
}

fn built(tags: &Tags) -> Result<Vec<Tag>, BuildError> {
    tags.iter().map(|(key, value)| Tag::builder().tag_key(key).tag_value(value).build()).collect()
}

/// An alias that is there already may be ours, made by a call whose answer was lost.
async fn stands_for(session: &Arc<Session>, key: &KeyRef, arn: &str, mut error: CloudError) -> Result<(), CloudError> {
    let found = described_arn(session, key.region(), &key.alias_arn().unwrap_or_default()).await;
    if found.is_ok_and(|found| found.as_deref() == Some(arn)) {
        return Ok(());
    }
    // Nothing finds it again by that name.
    error.message = format!("{}; {arn} was made and stays without a name: schedule its deletion, or give it another alias", error.message);
    Err(error)
}
