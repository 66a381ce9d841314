//! The edges between changes: what a step names must exist, what names an object goes before it, the bucket's side and the
//! caller's side come after the role's.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::{Action, BucketCall, Call, Digest, Facet, IamCall, ObjectState, Partition, PrincipalKind, StepId};
use crossrole_policy::{Document, Effect, Element, Principal, Statement};

use crate::draft::Draft;

/// Draws all edges between steps of different changes.
pub(crate) fn connect(draft: &mut Draft<'_>) {
    break_trust_cycles(draft);
    join_repeated(draft);
    let index = Index::new(draft);
    let mut edges: Vec<(usize, StepId)> = Vec::new();
    for (at, step) in draft.steps.iter().enumerate() {
        let mut need = |ids: &[StepId]| edges.extend(ids.iter().filter(|id| id.0 != at).map(|id| (at, *id)));
        let account = step.account.as_str();
        match &step.call {
            Call::Iam(IamCall::CreateRole { trust, boundary, .. }) => {
                for arn in trust.aws_principals().chain(boundary.as_deref()) {
                    need(index.made(arn));
                }
                for arn in federated(trust) {
                    need(index.made(arn));
                }
            }
            Call::Iam(IamCall::UpdateTrust { trust, .. }) => trust.aws_principals().for_each(|arn| need(index.made(arn))),
            Call::Iam(IamCall::PutBoundary { arn, .. }) => need(index.made(arn)),
            Call::Iam(IamCall::AttachPolicy { principal, arn }) => {
                need(index.made(arn));
                need(index.made_principal(account, principal.kind, &principal.name));
                // The caller's side comes last: what it may assume is complete first.
                for role in index.assumes.get(arn).into_iter().flatten() {
                    need(index.ready(role));
                }
            }
            Call::Iam(IamCall::CreatePolicyVersion { arn, .. }) => {
                for role in index.assumes.get(arn).into_iter().flatten() {
                    need(index.ready(role));
                }
            }
            Call::Iam(IamCall::AddUserToGroup { group, user }) => {
                need(index.made_principal(account, PrincipalKind::Group, group));
                need(index.made_principal(account, PrincipalKind::User, user));
            }
            Call::Bucket(BucketCall::PutPolicy { bucket, document }) => {
                need(index.bucket(&bucket.name));
                for arn in document.aws_principals() {
                    need(index.made(arn));
                    need(index.ready(arn));
                }
            }
            Call::Bucket(BucketCall::PutLogging { bucket, logging: Some(logging) }) if logging.bucket != bucket.name => {
                need(index.bucket(&logging.bucket));
                // The target's policy lets the logging service in.
                need(index.bucket_policy.get(&logging.bucket).map_or(&[], Vec::as_slice));
            }
            Call::Iam(IamCall::DeleteRole { role }) if draft.changes.get(step.change).is_some_and(|c| c.action == Action::Delete) => {
                let arn = index.deleted.get(&at).map_or("", String::as_str);
                need(index.unnamed(arn));
                need(index.cleared(account, PrincipalKind::Role, role));
            }
            Call::Iam(IamCall::DeleteUser { user }) => {
                let arn = index.deleted.get(&at).map_or("", String::as_str);
                need(index.unnamed(arn));
                need(index.cleared(account, PrincipalKind::User, user));
            }
            Call::Iam(IamCall::DeleteGroup { group }) => need(index.cleared(account, PrincipalKind::Group, group)),
            Call::Iam(IamCall::DeletePolicy { arn }) => need(index.detached.get(arn.as_str()).map_or(&[], Vec::as_slice)),
            Call::Bucket(BucketCall::Delete { bucket }) => need(index.bucket_policy.get(&bucket.name).map_or(&[], Vec::as_slice)),
            _ => {}
        }
    }
    for (at, need) in edges {
        if let Some(step) = draft.steps.get_mut(at) {
            step.needs.push(need);
        }
    }
    for step in &mut draft.steps {
        step.needs.sort();
        step.needs.dedup();
    }
    awaited(draft);
}

/// Notes for each step what it needs that this plan makes: it may not be visible yet when the step is made.
fn awaited(draft: &mut Draft<'_>) {
    let makes: BTreeMap<usize, usize> = draft.steps.iter().enumerate().filter(|(_, s)| s.call.creates()).map(|(at, s)| (at, s.change)).collect();
    let made: BTreeSet<usize> = makes.values().copied().collect();
    for step in &mut draft.steps {
        let own = made.contains(&step.change) && !step.call.creates();
        let changes = step.needs.iter().filter_map(|need| makes.get(&need.0)).copied().chain(own.then_some(step.change));
        step.awaits = changes.filter_map(|change| draft.changes.get(change)).map(|change| change.address.clone()).collect();
    }
}

