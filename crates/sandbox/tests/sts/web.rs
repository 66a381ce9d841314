//! Tokens of OpenID Connect and assertions of SAML.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::client::{Answer, Client, nobody};
use crate::iam::A;

const ROLE: &str = "arn:aws:iam::111111111111:role/r";

fn trust(principal: &str, action: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"{principal}"}},"Action":["{action}","sts:TagSession"],"Condition":{condition}}}]}}"#
    )
}

async fn with_provider() -> Client {
    let client = Client::new();
    client.must(A, "iam", "CreateOpenIDConnectProvider", &[("Url", "https://idp.example.com"), ("ClientIDList.member.1", "sts.amazonaws.com")]).await;
    let provider = format!("arn:aws:iam::{A}:oidc-provider/idp.example.com");
    let trust = trust(&provider, "sts:AssumeRoleWithWebIdentity", r#"{"StringEquals":{"idp.example.com:sub":"ann"}}"#);
    client.must(A, "iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", &trust)]).await;
    client
}

async fn present(client: &Client, claims: &str) -> Answer {
    let token = format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims));
    client.query(&nobody(), "sts", "AssumeRoleWithWebIdentity", &[("RoleArn", ROLE), ("RoleSessionName", "s1"), ("WebIdentityToken", &token)]).await
}

