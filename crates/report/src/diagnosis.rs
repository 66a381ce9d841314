//! What is wrong with a call, and what helps, in words.

use crossrole_model::access::{AccessChange, AccessDelta, Lack, Party};
use crossrole_model::diagnosis::{
    Amend, Amendment, CallAsked, Cause, Check, Diagnosis, FixStep, Found, FoundCause, NotKnown, RequestChange, RevokedBy, RevokedMark, Verdict,
};
use crossrole_model::ownership::REVOKED_TAG;
use serde_json::{Value, json};

use crate::causes::{checked, title};
use crate::decision::{lack, met, name};
use crate::{FORMAT_VERSION, Line, MASK, Tone, View, access, clause, rendered, safe};

/// Most lines of a manifest's change that are shown: JSON has them all.
const CHANGED_MOST: usize = 200;

/// What stands for a document whose external ids are masked: no JSON, so that AWS takes it from nobody who runs the command as it is
/// printed. A document with a mask in the id's place would be taken: `StringLike` lets in whatever id comes, `StringEquals` nobody.
const MASKED_DOCUMENT: &str = "<masked: run again with --show-external-ids>";

/// A diagnosis as text.
pub fn diagnosis(found: &Diagnosis, view: View) -> String {
    let mut out = Vec::new();
    head(found, view, &mut out);
    checks(found, &mut out);
    fix(found, view, &mut out);
    rendered(&out, view.screen)
}

fn call(asked: &CallAsked) -> String {
    safe(&format!("{} asks for {} on {}", asked.principal, asked.action, asked.resource))
}

fn head(found: &Diagnosis, view: View, out: &mut Vec<Line>) {
    for (number, asked) in (1..).zip(&found.calls) {
        out.push(Line::new(Tone::Heading, 0, format!("call {number}: ")).then([call(asked)]));
    }
    out.push(Line::empty());
    for (at, cause) in found.causes.iter().enumerate() {
        let head = if at == 0 { "cause: " } else { "and: " };
        out.push(Line::new(Tone::Error, 0, head).then([sentence(cause, found.calls.len(), view)]));
    }
    for role in &found.supposed {
        let text = format!("{}: its trust policy could not be read, and is taken to be what the manifest says", safe(role));
        out.push(Line::new(Tone::Warning, 0, "taken for granted: ").then([text]));
    }
    for suspect in &found.suspects {
        let why = if *suspect == Cause::ObjectMissing { "whoever may not list the bucket is not told" } else { "the request does not say" };
        out.push(Line::new(Tone::Warning, 0, "perhaps: ").then([format!("{}: {why}", title(*suspect))]));
    }
    match found.found() {
        Found::Cause => {}
        Found::Allowed => out.push(Line::new(Tone::Added, 0, "allowed: ").then(["nothing stands in the way, as far as was read"])),
        Found::Unknown => {
            let text = if found.unread {
                "whether it is let rests on a policy that could not be read: ask with credentials that may read it, or give them to whoever may"
            } else if found.refused {
                "AWS refused it, and by everything that was read it is allowed now: it was refused before the last change, or by what was not looked at"
            } else {
                "by what was read it is allowed, if what may be in the way is not"
            };
            out.push(Line::new(Tone::Warning, 0, "not known: ").then([text]));
            out.push(Line::new(Tone::Warning, 0, "not looked at: ").then([unlooked(found)]));
        }
    }
    out.push(Line::empty());
}

/// What is not known of the calls, each once.
fn unlooked(found: &Diagnosis) -> String {
    let mut all: Vec<&str> = Vec::new();
    for check in found.checks.iter().filter(|check| matches!(check.verdict, Verdict::Unknown { .. })) {
        let what = checked(check.what);
        if !all.contains(&what) {
            all.push(what);
        }
    }
    all.push("ACLs of objects");
    all.join(", ")
}

