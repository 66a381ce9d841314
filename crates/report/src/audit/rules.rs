//! What is said of each rule of an audit.

use crossrole_model::audit::{NotKnown, Rule};

use super::super::findings::word;
use crate::RuleInfo;

/// What machines are told of every rule, and of what is not known.
pub fn audit_rules() -> Vec<RuleInfo<'static>> {
    Rule::ALL.into_iter().map(info).chain([NOT_KNOWN]).collect()
}

/// What stands before the rules.
const REFERENCE: &str = "# Rules of the audit

Made by `crossrole audit --list-rules` from the rules themselves. The evaluator decides what a way in is: a trust statement that can't be
met any more, that another one denies, or that names a provider which is not there, lets nobody in. Service-linked roles are left out,
since AWS alone makes and changes them, and so are keys of AWS's own and keys that are to be deleted.

Limits stand in `crossrole.toml`, with what is known and wanted; an object is written as `role/Reader`, with its account before it or as its
ARN, and `*` matches anything:

```toml
[audit]
unused_days = 90           # all of these unless said otherwise
max_session_hours = 4
role_age_days = 365
key_age_days = 90
kms = false                # true: buckets that others use are encrypted with keys of KMS
regions = [\"eu-west-1\"]    # where keys and trails are looked for, beside us-east-1 and the regions of buckets and of manifests' keys
own_accounts = [\"555555555555\"]   # no third parties, beside the accounts of manifests and of the directory; none unless said
own_organizations = [\"o-a1b2c3d4e5\"]   # whoever comes from another is a third party; unless said, each that a policy names is one's own

[[audit.suppress]]
rule = \"no-external-id\"
object = \"222222222222/role/Scanner\"
reason = \"the scanner has none; SEC-7\"
expires = 2027-01-31       # optional: until that day begins (UTC)
```

Rules about logs, encryption and data events are about buckets that somebody outside may use, or that a manifest declares; those about
use, age and sessions about roles that let somebody in who is no service of AWS. Of an account as a
whole, `no-mfa` is about users, where the account was read: those whose own policies let them come in without a second factor; sessions of
roles and of permission sets have none. `no-external-id` is met by a second factor, which no service of the third party has.
`anyone` leaves out buckets whose block restricts public access: a public policy there still lets in services of AWS, which stand among the
ways in.

ACLs of buckets and grants of keys are ways in like those of policies. Not looked at, which every output says: ACLs of objects, policies of
access points, and what other services share. What could not be read is `not-known`, and so is whom ACLs of objects let in where they count
and nothing ignores public ones. That ends the command with exit code 1, and is suppressed like anything else.

Whoever audits needs, in each account: `iam:GetAccountAuthorizationDetails`, `iam:ListRoles`, `iam:GenerateCredentialReport`,
`iam:GetCredentialReport`, `iam:ListOpenIDConnectProviders`, `iam:GetOpenIDConnectProvider`, `iam:ListSAMLProviders`,
`iam:GetSAMLProvider`, `s3:ListAllMyBuckets`, `s3:GetAccountPublicAccessBlock`, `s3:GetBucketPolicy`, `s3:GetBucketLogging`,
`s3:GetEncryptionConfiguration`, `s3:GetBucketPublicAccessBlock`, `s3:GetBucketOwnershipControls`, `s3:GetBucketAcl`, `kms:ListKeys`,
`kms:DescribeKey`, `kms:GetKeyPolicy`, `kms:ListGrants`, `cloudtrail:DescribeTrails`, `cloudtrail:GetTrailStatus`, `cloudtrail:GetEventSelectors`.
";

/// The reference page of all rules.
pub fn audit_reference() -> String {
    let section = |info: RuleInfo<'_>, severity: &str| {
        let capital = |text: &str| text.chars().take(1).flat_map(char::to_uppercase).chain(text.chars().skip(1)).collect::<String>();
        format!("\n## {}\n\n{severity}: {}.\n\n{}\n\n{}.\n", info.id, info.what, info.why, capital(info.fix))
    };
    let rules: String = Rule::ALL.into_iter().map(|rule| section(info(rule), word(rule.severity()))).collect();
    format!("{REFERENCE}{rules}{}", section(NOT_KNOWN, "not known"))
}

