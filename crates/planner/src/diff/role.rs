//! Roles.

use std::collections::BTreeMap;

use crossrole_model::key;
use crossrole_model::limits::Quota;
use crossrole_model::observed::ObservedRole;
use crossrole_model::ownership::{REVOKED_POLICY, REVOKED_TAG};
use crossrole_model::state::{RoleState, Tags};
use crossrole_model::{
    AccountId, Action, Address, Call, Cause, Change, Consequence, DesiredObject, Facet, IamCall, Kind, ObjectState, Part, PrincipalKind, PrincipalRef, Reason,
    Revocation, ownership,
};
use crossrole_policy::canonical::CanonicalBody;
use crossrole_policy::{Document, Effect, Element, Principal, Statement};

use crate::draft::{Draft, Stage};

use super::spelled::still_denied;
use super::used::by_another;
use super::{Claim, claim, marked, orphaned, our_owner, read_accounts, tag_changes};

/// Service-linked roles can't be modified (IAM User Guide, "Using service-linked roles").
const SERVICE_LINKED: &str = "/aws-service-role/";

pub(crate) fn diff(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, wanted: &RoleState, keep_foreign: bool) {
    let wanted = &with_callers(draft, address, wanted);
    let account = draft.observed.accounts.get(&address.account).and_then(|o| o.known());
    let Some(found) = account.and_then(|a| a.roles.get(&address.name.to_ascii_lowercase())) else {
        if let Some(over) = too_much(draft, address, wanted) {
            draft.withhold(address, over);
            return;
        }
        let stages = create(&address.name, wanted);
        let change = Change {
            address: address.clone(),
            action: Action::Create,
            before: None,
            after: Some(ObjectState::Role(wanted.clone())),
            reasons: vec![Reason::Missing],
            consequences: Vec::new(),
            manifest: object.owner.clone(),
        };
        draft.change(change, stages);
        return;
    };
    if found.name != address.name {
        draft.withhold(address, Cause::Spelling(found.name.clone()));
        return;
    }
    if found.state.path.starts_with(SERVICE_LINKED) {
        draft.withhold(address, Cause::ServiceLinked);
        return;
    }
    let how = format!("aws iam tag-role --role-name {} --tags Key={},Value={}", address.name, ownership::OWNER_TAG, object.owner);
    let adopted = match claim(draft, address, object, &found.state.tags, Some(how)) {
        Claim::Refused => return,
        Claim::Adopt => true,
        Claim::Ours => false,
    };
    let wanted = match marks(draft, address, object, wanted, &found.state) {
        Ok(marks) => &with_marks(wanted.clone(), marks, &found.state),
        Err(since) => {
            draft.withhold(address, Cause::Revoked { since });
            return;
        }
    };
    let mut after = with_kept(draft, &address.account, wanted, &found.state, keep_foreign);
    if let Some(held) = draft.caller_held.get(&(address.account.clone(), address.name.to_ascii_lowercase())) {
        after.attached.retain(|arn| !held.lose.contains(arn));
    }
    after.tags = marked(draft, &after.tags, object, &found.state.tags);
    // What is there already, AWS has taken.
    if let Some(over) = too_much(draft, address, &after).filter(|_| after != found.state) {
        draft.withhold(address, over);
        return;
    }
    if found.state.path == after.path { update(draft, address, object, found, after, adopted) } else { replace(draft, address, object, found, after) }
}

