//! An estate of which one role is put in is the one that is made of all anew.

use crossrole_access::{Estate, Objects};
use crossrole_model::{Action, Change, Desired, DesiredState, ObjectState, Source};

const TEXT: &str = r#"name = "t"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[trusted.dev.users.Ann]
[trusted.dev.groups.Crew]
members = ["Ann"]
[buckets.b-one]
[[buckets.b-one.allow]]
user = "dev/Ann"
access = "get"
[policies.Edge]
[[policies.Edge.allow]]
bucket = "b-one"
access = "read"
[roles.One]
policies = ["Edge"]
[[roles.One.trust]]
user = "dev/Ann"
[roles.Two]
[[roles.Two.trust]]
group = "dev/Crew"
"#;

fn changes(desired: &Desired) -> Vec<(Change, bool)> {
    let one = |state: &ObjectState, after: Option<ObjectState>, address: &crossrole_model::Address| Change {
        address: address.clone(),
        action: if after.is_some() { Action::Update } else { Action::Delete },
        before: Some(state.clone()),
        after,
        reasons: Vec::new(),
        consequences: Vec::new(),
        manifest: "t".into(),
    };
    let mut all = Vec::new();
    for (address, object) in &desired.objects {
        match &object.state {
            DesiredState::Role { state, .. } => {
                let mut other = state.clone();
                other.trust.statements.clear();
                other.inline.clear();
                let mut moved = state.clone();
                moved.path = "/moved/".into();
                let mut unattached = state.clone();
                unattached.attached.clear();
                let before = ObjectState::Role(state.clone());
                all.extend([other, moved, unattached].map(|after| (one(&before, Some(ObjectState::Role(after)), address), true)));
                all.push((one(&before, None, address), true));
            }
            DesiredState::User(state) => all.push((one(&ObjectState::User(state.clone()), None, address), true)),
            DesiredState::Membership(state) => all.push((one(&ObjectState::Membership(state.clone()), None, address), true)),
            DesiredState::Policy(state) => {
                let mut other = state.clone();
                other.document.statements.clear();
                all.push((one(&ObjectState::Policy(state.clone()), Some(ObjectState::Policy(other)), address), false));
            }
            _ => {}
        }
    }
    all
}

fn is_same(one: &Estate, other: &Estate) -> bool {
    one.principals == other.principals && one.roles == other.roles && one.buckets == other.buckets && one.keys == other.keys
}

#[test]
fn it_is_the_same_as_one_that_is_made_anew() {
    let (desired, findings) = crossrole_manifest::load(&[Source { file: "t.toml".into(), text: TEXT.to_owned() }]);
    let desired = desired.unwrap_or_else(|| panic!("{findings:?}"));
    let objects = Objects::desired(&desired);
    let before = objects.estate();
    let all = changes(&desired);
    assert!(all.len() > 8, "{}", all.len());
    for (change, alone) in all {
        let mut changed = objects.clone();
        changed.apply(std::slice::from_ref(&change));
        let mut put = before.clone();
        let touched = changed.put_principals(&objects, &mut put);
        assert_eq!(touched.is_some(), alone, "{change:?}");
        let anew = changed.estate();
        assert!(is_same(&put, if alone { &anew } else { &before }), "{change:?}");
        // What was touched is all that differs.
        for (arn, principal) in &before.principals {
            let differs = put.principals.get(arn) != Some(principal) || put.roles.get(arn) != before.roles.get(arn);
            assert!(!differs || touched.as_ref().is_some_and(|touched| touched.contains(arn)), "{arn} {change:?}");
        }
    }
}
