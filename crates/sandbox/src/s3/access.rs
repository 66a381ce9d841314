//! Who may do what to a bucket and what is in it: its policy, its ACLs, and the blocks of public access on it.

use crossrole_policy::{Document, Effect, Element, Principal, Statement};

use crate::auth::{Want, authorize};
use crate::error::ApiError;

use super::state::{Bucket, Grant, Grantee, Object, canonical_id};
use super::{S3, acl, conditions, denied, policy};

/// An object that an action is about.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Target<'t> {
    pub(super) key: &'t str,
    /// The version that is named.
    pub(super) version: Option<&'t str>,
}

impl<'t> Target<'t> {
    pub(super) fn of(key: &'t str, version: Option<&'t str>) -> Self {
        Self { key, version }
    }

    /// The action on it: `s3:GetObject`, of a version that is named `s3:GetObjectVersion`.
    pub(super) fn action(&self, plain: &'static str, versioned: &'static str) -> &'static str {
        if self.version.is_some() { versioned } else { plain }
    }
}

impl S3<'_> {
    /// Decides an action on a bucket.
    pub(super) fn allow(&self, bucket: &str, action: &str) -> Result<(), ApiError> {
        let state = self.bucket(bucket)?;
        let policy = self.deciding_policy(bucket, state, action, None);
        let keys = conditions::of(self.asked, action, Some(state), None, None);
        self.ask(action, &format!("arn:aws:s3:::{bucket}"), &state.account, policy.as_ref(), keys, state)
    }

    /// Decides an action on an object.
    pub(super) fn allow_object(&self, bucket: &str, action: &str, target: Target<'_>) -> Result<(), ApiError> {
        let state = self.bucket(bucket)?;
        let history = state.objects.get(target.key);
        let object = match target.version {
            None => history.and_then(super::state::History::current),
            Some(id) => history.and_then(|h| h.version(id)).and_then(|v| v.object.as_ref()),
        };
        // Who owns an object decides about it; writing another one in its place, and deleting it, are the bucket's affair.
        let reads = action.starts_with("s3:GetObject") || action.ends_with("Tagging") || action.ends_with("Acl");
        let owner = object.and_then(|o| o.owner.as_deref()).filter(|_| reads && !state.acls_disabled());
        let mut policy = self.deciding_policy(bucket, state, action, Some((target.key, object)));
        if let (Some(_), Some(document)) = (owner, &mut policy) {
            document.statements.retain(|s| s.effect == Effect::Deny || s.sid() == acl::SID);
        }
        let mut keys = conditions::of(self.asked, action, Some(state), target.version, object.map(|o| &o.tags));
        if action == "s3:PutObject" {
            keys.names_key(self.key_in_use(state));
        }
        let resource = format!("arn:aws:s3:::{bucket}/{}", target.key);
        self.ask(action, &resource, owner.unwrap_or(&state.account), policy.as_ref(), keys, state)
    }

    fn ask(&self, action: &str, resource: &str, account: &str, policy: Option<&Document>, keys: conditions::Keys, state: &Bucket) -> Result<(), ApiError> {
        let want = Want { action, resource, account, policy, context: keys.one, many: keys.many };
        authorize(self.caller, &want).map_err(|error| {
            // S3 says no more than this across accounts.
            if self.caller.account == state.account { error } else { denied() }
        })
    }

    /// Decides an action that names no bucket, or one that is not there yet.
    pub(super) fn allow_account(&self, action: &str, resource: &str) -> Result<(), ApiError> {
        if self.caller.anonymous {
            return Err(denied());
        }
        let keys = conditions::of(self.asked, action, None, None, None);
        authorize(self.caller, &Want { action, resource, context: keys.one, many: keys.many, ..Want::default() })
    }

    /// The four settings that count: the bucket's and its account's, whichever is stricter.
    pub(super) fn block(&self, state: &Bucket) -> [bool; 4] {
        let (bucket, account) = (state.block.unwrap_or_default(), self.world.blocks.get(&state.account).copied().unwrap_or_default());
        let mut both = bucket;
        for (ours, theirs) in both.iter_mut().zip(account) {
            *ours |= theirs;
        }
        both
    }

    /// The bucket's policy as it decides, with what ACLs grant.
    fn deciding_policy(&self, bucket: &str, state: &Bucket, action: &str, object: Option<(&str, Option<&Object>)>) -> Option<Document> {
        let [_, ignore_acls, _, restrict] = self.block(state);
        let shown: Option<Document> = state.policy.visible(self.world.now_ms).map(|d| self.world.shown(d));
        // One public statement closes the bucket to every other account, but for services (S3 User Guide,
        // "Blocking public access", RestrictPublicBuckets).
        let closed = restrict && shown.as_ref().is_some_and(policy::is_public) && self.caller.account != state.account;
        let mut document = shown.filter(|_| !closed);
        if state.acls_disabled() {
            return document;
        }
        let grants = match object {
            Some((_, object)) if acl::ON_OBJECT.iter().any(|(a, _)| *a == action) => object.and_then(|o| o.acl.as_deref()),
            _ => state.acl.as_deref(),
        };
        let permission = acl::permission(action);
        let granted = grants.into_iter().flatten().filter(|g| permission.is_some_and(|p| g.permission == p || g.permission == "FULL_CONTROL"));
        for principal in granted.filter_map(|g| self.granted_to(g, ignore_acls)) {
            let resource = object.map_or_else(|| format!("arn:aws:s3:::{bucket}"), |(key, _)| format!("arn:aws:s3:::{bucket}/{key}"));
            let mut statement = Statement::allow(Element::of([action]), Some(Element::of([resource])));
            statement.sid = Some(acl::SID.to_owned());
            statement.principal = Some(Principal::of("AWS", [principal]));
            document.get_or_insert_with(Document::default).statements.push(statement);
        }
        document
    }

    /// The principal that a grant lets in, where that is the caller.
    fn granted_to(&self, grant: &Grant, ignore_public: bool) -> Option<String> {
        let account = &self.caller.account;
        match &grant.grantee {
            Grantee::User(id) => (!self.caller.anonymous && *id == canonical_id(account)).then(|| format!("arn:aws:iam::{account}:root")),
            Grantee::Group(uri) => match uri.as_str() {
                acl::EVERYONE if !ignore_public => Some("*".to_owned()),
                acl::AUTHENTICATED if !ignore_public && !self.caller.anonymous => Some("*".to_owned()),
                _ => None,
            },
        }
    }
}
