//! Being asked to stop: Ctrl-C, what pipelines send (SIGTERM), and what a closed terminal sends (SIGHUP).

use std::task::{Context, Poll};

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(unix), allow(dead_code, reason = "Windows knows Ctrl-C alone"))]
pub(crate) enum Signal {
    Interrupt,
    Terminate,
    Hangup,
}

impl Signal {
    /// Its number (POSIX, `kill`).
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

#[cfg(unix)]
type Listener = tokio::signal::unix::Signal;
#[cfg(not(unix))]
type Listener = tokio::signal::windows::CtrlC;

/// Hears signals, from when it is made.
#[derive(Debug)]
pub(crate) struct Interrupts(Vec<(Signal, Listener)>);

impl Interrupts {
    #[cfg(unix)]
    pub(crate) fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = (!hangups_are_ignored()).then_some((Signal::Hangup, SignalKind::hangup()));
        let kinds = [(Signal::Interrupt, SignalKind::interrupt()), (Signal::Terminate, SignalKind::terminate())].into_iter().chain(hangup);
        // One that can't be listened to keeps its usual effect.
        Self(kinds.filter_map(|(which, kind)| Some((which, signal(kind).ok()?))).collect())
    }

    #[cfg(not(unix))]
    pub(crate) fn new() -> Self {
        Self(tokio::signal::windows::ctrl_c().into_iter().map(|listener| (Signal::Interrupt, listener)).collect())
    }

    /// With every other signal that would end this process and that it can hear, where its end costs something.
    pub(crate) fn of_any_end() -> Self {
        #[allow(unused_mut, reason = "there are no more elsewhere")]
        let mut all = Self::new();
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let more = [SignalKind::quit(), SignalKind::alarm(), SignalKind::user_defined1(), SignalKind::user_defined2()];
            // They are taken as being told to end.
            all.0.extend(more.into_iter().filter_map(|kind| Some((Signal::Terminate, signal(kind).ok()?))));
        }
        all
    }

    /// Returns when the next one has come.
    pub(crate) async fn next(&mut self) -> Signal {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// Ready when the next one has come.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Signal> {
        let come = self.0.iter_mut().find_map(|(which, listener)| listener.poll_recv(context).is_ready().then_some(*which));
        come.map_or(Poll::Pending, Poll::Ready)
    }
}

/// Tells whether this was started to outlive its terminal (`nohup`): such a process is not told to stop by it. Known where
/// the kernel says it (proc(5), `SigIgn`, the lowest bit is SIGHUP).
#[cfg(unix)]
pub(crate) fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
