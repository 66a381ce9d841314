//! Buckets, their settings, and our statements among others' in their policies.

use crossrole_model::observed::Observation;
use crossrole_model::state::{BucketPolicyState, PublicAccessBlock, Tags};
use crossrole_model::{AccountId, Kind, Observed, ownership};
use crossrole_policy::{Document, parse};

use crate::rows::{PROD, manifest, row};
use crate::world::bucket;

const OURS: &str = r#"
[buckets.data-bucket]
[[buckets.data-bucket.allow]]
account = "dev"
access = "get"
"#;

fn put(estate: &mut Observed, text: &str) {
    bucket(estate, "data-bucket").policy = Observation::Known(BucketPolicyState { document: Some(parse(text).unwrap()) });
}

fn add(estate: &mut Observed, statement: &str) {
    let more = parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)).unwrap().statements;
    let found = bucket(estate, "data-bucket");
    let mut whole = found.policy.known().unwrap().document.clone().unwrap_or_else(|| Document::new(Vec::new()));
    whole.statements.extend(more);
    found.policy = Observation::Known(BucketPolicyState { document: Some(whole) });
}

const THEIRS: &str = r#"{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::data-bucket/*"}"#;
const HALF: &str = r#"{"Sid":"Half","Effect":"Allow","Principal":{"AWS":["AROAEXAMPLEEXAMPLE123","333333333333"]},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data-bucket/*"}"#;
const DEAD: &str =
    r#"{"Sid":"Dead","Effect":"Allow","Principal":{"AWS":"AIDAEXAMPLEEXAMPLE123"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data-bucket/*"}"#;
const EXCEPT: &str =
    r#"{"Sid":"Except","Effect":"Deny","NotPrincipal":{"AWS":"AROAEXAMPLEEXAMPLE123"},"Action":"s3:*","Resource":"arn:aws:s3:::data-bucket/*"}"#;

