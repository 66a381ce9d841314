//! Grants: what a key lets one principal do beside its policy.

use std::collections::BTreeMap;

use crossrole_access::catalogue;
use crossrole_policy::{Element, Principal, Statement};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::constraint::broken;
use crate::error::ApiError;
use crate::iam::rules::{principal_exists, stored};
use crate::query::{Reply, Service};
use crate::sigv4::hex;
use crate::world::World;

use super::access::Keys;
use super::find::not_found;
use super::input::{EncryptionContext, missing};
use super::{Kms, done, reply};

/// What can be granted (KMS API reference, CreateGrant).
const OPERATIONS: [&str; 17] = [
    "CreateGrant",
    "Decrypt",
    "DeriveSharedSecret",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GetPublicKey",
    "ReEncryptFrom",
    "ReEncryptTo",
    "RetireGrant",
    "Sign",
    "Verify",
    "VerifyMac",
];

/// Operations whose requests have an encryption context, which alone a constraint is about (KMS API reference, GrantConstraints).
const WITH_CONTEXT: [&str; 6] = ["Decrypt", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo"];

/// Grants of a key (AWS KMS Developer Guide, "Quotas").
const MOST: usize = 50_000;

/// One grant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Grant {
    id: String,
    name: Option<String>,
    /// A unique id in place of the ARN of a role or user.
    grantee: String,
    retiring: Option<String>,
    issuer: String,
    operations: Vec<String>,
    context: EncryptionContext,
    /// The encryption context has nothing else.
    alone: bool,
    /// Unix seconds.
    created: i64,
}

impl Grant {
    /// What it amounts to for an action, in the words of a policy.
    pub(super) fn statement(&self, world: &World, action: &str) -> Option<Statement> {
        let operation = action.strip_prefix("kms:").filter(|operation| self.operations.iter().any(|o| o == operation))?;
        let mut statement = Statement::allow(Element::of([action]), Some(Element::of(["*"])));
        let kind = if catalogue::is_service_principal(&self.grantee) { "Service" } else { "AWS" };
        statement.principal = Some(Principal::of(kind, [shown(world, &self.grantee)]));
        if WITH_CONTEXT.contains(&operation) && !self.context.is_empty() {
            let pairs = self.context.iter().map(|(name, value)| (format!("kms:EncryptionContext:{name}"), vec![value.clone()]));
            statement.conditions.insert("StringEquals".to_owned(), pairs.collect());
            if self.alone {
                let names = self.context.keys().cloned().collect();
                statement.conditions.insert("ForAllValues:StringEquals".to_owned(), BTreeMap::from([("kms:EncryptionContextKeys".to_owned(), names)]));
            }
        }
        Some(statement)
    }

    fn told(&self, world: &World, key: &str) -> Value {
        let mut told = json!({
            "KeyId": key,
            "GrantId": self.id,
            "CreationDate": self.created,
            "GranteePrincipal": shown(world, &self.grantee),
            "IssuingAccount": format!("arn:aws:iam::{}:root", self.issuer),
            "Operations": self.operations,
            "Name": self.name.as_deref().unwrap_or_default(),
        });
        if let Some(told) = told.as_object_mut() {
            if let Some(retiring) = &self.retiring {
                told.insert("RetiringPrincipal".to_owned(), json!(shown(world, retiring)));
            }
            if !self.context.is_empty() {
                let kind = if self.alone { "EncryptionContextEquals" } else { "EncryptionContextSubset" };
                told.insert("Constraints".to_owned(), json!({ kind: self.context }));
            }
        }
        told
    }

    /// A name makes the same call give the same grant (KMS API reference, CreateGrant).
    fn is_again(&self, other: &Self) -> bool {
        self.name.is_some() && Self { id: String::new(), created: 0, ..self.clone() } == Self { id: String::new(), created: 0, ..other.clone() }
    }
}

/// ARNs for what they stand for; ids of what is gone stay.
fn shown(world: &World, principal: &str) -> String {
    world.arn_of(principal).unwrap_or_else(|| principal.to_owned())
}

