//! Everything that decides, at one moment, and the same asked one request at a time.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::estate::{BucketKey, Estate, Guarded, Levels, Placed, Principal};
use crossrole_access::{Compiled, Policies, Request, action_matches, evaluate};
use crossrole_policy::{Document, Effect, Element, Principal as Named, Statement};

use super::askers::{Asker, Own};
use super::documents::{changed, control, document, of_key};
use super::{ALICE, APP, GROUP, KEY, OTHER, OWNER};
use crate::generate::Random;
use crate::literal::evaluate as literal;

pub(super) type Tags = BTreeMap<String, String>;

pub(super) fn tags(random: &mut Random) -> Tags {
    let mut tags = Tags::new();
    for key in ["team", "dept"] {
        if !random.once_in(3) {
            tags.insert(key.to_owned(), random.one(&["red", "blue", "alice"]).to_owned());
        }
    }
    tags
}

#[derive(Clone, Debug)]
pub(super) struct Side {
    alice: Document,
    alice_boundary: Option<Document>,
    pub(super) alice_tags: Tags,
    app: Document,
    pub(super) app_tags: Tags,
    /// Of a group that others than alice are in.
    group: Document,
    pub(super) trust: Document,
    /// What roles that nobody has read are taken to have: trust in the caller's account.
    trusting: Document,
    pub(super) bucket: Document,
    pub(super) key: Document,
    /// Of alice and App there are policies whose documents nobody has read.
    pub(super) unread: bool,
    /// Service control policies of both accounts.
    service_control: Option<[Document; 2]>,
    /// The owner's resource control policy.
    resource_control: Option<Document>,
}

fn trusting() -> Document {
    let actions = Element::of(["sts:AssumeRole", "sts:TagSession"]);
    let principal = Named::of("AWS", [OTHER, OWNER]);
    Document::new(vec![Statement { principal: Some(principal), ..Statement::allow(actions, None) }])
}

impl Side {
    pub(super) fn of(random: &mut Random) -> Self {
        Self {
            alice: document(random, false, false),
            alice_boundary: random.once_in(3).then(|| document(random, false, false)),
            alice_tags: tags(random),
            app: document(random, false, false),
            app_tags: tags(random),
            trust: document(random, true, false),
            trusting: trusting(),
            bucket: document(random, false, true),
            key: of_key(document(random, false, true)),
            group: document(random, false, false),
            unread: random.once_in(4),
            service_control: random.once_in(4).then(|| [control(random, false), control(random, false)]),
            resource_control: random.once_in(4).then(|| control(random, true)),
        }
    }

    /// Control policies stay: nothing that a plan changes is one.
    pub(super) fn changed(&self, random: &mut Random) -> Self {
        let mut next = self.clone();
        match random.below(11) {
            0 => next.alice = changed(&self.alice, random, false, false),
            1 => next.alice_boundary = random.once_in(2).then(|| document(random, false, false)),
            2 => next.app = changed(&self.app, random, false, false),
            3 => next.app_tags = tags(random),
            4 => next.alice_tags = tags(random),
            5 => next.group = changed(&self.group, random, false, false),
            6 => next.trust = changed(&self.trust, random, true, false),
            7 | 8 => next.key = of_key(changed(&self.key, random, false, true)),
            _ => next.bucket = changed(&self.bucket, random, false, true),
        }
        next
    }

