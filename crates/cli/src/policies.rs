//! Policy documents in files.

use std::path::Path;

use crossrole_access::language::Operator;
use crossrole_policy::Document;

use crate::actions;
use crate::failure::Failure;
use crate::files::{self, Wanted};

/// AWS takes 20,480 bytes without white space in the largest kind of document, a bucket policy.
pub(crate) const POLICY: Wanted =
    Wanted { what: "policy", most: 1 << 18, advice: "check its path and permissions", smaller: "AWS takes no document of that size" };

/// The control policy of a file: what AWS would not take of one, or not read as it is meant, is a mistake (AWS Organizations User Guide,
/// "SCP syntax", "RCP syntax"). `by_hand`: an action that does not exist is a mistake, too; AWS itself takes any.
pub(crate) fn control(path: &Path, text: &str, of_resource: bool, by_hand: bool) -> Result<Document, Failure> {
    let document = parsed(path, text)?;
    let mut wrong = Vec::new();
    if document.statements.is_empty() {
        wrong.push("it has no statement".to_owned());
    }
    for (number, statement) in (1..).zip(&document.statements) {
        match (&statement.principal, of_resource) {
            (Some(_), false) => wrong.push(format!("statement {number} has a `Principal`, and a service control policy has none")),
            (Some(principal), true) if principal.bare_star && !principal.negated => {}
            (_, true) => wrong.push(format!("statement {number} has to have `\"Principal\": \"*\"`, as in every resource control policy")),
            (None, false) => {}
        }
        let operators = statement.conditions.keys().filter(|operator| Operator::parse(operator).is_none());
        wrong.extend(operators.map(|operator| format!("statement {number}: `{operator}` is no condition operator")));
        let written = statement.action.values.iter().filter(|_| by_hand);
        wrong.extend(written.filter_map(|action| actions::mistake(action)).map(|error| format!("statement {number}: {error}")));
    }
    if wrong.is_empty() {
        return Ok(document);
    }
    let list = wrong.into_iter().map(|error| format!("policy `{}`: {}", path.display(), crossrole_report::safe(&error))).collect();
    Err(Failure::several(list, "correct the document: what is misread here would be read as a limit that is not there"))
}

/// Reads a document; all its mistakes are in the error.
pub(crate) fn document(path: &Path) -> Result<Document, Failure> {
    parsed(path, &files::read(path, &POLICY)?)
}

fn parsed(path: &Path, text: &str) -> Result<Document, Failure> {
    // AWS takes no other spelling (IAM: "Syntax errors in policy"; S3: "Invalid effect").
    let value: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let statements = value.get("Statement").map_or(&[][..], |s| s.as_array().map_or_else(|| std::slice::from_ref(s), Vec::as_slice));
    let effects = statements.iter().filter_map(|s| s.get("Effect")?.as_str()).filter(|effect| !["Allow", "Deny"].contains(effect));
    let list: Vec<String> = effects.map(|e| format!("policy `{}`: `{}` is neither Allow nor Deny", path.display(), crossrole_report::safe(e))).collect();
    if !list.is_empty() {
        return Err(Failure::several(list, "AWS would refuse it too; correct the document"));
    }
    crossrole_policy::parse(text).map_err(|errors| {
        let list: Vec<String> = errors.iter().map(|e| format!("policy `{}`: {e}", path.display())).collect();
        Failure::several(list, "AWS would refuse it too; correct the document")
    })
}
