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

use crossrole_policy::{Document, Share, StatementDiff, Unmergeable, diff, parse};
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

/// An account is of one partition: a bare id is meant for `aws`, and never for another.
#[test]
fn a_root_of_another_partition_is_somebody_else() {
    let of = |principal: &str| doc(&format!(r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}]}}"#));
    assert_eq!(of("444444444444"), of("arn:aws:iam::444444444444:root"));
    assert_ne!(of("444444444444"), of("arn:aws-us-gov:iam::444444444444:root"));
    assert_ne!(of("arn:aws:iam::444444444444:root"), of("arn:aws-us-gov:iam::444444444444:root"));
}

/// The bytes behind every Sid and digest: a change here would rewrite every bucket policy in the world.
#[test]
fn the_encoding_never_changes() {
    let text = r#"{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"S","Effect":"Deny","NotPrincipal":{"AWS":["111111111111"],"Service":"ec2.amazonaws.com"},"Action":["s3:Get*","s3:Put*"],"NotResource":"arn:aws:s3:::b/*","Condition":{"StringLike":{"aws:PrincipalArn":["a","b"]}}},{"Effect":"Allow","Principal":"*","NotAction":"iam:*"}]}"#;
    let written = String::from_utf8(doc(text).canonical().encode()).unwrap();
    assert_eq!(
        written,
        "11:crossrole/1,8:document,10:2012-10-17,+1:x,2;-5:Allow,+-1;3:AWS,1:*,+1;5:iam:*,-0;+1:S,4:Deny,++2;3:AWS,12:111111111111,7:Service,17:ec2.amazonaws.com,\
         -2;7:s3:get*,7:s3:put*,++1;16:arn:aws:s3:::b/*,1;10:stringlike,16:aws:principalarn,2;1:a,1:b,"
    );
    let statement = &doc(text).statements[1];
    assert_eq!(String::from_utf8(statement.canonical_body().encode()).unwrap(), "11:crossrole/1,9:statement,5:Allow,+-1;3:AWS,1:*,+1;5:iam:*,-0;");
}

