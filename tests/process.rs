//! The command as a process of its own: what only the environment, the network and signals can do to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::process::{Child, Command, Output, Stdio};

use crossrole_sandbox::Options;

use crate::support::{Credentials, Place, root, scenario};

pub(crate) const BIN: &str = env!("CARGO_BIN_EXE_crossrole");

/// A command with nothing of this place's AWS configuration.
pub(crate) fn command(words: &[&str]) -> Command {
    let mut command = Command::new(BIN);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AWS_")) {
        command.env_remove(name);
    }
    command
        .env("AWS_CONFIG_FILE", "/nonexistent")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_REGION", "us-east-1");
    command.args(words).current_dir(root().join("target"));
    command
}

fn plan_at(endpoint: &str, key: &str) -> Output {
    command(&["plan", &scenario("prod-data")])
        .env("AWS_ENDPOINT_URL", endpoint)
        .env("AWS_ACCESS_KEY_ID", key)
        .env("AWS_SECRET_ACCESS_KEY", "any")
        .output()
        .unwrap()
}

/// The embedded AWS in a process of its own.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn serve(words: &[&str]) -> Server {
    let words = [&["sandbox", "serve", "--listen", "127.0.0.1:0"], words].concat();
    let mut child = command(&words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    Server { child, address: address.trim().to_owned() }
}

#[test]
fn credentials_of_another_account_are_found_out_before_anything_is_read() {
    let server = serve(&[]);
    let output = plan_at(&server.address, "999999999999");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("the credentials belong to account 999999999999 (arn:aws:iam::999999999999:root), not to 222222222222"), "{text}");
    assert!(text.contains("say in `crossrole.toml` how this account is reached"), "{text}");
    assert!(text.contains("Read with 2 calls: 1 to 111111111111, 1 to 222222222222."), "{text}");
}

