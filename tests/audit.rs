//! `audit`: every problem that is there is found, nothing else is accused, and what could not be read is said.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use crossrole::Exit;
use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options, Sandbox};
use serde_json::{Value, json};

use crate::estate::{self, DEV, Expected, MAIN, OPS, Size, VENDOR, generated, role};
use crate::runner::Runner;
use crate::support::{Credentials, Place, Said, manifest, root, scenario};

/// Each kind of each thing twice.
const SMALL: Size = Size { roles: 58, buckets: 24, keys: 12 };

const THREE: [&str; 6] = ["--account", MAIN, "--account", DEV, "--account", OPS];

fn folder(name: &str) -> String {
    let path = root().join(format!("target/test-manifests/{}-folder-of-audit-{name}", std::process::id()));
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).unwrap();
    path.display().to_string()
}

fn settings(name: &str, text: &str) -> String {
    let path = format!("{}/crossrole.toml", folder(name));
    fs::write(&path, text).unwrap();
    path
}

async fn audit(place: &Place, words: &[&str]) -> Said {
    place.run(&[&["audit"], words].concat()).await
}

fn json_of(said: &Said) -> Value {
    serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}\n{}{}", said.out, said.err))
}

fn pairs(list: &Value) -> Expected {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    list.as_array().unwrap().iter().map(|one| (text(one, "rule"), text(one, "object"))).collect()
}

