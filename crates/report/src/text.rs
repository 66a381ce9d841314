//! A plan as a person wants to read it.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{AccountId, Action, Address, Borne, Cause, Change, Compared, Plan, Reason, Subject, Withheld, ownership};
use crossrole_policy::{Document, Share};

use crate::{Line, MASK, Tone, View, fold, named, rendered, safe, words};

/// How documents are compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Diff {
    /// Statement by statement, in words.
    #[default]
    Statements,
    /// Line by line, as JSON.
    Json,
}

/// The one place that maps an action to its symbol.
pub(crate) fn symbol(action: Action) -> &'static str {
    match action {
        Action::Create => "+",
        Action::Update => "~",
        Action::Replace => "-/+",
        Action::Delete => "-",
    }
}

/// The color of an action.
fn tone(action: Action) -> Tone {
    match action {
        Action::Create => Tone::Added,
        Action::Update | Action::Replace => Tone::Changed,
        Action::Delete => Tone::Removed,
    }
}

/// Renders a plan.
pub fn plan(plan: &Plan, view: View) -> String {
    plan_since(plan, None, view)
}

/// Renders a plan beside what another commit says, where it was compared with one.
pub fn plan_since(plan: &Plan, since: Option<&Compared>, view: View) -> String {
    let mut out = Vec::new();
    ahead(plan, &mut out);
    legend(plan, &mut out);
    match since {
        Some(since) => out.extend(crate::since::lines(plan, since, view)),
        None => changes(plan, view, &mut out),
    }
    withheld(plan, &mut out);
    notes(plan, view, &mut out);
    out.extend(crate::access::section(plan, view));
    out.extend(since.into_iter().flat_map(|since| crate::grounds::lines(plan, since, view, crate::access::LINES_MOST)));
    out.push(Line::new(Tone::Heading, 0, summary(plan)));
    out.extend(held(plan));
    if plan.is_empty() {
        out.extend(plan.by_hand.iter().map(crate::by_hand::reminder));
    }
    out.extend(calls(&plan.calls).map(|text| Line::plain(0, text)));
    named::text(plan, rendered(&out, view.screen))
}

/// How full things are, what people do by hand, and what is left to others.
pub(crate) fn notes(plan: &Plan, view: View, out: &mut Vec<Line>) {
    for meter in &plan.meters {
        let percent = meter.used * 100 / meter.limit.max(1);
        out.push(Line::plain(0, format!("size: {}: {} of {} ({percent} %)", safe(&meter.what), meter.used, meter.limit)));
    }
    if !plan.meters.is_empty() {
        out.push(Line::empty());
    }
    if !plan.is_empty() {
        plan.by_hand.iter().for_each(|hand| crate::by_hand::lines(hand, view, out));
    }
    // Where nothing is to do, nothing has to be explained.
    let left = plan.left_to_iam.iter().filter(|_| !plan.is_empty());
    // Of whom its policy does not leave to them, or who is of another account, statements may be written all the same.
    let left = left.map(|Address { account, name, .. }| {
        let rest = format!(" of {account}: where its policy leaves principals of {account} to that account's policies, no statement is written for them");
        (Some(account.clone()), Line::plain(0, format!("key {}{rest}", safe(name))))
    });
    out.extend(fold::lines(plan, left.collect(), None));
    let unknown: Vec<_> = named::unknown(plan).collect();
    let stands = |(account, region, alias): &(&AccountId, &str, &str)| {
        let name = safe(&format!("{region}/{alias}"));
        let text = format!("key {name} of {account}: AWS gives it its id when it is made; until then, `{{{}}}` stands for it", safe(alias));
        (Some((*account).clone()), Line::plain(0, text))
    };
    out.extend(fold::lines(plan, unknown.iter().map(stands).collect(), None));
    // Said once, however many keys there are.
    let unseen = !plan.is_empty() && plan.access.as_ref().is_some_and(|delta| delta.grants_unseen);
    let grants = "grants of keys are not read: whom one lets use a key may do so, whatever is said of it here (`audit` counts them)";
    out.extend(unseen.then(|| Line::plain(0, grants)));
    if !(plan.is_empty() || plan.by_hand.is_empty() && plan.left_to_iam.is_empty() && unknown.is_empty() && !unseen) {
        out.push(Line::empty());
    }
}

