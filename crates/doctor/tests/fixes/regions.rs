//! Where a call goes.

use crossrole_model::Observation;
use crossrole_model::diagnosis::{Cause, FixStep, RequestChange};
use crossrole_model::observed::KeyState;
use serde_json::json;

use super::{ANN, Call, DESK, Desk, KEY, OWNER, account, allow, call, causes};

/// The region that was called is that of the call at the end: a bucket or key answers in its own, and STS in any.
#[test]
fn the_region_that_was_called_counts() {
    const Q1: &str = "arn:aws:s3:::desk/reports/q1";
    const REGION: &str = "aws:RequestedRegion";
    let in_region = |mut call: Call, region: &'static str| {
        call.region = Some(region);
        call
    };
    let root = json!({"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"});
    let mut desk = Desk::new();
    desk.key(&json!([root]), KeyState::Enabled);
    let deny = |pattern: &str| json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringNotLike": {REGION: pattern}}});
    let own = |pattern: &str| json!([allow("s3:*", "*"), allow("kms:*", "*"), deny(pattern)]);
    // Where a bucket or a key is follows from what is called, said or not.
    for call in [call(DESK, "s3:GetObject", Q1, &[]), call(DESK, "kms:Decrypt", KEY, &[])] {
        for asked in [call.clone(), in_region(call.clone(), "us-east-1")] {
            desk.role(OWNER, "Desk", &json!([]), &own("us-*"));
            assert!(desk.lets(&asked), "{:#?}", desk.asked(&asked).causes);
            desk.role(OWNER, "Desk", &json!([]), &own("eu-*"));
            let found = desk.asked(&asked);
            assert_eq!((causes(&found)[0], found.causes[0].met.len()), (Cause::IdentityDenies, 1), "nobody moves a bucket: {:?}", found.causes);
        }
        desk.role(OWNER, "Desk", &json!([]), &own("us-*"));
        let found = desk.asked(&in_region(call, "eu-west-1"));
        assert_eq!(causes(&found), [Cause::WrongRegion]);
        let Some([FixStep::Request { changes, .. }]) = found.fix.as_deref() else { panic!("{:?}", found.fix) };
        assert_eq!(changes[..], [RequestChange::Region { region: Some("us-east-1".to_owned()) }]);
    }
    // What is copied may be elsewhere than where it is copied to.
    let mut copies = Desk::new();
    copies.role(OWNER, "Desk", &json!([]), &json!([allow("s3:*", "*")]));
    let Some(Observation::Known(Some(mut there))) = copies.observed.buckets.get("desk").cloned() else { panic!() };
    there.state.region = "eu-west-1".to_owned();
    copies.observed.buckets.insert("there".to_owned(), Observation::Known(Some(there)));
    copies.observed.bucket_accounts.insert("there".to_owned(), account(OWNER));
    let mut put = in_region(call(DESK, "s3:PutObject", Q1, &[]), "us-east-1");
    put.copies = Some("arn:aws:s3:::there/x".to_owned());
    assert!(copies.lets(&put), "{:?}", copies.asked(&put).causes);
    // A role on the way is assumed nobody knows where: a Deny there is no cause, and may be one.
    let mut way = Desk::new();
    way.user("ann", &json!([allow("sts:*", "*"), deny("eu-*")]));
    let found = way.asked_by_way(&in_region(call(ANN, "s3:GetObject", Q1, &[]), "us-east-1"), DESK);
    assert_eq!((causes(&found), &found.suspects[..]), (vec![], &[Cause::OtherCondition][..]));
}
