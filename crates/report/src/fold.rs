//! What is the same in many accounts is said once, with its accounts.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{AccountId, Plan};

use crate::template::{Fills, Template};
use crate::{Line, Tone, View, safe};

/// So many equal things are one; fewer are easily read one by one.
pub(crate) const FROM: usize = 10;

/// Most things of one shape that are like no others, before the rest is said one by one: each costs a comparison with all others.
const UNLIKE_MOST: usize = 1_000;

/// Something said of one account.
pub(crate) struct Block {
    /// Which one it is, of those that it comes from.
    pub(crate) at: usize,
    pub(crate) account: AccountId,
    pub(crate) lines: Vec<Line>,
    /// The same with nothing masked: what differs only there differs. None: nothing is masked in it.
    pub(crate) whole: Option<Vec<Line>>,
}

/// What is said once of several accounts, with placeholders where they differ: filled in for one of them, it is what is said of that.
pub(crate) struct Folded {
    pub(crate) accounts: Vec<AccountId>,
    pub(crate) lines: Vec<Vec<Line>>,
    /// Which they are: of each of `lines`, those of all accounts.
    pub(crate) of: Vec<Vec<usize>>,
    /// Placeholders in `lines` that neither the accounts nor their labels tell.
    words: BTreeSet<String>,
}

/// Splits into what is the same in [`FROM`] accounts at least, by the accounts in which it is, and the rest, in its order.
pub(crate) fn fold(plan: &Plan, blocks: Vec<Block>) -> (Vec<Folded>, Vec<Block>) {
    let fills = fills(plan);
    let mut shapes: BTreeMap<Vec<(usize, Tone, usize)>, Vec<Said<'_>>> = BTreeMap::new();
    for (number, block) in blocks.iter().enumerate() {
        if let Some(said) = Said::of(number, block, &fills) {
            shapes.entry(said.shape()).or_default().push(said);
        }
    }
    let mut groups: Vec<Alike> = shapes.values().flat_map(|said| of_one_shape(said)).collect();
    groups.sort_by(|a, b| a.members.cmp(&b.members));
    let mut folded: Vec<(usize, Folded)> = Vec::new();
    let mut said: BTreeSet<usize> = BTreeSet::new();
    for Alike { members, lines, words } in groups {
        let accounts: Vec<AccountId> = members.iter().filter_map(|at| blocks.get(*at)).map(|block| block.account.clone()).collect();
        let of = members.iter().filter_map(|at| blocks.get(*at)).map(|block| block.at).collect();
        let first = members.first().copied().unwrap_or_default();
        said.extend(members);
        match folded.iter_mut().find(|(_, f)| f.accounts == accounts) {
            Some((_, one)) => {
                one.lines.push(lines);
                one.of.push(of);
                one.words.extend(words);
            }
            None => folded.push((first, Folded { accounts, lines: vec![lines], of: vec![of], words })),
        }
    }
    folded.sort_by_key(|(first, _)| *first);
    let rest = blocks.into_iter().enumerate().filter(|(at, _)| !said.contains(at)).map(|(_, block)| block).collect();
    (folded.into_iter().map(|(_, f)| f).collect(), rest)
}

/// What is said in one account, ready to be compared.
struct Said<'a> {
    number: usize,
    account: &'a AccountId,
    fills: &'a Fills,
    lines: Vec<Line>,
    whole: Vec<Line>,
}

/// Blocks that are the same, and how that is said.
struct Alike {
    members: Vec<usize>,
    lines: Vec<Line>,
    words: BTreeSet<String>,
}

impl<'a> Said<'a> {
    /// None where it says a placeholder itself: that is not the same as what stands for one.
    fn of(number: usize, block: &'a Block, fills: &'a BTreeMap<&AccountId, Fills>) -> Option<Self> {
        let texts = || block.lines.iter().chain(block.whole.iter().flatten()).map(Line::text);
        if texts().any(|text| Fills::is_said_in(&text)) {
            return None;
        }
        let neutral = |lines: &[Line]| -> Vec<Line> { lines.iter().map(|line| line.mapped(without_rights)).collect() };
        let (lines, whole) = (neutral(&block.lines), neutral(block.whole.as_ref().unwrap_or(&block.lines)));
        Some(Self { number, account: &block.account, fills: fills.get(&block.account)?, lines, whole })
    }

    /// What differs in more than texts is not the same.
    fn shape(&self) -> Vec<(usize, Tone, usize)> {
        self.whole.iter().map(Line::shape).collect()
    }
}

