//! A plan as a comment on a pull request: who gains and loses first, then what changes, folded; within a limit, head and tail kept.
//!
//! Everything that comes from elsewhere stands between fences, where nothing is markup, a mention or a link, and which are longer
//! than any run of backticks in it; what stands outside of them is ours, numbers, and ids of accounts.

use crossrole_model::access::Direction;
use crossrole_model::{Action, Digest, Finding, Plan, Source};

use crate::lines::{Line, Screen, rendered};
use crate::text::{self, Group};
use crate::{View, named};

/// Most characters of a comment on GitHub, which GitLab takes too (GitHub REST API, "Issue comments": 65,536).
pub const COMMENT_MOST: usize = 65_536;

/// Most bytes of a job summary (GitHub Actions, "Step isolation and limits": 1 MiB).
pub const SUMMARY_MOST: usize = 1 << 20;

/// Fewest: less would not hold the title, the warnings and the end.
pub const LEAST: usize = 4_096;

/// What is kept for the end.
const TAIL: usize = 512;

/// Returns the plan as Markdown of at most so many bytes (so many characters at most, then), and not fewer than [`LEAST`].
pub fn markdown(plan: &Plan, findings: &[Finding], sources: &[Source], view: View, most: usize) -> String {
    let most = most.max(LEAST);
    let whole = page(plan, findings, sources, view, usize::MAX);
    if whole.len() <= most { whole } else { page(plan, findings, sources, view, most) }
}

fn page(plan: &Plan, findings: &[Finding], sources: &[Source], view: View, most: usize) -> String {
    let view = View { screen: Screen::default(), ..view };
    let mut page = Page { out: String::new(), left: most - TAIL, cut: false };
    page.raw(&format!("{}\n### {}\n\n", marker(plan), title(plan)));
    for warning in warnings(plan) {
        page.raw(&format!("> [!WARNING]\n> {warning}\n\n"));
    }
    // What is asked of the reader comes before what is only shown: a quarter of the room each, at most.
    let quarter = most / 4;
    let lines = |fill: &dyn Fn(&mut Vec<Line>)| {
        let mut out = Vec::new();
        fill(&mut out);
        named::text(plan, rendered(&out, Screen::default()))
    };
    page.fenced("", &lines(&|out| text::gone(plan, out)), quarter);
    page.fenced("", &lockouts(plan), quarter);
    page.fenced("", &lines(&|out| out.extend(crate::access::section(plan, view))), quarter);
    page.fenced("", &lines(&|out| text::withheld(plan, out)), quarter);
    let notes = lines(&|out| {
        text::notes(plan, view, out);
        out.extend(text::held(plan));
    });
    page.fenced("", &notes, quarter);
    for Group { heading, lines, count } in text::groups(plan, view) {
        let summary = format!("{}: {}", summary_of(&heading), if count == 1 { "1 change".to_owned() } else { format!("{count} changes") });
        let room = page.left;
        page.fenced(&summary, &named::text(plan, rendered(&lines, Screen::default())), room);
    }
    if !findings.is_empty() {
        let summary = if findings.len() == 1 { "1 finding".to_owned() } else { format!("{} findings", findings.len()) };
        let room = page.left;
        page.fenced(&summary, &crate::findings(findings, sources), room);
    }
    let cut = if page.cut { "\nSome of it is left out here: a comment holds no more. `crossrole plan` shows the whole.\n" } else { "" };
    page.out + cut + &format!("\n{}\n", text::cost(plan))
}

/// Finds the comment again: the same for the same manifests, whatever the plan says.
pub fn marker(plan: &Plan) -> String {
    let names: Vec<&str> = plan.manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    format!("<!-- crossrole plan {} -->", Digest::of(names.join("\n").as_bytes()))
}

