//! Principals, resources and contexts as people write them.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::language::instant;
use crossrole_access::{Context, ContextValue, Controls, Estate, Objects};
use crossrole_model::{AccountId, Desired, KeyRef, PermissionSet};
use crossrole_policy::Arn;

use crate::args::{ContextArgs, FromArg};
use crate::failure::Failure;
use crate::keys;
use crate::session::Session;

/// Everything that decides, from the manifests or from what is live.
pub(crate) struct Known {
    pub(crate) estate: Estate,
    /// Accounts of which all principals are known.
    pub(crate) whole: BTreeSet<AccountId>,
    /// What AWS calls keys that manifests make, by the ARNs with their aliases.
    keys: BTreeMap<String, String>,
}

impl Known {
    /// A resource as the estate has it.
    pub(crate) fn resource(&self, action: &str, text: &str, desired: &Desired) -> Result<String, Failure> {
        let resource = of_service(action, text, resource(text, desired, &self.estate)?, desired, &self.estate)?;
        Ok(self.keys.get(&resource).cloned().unwrap_or(resource))
    }
}

pub(crate) async fn estate(from: FromArg, session: &Session) -> Result<Known, Failure> {
    let desired = &session.desired;
    let controls = session.settings.controls(desired)?;
    if from == FromArg::Manifest {
        return Ok(Known { estate: Objects::desired(desired).estate().under(&controls), whole: BTreeSet::new(), keys: BTreeMap::new() });
    }
    session.ended(live(session, &controls).await)
}

async fn live(session: &Session, controls: &Controls) -> Result<Known, Failure> {
    let desired = &session.desired;
    let observed = session.observe(&crossrole_planner::scope(desired)).await?;
    for (account, state) in &observed.accounts {
        if let crossrole_model::Observation::Unreadable(why) = state {
            return Err(Failure::new(
                format!("account {account} could not be read: {why}"),
                "say in `crossrole.toml` how it is reached, or ask with `--from manifest`",
            ));
        }
    }
    let whole = observed.accounts.iter().filter(|(_, state)| state.known().is_some_and(|state| state.complete)).map(|(id, _)| id.clone()).collect();
    let estate = Objects::observed(&observed, desired.partition).with_keys(&desired.bucket_keys).estate().under(controls);
    Ok(Known { estate, whole, keys: observed.made_keys() })
}

/// A role or user that is not there, in an account of which all are known, is let nothing: that is no answer to what was meant.
pub(crate) fn there(arn: &str, estate: &Estate, whole: &BTreeSet<AccountId>) -> Result<(), Failure> {
    let Some(parsed) = Arn::parse(arn).filter(|arn| arn.service == "iam") else { return Ok(()) };
    let named = ["role/", "user/", "group/"].iter().any(|kind| parsed.resource.starts_with(kind)) && !arn.contains(['*', '?']);
    let known = AccountId::parse(parsed.account).filter(|account| whole.contains(account));
    // A permission set may be assigned in an account at any time.
    let of_set = PermissionSet::of_role(arn).is_some();
    match known.filter(|_| named && !of_set && !estate.principals.contains_key(arn)) {
        None => Ok(()),
        Some(account) => {
            let resource = crossrole_report::safe(parsed.resource);
            let hint = "correct its name, or ask with `--from manifest` what it will be let";
            Err(Failure::new(format!("`{resource}` does not exist in account {account}"), hint))
        }
    }
}