/// Groups of [`FROM`] at least that are the same but for what placeholders stand for.
fn of_one_shape(all: &[Said<'_>]) -> Vec<Alike> {
    let mut groups = Vec::new();
    if all.iter().map(|said| said.account).collect::<BTreeSet<_>>().len() < FROM {
        return groups;
    }
    let mut left: Vec<(&Said<'_>, [Vec<&str>; 2])> = all.iter().map(|said| (said, [texts(&said.whole), texts(&said.lines)])).collect();
    let mut unlike = 0;
    while left.len() >= FROM && unlike < UNLIKE_MOST {
        let (first, first_texts) = left.remove(0);
        let [mut whole, mut lines] = first_texts.map(|texts| Template::of(texts, first.fills));
        let mut accounts = BTreeSet::from([first.account]);
        let mut same: BTreeSet<usize> = BTreeSet::new();
        for (at, (other, [others_whole, others_lines])) in left.iter().enumerate() {
            if !accounts.contains(other.account) && whole.takes(others_whole, other.fills) && lines.takes(others_lines, other.fills) {
                accounts.insert(other.account);
                same.insert(at);
            }
        }
        // What one taught the template, those before it have to fit as well.
        let fits = |(other, [others_whole, others_lines]): &(&Said<'_>, [Vec<&str>; 2])| {
            whole.fits(others_whole, other.fills) && lines.fits(others_lines, other.fills)
        };
        same.retain(|at| left.get(*at).is_some_and(fits));
        if same.len() + 1 < FROM {
            unlike += 1;
            continue;
        }
        let members = std::iter::once(first.number).chain(same.iter().filter_map(|at| left.get(*at)).map(|(other, _)| other.number)).collect();
        groups.push(Alike { members, words: lines.words(), lines: with_texts(&first.lines, lines.texts()) });
        left = left.into_iter().enumerate().filter(|(at, _)| !same.contains(at)).map(|(_, other)| other).collect();
    }
    groups
}

fn texts(lines: &[Line]) -> Vec<&str> {
    lines.iter().flat_map(Line::texts).collect()
}

fn with_texts(lines: &[Line], texts: Vec<String>) -> Vec<Line> {
    let mut texts = texts.into_iter();
    // As many as there are, in their order.
    lines.iter().map(|line| line.filled(&mut texts)).collect()
}

/// Lines of which each speaks of one account, or of none in particular: those that are the same in many accounts in one each, which
/// stands where the first of them stood.
pub(crate) fn lines(plan: &Plan, lines: Vec<(Option<AccountId>, Line)>, whole: Option<&[Line]>) -> Vec<Line> {
    let block = |(at, (account, line)): (usize, &(Option<AccountId>, Line))| {
        let whole = whole.and_then(|whole| whole.get(at)).map(|line| vec![line.clone()]);
        Some(Block { at, account: account.clone()?, lines: vec![line.clone()], whole })
    };
    let (folded, _) = fold(plan, lines.iter().enumerate().filter_map(block).collect());
    let mut out: BTreeMap<usize, Line> = lines.into_iter().map(|(_, line)| line).enumerate().collect();
    for one in folded {
        let end = format!(", for {{account}} in each of {} accounts: ", one.accounts.len());
        let values = one.values(plan);
        for (line, of) in one.lines.into_iter().flatten().zip(one.of) {
            out.retain(|at, _| !of.contains(at));
            let line = line.then(crate::statement::list(&end, named(plan, &one.accounts))).then(values.clone());
            out.extend(of.first().map(|first| (*first, line)));
        }
    }
    out.into_values().collect()
}

impl Folded {
    /// `in each of 38 accounts: audit-01, audit-02, …; {region}: eu-west-1 (audit-01), …`
    pub(crate) fn heading(&self, plan: &Plan) -> Line {
        let head = format!("in each of {} accounts", self.accounts.len());
        Line::new(Tone::Heading, 0, head).then(crate::statement::list(": ", named(plan, &self.accounts))).then(self.values(plan))
    }

    /// What placeholders stand for, where neither the accounts nor their labels tell.
    fn values(&self, plan: &Plan) -> Vec<String> {
        let of_word = |word: &String| {
            let mut values: BTreeMap<String, Vec<AccountId>> = BTreeMap::new();
            for account in &self.accounts {
                if let Some(value) = plan.accounts.get(account).and_then(|info| info.fills.get(word)) {
                    values.entry(safe(value)).or_default().push(account.clone());
                }
            }
            let each = values.into_iter().map(|(value, accounts)| format!("{value} ({})", named(plan, &accounts).join(" "))).collect();
            crate::statement::list(&format!("; {{{}}}: ", safe(word)), each)
        };
        self.words.iter().filter(|word| !matches!(word.as_str(), Fills::ACCOUNT | Fills::LABEL)).flat_map(of_word).collect()
    }
}

/// Changes that are the same in many accounts, by their numbers.
pub(crate) fn alike(plan: &Plan) -> Vec<Vec<usize>> {
    let (folded, _) = fold(plan, crate::text::blocks(plan, View { show_external_ids: true, ..View::default() }));
    folded.into_iter().flat_map(|one| one.of).collect()
}

/// What placeholders stand for in each account.
fn fills(plan: &Plan) -> BTreeMap<&AccountId, Fills> {
    let labels = labels(plan);
    let of = |(id, info): (&'_ AccountId, &crossrole_model::desired::AccountInfo)| {
        let own = info.fills.iter().map(|(word, value)| (safe(word), safe(value)));
        Fills::new(id.as_str(), labels.get(id).map(|label| safe(label)), own)
    };
    plan.accounts.iter().map(|(id, info)| (id, of((id, info)))).collect()
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
