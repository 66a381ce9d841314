//! What can't be read or is not ours, and everything that rests on it.

use crossrole_model::observed::{AccountState, Observation};
use crossrole_model::state::Tags;
use crossrole_model::{Address, ErrorClass, Kind, Observed, Unreadable};

use crate::rows::{DEV, PROD, row};
use crate::world::{account, bucket, id};

fn no() -> Unreadable {
    Unreadable { class: Some(ErrorClass::Denied), why: "no".into() }
}

fn unread(seen: &mut Observed, of: &str, kind: Kind, name: &str) {
    let address = Address::new(&id(of), kind, name);
    account(seen, &id(of)).unreadable.insert(address, no());
}

/// A role of that name exists, and is somebody else's.
fn foreign_role(estate: &mut Observed, of: &str, name: &str) {
    let mut role = account(estate, &id(PROD)).roles.values().next().cloned().unwrap_or_else(|| {
        let trust = crossrole_policy::parse(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"999999999999"},"Action":"sts:AssumeRole"}]}"#,
        );
        crossrole_model::observed::ObservedRole {
            name: String::new(),
            id: "AROATHEIRSTHEIRS1234".into(),
            state: crossrole_model::state::RoleState {
                path: "/".into(),
                trust: trust.unwrap(),
                description: String::new(),
                max_session_seconds: 3_600,
                boundary: None,
                tags: Tags::new(),
                inline: std::collections::BTreeMap::new(),
                attached: std::collections::BTreeSet::new(),
            },
            instance_profiles: std::collections::BTreeSet::new(),
        }
    });
    role.name = name.into();
    role.state.tags = Tags::new();
    account(estate, &id(of)).roles.insert(name.to_ascii_lowercase(), role);
}

const WHOLE: &str = r#"
[trusted.dev.groups.Devs]
members = ["ann"]
[trusted.dev.users.ann]
[buckets.data-bucket]
[roles.Reader]
[[roles.Reader.trust]]
group = "dev/Devs"
[[roles.Reader.allow]]
bucket = "data-bucket"
access = "read"
"#;

#[test]
fn what_can_not_be_read_is_withheld() {
    row("an account, and what goes to it", WHOLE).seen(|e| drop(e.accounts.insert(id(DEV), Observation::Unreadable(no())))).plans(&[
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
        "! account dev: Unreadable no",
    ]);
    row("the trusting account", WHOLE).seen(|e| drop(e.accounts.insert(id(PROD), Observation::Unreadable(no())))).plans(&[
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "! account trusting: Unreadable no",
        "! dev/caller/group/Devs/m: Withheld role/Reader",
        "! bucket-policy/data-bucket: Withheld role/Reader",
    ]);
    row("a role", WHOLE).seen(|e| unread(e, PROD, Kind::Role, "Reader")).plans(&[
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "! dev/caller/group/Devs/m: Withheld role/Reader",
        "! role/Reader: Unreadable no",
        "! bucket-policy/data-bucket: Withheld role/Reader",
    ]);
    row("a group", WHOLE).seen(|e| unread(e, DEV, Kind::Group, "Devs")).plans(&[
        "+ dev/user/ann (Missing): CreateUser",
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
        "! dev/group/Devs: Unreadable no",
        "! dev/membership/Devs/ann: Withheld dev/group/Devs",
        "! dev/caller/group/Devs/m: Withheld dev/group/Devs",
    ]);
    row("a user", WHOLE).seen(|e| unread(e, DEV, Kind::User, "ann")).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
        "! dev/user/ann: Unreadable no",
        "! dev/membership/Devs/ann: Withheld dev/user/ann",
    ]);
    row("a bucket", WHOLE).seen(|e| drop(e.buckets.insert("data-bucket".into(), Observation::Unreadable(no())))).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "! bucket-policy/data-bucket: Unreadable no",
    ]);
    row("a bucket's policy", WHOLE).seen(|e| bucket(e, "data-bucket").policy = Observation::Unreadable(no())).plans(&[
        "+ dev/policy/crossrole-caller-group-Devs (Missing): CreatePolicy",
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "+ dev/attachment/group/Devs/crossrole-caller-group-Devs (Missing): AttachGroupPolicy",
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "! bucket-policy/data-bucket: Unreadable no",
    ]);
    row("an account of which only single objects are read: nothing is pruned that was not", "")
        .after(WHOLE)
        .seen(|e| {
            let why = Some(no());
            e.accounts.insert(id(DEV), Observation::Known(AccountState { incomplete_because: why, ..AccountState::default() }));
        })
        .plans(&[
            "- role/Reader (NotInManifest): DeleteRolePolicy DeleteRole",
            "  > SessionsEnd",
            "- bucket-policy/data-bucket (NotInManifest): DeleteBucketPolicy",
            "? pruning in dev: Incomplete(Some(Unreadable { class: Some(Denied), why: \"no\" }))",
        ]);
    row("all that is as it should be, and can't be read", WHOLE)
        .after(WHOLE)
        .seen(|e| unread(e, PROD, Kind::Role, "Reader"))
        .plans(&["! role/Reader: Unreadable no"]);
}

