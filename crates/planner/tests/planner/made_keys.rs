//! Keys that manifests make: made, kept, taken over, and gone only when they are told by name.

use crossrole_model::observed::{KeyState, ObservedKey, ObservedMadeKey};
use crossrole_model::state::{KeyPolicyState, MadeKey, Tags};
use crossrole_model::{AccountId, Observation, Observed, Partition, StepId, Unreadable};

use crate::rows::{PROD, row};

const ARN: &str = "arn:aws:kms:us-east-1:222222222222:key/{alias/data}";
const AWS_CALLS_IT: &str = "arn:aws:kms:us-east-1:222222222222:key/0000-data";

pub(crate) const MAKES: &str = r#"
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
    let made = Some(ObservedMadeKey { arn: AWS_CALLS_IT.into(), symmetric: true, state, apart: None });
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

/// With a bucket that goes as well.
fn own() -> String {
    MAKES.replace("[buckets.data-bucket]\n", "[buckets.own-bucket]\ncreate = true\n").replace("bucket = \"data-bucket\"", "bucket = \"own-bucket\"")
}

#[test]
fn it_goes_only_when_it_is_told_by_name() {
    let rest = [
        "- role/Reader (Destroy): DeleteRolePolicy DeleteRole",
        "  > SessionsEnd",
        "- bucket/own-bucket (Destroy): DeleteBucket",
        "  > ObjectsStay",
        "- bucket-policy/own-bucket (Destroy): DeleteBucketPolicy",
    ];
    let and = |more: &[&str]| -> Vec<String> { rest.iter().chain(more).map(|line| (*line).to_owned()).collect() };
    let plans = |row: crate::rows::Row, lines: Vec<String>| row.plans(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let own = own();
    let stays = format!("? {KEY}: KeyStays");
    plans(row("not told", &own).after(&own).destroyed(), and(&[&stays]));
    let goes = format!("- {KEY} (Destroy): ScheduleKeyDeletion");
    let mut lines = and(&[&goes, "  > KeyGoes(30)"]);
    plans(row("told", &own).after(&own).destroyed().and_key("alias/data"), lines.clone());
    let soon = own.replace("description = \"For the data\"", "deletion_window_days = 7");
    lines.pop();
    lines.push("  > KeyGoes(7)".to_owned());
    plans(row("told, and soon", &soon).after(&soon).destroyed().and_key("alias/data"), lines);
    plans(row("another name", &own).after(&own).destroyed().and_key("alias/dat"), and(&[&stays, "! key alias/dat: NoSuchKey"]));
    row("it is declared", MAKES).after(MAKES).and_key("alias/data").plans(&["! key alias/data: NoSuchKey"]);
    let left = format!("? {KEY}: MarkGone {{ mark: \"crossrole:manifest=m\" }}");
    row("theirs", MAKES).first(theirs).destroyed().and_key("alias/data").plans(&[&left, "! key alias/data: NoSuchKey"]);
}

/// A key that a manifest made and names no more stays as it is, with what its policy lets, until it is told to go.
#[test]
fn a_key_that_is_named_no_more_keeps_its_policy() {
    const LETS: &str = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"Root","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"kms:*","Resource":"*"},
        {"Sid":"Crossrole62c66a7a0123456789abcdef","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"kms:Decrypt","Resource":"*"}]}"#;
    let second = MAKES.replace("data]", "second]").replace("\"data\"", "\"second\"");
    let first: fn(&mut Observed) = |e| {
        let tags = Tags::from([("crossrole:manifest".into(), "m".into()), ("crossrole:alias".into(), "alias/data".into())]);
        let state = MadeKey { alias: Some("alias/data".into()), description: String::new(), rotation_days: None, tags };
        let policy = Observation::Known(KeyPolicyState { document: crossrole_policy::parse(LETS).unwrap() });
        let made = Some(ObservedMadeKey { arn: AWS_CALLS_IT.into(), symmetric: true, state, apart: None });
        e.keys.insert(ARN.into(), Observation::Known(Some(ObservedKey { state: KeyState::Enabled, customer: true, policy, made })));
    };
    row("named no more", &second).after(&second).seen(first).plans(&[&format!("? {KEY}: KeyStays")]);
    let told = row("told", &second).after(&second).seen(first).and_key("alias/data").planned().1;
    let goes = [
        format!("- {KEY} (NotInManifest): ScheduleKeyDeletion"),
        "  > KeyGoes(30)".to_owned(),
        "~ key-policy/us-east-1/alias/data (NotInManifest): PutKeyPolicy".to_owned(),
    ];
    assert_eq!(crate::rows::lines(&told), goes);
}

/// A name may stand for a key in each account: all of them are told.
#[test]
fn a_name_is_that_of_the_keys_of_all_accounts() {
    let two = "[keys.data]\ncreate = true\n[keys.theirs]\ncreate = true\nalias = \"data\"\naccount = \"dev\"\n";
    let expected = ["- dev/key/us-east-1/alias/data (Destroy): ScheduleKeyDeletion", "  > KeyGoes(30)"];
    let own = format!("- {KEY} (Destroy): ScheduleKeyDeletion");
    row("both", two).after(two).destroyed().and_key("alias/data").plans(&[expected[0], expected[1], &own, expected[1]]);
}

/// Who calls it by its ARN means the same key: one policy, and what is said of it in both places.
#[test]
fn a_key_that_is_called_by_its_arn_is_the_same() {
    let raw = format!(
        "[roles.Raw]\n[[roles.Raw.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.Raw.statement]]\neffect = \"Allow\"\nactions = [\"kms:Decrypt\"]\n\
         resources = [\"{AWS_CALLS_IT}\"]\n"
    );
    let both = format!("{MAKES}[keys.same]\narn = \"{AWS_CALLS_IT}\"\n[[keys.same.allow]]\naccount = \"dev\"\naccess = \"decrypt\"\n{raw}");
    row("by its ARN, too", &both)
        .after(MAKES)
        .plans(&["+ role/Raw (Missing): CreateRole PutRolePolicy", "~ key-policy/us-east-1/alias/data (Missing): PutKeyPolicy"]);
    row("nothing is left", &both).after(MAKES).after(&both).plans(&[]);
}

#[test]
fn an_alias_that_stands_for_another_key_of_ours_is_not_followed() {
    let moved: fn(&mut Observed) = |e| made(e, |k| drop(k.tags.insert("crossrole:alias".into(), "alias/other".into())));
    let said = format!("! {KEY}: OtherAlias(\"alias/other\")");
    row("declared", MAKES).after(MAKES).then(moved).plans(&[&said]);
    let rest = ["- role/Reader (Destroy): DeleteRolePolicy DeleteRole", "  > SessionsEnd", "- bucket-policy/data-bucket (Destroy): DeleteBucketPolicy"];
    row("told to go", MAKES).after(MAKES).then(moved).destroyed().and_key("alias/data").plans(&[rest[0], rest[1], rest[2], &said]);
}

#[test]
fn two_aliases_of_one_key_are_not_two_keys() {
    let two = format!("{MAKES}[keys.more]\ncreate = true\n");
    let same: fn(&mut Observed) = |e| {
        let Some(Observation::Known(Some(key))) = e.keys.get(ARN).cloned() else { panic!("there is no such key") };
        e.keys.insert(ARN.replace("alias/data", "alias/more"), Observation::Known(Some(key)));
    };
    row("both", &two).after(MAKES).then(same).plans(&[&format!("! {KEY}: SameKey(\"alias/more\")"), "! key/us-east-1/alias/more: SameKey(\"alias/data\")"]);
}

#[test]
fn a_key_of_another_kind_is_not_taken_over() {
    let other: fn(&mut Observed) = |e| {
        theirs(e);
        with(e, |key| key.made.as_mut().unwrap().symmetric = false);
    };
    let adopt = MAKES.replace("create = true", "create = true\nadopt = true");
    row("to sign with", &adopt).first(other).plans(&[
        "! role/Reader: Withheld key/us-east-1/alias/data",
        "! bucket-policy/data-bucket: Withheld role/Reader",
        &format!("! {KEY}: KeyKind"),
    ]);
}

/// A bucket with objects in it is not deleted, and what encrypted them goes after it, or not at all.
#[test]
fn it_goes_after_the_buckets_that_it_encrypts() {
    let own = own();
    let (_, plan) = row("", &own).after(&own).destroyed().and_key("alias/data").planned();
    let at = |operation: &str| plan.steps.iter().position(|s| s.call.operation() == operation).unwrap();
    assert!(plan.steps[at("ScheduleKeyDeletion")].needs.contains(&StepId(at("DeleteBucket"))), "{:#?}", plan.steps);
    // Somebody else's bucket stays, with what is in it.
    let rest = ["- role/Reader (Destroy): DeleteRolePolicy DeleteRole", "  > SessionsEnd", "- bucket-policy/data-bucket (Destroy): DeleteBucketPolicy"];
    let used: fn(&mut Observed) = |e| {
        let bucket = crate::world::bucket(e, "data-bucket");
        bucket.state.encryption = None;
    };
    row("theirs", MAKES).after(MAKES).seen(used).destroyed().and_key("alias/data").plans(&[
        rest[0],
        rest[1],
        rest[2],
        &format!("! {KEY}: KeyInUse(\"data-bucket\")"),
    ]);
}

#[test]
fn one_that_is_told_to_go_and_can_not_be_read_is_said() {
    let unread: fn(&mut Observed) = |e| drop(e.keys.insert(ARN.into(), Observation::Unreadable(Unreadable::not_tried("it"))));
    let (_, plan) = row("", MAKES).after(MAKES).seen(unread).destroyed().and_key("alias/data").planned();
    let of_key = |w: &&crossrole_model::Withheld| matches!(&w.subject, crossrole_model::Subject::Object(a) if a.kind == crossrole_model::Kind::Key);
    assert!(plan.withheld.iter().find(of_key).is_some_and(|w| w.blocks), "{:#?}", plan.withheld);
    assert!(!plan.withheld.iter().any(|w| w.cause == crossrole_model::Cause::NoSuchKey), "{:#?}", plan.withheld);
}

/// Whoever found it, and under which name.
fn ours(e: &mut Observed) {
    theirs(e);
    made(e, |key| key.tags = Tags::from([("crossrole:manifest".into(), "m".into())]));
}

#[test]
fn one_that_something_relies_on_does_not_go() {
    let called = format!("[keys.same]\narn = \"{AWS_CALLS_IT}\"\n[[keys.same.allow]]\naccount = \"dev\"\naccess = \"decrypt\"\n");
    let stays = |by: &str| format!("! {KEY}: ReliedOn {by}");
    let (_, plan) = row("its policy is written", &called).seen(ours).and_key("alias/data").planned();
    assert_eq!(crate::rows::lines(&plan), ["~ key-policy/us-east-1/alias/data (Missing): PutKeyPolicy", &stays("key-policy/us-east-1/alias/data")]);
    let raw = format!(
        "[roles.Raw]\n[[roles.Raw.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.Raw.statement]]\nactions = \"kms:Decrypt\"\nresources = \"{AWS_CALLS_IT}\"\n"
    );
    row("somebody is let use it", &raw).seen(ours).and_key("alias/data").plans(&["+ role/Raw (Missing): CreateRole PutRolePolicy", &stays("role/Raw")]);
    // Another manifest, of another run.
    let own = "[keys.data]\ncreate = true\n";
    let lets = |e: &mut Observed| {
        let by_another = crossrole_policy::parse(
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"Crossrole12345678abc","Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"kms:Decrypt","Resource":"*"}]}"#,
        );
        with(e, |key| {
            let Observation::Known(policy) = &mut key.policy else { panic!("it is known") };
            policy.document.statements.extend(by_another.unwrap().statements);
        });
    };
    row("told", own).after(own).then(lets).destroyed().and_key("alias/data").plans(&[&format!("! {KEY}: Used")]);
    row("not told", own).after(own).then(lets).destroyed().plans(&[&format!("? {KEY}: KeyStays")]);
}
