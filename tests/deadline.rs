//! The time that a command is given: for one call, and in all.

use std::sync::Arc;

use crossrole::Exit;
use crossrole_sandbox::{Fault, Options};
use tokio::time::Instant;

use crate::errors::Always;
use crate::fleet::fleet;
use crate::support::{Place, Said, manifest};

/// Runs it where `operation` is never answered; and how many seconds it took.
async fn stalled(operation: &'static str, words: &[&str]) -> (Said, u64) {
    let place = Place::new(Options::default());
    place.sandbox.set_faults(Some(Arc::new(Always(operation, Fault::Hang))));
    let begun = Instant::now();
    let said = place.run(words).await;
    (said, begun.elapsed().as_secs())
}

/// Each call is given up by itself; without a limit in all, many that stall take long.
#[tokio::test(start_paused = true)]
async fn all_that_a_command_waits_can_be_bounded() {
    let file = manifest("deadline", &fleet(100, 1, 0));
    let (said, seconds) = stalled("CreateRole", &["apply", "--auto-approve", &file]).await;
    assert!(said.exit == Exit::Failed && said.out.contains("Incomplete: 0 steps done, 200 not done."), "{}", said.out);
    assert!(seconds >= 600, "{seconds} s: ten at a time, a minute each");
    let (said, seconds) = stalled("CreateRole", &["apply", "--auto-approve", "--timeout-total", "30", &file]).await;
    assert!(said.exit == Exit::Failed && said.out.contains("Interrupted: 0 steps done, 200 not done."), "{}", said.out);
    assert!(said.err.contains("the 30 seconds of `--timeout-total` are over: nothing more begins"), "{}", said.err);
    // What was sent gets its five seconds.
    assert_eq!(seconds, 35);
}

#[tokio::test(start_paused = true)]
async fn reading_ends_when_its_time_is_over() {
    let file = manifest("deadline-one", &fleet(1, 1, 1));
    let settings = manifest("deadline-settings", "[defaults]\ntimeout_total = 15\n");
    let question = ["who-can", "s3:GetObject", "*", "--from", "live"];
    for (operation, words, given) in [
        ("GetCallerIdentity", &["plan", "--timeout-total", "7"][..], 7),
        ("ListBuckets", &["apply", "--auto-approve", "--config", &settings], 15),
        ("GetAccountAuthorizationDetails", &[&question[..], &["--timeout-total", "9"]].concat(), 9),
    ] {
        let (said, seconds) = stalled(operation, &[words, &[&file]].concat()).await;
        assert_eq!((said.exit, seconds), (Exit::Failed, given), "{operation}: {}{}", said.out, said.err);
        let wanted = format!("error: the {given} seconds of `--timeout-total` are over while reading account 222222222222 ({operation}");
        assert!(said.err.contains(&wanted) && said.err.contains("help: nothing was written"), "{operation}: {}", said.err);
    }
    // Where all is answered, nothing of this is seen.
    let said = Place::new(Options::default()).run(&["plan", "--timeout-total", "1", &manifest("deadline-none", &fleet(1, 1, 0))]).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
}
