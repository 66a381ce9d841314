//! The search for a fix: what stands in the way first is taken away first, by the first proposal that does it and gives nothing else.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_access::delta;
use crossrole_model::Address;
use crossrole_model::access::{AccessDelta, Assumption, Lack, Layer};
use crossrole_model::diagnosis::{Amendment, Cause, Diagnosis, FixStep, FoundCause, RequestChange, RevokedBy, RevokedMark};
use crossrole_policy::{Arn, Effect};

use crate::asked::{Asked, Who};
use crate::avoid::REGION;
use crate::checks::checks;
use crate::propose::{Proposal, proposals};
use crate::revoked::{ISSUED, amendments};
use crate::strict::is_asked;
use crate::trouble::{Guard, Hop, Trouble, bare, bucket_of};
use crate::world::{Case, World};

/// Most troubles that are taken away one after the other: a call has few policies, and a search that goes on longer goes in circles.
const ROUNDS_MOST: usize = 16;

/// Most objects with drift that are tried one by one; with more, all are tried at once.
const DRIFTED_MOST: usize = 100;

/// Says what stands in the way of a call, and what the smallest change is that takes it away.
pub fn diagnose(case: &Case<'_>, asked: Asked) -> Diagnosis {
    let live = World::live(case, asked);
    let (hops, troubles) = (live.hops(), live.troubles());
    let mut search = Search { causes: Vec::new(), suspects: BTreeSet::new() };
    let cured = search.cure(live.clone());
    let Search { causes, suspects } = search;
    // Nothing that was read stands in the way, and nothing that was read allows it.
    let supposed: BTreeSet<String> = hops.iter().filter(|hop| live.is_supposed(hop)).map(|hop| hop.call.resource.clone()).collect();
    let unread =
        !supposed.is_empty() || cured.as_ref().is_some_and(|world| world.hops().iter().any(|hop| !hop.answer.is_allowed())) || hops.iter().any(rests_on_unread);
    let proven = cured.map(fewest).and_then(|world| proven(&live, &world));
    let (fix, delta, gives) = match proven {
        Some(Proven { steps, delta, gives }) => (Some(steps), delta, gives),
        None => (None, AccessDelta::default(), AccessDelta::default()),
    };
    Diagnosis {
        calls: hops.iter().map(|hop| hop.call.clone()).collect(),
        checks: checks(&live, &hops, &troubles),
        causes,
        suspects: suspects.into_iter().collect(),
        fix,
        delta,
        gives,
        refused: live.asked.denied.is_some(),
        unread,
        supposed: supposed.into_iter().collect(),
    }
}

/// Between accounts both sides have to allow: what is allowed by a policy that nobody has read is not known to be.
fn rests_on_unread(hop: &Hop) -> bool {
    let account = |arn: &str| Arn::parse(arn).map(|arn| arn.account.to_owned()).filter(|account| !account.is_empty());
    let assumed = hop.answer.assumed.iter().any(|a| matches!(a, Assumption::ResourcePolicy | Assumption::KeyPolicy));
    let owner = account(&hop.call.resource).or_else(|| hop.question.resource_account.clone());
    hop.answer.is_allowed() && assumed && hop.call.resource != "*" && owner != account(&hop.call.principal)
}

struct Search {
    causes: Vec<FoundCause>,
    suspects: BTreeSet<Cause>,
}