#[tokio::test(start_paused = true)]
async fn every_seeded_problem_is_found_and_nothing_else_is_accused() {
    let (sandbox, expected) = generated(SMALL).await;
    let place = Place::of(sandbox);
    let config = settings("seeded", "");
    let said = audit(&place, &[&THREE[..], &["--json", "--config", &config]].concat()).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
    let found = json_of(&said);
    let pairs = pairs(&found["findings"]);
    assert_eq!(expected.difference(&pairs).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "not found");
    assert_eq!(pairs.difference(&expected).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "accused");
    assert_eq!(found["findings"].as_array().unwrap().len(), expected.len(), "each is said once");
    assert_eq!((found["not_known"].as_array().unwrap().len(), &found["complete"]), (0, &json!(true)), "{}", found["not_known"]);
    // What is found is told apart from nothing where that is asked for.
    let said = audit(&place, &[&THREE[..], &["--detailed-exitcode", "--config", &config]].concat()).await;
    assert_eq!(said.exit, Exit::Changes, "{}", said.err);
    let said = audit(
        &place,
        &[
            "--account",
            VENDOR,
            "--detailed-exitcode",
            "--config",
            &settings("seeded-vendor", "[[audit.suppress]]\nrule = \"no-trail\"\nobject = \"*\"\nreason = \"theirs\"\n"),
        ],
    )
    .await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_five_roles_is_found_and_ends_where_a_deny_ends_it() {
    let (sandbox, _) = generated(SMALL).await;
    let place = Place::of(sandbox);
    let said = audit(&place, &[&THREE[..], &["--json", "--config", &settings("chains", "")]].concat()).await;
    let found = json_of(&said);
    let chains: Vec<Vec<&str>> =
        found["chains"].as_array().unwrap().iter().map(|c| c["hops"].as_array().unwrap().iter().map(|h| h["role"].as_str().unwrap()).collect()).collect();
    let arn = |account: &str, name: &str| format!("arn:aws:iam::{account}:role/{name}");
    let five = [(MAIN, "Hop1"), (OPS, "Hop2"), (MAIN, "Hop3"), (DEV, "Hop4"), (MAIN, "Hop5")].map(|(account, name)| arn(account, name));
    assert_eq!(chains, [five.iter().map(String::as_str).collect::<Vec<_>>()], "{chains:?}");
    let chain = &found["chains"][0];
    assert_eq!(chain["hops"][0]["party"]["arn"], format!("arn:aws:iam::{DEV}:user/walker"));
    assert_eq!(chain["hops"][0]["when"][0][0]["key"], "aws:MultiFactorAuthPresent", "{}", chain["hops"][0]);
    assert_eq!(chain["reaches"][0]["resources"], json!(["estate-private-0/end/*"]));
    // The sixth is trusted on, and its own policies deny it.
    let callers = |name: &str| found["ways"].as_array().unwrap().iter().find(|way| way["object"].as_str().unwrap().ends_with(name)).unwrap()["callers"].clone();
    assert_eq!(
        (callers("Hop6"), callers("Hop5"), callers("Third-7"), callers("Wide-5")),
        (json!("may-not"), json!("may"), json!("not-read"), json!("may-not"))
    );
}

/// How many calls it takes does not grow with roles, by five with each bucket, by one more where ACLs count, and by three with each key.
#[tokio::test(start_paused = true)]
async fn accounts_are_read_in_bulk() {
    let (sandbox, _) = generated(SMALL).await;
    let place = Place::of(sandbox);
    place.sandbox.take_calls();
    audit(&place, &[&THREE[..], &["--config", &settings("calls", "")]].concat()).await;
    let calls = place.sandbox.take_calls();
    let of = |account: &str, operation: &str| calls.get(&(account.to_owned(), operation.to_owned())).copied().unwrap_or(0);
    for operation in ["GetAccountAuthorizationDetails", "ListRoles", "GenerateCredentialReport", "GetCredentialReport", "ListBuckets", "GetCallerIdentity"] {
        assert_eq!(of(MAIN, operation), 1, "{operation}");
    }
    for operation in ["GetBucketPolicy", "GetBucketLogging", "GetBucketEncryption", "GetPublicAccessBlock", "GetBucketOwnershipControls"] {
        assert_eq!(of(MAIN, operation), 25, "{operation}");
    }
    assert_eq!(of(MAIN, "GetBucketAcl"), 2);
    assert_eq!((of(MAIN, "DescribeKey"), of(MAIN, "GetKeyPolicy"), of(MAIN, "ListGrants"), of(MAIN, "ListKeys")), (12, 12, 12, 1));
    assert!(!calls.keys().any(|(account, _)| account == VENDOR), "an account that nobody named is not called");
}

#[tokio::test(start_paused = true)]
async fn what_people_read() {
    let (sandbox, _) = generated(Size { roles: 29, buckets: 12, keys: 6 }).await;
    let place = Place::of(sandbox);
    let config = settings(
        "read",
        "[audit]\nown_accounts = [\"555555555555\"]\n\n[[audit.suppress]]\nrule = \"acls-on\"\nobject = \"bucket/estate-acls-*\"\nreason = \"old clients\"\nexpires = 2099-01-31\n\n\
         [[audit.suppress]]\nrule = \"anyone\"\nobject = \"role/Nobody\"\nreason = \"gone\"\n\n[[audit.suppress]]\nrule = \"old-role\"\nobject = \"*\"\nreason = \"looked at\"\nexpires = 2020-01-31\n",
    );
    let said = audit(&place, &[&THREE[..], &["--config", &config]].concat()).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
    assert!(!said.out.contains("c0ffee"), "external ids are masked");
    insta::assert_snapshot!("audit-text", said.out);
    let said = audit(&place, &[&THREE[..], &["--config", &config, "--show-external-ids"]].concat()).await;
    assert!(said.out.contains("sts:ExternalId is c0ffee"), "{}", said.out);
}

/// Refuses some operations, in one account or in all.
struct Refused(&'static [&'static str], Option<&'static str>);

impl FaultPlan for Refused {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        (self.0.contains(&call.operation) && self.1.is_none_or(|account| account == call.account)).then_some(Fault::Refuse("AccessDenied"))
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_is_said_each_time() {
    let (sandbox, _) = generated(Size { roles: 29, buckets: 12, keys: 6 }).await;
    let place = Place::of(sandbox);
    let config = settings("unread", "");
    let wanted = settings("unread-wanted", "[[audit.suppress]]\nrule = \"not-known\"\nobject = \"*\"\nreason = \"nobody may\"\n");
    for (operation, said_of) in [
        ("GetAccountAuthorizationDetails", "account 222222222222: IAM: could not be read"),
        ("ListRoles", "account 222222222222: IAM: could not be read"),
        ("GenerateCredentialReport", "account 222222222222: access keys: could not be read"),
        ("GetCredentialReport", "account 222222222222: access keys: could not be read"),
        ("ListOpenIDConnectProviders", "account 222222222222: identity providers: could not be read"),
        ("ListBuckets", "account 222222222222: buckets: could not be read"),
        ("GetAccountPublicAccessBlock", "account 222222222222: block of public access: could not be read"),
        ("GetBucketPolicy", "bucket estate-shared-3 of 222222222222: policy: could not be read"),
        ("GetBucketLogging", "bucket estate-shared-3 of 222222222222: logging: could not be read"),
        ("GetBucketEncryption", "bucket estate-shared-3 of 222222222222: encryption: could not be read"),
        ("GetPublicAccessBlock", "bucket estate-shared-3 of 222222222222: block of public access: could not be read"),
        ("GetBucketOwnershipControls", "bucket estate-shared-3 of 222222222222: object ownership: could not be read"),
        ("GetBucketAcl", "bucket estate-acls-8 of 222222222222: ACL: could not be read"),
        ("ListKeys", "us-east-1 in account 222222222222: keys: could not be read"),
        ("DescribeKey", "key 00000000-0000-4000-8000-000000000000 of 222222222222: could not be read"),
        ("GetKeyPolicy", "key 00000000-0000-4000-8000-000000000000 of 222222222222: policy: could not be read"),
        ("ListGrants", "key 00000000-0000-4000-8000-000000000000 of 222222222222: grants: could not be read"),
        ("DescribeTrails", "us-east-1 in account 222222222222: trails: could not be read"),
        ("GetTrailStatus", "trail everything of 222222222222: status: could not be read"),
        ("GetEventSelectors", "trail everything of 222222222222: event selectors: could not be read"),
        ("GetCallerIdentity", "account 222222222222: could not be read"),
    ] {
        place.sandbox.set_faults(Some(Arc::new(Refused(Box::leak(Box::new([operation])), Some(MAIN)))));
        let said = audit(&place, &[&THREE[..], &["--config", &config, "--detailed-exitcode"]].concat()).await;
        assert_eq!(said.exit, Exit::Failed, "{operation}: what is not known is no success\n{}", said.out);
        assert!(said.out.contains(&format!("  ! {said_of}")), "{operation}\n{}", said.out);
        // Somebody has decided that it need not be known: that is said, too.
        let said = audit(&place, &[&THREE[..], &["--config", &wanted]].concat()).await;
        assert_eq!(said.exit, Exit::Clean, "{operation}\n{}{}", said.out, said.err);
        assert!(said.out.contains(&format!("suppressed: {said_of}")), "{operation}\n{}", said.out);
    }
}

/// What was not read accuses nobody of what it would have shown.
#[tokio::test(start_paused = true)]
async fn what_was_not_read_is_no_finding() {
    let (sandbox, expected) = generated(SMALL).await;
    let place = Place::of(sandbox);
    let config = settings("accused", "");
    let all = &["GetBucketLogging", "GetBucketEncryption", "GetPublicAccessBlock", "GetBucketOwnershipControls", "GetTrailStatus", "GetCredentialReport"];
    place.sandbox.set_faults(Some(Arc::new(Refused(all, None))));
    let found = json_of(&audit(&place, &[&THREE[..], &["--json", "--config", &config]].concat()).await);
    let pairs = pairs(&found["findings"]);
    assert_eq!(pairs.difference(&expected).collect::<Vec<_>>(), Vec::<&(String, String)>::new(), "accused");
    let rules: BTreeSet<&str> = pairs.iter().map(|(rule, _)| rule.as_str()).collect();
    for rule in ["no-access-log", "public-access-not-blocked", "acls-on", "no-data-events", "old-access-key"] {
        assert!(!rules.contains(rule), "{rule}");
    }
    assert_eq!(found["complete"], json!(false));
}

#[tokio::test(start_paused = true)]
async fn suppressions_have_a_reason_and_an_end() {
    let (sandbox, expected) = generated(SMALL).await;
    let place = Place::of(sandbox);
    let open = format!("{MAIN}/role/Anyone-1");
    let entry = |rule: &str, object: &str, more: &str| format!("[[audit.suppress]]\nrule = \"{rule}\"\nobject = \"{object}\"\nreason = \"meant\"\n{more}\n");
    for (object, more, is_suppressed) in [
        ("role/Anyone-1", "", true),
        (open.as_str(), "", true),
        ("arn:aws:iam::222222222222:role/Anyone-1", "expires = 2099-01-01", true),
        ("role/Anyone-1", "expires = 2020-01-01", false),
        ("role/Anyone-10", "", false),
        ("111111111111/role/Anyone-1", "", false),
    ] {
        let config = settings("suppressed", &entry("anyone", object, more));
        let found = json_of(&audit(&place, &[&THREE[..], &["--json", "--config", &config]].concat()).await);
        let one = ("anyone".to_owned(), open.clone());
        assert_eq!(pairs(&found["suppressed"]).contains(&one), is_suppressed, "{object} {more}");
        assert_eq!(pairs(&found["findings"]).contains(&one), !is_suppressed, "{object} {more}");
        assert_eq!(found["stale_suppressions"].as_array().unwrap().len(), usize::from(!is_suppressed), "{object} {more}");
        assert_eq!(pairs(&found["findings"]).len(), expected.len() - usize::from(is_suppressed));
    }
    let wrong = [
        entry("anyone", "role/X", "expires = 2099-01-01T10:00:00Z"),
        entry("nothing", "*", ""),
        "[audit]\nunused_days = 0\nmax_session_hours = 13\nregions = [\"moon\"]\n".to_owned(),
    ];
    for (text, says) in wrong.iter().zip(["this is no day", "no rule of the audit is called `nothing`", "`moon` is not a region"]) {
        let said = audit(&place, &[&THREE[..], &["--config", &settings("suppressed-wrong", text)]].concat()).await;
        assert!(said.exit == Exit::Failed && said.err.contains(says), "{}", said.err);
    }
}

#[tokio::test(start_paused = true)]
async fn limits_are_those_of_the_settings() {
    let (sandbox, expected) = generated(SMALL).await;
    let place = Place::of(sandbox);
    let text = "[audit]\nunused_days = 1000\nmax_session_hours = 12\nrole_age_days = 1000\nkey_age_days = 70\n";
    let found = json_of(&audit(&place, &[&THREE[..], &["--json", "--config", &settings("limits", text)]].concat()).await);
    let more = ("old-access-key".to_owned(), format!("{DEV}/user/new"));
    let at_all: Expected =
        expected.into_iter().filter(|(rule, _)| !["unused-role", "long-session", "old-role"].contains(&rule.as_str())).chain([more]).collect();
    assert_eq!(pairs(&found["findings"]), at_all);
    // Buckets that others use, and that no key of KMS encrypts: those that nobody comes to are left alone.
    let found = json_of(&audit(&place, &[&THREE[..], &["--json", "--config", &settings("limits-kms", "[audit]\nkms = true\n")]].concat()).await);
    let unencrypted: BTreeSet<String> = pairs(&found["findings"]).into_iter().filter(|(rule, _)| rule == "not-encrypted").map(|(_, object)| object).collect();
    assert!(
        unencrypted.contains(&format!("{MAIN}/bucket/estate-shared-3")) && !unencrypted.contains(&format!("{MAIN}/bucket/estate-private-0")),
        "{unencrypted:?}"
    );
    let key = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
    assert_eq!(place.s3(MAIN, "PUT", "/estate-shared-3", "encryption", key).await.0, 200);
    let found = json_of(&audit(&place, &[&THREE[..], &["--json", "--config", &settings("limits-kms", "[audit]\nkms = true\n")]].concat()).await);
    assert!(!pairs(&found["findings"]).contains(&("not-encrypted".to_owned(), format!("{MAIN}/bucket/estate-shared-3"))));
}

const DECLARED: &str = r#"name = "declared"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[trusted.partner]
account = "444444444444"
manage = false
[trusted.dev.groups.Crew]
[buckets.shared-data]
[[buckets.shared-data.allow]]
principal = "arn:aws:iam::444444444444:root"
access = "read"
[roles.Reader]
[[roles.Reader.trust]]
group = "dev/Crew"
[[roles.Reader.allow]]
bucket = "shared-data"
access = "read"
[roles.Taken]
adopt = true
[[roles.Taken.trust]]
account = "dev"
[[roles.Taken.allow]]
actions = "s3:ListAllMyBuckets"
resources = "*"
"#;

/// Whose doing each way is: the manifest's, a hand's on what is ours, another manifest's, or nobody's that we know.
#[tokio::test(start_paused = true)]
async fn ways_are_marked_by_whose_doing_they_are() {
    let place = Place::new(Options::default());
    let wide = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}]}"#;
    role(&place, MAIN, "Taken", wide).await;
    role(&place, MAIN, "Foreign", wide).await;
    place.iam(MAIN, "TagRole", &[("RoleName", "Foreign"), ("Tags.member.1.Key", "crossrole:manifest"), ("Tags.member.1.Value", "elsewhere")]).await;
    role(&place, MAIN, "Unknown", wide).await;
    assert_eq!(place.s3(MAIN, "PUT", "/shared-data", "", "").await.0, 200);
    let file = manifest("audit-declared", DECLARED);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let config = settings("declared", "");
    let standing = |found: &Value| -> BTreeSet<(String, String)> {
        let ways = found["ways"].as_array().unwrap().iter();
        ways.flat_map(|way| {
            let object = way["object"].as_str().unwrap().to_owned();
            way["standing"].as_array().unwrap().iter().map(move |one| (object.clone(), one["standing"].as_str().unwrap().to_owned())).collect::<Vec<_>>()
        })
        .collect()
    };
    let said = audit(&place, &["--json", "--config", &config, &file]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    let found = json_of(&said);
    let of = |name: &str, standing: &str| (format!("{MAIN}/{name}"), standing.to_owned());
    let all = [
        of("role/Foreign", "elsewhere"),
        of("role/Reader", "declared"),
        of("role/Taken", "adopted"),
        of("role/Unknown", "unknown"),
        of("bucket/shared-data", "adopted"),
    ];
    assert_eq!(standing(&found), all.into());
    // A group can't be named, so that its whole account is let in: a manifest that says so makes it no narrower.
    let wide: BTreeSet<String> = pairs(&found["findings"]).into_iter().filter(|(rule, _)| rule == "account-wide").map(|(_, object)| object).collect();
    assert_eq!(wide, ["role/Foreign", "role/Reader", "role/Taken", "role/Unknown", "bucket/shared-data"].map(|name| format!("{MAIN}/{name}")).into());
    // A hand on what is ours.
    let other = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"555555555555"},"Action":"sts:AssumeRole"}]}"#;
    place.iam(MAIN, "UpdateAssumeRolePolicy", &[("RoleName", "Reader"), ("PolicyDocument", other)]).await;
    let found = json_of(&audit(&place, &["--json", "--config", &config, &file]).await);
    assert!(standing(&found).contains(&of("role/Reader", "drifted")));
    let findings = pairs(&found["findings"]);
    for rule in ["not-as-declared", "account-wide", "no-external-id"] {
        assert!(findings.contains(&(rule.to_owned(), format!("{MAIN}/role/Reader"))), "{rule}: {findings:?}");
    }
    // Without its manifest it is one of another run.
    let found = json_of(&audit(&place, &["--json", "--config", &config, "--account", MAIN]).await);
    assert!(standing(&found).contains(&of("role/Reader", "elsewhere")), "{}", found["ways"]);
}

