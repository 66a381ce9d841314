//! `crossrole credentials`: `credential_process` of AWS's tools (AWS SDKs and Tools Reference Guide, "Process credential provider").

use serde_json::json;

use crate::args::CredentialsArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::temporary::Taking;

pub(crate) async fn run(args: &CredentialsArgs, io: &mut Io) -> Result<Exit, Failure> {
    // Programs show what is said beside the answer.
    let taking = Taking::open(&args.role, &args.take, true, io)?;
    let given = taking.take().await?;
    io.out_json(&json!({
        "Version": 1,
        "AccessKeyId": given.keys.access_key_id,
        "SecretAccessKey": given.keys.secret_access_key,
        "SessionToken": given.keys.session_token,
        "Expiration": given.expiration(),
    }));
    Ok(Exit::Clean)
}
