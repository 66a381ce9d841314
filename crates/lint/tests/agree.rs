//! What rules say of a condition is what the evaluator does with it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by panicking")]

use std::collections::BTreeMap;

use crossrole_access::{Caller, Compiled, Context, ContextValue, Decision, Policies, Request, evaluate};
use crossrole_lint::lint;
use crossrole_model::desired::{DesiredState, ManifestRef};
use crossrole_model::state::{PolicyState, Tags};
use crossrole_model::{AccountId, Address, Desired, DesiredObject, Digest, Kind};
use crossrole_policy::{Conditions, Document, Effect, Element, Statement};

fn found(document: &Document, rule: &str) -> bool {
    let state = PolicyState { path: "/".to_owned(), description: String::new(), document: document.clone(), tags: Tags::new() };
    let manifest = ManifestRef { name: "x".to_owned(), file: "x.toml".to_owned(), digest: Digest::of(b""), renamed_from: Vec::new() };
    let mut desired = Desired { manifests: vec![manifest], ..Desired::default() };
    let object = DesiredObject { owner: "x".to_owned(), also: std::collections::BTreeSet::new(), adopt: false, state: DesiredState::Policy(state) };
    desired.objects.insert(Address::new(&AccountId::parse("222222222222").unwrap(), Kind::Policy, "x"), object);
    lint(&desired, None, 1_782_864_000).findings.iter().any(|f| f.rule.as_deref() == Some(rule))
}

fn decide(document: &Document, resource: &str, context: &[(&str, &str)]) -> Decision {
    let compiled = Compiled::new(document, "");
    let mut given = Context::default();
    for (key, value) in context {
        given.insert(key, ContextValue::One((*value).to_owned()));
    }
    let request = Request {
        caller: Caller::parse("arn:aws:iam::222222222222:user/any"),
        action: "s3:GetObject".to_owned(),
        resource: resource.to_owned(),
        resource_account: Some("222222222222".to_owned()),
        context: given,
    };
    evaluate(&request, &Policies { identity: vec![&compiled], ..Policies::default() }).decision
}

fn statement(effect: Effect, resource: &str, conditions: &[(&str, &str, &[&str])]) -> Document {
    let mut all = Conditions::new();
    for (operator, key, values) in conditions {
        let values = values.iter().map(|v| (*v).to_owned());
        all.entry((*operator).to_owned()).or_default().entry((*key).to_owned()).or_default().extend(values);
    }
    let statement = Statement { effect, conditions: all, ..Statement::allow(Element::of(["s3:GetObject"]), Some(Element::of([resource]))) };
    Document::new(vec![statement])
}

/// A Deny of which the rule says that it does not apply where the variable is missing, and it alone, lets such a request by.
#[test]
fn a_deny_with_a_missing_variable_does_what_the_rule_says() {
    let key = "aws:PrincipalTag/team";
    let variable = "${aws:PrincipalTag/team}";
    let cases: &[(&str, &str)] = &[
        ("StringEquals", variable),
        ("StringNotEquals", variable),
        ("StringLike", variable),
        ("StringNotLike", variable),
        ("StringEqualsIgnoreCase", variable),
        ("StringNotEqualsIgnoreCase", variable),
        ("StringEquals", "${aws:PrincipalTag/team, 'red'}"),
    ];
    for (operator, value) in cases {
        let document = statement(Effect::Deny, "arn:aws:s3:::data/*", &[(operator, "aws:ResourceOrgID", &[value])]);
        let denied = decide(&document, "arn:aws:s3:::data/k", &[("aws:ResourceOrgID", "red")]) == Decision::ExplicitlyDenied;
        assert_eq!(found(&document, "deny-with-nullable-variable"), !denied, "{operator} {value}");
        assert_eq!(
            decide(&document, "arn:aws:s3:::data/k", &[("aws:ResourceOrgID", "red"), (key, "other")]) == Decision::ExplicitlyDenied,
            operator.contains("Not")
        );
    }
    for (resource, expected) in [("arn:aws:s3:::data/${aws:PrincipalTag/team}/*", true), ("arn:aws:s3:::data/${aws:PrincipalTag/team, 'red'}/*", false)] {
        let document = statement(Effect::Deny, resource, &[]);
        assert_eq!(found(&document, "deny-with-nullable-variable"), expected, "{resource}");
        assert_eq!(decide(&document, "arn:aws:s3:::data/red/k", &[]) != Decision::ExplicitlyDenied, expected, "{resource}");
    }
}