/// One object of each kind.
const EVERY: &str = r#"
[trusted.dev.groups.Devs]
members = ["ann"]
[trusted.dev.users.ann]
[policies.Most]
[[policies.Most.allow]]
actions = "s3:*"
resources = "*"
[oidc_providers.github]
url = "https://token.actions.githubusercontent.com"
[saml_providers.Okta]
metadata = "<EntityDescriptor entityID='https://idp.example'><X509Certificate>METADATA</X509Certificate></EntityDescriptor>"
[buckets.made-bucket]
create = true
[[buckets.made-bucket.allow]]
group = "dev/Devs"
access = "read"
[keys.data]
create = true
[buckets.data-bucket]
encryption = { kms_key = "data" }
[roles.Reader]
[[roles.Reader.trust]]
group = "dev/Devs"
[[roles.Reader.allow]]
bucket = "data-bucket"
access = "read"
"#;

/// In a teardown nothing is wanted, and what could not be read may be there all the same.
#[test]
fn what_can_not_be_read_is_not_taken_back_and_that_is_no_success() {
    let every = EVERY.replace("METADATA", &"A".repeat(1_000));
    let (live, whole) = row("everything", &every).after(&every).destroyed().planned();
    assert!(!whole.is_blocked(), "{:#?}", crate::rows::lines(&whole));
    let desired = crate::rows::desired(&crate::rows::manifest(&every));
    let options = crossrole_planner::Options { destroy: true, ..Default::default() };
    let mut kinds = std::collections::BTreeSet::new();
    for address in desired.objects.keys() {
        kinds.insert(address.kind);
        let mut seen = crate::world::look(&live, &crossrole_planner::scope(&desired));
        match address.kind {
            Kind::Bucket => drop(seen.buckets.insert(address.name.clone(), Observation::Unreadable(no()))),
            Kind::BucketPolicy => bucket(&mut seen, &address.name).policy = Observation::Unreadable(no()),
            Kind::Key | Kind::KeyPolicy => seen.keys.values_mut().for_each(|key| *key = Observation::Unreadable(no())),
            _ => unread(&mut seen, address.account.as_str(), address.kind, &address.name),
        }
        let plan = crossrole_planner::plan(&desired, &seen, &options);
        let said = crate::rows::lines(&plan);
        let of_it = |w: &&crossrole_model::Withheld| w.subject == crossrole_model::Subject::Object(address.clone());
        let held: Vec<_> = plan.withheld.iter().filter(of_it).collect();
        assert_eq!(held.len(), 1, "{address}: {said:#?}");
        // A key stays, unless it is told by name.
        assert_eq!(held[0].blocks, address.kind != Kind::Key, "{address}: {said:#?}");
        assert_eq!(crossrole_planner::check(&plan), [], "{address}");
    }
    assert_eq!(kinds.len(), 12, "every kind but a permission set and an attachment: {kinds:?}");
    row("a role, and nothing else is there", WHOLE).seen(|e| unread(e, PROD, Kind::Role, "Reader")).destroyed().plans(&["! role/Reader: Unreadable no"]);
}

