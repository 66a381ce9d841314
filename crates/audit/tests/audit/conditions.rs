//! Conditions: which of them keep anybody out, by the key, the operator, and each of several values.

use std::collections::BTreeSet;

use crossrole_model::Observation;
use crossrole_model::audit::{Audit, Detail, Lacks, Limits, Origin, Rule};
use crossrole_model::state::{BucketPolicyState, PublicAccessBlock};

use super::{MAIN, audited, audited_of, bucket, document, read, role};

const PEOPLE: [Rule; 5] = [Rule::Anyone, Rule::AccountWide, Rule::NoExternalId, Rule::NoMfa, Rule::TokensNotPinned];

fn found(audit: &Audit) -> BTreeSet<Rule> {
    audit.issues.iter().map(|issue| issue.rule).filter(|rule| PEOPLE.contains(rule)).collect()
}

/// A role with these statements for its trust.
fn of_role(statements: &str) -> Audit {
    let mut reader = role("Reader", MAIN, "arn:aws:iam::1:role/x");
    reader.state.trust = document(statements);
    audited(&read(vec![(MAIN, vec![reader], Vec::new())]), Limits::default(), &[])
}

/// A bucket with these statements for its policy, and no block of public access.
fn of_bucket(statements: &str) -> Audit {
    of_blocked(statements, false)
}

fn of_blocked(statements: &str, block: bool) -> Audit {
    let mut all = bucket(None);
    if let Some(Observation::Known(Some(bucket))) = all.observed.buckets.get_mut("data") {
        bucket.state.public_access_block = Some(PublicAccessBlock::all(block));
        bucket.policy = Observation::Known(BucketPolicyState { document: Some(document(statements)) });
    }
    audited(&all, Limits::default(), &[])
}

fn anyone_assumes(condition: &str) -> Audit {
    of_role(&format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"*"}},"Action":"sts:AssumeRole","Condition":{condition}}}"#))
}

