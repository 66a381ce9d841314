//! `crossrole profile`: a section of AWS's config file.

use std::path::Path;

use crossrole_policy::Arn;
use crossrole_report::safe;

use crate::args::ProfileArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::temporary::{Taking, aws_config, exports, paths};

pub(crate) async fn run(args: &ProfileArgs, io: &mut Io) -> Result<Exit, Failure> {
    let taking = Taking::open(&args.role, &args.take, false, io)?;
    let own = Arn::parse(&taking.role).and_then(|arn| arn.resource.rsplit('/').next()).unwrap_or_default().to_owned();
    let name = args.name.clone().unwrap_or(own);
    let good = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-/:".contains(c));
    if !good {
        return Err(Failure::new(format!("`{}` is no name of a profile", safe(&name)), "use letters, digits and `_+=,.@-/:`"));
    }
    let source = source(args)?;
    if source.as_deref().is_some_and(|source| aws_config::comes_from(source, &name)) {
        return Err(Failure::new(
            format!("profile `{name}` would be its own source, by way of `{}`", safe(source.as_deref().unwrap_or_default())),
            "name with `--profile` whoever assumes the role, and with `--name` another profile",
        ));
    }
    if aws_config::has_credentials(&name) {
        let hint = "give this one another name with `--name`, or take the keys out of that file";
        return Err(Failure::new(format!("AWS's file of credentials has a profile `{name}`, whose keys come first"), hint));
    }
    let mut settings = if args.plain { plain(&taking, args, source).await? } else { vec![("credential_process", process(&taking, args, source)?)] };
    settings.extend(args.region.clone().map(|region| ("region", region)));
    let (path, there) = aws_config::write(&name, &settings, args.replace)?;
    let done = if there { "updated" } else { "written" };
    io.err(&format!("profile `{name}` is {done} in {}\n", safe(&path.display().to_string())));
    Ok(Exit::Clean)
}

/// Whoever assumes the role, by name: a profile that said nothing of it would ask itself, once `AWS_PROFILE` names it.
fn source(args: &ProfileArgs) -> Result<Option<String>, Failure> {
    if args.take.cloud.sandbox {
        return Ok(None);
    }
    let named = args.take.profile.clone().or_else(|| std::env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty()));
    match named.or_else(|| aws_config::exists("default").then(|| "default".to_owned())) {
        Some(name) => Ok(Some(name)),
        None => Err(Failure::new("nothing says who assumes the role", "name a profile with `--profile`; keys in the environment are not written into files")),
    }
}

/// What any of AWS's tools does by itself.
async fn plain(taking: &Taking, args: &ProfileArgs, source: Option<String>) -> Result<Vec<(&'static str, String)>, Failure> {
    let take = &args.take;
    let cant: Vec<String> = [
        ("--via", !take.via.is_empty()),
        ("--session", take.session.is_some()),
        ("--tag", !take.tag.is_empty()),
        ("--source-identity", take.source_identity.is_some()),
        ("--mfa-process", take.mfa_process.is_some()),
        ("--sandbox", take.cloud.sandbox),
    ]
    .into_iter()
    .filter(|(_, given)| *given)
    .map(|(option, _)| format!("`{option}` can't be said in a plain profile"))
    .collect();
    if !cant.is_empty() {
        return Err(Failure::several(cant, "leave `--plain` out: `credential_process` does all of it"));
    }
    let mut settings = vec![("role_arn", taking.role.clone())];
    settings.extend(source.map(|source| ("source_profile", source)));
    settings.extend(take.external_id.clone().or(taking.external_id().await?).map(|id| ("external_id", id)));
    settings.extend(take.session_name.clone().map(|name| ("role_session_name", name)));
    settings.extend(take.duration.map(|seconds| ("duration_seconds", seconds.to_string())));
    settings.extend(take.mfa_serial.clone().map(|serial| ("mfa_serial", serial)));
    Ok(settings)
}

/// The command line that AWS's tools run: they split it as a shell does.
fn process(taking: &Taking, args: &ProfileArgs, source: Option<String>) -> Result<String, Failure> {
    let take = &args.take;
    let absolute = |path: &Path| {
        let failed = |error: std::io::Error| Failure::new(format!("`{}` has no whole path: {error}", safe(&path.display().to_string())), "check the path");
        let path = std::path::absolute(path).map_err(failed)?;
        let text = path.to_str().map(str::to_owned);
        text.ok_or_else(|| Failure::new(format!("`{}` is not UTF-8", safe(&path.display().to_string())), "move it to a path that is"))
    };
    let own = std::env::current_exe().map_err(|error| Failure::new(format!("where this program is, is not known: {error}"), "call it by its path"))?;
    let mut words = vec![absolute(&own)?, "credentials".to_owned(), taking.role.clone()];
    if taking.desired().manifests.is_empty() {
        words.push("--no-manifest".to_owned());
    } else {
        words.extend(paths(&take.paths).iter().map(|path| absolute(path)).collect::<Result<Vec<_>, _>>()?);
    }
    let mut with = |option: &str, value: Option<String>| words.extend(value.into_iter().flat_map(|value| [option.to_owned(), value]));
    with("--config", take.cloud.config.exists().then(|| absolute(&take.cloud.config)).transpose()?);
    with("--profile", source);
    for via in &take.via {
        with("--via", Some(via.clone()));
    }
    with("--external-id", take.external_id.clone());
    with("--session-name", take.session_name.clone());
    with("--duration", take.duration.map(|seconds| format!("{seconds}s")));
    with("--mfa-serial", take.mfa_serial.clone());
    with("--mfa-process", take.mfa_process.clone());
    with("--source-identity", take.source_identity.clone());
    for (key, value) in &take.tag {
        with("--tag", Some(format!("{key}={value}")));
    }
    for key in &take.transitive {
        with("--transitive", Some(key.clone()));
    }
    with("--session", take.session.clone());
    if take.cloud.sandbox {
        with("--sandbox-state", Some(absolute(&take.cloud.sandbox_state)?));
        with("--as", take.r#as.clone());
        words.push("--sandbox".to_owned());
        words.extend(take.as_mfa.then(|| "--as-mfa".to_owned()));
    }
    words.extend(take.no_cache.then(|| "--no-cache".to_owned()));
    Ok(words.iter().map(|word| exports::word(word)).collect::<Vec<_>>().join(" "))
}
