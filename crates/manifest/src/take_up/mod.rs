//! What is live and not in the manifest, said there: edits of its text that keep every comment, and the layout of what stays.
//!
//! Nothing here knows whether an edit says what is meant. Whoever tries one reads the new text and plans again: only what is planned no
//! more has been taken up.

mod comments;
mod edit;
mod respell;
mod revoked;
mod statement;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::{DesiredState, DocumentRef, Origin, StatementRef};
use crossrole_model::state::{BucketState, Encryption, MadeKey, OidcState, PolicyState, PublicAccessBlock, RoleState, SamlState, Tags};
use crossrole_model::{Address, Change, Desired, Kind, LeftBecause, ObjectState, Part, ownership};
use crossrole_policy::{Document, Principal, Statement};
use toml_edit::{Array, InlineTable, Value};

pub use edit::edited;
pub(crate) use edit::{Edit, Path};
pub use revoked::{Entry, NoRotation, Rotation, has_role, labels, with_external_id, with_revoked};

/// Edits that together say one part of an object as it is live.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The object.
    pub address: Address,
    /// The part; `None`: that it is not there.
    pub part: Option<Part>,
    /// The manifest's file.
    pub file: String,
    /// Of an object that its table does not name as AWS does: where the key of its table begins.
    pub(crate) key: Option<usize>,
    pub(crate) edits: Vec<Edit>,
}

/// Returns what could be tried to say each differing part of an object as it is live, part by part, and of a part the smaller edits
/// first. Parts that nothing can say are left out.
pub fn attempts(change: &Change, desired: &Desired) -> Vec<Attempt> {
    let group = || Address::new(&change.address.account, Kind::Group, change.address.name.split('/').next().unwrap_or_default());
    // A member that nothing declares is of a group that may be declared.
    let declared = if change.address.kind == Kind::Membership && change.after.is_none() { group() } else { change.address.clone() };
    let Some(object) = desired.objects.get(&declared) else { return Vec::new() };
    let Some(place) = desired.places.get(&declared).and_then(|places| places.first()) else { return Vec::new() };
    let key = matches!(declared.kind, Kind::Key | Kind::OidcProvider).then_some(place.span.start);
    let maker = Maker { address: &change.address, desired, file: place.file.clone(), key };
    let Some(at) = maker.path() else { return Vec::new() };
    match (&change.before, &change.after) {
        (Some(ObjectState::Role(live)), Some(ObjectState::Role(said))) => maker.role(&at, live, said),
        (Some(ObjectState::Policy(live)), Some(ObjectState::Policy(said))) if matches!(object.state, DesiredState::Policy(_)) => maker.policy(&at, live, said),
        (Some(ObjectState::User(live)), Some(ObjectState::User(said))) => maker.tags(&at, &live.tags, &said.tags),
        (Some(ObjectState::Bucket(live)), Some(ObjectState::Bucket(said))) => maker.bucket(&at, live, said),
        (live, Some(ObjectState::BucketPolicy(_))) => match (live, &object.state) {
            (Some(ObjectState::BucketPolicy(live)), DesiredState::BucketPolicy { statements, .. }) => maker.bucket_policy(live.document.as_ref(), statements),
            (None, DesiredState::BucketPolicy { statements, .. }) => maker.bucket_policy(None, statements),
            _ => Vec::new(),
        },
        (Some(ObjectState::Membership(live)), None) => maker
            .one(Part::Statements, vec![Edit::Members { at, key: "members", add: BTreeSet::from([live.user.clone()]), remove: BTreeSet::new() }])
            .map_or_else(Vec::new, |one| vec![Attempt { part: None, ..one }]),
        (None, Some(ObjectState::Membership(said))) => maker
            .one(Part::Statements, vec![Edit::Members { at, key: "members", add: BTreeSet::new(), remove: BTreeSet::from([said.user.clone()]) }])
            .map_or_else(Vec::new, |one| vec![Attempt { part: None, ..one }]),
        (Some(ObjectState::OidcProvider(live)), Some(ObjectState::OidcProvider(said))) => maker.oidc_provider(&at, live, said),
        (Some(ObjectState::SamlProvider(live)), Some(ObjectState::SamlProvider(said))) => maker.saml_provider(&at, live, said),
        (Some(ObjectState::Key(live)), Some(ObjectState::Key(said))) => maker.key(&at, live, said),
        (None, Some(ObjectState::Role(_) | ObjectState::Policy(_))) => maker.gone(at),
        _ => Vec::new(),
    }
}

