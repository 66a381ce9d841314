//! `revoke` while sessions are in use: whoever is meant is refused, and nobody else is.

use std::collections::BTreeMap;
use std::time::Duration;

use crossrole::Exit;
use crossrole_access::{Objects, delta, who_can};
use crossrole_manifest::take_up::{Entry, with_revoked};
use crossrole_model::access::{AccessChange, Direction, Party};
use crossrole_model::{Desired, DesiredState, Source, Whose};
use crossrole_policy::{Arn, glob};
use crossrole_sandbox::Options;

use crate::support::{Credentials, Place, Said, manifest, root};

const TRUSTING: &str = "222222222222";
const DEV: &str = "111111111111";
const OPS: &str = "333333333333";
const LAG: Duration = Duration::from_secs(3);

const ALL: &str = r#"# Who reads the exchange, and how.
name = "exchange"

[trusting]
account = "222222222222"
region = "eu-west-1"

[trusted.dev]   # the developers
account = "111111111111"
[trusted.dev.users.Ann]
[trusted.dev.users.Bob]

[trusted.ops]
account = "333333333333"
[trusted.ops.users.Cid]

[buckets.exchange-data]
create = true
[[buckets.exchange-data.allow]]
user = ["dev/Ann", "dev/Bob", "ops/Cid"]  # without a role
access = "get"
prefix = "shared/"

# Nothing tells their sessions apart but the names that they give them.
[roles.Common]
[[roles.Common.trust]]
user = ["dev/Ann", "dev/Bob", "ops/Cid"]
[[roles.Common.allow]]
bucket = "exchange-data"
access = "get"
prefix = "reports/"

# A session has the name of its user.
[roles.Named]
[[roles.Named.trust]]
user = ["dev/Ann", "dev/Bob"]
session_name = "username"
[[roles.Named.allow]]
bucket = "exchange-data"
access = "get"
prefix = "reports/"

[roles.Own]
[[roles.Own.trust]]
user = "dev/Ann"
[[roles.Own.allow]]
bucket = "exchange-data"
access = "get"
prefix = "reports/"

# Whoever the accounts let.
[roles.Whole]
[[roles.Whole.trust]]
account = ["dev", "ops"]
[[roles.Whole.allow]]
bucket = "exchange-data"
access = "get"
prefix = "reports/"
"#;

/// Who opens sessions of which role: Dee is of the account `dev`, may do anything there, and is in no manifest.
const SESSIONS: [(&str, &str); 11] = [
    ("Ann", "Common"),
    ("Bob", "Common"),
    ("Cid", "Common"),
    ("Ann", "Named"),
    ("Bob", "Named"),
    ("Ann", "Own"),
    ("Ann", "Whole"),
    ("Bob", "Whole"),
    ("Cid", "Whole"),
    ("Dee", "Whole"),
    ("Eve", "Whole"),
];

/// Who is let into the bucket without a role.
const DIRECT: [&str; 3] = ["Ann", "Bob", "Cid"];

fn account(user: &str) -> &'static str {
    if matches!(user, "Cid" | "Eve") { OPS } else { DEV }
}

/// Sessions that are open, and who may use the bucket by itself.
struct Used {
    place: Place,
    file: String,
    people: BTreeMap<&'static str, Credentials>,
    sessions: BTreeMap<String, Credentials>,
}

impl Used {
    async fn open(name: &str) -> Self {
        let file = manifest(name, ALL);
        let place = Place::new(Options { visibility_delay: LAG, ..Options::default() });
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
        let may = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::222222222222:role/Whole"}]}"#;
        for user in ["Dee", "Eve"] {
            place.iam(account(user), "CreateUser", &[("UserName", user)]).await;
        }
        tokio::time::sleep(LAG * 2).await;
        for (user, policy) in [("Dee", all), ("Eve", all), ("Ann", may), ("Bob", may), ("Cid", may)] {
            place.iam(account(user), "PutUserPolicy", &[("UserName", user), ("PolicyName", "own"), ("PolicyDocument", policy)]).await;
        }
        for key in ["shared/a", "reports/a"] {
            let who = Credentials { key: TRUSTING.to_owned(), ..Credentials::default() };
            assert_eq!(place.s3_as(&who, "eu-west-1", "PUT", &format!("/exchange-data/{key}"), "", &[], "x").await.0, 200);
        }
        let mut people = BTreeMap::new();
        for user in ["Ann", "Bob", "Cid", "Dee", "Eve"] {
            let answer = place.iam(account(user), "CreateAccessKey", &[("UserName", user)]).await;
            people.insert(user, Credentials::of(&answer));
        }
        tokio::time::sleep(LAG * 2).await;
        let mut used = Self { place, file, people, sessions: BTreeMap::new() };
        for (user, role) in SESSIONS {
            let (status, answer) = used.assume(user, role).await;
            assert_eq!(status, 200, "{user} {role}: {answer}");
            used.sessions.insert(format!("{user} {role}"), Credentials::of(&answer));
        }
        assert!(used.refused().await.is_empty(), "{:?}", used.refused().await);
        used
    }

    async fn assume(&self, user: &str, role: &str) -> (u16, String) {
        let arn = format!("arn:aws:iam::{TRUSTING}:role/{role}");
        self.place.query_as(&self.people[user], "sts", "AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", user)]).await
    }

    async fn get(&self, who: &Credentials, key: &str) -> u16 {
        self.place.s3_as(who, "eu-west-1", "GET", &format!("/exchange-data/{key}"), "", &[], "").await.0
    }

    /// Who gets nothing by a session that is open, by a new one, or without any.
    async fn refused(&self) -> Vec<String> {
        let mut out = Vec::new();
        for (name, session) in &self.sessions {
            if self.get(session, "reports/a").await != 200 {
                out.push(format!("session {name}"));
            }
        }
        for (user, role) in SESSIONS {
            if self.assume(user, role).await.0 != 200 {
                out.push(format!("new {user} {role}"));
            }
        }
        for user in DIRECT {
            if self.get(&self.people[user], "shared/a").await != 200 {
                out.push(format!("direct {user}"));
            }
        }
        out
    }

    async fn revoke(&self, words: &[&str]) -> Said {
        let said = self.place.run(&[&["revoke", "--auto-approve", "--quiet", "--deadline", "30"], words, &[&self.file]].concat()).await;
        tokio::time::sleep(LAG).await;
        said
    }

    fn text(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap()
    }

    /// What is done is what the manifest says, and what it said before stands there as it was.
    async fn settled(&self) {
        assert!(self.text().starts_with(ALL), "{}", self.text());
        let said = self.place.good(&["plan", &self.file]).await;
        assert!(said.starts_with("No changes"), "{said}");
        self.place.assert_no_secret();
    }

    /// A manifest that knows nothing of it brings nothing back, and says why.
    async fn old(&self, name: &str, refused: &[String]) {
        let old = manifest(name, ALL);
        for more in [&["--partial"][..], &[]] {
            let said = self.place.run(&[&["apply", "--auto-approve", "--quiet"], more, &[&old]].concat()).await;
            assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
            assert!(said.out.contains("was revoked at 20"), "{}", said.out);
            tokio::time::sleep(LAG * 2).await;
            assert_eq!(self.refused().await, refused);
        }
    }
}

