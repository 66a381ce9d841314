//! The manifest as it is written. The doc comments are the schema's descriptions: editors show them.

use schemars::JsonSchema;
use toml::Spanned as TomlSpanned;
use toml::de::DeValue;

use crate::decode::{Decode, Decoder, Needed, OneOrMany, Spanned, Table, did_you_mean, quoted, record, span, wrong_type};
use crate::scalar::{
    Account, ActionPattern, BucketName, Cidr, Description, ExternalId, Instant, IssuerUrl, ManifestName, OrgId, Path, PolicyArn, PolicyText, Prefix, Region,
    ResourcePattern, Seconds, Service, SessionLength,
};

record! {
    /// A crossrole manifest: one trusting account, those it trusts, its roles and buckets.
    Manifest {
        /// Name of this manifest, written on everything it owns. Changing it orphans what it made.
        name: Needed<ManifestName>,
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
        /// OpenID Connect providers of the trusting account, by a label of your choice.
        oidc_providers: Option<Table<OidcProvider>>,
        /// Tags on everything that can be tagged.
        tags: Option<Table<String>>,
        /// Findings that are known and wanted: each is reported as suppressed.
        suppress: Option<Vec<Suppress>>,
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
    /// The account that owns roles and buckets.
    Trusting {
        /// Account id, 12 digits in quotes.
        account: Needed<Account>,
        /// Region of its buckets; its partition is that of all accounts. Default: us-east-1.
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
    }
}

record! {
    /// A group on the caller side.
    Group {
        /// Users in it. In a group that this manifest made, others are removed; in one that was there, they stay.
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

record! {
    /// A bucket. Without `create` it must exist, and only its policy is touched.
    Bucket {
        /// Make it if missing, and own it.
        create: Option<Spanned<bool>>,
        /// Take over a bucket of this name that exists without our mark.
        adopt: Option<bool>,
        /// Region, when it is not that of the trusting account.
        region: Option<Spanned<Region>>,
        /// Versioning on or suspended.
        versioning: Option<Spanned<bool>>,
        /// `"AES256"`, or `{ kms_key = "arn:…" }`.
        encryption: Option<Spanned<Encryption>>,
        /// All four block public access settings on or off.
        public_access_block: Option<Spanned<bool>>,
        /// Object ownership.
        ownership: Option<Spanned<Ownership>>,
        /// Access logging.
        logging: Option<Spanned<Logging>>,
        /// Tags.
        tags: Option<Table<String>>,
        /// Access for principals that need no role of ours.
        allow: Option<Vec<BucketAllow>>,
        /// Statements of the bucket policy, for what `allow` can't say.
        statement: Option<Vec<Statement>>,
    }
}

record! {
    /// Where access logs go.
    Logging {
        /// Target bucket.
        bucket: Spanned<BucketName>,
        /// Key prefix. Default: none.
        prefix: Option<String>,
    }
}

record! {
    /// Direct access to a bucket. Name one principal.
    BucketAllow {
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
        access: Option<OneOrMany<Access>>,
        /// Actions, for what `access` can't say.
        actions: Option<OneOrMany<ActionPattern>>,
        /// Only keys that begin with one of these.
        prefix: Option<OneOrMany<Prefix>>,
        /// Only calls for this account (for services).
        source_account: Option<Spanned<Account>>,
        /// Only calls for resources with these ARNs (for services).
        source_arn: Option<OneOrMany<ResourcePattern>>,
        /// Only from these addresses.
        source_ip: Option<OneOrMany<Cidr>>,
        /// Further conditions: operator, key, values.
        conditions: Option<Table<Table<OneOrMany<PolicyText>>>>,
    }
}

record! {
    /// A role, declared whole.
    Role {
        /// Description.
        description: Option<Description>,
        /// Path. Default: `/`. Changing it deletes the role and makes it anew.
        path: Option<Path>,
        /// Longest session, `"1h"` to `"12h"`. Default: one hour.
        max_session: Option<SessionLength>,
        /// ARN of the permissions boundary.
        permissions_boundary: Option<Spanned<PolicyArn>>,
        /// Tags.
        tags: Option<Table<String>>,
        /// Take over a role of this name that exists without our mark.
        adopt: Option<bool>,
        /// What happens to policies that others put on it. Default: `remove`.
        foreign_policies: Option<ForeignPolicies>,
        /// Who may assume it.
        trust: Option<Vec<Trust>>,
        /// What it may do.
        allow: Option<Vec<Allow>>,
        /// Statements of its permissions, for what `allow` can't say.
        statement: Option<Vec<Statement>>,
        /// Managed policies attached to it: ARNs, or names under `[policies]`.
        policies: Option<Vec<Spanned<String>>>,
        /// Further inline policies, by name.
        inline: Option<Table<Inline>>,
    }
}

record! {
    /// A named inline policy.
    Inline {
        /// Its statements.
        statement: Spanned<Vec<Statement>>,
    }
}

record! {
    /// One way into a role. Name one principal.
    Trust {
        /// A group, as `label/Name`: the account is trusted, and the group gets the policy.
        group: Option<Spanned<String>>,
        /// A user, as `label/Name`.
        user: Option<Spanned<String>>,
        /// A role, as `label/Name`.
        role: Option<Spanned<String>>,
        /// A whole trusted account, by label.
        account: Option<Spanned<String>>,
        /// An AWS service.
        service: Option<Spanned<Service>>,
        /// A whole organization.
        organization: Option<Spanned<OrgId>>,
        /// GitHub Actions of a repository.
        github: Option<Spanned<GitHub>>,
        /// An OpenID Connect provider, by its label under `[oidc_providers]` or its host; pin it with `audience` and `subject`.
        oidc: Option<Spanned<String>>,
        /// A SAML provider of the trusting account, by name.
        saml: Option<Spanned<String>>,
        /// A principal as an ARN.
        principal: Option<Spanned<ResourcePattern>>,
        /// Audiences (for `oidc`).
        audience: Option<OneOrMany<PolicyText>>,
        /// Subjects, `*` allowed (for `oidc`).
        subject: Option<OneOrMany<PolicyText>>,
        /// Only with a second factor.
        mfa: Option<Spanned<bool>>,
        /// Only this long after the second factor was given.
        mfa_max_age: Option<Seconds>,
        /// Only with this external id.
        external_id: Option<OneOrMany<ExternalId>>,
        /// Not before this instant.
        not_before: Option<Spanned<Instant>>,
        /// Not after this instant.
        not_after: Option<Spanned<Instant>>,
        /// Only from these addresses.
        source_ip: Option<OneOrMany<Cidr>>,
        /// Only calls for this account (for services).
        source_account: Option<Spanned<Account>>,
        /// Only calls for resources with these ARNs (for services).
        source_arn: Option<OneOrMany<ResourcePattern>>,
        /// The caller may pass session tags.
        session_tags: Option<bool>,
        /// The caller may set a source identity.
        source_identity: Option<bool>,
        /// Further conditions: operator, key, values.
        conditions: Option<Table<Table<OneOrMany<PolicyText>>>>,
    }
}

record! {
    /// A GitHub repository, and which of its workflows.
    GitHub {
        /// `owner/repository`.
        repository: Spanned<String>,
        /// Jobs that use this environment.
        environment: Option<Spanned<String>>,
        /// Runs on this branch.
        branch: Option<Spanned<String>>,
        /// Runs on tags like this.
        tag: Option<Spanned<String>>,
        /// Runs for pull requests.
        pull_request: Option<Spanned<bool>>,
    }
}

record! {
    /// What a role may do.
    Allow {
        /// A bucket by name. If it is under `[buckets]`, its policy names the role too.
        bucket: Option<Spanned<BucketName>>,
        /// What it may do with the bucket.
        access: Option<OneOrMany<Access>>,
        /// Actions, for what `access` can't say.
        actions: Option<OneOrMany<ActionPattern>>,
        /// Only keys that begin with one of these.
        prefix: Option<OneOrMany<Prefix>>,
        /// Resources as ARNs, in place of `bucket`.
        resources: Option<OneOrMany<ResourcePattern>>,
        /// False keeps the bucket policy out of it: inside one account the role's own permissions suffice. Default: true.
        bucket_policy: Option<bool>,
        /// Further conditions: operator, key, values.
        conditions: Option<Table<Table<OneOrMany<PolicyText>>>>,
    }
}

record! {
    /// A customer managed policy.
    ManagedPolicy {
        /// Description; can't be changed once made.
        description: Option<Description>,
        /// Path. Default: `/`.
        path: Option<Path>,
        /// Tags.
        tags: Option<Table<String>>,
        /// Take over a policy of this name that exists without our mark.
        adopt: Option<bool>,
        /// What it allows.
        allow: Option<Vec<Allow>>,
        /// Statements, for what `allow` can't say.
        statement: Option<Vec<Statement>>,
    }
}

record! {
    /// An OpenID Connect provider.
    OidcProvider {
        /// Its URL.
        url: Spanned<IssuerUrl>,
        /// Audiences. Default: `sts.amazonaws.com`.
        client_ids: Option<OneOrMany<PolicyText>>,
        /// Tags.
        tags: Option<Table<String>>,
    }
}

record! {
    /// A policy statement as AWS has it.
    Statement {
        /// Statement id.
        sid: Option<Spanned<String>>,
        /// Allow or Deny. Default: Allow.
        effect: Option<EffectWord>,
        /// Principals: `"*"`, or kinds (`AWS`, `Service`, `Federated`) with their values. Only in bucket policies.
        principals: Option<Spanned<Principals>>,
        /// Everyone but these. Only with Deny.
        not_principals: Option<Spanned<Principals>>,
        /// Actions.
        actions: Option<OneOrMany<ActionPattern>>,
        /// All actions but these.
        not_actions: Option<OneOrMany<ActionPattern>>,
        /// Resources.
        resources: Option<OneOrMany<ResourcePattern>>,
        /// All resources but these.
        not_resources: Option<OneOrMany<ResourcePattern>>,
        /// Conditions: operator, key, values.
        conditions: Option<Table<Table<OneOrMany<PolicyText>>>>,
    }
}

macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $vdoc:literal])* $variant:ident = $word:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
        pub(crate) enum $name { $($(#[doc = $vdoc])* #[schemars(rename = $word)] $variant,)* }

        impl Decode for $name {
            fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
                let text = String::decode(value, d)?;
                match text.as_str() {
                    $($word => Some(Self::$variant),)*
                    _ => {
                        let known = [$($word),*];
                        let advice = did_you_mean(&text, known.iter().copied()).unwrap_or_else(|| format!("use one of {}", quoted(&known)));
                        d.error(span(value.span()), format!("unknown value `{text}`"), advice);
                        None
                    }
                }
            }
        }
    };
}

words! {
    /// Access to a bucket, in plain words.
    Access {
        /// List keys (`s3:ListBucket`).
        List = "list",
        /// Get objects (`s3:GetObject`).
        Get = "get",
        /// Put objects (`s3:PutObject`).
        Put = "put",
        /// Delete objects (`s3:DeleteObject`).
        Delete = "delete",
        /// `list` and `get`.
        Read = "read",
        /// `put` and `delete`.
        Write = "write",
        /// `list`, `get`, `put` and `delete`.
        ReadWrite = "read-write",
    }
}
words! {
    /// What happens to policies of others on a role of ours.
    ForeignPolicies {
        /// They are drift, listed by name and removed.
        Remove = "remove",
        /// They stay.
        Keep = "keep",
    }
}
words! {
    /// Effect of a statement.
    EffectWord {
        /// Grants.
        Allow = "Allow",
        /// Refuses.
        Deny = "Deny",
    }
}
words! {
    /// Object ownership of a bucket.
    Ownership {
        /// ACLs are off.
        Enforced = "BucketOwnerEnforced",
        /// The bucket's owner owns objects put with its ACL.
        Preferred = "BucketOwnerPreferred",
        /// The writer owns them.
        Writer = "ObjectWriter",
    }
}

impl Ownership {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Enforced => "BucketOwnerEnforced",
            Self::Preferred => "BucketOwnerPreferred",
            Self::Writer => "ObjectWriter",
        }
    }
}