/// Tags that begin so are marks of ours.
const OURS: &str = "crossrole:";

/// Returns why nothing can be tried to say a part of an object as it is live.
pub fn unsayable(change: &Change, part: Option<&Part>) -> LeftBecause {
    let tags = |state: &Option<ObjectState>| match state {
        Some(ObjectState::Role(role)) => role.tags.clone(),
        Some(ObjectState::Policy(policy)) => policy.tags.clone(),
        Some(ObjectState::User(user)) => user.tags.clone(),
        Some(ObjectState::OidcProvider(provider)) => provider.tags.clone(),
        Some(ObjectState::SamlProvider(provider)) => provider.tags.clone(),
        Some(ObjectState::Key(key)) => key.tags.clone(),
        Some(ObjectState::Bucket(bucket)) => bucket.tags.clone().unwrap_or_default(),
        _ => Tags::new(),
    };
    match (&change.before, &change.after, part) {
        (_, None, _) => LeftBecause::Undeclared,
        (_, _, Some(Part::Statements)) => LeftBecause::Rewritten,
        (None, _, _) => LeftBecause::Gone,
        (before, after, Some(Part::Tags)) => {
            let (live, said) = (tags(before), tags(after));
            let differ = live.keys().chain(said.keys()).filter(|key| live.get(*key) != said.get(*key)).all(|key| key.starts_with(OURS));
            if differ { LeftBecause::Mark } else { LeftBecause::NoWords }
        }
        _ => LeftBecause::NoWords,
    }
}

struct Maker<'a> {
    address: &'a Address,
    desired: &'a Desired,
    file: String,
    key: Option<usize>,
}

