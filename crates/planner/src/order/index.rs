//! Where things are made, readied and cleared away.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::state::Encryption;
use crossrole_model::{
    AccountId, BucketCall, Call, Change, IamCall, KeyCall, KeyRef, ObjectState, Partition, PrincipalKind, PrincipalRef, StepId, limits, ownership,
};
use crossrole_policy::{Document, Effect, Statement};

use crate::draft::Draft;

/// Where things are made, readied and cleared away.
#[derive(Default)]
pub(super) struct Index {
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
    /// By key's ARN: writing its policy.
    key_policy: BTreeMap<String, Vec<StepId>>,
    /// By key's ARN: steps after which a bucket is not encrypted with it any more.
    freed: BTreeMap<String, Vec<StepId>>,
    /// By principal ARN: steps that take it out of a document.
    unnamed: BTreeMap<String, Vec<StepId>>,
    /// By policy ARN: steps that detach it, or take it away as a boundary.
    detached: BTreeMap<String, Vec<StepId>>,
    /// By principal: steps that take something off it.
    cleared: BTreeMap<(String, PrincipalKind, String), Vec<StepId>>,
    /// By principal: steps that attach its caller policy, each with its change, where it may hold one policy more.
    caller_attached: BTreeMap<(String, PrincipalRef), Vec<(StepId, usize)>>,
    /// By step: its change.
    change_of: Vec<usize>,
    /// By deleting step: the ARN that goes.
    deleted: BTreeMap<usize, String>,
}

/// A step's account and change.
struct Whose<'d> {
    id: StepId,
    account: &'d AccountId,
    partition: Partition,
    change: Option<&'d Change>,
}

impl Whose<'_> {
    fn arn(&self, kind: &str, path: &str, name: &str) -> String {
        self.partition.iam_arn(self.account, kind, path, name)
    }
}

impl Index {
    pub(super) fn new(draft: &Draft<'_>) -> Self {
        let mut index = Self::default();
        for (at, step) in draft.steps.iter().enumerate() {
            let id = StepId(at);
            let change = draft.changes.get(step.change);
            index.change_of.push(step.change);
            if let Call::Iam(IamCall::AttachPolicy { principal, arn }) = &step.call
                && ownership::is_caller_arn(arn)
                && attached(draft, &step.account, principal) < limits::ATTACHED_POLICIES
            {
                index.caller_attached.entry((step.account.to_string(), principal.clone())).or_default().push((id, step.change));
            }
            if let Some(arn) = step.call.made_arn(&step.account, draft.desired.partition) {
                index.made.entry(arn).or_default().push(id);
            }
            match &step.call {
                Call::Iam(call) => {
                    let whose = Whose { id, account: &step.account, partition: draft.desired.partition, change };
                    index.makes(&whose, call);
                    index.takes(&whose, call);
                }
                Call::Bucket(call) => index.bucket_call(id, change, call),
                Call::Set(_) => {}
                // A key is not put to use before it can be found again.
                Call::Key(KeyCall::CreateAlias { key }) => index.made.entry(key.arn.clone()).or_default().push(id),
                Call::Key(
                    KeyCall::Create { .. }
                    | KeyCall::UpdateDescription { .. }
                    | KeyCall::EnableRotation { .. }
                    | KeyCall::Tag { .. }
                    | KeyCall::Untag { .. }
                    | KeyCall::ScheduleDeletion { .. },
                ) => {}
                Call::Key(KeyCall::PutPolicy { key, document }) => {
                    index.key_policy.entry(key.arn.clone()).or_default().push(id);
                    let before = change.and_then(|c| c.before.as_ref());
                    let before = if let Some(ObjectState::KeyPolicy(state)) = before { Some(&state.document) } else { None };
                    index.removed_principals(before, Some(document), id);
                }
            }
        }
        index.attached_as_they_are(draft);
        index
    }

    /// What policies let their holders assume that are attached and not written: as they were read.
    fn attached_as_they_are(&mut self, draft: &Draft<'_>) {
        for step in &draft.steps {
            let Call::Iam(IamCall::AttachPolicy { arn, .. }) = &step.call else { continue };
            let Some(state) = draft.observed.accounts.get(&step.account).and_then(|o| o.known()) else { continue };
            let name = arn.rsplit('/').next().unwrap_or(arn).to_ascii_lowercase();
            if let Some(policy) = state.policies.get(&name).filter(|policy| policy.arn == *arn) {
                self.assumes.entry(arn.clone()).or_insert_with(|| assumed(&policy.state.document));
            }
        }
    }

