//! Raw types to desired objects. Every ARN is computed here, so that a plan never has to say "known after apply".

mod accounts;
mod bucket;
mod caller;
mod grant;
mod key;
mod made_key;
mod principal;
mod provider;
mod renamed;
mod revoked;
mod role;
mod session;
mod statement;
mod trusted;
mod twice;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::{AccountInfo, DesiredState, DocumentRef, ManifestRef, Origin, Place, StatementRef, Suppression};
use crossrole_model::state::{PolicyState, Tags};
use crossrole_model::{AccountId, Address, Desired, DesiredObject, Digest, Finding, KeyRef, Kind, Partition, Severity, Source, Span, limits, ownership};
use crossrole_policy::{Document, Statement};
use statement::Holders;

use crate::Surroundings;
use crate::decode::Table;
use crate::directory::{At, Directory};
use crate::expand::{REGION, Raw};
use crate::raw::Manifest;
use crate::scalar::{Account, Complaint, Path, check_bucket_name, check_iam_name, check_tag};

/// Resolves all manifests into the objects of one estate.
pub(crate) fn resolve(raws: &[Raw<'_>], left: &[Raw<'_>], surroundings: &Surroundings, directory: &Directory, findings: &mut Vec<Finding>) -> Desired {
    let mut run =
        Run { desired: Desired { quotas: surroundings.quotas, identity_center: surroundings.identity_center.clone(), ..Desired::default() }, ..Run::default() };
    // What grants of every manifest need is known first: which accounts are managed, and which buckets have which keys.
    for raw in raws {
        Builder::new(&mut run, raw, surroundings, directory, findings).ground();
    }
    for raw in raws {
        let mut builder = Builder::new(&mut run, raw, surroundings, directory, findings);
        builder.manifest();
        if raw.last {
            builder.shared();
        }
    }
    if raws.iter().any(|raw| raw.at.is_some()) {
        // What a manifest has made in an account that it is of no longer is found there, and nowhere else.
        let unmanaged = |at: &&At| [at.id.as_str(), &at.label].iter().any(|name| surroundings.unmanaged.contains(*name));
        for at in directory.iter().filter(|at| !unmanaged(at)) {
            let info = AccountInfo { label: at.label.clone(), trusting: false, managed: true, left: true, fills: BTreeMap::new() };
            run.desired.accounts.entry(at.id.clone()).or_insert(info);
        }
    }
    if let Some(at) = &run.desired.identity_center {
        let info = AccountInfo { label: "identity-center".to_owned(), trusting: false, managed: false, left: false, fills: BTreeMap::new() };
        run.desired.accounts.entry(at.account.clone()).or_insert(info);
    }
    let said = tags_said(raws.iter().map(|raw| raw.source.text.as_str()));
    for at in directory.iter() {
        let tags = at.tags.iter().map(|(key, value)| (format!("tag:{key}"), value.clone())).filter(|(word, _)| said.contains(word));
        let region = ("region".to_owned(), at.region.clone().unwrap_or_else(|| REGION.to_owned()));
        if let Some(info) = run.desired.accounts.get_mut(&at.id) {
            info.fills.extend(tags);
            info.fills.entry(region.0).or_insert(region.1);
        }
    }
    let mut nobodys = Vec::new();
    for raw in left {
        Builder::new(&mut run, raw, surroundings, directory, &mut nobodys).left();
    }
    run.desired
}

/// The placeholders of tags that these texts say, as in `tag:team`.
fn tags_said<'t>(texts: impl Iterator<Item = &'t str>) -> BTreeSet<String> {
    let words = |text: &'t str| text.split("{tag:").skip(1).filter_map(|rest| rest.split_once('}')).map(|(key, _)| format!("tag:{key}"));
    texts.collect::<BTreeSet<_>>().into_iter().flat_map(words).collect()
}

/// What all manifests of a run share.
#[derive(Default)]
struct Run {
    desired: Desired,
    /// Every address by its name in lower case: IAM takes names that differ only in case for one.
    names: BTreeMap<(AccountId, Kind, String), Address>,
    /// Where it is said which key a bucket has.
    bucket_key_places: BTreeMap<String, Place>,
    /// Whose bucket a name is, of the manifests that are of several accounts.
    bucket_accounts: BTreeMap<String, AccountId>,
    /// Names that manifests had.
    former: BTreeMap<String, renamed::Former>,
    /// Of the file that is being read: by key.
    key_statements: BTreeMap<KeyRef, Vec<key::Granted>>,
    /// Of the file that is being read.
    callers: BTreeMap<caller::CallerKey, caller::CallerGrants>,
}

/// The account, or one that nobody has: an id that is missing or wrong was reported, and what stands behind it is looked at
/// all the same.
fn account_id(account: Option<&Account>) -> AccountId {
    account.and_then(|a| AccountId::parse(&a.0)).unwrap_or_else(AccountId::nobody)
}

