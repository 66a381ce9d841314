//! `crossrole exec`: a command as a role, whose credentials are renewed while it runs.
//!
//! The command is given no credentials. It is told where on loopback it gets them, and with which token (AWS SDKs and Tools Reference
//! Guide, "Container credential provider"): any SDK asks there, and asks again before they end. Profiles of AWS's files come before that
//! in every SDK, so that the command is shown none.

use std::process::ExitStatus;
use std::sync::Arc;

use crossrole_report::safe;
use serde_json::json;
use tokio::process::Command;

use crate::args::ExecArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::temporary::loopback::{self, Answer, Asked};
use crate::temporary::{Given, Taking, aws_config, now};

/// What says of other credentials.
const OTHERS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CREDENTIAL_FILE",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
];

/// Nothing, as a file.
const NOTHING: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

pub(crate) async fn run(args: &ExecArgs, io: &mut Io) -> Result<Exit, Failure> {
    let taking = Arc::new(Taking::open(&args.role, &args.take, false, io)?);
    taking.announce().await?;
    // Before anything is started: who may not, hears it now.
    let given = taking.take().await?;
    let result = ran(&taking, given, args).await;
    taking.session.ended(result)
}

async fn ran(taking: &Arc<Taking>, given: Given, args: &ExecArgs) -> Result<Exit, Failure> {
    let (listener, address) = loopback::listener().await?;
    let (path, token) = (format!("/{}", loopback::token()?), loopback::token()?);
    let kept = Arc::new(tokio::sync::Mutex::new(given));
    let (known, of) = ((path.clone(), token.clone()), Arc::clone(taking));
    let mut servers = vec![tokio::spawn(loopback::serve(listener, move |asked| {
        let (kept, taking, known) = (Arc::clone(&kept), Arc::clone(&of), known.clone());
        async move { answer(&asked, &known, &kept, &taking).await }
    }))];
    let mut command = child(args, taking);
    command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", format!("http://{address}{path}")).env("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
    if let Some(sandbox) = taking.session.sandbox() {
        // The embedded AWS is in this process: the command finds it where it would find an emulator.
        let (listener, address) = loopback::listener().await?;
        servers.push(tokio::spawn(served(Arc::clone(sandbox), listener)));
        command.env("AWS_ENDPOINT_URL", format!("http://{address}"));
    }
    let ended = waited(command, args).await;
    for server in servers {
        server.abort();
    }
    Ok(exit(ended?))
}

async fn served(sandbox: Arc<crossrole_sandbox::Sandbox>, listener: tokio::net::TcpListener) {
    // It ends with the command that it is for.
    let _ = crossrole_sandbox::serve(sandbox, listener).await;
}

/// The command, with nothing of other credentials.
fn child(args: &ExecArgs, taking: &Taking) -> Command {
    let mut words = args.command.iter();
    let mut command = Command::new(words.next().cloned().unwrap_or_default());
    command.args(words);
    for name in OTHERS {
        command.env_remove(name);
    }
    let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].iter().all(|name| std::env::var_os(name).is_none());
    let profile = args.take.profile.clone().or_else(|| std::env::var("AWS_PROFILE").ok()).unwrap_or_else(|| "default".to_owned());
    // Its files are hidden from it; where it works is nobody's secret.
    if let Some(region) = aws_config::setting(&profile, "region").filter(|_| region && taking.session.sandbox().is_none()) {
        // Botocore reads the one, and other SDKs the other.
        command.env("AWS_DEFAULT_REGION", &region).env("AWS_REGION", region);
    }
    command.env("AWS_CONFIG_FILE", NOTHING).env("AWS_SHARED_CREDENTIALS_FILE", NOTHING);
    command
}

