//! The manifest as it is written. The doc comments are the schema's descriptions: editors show them.

mod bucket;
mod grant;
mod key;
mod revoked;
mod role;
mod statement;
mod words;

use crate::decode::{Needed, OneOrMany, Spanned, Table, record};
use crate::scalar::{Account, ManifestName, Path, Region};

pub(crate) use bucket::{Bucket, BucketAllow, Encryption, KmsKey, Logging};
pub(crate) use grant::{KINDS, When, Who};
pub(crate) use key::{Key, KeyAccess, KeyAllow};
pub(crate) use revoked::Revoked;
pub(crate) use role::{Allow, ForeignPolicies, GitHub, ManagedPolicy, OidcProvider, Role, SamlProvider, Session, SessionName, Trust};
pub(crate) use statement::{Conditions, EffectWord, Principals, Statement};
pub(crate) use words::Access;

record! {
    /// A crossrole manifest: one trusting account, those it trusts, its roles and buckets.
    Manifest {
        /// Name of this manifest, written on everything it owns. Whoever changes it says under `renamed_from` what it was.
        name: Needed<ManifestName>,
        /// Names that this manifest had before: what bears one of them is its own, and is given the name of now, in place. Once a plan says
        /// that nothing bears them any more, this may go.
        renamed_from: Option<OneOrMany<ManifestName>>,
        /// The account that owns the roles and buckets.
        trusting: Needed<Trusting>,
        /// Accounts whose principals are let in, by a label of your choice.
        trusted: Option<Table<Trusted>>,
        /// Buckets of the trusting account, by name.
        buckets: Option<Table<Bucket>>,
        /// Roles of the trusting account, by name.
        roles: Option<Table<Role>>,
        /// Customer managed policies of the trusting account, by name.
        policies: Option<Table<ManagedPolicy>>,
        /// KMS keys that buckets are encrypted with, or that principals may use, by a label of your choice.
        keys: Option<Table<Key>>,
        /// OpenID Connect providers of the trusting account, by a label of your choice.
        oidc_providers: Option<Table<OidcProvider>>,
        /// SAML providers of the trusting account, by name.
        saml_providers: Option<Table<SamlProvider>>,
        /// Sessions of roles with less than the role may do, by a name of your choice: `crossrole assume ROLE --session NAME`.
        sessions: Option<Table<Session>>,
        /// Tags on everything that can be tagged.
        tags: Option<Table<String>>,
        /// Findings that are known and wanted: each is reported as suppressed.
        suppress: Option<Vec<Suppress>>,
        /// Whose access is taken back, whatever else this manifest says.
        revoked: Option<Vec<Revoked>>,
    }
}

record! {
    /// A lint finding that is not wanted.
    Suppress {
        /// Id of the rule, as findings name it.
        rule: Spanned<String>,
        /// Only of this object, as `role/Name` or `bucket/name`.
        object: Option<String>,
        /// Why; it is shown with what it suppresses.
        reason: Spanned<String>,
    }
}

record! {
    /// The account that owns roles and buckets, or the accounts that each have them.
    Trusting {
        /// Account id, 12 digits in quotes.
        account: Option<Spanned<Account>>,
        /// Several accounts, in place of `account`: ids, or of `accounts.toml` labels, `ou:PATTERN`, `tag:KEY=PATTERN` or `*`.
        accounts: Option<OneOrMany<String>>,
        /// Accounts among those that are left out, said in the same ways.
        except: Option<OneOrMany<String>>,
        /// Region of its buckets; its partition is that of all accounts. Default: that in `accounts.toml`, or us-east-1.
        region: Option<Spanned<Region>>,
    }
}

record! {
    /// An account whose principals are let in.
    Trusted {
        /// Account id, 12 digits in quotes.
        account: Needed<Account>,
        /// False when somebody else manages that account: its side is then described, not made. Default: true.
        manage: Option<bool>,
        /// Groups of that account, made if missing.
        groups: Option<Table<Group>>,
        /// Users of that account, made if missing.
        users: Option<Table<User>>,
        /// Roles of that account, declared whole.
        roles: Option<Table<Role>>,
        /// Permission sets that are assigned in that account, by name. They are named here so that a misspelt one is found.
        permission_sets: Option<Table<PermissionSet>>,
    }
}

record! {
    /// A permission set of IAM Identity Center. It is not made here.
    PermissionSet {
        /// What it is for, for those who read the manifest.
        #[allow(dead_code, reason = "it is for readers")]
        description: Option<String>,
    }
}

record! {
    /// A group on the caller side.
    Group {
        /// Users in it. In a group that this manifest made, others are removed (`[]`: everybody is); in one that was there, they stay. Without
        /// this, whoever is in the group is in it by its account, and stays.
        members: Option<Vec<Spanned<String>>>,
    }
}

record! {
    /// A user on the caller side.
    User {
        /// Path. Default: `/`.
        path: Option<Path>,
        /// Tags.
        tags: Option<Table<String>>,
    }
}