impl Kms<'_> {
    fn principal(&self, member: &str) -> Result<Option<String>, ApiError> {
        let Some(name) = self.input.text(member)? else { return Ok(None) };
        if name != "*" && (catalogue::is_service_principal(name) || name.starts_with("arn:") && principal_exists(self.world, name)) {
            return Ok(Some(stored(self.world, name).unwrap_or_else(|| name.to_owned())));
        }
        Err(ApiError::new(400, "InvalidArnException", format!("ARN does not refer to a valid principal: {name}")))
    }

    fn constraint(&self) -> Result<(EncryptionContext, bool), ApiError> {
        let member = |name: &str| self.input.nested("Constraints", name);
        match (member("EncryptionContextEquals")?, member("EncryptionContextSubset")?) {
            (Some(context), None) => Ok((context, true)),
            (None, context) => Ok((context.unwrap_or_default(), false)),
            (Some(_), Some(_)) => Err(super::input::invalid("A grant has one constraint on the encryption context at most.")),
        }
    }

    pub(super) fn create_grant(&mut self) -> Result<Reply, ApiError> {
        let operations = self.input.texts("Operations")?;
        let (context, alone) = self.constraint()?;
        let keys = Keys::default().with("kms:GrantIsForAWSResource", "false");
        let arn = self.any_key("KeyId", false, "kms:CreateGrant", keys)?;
        self.stored(&arn)?.works()?;
        if let Some(unknown) = operations.iter().find(|o| !OPERATIONS.contains(&o.as_str())) {
            let rule = format!("Member must satisfy enum value set: [{}]", OPERATIONS.join(", "));
            return Err(broken(Service::Kms, "operations", Some(unknown), &rule));
        }
        let grantee = self.principal("GranteePrincipal")?.ok_or_else(|| missing("GranteePrincipal"))?;
        let (retiring, name) = (self.principal("RetiringPrincipal")?, self.input.text("Name")?.map(str::to_owned));
        let (issuer, now) = (self.caller.account.clone(), self.now);
        let key = self.key_mut(&arn)?;
        if key.grants.len() >= MOST {
            return Err(ApiError::new(400, "LimitExceededException", format!("A key has no more than {MOST} grants.")));
        }
        key.granted += 1;
        let id = hex(&Sha256::digest(format!("crossrole sandbox grant {arn} {}", key.granted).as_bytes()));
        let grant = Grant { id, name, grantee, retiring, issuer, operations, context, alone, created: now };
        let id = match key.grants.iter().find(|known| known.is_again(&grant)) {
            Some(known) => known.id.clone(),
            None => {
                key.grants.push(grant.clone());
                grant.id
            }
        };
        Ok(reply(&json!({ "GrantId": id, "GrantToken": id })))
    }

    pub(super) fn list_grants(&mut self) -> Result<Reply, ApiError> {
        let arn = self.any_key("KeyId", false, "kms:ListGrants", Keys::default().with("kms:GrantIsForAWSResource", "false"))?;
        let (id, grantee) = (self.input.text("GrantId")?, self.input.text("GranteePrincipal")?);
        let key = self.stored(&arn)?;
        let wanted = |grant: &&Grant| id.is_none_or(|id| grant.id == id) && grantee.is_none_or(|name| shown(self.world, &grant.grantee) == name);
        let shown: Vec<Value> = key.grants.iter().filter(wanted).map(|grant| grant.told(self.world, &arn)).collect();
        self.page("Grants", shown, 50, 100).map(|page| reply(&page))
    }

    pub(super) fn revoke_grant(&mut self) -> Result<Reply, ApiError> {
        let arn = self.any_key("KeyId", false, "kms:RevokeGrant", Keys::default().with("kms:GrantIsForAWSResource", "false"))?;
        let id = self.input.need("GrantId", 1, 128)?.to_owned();
        let key = self.key_mut(&arn)?;
        let at = key.grants.iter().position(|grant| grant.id == id).ok_or_else(|| not_found(format!("Grant ID {id} not found")))?;
        key.grants.remove(at);
        Ok(done())
    }
}
