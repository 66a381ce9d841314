//! Classes of differences that a delta must not miss, a case each.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::estate::{Estate, Guarded, Placed, Principal};

use crate::delta::{APP, QUIET, TRUST_APP, allow, document, estate, lines};

pub(crate) const NONE: &str = r#"{"Effect":"Allow","Action":"s3:GetBucketTagging","Resource":"arn:aws:s3:::data"}"#;

/// The lines for a bucket policy that comes in the place of a quiet one.
pub(crate) fn bucket(before: &str, after: &str) -> Vec<String> {
    let side = |policy: &str| estate(NONE, &[], TRUST_APP, &if policy == QUIET { QUIET.to_owned() } else { format!("{QUIET},{policy}") });
    lines(&side(before), &side(after))
}

pub(crate) fn trust(before: &str, after: &str) -> Vec<String> {
    lines(&estate(NONE, &[], before, QUIET), &estate(NONE, &[], after, QUIET))
}

pub(crate) fn identity(before: &str, after: &str) -> Vec<String> {
    let side = |policy: &str| estate(&if policy == NONE { NONE.to_owned() } else { format!("{NONE},{policy}") }, &[], TRUST_APP, QUIET);
    lines(&side(before), &side(after))
}

/// Everyone, under a condition.
fn open(effect: &str, condition: &str) -> String {
    format!(r#"{{"Effect":"{effect}","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{{{condition}}}}}"#)
}

pub(crate) fn has(said: &[String], parts: &[&str]) -> bool {
    said.iter().any(|line| parts.iter().all(|part| line.contains(part)))
}

#[test]
fn callers_are_told_apart_by_every_key_that_follows_from_them() {
    let others = "+ any principal of any other account that its own policies let gains s3:GetObject on data/* ";
    let named = "+ any principal of 111111111111 that its own policies let gains s3:GetObject on data/* ";
    for (condition, expected) in [
        (r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}"#, vec![others, "aws:PrincipalArn is like arn:aws:iam::*:role/*"]),
        (
            r#""StringNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/Blocked"}"#,
            vec![named, "aws:PrincipalArn is not arn:aws:iam::111111111111:role/Blocked"],
        ),
        (r#""StringLike":{"aws:PrincipalAccount":"1111*"}"#, vec![others, "aws:PrincipalAccount is like 1111*"]),
        (
            r#""ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:root"}"#,
            vec!["+ any principal of 111111111111 that", "aws:PrincipalArn is like arn:aws:iam::111111111111:root"],
        ),
        (r#""ArnLike":{"aws:PrincipalArn":"arn:aws:sts::111111111111:federated-user/*"}"#, vec!["+ any principal of 111111111111 that", "federated-user/*"]),
        (r#""Bool":{"aws:PrincipalIsAWSService":"true"}"#, vec!["+ any service gains s3:GetObject on data/*"]),
        (r#""StringLike":{"aws:PrincipalServiceName":"*.amazonaws.com"}"#, vec!["+ any service gains s3:GetObject on data/*"]),
        (r#""StringLike":{"aws:userid":"AROAEXAMPLE:*"}"#, vec![others, "aws:userid is like AROAEXAMPLE:*"]),
        (r#""StringEquals":{"aws:PrincipalType":"User"}"#, vec![others, "aws:PrincipalType is User"]),
        (r#""StringLike":{"aws:username":"adm*"}"#, vec![others, "aws:username is like adm*"]),
        (
            r#""StringNotEquals":{"aws:PrincipalAccount":["999999999999","888888888888","777777777777"]},"Null":{"aws:PrincipalArn":"false"}"#,
            vec![
                "+ any principal of any other account (except those of 777777777777, those of 888888888888, those of 999999999999) that its own policies let gains s3:GetObject on data/*",
            ],
        ),
        (r#""StringLike":{"aws:PrincipalOrgID":"o-a*"}"#, vec![others, "aws:PrincipalOrgID is like o-a*"]),
        (r#""ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-a/r-b/*"}"#, vec![others, "aws:PrincipalOrgPaths", "o-a/r-b/*"]),
    ] {
        let said = bucket(QUIET, &open("Allow", condition));
        assert!(has(&said, &expected), "{condition}: {said:#?}");
        let back = bucket(&open("Allow", condition), QUIET);
        let lost: Vec<String> = expected.iter().map(|part| part.replacen("+ ", "- ", 1).replace(" gains ", " loses ")).collect();
        assert!(has(&back, &lost.iter().map(String::as_str).collect::<Vec<_>>()), "{condition}: {back:#?}");
    }
}

#[test]
fn a_trust_policy_that_tells_callers_apart_is_read_alike() {
    let open = |condition: &str| format!(r#"{TRUST_APP},{{"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":"sts:AssumeRole","Condition":{{{condition}}}}}"#);
    for (condition, who, expected) in [
        (r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}"#, "any other account", "aws:PrincipalArn is like arn:aws:iam::*:role/*"),
        (r#""StringNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/Blocked"}"#, "any other account", ""),
        (
            r#""StringNotEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/Blocked"}"#,
            "111111111111",
            "aws:PrincipalArn is not arn:aws:iam::111111111111:role/Blocked",
        ),
    ] {
        let said = trust(TRUST_APP, &open(condition));
        assert!(has(&said, &["+ any principal of ", who, "gains sts:AssumeRole", expected]), "{condition}: {said:#?}");
    }
    let deny = format!(
        r#"{},{{"Effect":"Deny","Principal":{{"AWS":"*"}},"Action":"sts:AssumeRole","Condition":{{"ArnNotEquals":{{"aws:PrincipalArn":["arn:aws:iam::111111111111:role/A","arn:aws:iam::111111111111:role/B"]}}}}}}"#,
        open(r#""Bool":{"aws:SecureTransport":"true"}"#)
    );
    let said = trust(&open(r#""Bool":{"aws:SecureTransport":"true"}"#), &deny);
    let expected = "aws:PrincipalArn is not like arn:aws:iam::111111111111:role/A or arn:aws:iam::111111111111:role/B";
    assert!(
        has(&said, &["- any principal of any other account", expected])
            || has(&said, &["- any principal of any other account that its own policies let loses"]),
        "{said:#?}"
    );
    assert!(has(&said, &["- any principal of 111111111111", expected]), "{said:#?}");
}

#[test]
fn nobody_has_keys_that_its_kind_has_not() {
    for key in ["aws:PrincipalArn", "aws:PrincipalOrgID"] {
        let said = bucket(QUIET, &open("Allow", &format!(r#""Null":{{"{key}":"false"}}"#)));
        assert!(!has(&said, &["anyone, without signing in"]) && has(&said, &["+ any principal of any other account"]), "{key} {said:#?}");
    }
    let tagged = r#"{"Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"aws:PrincipalTag/a":"b"}}}"#;
    assert_eq!(bucket(QUIET, tagged), Vec::<String>::new());
    // Nobody is both.
    let both = r#""StringEquals":{"aws:PrincipalAccount":"111111111111"},"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::333333333333:*"}"#;
    assert_eq!(bucket(QUIET, &open("Allow", both)), Vec::<String>::new());
    let both = r#""StringLike":{"aws:username":"*"},"StringEquals":{"aws:PrincipalType":"AssumedRole"}"#;
    assert_eq!(bucket(QUIET, &open("Allow", both)), Vec::<String>::new());
}

#[test]
fn members_of_a_group_are_told_apart() {
    let side = |policy: &str| {
        let mut side = estate(NONE, &[], TRUST_APP, QUIET);
        let member = Principal {
            account: "222222222222".to_owned(),
            user: true,
            name: "Ops".to_owned(),
            tags: BTreeMap::new(),
            identity: vec![Placed::new(document(policy), "")],
            boundary: None,
            groups: BTreeSet::new(),
            unread: BTreeSet::new(),
        };
        side.principals.insert("arn:aws:iam::222222222222:group/Ops".to_owned(), member);
        side
    };
    let named = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringLike":{"aws:username":"adm*"},"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::222222222222:user/ops/*"}}}"#;
    let said = lines(&side(NONE), &side(named));
    assert!(has(&said, &["+ members of group Ops", "aws:username is like adm*", "user/ops/*"]), "{said:#?}");
}

#[test]
fn principals_that_were_not_read_are_not_taken_to_be_let_already() {
    let to = |principal: &str| format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}"#);
    for principal in [
        "arn:aws:sts::222222222222:assumed-role/Else/s",
        "arn:aws:iam::222222222222:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
        "arn:aws:iam::222222222222:role/Unread",
        "arn:aws:iam::222222222222:user/unread",
        "arn:aws:sts::222222222222:assumed-role/App/s",
        "arn:aws:sts::222222222222:federated-user/ann",
    ] {
        let said = bucket(QUIET, &to(principal));
        assert!(has(&said, &["+ ", " gains s3:GetObject on data/*"]), "{principal}: {said:#?}");
        let said = bucket(&to(principal), QUIET);
        assert!(has(&said, &["- ", " loses s3:GetObject on data/*"]), "{principal}: {said:#?}");
    }
    // What they have anyway they have without it.
    let trusted = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/Unread"},"Action":"sts:AssumeRole"}"#;
    assert!(has(&trust(QUIET_TRUST, trusted), &["+ role Unread of 222222222222", "gains sts:AssumeRole"]));
}

const QUIET_TRUST: &str = r#"{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}"#;

#[test]
fn a_guard_against_other_accounts_resources_that_goes_is_said() {
    for key in ["aws:ResourceAccount", "s3:ResourceAccount", "aws:ResourceOrgID"] {
        let value = if key.ends_with("ID") { "o-own" } else { "222222222222" };
        let guarded = format!(r#"{{"Effect":"Allow","Action":"s3:PutObject","Resource":"*","Condition":{{"StringEquals":{{"{key}":"{value}"}}}}}}"#);
        let said = identity(&guarded, &allow("s3:PutObject", "*"));
        assert!(has(&said, &["+ role App of 222222222222 gains s3:PutObject on arn:aws:s3:", &format!("{key} is not {value}")]), "{key}: {said:#?}");
    }
    let table = |condition: &str| format!(r#"{{"Effect":"Allow","Action":"dynamodb:GetItem","Resource":"*"{condition}}}"#);
    let said = identity(&table(r#","Condition":{"StringEquals":{"aws:ResourceAccount":"222222222222"}}"#), &table(""));
    assert!(has(&said, &["+ role App of 222222222222 gains dynamodb:GetItem"]), "{said:#?}");
}

/// IAM lets nobody of another account in by their own policies alone; what is asked for under the same statement, before it or
/// after it, is another matter.
#[test]
fn what_iam_refuses_across_accounts_is_not_what_others_refuse() {
    for other in ["dynamodb:GetItem", "sqs:SendMessage"] {
        let (service, name) = if other.starts_with('d') { ("dynamodb", "table/t") } else { ("sqs", "t") };
        let named = format!(r#""Resource":["arn:aws:iam::333333333333:user/u","arn:aws:{service}:eu-west-1:333333333333:{name}"]"#);
        let all = r#""Resource":"*","Condition":{"StringEquals":{"aws:ResourceAccount":"333333333333"}}"#.to_owned();
        for resources in [named, all] {
            let said = identity(NONE, &format!(r#"{{"Effect":"Allow","Action":["iam:GetUser","{other}"],{resources}}}"#));
            assert!(has(&said, &["+ role App of 222222222222 gains", other]), "{resources}: {said:#?}");
            assert!(!has(&said, &["iam:GetUser"]) && !has(&said, &["not decided"]), "{resources}: {said:#?}");
        }
    }
}

/// Everybody may ask who they are; what else a statement lets them do is gained all the same.
#[test]
fn what_everybody_may_do_hides_nothing() {
    let said = identity(NONE, r#"{"Effect":"Allow","Action":["sts:GetCallerIdentity","sts:GetSessionToken"],"Resource":"*"}"#);
    assert!(has(&said, &["+ role App of 222222222222 gains", "sts:GetSessionToken"]), "{said:#?}");
    assert_eq!(identity(NONE, &allow("sts:GetCallerIdentity", "*")), Vec::<String>::new());
}

/// Where a tag goes, the one who asks without it is another one than the one who asked with it.
#[test]
fn a_tag_that_goes_is_decided() {
    let allowed =
        r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringNotEquals":{"aws:PrincipalTag/team":"red"}}}"#;
    let side = |tags: &[(&str, &str)]| estate(&format!("{NONE},{allowed}"), tags, TRUST_APP, QUIET);
    let said = lines(&side(&[("team", "alice")]), &side(&[]));
    assert!(has(&said, &["+ role App of 222222222222 gains s3:GetObject", "aws:PrincipalTag/team is absent"]), "{said:#?}");
    assert!(has(&said, &["- role App of 222222222222 loses s3:GetObject", "aws:PrincipalTag/team is alice"]), "{said:#?}");
    assert!(!has(&said, &["not decided"]), "{said:#?}");
}

#[test]
fn text_operators_on_addresses_numbers_and_dates() {
    for (condition, expected) in [
        (r#""StringLike":{"aws:SourceIp":"203.0.113.*"}"#, "aws:SourceIp is like 203.0.113.*"),
        (r#""StringEquals":{"aws:SourceIp":"203.0.113.7"}"#, "aws:SourceIp is 203.0.113.7"),
        (r#""StringNotLike":{"aws:SourceIp":"10.*"}"#, "aws:SourceIp is not like 10.*"),
        (r#""StringEquals":{"aws:MultiFactorAuthAge":"10"}"#, "aws:MultiFactorAuthAge is 10"),
        (r#""StringLike":{"aws:MultiFactorAuthAge":"1?"}"#, "aws:MultiFactorAuthAge is like 1?"),
        (r#""StringEquals":{"aws:CurrentTime":"2026-01-01T00:00:00Z"}"#, "aws:CurrentTime is 2026-01-01T00:00:00Z"),
        (r#""StringLike":{"aws:CurrentTime":"2026-*"}"#, "aws:CurrentTime is like 2026-*"),
    ] {
        let with = format!(r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{{{condition}}}}}"#);
        let said = identity(NONE, &with);
        assert!(has(&said, &["+ role App of 222222222222 gains s3:GetObject on data/*", expected]), "{condition}: {said:#?}");
        let said = identity(&with, &allow("s3:GetObject", "arn:aws:s3:::data/*"));
        assert!(has(&said, &["+ role App of 222222222222 gains s3:GetObject on data/*"]), "{condition}: {said:#?}");
    }
    // What can't be turned into ranges is not decided, and not silent.
    let odd = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringLike":{"aws:SourceIp":"*.7"}}}"#;
    assert!(identity(NONE, odd).iter().any(|l| l.starts_with("? ") || l.contains("is like *.7")));
}

#[test]
fn sets_of_many_values_are_told_apart() {
    let with = |condition: &str| format!(r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{{{condition}}}}}"#);
    // Only a set of three has all of these.
    let three = r#""ForAnyValue:StringEquals":{"aws:TagKeys":"a"},"ForAnyValue:StringLike":{"aws:TagKeys":"b"},"ForAnyValue:StringEqualsIgnoreCase":{"aws:TagKeys":"c"},"ForAllValues:StringEquals":{"aws:TagKeys":["a","b","c"]}"#;
    let said = identity(NONE, &with(three));
    assert!(has(&said, &["+ role App of 222222222222 gains s3:GetObject on data/*"]), "{said:#?}");
    let many: Vec<String> = (0..20).map(|n| format!("\"k{n:02}\"")).collect();
    let pair = format!(
        r#""ForAnyValue:StringEquals":{{"aws:TagKeys":"k18"}},"ForAnyValue:StringLike":{{"aws:TagKeys":"k19"}},"ForAllValues:StringEquals":{{"aws:TagKeys":[{}]}}"#,
        many.join(",")
    );
    let said = identity(NONE, &with(&pair));
    assert!(has(&said, &["+ role App of 222222222222 gains s3:GetObject on data/*"]), "{said:#?}");
}

#[test]
fn a_moment_is_one_whatever_it_is_called() {
    let with = |condition: &str| format!(r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{{{condition}}}}}"#);
    let never = r#""DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"DateGreaterThan":{"aws:EpochTime":"1800000000"}"#;
    assert_eq!(identity(NONE, &with(never)), Vec::<String>::new());
}

const TRUST_TAGS: &str = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:root"},"Action":["sts:AssumeRole","sts:TagSession"]}"#;

#[test]
fn tags_that_sessions_may_now_bring_are_gains_of_the_role() {
    let asks = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"red"}}}"#;
    let said = lines(&estate(asks, &[], TRUST_APP, QUIET), &estate(asks, &[], TRUST_TAGS, QUIET));
    assert!(has(&said, &["+ role App of 222222222222 gains s3:GetObject on data/* (except data/none) when aws:PrincipalTag/team is red"]), "{said:#?}");
    let said = lines(&estate(asks, &[("team", "blue")], TRUST_APP, QUIET), &estate(asks, &[("team", "red")], TRUST_APP, QUIET));
    assert!(has(&said, &["role App of 222222222222"]), "{said:#?}");
}

#[test]
fn variables_are_filled_differently() {
    let path = |a: &str, b: &str| allow("s3:GetObject", &format!("arn:aws:s3:::data/${{{a}}}/${{{b}}}/*"));
    let tags = ("aws:PrincipalTag/a", "aws:PrincipalTag/b");
    let side = |text: &str| estate(text, &[], TRUST_TAGS, QUIET);
    let said = lines(&side(&path(tags.0, tags.1)), &side(&path(tags.1, tags.0)));
    assert!(has(&said, &["+ role App of 222222222222 gains s3:GetObject"]) && has(&said, &["- role App of 222222222222 loses s3:GetObject"]), "{said:#?}");
    let one = |key: &str| allow("s3:GetObject", &format!("arn:aws:s3:::data/${{{key}}}/*"));
    let said = lines(&side(&one(tags.0)), &side(&one(tags.1)));
    assert!(has(&said, &["+ role App of 222222222222 gains s3:GetObject"]), "{said:#?}");
    // A request's variable against a tag that is known.
    let asks = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"aws:PrincipalTag/a":"${aws:RequestTag/a}"}}}"#;
    let tagged = |text: &str| estate(text, &[("a", "red")], TRUST_APP, QUIET);
    let said = lines(&tagged(NONE), &tagged(asks));
    assert!(has(&said, &["+ role App of 222222222222 gains s3:GetObject on data/*"]), "{said:#?}");
}

#[test]
fn a_group_and_a_tag_in_one_path() {
    let user = "arn:aws:iam::222222222222:user/ann";
    let side = |key: &str| {
        let policy = allow("s3:GetObject", &format!("arn:aws:s3:::data/${{{key}}}/*"));
        let principal = Principal {
            account: "222222222222".to_owned(),
            user: true,
            name: "Devs".to_owned(),
            tags: BTreeMap::new(),
            identity: vec![Placed::new(document(&policy), "")],
            boundary: None,
            groups: BTreeSet::new(),
            unread: BTreeSet::new(),
        };
        let mut side = estate(NONE, &[], TRUST_APP, QUIET);
        side.principals.insert("arn:aws:iam::222222222222:group/Devs".to_owned(), principal);
        side.principals.remove(user);
        side
    };
    let said = lines(&side("aws:username"), &side("aws:PrincipalTag/home"));
    assert!(has(&said, &["+ members of group Devs", "data/${aws:PrincipalTag/home}/*"]), "{said:#?}");
    assert!(has(&said, &["- members of group Devs", "data/${aws:username}/*"]), "{said:#?}");
}

#[test]
fn what_nobody_reads_of_an_estate_is_not_nobody() {
    // A user with policies that were not read.
    let side = |policy: &str| {
        let mut side: Estate = estate(NONE, &[], TRUST_APP, policy);
        let user = Principal {
            account: "222222222222".to_owned(),
            user: true,
            name: "ann".to_owned(),
            tags: BTreeMap::new(),
            identity: Vec::new(),
            boundary: None,
            groups: BTreeSet::new(),
            unread: BTreeSet::from(["arn:aws:iam::aws:policy/AmazonS3FullAccess".to_owned()]),
        };
        side.principals.insert("arn:aws:iam::222222222222:user/ann".to_owned(), user);
        side
    };
    let deny = r#"{"Effect":"Deny","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;
    assert!(has(&lines(&side(deny), &side(QUIET)), &["+ user ann of 222222222222, as far as its policies that were not read let it, gains s3:GetObject"]));
    let _ = (Guarded { account: String::new(), policy: None, restrict_public: false }, APP);
}

#[test]
fn a_chain_that_is_cut_is_not_decided() {
    let role = |n: usize| format!("arn:aws:iam::222222222222:role/R{n}");
    let mut side = estate(NONE, &[], TRUST_APP, QUIET);
    for n in 0..8 {
        let next = if n == 7 { allow("s3:GetObject", "arn:aws:s3:::data/*") } else { allow("sts:AssumeRole", &role(n + 1)) };
        let principal = Principal {
            account: "222222222222".to_owned(),
            user: false,
            name: format!("R{n}"),
            tags: BTreeMap::new(),
            identity: vec![Placed::new(document(&next), "")],
            boundary: None,
            groups: BTreeSet::new(),
            unread: BTreeSet::new(),
        };
        let trust = Placed::new(document(TRUST_APP), "");
        side.roles.insert(role(n), Guarded { account: "222222222222".to_owned(), policy: Some(trust), restrict_public: false });
        side.principals.insert(role(n), principal);
    }
    let reach = crossrole_access::who_can(&side, "s3:GetObject", "arn:aws:s3:::data/x", None);
    assert!(reach.ways.iter().any(|way| way.len() == 5) && reach.ways.iter().all(|way| way.len() <= 5), "{:#?}", reach.ways);
    let said = crossrole_report::ways(&reach.ways, &reach.undecided, &[], crossrole_report::View::default());
    assert!(said.contains("? role R3 of 222222222222 on arn:aws:s3:::data/x: not decided: ways over more than 4 roles are not followed"), "{said}");
}

#[test]
fn sentences_say_the_difference_and_nothing_twice() {
    let with = |condition: &str| format!(r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{{{condition}}}}}"#);
    let ranges = |count: usize| (0..count).map(|n| format!("\"10.{n}.0.0/16\"")).collect::<Vec<_>>().join(",");
    let said = identity(
        &with(&format!(r#""IpAddress":{{"aws:SourceIp":[{}]}}"#, ranges(250))),
        &with(&format!(r#""IpAddress":{{"aws:SourceIp":[{}]}}"#, ranges(251))),
    );
    assert_eq!(said, ["+ role App of 222222222222 gains s3:GetObject on data/* (except data/none) when aws:SourceIp is in 10.250.0.0/16"]);
    let said = identity(&with(r#""StringEquals":{"s3:prefix":["open","internal"]}"#), &with(r#""StringEquals":{"s3:prefix":"open"}"#));
    assert_eq!(said, ["- role App of 222222222222 loses s3:GetObject on data/* (except data/none) when s3:prefix is internal"]);
    let said = identity(NONE, &with(r#""ForAllValues:StringNotEquals":{"AWS:tagkeys":"bad"}"#));
    assert_eq!(said, ["+ role App of 222222222222 gains s3:GetObject on data/* (except data/none) when AWS:tagkeys has no value that is bad (or is absent)"]);
    // What two clauses say together, one says alone.
    for (before, after, expected) in [
        (
            r#""StringEquals":{"s3:prefix":["a","b"]},"StringNotEquals":{"aws:RequestTag/x":"y"}"#,
            r#""StringEquals":{"s3:prefix":"a"},"StringNotEquals":{"aws:RequestTag/x":"y"}"#,
            "s3:prefix is b",
        ),
        (
            r#""IpAddress":{"aws:SourceIp":["203.0.113.0/24","198.51.100.0/24"]}"#,
            r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#,
            "aws:SourceIp is in 198.51.100.0/24",
        ),
        (
            r#""NumericGreaterThanEquals":{"s3:max-keys":"10"},"NumericLessThanEquals":{"s3:max-keys":"10"}"#,
            r#""Null":{"s3:max-keys":"true"},"StringEquals":{"s3:prefix":"x"}"#,
            "s3:max-keys is 10",
        ),
    ] {
        let said = identity(&with(before), &with(after));
        assert!(said.iter().any(|l| l.starts_with("- ") && l.contains(expected) && l.contains(" is not ") == before.contains("RequestTag")), "{said:#?}");
        assert!(!said.iter().any(|l| l.contains("is not in") || l.contains("is at least 10")), "{said:#?}");
    }
    for (before, expected) in [
        (
            r#""ForAllValues:StringEquals":{"aws:TagKeys":["a","b","a"]},"ForAllValues:StringNotEquals":{"aws:TagKeys":"b"}"#,
            "when aws:TagKeys has no value but what is a (or is absent)",
        ),
        (r#""StringNotEquals":{"s3:prefix":"a"},"StringNotEqualsIfExists":{"s3:prefix":"b"}"#, "when s3:prefix is not a or b (or is absent)"),
        // Two spellings of a number are one value.
        (
            r#""NumericEquals":{"s3:max-keys":["10","20"]},"NumericNotEquals":{"s3:max-keys":"10.0"}"#,
            "when s3:max-keys is 10 or 20 and s3:max-keys is not 10.0",
        ),
    ] {
        let said = identity(&with(before), &with(r#""StringEquals":{"aws:PrincipalType":"nobody"}"#));
        assert!(said.len() == 1 && said[0].ends_with(expected), "{said:#?}");
    }
    let all = r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#;
    let said = identity(NONE, all);
    assert!(
        said.iter()
            .any(|l| l.contains(" gains * (except iam:*, sts:AssumeRole*, sts:SetContext, sts:SetSourceIdentity, sts:TagSession) on * (except data, data/*)")),
        "{said:#?}"
    );
}

#[test]
fn listing_buckets_is_asked_of_all_of_them() {
    let list = |resource: &str| format!(r#"{{"Effect":"Allow","Action":"s3:ListAllMyBuckets","Resource":"{resource}"}}"#);
    for resource in ["*", "arn:aws:s3:::*"] {
        let said = identity(NONE, &list(resource));
        assert!(has(&said, &["+ ", "App", "gains s3:ListAllMyBuckets"]), "{resource}: {said:#?}");
        assert!(has(&identity(&list(resource), NONE), &["- ", "App", "loses s3:ListAllMyBuckets"]), "{resource}");
    }
    assert_eq!(identity(&list("*"), &list("arn:aws:s3:::*")), Vec::<String>::new());
    assert!(!has(&identity(NONE, &list("arn:aws:s3:::data*")), &["ListAllMyBuckets"]));
}

/// A guard that keeps a principal to its own account's roles: roles of accounts that no pattern names are roles, too.
#[test]
fn roles_of_accounts_that_nothing_names_are_told_apart() {
    let assume = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#;
    for guard in [
        r#"{"Effect":"Deny","Action":"sts:AssumeRole","NotResource":"arn:aws:iam::222222222222:role/*"}"#,
        r#"{"Effect":"Deny","Action":"sts:*","Resource":"*","Condition":{"StringNotEquals":{"aws:ResourceAccount":"222222222222"}}}"#,
        r#"{"Effect":"Deny","Action":"*","NotResource":"arn:aws:iam::222222222222:*"}"#,
    ] {
        let said = identity(&format!("{assume},{guard}"), assume);
        assert!(
            has(&said, &["+ role App of 222222222222 gains sts:AssumeRole on arn:aws:iam::*:role/* (except ", "arn:aws:iam::222222222222:"]),
            "{guard}: {said:#?}"
        );
        let said = identity(assume, &format!("{assume},{guard}"));
        assert!(has(&said, &["- role App of 222222222222 loses sts:AssumeRole on "]), "{guard}: {said:#?}");
    }
    // The other way round: nothing of its own account changes.
    let elsewhere = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::*:role/Reader"}"#;
    let not_here = r#"{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"arn:aws:iam::222222222222:*"}"#;
    let said = identity(not_here, &format!("{not_here},{elsewhere}"));
    assert_eq!(said, ["+ role App of 222222222222 gains sts:AssumeRole on arn:aws:iam::*:role/Reader (except arn:aws:iam::222222222222:*)"]);
}

/// A document of the language without variables: what it writes as `${…}` is text, and a line says so.
#[test]
fn text_that_looks_like_a_variable_is_written_as_text() {
    let policy = |version: &str| {
        let statement = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:user/bob"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::data",
            "Condition":{"StringLike":{"s3:prefix":"${aws:username}/*"}}}"#;
        crossrole_policy::parse(&format!(r#"{{{version}"Statement":[{statement}]}}"#)).unwrap()
    };
    let side = |version: &str| {
        let mut side = estate(NONE, &[], TRUST_APP, QUIET);
        side.buckets.get_mut("data").unwrap().policy = Some(Placed::new(policy(version), ""));
        side
    };
    let said = lines(&estate(NONE, &[], TRUST_APP, QUIET), &side(r#""Version":"2012-10-17","#));
    assert!(has(&said, &["user bob", "s3:prefix is like ${aws:username}/*"]), "{said:#?}");
    let said = lines(&estate(NONE, &[], TRUST_APP, QUIET), &side(""));
    assert!(has(&said, &["user bob", "s3:prefix is like ${$}{aws:username}/*"]), "{said:#?}");
    // Only the language changes: one is gained, the other lost.
    let said = lines(&side(""), &side(r#""Version":"2012-10-17","#));
    assert!(has(&said, &["+ ", "is like ${aws:username}/*"]) && has(&said, &["- ", "is like ${$}{aws:username}/*"]), "{said:#?}");
}

/// A line of one principal does not speak of others who lose the same.
#[test]
fn a_line_stands_for_no_other_principal() {
    let zed = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:user/zed"},"Action":"s3:*","Resource":"arn:aws:s3:::data/*"}"#;
    let deny = r#"{"Effect":"Deny","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringNotEquals":{"aws:PrincipalOrgID":"o-a"}}}"#;
    let said = lines(&estate(NONE, &[], TRUST_APP, zed), &estate(NONE, &[], TRUST_APP, &format!("{zed},{deny}")));
    assert!(has(&said, &["- user zed of 222222222222, even without policies of its own loses s3:GetObject on data/*"]), "{said:#?}");
    assert!(has(&said, &["- any principal of 222222222222 that its own policies let loses s3:GetObject on data/*"]), "{said:#?}");
}

/// A user who gains what the members of a group gain has it from there only where it is one of them.
#[test]
fn a_group_speaks_of_its_members_alone() {
    let (ann, devs) = ("arn:aws:iam::222222222222:user/ann", "arn:aws:iam::222222222222:group/Devs");
    let side = |policy: &str, groups: &[&str]| {
        let mut side = estate(NONE, &[], TRUST_APP, QUIET);
        let principal = |name: &str, groups: &[&str]| Principal {
            account: "222222222222".to_owned(),
            user: true,
            name: name.to_owned(),
            tags: BTreeMap::new(),
            identity: vec![Placed::new(document(policy), "")],
            boundary: None,
            groups: groups.iter().map(|g| (*g).to_owned()).collect(),
            unread: BTreeSet::new(),
        };
        side.principals.insert(ann.to_owned(), principal("ann", groups));
        side.principals.insert(devs.to_owned(), principal("Devs", &[]));
        side
    };
    let read = allow("s3:GetObject", "arn:aws:s3:::data/*");
    for (groups, is_said) in [(vec![], true), (vec!["arn:aws:iam::222222222222:group/Ops"], true), (vec![devs], false)] {
        let said = lines(&side(NONE, &groups), &side(&read, &groups));
        assert!(has(&said, &["+ members of group Devs of 222222222222 gain s3:GetObject"]), "{said:#?}");
        assert_eq!(has(&said, &["user ann"]), is_said, "{said:#?}");
    }
    // Who comes into the group gains what its members have had.
    let mut alone = side(NONE, &[]);
    alone.principals.insert(devs.to_owned(), side(&read, &[]).principals[devs].clone());
    let said = lines(&alone, &side(&read, &[devs]));
    assert!(has(&said, &["+ user ann of 222222222222 gains s3:GetObject"]), "{said:#?}");
}

#[test]
fn actions_on_resources_that_are_not_looked_at_are_not_unchanged() {
    for (action, resource) in [
        ("s3:PutAccessPointPolicy", "*"),
        ("s3:GetDataAccess", "*"),
        ("s3:CreateAccessGrant", "arn:aws:s3:*:*:*"),
        ("sts:AssumeRoot", "*"),
        ("iam:CreateDelegationRequest", "arn:aws:iam::222222222222:*"),
        ("s3:PutAccessPoint*", "*"),
    ] {
        let said = identity(NONE, &allow(action, resource));
        assert!(has(&said, &["+ role App of 222222222222 gains ", action.trim_matches('*')]), "{action} {resource}: {said:#?}");
        let said = identity(&allow(action, resource), NONE);
        assert!(has(&said, &["- role App of 222222222222 loses ", action.trim_matches('*')]), "{action} {resource}: {said:#?}");
    }
    let wider = identity(&allow("s3:*", "arn:aws:s3:::*"), &allow("s3:*", "*"));
    assert!(has(&wider, &["+ role App", "arn:aws:s3:*:*:* (except arn:aws:s3:::*"]), "{wider:#?}");
    assert_eq!(identity(&allow("s3:GetBucketTagging", "arn:aws:s3:::*"), &allow("s3:GetBucketTagging", "*")), Vec::<String>::new());
}

#[test]
fn unsigned_callers_have_the_keys_that_aws_gives_them() {
    for condition in [
        r#""BoolIfExists":{"aws:PrincipalIsAWSService":"true"}"#,
        r#""Null":{"aws:PrincipalIsAWSService":"true"}"#,
        r#""Null":{"aws:PrincipalAccount":"false"}"#,
        r#""StringEquals":{"aws:PrincipalAccount":"anonymous"}"#,
        r#""StringLike":{"aws:userid":"*"}"#,
    ] {
        let said = bucket(QUIET, &open("Allow", condition));
        assert!(has(&said, &["+ anyone, without signing in"]), "{condition}: {said:#?}");
    }
    for condition in [r#""Bool":{"aws:PrincipalIsAWSService":"false"}"#, r#""Null":{"aws:PrincipalAccount":"true"}"#] {
        let public = open("Allow", "");
        let said = bucket(&public, &format!("{public},{}", open("Deny", condition)));
        assert!(!has(&said, &["- anyone, without signing in"]), "{condition}: {said:#?}");
        assert!(!has(&bucket(QUIET, &open("Allow", condition)), &["anyone, without"]), "{condition}");
    }
}

#[test]
fn the_moment_may_be_compared_as_a_number() {
    let until = |second: &str| open("Allow", &format!(r#""NumericLessThan":{{"aws:EpochTime":"{second}"}}"#));
    let said = bucket(&until("1798761600"), &until("1830297600"));
    assert!(has(&said, &["gains s3:GetObject", "aws:EpochTime is less than 1830297600"]) || has(&said, &["gains s3:GetObject", "1830297600"]), "{said:#?}");
    let said = bucket(&until("1798761600"), &open("Allow", ""));
    assert!(has(&said, &["gains s3:GetObject"]), "{said:#?}");
    assert!(has(&bucket(QUIET, &until("1798761600")), &["gains s3:GetObject", "1798761600"]));
}

#[test]
fn spellings_are_told_apart_where_case_counts() {
    let two = open("Allow", r#""StringEquals":{"s3:prefix":["abc","ABC"]}"#);
    let any = open("Allow", r#""StringEqualsIgnoreCase":{"s3:prefix":"abc"}"#);
    assert!(has(&bucket(&two, &any), &["gains s3:GetObject", "s3:prefix"]));
    assert!(has(&bucket(&any, &two), &["loses s3:GetObject", "s3:prefix"]));
    let one = |operator: &str, value: &str| {
        trust(
            TRUST_APP,
            &format!(
                r#"{TRUST_APP},{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":"sts:AssumeRole","Condition":{{"{operator}":{{"aws:username":{value}}}}}}}"#
            ),
        )
    };
    assert!(has(&one("StringEqualsIgnoreCase", r#""ann""#), &["aws:username"]));
}

#[test]
fn service_linked_roles_are_bound_by_no_control_policy() {
    let linked = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;
    let side = |policy: &str| {
        let mut side = estate(NONE, &[], TRUST_APP, policy);
        let deny = || vec![vec![Placed::new(document(r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#), "")]];
        side.service_control.insert("222222222222".to_owned(), deny());
        side
    };
    let said = lines(&side(QUIET), &side(&format!("{QUIET},{linked}")));
    assert!(has(&said, &["+ role aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling", "gains s3:GetObject"]), "{said:#?}");
    let plain = linked.replace("aws-service-role/autoscaling.amazonaws.com/", "");
    assert_eq!(lines(&side(QUIET), &side(&format!("{QUIET},{plain}"))), Vec::<String>::new());
}

#[test]
fn tags_of_resources_that_change_are_not_nobody() {
    let asks = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Condition":{"StringEquals":{"iam:ResourceTag/Project":"x"}}}"#;
    let other = "arn:aws:iam::222222222222:role/Other";
    let side = |policy: &str, tag: &str| {
        let mut side = estate(&format!("{NONE},{policy}"), &[], TRUST_APP, QUIET);
        let mut role = side.principals[APP].clone();
        role.name = "Other".to_owned();
        role.identity.clear();
        role.tags = BTreeMap::from([("Project".to_owned(), tag.to_owned())]);
        side.principals.insert(other.to_owned(), role);
        side.roles.insert(other.to_owned(), side.roles[APP].clone());
        side
    };
    let said = lines(&side(asks, "y"), &side(asks, "x"));
    assert!(has(&said, &["? role App of 222222222222 on arn:aws:iam::222222222222:role/Other: not decided: the tags of the resource change"]), "{said:#?}");
    assert_eq!(lines(&side(asks, "x"), &side(asks, "x")), Vec::<String>::new());
    assert!(!has(&lines(&side(NONE, "y"), &side(NONE, "x")), &["role App"]));
}

#[test]
fn what_sessions_may_be_called_is_not_nobody() {
    let app = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{"StringEquals":{"aws:SourceIdentity":"alice"}}}"#;
    let trusts = |more: &str| format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::222222222222:root"}},"Action":["sts:AssumeRole"{more}]}}"#);
    let said = lines(&estate(app, &[], &trusts(""), QUIET), &estate(app, &[], &trusts(r#","sts:SetSourceIdentity""#), QUIET));
    assert!(has(&said, &["? role App of 222222222222", "not decided: its sessions may have other names or source identities"]), "{said:#?}");
}

/// Sessions of root are asked for in other accounts (STS API reference, AssumeRoot).
#[test]
fn sessions_of_root_are_asked_for_everywhere() {
    let said = identity(NONE, &allow("sts:AssumeRoot", "*"));
    assert!(has(&said, &["+ role App of 222222222222 gains sts:AssumeRoot on arn:aws:iam::*:root"]), "{said:#?}");
    let said = identity(NONE, &allow("sts:AssumeRoot", "arn:aws:iam::333333333333:root"));
    assert!(has(&said, &["+ role App of 222222222222 gains sts:AssumeRoot on arn:aws:iam::333333333333:root"]), "{said:#?}");
    // Whose it is may be asked for, too.
    let mine = r#"{"Effect":"Allow","Action":"sts:AssumeRoot","Resource":"*","Condition":{"StringEquals":{"aws:ResourceAccount":"111111111111"}}}"#;
    let said = identity(mine, &allow("sts:AssumeRoot", "*"));
    assert!(has(&said, &["+ role App of 222222222222 gains sts:AssumeRoot on arn:aws:iam::*:root", "except arn:aws:iam::111111111111:root"]), "{said:#?}");
    // A line about everything speaks of it, too.
    let but_root = r#"{"Effect":"Allow","NotAction":"sts:AssumeRoot","Resource":"*"}"#;
    let said = identity(NONE, but_root);
    let line = "+ role App of 222222222222 gains * (except sts:AssumeRole*, sts:AssumeRoot, sts:SetContext, sts:SetSourceIdentity, sts:TagSession) on * (except data, data/*)";
    assert!(said.iter().any(|l| l == line), "{said:#?}");
    let in_part = r#"{"Effect":"Allow","NotAction":"sts:AssumeRoot","NotResource":"arn:aws:iam::222222222222:role/*"}"#;
    let said = identity(NONE, in_part);
    assert!(has(&said, &["gains * (except sts:AssumeRoot, sts:TagSession) on "]), "{said:#?}");
    let all = allow("*", "*");
    let denies = r#"{"Effect":"Deny","Action":"*","NotResource":"arn:aws:iam::333333333333:user/*"}"#;
    let said = identity(&all, &format!("{all},{denies}"));
    assert!(has(&said, &["- role App", "loses ", "arn:aws:iam::*:root"]) && !has(&said, &["except arn:aws:iam::333333333333:root"]), "{said:#?}");
}

/// What STS has is its own account's (recorded: GetFederationToken is asked of the session that it makes).
#[test]
fn federated_sessions_are_asked_for_by_name() {
    let mine = "arn:aws:sts::222222222222:federated-user/Bob";
    for action in ["sts:GetFederationToken", "sts:TagSession"] {
        let said = identity(NONE, &allow(action, mine));
        assert!(has(&said, &["+ role App of 222222222222 gains ", action, mine]), "{said:#?}");
        assert_eq!(identity(NONE, &allow(action, &mine.replace("222222222222", "333333333333"))), Vec::<String>::new());
    }
    // Not of what has no name, which other actions of that pattern are asked of.
    let said = identity(NONE, &allow("sts:Get*", "arn:aws:sts::222222222222:federated-user/*"));
    assert!(has(&said, &["gains sts:Get* on arn:aws:sts::222222222222:federated-user/*"]) && said.len() == 1, "{said:#?}");
    let said = identity(NONE, &allow("sts:SetContext", "arn:aws:sts::222222222222:self"));
    assert!(has(&said, &["+ role App of 222222222222 gains sts:SetContext on arn:aws:sts::222222222222:self"]), "{said:#?}");
}
