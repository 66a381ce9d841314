//! Tags that policies ask for: who may come into a role, or use a key, by what it is tagged with. What the plan and `explain` say is held
//! against calls.

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::json;

use crate::access::section;
use crate::support::{Credentials, Place, manifest};

const DEV: &str = "111111111111";
const PROD: &str = "222222222222";

/// How a trust asks for it, and whether its tag alone decides; what differs between them is the last letter of the role's name.
const ASKED: &[(&str, &str, bool)] = &[
    ("A", r#"StringEquals = { "aws:ResourceTag/team" = "pay" }"#, true),
    ("B", r#"StringEquals = { "aws:PrincipalTag/team" = "${aws:ResourceTag/team}" }"#, true),
    ("C", r#"StringEquals = { "aws:ResourceTag/team" = "${aws:PrincipalTag/team}" }"#, true),
    ("D", r#"StringNotEquals = { "iam:ResourceTag/TEAM" = "hr" }"#, true),
    ("E", r#"StringLike = { "aws:ResourceTag/team" = "${aws:PrincipalTag/team}" }"#, false),
    ("F", r#"StringEquals = { "aws:ResourceTag/else" = "pay" }"#, true),
];

fn text(team: &str) -> String {
    let roles: String = ASKED
        .iter()
        .map(|(name, condition, _)| {
            format!("[roles.By{name}]\ntags = {{ team = \"{team}\" }}\n[[roles.By{name}.trust]]\nuser = \"dev/ann\"\nconditions = {{ {condition} }}\n")
        })
        .collect();
    format!(
        "name = \"tagged\"\n[trusting]\naccount = \"{PROD}\"\n[trusted.dev]\naccount = \"{DEV}\"\n{roles}\
         [keys.team]\ncreate = true\nalias = \"team\"\ntags = {{ team = \"{team}\" }}\n\
         [roles.Crypt]\n[[roles.Crypt.trust]]\nuser = \"dev/ann\"\n[[roles.Crypt.allow]]\nactions = [\"kms:Encrypt\"]\nresources = \"*\"\n\
         conditions = {{ StringEquals = {{ \"aws:ResourceTag/team\" = \"pay\" }} }}\n"
    )
}

async fn place() -> (Place, Credentials) {
    let place = Place::new(Options::default());
    place.iam(DEV, "CreateUser", &[("UserName", "ann"), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "pay")]).await;
    let ann = Credentials::of(&place.iam(DEV, "CreateAccessKey", &[("UserName", "ann")]).await);
    (place, ann)
}

/// The role's session, where it may be assumed.
async fn assumed(place: &Place, ann: &Credentials, role: &str) -> Option<Credentials> {
    let arn = format!("arn:aws:iam::{PROD}:role/{role}");
    let (status, body) = place.query_as(ann, "sts", "AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "ann")]).await;
    (status == 200).then(|| Credentials::of(&body))
}

async fn encrypts(place: &Place, ann: &Credentials) -> bool {
    let session = assumed(place, ann, "Crypt").await.unwrap();
    place.kms_as(&session, "us-east-1", "Encrypt", &json!({ "KeyId": "alias/team", "Plaintext": "eA==" })).await.0 == 200
}

#[tokio::test(start_paused = true)]
async fn a_tag_that_lets_somebody_in_is_a_widening() {
    let (place, ann) = place().await;
    let [hr, pay] = ["hr", "pay"].map(|team| manifest(&format!("tagged-{team}"), &text(team)));
    for (from, to) in [(&hr, &pay), (&pay, &hr)] {
        place.good(&["apply", "--auto-approve", "--quiet", from]).await;
        let mut may = Vec::new();
        for (name, ..) in ASKED {
            may.push(assumed(&place, &ann, &format!("By{name}")).await.is_some());
        }
        let may_encrypt = encrypts(&place, &ann).await;
        let plan = place.run(&["plan", "--deny-widening", to]).await;
        assert_eq!(plan.exit, Exit::Refused, "what is not decided is no less: {}", plan.out);
        let access = section(&plan.out).to_owned();
        place.good(&["apply", "--auto-approve", "--quiet", to]).await;
        for ((name, _, decided), before) in ASKED.iter().zip(may) {
            let after = assumed(&place, &ann, &format!("By{name}")).await.is_some();
            let line = match (before, after) {
                (false, true) => Some("+ user ann of 111111111111 gains sts:AssumeRole"),
                (true, false) => Some("- user ann of 111111111111 loses sts:AssumeRole"),
                _ => None,
            };
            let of_role = || access.lines().filter(|line| line.contains(&format!("By{name}")));
            if *decided {
                assert_eq!(of_role().count(), usize::from(line.is_some()), "{name}: {access}");
                assert!(line.is_none_or(|line| of_role().any(|said| said.trim().starts_with(line))), "{name}: {before} {after}: {access}");
            } else {
                assert!(before != after && of_role().any(|line| line.contains("not decided: the tags of the resource change")), "{name}: {access}");
            }
        }
        assert_ne!(encrypts(&place, &ann).await, may_encrypt);
        assert!(access.lines().any(|line| line.contains("? role Crypt of") && line.contains("not decided: the tags of the resource")), "{access}");
    }
    // What is asked of one moment says it with the tags that there are.
    for (text, file, is) in [("pay", &pay, true), ("hr", &hr, false)] {
        place.good(&["apply", "--auto-approve", "--quiet", file]).await;
        for from in ["live", "manifest"] {
            for (name, ..) in ASKED {
                // Of whoever has no manifest, what it is tagged with is read, or not known.
                let asked = place.run(&["explain", "dev/user/ann", "sts:AssumeRole", &format!("role/By{name}"), file, "--from", from]).await.out;
                let allowed = *name != "F" && (from == "live" || !["B", "C", "E"].contains(name));
                assert!(!allowed || asked.starts_with("yes") == is, "{text} {from} {name}: {asked}");
                assert!(!asked.contains("ask so that aws:ResourceTag"), "{asked}");
            }
        }
        let ways = place.good(&["who-can", "sts:AssumeRole", "role/ByA", file, "--from", "live"]).await;
        assert_eq!(ways.contains("user ann"), is, "{ways}");
    }
}