/// One call stands once: a policy that goes and a group that goes both want the policy detached from the group.
fn join_repeated(draft: &mut Draft<'_>) {
    let mut repeated: BTreeMap<(String, String, String), Vec<usize>> = BTreeMap::new();
    let mut steps_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, step) in draft.steps.iter().enumerate() {
        *steps_of.entry(step.change).or_default() += 1;
        let (from, what) = match &step.call {
            Call::Iam(IamCall::DetachPolicy { principal, arn }) => (principal.to_string(), arn.clone()),
            Call::Iam(IamCall::RemoveUserFromGroup { group, user }) => (format!("members of {group}"), user.clone()),
            _ => continue,
        };
        repeated.entry((step.account.to_string(), from, what)).or_default().push(at);
    }
    let mut stands_for: BTreeMap<usize, usize> = BTreeMap::new();
    for places in repeated.values() {
        // A change that is nothing but this call keeps it.
        let lone = |at: &&usize| draft.steps.get(**at).is_some_and(|s| steps_of.get(&s.change) == Some(&1));
        let Some(stands) = places.iter().find(lone).or_else(|| places.first()) else { continue };
        stands_for.extend(places.iter().filter(|at| *at != stands).map(|at| (*at, *stands)));
    }
    if stands_for.is_empty() {
        return;
    }
    // Indices after the repeated ones are taken out.
    let mut place = BTreeMap::new();
    for at in (0..draft.steps.len()).filter(|at| !stands_for.contains_key(at)) {
        place.insert(at, place.len());
    }
    let resolve = |at: usize| place.get(stands_for.get(&at).unwrap_or(&at)).copied().map(StepId);
    let mut at = 0;
    draft.steps.retain(|_| {
        at += 1;
        !stands_for.contains_key(&(at - 1))
    });
    for step in &mut draft.steps {
        step.needs = step.needs.iter().filter_map(|need| resolve(need.0)).collect();
    }
}

/// Where things are made, readied and cleared away.
#[derive(Default)]
struct Index {
    /// By ARN: the step that makes it.
    made: BTreeMap<String, Vec<StepId>>,
    /// By account, kind and name.
    principals: BTreeMap<(String, PrincipalKind, String), Vec<StepId>>,
    /// By role ARN: the steps after which its trust and permissions stand.
    ready: BTreeMap<String, Vec<StepId>>,
    /// By policy ARN: the roles that it lets its holder assume.
    assumes: BTreeMap<String, BTreeSet<String>>,
    /// By bucket: making it, and the settings that decide which policy it takes.
    buckets: BTreeMap<String, Vec<StepId>>,
    bucket_policy: BTreeMap<String, Vec<StepId>>,
    /// By principal ARN: steps that take it out of a document.
    unnamed: BTreeMap<String, Vec<StepId>>,
    /// By policy ARN: steps that detach it, or take it away as a boundary.
    detached: BTreeMap<String, Vec<StepId>>,
    /// By principal: steps that take something off it.
    cleared: BTreeMap<(String, PrincipalKind, String), Vec<StepId>>,
    /// By deleting step: the ARN that goes.
    deleted: BTreeMap<usize, String>,
}