/// What others have in the policy is what it was after each plan of this table.
#[track_caller]
fn keeps_theirs(row: crate::rows::Row, expected: &[&str]) {
    let (_, plan) = row.planned();
    for change in &plan.changes {
        let theirs = |state: &Option<crossrole_model::ObjectState>| match state {
            Some(crossrole_model::ObjectState::BucketPolicy(policy)) => {
                let document = policy.document.clone().unwrap_or_default();
                document.statements.into_iter().filter(|s| !s.sid().starts_with(&ownership::sid_prefix("m"))).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        };
        assert_eq!(theirs(&change.before), theirs(&change.after));
    }
    row.plans(expected);
}

#[test]
fn our_statements_in_a_policy_of_many() {
    keeps_theirs(row("into none", OURS), &["+ bucket-policy/data-bucket (Missing): PutBucketPolicy"]);
    keeps_theirs(row("beside theirs", OURS).then(|e| add(e, THEIRS)), &["~ bucket-policy/data-bucket (Missing): PutBucketPolicy"]);
    keeps_theirs(row("there already, in another order", OURS).after(OURS).then(|e| add(e, THEIRS)), &[]);
    keeps_theirs(
        row("changed", &OURS.replace("\"get\"", "\"put\"")).after(OURS).then(|e| add(e, THEIRS)),
        &["~ bucket-policy/data-bucket (Statements): PutBucketPolicy"],
    );
    keeps_theirs(
        row("gone, and theirs stay", "[buckets.data-bucket]\n").after(OURS).then(|e| add(e, THEIRS)),
        &["~ bucket-policy/data-bucket (NotInManifest): PutBucketPolicy"],
    );
    keeps_theirs(
        row("gone, and the policy with them", "[buckets.data-bucket]\n").after(OURS),
        &["- bucket-policy/data-bucket (NotInManifest): DeleteBucketPolicy"],
    );
    keeps_theirs(
        row("another manifest's are theirs", OURS).after_manifest(&manifest(OURS).replace("\"m\"", "\"n\"").replace("\"get\"", "\"list\"")),
        &["~ bucket-policy/data-bucket (Missing): PutBucketPolicy"],
    );
    keeps_theirs(
        row("in the old language, without a variable of ours", OURS).then(|e| put(e, &format!(r#"{{"Id":"Old","Statement":[{THEIRS}]}}"#))),
        &["~ bucket-policy/data-bucket (Missing): PutBucketPolicy"],
    );
    keeps_theirs(
        row("in the old language, which only ours spoke", OURS).then(|e| {
            put(
                e,
                &format!(
                    r#"{{"Statement":[{{"Sid":"{}Old","Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data-bucket/*"}}]}}"#,
                    ownership::sid_prefix("m")
                ),
            );
        }),
        &["~ bucket-policy/data-bucket (Statements): PutBucketPolicy"],
    );
}

#[test]
fn principals_that_no_longer_exist() {
    row("beside others", OURS).then(|e| add(e, HALF)).plans(&[
        "~ bucket-policy/data-bucket (Missing): PutBucketPolicy",
        "  > Dropped(Dropped { sid: \"Half\", ids: {\"AROAEXAMPLEEXAMPLE123\"}, whole: false })",
    ]);
    row("alone in their statement", OURS).then(|e| add(e, DEAD)).then(|e| add(e, THEIRS)).plans(&[
        "~ bucket-policy/data-bucket (Missing): PutBucketPolicy",
        "  > Dropped(Dropped { sid: \"Dead\", ids: {\"AIDAEXAMPLEEXAMPLE123\"}, whole: true })",
    ]);
    row("all that a statement excepts", OURS).then(|e| add(e, EXCEPT)).plans(&["! bucket-policy/data-bucket: Unmergeable(DeadException { sid: \"Except\" })"]);
    row("left alone where ours are as they should be", OURS).after(OURS).then(|e| add(e, HALF)).plans(&[]);
    row("in a statement of ours", OURS)
        .after(OURS)
        .then(|e| {
            let text = bucket(e, "data-bucket").policy.known().unwrap().document.as_ref().unwrap().to_json();
            put(e, &text.replace("arn:aws:iam::111111111111:root", "AROAEXAMPLEEXAMPLE123"));
        })
        .plans(&["~ bucket-policy/data-bucket (OrphanedPrincipal(\"AROAEXAMPLEEXAMPLE123\"), Statements): PutBucketPolicy"]);
}

#[test]
fn what_can_not_be_put_in() {
    let variable = OURS.replace(
        "access = \"get\"",
        "actions = \"s3:GetObject\"\nprefix = \"home/\"\nconditions = { StringEquals = { \"aws:username\" = \"${aws:PrincipalTag/owner}\" } }",
    );
    row("a variable into the old language", &variable)
        .then(|e| put(e, &format!(r#"{{"Statement":[{THEIRS}]}}"#)))
        .plans(&["! bucket-policy/data-bucket: Unmergeable(OldLanguage)"]);
    row("beside too much", OURS)
        .then(|e| {
            let long = "x".repeat(20_200);
            add(e, &THEIRS.replace("data-bucket/*", &format!("data-bucket/{long}/*")));
        })
        .plans(&["! bucket-policy/data-bucket: Quota { quota: BucketPolicy, size: 20533, limit: 20480 }"]);
    row("into a bucket that is not there", OURS).then(|e| e.buckets.clear()).plans(&["! bucket-policy/data-bucket: NoBucket"]);
    let (_, plan) = row("near the quota", OURS).then(|e| add(e, &THEIRS.replace("data-bucket/*", &"x".repeat(17_000)))).planned();
    assert_eq!(plan.meters.iter().map(|m| m.limit).collect::<Vec<_>>(), [20_480]);
}

const MADE: &str = r#"
[buckets.logs-bucket]
create = true
[buckets.made-bucket]
create = true
versioning = true
encryption = "AES256"
public_access_block = true
ownership = "BucketOwnerEnforced"
logging = { bucket = "logs-bucket", prefix = "made/" }
tags = { team = "data" }
"#;

fn made(estate: &mut Observed) -> &mut crossrole_model::state::BucketState {
    &mut bucket(estate, "made-bucket").state
}

#[test]
fn buckets_that_are_made() {
    row("with all their settings", MADE).plans(&["+ bucket/logs-bucket (Missing): CreateBucket PutBucketTagging", "+ bucket/made-bucket (Missing): CreateBucket PutBucketTagging PutPublicAccessBlock PutBucketOwnershipControls PutBucketEncryption PutBucketVersioning PutBucketLogging", "+ bucket-policy/logs-bucket (Missing): PutBucketPolicy"]);
    row("with none", "[buckets.made-bucket]\ncreate = true\n").plans(&["+ bucket/made-bucket (Missing): CreateBucket PutBucketTagging"]);
    row("there already", MADE).after(MADE).plans(&[]);
    row("logging into each other", &MADE.replace("[buckets.logs-bucket]\ncreate = true\n", "[buckets.logs-bucket]\ncreate = true\nlogging = { bucket = \"made-bucket\" }\n"))
        .plans(&["+ bucket/logs-bucket (Missing): CreateBucket PutBucketTagging PutBucketLogging", "+ bucket/made-bucket (Missing): CreateBucket PutBucketTagging PutPublicAccessBlock PutBucketOwnershipControls PutBucketEncryption PutBucketVersioning PutBucketLogging", "+ bucket-policy/logs-bucket (Missing): PutBucketPolicy", "+ bucket-policy/made-bucket (Missing): PutBucketPolicy"]);
}

#[test]
fn each_setting_that_differs() {
    row("versioning", MADE).after(MADE).then(|e| made(e).versioning = Some(false)).plans(&["~ bucket/made-bucket (Versioning): PutBucketVersioning"]);
    row("encryption", &MADE.replace("\"AES256\"", "{ kms_key = \"arn:aws:kms:us-east-1:222222222222:key/1\" }"))
        .first(|e| {
            crate::world::add_key(
                e,
                "arn:aws:kms:us-east-1:222222222222:key/1",
                r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}]}"#,
            );
        })
        .after(MADE)
        .plans(&["~ bucket/made-bucket (Encryption): PutBucketEncryption"]);
    row("public access block", MADE)
        .after(MADE)
        .then(|e| made(e).public_access_block = Some(crossrole_model::state::PublicAccessBlock::all(false)))
        .plans(&["~ bucket/made-bucket (PublicAccessBlock): PutPublicAccessBlock"]);
    row("ownership", MADE)
        .after(MADE)
        .then(|e| made(e).ownership = Some("ObjectWriter".into()))
        .plans(&["~ bucket/made-bucket (ObjectOwnership): PutBucketOwnershipControls"]);
    row("logging", MADE).after(MADE).then(|e| made(e).logging = Some(None)).plans(&["~ bucket/made-bucket (Logging): PutBucketLogging"]);
    row("tags, our mark first", &MADE.replace("team = \"data\"", "team = \"logs\""))
        .after(MADE)
        .then(|e| made(e).versioning = Some(false))
        .plans(&["~ bucket/made-bucket (Tags, Versioning): PutBucketTagging PutBucketVersioning"]);
    row("a setting that is not stated any more", &MADE.replace("versioning = true\n", "")).after(MADE).plans(&[]);
}

#[test]
fn buckets_that_are_not_ours_to_set() {
    row("without a mark", MADE).after(MADE).then(|e| made(e).tags = Some(Tags::new())).plans(&["! bucket/made-bucket: Unmarked crossrole:manifest=m"]);
    row("without a mark, adopted", &MADE.replace("[buckets.made-bucket]", "[buckets.made-bucket]\nadopt = true"))
        .after(MADE)
        .then(|e| made(e).tags = Some(Tags::new()))
        .plans(&["~ bucket/made-bucket (Adopted, Tags): PutBucketTagging"]);
    row("of another manifest", MADE)
        .after(MADE)
        .then(|e| made(e).tags = Some(Tags::from([("crossrole:manifest".into(), "other".into())])))
        .plans(&["! bucket/made-bucket: Owned(\"other\")"]);
    row("in another region", MADE)
        .after(MADE)
        .then(|e| made(e).region = "eu-west-1".into())
        .plans(&["! bucket/made-bucket: Region { found: \"eu-west-1\", wanted: \"us-east-1\" }"]);
}

/// Only buckets that live roles of ours name are found again once no manifest names them.
#[test]
fn buckets_that_are_no_longer_declared() {
    let role = r#"
        [roles.Reader]
        [[roles.Reader.trust]]
        service = "ec2.amazonaws.com"
        [[roles.Reader.allow]]
        bucket = "made-bucket"
        access = "read"
    "#;
    row("go, and the statements in their policies", "").after(&format!("[buckets.made-bucket]\ncreate = true\n{role}")).plans(&[
        "- role/Reader (NotInManifest): DeleteRolePolicy DeleteRole",
        "  > SessionsEnd",
        "- bucket/made-bucket (NotInManifest): DeleteBucket",
        "  > ObjectsStay",
        "- bucket-policy/made-bucket (NotInManifest): DeleteBucketPolicy",
    ]);
    row("destroyed", MADE).after(MADE).destroyed().plans(&[
        "- bucket/logs-bucket (Destroy): DeleteBucket",
        "  > ObjectsStay",
        "- bucket/made-bucket (Destroy): DeleteBucket",
        "  > ObjectsStay",
        "- bucket-policy/logs-bucket (Destroy): DeleteBucketPolicy",
    ]);
    row("destroyed, with a statement of somebody else's", MADE)
        .after(MADE)
        .then(|e| {
            let document = parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{THEIRS}]}}"#)).unwrap();
            bucket(e, "made-bucket").policy = Observation::Known(BucketPolicyState { document: Some(document) });
        })
        .destroyed()
        .plans(&[
            "- bucket/logs-bucket (Destroy): DeleteBucket",
            "  > ObjectsStay",
            "- bucket/made-bucket (Destroy): DeleteBucket",
            "  > ObjectsStay",
            "  > StatementGoes(\"Theirs\")",
            "- bucket-policy/logs-bucket (Destroy): DeleteBucketPolicy",
        ]);
    row("destroyed, and another manifest lets somebody in by it", MADE)
        .after(MADE)
        .then(|e| {
            let another = THEIRS.replace("\"Theirs\"", "\"Crossrole12345678abc\"").replace("\"Deny\"", "\"Allow\"");
            let document = parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{another}]}}"#)).unwrap();
            bucket(e, "made-bucket").policy = Observation::Known(BucketPolicyState { document: Some(document) });
        })
        .destroyed()
        .plans(&[
            "- bucket/logs-bucket (Destroy): DeleteBucket",
            "  > ObjectsStay",
            "- bucket-policy/logs-bucket (Destroy): DeleteBucketPolicy",
            "? bucket/made-bucket: Used",
        ]);
    row("our statements are taken back, the bucket is theirs", OURS)
        .after(OURS)
        .then(|e| add(e, THEIRS))
        .destroyed()
        .plans(&["~ bucket-policy/data-bucket (Destroy): PutBucketPolicy"]);
}

