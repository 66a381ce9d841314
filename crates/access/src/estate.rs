//! Everything that decides access, at one moment: who there is, with which policies, and what is guarded by which.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::observed::KeyState;
use crossrole_policy::{Arn, Document, Element, Statement};

use crate::engine::compiled::Compiled;
use crate::request::Policies;
use crate::tagged;

/// A document with its place, as written and compiled.
#[derive(Debug, Clone)]
pub struct Placed {
    /// As written.
    pub document: Document,
    /// Ready to be asked: of a resource whose tags are known, with what they decide decided.
    pub compiled: Compiled,
    /// Where its resource's tags decide something: as it is written, and the tags.
    tagged: Option<Box<(Compiled, BTreeMap<String, String>)>>,
}

impl Placed {
    /// `place` is how reasons name it.
    pub fn new(document: Document, place: impl Into<String>) -> Self {
        let compiled = Compiled::new(&document, place);
        Self { document, compiled, tagged: None }
    }

    /// The same as the policy of a resource, by its ARN, with these tags.
    #[must_use]
    pub fn on(self, resource: &str, tags: &BTreeMap<String, String>) -> Self {
        if !self.document.statements.iter().any(tagged::asks) {
            return self;
        }
        let mut resolved = tagged::resolved(&self.document, resource, tags);
        // Of a key: see `of_key`.
        if self.compiled.statements.len() < resolved.statements.len() {
            resolved.statements.retain(|s| s.resource.is_some());
        }
        let compiled = Compiled::new(&resolved, self.compiled.place());
        Self { tagged: Some(Box::new((self.compiled, tags.clone()))), compiled, ..self }
    }

    /// Tells whether it asks for tags of resources that are not decided here.
    pub(crate) fn rests_on_tags(&self) -> bool {
        let mut statements = self.compiled.statements.iter().filter(|statement| !statement.action.written.is_empty());
        statements.any(|statement| {
            let conditions = statement.conditions.iter().flat_map(|c| c.variables().chain([c.key.as_str()]));
            conditions.chain(statement.resource.iter().flat_map(crate::engine::compiled::Resources::variables)).any(tagged::is_resource_tag)
        })
    }

    /// As it is written, for a request that brings the tags.
    pub(crate) fn written(&self) -> &Compiled {
        self.tagged.as_ref().map_or(&self.compiled, |tagged| &tagged.0)
    }

    /// The policy of a key. A statement without resources or actions is taken by KMS, and does nothing (AWS KMS Developer Guide,
    /// "Creating a key policy").
    pub fn of_key(document: Document, place: impl Into<String>) -> Self {
        let mut live = document.clone();
        live.statements.retain(|s| s.resource.is_some());
        let compiled = Compiled::new(&live, place);
        Self { document, compiled, tagged: None }
    }

    /// A document that allows everything: it stands in for policies that are not known.
    pub(crate) fn everything(place: impl Into<String>) -> Self {
        Self::new(Document::new(vec![Statement::allow(Element::of(["*"]), Some(Element::of(["*"])))]), place)
    }
}

impl PartialEq for Placed {
    /// Of meaning: the place does not count, and tags where something is asked of them.
    fn eq(&self, other: &Self) -> bool {
        let tags = |one: &Self| one.tagged.as_ref().map(|tagged| tagged.1.clone());
        self.document == other.document && tags(self) == tags(other)
    }
}

/// A role, a user, or (under the ARN of a group) someone who is in that group and has nothing else.
#[derive(Debug, Clone, PartialEq)]
pub struct Principal {
    /// Account id.
    pub account: String,
    /// True for a user, false for a role.
    pub user: bool,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Inline and managed policies, of a user's groups too.
    pub identity: Vec<Placed>,
    /// Permissions boundary.
    pub boundary: Option<Vec<Placed>>,
    /// ARNs of a user's groups.
    pub groups: BTreeSet<String>,
    /// Policies whose documents are not known.
    pub unread: BTreeSet<String>,
}

/// What a resource is guarded by.
#[derive(Debug, Clone, PartialEq)]
pub struct Guarded {
    /// Account that owns it.
    pub account: String,
    /// Trust policy or bucket policy.
    pub policy: Option<Placed>,
    /// The bucket's block public access restricts its public policy.
    pub restrict_public: bool,
}

/// Whether ACLs of a bucket and its objects count: what they say is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acls {
    /// Who owns the objects, in S3's words; `None`: a bucket that says nothing, or that was not asked.
    pub ownership: Option<String>,
    /// A block of public access ignores those that are public.
    pub ignored: bool,
}

/// What a bucket's objects are encrypted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketKey {
    /// ARN of the key.
    pub arn: String,
    /// With one data key for many objects, whose encryption context is the bucket.
    pub bucket_key: bool,
    /// Region of the bucket.
    pub region: String,
}

/// Documents by level, from the organization's root down.
pub type Levels = Vec<Vec<Placed>>;

/// Control policies of an organization, by account.
#[derive(Debug, Clone, Default)]
pub struct Controls {
    /// What they let principals of the account do.
    pub service: BTreeMap<String, Levels>,
    /// What they let anybody do with resources of the account.
    pub resource: BTreeMap<String, Levels>,
}

