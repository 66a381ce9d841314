//! What looks wrong: lint rules over the documents of manifests and over those that are live.
//!
//! One rule is one file under `rules`, and all of them stand in one [registry](rules::ALL); the reference page is made from
//! it. A rule says what it saw and where; severity, reasons and advice are the rule's own. Structure (missing elements,
//! unknown operators, malformed ARNs, sizes) is the manifest loader's business, not lint's.

mod attached;
pub mod guardrails;
pub(crate) mod look;
pub mod rules;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::{Estate, Objects};
use crossrole_model::desired::{DesiredState, DocumentRef, Place, StatementRef};
use crossrole_model::{AccountId, Address, Desired, Finding, Kind, Observed, Severity, Span, ownership};
use crossrole_policy::{Document, Statement};

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Its name, as findings and suppressions say it.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it finds.
    pub what: &'static str,
    /// Why that is bad.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// A part of a manifest that breaks it; empty where none can, and only live policies of others do.
    pub bad: &'static str,
    /// The same part, just not breaking it.
    pub good: &'static str,
    pub(crate) check: fn(&Lint<'_>, &mut Hits<'_>),
}

/// What goes before the examples of rules to make whole manifests of them.
pub const PRELUDE: &str = r#"name = "example"

[trusting]
account = "222222222222"

[trusted.dev]
account = "111111111111"

[trusted.partner]
account = "444444444444"
manage = false
"#;

/// What a document is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    Trust,
    Identity,
    Bucket,
    Key,
}

/// A document under the rules.
#[derive(Debug)]
pub(crate) struct Doc {
    pub(crate) address: Address,
    pub(crate) used: Use,
    /// Which of the object's documents it is.
    part: DocumentRef,
    pub(crate) document: Document,
    /// In words: `trust policy of role Reader`.
    pub(crate) place: String,
    /// Somebody else's statements, as they are live.
    pub(crate) live: bool,
}

/// Everything that rules look at.
#[derive(Debug)]
pub(crate) struct Lint<'a> {
    pub(crate) desired: &'a Desired,
    pub(crate) docs: Vec<Doc>,
    /// Policies of AWS's own on roles, as far as they are known. How those are written is AWS's affair.
    attached: Vec<Doc>,
    /// The policies of each role of which nothing is known here.
    pub(crate) unknown: BTreeMap<Address, Vec<String>>,
    /// What is live was read as well.
    pub(crate) live: bool,
    pub(crate) estate: Estate,
    /// ARNs of declared roles, by account and name.
    roles: BTreeMap<(String, String), String>,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// What rules find.
pub(crate) struct Hits<'a> {
    rule: &'static Rule,
    desired: &'a Desired,
    found: &'a mut Vec<Hit>,
}

struct Hit {
    rule: &'static Rule,
    /// `None`: not of one object.
    address: Option<Address>,
    /// Where it is shown, then where else a suppression may stand.
    places: Vec<Place>,
    message: String,
}

impl Hits<'_> {
    /// A statement of a document: one of its own, not a copy.
    pub(crate) fn at(&mut self, doc: &Doc, statement: &Statement, message: impl Into<String>) {
        self.hit(doc, statement, None, &message.into());
    }

    /// A principal of a statement.
    pub(crate) fn of(&mut self, doc: &Doc, statement: &Statement, principal: &str, message: impl Into<String>) {
        self.hit(doc, statement, Some(principal), &message.into());
    }

    fn hit(&mut self, doc: &Doc, statement: &Statement, principal: Option<&str>, message: &str) {
        // What it says does not tell which it is: the same may be said twice.
        let index = match doc.part {
            DocumentRef::Attached(_) => Some(0),
            _ => doc.document.statements.iter().position(|s| std::ptr::eq(s, statement)).filter(|_| !doc.live),
        };
        let at = index.map(|index| StatementRef { address: doc.address.clone(), document: doc.part.clone(), index });
        let known = at.and_then(|at| self.desired.origin(&at, principal)).cloned();
        let places = known.map_or_else(|| self.declared(&doc.address), |place| vec![place]);
        let whose = if doc.live { " (live, not ours)" } else { "" };
        let message = format!("{}{whose}: {message}", doc.place);
        self.found.push(Hit { rule: self.rule, address: Some(doc.address.clone()), places, message });
    }

    /// A whole object.
    pub(crate) fn object(&mut self, address: &Address, message: impl Into<String>) {
        let places = self.declared(address);
        self.found.push(Hit { rule: self.rule, address: Some(address.clone()), places, message: format!("{}: {}", address.short(), message.into()) });
    }

    /// An account, wherever it is named.
    pub(crate) fn account(&mut self, id: &AccountId, message: impl Into<String>) {
        let message = message.into();
        for place in self.desired.account_places.get(id).into_iter().flatten() {
            self.found.push(Hit { rule: self.rule, address: None, places: vec![place.clone()], message: message.clone() });
        }
    }

    fn declared(&self, address: &Address) -> Vec<Place> {
        let bucket = Address { kind: Kind::Bucket, ..address.clone() };
        [address, &bucket].into_iter().find_map(|a| self.desired.places.get(a)).cloned().unwrap_or_default()
    }
}