/// The runner is a user whose keys a `credential_process` hands out. A plan that would lock it out is refused unless told.
#[tokio::test]
async fn a_plan_that_the_runner_could_not_take_back_is_refused() {
    let folder = root().join(format!("target/test-manifests/lockout-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.join(name), text).unwrap();
        folder.join(name).display().to_string()
    };
    let place = Place::new(Options::default());
    let user = [("UserName", "runner")];
    place.iam("222222222222", "CreateUser", &user).await;
    place.iam("222222222222", "AttachUserPolicy", &[user[0], ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
    let key = Credentials::of(&place.iam("222222222222", "CreateAccessKey", &user).await);
    assert_eq!(place.s3("222222222222", "PUT", "/logs", "", "").await.0, 200);
    let state = folder.join("state.json");
    place.sandbox.save(&state).unwrap();
    let json = write("key.json", &format!(r#"{{"Version":1,"AccessKeyId":"{}","SecretAccessKey":"{}"}}"#, key.key, key.secret));
    let profiles = write("config", &format!("[profile runner]\ncredential_process = cat {json}\nregion = us-east-1\n"));
    let settings = write("crossrole.toml", "[accounts.\"222222222222\"]\nprofile = \"runner\"\n");
    let deny = |except: &str| {
        format!(
            "name = \"deny\"\n\n[trusting]\naccount = \"222222222222\"\n\n[buckets.logs]\n\n[[buckets.logs.statement]]\nsid = \"Deny\"\neffect = \"Deny\"\n\
             principals = \"*\"\nactions = \"s3:*\"\nresources = [\"arn:aws:s3:::logs\", \"arn:aws:s3:::logs/*\"]\n\
             conditions = {{ ArnNotLike = {{ \"aws:PrincipalArn\" = \"arn:aws:iam::222222222222:user/{except}\" }} }}\n"
        )
    };
    let (out, within) = (write("out.toml", &deny("admin")), write("within.toml", &deny("run*")));
    let server = serve(&["--sandbox-state", &state.display().to_string()]);
    let run = |words: &[&str]| {
        let output = command(words).args(["--config", &settings]).env("AWS_CONFIG_FILE", &profiles).env("AWS_ENDPOINT_URL", &server.address).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, shown, refusal) = run(&["plan", &out]);
    assert_eq!(code, 3, "{shown}{refusal}");
    insta::assert_snapshot!("lockout", refusal);
    assert_eq!(run(&["apply", "--auto-approve", &out]).0, 3);
    assert_eq!(run(&["plan", &within]).0, 0, "the runner is excepted");
    let (code, shown, said) = run(&["plan", "--allow-lockout", &out]);
    assert_eq!(code, 0, "{shown}{said}");
    assert!(!shown.contains(&key.secret));
}

/// The runner is a pipeline whose token an OIDC provider gave out: `AWS_WEB_IDENTITY_TOKEN_FILE`, as in GitHub Actions and EKS.
#[tokio::test]
async fn a_web_identity_reaches_the_account() {
    let folder = root().join(format!("target/test-manifests/web-identity-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let place = Place::new(Options::default());
    let host = "token.actions.githubusercontent.com";
    let provider = [("Url", "https://token.actions.githubusercontent.com"), ("ClientIDList.member.1", "sts.amazonaws.com")];
    place.iam("222222222222", "CreateOpenIDConnectProvider", &provider).await;
    let trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":"arn:aws:iam::222222222222:oidc-provider/{host}"}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{"{host}:aud":"sts.amazonaws.com","{host}:sub":"repo:example-org/access:ref:refs/heads/main"}}}}}}]}}"#
    );
    place.iam("222222222222", "CreateRole", &[("RoleName", "runner"), ("AssumeRolePolicyDocument", &trust)]).await;
    place.iam("222222222222", "AttachRolePolicy", &[("RoleName", "runner"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
    let state = folder.join("state.json");
    place.sandbox.save(&state).unwrap();
    let manifest = folder.join("one.toml");
    let role = "[roles.One]\n\n[[roles.One.trust]]\nservice = \"lambda.amazonaws.com\"\n";
    std::fs::write(&manifest, format!("name = \"one\"\n\n[trusting]\naccount = \"222222222222\"\n\n{role}")).unwrap();
    let server = serve(&["--sandbox-state", &state.display().to_string()]);
    let plan = |branch: &str| {
        let claims =
            format!(r#"{{"iss":"https://{host}","aud":"sts.amazonaws.com","exp":4102444800,"sub":"repo:example-org/access:ref:refs/heads/{branch}"}}"#);
        let token = format!("e30.{}.c2ln", base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, claims));
        let file = folder.join(format!("token-{branch}"));
        std::fs::write(&file, &token).unwrap();
        let output = command(&["plan", &manifest.display().to_string()])
            .env("AWS_ENDPOINT_URL", &server.address)
            .env("AWS_ROLE_ARN", "arn:aws:iam::222222222222:role/runner")
            .env("AWS_ROLE_SESSION_NAME", "pipeline")
            .env("AWS_WEB_IDENTITY_TOKEN_FILE", &file)
            .output()
            .unwrap();
        let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(!shown.contains(&token), "{shown}");
        (output.status.code().unwrap(), shown)
    };
    let (code, shown) = plan("main");
    assert!(code == 0 && shown.contains("Plan: 1 to add"), "{shown}");
    let (code, shown) = plan("other");
    assert!(code == 1 && shown.contains("account 222222222222 (trusting): it could not be read"), "{shown}");
    assert!(shown.contains("AssumeRoleWithWebIdentity"), "{shown}");
}

/// A profile of IAM Identity Center, with the token that `aws sso login` leaves behind and a portal that hands out keys.
#[tokio::test]
async fn a_profile_of_single_sign_on_reaches_the_account() {
    let folder = root().join(format!("target/test-manifests/sso-{}", std::process::id()));
    let cache = folder.join(".aws/sso/cache");
    std::fs::create_dir_all(&cache).unwrap();
    // The file is named by the SHA-1 of the session's name, here `team`.
    let token =
        r#"{"accessToken":"a-token-of-the-portal","expiresAt":"2099-01-01T00:00:00Z","region":"us-east-1","startUrl":"https://example.awsapps.com/start"}"#;
    std::fs::write(cache.join("d25187dc137f35c88bc80ec8c3ffbdb17b5eb873.json"), token).unwrap();
    let config = folder.join("config");
    let session = "[sso-session team]\nsso_start_url = https://example.awsapps.com/start\nsso_region = us-east-1\n\n";
    let profile = "[profile prod]\nsso_session = team\nsso_account_id = 222222222222\nsso_role_name = Runner\nregion = us-east-1\n";
    std::fs::write(&config, format!("{session}{profile}")).unwrap();
    let settings = folder.join("crossrole.toml");
    std::fs::write(&settings, "[accounts.\"222222222222\"]\nprofile = \"prod\"\n").unwrap();
    let manifest = folder.join("one.toml");
    let role = "[roles.One]\n\n[[roles.One.trust]]\nservice = \"lambda.amazonaws.com\"\n";
    std::fs::write(&manifest, format!("name = \"one\"\n\n[trusting]\naccount = \"222222222222\"\n\n{role}")).unwrap();

    let place = Place::new(Options::default());
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},"Action":"sts:AssumeRole"}]}"#;
    place.iam("222222222222", "CreateUser", &[("UserName", "portal")]).await;
    place.iam("222222222222", "AttachUserPolicy", &[("UserName", "portal"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
    place.iam("222222222222", "CreateRole", &[("RoleName", "Runner"), ("AssumeRolePolicyDocument", trust)]).await;
    place.iam("222222222222", "AttachRolePolicy", &[("RoleName", "Runner"), ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")]).await;
    let portal = Credentials::of(&place.iam("222222222222", "CreateAccessKey", &[("UserName", "portal")]).await);
    let assume = [("RoleArn", "arn:aws:iam::222222222222:role/Runner"), ("RoleSessionName", "ann")];
    let (_, answer) = place.query_as(&portal, "sts", "AssumeRole", &assume).await;
    let part = |name: &str| answer.split(&format!("<{name}>")).nth(1).unwrap().split('<').next().unwrap().to_owned();
    let keys = format!(
        r#"{{"roleCredentials":{{"accessKeyId":"{}","secretAccessKey":"{}","sessionToken":"{}","expiration":4070908800000}}}}"#,
        part("AccessKeyId"),
        part("SecretAccessKey"),
        part("SessionToken")
    );
    let state = folder.join("state.json");
    place.sandbox.save(&state).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let portal = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut buffer = [0; 8_192];
            let size = stream.read(&mut buffer).unwrap_or(0);
            let asked = String::from_utf8_lossy(&buffer[..size]).into_owned();
            assert!(asked.contains("/federation/credentials?") && asked.contains("role_name=Runner"), "{asked}");
            let _ = write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{keys}", keys.len());
        }
    });
    let server = serve(&["--sandbox-state", &state.display().to_string()]);
    let output = command(&["plan", "--config", &settings.display().to_string(), &manifest.display().to_string()])
        .env("AWS_CONFIG_FILE", &config)
        .env("HOME", &folder)
        .env("AWS_ENDPOINT_URL", &server.address)
        .env("AWS_ENDPOINT_URL_SSO", &portal)
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && shown.contains("Plan: 1 to add"), "{shown}");
    assert!(!shown.contains("a-token-of-the-portal"), "{shown}");
}

#[test]
fn a_malformed_answer_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut buffer = [0; 8_192];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 20\r\nconnection: close\r\n\r\n<html>a proxy</html>");
        }
    });
    let output = plan_at(&address, "222222222222");
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("GetCallerIdentity in account 222222222222: the answer from 127.0.0.1 is a web page, not AWS's (HTTP 200)"), "{text}");
    assert!(text.contains("No changes can be made"), "{text}");
}

#[test]
fn no_credentials_at_all_say_so() {
    let output = command(&["plan", &scenario("prod-data")]).env("AWS_ENDPOINT_URL", "http://127.0.0.1:9").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("refresh the credentials"), "{text}");
}