/// Everything that decides access.
#[derive(Debug, Clone, Default)]
pub struct Estate {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// Accounts of which every role, user and group is among the principals.
    pub whole: BTreeSet<String>,
    /// Accounts of which single objects alone were read: who else there is is not known.
    pub in_part: BTreeSet<String>,
    /// Customer managed policies by ARN.
    pub managed: BTreeMap<String, Document>,
    /// Roles, users and members of groups by ARN.
    pub principals: BTreeMap<String, Principal>,
    /// Roles by ARN, each with its trust policy.
    pub roles: BTreeMap<String, Guarded>,
    /// Buckets by name.
    pub buckets: BTreeMap<String, Guarded>,
    /// Buckets whose policy is public, and of which nobody knows whether the block of public access of the bucket, or of its account,
    /// closes them to others.
    pub blocks_unread: BTreeSet<String>,
    /// Whether ACLs count, by the bucket's name.
    pub acls: BTreeMap<String, Acls>,
    /// Keys by ARN, each with its policy.
    pub keys: BTreeMap<String, Guarded>,
    /// Keys that nobody can use as they are, by ARN, each with its state.
    pub keys_off: BTreeMap<String, KeyState>,
    /// The keys of buckets, by the bucket's name.
    pub bucket_keys: BTreeMap<String, BucketKey>,
    /// Buckets of which it could not be read what they are encrypted with.
    pub encryption_unread: BTreeSet<String>,
    /// Tags of buckets and keys by ARN, where they are known.
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Identity providers by ARN, each with what tells whose tokens it takes: audiences, or SAML metadata.
    pub providers: BTreeMap<String, BTreeSet<String>>,
    /// Service control policies by account.
    pub service_control: BTreeMap<String, Levels>,
    /// Resource control policies by account.
    pub resource_control: BTreeMap<String, Levels>,
}

/// Whose policies the caller's side is taken from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Identity<'e> {
    /// Of this principal.
    Of(&'e Principal),
    /// Of this principal, and policies that were not read, taken to let it everything: what was read still limits it.
    AndMore(&'e Principal, &'e Placed),
    /// It may do everything that its account could let it do.
    Everything(&'e Placed),
    /// It has none.
    Nothing,
}

impl Estate {
    /// The partition, `aws` unless it says another.
    pub(crate) fn partition(&self) -> &str {
        if self.partition.is_empty() { "aws" } else { &self.partition }
    }

    /// The tags of a role, a user or a key by which services tell it, where they are known.
    pub(crate) fn tags_of(&self, resource: &str) -> Option<&BTreeMap<String, String>> {
        let principal = self.principals.get(resource).filter(|_| !resource.contains(":group/")).map(|principal| &principal.tags);
        principal.or_else(|| self.tags.get(resource).filter(|_| resource.contains(":kms:")))
    }

    /// The key of the bucket that a resource of S3 is, or is in.
    pub(crate) fn key_of(&self, resource: &str) -> Option<&BucketKey> {
        let (_, name) = resource.split_once(":s3:::")?;
        self.bucket_keys.get(name.split('/').next().unwrap_or(name))
    }

    /// The ARN of a role whose path is not known, as sessions' ARNs have none.
    pub(crate) fn role_named(&self, account: &str, name: &str) -> Option<&String> {
        let head = format!("arn:{}:iam::{account}:role/", self.partition());
        let roles = self.principals.range(head.clone()..).take_while(|(arn, _)| arn.starts_with(&head));
        roles.filter(|(_, p)| !p.user && p.name == name).map(|(arn, _)| arn).next()
    }

    /// The role that a session is of, by the session's ARN.
    pub fn role_behind(&self, session: &str) -> Option<&String> {
        let arn = Arn::parse(session).filter(|arn| arn.service == "sts")?;
        self.role_named(arn.account, arn.resource.strip_prefix("assumed-role/")?.split('/').next()?)
    }

    /// The same under these control policies.
    #[must_use]
    pub fn under(self, controls: &Controls) -> Self {
        Self { service_control: controls.service.clone(), resource_control: controls.resource.clone(), ..self }
    }

    /// Nobody and nothing, under the same control policies.
    #[must_use]
    pub fn of_nobody(&self) -> Self {
        let nobody = Self { partition: self.partition.clone(), ..Self::default() };
        Self { service_control: self.service_control.clone(), resource_control: self.resource_control.clone(), ..nobody }
    }

    /// Returns the policies of one caller's side and one resource's.
    pub(crate) fn policies<'e>(&'e self, identity: Identity<'e>, account: Option<&str>, guarded: Option<&'e Guarded>, owner: Option<&str>) -> Policies<'e> {
        fn list(documents: &[Placed]) -> Vec<&Compiled> {
            documents.iter().map(|p| &p.compiled).collect()
        }
        let (identity, boundary) = match identity {
            Identity::Of(principal) => (list(&principal.identity), principal.boundary.as_deref().map(list)),
            Identity::AndMore(principal, all) => {
                let identity = list(&principal.identity).into_iter().chain([&all.compiled]).collect();
                (identity, principal.boundary.as_deref().map(list))
            }
            Identity::Everything(all) => (vec![&all.compiled], None),
            Identity::Nothing => (Vec::new(), None),
        };
        Policies {
            identity,
            boundary,
            resource: guarded.and_then(|g| g.policy.as_ref()).map(|p| &p.compiled),
            session: None,
            service_control: account.and_then(|a| self.service_control.get(a)).map(|levels| levels.iter().map(|l| list(l)).collect()),
            resource_control: owner.and_then(|a| self.resource_control.get(a)).map(|levels| levels.iter().map(|l| list(l)).collect()).unwrap_or_default(),
            restrict_public: guarded.is_some_and(|g| g.restrict_public),
        }
    }
}
