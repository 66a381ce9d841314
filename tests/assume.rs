//! Temporary credentials: `assume`, `exec`, `credentials`, `profile`, `console`. In this process, and as processes of their own where the
//! environment, files and signals are what matters.

#[cfg(unix)]
mod running;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::Value;

use crate::process::{Server, command, serve};
use crate::support::{Credentials, Place, manifest, root};

const USE: &str = r#"
name = "use"

[trusting]
account = "222222222222"

[trusted.dev]
account = "111111111111"

[trusted.dev.users.mate]
[trusted.dev.users.other]

[buckets.use-logs]

[roles.Reader]
max_session = "2h"
[[roles.Reader.trust]]
user = "dev/mate"
external_id = "use-4711"
[[roles.Reader.allow]]
bucket = "use-logs"
access = "read"

[roles.Guarded]
[[roles.Guarded.trust]]
user = "dev/mate"
mfa = true
[[roles.Guarded.allow]]
bucket = "use-logs"
access = "read"

[roles.Next]
max_session = "4h"
[[roles.Next.trust]]
role = "trusting/Reader"
[[roles.Next.allow]]
bucket = "use-logs"
access = "read"

[sessions.Team]
[[sessions.Team.allow]]
bucket = "use-logs"
access = "read"
prefix = "team/"
"#;

const READER: &str = "arn:aws:iam::222222222222:role/Reader";

/// All of it, applied, with two objects.
async fn applied(options: Options) -> (Place, String) {
    let place = Place::new(options);
    assert_eq!(place.s3("222222222222", "PUT", "/use-logs", "", "").await.0, 200);
    for key in ["team/a", "else/b"] {
        assert_eq!(place.s3("222222222222", "PUT", &format!("/use-logs/{key}"), "", "hello").await.0, 200);
    }
    let path = manifest("use", USE);
    place.good(&["apply", "--auto-approve", &path]).await;
    (place, path)
}

fn of_json(text: &str) -> Credentials {
    let value: Value = serde_json::from_str(text).unwrap();
    let text = |name: &str| value[name].as_str().unwrap().to_owned();
    Credentials { key: text("AWS_ACCESS_KEY_ID"), secret: text("AWS_SECRET_ACCESS_KEY"), token: text("AWS_SESSION_TOKEN"), extra: Vec::new() }
}

async fn status(place: &Place, who: &Credentials, method: &str, path: &str, query: &str) -> u16 {
    place.s3_as(who, "us-east-1", method, path, query, &[], "").await.0
}

#[tokio::test]
async fn credentials_of_a_role_are_printed_and_do_what_the_role_may() {
    let (place, path) = applied(Options::default()).await;
    let words = ["assume", "Reader", &path, "--sandbox", "--as", "dev/user/mate"];
    let said = place.run(&[&words[..], &["--format", "json"]].concat()).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
    let who = of_json(&said.out);
    assert_eq!(status(&place, &who, "GET", "/use-logs", "list-type=2").await, 200);
    assert_eq!(status(&place, &who, "GET", "/use-logs/team/a", "").await, 200);
    assert_eq!(status(&place, &who, "PUT", "/use-logs/team/a", "").await, 403, "a denied action is denied");
    let secrets = place.sandbox.secrets();
    assert!(secrets.contains(&who.secret) && !secrets.iter().any(|secret| said.err.contains(secret)), "{}", said.err);
    assert!(!said.err.contains("use-4711") && !said.err.contains(&who.key), "{}", said.err);
    assert!(said.err.contains("credentials of arn:aws:iam::111111111111:user/mate (account 111111111111, `dev`)"), "{}", said.err);
    assert!(said.err.contains("arn:aws:sts::222222222222:assumed-role/Reader/mate, until 20"), "{}", said.err);
    let exports = |format: &'static str| {
        let words = [&words[..], &["--format", format]].concat();
        let place = &place;
        async move { place.run(&words).await.out }
    };
    assert!(exports("bash").await.lines().all(|line| line.starts_with("export AWS_") && line.ends_with('\'')));
    assert!(exports("fish").await.lines().all(|line| line.starts_with("set -gx AWS_")));
    assert!(exports("powershell").await.lines().all(|line| line.starts_with("$Env:AWS_")));
    assert!(exports("dotenv").await.lines().all(|line| line.starts_with("AWS_") && line.ends_with('\'')));
    let printed = place.run(&[&["credentials"], &words[1..]].concat()).await;
    let value: Value = serde_json::from_str(&printed.out).unwrap();
    assert_eq!((&value["Version"], printed.err.as_str()), (&serde_json::json!(1), ""));
    assert!(value["Expiration"].as_str().is_some_and(|at| at.len() == 20 && at.ends_with('Z')), "{value}");
}

