//! From whoever asks to a session of the role, through the roles between.

use std::path::PathBuf;

use crossrole_access::Estate;
use crossrole_cloud::{Acting, AssumeRole, By, Identity, Mfa};
use crossrole_model::{AccountId, Digest};
use crossrole_policy::Arn;
use crossrole_report::safe;
use serde_json::json;

use super::refused::{length, of, refused};
use super::terms::{self, Wanted};
use super::{Asked, Given, Taking, aws_config, code, less, now};
use crate::failure::Failure;
use crate::files::SMALL;

/// The longest session of a role that is assumed by a session of another, in seconds (IAM User Guide, "Role chaining").
const CHAINED: u32 = 3_600;

/// How long a session of a user's own keys that has the second factor is asked for, in seconds: a working day.
const WITH_FACTOR: i32 = 43_200;

/// The shortest session, in seconds (AWS STS API Reference, GetSessionToken).
const SHORTEST: i32 = 900;

/// What is kept.
enum Of<'a> {
    /// A session of the role, with the second factor of this device where one was named.
    Role(Option<&'a str>),
    /// One of long-term keys, with the second factor of this device.
    Factor(&'a str),
}

/// Whoever asks first.
struct First {
    acting: Acting,
    identity: Identity,
    /// A session of a role, of which sessions last an hour at most.
    chained: bool,
    /// With keys that end with nobody's session.
    by_long_term: bool,
    /// With a second factor, as far as that is known.
    factor: Option<bool>,
    /// A code that goes with the first role.
    mfa: Option<Mfa>,
}

impl Taking {
    /// Says once what does not change by renewing: what a session policy takes away.
    pub(crate) async fn announce(&self) -> Result<(), Failure> {
        let Some(policy) = self.policy.clone() else { return Ok(()) };
        let (estate, role) = (self.estate.clone(), self.role.clone());
        let lines = self.session.computed("comparing the session with its role", move || less::lost(&estate, &role, policy)).await?;
        for line in lines {
            self.say(&line);
        }
        Ok(())
    }

    /// A session: one that is kept, while it lasts, or a new one.
    pub(crate) async fn take(&self) -> Result<Given, Failure> {
        let taken = self.session.stops.or(Box::pin(self.taken())).await;
        self.session.ended(taken.map_err(|stop| stop.while_("asking for credentials")).and_then(|result| result))
    }

    async fn taken(&self) -> Result<Given, Failure> {
        let device = self.args.mfa_serial.as_deref();
        let name = self.name_with(device);
        if let Some(kept) = self.kept(&name)? {
            self.say(&format!("kept credentials of {}, until {}", safe(&kept.arn), kept.expiration()));
            return Ok(kept);
        }
        let (given, wants_factor) = Box::pin(self.asked()).await?;
        self.keep(&name, &given);
        // Where the role wants a second factor, whoever names no device means this session, too.
        if device.is_some() && wants_factor {
            self.keep(&self.name_with(None), &given);
        }
        Ok(given)
    }

    fn kept(&self, name: &str) -> Result<Option<Given>, Failure> {
        self.cache.as_ref().map_or(Ok(None), |cache| cache.read(name))
    }

    /// They are good, kept or not.
    fn keep(&self, name: &str, given: &Given) {
        if let Some(Err(failure)) = self.cache.as_ref().map(|cache| cache.keep(name, given)) {
            self.session.told.line(failure.render(crossrole_report::Screen::default()).trim_end());
        }
    }

    /// A new session, and whether the role that was assumed first wants a second factor, as the manifests say.
    async fn asked(&self) -> Result<(Given, bool), Failure> {
        let hops: Vec<&String> = self.via.iter().chain([&self.role]).collect();
        let first = self.first(hops.first().copied().unwrap_or(&self.role)).await?;
        let mut caller = first.identity.arn.clone();
        let wants_factor = hops.first().is_some_and(|role| self.wanted(role, &caller, false).terms.mfa);
        let mut acting = first.acting;
        let mut given = None;
        for (at, role) in hops.iter().enumerate() {
            let last = at + 1 == hops.len();
            let wanted = self.wanted(role, &caller, at == 0 && first.factor == Some(true));
            let mut asked = self.request(role, &wanted, &caller, at == 0, last);
            asked.mfa = first.mfa.clone().filter(|_| at == 0);
            self.say(&format!("{} assumes {}", safe(&caller), safe(role)));
            let factor = first.factor.filter(|_| at == 0).or(Some(false).filter(|_| at > 0));
            let got = acting.assume(&asked).await.map_err(|error| refused(&error, &caller, &asked, factor, &self.args.paths))?;
            let account = super::account_of(role)?;
            if Arn::parse(&got.arn).is_none_or(|arn| arn.account != account.as_str()) {
                let hint = "these credentials were thrown away: find out who answers in the name of AWS";
                return Err(Failure::new(format!("the session `{}` is not of account {account}", safe(&got.arn)), hint));
            }
            let next = Given { keys: got.keys, arn: got.arn, issued: now(), by_long_term: first.by_long_term && at == 0 && first.mfa.is_none() };
            if !last {
                acting = self.acting(&By::Keys(next.keys.clone()), &account).await?;
                caller.clone_from(&next.arn);
            }
            given = Some(next);
        }
        let given = given.ok_or_else(|| Failure::bug("no role was asked for"))?;
        self.say(&format!("{}, until {}", safe(&given.arn), given.expiration()));
        Ok((given, wants_factor))
    }

    async fn acting(&self, by: &By, to: &AccountId) -> Result<Acting, Failure> {
        self.session.aws.acting(by, to).await.map_err(|error| of(&error))
    }

    /// Who asks, with what can be known before a role is asked for: how long it may last, and whether a second factor is missing.
    async fn first(&self, role: &str) -> Result<First, Failure> {
        let acting = self.acting(&self.by, &self.account).await?;
        let keys = acting.keys().await.map_err(|error| of(&error))?;
        let identity = acting.identity().await.map_err(|error| of(&error))?;
        let label = self.desired().accounts.get(&identity.account).map_or_else(String::new, |info| format!(", `{}`", safe(&info.label)));
        self.say(&format!("credentials of {} (account {}{label})", safe(&identity.arn), identity.account));
        let of_role = is_session(&identity.arn);
        self.may_last(&identity.arn, of_role || !self.via.is_empty())?;
        let long_term = keys.session_token.is_none();
        let wanted = self.wanted(role, &identity.arn, self.args.mfa_serial.is_some());
        if wanted.lets == Some(false) {
            self.say("the manifests do not let it assume that role; AWS is asked all the same");
        }
        let mut first = First { acting, identity, chained: of_role, by_long_term: long_term, factor: long_term.then_some(false), mfa: None };
        let serial = match &self.args.mfa_serial {
            Some(serial) => Some(serial.clone()),
            None if wanted.terms.mfa && first.factor == Some(false) => Some(self.device(&first, role).await?),
            None => None,
        };
        if let Some(serial) = serial {
            self.with_factor(&mut first, &serial, wanted.factor_age).await?;
        }
        Ok(first)
    }

    /// A setting of the profile whose credentials ask, if one's do.
    fn of_profile(&self, key: &str) -> Option<String> {
        let profile = self.args.profile.clone().or_else(|| {
            let keys = std::env::var_os("AWS_ACCESS_KEY_ID").is_some_and(|key| !key.is_empty());
            (!keys).then(|| std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "default".to_owned()))
        });
        aws_config::setting(&profile?, key).filter(|value| !value.is_empty())
    }

    /// The device of a user that nobody has named: that of the profile (`mfa_serial`), or the only one that the user has.
    async fn device(&self, first: &First, role: &str) -> Result<String, Failure> {
        if let Some(serial) = self.of_profile("mfa_serial") {
            return Ok(serial);
        }
        let example = format!("name the device, as in `--mfa-serial arn:{}:iam::{}:mfa/NAME`", self.desired().partition.as_str(), first.identity.account);
        let wants = format!("role `{}` wants a second factor, and these keys have none", safe(role));
        match first.acting.own_devices().await {
            // Keys of FIDO sign people in, and give no codes (IAM User Guide, "Passkeys and security keys").
            Ok(devices) => match devices.iter().filter(|serial| !serial.contains(":u2f/")).collect::<Vec<_>>().as_slice() {
                [serial] => Ok((*serial).clone()),
                [] if devices.is_empty() => Err(Failure::new(wants, "the user has no device: `aws iam enable-mfa-device` gives it one")),
                [] => Err(Failure::new(wants, "the user has passkeys alone, which give no codes: enable a device that does")),
                several => {
                    let known: Vec<String> = several.iter().map(|serial| format!("`{}`", safe(serial))).collect();
                    Err(Failure::new(wants, format!("name one of the user's devices with `--mfa-serial`: {}", known.join(", "))))
                }
            },
            Err(error) => {
                Err(Failure::new(wants, example).with(&format!("the user's devices could not be listed: {}: {}", safe(&error.code), safe(&error.message))))
            }
        }
    }

    /// Brings in the second factor: by a session of the user's own keys that has it, so that its code is typed once, or, where that would be
    /// too old for the role, by a code for this one call.
    async fn with_factor(&self, first: &mut First, serial: &str, age: Option<i32>) -> Result<(), Failure> {
        if first.chained {
            let hint = "name with `--profile` a user, whose device it is; drop `--mfa-serial` where the role asks for no second factor";
            return Err(Failure::new(format!("`{}` is a session of a role, which can't bring a second factor", safe(&first.identity.arn)), hint));
        }
        first.factor = Some(true);
        let seconds = age.map_or(WITH_FACTOR, |age| age.min(WITH_FACTOR));
        if !first.by_long_term || seconds < SHORTEST {
            first.mfa = Some(self.code(serial).await?);
            return Ok(());
        }
        first.by_long_term = false;
        let name = self.name_of(&Of::Factor(serial));
        let mut slot = self.with_factor.lock().await;
        let known = slot.clone().filter(|given| given.lasts(now()));
        let given = match known.map_or_else(|| self.kept(&name), |given| Ok(Some(given)))? {
            Some(given) => given,
            None => {
                let mfa = self.code(serial).await?;
                let keys = first.acting.session_token(&mfa, seconds).await.map_err(|error| {
                    let failure = Failure::new(
                        format!("the code of `{}` is not taken: {}", safe(serial), safe(&error.message)),
                        "wait for the next code, since each is good once; check that the device is the user's own",
                    );
                    if error.class == crossrole_model::ErrorClass::Denied { failure } else { of(&error) }
                })?;
                let given = Given { keys, arn: first.identity.arn.clone(), issued: now(), by_long_term: false };
                self.keep(&name, &given);
                given
            }
        };
        first.acting = self.acting(&By::Keys(given.keys.clone()), &self.account).await?;
        *slot = Some(given);
        Ok(())
    }

    /// The external id of the role, as the manifests have it for whoever asks.
    pub(crate) async fn external_id(&self) -> Result<Option<String>, Failure> {
        if !self.estate.roles.contains_key(&self.role) {
            return Ok(None);
        }
        let acting = self.acting(&self.by, &self.account).await?;
        let identity = self.session.stops.or(acting.identity()).await.map_err(|stop| stop.while_("asking whose credentials these are"))?;
        let identity = identity.map_err(|error| of(&error))?;
        Ok(self.wanted(&self.role, &identity.arn, self.args.mfa_serial.is_some()).terms.external_id)
    }

    async fn code(&self, serial: &str) -> Result<Mfa, Failure> {
        let process = self.args.mfa_process.clone().or_else(|| self.of_profile("mfa_process"));
        let code = code::code(serial, process.as_deref(), self.asks, &self.session.told).await?;
        Ok(Mfa { serial: serial.to_owned(), code })
    }

    fn wanted(&self, role: &str, caller: &str, factor: bool) -> Wanted {
        terms::wanted(&self.estate, self.desired(), role, caller, factor)
    }

    /// What AWS would refuse for how long it lasts is said before anybody types a code.
    fn may_last(&self, caller: &str, chained: bool) -> Result<(), Failure> {
        let longest = self.wanted(&self.role, caller, false).longest;
        if chained {
            self.say("a session of a role assumes it: it lasts an hour at most");
        }
        let Some(asked) = self.args.duration else { return Ok(()) };
        let role = safe(&self.role);
        if let Some(longest) = longest.filter(|longest| asked > *longest) {
            let hint = format!("ask for {} at most, or raise `max_session` of the role in its manifest", length(longest));
            return Err(Failure::new(format!("sessions of `{role}` last {} at most, and {} is asked for", length(longest), length(asked)), hint));
        }
        if chained && asked > CHAINED {
            let hint = "ask for `1h` at most, or let the user itself assume the role; `exec` renews what ends";
            return Err(Failure::new(format!("a session of a role assumes `{role}`, for an hour at most, and {} is asked for", length(asked)), hint));
        }
        Ok(())
    }

    fn request(&self, role: &str, wanted: &Wanted, caller: &str, begins: bool, last: bool) -> AssumeRole {
        let Asked { session_name, external_id, duration, source_identity, tags, transitive, profile: _, mfa_serial: _, mfa_process: _, paths: _ } = &self.args;
        let own = Some(wanted.terms.session_name.clone()).filter(|name| !name.is_empty());
        AssumeRole {
            role: role.to_owned(),
            session_name: session_name.clone().or(own).unwrap_or_else(|| name_of(caller)),
            external_id: external_id.clone().filter(|_| last).or_else(|| wanted.terms.external_id.clone()),
            seconds: duration.filter(|_| last).and_then(|seconds| i32::try_from(seconds).ok()),
            mfa: None,
            // It stays through chains, and can't be set twice.
            source_identity: source_identity.clone().or_else(|| wanted.terms.source_identity.clone()).filter(|_| begins),
            tags: if last { tags.iter().cloned().collect() } else { std::collections::BTreeMap::new() },
            transitive: if last { transitive.iter().cloned().collect() } else { std::collections::BTreeSet::new() },
            policy: self.policy.as_ref().filter(|_| last).map(crossrole_policy::Document::to_json),
            policy_arns: Vec::new(),
        }
    }

    /// A digest of everything that makes a session: this one, with the second factor of this device where one was named.
    fn name_with(&self, device: Option<&str>) -> String {
        self.name_of(&Of::Role(device))
    }

    fn name_of(&self, of: &Of<'_>) -> String {
        let Asked { profile, external_id, session_name, duration, mfa_serial: _, mfa_process: _, source_identity, tags, transitive, paths: _ } = &self.args;
        let from = json!([surroundings(profile.as_deref()), profile, self.desired().partition.as_str()]);
        let all = match of {
            Of::Factor(serial) => json!(["factor", from, serial]),
            Of::Role(device) => {
                let trusts: Vec<Option<String>> = self.via.iter().chain([&self.role]).map(|role| trust(&self.estate, role)).collect();
                let policy = self.policy.as_ref().map(crossrole_policy::Document::to_json);
                let typed = json!([external_id, session_name, duration, device, source_identity, tags, transitive]);
                json!(["session", from, self.role, self.via, trusts, policy, typed])
            }
        };
        Digest::of(all.to_string().as_bytes()).to_string()
    }
}

