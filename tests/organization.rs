//! One role in 40 accounts: the whole cycle, with two accounts that can't be read, and one that leaves.

use std::sync::Arc;
use std::time::Duration;

use crossrole::Exit;
use crossrole_sandbox::{CallInfo, Fault, FaultPlan, Options};

use crate::support::{Place, element, root};

const SECURITY: &str = "111111111111";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole"}]}"#;

/// Accounts that refuse whatever reads them.
struct Closed(&'static [&'static str]);

impl FaultPlan for Closed {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        (self.0.contains(&call.account) && call.operation != "GetCallerIdentity").then_some(Fault::Refuse("AccessDenied"))
    }
}

/// An account that refuses one operation.
struct Refused(&'static str, &'static str);

impl FaultPlan for Refused {
    fn fault(&self, call: &CallInfo<'_>) -> Option<Fault> {
        (self.0 == call.account && call.operation == self.1).then_some(Fault::Refuse("AccessDenied"))
    }
}

/// The scenario in a folder of its own, as it is or with its directory changed.
struct Organization {
    settings: String,
    manifest: String,
}

impl Organization {
    fn new(name: &str, directory: impl Fn(String) -> String) -> Self {
        let from = root().join("manifests/organization");
        let to = root().join(format!("target/test-manifests/organization-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&to).unwrap();
        std::fs::write(to.join("accounts.toml"), directory(std::fs::read_to_string(from.join("accounts.toml")).unwrap())).unwrap();
        std::fs::write(to.join("crossrole.toml"), "").unwrap();
        std::fs::copy(from.join("security-audit.toml"), to.join("security-audit.toml")).unwrap();
        Self { settings: to.join("crossrole.toml").display().to_string(), manifest: to.join("security-audit.toml").display().to_string() }
    }

    async fn run(&self, place: &Place, words: &[&str]) -> crate::support::Said {
        place.run(&[words, &["--config", &self.settings, &self.manifest]].concat()).await
    }

    async fn good(&self, place: &Place, words: &[&str]) -> String {
        place.good(&[words, &["--config", &self.settings, &self.manifest]].concat()).await
    }
}

async fn foreign_hand(place: &Place) {
    for account in ["222222222205", "222222222207"] {
        place.iam(account, "UpdateAssumeRolePolicy", &[("RoleName", "SecurityAudit"), ("PolicyDocument", TRUST)]).await;
    }
    place.iam("222222222209", "DetachRolePolicy", &[("RoleName", "SecurityAudit"), ("PolicyArn", "arn:aws:iam::aws:policy/SecurityAudit")]).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
}

#[tokio::test(start_paused = true)]
async fn one_role_in_forty_accounts() {
    let place = Place::new(Options { visibility_delay: Duration::from_secs(8), ..Options::default() });
    let whole = Organization::new("whole", |text| text);
    insta::assert_snapshot!("security-audit_1_first", whole.good(&place, &["plan"]).await);

    // Two accounts can't be read: they alone are left out, and the caller's side lets nobody into them.
    place.sandbox.set_faults(Some(Arc::new(Closed(&["222222222203", "222222222231"]))));
    let said = whole.run(&place, &["plan"]).await;
    insta::assert_snapshot!("security-audit_2_two_closed", said.out);
    assert_ne!(whole.run(&place, &["apply", "--auto-approve", "--quiet"]).await.exit, Exit::Clean, "not by halves");
    let said = whole.run(&place, &["apply", "--auto-approve", "--quiet", "--partial"]).await;
    assert!(said.out.contains("Applied: "), "{}{}", said.out, said.err);
    let caller = place.iam(SECURITY, "GetAccountAuthorizationDetails", &[("Filter.member.1", "LocalManagedPolicy")]).await;
    assert!(caller.contains("222222222202") && !caller.contains("222222222203") && !caller.contains("222222222231"), "{caller}");

    // They open: theirs is what is left to do, in one document and two roles.
    place.sandbox.set_faults(None);
    insta::assert_snapshot!("security-audit_3_opened", whole.good(&place, &["plan"]).await);
    whole.good(&place, &["apply", "--auto-approve", "--quiet"]).await;
    assert!(whole.good(&place, &["plan"]).await.starts_with("No changes."));

    // Closed again, they keep what they have, and nothing is to do in the others.
    place.sandbox.set_faults(Some(Arc::new(Closed(&["222222222203", "222222222231"]))));
    let said = whole.run(&place, &["plan"]).await;
    assert!(said.out.contains("2 accounts") && !said.out.contains("crossrole-caller-group-Auditors\n"), "{}", said.out);
    place.sandbox.set_faults(None);

    foreign_hand(&place).await;
    insta::assert_snapshot!("security-audit_4_drift", whole.good(&place, &["plan"]).await);
    whole.good(&place, &["apply", "--auto-approve", "--quiet"]).await;
    assert!(whole.good(&place, &["plan"]).await.starts_with("No changes."));

    // One account leaves the units: what was made in it goes, and that is said first.
    let left = Organization::new("left", |text| text.replacen("ou = \"Workloads/Test\"", "ou = \"Suspended\"", 1));
    let plan = left.good(&place, &["plan"]).await;
    assert!(plan.starts_with("manifest security-audit is no longer of account shop-test-eu: what it made there is taken away, 1 object\n"), "{plan}");
    insta::assert_snapshot!("security-audit_5_left", plan);
    left.good(&place, &["apply", "--auto-approve", "--quiet"]).await;
    assert!(left.good(&place, &["plan"]).await.starts_with("No changes."));

    // One that no manifest is of and that can't be looked at may have anything of ours: that is known of no run, and so never passed over.
    place.sandbox.set_faults(Some(Arc::new(Closed(&["222222222221"]))));
    let first = "manifest security-audit is not, or is no longer, of account shop-test-eu: what it may have made there could not be read, and stays\n";
    let said = left.run(&place, &["plan"]).await;
    assert!(said.exit == Exit::Failed && said.out.starts_with(first), "{}", said.out);
    assert!(said.out.contains("withheld: pruning in account 222222222221 (shop-test-eu): only single objects could be read"), "{}", said.out);
    let said = left.run(&place, &["drift", "--sandbox"]).await;
    assert!(said.exit == Exit::Failed && said.out.contains(first), "{}", said.out);
    let said = left.run(&place, &["apply", "--auto-approve", "--quiet"]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    // Whoever knows that no manifest ever was of it says so; of one that a manifest is of, that is a mistake.
    assert!(said.out.contains("say `manage = false` of the account in `crossrole.toml`"), "{}", said.out);
    for label in ["shop-test-eu", "\"222222222221\""] {
        std::fs::write(&left.settings, format!("[accounts.{label}]\nmanage = false\n")).unwrap();
        assert!(left.good(&place, &["plan"]).await.starts_with("No changes."), "{label}");
    }
    std::fs::write(&left.settings, "[accounts.\"222222222205\"]\nmanage = false\n").unwrap();
    let said = left.run(&place, &["plan"]).await;
    assert!(
        said.exit == Exit::Failed && said.err.contains("a manifest is of `222222222205`, which these settings say no manifest ever was of"),
        "{}",
        said.err
    );
    std::fs::write(&left.settings, "").unwrap();
    place.sandbox.set_faults(None);

    left.good(&place, &["destroy", "--auto-approve", "--quiet"]).await;
    for account in (1..=40).map(|n| format!("2222222222{n:02}")).chain([SECURITY.to_owned()]) {
        let all = place.iam(&account, "GetAccountAuthorizationDetails", &[("MaxItems", "1000")]).await;
        assert!(element(&all, "RoleName").is_empty() && !all.contains("crossrole"), "{account}: {all}");
    }
    place.assert_no_secret();
}

/// What an account more costs is constant: as many calls as each of the others.
#[tokio::test(start_paused = true)]
async fn an_account_costs_four_calls() {
    let place = Place::new(Options::default());
    let whole = Organization::new("cost", |text| text);
    whole.good(&place, &["apply", "--auto-approve", "--quiet"]).await;
    let plan = whole.good(&place, &["plan"]).await;
    assert!(plan.contains("Read with 164 calls to 41 accounts: 4 to each."), "{plan}");
}

/// What a manifest wrote into an account that it is of no longer is taken away, whatever kind of thing it is; an account that nobody
/// lists any more is said, as long as anything of ours speaks of it.
#[tokio::test(start_paused = true)]
async fn whatever_was_left_in_an_account_is_taken_away() {
    let place = Place::new(Options::default());
    let folder = root().join(format!("target/test-manifests/organization-taken-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let listed = |ids: &[&str]| ids.iter().map(|id| format!("[accounts.team-{}]\nid = \"{id}\"\n", &id[10..])).collect::<String>();
    let all = ["222222222201", "222222222202", "222222222203"];
    let key = "key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let body = format!(
        "[trusted.sec]\naccount = \"111111111111\"\n[trusted.sec.groups.Auditors]\n[buckets.\"kept-{{account}}\"]\n[[buckets.\"kept-{{account}}\".allow]]\naccount = \"sec\"\naccess = \"read\"\n\
         [keys.own]\narn = \"arn:aws:kms:us-east-1:{{account}}:{key}\"\n[[keys.own.allow]]\naccount = \"sec\"\naccess = \"decrypt\"\n\
         [buckets.\"made-{{account}}\"]\ncreate = true\n[keys.more]\ncreate = true\n[policies.P]\n[[policies.P.allow]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n[oidc_providers.ci]\nurl = \"https://ci.example.com\"\n\
         [roles.R]\n[[roles.R.trust]]\ngroup = \"sec/Auditors\"\n"
    );
    let manifest = |accounts: &str| std::fs::write(path("m.toml"), format!("name = \"m\"\n[trusting]\n{accounts}\n{body}")).unwrap();
    std::fs::write(path("crossrole.toml"), "").unwrap();
    std::fs::write(path("accounts.toml"), listed(&all)).unwrap();
    manifest("accounts = [\"*\"]");
    let (settings, file) = (path("crossrole.toml"), path("m.toml"));
    for account in all {
        assert_eq!(place.s3(account, "PUT", &format!("/kept-{account}"), "", "").await.0, 200);
        assert!(place.sandbox.add_key(&format!("arn:aws:kms:us-east-1:{account}:{key}")));
    }
    place.good(&["apply", "--auto-approve", "--quiet", "--config", &settings, &file]).await;
    let ask = |account: &str| vec!["explain".to_owned(), "111111111111".to_owned(), "s3:GetObject".to_owned(), format!("kept-{account}/x")];
    manifest("accounts = [\"*\"]\nexcept = [\"team-01\"]");
    let plan = place.good(&["plan", "--config", &settings, &file]).await;
    assert!(plan.starts_with("manifest m is no longer of account team-01: what it made there is taken away, 6 objects; what stays is said below\n"), "{plan}");
    for gone in [
        "- role R",
        "- policy P",
        "- oidc-provider ci.example.com",
        "- bucket-policy kept-222222222201",
        "- bucket made-222222222201",
        "~ key-policy us-east-1/1234abcd",
    ] {
        assert!(plan.contains(gone), "{gone}\n{plan}");
    }
    // What the manifest would have made there is not taken for somebody else's where that can't be told.
    for (operation, withheld) in [
        ("GetBucketTagging", "    222222222201/bucket/made-222222222201: it could not be read"),
        ("GetBucketPolicy", "    222222222201/bucket-policy/kept-222222222201: it could not be read"),
        ("ListPolicyTags", "withheld: 222222222201/policy/P: it could not be read"),
        ("ListOpenIDConnectProviders", "withheld: 222222222201/oidc-provider/ci.example.com: it could not be read"),
        ("DescribeKey", "    222222222201/key-policy/us-east-1/alias/more: it could not be read"),
    ] {
        place.sandbox.set_faults(Some(Arc::new(Refused("222222222201", operation))));
        let said = place.run(&["plan", "--config", &settings, &file]).await;
        assert!(said.exit == Exit::Failed && said.out.contains(withheld), "{operation}: {}", said.out);
        assert!(said.out.contains("manifest m is not, or is no longer, of account team-01: what it may have made"), "{operation}: {}", said.out);
    }
    // What else it is, nobody has to know.
    place.sandbox.set_faults(Some(Arc::new(Refused("222222222201", "GetBucketEncryption"))));
    let again = place.good(&["plan", "--config", &settings, &file]).await;
    assert!(again.contains("- bucket made-222222222201"), "{again}");
    place.sandbox.set_faults(None);
    place.good(&["apply", "--auto-approve", "--quiet", "--config", &settings, &file]).await;
    let plan = place.good(&["plan", "--config", &settings, &file]).await;
    assert!(plan.contains("No changes.") && plan.starts_with("note: 222222222201/key/us-east-1/alias/more: a key stays, "), "{plan}");
    let words = ask("222222222201");
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--from", "live", "--config", &settings, &file]).collect();
    assert!(place.good(&words).await.starts_with("no: "));

    // One that is taken out of the directory itself.
    manifest("accounts = [\"*\"]");
    std::fs::write(path("accounts.toml"), listed(&all[1..2])).unwrap();
    let plan = place.good(&["plan", "--config", &settings, &file]).await;
    assert!(plan.contains("account 222222222203 (not listed): our policies let principals into its roles"), "{plan}");
}

/// Manifests of one account each have no labels that tell them apart: the ids do. What says `{account}` itself is no placeholder.
#[tokio::test(start_paused = true)]
async fn what_is_folded_names_its_accounts_and_hides_nothing() {
    let place = Place::new(Options::default());
    let folder = root().join(format!("target/test-manifests/organization-teams-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let team = |index: usize| {
        format!(
            "name = \"team-{index}\"\n[trusting]\naccount = \"3000000000{index:02}\"\n[trusted.hub]\naccount = \"111111111111\"\n\
             [roles.Reader]\n[[roles.Reader.trust]]\naccount = \"hub\"\nexternal_id = \"trusting-{index}\"\n\
             [[roles.Reader.allow]]\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::own-3000000000{index:02}/*\"\n"
        )
    };
    for index in 10..22 {
        std::fs::write(folder.join(format!("team-{index}.toml")), team(index)).unwrap();
    }
    let files = folder.display().to_string();
    let plan = place.good(&["plan", &files]).await;
    let (changes, access) = plan.split_once("\nAccess: ").unwrap();
    assert!(!changes.contains("in each of") && access.contains("role Reader of {account} gains"), "external ids differ, masked or not: {plan}");
    for index in 10..22 {
        std::fs::write(folder.join(format!("team-{index}.toml")), team(index).replace(&format!("trusting-{index}"), "one-for-all")).unwrap();
    }
    let plan = place.good(&["plan", &files]).await;
    assert!(plan.contains("in each of 12 accounts: 300000000010, 300000000011,"), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &files]).await;
    for index in 10..22 {
        let account = format!("3000000000{index:02}");
        let resource = if index == 14 { "own-{account}".to_owned() } else { format!("own-{account}") };
        let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::{resource}/*"}}]}}"#);
        place.iam(&account, "PutRolePolicy", &[("RoleName", "Reader"), ("PolicyName", "crossrole"), ("PolicyDocument", &policy)]).await;
    }
    let plan = place.good(&["plan", &files]).await;
    assert!(plan.contains("in each of 11 accounts: 300000000010,") && plan.contains("account 300000000014 (trusting)"), "{plan}");
    let plan: serde_json::Value = serde_json::from_str(&place.good(&["plan", "--json", &files]).await).unwrap();
    assert_eq!(plan["alike"][0]["accounts"].as_array().map(Vec::len), Some(11));
}

/// Whatever of an account placeholders stand for is in names, regions and notes: what is the same but for them is one all the same, with
/// what they stand for where labels do not tell; and what differs otherwise stands out.
#[tokio::test(start_paused = true)]
async fn what_placeholders_stand_for_folds_in_whatever_it_is() {
    let place = Place::new(Options::default());
    let folder = root().join(format!("target/test-manifests/organization-fills-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    let regions = ["eu-west-1", "us-west-2", "ap-south-1"];
    let teams = ["pay", "pay-out", "geo", "a", "ab", "prod"];
    let listed = |index: usize| {
        let (region, team) = (regions[index % 3], teams[index / 2]);
        let stage = ["prod", "production"][index % 2];
        format!(
            "[accounts.{team}-{stage}]\nid = \"6000000000{:02}\"\nou = \"W\"\nregion = \"{region}\"\ntags = {{ team = \"{team}\", owner = \"nobody asks for it {index}\" }}\n",
            index + 10
        )
    };
    let directory: String = (0..12).map(listed).chain(["[accounts.sec]\nid = \"111111111111\"\nou = \"S\"\n".to_owned()]).collect();
    std::fs::write(path("accounts.toml"), directory).unwrap();
    std::fs::write(path("crossrole.toml"), "").unwrap();
    let manifest = |reads: &str| {
        format!(
            "name = \"m\"\n[trusting]\naccounts = [\"ou:W\"]\n[trusted.sec]\naccount = \"111111111111\"\n\
             [buckets.\"acme-{{account}}-{{region}}-flow\"]\ncreate = true\nencryption = {{ kms_key = \"flow\" }}\ntags = {{ team = \"{{tag:team}}\" }}\n\
             [keys.flow]\ncreate = true\nalias = \"flow/{{label}}\"\ndescription = \"Flow logs of production, eu-west-1 and {{region}}\"\n\
             [roles.\"Hunt-{{tag:team}}\"]\n[[roles.\"Hunt-{{tag:team}}\".trust]]\naccount = \"sec\"\n\
             [[roles.\"Hunt-{{tag:team}}\".allow]]\nbucket = \"acme-{{account}}-{{region}}-flow\"\naccess = \"read\"\nprefix = \"{reads}/\"\n"
        )
    };
    let (settings, file) = (path("crossrole.toml"), path("m.toml"));
    std::fs::write(path("m.toml"), manifest("{label}")).unwrap();
    let plan = place.good(&["plan", "--config", &settings, &file]).await;
    assert_eq!(plan.matches("\nin each of 12 accounts: pay-prod, pay-production, pay-out-prod,").count(), 1, "{plan}");
    assert!(!plan.contains("\naccount ") && !plan.contains("nobody asks"), "{plan}");
    assert!(plan.contains("; {region}: ap-south-1 (pay-out-prod ") && plan.contains("; {tag:team}: a (a-prod a-production), ab (ab-prod "), "{plan}");
    assert!(plan.contains("+ description: Flow logs of production, eu-west-1 and {region}\n"), "what is the same in all is said: {plan}");
    let (_, access) = plan.split_once("\nAccess: ").unwrap();
    let lines: Vec<&str> = access.lines().take_while(|line| !line.is_empty()).skip(1).collect();
    assert_eq!(lines.len(), 5, "{access}");
    // What one of another account gains in all of them is one line by itself.
    assert!(lines.iter().filter(|line| !line.contains("any principal of 111111111111")).all(|line| line.contains("in each of 12 accounts")), "{access}");
    assert_eq!(plan.matches("\nkey {region}/alias/flow/{label} of {account}: ").count(), 2, "{plan}");
    let json: serde_json::Value = serde_json::from_str(&place.good(&["plan", "--json", "--config", &settings, &file]).await).unwrap();
    let alike: Vec<usize> = json["alike"].as_array().unwrap().iter().map(|group| group["accounts"].as_array().unwrap().len()).collect();
    assert_eq!(alike, [12; 4], "role, bucket, its policy, key");
    place.good(&["apply", "--auto-approve", "--quiet", "--config", &settings, &file]).await;
    assert!(place.good(&["plan", "--config", &settings, &file]).await.starts_with("No changes."));

    // One has been changed otherwise, to what another account has.
    std::fs::write(path("m.toml"), manifest("of/{label}")).unwrap();
    let theirs = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::acme-600000000011-us-west-2-flow"}]}"#;
    place.iam("600000000013", "PutRolePolicy", &[("RoleName", "Hunt-pay-out"), ("PolicyName", "crossrole"), ("PolicyDocument", theirs)]).await;
    let plan = place.good(&["plan", "--config", &settings, &file]).await;
    assert!(plan.contains("\naccount 600000000013 (pay-out-production)\n") && plan.contains("acme-600000000011-us-west-2-flow"), "{plan}");
    assert!(plan.contains("\nin each of 11 accounts: pay-prod, ") && plan.contains("\nin each of 12 accounts: pay-prod, "), "{plan}");
}
