//! Questions one by one: what a request brings that nobody gave, what of the first caller a session has, and who is named.

use crossrole_access::{Caller, Compiled, Context, Estate, Objects, Policies, Question, Request, evaluate, explain_alone, who_can};
use crossrole_model::Source;
use crossrole_model::access::{Assumption, Explanation, Fix, Layer, Party, Why};

use crate::delta::{APP, QUIET, TRUST_APP, allow, document, estate, lines};

const OBJECT: &str = "arn:aws:s3:::data/red/x";
const ANN: &str = "arn:aws:iam::222222222222:user/ann";

fn asked(principal: &str, via: &[&str], action: &str, given: &[(&str, &str)]) -> Question {
    let mut context = Context::default();
    context.set("aws:CurrentTime", "2026-12-01T12:00:00Z");
    for (key, value) in given {
        context.set(key, *value);
    }
    Question {
        principal: principal.to_owned(),
        via: via.iter().map(|role| (*role).to_owned()).collect(),
        action: action.to_owned(),
        resource: OBJECT.to_owned(),
        resource_account: None,
        context,
        unread_allows: false,
    }
}

fn last(estate: &Estate, question: &Question) -> Explanation {
    estate.ask(question).pop().unwrap()
}

fn not_given(answer: &Explanation) -> Vec<String> {
    let keys = answer.assumed.iter().filter_map(|a| if let Assumption::NotGiven { keys } = a { Some(keys.clone()) } else { None });
    keys.flatten().collect()
}

