//! An audit as findings with a file and a line, as code scanning takes them.

use crossrole_model::audit::{Audit, Object, Suppressed};
use crossrole_model::{Finding, Severity, Source, Span};
use serde_json::Value;

use super::rules::{NOT_KNOWN, info};
use super::words;
use crate::View;

/// Where an object stands: its file, and the part of it.
pub type Places<'p> = &'p dyn Fn(&Object) -> (String, Option<Span>);

/// What was found, and what is suppressed with the reason; what is not known is a warning.
pub fn audit_findings(audit: &Audit, places: Places<'_>, view: View) -> (Vec<Finding>, Vec<(Finding, String)>) {
    let issue = |issue: &crossrole_model::audit::Issue| Found {
        rule: issue.rule.id(),
        severity: issue.rule.severity(),
        message: words::message(issue, view),
        advice: info(issue.rule).fix,
    };
    let unknown = |one: &crossrole_model::audit::NotKnown| Found {
        rule: NOT_KNOWN.id,
        severity: Severity::Warning,
        message: words::not_known(one),
        advice: NOT_KNOWN.fix,
    };
    let mut all: Vec<Finding> = audit.issues.iter().map(|one| issue(one).at(places(&one.object))).collect();
    all.extend(audit.not_known.iter().map(|one| unknown(one).at(places(one.object()))));
    let mut suppressed: Vec<(Finding, String)> = audit.suppressed.iter().map(|one| (issue(&one.what).at(places(&one.what.object)), reason(one))).collect();
    suppressed.extend(audit.tolerated.iter().map(|one| (unknown(&one.what).at(places(one.what.object())), reason(one))));
    (all, suppressed)
}

/// The same as a log of SARIF, which says what was not looked at, too.
pub fn audit_sarif(audit: &Audit, places: Places<'_>, sources: &[Source], view: View) -> Value {
    let (findings, suppressed) = audit_findings(audit, places, view);
    let log = crate::findings::sarif_of("crossrole audit", &findings, &suppressed, sources, &super::rules::audit_rules());
    crate::findings::noted(log, "not-looked-at", &words::NOT_LOOKED_AT)
}

struct Found {
    rule: &'static str,
    severity: Severity,
    message: String,
    advice: &'static str,
}

impl Found {
    fn at(self, (file, span): (String, Option<Span>)) -> Finding {
        let Self { rule, severity, message, advice } = self;
        Finding { file, span, severity, message, advice: advice.to_owned(), rule: Some(rule.to_owned()) }
    }
}

fn reason<T>(one: &Suppressed<T>) -> String {
    match &one.expires {
        Some(day) => format!("{} (until {day})", one.reason),
        None => one.reason.clone(),
    }
}
