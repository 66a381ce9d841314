//! Who gains and who loses, in words.

use crossrole_model::access::{
    About, AccessChange, AccessDelta, Apart, Certainty, Clause, Direction, Keyless, Limit, Lockout, Part, Party, Shut, Undecided, Why,
};
use crossrole_model::{PermissionSet, Plan};
use crossrole_policy::Arn;
use serde_json::{Value, json};

use crate::clause::{clause_json, values, when};
use crate::statement::list;
use crate::{Line, Tone, View, fold, safe, sets, words};

/// Most lines of the section: a reader who sees more reads none. JSON has them all.
pub(crate) const LINES_MOST: usize = 200;

/// Most of those who are named as left out: a line with more is not read to its end. JSON has them all.
const EXCEPT_MOST: usize = 10;

/// Where there are more lines than this, those that give the most come first: what is left out at the end is less.
const MANY: usize = 50;

/// The section of a plan; empty when nothing is decided otherwise and nothing is undecided.
pub(crate) fn section(plan: &Plan, view: View) -> Vec<Line> {
    section_of(plan, view, LINES_MOST)
}

/// The same with all of its lines, for what leaves out and counts what it has no room for.
pub(crate) fn section_whole(plan: &Plan, view: View) -> Vec<Line> {
    section_of(plan, view, usize::MAX)
}

fn section_of(plan: &Plan, view: View, most: usize) -> Vec<Line> {
    let Some(delta) = &plan.access else { return Vec::new() };
    if plan.is_empty() {
        return Vec::new();
    }
    if delta.changes.is_empty() && delta.undecided.is_empty() {
        let mut out = vec![Line::new(Tone::Heading, 0, "Access: ").then(["nobody gains or loses anything."])];
        out.extend(crate::grounds::within(plan));
        out.push(Line::empty());
        return out;
    }
    let alike = alike(&delta.changes);
    let all = |view| alike.iter().map(|changes| line(changes, view)).chain(delta.undecided.iter().map(undecided_line)).collect::<Vec<Line>>();
    let whole = all(View { show_external_ids: true, ..view });
    let lines = fold::lines(plan, all(view).into_iter().map(|line| (fold::spoken_of(plan, &line.text()), line)).collect(), Some(&whole));
    let more = lines.len().saturating_sub(most);
    let mut out = vec![Line::new(Tone::Heading, 0, "Access: ").then([counts(delta)])];
    out.extend(lines.into_iter().take(most).map(|line| line.within(2)));
    if more > 0 {
        out.push(Line::plain(2, format!("… and {more} more: see --json")));
    }
    out.extend(crate::grounds::within(plan));
    out.push(Line::empty());
    out
}

/// What is gained, lost and not decided; those who gain or lose the same in one line.
pub(crate) fn delta_lines(delta: &AccessDelta, view: View, most: usize) -> Vec<Line> {
    let all = alike(&delta.changes).into_iter().map(|changes| line(&changes, view)).chain(delta.undecided.iter().map(undecided_line));
    let mut lines: Vec<Line> = all.collect();
    let more = lines.len().saturating_sub(most);
    lines.truncate(most);
    lines.extend((more > 0).then(|| Line::plain(0, format!("… and {more} more: see --json"))));
    lines
}

/// What is gained, lost and not decided, a line each.
pub fn access_lines(delta: &AccessDelta, view: View) -> Vec<String> {
    delta.changes.iter().map(|c| line(&[c], view).text()).chain(delta.undecided.iter().map(undecided)).collect()
}

/// Those who gain or lose the same together.
pub(crate) fn alike(changes: &[AccessChange]) -> Vec<Vec<&AccessChange>> {
    let mut all: Vec<Vec<&AccessChange>> = Vec::new();
    for change in changes {
        let same = |c: &AccessChange| {
            (c.direction, &c.actions, &c.resources, &c.when, &c.keyless)
                == (change.direction, &change.actions, &change.resources, &change.when, &change.keyless)
        };
        match all.iter_mut().find(|group| group.first().is_some_and(|c| same(c))) {
            Some(group) => group.push(change),
            None => all.push(vec![change]),
        }
    }
    if all.len() > MANY {
        all.sort_by_key(|group| !group.first().is_some_and(|change| is_broad(change)));
    }
    all
}

