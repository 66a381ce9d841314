//! `crossrole sandbox show`.

use crossrole_model::observed::{BucketScope, Scope};
use crossrole_model::{AccountId, Cloud as _, Partition};
use crossrole_sandbox::Options;

use crate::args::StateArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::sandboxed::Embedded;

pub(super) async fn run(args: &StateArgs, io: &mut Io) -> Result<Exit, Failure> {
    let embedded = Embedded::open(&args.sandbox_state, Options::default(), io)?;
    let mut scope = Scope::default();
    for (account, buckets) in embedded.sandbox.accounts() {
        let Some(account) = AccountId::parse(&account) else { continue };
        scope.accounts.entry(account.clone()).or_default();
        let scoped = |region| BucketScope { account: account.clone(), region, settings: None, left: false, encryption: false, public: false };
        scope.buckets.extend(buckets.into_iter().map(|(name, region)| (name, scoped(region))));
    }
    let observed = embedded.aws(Partition::default()).observe(&scope).await;
    io.out(&crossrole_report::contents(&observed, io.out_screen()));
    Ok(Exit::Clean)
}
