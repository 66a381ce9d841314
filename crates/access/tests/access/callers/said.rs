//! What a line says, read literally.

use crossrole_access::{Caller, Request, action_matches, resource_matches};
use crossrole_model::access::{AccessChange, Apart, Part, Party};
use crossrole_policy::Document;

use super::askers::{Asker, Own};
use super::documents::TESTS;
use super::side::Side;
use super::{APP_SESSION, GROUP, OTHER, OWNER};

/// The parties whose lines speak of a caller, where a resource's documents name these.
pub(super) fn parties(who: &Asker, sides: [&Side; 2], request: &Request) -> Vec<Party> {
    match &who.caller {
        Caller::Anonymous => return vec![Party::Unsigned],
        Caller::Service(name) => {
            let named = sides.iter().any(|s| guard(s, request).to_json().contains(name.as_str()));
            return vec![if named { Party::Service { name: name.clone() } } else { Party::AnyService }];
        }
        Caller::Arn(_) | Caller::Federated { .. } => {}
    }
    let arn = who.keys.iter().find(|(key, _)| *key == "aws:PrincipalArn").map(|(_, arn)| *arn).unwrap();
    if who.own == Own::Member {
        return vec![Party::Members { group: GROUP.to_owned() }];
    }
    if matches!(who.own, Own::Alice | Own::App) {
        let documents = sides.iter().filter_map(|s| s.guard(request));
        let session = who.caller.as_str() == APP_SESSION && documents.flat_map(Document::aws_principals).any(|p| p == APP_SESSION);
        return vec![Party::of(if session { APP_SESSION } else { arn })];
    }
    let statements = sides.iter().flat_map(|s| &guard(s, request).statements);
    let keys = statements.clone().flat_map(|s| s.conditions.values().flatten());
    let about = keys.filter(|(key, _)| ["aws:PrincipalArn", "aws:PrincipalAccount", "kms:CallerAccount"].contains(&key.as_str()));
    let text: String = about.flat_map(|(_, values)| values).map(|v| format!("\"{v}\"")).collect();
    let principals: String = statements.filter_map(|s| s.principal.as_ref()).flat_map(|p| p.entries.values().flatten()).map(|v| format!("\"{v}\"")).collect();
    let account = who.caller.account().unwrap();
    // A session that is named has lines of its own, apart from its role's.
    if let Some(named) = [who.caller.as_str(), arn].into_iter().find(|arn| principals.contains(&format!("\"{arn}\""))) {
        vec![Party::of(named)]
    } else if account == OWNER || account == OTHER && sides[0].is_controlled() || named_account(&text, &principals, account) {
        vec![Party::AnyOf { partition: "aws".to_owned(), account: account.to_owned() }]
    } else {
        vec![Party::AnyOther { partition: "aws".to_owned() }]
    }
}

/// The policy that lines about a resource come from; of what has none, the bucket's.
fn guard<'s>(side: &'s Side, request: &Request) -> &'s Document {
    side.guard(request).unwrap_or(&side.bucket)
}

/// Tells whether a line about many speaks of a caller that nothing was read of: who has no lines of its own that way, and is not
/// left out.
pub(super) fn stands_for(change: &AccessChange, who: &Asker, all: &[AccessChange]) -> bool {
    let Some(account) = who.caller.account().filter(|_| matches!(who.own, Own::Everything | Own::None)) else { return false };
    let arn = who.keys.iter().find(|(key, _)| *key == "aws:PrincipalArn").map_or("", |(_, arn)| *arn);
    let own = [Party::of(who.caller.as_str()), Party::of(arn), Party::AnyOf { partition: "aws".to_owned(), account: account.to_owned() }];
    let alone = match &change.party {
        Party::AnyOf { account: of, .. } if of == account => &own[..2],
        Party::AnyOther { .. } if account != OWNER => &own[..],
        _ => return false,
    };
    let has_lines = |party: &Party| all.iter().any(|c| c.direction == change.direction && c.party == *party);
    !alone.iter().any(|party| has_lines(party) || change.except.contains(party))
}

/// An account that documents name: by itself, or in a condition on the caller's ARN or account.
fn named_account(text: &str, principals: &str, account: &str) -> bool {
    [format!("\"{account}\""), format!("::{account}:root\"")].iter().any(|t| principals.contains(t.as_str()))
        || TESTS
            .iter()
            .filter(|(_, key, _)| ["aws:PrincipalArn", "aws:PrincipalAccount", "kms:CallerAccount"].contains(key))
            .flat_map(|(_, _, values)| *values)
            .any(|v| (*v == account || v.contains(&format!("::{account}:"))) && text.contains(&format!("\"{v}\"")))
}

/// Tells whether a line speaks of a resource by its account, and not only of what may be of any.
pub(super) fn names_account(change: &AccessChange, resource: &str) -> bool {
    let account = resource.split(':').nth(4).unwrap_or_default();
    change.resources.iter().flat_map(Part::patterns).any(|p| p.contains(&format!(":{account}:")) && resource_matches(p, resource, None))
}

pub(super) fn covers(change: &AccessChange, request: &Request) -> bool {
    fn holds(part: &Part, nameless: bool, matches: &dyn Fn(&str) -> bool) -> bool {
        (!part.nameless || nameless) && part.patterns().all(matches) && !part.except.iter().any(|e| holds(e, nameless, matches))
    }
    let nameless = request.resource == "*";
    let resource = |text: &str| match text {
        "arn:aws:*:*:*:*" => !nameless,
        text => resource_matches(text, &request.resource, Some(&request.context)),
    };
    let apart = |part: &Part| match &part.apart {
        Apart::Named(list) => list.iter().any(|known| request.resource == *known || request.resource.starts_with(&format!("{known}/"))),
        Apart::Many(_) => panic!("{part:?}"),
    };
    change.actions.iter().any(|a| holds(a, false, &|p| action_matches(p, &request.action)))
        && change.resources.iter().any(|r| holds(r, nameless, &resource) && !apart(r))
}
