//! Access that a manifest says is taken back, and manifests that know nothing of it.

use crate::rows::row;

pub(crate) const OPEN: &str = r#"
[trusted.dev.users.ann]
[trusted.dev.users.bob]
[buckets.data-bucket]
[[buckets.data-bucket.allow]]
user = ["dev/ann", "dev/bob"]
access = "list"
[roles.Reader]
[[roles.Reader.trust]]
user = ["dev/ann", "dev/bob"]
session_name = "username"
[[roles.Reader.allow]]
bucket = "data-bucket"
access = "read"
"#;

/// The same with entries, each a principal and an hour.
pub(crate) fn revoked(entries: &[(&str, u8)]) -> String {
    let entry = |(whom, hour): &(&str, u8)| format!("[[revoked]]\n{whom}\nsince = 2026-11-30T{hour:02}:00:00Z\n");
    entries.iter().map(entry).fold(OPEN.to_owned(), |text, entry| text + &entry)
}

/// The same, where access was given again until an hour.
fn restored(hour: u8) -> String {
    let line = format!("restored = 2026-11-30T{hour:02}:00:00Z\n");
    OPEN.replace("[roles.Reader]\n", &format!("[roles.Reader]\n{line}")).replace("[buckets.data-bucket]\n", &format!("[buckets.data-bucket]\n{line}"))
}

pub(crate) const ANN: &str = "user = \"dev/ann\"";
pub(crate) const BOB: &str = "user = \"dev/bob\"";

#[test]
fn trust_is_cut_first_and_then_sessions() {
    row("a role", &revoked(&[("role = \"Reader\"", 18)])).after(OPEN).plans(&[
        "~ dev/policy/crossrole-caller-user-ann (Statements): CreatePolicyVersion",
        "~ dev/policy/crossrole-caller-user-bob (Statements): CreatePolicyVersion",
        "~ role/Reader (Trust, Inline(\"crossrole-revoked\"), Tags): UpdateAssumeRolePolicy PutRolePolicy TagRole",
        "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
    ]);
    row("a user", &revoked(&[(ANN, 18)])).after(OPEN).plans(&[
        "- dev/policy/crossrole-caller-user-ann (NotInManifest): DetachUserPolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: User, name: \"ann\" })",
        "~ role/Reader (Trust, Inline(\"crossrole-revoked\"), Tags): UpdateAssumeRolePolicy PutRolePolicy TagRole",
        "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
    ]);
    row("an account", &revoked(&[("account = \"dev\"", 18)])).after(OPEN).plans(&[
        "- dev/policy/crossrole-caller-user-ann (NotInManifest): DetachUserPolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: User, name: \"ann\" })",
        "- dev/policy/crossrole-caller-user-bob (NotInManifest): DetachUserPolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: User, name: \"bob\" })",
        "~ role/Reader (Trust, Inline(\"crossrole-revoked\"), Tags): UpdateAssumeRolePolicy PutRolePolicy TagRole",
        "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
    ]);
}

#[test]
fn an_older_manifest_gives_nothing_back() {
    row("one that knows nothing", OPEN).after(OPEN).after(&revoked(&[(ANN, 18)])).plans(&[
        "! dev/caller/user/ann/m: Withheld role/Reader",
        "! role/Reader: Revoked { since: \"2026-11-30T18:00:00Z\" }",
        "! bucket-policy/data-bucket: Revoked { since: \"2026-11-30T18:00:00Z\" }",
    ]);
    row("one that knows of an earlier one", &revoked(&[(ANN, 18)])).after(&revoked(&[(ANN, 18)])).after(&revoked(&[(ANN, 18), (BOB, 19)])).plans(&[
        "! dev/caller/user/bob/m: Withheld role/Reader",
        "! role/Reader: Revoked { since: \"2026-11-30T19:00:00Z\" }",
        "! bucket-policy/data-bucket: Revoked { since: \"2026-11-30T19:00:00Z\" }",
    ]);
    row("one that restores an earlier one", &restored(17)).after(OPEN).after(&revoked(&[(ANN, 18)])).plans(&[
        "! dev/caller/user/ann/m: Withheld role/Reader",
        "! role/Reader: Revoked { since: \"2026-11-30T18:00:00Z\" }",
        "! bucket-policy/data-bucket: Revoked { since: \"2026-11-30T18:00:00Z\" }",
    ]);
}

