//! The patterns that resources are told apart by: those that statements have, and those that a description needs.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::compiled::CompiledStatement;
use crate::engine::glob::{Token, token};
use crate::request::Context;

use super::describe::{any_role, service_of};
use super::pair::{Domain, Text};

/// Patterns as they are compared, each as it is shown.
pub(super) type Patterns = BTreeMap<Vec<Token>, String>;

/// Returns all of them. `open`: keys that the context decides.
pub(super) fn patterns(texts: &[&Text], statements: &[&CompiledStatement], domain: &Domain, context: &Context, open: &BTreeSet<String>) -> Patterns {
    let walks: Vec<&str> = texts.iter().filter_map(|t| if let Text::Walk(start) = t { Some(start.as_str()) } else { None }).collect();
    let mut found = Found(Patterns::new());
    // Of roles, accounts that nothing names are not told apart.
    let roles = domain.is_of_roles();
    for start in walks.iter().filter(|start| !roles || !start.contains(":role/")) {
        found.kinds(start, domain);
    }
    let owners = owners(statements, domain, context);
    for start in walks.iter().filter(|start| !start.ends_with(":s3:::")) {
        found.owned(start, &owners);
    }
    // Roots that nothing tells apart are one.
    if let Some(service) = texts.iter().find_map(|t| if let Text::Exact(text) = t { text.ends_with(":root").then(|| service_of(text)) } else { None }) {
        found.add(&format!("{service}:*:root"));
        for owner in &owners {
            found.add(&format!("{service}:{owner}:root"));
        }
    }
    if let Some(start) = walks.first().filter(|_| roles) {
        found.add(&any_role(start));
    }
    for text in domain.elsewhere.iter().filter(|text| walks.iter().any(|start| text.starts_with(start))) {
        found.add(text);
        if text.contains(":s3:::") {
            found.add(&format!("{text}/*"));
        }
    }
    for statement in statements {
        found.written(statement, context, open);
    }
    found.0
}

/// Whose a resource is, conditions tell where its ARN does.
fn owners(statements: &[&CompiledStatement], domain: &Domain, context: &Context) -> BTreeSet<String> {
    let owned = statements.iter().flat_map(|s| s.conditions.iter().map(|c| (s.variables, c))).filter(|(_, c)| c.key.ends_with(":resourceaccount"));
    // A variable stands for what it is filled with.
    let said = owned.filter(|_| domain.is_elsewhere()).flat_map(|(variables, c)| {
        let filled = c.patterns(context, variables).into_iter().map(|(tokens, _)| crate::engine::template::plain(&tokens));
        filled.chain(c.written.values.iter().filter(|v| !v.contains("${")).cloned())
    });
    said.collect()
}

struct Found(Patterns);

impl Found {
    fn add(&mut self, text: &str) {
        self.0.insert(text.chars().map(token).collect(), text.to_owned());
    }

    /// All that begins so, and the kinds of it that are asked other questions.
    fn kinds(&mut self, start: &str, domain: &Domain) {
        self.add(&format!("{start}*"));
        if domain.is_elsewhere() {
            match start.match_indices(':').nth(4) {
                // All of STS's in one account is of one kind.
                Some(_) if start.contains(":sts:") => {}
                Some((fifth, _)) => self.add(&format!("{}*", start.get(..=fifth).unwrap_or(start))),
                // Tells what is an ARN from what is not one yet.
                None => self.add(&format!("{start}*:*:*")),
            }
        }
        // Buckets and what is in them are asked other questions.
        if start.ends_with(":s3:::") {
            for form in ["", "/*", "*/*"] {
                self.add(&format!("{start}{form}"));
            }
        }
    }

    /// What accounts that conditions name have of a service.
    fn owned(&mut self, start: &str, owners: &BTreeSet<String>) {
        let service = start.split(':').take(3).collect::<Vec<_>>().join(":");
        // What IAM and STS have is of no region, and nothing of theirs is looked at but in accounts that are told apart.
        let account = start.split(':').nth(4).filter(|_| service.ends_with(":iam") || service.ends_with(":sts"));
        let region = if account.is_some() { "" } else { "*" };
        for owner in owners.iter().filter(|owner| account.is_none_or(|account| crossrole_policy::glob::is_like(owner, account))) {
            self.add(&format!("{service}:{region}:{owner}:*"));
        }
    }

    fn written(&mut self, statement: &CompiledStatement, context: &Context, open: &BTreeSet<String>) {
        let Some(resource) = &statement.resource else { return };
        let shown = resource.shown(context, statement.variables, open);
        for (pattern, shown) in resource.patterns(context, statement.variables).into_iter().zip(shown) {
            let Some(pattern) = pattern else { continue };
            // Of two that are one here, the one that is so whatever variables hold.
            let known = self.0.entry(pattern).or_insert_with(|| shown.clone());
            if known.contains("${") {
                known.clone_from(&shown);
            }
        }
    }
}