#[tokio::test]
async fn whoever_is_refused_hears_who_asked_for_what() {
    let (place, path) = applied(Options::default()).await;
    let base = ["assume", "Reader", &path, "--sandbox"];
    let said = |more: &'static [&'static str]| {
        let words = [&base[..], more].concat();
        let place = &place;
        async move { place.run(&words).await }
    };
    let other = said(&["--as", "dev/user/other", "--external-id", "wrong-4712"]).await;
    assert_eq!((other.exit, other.out.as_str()), (Exit::Failed, ""));
    let wanted = [
        "the manifests do not let it assume that role; AWS is asked all the same",
        "error: `arn:aws:iam::111111111111:user/other`",
        "may not assume `arn:aws:iam::222222222222:role/Reader`",
        "with external id `****`",
        "for an hour",
        "`crossrole doctor --principal arn:aws:iam::111111111111:user/other --action sts:AssumeRole --resource arn:aws:iam::222222222222:role/Reader --external-id ID --context sts:RoleSessionName=",
        "says which condition is not met, with the external id that was sent in the place of ID",
    ];
    for words in wanted {
        assert!(other.err.contains(words), "{words}: {}", other.err);
    }
    assert!(!other.err.contains("4712") && !other.err.contains("4711"), "{}", other.err);
    let more =
        said(&["--as", "dev/user/other", "--external-id", "wrong-4712", "--tag", "team=blue or so", "--source-identity", "other", "--duration", "30m"]).await;
    let wanted = " --duration 1800 --context sts:RoleSessionName=";
    let rest = " --source-identity --context sts:SourceIdentity=other --session-tags --context 'aws:RequestTag/team=blue or so'`";
    assert!(more.err.contains(wanted) && more.err.contains(rest) && !more.err.contains("4712"), "{}", more.err);
    let nobody = said(&[]).await;
    assert!(nobody.err.contains("in the embedded AWS nobody is signed in") && nobody.err.contains("--as"), "{}", nobody.err);
    let ghost = said(&["--as", "dev/user/ghost"]).await;
    assert!(ghost.err.contains("is nobody in the embedded AWS"), "{}", ghost.err);
    let misspelt = place.run(&["assume", "Raeder", &path, "--sandbox", "--as", "dev/user/mate"]).await;
    assert!(misspelt.err.contains("no manifest declares a role `Raeder`") && misspelt.err.contains("did you mean `Reader`?"), "{}", misspelt.err);
    let tags = said(&["--as", "dev/user/mate", "--tag", "a=1", "--tag", "A=2", "--transitive", "b"]).await;
    assert!(tags.err.contains("is given twice") && tags.err.contains("names no tag that is given"), "{}", tags.err);
    place.assert_no_secret();
}