#[test]
fn a_manifest_gives_it_back_where_it_says_so() {
    row("restored", &restored(18)).after(OPEN).after(&revoked(&[(ANN, 18)])).plans(&[
        "+ dev/policy/crossrole-caller-user-ann (Missing): CreatePolicy",
        "+ dev/attachment/user/ann/crossrole-caller-user-ann (Missing): AttachUserPolicy",
        "~ role/Reader (Trust, Inline(\"crossrole-revoked\"), Tags): DeleteRolePolicy UntagRole UpdateAssumeRolePolicy",
        "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
    ]);
    row("revoked again, later", &revoked(&[(ANN, 19)]))
        .after(&revoked(&[(ANN, 18)]))
        .plans(&["~ role/Reader (Inline(\"crossrole-revoked\"), Tags): PutRolePolicy TagRole", "~ bucket-policy/data-bucket (Statements): PutBucketPolicy"]);
}

/// A policy of the console's on the same role stays, whatever is revoked and restored.
#[test]
fn what_the_console_revokes_is_never_touched() {
    let revoke = |estate: &mut crossrole_model::Observed| {
        let deny = crossrole_policy::parse(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-11-30T12:00:00Z"}}}]}"#,
        );
        let role = crate::world::account(estate, &crate::world::id(crate::rows::PROD)).roles.get_mut("reader").unwrap();
        role.state.inline.insert(crossrole_model::ownership::REVOKE_POLICY.to_owned(), deny.unwrap());
    };
    row("revoked by both, and then restored", &restored(18)).after(&revoked(&[(ANN, 18)])).then(revoke).plans(&[
        "+ dev/policy/crossrole-caller-user-ann (Missing): CreatePolicy",
        "+ dev/attachment/user/ann/crossrole-caller-user-ann (Missing): AttachUserPolicy",
        "~ role/Reader (Trust, Inline(\"crossrole-revoked\"), Tags): DeleteRolePolicy UntagRole UpdateAssumeRolePolicy",
        "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
    ]);
}

/// Each entry stands for itself: one that knows of the later one alone would let the other in again.
#[test]
fn of_two_revocations_each_has_to_be_known() {
    let both = revoked(&[(ANN, 18), (BOB, 19)]);
    for (name, older, since) in [("the later", &[(BOB, 19)][..], 18), ("the later, said anew", &[(BOB, 20)], 18), ("the earlier", &[(ANN, 18)], 19)] {
        let lines = [
            format!("! role/Reader: Revoked {{ since: \"2026-11-30T{since}:00:00Z\" }}"),
            format!("! bucket-policy/data-bucket: Revoked {{ since: \"2026-11-30T{since}:00:00Z\" }}"),
        ];
        let who = if since == 18 { "ann" } else { "bob" };
        let caller = format!("! dev/caller/user/{who}/m: Withheld role/Reader");
        let all: Vec<&str> = [&caller].into_iter().chain(&lines).map(String::as_str).collect();
        row(name, &revoked(older)).after(OPEN).after(&both).plans(&all);
    }
    let again = revoked(&[(BOB, 19)]).replace("[roles.Reader]\n", "[roles.Reader]\nrestored = 2026-11-30T18:00:00Z\n");
    let again = again.replace("[buckets.data-bucket]\n", "[buckets.data-bucket]\nrestored = 2026-11-30T18:00:00Z\n");
    row("restored", &again).after(OPEN).after(&both).plans(&[
        "+ dev/policy/crossrole-caller-user-ann (Missing): CreatePolicy",
        "+ dev/attachment/user/ann/crossrole-caller-user-ann (Missing): AttachUserPolicy",
        "~ role/Reader (Trust, Inline(\"crossrole-revoked\"), Tags): UntagRole PutRolePolicy UpdateAssumeRolePolicy",
        "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
    ]);
}

