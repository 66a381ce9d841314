//! A manifest that has another name now: what bears the earlier one is its own, and is marked anew where it is.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::observed::ObservedUser;
use crossrole_model::state::{Tags, UserState};
use crossrole_model::{Borne, Observation, Observed, Source, ownership};
use crossrole_planner::{Options, check, plan, scope};
use crossrole_policy::Document;

use crate::revoked::{ANN, OPEN, revoked};
use crate::rows::{DEV, Row, desired, empty, lines, manifest, row};
use crate::world::{account, carry_out, id, look};
use crate::{keys, made_keys, sets};

const SIDES: &str = r#"
[trusted.dev.groups.Devs]
members = ["ann"]
[trusted.dev.users.ann]
tags = { team = "data" }
[policies.Extra]
[[policies.Extra.allow]]
actions = "s3:ListAllMyBuckets"
resources = "*"
[oidc_providers.github]
url = "https://token.actions.githubusercontent.com"
[buckets.made-bucket]
create = true
[buckets.data-bucket]
[[buckets.data-bucket.allow]]
user = "dev/ann"
access = "list"
[roles.Reader]
policies = ["Extra"]
[[roles.Reader.trust]]
group = "dev/Devs"
[[roles.Reader.allow]]
bucket = "data-bucket"
access = "read"
"#;

/// The same, of a manifest of another name.
fn old(body: &str) -> String {
    manifest(body).replacen("\"m\"", "\"old\"", 1)
}

const REMARKED: &[&str] = &[
    "~ dev/policy/crossrole-caller-group-Devs (Statements): CreatePolicyVersion",
    "~ dev/policy/crossrole-caller-user-ann (Statements): CreatePolicyVersion",
    "~ dev/user/ann (Tags): TagUser",
    "~ dev/group/Devs (Path): UpdateGroup",
    "~ oidc-provider/token.actions.githubusercontent.com (Tags): TagOpenIDConnectProvider",
    "~ policy/Extra (Tags): TagPolicy",
    "~ role/Reader (Tags): TagRole",
    "~ bucket/made-bucket (Tags): PutBucketTagging",
    "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
];

#[test]
fn everything_is_marked_anew_and_nothing_is_made_anew() {
    row("renamed", SIDES).after_manifest(&old(SIDES)).renamed_from("\"old\"").plans(REMARKED);
    row("one name of two", SIDES).after_manifest(&old(SIDES)).renamed_from("[\"older\", \"old\"]").plans(REMARKED);
    row("nothing is left to do", SIDES).after(SIDES).renamed_from("\"old\"").plans(&[]);
}

/// What still bears a name: by tags, the paths of groups, and how Sids begin.
pub(crate) fn bears(estate: &Observed, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let head = ownership::sid_prefix(name);
    let mut in_document = |what: &str, document: &Document| {
        found.extend(document.statements.iter().filter(|s| s.sid().starts_with(&head)).map(|s| format!("{what}: {}", s.sid())));
    };
    for state in estate.accounts.values().filter_map(|account| account.known()) {
        state.policies.values().for_each(|policy| in_document(&policy.name, &policy.state.document));
        state.roles.values().flat_map(|role| &role.state.inline).for_each(|(name, document)| in_document(name, document));
    }
    for (bucket, state) in estate.buckets.iter().filter_map(|(name, bucket)| Some((name, bucket.known()?.as_ref()?))) {
        state.policy.known().and_then(|policy| policy.document.as_ref()).into_iter().for_each(|document| in_document(bucket, document));
    }
    for (arn, state) in estate.keys.iter().filter_map(|(arn, key)| Some((arn, key.known()?.as_ref()?))) {
        state.policy.known().into_iter().for_each(|policy| in_document(arn, &policy.document));
    }
    if let Some(Observation::Known(sets)) = &estate.permission_sets {
        let known = sets.sets.iter().filter_map(|(name, set)| Some((name, set.known()?.state.document.as_ref()?)));
        known.for_each(|(name, document)| in_document(name, document));
    }
    // Tags and paths are the only other places in which it could stand.
    let rest = format!("{estate:?}");
    found.extend([format!("\"crossrole:manifest\": \"{name}\""), ownership::group_path(name)].into_iter().filter(|mark| rest.contains(mark)));
    found
}

#[test]
fn keys_and_permission_sets_are_marked_anew() {
    row("a key of others", keys::READER).first(keys::closed).after_manifest(&old(keys::READER)).renamed_from("\"old\"").plans(&[
        "~ role/Reader (Tags): TagRole",
        "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
        "~ key-policy/us-east-1/1234abcd-12ab-34cd-56ef-1234567890ab (Statements): PutKeyPolicy",
    ]);
    row("a key that is made", made_keys::MAKES).after_manifest(&old(made_keys::MAKES)).renamed_from("\"old\"").plans(&[
        "~ role/Reader (Tags): TagRole",
        "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
        "~ key/us-east-1/alias/data (Tags): TagResource",
    ]);
    row("a permission set", sets::LETS).in_center(sets::at()).first(sets::there).after_manifest(&old(sets::LETS)).renamed_from("\"old\"").plans(&[
        "~ role/Reader (Tags): TagRole",
        "~ 999999999999permission-set/Developers (Statements): PutInlinePolicyToPermissionSet ProvisionPermissionSet",
        "  > Provisions({AccountId(\"111111111111\")})",
    ]);
}

