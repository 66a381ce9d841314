//! The bulk read, and the account's numbers.

use crate::error::ApiError;
use crate::world::{Group, Held, Policy, Role, User};
use crate::xml::Xml;

use super::held::attached_policies;
use super::roles::boundary_field;
use super::{Iam, encoded, write_tags};

enum Entry {
    User(User),
    Group(Group),
    Role(Role, String),
    Policy(Policy),
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
        let state = self.world.account(&account);
        let mut entries = Vec::new();
        if wants("User") {
            entries.extend(state.visible_users(now).cloned().map(Entry::User));
        }
        if wants("Group") {
            entries.extend(state.groups.values().filter_map(|g| g.visible(now)).cloned().map(Entry::Group));
        }
        if wants("Role") {
            entries.extend(state.visible_roles(now).cloned().map(|r| Entry::Role(r, String::new())));
        }
        if wants("LocalManagedPolicy") {
            entries.extend(state.policies.values().filter_map(|p| p.visible(now)).cloned().map(Entry::Policy));
        }
        let mut page = self.page(entries)?;
        for entry in &mut page {
            if let Entry::Role(role, trust) = entry {
                *trust = self.world.shown(&role.trust).to_json();
            }
        }
        let profiles: Vec<_> = self.world.account(&account).profiles.values().cloned().collect();
        let x = &mut self.x;
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
        x.members("RoleDetailList", page.iter().filter_map(|e| if let Entry::Role(r, t) = e { Some((r, t)) } else { None }), |x, (role, trust)| {
            common(x, &account, "Role", &role.held);
            x.text("AssumeRolePolicyDocument", &encoded(trust));
            x.members("InstanceProfileList", profiles.iter().filter(|p| p.roles.contains(&role.held.name)), |x, p| {
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