#[test]
fn providers_and_policies_that_were_looked_for_and_not_read_are_no_absent_ones() {
    for kind in [Kind::OidcProvider, Kind::SamlProvider, Kind::Policy] {
        let desired = crate::rows::desired(&crate::rows::manifest("[roles.Reader]\n[[roles.Reader.trust]]\naccount = \"dev\"\n"));
        for (destroy, sign) in [(true, "!"), (false, "?")] {
            let mut seen = crate::world::look(&crate::rows::empty(), &crossrole_planner::scope(&desired));
            account(&mut seen, &id(PROD)).unlisted.insert(kind, no());
            let plan = crossrole_planner::plan(&desired, &seen, &crossrole_planner::Options { destroy, ..Default::default() });
            let said = crate::rows::lines(&plan);
            let expected = format!("{sign} {} in trusting: Unreadable no", kind.as_str());
            assert!(said.contains(&expected), "{said:#?}");
        }
    }
}

#[test]
fn what_rests_on_a_role_that_is_withheld_is_withheld() {
    row("bucket's side and caller's side", WHOLE).then(|e| foreign_role(e, PROD, "Reader")).plans(&[
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "! dev/caller/group/Devs/m: Withheld role/Reader",
        "! role/Reader: Unmarked crossrole:manifest=m, with a command",
        "! bucket-policy/data-bucket: Withheld role/Reader",
    ]);
    let trusts = "[roles.Reader]\n[[roles.Reader.trust]]\nrole = \"trusting/Other\"\n[roles.Other]\n[[roles.Other.trust]]\nservice = \"ec2.amazonaws.com\"\n";
    row("by its trust", trusts).then(|e| foreign_role(e, PROD, "Other")).plans(&[
        "! role/Other: Unmarked crossrole:manifest=m, with a command",
        "! role/Reader: Withheld role/Other",
        "! caller/role/Other/m: Withheld role/Other",
    ]);
    let chain = format!("{trusts}[roles.Third]\n[[roles.Third.trust]]\nrole = \"trusting/Reader\"\n");
    row("however far behind", &chain).then(|e| foreign_role(e, PROD, "Other")).plans(&[
        "! role/Other: Unmarked crossrole:manifest=m, with a command",
        "! role/Reader: Withheld role/Other",
        "! role/Third: Withheld role/Reader",
        "! caller/role/Other/m: Withheld role/Other",
        "! caller/role/Reader/m: Withheld role/Reader",
    ]);
    let statement = |what: &str| {
        format!(
            "[roles.Reader]\n[[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n[[roles.Reader.statement]]\nactions = \"sts:AssumeRole\"\n{what}\n[roles.App-one]\n[[roles.App-one.trust]]\nservice = \"ec2.amazonaws.com\"\n"
        )
    };
    row("by a resource", &statement("resources = \"arn:aws:iam::222222222222:role/App-one\""))
        .then(|e| foreign_role(e, PROD, "App-one"))
        .plans(&["! role/App-one: Unmarked crossrole:manifest=m, with a command", "! role/Reader: Withheld role/App-one"]);
    row("by a pattern", &statement("resources = \"arn:aws:iam::222222222222:role/App-*\""))
        .then(|e| foreign_role(e, PROD, "App-one"))
        .plans(&["! role/App-one: Unmarked crossrole:manifest=m, with a command", "! role/Reader: Withheld role/App-one"]);
    row("not by another pattern", &statement("resources = \"arn:aws:iam::222222222222:role/Web-*\""))
        .then(|e| foreign_role(e, PROD, "App-one"))
        .plans(&["+ role/Reader (Missing): CreateRole PutRolePolicy", "! role/App-one: Unmarked crossrole:manifest=m, with a command"]);
    row("by a condition", &statement("resources = \"*\"\nconditions = { ArnLike = { \"aws:PrincipalArn\" = \"arn:aws:iam::222222222222:role/App-one\" } }"))
        .then(|e| foreign_role(e, PROD, "App-one"))
        .plans(&["! role/App-one: Unmarked crossrole:manifest=m, with a command", "! role/Reader: Withheld role/App-one"]);
}

