//! Decisions and ways, in words.

use crossrole_model::PermissionSet;
use crossrole_model::access::{
    Assumption, Because, Beside, Certainty, Clause, Explanation, Fix, Hop, Lack, Layer, Never, Party, Reason, Relation, StatementRef, Undecided,
};
use crossrole_model::observed::KeyState;
use serde_json::{Value, json};

use crate::access;
use crate::clause::{self, when};
use crate::{Line, Tone, View, rendered, safe, words};

/// Answers, hop by hop.
pub fn explanation(answers: &[Explanation], view: View) -> String {
    let mut out = Vec::new();
    for answer in answers {
        // A yes that rests on policies at which nobody has looked is none by itself.
        let rests = answer.assumed.iter().any(|a| matches!(a, Assumption::OwnPolicies | Assumption::UnknownPolicies));
        let (tone, word, may) = match (answer.is_allowed(), rests) {
            (true, false) => (Tone::Added, "yes: ", "may"),
            (true, true) => (Tone::Added, "yes, if its own policies let it: ", "may"),
            (false, _) => (Tone::Removed, "no: ", "may not"),
        };
        let who = safe(&who(&answer.party));
        out.push(Line::new(tone, 0, word).then([format!("{who} {may} {}", safe(&answer.action)), format!(" on {}", safe(&answer.resource))]));
        out.push(Line::plain(2, format!("because {}", safe(&because(answer, view)))));
        let assumptions = answer.assumed.iter().map(|a| Line::new(Tone::Warning, 2, "taken for granted: ").then([safe(&assumed(a, answer))]));
        out.extend(assumptions);
        if !answer.fixes.is_empty() {
            out.push(Line::new(Tone::Advice, 2, "to make it a yes:"));
            out.extend(answer.fixes.iter().map(|f| Line::plain(4, safe(&fix(f, answer, view)))));
        }
        let (applied, near): (Vec<&Reason>, Vec<&Reason>) = answer.reasons.iter().partition(|r| r.lacks.is_empty());
        for (title, reasons) in [("applied:", applied), ("nearly applied:", near)] {
            if !reasons.is_empty() {
                out.push(Line::new(Tone::Heading, 2, title));
                out.extend(reasons.iter().map(|r| Line::plain(4, reason(r, view))));
            }
        }
    }
    rendered(&out, view.screen)
}

/// A party in the words of an explanation.
fn who(party: &Party) -> String {
    match party {
        Party::AnyOf { account, .. } => format!("principals of {account}"),
        Party::AnyOther { .. } => "principals of any other account".to_owned(),
        party => access::party(party, Certainty::Exact),
    }
}

/// The true reason of a decision, in one sentence.
pub fn because(answer: &Explanation, view: View) -> String {
    reasoned(&answer.because, &answer.party, &answer.action, &answer.resource, view)
}

/// A reason, of a request of this party.
pub(crate) fn reasoned(because: &Because, party: &Party, action: &str, resource: &str, view: View) -> String {
    match because {
        Because::Root => "the root user of the account needs nobody's permission for it".to_owned(),
        Because::Free => "nobody needs permission for it".to_owned(),
        Because::Allowed { by } => format!("allowed by {}", by.iter().map(name).collect::<Vec<_>>().join(" and ")),
        Because::Denied { by } => format!("denied by {}", name(by)),
        Because::PublicAccessBlock => "the bucket's policy is public, and its block public access keeps other accounts out".to_owned(),
        Because::Nearly { statement, lacks } => {
            let lacks: Vec<String> = lacks.iter().map(|l| lack(l, party, action, resource, view)).collect();
            format!("{} would allow it, but {}", name(statement), lacks.join(", and "))
        }
        Because::NoneOf { layer } => format!("no {} allows it", layer.as_str()),
        Because::Never { why } => never(*why).to_owned(),
        Because::Nothing => "nothing allows it".to_owned(),
        Because::KeyState { state } => format!("the key {}, and nobody can use it, whatever policies say", words::key_state(state)),
    }
}

fn never(why: Never) -> &'static str {
    match why {
        Never::OtherAccount => "AWS lets callers of its own account do that, and nobody else, whatever policies say",
        Never::RootAssumes => "AWS lets no root user assume a role, whatever policies say",
        Never::OfSession => "AWS gives nobody a session by that for the credentials of another, whatever policies say",
        Never::Unsigned => "AWS answers signed requests alone there, whatever policies say",
        Never::FederatedUser => "AWS lets a session from GetFederationToken call nothing of STS but GetCallerIdentity, whatever policies say",
    }
}

