//! The access delta where not everything is known, or where it is not a document that changes.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::delta;
use crossrole_access::estate::{Estate, Guarded, Placed, Principal};
use crossrole_policy::{Document, parse};

pub(crate) const APP: &str = "arn:aws:iam::222222222222:role/App";
const HOST: &str = "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com";
pub(crate) const TRUST_APP: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"sts:AssumeRole"}"#;
const TRUST_TAGS: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":["sts:AssumeRole","sts:TagSession"]}"#;

pub(crate) fn document(statements: &str) -> Document {
    parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap()
}

pub(crate) fn allow(action: &str, resource: &str) -> String {
    format!(r#"{{"Effect":"Allow","Action":"{action}","Resource":"{resource}"}}"#)
}

/// The role App with these policies, tags and trust, and a bucket with this policy.
pub(crate) fn estate(app: &str, tags: &[(&str, &str)], trust: &str, bucket: &str) -> Estate {
    let principal = Principal {
        account: "222222222222".to_owned(),
        user: false,
        name: "App".to_owned(),
        tags: tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        identity: vec![Placed::new(document(app), "")],
        boundary: None,
        groups: BTreeSet::new(),
        unread: BTreeSet::new(),
    };
    let guarded = |text: &str| Guarded { account: "222222222222".to_owned(), policy: Some(Placed::new(document(text), "")), restrict_public: false };
    Estate {
        partition: "aws".to_owned(),
        principals: BTreeMap::from([(APP.to_owned(), principal)]),
        roles: BTreeMap::from([(APP.to_owned(), guarded(trust))]),
        buckets: BTreeMap::from([("data".to_owned(), guarded(bucket))]),
        ..Estate::default()
    }
}

/// What is said, a line each.
pub(crate) fn lines(before: &Estate, after: &Estate) -> Vec<String> {
    crossrole_report::access_lines(&delta(before, after), crossrole_report::View::default())
}

pub(crate) const QUIET: &str = r#"{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/none"}"#;

#[test]
fn another_region_or_account_is_a_widening() {
    let side = |resource: &str| estate(&allow("dynamodb:GetItem", resource), &[], TRUST_APP, QUIET);
    let here = side("arn:aws:dynamodb:us-east-1:222222222222:table/t");
    for wider in ["arn:aws:dynamodb:*:222222222222:table/t", "arn:aws:dynamodb:us-east-1:*:table/t", "arn:aws:dynamodb:eu-west-1:333333333333:table/t"] {
        let said = lines(&here, &side(wider));
        assert!(said.iter().any(|l| l.starts_with("+ role App of 222222222222 gains dynamodb:GetItem on ")), "{wider}: {said:#?}");
    }
    assert_eq!(lines(&here, &here), Vec::<String>::new());
}

#[test]
fn a_service_whose_arns_have_another_name_is_looked_at() {
    let said = lines(
        &estate(&allow("s3:GetObject", "arn:aws:s3:::data/a"), &[], TRUST_APP, QUIET),
        &estate(&allow("kafka-cluster:Connect", "arn:aws:kafka:us-east-1:222222222222:cluster/c/*"), &[], TRUST_APP, QUIET),
    );
    assert!(
        said.iter().any(|l| l.starts_with("+ role App of 222222222222 gains kafka-cluster:Connect on arn:aws:kafka:us-east-1:222222222222:cluster/c/*")),
        "{said:#?}"
    );
}

#[test]
fn actions_that_nobody_has_listed_are_not_overlooked() {
    let side = |action: &str, resource: &str| estate(&allow(action, resource), &[], TRUST_APP, QUIET);
    let none = estate("", &[], TRUST_APP, QUIET);
    for (action, resource, expected) in [
        ("dynamodb:*", "*", "dynamodb:* on *"),
        ("dynamodb:?*", "arn:aws:dynamodb:us-east-1:222222222222:table/t", "dynamodb:* on arn:aws:dynamodb:us-east-1:222222222222:table/t"),
        ("dynamodb:Get*", "*", "dynamodb:Get* on *"),
        ("dynamodb:GetItem", "*", "dynamodb:GetItem on *"),
        ("*:*", "*", "* (except sts:AssumeRole*, sts:SetContext, sts:SetSourceIdentity, sts:TagSession) on * (except data, data/*)"),
        ("*", "*", "* (except sts:AssumeRole*, sts:SetContext, sts:SetSourceIdentity, sts:TagSession) on * (except data, data/*)"),
    ] {
        let said = lines(&none, &side(action, resource));
        assert!(said.iter().any(|l| *l == format!("+ role App of 222222222222 gains {expected}")), "{action} {resource}: {said:#?}");
    }
}

#[test]
fn kinds_of_resources_that_nobody_looks_at_are_not_unchanged() {
    let point = "arn:aws:s3:us-east-1:222222222222:accesspoint/p/object/*";
    let said = lines(
        &estate(&allow("s3:GetObject", "arn:aws:s3:::data/a"), &[], TRUST_APP, QUIET),
        &estate(&format!("{},{}", allow("s3:GetObject", "arn:aws:s3:::data/a"), allow("s3:GetObject", point)), &[], TRUST_APP, QUIET),
    );
    let gains = |actions: &str| [format!("+ role App of 222222222222 gains {actions} on {point}")];
    assert_eq!(said, gains("s3:GetObject"));
    // The pattern stays, and what is allowed on it changes: by its own statement, or by a Deny that goes.
    let side = |action: &str, more: &str| estate(&format!("{}{more}", allow(action, point)), &[], TRUST_APP, QUIET);
    assert!(lines(&side("s3:GetObject", ""), &side("s3:*", "")).iter().any(|l| l.starts_with("+ role App") && l.ends_with(&format!(" on {point}"))));
    let deny = r#",{"Effect":"Deny","Action":"s3:PutObject","Resource":"*"}"#;
    assert_eq!(lines(&side("s3:*", deny), &side("s3:*", "")), gains("s3:PutObject"));
    // Another statement changes.
    let elsewhere = format!(",{}", allow("s3:GetObject", "arn:aws:s3:::data/a"));
    assert!(lines(&side("s3:*", ""), &side("s3:*", &elsewhere)).iter().all(|l| !l.starts_with('?')));
}

#[test]
fn a_session_has_the_tags_of_its_role_unless_trust_lets_it_bring_others() {
    let team = r"arn:aws:s3:::data/${aws:PrincipalTag/team}/*";
    let side = |tags: &[(&str, &str)], trust: &str, with: bool| estate(&if with { allow("s3:GetObject", team) } else { String::new() }, tags, trust, QUIET);
    for (tags, trust, expected) in [
        (&[("team", "red")][..], TRUST_APP, "+ role App of 222222222222 gains s3:GetObject on data/red/*"),
        (
            &[("team", "red")],
            TRUST_TAGS,
            "+ role App of 222222222222 gains s3:GetObject on data/${aws:PrincipalTag/team}/* when aws:PrincipalTag/team is present",
        ),
    ] {
        assert_eq!(lines(&side(tags, trust, false), &side(tags, trust, true)), [expected]);
    }
    // Without the tag the statement fits nothing.
    assert_eq!(lines(&side(&[], TRUST_APP, false), &side(&[], TRUST_APP, true)), Vec::<String>::new());
    let said = lines(&side(&[("team", "red")], TRUST_APP, true), &side(&[("team", "blue")], TRUST_APP, true));
    let expected = [
        "+ role App of 222222222222 gains s3:GetObject on data/${aws:PrincipalTag/team}/* when aws:PrincipalTag/team is blue",
        "- role App of 222222222222 loses s3:GetObject on data/${aws:PrincipalTag/team}/* when aws:PrincipalTag/team is red",
    ];
    assert_eq!(said, expected);
}

#[test]
fn what_was_not_read_may_meet_what_a_bucket_now_allows() {
    let opened = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;
    let denied = r#"{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*"}"#;
    let side = |bucket: &str| {
        let mut side = estate(&allow("s3:GetBucketTagging", "*"), &[], TRUST_APP, bucket);
        side.principals.get_mut(APP).unwrap().unread.insert("arn:aws:iam::aws:policy/AmazonS3FullAccess".to_owned());
        side
    };
    let said = lines(&side(denied), &side(opened));
    assert!(
        said.contains(&"+ role App of 222222222222, as far as its policies that were not read let it, gains s3:PutObject on data/*".to_owned()),
        "{said:#?}"
    );
}

#[test]
fn principals_of_unknown_kinds_are_not_nobody() {
    let opened = r#"{"Effect":"Allow","Principal":{"CanonicalUser":"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;
    let app = allow("s3:GetBucketTagging", "*");
    let said = lines(&estate(&app, &[], TRUST_APP, QUIET), &estate(&app, &[], TRUST_APP, opened));
    assert!(
        said.contains(&"? principals of kind CanonicalUser on bucket data: not decided: principals of this kind are not evaluated".to_owned()),
        "{said:#?}"
    );
}

#[test]
fn a_provider_that_comes_changes_who_enters_by_a_trust_policy_that_stays() {
    let trust = format!(
        r#"{{"Effect":"Allow","Principal":{{"Federated":"{HOST}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{"token.actions.githubusercontent.com:sub":"repo:o/r:ref:refs/heads/main"}}}}}}"#
    );
    let side = |audiences: &[&str]| {
        let mut side = estate(&allow("s3:GetObject", "arn:aws:s3:::data/a"), &[], &trust, QUIET);
        if !audiences.is_empty() {
            side.providers.insert(HOST.to_owned(), audiences.iter().map(|a| (*a).to_owned()).collect());
        }
        side
    };
    let expected = ["? tokens of token.actions.githubusercontent.com on role App of 222222222222: not decided: the provider itself changes"];
    assert_eq!(lines(&side(&[]), &side(&["sts.amazonaws.com"])), expected);
    assert_eq!(lines(&side(&["sts.amazonaws.com"]), &side(&["sts.amazonaws.com", "other"])), expected);
    assert_eq!(lines(&side(&["sts.amazonaws.com"]), &side(&["sts.amazonaws.com"])), Vec::<String>::new());
}