fn trust(estate: &Estate, role: &str) -> Option<String> {
    Some(estate.roles.get(role)?.policy.as_ref()?.document.to_json())
}

fn is_session(arn: &str) -> bool {
    arn.contains(":assumed-role/")
}

/// The name of whoever asks, in letters of a session's name.
fn name_of(caller: &str) -> String {
    let name = caller.rsplit_once('/').map(|(_, name)| name).unwrap_or_default();
    let letters = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(letters).take(64).collect();
    if name.len() < 2 { "crossrole".to_owned() } else { name }
}

/// Variables that say whose credentials are used, and who answers; names that end with `_` stand for all that begin so.
const SOURCES: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_CONTAINER_",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_",
    "AWS_ROLE_",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
];

/// A digest of all that says whose credentials these are: AWS's variables, and AWS's files.
fn surroundings(profile: Option<&str>) -> String {
    // Of the profile that the environment names, another one makes nothing.
    let names = |name: &str| {
        SOURCES.iter().any(|known| name == *known || known.ends_with('_') && name.starts_with(known)) || profile.is_none() && name.ends_with("_PROFILE")
    };
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    let variables = std::env::vars_os().map(|(name, value)| (text(name), text(value)));
    let mut variables: Vec<(String, String)> = variables.filter(|(name, _)| name.starts_with("AWS_") && names(name)).collect();
    variables.sort();
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let files = [("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")];
    let files: Vec<Option<String>> = files
        .iter()
        .map(|(name, usual)| {
            let path = std::env::var_os(name).map_or_else(|| home.join(".aws").join(usual), PathBuf::from);
            let known = std::fs::metadata(&path).ok().filter(|known| known.is_file() && known.len() <= SMALL as u64)?;
            let bytes = std::fs::read(path).ok().filter(|_| known.is_file())?;
            Some(Digest::of(&bytes).to_string())
        })
        .collect();
    Digest::of(json!([variables, files]).to_string().as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn a_session_is_named_after_whoever_asks() {
        assert_eq!(name_of("arn:aws:iam::111111111111:user/team/ann"), "ann");
        assert_eq!(name_of("arn:aws:sts::111111111111:assumed-role/R/ann@example.com"), "ann@example.com");
        assert_eq!(name_of("arn:aws:iam::111111111111:user/a b:c"), "a-b-c");
        assert_eq!(name_of("arn:aws:iam::111111111111:root"), "crossrole");
        assert_eq!(name_of("arn:aws:iam::111111111111:user/x"), "crossrole");
    }
}
