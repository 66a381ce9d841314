//! `crossrole runner-policy`: the least that a runner needs, account by account.

use crossrole_model::AccountId;
use crossrole_planner::rights::{Purpose, documents, rights};
use crossrole_policy::Document;
use serde_json::{Map, Value, json};

use crate::args::{PurposeArg, RunnerPolicyArgs};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;

pub(crate) fn run(args: &RunnerPolicyArgs, io: &mut Io) -> Result<Exit, Failure> {
    let desired = Loaded::read(&args.paths.paths, &args.config, io)?.desired;
    let purpose = match args.purpose {
        PurposeArg::Plan => Purpose::Plan,
        PurposeArg::Apply => Purpose::Apply,
    };
    let all: Vec<(AccountId, Vec<Document>)> =
        rights(&desired, purpose).into_iter().map(|(account, rights)| (account, documents(&rights, &desired.manifests))).collect();
    if args.json {
        let value = |document: &Document| serde_json::to_value(document).unwrap_or(Value::Null);
        let accounts: Map<String, Value> =
            all.iter().map(|(account, documents)| (account.to_string(), json!({ "policies": documents.iter().map(value).collect::<Vec<_>>() }))).collect();
        io.out_json(&Value::Object(accounts));
        return Ok(Exit::Clean);
    }
    for (account, documents) in &all {
        let label = desired.accounts.get(account).map_or("", |info| info.label.as_str());
        let (label, several) = (crossrole_report::safe(label), documents.len() > 1);
        for (number, document) in (1..).zip(documents) {
            let part = if several { format!(", policy {number} of {}", documents.len()) } else { String::new() };
            io.out(&format!("account {account} ({label}){part}\n\n{}\n\n", crossrole_report::safe_lines(&document.to_json_pretty())));
        }
    }
    Ok(Exit::Clean)
}