impl Maker<'_> {
    /// Where the manifest has the object.
    fn path(&self) -> Option<Path> {
        let account = self.desired.accounts.get(&self.address.account)?;
        let under = |kind: &str, name: &str| -> Path {
            let own = [kind, name].map(str::to_owned);
            if account.trusting { own.to_vec() } else { ["trusted", &account.label].map(str::to_owned).into_iter().chain(own).collect() }
        };
        let name = self.address.name.as_str();
        Some(match self.address.kind {
            Kind::Role => under("roles", name),
            Kind::User => under("users", name),
            Kind::Policy => under("policies", name),
            Kind::Bucket | Kind::BucketPolicy => under("buckets", name),
            // By the labels of their tables, which are found where these stand.
            Kind::Key => ["keys", ""].map(str::to_owned).to_vec(),
            Kind::OidcProvider => ["oidc_providers", ""].map(str::to_owned).to_vec(),
            Kind::SamlProvider => under("saml_providers", name),
            // `group/user`
            Kind::Membership => under("groups", name.split('/').next()?),
            _ => return None,
        })
    }

    fn one(&self, part: Part, edits: Vec<Edit>) -> Option<Attempt> {
        (!edits.is_empty()).then(|| Attempt { address: self.address.clone(), part: Some(part), file: self.file.clone(), key: self.key, edits })
    }

    /// The whole object is not there any more.
    fn gone(&self, mut at: Path) -> Vec<Attempt> {
        let Some(key) = at.pop() else { return Vec::new() };
        vec![Attempt { address: self.address.clone(), part: None, file: self.file.clone(), key: self.key, edits: vec![Edit::Put { at, key, value: None }] }]
    }

    fn role(&self, at: &Path, live: &RoleState, said: &RoleState) -> Vec<Attempt> {
        // No `..`: a new field stops the build until someone decides. A role is not moved.
        let RoleState { path: _, trust, description, max_session_seconds, boundary, tags, inline, attached } = live;
        let put = |key: &str, value: Option<Value>| vec![Edit::Put { at: at.clone(), key: key.to_owned(), value }];
        let mut all = Vec::new();
        if *description != said.description {
            all.extend(self.one(Part::Description, put("description", (!description.is_empty()).then(|| description.as_str().into()))));
        }
        if *max_session_seconds != said.max_session_seconds {
            all.extend(self.one(Part::LongestSession, put("max_session", Some(length(*max_session_seconds).into()))));
        }
        if *boundary != said.boundary {
            all.extend(self.one(Part::Boundary, put("permissions_boundary", boundary.as_deref().map(Value::from))));
        }
        all.extend(self.tags(at, tags, &said.tags));
        if attached != &said.attached {
            let (add, remove) = (attached.difference(&said.attached).cloned().collect(), said.attached.difference(attached).cloned().collect());
            let first = attached.symmetric_difference(&said.attached).next().cloned().unwrap_or_default();
            all.extend(self.one(Part::Attached(first), vec![Edit::Members { at: at.clone(), key: "policies", add, remove }]));
        }
        if *trust != said.trust {
            // Two that differ in nothing but whom they name are one in a manifest.
            all.extend(self.trust(at, &trust.joined(), &said.trust));
        }
        let names: BTreeSet<&String> = inline.keys().chain(said.inline.keys()).collect();
        for name in names {
            let (live, said) = (inline.get(name), said.inline.get(name));
            if live != said {
                all.extend(self.inline(at, name, live, said));
            }
        }
        all
    }

    fn inline(&self, at: &Path, name: &str, live: Option<&Document>, said: Option<&Document>) -> Vec<Attempt> {
        let part = Part::Inline(name.to_owned());
        if name == ownership::INLINE_POLICY {
            return self.statements(at, live, said, &DocumentRef::Inline(name.to_owned()), &part);
        }
        let mut own = at.clone();
        own.push("inline".to_owned());
        if live.is_none() {
            return self.one(part, vec![Edit::Put { at: own, key: name.to_owned(), value: None }]).into_iter().collect();
        }
        own.push(name.to_owned());
        self.statements(&own, live, said, &DocumentRef::Inline(name.to_owned()), &part)
    }

    /// Statements that are otherwise are said with other words where they stand; failing that, those that are no longer there go, with
    /// all that the manifest says them by, and those that are new come.
    fn statements(&self, at: &Path, live: Option<&Document>, said: Option<&Document>, document: &DocumentRef, part: &Part) -> Vec<Attempt> {
        let none = Document::default();
        let (live, said) = (live.unwrap_or(&none), said.unwrap_or(&none));
        let append = |one: &Statement| Some(Edit::Append { at: at.clone(), key: "statement", table: statement::statement(one) });
        let mut all: Vec<Vec<Edit>> = self.respelled(live, said, document, false, &append).into_iter().collect();
        all.extend(self.reworded(live, said, document));
        all.extend(self.replaced(live, said, document, &append));
        all.into_iter().filter_map(|edits| self.one(part.clone(), edits)).collect()
    }

    /// What is no longer there goes, and what is new comes.
    fn replaced(&self, live: &Document, said: &Document, document: &DocumentRef, append: &dyn Fn(&Statement) -> Option<Edit>) -> Option<Vec<Edit>> {
        let mut edits = self.taken(live, &said.statements, document)?;
        for one in only_in(live, said).flat_map(each_kind) {
            edits.push(append(&one)?);
        }
        Some(edits)
    }

    /// Each statement that is otherwise, in the words of the tables that say it. Whoever else is let in is put into one of them, or with
    /// `apart` gets a table.
    fn respelled(
        &self,
        live: &Document,
        said: &Document,
        document: &DocumentRef,
        apart: bool,
        append: &dyn Fn(&Statement) -> Option<Edit>,
    ) -> Option<Vec<Edit>> {
        let mut edits = Vec::new();
        let mut new: Vec<&Statement> = only_in(live, said).collect();
        for (index, old) in said.statements.iter().enumerate().filter(|(_, statement)| !live.statements.contains(statement)) {
            let origins = self.origins(document, index)?;
            let nearest = new.iter().enumerate().min_by_key(|(_, one)| distance(old, one)).map(|(at, _)| at);
            let Some(one) = nearest.map(|at| new.remove(at)) else {
                edits.extend(origins.into_keys().map(|start| Edit::Take { start }));
                continue;
            };
            edits.extend(self.respelled_one(old, one, origins, apart, append)?);
        }
        for one in new.into_iter().flat_map(each_kind) {
            edits.push(append(&one)?);
        }
        Some(edits)
    }

    fn respelled_one(
        &self,
        old: &Statement,
        one: &Statement,
        origins: BTreeMap<usize, BTreeSet<(String, String)>>,
        apart: bool,
        append: &dyn Fn(&Statement) -> Option<Edit>,
    ) -> Option<Vec<Edit>> {
        let labels = self.labels();
        let (had, has) = (named_in(old), named_in(one));
        let mut more: BTreeSet<(String, String)> = has.difference(&had).cloned().collect();
        let mut edits = Vec::new();
        if apart && !more.is_empty() {
            for apart in each_kind(&Statement { principal: Some(naming(&more)), ..one.clone() }) {
                edits.push(append(&apart)?);
            }
            more.clear();
        }
        let all_go = had.is_disjoint(&has);
        for (start, own) in origins {
            let mut stay: BTreeSet<(String, String)> = own.intersection(&has).cloned().collect();
            if !stay.is_empty() || all_go {
                stay.append(&mut more);
            }
            if stay.is_empty() && old.principal.is_some() {
                edits.push(Edit::Take { start });
                continue;
            }
            let of = |whole: &Statement, named: &BTreeSet<(String, String)>| Statement {
                principal: whole.principal.as_ref().map(|_| naming(named)),
                ..whole.clone()
            };
            let wanted = respell::Respelling { said: of(old, &own), live: of(one, &stay), labels: labels.clone() };
            edits.push(Edit::Respell { start, wanted: Box::new(wanted) });
        }
        Some(edits)
    }

    /// Other access to the same bucket, in each of its words, and with the prefixes that are live.
    fn reworded(&self, live: &Document, said: &Document, document: &DocumentRef) -> Vec<Vec<Edit>> {
        const WORDS: [&str; 7] = ["get", "put", "read", "write", "read-write", "list", "delete"];
        let mut starts = BTreeSet::new();
        for (index, _) in said.statements.iter().enumerate().filter(|(_, statement)| !live.statements.contains(statement)) {
            starts.extend(self.origins(document, index).into_iter().flat_map(BTreeMap::into_keys));
        }
        // A new statement alone, as `read` has one more than `get`, is of any table.
        if starts.is_empty() {
            for index in 0..said.statements.len() {
                starts.extend(self.origins(document, index).into_iter().flat_map(BTreeMap::into_keys));
            }
        }
        let (Some(start), 1) = (starts.first().copied(), starts.len()) else { return Vec::new() };
        let objects =
            live.statements.iter().flat_map(|s| s.resource.iter().flat_map(|r| &r.values)).filter_map(|arn| Some(arn.split_once(":::")?.1.split_once('/')?.1));
        let prefixes: BTreeSet<String> = objects.filter_map(|object| object.strip_suffix('*')).map(str::to_owned).collect();
        let prefix =
            (!prefixes.is_empty()).then(|| Edit::Word { start, key: "prefix", value: Some(one_or_many(&prefixes)).filter(|_| !prefixes.contains("")) });
        let access = |word: &'static str| Edit::Word { start, key: "access", value: Some(word.into()) };
        let mut all: Vec<Vec<Edit>> = prefix.iter().map(|prefix| vec![prefix.clone()]).collect();
        all.extend(WORDS.map(|word| vec![access(word)]));
        all.extend(prefix.iter().flat_map(|prefix| WORDS.map(|word| vec![access(word), prefix.clone()])));
        all
    }

    /// Where a statement is said: tables by where they begin, with whom each names. `None` where another manifest says it, too.
    fn origins(&self, document: &DocumentRef, index: usize) -> Option<BTreeMap<usize, BTreeSet<(String, String)>>> {
        let mut all: BTreeMap<usize, BTreeSet<(String, String)>> = BTreeMap::new();
        for origin in self.told(document, index)? {
            let own = all.entry((origin.place.file == self.file).then_some(origin.place.span.start)?).or_default();
            own.extend(origin.principal.iter().flat_map(names_of));
        }
        Some(all)
    }

    /// What says a statement; `None`: nothing does, or a `[[revoked]]` entry, which nobody but a person takes out.
    fn told(&self, document: &DocumentRef, index: usize) -> Option<&Vec<Origin>> {
        let origins = self.desired.origins.get(&StatementRef { address: self.address.clone(), document: document.clone(), index })?;
        let revokes = |origin: &Origin| self.desired.revoked.iter().any(|one| one.place == origin.place);
        (!origins.iter().any(revokes)).then_some(origins)
    }

    fn labels(&self) -> respell::Labels {
        self.desired.accounts.iter().map(|(id, account)| (id.clone(), account.label.clone())).collect()
    }

    /// The parts of the manifest that say what is no longer live.
    fn taken(&self, live: &Document, said: &[Statement], document: &DocumentRef) -> Option<Vec<Edit>> {
        let mut edits = Vec::new();
        for (index, _) in said.iter().enumerate().filter(|(_, statement)| !live.statements.contains(statement)) {
            for origin in self.told(document, index)? {
                // One that another manifest says is not this one's to take back.
                edits.push((origin.place.file == self.file).then_some(Edit::Take { start: origin.place.span.start })?);
            }
        }
        Some(edits)
    }

    fn trust(&self, at: &Path, live: &Document, said: &Document) -> Vec<Attempt> {
        let by = |labels: respell::Labels| move |one: &Statement| Some(Edit::Append { at: at.clone(), key: "trust", table: statement::trust(one, &labels)? });
        // Not every manifest has a label for each account.
        let (labelled, by_arn) = (by(self.labels()), by(respell::Labels::new()));
        let all = [
            self.respelled(live, said, &DocumentRef::Trust, false, &labelled),
            self.respelled(live, said, &DocumentRef::Trust, true, &labelled),
            self.respelled(live, said, &DocumentRef::Trust, true, &by_arn),
            self.replaced(live, said, &DocumentRef::Trust, &labelled),
            self.replaced(live, said, &DocumentRef::Trust, &by_arn),
        ];
        all.into_iter().flatten().filter_map(|edits| self.one(Part::Trust, edits)).collect()
    }

    fn oidc_provider(&self, at: &Path, live: &OidcState, said: &OidcState) -> Vec<Attempt> {
        // Its URL is what it is.
        let OidcState { url: _, client_ids, tags } = live;
        let mut all = self.tags(at, tags, &said.tags);
        if *client_ids != said.client_ids {
            let (add, remove) = (client_ids.difference(&said.client_ids).cloned().collect(), said.client_ids.difference(client_ids).cloned().collect());
            all.extend(self.one(Part::Audiences, vec![Edit::Members { at: at.clone(), key: "client_ids", add, remove }]));
            // Where the manifest leaves them unsaid, or says one as a text.
            let whole = client_ids.iter().map(String::as_str).collect::<Array>().into();
            all.extend(self.one(Part::Audiences, vec![Edit::Put { at: at.clone(), key: "client_ids".to_owned(), value: Some(whole) }]));
        }
        all
    }

    fn saml_provider(&self, at: &Path, live: &SamlState, said: &SamlState) -> Vec<Attempt> {
        let SamlState { metadata, tags } = live;
        let mut all = self.tags(at, tags, &said.tags);
        if *metadata != said.metadata {
            all.extend(self.one(Part::Metadata, vec![Edit::Put { at: at.clone(), key: "metadata".to_owned(), value: Some(metadata.as_str().into()) }]));
        }
        all
    }

    fn key(&self, at: &Path, live: &MadeKey, said: &MadeKey) -> Vec<Attempt> {
        // By its alias it is known.
        let MadeKey { alias: _, description, rotation_days, tags } = live;
        let put = |key: &str, value: Option<Value>| vec![Edit::Put { at: at.clone(), key: key.to_owned(), value }];
        let mut all = self.tags(at, tags, &said.tags);
        if *description != said.description {
            all.extend(self.one(Part::Description, put("description", (!description.is_empty()).then(|| description.as_str().into()))));
        }
        // That it is never rotated no manifest says.
        if let Some(days) = rotation_days.filter(|_| *rotation_days != said.rotation_days) {
            all.extend(self.one(Part::Rotation, put("rotation_days", Some(i64::from(days).into()))));
        }
        all
    }

    fn policy(&self, at: &Path, live: &PolicyState, said: &PolicyState) -> Vec<Attempt> {
        // A description is never changed, nor is a policy moved.
        let PolicyState { path: _, description: _, document, tags } = live;
        let mut all = self.tags(at, tags, &said.tags);
        if *document != said.document {
            all.extend(self.statements(at, Some(document), Some(&said.document), &DocumentRef::Policy, &Part::Document));
        }
        all
    }

    fn tags(&self, at: &Path, live: &Tags, said: &Tags) -> Vec<Attempt> {
        let keys: BTreeSet<&String> = live.keys().chain(said.keys()).filter(|key| live.get(*key) != said.get(*key) && !key.starts_with(OURS)).collect();
        let mut own = at.clone();
        own.push("tags".to_owned());
        let put = |key: &String| Edit::Put { at: own.clone(), key: key.clone(), value: live.get(key).map(|value| value.as_str().into()) };
        self.one(Part::Tags, keys.into_iter().map(put).collect()).into_iter().collect()
    }

    fn bucket(&self, at: &Path, live: &BucketState, said: &BucketState) -> Vec<Attempt> {
        // No `..`: a new field stops the build until someone decides. A bucket is not moved.
        let BucketState { region: _, versioning, encryption, public_access_block, ownership, logging, tags } = live;
        let put = |part: Part, key: &str, value: Value| self.one(part, vec![Edit::Put { at: at.clone(), key: key.to_owned(), value: Some(value) }]);
        let mut all = Vec::new();
        if let Some(on) = versioning.filter(|_| *versioning != said.versioning) {
            all.extend(put(Part::Versioning, "versioning", on.into()));
        }
        if let Some(is) = encryption.as_ref().filter(|_| *encryption != said.encryption) {
            all.extend(put(Part::Encryption, "encryption", encrypted(is)));
        }
        let on_or_off = [true, false].into_iter().find(|on| *public_access_block == Some(PublicAccessBlock::all(*on)));
        if let Some(on) = on_or_off.filter(|_| *public_access_block != said.public_access_block) {
            all.extend(put(Part::PublicAccessBlock, "public_access_block", on.into()));
        }
        if let Some(is) = ownership.as_deref().filter(|_| *ownership != said.ownership) {
            all.extend(put(Part::ObjectOwnership, "ownership", is.into()));
        }
        if let Some(is) = logging.as_ref().filter(|_| *logging != said.logging) {
            let value = is.as_ref().map(|to| Value::from(InlineTable::from_iter([("bucket", to.bucket.as_str()), ("prefix", to.prefix.as_str())])));
            all.extend(self.one(Part::Logging, vec![Edit::Put { at: at.clone(), key: "logging".to_owned(), value }]));
        }
        if let (Some(live), Some(said)) = (tags, &said.tags) {
            all.extend(self.tags(at, live, said));
        }
        all
    }

    /// Statements of ours that somebody took out. What somebody put in is theirs, and no drift; one of ours that was rewritten can't be
    /// said: its Sid says what it grants.
    fn bucket_policy(&self, live: Option<&Document>, said: &[Statement]) -> Vec<Attempt> {
        let none = Document::default();
        let edits = self.taken(live.unwrap_or(&none), said, &DocumentRef::Policy);
        edits.and_then(|edits| self.one(Part::Statements, edits)).into_iter().collect()
    }
}

