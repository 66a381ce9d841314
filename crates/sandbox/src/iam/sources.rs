//! The policies that a simulation is over: those of the request, and those of a principal.

use std::collections::BTreeSet;

use crossrole_access::Compiled;
use crossrole_policy::{Arn, Document, Statement};

use crate::error::ApiError;
use crate::managed;
use crate::world::Held;

use super::positions::{Position, of_statements};
use super::{Iam, rules};

/// A policy, with what answers say of it.
pub(super) struct Source {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) document: Document,
    pub(super) compiled: Compiled,
    /// Begin and end of each statement.
    pub(super) positions: Vec<(Position, Position)>,
}

impl Source {
    fn new(id: String, kind: &'static str, text: &str) -> Result<Self, ApiError> {
        let document = crossrole_policy::parse(text).map_err(|_| ApiError::new(400, "InvalidInput", format!("Invalid policy: {id}")))?;
        let compiled = Compiled::new(&document, id.clone());
        Ok(Self { id, kind, document, compiled, positions: of_statements(text) })
    }
}

/// All of them.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) identity: Vec<Source>,
    pub(super) boundary: Option<Vec<Source>>,
    pub(super) resource: Option<Source>,
}

const BOUNDARY: &str = "IAM Permissions Boundary Policy";

impl Iam<'_> {
    pub(super) fn sources(&mut self) -> Result<Sources, ApiError> {
        let asked = self.asked;
        let mut sources = Sources::default();
        if asked.operation.contains("Principal") {
            let arn = asked.need("PolicySourceArn")?.to_owned();
            let (kind, holders) = self.holders(&arn)?;
            for held in &holders {
                for (id, text) in self.texts(kind, held) {
                    sources.identity.push(Source::new(id, "IAM Policy", &text)?);
                }
            }
            let boundary = holders.first().and_then(|held| held.boundary.clone());
            if let Some(text) = boundary.as_ref().and_then(|arn| self.managed_text(arn)) {
                let name = boundary.as_deref().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default().to_owned();
                sources.boundary = Some(vec![Source::new(name, BOUNDARY, &text)?]);
            }
        }
        for (n, text) in asked.list("PolicyInputList").iter().enumerate() {
            let id = format!("PolicyInputList.{}", n + 1);
            rules::identity(text, false).map_err(|error| ApiError::new(400, "InvalidInput", format!("{id}: {}", error.message)))?;
            sources.identity.push(Source::new(id, "IAM Policy", text)?);
        }
        if let Some(text) = asked.list("PermissionsBoundaryPolicyInputList").first() {
            // One that is sent stands in place of the one that is there.
            sources.boundary = Some(vec![Source::new("PermissionsBoundaryPolicyInputList.1".to_owned(), BOUNDARY, text)?]);
        }
        if let Some(text) = asked.param("ResourcePolicy") {
            sources.resource = Some(Source::new("ResourcePolicy".to_owned(), "Resource Policy", text)?);
        }
        Ok(sources)
    }

    /// The user with its groups, the group or the role of an ARN, and its kind.
    fn holders(&mut self, arn: &str) -> Result<(&'static str, Vec<Held>), ApiError> {
        let now = self.now();
        let bad = || ApiError::new(400, "InvalidInput", format!("Invalid Entity Arn: {arn}"));
        let parsed = Arn::parse(arn).filter(|a| a.service == "iam" && a.account == self.account);
        let (kind, name) = parsed.and_then(|a| a.kind_and_name()).ok_or_else(bad)?;
        let key = name.to_ascii_lowercase();
        let state = self.state();
        let (kind, held) = match kind {
            "role" => ("role", state.roles.get(&key).and_then(|r| r.visible(now)).map(|r| vec![r.held.clone()])),
            "group" => ("group", state.groups.get(&key).and_then(|g| g.visible(now)).map(|g| vec![g.held.clone()])),
            "user" => {
                let user = state.users.get(&key).and_then(|u| u.visible(now));
                let groups = user.into_iter().flat_map(|u| &u.groups).filter_map(|g| state.groups.get(&g.to_ascii_lowercase())?.visible(now));
                let held = groups.map(|g| g.held.clone());
                ("user", user.map(|u| std::iter::once(u.held.clone()).chain(held).collect()))
            }
            _ => return Err(bad()),
        };
        held.map(|held| (kind, held)).ok_or_else(|| ApiError::no_such(kind, name))
    }

    /// Inline and attached policies: id and text.
    fn texts(&self, kind: &str, held: &Held) -> Vec<(String, String)> {
        let inline = held.inline.iter().map(|(name, text)| (format!("{kind}_{}_{name}", held.name), text.clone()));
        let attached = held.attached.iter().filter_map(|arn| Some((arn.rsplit('/').next()?.to_owned(), self.managed_text(arn)?)));
        inline.chain(attached).collect()
    }

    fn managed_text(&self, arn: &str) -> Option<String> {
        if let Some(policy) = managed::find(arn) {
            return policy.text().map(str::to_owned);
        }
        let name = arn.rsplit('/').next()?.to_ascii_lowercase();
        let policy = self.world.accounts.get(&self.account)?.policies.get(&name)?.visible(self.world.now_ms).filter(|p| p.arn == arn)?;
        policy.versions.get(&policy.default).map(|(text, _)| text.clone())
    }
}

/// The condition keys of a statement: those that are tested, and those whose values are filled in.
pub(super) fn keys_of(statement: &Statement) -> BTreeSet<String> {
    let tested = statement.conditions.values().flat_map(|keys| keys.keys().cloned());
    let values = statement.conditions.values().flat_map(|keys| keys.values().flatten());
    let texts = values.chain(statement.resource.iter().flat_map(|r| &r.values));
    let filled = texts.flat_map(|text| {
        text.split("${").skip(1).filter_map(|rest| rest.split_once('}')).map(|(key, _)| key.split(',').next().unwrap_or_default().trim().to_owned())
    });
    tested.chain(filled.filter(|key| key.contains(':'))).collect()
}
