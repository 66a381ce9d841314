//! Sessions that a revoked user has by `sts:GetFederationToken`: what names the user denies them, and names only a user that exists.

use crossrole_model::{ObjectState, Observation, Observed, Plan};
use crossrole_policy::{Effect, Principal};

use crate::rows::row;
use crate::world::{account, bucket, id};

/// The user is nobody's whom manifests make: it may not exist.
const OPEN: &str = "[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\naccount = \"dev\"\naccess = \"list\"\n";

fn revoked(user: &str) -> String {
    format!("{OPEN}[[revoked]]\nuser = \"dev/{user}\"\nsince = 2026-11-30T18:00:00Z\n")
}

/// A user, by its path and name.
fn user(estate: &mut Observed, path: &str, name: &str) {
    let (path, name) = (path.to_owned(), name.to_owned());
    let found = crossrole_model::observed::ObservedUser {
        id: "AIDAEXAMPLEEXAMPLE123".to_owned(),
        state: crossrole_model::state::UserState { path, tags: crossrole_model::state::Tags::new() },
        boundary: None,
        groups: std::collections::BTreeSet::new(),
        attached: std::collections::BTreeSet::new(),
        inline: std::collections::BTreeMap::new(),
        name: name.clone(),
    };
    account(estate, &id(crate::rows::DEV)).users.insert(name.to_ascii_lowercase(), found);
}

fn ann(estate: &mut Observed) {
    user(estate, "/", "ann");
}

/// Whom the statements name that deny somebody in the bucket's policy after a plan.
fn denied(plan: &Plan) -> Vec<String> {
    let after = plan.changes.iter().find_map(|change| if let Some(ObjectState::BucketPolicy(state)) = &change.after { state.document.clone() } else { None });
    let statements = after.into_iter().flat_map(|document| document.statements).filter(|s| s.effect == Effect::Deny);
    statements.flat_map(|s| s.principal.unwrap().aws().to_vec()).collect()
}

#[test]
fn the_sessions_of_a_user_are_denied_by_the_name_that_it_has() {
    for (live, named) in [
        (ann as fn(&mut Observed), "arn:aws:iam::111111111111:user/ann"),
        (|e| user(e, "/people/", "ann"), "arn:aws:iam::111111111111:user/people/ann"),
        (|e| user(e, "/", "Ann"), "arn:aws:iam::111111111111:user/Ann"),
    ] {
        let (_, plan) = row("", &revoked("ann")).first(live).after(OPEN).planned();
        assert_eq!(denied(&plan), ["*", named]);
        assert!(plan.withheld.is_empty(), "{:?}", plan.withheld);
    }
}

/// An earlier one wrote no such statement: it is added, and the mark is the same.
#[test]
fn what_was_revoked_before_is_told_by_its_mark() {
    let earlier = |e: &mut Observed| {
        let Observation::Known(state) = &mut bucket(e, "data-bucket").policy else { panic!("it is known") };
        state.document.as_mut().unwrap().statements.retain(|s| !s.sid().ends_with("Sessions"));
    };
    let put = "~ bucket-policy/data-bucket (Statements): PutBucketPolicy";
    row("added", &revoked("ann")).first(ann).after(&revoked("ann")).then(earlier).plans(&[put]);
    let since = "! bucket-policy/data-bucket: Revoked { since: \"2026-11-30T18:00:00Z\" }";
    row("an older manifest", OPEN).first(ann).after(&revoked("ann")).then(earlier).plans(&[since]);
    row("an older manifest, of both", OPEN).first(ann).after(&revoked("ann")).plans(&[since]);
}

#[test]
fn of_a_user_that_is_not_there_it_is_said() {
    let gone = "? part of bucket-policy/data-bucket: Federated { user: \"arn:aws:iam::111111111111:user/ann\", missing: true }";
    let put = "~ bucket-policy/data-bucket (Statements): PutBucketPolicy";
    row("missing", &revoked("ann")).after(OPEN).plans(&[put, gone]);
    row("another one is there", &revoked("ann")).first(|e| user(e, "/", "anna")).after(OPEN).plans(&[put, gone]);
    // AWS shows its unique id in the place of a user that was deleted.
    let deleted = |e: &mut Observed| {
        account(e, &id(crate::rows::DEV)).users.clear();
        let Observation::Known(state) = &mut bucket(e, "data-bucket").policy else { panic!("it is known") };
        for statement in state.document.as_mut().unwrap().statements.iter_mut().filter(|s| s.sid().ends_with("Sessions")) {
            statement.principal = Some(Principal::of("AWS", ["AIDAEXAMPLEEXAMPLE123"]));
        }
    };
    // It was denied: nobody has lost anything by that.
    row("deleted", &revoked("ann")).first(ann).after(&revoked("ann")).then(deleted).plans(&[put, gone]);
}

