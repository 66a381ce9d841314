//! What has no policy of its own: resources that only the caller's side decides about.

use std::collections::BTreeSet;
use std::rc::Rc;

use crossrole_model::access::{About, Limit, Undecided, Why};
use crossrole_policy::{Effect, Statement};

use crate::estate::{Guarded, Placed};

use super::atoms::ASSUME;
use super::crowd;
use super::forms::{Form, Pattern};
use super::pair::{Domain, Text};
use super::subjects::{self, Who};
use super::{Work, classes};

/// Kinds of IAM's resources, by the beginning of their names (Service Authorization Reference, AWS IAM).
const IAM_KINDS: [&str; 12] = [
    "role",
    "user",
    "group",
    "policy",
    "instance-profile",
    "oidc-provider",
    "saml-provider",
    "mfa",
    "sms-mfa",
    "server-certificate",
    "delegation-request",
    "access-report",
];

/// Kinds of what IAM has of AWS's own, which every account may read.
const OF_AWS: [&str; 2] = ["policy", "role-template"];

/// The first that nothing names stands for every service that nothing names.
const OTHER_SERVICES: [&str; 16] =
    ["ec2", "lambda", "sqs", "sns", "kms", "dynamodb", "logs", "events", "ecs", "eks", "rds", "ssm", "glue", "athena", "kinesis", "states"];

/// Where all of those are named; no service has this name.
pub(crate) const OTHER: &str = "other";