const KEY: &str = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Nothing but a bucket lets them in, and its key: each side is written for somebody of another account.
const SIDES: &str = r#"
[trusted.dev.users.ann]
[trusted.dev.groups.Crew]
[buckets.data-bucket]
encryption = { kms_key = "arn:aws:kms:us-east-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab" }
[[buckets.data-bucket.allow]]
user = "dev/ann"
access = "get"
[[buckets.data-bucket.allow]]
group = "dev/Crew"
access = "read-write"
[[buckets.data-bucket.allow]]
permission_set = "dev/Developers"
access = "read"
"#;

fn live(e: &mut crossrole_model::Observed) {
    let own = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Own","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"kms:*","Resource":"*"}]}"#;
    crate::world::add_key(e, KEY, own);
    crate::sets::there(e);
}

/// Key, permission set and the callers' own policies have no tag: they rest on what has one.
#[test]
fn an_older_manifest_gives_nothing_back_on_any_side() {
    let mark = "Revoked { since: \"2026-11-30T18:00:00Z\" }";
    let bucket = format!("! bucket-policy/data-bucket: {mark}");
    let key = format!("! key-policy/us-east-1/1234abcd-12ab-34cd-56ef-1234567890ab: {mark}");
    let on = "key-policy/us-east-1/1234abcd-12ab-34cd-56ef-1234567890ab";
    let sides = ["group/Crew", "user/ann"].map(|who| format!("! dev/caller/{who}/m: Withheld {on}"));
    let sides = [sides[0].as_str(), sides[1].as_str()];
    let set = "! 999999999999permission-set/Developers: Withheld bucket-policy/data-bucket";
    for (entry, own) in [
        ("account = \"dev\"", &[sides[0], sides[1], set][..]),
        ("user = \"dev/ann\"", &[sides[1]]),
        ("group = \"dev/Crew\"", &[sides[0]]),
        ("permission_set = \"dev/Developers\"", &[set]),
    ] {
        let gone = format!("{SIDES}[[revoked]]\n{entry}\nsince = 2026-11-30T18:00:00Z\n");
        let (callers, sets): (Vec<&str>, Vec<&str>) = own.iter().partition(|line| line.contains("/caller/"));
        let lines: Vec<&str> = callers.into_iter().chain([bucket.as_str(), key.as_str()]).chain(sets).collect();
        row(entry, SIDES).first(live).in_center(crate::sets::at()).after(SIDES).after(&gone).plans(&lines);
        row(entry, &gone).first(live).in_center(crate::sets::at()).after(SIDES).after(&gone).plans(&[]);
    }
}

/// One that names the bucket no more takes nothing of what denies: somebody else's statements there may let in who is denied.
#[test]
fn what_tells_stays_where_the_bucket_is_not_named_any_more() {
    let other = "[trusted.dev.users.ann]\n[roles.Reader]\n[[roles.Reader.trust]]\nuser = \"dev/ann\"\n[[roles.Reader.allow]]\nbucket = \"data-bucket\"\n\
                 access = \"read\"\nbucket_policy = false\n";
    let open = format!("{other}[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\nuser = \"dev/ann\"\naccess = \"list\"\n");
    let gone = format!("{open}[[revoked]]\nuser = \"dev/ann\"\nsince = 2026-11-30T18:00:00Z\n");
    let later = format!("{other}[[revoked]]\nuser = \"dev/ann\"\nsince = 2026-11-30T18:00:00Z\n");
    row("not named", &later).after(&open).after(&gone).plans(&[]);
    let (_, plan) = row("destroyed", &gone).after(&open).after(&gone).destroyed().planned();
    assert!(plan.changes.iter().any(|change| change.address.to_string().contains("bucket-policy")));
}