/// A manifest that is not of this run lets somebody in by a bucket of ours: what we let goes, and the bucket stays.
#[test]
fn a_bucket_that_another_manifest_uses_stays_and_our_statements_go() {
    let lets = format!(
        "{MADE}[[buckets.made-bucket.allow]]\naccount = \"dev\"\naccess = \"get\"\n[roles.Reader]\n[[roles.Reader.trust]]\naccount = \"dev\"\n\
         [[roles.Reader.allow]]\nbucket = \"made-bucket\"\naccess = \"get\"\n"
    );
    let another = |e: &mut Observed| {
        let another = THEIRS.replace("\"Theirs\"", "\"Crossrole12345678abc\"").replace("\"Deny\"", "\"Allow\"").replace("\"*\"", "{\"AWS\":\"333333333333\"}");
        let statements = parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{another}]}}"#)).unwrap().statements;
        let Observation::Known(BucketPolicyState { document: Some(document) }) = &mut bucket(e, "made-bucket").policy else { panic!("no policy") };
        document.statements.extend(statements);
    };
    for (row, reason) in [(row("destroyed", &lets).destroyed(), "Destroy"), (row("no longer declared", ""), "NotInManifest")] {
        let (_, plan) = row.after(&lets).then(another).planned();
        let said = crate::rows::lines(&plan);
        assert!(said.contains(&format!("~ bucket-policy/made-bucket ({reason}): PutBucketPolicy")), "{said:#?}");
        assert!(said.contains(&"? bucket/made-bucket: Used".to_owned()), "{said:#?}");
    }
}

