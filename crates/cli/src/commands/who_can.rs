//! `crossrole who-can`.

use crossrole_access::who_can;
use crossrole_report::{Diff, View};

use crate::args::WhoCanArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::session::Session;
use crate::{actions, ask};

pub(crate) async fn run(args: &WhoCanArgs, io: &mut Io) -> Result<Exit, Failure> {
    actions::one(&args.action)?;
    let session = Session::open(&args.ask.paths, &args.ask.cloud, io)?;
    let known = ask::estate(args.ask.from, &session).await?;
    let resource = known.resource(&args.action, &args.resource, &session.desired)?;
    let ask::Known { estate, whole, .. } = known;
    ask::there(&resource, &estate, &whole)?;
    let action = args.action.clone();
    let reach = session.computed("answering", move || who_can(&estate, &action, &resource, None)).await?;
    let view = View { show_external_ids: args.ask.show_external_ids, diff: Diff::Statements, screen: io.out_screen() };
    if args.ask.json {
        io.out_json(&crossrole_report::ways_json(&reach.ways, &reach.undecided, &reach.beside, view));
    } else {
        io.out(&crossrole_report::ways(&reach.ways, &reach.undecided, &reach.beside, view));
    }
    Ok(Exit::Clean)
}
