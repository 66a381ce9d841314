//! `verify` looks at what no call shows: grants of keys and ACLs of buckets, what was put on roles by hand, and what was taken back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crossrole::Exit;
use crossrole_access::Objects as Known;
use crossrole_model::proof::{Known as How, NotCalled};
use crossrole_model::{Desired, Source};
use crossrole_sandbox::Options;
use crossrole_verify::{Live, Objects, judged, matrix};
use serde_json::{Value, json};

use crate::runner::Runner;
use crate::runner_policy::{policies, prepared};
use crate::support::{Credentials, Place, manifest, root};
use crate::verify::{KEY, applied, cells, everything, says, scenarios, verified};

const TRUSTING: &str = "222222222222";
const DEV: &str = "111111111111";

fn owner() -> Credentials {
    Credentials { key: TRUSTING.to_owned(), ..Credentials::default() }
}

async fn grant(place: &Place, grantee: &str, operations: &[&str]) {
    let input = json!({"KeyId": KEY, "GranteePrincipal": grantee, "Operations": operations});
    let (status, body) = place.kms_as(&owner(), "eu-west-1", "CreateGrant", &input).await;
    assert_eq!(status, 200, "{body}");
}

/// Lets ACLs of a bucket count, and grants something by one.
async fn acl(place: &Place, bucket: &str, header: (&'static str, &'static str)) {
    let owned = "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule></OwnershipControls>";
    let path = format!("/{bucket}");
    for (query, body) in [("ownershipControls", owned), ("publicAccessBlock", "")] {
        let method = if body.is_empty() { "DELETE" } else { "PUT" };
        let (status, said) = place.s3_as(&owner(), "eu-west-1", method, &path, query, &[], body).await;
        assert!(status < 300, "{said}");
    }
    let (status, said) = place.s3_as(&owner(), "eu-west-1", "PUT", &path, "acl", &[header], "").await;
    assert_eq!(status, 200, "{said}");
}

/// Whoever comes in by a grant or an ACL and is declared nowhere is red, and said by what it came in.
#[tokio::test(start_paused = true)]
async fn who_comes_in_beside_policies_is_red() {
    for grantee in ["arn:aws:iam::999999999999:user/Stranger", "arn:aws:iam::111111111111:user/Ann"] {
        let (place, file) = everything(Duration::ZERO).await;
        grant(&place, grantee, &["Decrypt", "GenerateDataKey"]).await;
        let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
        let said = value["granted"].to_string();
        let name = grantee.rsplit('/').next().unwrap();
        assert!(exit == Exit::Failed && value["holds"] == false && said.contains(name) && said.contains("kms:Decrypt"), "{grantee}: {said}");
        assert!(value["beyond"].as_array().unwrap().is_empty() && value["unlooked"].as_array().unwrap().is_empty(), "{value}");
        let said = place.run(&["verify", "--deadline", "0", &file]).await;
        assert!(said.out.contains("By grants of keys and ACLs of buckets, more than the manifests say:"), "{}", said.out);
    }
    for (header, who, action) in [
        (("x-amz-acl", "public-read"), "anyone, without signing in", "s3:ListBucket"),
        (("x-amz-grant-write", "uri=\"http://acs.amazonaws.com/groups/global/AuthenticatedUsers\""), "any other account", "s3:PutObject"),
    ] {
        let (place, file) = everything(Duration::ZERO).await;
        acl(&place, "everything-open", header).await;
        let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
        let said = value["granted"].to_string();
        assert!(exit == Exit::Failed && said.contains(who) && said.contains(action), "{header:?}: {said}");
        assert!(value["not_looked_at"].to_string().contains("object-acls"), "{}", value["not_looked_at"]);
        // A block keeps out whom the ACL lets in.
        let block = "<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>";
        assert_eq!(place.s3_as(&owner(), "eu-west-1", "PUT", "/everything-open", "publicAccessBlock", &[], block).await.0, 200);
        let (_, value) = verified(&place, &file, &["--deadline", "0"]).await;
        assert!(value["granted"].as_array().unwrap().is_empty(), "{}", value["granted"]);
    }
    // What a manifest lets somebody do is no more by a grant.
    let (place, file) = everything(Duration::ZERO).await;
    grant(&place, "arn:aws:iam::222222222222:role/Reader", &["DescribeKey"]).await;
    let (_, value) = verified(&place, &file, &["--deadline", "0"]).await;
    assert!(value["granted"].to_string().contains("Reader"), "{}", value["granted"]);
}

