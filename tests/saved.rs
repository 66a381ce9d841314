//! A saved plan is a record of what was reviewed, never an instruction.

use crossrole::Exit;
use crossrole_sandbox::{Options, Sandbox};
use serde_json::{Value, json};

use crate::support::{Place, manifest};

const TRUSTING: &str = "222222222222";

const MANIFEST: &str = r#"
name = "saved"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[buckets.saved-bucket]
[roles.Reader]
[[roles.Reader.trust]]
account = "dev"
mfa = true
[[roles.Reader.allow]]
bucket = "saved-bucket"
access = "read"
"#;

/// An AWS with the bucket, a plan saved for it, and both as they were.
struct Saved {
    start: Vec<u8>,
    file: String,
    path: String,
    plan: Value,
}

async fn saved(name: &str) -> Saved {
    let place = Place::new(Options::default());
    assert_eq!(place.s3(TRUSTING, "PUT", "/saved-bucket", "", "").await.0, 200);
    let file = manifest(name, MANIFEST);
    let path = format!("{file}.plan");
    place.good(&["plan", "--out", &path, &file]).await;
    let text = std::fs::read_to_string(&path).unwrap();
    let plan = serde_json::from_str::<Value>(&text).unwrap()["plan"].clone();
    Saved { start: place.sandbox.snapshot().unwrap(), file, path, plan }
}

impl Saved {
    fn place(&self) -> Place {
        Place::of(Sandbox::restore(&self.start, Options::default()).unwrap())
    }

    /// Writes the plan as its own codec would, digest and all: an attacker who knows how. `false`: it is no plan.
    fn forge(&self, plan: &Value) -> bool {
        let Ok(plan) = serde_json::from_value(plan.clone()) else { return false };
        std::fs::write(&self.path, crossrole_report::write_plan(&plan).unwrap()).unwrap();
        true
    }

    /// Applies the file on a fresh AWS. Nothing is changed, or exactly what the manifest says.
    async fn carried_out(&self) -> bool {
        let place = self.place();
        let said = place.run(&["apply", "--auto-approve", "--quiet", &self.path]).await;
        if place.sandbox.snapshot().unwrap() == self.start {
            assert_ne!(said.exit, Exit::Changes);
            return false;
        }
        let plan = place.good(&["plan", &self.file]).await;
        assert!(plan.starts_with("No changes."), "something else was carried out:\n{}{}\n{plan}", said.out, said.err);
        assert_eq!(said.exit, Exit::Clean);
        true
    }
}

/// Small and fast, and the same everywhere (Marsaglia's xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(most.max(1)).unwrap()).unwrap()
    }
}

/// Every leaf and container of a value.
fn places(value: &Value, at: String, into: &mut Vec<String>) {
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| places(v, format!("{at}/{i}"), into)),
        Value::Object(map) => map.iter().for_each(|(k, v)| places(v, format!("{at}/{}", k.replace('~', "~0").replace('/', "~1")), into)),
        _ => {}
    }
    into.push(at);
}

fn alter(value: &mut Value, random: &mut Random) {
    match value {
        Value::Null => *value = json!("x"),
        Value::Bool(flag) => *flag = !*flag,
        Value::Number(number) => *value = json!(number.as_u64().unwrap_or(0) + 1),
        Value::String(text) => {
            let with = ["333333333333", "*", "Allow", "arn:aws:iam::333333333333:root", "Reader", ""];
            let with = with[random.below(with.len())];
            *text = if random.below(2) == 0 { with.to_owned() } else { text.replace(TRUSTING, "333333333333").replace("111111111111", "333333333333") + with };
        }
        Value::Array(list) if list.is_empty() => list.push(json!("x")),
        Value::Array(list) => {
            let at = random.below(list.len());
            let item = list.remove(at);
            if random.below(2) == 0 {
                list.extend([item.clone(), item]);
            }
        }
        Value::Object(map) => {
            let key = map.keys().nth(random.below(map.len())).cloned();
            if let Some(key) = key {
                map.remove(&key);
            }
        }
    }
}

