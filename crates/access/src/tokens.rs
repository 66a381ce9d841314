//! Tokens of identity providers: whether a trust pins them to one workload.

use crossrole_model::access::{Clause, Relation, Which};
use crossrole_model::audit::Lacks;

use crate::clauses::{asked, asks_only_for, is_pattern};
use crate::language::wildcard_matches;

/// Providers of whom only the subject of a token says whose customer it is of: those to whom IAM's controls ask for the subject (IAM User
/// Guide, "Identity-provider controls for shared OIDC providers"). With others, an audience is one customer's.
const SHARED: [&str; 12] = [
    "agent.buildkite.com",
    "app.terraform.io",
    "gitlab.com",
    "oidc-configuration.audit-log.githubusercontent.com",
    "oidc.circleci.com",
    "oidc.codefresh.io",
    "proidc.upbound.io",
    "scalr.io",
    "studio.datachain.ai/api",
    "token.actions.githubusercontent.com",
    "tokens.cloud.shisho.dev",
    "vstoken.actions.githubusercontent.com",
];

const GITHUB: &str = "token.actions.githubusercontent.com";

const COGNITO: &str = "cognito-identity";

/// Claims that a subject of GitHub's may begin with, and whose value whoever has a repository of their own chooses: what follows may be part
/// of it (GitHub Docs, "OpenID Connect reference", customizing the subject claims).
const OF_ANYBODY: [&str; 7] = ["actor", "base_ref", "context", "environment", "head_ref", "ref", "workflow"];

/// Those of which no value has a colon (git, "git check-ref-format"; GitHub Docs, "Username considerations").
const WITHOUT_COLON: [&str; 4] = ["actor", "base_ref", "head_ref", "ref"];

/// Returns the host of a provider of OIDC tokens, by its ARN or, of those that every account knows, by its name; `None`: it is of SAML.
pub fn host(provider: &str) -> Option<&str> {
    if provider.contains(":saml-provider/") {
        return None;
    }
    Some(provider.split_once(":oidc-provider/").map_or(provider, |(_, host)| host))
}

/// What tokens are not asked for, where conditions are met in one way.
pub fn lacking(host: &str, clauses: &[Clause]) -> Option<Lacks> {
    audience(host, clauses).is_empty().then_some(Lacks::Audience).or_else(|| lacking_subject(host, clauses))
}

/// Clauses that ask for a value of a claim; one that everybody's token meets asks for nothing.
fn claim<'c>(host: &str, clauses: &'c [Clause], name: &str) -> Vec<&'c Clause> {
    asked(clauses, &format!("{host}:{name}")).filter(|clause| !is_met_by_all(clause)).collect()
}

fn audience<'c>(host: &str, clauses: &'c [Clause]) -> Vec<&'c Clause> {
    ["aud", "app_id", "oaud"].into_iter().flat_map(|name| claim(host, clauses, name)).collect()
}

/// The same, the audience aside.
pub fn lacking_subject(host: &str, clauses: &[Clause]) -> Option<Lacks> {
    let audience = audience(host, clauses);
    let subjects = claim(host, clauses, "sub");
    // GitHub's tokens may be pinned to a workflow in place of a subject (IAM User Guide, "Available keys for OIDC federation").
    let workflows = if host == GITHUB { claim(host, clauses, "job_workflow_ref") } else { Vec::new() };
    let broad_subject = |clause: &Clause| clause.values.iter().find(|value| !is_of_one(host, clause, value)).cloned();
    let broad_workflow = |clause: &Clause| clause.values.iter().find(|value| is_pattern(clause) && !names_repository(value)).cloned();
    let subject = subjects.first().map(|clause| broad_subject(clause));
    let workflow = workflows.first().map(|clause| broad_workflow(clause));
    if subjects.iter().any(|clause| broad_subject(clause).is_none()) || workflows.iter().any(|clause| broad_workflow(clause).is_none()) {
        return None;
    }
    if host.starts_with(COGNITO) && lets_in_guests(host, clauses) {
        return Some(Lacks::SignIn);
    }
    // An audience of one's own is a pin; one that every user of the provider may ask for is none.
    let shared = SHARED.contains(&host) || audience.iter().all(|clause| clause.values.iter().any(|value| meets(clause, value, "sts.amazonaws.com")));
    let many = subject.flatten().map(Lacks::OneWorkload).or_else(|| workflow.flatten().map(Lacks::OneWorkflow));
    many.or_else(|| shared.then_some(Lacks::Subject))
}