/// Nobody may look at grants and ACLs.
struct NoLooking(&'static str);

impl crossrole_sandbox::FaultPlan for NoLooking {
    fn fault(&self, call: &crossrole_sandbox::CallInfo<'_>) -> Option<crossrole_sandbox::Fault> {
        (call.operation == self.0).then_some(crossrole_sandbox::Fault::Refuse("AccessDenied"))
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_looked_at_is_not_green() {
    for (operation, what) in [("ListGrants", "key-grants"), ("GetBucketAcl", "bucket-acl")] {
        let (place, file) = everything(Duration::ZERO).await;
        acl(&place, "everything-open", ("x-amz-acl", "private")).await;
        let (_, value) = verified(&place, &file, &["--write-probes"]).await;
        assert!(cells(&value, "fails").is_empty() && value["unlooked"].as_array().unwrap().is_empty(), "{value}");
        place.sandbox.set_faults(Some(std::sync::Arc::new(NoLooking(operation))));
        let (exit, value) = verified(&place, &file, &["--write-probes"]).await;
        assert!(exit == Exit::Failed && value["holds"] == false, "{operation}");
        assert!(value["unlooked"].to_string().contains(what) && value["granted"].as_array().unwrap().is_empty(), "{}", value["unlooked"]);
        // What only tries what it wrote looks at policies, and says so.
        let said = place.run(&["apply", "--auto-approve", "--quiet", "--verify", &file]).await;
        assert!(said.out.contains("not looked at: grants of keys (`kms:CreateGrant`) and ACLs of buckets and objects"), "{}", said.out);
    }
}

/// A key that a bucket alone names has grants as well; whoever asks unsigned for what it encrypts is refused, in words of S3's own.
#[tokio::test(start_paused = true)]
async fn the_key_of_a_bucket_is_looked_at_though_nothing_else_names_it() {
    let text = format!(
        "name = \"pubk\"\n[trusting]\naccount = \"{TRUSTING}\"\nregion = \"eu-west-1\"\n[trusted.dev]\naccount = \"{DEV}\"\n\
         [buckets.verify-pubk]\ncreate = true\npublic_access_block = false\nencryption = {{ kms_key = \"{KEY}\" }}\n\
         [[buckets.verify-pubk.statement]]\nprincipals = \"*\"\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::verify-pubk/*\"\n\
         [[buckets.verify-pubk.allow]]\naccount = \"dev\"\naccess = \"list\"\n"
    );
    let place = Place::new(Options::default());
    assert!(place.sandbox.add_key(KEY));
    place.iam(DEV, "CreateUser", &[("UserName", "Stranger")]).await;
    let file = manifest("verify-pubk", &text);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let (status, body) = place.s3_as(&owner(), "eu-west-1", "PUT", "/verify-pubk/k", "", &[], "x").await;
    assert_eq!(status, 200, "{body}");
    let (_, value) = verified(&place, &file, &["--deadline", "0"]).await;
    assert!(value["granted"].as_array().unwrap().is_empty(), "{}", value["granted"]);
    let unsigned = |verdict: &str| says(&cells(&value, verdict)).matches("without signing in").count();
    assert!(unsigned("holds") > 0 && unsigned("unknown") + unsigned("fails") == 0, "{}", says(&cells(&value, "unknown")));
    grant(&place, "arn:aws:iam::111111111111:user/Stranger", &["Decrypt"]).await;
    let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
    let said = value["granted"].to_string();
    assert!(exit == Exit::Failed && said.contains("Stranger") && said.contains("kms:Decrypt"), "{said}");
}

/// A public policy that is restricted shuts out whom an ACL lets in, and none of it is said to let anybody in.
#[tokio::test(start_paused = true)]
async fn a_public_policy_that_is_restricted_shuts_out_whom_an_acl_lets_in() {
    let public =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::everything-open/pub/*"}]}"#;
    for (restricted, let_in) in [(true, false), (false, true)] {
        let (place, file) = everything(Duration::ZERO).await;
        acl(&place, "everything-open", ("x-amz-acl", "public-read")).await;
        let block = format!("<PublicAccessBlockConfiguration><RestrictPublicBuckets>{restricted}</RestrictPublicBuckets></PublicAccessBlockConfiguration>");
        for (part, body) in [("policy", public), ("publicAccessBlock", block.as_str())] {
            let (status, said) = place.s3_as(&owner(), "eu-west-1", "PUT", "/everything-open", part, &[], body).await;
            assert!(status < 300, "{said}");
        }
        let (_, value) = verified(&place, &file, &["--deadline", "0"]).await;
        let (granted, beyond) = (value["granted"].to_string(), value["beyond"].to_string());
        let said = |text: &str| text.contains("without signing in");
        assert_eq!([said(&granted), said(&beyond)], [let_in; 2], "{granted} {beyond}");
    }
}

/// Of a key whose policy may not be read, a grant is found, and stands for no policy: what rests on that one stays unknown.
#[tokio::test(start_paused = true)]
async fn grants_are_no_policy() {
    let mut all = Vec::new();
    for granted in [false, true] {
        let (place, file) = everything(Duration::ZERO).await;
        if granted {
            grant(&place, "arn:aws:iam::999999999999:user/Stranger", &["Decrypt"]).await;
        }
        place.sandbox.set_faults(Some(std::sync::Arc::new(NoLooking("GetKeyPolicy"))));
        let (_, value) = verified(&place, &file, &["--deadline", "0"]).await;
        assert_eq!(value["granted"].to_string().contains("Stranger"), granted, "{}", value["granted"]);
        all.push(["holds", "fails", "unknown"].map(|verdict| cells(&value, verdict).iter().map(|cell| cell["says"].to_string()).collect::<Vec<_>>()));
    }
    assert_eq!(all[0], all[1]);
}

/// What `runner-policy --for verify` prints is enough, and that for a plan is not.
#[tokio::test]
async fn a_runner_policy_for_it_is_enough() {
    for name in ["encrypted-exchange", "made-key"] {
        for (purpose, enough) in [("verify", true), ("plan", false)] {
            let (place, file) = prepared(name).await;
            place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
            let runner = Runner::new(&format!("verify-{name}-{purpose}"), &place, &policies(&place, purpose, &file).await).await;
            let (code, said) = runner.run(&["runner-policy", "--check", "--for", "verify", &file]);
            assert_eq!(code == 0, enough, "{name} {purpose}: {said}");
            let (_, out, err) = runner.apart(&["verify", "--json", "--deadline", "0", &file]);
            let value: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
            assert_eq!(value["unlooked"].as_array().unwrap().is_empty(), enough, "{name} {purpose}: {}", value["unlooked"]);
            assert!(value["unread"].as_array().unwrap().is_empty(), "{name} {purpose}: {}", value["unread"]);
        }
    }
}

/// Policies that somebody attached: to a role, to a group, and ours to somebody else; known to the evaluator, or not.
#[tokio::test(start_paused = true)]
async fn a_policy_that_was_attached_by_hand_is_red() {
    let own = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"dynamodb:*","Resource":"*"}]}"#;
    for (operation, of, arn) in [
        ("AttachRolePolicy", ("RoleName", "Reader"), "arn:aws:iam::222222222222:policy/Own"),
        ("AttachRolePolicy", ("RoleName", "Reader"), "arn:aws:iam::aws:policy/AdministratorAccess"),
        ("AttachRolePolicy", ("RoleName", "Reader"), "arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess"),
        ("AttachUserPolicy", ("UserName", "Stranger"), "arn:aws:iam::111111111111:policy/crossrole/caller/crossrole-caller-group-Crew"),
    ] {
        let (place, file) = everything(Duration::ZERO).await;
        place.iam(TRUSTING, "CreatePolicy", &[("PolicyName", "Own"), ("PolicyDocument", own)]).await;
        let account = if operation == "AttachUserPolicy" { DEV } else { TRUSTING };
        if account == DEV {
            place.iam(DEV, "DeleteUserPolicy", &[("UserName", "Stranger"), ("PolicyName", "all")]).await;
        }
        let (status, body) = place.query(account, "iam", operation, &[of, ("PolicyArn", arn)]).await;
        assert_eq!(status, 200, "{arn}: {body}");
        let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
        let said = format!("{}{}", value["beyond"], value["lacking"]);
        assert!(exit == Exit::Failed && said.contains(of.1), "{operation} {arn}: {said}\n{}", says(&cells(&value, "fails")));
    }
}

/// Whose tokens a provider takes no call shows: more of them than manifests say, and fewer.
#[tokio::test(start_paused = true)]
async fn audiences_that_were_changed_by_hand_are_red() {
    let file = root().join("manifests/github-actions.toml").display().to_string();
    let provider = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com";
    for (operation, client, cell) in
        [("AddClientIDToOpenIDConnectProvider", "somebody-else", false), ("RemoveClientIDFromOpenIDConnectProvider", "sts.amazonaws.com", true)]
    {
        let place = applied(&file, Duration::ZERO).await;
        let (exit, _) = verified(&place, &file, &[]).await;
        assert_eq!(exit, Exit::Clean);
        place.iam(TRUSTING, operation, &[("OpenIDConnectProviderArn", provider), ("ClientID", client)]).await;
        let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
        assert!(exit == Exit::Failed && value["unguarded"].to_string().contains("audiences"), "{operation}: {}", value["unguarded"]);
        assert_eq!(!cells(&value, "fails").is_empty(), cell, "{operation}: {}", says(&cells(&value, "fails")));
        let said = place.run(&["verify", "--deadline", "0", &file]).await;
        assert!(said.out.contains("not guarded: audiences of 222222222222/oidc-provider/token.actions.githubusercontent.com"), "{}", said.out);
    }
}

/// A role whose trust has no room for the Deny lets in whom a manifest takes it from.
#[tokio::test(start_paused = true)]
async fn a_role_that_could_not_be_taken_back_is_red() {
    let text = |many: usize| {
        let ids: Vec<String> = (0..many).map(|at| format!("\"external-id-of-a-partner-number-{at:04}\"")).collect();
        format!(
            "name = \"full\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.Ann]\n[roles.Full]\n[[roles.Full.trust]]\n\
             account = \"dev\"\nexternal_id = [{}]\n",
            ids.join(", ")
        )
    };
    let loads = |text: &String| crossrole_manifest::load(&[Source { file: "t.toml".to_owned(), text: text.clone() }]).0.is_some();
    let longest = (1..=60).rev().map(text).find(loads).unwrap();
    for (text, red) in [(longest, true), (text(2), false)] {
        let file = manifest("verify-full", &text);
        let place = Place::new(Options::default());
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        place.run(&["revoke", "--auto-approve", "--quiet", "dev/user/Ann", &file]).await;
        assert!(std::fs::read_to_string(&file).unwrap().contains("[[revoked]]"));
        let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
        assert_eq!((exit == Exit::Failed, value["unrevoked"].to_string().contains("deny")), (red, red), "{}", value["unrevoked"]);
        let said = place.run(&["verify", "--deadline", "0", &file]).await;
        assert_eq!(said.out.contains("not taken back: user Ann of 111111111111 may still assume 222222222222/role/Full"), red, "{}", said.out);
        // Without the tag, an older manifest brings it back.
        let tags = place.iam(TRUSTING, "ListRoleTags", &[("RoleName", "Full")]).await;
        let tag = tags.split(&['<', '>'][..]).find(|text| text.starts_with("crossrole:revoked-")).unwrap().to_owned();
        place.iam(TRUSTING, "UntagRole", &[("RoleName", "Full"), ("TagKeys.member.1", &tag)]).await;
        let (exit, value) = verified(&place, &file, &["--deadline", "0"]).await;
        assert!(exit == Exit::Failed && value["unrevoked"].to_string().contains("mark"), "{}", value["unrevoked"]);
    }
}

/// Words of the cells of a manifest, as people read them.
fn words(desired: &Desired, with_hands: bool) -> Vec<String> {
    let estate = Known::desired(desired).estate();
    let hands = estate.principals.keys().filter(|arn| with_hands && !arn.contains(":group/"));
    let hands: Vec<crossrole_verify::Hand> = hands.map(|arn| crossrole_verify::Hand { arn: arn.clone(), groups: BTreeSet::new() }).collect();
    let cells =
        matrix(desired, &estate, &hands, &Objects::new(), &crossrole_verify::Options { now: 1_800_000_000, ..crossrole_verify::Options::default() }).cells;
    let (changed, longest, unusable) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
    let live = Live { estate: &estate, changed: &changed, now: 1_800_000_000, longest: &longest, unusable: &unusable };
    let proofs = cells.into_iter().map(|cell| judged(cell, How::Evaluated { because: NotCalled::NotAtHand }, Some(&live)));
    crossrole_report::cell_names(&proofs.collect::<Vec<_>>(), crossrole_report::View::default())
}

/// Two cells that read alike can't be told apart by whoever looks at a pipeline.
#[test]
fn no_two_cells_of_a_scenario_read_alike() {
    let mut all = 0;
    for file in scenarios() {
        let text = std::fs::read_to_string(&file).unwrap();
        let Some(desired) = crossrole_manifest::load(&[Source { file: file.clone(), text }]).0 else { continue };
        for with_hands in [false, true] {
            let names = words(&desired, with_hands);
            let mut seen = BTreeSet::new();
            let twice: Vec<&String> = names.iter().filter(|name| !seen.insert(*name)).collect();
            assert!(twice.is_empty(), "{file}: {twice:#?}");
            // What tells cells apart has words of its own, and no number.
            let numbered: Vec<&String> = names.iter().filter(|name| name.ends_with("[2]")).collect();
            assert!(numbered.is_empty(), "{file}: {numbered:#?}");
            all += names.len();
        }
    }
    assert!(all > 500, "{all}");
}