/// Tells whether somebody gains all of a service, or more.
fn is_broad(change: &AccessChange) -> bool {
    change.direction == Direction::Widened && change.actions.iter().any(|part| part.pattern == "*" || part.pattern.ends_with(":*"))
}

pub(crate) fn counts(delta: &AccessDelta) -> String {
    let of = |direction: Direction| delta.changes.iter().filter(|c| c.direction == direction).count();
    let count = |n: usize, one: &str, many: &str| (n > 0).then(|| if n == 1 { format!("1 {one}") } else { format!("{n} {many}") });
    let parts = [
        count(of(Direction::Widened), "widening", "widenings"),
        count(of(Direction::Narrowed), "narrowing", "narrowings"),
        count(delta.undecided.len(), "not decided", "not decided"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// One line about those who gain or lose the same.
pub(crate) fn line(changes: &[&AccessChange], view: View) -> Line {
    let Some(change) = changes.first() else { return Line::empty() };
    let many = changes.len() > 1
        || sets::lifted(change).is_some_and(|(sets, _)| sets.len() > 1)
        || matches!(change.party, Party::Members { .. } | Party::Tokens { .. });
    let (tone, symbol, verb) = match (change.direction, many) {
        (Direction::Widened, false) => (Tone::Added, "+ ", "gains"),
        (Direction::Widened, true) => (Tone::Added, "+ ", "gain"),
        (Direction::Narrowed, false) => (Tone::Removed, "- ", "loses"),
        (Direction::Narrowed, true) => (Tone::Removed, "- ", "lose"),
    };
    let lifted = if let [one] = changes { sets::lifted(one) } else { None };
    let who = match (&lifted, changes) {
        (Some((sets, _)), _) => {
            let rests = if change.certainty == Certainty::EvenWithout { ", even without a policy of its own" } else { ", as far as its own policy lets it," };
            safe(&format!("{}{rests}", sets.iter().map(sets::named).collect::<Vec<_>>().join(" and ")))
        }
        (None, [one]) => party_except(one),
        (None, many) => {
            let parties: Vec<(String, Option<&str>)> = many.iter().map(|c| (party_except(c).trim_end_matches(',').to_owned(), c.party.account())).collect();
            together(fold::parties(&parties))
        }
    };
    let what = list(&format!(" {verb} "), actions(&change.actions));
    let line = Line::new(tone, 0, symbol).then([who]).then(what).then(list(" on ", resources(change)));
    let line = line.then(when(lifted.as_ref().map_or(&change.when, |(_, rest)| rest), view));
    // S3's side alone would be half the truth.
    line.then(change.keyless.as_ref().map(keyless))
}

/// What stays closed for want of a key: `; but not what is encrypted with …`.
pub(crate) fn keyless(keyless: &Keyless) -> String {
    let Keyless { key, actions, because } = keyless;
    let key = safe(&by_arn(key));
    let what = if actions.is_empty() {
        format!("; but not what is encrypted with {key}")
    } else {
        format!("; but {} of nothing that is encrypted with {key}", safe(&actions.join(", ")))
    };
    match because {
        Shut::Refused => format!("{what}, which it may not use for that"),
        Shut::State(state) => format!("{what}, which {}", safe(&words::key_state(state))),
        Shut::EncryptionNotRead => "; as far as what objects there are encrypted with lets it, which was not read".to_owned(),
        Shut::FromThenOn => format!("; of what is encrypted with {key} from then on alone"),
        Shut::NotRead => format!("; what is encrypted with {key} only as far as that lets it, whose policy was not read"),
    }
}

/// `a and b`; `a, with more to it; b; and c`.
fn together(mut who: Vec<String>) -> String {
    let last = who.pop().unwrap_or_default();
    match who.as_slice() {
        [] => last,
        [first] if !first.contains(',') => format!("{first} and {last}"),
        others => format!("{}; and {last}", others.join("; ")),
    }
}

/// `role Reader of 222222222222`, and how much is known of it.
pub(crate) fn party(party: &Party, certainty: Certainty) -> String {
    who(party, &[], certainty)
}

fn party_except(change: &AccessChange) -> String {
    who(&change.party, &change.except, change.certainty)
}

/// `any principal of 222222222222 (except role Reader) that its own policies let`
pub(crate) fn who(party: &Party, except: &[Party], certainty: Certainty) -> String {
    let name = match party {
        Party::AnyOf { account, .. } => format!("any principal of {account}"),
        Party::AnyOther { .. } => "any principal of any other account".to_owned(),
        Party::AnyService => "any service".to_owned(),
        Party::Unsigned => "anyone, without signing in".to_owned(),
        Party::Members { group } => format!("members of group {} of {}", party.name().unwrap_or(group), party.account().unwrap_or_default()),
        Party::OfKind { kind } => format!("principals of kind {kind}"),
        Party::Service { name } => format!("service {name}"),
        Party::Tokens { provider } => format!("tokens of {}", party.name().unwrap_or(provider)),
        Party::Named { arn } | Party::Role { arn } | Party::User { arn } => by_arn(arn),
    };
    let rests = match certainty {
        Certainty::Exact => "",
        Certainty::OwnPolicies if matches!(party, Party::AnyOf { .. } | Party::AnyOther { .. }) => " that its own policies let",
        Certainty::OwnPolicies => ", as far as its own policies, which were not read, let it,",
        Certainty::UnreadPolicies => ", as far as its policies that were not read let it,",
        Certainty::EvenWithout => ", even without policies of its own",
    };
    let except = if except.is_empty() { String::new() } else { format!(" (except {})", spared(party, except).join(", ")) };
    safe(&format!("{name}{except}{rests}"))
}

/// Those who are not meant, without the account where it is that of all; no more than a reader takes in.
fn spared(of: &Party, except: &[Party]) -> Vec<String> {
    let name = |party: &Party| match party {
        Party::AnyOf { account, .. } => format!("those of {account}"),
        _ => {
            let name = who(party, &[], Certainty::Exact);
            let account = format!(" of {}", of.account().unwrap_or_default());
            name.strip_suffix(&account).map(str::to_owned).unwrap_or(name)
        }
    };
    let more = except.len().saturating_sub(EXCEPT_MOST);
    let mut said: Vec<String> = except.iter().take(EXCEPT_MOST).map(name).collect();
    if more > 0 {
        said.push(format!("and {more} more, which --json names"));
    }
    said
}

pub(crate) fn by_arn(arn: &str) -> String {
    if let Some(set) = PermissionSet::of_role(arn) {
        // Where none was read, its role has no name, and may not be there.
        let role = if PermissionSet::is_any_role(arn) { String::new() } else { format!(" ({})", arn.rsplit('/').next().unwrap_or(arn)) };
        return sets::named(&set) + &role;
    }
    match Arn::parse(arn).map(|a| (a.account, a.kind_and_name())) {
        Some((account, Some(("assumed-role", _)))) => match arn.rsplit('/').collect::<Vec<_>>().as_slice() {
            [session, role, _] => match PermissionSet::of_session(account, role) {
                Some(set) => format!("session {session} of {}", sets::named(&set)),
                None => format!("session {session} of role {role} of {account}"),
            },
            _ => arn.to_owned(),
        },
        Some((account, Some((kind, name)))) => {
            // Two of one name are told apart by their paths.
            let path = arn.split_once(&format!(":{kind}/")).map_or(name, |(_, path)| path);
            format!("{kind} {path} of {account}")
        }
        Some((account, None)) if arn.ends_with(":root") => format!("the root user of {account}"),
        _ => arn.to_owned(),
    }
}

fn actions(parts: &[Part]) -> Vec<String> {
    sorted(parts, str::to_owned)
}

fn resources(change: &AccessChange) -> Vec<String> {
    // Beside actions by name, a star is no resource; a pattern of actions would read as if it were on all.
    let by_name = change.actions.iter().all(|a| !a.pattern.contains(['*', '?']));
    let mut said = sorted(&change.resources, short);
    if by_name {
        said.iter_mut().filter(|text| *text == NO_RESOURCE).for_each(|text| "*".clone_into(text));
    }
    fold::arns(&said, str::to_owned)
}

pub(crate) fn sorted(parts: &[Part], name: fn(&str) -> String) -> Vec<String> {
    let mut said: Vec<String> = parts.iter().map(|p| safe(&part(p, name))).collect();
    said.sort();
    said.dedup();
    said
}

/// `*` where it is not all resources.
const NO_RESOURCE: &str = "* (actions that name no resource)";

/// `logs/* (except logs/app/*)`
fn part(one: &Part, name: fn(&str) -> String) -> String {
    if one.nameless {
        return NO_RESOURCE.to_owned();
    }
    let text = one.patterns().enumerate().map(|(at, p)| if at == 0 { name(p) } else { p.to_owned() }).collect::<Vec<_>>().join(" that match ");
    let mut except: Vec<String> = one.except.iter().map(|e| part(e, name)).collect();
    except.sort();
    match &one.apart {
        Apart::Named(list) => except.extend(list.iter().map(|known| {
            let known_short = name(known);
            if known.contains(":s3:::") { format!("{known_short}, {known_short}/*") } else { known_short }
        })),
        Apart::Many(count) => except.push(format!("the {count} resources that other lines are about")),
    }
    if except.is_empty() { text } else { format!("{text} (except {})", except.join(", ")) }
}

/// Without the part that all S3 ARNs have.
pub(crate) fn short(text: &str) -> String {
    match text.strip_prefix("arn:").and_then(|rest| rest.split_once(":s3:::")) {
        // "*" alone would read as everything.
        Some((_, name)) if !name.starts_with('*') => name.to_owned(),
        _ => text.to_owned(),
    }
}

fn undecided(one: &Undecided) -> String {
    undecided_line(one).text()
}

/// `? role Reader of 222222222222 on bucket logs: not decided: …`
pub(crate) fn undecided_line(one: &Undecided) -> Line {
    let [about, why] = [about(&one.about), why(&one.why)].map(|text| safe(&text));
    Line::new(Tone::Warning, 0, "? ").then([format!("{} on {about}: ", party(&one.party, Certainty::Exact)), format!("not decided: {why}")])
}

pub(crate) fn about(about: &About) -> String {
    match about {
        About::Bucket(name) => format!("bucket {name}"),
        About::Role(arn) | About::Key(arn) => by_arn(arn),
        About::OtherResources => "other resources".to_owned(),
        About::OtherRoles => "other roles".to_owned(),
        About::Resource(text) => text.clone(),
        About::Policies(list) => list.join(", "),
    }
}

pub(crate) fn why(why: &Why) -> String {
    match why {
        Why::TagsChange => "its tags change, and policies ask for them".to_owned(),
        Why::ResourceTagsChange => "the tags of the resource change, and policies ask for them".to_owned(),
        Why::SessionsChange => "its sessions may have other names or source identities, and policies ask for them".to_owned(),
        Why::TooMany(Limit::ActionPatterns) => "the action patterns are too many to tell apart".to_owned(),
        Why::TooMany(Limit::ResourcePatterns) => "the resource patterns are too many to tell apart".to_owned(),
        Why::TooMany(Limit::KeyPatterns(key)) => format!("the patterns on {key} are too many to tell apart"),
        Why::TooMany(Limit::Ways(most)) => format!("its conditions can come out in more than {} ways", thousands(*most)),
        Why::TooMany(Limit::Questions(most)) => format!("it takes over {} questions", thousands(*most)),
        Why::TooMany(Limit::Fillings(most)) => format!("policy variables can be filled in more than {} ways", thousands(*most)),
        Why::TooMany(Limit::Roles(most)) => format!("ways over more than {most} roles are not followed"),
        Why::TooMany(Limit::Routes(most)) => format!("no more than {} ways are followed", thousands(*most)),
        Why::ResourceKind => "resources of this kind are not looked at".to_owned(),
        Why::PrincipalKind => "principals of this kind are not evaluated".to_owned(),
        Why::ProviderChanges => "the provider itself changes".to_owned(),
        Why::NotRead => "its document was not read, and what it allows is not counted".to_owned(),
        Why::KeyNotRead(key) => format!("the policy of key {key}, which encrypts there, was not read, and whom that lets is not counted"),
        Why::EncryptionNotRead => "what it is encrypted with was not read: a key of it may let nobody in".to_owned(),
        Why::OthersNotRead => "only single objects of the account were read, and what others there may do can rest on it".to_owned(),
        Why::BlockNotRead => "its policy is public, and whether block public access, its own or its account's, keeps others out was not read".to_owned(),
        Why::AclsCount => "ACLs of the bucket and its objects, which are not read, will count".to_owned(),
        Why::AclsCountNoMore => "ACLs of the bucket and its objects, which are not read, will not count any more".to_owned(),
        Why::OwnersChange => "who owns objects that other accounts write changes, and with it which policies count for them".to_owned(),
        Why::UnknownId => "it is a unique id, and whose it is is not known".to_owned(),
        Why::WitnessFails => "its witness did not hold, which is a bug in crossrole".to_owned(),
    }
}

/// `4,096`
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let chunks: Vec<&str> = digits.as_bytes().rchunks(3).rev().filter_map(|chunk| std::str::from_utf8(chunk).ok()).collect();
    chunks.join(",")
}

/// What the runner could not do any more.
pub fn lockout(lockout: &Lockout) -> String {
    safe(&match lockout {
        Lockout::Gone { runner } => format!("{runner} itself would be gone"),
        Lockout::Entry { runner, party: who, certainty, role, partly } => {
            let when = if *partly { ", under all conditions of before" } else { "" };
            format!("{} could no longer assume {role}, which {runner} is a session of{when}", party(who, *certainty))
        }
        Lockout::Action { runner, action, resource, because } => {
            let why = crate::decision::reasoned(because, &Party::of(runner), action, resource, View::default());
            format!("{runner} could no longer {action} on {resource}: {why}")
        }
    })
}

/// The same, for machines; each change with its witness.
pub(crate) fn json(plan: &Plan, delta: &AccessDelta, view: View) -> Value {
    let clause = |c: &Clause| clause_json(c, view);
    let changes: Vec<Value> = delta
        .changes
        .iter()
        .map(|c| {
            let context: serde_json::Map<String, Value> = c.witness.context.iter().map(|(k, v)| (k.clone(), json!(values(k, v, view)))).collect();
            json!({
                "direction": c.direction,
                "principal": party_except(c),
                "party": c.party,
                "except": c.except,
                "certainty": c.certainty,
                "account": c.party.account(),
                "actions": actions(&c.actions),
                "action_set": c.actions,
                "resources": sorted(&c.resources, short),
                "resource_set": c.resources,
                "when": c.when.iter().map(|one| one.iter().map(clause).collect::<Vec<_>>()).collect::<Vec<_>>(),
                "keyless": c.keyless,
                "text": line(&[c], view).text(),
                "digest": (c.direction == Direction::Widened).then(|| c.digest(plan).to_string()),
                "witness": {
                    "principal": c.witness.principal,
                    "action": c.witness.action,
                    "resource": c.witness.resource,
                    "context": context,
                    "before": c.witness.before.as_str(),
                    "after": c.witness.after.as_str(),
                },
            })
        })
        .collect();
    json!({
        "changes": changes,
        "undecided": delta.undecided.iter().map(|one| undecided_in(plan, one)).collect::<Vec<_>>(),
        "widens": delta.widens(),
        "grants_unseen": delta.grants_unseen,
    })
}

/// One undecided of a plan, which may need an approval.
fn undecided_in(plan: &Plan, one: &Undecided) -> Value {
    let mut value = undecided_json(one);
    if let Some(map) = value.as_object_mut() {
        map.insert("digest".to_owned(), one.digest(plan).to_string().into());
    }
    value
}

/// One undecided for machines.
pub(crate) fn undecided_json(one: &Undecided) -> Value {
    json!({
        "principal": party(&one.party, Certainty::Exact),
        "party": one.party,
        "what": about(&one.about),
        "about": one.about,
        "why": why(&one.why),
        "reason": one.why,
    })
}