/// Statements that only the first has.
fn only_in<'d>(one: &'d Document, other: &'d Document) -> impl Iterator<Item = &'d Statement> {
    one.statements.iter().filter(|statement| !other.statements.contains(statement))
}

/// The statement for each kind of principals that it names: a table of a manifest names one kind.
fn each_kind(of: &Statement) -> Vec<Statement> {
    match &of.principal {
        Some(principal) if principal.entries.len() > 1 => {
            let one = |(kind, values): (&String, &Vec<String>)| Principal { entries: [(kind.clone(), values.clone())].into(), ..principal.clone() };
            principal.entries.iter().map(|entry| Statement { principal: Some(one(entry)), ..of.clone() }).collect()
        }
        _ => vec![of.clone()],
    }
}

/// In how many of its elements a statement is another.
fn distance(one: &Statement, other: &Statement) -> usize {
    // No `..`: a new field stops the build until someone decides.
    let Statement { sid, effect, principal, action, resource, conditions } = other;
    let same =
        [*sid == one.sid, *effect == one.effect, *principal == one.principal, *action == one.action, *resource == one.resource, *conditions == one.conditions];
    same.into_iter().filter(|same| !same).count()
}

fn names_of(principal: &Principal) -> impl Iterator<Item = (String, String)> {
    principal.entries.iter().flat_map(|(kind, values)| values.iter().map(|value| (kind.clone(), value.clone())))
}

