//! What was reviewed, elsewhere and later: other folders, other releases, and the rest where something has moved.

use std::path::Path;

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::Value;

use crate::support::{Closed, Place, manifest, root};

const TRUSTING: &str = "222222222222";

const MANIFEST: &str = r#"
name = "several"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[trusted.dev.users.ann]
[roles.First]
description = "first"
[[roles.First.trust]]
user = "dev/ann"
[roles.Second]
description = "second"
[[roles.Second.trust]]
service = "ec2.amazonaws.com"
"#;

/// An AWS where the manifest is applied, and a plan that was saved for another text of it.
async fn reviewed(test: &str, edits: &[(&str, &str)]) -> (Place, String, String) {
    let place = Place::new(Options::default());
    place.good(&["apply", "--auto-approve", "--quiet", &manifest(test, MANIFEST)]).await;
    let text = edits.iter().fold(MANIFEST.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    let file = manifest(test, &text);
    let plan = format!("{file}.plan");
    place.good(&["plan", "--out", &plan, &file]).await;
    (place, file, plan)
}

async fn describe(place: &Place, role: &str, text: &str) {
    place.iam(TRUSTING, "UpdateRole", &[("RoleName", role), ("Description", text)]).await;
}

fn role(place: &Place, name: &str) -> String {
    String::from_utf8_lossy(&place.sandbox.snapshot().unwrap()).split(&format!("\"{name}\"")).nth(1).unwrap_or_default().chars().take(600).collect()
}

const BOTH: [(&str, &str); 2] = [("\"first\"", "\"FIRST\""), ("\"second\"", "\"SECOND\"")];

/// One of two objects has moved: the other is carried out with `--partial`, and nothing without.
#[tokio::test(start_paused = true)]
async fn what_has_not_moved_is_carried_out_where_that_is_asked_for() {
    let (place, file, plan) = reviewed("rest", &BOTH).await;
    describe(&place, "Second", "by hand").await;
    let before = place.sandbox.snapshot().unwrap();
    let (junit, comment) = (format!("{plan}.xml"), format!("{plan}.md"));
    let reports = [format!("--report=junit={junit}"), format!("--report=markdown={comment}")];
    let read = |file: &String| std::fs::read_to_string(file).unwrap();
    let said = place.run(&["apply", "--auto-approve", "--quiet", &reports[0], &reports[1], &plan]).await;
    assert!(said.exit == Exit::Moved && place.sandbox.snapshot().unwrap() == before, "{}{}", said.out, said.err);
    assert!(read(&comment).contains("> **Refused: this is not carried out.**") && read(&comment).contains("role Second"), "{}", read(&comment));
    assert!(read(&junit).contains("<failure message=\"error: this is not the plan that was saved"), "{}", read(&junit));
    let said = place.run(&["apply", "--auto-approve", "--quiet", "--partial", &reports[0], &reports[1], &plan]).await;
    assert!(read(&comment).contains("> **This is not the plan that was reviewed: what has moved is left out.**"), "{}", read(&comment));
    let left = read(&junit).split("<testcase name=\"all that was reviewed\"").nth(1).unwrap_or_default().to_owned();
    assert!(left.contains("<skipped message=\"") && read(&junit).contains("classname=\"crossrole.apply\""), "{}", read(&junit));
    assert_eq!(said.exit, Exit::Moved, "what was left out is no success: {}{}", said.out, said.err);
    insta::assert_snapshot!("rest_of_a_moved_plan", format!("{}\n{}", said.err, said.out));
    assert!(role(&place, "First").contains("FIRST") && role(&place, "Second").contains("by hand"), "{}", role(&place, "Second"));
    let said = place.run(&["plan", &file]).await;
    assert!(said.out.contains("Plan: 0 to add, 1 to change, 0 to destroy."), "{}", said.out);
}

/// What rests on an object that has moved is not carried out either, and what nobody has reviewed never is.
#[tokio::test(start_paused = true)]
async fn what_rests_on_what_has_moved_is_left_out() {
    let edits = [("[roles.First]", "[roles.Third]\n[[roles.Third.trust]]\nuser = \"dev/ann\"\n[roles.First]"), ("\"second\"", "\"SECOND\"")];
    let (place, file, plan) = reviewed("resting", &edits).await;
    // Somebody makes the third role first, so that the caller's policy, which comes after it, is left out with it.
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let tags = [("Tags.member.1.Key", "crossrole:manifest"), ("Tags.member.1.Value", "several")];
    place.iam(TRUSTING, "CreateRole", &[&[("RoleName", "Third"), ("AssumeRolePolicyDocument", trust)][..], &tags].concat()).await;
    let said = place.run(&["apply", "--auto-approve", "--quiet", "--partial", &plan]).await;
    assert_eq!(said.exit, Exit::Moved, "{}{}", said.out, said.err);
    assert!(role(&place, "Second").contains("SECOND"));
    let said = place.run(&["plan", &file]).await;
    assert!(said.out.contains("~ role Third") && !said.out.contains("role Second"), "{}", said.out);
}

const SHARED: &str = r#"
name = "several"
[trusting]
account = "222222222222"
[buckets.papers]
create = true
[roles.Desk]
description = "desk"
[[roles.Desk.trust]]
service = "ec2.amazonaws.com"
[[roles.Desk.allow]]
bucket = "papers"
access = "read"
[roles.Other]
[[roles.Other.trust]]
service = "ec2.amazonaws.com"
[[roles.Other.allow]]
bucket = "papers"
access = "get"
"#;

/// One document speaks of two roles, and one of them has moved: what it gives the other is written, what it would give that one is not.
#[tokio::test(start_paused = true)]
async fn a_document_that_speaks_of_what_has_moved_is_written_as_far_as_it_gives_that_nothing() {
    let desk = ("\"desk\"", "\"DESK\"");
    let other = ("access = \"get\"", "access = \"put\"");
    let both = ("access = \"read\"", "access = \"write\"");
    let queue = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sqs:*","Resource":"*"}]}"#;
    let describe: (&str, &[(&str, &str)]) = ("UpdateRole", &[("RoleName", "Desk"), ("Description", "by hand")]);
    let inline: (&str, &[(&str, &str)]) = ("PutRolePolicy", &[("RoleName", "Desk"), ("PolicyName", "by.hand"), ("PolicyDocument", queue)]);
    for (test, edits, hand, written) in
        [("described", vec![desk, other], describe, true), ("inline", vec![desk, other], inline, true), ("given", vec![desk, other, both], describe, false)]
    {
        let place = Place::new(Options::default());
        let test = format!("shared-{test}");
        place.good(&["apply", "--auto-approve", "--quiet", &manifest(&test, SHARED)]).await;
        let file = manifest(&test, &edits.iter().fold(SHARED.to_owned(), |text, (from, to)| text.replace(from, to)));
        let plan = format!("{file}.plan");
        place.good(&["plan", "--out", &plan, &file]).await;
        place.iam(TRUSTING, hand.0, hand.1).await;
        let said = place.run(&["apply", "--auto-approve", "--quiet", "--partial", &plan]).await;
        assert_eq!(said.exit, Exit::Moved, "{test}: {}{}", said.out, said.err);
        let (_, policy) = place.s3(TRUSTING, "GET", "/papers", "policy", "").await;
        assert_eq!(policy.contains("s3:PutObject"), written, "{test}: {policy}\n{}{}", said.out, said.err);
        let named = |name: &str| said.out.contains(&format!("\n    222222222222/{name}\n"));
        assert!((written || named("role/Desk")) && named("bucket-policy/papers") != written, "{test}: {}\n{}", said.out, said.err);
        assert!(role(&place, "Other").contains("s3:PutObject"), "its own policy rests on nothing that has moved");
    }
}

/// More access than was reviewed is no rest of it.
#[tokio::test(start_paused = true)]
async fn the_rest_gives_nobody_more_than_was_reviewed() {
    let allow = "\n[[roles.First.allow]]\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::x/*\"\n";
    let edits = [
        ("\"first\"", "\"FIRST\""),
        ("user = \"dev/ann\"\n[roles.Second]", &format!("user = \"dev/ann\"\n{allow}[roles.Second]")),
        ("\"second\"", "\"SECOND\""),
    ];
    let (place, _, plan) = reviewed("more", &edits).await;
    describe(&place, "Second", "by hand").await;
    // Whoever is in the role now gets what the plan gives it, and that is more than anybody has reviewed.
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/ann"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"sts:AssumeRole"}]}"#;
    place.iam(TRUSTING, "UpdateAssumeRolePolicy", &[("RoleName", "First"), ("PolicyDocument", open)]).await;
    let said = place.run(&["apply", "--auto-approve", "--quiet", "--partial", &plan]).await;
    assert_eq!(said.exit, Exit::Moved, "{}{}", said.out, said.err);
    assert!(!role(&place, "First").contains("s3:GetObject"), "the whole role has moved, and is left out");
}

/// The manifests may stand elsewhere, under other names; their text may not be another.
#[tokio::test(start_paused = true)]
async fn a_plan_is_of_texts_and_not_of_places() {
    let (place, file, plan) = reviewed("elsewhere", &BOTH).await;
    let folder = root().join("target/test-manifests").join(format!("{}-elsewhere-2", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(folder.join("other.toml"), &text).unwrap();
    std::fs::write(folder.join("more.toml"), text.replace("several", "more").replace("First", "Fourth").replace("Second", "Fifth")).unwrap();
    std::fs::remove_file(&file).unwrap();
    let said = place.run(&["apply", "--auto-approve", "--quiet", &plan]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("name the manifests behind the plan"), "{}", said.err);
    let there = folder.display().to_string();
    std::fs::write(folder.join("other.toml"), format!("{text}\n# changed\n")).unwrap();
    let said = place.run(&["apply", "--auto-approve", "--quiet", &plan, &there]).await;
    assert!(said.exit == Exit::Moved && said.err.contains("manifest several is not among these as it was planned"), "{}", said.err);
    std::fs::write(folder.join("other.toml"), &text).unwrap();
    let out = place.good(&["apply", "--auto-approve", "--quiet", &plan, &there]).await;
    assert!(out.contains("Applied: 2 steps done"), "{out}");
    let out = place.good(&["apply", "--auto-approve", "--quiet", &plan, &there]).await;
    assert!(out.contains("Already done: what was reviewed is live."), "{out}");
    let out = place.good(&["apply", "--auto-approve", "--json", &plan, &there]).await;
    let outcome: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert!(outcome["complete"] == true && outcome["steps"].as_array().unwrap().iter().all(|step| step["result"]["result"] == "already-done"), "{outcome:#}");
}

/// Machines are told why, in one word, beside the exit code.
#[tokio::test(start_paused = true)]
async fn reasons_have_types() {
    let (place, file, plan) = reviewed("typed", &BOTH).await;
    let reason = |said: &crate::support::Said| -> String {
        let value: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
        value["reason"].as_str().unwrap().to_owned()
    };
    describe(&place, "Second", "by hand").await;
    let said = place.run(&["apply", "--auto-approve", "--json", &plan]).await;
    assert_eq!((said.exit.code(), reason(&said).as_str()), (5, "moved"), "{}", said.out);
    let said = place.run(&["apply", "--auto-approve", "--json", "--max-age", "1s", &old(&plan)]).await;
    assert_eq!((said.exit.code(), reason(&said).as_str()), (3, "refused"), "{}", said.out);
    let wide = manifest("typed-wide", &MANIFEST.replace("several", "wide").replace("First", "Sixth").replace("Second", "Seventh"));
    let said = place.run(&["apply", "--auto-approve", "--json", "--deny-widening", &wide]).await;
    assert_eq!((said.exit.code(), reason(&said).as_str()), (3, "refused"), "{}", said.out);
    // A plan is one document, whatever comes of it; where there is none, the reason is.
    let said = place.run(&["plan", "--json", "--deny-widening", &wide]).await;
    let value: Value = serde_json::from_str(&said.out).unwrap();
    assert!(said.exit == Exit::Refused && value["resource_changes"].is_array(), "{}", said.out);
    assert!(value["refused"][0].as_str().unwrap().starts_with("refused: "), "{}", value["refused"]);
    let said = place.run(&["plan", "--json", &format!("{wide}.none")]).await;
    assert_eq!((said.exit.code(), reason(&said).as_str()), (1, "failed"), "{}", said.out);
    std::fs::write(&plan, std::fs::read_to_string(&plan).unwrap().replace("FIRST", "THIRD")).unwrap();
    let said = place.run(&["apply", "--auto-approve", "--json", &plan]).await;
    assert_eq!((said.exit.code(), reason(&said).as_str()), (3, "refused"), "{}", said.out);
    place.sandbox.set_faults(Some(std::sync::Arc::new(crate::errors::Always("UpdateRole", crossrole_sandbox::Fault::Refuse("AccessDenied")))));
    let said = place.run(&["apply", "--auto-approve", "--json", &file]).await;
    assert_eq!((said.exit.code(), reason(&said).as_str()), (1, "failed"), "{}", said.out);
}

/// The same plan, saved a day before.
fn old(plan: &str) -> String {
    let value: Value = serde_json::from_str(&std::fs::read_to_string(plan).unwrap()).unwrap();
    let mut parsed: crossrole_model::Plan = serde_json::from_value(value["plan"].clone()).unwrap();
    parsed.saved_at -= 86_400;
    let path = format!("{plan}.old");
    std::fs::write(&path, crossrole_report::write_plan(&parsed).unwrap()).unwrap();
    path
}

/// What the plan was made from is in it; where that is otherwise and the plan the same, it is said.
#[tokio::test(start_paused = true)]
async fn what_a_plan_rests_on_is_recorded() {
    let place = Place::new(Options::default());
    place.good(&["apply", "--auto-approve", "--quiet", &manifest("rests", MANIFEST)]).await;
    let file = manifest("rests", &MANIFEST.replace("\"first\"", "\"FIRST\""));
    let folder = Path::new(&file).parent().unwrap().to_owned();
    let (config, plan) = (folder.join("crossrole.toml").display().to_string(), format!("{file}.plan"));
    let scp = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    std::fs::write(folder.join("scp.json"), scp).unwrap();
    std::fs::write(&config, "[accounts.\"222222222222\"]\nservice_control = [\"scp.json\"]\n").unwrap();
    place.good(&["plan", "--config", &config, "--out", &plan, &file]).await;
    let saved: Value = serde_json::from_str(&std::fs::read_to_string(&plan).unwrap()).unwrap();
    let rests = &saved["plan"]["rests_on"];
    let files: Vec<&str> = rests["files"].as_object().unwrap().keys().map(|name| name.rsplit('/').next().unwrap()).collect();
    assert_eq!(files, ["crossrole.toml", "scp.json"]);
    let mut objects: Vec<&String> = rests["objects"].as_object().unwrap().keys().collect();
    let policy = objects.iter().position(|name| name.starts_with("111111111111/policy/")).map(|at| objects.remove(at));
    assert!(policy.is_some(), "what hangs on a user is rested on: {rests:#}");
    assert_eq!(objects, ["111111111111/caller/user/ann/several", "111111111111/user/ann", "222222222222/role/First", "222222222222/role/Second"]);
    // The tests stand in a repository.
    assert_eq!(rests["commit"].as_str().map(str::len), Some(40), "{rests:#}");
    place.iam("111111111111", "TagUser", &[("UserName", "ann"), ("Tags.member.1.Key", "x"), ("Tags.member.1.Value", "y")]).await;
    std::fs::write(folder.join("scp.json"), format!("{scp}\n")).unwrap();
    let said = place.run(&["apply", "--auto-approve", "--quiet", "--config", &config, &plan]).await;
    let plain = said.err.replace(&format!("{}/", folder.display()), "");
    assert!(plain.contains("111111111111/user/ann") || said.exit == Exit::Moved, "{}", said.err);
    if said.exit == Exit::Clean {
        assert!(plain.contains("note: the plan is what was reviewed, and what it was made from has changed: scp.json\n"), "{plain}");
        assert!(plain.contains("\n  111111111111/user/ann: its tags have changed since the review\n"), "{plain}");
    }
}

/// A name, an account, an operation of IAM, its parameters, and what is said of it.
type Hand<'h> = (&'h str, &'h str, &'h str, &'h [(&'h str, &'h str)], &'h str);

/// What somebody did to what the plan itself does not change is named by its part, whether it stops the plan or not.
#[tokio::test(start_paused = true)]
async fn what_has_moved_beside_what_is_planned_is_named_by_its_part() {
    const WHOLE: &str = r#"
name = "beside"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[trusted.dev.groups.Crew]
members = ["ann"]
[trusted.dev.users.ann]
[buckets.beside]
create = true
encryption = "AES256"
[roles.First]
description = "first"
[[roles.First.trust]]
group = "dev/Crew"
[roles.Kept]
foreign_policies = "keep"
[[roles.Kept.trust]]
service = "ec2.amazonaws.com"
[roles.Second]
description = "second"
[[roles.Second.trust]]
service = "ec2.amazonaws.com"
"#;
    const READ: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    const OWN: &str =
        r#"{"Sid":"Theirs","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::beside/*"}"#;
    let attach = |role: &'static str| [("RoleName", role), ("PolicyArn", READ)];
    let by_iam: [Hand<'_>; 6] = [
        ("attached", TRUSTING, "AttachRolePolicy", &attach("Second"), "222222222222/role/Second: policy arn:aws:iam::aws:policy/ReadOnlyAccess was attached"),
        ("kept", TRUSTING, "AttachRolePolicy", &attach("Kept"), "222222222222/role/Kept: policy arn:aws:iam::aws:policy/ReadOnlyAccess was attached"),
        (
            "boundary",
            TRUSTING,
            "PutRolePermissionsBoundary",
            &[("RoleName", "First"), ("PermissionsBoundary", READ)],
            "222222222222/role/First: a permissions boundary was put on it",
        ),
        ("member", "111111111111", "AddUserToGroup", &[("UserName", "zed"), ("GroupName", "Crew")], "111111111111/group/Crew: user zed was put into it"),
        (
            "no member",
            "111111111111",
            "RemoveUserFromGroup",
            &[("UserName", "ann"), ("GroupName", "Crew")],
            "111111111111/group/Crew: user ann was taken out of it",
        ),
        (
            "of a user",
            "111111111111",
            "AttachUserPolicy",
            &[("UserName", "ann"), ("PolicyArn", READ)],
            "111111111111/user/ann: policy arn:aws:iam::aws:policy/ReadOnlyAccess was attached",
        ),
    ];
    let kms = r"<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>";
    let by_s3 = [
        ("encryption", "encryption", kms, "222222222222/bucket/beside: its encryption has changed"),
        ("statement", "policy", OWN, "222222222222/bucket-policy/beside: statement Theirs was put into it"),
    ];
    for at in 0..by_iam.len() + by_s3.len() {
        let place = Place::new(Options::default());
        let granted = format!("{WHOLE}[[roles.First.allow]]\nbucket = \"beside\"\naccess = \"get\"\n");
        place.good(&["apply", "--auto-approve", "--quiet", &manifest("turned", &granted)]).await;
        place.iam("111111111111", "CreateUser", &[("UserName", "zed")]).await;
        let file = manifest("turned", &granted.replace("\"first\"", "\"FIRST\""));
        let plan = format!("{file}.plan");
        place.good(&["plan", "--out", &plan, &file]).await;
        let (name, expected) = match by_iam.get(at) {
            Some((name, account, action, parameters, expected)) => {
                place.iam(account, action, parameters).await;
                (*name, *expected)
            }
            None => {
                let (name, query, body, expected) = by_s3[at - by_iam.len()];
                let (_, before) = place.s3(TRUSTING, "GET", "/beside", "policy", "").await;
                let body = if query == "policy" { before.replacen("\"Statement\":[", &format!("\"Statement\":[{body},"), 1) } else { body.to_owned() };
                let (status, answer) = place.s3(TRUSTING, "PUT", "/beside", query, &body).await;
                assert!(status < 300, "{name}: {answer}");
                (name, expected)
            }
        };
        let said = place.run(&["apply", "--auto-approve", "--quiet", &plan]).await;
        assert!(said.exit == Exit::Moved || said.exit == Exit::Clean, "{name}: {}", said.err);
        assert_eq!(said.err.matches(&format!("  {expected} since the review\n")).count(), 1, "{name}: {}", said.err);
        assert_eq!(said.err.matches(" since the review\n").count(), 1, "{name}: nothing else has moved: {}", said.err);
        let moves = ["attached", "boundary", "member", "no member", "encryption"].contains(&name);
        assert_eq!(said.exit == Exit::Moved, moves, "{name}: {}", said.err);
        // What the plan has done itself is nobody's hand.
        if !moves {
            let said = place.run(&["apply", "--auto-approve", "--quiet", &plan]).await;
            assert!(said.exit == Exit::Clean && !said.err.contains("role/First"), "{name}: {}", said.err);
        }
    }
}

/// The file's description names each of its parts.
#[test]
fn the_format_is_described() {
    let described = std::fs::read_to_string(root().join("docs/plan-file.md")).unwrap();
    let plan = serde_json::to_value(crossrole_model::Plan::default()).unwrap();
    for field in plan.as_object().unwrap().keys().chain(plan["rests_on"].as_object().unwrap().keys()) {
        assert!(described.contains(&format!("`{field}`")), "docs/plan-file.md does not name `{field}`");
    }
    let written = crossrole_report::write_plan(&crossrole_model::Plan::default()).unwrap();
    let head: Value = serde_json::from_str(&written).unwrap();
    for field in head.as_object().unwrap().keys() {
        assert!(described.contains(&format!("`{field}`")), "docs/plan-file.md does not name `{field}`");
    }
    assert!(described.contains(&format!("format {}", head["crossrole_plan"])), "of this version");
}

/// Where all of it has moved nothing is left to carry out, and machines are told how that ended, too.
#[tokio::test(start_paused = true)]
async fn a_rest_that_is_nothing_ends_in_words_as_well() {
    let (place, _, plan) = reviewed("rest-of-nothing", &[BOTH[1]]).await;
    describe(&place, "Second", "by hand").await;
    let said = place.run(&["apply", "--auto-approve", "--quiet", "--partial", "--json", &plan]).await;
    assert_eq!(said.exit, Exit::Moved, "{}{}", said.out, said.err);
    let last: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
    assert!(last["outcome"].is_object() || last["steps"].is_array(), "{}", said.out);
}

/// A saved plan is no manifest, and is not read as one with mistakes.
#[tokio::test(start_paused = true)]
async fn a_saved_plan_is_named_as_what_it_is() {
    let (place, _, plan) = reviewed("plan-of-a-plan", &BOTH).await;
    for command in ["plan", "validate", "drift"] {
        let said = place.run(&[command, &plan]).await;
        assert!(said.exit == Exit::Failed && said.err.contains("is a saved plan, and no manifest"), "{command}: {}", said.err);
    }
}

/// What can't be read has not moved: nobody would have to review anything anew.
#[tokio::test(start_paused = true)]
async fn what_can_not_be_read_has_not_moved() {
    let reason = |said: &crate::support::Said| {
        let value: Value = serde_json::from_str(said.out.lines().last().unwrap()).unwrap();
        value["reason"].as_str().unwrap().to_owned()
    };
    let caller = ("[roles.First]", "[trusted.dev.users.bob]\n[roles.Third]\n[[roles.Third.trust]]\nuser = \"dev/bob\"\n[roles.First]");
    for (test, edits, closed) in [
        ("trusting", BOTH.to_vec(), TRUSTING),
        ("of the callers, where nothing is planned", BOTH.to_vec(), "111111111111"),
        ("of the callers", vec![caller], "111111111111"),
        ("trusting, with callers", vec![caller], TRUSTING),
    ] {
        for code in ["AccessDenied", "ExpiredToken", "InternalFailure"] {
            let (place, _, plan) = reviewed("closed", &edits).await;
            place.sandbox.set_faults(Some(std::sync::Arc::new(Closed(closed, crossrole_sandbox::Fault::Refuse(code)))));
            let before = place.sandbox.snapshot().unwrap();
            let said = place.run(&["apply", "--auto-approve", "--quiet", &plan]).await;
            assert!(said.exit == Exit::Failed && place.sandbox.snapshot().unwrap() == before, "{test}, {code}: {}{}", said.out, said.err);
            assert!(said.err.contains("could not be read") && said.err.contains(closed), "{test}, {code}: {}", said.err);
            for wrong in ["since the review", "have the new plan reviewed", "neither done nor planned"] {
                assert!(!said.err.contains(wrong), "{test}, {code}: {}", said.err);
            }
            let said = place.run(&["apply", "--auto-approve", "--json", &plan]).await;
            assert_eq!((said.exit, reason(&said).as_str()), (Exit::Failed, "failed"), "{test}, {code}");
            let said = place.run(&["apply", "--auto-approve", "--quiet", "--partial", &plan]).await;
            assert!(said.exit == Exit::Failed && !said.err.contains("what has moved"), "{test}, {code}: {}{}", said.out, said.err);
            // The same file is good as soon as it can be read.
            place.sandbox.set_faults(None);
            place.good(&["apply", "--auto-approve", "--quiet", &plan]).await;
        }
    }
}

/// What has moved where it was read is said, and what was not read is not said to have moved.
#[tokio::test(start_paused = true)]
async fn what_has_moved_beside_what_can_not_be_read_is_named_alone() {
    let caller = ("[roles.First]", "[trusted.dev.users.bob]\n[roles.Third]\n[[roles.Third.trust]]\nuser = \"dev/bob\"\n[roles.First]");
    let (place, _, plan) = reviewed("closed-moved", &[BOTH[1], caller]).await;
    describe(&place, "Second", "by hand").await;
    place.sandbox.set_faults(Some(std::sync::Arc::new(Closed("111111111111", crossrole_sandbox::Fault::Refuse("AccessDenied")))));
    let said = place.run(&["apply", "--auto-approve", "--quiet", &plan]).await;
    assert_eq!(said.exit, Exit::Moved, "{}", said.err);
    let refused = said.err.split("error: this is not the plan").nth(1).unwrap();
    let (moved, not_read) = refused.split_once("and this could not be read:").unwrap();
    assert!(moved.contains("role/Second") && !moved.contains("111111111111"), "{refused}");
    assert!(not_read.contains("account 111111111111"), "{refused}");
}
