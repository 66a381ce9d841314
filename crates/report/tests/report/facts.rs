//! One of each fact, with a given text wherever a fact holds one. A variant that is new stops the build here.

#[path = "facts/decision.rs"]
mod decision;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::desired::{AccountInfo, ByHand, HandSide, ManifestRef};
use crossrole_model::limits::Quota;
use crossrole_model::observed::KeyState;
use crossrole_model::plan::{Difference, Meter, Record};
use crossrole_model::state::{BucketPolicyState, GroupState};
use crossrole_model::{
    AccountId, Action, Address, Borne, Broken, BucketCall, BucketRef, Call, Cause, Change, CloudError, Consequence, Digest, Drift, ErrorClass, Facet, IamCall,
    KeyRef, Kind, ObjectState, Part, Plan, PrincipalKind, PrincipalRef, Reason, Renamed, Retry, Seen, Step, StepId, StepResult, Subject, Unreadable, Withheld,
};
use crossrole_policy::{Document, Dropped, Unmergeable};

pub(crate) use decision::{answer, assumptions, becauses, fixes, lacks, statement};

pub(crate) fn account() -> AccountId {
    AccountId::parse("222222222222").unwrap()
}

pub(crate) fn address(text: &str) -> Address {
    Address::new(&account(), Kind::Role, text)
}

/// Fails unless the numbers are all of those below `count`.
pub(crate) fn covers(numbers: impl Iterator<Item = usize>, count: usize) {
    assert_eq!(numbers.collect::<BTreeSet<_>>(), (0..count).collect());
}

fn sides(t: &str) -> Vec<HandSide> {
    let all = vec![
        HandSide::Principal(PrincipalRef { kind: PrincipalKind::Group, name: t.into() }),
        HandSide::PermissionSet(t.into()),
        HandSide::KeyPolicy(KeyRef { arn: t.into() }),
    ];
    covers(
        all.iter().map(|side| match side {
            HandSide::Principal(_) => 0,
            HandSide::PermissionSet(_) => 1,
            HandSide::KeyPolicy(_) => 2,
        }),
        3,
    );
    all
}

fn unreadable(text: &str) -> Unreadable {
    Unreadable { class: Some(ErrorClass::Denied), why: text.into() }
}

