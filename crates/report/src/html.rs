//! A plan as a page that needs nothing but itself: warnings, who gains and loses, the access picture, then what changes, folded.

use crossrole_model::graph::Graph;
use crossrole_model::{Compared, Plan};

use crate::graph::{Picture, escaped, figure, html_page};
use crate::lines::{Line, Screen, Tone, rendered};
use crate::markdown::Comment;
use crate::text::{self, Group};
use crate::{View, approvals, markdown, named, safe};

/// Most lines of one fold: a page with more is slow to open. The text and the JSON have them all.
const LINES_MOST: usize = 20_000;

/// Returns the plan as a page, with all that a comment on it has; `picture` is who reaches what by it.
pub fn html(comment: &Comment<'_>, picture: &Graph) -> String {
    let Comment { plan, findings, sources, owners: _, view, judged, since, drift, refused, left_out, key: _ } = *comment;
    let view = View { screen: Screen::default(), ..view };
    let title = title(plan);
    let mut body = format!("<h1>{}</h1>\n", escaped(&title));
    body.push_str(&format!("<p class=\"sub\">{}</p>\n", escaped(&accounts(plan))));
    for warning in drift.map_or_else(|| markdown::warnings(plan, since), |drift| markdown::drift_warnings(plan, &drift.access)) {
        // Of the comment, without its markup.
        body.push_str(&format!("<p class=\"warning\">{}</p>\n", escaped(&warning.replace(['*', '`'], ""))));
    }
    for (heading, lines) in markdown::standing(refused, left_out) {
        body.push_str(&format!("<p class=\"warning\">{heading}</p>\n"));
        body.push_str(&preformatted(lines.into_iter().map(|line| (Tone::Plain, line.trim_end().to_owned()))));
    }
    let filled = |fill: &dyn Fn(&mut Vec<Line>)| {
        let mut out = Vec::new();
        fill(&mut out);
        block(plan, &out)
    };
    body.push_str(&filled(&|out| text::ahead(plan, out)));
    body.push_str(&filled(&|out| out.extend(plan.lockouts.iter().map(|lockout| Line::new(Tone::Warning, 0, "! ").then([crate::lockout(lockout)])))));
    body.push_str("<h2>Who gains, who loses</h2>\n");
    let access = filled(&|out| match drift {
        Some(drift) => out.extend(crate::since::by_drift(&drift.access, view, usize::MAX)),
        None => out.extend(crate::access::section_whole(plan, view)),
    });
    body.push_str(if access.is_empty() { "<p>Nobody gains or loses anything.</p>\n" } else { &access });
    body.push_str(&filled(&|out| out.extend(drift.into_iter().flat_map(|drift| crate::since::let_in(&drift.foreign, view, usize::MAX)))));
    body.push_str(&filled(&|out| out.extend(since.into_iter().flat_map(|since| crate::grounds::lines(plan, since, view, usize::MAX)))));
    if let Some(judged) = judged {
        body.push_str(&filled(&|out| out.extend(approvals::judged(judged))));
        let entries = approvals::entries(plan, judged);
        if !entries.is_empty() {
            body.push_str("<p>To approve it, commit this to a file in approvals/, with a reason for each:</p>\n");
            body.push_str(&preformatted(entries.lines().map(|line| (Tone::Plain, line.to_owned()))));
        }
    }
    body.push_str("<h2>Access picture</h2>\n");
    body.push_str(&figure(&Picture::of(picture, view)));
    body.push_str(&filled(&|out| text::withheld(plan, out)));
    body.push_str("<h2>What changes</h2>\n");
    if plan.is_empty() {
        body.push_str("<p>Nothing.</p>\n");
    }
    let mut changed = text::groups(plan, view);
    match since {
        Some(Compared::Since(since)) => {
            body.push_str(&filled(&|out| {
                out.extend([crate::since::drift_heading(plan, since), Line::empty()]);
                out.extend(crate::since::drift(plan, since, view));
                out.extend(crate::since::notes(plan, since));
                out.extend([crate::since::change_heading(plan, since)]);
                out.extend(crate::since::by_change(since, view, usize::MAX));
            }));
            changed = text::groups(&crate::since::of(plan, &since.change), view);
        }
        Some(Compared::Unread(base)) => body.push_str(&filled(&|out| {
            out.extend(crate::since::unread(base));
            out.push(crate::since::not_told_apart());
        })),
        None => {}
    }
    for Group { heading, lines, count } in changed {
        let changes = if count == 1 { "1 change".to_owned() } else { format!("{count} changes") };
        body.push_str(&folded(&format!("{}: {changes}", heading.text()), &block(plan, &lines)));
    }
    body.push_str(&filled(&|out| {
        text::notes(plan, view, out);
        out.extend(text::held(plan));
    }));
    if !findings.is_empty() {
        let summary = if findings.len() == 1 { "1 finding".to_owned() } else { format!("{} findings", findings.len()) };
        let text = crate::findings(findings, sources);
        body.push_str(&format!("<h2>Findings</h2>\n{}", folded(&summary, &preformatted(text.lines().map(|line| (Tone::Plain, line.to_owned()))))));
    }
    body.push_str(&format!("<p class=\"sub\">{}</p>\n", escaped(&text::cost(plan))));
    html_page(&title, &body)
}

