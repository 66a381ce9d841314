//! A call as it was asked about, with what the request brought.

use crossrole_access::{Context, ContextValue, ObjectKey, Question};
use crossrole_model::PermissionSet;
use crossrole_model::diagnosis::{Brought, Denied};
use crossrole_policy::Arn;

/// A call.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Who, through which roles, what, of what, and with which condition keys.
    pub question: Question,
    /// Seconds that the session was asked for.
    pub duration: Option<u32>,
    /// The session was to have tags.
    pub session_tags: bool,
    /// The session was to have a source identity.
    pub source_identity: bool,
    /// It came with a session policy.
    pub session_policy: bool,
    /// The object that is copied into the one that is written: an ARN.
    pub copies: Option<String>,
    /// How the object that is asked for is encrypted, where something other than the request says it.
    pub key: ObjectKey,
    /// The region that was called.
    pub region: Option<String>,
    /// What AWS said.
    pub denied: Option<Denied>,
}

impl Asked {
    /// Adds what a request brought to what is not said otherwise.
    pub fn bring(&mut self, brought: &Brought) {
        for (key, values) in &brought.context {
            if self.question.context.get(key).is_none() || key.eq_ignore_ascii_case("aws:CurrentTime") {
                let value = match values.as_slice() {
                    [one] => ContextValue::One(one.clone()),
                    many => ContextValue::Many(many.to_vec()),
                };
                self.question.context.insert(key, value);
            }
        }
        self.duration = self.duration.or(brought.duration);
        self.session_tags |= brought.session_tags;
        self.source_identity |= brought.source_identity;
        self.session_policy |= brought.session_policy;
        self.copies = self.copies.take().or_else(|| brought.copies.clone());
    }

    /// A condition key with one value.
    pub(crate) fn one(&self, key: &str) -> Option<&str> {
        one(&self.question.context, key)
    }
}

pub(crate) fn one<'c>(context: &'c Context, key: &str) -> Option<&'c str> {
    match context.get(key)? {
        ContextValue::One(value) => Some(value),
        ContextValue::Many(_) => None,
    }
}

/// A principal by its parts; sessions are their roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Who<'p> {
    pub(crate) partition: &'p str,
    pub(crate) account: &'p str,
    /// `user`, `role`, `group`.
    pub(crate) kind: &'p str,
    pub(crate) name: &'p str,
}

impl<'p> Who<'p> {
    pub(crate) fn of(principal: &'p str) -> Option<Self> {
        let arn = Arn::parse(principal)?;
        let (kind, rest) = arn.resource.split_once('/')?;
        let (kind, name) = match kind {
            "assumed-role" => ("role", rest.split('/').next()?),
            "user" | "role" | "group" => (kind, rest.rsplit('/').next()?),
            _ => return None,
        };
        Some(Self { partition: arn.partition, account: arn.account, kind, name })
    }

    /// The permission set that it is a role, or a session, of.
    pub(crate) fn set(&self) -> Option<PermissionSet> {
        (self.kind == "role").then(|| PermissionSet::of_session(self.account, self.name)).flatten()
    }
}

/// `2027-03-31`, of seconds since 1970; `None` beyond the calendar.
pub(crate) fn date(seconds: i128) -> Option<String> {
    let at = time::OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()?;
    Some(format!("{:04}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day()))
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, expected) in
            [(0, "1970-01-01"), (951_782_400, "2000-02-29"), (1_806_451_199, "2027-03-30"), (1_806_451_200, "2027-03-31"), (-1, "1969-12-31")]
        {
            assert_eq!(date(seconds).as_deref(), Some(expected));
        }
    }
}
