//! `crossrole render`: the policies that manifests stand for, as JSON by address.

use crossrole_model::desired::DesiredState;
use crossrole_policy::Document;
use serde_json::{Map, Value, json};

use crate::args::RenderArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;

pub(crate) fn run(args: &RenderArgs, io: &mut Io) -> Result<Exit, Failure> {
    let desired = Loaded::read(&args.paths.paths, &args.config, io)?.desired;
    let mut all = Map::new();
    let value = |document: &Document| serde_json::to_value(crossrole_report::shown(document, args.show_external_ids)).unwrap_or(Value::Null);
    for (address, object) in &desired.objects {
        let documents = match &object.state {
            DesiredState::Role { state, .. } => json!({
                "trust_policy": value(&state.trust),
                "inline_policies": state.inline.iter().map(|(name, d)| (name.clone(), value(d))).collect::<Map<_, _>>(),
            }),
            DesiredState::Policy(state) => json!({ "document": value(&state.document) }),
            DesiredState::Caller { statements, .. } => json!({ "our_statements": value(&Document::new(statements.clone())) }),
            DesiredState::BucketPolicy { statements, .. } if !statements.is_empty() => json!({ "our_statements": value(&Document::new(statements.clone())) }),
            DesiredState::PermissionSet { statements, .. } => json!({ "our_statements": value(&Document::new(statements.clone())) }),
            DesiredState::KeyPolicy { grants, .. } if !grants.is_empty() => {
                json!({ "our_statements": value(&Document::new(grants.iter().map(|g| g.statement.clone()).collect())) })
            }
            _ => continue,
        };
        all.insert(address.to_string(), documents);
    }
    io.out(&(crossrole_report::json_text_pretty(&Value::Object(all)) + "\n"));
    Ok(Exit::Clean)
}