fn named_in(statement: &Statement) -> BTreeSet<(String, String)> {
    statement.principal.iter().flat_map(names_of).collect()
}

fn naming(names: &BTreeSet<(String, String)>) -> Principal {
    let mut entries: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (kind, value) in names {
        entries.entry(kind.clone()).or_default().push(value.clone());
    }
    Principal { negated: false, bare_star: false, entries }
}

/// `4h`, `90m`, `3601s`
fn length(seconds: u32) -> String {
    match seconds {
        s if s % 3600 == 0 => format!("{}h", s / 3600),
        s if s % 60 == 0 => format!("{}m", s / 60),
        s => format!("{s}s"),
    }
}

fn encrypted(is: &Encryption) -> Value {
    match is {
        Encryption::Aes256 => "AES256".into(),
        Encryption::Kms { key, bucket_key } => {
            let mut table = InlineTable::from_iter([("kms_key", key.as_str())]);
            if *bucket_key {
                table.insert("bucket_key", true.into());
            }
            table.into()
        }
    }
}

/// One text as it is, several in a list.
pub(crate) fn one_or_many<'t>(texts: impl IntoIterator<Item = &'t String>) -> Value {
    let texts: Vec<&String> = texts.into_iter().collect();
    match texts.as_slice() {
        [one] => one.as_str().into(),
        many => many.iter().map(|text| text.as_str()).collect::<Array>().into(),
    }
}
