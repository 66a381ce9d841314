//! Whether a party, or a set of actions or resources, may be what a pattern speaks of.
//!
//! Never wrongly false: exceptions are left aside, the case of letters does not count, and a pattern of which the common
//! texts are too many to look through meets everything. A widening that might be meant is meant.

use crossrole_model::access::{Part, Party};
use crossrole_policy::Arn;

use crate::engine::glob::Glob;

use super::classes::overlap_arns;

fn meets(a: &str, b: &str) -> bool {
    overlap_arns(&a.to_lowercase(), &b.to_lowercase())
}

/// Tells whether a party may be what `pattern` names: a pattern over ARNs, `kind/Name` (`role/Reader`, `user/*`,
/// `group/Developers`, `service/ec2.amazonaws.com`, `oidc-provider/…`), a service's name, or `anonymous`.
pub fn party_meets(party: &Party, pattern: &str) -> bool {
    // What needs no signature, anybody gets.
    if pattern == "*" || *party == Party::Unsigned {
        return true;
    }
    if meets(pattern, "arn:*") && party.arns().iter().any(|arn| meets(pattern, arn)) {
        return true;
    }
    names(party).iter().any(|name| meets(pattern, name))
}

/// What a party is called without its account, in patterns.
fn names(party: &Party) -> Vec<String> {
    match party {
        Party::AnyOf { .. } | Party::AnyOther { .. } => ["role/*", "user/*", "assumed-role/*", "federated-user/*", "root"].map(str::to_owned).to_vec(),
        Party::Unsigned => Vec::new(),
        Party::Members { .. } => vec![format!("group/{}", party.name().unwrap_or("*")), "user/*".to_owned()],
        Party::OfKind { .. } => vec!["*".to_owned()],
        Party::AnyService => vec!["service/*".to_owned(), "*.amazonaws.com".to_owned()],
        Party::Service { name } => vec![name.clone(), format!("service/{name}")],
        Party::Named { arn } | Party::Role { arn } | Party::User { arn } | Party::Tokens { provider: arn } => {
            let Some(parsed) = Arn::parse(arn) else { return vec![arn.clone()] };
            let mut all = vec![parsed.resource.to_owned()];
            if let Some((kind, name)) = parsed.kind_and_name() {
                all.push(format!("{kind}/{name}"));
            }
            // A session is its role's, and a federated user is what the user behind it lets it be.
            if let Some(rest) = parsed.resource.strip_prefix("assumed-role/") {
                all.push(format!("role/{}", rest.split('/').next().unwrap_or(rest)));
            }
            all.extend(parsed.resource.strip_prefix("federated-user/").map(|name| format!("user/{name}")));
            all
        }
    }
}

/// Tells whether a party may be of an account that a pattern over account ids speaks of. Services are of none; who is of no
/// account in particular may be of any.
pub fn account_meets(party: &Party, pattern: &str) -> bool {
    match party {
        Party::Service { .. } | Party::AnyService => false,
        _ => party.account().is_none_or(|account| meets(pattern, account)),
    }
}

/// Tells whether some action of a set may be one that a pattern speaks of.
pub fn actions_meet(actions: &[Part], pattern: &str) -> bool {
    actions.iter().any(|part| part.patterns().all(|p| meets(p, pattern)))
}

/// Tells whether some resource of a set may be one that a pattern over ARNs speaks of. A pattern that is no ARN's is one
/// over buckets and what is in them: `logs/*`.
pub fn resources_meet(resources: &[Part], pattern: &str) -> bool {
    let bucket = format!("arn:*:s3:::{pattern}");
    resources.iter().any(|part| {
        if part.nameless {
            return Glob::parse(pattern).matches("*");
        }
        [pattern, &bucket].into_iter().any(|wanted| part.patterns().all(|p| meets(p, wanted)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const READER: &str = "arn:aws:iam::222222222222:role/team/Reader";

    fn any(account: &str) -> Party {
        Party::AnyOf { partition: "aws".to_owned(), account: account.to_owned() }
    }

    #[test]
    fn parties_meet_what_may_be_them() {
        let session = Party::of("arn:aws:sts::222222222222:assumed-role/Reader/ci");
        let service = Party::Service { name: "ec2.amazonaws.com".to_owned() };
        let members = Party::Members { group: "arn:aws:iam::111111111111:group/Devs".to_owned() };
        let other = Party::AnyOther { partition: "aws".to_owned() };
        for (party, pattern, expected) in [
            (&Party::of(READER), "role/Reader", true),
            (&Party::of(READER), "role/reader", true),
            (&Party::of(READER), "role/Writer", false),
            (&Party::of(READER), READER, true),
            (&Party::of(READER), "arn:aws:iam::222222222222:role/*", true),
            (&Party::of(READER), "arn:aws:sts::222222222222:assumed-role/Reader/x", true),
            (&Party::of(READER), "arn:aws:iam::333333333333:role/*", false),
            (&Party::of(READER), "user/*", false),
            (&session, "role/Reader", true),
            (&any("222222222222"), READER, true),
            (&any("222222222222"), "role/Reader", true),
            (&any("111111111111"), READER, false),
            (&other, READER, true),
            (&service, "ec2.amazonaws.com", true),
            (&service, "service/ec2*", true),
            (&service, "role/ec2", false),
            (&members, "group/Devs", true),
            (&members, "arn:aws:iam::111111111111:user/ann", true),
            (&members, "group/Ops", false),
            (&Party::Unsigned, "anonymous", true),
            (&Party::Unsigned, "arn:*", true),
            (&Party::Unsigned, "role/Reader", true),
            (&Party::Unsigned, READER, true),
            (&Party::Unsigned, "*", true),
        ] {
            assert_eq!(party_meets(party, pattern), expected, "{party:?} {pattern}");
        }
        assert!(account_meets(&any("222222222222"), "2*") && !account_meets(&any("222222222222"), "1*"));
        assert!(account_meets(&other, "1*") && account_meets(&Party::Unsigned, "1*") && !account_meets(&service, "*"));
    }

    #[test]
    fn sets_meet_patterns_whatever_they_leave_out() {
        let gets = [Part::of("s3:Get*").except(vec![Part::of("s3:GetObject")])];
        assert!(actions_meet(&gets, "s3:getobject") && actions_meet(&gets, "*") && !actions_meet(&gets, "s3:Put*"));
        let logs = [Part::of("arn:aws:s3:::logs/*").within(&Part::of("arn:aws:s3:::*/secret"))];
        for (pattern, expected) in
            [("logs/*", true), ("arn:aws:s3:::logs/secret", true), ("arn:aws:s3:::logs/open", false), ("*", true), ("data/*", false), ("*secret*", true)]
        {
            assert_eq!(resources_meet(&logs, pattern), expected, "{pattern}");
        }
        let none = [Part { nameless: true, ..Part::of("*") }];
        assert!(resources_meet(&none, "*") && !resources_meet(&none, "arn:aws:s3:::logs"));
    }
}
