//! What a reviewed plan rests on, once it has been carried out: what it has done itself is nobody's doing.

use crossrole_model::Observed;
use crossrole_model::plan::{Became, LivePart};

use crate::rows::{DEV, PROD, Row, row};
use crate::world::{account, id};

const BEFORE: &str = r#"
[trusted.dev.users.ann]
[trusted.dev.users.bob]
[trusted.dev.groups.Devs]
members = ["ann", "bob"]
[buckets.own-bucket]
create = true
[[buckets.own-bucket.allow]]
account = "dev"
access = "list"
[policies.Extra]
[[policies.Extra.statement]]
actions = "s3:ListAllMyBuckets"
resources = "*"
[roles.Reader]
policies = ["Extra"]
[[roles.Reader.trust]]
user = ["dev/ann", "dev/bob"]
[[roles.Reader.trust]]
group = "dev/Devs"
"#;

const AFTER: &str = r#"
[trusted.dev.users.ann]
[trusted.dev.groups.Devs]
members = []
[roles.Reader]
[[roles.Reader.trust]]
service = "ec2.amazonaws.com"
"#;

fn nothing(_: &mut Observed) {}

/// However far it has come.
#[track_caller]
fn is_its_own(of: impl Fn() -> Row) {
    let (_, plan) = of().planned();
    assert!(!plan.steps.is_empty());
    for steps in 0..=plan.steps.len() {
        assert_eq!(of().turned(steps, nothing), [], "after {steps} steps of {}", plan.steps.len());
    }
}

#[test]
fn what_goes_leaves_what_it_was_in() {
    is_its_own(|| row("users, policies and members", AFTER).after(BEFORE));
    is_its_own(|| row("a group", "[trusted.dev.users.ann]\n[roles.Reader]\n[[roles.Reader.trust]]\nuser = \"dev/ann\"\n").after(BEFORE));
    is_its_own(|| row("everything", BEFORE).after(BEFORE).destroyed());
    is_its_own(|| row("everything comes", BEFORE));
}

#[test]
fn a_key_that_it_makes_or_takes_back() {
    let makes = "[keys.data]\ncreate = true\n[[keys.data.allow]]\naccount = \"dev\"\naccess = \"decrypt\"\n";
    is_its_own(|| row("made", makes));
    is_its_own(|| row("deleted", makes).after(makes).destroyed().and_key("alias/data"));
    let off = |e: &mut Observed| {
        for key in e.keys.values_mut() {
            let crossrole_model::Observation::Known(Some(key)) = key else { panic!("it is known") };
            key.state = crossrole_model::observed::KeyState::Disabled;
        }
    };
    let turned = row("and somebody has switched it off", makes).turned(usize::MAX, off);
    assert!(turned.iter().any(|one| one.part == LivePart::KeyState && one.became == Became::Came), "{turned:?}");
}

/// What somebody else has done is said as before.
#[test]
fn what_others_did_is_not_its_own() {
    let others = |e: &mut Observed| {
        let dev = account(e, &id(DEV));
        dev.users.get_mut("ann").unwrap().groups.insert("Devs".to_owned());
        dev.users.get_mut("ann").unwrap().attached.insert("arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned());
        account(e, &id(PROD)).roles.get_mut("reader").unwrap().state.description = "Theirs".to_owned();
    };
    let turned = row("done whole", AFTER).after(BEFORE).turned(usize::MAX, others);
    let parts: Vec<String> = turned.iter().map(|one| format!("{} {:?}", one.object, one.part)).collect();
    assert_eq!(parts.len(), 2, "{parts:#?}");
}
