//! AssumeRoleWithSAML. The assertion is believed: no signature is checked, and no time but its end.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossrole_access::Context;
use crossrole_policy::Arn;
use roxmltree::{Document, Node};
use sha2::{Digest as _, Sha256};

use crate::auth::{of_request, unix_now};
use crate::constraint::Constraints;
use crate::error::ApiError;
use crate::world::Tags;

use super::web::with_tags;
use super::{Sts, params};

const ATTRIBUTE: &str = "https://aws.amazon.com/SAML/Attributes/";

/// What an assertion says (IAM User Guide, "Configuring SAML assertions for the authentication response").
struct Assertion {
    issuer: String,
    subject: String,
    subject_type: String,
    audience: String,
    /// By the name behind the common prefix.
    attributes: Vec<(String, Vec<String>)>,
    not_on_or_after: Option<String>,
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(400, "InvalidIdentityToken", message)
}

fn first<'a>(document: &'a Document<'a>, name: &str) -> Option<Node<'a, 'a>> {
    document.descendants().find(|n| n.tag_name().name() == name)
}

fn text(node: Option<Node<'_, '_>>) -> String {
    node.and_then(|n| n.text()).unwrap_or_default().trim().to_owned()
}

impl Assertion {
    fn read(encoded: &str) -> Result<Self, ApiError> {
        let wrong = || invalid("Invalid base64 SAMLResponse");
        let bytes = STANDARD.decode(encoded.trim()).map_err(|_| wrong())?;
        let body = String::from_utf8(bytes).map_err(|_| wrong())?;
        let document = Document::parse(&body).map_err(|_| invalid("SAMLResponse is not valid XML"))?;
        let name_id = first(&document, "NameID");
        let attribute = |node: Node<'_, '_>| {
            let name = node.attribute("Name")?.strip_prefix(ATTRIBUTE)?.to_owned();
            let values = node.children().filter(|c| c.tag_name().name() == "AttributeValue").map(|c| text(Some(c))).collect();
            Some((name, values))
        };
        Ok(Self {
            issuer: text(first(&document, "Issuer")),
            subject: text(name_id),
            subject_type: name_id.and_then(|n| n.attribute("Format")).and_then(|f| f.rsplit(':').next()).unwrap_or("unspecified").to_owned(),
            audience: first(&document, "SubjectConfirmationData").and_then(|n| n.attribute("Recipient")).unwrap_or_default().to_owned(),
            attributes: document.descendants().filter(|n| n.tag_name().name() == "Attribute").filter_map(attribute).collect(),
            not_on_or_after: first(&document, "SubjectConfirmationData").and_then(|n| n.attribute("NotOnOrAfter")).map(str::to_owned),
        })
    }

    fn values(&self, name: &str) -> &[String] {
        self.attributes.iter().find(|(n, _)| n == name).map_or(&[], |(_, values)| values)
    }

    fn tags(&self) -> Tags {
        let tag = |(name, values): &(String, Vec<String>)| Some((name.strip_prefix("PrincipalTag:")?.to_owned(), values.first()?.clone()));
        self.attributes.iter().filter_map(tag).collect()
    }

    /// Tells whether its end has passed.
    fn is_over(&self) -> bool {
        const SECOND: i128 = 1_000_000_000;
        let end = self.not_on_or_after.as_deref().and_then(crossrole_access::language::instant);
        end.is_some_and(|at| at <= i128::from(unix_now()) * SECOND)
    }
}

