//! Log lines on stderr, on demand.
//!
//! Of crates below ours only warnings come through: their lower levels hold whole requests and answers, and in those stand
//! external ids, session tokens and secret keys.

use std::io::Write;

use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// Begins to log, when `CROSSROLE_LOG` asks for it.
pub(crate) fn start() {
    let Ok(asked) = tracing_subscriber::EnvFilter::try_from_env("CROSSROLE_LOG") else { return };
    let ours = filter_fn(|of| of.target().starts_with("crossrole") || *of.level() <= LevelFilter::WARN);
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).without_time().with_writer(|| Escaped(std::io::stderr()));
    // A second call in one process (tests) changes nothing.
    let _ = tracing_subscriber::registry().with(lines.with_filter(ours)).with(asked).try_init();
}

/// Writes lines that no terminal obeys.
struct Escaped<W>(W);

impl<W: Write> Write for Escaped<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        // An event comes in one piece, with a line feed at its end alone.
        let text = String::from_utf8_lossy(bytes);
        let end = if text.ends_with('\n') { "\n" } else { "" };
        let line = crossrole_report::safe(text.strip_suffix('\n').unwrap_or(&text));
        self.0.write_all(format!("{line}{end}").as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;
    use std::io::Write as _;

    #[test]
    fn an_event_is_one_harmless_line() {
        let mut out = Escaped(Vec::new());
        out.write_all("WARN a\n::error::b\u{1b}[31m\u{9b} ##[add-mask]c\n".as_bytes()).unwrap();
        assert_eq!(String::from_utf8(out.0).unwrap(), "WARN a\\u{a}::error::b\\u{1b}[31m\\u{9b} #\\u{23}[add-mask]c\n");
    }
}