#[test]
fn an_interrupt_ends_the_calls_in_flight_and_says_what_is_left() {
    let state = root().join(format!("target/test-manifests/interrupt-{}.json", std::process::id()));
    let _ = std::fs::remove_file(&state);
    let state = state.display().to_string();
    let file = scenario("prod-data");
    let words = ["apply", "--sandbox", "--sandbox-state", &state, "--auto-approve", &file];
    let mut child = command(&words).args(["--sandbox-latency", "200", "--concurrency", "1"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut progress = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    progress.read_line(&mut line).unwrap();
    assert!(line.starts_with("done"), "{line}");
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    std::thread::spawn(move || std::io::copy(&mut progress, &mut std::io::sink()));
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("left: 222222222222: PutBucketPolicy (bucket-policy prod-data-bucket)"), "{text}");
    assert!(text.contains("Interrupted: "), "{text}");
    let output = command(&words).arg("--quiet").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("Applied: "), "{text}");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&state).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "the state holds secrets");
    std::fs::remove_file(&state).unwrap();
}

/// Two that keep one file would each lose what the other did; and nobody works for an hour on what can't be kept.
#[test]
fn a_state_file_has_one_server_and_is_tried_before_anything_is_served() {
    let state = root().join(format!("target/test-manifests/shared-{}.json", std::process::id()));
    let path = state.display().to_string();
    let server = serve(&["--sandbox-state", &path]);
    let refused = |path: &str| {
        let output = command(&["sandbox", "serve", "--listen", "127.0.0.1:0", "--sandbox-state", path]).output().unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "{path}: {}", String::from_utf8_lossy(&output.stdout));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = refused(&path);
    assert!(said.contains("another process uses it") && said.contains("end the other command or server first"), "{said}");
    let nowhere = refused(&root().join("target/no/such/folder/state.json").display().to_string());
    assert!(nowhere.contains("check the folder and its permissions"), "{nowhere}");
    drop(server);
    for ending in ["", ".lock"] {
        let _ = std::fs::remove_file(format!("{path}{ending}"));
    }
}

