//! `crossrole explain`.

use std::path::Path;

use crossrole_access::{Compiled, Policies, Question};
use crossrole_model::Desired;
use crossrole_model::access::Explanation;
use crossrole_report::View;

use crate::args::{ExplainArgs, FileArgs, FromArg};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::session::Session;
use crate::{actions, ask, policies};

pub(crate) async fn run(args: &ExplainArgs, io: &mut Io) -> Result<Exit, Failure> {
    actions::one(&args.action)?;
    let answers = if args.files.any() { vec![from_files(args)?] } else { from_estate(args, io).await? };
    let view = View { show_external_ids: args.ask.show_external_ids, screen: io.out_screen(), ..View::default() };
    if args.ask.json {
        io.out_json(&crossrole_report::explanation_json(&answers, view));
    } else {
        io.out(&crossrole_report::explanation(&answers, view));
    }
    Ok(Exit::Clean)
}

async fn from_estate(args: &ExplainArgs, io: &mut Io) -> Result<Vec<Explanation>, Failure> {
    let session = Session::open(&args.ask.paths, &args.ask.cloud, io)?;
    let known = ask::estate(args.ask.from, &session).await?;
    let desired = &session.desired;
    let resource = known.resource(&args.action, &args.resource, desired)?;
    let ask::Known { estate, whole, .. } = known;
    let via = args.via.iter().map(|role| ask::role(role, desired, &estate)).collect::<Result<Vec<_>, _>>()?;
    let question = Question {
        principal: ask::principal(&args.principal, desired, &estate)?,
        via,
        action: args.action.clone(),
        resource,
        resource_account: args.files.resource_account.clone(),
        context: ask::context(&args.context)?,
        unread_allows: false,
    };
    let written = args.via.iter().zip(&question.via).chain([(&args.principal, &question.principal)]);
    for (text, arn) in written {
        ask::there(arn, &estate, &whole)?;
        if args.ask.from == FromArg::Manifest
            && let Some((error, near)) = ask::unheard(text, arn, desired, &estate)
        {
            let hint = near.unwrap_or_else(|| "correct its name, or ask with `--from live` about what others have made".to_owned());
            return Err(Failure::new(error, hint));
        }
    }
    session.computed("answering", move || estate.ask(&question)).await
}

impl FileArgs {
    fn any(&self) -> bool {
        let Self { identity_policy, resource_policy, boundary, session_policy, scp, rcp, resource_account: _ } = self;
        resource_policy.is_some() || [identity_policy, boundary, session_policy, scp, rcp].iter().any(|list| !list.is_empty())
    }
}

fn from_files(args: &ExplainArgs) -> Result<Explanation, Failure> {
    let files = &args.files;
    let list = |paths: &[std::path::PathBuf]| paths.iter().map(|p| document(p)).collect::<Result<Vec<_>, _>>();
    let (identity, boundary, session) = (list(&files.identity_policy)?, list(&files.boundary)?, list(&files.session_policy)?);
    let (scps, rcps) = (list(&files.scp)?, list(&files.rcp)?);
    let resource = files.resource_policy.as_deref().map(document).transpose()?;
    let some = |list: &'_ [Compiled]| -> Option<Vec<Compiled>> { (!list.is_empty()).then(|| list.to_vec()) };
    let (boundary, session) = (some(&boundary), some(&session));
    let policies = Policies {
        identity: identity.iter().collect(),
        resource: resource.as_ref(),
        boundary: boundary.as_ref().map(|b| b.iter().collect()),
        session: session.as_ref().map(|s| s.iter().collect()),
        service_control: (!scps.is_empty()).then(|| scps.iter().map(|d| vec![d]).collect()),
        resource_control: rcps.iter().map(|d| vec![d]).collect(),
        restrict_public: false,
    };
    let none = crossrole_access::Estate::default();
    let question = Question {
        principal: ask::principal(&args.principal, &Desired::default(), &none)?,
        via: Vec::new(),
        action: args.action.clone(),
        resource: ask::resource(&args.resource, &Desired::default(), &none)?,
        resource_account: files.resource_account.clone(),
        context: ask::context(&args.context)?,
        unread_allows: false,
    };
    Ok(crossrole_access::explain_alone(&question, &policies))
}

fn document(path: &Path) -> Result<Compiled, Failure> {
    Ok(Compiled::new(&policies::document(path)?, path.display().to_string()))
}