/// Manifests after which only a policy of ours tells of a bucket, or of a key, once they say nothing more.
pub(crate) fn found_by_policies() -> Vec<(&'static str, String)> {
    let lou = "[trusted.dev.users.lou]\n[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\nuser = \"dev/lou\"\naccess = \"read\"\n";
    let role = "[buckets.data-bucket]\n[roles.Reader]\n[[roles.Reader.trust]]\naccount = \"dev\"\n[[roles.Reader.allow]]\nbucket = \"data-bucket\"\naccess = \"read\"\n";
    let app = "[buckets.data-bucket]\n[roles.Reader]\n[[roles.Reader.trust]]\nrole = \"trusting/App\"\n[roles.App]\n[[roles.App.trust]]\nservice = \"ec2.amazonaws.com\"\n\
               [[buckets.data-bucket.allow]]\nrole = \"trusting/App\"\naccess = \"read\"\n";
    vec![("a caller's policy", lou.to_owned()), ("a role's own policy", role.to_owned()), ("the policy of a role that is let in", app.to_owned())]
}

/// What nothing but a policy of ours tells of goes before that policy does, whether that goes or is written anew. (`check` holds it, in each
/// plan of these tables.)
#[test]
fn what_alone_tells_of_a_bucket_goes_after_our_statements_there() {
    for (what, before) in found_by_policies() {
        // The same on another bucket, so that what tells of the first is written anew.
        let other = before.replace("data-bucket", "other-bucket").replace("[buckets.other-bucket]", "[buckets.other-bucket]\ncreate = true");
        for (now, after) in [("gone", ""), ("something else is let", other.as_str())] {
            let (_, plan) = row("", after).after(&before).planned();
            let gone: Vec<usize> = (0..plan.steps.len()).filter(|at| plan.steps[*at].call.operation() == "DeleteBucketPolicy").collect();
            assert_eq!(gone.len(), 1, "{what}, {now}: {:#?}", crate::rows::lines(&plan));
            let waits = |at: usize| {
                let mut open = vec![at];
                while let Some(next) = open.pop() {
                    if next == gone[0] {
                        return true;
                    }
                    open.extend(plan.steps[next].needs.iter().map(|need| need.0));
                }
                false
            };
            let tell: Vec<usize> = (0..plan.steps.len())
                .filter(|at| {
                    let before = plan.changes[plan.steps[*at].change].before.as_ref();
                    before.is_some_and(|state| {
                        state.statements().iter().any(|s| s.resource.as_ref().is_some_and(|r| r.values.iter().any(|v| v.contains(":data-bucket"))))
                    })
                })
                .collect();
            assert!(!tell.is_empty() && tell.iter().all(|at| waits(*at)), "{what}, {now}: {:#?}", plan.steps);
        }
    }
}