/// Who was revoked stays so, and an entry that the manifest lacks is as unknown as it was before.
#[test]
fn what_tells_of_a_revocation_is_its_own_too() {
    let marked = ["~ role/Reader (Tags): TagRole", "~ bucket-policy/data-bucket (Statements): PutBucketPolicy"];
    let bob = "~ dev/policy/crossrole-caller-user-bob (Statements): CreatePolicyVersion";
    let users = ["~ dev/user/ann (Tags): TagUser", "~ dev/user/bob (Tags): TagUser"];
    let text = revoked(&[(ANN, 18)]);
    row("revoked", &text).after_manifest(&old(&text)).renamed_from("\"old\"").plans(&[&[bob], &users[..], &marked].concat());
    // What denies is the mark of one whom nothing wanted names any more.
    let left = text.replace("[\"dev/ann\", \"dev/bob\"]\naccess", "[\"dev/bob\"]\naccess");
    row("its grant went", &left).after_manifest(&old(&text)).renamed_from("\"old\"").plans(&[&[bob], &users[..], &marked].concat());
    row("it knows nothing", OPEN).after_manifest(&old(&text)).renamed_from("\"old\"").plans(&[
        users[0],
        users[1],
        "! dev/caller/user/ann/m: Withheld role/Reader",
        "! dev/caller/user/bob/m: Withheld role/Reader",
        "! role/Reader: Revoked { since: \"2026-11-30T18:00:00Z\" }",
        "! bucket-policy/data-bucket: Revoked { since: \"2026-11-30T18:00:00Z\" }",
    ]);
}

/// Two manifests of one account speak of one bucket and one caller: what is the other's stays as it is.
#[test]
fn what_another_manifest_says_in_the_same_documents_stays() {
    let body = "[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\nuser = \"dev/ann\"\naccess = \"list\"\n";
    let others = old(&body.replace("list", "read")).replacen("\"old\"", "\"n\"", 1);
    let ann: fn(&mut Observed) = |estate| {
        let found = ObservedUser {
            name: "ann".into(),
            id: "AIDAEXAMPLEEXAMPLE123".into(),
            state: UserState { path: "/".into(), tags: Tags::new() },
            boundary: None,
            groups: BTreeSet::new(),
            attached: BTreeSet::new(),
            inline: BTreeMap::new(),
        };
        account(estate, &id(DEV)).users.insert("ann".into(), found);
    };
    let of = |name: &'static str| row(name, body).first(ann).after_manifest(&old(body)).after_manifest(&others).renamed_from("\"old\"");
    let (live, plan) = of("").planned();
    of("beside another")
        .plans(&["~ dev/policy/crossrole-caller-user-ann (Statements): CreatePolicyVersion", "~ bucket-policy/data-bucket (Statements): PutBucketPolicy"]);
    let theirs = bears(&live, "n");
    assert_eq!(theirs.len(), 4, "{theirs:?}");
    let mut after = live;
    for step in &plan.steps {
        carry_out(&mut after, &step.account, &step.call).unwrap();
    }
    assert_eq!(bears(&after, "n"), theirs);
}

#[test]
fn what_it_declares_no_more_goes_and_all_of_it_where_it_is_destroyed() {
    let less = SIDES.replace("policies = [\"Extra\"]\n", "");
    let (head, tail) = (less.find("[policies.Extra]").unwrap(), less.find("[oidc").unwrap());
    let less = format!("{}{}", &less[..head], &less[tail..]);
    let lines = REMARKED.iter().flat_map(|line| match *line {
        "~ policy/Extra (Tags): TagPolicy" => {
            vec!["- policy/Extra (NotInManifest): DeletePolicy", "  > Loses(PrincipalRef { kind: Role, name: \"Reader\" })"]
        }
        "~ role/Reader (Tags): TagRole" => {
            vec!["~ role/Reader (Attached(\"arn:aws:iam::222222222222:policy/Extra\"), Tags): DetachRolePolicy TagRole"]
        }
        line => vec![line],
    });
    let plan: Vec<&str> = lines.collect();
    row("one goes", &less).after_manifest(&old(SIDES)).renamed_from("\"old\"").plans(&plan);
    row("all goes", SIDES).after_manifest(&old(SIDES)).renamed_from("\"old\"").destroyed().plans(&[
        "- dev/policy/crossrole-caller-group-Devs (Destroy): DetachGroupPolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: Group, name: \"Devs\" })",
        "- dev/policy/crossrole-caller-user-ann (Destroy): DetachUserPolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: User, name: \"ann\" })",
        "- dev/user/ann (Destroy): RemoveUserFromGroup DeleteUser",
        "  > CredentialsFirst",
        "- dev/group/Devs (Destroy): DeleteGroup",
        "  > MemberLeaves(\"ann\")",
        "- oidc-provider/token.actions.githubusercontent.com (Destroy): DeleteOpenIDConnectProvider",
        "  > ProviderTrustLost",
        "- policy/Extra (Destroy): DeletePolicy",
        "  > Loses(PrincipalRef { kind: Role, name: \"Reader\" })",
        "- role/Reader (Destroy): DetachRolePolicy DeleteRolePolicy DeleteRole",
        "  > SessionsEnd",
        "- bucket/made-bucket (Destroy): DeleteBucket",
        "  > ObjectsStay",
        "- bucket-policy/data-bucket (Destroy): DeleteBucketPolicy",
    ]);
}