/// A role, user or group that manifests, which are all that is known, neither declare nor name; and one that is called nearly so.
pub(crate) fn unheard(text: &str, arn: &str, desired: &Desired, estate: &Estate) -> Option<(String, Option<String>)> {
    let parsed = Arn::parse(arn).filter(|arn| arn.service == "iam")?;
    let (kind, name) = parsed.resource.split_once('/').filter(|(kind, _)| ["role", "user", "group"].contains(kind))?;
    // Whoever writes an ARN out means it.
    if text.starts_with("arn:") || estate.principals.contains_key(arn) || arn.contains(['*', '?']) || PermissionSet::of_role(arn).is_some() {
        return None;
    }
    let head = format!("arn:{}:iam::{}:{kind}/", parsed.partition, parsed.account);
    let known = estate.principals.keys().filter_map(|arn| arn.strip_prefix(&head));
    let near = known.map(|known| (strsim::damerau_levenshtein(known, name), known)).min().filter(|(far, _)| *far <= (1 + name.len() / 4).min(3));
    let shown = crossrole_report::safe(text);
    let hint = near.map(|(_, near)| format!("did you mean `{}`?", crossrole_report::safe(&shown.replacen(name, near, 1))));
    let trusting = desired.accounts.iter().any(|(id, info)| info.trusting && id.as_str() == parsed.account);
    (trusting || hint.is_some()).then(|| (format!("no manifest declares or names `{shown}`"), hint))
}

/// The trusting account, where there is one: of several, a label has to say which.
fn trusting(desired: &Desired) -> Option<&AccountId> {
    let mut all = desired.accounts.iter().filter(|(_, info)| info.trusting).map(|(id, _)| id);
    all.next().filter(|_| all.next().is_none())
}

/// The account that an id or a label stands for; none where the label stands for several.
fn labelled<'d>(desired: &'d Desired, label: &str) -> Option<&'d AccountId> {
    match desired.labelled(label).as_slice() {
        [] => desired.accounts.keys().find(|id| id.as_str() == label),
        [one] => Some(one),
        _ => None,
    }
}

/// The label at the head of a text that would be one account's, and is several accounts'.
fn of_several(text: &str, desired: &Desired) -> Option<Failure> {
    let label = text.split('/').next().unwrap_or(text);
    let accounts = desired.labelled(label);
    let [one, other, ..] = accounts.as_slice() else { return None };
    let label = crossrole_report::safe(label);
    let error = format!("`{label}` is the label of several accounts of these manifests, {one} and {other} among them");
    Some(Failure::new(error, format!("write the account's id in its place, as in `{}`", text.replacen(&label, one.as_str(), 1))))
}

/// `label/permission-set/Name`
fn permission_set(text: &str, desired: &Desired) -> Option<PermissionSet> {
    let (account, name) = match text.split('/').collect::<Vec<_>>().as_slice() {
        ["permission-set" | "permission_set", name] => (trusting(desired)?, *name),
        [label, "permission-set" | "permission_set", name] => (labelled(desired, label)?, *name),
        _ => return None,
    };
    (!name.is_empty()).then(|| PermissionSet { account: account.clone(), name: name.to_owned() })
}

/// An ARN, from `label/kind/Name` or `kind/Name`; the path is looked up.
fn named(text: &str, desired: &Desired, estate: &Estate) -> Option<String> {
    if let Some(set) = permission_set(text, desired) {
        let known = estate.principals.keys().find(|arn| PermissionSet::of_role(arn).as_ref() == Some(&set));
        return Some(known.cloned().unwrap_or_else(|| set.any_role(desired.partition)));
    }
    let parts: Vec<&str> = text.split('/').collect();
    let (account, kind, name) = match parts.as_slice() {
        [kind @ ("role" | "user" | "group"), name @ ..] => (trusting(desired)?, *kind, name),
        [label, kind @ ("role" | "user" | "group"), name @ ..] => (labelled(desired, label)?, *kind, name),
        _ => return None,
    };
    let last = name.last()?;
    let head = format!("arn:{}:iam::{account}:{kind}/", desired.partition.as_str());
    let exact = format!("{head}{}", name.join("/"));
    // A path that is written is meant.
    let is = |arn: &&String| if name.len() > 1 { **arn == exact } else { arn.starts_with(&head) && arn.rsplit('/').next() == Some(last) };
    let known = estate.principals.keys().find(is);
    Some(known.cloned().unwrap_or(exact))
}

