//! Every rule, one file each.

mod account_wide_trust;
mod acls_on;
mod action_not_of_bucket_policy;
mod allow_not;
mod anyone_may_assume;
mod condition_not_carried;
mod condition_refused;
mod credentials_exposure;
mod data_everywhere;
mod dead_principal;
mod deny_not_principal;
mod deny_with_nullable_variable;
mod expired_window;
mod federated_in_bucket_policy;
mod for_all_values_in_allow;
mod for_all_values_of_one;
mod grants_policy_change;
mod key_given_away;
mod key_never_present;
mod key_not_carried;
mod key_without_its_action;
mod locks_everyone_out;
mod malformed_account;
mod mfa_deny_misses_keys;
mod mfa_if_exists;
mod mfa_not_asked_for;
mod mismatched_action_for_principal;
mod missing_set_operator;
mod near_quota;
mod never_met;
mod no_secure_transport;
mod not_ip_without_escape;
mod oidc_not_pinned;
mod one_sided_grant;
mod open_key;
mod other_partition;
mod pass_role_everywhere;
mod permissions_management;
mod placeholder_account;
mod principal_is_group;
mod private_source_ip;
mod privilege_escalation;
mod public_access_block_off;
mod public_bucket;
mod redundant_statement;
mod resource_mismatch;
mod role_trusts_itself;
mod s3_arn_with_account;
mod service_linked_role_everywhere;
mod service_principal_format;
mod service_without_source;
mod shadowed_by_deny;
mod third_party_without_external_id;
mod type_mismatch;
mod unknown_action;
mod unknown_attached_policy;
mod unknown_condition_key;
mod unknown_partition;
mod unknown_principal_kind;
mod unknown_service;
mod unreadable_value;
mod variable_misuse;
mod whole_service;
mod wildcard_condition;
mod wildcard_in_principal;
mod wildcard_without_like;

use crate::look::{about, acts, allows};
use crossrole_access::estate::Principal;

use super::Rule;

/// All rules, sorted by id.
pub const ALL: &[Rule] = &[
    account_wide_trust::RULE,
    acls_on::RULE,
    action_not_of_bucket_policy::RULE,
    allow_not::RULE,
    anyone_may_assume::RULE,
    condition_not_carried::RULE,
    condition_refused::RULE,
    credentials_exposure::RULE,
    data_everywhere::RULE,
    dead_principal::RULE,
    deny_not_principal::RULE,
    deny_with_nullable_variable::RULE,
    expired_window::RULE,
    federated_in_bucket_policy::RULE,
    for_all_values_in_allow::RULE,
    for_all_values_of_one::RULE,
    grants_policy_change::RULE,
    key_given_away::RULE,
    key_never_present::RULE,
    key_not_carried::RULE,
    key_without_its_action::RULE,
    locks_everyone_out::RULE,
    malformed_account::RULE,
    mfa_deny_misses_keys::RULE,
    mfa_if_exists::RULE,
    mfa_not_asked_for::RULE,
    mismatched_action_for_principal::RULE,
    missing_set_operator::RULE,
    near_quota::RULE,
    never_met::RULE,
    no_secure_transport::RULE,
    not_ip_without_escape::RULE,
    oidc_not_pinned::RULE,
    one_sided_grant::RULE,
    open_key::RULE,
    other_partition::RULE,
    pass_role_everywhere::RULE,
    permissions_management::RULE,
    placeholder_account::RULE,
    principal_is_group::RULE,
    private_source_ip::RULE,
    privilege_escalation::RULE,
    public_access_block_off::RULE,
    public_bucket::RULE,
    redundant_statement::RULE,
    resource_mismatch::RULE,
    role_trusts_itself::RULE,
    s3_arn_with_account::RULE,
    service_linked_role_everywhere::RULE,
    service_principal_format::RULE,
    service_without_source::RULE,
    shadowed_by_deny::RULE,
    third_party_without_external_id::RULE,
    type_mismatch::RULE,
    unknown_action::RULE,
    unknown_attached_policy::RULE,
    unknown_condition_key::RULE,
    unknown_partition::RULE,
    unknown_principal_kind::RULE,
    unknown_service::RULE,
    unreadable_value::RULE,
    variable_misuse::RULE,
    whole_service::RULE,
    wildcard_condition::RULE,
    wildcard_in_principal::RULE,
    wildcard_without_like::RULE,
];

/// Tells whether a principal's own policies allow something under some condition.
fn may(principal: &Principal, action: &str, resource: &str) -> bool {
    principal.identity.iter().flat_map(|p| &p.document.statements).any(|s| allows(s) && acts(s, action) && about(s, resource))
}
