//! Service-specific credentials of users.

use serde::{Deserialize, Serialize};

use crate::auth::{iso, unix_now};
use crate::constraint::{Constraints, broken};
use crate::error::ApiError;
use crate::query::Service;
use crate::xml::Xml;

use super::Iam;

/// Services that have such credentials (IAM API reference, CreateServiceSpecificCredential).
const SERVICES: &[&str] = &["codecommit.amazonaws.com", "cassandra.amazonaws.com", "bedrock.amazonaws.com", "logs.amazonaws.com"];

/// A name and a password for one service.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Credential {
    id: String,
    user: String,
    service: String,
    service_user: String,
    pub(crate) password: String,
    created: String,
    active: bool,
}

impl Iam<'_> {
    pub(super) fn create_credential(&mut self) -> Result<(), ApiError> {
        let user = self.user()?.held.name;
        let service = self.credential_service()?.unwrap_or_default();
        let count = self.state().credentials.values().filter(|c| c.user == user && c.service == service).count();
        if count >= 2 {
            return Err(ApiError::limit("Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2"));
        }
        let base = format!("{user}-at-{}", self.account);
        let service_user = if count == 0 { base } else { format!("{base}+1") };
        let id = self.world.fresh_id("ACCA");
        let credential = Credential { id: id.clone(), user, service, service_user, password: self.world.fresh(44), created: iso(unix_now()), active: true };
        self.x.nest("ServiceSpecificCredential", |x| fields(x, &credential, true));
        self.state().credentials.insert(id, credential);
        Ok(())
    }

    /// The service of the request, which must have such credentials.
    fn credential_service(&self) -> Result<Option<String>, ApiError> {
        let Some(service) = self.asked.param("ServiceName") else { return Ok(None) };
        if SERVICES.contains(&service) {
            return Ok(Some(service.to_owned()));
        }
        Err(ApiError::new(404, "NoSuchEntity", format!("No such service {service} is supported for Service Specific Credentials")))
    }

    pub(super) fn list_credentials(&mut self) -> Result<(), ApiError> {
        let user = self.user()?.held.name;
        let service = self.credential_service()?;
        let wanted = |c: &&Credential| c.user == user && service.as_ref().is_none_or(|s| *s == c.service);
        let credentials: Vec<Credential> = self.state().credentials.values().filter(wanted).cloned().collect();
        self.x.members("ServiceSpecificCredentials", &credentials, |x, c| fields(x, c, false));
        Ok(())
    }

    pub(super) fn change_credential(&mut self) -> Result<(), ApiError> {
        let asked = self.asked;
        let id = asked.need("ServiceSpecificCredentialId")?;
        let mut constraints = Constraints::of(Service::Iam);
        constraints.pattern("serviceSpecificCredentialId", id, "[\\w]+", |c| c.is_ascii_alphanumeric() || c == '_');
        constraints.check()?;
        let active = match asked.param("Status") {
            Some("Active") | None => true,
            Some("Inactive") => false,
            Some(_) => return Err(broken(Service::Iam, "status", None, "Member must satisfy enum value set")),
        };
        let user = self.user()?.held.name;
        let missing = || ApiError::new(404, "NoSuchEntity", format!("No such credential {id} exists"));
        let mut credential = self.state().credentials.get(id).filter(|c| c.user == user).cloned().ok_or_else(missing)?;
        match asked.operation.as_str() {
            "UpdateServiceSpecificCredential" => credential.active = active,
            "ResetServiceSpecificCredential" => {
                credential.password = self.world.fresh(44);
                self.x.nest("ServiceSpecificCredential", |x| fields(x, &credential, true));
            }
            _ => {
                self.state().credentials.remove(id);
                return Ok(());
            }
        }
        self.state().credentials.insert(id.to_owned(), credential);
        Ok(())
    }

    /// Tells whether a user has any.
    pub(super) fn has_credentials(&mut self, user: &str) -> bool {
        self.state().credentials.values().any(|c| c.user == user)
    }
}

/// The password is told once, where it is made.
fn fields(x: &mut Xml, credential: &Credential, password: bool) {
    let Credential { id, user, service, service_user, password: secret, created, active } = credential;
    x.text("UserName", user).text("Status", if *active { "Active" } else { "Inactive" }).text("ServiceUserName", service_user);
    if password {
        x.text("ServicePassword", secret);
    }
    x.text("CreateDate", created).text("ServiceSpecificCredentialId", id).text("ServiceName", service);
}