/// What is said before everything else: manifests that had another name, and accounts that manifests were of and are no longer.
pub(crate) fn ahead(plan: &Plan, out: &mut Vec<Line>) {
    for renamed in &plan.renamed {
        let text = safe(&crate::words::renamed(renamed));
        out.extend([Line::new(if renamed.borne == Borne::Live { Tone::Changed } else { Tone::Advice }, 0, text), Line::empty()]);
    }
    gone(plan, out);
}

/// What manifests made in accounts that they are of no longer goes.
fn gone(plan: &Plan, out: &mut Vec<Line>) {
    let mut by_manifest: BTreeMap<&str, BTreeMap<&AccountId, usize>> = BTreeMap::new();
    for change in plan.changes.iter().filter(|c| plan.accounts.get(&c.address.account).is_some_and(|info| info.left)) {
        *by_manifest.entry(&change.manifest).or_default().entry(&change.address.account).or_default() += 1;
    }
    for (manifest, accounts) in by_manifest {
        let objects: usize = accounts.values().sum();
        let ids: Vec<AccountId> = accounts.into_keys().cloned().collect();
        let what = if objects == 1 { "1 object".to_owned() } else { format!("{objects} objects") };
        let head = format!("manifest {} is no longer of {}", safe(manifest), if ids.len() == 1 { "account " } else { "accounts " });
        let stays = |w: &Withheld| matches!(&w.subject, Subject::Object(address) if ids.contains(&address.account));
        let but = if plan.withheld.iter().any(stays) { "; what stays is said below" } else { "" };
        let rest = format!(": what it made there is taken away, {what}{but}");
        out.extend([Line::new(Tone::Removed, 0, head).then(crate::statement::list("", fold::named(plan, &ids))).then([rest]), Line::empty()]);
    }
    not_looked_into(plan, out);
}

/// Accounts that no manifest is of, and in which what one may have made could not be read: nobody knows whether anything stays.
fn not_looked_into(plan: &Plan, out: &mut Vec<Line>) {
    let account = |withheld: &Withheld| match (&withheld.subject, &withheld.cause) {
        (Subject::Account { account, .. } | Subject::Pruning { account, .. }, Cause::Unreadable(_) | Cause::Incomplete(_)) => Some(account.clone()),
        (Subject::Object(address), Cause::Unreadable(_)) => Some(address.account.clone()),
        _ => None,
    };
    let left = |id: &AccountId| plan.accounts.get(id).is_some_and(|info| info.left);
    let ids: BTreeSet<AccountId> = plan.blocking().filter_map(account).filter(left).collect();
    if ids.is_empty() {
        return;
    }
    let (who, it) = match plan.manifests.as_slice() {
        [only] => (format!("manifest {} is not, or is no longer, of ", safe(&only.name)), "it"),
        _ => ("none of these manifests is, or is any longer, of ".to_owned(), "one of them"),
    };
    let ids: Vec<AccountId> = ids.into_iter().collect();
    let head = who + if ids.len() == 1 { "account " } else { "accounts " };
    let rest = format!(": what {it} may have made there could not be read, and stays");
    out.extend([Line::new(Tone::Error, 0, head).then(crate::statement::list("", fold::named(plan, &ids))).then([rest])]);
    let advice = "let the runner read there; where none of them ever was, say `manage = false` of the account in `crossrole.toml`";
    out.extend([Line::plain(2, advice.to_owned()), Line::empty()]);
}

/// What changes alike in many accounts, or in one.
pub(crate) struct Group {
    pub(crate) heading: Line,
    pub(crate) lines: Vec<Line>,
    /// So many changes, each counted once, in however many accounts.
    pub(crate) count: usize,
}