pub(crate) fn causes(t: &str) -> Vec<Cause> {
    let t = || t.to_owned();
    let all = vec![
        Cause::Unreadable(unreadable(&t())),
        Cause::Incomplete(Some(unreadable(&t()))),
        Cause::Missing(address(&t())),
        Cause::Withheld(address(&t())),
        Cause::Unmarked { mark: t(), command: Some(t()) },
        Cause::MarkGone { mark: t() },
        Cause::NamedOtherwise { named: t(), live: t() },
        Cause::BoundaryOf(address(&t())),
        Cause::ReliedOn(address(&t())),
        Cause::Owned(t()),
        Cause::Spelling(t()),
        Cause::NameTaken(t()),
        Cause::ServiceLinked,
        Cause::Region { found: t(), wanted: t() },
        Cause::NoBucket,
        Cause::Unmergeable(Unmergeable::DeadException { sid: t() }),
        Cause::Unmergeable(Unmergeable::OldLanguage),
        Cause::Public(vec![t(), String::new()]),
        Cause::PublicInAccount(vec![t()]),
        Cause::Quota { quota: Quota::BucketPolicy, size: 20_481, limit: 20_480 },
        Cause::Unchangeable,
        Cause::Used,
        Cause::Revoked { since: t() },
        Cause::Path { found: t(), wanted: t() },
        Cause::NoKey,
        Cause::Unlisted,
        Cause::Unnamed,
        Cause::Moved,
        Cause::AwsKey,
        Cause::KeyState(KeyState::Disabled),
        Cause::KeyState(KeyState::PendingDeletion),
        Cause::KeyState(KeyState::Other(t())),
        Cause::EmptyKeyPolicy,
        Cause::Quota { quota: Quota::KeyPolicy, size: 32_769, limit: 32_768 },
        Cause::NoSuchTarget,
        Cause::NotTargeted,
        Cause::KeyStays,
        Cause::EncryptionUnread(Unreadable { class: Some(ErrorClass::Denied), why: t() }),
        Cause::OtherKey { found: Some(t()), said: t() },
        Cause::OtherKey { found: Some(String::new()), said: t() },
        Cause::OtherKey { found: None, said: t() },
        Cause::NoSuchKey,
        Cause::OtherAlias(t()),
        Cause::AliasMoved(t()),
        Cause::SameKey(t()),
        Cause::KeyKind,
        Cause::KeyInUse(t()),
        Cause::NoPermissionSet,
        Cause::NoIdentityCenter,
        Cause::NotAssigned(account()),
        Cause::Federated { user: format!("arn:aws:iam::111111111111:user/{t}", t = t()), missing: true },
        Cause::Federated { user: format!("arn:aws:iam::111111111111:user/{t}", t = t()), missing: false },
        Cause::Quota { quota: Quota::PermissionSet, size: 10_241, limit: 10_240 },
    ];
    let number = |cause: &Cause| match cause {
        Cause::Unreadable(_) => 0,
        Cause::Incomplete(_) => 1,
        Cause::Missing(_) => 2,
        Cause::Withheld(_) => 3,
        Cause::Unmarked { .. } => 4,
        Cause::Owned(_) => 5,
        Cause::Spelling(_) => 6,
        Cause::ServiceLinked => 7,
        Cause::Region { .. } => 8,
        Cause::NoBucket => 9,
        Cause::Unmergeable(_) => 10,
        Cause::Quota { .. } => 11,
        Cause::Unchangeable => 12,
        Cause::NoSuchTarget => 13,
        Cause::NotTargeted => 14,
        Cause::Used => 15,
        Cause::NameTaken(_) => 16,
        Cause::NoKey => 17,
        Cause::AwsKey => 18,
        Cause::KeyState(_) => 19,
        Cause::EmptyKeyPolicy => 20,
        Cause::Path { .. } => 21,
        Cause::Unlisted => 22,
        Cause::Moved => 32,
        Cause::KeyStays => 23,
        Cause::NoSuchKey => 24,
        Cause::OtherAlias(_) => 25,
        Cause::SameKey(_) => 28,
        Cause::KeyKind => 29,
        Cause::KeyInUse(_) => 30,
        Cause::NoIdentityCenter => 31,
        Cause::NoPermissionSet => 26,
        Cause::NotAssigned(_) => 27,
        Cause::Revoked { .. } => 33,
        Cause::Public(_) => 34,
        Cause::AliasMoved(_) => 35,
        Cause::MarkGone { .. } => 36,
        Cause::NamedOtherwise { .. } => 37,
        Cause::BoundaryOf(_) => 38,
        Cause::EncryptionUnread(_) => 39,
        Cause::OtherKey { .. } => 40,
        Cause::Federated { .. } => 41,
        Cause::PublicInAccount(_) => 42,
        Cause::Unnamed => 43,
        Cause::ReliedOn(_) => 44,
    };
    covers(all.iter().map(number), 45);
    all
}

pub(crate) fn subjects(t: &str) -> Vec<Subject> {
    let t = || t.to_owned();
    let all = vec![
        Subject::Account { account: account(), label: t() },
        Subject::Pruning { account: account(), label: t() },
        Subject::Object(address(&t())),
        Subject::Description(address(&t())),
        Subject::Target(t()),
        Subject::Untargeted(3),
        Subject::Quotas([account()].into()),
        Subject::Part(address(&t())),
        Subject::Key(t()),
        Subject::PermissionSets(account()),
        Subject::PruningOf { account: account(), label: t(), kind: Kind::OidcProvider },
    ];
    let number = |subject: &Subject| match subject {
        Subject::Account { .. } => 0,
        Subject::Pruning { .. } => 1,
        Subject::Object(_) => 2,
        Subject::Description(_) => 3,
        Subject::Target(_) => 4,
        Subject::Untargeted(_) => 5,
        Subject::Quotas(_) => 6,
        Subject::Part(_) => 7,
        Subject::Key(_) => 8,
        Subject::PermissionSets(_) => 9,
        Subject::PruningOf { .. } => 10,
    };
    covers(all.iter().map(number), 11);
    all
}

