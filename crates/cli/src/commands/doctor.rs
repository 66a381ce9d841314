//! `crossrole doctor`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use crossrole_access::estate::BucketKey;
use crossrole_access::{ObjectKey, Question, brought};
use crossrole_doctor::{Asked, Case, Manifests};
use crossrole_manifest::Surroundings;
use crossrole_model::desired::AccountInfo;
use crossrole_model::diagnosis::{Amendment, Cause, Denied, Diagnosis, FixStep, Found};
use crossrole_model::observed::{BucketScope, ObservedBucket, ObservedKey, Scope};
use crossrole_model::state::{BucketState, Encryption, PublicAccessBlock, Tags};
use crossrole_model::{AccountId, Desired, KeyRef, Observation, Observed, Partition, Plan, Source};
use crossrole_planner::Options;
use crossrole_policy::Arn;
use crossrole_report::View;

use crate::args::DoctorArgs;
use crate::failure::{Exit, Failure};
use crate::files::{self, SMALL, Wanted};
use crate::io::Io;
use crate::load::Loaded;
use crate::session::Session;
use crate::settings::Settings;
use crate::{actions, ask};

/// Keys that were read, by ARN.
type Keys = BTreeMap<String, Observation<Option<ObservedKey>>>;

/// The folder of manifests, unless others are named.
const MANIFESTS: &str = "manifests";

/// Files of refusals.
const ERROR: Wanted = Wanted {
    what: "refusal",
    most: SMALL,
    advice: "name the file that has the text of the error, or `-` for standard input",
    smaller: "keep the error itself, and the lines around it",
};

pub(crate) async fn run(args: &DoctorArgs, io: &mut Io) -> Result<Exit, Failure> {
    let denied = refusal(args, io)?;
    if let Some(action) = &args.action {
        actions::one(action)?;
    }
    // What needs no policy needs no manifest.
    if let Some(denied) = denied.as_ref().filter(|denied| denied.encoded.is_none())
        && let Some(exit) = said_alone(args, Some(denied), io)
    {
        return Ok(exit);
    }
    let session = Session::of(loaded(args, denied.as_ref(), io)?, &args.cloud, io)?;
    session.ended(examine(args, denied, &session, io).await)
}

/// The manifests; where none are named and there are none, the accounts of which the question speaks.
fn loaded(args: &DoctorArgs, denied: Option<&Denied>, io: &mut Io) -> Result<Loaded, Failure> {
    let usual = Path::new(MANIFESTS);
    let named = [args.principal.as_deref(), args.resource.as_deref()].into_iter().flatten().chain(args.via.iter().map(String::as_str));
    let told = denied.into_iter().flat_map(|d| [d.principal.as_deref(), d.resource.as_deref()]).flatten();
    let all: Vec<&str> = named.chain(told).collect();
    let account = |text: &&str| AccountId::parse(Arn::parse(text).map_or(*text, |arn| arn.account));
    let accounts: BTreeSet<AccountId> = all.iter().filter_map(account).collect();
    if args.paths != [usual] || usual.exists() || accounts.is_empty() {
        return Loaded::read(&args.paths, &args.cloud.config, io);
    }
    let partitions = [Partition::Aws, Partition::AwsCn, Partition::AwsUsGov];
    let of = |text: &&str| Arn::parse(text).and_then(|arn| partitions.into_iter().find(|known| known.as_str() == arn.partition));
    let info = || AccountInfo { label: String::new(), trusting: false, managed: true, left: true, fills: BTreeMap::default() };
    let partition = all.iter().find_map(of).unwrap_or_default();
    let desired = Desired { partition, accounts: accounts.into_iter().map(|id| (id, info())).collect(), ..Desired::default() };
    let settings = Settings::read(&args.cloud.config)?.without_labels_beside(&desired);
    Ok(Loaded { settings, desired, sources: Vec::new() })
}