/// A thousand random alterations, made by somebody who knows how the file is sealed, and as many without the seal.
#[tokio::test(start_paused = true)]
async fn no_random_alteration_is_carried_out() {
    let saved = saved("saved-random").await;
    let mut all = Vec::new();
    places(&saved.plan, String::new(), &mut all);
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let (mut tried, mut refused) = (0, 0);
    while tried < 1_000 {
        let mut plan = saved.plan.clone();
        let at = &all[random.below(all.len())];
        if at.starts_with("/calls") || at == "/saved_at" || at.starts_with("/rests_on") || ["/manifests/0/file", "/comment_key"].contains(&at.as_str()) {
            // How many calls it took to read, when, what else was read, where manifests stood, and where it is shown: it is said, and nothing follows from it.
            continue;
        }
        let before = plan.clone();
        alter(plan.pointer_mut(at).unwrap(), &mut random);
        if ["calls", "rests_on", "comment_key"].iter().any(|name| plan.get(name).is_none()) {
            // The same, left out whole.
            continue;
        }
        let same = |a: &Value, b: &Value| {
            let read = |v: &Value| serde_json::from_value::<crossrole_model::Plan>(v.clone()).ok().map(|plan| crossrole_model::Plan { saved_at: 0, ..plan });
            read(a) == read(b)
        };
        // A statement that stands twice means the same.
        if same(&plan, &before) || !saved.forge(&plan) {
            // No plan at all: the codec refuses it, which is another test.
            continue;
        }
        tried += 1;
        let done = saved.carried_out().await;
        assert!(!done, "{at} was altered to {:?}", plan.pointer(at));
        refused += u32::from(!done);
    }
    assert_eq!(refused, tried);
}

/// Any byte of the file: it is not as it was written.
#[tokio::test(start_paused = true)]
async fn no_byte_of_the_file_may_change() {
    let saved = saved("saved-bytes").await;
    let text = std::fs::read_to_string(&saved.path).unwrap();
    let mut random = Random(7);
    for _ in 0..1_000 {
        let at = random.below(text.len());
        let noise = ["0", "\"", "a", " ", "Z", "}"][random.below(6)];
        let altered = format!("{}{noise}{}", &text[..at], &text[(at + random.below(3)).min(text.len())..]);
        if altered.trim_end() == text.trim_end() {
            continue;
        }
        assert!(crossrole_report::read_plan(&altered).is_err(), "at {at}: {noise}");
    }
    std::fs::write(&saved.path, text.replacen("\"mfa\"", "\"mfb\"", 1) + " ").unwrap();
    assert!(!saved.carried_out().await);
}

fn steps(plan: &mut Value) -> &mut Vec<Value> {
    plan["steps"].as_array_mut().unwrap()
}

fn creation(plan: &mut Value) -> &mut Value {
    let step = steps(plan).iter_mut().find(|s| s["call"]["iam"]["create-role"].is_object()).unwrap();
    &mut step["call"]["iam"]["create-role"]
}

