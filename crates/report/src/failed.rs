//! What stands in reports where there is no plan: none of before is taken for it, and each says why.

use crossrole_model::{Finding, Source};
use serde_json::{Value, json};

use crate::findings::{RuleInfo, sarif};
use crate::graph::{escaped, html_page};
use crate::junit::{Case, Ended, Suite};
use crate::safe;

const TITLE: &str = "this could not be planned";

/// A log with the mistakes that there are, of a run that did not succeed.
pub fn sarif_failed(findings: &[Finding], sources: &[Source], rules: &[RuleInfo<'_>], why: &[String]) -> Value {
    let mut log = sarif(findings, &[], sources, rules);
    if let Some(run) = log.pointer_mut("/runs/0").and_then(Value::as_object_mut) {
        let said = json!([{"level": "error", "descriptor": {"id": "not-planned"}, "message": {"text": lines(why).join("\n")}}]);
        // SARIF 2.1.0, sections 3.20.14 and 3.20.21.
        run.insert("invocations".to_owned(), json!([{"executionSuccessful": false, "toolExecutionNotifications": said}]));
    }
    log
}

/// A case that could not be looked at.
pub fn junit_failed(command: &str, why: &[String]) -> Vec<Suite> {
    let ended = Ended::Unknown { message: TITLE.to_owned(), details: lines(why) };
    let name = format!("crossrole {command}");
    vec![Suite { name: name.clone(), cases: vec![Case { name, class: "crossrole.plan", place: None, ended, said: Vec::new() }] }]
}

/// Without its three numbers, GitLab says that the report failed to generate.
pub fn gitlab_terraform_failed(why: &[String]) -> Value {
    json!({ "error": lines(why).join("\n") })
}

/// A page.
pub fn html_failed(why: &[String]) -> String {
    let title = format!("crossrole: {TITLE}");
    let warning = "Nothing is known of what it would do: a plan that stood here was of something else.";
    let body = format!("<h1>{}</h1>\n<p class=\"warning\">{warning}</p>\n<pre>{}</pre>\n", escaped(&title), escaped(&lines(why).join("\n")));
    html_page(&title, &body)
}

fn lines(why: &[String]) -> Vec<String> {
    why.iter().map(|line| safe(line)).collect()
}
