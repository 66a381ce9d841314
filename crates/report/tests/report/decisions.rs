//! The words of decisions: why, what would make it a yes, what was taken for granted.

use std::collections::BTreeSet;

use crossrole_model::access::{
    About, AccessChange, AccessDelta, Because, Beside, Certainty, Clause, Comparison, Decision, Direction, Explanation, Hop, How, Keyless, Limit, Lockout,
    Party, Reason, Relation, Shut, Undecided, Which, Why, Witness,
};
use crossrole_model::observed::KeyState;
use crossrole_policy::Effect;
use crossrole_report::{View, access_lines, because, explanation, explanation_json, lockout, ways, ways_json};

use crate::facts::{self, answer};

const SHOW: View = View { show_external_ids: true, diff: crossrole_report::Diff::Statements, screen: crossrole_report::Screen { color: false, width: None } };

#[test]
fn why_it_is_a_yes_or_a_no() {
    let mut lines = Vec::new();
    for reason in facts::becauses("Name") {
        let one = answer("Reader", reason);
        let said = because(&one, View::default());
        assert_eq!(explanation_json(std::slice::from_ref(&one), View::default())["hops"][0]["because"], said.as_str());
        let text = explanation(std::slice::from_ref(&one), View::default());
        assert!(text.lines().nth(1).is_some_and(|l| l == format!("  because {said}")), "{text}");
        assert!(text.starts_with(if one.is_allowed() { "yes: role Reader of 222222222222 may " } else { "no: role Reader of 222222222222 may not " }));
        lines.push(said);
    }
    let distinct: BTreeSet<&String> = lines.iter().collect();
    assert_eq!(distinct.len(), lines.len(), "{lines:#?}");
    insta::assert_snapshot!("because", lines.join("\n"));
}

/// A permission set has a role of a name where one was read, and none that somebody made up where it was not.
#[test]
fn a_permission_set_is_named_by_its_role_only_where_that_was_read() {
    for (partition, digits, read) in [("aws", "0000000000000000", false), ("aws-cn", "0000000000000000", false), ("aws", "00000000000000a1", true)] {
        let arn = format!("arn:{partition}:iam::111111111111:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_OnCall_{digits}");
        let like = "arn:aws:iam::111111111111:role/x".to_owned();
        let lack = crossrole_model::access::Lack::Condition {
            operator: "ArnLike".into(),
            key: "aws:PrincipalArn".into(),
            relation: None,
            wanted: vec![like],
            actual: Some(vec![arn.clone()]),
        };
        let nearly = Because::Nearly { statement: facts::statement("Name"), lacks: vec![lack] };
        let one = Explanation { party: Party::of(&arn), fixes: facts::fixes("Name"), ..answer("Reader", nearly) };
        let text = explanation(&[one], View::default());
        let name = if read {
            format!("permission set OnCall of 111111111111 (AWSReservedSSO_OnCall_{digits}) may")
        } else {
            "permission set OnCall of 111111111111 may".into()
        };
        assert!(text.contains(&name), "{text}");
        assert_eq!(text.contains(&format!("_{digits}")), read, "{text}");
        assert!(read || text.contains("the request's is that of permission set OnCall of 111111111111\n"), "{text}");
    }
}

#[test]
fn what_would_make_it_a_yes() {
    let fixes = facts::fixes("Name");
    let one = Explanation { fixes: fixes.clone(), ..answer("Reader", Because::Nothing) };
    let text = explanation(std::slice::from_ref(&one), View::default());
    let said: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("    ")).collect();
    assert_eq!(said.len(), fixes.len());
    let json = explanation_json(std::slice::from_ref(&one), View::default());
    assert_eq!(json["hops"][0]["fixes"], serde_json::json!(said));
    // Two lacks of a mask say the same of it, and no others do.
    insta::assert_snapshot!("fixes", said.join("\n"));
}