fn list(of: &[&str]) -> Vec<String> {
    of.iter().map(|&one| one.to_owned()).collect()
}

/// Nobody gains by it; `who` alone loses.
fn only_losses(out: &str) {
    assert!(!out.contains(" gains") && !out.contains("may gain"), "{out}");
}

#[tokio::test(start_paused = true)]
async fn a_role_is_left_by_all_and_no_other_is() {
    let used = Used::open("revoke-role").await;
    let said = used.revoke(&["role/Common", "--reason", "the key was in a log"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    only_losses(&said.out);
    let gone = list(&["session Ann Common", "session Bob Common", "session Cid Common", "new Ann Common", "new Bob Common", "new Cid Common"]);
    assert_eq!(used.refused().await, gone);
    used.settled().await;
    used.old("revoke-role-old", &gone).await;
}

#[tokio::test(start_paused = true)]
async fn a_user_is_kept_out_and_nobody_else_is() {
    let used = Used::open("revoke-user").await;
    let said = used.revoke(&["dev/user/Ann", "--session-name", "Ann"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    only_losses(&said.out);
    let gone = list(&[
        "session Ann Common",
        "session Ann Named",
        "session Ann Own",
        "session Ann Whole",
        "new Ann Common",
        "new Ann Named",
        "new Ann Own",
        "new Ann Whole",
        "direct Ann",
    ]);
    assert_eq!(used.refused().await, gone);
    used.settled().await;
    used.old("revoke-user-old", &gone).await;
}

#[tokio::test(start_paused = true)]
async fn what_can_not_be_told_apart_lives_on_and_is_said_and_all_of_it_ends_when_that_is_meant() {
    let used = Used::open("revoke-told").await;
    let said = used.revoke(&["dev/user/Ann"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    let mut gone = list(&["session Ann Named", "session Ann Own", "new Ann Common", "new Ann Named", "new Ann Own", "new Ann Whole", "direct Ann"]);
    assert_eq!(used.refused().await, gone);
    for role in ["role/Common", "role/Whole"] {
        assert!(said.err.contains(&format!("its sessions of {TRUSTING}/{role} live on")), "{}", said.err);
    }
    used.settled().await;
    let said = used.revoke(&["dev/user/Ann", "--all-sessions"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    assert!(said.err.contains("Sessions that began before 20") && !said.err.contains("its sessions of 2"), "{}", said.err);
    gone.extend(used.sessions.keys().filter(|name| name.ends_with("Common") || name.ends_with("Whole")).map(|name| format!("session {name}")));
    gone.sort();
    let mut refused = used.refused().await;
    refused.sort();
    assert_eq!(refused, gone);
    assert_eq!(used.text().matches("[[revoked]]").count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_account_is_kept_out_and_no_other_is() {
    for what in ["ops", OPS] {
        let used = Used::open(&format!("revoke-account-{what}")).await;
        let said = used.revoke(&[what, "--session-name", "Cid", "--session-name", "E?e"]).await;
        assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
        only_losses(&said.out);
        let gone = list(&["session Cid Common", "session Cid Whole", "session Eve Whole", "new Cid Common", "new Cid Whole", "new Eve Whole", "direct Cid"]);
        assert_eq!(used.refused().await, gone);
        used.settled().await;
        used.old(&format!("revoke-account-old-{what}"), &gone).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_repeated_brings_nothing_back() {
    let used = Used::open("revoke-again").await;
    let said = used.revoke(&["dev/user/Ann", "--session-name", "Ann", "--reason", "left"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    let gone = used.refused().await;
    assert!(gone.contains(&"session Ann Whole".to_owned()));
    for more in [&[][..], &["--session-name", "other"], &["--source-identity", "other"]] {
        let said = used.revoke(&[&["dev/user/Ann"], more].concat()).await;
        assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
        assert_eq!(used.refused().await, gone, "{more:?}");
    }
    let text = used.text();
    assert!(text.contains("reason = \"left\"") && text.matches("[[revoked]]").count() == 1, "{text}");
    let said = used.revoke(&["dev/user/Ann", "--all-sessions"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    let all = used.refused().await;
    assert!(gone.iter().all(|one| all.contains(one)) && all.contains(&"session Eve Whole".to_owned()), "{all:?}");
    let said = used.revoke(&["dev/user/Ann"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    let after = used.refused().await;
    assert!(gone.iter().all(|one| after.contains(one)) && used.text().contains("all_sessions = true"), "{after:?}");
}

/// Reading takes longer than a new session is denied for.
#[tokio::test(start_paused = true)]
async fn what_took_long_is_planned_anew_and_else_refused() {
    let slow = Place::new(Options { latency: Duration::from_secs(12), ..Options::default() });
    let file = manifest("revoke-slow", PARTNER);
    let said = slow.run(&["revoke", "--auto-approve", "--quiet", "--json", "role/Partner", &file]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    // What failed is part of the one document.
    let all: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("{e}: {}", said.out));
    assert!(all["error"].to_string().contains("sessions that began meanwhile would live on"), "{all}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), PARTNER);
    let said = slow.run(&["revoke", "--auto-approve", "--quiet", "role/Partner", &file]).await;
    assert!(said.err.contains("is made anew: sessions that begin in the next"), "{}{}", said.out, said.err);
    assert!(std::fs::read_to_string(&file).unwrap().contains("[[revoked]]"), "{}{}", said.out, said.err);
}

/// What was narrowed by hand is as narrow after it, and holds nothing up; an apply shows it.
#[tokio::test(start_paused = true)]
async fn nobody_gains_by_it() {
    let used = Used::open("revoke-wider").await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:user/Ann","arn:aws:iam::333333333333:user/Cid"]},"Action":"sts:AssumeRole"}]}"#;
    used.place.iam(TRUSTING, "UpdateAssumeRolePolicy", &[("RoleName", "Common"), ("PolicyDocument", trust)]).await;
    tokio::time::sleep(LAG * 2).await;
    for more in [&["--dry-run"][..], &[]] {
        let said = used.revoke(&[&["dev/user/Ann"], more].concat()).await;
        assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
        only_losses(&said.out);
        assert!(said.err.contains("manifests want more than is live of 222222222222/role/Common"), "{}", said.err);
    }
    assert!(used.text().contains("[[revoked]]"));
    let gone = used.refused().await;
    for name in ["new Ann Common", "new Bob Common", "new Ann Own", "direct Ann"] {
        assert!(gone.contains(&name.to_owned()), "{gone:?}");
    }
    assert!(!gone.contains(&"new Cid Common".to_owned()) && !gone.contains(&"new Bob Whole".to_owned()), "{gone:?}");
    let said = used.place.good(&["plan", &used.file]).await;
    assert!(said.contains("role/Common") && said.contains("user/Bob"), "{said}");
    used.place.good(&["apply", "--auto-approve", "--quiet", &used.file]).await;
    tokio::time::sleep(LAG * 2).await;
    let gone = used.refused().await;
    assert!(gone.contains(&"new Ann Common".to_owned()) && !gone.contains(&"new Bob Common".to_owned()), "{gone:?}");
}

const OTHERWISE: [(&str, &str); 4] = [
    ("label", "[trusted.build]\naccount = \"111111111111\"\n[roles.Label]\n[[roles.Label.trust]]\nuser = \"build/Ann\"\n"),
    ("arn", "[trusted.other]\naccount = \"333333333333\"\n[roles.Arn]\n[[roles.Arn.trust]]\nprincipal = \"arn:aws:iam::111111111111:user/Ann\"\n"),
    ("root", "[roles.Root]\n[[roles.Root.trust]]\nprincipal = \"arn:aws:iam::111111111111:root\"\n"),
    ("none", "[trusted.other]\naccount = \"333333333333\"\n[roles.None]\n[[roles.None.trust]]\naccount = \"other\"\n"),
];

/// Manifests of one folder, each with its own words for the same user.
#[tokio::test(start_paused = true)]
async fn all_manifests_are_meant_however_they_spell_it() {
    for (what, wanted) in [
        ("dev/user/Ann", ["user = \"build/Ann\"", "user = \"111111111111/Ann\"", "user = \"111111111111/Ann\""]),
        ("111111111111", ["account = \"build\"", "account = \"111111111111\"", "account = \"111111111111\""]),
    ] {
        let used = Used::open(&format!("revoke-otherwise-{}", what.len())).await;
        let files = OTHERWISE.map(|(name, text)| {
            let text = format!("name = \"{name}\"\n[trusting]\naccount = \"{TRUSTING}\"\nregion = \"eu-west-1\"\n{text}");
            manifest(&format!("revoke-otherwise-{name}-{}", what.len()), &text)
        });
        let all: Vec<&str> = files.iter().map(String::as_str).chain([used.file.as_str()]).collect();
        used.place.good(&[&["apply", "--auto-approve", "--quiet"], &all[..]].concat()).await;
        let said = used.revoke(&[&[what], &all[..4]].concat()).await;
        assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
        for (file, wanted) in files.iter().zip(wanted) {
            let text = std::fs::read_to_string(file).unwrap();
            assert!(text.contains(&format!("[[revoked]]\n{wanted}\n")), "{wanted}: {text}");
        }
        assert!(!std::fs::read_to_string(&files[3]).unwrap().contains("revoked"));
        assert!(used.text().contains("[[revoked]]"));
        for role in ["Label", "Arn", "Root"] {
            assert_ne!(used.assume("Ann", role).await.0, 200, "{role}");
        }
        let said = used.place.good(&[&["plan"], &all[..]].concat()).await;
        assert!(said.starts_with("No changes"), "{said}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_label_of_two_accounts_and_a_manifest_that_can_not_say_it_are_errors() {
    let used = Used::open("revoke-labels").await;
    let head = |name: &str, account: &str| format!("name = \"{name}\"\n[trusting]\naccount = \"{account}\"\nregion = \"eu-west-1\"\n");
    let other = manifest("revoke-labels-other", &(head("two", TRUSTING) + "[trusted.dev]\naccount = \"333333333333\"\n"));
    let said = used.revoke(&["dev/user/Ann", &other]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.err.contains("`dev` is not the same account in all of these manifests"), "{}", said.err);
    assert_eq!(used.text(), ALL);
    // The account is the trusting one there.
    let theirs = manifest("revoke-labels-theirs", &(head("theirs", DEV) + "[roles.Theirs]\n[[roles.Theirs.trust]]\nservice = \"lambda.amazonaws.com\"\n"));
    let said = used.revoke(&["dev", &theirs]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    assert!(said.err.contains("was not taken back by") && said.err.contains("the trusting account can't be revoked"), "{}", said.err);
    assert!(used.text().contains("account = \"dev\"\nsince"));
    assert!(used.refused().await.contains(&"new Ann Own".to_owned()));
}

/// Nobody has declared them: what they are is looked up where they are.
#[tokio::test(start_paused = true)]
async fn an_undeclared_user_is_who_is_there() {
    let used = Used::open("revoke-undeclared").await;
    used.place.iam(DEV, "CreateUser", &[("UserName", "Fay"), ("Path", "/team/")]).await;
    tokio::time::sleep(LAG * 2).await;
    let said = used.revoke(&["dev/user/Nobody"]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    assert!(said.err.contains("account 111111111111 has no user `Nobody`"), "{}", said.err);
    assert_eq!(used.text(), ALL);
    for (what, arn) in [("dev/user/fay", "arn:aws:iam::111111111111:user/team/Fay"), ("dev/user/dee", "arn:aws:iam::111111111111:user/Dee")] {
        let said = used.revoke(&[what]).await;
        assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
        assert!(said.err.contains(&format!("{what} is {arn}")), "{}", said.err);
        assert!(used.text().contains(&format!("principal = \"{arn}\"")), "{}", used.text());
    }
    assert_eq!(used.refused().await, ["new Dee Whole"]);
    let far = "name = \"far\"\n[trusting]\naccount = \"222222222222\"\n[trusted.far]\naccount = \"444444444444\"\nmanage = false\n\
               [roles.Far]\n[[roles.Far.trust]]\naccount = \"far\"\n";
    let far = manifest("revoke-undeclared-far", far);
    used.place.good(&["apply", "--auto-approve", "--quiet", &far]).await;
    let said = used.place.run(&["revoke", "--auto-approve", "--quiet", "far/user/Gil", &far]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    assert!(said.err.contains("account 444444444444 was not read"), "{}", said.err);
}

#[tokio::test(start_paused = true)]
async fn it_comes_back_when_the_manifest_says_so() {
    let used = Used::open("revoke-back").await;
    let said = used.revoke(&["dev/user/Ann", "--session-name", "Ann"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    let text = used.text();
    let since = text.rsplit_once("since = ").unwrap().1.lines().next().unwrap().to_owned();
    let restored = ["[roles.Common]", "[roles.Named]", "[roles.Own]", "[roles.Whole]", "[buckets.exchange-data]"]
        .iter()
        .fold(ALL.to_owned(), |text, table| text.replace(&format!("\n{table}\n"), &format!("\n{table}\nrestored = {since}\n")));
    std::fs::write(&used.file, &restored).unwrap();
    used.place.good(&["apply", "--auto-approve", "--quiet", &used.file]).await;
    tokio::time::sleep(LAG * 2).await;
    assert_eq!(used.refused().await, [""; 0]);
    let said = used.place.good(&["plan", &used.file]).await;
    assert!(said.starts_with("No changes"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_where_nothing_is_meant_and_nothing_is_written_before_it_is_approved() {
    let used = Used::open("revoke-nothing").await;
    for (what, wanted) in [
        ("role/Comon", "no role is named `Comon`"),
        ("dev/group/Crew", "nothing in these manifests lets `dev/group/Crew` in"),
        ("999999999999", "nothing in these manifests lets `999999999999` in"),
        ("def", "no trusted account is labelled `def`"),
        ("dev/person/Ann", "says nobody's access"),
        ("dev//Ann", "says nobody's access"),
        ("arn:aws:sts::222222222222:assumed-role/Common/Ann", "is a session"),
        ("arn:aws:iam::111111111111:group/Crew", "is not the ARN of a user or role"),
        ("trusting", "the trusting account can't be revoked"),
    ] {
        let said = used.revoke(&[what]).await;
        assert_eq!(said.exit, Exit::Failed, "{what}");
        assert!(said.err.contains(wanted), "{what}: {}", said.err);
        assert_eq!(said.out, "", "{what}");
    }
    let said = used.place.run(&["revoke", "dev/user/Ann", &used.file]).await;
    assert_eq!(said.exit, Exit::Failed);
    assert!(said.err.contains("nobody is there to approve"), "{}", said.err);
    used.place.good(&["revoke", "--dry-run", "role/Common", &used.file]).await;
    assert_eq!(used.text(), ALL);
    assert_eq!(used.refused().await, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_else_is_pending_does_not_go_with_it() {
    let used = Used::open("revoke-pending").await;
    let text = format!("{ALL}\n[roles.Pending]\n[[roles.Pending.trust]]\nservice = \"lambda.amazonaws.com\"\n");
    std::fs::write(&used.file, &text).unwrap();
    let said = used.revoke(&["role/Common"]).await;
    only_losses(&said.out);
    assert!(!said.out.contains("role/Pending"), "{}", said.out);
    let (status, _) = used.place.query(TRUSTING, "iam", "GetRole", &[("RoleName", "Pending")]).await;
    assert_eq!(status, 404);
    assert!(used.text().starts_with(&text));
    assert_eq!(used.refused().await.len(), 6);
}

/// Its manifest has another name by now, and not on what is live: what is revoked is its own, and the rest waits.
#[tokio::test(start_paused = true)]
async fn it_is_revoked_while_the_manifest_is_given_another_name() {
    let used = Used::open("revoke-renamed").await;
    let text = ALL.replace("name = \"exchange\"", "name = \"renamed\"\nrenamed_from = \"exchange\"");
    std::fs::write(&used.file, &text).unwrap();
    let said = used.revoke(&["role/Common"]).await;
    only_losses(&said.out);
    assert_eq!(used.refused().await.len(), 6);
    tokio::time::sleep(LAG * 2).await;
    used.place.good(&["apply", "--auto-approve", "--quiet", &used.file]).await;
    tokio::time::sleep(LAG * 2).await;
    assert_eq!(used.refused().await.len(), 6);
    let done = used.place.good(&["plan", &used.file]).await;
    assert!(done.contains("No changes.") && done.contains("take it out of `renamed_from`"), "{done}");
}

/// What a group was given has ended already: that is written for whatever the manifest will say, and what else is pending waits.
#[tokio::test(start_paused = true)]
async fn where_nothing_live_has_to_change_the_manifest_is_all_that_is_written() {
    let text = "name = \"ended\"\n[trusting]\naccount = \"222222222222\"\nregion = \"eu-west-1\"\n[trusted.dev]\naccount = \"111111111111\"\n\
                [trusted.dev.groups.Crew]\n[buckets.ended-data]\ncreate = true\n[[buckets.ended-data.allow]]\ngroup = \"dev/Crew\"\naccess = \"get\"\n\
                expires = 2020-01-01\n";
    let file = manifest("revoke-ended", text);
    let place = Place::new(Options::default());
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    std::fs::write(&file, format!("{text}[roles.Pending]\n[[roles.Pending.trust]]\nservice = \"lambda.amazonaws.com\"\n")).unwrap();
    let said = place.run(&["revoke", "--dry-run", "dev/group/Crew", &file]).await;
    assert!(said.exit == Exit::Clean && said.err.contains("the manifests alone would be written"), "{}{}", said.out, said.err);
    assert!(!std::fs::read_to_string(&file).unwrap().contains("[[revoked]]"));
    let said = place.run(&["revoke", "--auto-approve", "--quiet", "dev/group/Crew", &file]).await;
    assert!(said.err.contains("nothing live had to change: the manifests alone were written"), "{}{}", said.out, said.err);
    assert!(std::fs::read_to_string(&file).unwrap().contains("[[revoked]]\ngroup = \"dev/Crew\""));
    assert_eq!(place.query(TRUSTING, "iam", "GetRole", &[("RoleName", "Pending")]).await.0, 404);
}

/// What is printed, for people.
#[tokio::test(start_paused = true)]
async fn what_people_read() {
    let used = Used::open("revoke-read").await;
    let since = |text: String| {
        instants(&text).into_iter().fold(text, |text, date| text.replace(&date, "[instant]").replace(&date.replace(['-', ':'], ""), "[instant]"))
    };
    let said = used.place.run(&["revoke", "--dry-run", "dev/user/Ann", "--reason", "left", &used.file]).await;
    insta::assert_snapshot!("revoke_user_plan", since(said.out));
    insta::assert_snapshot!("revoke_user_said", since(said.err).replace(&used.file, "manifest.toml"));
    let said = used.revoke(&["role/Common"]).await;
    insta::assert_snapshot!("revoke_role", since(said.out).replace(&used.file, "manifest.toml"));
    insta::assert_snapshot!("revoke_role_manifest", since(used.text().replace(ALL, "…\n")));
    let old = manifest("revoke-read-old", ALL);
    let said = used.place.run(&["plan", &old]).await;
    insta::assert_snapshot!("revoke_old_manifest", since(said.out));
}

/// Every instant of a text.
fn instants(text: &str) -> Vec<String> {
    let is = |part: &str| part.len() == 20 && part.ends_with('Z') && part.as_bytes()[10] == b'T' && part.as_bytes()[4] == b'-';
    let starts = text.char_indices().map(|(at, _)| at);
    let mut all: Vec<String> = starts.filter_map(|at| text.get(at..at + 20)).filter(|part| part.is_ascii() && is(part)).map(str::to_owned).collect();
    all.sort();
    all.dedup();
    all
}

const PARTNER: &str = r#"name = "partner"
[trusting]
account = "222222222222"
region = "eu-west-1"
[trusted.dev]
account = "111111111111"
[trusted.dev.users.Ann]
[roles.Partner]
[[roles.Partner.trust]]
user = "dev/Ann"
external_id = "partner-4711" # theirs
"#;

#[tokio::test(start_paused = true)]
async fn an_external_id_is_rotated_in_two_phases() {
    let file = manifest("rotate", PARTNER);
    let place = Place::new(Options { visibility_delay: LAG, ..Options::default() });
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    tokio::time::sleep(LAG * 2).await;
    let ann = Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", "Ann")]).await);
    tokio::time::sleep(LAG * 2).await;
    let opens = async |id: &str| {
        let arn = format!("arn:aws:iam::{TRUSTING}:role/Partner");
        place.query_as(&ann, "sts", "AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "ann"), ("ExternalId", id)]).await.0 == 200
    };
    assert!(opens("partner-4711").await);
    let said = place.run(&["rotate", "external-id", "Partner", "--finish", "--auto-approve", &file]).await;
    assert!(said.err.contains("accepts one external id"), "{}", said.err);
    let said = place.run(&["rotate", "external-id", "Partner", "--trust", "1", "--auto-approve", "--quiet", &file]).await;
    assert!(said.exit == Exit::Clean && said.err.contains(&format!("`crossrole rotate external-id Partner --trust 1 --finish {file}`")), "{}", said.err);
    let out = said.out;
    tokio::time::sleep(LAG * 2).await;
    let new = out.rsplit_once("New external id: ").unwrap().1.trim().to_owned();
    assert_eq!(new.len(), 32);
    // Once, on purpose, and nowhere else.
    assert_eq!(out.matches(&new).count(), 1, "{out}");
    assert!(!out.contains("partner-4711"), "{out}");
    insta::assert_snapshot!("rotate_begin", out.replace(&new, "[new]"));
    assert!(opens("partner-4711").await && opens(&new).await && !opens("other").await);
    let both = PARTNER.replace("\"partner-4711\"", &format!("[\"partner-4711\", \"{new}\"]"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), both);
    let said = place.run(&["rotate", "external-id", "Partner", "--auto-approve", &file]).await;
    assert!(said.err.contains("accepts several external ids already"), "{}", said.err);
    let out = place.good(&["rotate", "external-id", "role/Partner", "--finish", "--auto-approve", "--quiet", &file]).await;
    tokio::time::sleep(LAG * 2).await;
    assert!(!out.contains(&new) && !out.contains("partner-4711"), "{out}");
    insta::assert_snapshot!("rotate_finish", out);
    assert!(!opens("partner-4711").await && opens(&new).await);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), PARTNER.replace("partner-4711", &new));
    let said = place.good(&["plan", &file]).await;
    assert!(said.starts_with("No changes"), "{said}");
}

/// Nobody is at hand of whom no manifest says anything any more: that is no proof, and said.
#[tokio::test(start_paused = true)]
async fn what_was_not_tried_is_said() {
    let text = "name = \"untried\"\n[trusting]\naccount = \"222222222222\"\n[trusted.far]\naccount = \"444444444444\"\nmanage = false\n\
                [roles.R]\n[[roles.R.trust]]\nprincipal = \"arn:aws:iam::444444444444:role/App\"\n[[roles.R.trust]]\nservice = \"lambda.amazonaws.com\"\n";
    let file = manifest("revoke-untried", text);
    let place = Place::new(Options::default());
    let own = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"444444444444"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("444444444444", "CreateRole", &[("RoleName", "App"), ("AssumeRolePolicyDocument", own)]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let said = place.run(&["revoke", "--auto-approve", "--quiet", "arn:aws:iam::444444444444:role/App", &file]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    insta::assert_snapshot!(
        "revoke_untried",
        instants(&said.err).into_iter().fold(said.err.clone(), |text, date| text.replace(&date, "[instant]")).replace(&file, "manifest.toml")
    );
}

const KEY: &str = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// A key that people use by themselves, and a role whose trust asks one of its callers, a role, for a source identity.
const KEYED: &str = r#"name = "keyed"
[trusting]
account = "222222222222"
region = "eu-west-1"
[trusted.dev]
account = "111111111111"
[trusted.dev.users.Ann]
[trusted.dev.users.Bob]
[keys.exchange]
arn = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[[keys.exchange.allow]]
user = ["dev/Ann", "dev/Bob"]
access = "encrypt"
[buckets.keyed-data]
create = true
[roles.Target]
[[roles.Target.trust]]
role = "dev/App"
source_identity = true
conditions = { StringEquals = { "sts:SourceIdentity" = "app" } }
[[roles.Target.trust]]
user = "dev/Bob"
[[roles.Target.allow]]
bucket = "keyed-data"
access = "get"
"#;

#[tokio::test(start_paused = true)]
async fn a_key_and_sessions_by_source_identity_are_taken_from_one_alone() {
    let file = manifest("revoke-keyed", KEYED);
    let place = Place::new(Options { visibility_delay: LAG, ..Options::default() });
    assert!(place.sandbox.add_key(KEY));
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let by = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":["sts:AssumeRole","sts:SetSourceIdentity"]}]}"#;
    place.iam(DEV, "CreateRole", &[("RoleName", "App"), ("AssumeRolePolicyDocument", by)]).await;
    tokio::time::sleep(LAG * 2).await;
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let own = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}"#;
    for user in ["Ann", "Bob"] {
        place.iam(DEV, "PutUserPolicy", &[("UserName", user), ("PolicyName", "own"), ("PolicyDocument", own)]).await;
    }
    place.iam(DEV, "PutRolePolicy", &[("RoleName", "App"), ("PolicyName", "own"), ("PolicyDocument", all)]).await;
    let root = Credentials { key: TRUSTING.to_owned(), ..Credentials::default() };
    assert_eq!(place.s3_as(&root, "eu-west-1", "PUT", "/keyed-data/a", "", &[], "x").await.0, 200);
    tokio::time::sleep(LAG * 2).await;
    let mut who = BTreeMap::new();
    for user in ["Ann", "Bob"] {
        who.insert(user, Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", user)]).await));
    }
    let app = place.sandbox.sign_in("arn:aws:iam::111111111111:role/App", false).unwrap();
    who.insert("App", Credentials { key: app.access_key_id, secret: app.secret_access_key, token: app.session_token, extra: Vec::new() });
    tokio::time::sleep(LAG * 2).await;
    let assume = async |user: &str| {
        let arn = format!("arn:aws:iam::{TRUSTING}:role/Target");
        let mut params = vec![("RoleArn", arn.as_str()), ("RoleSessionName", "same")];
        params.extend((user == "App").then_some(("SourceIdentity", "app")));
        place.query_as(&who[user], "sts", "AssumeRole", &params).await
    };
    let mut sessions = BTreeMap::new();
    for user in ["App", "Bob"] {
        let (status, answer) = assume(user).await;
        assert_eq!(status, 200, "{user}: {answer}");
        sessions.insert(user, Credentials::of(&answer));
    }
    let state = async || {
        let mut refused = Vec::new();
        for user in ["App", "Bob"] {
            if assume(user).await.0 != 200 {
                refused.push(format!("new {user}"));
            }
            if place.s3_as(&sessions[user], "eu-west-1", "GET", "/keyed-data/a", "", &[], "").await.0 != 200 {
                refused.push(format!("session {user}"));
            }
        }
        for user in ["Ann", "Bob"] {
            let input = serde_json::json!({"KeyId": KEY, "KeySpec": "AES_256"});
            if place.kms_as(&who[user], "eu-west-1", "GenerateDataKey", &input).await.0 != 200 {
                refused.push(format!("key {user}"));
            }
        }
        refused
    };
    assert_eq!(state().await, [""; 0]);
    let said = place.run(&["revoke", "--auto-approve", "--quiet", "dev/role/App", &file]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    only_losses(&said.out);
    tokio::time::sleep(LAG).await;
    assert_eq!(state().await, ["new App", "session App"]);
    let said = place.run(&["revoke", "--auto-approve", "--quiet", "arn:aws:iam::111111111111:user/Ann", &file]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    tokio::time::sleep(LAG).await;
    assert_eq!(state().await, ["new App", "session App", "key Ann"]);
    assert!(!said.err.contains("was not tried"), "{}", said.err);
    let old = manifest("revoke-keyed-old", KEYED);
    let said = place.run(&["apply", "--auto-approve", "--quiet", "--partial", &old]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    assert!(said.out.contains("/key-policy/") && said.out.contains("was revoked at 20"), "{}", said.out);
    tokio::time::sleep(LAG).await;
    assert_eq!(state().await, ["new App", "session App", "key Ann"]);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let said = place.good(&["plan", &file]).await;
    assert!(said.starts_with("No changes"), "{said}");
    place.assert_no_secret();
}

/// Everybody whom a manifest names, and each of its roles, as entries.
fn everybody(text: &str) -> Vec<(&'static str, String)> {
    fn walk(value: &toml::Value, all: &mut Vec<(&'static str, String)>) {
        let Some(table) = value.as_table() else {
            value.as_array().into_iter().flatten().for_each(|value| walk(value, all));
            return;
        };
        for (key, value) in table {
            let kind = ["role", "user", "group", "permission_set", "account", "principal"].into_iter().find(|kind| kind == key);
            let names = value.as_array().map_or_else(|| vec![value], |list| list.iter().collect());
            let names: Vec<String> = names.into_iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
            match kind {
                Some("account") => {}
                Some(kind) => all.extend(names.into_iter().map(|name| (kind, name))),
                None => walk(value, all),
            }
        }
    }
    let value: toml::Value = toml::from_str(text).unwrap();
    let mut all = Vec::new();
    walk(&value, &mut all);
    let labels = value.get("trusted").and_then(toml::Value::as_table).into_iter().flat_map(|table| table.keys());
    all.extend(labels.map(|label| ("account", label.clone())));
    let roles = value.get("roles").and_then(toml::Value::as_table).into_iter().flat_map(|table| table.keys());
    all.extend(roles.map(|role| ("role", role.clone())));
    all.sort();
    all.dedup();
    all
}

fn is(party: &Party, whose: &Whose, desired: &Desired) -> bool {
    let arn = match party {
        Party::Members { group } => group,
        Party::Named { arn } | Party::Role { arn } | Party::User { arn } => arn,
        // A group is let in as its account, where each principal's own policy says that it may.
        _ => return matches!(whose, Whose::Account(id) | Whose::Group { account: id, .. } if party.account() == Some(id.as_str())),
    };
    let parsed = Arn::parse(arn).unwrap();
    match whose {
        Whose::Role(role) => parsed.account == role.account.as_str() && parsed.kind_and_name() == Some(("role", &role.name)),
        Whose::Account(id) => parsed.account == id.as_str(),
        Whose::Group { account, name } => parsed.account == account.as_str() && parsed.kind_and_name() == Some(("group", name)),
        Whose::Principal { arn: of, .. } => of == arn,
        Whose::PermissionSet(set) => set.roles(desired.partition).iter().any(|pattern| glob::is_like(pattern, arn)),
        Whose::Sessions(_) => false,
    }
}

/// What is lost is lost by whom it is about: by itself, by its sessions, or as one of an account.
fn is_its(change: &AccessChange, whose: &Whose, desired: &Desired) -> bool {
    let by = |key: &str| !change.when.is_empty() && change.when.iter().all(|clauses| format!("{clauses:?}").to_lowercase().contains(key));
    let role = |whose: &Whose| matches!(whose, Whose::Role(role) if change.witness.resource.ends_with(&format!("/{}", role.name)));
    is(&change.party, whose, desired) || role(whose) || by("aws:tokenissuetime") || by("aws:principalarn")
}

#[test]
fn whoever_is_revoked_has_nothing_and_nobody_else_has_less() {
    let files = std::fs::read_dir(root().join("manifests")).unwrap().map(|entry| entry.unwrap().path());
    let mut asked = 0;
    for file in files.filter(|file| file.extension().is_some_and(|end| end == "toml") && !file.to_string_lossy().contains(".expect.")) {
        let text = std::fs::read_to_string(&file).unwrap();
        let load = |text: &str| {
            let (desired, findings) = crossrole_manifest::load(&[Source { file: "x.toml".to_owned(), text: text.to_owned() }]);
            desired.unwrap_or_else(|| panic!("{}: {findings:?}", file.display()))
        };
        let estate = |desired: &Desired| Objects::desired(desired).estate();
        let before = load(&text);
        for (key, name) in everybody(&text) {
            let what = format!("{} {key} {name}", file.display());
            let entry = Entry { key, name, since: 1_796_061_600, ..Entry::default() };
            let edited = with_revoked(&text, &entry).unwrap();
            assert!(edited.starts_with(&text));
            let after = load(&edited);
            let revoked = &after.revoked[0];
            assert!(revoked.concerns || key == "account", "{what}");
            let [was, will] = [&before, &after].map(estate);
            for change in delta(&was, &will).changes {
                assert_eq!(change.direction, Direction::Narrowed, "{what}: {change:?}");
                assert!(is_its(&change, &revoked.whose, &after), "{what}: {change:?}");
            }
            let roles = will.roles.keys().map(|arn| ("sts:AssumeRole", arn.clone()));
            let buckets = will.buckets.keys().flat_map(|arn| {
                let bucket = arn.rsplit(':').next().unwrap_or(arn);
                [
                    ("s3:ListBucket", format!("arn:aws:s3:::{bucket}")),
                    ("s3:GetObject", format!("arn:aws:s3:::{bucket}/*")),
                    ("s3:PutObject", format!("arn:aws:s3:::{bucket}/*")),
                ]
            });
            for (action, resource) in roles.chain(buckets) {
                let itself = matches!(&revoked.whose, Whose::Role(role) if action == "sts:AssumeRole" && resource.ends_with(&format!("/{}", role.name)));
                for way in who_can(&will, action, &resource, Some("222222222222")).ways {
                    let first = way.first().unwrap();
                    let by_sessions = matches!(revoked.whose, Whose::Role(_))
                        && first.when.iter().all(|clauses| format!("{clauses:?}").to_lowercase().contains("tokenissuetime"));
                    assert!(!itself, "{what}: {way:?}");
                    assert!(by_sessions || !is(&first.party, &revoked.whose, &after), "{what}: {action} {resource} {way:?}");
                }
            }
            asked += 1;
        }
        let made = before.objects.values().any(|object| matches!(object.state, DesiredState::Role { .. } | DesiredState::BucketPolicy { .. }));
        assert!(made, "{}", file.display());
    }
    assert!(asked > 40, "{asked}");
}

/// A manifest with these trusts of a role, of which Ann of `dev` is revoked.
fn ann_of(trusts: &str) -> Desired {
    let head = "name = \"t\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.Ann]\n[trusted.dev.users.Bob]\n\
                [trusted.dev.groups.Crew]\n[trusted.dev.permission_sets.Devs]\n[trusted.ops]\naccount = \"333333333333\"\n[trusted.ops.users.Ann]\n[oidc_providers.github]\n\
                url = \"https://token.actions.githubusercontent.com\"\n[roles.R]\n";
    let entry = "[[revoked]]\nuser = \"dev/Ann\"\nsince = 2026-11-30T18:00:00Z\n";
    let (desired, findings) = crossrole_manifest::load(&[Source { file: "t.toml".to_owned(), text: format!("{head}{trusts}{entry}") }]);
    desired.unwrap_or_else(|| panic!("{trusts}: {findings:?}"))
}

/// What denies sessions of a role, as text.
fn denies(desired: &Desired, name: &str) -> String {
    let role = desired.objects.iter().find_map(|(address, object)| match &object.state {
        DesiredState::Role { state, .. } if address.name == name => Some(state),
        _ => None,
    });
    role.unwrap().inline.get("crossrole-revoked").map(|document| format!("{document:?}")).unwrap_or_default()
}

/// A name or a source identity tells sessions from those of others where nobody else can bring it, by whichever trust.
#[test]
fn what_others_may_bring_as_well_tells_nobodys_sessions() {
    let trust = |rest: &str| format!("[[roles.R.trust]]\n{rest}\n");
    let named = "session_name = \"username\"";
    let ann = trust(&format!("user = \"dev/Ann\"\n{named}"));
    let identity = |who: &str, text: &str| {
        trust(&format!("user = \"dev/{who}\"\nsource_identity = true\nconditions = {{ StringEquals = {{ \"sts:SourceIdentity\" = \"{text}\" }} }}"))
    };
    for (trusts, told) in [
        (trust(&format!("user = [\"dev/Ann\", \"dev/Bob\"]\n{named}")), true),
        (trust(&format!("user = [\"dev/Ann\", \"ops/Ann\"]\n{named}")), false),
        (format!("{ann}{}", trust(&format!("group = \"dev/Crew\"\n{named}"))), true),
        (format!("{ann}{}", trust(&format!("account = \"dev\"\n{named}"))), true),
        (format!("{ann}{}", trust(&format!("account = \"ops\"\n{named}"))), false),
        (format!("{ann}{}", trust("user = \"dev/Bob\"")), false),
        (format!("{ann}{}", trust("group = \"dev/Crew\"")), false),
        (format!("{ann}{}", trust("user = \"dev/Bob\"\nconditions = { StringEquals = { \"sts:RoleSessionName\" = \"bob\" } }")), true),
        (format!("{ann}{}", trust("user = \"dev/Bob\"\nconditions = { StringLike = { \"sts:RoleSessionName\" = \"A*\" } }")), false),
        (format!("{ann}{}", trust("github = { repository = \"acme/site\", branch = \"main\" }")), false),
        (format!("{ann}{}", trust("service = \"lambda.amazonaws.com\"")), false),
        (format!("{ann}{}", trust("organization = \"o-a1b2c3d4e5\"")), false),
        // Roles bring names of their own making: those of users end all the same, by whatever word the roles are named.
        (format!("{ann}{}", trust("role = \"ops/Runner\"")), true),
        (format!("{ann}{}", trust("principal = \"arn:aws:iam::333333333333:role/app/Runner\"")), true),
        (format!("{ann}{}", trust("permission_set = \"dev/Devs\"")), true),
        (format!("{ann}{}{}", trust("role = \"ops/Runner\""), trust("user = \"dev/Bob\"")), false),
        (format!("{ann}{}", trust("principal = \"arn:aws:iam::333333333333:user/Eve\"")), false),
        (format!("{}{}", identity("Ann", "${aws:username}"), trust("role = \"ops/Runner\"\nsource_identity = true")), true),
        (format!("{}{}", identity("Ann", "ann"), trust("role = \"ops/Runner\"\nsource_identity = true")), false),
        (format!("{}{}", identity("Ann", "ann"), identity("Bob", "bob")), true),
        (format!("{}{}", identity("Ann", "ann"), trust("user = \"dev/Bob\"\nsource_identity = true")), false),
        (format!("{}{}", identity("Ann", "ann"), trust("user = \"dev/Bob\"")), true),
    ] {
        let desired = ann_of(&trusts);
        let (denied, lives_on) = (denies(&desired, "R"), !desired.revoked[0].lives_on.is_empty());
        assert_eq!((denied.contains("aws:userid") || denied.contains("aws:SourceIdentity"), lives_on), (told, !told), "{trusts}\n{denied}");
    }
}

/// What a trust has no room for keeps nothing else from being taken back, and is said.
#[test]
fn a_trust_without_room_holds_nothing_up() {
    let ids: Vec<String> = (0..60).map(|at| format!("\"external-id-of-a-partner-number-{at:04}\"")).collect();
    let long = format!("[[roles.R.trust]]\naccount = \"dev\"\nexternal_id = [{}]\n", ids.join(", "));
    let small = "[roles.Small]\n[[roles.Small.trust]]\nuser = \"dev/Ann\"\n[roles.Whole]\n[[roles.Whole.trust]]\naccount = \"dev\"\n";
    let most = (1..=60).rev().map(|many| long.replace(&format!("[{}]", ids.join(", ")), &format!("[{}]", ids[..many].join(", "))));
    let head = "name = \"t\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.Ann]\n[roles.R]\n";
    let loads = |text: &String| crossrole_manifest::load(&[Source { file: "t.toml".to_owned(), text: format!("{head}{text}") }]).0.is_some();
    // The longest that AWS takes: without room for another statement.
    let longest = most.into_iter().find(loads).unwrap();
    let desired = ann_of(&format!("{longest}{small}"));
    let opened = |name: &str| desired.revoked[0].opened.iter().find(|opened| opened.role.name == name).unwrap().no_room;
    assert_eq!(["R", "Small", "Whole"].map(opened), [true, false, false]);
    assert!(denies(&desired, "Small").contains("aws:TokenIssueTime"));
    let found = crossrole_manifest::load(&[Source {
        file: "t.toml".to_owned(),
        text: format!("{head}{longest}[[revoked]]\nuser = \"dev/Ann\"\nsince = 2026-11-30T18:00:00Z\n"),
    }])
    .1;
    assert!(found.iter().any(|finding| finding.message.contains("has no room for what would deny it")), "{found:?}");
}

/// What a user keeps beside the manifests is said, however many of them are given; and a `destroy` that forgets what was revoked is refused.
#[tokio::test(start_paused = true)]
async fn what_a_user_keeps_is_said_and_nothing_forgets_it() {
    let text = |name: &str| {
        format!(
            "name = \"{name}\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.Ann]\n[buckets.{name}-data]\ncreate = true\n\
             [[buckets.{name}-data.allow]]\naccount = \"dev\"\naccess = \"get\"\nprefix = \"whole/\"\n[roles.{name}]\n[[roles.{name}.trust]]\nuser = \"dev/Ann\"\n"
        )
    };
    let place = Place::new(Options::default());
    let old = ["kept-one", "kept-two"].map(|name| manifest(name, &text(name)));
    place.good(&["apply", "--auto-approve", "--quiet", &old[0], &old[1]]).await;
    let may = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::555555555555:role/Far"}]}"#;
    place.iam(DEV, "PutUserPolicy", &[("UserName", "Ann"), ("PolicyName", "own"), ("PolicyDocument", may)]).await;
    for files in [&["one"][..], &["one", "two"]] {
        let files: Vec<String> = files.iter().map(|name| manifest(&format!("kept-revoke-{name}"), &text(&format!("kept-{name}")))).collect();
        let words: Vec<&str> = ["revoke", "--dry-run", "dev/user/Ann"].into_iter().chain(files.iter().map(String::as_str)).collect();
        let said = place.run(&words).await;
        for part in ["may assume roles of accounts that were not read (arn:aws:iam::555555555555:role/Far)", "twelve hours at most"] {
            assert!(said.err.contains(part), "{files:?}: {part}\n{}{}", said.out, said.err);
        }
    }
    let file = manifest("kept-revoked", &text("kept-one"));
    let said = place.run(&["revoke", "--auto-approve", "--quiet", "dev/user/Ann", &file]).await;
    assert!(said.out.contains("Applied") || said.exit == Exit::Clean, "{}{}", said.out, said.err);
    let said = place.run(&["destroy", "--auto-approve", "--quiet", &old[0]]).await;
    assert!(said.exit != Exit::Clean && said.err.contains("access was revoked of which these manifests know nothing"), "{}{}", said.out, said.err);
    assert!(said.err.contains("222222222222/role/kept-one, at 20") && said.err.contains("222222222222/bucket-policy/kept-one-data, at 20"), "{}", said.err);
    place.good(&["destroy", "--auto-approve", "--quiet", &file]).await;
}

/// A user asks for sessions under names of its choice, which no condition on the user meets: those that it had, and new ones, are refused,
/// and nobody else's.
#[tokio::test]
async fn the_federated_users_of_a_user_are_revoked_with_it() {
    let text = |more: &str| {
        format!(
            "name = \"fed\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.Ann]\n[trusted.dev.users.Bob]\n\
             [buckets.fed-data]\ncreate = true\n[[buckets.fed-data.allow]]\naccount = \"dev\"\naccess = \"list\"\n{more}"
        )
    };
    let place = Place::new(Options::default());
    let file = manifest("fed", &text(""));
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let mut sessions = BTreeMap::new();
    let mut keys = BTreeMap::new();
    for user in ["Ann", "Bob"] {
        place.iam(DEV, "PutUserPolicy", &[("UserName", user), ("PolicyName", "own"), ("PolicyDocument", all)]).await;
        let key = Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", user)]).await);
        sessions.insert(user, federated(&place, &key).await);
        keys.insert(user, key);
    }
    let lists = async |who: &Credentials| place.s3_as(who, "us-east-1", "GET", "/fed-data", "list-type=2", &[], "").await.0;
    for (user, session) in &sessions {
        assert_eq!(lists(session).await, 200, "{user}");
    }
    let revoked = manifest("fed-revoked", &text("[[revoked]]\nuser = \"dev/Ann\"\nsince = 2026-11-30T18:00:00Z\n"));
    place.good(&["apply", "--auto-approve", "--quiet", &revoked]).await;
    let new = federated(&place, &keys["Ann"]).await;
    let asked = [&keys["Ann"], &sessions["Ann"], &new, &keys["Bob"], &sessions["Bob"]];
    let mut answers = Vec::new();
    for who in asked {
        answers.push(lists(who).await);
    }
    assert_eq!(answers, [403, 403, 403, 200, 200]);
    assert!(place.good(&["plan", &revoked]).await.contains("No changes"));
}

/// A session of the user of these keys by `sts:GetFederationToken`, under another user's name.
async fn federated(place: &Place, keys: &Credentials) -> Credentials {
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let (status, answer) = place.query_as(keys, "sts", "GetFederationToken", &[("Name", "Bob"), ("Policy", all)]).await;
    assert_eq!(status, 200, "{answer}");
    Credentials::of(&answer)
}

/// Who comes in with others by a grant, or by a statement that is written out, is let in by the manifest, and denied there.
#[test]
fn an_entry_of_whom_a_broader_grant_lets_in_is_not_idle() {
    let head = "name = \"t\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.ops]\naccount = \"333333333333\"\n\
                [roles.R]\n[[roles.R.trust]]\nuser = \"ops/Bob\"\n";
    let allow = |who: &str| format!("[buckets.data]\n[[buckets.data.allow]]\n{who}\naccess = \"read\"\n");
    let statement = |effect: &str, who: &str| {
        format!(
            "[buckets.data]\n[[buckets.data.statement]]\neffect = \"{effect}\"\nprincipals = {who}\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::data/*\"\n"
        )
    };
    let key = |who: &str| {
        let arn = "arn:aws:kms:us-east-1:222222222222:key/11111111-2222-3333-4444-555555555555";
        format!("[keys.data]\narn = \"{arn}\"\n[[keys.data.statement]]\nprincipals = {{ AWS = \"{who}\" }}\nactions = \"kms:Decrypt\"\n")
    };
    for (grants, entry, idle) in [
        (allow("account = \"dev\""), "user = \"dev/Ann\"", false),
        (allow("account = \"dev\""), "role = \"dev/Job\"", false),
        (allow("organization = \"o-a1b2c3d4e5\""), "user = \"dev/Ann\"", false),
        (statement("Allow", "{ AWS = \"111111111111\" }"), "user = \"dev/Ann\"", false),
        (statement("Allow", "{ AWS = \"arn:aws:iam::111111111111:user/Ann\" }"), "user = \"dev/Ann\"", false),
        (statement("Allow", "\"*\""), "account = \"dev\"", false),
        (key("arn:aws:iam::111111111111:root"), "user = \"dev/Ann\"", false),
        // Neither another account, nor an end that has come, nor what denies.
        (allow("account = \"ops\""), "user = \"dev/Ann\"", true),
        (allow("account = \"dev\"\nexpires = 2020-01-01"), "user = \"dev/Ann\"", true),
        (allow("role = \"dev/Job\""), "user = \"dev/Ann\"", true),
        (statement("Deny", "{ AWS = \"111111111111\" }"), "user = \"dev/Ann\"", true),
        (statement("Allow", "{ AWS = \"333333333333\" }"), "user = \"dev/Ann\"", true),
        // A group is not who is in it.
        (allow("account = \"dev\""), "group = \"dev/Crew\"", true),
    ] {
        let text = format!("{head}{grants}[[revoked]]\n{entry}\nsince = 2026-11-30T18:00:00Z\n");
        let source = [Source { file: "t.toml".to_owned(), text: text.clone() }];
        let now = crossrole_manifest::Surroundings { now: 1_800_000_000, ..Default::default() };
        let (desired, findings) = crossrole_manifest::load_in(&source, &now);
        assert!(desired.is_some(), "{text}: {findings:?}");
        let warned = findings.iter().any(|finding| finding.message == "nothing in this manifest would let it in");
        assert_eq!(warned, idle, "{text}: {findings:?}");
    }
}