/// What AWS would refuse for how long it lasts is said before a role is asked for.
#[tokio::test]
async fn limits_of_a_session_are_said_beforehand() {
    let (place, path) = applied(Options::default()).await;
    place.sandbox.take_calls();
    let direct = place.run(&["assume", "Reader", &path, "--sandbox", "--as", "dev/user/mate", "--duration", "3h"]).await;
    assert!(direct.exit == Exit::Failed && direct.err.contains("last 2h at most, and 3h is asked for"), "{}", direct.err);
    let chain = ["assume", "Next", &path, "--sandbox", "--as", "dev/user/mate", "--via", "Reader"];
    let chained = place.run(&[&chain[..], &["--duration", "2h"]].concat()).await;
    assert!(chained.exit == Exit::Failed && chained.err.contains("for an hour at most, and 2h is asked for"), "{}", chained.err);
    assert!(!place.sandbox.take_calls().keys().any(|(_, operation)| operation == "AssumeRole"));
    let said = place.run(&[&chain[..], &["--format", "json"]].concat()).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
    assert!(said.err.contains("it lasts an hour at most") && said.err.contains("assumed-role/Next/mate"), "{}", said.err);
    assert_eq!(status(&place, &of_json(&said.out), "GET", "/use-logs/team/a", "").await, 200);
    let short = place.run(&["assume", "Reader", &path, "--sandbox", "--as", "dev/user/mate", "--duration", "5m"]).await;
    assert!(short.exit == Exit::Failed && short.err.contains("from `15m` to `12h`"), "{}", short.err);
}

#[tokio::test]
async fn a_role_with_a_second_factor_wants_one() {
    let (place, path) = applied(Options::default()).await;
    let words = ["assume", "Guarded", &path, "--sandbox", "--as", "dev/user/mate"];
    assert_eq!(place.run(&words).await.exit, Exit::Failed);
    assert_eq!(place.run(&[&words[..], &["--as-mfa"]].concat()).await.exit, Exit::Clean);
}

#[tokio::test]
async fn a_session_of_the_manifest_has_less_and_says_what() {
    let (place, path) = applied(Options::default()).await;
    let words = ["assume", "Reader", &path, "--sandbox", "--as", "dev/user/mate", "--format", "json", "--session"];
    let said = place.run(&[&words[..], &["Team"]].concat()).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
    let shown: Vec<&str> = said.err.lines().filter(|line| line.starts_with("by its session") || line.starts_with("  ")).collect();
    insta::assert_snapshot!("assume_session", shown.join("\n"));
    // A role with a boundary loses the same.
    let edge = "[policies.Edge]\n[[policies.Edge.allow]]\nbucket = \"use-logs\"\naccess = \"read\"\n";
    let text = USE.replace("max_session = \"2h\"", "max_session = \"2h\"\npermissions_boundary = \"arn:aws:iam::222222222222:policy/Edge\"");
    let bounded = manifest("use-bounded", &format!("{text}{edge}"));
    let bounded = place.run(&["assume", "Reader", &bounded, "--sandbox", "--as", "dev/user/mate", "--format", "json", "--session", "Team"]).await;
    assert!(bounded.err.contains("by its session policy:") && !bounded.err.contains("may do all that its role may"), "{}", bounded.err);
    let who = of_json(&said.out);
    assert_eq!(status(&place, &who, "GET", "/use-logs/team/a", "").await, 200);
    assert_eq!(status(&place, &who, "GET", "/use-logs/else/b", "").await, 403);
    let unknown = place.run(&[&words[..], &["Crew"]].concat()).await;
    assert!(unknown.err.contains("no manifest declares a session `Crew`") && unknown.err.contains("there is `Team`"), "{}", unknown.err);
}

/// What goes with a session decides what it may do, and stays where it was told to.
#[tokio::test]
async fn tags_and_a_source_identity_go_along() {
    let text = r#"
name = "use-tags"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[trusted.dev.users.mate]
[buckets.use-tags]
create = true
[roles.Tagged]
[[roles.Tagged.trust]]
user = "dev/mate"
session_tags = true
source_identity = true
[[roles.Tagged.allow]]
actions = "s3:ListBucket"
resources = "arn:aws:s3:::use-tags"
conditions = { StringEquals = { "aws:PrincipalTag/team" = "data", "aws:SourceIdentity" = "ann" } }
"#;
    let place = Place::new(Options::default());
    let path = manifest("use-tags", text);
    place.good(&["apply", "--auto-approve", &path]).await;
    let words = ["assume", "Tagged", &path, "--sandbox", "--as", "dev/user/mate", "--format", "json"];
    for (more, code) in [
        (&["--tag", "team=data", "--transitive", "team", "--source-identity", "ann"][..], 200),
        (&["--tag", "team=other", "--source-identity", "ann"], 403),
        (&["--tag", "team=data"], 403),
        (&[], 403),
    ] {
        let said = place.run(&[&words[..], more].concat()).await;
        assert_eq!(said.exit, Exit::Clean, "{}", said.err);
        assert_eq!(status(&place, &of_json(&said.out), "GET", "/use-tags", "list-type=2").await, code, "{more:?}");
    }
}