pub(crate) fn name(statement: &StatementRef) -> String {
    let sid = if statement.sid.is_empty() { String::new() } else { format!(" ({})", statement.sid) };
    format!("statement {}{sid} of the {}", statement.number, statement.place)
}

fn any(values: &[String], negated: bool) -> String {
    if negated { format!("all but {}", values.join(" and ")) } else { values.join(" or ") }
}

pub(crate) fn lack(lack: &Lack, party: &Party, action: &str, resource: &str, view: View) -> String {
    match lack {
        Lack::Principal => format!("it does not name {}", who(party)),
        Lack::Action { wanted, negated } => format!("it is about {}, not {action}", any(wanted, *negated)),
        Lack::Resource { wanted, negated } => format!("it is about {}, not {resource}", any(wanted, *negated)),
        Lack::Condition { operator, key, relation, wanted, actual } => {
            let only = format!("only when {}", holds(operator, key, *relation, wanted, view));
            match actual {
                None => format!("{only}, and the request has none"),
                // Two external ids that both read as a mask would seem the same.
                Some(_) if clause::is_masked(key, view) => format!("{only}, and the request has another one"),
                Some(actual) => {
                    let of_set = |value: &String| if PermissionSet::is_any_role(value) { format!("that of {}", access::by_arn(value)) } else { value.clone() };
                    format!("{only}, and the request's is {}", any(&actual.iter().map(of_set).collect::<Vec<_>>(), false))
                }
            }
        }
    }
}

/// A condition of a Deny that the request meets, and what it has.
pub(crate) fn met(condition: &Lack, view: View) -> String {
    let Lack::Condition { operator, key, relation, wanted, actual } = condition else { return String::new() };
    let has = match actual {
        // Who calls, and from which network, AWS tells policies by itself.
        None if ["aws:principal", "aws:source", "aws:resource"].iter().any(|of| key.to_ascii_lowercase().starts_with(of)) => {
            "and the request's is not known here, or it has none".to_owned()
        }
        None => "and the request has none".to_owned(),
        Some(_) if clause::is_masked(key, view) => "as the request's is".to_owned(),
        Some(actual) => format!("and the request's is {}", any(actual, false)),
    };
    format!("{} ({operator}), {has}", holds(operator, key, *relation, wanted, view))
}

/// `aws:SourceIp is in 203.0.113.0/24`
fn holds(operator: &str, key: &str, relation: Option<Relation>, wanted: &[String], view: View) -> String {
    match relation {
        None => format!("{key} passes {operator}, which is no operator"),
        Some(relation) => {
            let values = if matches!(relation, Relation::Absent | Relation::Present) { Vec::new() } else { wanted.to_vec() };
            clause::clause(&Clause { key: key.to_owned(), relation, values }, view)
        }
    }
}

fn fix(fix: &Fix, answer: &Explanation, view: View) -> String {
    let (caller, action, resource) = (who(&answer.party), &answer.action, &answer.resource);
    match fix {
        Fix::None => "no policy can allow it: this caller cannot ask for it".to_owned(),
        Fix::Except { statement, open } if open.is_empty() => format!("except it from {}", name(statement)),
        Fix::Except { statement, open } => {
            format!("bring {} so that {} is not about it (nothing is known of that: `--context`), or except it from that", open.join(" and "), name(statement))
        }
        Fix::Key { state: KeyState::PendingDeletion } => {
            format!("cancel the deletion of key {resource} (`aws kms cancel-key-deletion`), and enable it (`aws kms enable-key`)")
        }
        Fix::Key { state: KeyState::Disabled } => format!("enable key {resource} (`aws kms enable-key`)"),
        Fix::Key { .. } => format!("have key {resource} brought into use"),
        Fix::NotPublic => "let no statement of the bucket's policy name everybody, or switch `restrict_public_buckets` off".to_owned(),
        Fix::Trust => format!("let the trust policy of {resource} name {caller}"),
        Fix::Allow { layer: Layer::Resource } => format!("let the policy of {resource} allow {action} to {caller}"),
        Fix::Allow { layer } => format!("let the {} of {caller} allow {action} on {resource}", layer.as_str()),
        Fix::Bring { statement, keys } => format!("bring {} that {} is about (nothing is known of that: `--context`)", keys.join(" and "), name(statement)),
        Fix::Complete { statement, lack } => match lack {
            Lack::Principal => format!("add {caller} to the principals of {}", name(statement)),
            Lack::Action { negated: false, .. } => format!("add {action} to the actions of {}", name(statement)),
            Lack::Action { .. } => format!("take {action} out of what {} leaves out", name(statement)),
            Lack::Resource { negated: false, .. } => format!("add {resource} to the resources of {}", name(statement)),
            Lack::Resource { .. } => format!("take {resource} out of what {} leaves out", name(statement)),
            Lack::Condition { operator, key, relation, wanted, .. } => {
                let holds = holds(operator, key, *relation, wanted, view);
                match (clause::is_of_resource(key), resource.split_once(":s3:::")) {
                    (false, _) => format!("ask so that {holds}"),
                    // Those of a bucket count only then (S3 User Guide, "Using tags for attribute-based access control (ABAC)").
                    (true, Some((_, name))) => {
                        let bucket = name.split('/').next().unwrap_or(name);
                        format!("have the tags of bucket {bucket} decide access (`aws s3api put-bucket-abac`), and tag it so that {holds}")
                    }
                    (true, None) => format!("tag {resource} so that {holds}"),
                }
            }
        },
    }
}

