//! One file to the manifests that it stands for: one for each account that it is of.

use std::collections::BTreeSet;

use crossrole_model::{AccountId, Finding, Source};

use crate::decode::{Decode, Decoder, parsed};
use crate::directory::{At, Directory};
use crate::fill::Filler;
use crate::raw::Manifest;

/// The region where neither the manifest nor the directory says one.
pub(crate) const REGION: &str = "us-east-1";

/// Most messages about one place of a manifest that is of several accounts; a reader who has seen these has seen all.
const SAID_MOST: usize = 3;

/// A manifest as one account has it.
pub(crate) struct Raw<'s> {
    pub(crate) source: &'s Source,
    pub(crate) manifest: Manifest,
    /// The account, where the manifest is of several.
    pub(crate) at: Option<At>,
    /// The first of its file, and the last.
    pub(crate) first: bool,
    pub(crate) last: bool,
}

/// The manifests of one file; none where too little of it can be read.
pub(crate) fn manifests<'s>(source: &'s Source, directory: &Directory, findings: &mut Vec<Finding>) -> Vec<Raw<'s>> {
    let Some(value) = parsed(source, findings) else { return Vec::new() };
    // Which accounts it is of is said in it; its mistakes are found when it is filled in.
    let mut later = Vec::new();
    let written = Manifest::decode(&value, &mut Decoder { file: &source.file, findings: &mut later });
    let trusting = written.as_ref().and_then(|manifest| manifest.trusting.value.as_ref());
    let several = trusting.is_some_and(|t| t.has("accounts"));
    let mut accounts: Vec<Option<At>> = match trusting.filter(|_| several) {
        Some(trusting) => {
            if let Some(account) = &trusting.account {
                let advice = "keep `account` for one, or `accounts` for several";
                findings.push(Finding::error(&source.file, Some(account.span), "this manifest says both `account` and `accounts`", advice));
            }
            directory.selected(source, trusting, findings).into_iter().map(Some).collect()
        }
        None => {
            if let Some(except) = trusting.and_then(|t| t.except.as_ref()).and_then(|list| list.0.first()) {
                findings.push(Finding::error(&source.file, Some(except.span), "`except` goes with `accounts`", "leave it out, or say `accounts`"));
            }
            Vec::new()
        }
    };
    if accounts.is_empty() {
        accounts.push(None);
    }
    let region = trusting.and_then(|t| t.region.as_ref()).map(|region| region.value.0.clone());
    let lone = trusting.and_then(|t| t.account.as_ref()).and_then(|id| AccountId::parse(&id.value.0)).filter(|_| !several);
    let last = accounts.len() - 1;
    let mut out = Vec::new();
    for (index, at) in accounts.into_iter().enumerate() {
        let filler = |at: &At, listed: bool, findings: &mut Vec<Finding>| {
            let region = region.as_deref().or(at.region.as_deref());
            Filler { source, at, region, listed, strict: several }.manifest(&value, findings)
        };
        let before = findings.len();
        let filled = match (&at, &lone) {
            (Some(at), _) => filler(at, true, findings),
            (None, Some(id)) if source.text.contains('{') => match directory.by_id(id) {
                Some(at) => filler(at, true, findings),
                None => filler(&At::unlisted(id), false, findings),
            },
            // No account was selected, which is the mistake: what stands in the place of placeholders is none.
            (None, _) if several => {
                let nobody = At::unlisted(&AccountId::nobody());
                Filler { source, at: &nobody, region: None, listed: false, strict: true }.manifest(&value, &mut Vec::new())
            }
            (None, _) => value.clone(),
        };
        // What could not be filled in is the mistake, and not what stands in its place.
        let (mut later, unfilled) = (Vec::new(), findings.len() > before);
        let into = if unfilled { &mut later } else { &mut *findings };
        if let Some(manifest) = Manifest::decode(&filled, &mut Decoder { file: &source.file, findings: into }) {
            out.push(Raw { source, manifest, at, first: index == 0, last: index == last });
        }
    }
    out
}

/// The manifests of one file as the accounts would have them that it is not of: what it may have left there. Mistakes in them are
/// nobody's.
pub(crate) fn left<'s>(source: &'s Source, directory: &Directory, of: &[Raw<'_>]) -> Vec<Raw<'s>> {
    let mut nobodys = Vec::new();
    let Some(value) = parsed(source, &mut nobodys).filter(|_| of.iter().any(|raw| raw.at.is_some())) else { return Vec::new() };
    let stated = of.first().and_then(|raw| raw.manifest.trusting.value.as_ref()).and_then(|t| t.region.as_ref()).map(|r| r.value.0.clone());
    let selected: BTreeSet<&AccountId> = of.iter().filter_map(|raw| raw.at.as_ref()).map(|at| &at.id).collect();
    let others = directory.iter().filter(|at| !selected.contains(&at.id));
    let raw = |at: &At| {
        // What is looked for may have been made while such an account was taken to be in this one.
        let region = stated.as_deref().or(at.region.as_deref()).or(Some(REGION));
        let mut nobodys = Vec::new();
        let filled = Filler { source, at, region, listed: true, strict: false }.manifest(&value, &mut nobodys);
        if !nobodys.is_empty() {
            // It could not have been of that account.
            return None;
        }
        let manifest = Manifest::decode(&filled, &mut Decoder { file: &source.file, findings: &mut nobodys })?;
        Some(Raw { source, manifest, at: Some(at.clone()), first: false, last: false })
    };
    others.filter_map(raw).collect()
}

/// Says a few of the mistakes that one place has in many accounts, and how many more there are. `findings` are sorted.
pub(crate) fn fold(findings: Vec<Finding>) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::with_capacity(findings.len());
    let mut more = 0_usize;
    let mut rest = findings.into_iter().peekable();
    let mut same = 0_usize;
    while let Some(finding) = rest.next() {
        let here = |other: &Finding| (&other.file, other.span, other.severity) == (&finding.file, finding.span, finding.severity);
        let goes_on = rest.peek().is_some_and(here);
        same += 1;
        if same <= SAID_MOST {
            out.push(finding.clone());
        } else {
            more += 1;
        }
        if !goes_on {
            if more > 0 {
                let mut last = finding.clone();
                last.message = format!("the same, or much the same, {more} more times at this place");
                "correct it, and look again".clone_into(&mut last.advice);
                out.push(last);
            }
            (same, more) = (0, 0);
        }
    }
    out
}
