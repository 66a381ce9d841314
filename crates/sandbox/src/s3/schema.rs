//! The elements of configurations that are kept as they are sent (S3 API reference, data types).

use super::read::Content::{Flag, Nest, Number, Of, Text};
use super::read::Element;

const STATUS: &[&str] = &["Enabled", "Disabled"];
const TAG: &[Element] = &[("Key", 1, 1, Text), ("Value", 1, 1, Text)];
const ARCHIVES: &[&str] = &["STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE", "GLACIER_IR"];

pub(super) const CORS: &[Element] = &[(
    "CORSRule",
    1,
    100,
    Nest(&[
        ("ID", 0, 1, Text),
        ("AllowedHeader", 0, 0, Text),
        ("AllowedMethod", 1, 0, Text),
        ("AllowedOrigin", 1, 0, Text),
        ("ExposeHeader", 0, 0, Text),
        ("MaxAgeSeconds", 0, 1, Number),
    ]),
)];

const SIZES: [Element; 2] = [("ObjectSizeGreaterThan", 0, 1, Number), ("ObjectSizeLessThan", 0, 1, Number)];

pub(super) const LIFECYCLE: &[Element] = &[(
    "Rule",
    1,
    1_000,
    Nest(&[
        ("ID", 0, 1, Text),
        ("Status", 1, 1, Of(STATUS)),
        ("Prefix", 0, 1, Text),
        (
            "Filter",
            0,
            1,
            Nest(&[
                ("Prefix", 0, 1, Text),
                ("Tag", 0, 1, Nest(TAG)),
                SIZES[0],
                SIZES[1],
                ("And", 0, 1, Nest(&[("Prefix", 0, 1, Text), ("Tag", 0, 0, Nest(TAG)), SIZES[0], SIZES[1]])),
            ]),
        ),
        ("Expiration", 0, 1, Nest(&[("Days", 0, 1, Number), ("Date", 0, 1, Text), ("ExpiredObjectDeleteMarker", 0, 1, Flag)])),
        ("Transition", 0, 0, Nest(&[("Days", 0, 1, Number), ("Date", 0, 1, Text), ("StorageClass", 1, 1, Of(ARCHIVES))])),
        ("NoncurrentVersionExpiration", 0, 1, Nest(&[("NoncurrentDays", 0, 1, Number), ("NewerNoncurrentVersions", 0, 1, Number)])),
        (
            "NoncurrentVersionTransition",
            0,
            0,
            Nest(&[("NoncurrentDays", 0, 1, Number), ("NewerNoncurrentVersions", 0, 1, Number), ("StorageClass", 1, 1, Of(ARCHIVES))]),
        ),
        ("AbortIncompleteMultipartUpload", 0, 1, Nest(&[("DaysAfterInitiation", 1, 1, Number)])),
    ]),
)];

pub(super) const WEBSITE: &[Element] = &[
    ("IndexDocument", 0, 1, Nest(&[("Suffix", 1, 1, Text)])),
    ("ErrorDocument", 0, 1, Nest(&[("Key", 1, 1, Text)])),
    ("RedirectAllRequestsTo", 0, 1, Nest(&[("HostName", 1, 1, Text), ("Protocol", 0, 1, Text)])),
    (
        "RoutingRules",
        0,
        1,
        Nest(&[(
            "RoutingRule",
            1,
            50,
            Nest(&[
                ("Condition", 0, 1, Nest(&[("HttpErrorCodeReturnedEquals", 0, 1, Text), ("KeyPrefixEquals", 0, 1, Text)])),
                (
                    "Redirect",
                    1,
                    1,
                    Nest(&[
                        ("HostName", 0, 1, Text),
                        ("HttpRedirectCode", 0, 1, Text),
                        ("Protocol", 0, 1, Text),
                        ("ReplaceKeyPrefixWith", 0, 1, Text),
                        ("ReplaceKeyWith", 0, 1, Text),
                    ]),
                ),
            ]),
        )]),
    ),
];