impl<'e> Work<'e> {
    /// What has no policy of its own, for every principal that differs.
    pub(super) fn elsewhere(&mut self) {
        let [before, after] = self.sides;
        let partition = after.partition();
        let buckets = before.buckets.keys().chain(after.buckets.keys()).map(|name| format!("arn:{partition}:s3:::{name}"));
        // Keys, too, are looked at by themselves where their policies are known.
        let keys = before.keys.keys().chain(after.keys.keys()).cloned();
        let buckets: Rc<BTreeSet<String>> = Rc::new(buckets.chain(keys).collect());
        let roles: Rc<BTreeSet<String>> = Rc::new(before.roles.keys().chain(after.roles.keys()).cloned().collect());
        for arn in self.changed_principals() {
            if self.stays_inside(arn, &buckets) {
                continue;
            }
            let Some(who) = Who::known(arn, self.sides) else { continue };
            let account = who.subject.account.clone().unwrap_or_default();
            let patterns: BTreeSet<&str> = self.statements(arn).filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values).map(String::as_str).collect();
            let services: BTreeSet<&str> = patterns.iter().filter_map(|p| p.split(':').nth(2)).filter(|s| !s.contains(['*', '?', '$'])).collect();
            let other = self.other_service(arn, &services);
            let Some(accounts) = self.accounts_told_apart(arn, &account, &patterns) else {
                for about in [About::OtherResources, About::OtherRoles] {
                    self.delta.undecided.push(Undecided { party: who.subject.party.clone(), about, why: Why::TooMany(Limit::ResourcePatterns) });
                }
                continue;
            };
            let mut texts = texts(partition, &account, &patterns, &services, other);
            // Sessions of root are asked for in any account.
            texts.extend(accounts.iter().map(|id| Text::Exact(format!("arn:{partition}:iam::{id}:root"))));
            let region = Text::Walk(format!("arn:{partition}:s3:"));
            if self.reaches(arn, &region) {
                texts.push(region);
            }
            self.not_looked_at(&who, &texts, &buckets);
            // A pattern that names a known one is told apart from it; of the others it says that they are left out.
            let told_apart = |known: &BTreeSet<String>| -> BTreeSet<String> { patterns.iter().flat_map(|p| beginnings(head(p), known)).cloned().collect() };
            let known = Rc::clone(&buckets);
            let about = About::OtherResources;
            let domain = Domain { about, texts: texts.clone(), elsewhere: told_apart(&known), known, owner: None, actions: Vec::new(), service: None, other };
            self.pair(&who, &domain, [None, None]);
            // Roles whose trust nobody has read are taken to trust the account: what is gained there is up to them.
            let trusting = Placed::new(subjects::trusts_account(&account), "trust policy that was not read");
            let trusting = Guarded { account: String::new(), policy: Some(trusting), restrict_public: false };
            let known = Rc::clone(&roles);
            let about = About::OtherRoles;
            let roles = accounts.into_iter().map(|id| Text::Walk(format!("arn:{partition}:iam::{id}:role/")));
            // Tags come with federated sessions, too.
            let texts = roles.chain(of_sts(partition, &account)).collect();
            let actions = ASSUME.map(str::to_owned).to_vec();
            let domain = Domain { about, texts, elsewhere: told_apart(&known), known, owner: None, actions, service: None, other };
            self.pair(&who, &domain, [Some(&trusting), Some(&trusting)]);
        }
    }

    /// Statements of the principal's side: its policies, its boundary, its account's control policies.
    fn statements(&self, arn: &str) -> impl Iterator<Item = &'e Statement> {
        self.sides.into_iter().filter_map(|side| side.principals.get(arn).map(|p| (side, p))).flat_map(|(side, principal)| {
            let own = principal.identity.iter().chain(principal.boundary.iter().flatten());
            let control = side.service_control.get(&principal.account).into_iter().flatten().flatten();
            own.chain(control).flat_map(|p| &p.document.statements)
        })
    }

    /// One account of each class that patterns and conditions tell apart by what is in it: an account that nothing names is
    /// one, too. `None`: too many to tell apart.
    fn accounts_told_apart(&self, arn: &str, own: &str, patterns: &BTreeSet<&str>) -> Option<Vec<String>> {
        let owners = self.statements(arn).flat_map(|s| &s.conditions).flat_map(|(_, keys)| keys);
        let owners = owners.filter(|(key, _)| key.to_ascii_lowercase().ends_with(":resourceaccount")).flat_map(|(_, values)| values);
        let segments = patterns.iter().filter_map(|p| p.split(':').nth(4)).chain(owners.map(String::as_str)).chain([own]);
        let segments: BTreeSet<&str> = segments.filter(|text| !text.is_empty() && !text.contains("${")).collect();
        let patterns: Vec<Pattern> = segments.into_iter().map(|text| Pattern { tape: 0, symbols: crowd::pattern(text) }).collect();
        let found = Form::new().digits(12, 1).classes(&patterns)?;
        Some(found.into_iter().filter_map(|class| class.texts.into_iter().next()).collect())
    }

    /// Quick and never wrongly false: some statement of the principal may be about what S3 has in a region or an account, which
    /// is neither a bucket nor in one (access points, jobs, grants).
    fn reaches(&self, arn: &str, regional: &Text) -> bool {
        let is_one = |pattern: &String| !pattern.contains(":s3:::") && may_match(head(pattern), head(pattern).len() == pattern.len(), regional);
        let mut resources = self.statements(arn).map(|s| s.resource.as_ref());
        resources.any(|resource| resource.is_none_or(|r| r.negated || r.values.iter().any(is_one)))
    }

    /// A service that nothing names of what bears on a principal.
    fn other_service(&self, arn: &str, written: &BTreeSet<&str>) -> &'static str {
        let actions = self.statements(arn).flat_map(|s| &s.action.values).filter_map(|a| a.split_once(':'));
        let named: BTreeSet<String> = actions.map(|(service, _)| service).chain(written.iter().copied()).map(str::to_lowercase).filter(|s| s != "*").collect();
        OTHER_SERVICES.into_iter().find(|other| !named.iter().any(|s| classes::overlap(s, other))).unwrap_or(OTHER)
    }

    /// Resources that a principal's policies allow something on and that no domain is about (access points, jobs, and others),
    /// where a statement that may be about them differs.
    fn not_looked_at(&mut self, who: &Who, texts: &[Text], buckets: &BTreeSet<String>) {
        let principals = self.sides.map(|side| side.principals.get(&who.arn));
        let seen = |pattern: &str| {
            let head = head(pattern);
            let known = pattern.split('/').next().is_some_and(|bucket| buckets.contains(bucket));
            known || crossrole_policy::Arn::parse(pattern).is_none() || texts.iter().any(|text| may_match(head, head.len() == pattern.len(), text))
        };
        let allows = principals.iter().flatten().flat_map(|p| &p.identity).flat_map(|p| &p.document.statements).filter(|s| s.effect == Effect::Allow);
        let unseen: BTreeSet<&String> = allows.filter_map(|s| s.resource.as_ref()).flat_map(|r| &r.values).filter(|pattern| !seen(pattern)).collect();
        if unseen.is_empty() {
            return;
        }
        let differ = self.differing(who);
        for pattern in unseen {
            let about = |s: &&Statement| {
                s.resource
                    .as_ref()
                    .is_none_or(|r| r.negated || r.values.iter().any(|v| [v, pattern].iter().any(|t| t.contains("${")) || classes::overlap(v, pattern)))
            };
            if differ.iter().any(about) {
                let about = About::Resource(pattern.clone());
                self.delta.undecided.push(Undecided { party: who.subject.party.clone(), about, why: Why::ResourceKind });
            }
        }
    }

    /// Statements of the principal's side that are on one side only; all of them, where it gets a boundary or loses one.
    fn differing(&self, who: &Who) -> Vec<&'e Statement> {
        let principals = self.sides.map(|side| side.principals.get(&who.arn));
        let [before, after] = principals.map(|p| -> Vec<&Statement> {
            let documents = p.into_iter().flat_map(|p| p.identity.iter().chain(p.boundary.iter().flatten()));
            documents.flat_map(|d| &d.document.statements).collect()
        });
        let [bounded, still] = principals.map(|p| p.is_some_and(|p| p.boundary.is_some()));
        let alone = |one: &[&'e Statement], other: &[&'e Statement]| one.iter().filter(|s| bounded != still || !other.contains(s)).copied().collect::<Vec<_>>();
        [alone(&before, &after), alone(&after, &before)].concat()
    }

    /// Quick and never wrongly true: all that the principal's policies allow is inside buckets that are looked at by
    /// themselves.
    fn stays_inside(&self, arn: &str, buckets: &BTreeSet<String>) -> bool {
        let inside = |pattern: &String| {
            let bucket = pattern.split('/').next().unwrap_or(pattern);
            // A wildcard in the bucket's name reaches out.
            !bucket.contains(['*', '?', '$']) && buckets.contains(bucket)
        };
        let documents = self.sides.into_iter().filter_map(|side| side.principals.get(arn)).flat_map(|p| &p.identity);
        let mut allows = documents.flat_map(|p| &p.document.statements).filter(|s| s.effect == crossrole_policy::Effect::Allow);
        allows.all(|s| s.resource.as_ref().is_some_and(|r| !r.negated && r.values.iter().all(inside)))
    }
}

