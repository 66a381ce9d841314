//! Differences at keys, a case each: every one was missed, or said of somebody else, once.

use std::collections::BTreeSet;

use crossrole_access::estate::{BucketKey, Estate, Guarded, Placed};
use crossrole_access::{Objects, Question, Reach, who_can};
use crossrole_model::access::{About, Assumption, Because, Beside, Decision, Direction, Fix, Hop, Party, Undecided, Why};
use crossrole_model::observed::{KeyState, Observed, ObservedBucket};
use crossrole_model::state::{BucketPolicyState, BucketState, Encryption};
use crossrole_model::{AccountId, Observation, Partition, Unreadable};

use crate::delta::{APP, QUIET, TRUST_APP, document, estate, lines};
use crate::missed::{NONE, has};

const KEY: &str = "arn:aws:kms:eu-west-1:222222222222:key/k";

/// The key leaves it to nobody but its own root user.
const SHUT: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":"kms:DescribeKey","Resource":"*"}"#;

fn with_key(mut estate: Estate, policy: &str) -> Estate {
    let policy = if policy == SHUT { SHUT.to_owned() } else { format!("{SHUT},{policy}") };
    let guarded = Guarded { account: "222222222222".to_owned(), policy: Some(Placed::new(document(&policy), "key")), restrict_public: false };
    estate.keys.insert(KEY.to_owned(), guarded);
    estate
}

/// The lines for a policy that comes.
fn key(policy: &str) -> Vec<String> {
    let side = |policy: &str| with_key(estate(NONE, &[], TRUST_APP, QUIET), policy);
    lines(&side(SHUT), &side(policy))
}

fn letting(principal: &str, action: &str, condition: &str) -> String {
    format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"{action}","Resource":"*","Condition":{{{condition}}}}}"#)
}

