//! What a run costs, in calls. (What it costs in time is `just bench`.)

use crossrole_sandbox::Options;

use crate::fleet::fleet;
use crate::support::{Place, manifest};

const TRUSTING: &str = "222222222222";

/// How late writes to IAM are seen.
const LATE: std::time::Duration = std::time::Duration::from_secs(8);

async fn place(buckets: usize) -> Place {
    let place = Place::new(Options { visibility_delay: LATE, ..Options::default() });
    for bucket in 0..buckets {
        assert_eq!(place.s3(TRUSTING, "PUT", &format!("/fleet-bucket-{bucket}"), "", "").await.0, 200);
    }
    place
}

fn total(calls: &std::collections::BTreeMap<(String, String), u64>) -> u64 {
    calls.values().sum()
}

/// The fleet: 1,000 roles, 200 trusted accounts, 50 buckets. Writes are seen late, and still not repeated until they work.
#[tokio::test(start_paused = true)]
async fn a_plan_costs_a_handful_of_calls_and_an_apply_two_a_role() {
    let place = place(50).await;
    let file = manifest("fleet", &fleet(1_000, 200, 50));
    place.sandbox.take_calls();
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let calls = place.sandbox.take_calls();
    let of = |operation: &str| calls.iter().filter(|((_, o), _)| o == operation).map(|(_, n)| n).sum::<u64>();
    // Those in flight when the first is refused are made again; from then on, the roles are waited for in bulk.
    let in_flight = 10;
    assert!(of("CreateRole") == 1_000 && of("PutRolePolicy") <= 1_000 + in_flight && of("PutBucketPolicy") <= 50 + in_flight, "{calls:?}");
    let writes = of("CreateRole") + of("PutRolePolicy") + of("PutBucketPolicy");
    // Bulk reads: for the plan, before the steps, after them; and a read of each bucket policy before it is written.
    let reads = of("GetAccountAuthorizationDetails") + of("GetAccountSummary") + of("ListRoles") + of("ListBuckets") + of("GetCallerIdentity");
    assert!(reads <= 60, "{calls:?}");
    assert!(total(&calls) - writes - reads <= 50 * 7, "{calls:?}");
    let plan = place.good(&["plan", "--detailed-exitcode", &file]).await;
    assert!(plan.starts_with("No changes."), "{plan}");
    let calls = place.sandbox.take_calls();
    // Of each bucket its policy, and what others encrypt it with.
    assert!(total(&calls) <= 12 + 2 * 50, "{calls:?}");
    assert!(plan.contains(&format!("Read with {} calls", total(&calls))), "the plan says how many: {plan}");
    // The rest of the cycle, at this size: one foreign attachment among a thousand roles, and the end.
    let administrator = [("RoleName", "Fleet7"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")];
    place.iam(TRUSTING, "AttachRolePolicy", &administrator).await;
    tokio::time::sleep(LATE).await;
    let plan = place.good(&["plan", &file]).await;
    assert!(plan.contains("because arn:aws:iam::aws:policy/AdministratorAccess was put on it by somebody else"), "{plan}");
    assert!(plan.contains("Plan: 0 to add, 1 to change, 0 to destroy."), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert!(place.good(&["plan", &file]).await.starts_with("No changes."));
    place.good(&["destroy", "--auto-approve", "--quiet", &file]).await;
    tokio::time::sleep(LATE).await;
    let left = place.iam(TRUSTING, "ListRoles", &[]).await;
    assert!(!left.contains("Fleet"), "{left}");
    assert_eq!(place.s3(TRUSTING, "GET", "/fleet-bucket-49", "policy", "").await.0, 404);
}

/// Nothing is read twice, and nothing is read that no manifest states.
#[tokio::test(start_paused = true)]
async fn no_object_is_read_twice() {
    let place = place(0).await;
    let file = crate::support::scenario("prod-data");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    place.sandbox.take_calls();
    place.good(&["plan", &file]).await;
    let calls = place.sandbox.take_calls();
    let seen: Vec<String> = calls.iter().filter(|((account, _), _)| account == TRUSTING).map(|((_, operation), n)| format!("{operation} {n}")).collect();
    let expected = [
        "GetAccountAuthorizationDetails 1",
        "GetAccountSummary 1",
        "GetBucketEncryption 2",
        "GetBucketLogging 1",
        "GetBucketPolicy 2",
        "GetBucketTagging 2",
        "GetBucketVersioning 1",
        "GetCallerIdentity 1",
        "ListBuckets 1",
        "ListRoles 1",
    ];
    assert_eq!(seen, expected, "two buckets, one of them with settings");
}

/// What a key is, and its policy.
#[tokio::test(start_paused = true)]
async fn a_key_costs_two_calls() {
    for name in ["encrypted-exchange", "foreign-key"] {
        let place = Place::new(Options::default());
        let file = crate::support::scenario(name);
        place.good(&["sandbox", "prepare", &file]).await;
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        place.sandbox.take_calls();
        place.good(&["plan", &file]).await;
        let calls = place.sandbox.take_calls();
        let of_keys: Vec<String> = calls.iter().filter(|((_, operation), _)| operation.contains("Key")).map(|((_, o), n)| format!("{o} {n}")).collect();
        assert_eq!(of_keys, ["DescribeKey 1", "GetKeyPolicy 1"], "{name}: {calls:?}");
    }
}

/// On a clock that stands still but for the answers, time is the number of calls that waited for one another.
async fn rounds(place: Place, file: &str) -> u64 {
    const EACH: std::time::Duration = std::time::Duration::from_secs(1);
    let options = Options { latency: EACH, ..Options::default() };
    let slow = Place::of(crossrole_sandbox::Sandbox::restore(&place.sandbox.snapshot().unwrap(), options).unwrap());
    let start = tokio::time::Instant::now();
    let plan = slow.good(&["plan", "--detailed-exitcode", file]).await;
    assert!(plan.starts_with("No changes."), "{plan}");
    start.elapsed().as_secs()
}

/// Whose credentials they are; everything at once; what that makes necessary; and once more where a listing tells too little.
#[tokio::test(start_paused = true)]
async fn a_plan_of_one_account_waits_for_four_rounds_at_most() {
    let whole = r#"
[oidc_providers.github]
url = "https://token.actions.githubusercontent.com"
[policies.Most]
[[policies.Most.allow]]
actions = "s3:*"
resources = "*"
[buckets.rounds-logs]
create = true
[buckets.rounds-data]
create = true
versioning = true
encryption = "AES256"
public_access_block = true
ownership = "BucketOwnerEnforced"
logging = { bucket = "rounds-logs", prefix = "data/" }
[roles.Deployer]
permissions_boundary = "arn:aws:iam::222222222222:policy/Most"
[[roles.Deployer.trust]]
github = { repository = "example-org/site", environment = "production" }
[[roles.Deployer.allow]]
bucket = "rounds-data"
access = "read"
"#;
    // Another manifest's buckets, and a provider that nothing here declares, are only found in what is live.
    let others = r#"
[roles.Reader]
[[roles.Reader.trust]]
service = "ec2.amazonaws.com"
[[roles.Reader.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::rounds-data/*"
"#;
    // A key is looked at beside everything else.
    let key = r#"
[keys.rounds]
arn = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[[keys.rounds.allow]]
principal = "arn:aws:iam::444444444444:root"
access = "decrypt"
[buckets.rounds-data]
create = true
encryption = { kms_key = "rounds" }
"#;
    for (name, body, most) in [("rounds-whole", whole, 4), ("rounds-others", others, 4), ("rounds-key", key, 4)] {
        let place = place(0).await;
        let file = manifest(name, &format!("name = \"{name}\"\n[trusting]\naccount = \"{TRUSTING}\"\n{body}"));
        assert_eq!(place.s3(TRUSTING, "PUT", "/rounds-other", "", "").await.0, 200);
        place.good(&["sandbox", "prepare", &file]).await;
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        let rounds = rounds(place, &file).await;
        assert!(rounds <= most, "{name}: {rounds} rounds");
    }
}