const PUBLIC: &str = r#"{"Sid":"Pub","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data-bucket/*"}"#;
const LIMITED: &str = r#"{"Sid":"Pub","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data-bucket/*","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}}}"#;

fn open(e: &mut Observed, block: Option<bool>) {
    add(e, PUBLIC);
    bucket(e, "data-bucket").state.public_access_block = block.map(crossrole_model::state::PublicAccessBlock::all);
}

fn own(e: &mut Observed) {
    bucket(e, "data-bucket").state.tags = Some(Tags::from([("crossrole:manifest".into(), "m".into())]));
}

/// S3 refuses whatever is written beside a statement that is public, whoever put it there, while public policies are blocked.
#[test]
fn a_policy_that_others_have_made_public() {
    let made = |block: bool| OURS.replace("[buckets.data-bucket]\n", &format!("[buckets.data-bucket]\ncreate = true\npublic_access_block = {block}\n"));
    let put = |text: &str| text.replace("\"get\"", "\"put\"");
    let held = "! bucket-policy/data-bucket: Public([\"Pub\"])";
    let written = "~ bucket-policy/data-bucket (Statements): PutBucketPolicy";
    row("more is given", &put(&made(true))).first(own).after(&made(true)).then(|e| open(e, Some(true))).plans(&[held]);
    row("what is given is taken away", "[buckets.data-bucket]\n").after(OURS).then(|e| open(e, Some(true))).plans(&[held]);
    row("destroyed", OURS).after(OURS).then(|e| open(e, Some(true))).destroyed().plans(&[held]);
    row("the block comes back with it", &put(&made(true)))
        .first(own)
        .after(&made(true))
        .then(|e| open(e, Some(false)))
        .plans(&["~ bucket/data-bucket (PublicAccessBlock): PutPublicAccessBlock", held]);
    row("nothing of ours changes", &made(true)).first(own).after(&made(true)).then(|e| open(e, Some(true))).plans(&[]);
    row("not blocked", &put(OURS)).after(OURS).then(|e| open(e, Some(false))).plans(&[written]);
    row("nobody knows of a block", &put(OURS)).after(OURS).then(|e| open(e, None)).plans(&[written]);
    row("limited", &put(OURS)).after(OURS).then(|e| add(e, LIMITED)).plans(&[written]);
}

