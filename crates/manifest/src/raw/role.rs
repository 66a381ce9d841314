//! Roles, what lets into them, and what they may do, as it is written.

use super::grant::grant;
use super::statement::Statement;
use super::words::{Access, words};
use crate::decode::{OneOrMany, Spanned, Table, record};
use crate::scalar::{
    ActionPattern, BucketName, Description, Expiry, ExternalId, Instant, IssuerUrl, Path, PolicyArn, PolicyText, Prefix, ResourcePattern, Seconds,
    SessionLength,
};

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
        /// That access to it, revoked at this instant, may be given again: the `since` of an entry under `[[revoked]]` that is gone.
        restored: Option<Spanned<Instant>>,
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

grant! {
    /// One way into a role. Name principals of one kind.
    Trust {
        /// GitHub Actions of a repository.
        github: Option<Spanned<GitHub>>,
        /// An OpenID Connect provider, by its label under `[oidc_providers]` or its host; pin it with `audience` and `subject`.
        oidc: Option<Spanned<String>>,
        /// A SAML provider of the trusting account, by name.
        saml: Option<Spanned<String>>,
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
        /// The caller may pass session tags.
        session_tags: Option<bool>,
        /// The caller may set a source identity.
        source_identity: Option<bool>,
        /// `"username"`: the session has the name of the user who asks for it.
        session_name: Option<Spanned<SessionName>>,
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
        /// False leaves the bucket's KMS key out of it. Default: true.
        kms: Option<bool>,
        /// False keeps the bucket policy out of it: inside one account the role's own permissions suffice. Default: true.
        bucket_policy: Option<bool>,
        /// Until this day begins (UTC), or this instant; after it, the plan takes it away.
        expires: Option<Spanned<Expiry>>,
        /// Further conditions: operator, key, values.
        conditions: Option<Table<Table<OneOrMany<PolicyText>>>>,
    }
}

record! {
    /// What a session may do at most, of what its role may do. Nothing is written into AWS for it.
    Session {
        /// What it may do, as a role's `allow`.
        allow: Option<Vec<Allow>>,
        /// Statements, for what `allow` can't say.
        statement: Option<Vec<Statement>>,
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
    /// A SAML provider.
    SamlProvider {
        /// The identity provider's metadata: XML, as it gave it out.
        metadata: Spanned<String>,
        /// Tags.
        tags: Option<Table<String>>,
    }
}

words! {
    /// How a session is named.
    SessionName {
        /// As the user who asks for it.
        Username = "username",
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
