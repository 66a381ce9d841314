//! Which roles whoever asks may assume: `assume --list`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crossrole_access::{Objects, action_matches, resource_matches};
use crossrole_cloud::{By, Own};
use crossrole_model::{AccountId, CloudError, Desired};
use crossrole_policy::{Document, Effect};
use crossrole_report::{Line, Tone, safe};

use super::refused::{length, of};
use super::{roles, terms};
use crate::args::TakeArgs;
use crate::failure::{Exit, Failure};
use crate::io::Io;
use crate::load::Loaded;
use crate::session::Session;

const ASSUME: &str = "sts:AssumeRole";

/// Lists them. `first` is what stands where a role is named otherwise: one more path.
pub(crate) async fn list(first: Option<&str>, args: &TakeArgs, io: &mut Io) -> Result<Exit, Failure> {
    let all: Vec<PathBuf> = first.map(PathBuf::from).into_iter().chain(args.paths.iter().cloned()).collect();
    let session = Session::of(Loaded::read(&super::paths(&all), &args.cloud.config, io)?, &args.cloud, io)?;
    let listed = listed(&session, args, io).await;
    session.ended(listed)
}

async fn listed(session: &Session, args: &TakeArgs, io: &mut Io) -> Result<Exit, Failure> {
    let desired = &session.desired;
    let estate = Objects::desired(desired).estate().under(&session.settings.controls(desired)?);
    let by = super::who(session, args, &estate)?;
    let to = owner(&by, session);
    let asked = async {
        let acting = session.aws.acting(&by, &to).await?;
        let identity = acting.identity().await?;
        let own = acting.own_policies(&identity).await;
        Ok((identity, own))
    };
    let answered = session.stops.or(Box::pin(asked)).await.map_err(|stop| stop.while_("asking whose credentials these are"))?;
    let (identity, own) = answered.map_err(|error| of(&error))?;
    session.told.line(&format!("credentials of {} (account {})", safe(&identity.arn), identity.account));
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut closed = 0;
    for (account, name, arn) in roles::declared(desired) {
        let wanted = terms::wanted(&estate, desired, &arn, &identity.arn, false);
        if wanted.lets != Some(true) {
            closed += 1;
            continue;
        }
        let label = desired.accounts.get(account).map_or_else(|| account.to_string(), |info| info.label.clone());
        let needs = [wanted.terms.external_id.is_some().then_some("an external id, which the manifest has"), wanted.terms.mfa.then_some("a second factor")];
        let mut of_it: Vec<String> = needs.into_iter().flatten().map(|what| format!("with {what}")).collect();
        of_it.push(format!("for {} at most", length(wanted.longest.unwrap_or(3_600))));
        rows.insert(arn, vec![format!("{}/role/{}", safe(&label), safe(name)), of_it.join(", ")]);
    }
    let live = live(&own);
    for arn in &live.exact {
        let about = || vec!["its own policies let it ask".to_owned(), "what the role's trust says was not read".to_owned()];
        rows.entry(arn.clone()).or_insert_with(about);
    }
    let mut lines: Vec<Line> = Vec::new();
    for (arn, about) in &rows {
        lines.push(Line::new(Tone::Heading, 0, safe(arn)));
        lines.extend(about.iter().map(|text| Line::plain(2, text.clone())));
    }
    lines.extend(
        live.patterns.iter().map(|pattern| Line::plain(0, format!("any role `{}`, where its trust lets it: its own policies let it ask", safe(pattern)))),
    );
    if rows.is_empty() && live.patterns.is_empty() {
        lines.push(Line::plain(0, "no role is known that it may assume"));
    }
    io.out_lines(&lines);
    for note in notes(closed, &own, desired) {
        session.told.line(&note);
    }
    Ok(Exit::Clean)
}

/// What was not looked at, and what it means.
fn notes(closed: usize, own: &Own, desired: &Desired) -> Vec<String> {
    let mut notes = Vec::new();
    if closed > 0 {
        let known = roles::declared(desired).count();
        notes.push(format!("{closed} of {known} roles of the manifests do not let it in, as far as they say who is in which group"));
    }
    let why = |error: &CloudError| format!("{}: {}", safe(&error.operation), safe(if error.code.is_empty() { &error.message } else { &error.code }));
    let unread: Vec<String> = own.unread.iter().map(why).collect();
    if !unread.is_empty() {
        notes.push(format!("its own policies were not all read ({}): roles that only those let it ask for are missing here", unread.join(", ")));
    }
    notes
}

/// The account that the question goes to, for what is said of it.
fn owner(by: &By, session: &Session) -> AccountId {
    let first = session.desired.accounts.keys().next().cloned().unwrap_or_else(AccountId::nobody);
    if let By::Account(account) = by { account.clone() } else { first }
}

/// What somebody's own policies name.
#[derive(Debug, Default, PartialEq, Eq)]
struct Live {
    exact: BTreeSet<String>,
    patterns: BTreeSet<String>,
}

fn live(own: &Own) -> Live {
    let assumes = |effect| {
        let statements = own.documents.iter().flat_map(|document: &Document| &document.statements).filter(move |s| s.effect == effect);
        statements.filter(|s| !s.action.negated && s.action.values.iter().any(|pattern| action_matches(pattern, ASSUME)))
    };
    let denied: Vec<&String> =
        assumes(Effect::Deny).filter(|s| s.conditions.is_empty()).flat_map(|s| s.resource.iter().filter(|r| !r.negated).flat_map(|r| &r.values)).collect();
    let mut found = Live::default();
    for value in assumes(Effect::Allow).flat_map(|s| s.resource.iter().filter(|r| !r.negated).flat_map(|r| &r.values)) {
        let open = value.contains(['*', '?']) || value.contains("${");
        if denied.iter().any(|pattern| pattern.as_str() == value || resource_matches(pattern, value, None)) {
            continue;
        }
        if open { &mut found.patterns } else { &mut found.exact }.insert(value.clone());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ones_own_policies_name_is_found_and_what_they_deny_is_not() {
        let text = r#"{"Version":"2012-10-17","Statement":[
            {"Effect":"Allow","Action":"sts:Assume*","Resource":["arn:aws:iam::222222222222:role/A","arn:aws:iam::222222222222:role/B","arn:aws:iam::*:role/ops-*"]},
            {"Effect":"Deny","Action":"*","Resource":"arn:aws:iam::222222222222:role/B"},
            {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::x"}]}"#;
        let own = Own { documents: vec![crossrole_policy::parse(text).unwrap()], unread: Vec::new() };
        let set = |text: &str| BTreeSet::from([text.to_owned()]);
        assert_eq!(live(&own), Live { exact: set("arn:aws:iam::222222222222:role/A"), patterns: set("arn:aws:iam::*:role/ops-*") });
    }
}
