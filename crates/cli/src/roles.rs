//! The roles that a runner has in each account, and their trust, pinned to the pipeline that runs it.

pub(crate) mod cloudformation;
pub(crate) mod terraform;
mod trusted;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{AccountId, Partition};
use crossrole_planner::rights::Purpose;
use crossrole_policy::{Document, Element, Principal, Statement};

pub(crate) use trusted::Trusted;

/// One role, in each of its accounts.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) purpose: Purpose,
    pub(crate) name: String,
    pub(crate) trusted: Vec<Trusted>,
    /// What it may do, by account: managed policies, each within its quota.
    pub(crate) policies: BTreeMap<AccountId, Vec<Document>>,
}

/// What is made.
#[derive(Debug, Clone)]
pub(crate) struct Roles {
    pub(crate) made: Vec<Role>,
    pub(crate) partition: Partition,
    /// Whom the pipeline's tokens are for.
    pub(crate) audience: String,
    /// In seconds.
    pub(crate) max_session: u64,
}

impl Role {
    /// `plan`, `apply` or `verify`.
    pub(crate) fn word(&self) -> &'static str {
        match self.purpose {
            Purpose::Plan => "plan",
            Purpose::Apply => "apply",
            Purpose::Verify => "verify",
        }
    }

    fn description(&self) -> &'static str {
        match self.purpose {
            Purpose::Plan => "Reads for crossrole plan",
            Purpose::Apply => "Reads and writes for crossrole apply",
            Purpose::Verify => "Reads for crossrole verify",
        }
    }

    /// Returns its trust policy; `account` is where it is.
    pub(crate) fn trust(&self, partition: &str, account: &str, audience: &str) -> Document {
        // Two operators in one statement would both have to match: what is exact and what is a pattern are statements of their own.
        let mut subjects: BTreeMap<(&str, bool), Vec<&str>> = BTreeMap::new();
        let mut roles = Vec::new();
        for trusted in &self.trusted {
            match trusted {
                Trusted::Token { host, subject } => {
                    subjects.entry((host, subject.contains(['*', '?']))).or_default().push(subject);
                }
                Trusted::Role { arn, account } => roles.push(role_statement(partition, arn, account)),
            }
        }
        let tokens = subjects.into_iter().map(|((host, is_pattern), subjects)| {
            let provider = format!("arn:{partition}:iam::{account}:oidc-provider/{host}");
            let mut statement = let_in(Principal::of("Federated", [provider]), "sts:AssumeRoleWithWebIdentity");
            condition(&mut statement, "StringEquals", format!("{host}:aud"), [audience]);
            condition(&mut statement, if is_pattern { "StringLike" } else { "StringEquals" }, format!("{host}:sub"), subjects);
            statement
        });
        Document::new(tokens.chain(roles).collect())
    }
}

/// The account is trusted, and of it that role alone: IAM would keep the unique id of a role that is named as the principal, so that
/// the role had to be there first, and one that is made anew would be let in no more (IAM User Guide, "AWS JSON policy elements:
/// Principal").
fn role_statement(partition: &str, arn: &str, account: &str) -> Statement {
    let mut statement = let_in(Principal::of("AWS", [format!("arn:{partition}:iam::{account}:root")]), "sts:AssumeRole");
    condition(&mut statement, "ArnEquals", "aws:PrincipalArn".to_owned(), [arn]);
    statement
}

fn let_in(principal: Principal, action: &str) -> Statement {
    Statement { principal: Some(principal), ..Statement::allow(Element::of([action]), None) }
}

fn condition<'a>(statement: &mut Statement, operator: &str, key: String, values: impl IntoIterator<Item = &'a str>) {
    let values = values.into_iter().map(str::to_owned).collect();
    statement.conditions.entry(operator.to_owned()).or_default().insert(key, values);
}

impl Roles {
    /// Every account in which something is made.
    pub(crate) fn accounts(&self) -> BTreeSet<&AccountId> {
        self.made.iter().flat_map(|role| role.policies.keys()).collect()
    }

    /// The providers whose tokens are trusted, by host.
    fn hosts(&self) -> BTreeSet<&str> {
        let trusted = self.made.iter().flat_map(|role| &role.trusted);
        trusted.filter_map(|trusted| if let Trusted::Token { host, .. } = trusted { Some(host.as_str()) } else { None }).collect()
    }
}