/// What manifests say of buckets and keys, made ones too, is theirs when it is live.
#[tokio::test(start_paused = true)]
async fn what_scenarios_make_is_declared() {
    for name in ["made-key", "encrypted-exchange", "direct-bucket-access", "guarded-partner", "prod-data", "github-actions", "saml-federation"] {
        let place = Place::new(Options::default());
        let file = scenario(name);
        place.good(&["sandbox", "prepare", &file]).await;
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        let found = json_of(&audit(&place, &["--json", "--config", &settings(&format!("scenario-{name}"), ""), &file]).await);
        let drifted: Vec<&Value> = found["findings"].as_array().unwrap().iter().filter(|one| one["rule"] == "not-as-declared").collect();
        assert!(drifted.is_empty(), "{name}: {drifted:?}");
        let standing = |one: &Value, word: &str| one["standing"].as_array().unwrap().iter().any(|s| s["standing"] == word);
        let ways = found["ways"].as_array().unwrap();
        assert!(ways.iter().any(|way| standing(way, "declared") || standing(way, "adopted")), "{name}: {ways:?}");
    }
}

/// Rows of a table (RFC 4180).
fn rows(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, quoted) {
            ('"', true) if letters.peek() == Some(&'"') => cell.push(letters.next().unwrap()),
            ('"', _) => quoted = !quoted,
            (',', false) => row.push(std::mem::take(&mut cell)),
            ('\r', false) => {}
            ('\n', false) => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(letter),
        }
    }
    assert!(row.is_empty() && cell.is_empty() && !quoted, "the last line has its end");
    rows
}

