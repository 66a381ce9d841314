//! What rules look with: clauses of conditions as the evaluator found them.

use crossrole_access::language::{instant, wildcard_matches};
use crossrole_model::access::{Clause, How, Party, Relation, Which};
use crossrole_policy::Arn;

/// Tells whether requests must have this key with one of the clause's values: no clause that is met without it counts.
pub(crate) fn asks<'c>(clauses: &'c [Clause], key: &str) -> Option<&'c Clause> {
    clauses.iter().find(|clause| clause.key.eq_ignore_ascii_case(key) && is_positive(clause))
}

fn is_positive(clause: &Clause) -> bool {
    match clause.relation {
        Relation::Compares(how) => {
            !how.not && !how.or_absent && how.which != Which::Every && matches!(how.how, How::Is | How::IsInAnyCase | How::Like | How::LikeArn | How::In)
        }
        Relation::Absent | Relation::Present => false,
    }
}

/// Tells whether in all of the ways in which conditions can be met something is so; never where there are none.
pub(crate) fn always(when: &[Vec<Clause>], test: impl Fn(&[Clause]) -> bool) -> bool {
    !when.is_empty() && when.iter().all(|clauses| test(clauses))
}

/// Tells whether a value of a clause asks for something: a name made of nothing that anybody writes must not meet it. Of ARNs and unique
/// ids what is the same for all of a kind, the head, is no name. Each `?` is as good as a `*`: how long a name is tells not whose it is.
pub(crate) fn names(clause: &Clause, value: &str, account: &str) -> bool {
    /// Of the Unicode's private use, and in no name of AWS.
    const ANY: char = '\u{e000}';
    let pattern = value.replace('?', "*");
    let meets = |text: String| wildcard_matches(&pattern, &text);
    if clause.key.eq_ignore_ascii_case("aws:PrincipalArn") {
        let partition = Arn::parse(value).map_or("aws", |arn| arn.partition);
        let partitions = ["aws", "aws-cn", "aws-us-gov", partition];
        let kinds = ["role", "user"];
        return !partitions.iter().any(|partition| kinds.iter().any(|kind| meets(format!("arn:{partition}:iam::{account}:{kind}/{ANY}"))));
    }
    if clause.key.eq_ignore_ascii_case("aws:userid") {
        return !(meets(format!("AROA{ANY}:{ANY}")) || meets(format!("AIDA{ANY}")));
    }
    !meets(ANY.to_string())
}

/// Tells whether whoever meets this has shown a second factor. Its age is there only where it was (IAM User Guide, "AWS global condition
/// context keys"); access keys have neither, so that what is met without the key asks for nothing.
pub(crate) fn with_factor(clauses: &[Clause]) -> bool {
    let age = clauses.iter().any(|clause| clause.key.eq_ignore_ascii_case("aws:MultiFactorAuthAge") && !is_met_without(clause));
    let says = |clause: &Clause, word: &str| clause.values.iter().all(|value| value.eq_ignore_ascii_case(word));
    // Where a Deny takes out what is false or is not there, only what is true is left.
    let is_not = |clause: &Clause| matches!(clause.relation, Relation::Compares(how) if how.not && !how.or_absent && how.how == How::Is);
    let present = |clause: &&Clause| clause.key.eq_ignore_ascii_case("aws:MultiFactorAuthPresent");
    let shown = |clause: &Clause| is_positive(clause) && says(clause, "true") || is_not(clause) && says(clause, "false");
    age || clauses.iter().filter(present).any(shown)
}

fn is_met_without(clause: &Clause) -> bool {
    match clause.relation {
        Relation::Compares(how) => how.or_absent,
        Relation::Absent => true,
        Relation::Present => false,
    }
}

/// Tells whether only users can meet this, and no sessions of roles: by their ARNs, their unique ids, or a name that only users have (IAM
/// User Guide, "Request information that you can use for policy variables").
pub(crate) fn is_of_users(clauses: &[Clause]) -> bool {
    let all = |key: &str, test: &dyn Fn(&str) -> bool| asks(clauses, key).is_some_and(|clause| clause.values.iter().all(|value| test(value)));
    let by_name = |clause: &Clause| is_positive(clause) && clause.values.iter().all(|value| value.to_ascii_lowercase().contains("${aws:username}"));
    all("aws:PrincipalArn", &|value| value.contains(":user/"))
        || all("aws:userid", &|value| value.starts_with("AIDA"))
        || all("aws:PrincipalType", &|value| value == "User")
        || all("aws:username", &|_| true)
        || clauses.iter().any(by_name)
}

