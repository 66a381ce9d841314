//! What manifests leave behind: in accounts that they are of no longer, and of what they name no more.

use crossrole_manifest::Surroundings;
use crossrole_model::{AccountId, Address, ErrorClass, Kind, Observation, Observed, Plan, Source, Unreadable};
use crossrole_planner::{Options, check, plan, scope};

use crate::rows::{self, lines};
use crate::world::{account, add_bucket, bucket, carry_out, estate, id, look};

const A: &str = "222222222201";
const B: &str = "222222222202";
const LISTED: &str = "[accounts.a]\nid = \"222222222201\"\n[accounts.b]\nid = \"222222222202\"\n";

fn no() -> Unreadable {
    Unreadable { class: Some(ErrorClass::Denied), why: "no".into() }
}

/// What is planned of a manifest that is of the first account and was of both, and of which `seen` is what can be read.
fn planned(body: &str, seen: impl Fn(&mut Observed)) -> Plan {
    let text = format!("name = \"m\"\n[trusting]\naccounts = [\"a\"]\n{body}");
    let surroundings = Surroundings { directory: Some(Source { file: "accounts.toml".into(), text: LISTED.into() }), ..Surroundings::default() };
    let (desired, findings) = crossrole_manifest::load_in(&[Source { file: "m.toml".into(), text }], &surroundings);
    let desired = desired.unwrap_or_else(|| panic!("{findings:?}"));
    let mut live = estate(&[A, B]);
    for of in [A, B] {
        add_bucket(&mut live, of, &format!("data-{of}"), "us-east-1");
    }
    let mut observed = look(&live, &scope(&desired));
    seen(&mut observed);
    let plan = plan(&desired, &observed, &Options::default());
    assert_eq!(check(&plan), []);
    plan
}

const BODY: &str = "[buckets.\"data-{account}\"]\n[policies.P]\n[[policies.P.allow]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n";

#[test]
fn what_an_account_has_that_a_manifest_has_left_is_never_passed_over() {
    let of = |name: &str, seen: &dyn Fn(&mut Observed)| {
        let plan = planned(BODY, seen);
        let withheld: Vec<String> = lines(&plan).into_iter().filter(|line| !line.starts_with('+')).collect();
        (name.to_owned(), plan.is_blocked(), withheld)
    };
    let account_of = |e: &mut Observed, of: &str| drop(e.accounts.insert(id(of), Observation::Unreadable(no())));
    let policy = Address::new(&AccountId::parse(B).unwrap(), Kind::Policy, "P");
    let tags_unread = |e: &mut Observed, name: &str| {
        let found = bucket(e, name);
        (found.state.tags, found.owner_unread) = (None, Some(no()));
    };
    let cases = [
        (of("all of it", &|_| {}), false, ""),
        (of("nothing of it", &|e| account_of(e, B)), true, "! account b: Unreadable no"),
        (of("single objects", &|e| account(e, &id(B)).complete = false), true, "! pruning in b: Incomplete(None)"),
        (of("single objects of one that it is of", &|e| account(e, &id(A)).complete = false), false, "? pruning in a: Incomplete(None)"),
        (of("a policy", &|e| drop(account(e, &id(B)).unreadable.insert(policy.clone(), no()))), true, "! 222222222202policy/P: Unreadable no"),
        (of("a bucket", &|e| tags_unread(e, "data-222222222202")), true, "! 222222222202bucket/data-222222222202: Unreadable no"),
        (
            of("its policy", &|e| bucket(e, "data-222222222202").policy = Observation::Unreadable(no())),
            true,
            "! 222222222202bucket-policy/data-222222222202: Unreadable no",
        ),
    ];
    for ((name, blocked, withheld), expected, line) in cases {
        assert_eq!((blocked, withheld.join("\n")), (expected, line.to_owned()), "{name}");
    }
}

/// Who is let in by what is live and named by nobody is in an account that is not looked at.
#[test]
fn an_account_that_is_named_no_more_is_said() {
    let with = |body: &str| format!("{}{body}", rows::manifest("").replace(rows::DEV, "444444444444"));
    let dev = "[trusted.gone]\naccount = \"333333333333\"\nmanage = false\n";
    let said = "? account not named: Unnamed";
    let changes = |text: &str, before: &str, options: &Options| {
        let (before, now) = (rows::desired(before), rows::desired(text));
        let mut live = estate(&[rows::PROD, "444444444444"]);
        add_bucket(&mut live, rows::PROD, "data-bucket", "us-east-1");
        let first = plan(&before, &look(&live, &scope(&before)), &Options::default());
        first.steps.iter().for_each(|step| assert_eq!(carry_out(&mut live, &step.account, &step.call), Ok(())));
        lines(&plan(&now, &look(&live, &scope(&now)), options))
    };
    let unsaid = |lines: Vec<String>| !lines.iter().any(|line| line.contains("Unnamed"));
    let none = Options::default();
    for body in
        ["[roles.R]\n[[roles.R.trust]]\naccount = \"444\"\n", "[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\naccount = \"444\"\naccess = \"read\"\n"]
    {
        let (here, gone) = (with(&body.replace("444", "dev")), with(&format!("{dev}{}", body.replace("444", "gone"))));
        assert!(changes(&here, &gone, &none).contains(&said.to_owned()), "{gone}");
        // What names it by its ARN names it, and what is taken back says no more than what it was.
        let by_arn = here.clone() + "[roles.ByArn]\n[[roles.ByArn.trust]]\nprincipal = \"arn:aws:iam::333333333333:root\"\n";
        assert!(unsaid(changes(&by_arn, &gone, &none)), "{gone}");
        assert!(unsaid(changes(&by_arn, &by_arn, &Options { destroy: true, ..Options::default() })), "{gone}");
        // It is still there, without what uses it.
        assert!(unsaid(changes(&format!("{here}{dev}"), &gone, &none)), "{gone}");
    }
}