struct Builder<'a> {
    source: &'a Source,
    raw: &'a Manifest,
    /// The account, where the manifest is of several.
    at: Option<&'a At>,
    first: bool,
    name: String,
    trusting: AccountId,
    region: String,
    partition: Partition,
    now: i64,
    desired: &'a mut Desired,
    names: &'a mut BTreeMap<(AccountId, Kind, String), Address>,
    bucket_key_places: &'a mut BTreeMap<String, Place>,
    findings: &'a mut Vec<Finding>,
    former: &'a mut BTreeMap<String, renamed::Former>,
    callers: &'a mut BTreeMap<caller::CallerKey, caller::CallerGrants>,
    bucket_accounts: &'a mut BTreeMap<String, AccountId>,
    /// Managed policies of which every grant has ended.
    over_policies: BTreeSet<String>,
    directory: &'a Directory,
    /// By bucket, then by body without principal: principals with the same rights share a statement.
    bucket_statements: BTreeMap<String, Vec<Placed>>,
    key_statements: &'a mut BTreeMap<KeyRef, Vec<key::Granted>>,
    /// Accounts may be named by their ids, as entries do under `[[revoked]]`.
    by_id: bool,
    /// Whose access is taken back.
    gone: Vec<revoked::Gone>,
    /// Of the bucket or key that is being read: which of those were left out of a grant.
    taken: BTreeSet<usize>,
    /// Of the role that is being read: who of those could come in.
    ways: Vec<revoked::Way>,
    /// Who comes in by each trust of the role that is resolved.
    doors: Vec<revoked::Door>,
    /// Entries for which the trust of the role that is resolved has no room.
    no_room: BTreeSet<usize>,
}

/// A statement with the parts of the manifest that it comes from: several, once principals with the same rights share it.
#[derive(Debug, Clone)]
struct Placed {
    statement: Statement,
    origins: Vec<Origin>,
}

impl<'a> Builder<'a> {
    fn new(run: &'a mut Run, raw: &'a Raw<'_>, surroundings: &Surroundings, directory: &'a Directory, findings: &'a mut Vec<Finding>) -> Self {
        let Raw { source, manifest: raw, at, first, last: _ } = raw;
        let table = raw.trusting.value.as_ref();
        let stated = table.and_then(|t| t.region.as_ref()).map(|r| r.value.0.as_str());
        let region = stated.or(at.as_ref().and_then(|at| at.region.as_deref())).unwrap_or(REGION).to_owned();
        let lone = || account_id(table.and_then(|t| t.account.as_ref()).map(|account| &account.value));
        Self {
            source,
            raw,
            at: at.as_ref(),
            first: *first,
            name: raw.name.value.as_ref().map(|n| n.0.clone()).unwrap_or_default(),
            trusting: at.as_ref().map_or_else(lone, |at| at.id.clone()),
            partition: Partition::of_region(&region),
            region,
            now: surroundings.now,
            desired: &mut run.desired,
            names: &mut run.names,
            bucket_key_places: &mut run.bucket_key_places,
            findings,
            former: &mut run.former,
            callers: &mut run.callers,
            bucket_accounts: &mut run.bucket_accounts,
            over_policies: BTreeSet::new(),
            directory,
            bucket_statements: BTreeMap::new(),
            key_statements: &mut run.key_statements,
            gone: Vec::new(),
            taken: BTreeSet::new(),
            by_id: false,
            ways: Vec::new(),
            doors: Vec::new(),
            no_room: BTreeSet::new(),
        }
    }

    fn error(&mut self, span: Span, message: impl Into<String>, advice: impl Into<String>) {
        self.findings.push(Finding::error(&self.source.file, Some(span), message, advice));
    }

    fn warning(&mut self, span: Span, message: impl Into<String>, advice: impl Into<String>) {
        let mut finding = Finding::error(&self.source.file, Some(span), message, advice);
        finding.severity = Severity::Warning;
        self.findings.push(finding);
    }

    fn check(&mut self, span: Span, result: Result<(), Complaint>) {
        if let Err((message, advice)) = result {
            self.error(span, message, advice);
        }
    }

    /// What grants of other manifests need to know of this one.
    fn ground(&mut self) {
        let raw = self.raw;
        if self.desired.manifests.is_empty() {
            self.desired.partition = self.partition;
        }
        if self.desired.partition != self.partition {
            self.error(raw.trusting.span, "this manifest lies in another partition than the first", "run manifests of one partition together");
        }
        if self.first {
            self.manifest_ref();
        }
        self.accounts();
        self.bucket_keys();
    }

