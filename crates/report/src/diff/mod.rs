//! What differs in one change, as a tree: facts that any renderer shows its own way.

mod lines;
mod metadata;

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::state::{BucketState, Encryption, Logging, MadeKey, ObjectState, PolicyState, PublicAccessBlock, RoleState, Tags};
use crossrole_model::{Change, Part, ownership};
use crossrole_policy::{Document, Share, StatementDiff, diff};

pub(crate) use lines::lines;

/// One part of an object that differs.
#[derive(Debug)]
pub(crate) enum Node<'c> {
    /// A value; `None` on the left where the object is new.
    Field { name: Name, before: Option<Value<'c>>, after: Value<'c> },
    /// An attached policy that comes or goes.
    Attached { added: bool, arn: &'c str },
    /// A tag; `None` where it is not there.
    Tag { key: &'c str, before: Option<&'c str>, after: Option<&'c str> },
    /// A policy document.
    Document { name: Name, before: Option<&'c Document>, after: Option<&'c Document>, entries: Vec<Entry> },
}

/// What a part is called.
#[derive(Debug)]
pub(crate) enum Name {
    Part(Part),
    Region,
    BucketPolicy,
    KeyPolicy,
    InlinePolicy,
    /// The entity that a SAML provider speaks for.
    Entity,
    /// Where a SAML provider lets people sign in.
    SignIn,
    /// Digests of the certificates that a SAML provider signs with.
    Certificates,
}

/// A value of a part.
#[derive(Debug, PartialEq)]
pub(crate) enum Value<'c> {
    /// Empty: none.
    Text(&'c str),
    Seconds(u32),
    /// Every so many days; `None`: never.
    Days(Option<u32>),
    On(bool),
    Names(&'c BTreeSet<String>),
    Found(BTreeSet<String>),
    Encryption(&'c Encryption),
    Block(PublicAccessBlock),
    /// `None`: off.
    Logging(Option<&'c Logging>),
}

/// A statement on both sides, and whose it is.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) statement: StatementDiff,
    /// It is in a document that belongs to many, and not ours.
    pub(crate) foreign: bool,
}

/// Everything that differs; `share` tells ours from others' statements in a bucket's policy.
pub(crate) fn tree<'c>(change: &'c Change, share: &Share) -> Vec<Node<'c>> {
    let mut nodes = Vec::new();
    match (&change.before, &change.after) {
        (before, Some(ObjectState::Role(after))) => role(as_role(before.as_ref()), after, &mut nodes),
        (before, Some(ObjectState::Policy(after))) => {
            let before = if let Some(ObjectState::Policy(before)) = before { Some(before) } else { None };
            field(Name::Part(Part::Description), before.map(|b| Value::Text(&b.description)), Value::Text(&after.description), &mut nodes);
            document(Name::Part(Part::Document), before.map(|b| &b.document), Some(&after.document), of_many(after, share), &mut nodes);
            tags(before.map(|b| &b.tags), &after.tags, &mut nodes);
        }
        (before, after @ (None | Some(ObjectState::BucketPolicy(_)))) if is_bucket_policy(before.as_ref()) || after.is_some() => {
            document(Name::BucketPolicy, whole(before.as_ref()), whole(after.as_ref()), Some(share), &mut nodes);
        }
        (before, Some(ObjectState::KeyPolicy(after))) => {
            let before = if let Some(ObjectState::KeyPolicy(before)) = before { Some(&before.document) } else { None };
            document(Name::KeyPolicy, before, Some(&after.document), Some(share), &mut nodes);
        }
        (before, Some(ObjectState::Bucket(after))) => {
            let before = if let Some(ObjectState::Bucket(before)) = before { Some(before) } else { None };
            bucket(before, after, &mut nodes);
        }
        (before, Some(ObjectState::OidcProvider(after))) => {
            let before = if let Some(ObjectState::OidcProvider(before)) = before { Some(before) } else { None };
            field(Name::Part(Part::Audiences), before.map(|b| Value::Names(&b.client_ids)), Value::Names(&after.client_ids), &mut nodes);
            tags(before.map(|b| &b.tags), &after.tags, &mut nodes);
        }
        (before, Some(ObjectState::SamlProvider(after))) => {
            let before = if let Some(ObjectState::SamlProvider(before)) = before { Some(before) } else { None };
            metadata::fields(before.map(|b| b.metadata.as_str()), &after.metadata, &mut nodes);
            tags(before.map(|b| &b.tags), &after.tags, &mut nodes);
        }
        (before, Some(ObjectState::PermissionSet(after))) => {
            let before = if let Some(ObjectState::PermissionSet(before)) = before { before.document.as_ref() } else { None };
            if before == after.document.as_ref() {
                // It goes to its roles as it is, and is shown as it is.
                kept(Name::InlinePolicy, after.document.as_ref(), share, &mut nodes);
            } else {
                document(Name::InlinePolicy, before, after.document.as_ref(), Some(share), &mut nodes);
            }
        }
        (before, Some(ObjectState::Key(after))) => {
            let before = if let Some(ObjectState::Key(before)) = before { Some(before) } else { None };
            key(before, after, &mut nodes);
        }
        (before, Some(ObjectState::User(after))) => {
            let before = if let Some(ObjectState::User(before)) = before { Some(&before.tags) } else { None };
            tags(before, &after.tags, &mut nodes);
        }
        (Some(ObjectState::Group(before)), Some(ObjectState::Group(after))) => {
            field(Name::Part(Part::Path), Some(Value::Text(&before.path)), Value::Text(&after.path), &mut nodes);
        }
        (Some(ObjectState::Role(before)), None) => {
            document(Name::Part(Part::Trust), Some(&before.trust), None, None, &mut nodes);
            for (name, inline) in &before.inline {
                document(Name::Part(Part::Inline(name.clone())), Some(inline), None, None, &mut nodes);
            }
            nodes.extend(before.attached.iter().map(|arn| Node::Attached { added: false, arn }));
        }
        (Some(ObjectState::Policy(before)), None) => document(Name::Part(Part::Document), Some(&before.document), None, of_many(before, share), &mut nodes),
        (_, Some(ObjectState::Group(_) | ObjectState::Membership(_) | ObjectState::Attachment(_) | ObjectState::BucketPolicy(_)) | None) => {}
    }
    nodes
}

/// A policy of the caller's side belongs to many manifests.
fn of_many<'s>(policy: &PolicyState, share: &'s Share) -> Option<&'s Share> {
    (policy.path == ownership::CALLER_PATH).then_some(share)
}