/// What every request has, those have that nobody signs as well.
const OF_ANY_REQUEST: [(&str, bool); 6] = [
    (r#""DateLessThan":{"aws:CurrentTime":"2999-01-01T00:00:00Z"}"#, true),
    (r#""DateLessThan":{"aws:CurrentTime":"2001-01-01T00:00:00Z"}"#, false),
    (r#""DateGreaterThan":{"aws:EpochTime":"978307200"}"#, true),
    (r#""Bool":{"aws:SecureTransport":"true"}"#, true),
    (r#""IpAddress":{"aws:SourceIp":"0.0.0.0/0"}"#, true),
    (r#""IpAddress":{"aws:SourceIp":"192.0.2.77/32"}"#, false),
];

async fn trusts_when(client: &Client, provider: &str, action: &str, condition: &str) {
    let document = trust(provider, action, &format!("{{{condition}}}"));
    client.must(A, "iam", "UpdateAssumeRolePolicy", &[("RoleName", "r"), ("PolicyDocument", &document)]).await;
}

#[tokio::test]
async fn a_token_is_taken_while_it_lasts() {
    let client = with_provider().await;
    let now = time::OffsetDateTime::now_utc().unix_timestamp();
    let claims = |sub: &str, aud: &str, times: &str| format!(r#"{{"iss":"https://idp.example.com","sub":"{sub}","aud":"{aud}"{times}}}"#);
    let lasts = format!(r#","exp":{}"#, now + 600);
    let good = present(&client, &claims("ann", "sts.amazonaws.com", &lasts)).await.is(200);
    assert_eq!((good.one("SubjectFromWebIdentityToken"), good.one("Audience")), ("ann".to_owned(), "sts.amazonaws.com".to_owned()));
    present(&client, &claims("bob", "sts.amazonaws.com", &lasts)).await.refuses(403, "AccessDenied");
    present(&client, &claims("ann", "another", &lasts)).await.refuses(400, "InvalidIdentityToken");
    present(&client, &claims("ann", "sts.amazonaws.com", &format!(r#","exp":{}"#, now - 3_600))).await.refuses(400, "ExpiredTokenException");
    present(&client, &claims("ann", "sts.amazonaws.com", "")).await.refuses(400, "InvalidIdentityToken");
    present(&client, &claims("ann", "sts.amazonaws.com", &format!(r#"{lasts},"nbf":{}"#, now + 3_600))).await.refuses(400, "InvalidIdentityToken");
    present(&client, "[]").await.refuses(400, "InvalidIdentityToken");
    for (condition, taken) in OF_ANY_REQUEST {
        let provider = format!("arn:aws:iam::{A}:oidc-provider/idp.example.com");
        trusts_when(&client, &provider, "sts:AssumeRoleWithWebIdentity", condition).await;
        let answer = present(&client, &claims("ann", "sts.amazonaws.com", &lasts)).await;
        if taken {
            answer.is(200)
        } else {
            answer.refuses(403, "AccessDenied")
        };
    }
}

#[tokio::test]
async fn a_token_brings_tags_where_it_may() {
    let client = with_provider().await;
    let end = time::OffsetDateTime::now_utc().unix_timestamp() + 600;
    let tags = r#""https://aws.amazon.com/tags":{"principal_tags":{"team":["x"]},"transitive_tag_keys":["team"]}"#;
    let claims = format!(r#"{{"iss":"https://idp.example.com","sub":"ann","aud":"sts.amazonaws.com","exp":{end},{tags}}}"#);
    let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"x"}}}]}"#;
    client.must(A, "iam", "PutRolePolicy", &[("RoleName", "r"), ("PolicyName", "p"), ("PolicyDocument", text)]).await;
    let session = present(&client, &claims).await.is(200).keys();
    client.query(&session, "iam", "ListRoles", &[]).await.is(200);
}

#[tokio::test]
async fn an_assertion_is_taken_for_the_role_that_it_names() {
    let client = Client::new();
    let metadata = format!("<EntityDescriptor>{}</EntityDescriptor>", " ".repeat(1_000));
    let made = client.must(A, "iam", "CreateSAMLProvider", &[("Name", "corp"), ("SAMLMetadataDocument", &metadata)]).await;
    let provider = made.one("SAMLProviderArn");
    assert_eq!(provider, format!("arn:aws:iam::{A}:saml-provider/corp"));
    let aud = r#"{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}"#;
    client.must(A, "iam", "CreateRole", &[("RoleName", "r"), ("AssumeRolePolicyDocument", &trust(&provider, "sts:AssumeRoleWithSAML", aud))]).await;
    let assertion = |roles: &str, end: &str| {
        let prefix = "https://aws.amazon.com/SAML/Attributes/";
        let attribute = |name: &str, value: &str| format!(r#"<Attribute Name="{prefix}{name}"><AttributeValue>{value}</AttributeValue></Attribute>"#);
        STANDARD.encode(format!(
            r#"<Response><Issuer>https://corp.example.com</Issuer><Subject><NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">ann</NameID><SubjectConfirmationData NotOnOrAfter="{end}" Recipient="https://signin.aws.amazon.com/saml"/></Subject>{}{}</Response>"#,
            attribute("Role", roles),
            attribute("RoleSessionName", "ann@corp")
        ))
    };
    let ask = |text: String| {
        let (client, provider) = (&client, provider.as_str());
        async move { client.query(&nobody(), "sts", "AssumeRoleWithSAML", &[("RoleArn", ROLE), ("PrincipalArn", provider), ("SAMLAssertion", &text)]).await }
    };
    let pair = format!("{ROLE},{provider}");
    let good = ask(assertion(&pair, "2999-01-01T00:00:00Z")).await.is(200);
    assert_eq!(good.one("AssumedRoleUser/Arn"), format!("arn:aws:sts::{A}:assumed-role/r/ann@corp"));
    assert_eq!((good.one("Subject"), good.one("SubjectType"), good.one("Issuer")), ("ann".into(), "persistent".into(), "https://corp.example.com".into()));
    ask(assertion(&pair, "2001-01-01T00:00:00Z")).await.refuses(400, "ExpiredTokenException");
    ask(assertion("arn:aws:iam::111111111111:role/other,x", "2999-01-01T00:00:00Z")).await.refuses(403, "AccessDenied");
    for (condition, taken) in OF_ANY_REQUEST {
        trusts_when(&client, &provider, "sts:AssumeRoleWithSAML", condition).await;
        let answer = ask(assertion(&pair, "2999-01-01T00:00:00Z")).await;
        if taken {
            answer.is(200)
        } else {
            answer.refuses(403, "AccessDenied")
        };
    }
    ask("%%%%".to_owned()).await.refuses(400, "InvalidIdentityToken");
    client.must(A, "iam", "DeleteSAMLProvider", &[("SAMLProviderArn", &provider)]).await;
    ask(assertion(&pair, "2999-01-01T00:00:00Z")).await.refuses(400, "InvalidIdentityToken");
}