impl Index {
    fn new(draft: &Draft<'_>) -> Self {
        let mut index = Self::default();
        for (at, step) in draft.steps.iter().enumerate() {
            let id = StepId(at);
            let account = step.account.to_string();
            let arn = |kind: &str, path: &str, name: &str| draft.desired.partition.iam_arn(&step.account, kind, path, name);
            let change = draft.changes.get(step.change);
            match &step.call {
                Call::Iam(IamCall::CreateRole { name, path, .. }) => {
                    let arn = arn("role", path, name);
                    index.made.entry(arn.clone()).or_default().push(id);
                    index.ready.entry(arn).or_default().push(id);
                    index.principals.entry((account, PrincipalKind::Role, name.clone())).or_default().push(id);
                }
                Call::Iam(IamCall::UpdateTrust { role, .. } | IamCall::PutInlinePolicy { role, .. }) => {
                    if let Some(ObjectState::Role(state)) = change.and_then(|c| c.after.as_ref()) {
                        index.ready.entry(arn("role", &state.path, role)).or_default().push(id);
                    }
                    if let (Call::Iam(IamCall::UpdateTrust { trust, .. }), Some(ObjectState::Role(before))) =
                        (&step.call, change.and_then(|c| c.before.as_ref()))
                    {
                        index.removed_principals(Some(&before.trust), Some(trust), id);
                    }
                }
                Call::Iam(IamCall::CreateUser { name, path, .. }) => {
                    index.made.entry(arn("user", path, name)).or_default().push(id);
                    index.principals.entry((account, PrincipalKind::User, name.clone())).or_default().push(id);
                }
                Call::Iam(IamCall::CreateGroup { name, .. }) => index.principals.entry((account, PrincipalKind::Group, name.clone())).or_default().push(id),
                Call::Iam(IamCall::CreatePolicy { name, path, document, .. }) => {
                    let arn = arn("policy", path, name);
                    index.assumes.insert(arn.clone(), assumed(document));
                    index.made.entry(arn).or_default().push(id);
                }
                Call::Iam(IamCall::CreatePolicyVersion { arn, document }) => {
                    index.assumes.insert(arn.clone(), assumed(document));
                }
                Call::Iam(IamCall::CreateOidcProvider { url, .. }) => {
                    let host = url.trim_start_matches("https://");
                    index.made.entry(arn("oidc-provider", "/", host)).or_default().push(id);
                }
                Call::Bucket(BucketCall::PutPolicy { bucket, document }) => {
                    index.bucket_policy.entry(bucket.name.clone()).or_default().push(id);
                    index.removed_principals(bucket_before(change), Some(document), id);
                }
                Call::Bucket(BucketCall::DeletePolicy { bucket }) => {
                    index.bucket_policy.entry(bucket.name.clone()).or_default().push(id);
                    index.removed_principals(bucket_before(change), None, id);
                }
                Call::Iam(IamCall::DetachPolicy { principal, arn }) => {
                    index.detached.entry(arn.clone()).or_default().push(id);
                    index.cleared.entry((account, principal.kind, principal.name.clone())).or_default().push(id);
                }
                Call::Iam(IamCall::PutBoundary { .. } | IamCall::DeleteBoundary { .. }) => {
                    if let Some(ObjectState::Role(before)) = change.and_then(|c| c.before.as_ref())
                        && let Some(old) = &before.boundary
                    {
                        index.detached.entry(old.clone()).or_default().push(id);
                    }
                }
                Call::Iam(IamCall::DeleteInlinePolicy { principal, .. }) => {
                    index.cleared.entry((account, principal.kind, principal.name.clone())).or_default().push(id);
                }
                Call::Iam(IamCall::RemoveUserFromGroup { group, user }) => {
                    index.cleared.entry((account.clone(), PrincipalKind::Group, group.clone())).or_default().push(id);
                    index.cleared.entry((account, PrincipalKind::User, user.clone())).or_default().push(id);
                }
                Call::Iam(IamCall::DeleteRole { role }) => {
                    if let Some(ObjectState::Role(before)) = change.and_then(|c| c.before.as_ref()) {
                        index.deleted.insert(at, arn("role", &before.path, role));
                        // A boundary is held until its role is gone.
                        if let Some(boundary) = &before.boundary {
                            index.detached.entry(boundary.clone()).or_default().push(id);
                        }
                    }
                }
                Call::Iam(IamCall::DeleteUser { user }) => {
                    if let Some(ObjectState::User(before)) = change.and_then(|c| c.before.as_ref()) {
                        index.deleted.insert(at, arn("user", &before.path, user));
                    }
                }
                // A policy waits for these, and not for the rest: two buckets may log into each other.
                Call::Bucket(BucketCall::Create { bucket, .. } | BucketCall::PutPublicAccessBlock { bucket, .. } | BucketCall::PutOwnership { bucket, .. }) => {
                    index.buckets.entry(bucket.name.clone()).or_default().push(id);
                }
                _ => {}
            }
        }
        index
    }

    fn removed_principals(&mut self, before: Option<&Document>, after: Option<&Document>, id: StepId) {
        let after: BTreeSet<&str> = after.map(|d| d.aws_principals().collect()).unwrap_or_default();
        for arn in before.into_iter().flat_map(Document::aws_principals).filter(|a| !after.contains(a)) {
            self.unnamed.entry(arn.to_owned()).or_default().push(id);
        }
    }

    fn made(&self, arn: &str) -> &[StepId] {
        self.made.get(arn).map_or(&[], Vec::as_slice)
    }

    fn ready(&self, arn: &str) -> &[StepId] {
        self.ready.get(arn).map_or(&[], Vec::as_slice)
    }

    fn unnamed(&self, arn: &str) -> &[StepId] {
        self.unnamed.get(arn).map_or(&[], Vec::as_slice)
    }

