//! What rules look with: clauses of conditions as the evaluator found them.

pub(crate) use crossrole_access::clauses::{asked, asks_only_for, is_pattern, is_positive};
use crossrole_access::language::{instant, wildcard_matches};
use crossrole_model::access::{Clause, How, Party, Relation};
use crossrole_policy::Arn;

/// Tells whether in all of the ways in which conditions can be met something is so; never where there are none.
pub(crate) fn always(when: &[Vec<Clause>], test: impl Fn(&[Clause]) -> bool) -> bool {
    !when.is_empty() && when.iter().all(|clauses| test(clauses))
}

/// Tells whether a value of a clause asks for something: a name made of nothing that anybody writes must not meet it. Of ARNs and unique
/// ids what is the same for all of a kind, the head, is no name. Each `?` is as good as a `*`: how long a name is tells not whose it is.
pub(crate) fn names(clause: &Clause, value: &str, account: &str) -> bool {
    /// Of the Unicode's private use, and in no name of AWS.
    const ANY: char = '\u{e000}';
    // What is said of the request itself, whoever asks knows; a tag has to be there all the same.
    let by_tag = clause.key.get(..17).is_some_and(|head| head.eq_ignore_ascii_case("aws:PrincipalTag/"));
    let value = &if by_tag { value.to_owned() } else { without_variables(value) };
    if !is_pattern(clause) && !value.contains(ANY_TEXT) {
        return true;
    }
    let pattern = value.replace(['?', ANY_TEXT], "*");
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

/// Stands for what a variable stands for; of the Unicode's private use, and in no name of AWS.
const ANY_TEXT: char = '\u{e001}';

/// A value with what is said of the request taken out of it; what is said of the resource is not.
fn without_variables(value: &str) -> String {
    let mut parts = value.split("${");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once('}') {
            Some((name, rest)) if !is_of_resource(name) => {
                text.push(ANY_TEXT);
                text.push_str(rest);
            }
            _ => text.extend(["${", part]),
        }
    }
    text
}

/// Tells whether a variable speaks of the resource: that is its owner's to say.
pub(crate) fn is_of_resource(variable: &str) -> bool {
    variable.get(..12).is_some_and(|head| head.eq_ignore_ascii_case("aws:Resource"))
}

/// Tells whether whoever meets this has shown a second factor. Its age is there only where it was (IAM User Guide, "AWS global condition
/// context keys"); access keys have neither, so that what is met without the key asks for nothing.
pub(crate) fn with_factor(clauses: &[Clause]) -> bool {
    let age = clauses.iter().any(|clause| clause.key.eq_ignore_ascii_case("aws:MultiFactorAuthAge") && !is_met_without(clause));
    let says = |clause: &Clause, word: &str| clause.values.iter().all(|value| value.eq_ignore_ascii_case(word));
    // Where a Deny takes out what is false or is not there, only what is true is left.
    let is_not = |clause: &Clause| matches!(clause.relation, Relation::Compares(how) if how.not && !how.or_absent && how.how == How::Is);
    let present = |clause: &&Clause| clause.key.eq_ignore_ascii_case("aws:MultiFactorAuthPresent");
    let shown = |clause: &Clause| is_positive(clause, false) && says(clause, "true") || is_not(clause) && says(clause, "false");
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
    let all = |key: &str, test: &dyn Fn(&str) -> bool| asks_only_for(clauses, key, |_, value| test(value));
    let by_name = |clause: &Clause| is_positive(clause, false) && clause.values.iter().all(|value| value.to_ascii_lowercase().contains("${aws:username}"));
    all("aws:PrincipalArn", &|value| value.contains(":user/"))
        || all("aws:userid", &|value| value.starts_with("AIDA"))
        || all("aws:PrincipalType", &|value| value == "User")
        || all("aws:username", &|_| true)
        || clauses.iter().any(by_name)
}

/// Tells whether a key may have a value. `user`: the name of whoever asks, where it is a user; what other variables stand for may be that.
pub(crate) fn may_be(clauses: &[Clause], key: &str, text: &str, user: Option<&str>) -> bool {
    clauses.iter().filter(|clause| clause.key.eq_ignore_ascii_case(key)).all(|clause| {
        let Relation::Compares(how) = clause.relation else { return clause.relation == Relation::Present };
        let meets = |value: &String| {
            let value = user.map_or_else(|| value.clone(), |user| value.replace("${aws:username}", user));
            match how.how {
                _ if value.contains("${") => !how.not,
                How::Is => value == text,
                How::IsInAnyCase => value.eq_ignore_ascii_case(text),
                How::Like => wildcard_matches(&value, text),
                _ => !how.not,
            }
        };
        clause.values.iter().any(meets) != how.not
    })
}

/// Takes out what was for a time that is over, and tells whether anything is left.
pub(crate) fn still_lets(when: &mut Vec<Vec<Clause>>, now: i64) -> bool {
    let always = when.is_empty();
    when.retain(|clauses| !is_over(clauses, now));
    always || !when.is_empty()
}

/// Tells whether it was for a time that is over: nobody meets it any more.
fn is_over(clauses: &[Clause], now: i64) -> bool {
    let now = i128::from(now) * 1_000_000_000;
    clauses.iter().any(|clause| {
        let time = ["aws:CurrentTime", "aws:EpochTime"].iter().any(|key| clause.key.eq_ignore_ascii_case(key));
        let ends = match clause.relation {
            Relation::Compares(how) if !how.or_absent => matches!(
                (how.how, how.not),
                (How::Is | How::Before | How::NotAfter | How::Below | How::AtMost, false) | (How::After | How::NotBefore | How::Above | How::AtLeast, true)
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
    use crossrole_model::access::{Comparison, Which};

    use super::*;

    fn clause(key: &str, how: How, not: bool, or_absent: bool, values: &[&str]) -> Vec<Clause> {
        let relation = Relation::Compares(Comparison { which: Which::One, not, how, or_absent });
        vec![Clause { key: key.to_owned(), relation, values: values.iter().map(|v| (*v).to_owned()).collect() }]
    }

    #[test]
    fn what_is_met_without_the_key_asks_for_nothing() {
        let asks = |clauses: &[Clause]| asked(clauses, "STS:externalid").count();
        assert_eq!(asks(&clause("sts:ExternalId", How::Is, false, false, &["x"])), 1);
        assert_eq!(asks(&clause("sts:ExternalId", How::Is, false, true, &["x"])), 0);
        assert_eq!(asks(&clause("sts:ExternalId", How::Is, true, false, &["x"])), 0);
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
    fn a_window_that_is_over_is_no_way_in() {
        let until = |text: &str| clause("aws:CurrentTime", How::Before, false, false, &[text]);
        assert!(is_over(&until("2020-01-01T00:00:00Z"), 1_700_000_000));
        assert!(!is_over(&until("2099-01-01T00:00:00Z"), 1_700_000_000));
        assert!(is_over(&clause("aws:EpochTime", How::Is, false, false, &["1600000000"]), 1_700_000_000));
        assert!(!is_over(&clause("aws:CurrentTime", How::After, false, false, &["2020-01-01T00:00:00Z"]), 1_700_000_000));
    }
}
