//! Encoded authorization messages.

use crossrole_model::{AccountId, CloudError, ErrorClass};

use crate::call;
use crate::session::Session;

/// Longest message (STS API reference, DecodeAuthorizationMessage).
const MESSAGE_MOST: usize = 10_240;

impl crate::Aws {
    /// Decodes the message that comes with a refusal; it takes `sts:DecodeAuthorizationMessage` in the account of whoever was refused.
    /// Returns JSON.
    ///
    /// # Errors
    /// The account can't be called, may not decode it, or the message is none.
    pub async fn decode_authorization_message(&self, account: &AccountId, message: &str) -> Result<String, CloudError> {
        const OPERATION: &str = "DecodeAuthorizationMessage";
        let session = self.sessions.get(account).await?;
        if message.len() > MESSAGE_MOST {
            return Err(call::plain(ErrorClass::Invalid, &session.account, OPERATION, "the message is longer than any that AWS makes"));
        }
        decoded(&session, message).await
    }
}

async fn decoded(session: &Session, message: &str) -> Result<String, CloudError> {
    let sts = session.sts();
    let answer = session.read("DecodeAuthorizationMessage", || sts.decode_authorization_message().encoded_message(message).send()).await?;
    Ok(answer.decoded_message().unwrap_or_default().to_owned())
}
