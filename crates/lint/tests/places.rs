//! Findings stand where their statement was written, however often the same is said elsewhere.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by panicking")]

use crossrole_lint::guardrails::{self, Guardrails};
use crossrole_lint::lint;
use crossrole_model::observed::{Observation, ObservedBucket};
use crossrole_model::state::{BucketPolicyState, BucketState};
use crossrole_model::{AccountId, Observed, Source};

/// 2026-07-01.
const NOW: i64 = 1_782_864_000;

fn source(file: &str, name: &str, text: &str) -> Source {
    let head = format!("name = \"{name}\"\n\n[trusting]\naccount = \"222222222222\"\n\n[trusted.partner]\naccount = \"444444444444\"\nmanage = false\n");
    Source { file: file.to_owned(), text: format!("{head}{text}") }
}

/// `file:line` of every finding of a rule.
fn places(sources: &[Source], rule: &str) -> Vec<String> {
    let (desired, findings) = crossrole_manifest::load(sources);
    let desired = desired.unwrap_or_else(|| panic!("{}", crossrole_report::findings(&findings, sources)));
    let linted = lint(&desired, None, NOW);
    let found = linted.findings.iter().filter(|f| f.rule.as_deref() == Some(rule));
    found
        .map(|f| {
            let text = &sources.iter().find(|s| s.file == f.file).unwrap().text;
            format!("{}:{}", f.file, text[..f.span.unwrap().start].matches('\n').count() + 1)
        })
        .collect()
}

/// The line of the n-th place where a text stands.
fn line(source: &Source, text: &str, nth: usize) -> String {
    let at = source.text.match_indices(text).nth(nth).unwrap().0;
    format!("{}:{}", source.file, source.text[..at].matches('\n').count() + 1)
}

const ROLE: &str = r#"
[roles.NAME]

[[roles.NAME.trust]]
account = "partner"
external_id = "c0ffee"

[[roles.NAME.statement]]
actions = "s3:*"
resources = "arn:aws:s3:::data/*"
"#;

#[test]
fn two_roles_with_one_statement_have_a_place_each() {
    let source = source("a.toml", "a", &[ROLE.replace("NAME", "One"), ROLE.replace("NAME", "Two")].concat());
    let wanted: Vec<String> = (0..2).map(|n| line(&source, "[[roles.", 2 * n + 1)).collect();
    assert_eq!(places(&[source], "whole-service"), wanted);
}

#[test]
fn two_statements_of_one_document_have_a_place_each() {
    let twice = "\n[[roles.One.statement]]\nactions = \"s3:*\"\nresources = \"arn:aws:s3:::data/*\"\n";
    let source = source("a.toml", "a", &[ROLE.replace("NAME", "One"), twice.to_owned()].concat());
    let wanted: Vec<String> = (0..2).map(|n| line(&source, "[[roles.One.statement]]", n)).collect();
    assert_eq!(places(&[source], "whole-service"), wanted);
}

#[test]
fn two_files_with_one_statement_have_a_place_each_and_a_suppression_hits_its_own() {
    let suppress = "\n[[suppress]]\nrule = \"whole-service\"\nreason = \"known\"\n";
    let (one, two) = (source("a.toml", "a", &ROLE.replace("NAME", "One")), source("b.toml", "b", &[ROLE.replace("NAME", "Two").as_str(), suppress].concat()));
    let wanted = line(&one, "[[roles.One.statement]]", 0);
    let sources = [one, two];
    assert_eq!(places(&sources, "whole-service"), [wanted]);
    let (desired, _) = crossrole_manifest::load(&sources);
    let linted = lint(&desired.unwrap(), None, NOW);
    assert!(linted.suppressed.len() == 1 && linted.suppressed[0].0.file == "b.toml", "{:?}", linted.suppressed);
    assert!(linted.findings.iter().all(|f| !f.message.contains("any more")), "{:?}", linted.findings);
}

#[test]
fn a_bucket_of_two_files_has_each_statement_in_its_own() {
    let bucket = "\n[[buckets.logs.statement]]\nprincipals = { AWS = \"444444444444\" }\nactions = \"s3:Put*\"\nresources = \"arn:aws:s3:::logs\"\n";
    let (one, two) = (source("a.toml", "a", bucket), source("b.toml", "b", bucket));
    let wanted = [line(&one, "[[buckets.logs.statement]]", 0), line(&two, "[[buckets.logs.statement]]", 0)];
    assert_eq!(places(&[one, two], "grants-policy-change"), wanted);
}