    fn manifest_ref(&mut self) {
        if self.desired.manifests.iter().any(|m| m.name == self.name) {
            self.error(
                self.raw.name.span,
                format!("two manifests are named `{}`", self.name),
                "each manifest needs a name of its own: it is written on what it owns",
            );
        }
        if let Some(trusting) = self.raw.trusting.value.as_ref().filter(|t| !t.has("account") && !t.has("accounts")) {
            self.error(trusting.span, "`account` is missing", "add `account = …` to this table");
        }
        let digest = Digest::of(self.source.text.as_bytes());
        let renamed_from = self.renamed_from();
        self.desired.manifests.push(ManifestRef { name: self.name.clone(), file: self.source.file.clone(), digest, renamed_from });
    }

    fn manifest(&mut self) {
        let raw = self.raw;
        self.suppressions();
        self.revocations();
        self.policies();
        self.oidc_providers();
        self.saml_providers();
        self.keys();
        self.buckets();
        let trusting = self.trusting.clone();
        for (name, key, role) in raw.roles.iter().flat_map(Table::iter) {
            self.role(&trusting, name, key, role);
        }
        for (label, _, trusted) in raw.trusted.iter().flat_map(Table::iter) {
            self.trusted(label, trusted);
        }
        self.sessions();
        self.bucket_policies();
        self.revoked();
    }

    /// What all accounts of a manifest write together.
    fn shared(&mut self) {
        self.key_policies();
        self.caller_policies();
    }

    /// Notes an object; `true`: another manifest declares it too, and says the same.
    fn insert(&mut self, key: Span, address: Address, adopt: bool, state: DesiredState) -> bool {
        // KMS tells aliases apart by case.
        let name = if matches!(address.kind, Kind::Key | Kind::KeyPolicy) { address.name.clone() } else { address.name.to_ascii_lowercase() };
        let key_name = (address.account.clone(), address.kind, name);
        let place = self.place(key);
        let clash = self.names.get(&key_name).and_then(|a| self.desired.objects.get_key_value(a)).map(|(a, object)| (a.clone(), object.clone()));
        if let Some((existing, object)) = clash {
            // The same declaration, of a trusted account, as it is filled in for another trusting one.
            let again = self.desired.places.get(&existing).is_some_and(|places| places.contains(&place));
            if self.at.is_some() && again && existing == address && object.state == state {
                return true;
            }
            let differs = twice::differs(&object.state, &state);
            let shared = existing == address && object.owner != self.name && twice::may_be_shared(&address, &self.trusting);
            if shared && differs.is_empty() {
                self.desired.places.entry(address.clone()).or_default().push(place);
                if let Some(object) = self.desired.objects.get_mut(&address) {
                    object.also.insert(self.name.clone());
                    object.adopt |= adopt;
                }
                return true;
            }
            self.twice(key, &existing, &object.owner, shared.then(|| differs.join(" and ")).as_deref());
            return false;
        }
        self.names.insert(key_name, address.clone());
        self.desired.places.entry(address.clone()).or_default().push(place);
        self.desired.objects.insert(address, DesiredObject { owner: self.name.clone(), also: BTreeSet::new(), adopt, state });
        false
    }

    /// Two declarations of one object: both places are shown. `differs`: they might stand, if it were not for that.
    fn twice(&mut self, key: Span, existing: &Address, owner: &str, differs: Option<&str>) {
        let what = format!("{} is declared twice: `{}`", existing.kind.as_str(), existing.name);
        let advice = |other: &str| match differs {
            Some(parts) => format!("manifest `{other}` declares it with other {parts}; two manifests may declare it where they say the same"),
            None if existing.kind == Kind::Key => format!("manifest `{other}` makes it already: give one of the two another `alias`"),
            None => format!("manifest `{other}` declares it already; IAM names differ in more than case"),
        };
        let other = self.desired.places.get(existing).and_then(|places| places.first()).cloned();
        self.error(key, what.clone(), advice(owner));
        if let Some(place) = other.filter(|place| place.file != self.source.file) {
            let advice = advice(&self.name);
            self.findings.push(Finding::error(&place.file, Some(place.span), what, advice));
        }
    }

    fn place(&self, span: Span) -> Place {
        Place { file: self.source.file.clone(), span }
    }

    /// A statement that stands in this text.
    fn placed(&self, statement: Statement, span: Span) -> Placed {
        let origin = Origin { place: self.place(span), principal: statement.principal.clone() };
        Placed { statement, origins: vec![origin] }
    }

    /// Notes where the statements of a document come from, behind `before` that it has already.
    fn stand(&mut self, address: &Address, document: &DocumentRef, before: usize, placed: Vec<Placed>) -> Vec<Statement> {
        let at = |index| StatementRef { address: address.clone(), document: document.clone(), index: before + index };
        let mut statements = Vec::with_capacity(placed.len());
        for (index, Placed { statement, origins }) in placed.into_iter().enumerate() {
            self.desired.origins.insert(at(index), origins);
            statements.push(statement);
        }
        statements
    }

