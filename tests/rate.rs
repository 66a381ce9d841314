//! An account that throttles: a run takes as long as the account makes it, and gives nothing up.

use crossrole::Exit;
use crossrole_sandbox::Options;
use tokio::time::Instant;

use crate::fleet::fleet;
use crate::support::{Place, manifest};

/// A hundred roles in an account of so many calls a second: 200 writes and some reads.
#[tokio::test(start_paused = true)]
async fn an_account_that_throttles_is_waited_for() {
    let file = manifest("throttled", &fleet(100, 5, 0));
    for rate in [5, 1] {
        let place = Place::new(Options { rate: Some(rate), ..Options::default() });
        let begun = Instant::now();
        let said = place.run(&["apply", "--auto-approve", &file]).await;
        assert_eq!(said.exit, Exit::Clean, "{rate} a second: {}", said.out);
        assert!(said.out.contains("Applied: 200 steps done."), "{rate} a second: {}", said.out);
        assert!(said.err.contains("waiting: account 222222222222 throttles, and gets about"), "{rate} a second: {}", said.err);
        let seconds = begun.elapsed().as_secs_f64();
        assert!(seconds < 1.7 * 210.0 / f64::from(rate) + 20.0, "{rate} a second: {seconds} s");
        // Of eight calls, one may be refused: that is how the rate is known.
        let calls: u64 = place.sandbox.take_calls().values().sum();
        assert!(calls < 300, "{rate} a second: {calls} calls");
        println!("{rate} a second: {seconds} s, {calls} calls");
    }
}