/// The refusal, where there is one.
fn refusal(args: &DoctorArgs, io: &mut Io) -> Result<Option<Denied>, Failure> {
    let of_nothing = args.action.as_deref().is_some_and(names_none);
    let said = args.principal.is_some() && args.action.is_some() && (args.resource.is_some() || of_nothing);
    let text = match &args.error {
        None if said => return Ok(None),
        None => io.input(&ERROR)?,
        Some(path) if path.as_os_str() == "-" => io.input(&ERROR)?,
        Some(path) => files::read(path, &ERROR)?,
    };
    if text.trim().is_empty() {
        return Err(Failure::new("the refusal is empty", "an AWS CLI writes errors to standard error: add `2>&1` before the pipe"));
    }
    Ok(Some(crossrole_doctor::read(&text)))
}

async fn examine(args: &DoctorArgs, denied: Option<Denied>, session: &Session, io: &mut Io) -> Result<Exit, Failure> {
    let denied = match denied {
        Some(denied) => Some(decoded(denied, session, io).await?),
        None => None,
    };
    if let Some(exit) = said_alone(args, denied.as_ref(), io) {
        return Ok(exit);
    }
    let observed = session.observe(&crossrole_planner::scope(&session.desired)).await?;
    let mut asked = asked(args, denied, session, &observed)?;
    let mut besides = besides(&asked, session, &observed).await?;
    let object = object(&asked, session, &observed, &besides).await?;
    asked.key = key(args, &asked, session, [&besides, &observed]).await?;
    besides.keys = keys(&asked, session, &observed, &besides).await?;
    let found = search(asked, session, observed, besides, object).await?;
    let view = View { show_external_ids: args.show_external_ids, screen: io.out_screen(), ..View::default() };
    if args.json {
        io.out_json(&crossrole_report::diagnosis_json(&found, view));
    } else {
        io.out(&crossrole_report::diagnosis(&found, view));
    }
    if args.write {
        if found.gives_back() && !args.give_back {
            let advice = "where it is meant to come back, say so: `--write --give-back`; otherwise there is nothing to change";
            return Err(Failure::new("nothing was written: the fix gives back access that was revoked", advice));
        }
        written(&found, session)?;
    }
    Ok(match found.found() {
        Found::Allowed => Exit::Clean,
        Found::Cause => Exit::Failed,
        Found::Unknown => Exit::Unknown,
    })
}

/// The same refusal, with what its encoded message tells; that it can't be decoded is said.
async fn decoded(denied: Denied, session: &Session, io: &mut Io) -> Result<Denied, Failure> {
    let Some(message) = &denied.encoded else { return Ok(denied) };
    let of = denied.principal.as_deref().and_then(Arn::parse).and_then(|arn| AccountId::parse(arn.account));
    let trusting = || session.desired.accounts.iter().find(|(_, info)| info.trusting).map(|(id, _)| id.clone());
    let Some(account) = of.or_else(trusting) else { return Ok(denied) };
    match session.stops.or(session.aws.decode_authorization_message(&account, message)).await.map_err(|stop| stop.while_("decoding"))? {
        Ok(text) => Ok(Denied { cause: denied.cause, region: denied.region, ..crossrole_doctor::read(&text) }),
        Err(error) => {
            let text = format!("the encoded message was not read: {error}");
            let advice = "`sts:DecodeAuthorizationMessage` in that account is what it takes";
            io.err(&Failure::new(text, advice).render(io.err_screen()).replacen("error: ", "note: ", 1));
            Ok(denied)
        }
    }
}

/// Says such a cause.
fn said_alone(args: &DoctorArgs, denied: Option<&Denied>, io: &mut Io) -> Option<Exit> {
    let (cause, remedy) = alone(args, denied)?;
    let view = View { screen: io.out_screen(), ..View::default() };
    let code = denied.map(|denied| denied.code.as_str()).unwrap_or_default();
    if args.json {
        io.out_json(&crossrole_report::cause_alone_json(cause, code, remedy));
    } else {
        io.out(&crossrole_report::cause_alone(cause, code, remedy, view));
    }
    Some(Exit::Failed)
}

/// A cause that has to do with no policy, where the refusal does not tell the whole call: that is all there is to say.
fn alone(args: &DoctorArgs, denied: Option<&Denied>) -> Option<(Cause, &'static str)> {
    let denied = denied?;
    let told = [
        args.principal.is_some() || denied.principal.is_some(),
        args.action.is_some() || denied.action.is_some(),
        args.resource.is_some() || denied.resource.is_some(),
    ];
    let cause = denied.cause?;
    Some((cause, crossrole_report::remedy(cause)?)).filter(|_| told.contains(&false))
}

