//! Keys: who may use one, and what that means for objects that are encrypted with it.
//!
//! S3 asks KMS as whoever asks S3 (S3 User Guide, "Using server-side encryption with AWS KMS keys"): what S3 lets somebody read
//! stays closed where the key does not let them decrypt. A key has lines of its own; those of a bucket say where its key is
//! missing.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use crossrole_model::KeyRef;
use crossrole_model::access::{About, AccessChange, Direction, Hop, Keyless, Party, Shut, Undecided, Why};
use crossrole_model::observed::KeyState;
use crossrole_policy::Arn;

use crate::ask::Question;
use crate::engine::compiled::action_matches;
use crate::engine::never::unheard;
use crate::estate::{BucketKey, Estate, Identity};
use crate::live::AWS_KEY;
use crate::request::{Context, ContextValue};

use super::elsewhere::OTHER;
use super::pair::{Domain, Region, Subject, Text, compare};
use super::reach::{Search, Way};
use super::subjects::{Kind, Who};
use super::{Work, named};

/// What S3 asks KMS for: what it is asked for itself, and what that takes of the key (S3 API reference, "Required permissions
/// for using AWS KMS" of each operation).
const ASKS: [(&str, &str); 3] = [("s3:GetObject", "kms:Decrypt"), ("s3:GetObjectVersion", "kms:Decrypt"), ("s3:PutObject", "kms:GenerateDataKey")];

const WRITE: &str = "s3:PutObject";
const READ: &str = "s3:GetObject";

/// One use of a bucket's key by S3.
pub(crate) struct Uses<'e> {
    pub(crate) key: &'e BucketKey,
    pub(crate) action: &'static str,
    /// ARN that is the encryption context.
    context: String,
}

/// What an action on an object takes of its bucket's key.
pub(crate) fn uses<'e>(estate: &'e Estate, action: &str, resource: &str) -> Option<Uses<'e>> {
    of_key(estate.key_of(resource)?, action, resource)
}

/// What an action on an object takes of the key that encrypts it.
fn of_key<'e>(key: &'e BucketKey, action: &str, resource: &str) -> Option<Uses<'e>> {
    let (bucket, _) = resource.split_once('/')?;
    let (_, asked) = ASKS.iter().find(|(of_s3, _)| of_s3.eq_ignore_ascii_case(action))?;
    // Where a bucket names no key, each account writes with that of its own that AWS made (S3 User Guide, "Using server-side encryption with
    // AWS KMS keys").
    if key.arn.ends_with(&format!(":{AWS_KEY}")) && action.eq_ignore_ascii_case(WRITE) {
        return None;
    }
    Some(Uses { key, action: asked, context: if key.bucket_key { bucket } else { resource }.to_owned() })
}

/// The header of an upload that says how it is encrypted, that which names the key, and that of a key which whoever asks sends along (Service
/// Authorization Reference, "Condition keys for Amazon S3").
const ALGORITHM: &str = "s3:x-amz-server-side-encryption";
const NAMED_KEY: &str = "s3:x-amz-server-side-encryption-aws-kms-key-id";
const OWN_KEY: &str = "s3:x-amz-server-side-encryption-customer-algorithm";

/// How an object is encrypted, as far as its request, or the object itself, says it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ObjectKey {
    /// Nothing is said, or KMS without a key: the bucket's.
    #[default]
    AsItsBucket,
    /// With nothing that KMS is asked for.
    Otherwise,
    /// With this key.
    Key(BucketKey),
}

/// What a request says of the encryption of its object. `bucket`: what its bucket says.
pub fn brought(context: &Context, action: &str, bucket: Option<&BucketKey>) -> ObjectKey {
    let one = |key: &str| match context.get(key) {
        Some(ContextValue::One(value)) => Some(value.as_str()),
        _ => None,
    };
    if one(OWN_KEY).is_some() {
        return ObjectKey::Otherwise;
    }
    let kms = one(ALGORITHM).is_some_and(|algorithm| algorithm.starts_with("aws:kms"));
    match one(NAMED_KEY).filter(|_| kms).and_then(|key| Some((key, KeyRef::parse(key)?))) {
        _ if !action.eq_ignore_ascii_case(WRITE) => ObjectKey::AsItsBucket,
        Some((key, named)) => {
            let bucket_key = bucket.is_some_and(|bucket| bucket.bucket_key);
            ObjectKey::Key(BucketKey { arn: key.to_owned(), bucket_key, region: named.region().to_owned() })
        }
        None if one(ALGORITHM).is_some() && !kms => ObjectKey::Otherwise,
        None => ObjectKey::AsItsBucket,
    }
}