/// `crossrole: prod-data: 8 to add, 0 to change, 0 to destroy`
fn title(plan: &Plan) -> String {
    let names: Vec<&str> = plan.manifests.iter().map(|manifest| manifest.name.as_str()).collect();
    let manifests = match names.as_slice() {
        few if few.len() <= 3 => few.join(", "),
        many => format!("{} manifests", many.len()),
    };
    safe(&format!("crossrole: {manifests}: {}", text::summary(plan).trim_start_matches("Plan: ").trim_end_matches('.')))
}

/// Most accounts that are named.
const ACCOUNTS_MOST: usize = 20;

fn accounts(plan: &Plan) -> String {
    let named = plan.accounts.iter().take(ACCOUNTS_MOST).map(|(id, info)| safe(&format!("{id} ({})", info.label)));
    let more = plan.accounts.len().saturating_sub(ACCOUNTS_MOST);
    let all: Vec<String> = named.chain((more > 0).then(|| format!("and {more} more"))).collect();
    format!("{}: {}", if plan.accounts.len() == 1 { "Account" } else { "Accounts" }, all.join(", "))
}

fn folded(summary: &str, block: &str) -> String {
    format!("<details><summary>{}</summary>\n{block}</details>\n", escaped(summary))
}

/// Lines as they are elsewhere, each in the color of its symbol; nothing where there are none.
fn block(plan: &Plan, lines: &[Line]) -> String {
    preformatted(lines.iter().map(|line| (line.tone(), named::text(plan, rendered(std::slice::from_ref(line), Screen::default())).trim_end().to_owned())))
}

/// The same of lines that no plan is behind.
pub(crate) fn block_of(lines: &[Line]) -> String {
    preformatted(lines.iter().map(|line| (line.tone(), rendered(std::slice::from_ref(line), Screen::default()).trim_end().to_owned())))
}

fn preformatted(lines: impl Iterator<Item = (Tone, String)>) -> String {
    let mut all: Vec<(Tone, String)> = lines.collect();
    while all.last().is_some_and(|(_, text)| text.is_empty()) {
        all.pop();
    }
    if all.is_empty() {
        return String::new();
    }
    let more = all.len().saturating_sub(LINES_MOST);
    let mut out = String::from("<pre>");
    for (tone, text) in all.into_iter().take(LINES_MOST) {
        match class(tone) {
            "" => out.push_str(&escaped(&text)),
            class => out.push_str(&format!("<span class=\"{class}\">{}</span>", escaped(&text))),
        }
        out.push('\n');
    }
    if more > 0 {
        out.push_str(&format!("… and {more} more lines, which the text has\n"));
    }
    out + "</pre>\n"
}

fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain | Tone::Advice => "",
        Tone::Heading => "strong",
        Tone::Added => "gained",
        Tone::Removed | Tone::Error => "lost",
        Tone::Changed | Tone::Warning => "changed",
        Tone::Kept => "quiet",
    }
}
