//! The access delta against brute force where callers, tags, variables and types of keys differ: many callers of every kind,
//! known and not, put random requests to both sides, and every line is read literally, both ways.
//!
//! `CROSSROLE_BRUTE_PAIRS` and `CROSSROLE_BRUTE_SEED` make it longer, or another one.

mod askers;
mod documents;
mod said;
mod side;

use crossrole_access::{Caller, Context, Estate, Question, Request, delta};
use crossrole_model::access::{AccessChange, AccessDelta, Certainty, Direction, Party, Why};

use crate::generate::Random;
use crate::words::speaks_of;

use askers::{Asker, Own, aimed, asked_tags, askers, is_inside, of_key, request};
use said::{covers, names_account, parties, stands_for};
use side::{Ready, Side};

const PAIRS: usize = 2_000;
const SEED: u64 = 0x5DEE_CE66_D1CE_4E5B;
/// Requests of each caller for each pair.
const REQUESTS: usize = 100;

const OWNER: &str = "222222222222";
const OTHER: &str = "111111111111";
const GROUP: &str = "arn:aws:iam::111111111111:group/Devs";
const ALICE: &str = "arn:aws:iam::111111111111:user/alice";
const APP: &str = "arn:aws:iam::222222222222:role/App";
const APP_SESSION: &str = "arn:aws:sts::222222222222:assumed-role/App/session";
const ZED: &str = "arn:aws:iam::222222222222:user/zed";
/// A key of the owner's, which encrypts what is in its bucket.
const KEY: &str = "arn:aws:kms:eu-west-1:222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const DEV: &str = "arn:aws:iam::111111111111:role/Dev";
const DEV_SESSION: &str = "arn:aws:sts::111111111111:assumed-role/Dev/session";

/// Who is of an account that is let in, and whom AWS lets in nowhere: what is said of the account means whoever can be let in.
fn is_refused(request: &Request) -> bool {
    let caller = request.caller.as_str();
    request.action.starts_with("sts:") && (caller.contains(":federated-user/") || caller.ends_with(":root") && request.resource == APP)
}

/// Requests that the delta is not about: roles and services of another account that no policy of theirs was read of.
fn is_asked(who: &Asker, request: &Request) -> bool {
    let signed = [APP, KEY].contains(&request.resource.as_str());
    let known = request.resource.starts_with("arn:aws:s3:::data") || signed;
    // The owner's root, whom nothing but a Deny stops, is not asked about by itself.
    // Assuming a role takes a signature, and so does KMS (STS API reference, AssumeRole).
    let unsigned = who.caller == Caller::Anonymous || request.resource == APP && who.caller == Caller::Service("new.amazonaws.com".to_owned());
    (known || matches!(who.own, Own::Alice | Own::App | Own::Member)) && !(unsigned && signed) && !is_refused(request)
}

/// `said`: the lines that speak of this request, of whomever.
fn judge(who: &Asker, more: bool, actual: Option<Direction>, parties: &[Party], (said, all): (&[&AccessChange], &[AccessChange])) -> Result<(), &'static str> {
    let speaks = |c: &&&AccessChange| {
        parties.contains(&c.party) && (more || c.certainty != Certainty::UnreadPolicies) && !(who.own == Own::None && c.certainty == Certainty::OwnPolicies)
    };
    if let Some(direction) = actual
        && !said.iter().filter(speaks).any(|c| c.direction == direction)
        && !said.iter().any(|c| c.party == Party::Unsigned && c.direction == direction)
    {
        return Err("missed");
    }
    let claims = |c: &&AccessChange| {
        let of_others = match c.certainty {
            // A line about those who need no policies says nothing of those who have some already.
            Certainty::EvenWithout => who.own == Own::Everything,
            // Nor does one about the policies that were read of what others let.
            Certainty::Exact => more,
            _ => false,
        };
        Some(c.direction) != actual && !of_others
    };
    let stands = |c: &&&AccessChange| speaks(c) || !(who.own == Own::None && c.certainty == Certainty::OwnPolicies) && stands_for(c, who, all);
    if said.iter().filter(stands).any(claims) { Err("invented") } else { Ok(()) }
}