/// The bucket of an object that an action would read or write, where nobody knows what it is encrypted with.
pub(crate) fn unread<'r>(estate: &Estate, action: &str, resource: &'r str) -> Option<&'r str> {
    let (bucket, _) = resource.split_once(":s3:::")?.1.split_once('/')?;
    let asks = ASKS.iter().any(|(of_s3, _)| of_s3.eq_ignore_ascii_case(action));
    Some(bucket).filter(|bucket| asks && estate.encryption_unread.contains(*bucket))
}

/// What KMS does with a key for its users, by what the actions begin with (AWS KMS Developer Guide, "Cryptographic operations").
const USES: [&str; 10] = [
    "kms:decrypt",
    "kms:derivesharedsecret",
    "kms:encrypt",
    "kms:generatedatakey",
    "kms:generatemac",
    "kms:getpublickey",
    "kms:reencrypt",
    "kms:sign",
    "kms:verify",
    "kms:creategrant",
];

/// The state of a key that keeps everybody from an action on it.
pub(crate) fn off<'e>(estate: &'e Estate, action: &str, key: &str) -> Option<&'e KeyState> {
    estate.keys_off.get(key).filter(|_| is_use(action))
}

/// Tells whether an action is a use of a key: what its state keeps from everybody, and what grants let.
pub(crate) fn is_use(action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    USES.iter().any(|head| action.starts_with(head))
}

/// The key that an answer rests on: the one that is asked for, or the one of the bucket.
pub(crate) fn rests_on<'r>(estate: &'r Estate, action: &str, resource: &'r str) -> Option<(&'static str, &'r str)> {
    match uses(estate, action, resource) {
        Some(uses) => Some((uses.action, uses.key.arn.as_str())),
        None => KeyRef::parse(resource).map(|_| ("", resource)),
    }
}

/// An object of a bucket, where a line is about both and the bucket was asked about.
fn an_object(resource: &str) -> Cow<'_, str> {
    match resource.split_once(":s3:::") {
        Some((_, name)) if !name.contains('/') => Cow::Owned(format!("{resource}/*")),
        _ => Cow::Borrowed(resource),
    }
}

/// Notes where a party gains the use of a key of which the policy, which decides first, was not read.
pub(super) fn unread_keys(changes: &mut [AccessChange], sides: [&Estate; 2]) {
    for change in changes.iter_mut().filter(|change| change.direction == Direction::Widened && change.keyless.is_none()) {
        let key = &change.witness.resource;
        let is_named = change.resources.iter().any(|part| part.pattern == *key);
        if is_named && KeyRef::parse(key).is_some() && !sides.iter().any(|side| side.keys.contains_key(key)) {
            change.keyless = Some(Keyless { key: key.clone(), actions: Vec::new(), because: Shut::NotRead });
        }
    }
}

/// Tells whether a line says what a key lets, or what it takes one for.
pub(super) fn is_of_key(change: &AccessChange, sides: [&Estate; 2]) -> bool {
    let asks = |(action, _): &&(&str, &str)| change.actions.iter().any(|a| a.patterns().all(|p| action_matches(p, action)));
    let object = an_object(&change.witness.resource);
    let mut used = ASKS.iter().filter(asks).flat_map(|(action, _)| sides.map(|side| uses(side, action, &object)));
    change.keyless.is_some() || KeyRef::parse(&change.witness.resource).is_some() || used.any(|uses| uses.is_some())
}

impl Estate {
    /// What S3 asks KMS for, as whoever asks S3 this; `None`: nothing. `said`: what is known of the object's encryption.
    pub fn through_s3(&self, question: &Question, said: &ObjectKey) -> Option<Question> {
        let Question { principal, via: _, action, resource, resource_account, context, unread_allows } = question;
        let uses = match said {
            ObjectKey::AsItsBucket => uses(self, action, resource),
            ObjectKey::Otherwise => None,
            ObjectKey::Key(key) => of_key(key, action, resource),
        }?;
        let mut context = context.clone();
        uses.put(&mut context, account_behind(principal));
        Some(Question {
            principal: principal.clone(),
            via: Vec::new(),
            action: uses.action.to_owned(),
            resource: uses.key.arn.clone(),
            resource_account: resource_account.clone(),
            context,
            unread_allows: *unread_allows,
        })
    }
}