/// The grant goes after the entry came: the mark stays with the entry, what is planned goes on, and an older manifest gives nothing back.
#[test]
fn an_entry_tells_of_a_mark_without_a_grant() {
    let no_group = |text: &str| text.replace("[[buckets.data-bucket.allow]]\ngroup = \"dev/Crew\"\naccess = \"read-write\"\n", "");
    let without = |text: &str| text.replace("user = [\"dev/ann\", \"dev/bob\"]", BOB);
    let gone = revoked(&[(ANN, 18)]);
    row("a user", &without(&gone)).after(OPEN).after(&gone).plans(&[]);
    row("another is revoked then", &without(&revoked(&[(ANN, 18), (BOB, 19)]))).after(OPEN).after(&gone).after(&without(&gone)).plans(&[
        "- dev/policy/crossrole-caller-user-bob (NotInManifest): DetachUserPolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: User, name: \"bob\" })",
        "~ role/Reader (Trust, Inline(\"crossrole-revoked\"), Tags): UpdateAssumeRolePolicy PutRolePolicy TagRole",
        "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
    ]);
    row("an older one", OPEN).after(OPEN).after(&gone).after(&without(&gone)).plans(&[
        "! dev/caller/user/ann/m: Withheld role/Reader",
        "! role/Reader: Revoked { since: \"2026-11-30T18:00:00Z\" }",
        "! bucket-policy/data-bucket: Revoked { since: \"2026-11-30T18:00:00Z\" }",
    ]);
    let group = format!("{SIDES}[[revoked]]\ngroup = \"dev/Crew\"\nsince = 2026-11-30T18:00:00Z\n");
    row("a group", &no_group(&group)).first(live).in_center(crate::sets::at()).after(SIDES).after(&group).plans(&[]);
    let key = format!("[keys.own]\narn = \"{KEY}\"\n[[keys.own.allow]]\npermission_set = \"dev/Developers\"\naccess = \"decrypt\"\n");
    let more = SIDES.replace("[buckets.data-bucket]\n", &format!("{key}[buckets.data-bucket]\n"));
    let ann = |text: &str| format!("{text}[[revoked]]\nuser = \"dev/ann\"\nsince = 2026-11-30T18:00:00Z\n");
    let (_, plan) = row("a key that says more", &ann(&more)).first(live).in_center(crate::sets::at()).after(SIDES).after(&ann(SIDES)).planned();
    assert!(plan.withheld.is_empty(), "{:?}", plan.withheld);
}

/// What is called a mark and lets somebody in, or denies less than we write, is nothing that is kept.
#[test]
fn a_mark_that_was_turned_is_none() {
    let gone = revoked(&[(ANN, 18)]);
    let without = gone.replace("user = [\"dev/ann\", \"dev/bob\"]", BOB);
    let turned = |e: &mut crossrole_model::Observed| {
        let crossrole_model::Observation::Known(state) = &mut crate::world::bucket(e, "data-bucket").policy else { panic!("it is known") };
        let marks = state.document.as_mut().unwrap().statements.iter_mut().filter(|s| s.sid().contains("Revoked"));
        assert_eq!(marks.map(|mark| mark.effect = crossrole_policy::Effect::Allow).count(), 2);
    };
    let put = "~ bucket-policy/data-bucket (Statements): PutBucketPolicy";
    row("an Allow", &without).after(OPEN).after(&gone).after(&without).then(turned).plans(&[put]);
    let fewer = |e: &mut crossrole_model::Observed| {
        let role = crate::world::account(e, &crate::world::id(crate::rows::PROD)).roles.get_mut("reader").unwrap();
        for statement in &mut role.state.inline.get_mut("crossrole-revoked").unwrap().statements {
            let never = [("aws:PrincipalTag/x".to_owned(), vec!["y".to_owned()])];
            statement.conditions.insert("StringEquals".to_owned(), never.into());
        }
    };
    let policy = "~ role/Reader (Inline(\"crossrole-revoked\")): DeleteRolePolicy";
    row("a Deny of fewer", &without).after(OPEN).after(&gone).after(&without).then(fewer).plans(&[policy]);
}

/// Of more revocations than a role has tags, the earliest has none.
#[test]
fn more_revocations_than_tags_withhold_nothing() {
    let users = (0..60).map(|at| format!("[trusted.dev.users.u{at}]\n")).collect::<String>();
    let all = (0..60).map(|at| format!("\"dev/u{at}\"")).collect::<Vec<_>>().join(", ");
    let open = format!("{users}[roles.Reader]\n[[roles.Reader.trust]]\nuser = [{all}]\n[[roles.Reader.allow]]\nbucket = \"data-bucket\"\naccess = \"read\"\n");
    let gone = |to: usize| {
        let entry = |at: usize| format!("[[revoked]]\nuser = \"dev/u{at}\"\nsince = 2026-11-30T18:{at:02}:00Z\n");
        open.clone() + &(0..to).map(entry).collect::<String>()
    };
    row("one more", &gone(58)).after(&gone(57)).plans(&[
        "- dev/policy/crossrole-caller-user-u57 (NotInManifest): DetachUserPolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: User, name: \"u57\" })",
        "~ role/Reader (Trust, Tags): UpdateAssumeRolePolicy UntagRole TagRole",
    ]);
}

