//! What happens, as JSON lines in a file, while it happens: `--report events=FILE`. `docs/events.md` has the types.

use std::fs::File;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crossrole_model::outcome::Event;
use crossrole_model::{AccountId, Action, Plan, Reading, Unreadable};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::args::{Report, ReportFormat};
use crate::failure::{Exit, Failure};
use crate::reports::Unwritten;
use crate::{place, reports};

/// Version of the shape: fields and types are added, never changed.
const FORMAT_VERSION: &str = "1.0";

/// The files that events go to; usually none.
#[derive(Debug, Default)]
pub(crate) struct Events {
    files: Vec<Mutex<File>>,
    /// The other reports are written.
    reported: AtomicBool,
}

impl Events {
    /// Opens the files, and writes that a command has begun.
    pub(crate) fn open(reports: &[Report], command: &str) -> Result<Self, Failure> {
        let wanted = reports.iter().filter(|report| report.format == ReportFormat::Events);
        let files = wanted.map(|report| place::create(&report.file, None).map(Mutex::new).map_err(|e| reports::unwritable(report, &e)));
        let events = Self { files: files.collect::<Result<_, _>>()?, reported: AtomicBool::new(false) };
        events.say("started", json!({ "command": command, "crossrole_version": env!("CARGO_PKG_VERSION") }));
        Ok(events)
    }

    /// How the reading of an account goes.
    pub(crate) fn reading(&self, account: &AccountId, calls: u64, reading: &Reading) {
        let account = account.as_str();
        match reading {
            Reading::Began => self.say("read_start", json!({ "account": account })),
            Reading::Read => self.say("read", json!({ "account": account, "calls": calls })),
            Reading::Failed(Unreadable { class, why }) => {
                self.say("read_failed", json!({ "account": account, "calls": calls, "class": class, "why": crossrole_report::safe(why) }));
            }
        }
    }

    /// A plan is made.
    pub(crate) fn planned(&self, plan: &Plan) {
        let replaced = plan.count(Action::Replace);
        let manifests: Vec<&str> = plan.manifests.iter().map(|manifest| manifest.name.as_str()).collect();
        let widens = plan.access.as_ref().map(crossrole_model::access::AccessDelta::widens);
        self.say(
            "planned",
            json!({
                "manifests": manifests,
                "add": plan.count(Action::Create) + replaced,
                "change": plan.count(Action::Update),
                "destroy": plan.count(Action::Delete) + replaced,
                "steps": plan.steps.len(),
                "withheld": plan.withheld.len(),
                "blocked": plan.is_blocked(),
                "widens": widens,
            }),
        );
    }

    /// The other reports are written, and say what there is to be said.
    pub(crate) fn reported(&self) {
        self.reported.store(true, Ordering::Relaxed);
    }

    /// Somebody, or `--auto-approve`, wants it carried out.
    pub(crate) fn approved(&self, by: &str) {
        self.say("approved", json!({ "by": by }));
    }

    /// What the applier says.
    pub(crate) fn applying(&self, plan: &Plan, event: &Event) {
        if self.files.is_empty() {
            return;
        }
        if let Some(Value::Object(mut fields)) = crossrole_report::event_json(plan, event) {
            let name = fields.remove("type");
            self.say(name.as_ref().and_then(Value::as_str).unwrap_or("event"), Value::Object(fields));
        }
    }

    /// What was written was read back, or not.
    pub(crate) fn verified(&self, complete: bool, unverified: usize) {
        self.say("verified", json!({ "complete": complete, "unverified": unverified }));
    }

    /// The command has ended; reports that it has not come to say why.
    pub(crate) fn ended(&self, result: &Result<Exit, Failure>, unwritten: &Unwritten<'_>) {
        if let (Err(failure), false) = (result, self.reported.load(Ordering::Relaxed)) {
            unwritten.say(failure);
        }
        let exit = result.as_ref().map_or_else(Failure::exit, |exit| *exit);
        let reason = match exit {
            Exit::Clean => "done",
            Exit::Failed => "failed",
            Exit::Changes => "changes",
            Exit::Refused => "refused",
            Exit::Moved => "moved",
            Exit::Locked => "locked",
            Exit::Unknown => "unknown",
            Exit::Signal(_) => "signal",
            Exit::Passed(_) => "passed",
        };
        self.say("ended", json!({ "exit_code": exit.code(), "reason": reason }));
    }

    /// One line, written at once. A disk that is full must not end an apply half-way: what can't be written is lost.
    fn say(&self, name: &str, fields: Value) {
        if self.files.is_empty() {
            return;
        }
        // To the second: what is faster has its order.
        let now = OffsetDateTime::now_utc().replace_nanosecond(0).ok().and_then(|time| time.format(&Rfc3339).ok());
        let mut line = json!({ "format_version": FORMAT_VERSION, "time": now, "type": name });
        if let (Value::Object(line), Value::Object(fields)) = (&mut line, fields) {
            line.extend(fields);
        }
        let text = crossrole_report::json_text(&line) + "\n";
        for file in &self.files {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = file.write_all(text.as_bytes()).and_then(|()| file.flush());
        }
    }
}