pub(crate) fn consequences(t: &str) -> Vec<Consequence> {
    let t = || t.to_owned();
    let dropped = |whole| Consequence::Dropped(Dropped { sid: t(), ids: [t()].into(), whole });
    let all = vec![
        Consequence::SessionsEnd,
        Consequence::OldNameLost(t()),
        Consequence::ProfileEmptied(t()),
        Consequence::VersionDeleted { version: t(), of: 5 },
        Consequence::Loses(PrincipalRef { kind: PrincipalKind::Group, name: t() }),
        Consequence::CredentialsFirst,
        Consequence::MemberLeaves(t()),
        Consequence::ProviderTrustLost,
        Consequence::ObjectsStay,
        Consequence::InlineGoes(t()),
        Consequence::Detaches(t()),
        Consequence::LeavesGroup(t()),
        Consequence::StatementGoes(t()),
        Consequence::OldKeyNeeded(t()),
        Consequence::KeyGoes(30),
        Consequence::Provisions([account()].into()),
        Consequence::Provisions([account(), AccountId::parse("333333333333").unwrap()].into()),
        dropped(false),
        dropped(true),
    ];
    let number = |consequence: &Consequence| match consequence {
        Consequence::SessionsEnd => 0,
        Consequence::OldNameLost(_) => 1,
        Consequence::ProfileEmptied(_) => 2,
        Consequence::VersionDeleted { .. } => 3,
        Consequence::Loses(_) => 4,
        Consequence::CredentialsFirst => 5,
        Consequence::MemberLeaves(_) => 6,
        Consequence::ProviderTrustLost => 7,
        Consequence::ObjectsStay => 8,
        Consequence::StatementGoes(_) => 9,
        Consequence::Dropped(_) => 10,
        Consequence::OldKeyNeeded(_) => 11,
        Consequence::KeyGoes(_) => 12,
        Consequence::Provisions(_) => 13,
        Consequence::InlineGoes(_) => 14,
        Consequence::Detaches(_) => 15,
        Consequence::LeavesGroup(_) => 16,
    };
    covers(all.iter().map(number), 17);
    all
}

pub(crate) fn parts(t: &str) -> Vec<Part> {
    let all = vec![
        Part::Path,
        Part::Trust,
        Part::Description,
        Part::LongestSession,
        Part::Boundary,
        Part::Inline(t.into()),
        Part::Attached(t.into()),
        Part::Tags,
        Part::Document,
        Part::Statements,
        Part::Audiences,
        Part::Metadata,
        Part::Versioning,
        Part::Encryption,
        Part::PublicAccessBlock,
        Part::ObjectOwnership,
        Part::Logging,
        Part::Alias,
        Part::Rotation,
        Part::Provisioned,
    ];
    let number = |part: &Part| match part {
        Part::Path => 0,
        Part::Trust => 1,
        Part::Description => 2,
        Part::LongestSession => 3,
        Part::Boundary => 4,
        Part::Inline(_) => 5,
        Part::Attached(_) => 6,
        Part::Tags => 7,
        Part::Document => 8,
        Part::Statements => 9,
        Part::Audiences => 10,
        Part::Versioning => 11,
        Part::Encryption => 12,
        Part::PublicAccessBlock => 13,
        Part::ObjectOwnership => 14,
        Part::Logging => 15,
        Part::Metadata => 16,
        Part::Alias => 17,
        Part::Rotation => 18,
        Part::Provisioned => 19,
    };
    covers(all.iter().map(number), 20);
    all
}

