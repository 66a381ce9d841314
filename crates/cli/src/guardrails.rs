//! The team's own rules: those of `crossrole.toml`, and Rego policies over the JSON plan.

use std::path::Path;

use crossrole_model::{Desired, Finding, Plan, Severity};
use crossrole_report::View;

use crate::failure::Failure;
use crate::files::Wanted;
use crate::place;
use crate::settings::Settings;

/// Most bytes of all Rego policies together.
const POLICIES_MOST: usize = 1 << 20;

/// One of them.
const REGO: Wanted = Wanted { what: "policy", most: POLICIES_MOST, advice: "check its permissions", smaller: "split it" };

/// What manifests break of `[guardrails]`.
pub(crate) fn check(settings: &Settings, desired: &Desired) -> Vec<Finding> {
    crossrole_lint::guardrails::check(settings.guardrails(), desired)
}

/// What a plan breaks of the Rego policies in a folder: every string, or object with a `msg`, in `data.crossrole.deny` is
/// an error, and in `data.crossrole.warn` a warning.
pub(crate) fn rego(folder: &Path, plan: &Plan) -> Result<Vec<Finding>, Failure> {
    // Its messages may have several lines.
    let failed = |why: String| {
        let (first, rest) = why.split_once('\n').unwrap_or((&why, ""));
        Failure::new(format!("policies in `{}`: {first}", folder.display()), "a policy is a `.rego` file of `package crossrole` with rules `deny` and `warn`")
            .with(rest)
    };
    let mut engine = regorus::Engine::new();
    let mut files: Vec<_> = std::fs::read_dir(folder).map_err(|e| failed(e.to_string()))?.filter_map(|e| e.ok().map(|e| e.path())).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "rego") && !p.to_string_lossy().ends_with("_test.rego"));
    files.sort();
    if files.is_empty() {
        return Err(failed("there are none".to_owned()));
    }
    let mut size = 0;
    for file in &files {
        let text = place::read(file, &REGO)?;
        size += text.len();
        if size > POLICIES_MOST {
            return Err(failed(format!("they are over {POLICIES_MOST} bytes")));
        }
        engine.add_policy(file.display().to_string(), text).map_err(|e| failed(e.to_string()))?;
    }
    let input = crossrole_report::plan_json(plan, View::default()).to_string();
    engine.set_input_json(&input).map_err(|e| failed(e.to_string()))?;
    let mut findings = Vec::new();
    for (rule, severity) in [("deny", Severity::Error), ("warn", Severity::Warning)] {
        // A policy that has only one of the two leaves the other undefined.
        let results = engine.eval_query(format!("x := data.crossrole.{rule}"), false).map_err(|e| failed(e.to_string()))?;
        for result in &results.result {
            let value = serde_json::to_value(&result.bindings).map_err(|e| failed(e.to_string()))?;
            for message in messages(value.get("x").unwrap_or(&serde_json::Value::Null)) {
                let file = plan.manifests.first().map(|m| m.file.clone()).unwrap_or_default();
                let mut finding = Finding::error(&file, None, message, "see the policy that says so");
                finding.severity = severity;
                finding.rule = Some(format!("policy/{rule}"));
                findings.push(finding);
            }
        }
    }
    findings.sort();
    Ok(findings)
}

/// Sets come as arrays; a `contains` rule may also be an object by message.
fn messages(value: &serde_json::Value) -> Vec<String> {
    let one = |value: &serde_json::Value| {
        value.as_str().map(str::to_owned).or_else(|| value.get("msg")?.as_str().map(str::to_owned)).unwrap_or_else(|| value.to_string())
    };
    match value {
        serde_json::Value::Array(list) => list.iter().map(one).collect(),
        serde_json::Value::Object(map) => map.keys().cloned().collect(),
        serde_json::Value::Bool(true) => vec!["the policy denies this plan".to_owned()],
        _ => Vec::new(),
    }
}
