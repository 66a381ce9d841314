//! What a plan changes and no policy that was read tells of, from what was read to what is said.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::{Objects, delta};
use crossrole_model::observed::{AccountState, ObservedBucket, ObservedPolicy, ObservedRole, Unreadable};
use crossrole_model::state::{BucketPolicyState, BucketState, PolicyState, PublicAccessBlock, RoleState, Tags};
use crossrole_model::{AccountId, Action, Address, Change, Kind, ObjectState, Observation, Observed, Partition, Reason};

use crate::delta::{allow, document};

const OWNER: &str = "222222222222";
const ONE: &str = r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;
const PUBLIC: &str = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/public/*"}"#;
const P: &str = "arn:aws:iam::222222222222:policy/P";

fn owner() -> AccountId {
    AccountId::parse(OWNER).unwrap()
}

fn settings(block: Option<bool>, ownership: Option<&str>, tags: &[(&str, &str)]) -> BucketState {
    BucketState {
        public_access_block: block.map(PublicAccessBlock::all),
        ownership: ownership.map(str::to_owned),
        tags: Some(tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()),
        ..BucketState::unstated("us-east-1")
    }
}

/// One bucket of the account, as it was read, and its account's block: `None`, where that could not be read.
fn bucket(policy: &str, state: BucketState, account: Option<bool>) -> Observed {
    let mut observed = Observed::default();
    let policy = Observation::Known(BucketPolicyState { document: Some(document(policy)) });
    observed.buckets.insert("data".to_owned(), Observation::Known(Some(ObservedBucket { state, policy, encryption: None, owner_unread: None })));
    observed.bucket_accounts.insert("data".to_owned(), owner());
    let block = account.map_or_else(|| Observation::Unreadable(Unreadable::not_tried("it")), |on| Observation::Known(PublicAccessBlock::all(on)));
    observed.account_blocks.insert(owner(), block);
    observed
}

fn role(path: &str, trust: &str, inline: &str, tags: &[(&str, &str)]) -> RoleState {
    RoleState {
        path: path.to_owned(),
        trust: document(trust),
        description: String::new(),
        max_session_seconds: 3_600,
        boundary: None,
        tags: tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
        inline: BTreeMap::from([("own".to_owned(), document(inline))]),
        attached: BTreeSet::new(),
    }
}

fn with_role(mut observed: Observed, name: &str, state: RoleState, complete: bool) -> Observed {
    let mut account = AccountState { complete, ..AccountState::default() };
    let id = "AROAEXAMPLEEXAMPLE123".to_owned();
    account.roles.insert(name.to_lowercase(), ObservedRole { name: name.to_owned(), id, state, instance_profiles: BTreeSet::new() });
    let text = document(&allow("s3:GetObject", "arn:aws:s3:::other/*"));
    let state = PolicyState { path: "/".to_owned(), description: String::new(), document: text, tags: Tags::new() };
    account.policies.insert("p".to_owned(), ObservedPolicy { name: "P".to_owned(), arn: P.to_owned(), state, old_versions: Vec::new(), history: Vec::new() });
    observed.accounts.insert(owner(), Observation::Known(account));
    observed
}

fn change(kind: Kind, name: &str, before: Option<ObjectState>, after: ObjectState) -> Change {
    let action = match (&before, &after) {
        (None, _) => Action::Create,
        (Some(ObjectState::Role(old)), ObjectState::Role(new)) if old.path != new.path => Action::Replace,
        _ => Action::Update,
    };
    let address = Address::new(&owner(), kind, name);
    Change { address, action, before, after: Some(after), reasons: vec![Reason::Missing], consequences: Vec::new(), manifest: "m".to_owned() }
}

fn policy(statements: &str) -> ObjectState {
    ObjectState::BucketPolicy(BucketPolicyState { document: Some(document(statements)) })
}

/// What is said of these changes.
fn said(observed: &Observed, changes: &[Change]) -> Vec<String> {
    let mut objects = Objects::observed(observed, Partition::default());
    let before = objects.estate();
    objects.apply(changes);
    crossrole_report::access_lines(&delta(&before, &objects.estate()), crossrole_report::View::default())
}

fn begins(lines: &[String], start: &str) -> bool {
    lines.iter().any(|line| line.starts_with(start))
}

/// The most restrictive of both blocks counts: what is public closes the bucket to those whom other statements name, and taking it out lets
/// them in.
#[test]
fn the_accounts_block_counts_where_a_policy_is_public() {
    let (both, one) = (format!("{ONE},{PUBLIC}"), ONE);
    let gains = "+ any principal of 111111111111 that its own policies let gains s3:GetObject on data/*";
    let unknown = "? any principal of any other account on bucket data: not decided: its policy is public, and whether";
    for (own, account, gained, undecided) in [
        (Some(false), Some(true), true, false),
        (Some(true), Some(false), true, false),
        (Some(true), None, true, false),
        (Some(false), Some(false), false, false),
        (Some(false), None, false, true),
        (None, Some(false), false, true),
        (None, Some(true), true, false),
    ] {
        for out in [true, false] {
            let (from, to) = if out { (both.as_str(), one) } else { (one, both.as_str()) };
            let lines = said(&bucket(from, settings(own, None, &[]), account), &[change(Kind::BucketPolicy, "data", Some(policy(from)), policy(to))]);
            let case = format!("{own:?} {account:?} {out}: {lines:#?}");
            assert_eq!(begins(&lines, gains), gained && out, "{case}");
            assert_eq!(begins(&lines, &gains.replacen("+ ", "- ", 1).replace(" gains ", " loses ")), gained && !out, "{case}");
            assert_eq!(begins(&lines, unknown), undecided, "{case}");
            assert_eq!(begins(&lines, "- anyone, without signing in loses"), !gained && out, "{case}");
        }
    }
    // Where nothing is public, nobody has to know.
    let other = ONE.replace("GetObject", "PutObject");
    let lines = said(&bucket(one, settings(None, None, &[]), None), &[change(Kind::BucketPolicy, "data", Some(policy(one)), policy(&other))]);
    assert!(!lines.iter().any(|line| line.starts_with('?')), "{lines:#?}");
}

/// What the manifest does not say of a bucket stays as it was read.
#[test]
fn a_block_that_is_not_said_stays() {
    let live = settings(Some(true), None, &[]);
    let tagged = settings(None, None, &[("team", "red")]);
    let observed = bucket(&format!("{ONE},{PUBLIC}"), live.clone(), Some(false));
    assert_eq!(said(&observed, &[change(Kind::Bucket, "data", Some(ObjectState::Bucket(live)), ObjectState::Bucket(tagged))]), Vec::<String>::new());
}

/// All four settings are on in a bucket that is new, and the plan promises nothing of a policy that is closed by them.
#[test]
fn a_new_bucket_is_closed_to_the_public() {
    for (block, open) in [(None, false), (Some(true), false), (Some(false), true)] {
        let mut observed = Observed::default();
        observed.account_blocks.insert(owner(), Observation::Known(PublicAccessBlock::all(false)));
        let made = change(Kind::Bucket, "data", None, ObjectState::Bucket(settings(block, None, &[])));
        let lines = said(&observed, &[made, change(Kind::BucketPolicy, "data", None, policy(PUBLIC))]);
        assert_eq!(begins(&lines, "+ anyone, without signing in gains s3:GetObject on data/public/*"), open, "{block:?}: {lines:#?}");
        assert!(!lines.iter().any(|line| line.starts_with('?')), "{lines:#?}");
    }
}

/// ACLs stay as they are while they do not count, and objects whoever wrote them.
#[test]
fn what_acls_and_owners_change_is_not_decided() {
    let (enforced, preferred, writer) = (Some("BucketOwnerEnforced"), Some("BucketOwnerPreferred"), Some("ObjectWriter"));
    let (count, no_more, owners) = ("which are not read, will count", "which are not read, will not count any more", "who owns objects");
    for (from, to, expected) in [
        ((Some(false), enforced), (None, writer), vec![count, owners]),
        ((Some(false), writer), (None, enforced), vec![no_more, owners]),
        ((Some(false), writer), (None, preferred), vec![owners]),
        ((Some(false), None), (None, writer), vec![]),
        ((Some(true), preferred), (Some(false), None), vec![count]),
        ((Some(false), preferred), (Some(true), None), vec![no_more]),
        ((Some(true), None), (Some(false), None), vec![count]),
        ((Some(true), enforced), (Some(false), None), vec![]),
        ((Some(false), enforced), (Some(true), None), vec![]),
        // Public ones do not count in either, others do.
        ((Some(true), writer), (None, enforced), vec![no_more, owners]),
    ] {
        let (live, wanted) = (settings(from.0, from.1, &[]), settings(to.0, to.1, &[]));
        let observed = bucket(ONE, live.clone(), None);
        let lines = said(&observed, &[change(Kind::Bucket, "data", Some(ObjectState::Bucket(live)), ObjectState::Bucket(wanted.clone()))]);
        let found: Vec<&str> = [count, no_more, owners].into_iter().filter(|text| lines.iter().any(|line| line.contains(text))).collect();
        assert_eq!(found, expected, "{from:?} {to:?}: {lines:#?}");
        // A bucket that is new has none.
        let made = said(&Observed::default(), &[change(Kind::Bucket, "data", None, ObjectState::Bucket(wanted))]);
        assert_eq!(made, Vec::<String>::new());
    }
}

/// Where single objects alone were read, others may have a policy that changes, or rest on tags that do.
#[test]
fn who_else_there_is_is_not_decided_where_it_was_not_read() {
    let trust = r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}"#;
    let state = |team: &str| role("/", trust, &allow("s3:GetObject", "arn:aws:s3:::data/*"), &[("team", team)]);
    for complete in [false, true] {
        let observed = with_role(bucket(ONE, settings(None, None, &[("team", "red")]), None), "R", state("red"), complete);
        let new = PolicyState {
            path: "/".to_owned(),
            description: String::new(),
            document: document(&allow("s3:GetObject", "arn:aws:s3:::secret/*")),
            tags: Tags::new(),
        };
        let old = PolicyState { document: document(&allow("s3:GetObject", "arn:aws:s3:::other/*")), ..new.clone() };
        let of = |name: &str| format!("? any principal of 222222222222 on {name}: not decided: only single objects of the account were read");
        for (name, change) in [
            (P, change(Kind::Policy, "P", Some(ObjectState::Policy(old)), ObjectState::Policy(new))),
            ("arn:aws:iam::222222222222:role/R", change(Kind::Role, "R", Some(ObjectState::Role(state("red"))), ObjectState::Role(state("blue")))),
            (
                "arn:aws:s3:::data",
                change(
                    Kind::Bucket,
                    "data",
                    Some(ObjectState::Bucket(settings(None, None, &[("team", "red")]))),
                    ObjectState::Bucket(settings(None, None, &[("team", "blue")])),
                ),
            ),
        ] {
            let lines = said(&observed, &[change]);
            assert_eq!(begins(&lines, &of(name)), !complete, "{name} {complete}: {lines:#?}");
        }
    }
}

/// A role that is made anew has another unique id: statements that name the old one name nobody, whether they let it in or keep it out.
#[test]
fn statements_that_name_a_role_made_anew_are_lost() {
    let arn = |path: &str| format!("arn:aws:iam::222222222222:role{path}R");
    let names = |effect: &str, path: &str, action: &str| {
        format!(r#"{{"Effect":"{effect}","Principal":{{"AWS":"{}"}},"Action":"{action}","Resource":"arn:aws:s3:::data/*"}}"#, arn(path))
    };
    let trust = r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}"#;
    let own = allow("s3:GetObject", "arn:aws:s3:::data/*");
    for (complete, live, kept) in [(true, "/", true), (false, "/app/", true), (true, "/app/", false)] {
        let (old, new) = (role(live, trust, &own, &[]), role("/x/", trust, &own, &[]));
        let replaced = || change(Kind::Role, "R", Some(ObjectState::Role(old.clone())), ObjectState::Role(new.clone()));
        let run = |text: &str, more: &str| {
            let observed = with_role(bucket(text, settings(None, None, &[]), None), "R", old.clone(), complete);
            let mut changes = vec![replaced()];
            // The same plan may write the policy: what is kept there is what was read.
            if kept {
                changes.push(change(Kind::BucketPolicy, "data", Some(policy(text)), policy(&format!("{text}{more}"))));
            }
            said(&observed, &changes)
        };
        let [was, is] = [live, "/x/"].map(|path| format!("role {}R of 222222222222", path.trim_start_matches('/')));
        // A Deny is escaped.
        let lines = run(&names("Deny", live, "s3:GetObject"), "");
        assert!(begins(&lines, &format!("+ {is} gains s3:GetObject on data/*")), "{lines:#?}");
        // An Allow is lost.
        let lines = run(&names("Allow", live, "s3:PutObject"), "");
        assert!(lines.iter().any(|line| line.starts_with(&format!("- {was} loses ")) && line.ends_with("s3:PutObject on data/*")), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.starts_with("+ ") && line.contains("s3:PutObject")), "{lines:#?}");
        // What the plan writes names the new one.
        if kept {
            let lines = run(&names("Allow", live, "s3:PutObject"), &format!(",{}", names("Allow", "/x/", "s3:PutObject")));
            assert!(lines.iter().any(|line| line.starts_with(&format!("+ {is} gains ")) && line.ends_with("s3:PutObject on data/*")), "{lines:#?}");
        }
    }
}

/// AWS takes the unique id of a principal that is there, and lets it in.
#[test]
fn an_id_that_is_written_and_nobodys_is_not_decided() {
    let named = ONE.replace("111111111111", "AIDAEXAMPLEEXAMPLE123");
    let observed = bucket(ONE, settings(None, None, &[]), None);
    let both = format!("{ONE},{named}");
    let lines = said(&observed, &[change(Kind::BucketPolicy, "data", Some(policy(ONE)), policy(&both))]);
    assert_eq!(lines, ["? AIDAEXAMPLEEXAMPLE123 on bucket data: not decided: it is a unique id, and whose it is is not known"]);
    // One that is left of a deleted principal, and goes.
    let observed = bucket(&both, settings(None, None, &[]), None);
    assert_eq!(said(&observed, &[change(Kind::BucketPolicy, "data", Some(policy(&both)), policy(ONE))]), Vec::<String>::new());
}

/// `s3:BucketTag/KEY` is the tag of the bucket, where its tags decide access, as `aws:ResourceTag/KEY` is.
#[test]
fn a_buckets_tag_by_either_name_is_not_decided() {
    for key in ["aws:ResourceTag/team", "s3:BucketTag/team", "S3:buckettag/TEAM"] {
        let asks =
            format!(r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{{"StringEquals":{{"{key}":"blue"}}}}}}"#);
        let names = asks.replacen(r#""Action""#, r#""Principal":{"AWS":"111111111111"},"Action""#, 1);
        let trust = r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}"#;
        let observed = with_role(bucket(&names, settings(None, None, &[("team", "red")]), None), "R", role("/", trust, &asks, &[]), true);
        let [old, new] = ["red", "blue"].map(|team| ObjectState::Bucket(settings(None, None, &[("team", team)])));
        let lines = said(&observed, &[change(Kind::Bucket, "data", Some(old), new)]);
        for who in ["role R of 222222222222", "any principal of 111111111111"] {
            assert!(begins(&lines, &format!("? {who} on arn:aws:s3:::data: not decided: the tags of the resource change")), "{key} {who}: {lines:#?}");
        }
    }
}