/// The account of whoever asks.
fn account_behind(principal: &str) -> Option<&str> {
    Arn::parse(principal).map(|arn| arn.account).or_else(|| Some(principal).filter(|text| text.len() == 12))
}

impl Uses<'_> {
    /// The keys of such a request (AWS KMS Developer Guide, "AWS KMS condition keys"; S3 User Guide, "Encryption context").
    fn keys(&self, account: Option<&str>) -> Vec<(&'static str, String)> {
        let mut keys = vec![
            ("kms:ViaService", format!("s3.{}.amazonaws.com", self.key.region)),
            ("kms:EncryptionContext:aws:s3:arn", self.context.clone()),
            ("aws:ViaAWSService", "true".to_owned()),
            ("aws:RequestedRegion", self.key.region.clone()),
        ];
        keys.extend(account.map(|account| ("kms:CallerAccount", account.to_owned())));
        keys
    }

    fn put(&self, context: &mut Context, account: Option<&str>) {
        for (key, value) in self.keys(account) {
            context.set(key, value);
        }
        context.set_many("kms:EncryptionContextKeys", vec!["aws:s3:arn".to_owned()]);
    }

    /// The same, fixed for all requests of a subject.
    fn fix(&self, subject: &mut Subject) {
        for (key, value) in self.keys(subject.account.as_deref()) {
            subject.fixed.insert(key.to_ascii_lowercase(), Some(ContextValue::One(value)));
        }
        subject.fixed.insert("kms:encryptioncontextkeys".to_owned(), Some(ContextValue::Many(vec!["aws:s3:arn".to_owned()])));
    }
}

/// A key, whoever owns it.
pub(super) fn domain(arn: &str, owner: Option<String>) -> Domain {
    Domain {
        about: About::Key(arn.to_owned()),
        texts: vec![Text::Exact(arn.to_owned())],
        elsewhere: BTreeSet::new(),
        known: Rc::default(),
        owner,
        actions: Vec::new(),
        service: Some("kms"),
        other: OTHER,
    }
}

