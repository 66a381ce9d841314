//! Access keys of all users, from the credential report: one call for any number of users (IAM User Guide, "Generate credential reports
//! for your AWS account").

use std::sync::Arc;
use std::time::Duration;

use crossrole_model::audit::AccessKey;
use crossrole_model::{CloudError, Observation, Unreadable};

use crate::session::Session;

use super::super::malformed;

/// How often a report that is being made is asked for, and how long between: AWS makes one in seconds.
const ASKED_MOST: usize = 30;
const PAUSE: Duration = Duration::from_secs(1);

/// Columns of a report, from the right: names of users, which stand on the left, may hold commas.
const COLUMNS: usize = 22;
/// Whether a key is active, and when it was made or made active: of the first key and of the second, counted from the right.
const KEYS: [(usize, usize); 2] = [(14, 13), (9, 8)];

/// How the root user is called in it.
const ROOT: &str = "<root_account>";

pub(super) async fn access_keys(session: &Arc<Session>) -> Observation<Vec<AccessKey>> {
    match content(session).await {
        Ok(text) => parsed(&text).map_or_else(
            || Observation::Unreadable(Unreadable::from(&malformed("GetCredentialReport", &session.account, "the credential report has other columns"))),
            Observation::Known,
        ),
        Err(error) => Observation::Unreadable(Unreadable::from(&error)),
    }
}

async fn content(session: &Arc<Session>) -> Result<String, CloudError> {
    session.read("GenerateCredentialReport", || session.iam.generate_credential_report().send()).await?;
    let mut asked = 0;
    loop {
        asked += 1;
        match session.read("GetCredentialReport", || session.iam.get_credential_report().send()).await {
            Ok(answer) => return Ok(answer.content().map(|blob| String::from_utf8_lossy(blob.as_ref()).into_owned()).unwrap_or_default()),
            // Asked too early (IAM API reference, GetCredentialReport).
            Err(error) if asked < ASKED_MOST && ["ReportInProgress", "ReportNotPresent"].contains(&error.code.as_str()) => {
                session.wait("GetCredentialReport", PAUSE).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The active keys of a report; `None` where it is not laid out as AWS documents it.
fn parsed(text: &str) -> Option<Vec<AccessKey>> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next()?.split(',').collect();
    let column = |from_right: usize| header.len().checked_sub(from_right).and_then(|at| header.get(at)).copied();
    let known = header.len() == COLUMNS && column(14) == Some("access_key_1_active") && column(8) == Some("access_key_2_last_rotated");
    if !known {
        return None;
    }
    let mut keys = Vec::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split(',').collect();
        // The name stands in the ARN as well, so that its commas are there twice.
        let more = fields.len().checked_sub(COLUMNS)? / 2;
        let name = fields.get(..=more)?.join(",");
        let field = |from_right: usize| fields.len().checked_sub(from_right).and_then(|at| fields.get(at)).copied().unwrap_or_default();
        for (number, (active, made)) in (1..).zip(KEYS) {
            if field(active) == "true" {
                let user = (name != ROOT).then(|| name.clone());
                keys.push(AccessKey { user, number, made: seconds(field(made)) });
            }
        }
    }
    Some(keys)
}

/// `2026-01-31T12:00:00+00:00`, or with a `Z`.
fn seconds(text: &str) -> Option<i64> {
    let at = aws_smithy_types::DateTime::from_str(text, aws_smithy_types::date_time::Format::DateTimeWithOffset).ok()?;
    Some(at.secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,\
access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

    fn line(user: &str, first: &str, second: &str) -> String {
        format!(
            "{user},arn:aws:iam::222222222222:user/{user},2020-01-01T00:00:00+00:00,false,N/A,N/A,N/A,false,\
             {first},2020-01-01T00:00:00+00:00,N/A,N/A,N/A,{second},2021-01-01T00:00:00Z,N/A,N/A,N/A,false,N/A,false,N/A"
        )
    }

    #[test]
    fn keys_that_are_active_are_found_whatever_users_are_called() {
        let text = [HEADER, &line("ann", "true", "false"), &line("a,b,c", "false", "true"), &line(ROOT, "true", "true")].join("\n");
        let keys = parsed(&text).unwrap();
        let found: Vec<(Option<&str>, u8, Option<i64>)> = keys.iter().map(|k| (k.user.as_deref(), k.number, k.made)).collect();
        let (first, second) = (Some(1_577_836_800), Some(1_609_459_200));
        assert_eq!(found, [(Some("ann"), 1, first), (Some("a,b,c"), 2, second), (None, 1, first), (None, 2, second)]);
    }

    #[test]
    fn a_report_of_another_form_is_not_taken_for_one_without_keys() {
        assert_eq!(parsed("user,arn\nann,x"), None);
        assert_eq!(parsed(&format!("{HEADER}\nann,true")), None);
        assert_eq!(parsed(""), None);
    }
}
