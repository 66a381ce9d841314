//! Where credentials come from, as a process of its own: profiles, processes, devices, files.

use std::time::{Duration, Instant};

use crossrole_sandbox::Options;

use crate::process::{command, serve};
use crate::support::{Credentials, Place, root};

const ONE: &str = "name = \"one\"\n\n[trusting]\naccount = \"222222222222\"\n\n[roles.One]\n\n[[roles.One.trust]]\nservice = \"lambda.amazonaws.com\"\n";

/// A place for files of one test.
fn folder(name: &str) -> std::path::PathBuf {
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
    ];
    for (profiles, words) in cases {
        let (code, said) = plan(&folder, profiles, &[endpoint]);
        assert!(code == 1 && said.contains(words), "{words}: {said}");
    }
    std::fs::remove_file(folder.join("crossrole.toml")).unwrap();
    let (code, said) = plan(&folder, "", &[endpoint]);
    assert!(code == 1 && said.contains("credentials in account 222222222222: none were found: not in the environment, not in a profile"), "{said}");
    let token = [endpoint, ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nonexistent/token"), ("AWS_ROLE_ARN", "arn:aws:iam::222222222222:role/R")];
    let (code, said) = plan(&folder, "", &token);
    assert!(code == 1 && said.contains("`AWS_WEB_IDENTITY_TOKEN_FILE` is `/nonexistent/token`, which can't be read"), "{said}");
}

/// A role that lets in only whoever shows a code, and a profile that knows where codes come from.
#[tokio::test]
async fn a_profile_with_a_device_reaches_the_account() {
    let folder = folder("mfa");
    let place = Place::new(Options::default());
    let user = [("UserName", "ann")];
    let anybody = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}"#;
    let assume = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    place.iam("222222222222", "CreateUser", &user).await;
    place.iam("222222222222", "PutUserPolicy", &[user[0], ("PolicyName", "assume"), ("PolicyDocument", assume)]).await;
    place.iam("222222222222", "CreateRole", &[("RoleName", "R"), ("AssumeRolePolicyDocument", anybody)]).await;
    place.iam("222222222222", "AttachRolePolicy", &[("RoleName", "R"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
    let keys = Credentials::of(&place.iam("222222222222", "CreateAccessKey", &user).await);
    let state = folder.join("state.json");
    place.sandbox.save(&state).unwrap();
    let server = serve(&["--sandbox-state", &state.display().to_string()]);
    let counted = folder.join("asked");
    let profiles = |more: &str| {
        format!(
            "[profile runner]\nrole_arn = arn:aws:iam::222222222222:role/R\nsource_profile = base\n{more}\n\n[profile base]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = us-east-1\n",
            keys.key, keys.secret
        )
    };
    let endpoint = [("AWS_ENDPOINT_URL", server.address.as_str())];
    let device = format!("mfa_serial = arn:aws:iam::222222222222:mfa/ann\nmfa_process = echo asked >>{}; echo 123456", counted.display());
    let (code, said) = plan(&folder, &profiles(&device), &endpoint);
    assert!(code == 0 && said.contains("Plan: 1 to add"), "{said}");
    assert_eq!(std::fs::read_to_string(&counted).unwrap(), "asked\n", "a code is good for one use");
    assert!(!said.contains(&keys.secret) && !said.contains("123456"), "{said}");
    // Without the device it is what it was.
    let (code, said) = plan(&folder, &profiles(""), &endpoint);
    assert!(code == 1 && said.contains("AssumeRole: AccessDenied"), "{said}");
}
