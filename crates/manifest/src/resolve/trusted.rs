//! The side of trusted accounts: users, groups, members and roles that a manifest makes there, and those that it relies on.

use std::collections::BTreeSet;

use crossrole_model::desired::DesiredState;
use crossrole_model::state::{GroupState, MembershipState, UserState};
use crossrole_model::{AccountId, Address, Kind, Span, ownership};

use crate::decode::Table;
use crate::raw::Trusted;
use crate::scalar::check_iam_name;

use super::{Builder, account_id, keys};

impl<'a> Builder<'a> {
    pub(super) fn trusted(&mut self, label: &str, trusted: &'a Trusted) {
        let account = account_id(trusted.account.value.as_ref());
        let made: Vec<Span> =
            [trusted.groups.iter().flat_map(keys).next(), trusted.users.iter().flat_map(keys).next(), trusted.roles.iter().flat_map(keys).next()]
                .into_iter()
                .flatten()
                .collect();
        if let (Some(false), Some(first)) = (trusted.manage, made.first()) {
            self.error(*first, format!("account `{label}` is not managed, so nothing can be made in it"), "drop `manage = false`, or leave this out");
        }
        for (name, key, user) in trusted.users.iter().flat_map(Table::iter) {
            self.check(key, check_iam_name("user", name, 64));
            let tags = self.tags(user.tags.as_ref(), key);
            let state = DesiredState::User(UserState { path: Self::path(user.path.as_ref()), tags });
            self.insert(key, Address::new(&account, Kind::User, name), false, state);
        }
        for (name, key, group) in trusted.groups.iter().flat_map(Table::iter) {
            self.check(key, check_iam_name("group", name, 128));
            let state = DesiredState::Group { state: GroupState { path: ownership::group_path(&self.name) }, members: group.members.is_some() };
            let address = Address::new(&account, Kind::Group, name);
            let members: BTreeSet<String> = group.members.iter().flatten().map(|m| m.value.clone()).collect();
            if self.insert(key, address.clone(), false, state) && self.members(&address) != members {
                let owner = self.desired.objects.get(&address).map(|o| o.owner.clone()).unwrap_or_default();
                self.twice(key, &address, &owner, Some("members"));
            }
            for member in group.members.iter().flatten() {
                self.check(member.span, check_iam_name("user", &member.value, 64));
                let state = MembershipState { group: name.clone(), user: member.value.clone() };
                self.require(&account, Kind::User, &member.value);
                let address = Address::new(&account, Kind::Membership, format!("{name}/{}", member.value));
                self.insert(member.span, address, false, DesiredState::Membership(state));
            }
        }
        for (name, key, role) in trusted.roles.iter().flat_map(Table::iter) {
            self.role(&account, name, key, role);
        }
    }

    /// Users that are declared to be in a group.
    fn members(&self, group: &Address) -> BTreeSet<String> {
        let head = format!("{}/", group.name);
        let from = Address::new(&group.account, Kind::Membership, head.as_str());
        let all = self.desired.objects.range(from..).map(|(address, _)| address).take_while(|a| a.kind == Kind::Membership && a.account == group.account);
        all.filter_map(|a| a.name.strip_prefix(&head)).map(str::to_owned).collect()
    }

    /// Notes that `name` must exist, unless this manifest makes it.
    pub(super) fn require(&mut self, account: &AccountId, kind: Kind, name: &str) {
        if !self.declared(account, kind, name) {
            self.desired.required.insert(Address::new(account, kind, name));
        }
    }

    fn declared(&self, account: &AccountId, kind: Kind, name: &str) -> bool {
        fn has<T>(table: Option<&Table<T>>, name: &str) -> bool {
            table.is_some_and(|t| t.0.contains_key(name))
        }
        if *account == self.trusting && kind == Kind::Role && has(self.raw.roles.as_ref(), name) {
            return true;
        }
        let mut trusted = self.raw.trusted.iter().flat_map(Table::iter).filter(|(_, _, t)| account_id(t.account.value.as_ref()) == *account);
        trusted.any(|(_, _, t)| match kind {
            Kind::User => has(t.users.as_ref(), name),
            Kind::Group => has(t.groups.as_ref(), name),
            Kind::Role => has(t.roles.as_ref(), name),
            _ => false,
        })
    }
}