/// The organization that all callers are of, if it is one.
pub(crate) fn organization(clauses: &[Clause]) -> Option<String> {
    if let Some(clause) = asks(clauses, "aws:PrincipalOrgID") {
        return Some(clause.values.join(", ")).filter(|_| clause.values.iter().all(|value| !value.contains(['*', '?'])));
    }
    let clause = clauses.iter().find(|clause| {
        let positive = matches!(clause.relation, Relation::Compares(how) if !how.not && !how.or_absent && how.which != Which::Every);
        clause.key.eq_ignore_ascii_case("aws:PrincipalOrgPaths") && positive
    })?;
    let ids: std::collections::BTreeSet<&str> = clause.values.iter().filter_map(|path| path.split('/').next()).filter(|id| !id.contains(['*', '?'])).collect();
    (clause.values.len() >= ids.len() && !ids.is_empty()).then(|| ids.into_iter().collect::<Vec<_>>().join(", "))
}

/// Keys that tell whose a request is; a value of one of them is a fixed one (S3 User Guide, "The meaning of public").
const WHOSE: [&str; 10] = [
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:userid",
    "aws:SourceArn",
    "aws:SourceAccount",
    "aws:SourceOwner",
    "aws:SourceOrgID",
    "kms:CallerAccount",
    "s3:DataAccessPointAccount",
    "s3:DataAccessPointArn",
];

/// Keys that tell where a request comes from.
const WHENCE: [&str; 3] = ["aws:SourceVpc", "aws:SourceVpce", "aws:SourceVpcArn"];

/// Tells whether only certain callers can meet this: those of an organization, of an account, or of a name.
pub(crate) fn is_of_certain(clauses: &[Clause]) -> bool {
    let fixed = |key: &str| asks(clauses, key).is_some_and(|clause| clause.values.iter().all(|value| is_fixed(key, value)));
    organization(clauses).is_some() || WHOSE.iter().any(|key| fixed(key))
}

/// Tells whether only requests from a certain network can.
pub(crate) fn is_from_certain(clauses: &[Clause]) -> bool {
    let fixed = |key: &str| asks(clauses, key).is_some_and(|clause| clause.values.iter().all(|value| !value.contains(['*', '?'])));
    let narrow = asks(clauses, "aws:SourceIp").is_some_and(|clause| clause.values.iter().all(|value| is_narrow(value)));
    WHENCE.iter().any(|key| fixed(key)) || narrow
}

/// An ARN may have wildcards behind its account.
fn is_fixed(key: &str, value: &str) -> bool {
    let is_arn = ["aws:PrincipalArn", "aws:SourceArn", "s3:DataAccessPointArn"].iter().any(|known| known.eq_ignore_ascii_case(key));
    match Arn::parse(value).filter(|_| is_arn) {
        Some(arn) => arn.account.len() == 12 && arn.account.bytes().all(|b| b.is_ascii_digit()) || arn.service == "s3" && !arn.resource.starts_with(['*', '?']),
        None => !value.is_empty() && !value.contains(['*', '?']) && !value.contains("${"),
    }
}

/// Not broader than S3 takes for certain: /8, or /32 of addresses of version 6 (S3 User Guide, "The meaning of public").
fn is_narrow(range: &str) -> bool {
    let (address, length) = range.split_once('/').unwrap_or((range, ""));
    let least = if address.contains(':') { 32 } else { 8 };
    length.is_empty() || length.parse::<u8>().is_ok_and(|length| length >= least)
}

/// Tells whether it was for a time that is over: nobody meets it any more.
pub(crate) fn is_over(clauses: &[Clause], now: i64) -> bool {
    let now = i128::from(now) * 1_000_000_000;
    clauses.iter().any(|clause| {
        let time = ["aws:CurrentTime", "aws:EpochTime"].iter().any(|key| clause.key.eq_ignore_ascii_case(key));
        let ends = match clause.relation {
            Relation::Compares(how) if !how.or_absent => matches!(
                (how.how, how.not),
                (How::Before | How::NotAfter | How::Below | How::AtMost, false) | (How::After | How::NotBefore | How::Above | How::AtLeast, true)
            ),
            _ => false,
        };
        time && ends && !clause.values.is_empty() && clause.values.iter().all(|value| instant(value).is_some_and(|at| at < now))
    })
}