fn assumed(assumption: &Assumption, answer: &Explanation) -> String {
    let caller = who(&answer.party);
    match assumption {
        Assumption::OwnAccount => format!("{} is in the account of {caller}: another one is said with --resource-account", answer.resource),
        Assumption::ResourcePolicy => format!("the policy of {} is not known: it is taken to say nothing", answer.resource),
        Assumption::KeyPolicy => {
            format!("the policy of key {} is not known: it is taken to leave the decision to its account's policies", answer.resource)
        }
        Assumption::Encryption { bucket } => {
            format!("what bucket {bucket} is encrypted with was not read: the key that it may have is taken to let {caller}")
        }
        Assumption::NoBlock { bucket } => {
            format!("the policy of bucket {bucket} is public, and no block public access restricts it: its own or its account's was not read")
        }
        Assumption::AsItsBucket { key } => {
            format!("the object is encrypted with key {key}, as its bucket says: one that is, or is to be, encrypted otherwise takes nothing of it")
        }
        Assumption::NoGrant => format!("no grant of key {} lets {caller}: grants are not read, `audit` counts them", answer.resource),
        Assumption::OwnPolicies => format!("the own policies of {caller} let it"),
        Assumption::UnknownPolicies => format!("the own policies of {caller} are not known: they are taken to let it"),
        Assumption::Unread { policies } => format!("{} were not read, and what they say is not counted", policies.join(", ")),
        Assumption::NotGiven { keys } => format!("the request has nothing that a statement asks for by {}, which was not given", keys.join(", ")),
        Assumption::OfUserOfItsName => format!("{caller} is a session of the user of that name, which its name does not tell"),
        Assumption::BucketTags { bucket, tags } => {
            let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key} is {value}")).collect();
            let read = if tags.is_empty() { String::new() } else { format!(" ({})", tags.join(", ")) };
            format!("the tags of bucket {bucket}{read} decide nothing: whether they do (ABAC) is not read")
        }
        Assumption::RoleTags { keys } => format!("the session brings no tag of its own in the place of {}, which is its role's", keys.join(", ")),
    }
}

fn reason(reason: &Reason, view: View) -> String {
    let StatementRef { place, number, sid } = &reason.statement;
    let sid = if sid.is_empty() { String::new() } else { format!(" ({})", safe(sid)) };
    let lacks: Vec<String> = reason
        .lacks
        .iter()
        .map(|lack| match lack {
            Lack::Principal => "principal".to_owned(),
            Lack::Action { wanted, negated } => format!("action {}", any(wanted, *negated)),
            Lack::Resource { wanted, negated } => format!("resource {}", any(wanted, *negated)),
            Lack::Condition { operator, key, wanted, .. } => format!("{operator} {key} {}", any(&clause::values(key, wanted, view), false)),
        })
        .collect();
    let lacks = if lacks.is_empty() { String::new() } else { format!(", but not {}", safe(&lacks.join(", and not "))) };
    format!("{} of statement {number}{sid}, {} ({}){lacks}", reason.effect.as_str(), safe(place), reason.layer.as_str())
}

