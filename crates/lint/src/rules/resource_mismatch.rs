//! An action with resources that it is never asked of.

use crate::look::{actions, expand, resources};
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;
use crossrole_policy::Arn;

pub(super) const RULE: Rule = Rule {
    id: "resource-mismatch",
    severity: Severity::Error,
    what: "an action with resources that it is never asked of",
    why: "Bucket actions are about `arn:aws:s3:::bucket`, object actions about `arn:aws:s3:::bucket/key`: the wrong one grants nothing. Published guides get this wrong often.",
    fix: "give bucket actions the bucket, and object actions `bucket/*`",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.R.statement]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (doc, statement) in lint.statements() {
        let patterns = resources(statement);
        for action in actions(statement).iter().filter(|_| !patterns.is_empty()) {
            let known = expand(action);
            let fits = |pattern: &String| {
                // What a variable stands for is not known.
                let pattern = without_variables(pattern);
                let Some(arn) = Arn::parse(&pattern) else { return true };
                known.iter().any(|a| match arn.service {
                    // AWS's own examples write it for what is asked of no bucket.
                    "s3" if arn.resource == "*" && a.resources.is_empty() => a.name.starts_with("s3:"),
                    "s3" if arn.account.is_empty() && arn.region.is_empty() => {
                        // A wildcard in the bucket's name may stand for a slash.
                        let kinds: &[&str] = match (arn.resource.contains('/'), arn.resource.contains('*')) {
                            (true, _) => &["object"],
                            (false, true) => &["bucket", "object"],
                            (false, false) => &["bucket"],
                        };
                        a.name.starts_with("s3:") && a.resources.iter().any(|r| kinds.contains(r))
                    }
                    "s3" | "iam" => a.name.starts_with(arn.service) || a.name.starts_with("sts:") && arn.service == "iam",
                    _ => true,
                })
            };
            if !known.is_empty() && !patterns.iter().any(fits) {
                hits.at(doc, statement, format!("`{action}` is never asked of {}", patterns.join(" or ")));
            }
        }
    }
}

/// With `*` in place of each variable.
fn without_variables(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some((before, from)) = rest.split_once("${") {
        out.push_str(before);
        out.push('*');
        rest = from.split_once('}').map_or("", |(_, after)| after);
    }
    out + rest
}