#[tokio::test]
async fn the_roles_that_somebody_may_assume_are_listed() {
    let (place, path) = applied(Options::default()).await;
    let anybody = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("333333333333", "CreateRole", &[("RoleName", "Elsewhere"), ("AssumeRolePolicyDocument", anybody)]).await;
    let words = ["assume", "--list", &path, "--sandbox", "--as", "dev/user/mate"];
    let said = place.run(&words).await;
    insta::assert_snapshot!("assume_list_blind", format!("{}{}", said.out, said.err));
    // Once it may read its own policies, they are counted in.
    let reads = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"},{"Effect":"Allow","Action":"sts:AssumeRole","Resource":["arn:aws:iam::333333333333:role/Elsewhere","arn:aws:iam::444444444444:role/ops-*"]}]}"#;
    place.iam("111111111111", "PutUserPolicy", &[("UserName", "mate"), ("PolicyName", "reads"), ("PolicyDocument", reads)]).await;
    // IAM answers sessions of users with a second factor alone (AWS STS API Reference, GetSessionToken).
    let said = place.run(&[&words[..], &["--as-mfa"]].concat()).await;
    insta::assert_snapshot!("assume_list", format!("{}{}", said.out, said.err));
}

#[tokio::test]
async fn the_console_is_reached_by_a_link() {
    let (place, path) = applied(Options::default()).await;
    let words = ["console", "Reader", &path, "--sandbox", "--as", "dev/user/mate", "--print", "--destination", "s3"];
    let said = place.run(&words).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
    let begins = "https://signin.aws.amazon.com/federation?Action=login&Issuer=crossrole&Destination=https%3A%2F%2Fconsole%2Eaws%2Eamazon%2Ecom%2Fs3%2Fhome&SigninToken=";
    assert!(said.out.strip_prefix(begins).is_some_and(|token| token.trim().len() >= 100), "{}", said.out);
    place.assert_no_secret();
    let elsewhere = place.run(&[&words[..7], &["--destination", "s3/../x"]].concat()).await;
    assert!(elsewhere.exit == Exit::Failed && elsewhere.err.contains("a service is written as in `s3`"), "{}", elsewhere.err);
}

/// A user with keys of its own, against a server.
struct Desk {
    folder: PathBuf,
    path: String,
    server: Server,
    keys: Credentials,
}

impl Desk {
    async fn new(name: &str, words: &[&str]) -> Self {
        let (place, path) = applied(Options::default()).await;
        Self::of(&place, path, name, words).await
    }

    async fn of(place: &Place, path: String, name: &str, words: &[&str]) -> Self {
        Self::with(place, path, name, words, &|_| {}).await
    }