    fn makes(&mut self, whose: &Whose<'_>, call: &IamCall) {
        let account = whose.account.to_string();
        match call {
            IamCall::CreateRole { name, path, .. } => {
                self.ready.entry(whose.arn("role", path, name)).or_default().push(whose.id);
                self.principals.entry((account, PrincipalKind::Role, name.clone())).or_default().push(whose.id);
            }
            IamCall::UpdateTrust { role, .. } | IamCall::PutInlinePolicy { role, .. } => {
                if let Some(ObjectState::Role(state)) = whose.change.and_then(|c| c.after.as_ref()) {
                    self.ready.entry(whose.arn("role", &state.path, role)).or_default().push(whose.id);
                }
            }
            IamCall::CreateUser { name, .. } => self.principals.entry((account, PrincipalKind::User, name.clone())).or_default().push(whose.id),
            // What is put on a group that moves is asked about by the ARN that it has then.
            IamCall::CreateGroup { name, .. } | IamCall::UpdateGroup { group: name, .. } => {
                self.principals.entry((account, PrincipalKind::Group, name.clone())).or_default().push(whose.id);
            }
            IamCall::CreatePolicy { name, path, document, .. } => drop(self.assumes.insert(whose.arn("policy", path, name), assumed(document))),
            IamCall::CreatePolicyVersion { arn, document } => drop(self.assumes.insert(arn.clone(), assumed(document))),
            IamCall::UpdateRole { .. }
            | IamCall::PutBoundary { .. }
            | IamCall::DeleteBoundary { .. }
            | IamCall::TagRole { .. }
            | IamCall::UntagRole { .. }
            | IamCall::RemoveRoleFromInstanceProfile { .. }
            | IamCall::DeleteRole { .. }
            | IamCall::DeleteInlinePolicy { .. }
            | IamCall::AttachPolicy { .. }
            | IamCall::DetachPolicy { .. }
            | IamCall::DeletePolicyVersion { .. }
            | IamCall::TagPolicy { .. }
            | IamCall::UntagPolicy { .. }
            | IamCall::DeletePolicy { .. }
            | IamCall::TagUser { .. }
            | IamCall::UntagUser { .. }
            | IamCall::DeleteUser { .. }
            | IamCall::DeleteGroup { .. }
            | IamCall::AddUserToGroup { .. }
            | IamCall::RemoveUserFromGroup { .. }
            | IamCall::CreateOidcProvider { .. }
            | IamCall::CreateSamlProvider { .. }
            | IamCall::UpdateSamlProvider { .. }
            | IamCall::TagSamlProvider { .. }
            | IamCall::UntagSamlProvider { .. }
            | IamCall::DeleteSamlProvider { .. }
            | IamCall::AddClientId { .. }
            | IamCall::RemoveClientId { .. }
            | IamCall::TagOidcProvider { .. }
            | IamCall::UntagOidcProvider { .. }
            | IamCall::DeleteOidcProvider { .. } => {}
        }
    }