pub(crate) fn reasons(t: &str) -> Vec<Reason> {
    let t = || t.to_owned();
    let all = vec![
        Reason::Missing,
        Reason::NotInManifest,
        Reason::Destroy,
        Reason::Differs(Part::Trust),
        Reason::ForeignPolicy(t()),
        Reason::OrphanedPrincipal(t()),
        Reason::Immutable(Part::Inline(t())),
        Reason::Adopted,
        Reason::SinceBase,
        Reason::Withheld,
    ];
    let number = |reason: &Reason| match reason {
        Reason::Missing => 0,
        Reason::NotInManifest => 1,
        Reason::Destroy => 2,
        Reason::Differs(_) => 3,
        Reason::ForeignPolicy(_) => 4,
        Reason::OrphanedPrincipal(_) => 5,
        Reason::Immutable(_) => 6,
        Reason::Adopted => 7,
        Reason::SinceBase => 8,
        Reason::Withheld => 9,
    };
    covers(all.iter().map(number), 10);
    all
}

pub(crate) fn facets(t: &str) -> Vec<Facet> {
    let all = vec![
        Facet::Existence,
        Facet::Trust,
        Facet::Settings,
        Facet::Boundary,
        Facet::Tags,
        Facet::Inline(t.into()),
        Facet::Attached(t.into()),
        Facet::Document,
        Facet::Statements([t.to_owned()].into()),
        Facet::ClientIds,
        Facet::Metadata,
        Facet::Versioning,
        Facet::Encryption,
        Facet::PublicAccess,
        Facet::ObjectOwnership,
        Facet::Logging,
        Facet::Alias,
        Facet::Rotation,
        Facet::Provisioned(account()),
    ];
    let number = |facet: &Facet| match facet {
        Facet::Existence => 0,
        Facet::Trust => 1,
        Facet::Settings => 2,
        Facet::Boundary => 3,
        Facet::Tags => 4,
        Facet::Inline(_) => 5,
        Facet::Attached(_) => 6,
        Facet::Document => 7,
        Facet::Statements(_) => 8,
        Facet::ClientIds => 9,
        Facet::Versioning => 10,
        Facet::Encryption => 11,
        Facet::PublicAccess => 12,
        Facet::ObjectOwnership => 13,
        Facet::Logging => 14,
        Facet::Metadata => 15,
        Facet::Alias => 16,
        Facet::Rotation => 17,
        Facet::Provisioned(_) => 18,
    };
    covers(all.iter().map(number), 19);
    all
}

pub(crate) fn drifts(t: &str) -> Vec<Drift> {
    let mut all = vec![
        Drift::NotInPlan,
        Drift::Unreadable { unreadable: unreadable(t) },
        Drift::Gone,
        Drift::Foreign,
        Drift::Unmergeable { unmergeable: Unmergeable::DeadException { sid: t.into() } },
        Drift::Unmergeable { unmergeable: Unmergeable::OldLanguage },
    ];
    all.extend(facets(t).into_iter().map(|facet| Drift::Changed { facet }));
    let number = |drift: &Drift| match drift {
        Drift::NotInPlan => 0,
        Drift::Unreadable { .. } => 1,
        Drift::Gone => 2,
        Drift::Foreign => 3,
        Drift::Changed { .. } => 4,
        Drift::Unmergeable { .. } => 5,
    };
    covers(all.iter().map(number), 6);
    all
}

pub(crate) fn seen(t: &str) -> Vec<Seen> {
    let all = vec![Seen::Unreadable { unreadable: unreadable(t) }, Seen::Nothing, Seen::Still, Seen::Before, Seen::Changed, Seen::NotLooked];
    let number = |seen: &Seen| match seen {
        Seen::Unreadable { .. } => 0,
        Seen::Nothing => 1,
        Seen::Still => 2,
        Seen::Before => 3,
        Seen::Changed => 4,
        Seen::NotLooked => 5,
    };
    covers(all.iter().map(number), 6);
    all
}

pub(crate) fn retries(t: &str) -> Vec<Retry> {
    let all = vec![Retry::NotVisible, Retry::Answer { code: t.into() }, Retry::Answer { code: String::new() }, Retry::Overwritten];
    let number = |retry: &Retry| match retry {
        Retry::NotVisible => 0,
        Retry::Answer { .. } => 1,
        Retry::Overwritten => 2,
    };
    covers(all.iter().map(number), 3);
    all
}

