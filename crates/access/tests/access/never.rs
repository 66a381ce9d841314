//! What AWS lets nobody do, whatever policies say, and what it does not take for that.

use crossrole_access::{Caller, Compiled, Context, Decision, Policies, Question, Request, by_policies, evaluate, explain_alone};
use crossrole_model::access::{Because, Fix, Never};

use crate::delta::{allow, document, lines};
use crate::missed::{bucket, has};

/// The answer to somebody who may do everything, of a resource of 222222222222 whose policy lets everybody do everything.
fn answer(caller: &str, action: &str, resource: &str) -> Decision {
    let identity = Compiled::new(&document(&allow("*", "*")), "");
    let of_role = resource.contains(":role/");
    let resource_element = if of_role { "" } else { r#","Resource":"*""# };
    let open = format!(r#"{{"Effect":"Allow","Principal":"*","Action":"*"{resource_element}}}"#);
    let policy = Compiled::new(&document(&open), "");
    let request = Request {
        caller: Caller::parse(caller),
        action: action.to_owned(),
        resource: resource.to_owned(),
        resource_account: Some("222222222222".to_owned()),
        context: Context::default(),
    };
    let policies = Policies { identity: vec![&identity], resource: Some(&policy), ..Policies::default() };
    assert!(by_policies(&request, &policies).is_allowed(), "{caller} {action}");
    let answer = evaluate(&request, &policies);
    assert_eq!(answer.layer, None);
    answer.decision
}

#[test]
fn policies_do_not_decide_it() {
    const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/0b1c2d3e-0000-4000-8000-000000000000";
    const ROLE: &str = "arn:aws:iam::222222222222:role/App";
    let user = |account: &str| format!("arn:aws:iam::{account}:user/ann");
    let (outside, inside) = (user("111111111111"), user("222222222222"));
    for (action, resource) in [
        ("s3:PutBucketPolicy", "arn:aws:s3:::data"),
        ("S3:getbucketpolicy", "arn:aws:s3:::data"),
        ("s3:DeleteBucketPolicy", "arn:aws:s3:::data"),
        ("kms:PutKeyPolicy", KEY),
        ("KMS:ScheduleKeyDeletion", KEY),
        ("kms:TagResource", KEY),
    ] {
        assert_eq!(answer(&outside, action, resource), Decision::ImplicitlyDenied, "{action}");
        assert_eq!(answer(&inside, action, resource), Decision::Allowed, "{action}");
    }
    // Recorded, or documented, as let between accounts.
    for (action, resource) in [
        ("s3:GetBucketPolicyStatus", "arn:aws:s3:::data"),
        ("s3:DeleteBucket", "arn:aws:s3:::data"),
        ("kms:Decrypt", KEY),
        ("kms:DescribeKey", KEY),
        ("kms:GetKeyRotationStatus", KEY),
        ("kms:CreateGrant", KEY),
        ("kms:ListGrants", KEY),
    ] {
        assert_eq!(answer(&outside, action, resource), Decision::Allowed, "{action}");
    }
    for account in ["111111111111", "222222222222"] {
        assert_eq!(answer(&format!("arn:aws:iam::{account}:root"), "sts:AssumeRole", ROLE), Decision::ImplicitlyDenied);
        assert_eq!(answer(&user(account), "sts:AssumeRole", ROLE), Decision::Allowed);
        let session = format!("arn:aws:sts::{account}:federated-user/ann");
        assert_eq!(answer(&session, "sts:AssumeRole", ROLE), Decision::ImplicitlyDenied);
        assert_eq!(answer(&session, "sts:GetCallerIdentity", "*"), Decision::Allowed);
        assert_eq!(answer(&session, "s3:GetObject", "arn:aws:s3:::data/x"), Decision::Allowed);
    }
}

/// AWS does not look at policies for these, and neither do explain and who-can.
#[test]
fn some_requests_are_not_heard_at_all() {
    const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/0b1c2d3e-0000-4000-8000-000000000000";
    let all = Compiled::new(&document(&allow("*", "*")), "");
    let open = Compiled::new(&document(r#"{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}"#), "");
    let user = "arn:aws:iam::222222222222:user/ann";
    let (role, federated) = ("arn:aws:iam::222222222222:role/App", "arn:aws:sts::222222222222:federated-user/ann");
    for (caller, action, resource, why) in [
        (role, "sts:GetSessionToken", "*", Some(Never::OfSession)),
        (role, "STS:getFederationToken", "arn:aws:sts::222222222222:federated-user/x", Some(Never::OfSession)),
        (federated, "sts:GetSessionToken", "*", Some(Never::OfSession)),
        (user, "sts:GetFederationToken", "arn:aws:sts::222222222222:federated-user/x", None),
        (role, "sts:AssumeRole", role, None),
        ("anonymous", "kms:Decrypt", KEY, Some(Never::Unsigned)),
        ("anonymous", "iam:GetRole", role, Some(Never::Unsigned)),
        ("anonymous", "s3:GetObject", "arn:aws:s3:::data/x", None),
    ] {
        let question = Question {
            principal: caller.to_owned(),
            via: Vec::new(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: Some("222222222222".to_owned()),
            context: Context::default(),
            unread_allows: false,
        };
        let answer = explain_alone(&question, &Policies { identity: vec![&all], resource: Some(&open), ..Policies::default() });
        assert_eq!(answer.is_allowed(), why.is_none(), "{caller} {action}");
        if let Some(why) = why {
            assert_eq!((answer.because, answer.fixes), (Because::Never { why }, vec![Fix::None]), "{caller} {action}");
        }
    }
}

#[test]
fn an_outsider_gains_what_is_for_outsiders_alone() {
    let grant = |actions: &str| format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":{actions},"Resource":"arn:aws:s3:::data"}}"#);
    let said = bucket(crate::delta::QUIET, &grant(r#"["s3:PutBucketPolicy","s3:GetBucketPolicy"]"#));
    assert_eq!(said, Vec::<String>::new());
    let said = bucket(crate::delta::QUIET, &grant(r#"["s3:PutBucketPolicy","s3:DeleteBucket"]"#));
    assert!(has(&said, &["+ any principal of 111111111111", "gains s3:DeleteBucket on data"]) && !has(&said, &["PutBucketPolicy"]), "{said:#?}");
    // Callers of its own account may be let in by it.
    let own = grant(r#""s3:PutBucketPolicy""#).replace(r#""111111111111""#, r#""arn:aws:iam::222222222222:user/ann""#);
    let said = bucket(crate::delta::QUIET, &own);
    assert!(has(&said, &["user ann of 222222222222", "gains s3:PutBucketPolicy on data"]), "{said:#?}");
}

/// A trust policy with this condition, seen from an account that tags its users.
fn trust(condition: &str, team: Option<&str>) -> bool {
    let text = format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":"sts:AssumeRole","Condition":{{{condition}}}}}"#);
    let policy = Compiled::new(&document(&text), "");
    let identity = Compiled::new(&document(&allow("*", "*")), "");
    let mut context = Context::default();
    context.set("aws:CurrentTime", "2026-12-01T00:00:00Z");
    if let Some(team) = team {
        context.set("aws:PrincipalTag/team", team);
    }
    let request = Request {
        caller: Caller::parse("arn:aws:iam::111111111111:user/ann"),
        action: "sts:AssumeRole".to_owned(),
        resource: "arn:aws:iam::222222222222:role/App".to_owned(),
        resource_account: Some("222222222222".to_owned()),
        context,
    };
    evaluate(&request, &Policies { identity: vec![&identity], resource: Some(&policy), ..Policies::default() }).is_allowed()
}

/// "Or if the key values resolve to a null data set, such as an empty string" (IAM User Guide, "Single-valued vs. multivalued context keys").
#[test]
fn an_empty_value_is_none_to_operators_of_sets() {
    for (operator, values, team, expected) in [
        ("ForAllValues:StringEquals", r#""red""#, None, true),
        ("ForAllValues:StringEquals", r#""red""#, Some(""), true),
        ("ForAllValues:StringEquals", r#""red""#, Some("blue"), false),
        ("ForAllValues:StringNotEquals", r#""""#, Some(""), true),
        ("ForAnyValue:StringEquals", r#"["a",""]"#, Some(""), false),
        ("ForAnyValue:StringNotEquals", r#""a""#, Some(""), false),
        ("ForAnyValue:StringEquals", r#"["a",""]"#, Some("a"), true),
        ("StringEquals", r#""""#, Some(""), true),
    ] {
        let condition = format!(r#""{operator}":{{"aws:PrincipalTag/team":{values}}}"#);
        assert_eq!(trust(&condition, team), expected, "{condition} {team:?}");
    }
}

/// W3C's "Date and Time Formats", which the IAM User Guide names, has months too.
#[test]
fn a_month_is_a_date() {
    for (condition, expected) in [
        (r#""DateLessThan":{"aws:CurrentTime":"2028-01"}"#, true),
        (r#""DateLessThan":{"aws:CurrentTime":"2026-12"}"#, false),
        (r#""DateLessThanEquals":{"aws:CurrentTime":"2026-12"}"#, true),
        (r#""DateGreaterThan":{"aws:CurrentTime":"2026-01"}"#, true),
        (r#""DateGreaterThan":{"aws:CurrentTime":"2026-13"}"#, false),
    ] {
        assert_eq!(trust(condition, None), expected, "{condition}");
    }
    let estate = |more: &str| {
        let text = format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":"sts:AssumeRole"{more}}}"#);
        crate::delta::estate(crate::missed::NONE, &[], &text, crate::delta::QUIET)
    };
    let never = estate(r#","Condition":{"DateLessThan":{"aws:CurrentTime":"1970-01-01"},"StringEquals":{"aws:PrincipalTag/x":"y"}}"#);
    let said = lines(&never, &estate(r#","Condition":{"DateLessThan":{"aws:CurrentTime":"2028-01"}}"#));
    assert!(has(&said, &["+ any principal of 111111111111", "sts:AssumeRole"]), "{said:#?}");
}