    fn takes(&mut self, whose: &Whose<'_>, call: &IamCall) {
        let (id, account) = (whose.id, whose.account.to_string());
        let before = whose.change.and_then(|c| c.before.as_ref());
        match (call, before) {
            (IamCall::UpdateTrust { trust, .. }, Some(ObjectState::Role(before))) => self.removed_principals(Some(&before.trust), Some(trust), id),
            (IamCall::DetachPolicy { principal, arn }, _) => {
                self.detached.entry(arn.clone()).or_default().push(id);
                self.cleared.entry((account, principal.kind, principal.name.clone())).or_default().push(id);
            }
            (IamCall::PutBoundary { .. } | IamCall::DeleteBoundary { .. }, Some(ObjectState::Role(before))) => {
                if let Some(old) = &before.boundary {
                    self.detached.entry(old.clone()).or_default().push(id);
                }
            }
            (IamCall::DeleteInlinePolicy { principal, .. }, _) => self.cleared.entry((account, principal.kind, principal.name.clone())).or_default().push(id),
            (IamCall::RemoveUserFromGroup { group, user }, _) => {
                self.cleared.entry((account.clone(), PrincipalKind::Group, group.clone())).or_default().push(id);
                self.cleared.entry((account, PrincipalKind::User, user.clone())).or_default().push(id);
            }
            (IamCall::DeleteRole { role }, Some(ObjectState::Role(before))) => {
                self.deleted.insert(id.0, whose.arn("role", &before.path, role));
                // A boundary is held until its role is gone.
                if let Some(boundary) = &before.boundary {
                    self.detached.entry(boundary.clone()).or_default().push(id);
                }
            }
            (IamCall::DeleteUser { user }, Some(ObjectState::User(before))) => drop(self.deleted.insert(id.0, whose.arn("user", &before.path, user))),
            // Of a change that shows nothing before, nothing is taken.
            (
                IamCall::UpdateTrust { .. }
                | IamCall::PutBoundary { .. }
                | IamCall::DeleteBoundary { .. }
                | IamCall::DeleteRole { .. }
                | IamCall::DeleteUser { .. },
                _,
            ) => {}
            (
                IamCall::CreateRole { .. }
                | IamCall::UpdateRole { .. }
                | IamCall::TagRole { .. }
                | IamCall::UntagRole { .. }
                | IamCall::RemoveRoleFromInstanceProfile { .. }
                | IamCall::PutInlinePolicy { .. }
                | IamCall::AttachPolicy { .. }
                | IamCall::CreatePolicy { .. }
                | IamCall::CreatePolicyVersion { .. }
                | IamCall::DeletePolicyVersion { .. }
                | IamCall::TagPolicy { .. }
                | IamCall::UntagPolicy { .. }
                | IamCall::DeletePolicy { .. }
                | IamCall::CreateUser { .. }
                | IamCall::TagUser { .. }
                | IamCall::UntagUser { .. }
                | IamCall::CreateGroup { .. }
                | IamCall::UpdateGroup { .. }
                | IamCall::DeleteGroup { .. }
                | IamCall::AddUserToGroup { .. }
                | IamCall::CreateOidcProvider { .. }
                | IamCall::CreateSamlProvider { .. }
                | IamCall::UpdateSamlProvider { .. }
                | IamCall::TagSamlProvider { .. }
                | IamCall::UntagSamlProvider { .. }
                | IamCall::DeleteSamlProvider { .. }
                | IamCall::AddClientId { .. }
                | IamCall::RemoveClientId { .. }
                | IamCall::TagOidcProvider { .. }
                | IamCall::UntagOidcProvider { .. }
                | IamCall::DeleteOidcProvider { .. },
                _,
            ) => {}
        }
    }

    fn bucket_call(&mut self, id: StepId, change: Option<&Change>, call: &BucketCall) {
        if let (BucketCall::PutEncryption { .. } | BucketCall::Delete { .. }, Some(ObjectState::Bucket(before))) =
            (call, change.and_then(|c| c.before.as_ref()))
            && let Some(Encryption::Kms { key, .. }) = &before.encryption
        {
            self.freed.entry(key.clone()).or_default().push(id);
        }
        match call {
            BucketCall::PutPolicy { bucket, document } => {
                self.bucket_policy.entry(bucket.name.clone()).or_default().push(id);
                self.removed_principals(bucket_before(change), Some(document), id);
            }
            BucketCall::DeletePolicy { bucket } => {
                self.bucket_policy.entry(bucket.name.clone()).or_default().push(id);
                self.removed_principals(bucket_before(change), None, id);
            }
            // A policy waits for these, and not for the rest: two buckets may log into each other.
            BucketCall::Create { bucket, .. } | BucketCall::PutPublicAccessBlock { bucket, .. } | BucketCall::PutOwnership { bucket, .. } => {
                self.buckets.entry(bucket.name.clone()).or_default().push(id);
            }
            BucketCall::PutVersioning { .. }
            | BucketCall::PutEncryption { .. }
            | BucketCall::PutLogging { .. }
            | BucketCall::PutTags { .. }
            | BucketCall::Delete { .. } => {}
        }
    }

    fn removed_principals(&mut self, before: Option<&Document>, after: Option<&Document>, id: StepId) {
        let after: BTreeSet<&str> = after.map(|d| d.aws_principals().collect()).unwrap_or_default();
        for arn in before.into_iter().flat_map(Document::aws_principals).filter(|a| !after.contains(a)) {
            self.unnamed.entry(arn.to_owned()).or_default().push(id);
        }
    }

