//! KMS, and what S3 asks of it.

mod access;
mod aliases;
mod conditions;
mod crypto;
mod grants;
mod keys;
mod policies;
mod protocol;
mod sse;
mod sse_settings;
mod states;
mod store;
mod tags;

use serde_json::{Value, json};

use crate::client::{Answer, Client, Keys, root};
use crate::iam::{A, B, policy};

/// A statement of a key policy: `Allow`, principal, actions.
fn statement(effect: &str, principal: &str, actions: &[&str]) -> Value {
    json!({ "Effect": effect, "Principal": { "AWS": principal }, "Action": actions, "Resource": "*" })
}

/// A key policy of these statements, after the one that keeps the account's root user in.
fn key_policy(more: &[Value]) -> String {
    let mut statements = vec![statement("Allow", &format!("arn:aws:iam::{A}:root"), &["kms:PutKeyPolicy", "kms:GetKeyPolicy"])];
    statements.extend_from_slice(more);
    json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}

impl Client {
    /// A key of account A, with its default policy.
    async fn key(&self) -> String {
        self.key_by(&root(A), json!({})).await
    }

    /// A key, by its ARN.
    async fn key_by(&self, who: &Keys, input: Value) -> String {
        self.kms(who, "CreateKey", input).await.is(200).member("/KeyMetadata/Arn")
    }

    /// A key of account A with this policy.
    async fn key_under(&self, policy: &str) -> String {
        self.key_by(&root(A), json!({ "Policy": policy })).await
    }

    /// A call of account A's root user that must succeed.
    async fn must_kms(&self, operation: &str, input: Value) -> Answer {
        self.kms(&root(A), operation, input).await.is(200)
    }

    /// A user of account B with this policy.
    async fn stranger(&self, name: &str, text: &str) -> Keys {
        self.must(B, "iam", "CreateUser", &[("UserName", name)]).await;
        self.must(B, "iam", "PutUserPolicy", &[("UserName", name), ("PolicyName", "p"), ("PolicyDocument", text)]).await;
        self.must(B, "iam", "CreateAccessKey", &[("UserName", name)]).await.keys()
    }
}

/// The id at the end of an ARN.
fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap()
}
