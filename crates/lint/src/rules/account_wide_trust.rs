//! Trust in a whole account of ours.

use std::collections::{BTreeMap, BTreeSet};

use crate::Use;
use crate::look::{about, account, acts, allows, aws, is_account};
use crate::{Hits, Lint, Rule};
use crossrole_model::{PermissionSet, Severity};
use crossrole_policy::Statement;

pub(super) const RULE: Rule = Rule {
    id: "account-wide-trust",
    severity: Severity::Note,
    what: "trust in a whole account of ours",
    why: "Whoever may change policies there decides who comes in.",
    fix: "name a `group`, `user`, `role` or `permission_set` of that account",
    bad: r#"[roles.R]

[[roles.R.trust]]
account = "dev"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    good: r#"[roles.R]

[[roles.R.trust]]
user = "dev/ann"

[[roles.R.allow]]
actions = "s3:GetObject"
resources = "arn:aws:s3:::data/*"
"#,
    check,
};

fn check(lint: &Lint<'_>, hits: &mut Hits<'_>) {
    let assumers = Assumers::of(lint);
    for (doc, statement) in lint.statements().filter(|(doc, s)| doc.used == Use::Trust && allows(s) && !names_callers(s)) {
        for principal in aws(statement).iter().filter(|p| is_account(p)) {
            let ours = |id: &str| lint.desired.accounts.iter().any(|(known, info)| known.as_str() == id && info.managed);
            let Some(id) = account(principal).filter(|id| ours(id)) else { continue };
            // A group can't be named: its account is, and the group has the permission.
            if !lint.role_arn(doc).is_some_and(|role| assumers.may(id, role)) {
                hits.of(doc, statement, principal, format!("every principal of {id} that its own policies let may come in"));
            }
        }
    }
}

/// Tells whether the statement asks for callers by name: permission sets can be named in no other way.
fn names_callers(statement: &Statement) -> bool {
    let positive = ["StringEquals", "StringLike", "ArnEquals", "ArnLike"];
    let asked = statement.conditions.iter().filter(|(operator, _)| positive.iter().any(|known| operator.eq_ignore_ascii_case(known)));
    let named = |value: &String| !value.contains(['*', '?', '$']) || PermissionSet::of_role(value).is_some();
    asked.flat_map(|(_, keys)| keys).any(|(key, values)| key.eq_ignore_ascii_case("aws:PrincipalArn") && !values.is_empty() && values.iter().all(named))
}

/// Which accounts' principals may assume which roles by policies of their own. Looked up once, however many roles there are.
struct Assumers<'l> {
    /// Account and role.
    named: BTreeSet<(&'l str, &'l str)>,
    /// Statements about resources that are no names, by account.
    others: BTreeMap<&'l str, Vec<&'l Statement>>,
}

impl<'l> Assumers<'l> {
    fn of(lint: &'l Lint<'_>) -> Self {
        let (mut named, mut others) = (BTreeSet::new(), BTreeMap::<&str, Vec<&Statement>>::new());
        for principal in lint.estate.principals.values() {
            let statements = principal.identity.iter().flat_map(|p| &p.document.statements);
            for statement in statements.filter(|s| allows(s) && acts(s, "sts:AssumeRole")) {
                let names = statement.resource.as_ref().filter(|r| !r.negated && !r.values.iter().any(|v| v.contains(['*', '?', '$'])));
                match names {
                    Some(names) => named.extend(names.values.iter().map(|role| (principal.account.as_str(), role.as_str()))),
                    None => others.entry(&principal.account).or_default().push(statement),
                }
            }
        }
        Self { named, others }
    }

    fn may(&self, account: &str, role: &str) -> bool {
        self.named.contains(&(account, role)) || self.others.get(account).into_iter().flatten().any(|statement| about(statement, role))
    }
}