    pub(super) fn made(&self, arn: &str) -> &[StepId] {
        self.made.get(arn).map_or(&[], Vec::as_slice)
    }

    /// Steps that make keys which a document names, or which it may.
    pub(super) fn keys_in(&self, document: &Document) -> Vec<StepId> {
        let named = |arn: &String| document.statements.iter().any(|s| names_key(s, arn));
        self.made.iter().filter(|(arn, _)| KeyRef::parse(arn).is_some() && named(arn)).flat_map(|(_, steps)| steps.iter().copied()).collect()
    }

    pub(super) fn ready(&self, arn: &str) -> &[StepId] {
        self.ready.get(arn).map_or(&[], Vec::as_slice)
    }

    /// Steps that take what a step deletes out of documents.
    pub(super) fn unnamed(&self, deleting: usize) -> &[StepId] {
        self.deleted.get(&deleting).and_then(|arn| self.unnamed.get(arn)).map_or(&[], Vec::as_slice)
    }

    pub(super) fn bucket_policy(&self, name: &str) -> &[StepId] {
        self.bucket_policy.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn key_policy(&self, arn: &str) -> &[StepId] {
        self.key_policy.get(arn).map_or(&[], Vec::as_slice)
    }

    pub(super) fn freed(&self, arn: &str) -> &[StepId] {
        self.freed.get(arn).map_or(&[], Vec::as_slice)
    }

    pub(super) fn detached(&self, arn: &str) -> &[StepId] {
        self.detached.get(arn).map_or(&[], Vec::as_slice)
    }

    /// Roles that a policy lets its holder assume.
    pub(super) fn assumed_by(&self, arn: &str) -> impl Iterator<Item = &String> {
        self.assumes.get(arn).into_iter().flatten()
    }

    pub(super) fn bucket(&self, name: &str) -> &[StepId] {
        self.buckets.get(name).map_or(&[], Vec::as_slice)
    }

    pub(super) fn made_principal(&self, account: &str, kind: PrincipalKind, name: &str) -> &[StepId] {
        self.principals.get(&(account.to_owned(), kind, name.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// Steps of other changes that attach the principal's caller policy.
    pub(super) fn caller_attached(&self, at: usize, account: &str, principal: &PrincipalRef) -> Vec<StepId> {
        let own = self.change_of.get(at);
        let steps = self.caller_attached.get(&(account.to_owned(), principal.clone()));
        steps.into_iter().flatten().filter(|(_, change)| Some(change) != own).map(|(id, _)| *id).collect()
    }

    pub(super) fn cleared(&self, account: &str, kind: PrincipalKind, name: &str) -> &[StepId] {
        self.cleared.get(&(account.to_owned(), kind, name.to_owned())).map_or(&[], Vec::as_slice)
    }
}

/// How many managed policies a principal holds now.
fn attached(draft: &Draft<'_>, account: &AccountId, principal: &PrincipalRef) -> usize {
    let Some(state) = draft.observed.accounts.get(account).and_then(|o| o.known()) else { return 0 };
    let key = principal.name.to_ascii_lowercase();
    let held = match principal.kind {
        PrincipalKind::Role => state.roles.get(&key).map(|r| r.state.attached.len()),
        PrincipalKind::User => state.users.get(&key).map(|u| u.attached.len()),
        PrincipalKind::Group => state.groups.get(&key).map(|g| g.attached.len()),
    };
    held.unwrap_or_default()
}

/// Tells whether a statement speaks of a key by its ARN.
fn names_key(statement: &Statement, arn: &str) -> bool {
    let resources = statement.resource.iter().flat_map(|r| &r.values);
    let values = statement.conditions.values().flat_map(|keys| keys.values().flatten());
    resources.chain(values).any(|text| text == arn)
}

fn bucket_before(change: Option<&Change>) -> Option<&Document> {
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

pub(super) fn federated(document: &Document) -> impl Iterator<Item = &str> {
    let principals = document.statements.iter().filter_map(|s| s.principal.as_ref());
    principals.filter_map(|p| p.entries.get("Federated")).flatten().map(String::as_str)
}