#[tokio::test(start_paused = true)]
async fn every_form_says_the_same() {
    let (sandbox, expected) = generated(SMALL).await;
    let place = Place::of(sandbox);
    let (folder, config) = (folder("forms"), settings("forms-settings", "[[audit.suppress]]\nrule = \"acls-on\"\nobject = \"*\"\nreason = \"known\"\n"));
    place.sandbox.set_faults(Some(Arc::new(Refused(&["GetKeyPolicy"], None))));
    let reports = ["json", "sarif", "html", "csv"].map(|format| format!("--report={format}={folder}/{format}"));
    let words: Vec<&str> = THREE.iter().copied().chain(["--json", "--config", &config]).chain(reports.iter().map(String::as_str)).collect();
    let said = audit(&place, &words).await;
    let read = |name: &str| fs::read_to_string(format!("{folder}/{name}")).unwrap();
    let found = json_of(&said);
    assert_eq!(serde_json::from_str::<Value>(&read("json")).unwrap(), found);
    let (findings, suppressed, unknown) = (pairs(&found["findings"]), pairs(&found["suppressed"]), pairs(&found["not_known"]));
    assert!(suppressed.len() == 2 && unknown.len() == 12 && findings.len() > 20 && findings.is_subset(&expected));

    let table = rows(&read("csv"));
    assert!(table.iter().all(|row| row.len() == 9), "a table has no ragged row");
    let of_kind = |kind: &str| table.iter().filter(|row| row[0] == kind).map(|row| (row[3].clone(), row[2].clone())).collect::<Expected>();
    assert_eq!((of_kind("finding"), of_kind("suppressed"), of_kind("not known")), (findings.clone(), suppressed.clone(), unknown.clone()));
    assert_eq!(table.iter().filter(|row| row[0] == "way").count(), found["ways"].as_array().unwrap().len());
    assert_eq!(table.iter().filter(|row| row[0] == "chain").count(), 1);
    let passed_over = found["not_looked_at"].as_array().unwrap();
    assert!(!passed_over.is_empty());

    let sarif: Value = serde_json::from_str(&read("sarif")).unwrap();
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), findings.len() + suppressed.len() + unknown.len());
    assert_eq!(results.iter().filter(|result| result["suppressions"].is_array()).count(), suppressed.len());
    let rules: BTreeSet<&str> = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    for result in results {
        assert!(rules.contains(result["ruleId"].as_str().unwrap()));
        let place = &result["locations"][0]["physicalLocation"];
        assert!(place["artifactLocation"]["uri"].as_str().unwrap().ends_with("crossrole.toml") && place["region"]["startLine"] == 1, "{place}");
    }
    let prints: BTreeSet<&str> = results.iter().map(|result| result["partialFingerprints"]["crossroleFinding/v1"].as_str().unwrap()).collect();
    assert_eq!(prints.len(), results.len());

    let page = read("html");
    let (text, of_table) = (audit(&place, &[&THREE[..], &["--config", &config]].concat()).await.out.replace("\n  ", " "), &table);
    for one in passed_over.iter().map(|one| one.as_str().unwrap()) {
        assert!(of_table.iter().any(|row| row[0] == "not looked at" && row[8] == one), "{one}");
        assert!(sarif["runs"][0]["invocations"][0]["toolExecutionNotifications"].as_array().unwrap().iter().any(|note| note["message"]["text"] == one));
        assert!(page.contains(one) && text.contains(one), "{one}\n{text}");
    }
    assert!(page.contains("<svg") && page.contains("Not known: 12.") && page.contains("walker"), "the picture is in the page");
    // None of them is written over what is read.
    let said = audit(&place, &[&THREE[..], &["--config", &config, &format!("--report=csv={config}")]].concat()).await;
    assert!(said.exit == Exit::Failed && said.err.contains("would be written over"), "{}", said.err);
    let said = audit(&place, &[&THREE[..], &["--report=junit=x"]].concat()).await;
    assert!(said.exit == Exit::Failed && said.err.contains("there are `json`, `sarif`, `html`, `csv`"), "{}", said.err);
}