/// What it was called is not what another is called: that one's objects stay its own.
#[test]
fn whoever_has_another_name_keeps_what_is_its_own() {
    let role = "[roles.Reader]\n[[roles.Reader.trust]]\naccount = \"dev\"\n";
    row("another", role).after_manifest(&old(role)).renamed_from("\"older\"").plans(&["! role/Reader: Owned(\"old\")"]);
}

/// A statement that is withheld stays under the name that it has, until it can be written.
#[test]
fn what_is_withheld_keeps_its_mark() {
    let body = OPEN.replace("[trusted.dev.users.bob]\n", "");
    let gone: fn(&mut Observed) = |estate| drop(account(estate, &id(DEV)).users.remove("bob"));
    row("a user is gone", &body).after_manifest(&old(OPEN)).then(gone).renamed_from("\"old\"").plans(&[
        "~ dev/policy/crossrole-caller-user-ann (Statements): CreatePolicyVersion",
        "~ dev/user/ann (Tags): TagUser",
        "! dev/caller/user/bob/m: Missing dev/user/bob",
        "! role/Reader: Missing dev/user/bob",
        "! bucket-policy/data-bucket: Missing dev/user/bob",
    ]);
}

/// What could not be read may bear it, unless something that was read does.
#[test]
fn whether_anything_bears_it_is_known_or_not() {
    let borne = |row: Row| row.renamed_from("\"old\"").planned().1.renamed.iter().map(|renamed| renamed.borne).collect::<Vec<_>>();
    let part: fn(&mut Observed) = |estate| account(estate, &id(DEV)).complete = false;
    let bucket: fn(&mut Observed) = |estate| crate::world::bucket(estate, "data-bucket").policy = Observation::Unreadable(unreadable());
    let of = |before: &str| row("", SIDES).after_manifest(before);
    assert_eq!(borne(of(&old(SIDES))), [Borne::Live]);
    assert_eq!(borne(of(&manifest(SIDES))), [Borne::Gone]);
    for seen in [part, bucket] {
        assert_eq!(borne(of(&manifest(SIDES)).seen(seen)), [Borne::Unknown]);
        assert_eq!(borne(of(&old(SIDES)).seen(seen)), [Borne::Live]);
    }
    assert_eq!(row("", SIDES).after_manifest(&old(SIDES)).planned().1.renamed, []);
}

fn unreadable() -> crossrole_model::Unreadable {
    crossrole_model::Unreadable { class: None, why: "no".to_owned() }
}

/// One manifest becomes two: what the other declares is its own, the group by its path too.
#[test]
fn what_another_manifest_of_the_run_declares_is_that_ones() {
    let (group, role) = SIDES.split_once("[policies.Extra]").unwrap();
    let text = |name: &str, body: &str| Source { file: format!("{name}.toml"), text: manifest(body).replacen("\"m\"", name, 1) };
    let mut live = empty();
    let whole = desired(&old(SIDES));
    for step in plan(&whole, &look(&live, &scope(&whole)), &Options::default()).steps {
        carry_out(&mut live, &step.account, &step.call).unwrap();
    }
    let role = format!("[policies.Extra]{role}").replace("user = \"dev/ann\"", "account = \"dev\"").replace("group = \"dev/Devs\"", "account = \"dev\"");
    let sources = [text("\"b\"", group), text("\"new\"\nrenamed_from = \"old\"", &role)];
    let (both, findings) = crossrole_manifest::load(&sources);
    let both = both.unwrap_or_else(|| panic!("{findings:?}"));
    let planned = plan(&both, &look(&live, &scope(&both)), &Options::default());
    assert_eq!(check(&planned), []);
    let said = lines(&planned);
    assert!(said.contains(&"~ dev/group/Devs (Path): UpdateGroup".to_owned()) && said.contains(&"~ dev/user/ann (Tags): TagUser".to_owned()), "{said:?}");
    for step in &planned.steps {
        carry_out(&mut live, &step.account, &step.call).unwrap();
    }
    assert_eq!(bears(&live, "old"), [""; 0]);
    assert!(format!("{live:?}").contains("/crossrole/b/"), "the group is the other's");
}
