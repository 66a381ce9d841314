//! Callers of every kind, and their requests.

use std::collections::BTreeSet;

use crossrole_access::{Caller, Context, ContextValue, Request, action_matches, resource_matches};
use crossrole_policy::{Document, Effect, Statement};

use super::documents::{ACTIONS, RESOURCES};
use super::side::{Side, Tags, tags};
use super::{ALICE, APP, APP_SESSION, DEV, DEV_SESSION, KEY, OWNER, ZED};
use crate::generate::Random;
use crate::literal::principal::Names;

/// Whose policies a caller's side has.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Own {
    Alice,
    App,
    /// Someone who is in the group and has nothing else.
    Member,
    /// Nobody has read them: taken to let everything.
    Everything,
    None,
}

#[derive(Debug, Clone)]
pub(super) struct Asker {
    pub(super) caller: Caller,
    pub(super) own: Own,
    /// Keys that follow from who it is.
    pub(super) keys: Vec<(&'static str, &'static str)>,
    taggable: bool,
}

pub(super) fn askers() -> Vec<Asker> {
    let asker = |caller: &str, own: Own, taggable: bool, keys: &[(&'static str, &'static str)]| Asker {
        caller: Caller::parse(caller),
        own,
        keys: keys.to_vec(),
        taggable,
    };
    let principal = |caller: &str, own: Own, arn: &'static str, account: &'static str, sort: &'static str, id: &'static str, name: Option<&'static str>| {
        let mut keys = vec![
            ("aws:PrincipalArn", arn),
            ("aws:PrincipalAccount", account),
            ("aws:PrincipalType", sort),
            ("aws:userid", id),
            ("aws:PrincipalIsAWSService", "false"),
        ];
        keys.extend(name.map(|name| ("aws:username", name)));
        asker(caller, own, sort != "Account", &keys)
    };
    let mut all = vec![
        principal(ALICE, Own::Alice, ALICE, "111111111111", "User", "AIDAALICE", Some("alice")),
        principal(APP_SESSION, Own::App, APP, OWNER, "AssumedRole", "AROAAPP:session", None),
        principal("arn:aws:sts::222222222222:assumed-role/App/else", Own::App, APP, OWNER, "AssumedRole", "AROAAPP:else", None),
        asker("anonymous", Own::None, false, &[("aws:PrincipalType", "Anonymous"), ("aws:PrincipalAccount", "anonymous"), ("aws:userid", "anonymous")]),
        asker("ec2.amazonaws.com", Own::None, false, &[("aws:PrincipalIsAWSService", "true"), ("aws:PrincipalServiceName", "ec2.amazonaws.com")]),
        asker("new.amazonaws.com", Own::None, false, &[("aws:PrincipalIsAWSService", "true"), ("aws:PrincipalServiceName", "new.amazonaws.com")]),
    ];
    for own in [Own::Everything, Own::None] {
        all.push(principal(ZED, own, ZED, OWNER, "User", "AIDAZED", Some("zed")));
        all.push(principal(
            "arn:aws:sts::222222222222:assumed-role/Else/s",
            own,
            "arn:aws:iam::222222222222:role/Else",
            OWNER,
            "AssumedRole",
            "AROAELSE:s",
            None,
        ));
    }
    for (arn, id, name) in [("arn:aws:iam::111111111111:user/ann", "AIDAANN", "ann"), ("arn:aws:iam::111111111111:user/ops/bob", "AIDABOB", "bob")] {
        all.push(principal(arn, Own::Member, arn, "111111111111", "User", id, Some(name)));
    }
    let e = Own::Everything;
    all.extend([
        principal(DEV_SESSION, e, DEV, "111111111111", "AssumedRole", "AROADEV:session", None),
        principal("arn:aws:iam::111111111111:user/ops/bob", e, "arn:aws:iam::111111111111:user/ops/bob", "111111111111", "User", "AIDABOB", Some("bob")),
        principal("arn:aws:iam::111111111111:root", e, "arn:aws:iam::111111111111:root", "111111111111", "Account", "111111111111", None),
        principal(
            "arn:aws:sts::111111111111:federated-user/carl",
            e,
            "arn:aws:sts::111111111111:federated-user/carl",
            "111111111111",
            "FederatedUser",
            "111111111111:carl",
            None,
        ),
        principal("arn:aws:sts::333333333333:assumed-role/Ext/s", e, "arn:aws:iam::333333333333:role/x/Ext", "333333333333", "AssumedRole", "AROAEXT:s", None),
        principal("arn:aws:iam::333333333333:user/eve", e, "arn:aws:iam::333333333333:user/eve", "333333333333", "User", "AIDAEVE", Some("eve")),
        principal("arn:aws:iam::444444444444:root", e, "arn:aws:iam::444444444444:root", "444444444444", "Account", "444444444444", None),
    ]);
    all
}

