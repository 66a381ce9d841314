//! What is taken back, and whether that is live.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a test that fails says so by panicking")]

use std::collections::BTreeSet;

use crossrole_access::{Estate, Objects};
use crossrole_model::observed::{AccountState, ObservedRole};
use crossrole_model::proof::Missing;
use crossrole_model::state::RoleState;
use crossrole_model::{AccountId, Desired, DesiredState, Observation, Observed, Source, Unreadable};
use crossrole_verify::unrevoked;

const NOW: i64 = 1_800_000_000;
const HEAD: &str = "name = \"t\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.Ann]\n\
                    [trusted.dev.permission_sets.Devs]\n";
const SMALL: &str = "[roles.Small]\n[[roles.Small.trust]]\naccount = \"dev\"\n";

fn loaded(text: &str) -> Option<Desired> {
    crossrole_manifest::load(&[Source { file: "t.toml".into(), text: text.to_owned() }]).0
}

/// The longest trust that AWS takes, without room for another statement.
fn longest() -> String {
    let long = |many: usize| {
        let ids: Vec<String> = (0..many).map(|at| format!("\"external-id-of-a-partner-number-{at:04}\"")).collect();
        format!("[roles.R]\n[[roles.R.trust]]\naccount = \"dev\"\nexternal_id = [{}]\n", ids.join(", "))
    };
    (1..=60).rev().map(long).find(|text| loaded(&format!("{HEAD}{text}")).is_some()).unwrap()
}

fn of(whom: &str) -> Desired {
    loaded(&format!("{HEAD}{}{SMALL}[[revoked]]\n{whom}\nsince = 2026-11-30T18:00:00Z\n", longest())).unwrap()
}

/// What is there once all of it is applied, but for what is changed of each role.
fn live(desired: &Desired, change: impl Fn(&str, &mut RoleState)) -> (Observed, Estate) {
    let mut account = AccountState { complete: true, ..AccountState::default() };
    for (address, object) in &desired.objects {
        let DesiredState::Role { state, .. } = &object.state else { continue };
        let mut state = state.clone();
        change(&address.name, &mut state);
        let role = ObservedRole { name: address.name.clone(), id: format!("AROA{}", address.name), state, instance_profiles: BTreeSet::new() };
        account.roles.insert(address.name.to_ascii_lowercase(), role);
    }
    let mut observed = Observed::default();
    observed.accounts.insert(AccountId::parse("222222222222").unwrap(), Observation::Known(account));
    let estate = Objects::observed(&observed, desired.partition).estate();
    (observed, estate)
}

fn missing(desired: &Desired, (observed, live): &(Observed, Estate)) -> Vec<(String, Missing)> {
    unrevoked(desired, observed, live, NOW).into_iter().map(|one| (one.role.name, one.because)).collect()
}

const KINDS: [&str; 4] =
    ["user = \"dev/Ann\"", "principal = \"arn:aws:iam::111111111111:role/app/Runner\"", "account = \"dev\"", "permission_set = \"dev/Devs\""];

/// Whoever it is: what its own account lets it do is no matter of the role.
#[test]
fn a_trust_without_room_for_a_deny_is_no_proof() {
    for whom in KINDS {
        let desired = of(whom);
        let expected = if desired.revoked[0].opened.iter().any(|opened| opened.no_room) { vec![("R".to_owned(), Missing::Deny)] } else { Vec::new() };
        // An account that is named by itself is left out, and needs no Deny.
        assert_eq!(expected.is_empty(), whom.starts_with("account"), "{whom}");
        assert_eq!(missing(&desired, &live(&desired, |_, _| {})), expected, "{whom}");
        // Somebody has made room by hand.
        let short = live(&desired, |name, state| {
            if name == "R" {
                state.trust = crossrole_policy::parse(
                    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"sts:AssumeRole"}]}"#,
                )
                .unwrap();
            }
        });
        assert!(missing(&desired, &short).is_empty(), "{whom}");
    }
}

#[test]
fn a_role_that_was_not_read_is_not_known() {
    let desired = of(KINDS[0]);
    let mut observed = Observed::default();
    let id = AccountId::parse("222222222222").unwrap();
    observed.accounts.insert(id.clone(), Observation::Unreadable(Unreadable::not_tried(id)));
    let all = missing(&desired, &(observed, Estate::default()));
    assert_eq!(all, [("R".to_owned(), Missing::Unread), ("Small".to_owned(), Missing::Unread)]);
}

/// The tag is what keeps older manifests from giving it back: it may be missing, be of an earlier revocation, or find no room.
#[test]
fn a_role_without_the_mark_is_not_taken_back() {
    let desired = of(KINDS[0]);
    for earlier in [None, Some("2026-11-30T17:59:59Z")] {
        let without = live(&desired, |_, state| {
            for (tag, value) in &mut state.tags {
                if tag.starts_with("crossrole:revoked-") {
                    earlier.unwrap_or("no time").clone_into(value);
                }
            }
            if earlier.is_none() {
                state.tags.retain(|tag, _| !tag.starts_with("crossrole:revoked-"));
            }
        });
        let all = missing(&desired, &without);
        assert!(all.contains(&("R".to_owned(), Missing::Mark)) && all.contains(&("Small".to_owned(), Missing::Mark)), "{all:?}");
    }
    // A role has 50 tags: of 60 revocations, the earliest have none.
    let entries: String = (0..60).map(|at| format!("[[revoked]]\nuser = \"dev/U{at}\"\nsince = 2026-11-30T18:00:{at:02}Z\n")).collect();
    let users: String = (0..60).map(|at| format!("[trusted.dev.users.U{at}]\n")).collect();
    let named: String = (0..60).map(|at| format!("\"dev/U{at}\", ")).collect();
    let text = format!("{HEAD}{users}[roles.Many]\n[[roles.Many.trust]]\nuser = [{named}\"dev/Ann\"]\n{entries}");
    let desired = loaded(&text).unwrap_or_else(|| panic!("{text}"));
    let all = missing(&desired, &live(&desired, |_, _| {}));
    assert!(all.len() > 10 && all.len() < 15 && all.iter().all(|(_, because)| *because == Missing::MarkNoRoom), "{all:?}");
}