pub(crate) fn results(t: &str) -> Vec<StepResult> {
    let error =
        CloudError { class: ErrorClass::Quota, operation: t.into(), account: Some(account()), code: t.into(), message: t.into(), request_id: Some(t.into()) };
    let mut all =
        vec![StepResult::Applied, StepResult::AlreadyDone, StepResult::Failed { error }, StepResult::Skipped { because: StepId(0) }, StepResult::NotStarted];
    all.extend(drifts(t).into_iter().map(|found| StepResult::Drifted { found }));
    let number = |result: &StepResult| match result {
        StepResult::Applied => 0,
        StepResult::AlreadyDone => 1,
        StepResult::Drifted { .. } => 2,
        StepResult::Failed { .. } => 3,
        StepResult::Skipped { .. } => 4,
        StepResult::NotStarted => 5,
    };
    covers(all.iter().map(number), 6);
    all
}

pub(crate) fn differences(t: &str) -> Vec<Difference> {
    let t = || t.to_owned();
    let records = [Record::Manifests, Record::Accounts, Record::Changes, Record::Steps, Record::Withheld, Record::Access];
    let record = |record: &Record| match record {
        Record::Manifests => 0,
        Record::Accounts => 1,
        Record::Changes => 2,
        Record::Steps => 3,
        Record::Withheld => 4,
        Record::Access => 5,
    };
    covers(records.iter().map(record), 6);
    let mut all = vec![
        Difference::Moved { address: address(&t()), facet: Facet::Inline(t()) },
        Difference::Altered { address: address(&t()), facet: Facet::Inline(t()) },
        Difference::New { address: address(&t()), operation: t() },
        Difference::NotPlanned { address: address(&t()), operation: t() },
        Difference::Unknown { operation: t() },
        Difference::Manifests,
        Difference::Access { more: 1 },
        Difference::Access { more: 2 },
    ];
    all.extend(records.into_iter().map(|record| Difference::Recorded { record }));
    let number = |difference: &Difference| match difference {
        Difference::Moved { .. } => 0,
        Difference::Altered { .. } => 1,
        Difference::New { .. } => 2,
        Difference::NotPlanned { .. } => 3,
        Difference::Unknown { .. } => 4,
        Difference::Manifests => 5,
        Difference::Recorded { .. } => 6,
        Difference::Access { .. } => 7,
    };
    covers(all.iter().map(number), 8);
    all
}

pub(crate) fn broken(t: &str) -> Vec<Broken> {
    let step = StepId(0);
    let all = vec![
        Broken::Order { step, needs: StepId(7) },
        Broken::NoChange(step),
        Broken::OtherAccount(step),
        Broken::Unmanaged(step),
        Broken::Unread { step, account: account() },
        Broken::NoStep(address(t)),
        Broken::NoReason(address(t)),
        Broken::Sides(address(t)),
        Broken::Nothing(address(t)),
        Broken::Held { step, what: t.into() },
        Broken::TooEarly { step, arn: t.into() },
        Broken::GivesFirst { step, takes: StepId(1) },
        Broken::Foreign { step, sid: t.into() },
        Broken::Share(step),
        Broken::Withheld { step, address: address(t) },
        Broken::Untold(step),
        Broken::Unfindable { step, address: address(t) },
    ];
    let number = |broken: &Broken| match broken {
        Broken::Order { .. } => 0,
        Broken::NoChange(_) => 1,
        Broken::OtherAccount(_) => 2,
        Broken::Unmanaged(_) => 3,
        Broken::Unread { .. } => 4,
        Broken::NoStep(_) => 5,
        Broken::NoReason(_) => 6,
        Broken::Sides(_) => 7,
        Broken::Nothing(_) => 8,
        Broken::Held { .. } => 9,
        Broken::TooEarly { .. } => 10,
        Broken::GivesFirst { .. } => 11,
        Broken::Foreign { .. } => 12,
        Broken::Share(_) => 13,
        Broken::Withheld { .. } => 14,
        Broken::Untold(_) => 15,
        Broken::Unfindable { .. } => 16,
    };
    covers(all.iter().map(number), 17);
    all
}