    /// The same of a whole document.
    fn document(&mut self, address: &Address, document: &DocumentRef, placed: Vec<Placed>) -> Document {
        Document::new(self.stand(address, document, 0, placed))
    }

    fn suppressions(&mut self) {
        let raw = self.raw;
        for suppress in raw.suppress.iter().flatten() {
            if suppress.reason.value.trim().is_empty() {
                self.error(suppress.reason.span, "a suppression needs a reason", "say why this finding is known and wanted");
            }
            let suppression = Suppression {
                rule: suppress.rule.value.clone(),
                object: suppress.object.clone(),
                reason: suppress.reason.value.clone(),
                place: self.place(suppress.rule.span),
            };
            if !self.desired.suppressions.contains(&suppression) {
                self.desired.suppressions.push(suppression);
            }
        }
    }

    /// The object's tags over the manifest's, with our mark.
    fn tags(&mut self, own: Option<&Table<String>>, key: Span) -> Tags {
        let mut tags = Tags::new();
        let mut seen = BTreeMap::<String, String>::new();
        for table in self.raw.tags.iter().chain(own) {
            for (name, span, value) in table.iter() {
                self.check(span, check_tag(name, value));
                if let Some(other) = seen.insert(name.to_lowercase(), name.clone()).filter(|other| other != name) {
                    self.error(span, format!("tag keys `{other}` and `{name}` differ only in case"), "AWS takes them for one key");
                }
                tags.insert(name.clone(), value.clone());
            }
        }
        tags.insert(ownership::OWNER_TAG.to_owned(), self.name.clone());
        if tags.len() > limits::TAGS {
            self.error(key, format!("{} tags, over the {} that AWS allows", tags.len(), limits::TAGS), "leave some out; one is crossrole's own mark");
        }
        tags
    }

    fn over(&mut self, span: Span, what: &str, used: usize, limit: usize, advice: impl Into<String>) {
        if used > limit {
            self.error(span, format!("{what} has {used} characters, over AWS's limit of {limit}"), advice);
        }
    }

    fn path(path: Option<&Path>) -> String {
        path.map_or_else(|| "/".to_owned(), |p| p.0.clone())
    }

    fn policies(&mut self) {
        let raw = self.raw;
        for (name, key, policy) in raw.policies.iter().flat_map(Table::iter) {
            self.check(key, check_iam_name("policy", name, 128));
            let attached = raw.roles.iter().flat_map(Table::iter).filter(|(_, _, role)| role.policies.iter().flatten().any(|p| p.value == *name));
            let holders = attached.map(|(role, _, raw)| self.partition.iam_arn(&self.trusting, "role", &Self::path(raw.path.as_ref()), role)).collect();
            let statements = self.permissions(policy.allow.as_deref(), policy.statement.as_deref(), &Holders::Attached(holders));
            let over = |allow: &crate::raw::Allow| allow.expires.as_ref().is_some_and(|end| end.value.unix <= self.now);
            if statements.is_empty() && policy.allow.iter().flatten().any(over) {
                // IAM takes no empty policy: what has ended goes whole, and off the roles that have it.
                self.over_policies.insert(name.clone());
                self.desired.left.objects.insert(Address::new(&self.trusting, Kind::Policy, name));
                continue;
            }
            let (allow, statement) = (policy.allow.as_ref().map(Vec::is_empty), policy.statement.as_ref().map(Vec::is_empty));
            // Where there are mistakes in what is written, it is not that nothing is.
            let said = policy.has("allow") && allow != Some(true) || policy.has("statement") && statement != Some(true);
            if statements.is_empty() && !said {
                self.error(key, format!("policy `{name}` allows nothing"), "add `[[policies.NAME.allow]]` or `[[policies.NAME.statement]]`");
            }
            let address = Address::new(&self.trusting, Kind::Policy, name);
            let document = self.document(&address, &DocumentRef::Policy, statements);
            self.over(key, &format!("policy `{name}`"), document.size(), limits::MANAGED_POLICY, "split it into several policies");
            let description = policy.description.as_ref().map(|d| d.0.clone()).unwrap_or_default();
            let tags = self.tags(policy.tags.as_ref(), key);
            let state = PolicyState { path: Self::path(policy.path.as_ref()), description, document, tags };
            self.insert(key, address, policy.adopt.unwrap_or(false), DesiredState::Policy(state));
        }
    }

    fn bucket_name(&mut self, key: Span, name: &str) {
        self.check(key, check_bucket_name(name));
    }
}

fn keys<T>(table: &Table<T>) -> impl Iterator<Item = Span> {
    table.0.values().map(|e| e.key)
}