/// What changes, account by account, after what changes alike in many.
pub(crate) fn groups(plan: &Plan, view: View) -> Vec<Group> {
    let (folded, rest) = fold::fold(plan, blocks(plan, view));
    let mut groups = Vec::new();
    for one in folded {
        let (heading, count) = (one.heading(plan), one.lines.len());
        let lines = one.lines.into_iter().flat_map(|lines| lines.into_iter().chain([Line::empty()])).collect();
        groups.push(Group { heading, lines, count });
    }
    let mut account = None;
    for fold::Block { account: id, lines, .. } in rest {
        if account.as_ref() != Some(&id) {
            let label = plan.accounts.get(&id).map_or("", |a| a.label.as_str());
            let heading = Line::new(Tone::Heading, 0, format!("account {id} ({})", safe(label)));
            groups.push(Group { heading, lines: Vec::new(), count: 0 });
            account = Some(id);
        }
        if let Some(group) = groups.last_mut() {
            group.lines.extend(lines.into_iter().chain([Line::empty()]));
            group.count += 1;
        }
    }
    groups
}

pub(crate) fn changes(plan: &Plan, view: View, out: &mut Vec<Line>) {
    for Group { heading, lines, .. } in groups(plan, view) {
        out.extend([heading, Line::empty()]);
        out.extend(lines);
    }
}

/// What it cost to read, in a line of ours: numbers and ids.
pub(crate) fn cost(plan: &Plan) -> String {
    calls(&plan.calls).unwrap_or_default()
}

/// What of a shared policy is the manifests' own.
pub(crate) fn share(plan: &Plan) -> Share {
    Share { prefixes: ownership::sid_marks(&plan.manifests).into_keys().collect(), statements: Vec::new() }
}

/// Each change as it is said of its account.
pub(crate) fn blocks(plan: &Plan, view: View) -> Vec<fold::Block> {
    let share = share(plan);
    let rendered = |change: &Change, view: View| {
        let mut lines = Vec::new();
        render_change(plan, change, &share, view, &mut lines);
        lines
    };
    let block = |(at, change): (usize, &Change)| fold::Block {
        at,
        account: change.address.account.clone(),
        lines: rendered(change, view),
        whole: (!view.show_external_ids).then(|| rendered(change, View { show_external_ids: true, ..view })),
    };
    plan.changes.iter().enumerate().map(block).collect()
}

fn legend(plan: &Plan, out: &mut Vec<Line>) {
    let words = [(Action::Create, "create"), (Action::Update, "update in place"), (Action::Replace, "delete and make anew"), (Action::Delete, "destroy")];
    let used: Vec<String> = words.iter().filter(|(a, _)| plan.count(*a) > 0).map(|(a, word)| format!("{} {word}", symbol(*a))).collect();
    if !used.is_empty() {
        out.extend([Line::plain(0, used.join("   ")), Line::empty()]);
    }
}

/// Things that could not be planned, with one advice.
struct Paragraph {
    blocks: bool,
    of: Of,
    advice: String,
    items: Vec<Item>,
}

struct Item {
    /// The account that it is of, if it is of one.
    account: Option<AccountId>,
    subject: String,
    why: String,
}

impl Item {
    fn of(withheld: &Withheld, why: &str) -> Self {
        let account = match &withheld.subject {
            Subject::Account { account, .. } | Subject::Pruning { account, .. } | Subject::PruningOf { account, .. } | Subject::PermissionSets(account) => {
                Some(account.clone())
            }
            Subject::Object(address) | Subject::Part(address) | Subject::Description(address) => Some(address.account.clone()),
            Subject::Quotas(_) | Subject::Target(_) | Subject::Key(_) | Subject::Untargeted(_) => None,
        };
        Self { account, subject: safe(&words::subject(&withheld.subject)), why: safe(why) }
    }
}

/// What a paragraph is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Of {
    Accounts,
    Objects,
    /// Objects that rest on something else that is withheld.
    Resting,
}

/// What could not be planned: one cause, and one advice, is said once.
pub(crate) fn withheld(plan: &Plan, out: &mut Vec<Line>) {
    let mut said: Vec<Paragraph> = Vec::new();
    for withheld in plan.withheld.iter().filter(|w| !goes_without_saying(w, plan)) {
        let (why, advice) = words::cause(withheld);
        let of = match (&withheld.subject, &withheld.cause) {
            (Subject::Account { .. } | Subject::Pruning { .. }, _) => Of::Accounts,
            (_, Cause::Withheld(_)) => Of::Resting,
            _ => Of::Objects,
        };
        let item = Item::of(withheld, &why);
        match said.iter_mut().find(|p| p.blocks == withheld.blocks && p.of == of && p.advice == advice) {
            Some(paragraph) => paragraph.items.push(item),
            None => said.push(Paragraph { blocks: withheld.blocks, of, advice, items: vec![item] }),
        }
    }
    // What rests on others stands behind those.
    said.sort_by_key(|p| p.of == Of::Resting);
    for paragraph in said {
        paragraph.render(plan, out);
    }
}

