//! One goes and one comes, where there is room for none more: in an order that AWS accepts.

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, manifest};

const TRUSTING: &str = "222222222222";
const DEV: &str = "111111111111";

const ANY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"*"}]}"#;

/// Somebody's policies, as many as that, attached to a principal.
async fn fill(place: &Place, account: &str, kind: &str, name: &str, count: usize) {
    for n in 0..count {
        let policy = format!("theirs-{kind}-{n}");
        place.iam(account, "CreatePolicy", &[("PolicyName", &policy), ("PolicyDocument", ANY)]).await;
        let arn = format!("arn:aws:iam::{account}:policy/{policy}");
        place.iam(account, &format!("Attach{kind}Policy"), &[(&format!("{kind}Name"), name), ("PolicyArn", &arn)]).await;
    }
}

/// Applies it, whole, and plans to nothing.
async fn reached(place: &Place, file: &str) {
    let said = place.run(&["apply", "--auto-approve", "--quiet", file]).await;
    assert_eq!(said.exit, Exit::Clean, "{}{}", said.out, said.err);
    let plan = place.run(&["plan", "--detailed-exitcode", file]).await;
    assert_eq!(plan.exit, Exit::Clean, "{}", plan.out);
}

/// What there was before the caller's side was one document is replaced, where the principal is full.
#[tokio::test(start_paused = true)]
async fn a_caller_that_is_full_gets_the_new_policy_for_the_old() {
    for (kind, name) in [("Group", "Devs"), ("User", "ann")] {
        let place = Place::new(Options::default());
        let key = format!("{kind}Name");
        place.iam(DEV, &format!("Create{kind}"), &[(&key, name)]).await;
        fill(&place, DEV, kind, name, 9).await;
        let lower = kind.to_ascii_lowercase();
        let policy = format!("crossrole-full-{lower}-{name}");
        let document = ANY.replace("s3:ListAllMyBuckets\",\"Resource\":\"*", "sts:AssumeRole\",\"Resource\":\"arn:aws:iam::222222222222:role/R");
        let tags = [("Tags.member.1.Key", "crossrole:manifest"), ("Tags.member.1.Value", "full")];
        place.iam(DEV, "CreatePolicy", &[&[("PolicyName", policy.as_str()), ("PolicyDocument", document.as_str())][..], &tags].concat()).await;
        let arn = format!("arn:aws:iam::{DEV}:policy/{policy}");
        place.iam(DEV, &format!("Attach{kind}Policy"), &[(&key, name), ("PolicyArn", &arn)]).await;
        let text = format!(
            "name = \"full\"\n[trusting]\naccount = \"{TRUSTING}\"\n[trusted.dev]\naccount = \"{DEV}\"\n[roles.R]\n[[roles.R.trust]]\n{lower} = \"dev/{name}\"\n"
        );
        reached(&place, &manifest(&format!("quotas-{lower}"), &text)).await;
        let attached = place.iam(DEV, &format!("ListAttached{kind}Policies"), &[(&key, name)]).await;
        assert!(attached.contains(&format!("crossrole-caller-{lower}-{name}")) && attached.matches("<PolicyArn>").count() == 10, "{attached}");
    }
}

/// A role's policies, one exchanged for another; and all of them at once.
#[tokio::test(start_paused = true)]
async fn a_role_that_is_full_exchanges_its_policies() {
    let place = Place::new(Options::default());
    let text = |from: usize| {
        let list: Vec<String> = (from..from + 10).map(|n| format!("\"P{n}\"")).collect();
        let mut text = format!(
            "name = \"exchange\"\n[trusting]\naccount = \"{TRUSTING}\"\n[roles.R]\npolicies = [{}]\n[[roles.R.trust]]\nservice = \"ec2.amazonaws.com\"\n",
            list.join(", ")
        );
        for n in from..from + 10 {
            text.push_str(&format!("[policies.P{n}]\n[[policies.P{n}.allow]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n"));
        }
        text
    };
    for from in [0, 1, 11] {
        reached(&place, &manifest(&format!("quotas-exchange-{from}"), &text(from))).await;
    }
    let attached = place.iam(TRUSTING, "ListAttachedRolePolicies", &[("RoleName", "R")]).await;
    assert_eq!(attached.matches("<PolicyArn>").count(), 10, "{attached}");
}

/// A user in ten groups leaves one and joins another.
#[tokio::test(start_paused = true)]
async fn a_user_in_as_many_groups_as_may_be_moves() {
    let place = Place::new(Options::default());
    let text = |from: usize| {
        let mut text = format!("name = \"moves\"\n[trusting]\naccount = \"{TRUSTING}\"\n[trusted.dev]\naccount = \"{DEV}\"\n[trusted.dev.users.ann]\n");
        for n in 0..12 {
            let members = if (from..from + 10).contains(&n) { "\"ann\"" } else { "" };
            text.push_str(&format!("[trusted.dev.groups.G{n}]\nmembers = [{members}]\n[roles.R{n}]\n[[roles.R{n}.trust]]\ngroup = \"dev/G{n}\"\n"));
        }
        text
    };
    for from in [0, 1, 2, 0] {
        reached(&place, &manifest(&format!("quotas-moves-{from}"), &text(from))).await;
    }
    let groups = place.iam(DEV, "ListGroupsForUser", &[("UserName", "ann")]).await;
    assert_eq!(groups.matches("<GroupName>").count(), 10, "{groups}");
}

/// A path that changes makes the object anew, at the quota of its kind.
#[tokio::test(start_paused = true)]
async fn an_account_full_of_roles_exchanges_one() {
    let place = Place::new(Options { role_quota: 5, ..Options::default() });
    let text = |from: usize, path: &str| {
        let mut text = format!("name = \"roles\"\n[trusting]\naccount = \"{TRUSTING}\"\n");
        for n in from..from + 5 {
            text.push_str(&format!("[roles.R{n}]\npath = \"{path}\"\n[[roles.R{n}.trust]]\nservice = \"ec2.amazonaws.com\"\n"));
        }
        text
    };
    for (from, path) in [(0, "/"), (1, "/"), (1, "/app/"), (6, "/")] {
        reached(&place, &manifest(&format!("quotas-roles-{from}-{}", path.len()), &text(from, path))).await;
    }
}