#[test]
fn what_rests_on_other_objects_that_are_withheld_is_withheld() {
    let bounded = r#"
        [policies.Most]
        [[policies.Most.allow]]
        actions = "s3:*"
        resources = "*"
        [roles.Bounded]
        permissions_boundary = "arn:aws:iam::222222222222:policy/Most"
        [[roles.Bounded.trust]]
        service = "ec2.amazonaws.com"
        [roles.Holder]
        policies = ["Most"]
        [[roles.Holder.trust]]
        service = "ec2.amazonaws.com"
        [roles.Free]
        [[roles.Free.trust]]
        service = "ec2.amazonaws.com"
    "#;
    row("a policy: boundary and attachment", bounded).seen(|e| unread(e, PROD, Kind::Policy, "Most")).plans(&[
        "+ role/Free (Missing): CreateRole",
        "! policy/Most: Unreadable no",
        "! role/Bounded: Withheld policy/Most",
        "! role/Holder: Withheld policy/Most",
    ]);
    let provider = r#"
        [oidc_providers.github]
        url = "https://token.actions.githubusercontent.com"
        [roles.Deployer]
        [[roles.Deployer.trust]]
        github = { repository = "example-org/site", environment = "production" }
    "#;
    row("a provider: who trusts it", provider).seen(|e| unread(e, PROD, Kind::OidcProvider, "token.actions.githubusercontent.com")).plans(&[
        "! oidc-provider/token.actions.githubusercontent.com: Unreadable no",
        "! role/Deployer: Withheld oidc-provider/token.actions.githubusercontent.com",
    ]);
    row("a SAML provider: who trusts it", &crate::roles::saml("A"))
        .seen(|e| unread(e, PROD, Kind::SamlProvider, "Okta"))
        .plans(&["! saml-provider/Okta: Unreadable no", "! role/People: Withheld saml-provider/Okta"]);
    let buckets = r#"
        [buckets.logs-bucket]
        create = true
        [buckets.made-bucket]
        create = true
        logging = { bucket = "logs-bucket", prefix = "x/" }
        [[buckets.made-bucket.allow]]
        account = "dev"
        access = "get"
    "#;
    row("a bucket: who logs into it, and their policies", buckets).seen(|e| drop(e.buckets.insert("logs-bucket".into(), Observation::Unreadable(no())))).plans(
        &[
            "! bucket/logs-bucket: Unreadable no",
            "! bucket/made-bucket: Withheld bucket/logs-bucket",
            "! bucket-policy/logs-bucket: Unreadable no",
            "! bucket-policy/made-bucket: Withheld bucket/made-bucket",
        ],
    );
    row("a user: memberships, and policies that name it", "[trusted.dev.groups.Devs]\nmembers = [\"ann\"]\n[trusted.dev.users.ann]\n[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\nuser = \"dev/ann\"\naccess = \"get\"\n")
        .seen(|e| unread(e, DEV, Kind::User, "ann"))
        .plans(&["+ dev/group/Devs (Missing): CreateGroup", "! dev/user/ann: Unreadable no", "! dev/membership/Devs/ann: Withheld dev/user/ann", "! dev/caller/user/ann/m: Withheld dev/user/ann", "! bucket-policy/data-bucket: Withheld dev/user/ann"]);
    row("a caller's policy: its attachment", WHOLE).seen(|e| unread(e, DEV, Kind::Policy, "crossrole-caller-group-Devs")).plans(&[
        "+ dev/user/ann (Missing): CreateUser",
        "+ dev/group/Devs (Missing): CreateGroup",
        "+ dev/membership/Devs/ann (Missing): AddUserToGroup",
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "+ bucket-policy/data-bucket (Missing): PutBucketPolicy",
        "! dev/caller/group/Devs/m: Unreadable no",
    ]);
}

/// The first role or user that there is, elsewhere or spelled otherwise.
fn lives(estate: &mut Observed, kind: Kind, name: &str, path: &str) {
    let there = account(estate, &id(DEV));
    if kind == Kind::Role {
        foreign_role(estate, DEV, name);
        account(estate, &id(DEV)).roles.values_mut().for_each(|role| role.state.path = path.into());
        return;
    }
    let user = crossrole_model::observed::ObservedUser {
        name: name.into(),
        id: "AIDATHEIRSTHEIRS1234".into(),
        state: crossrole_model::state::UserState { path: path.into(), tags: Tags::new() },
        boundary: None,
        groups: std::collections::BTreeSet::new(),
        attached: std::collections::BTreeSet::new(),
        inline: std::collections::BTreeMap::new(),
    };
    there.users.insert(name.to_ascii_lowercase(), user);
}