type Design = (&'static str, fn(&mut Value));

/// Ten ways that somebody might think of. Each is refused, whatever the flags, and says why.
#[tokio::test(start_paused = true)]
async fn no_designed_alteration_is_carried_out() {
    let designs: [Design; 14] = [
        ("a stranger is trusted", |p| creation(p)["trust"]["Statement"][0]["Principal"]["AWS"] = json!("arn:aws:iam::999999999999:root")),
        ("the second factor is left out", |p| drop(creation(p)["trust"]["Statement"][0].as_object_mut().unwrap().remove("Condition"))),
        ("the session is longer", |p| creation(p)["max_session_seconds"] = json!(43_200)),
        ("the role is another's", |p| creation(p)["name"] = json!("Administrator")),
        ("no manifest is named", |p| p["manifests"] = json!([])),
        ("another manifest is named", |p| p["manifests"][0]["name"] = json!("other")),
        ("a step is left out", |p| drop(steps(p).pop())),
        ("a step is added", |p| {
            let call =
                json!({"iam": {"attach-policy": {"principal": {"kind": "role", "name": "Reader"}, "arn": "arn:aws:iam::aws:policy/AdministratorAccess"}}});
            let mut step = steps(p).last().unwrap().clone();
            step["call"] = call;
            step["share"] = Value::Null;
            step["facet"] = json!({"attached": "arn:aws:iam::aws:policy/AdministratorAccess"});
            steps(p).push(step);
        }),
        ("an account is another", |p| {
            let step = &mut steps(p)[0];
            step["account"] = json!("111111111111");
        }),
        ("it destroys", |p| p["destroy"] = json!(true)),
        ("it deletes a key", |p| p["destroy_keys"] = json!(["alias/data"])),
        ("it is a part of what was asked for", |p| p["targets"] = json!(["role/Reader"])),
        ("the bucket lets everybody in", |p| {
            let step = steps(p).iter_mut().find(|s| s["share"].is_object()).unwrap();
            step["share"]["statements"][0]["Principal"] = json!("*");
            step["call"]["bucket"]["put-policy"]["document"]["Statement"][0]["Principal"] = json!("*");
        }),
        ("the access was never reviewed", |p| p["access"] = Value::Null),
    ];
    let saved = saved("saved-designed").await;
    assert!(saved.forge(&saved.plan) && saved.carried_out().await, "unaltered, it is carried out");
    for (name, design) in designs {
        let mut plan = saved.plan.clone();
        design(&mut plan);
        assert!(saved.forge(&plan), "{name}: this is no plan any more");
        let place = saved.place();
        let said = place.run(&["apply", "--auto-approve", &saved.path]).await;
        assert_ne!(said.exit, Exit::Clean, "{name}: {}{}", said.out, said.err);
        assert!(place.sandbox.snapshot().unwrap() == saved.start, "{name}: something was carried out");
        assert!(said.err.contains("error: ") || said.err.contains("refused: "), "{name}: {}", said.err);
    }
}

/// A whole plan of another kind, of the same manifests: what is asked for here is not that.
#[tokio::test(start_paused = true)]
async fn a_plan_of_a_kind_that_nobody_asks_for_is_refused() {
    let saved = saved("saved-kind").await;
    let place = saved.place();
    place.good(&["apply", "--auto-approve", "--quiet", &saved.path]).await;
    let live = place.sandbox.snapshot().unwrap();
    let (all, part) = (["--destroy"], ["--destroy", "--target", "role/Reader"]);
    let kinds: [(&[&str], &[&str], &str); 3] = [
        (&all, &["apply"], "takes back all that its manifests own, and `apply` is not asked for that"),
        (&part, &["destroy"], "its targets are others"),
        (&[], &["destroy"], "this plan takes nothing back as `destroy` does"),
    ];
    for (planned, applied, why) in kinds {
        place.good(&[&["plan", "--out", &saved.path], planned, &[&saved.file]].concat()).await;
        let said = place.run(&[applied, &["--auto-approve", "--quiet", &saved.path, &saved.file]].concat()).await;
        assert_eq!(said.exit, Exit::Refused, "{planned:?}: {}{}", said.out, said.err);
        assert!(said.err.contains("refused: ") && said.err.contains(why), "{planned:?}: {}", said.err);
        assert!(place.sandbox.snapshot().unwrap() == live, "{planned:?}: something was carried out");
    }
    // Asked for just so, it is carried out.
    place.good(&["plan", "--out", &saved.path, "--destroy", "--target", "role/Reader", &saved.file]).await;
    let out = place.good(&["destroy", "--auto-approve", "--quiet", "--target", "role/Reader", &saved.path]).await;
    assert!(out.contains("Applied: "), "{out}");
}

/// A plan is saved over nothing that the run reads, and whatever a plan names as its manifest is read to its limit and no further.
#[tokio::test(start_paused = true)]
async fn a_plan_is_saved_and_read_in_files_of_its_own() {
    let saved = saved("saved-own").await;
    let place = saved.place();
    for out in [saved.file.as_str(), "crossrole.toml", "approvals/a.toml"] {
        let said = place.run(&["plan", "--out", out, &saved.file]).await;
        assert!(said.exit == Exit::Failed && said.err.contains("would be written over a manifest, settings or approvals"), "{out}: {}", said.err);
    }
    assert_eq!(std::fs::read_to_string(&saved.file).unwrap(), MANIFEST);
    let mut plan = saved.plan.clone();
    plan["manifests"][0]["file"] = json!("/dev/zero");
    assert!(saved.forge(&plan));
    let said = place.run(&["apply", "--auto-approve", &saved.path]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("is no regular file"), "{}", said.err);
}

/// A manifest that was changed, a file of another version, and a role that has moved: each says what it is.
#[tokio::test(start_paused = true)]
async fn what_is_not_the_same_is_named() {
    let saved = saved("saved-named").await;
    let text = std::fs::read_to_string(&saved.path).unwrap();
    std::fs::write(&saved.path, text.replacen("\"crossrole_plan\":7", "\"crossrole_plan\":3", 1)).unwrap();
    let said = saved.place().run(&["apply", "--auto-approve", &saved.path]).await;
    assert!(said.err.contains("this plan was made by another version of crossrole"), "{}", said.err);
    std::fs::write(&saved.path, &text).unwrap();
    // A widening that nobody has seen: others changed something that this plan meets.
    let place = saved.place();
    let open = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::saved-bucket/*"}]}"#;
    assert_eq!(place.s3(TRUSTING, "PUT", "/saved-bucket", "policy", open).await.0, 204);
    let said = place.run(&["apply", "--auto-approve", &saved.path]).await;
    assert_eq!(said.exit, Exit::Moved);
    insta::assert_snapshot!("moved-around-ours", said.err);
}

/// What another hand did in between stands there, statement by statement, external ids masked.
#[tokio::test(start_paused = true)]
async fn what_has_moved_since_the_review_is_shown() {
    let place = Place::new(Options::default());
    assert_eq!(place.s3(TRUSTING, "PUT", "/saved-bucket", "", "").await.0, 200);
    let text = MANIFEST.replace("mfa = true", "mfa = true\nexternal_id = \"secret-4711-id\"");
    place.good(&["apply", "--auto-approve", "--quiet", &manifest("saved-moved", &text)]).await;
    let file = manifest("saved-moved", &(text.replace("mfa = true\n", "") + "[[roles.Reader.allow]]\nbucket = \"saved-bucket\"\naccess = \"write\"\n"));
    let path = format!("{file}.plan");
    place.good(&["plan", "--out", &path, &file]).await;
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Sneaky","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::999999999999:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"other-4711-id"}}}]}"#;
    place.iam(TRUSTING, "UpdateAssumeRolePolicy", &[("RoleName", "Reader"), ("PolicyDocument", trust)]).await;
    let (_, body) = place.s3(TRUSTING, "GET", "/saved-bucket", "policy", "").await;
    let mut policy: Value = serde_json::from_str(&body).unwrap();
    policy["Statement"].as_array_mut().unwrap().push(json!({ "Sid": "Backups", "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::222222222222:root" }, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::saved-bucket/*" }));
    assert_eq!(place.s3(TRUSTING, "PUT", "/saved-bucket", "policy", &policy.to_string()).await.0, 204);
    let before = place.sandbox.snapshot().unwrap();
    let said = place.run(&["apply", "--auto-approve", "--quiet", &path]).await;
    assert!(said.exit == Exit::Moved && place.sandbox.snapshot().unwrap() == before, "{}", said.out);
    assert!(!said.err.contains("4711"), "{}", said.err);
    insta::assert_snapshot!("moved", said.err);
}

/// What was reviewed long ago is not what its reviewers would say today.
#[tokio::test(start_paused = true)]
async fn a_plan_may_be_so_old_and_no_older() {
    let saved = saved("saved-age").await;
    let day = 86_400;
    let stamp = saved.plan["saved_at"].as_i64().unwrap();
    assert!(stamp > 1_700_000_000, "{stamp}");
    for (older, most, wrong) in [
        (0, "1h", None),
        (2 * 3_600, "1d", None),
        (2 * 3_600, "1h", Some("this plan was saved 2 hours ago, and may be 60 minutes old")),
        (8 * day, "7d", Some("this plan was saved 8 days ago, and may be 7 days old")),
        (-3_600, "7d", Some("this plan was saved in the future")),
    ] {
        let mut plan = saved.plan.clone();
        plan["saved_at"] = json!(stamp - older);
        assert!(saved.forge(&plan));
        let place = saved.place();
        let said = place.run(&["apply", "--auto-approve", "--quiet", "--max-age", most, &saved.path]).await;
        match wrong {
            None => assert_eq!(said.exit, Exit::Clean, "{older} {most}: {}", said.err),
            Some(why) => {
                assert!(said.exit == Exit::Refused && said.err.contains(why), "{older} {most}: {}", said.err);
                assert!(place.sandbox.snapshot().unwrap() == saved.start, "{older} {most}: something was carried out");
            }
        }
    }
    let said = saved.place().run(&["apply", "--auto-approve", "--max-age", "1h", &saved.file]).await;
    assert!(said.err.contains("`--max-age` is of a saved plan"), "{}", said.err);
    for bad in ["1", "h", "-1h", "1w", "99999999999999999999d"] {
        let said = saved.place().run(&["apply", "--auto-approve", &format!("--max-age={bad}"), &saved.path]).await;
        assert!(said.exit == Exit::Failed && said.err.contains("write a number with its unit"), "{bad}: {}", said.err);
    }
}

/// A plan that was carried out in part is still the plan that was reviewed, for the rest.
#[tokio::test(start_paused = true)]
async fn the_rest_of_a_reviewed_plan_is_carried_out() {
    let saved = saved("saved-rest").await;
    let place = saved.place();
    place.good(&["apply", "--auto-approve", "--quiet", "--target", "role/Reader", &saved.file]).await;
    let out = place.good(&["apply", "--auto-approve", "--quiet", &saved.path]).await;
    assert!(out.contains("Applied: 1 step done"), "{out}");
    let out = place.good(&["apply", "--auto-approve", "--quiet", &saved.path]).await;
    assert!(out.starts_with("No changes."), "{out}");
}

/// A bucket of which some calls were carried out has S3's own settings in the place of the others: the rest is still the plan
/// that was reviewed.
#[tokio::test(start_paused = true)]
async fn a_half_made_bucket_is_completed_by_the_plan_that_began_it() {
    let text = std::fs::read_to_string(crate::support::root().join("manifests/prod-data.toml")).unwrap();
    let text = text.replace("versioning = true\n", "versioning = true\npublic_access_block = false\nownership = \"BucketOwnerPreferred\"\n");
    for (n, operation) in [
        "PutBucketTagging",
        "PutPublicAccessBlock",
        "PutBucketOwnershipControls",
        "PutBucketEncryption",
        "PutBucketVersioning",
        "PutBucketLogging",
        "PutBucketPolicy",
    ]
    .into_iter()
    .enumerate()
    {
        let file = manifest(&format!("saved-half-{n}"), &text);
        let path = format!("{file}.plan");
        let place = Place::new(Options::default());
        place.good(&["plan", "--out", &path, &file]).await;
        place.sandbox.set_faults(Some(std::sync::Arc::new(crate::errors::Always(operation, crossrole_sandbox::Fault::Refuse("AccessDenied")))));
        let said = place.run(&["apply", "--auto-approve", "--quiet", &path]).await;
        assert_eq!(said.exit, Exit::Failed, "{operation}: {}{}", said.out, said.err);
        place.sandbox.set_faults(None);
        let said = place.run(&["apply", "--auto-approve", "--quiet", &path]).await;
        assert_eq!(said.exit, Exit::Clean, "{operation}: {}{}", said.out, said.err);
        let plan = place.good(&["plan", &file]).await;
        assert!(plan.starts_with("No changes."), "{operation}: {plan}");
    }
}

/// What a plan takes back is found no more once a part of the plan has taken away what told of it: the same plan, applied again, looks there.
#[tokio::test(start_paused = true)]
async fn what_a_plan_took_back_is_looked_at_again() {
    const KEPT: &str = r#"
name = "again"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[trusted.dev.users.lou]
[buckets.again-one]
[[buckets.again-one.allow]]
user = "dev/lou"
access = "read"
[roles.Holder]
"#;
    const GONE: &str = r#"
[buckets.again-two]
[[buckets.again-two.allow]]
user = "dev/lou"
access = "read"
[policies.Again]
[[policies.Again.allow]]
actions = "s3:ListAllMyBuckets"
resources = "*"
"#;
    let trust = "[[roles.Holder.trust]]\nservice = \"ec2.amazonaws.com\"\n";
    for fails in [None, Some("DeletePolicy"), Some("DeleteBucketPolicy"), Some("DetachRolePolicy")] {
        let place = Place::with_bucket("again-one").await;
        assert_eq!(place.s3(TRUSTING, "PUT", "/again-two", "", "").await.0, 200);
        let file = manifest("saved-again", &format!("{KEPT}policies = [\"Again\"]\n{trust}{GONE}"));
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        let file = manifest("saved-again", &format!("{KEPT}{trust}"));
        let path = format!("{file}.plan");
        place.good(&["plan", "--out", &path, &file]).await;
        if let Some(operation) = fails {
            place.sandbox.set_faults(Some(std::sync::Arc::new(crate::errors::Always(operation, crossrole_sandbox::Fault::Refuse("AccessDenied")))));
            let said = place.run(&["apply", "--auto-approve", "--quiet", &path]).await;
            assert_eq!(said.exit, Exit::Failed, "{operation}: {}{}", said.out, said.err);
            let told = "A new plan may not find 222222222222/policy/Again";
            assert_eq!(said.out.contains(told), operation != "DeleteBucketPolicy", "{operation}: {}", said.out);
            place.sandbox.set_faults(None);
        }
        let out = place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
        assert!(out.contains("Applied: "), "{fails:?}: {out}");
        let out = place.good(&["apply", "--auto-approve", "--quiet", &path]).await;
        assert!(out.contains("Already done: what was reviewed is live."), "{fails:?}: {out}");
        assert!(!place.iam(TRUSTING, "ListPolicies", &[("Scope", "Local")]).await.contains("policy/Again"), "{fails:?}");
        assert_eq!(place.s3(TRUSTING, "GET", "/again-two", "policy", "").await.0, 404, "{fails:?}");
    }
}