fn title(plan: &Plan) -> String {
    let replaced = plan.count(Action::Replace);
    let (add, change, destroy) = (plan.count(Action::Create) + replaced, plan.count(Action::Update), plan.count(Action::Delete) + replaced);
    let what = if plan.is_empty() { "no changes".to_owned() } else { format!("{add} to add, {change} to change, {destroy} to destroy") };
    let manifests = match plan.manifests.as_slice() {
        // A manifest's name has letters, digits and hyphens.
        [one] => format!("`{}`", plain_name(&one.name)),
        all => format!("{} manifests", all.len()),
    };
    format!("crossrole: {manifests}: {what}")
}

/// What stands outside of a fence, of a name: its first letters, digits and hyphens.
fn plain_name(name: &str) -> String {
    name.chars().take(64).map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

pub(crate) fn warnings(plan: &Plan) -> Vec<String> {
    let mut said = Vec::new();
    let destroyed = plan.count(Action::Delete) + plan.count(Action::Replace);
    if destroyed > 0 {
        said.push(format!("**{destroyed} of the objects {} destroyed.**", if destroyed == 1 { "is" } else { "are" }));
    }
    if let Some(delta) = &plan.access {
        let widened = delta.changes.iter().filter(|change| change.direction == Direction::Widened).count();
        if widened > 0 {
            said.push(format!("**Access is widened: {widened} times somebody gains something.**"));
        }
        if !delta.undecided.is_empty() {
            said.push(format!("**{} times it is not decided whether somebody gains something.**", delta.undecided.len()));
        }
    }
    if !plan.lockouts.is_empty() {
        said.push("**The runner could not take this back: `apply` refuses it unless `--allow-lockout` is given.**".to_owned());
    }
    if plan.is_blocked() {
        said.push("**Something that is asked for is withheld: `apply` writes nothing of this unless `--partial` is given.**".to_owned());
    }
    said
}

/// The line above a fold: an account by its id, or how many there are. Labels are names of somebody's, and stay inside.
fn summary_of(heading: &Line) -> String {
    let text = heading.text();
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["account", id, ..] if id.bytes().all(|b| b.is_ascii_digit()) => format!("account {id}"),
        ["in", "each", "of", count, ..] if count.bytes().all(|b| b.is_ascii_digit()) => format!("in each of {count} accounts"),
        _ => "changes".to_owned(),
    }
}

fn lockouts(plan: &Plan) -> String {
    plan.lockouts.iter().map(|lockout| crate::lockout(lockout) + "\n").collect()
}

/// A text that grows within its limit.
struct Page {
    out: String,
    left: usize,
    cut: bool,
}

impl Page {
    fn raw(&mut self, text: &str) {
        self.out.push_str(text);
        self.left = self.left.saturating_sub(text.len());
    }

    /// A text between fences, folded under a summary where it has one; as many of its lines as there is room for.
    fn fenced(&mut self, summary: &str, text: &str, most: usize) {
        let text = text.trim_matches('\n');
        if text.is_empty() {
            return;
        }
        let fence = fence(text);
        let (open, close) = if summary.is_empty() {
            (format!("{fence}text\n"), format!("{fence}\n\n"))
        } else {
            (format!("<details><summary>{summary}</summary>\n\n{fence}text\n"), format!("{fence}\n\n</details>\n\n"))
        };
        let room = most.min(self.left);
        let more = |count: usize| format!("… and {count} more lines\n");
        let frame = open.len() + close.len() + more(usize::MAX).len();
        if room <= frame {
            self.cut = true;
            return;
        }
        self.raw(&open);
        let mut room = room - frame;
        let lines: Vec<&str> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if line.len() >= room {
                self.raw(&more(lines.len() - at));
                self.cut = true;
                break;
            }
            room -= line.len() + 1;
            self.raw(line);
            self.raw("\n");
        }
        self.raw(&close);
    }
}

/// Longer than any run of backticks in the text (`CommonMark` 0.31, "Fenced code blocks": the end is at least as long).
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.saturating_add(1).max(3))
}
