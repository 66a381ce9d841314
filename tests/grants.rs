//! Whom grants let in, by enforcement: permission sets, several principals, and grants that end.

use crossrole_sandbox::Options;
use serde_json::Value;

use crate::support::{Credentials, Place, manifest, scenario};

const DEV: &str = "111111111111";
const OWNER: &str = "222222222222";

/// A session of a role in the account `dev`, with these statements for its only permissions, as Identity Center would make it.
async fn of_set(place: &Place, path: &str, name: &str, statements: &Value) -> Credentials {
    let trust = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{DEV}"}},"Action":"sts:AssumeRole"}}]}}"#);
    place.iam(DEV, "CreateRole", &[("RoleName", name), ("Path", path), ("AssumeRolePolicyDocument", &trust)]).await;
    let policy = serde_json::json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    place.iam(DEV, "PutRolePolicy", &[("RoleName", name), ("PolicyName", "AwsSSOInlinePolicy"), ("PolicyDocument", &policy)]).await;
    let user = user(place).await;
    assume(place, &user, &format!("arn:aws:iam::{DEV}:role{path}{name}"), "ann").await.unwrap()
}

/// A user of the account `dev` that may assume everything there is.
async fn user(place: &Place) -> Credentials {
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}"#;
    let name = format!("user-{}", place.iam(DEV, "ListUsers", &[]).await.matches("<UserName>").count());
    place.iam(DEV, "CreateUser", &[("UserName", &name)]).await;
    place.iam(DEV, "PutUserPolicy", &[("UserName", &name), ("PolicyName", "p"), ("PolicyDocument", all)]).await;
    Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", &name)]).await)
}

async fn assume(place: &Place, who: &Credentials, role: &str, session: &str) -> Result<Credentials, String> {
    let (status, body) = place.query_as(who, "sts", "AssumeRole", &[("RoleArn", role), ("RoleSessionName", session)]).await;
    if status == 200 { Ok(Credentials::of(&body)) } else { Err(body) }
}

/// Both forms of the path, and no role whose name only looks alike: the pattern is exact, and what is printed to be done by hand
/// is all that the set needs.
#[tokio::test(start_paused = true)]
async fn a_permission_set_gets_in_and_nobody_like_it() {
    let place = Place::new(Options::default());
    let file = scenario("permission-set");
    place.good(&["sandbox", "prepare", &file]).await;
    let plan: Value = serde_json::from_str(&place.good(&["plan", "--json", &file]).await).unwrap();
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let by_hand = &plan["by_hand"][0];
    assert_eq!((&by_hand["kind"], &by_hand["name"], &by_hand["account"]), (&"permission-set".into(), &"DeveloperAccess".into(), &DEV.into()));
    let root = Credentials { key: OWNER.to_owned(), ..Credentials::default() };
    let put = place.s3_as(&root, "us-east-1", "PUT", "/team-reports/weekly/x", "", &[], "hello").await;
    assert_eq!(put.0, 200, "{}", put.1);
    for (path, name, let_in) in [
        ("/aws-reserved/sso.amazonaws.com/eu-west-1/", "AWSReservedSSO_DeveloperAccess_0123456789abcdef", true),
        ("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_DeveloperAccess_fedcba9876543210", true),
        ("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_DeveloperAccess_Admin_0123456789abcdef", false),
        ("/aws-reserved/sso.amazonaws.com/eu-west-1/", "AWSReservedSSO_MyDeveloperAccess_0123456789abcdef", false),
        ("/", "AWSReservedSSO_DeveloperAccess_0000000000000000", false),
    ] {
        let who = of_set(&place, path, name, &by_hand["statements"]).await;
        let entered = assume(&place, &who, &format!("arn:aws:iam::{OWNER}:role/ReportWriter"), "ann").await;
        assert_eq!(entered.is_ok(), let_in, "{path}{name}: {entered:?}");
        let got = place.s3_as(&who, "us-east-1", "GET", "/team-reports/weekly/x", "", &[], "").await;
        assert_eq!(got.0, if let_in { 200 } else { 403 }, "{path}{name}: {}", got.1);
        if let Ok(writer) = entered {
            let put = place.s3_as(&writer, "us-east-1", "PUT", "/team-reports/weekly/y", "", &[], "hello").await;
            assert_eq!(put.0, 200, "{}", put.1);
        }
    }
    let said = place.good(&["explain", "dev/permission-set/DeveloperAccess", "s3:GetObject", "team-reports/weekly/x", "--from", "live", &file]).await;
    assert!(said.contains("yes: permission set DeveloperAccess of 111111111111 (AWSReservedSSO_DeveloperAccess_"), "{said}");
    let ways = place.good(&["who-can", "s3:GetObject", "team-reports/weekly/x", "--from", "manifest", &file]).await;
    assert!(ways.contains("permission set DeveloperAccess of 111111111111"), "{ways}");
    place.assert_no_secret();
}

