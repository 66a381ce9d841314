//! Whom a policy lets in, and what it asks for.

use std::collections::BTreeSet;

use crossrole_model::Observation;
use crossrole_model::diagnosis::{Cause, Found};
use crossrole_model::observed::KeyState;
use serde_json::json;

use super::{
    ANN, BOB, CALLER, Call, DESK, DEV, Desk, HERE, ID, KEY, MFA, OWNER, THERE, account, allow, assume, call, causes, document, guarded, lesser, no_command,
    value_of,
};

/// Whoever is let in besides has to bring what the statement asks of those whom it names: one that was deleted, too, and whatever of it
/// the refused call brought.
#[test]
fn who_is_let_in_brings_what_others_have_to() {
    let ec2 = json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"});
    let trusts = [
        json!([guarded(&json!(BOB))]),
        json!([ec2, guarded(&json!(BOB))]),
        json!([guarded(&json!("AROAEXAMPLEEXAMPLEAB"))]),
        json!([guarded(&json!([BOB, "AIDAEXAMPLEEXAMPLEAB"]))]),
        json!([{"Effect": "Allow", "Principal": {"AWS": DEV}, "Action": "sts:*", "Condition": {
            "StringEquals": {"sts:ExternalId": "desk-0815"}, "Bool": {"aws:MultiFactorAuthPresent": "true"},
            "IpAddress": {"aws:SourceIp": "127.0.0.0/8"}, "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::111111111111:user/team/*"},
        }}]),
    ];
    for trust in &trusts {
        let mut desk = Desk::new();
        desk.trust(trust);
        for brought in [&[ID, MFA, HERE][..], &[ID, HERE], &[HERE]] {
            let call = assume(ANN, brought);
            let others: Vec<Call> = lesser(ANN).into_iter().chain(lesser(BOB)).chain([assume(CALLER, &[ID, MFA, HERE])]).collect();
            let (found, made) = desk.treated(&call, &others);
            assert!([Cause::TrustLacks, Cause::TrustNamesDeleted].contains(&causes(&found)[0]), "{trust}: {:?}", found.causes);
            assert_eq!((value_of(&made, "sts:ExternalId"), value_of(&made, "aws:MultiFactorAuthPresent")), ("desk-0815", "true"));
        }
    }
    // Nothing is asked of anybody like the caller: what the call brought is.
    let mut desk = Desk::new();
    desk.trust(&json!([ec2]));
    desk.treated(&assume(ANN, &[ID, MFA]), &[assume(ANN, &[ID]), assume(ANN, &[MFA]), assume(ANN, &[])]);
}

