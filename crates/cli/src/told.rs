//! What is waited for, said on stderr from within: the streams have one owner, and calls are made in many places.

use std::sync::{Arc, Mutex, PoisonError};

use crossrole_cloud::Console;
use crossrole_model::{AccountId, Reading, Waiting};
use indicatif::ProgressBar;

use crate::events::Events;
use crate::io::Sink;
use crate::progress::Style;

/// How it is said at the moment.
#[derive(Debug)]
struct How {
    style: Style,
    /// What is drawn at the bottom of the terminal.
    bar: Option<ProgressBar>,
}

/// Says what waits.
#[derive(Debug)]
pub(crate) struct Told {
    stderr: Sink,
    /// Somebody can answer a question.
    interactive: bool,
    how: Mutex<How>,
    /// Where the readings of accounts are kept, while they are those of the command itself.
    readings: Mutex<Option<Arc<Events>>>,
}

impl Told {
    pub(crate) fn new(stderr: Sink, interactive: bool) -> Self {
        Self { stderr, interactive, how: Mutex::new(How { style: Style::Lines, bar: None }), readings: Mutex::default() }
    }

    /// From now on, progress is shown so.
    pub(crate) fn beside(&self, style: Style, bar: Option<ProgressBar>) {
        *self.how.lock().unwrap_or_else(PoisonError::into_inner) = How { style, bar };
    }

    /// From now on, readings of accounts are kept there; `None`: nowhere, as what an apply reads to see what it has written.
    pub(crate) fn keeps(&self, events: Option<&Arc<Events>>) {
        *self.readings.lock().unwrap_or_else(PoisonError::into_inner) = events.cloned();
    }

    /// Where it is said.
    pub(crate) fn sink(&self) -> Sink {
        self.stderr.clone()
    }

    /// One line, above whatever is drawn.
    pub(crate) fn line(&self, text: &str) {
        let bar = self.how.lock().unwrap_or_else(PoisonError::into_inner).bar.clone();
        match bar {
            Some(bar) => bar.suspend(|| self.stderr.write(&format!("{text}\n"))),
            None => self.stderr.write(&format!("{text}\n")),
        }
    }
}

impl Console for Told {
    fn waits(&self, waiting: &Waiting) {
        let style = self.how.lock().unwrap_or_else(PoisonError::into_inner).style;
        match style {
            Style::Quiet => {}
            Style::Json => self.line(&crossrole_report::json_text(&crossrole_report::waiting_json(waiting))),
            Style::Bar | Style::Lines => self.line(&crossrole_report::waiting(waiting)),
        }
    }

    fn reads(&self, account: &AccountId, calls: u64, reading: &Reading) {
        let events = self.readings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(events) = events {
            events.reading(account, calls, reading);
        }
    }

    fn code(&self, profile: &str, serial: &str) -> Option<String> {
        if !self.interactive {
            return None;
        }
        self.stderr.write(&format!("code of {} for profile `{}`: ", crossrole_report::safe(serial), crossrole_report::safe(profile)));
        let mut typed = String::new();
        std::io::stdin().read_line(&mut typed).ok()?;
        Some(typed.trim().to_owned()).filter(|code| !code.is_empty())
    }
}