fn anyone_reads(condition: &str) -> Audit {
    of_bucket(&format!(r#"{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{condition}}}"#))
}

/// What is asked of a bucket that anybody may read is `anyone`, or it is not.
fn is_open(cases: &[(&str, bool)]) {
    let wrong = cases.iter().filter(|(condition, open)| found(&anyone_reads(condition)).contains(&Rule::Anyone) != *open);
    let wrong: Vec<String> = wrong.map(|(condition, open)| format!("{condition}: open should be {open}\n{:#?}", anyone_reads(condition).ways)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Values are alternatives: one that is of any organization lets in anyone, whatever stands beside it.
#[test]
fn paths_of_organizations_are_all_of_a_known_one() {
    let one = r#"["o-a1b2c3d4e5/*"]"#;
    for (paths, organization) in [
        (one, Some("o-a1b2c3d4e5")),
        (r#"["o-a1b2c3d4e5/r-ab12/*","o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/*"]"#, Some("o-a1b2c3d4e5")),
        (r#"["o-a1b2c3d4e5/*","o-f6g7h8i9j0/*"]"#, Some("o-a1b2c3d4e5, o-f6g7h8i9j0")),
        (r#"["o-a1b2c3d4e5/*","*/r-zz/*"]"#, None),
        (r#"["o-a1b2c3d4e5/*","o-f6g7h8i9j0/*","o-*/r-zz/*"]"#, None),
        (r#"["o-a1b2c3d4e5*"]"#, None),
        (r#"["o-a1b2c3d4e?/*"]"#, None),
    ] {
        let found = anyone_assumes(&format!(r#"{{"ForAnyValue:StringLike":{{"aws:PrincipalOrgPaths":{paths}}}}}"#));
        let open = found.issues.iter().any(|issue| issue.rule == Rule::Anyone);
        assert_eq!(open, organization.is_none(), "{paths}");
        let origins: BTreeSet<Origin> = found.ways.into_iter().map(|way| way.origin).collect();
        let expected = organization.map_or(Origin::Anyone, |organization| Origin::Organization { organization: organization.into() });
        assert_eq!(origins, BTreeSet::from([expected]), "{paths}");
    }
    // Every value of none is met by nobody in particular.
    let every = |more: &str| found(&anyone_assumes(&format!(r#"{{"ForAllValues:StringLike":{{"aws:PrincipalOrgPaths":{one}}}{more}}}"#)));
    assert!(every("").contains(&Rule::Anyone));
    assert!(!every(r#","Null":{"aws:PrincipalOrgPaths":"false"}"#).contains(&Rule::Anyone));
}

/// Whoever makes a bucket, a topic or an access point chooses its name, and not its account.
#[test]
fn arns_are_of_a_known_account_or_bucket() {
    is_open(&[
        (r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-east-1:*:accesspoint/shared"}}"#, true),
        (r#"{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:*:*:accesspoint/*"}}"#, true),
        (r#"{"ArnLike":{"s3:DataAccessPointArn":["arn:aws:s3:*:222222222222:accesspoint/*","arn:aws:s3:*:?22222222222:accesspoint/a"]}}"#, true),
        (r#"{"ArnLike":{"s3:DataAccessPointArn":"arn:aws:s3:us-east-1:222222222222:accesspoint/*"}}"#, false),
        (r#"{"StringLike":{"s3:DataAccessPointArn":"arn:aws:s3:*:222222222222:accesspoint/*"}}"#, false),
        (r#"{"StringLike":{"s3:DataAccessPointAccount":"*"}}"#, true),
        (r#"{"StringEquals":{"s3:DataAccessPointAccount":"222222222222"}}"#, false),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::logs-*"}}"#, true),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::log?"}}"#, true),
        (r#"{"ArnLike":{"aws:SourceArn":["arn:aws:s3:::logs","arn:aws:s3:::*"]}}"#, true),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:s3:::logs"}}"#, false),
        (r#"{"StringEquals":{"aws:SourceArn":"arn:aws:s3:::logs-*"}}"#, false),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:apigateway:us-east-1::/restapis/*"}}"#, true),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:route53:::hostedzone/Z1"}}"#, false),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:222222222222:*"}}"#, false),
        (r#"{"ArnLike":{"aws:SourceArn":"arn:aws:sns:us-east-1:*:topic"}}"#, true),
        (r#"{"ArnLike":{"aws:SourceVpcArn":"arn:aws:ec2:*:222222222222:vpc/*"}}"#, false),
        (r#"{"ArnLike":{"aws:SourceVpcArn":"arn:aws:ec2:*:*:vpc/vpc-1"}}"#, true),
        (r#"{"ArnEquals":{"lambda:SourceFunctionArn":"arn:aws:lambda:us-east-1:222222222222:function:f"}}"#, false),
        (r#"{"ArnLike":{"lambda:SourceFunctionArn":"arn:aws:lambda:us-east-1:*:function:f"}}"#, true),
    ]);
}

/// What S3 does not call public is a way in, whatever is blocked: its name may be any, where its account is a known one.
#[test]
fn access_points_of_a_known_account_are_not_public() {
    for (arn, is_way) in [
        ("arn:aws:s3:us-east-1:444444444444:accesspoint/shared", true),
        ("arn:aws:s3:us-east-1:444444444444:accesspoint/*", true),
        ("arn:aws:s3:*:444444444444:*", true),
        ("arn:aws:s3:us-east-1:*:accesspoint/shared", false),
        ("arn:aws:s3:us-east-1:44444444444?:accesspoint/shared", false),
    ] {
        let found = of_blocked(
            &format!(
                r#"{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":{{"ArnLike":{{"s3:DataAccessPointArn":"{arn}"}}}}}}"#
            ),
            true,
        );
        let people = found.ways.iter().any(|way| way.origin == Origin::Anyone);
        assert_eq!(people, is_way, "{arn}: {:#?}", found.ways);
    }
}

/// Keys that tell whose a request is, or where it comes from: with a fixed value they keep others out, with a pattern they do not.
#[test]
fn keys_that_tell_who_comes_are_known() {
    for (key, one, many) in [
        ("aws:VpceAccount", "222222222222", "*"),
        ("aws:VpceOrgID", "o-a1b2c3d4e5", "o-*"),
        ("aws:SourceVpc", "vpc-12345678", "vpc-*"),
        ("aws:SourceVpce", "vpce-12345678", "vpce-*"),
        ("aws:Ec2InstanceSourceVpc", "vpc-12345678", "vpc-*"),
        ("aws:PrincipalServiceName", "cloudtrail.amazonaws.com", "*.amazonaws.com"),
        ("aws:SourceAccount", "222222222222", "2*"),
        ("aws:SourceOwner", "222222222222", "2*"),
        ("aws:SourceOrgID", "o-a1b2c3d4e5", "o-*"),
        ("aws:PrincipalOrgID", "o-a1b2c3d4e5", "o-a*"),
        ("aws:VpceAccount", "${aws:ResourceAccount}", "${aws:PrincipalAccount}"),
        ("aws:PrincipalOrgID", "${aws:ResourceOrgID}", "${aws:PrincipalOrgID}"),
    ] {
        is_open(&[
            (&format!(r#"{{"StringEquals":{{"{key}":"{one}"}}}}"#), false),
            (&format!(r#"{{"StringLike":{{"{key}":"{one}"}}}}"#), false),
            (&format!(r#"{{"StringEqualsIfExists":{{"{key}":"{one}"}}}}"#), true),
            (&format!(r#"{{"StringNotEquals":{{"{key}":"{one}"}}}}"#), true),
            (&format!(r#"{{"StringLike":{{"{key}":"{many}"}}}}"#), true),
            (&format!(r#"{{"StringLike":{{"{key}":["{one}","{many}"]}}}}"#), true),
        ]);
    }
    for (key, one, many) in [
        ("aws:VpceOrgPaths", "o-a1b2c3d4e5/r-ab12/*", "*/r-ab12/*"),
        ("aws:SourceOrgPaths", "o-a1b2c3d4e5/*", "o-*"),
        ("aws:PrincipalServiceNamesList", "cloudtrail.amazonaws.com", "*"),
    ] {
        is_open(&[
            (&format!(r#"{{"ForAnyValue:StringLike":{{"{key}":"{one}"}}}}"#), false),
            (&format!(r#"{{"ForAnyValue:StringLike":{{"{key}":"{many}"}}}}"#), true),
            (&format!(r#"{{"ForAnyValue:StringLike":{{"{key}":["{one}","{many}"]}}}}"#), true),
            (&format!(r#"{{"ForAllValues:StringLike":{{"{key}":"{one}"}}}}"#), true),
        ]);
    }
}

/// AWS makes unique ids, so that a whole one is one role's, whatever its sessions are called.
#[test]
fn unique_ids_are_somebodys() {
    let cases = [
        ("AROAEXAMPLEEXAMPLEAB:*", false),
        ("AROAEXAMPLEEXAMPLEABC*", false),
        ("AROAEXAMPLEEXAMPLEABC:i-*", false),
        ("AIDAEXAMPLEEXAMPLEABC", false),
        ("AROA*", true),
        ("AROA*:ci", true),
        ("*:ci", true),
        ("A??????????????????EAB:ci", true),
    ];
    for (id, open) in cases {
        is_open(&[(&format!(r#"{{"StringLike":{{"aws:userid":"{id}"}}}}"#), open)]);
        let all = format!(r#"{{"StringNotLike":{{"aws:userid":["{id}","{MAIN}"]}}}}"#);
        let denied = of_bucket(&format!(
            r#"{{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}},
               {{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::data/*","Condition":{all}}}"#
        ));
        assert_eq!(found(&denied).contains(&Rule::Anyone), open, "{id}: {:#?}", denied.ways);
    }
}

/// Ranges are alternatives as well: many narrow ones are the internet.
#[test]
fn ranges_are_not_most_of_the_internet() {
    let list = |ranges: Vec<String>| format!(r#"{{"IpAddress":{{"aws:SourceIp":["{}"]}}}}"#, ranges.join(r#"",""#));
    let blocks = |from: u8, to: u8| (from..to).map(|at| format!("{at}.0.0.0/8")).collect::<Vec<_>>();
    is_open(&[
        (&list(blocks(1, 224)), true),
        (&list(blocks(1, 20)), true),
        (&list(blocks(1, 10)), false),
        // The same twice is not more.
        (&list([blocks(1, 10), blocks(1, 10)].concat()), false),
        (&list(vec!["10.0.0.0/8".into(), "172.16.0.0/12".into(), "192.168.0.0/16".into(), "203.0.113.7".into(), "2001:db8::/32".into()]), false),
        (&list(vec!["203.0.113.0/24".into(), "0.0.0.0/1".into()]), true),
        (&list(vec!["203.0.113.0/24".into(), "2000::/3".into()]), true),
        (&list(vec!["203.0.113.0/24".into(), "::/0".into()]), true),
        (r#"{"StringLike":{"aws:SourceIp":"*"}}"#, true),
        (r#"{"StringLike":{"aws:SourceIp":["203.0.113.*","*"]}}"#, true),
        (r#"{"StringLike":{"aws:SourceIp":"203.0.113.*"}}"#, false),
        (r#"{"StringEquals":{"aws:SourceIp":"203.0.113.7"}}"#, false),
    ]);
}

/// A star is a letter where the operator compares letter by letter: nobody has such a name.
#[test]
fn stars_are_letters_where_texts_are_compared_exactly() {
    let vendor = |condition: &str| {
        let principal = r#"{"AWS":"arn:aws:iam::333333333333:root"}"#;
        found(&of_role(&format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole","Condition":{condition}}}"#)))
    };
    let open = BTreeSet::from([Rule::AccountWide, Rule::NoExternalId]);
    assert_eq!(vendor(r#"{"StringLike":{"sts:ExternalId":"*"}}"#), open);
    assert_eq!(vendor(r#"{"StringEquals":{"sts:ExternalId":"*"}}"#), BTreeSet::new());
    assert_eq!(vendor(r#"{"StringEqualsIgnoreCase":{"sts:ExternalId":"???"}}"#), BTreeSet::new());
    // What the request says of itself is no secret; what is written beside it is.
    assert_eq!(vendor(r#"{"StringEquals":{"sts:ExternalId":"${aws:PrincipalAccount}"}}"#), open);
    assert_eq!(vendor(r#"{"StringLike":{"sts:ExternalId":"${aws:userid}*"}}"#), open);
    assert_eq!(vendor(r#"{"StringEquals":{"sts:ExternalId":"c0ffee-${aws:PrincipalAccount}"}}"#), BTreeSet::new());
    assert_eq!(vendor(r#"{"StringEquals":{"sts:ExternalId":"${aws:ResourceTag/id}"}}"#), BTreeSet::new());
}

/// Everybody of an account has an ARN, so that it is asked for by whatever operator.
#[test]
fn keys_that_each_has_are_asked_for_by_each_operator() {
    for operator in ["ArnLike", "ArnLikeIfExists", "ForAllValues:ArnLike", "ForAnyValue:ArnLike"] {
        for (arn, rules) in [("role/Deploy", &[Rule::NoExternalId][..]), ("*", &[Rule::AccountWide, Rule::NoExternalId])] {
            let condition = format!(r#"{{"{operator}":{{"aws:PrincipalArn":"arn:aws:iam::333333333333:{arn}"}}}}"#);
            let principal = r#"{"AWS":"arn:aws:iam::333333333333:root"}"#;
            let told = of_role(&format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole","Condition":{condition}}}"#));
            assert_eq!(found(&told), rules.iter().copied().collect(), "{condition}: {:#?}", told.ways);
            let open = anyone_reads(&format!(r#"{{"{operator}":{{"aws:PrincipalArn":"arn:aws:iam::333333333333:{arn}"}}}}"#));
            let unsigned = !operator.starts_with("ForAny") && operator != "ArnLike";
            assert_eq!(found(&open).contains(&Rule::Anyone), unsigned, "{operator} {arn}: {:#?}", open.ways);
        }
    }
}

/// What tokens of a provider are not asked for.
fn lacks(provider: &str, condition: &str) -> Option<Lacks> {
    let found =
        of_role(&format!(r#"{{"Effect":"Allow","Principal":{{"Federated":"{provider}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{condition}}}"#));
    assert!(!found.ways.is_empty(), "{condition}");
    found.issues.into_iter().filter(|issue| issue.rule == Rule::TokensNotPinned).find_map(|issue| match issue.detail {
        Detail::Way { lacks, .. } => lacks,
        _ => None,
    })
}

/// The same of a provider with a subject, or another claim.
fn token(host: &str, audience: &str, operator: &str, claim: &str, values: &str) -> Option<Lacks> {
    // The providers of that account were not read, so that each may be there.
    let provider = format!("arn:aws:iam::111111111111:oidc-provider/{host}");
    let more = format!(r#""{operator}":{{"{host}:{claim}":{values}}}"#);
    lacks(&provider, &format!(r#"{{"ForAnyValue:StringEquals":{{"{host}:aud":"{audience}"}},{more}}}"#))
}

/// A workflow is pinned as a subject is: the repository that it is in has to be a known one.
#[test]
fn workflows_and_subjects_are_of_one_repository() {
    let flow = |operator: &str, values: &str| token("token.actions.githubusercontent.com", "sts.amazonaws.com", operator, "job_workflow_ref", values);
    for (operator, values, many) in [
        ("StringLike", r#""*/.github/workflows/deploy.yml@*""#, Some("*/.github/workflows/deploy.yml@*")),
        ("StringLike", r#""*/*/.github/workflows/*""#, Some("*/*/.github/workflows/*")),
        ("StringLike", r#""acme/*""#, Some("acme/*")),
        ("StringLike", r#""acme/site*""#, Some("acme/site*")),
        ("StringLike", r#"["acme/site/.github/workflows/a.yml@*","*/b/c"]"#, Some("*/b/c")),
        ("StringLike", r#""acme/site/.github/workflows/deploy.yml@refs/heads/*""#, None),
        ("StringEquals", r#""acme/site/.github/workflows/deploy.yml@refs/heads/main""#, None),
        ("StringEquals", r#""*/*/.github/workflows/*""#, None),
    ] {
        assert_eq!(flow(operator, values), many.map(|pattern| Lacks::OneWorkflow(pattern.to_owned())), "{operator} {values}");
    }
    assert_eq!(flow("StringLike", r#""?*""#), Some(Lacks::Subject));
    // With a workflow that is of one repository, whose the subject is does not matter.
    let both = |flow: &str| {
        let host = "token.actions.githubusercontent.com";
        let sub = format!(r#""StringLike":{{"{host}:sub":"repo:acme/*","{host}:job_workflow_ref":"{flow}"}}"#);
        lacks(&format!("arn:aws:iam::111111111111:oidc-provider/{host}"), &format!(r#"{{"StringEquals":{{"{host}:aud":"sts.amazonaws.com"}},{sub}}}"#))
    };
    assert_eq!(both("acme/shared/.github/workflows/deploy.yml@*"), None);
    assert_eq!(both("*/shared/.github/workflows/deploy.yml@*"), Some(Lacks::OneWorkload("repo:acme/*".to_owned())));
}

/// What of a subject has to be written out is its provider's to say, and a star is a letter where texts are compared exactly.
#[test]
fn subjects_are_of_one_workload() {
    let many = true;
    let aud = "sts.amazonaws.com";
    for (host, operator, subject, is_many) in [
        ("token.actions.githubusercontent.com", "StringLike", "repo:acme/*", many),
        ("token.actions.githubusercontent.com", "StringEquals", "repo:acme/*", false),
        ("token.actions.githubusercontent.com", "StringEqualsIgnoreCase", "repo:acme/*", false),
        ("token.actions.githubusercontent.com", "StringLike", "repo:acme/site*", many),
        ("token.actions.githubusercontent.com", "StringLike", "repo:acme/site:*", false),
        ("token.actions.githubusercontent.com", "StringLike", "repo:*/*:environment:prod", many),
        ("token.actions.githubusercontent.com", "StringLike", "repo:acme@12/site@34:*", false),
        ("token.actions.githubusercontent.com", "StringLike", "repo:acme@*/site@*:ref:refs/heads/main", false),
        ("token.actions.githubusercontent.com", "StringLike", "repo:acme@*:ref:refs/heads/main", many),
        ("token.actions.githubusercontent.com", "StringEquals", "environment:prod", many),
        ("gitlab.com", "StringLike", "project_path:acme/*:ref_type:branch:ref:main", many),
        ("gitlab.com", "StringLike", "project_path:acme/site:*", false),
        ("app.terraform.io", "StringLike", "organization:acme:*", false),
        ("app.terraform.io", "StringLike", "organization:*:project:x:*", many),
        ("proidc.upbound.io", "StringLike", "mcp:acme/*:provider:provider-aws", many),
        ("proidc.upbound.io", "StringLike", "mcp:acme/prod:provider:*", false),
        ("oidc.circleci.com/org/c0ffee", "StringLike", "org/c0ffee/project/0ff1ce/user/*", false),
        ("oidc.circleci.com/org/c0ffee", "StringLike", "org/c0ffee/project/*/user/*", many),
        ("oidc.circleci.com/org/c0ffee", "StringLike", "org/c0ffee/*", many),
        ("oidc.eks.eu-west-1.amazonaws.com/id/0", "StringLike", "system:serviceaccount:*", many),
        ("oidc.eks.eu-west-1.amazonaws.com/id/0", "StringLike", "system:serviceaccount:*:web", many),
        ("oidc.eks.eu-west-1.amazonaws.com/id/0", "StringLike", "system:serviceaccount:site:web-*", false),
        ("api.pulumi.com/oidc", "StringLike", "pulumi:deploy:org:*", many),
        ("api.pulumi.com/oidc", "StringLike", "pulumi:deploy:org:acme:project:*", false),
    ] {
        let lacks = token(host, aud, operator, "sub", &format!(r#""{subject}""#));
        assert_eq!(lacks, is_many.then(|| Lacks::OneWorkload(subject.to_owned())), "{host} {operator} {subject}");
    }
    for (host, audience, pinned) in [
        ("proidc.upbound.io", "acme", false),
        ("gitlab.com", "acme", false),
        ("api.pulumi.com/oidc", "aws:acme", true),
        ("oidc.vercel.com", "https://vercel.com/acme", true),
        ("oidc.vercel.com", "sts.amazonaws.com", false),
    ] {
        let lacks = token(host, audience, "Null", "sub", r#""false""#);
        assert_eq!(lacks, (!pinned).then_some(Lacks::Subject), "{host} {audience}");
    }
}

/// Whoever knows the id of a pool is its guest, where it has guests.
#[test]
fn guests_of_a_pool_are_anyone() {
    let aud = r#""StringEquals":{"cognito-identity.amazonaws.com:aud":"eu-west-1:12345678-1234-1234-1234-123456789012"}"#;
    let amr = "cognito-identity.amazonaws.com:amr";
    for (condition, guests) in [
        (format!("{{{aud}}}"), true),
        (format!(r#"{{{aud},"ForAnyValue:StringLike":{{"{amr}":"unauthenticated"}}}}"#), true),
        (format!(r#"{{{aud},"ForAnyValue:StringEquals":{{"{amr}":["authenticated","unauthenticated"]}}}}"#), true),
        (format!(r#"{{{aud},"ForAnyValue:StringLike":{{"{amr}":"*"}}}}"#), true),
        (format!(r#"{{{aud},"ForAnyValue:StringLike":{{"{amr}":"*authenticated"}}}}"#), true),
        (format!(r#"{{{aud},"ForAllValues:StringLike":{{"{amr}":"authenticated"}}}}"#), true),
        (format!(r#"{{{aud},"ForAnyValue:StringLike":{{"{amr}":"authenticated"}}}}"#), false),
        (format!(r#"{{{aud},"ForAnyValue:StringLike":{{"{amr}":"graph.facebook.com"}}}}"#), false),
        (format!(r#"{{{aud},"ForAllValues:StringNotEquals":{{"{amr}":"unauthenticated"}}}}"#), false),
    ] {
        let expected = guests.then_some(Lacks::SignIn);
        assert_eq!(lacks("cognito-identity.amazonaws.com", &condition), expected, "{condition}");
    }
}

/// An organization of somebody else's is a third party, where it is said which ones are not.
#[test]
fn organizations_of_others_are_third_parties() {
    let own = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<String>>();
    let told = |principal: &str, condition: &str, ids: &[&str]| {
        let mut reader = role("Reader", MAIN, "arn:aws:iam::1:role/x");
        reader.state.trust =
            document(&format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole","Condition":{condition}}}"#));
        found(&audited_of(&read(vec![(MAIN, vec![reader], Vec::new())]), Limits::default(), &[], &own(ids)))
    };
    let vendors = r#"{"StringEquals":{"aws:PrincipalOrgID":"o-vendorvend"}}"#;
    let both = r#"{"StringEquals":{"aws:PrincipalOrgID":["o-vendorvend","o-a1b2c3d4e5"]}}"#;
    let paths = r#"{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-vendorvend/*"}}"#;
    let with_id = r#"{"StringEquals":{"aws:PrincipalOrgID":"o-vendorvend","sts:ExternalId":"c0ffee"}}"#;
    let resource = r#"{"StringEquals":{"aws:PrincipalOrgID":"${aws:ResourceOrgID}"}}"#;
    let ours = &["o-a1b2c3d4e5"][..];
    let third = [Rule::AccountWide, Rule::NoExternalId];
    for (principal, condition, ids, rules) in [
        ("*", vendors, &[][..], &[][..]),
        ("*", vendors, ours, &third),
        ("*", both, ours, &third),
        ("*", paths, ours, &third),
        ("*", with_id, ours, &[]),
        ("*", vendors, &["o-a1b2c3d4e5", "o-vendorvend"], &[]),
        ("*", resource, ours, &[]),
        ("arn:aws:iam::444444444444:root", vendors, &[], &[Rule::AccountWide]),
        ("arn:aws:iam::444444444444:root", vendors, ours, &third),
        ("arn:aws:iam::444444444444:role/Scanner", vendors, ours, &[Rule::NoExternalId]),
        ("arn:aws:iam::444444444444:role/Scanner", vendors, &["o-vendorvend"], &[]),
    ] {
        assert_eq!(told(principal, condition, ids), rules.iter().copied().collect(), "{principal} {condition} {ids:?}");
    }
}
