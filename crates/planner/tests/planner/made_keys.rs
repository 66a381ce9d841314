//! Keys that manifests make: made, kept, taken over, and gone only when they are told by name.

use crossrole_model::observed::{KeyState, ObservedKey, ObservedMadeKey};
use crossrole_model::state::{KeyPolicyState, MadeKey, Tags};
use crossrole_model::{AccountId, Observation, Observed, Partition, StepId, Unreadable};

use crate::rows::{PROD, row};

const ARN: &str = "arn:aws:kms:us-east-1:222222222222:key/{alias/data}";
const AWS_CALLS_IT: &str = "arn:aws:kms:us-east-1:222222222222:key/0000-data";

const MAKES: &str = r#"
[keys.data]
create = true
description = "For the data"
[buckets.data-bucket]
encryption = { kms_key = "data" }
[roles.Reader]
[[roles.Reader.trust]]
service = "ec2.amazonaws.com"
[[roles.Reader.allow]]
bucket = "data-bucket"
access = "read"
"#;

const KEY: &str = "key/us-east-1/alias/data";

fn with<T>(e: &mut Observed, edit: impl FnOnce(&mut ObservedKey) -> T) -> T {
    let Some(Observation::Known(Some(key))) = e.keys.get_mut(ARN) else { panic!("there is no such key") };
    edit(key)
}

fn made(e: &mut Observed, edit: impl FnOnce(&mut MadeKey)) {
    with(e, |key| edit(&mut key.made.as_mut().unwrap().state));
}

/// Somebody's key under this alias.
fn theirs(e: &mut Observed) {
    let state =
        MadeKey { alias: Some("alias/data".into()), description: "Theirs".into(), rotation_days: None, tags: Tags::from([("team".into(), "x".into())]) };
    let policy = Observation::Known(KeyPolicyState::of_new_key(Partition::Aws, &AccountId::parse(PROD).unwrap()));
    let made = Some(ObservedMadeKey { arn: AWS_CALLS_IT.into(), state });
    e.keys.insert(ARN.into(), Observation::Known(Some(ObservedKey { state: KeyState::Enabled, customer: true, policy, made })));
}

#[test]
fn a_key_is_made_named_and_rotated_before_anything_speaks_of_it() {
    row("made", MAKES).plans(&[
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
        "+ key/us-east-1/alias/data (Missing): CreateKey CreateAlias EnableKeyRotation",
    ]);
    let (_, plan) = row("", MAKES).planned();
    let at = |operation: &str| plan.steps.iter().position(|s| s.call.operation() == operation).unwrap();
    let writes = &plan.steps[at("PutRolePolicy")];
    assert!(writes.needs.contains(&StepId(at("CreateKey"))) && writes.needs.contains(&StepId(at("CreateAlias"))), "{writes:#?}");
    assert_eq!(plan.made_keys, [(ARN.to_owned(), None)].into());
    row("nothing is left", MAKES).after(MAKES).plans(&[]);
}

#[test]
fn each_setting_is_kept() {
    let differs = |what: &str, calls: &str| format!("~ {KEY} ({what}): {calls}");
    let row = |name| row(name, MAKES).after(MAKES);
    row("description").then(|e| made(e, |k| k.description = "x".into())).plans(&[&differs("Description", "UpdateKeyDescription")]);
    row("switched off").then(|e| made(e, |k| k.rotation_days = None)).plans(&[&differs("Rotation", "EnableKeyRotation")]);
    row("less often").then(|e| made(e, |k| k.rotation_days = Some(2_560))).plans(&[&differs("Rotation", "EnableKeyRotation")]);
    row("a tag more").then(|e| made(e, |k| drop(k.tags.insert("x".into(), "y".into())))).plans(&[&differs("Tags", "UntagResource")]);
    row("a tag less").then(|e| made(e, |k| drop(k.tags.remove("crossrole:alias")))).plans(&[&differs("Tags", "TagResource")]);
    // Whoever made it was stopped before it had its name.
    row("begun").then(|e| made(e, |k| k.alias = None)).plans(&[&differs("Alias", "CreateAlias")]);
}