/// Marks that access to a role was revoked which nothing that is wanted stands for, and of which an entry still tells: an older manifest
/// would give it back without them. `Err`: when access was revoked of which the manifest knows nothing, and does not say that it is over.
/// Instants of one form are in the order of their texts.
fn marks(draft: &Draft<'_>, address: &Address, object: &DesiredObject, wanted: &RoleState, found: &RoleState) -> Result<Tags, String> {
    let restored = draft.desired.restored.get(address);
    let mut unknown: Option<&String> = None;
    let mut kept = Tags::new();
    for (tag, since) in found.tags.iter().filter(|(tag, since)| tag.starts_with(REVOKED_TAG) && restored.is_none_or(|restored| restored < *since)) {
        let told = tag.strip_prefix(REVOKED_TAG).and_then(|told| told.strip_prefix('-'));
        let is = |one: &&Revocation| told.is_none_or(|told| one.whose.is_told_by(told));
        let known = |one: &Revocation| object.is_declared_by(&one.manifest) && one.since >= *since;
        if wanted.tags.get(tag).is_some_and(|known| known >= since) {
            continue;
        }
        if draft.desired.revoked.iter().filter(is).any(known) {
            kept.insert(tag.clone(), since.clone());
        } else {
            unknown = unknown.max(Some(since));
        }
    }
    match unknown {
        // Somebody may have made it up: what is only shown is held up by nothing.
        Some(since) if !draft.look_through => Err(since.clone()),
        _ => Ok(kept),
    }
}

/// What is wanted, with marks that stay, and what denies the sessions that they are about.
fn with_marks(mut wanted: RoleState, marks: Tags, found: &RoleState) -> RoleState {
    let denied = found.inline.get(REVOKED_POLICY);
    // As we write them: one that says more, or otherwise, is somebody else's.
    let is_all = |element: &Element| !element.negated && element.values == ["*"];
    let tells = |(operator, key): (&str, &str)| {
        operator == "DateLessThan" && key == "aws:TokenIssueTime" || operator == "StringLike" && ["aws:userid", "aws:SourceIdentity"].contains(&key)
    };
    let is_ours = |statement: &Statement| {
        let mut conditions = statement.conditions.iter().flat_map(|(operator, keys)| keys.keys().map(move |key| (operator.as_str(), key.as_str())));
        statement.effect == Effect::Deny && is_all(&statement.action) && statement.resource.as_ref().is_some_and(is_all) && conditions.all(tells)
    };
    let ended = |statement: &&Statement| {
        let instants = statement.conditions.values().flatten().filter(|(key, _)| key.eq_ignore_ascii_case("aws:TokenIssueTime"));
        is_ours(statement) && instants.flat_map(|(_, values)| values).any(|since| marks.iter().any(|(tag, of)| tag != REVOKED_TAG && of == since))
    };
    for statement in denied.into_iter().flat_map(|document| &document.statements).filter(ended) {
        let all = wanted.inline.entry(REVOKED_POLICY.to_owned()).or_insert_with(|| Document::new(Vec::new()));
        if !all.statements.contains(statement) {
            all.statements.push(statement.clone());
        }
    }
    still_denied(&mut wanted.trust.statements, &found.trust.statements);
    wanted.tags.extend(marks);
    ownership::without_earliest_revoked(&mut wanted.tags);
    wanted
}

/// What is wanted, with the caller policies that the role holds.
fn with_callers(draft: &Draft<'_>, address: &Address, wanted: &RoleState) -> RoleState {
    let mut wanted = wanted.clone();
    if let Some(held) = draft.caller_held.get(&(address.account.clone(), address.name.to_ascii_lowercase())) {
        wanted.attached.extend(held.hold.iter().cloned());
    }
    wanted
}