/// What takes access back writes each Deny of a key once, and makes nothing that is not there.
#[test]
fn what_is_narrowed_is_met_as_a_whole() {
    let ann = format!("{SIDES}[[revoked]]\nuser = \"dev/ann\"\nsince = 2026-11-30T18:00:00Z\n");
    let both = format!("{ann}[[revoked]]\naccount = \"dev\"\nsince = 2026-11-30T19:00:00Z\n");
    let (live, plan) = row("", &both).first(live).in_center(crate::sets::at()).after(SIDES).after(&ann).planned();
    let desired = crate::rows::desired(&crate::rows::manifest(&both));
    let all = plan.changes.iter().map(|change| change.address.clone()).collect();
    let (narrowed, _) = crossrole_planner::narrowed(&desired, &live, &all);
    let of_key = narrowed.objects.values().find_map(|object| match &object.state {
        crossrole_model::DesiredState::KeyPolicy { grants, .. } => Some(grants.iter().map(|grant| grant.statement.sid().to_owned()).collect::<Vec<_>>()),
        _ => None,
    });
    let mut sids = of_key.unwrap();
    assert_eq!(sids.iter().filter(|sid| sid.contains("Revoked")).count(), 3, "{sids:?}");
    sids.sort();
    assert!(sids.windows(2).all(|two| two[0] != two[1]), "{sids:?}");

    let made = "[trusted.dev.users.bob]\n[keys.k]\ncreate = true\nalias = \"alias/k\"\n[[keys.k.allow]]\nuser = \"dev/bob\"\naccess = \"decrypt\"\n";
    let (live, plan) = row("", made).planned();
    let all: std::collections::BTreeSet<_> = plan.changes.iter().map(|change| change.address.clone()).collect();
    let desired = crate::rows::desired(&crate::rows::manifest(made));
    let live = crate::world::look(&live, &crossrole_planner::scope(&desired));
    let (narrowed, _) = crossrole_planner::narrowed(&desired, &live, &all);
    let after = crossrole_planner::plan(&narrowed, &live, &crossrole_planner::Options::default());
    let keys = |plan: &crossrole_model::Plan| plan.changes.iter().filter(|change| change.address.to_string().contains("key")).count();
    assert!(keys(&plan) >= 2 && keys(&after) == 0, "{:?}", after.changes);
}

/// The statements that a bucket's or a key's policy has after a plan, as texts.
fn after(plan: &crossrole_model::Plan, kind: &str) -> String {
    let change = plan.changes.iter().find(|change| change.address.to_string().contains(kind)).unwrap();
    match &change.after {
        Some(crossrole_model::ObjectState::BucketPolicy(state)) => state.document.as_ref().unwrap().to_json(),
        Some(crossrole_model::ObjectState::KeyPolicy(state)) => state.document.to_json(),
        other => panic!("{other:?}"),
    }
}

/// Which of two spellings AWS has is not known: both are denied.
#[test]
fn another_spelling_takes_the_place_of_none() {
    let entry = |name: &str, hour: u8| format!("[[revoked]]\nprincipal = \"arn:aws:iam::111111111111:user/{name}\"\nsince = 2026-11-30T{hour}:00:00Z\n");
    let one = format!("{OPEN}{}", entry("ann", 18));
    let (_, plan) = row("", &format!("{one}{}", entry("Ann", 19))).after(OPEN).after(&one).planned();
    let policy = after(&plan, "bucket-policy");
    assert!(policy.contains("user/ann\"") && policy.contains("user/Ann\"") && policy.matches("Revoked2026").count() == 2, "{policy}");
    // The one that denies its sessions names the user that is there.
    assert_eq!(policy.matches("Sessions\"").count(), 1, "{policy}");
}

