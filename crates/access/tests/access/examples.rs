//! Worked examples of AWS's decisions, one JSON object a line; both evaluators agree with them.

use std::collections::BTreeMap;

use crossrole_access::{Caller, Compiled, Context, ContextValue, Policies, Request, evaluate};
use crossrole_policy::Document;
use serde::Deserialize;

use crate::literal::evaluate as literal;

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
    resource_account: Option<String>,
    context: BTreeMap<String, ContextValue>,
}

#[test]
fn every_example_is_decided_as_aws_does() {
    let text = include_str!("../examples.jsonl");
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
            resource_account: example.request.resource_account,
            context,
        };
        let compile = |document: &Document| Compiled::new(document, "");
        let list = |documents: &[Document]| documents.iter().map(compile).collect::<Vec<_>>();
        let (identity, resource) = (list(&example.identity_policies), example.resource_policy.as_ref().map(compile));
        let (boundary, session) = (example.permission_boundaries.as_deref().map(list), example.session_policy.as_ref().map(compile));
        let scps = example.scps.as_ref().map(|levels| levels.iter().map(|l| list(l)).collect::<Vec<_>>());
        let rcps: Vec<_> = example.rcps.iter().map(|l| list(l)).collect();
        let policies = Policies {
            identity: identity.iter().collect(),
            resource: resource.as_ref(),
            boundary: boundary.as_ref().map(|b| b.iter().collect()),
            session: session.as_ref().map(|d| vec![d]),
            service_control: scps.as_ref().map(|levels| levels.iter().map(|l| l.iter().collect()).collect()),
            resource_control: rcps.iter().map(|l| l.iter().collect()).collect(),
            restrict_public: false,
        };
        let plain = literal::Policies {
            identity: example.identity_policies.iter().collect(),
            resource: example.resource_policy.as_ref(),
            boundary: example.permission_boundaries.as_ref().map(|list| list.iter().collect()),
            session: example.session_policy.as_ref().map(|d| vec![d]),
            service_control: example.scps.as_ref().map(|levels| levels.iter().map(|l| l.iter().collect()).collect()),
            resource_control: example.rcps.iter().map(|l| l.iter().collect()).collect(),
        };
        for (who, answer) in [("compiled", evaluate(&request, &policies)), ("literal", literal::evaluate(&request, &plain))] {
            let shown = answer.decision.as_str();
            if shown != example.expected {
                wrong.push(format!("{who}: {} ({}): expected {}, got {shown} by {:?}", example.id, example.note, example.expected, answer.layer));
            }
        }
    }
    assert_eq!(count, 110);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