/// AWS refuses a policy that names an ARN that nobody has; whoever is there under that name is known.
#[test]
fn a_principal_that_is_called_otherwise_where_it_is_is_withheld() {
    let trusts = |whom: &str| {
        format!("[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\n{whom}\naccess = \"get\"\n[roles.Reader]\n[[roles.Reader.trust]]\n{whom}\n")
    };
    let names = |named: &str, live: &str| {
        let cause = format!("NamedOtherwise {{ named: \"arn:aws:iam::{DEV}:{named}\", live: \"arn:aws:iam::{DEV}:{live}\" }}");
        (format!("! role/Reader: {cause}"), format!("! bucket-policy/data-bucket: {cause}"))
    };
    let expect = |row: crate::rows::Row, (role, policy): (String, String)| {
        let (_, plan) = row.planned();
        let said: Vec<String> = crate::rows::lines(&plan);
        assert!(said.contains(&role) && said.contains(&policy), "{said:#?}");
        assert!(plan.changes.iter().all(|change| !matches!(change.address.kind, Kind::Role | Kind::BucketPolicy)), "{said:#?}");
    };
    expect(
        row("a role under a path", &trusts("role = \"dev/LambdaExec\"")).first(|e| lives(e, Kind::Role, "LambdaExec", "/service-role/")),
        names("role/LambdaExec", "role/service-role/LambdaExec"),
    );
    expect(row("a user under a path", &trusts("user = \"dev/ann\"")).first(|e| lives(e, Kind::User, "ann", "/people/")), names("user/ann", "user/people/ann"));
    expect(row("in another spelling", &trusts("user = \"dev/ann\"")).first(|e| lives(e, Kind::User, "ANN", "/")), names("user/ann", "user/ANN"));
    let (_, plan) = row("as it is", &trusts("user = \"dev/people/ann\"")).first(|e| lives(e, Kind::User, "ann", "/people/")).planned();
    assert!(plan.withheld.is_empty(), "{:?}", plan.withheld);
}

#[test]
fn a_policy_that_is_not_there_is_no_clean_plan() {
    let role = |what: &str| format!("[roles.Reader]\n{what}\n[[roles.Reader.trust]]\nservice = \"ec2.amazonaws.com\"\n");
    for what in ["policies = [\"arn:aws:iam::222222222222:policy/Nope\"]", "permissions_boundary = \"arn:aws:iam::222222222222:policy/Nope\""] {
        row("of the account", &role(what)).plans(&["! role/Reader: Missing policy/Nope"]);
    }
    row("AWS's own is not looked at", &role("policies = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]"))
        .plans(&["+ role/Reader (Missing): CreateRole AttachRolePolicy"]);
    let unread = row("what could not be read may be there", &role("policies = [\"arn:aws:iam::222222222222:policy/Nope\"]"));
    let (_, plan) = unread.seen(|e| account(e, &id(PROD)).complete = false).planned();
    assert_eq!(crate::rows::lines(&plan).first().map(String::as_str), Some("+ role/Reader (Missing): CreateRole AttachRolePolicy"));
}

/// One role of a statement's many is withheld: the others come and go all the same.
#[test]
fn a_role_that_is_withheld_holds_up_no_other_of_the_same_statement() {
    let roles = |names: &[&str]| {
        let one = |name: &&str| format!("[roles.{name}]\n[[roles.{name}.trust]]\ngroup = \"dev/Devs\"\n");
        format!("[trusted.dev.groups.Devs]\n{}", names.iter().map(one).collect::<String>())
    };
    let unmarked = |e: &mut Observed| account(e, &id(PROD)).roles.get_mut("b").unwrap().state.tags = Tags::new();
    for (name, names) in [("one comes", &["A", "B", "C"][..]), ("one goes, and one comes", &["B", "C"])] {
        let (_, plan) = row(name, &roles(names)).after(&roles(&["A", "B"])).then(unmarked).planned();
        assert_eq!(crossrole_planner::check(&plan), Vec::new(), "{name}");
        assert!(plan.changes.iter().any(|change| change.address.kind == Kind::Policy), "{name}: {:#?}", crate::rows::lines(&plan));
    }
}