/// What is wanted, with what is never touched.
fn with_kept(draft: &Draft<'_>, account: &AccountId, wanted: &RoleState, found: &RoleState, keep_foreign: bool) -> RoleState {
    let mut after = wanted.clone();
    // Who is let in by two statements or by one, in the same words, is let in alike.
    if after.trust != found.trust && after.trust.joined() == found.trust.joined() {
        after.trust = found.trust.clone();
    }
    if let Some(revoke) = found.inline.get(ownership::REVOKE_POLICY) {
        after.inline.insert(ownership::REVOKE_POLICY.to_owned(), revoke.clone());
    }
    if keep_foreign {
        let policies = draft.observed.accounts.get(account).and_then(|o| o.known()).map(|state| &state.policies);
        // What is ours and goes is nobody else's.
        let goes = |arn: &&String| {
            let name = arn.rsplit('/').next().unwrap_or(arn).to_ascii_lowercase();
            let found = policies.and_then(|policies| policies.get(&name)).filter(|policy| policy.arn == **arn);
            found.is_some_and(|policy| super::policy::goes(draft, account, policy))
        };
        after.attached.extend(found.attached.iter().filter(|arn| !goes(arn)).cloned());
        for (name, document) in &found.inline {
            after.inline.entry(name.clone()).or_insert_with(|| document.clone());
        }
    }
    after
}

fn me(name: &str) -> PrincipalRef {
    PrincipalRef { kind: PrincipalKind::Role, name: name.to_owned() }
}

fn create(name: &str, role: &RoleState) -> Vec<Stage> {
    let RoleState { path, trust, description, max_session_seconds, boundary, tags, inline, attached } = role.clone();
    let first = Call::Iam(IamCall::CreateRole { name: name.to_owned(), path, trust, description, max_session_seconds, boundary, tags });
    let mut rest: Stage = inline
        .into_iter()
        .map(|(policy, document)| (Call::Iam(IamCall::PutInlinePolicy { role: name.to_owned(), name: policy.clone(), document }), Facet::Inline(policy)))
        .collect();
    rest.extend(attached.into_iter().map(|arn| (Call::Iam(IamCall::AttachPolicy { principal: me(name), arn: arn.clone() }), Facet::Attached(arn))));
    vec![vec![(first, Facet::Existence)], rest]
}

fn update(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, found: &ObservedRole, after: RoleState, adopted: bool) {
    let name = &address.name;
    let role = || name.clone();
    let mut reasons = if adopted { vec![Reason::Adopted] } else { Vec::new() };
    let (mut take, mut give, mut last, mut calling) = (Stage::new(), Stage::new(), Stage::new(), Stage::new());
    // No `..`: a new field stops the build until someone decides what its change means.
    let RoleState { path: _, trust, description, max_session_seconds, boundary, tags, inline, attached } = &found.state;
    if *trust != after.trust {
        reasons.extend(orphaned(trust));
        reasons.push(Reason::Differs(Part::Trust));
        let stage = if narrows(trust, &after.trust) { &mut take } else { &mut last };
        stage.push((Call::Iam(IamCall::UpdateTrust { role: role(), trust: after.trust.clone() }), Facet::Trust));
    }
    if *description != after.description || *max_session_seconds != after.max_session_seconds {
        for (differs, part) in
            [(*description != after.description, Part::Description), (*max_session_seconds != after.max_session_seconds, Part::LongestSession)]
        {
            if differs {
                reasons.push(Reason::Differs(part));
            }
        }
        let call = Call::Iam(IamCall::UpdateRole { role: role(), description: after.description.clone(), max_session_seconds: after.max_session_seconds });
        give.push((call, Facet::Settings));
    }
    if *boundary != after.boundary {
        reasons.push(Reason::Differs(Part::Boundary));
        match &after.boundary {
            Some(arn) => take.push((Call::Iam(IamCall::PutBoundary { role: role(), arn: arn.clone() }), Facet::Boundary)),
            // Taking a boundary away gives.
            None => last.push((Call::Iam(IamCall::DeleteBoundary { role: role() }), Facet::Boundary)),
        }
    }
    inline_changes(name, inline, &after.inline, &mut reasons, &mut take, &mut give);
    for arn in attached.difference(&after.attached) {
        reasons.push(if is_ours(draft, address, arn) { Reason::Differs(Part::Attached(arn.clone())) } else { Reason::ForeignPolicy(arn.clone()) });
        take.push((Call::Iam(IamCall::DetachPolicy { principal: me(name), arn: arn.clone() }), Facet::Attached(arn.clone())));
    }
    for arn in after.attached.difference(attached) {
        reasons.push(Reason::Differs(Part::Attached(arn.clone())));
        // What lets this role assume others waits for their trust, so its own trust must not wait for it.
        let stage = if is_caller_policy(arn) { &mut calling } else { &mut give };
        stage.push((Call::Iam(IamCall::AttachPolicy { principal: me(name), arn: arn.clone() }), Facet::Attached(arn.clone())));
    }
    let (gone, set) = tag_changes(tags, &after.tags);
    if !gone.is_empty() || !set.is_empty() {
        reasons.push(Reason::Differs(Part::Tags));
    }
    if !gone.is_empty() {
        take.push((Call::Iam(IamCall::UntagRole { role: role(), keys: gone }), Facet::Tags));
    }
    if !set.is_empty() {
        give.push((Call::Iam(IamCall::TagRole { role: role(), tags: set }), Facet::Tags));
    }
    if reasons.is_empty() {
        return;
    }
    let change = Change {
        address: address.clone(),
        action: Action::Update,
        before: Some(ObjectState::Role(found.state.clone())),
        after: Some(ObjectState::Role(after)),
        reasons,
        consequences: Vec::new(),
        manifest: object.owner.clone(),
    };
    draft.change(change, vec![take, give, last, calling]);
}