/// The same for machines.
pub fn explanation_json(answers: &[Explanation], view: View) -> Value {
    let hop = |answer: &Explanation| {
        json!({
            "who": who(&answer.party),
            "party": answer.party,
            "action": answer.action,
            "resource": answer.resource,
            "decision": answer.decision.as_str(),
            "layer": answer.layer,
            "because": because(answer, view),
            "fixes": answer.fixes.iter().map(|f| fix(f, answer, view)).collect::<Vec<_>>(),
            "needs": answer.needs,
            "reasons": answer.reasons.iter().map(|r| masked(r, view)).collect::<Vec<_>>(),
            "assumed": answer.assumed.iter().map(|a| assumed(a, answer)).collect::<Vec<_>>(),
        })
    };
    json!({
        "format_version": "1.0",
        "allowed": answers.last().is_some_and(Explanation::is_allowed),
        "hops": answers.iter().map(hop).collect::<Vec<_>>(),
    })
}

/// A reason with external ids as people may see them.
fn masked(reason: &Reason, view: View) -> Reason {
    let mut reason = reason.clone();
    for lack in &mut reason.lacks {
        if let Lack::Condition { key, wanted, actual, .. } = lack {
            *wanted = clause::values(key, wanted, view);
            *actual = actual.as_ref().map(|actual| clause::values(key, actual, view));
        }
    }
    reason
}

/// Ways to a resource.
pub fn ways(ways: &[Vec<Hop>], undecided: &[Undecided], beside: &[Beside], view: View) -> String {
    let mut out: Vec<Line> = ways.iter().flat_map(|way| way_lines(way, 0, view)).collect();
    if ways.is_empty() {
        out.push(Line::plain(0, "nobody"));
    }
    out.extend(undecided.iter().map(access::undecided_line));
    for one in beside {
        out.push(Line::new(Tone::Warning, 0, "note: ").then([safe(&told_beside(one))]));
        if let Beside::WithoutKey { ways, .. } = one {
            out.extend(ways.iter().flat_map(|way| way_lines(way, 1, view)));
        }
    }
    rendered(&out, view.screen)
}

fn way_lines(way: &[Hop], indent: usize, view: View) -> Vec<Line> {
    let line = |(depth, hop): (usize, &Hop)| {
        let head = if depth == 0 { "" } else { "then " };
        let who = format!("{}: ", access::who(&hop.party, &hop.except, hop.certainty).trim_end_matches(','));
        let what = [who, safe(&hop.action), format!(" on {}", safe(&hop.resource))];
        Line::new(Tone::Plain, 2 * (indent + depth), head).then(what).then(when(&hop.when, view))
    };
    way.iter().enumerate().map(line).collect()
}

fn told_beside(beside: &Beside) -> String {
    match beside {
        Beside::WithoutKey { key, .. } => {
            format!("what is not, or is not to be, encrypted with key {key} takes nothing of it: it is open to these as well")
        }
        Beside::KeyOff { key, state } => format!("key {key} {}: nobody can use it, whatever policies say", words::key_state(state)),
        Beside::GrantsUnseen { key } => format!("grants of key {key} are not read: whom one lets use it may do so as well (`audit` counts them)"),
    }
}

/// The same for machines.
pub fn ways_json(of: &[Vec<Hop>], undecided: &[Undecided], besides: &[Beside], view: View) -> Value {
    let hop = |hop: &Hop| {
        let when: Vec<Value> = hop.when.iter().map(|one| one.iter().map(|c| clause::clause_json(c, view)).collect()).collect();
        let principal = access::who(&hop.party, &hop.except, hop.certainty);
        json!({"principal": principal, "party": hop.party, "except": hop.except, "certainty": hop.certainty, "action": hop.action, "resource": hop.resource, "when": when})
    };
    let ways = |ways: &[Vec<Hop>]| -> Vec<Vec<Value>> { ways.iter().map(|way| way.iter().map(hop).collect()).collect() };
    let beside = |one: &Beside| match one {
        Beside::WithoutKey { key, ways: without } => json!({"beside": "without-key", "key": key, "ways": ways(without)}),
        Beside::KeyOff { .. } | Beside::GrantsUnseen { .. } => json!(one),
    };
    json!({
        "format_version": "1.0",
        "ways": ways(of),
        "undecided": undecided.iter().map(undecided_json).collect::<Vec<_>>(),
        "beside": besides.iter().map(beside).collect::<Vec<_>>(),
    })
}

fn undecided_json(one: &Undecided) -> Value {
    let mut value = access::undecided_json(one);
    if let Value::Object(map) = &mut value {
        // Of ways, who is not known is "who".
        let who = map.get("principal").cloned().unwrap_or_default();
        map.insert("who".to_owned(), who);
    }
    value
}
