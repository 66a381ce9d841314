//! Sessions that people have: one with a second factor, for their own keys, and one of AWS's console, for those of a role.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use crossrole_model::{AccountId, CloudError, ErrorClass, Partition};
use http_body_util::{BodyExt as _, Limited};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::acting::{Acting, Keys, Mfa};
use crate::call::{Kind, plain};
use crate::{Aws, https, transport};

/// Longest wait for the federation endpoint.
const SILENCE: Duration = Duration::from_secs(30);

/// Most bytes of its answer: a token has about a thousand.
const ANSWER_MOST: usize = 64 << 10;

/// What it is called where it fails.
const OPERATION: &str = "getSigninToken";

/// `{"SigninToken":"…"}`
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    signin_token: String,
}

/// The hosts of a partition that people sign in at, and whose console they see (IAM User Guide, "Enable custom identity broker access to
/// the AWS console"; AWS General Reference, "AWS Management Console endpoints").
fn hosts(partition: Partition) -> (&'static str, &'static str) {
    match partition {
        Partition::Aws => ("signin.aws.amazon.com", "console.aws.amazon.com"),
        Partition::AwsCn => ("signin.amazonaws.cn", "console.amazonaws.cn"),
        Partition::AwsUsGov => ("signin.amazonaws-us-gov.com", "console.amazonaws-us-gov.com"),
    }
}

/// Returns the address of the console of a partition: of one of its services, where one is named.
pub fn console_address(partition: Partition, service: Option<&str>) -> String {
    let (_, console) = hosts(partition);
    service.map_or_else(|| format!("https://{console}/"), |service| format!("https://{console}/{service}/home"))
}

impl Acting {
    /// Asks for a session of these keys that has the second factor, so that its code is typed once (AWS STS API Reference,
    /// GetSessionToken).
    ///
    /// # Errors
    /// That of the call.
    pub async fn session_token(&self, mfa: &Mfa, seconds: i32) -> Result<Keys, CloudError> {
        let sts = aws_sdk_sts::Client::new(&self.config);
        let send = || sts.get_session_token().duration_seconds(seconds).serial_number(&mfa.serial).token_code(&mfa.code).send();
        // A code is good for one call.
        let answer = self.line.call(&self.run, "GetSessionToken", Kind::Anew, send).await?;
        let nothing = || plain(ErrorClass::NotAws, &self.line.account, "GetSessionToken", "it was answered without credentials");
        let given = answer.credentials().ok_or_else(nothing)?;
        Ok(Keys {
            access_key_id: given.access_key_id().to_owned(),
            secret_access_key: given.secret_access_key().to_owned(),
            session_token: Some(given.session_token().to_owned()),
            expires: Some(given.expiration().secs()),
        })
    }
}

impl Aws {
    /// Makes a link that signs its holder in to the console, as the session that these keys are of. `seconds` is how long that lasts: it
    /// can be said only of a role that long-term keys have assumed, and lasts as long as the session otherwise. The link is a credential,
    /// good for 15 minutes.
    ///
    /// # Errors
    /// The endpoint can't be reached, or refuses the keys.
    pub async fn sign_in_link(&self, account: &AccountId, keys: &Keys, seconds: Option<u32>, destination: &str) -> Result<String, CloudError> {
        let partition = self.sessions.partition();
        let endpoint = self.sessions.sign_in_endpoint().map_or_else(|| format!("https://{}", hosts(partition).0), |own| own.trim_end_matches('/').to_owned());
        let session = serde_json::json!({
            "sessionId": keys.access_key_id,
            "sessionKey": keys.secret_access_key,
            "sessionToken": keys.session_token,
        });
        let lasting = seconds.map_or_else(String::new, |seconds| format!("&SessionDuration={seconds}"));
        let ask = format!("{endpoint}/federation?Action=getSigninToken{lasting}&Session={}", encoded(&session.to_string()));
        let token = self.sign_in_token(account, &ask).await?;
        let (issuer, destination, token) = (encoded("crossrole"), encoded(destination), encoded(&token));
        Ok(format!("{endpoint}/federation?Action=login&Issuer={issuer}&Destination={destination}&SigninToken={token}"))
    }

    async fn sign_in_token(&self, account: &AccountId, url: &str) -> Result<String, CloudError> {
        // No message may hold the address: the keys are in it.
        let failed = |class: ErrorClass, why: &str| plain(class, account, OPERATION, why);
        let request = http::Request::get(url).body(SdkBody::empty()).map_err(|_| failed(ErrorClass::Invalid, "the sign-in endpoint has no address"))?;
        let request = HttpRequest::try_from(request).map_err(|_| failed(ErrorClass::Invalid, "the sign-in endpoint has no address"))?;
        let asked = tokio::time::timeout(SILENCE, async {
            let answer = self.sessions.connector().call(request).await.map_err(|_| failed(ErrorClass::Network, "the sign-in endpoint can't be reached"))?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), ANSWER_MOST).collect().await;
            let body = body.map_err(|_| failed(ErrorClass::NotAws, "the answer of the sign-in endpoint ended early, or never did"))?;
            Ok((status, body.to_bytes()))
        });
        let (status, body) = asked.await.map_err(|_| failed(ErrorClass::Unanswered, "the sign-in endpoint gave no answer"))??;
        match status {
            200 => serde_json::from_slice::<Answer>(&body)
                .map(|answer| answer.signin_token)
                .map_err(|_| failed(ErrorClass::NotAws, "the sign-in endpoint answered without a token")),
            500.. => Err(failed(ErrorClass::Server, &format!("the sign-in endpoint failed ({status})"))),
            _ => Err(failed(ErrorClass::Denied, &format!("the sign-in endpoint refuses these credentials ({status})"))),
        }
    }
}

impl crate::session::Sessions {
    /// The way to what is no service of the SDK's.
    fn connector(&self) -> SharedHttpConnector {
        match self.transport() {
            Some(transport) => transport::connector(Arc::clone(transport)),
            None => https::connector(self.authorities()),
        }
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
