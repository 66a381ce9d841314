//! A document close to its quota.

use crate::Use;
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;
use crossrole_model::{Kind, limits};

pub(super) const RULE: Rule = Rule {
    id: "near-quota",
    severity: Severity::Note,
    what: "a document close to its quota",
    why: "The next principal or resource may not fit, and AWS refuses it in the middle of an apply.",
    fix: "join statements, or move some into another policy",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = [
    "arn:aws:s3:::a-bucket-with-a-long-name-000/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-001/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-002/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-003/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-004/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-005/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-006/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-007/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-008/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-009/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-010/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-011/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-012/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-013/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-014/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-015/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-016/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-017/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-018/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-019/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-020/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-021/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-022/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-023/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-024/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-025/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-026/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-027/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-028/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-029/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-030/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-031/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-032/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-033/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-034/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-035/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-036/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-037/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-038/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-039/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-040/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-041/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-042/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-043/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-044/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-045/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-046/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-047/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-048/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-049/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-050/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-051/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-052/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-053/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-054/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-055/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-056/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-057/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-058/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-059/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-060/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-061/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-062/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-063/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-064/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-065/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-066/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-067/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-068/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-069/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-070/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-071/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-072/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-073/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-074/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-075/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-076/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-077/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-078/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-079/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-080/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-081/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-082/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-083/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-084/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-085/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-086/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-087/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-088/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-089/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-090/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-091/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-092/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-093/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-094/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-095/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-096/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-097/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-098/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-099/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-100/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-101/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-102/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-103/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-104/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-105/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-106/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-107/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-108/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-109/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-110/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-111/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-112/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-113/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-114/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-115/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-116/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-117/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-118/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-119/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-120/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-121/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-122/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-123/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-124/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-125/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-126/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-127/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-128/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-129/and/a/long/prefix/*",
]
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = [
    "arn:aws:s3:::a-bucket-with-a-long-name-000/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-001/and/a/long/prefix/*",
    "arn:aws:s3:::a-bucket-with-a-long-name-002/and/a/long/prefix/*",
]
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for doc in lint.docs.iter().filter(|doc| !doc.live) {
        let (used, limit) = match (doc.used, doc.address.kind) {
            (Use::Trust, _) => (doc.document.size(), lint.desired.quotas.trust_policy),
            (Use::Identity, Kind::Policy) => (doc.document.size(), limits::MANAGED_POLICY),
            // It is spread over as many policies as a principal may hold.
            (Use::Identity, Kind::Caller) => (doc.document.size(), limits::MANAGED_POLICY * limits::ATTACHED_POLICIES),
            (Use::Identity, _) => (doc.document.size(), limits::ROLE_INLINE),
            (Use::Key, _) => (doc.document.to_json().len(), limits::KEY_POLICY),
            (Use::Bucket, _) => (doc.document.to_json().len(), limits::BUCKET_POLICY),
        };
        if used * 100 > limit * limits::METER_PERCENT {
            hits.object(&doc.address, format!("{}: {used} of {limit} characters", doc.place));
        }
    }
}