#[test]
fn what_is_taken_for_granted() {
    let assumed = facts::assumptions("Name");
    let one = Explanation { assumed: assumed.clone(), ..answer("Reader", Because::Nothing) };
    let text = explanation(std::slice::from_ref(&one), View::default());
    let said: Vec<&str> = text.lines().filter_map(|l| l.strip_prefix("  taken for granted: ")).collect();
    assert_eq!(said.iter().collect::<BTreeSet<_>>().len(), assumed.len());
    assert_eq!(explanation_json(&[one], View::default())["hops"][0]["assumed"], serde_json::json!(said));
    insta::assert_snapshot!("assumed", said.join("\n"));
}

#[test]
fn statements_that_applied_and_those_that_nearly_did() {
    let reason =
        |effect, lacks| Reason { layer: crossrole_model::access::Layer::Identity, statement: facts::statement("Name"), effect, lacks, met: Vec::new() };
    let mut reasons = vec![reason(Effect::Allow, Vec::new()), reason(Effect::Deny, Vec::new())];
    reasons.extend(facts::lacks("Name").into_iter().map(|lack| reason(Effect::Allow, vec![lack])));
    let one = Explanation { reasons, ..answer("Reader", Because::Nothing) };
    insta::assert_snapshot!("reasons", explanation(&[one], View::default()));
}

/// External ids are for the two parties.
#[test]
fn external_ids_are_masked_unless_asked_for() {
    let lacks = facts::lacks("secret-4711");
    let reasons = lacks.iter().map(|lack| Reason {
        layer: crossrole_model::access::Layer::Resource,
        statement: facts::statement("place"),
        effect: Effect::Allow,
        lacks: vec![lack.clone()],
        met: Vec::new(),
    });
    let reasons: Vec<Reason> =
        reasons.filter(|r| matches!(&r.lacks[0], crossrole_model::access::Lack::Condition { key, .. } if key == "sts:ExternalId")).collect();
    let lack = reasons[0].lacks[0].clone();
    let operator = |text: &str| text.replace("secret-4711 sts:ExternalId", "OPERATOR sts:ExternalId").replace("\"operator\":\"secret-4711\"", "");
    let fixes = vec![crossrole_model::access::Fix::Complete { statement: facts::statement("place"), lack: lack.clone() }];
    let because_ = Because::Nearly { statement: facts::statement("place"), lacks: vec![lack] };
    let one = Explanation { reasons, fixes, ..answer("Reader", because_) };
    for (view, shown) in [(View::default(), false), (SHOW, true)] {
        let text = operator(&explanation(std::slice::from_ref(&one), view));
        let json = operator(&explanation_json(std::slice::from_ref(&one), view).to_string());
        assert_eq!((text.contains("secret-4711"), json.contains("secret-4711")), (shown, shown), "{text}\n{json}");
    }
}

fn party(arn: &str) -> Party {
    Party::of(arn)
}

fn parties(t: &str) -> Vec<Party> {
    let all = vec![
        Party::AnyOf { partition: "aws".into(), account: t.into() },
        Party::AnyOther { partition: "aws".into() },
        Party::AnyService,
        Party::Unsigned,
        Party::Named { arn: format!("arn:aws:sts::222222222222:assumed-role/Reader/{t}") },
        Party::Named { arn: "arn:aws:iam::222222222222:root".into() },
        Party::Members { group: format!("arn:aws:iam::222222222222:group/{t}") },
        Party::OfKind { kind: t.into() },
        Party::Role { arn: format!("arn:aws:iam::222222222222:role/{t}") },
        Party::Service { name: t.into() },
        Party::Tokens { provider: format!("arn:aws:iam::222222222222:oidc-provider/{t}") },
        Party::User { arn: format!("arn:aws:iam::222222222222:user/{t}") },
    ];
    let number = |party: &Party| match party {
        Party::AnyOf { .. } => 0,
        Party::AnyOther { .. } => 1,
        Party::Unsigned => 2,
        Party::Named { .. } => 3,
        Party::Members { .. } => 4,
        Party::OfKind { .. } => 5,
        Party::Role { .. } => 6,
        Party::Service { .. } => 7,
        Party::Tokens { .. } => 8,
        Party::User { .. } => 9,
        Party::AnyService => 10,
    };
    facts::covers(all.iter().map(number), 11);
    all
}

