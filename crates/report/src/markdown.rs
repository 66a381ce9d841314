//! A plan as a comment on a pull request: who gains and loses first, then what changes, folded; within a limit, head and tail kept.
//!
//! Everything that comes from elsewhere stands between fences, where nothing is markup, a mention or a link, and which are longer
//! than any run of backticks in it; what stands outside of them is ours, numbers, and ids of accounts.

use crossrole_model::access::{AccessDelta, Direction};
use crossrole_model::{AccountId, Action, Compared, Digest, Drifted, Finding, Judged, Plan, Source};

use crate::lines::{Line, Screen, rendered};
use crate::overview::{Overview, Owners, Row, overview};
use crate::text::{self, Group};
use crate::{View, named, safe};

/// Most characters of a comment on GitHub, which GitLab takes too (GitHub REST API, "Issue comments": 65,536).
pub const COMMENT_MOST: usize = 65_536;

/// Most bytes of a job summary (GitHub Actions, "Step isolation and limits": 1 MiB).
pub const SUMMARY_MOST: usize = 1 << 20;

/// Fewest: less would not hold the title, the warnings and the end.
pub const LEAST: usize = 4_096;

/// What is kept for the end.
const TAIL: usize = 512;

/// From so many manifests on there is a table of them: what fewer change is read in their accounts.
const TABLE_FROM: usize = 4;

/// What a comment is made of.
#[derive(Debug, Clone, Copy)]
pub struct Comment<'c> {
    /// The plan.
    pub plan: &'c Plan,
    /// What is worth knowing of it.
    pub findings: &'c [Finding],
    /// The manifests as they were read.
    pub sources: &'c [Source],
    /// Which manifests declare what.
    pub owners: &'c Owners,
    /// What is shown.
    pub view: View,
    /// What of it is approved, where that is asked for.
    pub judged: Option<&'c Judged>,
    /// What of it is drift and what is this change, where that is asked for.
    pub since: Option<&'c Compared>,
    /// It is looked at as drift: what that comes to.
    pub drift: Option<&'c Drifted>,
    /// Why it is not carried out, a line each.
    pub refused: &'c [String],
    /// What has moved since it was reviewed and is left out of it, a line each.
    pub left_out: &'c [String],
    /// What its marker is made of: the same for each plan of what is planned here.
    pub key: &'c str,
}

/// Returns the plan as Markdown of at most so many bytes (so many characters at most, then), and not fewer than [`LEAST`].
pub fn markdown(comment: &Comment<'_>, most: usize) -> String {
    let most = most.max(LEAST);
    let whole = page(comment, usize::MAX);
    if whole.len() <= most { whole } else { page(comment, most) }
}

