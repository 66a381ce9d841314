//! Tokens of identity providers that are not pinned to one workload.

use crossrole_model::access::{Clause, Party};
use crossrole_model::audit::{Issue, Lacks, NotKnown, Rule};

use super::anyone::way_of;
use crate::Case;
use crate::look::asks;

/// Providers whose tokens have the same audience for all of their customers (IAM User Guide, "Identity-provider controls for
/// shared OIDC providers").
const SHARED: [&str; 8] = [
    "agent.buildkite.com",
    "api.pulumi.com/oidc",
    "app.terraform.io",
    "gitlab.com",
    "oidc.circleci.com",
    "oidc.codefresh.io",
    "oidc.vercel.com",
    "token.actions.githubusercontent.com",
];

const GITHUB: &str = "token.actions.githubusercontent.com";

/// Claims that a subject of GitHub's may begin with, and whose value whoever has a repository of their own chooses: what follows may be part
/// of it (GitHub Docs, "OpenID Connect reference", customizing the subject claims).
const OF_ANYBODY: [&str; 7] = ["actor", "base_ref", "context", "environment", "head_ref", "ref", "workflow"];

pub(super) fn check(case: &Case<'_>, issues: &mut Vec<Issue>, _: &mut Vec<NotKnown>) {
    for way in &case.ways {
        let Party::Tokens { provider } = &way.access.party else { continue };
        if provider.contains(":saml-provider/") {
            continue;
        }
        // Those that every account knows have no ARN.
        let host = provider.split_once(":oidc-provider/").map_or(provider.as_str(), |(_, host)| host);
        let lacks = if way.access.when.is_empty() { lacking(host, &[]) } else { way.access.when.iter().find_map(|clauses| lacking(host, clauses)) };
        if let Some(lacks) = lacks {
            issues.push(Issue { rule: Rule::TokensNotPinned, object: way.to.clone(), detail: way_of(way, Some(lacks)) });
        }
    }
}

/// What tokens are not asked for, where conditions are met in one way.
fn lacking(host: &str, clauses: &[Clause]) -> Option<Lacks> {
    let claim = |name: &str| asks(clauses, &format!("{host}:{name}")).filter(|clause| clause.values.iter().all(|value| value != "*"));
    let audience = claim("aud").or_else(|| claim("app_id")).or_else(|| claim("oaud"));
    let Some(audience) = audience else { return Some(Lacks::Audience) };
    let subject = claim("sub");
    // An audience of one's own is a pin; one that every user of the provider may ask for is none.
    let shared = SHARED.contains(&host) || audience.values.iter().any(|value| value == "sts.amazonaws.com");
    // GitHub's tokens may be pinned to a workflow in place of a subject (IAM User Guide, "Available keys for OIDC federation").
    let Some(subject) = subject else { return (shared && claim("job_workflow_ref").is_none()).then_some(Lacks::Subject) };
    // `repo:owner/name:…`: what stands before the second colon says whose workload it is.
    let of_many = |value: &&String| value.splitn(3, ':').take(2).any(|part| part.contains(['*', '?']));
    let of_anybody = |value: &&String| host == GITHUB && value.split(':').next().is_some_and(|claim| OF_ANYBODY.contains(&claim));
    subject.values.iter().find(|value| of_many(value) || of_anybody(value)).map(|value| Lacks::OneWorkload(value.clone()))
}