/// Lines of access with this text in all of their places.
pub(crate) fn delta(t: &str) -> AccessDelta {
    let part = |pattern: &str| crossrole_model::access::Part { pattern: pattern.into(), ..crossrole_model::access::Part::default() };
    let hows = [
        How::Is,
        How::IsInAnyCase,
        How::Like,
        How::In,
        How::Below,
        How::AtMost,
        How::Above,
        How::AtLeast,
        How::Before,
        How::NotAfter,
        How::After,
        How::NotBefore,
    ];
    let mut relations = vec![Relation::Absent, Relation::Present];
    for how in hows {
        for not in [false, true] {
            relations.push(Relation::Compares(Comparison { which: Which::One, not, how, or_absent: false }));
        }
    }
    for which in [Which::Some, Which::Every] {
        relations.push(Relation::Compares(Comparison { which, not: false, how: How::Is, or_absent: true }));
    }
    let witness = Witness {
        principal: t.into(),
        action: t.into(),
        resource: t.into(),
        context: [(t.to_owned(), vec![t.to_owned()])].into(),
        before: Decision::ImplicitlyDenied,
        after: Decision::Allowed,
    };
    let change = |party: Party, certainty, when| AccessChange {
        direction: Direction::Widened,
        party,
        except: Vec::new(),
        certainty,
        actions: vec![part(t)],
        resources: vec![part(&format!("arn:aws:s3:::{t}"))],
        when,
        witness: witness.clone(),
        keyless: None,
    };
    let mut changes: Vec<AccessChange> = parties(t).into_iter().map(|p| change(p, Certainty::Exact, Vec::new())).collect();
    for certainty in [Certainty::OwnPolicies, Certainty::UnreadPolicies, Certainty::EvenWithout] {
        changes.push(change(Party::Unsigned, certainty, Vec::new()));
    }
    let spared = vec![Party::Role { arn: format!("arn:aws:iam::222222222222:role/{t}") }, Party::Named { arn: t.into() }];
    let any = Party::AnyOf { partition: "aws".into(), account: "222222222222".into() };
    changes.push(AccessChange { except: spared, ..change(any, Certainty::OwnPolicies, Vec::new()) });
    let accounts = (0..14).map(|n| Party::AnyOf { partition: "aws".into(), account: format!("{t}{n}") }).collect();
    let others = Party::AnyOther { partition: "aws".into() };
    changes.push(AccessChange { except: accounts, ..change(others, Certainty::EvenWithout, Vec::new()) });
    changes.push(AccessChange { direction: Direction::Narrowed, ..change(Party::Unsigned, Certainty::Exact, Vec::new()) });
    for relation in relations {
        let values = if matches!(relation, Relation::Absent | Relation::Present) { Vec::new() } else { vec![t.to_owned(), String::new()] };
        changes.push(change(Party::Unsigned, Certainty::Exact, vec![vec![Clause { key: t.into(), relation, values }]]));
    }
    for because in
        [Shut::Refused, Shut::State(KeyState::Disabled), Shut::State(KeyState::Other(t.into())), Shut::NotRead, Shut::EncryptionNotRead, Shut::FromThenOn]
    {
        for actions in [vec![], vec![t.to_owned()]] {
            let keyless = Some(Keyless { key: t.into(), actions, because: because.clone() });
            changes.push(AccessChange { keyless, ..change(Party::Unsigned, Certainty::Exact, Vec::new()) });
        }
    }
    let whys = vec![
        Why::TagsChange,
        Why::ResourceTagsChange,
        Why::SessionsChange,
        Why::TooMany(Limit::ActionPatterns),
        Why::TooMany(Limit::ResourcePatterns),
        Why::TooMany(Limit::KeyPatterns(t.into())),
        Why::TooMany(Limit::Ways(4_096)),
        Why::TooMany(Limit::Questions(1_000_000)),
        Why::TooMany(Limit::Fillings(64)),
        Why::ResourceKind,
        Why::PrincipalKind,
        Why::ProviderChanges,
        Why::NotRead,
        Why::KeyNotRead(t.into()),
        Why::EncryptionNotRead,
        Why::OthersNotRead,
        Why::BlockNotRead,
        Why::AclsCount,
        Why::AclsCountNoMore,
        Why::OwnersChange,
        Why::UnknownId,
        Why::WitnessFails,
    ];
    let abouts = vec![
        About::Bucket(t.into()),
        About::Role(format!("arn:aws:iam::222222222222:role/{t}")),
        About::OtherResources,
        About::OtherRoles,
        About::Resource(t.into()),
        About::Policies(vec![t.into(), "b".into()]),
    ];
    let mut undecided: Vec<Undecided> = whys.into_iter().map(|why| Undecided { party: Party::Unsigned, about: About::OtherRoles, why }).collect();
    undecided.extend(abouts.into_iter().map(|about| Undecided { party: Party::Unsigned, about, why: Why::NotRead }));
    AccessDelta { changes, undecided, grants_unseen: true }
}

