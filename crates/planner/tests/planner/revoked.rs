//! Access that a manifest says is taken back, and manifests that know nothing of it.

use crate::rows::row;

const OPEN: &str = r#"
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
fn revoked(entries: &[(&str, u8)]) -> String {
    let entry = |(whom, hour): &(&str, u8)| format!("[[revoked]]\n{whom}\nsince = 2026-11-30T{hour:02}:00:00Z\n");
    entries.iter().map(entry).fold(OPEN.to_owned(), |text, entry| text + &entry)
}

/// The same, where access was given again until an hour.
fn restored(hour: u8) -> String {
    let line = format!("restored = 2026-11-30T{hour:02}:00:00Z\n");
    OPEN.replace("[roles.Reader]\n", &format!("[roles.Reader]\n{line}")).replace("[buckets.data-bucket]\n", &format!("[buckets.data-bucket]\n{line}"))
}

const ANN: &str = "user = \"dev/ann\"";
const BOB: &str = "user = \"dev/bob\"";

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
        "+ dev/policy/crossrole-caller-user-ann (Missing): CreatePolicy",
        "+ dev/attachment/user/ann/crossrole-caller-user-ann (Missing): AttachUserPolicy",
        "! role/Reader: Revoked { since: \"2026-11-30T18:00:00Z\" }",
        "! bucket-policy/data-bucket: Revoked { since: \"2026-11-30T18:00:00Z\" }",
        "! part of dev/caller/user/ann/m: Withheld role/Reader",
    ]);
    row("one that knows of an earlier one", &revoked(&[(ANN, 18)])).after(&revoked(&[(ANN, 18)])).after(&revoked(&[(ANN, 18), (BOB, 19)])).plans(&[
        "+ dev/policy/crossrole-caller-user-bob (Missing): CreatePolicy",
        "+ dev/attachment/user/bob/crossrole-caller-user-bob (Missing): AttachUserPolicy",
        "! role/Reader: Revoked { since: \"2026-11-30T19:00:00Z\" }",
        "! bucket-policy/data-bucket: Revoked { since: \"2026-11-30T19:00:00Z\" }",
        "! part of dev/caller/user/bob/m: Withheld role/Reader",
    ]);
    row("one that restores an earlier one", &restored(17)).after(OPEN).after(&revoked(&[(ANN, 18)])).plans(&[
        "+ dev/policy/crossrole-caller-user-ann (Missing): CreatePolicy",
        "+ dev/attachment/user/ann/crossrole-caller-user-ann (Missing): AttachUserPolicy",
        "! role/Reader: Revoked { since: \"2026-11-30T18:00:00Z\" }",
        "! bucket-policy/data-bucket: Revoked { since: \"2026-11-30T18:00:00Z\" }",
        "! part of dev/caller/user/ann/m: Withheld role/Reader",
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