/// Tells whether a policy of the role's account is one that a manifest of this run made.
fn is_ours(draft: &Draft<'_>, address: &Address, arn: &str) -> bool {
    let account = draft.observed.accounts.get(&address.account).and_then(|o| o.known());
    let policy = account.and_then(|account| account.policies.values().find(|policy| policy.arn == arn));
    policy.is_some_and(|policy| our_owner(draft, &policy.state.tags).is_some())
}

/// Tells whether a policy is one that we made for a principal on the caller side.
fn is_caller_policy(arn: &str) -> bool {
    ownership::is_caller_arn(arn)
}

fn inline_changes(
    name: &str,
    before: &BTreeMap<String, Document>,
    after: &BTreeMap<String, Document>,
    reasons: &mut Vec<Reason>,
    take: &mut Stage,
    give: &mut Stage,
) {
    for policy in before.keys().filter(|p| !after.contains_key(*p)) {
        let ours = [ownership::INLINE_POLICY, ownership::REVOKED_POLICY].contains(&policy.as_str());
        reasons.push(if ours { Reason::Differs(Part::Inline(policy.clone())) } else { Reason::ForeignPolicy(policy.clone()) });
        take.push((Call::Iam(IamCall::DeleteInlinePolicy { principal: me(name), name: policy.clone() }), Facet::Inline(policy.clone())));
    }
    for (policy, document) in after {
        if before.get(policy) != Some(document) {
            reasons.push(Reason::Differs(Part::Inline(policy.clone())));
            let call = Call::Iam(IamCall::PutInlinePolicy { role: name.to_owned(), name: policy.clone(), document: document.clone() });
            give.push((call, Facet::Inline(policy.clone())));
        }
    }
}

/// A pure narrowing: nothing new is allowed, and nothing that was denied is let go.
fn narrows(before: &Document, after: &Document) -> bool {
    let bodies = |d: &Document, effect: Effect| -> Vec<CanonicalBody> {
        d.statements.iter().filter(|s| s.effect == effect).flat_map(of_each).map(|s| s.canonical_body()).collect()
    };
    let within = |narrow: &[CanonicalBody], wide: &[CanonicalBody]| narrow.iter().all(|one| wide.iter().any(|other| other.covers(one)));
    let [allowed, denied] = [Effect::Allow, Effect::Deny].map(|effect| (bodies(before, effect), bodies(after, effect)));
    before.version == after.version && within(&allowed.1, &allowed.0) && within(&denied.0, &denied.1)
}

