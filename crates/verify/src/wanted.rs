//! What the manifests say of a cell.

use crossrole_access::is_provider;
use crossrole_model::access::{Because, Explanation};
use crossrole_model::proof::{Act, Cell};
use crossrole_model::{AccountId, DesiredState, PermissionSet};
use crossrole_policy::{Arn, Principal};

use crate::asked::{asked, is_let};
use crate::matrix::{Builder, account_of};

impl Builder<'_> {
    /// What the manifests say; `None` where they leave it to what the principal's account lets it do.
    pub(crate) fn is_wanted(&self, cell: &Cell) -> Option<bool> {
        let now = self.options.now;
        // A member of a group is let what the group is let: of one whose members are declared, that is who is declared.
        let groups = self.hands.iter().find(|hand| hand.arn == cell.principal).map(|hand| &hand.groups);
        // A group that was there before has a path of its own.
        let by_group = groups.into_iter().flatten().filter_map(|group| self.wanted.principals.keys().find(|known| is_same_group(known, group)));
        let member = |group: &&String| is_let(self.wanted, &Cell { principal: (*group).clone(), ..cell.clone() }, now);
        let (declared, left): (Vec<&String>, Vec<&String>) = by_group.filter(member).partition(|group| self.members_declared(group));
        if !left.is_empty() {
            // But for one who is denied by name.
            let denied = |answer: &Explanation| matches!(answer.because, Because::Denied { .. });
            return Some(!asked(self.wanted, cell, now).iter().any(denied));
        }
        if !is_let(self.wanted, cell, now) {
            return if self.is_accounts(cell) { None } else { Some(false) };
        }
        // Who was put into such a group by hand comes in by nothing that the manifests say.
        if !declared.is_empty() && !self.wanted.principals.contains_key(&cell.principal) && !self.is_named(cell) {
            return Some(false);
        }
        // Of a principal that no manifest knows, nothing but its own policies may stand between: those are its account's affair.
        let known = self.wanted.principals.contains_key(&cell.principal) || cell.principal == "anonymous" || is_any(&cell.principal);
        let named = known || is_provider(&cell.principal) || !cell.principal.contains([':', '/']) || PermissionSet::of_role(&cell.principal).is_some();
        (named || self.is_named(cell)).then_some(true)
    }

    /// Whether its whole account is let in, and nothing of the manifests says whom of it: what its own policies let is not theirs.
    fn is_accounts(&self, cell: &Cell) -> bool {
        let now = self.options.now;
        let account = account_of(&cell.principal);
        if cell.via.is_some() || account == cell.principal || AccountId::parse(&account).is_none() {
            return false;
        }
        let denied = |answer: &Explanation| matches!(answer.because, Because::Denied { .. });
        let may = |principal: &str| is_let(self.wanted, &Cell { principal: principal.to_owned(), ..cell.clone() }, now);
        let groups = self.wanted.principals.iter().filter(|(arn, group)| group.account == account && arn.contains(":group/"));
        may(&account) && !groups.into_iter().any(|(arn, _)| may(arn)) && !asked(self.wanted, cell, now).iter().any(denied)
    }

    /// Whether manifests say who is in a group.
    fn members_declared(&self, group: &str) -> bool {
        let members = self.desired.objects.iter().filter_map(|(address, object)| match &object.state {
            DesiredState::Group { members: true, .. } => Some(self.desired.partition.iam_arn(&address.account, "group", "/", &address.name)),
            _ => None,
        });
        members.into_iter().any(|declared| is_same_group(&declared, group))
    }

    /// Whether a policy names the principal itself, so that it is the manifests' affair.
    fn is_named(&self, cell: &Cell) -> bool {
        let guarded = match &cell.act {
            Act::Assume { role } => self.wanted.roles.get(role),
            Act::Other { resource, .. } if resource.contains(":kms:") => self.wanted.keys.get(resource),
            act => act.bucket().and_then(|bucket| self.wanted.buckets.get(bucket)),
        };
        let statements = guarded.and_then(|g| g.policy.as_ref()).map(|p| p.document.statements.as_slice()).unwrap_or_default();
        statements.iter().filter_map(|s| s.principal.as_ref()).flat_map(Principal::aws).any(|arn| *arn == cell.principal)
    }
}

/// Groups of one account have names that differ, whatever their paths (IAM User Guide, "IAM identifiers").
fn is_same_group(one: &str, other: &str) -> bool {
    let parts = |arn: &str| {
        let arn = Arn::parse(arn).filter(|arn| arn.resource.starts_with("group/"))?;
        Some((arn.account.to_owned(), arn.resource.rsplit('/').next()?.to_ascii_lowercase()))
    };
    parts(one).is_some_and(|one| Some(one) == parts(other))
}

/// Any principal of an account.
fn is_any(principal: &str) -> bool {
    AccountId::parse(principal).is_some()
}
