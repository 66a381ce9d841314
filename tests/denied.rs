//! A runner whose policies leave out a right, as IAM decides it: of one account, one bucket, one API, and half-way.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::rights::{place, rights, withheld};
use crate::runner::Runner;
use crate::support::Place;

/// Account, actions, resource of a statement that denies.
type Denied = (&'static str, &'static str, &'static str);

const TRUSTING: &str = "222222222222";
const DEV: &str = "111111111111";

/// Administrators, but for what is denied.
async fn runner(name: &str, place: &Place, denied: &[Denied]) -> Runner {
    let document = |statements: Vec<Value>| serde_json::json!({ "Version": "2012-10-17", "Statement": statements });
    let of = |account: &str| {
        let denied = denied.iter().filter(|(a, ..)| *a == account);
        let denied = denied
            .map(|(_, actions, resource)| serde_json::json!({ "Effect": "Deny", "Action": actions.split(' ').collect::<Vec<_>>(), "Resource": resource }));
        let all = serde_json::json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
        (account.to_owned(), vec![document(std::iter::once(all).chain(denied).collect())])
    };
    Runner::new(&format!("denied-{name}"), place, &[TRUSTING, DEV].map(of).into()).await
}

/// What a plan reads with, denied in one account, for one bucket, or for one role; and whether that keeps anything back.
const READS: [(Denied, bool); 16] = [
    ((DEV, "*", "*"), true),
    ((TRUSTING, "*", "*"), true),
    ((DEV, "iam:*", "*"), true),
    ((TRUSTING, "iam:*", "*"), true),
    ((TRUSTING, "s3:*", "*"), true),
    ((TRUSTING, "s3:*", "arn:aws:s3:::rights-made*"), true),
    ((TRUSTING, "s3:*", "arn:aws:s3:::rights-given*"), true),
    ((TRUSTING, "s3:GetBucketPolicy", "arn:aws:s3:::rights-given"), true),
    ((TRUSTING, "s3:GetEncryptionConfiguration", "*"), true),
    ((TRUSTING, "s3:GetBucketTagging", "*"), true),
    ((TRUSTING, "s3:ListAllMyBuckets", "*"), false),
    ((TRUSTING, "iam:GetAccountAuthorizationDetails", "*"), false),
    ((TRUSTING, "iam:GetAccountAuthorizationDetails iam:GetRole", "arn:aws:iam::222222222222:role/Reader"), false),
    ((TRUSTING, "iam:ListPolicyTags", "*"), true),
    ((DEV, "iam:GetAccountSummary iam:ListRoles", "*"), false),
    ((DEV, "iam:GetAccountAuthorizationDetails iam:GetGroup iam:GetUser", "*"), true),
];

#[tokio::test]
async fn in_sync_nothing_unknown_is_proposed() {
    let file = rights("denied-sync");
    for (index, (denied, blocks)) in READS.into_iter().enumerate() {
        let place = place().await;
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        let runner = runner(&format!("sync-{index}"), &place, &[denied]).await;
        let (_, json, err) = runner.apart(&["plan", "--json", &file]);
        let json: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{denied:?}: {e}: {json}{err}"));
        let (code, text, _) = runner.apart(&["plan", &file]);
        let what = format!("{denied:?}");
        assert_eq!((&json["resource_changes"], &json["summary"]["add"]), (&serde_json::json!([]), &serde_json::json!(0)), "{what}: {text}");
        let blocking = withheld(&text, &json, &what);
        assert_eq!((code, !blocking.is_empty()), (i32::from(blocks), blocks), "{what}: {text}");
        assert!(!text.contains("does not exist"), "{what}: {text}");
    }
}

/// What is not taken back, since nobody could look at it, is withheld: a teardown is no success by that.
#[tokio::test]
async fn in_a_teardown_what_is_unknown_is_not_taken_for_gone() {
    let file = rights("denied-destroy");
    let more = [((TRUSTING, "iam:ListOpenIDConnectProviders", "*"), true), ((DEV, "iam:ListSAMLProviders", "*"), true)];
    for (index, (denied, blocks)) in READS.into_iter().chain(more).enumerate() {
        let place = place().await;
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        let runner = runner(&format!("destroy-{index}"), &place, &[denied]).await;
        let (_, json, err) = runner.apart(&["plan", "--destroy", "--json", &file]);
        let json: Value = serde_json::from_str(&json).unwrap_or_else(|e| panic!("{denied:?}: {e}: {json}{err}"));
        let (code, text, _) = runner.apart(&["plan", "--destroy", &file]);
        let blocking = withheld(&text, &json, &format!("{denied:?}"));
        assert_eq!((code, !blocking.is_empty()), (i32::from(blocks), blocks), "{denied:?}: {text}");
        assert!(!text.contains("\nNo changes. "), "{denied:?}: {text}");
        let (code, text, err) = runner.apart(&["destroy", "--auto-approve", "--quiet", &file]);
        assert_eq!(code, i32::from(blocks), "{denied:?}: {text}{err}");
    }
}

#[tokio::test]
async fn from_nothing_what_can_be_seen_is_proposed_and_no_more() {
    let file = rights("denied-empty");
    let addresses = |json: &str| -> BTreeSet<String> {
        let json: Value = serde_json::from_str(json).unwrap();
        json["resource_changes"].as_array().unwrap().iter().map(|c| c["address"].as_str().unwrap().to_owned()).collect()
    };
    let everything = addresses(&place().await.good(&["plan", "--json", &file]).await);
    for (index, (denied, _)) in READS.into_iter().enumerate() {
        let runner = runner(&format!("empty-{index}"), &place().await, &[denied]).await;
        let (_, json, _) = runner.apart(&["plan", "--json", &file]);
        let (_, text, _) = runner.apart(&["plan", &file]);
        let proposed = addresses(&json);
        let what = format!("{denied:?}");
        assert!(proposed.is_subset(&everything), "{what}: {text}");
        withheld(&text, &serde_json::from_str(&json).unwrap(), &what);
        // Of what it may not see, it makes nothing. (That a bucket does not exist is no secret: S3 says so to anybody.)
        let (account, actions, resource) = denied;
        let of_iam = |address: &&String| address.starts_with(account) && !address.contains("/bucket") && ["*", "iam:*"].contains(&actions);
        assert_eq!(proposed.iter().find(of_iam), None, "{what}: {text}");
        let given = format!("{account}/bucket-policy/rights-given");
        assert!(!proposed.contains(&given) || !["*", "s3:*"].contains(&actions) || resource.contains("rights-made"), "{what}: {text}");
    }
}

/// A right that is missed in the middle of an apply that was let go on without it: what was done is counted, what was not is named,
/// and the rest comes later.
#[tokio::test]
async fn a_right_that_is_missed_half_way_is_named_and_the_rest_is_done() {
    let file = rights("denied-apply");
    for (index, (denied, operation)) in [
        ((TRUSTING, "iam:PutRolePolicy", "arn:aws:iam::222222222222:role/Writer"), "PutRolePolicy"),
        ((TRUSTING, "s3:PutBucketPolicy", "arn:aws:s3:::rights-given"), "PutBucketPolicy"),
        ((DEV, "iam:AttachGroupPolicy", "*"), "AttachGroupPolicy"),
        ((DEV, "iam:AddUserToGroup", "*"), "AddUserToGroup"),
        ((TRUSTING, "iam:CreatePolicy", "*"), "CreatePolicy"),
    ]
    .into_iter()
    .enumerate()
    {
        let runner = runner(&format!("apply-{index}"), &place().await, &[denied]).await;
        let (code, _, said) = runner.apart(&["apply", "--auto-approve", "--quiet", &file]);
        assert!(code == 1 && said.contains("may not carry all of this out, and nothing was changed") && said.contains(operation), "{denied:?}: {said}");
        let (code, json, _) = runner.apart(&["apply", "--partial", "--auto-approve", "--quiet", "--json", &file]);
        let outcome: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
        let steps = outcome["steps"].as_array().unwrap();
        let done = steps.iter().filter(|s| s["result"].to_string().contains("applied")).count();
        let failed: Vec<&Value> = steps.iter().filter(|s| s["result"].to_string().contains("failed")).collect();
        assert!(code == 1 && failed.len() == 1 && failed[0].to_string().contains(operation), "{denied:?}: {outcome:#}");
        assert!(failed[0].to_string().contains("AccessDenied") && done > 5 && done < steps.len(), "{denied:?}: {outcome:#}");
        // The same again still says what is missing, and so does the third time, which has nothing else to do.
        for _ in 0..2 {
            let (code, text, _) = runner.apart(&["apply", "--partial", "--auto-approve", "--quiet", &file]);
            let failed = text.matches("\nfailed: ").count();
            assert!(code == 1 && failed == 1 && text.contains("is not authorized to perform"), "{denied:?}: {text}");
        }
        let (_, text, _) = runner.apart(&["apply", "--partial", "--auto-approve", "--quiet", &file]);
        assert!(text.contains("Incomplete: 0 steps done, "), "{denied:?}: {text}");
    }
}