/// The statement for each of its principals alone.
fn of_each(statement: &Statement) -> Vec<Statement> {
    match &statement.principal {
        Some(principal) if !principal.negated && !principal.bare_star => {
            let each = principal.entries.iter().flat_map(|(kind, values)| values.iter().map(|value| Principal::of(kind, [value.as_str()])));
            each.map(|principal| Statement { principal: Some(principal), ..statement.clone() }).collect()
        }
        _ => vec![statement.clone()],
    }
}

/// A changed path: IAM can't move a role, so it is deleted and made anew.
fn replace(draft: &mut Draft<'_>, address: &Address, object: &DesiredObject, found: &ObservedRole, after: RoleState) {
    let mut stages = delete_stages(&address.name, found);
    stages.extend(create(&address.name, &after));
    let consequences = vec![Consequence::SessionsEnd, Consequence::OldNameLost(found.id.clone())];
    let change = Change {
        address: address.clone(),
        action: Action::Replace,
        before: Some(ObjectState::Role(found.state.clone())),
        after: Some(ObjectState::Role(after)),
        reasons: vec![Reason::Immutable(Part::Path)],
        consequences,
        manifest: object.owner.clone(),
    };
    draft.change(change, stages);
}

fn delete_stages(name: &str, found: &ObservedRole) -> Vec<Stage> {
    let mut first: Stage = found
        .state
        .attached
        .iter()
        .map(|arn| (Call::Iam(IamCall::DetachPolicy { principal: me(name), arn: arn.clone() }), Facet::Attached(arn.clone())))
        .collect();
    first
        .extend(found.state.inline.keys().map(|p| (Call::Iam(IamCall::DeleteInlinePolicy { principal: me(name), name: p.clone() }), Facet::Inline(p.clone()))));
    first.extend(
        found
            .instance_profiles
            .iter()
            .map(|p| (Call::Iam(IamCall::RemoveRoleFromInstanceProfile { role: name.to_owned(), profile: p.clone() }), Facet::Existence)),
    );
    vec![first, vec![(Call::Iam(IamCall::DeleteRole { role: name.to_owned() }), Facet::Existence)]]
}

/// Plans the deletion of roles of ours that nothing declares.
pub(crate) fn prune(draft: &mut Draft<'_>) {
    for (account, state) in read_accounts(draft) {
        for found in state.roles.values() {
            let Some(owner) = our_owner(draft, &found.state.tags) else { continue };
            let address = Address::new(account, Kind::Role, &found.name);
            if draft.declares(&address) {
                continue;
            }
            if draft.keeps(&address) {
                continue;
            }
            let arn = draft.desired.partition.iam_arn(account, "role", &found.state.path, &found.name);
            if by_another(draft, state, &found.state.attached) || draft.used.contains(&arn) {
                draft.leave(address);
                continue;
            }
            let mut consequences = vec![Consequence::SessionsEnd];
            consequences.extend(found.instance_profiles.iter().cloned().map(Consequence::ProfileEmptied));
            let change = Change {
                address: address.clone(),
                action: Action::Delete,
                before: Some(ObjectState::Role(found.state.clone())),
                after: None,
                reasons: vec![draft.deletion_reason()],
                consequences,
                manifest: owner,
            };
            draft.change(change, delete_stages(&found.name, found));
        }
    }
}

/// Why AWS would not take a role for its size, what others put on it included.
fn too_much(draft: &mut Draft<'_>, address: &Address, role: &RoleState) -> Option<Cause> {
    let inline = role.inline.values().map(key::size).sum();
    let parts = [
        ("trust policy", Quota::TrustPolicy, key::size(&role.trust)),
        ("inline policies", Quota::RoleInline, inline),
        ("managed policies", Quota::PoliciesPerRole, role.attached.len()),
    ];
    // All of them, so that each that is close is noted.
    let over = parts.map(|(part, quota, used)| draft.meter(&address.account, || format!("{}, {part}", address.short()), quota, used));
    over.into_iter().flatten().next()
}
