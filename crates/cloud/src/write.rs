//! One call in, one call out.

mod key;
mod permission_set;

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_sdk_iam::types::Tag;
use aws_sdk_s3::types::{
    BucketLocationConstraint, BucketLoggingStatus, BucketVersioningStatus, CreateBucketConfiguration, LoggingEnabled, ObjectOwnership, OwnershipControls,
    OwnershipControlsRule, PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault, ServerSideEncryptionConfiguration,
    ServerSideEncryptionRule, Tagging, VersioningConfiguration,
};
use aws_smithy_types::error::operation::BuildError;
use crossrole_model::state::{Encryption, Tags};
use crossrole_model::{AccountId, BucketCall, BucketRef, Call, CloudError, ErrorClass, Finds, IamCall, PrincipalKind, ownership};
use crossrole_policy::Document;

use crate::Aws;
use crate::call::Kind;
use crate::session::Session;
use crate::versions::number;

/// Makes the call.
pub(crate) async fn write(aws: &Aws, account: &AccountId, call: &Call) -> Result<(), CloudError> {
    let session = aws.sessions.get(account).await?;
    let operation = call.operation();
    tracing::debug!(account = %account, operation, "write");
    // A document that others write too is written once: before it is written again, it has to be read again.
    let kind = if call.effects().finds == Finds::SharedDocument { Kind::Once } else { Kind::Write };
    if let Call::Key(call) = call {
        return key::write(aws, &session, call, operation, kind).await;
    }
    if let Call::Set(call) = call {
        return permission_set::write(aws, &session, call, operation, kind).await;
    }
    match aws.made.in_call(account, call)? {
        Call::Iam(call) => iam(&session, &call, operation, kind).await,
        Call::Bucket(call) => bucket(&session, &call, operation, kind).await,
        Call::Key(_) | Call::Set(_) => Ok(()),
    }
}

/// A value that the SDK does not take: a bug of ours, said as an error.
fn unbuilt(account: &AccountId, operation: &str, error: &BuildError) -> CloudError {
    CloudError {
        class: ErrorClass::Invalid,
        operation: operation.to_owned(),
        account: Some(account.clone()),
        code: String::new(),
        message: error.to_string(),
        request_id: None,
    }
}

/// Most versions that are deleted to make room for one: others write at the same time, each takes the room that there is, and each
/// time one of them gets through.
const ROOMS_MOST: usize = 30;

/// A version of a policy that many manifests write: each makes room where all places are taken, as none can plan that.
async fn shared_version(session: &Arc<Session>, arn: &str, document: &Document, operation: &str, kind: Kind) -> Result<(), CloudError> {
    let iam = &session.iam;
    let request = iam.create_policy_version().policy_arn(arn).policy_document(document.to_json()).set_as_default(true);
    let mut rooms = 0;
    loop {
        let error = match session.answered(operation, kind, || request.clone().send()).await {
            Err(error) if error.class == ErrorClass::Quota => error,
            Err(error) => return Err(error),
            Ok(answer) => {
                let written = answer.policy_version().and_then(|v| v.version_id()).map_or(0, number);
                between(session, arn, written).await;
                session.versions.note(arn, written, document.clone());
                return Ok(());
            }
        };
        rooms += 1;
        if rooms > ROOMS_MOST {
            return Err(error);
        }
        let listed = session.read("ListPolicyVersions", || iam.list_policy_versions().policy_arn(arn).send()).await?;
        let old = listed.versions().iter().filter(|v| !v.is_default_version()).filter_map(|v| v.version_id()).min_by_key(|id| number(id));
        // Others have made room for more than themselves.
        let Some(old) = old else { continue };
        let gone = session.write("DeletePolicyVersion", Kind::Write, || iam.delete_policy_version().policy_arn(arn).version_id(old).send()).await;
        // Somebody else has made room at the same time.
        gone.or_else(|error| if error.class == ErrorClass::NotFound { Ok(()) } else { Err(error) })?;
    }
}

/// Most versions that are looked for between the one that was read and the one that was written: IAM keeps five.
const BETWEEN_MOST: u32 = 5;

