//! Session policies: what a session may do at most, of what its role may do.

use crossrole_model::desired::SessionPolicy;
use crossrole_model::{Span, limits};
use crossrole_policy::Document;

use super::Builder;
use super::statement::Holders;
use crate::decode::Table;
use crate::raw::Session;

/// Most letters of a name, which is typed.
const NAME_MOST: usize = 64;

impl<'a> Builder<'a> {
    pub(super) fn sessions(&mut self) {
        let raw = self.raw;
        for (name, key, session) in raw.sessions.iter().flat_map(Table::iter) {
            self.session(name, key, session);
        }
    }

    fn session(&mut self, name: &str, key: Span, raw: &'a Session) {
        let good = !name.is_empty() && name.len() <= NAME_MOST && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
        if !good {
            self.error(key, format!("`{name}` is no name of a session"), format!("use up to {NAME_MOST} letters, digits, `-` and `_`"));
        }
        // Whoever has it is a session, which no other policy names.
        let statements = self.permissions(raw.allow.as_deref(), raw.statement.as_deref(), &Holders::Attached(Vec::new()));
        let said = raw.has("allow") && raw.allow.as_ref().is_none_or(|list| !list.is_empty())
            || raw.has("statement") && raw.statement.as_ref().is_none_or(|list| !list.is_empty());
        if statements.is_empty() && !said {
            self.error(key, format!("session `{name}` allows nothing"), format!("add `[[sessions.{name}.allow]]` or `[[sessions.{name}.statement]]`"));
        }
        let document = Document::new(statements.into_iter().map(|placed| placed.statement).collect());
        let size = document.to_json().chars().count();
        self.over(key, &format!("the policy of session `{name}`"), size, limits::SESSION_POLICY, "allow less: a session has at most what its role has");
        let policy = SessionPolicy { owner: self.name.clone(), document };
        if let Some(other) = self.desired.sessions.insert((self.trusting.clone(), name.to_owned()), policy) {
            let advice = format!("manifest `{}` declares it for the same account: give one of the two another name", other.owner);
            self.error(key, format!("session is declared twice: `{name}`"), advice);
        }
    }
}