impl Paragraph {
    fn render(self, plan: &Plan, out: &mut Vec<Line>) {
        let Self { blocks, of, advice, items } = self;
        // Of many accounts, what is alike is said once.
        let folded = |lines: Vec<(Option<AccountId>, Line)>| fold::lines(plan, lines, None);
        let (tone, head) = if blocks { (Tone::Error, "withheld: ") } else { (Tone::Warning, "note: ") };
        let line = Line::new(tone, 0, head);
        let count = items.len();
        let many = match of {
            Of::Accounts => format!("{count} accounts"),
            Of::Objects => format!("{count} objects"),
            Of::Resting => format!("{count} objects rest on what is withheld"),
        };
        match items.as_slice() {
            [Item { subject, why, .. }] => out.push(line.then([format!("{subject}: "), why.clone()])),
            [Item { why, .. }, others @ ..] if others.iter().all(|other| other.why == *why) => {
                out.push(line.then([format!("{many}: "), why.clone()]));
                out.extend(folded(items.into_iter().map(|item| (item.account, Line::plain(4, item.subject))).collect()));
            }
            _ => {
                out.push(line.then([many]));
                let said = |item: Item| (item.account, Line::plain(4, format!("{}: ", item.subject)).then([item.why]));
                out.extend(folded(items.into_iter().map(said).collect()));
            }
        }
        out.extend([Line::plain(2, safe(&advice)), Line::empty()]);
    }
}

/// Of an account that could not be read, that each of its objects could not be is the same once more.
fn goes_without_saying(withheld: &Withheld, plan: &Plan) -> bool {
    let (account, cause) = match (&withheld.subject, &withheld.cause) {
        (Subject::Object(address) | Subject::Description(address), Cause::Unreadable(cause)) => (&address.account, cause),
        (Subject::Pruning { account, .. }, Cause::Unreadable(cause) | Cause::Incomplete(Some(cause))) => (account, cause),
        _ => return false,
    };
    let whole =
        |w: &Withheld| matches!((&w.subject, &w.cause), (Subject::Account { account: of, .. }, Cause::Unreadable(why)) if of == account && why == cause);
    plan.withheld.iter().any(whole)
}

pub(crate) fn summary(plan: &Plan) -> String {
    let replaced = plan.count(Action::Replace);
    if plan.is_empty() {
        let left = |withheld: &Withheld| matches!(withheld.cause, Cause::MarkGone { .. } | Cause::Owned(_));
        return if plan.is_blocked() {
            "No changes can be made: see what is withheld above.".to_owned()
        } else if plan.destroy && plan.withheld.iter().any(left) {
            "No changes. What has the manifests' mark is gone; what has not stays, see above.".to_owned()
        } else {
            "No changes. What is live is what the manifests say.".to_owned()
        };
    }
    let (add, change, destroy) = (plan.count(Action::Create) + replaced, plan.count(Action::Update), plan.count(Action::Delete) + replaced);
    format!("Plan: {add} to add, {change} to change, {destroy} to destroy.")
}

/// Says that what can be carried out waits for what can't.
pub(crate) fn held(plan: &Plan) -> Option<Line> {
    let count = plan.blocking().count();
    let text = format!("{} withheld: `apply` writes nothing of this unless `--partial` is given.", parts(count));
    (count > 0 && !plan.is_empty()).then(|| Line::new(Tone::Warning, 0, text))
}

fn parts(count: usize) -> String {
    if count == 1 { "1 part of what is asked for is".to_owned() } else { format!("{count} parts of what is asked for are") }
}

/// What keeps a plan from being carried out: in a line, and by name, a line each. The plan itself says why.
pub fn blocked(plan: &Plan) -> (String, String) {
    /// More are not read by anybody.
    const MOST: usize = 10;
    let count = plan.blocking().count();
    let mut names: Vec<String> = plan.blocking().take(MOST).map(|withheld| safe(&words::subject(&withheld.subject))).collect();
    if count > MOST {
        names.push(format!("and {} more", count - MOST));
    }
    (format!("{} withheld, and nothing was changed", parts(count)), names.join("\n"))
}

