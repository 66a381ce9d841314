//! What an account has besides its principals: alias, password policy, numbers.

use std::collections::BTreeMap;

use crate::error::ApiError;

use super::Iam;

/// Settings of the password policy, with what holds where they are not given.
const PASSWORD_POLICY: &[(&str, &str)] = &[
    ("MinimumPasswordLength", "6"),
    ("RequireSymbols", "false"),
    ("RequireNumbers", "false"),
    ("RequireUppercaseCharacters", "false"),
    ("RequireLowercaseCharacters", "false"),
    ("AllowUsersToChangePassword", "false"),
    ("MaxPasswordAge", ""),
    ("PasswordReusePrevention", ""),
    ("HardExpiry", ""),
];

impl Iam<'_> {
    pub(super) fn aliases(&mut self) -> Result<(), ApiError> {
        if self.asked.operation == "ListAccountAliases" {
            let aliases: Vec<String> = self.state().alias.iter().cloned().collect();
            let page = self.page(aliases)?;
            self.x.names("AccountAliases", &page);
            return Ok(());
        }
        let alias = self.asked.need("AccountAlias")?.to_owned();
        if self.asked.operation == "DeleteAccountAlias" {
            if self.state().alias.as_deref() != Some(alias.as_str()) {
                return Err(ApiError::new(404, "NoSuchEntity", format!("The account alias {alias} cannot be found.")));
            }
            self.state().alias = None;
            return Ok(());
        }
        let inner = alias.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') && !alias.contains("--");
        if !inner || !(3..=63).contains(&alias.len()) || alias.starts_with('-') || alias.ends_with('-') {
            return Err(ApiError::validation(
                "1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$",
            ));
        }
        let taken = self.world.accounts.iter().any(|(id, a)| *id != self.account && a.alias.as_deref() == Some(alias.as_str()));
        if taken {
            return Err(ApiError::new(409, "EntityAlreadyExists", format!("The account alias {alias} already exists.")));
        }
        self.state().alias = Some(alias);
        Ok(())
    }

    pub(super) fn password_policy(&mut self) -> Result<(), ApiError> {
        let none = format!("The Password Policy with domain name {} cannot be found.", self.account);
        let there = self.state().password_policy.clone();
        match self.asked.operation.as_str() {
            "UpdateAccountPasswordPolicy" => {
                // All of it is set: what is not given takes its default.
                let settings = PASSWORD_POLICY.iter().map(|(name, default)| ((*name).to_owned(), self.asked.param(name).unwrap_or(default).to_owned()));
                let settings: BTreeMap<String, String> = settings.filter(|(_, value)| !value.is_empty()).collect();
                self.state().password_policy = Some(settings);
            }
            "GetAccountPasswordPolicy" => {
                let settings = there.ok_or_else(|| ApiError::new(404, "NoSuchEntity", none))?;
                let expires = settings.get("MaxPasswordAge").is_some_and(|age| age != "0");
                self.x.nest("PasswordPolicy", |x| {
                    for (name, value) in &settings {
                        x.text(name, value);
                    }
                    x.text("ExpirePasswords", if expires { "true" } else { "false" });
                });
            }
            _ => {
                there.ok_or_else(|| ApiError::new(404, "NoSuchEntity", none))?;
                self.state().password_policy = None;
            }
        }
        Ok(())
    }

    pub(super) fn summary(&mut self) {
        let quota = self.world.role_quota;
        let now = self.now();
        let account = self.account.clone();
        let state = self.world.account(&account);
        let versions: usize = state.policies.values().filter_map(|p| p.visible(now)).map(|p| p.versions.len()).sum();
        let in_use = state.devices.values().filter(|d| d.user.is_some()).count();
        let counts = [
            ("AccessKeysPerUserQuota", 2),
            ("AccountAccessKeysPresent", 0),
            ("AccountMFAEnabled", 0),
            ("AccountPasswordPresent", 1),
            ("AccountSigningCertificatesPresent", 0),
            ("AssumeRolePolicySizeQuota", 2_048),
            ("AttachedPoliciesPerGroupQuota", 10),
            ("AttachedPoliciesPerRoleQuota", 10),
            ("AttachedPoliciesPerUserQuota", 10),
            ("GlobalEndpointTokenVersion", 1),
            ("GroupPolicySizeQuota", 5_120),
            ("Groups", state.groups.values().filter(|g| g.visible(now).is_some()).count()),
            ("GroupsPerUserQuota", 10),
            ("GroupsQuota", 300),
            ("InstanceProfiles", state.profiles.len()),
            ("InstanceProfilesQuota", 1_000),
            ("MFADevices", state.devices.len()),
            ("MFADevicesInUse", in_use),
            ("Policies", state.policies.values().filter(|p| p.visible(now).is_some()).count()),
            ("PoliciesQuota", 1_500),
            ("PolicySizeQuota", 6_144),
            ("PolicyVersionsInUse", versions),
            ("PolicyVersionsInUseQuota", 10_000),
            ("Providers", state.providers.len() + state.saml.len()),
            ("RolePolicySizeQuota", 10_240),
            ("Roles", state.visible_roles(now).count()),
            ("RolesQuota", quota),
            ("ServerCertificates", 0),
            ("ServerCertificatesQuota", 20),
            ("SigningCertificatesPerUserQuota", 2),
            ("UserPolicySizeQuota", 2_048),
            ("Users", state.visible_users(now).count()),
            ("UsersQuota", 5_000),
            ("VersionsPerPolicyQuota", 5),
        ];
        self.x.nest("SummaryMap", |x| {
            for (key, value) in counts {
                x.nest("entry", |x| {
                    x.text("key", key).text("value", &value.to_string());
                });
            }
        });
    }
}