/// Our part of a document that belongs to many: what is put in and kept, and what can't be.
#[test]
fn a_share_is_merged_beside_what_others_have() {
    let prefixes: std::collections::BTreeSet<String> = ["Ours".to_owned()].into();
    let ours = doc(
        r#"{"Statement":[{"Sid":"OursNew","Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:username}"}]}"#,
    );
    let share = Share { prefixes, statements: ours.statements.clone() };
    let none = Share { statements: Vec::new(), ..share.clone() };
    let old = r#"{"Sid":"OursOld","Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}"#;
    let theirs = r#"{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#;
    let dead = r#"{"Sid":"Half","Effect":"Allow","Principal":{"AWS":["AROAEXAMPLEEXAMPLE123","222222222222"]},"Action":"s3:*","Resource":"*"}"#;
    let only_dead = r#"{"Sid":"Whole","Effect":"Allow","Principal":{"AWS":"AROAEXAMPLEEXAMPLE123"},"Action":"s3:*","Resource":"*"}"#;
    let exception = r#"{"Sid":"Except","Effect":"Deny","NotPrincipal":{"AWS":"AROAEXAMPLEEXAMPLE123"},"Action":"s3:*","Resource":"*"}"#;
    let current = |version: &str, statements: &[&str]| doc(&format!(r#"{{{version}"Statement":[{}]}}"#, statements.join(",")));
    let new = r#""Version":"2012-10-17","#;
    let sids = |d: &Document| d.statements.iter().map(|s| s.sid().to_owned()).collect::<Vec<_>>();
    let merged = share.merge(Some(&current(new, &[theirs, old, dead, only_dead]))).unwrap();
    assert_eq!(sids(&merged.document.unwrap()), ["Theirs", "Half", "OursNew"]);
    let dropped: Vec<(&str, bool)> = merged.dropped.iter().map(|d| (d.sid.as_str(), d.whole)).collect();
    assert_eq!(dropped, [("Half", false), ("Whole", true)]);
    assert_eq!(share.merge(None).unwrap().document.unwrap().version.as_deref(), Some("2012-10-17"));
    assert_eq!(none.merge(Some(&current(new, &[old]))).unwrap().document, None, "an empty policy is none");
    assert_eq!(share.merge(Some(&current("", &[theirs]))), Err(Unmergeable::OldLanguage));
    assert!(share.merge(Some(&current("", &[old]))).is_ok(), "no foreign statement speaks the old language");
    assert!(none.merge(Some(&current("", &[theirs, old]))).is_ok(), "nothing of ours has a variable");
    assert_eq!(share.merge(Some(&current(new, &[exception]))), Err(Unmergeable::DeadException { sid: "Except".to_owned() }));
    assert!(share.is_in(share.merge(Some(&current(new, &[theirs]))).unwrap().document.as_ref()) && !share.is_in(None));
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

/// A row for each rule of the canonical form, and beside it what is none: equal, or not, and the bytes of digests with it.
#[test]
fn each_rule_of_the_canonical_form() {
    let statement = |rest: &str| format!(r#"{{"Effect":"Allow","Action":"s3:A"{rest}}}"#);
    let document = |statements: &[String]| format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
    let one = |rest: &str| document(&[statement(rest)]);
    let (a, b) = (statement(r#","Resource":"a""#), statement(r#","Resource":"b""#));
    let aws = |value: &str| one(&format!(r#","Principal":{{"AWS":{value}}}"#));
    let when = |condition: &str| one(&format!(r#","Condition":{{{condition}}}"#));
    let version = |text: &str| one("").replace(r#""Version":"2012-10-17","#, text);
    let root = |partition: &str| format!(r#""arn:{partition}:iam::111111111111:root""#);
    let rows = [
        ("the order of statements", document(&[a.clone(), b.clone()]), document(&[b.clone(), a.clone()]), true),
        ("a statement twice", document(&[a.clone(), b.clone(), a.clone()]), document(&[a.clone(), b]), true),
        ("one statement without a list", document(std::slice::from_ref(&a)), format!(r#"{{"Version":"2012-10-17","Statement":{a}}}"#), true),
        ("a list of one", one(r#","Resource":["a"]"#), one(r#","Resource":"a""#), true),
        ("the order of a list", one(r#","Resource":["a","b"]"#), one(r#","Resource":["b","a"]"#), true),
        ("an entry twice", one(r#","Resource":["a","b","a"]"#), one(r#","Resource":["a","b"]"#), true),
        ("an empty Sid", one(r#","Sid":"""#), one(""), true),
        ("a Sid", one(r#","Sid":"A""#), one(""), false),
        ("the case of a Sid", one(r#","Sid":"A""#), one(r#","Sid":"a""#), false),
        ("the case of an action", one(""), one("").replace("s3:A", "S3:a"), true),
        ("the case of a resource", one(r#","Resource":"a""#), one(r#","Resource":"A""#), false),
        ("the case of an effect", one(""), one("").replace("Allow", "allow"), true),
        ("no resource, and all", one(r#","Resource":"*""#), one(""), false),
        ("an action and all but it", one(""), one("").replace("Action", "NotAction"), false),
        ("a resource and all but it", one(r#","Resource":"a""#), one(r#","NotResource":"a""#), false),
        ("a principal and all but it", aws(r#""111111111111""#), aws(r#""111111111111""#).replace("Principal", "NotPrincipal"), false),
        ("everybody", aws(r#""*""#), one(r#","Principal":"*""#), true),
        ("everybody, and all services", one(r#","Principal":{"Service":"*"}"#), one(r#","Principal":"*""#), false),
        ("an account and its root", aws(r#""111111111111""#), aws(&root("aws")), true),
        ("an account named twice", aws(&format!(r#"["111111111111",{}]"#, root("aws"))), aws(&root("aws")), true),
        ("an account and a root of China", aws(r#""111111111111""#), aws(&root("aws-cn")), false),
        ("an account as a principal of another kind", one(r#","Principal":{"Federated":"111111111111"}"#), aws(r#""111111111111""#), false),
        ("a root as a service", one(&format!(r#","Principal":{{"Service":{}}}"#, root("aws"))), one(r#","Principal":{"Service":"111111111111"}"#), false),
        ("a root of too few digits", aws(r#""arn:aws:iam::1111:root""#), aws(r#""1111""#), false),
        ("a role whose name ends so", aws(r#""arn:aws:iam::111111111111:role/root""#), aws(r#""111111111111""#), false),
        ("a session of the account", aws(r#""arn:aws:sts::111111111111:root""#), aws(r#""111111111111""#), false),
        ("the case of a role's name", aws(r#""arn:aws:iam::111111111111:role/A""#), aws(r#""arn:aws:iam::111111111111:role/a""#), false),
        ("a flag", when(r#""Bool":{"k":true}"#), when(r#""Bool":{"k":"true"}"#), true),
        ("a number", when(r#""NumericLessThan":{"k":3600}"#), when(r#""NumericLessThan":{"k":"3600"}"#), true),
        ("a number written otherwise", when(r#""NumericLessThan":{"k":"3600.0"}"#), when(r#""NumericLessThan":{"k":"3600"}"#), false),
        ("the order of keys", when(r#""Bool":{"k":"x","l":"y"}"#), when(r#""Bool":{"l":"y","k":"x"}"#), true),
        ("the order of operators", when(r#""Bool":{"k":"x"},"Null":{"k":"y"}"#), when(r#""Null":{"k":"y"},"Bool":{"k":"x"}"#), true),
        ("the case of an operator", when(r#""StringEquals":{"k":"x"}"#), when(r#""stringequals":{"k":"x"}"#), true),
        ("the case of a key", when(r#""StringEquals":{"aws:PrincipalTag/Team":"x"}"#), when(r#""StringEquals":{"AWS:principaltag/team":"x"}"#), true),
        ("the case of a value", when(r#""StringEquals":{"k":"x"}"#), when(r#""StringEquals":{"k":"X"}"#), false),
        ("an operator with IfExists", when(r#""StringEquals":{"k":"x"}"#), when(r#""StringEqualsIfExists":{"k":"x"}"#), false),
        ("an operator over all values", when(r#""StringEquals":{"k":"x"}"#), when(r#""ForAllValues:StringEquals":{"k":"x"}"#), false),
        ("values under another key", when(r#""StringEquals":{"k":["x","y"]}"#), when(r#""StringEquals":{"k":"x","l":"y"}"#), false),
        ("a key without values", when(r#""StringEquals":{"k":[]}"#), one(""), false),
        ("an empty block", when(""), one(""), true),
        ("no language, and the old one", version(""), version(r#""Version":"2008-10-17","#), true),
        ("no language, and the new one", version(""), version(r#""Version":"2012-10-17","#), false),
        ("an id", version(r#""Id":"x","Version":"2012-10-17","#), one(""), false),
    ];
    for (what, left, right, equal) in rows {
        let (left, right) = (doc(&left), doc(&right));
        assert_eq!(left == right, equal, "{what}");
        assert_eq!(left.canonical().encode() == right.canonical().encode(), equal, "{what}, in digests");
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
fn a_key_that_stands_twice_is_a_mistake_wherever_it_is() {
    let condition = r#"{"Statement":{"Effect":"Allow","Action":"s3:GetObject","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},"Bool":{"aws:SecureTransport":"true"}}}}"#;
    let statement = r#"{"Statement":[{"Effect":"Deny","Action":"*"}],"Statement":[{"Effect":"Allow","Action":"*"}]}"#;
    let effect = r#"{"Statement":[{"Effect":"Deny","Effect":"Allow","Action":"*"}]}"#;
    let escaped = r#"{"Statement":[{"Effect":"Allow","Action":"*","\u0041ction":"s3:*"}]}"#;
    for (text, key) in [(condition, "Bool"), (statement, "Statement"), (effect, "Effect"), (escaped, "Action")] {
        let errors = parse(text).unwrap_err();
        assert!(errors[0].message.starts_with(&format!("not JSON: `{key}` stands there twice")), "{errors:?}");
    }
    let apart = r#"{"Statement":[{"Effect":"Allow","Action":"*"},{"Effect":"Allow","Action":"*"}]}"#;
    assert_eq!(parse(apart).unwrap().statements.len(), 2);
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

/// KMS takes statements without an action; they do nothing, and are written back as they are.
#[test]
fn a_statement_of_a_key_without_an_action_is_kept() {
    let text = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Inert","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Resource":"*"}]}"#;
    assert!(parse(text).is_err(), "nowhere else");
    let document = crossrole_policy::parse_key_policy(text).unwrap();
    assert_eq!(document.to_json(), text);
    assert_eq!(serde_json::from_str::<Document>(text).unwrap(), document);
    assert!(crossrole_policy::parse_key_policy(&text.replace(r#""Effect":"Allow","#, "")).is_err());
}
