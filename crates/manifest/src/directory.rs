//! The accounts of an organization, as a committed file lists them, and which of them a manifest means.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{AccountId, Finding, Severity, Source, Span};
use crossrole_policy::glob;

use crate::decode::{self, Needed, Spanned, Table, did_you_mean, record};
use crate::raw::Trusting;
use crate::scalar::{Account, Region};

record! {
    /// The directory of accounts.
    File {
        /// Accounts, by a label of your choice.
        accounts: Option<Table<Listed>>,
    }
}

record! {
    /// One account.
    Listed {
        /// Account id, 12 digits in quotes.
        id: Needed<Account>,
        /// Path of its organizational unit, by the units' names, as in `Workloads/Prod`.
        ou: Option<String>,
        /// Region of its buckets.
        region: Option<Spanned<Region>>,
        /// Tags.
        tags: Option<Table<String>>,
        /// Files of service control policies, a list for each level from the root down, from the folder of this file.
        service_control: Option<Vec<Spanned<Vec<String>>>>,
        /// Files of resource control policies, the same.
        resource_control: Option<Vec<Spanned<Vec<String>>>>,
    }
}

/// An account that a manifest is filled in for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) id: AccountId,
    pub(crate) label: String,
    /// Without slashes at its ends.
    ou: String,
    pub(crate) region: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
}

impl At {
    /// An account of which nothing but its id is known.
    pub(crate) fn unlisted(id: &AccountId) -> Self {
        Self { label: id.to_string(), id: id.clone(), ou: String::new(), region: None, tags: BTreeMap::new() }
    }
}

/// An account as a directory lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAccount {
    /// Its label.
    pub label: String,
    /// Its id.
    pub id: AccountId,
    /// Region of its buckets, where one is said.
    pub region: Option<String>,
    /// Files of service control policies by level, from the folder of the directory.
    pub service_control: Vec<Vec<String>>,
    /// Files of resource control policies, the same.
    pub resource_control: Vec<Vec<String>>,
}

/// Reads what a directory lists, and says its mistakes; what has some is left out.
pub fn listed(source: &Source) -> (Vec<ListedAccount>, Vec<Finding>) {
    let mut findings = Vec::new();
    Directory::read(Some(source), &mut findings);
    let Some(file) = decode::decode_file::<File>(source, &mut Vec::new()) else { return (Vec::new(), findings) };
    let one = |(label, _, listed): (&String, Span, &Listed)| {
        let levels = |list: &Option<Vec<Spanned<Vec<String>>>>| list.iter().flatten().map(|level| level.value.clone()).collect();
        Some(ListedAccount {
            label: label.clone(),
            id: AccountId::parse(&listed.id.value.as_ref()?.0)?,
            region: listed.region.as_ref().map(|region| region.value.0.clone()),
            service_control: levels(&listed.service_control),
            resource_control: levels(&listed.resource_control),
        })
    };
    (file.accounts.iter().flat_map(Table::iter).filter_map(one).collect(), findings)
}

/// Tells whether a directory takes this value of a tag: none that is more than itself in a policy or a manifest.
pub fn is_tag_value(value: &str) -> bool {
    !value.contains(['*', '?', '$', '{', '}'])
}

/// All accounts that are listed.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    accounts: Vec<At>,
    file: Option<String>,
}