impl Search {
    /// Things as they are when nothing stands in the way any more; `None` where nothing is known against something.
    fn cure<'c>(&mut self, mut world: World<'c>) -> Option<World<'c>> {
        for _ in 0..ROUNDS_MOST {
            let troubles = world.troubles();
            if let Some((trouble, (key, value))) = troubles.iter().find_map(|t| Some((t, world.assumed_source(t)?))) {
                // From where it came is not said: it may be the cause, and is not taken for it.
                self.suspects.insert(trouble.found.cause);
                world.asked.question.context.set(&key, value);
                continue;
            }
            let troubles = if troubles.is_empty() && self.causes.is_empty() { self.doubts(&world) } else { troubles };
            self.note(&troubles);
            let Some(first) = troubles.first() else { return Some(world) };
            let hops = world.hops();
            let hop = hops.get(first.found.hop)?;
            world = step(&world, first, hop)?;
        }
        None
    }

    /// What may be meant where everything that was read allows it.
    fn doubts(&mut self, world: &World<'_>) -> Vec<Trouble> {
        let refused = world.asked.denied.as_ref().is_some_and(|denied| denied.cause.is_none() && denied.reason.is_none_or(|r| !r.endpoint));
        let mut found = Vec::new();
        let hops = world.hops();
        for (at, hop) in hops.iter().enumerate() {
            let Some(ended) = world.ended(at).filter(|_| !world.cared.contains(&Cause::SessionRevoked)) else { continue };
            if refused {
                let mut trouble = bare(Cause::SessionRevoked, at, hop);
                trouble.found.statement = Some(ended.statement);
                trouble.found.revoked = Some(RevokedBy { since: ended.since, mark: RevokedMark::Sessions });
                found.push(trouble);
            } else if world.asked.denied.is_none() {
                self.suspects.insert(Cause::SessionRevoked);
            }
        }
        let own = hops.iter().enumerate().rfind(|(_, hop)| hop.guard == Guard::Bucket);
        let Some((at, hop)) = own.filter(|(_, hop)| refused && reads(&hop.call.action)) else { return found };
        let ownership = bucket_of(&hop.call.resource).and_then(|name| world.bucket(name)).and_then(|state| state.ownership);
        // S3 tells only who may list the bucket that an object is not there (S3 API Reference, GetObject).
        let hidden = !world.may_list(hop);
        let missing = !world.cared.contains(&Cause::ObjectMissing);
        if missing && world.case.object == Some(false) && hidden {
            found.push(bare(Cause::ObjectMissing, at, hop));
        } else if missing && world.case.object != Some(true) && hidden {
            self.suspects.insert(Cause::ObjectMissing);
        }
        if world.case.object != Some(false) && !world.cared.contains(&Cause::ObjectOwner) && ownership.is_some_and(|is| is != "BucketOwnerEnforced") {
            found.push(bare(Cause::ObjectOwner, at, hop));
        }
        found
    }

    fn note(&mut self, troubles: &[Trouble]) {
        for trouble in troubles {
            let found = &trouble.found;
            let known = self.causes.iter().any(|c| (c.cause, c.hop) == (found.cause, found.hop) && key_of(c) == key_of(found));
            if !known {
                self.causes.push(found.clone());
            }
        }
    }
}

/// Tells whether an action reads an object.
fn reads(action: &str) -> bool {
    ["s3:getobject", "s3:getobjectversion", "s3:getobjecttagging"].contains(&action.to_ascii_lowercase().as_str())
}

/// What tells a cause from another of its kind: the condition key that it is about, or what says that access was taken back.
fn key_of(found: &FoundCause) -> (Option<&str>, Option<&RevokedBy>) {
    let key = match &found.lack {
        Some(Lack::Condition { key, .. }) if found.cause == Cause::OtherCondition => Some(key.as_str()),
        _ => None,
    };
    (key, found.revoked.as_ref())
}