/// What patterns can be about, of services that they name, and of one that stands for all others. (A wildcard in the place
/// of the service matches nothing.)
fn texts(partition: &str, account: &str, patterns: &BTreeSet<&str>, services: &BTreeSet<&str>, other: &str) -> Vec<Text> {
    let mut texts = vec![Text::Exact("*".to_owned())];
    let named = patterns.iter().filter_map(|p| p.split(':').nth(4)).filter(|a| !a.is_empty() && a.bytes().all(|b| b.is_ascii_digit()));
    let accounts: BTreeSet<&str> = named.chain([account]).collect();
    for service in services.iter().copied().chain(["s3", "iam", "sts", other]).collect::<BTreeSet<_>>() {
        match service {
            // The first alone is asked for the list of all buckets; whatever stands for its class is it.
            "s3" => texts.extend([Text::Exact(format!("arn:{partition}:s3:::*")), Text::Walk(format!("arn:{partition}:s3:::"))]),
            "iam" => {
                texts.extend(OF_AWS.map(|kind| Text::Walk(format!("arn:{partition}:iam::aws:{kind}/"))));
                texts.extend(accounts.iter().flat_map(|a| IAM_KINDS.map(|kind| Text::Walk(format!("arn:{partition}:iam::{a}:{kind}/")))));
            }
            "sts" => texts.extend(accounts.iter().flat_map(|a| of_sts(partition, a))),
            // Of any region and account.
            service => texts.push(Text::Walk(format!("arn:{partition}:{service}:"))),
        }
    }
    texts
}

/// What STS has of an account (Service Authorization Reference, AWS Security Token Service).
fn of_sts(partition: &str, account: &str) -> [Text; 2] {
    let of = |kind: &str| format!("arn:{partition}:sts::{account}:{kind}");
    [Text::Exact(of("self")), Text::Walk(of("federated-user/"))]
}

/// The part of a pattern before its first wildcard or variable.
pub(super) fn head(pattern: &str) -> &str {
    let end = pattern.find(['*', '?']).into_iter().chain(pattern.find("${")).min();
    end.and_then(|end| pattern.get(..end)).unwrap_or(pattern)
}

/// Those that a text begins with. Looked up one by one: there are far fewer letters in a pattern than known resources.
pub(super) fn beginnings<'k>(text: &str, known: &'k BTreeSet<String>) -> impl Iterator<Item = &'k String> {
    text.char_indices().map(|(at, c)| at + c.len_utf8()).filter_map(move |end| known.get(text.get(..end)?))
}

pub(super) fn may_match(head: &str, whole: bool, text: &Text) -> bool {
    match text {
        Text::Exact(text) => {
            if whole {
                head == text
            } else {
                text.starts_with(head)
            }
        }
        Text::Walk(start) => head.starts_with(start.as_str()) || !whole && start.starts_with(head),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_resource_is_looked_at() {
        for service in ["iam", "sts"] {
            for kind in crate::catalogue::actions(service).flat_map(|a| &a.resources) {
                let known = IAM_KINDS.contains(kind) || OF_AWS.contains(kind) || ["root-user", "federated-user", "self-session"].contains(kind);
                assert!(known, "{service} {kind}");
            }
        }
    }
}
