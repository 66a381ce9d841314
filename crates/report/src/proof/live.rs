//! What no cell shows: what is live beside the manifests, and what could not be looked at.

use crossrole_model::access::AccessDelta;
use crossrole_model::proof::{Attestation, Beside, Missing, Unlooked, Unrevoked};
use serde_json::{Value, json};

use crate::junit::{Case, Ended};
use crate::revoked::whose;
use crate::{Line, Tone, View, access, safe};

/// All of it on the screen.
pub(super) fn lines(all: &Attestation, view: View) -> Vec<Line> {
    let mut out = Vec::new();
    for (title, tone, delta) in [
        ("As it is live, more than the manifests say:", Tone::Error, &all.beyond),
        ("By grants of keys and ACLs of buckets, more than the manifests say:", Tone::Error, &all.granted),
        ("As it is live, less than the manifests say, which an apply would give:", Tone::Error, &all.lacking),
        ("By policies of buckets and keys, for services or by manifests of other runs, more than the manifests say:", Tone::Warning, &all.beside),
    ] {
        if !delta.changes.is_empty() || !delta.undecided.is_empty() {
            out.push(Line::new(tone, 0, title));
            out.extend(access::delta_lines(delta, view, access::LINES_MOST).into_iter().map(|line| line.within(2)));
            out.push(Line::empty());
        }
    }
    for one in &all.unrevoked {
        let (tone, head) = if one.because == Missing::Unread { (Tone::Warning, "not known: ") } else { (Tone::Error, "not taken back: ") };
        out.push(Line::new(tone, 0, head).then([unrevoked(one)]));
    }
    for (tone, head, some) in [(Tone::Error, "not guarded: ", &all.unguarded), (Tone::Warning, "note: ", &all.unshown)] {
        for one in some {
            let of = safe(&one.address.to_string());
            let text = format!("{} of {of} is not as the manifests say, and no call shows it: see `crossrole plan`", one.part.as_str());
            out.push(Line::new(tone, 0, head).then([text]));
        }
    }
    out
}

/// What of it could not be looked at, and what never is.
pub(super) fn not_looked_at(all: &Attestation) -> Vec<Line> {
    let head = "not looked at: ";
    let could_not = all.unlooked.iter().map(|one| Line::new(Tone::Warning, 0, head).then([unlooked(one)]));
    let mut lines: Vec<Line> = could_not.collect();
    if !all.unlooked.is_empty() {
        let advice = "`crossrole runner-policy --for verify` prints what that takes";
        lines.push(Line::new(Tone::Advice, 0, "help: ").then([advice]));
    }
    lines.extend(all.not_looked_at.iter().map(|one| Line::new(Tone::Kept, 0, head).then([never(one)])));
    lines
}

fn unlooked(one: &Unlooked) -> String {
    safe(&format!("{}: {}", beside(&one.what), one.why))
}

fn never(one: &Beside) -> String {
    match one {
        Beside::Everything => format!("{}: `crossrole verify` and `crossrole audit` count them", beside(one)),
        one => format!("{}, which count there by themselves", beside(one)),
    }
}

fn beside(one: &Beside) -> String {
    safe(&match one {
        Beside::Everything => "grants of keys (`kms:CreateGrant`) and ACLs of buckets and objects".to_owned(),
        Beside::KeyGrants(arn) => format!("grants of key {arn}"),
        Beside::BucketAcl(name) => format!("the ACL of bucket {name}"),
        Beside::ObjectAcls(name) => format!("ACLs of the objects of bucket {name}"),
    })
}

fn unrevoked(one: &Unrevoked) -> String {
    let Unrevoked { role, whose: of, since, because } = one;
    let (who, role) = (whose(of), role.to_string());
    safe(&match because {
        Missing::Deny => format!("{who} may still assume {role}: its trust policy has no room for what would deny it (revoked at {since})"),
        Missing::Mark => {
            format!("{role} has no tag that says that {who} was revoked at {since}, so that an older manifest gives it back: see `crossrole plan`")
        }
        Missing::MarkNoRoom => format!("{role} has no room for the tag that says that {who} was revoked at {since}, so that an older manifest gives it back"),
        Missing::Unread => format!("whether {role} is taken back from {who}, revoked at {since}: it was not read"),
    })
}

/// Each as a case.
pub(super) fn cases(all: &Attestation, view: View) -> Vec<Case> {
    let of = |deltas: &AccessDelta, message: &str| {
        let lines = access::access_lines(deltas, view).into_iter();
        lines.map(|line| (safe(&line), message.to_owned())).collect::<Vec<_>>()
    };
    let mut failed = of(&all.beyond, "more is let than the manifests say");
    failed.extend(of(&all.granted, "more is let than the manifests say, by a grant of a key or the ACL of a bucket"));
    failed.extend(of(&all.lacking, "less is let than the manifests say"));
    failed.extend(all.unguarded.iter().map(|one| (safe(&one.address.to_string()), format!("{} is not as the manifests say", one.part.as_str()))));
    let (unread, open): (Vec<&Unrevoked>, Vec<&Unrevoked>) = all.unrevoked.iter().partition(|one| one.because == Missing::Unread);
    failed.extend(open.into_iter().map(|one| (unrevoked(one), "it is not taken back".to_owned())));
    let mut unknown: Vec<(String, String)> = unread.into_iter().map(|one| (unrevoked(one), "it is not known".to_owned())).collect();
    unknown.extend(all.unlooked.iter().map(|one| (beside(&one.what), format!("not looked at: {}", safe(&one.why)))));
    let case = |name, ended| Case { name, class: "crossrole.verify", place: None, ended, said: Vec::new() };
    let failed = failed.into_iter().map(|(name, message)| case(name, Ended::Failed { message, details: Vec::new() }));
    let unknown = unknown.into_iter().map(|(name, message)| case(name, Ended::Unknown { message, details: Vec::new() }));
    failed.chain(unknown).collect()
}

pub(super) fn unrevoked_json(one: &Unrevoked) -> Value {
    json!({"role": one.role.to_string(), "whose": whose(&one.whose), "since": one.since, "because": one.because})
}

pub(super) fn unlooked_json(one: &Unlooked) -> Value {
    let mut value = beside_json(&one.what);
    if let Some(map) = value.as_object_mut() {
        map.insert("why".to_owned(), Value::from(one.why.clone()));
    }
    value
}

/// What it is, and of what.
pub(super) fn beside_json(one: &Beside) -> Value {
    match one {
        Beside::Everything => json!({"what": "everything"}),
        Beside::KeyGrants(arn) => json!({"what": "key-grants", "of": arn}),
        Beside::BucketAcl(name) => json!({"what": "bucket-acl", "of": name}),
        Beside::ObjectAcls(name) => json!({"what": "object-acls", "of": name}),
    }
}