fn as_role(state: Option<&ObjectState>) -> Option<&RoleState> {
    if let Some(ObjectState::Role(role)) = state { Some(role) } else { None }
}

fn is_bucket_policy(state: Option<&ObjectState>) -> bool {
    matches!(state, Some(ObjectState::BucketPolicy(_)))
}

fn whole(state: Option<&ObjectState>) -> Option<&Document> {
    if let Some(ObjectState::BucketPolicy(policy)) = state { policy.document.as_ref() } else { None }
}

fn role<'c>(before: Option<&'c RoleState>, after: &'c RoleState, nodes: &mut Vec<Node<'c>>) {
    // A new role has the usual path unless it says so.
    if before.is_some() || after.path != "/" {
        field(Name::Part(Part::Path), before.map(|b| Value::Text(&b.path)), Value::Text(&after.path), nodes);
    }
    field(Name::Part(Part::Description), before.map(|b| Value::Text(&b.description)), Value::Text(&after.description), nodes);
    let seconds = before.map(|b| Value::Seconds(b.max_session_seconds));
    field(Name::Part(Part::LongestSession), seconds, Value::Seconds(after.max_session_seconds), nodes);
    let boundary = |role: &'c RoleState| Value::Text(role.boundary.as_deref().unwrap_or_default());
    field(Name::Part(Part::Boundary), before.map(boundary), boundary(after), nodes);
    document(Name::Part(Part::Trust), before.map(|b| &b.trust), Some(&after.trust), None, nodes);
    let names: BTreeSet<&String> = before.iter().flat_map(|b| b.inline.keys()).chain(after.inline.keys()).collect();
    for name in names {
        document(Name::Part(Part::Inline(name.clone())), before.and_then(|b| b.inline.get(name)), after.inline.get(name), None, nodes);
    }
    let held = |role: Option<&'c RoleState>| role.map(|r| r.attached.iter().map(String::as_str).collect::<BTreeSet<&str>>()).unwrap_or_default();
    let (old, new) = (held(before), held(Some(after)));
    nodes.extend(old.difference(&new).map(|arn| Node::Attached { added: false, arn }));
    nodes.extend(new.difference(&old).map(|arn| Node::Attached { added: true, arn }));
    tags(before.map(|b| &b.tags), &after.tags, nodes);
}

