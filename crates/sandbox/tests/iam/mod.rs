//! IAM.

mod conditions;
mod devices;
mod managed;
mod profiles;
mod reads;
mod recorded;
mod refusals;
mod simulate;
mod uploads;
mod visibility;

use crate::client::{Answer, Client, Keys, root};

/// The account of most tests, and another.
pub(crate) const A: &str = "111111111111";
pub(crate) const B: &str = "222222222222";

/// Trust in account A.
pub(crate) const TRUST_A: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":["sts:AssumeRole","sts:TagSession"]}]}"#;

/// A policy of one statement: `Allow`, action, resource.
pub(crate) fn policy(effect: &str, action: &str, resource: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"}}]}}"#)
}

/// The same under a condition, which is JSON.
pub(crate) fn policy_if(action: &str, resource: &str, condition: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"{resource}","Condition":{condition}}}]}}"#)
}

impl Client {
    /// A call of the root user that must succeed.
    pub(crate) async fn must(&self, account: &str, service: &str, action: &str, params: &[(&str, &str)]) -> Answer {
        self.query(&root(account), service, action, params).await.is(200)
    }

    /// A user of account A with an access key and these inline policies.
    pub(crate) async fn user(&self, name: &str, policies: &[&str]) -> Keys {
        self.must(A, "iam", "CreateUser", &[("UserName", name)]).await;
        for (n, text) in policies.iter().enumerate() {
            let policy = format!("p{n}");
            self.must(A, "iam", "PutUserPolicy", &[("UserName", name), ("PolicyName", &policy), ("PolicyDocument", text)]).await;
        }
        self.must(A, "iam", "CreateAccessKey", &[("UserName", name)]).await.keys()
    }

    /// A role of account A that the account may assume, with one inline policy.
    pub(crate) async fn role(&self, name: &str, policy: &str) {
        self.must(A, "iam", "CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", TRUST_A)]).await;
        self.must(A, "iam", "PutRolePolicy", &[("RoleName", name), ("PolicyName", "p"), ("PolicyDocument", policy)]).await;
    }

    /// A session of a role of account A.
    pub(crate) async fn assume(&self, who: &Keys, role: &str) -> Keys {
        let arn = format!("arn:aws:iam::{A}:role/{role}");
        self.query(who, "sts", "AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "s1")]).await.is(200).keys()
    }
}
