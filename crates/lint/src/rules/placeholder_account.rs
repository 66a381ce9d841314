//! An account id that stands in examples, and is nobody's.

use crate::look::account_ids;
use crate::{Hits, Lint, Rule};
use crossrole_model::Severity;

pub(super) const RULE: Rule = Rule {
    id: "placeholder-account",
    severity: Severity::Warning,
    what: "an account id that stands in examples",
    why: "It was copied and not filled in: whoever is meant is not let in, and whoever owns that id is.",
    fix: "write the id of the account that is meant",
    bad: r#"[roles.R]

[[roles.R.trust]]
principal = "arn:aws:iam::123456789012:role/Reader"
external_id = "c0ffee"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
principal = "arn:aws:iam::333333333333:role/Reader"
external_id = "c0ffee"
"#,
    check,
};

/// Ids that AWS's documentation uses for accounts of nobody (IAM User Guide, "Example policies"; AWS CLI reference), and zeros.
const EXAMPLES: &[&str] = &["000000000000", "012345678901", "012345678910", "111122223333", "123456789012", "123456789123", "444455556666", "777788889999"];

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    for (id, _) in lint.desired.accounts.iter().filter(|(id, _)| EXAMPLES.contains(&id.as_str())) {
        hits.account(id, format!("account `{id}` is an example's, and nobody's"));
    }
    for (doc, statement) in lint.statements() {
        // One that the manifest declares is said there.
        let declared = |id: &str| lint.desired.accounts.keys().any(|known| known.as_str() == id);
        for (id, text) in account_ids(statement).filter(|(id, _)| EXAMPLES.contains(id) && !declared(id)) {
            hits.of(doc, statement, text, format!("account `{id}` is an example's, and nobody's"));
        }
    }
}
