//! Test cases of the evaluator, one JSON object each: a request, the policies that apply, and what is expected.

use std::collections::BTreeMap;

use crossrole_model::access::Decision;
use crossrole_policy::Document;
use serde::Deserialize;

use crate::engine::compiled::Compiled;
use crate::engine::decide::{Answer, evaluate};
use crate::principal::Caller;
use crate::request::{Context, ContextValue, Policies, Request};

/// One case.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Case {
    /// Its name.
    pub id: String,
    /// What it is about.
    #[serde(default)]
    pub note: String,
    /// AWS's answer.
    pub expected: Decision,
    request: Asked,
    #[serde(default)]
    identity_policies: Vec<Document>,
    resource_policy: Option<Document>,
    permission_boundaries: Option<Vec<Document>>,
    session_policy: Option<Document>,
    scps: Option<Vec<Vec<Document>>>,
    #[serde(default)]
    rcps: Vec<Vec<Document>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Asked {
    principal: String,
    action: String,
    resource: String,
    resource_account: Option<String>,
    #[serde(default)]
    context: BTreeMap<String, ContextValue>,
}

impl Case {
    /// Decides it.
    pub fn decide(&self) -> Answer {
        let compile = |document: &Document| Compiled::new(document, "");
        let list = |documents: &[Document]| documents.iter().map(compile).collect::<Vec<_>>();
        let levels = |levels: &[Vec<Document>]| levels.iter().map(|l| list(l)).collect::<Vec<_>>();
        let (identity, resource) = (list(&self.identity_policies), self.resource_policy.as_ref().map(compile));
        let (boundary, session) = (self.permission_boundaries.as_deref().map(list), self.session_policy.as_ref().map(compile));
        let (scps, rcps) = (self.scps.as_deref().map(levels), levels(&self.rcps));
        let policies = Policies {
            identity: identity.iter().collect(),
            resource: resource.as_ref(),
            boundary: boundary.as_ref().map(|b| b.iter().collect()),
            session: session.as_ref().map(|d| vec![d]),
            service_control: scps.as_ref().map(|levels| levels.iter().map(|l| l.iter().collect()).collect()),
            resource_control: rcps.iter().map(|l| l.iter().collect()).collect(),
            restrict_public: false,
        };
        let mut context = Context::default();
        for (key, value) in &self.request.context {
            context.insert(key, value.clone());
        }
        let request = Request {
            caller: Caller::parse(&self.request.principal),
            action: self.request.action.clone(),
            resource: self.request.resource.clone(),
            resource_account: self.request.resource_account.clone(),
            context,
        };
        evaluate(&request, &policies)
    }
}