#[test]
fn a_star_on_a_key_is_every_action_of_kms() {
    let said = key(&letting(r#"{"AWS":"111111111111"}"#, "*", ""));
    assert_eq!(said, [format!("+ any principal of 111111111111 that its own policies let gains kms:* on {KEY}")]);
}

#[test]
fn a_bare_star_lets_services_in_and_nobody_unsigned() {
    let said = key(&letting(r#""*""#, "kms:Decrypt", ""));
    assert!(has(&said, &["+ any service gains kms:Decrypt"]), "{said:#?}");
    assert!(!has(&said, &["without signing in"]), "{said:#?}");
}

#[test]
fn the_account_that_kms_names_is_the_callers() {
    let said = key(&letting(r#"{"AWS":"*"}"#, "kms:Decrypt", r#""StringEquals":{"kms:CallerAccount":"111111111111"}"#));
    assert_eq!(said, [format!("+ any principal of 111111111111 that its own policies let gains kms:Decrypt on {KEY}")]);
    // Other services do not have the key.
    let open = r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"kms:CallerAccount":"111111111111"}}}"#;
    let side = |bucket: &str| estate(NONE, &[], TRUST_APP, bucket);
    assert!(lines(&side(QUIET), &side(&format!("{QUIET},{open}"))).is_empty());
}

#[test]
fn what_is_said_of_other_resources_is_not_said_of_a_key_that_has_a_policy() {
    let all = r#"{"Effect":"Allow","Action":["kms:Decrypt","sqs:*"],"Resource":"*"}"#;
    let said = lines(&with_key(estate(NONE, &[], TRUST_APP, QUIET), SHUT), &with_key(estate(&format!("{NONE},{all}"), &[], TRUST_APP, QUIET), SHUT));
    assert!(!said.is_empty() && said.iter().filter(|l| l.contains("kms:Decrypt")).all(|l| l.contains(&format!("except {KEY}"))), "{said:#?}");
}

#[test]
fn sessions_that_may_no_longer_bring_tags_lose_what_a_key_asks_them_for() {
    let trust = |actions: &str| format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":{actions}}}"#);
    let asks = letting(r#"{"AWS":"*"}"#, "kms:Decrypt", r#""StringEquals":{"aws:PrincipalTag/team":"blue"}"#);
    let side = |actions: &str| with_key(estate(NONE, &[], &trust(actions), QUIET), &asks);
    let said = lines(&side(r#"["sts:AssumeRole","sts:TagSession"]"#), &side(r#""sts:AssumeRole""#));
    assert!(has(&said, &["- role App of 222222222222 loses kms:Decrypt", "aws:PrincipalTag/team is blue"]), "{said:#?}");
}

#[test]
fn nobody_is_said_to_be_without_a_key_that_names_some_of_them() {
    let open = format!(
        r#"{QUIET},{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{{"StringNotEquals":{{"aws:PrincipalType":"Anonymous"}}}}}}"#
    );
    let side = |bucket: &str, policy: &str| {
        let mut estate = with_key(estate(NONE, &[], TRUST_APP, bucket), policy);
        let key = BucketKey { arn: KEY.to_owned(), bucket_key: true, region: "eu-west-1".to_owned() };
        estate.bucket_keys.insert("data".to_owned(), key);
        estate
    };
    for (policy, others, services) in [
        (SHUT.to_owned(), true, true),
        (letting(r#"{"AWS":"333333333333"}"#, "kms:Decrypt", ""), false, true),
        (letting(r#"{"Service":"ec2.amazonaws.com"}"#, "kms:Decrypt", ""), true, false),
    ] {
        let said = lines(&side(QUIET, &policy), &side(&open, &policy));
        for (who, without) in [("any principal of any other account", others), ("any service", services)] {
            let line = said.iter().find(|l| l.contains(who) && l.contains("s3:GetObject"));
            assert_eq!(line.map(|l| l.contains("but not what is encrypted")), Some(without), "{policy}: {said:#?}");
        }
    }
}

/// S3 lets a role of another account read, and nobody has read the policy of the key.
fn unread_key(open: bool) -> Estate {
    let grant = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/App"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;
    let mut estate = estate(NONE, &[], TRUST_APP, if open { grant } else { QUIET });
    let key = BucketKey { arn: KEY.to_owned(), bucket_key: false, region: "eu-west-1".to_owned() };
    estate.bucket_keys.insert("data".to_owned(), key);
    estate
}

const OBJECT: &str = "arn:aws:s3:::data/x";

fn asked(principal: &str, action: &str) -> Question {
    let context = crossrole_access::Context::default();
    let (principal, action, resource) = (principal.to_owned(), action.to_owned(), OBJECT.to_owned());
    Question { principal, via: Vec::new(), action, resource, resource_account: None, context, unread_allows: false }
}

#[test]
fn a_key_that_was_not_read_is_said_to_be_unknown_and_lets_nobody() {
    let said = lines(&unread_key(false), &unread_key(true));
    let ends = "; what is encrypted with key k of 222222222222 only as far as that lets it, whose policy was not read";
    assert!(said.iter().any(|l| l.starts_with("+ role App of 222222222222 gains s3:GetObject on data/*") && l.ends_with(ends)), "{said:#?}");
    let said = lines(&unread_key(true), &unread_key(false));
    assert!(!said.is_empty() && !said.iter().any(|l| l.contains("encrypted")), "what goes goes whatever the key says: {said:#?}");
    // Of a way to what it encrypts, that it is not known is said, and not that there is one, or none; to what it does not, there is one.
    let reach = who_can(&unread_key(true), "s3:GetObject", OBJECT, None);
    let party = crossrole_model::access::Party::Role { arn: APP.to_owned() };
    let undecided = |u: &Undecided| u.party == party && u.about == About::Key(KEY.to_owned()) && u.why == Why::NotRead;
    assert!(reach.ways.is_empty() && reach.undecided.iter().any(undecided), "{reach:#?}");
    assert_eq!(beside_key(&reach), one());
}

fn one() -> BTreeSet<String> {
    BTreeSet::from([APP.to_owned()])
}

/// A line about a bucket and its objects says of these what their key does; and the line of a key that nobody has read says that.
#[test]
fn lines_of_a_bucket_and_its_objects_say_what_the_key_does() {
    let reads = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/App"},"Action":["s3:GetObject","s3:ListBucket"],"Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"]}"#;
    let side = |bucket: &str, keyed: bool, unread: bool| {
        let mut estate = with_key(estate(NONE, &[], TRUST_APP, bucket), SHUT);
        let key = BucketKey { arn: KEY.to_owned(), bucket_key: true, region: "eu-west-1".to_owned() };
        estate.bucket_keys = keyed.then(|| ("data".to_owned(), key)).into_iter().collect();
        estate.encryption_unread = unread.then(|| "data".to_owned()).into_iter().collect();
        estate
    };
    let unread = "; as far as what objects there are encrypted with lets it, which was not read";
    for (keyed, not_read, ends) in [
        (true, false, "; but not what is encrypted with key k of 222222222222, which it may not use for that"),
        (false, true, unread),
        (false, false, "gains s3:GetObject, s3:ListBucket on data, data/*"),
    ] {
        let said = lines(&side(QUIET, keyed, not_read), &side(reads, keyed, not_read));
        let line = said.iter().find(|line| line.starts_with("+ role App of 222222222222 gains s3:GetObject, s3:ListBucket on data, data/*"));
        assert!(line.is_some_and(|line| line.ends_with(ends)), "{keyed} {not_read}: {said:#?}");
    }
    let app = |more: &str| estate(&format!("{NONE}{more}"), &[], TRUST_APP, QUIET);
    let decrypts = format!(r#",{{"Effect":"Allow","Action":"kms:Decrypt","Resource":"{KEY}"}}"#);
    let said = lines(&app(""), &app(&decrypts));
    assert!(said.iter().any(|l| l.contains("gains kms:Decrypt on") && l.ends_with("whose policy was not read")), "{said:#?}");
    let known = |more: &str| with_key(app(more), &letting(r#"{"AWS":"arn:aws:iam::222222222222:root"}"#, "kms:*", ""));
    let said = lines(&known(""), &known(&decrypts));
    assert!(said.iter().any(|l| l.contains("gains kms:Decrypt on")) && !said.iter().any(|l| l.contains("not read")), "{said:#?}");
}

/// Who reaches alone what is not encrypted with the bucket's key: the beginnings of the ways.
fn beside_key(reach: &Reach) -> BTreeSet<String> {
    let without = reach.beside.iter().find_map(|beside| match beside {
        Beside::WithoutKey { key, ways } if key == KEY => Some(ways),
        _ => None,
    });
    let begins = |way: &'_ Vec<Hop>| way.first().map(|hop| hop.party.clone());
    let arn = |party| match party {
        Party::Role { arn } | Party::User { arn } => Some(arn),
        _ => None,
    };
    without.into_iter().flatten().filter_map(begins).filter_map(arn).collect()
}

/// Where the key lets not everybody whom S3 lets, the others reach what is encrypted otherwise, through roles too; and of uploads,
/// what one says by itself is what it needs.
#[test]
fn what_is_encrypted_otherwise_takes_nothing_of_the_buckets_key() {
    const SSE: &str = "s3:x-amz-server-side-encryption";
    const SSE_KEY: &str = "s3:x-amz-server-side-encryption-aws-kms-key-id";
    const SSE_C: &str = "s3:x-amz-server-side-encryption-customer-algorithm";
    let trust = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/Ci"},"Action":"sts:AssumeRole"}"#;
    let bucket = r#"{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::222222222222:role/App","arn:aws:iam::222222222222:role/Ci"]},"Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::data/*"}"#;
    let app = r#"{"AWS":"arn:aws:iam::222222222222:role/App"}"#;
    let actions = "kms:*";
    let side = |key: &str| {
        let mut estate = with_key(estate(NONE, &[], trust, bucket), key);
        estate.bucket_keys.insert("data".to_owned(), BucketKey { arn: KEY.to_owned(), bucket_key: false, region: "eu-west-1".to_owned() });
        estate
    };
    for action in ["s3:GetObject", "s3:PutObject"] {
        let (shut, open, at_times) =
            (side(SHUT), side(&letting(app, actions, "")), side(&letting(app, actions, r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#)));
        let of = |estate: &Estate| who_can(estate, action, OBJECT, None);
        assert!(of(&shut).ways.is_empty() && beside_key(&of(&shut)).contains(APP), "{action}: {:#?}", of(&shut));
        assert!(!of(&open).ways.is_empty() && !beside_key(&of(&open)).contains(APP), "{action}: {:#?}", of(&open));
        assert!(!of(&at_times).ways.is_empty() && beside_key(&of(&at_times)).contains(APP), "{action}: {:#?}", of(&at_times));
    }
    let shut = side(SHUT);
    let put = |action: &str, said: &[(&str, &str)]| {
        let mut question = asked(APP, action);
        for (key, value) in said {
            question.context.set(key, *value);
        }
        shut.ask(&question)
    };
    let another = "arn:aws:kms:eu-west-1:222222222222:key/another";
    for (action, said, asks_for) in [
        ("s3:PutObject", &[][..], Some(KEY)),
        ("s3:PutObject", &[(SSE, "AES256")], None),
        ("s3:PutObject", &[(SSE, "aws:kms")], Some(KEY)),
        ("s3:PutObject", &[(SSE, "aws:kms"), (SSE_KEY, another)], Some(another)),
        ("s3:PutObject", &[(SSE, "aws:kms:dsse"), (SSE_KEY, another)], Some(another)),
        ("s3:PutObject", &[(SSE_C, "AES256")], None),
        ("s3:GetObject", &[(SSE, "AES256")], Some(KEY)),
        ("s3:GetObject", &[(SSE_C, "AES256")], None),
    ] {
        let answers = put(action, said);
        let key = answers.iter().find(|answer| answer.action.starts_with("kms:"));
        assert_eq!(key.map(|key| key.resource.as_str()), asks_for, "{action} {said:?}: {answers:#?}");
        assert_eq!(answers.last().unwrap().is_allowed(), asks_for.is_none(), "{action} {said:?}");
        let supposed = Assumption::AsItsBucket { key: KEY.to_owned() };
        assert_eq!(answers.last().unwrap().assumed.contains(&supposed), asks_for == Some(KEY), "{action} {said:?}");
    }
}

/// S3 asks KMS where the bucket is, whatever region is called.
#[test]
fn a_key_is_asked_for_in_the_region_of_its_bucket() {
    let bucket = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/App"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;
    for (region, may) in [("eu-west-1", true), ("us-east-1", false)] {
        let own = format!(r#"{{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{{"StringEquals":{{"aws:RequestedRegion":"{region}"}}}}}}"#);
        let mut side = with_key(estate(&own, &[], TRUST_APP, bucket), &letting(r#"{"AWS":"222222222222"}"#, "kms:*", ""));
        side.bucket_keys.insert("data".to_owned(), BucketKey { arn: KEY.to_owned(), bucket_key: false, region: "eu-west-1".to_owned() });
        let answers = side.ask(&asked(APP, "s3:GetObject"));
        assert_eq!((answers.len(), answers.last().unwrap().is_allowed()), (2, may), "{region}: {answers:#?}");
        let reach = who_can(&side, "s3:GetObject", OBJECT, None);
        assert_eq!(!beside_key(&reach).contains(APP), may, "{region}: {reach:#?}");
    }
}

#[test]
fn a_bucket_of_which_the_encryption_was_not_read_is_said_to_be_so() {
    let mut estate = unread_key(true);
    estate.bucket_keys.clear();
    let assumption = Assumption::Encryption { bucket: "data".to_owned() };
    for (unread, action, told) in [(true, "s3:GetObject", true), (true, "s3:GetObjectTagging", false), (false, "s3:GetObject", false)] {
        estate.encryption_unread = unread.then(|| "data".to_owned()).into_iter().collect();
        let answers = estate.ask(&asked(APP, action));
        assert_eq!(answers[0].assumed.contains(&assumption), told, "{action}: {answers:#?}");
        let reach = who_can(&estate, action, OBJECT, None);
        assert_eq!(reach.undecided.iter().any(|u| u.why == Why::EncryptionNotRead), told, "{action}: {reach:#?}");
    }
}

/// What was read of a bucket, whose policy lets a role of its account and one of another read and write.
fn live(encryption: Option<Observation<Encryption>>) -> Estate {
    let policy = r#"{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::222222222222:role/App","arn:aws:iam::111111111111:role/Other"]},"Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::data/*"}"#;
    let policy = Observation::Known(BucketPolicyState { document: Some(document(policy)) });
    let bucket = ObservedBucket { state: BucketState::unstated("eu-west-1"), policy, encryption, owner_unread: None };
    let observed = Observed {
        buckets: [("data".to_owned(), Observation::Known(Some(bucket)))].into(),
        bucket_accounts: [("data".to_owned(), AccountId::parse("222222222222").unwrap())].into(),
        ..Observed::default()
    };
    Objects::observed(&observed, Partition::Aws).estate()
}

#[test]
fn what_a_bucket_is_encrypted_with_is_known_from_the_bucket() {
    let kms = |key: &str| Some(Observation::Known(Encryption::Kms { key: key.to_owned(), bucket_key: true }));
    let none = live(Some(Observation::Known(Encryption::Aes256)));
    assert!(none.bucket_keys.is_empty() && none.encryption_unread.is_empty());
    assert_eq!(live(kms(KEY)).bucket_keys["data"], BucketKey { arn: KEY.to_owned(), bucket_key: true, region: "eu-west-1".to_owned() });
    let refused = live(Some(Observation::Unreadable(Unreadable::not_tried("it"))));
    assert!(refused.bucket_keys.is_empty() && refused.encryption_unread.contains("data"));
}

/// The key that AWS makes for S3 lets its account alone, and whoever writes without naming one writes with that of its own account.
#[test]
fn the_key_that_aws_makes_opens_nothing_to_another_account() {
    let estate = live(Some(Observation::Known(Encryption::Kms { key: String::new(), bucket_key: false })));
    let own = "arn:aws:iam::222222222222:role/App";
    let other = "arn:aws:iam::111111111111:role/Other";
    for (who, action, yes) in [(own, "s3:GetObject", true), (other, "s3:GetObject", false), (own, "s3:PutObject", true), (other, "s3:PutObject", true)] {
        let answers = estate.ask(&asked(who, action));
        assert_eq!(answers.last().unwrap().is_allowed(), yes, "{who} {action}: {answers:#?}");
    }
}

/// Nobody can use a key that is off, whatever policies say: that is the answer, and which state it is in.
#[test]
fn a_key_that_is_off_opens_nothing_to_anybody() {
    let let_in = letting(r#"{"AWS":"arn:aws:iam::222222222222:role/App"}"#, "kms:*", "");
    let side = |open: bool, state: Option<KeyState>| {
        let mut estate = with_key(unread_key(open), &let_in);
        estate.keys_off = state.map(|state| (KEY.to_owned(), state)).into_iter().collect();
        estate
    };
    assert!(side(true, None).ask(&asked(APP, "s3:GetObject")).iter().all(crossrole_model::access::Explanation::is_allowed));
    for (state, words) in [(KeyState::Disabled, "which is disabled"), (KeyState::PendingDeletion, "which is to be deleted")] {
        let off = side(true, Some(state.clone()));
        for question in [asked(APP, "s3:GetObject"), Question { resource: KEY.to_owned(), ..asked(APP, "kms:ReEncryptFrom") }] {
            let answers = off.ask(&question);
            let last = answers.last().unwrap();
            assert!(!last.is_allowed() && last.because == Because::KeyState { state: state.clone() }, "{last:#?}");
            assert_eq!(last.fixes, [Fix::Key { state: state.clone() }]);
            let reach = who_can(&off, &question.action, &question.resource, None);
            let beside = Beside::KeyOff { key: KEY.to_owned(), state: state.clone() };
            assert!(reach.ways.is_empty() && reach.beside.first() == Some(&beside), "{reach:#?}");
            let of_object = question.resource == OBJECT;
            assert_eq!(beside_key(&reach), if of_object { one() } else { BTreeSet::new() }, "{reach:#?}");
        }
        // Its policy can be read and written all the same.
        let admin = Question { resource: KEY.to_owned(), ..asked(APP, "kms:PutKeyPolicy") };
        assert!(off.ask(&admin).last().unwrap().is_allowed());
        assert!(!who_can(&off, "kms:PutKeyPolicy", KEY, None).ways.is_empty());
        let said = lines(&side(false, Some(state.clone())), &off);
        assert!(said.iter().any(|l| l.contains("gains s3:GetObject") && l.ends_with(words)), "{said:#?}");
    }
}

/// Where an answer rests on a key, it says that grants are not read, and nowhere else.
#[test]
fn that_grants_are_not_read_is_said_where_an_answer_rests_on_a_key() {
    let let_in = letting(r#"{"AWS":"arn:aws:iam::222222222222:role/App"}"#, "kms:*", "");
    let side = |open: bool| with_key(unread_key(open), &let_in);
    let unseen = Beside::GrantsUnseen { key: KEY.to_owned() };
    for (action, resource, told) in
        [("s3:GetObject", OBJECT, true), ("kms:Decrypt", KEY, true), ("kms:PutKeyPolicy", KEY, false), ("s3:GetObjectTagging", OBJECT, false)]
    {
        assert_eq!(who_can(&side(true), action, resource, None).beside.contains(&unseen), told, "{action}");
    }
    assert!(crossrole_access::delta(&side(false), &side(true)).grants_unseen);
    let keyless = |open: bool| {
        let mut estate = unread_key(open);
        estate.bucket_keys.clear();
        estate
    };
    assert!(!crossrole_access::delta(&keyless(false), &keyless(true)).grants_unseen);
}

/// What lies in the bucket stays under the key that it was written with; what is written from then on is read by others.
#[test]
fn whoever_is_kept_out_by_a_key_gains_what_is_written_without_it() {
    let reads = r#"{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::data/*"}"#;
    let decrypts = |context: &str| {
        let condition = format!(r#""Condition":{{"StringLike":{{"kms:EncryptionContext:aws:s3:arn":"{context}"}}}}"#);
        format!(r#"{reads},{{"Effect":"Allow","Action":["kms:Decrypt","kms:GenerateDataKey"],"Resource":"{KEY}",{condition}}}"#)
    };
    let delegates = letting(r#"{"AWS":"arn:aws:iam::222222222222:root"}"#, "kms:*", "");
    let side = |app: &str, under: Option<bool>| {
        let mut estate = with_key(estate(app, &[], TRUST_APP, QUIET), &delegates);
        if let Some(bucket_key) = under {
            let key = BucketKey { arn: KEY.to_owned(), bucket_key, region: "eu-west-1".to_owned() };
            estate.bucket_keys.insert("data".to_owned(), key);
        }
        estate
    };
    let gains = "+ role App of 222222222222 gains s3:GetObject on data/*";
    let said = lines(&side(reads, Some(true)), &side(reads, None));
    assert!(has(&said, &[gains, "; but not what is encrypted with key k of 222222222222"]), "{said:#?}");
    let said = lines(&side(reads, None), &side(reads, Some(true)));
    let from_then_on = "; of what is encrypted with key k of 222222222222 from then on alone";
    assert!(has(&said, &["- role App of 222222222222 loses s3:GetObject on data/*", from_then_on]), "{said:#?}");
    let lost = crossrole_access::delta(&side(reads, None), &side(reads, Some(true))).changes;
    assert!(lost.iter().all(|c| c.direction == Direction::Narrowed && (c.witness.before, c.witness.after) == (Decision::Allowed, Decision::ImplicitlyDenied)));
    // One key, in the context of the bucket or of its objects.
    for (context, with, without) in [("arn:aws:s3:::data", true, false), ("arn:aws:s3:::data/*", false, true)] {
        let app = decrypts(context);
        let said = lines(&side(&app, Some(without)), &side(&app, Some(with)));
        assert!(has(&said, &[gains, from_then_on]) && has(&said, &["gains s3:PutObject on data/*"]), "{context}: {said:#?}");
        let said = lines(&side(&app, Some(with)), &side(&app, Some(without)));
        assert!(has(&said, &["- role App of 222222222222 loses s3:GetObject on data/*"]), "{context}: {said:#?}");
    }
    // Who is let in both ways, or in none, gains nothing.
    for app in [decrypts("arn:aws:s3:::data*"), reads.to_owned()] {
        assert_eq!(lines(&side(&app, Some(false)), &side(&app, Some(true))), Vec::<String>::new(), "{app}");
    }
}