/// Names that IAM and S3 take, and those that only a provider of tokens has.
#[tokio::test(start_paused = true)]
async fn hostile_names_steer_nothing() {
    let place = Place::new(Options::default());
    let star = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"aws:PrincipalTag/x":"\u001b[31m=cmd|'/C calc'!A0\r\n::error::x</pre><script>"}}}]}"#;
    for name in ["=1+1", "+1", "-1", "@SUM.A1"] {
        role(&place, MAIN, name, star).await;
    }
    let folder = folder("hostile");
    let reports = ["sarif", "html", "csv"].map(|format| format!("--report={format}={folder}/{format}"));
    let words: Vec<&str> = ["--account", MAIN, "--config"].into_iter().chain([folder.as_str()]).collect();
    let config = settings("hostile-settings", "");
    let words: Vec<&str> = words.into_iter().take(3).chain([config.as_str()]).chain(reports.iter().map(String::as_str)).collect();
    let said = audit(&place, &words).await;
    assert!(said.out.contains("role =1+1 of 222222222222 lets in"), "{}{}", said.out, said.err);
    let texts = [said.out.clone(), fs::read_to_string(format!("{folder}/html")).unwrap(), fs::read_to_string(format!("{folder}/csv")).unwrap()];
    assert!(!texts[1].contains("<script>") && !texts[1].contains("x</pre>"));
    for text in &texts {
        assert!(!text.contains('\u{1b}'), "{text}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("::error")), "{text}");
    }
    for cell in rows(&texts[2]).iter().flatten() {
        assert!(!cell.starts_with(['=', '+', '-', '@', '\t']), "{cell}");
    }
}

