//! `crossrole sandbox serve`.

use std::sync::Arc;
use std::time::Duration;

use crossrole_sandbox::{Options, Sandbox};
use tokio::net::TcpListener;

use crate::args::ServeArgs;
use crate::failure::{Exit, Failure};
use crate::interrupt::Interrupts;
use crate::io::Io;
use crate::sandboxed::{load, save};

pub(super) async fn run(args: &ServeArgs, io: &mut Io) -> Result<Exit, Failure> {
    if !args.listen.ip().is_loopback() {
        return Err(Failure::new(format!("{} is not a loopback address", args.listen), "the sandbox lets everyone in who reaches it: listen on 127.0.0.1"));
    }
    let options = Options {
        visibility_delay: Duration::from_millis(args.visibility_delay),
        latency: Duration::from_millis(args.latency),
        rate: args.rate,
        role_quota: args.role_quota,
        session_most: args.session_most,
        ..Options::default()
    };
    // Another server is not waited for: it goes on until somebody ends it.
    let (sandbox, file) = match &args.sandbox_state {
        Some(path) => load(path, Duration::ZERO, options).map(|(sandbox, file)| (Arc::new(sandbox), Some(file)))?,
        None => (Arc::new(Sandbox::new(options)), None),
    };
    let listener = TcpListener::bind(args.listen)
        .await
        .map_err(|e| Failure::new(format!("{} can't be listened on: {e}", args.listen), "choose another port; 0 takes a free one"))?;
    let address = listener.local_addr().map_err(|e| Failure::new(format!("the listener has no address: {e}"), "choose another port"))?;
    // Before anybody is told where it listens, so that none is missed.
    let mut interrupts = Interrupts::of_any_end();
    io.out(&format!("http://{address}\n"));
    io.err("An access key id of 12 digits is that account's root user, with any secret:\n");
    io.err(&format!("  AWS_ACCESS_KEY_ID=222222222222 AWS_SECRET_ACCESS_KEY=x AWS_ENDPOINT_URL=http://{address} aws iam list-roles\n"));
    let ended = tokio::select! {
        ended = crossrole_sandbox::serve(Arc::clone(&sandbox), listener) => ended,
        _ = interrupts.next() => Ok(()),
    };
    // Whatever ended it.
    if let Some(file) = &file {
        save(&sandbox, file)?;
    }
    ended.map(|()| Exit::Clean).map_err(|e| Failure::new(format!("serving ended: {e}"), "start it again"))
}