/// The tags that statements about a request ask for, conditions aside.
pub(super) fn asked_tags(who: &Asker, sides: [&Side; 2], request: &Request) -> BTreeSet<&'static str> {
    let mut keys = BTreeSet::new();
    for side in sides {
        let found = side.documents(who, request);
        for statement in found.all().flat_map(|d| &d.statements) {
            let acts = statement.action.values.iter().any(|a| action_matches(a, &request.action)) != statement.action.negated;
            let names = statement.principal.as_ref().is_none_or(|p| {
                if p.negated {
                    return found.boundary.is_some() || !request.caller.spared_by(p);
                }
                let arn = who.keys.iter().find(|(key, _)| *key == "aws:PrincipalArn").map_or("", |(_, arn)| arn);
                let account = who.caller.account().unwrap_or_default();
                let mut values = p.entries.values().flatten();
                p.bare_star || values.any(|v| v == "*" || v == arn || v == who.caller.as_str() || v == account || *v == format!("arn:aws:iam::{account}:root"))
            });
            let unknown = |v: &String| v.contains("${") && crate::literal::filled(v, &request.context).is_none();
            let on = statement.resource.as_ref().is_none_or(|r| {
                !(r.negated && statement.effect == Effect::Allow && r.values.iter().any(unknown))
                    && r.values.iter().any(|v| resource_matches(v, &request.resource, Some(&request.context))) != r.negated
            });
            if acts && names && on {
                let text = Document::new(vec![statement.clone()]).to_json();
                keys.extend(["team", "dept"].into_iter().filter(|key| text.contains(&format!("PrincipalTag/{key}"))));
            }
        }
    }
    keys
}

/// What S3 asks KMS in the caller's name for a request, of an object in the bucket that is encrypted.
pub(super) fn of_key(request: &Request) -> Option<Request> {
    let action = match request.action.as_str() {
        "s3:GetObject" => "kms:Decrypt",
        "s3:PutObject" => "kms:GenerateDataKey",
        _ => return None,
    };
    request.resource.starts_with("arn:aws:s3:::data/").then(|| {
        let mut context = request.context.clone();
        if let Some(account) = request.caller.account() {
            context.set("kms:CallerAccount", account);
        }
        context.set("kms:ViaService", "s3.eu-west-1.amazonaws.com");
        context.set("kms:EncryptionContext:aws:s3:arn", request.resource.as_str());
        Request { action: action.to_owned(), resource: KEY.to_owned(), resource_account: Some(OWNER.to_owned()), context, ..request.clone() }
    })
}

/// Actions that nobody of another account can ever do.
pub(super) fn is_inside(action: &str, resource: &str) -> bool {
    action.starts_with("iam:") || ["sts:GetFederationToken", "sts:TagSession"].contains(&action) && !resource.contains(":role/")
}

fn one_of<'a>(random: &mut Random, list: &[Option<&'a str>]) -> Option<&'a str> {
    list[random.below(list.len())]
}

/// The actions that statements on one side only are about; all, where there are none.
pub(super) fn aimed(sides: [&Side; 2]) -> Vec<&'static str> {
    let [before, after] = sides.map(Side::statements);
    let alone = before.iter().filter(|s| !after.contains(s)).chain(after.iter().filter(|s| !before.contains(s)));
    let matches = |s: &&Statement, action: &str| s.action.values.iter().any(|a| action_matches(a, action)) != s.action.negated;
    let alone: Vec<&Statement> = alone.copied().collect();
    let found: Vec<&str> = ACTIONS.iter().copied().filter(|action| alone.iter().any(|s| matches(s, action))).collect();
    if found.is_empty() { ACTIONS.to_vec() } else { found }
}