/// Reads what others wrote between our reading and our writing, while IAM still keeps it. What can't be read is not known, and
/// whoever wrote it looks for it as well.
async fn between(session: &Arc<Session>, arn: &str, written: u32) {
    let Some(read) = session.versions.newest(arn) else { return };
    for version in (read + 1..written).rev().take(BETWEEN_MOST as usize) {
        let request = session.iam.get_policy_version().policy_arn(arn).version_id(format!("v{version}"));
        let Ok(answer) = session.read("GetPolicyVersion", || request.clone().send()).await else { continue };
        let text = answer.policy_version().and_then(|v| v.document());
        if let Ok(document) = crate::read::decode_document(text, "GetPolicyVersion", &session.account) {
            session.versions.note(arn, version, document);
        }
    }
}

/// A table with one arm for each call: long, and whole at a glance.
async fn iam(session: &Arc<Session>, call: &IamCall, operation: &str, kind: Kind) -> Result<(), CloudError> {
    let iam = &session.iam;
    let build = |error: BuildError| unbuilt(&session.account, operation, &error);
    let tags = |tags: &Tags| tags.iter().map(|(k, v)| Tag::builder().key(k).value(v).build()).collect::<Result<Vec<_>, _>>();
    let keys = |keys: &BTreeSet<String>| Some(keys.iter().cloned().collect::<Vec<_>>());
    let filled = |text: &String| (!text.is_empty()).then(|| text.clone());
    macro_rules! send {
        ($request:expr) => {{
            let request = $request;
            session.write(operation, kind, || request.clone().send()).await
        }};
    }
    match call {
        IamCall::CreateRole { name, path, trust, description, max_session_seconds, boundary, tags: t } => send!(
            iam.create_role()
                .role_name(name)
                .path(path)
                .assume_role_policy_document(trust.to_json())
                .set_description(filled(description))
                .max_session_duration(i32::try_from(*max_session_seconds).unwrap_or(i32::MAX))
                .set_permissions_boundary(boundary.clone())
                .set_tags(Some(tags(t).map_err(build)?))
        ),
        IamCall::UpdateTrust { role, trust } => {
            send!(iam.update_assume_role_policy().role_name(role).policy_document(trust.to_json()))
        }
        IamCall::UpdateRole { role, description, max_session_seconds } => {
            send!(iam.update_role().role_name(role).description(description).max_session_duration(i32::try_from(*max_session_seconds).unwrap_or(i32::MAX)))
        }
        IamCall::PutBoundary { role, arn } => send!(iam.put_role_permissions_boundary().role_name(role).permissions_boundary(arn)),
        IamCall::DeleteBoundary { role } => send!(iam.delete_role_permissions_boundary().role_name(role)),
        IamCall::TagRole { role, tags: t } => send!(iam.tag_role().role_name(role).set_tags(Some(tags(t).map_err(build)?))),
        IamCall::UntagRole { role, keys: k } => send!(iam.untag_role().role_name(role).set_tag_keys(keys(k))),
        IamCall::RemoveRoleFromInstanceProfile { role, profile } => {
            send!(iam.remove_role_from_instance_profile().role_name(role).instance_profile_name(profile))
        }
        IamCall::DeleteRole { role } => send!(iam.delete_role().role_name(role)),
        IamCall::PutInlinePolicy { role, name, document } => send!(iam.put_role_policy().role_name(role).policy_name(name).policy_document(document.to_json())),
        IamCall::DeleteInlinePolicy { principal, name } => match principal.kind {
            PrincipalKind::Role => send!(iam.delete_role_policy().role_name(&principal.name).policy_name(name)),
            PrincipalKind::User => send!(iam.delete_user_policy().user_name(&principal.name).policy_name(name)),
            PrincipalKind::Group => send!(iam.delete_group_policy().group_name(&principal.name).policy_name(name)),
        },
        IamCall::AttachPolicy { principal, arn } => match principal.kind {
            PrincipalKind::Role => send!(iam.attach_role_policy().role_name(&principal.name).policy_arn(arn)),
            PrincipalKind::User => send!(iam.attach_user_policy().user_name(&principal.name).policy_arn(arn)),
            PrincipalKind::Group => send!(iam.attach_group_policy().group_name(&principal.name).policy_arn(arn)),
        },
        IamCall::DetachPolicy { principal, arn } => match principal.kind {
            PrincipalKind::Role => send!(iam.detach_role_policy().role_name(&principal.name).policy_arn(arn)),
            PrincipalKind::User => send!(iam.detach_user_policy().user_name(&principal.name).policy_arn(arn)),
            PrincipalKind::Group => send!(iam.detach_group_policy().group_name(&principal.name).policy_arn(arn)),
        },
        IamCall::CreatePolicy { name, path, description, document, tags: t } => {
            let request = iam
                .create_policy()
                .policy_name(name)
                .path(path)
                .set_description(filled(description))
                .policy_document(document.to_json())
                .set_tags(Some(tags(t).map_err(build)?).filter(|tags| !tags.is_empty()));
            send!(request)
        }
        IamCall::CreatePolicyVersion { arn, document } if ownership::is_caller_arn(arn) => shared_version(session, arn, document, operation, kind).await,
        IamCall::CreatePolicyVersion { arn, document } => {
            send!(iam.create_policy_version().policy_arn(arn).policy_document(document.to_json()).set_as_default(true))
        }
        IamCall::DeletePolicyVersion { arn, version } => send!(iam.delete_policy_version().policy_arn(arn).version_id(version)),
        IamCall::TagPolicy { arn, tags: t } => send!(iam.tag_policy().policy_arn(arn).set_tags(Some(tags(t).map_err(build)?))),
        IamCall::UntagPolicy { arn, keys: k } => send!(iam.untag_policy().policy_arn(arn).set_tag_keys(keys(k))),
        IamCall::DeletePolicy { arn } => send!(iam.delete_policy().policy_arn(arn)),
        IamCall::CreateUser { name, path, tags: t } => send!(iam.create_user().user_name(name).path(path).set_tags(Some(tags(t).map_err(build)?))),
        IamCall::TagUser { user, tags: t } => send!(iam.tag_user().user_name(user).set_tags(Some(tags(t).map_err(build)?))),
        IamCall::UntagUser { user, keys: k } => send!(iam.untag_user().user_name(user).set_tag_keys(keys(k))),
        IamCall::DeleteUser { user } => send!(iam.delete_user().user_name(user)),
        IamCall::CreateGroup { name, path } => send!(iam.create_group().group_name(name).path(path)),
        IamCall::UpdateGroup { group, path } => send!(iam.update_group().group_name(group).new_path(path)),
        IamCall::DeleteGroup { group } => send!(iam.delete_group().group_name(group)),
        IamCall::AddUserToGroup { group, user } => send!(iam.add_user_to_group().group_name(group).user_name(user)),
        IamCall::RemoveUserFromGroup { group, user } => send!(iam.remove_user_from_group().group_name(group).user_name(user)),
        IamCall::CreateOidcProvider { url, client_ids, tags: t } => {
            send!(iam.create_open_id_connect_provider().url(url).set_client_id_list(keys(client_ids)).set_tags(Some(tags(t).map_err(build)?)))
        }
        IamCall::AddClientId { arn, client_id } => {
            send!(iam.add_client_id_to_open_id_connect_provider().open_id_connect_provider_arn(arn).client_id(client_id))
        }
        IamCall::RemoveClientId { arn, client_id } => {
            send!(iam.remove_client_id_from_open_id_connect_provider().open_id_connect_provider_arn(arn).client_id(client_id))
        }
        IamCall::TagOidcProvider { arn, tags: t } => {
            send!(iam.tag_open_id_connect_provider().open_id_connect_provider_arn(arn).set_tags(Some(tags(t).map_err(build)?)))
        }
        IamCall::UntagOidcProvider { arn, keys: k } => send!(iam.untag_open_id_connect_provider().open_id_connect_provider_arn(arn).set_tag_keys(keys(k))),
        IamCall::DeleteOidcProvider { arn } => send!(iam.delete_open_id_connect_provider().open_id_connect_provider_arn(arn)),
        IamCall::CreateSamlProvider { name, metadata, tags: t } => {
            send!(iam.create_saml_provider().name(name).saml_metadata_document(metadata).set_tags(Some(tags(t).map_err(build)?)))
        }
        IamCall::UpdateSamlProvider { arn, metadata } => send!(iam.update_saml_provider().saml_provider_arn(arn).saml_metadata_document(metadata)),
        IamCall::TagSamlProvider { arn, tags: t } => send!(iam.tag_saml_provider().saml_provider_arn(arn).set_tags(Some(tags(t).map_err(build)?))),
        IamCall::UntagSamlProvider { arn, keys: k } => send!(iam.untag_saml_provider().saml_provider_arn(arn).set_tag_keys(keys(k))),
        IamCall::DeleteSamlProvider { arn } => send!(iam.delete_saml_provider().saml_provider_arn(arn)),
    }
}

