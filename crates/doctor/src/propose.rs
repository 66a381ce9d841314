//! What could be tried against a trouble, the smallest first. Nothing here knows whether it helps.

use std::collections::BTreeMap;

use crossrole_model::access::{Lack, Layer, Relation};
use crossrole_model::diagnosis::{Amend, Amendment, Cause, FixStep, RequestChange, Word};
use crossrole_model::observed::KeyState;
use crossrole_model::{AccountId, Address, KeyRef, Kind, Observation, Observed};
use crossrole_policy::{Arn, Document, Effect, Principal, Statement};

use crate::asked::{Who, date};
use crate::command::{ACCOUNT, INLINE, Place, command, place_of};
use crate::deny::{Excepted, excepting};
use crate::lacks;
use crate::trouble::{CHAINED, Guard, Hop, Trouble, bucket_of};
use crate::world::{World, address_of};

/// Most entries of a list in a manifest that are tried one after the other.
const ENTRIES_MOST: usize = 20;

/// Something to try.
pub(crate) enum Proposal {
    /// Manifests that say more.
    Amend(Vec<Amendment>),
    /// Somebody runs commands; after that, this is what there is.
    Command(Box<Observed>, Vec<FixStep>),
    /// The same, where it is a setting of a bucket that was read besides.
    Setting(Box<Observed>, Vec<FixStep>),
    /// The call is made otherwise.
    Request(RequestChange),
}

impl Proposal {
    /// The entry of a list whose limits it takes over.
    pub(crate) fn like(&self) -> Option<usize> {
        let Self::Amend(all) = self else { return None };
        all.iter().find_map(|amendment| if let Amend::Append { like, .. } = amendment.change { like } else { None })
    }
}

struct Proposer<'w, 'c> {
    world: &'w World<'c>,
    trouble: &'w Trouble,
    hop: &'w Hop,
    out: Vec<Proposal>,
}

/// Returns what could be tried.
pub(crate) fn proposals(world: &World<'_>, trouble: &Trouble, hop: &Hop) -> Vec<Proposal> {
    let mut proposer = Proposer { world, trouble, hop, out: Vec::new() };
    proposer.request();
    proposer.policies();
    proposer.facts();
    proposer.elsewhere();
    proposer.out
}

impl Proposer<'_, '_> {
    /// What the caller can do by asking otherwise widens nothing.
    fn request(&mut self) {
        if let (Cause::ExternalIdMissing | Cause::ExternalIdWrong | Cause::OtherCondition, Some(Lack::Condition { operator, key, wanted, .. })) =
            (self.trouble.found.cause, &self.trouble.found.lack)
        {
            self.out.extend(self.world.otherwise(self.hop, operator, key, wanted).into_iter().map(Proposal::Request));
        }
        let change = match self.trouble.found.cause {
            Cause::MfaRefused => Some(RequestChange::Mfa),
            // A session of a role has no device, and brings no second factor (IAM User Guide, "Secure API access with MFA").
            Cause::MfaMissing | Cause::MfaTooOld => Who::of(&self.hop.call.principal).is_none_or(|who| who.kind != "role").then_some(RequestChange::Mfa),
            Cause::RegionMissing => {
                Some(RequestChange::Region { region: bucket_of(&self.hop.call.resource).and_then(|name| self.world.bucket(name)).map(|state| state.region) })
            }
            Cause::InsecureTransport => Some(RequestChange::Tls),
            Cause::SessionTooLong => {
                let role = Who::of(&self.hop.call.resource).and_then(|who| self.world.role(who.account, who.name));
                role.map(|role| RequestChange::Duration { seconds: role.max_session_seconds })
            }
            Cause::ChainedTooLong => Some(RequestChange::Duration { seconds: CHAINED }),
            Cause::RoleInOtherAccount | Cause::RoleUnderOtherPath => self.world.like(&self.hop.call.resource).map(|arn| RequestChange::Role { arn }),
            Cause::WrongRegion => {
                let told = self.world.asked.denied.as_ref().and_then(|denied| denied.region.clone());
                let known = bucket_of(&self.hop.call.resource).and_then(|name| self.world.bucket(name)).map(|state| state.region);
                let known = known.or_else(|| self.world.called_in(&self.hop.call.action, &self.hop.call.resource).filter(|_| self.hop.guard == Guard::Key));
                Some(RequestChange::Region { region: known.or(told) })
            }
            Cause::SessionPolicyLacks | Cause::SessionPolicyDenies => Some(RequestChange::WithoutSessionPolicy),
            Cause::RootAssumes => Some(RequestChange::NotRoot),
            Cause::ClockSkew => Some(RequestChange::Clock),
            Cause::LinkExpired => Some(RequestChange::NewLink),
            Cause::Throttled => Some(RequestChange::Later),
            Cause::ServiceFailed => Some(RequestChange::Later),
            Cause::ObjectMissing => Some(RequestChange::Object),
            Cause::ObjectArchived => Some(RequestChange::Restored),
            Cause::OwnersOnly => Some(RequestChange::ByOwner),
            because @ (Cause::RequestInvalid | Cause::PolicyMalformed | Cause::TokenNotTaken) => Some(RequestChange::Corrected { because }),
            because @ (Cause::ProfileMissing
            | Cause::NotAssigned
            | Cause::NoCredentials
            | Cause::ExpiredCredentials
            | Cause::UnknownCredentials
            | Cause::WrongSecret
            | Cause::SessionRevoked) => Some(RequestChange::Credentials { because }),
            because @ (Cause::Unresolved | Cause::Proxy | Cause::Certificate | Cause::Unreachable) => Some(RequestChange::Network { because }),
            _ => None,
        };
        self.out.extend(change.map(Proposal::Request));
    }

