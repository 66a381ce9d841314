//! Who is named beside those who are meant as a whole: spared, known to every account, or of no account that was read.

use crossrole_access::estate::{Estate, Guarded, Placed};
use crossrole_access::{Question, who_can};
use crossrole_report::View;

use crate::delta::{APP, QUIET, TRUST_APP, document, estate};
use crate::missed::{NONE, bucket, has, identity, trust};

fn statement(effect: &str, principal: &str) -> String {
    format!(r#"{{"Effect":"{effect}","Principal":{principal},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}"#)
}

const ACCOUNT: &str = r#"{"AWS":"111111111111"}"#;
const BOB: &str = r#"{"AWS":"arn:aws:iam::111111111111:user/bob"}"#;

#[test]
fn who_is_spared_is_not_said_to_gain() {
    let spare = |deny: &str| format!("{},{}", statement("Allow", ACCOUNT), statement("Deny", deny));
    let everyone = |deny: &str| format!("{},{}", statement("Allow", r#"{"AWS":"*"}"#), statement("Deny", deny));
    for (after, expected) in [
        (spare(BOB), "+ any principal of 111111111111 (except user bob) that its own policies let gains s3:GetObject"),
        (
            spare(r#"{"AWS":["arn:aws:sts::111111111111:assumed-role/R/s","arn:aws:iam::111111111111:role/team/T","arn:aws:iam::333333333333:role/X"]}"#),
            "+ any principal of 111111111111 (except session s of role R, role team/T) that its own policies let gains",
        ),
        (everyone(r#"{"AWS":"333333333333"}"#), "+ any principal of any other account (except those of 333333333333) that its own policies let gains"),
        (everyone(BOB), "+ any principal of any other account (except user bob of 111111111111) that its own policies let gains"),
    ] {
        // Everyone may drop a signature: that line stands for all, and is not looked at here.
        let said = bucket(QUIET, &after);
        assert!(has(&said, &[expected]) || has(&said, &["anyone, without signing in"]), "{said:#?}");
        let lost = bucket(&after, QUIET);
        let expected = expected.replacen("+ ", "- ", 1).replace(" gains", " loses");
        assert!(has(&lost, &[&expected]) || has(&lost, &["anyone, without signing in"]), "{lost:#?}");
    }
}

#[test]
fn who_is_spared_may_not_by_any_way() {
    let policy = format!("{QUIET},{},{}", statement("Allow", ACCOUNT), statement("Deny", BOB));
    let side = estate(NONE, &[], TRUST_APP, &policy);
    let reach = who_can(&side, "s3:GetObject", "arn:aws:s3:::data/x", None);
    let said = crossrole_report::ways(&reach.ways, &reach.undecided, &[], View::default());
    assert!(said.contains("any principal of 111111111111 (except user bob) that its own policies let: s3:GetObject"), "{said}");
}

#[test]
fn providers_that_every_account_knows_are_followed() {
    for provider in ["accounts.google.com", "cognito-identity.amazonaws.com", "graph.facebook.com", "www.amazon.com"] {
        let web = format!(
            r#"{TRUST_APP},{{"Effect":"Allow","Principal":{{"Federated":"{provider}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{"{provider}:aud":"app"}}}}}}"#
        );
        let said = trust(TRUST_APP, &web);
        let line = format!("tokens of {provider} gain sts:AssumeRoleWithWebIdentity on arn:aws:iam::222222222222:role/App when {provider}:aud is app");
        assert!(has(&said, &[&line]), "{said:#?}");
        assert!(has(&trust(&web, TRUST_APP), &["- tokens of", " lose sts:AssumeRoleWithWebIdentity"]), "{provider}");
        let side = estate(NONE, &[], &web, QUIET);
        let reach = who_can(&side, "sts:AssumeRoleWithWebIdentity", APP, None);
        assert!(crossrole_report::ways(&reach.ways, &reach.undecided, &[], View::default()).contains(&format!("tokens of {provider}: ")), "{provider}");
        let mut question = Question {
            principal: provider.to_owned(),
            via: vec![APP.to_owned()],
            action: "s3:GetBucketTagging".to_owned(),
            resource: "arn:aws:s3:::data".to_owned(),
            resource_account: None,
            context: crossrole_access::Context::default(),
            unread_allows: false,
        };
        assert!(!side.ask(&question).last().unwrap().is_allowed());
        question.context.set(&format!("{provider}:aud"), "app");
        assert!(side.ask(&question).last().unwrap().is_allowed(), "{provider}");
    }
}

#[test]
fn bringing_a_context_is_said() {
    let with = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/Portal"},"Action":["sts:AssumeRole","sts:SetContext"]}"#;
    let without = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/Portal"},"Action":"sts:AssumeRole"}"#;
    let said = trust(without, with);
    assert!(has(&said, &["+ role Portal of 111111111111", "gains sts:SetContext on arn:aws:iam::222222222222:role/App"]), "{said:#?}");
}

/// The owner's own principals have the bucket from their own policies: where those were not all read, somebody stands for the rest.
#[test]
fn nobody_is_said_only_of_accounts_that_were_read() {
    let mut side: Estate = estate(NONE, &[], TRUST_APP, QUIET);
    let reach = |side: &Estate| {
        let reach = who_can(side, "s3:PutObject", "arn:aws:s3:::data/x", None);
        crossrole_report::ways(&reach.ways, &reach.undecided, &[], View::default())
    };
    assert!(reach(&side).contains("any principal of 222222222222 that its own policies let: s3:PutObject"), "{}", reach(&side));
    side.whole.insert("222222222222".to_owned());
    assert_eq!(reach(&side), "the root user of 222222222222: s3:PutObject on arn:aws:s3:::data/x\n");
    let shut = QUIET.replace("s3:GetObject", "s3:*").replace("data/none", "data/*");
    let mut side: Estate = estate(NONE, &[], TRUST_APP, &shut);
    side.whole.insert("222222222222".to_owned());
    assert_eq!(reach(&side), "nobody\n");
}

#[test]
fn kinds_of_principals_that_are_not_evaluated_are_no_nobody() {
    let mut side = estate(NONE, &[], TRUST_APP, QUIET);
    side.whole.insert("222222222222".to_owned());
    let policy = document(&statement("Allow", r#"{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"}"#));
    side.buckets.insert("data".to_owned(), Guarded { account: "222222222222".to_owned(), policy: Some(Placed::new(policy, "")), restrict_public: false });
    let reach = who_can(&side, "s3:GetObject", "arn:aws:s3:::data/x", None);
    let said = crossrole_report::ways(&reach.ways, &reach.undecided, &[], View::default());
    assert!(said.contains("? principals of kind CanonicalUser on arn:aws:s3:::data/x: not decided: principals of this kind are not evaluated"), "{said}");
}

/// A caller's own text beside what the request or the resource brings: nobody is called like a tag that nobody has.
#[test]
fn what_callers_are_called_is_compared_with_what_requests_bring() {
    let clause = "when aws:username is ${s3:ExistingObjectTag/owner}";
    for (condition, clause) in [
        (r#""StringEquals":{"aws:username":"${s3:ExistingObjectTag/owner}"}"#, clause),
        (r#""StringEquals":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"}"#, "when aws:PrincipalOrgID is ${aws:ResourceOrgID}"),
        (r#""StringEqualsIgnoreCase":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"}"#, "when aws:PrincipalOrgID is, in any case, ${aws:ResourceOrgID}"),
        (r#""StringEquals":{"aws:userid":"${s3:ExistingObjectTag/owner}"}"#, "when aws:userid is ${s3:ExistingObjectTag/owner}"),
        (
            r#""StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/${s3:ExistingObjectTag/owner}"}"#,
            "when aws:PrincipalArn is like arn:aws:iam::*:role/${s3:ExistingObjectTag/owner}",
        ),
        (r#""StringEquals":{"aws:PrincipalType":"${s3:ExistingObjectTag/owner}"}"#, "when aws:PrincipalType is ${s3:ExistingObjectTag/owner}"),
        (
            r#""ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"${aws:ResourceOrgID}/*"}"#,
            "when aws:PrincipalOrgPaths has a value that is like ${aws:ResourceOrgID}/*",
        ),
    ] {
        let after = |principal: &str| {
            format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{{{condition}}}}}"#)
        };
        let said = bucket(QUIET, &after(r#"{"AWS":"444444444444"}"#));
        assert!(has(&said, &["+ any principal of 444444444444 that its own policies let gains s3:GetObject", clause]), "{condition} {said:#?}");
        let said = bucket(&after(r#"{"AWS":"*"}"#), QUIET);
        assert!(has(&said, &["- any principal of any other account that its own policies let loses s3:GetObject", &clause[5..]]), "{condition} {said:#?}");
    }
    // Whom another key names is told from the others by the one that is compared.
    let after = r#"{"Effect":"Allow","Principal":{"AWS":"444444444444"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"aws:username":"${s3:ExistingObjectTag/owner}"}}},{"Effect":"Deny","Principal":{"AWS":"444444444444"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::444444444444:user/bob"}}}"#;
    let said = bucket(QUIET, after);
    assert!(has(&said, &["+ any principal of 444444444444", "aws:PrincipalArn is not like arn:aws:iam::444444444444:user/bob"]), "{said:#?}");
}

/// What has an account in its ARN is of that account, whatever a guard compares it with.
#[test]
fn guards_that_compare_accounts_with_variables_tell_resources_apart() {
    let with = |operator: &str, effect: &str| {
        format!(
            r#"{{"Effect":"{effect}","Action":"kms:Decrypt","Resource":"*","Condition":{{"{operator}":{{"aws:ResourceAccount":"${{aws:PrincipalAccount}}"}}}}}}"#
        )
    };
    let open = r#"{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}"#;
    let (guarded, deny) = (with("StringEquals", "Allow"), with("StringNotEquals", "Deny"));
    for (before, after) in [(guarded.clone(), open.to_owned()), (format!("{open},{deny}"), open.to_owned())] {
        let said = identity(&format!("{NONE},{before}"), &format!("{NONE},{after}"));
        assert!(has(&said, &["+ role App of 222222222222 gains kms:Decrypt on "]), "{said:#?}");
        assert!(!said.iter().any(|line| line.contains("${aws:PrincipalAccount}:*, ") || line.ends_with("${aws:PrincipalAccount}:*")), "{said:#?}");
    }
}

/// `NotPrincipal` with an account lists its root user, and nobody else of it.
#[test]
fn a_root_user_that_is_spared_is_asked_about() {
    let allow = statement("Allow", r#"{"AWS":"444444444444"}"#);
    let deny = |account: &str| {
        format!(r#"{{"Effect":"Deny","NotPrincipal":{{"AWS":["arn:aws:iam::{account}:root"]}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}"#)
    };
    let root = "the root user of 444444444444";
    let said = bucket(QUIET, &format!("{allow},{}", deny("444444444444")));
    assert!(has(&said, &[&format!("+ {root} gains s3:GetObject")]), "{said:#?}");
    assert!(!has(&said, &["+ any principal of 444444444444"]), "{said:#?}");
    let said = bucket(&format!("{allow},{}", deny("444444444444")), &format!("{allow},{}", deny("111111111111")));
    assert!(has(&said, &[&format!("- {root} loses s3:GetObject")]), "{said:#?}");
    let said = bucket(&allow, &format!("{allow},{}", deny("444444444444")));
    assert!(has(&said, &["- any principal of 444444444444 (except the root user)"]), "{said:#?}");
    let side = estate(NONE, &[], TRUST_APP, &format!("{QUIET},{allow},{}", deny("444444444444")));
    let reach = who_can(&side, "s3:GetObject", "arn:aws:s3:::data/x", None);
    let said = crossrole_report::ways(&reach.ways, &reach.undecided, &[], View::default());
    assert!(said.contains(root), "{said}");
}