impl Sts<'_> {
    pub(super) fn saml(&mut self) -> Result<(), ApiError> {
        let asked = self.asked;
        let seconds = asked.param("DurationSeconds");
        let asked_for = params::role(asked, false, |constraints| require(constraints, asked.param("PrincipalArn"), asked.param("SAMLAssertion")))?;
        let assertion = Assertion::read(asked.param("SAMLAssertion").unwrap_or_default())?;
        if assertion.is_over() {
            return Err(ApiError::new(400, "ExpiredTokenException", "Response has expired"));
        }
        let provider = asked.param("PrincipalArn").unwrap_or_default().to_owned();
        let account = Arn::parse(&asked_for.arn).map(|a| a.account.to_owned()).unwrap_or_default();
        let denied = || ApiError::new(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML");
        let name = provider.split_once(":saml-provider/").map(|(_, name)| name.to_owned()).unwrap_or_default();
        let known = self.world.accounts.get(&account).and_then(|a| a.saml.get(&name)).and_then(|p| p.visible(self.world.now_ms)).is_some();
        if !known || Arn::parse(&provider).is_none_or(|a| a.account != account) {
            return Err(invalid("Specified provider doesn't exist (Service: AWSOpenIdDiscoveryService; Status Code: 400)"));
        }
        let pair = [format!("{},{provider}", asked_for.arn), format!("{provider},{}", asked_for.arn)];
        if !assertion.values("Role").iter().any(|r| pair.contains(&r.replace(' ', ""))) {
            return Err(ApiError::new(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithSAML"));
        }
        let session_name = assertion.values("RoleSessionName").first().cloned().unwrap_or_default();
        if !(2..=64).contains(&session_name.len()) || !session_name.chars().all(params::in_name) {
            return Err(invalid("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"));
        }
        let role = self.find_role(&asked_for.arn).ok_or_else(denied)?;
        let context = self.saml_context(&assertion, &account, &name, &provider, &session_name);
        self.trusts(&role, &asked_for.arn, &account, &provider, "sts:AssumeRoleWithSAML", &context).ok_or_else(denied)?;
        let tags = assertion.tags();
        if !tags.is_empty() {
            self.trusts(&role, &asked_for.arn, &account, &provider, "sts:TagSession", &with_tags(&context, &tags)).ok_or_else(denied)?;
        }
        let stated = assertion.values("SessionDuration").first().and_then(|s| s.parse::<i32>().ok()).filter(|_| seconds.is_none());
        let seconds = stated.unwrap_or(asked_for.seconds);
        if seconds.unsigned_abs() > role.max_session {
            return Err(ApiError::validation("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
        }
        let policies = self.session_policies(&account)?;
        let size = policies.size();
        let transitive = assertion.values("TransitiveTagKeys").iter().cloned().collect();
        let identity = assertion.values("SourceIdentity").first().cloned();
        self.assumed(&account, &role, &session_name, seconds, |session| {
            session.policies = policies.documents;
            session.federated = Some(provider.clone());
            session.tags = tags;
            session.transitive = transitive;
            session.source_identity.clone_from(&identity);
        });
        self.x.maybe("PackedPolicySize", size.as_deref());
        self.x.text("Subject", &assertion.subject).text("SubjectType", &assertion.subject_type).text("Issuer", &assertion.issuer);
        self.x.text("Audience", &assertion.audience).text("NameQualifier", &qualifier(&assertion.issuer, &account, &name));
        self.x.maybe("SourceIdentity", identity.as_deref());
        Ok(())
    }

    fn saml_context(&self, assertion: &Assertion, account: &str, provider_name: &str, provider: &str, session_name: &str) -> Context {
        let mut context = of_request(self.asked);
        context.set("saml:aud", assertion.audience.clone());
        context.set("saml:iss", assertion.issuer.clone());
        context.set("saml:sub", assertion.subject.clone());
        context.set("saml:sub_type", assertion.subject_type.clone());
        context.set("saml:namequalifier", qualifier(&assertion.issuer, account, provider_name));
        context.set("saml:doc", format!("{account}/{provider_name}"));
        context.set("sts:RoleSessionName", session_name);
        context.set("aws:FederatedProvider", provider);
        if let Some(identity) = assertion.values("SourceIdentity").first() {
            context.set("sts:SourceIdentity", identity.clone());
        }
        context
    }
}

fn require(constraints: &mut Constraints, provider: Option<&str>, assertion: Option<&str>) {
    match provider {
        None => constraints.add("principalArn", None, "Member must not be null"),
        Some(arn) => constraints.length("principalArn", arn, 20, 2_048),
    }
    match assertion {
        None => constraints.add("sAMLAssertion", None, "Member must not be null"),
        Some(text) => constraints.length("sAMLAssertion", text, 4, 100_000),
    }
}

/// A hash of issuer, account and provider (STS API reference, AssumeRoleWithSAML). AWS's is SHA-1; its value means nothing.
fn qualifier(issuer: &str, account: &str, provider: &str) -> String {
    STANDARD.encode(Sha256::digest(format!("{issuer}{account}/{provider}").as_bytes()).get(..20).unwrap_or_default())
}