    /// `edit`: of the embedded AWS, before it is served.
    async fn with(place: &Place, path: String, name: &str, words: &[&str], edit: &dyn Fn(&mut Value)) -> Self {
        let keys = Credentials::of(&place.iam("111111111111", "CreateAccessKey", &[("UserName", "mate")]).await);
        let folder = root().join(format!("target/test-manifests/use-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let state = folder.join("state.json").display().to_string();
        place.sandbox.save(Path::new(&state)).unwrap();
        let mut value: Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
        edit(&mut value);
        std::fs::write(&state, value.to_string()).unwrap();
        let server = serve(&[&["--sandbox-state", &state], words].concat());
        Self { folder, path, server, keys }
    }

    fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = command(words);
        command
            .env("AWS_ENDPOINT_URL", &self.server.address)
            .env("AWS_ACCESS_KEY_ID", &self.keys.key)
            .env("AWS_SECRET_ACCESS_KEY", &self.keys.secret)
            .env("XDG_CACHE_HOME", self.folder.join("cache"))
            .env("HOME", &self.folder)
            .env("CROSSROLE_LOG", "trace")
            .stdin(std::process::Stdio::null());
        command
    }

    fn said(&self, words: &[&str]) -> (i32, String, String) {
        let output = self.command(words).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
    }
}

/// Everything that is kept, by name.
fn kept(folder: &Path) -> BTreeMap<PathBuf, String> {
    let files = std::fs::read_dir(folder.join("cache/crossrole/sessions")).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_kept_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;

    let desk = Desk::new("cache", &[]).await;
    let words = ["assume", "Reader", &desk.path, "--format", "json"];
    let (code, first, said) = desk.said(&words);
    assert_eq!(code, 0, "{said}");
    let key = of_json(&first).key;
    let (_, second, said) = desk.said(&words);
    assert!(of_json(&second).key == key && said.contains("kept credentials of arn:aws:sts::222222222222:assumed-role/Reader/mate"), "{said}");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (file, text) = kept(&desk.folder).pop_first().unwrap();
    assert!(mode(&file) == 0o600 && mode(file.parent().unwrap()) == 0o700 && text.contains(&key));
    // Another session is another.
    for more in [&["--session", "Team"][..], &["--session-name", "other"], &["--duration", "30m"], &["--no-cache"]] {
        assert_ne!(of_json(&desk.said(&[&words[..], more].concat()).1).key, key, "{more:?}");
    }
    // Neither of two people is handed the other's.
    let output = desk.command(&words).env("AWS_ACCESS_KEY_ID", "AKIANOBODYNOBODYNOBO").output().unwrap();
    assert!(!output.status.success() && output.stdout.is_empty());
    for open in [0o640, 0o604, 0o700 | 0o066] {
        std::fs::set_permissions(&file, PermissionsExt::from_mode(open)).unwrap();
        let (code, out, said) = desk.said(&words);
        assert!(code == 1 && out.is_empty() && said.contains("kept credentials are not read") && said.contains("is open to others (mode"), "{said}");
        assert!(!said.contains(&key));
    }
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    std::fs::set_permissions(file.parent().unwrap(), PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!(desk.said(&words).0, 1, "nor where others may look into the folder");
    std::fs::set_permissions(file.parent().unwrap(), PermissionsExt::from_mode(0o700)).unwrap();
    let elsewhere = desk.folder.join("elsewhere.json");
    std::fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    assert_eq!(desk.said(&words).0, 1, "nor through a link");
    let (code, _, said) = desk.said(&["assume", "--forget"]);
    assert!(code == 0 && said.contains("sessions were forgotten"), "{said}");
    assert!(kept(&desk.folder).is_empty());
    assert_ne!(of_json(&desk.said(&words).1).key, key);
}

#[tokio::test]
async fn what_is_nearly_over_is_renewed() {
    // As long as that, a session has ended by the time that it is handed out once more.
    let desk = Desk::new("short", &["--session-most", "1"]).await;
    let words = ["assume", "Reader", &desk.path, "--format", "json"];
    let first = of_json(&desk.said(&words).1).key;
    let begun = std::time::Instant::now();
    while of_json(&desk.said(&words).1).key == first {
        assert!(begun.elapsed() < std::time::Duration::from_mins(1), "never renewed");
    }
}

/// Nobody has to know the name of the device: the profile does, or IAM.
#[cfg(unix)]
#[tokio::test]
async fn the_device_is_found() {
    let (place, path) = applied(Options::default()).await;
    let dev = "111111111111";
    let guarded = ["assume", "Guarded", &path, "--format", "json", "--no-cache", "--mfa-process", "echo 123456"];
    let desk = Desk::of(&place, path.clone(), "profile-device", &[]).await;
    let config = desk.folder.join("config");
    let text = |more: &str| format!("[profile mine]\naws_access_key_id = {}\naws_secret_access_key = {}\n{more}", desk.keys.key, desk.keys.secret);
    for (more, good) in [("", false), ("mfa_serial = arn:aws:iam::111111111111:mfa/of-the-profile\n", true)] {
        std::fs::write(&config, text(more)).unwrap();
        let words = [&guarded[..], &["--profile", "mine"]].concat();
        let output = desk.command(&words).env("AWS_CONFIG_FILE", &config).env_remove("AWS_ACCESS_KEY_ID").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), good, "{said}");
        assert!(good || said.contains("the user's devices could not be listed: AccessDenied"), "{said}");
    }
    let list = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListMFADevices","Resource":"arn:aws:iam::111111111111:user/mate"}]}"#;
    place.iam(dev, "PutUserPolicy", &[("UserName", "mate"), ("PolicyName", "devices"), ("PolicyDocument", list)]).await;
    // A user has two keys at most.
    place.iam(dev, "DeleteAccessKey", &[("UserName", "mate"), ("AccessKeyId", &desk.keys.key)]).await;
    let desk = Desk::of(&place, path.clone(), "no-device", &[]).await;
    let (code, _, said) = desk.said(&guarded);
    assert!(code == 1 && said.contains("the user has no device"), "{said}");
    let made = place.iam(dev, "CreateVirtualMFADevice", &[("VirtualMFADeviceName", "phone")]).await;
    let serial = "arn:aws:iam::111111111111:mfa/phone";
    assert!(made.contains(serial), "{made}");
    // What enabling it comes to, without two of its codes.
    let desk = Desk::with(&place, path.clone(), "device", &[], &|state| {
        let devices = state.pointer_mut("/accounts/111111111111/devices").and_then(Value::as_object_mut).unwrap();
        devices[serial]["user"] = "mate".into();
        devices[serial]["enabled"] = "2026-01-01T00:00:00Z".into();
    })
    .await;
    let (code, _, said) = desk.said(&guarded);
    assert!(code == 1 && said.contains(&format!("the code of `{serial}` is not taken")), "{said}");
}

