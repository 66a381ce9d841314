//! The credential report (IAM User Guide, "Generate credential reports").

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::{AccessKey, User};

use super::Iam;

const COLUMNS: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,\
access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,\
access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

/// How long a report is shown before it is made anew, in seconds.
const FRESH: i64 = 4 * 3_600;

const NONE: &str = "N/A";

impl Iam<'_> {
    /// It is begun, and there when it is asked for again.
    pub(super) fn generate_report(&mut self) {
        let begun = self.state().report.is_some();
        if begun {
            self.x.text("State", "COMPLETE");
        } else {
            self.x.text("State", "STARTED").text("Description", "No report exists. Starting a new report generation task");
        }
        let report = (unix_now(), self.report());
        self.state().report = Some(report);
    }

    pub(super) fn get_report(&mut self) -> Result<(), ApiError> {
        let Some((made, text)) = self.state().report.clone() else {
            return Err(ApiError::new(410, "ReportNotPresent", "Report is not present"));
        };
        if unix_now() - made > FRESH {
            return Err(ApiError::new(410, "ReportExpired", "Report is expired"));
        }
        self.x.text("Content", &STANDARD.encode(text)).text("ReportFormat", "text/csv").text("GeneratedTime", &iso(made));
        Ok(())
    }

    fn report(&mut self) -> String {
        let now = self.now();
        let account = self.account.clone();
        let users: Vec<User> = self.state().visible_users(now).cloned().collect();
        let root =
            ["<root_account>", &format!("arn:aws:iam::{account}:root"), &iso(0), "not_supported", "no_information", "not_supported", "not_supported", "true"];
        let rest = ["false", NONE, NONE, NONE, NONE, "false", NONE, NONE, NONE, NONE, "false", NONE, "false", NONE];
        let mut lines = vec![COLUMNS.to_owned(), [&root[..], &rest].concat().join(",")];
        lines.extend(users.iter().map(|user| self.line(&account, user).join(",")));
        lines.join("\n")
    }

    fn line(&mut self, account: &str, user: &User) -> Vec<String> {
        let held = &user.held;
        let login = self.state().logins.get(&held.name.to_ascii_lowercase()).cloned();
        let mfa = self.state().devices.values().any(|d| d.user.as_deref() == Some(held.name.as_str()));
        let mut line = vec![held.name.clone(), format!("arn:aws:iam::{account}:user{}{}", held.path, held.name), held.created.clone()];
        match login {
            Some(login) => line.extend(["true", "no_information", &login.created, NONE].map(str::to_owned)),
            None => line.extend(["false", NONE, NONE, NONE].map(str::to_owned)),
        }
        line.push(mfa.to_string());
        let mut keys: Vec<&AccessKey> = self.world.keys.values().filter(|k| k.account == *account && k.user == held.name).collect();
        keys.sort_by(|a, b| a.created.cmp(&b.created));
        for at in 0..2 {
            line.extend(keys.get(at).map_or_else(
                || ["false", NONE, NONE, NONE, NONE].map(str::to_owned),
                |key| {
                    let (date, region, service) =
                        key.used.clone().map_or_else(|| (NONE.to_owned(), NONE.to_owned(), NONE.to_owned()), |(at, r, s)| (iso(at), r, s));
                    [key.active.to_string(), key.created.clone(), date, region, service]
                },
            ));
        }
        let certificates = self.uploads_of(&held.name, false);
        for at in 0..2 {
            let found = certificates.get(at).map(|(_, c)| [c.active.to_string(), c.uploaded.clone()]);
            line.extend(found.unwrap_or_else(|| ["false", NONE].map(str::to_owned)));
        }
        line
    }
}
