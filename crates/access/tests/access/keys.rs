//! Differences at keys, a case each: every one was missed, or said of somebody else, once.

use crossrole_access::estate::{BucketKey, Estate, Guarded, Placed};

use crate::delta::{QUIET, TRUST_APP, document, estate, lines};
use crate::missed::{NONE, has};

const KEY: &str = "arn:aws:kms:eu-west-1:222222222222:key/k";

/// The key leaves it to nobody but its own root user.
const SHUT: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"kms:DescribeKey","Resource":"*"}"#;

fn with_key(mut estate: Estate, policy: &str) -> Estate {
    let policy = if policy == SHUT { SHUT.to_owned() } else { format!("{SHUT},{policy}") };
    let guarded = Guarded { account: "222222222222".to_owned(), policy: Some(Placed::new(document(&policy), "key")), restrict_public: false };
    estate.keys.insert(KEY.to_owned(), guarded);
    estate
}

/// The lines for a policy that comes.
fn key(policy: &str) -> Vec<String> {
    let side = |policy: &str| with_key(estate(NONE, &[], TRUST_APP, QUIET), policy);
    lines(&side(SHUT), &side(policy))
}

fn letting(principal: &str, action: &str, condition: &str) -> String {
    format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"{action}","Resource":"*","Condition":{{{condition}}}}}"#)
}

#[test]
fn a_star_on_a_key_is_every_action_of_kms() {
    let said = key(&letting(r#"{"AWS":"111111111111"}"#, "*", ""));
    assert_eq!(said, [format!("+ any principal of 111111111111 that its own policies let gains kms:* on {KEY}")]);
}

#[test]
fn a_bare_star_lets_services_in_and_nobody_unsigned() {
    let said = key(&letting(r#""*""#, "kms:Decrypt", ""));
    assert!(has(&said, &["+ any service gains kms:Decrypt"]), "{said:#?}");
    assert!(!has(&said, &["without signing in"]), "{said:#?}");
}

#[test]
fn the_account_that_kms_names_is_the_callers() {
    let said = key(&letting(r#"{"AWS":"*"}"#, "kms:Decrypt", r#""StringEquals":{"kms:CallerAccount":"111111111111"}"#));
    assert_eq!(said, [format!("+ any principal of 111111111111 that its own policies let gains kms:Decrypt on {KEY}")]);
    // Other services do not have the key.
    let open = r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"kms:CallerAccount":"111111111111"}}}"#;
    let side = |bucket: &str| estate(NONE, &[], TRUST_APP, bucket);
    assert!(lines(&side(QUIET), &side(&format!("{QUIET},{open}"))).is_empty());
}

#[test]
fn what_is_said_of_other_resources_is_not_said_of_a_key_that_has_a_policy() {
    let all = r#"{"Effect":"Allow","Action":["kms:Decrypt","sqs:*"],"Resource":"*"}"#;
    let said = lines(&with_key(estate(NONE, &[], TRUST_APP, QUIET), SHUT), &with_key(estate(&format!("{NONE},{all}"), &[], TRUST_APP, QUIET), SHUT));
    assert!(!said.is_empty() && said.iter().filter(|l| l.contains("kms:Decrypt")).all(|l| l.contains(&format!("except {KEY}"))), "{said:#?}");
}

#[test]
fn sessions_that_may_no_longer_bring_tags_lose_what_a_key_asks_them_for() {
    let trust = |actions: &str| format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":{actions}}}"#);
    let asks = letting(r#"{"AWS":"*"}"#, "kms:Decrypt", r#""StringEquals":{"aws:PrincipalTag/team":"blue"}"#);
    let side = |actions: &str| with_key(estate(NONE, &[], &trust(actions), QUIET), &asks);
    let said = lines(&side(r#"["sts:AssumeRole","sts:TagSession"]"#), &side(r#""sts:AssumeRole""#));
    assert!(has(&said, &["- role App of 222222222222 loses kms:Decrypt", "aws:PrincipalTag/team is blue"]), "{said:#?}");
}

#[test]
fn nobody_is_said_to_be_without_a_key_that_names_some_of_them() {
    let open = format!(
        r#"{QUIET},{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{{"StringNotEquals":{{"aws:PrincipalType":"Anonymous"}}}}}}"#
    );
    let side = |bucket: &str, policy: &str| {
        let mut estate = with_key(estate(NONE, &[], TRUST_APP, bucket), policy);
        let key = BucketKey { arn: KEY.to_owned(), bucket_key: true, region: "eu-west-1".to_owned() };
        estate.bucket_keys.insert("data".to_owned(), key);
        estate
    };
    for (policy, others, services) in [
        (SHUT.to_owned(), true, true),
        (letting(r#"{"AWS":"333333333333"}"#, "kms:Decrypt", ""), false, true),
        (letting(r#"{"Service":"ec2.amazonaws.com"}"#, "kms:Decrypt", ""), true, false),
    ] {
        let said = lines(&side(QUIET, &policy), &side(&open, &policy));
        for (who, without) in [("any principal of any other account", others), ("any service", services)] {
            let line = said.iter().find(|l| l.contains(who) && l.contains("s3:GetObject"));
            assert_eq!(line.map(|l| l.contains("but not what is encrypted")), Some(without), "{policy}: {said:#?}");
        }
    }
}