/// A sandbox with another state.
fn altered(place: &Place, alter: impl FnOnce(&mut Value)) -> Sandbox {
    let mut world: Value = serde_json::from_slice(&place.sandbox.snapshot().unwrap()).unwrap();
    alter(&mut world);
    Sandbox::restore(world.to_string().as_bytes(), Options::default()).unwrap()
}

/// A role that its session was used of late is used; AWS's clock, not ours, says when.
#[tokio::test(start_paused = true)]
async fn a_role_that_is_assumed_is_used() {
    let place = Place::new(Options::default());
    role(
        &place,
        DEV,
        "Caller",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#,
    )
    .await;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{DEV}:user/ann"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    place.iam(DEV, "CreateUser", &[("UserName", "ann")]).await;
    role(&place, MAIN, "Used", &trust).await;
    let lets_ann =
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::{MAIN}:role/Used"}}]}}"#);
    place.iam(DEV, "PutUserPolicy", &[("UserName", "ann"), ("PolicyName", "p"), ("PolicyDocument", &lets_ann)]).await;
    let ann = Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", "ann")]).await);
    let config = settings("used", "");
    let unused = |found: &Value| pairs(&found["findings"]).contains(&("unused-role".to_owned(), format!("{MAIN}/role/Used")));
    let old = Place::of(altered(&place, |world| world["accounts"][MAIN]["roles"]["used"]["current"]["held"]["created"] = json!("2020-01-01T00:00:00Z")));
    assert!(unused(&json_of(&audit(&old, &["--account", MAIN, "--json", "--config", &config]).await)));
    let (status, said) =
        old.query_as(&ann, "sts", "AssumeRole", &[("RoleArn", &format!("arn:aws:iam::{MAIN}:role/Used")), ("RoleSessionName", "session")]).await;
    assert_eq!(status, 200, "{said}");
    let session = Credentials::of(&said);
    assert_eq!(old.query_as(&session, "sts", "GetCallerIdentity", &[]).await.0, 200);
    assert!(!unused(&json_of(&audit(&old, &["--account", MAIN, "--json", "--config", &config]).await)));
    old.assert_no_secret();
}

