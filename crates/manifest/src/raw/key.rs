//! KMS keys, as they are written.

use crate::decode::{OneOrMany, Spanned, record};
use crate::scalar::ActionPattern;

use super::grant::grant;
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

grant! {
    /// Use of a key. Name principals of one kind.
    KeyAllow {
        /// What they may do.
        access: Option<OneOrMany<KeyAccess>>,
        /// Actions, for what `access` can't say.
        actions: Option<OneOrMany<ActionPattern>>,
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
