//! Being told to stop: what waits ends at once, what was sent gets a moment, and then nothing is waited for.

use std::future::Future;

use tokio::sync::watch;

/// How far the run is to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// It goes on.
    Run,
    /// Nothing more is sent; a write that was sent may still be answered.
    End,
    /// Nothing is waited for.
    Now,
}

/// The run's own stop, shared by all calls.
#[derive(Debug)]
pub(crate) struct Halt(watch::Sender<Level>);

impl Default for Halt {
    fn default() -> Self {
        Self(watch::Sender::new(Level::Run))
    }
}

impl Halt {
    /// Goes one step further.
    pub(crate) fn raise(&self) {
        self.0.send_modify(|level| *level = if *level == Level::Run { Level::End } else { Level::Now });
    }

    /// Tells whether the run goes on.
    pub(crate) fn goes_on(&self) -> bool {
        *self.0.borrow() == Level::Run
    }

    /// Returns when it has come that far.
    pub(crate) async fn reached(&self, level: Level) {
        let mut changes = self.0.subscribe();
        // The sender lives as long as this.
        let _ = changes.wait_for(|at| *at >= level).await;
    }

    /// The value of `future`, or `None` when the run stops first.
    pub(crate) async fn or<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.reached(Level::End) => None,
            value = future => Some(value),
        }
    }
}
