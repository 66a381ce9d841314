//! Grants as manifests say them: one more, or one with another word.

use std::collections::BTreeMap;

use crossrole_model::diagnosis::{Amend, Amendment, Word};
use crossrole_model::{AccountId, Address};
use crossrole_policy::Statement;

use crate::asked::{Who, date};
use crate::lacks;
use crate::trouble::{Guard, bucket_of};
use crate::world::address_of;

use super::{ENTRIES_MOST, Proposal, Proposer};

impl Proposer<'_, '_> {
    pub(super) fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = self.world.desired.manifests.iter().map(|m| m.file.clone()).collect();
        files.dedup();
        files
    }

    pub(super) fn amend(&mut self, at: &[String], entry: Option<&(String, usize)>, change: &Amend) {
        for file in self.files() {
            self.out.push(Proposal::Amend(vec![Amendment { file, at: at.to_vec(), entry: entry.cloned(), change: change.clone() }]));
        }
    }

    /// The label of an account in the manifests.
    pub(super) fn label(&self, account: &str) -> Option<String> {
        let info = self.world.desired.accounts.get(&AccountId::parse(account)?)?;
        (!info.trusting).then(|| info.label.clone())
    }

    /// Where manifests have something of an account.
    pub(super) fn at(&self, address: &Address, list: &str) -> Vec<String> {
        let own = [list.to_owned(), address.name.clone()];
        match self.label(address.account.as_str()) {
            Some(label) => ["trusted".to_owned(), label].into_iter().chain(own).collect(),
            None => own.to_vec(),
        }
    }

    /// The words of a grant for the caller.
    pub(super) fn who(&self) -> Option<(String, Word)> {
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

    /// One more grant, as narrow as one that is there; without limits only where there is none.
    pub(super) fn grant(&mut self, at: &[String], list: &str, words: &[(String, Word)]) {
        for like in (0..ENTRIES_MOST).map(Some).chain([None]) {
            self.amend(at, None, &Amend::Append { list: list.to_owned(), words: words.to_vec(), like });
        }
    }

    /// Entries of the list that let in: of a role's trust, and of what a bucket or key allows.
    pub(super) fn lists(&self) -> Option<(Vec<String>, &'static str)> {
        match self.hop.guard {
            Guard::Trust => address_of(&self.hop.call.resource).map(|role| (self.at(&role, "roles"), "trust")),
            Guard::Bucket => bucket_of(&self.hop.call.resource).map(|name| (vec!["buckets".to_owned(), name.to_owned()], "allow")),
            Guard::Key => Some((vec!["keys".to_owned(), self.hop.call.resource.clone()], "allow")),
            Guard::Nothing => None,
        }
    }

    /// Each entry with another word.
    pub(super) fn entries(&mut self, key: &str, word: &Word, there: bool) {
        let Some((at, list)) = self.lists() else { return };
        for index in 0..ENTRIES_MOST {
            self.amend(&at, Some(&(list.to_owned(), index)), &Amend::Put { key: key.to_owned(), word: word.clone(), there });
        }
    }

    pub(super) fn address(&mut self) {
        let Some(address) = self.world.asked.one("aws:SourceIp").map(str::to_owned) else { return };
        let text = if address.contains(':') { format!("{address}/128") } else { format!("{address}/32") };
        let Some((at, list)) = self.lists() else { return };
        for index in 0..ENTRIES_MOST {
            self.amend(&at, Some(&(list.to_owned(), index)), &Amend::Add { key: "source_ip".to_owned(), text: text.clone(), there: true });
        }
        self.beside("source_ip", &Word::Text(text));
    }

    /// An entry with another word; where that would let in others, too, one more for the caller alone.
    pub(super) fn limit(&mut self, key: &str, word: &Word, there: bool) {
        self.entries(key, word, there);
        self.beside(key, word);
    }

    /// One more grant, for the caller alone, as narrow as one that is there but for a word.
    pub(super) fn beside(&mut self, key: &str, word: &Word) {
        let (Some((at, list)), Some(who)) = (self.lists().filter(|_| self.hop.guard == Guard::Trust), self.who()) else { return };
        let mut words = vec![who, (key.to_owned(), word.clone())];
        words.extend(self.brings().into_iter().filter(|(other, _)| other != key));
        for like in 0..ENTRIES_MOST {
            self.amend(&at, None, &Amend::Append { list: list.to_owned(), words: words.clone(), like: Some(like) });
        }
    }

    /// What a session may bring has to be said in the same grant.
    pub(super) fn brings(&self) -> Vec<(String, Word)> {
        let asked = &self.world.asked;
        let all = [(asked.session_tags, "session_tags"), (asked.source_identity, "source_identity")];
        all.into_iter().filter(|(is, _)| *is).map(|(_, key)| (key.to_owned(), Word::Yes)).collect()
    }

    /// The day of the request, in the form of TOML: a grant is to last to its end.
    pub(super) fn day(&self) -> Option<String> {
        let at = self.world.asked.one("aws:CurrentTime")?;
        let nanoseconds = crossrole_access::language::instant(at)?;
        date(nanoseconds.div_euclid(1_000_000_000))
    }

    pub(super) fn ends(&self) -> Word {
        Word::Instant(self.day().map(|day| format!("{day}T23:59:59Z")).unwrap_or_default())
    }

    pub(super) fn begins(&self) -> Word {
        Word::Instant(self.day().map(|day| format!("{day}T00:00:00Z")).unwrap_or_default())
    }

    /// A Deny that a manifest has word for word goes, where that gives nobody anything else.
    pub(super) fn taken_out(&mut self, at: &[String]) {
        for index in 0..ENTRIES_MOST {
            self.amend(at, None, &Amend::Remove { list: "statement".to_owned(), index });
        }
    }
}

/// A statement in the words of a manifest.
pub(super) fn words(statement: &Statement, with_resources: bool) -> Vec<(String, Word)> {
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
