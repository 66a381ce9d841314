//! Everything the sandbox knows.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_policy::{Arn, Document};
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest as _, Sha256};

use crate::lagged::Lagged;
use crate::s3::state::Bucket;

pub(crate) type Tags = BTreeMap<String, String>;

/// The state of all accounts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) buckets: BTreeMap<String, Bucket>,
    /// Keys and aliases of KMS.
    #[serde(default)]
    pub(crate) kms: crate::kms::state::Store,
    /// IAM Identity Center.
    #[serde(default)]
    pub(crate) sso: crate::sso::state::Store,
    /// Trails of CloudTrail.
    #[serde(default)]
    pub(crate) cloudtrail: crate::cloudtrail::Store,
    /// Blocks of public access of whole accounts.
    #[serde(default)]
    pub(crate) blocks: BTreeMap<String, [bool; 4]>,
    /// Access keys of users, by id.
    pub(crate) keys: BTreeMap<String, AccessKey>,
    /// Sessions, by access key id.
    pub(crate) sessions: BTreeMap<String, Session>,
    counter: u64,
    /// Account, kind and lower-case name behind every unique id of a role or user ever given out.
    ids: BTreeMap<String, (String, bool, String)>,
    #[serde(skip)]
    pub(crate) now_ms: u64,
    #[serde(skip)]
    pub(crate) lag_ms: u64,
    #[serde(skip)]
    pub(crate) role_quota: usize,
    #[serde(skip)]
    pub(crate) session_most: Option<u32>,
}

/// IAM of one account; keys are names in lower case.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) roles: BTreeMap<String, Lagged<Role>>,
    pub(crate) users: BTreeMap<String, Lagged<User>>,
    pub(crate) groups: BTreeMap<String, Lagged<Group>>,
    pub(crate) policies: BTreeMap<String, Lagged<Policy>>,
    pub(crate) providers: BTreeMap<String, Lagged<Provider>>,
    pub(crate) profiles: BTreeMap<String, Profile>,
    /// SAML providers, by name as written.
    #[serde(default)]
    pub(crate) saml: BTreeMap<String, Lagged<Saml>>,
    /// Virtual MFA devices, by serial number.
    #[serde(default)]
    pub(crate) devices: BTreeMap<String, crate::iam::devices::Device>,
    /// Console passwords, by user.
    #[serde(default)]
    pub(crate) logins: BTreeMap<String, Login>,
    /// Service-specific credentials, by id.
    #[serde(default)]
    pub(crate) credentials: BTreeMap<String, crate::iam::credentials::Credential>,
    #[serde(default)]
    pub(crate) alias: Option<String>,
    #[serde(default)]
    pub(crate) password_policy: Option<BTreeMap<String, String>>,
    /// Unix seconds and region of the last session, by unique id of the role.
    #[serde(default)]
    pub(crate) last_used: BTreeMap<String, (i64, String)>,
    /// SSH public keys and signing certificates of users, by id.
    #[serde(default)]
    pub(crate) uploads: BTreeMap<String, crate::iam::uploads::Upload>,
    /// By name.
    #[serde(default)]
    pub(crate) server_certificates: BTreeMap<String, crate::iam::uploads::ServerCertificate>,
    /// The credential report, with when it was made in Unix seconds.
    #[serde(default)]
    pub(crate) report: Option<(i64, String)>,
    /// Deletions of service-linked roles, by task id.
    #[serde(default)]
    pub(crate) deletions: BTreeSet<String>,
}

type SessionPolicies = Option<Vec<(Option<String>, Document)>>;

/// A state of before has documents alone.
fn session_policies<'de, D: Deserializer<'de>>(from: D) -> Result<SessionPolicies, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Named((Option<String>, Document)),
        Alone(Document),
    }
    let kept: Option<Vec<Kept>> = Option::deserialize(from)?;
    let named = |kept| match kept {
        Kept::Named(policy) => policy,
        Kept::Alone(document) => (None, document),
    };
    Ok(kept.map(|list| list.into_iter().map(named).collect()))
}

/// A SAML provider.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Saml {
    pub(crate) name: String,
    pub(crate) metadata: String,
    pub(crate) created: String,
    pub(crate) tags: Tags,
}

/// A user's password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) created: String,
    pub(crate) reset: bool,
    /// SHA-256 of the password, in hexadecimal.
    pub(crate) password: String,
}

/// What roles, users and groups have in common.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Held {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) created: String,
    pub(crate) tags: Tags,
    pub(crate) boundary: Option<String>,
    /// Documents as they were sent.
    pub(crate) inline: BTreeMap<String, String>,
    pub(crate) attached: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Role {
    pub(crate) held: Held,
    /// With unique ids in place of role and user ARNs.
    pub(crate) trust: Document,
    pub(crate) description: String,
    pub(crate) max_session: u32,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) held: Held,
    pub(crate) groups: BTreeSet<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) held: Held,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Policy {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) description: String,
    pub(crate) created: String,
    /// When its default version was last set.
    #[serde(default)]
    pub(crate) updated: String,
    pub(crate) tags: Tags,
    /// By number: document and date.
    pub(crate) versions: BTreeMap<u32, (String, String)>,
    pub(crate) default: u32,
    pub(crate) next: u32,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Provider {
    pub(crate) host: String,
    pub(crate) client_ids: BTreeSet<String>,
    pub(crate) thumbprints: Vec<String>,
    pub(crate) created: String,
    pub(crate) tags: Tags,
}

