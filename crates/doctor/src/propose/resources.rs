//! What a role, a bucket or a key lets, and how it is set.

use crossrole_model::access::Layer;
use crossrole_model::diagnosis::{Amend, Word};
use crossrole_model::observed::KeyState;
use crossrole_model::{KeyRef, Observation};
use crossrole_policy::{Arn, Document, Effect, Principal, Statement};

use crate::command::{ACCOUNT, command, place_of};
use crate::lacks;
use crate::trouble::bucket_of;
use crate::world::address_of;

use super::grants::words;
use super::{Proposal, Proposer};

impl Proposer<'_, '_> {
    pub(super) fn trust(&mut self) {
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

    pub(super) fn bucket(&mut self) {
        let Some(name) = bucket_of(&self.hop.call.resource) else { return };
        for key in ["expires", "not_after"] {
            self.entries(key, &self.ends(), true);
        }
        let at = vec!["buckets".to_owned(), name.to_owned()];
        let statement = self.for_resource();
        self.amend(&at, None, &Amend::Append { list: "statement".to_owned(), words: words(&statement, true), like: None });
        self.append_to_resource();
    }

    pub(super) fn key(&mut self) {
        let statement = self.for_resource();
        let at = vec!["keys".to_owned(), self.hop.call.resource.clone()];
        self.amend(&at, None, &Amend::Append { list: "statement".to_owned(), words: words(&statement, false), like: None });
        self.append_to_resource();
    }

    /// The statement that the policy of the resource lacks.
    pub(super) fn for_resource(&self) -> Statement {
        let known = self.world.known(&self.hop.call.principal);
        lacks::resource(self.hop, self.world.desired.partition, known.as_deref(), self.world.near(self.hop, Layer::Resource))
    }

    /// A statement more in the policy of a resource that somebody else keeps.
    pub(super) fn append_to_resource(&mut self) {
        let statement = self.for_resource();
        if let Some(place) = place_of(&self.hop.call.resource) {
            let mut document = self.world.policy_of(self.hop).cloned().unwrap_or_else(|| Document::new(Vec::new()));
            document.statements.push(statement);
            self.write(&place, Some(&document));
        }
    }

    /// Statements that name everybody are for everybody of the owner's account, as block public access has them by now.
    pub(super) fn not_public(&mut self) {
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

    pub(super) fn key_state(&mut self) {
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

    pub(super) fn ownership(&mut self) {
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
