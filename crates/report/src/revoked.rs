//! What is left to say of access that was taken back, and of an external id that is rotated.

use crossrole_model::{Address, Revocation};

use crate::{Line, Tone, safe};

/// Which sessions live on of whom was revoked at an instant or later; that none does is said as well.
pub fn lives_on(revoked: &[Revocation], since: &str) -> Vec<Line> {
    let roles: Vec<&(Address, u32)> = revoked.iter().filter(|one| one.since.as_str() >= since).flat_map(|one| &one.lives_on).collect();
    if roles.is_empty() {
        return vec![Line::plain(0, format!("Sessions that began before {since} are denied.")), chained()];
    }
    let of = |(role, longest): &&(Address, u32)| {
        let rest = format!(
            "its sessions of {} live on until they end, at most {} minutes after they began: nothing tells them from others",
            safe(&role.to_string()),
            longest / 60
        );
        Line::new(Tone::Warning, 0, "warning: ").then([rest])
    };
    let mut lines: Vec<Line> = roles.iter().map(of).collect();
    let advice = "say `--session-name` or `--source-identity` where these tell, or `--all-sessions` to end those of everybody";
    lines.push(Line::new(Tone::Advice, 0, "help: ").then([advice]));
    lines.push(chained());
    lines
}

/// What is not looked for (IAM User Guide, "Role chaining": an hour at most).
fn chained() -> Line {
    let rest = "sessions of further roles that were opened from one of these are not looked for: each ends after an hour at most";
    Line::new(Tone::Kept, 0, "note: ").then([rest])
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
pub fn rotation_begun(role: &str) -> Vec<Line> {
    let advice =
        format!("both are accepted now: give the new one to whoever assumes the role, and then run `crossrole rotate external-id {} --finish`", safe(role));
    vec![Line::new(Tone::Advice, 0, "help: ").then([advice])]
}