/// A Deny under this condition, on top of everything.
fn denied_when(condition: &str) -> Estate {
    let deny = format!(r#"{{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{{{condition}}}}}"#);
    estate(&format!("{},{deny}", allow("s3:*", "*")), &[], TRUST_APP, QUIET)
}

#[test]
fn what_follows_from_the_caller_meets_a_deny() {
    for condition in [
        r#""Bool":{"aws:MultiFactorAuthPresent":"false"}"#,
        r#""DateLessThan":{"aws:TokenIssueTime":"2030-01-01T00:00:00Z"}"#,
        r#""StringLike":{"aws:userid":"*:*"}"#,
        r#""Null":{"aws:userid":"false"}"#,
        r#""StringLike":{"aws:userid":"*:session"}"#,
    ] {
        assert!(!last(&denied_when(condition), &asked(APP, &[], "s3:GetObject", &[])).is_allowed(), "{condition}");
    }
    // It began before the console revoked what was older, and a second factor that is said is not taken away.
    for (condition, given) in [
        (r#""DateLessThan":{"aws:TokenIssueTime":"2026-11-01T00:00:00Z"}"#, &[][..]),
        (r#""Bool":{"aws:MultiFactorAuthPresent":"false"}"#, &[("aws:MultiFactorAuthPresent", "true")]),
        (r#""Null":{"aws:username":"false"}"#, &[]),
    ] {
        let answer = last(&denied_when(condition), &asked(APP, &[], "s3:GetObject", given));
        assert!(answer.is_allowed() && not_given(&answer).is_empty(), "{condition}: {:?}", answer.assumed);
    }
}

#[test]
fn what_else_a_deny_asks_for_is_taken_for_granted() {
    for (condition, key) in [
        (r#""IpAddress":{"aws:SourceIp":"127.0.0.0/8"}"#, "aws:SourceIp"),
        (r#""Null":{"aws:SourceIp":"false"}"#, "aws:SourceIp"),
        (r#""NumericLessThan":{"s3:TlsVersion":"1.4"}"#, "s3:TlsVersion"),
        (r#""StringEquals":{"aws:RequestedRegion":"eu-west-1"}"#, "aws:RequestedRegion"),
        (r#""StringLike":{"aws:userid":"AROAEXAMPLEEXAMPLE123:*"}"#, "aws:userid"),
    ] {
        let side = denied_when(condition);
        let answer = last(&side, &asked(APP, &[], "s3:GetObject", &[]));
        assert!(answer.is_allowed(), "{condition}");
        assert_eq!(not_given(&answer), [key], "{condition}");
    }
    let side = denied_when(r#""IpAddress":{"aws:SourceIp":"127.0.0.0/8"}"#);
    let elsewhere = last(&side, &asked(APP, &[], "s3:GetObject", &[("aws:SourceIp", "203.0.113.1")]));
    assert!(elsewhere.is_allowed() && not_given(&elsewhere).is_empty());
    assert!(!last(&side, &asked(APP, &[], "s3:GetObject", &[("aws:SourceIp", "127.0.0.1")])).is_allowed());
    // What does not hold whatever the address is, rests on none.
    let both = denied_when(r#""IpAddress":{"aws:SourceIp":"127.0.0.0/8"},"Bool":{"aws:SecureTransport":"false"}"#);
    assert!(not_given(&last(&both, &asked(APP, &[], "s3:GetObject", &[]))).is_empty());
}

/// What an Allow, or a Deny in the way, rests on where nothing is known of it, is said; and the request is put right before the policy is.
#[test]
fn what_a_yes_or_a_no_rests_on_is_taken_for_granted() {
    let when = |condition: &str| format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{{{condition}}}}}"#);
    let answer = |policies: &str, given: &[(&str, &str)]| last(&estate(policies, &[], TRUST_APP, QUIET), &asked(APP, &[], "s3:GetObject", given));
    for (condition, key) in [
        (r#""StringNotLike":{"aws:userid":"AROAEXAMPLEEXAMPLE123:*"}"#, "aws:userid"),
        (r#""StringNotEquals":{"aws:PrincipalOrgID":"o-example"}"#, "aws:PrincipalOrgID"),
        (r#""NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}"#, "aws:SourceIp"),
        (r#""StringEqualsIfExists":{"aws:SourceVpc":"vpc-1"}"#, "aws:SourceVpc"),
    ] {
        let alone = answer(&when(condition), &[]);
        assert!(alone.is_allowed(), "{condition}");
        assert_eq!(not_given(&alone), [key], "{condition}");
        let beside = answer(&format!("{},{}", when(condition), allow("s3:*", "*")), &[]);
        assert!(beside.is_allowed() && not_given(&beside).is_empty(), "{condition}: {:?}", beside.assumed);
    }
    let known = answer(&when(r#""NotIpAddress":{"aws:SourceIp":"127.0.0.0/8"}"#), &[("aws:SourceIp", "203.0.113.1")]);
    assert!(known.is_allowed() && not_given(&known).is_empty());
    for (condition, key) in [
        (r#""NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#, "aws:SourceIp"),
        (r#""StringNotEquals":{"aws:PrincipalOrgID":"o-example"}"#, "aws:PrincipalOrgID"),
    ] {
        let no = last(&denied_when(condition), &asked(APP, &[], "s3:GetObject", &[]));
        assert!(!no.is_allowed());
        assert_eq!(not_given(&no), [key], "{condition}");
        assert!(matches!(&no.fixes[..], [Fix::Except { open, .. }] if *open == [key]), "{condition}: {:?}", no.fixes);
        let given = last(&denied_when(condition), &asked(APP, &[], "s3:GetObject", &[(key, "127.0.0.1")]));
        assert!(not_given(&given).is_empty() && matches!(&given.fixes[..], [Fix::Except { open, .. }] if open.is_empty()), "{given:#?}");
    }
    // One Deny that rests on nothing is enough for a no.
    let flat = r#"{"Effect":"Deny","Action":"s3:GetObject","Resource":"*"}"#;
    let no = answer(&format!("{},{flat},{}", allow("s3:*", "*"), when(r#""NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#).replace("Allow", "Deny")), &[]);
    assert!(!no.is_allowed() && not_given(&no).is_empty(), "{:?}", no.assumed);
}

/// Without a session policy a session from GetFederationToken has what names it, and its name does not tell whose it is (STS API reference).
#[test]
fn a_federated_user_has_little_of_its_own() {
    let all = Compiled::new(&document(&allow("*", "*")), "");
    let bucket = |principal: &str| {
        let text = format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}"#);
        Compiled::new(&document(&text), "")
    };
    let session = "arn:aws:sts::222222222222:federated-user/ann";
    let question = Question { resource_account: Some("222222222222".to_owned()), ..asked(session, &[], "s3:GetObject", &[]) };
    let none = Policies { identity: vec![&all], ..Policies::default() };
    assert!(!explain_alone(&question, &none).is_allowed());
    let (of_user, of_session) = (bucket(ANN), bucket(session));
    for (resource, given, may) in [(&of_user, false, false), (&of_session, false, true), (&of_user, true, true)] {
        let session = given.then(|| vec![&all]);
        let answer = explain_alone(&question, &Policies { resource: Some(resource), session, ..Policies::default() });
        assert_eq!(answer.is_allowed(), may, "{answer:#?}");
        assert!(answer.assumed.contains(&Assumption::OfUserOfItsName), "{answer:#?}");
    }
}

/// A root user has no policies of its own, and so none that are not known; and it is one party.
#[test]
fn a_root_user_is_let_by_nothing_that_is_not_known() {
    let root = "arn:aws:iam::222222222222:root";
    let answer = last(&estate("", &[], TRUST_APP, QUIET), &asked(root, &[], "s3:GetObject", &[]));
    assert!(answer.is_allowed() && answer.assumed.is_empty(), "{answer:#?}");
    let spares = r#"{"Effect":"Deny","NotPrincipal":{"AWS":["arn:aws:iam::222222222222:root","arn:aws:iam::222222222222:role/App"]},"Action":"s3:PutObject","Resource":"arn:aws:s3:::data/*"}"#;
    let mut side = estate("", &[], TRUST_APP, spares);
    side.whole.insert("222222222222".to_owned());
    let said = ways(&side, "s3:PutObject", "arn:aws:s3:::data/x");
    assert_eq!(said.lines().filter(|line| line.starts_with("the root user of 222222222222")).count(), 1, "{said}");
}

/// Where nobody has read whether a public policy is closed to others, they are let in only as far as it is not.
#[test]
fn a_block_that_was_not_read_may_keep_others_out() {
    let open = r#"{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;
    for unread in [true, false] {
        let mut side = estate(&allow("s3:*", "*"), &[], TRUST_APP, open);
        side.blocks_unread = unread.then(|| "data".to_owned()).into_iter().collect();
        let assumed = Assumption::NoBlock { bucket: "data".to_owned() };
        for (who, outside) in [("anonymous", true), ("arn:aws:iam::333333333333:user/eve", true), (APP, false), ("ec2.amazonaws.com", false)] {
            let answer = last(&side, &asked(who, &[], "s3:GetObject", &[]));
            assert!(answer.is_allowed());
            assert_eq!(answer.assumed.contains(&assumed), unread && outside, "{who}: {:?}", answer.assumed);
        }
        let reach = who_can(&side, "s3:GetObject", OBJECT, None);
        assert_eq!(reach.undecided.iter().any(|u| u.why == Why::BlockNotRead), unread, "{:?}", reach.undecided);
    }
}

/// Of many, each with a place of its own: the statement lacks nothing, the request does.
#[test]
fn what_a_variable_stands_for_is_asked_for_and_not_added() {
    let home = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/home/${aws:PrincipalTag/team}/*"}"#;
    let side = estate(home, &[], &TRUST_APP.replace(r#""sts:AssumeRole""#, r#"["sts:AssumeRole","sts:TagSession"]"#), QUIET);
    let question = |given: &[(&str, &str)]| Question { resource: "arn:aws:s3:::data/home/red/x".to_owned(), ..asked(APP, &[], "s3:GetObject", given) };
    let no = last(&side, &question(&[]));
    let keys = vec!["aws:PrincipalTag/team".to_owned()];
    assert!(!no.is_allowed() && not_given(&no) == keys, "{no:#?}");
    assert!(matches!(&no.fixes[..], [Fix::Bring { keys: brought, .. }] if *brought == keys), "{:?}", no.fixes);
    assert!(last(&side, &question(&[("aws:PrincipalTag/team", "red")])).is_allowed());
    let other = last(&side, &question(&[("aws:PrincipalTag/team", "blue")]));
    assert!(matches!(&other.fixes[..], [Fix::Complete { .. }]) && not_given(&other).is_empty(), "{:?}", other.fixes);
}

/// Whom a bucket names needs nothing of its own policies: what keeps it out is its boundary.
#[test]
fn a_no_is_of_what_limits_whom_the_resource_names() {
    let bucket = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/App"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;
    let (bucket, boundary) = (Compiled::new(&document(bucket), ""), Compiled::new(&document(&allow("ec2:*", "*")), "boundary"));
    let policies = Policies { resource: Some(&bucket), boundary: Some(vec![&boundary]), ..Policies::default() };
    let question = Question { resource_account: Some("222222222222".to_owned()), ..asked(APP, &[], "s3:GetObject", &[]) };
    let no = explain_alone(&question, &policies);
    assert_eq!((no.is_allowed(), no.layer, no.needs), (false, Some(Layer::Boundary), vec![Layer::Boundary]));
}

/// Where a statement's variable is filled in, one session is still the one that policies name, by its ARN and by its name.
#[test]
fn one_session_is_itself_beside_a_variable() {
    let home = r#"{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::data/home/${aws:userid}/*"}"#;
    let one = |effect: &str, name: &str, more: &str| {
        format!(
            r#"{{"Effect":"{effect}","Principal":{{"AWS":"arn:aws:sts::222222222222:assumed-role/App/{name}"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"{more}}}"#
        )
    };
    let side = |more: &str| estate(&allow("sqs:*", "*"), &[], TRUST_APP, &format!("{home}{more}"));
    let gain = |more: &str| lines(&side(""), &side(&format!(",{}", one("Allow", "ci", more))));
    let gains = |said: &[String]| said.iter().any(|l| l.starts_with("+ session ci of role App of 222222222222 gains s3:GetObject on data/*"));
    assert!(gains(&gain("")), "{:#?}", gain(""));
    for (pattern, may) in [("AROA*:ci", true), ("AROA*:other", false)] {
        let said = gain(&format!(r#","Condition":{{"StringLike":{{"aws:userid":"{pattern}"}}}}"#));
        assert_eq!(gains(&said), may, "{pattern}: {said:#?}");
    }
    let role = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/App"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}"#;
    let said = ways(&side(&format!(",{role},{}", one("Deny", "evil", ""))), "s3:GetObject", "arn:aws:s3:::data/x");
    assert!(said.contains("role App of 222222222222") && !said.lines().any(|line| line.starts_with("session evil")), "{said}");
}

#[test]
fn a_session_has_nothing_of_who_assumed_the_role() {
    let trust = format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{ANN}"}},"Action":"sts:AssumeRole"}}"#);
    let only_when = |condition: &str| format!(r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{{{condition}}}}}"#);
    for (condition, given, passes) in [
        (r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#, ("aws:MultiFactorAuthPresent", "true"), false),
        (r#""NumericLessThan":{"aws:MultiFactorAuthAge":"60"}"#, ("aws:MultiFactorAuthAge", "1"), false),
        (r#""StringEquals":{"aws:username":"ann"}"#, ("aws:username", "ann"), false),
        (r#""StringEquals":{"aws:userid":"AIDAEXAMPLE"}"#, ("aws:userid", "AIDAEXAMPLE"), false),
        (r#""StringEquals":{"aws:PrincipalTag/team":"red"}"#, ("aws:PrincipalTag/team", "red"), false),
        (r#""StringEquals":{"aws:PrincipalOrgID":"o-example"}"#, ("aws:PrincipalOrgID", "o-example"), false),
        (r#""StringEquals":{"sts:ExternalId":"id"}"#, ("sts:ExternalId", "id"), false),
        (r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#, ("aws:SourceIp", "203.0.113.1"), true),
    ] {
        let side = estate(&only_when(condition), &[], &trust, QUIET);
        let answers = side.ask(&asked(ANN, &[APP], "s3:GetObject", &[given]));
        assert_eq!(answers.iter().map(Explanation::is_allowed).collect::<Vec<_>>(), [true, passes], "{condition}");
    }
    // Its own tags are not those of the caller.
    let side = estate(&only_when(r#""StringEquals":{"aws:PrincipalTag/team":"blue"}"#), &[("team", "blue")], &trust, QUIET);
    assert!(last(&side, &asked(ANN, &[APP], "s3:GetObject", &[("aws:PrincipalTag/team", "red")])).is_allowed());
}

/// What is sent along is sent to each role on the way; what the first caller has stays with it.
#[test]
fn an_external_id_goes_to_every_role_that_is_assumed() {
    const FAR: &str = "arn:aws:iam::222222222222:role/Far";
    let trust = |who: &str, when: &str| format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{who}"}},"Action":"sts:AssumeRole","Condition":{{{when}}}}}"#);
    let id = r#""StringEquals":{"sts:ExternalId":"id"}"#;
    let factor = r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#;
    let (given, mfa) = (("sts:ExternalId", "id"), ("aws:MultiFactorAuthPresent", "true"));
    for (first, second, given, passes) in [
        (id, "", &[given][..], true),
        ("", id, &[given], true),
        (id, id, &[given], true),
        ("", id, &[], false),
        (factor, id, &[given, mfa], true),
        (factor, factor, &[given, mfa], false),
    ] {
        let mut side = estate(&allow("sts:AssumeRole", "*"), &[], &trust(ANN, first), QUIET);
        let far = estate(&allow("s3:GetObject", "*"), &[], &trust(APP, second), QUIET);
        side.principals.extend(far.principals.into_values().map(|mut role| {
            role.name = "Far".to_owned();
            (FAR.to_owned(), role)
        }));
        side.roles.extend(far.roles.into_values().map(|trust| (FAR.to_owned(), trust)));
        let last = last(&side, &asked(ANN, &[APP, FAR], "s3:GetObject", given));
        assert_eq!((last.is_allowed(), last.action == "s3:GetObject"), (passes, passes), "{first} {second} {given:?}: {last:?}");
    }
}

/// Tags of a bucket are no advice where they are there: what they decide is up to a switch that nobody reads.
#[test]
fn tags_of_a_bucket_are_said_to_decide_nothing() {
    let own = |key: &str| format!(r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{{"StringEquals":{{"{key}":"red"}}}}}}"#);
    let tags: std::collections::BTreeMap<String, String> = [("team".to_owned(), "red".to_owned())].into();
    let noted = Assumption::BucketTags { bucket: "data".to_owned(), tags: tags.clone() };
    for (key, told) in [("aws:ResourceTag/team", true), ("s3:BucketTag/team", true), ("aws:RequestTag/team", false)] {
        let mut side = estate(&own(key), &[], TRUST_APP, QUIET);
        side.tags.insert("arn:aws:s3:::data".to_owned(), tags.clone());
        let answer = last(&side, &asked(APP, &[], "s3:GetObject", &[]));
        assert_eq!((answer.is_allowed(), answer.assumed.contains(&noted)), (false, told), "{key}: {answer:#?}");
        let given = last(&side, &asked(APP, &[], "s3:GetObject", &[(key, "red")]));
        assert!(given.is_allowed() && !given.assumed.contains(&noted), "{key}: {given:#?}");
    }
}

#[test]
fn a_session_that_may_bring_tags_has_those_of_its_role() {
    let trust = TRUST_APP.replace(r#""sts:AssumeRole""#, r#"["sts:AssumeRole","sts:TagSession"]"#);
    let by_name = r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/App"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/${aws:PrincipalTag/team}/*"}"#;
    for (team, trust, rests) in [("red", trust.as_str(), true), ("red", TRUST_APP, false), ("blue", trust.as_str(), true)] {
        let side = estate(&allow("sqs:*", "*"), &[("team", team)], trust, &format!("{QUIET},{by_name}"));
        let answer = last(&side, &asked(APP, &[], "s3:GetObject", &[]));
        assert_eq!(answer.is_allowed(), team == "red", "{team}");
        let said = answer.assumed.contains(&Assumption::RoleTags { keys: vec!["aws:PrincipalTag/team".to_owned()] });
        assert_eq!(said, rests, "{team}: {:?}", answer.assumed);
        let own = last(&side, &asked(APP, &[], "s3:GetObject", &[("aws:PrincipalTag/team", "red")]));
        assert!(own.is_allowed() && own.assumed.iter().all(|a| !matches!(a, Assumption::RoleTags { .. })));
    }
}

#[test]
fn one_session_is_told_from_its_role() {
    let session = "arn:aws:sts::222222222222:assumed-role/App/deploy";
    let one = format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{session}"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}}"#);
    let side = estate(&allow("sqs:*", "*"), &[], TRUST_APP, &format!("{QUIET},{one}"));
    for (principal, may) in [(session, true), ("arn:aws:sts::222222222222:assumed-role/App/other", false)] {
        let answer = last(&side, &asked(principal, &[], "s3:GetObject", &[]));
        assert_eq!((answer.is_allowed(), answer.party), (may, Party::of(principal)));
    }
    assert_eq!(last(&side, &asked(APP, &[], "s3:GetObject", &[])).party, Party::of(APP));
}

fn ways(side: &Estate, action: &str, resource: &str) -> String {
    let reach = who_can(side, action, resource, None);
    crossrole_report::ways(&reach.ways, &reach.undecided, &[], crossrole_report::View::default())
}

#[test]
fn whoever_a_variable_in_a_resource_lets_in_is_among_those_who_can() {
    for (pattern, when) in [
        ("data/${aws:PrincipalTag/team}/*", "when aws:PrincipalTag/team is red"),
        ("data/${aws:PrincipalTag/team}/x", "when aws:PrincipalTag/team is red"),
        ("data/*/${aws:PrincipalTag/file}", "when aws:PrincipalTag/file is x"),
        ("data/${aws:username}/*", "when aws:username is red"),
    ] {
        let policy = format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::{pattern}"}}"#);
        let side = estate(&allow("sqs:*", "*"), &[], TRUST_APP, &format!("{QUIET},{policy}"));
        let said = ways(&side, "s3:GetObject", OBJECT);
        let line = said.lines().find(|line| line.starts_with("any principal of 111111111111 that its own policies let: "));
        assert!(line.is_some_and(|line| line.contains(when)), "{pattern}: {said}");
    }
    let other = r#"{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/blue/${aws:PrincipalTag/team}"}"#;
    let side = estate(&allow("sqs:*", "*"), &[], TRUST_APP, &format!("{QUIET},{other}"));
    assert!(!ways(&side, "s3:GetObject", OBJECT).contains("111111111111"));
}

#[test]
fn the_root_user_of_an_account_that_was_read_is_listed_where_it_may() {
    let root = "the root user of 222222222222: ";
    let shut = r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::data","arn:aws:s3:::data/*"]}"#;
    for (policy, action, resource, may) in [
        (shut, "s3:GetBucketPolicy", "arn:aws:s3:::data", true),
        (shut, "s3:ListBucket", "arn:aws:s3:::data", false),
        (QUIET, "s3:ListBucket", "arn:aws:s3:::data", true),
        (QUIET, "sts:AssumeRole", APP, false),
    ] {
        let mut side = estate(&allow("sqs:*", "*"), &[], TRUST_APP, policy);
        side.whole.insert("222222222222".to_owned());
        let said = ways(&side, action, resource);
        assert_eq!(said.contains(root), may, "{action}: {said}");
    }
}

/// What manifests say, and no more.
fn of_manifest(body: &str) -> Estate {
    let text = format!("name = \"m\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n{body}");
    let (desired, findings) = crossrole_manifest::load_in(&[Source { file: "m.toml".into(), text }], &crossrole_manifest::Surroundings::default());
    Objects::desired(&desired.unwrap_or_else(|| panic!("{findings:?}"))).estate()
}

#[test]
fn a_role_is_named_by_its_whole_arn() {
    let estate = |named: &str| {
        of_manifest(&format!(
            "[roles.Pc]\npath = \"/new/\"\n[[roles.Pc.trust]]\naccount = \"dev\"\n[roles.Other]\n[[roles.Other.trust]]\nprincipal = \"arn:aws:iam::222222222222:role/{named}\"\n"
        ))
    };
    let other = "arn:aws:iam::222222222222:role/Other";
    let pc = "arn:aws:iam::222222222222:role/new/Pc";
    for (named, may) in [("new/Pc", true), ("Pc", false), ("old/Pc", false), ("new/pc", false)] {
        let side = estate(named);
        let question = Question { resource: other.to_owned(), ..asked(pc, &[], "sts:AssumeRole", &[]) };
        assert_eq!(last(&side, &question).is_allowed(), may, "{named}");
        let said = ways(&side, "sts:AssumeRole", other);
        assert_eq!(said.contains("role new/Pc of 222222222222"), may, "{named}: {said}");
        assert!(!said.contains("role Pc of") && !said.contains("role old/Pc of"), "{named}: {said}");
    }
}

#[test]
fn a_principal_that_manifests_rely_on_has_the_path_that_they_write() {
    let side = of_manifest(
        "[roles.Lr]\n[[roles.Lr.trust]]\nrole = \"dev/service-role/LambdaExec\"\n[[roles.Lr.trust]]\nuser = \"dev/people/ann\"\n[[roles.Lr.trust]]\nuser = \"dev/bob\"\n",
    );
    for principal in ["role/service-role/LambdaExec", "user/people/ann", "user/bob"] {
        let principal = format!("arn:aws:iam::111111111111:{principal}");
        let question = Question { resource: "arn:aws:iam::222222222222:role/Lr".to_owned(), ..asked(&principal, &[], "sts:AssumeRole", &[]) };
        let answer = last(&side, &question);
        assert!(answer.is_allowed() && answer.assumed.is_empty(), "{principal}: {:?} {:?}", answer.because, answer.assumed);
    }
    let said = ways(&side, "sts:AssumeRole", "arn:aws:iam::222222222222:role/Lr");
    assert!(!said.contains("which were not read") && said.contains("role service-role/LambdaExec of 111111111111: "), "{said}");
}

/// A federated user is whoever is behind it, whatever name it chose.
#[test]
fn what_names_a_user_names_its_federated_users() {
    let user = "arn:aws:iam::111111111111:user/u";
    let policy = format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}},{{"Effect":"Deny","Principal":{{"AWS":"{user}"}},"Action":"s3:*","Resource":"*"}}"#
    );
    let (resource, all) = (crossrole_access::Compiled::new(&document(&policy), ""), crossrole_access::Compiled::new(&document(&allow("*", "*")), ""));
    let policies = Policies { identity: vec![&all], resource: Some(&resource), ..Policies::default() };
    let session = |name: &str, user: &str| Caller::Federated { arn: format!("arn:aws:sts::111111111111:federated-user/{name}"), user: user.to_owned() };
    let another = "arn:aws:iam::111111111111:user/x/u";
    for (caller, may) in
        [(session("anything", user), false), (session("u", user), false), (session("u", another), true), (Caller::Arn(another.to_owned()), true)]
    {
        let request = Request {
            caller: caller.clone(),
            action: "s3:GetObject".to_owned(),
            resource: OBJECT.to_owned(),
            resource_account: Some("222222222222".to_owned()),
            context: Context::default(),
        };
        assert_eq!(evaluate(&request, &policies).is_allowed(), may, "{caller:?}");
    }
}
