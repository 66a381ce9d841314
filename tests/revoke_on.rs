//! Sessions that were opened from sessions that end, and what `revoke` says of those that it can't end.

use std::collections::BTreeMap;

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Credentials, Place, Said, manifest};

const TRUSTING: &str = "222222222222";
const DEV: &str = "111111111111";

/// `Own` is Ann's, `Common` hers and Bob's; from each, roles are assumed, and from those.
const CHAINED: &str = r#"name = "chained"
[trusting]
account = "222222222222"
region = "eu-west-1"
[trusted.dev]
account = "111111111111"
[trusted.dev.users.Ann]
[trusted.dev.users.Bob]
[buckets.chained-data]
create = true
[roles.Own]
[[roles.Own.trust]]
user = "dev/Ann"
[[roles.Own.statement]]
effect = "Allow"
actions = "sts:AssumeRole"
resources = "arn:aws:iam::222222222222:role/Elsewhere"
[roles.Next]
[[roles.Next.trust]]
role = "trusting/Own"
[[roles.Next.allow]]
bucket = "chained-data"
access = "get"
[roles.Last]
[[roles.Last.trust]]
role = "trusting/Next"
[[roles.Last.allow]]
bucket = "chained-data"
access = "get"
[roles.Common]
[[roles.Common.trust]]
user = ["dev/Ann", "dev/Bob"]
source_identity = true
[roles.Joint]
[[roles.Joint.trust]]
role = "trusting/Common"
source_identity = true
[[roles.Joint.allow]]
bucket = "chained-data"
access = "get"
"#;

struct Chained {
    place: Place,
    file: String,
    people: BTreeMap<&'static str, Credentials>,
    /// By who opened it and the role.
    sessions: BTreeMap<String, Credentials>,
}

