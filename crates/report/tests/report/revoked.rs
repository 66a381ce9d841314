//! What is left to say of access that was taken back.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{Followed, Further, Undenied};
use crossrole_report::{Screen, followed, rendered, revoked_json};

const ANN: &str = "arn:aws:iam::111111111111:user/Ann";

fn text(found: &Followed) -> String {
    rendered(&followed(found), Screen::default())
}

/// Sessions by `GetFederationToken` are told of, with how long they last and what ends them; each user for itself, and nobody else.
#[test]
fn what_federated_sessions_keep_is_said() {
    let of = |users: &[&str]| Followed { federated: users.iter().map(|user| (*user).to_owned()).collect(), ..Followed::default() };
    assert_eq!(text(&of(&[])), "");
    let said = text(&of(&[ANN]));
    for part in [
        "warning: sessions that user Ann of 111111111111 has by sts:GetFederationToken are principals of their own",
        "they keep what its whole account is let, 36 hours at most, and it may open new ones",
        "help: deactivate its access keys (`aws iam update-access-key --status Inactive`)",
        "delete the user, or take back what the account is let, to end those that are open",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let bob = "arn:aws:iam::333333333333:user/app/Bob";
    let said = text(&of(&[ANN, bob]));
    assert_eq!((said.matches("warning: ").count(), said.contains("user app/Bob of 333333333333")), (2, true), "{said}");
    // Names are others' text.
    let hostile = "arn:aws:iam::111111111111:user/\u{1b}[31mAnn";
    let further = Further { role: hostile.into(), from: BTreeSet::from([hostile.to_owned()]), longest: 60, because: Undenied::Shared };
    let beyond = BTreeMap::from([(hostile.to_owned(), BTreeSet::from([hostile.to_owned()]))]);
    let all = text(&Followed { lives_on: vec![further], beyond, ..of(&[hostile]) });
    assert!(!all.contains('\u{1b}') && all.matches("Ann").count() >= 4, "{all:?}");
    let json = revoked_json("dev/user/Ann", "2026-11-30T18:00:00Z", &[], &of(&[ANN, bob]), 0);
    assert_eq!(
        (&json["federated"], &json["what"], &json["still_in"]),
        (&serde_json::json!([ANN, bob]), &serde_json::json!("dev/user/Ann"), &serde_json::json!(0))
    );
}

/// Each reason why sessions live on has words of its own, and a name of its own for machines.
#[test]
fn each_reason_reads_differently() {
    let reasons = [Undenied::Shared, Undenied::NotMade, Undenied::NotDone, Undenied::NoRoom, Undenied::Open];
    let of = |because| Further { role: "arn:aws:iam::222222222222:role/R".to_owned(), from: BTreeSet::new(), longest: 3_600, because };
    let found = |because| Followed { lives_on: vec![of(because)], beyond: BTreeMap::new(), ..Followed::default() };
    let texts: BTreeSet<String> = reasons.iter().map(|because| text(&found(*because))).collect();
    let names: BTreeSet<String> =
        reasons.iter().map(|because| revoked_json("x", "y", &[of(*because)], &Followed::default(), 0)["lives_on"][0]["because"].to_string()).collect();
    assert_eq!((texts.len(), names.len()), (reasons.len(), reasons.len()), "{texts:?} {names:?}");
}
