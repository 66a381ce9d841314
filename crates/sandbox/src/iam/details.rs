//! The bulk read.

use crate::auth::iso;
use crate::constraint::broken;
use crate::error::ApiError;
use crate::managed;
use crate::query::Service;
use crate::world::{Group, Held, Policy, Role, User, World};
use crate::xml::Xml;

use super::held::attached_policies;
use super::policies::{of_aws, policy_fields};
use super::profiles::profile_fields;
use super::roles::boundary_field;
use super::{Iam, encoded, turn, window, write_tags};

#[derive(Clone, Copy)]
enum Entry<'a> {
    User(&'a User),
    Group(&'a Group),
    Role(&'a Role),
    Policy(&'a Policy),
}

const FILTERS: [&str; 5] = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];

impl Iam<'_> {
    pub(super) fn details(&mut self) -> Result<(), ApiError> {
        let filter = self.asked.list("Filter");
        if filter.iter().any(|f| !FILTERS.contains(&f.as_str())) {
            let rule = format!("Member must satisfy constraint: [Member must satisfy enum value set: [{}]]", FILTERS.join(", "));
            return Err(broken(Service::Iam, "filter", None, &rule));
        }
        let wants = |kind: &str| filter.is_empty() || filter.iter().any(|f| f == kind);
        let account = self.account.clone();
        let now = self.now();
        self.world.account(&account);
        let uses = self.uses();
        // Of AWS's own, those that somebody holds.
        let aws: Vec<Policy> = managed::all().filter(|p| uses.contains_key(&p.arn())).map(of_aws).collect();
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
        if wants("AWSManagedPolicy") {
            entries.extend(aws.iter().map(Entry::Policy));
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
                profile_fields(x, world, Some(state), &account, p);
            });
            inline(x, "RolePolicyList", &role.held);
            attached_policies(x, "AttachedManagedPolicies", &role.held.attached);
            boundary_field(x, &role.held);
            write_tags(x, &role.held.tags);
            x.nest("RoleLastUsed", |x| {
                if let Some((at, region)) = state.last_used.get(&role.held.id) {
                    x.text("LastUsedDate", &iso(*at)).text("Region", region);
                }
            });
        });
        x.members("Policies", page.iter().filter_map(|e| if let Entry::Policy(p) = e { Some(p) } else { None }), |x, policy| {
            policy_fields(x, policy, uses.get(&policy.arn).copied().unwrap_or_default());
            x.maybe("Description", Some(policy.description.as_str()).filter(|d| !d.is_empty()));
            let held = policy.versions.iter().rev().filter(|(_, (text, _))| !text.is_empty());
            x.members("PolicyVersionList", held, |x, (number, (text, created))| {
                x.text("Document", &encoded(text))
                    .text("VersionId", &format!("v{number}"))
                    .text("IsDefaultVersion", &(policy.default == *number).to_string())
                    .text("CreateDate", created);
            });
        });
        Ok(())
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
