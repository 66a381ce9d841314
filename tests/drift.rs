//! Drift: what is live and not as the manifests say, and what of it they can say.

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, Said, manifest};

const TRUSTING: &str = "222222222222";

const MANIFEST: &str = r#"# Who reads reports.
name = "drifting"
tags = { team = "data" } # all of it

[trusting]
account = "222222222222"

[trusted.dev]
account = "111111111111"
manage = false

[policies.Most]
[[policies.Most.allow]]
actions = "s3:*"
resources = "*"

# Kept for a year.
[buckets.reports]
create = true
versioning = true # on purpose
tags = { kind = "reports" }

[[buckets.reports.allow]] # directly
principal = "arn:aws:iam::111111111111:root"
access = "read"

[roles.Reader] # the one
description = "reads"
max_session = "1h" # short
permissions_boundary = "arn:aws:iam::222222222222:policy/Most"
tags = { kind = "reader" }

# Ann's team.
[[roles.Reader.trust]]
account = "dev"
external_id = "c0ffee"

# Services, too.
[[roles.Reader.trust]]
service = "ec2.amazonaws.com"

[[roles.Reader.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::reports/*"

# The second.
[[roles.Reader.statement]]
sid = "Lists"
actions = "s3:ListAllMyBuckets"
resources = "*"

[[roles.Reader.inline.extra.statement]]
actions = "sqs:SendMessage"
resources = "arn:aws:sqs:eu-west-1:222222222222:done"

[roles.Second]
[[roles.Second.trust]]
service = "lambda.amazonaws.com"
"#;

/// A hand on the account, and what it is called.
type Hand<'a> = (&'a str, &'a [(&'a str, &'a str)]);

const ONE_MORE: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"},{"Sid":"Lists","Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"},{"Sid":"Hand","Effect":"Deny","NotAction":["s3:GetObject","iam:*"],"Resource":["arn:aws:s3:::x","arn:aws:s3:::x/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"},"StringLike":{"aws:userid":["a*","b\"c"]}}}]}"#;
const ONE_LESS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}]}"#;
const OTHER_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::333333333333:root"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEquals":{"sts:ExternalId":"other"},"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}"#;
const FOREIGN: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}]}"#;

/// Everything that a manifest can say of a hand, by name: `put` and `delete` are calls of S3.
const SAYABLE: &[(&str, Hand<'_>)] = &[
    ("description", ("UpdateRole", &[("RoleName", "Reader"), ("Description", "by \"hand\"\n")])),
    ("no-description", ("UpdateRole", &[("RoleName", "Reader"), ("Description", "")])),
    ("session", ("UpdateRole", &[("RoleName", "Reader"), ("MaxSessionDuration", "5400"), ("Description", "reads")])),
    ("boundary", ("PutRolePermissionsBoundary", &[("RoleName", "Reader"), ("PermissionsBoundary", "arn:aws:iam::aws:policy/ReadOnlyAccess")])),
    ("no-boundary", ("DeleteRolePermissionsBoundary", &[("RoleName", "Reader")])),
    ("tag", ("TagRole", &[("RoleName", "Reader"), ("Tags.member.1.Key", "cost center"), ("Tags.member.1.Value", "a=b")])),
    ("other-tag", ("TagRole", &[("RoleName", "Reader"), ("Tags.member.1.Key", "kind"), ("Tags.member.1.Value", "other")])),
    ("no-tag", ("UntagRole", &[("RoleName", "Reader"), ("TagKeys.member.1", "kind")])),
    ("first-tag", ("TagRole", &[("RoleName", "Second"), ("Tags.member.1.Key", "x"), ("Tags.member.1.Value", "y")])),
    ("statement", ("PutRolePolicy", &[("RoleName", "Reader"), ("PolicyName", "crossrole"), ("PolicyDocument", ONE_MORE)])),
    ("no-statement", ("PutRolePolicy", &[("RoleName", "Reader"), ("PolicyName", "crossrole"), ("PolicyDocument", ONE_LESS)])),
    ("first-statement", ("PutRolePolicy", &[("RoleName", "Second"), ("PolicyName", "crossrole"), ("PolicyDocument", FOREIGN)])),
    ("inline", ("PutRolePolicy", &[("RoleName", "Second"), ("PolicyName", "by.hand"), ("PolicyDocument", FOREIGN)])),
    ("other-inline", ("PutRolePolicy", &[("RoleName", "Reader"), ("PolicyName", "extra"), ("PolicyDocument", FOREIGN)])),
    ("no-inline", ("DeleteRolePolicy", &[("RoleName", "Reader"), ("PolicyName", "extra")])),
    ("attached", ("AttachRolePolicy", &[("RoleName", "Second"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")])),
    ("trust", ("UpdateAssumeRolePolicy", &[("RoleName", "Reader"), ("PolicyDocument", OTHER_TRUST)])),
    ("document", ("CreatePolicyVersion", &[("PolicyArn", "arn:aws:iam::222222222222:policy/Most"), ("SetAsDefault", "true"), ("PolicyDocument", FOREIGN)])),
];

async fn place(test: &str) -> (Place, String) {
    let place = Place::new(Options::default());
    let path = manifest(&format!("drift-{test}"), MANIFEST);
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    (place, path)
}

async fn drift(place: &Place, flags: &[&str], path: &str) -> Said {
    let mut said = place.run(&[&["drift", "--sandbox"], flags, &[path]].concat()).await;
    (said.out, said.err) = (said.out.replace(path, "drifting.toml"), said.err.replace(path, "drifting.toml"));
    said
}

/// Every comment of the manifest, sorted: what a hand took away leaves its own behind.
fn comments(text: &str) -> Vec<String> {
    let mut all: Vec<String> = text.lines().filter_map(|line| line.split_once("# ").map(|(_, comment)| comment.to_owned())).collect();
    all.sort();
    all
}

#[tokio::test(start_paused = true)]
async fn none_is_none() {
    let (place, path) = place("none").await;
    let said = drift(&place, &["--write"], &path).await;
    assert_eq!((said.exit, said.err.as_str()), (Exit::Clean, ""), "{}", said.out);
    assert!(said.out.starts_with("Drift: none: what the manifests declare is live as they say."), "{}", said.out);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), MANIFEST);
}

#[tokio::test(start_paused = true)]
async fn what_is_found_is_shown_with_who_has_gained_by_it() {
    let (place, path) = place("shown").await;
    for name in ["description", "trust"] {
        let (_, (action, parameters)) = SAYABLE.iter().find(|(other, _)| *other == name).unwrap();
        place.iam(TRUSTING, action, parameters).await;
    }
    let said = drift(&place, &[], &path).await;
    assert_eq!(said.exit, Exit::Changes, "{}", said.err);
    insta::assert_snapshot!("drift_shown", said.out);
    let said = drift(&place, &["--json"], &path).await;
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let widened = value["drift_access"]["changes"].as_array().unwrap().iter().filter(|c| c["direction"] == "widened").count();
    assert_eq!((widened, value["resource_changes"].as_array().unwrap().len()), (1, 1), "{value:#}");
    let report = format!("{path}.xml");
    drift(&place, &[&format!("--report=junit={report}")], &path).await;
    let junit = std::fs::read_to_string(report).unwrap();
    assert_eq!(junit.matches("<failure message=\"what is live is not as the manifest says\">").count(), 1, "{junit}");
}

/// Each hand alone is written, with every comment kept, and planned to nothing.
#[tokio::test(start_paused = true)]
async fn what_a_manifest_can_say_is_written_back() {
    let mut written = String::new();
    for (name, (action, parameters)) in SAYABLE {
        let (place, path) = place(&format!("one-{name}")).await;
        place.iam(TRUSTING, action, parameters).await;
        let said = drift(&place, &["--write"], &path).await;
        assert_eq!(said.exit, Exit::Changes, "{name}: {}{}", said.out, said.err);
        assert!(said.err.contains("written: `drifting.toml`: ") && !said.err.contains("left: "), "{name}: {}", said.err);
        let text = std::fs::read_to_string(&path).unwrap();
        let plan = place.good(&["plan", &path]).await;
        assert!(plan.contains("No changes."), "{name}: {text}\n{plan}");
        assert_eq!(comments(&text), comments(MANIFEST), "{name}: {text}");
        written += &format!("## {name}\n{}\n", changed(&text));
    }
    insta::assert_snapshot!("drift_written", written);
}

/// The lines that differ.
fn changed(text: &str) -> String {
    let diff = similar::TextDiff::from_lines(MANIFEST, text);
    let lines = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal);
    lines.map(|change| format!("{}{}", change.tag(), change)).collect()
}

/// All hands that go together, at once.
#[tokio::test(start_paused = true)]
async fn many_hands_are_written_back_at_once() {
    let (place, path) = place("many").await;
    for name in ["description", "boundary", "tag", "statement", "inline", "other-inline", "attached", "trust", "first-tag", "document"] {
        let (_, (action, parameters)) = SAYABLE.iter().find(|(other, _)| *other == name).unwrap();
        place.iam(TRUSTING, action, parameters).await;
    }
    let owner = (TRUSTING, "reports");
    let tags = "<Tagging><TagSet><Tag><Key>crossrole:manifest</Key><Value>drifting</Value></Tag><Tag><Key>team</Key><Value>data</Value></Tag><Tag><Key>kind</Key><Value>by hand</Value></Tag></TagSet></Tagging>";
    for (query, body) in [("versioning", "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"), ("tagging", tags)] {
        let (status, answer) = place.s3(owner.0, "PUT", &format!("/{}", owner.1), query, body).await;
        assert!(status < 300, "{query}: {answer}");
    }
    assert!(place.s3(owner.0, "DELETE", "/reports", "policy", "").await.0 < 300);
    let said = drift(&place, &["--write"], &path).await;
    assert_eq!(said.exit, Exit::Changes, "{}{}", said.out, said.err);
    let text = std::fs::read_to_string(&path).unwrap();
    let plan = place.good(&["plan", &path]).await;
    assert!(plan.contains("No changes."), "{text}\n{plan}\n{}", said.err);
    insta::assert_snapshot!("drift_written_many", said.err + &text);
    assert_eq!(drift(&place, &["--write"], &path).await.exit, Exit::Clean, "and then there is none");
}

/// What no manifest can say, or says of several at once, is left as it is, and said.
#[tokio::test(start_paused = true)]
async fn what_can_not_be_said_is_left() {
    let (place, path) = place("left").await;
    let refused = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::333333333333:root"},"Action":"sts:AssumeRole"}]}"#;
    place.iam(TRUSTING, "UpdateAssumeRolePolicy", &[("RoleName", "Second"), ("PolicyDocument", refused)]).await;
    place.iam(TRUSTING, "UntagRole", &[("RoleName", "Reader"), ("TagKeys.member.1", "team")]).await;
    place.iam(TRUSTING, "UpdateRole", &[("RoleName", "Second"), ("Description", "sayable")]).await;
    let said = drift(&place, &["--write"], &path).await;
    assert_eq!(said.exit, Exit::Changes, "{}", said.err);
    assert!(said.err.contains("written: `drifting.toml`: 222222222222/role/Second: description"), "{}", said.err);
    for left in ["role/Reader: tags: the text of the manifest has no place for it", "role/Second: trust policy: a manifest has no words for what is live"] {
        assert!(said.err.contains(&format!("left: 222222222222/{left}; `apply` puts it back\n")), "{}", said.err);
    }
    assert_eq!(changed(&std::fs::read_to_string(&path).unwrap()), "+description = \"sayable\"\n");
    // In one of several accounts: the manifest says the same of all.
    let both = "name = \"both\"\n[trusting]\naccounts = [\"222222222222\", \"333333333333\"]\n[roles.Wide]\ndescription = \"wide\"\n[[roles.Wide.trust]]\nservice = \"ec2.amazonaws.com\"\n";
    let path = manifest("drift-several", both);
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    place.iam("333333333333", "UpdateRole", &[("RoleName", "Wide"), ("Description", "by hand")]).await;
    let said = drift(&place, &["--write"], &path).await;
    assert!(
        said.exit == Exit::Changes
            && said.err.contains("left: 333333333333/role/Wide: description: what says it says more, and would change 222222222222/role/Wide as well"),
        "{}",
        said.err
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), both);
    place.iam(TRUSTING, "UpdateRole", &[("RoleName", "Wide"), ("Description", "by hand")]).await;
    assert_eq!(drift(&place, &["--write"], &path).await.exit, Exit::Changes);
    // The same hand in all of them can be said.
    assert!(place.good(&["plan", &path]).await.contains("No changes."), "{}", std::fs::read_to_string(&path).unwrap());
}

/// Two parts that one call writes, at once; and the ends of lines, comments in lists, and links as they were.
#[tokio::test(start_paused = true)]
async fn the_text_stays_as_it_was_around_what_is_written() {
    let listed = MANIFEST.replace(
        "description = \"reads\"\n",
        "description = \"reads\"\npolicies = [\n  \"arn:aws:iam::aws:policy/ReadOnlyAccess\", # about reading\n  \"arn:aws:iam::aws:policy/SecurityAudit\", # about audits\n  \"arn:aws:iam::aws:policy/job-function/Billing\", # about bills\n]\n",
    );
    let text = listed.replace('\n', "\r\n");
    let place = Place::new(Options::default());
    let path = manifest("drift-lines", &text);
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    place.iam(TRUSTING, "UpdateRole", &[("RoleName", "Reader"), ("Description", "by hand"), ("MaxSessionDuration", "7200")]).await;
    place.iam(TRUSTING, "DetachRolePolicy", &[("RoleName", "Reader"), ("PolicyArn", "arn:aws:iam::aws:policy/SecurityAudit")]).await;
    let link = format!("{path}.link.toml");
    let _ = std::fs::remove_file(&link);
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let said = drift(&place, &["--write"], &link).await;
    assert!(said.exit == Exit::Changes && !said.err.contains("left: "), "{}{}", said.out, said.err);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink(), "a link stays one");
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("\"by hand\"") && written.contains("\"2h\""), "{written}");
    assert!(
        written.contains("ReadOnlyAccess\", # about reading") && written.contains("Billing\", # about bills") && written.contains("\n  # about audits\r\n"),
        "{written}"
    );
    assert_eq!(written.matches('\n').count(), written.matches("\r\n").count(), "{written:?}");
    assert!(place.good(&["plan", &path]).await.contains("No changes."));
}

/// What one word of the manifest says of two objects is not taken apart: the bucket's side would be taken away with it.
#[tokio::test(start_paused = true)]
async fn what_says_more_than_has_drifted_is_left() {
    let text = "name = \"both\"\n[trusting]\naccount = \"222222222222\"\n[buckets.shared]\ncreate = true\n[roles.Reader]\n[[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.Reader.allow]]\nbucket = \"shared\"\naccess = \"get\"\nprefix = \"teams/data/\"\n";
    let place = Place::new(Options::default());
    let path = manifest("drift-both-sides", text);
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    let wider = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::shared/teams/*"}]}"#;
    place.iam(TRUSTING, "PutRolePolicy", &[("RoleName", "Reader"), ("PolicyName", "crossrole"), ("PolicyDocument", wider)]).await;
    let (_, policy) = place.s3(TRUSTING, "GET", "/shared", "policy", "").await;
    assert_eq!(place.s3(TRUSTING, "PUT", "/shared", "policy", &policy.replace("teams/data/", "teams/")).await.0, 204);
    let before = place.run(&["plan", &path]).await.out;
    let said = drift(&place, &["--write"], &path).await;
    let expected = [
        "left: 222222222222/role/Reader: inline policy crossrole: what says it says more, and would change 222222222222/bucket-policy/shared as well;",
        "left: 222222222222/bucket-policy/shared: ",
    ];
    assert!(expected.iter().all(|left| said.err.contains(left)) && !said.err.contains("written: "), "{}", said.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    assert_eq!(place.run(&["plan", &path]).await.out, before);
}

const WORDS: &str = r#"name = "words"
[trusting]
account = "222222222222"
[trusted.ops]
account = "111111111111"
[trusted.ops.users.ann]
[trusted.ops.groups.Team]
members = ["ann"]

[roles.Desk]
# before trust
[[roles.Desk.trust]] # at the header
# inside
account = "ops" # who
mfa = true # needed for SOC2
source_ip = ["203.0.113.0/24"] # the office
expires = 2099-03-31 # review

# behind trust
[[roles.Desk.allow]]
actions = ["s3:ListAllMyBuckets", "s3:GetBucketLocation"] # both
resources = "*"

[[roles.Desk.allow]]
bucket = "elsewhere"
access = "read" # only that
prefix = "in/"

[roles.Group]
trust = [{ group = "ops/Team", mfa = true }] # the team
"#;

/// The words of a trust's statement, by hand.
fn trusted(who: &str, conditions: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":{who}}},"Action":"sts:AssumeRole","Condition":{{{conditions}}}}}]}}"#
    )
}

/// One word by hand is one word in the manifest, and no comment is lost.
#[tokio::test(start_paused = true)]
async fn the_smallest_edit_that_says_it_is_written() {
    let (ops, mfa) = (r#""arn:aws:iam::111111111111:root""#, r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#);
    let (ip, end) = (r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#, r#""DateLessThan":{"aws:CurrentTime":"2099-03-31T00:00:00Z"}"#);
    let later = end.replace("2099-03", "2100-03");
    let two = ip.replace("\"203.0.113.0/24\"", "[\"203.0.113.0/24\",\"198.51.100.0/24\"]");
    let id = r#""StringEquals":{"sts:ExternalId":"c0ffee-1"}"#;
    let trusts = [
        ("no-mfa", "Desk", trusted(ops, &format!("{ip},{end}"))),
        ("later", "Desk", trusted(ops, &format!("{mfa},{ip},{later}"))),
        ("address", "Desk", trusted(ops, &format!("{mfa},{two},{end}"))),
        ("no-address", "Desk", trusted(ops, &format!("{mfa},{end}"))),
        ("id", "Desk", trusted(ops, &format!("{mfa},{ip},{end},{id}"))),
        ("other", "Desk", trusted(r#""arn:aws:iam::222222222222:root""#, &format!("{mfa},{ip},{end}"))),
        ("more", "Desk", trusted(&format!("[{ops},\"arn:aws:iam::222222222222:root\"]"), &format!("{mfa},{ip},{end}"))),
        ("group", "Group", trusted(ops, r#""Null":{"aws:x":"true"}"#).replace(r#","Condition":{"Null":{"aws:x":"true"}}"#, "")),
    ];
    let bucket = "arn:aws:s3:::elsewhere";
    let policy = |actions: &str, object: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":[{actions}],"Resource":"*"}},{{"Effect":"Allow","Action":"s3:ListBucket","Resource":"{bucket}","Condition":{{"StringLike":{{"s3:prefix":["in/","in/*"]}}}}}},{{"Effect":"Allow","Action":[{object}],"Resource":"{bucket}/in/*"}}]}}"#
        )
    };
    let both = r#""s3:ListAllMyBuckets","s3:GetBucketLocation""#;
    let policies = [
        ("action", policy(&format!("{both},\"s3:GetBucketTagging\""), "\"s3:GetObject\"")),
        ("access", policy(both, r#""s3:GetObject","s3:PutObject","s3:DeleteObject""#)),
    ];
    let (mut written, mut hands) = (String::new(), Vec::new());
    hands.extend(
        trusts.iter().map(|(name, role, text)| (*name, "UpdateAssumeRolePolicy", vec![("RoleName", (*role).to_owned()), ("PolicyDocument", text.clone())])),
    );
    let put = |text: &String| vec![("RoleName", "Desk".to_owned()), ("PolicyName", "crossrole".to_owned()), ("PolicyDocument", text.clone())];
    hands.extend(policies.iter().map(|(name, text)| (*name, "PutRolePolicy", put(text))));
    let place = Place::new(Options::default());
    let path = manifest("drift-words", WORDS);
    for (name, action, parameters) in hands {
        std::fs::write(&path, WORDS).unwrap();
        place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
        let parameters: Vec<(&str, &str)> = parameters.iter().map(|(key, value)| (*key, value.as_str())).collect();
        place.iam(TRUSTING, action, &parameters).await;
        let said = drift(&place, &["--write"], &path).await;
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(said.exit == Exit::Changes && !said.err.contains("left: "), "{name}: {}{}{text}", said.out, said.err);
        assert_eq!(comments(&text), comments(WORDS), "{name}: {text}");
        assert!(place.good(&["plan", &path]).await.contains("No changes."), "{name}: {text}");
        let diff = similar::TextDiff::from_lines(WORDS, &text);
        let lines = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal).map(|change| format!("{}{change}", change.tag()));
        written += &format!("## {name}\n{}\n", lines.collect::<String>());
    }
    std::fs::write(&path, WORDS).unwrap();
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    place.iam("111111111111", "CreateUser", &[("UserName", "zed")]).await;
    place.iam("111111111111", "AddUserToGroup", &[("UserName", "zed"), ("GroupName", "Team")]).await;
    let said = drift(&place, &["--write"], &path).await;
    let text = std::fs::read_to_string(&path).unwrap();
    written += &format!("## member\n{}\n{}", said.err, if text == WORDS { "as it was" } else { text.split("# inside").next().unwrap() });
    insta::assert_snapshot!("drift_words", written);
}

/// A tag of a bucket that somebody took away hides nothing that was done to the roles that use it.
#[tokio::test(start_paused = true)]
async fn what_is_withheld_is_shown_as_drift() {
    let text = "name = \"hidden\"\n[trusting]\naccount = \"222222222222\"\n[buckets.papers]\ncreate = true\n[roles.Reader]\n[[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.Reader.allow]]\nbucket = \"papers\"\naccess = \"get\"\n";
    let place = Place::new(Options::default());
    let path = manifest("drift-hidden", text);
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    assert!(place.s3(TRUSTING, "DELETE", "/papers", "tagging", "").await.0 < 300);
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"sts:AssumeRole"}]}"#;
    place.iam(TRUSTING, "UpdateAssumeRolePolicy", &[("RoleName", "Reader"), ("PolicyDocument", open)]).await;
    place.iam(TRUSTING, "AttachRolePolicy", &[("RoleName", "Reader"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
    let report = format!("{path}.xml");
    let said = drift(&place, &[&format!("--report=junit={report}"), "--write"], &path).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.err);
    insta::assert_snapshot!("drift_withheld", said.out);
    assert!(std::fs::read_to_string(report).unwrap().contains("222222222222/role/Reader"), "the report, too");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "what is withheld is not taken up");
    let said = drift(&place, &["--json"], &path).await;
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let role = value["resource_changes"].as_array().unwrap().iter().find(|change| change.to_string().contains("role/Reader")).unwrap();
    assert!(role.to_string().contains(r#"{"kind":"withheld"}"#), "{role:#}");
    assert!(value["drift_access"]["changes"].as_array().unwrap().iter().any(|change| change["direction"] == "widened"), "{value:#}");
}

/// A role that somebody deleted is taken out where nothing else needs it.
#[tokio::test(start_paused = true)]
async fn what_is_gone_is_taken_out() {
    let (place, path) = place("gone").await;
    place.iam(TRUSTING, "DeleteRole", &[("RoleName", "Second")]).await;
    let said = drift(&place, &["--write"], &path).await;
    assert!(said.err.contains("written: `drifting.toml`: 222222222222/role/Second: it is gone"), "{}", said.err);
    assert!(place.good(&["plan", &path]).await.contains("No changes."));
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("Second") && comments(&text) == comments(MANIFEST), "{text}");
}

/// What could not be read is no drift, and not none.
/// What of ours nothing speaks of any more, and nobody has, is found here, and by no plan.
#[tokio::test(start_paused = true)]
async fn what_nobody_has_and_nothing_declares_is_drift() {
    let place = Place::new(Options::default());
    let of = |rest: &str| manifest("drift-left", &format!("name = \"lasting\"\n[trusting]\naccount = \"{TRUSTING}\"\n{rest}"));
    let path =
        of("[policies.P]\n[[policies.P.allow]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n[oidc_providers.ci]\nurl = \"https://ci.example.com\"\n");
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    // A policy of somebody else's is none.
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    place.iam(TRUSTING, "CreatePolicy", &[("PolicyName", "Theirs"), ("PolicyDocument", document)]).await;
    of("");
    assert!(place.good(&["plan", &path]).await.starts_with("No changes."));
    let said = place.run(&["drift", "--sandbox", &path]).await;
    assert!(said.exit == Exit::Changes && said.out.starts_with("Drift: 2 objects are not as the manifests say."), "{}", said.out);
    assert!(said.out.contains("- policy P") && said.out.contains("- oidc-provider ci.example.com") && !said.out.contains("Theirs"), "{}", said.out);
    assert!(said.out.contains("`crossrole destroy --target oidc-provider/ci.example.com --target policy/P`"), "{}", said.out);
    // What may be ours and can't be told is not none.
    for (operation, denied) in [("ListPolicyTags", &["ListPolicyTags"]), ("ListOpenIDConnectProviders", &["ListOpenIDConnectProviders"])] {
        place.sandbox.set_faults(Some(std::sync::Arc::new(crate::made_key::Denied(denied))));
        let said = place.run(&["drift", "--sandbox", &path]).await;
        assert!(said.out.contains(&format!("it could not be read: {operation}")), "{}", said.out);
    }
    place.sandbox.set_faults(None);
    place.good(&["destroy", "--auto-approve", "--quiet", "--target", "policy/P", &path]).await;
    let said = place.run(&["drift", "--sandbox", &path]).await;
    assert!(said.out.starts_with("Drift: 1 object is not as the manifests say."), "{}", said.out);
}

#[tokio::test(start_paused = true)]
async fn what_was_not_read_is_an_error() {
    let (place, path) = place("unread").await;
    place.sandbox.set_faults(Some(std::sync::Arc::new(crate::errors::Always("GetCallerIdentity", crossrole_sandbox::Fault::Refuse("AccessDenied")))));
    let said = drift(&place, &[], &path).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert!(said.out.starts_with("Drift: none, as far as it is known: see what is withheld."), "{}", said.out);
}

/// What a hand adds beside what is declared is no drift, and whom it lets in is said where nothing else is.
#[tokio::test(start_paused = true)]
async fn what_others_let_in_beside_what_is_declared_is_said() {
    let place = Place::new(Options::default());
    let text = "name = \"beside\"\n[trusting]\naccount = \"222222222222\"\n[buckets.beside-bucket]\ncreate = true\n[keys.data]\ncreate = true\n\
                [roles.Kept]\nforeign_policies = \"keep\"\n[[roles.Kept.trust]]\nservice = \"ec2.amazonaws.com\"\n";
    let file = manifest("drift-beside", text);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let said = drift(&place, &[], &file).await;
    assert!(said.exit == Exit::Clean && said.out.contains("Kept, and no drift: others let nobody in"), "{}", said.out);
    assert_eq!(place.s3(TRUSTING, "DELETE", "/beside-bucket", "publicAccessBlock", "").await.0, 204);
    let open = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Open","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::beside-bucket/*"},{"Sid":"Shut","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::beside-bucket/secret/*"}]}"#;
    assert_eq!(place.s3(TRUSTING, "PUT", "/beside-bucket", "policy", open).await.0, 204);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Own","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"kms:*","Resource":"*"},{"Sid":"Theirs","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444444444444:root"},"Action":"kms:Decrypt","Resource":"*"}]}"#;
    kms(&place, "PutKeyPolicy", &serde_json::json!({ "KeyId": key_of(&place).await, "PolicyName": "default", "Policy": policy })).await;
    place.iam(TRUSTING, "PutRolePolicy", &[("RoleName", "Kept"), ("PolicyName", "by.hand"), ("PolicyDocument", FOREIGN)]).await;
    let comment = format!("{file}.md");
    let said = drift(&place, &[&format!("--report=markdown={comment}"), &format!("--report=html={file}.html")], &file).await;
    // The bucket's block of public access is what the manifest says nothing of.
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    insta::assert_snapshot!("drift_beside", said.out.replace(&key_of(&place).await, "ID"));
    for report in [comment, format!("{file}.html")] {
        let report = std::fs::read_to_string(report).unwrap();
        assert!(report.contains("Kept, and no drift") && report.contains("bucket-policy/beside-bucket: statement Open"), "{report}");
    }
    let report = format!("{file}.report.json");
    let value: serde_json::Value = serde_json::from_str(&drift(&place, &["--json", &format!("--report=json={report}")], &file).await.out).unwrap();
    let written: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(report).unwrap()).unwrap();
    for part in ["drift_access", "drift_keys", "foreign"] {
        assert!(value[part] != serde_json::Value::Null && written[part] == value[part], "{part}: a report says what stdout says: {written:#}");
    }
    let objects: Vec<&str> = value["foreign"]["objects"].as_array().unwrap().iter().map(|one| one["address"].as_str().unwrap()).collect();
    assert_eq!(objects, ["222222222222/role/Kept", "222222222222/bucket-policy/beside-bucket", "222222222222/key-policy/us-east-1/alias/data"]);
    let gains = value["foreign"]["access"]["changes"].as_array().unwrap();
    assert!(!gains.is_empty() && gains.iter().all(|change| change["direction"] == "widened"), "{gains:#?}");
    // Beside drift it is said as well.
    place.iam(TRUSTING, "UpdateRole", &[("RoleName", "Kept"), ("Description", "by hand")]).await;
    let said = drift(&place, &[], &file).await;
    assert!(said.exit == Exit::Changes && said.out.contains("Kept, and no drift: what others let in"), "{}", said.out);
}

/// Of what could not be read nobody knows whom others let in, whichever side of it that is.
#[tokio::test(start_paused = true)]
async fn what_others_let_in_is_not_denied_where_it_was_not_read() {
    const NOBODY: &str = "others let nobody in";
    let place = Place::new(Options::default());
    let text = "name = \"beside\"\n[trusting]\naccount = \"222222222222\"\n[buckets.beside-bucket]\ncreate = true\n[keys.data]\ncreate = true\n\
                [roles.Kept]\nforeign_policies = \"keep\"\n[[roles.Kept.trust]]\nservice = \"ec2.amazonaws.com\"\n";
    let file = manifest("drift-beside-unread", text);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let (bucket, key, role) = ("222222222222/bucket-policy/beside-bucket", "222222222222/key-policy/us-east-1/alias/data", "222222222222/role/Kept");
    let rows: [(&'static [&'static str], &[&str]); 5] = [
        (&["GetBucketPolicy"], &[bucket]),
        (&["HeadBucket", "GetBucketLocation", "ListBuckets"], &[bucket]),
        (&["GetKeyPolicy"], &[key]),
        (&["GetAccountAuthorizationDetails", "GetRole"], &[role]),
        (&["GetCallerIdentity"], &[bucket, key, role]),
    ];
    for (denied, unread) in rows {
        place.sandbox.set_faults(Some(std::sync::Arc::new(crate::made_key::Denied(denied))));
        let (comment, page) = (format!("{file}.md"), format!("{file}.html"));
        let said = drift(&place, &[&format!("--report=markdown={comment}"), &format!("--report=html={page}")], &file).await;
        assert_eq!(said.exit, Exit::Failed, "{denied:?}: {}", said.out);
        for text in [said.out, std::fs::read_to_string(&comment).unwrap(), std::fs::read_to_string(&page).unwrap()] {
            assert!(!text.contains(NOBODY) && unread.iter().all(|of| text.contains(of)) && text.contains("not known of "), "{denied:?}: {text}");
        }
        let value: serde_json::Value = serde_json::from_str(&drift(&place, &["--json"], &file).await.out).unwrap();
        let found: Vec<&str> = value["foreign"]["unread"].as_array().unwrap().iter().map(|of| of.as_str().unwrap()).collect();
        assert!(unread.iter().all(|of| found.contains(of)) && found.len() == unread.len(), "{denied:?}: {found:?}");
    }
    // What is known of the others is said beside it.
    place.iam(TRUSTING, "PutRolePolicy", &[("RoleName", "Kept"), ("PolicyName", "by.hand"), ("PolicyDocument", FOREIGN)]).await;
    place.sandbox.set_faults(Some(std::sync::Arc::new(crate::made_key::Denied(&["GetBucketPolicy"]))));
    let said = drift(&place, &[], &file).await;
    assert!(said.out.contains("role/Kept: inline policy by.hand") && said.out.contains(&format!("not known of {bucket}")), "{}", said.out);
    place.sandbox.set_faults(None);
    place.iam(TRUSTING, "DeleteRolePolicy", &[("RoleName", "Kept"), ("PolicyName", "by.hand")]).await;
    assert!(drift(&place, &[], &file).await.out.contains(NOBODY));
}

/// Whose last member was taken out by hand is said to have none, so that who comes in after that is drift again.
#[tokio::test(start_paused = true)]
async fn a_group_without_members_is_said_to_have_none() {
    let text = "name = \"team\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.groups.Readers]\n\
                members = [\"ann\"] # who\n[trusted.dev.users.ann]\n[roles.R]\n[[roles.R.trust]]\ngroup = \"dev/Readers\"\n";
    let place = Place::new(Options::default());
    let path = manifest("drift-members", text);
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    place.iam("111111111111", "RemoveUserFromGroup", &[("GroupName", "Readers"), ("UserName", "ann")]).await;
    let said = drift(&place, &["--write"], &path).await;
    assert!(said.err.contains("membership/Readers/ann: who is in the group"), "{}", said.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text.replace("[\"ann\"]", "[]"));
    assert_eq!(drift(&place, &[], &path).await.exit, Exit::Clean);
    place.iam("111111111111", "CreateUser", &[("UserName", "eve")]).await;
    place.iam("111111111111", "AddUserToGroup", &[("GroupName", "Readers"), ("UserName", "eve")]).await;
    let said = drift(&place, &[], &path).await;
    assert!(said.exit == Exit::Changes && said.out.contains("user eve of 111111111111 gains sts:AssumeRole"), "{}", said.out);
}

/// What was done alike in each account of a manifest is written once, however many parts of an object it was; what was done in one alone is left.
#[tokio::test(start_paused = true)]
async fn what_was_done_alike_in_each_account_is_written() {
    let folder = crate::support::root().join(format!("target/test-manifests/drift-alike-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let account = |id: &str, label: &str| format!("[accounts.{label}]\nid = \"{id}\"\nou = \"Workloads\"\n");
    std::fs::write(folder.join("accounts.toml"), account(TRUSTING, "one") + &account("333333333333", "two")).unwrap();
    std::fs::write(folder.join("crossrole.toml"), "").unwrap();
    let text = "name = \"alike\"\n[trusting]\naccounts = \"ou:Workloads\"\n[roles.Two]\ndescription = \"Looks\"\nmax_session = \"1h\"\n\
                [[roles.Two.trust]]\nservice = \"ec2.amazonaws.com\"\n";
    let path = folder.join("alike.toml");
    std::fs::write(&path, text).unwrap();
    let (config, file) = (folder.join("crossrole.toml").display().to_string(), path.display().to_string());
    let place = Place::new(Options::default());
    let run = async |words: &[&str]| place.run(&[words, &["--config", &config, &file]].concat()).await;
    let said = run(&["apply", "--auto-approve", "--quiet"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    let by_hand = [("RoleName", "Two"), ("Description", "Looks into all"), ("MaxSessionDuration", "7200")];
    for id in [TRUSTING, "333333333333"] {
        place.iam(id, "UpdateRole", &by_hand).await;
        place.iam(id, "TagRole", &[("RoleName", "Two"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")]).await;
    }
    let puts = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"arn:aws:s3:::other/*"}]}"#;
    place.iam(TRUSTING, "PutRolePolicy", &[("RoleName", "Two"), ("PolicyName", "theirs"), ("PolicyDocument", puts)]).await;
    let said = run(&["drift", "--sandbox", "--write"]).await;
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(["description = \"Looks into all\"", "max_session = \"2h\"", "team = \"x\""].iter().all(|line| written.contains(line)), "{written}{}", said.err);
    let left: Vec<&str> = said.err.lines().filter(|line| line.starts_with("left: ")).collect();
    let expected =
        "left: 222222222222/role/Two: inline policy theirs: what says it says more, and would change 333333333333/role/Two as well; `apply` takes it away";
    assert_eq!(left, [expected], "{}", said.err);
    // What is otherwise in one of them stays what it is in the manifest.
    place.iam(TRUSTING, "UpdateRole", &[("RoleName", "Two"), ("Description", "Alone"), ("MaxSessionDuration", "10800")]).await;
    place.iam("333333333333", "UpdateRole", &[("RoleName", "Two"), ("Description", "Looks into all"), ("MaxSessionDuration", "10800")]).await;
    let said = run(&["drift", "--sandbox", "--write"]).await;
    assert!(
        said.err.contains("role/Two: description: what says it says more, and would change 333333333333/role/Two as well; `apply` puts it back"),
        "{}",
        said.err
    );
    assert!(std::fs::read_to_string(&path).unwrap().contains("max_session = \"3h\""));
}

/// What is said to be written is written.
#[tokio::test(start_paused = true)]
async fn what_could_not_be_written_is_not_said_to_be() {
    let (place, path) = place("unwritten").await;
    place.iam(TRUSTING, "UpdateRole", &[("RoleName", "Reader"), ("Description", "by hand"), ("MaxSessionDuration", "3600")]).await;
    // Where the new text would be put beside the old one stands something.
    let in_the_way = format!("{path}.part-{}", std::process::id());
    std::fs::create_dir(&in_the_way).unwrap();
    let before = std::fs::read_to_string(&path).unwrap();
    let said = drift(&place, &["--write", "--json"], &path).await;
    assert!(said.exit == Exit::Failed && !said.out.contains("\"written\"") && said.err.contains("can't be written"), "{}{}", said.out, said.err);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), before);
    std::fs::remove_dir(&in_the_way).unwrap();
    assert!(drift(&place, &["--write", "--json"], &path).await.out.contains("\"written\""));
}

pub(crate) async fn kms(place: &Place, operation: &str, input: &serde_json::Value) -> String {
    let root = crate::support::Credentials { key: TRUSTING.to_owned(), ..crate::support::Credentials::default() };
    let (status, body) = place.kms_as(&root, "us-east-1", operation, input).await;
    assert_eq!(status, 200, "{operation}: {body}");
    body
}

/// The id of the key of the manifest.
pub(crate) async fn key_of(place: &Place) -> String {
    let described: serde_json::Value = serde_json::from_str(&kms(place, "DescribeKey", &serde_json::json!({ "KeyId": "alias/data" })).await).unwrap();
    described["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
}

/// A key that is off is drift, though no plan switches it on: nobody reads what it encrypts.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_off_is_drift() {
    let text = "name = \"off\"\n[trusting]\naccount = \"222222222222\"\n[keys.data]\ncreate = true\n";
    for (operation, expected) in [("DisableKey", "is disabled"), ("ScheduleKeyDeletion", "is to be deleted"), ("DisableKeyRotation", "rotation")] {
        let place = Place::new(Options::default());
        let file = manifest(&format!("drift-off-{operation}"), text);
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        assert_eq!(drift(&place, &[], &file).await.exit, Exit::Clean);
        kms(&place, operation, &serde_json::json!({ "KeyId": key_of(&place).await })).await;
        let comment = format!("{file}.md");
        let said = drift(&place, &[&format!("--report=markdown={comment}")], &file).await;
        assert_eq!(said.exit, Exit::Changes, "{operation}: {}{}", said.out, said.err);
        assert!(!said.out.starts_with("Drift: none") && said.out.contains(expected), "{operation}: {}", said.out);
        assert!(!std::fs::read_to_string(comment).unwrap().contains(": none"), "{operation}");
        let junit = format!("{file}.xml");
        drift(&place, &[&format!("--report=junit={junit}")], &file).await;
        assert!(std::fs::read_to_string(junit).unwrap().contains("<failure "), "{operation}");
        let value: serde_json::Value = serde_json::from_str(&drift(&place, &["--json"], &file).await.out).unwrap();
        let off = usize::from(operation != "DisableKeyRotation");
        assert_eq!(value["drift_keys"].as_array().unwrap().len(), off, "{operation}: {value:#}");
        // What else was done to it is shown as well.
        if operation == "DisableKey" {
            kms(&place, "UpdateKeyDescription", &serde_json::json!({ "KeyId": key_of(&place).await, "Description": "by hand" })).await;
            let said = drift(&place, &[], &file).await;
            assert!(said.exit == Exit::Changes && said.out.contains("description: by hand -> none"), "{}", said.out);
        }
    }
}

/// A key of somebody else's that encrypts what is declared counts, too.
#[tokio::test(start_paused = true)]
async fn a_key_of_a_bucket_that_is_off_is_drift() {
    let place = Place::new(Options::default());
    let key = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    assert!(place.sandbox.add_key(key));
    let text = format!("name = \"off\"\n[trusting]\naccount = \"222222222222\"\n[buckets.sealed]\ncreate = true\nencryption = {{ kms_key = \"{key}\" }}\n");
    let file = manifest("drift-off-bucket", &text);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert_eq!(drift(&place, &[], &file).await.exit, Exit::Clean);
    kms(&place, "DisableKey", &serde_json::json!({ "KeyId": key })).await;
    let said = drift(&place, &[], &file).await;
    assert!(said.exit == Exit::Changes && said.out.starts_with("Drift: 1 key can't be used."), "{}", said.out);
}

/// A mark that somebody made up, a quota that is full, or a statement that nothing can stand beside hides nothing either.
#[tokio::test(start_paused = true)]
async fn what_is_withheld_for_whatever_reason_is_shown_as_drift() {
    let text = "name = \"held\"\n[trusting]\naccount = \"222222222222\"\n[buckets.held]\ncreate = true\n[roles.Reader]\ndescription = \"reads\"\n\
                [[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.Reader.allow]]\nbucket = \"held\"\naccess = \"get\"\n";
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"sts:AssumeRole"}]}"#;
    let mark = [("Tags.member.1.Key", "crossrole:revoked-0123456789abcdef"), ("Tags.member.1.Value", "2026-01-01T00:00:00Z")];
    let place = Place::new(Options::default());
    let path = manifest("drift-held-mark", text);
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    place.iam(TRUSTING, "UpdateAssumeRolePolicy", &[("RoleName", "Reader"), ("PolicyDocument", open)]).await;
    place.iam(TRUSTING, "TagRole", &[&[("RoleName", "Reader")][..], &mark].concat()).await;
    let said = drift(&place, &[], &path).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert!(said.out.contains("was revoked at") && said.out.contains("~ role Reader") && said.out.contains("999999999999"), "{}", said.out);
    assert!(said.out.contains("any principal of 999999999999 that its own policies let gains sts:AssumeRole"), "{}", said.out);
    // A role that somebody filled up.
    let place = Place::new(Options::default());
    let path = manifest("drift-held-quota", &text.replace("[[roles.Reader.trust]]", "foreign_policies = \"keep\"\n[[roles.Reader.trust]]"));
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    place.iam(TRUSTING, "DeleteRolePolicy", &[("RoleName", "Reader"), ("PolicyName", "crossrole")]).await;
    place.iam(TRUSTING, "UpdateAssumeRolePolicy", &[("RoleName", "Reader"), ("PolicyDocument", open)]).await;
    let long: Vec<String> = (0..300).map(|at| format!("\"arn:aws:s3:::some-rather-long-bucket-{at}\"")).collect();
    let full = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:ListBucket","Resource":[{}]}}]}}"#, long[..237].join(","));
    place.iam(TRUSTING, "PutRolePolicy", &[("RoleName", "Reader"), ("PolicyName", "full"), ("PolicyDocument", &full)]).await;
    let said = drift(&place, &[], &path).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert!(said.out.contains("over AWS's limit") && said.out.contains("~ role Reader") && said.out.contains("999999999999"), "{}", said.out);
    // A statement of the bucket's policy that names somebody who is gone, beside which nothing can be put.
    let place = Place::new(Options::default());
    let path = manifest("drift-held-policy", text);
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    place.iam(TRUSTING, "CreateUser", &[("UserName", "gone")]).await;
    let only = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Only","Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::222222222222:user/gone"},"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::held/*"}]}"#;
    assert_eq!(place.s3(TRUSTING, "PUT", "/held", "policy", only).await.0, 204);
    place.iam(TRUSTING, "DeleteUser", &[("UserName", "gone")]).await;
    let said = drift(&place, &[], &path).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    assert!(said.out.contains("a foreign statement denies everyone but") && said.out.contains("~ bucket-policy held"), "{}", said.out);
}

/// What an object names may be nowhere, and it may lie elsewhere: what somebody did to it shows all the same.
#[tokio::test(start_paused = true)]
async fn what_names_nobody_or_lies_elsewhere_is_shown_as_drift() {
    let text = "name = \"held\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n\
                [trusted.dev.users.ann]\ntags = { team = \"data\" }\n[buckets.held]\ncreate = true\nversioning = true\n\
                [roles.Reader]\n[[roles.Reader.trust]]\nuser = \"dev/bob\"\n";
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"sts:AssumeRole"}]}"#;
    let place = Place::new(Options::default());
    place.iam("111111111111", "CreateUser", &[("UserName", "bob")]).await;
    let path = manifest("drift-held-names", text);
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    place.iam(TRUSTING, "UpdateAssumeRolePolicy", &[("RoleName", "Reader"), ("PolicyDocument", open)]).await;
    let policy = ("PolicyArn", "arn:aws:iam::111111111111:policy/crossrole/caller/crossrole-caller-user-bob");
    place.iam("111111111111", "DetachUserPolicy", &[("UserName", "bob"), policy]).await;
    place.iam("111111111111", "DeleteUser", &[("UserName", "bob")]).await;
    let off = "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>";
    assert_eq!(place.s3(TRUSTING, "PUT", "/held", "versioning", off).await.0, 200);
    place.iam("111111111111", "UntagUser", &[("UserName", "ann"), ("TagKeys.member.1", "team")]).await;
    let moved = text
        .replace("[trusted.dev.users.ann]", "[trusted.dev.users.ann]\npath = \"/people/\"")
        .replace("create = true", "create = true\nregion = \"eu-west-1\"");
    for (text, held) in [(text, ["it needs user bob, which does not exist"].as_slice()), (&moved, &["it lies in us-east-1", "it exists under the path `/`"])] {
        let said = drift(&place, &[], &manifest("drift-held-names", text)).await;
        assert_eq!(said.exit, Exit::Failed, "{}", said.out);
        for line in held.iter().chain(&["~ role Reader", "999999999999", "~ bucket held", "~ user ann", "team"]) {
            assert!(said.out.contains(line), "{line}: {}", said.out);
        }
        assert!(said.out.contains("any principal of 999999999999 that its own policies let gains sts:AssumeRole"), "{}", said.out);
        assert!(!said.out.contains("region:") && !said.out.contains("/people/ ->"), "{}", said.out);
    }
}

const MORE: &str = r#"name = "more"
[trusting]
account = "222222222222"

[oidc_providers.github] # theirs
url = "https://token.actions.githubusercontent.com"

[oidc_providers.other]
url = "https://login.example.com"
client_ids = ["one"] # the first

[keys.store] # of the store
create = true
alias = "data"
description = "seals" # what for
rotation_days = 180
tags = { team = "data" }

[roles.First]
[[roles.First.trust]] # one
service = "ec2.amazonaws.com"
"#;

/// A name, an operation of IAM, and its parameters.
type NamedHand<'h> = (&'h str, &'h str, Vec<(&'h str, String)>);

/// Further entries of a trust, what a made key has, and audiences are written back; comments stay.
#[tokio::test(start_paused = true)]
async fn trusts_keys_and_providers_are_written_back() {
    let statement = |who: &str, more: &str| format!(r#"{{"Effect":"Allow","Principal":{who},"Action":"sts:AssumeRole"{more}}}"#);
    let first = statement(r#"{"Service":"ec2.amazonaws.com"}"#, "");
    let trust = |others: &[String]| format!(r#"{{"Version":"2012-10-17","Statement":[{first},{}]}}"#, others.join(","));
    let (alike, account) = (statement(r#"{"Service":"lambda.amazonaws.com"}"#, ""), statement(r#"{"AWS":"arn:aws:iam::333333333333:root"}"#, ""));
    let mfa = statement(r#"{"AWS":"arn:aws:iam::444444444444:root"}"#, r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#);
    let hands: [NamedHand<'_>; 7] = [
        ("trust alike", "UpdateAssumeRolePolicy", vec![("PolicyDocument", trust(std::slice::from_ref(&alike)))]),
        ("trust of an account", "UpdateAssumeRolePolicy", vec![("PolicyDocument", trust(std::slice::from_ref(&account)))]),
        ("trust of three", "UpdateAssumeRolePolicy", vec![("PolicyDocument", trust(&[alike, account, mfa]))]),
        (
            "unsaid audience",
            "AddClientIDToOpenIDConnectProvider",
            vec![("OpenIDConnectProviderArn", "token.actions.githubusercontent.com".to_owned()), ("ClientID", "two".to_owned())],
        ),
        ("audience", "AddClientIDToOpenIDConnectProvider", vec![("OpenIDConnectProviderArn", "login.example.com".to_owned()), ("ClientID", "two".to_owned())]),
        ("settings", "UpdateRole", vec![("Description", "by hand".to_owned()), ("MaxSessionDuration", "7200".to_owned())]),
        ("key", "", Vec::new()),
    ];
    let mut written = String::new();
    for (name, action, parameters) in hands {
        let place = Place::new(Options::default());
        let path = manifest("drift-more", MORE);
        place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
        if action.is_empty() {
            let id = key_of(&place).await;
            kms(&place, "UpdateKeyDescription", &serde_json::json!({ "KeyId": id, "Description": "by hand" })).await;
            kms(&place, "EnableKeyRotation", &serde_json::json!({ "KeyId": id, "RotationPeriodInDays": 90 })).await;
            kms(&place, "TagResource", &serde_json::json!({ "KeyId": id, "Tags": [{ "TagKey": "by", "TagValue": "hand" }] })).await;
        } else {
            let arn = |value: &String| format!("arn:aws:iam::222222222222:oidc-provider/{value}");
            let mut all: Vec<(&str, String)> =
                parameters.iter().map(|(key, value)| (*key, if key.ends_with("Arn") { arn(value) } else { value.clone() })).collect();
            if !action.contains("ClientID") {
                all.push(("RoleName", "First".to_owned()));
            }
            place.iam(TRUSTING, action, &all.iter().map(|(key, value)| (*key, value.as_str())).collect::<Vec<_>>()).await;
        }
        let said = drift(&place, &["--write"], &path).await;
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(said.exit == Exit::Changes && !said.err.contains("left: "), "{name}: {}{}{text}", said.out, said.err);
        assert_eq!(comments(&text), comments(MORE), "{name}: {text}");
        assert!(place.good(&["plan", &path]).await.contains("No changes."), "{name}: {text}");
        let diff = similar::TextDiff::from_lines(MORE, &text);
        let lines = diff.iter_all_changes().filter(|change| change.tag() != similar::ChangeTag::Equal).map(|change| format!("{}{change}", change.tag()));
        written += &format!("## {name}\n{}\n", lines.collect::<String>());
    }
    insta::assert_snapshot!("drift_written_more", written);
}

/// Each thing that is left has a reason of its own, for machines as well.
#[tokio::test(start_paused = true)]
async fn what_is_left_has_its_own_reason() {
    let place = Place::new(Options::default());
    let path = manifest("drift-reasons", MORE);
    place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
    kms(&place, "DisableKeyRotation", &serde_json::json!({ "KeyId": key_of(&place).await })).await;
    let refused = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"},{"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::333333333333:root"},"Action":"sts:AssumeRole"}]}"#;
    place.iam(TRUSTING, "UpdateAssumeRolePolicy", &[("RoleName", "First"), ("PolicyDocument", refused)]).await;
    let tags = [("Tags.member.1.Key", "crossrole:manifest"), ("Tags.member.1.Value", "more")];
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    place.iam(TRUSTING, "CreateRole", &[&[("RoleName", "Stray"), ("AssumeRolePolicyDocument", trust)][..], &tags].concat()).await;
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}"#;
    place.iam(TRUSTING, "CreatePolicy", &[&[("PolicyName", "Stray"), ("PolicyDocument", document)][..], &tags].concat()).await;
    let said = drift(&place, &["--write", "--json"], &path).await;
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    let all = value["left_because"].as_array().unwrap();
    let left: Vec<[&str; 3]> = all.iter().map(|one| ["address", "because", "undone"].map(|key| one[key].as_str().unwrap())).collect();
    let expected = [
        ["222222222222/policy/Stray", "undeclared", "destroyed"],
        ["222222222222/role/First", "no-words", "put-back"],
        ["222222222222/role/Stray", "undeclared", "taken-away"],
        ["222222222222/key/us-east-1/alias/data", "no-words", "put-back"],
    ];
    assert_eq!(left, expected, "{}", said.err);
    assert_eq!(value["left"].as_array().unwrap().len(), 4);
    for expected in [
        "left: 222222222222/role/Stray: no manifest declares it, and it is ours; `apply` takes it away",
        "left: 222222222222/policy/Stray: no manifest declares it, and it is ours; `apply` does not look for it, and `destroy --target` takes it away",
        "left: 222222222222/key/us-east-1/alias/data: rotation: a manifest has no words for what is live; `apply` puts it back",
    ] {
        assert!(said.err.contains(expected), "{}", said.err);
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), MORE);
}