/// How many requests were asked, differ, and were not decided.
fn check(random: &mut Random, sides: [&Side; 2], found: &AccessDelta) -> Result<[usize; 3], String> {
    if let Some(broken) = found.undecided.iter().find(|u| u.why == Why::WitnessFails) {
        return Err(format!("a witness that fails: {broken:?}"));
    }
    let ready = sides.map(Ready::of);
    let aimed = aimed(sides);
    let (mut asked, mut differences, mut open) = (0, 0, 0);
    for who in askers() {
        for n in 0..REQUESTS {
            let (request, tags) = request(random, &who, sides, &aimed);
            if !is_asked(&who, &request) {
                continue;
            }
            let keys = asked_tags(&who, sides, &request);
            // Nobody has these tags, before or after.
            if !ready.iter().any(|side| side.can_have(&who, &tags, &keys)) {
                continue;
            }
            asked += 1;
            let parties = parties(&who, sides, &request);
            // What is not decided of a role is not decided of its sessions.
            let role = (who.own == Own::App).then(|| Party::of(APP));
            if found.undecided.iter().any(|u| parties.contains(&u.party) || Some(&u.party) == role.as_ref()) {
                open += 1;
                continue;
            }
            let mut said: Vec<&AccessChange> = found.changes.iter().filter(|c| covers(c, &request) && speaks_of(c, &request.context)).collect();
            // What is said of resources everywhere means those that the caller can ask about.
            let owner = request.resource_account.as_deref();
            if is_inside(&request.action, &request.resource) && owner != request.caller.account() {
                said.retain(|c| names_account(c, &request.resource));
            }
            // What everybody may do is said with others, and never by its name.
            if request.action == "sts:GetCallerIdentity" {
                said.retain(|c| c.actions.iter().any(|a| a.pattern == request.action));
            }
            // Whose policies were not all read is asked twice: with those that were, and as if the others let it everything.
            let unread = sides[0].unread && matches!(who.own, Own::Alice | Own::App);
            for more in [false, true].into_iter().take(1 + usize::from(unread)) {
                let answers = [&ready[0], &ready[1]].map(|side| side.allows(&who, more, &request, (&tags, &keys), n % 16 == 0));
                let actual = match answers {
                    _ if request.action == "sts:GetCallerIdentity" => None,
                    [false, true] => Some(Direction::Widened),
                    [true, false] => Some(Direction::Narrowed),
                    _ => None,
                };
                differences += usize::from(actual.is_some());
                if let Err(what) = judge(&who, more, actual, &parties, (&said, &found.changes)) {
                    let lines: Vec<String> =
                        crossrole_report::access_lines(found, crossrole_report::View { show_external_ids: true, ..crossrole_report::View::default() });
                    let own = (who.own, if more { "and more" } else { "as read" });
                    return Err(format!("{what}: {:?} {own:?}\n{request:?} is {actual:?}\n{lines:#?}", who.caller));
                }
                if let Some(direction) = actual
                    && let Some(use_of_key) = of_key(&request)
                    && said
                        .iter()
                        .any(|c| parties.contains(&c.party) && c.direction == direction && c.keyless.as_ref().is_some_and(|k| k.is_about(&request.action)))
                {
                    let side = &ready[usize::from(direction == Direction::Widened)];
                    let keys = asked_tags(&who, sides, &use_of_key);
                    if side.allows(&who, more, &use_of_key, (&tags, &keys), false) {
                        return Err(format!("said to be without the key: {:?}\n{use_of_key:?}", who.caller));
                    }
                }
            }
        }
    }
    Ok([asked, differences, open])
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn no_caller_gains_or_loses_anything_without_a_word() {
    let pairs = usize::try_from(number("CROSSROLE_BRUTE_PAIRS", PAIRS as u64)).unwrap();
    let seed = number("CROSSROLE_BRUTE_SEED", SEED);
    // Odd, for a generator that has no zero, and another one for each seed.
    let mut random = Random(seed.wrapping_mul(2) | 1);
    let (mut asked, mut differences, mut open, mut failures) = (0, 0, 0, Vec::new());
    for round in 0..pairs {
        let before = Side::of(&mut random);
        let after = before.changed(&mut random);
        let found = delta(&before.estate(), &after.estate());
        match check(&mut random, [&before, &after], &found) {
            Ok([all, differ, undecided]) => {
                asked += all;
                differences += differ;
                open += undecided;
            }
            Err(why) => failures.push(format!("seed {seed} round {round}: {why}\n{}", differing(&before, &after))),
        }
    }
    println!("seed {seed}: {pairs} pairs, {asked} requests, {differences} differences, {open} not decided, {} pairs wrong", failures.len());
    assert!(failures.is_empty(), "{} of {pairs} pairs are wrong; the first three:\n{}", failures.len(), failures[..failures.len().min(5)].join("\n\n"));
    // What is not decided is skipped, so it must stay rare among all that is asked.
    assert!(pairs < 500 || differences > pairs * 3 && open * 20 < asked, "{differences} differences, {open} of {asked} requests not decided");
}

/// Whatever the context: whoever may, may with every condition taken in their favour.
#[test]
fn at_most_is_no_less_than_what_is_allowed() {
    let mut random = Random(SEED | 1);
    let (mut allowed, mut denied) = (0, 0);
    for _ in 0..PAIRS {
        let side = Side::of(&mut random);
        let sides = [&side, &side];
        let (estate, most) = (side.estate(), side.estate().at_most());
        let aimed = aimed(sides);
        for who in askers().into_iter().filter(|who| matches!(who.own, Own::Alice | Own::App)) {
            let principal = if who.own == Own::App { APP_SESSION } else { ALICE };
            for unread_allows in [false, true] {
                let (request, _) = request(&mut random, &who, sides, &aimed);
                let question = Question {
                    principal: principal.to_owned(),
                    via: Vec::new(),
                    action: request.action.clone(),
                    resource: request.resource.clone(),
                    resource_account: request.resource_account.clone(),
                    context: request.context.clone(),
                    unread_allows,
                };
                // Nothing of the request is known, or something wrong is taken for it.
                let (other, _) = askers::request(&mut random, &who, sides, &aimed);
                let context = if random.once_in(2) { other.context } else { Context::default() };
                let blind = Question { context, unread_allows: true, ..question.clone() };
                let is_allowed = |estate: &Estate, question: &Question| estate.ask(question).last().unwrap().is_allowed();
                let at_most = is_allowed(&most, &blind);
                assert!(at_most || !is_allowed(&estate, &question), "{principal} {request:?}\n{}", side.written());
                *(if at_most { &mut allowed } else { &mut denied }) += 1;
            }
        }
    }
    assert!(allowed > PAIRS / 4 && denied > PAIRS / 4, "{allowed} allowed, {denied} denied");
}

fn differing(before: &Side, after: &Side) -> String {
    format!("before {}\nafter  {}", before.written(), after.written())
}
