//! Worked examples of AWS's decisions, one JSON object a line.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

use std::collections::BTreeMap;

use crossrole_access::{Caller, Context, ContextValue, Decision, Policies, Request, evaluate};
use crossrole_policy::Document;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Example {
    id: String,
    note: String,
    request: Asked,
    expected: String,
    #[serde(default)]
    identity_policies: Vec<Document>,
    resource_policy: Option<Document>,
    permission_boundaries: Option<Vec<Document>>,
    session_policy: Option<Document>,
    scps: Option<Vec<Vec<Document>>>,
    #[serde(default)]
    rcps: Vec<Vec<Document>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    principal: String,
    action: String,
    resource: String,
    resource_account: String,
    context: BTreeMap<String, ContextValue>,
}

#[test]
fn every_example_is_decided_as_aws_does() {
    let text = include_str!("examples.jsonl");
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in text.lines() {
        count += 1;
        let example: Example = serde_json::from_str(line).unwrap();
        let mut context = Context::default();
        for (key, value) in example.request.context {
            context.insert(&key, value);
        }
        let request = Request {
            caller: Caller::parse(&example.request.principal),
            action: example.request.action,
            resource: example.request.resource,
            resource_account: Some(example.request.resource_account),
            context,
        };
        let policies = Policies {
            identity: example.identity_policies.iter().collect(),
            resource: example.resource_policy.as_ref(),
            boundary: example.permission_boundaries.as_ref().map(|list| list.iter().collect()),
            session: example.session_policy.as_ref().map(|d| vec![d]),
            service_control: example.scps.as_ref().map(|levels| levels.iter().map(|l| l.iter().collect()).collect()),
            resource_control: example.rcps.iter().map(|l| l.iter().collect()).collect(),
        };
        let answer = evaluate(&request, &policies);
        let shown = match answer.decision {
            Decision::Allowed => "Allowed",
            Decision::ExplicitlyDenied => "ExplicitlyDenied",
            Decision::ImplicitlyDenied => "ImplicitlyDenied",
        };
        if shown != example.expected {
            wrong.push(format!("{} ({}): expected {}, got {shown} by {:?}", example.id, example.note, example.expected, answer.layer));
        }
    }
    assert_eq!(count, 84);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
