//! What is left to say of access that was taken back, and of an external id that is rotated.

use std::collections::BTreeSet;

use crossrole_model::{Address, Followed, Further, Revocation, Undenied, Whose};
use serde_json::{Value, json};

use crate::{Line, Tone, access, safe, sets};

/// Which sessions live on of whom was revoked at an instant or later, further ones too; that none does is said as well, where all was
/// carried out.
pub fn lives_on(revoked: &[Revocation], since: &str, further: &Followed, complete: bool) -> Vec<Line> {
    let roles: Vec<&(Address, u32)> = revoked.iter().filter(|one| one.since.as_str() >= since).flat_map(|one| &one.lives_on).collect();
    if roles.is_empty() {
        let denied = complete.then(|| Line::plain(0, format!("Sessions that began before {since} are denied.")));
        return denied.into_iter().chain(followed(further)).collect();
    }
    let of = |(role, longest): &&(Address, u32)| {
        let rest = format!(
            "its sessions of {} live on until they end, at most {} minutes after they began: nothing that its trust asks for tells them from others",
            safe(&role.to_string()),
            longest / 60
        );
        Line::new(Tone::Warning, 0, "warning: ").then([rest])
    };
    let mut lines: Vec<Line> = roles.iter().map(of).collect();
    let advice = "`--session-name` and `--source-identity` end those that carry it, which a caller may leave out; `--all-sessions` ends those of everybody";
    lines.push(Line::new(Tone::Advice, 0, "help: ").then([advice]));
    lines.extend(followed(further));
    lines
}

/// Which sessions of further roles live on that were opened from those that end.
pub fn followed(followed: &Followed) -> Vec<Line> {
    let mut lines: Vec<Line> = followed.lives_on.iter().flat_map(further).collect();
    let warning = |rest: String| Line::new(Tone::Warning, 0, "warning: ").then([rest]);
    for (arn, resources) in &followed.beyond {
        // A user's sessions are as long as any role lets them be, and nothing here keeps it from opening more.
        let rest = if arn.contains(":user/") { "twelve hours at most, and it may open new ones" } else { "an hour at most" };
        let who = safe(&access::by_arn(arn));
        lines.push(warning(match some(resources) {
            None => format!("not all policies of {who} were read: sessions of further roles that it may have opened live on, {rest}"),
            Some(some) => format!("{who} may assume roles of accounts that were not read ({some}): sessions that it opened there live on, {rest}"),
        }));
    }
    for user in &followed.federated {
        let who = safe(&access::by_arn(user));
        let rest = format!(
            "sessions that {who} has by sts:GetFederationToken are principals of their own: they keep what its whole account is let, 36 hours at most, and it may open new ones"
        );
        let advice = "deactivate its access keys (`aws iam update-access-key --status Inactive`), so that it opens none; delete the user, or take back what the account is let, to end those that are open";
        lines.extend([warning(rest), Line::new(Tone::Advice, 0, "help: ").then([advice])]);
    }
    if followed.cut {
        lines.push(warning("not all roles were followed that sessions may have gone on to: of those, sessions live on, an hour at most".to_owned()));
    }
    lines
}

fn further(further: &Further) -> Vec<Line> {
    let Further { role, from, longest, because } = further;
    let role = safe(&access::by_arn(role));
    let from: Vec<String> = from.iter().map(|arn| safe(&access::by_arn(arn))).collect();
    let from = if from.is_empty() { String::new() } else { format!(" that were opened from {}", listed(&from)) };
    let minutes = longest / 60;
    let (rest, advice) = match because {
        Undenied::Shared => (
            format!("sessions of {role}{from} live on until they end, at most {minutes} minutes after they began: nothing tells them from others"),
            "say `--source-identity` where that tells, or `--all-sessions` to end those of everybody",
        ),
        Undenied::NotMade => (
            format!("sessions of {role}{from} live on until they end, at most {minutes} minutes after they began: no manifest given here makes it"),
            "give the manifest that makes it, or revoke its sessions in the console",
        ),
        Undenied::NotDone => (
            format!("sessions of {role}{from} live on, and it may still be assumed: not all was carried out that takes it back"),
            "`crossrole plan` says what is left, and why; run it again, or revoke its sessions in the console",
        ),
        Undenied::NoRoom => (
            format!("{role} may still be assumed: its trust policy, which lets a whole account in, has no room for what would deny it"),
            "shorten that trust and run it again, take the role back as a whole (`crossrole revoke role/NAME`), or take `sts:AssumeRole` from the caller where it is",
        ),
        Undenied::Open => (
            format!("{role}, which no manifest given here makes, may still be assumed, and leads further; its sessions{from} live on"),
            "revoke that role as well, or take it away where it is made",
        ),
    };
    vec![Line::new(Tone::Warning, 0, "warning: ").then([rest]), Line::new(Tone::Advice, 0, "help: ").then([advice])]
}