/// What is asked: what was typed comes before what the refusal tells.
fn asked(args: &DoctorArgs, denied: Option<Denied>, session: &Session, observed: &Observed) -> Result<Asked, Failure> {
    let desired = &session.desired;
    let controls = session.settings.controls(desired)?;
    let estate = crossrole_access::Objects::observed(observed, desired.partition).with_keys(&desired.bucket_keys).estate().under(&controls);
    let told = |part: fn(&Denied) -> Option<&String>| denied.as_ref().and_then(part).cloned();
    let (principal, action) = (args.principal.clone().or_else(|| told(|d| d.principal.as_ref())), args.action.clone().or_else(|| told(|d| d.action.as_ref())));
    let resource = args.resource.clone().or_else(|| told(|d| d.resource.as_ref()));
    let key = key_of(action.as_deref(), desired);
    let (action, resource) = match through(args, denied.as_ref(), resource.as_deref(), key.is_some()) {
        Some((through, object)) => (Some(through), object),
        None => (action, resource.or(key)),
    };
    let of_nothing = action.as_deref().is_some_and(names_none) && resource.as_deref().is_none_or(|resource| resource.ends_with(":s3:::*"));
    let resource = if of_nothing { Some("*".to_owned()) } else { resource };
    let missing = [(&principal, "--principal"), (&action, "--action"), (&resource, "--resource")];
    let missing: Vec<&str> = missing.into_iter().filter(|(part, _)| part.is_none()).map(|(_, flag)| flag).collect();
    let (Some(principal), Some(action), Some(resource)) = (principal, action, resource) else {
        return Err(untold(denied.as_ref(), &missing));
    };
    let via = args.via.iter().map(|role| ask::role(role, desired, &estate)).collect::<Result<Vec<_>, _>>()?;
    let mut context = ask::context(&args.context)?;
    if let Some(region) = args.region.as_ref().filter(|_| args.via.is_empty() && context.get("aws:RequestedRegion").is_none()) {
        context.set("aws:RequestedRegion", region.clone());
    }
    let named = ask::of_service(&action, &resource, ask::resource(&resource, desired, &estate)?, desired, &estate)?;
    let resource = of_kind(&action, named, &mut context)?;
    let question =
        Question { principal: ask::principal(&principal, desired, &estate)?, via, action, resource, resource_account: None, context, unread_allows: false };
    let mut asked = Asked {
        question,
        duration: args.duration,
        session_tags: args.session_tags,
        source_identity: args.source_identity,
        session_policy: false,
        copies: None,
        key: ObjectKey::AsItsBucket,
        region: args.region.clone(),
        denied: None,
    };
    if let Some(brought) = denied.as_ref().and_then(|denied| denied.brought.as_ref()) {
        let at = args.context.at.is_some().then(|| asked.question.context.get("aws:CurrentTime").cloned()).flatten();
        asked.bring(brought);
        if let Some(at) = at {
            asked.question.context.insert("aws:CurrentTime", at);
        }
    }
    asked.denied = denied;
    Ok(asked)
}

/// What S3 was asked for, where KMS refused S3 and nothing names the key: the call that has the key in it.
fn through(args: &DoctorArgs, denied: Option<&Denied>, resource: Option<&str>, one_key: bool) -> Option<(String, Option<String>)> {
    let denied = denied.filter(|_| args.action.is_none())?;
    let action = denied.through.clone()?;
    let of_key = |text: &str| text.contains(":kms:") || text.starts_with("key/") || text == "*";
    match (resource, &denied.object) {
        (Some(text), _) if !of_key(text) => Some((action, Some(text.to_owned()))),
        (_, Some(object)) if args.resource.is_none() => Some((action, Some(object.clone()))),
        (Some(_), _) => None,
        (None, _) => (!one_key).then_some((action, None)),
    }
}