/// What was made is in the state file, whichever signal ends the server.
#[cfg(unix)]
#[test]
fn every_signal_that_ends_the_sandbox_saves_its_state() {
    let text = "name = \"signals\"\n[trusting]\naccount = \"222222222222\"\n[roles.Kept]\n[[roles.Kept.trust]]\nservice = \"ec2.amazonaws.com\"\n\
                [[roles.Kept.allow]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n";
    let manifest = crate::support::manifest("signals", text);
    for signal in ["INT", "TERM", "HUP"] {
        let state = root().join(format!("target/test-manifests/signal-{signal}-{}.json", std::process::id()));
        let path = state.display().to_string();
        let mut server = serve(&["--sandbox-state", &path]);
        let applied = command(&["apply", "--auto-approve", "--quiet", &manifest])
            .env("AWS_ENDPOINT_URL", &server.address)
            .env("AWS_ACCESS_KEY_ID", "222222222222")
            .env("AWS_SECRET_ACCESS_KEY", "any")
            .output()
            .unwrap();
        assert!(applied.status.success(), "{signal}: {}", String::from_utf8_lossy(&applied.stdout));
        assert!(Command::new("kill").args([&format!("-{signal}"), &server.child.id().to_string()]).status().unwrap().success());
        assert!(server.child.wait().unwrap().success(), "{signal}");
        let saved = std::fs::read_to_string(&state).unwrap();
        assert!(saved.contains("\"Kept\""), "{signal}: {saved}");
        std::fs::remove_file(&state).unwrap();
    }
}