impl Chained {
    async fn open(name: &str) -> Self {
        let file = manifest(name, CHAINED);
        let place = Place::new(Options::default());
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        let trust =
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/Own"},"Action":"sts:AssumeRole"}]}"#;
        place.iam(TRUSTING, "CreateRole", &[("RoleName", "Elsewhere"), ("AssumeRolePolicyDocument", trust)]).await;
        let may = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::chained-data/*"}]}"#;
        place.iam(TRUSTING, "PutRolePolicy", &[("RoleName", "Elsewhere"), ("PolicyName", "own"), ("PolicyDocument", may)]).await;
        let root = Credentials { key: TRUSTING.to_owned(), ..Credentials::default() };
        assert_eq!(place.s3_as(&root, "eu-west-1", "PUT", "/chained-data/a", "", &[], "x").await.0, 200);
        let mut people = BTreeMap::new();
        for user in ["Ann", "Bob"] {
            people.insert(user, Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", user)]).await));
        }
        let mut used = Self { place, file, people, sessions: BTreeMap::new() };
        for (user, way) in [("Ann", &["Own", "Next", "Last"][..]), ("Ann", &["Own", "Elsewhere"]), ("Ann", &["Common", "Joint"]), ("Bob", &["Common", "Joint"])]
        {
            let mut from = used.people[user].clone();
            for role in way {
                let (status, answer) = used.assume(&from, user, role).await;
                assert_eq!(status, 200, "{user} {role}: {answer}");
                from = Credentials::of(&answer);
                used.sessions.insert(format!("{user} {role}"), from.clone());
            }
        }
        assert_eq!(used.refused().await, [""; 0]);
        used
    }

    async fn assume(&self, from: &Credentials, user: &str, role: &str) -> (u16, String) {
        let arn = format!("arn:aws:iam::{TRUSTING}:role/{role}");
        let mut words = vec![("RoleArn", arn.as_str()), ("RoleSessionName", "same")];
        // It stays with the session, whatever is assumed from there.
        words.extend((role == "Common").then_some(("SourceIdentity", user)));
        self.place.query_as(from, "sts", "AssumeRole", &words).await
    }

    /// Sessions that read nothing any more, of roles that read.
    async fn refused(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (name, session) in &self.sessions {
            let reads = !name.ends_with("Own") && !name.ends_with("Common");
            if reads && self.place.s3_as(session, "eu-west-1", "GET", "/chained-data/a", "", &[], "").await.0 != 200 {
                out.push(name.clone());
            }
        }
        out
    }

    async fn revoke(&self, words: &[&str]) -> Said {
        self.place.run(&[&["revoke", "--auto-approve", "--quiet"], words, &[&self.file]].concat()).await
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_opened_from_a_session_that_ends_ends_where_nobody_else_comes_in() {
    let used = Chained::open("revoke-chained").await;
    let said = used.revoke(&["--dry-run", "dev/user/Ann"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    assert!(said.err.contains("sessions of role Joint of 222222222222"), "{}", said.err);
    assert_eq!(used.text(), CHAINED);
    let said = used.revoke(&["dev/user/Ann"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    assert_eq!(used.refused().await, ["Ann Last", "Ann Next"]);
    for (role, why) in [("Joint", "nothing tells them from others"), ("Elsewhere", "no manifest given here makes it")] {
        let line = said.err.lines().find(|line| line.contains(&format!("sessions of role {role} of 222222222222"))).unwrap_or_else(|| panic!("{}", said.err));
        assert!(line.contains(why) && line.contains("at most 60 minutes"), "{line}");
    }
    for role in ["Next", "Last"] {
        assert!(used.text().contains(&format!("[[revoked]]\nsessions_of = \"{role}\"\n")), "{}", used.text());
    }
    assert!(!used.text().contains("\"Joint\"\nsince") && !used.text().contains("\"Common\"\nsince"), "{}", used.text());
    // Who comes in anew is let in: roles are not closed, their sessions are.
    let plan = used.place.good(&["plan", &used.file]).await;
    assert!(plan.starts_with("No changes"), "{plan}");
    let old = manifest("revoke-chained-old", CHAINED);
    for more in [&["--partial"][..], &[]] {
        let said = used.place.run(&[&["apply", "--auto-approve", "--quiet"], more, &[&old]].concat()).await;
        assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
        assert_eq!(used.refused().await, ["Ann Last", "Ann Next"]);
    }
    let said = used.revoke(&["dev/user/Ann", "--all-sessions"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    assert_eq!(used.refused().await, ["Ann Joint", "Ann Last", "Ann Next", "Bob Joint"]);
    assert!(said.err.contains("role Elsewhere of 222222222222") && !said.err.contains("role Joint of"), "{}", said.err);
}

#[tokio::test(start_paused = true)]
async fn a_source_identity_goes_with_a_session_into_further_roles() {
    let used = Chained::open("revoke-identity").await;
    let said = used.revoke(&["dev/user/Ann", "--source-identity", "Ann"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    assert_eq!(used.refused().await, ["Ann Joint", "Ann Last", "Ann Next"]);
    // No trust asks for it: sessions that were opened without live on.
    assert!(said.err.contains("sessions of role Joint of"), "{}", said.err);
    assert!(used.text().contains("sessions_of = \"Joint\"\n") && used.text().contains("source_identity = \"Ann\""), "{}", used.text());
}

/// Of a role, everybody's sessions end, and so does what was opened from them.
#[tokio::test(start_paused = true)]
async fn a_roles_sessions_are_followed_from_everybody() {
    let used = Chained::open("revoke-role-on").await;
    let said = used.revoke(&["role/Common"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    assert_eq!(used.refused().await, ["Ann Joint", "Bob Joint"]);
    assert!(!said.err.contains("live on"), "{}", said.err);
}

/// A held lock is kept to, unless that is said; machines are told the same.
#[tokio::test(start_paused = true)]
async fn beside_a_lock_and_by_machines() {
    let used = Chained::open("revoke-lock").await;
    let settings = manifest("revoke-lock-settings", "[lock]\nbucket = \"revoke-locks\"\naccount = \"333333333333\"\nregion = \"us-east-1\"\nlease = 60\n");
    assert_eq!(used.place.s3("333333333333", "PUT", "/revoke-locks", "", "").await.0, 200);
    let now = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let other = crossrole_model::lock::Lock {
        id: crossrole_model::LockId::parse(&"ab".repeat(16)).unwrap(),
        accounts: [crossrole_model::AccountId::parse(TRUSTING).unwrap()].into(),
        who: "arn:aws:sts::333333333333:assumed-role/runner/other".into(),
        run: "a run".into(),
        command: "apply".into(),
        since: now - 10,
        expires: now + 3600,
    };
    let table = crossrole_model::lock::LockTable::default().with(other, 0).to_json().unwrap();
    assert_eq!(used.place.s3("333333333333", "PUT", "/revoke-locks/crossrole/locks.json", "", &table).await.0, 200);
    let said = used.revoke(&["dev/user/Ann", "--config", &settings]).await;
    assert_eq!(said.exit, Exit::Locked, "{}{}", said.out, said.err);
    assert_eq!(used.text(), CHAINED);
    assert_eq!(used.refused().await, [""; 0]);
    // The one that holds it may be what is to be stopped.
    let said = used.revoke(&["dev/user/Ann", "--json", "--config", &settings, "--no-lock"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    let last: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}", said.out));
    let parts: Vec<&str> = last.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(parts, ["format_version", "outcome", "plan", "proof", "revoked"], "{last}");
    let help = used.place.run(&["revoke", "--help"]).await.out;
    assert!(parts[1..].iter().chain(&["error"]).all(|part| help.contains(&format!("\n  {part} "))), "{help}");
    assert!(last["plan"]["resource_changes"].is_array() && last["proof"]["cells"].is_array(), "{last}");
    assert_eq!(last["revoked"]["what"], "dev/user/Ann", "{last}");
    let roles: Vec<&str> = last["revoked"]["lives_on"].as_array().unwrap().iter().map(|one| one["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["arn:aws:iam::222222222222:role/Common", "arn:aws:iam::222222222222:role/Elsewhere", "arn:aws:iam::222222222222:role/Joint"]);
    assert_eq!(used.refused().await, ["Ann Last", "Ann Next"]);
}

/// What can't be written keeps nothing else from being taken back, and who comes in all the same is named.
#[tokio::test(start_paused = true)]
async fn who_is_still_let_in_is_said() {
    let used = Chained::open("revoke-still").await;
    used.place.iam(TRUSTING, "UntagRole", &[("RoleName", "Own"), ("TagKeys.member.1", "crossrole:manifest")]).await;
    let may = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::222222222222:role/Own"}]}"#;
    used.place.iam(DEV, "PutUserPolicy", &[("UserName", "Ann"), ("PolicyName", "own"), ("PolicyDocument", may)]).await;
    let said = used.revoke(&["dev/user/Ann"]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    assert!(said.err.contains("still let in: user Ann of 111111111111 assumes role Own of 222222222222"), "{}", said.err);
    let (status, _) = used.assume(&used.people["Ann"], "Ann", "Common").await;
    assert_ne!(status, 200);
}

/// One manifest of two accounts: an entry is about the role in both.
#[tokio::test(start_paused = true)]
async fn a_manifest_of_several_accounts_ends_what_is_the_same_in_all() {
    let text = "name = \"several\"\n[trusting]\naccounts = [\"222222222222\", \"333333333333\"]\n[trusted.dev]\naccount = \"111111111111\"\n\
                [trusted.dev.users.Ann]\n[roles.Front]\n[[roles.Front.trust]]\nuser = \"dev/Ann\"\n\
                [roles.Back]\n[[roles.Back.trust]]\nrole = \"trusting/Front\"\n[roles.Open]\n[[roles.Open.trust]]\nrole = \"trusting/Front\"\n";
    let file = manifest("revoke-several", text);
    let place = Place::new(Options::default());
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let more = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::333333333333:role/Front"},"Action":"sts:AssumeRole"},{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("333333333333", "UpdateAssumeRolePolicy", &[("RoleName", "Open"), ("PolicyDocument", more)]).await;
    let said = place.run(&["revoke", "--auto-approve", "--quiet", "111111111111/user/Ann", &file]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains("sessions_of = \"Back\"") && !text.contains("sessions_of = \"Open\""), "{text}");
    for account in ["222222222222", "333333333333"] {
        let (_, answer) = place.query(account, "iam", "GetRolePolicy", &[("RoleName", "Back"), ("PolicyName", "crossrole-revoked")]).await;
        assert!(answer.contains("TokenIssueTime"), "{answer}");
        assert!(said.err.contains(&format!("sessions of role Open of {account}")), "{}", said.err);
    }
}

/// Each kind of principal, and the ways to spell it.
const KINDS: &str = r#"name = "kinds"
[trusting]
account = "222222222222"
region = "eu-west-1"
[trusted.dev]
account = "111111111111"
[trusted.dev.users.Ann]
[trusted.dev.groups.Crew]
members = ["Ann"]
[trusted.dev.roles.App]
path = "/team/"
[[trusted.dev.roles.App.trust]]
service = "lambda.amazonaws.com"
[buckets.kinds-data]
create = true
[[buckets.kinds-data.allow]]
group = "dev/Crew"
access = "get"
[roles.ByGroup]
[[roles.ByGroup.trust]]
group = "dev/Crew"
[roles.ByPath]
[[roles.ByPath.trust]]
account = "dev"
conditions = { ArnLike = { "aws:PrincipalArn" = "arn:aws:iam::111111111111:role/team/*" } }
[roles.ByOrganization]
[[roles.ByOrganization.trust]]
organization = "o-exampleorgid"
[roles.BySet]
[[roles.BySet.trust]]
permission_set = "dev/Developers"
[roles.ByService]
[[roles.ByService.trust]]
service = "lambda.amazonaws.com"
[roles.ByRepository]
[[roles.ByRepository.trust]]
github = { repository = "acme/access", branch = "main" }
"#;

#[tokio::test(start_paused = true)]
async fn every_kind_of_principal_is_meant_however_it_is_spelled_or_refused() {
    let place = Place::new(Options::default());
    let file = manifest("revoke-kinds", KINDS);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    for (what, wanted) in [
        ("lambda.amazonaws.com", "is a service, and `revoke` takes back"),
        ("o-exampleorg1d", "is an organization, or a unit of one"),
        ("ou-ab12-cdef3456", "is an organization, or a unit of one"),
        ("arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com", "is an identity provider"),
        ("arn:aws:iam::111111111111:role/team/*", "is not the ARN of a user or role"),
        ("dev/role/team/*", "which IAM does not allow"),
        ("dev/user/Nobody", "account 111111111111 has no user `Nobody`"),
    ] {
        let said = place.run(&["revoke", "--auto-approve", "--quiet", what, &file]).await;
        assert_eq!(said.exit, Exit::Failed, "{what}: {}{}", said.out, said.err);
        assert!(said.err.contains(wanted) && !said.err.contains("live on"), "{what}: {}", said.err);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), KINDS, "{what}");
    }
    let trust = async |role: &str| place.query(TRUSTING, "iam", "GetRole", &[("RoleName", role)]).await.1;
    let app = "arn%3Aaws%3Aiam%3A%3A111111111111%3Arole%2Fteam%2FApp";
    for (whats, closed) in [
        (&["dev/role/App", "111111111111/role/team/App", "arn:aws:iam::111111111111:role/team/App", "dev/role/app"][..], &["ByPath", "ByOrganization"][..]),
        (&["dev/permission-set/Developers", "111111111111/permission-set/Developers"], &["BySet", "ByPath"]),
        (&["dev/group/Crew", "dev/group/crew", "111111111111/group/Crew"], &["ByGroup"]),
    ] {
        for (at, what) in whats.iter().enumerate() {
            let said = place.run(&["revoke", "--auto-approve", "--quiet", what, &file]).await;
            let already = at > 0;
            assert!(
                said.exit == Exit::Clean || said.exit == Exit::Failed && already && said.err.contains("nothing in these manifests lets"),
                "{what}: {}{}",
                said.out,
                said.err
            );
            assert!(!said.out.replace("nobody gains or loses", "").contains(" gains"), "{what}: {}", said.out);
            let plan = place.good(&["plan", &file]).await;
            assert!(plan.starts_with("No changes"), "{what}: {plan}");
        }
        for role in closed {
            assert!(trust(role).await.contains("Deny"), "{role}: {}", trust(role).await);
        }
    }
    assert!(trust("ByPath").await.contains(app), "{}", trust("ByPath").await);
    let old = manifest("revoke-kinds-old", KINDS);
    for more in [&["--partial"][..], &[]] {
        let said = place.run(&[&["apply", "--auto-approve", "--quiet"], more, &[&old]].concat()).await;
        assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
        let (_, policy) = place.s3(TRUSTING, "GET", "/kinds-data?policy", "", "").await;
        assert!(!policy.contains("\"Allow\""), "{policy}");
        assert!(trust("ByGroup").await.contains("Deny"));
    }
}

const PENDING: &str = r#"name = "pending"
[trusting]
account = "222222222222"
region = "eu-west-1"
[trusted.dev]
account = "111111111111"
[trusted.dev.users.Ann]
[trusted.dev.users.Bob]
[roles.Broad]
[[roles.Broad.trust]]
account = "dev"
[roles.Named]
[[roles.Named.trust]]
user = ["dev/Ann", "dev/Bob"]
[roles.Foreign]
[[roles.Foreign.trust]]
user = ["dev/Ann", "dev/Bob"]
"#;

/// What was pending already, and takes access from whom is revoked, goes with it; what could not be written is said to live on.
#[tokio::test(start_paused = true)]
async fn what_takes_access_already_goes_with_it_and_what_is_withheld_lives_on() {
    let file = manifest("revoke-pending", PENDING);
    let place = Place::new(Options::default());
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let mark = [("RoleName", "Foreign"), ("TagKeys.member.1", "crossrole:manifest")];
    place.iam(TRUSTING, "UntagRole", &mark).await;
    std::fs::write(&file, PENDING.replace("account = \"dev\"", "user = \"dev/Bob\"")).unwrap();
    let said = place.run(&["revoke", "--auto-approve", "--quiet", "--session-name", "Ann", "dev/user/Ann", &file]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    let trust = place.iam(TRUSTING, "GetRole", &[("RoleName", "Broad")]).await;
    assert!(!trust.contains("root") && !trust.contains("Ann"), "{trust}");
    assert!(said.err.contains("sessions of role Foreign of 222222222222 live on, and it may still be assumed"), "{}", said.err);
    assert!(!said.err.contains("Sessions that began before"), "{}", said.err);
    // Whoever opens a session names it: those of another name live on.
    assert!(said.err.contains("its sessions of 222222222222/role/Named live on"), "{}", said.err);
}

/// One manifest of seven accounts: what is open in any of them ends.
#[tokio::test(start_paused = true)]
async fn sessions_end_in_each_of_seven_accounts() {
    let accounts: Vec<String> = (2..9).map(|digit: u8| digit.to_string().repeat(12)).collect();
    let listed: Vec<String> = accounts.iter().map(|account| format!("\"{account}\"")).collect();
    let text = format!(
        "name = \"seven\"\n[trusting]\naccounts = [{}]\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.Ann]\n[trusted.dev.users.Bob]\n\
         [roles.Own]\n[[roles.Own.trust]]\nuser = \"dev/Ann\"\n[roles.Next]\n[[roles.Next.trust]]\nrole = \"trusting/Own\"\n\
         [roles.Common]\n[[roles.Common.trust]]\nuser = [\"dev/Ann\", \"dev/Bob\"]\nsession_name = \"username\"\n",
        listed.join(", ")
    );
    let file = manifest("revoke-seven", &text);
    let place = Place::new(Options::default());
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let may = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;
    let mut sessions = BTreeMap::new();
    for user in ["Ann", "Bob"] {
        let key = Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", user)]).await);
        for account in &accounts {
            let ways = if user == "Ann" { &[&["Own", "Next"][..], &["Common"]][..] } else { &[&["Common"][..]] };
            for way in ways {
                let mut from = key.clone();
                for role in *way {
                    place.iam(account, "PutRolePolicy", &[("RoleName", role), ("PolicyName", "by-hand"), ("PolicyDocument", may)]).await;
                    let arn = format!("arn:aws:iam::{account}:role/{role}");
                    let (status, answer) = place.query_as(&from, "sts", "AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", user)]).await;
                    assert_eq!(status, 200, "{user} {arn}: {answer}");
                    from = Credentials::of(&answer);
                    sessions.insert(format!("{user} {account} {role}"), from.clone());
                }
            }
        }
    }
    assert_eq!(sessions.len(), 4 * accounts.len());
    let said = place.run(&["revoke", "--auto-approve", "--quiet", "--deadline", "0", "dev/user/Ann", &file]).await;
    assert!(matches!(said.exit, Exit::Clean | Exit::Failed), "{}{}", said.out, said.err);
    assert!(!said.err.contains("live on until they end"), "{}", said.err);
    for (name, session) in &sessions {
        let (status, _) = place.s3_as(session, "us-east-1", "GET", "/", "", &[], "").await;
        assert_eq!(status == 200, name.starts_with("Bob"), "{name}: {status}\n{}{}", said.out, said.err);
    }
}

/// Roles of three accounts, by a manifest each: sessions are followed from one to the next, and end in all.
#[tokio::test(start_paused = true)]
async fn a_chain_over_three_accounts_ends_as_a_whole() {
    let links = [
        ("222222222222", "First", "user = \"before/Ann\"", DEV),
        ("333333333333", "Second", "role = \"before/First\"", "222222222222"),
        ("444444444444", "Third", "role = \"before/Second\"", "333333333333"),
    ];
    let files: Vec<String> = links
        .iter()
        .map(|(account, role, trust, before)| {
            let user = if *before == DEV { "[trusted.before.users.Ann]\n" } else { "" };
            let text = format!(
                "name = \"link-{}\"\n[trusting]\naccount = \"{account}\"\n[trusted.before]\naccount = \"{before}\"\n{user}[roles.{role}]\n[[roles.{role}.trust]]\n{trust}\n\
                 [[roles.{role}.statement]]\neffect = \"Allow\"\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n",
                role.to_lowercase()
            );
            manifest(&format!("revoke-link-{}", role.to_lowercase()), &text)
        })
        .collect();
    let place = Place::new(Options::default());
    let words = |head: &[&'static str]| head.iter().map(|word| (*word).to_owned()).chain(files.iter().cloned()).collect::<Vec<String>>();
    let apply = words(&["apply", "--auto-approve", "--quiet"]);
    place.good(&apply.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut from = Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", "Ann")]).await);
    let mut sessions = Vec::new();
    for (account, role, _, _) in &links {
        let arn = format!("arn:aws:iam::{account}:role/{role}");
        let (status, answer) = place.query_as(&from, "sts", "AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "same")]).await;
        assert_eq!(status, 200, "{arn}: {answer}");
        from = Credentials::of(&answer);
        sessions.push((role, from.clone()));
    }
    let revoke = words(&["revoke", "--auto-approve", "--quiet", "arn:aws:iam::111111111111:user/Ann"]);
    let said = place.run(&revoke.iter().map(String::as_str).collect::<Vec<_>>()).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    assert!(said.err.contains("Sessions that began before 20") && !said.err.contains("live on until"), "{}", said.err);
    for (role, session) in &sessions {
        assert_ne!(place.s3_as(session, "us-east-1", "GET", "/", "", &[], "").await.0, 200, "{role}");
    }
    for (file, role) in files.iter().zip(["First", "Second", "Third"]) {
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text.contains(&format!("sessions_of = \"{role}\"")), role != "First", "{text}");
    }
}
