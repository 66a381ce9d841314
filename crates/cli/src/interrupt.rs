//! Being asked to stop: Ctrl-C, what pipelines send (SIGTERM), and what a closed terminal sends (SIGHUP).

/// Waits for signals, from when it is made.
pub(crate) struct Interrupts {
    #[cfg(unix)]
    signals: Vec<tokio::signal::unix::Signal>,
}

impl Interrupts {
    #[cfg(unix)]
    pub(crate) fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        // One that can't be listened to keeps its usual effect.
        let hangup = (!hangups_are_ignored()).then_some(SignalKind::hangup());
        let kinds = [SignalKind::interrupt(), SignalKind::terminate()].into_iter().chain(hangup);
        Self { signals: kinds.filter_map(|kind| signal(kind).ok()).collect() }
    }

    #[cfg(not(unix))]
    pub(crate) fn new() -> Self {
        Self {}
    }

    /// With every other signal that would end this process and that it can hear, where its end costs something.
    pub(crate) fn of_any_end() -> Self {
        #[allow(unused_mut, reason = "there are no more elsewhere")]
        let mut all = Self::new();
        #[cfg(unix)]
        {
            use tokio::signal::unix::{SignalKind, signal};
            let more = [SignalKind::quit(), SignalKind::alarm(), SignalKind::user_defined1(), SignalKind::user_defined2()];
            all.signals.extend(more.into_iter().filter_map(|kind| signal(kind).ok()));
        }
        all
    }

    /// Returns when the next one has come.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        std::future::poll_fn(|context| {
            let come = self.signals.iter_mut().any(|signal| signal.poll_recv(context).is_ready());
            if come { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }

    /// Returns when the next one has come.
    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Tells whether this was started to outlive its terminal (`nohup`): such a process is not told to stop by it. Known where
/// the kernel says it (proc(5), `SigIgn`, the lowest bit is SIGHUP).
#[cfg(unix)]
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}