/// A principal as the evaluator wants it.
pub(crate) fn principal(text: &str, desired: &Desired, estate: &Estate) -> Result<String, Failure> {
    if text.starts_with("arn:") {
        return of_arn(text, desired);
    }
    let service = [".amazonaws.com", ".amazonaws.com.cn", ".aws.internal"].iter().any(|end| text.ends_with(end));
    if text == "anonymous" || crossrole_access::is_provider(text) || service && crossrole_access::catalogue::is_service_principal(text) {
        return Ok(text.to_owned());
    }
    if let Some(account) = labelled(desired, text) {
        return Ok(account.to_string());
    }
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    if let Some(several) = of_several(text, desired) {
        return Err(several);
    }
    named(text, desired, estate).ok_or_else(|| {
        Failure::new(
            format!("`{}` is no principal", crossrole_report::safe(text)),
            "write `label/user/Name`, `label/group/Name`, `label/role/Name`, `label/permission-set/Name`, `role/Name` for the trusting account, a label, an ARN, a service, or `anonymous`",
        )
    })
}

/// An ARN of a principal, which has an account of twelve digits and the partition of the manifests.
fn of_arn(text: &str, desired: &Desired) -> Result<String, Failure> {
    let wrong = |why: String| Err(Failure::new(format!("`{}` is no principal: {why}", crossrole_report::safe(text)), "correct the ARN"));
    let Some(arn) = Arn::parse(text).filter(|arn| ["iam", "sts"].contains(&arn.service)) else { return wrong("it is no ARN of IAM or STS".to_owned()) };
    if AccountId::parse(arn.account).is_none() {
        return wrong(format!("`{}` is no account", crossrole_report::safe(arn.account)));
    }
    if !desired.manifests.is_empty() && arn.partition != desired.partition.as_str() {
        return wrong(format!("the manifests lie in partition `{}`", desired.partition.as_str()));
    }
    let kind = arn.resource.split(['/', ':']).next().unwrap_or_default();
    let kinds = ["role", "user", "group", "assumed-role", "federated-user", "oidc-provider", "saml-provider"];
    if arn.resource != "root" && !(kinds.contains(&kind) && arn.resource.split_once('/').is_some_and(|(_, name)| !name.is_empty())) {
        return wrong("it names neither a role, a user, a group, a session nor a provider".to_owned());
    }
    Ok(text.to_owned())
}

/// A role that is assumed on the way.
pub(crate) fn role(text: &str, desired: &Desired, estate: &Estate) -> Result<String, Failure> {
    if text.starts_with("arn:") {
        return Ok(text.to_owned());
    }
    let full = if text.contains('/') { text.to_owned() } else { format!("role/{text}") };
    if let Some(several) = of_several(&full, desired) {
        return Err(several);
    }
    named(&full, desired, estate)
        .ok_or_else(|| Failure::new(format!("`{}` is no role", crossrole_report::safe(text)), "write `role/Name`, `label/role/Name`, or an ARN"))
}

/// A resource as the evaluator wants it.
///
/// # Errors
/// It is a role, user or group, and there are several trusting accounts.
pub(crate) fn resource(text: &str, desired: &Desired, estate: &Estate) -> Result<String, Failure> {
    if text == "*" || text.starts_with("arn:") {
        return Ok(text.to_owned());
    }
    let mut keys = desired.made_keys.keys().filter(|arn| KeyRef::parse(arn).is_some_and(|key| key.alias() == Some(text)));
    match (keys.next(), keys.next()) {
        (Some(key), None) => return Ok(key.clone()),
        (Some(one), Some(other)) => {
            let error = format!("`{}` stands for several keys", crossrole_report::safe(text));
            return Err(Failure::new(error, format!("write the ARN of one of them, as in `{one}` or `{other}`")));
        }
        _ => {}
    }
    let several = desired.accounts.values().filter(|info| info.trusting).count() > 1;
    if let Some(found) = named(text, desired, estate) {
        return Ok(found);
    }
    let kinds = ["role", "user", "group", "permission-set", "permission_set"];
    if text.split('/').nth(1).is_some_and(|kind| kinds.contains(&kind))
        && let Some(several) = of_several(text, desired)
    {
        return Err(several);
    }
    if several && ["role/", "user/", "group/"].iter().any(|kind| text.starts_with(kind)) {
        let text = crossrole_report::safe(text);
        let hint = format!("write `label/{text}`, with the label of an account, or an ARN");
        return Err(Failure::new(format!("`{text}` may be in any of several trusting accounts"), hint));
    }
    Ok(format!("arn:{}:s3:::{text}", desired.partition.as_str()))
}

