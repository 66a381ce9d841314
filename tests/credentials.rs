//! Where credentials come from, as a process of its own: profiles, processes, devices, files.

use std::time::{Duration, Instant};

use crossrole_sandbox::Options;

use crate::process::{command, serve};
use crate::support::{Credentials, Place, root};

const ONE: &str = "name = \"one\"\n\n[trusting]\naccount = \"222222222222\"\n\n[roles.One]\n\n[[roles.One.trust]]\nservice = \"lambda.amazonaws.com\"\n";

/// A place for files of one test.
pub(crate) fn folder(name: &str) -> std::path::PathBuf {
    let folder = root().join(format!("target/test-manifests/{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("one.toml"), ONE).unwrap();
    std::fs::write(folder.join("crossrole.toml"), "[accounts.\"222222222222\"]\nprofile = \"runner\"\n").unwrap();
    folder
}

/// Plans from there, with these shared files and variables; exit code, and all that was said.
fn plan(folder: &std::path::Path, profiles: &str, variables: &[(&str, &str)]) -> (i32, String) {
    std::fs::write(folder.join("config"), profiles).unwrap();
    let mut command = command(&["plan", "--timeout", "3", "one.toml"]);
    command.current_dir(folder).env("AWS_CONFIG_FILE", folder.join("config")).envs(variables.iter().copied()).stdin(std::process::Stdio::null());
    let output = command.output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

/// Tells whether a process is there.
#[cfg(unix)]
pub(crate) fn alive(pid: &str) -> bool {
    std::process::Command::new("kill").args(["-0", pid.trim()]).stderr(std::process::Stdio::null()).status().unwrap().success()
}

#[cfg(unix)]
#[test]
fn a_hanging_process_is_named_and_leaves_nothing_behind() {
    let folder = folder("hanging-process");
    let pids = folder.join("pids");
    // What it starts would hold its output open, too.
    let line = format!("sh -c 'echo $$ >{0}; sleep 600 & echo $! >>{0}; sleep 600'", pids.display());
    let begun = Instant::now();
    let (code, said) = plan(&folder, &format!("[profile runner]\ncredential_process = {line}\n"), &[]);
    assert!(code == 1 && said.contains("the `credential_process` of profile `runner` gave nothing in 3 s, and was ended"), "{said}");
    assert!(begun.elapsed() < Duration::from_secs(15) && !said.contains("network"), "{:?} {said}", begun.elapsed());
    let pids = std::fs::read_to_string(pids).unwrap();
    assert_eq!(pids.lines().count(), 2);
    // The kernel may take a moment to bury them.
    let ended = Instant::now();
    while pids.lines().any(alive) {
        assert!(ended.elapsed() < Duration::from_secs(10), "left behind: {pids}");
        std::thread::yield_now();
    }
}

#[test]
fn credentials_that_are_not_there_say_which() {
    let folder = folder("no-credentials");
    let endpoint = ("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    let cases = [
        ("[profile other]\nregion = us-east-1\n", "profile `runner`: it is not in the shared files of AWS"),
        ("[profile runner]\ncredential_process = exit 7\n", "the `credential_process` of profile `runner` failed (exit status: 7)"),
        ("[profile runner]\ncredential_process = echo no; true\n", "the `credential_process` of profile `runner` printed something else"),
        (
            "[profile runner]\nrole_arn = arn:aws:iam::222222222222:role/R\nmfa_serial = arn:aws:iam::222222222222:mfa/ann\nsource_profile = base\n\n\
             [profile base]\naws_access_key_id = AKIA\naws_secret_access_key = x\n",
            "profile `runner` wants the code of `arn:aws:iam::222222222222:mfa/ann`, and nobody is there to type it",
        ),
        (
            "[profile runner]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\nsso_account_id = 222222222222\nsso_role_name = A\n",
            "has nobody signed in (No such file or directory (os error 2)): run `aws sso login --profile runner`",
        ),
        (
            "[profile runner]\nsso_session = s\nsso_account_id = 222222222222\nsso_role_name = A\n\n[sso-session s]\nsso_region = us-east-1\n\
             sso_start_url = https://example.awsapps.com/start\n",
            "run `aws sso login --profile runner`",
        ),
        ("[profile runner]\nlogin_session = arn:aws:iam::222222222222:user/ann\n", "run `aws login --profile runner`"),
        (
            "[profile runner]\nrole_arn = arn:aws:iam::222222222222:role/R\nweb_identity_token_file = /nonexistent/token\n",
            "`web_identity_token_file` of profile `runner` is `/nonexistent/token`, which can't be read: No such file",
        ),
        ("[profile runner]\nregion = us-east-1\n", "profile `runner`: it does not say where its credentials come from"),
        (
            "[profile runner]\nrole_arn = arn:aws:iam::222222222222:role/R\nsource_profile = runner\n",
            "profile `runner`: it is its own `source_profile`, and has no keys",
        ),
        ("[profile runner]\nrole_arn = arn:aws:iam::222222222222:role/R\nsource_profile = gone\n", "profile `gone`: it is not in the shared files of AWS"),
        ("[profile runner]\naws_access_key_id = AKIA\n", "missing aws_secret_access_key"),
    ];
    for (profiles, words) in cases {
        let home = folder.display().to_string();
        let (code, said) = plan(&folder, profiles, &[endpoint, ("HOME", &home)]);
        assert!(code == 1 && said.contains(words), "{words}: {said}");
    }
    std::fs::remove_file(folder.join("crossrole.toml")).unwrap();
    let (code, said) = plan(&folder, "", &[endpoint]);
    assert!(code == 1 && said.contains("credentials in account 222222222222: none were found: not in the environment, not in a profile"), "{said}");
    let token = [endpoint, ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token"), ("AWS_ROLE_ARN", "arn:aws:iam::222222222222:role/R")];
    let (code, said) = plan(&folder, "", &token);
    assert!(code == 1 && said.contains("`AWS_WEB_IDENTITY_TOKEN_FILE` is `/nonexistent/token`, which can't be read"), "{said}");
}

/// A user of an account, its keys, and a role that lets in only whoever shows a code.
pub(crate) async fn with_device() -> (Place, Credentials) {
    let place = Place::new(Options::default());
    let user = [("UserName", "ann")];
    let anybody = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}"#;
    let assume = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    place.iam("222222222222", "CreateUser", &user).await;
    place.iam("222222222222", "PutUserPolicy", &[user[0], ("PolicyName", "assume"), ("PolicyDocument", assume)]).await;
    place.iam("222222222222", "CreateRole", &[("RoleName", "R"), ("AssumeRolePolicyDocument", anybody)]).await;
    place.iam("222222222222", "AttachRolePolicy", &[("RoleName", "R"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
    let keys = Credentials::of(&place.iam("222222222222", "CreateAccessKey", &user).await);
    (place, keys)
}

/// The same, served.
pub(crate) fn served(place: &Place, folder: &std::path::Path) -> crate::process::Server {
    let state = folder.join("state.json");
    place.sandbox.save(&state).unwrap();
    serve(&["--sandbox-state", &state.display().to_string()])
}

/// Profile `runner`, which assumes that role with those keys and more.
pub(crate) fn runner(keys: &Credentials, more: &str) -> String {
    format!(
        "[profile runner]\nrole_arn = arn:aws:iam::222222222222:role/R\nsource_profile = base\n{more}\n\n[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = us-east-1\n",
        keys.key, keys.secret
    )
}

/// A profile that knows where codes come from.
#[tokio::test]
async fn a_profile_with_a_device_reaches_the_account() {
    let folder = folder("mfa");
    let (place, keys) = with_device().await;
    let server = served(&place, &folder);
    let counted = folder.join("asked");
    let endpoint = [("AWS_ENDPOINT_URL", server.address.as_str())];
    let device = format!("mfa_serial = arn:aws:iam::222222222222:mfa/ann\nmfa_process = echo asked >>{}; echo 123456", counted.display());
    let (code, said) = plan(&folder, &runner(&keys, &device), &endpoint);
    assert!(code == 0 && said.contains("Plan: 1 to add"), "{said}");
    assert_eq!(std::fs::read_to_string(&counted).unwrap(), "asked\n", "a code is good for one use");
    assert!(!said.contains(&keys.secret) && !said.contains("123456"), "{said}");
}

/// A role that does not let the runner in: the account, the role, what STS says, and what to do about that, whoever names it.
#[tokio::test]
async fn a_role_that_is_refused_is_named() {
    let folder = folder("refused");
    let (place, keys) = with_device().await;
    let server = served(&place, &folder);
    let role = "arn:aws:iam::222222222222:role/R";
    let by_settings = format!("[accounts.\"222222222222\"]\nprofile = \"base\"\nrole_arn = \"{role}\"\nexternal_id = \"runner-4711\"\n");
    let by_profile = "[accounts.\"222222222222\"]\nprofile = \"runner\"\n".to_owned();
    let by_environment = by_profile.replace("runner", "from-environment");
    let more = format!("\n[profile from-environment]\nrole_arn = {role}\ncredential_source = Environment\n");
    for (settings, profile) in [(by_settings, ""), (by_profile, " for profile `runner`"), (by_environment, " for profile `from-environment`")] {
        std::fs::write(folder.join("crossrole.toml"), settings).unwrap();
        let variables =
            [("AWS_ENDPOINT_URL", server.address.as_str()), ("AWS_ACCESS_KEY_ID", keys.key.as_str()), ("AWS_SECRET_ACCESS_KEY", keys.secret.as_str())];
        let (code, said) = plan(&folder, &(runner(&keys, "") + &more), &variables);
        let wanted = format!(
            "it could not be read: AssumeRole of {role}{profile} in account 222222222222: AccessDenied: User: arn:aws:iam::222222222222:user/ann is not authorized to perform: sts:AssumeRole on resource: {role}"
        );
        assert!(code == 1 && said.contains(&wanted), "{said}");
        assert!(said.contains("that role has to let in whoever asks") && !said.contains("aws sso login"), "{said}");
        assert!(!said.contains("Error {") && !said.contains("runner-4711") && !said.contains(&keys.secret), "{said}");
    }
}

/// STS does not answer.
#[test]
fn a_role_that_nobody_gives_is_not_waited_for_long() {
    let folder = folder("silent");
    let keys = [("AWS_ACCESS_KEY_ID", "222222222222"), ("AWS_SECRET_ACCESS_KEY", "x")];
    let token = folder.join("token").display().to_string();
    std::fs::write(&token, "any").unwrap();
    let pipeline = [("AWS_WEB_IDENTITY_TOKEN_FILE", token.as_str()), ("AWS_ROLE_ARN", "arn:aws:iam::222222222222:role/R")];
    let by_profile = "[accounts.\"222222222222\"]\nprofile = \"runner\"\n";
    let assumed = "[profile runner]\nrole_arn = arn:aws:iam::222222222222:role/R\ncredential_source = Environment\n";
    let with_token = assumed.replace("credential_source = Environment", &format!("web_identity_token_file = {token}"));
    for (operation, settings, profiles, variables) in [
        ("AssumeRole", "[accounts.\"222222222222\"]\nrole_arn = \"arn:aws:iam::222222222222:role/R\"\n", "", keys),
        ("AssumeRole", by_profile, assumed, keys),
        ("AssumeRoleWithWebIdentity", "", "", pipeline),
        ("AssumeRoleWithWebIdentity", by_profile, &with_token, pipeline),
    ] {
        std::fs::write(folder.join("crossrole.toml"), settings).unwrap();
        let (address, _told) = crate::signals::stalling(operation);
        let begun = Instant::now();
        let (code, said) = plan(&folder, profiles, &[&variables[..], &[("AWS_ENDPOINT_URL", &address)]].concat());
        assert!(code == 1 && said.contains("gave no answer in 3 seconds") && said.contains("check the network between here and AWS"), "{said}");
        assert!(begun.elapsed() < Duration::from_secs(15) && !said.contains("may have been done"), "{:?} {said}", begun.elapsed());
    }
}

/// `aws login`: the session that it keeps is used while it lasts.
#[tokio::test]
async fn a_profile_with_a_login_session_reaches_the_account() {
    let folder = folder("login");
    let (place, keys) = with_device().await;
    let open = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("222222222222", "UpdateAssumeRolePolicy", &[("RoleName", "R"), ("PolicyDocument", open)]).await;
    let assume = [("RoleArn", "arn:aws:iam::222222222222:role/R"), ("RoleSessionName", "ann")];
    let (status, answer) = place.query_as(&keys, "sts", "AssumeRole", &assume).await;
    assert_eq!(status, 200, "{answer}");
    let session = Credentials::of(&answer);
    let server = served(&place, &folder);
    let arn = "arn:aws:iam::222222222222:user/ann";
    let cache = folder.join("cache");
    std::fs::create_dir_all(&cache).unwrap();
    // Where the AWS CLI keeps it: a file named after the session.
    let file = cache.join(crossrole_sandbox::testing::sha256_hex(arn.as_bytes()) + ".json");
    let keep = |expires: &str| {
        let token = serde_json::json!({
            "accessToken": {
                "accessKeyId": session.key, "secretAccessKey": session.secret, "sessionToken": session.token,
                "accountId": "222222222222", "expiresAt": expires,
            },
            "tokenType": "aws_sigv4", "refreshToken": "none", "idToken": "none", "clientId": "arn:aws:signin:::devtools/same-device",
            "dpopKey": "-----BEGIN EC PRIVATE KEY-----\nnone\n-----END EC PRIVATE KEY-----\n",
        });
        std::fs::write(&file, token.to_string()).unwrap();
    };
    let profiles = format!("[profile runner]\nlogin_session = {arn}\nregion = us-east-1\n");
    let cache = cache.display().to_string();
    let variables = [("AWS_ENDPOINT_URL", server.address.as_str()), ("AWS_LOGIN_CACHE_DIRECTORY", cache.as_str())];
    keep("2099-01-01T00:00:00Z");
    let (code, said) = plan(&folder, &profiles, &variables);
    assert!(code == 0 && said.contains("Plan: 1 to add") && !said.contains(&session.secret), "{said}");
    keep("2020-01-01T00:00:00Z");
    let (code, said) = plan(&folder, &profiles, &variables);
    assert!(code == 1 && said.contains("profile `runner` has nobody signed in (") && said.contains("run `aws login --profile runner`"), "{said}");
    assert!(!said.contains(&session.secret), "{said}");
}