/// What is withheld neither gains nor loses, and what goes is taken out beside it, even where nothing else is wanted of a caller.
#[test]
fn a_caller_of_whom_all_is_withheld_loses_what_goes() {
    let roles = |names: &[&str]| {
        let one = |name: &&str| format!("[roles.{name}]\n[[roles.{name}.trust]]\ngroup = \"dev/Devs\"\n");
        format!("[trusted.dev.groups.Devs]\n{}", names.iter().map(one).collect::<String>())
    };
    let unmarked = |e: &mut Observed| account(e, &id(PROD)).roles.get_mut("b").unwrap().state.tags = Tags::new();
    let goes = ["- role/A (NotInManifest): DeleteRole", "  > SessionsEnd"];
    let held = "! role/B: Unmarked crossrole:manifest=m, with a command";
    let policy = "~ dev/policy/crossrole-caller-group-Devs (Statements): CreatePolicyVersion";
    let whole = row("one goes", &roles(&["B"])).after(&roles(&["A", "B"])).then(unmarked);
    let (_, plan) = whole.planned();
    let change = plan.changes.iter().find(|change| change.address.kind == Kind::Policy).unwrap();
    let after = serde_json::to_string(&change.after).unwrap();
    assert!(after.contains("role/B") && !after.contains("role/A"), "{after}");
    whole.plans(&[policy, goes[0], goes[1], held]);
    // Nothing goes, and nothing is said of the caller; and what it was not let is not given.
    row("none goes", &roles(&["A", "B"])).after(&roles(&["A", "B"])).then(unmarked).plans(&[held]);
    let away = "- dev/policy/crossrole-caller-group-Devs (NotInManifest): DetachGroupPolicy DeletePolicy";
    let loses = "  > Loses(PrincipalRef { kind: Group, name: \"Devs\" })";
    row("it was not let", &roles(&["B"])).after(&roles(&["A"])).then(|e| foreign_role(e, PROD, "B")).plans(&[
        away,
        loses,
        goes[0],
        goes[1],
        held,
        "! part of dev/caller/group/Devs/m: Withheld role/B",
    ]);
}

#[test]
fn a_policy_that_bounds_somebody_stays() {
    let extra = "[policies.Extra]\n[[policies.Extra.statement]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n";
    let bounded = |e: &mut Observed| {
        foreign_role(e, PROD, "Other");
        let arn = "arn:aws:iam::222222222222:policy/Extra".to_owned();
        account(e, &id(PROD)).roles.get_mut("other").unwrap().state.boundary = Some(arn);
    };
    row("taken out of the manifest", "").after(extra).then(bounded).plans(&["! policy/Extra: BoundaryOf role/Other"]);
    row("destroyed", extra).after(extra).then(bounded).destroyed().plans(&["! policy/Extra: BoundaryOf role/Other"]);
    let with = format!(
        "{extra}[roles.Mine]\npermissions_boundary = \"arn:aws:iam::222222222222:policy/Extra\"\n[[roles.Mine.trust]]\nservice = \"ec2.amazonaws.com\"\n"
    );
    let (_, plan) = row("with the role that it bounds", "").after(&with).planned();
    assert!(plan.withheld.is_empty() && plan.changes.len() == 2, "{:?}", plan.withheld);
}

#[test]
fn a_policy_that_a_declared_role_names_stays() {
    let extra = "[policies.Extra]\n[[policies.Extra.statement]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n";
    let role = |of: &str| format!("[roles.Mine]\n{of}[[roles.Mine.trust]]\nservice = \"ec2.amazonaws.com\"\n");
    let arn = "arn:aws:iam::222222222222:policy/Extra";
    let stays = "! policy/Extra: ReliedOn role/Mine";
    for (before, now) in [
        (role("policies = [\"Extra\"]\n"), role(&format!("policies = [\"{arn}\"]\n"))),
        (role(""), role(&format!("permissions_boundary = \"{arn}\"\n"))),
        (role(""), role(&format!("policies = [\"{arn}\"]\n"))),
    ] {
        let (_, plan) = row("named by its ARN", &now).after(&format!("{extra}{before}")).planned();
        assert_eq!(crate::rows::lines(&plan).last().map(String::as_str), Some(stays));
        assert!(plan.changes.iter().all(|change| change.address.kind == Kind::Role), "{:?}", plan.changes);
    }
    let (_, plan) = row("named no more", &role("")).after(&format!("{extra}{}", role("policies = [\"Extra\"]\n"))).planned();
    assert!(plan.withheld.is_empty() && plan.changes.len() == 2, "{:?}", plan.withheld);
    // What is ours is nobody else's that is kept.
    let keeps = |of: &str| role(&format!("foreign_policies = \"keep\"\n{of}"));
    row("with a role that keeps others'", &keeps("")).after(&format!("{extra}{}", keeps("policies = [\"Extra\"]\n"))).plans(&[
        "- policy/Extra (NotInManifest): DeletePolicy",
        "  > Loses(PrincipalRef { kind: Role, name: \"Mine\" })",
        "~ role/Mine (Attached(\"arn:aws:iam::222222222222:policy/Extra\")): DetachRolePolicy",
    ]);
}

