//! Whom the policies of resources name: a role or a user by its whole ARN, path included.

use std::collections::BTreeMap;

use crossrole_policy::{Arn, Document};

/// How a name that nobody has begins: no principal is spelled so.
const NOBODY: &str = "nobody:";

/// Roles and users that are known: names are unique in an account, whatever the path and the case (IAM User Guide, "IAM identifiers").
#[derive(Debug, Default)]
pub(crate) struct Naming(BTreeMap<(String, String, String), String>);

fn key(arn: &str) -> Option<(String, String, String)> {
    let parsed = Arn::parse(arn).filter(|arn| arn.service == "iam")?;
    let (kind, name) = parsed.kind_and_name().filter(|(kind, _)| ["role", "user"].contains(kind))?;
    Some((parsed.account.to_owned(), kind.to_owned(), name.to_ascii_lowercase()))
}

impl Naming {
    pub(crate) fn of(arns: impl IntoIterator<Item = String>) -> Self {
        Self(arns.into_iter().filter_map(|arn| Some((key(&arn)?, arn))).collect())
    }

    /// Tells whether a value of a principal element names nobody.
    fn is_nobody(&self, value: &str) -> bool {
        key(value).and_then(|key| self.0.get(&key)).is_some_and(|arn| arn != value)
    }

    /// Tells whether a document means something else among others.
    pub(crate) fn reads_otherwise(&self, others: &Self, document: &Document) -> bool {
        self.0 != others.0 && document.aws_principals().any(|value| self.is_nobody(value) != others.is_nobody(value))
    }

    /// The document as AWS reads it: what names somebody under another path, or in another spelling, names nobody. (AWS keeps a named role
    /// or user by the unique id of who has that very ARN: IAM User Guide, "AWS JSON policy elements: Principal".)
    pub(crate) fn read(&self, document: &Document) -> Document {
        let mut document = document.clone();
        let principals = document.statements.iter_mut().filter_map(|statement| statement.principal.as_mut());
        for value in principals.filter_map(|principal| principal.entries.get_mut("AWS")).flatten() {
            if self.is_nobody(value) {
                *value = format!("{NOBODY} {value}");
            }
        }
        document
    }
}