/// Users, and those in a group, whom an account that is let in as a whole lets come in: with a second factor on either side, or without.
#[tokio::test(start_paused = true)]
async fn people_of_a_whole_account_need_a_second_factor() {
    let place = Place::new(Options::default());
    let policy = |resource: &str, condition: Value| {
        let mut statement = json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": format!("arn:aws:iam::{MAIN}:role/{resource}") });
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    };
    let mfa = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    for user in ["ann", "bob", "cat"] {
        place.iam(DEV, "CreateUser", &[("UserName", user)]).await;
    }
    place.iam(DEV, "CreateGroup", &[("GroupName", "Crew")]).await;
    place.iam(DEV, "AddUserToGroup", &[("GroupName", "Crew"), ("UserName", "bob")]).await;
    place.iam(DEV, "PutGroupPolicy", &[("GroupName", "Crew"), ("PolicyName", "p"), ("PolicyDocument", &policy("OfGroup*", Value::Null))]).await;
    place.iam(DEV, "PutUserPolicy", &[("UserName", "ann"), ("PolicyName", "p"), ("PolicyDocument", &policy("OfUser*", Value::Null))]).await;
    place.iam(DEV, "PutUserPolicy", &[("UserName", "cat"), ("PolicyName", "p"), ("PolicyDocument", &policy("OfCareful", mfa.clone()))]).await;
    role(
        &place,
        DEV,
        "Deployer",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#,
    )
    .await;
    estate::lets(&place, DEV, "Deployer", "sts:AssumeRole", &format!("arn:aws:iam::{MAIN}:role/OfRole")).await;
    let ann = format!("arn:aws:iam::{DEV}:user/ann");
    for (name, who, condition) in [
        ("OfUser", vec![DEV], Value::Null),
        ("OfUserWithMfa", vec![DEV], mfa.clone()),
        ("OfUserIfMfa", vec![DEV], json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "true" } })),
        ("OfUserByAge", vec![DEV], json!({ "NumericLessThan": { "aws:MultiFactorAuthAge": "3600" } })),
        ("OfUserNamed", vec![DEV, &ann], Value::Null),
        ("OfGroup", vec![DEV], Value::Null),
        ("OfGroupByNull", vec![DEV], json!({ "Null": { "aws:MultiFactorAuthAge": "false" } })),
        ("OfGroupByPresence", vec![DEV], json!({ "Null": { "aws:MultiFactorAuthPresent": "false" } })),
        ("OfCareful", vec![DEV], Value::Null),
        ("OfRole", vec![DEV], Value::Null),
        ("OfNobody", vec![DEV], Value::Null),
    ] {
        let mut statement = json!({ "Effect": "Allow", "Principal": { "AWS": who }, "Action": "sts:AssumeRole" });
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        role(&place, MAIN, name, &json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()).await;
    }
    let said = audit(&place, &["--account", MAIN, "--account", DEV, "--json", "--config", &settings("people", "")]).await;
    let found = json_of(&said);
    let messages: Vec<&str> =
        found["findings"].as_array().unwrap().iter().filter(|one| one["rule"] == "no-mfa").map(|one| one["message"].as_str().unwrap()).collect();
    let of_all = "of all of account 111111111111, without a second factor";
    let expected = [
        format!("role OfGroup of {MAIN} lets in user bob of {DEV}, {of_all}"),
        format!("role OfGroupByPresence of {MAIN} lets in user bob of {DEV}, {of_all} when aws:MultiFactorAuthPresent is present"),
        format!("role OfUser of {MAIN} lets in user ann of {DEV}, {of_all}"),
        format!("role OfUserIfMfa of {MAIN} lets in user ann of {DEV}, {of_all} when aws:MultiFactorAuthPresent is true (or is absent)"),
        format!("role OfUserNamed of {MAIN} lets in user ann of {DEV} without a second factor"),
    ];
    assert_eq!(messages, expected, "{messages:#?}");
    let wide = pairs(&found["findings"]).into_iter().filter(|(rule, _)| rule == "account-wide").count();
    assert_eq!(wide, 11, "each of them lets in the account");
}

