//! `crossrole rotate`.

use std::collections::BTreeMap;

use crossrole_manifest::take_up::{NoRotation, Rotation, with_external_id};
use crossrole_model::AccountId;
use crossrole_policy::Arn;

use crate::args::{ExternalIdArgs, RotateArgs, RotateCommand};
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;

use super::carried::Carried;

pub(crate) async fn run(args: RotateArgs, io: &mut Io) -> Result<Exit, Failure> {
    let RotateCommand::ExternalId(args) = args.command;
    external_id(args, io).await
}

async fn external_id(args: ExternalIdArgs, io: &mut Io) -> Result<Exit, Failure> {
    let loaded = Loaded::read(&args.paths, &args.carrying.cloud.config, io)?;
    let role = named(&args.role, &loaded);
    let fresh = fresh()?;
    let rotation = if args.finish { Rotation::Finish } else { Rotation::Begin(&fresh) };
    let mut texts = BTreeMap::new();
    let mut why = NoRotation::NoRole;
    for source in &loaded.sources {
        match with_external_id(&source.text, &role, args.trust, rotation) {
            Ok(text) => drop(texts.insert(source.file.clone(), text)),
            Err(NoRotation::NoRole) => {}
            Err(other) => why = other,
        }
    }
    if texts.len() != 1 {
        return Err(if texts.is_empty() { not(&role, why) } else { several(&role, texts.len()) });
    }
    let finished_by = finished_by(&role, &args);
    let (json, finish) = (args.carrying.view.json, args.finish);
    let mut carried = Carried::begin(args.paths, args.carrying, loaded, texts, io)?;
    carried.say(io);
    let result = async {
        let observed = carried.observed().await?;
        Box::pin(carried.out(observed, io)).await
    };
    let result = Box::pin(result).await;
    let exit = carried.session.ended(result)?;
    // What was written is what has to be told to who uses it, and is told here alone.
    if exit == Exit::Clean && !finish && !carried.dry_run {
        if json {
            io.out_json(&serde_json::json!({ "external_id": fresh }));
        } else {
            io.out(&format!("\nNew external id: {fresh}\n"));
            io.err_lines(&crossrole_report::rotation_begun(&finished_by));
        }
    }
    Ok(exit)
}

/// The command that ends what this one begins.
fn finished_by(role: &str, args: &ExternalIdArgs) -> String {
    let quoted = |text: &str| {
        let plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "/._-+=@%:,".contains(c));
        if plain { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
    };
    let mut words = vec!["crossrole rotate external-id".to_owned(), quoted(role)];
    words.extend(args.trust.map(|trust| format!("--trust {trust}")));
    words.push("--finish".to_owned());
    words.extend(args.paths.iter().map(|path| quoted(&path.display().to_string())));
    words.join(" ")
}

/// The name of a role as manifests write it: `role/Name`, `account/role/Name` and an ARN, as plans and AWS write it, name it as well.
fn named(text: &str, loaded: &Loaded) -> String {
    let own = |account: &str| AccountId::parse(account).is_some_and(|id| loaded.desired.accounts.get(&id).is_some_and(|info| info.trusting));
    let arn = Arn::parse(text).filter(|arn| arn.service == "iam" && own(arn.account)).and_then(|arn| arn.kind_and_name());
    let (kind, name) = match (arn, text.split_once('/')) {
        (Some(named), _) => named,
        (None, Some((account, rest))) if own(account) || account == "trusting" => rest.split_once('/').unwrap_or_default(),
        (None, Some(parts)) => parts,
        (None, None) => return text.to_owned(),
    };
    if kind == "role" { name.rsplit('/').next().unwrap_or(name).to_owned() } else { text.to_owned() }
}

/// 128 bits of the operating system's, as 32 hexadecimal digits: AWS takes those everywhere (STS API Reference, `AssumeRole`: 2 to 1,224
/// of letters, digits and `=,.@:/-`).
fn fresh() -> Result<String, Failure> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| Failure::new(format!("the operating system gives no random bytes: {e}"), "run it where it does"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn several(role: &str, count: usize) -> Failure {
    let message = format!("{count} manifests declare a role `{}` that asks for an external id", crossrole_report::safe(role));
    Failure::new(message, "name the one manifest that is meant")
}

fn not(role: &str, why: NoRotation) -> Failure {
    let role = crossrole_report::safe(role);
    let (message, advice) = match why {
        NoRotation::NoRole => (format!("no role of these manifests is named `{role}`"), "write its name as it stands under `[roles]`".to_owned()),
        NoRotation::NoExternalId => (format!("role `{role}` asks nobody for an external id"), "say `external_id` in its trust first".to_owned()),
        NoRotation::Several(count) => {
            (format!("{count} trusts of role `{role}` ask for an external id"), format!("say which with `--trust`, from 1 to {count}"))
        }
        NoRotation::Begun => (format!("role `{role}` accepts several external ids already"), "end that rotation first, with `--finish`".to_owned()),
        NoRotation::NotBegun => (format!("role `{role}` accepts one external id, so that there is none to drop"), "begin without `--finish`".to_owned()),
        NoRotation::More(count) => {
            let advice = "take out of the manifest by hand those that nobody uses, until the old one and the new one are left";
            (format!("role `{role}` accepts {count} external ids, and a rotation ends with one of two"), advice.to_owned())
        }
        NoRotation::Shape => (format!("the external id of role `{role}` does not stand where it can be changed"), "change it by hand".to_owned()),
    };
    Failure::new(message, advice)
}
