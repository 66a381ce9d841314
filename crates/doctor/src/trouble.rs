//! What stands in the way of each call.

use crossrole_access::{Caller, ObjectKey, Question, brought, of_session};
use crossrole_model::access::{Assumption, Because, Decision, Explanation, Fix, Lack, Layer, Never, StatementRef};
use crossrole_model::diagnosis::{CallAsked, Cause, FoundCause};
use crossrole_model::observed::KeyState;
use crossrole_model::{Observation, PermissionSet};
use crossrole_policy::{Arn, Effect};

use crate::asked::{Who, one};
use crate::avoid::REGION;
use crate::named::{of_condition, of_layer};
use crate::world::{World, known};

/// An hour: the longest session of a role that is assumed from a role (IAM User Guide, "Role chaining").
pub(crate) const CHAINED: u32 = 3_600;

/// What guards a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Guard {
    Trust,
    Bucket,
    Key,
    Nothing,
}

impl Guard {
    pub(crate) fn of(action: &str, resource: &str) -> Self {
        let service = action.split(':').next().unwrap_or_default().to_ascii_lowercase();
        match service.as_str() {
            "sts" => Self::Trust,
            "kms" => Self::Key,
            _ if resource.contains(":s3:::") => Self::Bucket,
            _ => Self::Nothing,
        }
    }
}

/// Whoever makes a call: who asked first, or a session of a role on the way.
#[derive(Debug, Clone, Copy)]
struct By<'q> {
    principal: &'q str,
    first: bool,
}

/// One call, and how it is decided.
#[derive(Debug, Clone)]
pub(crate) struct Hop {
    pub(crate) call: CallAsked,
    pub(crate) guard: Guard,
    pub(crate) question: Question,
    pub(crate) answer: Explanation,
    /// S3 makes it in the name of whoever calls S3.
    pub(crate) through: bool,
}

/// One thing that stands in the way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Trouble {
    pub(crate) found: FoundCause,
    /// The kind of policy that it is about.
    pub(crate) layer: Option<Layer>,
}

impl Trouble {
    /// Tells whether it is the same thing in another state of the world: the statement that nearly lets it may be another one then.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let key = |trouble: &Self| match &trouble.found.lack {
            Some(Lack::Condition { key, .. }) if trouble.found.cause == Cause::OtherCondition => Some(key.to_ascii_lowercase()),
            _ => None,
        };
        // A condition has no revocation beside it.
        let told = |trouble: &Self| trouble.found.revoked.clone().filter(|_| key(trouble).is_none());
        (self.found.cause, self.found.hop, key(self), told(self)) == (other.found.cause, other.found.hop, key(other), told(other))
    }
}

