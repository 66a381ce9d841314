//! A manifest gets another name: what it made is marked anew where it is, and nobody gains or loses by it.

use crossrole_sandbox::{Options, Sandbox};
use serde_json::Value;

use crate::runner::Runner;
use crate::runner_policy::{policies, without};
use crate::support::{Place, manifest};

const DEV: &str = "111111111111";
const MAIN: &str = "222222222222";

/// Every kind of object that bears a name.
const BODY: &str = r#"
[trusting]
account = "222222222222"
region = "us-east-1"
[trusted.dev]
account = "111111111111"
[trusted.dev.groups.Devs]
members = ["ann"]
[trusted.dev.users.ann]
[oidc_providers.github]
url = "https://token.actions.githubusercontent.com"
[keys.data]
create = true
[policies.Extra]
[[policies.Extra.allow]]
actions = "s3:ListAllMyBuckets"
resources = "*"
[buckets.renamed-data]
create = true
encryption = { kms_key = "data" }
[[buckets.renamed-data.allow]]
user = "dev/ann"
access = "read"
[roles.Reader]
policies = ["Extra"]
[[roles.Reader.trust]]
group = "dev/Devs"
[[roles.Reader.allow]]
bucket = "renamed-data"
access = "read"
[[revoked]]
user = "dev/ann"
since = 2026-11-30T18:00:00Z
"#;

fn named(head: &str) -> String {
    format!("{head}\n{BODY}")
}

/// What tells an object from one that is made anew, and what it is called by.
async fn marks(place: &Place) -> (Vec<String>, Vec<String>) {
    let element = crate::support::element;
    let role = place.iam(MAIN, "GetRole", &[("RoleName", "Reader")]).await;
    let user = place.iam(DEV, "GetUser", &[("UserName", "ann")]).await;
    let group = place.iam(DEV, "GetGroup", &[("GroupName", "Devs")]).await;
    let ids = vec![element(&role, "RoleId"), element(&user, "UserId"), element(&group, "GroupId")];
    let (_, bucket) = place.s3(MAIN, "GET", "/renamed-data", "policy", "").await;
    (ids, vec![element(&role, "Value"), element(&group, "Path"), bucket])
}

/// A git repository whose folder has one manifest.
struct Renamed {
    place: Place,
    file: String,
}

impl Renamed {
    async fn new(test: &str) -> Self {
        let place = Place::new(Options::default());
        let file = manifest(&format!("renamed-{test}"), &named("name = \"old\""));
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        Self { place, file }
    }