/// A reproducible stream of numbers (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((x ^ (x >> 31)) % limit as u64).unwrap()
    }

    fn of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }
}

/// Operators, values of policies, and every value that a request may have there.
struct Domain {
    key: &'static str,
    operators: &'static [&'static str],
    values: &'static [&'static str],
    asked: &'static [&'static str],
}

const DOMAINS: &[Domain] = &[
    Domain {
        key: "aws:PrincipalTag/t",
        operators: &[
            "StringEquals",
            "StringNotEquals",
            "StringLike",
            "StringNotLike",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "Null",
            "StringEqualsIfExists",
        ],
        values: &["a", "b", "A", "ab", "a*", "*b", "?", "true", "false"],
        asked: &[
            "", "a", "b", "A", "B", "ab", "AB", "aa", "bb", "ba", "abb", "aab", "true", "false", "TRUE", "FALSE", "aB", "Ab", "a*", "A*", "*b", "*B", "?", "c",
            "cccccccc", "acc", "accb", "ccb",
        ],
    },
    Domain {
        key: "s3:TlsVersion",
        operators: &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericLessThanEquals",
            "NumericGreaterThan",
            "NumericGreaterThanEquals",
            "Null",
            "NumericLessThanIfExists",
        ],
        values: &["1", "1.1", "1.2", "2"],
        asked: &["0", "1", "1.05", "1.1", "1.15", "1.2", "1.6", "2", "3"],
    },
    Domain {
        key: "aws:CurrentTime",
        operators: &["DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"],
        values: &["2026-01-01", "2026-06-01T00:00:00Z", "2026-06-01T02:00:00+02:00", "2027-01-01"],
        asked: &["2025-01-01", "2026-01-01", "2026-03-01", "2026-06-01T00:00:00Z", "2026-08-01", "2027-01-01", "2028-01-01"],
    },
    Domain {
        key: "aws:SourceIp",
        operators: &["IpAddress", "NotIpAddress", "IpAddressIfExists", "NotIpAddressIfExists", "Null"],
        values: &["203.0.113.0/24", "203.0.113.0/25", "203.0.113.128/25", "203.0.113.7", "2001:db8::/32", "2001:db8::1", "0.0.0.0/0"],
        asked: &[
            "203.0.113.0",
            "203.0.113.7",
            "203.0.113.8",
            "203.0.113.127",
            "203.0.113.128",
            "203.0.113.255",
            "203.0.112.255",
            "198.51.100.1",
            "2001:db8::",
            "2001:db8::1",
            "2001:db8::2",
            "2001:db9::",
        ],
    },
];

/// Never found where some value meets the conditions, and, where none of a whole domain does, always.
#[test]
fn never_met_is_never_met() {
    let mut random = Random(7);
    let mut counts = BTreeMap::new();
    for _ in 0..6_000 {
        let domain = &DOMAINS[random.below(DOMAINS.len())];
        let mut conditions: Vec<(&str, &str, Vec<&str>)> = Vec::new();
        for _ in 0..2 + random.below(2) {
            let operator = random.of(domain.operators);
            if conditions.iter().any(|(o, ..)| *o == operator) {
                continue;
            }
            let values = match operator {
                "Null" => vec![random.of(&["true", "false"])],
                _ => (0..=random.below(2)).map(|_| random.of(domain.values)).collect(),
            };
            conditions.push((operator, domain.key, values));
        }
        let conditions: Vec<(&str, &str, &[&str])> = conditions.iter().map(|(o, k, v)| (*o, *k, v.as_slice())).collect();
        let document = statement(Effect::Allow, "arn:aws:s3:::data/*", &conditions);
        let allowed = |context: &[(&str, &str)]| decide(&document, "arn:aws:s3:::data/k", context) == Decision::Allowed;
        let met = domain.asked.iter().any(|value| allowed(&[(domain.key, value)])) || domain.key != "aws:CurrentTime" && allowed(&[]);
        let said = found(&document, "never-met");
        assert!(!(said && met), "found, and met: {conditions:?}");
        // Of one condition there is nothing that it could contradict; of two patterns what they share is not looked for.
        let patterns = conditions.iter().filter(|(o, _, v)| *o == "StringLike" && v.iter().any(|v| v.contains(['*', '?']))).count();
        if conditions.len() > 1 && patterns < 2 {
            assert!(said || met, "not found, and never met: {conditions:?}");
        }
        *counts.entry((domain.key, said)).or_insert(0) += 1;
    }
    assert!(counts.len() == 2 * DOMAINS.len() && counts.values().all(|n| *n > 50), "{counts:?}");
}
