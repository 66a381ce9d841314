//! Documents that are not ours, and the commands of the AWS CLI that write them.

use crossrole_model::desired::DesiredState;
use crossrole_model::diagnosis::FixStep;
use crossrole_model::state::BucketPolicyState;
use crossrole_model::{AccountId, Address, KeyRef, Kind, Observation, Observed, ownership};
use crossrole_policy::{Arn, Document, Effect, Statement};

use crate::asked::Who;
use crate::trouble::bucket_of;
use crate::world::{World, known};

/// The inline policy that a fix puts where there is no place of ours.
pub(crate) const INLINE: &str = "crossrole-doctor";

/// The account of whoever calls.
pub(crate) const ACCOUNT: &str = "aws:PrincipalAccount";

/// Where a document stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// Of a user, group or role: account, kind, name, policy.
    Inline(AccountId, &'static str, String, String),
    /// Its ARN.
    Managed(String),
    /// Account and name of the role.
    Trust(AccountId, String),
    Bucket(String),
    /// Its ARN.
    Key(String),
}

fn kind(text: &str) -> &'static str {
    match text {
        "user" => "user",
        "group" => "group",
        _ => "role",
    }
}

/// Where the policy of a resource stands.
pub(crate) fn place_of(resource: &str) -> Option<Place> {
    if let Some(who) = Who::of(resource).filter(|who| who.kind == "role") {
        return Some(Place::Trust(AccountId::parse(who.account)?, who.name.to_owned()));
    }
    if let Some(name) = bucket_of(resource) {
        return Some(Place::Bucket(name.to_owned()));
    }
    KeyRef::parse(resource).map(|key| Place::Key(key.arn))
}

