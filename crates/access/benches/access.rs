//! Speed of decisions and of the access delta, on one core. A report, not a test: nothing fails here.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test that fails says so by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::hint::black_box;
use std::time::{Duration, Instant};

use crossrole_access::estate::{Estate, Placed, Principal};
use crossrole_access::{Caller, Compiled, Context, Objects, Policies, Request, delta, evaluate};
use crossrole_model::Source;
use crossrole_policy::{Document, parse};

#[path = "../../../tests/fleet.rs"]
mod fleet;

/// One of ten policies of five statements: actions, resources and conditions as people have them.
fn policy(n: usize) -> String {
    let bucket = format!("arn:aws:s3:::team-{n}-data");
    format!(
        r#"{{"Version":"2012-10-17","Statement":[
        {{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"{bucket}/in/*"}},
        {{"Effect":"Allow","Action":"s3:ListBucket","Resource":"{bucket}","Condition":{{"StringLike":{{"s3:prefix":["in/*","out/*"]}}}}}},
        {{"Effect":"Allow","Action":"s3:Get*","Resource":"{bucket}/out/*","Condition":{{"IpAddress":{{"aws:SourceIp":"203.0.113.0/24"}}}}}},
        {{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::222222222222:role/Team{n}*"}},
        {{"Effect":"Deny","Action":"s3:Delete*","Resource":"{bucket}/*","Condition":{{"Bool":{{"aws:MultiFactorAuthPresent":"false"}}}}}}]}}"#
    )
}

fn requests() -> Vec<Request> {
    let ask = |action: &str, resource: String, keys: &[(&str, &str)]| {
        let mut context = Context::default();
        for (k, v) in keys {
            context.set(k, *v);
        }
        Request {
            caller: Caller::parse("arn:aws:iam::222222222222:user/ann"),
            action: action.to_owned(),
            resource,
            resource_account: Some("222222222222".to_owned()),
            context,
        }
    };
    (0..10)
        .flat_map(|n| {
            [
                ask("s3:GetObject", format!("arn:aws:s3:::team-{n}-data/in/x"), &[]),
                ask("s3:GetObject", format!("arn:aws:s3:::team-{n}-data/out/x"), &[("aws:SourceIp", "203.0.113.9")]),
                ask("s3:ListBucket", format!("arn:aws:s3:::team-{n}-data"), &[("s3:prefix", "in/a")]),
                ask("s3:DeleteObject", format!("arn:aws:s3:::team-{n}-data/in/x"), &[("aws:MultiFactorAuthPresent", "false")]),
                ask("sts:AssumeRole", format!("arn:aws:iam::222222222222:role/Other{n}"), &[]),
            ]
        })
        .collect()
}

fn decisions() {
    let texts: Vec<String> = (0..10).map(policy).collect();
    let documents: Vec<Document> = texts.iter().map(|t| parse(t).unwrap()).collect();
    let compiled: Vec<Compiled> = documents.iter().map(|d| Compiled::new(d, "")).collect();
    let policies = Policies { identity: compiled.iter().collect(), ..Policies::default() };
    let requests = requests();
    let start = Instant::now();
    let (mut count, mut allowed) = (0_u32, 0_u32);
    while start.elapsed() < Duration::from_secs(2) {
        for request in &requests {
            allowed += u32::from(evaluate(black_box(request), black_box(&policies)).is_allowed());
            count += 1;
        }
    }
    let each = start.elapsed().as_secs_f64() / f64::from(count);
    println!(
        "decisions, 10 compiled policies of 5 statements              {:10.0} a second ({:.0} % allowed)",
        1.0 / each,
        100.0 * f64::from(allowed) / f64::from(count)
    );
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < Duration::from_secs(1) {
        let compiled: Vec<Compiled> = texts.iter().map(|t| Compiled::new(&parse(black_box(t)).unwrap(), "")).collect();
        let policies = Policies { identity: compiled.iter().collect(), ..Policies::default() };
        black_box(evaluate(&requests[0], &policies));
        count += 1;
    }
    println!("cold single questions, the same policies as text             {:10.0} a second", f64::from(count) / start.elapsed().as_secs_f64());
}

/// A user with 50 statements, of which `change` differ.
fn estate(change: usize) -> Estate {
    let statements: Vec<String> = (0..50)
        .map(|n| {
            let (bucket, deep) = (n % 12, if n < change { "in/deeper/" } else { "in/" });
            let condition = match n % 4 {
                0 => r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#,
                1 => r#","Condition":{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","198.51.100.0/24"]}}"#,
                _ => "",
            };
            let actions = ["\"s3:GetObject\"", "\"s3:Get*\"", "[\"s3:PutObject\",\"s3:DeleteObject\"]", "\"s3:*Object*\""][n % 4];
            let effect = if n % 9 == 8 { "Deny" } else { "Allow" };
            format!(r#"{{"Effect":"{effect}","Action":{actions},"Resource":["arn:aws:s3:::team-{bucket}-data/{deep}{n}/*","arn:aws:s3:::shared/{n}/*"]{condition}}}"#)
        })
        .collect();
    let document = parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))).unwrap();
    let principal = Principal {
        account: "222222222222".to_owned(),
        user: true,
        name: "ann".to_owned(),
        tags: BTreeMap::new(),
        identity: vec![Placed::new(document, "")],
        boundary: None,
        groups: BTreeSet::new(),
        unread: BTreeSet::new(),
    };
    Estate { partition: "aws".to_owned(), principals: BTreeMap::from([("arn:aws:iam::222222222222:user/ann".to_owned(), principal)]), ..Estate::default() }
}

fn deltas() {
    for change in [1, 10, 50] {
        let (before, after) = (estate(0), estate(change));
        let start = Instant::now();
        let found = delta(&before, &after);
        println!(
            "access delta, 50 statements a side, {change:2} of them changed       {:10.1} ms ({} changes, {} undecided)",
            start.elapsed().as_secs_f64() * 1000.0,
            found.changes.len(),
            found.undecided.len()
        );
    }
    let sources = [Source { file: "fleet.toml".to_owned(), text: fleet::fleet(1_000, 200, 50) }];
    let desired = crossrole_manifest::load(&sources).0.unwrap();
    let start = Instant::now();
    let (before, after) = (Estate::default(), Objects::desired(&desired).estate());
    let found = delta(&before, &after);
    println!(
        "access delta of the fleet, made from nothing                 {:10.0} ms ({} changes)",
        start.elapsed().as_secs_f64() * 1000.0,
        found.changes.len()
    );
}

fn main() {
    decisions();
    deltas();
}