fn root() -> String {
    "/".to_owned()
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) name: String,
    #[serde(default = "root")]
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) tags: Tags,
    pub(crate) id: String,
    pub(crate) created: String,
    pub(crate) roles: BTreeSet<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccessKey {
    pub(crate) account: String,
    pub(crate) user: String,
    pub(crate) secret: String,
    pub(crate) created: String,
    pub(crate) active: bool,
    /// Unix seconds, region and service of the last call.
    #[serde(default)]
    pub(crate) used: Option<(i64, String, String)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) account: String,
    /// `assumed-role/Name/session`; `user/Name` or `root` for GetSessionToken; `federated-user/Name` for GetFederationToken.
    pub(crate) resource: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    /// Unix seconds.
    pub(crate) expires: i64,
    pub(crate) issued: i64,
    /// The role's unique id: a session dies with its role.
    pub(crate) principal_id: String,
    pub(crate) mfa: bool,
    /// Each with the ARN of its managed policy.
    #[serde(default, deserialize_with = "session_policies")]
    pub(crate) policies: Option<Vec<(Option<String>, Document)>>,
    pub(crate) tags: Tags,
    pub(crate) transitive: BTreeSet<String>,
    pub(crate) source_identity: Option<String>,
    pub(crate) federated: Option<String>,
    /// The user who asked for a federated user; none for the root user.
    #[serde(default)]
    pub(crate) user: Option<String>,
}

impl Account {
    /// Tells whether it has no principal, policy or provider.
    pub(crate) fn is_empty(&self) -> bool {
        fn none<T: Clone>(map: &BTreeMap<String, Lagged<T>>) -> bool {
            map.values().all(|value| value.newest().is_none())
        }
        none(&self.roles) && none(&self.users) && none(&self.groups) && none(&self.policies) && none(&self.providers)
    }

    pub(crate) fn visible_roles(&self, now: u64) -> impl Iterator<Item = &Role> {
        self.roles.values().filter_map(move |r| r.visible(now))
    }

    pub(crate) fn visible_users(&self, now: u64) -> impl Iterator<Item = &User> {
        self.users.values().filter_map(move |u| u.visible(now))
    }
}

impl World {
    /// Returns the account, which exists as soon as somebody speaks of it.
    pub(crate) fn account(&mut self, id: &str) -> &mut Account {
        self.accounts.entry(id.to_owned()).or_default()
    }

    /// A fresh unique id: prefix and 17 letters and digits.
    pub(crate) fn fresh_id(&mut self, prefix: &str) -> String {
        format!("{prefix}{}", self.fresh(17))
    }

    /// Fresh letters and digits; the same in every run, so that output can be compared.
    pub(crate) fn fresh(&mut self, length: usize) -> String {
        const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
        self.counter += 1;
        let mut out = String::new();
        let mut block = 0_u32;
        while out.len() < length {
            let digest = Sha256::digest(format!("crossrole sandbox {} {block}", self.counter).as_bytes());
            out.extend(digest.iter().map(|b| char::from(LETTERS.get(usize::from(b % 32)).copied().unwrap_or(b'A'))));
            block += 1;
        }
        out.truncate(length);
        out
    }

    pub(crate) fn secrets(&self) -> Vec<String> {
        let keys = self.keys.values().map(|k| k.secret.clone());
        let passwords = self.accounts.values().flat_map(|a| a.credentials.values()).map(|c| c.password.clone());
        keys.chain(passwords).chain(self.sessions.values().flat_map(|s| [s.secret.clone(), s.token.clone()])).collect()
    }

    /// The role or user behind an ARN, by unique id, if it can be seen.
    pub(crate) fn id_of(&self, arn: &str) -> Option<String> {
        let parsed = Arn::parse(arn)?;
        let account = self.accounts.get(parsed.account)?;
        let (kind, name) = parsed.kind_and_name()?;
        let found = match (parsed.service, kind) {
            ("iam", "role") => account.roles.get(&name.to_ascii_lowercase())?.visible(self.now_ms).map(|r| &r.held),
            ("iam", "user") => account.users.get(&name.to_ascii_lowercase())?.visible(self.now_ms).map(|u| &u.held),
            _ => None,
        }?;
        (found.name == name && arn.ends_with(&format!("{}{}", found.path, found.name))).then(|| found.id.clone())
    }

    /// A fresh unique id for a role or a user.
    pub(crate) fn principal_id(&mut self, account: &str, role: bool, name: &str) -> String {
        let id = self.fresh_id(if role { "AROA" } else { "AIDA" });
        self.ids.insert(id.clone(), (account.to_owned(), role, name.to_ascii_lowercase()));
        id
    }

    /// A principal has another name from now on.
    pub(crate) fn rename_principal(&mut self, id: &str, name: &str) {
        if let Some((_, _, written)) = self.ids.get_mut(id) {
            *written = name.to_ascii_lowercase();
        }
    }

    /// The ARN behind a unique id, while its role or user can be seen.
    pub(crate) fn arn_of(&self, id: &str) -> Option<String> {
        let (account, role, name) = self.ids.get(id)?;
        let state = self.accounts.get(account)?;
        let (kind, held) =
            if *role { ("role", &state.roles.get(name)?.visible(self.now_ms)?.held) } else { ("user", &state.users.get(name)?.visible(self.now_ms)?.held) };
        (held.id == *id).then(|| format!("arn:aws:iam::{account}:{kind}{}{}", held.path, held.name))
    }

    /// The document as AWS shows it: ids that can be resolved are ARNs again, the others stay.
    pub(crate) fn shown(&self, document: &Document) -> Document {
        let mut shown = document.clone();
        shown.map_aws_principals(|value| if value.starts_with("AROA") || value.starts_with("AIDA") { self.arn_of(value) } else { None });
        shown
    }
}