/// A name is one whatever its path and case, and the ARN that is asked for is none.
#[test]
fn what_is_declared_is_named_as_it_is_declared() {
    let policy = |path: &str| format!("[policies.Extra]\n{path}[[policies.Extra.statement]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n");
    let role = |of: &str| format!("[roles.Mine]\n{of}\n[[roles.Mine.trust]]\nservice = \"ec2.amazonaws.com\"\n");
    let team = policy("path = \"/team/\"\n");
    let new = "+ policy/Extra (Missing): CreatePolicy";
    let otherwise =
        |of: &str, named: &str, live: &str| format!("! role/{of}: NamedOtherwise {{ named: \"arn:aws:iam::{named}\", live: \"arn:aws:iam::{live}\" }}");
    let is = |named: &str, live: &str| otherwise("Mine", &format!("{PROD}:policy/{named}"), &format!("{PROD}:policy/{live}"));
    for how in ["policies = [\"ARN\"]", "permissions_boundary = \"ARN\""] {
        let named = |name: &str| role(&how.replace("ARN", &format!("arn:aws:iam::{PROD}:policy/{name}")));
        row("without its path", &format!("{team}{}", named("Extra"))).plans(&[new, &is("Extra", "team/Extra")]);
        row("in another spelling", &format!("{}{}", policy(""), named("extra"))).plans(&[new, &is("extra", "Extra")]);
        row("in an account that was not listed", &format!("{team}{}", named("Extra"))).seen(|e| account(e, &id(PROD)).complete = false).plans(&[
            new,
            "? pruning in trusting: Incomplete(None)",
            &is("Extra", "team/Extra"),
        ]);
        let (_, plan) = row("as it is", &format!("{team}{}", named("team/Extra"))).planned();
        assert!(plan.withheld.is_empty() && plan.changes.len() == 2, "{how}: {:?}", plan.withheld);
    }
    let moved = format!("{team}{}", role(&format!("policies = [\"arn:aws:iam::{PROD}:policy/Extra\"]")));
    let (_, plan) = row("whose path changes", &moved).after(&policy("")).planned();
    assert!(crate::rows::lines(&plan).contains(&is("Extra", "team/Extra")), "{:?}", crate::rows::lines(&plan));
    // Principals, where a trust names them by their ARNs.
    let trusts = |arn: &str| format!("[roles.Reader]\n[[roles.Reader.trust]]\nprincipal = \"arn:aws:iam::{DEV}:{arn}\"\n");
    let ann = "[trusted.dev.users.ann]\npath = \"/people/\"\n";
    let (_, plan) = row("a user", &format!("{ann}{}", trusts("user/ann"))).planned();
    let withheld = otherwise("Reader", &format!("{DEV}:user/ann"), &format!("{DEV}:user/people/ann"));
    assert!(crate::rows::lines(&plan).contains(&withheld), "{:?}", crate::rows::lines(&plan));
    let (_, plan) = row("as it is", &format!("{ann}{}", trusts("user/people/ann"))).planned();
    assert!(plan.withheld.is_empty(), "{:?}", plan.withheld);
    let caller = "[trusted.dev.roles.Caller]\npath = \"/app/\"\n[[trusted.dev.roles.Caller.trust]]\nservice = \"ec2.amazonaws.com\"\n";
    let (_, plan) = row("a role", &format!("{caller}{}", trusts("role/Caller"))).planned();
    let withheld = otherwise("Reader", &format!("{DEV}:role/Caller"), &format!("{DEV}:role/app/Caller"));
    assert!(crate::rows::lines(&plan).contains(&withheld), "{:?}", crate::rows::lines(&plan));
}