/// Takes one trouble away.
fn step<'c>(world: &World<'c>, trouble: &Trouble, hop: &Hop) -> Option<World<'c>> {
    let gone = |next: &World<'_>| match trouble.found.cause {
        Cause::ObjectOwner => {
            let ownership = bucket_of(&hop.call.resource).and_then(|name| next.bucket(name)).and_then(|state| state.ownership);
            ownership.is_some_and(|is| is == "BucketOwnerEnforced")
        }
        _ => !next.troubles().iter().any(|other| other.is(trouble)),
    };
    if trouble.found.cause == Cause::Revoked {
        // What comes back by it is what was taken, and is shown.
        return given_back(world, trouble).filter(|next| gone(next));
    }
    if trouble.found.cause >= Cause::CallerMissing
        && let Some(next) = restored(world, &gone)
    {
        return Some(next);
    }
    let mut narrow: Option<World<'c>> = None;
    for proposal in proposals(world, trouble, hop) {
        let like = proposal.like();
        if like.is_none() && narrow.is_some() {
            break;
        }
        let Some(next) = tried(world.clone(), proposal, trouble).filter(|next| gone(next)) else { continue };
        // What the manifests say already comes with an object that is applied, and is none of the proposal's.
        let said = || {
            let planned: BTreeSet<Address> = world.planned().into_iter().map(|change| change.address).collect();
            world.clone().applied(next.targets.intersection(&planned).cloned())
        };
        if !said().is_some_and(|said| is_asked(&delta(&said.estate, &next.estate), &next.hops(), &next.reopened)) {
            continue;
        }
        if like.is_none() {
            return Some(next);
        }
        // Of grants as narrow as one that is there, the strictest that the call meets, or else the first.
        let rank = |one: &World<'c>| limits_met(world, one, trouble);
        if narrow.as_ref().is_none_or(|best| rank(&next) > rank(best)) {
            narrow = Some(next);
        }
    }
    narrow
}

/// How many conditions a new grant has, where the call meets all of them; zero where something else stands in the way then.
fn limits_met(before: &World<'_>, after: &World<'_>, trouble: &Trouble) -> usize {
    let old = before.troubles();
    let at = trouble.found.hop;
    if after.troubles().iter().any(|new| new.found.hop == at && !old.iter().any(|known| known.is(new))) {
        return 0;
    }
    let hops = after.hops();
    let Some(hop) = hops.get(at) else { return 0 };
    let applies = hop.answer.reasons.iter().filter(|reason| reason.layer == Layer::Resource && reason.applies(Effect::Allow));
    let limits = applies.filter_map(|reason| after.statement(hop, reason.layer, &reason.statement));
    1 + limits.map(|statement| statement.conditions.values().map(BTreeMap::len).sum::<usize>()).max().unwrap_or_default()
}

/// Access is given again by what manifests say, and by nothing else.
fn given_back<'c>(world: &World<'c>, trouble: &Trouble) -> Option<World<'c>> {
    let at = world.taken.iter().position(|taken| taken.trouble == *trouble)?;
    let all = &world.taken.get(at)?.amendments;
    let more: Vec<Amendment> = all.iter().filter(|one| !world.amendments.contains(one)).cloned().collect();
    let mut next = world.clone();
    next.given_back.insert(at);
    match (all.is_empty(), more.is_empty()) {
        (true, _) => None,
        (false, true) => Some(next),
        (false, false) => next.amended(more),
    }
}

/// What the manifests say already, and is not so any more: as little of it as helps.
fn restored<'c>(world: &World<'c>, gone: &dyn Fn(&World<'c>) -> bool) -> Option<World<'c>> {
    let planned = world.planned();
    let drifted: Vec<&Address> = planned.iter().map(|change| &change.address).filter(|address| !world.targets.contains(*address)).collect();
    for address in drifted.iter().take(DRIFTED_MOST) {
        if let Some(next) = world.clone().applied([(*address).clone()]).filter(|next| gone(next)) {
            return Some(next);
        }
    }
    if drifted.len() < 2 {
        return None;
    }
    let all = world.clone().applied(drifted.iter().map(|address| (*address).clone())).filter(|next| gone(next))?;
    Some(fewer(&all, world, gone))
}

/// The same with as few objects applied as will do.
fn fewer<'c>(all: &World<'c>, before: &World<'c>, gone: &dyn Fn(&World<'c>) -> bool) -> World<'c> {
    let mut least = all.clone();
    let new: Vec<Address> = all.targets.difference(&before.targets).take(DRIFTED_MOST).cloned().collect();
    for address in new {
        let mut without = least.clone();
        without.targets.remove(&address);
        if let Some(without) = without.applied([]).filter(|next| gone(next)) {
            least = without;
        }
    }
    least
}