impl World<'_> {
    /// Documents of a principal's own side that somebody else keeps: of the user's groups, too.
    pub(crate) fn own_documents(&self, principal: &str) -> Vec<(Place, Document)> {
        let Some(who) = Who::of(principal) else { return Vec::new() };
        let Some(account) = AccountId::parse(who.account) else { return Vec::new() };
        let Some(state) = self.observed.accounts.get(&account).and_then(Observation::known) else { return Vec::new() };
        let mut out = Vec::new();
        let mut managed: Vec<&String> = Vec::new();
        let mut inline = |of: &'static str, name: &str, policies: Vec<(&String, &Document)>| {
            out.extend(policies.into_iter().map(|(policy, document)| (Place::Inline(account.clone(), of, name.to_owned(), policy.clone()), document.clone())));
        };
        let key = who.name.to_ascii_lowercase();
        match who.kind {
            "user" => {
                let Some(user) = state.users.get(&key) else { return Vec::new() };
                inline("user", &user.name, user.inline.iter().filter_map(|(name, document)| Some((name, document.as_ref()?))).collect());
                managed.extend(&user.attached);
                for group in user.groups.iter().filter_map(|group| state.groups.get(&group.to_ascii_lowercase())) {
                    inline("group", &group.name, group.inline.iter().filter_map(|(name, document)| Some((name, document.as_ref()?))).collect());
                    managed.extend(&group.attached);
                }
            }
            "group" => {
                let Some(group) = state.groups.get(&key) else { return Vec::new() };
                inline("group", &group.name, group.inline.iter().filter_map(|(name, document)| Some((name, document.as_ref()?))).collect());
                managed.extend(&group.attached);
            }
            _ => {
                let Some(role) = state.roles.get(&key) else { return Vec::new() };
                inline("role", &role.name, role.state.inline.iter().collect());
                managed.extend(&role.state.attached);
            }
        }
        let documents = managed.into_iter().filter_map(|arn| Some((Place::Managed(arn.clone()), self.managed(arn)?)));
        out.extend(documents.collect::<Vec<_>>());
        out.retain(|(place, _)| !self.is_ours(place));
        out
    }

    /// The document of a customer managed policy.
    pub(crate) fn managed(&self, arn: &str) -> Option<Document> {
        let account = AccountId::parse(Arn::parse(arn)?.account)?;
        let state = self.observed.accounts.get(&account)?.known()?;
        state.policies.values().find(|policy| policy.arn == arn).map(|policy| policy.state.document.clone())
    }

    /// The ARN of a principal's permissions boundary.
    pub(crate) fn boundary(&self, principal: &str) -> Option<String> {
        let who = Who::of(principal)?;
        match who.kind {
            "user" => {
                let account = AccountId::parse(who.account)?;
                self.observed.accounts.get(&account)?.known()?.users.get(&who.name.to_ascii_lowercase())?.boundary.clone()
            }
            _ => self.role(who.account, who.name)?.boundary,
        }
    }

    /// What manifests write whole.
    pub(crate) fn is_ours(&self, place: &Place) -> bool {
        let declared = |account: &AccountId, kind: Kind, name: &str| {
            self.desired.objects.keys().any(|a| a.account == *account && a.kind == kind && a.name.eq_ignore_ascii_case(name))
        };
        match place {
            Place::Trust(account, name) | Place::Inline(account, "role", name, _) => {
                let tagged = known(self.observed.accounts.get(account)).and_then(|state| state.roles.get(&name.to_ascii_lowercase()));
                // Of a manifest that is not of this run, it is all the same.
                tagged.is_some_and(|role| ownership::owner(&role.state.tags).is_some())
                    || declared(account, Kind::Role, name)
                    || crossrole_model::PermissionSet::of_session(account.as_str(), name).is_some()
            }
            Place::Managed(arn) => {
                let Some((account, name)) = Arn::parse(arn).and_then(|a| Some((AccountId::parse(a.account)?, a.resource.rsplit('/').next()?))) else {
                    // AWS's own are nobody's to change.
                    return true;
                };
                declared(&account, Kind::Policy, name) || arn.contains(&format!(":policy{}", ownership::CALLER_PATH))
            }
            Place::Inline(..) | Place::Bucket(_) | Place::Key(_) => false,
        }
    }

    /// Tells whether it is the policy of a key of AWS's own, which nobody can change.
    pub(crate) fn is_of_aws(&self, place: &Place) -> bool {
        let Place::Key(arn) = place else { return false };
        known(self.observed.keys.get(arn)).and_then(Option::as_ref).is_some_and(|key| !key.customer)
    }

    /// Tells whether a bucket's policy lets in nobody of other accounts but by statements of the manifests.
    pub(crate) fn is_all_ours(&self, bucket: &str) -> bool {
        let prefixes: Vec<String> = ownership::sid_marks(&self.desired.manifests).into_keys().collect();
        let policy = self.estate.buckets.get(bucket).and_then(|guarded| guarded.policy.as_ref());
        let mut allows = policy.into_iter().flat_map(|placed| &placed.document.statements).filter(|s| s.effect == Effect::Allow);
        let inside = |statement: &Statement| {
            let account = self.observed.bucket_accounts.get(bucket).map(ToString::to_string);
            statement.conditions.get("StringEquals").and_then(|keys| keys.get(ACCOUNT)).is_some_and(|values| account.is_some_and(|own| *values == [own]))
        };
        allows.all(|statement| inside(statement) || prefixes.iter().any(|prefix| statement.sid().starts_with(prefix.as_str())))
    }

    /// Tells whether manifests declare a role.
    pub(crate) fn declares_role(&self, address: &Address) -> bool {
        matches!(self.desired.objects.get(address).map(|object| &object.state), Some(DesiredState::Role { .. }))
    }

    /// Things after a document was written, and the command that writes it; `None`: it goes.
    pub(crate) fn written(&self, place: &Place, document: Option<&Document>) -> Option<(Observed, Vec<FixStep>)> {
        let mut observed = (*self.observed).clone();
        let document = document.map(without_deleted);
        let account = put(&mut observed, place, document.as_ref())?;
        Some((observed, vec![FixStep::Command { account, argv: argv(place, document.as_ref(), self) }]))
    }
}

/// AWS takes no policy that names a principal which was deleted by its unique id.
fn without_deleted(document: &Document) -> Document {
    let deleted: Vec<String> = document.orphaned_principals().into_iter().map(str::to_owned).collect();
    let mut document = document.clone();
    document.statements.retain_mut(|statement| {
        let Some(values) = statement.principal.as_mut().and_then(|principal| principal.entries.get_mut("AWS")) else { return true };
        let some = !values.is_empty();
        values.retain(|value| !deleted.contains(value));
        !some || !values.is_empty()
    });
    document
}