const TOGGLE: &[Element] = &[("Status", 1, 1, Of(STATUS))];

pub(super) const REPLICATION: &[Element] = &[
    ("Role", 1, 1, Text),
    (
        "Rule",
        1,
        1_000,
        Nest(&[
            ("ID", 0, 1, Text),
            ("Priority", 0, 1, Number),
            ("Prefix", 0, 1, Text),
            (
                "Filter",
                0,
                1,
                Nest(&[("Prefix", 0, 1, Text), ("Tag", 0, 1, Nest(TAG)), ("And", 0, 1, Nest(&[("Prefix", 0, 1, Text), ("Tag", 0, 0, Nest(TAG))]))]),
            ),
            ("Status", 1, 1, Of(STATUS)),
            ("SourceSelectionCriteria", 0, 1, Nest(&[("SseKmsEncryptedObjects", 0, 1, Nest(TOGGLE)), ("ReplicaModifications", 0, 1, Nest(TOGGLE))])),
            ("ExistingObjectReplication", 0, 1, Nest(TOGGLE)),
            (
                "Destination",
                1,
                1,
                Nest(&[
                    ("Bucket", 1, 1, Text),
                    ("Account", 0, 1, Text),
                    ("StorageClass", 0, 1, Text),
                    ("AccessControlTranslation", 0, 1, Nest(&[("Owner", 1, 1, Of(&["Destination"]))])),
                    ("EncryptionConfiguration", 0, 1, Nest(&[("ReplicaKmsKeyID", 0, 1, Text)])),
                    ("ReplicationTime", 0, 1, Nest(&[("Status", 1, 1, Of(STATUS)), ("Time", 1, 1, Nest(&[("Minutes", 0, 1, Number)]))])),
                    ("Metrics", 0, 1, Nest(&[("Status", 1, 1, Of(STATUS)), ("EventThreshold", 0, 1, Nest(&[("Minutes", 0, 1, Number)]))])),
                ]),
            ),
            ("DeleteMarkerReplication", 0, 1, Nest(TOGGLE)),
        ]),
    ),
];

const KEY_FILTER: Element = ("Filter", 0, 1, Nest(&[("S3Key", 0, 1, Nest(&[("FilterRule", 0, 0, Nest(&[("Name", 1, 1, Text), ("Value", 1, 1, Text)]))]))]));

pub(super) const NOTIFICATION: &[Element] = &[
    ("TopicConfiguration", 0, 0, Nest(&[("Id", 0, 1, Text), ("Topic", 1, 1, Text), ("Event", 1, 0, Text), KEY_FILTER])),
    ("QueueConfiguration", 0, 0, Nest(&[("Id", 0, 1, Text), ("Queue", 1, 1, Text), ("Event", 1, 0, Text), KEY_FILTER])),
    ("CloudFunctionConfiguration", 0, 0, Nest(&[("Id", 0, 1, Text), ("CloudFunction", 1, 1, Text), ("Event", 1, 0, Text), KEY_FILTER])),
    ("EventBridgeConfiguration", 0, 1, Nest(&[])),
];

pub(super) const PAYMENT: &[Element] = &[("Payer", 1, 1, Of(&["Requester", "BucketOwner"]))];
pub(super) const ACCELERATE: &[Element] = &[("Status", 1, 1, Of(&["Enabled", "Suspended"]))];
pub(super) const ABAC: &[Element] = &[("Status", 1, 1, Of(STATUS))];

pub(super) const OBJECT_LOCK: &[Element] = &[
    ("ObjectLockEnabled", 1, 1, Of(&["Enabled"])),
    (
        "Rule",
        0,
        1,
        Nest(&[("DefaultRetention", 1, 1, Nest(&[("Mode", 1, 1, Of(&["GOVERNANCE", "COMPLIANCE"])), ("Days", 0, 1, Number), ("Years", 0, 1, Number)]))]),
    ),
];