/// The account of somebody in another account, or that stands for all of it.
pub(crate) fn account(party: &Party) -> Option<&str> {
    match party {
        Party::AnyOf { .. } | Party::Role { .. } | Party::User { .. } | Party::Named { .. } | Party::Members { .. } => party.account(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crossrole_model::access::Comparison;

    use super::*;

    fn clause(key: &str, how: How, not: bool, or_absent: bool, values: &[&str]) -> Vec<Clause> {
        let relation = Relation::Compares(Comparison { which: Which::One, not, how, or_absent });
        vec![Clause { key: key.to_owned(), relation, values: values.iter().map(|v| (*v).to_owned()).collect() }]
    }

    #[test]
    fn what_is_met_without_the_key_asks_for_nothing() {
        assert!(asks(&clause("sts:ExternalId", How::Is, false, false, &["x"]), "STS:externalid").is_some());
        assert!(asks(&clause("sts:ExternalId", How::Is, false, true, &["x"]), "sts:ExternalId").is_none());
        assert!(asks(&clause("sts:ExternalId", How::Is, true, false, &["x"]), "sts:ExternalId").is_none());
        assert!(!always(&[], |_| true));
    }

    #[test]
    fn patterns_that_everybody_meets_ask_for_nothing() {
        for (key, value, asks) in [
            ("sts:ExternalId", "c0ffee", true),
            ("sts:ExternalId", "acme-*", true),
            ("sts:ExternalId", "*", false),
            ("sts:ExternalId", "?*", false),
            ("sts:ExternalId", "????????", false),
            ("aws:PrincipalTag/team", "?", false),
            ("aws:PrincipalTag/team", "ops", true),
            ("sts:SourceIdentity", "*?*", false),
            ("aws:PrincipalArn", "arn:aws:iam::*", false),
            ("aws:PrincipalArn", "arn:*", false),
            ("aws:PrincipalArn", "*:role/*", false),
            ("aws:PrincipalArn", "arn:aws:iam::111111111111:*", false),
            ("aws:PrincipalArn", "arn:aws:iam::111111111111:role/?*", false),
            ("AWS:principalarn", "arn:aws-cn:iam::1*", false),
            ("aws:PrincipalArn", "arn:aws:iam::111111111111:role/Reader", true),
            ("aws:PrincipalArn", "arn:aws:iam::*:role/R*", true),
            ("aws:userid", "*:?*", false),
            ("aws:userid", "AROA*", false),
            ("aws:userid", "AROA123:*", true),
        ] {
            let clauses = clause(key, How::Like, false, false, &[value]);
            assert_eq!(names(&clauses[0], value, "111111111111"), asks, "{key} {value}");
        }
    }

    #[test]
    fn certain_callers_are_those_of_fixed_values() {
        for (key, value, certain) in [
            ("aws:PrincipalOrgID", "o-a1b2c3d4e5", true),
            ("aws:PrincipalOrgID", "o-*", false),
            ("aws:PrincipalAccount", "111111111111", true),
            ("aws:PrincipalArn", "arn:aws:iam::111111111111:role/*", true),
            ("aws:PrincipalArn", "arn:aws:iam::*:role/x", false),
            ("aws:userid", "AROA*:x", false),
            ("aws:Referer", "https://example.com", false),
        ] {
            assert_eq!(is_of_certain(&clause(key, How::Like, false, false, &[value])), certain, "{key} {value}");
        }
        assert!(is_from_certain(&clause("aws:SourceIp", How::In, false, false, &["203.0.113.0/24"])));
        assert!(!is_from_certain(&clause("aws:SourceIp", How::In, false, false, &["0.0.0.0/1"])));
    }

    #[test]
    fn a_window_that_is_over_is_no_way_in() {
        let until = |text: &str| clause("aws:CurrentTime", How::Before, false, false, &[text]);
        assert!(is_over(&until("2020-01-01T00:00:00Z"), 1_700_000_000));
        assert!(!is_over(&until("2099-01-01T00:00:00Z"), 1_700_000_000));
        assert!(!is_over(&clause("aws:CurrentTime", How::After, false, false, &["2020-01-01T00:00:00Z"]), 1_700_000_000));
    }
}
