//! KMS keys, as they are written.

use crate::decode::{OneOrMany, Spanned, Table, record};
use crate::scalar::{Account, ActionPattern, OrgId, PolicyText, ResourcePattern, Service};

use super::statement::Statement;
use super::words::words;

record! {
    /// A KMS key that exists. Only our statements in its policy are touched, and only where they are needed.
    Key {
        /// Its ARN: keys are known by nothing else in all accounts.
        arn: Spanned<String>,
        /// Use of it by principals, beside that of buckets.
        allow: Option<Vec<KeyAllow>>,
        /// Statements of its policy, for what `allow` can't say.
        statement: Option<Vec<Statement>>,
    }
}

record! {
    /// Use of a key. Name one principal.
    KeyAllow {
        /// A whole trusted account, by label.
        account: Option<Spanned<String>>,
        /// A group, as `label/Name`.
        group: Option<Spanned<String>>,
        /// A user, as `label/Name`.
        user: Option<Spanned<String>>,
        /// A role, as `label/Name`.
        role: Option<Spanned<String>>,
        /// An AWS service.
        service: Option<Spanned<Service>>,
        /// A whole organization.
        organization: Option<Spanned<OrgId>>,
        /// A principal as an ARN.
        principal: Option<Spanned<ResourcePattern>>,
        /// What it may do.
        access: Option<OneOrMany<KeyAccess>>,
        /// Actions, for what `access` can't say.
        actions: Option<OneOrMany<ActionPattern>>,
        /// Only calls for this account (for services).
        source_account: Option<Spanned<Account>>,
        /// Only calls for resources with these ARNs (for services).
        source_arn: Option<OneOrMany<ResourcePattern>>,
        /// Further conditions: operator, key, values.
        conditions: Option<Table<Table<OneOrMany<PolicyText>>>>,
    }
}

words! {
    /// Use of a key, in plain words.
    KeyAccess {
        /// Decrypt (`kms:Decrypt`).
        Decrypt = "decrypt",
        /// Encrypt (`kms:Encrypt`, `kms:GenerateDataKey`).
        Encrypt = "encrypt",
    }
}
