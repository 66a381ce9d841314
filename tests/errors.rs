//! When AWS says no, or says nothing: each error ends in a message that says what to do.

use std::sync::Arc;
use std::time::Duration;

use crossrole::Exit;
use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options};

use crate::support::{Place, manifest, root, scenario};

/// The same fault on every call of one operation.
pub(crate) struct Always(pub(crate) &'static str, pub(crate) Fault);

impl FaultPlan for Always {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        (call.operation == self.0).then_some(self.1)
    }
}

async fn with(operation: &'static str, fault: Fault, words: &[&str]) -> (Place, crate::support::Said) {
    let place = Place::new(Options::default());
    place.sandbox.set_faults(Some(Arc::new(Always(operation, fault))));
    let said = place.run(words).await;
    (place, said)
}

#[tokio::test(start_paused = true)]
async fn denied_while_reading_is_unknown_and_never_absent() {
    let file = scenario("prod-data");
    let (place, said) = with("GetCallerIdentity", Fault::Refuse("AccessDenied"), &["plan", &file]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(
        said.out.contains("\n    account 222222222222 (trusting): it could not be read: GetCallerIdentity in account 222222222222: AccessDenied"),
        "{}",
        said.out
    );
    assert!(said.out.contains("No changes can be made"), "{}", said.out);
    // The bucket's policy can't be read: nothing is planned for it, everything else is.
    place.sandbox.set_faults(None);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    place.sandbox.set_faults(Some(Arc::new(Always("GetBucketPolicy", Fault::Refuse("AccessDenied")))));
    let said = place.run(&["plan", &file]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.out.contains("bucket-policy/prod-data-bucket: it could not be read"), "{}", said.out);
    assert!(!said.out.contains("+ bucket-policy"), "{}", said.out);
}

#[tokio::test(start_paused = true)]
async fn without_the_bulk_reads_objects_are_read_one_by_one_and_pruning_is_withheld() {
    let place = Place::new(Options::default());
    let file = scenario("shared-bucket-read");
    place.s3("222222222222", "PUT", "/shared-bucket", "", "").await;
    place.sandbox.set_faults(Some(Arc::new(Always("GetAccountAuthorizationDetails", Fault::Refuse("AccessDenied")))));
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let plan = place.good(&["plan", &file]).await;
    assert!(plan.contains("No changes."), "{plan}");
    assert!(plan.contains("\n    pruning in account 222222222222 (trusting): only single objects could be read"), "{plan}");
    place.good(&["destroy", "--auto-approve", "--quiet", &file]).await;
    place.sandbox.set_faults(None);
    let plan = place.good(&["plan", "--destroy", &file]).await;
    assert!(plan.contains("No changes."), "{plan}");
}

/// What could not be listed is unknown: whether statements of ours are left in it is not known to be "no".
#[tokio::test(start_paused = true)]
async fn buckets_that_could_not_be_listed_are_unknown() {
    let place = Place::new(Options::default());
    place.s3("222222222222", "PUT", "/shared-bucket", "", "").await;
    let file = scenario("shared-bucket-read");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    // The manifest has forgotten the bucket; the live role still names it.
    let text = "name = \"shared-bucket-read\"\n[trusting]\naccount = \"222222222222\"\n";
    let forgotten = manifest("forgotten", text);
    for words in [&["plan", &forgotten][..], &["plan", "--destroy", &file]] {
        place.sandbox.set_faults(Some(Arc::new(Always("ListBuckets", Fault::Refuse("ServiceFailure")))));
        let said = place.run(words).await;
        assert_eq!(said.exit, Exit::Failed, "{words:?}: {}", said.out);
        assert!(said.out.contains("shared-bucket") && said.out.contains("ListBuckets in account 222222222222: ServiceFailure"), "{words:?}: {}", said.out);
        assert!(!said.out.contains("No changes."), "{words:?}: {}", said.out);
        // Without the right to list, buckets are asked for one by one.
        place.sandbox.set_faults(Some(Arc::new(Always("ListBuckets", Fault::Refuse("AccessDenied")))));
        let said = place.run(words).await;
        assert!(said.exit == Exit::Clean && said.out.contains("- bucket-policy") | said.out.contains("bucket-policy/shared-bucket"), "{words:?}: {}", said.out);
    }
}

#[tokio::test(start_paused = true)]
async fn each_kind_of_failure_says_what_to_do() {
    let file = scenario("prod-data");
    for (operation, fault, exit, wanted) in [
        ("CreateRole", Fault::Refuse("AccessDenied"), Exit::Failed, "give the runner this permission"),
        ("CreateRole", Fault::Refuse("ServiceFailure"), Exit::Failed, "AWS has a problem; run it again later"),
        ("CreateRole", Fault::Refuse("Throttling"), Exit::Failed, "give it longer with `--timeout`"),
        ("CreateRole", Fault::Reset, Exit::Failed, "a write may have been done all the same"),
        ("CreateRole", Fault::Hang, Exit::Failed, "no answer in 20 seconds"),
        ("PutBucketPolicy", Fault::Refuse("OperationAborted"), Exit::Failed, "somebody else is changing it"),
        ("CreateRole", Fault::Refuse("LimitExceeded"), Exit::Failed, "ask AWS for a higher quota"),
        ("CreateRole", Fault::Refuse("ExpiredToken"), Exit::Failed, "refresh the credentials"),
        ("CreateRole", Fault::Refuse("SomethingNew"), Exit::Failed, "injected fault (request sandbox-"),
    ] {
        let (_, said) = with(operation, fault, &["apply", "--auto-approve", "--quiet", &file]).await;
        assert_eq!(said.exit, exit, "{operation} {fault:?}\n{}", said.out);
        assert!(said.out.contains(wanted), "{operation} {fault:?}: wanted {wanted}\n{}", said.out);
        assert!(said.out.contains("failed: 222222222222: "), "{}", said.out);
        assert!(said.out.contains("Incomplete: "), "what was done is said too: {}", said.out);
    }
}

#[tokio::test(start_paused = true)]
async fn a_region_that_does_not_exist_is_asked_about() {
    let text = std::fs::read_to_string(scenario("prod-data")).unwrap().replace("ap-southeast-1", "eu-nowhere-1");
    let said = Place::new(Options::default()).run(&["plan", &manifest("nowhere", &text)]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.out.contains("s3.eu-nowhere-1.amazonaws.com") && said.out.contains("check how the region is spelt"), "{}", said.out);
    assert!(!said.out.contains("+ bucket"), "what could not be looked at is not made: {}", said.out);
}

#[tokio::test(start_paused = true)]
async fn a_failed_step_skips_its_dependents_and_nothing_else() {
    let (_, said) = with("CreateRole", Fault::Refuse("AccessDenied"), &["apply", "--auto-approve", "--quiet", &scenario("prod-data")]).await;
    assert!(
        said.out.contains("skipped: 222222222222: PutRolePolicy (role ProdS3RWRole)\n  it needs 222222222222: CreateRole (role ProdS3RWRole)"),
        "{}",
        said.out
    );
    assert!(said.out.contains("skipped: 222222222222: PutBucketPolicy"), "{}", said.out);
    assert!(said.out.contains("Incomplete: 12 steps done, 4 not done."), "{}", said.out);
}

#[tokio::test(start_paused = true)]
async fn what_exists_without_our_mark_is_refused_and_adopted_on_request() {
    let place = Place::new(Options::default());
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("222222222222", "CreateRole", &[("RoleName", "Reader"), ("AssumeRolePolicyDocument", trust)]).await;
    let text = |adopt: &str| {
        format!(
            "name = \"adopt\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[roles.Reader]\n{adopt}\n[[roles.Reader.trust]]\naccount = \"dev\"\n"
        )
    };
    let file = manifest("adopt", &text(""));
    let said = place.run(&["apply", "--auto-approve", &file]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.out.contains("it exists without our mark, and is never taken over silently"), "{}", said.out);
    assert!(said.out.contains("aws iam tag-role --role-name Reader --tags Key=crossrole:manifest,Value=adopt"), "{}", said.out);
    let file = manifest("adopt", &text("adopt = true"));
    let out = place.good(&["apply", "--auto-approve", &file]).await;
    assert!(out.contains("because the manifest says to take it over"), "{out}");
    // Another manifest does not get it.
    let other = manifest("adopt-other", &text("").replace("\"adopt\"", "\"other\""));
    let said = place.run(&["plan", &other]).await;
    assert!(said.out.contains("it exists and belongs to manifest `adopt`"), "{}", said.out);
}

#[tokio::test(start_paused = true)]
async fn a_missing_principal_and_a_missing_bucket_are_named() {
    let place = Place::new(Options::default());
    let said = place.run(&["plan", &scenario("lambda-service")]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.out.contains("it needs role LambdaExecutionRole, which does not exist"), "{}", said.out);
    let said = place.run(&["plan", &scenario("log-analysts")]).await;
    assert!(said.out.contains("bucket `log-bucket` does not exist in account 222222222222"), "{}", said.out);
}

#[tokio::test(start_paused = true)]
async fn an_orphaned_principal_is_named_and_mended() {
    let place = Place::new(Options::default());
    place.iam("111111111111", "CreateUser", &[("UserName", "ExternalUser")]).await;
    let file = scenario("cross-account-user");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    // Somebody deletes the user and makes it anew: the trust is dead, though every name is as it was.
    place
        .iam(
            "111111111111",
            "DetachUserPolicy",
            &[("UserName", "ExternalUser"), ("PolicyArn", "arn:aws:iam::111111111111:policy/crossrole/caller/crossrole-caller-user-ExternalUser")],
        )
        .await;
    place.iam("111111111111", "DeleteUser", &[("UserName", "ExternalUser")]).await;
    place.iam("111111111111", "CreateUser", &[("UserName", "ExternalUser")]).await;
    let plan = place.good(&["plan", &file]).await;
    assert!(plan.contains("which no longer exists: whoever had that name has lost the access"), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert!(place.good(&["plan", &file]).await.starts_with("No changes."));
}

#[tokio::test(start_paused = true)]
async fn a_saved_plan_is_bound_to_what_was_reviewed() {
    let place = Place::new(Options::default());
    let text = std::fs::read_to_string(scenario("prod-data")).unwrap();
    let file = manifest("saved", &text);
    let saved = format!("{file}.plan");
    place.good(&["plan", "--out", &saved, &file]).await;
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&saved).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    place.good(&["apply", "--auto-approve", "--quiet", &saved]).await;
    let again = place.good(&["apply", "--auto-approve", "--quiet", &saved]).await;
    assert!(again.starts_with("No changes."), "{again}");
    // What moved since is refused, object by object.
    let file = manifest("saved", &text.replace("\"4h\"", "\"5h\""));
    place.good(&["plan", "--out", &saved, &file]).await;
    place.iam("222222222222", "UpdateRole", &[("RoleName", "ProdS3RWRole"), ("MaxSessionDuration", "7200")]).await;
    let said = place.run(&["apply", "--auto-approve", "--quiet", &saved]).await;
    assert_eq!(said.exit, Exit::Moved);
    assert!(said.err.contains("its description or longest session has changed since it was planned"), "{}", said.err);
    manifest("saved", &text);
    let said = place.run(&["apply", "--auto-approve", &saved]).await;
    assert!(said.err.contains("plan is stale: manifest"), "{}", said.err);
}

#[tokio::test(start_paused = true)]
async fn targets_bring_what_they_need() {
    let place = Place::new(Options::default());
    let out = place.good(&["plan", "--target", "bucket-policy/prod-data-bucket", &scenario("prod-data")]).await;
    assert!(out.contains("Plan: 5 to add"), "{out}");
    assert!(out.contains("note: 5 other changes: they are not among the targets"), "{out}");
}

#[tokio::test(start_paused = true)]
async fn external_ids_are_masked_unless_asked_for() {
    let place = Place::new(Options::default());
    place.s3("222222222222", "PUT", "/partner-exchange", "", "").await;
    let file = scenario("guarded-partner");
    for words in [vec!["plan"], vec!["plan", "--json"], vec!["plan", "--diff", "json"], vec!["render"]] {
        let words: Vec<&str> = words.into_iter().chain([file.as_str()]).collect();
        assert!(!place.good(&words).await.contains("partner-4711"), "{words:?}");
        let words: Vec<&str> = words.into_iter().chain(["--show-external-ids"]).collect();
        assert!(place.good(&words).await.contains("partner-4711"), "{words:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_folder_of_manifests_reads_shared_accounts_once() {
    let place = Place::new(Options { visibility_delay: Duration::from_secs(2), ..Options::default() });
    for bucket in ["log-bucket", "partner-exchange", "people-reports", "sealed-reports", "shared-artifacts", "shared-bucket", "site-bucket"] {
        place.s3("222222222222", "PUT", &format!("/{bucket}"), "", "").await;
    }
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("111111111111", "CreateUser", &[("UserName", "ExternalUser")]).await;
    for (account, role) in [("111111111111", "LambdaExecutionRole"), ("333333333333", "EC2Role"), ("333333333333", "CodePipelineRole")] {
        place.iam(account, "CreateRole", &[("RoleName", role), ("AssumeRolePolicyDocument", trust)]).await;
    }
    for role in ["Uploader", "Importer"] {
        place.iam("444444444444", "CreateRole", &[("RoleName", role), ("AssumeRolePolicyDocument", trust)]).await;
    }
    for key in [
        "eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "us-east-1:333333333333:key/9f8e7d6c-1111-4222-8333-444455556666",
        "us-east-1:222222222222:key/5a6b7c8d-1111-4222-8333-444455556666",
    ] {
        assert!(place.sandbox.add_key(&format!("arn:aws:kms:{key}")));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let folder = root().join("manifests").display().to_string();
    place.good(&["apply", "--auto-approve", "--quiet", &folder]).await;
    place.sandbox.take_calls();
    let plan = place.good(&["plan", "--detailed-exitcode", &folder]).await;
    assert!(plan.lines().any(|line| line.starts_with("No changes.")), "{plan}");
    let calls = place.sandbox.take_calls();
    assert!(calls.iter().filter(|((_, o), _)| o == "GetAccountAuthorizationDetails").all(|(_, n)| *n == 1), "{calls:?}");
    place.good(&["destroy", "--auto-approve", "--quiet", &folder]).await;
    place.assert_no_secret();
}
