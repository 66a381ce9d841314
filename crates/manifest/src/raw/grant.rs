//! Whom a grant lets in, and when and from where: the same words in a role's trust, a bucket's `allow` and a key's.

use crate::decode::{OneOrMany, Spanned};
use crate::raw::Conditions;
use crate::scalar::{Account, Cidr, Expiry, Instant, OrgId, OrgUnit, ResourcePattern, Service, VpcEndpointId, VpcId};

/// The words of one grant.
pub(crate) struct Who<'r> {
    pub(crate) span: crossrole_model::Span,
    /// The kinds of principals that are named, mistaken ones too.
    pub(crate) given: Vec<&'static str>,
    pub(crate) group: Option<&'r OneOrMany<String>>,
    pub(crate) user: Option<&'r OneOrMany<String>>,
    pub(crate) role: Option<&'r OneOrMany<String>>,
    pub(crate) account: Option<&'r OneOrMany<String>>,
    pub(crate) permission_set: Option<&'r OneOrMany<String>>,
    pub(crate) service: Option<&'r OneOrMany<Service>>,
    pub(crate) organization: Option<&'r OneOrMany<OrgId>>,
    pub(crate) organizational_unit: Option<&'r OneOrMany<OrgUnit>>,
    pub(crate) principal: Option<&'r OneOrMany<ResourcePattern>>,
    pub(crate) limits: When<'r>,
}

/// When a grant holds, and for which calls.
#[derive(Clone, Copy)]
pub(crate) struct When<'r> {
    pub(crate) not_before: Option<&'r Spanned<Instant>>,
    pub(crate) not_after: Option<&'r Spanned<Instant>>,
    pub(crate) expires: Option<&'r Spanned<Expiry>>,
    pub(crate) source_ip: Option<&'r OneOrMany<Cidr>>,
    pub(crate) source_vpc: Option<&'r OneOrMany<VpcId>>,
    pub(crate) vpc_endpoint: Option<&'r OneOrMany<VpcEndpointId>>,
    pub(crate) source_account: Option<&'r Spanned<Account>>,
    pub(crate) source_arn: Option<&'r OneOrMany<ResourcePattern>>,
    pub(crate) conditions: Option<&'r Conditions>,
}

/// The kinds of principals that every grant knows.
pub(crate) const KINDS: [&str; 9] = ["group", "user", "role", "account", "permission_set", "service", "organization", "organizational_unit", "principal"];

/// Declares a table that grants something to somebody: its own keys, and those that all such tables have.
macro_rules! grant {
    ($(#[$meta:meta])* $name:ident { $($own:tt)* }) => {
        crate::decode::record! {
            $(#[$meta])*
            $name {
                /// Groups, as `label/Name`: the account is let in, and the group gets the policy.
                group: Option<crate::decode::OneOrMany<String>>,
                /// Users, as `label/Name`.
                user: Option<crate::decode::OneOrMany<String>>,
                /// Roles, as `label/Name`.
                role: Option<crate::decode::OneOrMany<String>>,
                /// Whole trusted accounts, by label.
                account: Option<crate::decode::OneOrMany<String>>,
                /// Permission sets of IAM Identity Center, as `label/Name`, in that account.
                permission_set: Option<crate::decode::OneOrMany<String>>,
                /// AWS services.
                service: Option<crate::decode::OneOrMany<crate::scalar::Service>>,
                /// Whole organizations.
                organization: Option<crate::decode::OneOrMany<crate::scalar::OrgId>>,
                /// Organizational units with all below them, as `o-…/r-…/ou-…`.
                organizational_unit: Option<crate::decode::OneOrMany<crate::scalar::OrgUnit>>,
                /// Principals as ARNs.
                principal: Option<crate::decode::OneOrMany<crate::scalar::ResourcePattern>>,
                /// Not before this instant.
                not_before: Option<crate::decode::Spanned<crate::scalar::Instant>>,
                /// Not after this instant.
                not_after: Option<crate::decode::Spanned<crate::scalar::Instant>>,
                /// Until this day begins (UTC), or this instant; after it, the plan takes the grant away.
                expires: Option<crate::decode::Spanned<crate::scalar::Expiry>>,
                /// Only from these addresses.
                source_ip: Option<crate::decode::OneOrMany<crate::scalar::Cidr>>,
                /// Only through endpoints in these VPCs.
                source_vpc: Option<crate::decode::OneOrMany<crate::scalar::VpcId>>,
                /// Only through these VPC endpoints.
                vpc_endpoint: Option<crate::decode::OneOrMany<crate::scalar::VpcEndpointId>>,
                /// Only calls for this account (for services).
                source_account: Option<crate::decode::Spanned<crate::scalar::Account>>,
                /// Only calls for resources with these ARNs (for services).
                source_arn: Option<crate::decode::OneOrMany<crate::scalar::ResourcePattern>>,
                /// Further conditions: operator, key, values.
                conditions: Option<crate::decode::Table<crate::decode::Table<crate::decode::OneOrMany<crate::scalar::PolicyText>>>>,
                $($own)*
            }
        }

        impl $name {
            /// Whom it lets in, when and from where.
            pub(crate) fn who(&self) -> crate::raw::Who<'_> {
                crate::raw::Who {
                    span: self.span,
                    given: crate::raw::KINDS.into_iter().filter(|kind| self.has(kind)).collect(),
                    group: self.group.as_ref(),
                    user: self.user.as_ref(),
                    role: self.role.as_ref(),
                    account: self.account.as_ref(),
                    permission_set: self.permission_set.as_ref(),
                    service: self.service.as_ref(),
                    organization: self.organization.as_ref(),
                    organizational_unit: self.organizational_unit.as_ref(),
                    principal: self.principal.as_ref(),
                    limits: crate::raw::When {
                        not_before: self.not_before.as_ref(),
                        not_after: self.not_after.as_ref(),
                        expires: self.expires.as_ref(),
                        source_ip: self.source_ip.as_ref(),
                        source_vpc: self.source_vpc.as_ref(),
                        vpc_endpoint: self.vpc_endpoint.as_ref(),
                        source_account: self.source_account.as_ref(),
                        source_arn: self.source_arn.as_ref(),
                        conditions: self.conditions.as_ref(),
                    },
                }
            }
        }
    };
}
pub(super) use grant;
