//! `crossrole console`: AWS's console as a role.
//!
//! The link is a credential. It is handed to the browser by a page of loopback that is read once, so that it stands in no process list.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Notify;

use crate::args::ConsoleArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::temporary::Taking;
use crate::temporary::loopback::{self, Answer};

/// How long the browser is waited for: it may have to start.
const BROWSER: Duration = Duration::from_mins(2);

pub(crate) async fn run(args: &ConsoleArgs, io: &mut Io) -> Result<Exit, Failure> {
    let taking = Taking::open(&args.role, &args.take, false, io)?;
    taking.announce().await?;
    let given = taking.take().await?;
    let destination = crossrole_cloud::console_address(taking.desired().partition, args.destination.as_deref());
    // How long it lasts can be said of a role that long-term keys have assumed, and of no other.
    let seconds = args.take.duration.filter(|_| given.by_long_term);
    if args.take.duration.is_some() && seconds.is_none() {
        taking.say("the console lasts as long as the session: AWS takes a time only of a role that a user's own keys have assumed");
    }
    let asked = taking.session.aws.sign_in_link(&taking.account, &given.keys, seconds, &destination);
    let asked = taking.session.stops.or(asked).await.map_err(|stop| stop.while_("asking for a link"))?;
    let link = asked.map_err(|error| {
        Failure::new(
            error.message.clone(),
            "check the way to AWS's sign-in endpoint; `aws sts get-caller-identity` in `crossrole exec` tells whether the session is good",
        )
    })?;
    if args.print {
        io.out(&format!("{link}\n"));
        return Ok(Exit::Clean);
    }
    opened(&taking, link).await?;
    Ok(Exit::Clean)
}

async fn opened(taking: &Taking, link: String) -> Result<(), Failure> {
    let (listener, address) = loopback::listener().await?;
    let path = format!("/{}", loopback::token()?);
    let (taken, done) = (Arc::new(AtomicBool::new(false)), Arc::new(Notify::new()));
    let wanted = path.clone();
    let (seen, told) = (Arc::clone(&taken), Arc::clone(&done));
    let served = loopback::serve(listener, move |asked| {
        let good = loopback::is_same(&asked.path, &wanted) && loopback::is_own(asked.peer, address);
        let answer = if !good {
            Answer::text("404 Not Found", "")
        } else if seen.swap(true, Ordering::SeqCst) {
            Answer::text("410 Gone", "This link was opened before. If that was not you, somebody else on this machine has it.\n")
        } else {
            told.notify_one();
            Answer { status: "303 See Other", kind: "text/plain", body: String::new(), location: Some(link.clone()) }
        };
        async move { answer }
    });
    let server = tokio::spawn(served);
    let url = format!("http://{address}{path}");
    let opener = open(&url).await;
    let waited = match opener {
        Ok(()) => taking.session.stops.or(tokio::time::timeout(BROWSER, done.notified())).await.map_err(|stop| stop.while_("waiting for the browser")),
        Err(failure) => Err(failure),
    };
    // The answer is still being written.
    tokio::time::sleep(Duration::from_millis(if taken.load(Ordering::SeqCst) { 300 } else { 0 })).await;
    server.abort();
    let none = || Failure::new(format!("no browser has asked for the link in {} s", BROWSER.as_secs()), "print it with `--print`, and open it by hand");
    waited?.map_err(|_| none())?;
    taking.say("opened in the browser");
    Ok(())
}

/// Asks the desktop to open an address.
async fn open(url: &str) -> Result<(), Failure> {
    let mut command = if cfg!(target_os = "macos") {
        Command::new("open")
    } else if cfg!(windows) {
        let mut command = Command::new("rundll32");
        command.arg("url.dll,FileProtocolHandler");
        command
    } else {
        Command::new("xdg-open")
    };
    let hint = "print the link with `--print`, and open it by hand";
    let status = command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    let status = status.map_err(|error| Failure::new(format!("no browser can be opened: {error}"), hint))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("no browser can be opened ({status})"), hint)) }
}
