//! What the run of a reviewed plan looks at beside what its manifests say.

use crossrole_model::observed::{BucketScope, Scope};
use crossrole_model::state::{BucketState, Tags};
use crossrole_model::{Change, KeyRef, Kind, Plan};

use crate::is_iam;

/// Adds what the changes of a reviewed plan are of. Some of it was found because something live told of it, and the plan takes that away: after
/// a part of the plan, nothing else tells whether the rest of it is done.
pub fn scope_again(mut scope: Scope, reviewed: &Plan) -> Scope {
    for (number, change) in reviewed.changes.iter().enumerate() {
        let Change { address, .. } = change;
        let Some(objects) = scope.accounts.get_mut(&address.account) else { continue };
        if is_iam(address.kind) {
            objects.insert(address.clone());
        }
        match address.kind {
            Kind::Bucket | Kind::BucketPolicy => {
                let region = reviewed.steps.iter().filter(|step| step.change == number).find_map(|step| Some(step.call.bucket()?.region.clone()));
                let region = region.unwrap_or_default();
                // As it was read when something live told of it: for our marks.
                let settings = Some(BucketState { tags: Some(Tags::new()), ..BucketState::unstated(&region) });
                let followed = || BucketScope { account: address.account.clone(), region, settings, left: true, encryption: false, public: false };
                scope.buckets.entry(address.name.clone()).or_insert_with(followed);
            }
            Kind::Key | Kind::KeyPolicy => drop(scope.keys.insert(KeyRef::named(reviewed.partition, &address.account, &address.name).arn)),
            Kind::OidcProvider
            | Kind::SamlProvider
            | Kind::Policy
            | Kind::Role
            | Kind::User
            | Kind::Group
            | Kind::Membership
            | Kind::Attachment
            | Kind::Caller
            | Kind::PermissionSet => {}
        }
    }
    scope
}