/// What it cost to read: account by account as long as that is a line.
fn calls<K: std::fmt::Display>(calls: &BTreeMap<K, u64>) -> Option<String> {
    /// Most accounts that are named.
    const ACCOUNTS_MOST: usize = 4;
    let total: u64 = calls.values().sum();
    let (least, most) = (calls.values().min()?, calls.values().max()?);
    let word = if total == 1 { "call" } else { "calls" };
    Some(if calls.len() > ACCOUNTS_MOST {
        let each = if least == most { most.to_string() } else { format!("{least} to {most}") };
        format!("Read with {total} {word} to {} accounts: {each} to each.", calls.len())
    } else {
        let each: Vec<String> = calls.iter().map(|(account, n)| format!("{n} to {account}")).collect();
        format!("Read with {total} {word}: {}.", each.join(", "))
    })
}

fn render_change(plan: &Plan, change: &Change, share: &Share, view: View, out: &mut Vec<Line>) {
    let symbol = symbol(change.action);
    out.push(Line::new(tone(change.action), 5 - symbol.len(), format!("{symbol} ")).then([safe(&change.address.short())]));
    let differs: Vec<String> =
        change.reasons.iter().filter_map(|r| if let Reason::Differs(part) = r { Some(safe(&words::part(part))) } else { None }).collect();
    if !differs.is_empty() {
        let head = if differs.len() == 1 { "this differs" } else { "these differ" };
        out.push(Line::plain(8, format!("because {head}: {}", differs.join(", "))));
    }
    let told = change.reasons.iter().filter(|r| !matches!(r, Reason::Differs(_)) && !is_plain(r, change.action, plan));
    out.extend(told.map(|reason| Line::plain(8, format!("because {}", because(reason, change.action)))));
    out.extend(change.consequences.iter().map(|c| Line::new(Tone::Warning, 8, "! ").then([safe(&words::consequence(c))])));
    out.extend(crate::diff::lines(&crate::diff::tree(change, share), view).into_iter().map(|line| line.within(8)));
}

/// Tells whether a reason says no more than the symbol does.
fn is_plain(reason: &Reason, action: Action, plan: &Plan) -> bool {
    match reason {
        Reason::Missing => action == Action::Create,
        Reason::Destroy => plan.destroy && action == Action::Delete,
        // It stands under a heading that says so.
        Reason::SinceBase => true,
        _ => false,
    }
}

pub(crate) fn because(reason: &Reason, action: Action) -> String {
    match reason {
        // A document that others write too is there, and holds nothing of ours.
        Reason::Missing if action == Action::Update => "none of our statements is in it".to_owned(),
        Reason::Missing => "it is declared and not there".to_owned(),
        Reason::NotInManifest => "no manifest of this run declares it any more".to_owned(),
        Reason::Destroy => "everything of this manifest is to be destroyed".to_owned(),
        Reason::Differs(part) => format!("{} differs", safe(&words::part(part))),
        Reason::ForeignPolicy(name) => format!("{} was put on it by somebody else", safe(name)),
        Reason::OrphanedPrincipal(id) => format!("it names {}, which no longer exists: whoever had that name has lost the access", safe(id)),
        Reason::Immutable(part) => format!("its {} can't be changed in place", safe(&words::part(part))),
        Reason::Adopted => "the manifest says to take it over".to_owned(),
        Reason::SinceBase => "the manifests say otherwise than they did".to_owned(),
        Reason::Withheld => "it is not as the manifests say, and withheld: `apply` leaves it as it is".to_owned(),
    }
}

/// The document with its external ids masked.
pub(crate) fn masked(document: &Document, view: View) -> Document {
    let mut out = document.clone();
    if !view.show_external_ids {
        for statement in &mut out.statements {
            for keys in statement.conditions.values_mut() {
                for (_, values) in keys.iter_mut().filter(|(k, _)| k.eq_ignore_ascii_case("sts:ExternalId")) {
                    for v in values.iter_mut() {
                        MASK.clone_into(v);
                    }
                }
            }
        }
    }
    out
}
