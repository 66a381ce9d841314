//! Progress on stderr: a bar on a terminal, plain lines elsewhere, JSON lines, or nothing.

use crossrole_model::Plan;
use crossrole_model::outcome::Event;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::told::Told;

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Nothing.
    Quiet,
    /// A bar.
    Bar,
    /// A line an event.
    Lines,
    /// A JSON line an event.
    Json,
}

/// Collects what to print: the applier calls from many places, the streams have one owner.
pub(crate) struct Progress<'p> {
    plan: &'p Plan,
    style: Style,
    bar: Option<ProgressBar>,
    told: &'p Told,
}

impl<'p> Progress<'p> {
    pub(crate) fn new(plan: &'p Plan, style: Style, told: &'p Told) -> Self {
        let bar = (style == Style::Bar).then(|| {
            let bar = ProgressBar::with_draw_target(Some(plan.steps.len() as u64), ProgressDrawTarget::stderr());
            if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
                bar.set_style(style);
            }
            bar
        });
        told.beside(style, bar.clone());
        Self { plan, style, bar, told }
    }

    /// Takes one event.
    pub(crate) fn event(&self, event: &Event) {
        match (self.style, &self.bar) {
            (Style::Quiet, _) => {}
            (Style::Bar, Some(bar)) => match event {
                Event::StepEnded { .. } => bar.inc(1),
                Event::Ended => bar.finish_and_clear(),
                event => {
                    if let Some(line) = crossrole_report::progress(self.plan, event) {
                        bar.set_message(line);
                    }
                }
            },
            (Style::Json, _) => {
                if let Some(value) = crossrole_report::event_json(self.plan, event) {
                    self.told.line(&crossrole_report::json_text(&value));
                }
            }
            _ => {
                if let Some(line) = crossrole_report::progress(self.plan, event) {
                    self.told.line(&line);
                }
            }
        }
    }
}