/// A random request of a caller, and its tags; more often than not for an action that is aimed at.
pub(super) fn request(random: &mut Random, who: &Asker, sides: [&Side; 2], aimed: &[&'static str]) -> (Request, Tags) {
    let mut context = Context::default();
    for (key, value) in &who.keys {
        context.set(key, *value);
    }
    let account = who.caller.account();
    let mut set = |key: &str, value: Option<&str>| value.into_iter().for_each(|value| context.set(key, value));
    let principal = account.is_some();
    if principal {
        set("aws:MultiFactorAuthPresent", one_of(random, &[None, Some("true"), Some("false")]));
        set("aws:PrincipalOrgID", one_of(random, &[None, Some("o-a"), Some("o-b"), Some("o-c")]));
    }
    set("aws:SourceIp", one_of(random, &[Some("203.0.113.5"), Some("203.0.113.200"), Some("10.1.2.3"), Some("198.51.100.1")]));
    let (iso, epoch) = [
        ("2025-06-01T00:00:00Z", "1748736000"),
        ("2026-03-01T00:00:00Z", "1772323200"),
        ("2026-09-01T00:00:00Z", "1788220800"),
        ("2027-02-01T00:00:00Z", "1801440000"),
    ][random.below(4)];
    set("aws:CurrentTime", Some(iso));
    set("aws:EpochTime", Some(epoch));
    set("s3:max-keys", one_of(random, &[None, Some("5"), Some("10"), Some("15")]));
    set("aws:RequestTag/team", one_of(random, &[None, Some("red"), Some("blue")]));
    set("s3:ExistingObjectTag/owner", one_of(random, &[None, Some("alice"), Some("bob"), Some("eve"), Some("Dev"), Some("AROADEV:session"), Some("y")]));
    set("aws:ResourceOrgID", one_of(random, &[None, Some("o-a"), Some("o-b")]));
    let any = random.once_in(3);
    let action = random.one(if any { ACTIONS } else { aimed });
    let of_kms = action.starts_with("kms:");
    let asked = RESOURCES.iter().filter(|r| crossrole_access::catalogue::is_asked_of(action, r) && of_kms == r.starts_with("arn:aws:kms:"));
    let asked: Vec<&&str> = asked.collect();
    let resource = *asked[random.below(asked.len())];
    let known = resource.starts_with("arn:aws:s3:::data") || [APP, KEY].contains(&resource);
    let whose = match resource {
        _ if known => OWNER,
        "*" => account.unwrap_or(OWNER),
        text if text.contains("::aws:") => "aws",
        text if text.contains(":111111111111:") => "111111111111",
        text if text.contains(":333333333333:") => "333333333333",
        text if text.contains(":222222222222:") => OWNER,
        _ => one_of(random, &[Some(OWNER), Some("111111111111"), Some("333333333333")]).unwrap(),
    };
    // Whose resource it is decides where IAM and STS are asked; elsewhere the policies of others are not known.
    let owner = if known || whose != "aws" && is_inside(action, resource) { whose } else { account.unwrap_or(OWNER) };
    if of_kms {
        set("kms:CallerAccount", account);
        set("kms:ViaService", one_of(random, &[None, Some("s3.eu-west-1.amazonaws.com"), Some("sqs.eu-west-1.amazonaws.com")]));
        let contexts = [None, Some("arn:aws:s3:::data"), Some("arn:aws:s3:::data/red/x"), Some("arn:aws:s3:::data/blue/x"), Some("arn:aws:s3:::other")];
        set("kms:EncryptionContext:aws:s3:arn", one_of(random, &contexts));
    }
    set("aws:ResourceAccount", Some(whose));
    set("s3:ResourceAccount", Some(whose));
    let tags = match who.own {
        _ if !who.taggable => Tags::new(),
        Own::Alice => sides[random.below(2)].alice_tags.clone(),
        Own::App if random.once_in(2) || !sides.iter().any(|s| s.brings()) => sides[random.below(2)].app_tags.clone(),
        _ => tags(random),
    };
    for (key, value) in &tags {
        context.set(&format!("aws:PrincipalTag/{key}"), value.as_str());
    }
    let keys = random.some(2, &["a", "b", "ab", "c", "d"]);
    match random.below(4) {
        0 => {}
        1 => context.insert("aws:TagKeys", ContextValue::Many(Vec::new())),
        _ => context.insert("aws:TagKeys", ContextValue::Many(keys.into_iter().collect::<BTreeSet<_>>().into_iter().collect())),
    }
    (Request { caller: who.caller.clone(), action: action.to_owned(), resource: resource.to_owned(), resource_account: Some(owner.to_owned()), context }, tags)
}