fn bucket<'c>(before: Option<&'c BucketState>, after: &'c BucketState, nodes: &mut Vec<Node<'c>>) {
    // No `..`: a new setting stops the build until someone decides how it is shown.
    let BucketState { region, versioning, encryption, public_access_block, ownership, logging, tags: new } = after;
    let mut show = |name: Name, old: Option<Value<'c>>, new: Option<Value<'c>>| {
        if let Some(new) = new {
            field(name, before.map(|_| old.unwrap_or(Value::Text(""))), new, nodes);
        }
    };
    show(Name::Region, before.map(|b| Value::Text(&b.region)), Some(Value::Text(region)));
    show(Name::Part(Part::Versioning), before.and_then(|b| b.versioning).map(Value::On), versioning.map(Value::On));
    let old = before.and_then(|b| b.encryption.as_ref()).map(Value::Encryption);
    show(Name::Part(Part::Encryption), old, encryption.as_ref().map(Value::Encryption));
    let old = before.and_then(|b| b.public_access_block).map(Value::Block);
    show(Name::Part(Part::PublicAccessBlock), old, public_access_block.map(Value::Block));
    let old = before.and_then(|b| b.ownership.as_deref()).map(Value::Text);
    show(Name::Part(Part::ObjectOwnership), old, ownership.as_deref().map(Value::Text));
    let old = before.and_then(|b| b.logging.as_ref()).map(|l| Value::Logging(l.as_ref()));
    show(Name::Part(Part::Logging), old, logging.as_ref().map(|l| Value::Logging(l.as_ref())));
    if let Some(new) = new {
        tags(before.and_then(|b| b.tags.as_ref()), new, nodes);
    }
}

fn key<'c>(before: Option<&'c MadeKey>, after: &'c MadeKey, nodes: &mut Vec<Node<'c>>) {
    // No `..`: a new setting stops the build until someone decides how it is shown.
    let MadeKey { alias, description, rotation_days, tags: new } = after;
    let alias_of = |alias: &'c Option<String>| Value::Text(alias.as_deref().unwrap_or_default());
    field(Name::Part(Part::Alias), before.map(|b| alias_of(&b.alias)), alias_of(alias), nodes);
    field(Name::Part(Part::Description), before.map(|b| Value::Text(&b.description)), Value::Text(description), nodes);
    field(Name::Part(Part::Rotation), before.map(|b| Value::Days(b.rotation_days)), Value::Days(*rotation_days), nodes);
    tags(before.map(|b| &b.tags), new, nodes);
}

/// Nothing is said about a value that stays, or about one that is empty from the start.
fn field<'c>(name: Name, before: Option<Value<'c>>, after: Value<'c>, nodes: &mut Vec<Node<'c>>) {
    let same = match &before {
        Some(before) => *before == after,
        None => after == Value::Text(""),
    };
    if !same {
        nodes.push(Node::Field { name, before, after });
    }
}

fn tags<'c>(before: Option<&'c Tags>, after: &'c Tags, nodes: &mut Vec<Node<'c>>) {
    let old: BTreeMap<&str, &str> = before.into_iter().flatten().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let gone = old.iter().filter(|(key, _)| !after.contains_key(**key));
    nodes.extend(gone.map(|(key, value)| Node::Tag { key, before: Some(value), after: None }));
    for (key, value) in after {
        let was = old.get(key.as_str()).copied();
        // Our own mark on a new object says nothing that its heading does not.
        let mark = before.is_none() && [ownership::OWNER_TAG, ownership::ALIAS_TAG].contains(&key.as_str());
        if was != Some(value.as_str()) && !mark {
            nodes.push(Node::Tag { key, before: was, after: Some(value) });
        }
    }
}

/// A document that stays.
fn kept<'c>(name: Name, document: Option<&'c Document>, share: &Share, nodes: &mut Vec<Node<'c>>) {
    let statements = document.into_iter().flat_map(|document| &document.statements);
    let entries = statements.map(|s| Entry { foreign: !share.is_ours(s), statement: StatementDiff::Kept(s.clone()) }).collect();
    nodes.push(Node::Document { name, before: document, after: document, entries });
}

fn document<'c>(name: Name, before: Option<&'c Document>, after: Option<&'c Document>, share: Option<&Share>, nodes: &mut Vec<Node<'c>>) {
    if before == after {
        return;
    }
    let foreign = |diff: &StatementDiff| match diff {
        StatementDiff::Added(s) | StatementDiff::Removed(s) | StatementDiff::Kept(s) | StatementDiff::Changed { after: s, .. } => {
            share.is_some_and(|share| !share.is_ours(s))
        }
    };
    let entries = diff(before, after).into_iter().map(|statement| Entry { foreign: foreign(&statement), statement }).collect();
    nodes.push(Node::Document { name, before, after, entries });
}