    fn policies(&mut self) {
        match self.trouble.found.cause {
            Cause::TrustLacks | Cause::TrustNamesDeleted => self.trust(),
            Cause::TagsNotTrusted => self.limit("session_tags", &Word::Yes, false),
            Cause::SourceIdentityNotTrusted => self.limit("source_identity", &Word::Yes, false),
            Cause::Over => {
                for key in ["not_after", "expires"] {
                    self.limit(key, &self.ends(), true);
                }
            }
            Cause::NotYet => self.limit("not_before", &self.begins(), true),
            Cause::SourceAddress => self.address(),
            Cause::BucketPolicyLacks | Cause::BucketPolicyNamesDeleted => self.bucket(),
            Cause::KeyPolicyLacks | Cause::KeyPolicyNamesDeleted => self.key(),
            Cause::NotInGroup => {
                self.member();
                self.identity();
            }
            Cause::IdentityLacks | Cause::KeyIdentityLacks => self.identity(),
            Cause::BoundaryLacks => self.boundary(),
            Cause::IdentityDenies => {
                let role = address_of(&self.hop.call.principal).filter(|address| self.world.declares_role(address));
                if let Some(role) = role {
                    let at = self.at(&role, "roles");
                    self.taken_out(&at);
                }
                let documents = self.world.own_documents(&self.hop.call.principal);
                self.denials(documents, false);
            }
            Cause::BoundaryDenies => {
                let found = self.world.boundary(&self.hop.call.principal).and_then(|arn| Some((Place::Managed(arn.clone()), self.world.managed(&arn)?)));
                self.denials(found.into_iter().collect(), true);
            }
            Cause::TrustDenies | Cause::BucketPolicyDenies | Cause::KeyPolicyDenies => {
                if let Some((at, _)) = self.lists().filter(|_| self.hop.guard != Guard::Trust) {
                    self.taken_out(&at);
                }
                let place = place_of(&self.hop.call.resource).zip(self.world.policy_of(self.hop).cloned());
                self.denials(place.into_iter().collect(), true);
            }
            Cause::PublicRestricted => self.not_public(),
            _ => {}
        }
    }

    fn facts(&mut self) {
        match self.trouble.found.cause {
            Cause::KeyDisabled | Cause::KeyPendingDeletion => self.key_state(),
            Cause::ObjectOwner => self.ownership(),
            _ => {}
        }
    }