#[test]
fn what_it_can_not_be_is_withheld_with_what_rests_on_it() {
    let gone = |state: &'static KeyState| format!("! {KEY}: KeyState({state:?})");
    let row = |name| row(name, MAKES).after(MAKES);
    row("to be deleted").then(|e| with(e, |k| k.state = KeyState::PendingDeletion)).plans(&[&gone(&KeyState::PendingDeletion)]);
    row("disabled, and as it should be").then(|e| with(e, |k| k.state = KeyState::Disabled)).plans(&["? key-policy/us-east-1/alias/data: KeyState(Disabled)"]);
    let off: fn(&mut Observed) = |e| {
        with(e, |k| k.state = KeyState::Disabled);
        made(e, |k| k.description = "x".into());
    };
    row("disabled, and another").then(off).plans(&[&gone(&KeyState::Disabled)]);
    row("unread")
        .seen(|e| drop(e.keys.insert(ARN.into(), Observation::Unreadable(Unreadable::not_tried("it")))))
        .plans(&[&format!("! {KEY}: Unreadable it was not read"), "! key-policy/us-east-1/alias/data: Unreadable it was not read"]);
}

#[test]
fn somebody_elses_key_of_that_name_is_left_alone_unless_it_is_to_be_taken_over() {
    row("theirs", MAKES).first(theirs).plans(&[
        "! role/Reader: Withheld key/us-east-1/alias/data",
        "! bucket-policy/data-bucket: Withheld role/Reader",
        &format!("! {KEY}: Unmarked crossrole:manifest=m, with a command"),
    ]);
    let adopt = MAKES.replace("create = true", "create = true\nadopt = true");
    row("taken over", &adopt).first(theirs).plans(&[
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
        &format!("~ {KEY} (Adopted, Description, Rotation, Tags): UntagResource UpdateKeyDescription EnableKeyRotation TagResource"),
    ]);
}

#[test]
fn it_goes_only_when_it_is_told_by_name() {
    let rest = ["- role/Reader (Destroy): DeleteRolePolicy DeleteRole", "  > SessionsEnd", "- bucket-policy/data-bucket (Destroy): DeleteBucketPolicy"];
    let stays = format!("? {KEY}: KeyStays");
    row("not told", MAKES).after(MAKES).destroyed().plans(&[rest[0], rest[1], rest[2], &stays]);
    let goes = format!("- {KEY} (Destroy): ScheduleKeyDeletion");
    row("told", MAKES).after(MAKES).destroyed().and_key("alias/data").plans(&[rest[0], rest[1], rest[2], &goes, "  > KeyGoes(30)"]);
    let soon = MAKES.replace("create = true", "create = true\ndeletion_window_days = 7");
    row("told, and soon", &soon).after(&soon).destroyed().and_key("alias/data").plans(&[rest[0], rest[1], rest[2], &goes, "  > KeyGoes(7)"]);
    row("another name", MAKES).after(MAKES).destroyed().and_key("alias/dat").plans(&[rest[0], rest[1], rest[2], &stays, "! key alias/dat: NoSuchKey"]);
    row("it is declared", MAKES).after(MAKES).and_key("alias/data").plans(&["! key alias/data: NoSuchKey"]);
    row("theirs", MAKES).first(theirs).destroyed().and_key("alias/data").plans(&["! key alias/data: NoSuchKey"]);
}

/// Two ways of naming one key in one run would write its policy twice.
#[test]
fn a_key_has_one_name_in_a_run() {
    let both = format!("{MAKES}[keys.same]\narn = \"{AWS_CALLS_IT}\"\n[[keys.same.allow]]\naccount = \"dev\"\naccess = \"decrypt\"\n");
    let known: fn(&mut Observed) = |e| {
        let Some(found) = e.keys.get(ARN).cloned() else { panic!("there is no such key") };
        let Observation::Known(Some(found)) = found else { panic!("it is not known") };
        e.keys.insert(AWS_CALLS_IT.into(), Observation::Known(Some(ObservedKey { made: None, ..found })));
    };
    row("by its ARN, too", &both).after(MAKES).then(known).plans(&[&format!("! key-policy/us-east-1/0000-data: KnownByAlias({ARN:?})")]);
}