#[test]
fn who_gains_who_loses_and_what_is_not_decided() {
    insta::assert_snapshot!("access", access_lines(&delta("name"), View::default()).join("\n"));
}

pub(crate) fn lockouts(t: &str) -> Vec<Lockout> {
    let runner = || format!("arn:aws:iam::222222222222:role/{t}");
    vec![
        Lockout::Gone { runner: runner() },
        Lockout::Entry { runner: runner(), party: party(&runner()), certainty: Certainty::Exact, role: t.into(), partly: false },
        Lockout::Entry { runner: runner(), party: party(&runner()), certainty: Certainty::OwnPolicies, role: t.into(), partly: true },
        Lockout::Action { runner: runner(), action: t.into(), resource: t.into(), because: Because::Denied { by: facts::statement(t) } },
    ]
}

#[test]
fn what_the_runner_could_not_do_any_more() {
    insta::assert_snapshot!("lockouts", lockouts("name").iter().map(lockout).collect::<Vec<_>>().join("\n"));
}

pub(crate) fn some_ways(t: &str) -> Vec<Vec<Hop>> {
    let clause = Clause { key: t.into(), relation: Relation::Present, values: Vec::new() };
    let secret = Clause {
        key: "sts:ExternalId".into(),
        relation: Relation::Compares(Comparison { which: Which::One, not: false, how: How::Is, or_absent: false }),
        values: vec!["secret-4711".into()],
    };
    let hop = |party: Party, when| Hop {
        party,
        except: vec![Party::Named { arn: format!("{t}-spared") }],
        certainty: Certainty::Exact,
        action: t.into(),
        resource: t.into(),
        when,
    };
    vec![vec![hop(Party::Unsigned, vec![vec![secret.clone()]]), hop(party(&format!("arn:aws:iam::222222222222:role/{t}")), vec![vec![clause, secret]])]]
}

pub(crate) fn beside(t: &str) -> Vec<Beside> {
    let state = KeyState::Other(t.into());
    vec![Beside::KeyOff { key: t.into(), state }, Beside::GrantsUnseen { key: t.into() }, Beside::WithoutKey { key: t.into(), ways: some_ways(t) }]
}

#[test]
fn ways_to_a_resource() {
    insta::assert_snapshot!("ways", ways(&some_ways("name"), &delta("name").undecided[..1], &beside("name"), View::default()));
    assert_eq!(ways(&[], &[], &[], View::default()), "nobody\n");
    for (view, shown) in [(View::default(), false), (SHOW, true)] {
        assert_eq!(ways(&some_ways("name"), &[], &beside("name"), view).contains("secret-4711"), shown);
        assert_eq!(ways_json(&some_ways("name"), &[], &beside("name"), view).to_string().contains("secret-4711"), shown);
    }
}
