//! A runner that has keys of its own in each account, on an AWS that is served.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::process::{Server, command, serve};
use crate::support::{Credentials, Place, root};

/// Documents by account.
pub(crate) type Policies = BTreeMap<String, Vec<Value>>;

/// A served AWS, and the settings that reach its accounts.
pub(crate) struct Runner {
    pub(crate) folder: PathBuf,
    pub(crate) server: Server,
}

impl Runner {
    /// A user in each account with these policies and nothing else.
    pub(crate) async fn new(name: &str, place: &Place, policies: &Policies) -> Self {
        let profiles = profiles(place, "runner", policies).await;
        Self::reached(name, place, &profiles, &settings(policies.keys()))
    }

    /// What is there is served, and reached with these profiles and settings.
    pub(crate) fn reached(name: &str, place: &Place, profiles: &str, settings: &str) -> Self {
        let folder = root().join(format!("target/test-manifests/runner-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config"), profiles).unwrap();
        std::fs::write(folder.join("crossrole.toml"), settings).unwrap();
        let state = folder.join("state.json");
        place.sandbox.save(&state).unwrap();
        let server = serve(&["--sandbox-state", &state.display().to_string()]);
        Self { folder, server }
    }

    /// Exit code, stdout, stderr.
    pub(crate) fn apart(&self, words: &[&str]) -> (i32, String, String) {
        let mut command = command(words);
        let command = command.current_dir(&self.folder).env("AWS_CONFIG_FILE", self.folder.join("config")).env("AWS_ENDPOINT_URL", &self.server.address);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    }

    /// Exit code and all that was said.
    pub(crate) fn run(&self, words: &[&str]) -> (i32, String) {
        let (code, out, err) = self.apart(words);
        (code, out + &err)
    }

    /// Made, found as it was made, and taken back; or the first command that was not good.
    pub(crate) fn cycle(&self, file: &str) -> Result<(), String> {
        for (words, wanted) in [
            (&["apply", "--auto-approve", "--quiet"][..], "Applied: "),
            (&["plan"], "No changes."),
            (&["destroy", "--auto-approve", "--quiet", "--destroy-key", "data/archive"], "Applied: "),
            (&["plan", "--destroy"], "No changes."),
        ] {
            let of_key = file.contains("made-key");
            let words: Vec<&str> = words.iter().copied().filter(|word| of_key || !["--destroy-key", "data/archive"].contains(word)).chain([file]).collect();
            let (code, said) = self.run(&words);
            if code != 0 || !said.contains(wanted) {
                return Err(format!("{words:?}: {code}\n{said}"));
            }
        }
        Ok(())
    }
}

/// Makes a user of this name in each account, and returns a profile with its keys for each.
pub(crate) async fn profiles(place: &Place, user: &str, policies: &Policies) -> String {
    let mut profiles = String::new();
    for (account, documents) in policies {
        let named = [("UserName", user)];
        place.iam(account, "CreateUser", &named).await;
        for (number, document) in documents.iter().enumerate() {
            let (name, document) = (format!("{user}-rights-{number}"), document.to_string());
            place.iam(account, "CreatePolicy", &[("PolicyName", name.as_str()), ("PolicyDocument", &document)]).await;
            let arn = format!("arn:aws:iam::{account}:policy/{name}");
            place.iam(account, "AttachUserPolicy", &[named[0], ("PolicyArn", &arn)]).await;
        }
        let key = Credentials::of(&place.iam(account, "CreateAccessKey", &named).await);
        profiles.push_str(&format!("[profile p{account}]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.key, key.secret));
    }
    profiles
}

/// Settings that reach each account by the profile of its number.
pub(crate) fn settings<'a>(accounts: impl IntoIterator<Item = &'a String>) -> String {
    accounts.into_iter().map(|account| format!("[accounts.\"{account}\"]\nprofile = \"p{account}\"\n")).collect()
}