/// Tells whether an action names no resource, so that it is asked of `*`.
fn names_none(action: &str) -> bool {
    crossrole_access::catalogue::action(action).is_some_and(|action| action.resources.is_empty())
}

/// What is not told of the call, and what is.
fn untold(denied: Option<&Denied>, missing: &[&str]) -> Failure {
    let cause = denied.and_then(|d| d.cause).map(|cause| format!(" (it says: {})", crossrole_report::title(cause))).unwrap_or_default();
    let told = |part: fn(&Denied) -> Option<&String>| denied.and_then(part).map(|text| crossrole_report::safe(text));
    let parts = [("principal", told(|d| d.principal.as_ref())), ("action", told(|d| d.action.as_ref())), ("resource", told(|d| d.resource.as_ref()))];
    let known: Vec<String> = parts.into_iter().filter_map(|(name, text)| Some(format!("{name} `{}`", text?))).collect();
    let known = if known.is_empty() { String::new() } else { format!("; it tells {}", known.join(", ")) };
    Failure::new(format!("the refusal does not tell all of the call{cause}{known}"), format!("say it with {}", missing.join(", ")))
}

/// A resource of the kind that the action is asked of: of a list, what its keys are to begin with is a condition.
///
/// # Errors
/// An object is asked for, and which is not said.
fn of_kind(action: &str, resource: String, context: &mut crossrole_access::Context) -> Result<String, Failure> {
    let Some(known) = crossrole_access::catalogue::action(action) else { return Ok(resource) };
    let (of_object, of_bucket) = (known.resources.contains(&"object"), known.resources.contains(&"bucket"));
    let Some((head, name)) = resource.split_once(":s3:::").filter(|_| of_object != of_bucket) else { return Ok(resource) };
    let (bucket, key) = name.split_once('/').map_or((name, None), |(bucket, key)| (bucket, Some(key)));
    match key {
        None if of_object && !bucket.contains('*') => {
            let bucket = crossrole_report::safe(bucket);
            let error = format!("`{}` is asked of an object, and which object of bucket `{bucket}` is not told", known.name);
            Err(Failure::new(error, format!("say it with --resource {bucket}/KEY")))
        }
        Some(key) if of_bucket => {
            if ["s3:ListBucket", "s3:ListBucketVersions"].contains(&known.name) && context.get("s3:prefix").is_none() && !key.contains('*') {
                context.set("s3:prefix", key);
            }
            Ok(format!("{head}:s3:::{bucket}"))
        }
        _ => Ok(resource),
    }
}

/// Whether the object that was refused is there, as whoever reads the bucket's account sees it; where that is not let, it is not known.
async fn object(asked: &Asked, session: &Session, observed: &Observed, besides: &Observed) -> Result<Option<bool>, Failure> {
    let Some((bucket, key)) = asked.question.resource.split_once(":s3:::").and_then(|(_, name)| name.split_once('/')) else { return Ok(None) };
    if asked.denied.is_none() || key.is_empty() || key.contains(['*', '?']) {
        return Ok(None);
    }
    let account = observed.bucket_accounts.get(bucket).or_else(|| besides.bucket_accounts.get(bucket));
    let known = [besides, observed].into_iter().find_map(|seen| seen.buckets.get(bucket).and_then(|b| b.known().cloned().flatten()));
    let (Some(account), Some(known)) = (account, known) else { return Ok(None) };
    let looked = session.aws.object_exists(account, bucket, &known.state.region, key);
    Ok(session.stops.or(looked).await.map_err(|stop| stop.while_("looking for the object"))?.ok())
}

/// KMS does not name the key that it is asked for: where manifests name one alone, it is that.
fn key_of(action: Option<&str>, desired: &Desired) -> Option<String> {
    action.filter(|action| action.starts_with("kms:"))?;
    let mut keys: Vec<&str> = desired.bucket_keys.values().map(|bucket| bucket.key.arn.as_str()).collect();
    keys.sort_unstable();
    keys.dedup();
    if let [one] = keys.as_slice() { Some((*one).to_owned()) } else { None }
}

