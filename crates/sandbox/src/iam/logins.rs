//! Console passwords of users.

use sha2::{Digest as _, Sha256};

use crate::auth::{iso, unix_now};
use crate::error::ApiError;
use crate::world::Login;

use super::Iam;

fn digest(password: &str) -> String {
    crate::sigv4::hex(&Sha256::digest(password.as_bytes()))
}

impl Iam<'_> {
    pub(super) fn login_profile(&mut self) -> Result<(), ApiError> {
        let name = self.user()?.held.name;
        let key = name.to_ascii_lowercase();
        let asked = self.asked;
        let reset = asked.param("PasswordResetRequired").map(|text| text == "true");
        let there = self.state().logins.get(&key).cloned();
        let none = || ApiError::new(404, "NoSuchEntity", format!("Login Profile for User {name} cannot be found."));
        match asked.operation.as_str() {
            "CreateLoginProfile" => {
                if there.is_some() {
                    return Err(ApiError::new(409, "EntityAlreadyExists", format!("Login Profile for user {name} already exists.")));
                }
                let password = self.checked_password("Password")?;
                let login = Login { created: iso(unix_now()), reset: reset.unwrap_or(false), password };
                self.write_login(&name, &login);
                self.state().logins.insert(key, login);
            }
            "GetLoginProfile" => self.write_login(&name, &there.ok_or_else(none)?),
            "UpdateLoginProfile" => {
                let mut login = there.ok_or_else(none)?;
                if asked.param("Password").is_some() {
                    login.password = self.checked_password("Password")?;
                }
                login.reset = reset.unwrap_or(login.reset);
                self.state().logins.insert(key, login);
            }
            _ => {
                there.ok_or_else(none)?;
                self.state().logins.remove(&key);
            }
        }
        Ok(())
    }

    fn write_login(&mut self, name: &str, login: &Login) {
        self.x.nest("LoginProfile", |x| {
            x.text("UserName", name).text("CreateDate", &login.created).text("PasswordResetRequired", &login.reset.to_string());
        });
    }

    /// The digest of a password that the account's policy takes.
    fn checked_password(&mut self, param: &str) -> Result<String, ApiError> {
        let password = self.asked.need(param)?.to_owned();
        let rules = self.state().password_policy.clone().unwrap_or_default();
        let least = rules.get("MinimumPasswordLength").and_then(|n| n.parse::<usize>().ok()).unwrap_or(8);
        let required = |name: &str, there: bool| there || rules.get(name).is_none_or(|v| v != "true");
        let any = |test: fn(char) -> bool| password.chars().any(test);
        let good = password.chars().count() >= least
            && required("RequireUppercaseCharacters", any(|c| c.is_ascii_uppercase()))
            && required("RequireLowercaseCharacters", any(|c| c.is_ascii_lowercase()))
            && required("RequireNumbers", any(|c| c.is_ascii_digit()))
            && required("RequireSymbols", any(|c| !c.is_alphanumeric()));
        if good {
            Ok(digest(&password))
        } else {
            Err(ApiError::new(400, "PasswordPolicyViolation", "Password does not conform to the account password policy."))
        }
    }

    pub(super) fn change_password(&mut self) -> Result<(), ApiError> {
        let name = self.user()?.held.name;
        let key = name.to_ascii_lowercase();
        let old = digest(self.asked.need("OldPassword")?);
        let password = self.checked_password("NewPassword")?;
        match self.state().logins.get_mut(&key).filter(|login| login.password == old) {
            Some(login) => {
                login.password = password;
                login.reset = false;
                Ok(())
            }
            None => Err(ApiError::new(403, "AccessDenied", "The old password was incorrect.")),
        }
    }
}