#[test]
fn the_environment_decides_on_colors_where_nobody_said() {
    let file = scenario("prod-data");
    let colored = |set: &[(&str, &str)], more: &[&str]| {
        let mut command = command(&[&["validate", &file], more].concat());
        command.env_remove("NO_COLOR").env_remove("CLICOLOR_FORCE").env_remove("CLICOLOR");
        let output = command.envs(set.iter().copied()).output().unwrap();
        output.stdout.contains(&0x1b) || output.stderr.contains(&0x1b)
    };
    assert!(!colored(&[], &[]), "a pipe is no terminal");
    assert!(colored(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]));
    assert!(!colored(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]));
    assert!(colored(&[("NO_COLOR", "1"), ("TERM", "dumb")], &["--color=always"]));
}

/// At the finest level of logs, everything that requests and answers hold would be in them.
#[test]
fn no_log_line_holds_a_secret() {
    let folder = root().join(format!("target/test-manifests/log-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = |name: &str| folder.join(name).display().to_string();
    std::fs::write(path("crossrole.toml"), "[defaults]\nrole_name = \"runner\"\nexternal_id = \"runner-4711\"\n").unwrap();
    let server = serve(&[]);
    let run = |words: &[&str]| {
        let output = command(words)
            .env("AWS_ENDPOINT_URL", &server.address)
            .env("AWS_ACCESS_KEY_ID", "222222222222")
            .env("AWS_SECRET_ACCESS_KEY", "a-secret-access-key-of-this-test")
            .env("CROSSROLE_LOG", "trace")
            .output()
            .unwrap();
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    };
    let said = run(&["plan", "--config", &path("crossrole.toml"), &scenario("guarded-partner")]);
    assert!(said.contains("it could not be read"), "root assumes no role: {said}");
    let text = std::fs::read_to_string(scenario("guarded-partner")).unwrap();
    std::fs::write(path("m.toml"), text).unwrap();
    let applied = command(&["apply", "--auto-approve", "--partial", &path("m.toml")])
        .env("AWS_ENDPOINT_URL", &server.address)
        .env("CROSSROLE_ACCOUNT_AS_KEY", "1")
        .env("CROSSROLE_LOG", "trace")
        .output()
        .unwrap();
    let applied = format!("{}{}", String::from_utf8_lossy(&applied.stdout), String::from_utf8_lossy(&applied.stderr));
    assert!(applied.contains("crossrole_cloud") && applied.contains("CreateRole"), "our own lines are there: {applied}");
    for text in [&said, &applied] {
        for secret in ["a-secret-access-key-of-this-test", "partner-4711", "runner-4711", "Signature=", "AWS4-HMAC"] {
            assert!(!text.contains(secret), "{secret}: {}", text.lines().find(|l| l.contains(secret)).unwrap_or_default());
        }
    }
}

/// Nothing listens there: why, and what to do about it, is said once, and no advice is for another cause.
#[test]
fn accounts_that_can_not_be_reached_are_one_paragraph() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let output =
        command(&["plan", &scenario("prod-data")]).env("AWS_ENDPOINT_URL", format!("http://{address}")).env("CROSSROLE_ACCOUNT_AS_KEY", "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let paragraphs: Vec<&str> = text.split("\n\n").collect();
    assert_eq!(paragraphs.len(), 2, "{text}");
    assert!(paragraphs[0].starts_with("withheld: 2 accounts\n    account 111111111111 (dev): it could not be read: "), "{text}");
    assert!(paragraphs[0].contains("  nothing there is planned; check the network"), "{text}");
    for other in ["allow", "manage = false", "bucket"] {
        assert!(!text.contains(other), "{other}: {text}");
    }
    assert!(paragraphs[1].starts_with("No changes can be made: see what is withheld above.\nRead with "), "{text}");
}