/// The resource of an action of KMS, which is never asked of what S3 has: `key/exchange` is a key by its alias or its id.
///
/// # Errors
/// There is no such key, or there are several.
pub(crate) fn of_service(action: &str, text: &str, resource: String, desired: &Desired, estate: &Estate) -> Result<String, Failure> {
    let of_kms = action.get(..4).is_some_and(|head| head.eq_ignore_ascii_case("kms:"));
    if !of_kms || !resource.contains(":s3:::") {
        return Ok(resource);
    }
    let safe = crossrole_report::safe(text);
    if text.starts_with("arn:") {
        return Err(Failure::new(format!("`{safe}` is no key"), "write the ARN of a key, or its alias"));
    }
    let name = text.strip_prefix("key/").unwrap_or(text);
    let is = |arn: &&String| {
        let id = arn.split_once(":key/").map_or("", |(_, id)| id);
        let alias = KeyRef::parse(arn).and_then(|key| key.alias().map(str::to_owned)).unwrap_or_default();
        id == name || !alias.is_empty() && (alias == name || alias.strip_prefix("alias/") == Some(name))
    };
    let known: BTreeSet<&String> = estate.keys.keys().chain(desired.made_keys.keys()).collect();
    let found: Vec<&String> = known.iter().copied().filter(is).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => {
            let all: Vec<String> = known.iter().map(|arn| format!("`{}`", crossrole_report::safe(arn))).collect();
            let hint = if all.is_empty() { "write the ARN of a key".to_owned() } else { format!("write the ARN of a key: known are {}", all.join(", ")) };
            Err(Failure::new(format!("`{safe}` is no key that is known here"), hint))
        }
        [one, other, ..] => {
            let [one, other] = [one, other].map(|arn| crossrole_report::safe(arn));
            Err(Failure::new(format!("`{safe}` stands for several keys"), format!("write the ARN of one of them, as in `{one}` or `{other}`")))
        }
    }
}

/// What the request brings, with the time of now unless it says another.
pub(crate) fn context(args: &ContextArgs) -> Result<Context, Failure> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in &args.context {
        let Some((key, value)) = pair.split_once('=') else {
            return Err(Failure::new(format!("`--context {}` has no value", crossrole_report::safe(pair)), "write `--context KEY=VALUE`"));
        };
        values.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    let mut wrong: Vec<String> = values.iter().filter_map(|(key, values)| keys::mistake(key, values)).collect();
    wrong.extend(args.at.iter().filter(|at| instant(at).is_none()).map(|at| format!("`--at {}` is no moment", crossrole_report::safe(at))));
    if !wrong.is_empty() {
        return Err(Failure::several(wrong, "a condition is met by what requests have, and by nothing else; write as in `--at 2027-03-31T00:00:00Z`"));
    }
    let mut context = Context::default();
    context.set("aws:CurrentTime", args.at.clone().unwrap_or_else(now));
    if args.mfa {
        context.set("aws:MultiFactorAuthPresent", "true");
        context.set("aws:MultiFactorAuthAge", "0");
    }
    if let Some(id) = &args.external_id {
        context.set("sts:ExternalId", id.clone());
    }
    if let Some(address) = args.source_ip {
        context.set("aws:SourceIp", address.to_string());
    }
    for (key, mut list) in values {
        let many = list.len() > 1 || crossrole_access::catalogue::key(&key).is_some_and(|k| k.many);
        match list.pop() {
            Some(one) if !many => context.insert(&key, ContextValue::One(one)),
            Some(last) => context.insert(&key, ContextValue::Many(list.into_iter().chain([last]).collect())),
            None => {}
        }
    }
    Ok(context)
}

/// Seconds since 1970, which dates may be written in.
pub(crate) fn now() -> String {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs()).to_string()
}