async fn bucket(session: &Arc<Session>, call: &BucketCall, operation: &str, kind: Kind) -> Result<(), CloudError> {
    let owner = session.account.as_str();
    let build = |error: BuildError| unbuilt(&session.account, operation, &error);
    let client = |bucket: &BucketRef| session.s3(&bucket.region);
    let s3_tags = |tags: &Tags| tags.iter().map(|(k, v)| aws_sdk_s3::types::Tag::builder().key(k).value(v).build()).collect::<Result<Vec<_>, _>>();
    macro_rules! send {
        ($request:expr) => {{
            let request = $request;
            session.write(operation, kind, || request.clone().send()).await
        }};
    }
    match call {
        BucketCall::Create { bucket, ownership, tags } => {
            let mut configuration = CreateBucketConfiguration::builder().set_tags(Some(s3_tags(tags).map_err(build)?));
            // The home region is said by saying nothing (S3 API reference, CreateBucket).
            if bucket.region != "us-east-1" {
                configuration = configuration.location_constraint(BucketLocationConstraint::from(bucket.region.as_str()));
            }
            let ownership = ownership.as_deref().map(ObjectOwnership::from);
            send!(client(bucket).create_bucket().bucket(&bucket.name).create_bucket_configuration(configuration.build()).set_object_ownership(ownership))
        }
        BucketCall::PutVersioning { bucket, enabled } => {
            let status = if *enabled { BucketVersioningStatus::Enabled } else { BucketVersioningStatus::Suspended };
            let configuration = VersioningConfiguration::builder().status(status).build();
            send!(client(bucket).put_bucket_versioning().bucket(&bucket.name).expected_bucket_owner(owner).versioning_configuration(configuration))
        }
        BucketCall::PutEncryption { bucket, encryption } => {
            let default = match encryption {
                Encryption::Aes256 => ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256),
                Encryption::Kms { key, .. } => ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::AwsKms).kms_master_key_id(key),
            };
            let bucket_key = if let Encryption::Kms { bucket_key, .. } = encryption { Some(*bucket_key) } else { None };
            let rule = ServerSideEncryptionRule::builder()
                .apply_server_side_encryption_by_default(default.build().map_err(build)?)
                .set_bucket_key_enabled(bucket_key)
                .build();
            let configuration = ServerSideEncryptionConfiguration::builder().rules(rule).build().map_err(build)?;
            send!(client(bucket).put_bucket_encryption().bucket(&bucket.name).expected_bucket_owner(owner).server_side_encryption_configuration(configuration))
        }
        BucketCall::PutPublicAccessBlock { bucket, block } => {
            let configuration = PublicAccessBlockConfiguration::builder()
                .block_public_acls(block.block_acls)
                .ignore_public_acls(block.ignore_acls)
                .block_public_policy(block.block_policy)
                .restrict_public_buckets(block.restrict_buckets)
                .build();
            send!(client(bucket).put_public_access_block().bucket(&bucket.name).expected_bucket_owner(owner).public_access_block_configuration(configuration))
        }
        BucketCall::PutOwnership { bucket, ownership } => {
            let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::from(ownership.as_str())).build().map_err(build)?;
            let controls = OwnershipControls::builder().rules(rule).build().map_err(build)?;
            send!(client(bucket).put_bucket_ownership_controls().bucket(&bucket.name).expected_bucket_owner(owner).ownership_controls(controls))
        }
        BucketCall::PutLogging { bucket, logging } => {
            let enabled =
                logging.as_ref().map(|l| LoggingEnabled::builder().target_bucket(&l.bucket).target_prefix(&l.prefix).build()).transpose().map_err(build)?;
            let status = BucketLoggingStatus::builder().set_logging_enabled(enabled).build();
            send!(client(bucket).put_bucket_logging().bucket(&bucket.name).expected_bucket_owner(owner).bucket_logging_status(status))
        }
        BucketCall::PutTags { bucket, tags } => {
            let tagging = Tagging::builder().set_tag_set(Some(s3_tags(tags).map_err(build)?)).build().map_err(build)?;
            send!(client(bucket).put_bucket_tagging().bucket(&bucket.name).expected_bucket_owner(owner).tagging(tagging))
        }
        BucketCall::Delete { bucket } => send!(client(bucket).delete_bucket().bucket(&bucket.name).expected_bucket_owner(owner)),
        BucketCall::PutPolicy { bucket, document } => {
            send!(client(bucket).put_bucket_policy().bucket(&bucket.name).expected_bucket_owner(owner).policy(document.to_json()))
        }
        BucketCall::DeletePolicy { bucket } => {
            send!(client(bucket).delete_bucket_policy().bucket(&bucket.name).expected_bucket_owner(owner))
        }
    }
}