/// What says that access was taken back, and how it comes again.
fn revoked(by: &RevokedBy) -> String {
    let RevokedBy { since, mark } = by;
    let at = if since.is_empty() { String::new() } else { format!(" at {since}") };
    match mark {
        RevokedMark::Entry { file, line, whose } => {
            let whose = if is_account(whose) { format!("account {whose}") } else { access::by_arn(whose) };
            format!("{at}: `[[revoked]]` in `{file}`, line {line}, names {whose}; access comes back only when that entry goes")
        }
        RevokedMark::Tag { role } => format!(
            "{at}, as the tag {REVOKED_TAG} of {} says, of which these manifests know nothing; access comes back only by the manifest that has that entry, \
             or one that says `restored`",
            access::by_arn(role)
        ),
        RevokedMark::Statement { resource } => format!(
            "{at}, as our Deny in the policy of {resource} says, of which these manifests know nothing; access comes back only by the manifest that has \
             that entry, or one that says `restored`"
        ),
        RevokedMark::Sessions => format!(": those that began before {since}"),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// A cause in one sentence, with what nearly lets it.
fn sentence(found: &FoundCause, calls: usize, view: View) -> String {
    let at = if calls > 1 { format!(" (call {})", found.hop + 1) } else { String::new() };
    let told = match (found.told, &found.statement) {
        (true, None) if is_deny(found.cause) => ", as AWS says; what was read does not show it",
        (true, _) => ", as AWS says",
        (false, _) => "",
    };
    let party = Party::of(&found.principal);
    if let Some(by) = found.revoked.as_ref().filter(|_| found.cause == Cause::Revoked) {
        return safe(&format!("{}{at}{}", title(found.cause), revoked(by)));
    }
    let since = found.revoked.as_ref().filter(|by| !by.since.is_empty()).map(revoked).unwrap_or_default();
    let why = match (&found.statement, &found.lack) {
        (Some(statement), Some(what)) if found.denies => {
            format!(": {} denies it, and lets it by {}", name(statement), lack(what, &party, &found.action, &found.resource, view))
        }
        (Some(statement), Some(what)) => {
            format!(": {} would allow it, but {}", name(statement), lack(what, &party, &found.action, &found.resource, view))
        }
        (Some(statement), None) if !found.met.is_empty() => {
            let all: Vec<String> = found.met.iter().map(|condition| met(condition, view)).collect();
            format!(": {} denies it when {}", name(statement), all.join("; and "))
        }
        (Some(statement), None) => format!(": {}", name(statement)),
        _ => String::new(),
    };
    let supposed = if found.supposed { ", if the role is as the manifest says, since it could not be read" } else { "" };
    let no_device = matches!(found.cause, Cause::MfaMissing | Cause::MfaTooOld) && is_role(&found.principal);
    let instead =
        if no_device { "; a session of a role brings none: ask with credentials of a user, or have the policy let this role by without it" } else { "" };
    safe(&format!("{}{told}{at}{supposed}{since}{why}{instead}", title(found.cause)))
}

fn is_role(principal: &str) -> bool {
    principal.contains(":role/") || principal.contains(":assumed-role/")
}

/// Tells whether a cause is a Deny of some policy.
fn is_deny(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::ServiceControlDenies
            | Cause::ResourceControlDenies
            | Cause::TrustDenies
            | Cause::BucketPolicyDenies
            | Cause::KeyPolicyDenies
            | Cause::IdentityDenies
            | Cause::BoundaryDenies
            | Cause::SessionPolicyDenies
            | Cause::DeniedSomewhere
    )
}

fn checks(found: &Diagnosis, out: &mut Vec<Line>) {
    for (at, asked) in found.calls.iter().enumerate() {
        let number = if found.calls.len() > 1 { format!(" of call {} ({})", at + 1, safe(&asked.action)) } else { String::new() };
        out.push(Line::new(Tone::Heading, 0, format!("conditions{number}:")));
        out.extend(found.checks.iter().filter(|check| check.hop == at).map(check_line));
        out.push(Line::empty());
    }
}

fn check_line(check: &Check) -> Line {
    let what = checked(check.what);
    let (tone, word, more) = match &check.verdict {
        Verdict::Holds => (Tone::Added, "holds     ", String::new()),
        Verdict::Fails { causes } => (Tone::Removed, "fails     ", format!(": {}", causes.iter().map(|cause| title(*cause)).collect::<Vec<_>>().join("; "))),
        Verdict::Unknown { why } => (Tone::Warning, "unknown   ", format!(": {}", unknown(why))),
        Verdict::NotAsked => (Tone::Kept, "not asked ", String::new()),
    };
    Line::new(tone, 2, word).then([format!("{what}{more}")])
}

fn unknown(why: &NotKnown) -> String {
    match why {
        NotKnown::Unreadable { error } => format!("it could not be read ({})", safe(&error.to_string())),
        NotKnown::NotManaged { account } => format!("account {} is not read from here", safe(account)),
        NotKnown::Policies { policies } => format!("{} were not read", safe(&policies.join(", "))),
        NotKnown::NotSaid => "the request does not say".to_owned(),
        NotKnown::NeverRead => "it is not read".to_owned(),
        NotKnown::Supposed => "it could not be read; as the manifest says it, it holds".to_owned(),
    }
}

fn fix(found: &Diagnosis, view: View, out: &mut Vec<Line>) {
    let Some(steps) = &found.fix else {
        out.push(Line::new(Tone::Warning, 0, "fix: ").then(["none is known that makes it work and gives nobody anything else"]));
        return;
    };
    if steps.is_empty() {
        return;
    }
    let evaluated = "fix, tried in the evaluator: the call works after it, and nobody gets anything else that the manifests do not say already";
    let caller = "fix, by whoever calls: nobody's access changes by it";
    let back = "fix, only where access is meant to be given back, tried in the evaluator: the call works after it, and what was revoked comes again";
    let switched = "fix, tried in the evaluator: the call works after it; with the key switched on again, everybody whom policies let use it may do so again";
    let by_caller = steps.iter().all(|step| matches!(step, FixStep::Request { .. }));
    let read = "fix, tried in the evaluator with what could be read: what could not be read may refuse the call all the same";
    let head = if found.gives_back() {
        back
    } else if steps.iter().any(is_enabled) {
        switched
    } else if found.unread {
        read
    } else if by_caller {
        caller
    } else {
        evaluated
    };
    out.push(Line::new(Tone::Advice, 0, head));
    for (number, step) in (1..).zip(steps) {
        step_lines(number, step, view, out);
    }
    if steps.iter().any(|step| is_masked(step, view)) {
        let help = "external ids are masked (`****`): `--show-external-ids` shows them, and commands as they can be run";
        out.push(Line::new(Tone::Advice, 0, "help: ").then([help]));
    }
    if !found.delta.changes.is_empty() || !found.delta.undecided.is_empty() {
        out.push(Line::new(Tone::Heading, 0, "access by this fix: ").then([access::counts(&found.delta)]));
        out.extend(access::delta_lines(&found.delta, view, access::LINES_MOST).into_iter().map(|line| line.within(2)));
    }
}

/// Tells whether a step switches a key on, for whoever may use it.
fn is_enabled(step: &FixStep) -> bool {
    matches!(step, FixStep::Command { argv, .. } if argv.get(1).is_some_and(|word| word == "kms") && argv.get(2).is_some_and(|word| word == "enable-key"))
}

/// Tells whether a step is not shown as it has to be done.
fn is_masked(step: &FixStep, view: View) -> bool {
    match step {
        FixStep::Manifest { before, after, .. } => lines(before, after, view) != lines(before, after, View { show_external_ids: true, ..view }),
        FixStep::Apply { .. } | FixStep::Command { .. } | FixStep::Request { .. } => masked_argv(&argv(step), view) != argv(step),
    }
}

/// Lines of a manifest that come and go, as JSON has them.
fn lines(before: &str, after: &str, view: View) -> Vec<String> {
    let mut lines = Vec::new();
    changed(before, after, view, &mut lines);
    lines.iter().map(|line| line.text().trim_start().to_owned()).collect()
}

fn step_lines(number: usize, step: &FixStep, view: View, out: &mut Vec<Line>) {
    let head = format!("{number}. ");
    match step {
        FixStep::Command { account, argv } => {
            out.push(Line::plain(2, format!("{head}in account {}, whose object it is:", safe(account.as_str()))));
            out.push(Line::plain(5, safe(&shell(argv, view))));
        }
        FixStep::Manifest { file, amendments, before, after } => {
            out.push(Line::plain(2, format!("{head}in manifest `{}` (`--write` does it):", safe(file))));
            changed(before, after, view, out);
            out.extend(amendments.iter().filter_map(limits).map(|text| Line::plain(5, safe(&text))));
        }
        FixStep::Apply { .. } => {
            out.push(Line::plain(2, format!("{head}bring about what the manifests say:")));
            out.push(Line::plain(5, safe(&shell(&argv(step), view))));
        }
        FixStep::Request { changes, argv } => {
            out.push(Line::plain(2, format!("{head}make the call otherwise:")));
            out.extend(changes.iter().map(|change| Line::plain(5, safe(&request(change, view)))));
            if !argv.is_empty() {
                out.push(Line::plain(5, safe(&shell(argv, view))));
            }
        }
    }
}

/// Which limits a new entry takes over, and why.
fn limits(amendment: &Amendment) -> Option<String> {
    let Amend::Append { list, words, like: Some(index) } = &amendment.change else { return None };
    let at = amendment.at.join(".");
    // The first word is who is let in.
    let others: Vec<&str> = words.iter().skip(1).map(|(key, _)| key.as_str()).collect();
    let rest = if others.is_empty() { "so that it lets nobody in by less".to_owned() } else { format!("but for {}", others.join(", ")) };
    Some(format!("(the new entry has the limits of entry {} of `{at}.{list}`, {rest})", index + 1))
}

/// Lines that come and go, under the header that they stand under.
fn changed(before: &str, after: &str, view: View, out: &mut Vec<Line>) {
    let diff = similar::TextDiff::from_lines(before, after);
    let mut header = String::new();
    let mut said = String::new();
    let mut lines = Vec::new();
    for change in diff.iter_all_changes() {
        let text = change.value().trim_end();
        let is_header = text.trim_start().starts_with('[');
        match change.tag() {
            similar::ChangeTag::Equal if is_header => text.trim().clone_into(&mut header),
            similar::ChangeTag::Equal => {}
            tag => {
                if text.is_empty() {
                    continue;
                }
                if !is_header && header != said && !header.is_empty() {
                    lines.push(Line::plain(7, masked_line(&header, view)));
                    said.clone_from(&header);
                }
                if is_header {
                    text.trim().clone_into(&mut header);
                    said.clone_from(&header);
                }
                let (tone, sign) = if tag == similar::ChangeTag::Insert { (Tone::Added, "+ ") } else { (Tone::Removed, "- ") };
                lines.push(Line::new(tone, 5, sign).then([masked_line(text, view)]));
            }
        }
    }
    let more = lines.len().saturating_sub(CHANGED_MOST);
    lines.truncate(CHANGED_MOST);
    out.append(&mut lines);
    if more > 0 {
        out.push(Line::plain(5, format!("… and {more} more: see --json")));
    }
}

/// A line of a manifest; that of an external id without it.
fn masked_line(line: &str, view: View) -> String {
    let is_secret = !view.show_external_ids && (line.trim_start().starts_with("external_id") || line.to_ascii_lowercase().contains("sts:externalid"));
    match line.split_once('=').filter(|_| is_secret) {
        Some((key, _)) => format!("{}= \"{MASK}\"", safe(key)),
        None => safe(line),
    }
}

/// The words of a command of ours.
fn argv(step: &FixStep) -> Vec<String> {
    match step {
        FixStep::Apply { targets, files } => {
            let words = ["crossrole", "apply"].map(str::to_owned).into_iter();
            words.chain(targets.iter().flat_map(|target| ["--target".to_owned(), target.to_string()])).chain(files.iter().cloned()).collect()
        }
        FixStep::Command { argv, .. } | FixStep::Request { argv, .. } => argv.clone(),
        FixStep::Manifest { .. } => Vec::new(),
    }
}

/// A command as a POSIX shell takes it, external ids masked.
fn shell(argv: &[String], view: View) -> String {
    let words = masked_argv(argv, view);
    let plain = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=@,+%".contains(&b));
    words.iter().map(|word| if plain(word) { word.clone() } else { format!("'{}'", word.replace('\'', "'\\''")) }).collect::<Vec<_>>().join(" ")
}

fn masked_argv(argv: &[String], view: View) -> Vec<String> {
    let mut words = argv.to_vec();
    if !view.show_external_ids {
        for at in 1..words.len() {
            if words.get(at - 1).is_some_and(|flag| *flag == "--external-id")
                && let Some(id) = words.get_mut(at)
            {
                MASK.clone_into(id);
            }
            if words.get(at - 1).is_some_and(|flag| *flag == "--policy-document" || *flag == "--policy")
                && let Some(document) = words.get_mut(at)
                && document.to_ascii_lowercase().contains("sts:externalid")
            {
                MASKED_DOCUMENT.clone_into(document);
            }
        }
    }
    words
}

fn request(change: &RequestChange, view: View) -> String {
    match change {
        RequestChange::ExternalId { id } => {
            let id = clause::values("sts:ExternalId", std::slice::from_ref(id), view);
            format!("with the external id that the role asks for ({})", id.join(", "))
        }
        RequestChange::Mfa => "with a second factor, given now".to_owned(),
        RequestChange::Duration { seconds } => format!("for a session of {seconds} seconds at most"),
        RequestChange::Region { region: Some(region) } => format!("in region {region}"),
        RequestChange::Region { region: None } => "in the region that it is in, or that is switched on".to_owned(),
        RequestChange::Role { arn } => format!("of the role {arn}"),
        RequestChange::Tls => "by https".to_owned(),
        RequestChange::WithoutSessionPolicy => "with a session policy that lets it, or with none".to_owned(),
        RequestChange::Credentials { because: Cause::NotAssigned } => "with a permission set that is assigned to who signs in".to_owned(),
        RequestChange::Credentials { because: Cause::ProfileMissing } => "with a profile that is there (`aws configure list-profiles`)".to_owned(),
        RequestChange::Credentials { because: Cause::ExpiredCredentials } => {
            "with credentials that are new: sign in again, or assume the role again".to_owned()
        }
        RequestChange::Credentials { because: Cause::WrongSecret } => "with the secret that belongs to this access key, or with a new key".to_owned(),
        RequestChange::Credentials { because: Cause::SessionRevoked } => "with a new session: assume the role anew".to_owned(),
        RequestChange::Credentials { because: Cause::NoCredentials } => "with credentials: sign in, or name a profile (`AWS_PROFILE`)".to_owned(),
        RequestChange::Credentials { .. } => "with other credentials: a key that is active, or a session of the role as it is now".to_owned(),
        RequestChange::Clock => "with the clock of that machine set right (NTP)".to_owned(),
        RequestChange::NewLink => "with a link that is made anew".to_owned(),
        RequestChange::Network { because: Cause::Unresolved } => "with the region spelt right, from where names of hosts resolve".to_owned(),
        RequestChange::Network { because: Cause::Proxy } => "with a proxy that lets it: `HTTPS_PROXY`, with name and password, and `NO_PROXY`".to_owned(),
        RequestChange::Network { because: Cause::Certificate } => "with the authority of that host named in `AWS_CA_BUNDLE`".to_owned(),
        RequestChange::Network { .. } => "from a network that reaches the endpoint; look at `AWS_ENDPOINT_URL` as well".to_owned(),
        RequestChange::Later => "later, and less often".to_owned(),
        RequestChange::NotRoot => "as a user, or from another role".to_owned(),
        RequestChange::Object => "of an object that is there: it is written first, or its key is another one".to_owned(),
        RequestChange::Restored => "after the object was restored from its archive (`aws s3api restore-object`)".to_owned(),
        RequestChange::ByOwner => "as a principal of the bucket's own account".to_owned(),
        RequestChange::From { key, wanted, .. } if wanted.is_empty() => format!("by a network, or an endpoint, of a VPC ({key})"),
        RequestChange::From { key, wanted, other, value: _ } => {
            let what = if key.eq_ignore_ascii_case("aws:SourceIp") { "an address" } else { "a network" };
            let by = if *other { "that is none of these" } else { "that is let by" };
            format!("from {what} {by} ({key}: {})", clause::values(key, wanted, view).join(", "))
        }
        RequestChange::With { key, value } => format!("with {key} {value}"),
        RequestChange::Corrected { because: Cause::PolicyMalformed } => "with a policy that AWS takes".to_owned(),
        RequestChange::Corrected { because: Cause::TokenNotTaken } => {
            "with a token that the provider in the role's account knows, and that is young enough".to_owned()
        }
        RequestChange::Corrected { .. } => "put right, as the error says".to_owned(),
    }
}

/// The same for machines.
pub fn diagnosis_json(found: &Diagnosis, view: View) -> Value {
    json!({
        "format_version": FORMAT_VERSION,
        "found": found.found(),
        "allowed": match found.found() {
            Found::Allowed => Some(true),
            Found::Cause => Some(false),
            Found::Unknown => None,
        },
        "calls": found.calls,
        "causes": found.causes.iter().map(|cause| cause_json(cause, found.calls.len(), view)).collect::<Vec<_>>(),
        "suspects": found.suspects,
        "supposed": found.supposed,
        "checks": found.checks,
        "gives_back": found.gives_back(),
        "switches_on": found.fix.iter().flatten().any(is_enabled),
        "fix": found.fix.as_ref().map(|steps| steps.iter().map(|step| step_json(step, view)).collect::<Vec<_>>()),
        "access": delta_json(&found.delta, view),
        "gives": delta_json(&found.gives, view),
    })
}

fn cause_json(found: &FoundCause, calls: usize, view: View) -> Value {
    json!({
        "cause": found.cause,
        "call": found.hop,
        "principal": found.principal,
        "action": found.action,
        "resource": found.resource,
        "statement": found.statement,
        "told": found.told,
        "supposed": found.supposed,
        "conditions": conditions(found, view),
        "revoked": found.revoked,
        "text": sentence(found, calls, view),
    })
}

/// Conditions that the cause is about: what they ask for, and what the request has.
fn conditions(found: &FoundCause, view: View) -> Vec<Value> {
    let all = found.lack.iter().chain(&found.met).filter_map(|lack| match lack {
        Lack::Condition { operator, key, relation: _, wanted, actual } => Some(json!({
            "operator": operator,
            "key": key,
            "wanted": clause::values(key, wanted, view),
            "actual": actual.as_ref().map(|actual| clause::values(key, actual, view)),
        })),
        _ => None,
    });
    all.collect()
}

fn step_json(step: &FixStep, view: View) -> Value {
    match step {
        FixStep::Command { account, argv } => {
            json!({ "step": "command", "account": account, "argv": masked_argv(argv, view), "masked": is_masked(step, view) })
        }
        FixStep::Manifest { file, amendments, before, after } => {
            let limits: Vec<String> = amendments.iter().filter_map(limits).collect();
            json!({ "step": "manifest", "file": file, "lines": lines(before, after, view), "limits": limits, "masked": is_masked(step, view) })
        }
        FixStep::Apply { targets, .. } => {
            json!({ "step": "apply", "targets": targets.iter().map(ToString::to_string).collect::<Vec<_>>(), "argv": argv(step) })
        }
        FixStep::Request { changes, argv } => {
            let said: Vec<Value> = changes.iter().map(|change| json!({ "request": kind(change), "text": request(change, view) })).collect();
            json!({ "step": "request", "changes": said, "argv": masked_argv(argv, view), "masked": is_masked(step, view) })
        }
    }
}

fn kind(change: &RequestChange) -> Value {
    serde_json::to_value(change).ok().and_then(|value| value.get("request").cloned()).unwrap_or_default()
}

fn delta_json(delta: &AccessDelta, view: View) -> Value {
    let change = |change: &AccessChange| {
        json!({
            "direction": change.direction,
            "party": change.party,
            "principal": access::who(&change.party, &change.except, change.certainty),
            "action_set": change.actions,
            "resource_set": change.resources,
            "when": change.when.iter().map(|one| one.iter().map(|c| clause::clause_json(c, view)).collect::<Vec<_>>()).collect::<Vec<_>>(),
            "text": access::line(&[change], view).text(),
        })
    };
    json!({
        "changes": delta.changes.iter().map(change).collect::<Vec<_>>(),
        "undecided": delta.undecided.iter().map(access::undecided_json).collect::<Vec<_>>(),
    })
}