/// Where nobody has looked, what is there is kept.
#[test]
fn of_a_user_that_was_not_looked_at_what_is_there_is_kept() {
    let hidden = |e: &mut Observed| drop(e.accounts.remove(&id(crate::rows::DEV)));
    let unmanaged = |text: &str| format!("manage = false\n{text}");
    let unknown = "? part of bucket-policy/data-bucket: Federated { user: \"arn:aws:iam::111111111111:user/ann\", missing: false }";
    row("never seen", &unmanaged(&revoked("ann")))
        .after(&unmanaged(OPEN))
        .seen(hidden)
        .plans(&["~ bucket-policy/data-bucket (Statements): PutBucketPolicy", unknown]);
    row("there", &unmanaged(&revoked("ann"))).first(ann).after(&revoked("ann")).seen(hidden).plans(&[]);
}

/// A policy names nobody whom the same plan deletes.
#[test]
fn the_sessions_of_a_user_that_goes_are_not_denied_by_its_name() {
    let table = "[trusted.dev.users.ann]\n";
    let gone = "? part of bucket-policy/data-bucket: Federated { user: \"arn:aws:iam::111111111111:user/ann\", missing: true }";
    let deleted = ["- dev/user/ann (NotInManifest): DeleteUser", "  > CredentialsFirst"];
    let put = "~ bucket-policy/data-bucket (Statements): PutBucketPolicy";
    let now = revoked("ann");
    row("revoked as its table goes", &now).after(&format!("{table}{OPEN}")).plans(&[deleted[0], deleted[1], put, gone]);
    // Its name goes out of the policy first.
    let (_, plan) = row("revoked before", &now).after(&format!("{table}{now}")).planned();
    assert_eq!(crate::rows::lines(&plan), [deleted[0], deleted[1], put, gone]);
    let at = |operation: &str| plan.steps.iter().position(|step| step.call.operation() == operation).unwrap();
    assert!(plan.steps[at("DeleteUser")].needs.iter().any(|need| need.0 == at("PutBucketPolicy")));
    assert_eq!(denied(&plan), ["*"]);
    row("and that is all", &now).after(&format!("{table}{now}")).after(&now).plans(&[gone]);
    // A role still tells where to look, and nothing else of the bucket is left.
    let raw = "[roles.Raw]\n[[roles.Raw.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.Raw.statement]]\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::data-bucket/*\"\n";
    let (_, plan) = row("with its entry and the bucket's table", raw).after(&format!("{table}{raw}{now}")).planned();
    assert_eq!(denied(&plan), ["*"]);
    row("and nothing of it comes back", raw).after(&format!("{table}{raw}{now}")).after(raw).plans(&[]);
    // One that stays is named.
    let trust = "[roles.Reader]\n[[roles.Reader.trust]]\nuser = \"dev/ann\"\n";
    let by_another = format!("name = \"another\"\n[trusting]\naccount = \"{}\"\n[trusted.dev]\naccount = \"{}\"\n{trust}", crate::rows::PROD, crate::rows::DEV);
    let (_, plan) = row("another manifest uses it", &now).after(&format!("{table}{OPEN}")).after_manifest(&by_another).planned();
    assert_eq!(denied(&plan), ["*", "arn:aws:iam::111111111111:user/ann"]);
    let (_, plan) = row("not ours", &now).first(ann).after(&format!("{table}{OPEN}")).planned();
    assert_eq!(denied(&plan), ["*", "arn:aws:iam::111111111111:user/ann"]);
    row("its table stays", &format!("{table}{now}")).after(&format!("{table}{OPEN}")).plans(&[put]);
}