/// Writes a document into what was read; returns whose it is.
fn put(observed: &mut Observed, place: &Place, document: Option<&Document>) -> Option<AccountId> {
    let state = |observed: &'_ mut Observed, account: &AccountId| match observed.accounts.get_mut(account) {
        Some(Observation::Known(state)) => Some(std::mem::take(state)),
        _ => None,
    };
    match place {
        Place::Inline(account, of, name, policy) => {
            let mut all = state(observed, account)?;
            let key = name.to_ascii_lowercase();
            let done = match (*of, document) {
                ("user", Some(document)) => all.users.get_mut(&key).map(|user| drop(user.inline.insert(policy.clone(), Some(document.clone())))),
                ("user", None) => all.users.get_mut(&key).map(|user| drop(user.inline.remove(policy))),
                ("group", Some(document)) => all.groups.get_mut(&key).map(|group| drop(group.inline.insert(policy.clone(), Some(document.clone())))),
                ("group", None) => all.groups.get_mut(&key).map(|group| drop(group.inline.remove(policy))),
                (_, Some(document)) => all.roles.get_mut(&key).map(|role| drop(role.state.inline.insert(policy.clone(), document.clone()))),
                (_, None) => all.roles.get_mut(&key).map(|role| drop(role.state.inline.remove(policy))),
            };
            observed.accounts.insert(account.clone(), Observation::Known(all));
            done.map(|()| account.clone())
        }
        Place::Managed(arn) => {
            let account = AccountId::parse(Arn::parse(arn)?.account)?;
            let mut all = state(observed, &account)?;
            let done = all.policies.values_mut().find(|policy| policy.arn == *arn).zip(document).map(|(policy, d)| policy.state.document = d.clone());
            observed.accounts.insert(account.clone(), Observation::Known(all));
            done.map(|()| account)
        }
        Place::Trust(account, name) => {
            let mut all = state(observed, account)?;
            let done = all.roles.get_mut(&name.to_ascii_lowercase()).zip(document).map(|(role, d)| role.state.trust = d.clone());
            observed.accounts.insert(account.clone(), Observation::Known(all));
            done.map(|()| account.clone())
        }
        Place::Bucket(name) => {
            let account = observed.bucket_accounts.get(name)?.clone();
            let Some(Observation::Known(Some(bucket))) = observed.buckets.get_mut(name) else { return None };
            bucket.policy = Observation::Known(BucketPolicyState { document: document.cloned() });
            Some(account)
        }
        Place::Key(arn) => {
            let Some(Observation::Known(Some(key))) = observed.keys.get_mut(arn) else { return None };
            let Observation::Known(policy) = &mut key.policy else { return None };
            policy.document = document?.clone();
            KeyRef::parse(arn).map(|key| key.account())
        }
    }
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    std::iter::once("aws").chain(words).map(str::to_owned).collect()
}

fn argv(place: &Place, document: Option<&Document>, world: &World<'_>) -> Vec<String> {
    let text = document.map(Document::to_json).unwrap_or_default();
    match place {
        Place::Inline(_, of, name, policy) => {
            let (operation, flag) = (if document.is_some() { "put" } else { "delete" }, format!("--{of}-name"));
            let mut all = words(["iam", &format!("{operation}-{}-policy", kind(of)), &flag, name, "--policy-name", policy]);
            if document.is_some() {
                all.extend(["--policy-document".to_owned(), text]);
            }
            all
        }
        Place::Managed(arn) => words(["iam", "create-policy-version", "--policy-arn", arn, "--policy-document", &text, "--set-as-default"]),
        Place::Trust(_, name) => words(["iam", "update-assume-role-policy", "--role-name", name, "--policy-document", &text]),
        Place::Bucket(name) if document.is_none() => words(["s3api", "delete-bucket-policy", "--bucket", name, "--region", &region(world, name)]),
        Place::Bucket(name) => words(["s3api", "put-bucket-policy", "--bucket", name, "--policy", &text, "--region", &region(world, name)]),
        Place::Key(arn) => {
            let region = Arn::parse(arn).map(|a| a.region.to_owned()).unwrap_or_default();
            words(["kms", "put-key-policy", "--key-id", arn, "--policy-name", "default", "--policy", &text, "--region", &region])
        }
    }
}

fn region(world: &World<'_>, bucket: &str) -> String {
    world.bucket(bucket).map(|state| state.region).unwrap_or_default()
}

/// A command that is no document.
pub(crate) fn command<const N: usize>(account: &AccountId, argv: [&str; N]) -> FixStep {
    FixStep::Command { account: account.clone(), argv: words(argv) }
}