fn page(comment: &Comment<'_>, most: usize) -> String {
    let Comment { plan, findings, sources, owners, view, judged, since, drift, refused, left_out, key } = *comment;
    let view = View { screen: Screen::default(), ..view };
    let mut page = Page { out: String::new(), left: most - TAIL, cut: false };
    let (marker, title) = if drift.is_some() { (marked("drift", key), drift_title(plan)) } else { (marker(key), title(plan)) };
    page.raw(&format!("{marker}\n### {title}\n\n"));
    for warning in if let Some(drift) = drift { drift_warnings(plan, &drift.access) } else { warnings(plan, since) } {
        page.raw(&format!("> [!WARNING]\n> {warning}\n\n"));
    }
    for (heading, lines) in standing(refused, left_out) {
        page.raw(&format!("> [!CAUTION]\n> **{heading}**\n\n"));
        page.fenced("", &lines.concat(), most / 4);
    }
    // What is asked of the reader comes before what is only shown: a quarter of the room each, at most.
    let quarter = most / 4;
    if plan.manifests.len() >= TABLE_FROM {
        page.table(&overview(plan, owners), quarter);
    }
    let lines = |fill: &dyn Fn(&mut Vec<Line>)| {
        let mut out = Vec::new();
        fill(&mut out);
        named::text(plan, rendered(&out, Screen::default()))
    };
    page.fenced("", &lines(&|out| text::ahead(plan, out)), quarter);
    page.fenced("", &lockouts(plan), quarter);
    match drift {
        Some(drift) => page.fenced("", &lines(&|out| out.extend(crate::since::by_drift(&drift.access, view, usize::MAX))), quarter),
        None => page.fenced("", &lines(&|out| out.extend(crate::access::section_whole(plan, view))), quarter),
    }
    if let Some(since) = since {
        page.fenced("", &lines(&|out| out.extend(crate::grounds::lines(plan, since, view, usize::MAX))), quarter);
    }
    if let Some(judged) = judged {
        page.fenced("", &lines(&|out| out.extend(crate::approvals::judged(judged))), quarter);
        let entries = crate::approvals::entries(plan, judged);
        if !entries.is_empty() {
            page.raw("To approve it, commit this to a file in `approvals/`, with a reason for each:\n\n");
            page.fenced("", &entries, quarter);
        }
    }
    page.fenced("", &lines(&|out| text::withheld(plan, out)), quarter);
    if let Some(drift) = drift {
        page.raw("#### Kept, and no drift\n\n");
        page.fenced("", &lines(&|out| out.extend(crate::since::let_in(&drift.foreign, view, usize::MAX))), quarter);
        page.fenced("", &lines(&|out| out.extend(crate::since::beside(plan))), quarter);
    }
    let notes = lines(&|out| {
        text::notes(plan, view, out);
        out.extend(text::held(plan));
    });
    page.fenced("", &notes, quarter);
    let mut changed = text::groups(plan, view);
    match since {
        Some(Compared::Since(since)) => {
            let known = crate::since::is_all_known(plan, since);
            page.raw(&format!("#### Drift: {}\n\n", objects(since.drift.len(), known)));
            page.fenced("", &lines(&|out| out.extend([crate::since::drift_heading(plan, since)])), quarter);
            page.fenced(
                if since.drift.is_empty() { "" } else { "what is live and not as it was said" },
                &lines(&|out| out.extend(crate::since::drift(plan, since, view))),
                quarter,
            );
            page.fenced("", &lines(&|out| out.extend(crate::since::notes(plan, since))), quarter);
            page.raw(&format!("#### This change: {}\n\n", objects(since.change.len(), known)));
            page.fenced("", &lines(&|out| out.extend([crate::since::change_heading(plan, since)])), quarter);
            page.fenced("", &lines(&|out| out.extend(crate::since::by_change(since, view, usize::MAX))), quarter);
            changed = text::groups(&crate::since::of(plan, &since.change), view);
        }
        Some(Compared::Unread(base)) => {
            page.raw("#### Drift: not known\n\n");
            page.fenced("", &lines(&|out| out.extend(crate::since::unread(base))), quarter);
            page.raw("#### This change: not told apart from drift\n\n");
            page.fenced("", &lines(&|out| out.extend([crate::since::not_told_apart()])), quarter);
        }
        None => {}
    }
    for Group { heading, lines, count } in changed {
        let summary = format!("{}: {}", summary_of(&heading), if count == 1 { "1 change".to_owned() } else { format!("{count} changes") });
        let room = page.left;
        page.fenced(&summary, &named::text(plan, rendered(&lines, Screen::default())), room);
    }
    if !findings.is_empty() {
        let summary = if findings.len() == 1 { "1 finding".to_owned() } else { format!("{} findings", findings.len()) };
        let room = page.left;
        page.fenced(&summary, &crate::findings(findings, sources), room);
    }
    let cut = if page.cut { "\nSome of it is left out here: a comment holds no more. `crossrole plan --json` has the whole.\n" } else { "" };
    page.out + cut + &format!("\n{}\n", text::cost(plan))
}

/// What comes of the plan, where that is not all of it: in words, and line by line.
pub(crate) fn standing(refused: &[String], left_out: &[String]) -> Vec<(&'static str, Vec<String>)> {
    let all = [("Refused: this is not carried out.", refused), ("This is not the plan that was reviewed: what has moved is left out.", left_out)];
    let shown = |lines: &[String]| lines.iter().map(|line| safe(line) + "\n").collect();
    all.into_iter().filter(|(_, lines)| !lines.is_empty()).map(|(heading, lines)| (heading, shown(lines))).collect()
}

fn objects(count: usize, all_known: bool) -> String {
    match count {
        0 if !all_known => "none that is known".to_owned(),
        0 => "none".to_owned(),
        1 => "1 object".to_owned(),
        more => format!("{more} objects"),
    }
}

