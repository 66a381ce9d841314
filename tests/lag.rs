//! IAM shows late what was written: an apply waits for that, and for nothing else.

use std::time::Duration;

use crossrole_sandbox::Options;

use crate::support::{Place, scenario};

/// What some scenarios rely on and do not make.
async fn place(lag: Duration) -> Place {
    let place = Place::new(Options { visibility_delay: lag, ..Options::default() });
    for bucket in ["log-bucket", "partner-exchange", "people-reports", "shared-artifacts", "shared-bucket", "site-bucket"] {
        place.s3("222222222222", "PUT", &format!("/{bucket}"), "", "").await;
    }
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("111111111111", "CreateUser", &[("UserName", "ExternalUser")]).await;
    for (account, role) in [("111111111111", "LambdaExecutionRole"), ("333333333333", "EC2Role"), ("333333333333", "CodePipelineRole")] {
        place.iam(account, "CreateRole", &[("RoleName", role), ("AssumeRolePolicyDocument", trust)]).await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    place
}

/// Time and calls of one apply.
async fn apply(name: &str, lag: Duration) -> (Duration, u64) {
    let place = place(lag).await;
    place.sandbox.take_calls();
    let began = tokio::time::Instant::now();
    place.good(&["apply", "--auto-approve", "--quiet", &scenario(name)]).await;
    (began.elapsed(), place.sandbox.take_calls().values().sum())
}

/// Each with how many writes stand one on the other: what is put on a new object waits until that is seen, and is then
/// itself seen as late.
const SCENARIOS: [(&str, u32); 11] = [
    ("codepipeline-service", 2),
    ("cross-account-user", 2),
    ("direct-bucket-access", 2),
    ("ec2-service", 2),
    ("github-actions", 2),
    // A policy, the role that has it as its boundary, and what is put on the role.
    ("guarded-partner", 3),
    ("lambda-service", 2),
    ("log-analysts", 2),
    ("prod-data", 2),
    ("saml-federation", 2),
    // A user, the role that trusts it, and what is put on the role.
    ("shared-bucket-read", 3),
];

/// The lag for each write that has to be seen, and a second.
#[tokio::test(start_paused = true)]
async fn an_apply_takes_the_lag_and_a_second() {
    for (name, levels) in SCENARIOS {
        let (none, calls) = apply(name, Duration::ZERO).await;
        for lag in [50, 1_000, 10_000].map(Duration::from_millis) {
            let (took, made) = apply(name, lag).await;
            assert!(took <= none + lag * levels + Duration::from_secs(1), "{name} with {lag:?}: {took:?}, and {none:?} without");
            assert!(made <= calls + 60, "{name} with {lag:?}: {made} calls, and {calls} without");
        }
    }
}