pub(super) const NOT_KNOWN: RuleInfo<'static> = RuleInfo {
    id: NotKnown::RULE,
    what: "something that could not be read, or not be decided",
    why: "What nobody has looked at may let anybody in.",
    fix: "give whoever audits the right to read it, or switch ACLs off; where it need not be known, suppress `not-known` for it",
};

pub(super) fn info(rule: Rule) -> RuleInfo<'static> {
    let (what, why, fix) = match rule {
        Rule::Anyone => (
            "a role, bucket or key that anyone may use",
            "Whoever has an account of AWS, or none, comes in.",
            "name whom it is for, or limit it with `aws:PrincipalOrgID`; take what lets in everybody out of an ACL",
        ),
        Rule::AccountWide => (
            "a whole account, or an organization of somebody else's, that may come in",
            "Whoever may change policies there decides who comes in.",
            "name a role or user, or limit it with `aws:PrincipalArn`",
        ),
        Rule::NoExternalId => (
            "a third party that comes in without an external id",
            "Another customer of that party can have it come here in their place (the confused deputy).",
            "agree on an external id with them, and ask for it with `sts:ExternalId`",
        ),
        Rule::NoMfa => ("a user who comes in without a second factor", "Whoever finds the user's access key comes in.", "ask for `aws:MultiFactorAuthPresent`"),
        Rule::TokensNotPinned => (
            "tokens of a provider that are not pinned to one workload",
            "Every user of that provider whose token passes comes in.",
            "ask for the audience, and pin the subject to a repository and an environment, branch or tag; of an identity pool, ask for `authenticated` in `amr`",
        ),
        Rule::DeadPrincipal => (
            "what is left of a deleted principal",
            "AWS leaves its unique id behind: what it was for is not there any more, and whoever gets its name later does not get its access.",
            "take it out, or name the principal again",
        ),
        Rule::NotAsDeclared => (
            "something that bears our mark and is not as its manifest says",
            "Somebody has changed it by hand.",
            "look at it with `crossrole plan`, and take it back or say it in the manifest",
        ),
        Rule::UnusedRole => ("a role for somebody outside that nobody uses", "What nobody uses nobody watches.", "delete it, or take its trust back"),
        Rule::LongSession => (
            "a role for somebody outside whose sessions last long",
            "Credentials of a session that got lost are good until it ends.",
            "set a shorter longest session (`max_session`)",
        ),
        Rule::OldRole => (
            "a role for somebody outside that is old",
            "Whom it was made for may have changed.",
            "look whether it is still wanted as it is, and suppress this with a day on which to look again",
        ),
        Rule::OldAccessKey => (
            "an access key that is old",
            "The longer a key is good, the more places it has been in.",
            "make another one, use it, and delete this one; or use a role",
        ),
        Rule::RootAccessKey => ("an access key of the root user", "It may do everything, and nothing limits it.", "delete it"),
        Rule::NoTrail => {
            ("no trail of what is changed", "Who came in, and what they did, can't be found out later.", "make a trail of all regions, and start it")
        }
        Rule::NoDataEvents => (
            "no trail of what is done with the objects of a bucket that others use",
            "Trails keep who reads and writes objects only where they are told to.",
            "add the bucket to the data events of a trail",
        ),
        Rule::NoAccessLog => (
            "a bucket that others use and that keeps no access log",
            "Requests that no trail has, such as those that are not signed, leave no trace.",
            "switch server access logging on (`logging`)",
        ),
        Rule::NotEncrypted => (
            "a bucket that others use and that is not encrypted as it should be",
            "A key of one's own decides once more who reads.",
            "set encryption by default (`encryption`)",
        ),
        Rule::PublicAccessNotBlocked => (
            "a bucket that nothing keeps from being made public",
            "One mistake in its policy, or one ACL, opens it to anyone.",
            "switch on all four settings of block public access, of the bucket or of the account",
        ),
        Rule::AccountPublicAccessNotBlocked => (
            "an account that nothing keeps from making buckets public",
            "Each new bucket is one mistake away from being public.",
            "switch on all four settings of block public access of the account",
        ),
        Rule::AclsOn => {
            ("a bucket with ACLs", "Those of objects let in others one by one, and are not looked at here.", "set object ownership to `BucketOwnerEnforced`")
        }
    };
    RuleInfo { id: rule.id(), what, why, fix }
}
