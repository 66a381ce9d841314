//! The bulk read, and the account's numbers.

use crate::error::ApiError;
use crate::world::{Group, Held, Policy, Role, User, World};
use crate::xml::Xml;

use super::held::attached_policies;
use super::roles::boundary_field;
use super::{Iam, encoded, turn, window, write_tags};

#[derive(Clone, Copy)]
enum Entry<'a> {
    User(&'a User),
    Group(&'a Group),
    Role(&'a Role),
    Policy(&'a Policy),
}

impl Iam<'_> {
    pub(super) fn details(&mut self) -> Result<(), ApiError> {
        let filter = self.asked.list("Filter");
        if let Some(bad) = filter.iter().find(|f| !["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"].contains(&f.as_str())) {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value '[{bad}]' at 'filter' failed to satisfy constraint: Member must satisfy enum value set: [User, Role, Group, LocalManagedPolicy, AWSManagedPolicy]"
            )));
        }
        let wants = |kind: &str| filter.is_empty() || filter.iter().any(|f| f == kind);
        let account = self.account.clone();
        let now = self.now();
        self.world.account(&account);
        // Entries are not copied: a large account is read in many pages.
        let world: &World = self.world;
        let Some(state) = world.accounts.get(&account) else { return Ok(()) };
        let mut entries = Vec::new();
        if wants("User") {
            entries.extend(state.visible_users(now).map(Entry::User));
        }
        if wants("Group") {
            entries.extend(state.groups.values().filter_map(|g| g.visible(now)).map(Entry::Group));
        }
        if wants("Role") {
            entries.extend(state.visible_roles(now).map(Entry::Role));
        }
        if wants("LocalManagedPolicy") {
            entries.extend(state.policies.values().filter_map(|p| p.visible(now)).map(Entry::Policy));
        }
        let shown = window(self.asked, entries.len())?;
        let x = &mut self.x;
        turn(x, &shown, entries.len());
        let page: Vec<Entry<'_>> = entries.into_iter().skip(shown.start).take(shown.len()).collect();
        x.members("UserDetailList", page.iter().filter_map(|e| if let Entry::User(u) = e { Some(u) } else { None }), |x, user| {
            common(x, &account, "User", &user.held);
            inline(x, "UserPolicyList", &user.held);
            x.names("GroupList", &user.groups);
            attached_policies(x, "AttachedManagedPolicies", &user.held.attached);
            boundary_field(x, &user.held);
            write_tags(x, &user.held.tags);
        });
        x.members("GroupDetailList", page.iter().filter_map(|e| if let Entry::Group(g) = e { Some(g) } else { None }), |x, group| {
            common(x, &account, "Group", &group.held);
            inline(x, "GroupPolicyList", &group.held);
            attached_policies(x, "AttachedManagedPolicies", &group.held.attached);
        });
        // Description and MaxSessionDuration are not here, as in AWS.
        x.members("RoleDetailList", page.iter().filter_map(|e| if let Entry::Role(r) = e { Some(r) } else { None }), |x, role| {
            common(x, &account, "Role", &role.held);
            x.text("AssumeRolePolicyDocument", &encoded(&world.shown(&role.trust).to_json()));
            x.members("InstanceProfileList", state.profiles.values().filter(|p| p.roles.contains(&role.held.name)), |x, p| {
                x.text("Path", "/").text("InstanceProfileName", &p.name).text("InstanceProfileId", &p.id);
                x.text("Arn", &format!("arn:aws:iam::{account}:instance-profile/{}", p.name)).text("CreateDate", &p.created).nest("Roles", |_| {});
            });
            inline(x, "RolePolicyList", &role.held);
            attached_policies(x, "AttachedManagedPolicies", &role.held.attached);
            boundary_field(x, &role.held);
            write_tags(x, &role.held.tags);
        });
        x.members("Policies", page.iter().filter_map(|e| if let Entry::Policy(p) = e { Some(p) } else { None }), |x, policy| {
            super::policies::policy_fields(x, policy, 0);
            x.maybe("Description", Some(policy.description.as_str()).filter(|d| !d.is_empty()));
            x.members("PolicyVersionList", policy.versions.iter().rev(), |x, (number, (text, created))| {
                x.text("Document", &encoded(text))
                    .text("VersionId", &format!("v{number}"))
                    .text("IsDefaultVersion", &(policy.default == *number).to_string())
                    .text("CreateDate", created);
            });
        });
        Ok(())
    }

    pub(super) fn summary(&mut self) {
        let account = self.account.clone();
        let quota = self.world.role_quota;
        let state = self.world.account(&account);
        let counts = [
            ("Roles", state.roles.len()),
            ("RolesQuota", quota),
            ("Users", state.users.len()),
            ("Groups", state.groups.len()),
            ("Policies", state.policies.len()),
            ("AssumeRolePolicySizeQuota", 2_048),
            ("RolePolicySizeQuota", 10_240),
            ("PolicySizeQuota", 6_144),
            ("AttachedPoliciesPerRoleQuota", 10),
            ("VersionsPerPolicyQuota", 5),
        ];
        self.x.nest("SummaryMap", |x| {
            for (key, value) in counts {
                x.nest("entry", |x| {
                    x.text("key", key).text("value", &value.to_string());
                });
            }
        });
    }
}

fn common(x: &mut Xml, account: &str, kind: &str, held: &Held) {
    x.text("Path", &held.path).text(&format!("{kind}Name"), &held.name).text(&format!("{kind}Id"), &held.id);
    x.text("Arn", &format!("arn:aws:iam::{account}:{}{}{}", kind.to_lowercase(), held.path, held.name)).text("CreateDate", &held.created);
}

fn inline(x: &mut Xml, name: &str, held: &Held) {
    x.members(name, &held.inline, |x, (policy, text)| {
        x.text("PolicyName", policy).text("PolicyDocument", &encoded(text));
    });
}