    pub(super) fn estate(&self) -> Estate {
        let place = |document: &Document| Placed::new(document.clone(), "");
        let guarded = |document: &Document| Guarded { account: OWNER.to_owned(), policy: Some(place(document)), restrict_public: false };
        let unread: BTreeSet<String> = self.unread.then(|| "policy/Unread".to_owned()).into_iter().collect();
        let alice = Principal {
            account: OTHER.to_owned(),
            user: true,
            name: "alice".to_owned(),
            tags: self.alice_tags.clone(),
            identity: vec![place(&self.alice)],
            boundary: self.alice_boundary.as_ref().map(|b| vec![place(b)]),
            groups: BTreeSet::new(),
            unread: unread.clone(),
        };
        let app = Principal {
            account: OWNER.to_owned(),
            user: false,
            name: "App".to_owned(),
            tags: self.app_tags.clone(),
            identity: vec![place(&self.app)],
            boundary: None,
            groups: BTreeSet::new(),
            unread,
        };
        let group = Principal {
            account: OTHER.to_owned(),
            user: true,
            name: "Devs".to_owned(),
            tags: Tags::new(),
            identity: vec![place(&self.group)],
            boundary: None,
            groups: BTreeSet::new(),
            unread: BTreeSet::new(),
        };
        let key = BucketKey { arn: KEY.to_owned(), bucket_key: false, region: "eu-west-1".to_owned() };
        let levels = |document: &Document| -> Levels { vec![vec![place(document)]] };
        let controls = self.service_control.iter().flat_map(|both| [OTHER, OWNER].into_iter().zip(both));
        Estate {
            partition: "aws".to_owned(),
            service_control: controls.map(|(account, document)| (account.to_owned(), levels(document))).collect(),
            resource_control: self.resource_control.iter().map(|document| (OWNER.to_owned(), levels(document))).collect(),
            principals: BTreeMap::from([(ALICE.to_owned(), alice), (APP.to_owned(), app), (GROUP.to_owned(), group)]),
            roles: BTreeMap::from([(APP.to_owned(), guarded(&self.trust))]),
            buckets: BTreeMap::from([("data".to_owned(), guarded(&self.bucket))]),
            keys: BTreeMap::from([(KEY.to_owned(), guarded(&self.key))]),
            bucket_keys: BTreeMap::from([("data".to_owned(), key)]),
            ..Estate::default()
        }
    }

    fn documents_of_all(&self) -> impl Iterator<Item = &Document> {
        let documents = [&self.alice, &self.app, &self.group, &self.trust, &self.trusting, &self.bucket, &self.key].into_iter();
        documents.chain(&self.alice_boundary).chain(self.service_control.iter().flatten()).chain(&self.resource_control)
    }

    pub(super) fn statements(&self) -> Vec<&Statement> {
        self.documents_of_all().flat_map(|d| &d.statements).collect()
    }

    /// Sessions of App may bring tags.
    pub(super) fn brings(&self) -> bool {
        let allows = |s: &&Statement| s.effect == Effect::Allow && s.action.values.iter().any(|a| action_matches(a, "sts:TagSession"));
        self.trust.statements.iter().any(|s| allows(&s))
    }

    /// Control policies apply to principals of both accounts.
    pub(super) fn is_controlled(&self) -> bool {
        self.service_control.is_some()
    }

    /// For whoever has to find out what went wrong.
    pub(super) fn written(&self) -> String {
        let text = |document: Option<&Document>| document.map_or_else(|| "none".to_owned(), Document::to_json);
        let control = |at: usize| text(self.service_control.as_ref().map(|both| &both[at]));
        let lines = [
            format!("alice {} tags {:?}", self.alice.to_json(), self.alice_tags),
            format!("boundary {}", text(self.alice_boundary.as_ref())),
            format!("app {} tags {:?}", self.app.to_json(), self.app_tags),
            format!("group {}", self.group.to_json()),
            format!("trust {}", self.trust.to_json()),
            format!("bucket {}", self.bucket.to_json()),
            format!("key {}", self.key.to_json()),
            format!("unread {} control {} {} resources {}", self.unread, control(0), control(1), text(self.resource_control.as_ref())),
        ];
        lines.join("\n  ")
    }

    /// The resource's own policy.
    pub(super) fn guard(&self, request: &Request) -> Option<&Document> {
        match request.resource.as_str() {
            // Whom a role trusts is asked of STS alone.
            _ if request.action.starts_with("iam:") => None,
            text if text.starts_with("arn:aws:s3:::data") => Some(&self.bucket),
            APP => Some(&self.trust),
            KEY => Some(&self.key),
            text if text.contains(":role/") => Some(&self.trusting),
            _ => None,
        }
    }