/// Finds the comment again: the same for the same key, whatever the plan says and whichever manifests it is of.
pub fn marker(key: &str) -> String {
    marked("plan", key)
}

fn marked(what: &str, key: &str) -> String {
    format!("<!-- crossrole {what} {} -->", Digest::of(key.as_bytes()))
}

/// Returns what stands in the place of a comment where there is no plan, so that none of before is taken for it: why, a line each.
pub fn not_planned(key: &str, why: &[String], most: usize) -> String {
    let mut page = Page { out: String::new(), left: most.max(LEAST) - TAIL, cut: false };
    page.raw(&format!("{}\n### crossrole: this could not be planned\n\n", marker(key)));
    page.raw("> [!CAUTION]\n> **Nothing is known of what it would do: a plan that stood here was of something else.**\n\n");
    let lines: String = why.iter().map(|line| safe(line) + "\n").collect();
    let room = page.left;
    page.fenced("", &lines, room);
    page.out.trim_end().to_owned() + "\n"
}

fn title(plan: &Plan) -> String {
    let replaced = plan.count(Action::Replace);
    let (add, change, destroy) = (plan.count(Action::Create) + replaced, plan.count(Action::Update), plan.count(Action::Delete) + replaced);
    let what = match (plan.is_empty(), plan.is_blocked()) {
        (true, true) => "nothing can be done, see what is withheld".to_owned(),
        (true, false) => "no changes".to_owned(),
        (false, blocked) => {
            format!("{add} to add, {change} to change, {destroy} to destroy{}", if blocked { ", and something is withheld" } else { "" })
        }
    };
    format!("crossrole: {}: {what}", of_what(plan))
}

fn drift_title(plan: &Plan) -> String {
    let none = if plan.is_blocked() { "not known" } else { "none" };
    let what = crate::since::drifted(plan).unwrap_or_else(|| none.to_owned());
    format!("crossrole: drift of {}: {what}", of_what(plan))
}

/// The manifests, and the accounts that they are of.
fn of_what(plan: &Plan) -> String {
    let manifests = match plan.manifests.as_slice() {
        // A manifest's name has letters, digits and hyphens.
        [one] => format!("`{}`", plain_name(&one.name)),
        all => format!("{} manifests", all.len()),
    };
    let trusting: Vec<&AccountId> = plan.accounts.iter().filter(|(_, info)| info.trusting).map(|(id, _)| id).collect();
    format!("{manifests}{}", in_accounts(&trusting, " in "))
}

/// Accounts by their ids, which are digits: one, or how many there are.
fn in_accounts(accounts: &[&AccountId], before: &str) -> String {
    match accounts {
        [] => String::new(),
        [one] => format!("{before}{one}"),
        all => format!("{before}{} accounts", all.len()),
    }
}