impl World<'_> {
    /// The calls on the way, each decided as if those before it had worked.
    pub(crate) fn hops(&self) -> Vec<Hop> {
        let asked = &self.asked;
        let question = &asked.question;
        let mut hops = Vec::new();
        let mut by = By { principal: &question.principal, first: true };
        for role in &question.via {
            let action = assumes_by(by.principal);
            hops.push(self.hop(by, action, role));
            hops.extend(self.with_session(by, role));
            by = By { principal: role, first: false };
        }
        // Who copies an object reads it (S3 API Reference, CopyObject).
        if let Some(source) = asked.copies.as_deref().filter(|_| question.action.eq_ignore_ascii_case("s3:PutObject")) {
            hops.push(self.hop(by, "s3:GetObject", source));
            hops.extend(self.through_s3(by, "s3:GetObject", source));
        }
        let last = self.hop(by, &question.action, &question.resource);
        let guard = last.guard;
        hops.push(last);
        if guard == Guard::Trust && question.action.eq_ignore_ascii_case("sts:AssumeRole") {
            hops.extend(self.with_session(by, &question.resource));
        }
        hops.extend(self.through_s3(by, &question.action, &question.resource));
        hops
    }

    fn hop(&self, by: By<'_>, action: &str, resource: &str) -> Hop {
        let mut question = self.question(by, action, resource);
        if let Some(region) = self.called_in(action, resource) {
            question.context.set(REGION, region);
        }
        self.decided(question, false)
    }

    /// A call with what its caller brings: a session has nothing of who assumed its role.
    fn question(&self, by: By<'_>, action: &str, resource: &str) -> Question {
        let Question { principal: _, via: _, action: _, resource: _, resource_account, context, unread_allows } = &self.asked.question;
        Question {
            principal: by.principal.to_owned(),
            via: Vec::new(),
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: resource_account.clone(),
            context: if by.first { context.clone() } else { of_session(context, action) },
            unread_allows: *unread_allows,
        }
    }

    /// The region that is called, where that is known: a bucket or key answers in its own, and what is typed is of the call at the end.
    pub(crate) fn called_in(&self, action: &str, resource: &str) -> Option<String> {
        let asked = &self.asked;
        match Guard::of(action, resource) {
            Guard::Bucket => bucket_of(resource).and_then(|name| self.bucket(name)).map(|state| state.region),
            Guard::Key => Arn::parse(resource).map(|arn| arn.region.to_owned()),
            Guard::Trust | Guard::Nothing => asked.region.clone().filter(|_| !asked.question.via.iter().any(|role| role == resource)),
        }
    }

    pub(crate) fn decided(&self, question: Question, through: bool) -> Hop {
        let mut answers = self.estate.ask(&question);
        answers.truncate(1);
        let call = CallAsked { principal: question.principal.clone(), action: question.action.clone(), resource: question.resource.clone() };
        let guard = Guard::of(&call.action, &call.resource);
        let answer = answers.pop().unwrap_or_else(|| unanswered(&question));
        Hop { call, guard, question, answer, through }
    }

    /// What a session that brings something has to be let besides (IAM User Guide, "Passing session tags", "Source identity").
    fn with_session(&self, by: By<'_>, role: &str) -> Vec<Hop> {
        let wanted = [(self.asked.session_tags, "sts:TagSession"), (self.asked.source_identity, "sts:SetSourceIdentity")];
        wanted.into_iter().filter(|(is, _)| *is).map(|(_, action)| self.hop(by, action, role)).collect()
    }

    /// What S3 asks of the key of an object, in the caller's name (S3 User Guide, "Using server-side encryption with AWS KMS keys").
    fn through_s3(&self, by: By<'_>, action: &str, resource: &str) -> Option<Hop> {
        let question = self.question(by, action, resource);
        let bucket = bucket_of(resource).and_then(|name| self.estate.bucket_keys.get(name));
        // What is asked for may have another key than the bucket gives what is new, and so may what is sent.
        let own = Some(&self.asked.key).filter(|_| resource == self.asked.question.resource).cloned().unwrap_or_default();
        let said = if own == ObjectKey::AsItsBucket { brought(&question.context, action, bucket) } else { own };
        self.estate.through_s3(&question, &said).map(|asked| self.decided(asked, true))
    }

    /// Everything that stands in the way, the first to be met first.
    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        let mut all = self.stood();
        all.extend(self.taken.iter().enumerate().filter(|(at, _)| !self.given_back.contains(at)).map(|(_, taken)| taken.trouble.clone()));
        all.sort_by_key(|trouble| self.met(trouble));
        all
    }

    /// When it is met: a Deny of which AWS tells, whatever policy has it, before all that only lacks.
    fn met(&self, trouble: &Trouble) -> (usize, Cause) {
        let explicit = self.asked.denied.as_ref().and_then(|denied| denied.reason).is_some_and(|reason| reason.explicit == Some(true));
        let cause = match trouble.found.cause {
            Cause::DeniedSomewhere => Cause::SessionPolicyDenies,
            Cause::EndpointPolicy if explicit => Cause::SessionPolicyDenies,
            cause => cause,
        };
        (trouble.found.hop, cause)
    }

    /// The same without why access was taken back.
    pub(crate) fn stood(&self) -> Vec<Trouble> {
        let hops = self.hops();
        let mut all: Vec<Trouble> = Vec::new();
        for (at, hop) in hops.iter().enumerate() {
            let missing = self.missing(at, hop);
            let is_there = missing.is_empty();
            all.extend(missing);
            let refused = self.refused(at, hop);
            if is_there {
                all.extend(refused);
                all.extend(self.limits(at, hop));
                all.extend(self.key(at, hop));
            } else {
                // What guards it is not there; the caller's own side is, and is looked at all the same.
                all.extend(refused.into_iter().filter(|trouble| matches!(trouble.layer, Some(Layer::Identity | Layer::Boundary))));
            }
        }
        self.told(&hops, &mut all);
        all.sort_by_key(|trouble| self.met(trouble));
        let mut out: Vec<Trouble> = Vec::new();
        for trouble in all {
            if !out.iter().any(|known| known.is(&trouble)) {
                out.push(trouble);
            }
        }
        out
    }

    /// What is not there.
    fn missing(&self, at: usize, hop: &Hop) -> Vec<Trouble> {
        let mut out = Vec::new();
        let mut add = |cause| out.push(bare(cause, at, hop));
        if let Some(who) = Who::of(&hop.call.principal)
            && self.whole(who.account)
            && self.known(&hop.call.principal).is_none()
            && !hop.call.principal.contains(['*', '?'])
            && PermissionSet::of_role(&hop.call.principal).is_none_or(|_| hop.call.principal.contains(":sts:"))
        {
            add(Cause::CallerMissing);
        }
        match hop.guard {
            Guard::Trust => {
                if let Some(cause) = self.no_role(&hop.call.resource) {
                    add(cause);
                } else if hop.call.principal.ends_with(":root")
                    && hop.call.action.eq_ignore_ascii_case("sts:AssumeRole")
                    && !self.cared.contains(&Cause::RootAssumes)
                {
                    add(Cause::RootAssumes);
                }
            }
            Guard::Bucket => {
                let Some(name) = bucket_of(&hop.call.resource) else { return out };
                // What is copied may be in another region than where it is copied to.
                let called = self.asked.region.as_ref().filter(|_| hop.call.resource == self.asked.question.resource);
                let wrong = self.bucket(name).zip(called).is_some_and(|(state, region)| state.region != *region);
                if matches!(self.observed.buckets.get(name), Some(Observation::Known(None))) && !self.is_planned(name) {
                    add(Cause::BucketMissing);
                } else if wrong {
                    add(Cause::WrongRegion);
                }
            }
            Guard::Key
                if !hop.through && self.called_in("kms:", &hop.call.resource).zip(self.asked.region.as_ref()).is_some_and(|(own, called)| own != *called) =>
            {
                add(Cause::WrongRegion);
            }
            Guard::Key if matches!(self.observed.keys.get(&hop.call.resource), Some(Observation::Known(None))) => add(Cause::KeyMissing),
            _ => {}
        }
        out
    }

    fn is_planned(&self, bucket: &str) -> bool {
        self.changes.iter().any(|c| c.address.kind == crossrole_model::Kind::Bucket && c.address.name == bucket && c.after.is_some())
    }

    fn no_role(&self, role: &str) -> Option<Cause> {
        let who = Who::of(role).filter(|who| who.kind == "role")?;
        if self.estate.roles.contains_key(role) {
            return None;
        }
        if !self.whole(who.account) {
            // Of an account that no manifest names, nothing is known; a role of that name that is known may be meant.
            let is_named = self.desired.accounts.keys().any(|id| id.as_str() == who.account);
            return self.like(role).filter(|_| !is_named).map(|_| Cause::RoleInOtherAccount);
        }
        Some(match self.like(role) {
            Some(other) if Who::of(&other).is_some_and(|o| o.account == who.account) => Cause::RoleUnderOtherPath,
            Some(_) => Cause::RoleInOtherAccount,
            None => Cause::RoleMissing,
        })
    }

    /// A role of the same name that is there: in the same account first.
    pub(crate) fn like(&self, role: &str) -> Option<String> {
        let who = Who::of(role)?;
        let same: Vec<&String> = self.estate.roles.keys().filter(|arn| Who::of(arn).is_some_and(|o| o.name.eq_ignore_ascii_case(who.name))).collect();
        let here = same.iter().find(|arn| Who::of(arn).is_some_and(|o| o.account == who.account));
        here.or_else(|| same.first().filter(|_| same.len() == 1)).map(|arn| (*arn).clone())
    }

    /// What policies refuse.
    fn refused(&self, at: usize, hop: &Hop) -> Vec<Trouble> {
        // That a root user asks is a trouble of its own, and no policy's.
        if hop.answer.is_allowed() || hop.answer.because == (Because::Never { why: Never::RootAssumes }) {
            return Vec::new();
        }
        let layer_of =
            |statement: &StatementRef, effect: Effect| hop.answer.reasons.iter().find(|r| r.statement == *statement && r.effect == effect).map(|r| r.layer);
        let mut out = Vec::new();
        for fix in &hop.answer.fixes {
            if matches!(fix, Fix::Trust | Fix::Allow { layer: Layer::Resource }) && self.is_unread(hop) {
                // What was not read is not said to lack something.
                continue;
            }
            let (cause, layer, statement, lack) = match fix {
                Fix::None => (Cause::Impossible, None, None, None),
                Fix::Key { state: KeyState::PendingDeletion } => (Cause::KeyPendingDeletion, None, None, None),
                Fix::Key { .. } => (Cause::KeyDisabled, None, None, None),
                Fix::NotPublic => (Cause::PublicRestricted, Some(Layer::PublicAccessBlock), None, None),
                Fix::Except { statement, open: _ } => {
                    let layer = layer_of(statement, Effect::Deny);
                    let cause = layer.and_then(|l| of_layer(l, true, hop.guard)).unwrap_or(Cause::Impossible);
                    let by_age = cause == Cause::IdentityDenies && self.is_by_age(&hop.call.principal, statement);
                    if let Some((cause, lack)) = layer.filter(|_| !by_age).and_then(|layer| self.avoidable(hop, layer, statement)) {
                        let mut trouble = bare(cause, at, hop);
                        trouble.layer = layer;
                        let found = &mut trouble.found;
                        (found.statement, found.lack, found.denies) = (Some(statement.clone()), Some(lack), true);
                        found.supposed = layer == Some(Layer::Resource) && self.is_supposed(hop);
                        out.push(trouble);
                        continue;
                    }
                    (if by_age { Cause::SessionRevoked } else { cause }, layer, Some(statement), None)
                }
                Fix::Trust => (self.lacking(hop), Some(Layer::Resource), None, None),
                Fix::Allow { layer: Layer::Resource } => (self.lacking(hop), Some(Layer::Resource), None, None),
                Fix::Allow { layer } => (self.lacks(*layer, hop), Some(*layer), None, None),
                Fix::Bring { statement, keys: _ } => {
                    let layer = layer_of(statement, Effect::Allow);
                    let cause = layer.map_or(Cause::Impossible, |l| if l == Layer::Resource { self.lacking(hop) } else { self.lacks(l, hop) });
                    (cause, layer, Some(statement), None)
                }
                Fix::Complete { statement, lack } => {
                    let layer = layer_of(statement, Effect::Allow);
                    let general = layer.map_or(Cause::Impossible, |l| if l == Layer::Resource { self.lacking(hop) } else { self.lacks(l, hop) });
                    let cause = match lack {
                        Lack::Condition { key, relation, actual, .. } => of_condition(key, *relation, actual.is_some()).unwrap_or(general),
                        _ => general,
                    };
                    (cause, layer, Some(statement), Some(lack))
                }
            };
            let mut trouble = bare(cause, at, hop);
            trouble.layer = layer;
            trouble.found.statement = statement.cloned();
            trouble.found.lack = lack.cloned();
            if let (Fix::Except { statement, .. }, true) = (fix, cause != Cause::SessionRevoked) {
                let deny = hop.answer.reasons.iter().find(|r| r.applies(Effect::Deny) && r.statement == *statement);
                trouble.found.met = deny.map(|reason| reason.met.clone()).unwrap_or_default();
            }
            trouble.found.supposed = trouble.layer == Some(Layer::Resource) && self.is_supposed(hop);
            out.push(trouble);
        }
        out
    }

    /// Tells whether there may be a policy of the resource that was not read.
    pub(crate) fn is_unread(&self, hop: &Hop) -> bool {
        let of_role = hop.guard == Guard::Trust && !self.estate.roles.contains_key(&hop.call.resource);
        of_role || hop.answer.assumed.iter().any(|a| matches!(a, Assumption::ResourcePolicy | Assumption::KeyPolicy))
    }

    /// The resource's policy does not let the caller.
    fn lacking(&self, hop: &Hop) -> Cause {
        let orphans = self.policy_of(hop).is_some_and(|document| !document.orphaned_principals().is_empty());
        let action = hop.call.action.to_ascii_lowercase();
        match hop.guard {
            Guard::Trust if action.ends_with(":tagsession") => Cause::TagsNotTrusted,
            Guard::Trust if action.ends_with(":setsourceidentity") => Cause::SourceIdentityNotTrusted,
            Guard::Trust if orphans => Cause::TrustNamesDeleted,
            Guard::Trust => Cause::TrustLacks,
            Guard::Key if orphans => Cause::KeyPolicyNamesDeleted,
            Guard::Key => Cause::KeyPolicyLacks,
            _ if orphans => Cause::BucketPolicyNamesDeleted,
            _ => Cause::BucketPolicyLacks,
        }
    }

    /// A policy of the caller's side does not let it.
    fn lacks(&self, layer: Layer, hop: &Hop) -> Cause {
        let cause = of_layer(layer, false, hop.guard).unwrap_or(Cause::Impossible);
        let is_user = Who::of(&hop.call.principal).is_some_and(|who| who.kind == "user");
        if cause == Cause::IdentityLacks && is_user && self.group_that_may(hop).is_some() {
            return Cause::NotInGroup;
        }
        cause
    }

    /// A group of the user's account whose members may, and in which it is not.
    pub(crate) fn group_that_may(&self, hop: &Hop) -> Option<String> {
        let who = Who::of(&hop.call.principal)?;
        let own = self.known(&hop.call.principal).and_then(|arn| self.estate.principals.get(&arn).map(|p| p.groups.clone())).unwrap_or_default();
        let groups = self.estate.principals.keys().filter(|arn| Who::of(arn).is_some_and(|g| g.kind == "group" && g.account == who.account));
        let may = |group: &&String| {
            let question = Question { principal: (*group).clone(), ..hop.question.clone() };
            self.decided(question, hop.through).answer.needs.iter().all(|layer| *layer != Layer::Identity)
        };
        groups.filter(|arn| !own.contains(*arn)).find(may).cloned()
    }

    /// The policy of the resource.
    pub(crate) fn policy_of(&self, hop: &Hop) -> Option<&crossrole_policy::Document> {
        self.placed_of(hop).map(|placed| &placed.document)
    }

    /// The same, where it stands.
    pub(crate) fn placed_of(&self, hop: &Hop) -> Option<&crossrole_access::estate::Placed> {
        let guarded = match hop.guard {
            Guard::Trust => self.estate.roles.get(&hop.call.resource),
            Guard::Key => self.estate.keys.get(&hop.call.resource),
            Guard::Bucket => self.estate.buckets.get(bucket_of(&hop.call.resource)?),
            Guard::Nothing => None,
        };
        guarded?.policy.as_ref()
    }

    /// How long a session may last.
    fn limits(&self, at: usize, hop: &Hop) -> Vec<Trouble> {
        let Some(seconds) = self.asked.duration.filter(|_| hop.call.action.eq_ignore_ascii_case("sts:AssumeRole")) else { return Vec::new() };
        let longest = Who::of(&hop.call.resource).and_then(|who| self.role(who.account, who.name)).map(|role| role.max_session_seconds);
        let from_role = Who::of(&hop.call.principal).is_some_and(|who| who.kind == "role");
        let found = [(longest.is_some_and(|most| seconds > most), Cause::SessionTooLong), (from_role && seconds > CHAINED, Cause::ChainedTooLong)];
        // It is looked at when everything that the session brings is let.
        let at = at + usize::from(self.asked.session_tags) + usize::from(self.asked.source_identity);
        found.into_iter().filter(|(is, _)| *is).map(|(_, cause)| bare(cause, at, hop)).collect()
    }

    /// Tells whether who asks for an object may list its bucket.
    pub(crate) fn may_list(&self, hop: &Hop) -> bool {
        let Some((head, _)) = hop.call.resource.split_once('/') else { return false };
        let question = Question { action: "s3:ListBucket".to_owned(), resource: head.to_owned(), ..hop.question.clone() };
        self.decided(question, false).answer.is_allowed()
    }

    /// Whether a key can be used.
    fn key(&self, at: usize, hop: &Hop) -> Option<Trouble> {
        let key = known(self.observed.keys.get(&hop.call.resource))?.as_ref().filter(|_| hop.guard == Guard::Key)?;
        let cause = match key.state {
            KeyState::Disabled => Cause::KeyDisabled,
            KeyState::PendingDeletion => Cause::KeyPendingDeletion,
            KeyState::Enabled | KeyState::Other(_) => return None,
        };
        Some(bare(cause, at, hop))
    }

    /// The address that is let in, or the network, where the request does not say from where it came.
    pub(crate) fn assumed_source(&self, trouble: &Trouble) -> Option<(String, String)> {
        let Some(Lack::Condition { operator, key, wanted, actual: None, .. }) = &trouble.found.lack else { return None };
        let of_region = key.eq_ignore_ascii_case(REGION);
        let of_way = matches!(trouble.found.cause, Cause::SourceAddress | Cause::SourceNetwork) || of_region;
        if !of_way || one(&self.asked.question.context, key).is_some() {
            return None;
        }
        // That AWS tells of a Deny of this kind says that it was met.
        let told = self.asked.denied.as_ref().and_then(|denied| denied.reason).filter(|reason| reason.explicit == Some(true) && !reason.endpoint);
        if trouble.found.denies && told.is_some_and(|reason| reason.layer.is_none_or(|layer| trouble.layer == Some(layer))) {
            return None;
        }
        let first = wanted.first().map(|value| value.split('/').next().unwrap_or(value).to_owned());
        if !of_region {
            return Some((key.clone(), first?));
        }
        let fits = |value: &String| {
            let mut world = self.clone();
            world.asked.question.context.set(key, value.clone());
            let hops = world.hops();
            let hop = hops.get(trouble.found.hop);
            hop.is_some_and(|hop| !world.refused(trouble.found.hop, hop).iter().any(|other| other.is(trouble)))
        };
        let hops = self.hops();
        let values = hops.get(trouble.found.hop).map(|hop| self.values(hop, operator, key, wanted)).unwrap_or_default();
        Some((key.clone(), values.into_iter().find(fits).or(first)?))
    }
}

