//! `crossrole verify`.

use crossrole_model::proof::{Attestation, Verdict};
use crossrole_report::{COMMENT_MOST, View};

use crate::args::{Report, ReportFormat, VerifyArgs};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::proof::Looking;
use crate::session::Session;
use crate::{proof, reports};

pub(crate) async fn run(args: &VerifyArgs, io: &mut Io) -> Result<Exit, Failure> {
    reports::apart_from_settings(&args.report, &args.cloud.config, &[&args.cloud.sandbox_state])?;
    reports::apart_from_paths(&args.report, &args.paths.paths)?;
    let session = Session::open(&args.paths.paths, &args.cloud, io)?;
    let all = session.ended(proof::prove(&session, &args.proving, Looking::AtAll, args.json).await)?;
    let view = View { show_external_ids: args.show_external_ids, screen: io.out_screen(), ..View::default() };
    for report in &args.report {
        write(report, &all, View { screen: crossrole_report::Screen::default(), ..view })?;
    }
    if args.json {
        io.out_json(&crossrole_report::attestation_json(&all, view));
    } else {
        io.out(&crossrole_report::attestation(&all, view));
    }
    Ok(whole(&all))
}

/// The same with what guards: who tries what one change came to looks at less.
pub(crate) fn whole(all: &Attestation) -> Exit {
    if all.unguarded.is_empty() { exit(all) } else { Exit::Failed }
}

/// What is not known is not proved.
pub(crate) fn exit(all: &Attestation) -> Exit {
    let proved = all.left_out == 0
        && all.left_behind.is_empty()
        && !all.beyond.widens()
        && !all.granted.widens()
        && !all.is_lacking()
        && !all.is_unrevoked()
        && !all.is_unlooked()
        && all.proofs.iter().all(|proof| proof.verdict == Verdict::Holds);
    if proved { Exit::Clean } else { Exit::Failed }
}

fn write(report: &Report, all: &Attestation, view: View) -> Result<(), Failure> {
    let text = match report.format {
        ReportFormat::Junit => crossrole_report::junit(&crossrole_report::junit_attestation(all, view)),
        ReportFormat::Markdown => crossrole_report::attestation_markdown(all, view, COMMENT_MOST),
        _ => reports::json(&crossrole_report::attestation_json(all, view)),
    };
    reports::write(report, &text)
}
