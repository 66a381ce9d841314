//! Grants: whom the tables of a trust, a bucket and a key let in, and the conditions that their words stand for.

use crossrole_model::{Severity, Span};
use crossrole_policy::Conditions;

use crate::decode::{Spanned, quoted};
use crate::raw::{KINDS, When, Who};
use crate::scalar::Expiry;

use super::Builder;
use super::principal::Named;
use super::statement::{condition, texts};

/// So many seconds before a grant ends, that is said.
const NOTICE: i64 = 30 * 86_400;

/// A grant as it is meant.
pub(super) struct Grant {
    pub(super) named: Vec<Named>,
    /// Of its own words; whom it names has more ([`Named::limit`]).
    pub(super) conditions: Conditions,
    /// Its end has come: nothing is written for it.
    pub(super) over: bool,
}

impl Builder<'_> {
    /// The grant of a bucket's or a key's `allow`.
    pub(super) fn grant(&mut self, who: &Who<'_>) -> Option<Grant> {
        if who.given.len() != 1 {
            let names: Vec<String> = KINDS.iter().map(|kind| format!("`{kind}`")).collect();
            let (last, others) = names.split_last()?;
            let advice = format!("name one {} or {last}", others.join(", "));
            self.error(who.span, "this `allow` must name exactly one kind of principal", advice);
            return None;
        }
        let named = self.named(who);
        let mut conditions = Conditions::new();
        self.limits(who, &named, &mut conditions);
        let over = self.is_over(who.limits.expires);
        let taken = self.taken.clone();
        let named = self.unrevoked(named);
        if over {
            // Nobody lost it by that.
            self.taken = taken;
        } else {
            self.meet(&named);
        }
        (!named.is_empty()).then_some(Grant { named, conditions, over })
    }

    /// Adds the conditions that a grant's words stand for; those that are written out come last, and say nothing again.
    pub(super) fn limits(&mut self, who: &Who<'_>, named: &[Named], conditions: &mut Conditions) {
        let When { not_before, not_after, expires, source_ip, source_vpc, vpc_endpoint, source_account, source_arn, conditions: raw } = who.limits;
        let ends = not_after.map(|to| (to.span, to.value.unix, "`not_after`")).into_iter().chain(expires.map(|to| (to.span, to.value.unix, "`expires`")));
        for (span, end, name) in ends {
            if not_before.is_some_and(|from| from.value.unix >= end) {
                self.error(span, format!("{name} is not after `not_before`"), "nobody could ever come in");
            }
        }
        if let Some(from) = not_before {
            condition(conditions, "DateGreaterThanEquals", "aws:CurrentTime", [from.value.text.clone()]);
        }
        if let Some(to) = not_after {
            condition(conditions, "DateLessThanEquals", "aws:CurrentTime", [to.value.text.clone()]);
        }
        expires_at(expires, conditions);
        if let Some(ranges) = source_ip {
            condition(conditions, "IpAddress", "aws:SourceIp", texts(ranges, |v| &v.0));
        }
        if let Some(ids) = source_vpc {
            condition(conditions, "StringEquals", "aws:SourceVpc", texts(ids, |v| &v.0));
        }
        if let Some(ids) = vpc_endpoint {
            condition(conditions, "StringEquals", "aws:SourceVpce", texts(ids, |v| &v.0));
        }
        let of_services = [source_account.map(|a| a.span), source_arn.and_then(|l| l.0.first()).map(|a| a.span)];
        for key in of_services.into_iter().flatten().filter(|_| !who.given.contains(&"service")) {
            self.error(key, "`source_account` and `source_arn` are for services: other callers never carry them", "leave it out, or name a `service`");
        }
        if let Some(account) = source_account {
            condition(conditions, "StringEquals", "aws:SourceAccount", [account.value.0.clone()]);
        }
        if let Some(arns) = source_arn {
            condition(conditions, "ArnLike", "aws:SourceArn", texts(arns, |v| &v.0));
        }
        let mut said = conditions.clone();
        for named in named {
            named.limit(self.partition, &mut said);
        }
        self.further_conditions(raw, &said, conditions);
    }

    /// Tells whether a grant's end has come; that it has, or soon will, is said.
    pub(super) fn is_over(&mut self, expires: Option<&Spanned<Expiry>>) -> bool {
        let Some(Spanned { value: end, span }) = expires else { return false };
        let left = end.unix - self.now;
        if left <= 0 {
            self.note(
                *span,
                Severity::Warning,
                format!("this grant ended on {}: the plan takes it away", end.written),
                "take it out of the manifest, or give it a later day",
            );
        } else if left <= NOTICE {
            let days = (left + 86_399) / 86_400;
            let when = if days == 1 { "within a day".to_owned() } else { format!("in {days} days") };
            self.note(*span, Severity::Warning, format!("this grant ends on {}, {when}", end.written), "give it a later day, or let it end");
        }
        left <= 0
    }

    fn note(&mut self, span: Span, severity: Severity, message: String, advice: &str) {
        let mut finding = crossrole_model::Finding::error(&self.source.file, Some(span), message, advice);
        finding.severity = severity;
        self.findings.push(finding);
    }

    /// What a trust names: one kind of principal, among them those that only a trust knows.
    pub(super) fn one_kind(&mut self, span: Span, given: &[&str]) -> Option<()> {
        match given {
            [_] => Some(()),
            [] => {
                let advice = "name a `group`, `user`, `role`, `account`, `permission_set`, `service`, `organization`, `organizational_unit`, `github`, `oidc`, `saml` or `principal`";
                self.error(span, "this trust names no principal", advice);
                None
            }
            many => {
                let message = format!("this trust names {} kinds of principals: {}", many.len(), quoted(many));
                self.error(span, message, "write one `[[roles.NAME.trust]]` for each");
                None
            }
        }
    }
}

/// Adds the end of a grant.
pub(super) fn expires_at(expires: Option<&Spanned<Expiry>>, conditions: &mut Conditions) {
    if let Some(end) = expires {
        condition(conditions, "DateLessThan", "aws:CurrentTime", [end.value.text.clone()]);
    }
}

#[cfg(test)]
mod tests {
    use crossrole_model::Source;

    use crate::{Surroundings, load_in};

    /// What is said of a grant that ends on 31 March 2027, so many seconds before that day.
    fn said(before: i64) -> Vec<String> {
        let text = "name = \"x\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[roles.R]\n[[roles.R.trust]]\naccount = \"dev\"\nexpires = 2027-03-31\n";
        let sources = [Source { file: "x.toml".into(), text: text.into() }];
        let (desired, findings) = load_in(&sources, &Surroundings { now: 1_806_451_200 - before, ..Surroundings::default() });
        assert!(desired.is_some());
        findings.into_iter().map(|f| f.message).collect()
    }

    #[test]
    fn the_end_of_a_grant_is_said_thirty_days_before() {
        let day = 86_400;
        assert_eq!(said(30 * day + 1), [""; 0]);
        assert_eq!(said(30 * day), ["this grant ends on 2027-03-31, in 30 days"]);
        assert_eq!(said(day + 1), ["this grant ends on 2027-03-31, in 2 days"]);
        assert_eq!(said(1), ["this grant ends on 2027-03-31, within a day"]);
        assert_eq!(said(0), ["this grant ended on 2027-03-31: the plan takes it away"]);
        assert_eq!(said(-day), ["this grant ended on 2027-03-31: the plan takes it away"]);
    }
}