fn tried<'c>(mut world: World<'c>, proposal: Proposal, trouble: &Trouble) -> Option<World<'c>> {
    match proposal {
        Proposal::Amend(amendments) => world.amended(amendments),
        Proposal::Command(observed, steps) => {
            let bucket = bucket_of(&trouble.found.resource).filter(|_| trouble.found.cause == Cause::PublicRestricted).map(str::to_owned);
            let next = world.commanded(*observed, steps)?;
            match bucket.filter(|name| next.is_all_ours(name)) {
                Some(bucket) => Some(World { reopened: next.reopened.iter().cloned().chain([bucket]).collect(), ..next }),
                None => Some(next),
            }
        }
        Proposal::Setting(besides, steps) => {
            world.besides = std::rc::Rc::new(*besides);
            let observed = (*world.observed).clone();
            world.commanded(observed, steps)
        }
        Proposal::Request(change) => {
            ask(&mut world, &change, trouble);
            world.requests.retain(|known| !is_of_same(known, &change));
            world.requests.push(change);
            Some(world)
        }
    }
}

/// Tells whether one change of a request takes the place of another.
fn is_of_same(one: &RequestChange, other: &RequestChange) -> bool {
    match (one, other) {
        (RequestChange::With { key, .. }, RequestChange::With { key: same, .. }) => key.eq_ignore_ascii_case(same),
        _ => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

/// The call, made otherwise.
fn ask(world: &mut World<'_>, change: &RequestChange, trouble: &Trouble) {
    let asked = &mut world.asked;
    match change {
        RequestChange::ExternalId { id } => asked.question.context.set("sts:ExternalId", id.clone()),
        RequestChange::Mfa => {
            asked.question.context.set("aws:MultiFactorAuthPresent", "true");
            asked.question.context.set("aws:MultiFactorAuthAge", "0");
        }
        RequestChange::Duration { seconds } => asked.duration = Some(*seconds),
        RequestChange::Region { region } => {
            // Of a role on the way, it is not the region of what is called at the end.
            let on_the_way = asked.question.via.contains(&trouble.found.resource);
            if let Some(region) = region
                && (on_the_way || asked.question.via.is_empty())
            {
                asked.question.context.set(REGION, region.clone());
            }
            if !on_the_way {
                asked.region.clone_from(region);
            }
        }
        RequestChange::From { key, value, .. } => asked.question.context.set(key, value.clone()),
        RequestChange::With { key, value } => {
            asked.question.context.set(key, value.clone());
            asked.source_identity |= key.eq_ignore_ascii_case("sts:SourceIdentity");
            asked.session_tags |= key.to_ascii_lowercase().starts_with("aws:requesttag/");
        }
        RequestChange::Role { arn } => {
            let at = trouble.found.hop;
            match asked.question.via.get_mut(at) {
                Some(role) => role.clone_from(arn),
                None => asked.question.resource.clone_from(arn),
            }
        }
        RequestChange::Tls => asked.question.context.set("aws:SecureTransport", "true"),
        RequestChange::WithoutSessionPolicy => asked.session_policy = false,
        RequestChange::Credentials { because: Cause::SessionRevoked } if asked.one(ISSUED).is_some() => {
            let now = asked.one("aws:CurrentTime").map(str::to_owned).unwrap_or_default();
            asked.question.context.set(ISSUED, now);
        }
        RequestChange::Credentials { .. }
        | RequestChange::Clock
        | RequestChange::NewLink
        | RequestChange::Network { .. }
        | RequestChange::Later
        | RequestChange::Object
        | RequestChange::Restored
        | RequestChange::ByOwner
        | RequestChange::Corrected { .. }
        | RequestChange::NotRoot => {}
    }
    if matches!(change, RequestChange::Role { .. }) {
        world.taken = World::live(world.case, world.asked.clone()).taken;
    }
    // What AWS told of the call as it was is no trouble of the one that is made then.
    world.cared.insert(trouble.found.cause);
}

/// The same without changes of manifests that later ones have made needless.
fn fewest(world: World<'_>) -> World<'_> {
    let mut least = world;
    let mut at = 0;
    let given = amendments(&least.taken, &least.given_back);
    while at < least.amendments.len() {
        if least.amendments.get(at).is_some_and(|one| given.contains(one)) {
            at += 1;
            continue;
        }
        let mut amendments = least.amendments.clone();
        amendments.remove(at);
        match without(&least, amendments).filter(|next| next.troubles().is_empty()) {
            Some(next) => least = next,
            None => at += 1,
        }
    }
    least
}

fn without<'c>(world: &World<'c>, amendments: Vec<Amendment>) -> Option<World<'c>> {
    let desired = if amendments.is_empty() { world.case.desired.clone() } else { world.case.manifests.amended(&amendments)? };
    let mut next = World { amendments, desired: std::rc::Rc::new(desired), changes: std::rc::Rc::default(), ..world.clone() };
    // What is not planned any more is no target.
    let planned: BTreeSet<Address> = next.planned().into_iter().map(|change| change.address).collect();
    next.targets.retain(|address| planned.contains(address));
    next.applied([])
}

/// A fix that was tried as a whole.
struct Proven {
    steps: Vec<FixStep>,
    delta: AccessDelta,
    gives: AccessDelta,
}

/// Looks at a fix as a whole, beside what the manifests say already.
fn proven(live: &World<'_>, world: &World<'_>) -> Option<Proven> {
    let given = amendments(&world.taken, &world.given_back);
    // What was taken back comes again with what the manifests say then.
    let base = if given.is_empty() { live.clone() } else { live.clone().amended(given)? };
    let said: BTreeSet<Address> = base.planned().into_iter().map(|change| change.address).collect();
    let restored = base.applied(world.targets.intersection(&said).cloned())?;
    let gives = delta(&restored.estate, &world.estate);
    if !is_asked(&gives, &world.hops(), &world.reopened) {
        return None;
    }
    Some(Proven { steps: steps(world)?, delta: delta(&live.estate, &world.estate), gives })
}

fn steps(world: &World<'_>) -> Option<Vec<FixStep>> {
    let mut steps = once_each(&world.commands);
    let mut files: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for amendment in &world.amendments {
        files.entry(&amendment.file).or_default().push(amendment.clone());
    }
    for (file, amendments) in files {
        let (before, after) = world.case.manifests.texts(file, &amendments)?;
        steps.push(FixStep::Manifest { file: file.to_owned(), amendments, before, after });
    }
    if !world.targets.is_empty() {
        let files: Vec<String> = world.desired.manifests.iter().map(|m| m.file.clone()).collect();
        steps.push(FixStep::Apply { targets: world.targets.iter().cloned().collect(), files });
    }
    if !world.requests.is_empty() {
        steps.push(FixStep::Request { changes: world.requests.clone(), argv: argv(world) });
    }
    Some(steps)
}

/// Of commands that write one document, the last, which has what the others write.
fn once_each(commands: &[FixStep]) -> Vec<FixStep> {
    const DOCUMENTS: [&str; 2] = ["--policy-document", "--policy"];
    let target = |step: &FixStep| match step {
        FixStep::Command { account, argv } => {
            let mut words = argv.clone();
            for at in 0..words.len() {
                if words.get(at).is_some_and(|word| DOCUMENTS.contains(&word.as_str()))
                    && let Some(document) = words.get_mut(at + 1)
                {
                    document.clear();
                }
            }
            Some((account.clone(), words))
        }
        _ => None,
    };
    let later = |at: usize, step: &FixStep| commands.iter().skip(at + 1).any(|other| target(other) == target(step));
    commands.iter().enumerate().filter(|(at, step)| !later(*at, step)).map(|(_, step)| step.clone()).collect()
}

/// The call as the AWS CLI makes it, as far as it can be written.
fn argv(world: &World<'_>) -> Vec<String> {
    let hops = world.hops();
    let asked = &world.asked;
    let mut out: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| out.extend(words.iter().map(|word| (*word).to_owned()));
    let assumes = hops.iter().find(|hop| hop.call.action.eq_ignore_ascii_case("sts:AssumeRole"));
    if let Some(hop) = assumes {
        add(&["aws", "sts", "assume-role", "--role-arn", &hop.call.resource, "--role-session-name", asked.one("sts:RoleSessionName").unwrap_or("session")]);
        if let Some(id) = asked.one("sts:ExternalId") {
            add(&["--external-id", id]);
        }
        if asked.one("aws:MultiFactorAuthPresent") == Some("true") {
            let device = device(&hop.call.principal).unwrap_or_else(|| "DEVICE".to_owned());
            add(&["--serial-number", &device, "--token-code", "CODE"]);
        }
        if let Some(seconds) = asked.duration {
            add(&["--duration-seconds", &seconds.to_string()]);
        }
        for change in &world.requests {
            match change {
                RequestChange::With { key, value } if key.eq_ignore_ascii_case("sts:SourceIdentity") => add(&["--source-identity", value]),
                RequestChange::With { key, value } if key.to_ascii_lowercase().starts_with("aws:requesttag/") => {
                    let name = key.split_once('/').map_or("", |(_, name)| name);
                    add(&["--tags", &format!("Key={name},Value={value}")]);
                }
                RequestChange::Region { region: Some(region) } => add(&["--region", region]),
                _ => {}
            }
        }
        return out;
    }
    let (question, region) = (&asked.question, asked.region.as_deref());
    let Some((bucket, key)) = question.resource.split_once(":s3:::").map(|(_, name)| name.split_once('/').unwrap_or((name, ""))) else { return out };
    match question.action.to_ascii_lowercase().as_str() {
        "s3:getobject" => add(&["aws", "s3api", "get-object", "--bucket", bucket, "--key", key]),
        "s3:putobject" => add(&["aws", "s3api", "put-object", "--bucket", bucket, "--key", key]),
        "s3:deleteobject" => add(&["aws", "s3api", "delete-object", "--bucket", bucket, "--key", key]),
        "s3:listbucket" => add(&["aws", "s3api", "list-objects-v2", "--bucket", bucket]),
        _ => return out,
    }
    for change in &world.requests {
        if let RequestChange::With { key, value } = change
            && let Some(header) = key.to_ascii_lowercase().strip_prefix("s3:x-amz-")
        {
            // As the AWS CLI calls them.
            let flag = header.replace("server-side-encryption-aws-kms-key-id", "ssekms-key-id");
            add(&[&format!("--{flag}"), value]);
        }
        if let RequestChange::With { key, value } = change
            && key.to_ascii_lowercase().starts_with("s3:requestobjecttag/")
            && let Some((_, name)) = key.split_once('/')
        {
            add(&["--tagging", &format!("{name}={value}")]);
        }
    }
    if let Some(region) = region {
        add(&["--region", region]);
    }
    if question.action.eq_ignore_ascii_case("s3:GetObject") {
        add(&["FILE"]);
    }
    out
}

/// The usual name of a user's virtual device.
fn device(principal: &str) -> Option<String> {
    let who = Who::of(principal).filter(|who| who.kind == "user")?;
    Some(format!("arn:{}:iam::{}:mfa/{}", who.partition, who.account, who.name))
}