/// A statement that is public and ours: what blocks it is the bucket's block, that of a bucket that is new, or the account's.
#[test]
fn a_public_statement_of_ours() {
    let statement = r#"[[buckets.data-bucket.statement]]
principals = "*"
actions = "s3:GetObject"
resources = "arn:aws:s3:::data-bucket/*"
"#;
    let with = |settings: &str| format!("[buckets.data-bucket]\n{settings}{statement}");
    let gone = |e: &mut Observed| drop(e.buckets.insert("data-bucket".into(), Observation::Known(None)));
    let open = |e: &mut Observed| bucket(e, "data-bucket").state.public_access_block = Some(PublicAccessBlock::all(false));
    let blocked = |e: &mut Observed| drop(e.account_blocks.insert(AccountId::parse(PROD).unwrap(), Observation::Known(PublicAccessBlock::all(true))));
    let nothing = |_: &mut Observed| ();
    let said = "create = true\npublic_access_block = false\n";
    for (settings, bucket, account, held) in [
        ("create = true\n", gone as fn(&mut Observed), nothing as fn(&mut Observed), Some("Public(")),
        (said, gone, nothing, None),
        (said, gone, blocked, Some("PublicInAccount(")),
        ("", open, blocked, Some("PublicInAccount(")),
        ("", open, nothing, None),
    ] {
        let (_, plan) = row("public", &with(settings)).first(bucket).first(account).planned();
        let causes: Vec<String> = plan.withheld.iter().map(|withheld| format!("{:?}", withheld.cause)).collect();
        assert_eq!(causes.len(), usize::from(held.is_some()), "{settings:?}: {causes:?}");
        assert!(causes.iter().zip(held).all(|(cause, held)| cause.starts_with(held)), "{settings:?}: {causes:?}");
        assert_eq!(plan.changes.iter().any(|change| change.address.kind == Kind::BucketPolicy), held.is_none(), "{settings:?}");
    }
}
