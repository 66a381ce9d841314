//! The caller's own side, and documents that somebody else keeps.

use crossrole_model::access::Layer;
use crossrole_model::diagnosis::{Amend, Word};
use crossrole_model::{AccountId, Address, Kind, Observation};
use crossrole_policy::{Arn, Document};

use crate::asked::Who;
use crate::command::{INLINE, Place, command};
use crate::deny::{Excepted, excepting};
use crate::lacks;
use crate::trouble::Guard;
use crate::world::address_of;

use super::grants::words;
use super::{Proposal, Proposer};

impl Proposer<'_, '_> {
    pub(super) fn member(&mut self) {
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
    pub(super) fn identity(&mut self) {
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

    pub(super) fn boundary(&mut self) {
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

    pub(super) fn denials(&mut self, documents: Vec<(Place, Document)>, of_many: bool) {
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

    /// A document that somebody else keeps is written anew.
    pub(super) fn write(&mut self, place: &Place, document: Option<&Document>) {
        if !self.world.is_ours(place) && !self.world.is_of_aws(place) {
            self.out.extend(self.world.written(place, document).map(|(observed, steps)| Proposal::Command(Box::new(observed), steps)));
        }
    }
}