impl<'a> Lint<'a> {
    fn new(desired: &'a Desired, observed: Option<&Observed>, now: i64) -> Self {
        let mut docs = Vec::new();
        let (mut attached, mut unknown) = (Vec::new(), BTreeMap::new());
        for (address, object) in &desired.objects {
            let mut add = |used: Use, part: DocumentRef, document: &Document, place: String| {
                docs.push(Doc { address: address.clone(), used, part, document: document.clone(), place, live: false });
            };
            match &object.state {
                DesiredState::Role { state, .. } => {
                    add(Use::Trust, DocumentRef::Trust, &state.trust, format!("trust policy of {}", address.short()));
                    for (name, document) in &state.inline {
                        add(Use::Identity, DocumentRef::Inline(name.clone()), document, format!("inline policy {name} of {}", address.short()));
                    }
                    let (known, others) = attached::of(desired, address, state);
                    attached.extend(known);
                    unknown.extend((!others.is_empty()).then(|| (address.clone(), others)));
                }
                DesiredState::Policy(state) => add(Use::Identity, DocumentRef::Policy, &state.document, address.short()),
                DesiredState::Caller { principal, statements } => {
                    add(Use::Identity, DocumentRef::Policy, &Document::new(statements.clone()), format!("permissions of {principal}"));
                }
                DesiredState::PermissionSet { statements, .. } => {
                    add(Use::Identity, DocumentRef::Policy, &Document::new(statements.clone()), format!("permissions of permission set {}", address.name));
                }
                DesiredState::BucketPolicy { statements, .. } => {
                    add(Use::Bucket, DocumentRef::Policy, &Document::new(statements.clone()), format!("policy of bucket {}", address.name));
                }
                DesiredState::KeyPolicy { grants, .. } => {
                    let document = Document::new(grants.iter().map(|g| g.statement.clone()).collect());
                    add(Use::Key, DocumentRef::Policy, &document, format!("policy of key {}", address.name));
                }
                DesiredState::User(_)
                | DesiredState::Group { .. }
                | DesiredState::Membership(_)
                | DesiredState::OidcProvider(_)
                | DesiredState::SamlProvider(_)
                | DesiredState::Key(_)
                | DesiredState::Bucket(_) => {}
            }
        }
        let prefixes: Vec<String> = ownership::sid_marks(&desired.manifests).into_keys().collect();
        for (name, bucket) in observed.iter().flat_map(|o| &o.buckets) {
            let policy = bucket.known().and_then(Option::as_ref).and_then(|b| b.policy.known()).and_then(|p| p.document.as_ref());
            let account = observed.and_then(|o| o.bucket_accounts.get(name));
            let (Some(document), Some(account)) = (policy, account) else { continue };
            let mut foreign = document.clone();
            foreign.statements.retain(|s| !prefixes.iter().any(|p| s.sid().starts_with(p.as_str())));
            let address = Address::new(account, Kind::BucketPolicy, name);
            let place = format!("policy of bucket {name}");
            docs.push(Doc { address, used: Use::Bucket, part: DocumentRef::Policy, document: foreign, place, live: true });
        }
        let estate = Objects::desired(desired).estate();
        let roles = estate.roles.iter().map(|(arn, g)| ((g.account.clone(), arn.rsplit('/').next().unwrap_or(arn).to_owned()), arn.clone())).collect();
        Self { desired, docs, attached, unknown, live: observed.is_some(), estate, roles, now }
    }

    /// The ARN of the role that a document belongs to.
    pub(crate) fn role_arn(&self, doc: &Doc) -> Option<&String> {
        self.roles.get(&(doc.address.account.to_string(), doc.address.name.clone()))
    }

    /// The same, and those of AWS's own policies on roles: for what is allowed, and not for how it is written.
    pub(crate) fn granted(&self) -> impl Iterator<Item = (&Doc, &Statement)> {
        self.docs.iter().chain(&self.attached).flat_map(|doc| doc.document.statements.iter().map(move |s| (doc, s)))
    }

    /// Every statement with its document.
    pub(crate) fn statements(&self) -> impl Iterator<Item = (&Doc, &Statement)> {
        self.docs.iter().flat_map(|doc| doc.document.statements.iter().map(move |s| (doc, s)))
    }
}

/// What the rules found, and what suppressions kept back.
#[derive(Debug, Clone, Default)]
pub struct Linted {
    /// Findings, sorted by file and place.
    pub findings: Vec<Finding>,
    /// Findings that a manifest says are known, each with the reason.
    pub suppressed: Vec<(Finding, String)>,
}