/// The permission list of the reference is enough; and without any one of them, what could not be read is said, and never taken for nothing.
#[tokio::test]
async fn the_listed_permissions_are_enough_and_each_is_needed() {
    let reference = fs::read_to_string(root().join("docs/audit.md")).unwrap();
    let (_, list) = reference.split_once("Whoever audits needs").unwrap();
    let (list, _) = list.split_once("\n## ").unwrap();
    let actions: Vec<&str> = list.split('`').skip(1).step_by(2).collect();
    assert!(actions.len() > 20 && actions.iter().all(|action| action.contains(':')), "{actions:?}");
    let place = Place::new(Options::default());
    of_each_kind(&place).await;
    let (mut profiles, mut runners) = (String::new(), Vec::new());
    for left_out in [""].into_iter().chain(actions.iter().copied()) {
        let less: Vec<&str> = actions.iter().filter(|action| **action != left_out).copied().collect();
        let policy = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": less, "Resource": "*" }] }).to_string();
        let user = format!("auditor-{}", runners.len());
        place.iam(MAIN, "CreateUser", &[("UserName", &user)]).await;
        place.iam(MAIN, "CreatePolicy", &[("PolicyName", &user), ("PolicyDocument", &policy)]).await;
        place.iam(MAIN, "AttachUserPolicy", &[("UserName", &user), ("PolicyArn", &format!("arn:aws:iam::{MAIN}:policy/{user}"))]).await;
        let key = Credentials::of(&place.iam(MAIN, "CreateAccessKey", &[("UserName", &user)]).await);
        profiles.push_str(&format!("[profile {user}]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.key, key.secret));
        runners.push((left_out, user));
    }
    let runner = Runner::reached("audit", &place, &profiles, "");
    for (left_out, user) in &runners {
        fs::write(runner.folder.join("crossrole.toml"), format!("[accounts.\"{MAIN}\"]\nprofile = \"{user}\"\n")).unwrap();
        let (code, said) = runner.run(&["audit", "--account", MAIN]);
        if left_out.is_empty() {
            assert!(code == 0 && !said.contains("Not known"), "{code} {said}");
        } else {
            assert!(code == 1 && said.contains("Not known: ") && said.contains("could not be read"), "without {left_out}: {code}\n{said}");
        }
    }
}

/// One of each thing that an audit reads.
async fn of_each_kind(place: &Place) {
    let metadata = format!("<EntityDescriptor entityID='https://idp.example'><X509Certificate>{}</X509Certificate></EntityDescriptor>", "A".repeat(1_000));
    place.iam(MAIN, "CreateSAMLProvider", &[("Name", "Directory"), ("SAMLMetadataDocument", &metadata)]).await;
    place.iam(MAIN, "CreateOpenIDConnectProvider", &[("Url", "https://gitlab.com"), ("ClientIDList.member.1", "x")]).await;
    role(place, MAIN, "Wide", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}]}"#)
        .await;
    assert_eq!(place.s3(MAIN, "PUT", "/audited", "", "").await.0, 200);
    let acls = "<OwnershipControls><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule></OwnershipControls>";
    assert_eq!(place.s3(MAIN, "PUT", "/audited", "ownershipControls", acls).await.0, 200);
    assert!(place.sandbox.add_key(&format!("arn:aws:kms:us-east-1:{MAIN}:key/00000000-0000-4000-8000-000000000000")));
    let (who, api) = (Credentials { key: MAIN.to_owned(), ..Credentials::default() }, ("cloudtrail", "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101"));
    let trail = json!({ "Name": "all", "S3BucketName": "audited", "IsMultiRegionTrail": true });
    let (status, said) = place.json_as(&who, api, "us-east-1", "CreateTrail", &trail).await;
    assert_eq!(status, 200, "{said}");
}

/// A directory of accounts says which they are, and whose they are.
#[tokio::test(start_paused = true)]
async fn accounts_of_the_directory_are_audited_in_one_run() {
    let (sandbox, expected) = generated(SMALL).await;
    let place = Place::of(sandbox);
    let config = settings("directory", "");
    let listed = [("main", MAIN), ("dev", DEV), ("ops", OPS)].map(|(label, id)| format!("[accounts.{label}]\nid = \"{id}\"\n")).concat();
    fs::write(config.replace("crossrole.toml", "accounts.toml"), listed).unwrap();
    let file = config.replace("crossrole.toml", "manifest.toml");
    fs::write(&file, "name = \"nothing\"\n[trusting]\naccount = \"222222222222\"\n").unwrap();
    let found = json_of(&audit(&place, &["--json", "--config", &config, &file]).await);
    assert_eq!(pairs(&found["findings"]), expected);
    let labels: Vec<&str> = found["accounts"].as_array().unwrap().iter().map(|one| one["label"].as_str().unwrap()).collect();
    assert_eq!(labels.len(), 3, "{labels:?}");
    let said = audit(&place, &["--config", &config, "--account", "12"]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("`12` is not an account id"), "{}", said.err);
}

#[tokio::test(start_paused = true)]
async fn the_reference_of_rules_is_current() {
    let said = audit(&Place::new(Options::default()), &["--list-rules"]).await;
    assert!(said.out == fs::read_to_string(root().join("docs/audit.md")).unwrap_or_default(), "docs/audit.md is stale: run `just rules`");
}

#[test]
fn every_kind_of_the_generated_estate_is_there_twice() {
    assert_eq!((SMALL.roles, SMALL.buckets, SMALL.keys), (2 * estate::KINDS, 2 * estate::HOLDINGS, 2 * estate::LOCKS));
}