impl Directory {
    /// Reads the file; mistakes are reported, and what is mistaken is left out.
    pub(crate) fn read(source: Option<&Source>, findings: &mut Vec<Finding>) -> Self {
        let Some(source) = source else { return Self::default() };
        let mut directory = Self { accounts: Vec::new(), file: Some(source.file.clone()) };
        let Some(file) = decode::decode_file::<File>(source, findings) else { return directory };
        let mut seen: BTreeMap<AccountId, &String> = BTreeMap::new();
        for (label, key, listed) in file.accounts.iter().flat_map(Table::iter) {
            let mut error = |span: Span, message: String, advice: &str| findings.push(Finding::error(&source.file, Some(span), message, advice));
            if label == "trusting"
                || label.is_empty()
                || !label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
                || AccountId::parse(label).is_some()
            {
                error(
                    key,
                    format!("`{label}` can't be the label of an account"),
                    "`trusting` is taken; a label has letters, digits, `-`, `_` and `.`, and is no account id",
                );
            }
            let Some(id) = listed.id.value.as_ref().and_then(|id| AccountId::parse(&id.0)) else { continue };
            if let Some(other) = seen.insert(id.clone(), label) {
                error(listed.id.span, format!("account {id} is `{other}` already"), "list each account once");
            }
            for level in listed.service_control.iter().chain(&listed.resource_control).flatten().filter(|level| level.value.is_empty()) {
                let advice = "every level has one at least: AWS's own is `FullAWSAccess`, or `RCPFullAWSAccess`";
                error(level.span, "a level of control policies names none".to_owned(), advice);
            }
            let words = listed.tags.iter().flat_map(Table::iter).map(|(_, at, value)| (value, at));
            for (word, at) in words.filter(|(word, _)| !is_tag_value(word)) {
                error(at, format!("`{word}` has a character that is more than itself in a policy or a manifest"), "leave out `*`, `?`, `$` and braces");
            }
            let tags = listed.tags.iter().flat_map(Table::iter).map(|(key, _, value)| (key.clone(), value.clone())).collect();
            directory.accounts.push(At {
                id,
                label: label.clone(),
                ou: listed.ou.as_deref().unwrap_or_default().trim_matches('/').to_owned(),
                region: listed.region.as_ref().map(|region| region.value.0.clone()),
                tags,
            });
        }
        directory
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &At> {
        self.accounts.iter()
    }

    pub(crate) fn by_id(&self, id: &AccountId) -> Option<&At> {
        self.accounts.iter().find(|at| at.id == *id)
    }

    /// The accounts that `accounts` and `except` of a manifest mean, by id.
    pub(crate) fn selected(&self, source: &Source, trusting: &Trusting, findings: &mut Vec<Finding>) -> Vec<At> {
        let mut found: BTreeMap<AccountId, At> = BTreeMap::new();
        let mut warnings = Vec::new();
        let mut wrong = |span: Span, message: String, advice: String| findings.push(Finding::error(&source.file, Some(span), message, advice));
        for text in trusting.accounts.iter().flat_map(|list| &list.0) {
            match self.meant(&text.value) {
                Ok(accounts) => {
                    if let Some(at) = accounts.first().filter(|at| self.file.is_some() && self.by_id(&at.id).is_none()) {
                        let message = format!("account {} is not in {}", at.id, self.named());
                        let advice = "list it there: what a manifest leaves behind is looked for in listed accounts alone";
                        let mut unlisted = Finding::error(&source.file, Some(text.span), message, advice);
                        unlisted.severity = Severity::Warning;
                        warnings.push(unlisted);
                    }
                    found.extend(accounts.into_iter().map(|at| (at.id.clone(), at)));
                }
                Err((message, advice)) => wrong(text.span, message, advice),
            }
        }
        let mut spared: BTreeSet<AccountId> = BTreeSet::new();
        for text in trusting.except.iter().flat_map(|list| &list.0) {
            match self.meant(&text.value) {
                Ok(accounts) => {
                    if !accounts.iter().any(|at| found.contains_key(&at.id)) {
                        let advice = "no account that is selected is meant by it; correct it, or leave it out";
                        let mut idle = Finding::error(&source.file, Some(text.span), format!("`{}` leaves out nothing", text.value), advice);
                        idle.severity = Severity::Warning;
                        warnings.push(idle);
                    }
                    spared.extend(accounts.into_iter().map(|at| at.id));
                }
                Err((message, advice)) => wrong(text.span, message, advice),
            }
        }
        let any = !found.is_empty();
        found.retain(|id, _| !spared.contains(id));
        if let (true, true, Some(except)) = (any, found.is_empty(), &trusting.except) {
            let span = except.0.first().map_or(trusting.span, |first| first.span);
            wrong(
                span,
                "`except` leaves no account".to_owned(),
                "a manifest is of one account at least; `crossrole destroy` takes away what it made".to_owned(),
            );
        }
        findings.append(&mut warnings);
        found.into_values().collect()
    }

    /// The accounts that one selector means: an id, a label, `*`, `ou:PATTERN` or `tag:KEY=PATTERN`. One that means none is a
    /// mistake: it would look like an account that has nothing.
    fn meant(&self, text: &str) -> Result<Vec<At>, (String, String)> {
        let of = |matches: &dyn Fn(&At) -> bool| -> Vec<At> { self.accounts.iter().filter(|at| matches(at)).cloned().collect() };
        let found = if text == "*" {
            of(&|_| true)
        } else if let Some(pattern) = text.strip_prefix("ou:") {
            // An account stands in its unit as a file does in its folder: `Workloads/*` is what is in it, or below it.
            let pattern = pattern.trim_start_matches('/');
            if pattern.is_empty() {
                return Err((format!("`{text}` names no unit"), "write it as in `ou:Workloads/*`; `*` alone is every account".to_owned()));
            }
            of(&|at| glob::is_match(pattern.trim_end_matches('/'), &at.ou) || glob::is_match(pattern, &format!("{}/", at.ou)))
        } else if let Some(tag) = text.strip_prefix("tag:") {
            let Some((key, pattern)) = tag.split_once('=') else {
                return Err((format!("`{text}` does not say which value the tag has"), format!("write `tag:{tag}=VALUE`, where `*` stands for any text")));
            };
            of(&|at| at.tags.get(key).is_some_and(|value| glob::is_match(pattern, value)))
        } else if let Some(id) = AccountId::parse(text) {
            return Ok(vec![self.by_id(&id).cloned().unwrap_or_else(|| At::unlisted(&id))]);
        } else {
            let found = of(&|at| at.label == text);
            if found.is_empty() {
                let known = self.accounts.iter().map(|at| at.label.as_str());
                let advice = did_you_mean(text, known).unwrap_or_else(|| format!("write an id, a label of {}, `ou:…`, `tag:KEY=VALUE` or `*`", self.named()));
                return Err((format!("no account is labelled `{text}`"), advice));
            }
            found
        };
        if found.is_empty() {
            let units = self.accounts.iter().flat_map(|at| {
                let above = at.ou.match_indices('/').filter_map(|(end, _)| at.ou.get(..end));
                above.chain([at.ou.as_str()]).map(|unit| format!("{unit}/*"))
            });
            let known: BTreeSet<String> = units.collect();
            let meant = text.strip_prefix("ou:").and_then(|unit| did_you_mean(unit, known.iter().map(String::as_str)));
            let advice = meant.map_or_else(|| format!("no account of {} is meant by it", self.named()), |did| did.replacen('`', "`ou:", 1));
            return Err((format!("`{text}` selects no account"), advice));
        }
        Ok(found)
    }

    fn named(&self) -> String {
        match &self.file {
            Some(file) => format!("`{file}`"),
            None => "`accounts.toml` (which is not there, beside the settings)".to_owned(),
        }
    }
}
