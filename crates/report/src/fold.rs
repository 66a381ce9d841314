//! What is the same in many accounts is said once, with its accounts.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{AccountId, Plan};

use crate::{Line, Tone, View, safe};

/// So many equal things are one; fewer are easily read one by one.
pub(crate) const FROM: usize = 10;

/// Something said of one account, and the same without its account.
pub(crate) struct Block {
    /// Which one it is, of those that it comes from.
    pub(crate) at: usize,
    pub(crate) account: AccountId,
    pub(crate) lines: Vec<Line>,
    /// The same with nothing masked: what differs only there differs. None: nothing is masked in it.
    pub(crate) whole: Option<Vec<Line>>,
}

/// What is said once of several accounts, with `{account}` and `{label}` where they differ.
pub(crate) struct Folded {
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) lines: Vec<Vec<Line>>,
    /// Which they are: of each of `lines`, those of all accounts.
    pub(crate) of: Vec<Vec<usize>>,
}

/// Splits into what is the same in [`FROM`] accounts at least, by the accounts in which it is, and the rest, in its order.
pub(crate) fn fold(plan: &Plan, blocks: Vec<Block>) -> (Vec<Folded>, Vec<Block>) {
    let mut same: BTreeMap<Vec<String>, Vec<usize>> = BTreeMap::new();
    let labels = labels(plan);
    let alone = |block: &Block, lines: &[Line]| -> Vec<Line> {
        let label = labels.get(&block.account).map(|label| safe(label));
        lines.iter().map(|line| without(&block.account, label.as_deref(), line)).collect()
    };
    let neutral: Vec<Vec<Line>> = blocks.iter().map(|block| alone(block, &block.lines)).collect();
    let whole: Vec<Vec<Line>> = blocks.iter().map(|block| alone(block, block.whole.as_ref().unwrap_or(&block.lines))).collect();
    // What says `{account}` itself is not the same as what stands for one.
    let literal = |block: &Block| {
        block.lines.iter().chain(block.whole.iter().flatten()).any(|line| ["{account}", "{label}"].iter().any(|word| line.text().contains(word)))
    };
    for (index, lines) in whole.iter().enumerate().filter(|(index, _)| blocks.get(*index).is_some_and(|block| !literal(block))) {
        same.entry(lines.iter().map(Line::text).collect()).or_default().push(index);
    }
    let mut folded: Vec<(usize, Folded)> = Vec::new();
    let mut said: BTreeSet<usize> = BTreeSet::new();
    let mut groups: Vec<Vec<usize>> = same.into_values().collect();
    groups.sort();
    for group in groups {
        let accounts: Vec<AccountId> = group.iter().filter_map(|at| blocks.get(*at)).map(|block| block.account.clone()).collect();
        let distinct = accounts.iter().collect::<BTreeSet<_>>().len();
        let Some((first, lines)) = group.first().and_then(|at| Some((*at, neutral.get(*at)?.clone()))) else { continue };
        if distinct < FROM || distinct < accounts.len() {
            continue;
        }
        let of = group.iter().filter_map(|at| blocks.get(*at)).map(|block| block.at).collect();
        said.extend(group);
        match folded.iter_mut().find(|(_, f)| f.accounts == accounts) {
            Some((_, one)) => {
                one.lines.push(lines);
                one.of.push(of);
            }
            None => folded.push((first, Folded { accounts, lines: vec![lines], of: vec![of] })),
        }
    }
    folded.sort_by_key(|(first, _)| *first);
    let rest = blocks.into_iter().enumerate().filter(|(at, _)| !said.contains(at)).map(|(_, block)| block).collect();
    (folded.into_iter().map(|(_, f)| f).collect(), rest)
}

/// Changes that are the same in many accounts, by their numbers.
pub(crate) fn alike(plan: &Plan) -> Vec<Vec<usize>> {
    let (folded, _) = fold(plan, crate::text::blocks(plan, View { show_external_ids: true, ..View::default() }));
    folded.into_iter().flat_map(|one| one.of).collect()
}

/// `in each of 38 accounts: audit-01, audit-02, …`
pub(crate) fn heading(plan: &Plan, accounts: &[AccountId]) -> Line {
    Line::new(Tone::Heading, 0, format!("in each of {} accounts", accounts.len())).then(crate::statement::list(": ", named(plan, accounts)))
}

/// The accounts by their labels.
pub(crate) fn named(plan: &Plan, accounts: &[AccountId]) -> Vec<String> {
    let labels = labels(plan);
    accounts.iter().map(|id| labels.get(id).map_or_else(|| id.to_string(), |label| safe(label))).collect()
}

