//! Cases for `just oracle`, where a simulator that somebody else wrote is asked the same.

use std::fmt::Write as _;

use crossrole_access::{Compiled, ContextValue, Policies, evaluate};
use serde_json::json;

use crate::generate::{Random, document, request};

const CASES: usize = 4_000;

#[test]
#[ignore = "writes the file that CROSSROLE_ORACLE_CASES names"]
fn cases_for_the_oracle() {
    let file = std::env::var("CROSSROLE_ORACLE_CASES").expect("CROSSROLE_ORACLE_CASES names the file to write");
    let mut random = Random(0xA076_1D64_78BD_642F);
    let mut out = String::new();
    for number in 0..CASES {
        let (identity, resource) = (document(&mut random, false), random.once_in(2).then(|| document(&mut random, true)));
        let boundary = random.once_in(5).then(|| document(&mut random, false));
        let mut question = request(&mut random);
        question.resource_account.get_or_insert_with(|| "222222222222".to_owned());
        let compiled = [Some(&identity), resource.as_ref(), boundary.as_ref()].map(|d| d.map(|d| Compiled::new(d, "")));
        let [id, bucket, limit] = compiled.each_ref().map(Option::as_ref);
        let policies = Policies { identity: id.into_iter().collect(), resource: bucket, boundary: limit.map(|b| vec![b]), ..Policies::default() };
        let context: serde_json::Map<String, serde_json::Value> = question
            .context
            .iter()
            .map(|(key, value)| {
                let value = match value {
                    ContextValue::One(text) => json!(text),
                    ContextValue::Many(texts) => json!(texts),
                };
                (key.to_owned(), value)
            })
            .collect();
        let case = json!({
            "id": format!("generated/{number}"),
            "note": "",
            "request": {
                "principal": question.caller.as_str(),
                "action": question.action,
                "resource": question.resource,
                "resourceAccount": question.resource_account,
                "context": context,
            },
            "expected": evaluate(&question, &policies).decision.as_str(),
            "identityPolicies": [identity],
            "resourcePolicy": resource,
            "permissionBoundaries": boundary.map(|b| vec![b]),
        });
        writeln!(out, "{case}").unwrap();
    }
    std::fs::write(file, out).unwrap();
}