/// Credentials for whoever shows the token.
async fn answer(asked: &Asked, (path, token): &(String, String), kept: &tokio::sync::Mutex<Given>, taking: &Taking) -> Answer {
    let refused = |status, code: &str, message: &str| Answer::json(status, json!({ "code": code, "message": message }).to_string());
    if !loopback::is_same(&asked.path, path) {
        return refused("404 Not Found", "NotFound", "there is nothing here");
    }
    if !asked.authorization.as_deref().is_some_and(|shown| loopback::is_same(shown, token)) {
        return refused("403 Forbidden", "AccessDenied", "the token of AWS_CONTAINER_AUTHORIZATION_TOKEN is missing, or another");
    }
    let mut given = kept.lock().await;
    if !given.lasts(now()) {
        match taking.take().await {
            Ok(fresh) => *given = fresh,
            Err(failure) => {
                taking.session.told.line(failure.render(crossrole_report::Screen::default()).trim_end());
                // What is left of the last one is better than nothing.
                if given.keys.expires.is_none_or(|end| end <= now()) {
                    return refused("500 Internal Server Error", "NotRenewed", "the credentials could not be renewed: crossrole has said why");
                }
            }
        }
    }
    let body = json!({
        "AccessKeyId": given.keys.access_key_id,
        "SecretAccessKey": given.keys.secret_access_key,
        "Token": given.keys.session_token,
        "Expiration": given.expiration(),
        "RoleArn": taking.role,
    });
    Answer::json("200 OK", body.to_string())
}

fn unstartable(error: &std::io::Error, args: &ExecArgs) -> Failure {
    let name = args.command.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
    Failure::new(format!("`{}` can't be run: {error}", safe(&name)), "check its name and `PATH`")
}

/// Runs it, and hands on what this process is told.
#[cfg(unix)]
async fn waited(mut command: Command, args: &ExecArgs) -> Result<ExitStatus, Failure> {
    use std::io::IsTerminal as _;

    use rustix::process::{Pid, Signal, kill_process};
    use tokio::signal::unix::{SignalKind, signal};

    // What a terminal sends, it sends to all of its group, so to the command as well.
    let terminal = std::io::stdin().is_terminal();
    let mut kinds = vec![
        (SignalKind::interrupt(), Signal::INT, !terminal),
        (SignalKind::quit(), Signal::QUIT, !terminal),
        (SignalKind::terminate(), Signal::TERM, true),
        (SignalKind::user_defined1(), Signal::USR1, true),
        (SignalKind::user_defined2(), Signal::USR2, true),
    ];
    if !crate::interrupt::hangups_are_ignored() {
        kinds.push((SignalKind::hangup(), Signal::HUP, true));
    }
    let mut listeners: Vec<_> = kinds.into_iter().filter_map(|(kind, which, passed)| Some((signal(kind).ok()?, which, passed))).collect();
    let mut child = command.spawn().map_err(|error| unstartable(&error, args))?;
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    loop {
        let come = std::future::poll_fn(|context| {
            let come = listeners.iter_mut().find_map(|(listener, which, passed)| listener.poll_recv(context).is_ready().then_some((*which, *passed)));
            come.map_or(std::task::Poll::Pending, std::task::Poll::Ready)
        });
        tokio::select! {
            biased;
            ended = child.wait() => return ended.map_err(|error| unstartable(&error, args)),
            (which, passed) = come => {
                if let Some(pid) = pid.filter(|_| passed) {
                    // One that has ended by now needs no signal.
                    let _ = kill_process(pid, which);
                }
            }
        }
    }
}

#[cfg(not(unix))]
async fn waited(mut command: Command, args: &ExecArgs) -> Result<ExitStatus, Failure> {
    // Ctrl-C reaches all of the console, so the command as well.
    let _heard = tokio::signal::windows::ctrl_c();
    command.status().await.map_err(|error| unstartable(&error, args))
}

/// What it ended with, as shells say it.
fn exit(status: ExitStatus) -> Exit {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return Exit::Signal(u8::try_from(signal).unwrap_or(u8::MAX));
    }
    Exit::Passed(status.code().and_then(|code| u8::try_from(code & 0xff).ok()).unwrap_or(u8::MAX))
}