    /// Where no policy is to be changed, the call comes from where it is let in.
    fn elsewhere(&mut self) {
        let (Cause::SourceAddress | Cause::SourceNetwork, Some(Lack::Condition { operator, key, relation, wanted, .. })) =
            (self.trouble.found.cause, &self.trouble.found.lack)
        else {
            return;
        };
        let other = matches!(relation, Some(Relation::Compares(comparison)) if comparison.not);
        let named = if matches!(relation, Some(Relation::Present)) { Vec::new() } else { wanted.clone() };
        let mut values = self.world.values(self.hop, operator, key, wanted);
        values.extend(named.first().cloned());
        let from = |value: String| RequestChange::From { key: key.clone(), wanted: named.clone(), other, value };
        self.out.extend(values.into_iter().map(from).map(Proposal::Request));
    }

    fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = self.world.desired.manifests.iter().map(|m| m.file.clone()).collect();
        files.dedup();
        files
    }

    fn amend(&mut self, at: &[String], entry: Option<&(String, usize)>, change: &Amend) {
        for file in self.files() {
            self.out.push(Proposal::Amend(vec![Amendment { file, at: at.to_vec(), entry: entry.cloned(), change: change.clone() }]));
        }
    }

    /// A document that somebody else keeps is written anew.
    fn write(&mut self, place: &Place, document: Option<&Document>) {
        if !self.world.is_ours(place) && !self.world.is_of_aws(place) {
            self.out.extend(self.world.written(place, document).map(|(observed, steps)| Proposal::Command(Box::new(observed), steps)));
        }
    }

    /// The label of an account in the manifests.
    fn label(&self, account: &str) -> Option<String> {
        let info = self.world.desired.accounts.get(&AccountId::parse(account)?)?;
        (!info.trusting).then(|| info.label.clone())
    }

    /// Where manifests have something of an account.
    fn at(&self, address: &Address, list: &str) -> Vec<String> {
        let own = [list.to_owned(), address.name.clone()];
        match self.label(address.account.as_str()) {
            Some(label) => ["trusted".to_owned(), label].into_iter().chain(own).collect(),
            None => own.to_vec(),
        }
    }

    /// The words of a grant for the caller.
    fn who(&self) -> Option<(String, Word)> {
        let principal = &self.hop.call.principal;
        if lacks::is_account(principal) {
            return Some(("account".to_owned(), Word::Text(self.label(principal).unwrap_or_else(|| principal.clone()))));
        }
        let who = Who::of(principal)?;
        let label = self.label(who.account);
        if let Some(set) = who.set() {
            return Some(("permission_set".to_owned(), Word::Text(format!("{}/{}", label?, set.name))));
        }
        match label {
            Some(label) => Some((who.kind.to_owned(), Word::Text(format!("{label}/{}", who.name)))),
            None => Some(("principal".to_owned(), Word::Text(self.world.known(principal).unwrap_or_else(|| principal.clone())))),
        }
    }

    fn trust(&mut self) {
        let Some(role) = address_of(&self.hop.call.resource) else { return };
        // A grant that has ended is none when manifests are read.
        for key in ["expires", "not_after"] {
            self.entries(key, &self.ends(), true);
        }
        if let Some(who) = self.who() {
            let words: Vec<(String, Word)> = std::iter::once(who).chain(self.brings()).collect();
            let at = self.at(&role, "roles");
            self.grant(&at, "trust", &words);
        }
        self.append_to_resource();
    }

    /// One more grant, as narrow as one that is there; without limits only where there is none.
    fn grant(&mut self, at: &[String], list: &str, words: &[(String, Word)]) {
        for like in (0..ENTRIES_MOST).map(Some).chain([None]) {
            self.amend(at, None, &Amend::Append { list: list.to_owned(), words: words.to_vec(), like });
        }
    }

    /// The statement that the policy of the resource lacks.
    fn for_resource(&self) -> Statement {
        let known = self.world.known(&self.hop.call.principal);
        lacks::resource(self.hop, self.world.desired.partition, known.as_deref(), self.world.near(self.hop, Layer::Resource))
    }

    /// A statement more in the policy of a resource that somebody else keeps.
    fn append_to_resource(&mut self) {
        let statement = self.for_resource();
        if let Some(place) = place_of(&self.hop.call.resource) {
            let mut document = self.world.policy_of(self.hop).cloned().unwrap_or_else(|| Document::new(Vec::new()));
            document.statements.push(statement);
            self.write(&place, Some(&document));
        }
    }

    /// Entries of the list that let in: of a role's trust, and of what a bucket or key allows.
    fn lists(&self) -> Option<(Vec<String>, &'static str)> {
        match self.hop.guard {
            Guard::Trust => address_of(&self.hop.call.resource).map(|role| (self.at(&role, "roles"), "trust")),
            Guard::Bucket => bucket_of(&self.hop.call.resource).map(|name| (vec!["buckets".to_owned(), name.to_owned()], "allow")),
            Guard::Key => Some((vec!["keys".to_owned(), self.hop.call.resource.clone()], "allow")),
            Guard::Nothing => None,
        }
    }

    /// Each entry with another word.
    fn entries(&mut self, key: &str, word: &Word, there: bool) {
        let Some((at, list)) = self.lists() else { return };
        for index in 0..ENTRIES_MOST {
            self.amend(&at, Some(&(list.to_owned(), index)), &Amend::Put { key: key.to_owned(), word: word.clone(), there });
        }
    }

    fn address(&mut self) {
        let Some(address) = self.world.asked.one("aws:SourceIp").map(str::to_owned) else { return };
        let text = if address.contains(':') { format!("{address}/128") } else { format!("{address}/32") };
        let Some((at, list)) = self.lists() else { return };
        for index in 0..ENTRIES_MOST {
            self.amend(&at, Some(&(list.to_owned(), index)), &Amend::Add { key: "source_ip".to_owned(), text: text.clone(), there: true });
        }
        self.beside("source_ip", &Word::Text(text));
    }

    /// An entry with another word; where that would let in others, too, one more for the caller alone.
    fn limit(&mut self, key: &str, word: &Word, there: bool) {
        self.entries(key, word, there);
        self.beside(key, word);
    }

    /// One more grant, for the caller alone, as narrow as one that is there but for a word.
    fn beside(&mut self, key: &str, word: &Word) {
        let (Some((at, list)), Some(who)) = (self.lists().filter(|_| self.hop.guard == Guard::Trust), self.who()) else { return };
        let mut words = vec![who, (key.to_owned(), word.clone())];
        words.extend(self.brings().into_iter().filter(|(other, _)| other != key));
        for like in 0..ENTRIES_MOST {
            self.amend(&at, None, &Amend::Append { list: list.to_owned(), words: words.clone(), like: Some(like) });
        }
    }

    /// What a session may bring has to be said in the same grant.
    fn brings(&self) -> Vec<(String, Word)> {
        let asked = &self.world.asked;
        let all = [(asked.session_tags, "session_tags"), (asked.source_identity, "source_identity")];
        all.into_iter().filter(|(is, _)| *is).map(|(_, key)| (key.to_owned(), Word::Yes)).collect()
    }

    /// The day of the request, in the form of TOML: a grant is to last to its end.
    fn day(&self) -> Option<String> {
        let at = self.world.asked.one("aws:CurrentTime")?;
        let nanoseconds = crossrole_access::language::instant(at)?;
        date(nanoseconds.div_euclid(1_000_000_000))
    }

    fn ends(&self) -> Word {
        Word::Instant(self.day().map(|day| format!("{day}T23:59:59Z")).unwrap_or_default())
    }

    fn begins(&self) -> Word {
        Word::Instant(self.day().map(|day| format!("{day}T00:00:00Z")).unwrap_or_default())
    }

    fn bucket(&mut self) {
        let Some(name) = bucket_of(&self.hop.call.resource) else { return };
        for key in ["expires", "not_after"] {
            self.entries(key, &self.ends(), true);
        }
        let at = vec!["buckets".to_owned(), name.to_owned()];
        let statement = self.for_resource();
        self.amend(&at, None, &Amend::Append { list: "statement".to_owned(), words: words(&statement, true), like: None });
        self.append_to_resource();
    }

    fn key(&mut self) {
        let statement = self.for_resource();
        let at = vec!["keys".to_owned(), self.hop.call.resource.clone()];
        self.amend(&at, None, &Amend::Append { list: "statement".to_owned(), words: words(&statement, false), like: None });
        self.append_to_resource();
    }

    fn member(&mut self) {
        let Some(group) = self.world.group_that_may(self.hop) else { return };
        let (Some(user), Some(of)) = (Who::of(&self.hop.call.principal), address_of(&group)) else { return };
        let at = self.at(&of, "groups");
        self.amend(&at, None, &Amend::Add { key: "members".to_owned(), text: user.name.to_owned(), there: false });
        let mut observed = (*self.world.observed).clone();
        if let Some(Observation::Known(state)) = observed.accounts.get_mut(&of.account)
            && let Some(member) = state.users.get_mut(&user.name.to_ascii_lowercase())
        {
            member.groups.insert(of.name.clone());
            let step = command(&of.account, ["iam", "add-user-to-group", "--user-name", user.name, "--group-name", &of.name]);
            self.out.push(Proposal::Command(Box::new(observed), vec![step]));
        }
    }

    /// The caller's own side.
    fn identity(&mut self) {
        let Some(address) = address_of(&self.hop.call.principal) else { return };
        let statement = lacks::identity(self.hop, self.world.near(self.hop, Layer::Identity));
        if address.kind == Kind::Role && self.world.declares_role(&address) {
            let at = self.at(&address, "roles");
            self.amend(&at, None, &Amend::Append { list: "allow".to_owned(), words: words(&statement, false), like: None });
            return;
        }
        if self.hop.guard == Guard::Trust
            && let (Some(role), Some(who)) = (address_of(&self.hop.call.resource), self.who())
        {
            // The caller's side of a grant comes with it.
            let at = self.at(&role, "roles");
            let words: Vec<(String, Word)> = std::iter::once(who).chain(self.brings()).collect();
            self.grant(&at, "trust", &words);
        }
        let kind = match address.kind {
            Kind::User => "user",
            Kind::Group => "group",
            _ => "role",
        };
        let place = Place::Inline(address.account.clone(), kind, address.name.clone(), INLINE.to_owned());
        let known = self.world.own_documents(&self.hop.call.principal).into_iter().find(|(other, _)| *other == place);
        let mut document = known.map_or_else(|| Document::new(Vec::new()), |(_, document)| document);
        document.statements.push(statement);
        self.write(&place, Some(&document));
    }

    fn boundary(&mut self) {
        let Some(arn) = self.world.boundary(&self.hop.call.principal) else { return };
        let statement = lacks::identity(self.hop, self.world.near(self.hop, Layer::Boundary));
        let own = Arn::parse(&arn).and_then(|a| Some(Address::new(&AccountId::parse(a.account)?, Kind::Policy, a.resource.rsplit('/').next()?)));
        if let Some(policy) = own {
            let at = vec!["policies".to_owned(), policy.name];
            self.amend(&at, None, &Amend::Append { list: "allow".to_owned(), words: words(&statement, false), like: None });
        }
        let Some(mut document) = self.world.managed(&arn) else { return };
        document.statements.push(statement);
        self.write(&Place::Managed(arn), Some(&document));
    }

    /// A Deny that a manifest has word for word goes, where that gives nobody anything else.
    fn taken_out(&mut self, at: &[String]) {
        for index in 0..ENTRIES_MOST {
            self.amend(at, None, &Amend::Remove { list: "statement".to_owned(), index });
        }
    }

    fn denials(&mut self, documents: Vec<(Place, Document)>, of_many: bool) {
        let call = &self.hop.call;
        let caller = self.world.known(&call.principal).unwrap_or_else(|| call.principal.clone());
        let pins = lacks::conditions(self.hop).into_values().flatten().flat_map(|(key, values)| values.into_iter().map(move |value| (key.clone(), value)));
        let excepted = Excepted { action: &call.action, resource: &call.resource, caller: of_many.then_some(caller.as_str()), pins: pins.collect() };
        for (place, document) in documents {
            for new in excepting(&document, &excepted) {
                self.write(&place, new.as_ref());
            }
        }
    }

    /// Statements that name everybody are for everybody of the owner's account, as block public access has them by now.
    fn not_public(&mut self) {
        let Some(place) = place_of(&self.hop.call.resource) else { return };
        let Some(mut document) = self.world.policy_of(self.hop).cloned() else { return };
        let Some(owner) = bucket_of(&self.hop.call.resource).and_then(|name| self.world.observed.bucket_accounts.get(name)) else { return };
        let everybody = |p: &Principal| p.bare_star || p.aws().iter().any(|value| value == "*");
        let public = |s: &&mut Statement| s.effect == Effect::Allow && s.principal.as_ref().is_some_and(everybody);
        for statement in document.statements.iter_mut().filter(public) {
            statement.conditions.entry("StringEquals".to_owned()).or_default().insert(ACCOUNT.to_owned(), vec![owner.to_string()]);
        }
        self.write(&place, Some(&document));
    }

    fn key_state(&mut self) {
        let arn = &self.hop.call.resource;
        let Some(key) = KeyRef::parse(arn) else { return };
        let (account, region) = (key.account(), Arn::parse(arn).map(|a| a.region).unwrap_or_default());
        let mut observed = (*self.world.observed).clone();
        let Some(Observation::Known(Some(state))) = observed.keys.get_mut(arn) else { return };
        let enable = command(&account, ["kms", "enable-key", "--key-id", arn, "--region", region]);
        let steps = match state.state {
            KeyState::PendingDeletion => vec![command(&account, ["kms", "cancel-key-deletion", "--key-id", arn, "--region", region]), enable],
            _ => vec![enable],
        };
        state.state = KeyState::Enabled;
        self.out.push(Proposal::Command(Box::new(observed), steps));
    }

    fn ownership(&mut self) {
        const ENFORCED: &str = "BucketOwnerEnforced";
        let Some(name) = bucket_of(&self.hop.call.resource) else { return };
        let at = vec!["buckets".to_owned(), name.to_owned()];
        self.amend(&at, None, &Amend::Put { key: "ownership".to_owned(), word: Word::Text(ENFORCED.to_owned()), there: false });
        let Some(account) = self.world.observed.bucket_accounts.get(name).cloned() else { return };
        let mut besides = (*self.world.besides).clone();
        let Some(Observation::Known(Some(bucket))) = besides.buckets.get_mut(name) else { return };
        bucket.state.ownership = Some(ENFORCED.to_owned());
        let rules = format!("Rules=[{{ObjectOwnership={ENFORCED}}}]");
        let region = bucket.state.region.clone();
        let step = command(&account, ["s3api", "put-bucket-ownership-controls", "--bucket", name, "--ownership-controls", &rules, "--region", &region]);
        self.out.push(Proposal::Setting(Box::new(besides), vec![step]));
    }
}

/// A statement in the words of a manifest.
fn words(statement: &Statement, with_resources: bool) -> Vec<(String, Word)> {
    let text = |key: &str, values: &[String]| match values {
        [one] => (key.to_owned(), Word::Text(one.clone())),
        many => (key.to_owned(), Word::List(many.to_vec())),
    };
    let mut out = Vec::new();
    if let Some(principal) = &statement.principal {
        let kinds: BTreeMap<String, Vec<String>> = principal.entries.clone();
        out.push(("principals".to_owned(), Word::Principals(kinds)));
    }
    out.push(text("actions", &statement.action.values));
    if let Some(resource) = statement.resource.as_ref().filter(|_| with_resources || statement.principal.is_none()) {
        out.push(text("resources", &resource.values));
    }
    if !statement.conditions.is_empty() {
        out.push(("conditions".to_owned(), Word::Conditions(statement.conditions.clone())));
    }
    out
}