/// For machines: what was taken back, whose sessions live on, and who is let in all the same.
pub fn revoked_json(what: &str, since: &str, lives_on: &[Further], followed: &Followed, still_in: usize) -> Value {
    let further = |one: &Further| {
        let because = match one.because {
            Undenied::Shared => "shared",
            Undenied::NotMade => "not-made",
            Undenied::NotDone => "not-done",
            Undenied::NoRoom => "no-room",
            Undenied::Open => "open",
        };
        json!({"role": one.role, "from": one.from, "longest_seconds": one.longest, "because": because})
    };
    let all: Vec<Value> = lives_on.iter().chain(&followed.lives_on).collect::<BTreeSet<_>>().into_iter().map(further).collect();
    json!({
        "what": what,
        "since": since,
        "lives_on": all,
        "beyond": followed.beyond.iter().map(|(role, resources)| json!({"role": role, "may_assume": resources})).collect::<Vec<_>>(),
        "federated": followed.federated,
        "followed": !followed.cut,
        "still_in": still_in,
    })
}

/// Most that are named of one kind: who needs more looks at the policies.
const NAMED_MOST: usize = 5;

fn listed(all: &[String]) -> String {
    let more = all.len().saturating_sub(NAMED_MOST);
    let named = all.iter().take(NAMED_MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more == 0 { named } else { format!("{named} and {more} more") }
}

fn some(resources: &BTreeSet<String>) -> Option<String> {
    (!resources.is_empty()).then(|| listed(&resources.iter().map(|text| safe(text)).collect::<Vec<_>>()))
}

/// That manifests want more of some objects than is live, and that this is left.
pub fn narrowed(objects: &BTreeSet<Address>) -> Vec<Line> {
    let named: Vec<String> = objects.iter().map(|address| safe(&address.to_string())).collect();
    let rest = format!("manifests want more than is live of {}: that is left as it is, and `crossrole plan` shows it", listed(&named));
    vec![Line::new(Tone::Kept, 0, "note: ").then([rest])]
}

/// That nobody was at hand by whom it could be tried, and that no part of a matrix is about whom it is.
pub fn untried(what: &str) -> Vec<Line> {
    let rest = format!("that {} is refused was not tried: nobody's credentials are at hand, and the manifests name nobody of it any more", safe(what));
    let advice = "say under `[[verify.principals]]` whose credentials are at hand, and run `crossrole verify`";
    vec![Line::new(Tone::Warning, 0, "warning: ").then([rest]), Line::new(Tone::Advice, 0, "help: ").then([advice])]
}

/// In which manifests nothing was taken back, since it can't be said there; each with the first reason.
pub fn passed_over(what: &str, files: &[(String, String)]) -> Vec<Line> {
    let line = |(file, why): &(String, String)| {
        Line::new(Tone::Error, 0, "error: ").then([format!("{} was not taken back by `{}`: {}", safe(what), safe(file), safe(why))])
    };
    files.iter().map(line).collect()
}

/// That nothing live had to change for what manifests say now.
pub fn nothing_live(dry_run: bool) -> Vec<Line> {
    let rest = if dry_run {
        "nothing live would have to change: the manifests alone would be written"
    } else {
        "nothing live had to change: the manifests alone were written"
    };
    vec![Line::new(Tone::Kept, 0, "note: ").then([rest])]
}

/// What comes next, once both external ids are accepted.
pub fn rotation_begun(finish: &str) -> Vec<Line> {
    let advice = format!("both are accepted now: give the new one to whoever assumes the role, and then run `{}`", safe(finish));
    vec![Line::new(Tone::Advice, 0, "help: ").then([advice])]
}

/// Whose access was taken back.
pub(crate) fn whose(whose: &Whose) -> String {
    match whose {
        Whose::Role(role) => format!("whoever assumes {role}"),
        Whose::Sessions(role) => format!("sessions of {role}"),
        Whose::Account(account) => format!("account {account}"),
        Whose::Group { account, name } => format!("group {name} of {account}"),
        Whose::Principal { arn, .. } => access::by_arn(arn),
        Whose::PermissionSet(set) => sets::named(set),
    }
}
