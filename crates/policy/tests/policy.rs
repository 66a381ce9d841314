//! The policy crate from outside: parsing, equality, diff.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

use crossrole_policy::{Document, StatementDiff, diff, parse};
use proptest::prelude::*;

fn doc(text: &str) -> Document {
    parse(text).unwrap()
}

#[test]
fn what_aws_rewrites_is_not_a_difference() {
    let cases = [
        (
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111111111111"]},"Action":["sts:AssumeRole"]}]}"#,
            r#"{"Statement":{"Sid":"","Action":"STS:assumerole","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Effect":"allow"},"Version":"2012-10-17"}"#,
        ),
        (
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":["s3:A","s3:B"],"Resource":["y","x"],"Condition":{"Bool":{"aws:SecureTransport":false}}}]}"#,
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":"*"},"Action":["s3:b","s3:a","s3:b"],"Resource":["x","y"],"Condition":{"bool":{"AWS:securetransport":["false"]}}}]}"#,
        ),
    ];
    for (a, b) in cases {
        assert_eq!(doc(a), doc(b));
    }
}

#[test]
fn everything_else_is_a_difference() {
    let base = r#"{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{"StringEquals":{"k":"v"}}}]}"#;
    let changes = [
        (r#""Version":"2012-10-17","#, ""),
        (r#""Sid":"A""#, r#""Sid":"B""#),
        ("Allow", "Deny"),
        ("111111111111", "111111111112"),
        (r#"{"AWS":"111111111111"}"#, r#"{"Service":"111111111111"}"#),
        ("\"Action\"", "\"NotAction\""),
        ("b/*", "B/*"),
        ("StringEquals", "StringLike"),
        (r#""k":"v""#, r#""k":"V""#),
    ];
    for (from, to) in changes {
        assert!(base.contains(from), "{from}");
        assert_ne!(doc(base), doc(&base.replace(from, to)), "{from} -> {to}");
    }
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = r#"{"Version":"2020-01-01","Statement":[{"Effect":"Maybe","Action":"a:b","NotAction":"c:d"},{"Effect":"Allow","Principle":"*"},7],"X":1}"#;
    let errors: Vec<String> = parse(text).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(
        errors,
        [
            "Statement[0].Effect: `Maybe` is neither Allow nor Deny",
            "Statement[0]: has both `Action` and `NotAction`",
            "Statement[1]: unknown element `Principle`",
            "Statement[2]: a statement is an object",
            "unknown element `X`",
            "Version: `2020-01-01` is not a policy language version; use 2012-10-17",
        ]
    );
}

#[test]
fn statements_pair_by_meaning_then_sid_then_likeness() {
    let before = doc(
        r#"{"Statement":[{"Sid":"One","Effect":"Allow","Action":"s3:GetObject","Resource":"a"},{"Effect":"Allow","Action":["s3:A","s3:B"],"Resource":"b"},{"Effect":"Deny","Action":"*","Resource":"c"}]}"#,
    );
    let after = doc(
        r#"{"Statement":[{"Effect":"Allow","Action":["s3:B","s3:A","s3:C"],"Resource":"b"},{"Sid":"One","Effect":"Allow","Action":"s3:Get*","Resource":"a"},{"Sid":"New","Effect":"Allow","Action":"x:y","Resource":"*"}]}"#,
    );
    let shown: Vec<String> = diff(Some(&before), Some(&after))
        .iter()
        .map(|d| match d {
            StatementDiff::Added(s) => format!("+{}", s.sid()),
            StatementDiff::Removed(s) => format!("-{}", s.action.values.join(",")),
            StatementDiff::Changed { elements, .. } => elements.iter().map(|e| format!("~{} -{:?} +{:?}", e.element, e.removed, e.added)).collect(),
            StatementDiff::Kept(s) => format!("={}", s.sid()),
        })
        .collect();
    assert_eq!(shown, [r#"~Action -[] +["s3:C"]"#, r#"~Action -["s3:GetObject"] +["s3:Get*"]"#, "+New", "-*"]);
}

#[test]
fn orphans_are_unique_ids_and_nothing_else() {
    let d = doc(
        r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":["AROAEXAMPLEID1234567","AIDAEXAMPLEID1234567","111111111111","arn:aws:iam::1:role/AROAX"]},"Action":"sts:AssumeRole"}]}"#,
    );
    assert_eq!(d.orphaned_principals(), ["AROAEXAMPLEID1234567", "AIDAEXAMPLEID1234567"]);
}

fn statement() -> impl Strategy<Value = serde_json::Value> {
    let names = || prop::collection::vec(prop::sample::select(vec!["s3:GetObject", "s3:Put*", "sts:AssumeRole", "iam:*"]), 1..4);
    (prop::option::of("[A-Za-z]{1,3}"), any::<bool>(), any::<bool>(), names(), names(), prop::option::of("[a-z ]{0,4}")).prop_map(
        |(sid, allow, not, actions, resources, condition)| {
            let mut map = serde_json::Map::new();
            if let Some(sid) = sid {
                map.insert("Sid".into(), sid.into());
            }
            map.insert("Effect".into(), if allow { "Allow" } else { "Deny" }.into());
            map.insert(if not { "NotAction" } else { "Action" }.into(), actions.into());
            map.insert("Resource".into(), resources.into());
            if let Some(value) = condition {
                map.insert("Condition".into(), serde_json::json!({"StringLike": {"aws:x": value}}));
            }
            map.into()
        },
    )
}

proptest! {
    #[test]
    fn a_document_survives_a_round_trip_and_any_reordering(mut statements in prop::collection::vec(statement(), 0..5)) {
        let make = |s: &[serde_json::Value]| crossrole_policy::parse_value(&serde_json::json!({"Version": "2012-10-17", "Statement": s})).unwrap();
        let original = make(&statements);
        prop_assert_eq!(&parse(&original.to_json()).unwrap(), &original);
        prop_assert_eq!(original.to_json(), parse(&original.to_json()).unwrap().to_json());
        statements.reverse();
        prop_assert_eq!(&make(&statements), &original);
        prop_assert!(original.to_json().starts_with("{\"Version\""), "IAM refuses documents over it");
    }

    #[test]
    fn a_diff_is_silent_exactly_when_the_bodies_are_equal(a in statement(), b in statement()) {
        let make = |s: &serde_json::Value| crossrole_policy::parse_value(&serde_json::json!({"Statement": s})).unwrap().statements.remove(0);
        let (a, b) = (make(&a), make(&b));
        prop_assert_eq!(crossrole_policy::diff_statement(&a, &b).is_empty(), a == b);
    }

    #[test]
    fn parsing_never_panics(text in ".{0,200}") {
        let _ = parse(&text);
    }
}
