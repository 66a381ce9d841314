//! Objects compared part by part.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::ObjectState;
use crossrole_model::state::{BucketState, MadeKey, OidcState, PolicyState, RoleState, SamlState};
use crossrole_policy::Document;

/// Tells whether an object has each of its parts from one of two others.
pub(crate) fn is_between(is: &ObjectState, one: &ObjectState, other: &ObjectState) -> bool {
    match (is, one, other) {
        (ObjectState::Role(is), ObjectState::Role(one), ObjectState::Role(other)) => role(is, one, other),
        (ObjectState::Policy(is), ObjectState::Policy(one), ObjectState::Policy(other)) => policy(is, one, other),
        (ObjectState::OidcProvider(is), ObjectState::OidcProvider(one), ObjectState::OidcProvider(other)) => oidc(is, one, other),
        (ObjectState::SamlProvider(is), ObjectState::SamlProvider(one), ObjectState::SamlProvider(other)) => saml(is, one, other),
        (ObjectState::Bucket(is), ObjectState::Bucket(one), ObjectState::Bucket(other)) => bucket(is, one, other),
        (ObjectState::Key(is), ObjectState::Key(one), ObjectState::Key(other)) => key(is, one, other),
        // Those have one part.
        _ => either(is, one, other),
    }
}

fn either<T: PartialEq>(is: &T, one: &T, other: &T) -> bool {
    is == one || is == other
}

fn inline(is: &BTreeMap<String, Document>, one: &BTreeMap<String, Document>, other: &BTreeMap<String, Document>) -> bool {
    let names: BTreeSet<&String> = is.keys().chain(one.keys()).chain(other.keys()).collect();
    names.into_iter().all(|name| either(&is.get(name), &one.get(name), &other.get(name)))
}

// No `..` below: a new field stops the build until someone decides.

fn role(is: &RoleState, one: &RoleState, other: &RoleState) -> bool {
    let RoleState { path, trust, description, max_session_seconds, boundary, tags, inline: documents, attached } = is;
    either(path, &one.path, &other.path)
        && (either(trust, &one.trust, &other.trust) || trust.joined() == other.trust.joined())
        && either(description, &one.description, &other.description)
        && either(max_session_seconds, &one.max_session_seconds, &other.max_session_seconds)
        && either(boundary, &one.boundary, &other.boundary)
        && either(tags, &one.tags, &other.tags)
        && inline(documents, &one.inline, &other.inline)
        && either(attached, &one.attached, &other.attached)
}

fn policy(is: &PolicyState, one: &PolicyState, other: &PolicyState) -> bool {
    let PolicyState { path, description, document, tags } = is;
    either(path, &one.path, &other.path)
        && either(description, &one.description, &other.description)
        && either(document, &one.document, &other.document)
        && either(tags, &one.tags, &other.tags)
}

fn oidc(is: &OidcState, one: &OidcState, other: &OidcState) -> bool {
    let OidcState { url, client_ids, tags } = is;
    either(url, &one.url, &other.url) && either(client_ids, &one.client_ids, &other.client_ids) && either(tags, &one.tags, &other.tags)
}

fn saml(is: &SamlState, one: &SamlState, other: &SamlState) -> bool {
    let SamlState { metadata, tags } = is;
    either(metadata, &one.metadata, &other.metadata) && either(tags, &one.tags, &other.tags)
}

fn bucket(is: &BucketState, one: &BucketState, other: &BucketState) -> bool {
    let BucketState { region, versioning, encryption, public_access_block, ownership, logging, tags } = is;
    either(region, &one.region, &other.region)
        && either(versioning, &one.versioning, &other.versioning)
        && either(encryption, &one.encryption, &other.encryption)
        && either(public_access_block, &one.public_access_block, &other.public_access_block)
        && either(ownership, &one.ownership, &other.ownership)
        && either(logging, &one.logging, &other.logging)
        && either(tags, &one.tags, &other.tags)
}

fn key(is: &MadeKey, one: &MadeKey, other: &MadeKey) -> bool {
    let MadeKey { alias, description, rotation_days, tags } = is;
    either(alias, &one.alias, &other.alias)
        && either(description, &one.description, &other.description)
        && either(rotation_days, &one.rotation_days, &other.rotation_days)
        && either(tags, &one.tags, &other.tags)
}