    /// Of the caller's side, of the resource's, and of the organization.
    pub(super) fn documents(&self, who: &Asker, request: &Request) -> Documents<'_> {
        let (own, boundary) = match who.own {
            Own::Alice => (Some(&self.alice), self.alice_boundary.as_ref()),
            Own::App => (Some(&self.app), None),
            Own::Member => (Some(&self.group), None),
            Own::Everything | Own::None => (None, None),
        };
        let guard = self.guard(request);
        let is_unread = guard.is_some_and(|g| std::ptr::eq(g, &raw const self.trusting));
        let at = [OTHER, OWNER].iter().position(|account| who.caller.account() == Some(account));
        let service_control = self.service_control.as_ref().zip(at).map(|(both, at)| &both[at]);
        Documents { own, boundary, guard, service_control, resource_control: guard.filter(|_| !is_unread).and(self.resource_control.as_ref()) }
    }
}

/// What decides about the requests of one caller for one resource.
#[derive(Clone, Copy)]
pub(super) struct Documents<'s> {
    own: Option<&'s Document>,
    pub(super) boundary: Option<&'s Document>,
    guard: Option<&'s Document>,
    service_control: Option<&'s Document>,
    resource_control: Option<&'s Document>,
}

impl<'s> Documents<'s> {
    pub(super) fn all(self) -> impl Iterator<Item = &'s Document> {
        [self.own, self.boundary, self.guard, self.service_control, self.resource_control].into_iter().flatten()
    }
}

/// What is found on one side.
pub(super) struct Ready<'s> {
    side: &'s Side,
    everything: Document,
    /// By the address of the document: each is compiled once.
    compiled: BTreeMap<*const Document, Compiled>,
    all: Compiled,
}

impl<'s> Ready<'s> {
    pub(super) fn of(side: &'s Side) -> Self {
        let everything = Document::new(vec![Statement::allow(Element::of(["*"]), Some(Element::of(["*"])))]);
        let compiled = side.documents_of_all().map(|document| (std::ptr::from_ref(document), Compiled::new(document, ""))).collect();
        let all = Compiled::new(&everything, "");
        Self { side, everything, compiled, all }
    }

    /// A session has its role's tags, or others where it may bring some; a user has its own. `keys`: those that statements
    /// about the request ask for.
    pub(super) fn can_have(&self, who: &Asker, tags: &Tags, keys: &BTreeSet<&str>) -> bool {
        let own = match who.own {
            Own::Alice => &self.side.alice_tags,
            Own::App if !self.side.brings() => &self.side.app_tags,
            Own::App | Own::Member | Own::Everything | Own::None => return true,
        };
        keys.iter().all(|key| tags.get(*key) == own.get(*key))
    }

    /// `more`: what was not read lets the caller everything. `slow`: the literal evaluator is asked too.
    pub(super) fn allows(&self, who: &Asker, more: bool, request: &Request, (tags, keys): (&Tags, &BTreeSet<&str>), slow: bool) -> bool {
        if !self.can_have(who, tags, keys) {
            return false;
        }
        let more = more || who.own == Own::Everything;
        let found = self.side.documents(who, request);
        let ready = |document: Option<&Document>| document.map(|d| &self.compiled[&std::ptr::from_ref(d)]);
        let policies = Policies {
            identity: ready(found.own).into_iter().chain(more.then_some(&self.all)).collect(),
            boundary: ready(found.boundary).map(|b| vec![b]),
            resource: ready(found.guard),
            session: None,
            service_control: ready(found.service_control).map(|d| vec![vec![d]]),
            resource_control: ready(found.resource_control).map(|d| vec![vec![d]]).unwrap_or_default(),
            restrict_public: false,
        };
        let allowed = evaluate(request, &policies).is_allowed();
        if slow {
            let plain = literal::Policies {
                identity: found.own.into_iter().chain(more.then_some(&self.everything)).collect(),
                boundary: found.boundary.map(|b| vec![b]),
                resource: found.guard,
                session: None,
                service_control: found.service_control.map(|d| vec![vec![d]]),
                resource_control: found.resource_control.map(|d| vec![vec![d]]).unwrap_or_default(),
            };
            assert_eq!(literal::evaluate(request, &plain).is_allowed(), allowed, "{request:?}");
        }
        allowed
    }
}