/// Default encryption: `"AES256"`, or a KMS key.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Encryption {
    /// SSE-S3.
    Aes256(Aes256),
    /// SSE-KMS.
    Kms(KmsKey),
}

words! {
    /// SSE-S3.
    Aes256 {
        /// SSE-S3.
        Aes256 = "AES256",
    }
}

record! {
    /// SSE-KMS with one key.
    KmsKey {
        /// ARN of the key.
        kms_key: Spanned<String>,
    }
}

impl Decode for Encryption {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(_) => Aes256::decode(value, d).map(Self::Aes256),
            DeValue::Table(_) => {
                let key = KmsKey::decode(value, d)?;
                let good = crossrole_policy::Arn::parse(&key.kms_key.value).is_some_and(|a| a.service == "kms");
                if !good {
                    d.error(
                        key.kms_key.span,
                        format!("`{}` is not the ARN of a KMS key", key.kms_key.value),
                        "write it as in `arn:aws:kms:eu-west-1:222222222222:key/…`",
                    );
                }
                good.then_some(Self::Kms(key))
            }
            _ => {
                wrong_type(value, "\"AES256\" or { kms_key = \"arn:…\" }", d);
                None
            }
        }
    }
}

words! {
    /// Everyone.
    Star {
        /// Everyone.
        Everyone = "*",
    }
}

/// Principals of a raw statement.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub(crate) enum Principals {
    /// Only `"*"`.
    Star(Star),
    /// By kind.
    Kinds(Table<OneOrMany<PolicyText>>),
}

impl Decode for Principals {
    fn decode(value: &TomlSpanned<DeValue<'_>>, d: &mut Decoder<'_>) -> Option<Self> {
        match value.get_ref() {
            DeValue::String(text) if text == "*" => Some(Self::Star(Star::Everyone)),
            DeValue::Table(_) => Table::decode(value, d).map(Self::Kinds),
            _ => {
                d.error(span(value.span()), "expected \"*\" or a table such as { AWS = \"arn:…\" }", "");
                None
            }
        }
    }
}

/// Raw conditions: operator, key, values.
pub(crate) type Conditions = Table<Table<OneOrMany<PolicyText>>>;