/// What a rule finds at one place in the same words, but for the account, is said once, with how often it is so: a manifest of many
/// accounts says a thing once.
fn once(findings: Vec<Finding>, desired: &Desired) -> Vec<Finding> {
    let trusting = || desired.accounts.iter().filter(|(_, info)| info.trusting);
    let ids: BTreeSet<&str> = trusting().map(|(id, _)| id.as_str()).collect();
    let labels: BTreeSet<&str> = trusting().map(|(_, info)| info.label.as_str()).collect();
    // Words as they stand between what no label has.
    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let neutral = |message: &str| {
        let words = message.split_inclusive(|c: char| !is_word(c)).map(|piece| {
            let word = piece.trim_end_matches(|c: char| !is_word(c));
            let rest = piece.get(word.len()..).unwrap_or_default();
            let spoken = word.split('-').any(|part| ids.contains(part)) || labels.contains(word);
            if spoken { format!("{{account}}{rest}") } else { piece.to_owned() }
        });
        words.collect::<String>()
    };
    let mut at: BTreeMap<(String, Option<Span>, Option<String>, String), usize> = BTreeMap::new();
    let mut out: Vec<(Finding, usize)> = Vec::new();
    for finding in findings {
        let place = (finding.file.clone(), finding.span, finding.rule.clone(), neutral(&finding.message));
        match at.get(&place).and_then(|index| out.get_mut(*index)) {
            Some((_, more)) if finding.span.is_some() && finding.rule.is_some() => *more += 1,
            _ => {
                at.insert(place, out.len());
                out.push((finding, 0));
            }
        }
    }
    let said = |(mut finding, more): (Finding, usize)| {
        if more > 0 {
            finding.message = format!("{} (and the same in {more} more)", finding.message);
        }
        finding
    };
    out.into_iter().map(said).collect()
}

/// Applies all rules. `observed`: also to what others have put into the buckets' policies. `now`: seconds since 1970.
pub fn lint(desired: &Desired, observed: Option<&Observed>, now: i64) -> Linted {
    let lint = Lint::new(desired, observed, now);
    let mut found = Vec::new();
    for rule in rules::ALL {
        (rule.check)(&lint, &mut Hits { rule, desired, found: &mut found });
    }
    let mut linted = Linted::default();
    let mut used = vec![false; desired.suppressions.len()];
    for hit in found {
        let finding = finding(&hit, desired);
        let mut suppressions = desired.suppressions.iter().enumerate();
        let here = |file: &str| finding.file == file || hit.places.iter().any(|p| p.file == file);
        let by = suppressions
            .find(|(_, s)| s.rule == hit.rule.id && here(&s.place.file) && s.object.as_ref().is_none_or(|o| hit.address.as_ref().is_some_and(|a| names(o, a))));
        match by {
            Some((at, suppression)) => {
                if let Some(slot) = used.get_mut(at) {
                    *slot = true;
                }
                linted.suppressed.push((finding, suppression.reason.clone()));
            }
            None => linted.findings.push(finding),
        }
    }
    // One that is filled in for many accounts is used where any of them breaks the rule.
    let used: BTreeSet<(&Place, &str)> = desired.suppressions.iter().zip(&used).filter(|(_, used)| **used).map(|(s, _)| (&s.place, s.rule.as_str())).collect();
    for suppression in &desired.suppressions {
        let used = used.contains(&(&suppression.place, suppression.rule.as_str()));
        let (message, advice) = if rules::ALL.iter().all(|r| r.id != suppression.rule) {
            (format!("no rule is named `{}`", suppression.rule), "see docs/lint.md for the rules")
        } else if used {
            continue;
        } else {
            (format!("nothing breaks `{}` here any more", suppression.rule), "take the suppression out")
        };
        let mut finding = Finding::error(&suppression.place.file, Some(suppression.place.span), message, advice);
        finding.severity = Severity::Warning;
        linted.findings.push(finding);
    }
    linted.findings.sort();
    linted.findings.dedup();
    if desired.accounts.values().filter(|info| info.trusting).count() > 1 {
        linted.findings = once(linted.findings, desired);
    }
    linted.suppressed.sort();
    linted.suppressed.dedup();
    linted
}

/// `role/Name`, `bucket/name` (its policy too), or `account/kind/Name`.
fn names(text: &str, address: &Address) -> bool {
    let kind = if address.kind == Kind::BucketPolicy { Kind::Bucket } else { address.kind };
    text == format!("{}/{}", kind.as_str(), address.name) || text == format!("{}/{}", address.kind.as_str(), address.name) || text == address.to_string()
}

fn finding(hit: &Hit, desired: &Desired) -> Finding {
    let file = desired.manifests.first().map(|m| m.file.clone()).unwrap_or_default();
    let (file, span) = match hit.places.first() {
        Some(place) => (place.file.clone(), Some(place.span)),
        None => (file, None),
    };
    let mut finding = Finding::error(&file, span, hit.message.clone(), hit.rule.fix);
    finding.severity = hit.rule.severity;
    finding.rule = Some(hit.rule.id.to_owned());
    finding
}