/// A plan with this text in everything that it holds.
pub(crate) fn plan(t: &str) -> Plan {
    let document = |effect: &str| {
        let text = serde_json::json!({"Version": "2012-10-17", "Statement": [{
            "Sid": t, "Effect": effect, "Principal": {"AWS": t, "Service": t}, "Action": [t], "Resource": t, "Condition": {t: {t: t, "sts:ExternalId": "secret-4711"}}
        }]});
        crossrole_policy::parse_value(&text).unwrap()
    };
    let role = |effect: &str, other: &str| {
        ObjectState::Role(crossrole_model::state::RoleState {
            path: format!("/{t}/"),
            trust: document(effect),
            description: format!("{t}{other}"),
            max_session_seconds: 3_600,
            boundary: Some(format!("{t}{other}")),
            tags: BTreeMap::from([(t.to_owned(), format!("{t}{other}")), (format!("{t}{other}"), t.to_owned())]),
            inline: BTreeMap::from([(t.to_owned(), document(effect))]),
            attached: [format!("{t}{other}")].into(),
        })
    };
    let change = |kind: Kind, name: &str, action, before, after| Change {
        address: Address::new(&account(), kind, name),
        action,
        before,
        after,
        reasons: reasons(t).into_iter().chain(parts(t).into_iter().map(Reason::Differs)).collect(),
        consequences: consequences(t),
        manifest: t.into(),
    };
    let policy = |d: Document| Some(ObjectState::BucketPolicy(BucketPolicyState { document: Some(d) }));
    let group = Some(ObjectState::Group(GroupState { path: t.into() }));
    let changes = vec![
        change(Kind::Role, t, Action::Update, Some(role("Allow", "")), Some(role("Deny", "!"))),
        change(Kind::Role, &format!("{t}2"), Action::Delete, Some(role("Allow", "")), None),
        change(Kind::Group, t, Action::Create, None, group),
        change(Kind::BucketPolicy, t, Action::Update, policy(document("Allow")), policy(document("Deny"))),
    ];
    let bucket = BucketRef { name: t.into(), region: t.into() };
    let calls: Vec<Call> = vec![
        IamCall::UpdateRole { role: t.into(), description: t.into(), max_session_seconds: 3_600 }.into(),
        IamCall::DeleteRole { role: t.into() }.into(),
        IamCall::CreateGroup { name: t.into(), path: t.into() }.into(),
        BucketCall::PutPolicy { bucket, document: document("Deny") }.into(),
    ];
    let steps = calls.into_iter().enumerate().map(|(change, call)| Step {
        change,
        account: account(),
        call,
        needs: Vec::new(),
        facet: Facet::Existence,
        before: Digest::absent(),
        after: Digest::absent(),
        awaits: BTreeSet::new(),
        share: None,
    });
    let mut withheld: Vec<Withheld> = causes(t).into_iter().map(|cause| Withheld { subject: Subject::Object(address(t)), cause, blocks: true }).collect();
    withheld.extend(subjects(t).into_iter().map(|subject| Withheld { subject, cause: Cause::NotTargeted, blocks: false }));
    Plan {
        manifests: vec![ManifestRef { name: t.into(), file: t.into(), digest: Digest::absent(), renamed_from: Vec::new() }],
        accounts: BTreeMap::from([(account(), AccountInfo { label: t.into(), trusting: true, managed: true, left: false, fills: BTreeMap::new() })]),
        steps: steps.collect(),
        changes,
        withheld,
        meters: vec![Meter { what: t.into(), used: 9, limit: 10 }],
        by_hand: sides(t)
            .into_iter()
            .map(|side| ByHand { account: account(), label: Some(t.into()), side, statements: document("Allow").statements })
            .collect(),
        targets: vec![t.into()],
        renamed: [Borne::Live, Borne::Gone, Borne::Unknown].map(|borne| Renamed { manifest: t.into(), from: t.into(), borne }).to_vec(),
        ..Plan::default()
    }
}
