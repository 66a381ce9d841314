//! `crossrole who-can`.

use crossrole_access::who_can;
use crossrole_report::{Diff, View};

use crate::args::WhoCanArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::session::Session;
use crate::{ask, load};

pub(crate) async fn run(args: &WhoCanArgs, io: &mut Io) -> Result<Exit, Failure> {
    let session = Session::open(load::desired(&args.ask.paths, io)?, &args.ask.cloud, io)?;
    let estate = ask::estate(args.ask.from, &session).await?;
    let resource = ask::resource(&args.resource, &session.desired, &estate);
    let reach = who_can(&estate, &args.action, &resource, None);
    let view = View { show_external_ids: args.ask.show_external_ids, diff: Diff::Statements };
    if args.ask.json {
        io.out(&format!("{}\n", crossrole_report::ways_json(&reach.ways, &reach.undecided, view)));
    } else {
        io.out(&crossrole_report::ways(&reach.ways, &reach.undecided, view));
    }
    Ok(Exit::Clean)
}