/// One statement, because both come in alike: what is wrong with one of the two stands at that one.
#[test]
fn of_a_shared_statement_the_part_that_names_the_principal() {
    let trust = |account: &str| format!("\n[[roles.R.trust]]\nprincipal = \"arn:aws:iam::{account}:role/Reader\"\n");
    let source = source("a.toml", "a", &["\n[roles.R]\n".to_owned(), trust("222222222222"), trust("333333333333")].concat());
    let wanted = line(&source, "[[roles.R.trust]]", 1);
    assert_eq!(places(&[source], "third-party-without-external-id"), [wanted]);
}

#[test]
fn guardrails_point_at_the_statement_too() {
    let source = source("a.toml", "a", &[ROLE.replace("NAME", "One"), ROLE.replace("NAME", "Two")].concat());
    let wanted: Vec<String> = (0..2).map(|n| line(&source, "[[roles.", 2 * n + 1)).collect();
    let sources = [source];
    let (desired, _) = crossrole_manifest::load(&sources);
    let guardrails = Guardrails { forbidden_actions: vec!["s3:DeleteBucket".to_owned()], ..Guardrails::default() };
    let found = guardrails::check(&guardrails, &desired.unwrap());
    let lines = found.iter().map(|f| format!("{}:{}", f.file, sources[0].text[..f.span.unwrap().start].matches('\n').count() + 1));
    assert_eq!(lines.collect::<Vec<_>>(), wanted);
}