impl Work<'_> {
    /// Notes where S3 lets a party read or write objects that are encrypted, and their key does not let it under any condition.
    pub(super) fn without_key(&self, who: &Who, bucket: &Domain, changes: &mut [AccessChange]) {
        if !matches!(bucket.about, About::Bucket(_)) {
            return;
        }
        for change in changes {
            let side = if change.direction == Direction::Widened { self.sides[1] } else { self.sides[0] };
            let asks = |(action, _): &&(&str, &str)| change.actions.iter().any(|a| a.patterns().all(|p| action_matches(p, action)));
            let object = an_object(&change.witness.resource);
            let used = ASKS.iter().filter(asks).filter_map(|(action, _)| Some((*action, uses(side, action, &object)?)));
            let used: Vec<(&str, Uses<'_>)> = used.collect();
            if ASKS.iter().filter(asks).any(|(action, _)| unread(side, action, &object).is_some()) && change.direction == Direction::Widened {
                change.keyless = Some(Keyless { key: String::new(), actions: Vec::new(), because: Shut::EncryptionNotRead });
                continue;
            }
            let closed: Vec<&(&str, Uses<'_>)> = used.iter().filter(|(_, uses)| self.never(who, side, uses, false)).collect();
            let Some((_, first)) = closed.first() else {
                let unread = used.iter().find(|(_, uses)| change.direction == Direction::Widened && !side.keys.contains_key(&uses.key.arn));
                change.keyless = unread.map(|(_, uses)| Keyless { key: uses.key.arn.clone(), actions: Vec::new(), because: Shut::NotRead });
                continue;
            };
            let all = closed.len() == used.len();
            let actions = if all { Vec::new() } else { closed.iter().map(|(action, _)| (*action).to_owned()).collect() };
            change.keyless =
                Some(Keyless { key: first.key.arn.clone(), actions, because: side.keys_off.get(&first.key.arn).cloned().map_or(Shut::Refused, Shut::State) });
        }
    }

    /// Buckets of which the key changes, and nothing else: whoever S3 lets write there on both sides, and may use one of the keys alone,
    /// gains or loses that. What lies there stays under the key that it was written with.
    pub(super) fn rekeyed(&mut self) {
        let [before, after] = self.sides;
        let key = |side: &Estate, name: &str| side.bucket_keys.get(name).map(|key| (key.arn.clone(), key.bucket_key));
        let both = after.buckets.keys().filter(|name| before.buckets.contains_key(*name) && key(before, name) != key(after, name));
        for name in both.cloned().collect::<Vec<_>>() {
            // Of a key that nobody has read, everybody is taken to be let: what changes by it is not known.
            let unread = |side: &Estate| Some(side.bucket_keys.get(&name)?.arn.clone()).filter(|key| !side.keys.contains_key(key));
            for key in self.sides.into_iter().filter_map(unread).collect::<BTreeSet<_>>() {
                let account = after.buckets.get(&name).map(|guarded| guarded.account.clone()).unwrap_or_default();
                let party = Party::AnyOf { partition: after.partition().to_owned(), account };
                self.delta.undecided.push(Undecided { party, about: About::Bucket(name.clone()), why: Why::KeyNotRead(key) });
            }
            for action in [WRITE, READ] {
                self.written_under(&name, action);
            }
        }
    }

    /// What is written, or read of what is written from then on.
    fn written_under(&mut self, name: &str, action: &'static str) {
        let keys = self.sides.map(|side| side.bucket_keys.get(name));
        // Of one key, what differs is the encryption context: the bucket's ARN or the objects'.
        let in_context = keys.iter().all(Option::is_some) && keys.map(|key| key.map(|key| &key.arn)).windows(2).all(|pair| pair.first() == pair.last());
        let old_key = keys.first().copied().flatten().filter(|_| action == READ && !in_context).map(|key| key.arn.clone());
        let key_of_new = keys.last().copied().flatten().map(|key| key.arn.clone());
        let sides = self.sides.map(|side| side.buckets.get(name));
        let owner = sides[1].map(|guarded| guarded.account.clone());
        let mut domain = super::bucket_domain(self.sides[1].partition(), name, owner.clone());
        domain.texts.retain(|text| matches!(text, Text::Walk(_)));
        let documents: Vec<_> = sides.iter().flatten().filter_map(|guarded| guarded.policy.as_ref()).map(|policy| &policy.document).collect();
        let known: BTreeSet<&String> = self.sides.into_iter().flat_map(|side| side.principals.keys()).collect();
        let mut all: Vec<Who> = known.into_iter().filter_map(|arn| Who::known(arn, self.sides)).collect();
        all.extend(named::others(&documents, owner.as_deref().unwrap_or_default(), self.sides, &domain));
        domain.actions = vec![action.to_owned()];
        let object = format!("arn:{}:s3:::{name}/*", self.sides[1].partition());
        for who in all {
            let [old, new] = self.sides.map(|side| uses(side, action, &object).is_none_or(|uses| !self.never(&who, side, &uses, in_context)));
            if old == new {
                continue;
            }
            let (direction, at) = if new { (Direction::Widened, 1) } else { (Direction::Narrowed, 0) };
            let account = who.subject.account.as_deref();
            let mut subject = who.subject.clone();
            subject.name_accounts(&domain);
            let mut let_in = Vec::new();
            for (side, guarded) in self.sides.into_iter().zip(sides) {
                let policies = who.identity(side, self.everything).map(|identity| side.policies(identity, account, guarded, owner.as_deref()));
                let_in.push(compare(&subject, &domain, [None, policies.as_ref()]));
            }
            // Who is let in on one side alone has a line of S3's.
            if let_in.iter().any(|regions| regions.as_ref().is_ok_and(Vec::is_empty)) {
                continue;
            }
            match let_in.swap_remove(at) {
                Ok(regions) => self.delta.changes.extend(regions.into_iter().map(|region| {
                    // Of what lies there already, neither is so.
                    let keyless = match (&old_key, &key_of_new) {
                        (Some(key), _) if new => Some(Keyless { key: key.clone(), actions: Vec::new(), because: Shut::Refused }),
                        (_, Some(key)) if action == READ => Some(Keyless { key: key.clone(), actions: Vec::new(), because: Shut::FromThenOn }),
                        _ => None,
                    };
                    let mut change = AccessChange { direction, keyless, ..super::change(&subject, region) };
                    // The two were asked as a gain: S3's yes, and none where the key says no.
                    if direction == Direction::Narrowed {
                        std::mem::swap(&mut change.witness.before, &mut change.witness.after);
                    }
                    change
                })),
                Err(why) => self.delta.undecided.push(Undecided { party: subject.party, about: domain.about.clone(), why }),
            }
        }
    }

    /// Tells whether nothing lets a party use a key so, on one side; `in_context`: as it is used there, else in what object's context is not
    /// told apart, and any will do.
    fn never(&self, who: &Who, side: &Estate, uses: &Uses<'_>, in_context: bool) -> bool {
        let mut subject = who.subject.clone();
        uses.fix(&mut subject);
        if !in_context {
            subject.fixed.remove("kms:encryptioncontext:aws:s3:arn");
        }
        if off(side, uses.action, &uses.key.arn).is_some() || unheard(&subject.caller, uses.action).is_some() {
            return true;
        }
        // What was not read may let it.
        let Some(guarded) = side.keys.get(&uses.key.arn) else { return false };
        let documents: Vec<_> = guarded.policy.iter().map(|p| &p.document).collect();
        let unread = who.kind == Kind::Known && self.is_unread(who);
        if unread || named::names_some_of(&documents, who, self.sides) {
            return false;
        }
        // Who needs no policies for the bucket may have some for the key.
        let identity = if who.kind == Kind::Nothing { Some(Identity::Everything(self.everything)) } else { who.identity(side, self.everything) };
        let Some(identity) = identity else { return true };
        let policies = side.policies(identity, subject.account.as_deref(), Some(guarded), Some(&guarded.account));
        let mut domain = domain(&uses.key.arn, Some(guarded.account.clone()));
        domain.actions = vec![uses.action.to_owned()];
        subject.name_accounts(&domain);
        compare(&subject, &domain, [None, Some(&policies)]).is_ok_and(|regions| regions.is_empty())
    }
}

impl Search<'_> {
    /// The ways of which the last one may use the key, under the conditions of both; and those of whom the key does not let, or not always,
    /// as they are without it.
    pub(super) fn with_key(&mut self, ways: Vec<Way>, uses: &Uses<'_>) -> (Vec<Way>, Vec<Way>) {
        let guarded = self.estate.keys.get(&uses.key.arn);
        if off(self.estate, uses.action, &uses.key.arn).is_some() {
            return (Vec::new(), ways);
        }
        if guarded.is_none() {
            let parties = ways.iter().filter_map(|(_, way)| way.last()).map(|hop| hop.party.clone());
            let unread = |party| Undecided { party, about: About::Key(uses.key.arn.clone()), why: Why::NotRead };
            self.reach.undecided.extend(parties.map(unread));
            return (Vec::new(), ways);
        }
        let owner = guarded.map(|g| g.account.clone()).or_else(|| Arn::parse(&uses.key.arn).map(|a| a.account.to_owned()));
        let (mut with, mut without) = (Vec::new(), Vec::new());
        for (arn, way) in ways {
            let Some(who) =
                self.whos.iter().find(|who| way.last().is_some_and(|hop| (&who.subject.party, who.subject.certainty) == (&hop.party, hop.certainty))).cloned()
            else {
                continue;
            };
            let mut subject = who.subject.clone();
            uses.fix(&mut subject);
            let heard = |_: &Identity<'_>| unheard(&subject.caller, uses.action).is_none();
            let regions = who.identity(self.estate, self.everything).filter(heard).map_or(Ok(Vec::new()), |identity| {
                let policies = self.estate.policies(identity, subject.account.as_deref(), guarded, owner.as_deref());
                let mut domain = domain(&uses.key.arn, owner.clone());
                domain.actions = vec![uses.action.to_owned()];
                subject.name_accounts(&domain);
                compare(&subject, &domain, [None, Some(&policies)])
            });
            let always = |regions: &Vec<Region>| regions.iter().any(|region| region.when.0.is_empty());
            if !regions.as_ref().is_ok_and(always) {
                without.push((arn.clone(), way.clone()));
            }
            match regions {
                Ok(regions) => with.extend(regions.into_iter().map(|region| {
                    let (action, resource) = (uses.action.to_owned(), uses.key.arn.clone());
                    let (party, certainty) = (subject.party.clone(), subject.certainty);
                    let hop = Hop { party, except: Vec::new(), certainty, action, resource, when: region.when.0 };
                    (arn.clone(), way.iter().cloned().chain([hop]).collect())
                })),
                Err(why) => self.reach.undecided.push(Undecided { party: subject.party, about: About::Key(uses.key.arn.clone()), why }),
            }
        }
        (with, without)
    }
}
