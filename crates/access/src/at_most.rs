//! An estate that lets everybody what it lets them at most: under whatever conditions, at whatever time.

use crossrole_policy::{Document, Effect, Element, Statement};

use crate::estate::{Estate, Levels, Placed};

impl Estate {
    /// Returns the same with every condition of an allowing statement taken as met, and every one of a denying statement as not
    /// met, and so with resources whose meaning depends on the request, or is not known for sure. What is denied then is denied in
    /// every context.
    #[must_use]
    pub fn at_most(mut self) -> Self {
        for principal in self.principals.values_mut() {
            all(&mut principal.identity);
            principal.boundary.iter_mut().for_each(|boundary| all(boundary));
        }
        for guarded in self.roles.values_mut().chain(self.buckets.values_mut()) {
            // Without its conditions a policy may be public that was not.
            guarded.restrict_public = false;
            guarded.policy.iter_mut().for_each(loosen);
        }
        for placed in self.keys.values_mut().filter_map(|key| key.policy.as_mut()) {
            *placed = Placed::of_key(loosened(&placed.document), placed.compiled.place.clone());
        }
        let levels = |levels: &mut Levels| levels.iter_mut().for_each(|level| all(level));
        self.service_control.values_mut().chain(self.resource_control.values_mut()).for_each(levels);
        self
    }
}

fn all(documents: &mut [Placed]) {
    documents.iter_mut().for_each(loosen);
}

fn loosen(placed: &mut Placed) {
    *placed = Placed::new(loosened(&placed.document), placed.compiled.place.clone());
}

fn loosened(document: &Document) -> Document {
    let is_open = |s: &Statement| s.resource.iter().flat_map(|element| &element.values).any(|value| is_open(value));
    let statement = |s: &Statement| match s.effect {
        Effect::Deny => (s.conditions.is_empty() && !is_open(s)).then(|| s.clone()),
        Effect::Allow => {
            let resource = if is_open(s) { Some(Element::of(["*"])) } else { s.resource.clone() };
            Some(Statement { conditions: crossrole_policy::Conditions::default(), resource, ..s.clone() })
        }
    };
    Document { statements: document.statements.iter().filter_map(statement).collect(), ..document.clone() }
}

/// What a resource means is not known for sure where it has a variable, or is no whole ARN with a service in letters; nor which keys
/// a pattern over some of their ids matches, since a key that is not there yet has none.
fn is_open(value: &str) -> bool {
    if value.split_once(":key/").is_some_and(|(_, id)| id != "*" && id.contains(['*', '?'])) {
        return true;
    }
    let is_whole = |parts: &[&str]| parts.len() == 6 && parts.first() == Some(&"arn") && parts.get(2).is_some_and(|service| !service.contains(['*', '?']));
    value.contains("${") || value != "*" && !is_whole(&value.splitn(6, ':').collect::<Vec<_>>())
}