/// The buckets with all of their settings, where the account may be called.
async fn besides(asked: &Asked, session: &Session, observed: &Observed) -> Result<Observed, Failure> {
    let desired = &session.desired;
    let of = |arn: &String| arn.split_once(":s3:::").map(|(_, name)| name.split('/').next().unwrap_or(name).to_owned());
    let names = [Some(&asked.question.resource), asked.copies.as_ref()].into_iter().flatten().filter_map(of);
    let trusting = || desired.accounts.iter().find(|(_, info)| info.trusting).map(|(id, _)| id.clone());
    // Without manifests, nothing says whose it is: most are in the caller's own account.
    let own = || Arn::parse(&asked.question.principal).and_then(|arn| AccountId::parse(arn.account)).filter(|id| desired.accounts.contains_key(id));
    let mut buckets = BTreeMap::new();
    for name in names.filter(|name| !name.is_empty() && !name.contains(['*', '?'])) {
        let Some(account) = observed.bucket_accounts.get(&name).cloned().or_else(trusting).or_else(own) else { continue };
        let known = observed.buckets.get(&name).and_then(|b| b.known().cloned().flatten());
        let region = known.map_or_else(|| desired.partition.home_region().to_owned(), |bucket| bucket.state.region);
        buckets.insert(
            name,
            BucketScope { account, region: region.clone(), settings: Some(every_setting(region)), left: false, encryption: false, public: false },
        );
    }
    if buckets.is_empty() {
        return Ok(Observed::default());
    }
    session.observe(&Scope { buckets, ..Scope::default() }).await
}

/// How the object that is asked for is encrypted, where something but the request says it: what is typed, the refusal, and the object itself.
///
/// # Errors
/// What is typed is no key's ARN.
async fn key(args: &DoctorArgs, asked: &Asked, session: &Session, seen: [&Observed; 2]) -> Result<ObjectKey, Failure> {
    let question = &asked.question;
    let Some((bucket, name)) = question.resource.split_once(":s3:::").and_then(|(_, name)| name.split_once('/')) else {
        return Ok(ObjectKey::AsItsBucket);
    };
    let state = seen.into_iter().find_map(|seen| seen.buckets.get(bucket).and_then(|b| b.known().cloned().flatten())).map(|bucket| bucket.state);
    let of_bucket = state.as_ref().is_some_and(|state| matches!(state.encryption, Some(Encryption::Kms { bucket_key: true, .. })));
    let known = |arn: &str, bucket_key: bool| {
        let region = state.as_ref().map(|state| state.region.clone()).or_else(|| Arn::parse(arn).map(|arn| arn.region.to_owned()));
        ObjectKey::Key(BucketKey { arn: arn.to_owned(), bucket_key, region: region.unwrap_or_default() })
    };
    if let Some(typed) = &args.key {
        let advice = "write it as `arn:aws:kms:REGION:ACCOUNT:key/ID`: `aws s3api head-object` tells it as SSEKMSKeyId";
        let mistake = || Failure::new(format!("`{}` is no ARN of a key", crossrole_report::safe(typed)), advice);
        return KeyRef::parse(typed).map(|key| known(&key.arn, of_bucket)).ok_or_else(mistake);
    }
    if let Some(key) = asked.denied.as_ref().and_then(|denied| denied.resource.as_deref()).and_then(KeyRef::parse) {
        return Ok(known(&key.arn, of_bucket));
    }
    let reads = |action: &str| action.eq_ignore_ascii_case(&question.action);
    let (reads, version) = (reads("s3:GetObject"), reads("s3:GetObjectVersion"));
    let account = seen.into_iter().find_map(|seen| seen.bucket_accounts.get(bucket));
    let (Some(account), Some(state)) = (account.filter(|_| (reads || version) && !name.is_empty() && !name.contains(['*', '?'])), &state) else {
        return Ok(ObjectKey::AsItsBucket);
    };
    let looked = session.aws.object_key(account, bucket, &state.region, name);
    let looked = session.stops.or(looked).await.map_err(|stop| stop.while_("looking for the object"))?;
    // Of what lies there now: an earlier version, or what KMS refused, may have been encrypted all the same.
    let by_kms = asked.denied.as_ref().and_then(|denied| denied.action.as_deref()).is_some_and(|action| action.starts_with("kms:"));
    Ok(match looked {
        Ok(Some((arn, bucket_key))) => known(&arn, bucket_key),
        Ok(None) if reads && !by_kms => ObjectKey::Otherwise,
        Ok(None) | Err(_) => ObjectKey::AsItsBucket,
    })
}