/// What stands outside of a fence, of a name: its first letters, digits and hyphens.
fn plain_name(name: &str) -> String {
    name.chars().take(64).map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

fn times(count: usize) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

pub(crate) fn drift_warnings(plan: &Plan, delta: &AccessDelta) -> Vec<String> {
    let mut said = Vec::new();
    let widened = delta.changes.iter().filter(|change| change.direction == Direction::Widened).count();
    if widened > 0 {
        said.push(format!("**Access is wider than the manifests say: {} somebody has gained something.**", times(widened)));
    }
    if !delta.undecided.is_empty() {
        said.push(format!("**It is not decided {} whether somebody has gained something.**", times(delta.undecided.len())));
    }
    if plan.is_blocked() {
        said.push("**Something could not be compared: see what is withheld.**".to_owned());
    }
    said
}

/// Whose a widening is, as far as that is told apart: only what this change gives is its own.
fn widened(plan: &Plan, compared: Option<&Compared>) -> Vec<String> {
    let Some(delta) = &plan.access else { return Vec::new() };
    let count = |delta: &AccessDelta| delta.changes.iter().filter(|change| change.direction == Direction::Widened).count();
    let undecided = |delta: &AccessDelta| {
        (!delta.undecided.is_empty()).then(|| format!("**It is not decided {} whether somebody gains something.**", times(delta.undecided.len())))
    };
    let live = count(delta);
    let mut said = Vec::new();
    match compared {
        Some(Compared::Unread(_)) => {
            said.push("**What this is compared with can't be read: nothing is told apart as drift.**".to_owned());
            let what = "**Against what is live, {} somebody gains something: by this change, or since what was done by hand is put back.**";
            said.extend((live > 0).then(|| what.replace("{}", &times(live))));
        }
        Some(Compared::Since(since)) if !since.drift.is_empty() => {
            let own = count(&since.change_access);
            said.extend((own > 0).then(|| format!("**Access is widened by this change: {} somebody gains something.**", times(own))));
            let what = "**Against what is live, {} somebody gains something, with what is put back that was done by hand.**";
            said.extend((live > 0).then(|| what.replace("{}", &times(live))));
        }
        Some(Compared::Since(_)) | None => {
            said.extend((live > 0).then(|| format!("**Access is widened: {} somebody gains something.**", times(live))));
        }
    }
    said.extend(undecided(delta));
    said
}

pub(crate) fn warnings(plan: &Plan, compared: Option<&Compared>) -> Vec<String> {
    let mut said = Vec::new();
    let destroyed = plan.count(Action::Delete) + plan.count(Action::Replace);
    if destroyed > 0 {
        said.push(format!("**{destroyed} of the objects {} destroyed.**", if destroyed == 1 { "is" } else { "are" }));
    }
    said.extend(widened(plan, compared));
    said.extend(compared.into_iter().flat_map(|compared| crate::grounds::warnings(plan, compared)));
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

    /// A row a manifest that has something to read, as many as there is room for, and a line of the others: names as [`plain_name`] has
    /// them, ids and numbers, which no cell can be left with.
    fn table(&mut self, overview: &Overview, most: usize) {
        const HEAD: &str = "| manifest | account | add | change | destroy | widened | narrowed | withheld |\n|---|---|--:|--:|--:|--:|--:|--:|\n";
        /// What the lines below it take: numbers, and a part of each.
        const BELOW: usize = 400;
        let (quiet, rows): (Vec<&Row>, Vec<&Row>) = overview.rows.iter().partition(|row| row.is_quiet());
        let mut room = most.min(self.left).saturating_sub(HEAD.len() + BELOW);
        let mut shown = Vec::new();
        for row in &rows {
            let accounts: Vec<&AccountId> = row.accounts.iter().collect();
            let numbers: String = row.numbers().iter().map(|number| format!(" {number} |")).collect();
            let line = format!("| `{}` | {} |{numbers}\n", plain_name(&row.manifest), in_accounts(&accounts, ""));
            let Some(left) = room.checked_sub(line.len()) else { break };
            room = left;
            shown.push(line);
        }
        if !shown.is_empty() {
            self.raw(&format!("{HEAD}{}\n", shown.concat()));
        }
        let more = rows.len() - shown.len();
        if more > 0 {
            self.cut = true;
            self.raw(&format!("And {more} more {} to read.\n\n", if more == 1 { "manifest with something" } else { "manifests with something" }));
        }
        if overview.elsewhere > 0 {
            let times = if overview.elsewhere == 1 { "Once".to_owned() } else { format!("{} times", overview.elsewhere) };
            self.raw(&format!("{times} somebody gains or loses something where no manifest's own object is named.\n\n"));
        }
        if !quiet.is_empty() {
            let mut names = String::new();
            let mut left = quiet.len();
            for row in &quiet {
                let name = format!("{}`{}`", if names.is_empty() { "" } else { ", " }, plain_name(&row.manifest));
                let Some(rest) = room.checked_sub(name.len()) else { break };
                (room, left) = (rest, left - 1);
                names.push_str(&name);
            }
            let rest = if left > 0 { format!("{}{left} more", if names.is_empty() { "" } else { " and " }) } else { String::new() };
            self.raw(&format!("Nothing to do for {} of them: {names}{rest}.\n\n", quiet.len()));
        }
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
            // GitLab looks for its commands line by line, and takes three backticks alone for the end of a longer fence (`/merge`, in a
            // comment by its API too: `lib/gitlab/quick_actions/extractor.rb`).
            let line = &if line.starts_with('/') { format!(" {line}") } else { (*line).to_owned() };
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
pub(crate) fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.saturating_add(1).max(3))
}