/// The same of buckets, of keys and of the caller's own side.
#[test]
fn grants_beside_others_keep_their_conditions() {
    const READ: &str = "arn:aws:s3:::desk/reports/q1";
    let here = json!({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}});
    let mut desk = Desk::new();
    desk.user("ann", &json!([allow("s3:*", "*")]));
    desk.bucket(
        Some(&json!([{"Effect": "Allow", "Principal": {"AWS": BOB}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::desk/*", "Condition": here}])),
        false,
    );
    let (found, _) = desk.treated(&call(ANN, "s3:GetObject", READ, &[HERE]), &[call(ANN, "s3:GetObject", READ, &[THERE])]);
    assert_eq!(causes(&found), [Cause::BucketPolicyLacks]);
    let mut desk = Desk::new();
    desk.user(
        "ann",
        &json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": CALLER, "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]),
    );
    for brought in [&[MFA][..], &[]] {
        let (found, _) = desk.treated(&assume(ANN, brought), &[assume(ANN, &[])]);
        assert_eq!(causes(&found)[0], if brought.is_empty() { Cause::MfaMissing } else { Cause::IdentityLacks });
    }
    let mut desk = Desk::new();
    desk.user("ann", &json!([allow("s3:*", "*"), allow("kms:*", "*")]));
    let own = json!({"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"});
    desk.key(&json!([own, {"Effect": "Allow", "Principal": {"AWS": BOB}, "Action": "kms:Decrypt", "Resource": "*", "Condition": here}]), KeyState::Enabled);
    let (found, _) = desk.treated(&call(ANN, "kms:Decrypt", KEY, &[HERE]), &[call(ANN, "kms:Decrypt", KEY, &[THERE])]);
    assert_eq!(causes(&found), [Cause::KeyPolicyLacks]);
}

/// Where sessions are named one by one, one more is.
#[test]
fn one_session_more_is_one_session() {
    let session = |name: &str| format!("arn:aws:sts::111111111111:assumed-role/Caller/{name}");
    let mut desk = Desk::new();
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": session("ci")}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": "desk-0815"}}}]));
    let (_, other) = desk.treated(&assume(&session("dev"), &[ID]), &[assume(&session("ops"), &[ID]), assume(&session("dev"), &[])]);
    assert_eq!(other.who, session("dev"));
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": BOB}, "Action": "sts:AssumeRole"}]));
    let mut then = desk.clone();
    then.carry_out(&desk.asked(&assume(&session("dev"), &[])), &assume(&session("dev"), &[]));
    assert!(then.lets(&assume(&session("ops"), &[])), "whom policies name by their roles, as usual");
}

/// A key, or a role, that leaves it to the policies of its account: what lacks is the caller's own policy, as AWS says.
#[test]
fn what_is_left_to_the_account_lacks_on_the_callers_side() {
    let root = format!("arn:aws:iam::{OWNER}:root");
    let mut desk = Desk::new();
    desk.key(&json!([{"Effect": "Allow", "Principal": {"AWS": root}, "Action": "kms:*", "Resource": "*"}]), KeyState::Enabled);
    for said in [
        None,
        Some(
            "User: arn:aws:sts::222222222222:assumed-role/Desk/s is not authorized to perform: kms:Decrypt on the resource associated with this ciphertext because no identity-based policy allows the kms:Decrypt action",
        ),
    ] {
        let mut read = call(DESK, "s3:GetObject", "arn:aws:s3:::desk/reports/q1", &[]);
        read.denied = said.map(str::to_owned);
        let (found, _) = desk.treated(&read, &[call(DESK, "kms:Decrypt", KEY, &[]), call(DESK, "s3:GetObject", "arn:aws:s3:::desk/reports/q2", &[])]);
        assert_eq!(causes(&found), [Cause::KeyIdentityLacks]);
    }
    let mut desk = Desk::new();
    desk.role(OWNER, "Own", &json!([]), &json!([]));
    desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}]));
    let (found, _) = desk.treated(&assume("arn:aws:iam::222222222222:role/Own", &[]), &[]);
    assert_eq!(causes(&found), [Cause::IdentityLacks]);
}

/// A second factor is nothing that a session of a role can give.
#[test]
fn sessions_of_roles_are_not_told_to_bring_a_second_factor() {
    for (operator, key, value) in [("Bool", "aws:MultiFactorAuthPresent", "true"), ("NumericLessThan", "aws:MultiFactorAuthAge", "300")] {
        let mut desk = Desk::new();
        desk.trust(&json!([{"Effect": "Allow", "Principal": {"AWS": [CALLER, ANN]}, "Action": "sts:AssumeRole", "Condition": {operator: {key: value}}}]));
        for who in [CALLER, "arn:aws:sts::111111111111:assumed-role/Caller/dev"] {
            let found = desk.asked(&assume(who, &[]));
            assert_eq!((causes(&found), &found.fix), (vec![Cause::MfaMissing], &None));
        }
        no_command(&desk.treated(&assume(ANN, &[]), &[]).0);
    }
}

/// What the first caller has stays with it; an external id goes along.
#[test]
fn a_session_on_the_way_has_nothing_of_who_assumed_its_role() {
    const FAR: &str = "arn:aws:iam::222222222222:role/Far";
    let trusts = |who: &str, key: &str, value: &str| json!([{"Effect": "Allow", "Principal": {"AWS": who}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {key: value}}}]);
    let mut list = call(ANN, "s3:ListAllMyBuckets", "*", &[MFA, ID, ("aws:username", "ann"), ("aws:PrincipalTag/team", "red")]);
    list.context.set("aws:userid", "AIDAANN");
    for ((key, value), causes_of) in [
        (ID, vec![]),
        (MFA, vec![Cause::MfaMissing]),
        (("aws:username", "ann"), vec![Cause::TrustLacks]),
        (("aws:PrincipalTag/team", "red"), vec![Cause::OtherCondition]),
        (("aws:userid", "AIDAANN"), vec![Cause::TrustLacks]),
    ] {
        let mut desk = Desk::new();
        desk.role(OWNER, "Desk", &trusts(ANN, key, value), &json!([allow("sts:AssumeRole", "*")]));
        desk.role(OWNER, "Far", &trusts(DESK, key, value), &json!([allow("s3:*", "*")]));
        let found = desk.asked_via(&list, vec![DESK.to_owned(), FAR.to_owned()]);
        assert_eq!(causes(&found), causes_of, "{key}: {:#?}", found.causes);
        assert!(found.causes.iter().all(|cause| (cause.hop, cause.principal.as_str()) == (1, DESK)), "{key}");
    }
}

/// What was not read lacks nothing, and lets nobody.
#[test]
fn a_policy_that_was_not_read_is_no_cause() {
    use crossrole_model::observed::Unreadable;
    let call = assume(ANN, &[ID]);
    let mut unreadable = Desk::new();
    unreadable.observed.accounts.insert(account(OWNER), Observation::Unreadable(Unreadable::not_tried("account")));
    let mut of_single_objects = Desk::new();
    of_single_objects.state(OWNER).complete = false;
    of_single_objects.state(OWNER).roles.clear();
    let mut never = Desk::new();
    never.observed.accounts.remove(&account(OWNER));
    let mut own = Desk::new();
    own.state(DEV).complete = false;
    own.state(DEV).roles.clear();
    let mut of_own = call.clone();
    of_own.resource = CALLER.to_owned();
    for (desk, call) in [(&unreadable, &call), (&of_single_objects, &call), (&never, &call), (&own, &of_own)] {
        for denied in [None, Some(format!("User: {ANN} is not authorized to perform: sts:AssumeRole on resource: {}", call.resource))] {
            let mut call = call.clone();
            call.denied = denied;
            let found = desk.asked(&call);
            assert_eq!((causes(&found), found.found()), (vec![], Found::Unknown));
            for check in &found.checks {
                use crossrole_model::diagnosis::{Checked, Verdict};
                let open = matches!(check.verdict, Verdict::Unknown { .. });
                assert!(open || ![Checked::Trust, Checked::ExternalId, Checked::SecondFactor].contains(&check.what), "{check:?}");
            }
        }
    }
    // The caller's own side was read.
    unreadable.user("ann", &json!([]));
    assert_eq!(causes(&unreadable.asked(&call)), [Cause::IdentityLacks]);
    // What was read whole lacks it.
    let mut whole = Desk::new();
    whole.trust(&json!([]));
    assert_eq!(causes(&whole.asked(&call)), [Cause::TrustLacks]);
}

/// A trust that could not be read is taken to be what the manifest says, and that is said of all that follows from it.
#[test]
fn a_trust_that_was_not_read_is_supposed_to_be_the_manifests() {
    use crossrole_model::diagnosis::{Checked, NotKnown, Verdict};
    use crossrole_model::observed::Unreadable;
    use crossrole_model::{Address, DesiredObject, DesiredState, Kind};
    let mut desk = Desk::new();
    let Some(mut state) = desk.state(OWNER).roles.get("desk").map(|role| role.state.clone()) else { panic!() };
    state.trust = document(&json!([guarded(&json!(ANN))]));
    let object = DesiredObject { owner: "m".to_owned(), also: BTreeSet::new(), adopt: false, state: DesiredState::Role { state, keep_foreign: false } };
    desk.desired.objects.insert(Address::new(&account(OWNER), Kind::Role, "Desk"), object);
    let mut unreadable = desk.clone();
    unreadable.observed.accounts.insert(account(OWNER), Observation::Unreadable(Unreadable::not_tried("account")));
    let mut of_single_objects = desk.clone();
    of_single_objects.state(OWNER).complete = false;
    of_single_objects.state(OWNER).roles.clear();
    let mut never = desk.clone();
    never.observed.accounts.remove(&account(OWNER));
    for (at, other) in [unreadable, of_single_objects, never].into_iter().enumerate() {
        let found = other.asked(&assume(ANN, &[MFA, HERE]));
        assert_eq!((causes(&found), found.causes[0].supposed), (vec![Cause::ExternalIdMissing], true), "{at}");
        assert_eq!((found.supposed.as_slice(), found.unread), (&[DESK.to_owned()][..], true));
        let (_, made) = other.treated_as(&found, &assume(ANN, &[MFA, HERE]));
        assert_eq!(value_of(&made, "sts:ExternalId"), "desk-0815");
        // By what the manifest says it is let: that is not known all the same.
        let found = other.asked(&assume(ANN, &[ID, MFA, HERE]));
        assert_eq!((causes(&found), found.found()), (vec![], Found::Unknown));
        let trust = found.checks.iter().find(|check| check.what == Checked::Trust).unwrap();
        assert_eq!(trust.verdict, Verdict::Unknown { why: NotKnown::Supposed });
        // Whom it does not name: nothing is proposed for what is the manifest's, and was not read.
        let found = other.asked(&assume(BOB, &[ID, MFA, HERE]));
        assert_eq!((causes(&found)[0], found.causes[0].supposed, &found.fix), (Cause::TrustLacks, true, &None));
        let own = other.clone().with_ann(&json!([]));
        let found = own.asked(&assume(ANN, &[ID, MFA, HERE]));
        assert_eq!((causes(&found)[0], found.causes[0].supposed), (Cause::IdentityLacks, false));
    }
    // What was read is what counts.
    let found = desk.asked(&assume(ANN, &[]));
    assert_eq!((causes(&found), found.supposed.len(), found.found()), (vec![], 0, Found::Allowed));
}