    fn write(&self, head: &str) {
        std::fs::write(&self.file, named(head)).unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn what_it_made_is_its_own_under_another_name() {
    let at = Renamed::new("whole").await;
    let (ids, _) = marks(&at.place).await;
    at.write("name = \"new\"");
    // Without a word of it, everything is another manifest's.
    let said = at.place.run(&["plan", &at.file]).await;
    assert!(said.out.contains("it exists and belongs to manifest `old`, which is not of this run"), "{}", said.out);
    assert!(said.out.contains("where the manifest was renamed, say `renamed_from = \"old\"`"), "{}", said.out);
    at.write("name = \"new\"\nrenamed_from = \"old\"");
    let plan = at.place.good(&["plan", &at.file]).await;
    insta::assert_snapshot!("renamed_plan", plan);
    let json: Value = serde_json::from_str(&at.place.good(&["plan", "--json", &at.file]).await).unwrap();
    assert_eq!(json["renamed"], serde_json::json!([{ "manifest": "new", "from": "old", "borne": true }]));
    assert_eq!(json["access"]["changes"], serde_json::json!([]), "nobody gains or loses");
    at.place.good(&["apply", "--auto-approve", "--quiet", &at.file]).await;
    let (after, marked) = marks(&at.place).await;
    assert_eq!(after, ids, "nothing was made anew");
    assert!(marked[0] == "new" && marked[1] == "/crossrole/new/", "{marked:?}");
    assert!(!marked[2].contains(&crossrole_model::ownership::sid_prefix("old")), "{}", marked[2]);
    let done = at.place.good(&["plan", &at.file]).await;
    assert!(done.contains("nothing that was looked at bears the name `old` any more: take it out of `renamed_from`"), "{done}");
    assert!(done.contains("No changes. What is live is what the manifests say."), "{done}");
    at.write("name = \"new\"");
    assert!(at.place.good(&["plan", &at.file]).await.starts_with("No changes."));
    at.place.good(&["destroy", "--auto-approve", "--quiet", "--destroy-key", "data", &at.file]).await;
    for (account, action, name) in [(MAIN, "GetRole", ("RoleName", "Reader")), (DEV, "GetGroup", ("GroupName", "Devs")), (DEV, "GetUser", ("UserName", "ann"))]
    {
        assert_eq!(at.place.query(account, "iam", action, &[name]).await.0, 404, "{action}");
    }
}

/// What manifests say is enough to carry it out, and to take everything back before that is done.
#[tokio::test]
async fn its_runner_policy_is_enough() {
    let at = Renamed::new("runner").await;
    at.write("name = \"new\"\nrenamed_from = \"old\"");
    let whole = policies(&at.place, "apply", &at.file).await;
    let there = at.place.sandbox.snapshot().unwrap();
    let again = || Place::of(Sandbox::restore(&there, Options::default()).unwrap());
    let runner = Runner::new("renamed", &at.place, &whole).await;
    let (code, said) = runner.run(&["runner-policy", "--check", &at.file]);
    assert!(code == 0 && said.contains(" may do all of it"), "{said}");
    for (words, wanted) in
        [(&["apply", "--auto-approve", "--quiet"][..], "Applied: "), (&["plan"], "No changes."), (&["destroy", "--auto-approve", "--quiet"], "Applied: ")]
    {
        let (code, said) = runner.run(&[words, &[&at.file]].concat());
        assert!(code == 0 && said.contains(wanted), "{words:?}: {said}");
    }
    // Destroyed at once, under the name that nothing bears yet; and a right that is missing is named before anything is written.
    let straight = Runner::new("renamed-destroyed", &again(), &whole).await;
    let less = Runner::new("renamed-less", &again(), &without(&whole, DEV, "iam:UpdateGroup")).await;
    let (code, said) = less.run(&["apply", "--auto-approve", "--quiet", &at.file]);
    assert!(code == 1 && said.contains("iam:UpdateGroup on arn:aws:iam::111111111111:group/crossrole/old/Devs"), "{code}: {said}");
    assert!(said.contains("iam:UpdateGroup on arn:aws:iam::111111111111:group/crossrole/new/Devs"), "{said}");
    let (code, said) = straight.run(&["destroy", "--auto-approve", "--quiet", "--destroy-key", "data", &at.file]);
    assert!(code == 0 && said.contains("Applied: "), "{said}");
    let (code, said) = straight.run(&["plan", "--destroy", &at.file]);
    assert!(code == 0 && said.contains("No changes."), "{said}");
}

/// A plan is saved, and carried out as it was reviewed; stopped half-way, it goes on under either name.
#[tokio::test(start_paused = true)]
async fn a_saved_plan_marks_anew_and_what_stopped_goes_on() {
    let at = Renamed::new("saved").await;
    at.write("name = \"new\"\nrenamed_from = [\"older\", \"old\"]");
    let plan = std::path::Path::new(&at.file).with_file_name("plan.json").display().to_string();
    let _ = std::fs::remove_file(&plan);
    at.place.good(&["plan", "--out", &plan, &at.file]).await;
    // Part of it is done: the rest is what was reviewed.
    at.place.good(&["apply", "--auto-approve", "--quiet", "--partial", "--target", "role/Reader", &at.file]).await;
    let half = at.place.good(&["plan", &at.file]).await;
    assert!(
        half.contains("renamed from `old`") && half.contains("nothing that was looked at bears the name `older`") && !half.contains("~ role Reader"),
        "{half}"
    );
    at.place.good(&["apply", "--auto-approve", "--quiet", &plan]).await;
    let (_, marked) = marks(&at.place).await;
    assert!(marked[0] == "new" && marked[1] == "/crossrole/new/", "{marked:?}");
    assert!(at.place.good(&["plan", &at.file]).await.contains("No changes."));
}

/// Until it is applied, live marks are those of the earlier name: no other command takes what bears it for somebody else's.
#[tokio::test(start_paused = true)]
async fn other_commands_know_the_earlier_name() {
    let at = Renamed::new("others").await;
    let text = named("name = \"new\"\nrenamed_from = \"old\"");
    std::fs::write(&at.file, &text).unwrap();
    let drift = at.place.run(&["drift", "--sandbox", &at.file]).await;
    assert!(drift.out.contains("~ tag crossrole:manifest = old -> new") && !drift.out.contains("withheld"), "{}", drift.out);
    assert!(drift.out.contains("Kept, and no drift: others let nobody in"), "{}", drift.out);
    // What a manifest is called by is nothing that it says.
    let drift = at.place.run(&["drift", "--write", "--sandbox", &at.file]).await;
    assert_eq!(std::fs::read_to_string(&at.file).unwrap(), text, "{}{}", drift.out, drift.err);
    let audit = at.place.run(&["audit", &at.file]).await;
    assert!(audit.out.contains("[declared by new]"), "{}", audit.out);
    let verify = at.place.run(&["verify", &at.file]).await;
    assert!(verify.out.contains("Verified: 37 as the manifests say, 0 not, 0 not known"), "{}", verify.out);
    // What somebody has done by hand is found as it was.
    at.place.iam(MAIN, "UpdateRole", &[("RoleName", "Reader"), ("Description", "by hand")]).await;
    let plan = at.place.good(&["plan", &at.file]).await;
    assert!(plan.contains("by hand"), "{plan}");
    let destroy = at.place.good(&["plan", "--destroy", &at.file]).await;
    assert!(destroy.contains("Plan: 0 to add, 1 to change, 8 to destroy.") && !destroy.contains("belongs to"), "{destroy}");
    at.place.good(&["destroy", "--auto-approve", "--quiet", "--destroy-key", "data", &at.file]).await;
    assert_eq!(at.place.query(MAIN, "iam", "GetRole", &[("RoleName", "Reader")]).await.0, 404);
}

/// An older manifest, under whatever name, gives nothing back that was revoked under another.
#[tokio::test(start_paused = true)]
async fn what_was_revoked_under_one_name_stays_so_under_another() {
    let at = Renamed::new("revoked").await;
    let entry = BODY.find("[[revoked]]").unwrap();
    let text = format!("name = \"new\"\nrenamed_from = \"old\"\n{}", &BODY[..entry]);
    std::fs::write(&at.file, &text).unwrap();
    let said = at.place.run(&["plan", &at.file]).await;
    assert!(said.out.contains("was revoked"), "{}", said.out);
    let said = at.place.run(&["destroy", "--auto-approve", "--destroy-key", "data", &at.file]).await;
    assert!(said.err.contains("access was revoked of which these manifests know nothing"), "{}{}", said.out, said.err);
}

/// A role moves from one file of a folder to another: each by itself says what is known, and both together carry it out.
#[tokio::test(start_paused = true)]
async fn what_moves_between_two_files_is_said_as_it_is_known() {
    let place = Place::new(Options::default());
    let head = |name: &str| format!("name = \"{name}\"\n[trusting]\naccount = \"{MAIN}\"\n[trusted.dev]\naccount = \"{DEV}\"\n");
    let role = "[roles.Reader]\n[[roles.Reader.trust]]\naccount = \"dev\"\n";
    let a = manifest("moved-a", &(head("a") + role));
    let b = manifest("moved-b", &head("b"));
    place.good(&["apply", "--auto-approve", "--quiet", &a]).await;
    std::fs::write(&a, head("a")).unwrap();
    std::fs::write(&b, head("b") + role).unwrap();
    let alone = place.good(&["plan", &a]).await;
    assert!(alone.contains("because no manifest of this run declares it any more"), "{alone}");
    let alone = place.run(&["plan", &b]).await;
    assert!(alone.out.contains("it exists and belongs to manifest `a`, which is not of this run"), "{}", alone.out);
    assert!(alone.out.contains("to move it, name both files in one run"), "{}", alone.out);
    let both = place.good(&["plan", &a, &b]).await;
    assert!(both.contains("~ role Reader") && both.contains("0 to destroy"), "{both}");
    place.good(&["apply", "--auto-approve", "--quiet", &a, &b]).await;
    assert!(place.good(&["plan", &b]).await.starts_with("No changes."));
}
