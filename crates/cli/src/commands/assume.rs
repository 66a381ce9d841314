//! `crossrole assume`.

use crate::args::AssumeArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::temporary::cache::Cache;
use crate::temporary::{Taking, exports, may};

pub(crate) async fn run(args: &AssumeArgs, io: &mut Io) -> Result<Exit, Failure> {
    if args.forget {
        return forget(io);
    }
    if args.list {
        return may::list(args.role.as_deref(), &args.take, io).await;
    }
    let taking = Taking::open(args.role.as_deref().unwrap_or_default(), &args.take, false, io)?;
    taking.announce().await?;
    let given = taking.take().await?;
    io.out(&exports::exports(&given, &exports::profiles_here(), args.format)?);
    Ok(Exit::Clean)
}

fn forget(io: &mut Io) -> Result<Exit, Failure> {
    let deleted = match Cache::of_this_place().filter(|_| io.alone) {
        Some(cache) => cache.forget()?,
        None => 0,
    };
    io.err(&match deleted {
        0 => "no credentials were kept\n".to_owned(),
        1 => "1 session was forgotten; it lives on at AWS until it ends\n".to_owned(),
        more => format!("{more} sessions were forgotten; they live on at AWS until they end\n"),
    });
    Ok(Exit::Clean)
}