/// Tells whether a value of a clause is met by a text.
fn meets(clause: &Clause, value: &str, text: &str) -> bool {
    if is_pattern(clause) { wildcard_matches(value, text) } else { value.eq_ignore_ascii_case(text) }
}

/// A pattern made of wildcards alone.
fn is_met_by_all(clause: &Clause) -> bool {
    is_pattern(clause) && clause.values.iter().any(|value| value.chars().all(|c| ['*', '?'].contains(&c)))
}

/// Tells whether a subject is of one workload, by what stands before whatever may vary.
fn is_of_one(host: &str, clause: &Clause, value: &str) -> bool {
    if let Some((first, rest)) = value.split_once(':').filter(|(first, _)| host == GITHUB && OF_ANYBODY.contains(first)) {
        // The value of some ends at the next colon: what follows is other claims.
        let next = rest.split_once(':').filter(|(value, _)| WITHOUT_COLON.contains(&first) && !value.contains(['*', '?']));
        return next.is_some_and(|(_, others)| is_of_one(host, clause, others));
    }
    if host == GITHUB && OF_ANYBODY.contains(&value) {
        return false;
    }
    let open = |text: &str| text.contains(['*', '?']);
    if !is_pattern(clause) || !open(value) {
        return true;
    }
    // `org/ID/project/ID/user/ID` (CircleCI Docs, "Using OpenID Connect tokens in jobs").
    if host.starts_with("oidc.circleci.com") {
        return value.split('/').take(4).count() == 4 && !value.split('/').take(4).any(open);
    }
    if let Some(repository) = value.strip_prefix("repo:").filter(|_| host == GITHUB) {
        return names_repository(repository.split(':').next().unwrap_or_default());
    }
    // `system:serviceaccount:namespace:name` (Kubernetes, "Service accounts"), `pulumi:deploy:org:name:…`: two words say nothing.
    let parts = match value.split(':').next() {
        Some("system") => 3,
        Some("pulumi") => 4,
        _ => 2,
    };
    value.split(':').count() >= parts && !value.split(':').take(parts).any(open)
}

/// Tells whether `owner/name…`, or `owner@id/name@id…`, is of one repository whatever wildcards in it stand for. Names have no `@`, which
/// ids, that may vary, come after (GitHub Docs, "OpenID Connect reference", immutable subjects).
fn names_repository(text: &str) -> bool {
    let mut parts = text.splitn(3, '/').map(|part| part.split_once('@').map_or(part, |(name, _)| name));
    let mut is_named = || parts.next().is_some_and(|name| !name.is_empty() && !name.contains(['*', '?']));
    is_named() && is_named()
}

/// Tells whether tokens of a pool's guests pass, which are anyone's (Amazon Cognito Developer Guide, "IAM roles", `amr`).
fn lets_in_guests(host: &str, clauses: &[Clause]) -> bool {
    const GUEST: &str = "unauthenticated";
    let key = format!("{host}:amr");
    let is_no_guest = |clause: &Clause| match clause.relation {
        Relation::Compares(how) if how.not => {
            clause.key.eq_ignore_ascii_case(&key) && how.which != Which::Some && clause.values.iter().any(|value| meets(clause, value, GUEST))
        }
        _ => false,
    };
    !asks_only_for(clauses, &key, |clause, value| !meets(clause, value, GUEST)) && !clauses.iter().any(is_no_guest)
}