/// The code is typed once: the session that it brings in is kept.
#[cfg(unix)]
#[tokio::test]
async fn a_code_is_asked_for_once() {
    let desk = Desk::new("mfa", &[]).await;
    let counted = desk.folder.join("asked");
    let process = format!("echo asked >>{}; echo 123456", counted.display());
    let serial = "arn:aws:iam::111111111111:mfa/mate";
    let guarded = ["assume", "Guarded", &desk.path, "--format", "json"];
    let (code, _, said) = desk.said(&guarded);
    assert!(
        code == 1 && said.contains("wants a second factor, and these keys have none") && said.contains("--mfa-serial arn:aws:iam::111111111111:mfa/NAME"),
        "{said}"
    );
    let with = ["--mfa-serial", serial, "--mfa-process", &process];
    for more in [&[][..], &["--session-name", "one"], &["--session-name", "two"]] {
        let (code, out, said) = desk.said(&[&guarded[..], &with, more].concat());
        assert_eq!(code, 0, "{said}");
        of_json(&out);
        assert!(!said.contains("123456"), "{said}");
    }
    assert_eq!(std::fs::read_to_string(&counted).unwrap(), "asked\n");
    // Without a terminal of its own: on that, it would ask.
    #[cfg(target_os = "linux")]
    {
        let words = [&guarded[..], &["--mfa-serial", serial, "--no-cache"]].concat();
        let asking = desk.command(&words);
        let mut apart = std::process::Command::new("setsid");
        apart.arg("--wait").arg(asking.get_program()).args(asking.get_args()).stdin(std::process::Stdio::null()).current_dir(&desk.folder);
        for (name, value) in asking.get_envs() {
            match value {
                Some(value) => apart.env(name, value),
                None => apart.env_remove(name),
            };
        }
        let output = apart.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("nobody is there to type the code of"), "{said}");
    }
    let odd = desk.said(&[&guarded[..], &["--no-cache", "--mfa-serial", serial, "--mfa-process", "echo secret-words"]].concat());
    assert!(odd.0 == 1 && odd.2.contains("six digits") && !odd.2.replace("echo secret-words", "").contains("secret-words"), "{}", odd.2);
}