pub(crate) fn bucket_of(resource: &str) -> Option<&str> {
    resource.split_once(":s3:::").map(|(_, name)| name.split('/').next().unwrap_or(name)).filter(|name| !name.is_empty() && !name.contains(['*', '?']))
}

fn unanswered(question: &Question) -> Explanation {
    Explanation {
        party: crossrole_model::access::Party::of(&question.principal),
        action: question.action.clone(),
        resource: question.resource.clone(),
        decision: Decision::ImplicitlyDenied,
        layer: None,
        because: crossrole_model::access::Because::Nothing,
        fixes: vec![Fix::None],
        needs: Vec::new(),
        reasons: Vec::new(),
        assumed: Vec::new(),
    }
}

fn assumes_by(principal: &str) -> &'static str {
    match Caller::parse(principal) {
        Caller::Arn(text) if text.contains(":saml-provider/") => "sts:AssumeRoleWithSAML",
        Caller::Arn(text) if crossrole_access::is_provider(&text) => "sts:AssumeRoleWithWebIdentity",
        _ => "sts:AssumeRole",
    }
}

pub(crate) fn bare(cause: Cause, hop: usize, of: &Hop) -> Trouble {
    let CallAsked { principal, action, resource } = of.call.clone();
    Trouble {
        found: FoundCause {
            cause,
            hop,
            principal,
            action,
            resource,
            statement: None,
            lack: None,
            denies: false,
            met: Vec::new(),
            supposed: false,
            told: false,
            revoked: None,
        },
        layer: None,
    }
}
