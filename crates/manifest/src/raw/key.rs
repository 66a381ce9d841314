//! KMS keys, as they are written.

use crate::decode::{OneOrMany, Spanned, Table, record};
use crate::scalar::{ActionPattern, Instant, Region};

use super::grant::grant;
use super::statement::Statement;
use super::words::words;

record! {
    /// A KMS key. One that exists is named by its ARN, and only our statements in its policy are touched, where they are needed.
    Key {
        /// The ARN of a key that exists: keys are known by nothing else in all accounts.
        arn: Option<Spanned<String>>,
        /// Make it if missing, and own it: a symmetric key, rotated, that is deleted only when told by name.
        create: Option<Spanned<bool>>,
        /// Take over a key of this alias that exists without our mark.
        adopt: Option<bool>,
        /// Alias of a key that is made. Default: the label.
        alias: Option<Spanned<String>>,
        /// Label of the account that it is made in, under `[trusted]`. Default: the trusting account.
        account: Option<Spanned<String>>,
        /// Region that it is made in, when it is not that of the trusting account.
        region: Option<Spanned<Region>>,
        /// What a key that is made is for.
        description: Option<Spanned<String>>,
        /// Days after which a key that is made is rotated, 90 to 2560. Default: 365.
        rotation_days: Option<Spanned<u32>>,
        /// Days from the order to delete a key that was made until it is gone, 7 to 30. Default: 30.
        deletion_window_days: Option<Spanned<u32>>,
        /// Tags of a key that is made.
        tags: Option<Table<String>>,
        /// That use of it, revoked at this instant, may be given again: the `since` of an entry under `[[revoked]]` that is gone.
        restored: Option<Spanned<Instant>>,
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