/// Several principals of a kind are each let in, and a session has the name of its user.
#[tokio::test(start_paused = true)]
async fn several_of_a_kind_are_let_in_under_their_own_names() {
    let place = Place::new(Options::default());
    let text = format!(
        "name = \"several\"\n[trusting]\naccount = \"{OWNER}\"\n[trusted.dev]\naccount = \"{DEV}\"\n[trusted.dev.users.ann]\n[trusted.dev.users.bob]\n[trusted.dev.users.eve]\n\
         [roles.Reader]\n[[roles.Reader.trust]]\nuser = [\"dev/ann\", \"dev/bob\"]\nsession_name = \"username\"\n"
    );
    let file = manifest("several", &text);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let role = format!("arn:aws:iam::{OWNER}:role/Reader");
    for (user, session, expected) in [("ann", "ann", true), ("bob", "bob", true), ("ann", "bob", false), ("eve", "eve", false)] {
        let who = Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", user)]).await);
        let entered = assume(&place, &who, &role, session).await;
        assert_eq!(entered.is_ok(), expected, "{user} as {session}: {entered:?}");
    }
}

/// A grant that has ended is taken away by the plan, on every side; a role that nobody may assume any more stays, closed.
#[tokio::test(start_paused = true)]
async fn a_grant_that_has_ended_is_taken_away() {
    let place = Place::new(Options::default());
    let text = |day: &str| {
        format!(
            "name = \"ending\"\n[trusting]\naccount = \"{OWNER}\"\n[trusted.dev]\naccount = \"{DEV}\"\n[trusted.dev.users.ann]\n[buckets.data-bucket]\n\
             [[buckets.data-bucket.allow]]\nuser = \"dev/ann\"\naccess = \"get\"\nexpires = {day}\n\
             [roles.Reader]\n[[roles.Reader.trust]]\nuser = \"dev/ann\"\nexpires = {day}\n[[roles.Reader.allow]]\nbucket = \"data-bucket\"\naccess = \"get\"\nexpires = {day}\n"
        )
    };
    let file = manifest("ending", &text("2999-03-31"));
    place.good(&["sandbox", "prepare", &file]).await;
    let plan = place.good(&["plan", &file]).await;
    assert_eq!(plan.matches("aws:CurrentTime DateLessThan 2999-03-31T00:00:00Z").count(), 4, "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let file = manifest("ending", &text("2020-03-31"));
    let run = place.run(&["plan", &file]).await;
    assert_eq!(run.err.matches("this grant ended on 2020-03-31: the plan takes it away").count(), 3, "{}", run.err);
    insta::assert_snapshot!("ended_grants", run.out);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let again = place.good(&["plan", &file]).await;
    assert!(again.starts_with("No changes."), "{again}");
    let who = Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", "ann")]).await);
    assert!(assume(&place, &who, &format!("arn:aws:iam::{OWNER}:role/Reader"), "ann").await.is_err());
}

/// The end of a grant is a condition on every side: of services, of what callers and roles have of the key, of managed policies,
/// which go whole when everything in them has ended.
#[tokio::test(start_paused = true)]
async fn the_end_of_a_grant_is_on_every_side() {
    let key = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let own = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let place = Place::new(Options::default());
    for arn in [key, own] {
        assert!(place.sandbox.add_key(arn));
    }
    let text = |day: &str| {
        let allow = |who: &str| format!("[[buckets.data-bucket.allow]]\n{who}\naccess = \"get\"\nexpires = {day}\n");
        format!(
            "name = \"ending-keys\"\n[trusting]\naccount = \"{OWNER}\"\n[trusted.dev]\naccount = \"{DEV}\"\n[trusted.dev.groups.A]\n\
             [buckets.data-bucket]\nencryption = {{ kms_key = \"{key}\" }}\n{}{}{}\
             [buckets.other-bucket]\nencryption = {{ kms_key = \"{own}\" }}\n[[buckets.other-bucket.allow]]\ngroup = \"dev/A\"\naccess = \"get\"\nexpires = {day}\n\
             [policies.P]\n[[policies.P.allow]]\nbucket = \"data-bucket\"\naccess = \"get\"\nexpires = {day}\n\
             [roles.R]\npolicies = [\"P\"]\n[[roles.R.trust]]\nservice = \"ec2.amazonaws.com\"\n",
            allow("group = \"dev/A\""),
            allow("service = \"delivery.logs.amazonaws.com\"\nsource_account = \"222222222222\""),
            allow("permission_set = \"dev/Ops\""),
        )
    };
    let file = manifest("ending-keys", &text("2999-03-31"));
    place.good(&["sandbox", "prepare", &file]).await;
    let plan: Value = serde_json::from_str(&place.good(&["plan", "--json", &file]).await).unwrap();
    let mut grants = 0;
    let mut look = |statement: &Value| {
        if statement["Sid"].as_str().is_some_and(|sid| !sid.starts_with("Crossrole")) || statement["Action"] == "sts:AssumeRole" {
            return;
        }
        grants += 1;
        assert_eq!(statement["Condition"]["DateLessThan"]["aws:CurrentTime"], "2999-03-31T00:00:00Z", "{statement}");
    };
    for change in plan["resource_changes"].as_array().unwrap() {
        let after = &change["change"]["after"];
        for document in [&after["document"], &after["policy"]] {
            let statements = document["Statement"].as_array().cloned().unwrap_or_default();
            statements.iter().filter(|s| !s["Action"].is_null()).for_each(&mut look);
        }
    }
    plan["by_hand"].as_array().unwrap().iter().flat_map(|hand| hand["statements"].as_array().unwrap()).for_each(&mut look);
    assert!(grants >= 10, "{grants}: {plan:#}");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let file = manifest("ending-keys", &text("2020-03-31"));
    let plan = place.good(&["plan", &file]).await;
    assert!(plan.contains("- policy P") && plan.contains("- attached arn:aws:iam::222222222222:policy/P"), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    assert!(place.good(&["plan", &file]).await.starts_with("No changes."));
    for (account, arn) in [(OWNER, key), (DEV, own)] {
        let left = crate::keys::key_statements(&place, account, "us-east-1", arn).await;
        assert!(left.iter().all(|s| !s["Sid"].as_str().unwrap_or("").starts_with("Crossrole")), "{left:?}");
    }
}

/// Permission sets of several accounts beside units of an organization are decided: they are what people are let in by.
#[tokio::test(start_paused = true)]
async fn permission_sets_of_several_accounts_are_decided() {
    let place = Place::new(Options::default());
    let trusted: String = (0..4).map(|n| format!("[trusted.t{n}]\naccount = \"33333333330{n}\"\n")).collect();
    let sets: Vec<String> = (0..4).flat_map(|n| [format!("\"t{n}/Dev\""), format!("\"t{n}/Ops\"")]).collect();
    let text = format!(
        "name = \"sets\"\n[trusting]\naccount = \"{OWNER}\"\n{trusted}[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\npermission_set = [{}]\naccess = \"read\"\n\
         prefix = [\"a/\", \"b/\"]\nvpc_endpoint = \"vpce-0123456789abcdef0\"\nexpires = 2999-03-31\n[[buckets.data-bucket.allow]]\n\
         organizational_unit = [\"o-a1b2c3d4e5/r-ab12/ou-ab12-11111111\", \"o-a1b2c3d4e5/r-ab12/ou-ab12-22222222/ou-ab12-33333333/\"]\naccess = \"get\"\n",
        sets.join(", ")
    );
    let file = manifest("sets", &text);
    place.good(&["sandbox", "prepare", &file]).await;
    let plan = place.good(&["plan", &file]).await;
    let access = crate::access::section(&plan);
    assert!(!access.contains("not decided") && access.contains("permission set Dev of 333333333303"), "{access}");
}
