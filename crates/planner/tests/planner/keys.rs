//! Statements of ours in the policies of keys: where they are needed, and where the key's policy leaves it to its account.

use crossrole_model::desired::{DesiredState, HandSide};
use crossrole_model::observed::KeyState;
use crossrole_model::{Call, KeyCall, KeyRef, Kind, Observation, Observed, Source};

use crate::rows::{DEV, PROD, row};
use crate::world::add_key;

const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER: &str = "arn:aws:kms:us-east-1:222222222222:key/5678abcd-12ab-34cd-56ef-1234567890ab";
const DEV_KEY: &str = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A role of the key's account that reads a bucket of that account.
pub(crate) const READER: &str = r#"
[buckets.data-bucket]
encryption = { kms_key = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
[roles.Reader]
[[roles.Reader.trust]]
service = "ec2.amazonaws.com"
[[roles.Reader.allow]]
bucket = "data-bucket"
access = "read"
"#;

fn root(account: &str) -> String {
    format!(r#"{{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},"Action":"kms:*","Resource":"*"}}"#)
}

/// What AWS makes keys with.
fn usual(e: &mut Observed) {
    add_key(e, KEY, &format!(r#"{{"Version":"2012-10-17","Id":"key-default-1","Statement":[{}]}}"#, root(PROD)));
}

/// Nobody leaves anything to IAM.
pub(crate) fn closed(e: &mut Observed) {
    add_key(
        e,
        KEY,
        r#"{"Version":"2012-10-17","Statement":[{"Sid":"Admins","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::333333333333:role/Admin"},"Action":"kms:*","Resource":"*"}]}"#,
    );
}

/// The account is named under a condition, and for less.
fn narrowly(e: &mut Observed) {
    let narrow = root(PROD).replace("\"kms:*\"", "[\"kms:Describe*\",\"kms:Put*\"]");
    let limited = root(PROD).replace("\"Resource\":\"*\"", "\"Resource\":\"*\",\"Condition\":{\"Bool\":{\"aws:MultiFactorAuthPresent\":\"true\"}}");
    add_key(e, KEY, &format!(r#"{{"Version":"2012-10-17","Statement":[{narrow},{limited}]}}"#));
}

const NAME: &str = "key-policy/us-east-1/1234abcd-12ab-34cd-56ef-1234567890ab";

fn statements(row: &crate::rows::Row) -> (Vec<String>, bool) {
    let (_, plan) = row.planned();
    let documents = plan.steps.iter().filter_map(|s| if let Call::Key(KeyCall::PutPolicy { document, .. }) = &s.call { Some(document) } else { None });
    (documents.flat_map(|d| &d.statements).map(|s| s.sid().to_owned()).collect(), !plan.left_to_iam.is_empty())
}

#[test]
fn nothing_is_written_where_the_key_leaves_it_to_its_account() {
    row("the usual policy", READER)
        .then(usual)
        .plans(&["+ role/Reader (Missing): CreateRole PutRolePolicy", "+ bucket-policy/data-bucket (Missing): PutBucketPolicy"]);
    let (written, left) = statements(&row("", READER).then(usual));
    assert!(written.is_empty() && left);
    row("nothing is left", READER).first(usual).after(READER).plans(&[]);
}

#[test]
fn a_statement_is_written_where_the_key_does_not() {
    for (policy, foreign) in [(closed as fn(&mut Observed), 1), (narrowly, 2)] {
        let expected = format!("~ {NAME} (Missing): PutKeyPolicy");
        row("the role is named", READER).then(policy).plans(&[
            "+ role/Reader (Missing): CreateRole PutRolePolicy",
            "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
            &expected,
        ]);
        let (written, left) = statements(&row("", READER).then(policy));
        assert!(!left && written.iter().filter(|sid| sid.starts_with("Crossrole")).count() == 1, "{written:?}");
        assert_eq!(written.len(), foreign + 1, "others' statements stay: {written:?}");
    }
    let (_, plan) = row("", READER).then(closed).planned();
    let at = |operation: &str| plan.steps.iter().position(|s| s.call.operation() == operation).unwrap();
    let put = &plan.steps[at("PutKeyPolicy")];
    assert!(put.needs.contains(&crossrole_model::StepId(at("CreateRole"))) && put.needs.contains(&crossrole_model::StepId(at("PutRolePolicy"))), "{put:#?}");
}

/// Its policy can be written in every state, and what it lets people do then is said.
#[test]
fn the_policy_of_a_key_that_is_switched_off_is_written_all_the_same() {
    let off: fn(&mut Observed) = |e| {
        closed(e);
        let Some(Observation::Known(Some(key))) = e.keys.get_mut(KEY) else { panic!() };
        key.state = KeyState::Disabled;
    };
    row("switched off", READER).then(off).plans(&[
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
        &format!("~ {NAME} (Missing): PutKeyPolicy"),
        &format!("? {NAME}: KeyState(Disabled)"),
    ]);
}

#[test]
fn it_goes_when_nobody_needs_it_any_more() {
    let went = format!("~ {NAME} (NotInManifest): PutKeyPolicy");
    let without = READER.replace("access = \"read\"", "access = \"list\"");
    row("only listing is left", &without).first(closed).after(READER).plans(&[
        "~ role/Reader (Inline(\"crossrole\")): PutRolePolicy",
        "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
        &went,
    ]);
    row("the key's own account got it meanwhile", READER).first(closed).after(READER).then(usual).plans(&[]);
    let left: fn(&mut Observed) = |e| {
        let Some(Observation::Known(Some(key))) = e.keys.get_mut(KEY) else { panic!() };
        let Observation::Known(policy) = &mut key.policy else { panic!() };
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, root(PROD));
        policy.document.statements.extend(crossrole_policy::parse(&text).unwrap().statements);
    };
    row("the key leaves it to its account now", READER).first(closed).after(READER).then(left).plans(&[&went]);
    row("destroyed", READER).first(closed).after(READER).destroyed().plans(&[
        "- role/Reader (Destroy): DeleteRolePolicy DeleteRole",
        "  > SessionsEnd",
        "- bucket-policy/data-bucket (Destroy): DeleteBucketPolicy",
        &went.replace("NotInManifest", "Destroy"),
    ]);
}

/// A managed policy that a role holds needs the key as the role's own permissions do.
#[test]
fn what_a_managed_policy_grants_is_carried_to_the_key() {
    let held = "[buckets.data-bucket]\nencryption = { kms_key = \"KEY\" }\n[policies.Reading]\n[[policies.Reading.allow]]\nbucket = \"data-bucket\"\naccess = \"get\"\n\
                [roles.Reader]\npolicies = [\"Reading\"]\n[[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n"
        .replace("KEY", KEY);
    row("a closed key", &held).then(closed).plans(&[
        "+ policy/Reading (Missing): CreatePolicy",
        "+ role/Reader (Missing): CreateRole AttachRolePolicy",
        &format!("~ {NAME} (Missing): PutKeyPolicy"),
    ]);
    let (written, left) = statements(&row("", &held).then(usual));
    assert!(written.is_empty() && left, "the usual policy leaves it to the account");
    let nobody = held.replace("policies = [\"Reading\"]\n", "");
    assert_eq!(statements(&row("nobody holds it", &nobody).then(closed)), (Vec::new(), false));
}

/// The order of manifests decides nothing, and one bucket has one key.
#[test]
fn manifests_of_a_run_see_each_others_keys() {
    let source = |file: &str, text: String| Source { file: file.into(), text };
    let owner = source("a.toml", format!("name = \"a\"\n[trusting]\naccount = \"{PROD}\"\n[buckets.data-bucket]\nencryption = {{ kms_key = \"{KEY}\" }}\n"));
    let reader = "name = \"b\"\n[trusting]\naccount = \"222222222222\"\n[roles.Reader]\n[[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.Reader.allow]]\nbucket = \"data-bucket\"\naccess = \"get\"\n";
    let reader = source("b.toml", reader.to_owned());
    let load = |sources: &[Source]| {
        let (desired, findings) = crossrole_manifest::load(sources);
        desired.unwrap_or_else(|| panic!("{findings:?}")).objects
    };
    let objects = load(&[owner.clone(), reader.clone()]);
    assert_eq!(objects, load(&[reader.clone(), owner.clone()]));
    let inline = objects.iter().find_map(|(a, o)| if let DesiredState::Role { state, .. } = &o.state { (a.name == "Reader").then_some(state) } else { None });
    assert!(inline.unwrap().inline["crossrole"].to_json().contains("kms:Decrypt"));
    let other = source("c.toml", owner.text.replace("\"a\"", "\"c\"").replace("1234abcd", "5678abcd"));
    let (_, findings) = crossrole_manifest::load(&[owner, other]);
    let said: Vec<(&str, &str)> = findings.iter().map(|f| (f.file.as_str(), f.message.as_str())).collect();
    let message = "two manifests say that bucket `data-bucket` has two keys";
    assert_eq!(said.iter().filter(|said| said.1 == message).map(|said| said.0).collect::<Vec<_>>(), ["a.toml", "c.toml"], "{findings:?}");
}

/// A bucket is not encrypted with a key that nobody may use, and says whose objects stay under the old one.
#[test]
fn a_bucket_waits_for_its_key() {
    let made = format!("[buckets.new-bucket]\ncreate = true\nencryption = {{ kms_key = \"{KEY}\" }}\n");
    let made =
        made + "[roles.Reader]\n[[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.Reader.allow]]\nbucket = \"new-bucket\"\naccess = \"get\"\n";
    let (_, plan) = row("", &made).then(closed).planned();
    let at = |operation: &str| plan.steps.iter().position(|s| s.call.operation() == operation).unwrap();
    assert!(plan.steps[at("PutBucketEncryption")].needs.contains(&crossrole_model::StepId(at("PutKeyPolicy"))));
    let gone: fn(&mut Observed) = |e| drop(e.keys.insert(KEY.to_owned(), Observation::Known(None)));
    let (_, plan) = row("", &made).then(gone).planned();
    assert!(!plan.steps.iter().any(|s| s.call.operation() == "PutBucketEncryption"), "{:#?}", plan.steps);
    let other: fn(&mut Observed) = |e| add_key(e, OTHER, &format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, root(PROD)));
    let (_, plan) = row("", &made.replace(KEY, OTHER)).first(usual).after(&made).then(other).planned();
    let bucket = plan.changes.iter().find(|c| c.address.kind == Kind::Bucket).unwrap();
    assert_eq!(bucket.consequences, [crossrole_model::Consequence::OldKeyNeeded(KEY.to_owned())]);
}

/// What live policies of ours name and nothing declares holds the plan up where it may not be read; what a bucket was set to does not.
#[test]
fn a_key_that_is_not_read_holds_up_what_would_hide_it() {
    let reads = |key: &str| {
        format!(
            "[roles.Reader]\n[[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.Reader.allow]]\nactions = \"kms:Decrypt\"\nresources = \"{key}\"\n"
        )
    };
    let denied: fn(&mut Observed) = |e| {
        let why = crossrole_model::Unreadable { class: Some(crossrole_model::ErrorClass::Denied), why: "no".into() };
        drop(e.keys.insert(OTHER.to_owned(), Observation::Unreadable(why)));
    };
    for (before, blocks) in [(reads(OTHER), true), (reads(KEY), false)] {
        let (_, plan) = row("", &reads(KEY)).after(&before).seen(denied).planned();
        let held: Vec<bool> =
            plan.withheld.iter().filter(|w| matches!(&w.subject, crossrole_model::Subject::Object(a) if a.kind == Kind::KeyPolicy)).map(|w| w.blocks).collect();
        assert_eq!(held, [blocks], "{:?}", plan.withheld);
    }
}

/// A caller of another account needs both sides; a key of an account that nobody here manages is for people.
#[test]
fn other_accounts_need_the_keys_side_whatever_it_leaves_to_its_own() {
    let direct = READER.split("[roles.Reader]").next().unwrap().to_owned()
        + "[[buckets.data-bucket.allow]]\nuser = \"dev/ann\"\naccess = \"write\"\n[trusted.dev.users.ann]\n";
    row("a user of another account", &direct).then(usual).plans(&[
        "+ dev/policy/crossrole-caller-user-ann (Missing): CreatePolicy",
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/attachment/user/ann/crossrole-caller-user-ann (Missing): AttachUserPolicy",
        "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
        &format!("~ {NAME} (Missing): PutKeyPolicy"),
    ]);
    let elsewhere = READER.replace(KEY, DEV_KEY);
    let dev: fn(&mut Observed) = |e| add_key(e, DEV_KEY, &format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, root(DEV)));
    row("a key of another account", &elsewhere).then(dev).plans(&[
        &format!("~ dev/{NAME} (Missing): PutKeyPolicy"),
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
    ]);
    let nobodys = elsewhere.replace("111111111111", "333333333333");
    let (_, plan) = row("", &nobodys).planned();
    let [hand] = plan.by_hand.as_slice() else { panic!("{:?}", plan.by_hand) };
    assert_eq!((hand.account.as_str(), &hand.side), ("333333333333", &HandSide::KeyPolicy(KeyRef::parse(&DEV_KEY.replace(DEV, "333333333333")).unwrap())));
    assert!(hand.statements.iter().all(|s| s.conditions.contains_key("StringLike")), "{:?}", hand.statements);
    assert!(!plan.changes.iter().any(|c| c.address.kind == Kind::KeyPolicy));
}

#[test]
fn what_can_not_be_written_or_used_is_said() {
    row("no key", READER).plans(&[
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
        &format!("! {NAME}: NoKey"),
    ]);
    let set = |e: &mut Observed, change: fn(&mut crossrole_model::observed::ObservedKey)| {
        closed(e);
        let Some(Observation::Known(Some(key))) = e.keys.get_mut(KEY) else { panic!() };
        change(key);
    };
    for (change, expected) in [
        (|key: &mut crossrole_model::observed::ObservedKey| key.customer = false, format!("! {NAME}: AwsKey")),
        (|key: &mut crossrole_model::observed::ObservedKey| key.state = KeyState::PendingDeletion, format!("? {NAME}: KeyState(PendingDeletion)")),
        (
            |key: &mut crossrole_model::observed::ObservedKey| key.policy = Observation::Unreadable(crossrole_model::Unreadable::not_tried("it")),
            format!("! {NAME}: Unreadable it was not read"),
        ),
    ] as [(fn(&mut crossrole_model::observed::ObservedKey), String); 3]
    {
        let (live, _) = row("", READER).planned();
        let mut live = live;
        set(&mut live, change);
        let desired = crate::rows::desired(&crate::rows::manifest(READER));
        let seen = crate::world::look(&live, &crossrole_planner::scope(&desired));
        let plan = crossrole_planner::plan(&desired, &seen, &crossrole_planner::Options::default());
        let said: Vec<String> = plan.withheld.iter().map(|w| format!("{} {}: {:?}", if w.blocks { "!" } else { "?" }, NAME, w.cause)).collect();
        let start = expected.split(':').next().unwrap();
        assert!(said.iter().any(|line| line.starts_with(start)), "{expected}: {said:?}");
    }
}

/// Two roles use the key; the second is not ours any more, so that it is withheld.
fn two(access: &str, sid: &str) -> String {
    let role = |name: &str| {
        format!(
            "[roles.{name}]\n[[roles.{name}.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.{name}.allow]]\nbucket = \"data-bucket\"\naccess = {access}\n"
        )
    };
    format!("[buckets.data-bucket]\nencryption = {{ kms_key = \"{KEY}\" }}\n[keys.data]\narn = \"{KEY}\"\n{sid}{}{}", role("One"), role("Two"))
}

fn unmarked(e: &mut Observed) {
    let role = crate::world::account(e, &crate::world::id(PROD)).roles.get_mut("two").unwrap();
    role.state.tags.clear();
    "somebody else's".clone_into(&mut role.state.description);
}

/// Of a withheld principal nothing is taken and nothing is given, whatever changes for the others.
#[test]
fn a_withheld_principal_keeps_what_a_key_lets_it() {
    let named = |row: &crate::rows::Row, action: &str| -> Vec<String> {
        let (live, plan) = row.planned();
        let written = plan.steps.iter().find_map(|s| if let Call::Key(KeyCall::PutPolicy { document, .. }) = &s.call { Some(document.clone()) } else { None });
        let Some(Observation::Known(Some(key))) = live.keys.get(KEY) else { panic!() };
        let document = written.unwrap_or_else(|| key.policy.known().unwrap().document.clone());
        let ours = document.statements.iter().filter(|s| s.sid().starts_with("Crossrole") && s.action.values.iter().any(|a| a == action));
        ours.flat_map(|s| s.principal.iter().flat_map(|p| p.entries["AWS"].clone())).filter_map(|arn| arn.rsplit('/').next().map(str::to_owned)).collect()
    };
    let (get, put) = (two("\"get\"", ""), two("[\"get\", \"put\"]", ""));
    let same = row("nothing else changes", &get).first(closed).after(&get).then(unmarked);
    assert_eq!(named(&same, "kms:Decrypt"), ["One", "Two"]);
    // The rights change: the document is left as it is, with the reason.
    let changed = row("the rights change", &put).first(closed).after(&get).then(unmarked);
    assert_eq!(named(&changed, "kms:Decrypt"), ["One", "Two"]);
    assert!(named(&changed, "kms:GenerateDataKey").is_empty());
    let (_, plan) = changed.planned();
    assert!(plan.withheld.iter().any(|w| matches!(&w.subject, crossrole_model::Subject::Object(a) if a.kind == Kind::KeyPolicy)), "{:?}", plan.withheld);
    // One that was not let is not let, and the other is.
    let alone = get.replace("[roles.Two]", "[roles.Third]").replace("roles.Two.", "roles.Third.");
    let fresh = row("the second is new to the key", &get).first(closed).after(&alone).then(|e| {
        let account = crate::world::account(e, &crate::world::id(PROD));
        let mut other = account.roles["third"].clone();
        other.name = "Two".to_owned();
        other.state.tags.clear();
        account.roles.insert("two".to_owned(), other);
    });
    assert_eq!(named(&fresh, "kms:Decrypt"), ["One"]);
    // A Deny gives nobody anything, and stays sound.
    let deny = format!("[[keys.data.statement]]\neffect = \"Deny\"\nprincipals = {{ AWS = \"arn:aws:iam::{PROD}:role/Two\" }}\nactions = \"kms:Encrypt\"\n");
    let denied = row("a Deny of it", &two("\"get\"", &deny)).first(closed).after(&get).then(unmarked);
    assert_eq!(named(&denied, "kms:Encrypt"), ["Two"]);
}

/// A bucket that others made is read for what it is encrypted with: another key than the manifest says, or a refusal, is noted and holds
/// nothing up.
#[test]
fn what_others_encrypt_a_bucket_with_is_noted_where_it_is_not_as_the_manifest_says() {
    use crossrole_model::state::Encryption;
    use crossrole_model::{Cause, ErrorClass, Subject, Unreadable};
    let kms = |key: &str| Some(Observation::Known(Encryption::Kms { key: key.to_owned(), bucket_key: false }));
    let denied = Unreadable { class: Some(ErrorClass::Denied), why: "denied".to_owned() };
    let said = || KEY.to_owned();
    let cases = [
        (None, None),
        (kms(KEY), None),
        (kms(OTHER), Some(Cause::OtherKey { found: Some(OTHER.to_owned()), said: said() })),
        (kms(""), Some(Cause::OtherKey { found: Some(String::new()), said: said() })),
        (Some(Observation::Known(Encryption::Aes256)), Some(Cause::OtherKey { found: None, said: said() })),
        (Some(Observation::Unreadable(denied.clone())), Some(Cause::EncryptionUnread(denied.clone()))),
    ];
    for (encryption, noted) in cases {
        let what = format!("{encryption:?}");
        let desired = crate::rows::desired(&crate::rows::manifest(READER));
        let mut live = crate::rows::empty();
        usual(&mut live);
        crate::world::bucket(&mut live, "data-bucket").encryption = encryption;
        let scope = crossrole_planner::scope(&desired);
        assert!(scope.buckets["data-bucket"].encryption, "it is asked of what the manifest names and does not encrypt itself");
        let plan = crossrole_planner::plan(&desired, &crate::world::look(&live, &scope), &crossrole_planner::Options::default());
        assert_eq!(crossrole_planner::check(&plan), []);
        assert!(!plan.is_blocked() && plan.changes.len() == 2, "{what}: {:?}", plan.withheld);
        let of_bucket = |w: &&crossrole_model::Withheld| matches!(&w.subject, Subject::Object(a) if a.kind == Kind::Bucket);
        assert_eq!(plan.withheld.iter().find(of_bucket).map(|w| (w.cause.clone(), w.blocks)), noted.map(|cause| (cause, false)), "{what}");
    }
}

/// What hangs on a bucket that hangs on its key is said to rest on the key: nothing is withheld of the bucket.
#[test]
fn what_rests_on_a_key_names_the_key() {
    use crossrole_model::{Cause, ErrorClass, Subject, Unreadable};
    let text = READER.replace("[buckets.data-bucket]", "[buckets.sealed]\ncreate = true").replace("bucket = \"data-bucket\"", "bucket = \"sealed\"");
    let denied: fn(&mut Observed) = |e| {
        let why = Unreadable { class: Some(ErrorClass::Denied), why: "no".into() };
        drop(e.keys.insert(KEY.to_owned(), Observation::Unreadable(why)));
    };
    for before in [None, Some(&text)] {
        let one = row("", &text).first(usual).seen(denied);
        let one = if let Some(before) = before { one.after(&before.replace("access = \"read\"", "access = \"list\"")) } else { one };
        let (_, plan) = one.planned();
        let on = |kind: Kind| {
            plan.withheld.iter().find_map(|w| match (&w.subject, &w.cause) {
                (Subject::Object(a), Cause::Withheld(on)) if a.kind == kind => Some(on.kind),
                _ => None,
            })
        };
        assert_eq!(on(Kind::BucketPolicy), Some(Kind::KeyPolicy), "{:?}", plan.withheld);
    }
}

/// A key that a wanted statement names by its ARN is read, whoever declares it; one that may not be is noted, since it is found again.
#[test]
fn what_an_earlier_manifest_wrote_into_a_key_that_is_still_named_goes() {
    let names = format!(
        "[roles.Reader]\n[[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.Reader.allow]]\nactions = \"kms:Decrypt\"\nresources = \"{KEY}\"\n"
    );
    let with_table =
        format!("{names}[keys.data]\narn = \"{KEY}\"\n[[keys.data.statement]]\nprincipals = {{ AWS = \"333333333333\" }}\nactions = \"kms:Decrypt\"\n");
    row("the table went, and the statement stays", &names)
        .first(closed)
        .after(&with_table)
        .plans(&[&format!("~ {NAME} (NotInManifest): PutKeyPolicy"), "? account not named: Unnamed"]);
    let denied: fn(&mut Observed) = |e| {
        let why = crossrole_model::Unreadable { class: Some(crossrole_model::ErrorClass::Denied), why: "no".into() };
        drop(e.keys.insert(KEY.to_owned(), Observation::Unreadable(why)));
    };
    let (_, plan) = row("", &names).first(closed).after(&with_table).seen(denied).planned();
    assert_eq!(plan.withheld.iter().map(|w| w.blocks).collect::<Vec<_>>(), [false], "{:?}", plan.withheld);
}