/// What others have put into a bucket that two files name may be known to either.
#[test]
fn a_live_statement_of_a_bucket_of_two_files_is_suppressed_in_either() {
    let bucket = "\n[[buckets.logs.statement]]\nprincipals = { AWS = \"444444444444\" }\nactions = \"s3:ListBucket\"\nresources = \"arn:aws:s3:::logs\"\n";
    let suppress = "\n[[suppress]]\nrule = \"public-bucket\"\nobject = \"bucket/logs\"\nreason = \"a website\"\n";
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::logs/*"}]}"#;
    let state = BucketState {
        region: "us-east-1".to_owned(),
        versioning: None,
        encryption: None,
        public_access_block: None,
        ownership: None,
        logging: None,
        tags: None,
    };
    let policy = Observation::Known(BucketPolicyState { document: Some(crossrole_policy::parse(open).unwrap()) });
    let mut observed = Observed::default();
    observed.buckets.insert("logs".to_owned(), Observation::Known(Some(ObservedBucket { state, policy, encryption: None, owner_unread: None })));
    observed.bucket_accounts.insert("logs".to_owned(), AccountId::parse("222222222222").unwrap());
    for known in 0..2 {
        let texts = [0, 1].map(|n| if n == known { [bucket, suppress].concat() } else { bucket.to_owned() });
        let sources = [source("a.toml", "a", &texts[0]), source("b.toml", "b", &texts[1])];
        let (desired, _) = crossrole_manifest::load(&sources);
        let linted = lint(&desired.unwrap(), Some(&observed), NOW);
        assert_eq!(linted.suppressed.len(), 1, "{known}: {:?}", linted.findings);
        assert!(linted.findings.iter().all(|f| !f.message.contains("any more")), "{known}: {:?}", linted.findings);
    }
}

const ATTACHED: &str = r#"
[roles.NAME]
policies = [
  "arn:aws:iam::aws:policy/ReadOnlyAccess",
  "arn:PARTITION:iam::aws:policy/POLICY",
]

[[roles.NAME.trust]]
account = "partner"
external_id = "c0ffee"
"#;

fn attached(policy: &str, partition: &str) -> String {
    ATTACHED.replace("NAME", "One").replace("PARTITION", partition).replace("POLICY", policy)
}

/// What is attached is allowed as much as what is written out, and stands where it is named.
#[test]
fn policies_of_aws_that_let_everything_are_found_where_a_role_names_them() {
    for (policy, rules, others) in [
        ("AdministratorAccess", &["privilege-escalation", "whole-service", "data-everywhere", "credentials-exposure", "pass-role-everywhere"][..], "allow-not"),
        ("IAMFullAccess", &["privilege-escalation", "whole-service", "credentials-exposure", "pass-role-everywhere"], "data-everywhere"),
        ("PowerUserAccess", &["allow-not"], "privilege-escalation"),
        ("job-function/Billing", &[], "privilege-escalation"),
    ] {
        let one = source("a.toml", "a", &attached(policy, "aws"));
        let here = line(&one, policy, 0);
        for rule in rules {
            assert_eq!(places(std::slice::from_ref(&one), rule), [here.as_str()], "{policy} {rule}");
        }
        assert_eq!(places(&[one], others), [""; 0], "{policy} {others}");
    }
    // In a partition of its own, by a role of a trusted account, and of each role that names it.
    let china = source("a.toml", "a", &attached("AdministratorAccess", "aws-cn"))
        .text
        .replace("account = \"222222222222\"", "account = \"222222222222\"\nregion = \"cn-north-1\"");
    let china = Source { file: "a.toml".to_owned(), text: china.replace("arn:aws:iam::aws:policy/Read", "arn:aws-cn:iam::aws:policy/Read") };
    assert_eq!(places(std::slice::from_ref(&china), "privilege-escalation"), [line(&china, "policy/AdministratorAccess", 0)]);
    let theirs = attached("AdministratorAccess", "aws").replace("roles.One", "trusted.dev.roles.One");
    let theirs = source("a.toml", "a", &format!("[trusted.dev]\naccount = \"111111111111\"\n{theirs}"));
    assert_eq!(places(std::slice::from_ref(&theirs), "privilege-escalation"), [line(&theirs, "policy/AdministratorAccess", 0)]);
    let two = source("a.toml", "a", &[attached("AdministratorAccess", "aws"), attached("AdministratorAccess", "aws").replace("One", "Two")].concat());
    let wanted: Vec<String> = (0..2).map(|n| line(&two, "policy/AdministratorAccess", n)).collect();
    assert_eq!(places(&[two], "privilege-escalation"), wanted);
}

/// One that is declared is looked at where its statements stand, once, whoever names it.
#[test]
fn a_declared_policy_is_looked_at_where_it_stands() {
    let policy = "\n[policies.P]\n[[policies.P.statement]]\nactions = \"*\"\nresources = \"*\"\n";
    for named in ["P", "arn:aws:iam::222222222222:policy/P"] {
        let role = "\n[roles.One]\npolicies = [\"P\"]\n[[roles.One.trust]]\naccount = \"partner\"\nexternal_id = \"c0ffee\"\n"
            .replace("\"P\"", &format!("\"{named}\""));
        let one = source("a.toml", "a", &[&role, policy].concat());
        assert_eq!(places(std::slice::from_ref(&one), "privilege-escalation"), [line(&one, "[[policies.P.statement]]", 0)]);
        assert_eq!(places(&[one], "unknown-attached-policy"), [""; 0]);
    }
}

/// It is silenced as any finding is, and what is not known is said once for a role.
#[test]
fn attached_policies_are_silenced_and_the_unknown_said_once() {
    let suppress = "\n[[suppress]]\nrule = \"privilege-escalation\"\nobject = \"role/One\"\nreason = \"it is the administrators' role\"\n";
    let one = source("a.toml", "a", &[&attached("AdministratorAccess", "aws"), suppress].concat());
    assert_eq!(places(&[one], "privilege-escalation"), [""; 0]);
    let one = source("a.toml", "a", &attached("SecurityAudit", "aws"));
    let (desired, _) = crossrole_manifest::load(std::slice::from_ref(&one));
    let desired = desired.unwrap();
    let notes = |observed: Option<&Observed>| {
        let found = lint(&desired, observed, NOW).findings;
        found.into_iter().filter(|f| f.rule.as_deref() == Some("unknown-attached-policy")).map(|f| f.message).collect::<Vec<_>>()
    };
    assert_eq!(notes(None), ["role One: what `ReadOnlyAccess`, `SecurityAudit` allow is not known here"]);
    // A plan has read it, or says what it could not read.
    assert_eq!(notes(Some(&Observed::default())), [""; 0]);
}