/// A manifest that says who uses a key denies it altogether to those that it can name: a group that a bucket let in has its own mark.
#[test]
fn a_mark_on_a_key_is_each_entrys_own() {
    let key = format!("[keys.own]\narn = \"{KEY}\"\n[[keys.own.allow]]\npermission_set = \"dev/Developers\"\naccess = \"decrypt\"\n");
    let entry = |who: &str| format!("[[revoked]]\n{who}\nsince = 2026-11-30T18:00:00Z\n");
    let gone = format!("{key}{SIDES}{}{}", entry("user = \"dev/ann\""), entry("group = \"dev/Crew\""));
    let (_, plan) = row("", &gone).first(live).in_center(crate::sets::at()).after(SIDES).planned();
    assert_eq!(after(&plan, "key-policy").matches("Revoked2026").count(), 3, "{}", after(&plan, "key-policy"));
}

/// Whoever left has no table any more, and a path that nothing tells.
#[test]
fn who_has_a_path_is_known_by_the_name_alone_once_the_table_is_gone() {
    let open = |path: &str| {
        format!(
            "{path}[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\naccount = \"dev\"\naccess = \"list\"\n\
             [roles.Reader]\n[[roles.Reader.trust]]\naccount = \"dev\"\n\
             [[revoked]]\nuser = \"dev/ann\"\nsince = 2026-11-30T18:00:00Z\n"
        )
    };
    let with = open("[trusted.dev.users.ann]\npath = \"/people/\"\n");
    let (_, plan) = row("its table goes", &open("")).after(&with).planned();
    let lines = crate::rows::lines(&plan);
    assert!(!lines.iter().any(|line| line.contains("Revoked")), "{lines:?}");
    assert_eq!(lines.first().map(String::as_str), Some("- dev/user/ann (NotInManifest): DeleteUser"));
    row("and that is all", &open(""))
        .after(&with)
        .after(&open(""))
        .plans(&["? part of bucket-policy/data-bucket: Federated { user: \"arn:aws:iam::111111111111:user/ann\", missing: true }"]);
    // Where it stays, it stays denied under the path that it has.
    let (_, plan) = row("it stays", &open(""))
        .after(&with)
        .then(|e| crate::world::account(e, &crate::world::id(crate::rows::DEV)).users.get_mut("ann").unwrap().state.tags.clear())
        .planned();
    let documents = plan.changes.iter().filter_map(|change| match &change.after {
        Some(crossrole_model::ObjectState::Role(role)) => Some(role.trust.clone()),
        Some(crossrole_model::ObjectState::BucketPolicy(policy)) => policy.document.clone(),
        _ => None,
    });
    let documents: Vec<_> = documents.collect();
    assert_eq!(documents.len(), 2);
    for document in documents {
        let mut denied = document.statements.iter().filter(|s| s.effect == crossrole_policy::Effect::Deny);
        let by_path = |s: &crossrole_policy::Statement| serde_json::to_string(s).unwrap().contains("user/people/ann");
        assert!(denied.all(by_path), "{document:?}");
    }
}

/// An entry without the path is about whom a grant names with it: IAM knows one of that name.
#[test]
fn an_entry_meets_a_grant_in_another_spelling() {
    for (granted, entry) in [("dev/people/ann", "dev/ann"), ("dev/ann", "dev/people/ann"), ("dev/Ann", "dev/people/ann")] {
        let text = format!(
            "[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\nuser = [\"{granted}\", \"dev/annabel\"]\naccess = \"list\"\n[[revoked]]\nuser = \"{entry}\"\nsince = 2026-11-30T18:00:00Z\n"
        );
        let wanted = crate::rows::desired(&crate::rows::manifest(&text));
        let statements = wanted.objects.values().flat_map(|object| match &object.state {
            crossrole_model::DesiredState::BucketPolicy { statements, .. } => statements.clone(),
            _ => Vec::new(),
        });
        let allowed: Vec<String> =
            statements.filter(|s| s.effect == crossrole_policy::Effect::Allow).flat_map(|s| s.principal.unwrap().aws().to_vec()).collect();
        assert_eq!(allowed, ["arn:aws:iam::111111111111:user/annabel"], "{granted}, {entry}");
    }
}
