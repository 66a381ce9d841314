//! What a plan changes and no policy that was read tells of: ACLs, blocks of public access, who else there is, and unique ids.

use std::collections::BTreeSet;

use crossrole_model::access::{About, Party, Undecided, Why};
use crossrole_policy::Arn;

use crate::estate::{Acls, Guarded};

use super::{Resource, Work, differs};

/// How objects are owned where a bucket says nothing of it, and where ACLs do not count at all (S3 User Guide, "Controlling ownership of
/// objects and disabling ACLs for your bucket").
const UNSAID: &str = "ObjectWriter";
const ENFORCED: &str = "BucketOwnerEnforced";

impl Work<'_> {
    /// Of all that there is on both sides.
    pub(super) fn unseen(&mut self) {
        self.acls();
        self.blocks();
        self.others();
    }

    /// ACLs stay as they are while they do not count, and objects whoever wrote them.
    fn acls(&mut self) {
        let [before, after] = self.sides;
        for (name, old) in &before.acls {
            let Some(new) = after.acls.get(name) else { continue };
            let mut push = |party: Party, why: Why| self.delta.undecided.push(Undecided { party, about: About::Bucket(name.clone()), why });
            let [[was, was_public], [is, is_public]] = [old, new].map(count);
            match (is && !was || is_public && !was_public, was && !is || was_public && !is_public) {
                (true, _) => push(Party::Unsigned, Why::AclsCount),
                (false, true) => push(Party::Unsigned, Why::AclsCountNoMore),
                (false, false) => {}
            }
            if owner(old) != owner(new) {
                let (partition, account) = (after.partition().to_owned(), before.buckets.get(name).map(|bucket| bucket.account.clone()));
                if let Some(account) = account {
                    push(Party::AnyOf { partition: partition.clone(), account }, Why::OwnersChange);
                }
                push(Party::AnyOther { partition }, Why::OwnersChange);
            }
        }
    }

    /// Buckets whose policy is public before or after, where that may be restricted.
    fn blocks(&mut self) {
        let [before, after] = self.sides;
        let names: BTreeSet<&String> = before.blocks_unread.iter().chain(&after.blocks_unread).collect();
        for name in names.into_iter().filter(|name| differs(self.sides.map(|side| side.buckets.get(*name)))) {
            let party = Party::AnyOther { partition: after.partition().to_owned() };
            self.delta.undecided.push(Undecided { party, about: About::Bucket(name.clone()), why: Why::BlockNotRead });
        }
    }

    /// Managed policies and tags that change in accounts of which single objects alone were read: others may have the one, or rest on the
    /// other.
    fn others(&mut self) {
        let [before, after] = self.sides;
        let other = after.managed.iter().filter(|(arn, new)| before.managed.get(*arn).is_some_and(|old| old != *new));
        let policies = other.map(|(arn, _)| (account_of(arn), About::Policies(vec![arn.clone()])));
        let bucket = |arn: &str| arn.split_once(":s3:::").and_then(|(_, name)| Some(after.buckets.get(name)?.account.clone()));
        let tags = self.retagged().into_keys().map(|arn| (bucket(arn).or_else(|| account_of(arn)), About::Resource(arn.clone())));
        for (account, about) in policies.chain(tags).collect::<Vec<_>>() {
            let Some(account) = account.filter(|account| after.in_part.contains(account)) else { continue };
            let party = Party::AnyOf { partition: after.partition().to_owned(), account };
            self.delta.undecided.push(Undecided { party, about, why: Why::OthersNotRead });
        }
    }

    /// Unique ids that are written into a policy: AWS takes those of principals that are there, and lets them in. Of those that were read,
    /// the ARN stands there.
    pub(super) fn unknown_ids(&mut self, resource: &Resource<'_>) {
        let [written, now] = resource.sides.map(ids);
        let new = now.difference(&written).cloned().map(|arn| Party::Named { arn });
        let about = || resource.domain.about.clone();
        self.delta.undecided.extend(new.map(|party| Undecided { party, about: about(), why: Why::UnknownId }));
    }
}

fn owner(acls: &Acls) -> &str {
    acls.ownership.as_deref().unwrap_or(UNSAID)
}

/// Whether ACLs count, and whether public ones do.
fn count(acls: &Acls) -> [bool; 2] {
    let any = owner(acls) != ENFORCED;
    [any, any && !acls.ignored]
}

fn ids(guarded: Option<&Guarded>) -> BTreeSet<String> {
    let document = guarded.and_then(|guarded| guarded.policy.as_ref()).map(|policy| &policy.document);
    document.into_iter().flat_map(crossrole_policy::Document::orphaned_principals).map(str::to_owned).collect()
}

fn account_of(arn: &str) -> Option<String> {
    Arn::parse(arn).map(|arn| arn.account.to_owned())
}