    fn bucket(&self, name: &str) -> &[StepId] {
        self.buckets.get(name).map_or(&[], Vec::as_slice)
    }

    fn made_principal(&self, account: &str, kind: PrincipalKind, name: &str) -> &[StepId] {
        self.principals.get(&(account.to_owned(), kind, name.to_owned())).map_or(&[], Vec::as_slice)
    }

    fn cleared(&self, account: &str, kind: PrincipalKind, name: &str) -> &[StepId] {
        self.cleared.get(&(account.to_owned(), kind, name.to_owned())).map_or(&[], Vec::as_slice)
    }
}

fn bucket_before(change: Option<&crossrole_model::Change>) -> Option<&Document> {
    match change?.before.as_ref()? {
        ObjectState::BucketPolicy(state) => state.document.as_ref(),
        _ => None,
    }
}

/// Role ARNs that a policy lets its holder assume.
fn assumed(document: &Document) -> BTreeSet<String> {
    let assume = document.statements.iter().filter(|s| s.effect == Effect::Allow && s.action.values.iter().any(|a| a == "sts:AssumeRole"));
    assume.filter_map(|s| s.resource.as_ref()).flat_map(|r| r.values.iter().cloned()).collect()
}

fn federated(document: &Document) -> impl Iterator<Item = &str> {
    let principals = document.statements.iter().filter_map(|s| s.principal.as_ref());
    principals.filter_map(|p| p.entries.get("Federated")).flatten().map(String::as_str)
}

/// Roles that trust each other can't be made in any order: those on a cycle are made with a trust that lets nobody in, and
/// get their own when all of them exist (a role may not even name itself before it exists).
fn break_trust_cycles(draft: &mut Draft<'_>) {
    let mut trusts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let partition = draft.desired.partition;
    for step in &draft.steps {
        if let Call::Iam(IamCall::CreateRole { name, path, trust, .. }) = &step.call {
            let arn = partition.iam_arn(&step.account, "role", path, name);
            trusts.insert(arn, trust.aws_principals().map(str::to_owned).collect());
        }
    }
    let locked = on_cycles(trusts);
    for at in 0..draft.steps.len() {
        lock(draft, at, partition, &locked);
    }
}

fn lock(draft: &mut Draft<'_>, at: usize, partition: Partition, locked: &BTreeSet<String>) {
    let end = StepId(draft.steps.len());
    let Some(step) = draft.steps.get_mut(at) else { return };
    let Call::Iam(IamCall::CreateRole { name, path, trust, .. }) = &mut step.call else { return };
    if !locked.contains(&partition.iam_arn(&step.account, "role", path, name)) {
        return;
    }
    let nobody = nobody();
    let own = std::mem::replace(trust, nobody.clone());
    let role = name.clone();
    let mut unlock = step.clone();
    unlock.call = IamCall::UpdateTrust { role, trust: own }.into();
    unlock.facet = Facet::Trust;
    unlock.before = Digest::of(&nobody.canonical().encode());
    unlock.after = draft.changes.get(unlock.change).and_then(|c| c.after.as_ref()).map_or_else(Digest::absent, |s| s.facet(&Facet::Trust));
    unlock.needs = vec![StepId(at)];
    debug_assert_eq!(end.0, draft.steps.len());
    draft.steps.push(unlock);
}

/// A trust policy that AWS takes and that lets nobody in.
fn nobody() -> Document {
    let mut statement = Statement::allow(Element::of(["sts:AssumeRole"]), None);
    statement.effect = Effect::Deny;
    statement.principal = Some(Principal::of("AWS", ["*"]));
    Document::new(vec![statement])
}

/// The nodes on a cycle, or between two: what is left after taking away, again and again, those that wait for none and
/// those that none waits for.
fn on_cycles(mut graph: BTreeMap<String, BTreeSet<String>>) -> BTreeSet<String> {
    let nodes: BTreeSet<String> = graph.keys().cloned().collect();
    for needs in graph.values_mut() {
        needs.retain(|n| nodes.contains(n));
    }
    loop {
        let wanted: BTreeSet<String> = graph.values().flatten().cloned().collect();
        let free: BTreeSet<String> = graph.iter().filter(|(node, needs)| needs.is_empty() || !wanted.contains(*node)).map(|(node, _)| node.clone()).collect();
        if free.is_empty() {
            return graph.into_keys().collect();
        }
        graph.retain(|node, _| !free.contains(node));
        for needs in graph.values_mut() {
            needs.retain(|n| !free.contains(n));
        }
    }
}