const METRICS_AND: &[Element] = &[("Prefix", 0, 1, Text), ("Tag", 0, 0, Nest(TAG)), ("AccessPointArn", 0, 1, Text)];

pub(super) const METRICS: &[Element] = &[
    ("Id", 1, 1, Text),
    ("Filter", 0, 1, Nest(&[("Prefix", 0, 1, Text), ("Tag", 0, 1, Nest(TAG)), ("AccessPointArn", 0, 1, Text), ("And", 0, 1, Nest(METRICS_AND))])),
];

const PREFIX_TAGS: &[Element] = &[("Prefix", 0, 1, Text), ("Tag", 0, 0, Nest(TAG))];
const PREFIX_OR_TAG: Element = ("Filter", 0, 1, Nest(&[("Prefix", 0, 1, Text), ("Tag", 0, 1, Nest(TAG)), ("And", 0, 1, Nest(PREFIX_TAGS))]));

pub(super) const ANALYTICS: &[Element] = &[
    ("Id", 1, 1, Text),
    PREFIX_OR_TAG,
    (
        "StorageClassAnalysis",
        1,
        1,
        Nest(&[(
            "DataExport",
            0,
            1,
            Nest(&[
                ("OutputSchemaVersion", 1, 1, Of(&["V_1"])),
                (
                    "Destination",
                    1,
                    1,
                    Nest(&[(
                        "S3BucketDestination",
                        1,
                        1,
                        Nest(&[("Format", 1, 1, Of(&["CSV"])), ("BucketAccountId", 0, 1, Text), ("Bucket", 1, 1, Text), ("Prefix", 0, 1, Text)]),
                    )]),
                ),
            ]),
        )]),
    ),
];

pub(super) const TIERING: &[Element] = &[
    ("Id", 1, 1, Text),
    PREFIX_OR_TAG,
    ("Status", 1, 1, Of(STATUS)),
    ("Tiering", 1, 2, Nest(&[("Days", 1, 1, Number), ("AccessTier", 1, 1, Of(&["ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"]))])),
];

/// Fields that an inventory may add.
const FIELDS: &[&str] = &[
    "Size",
    "LastModifiedDate",
    "StorageClass",
    "ETag",
    "IsMultipartUploaded",
    "ReplicationStatus",
    "EncryptionStatus",
    "ObjectLockRetainUntilDate",
    "ObjectLockMode",
    "ObjectLockLegalHoldStatus",
    "IntelligentTieringAccessTier",
    "BucketKeyStatus",
    "ChecksumAlgorithm",
    "ObjectAccessControlList",
    "ObjectOwner",
    "LifecycleExpirationDate",
];

pub(super) const INVENTORY: &[Element] = &[
    (
        "Destination",
        1,
        1,
        Nest(&[(
            "S3BucketDestination",
            1,
            1,
            Nest(&[
                ("AccountId", 0, 1, Text),
                ("Bucket", 1, 1, Text),
                ("Format", 1, 1, Of(&["CSV", "ORC", "Parquet"])),
                ("Prefix", 0, 1, Text),
                ("Encryption", 0, 1, Nest(&[("SSE-S3", 0, 1, Nest(&[])), ("SSE-KMS", 0, 1, Nest(&[("KeyId", 1, 1, Text)]))])),
            ]),
        )]),
    ),
    ("IsEnabled", 1, 1, Flag),
    ("Filter", 0, 1, Nest(&[("Prefix", 1, 1, Text)])),
    ("Id", 1, 1, Text),
    ("IncludedObjectVersions", 1, 1, Of(&["All", "Current"])),
    ("OptionalFields", 0, 1, Nest(&[("Field", 0, 0, Of(FIELDS))])),
    ("Schedule", 1, 1, Nest(&[("Frequency", 1, 1, Of(&["Daily", "Weekly"]))])),
];