/// The accounts that a text speaks of and that have roles and buckets; one that is of one of them alone can be of any.
pub(crate) fn spoken_of(plan: &Plan, text: &str) -> Option<AccountId> {
    let ids = text.split(|c: char| !c.is_ascii_digit()).filter_map(AccountId::parse);
    let found: BTreeSet<AccountId> = ids.filter(|id| plan.accounts.get(id).is_some_and(|info| info.trusting)).collect();
    if found.len() == 1 { found.into_iter().next() } else { None }
}

/// The labels that tell accounts from all others.
fn labels(plan: &Plan) -> BTreeMap<&AccountId, &str> {
    let mut all: BTreeMap<&str, Vec<&AccountId>> = BTreeMap::new();
    for (id, info) in &plan.accounts {
        all.entry(&info.label).or_default().push(id);
    }
    all.into_iter().filter(|(label, ids)| *label != "trusting" && ids.len() == 1).flat_map(|(label, ids)| ids.into_iter().map(move |id| (id, label))).collect()
}

fn without(account: &AccountId, label: Option<&str>, line: &Line) -> Line {
    /// A shorter label is too likely to be part of another word.
    const LABEL_LEAST: usize = 3;
    let label = label.filter(|label| label.len() >= LABEL_LEAST && *label != account.as_str());
    line.mapped(|text| {
        let text = without_rights(&text.replace(account.as_str(), "{account}"));
        match &label {
            Some(label) => text.replace(label, "{label}"),
            None => text,
        }
    })
}

/// The Sids of our statements end with a hash of what they grant, which is another in every account.
fn without_rights(text: &str) -> String {
    /// Hexadecimal digits: the manifest's, which are the same everywhere, and those of the rights.
    const MANIFEST: usize = 8;
    const RIGHTS: usize = 16;
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("Crossrole") {
        let head = at + "Crossrole".len() + MANIFEST;
        let sid = rest.get(at + "Crossrole".len()..head + RIGHTS).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let (said, after) = match sid {
            Some(_) => (format!("{}…", rest.get(..head).unwrap_or_default()), head + RIGHTS),
            None => (rest.get(..at + 1).unwrap_or_default().to_owned(), at + 1),
        };
        out.push_str(&said);
        rest = rest.get(after..).unwrap_or_default();
    }
    out + rest
}

/// ARNs that are the same but for their accounts, in one text; the others as they are. `name`: how one is said.
pub(crate) fn arns(list: &[String], name: impl Fn(&str) -> String) -> Vec<String> {
    let neutral = |text: &String| {
        let account = crossrole_policy::Arn::parse(text).map(|arn| arn.account.to_owned()).filter(|id| AccountId::parse(id).is_some())?;
        Some((text.replacen(&format!(":{account}:"), ":{account}:", 1), account))
    };
    let each: Vec<(Option<(String, String)>, &str)> = list.iter().map(|text| (neutral(text), text.as_str())).collect();
    joined(&each, name)
}

/// Parties that are the same but for their accounts, each with its account.
pub(crate) fn parties(list: &[(String, Option<&str>)]) -> Vec<String> {
    let neutral = |(text, account): &(String, Option<&str>)| account.map(|account| (text.replacen(account, "{account}", 1), account.to_owned()));
    let each: Vec<(Option<(String, String)>, &str)> = list.iter().map(|party| (neutral(party), party.0.as_str())).collect();
    joined(&each, str::to_owned)
}

/// Texts, each without its account and that; what is the same [`FROM`] times at least stands where the first of it stood.
fn joined(each: &[(Option<(String, String)>, &str)], name: impl Fn(&str) -> String) -> Vec<String> {
    let mut same: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (neutral, account) in each.iter().filter_map(|(one, _)| one.as_ref()) {
        same.entry(neutral).or_default().push(account);
    }
    same.retain(|_, accounts| accounts.len() >= FROM);
    let mut said: BTreeSet<&str> = BTreeSet::new();
    let mut out = Vec::new();
    for (neutral, text) in each {
        match neutral.as_ref().and_then(|(whole, _)| Some((whole.as_str(), same.get(whole.as_str())?))) {
            None => out.push(name(text)),
            Some((whole, accounts)) if said.insert(whole) => {
                out.push(format!("{} for each {{account}} of {}: {}", name(whole), accounts.len(), accounts.join(" ")));
            }
            Some(_) => {}
        }
    }
    out
}