/// Keys that no manifest names, and that the call uses, where their accounts may be called.
async fn keys(asked: &Asked, session: &Session, observed: &Observed, besides: &Observed) -> Result<Keys, Failure> {
    let of_bucket = |bucket: &ObservedBucket| if let Some(Encryption::Kms { key, .. }) = &bucket.state.encryption { Some(key.clone()) } else { None };
    let all = besides.buckets.values().filter_map(|bucket| of_bucket(bucket.known()?.as_ref()?));
    let sent = brought(&asked.question.context, &asked.question.action, None);
    let said = [&asked.key, &sent].into_iter().filter_map(|said| if let ObjectKey::Key(key) = said { Some(key.arn.clone()) } else { None });
    let all = all.chain(said).chain([asked.question.resource.clone()]).filter_map(|arn| KeyRef::parse(&arn));
    let managed = |key: &KeyRef| !observed.keys.contains_key(&key.arn) && session.desired.accounts.get(&key.account()).is_some_and(|info| info.managed);
    let keys: BTreeSet<String> = all.filter(managed).map(|key| key.arn).collect();
    if keys.is_empty() {
        return Ok(Keys::default());
    }
    Ok(session.observe(&Scope { keys, ..Scope::default() }).await?.keys)
}

fn every_setting(region: String) -> BucketState {
    BucketState {
        region,
        versioning: None,
        encryption: Some(Encryption::Aes256),
        public_access_block: Some(PublicAccessBlock::all(true)),
        ownership: Some("BucketOwnerEnforced".to_owned()),
        logging: None,
        tags: Some(Tags::new()),
    }
}

async fn search(asked: Asked, session: &Session, observed: Observed, besides: Observed, object: Option<bool>) -> Result<Diagnosis, Failure> {
    let (desired, sources) = (Arc::clone(&session.desired), session.sources.clone());
    let (controls, surroundings) = (session.settings.controls(&desired)?, session.settings.surroundings()?);
    let work = move || {
        let files = Files { sources, surroundings };
        let case = Case { desired: &desired, observed: &observed, besides: &besides, object, controls: &controls, manifests: &files };
        crossrole_doctor::diagnose(&case, asked)
    };
    session.computed("looking for a fix", work).await
}

/// The manifests of this run.
struct Files {
    sources: Vec<Source>,
    surroundings: Surroundings,
}

impl Files {
    fn with(&self, amendments: &[Amendment]) -> Option<Vec<Source>> {
        let mut sources = self.sources.clone();
        for source in &mut sources {
            let own: Vec<Amendment> = amendments.iter().filter(|amendment| amendment.file == source.file).cloned().collect();
            if !own.is_empty() {
                source.text = crossrole_manifest::amended(&source.text, &own)?;
            }
        }
        Some(sources)
    }
}

impl Manifests for Files {
    fn amended(&self, amendments: &[Amendment]) -> Option<Desired> {
        crossrole_manifest::load_in(&self.with(amendments)?, &self.surroundings).0
    }

    fn plan(&self, desired: &Desired, observed: &Observed, targets: &[String]) -> Plan {
        crossrole_planner::plan(desired, observed, &Options { targets: targets.to_vec(), ..Options::default() })
    }

    fn texts(&self, file: &str, amendments: &[Amendment]) -> Option<(String, String)> {
        let text = |sources: &[Source]| sources.iter().find(|source| source.file == file).map(|source| source.text.clone());
        Some((text(&self.sources)?, text(&self.with(amendments)?)?))
    }
}

/// Writes the change of the manifests, each file whole or not at all, where it is still what was read.
fn written(found: &Diagnosis, session: &Session) -> Result<(), Failure> {
    let steps = found.fix.iter().flatten();
    let texts = steps.filter_map(|step| if let FixStep::Manifest { file, after, .. } = step { Some((file.clone(), after.clone())) } else { None });
    crate::files::replace(&texts.collect(), &session.sources)
}
