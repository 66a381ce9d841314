//! Service-linked roles: made for a service, under a name that it chose (`service_linked.txt`, which says from where).

use crossrole_access::catalogue;
use crossrole_policy::{Document, Element, Principal, Statement};

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::{Held, Role};

use super::Iam;
use super::roles::{Shown, role_fields};

/// One service and its role.
struct Linked {
    name: &'static str,
    policies: &'static str,
    /// More than one may be made, told apart by a suffix.
    suffix: bool,
}

fn linked(service: &str) -> Option<Linked> {
    let lines = include_str!("service_linked.txt").lines().filter(|l| !l.starts_with('#'));
    let mut rows = lines.map(|l| l.split('\t').collect::<Vec<_>>());
    rows.find_map(|row| match row.as_slice() {
        [s, name, policies, rest @ ..] if *s == service => Some(Linked { name, policies, suffix: !rest.is_empty() }),
        _ => None,
    })
}

/// The name that a service's role gets.
pub(super) fn role_name(service: &str, suffix: Option<&str>) -> Option<String> {
    let name = linked(service)?.name;
    Some(suffix.map_or_else(|| name.to_owned(), |suffix| format!("{name}_{suffix}")))
}

impl Iam<'_> {
    pub(super) fn create_service_linked(&mut self) -> Result<(), ApiError> {
        let service = self.asked.need("AWSServiceName")?.to_owned();
        let suffix = self.asked.param("CustomSuffix");
        let Some(known) = linked(&service) else {
            return Err(if catalogue::is_service_principal(&service) {
                ApiError::new(501, "NotImplemented", format!("the sandbox does not know the service-linked role of {service}; nothing was done"))
            } else {
                ApiError::new(400, "InvalidInput", format!("Service Linked Roles are not supported for {service}"))
            });
        };
        if suffix.is_some() && !known.suffix {
            return Err(ApiError::new(400, "InvalidInput", format!("Custom suffix is not allowed for {service}")));
        }
        let name = role_name(&service, suffix).unwrap_or_default();
        let key = name.to_ascii_lowercase();
        if self.state().roles.get(&key).is_some_and(|r| r.newest().is_some()) {
            let message = format!("Service role name {name} has been taken in this account, please try a different suffix.");
            return Err(ApiError::new(400, "InvalidInput", message));
        }
        let description = self.asked.param("Description").unwrap_or_default().to_owned();
        let account = self.account.clone();
        let id = self.world.principal_id(&account, true, &name);
        let attached = known.policies.split(',').map(|p| format!("arn:aws:iam::aws:policy/aws-service-role/{p}")).collect();
        let path = format!("/aws-service-role/{service}/");
        let held = Held { name, path, id, created: iso(unix_now()), attached, ..Held::default() };
        let mut statement = Statement::allow(Element::of(["sts:AssumeRole"]), None);
        statement.principal = Some(Principal::of("Service", [service]));
        let role = Role { held, trust: Document::new(vec![statement]), description, max_session: 3_600 };
        let trust = role.trust.to_json();
        self.x.nest("Role", |x| role_fields(x, &account, &role, &trust, &Shown::Made));
        let (now, lag) = self.clock();
        self.state().roles.entry(key).or_default().set(Some(role), now, lag);
        Ok(())
    }

    pub(super) fn delete_service_linked(&mut self) -> Result<(), ApiError> {
        let role = self.role()?;
        if !role.held.path.starts_with("/aws-service-role/") {
            return Err(ApiError::new(400, "InvalidInput", format!("Role {} is not a service-linked role.", role.held.name)));
        }
        let id = self.world.fresh(32).to_ascii_lowercase();
        let parts: Vec<&str> = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)].iter().filter_map(|(a, b)| id.get(*a..*b)).collect();
        let task = format!("task{}{}/{}", role.held.path, role.held.name, parts.join("-"));
        let (now, lag) = self.clock();
        if let Some(slot) = self.state().roles.get_mut(&role.held.name.to_ascii_lowercase()) {
            slot.set(None, now, lag);
        }
        self.state().roles.retain(|_, r| !r.is_gone(now));
        self.state().deletions.insert(task.clone());
        self.x.text("DeletionTaskId", &task);
        Ok(())
    }

    /// Nothing uses such a role here, so its deletion has always succeeded.
    pub(super) fn deletion_status(&mut self) -> Result<(), ApiError> {
        let task = self.asked.need("DeletionTaskId")?;
        if !self.state().deletions.contains(task) {
            return Err(ApiError::new(404, "NoSuchEntity", format!("Deletion task {task} cannot be found.")));
        }
        self.x.text("Status", "SUCCEEDED");
        Ok(())
    }
}
