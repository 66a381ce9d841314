//! SAML providers, by enforcement: people of the provider come in by what it signs, until it is gone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crossrole::Exit;

use crate::support::{Credentials, Place, element, manifest, scenario};

const OWNER: &str = "222222222222";
const ROLE: &str = "arn:aws:iam::222222222222:role/ReportReaders";
const PROVIDER: &str = "arn:aws:iam::222222222222:saml-provider/ExampleIdp";

async fn applied() -> (Place, String) {
    let place = Place::with_bucket("people-reports").await;
    let file = scenario("saml-federation");
    place.good(&["apply", "--auto-approve", &file]).await;
    (place, file)
}

/// Presents an assertion of a provider.
async fn present(place: &Place, provider: &str) -> (u16, String) {
    let attribute = |name: &str, value: &str| {
        format!(r#"<Attribute Name="https://aws.amazon.com/SAML/Attributes/{name}"><AttributeValue>{value}</AttributeValue></Attribute>"#)
    };
    let assertion = STANDARD.encode(format!(
        r#"<Response><Issuer>https://idp.example.org</Issuer><Subject><NameID>ann</NameID><SubjectConfirmationData NotOnOrAfter="2999-01-01T00:00:00Z" Recipient="https://signin.aws.amazon.com/saml"/></Subject>{}{}</Response>"#,
        attribute("Role", &format!("{ROLE},{provider}")),
        attribute("RoleSessionName", "ann")
    ));
    let asked = [("RoleArn", ROLE), ("PrincipalArn", provider), ("SAMLAssertion", assertion.as_str())];
    place.query_as(&Credentials::default(), "sts", "AssumeRoleWithSAML", &asked).await
}

#[tokio::test(start_paused = true)]
async fn people_come_in_while_the_provider_is_there() {
    let (place, file) = applied().await;
    let (status, answer) = present(&place, PROVIDER).await;
    assert_eq!(status, 200, "{answer}");
    let session = Credentials::of(&answer);
    let list = place.s3_as(&session, "us-east-1", "GET", "/people-reports", "list-type=2", &[], "").await;
    assert_eq!(list.0, 200, "{}", list.1);
    let put = place.s3_as(&session, "us-east-1", "PUT", "/people-reports/x", "", &[], "x").await;
    assert_eq!(put.0, 403, "{}", put.1);
    assert_ne!(present(&place, "arn:aws:iam::222222222222:saml-provider/Another").await.0, 200);
    place.good(&["destroy", "--auto-approve", &file]).await;
    assert_ne!(present(&place, PROVIDER).await.0, 200);
}

/// Whoever can change the metadata lets in whom it likes: that is not unchanged access, and not called a narrowing.
#[tokio::test(start_paused = true)]
async fn other_metadata_is_not_unchanged_access() {
    let (place, file) = applied().await;
    let stranger = format!("<EntityDescriptor entityID='https://stranger.example'><X509Certificate>{}</X509Certificate></EntityDescriptor>", "A".repeat(1_000));
    place.iam(OWNER, "UpdateSAMLProvider", &[("SAMLProviderArn", PROVIDER), ("SAMLMetadataDocument", &stranger)]).await;
    let plan = place.good(&["plan", &file]).await;
    assert!(plan.contains("? tokens of ExampleIdp on role ReportReaders of 222222222222: not decided: the provider itself changes"), "{plan}");
    let refused = place.run(&["apply", "--auto-approve", "--deny-widening", &file]).await;
    assert_eq!(refused.exit, Exit::Refused, "{}", refused.out);
    place.good(&["apply", "--auto-approve", &file]).await;
    let live = place.iam(OWNER, "GetSAMLProvider", &[("SAMLProviderArn", PROVIDER)]).await;
    assert!(element(&live, "SAMLMetadataDocument").contains("idp.example.org"), "{live}");
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_not_ours_is_left_alone() {
    let place = Place::with_bucket("people-reports").await;
    let theirs = format!("<EntityDescriptor entityID='https://theirs.example'><X509Certificate>{}</X509Certificate></EntityDescriptor>", "A".repeat(1_000));
    place.iam(OWNER, "CreateSAMLProvider", &[("Name", "ExampleIdp"), ("SAMLMetadataDocument", &theirs)]).await;
    let said = place.run(&["apply", "--auto-approve", &scenario("saml-federation")]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    let live = place.iam(OWNER, "GetSAMLProvider", &[("SAMLProviderArn", PROVIDER)]).await;
    assert!(live.contains("theirs.example"), "{live}");
}

#[tokio::test(start_paused = true)]
async fn a_selector_names_a_provider() {
    let place = Place::with_bucket("people-reports").await;
    let file = scenario("saml-federation");
    for selector in [format!("principal={PROVIDER}"), "principal=saml-provider/ExampleIdp".to_owned()] {
        let said = place.run(&["plan", &format!("--deny-widening={selector}"), &file]).await;
        assert_eq!(said.exit, Exit::Refused, "{selector}: {}{}", said.out, said.err);
    }
    let said = place.run(&["plan", "--deny-widening=principal=saml-provider/Another", &file]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_nearly_one_of_the_manifest_is_asked_about() {
    let text = std::fs::read_to_string(scenario("saml-federation")).unwrap();
    let place = Place::with_bucket("people-reports").await;
    let said = place.run(&["validate", &manifest("saml-typo", &text.replace("saml = \"ExampleIdp\"", "saml = \"ExampleIpd\""))]).await;
    let all = format!("{}{}", said.out, said.err);
    assert!(all.contains("no SAML provider of this manifest is named `ExampleIpd`") && all.contains("did you mean `ExampleIdp`?"), "{all}");
    let said = place.run(&["validate", &manifest("saml-other", &text.replace("saml = \"ExampleIdp\"", "saml = \"Corporate\""))]).await;
    assert!(!format!("{}{}", said.out, said.err).contains("no SAML provider"), "{}", said.err);
}
