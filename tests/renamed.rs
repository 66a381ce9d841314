//! A manifest gets another name: what it made is marked anew where it is, and nobody gains or loses by it.

use crossrole_sandbox::Options;
use serde_json::Value;

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
