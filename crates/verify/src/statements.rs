//! What policies of resources let without a role, statement by statement: to services, tokens, organizations and permission sets, on keys, by
//! other actions, and where a condition has to be met. Nobody calls for most of them, so that they are evaluated.

use std::collections::BTreeSet;

use crossrole_model::proof::{Act, Cell, Terms, Twist};
use crossrole_model::{AccountId, ownership::sid_prefix};
use crossrole_policy::{Arn, Document, Effect, Principal, Statement, glob};

use crate::bucket::{acts, places};
use crate::matrix::{Builder, is_somebody};
use crate::others::{OTHERS_MOST, other_acts};
use crate::terms::{LONGEST, of_statement, twisted};

/// Whom a statement lets in besides users, roles and accounts: services, identity providers and permission sets.
pub(crate) fn guests(statement: &Statement) -> Vec<String> {
    if statement.effect != Effect::Allow {
        return Vec::new();
    }
    let kinds = ["Service", "Federated"].into_iter();
    let mut all: Vec<String> = kinds.flat_map(|kind| entries(statement, kind)).cloned().collect();
    all.extend(arns(statement).into_iter().map(|pattern| concrete(&pattern)));
    all
}

/// Values of one kind of principal.
fn entries<'s>(statement: &'s Statement, kind: &str) -> &'s [String] {
    let principal = statement.principal.as_ref().filter(|principal| !principal.negated);
    principal.and_then(|principal| principal.entries.get(kind)).map_or(&[], Vec::as_slice)
}

/// Patterns over principals that a condition names.
fn arns(statement: &Statement) -> BTreeSet<String> {
    let positive = statement.conditions.iter().filter(|(operator, _)| !operator.to_ascii_lowercase().contains("not"));
    let keys = positive.flat_map(|(_, keys)| keys).filter(|(key, _)| key.eq_ignore_ascii_case("aws:PrincipalArn"));
    keys.flat_map(|(_, values)| values).filter(|value| is_somebody(value)).cloned().collect()
}

/// Somebody whom a pattern matches: of a permission set a role of which the digits are nobody's.
fn concrete(pattern: &str) -> String {
    pattern.replace("*/", "").replace('?', "0").replace('*', "x")
}

/// Whom a statement names.
fn whom(statement: &Statement) -> BTreeSet<String> {
    let mut all: BTreeSet<String> = guests(statement).into_iter().collect();
    if !arns(statement).is_empty() {
        return all;
    }
    for name in statement.principal.iter().filter(|principal| !principal.negated).flat_map(Principal::aws) {
        match Arn::parse(name) {
            Some(arn) if arn.resource == "root" => drop(all.insert(arn.account.to_owned())),
            Some(_) if is_somebody(name) => drop(all.insert(name.clone())),
            None if AccountId::parse(name).is_some() => drop(all.insert(name.clone())),
            // An organization, or everybody.
            None if name == "*" => drop(all.insert(AccountId::nobody().to_string())),
            _ => {}
        }
    }
    all
}

impl Builder<'_> {
    /// Everything that policies of buckets and keys let, that the calls in buckets do not ask about.
    pub(crate) fn statements(&mut self, callers: &BTreeSet<String>) {
        let wanted = self.wanted;
        for bucket in self.buckets() {
            let Some(policy) = wanted.buckets.get(&bucket).and_then(|guarded| guarded.policy.as_ref()) else { continue };
            for statement in policy.document.statements.iter().filter(|s| s.effect == Effect::Allow) {
                self.on_bucket(&bucket, statement, callers);
            }
        }
        // Of a key, what its account's own policies are left is none of the manifests'.
        let ours: BTreeSet<String> = self.desired.manifests.iter().map(|manifest| sid_prefix(&manifest.name)).collect();
        for (arn, guarded) in &wanted.keys {
            let statements = guarded.policy.iter().flat_map(|policy| &policy.document.statements);
            for statement in statements.filter(|s| s.effect == Effect::Allow && ours.iter().any(|head| s.sid().starts_with(head))) {
                self.on_key(arn, statement);
            }
        }
    }

    fn on_bucket(&mut self, bucket: &str, statement: &Statement, callers: &BTreeSet<String>) {
        let document = Document::new(vec![statement.clone()]);
        let places = places([&document].into_iter()).remove(bucket).unwrap_or_default();
        let tried = acts(bucket, &places, self.objects, self.options).into_iter().filter(|(_, twist)| *twist == Twist::AsGranted).map(|(act, _)| act);
        let tried: Vec<Act> = tried.collect();
        let others: BTreeSet<Act> =
            statement.action.values.iter().filter_map(|pattern| other_acts(pattern, statement, &self.buckets(), self.desired.partition)).flatten().collect();
        let named: Vec<String> = whom(statement).into_iter().filter(|who| !self.has_sessions(who)).collect();
        for who in &named {
            let asked = callers.contains(who) && (!who.contains(":role/") || self.is_at_hand(who));
            for terms in of_statement(statement, name_of(who), Some(self.options.now)) {
                // Who is asked about in buckets is asked about this there, where nothing has to be met.
                let known = asked && terms == Terms::default();
                let acts = tried.iter().filter(|_| !known).chain(others.iter().take(OTHERS_MOST)).cloned();
                self.granted(who, acts.collect(), &terms, &document);
            }
        }
    }

    /// Tells whether it is a role whose sessions are asked about already.
    fn has_sessions(&self, who: &str) -> bool {
        self.wanted.roles.contains_key(who) && self.via.contains(who)
    }

    /// What a statement of a key's policy lets. What it lets through S3 is asked about with the bucket.
    fn on_key(&mut self, arn: &str, statement: &Statement) {
        if statement.conditions.values().flatten().any(|(key, _)| key.eq_ignore_ascii_case("kms:ViaService")) {
            return;
        }
        let document = Document::new(vec![statement.clone()]);
        let of = |action: &String| Act::Other { action: operation(action), resource: arn.to_owned() };
        let acts: Vec<Act> = statement.action.values.iter().map(of).collect();
        for who in whom(statement) {
            for terms in of_statement(statement, name_of(&who), Some(self.options.now)) {
                self.granted(&who, acts.clone(), &terms, &document);
            }
        }
        let of =
            |act| Cell { principal: AccountId::nobody().to_string(), via: None, act, twist: Twist::OtherPrincipal, terms: Terms::default(), wanted: false };
        let refused: Vec<Cell> = acts.into_iter().map(of).filter(|cell| self.is_wanted(cell) == Some(false)).collect();
        self.cells.extend(refused);
    }

    /// What is let with these terms, and the first of it with what the statement does not take.
    fn granted(&mut self, who: &str, acts: Vec<Act>, terms: &Terms, document: &Document) {
        let of = |act, terms: &Terms| Cell { principal: who.to_owned(), via: None, act, twist: Twist::AsGranted, terms: terms.clone(), wanted: true };
        let all: Vec<Cell> = acts.into_iter().map(|act| of(act, terms)).collect();
        let let_in: Vec<Cell> = self.readable(&all).into_iter().filter(|cell| self.is_wanted(cell) == Some(true)).collect();
        let Some(first) = let_in.first().cloned() else { return };
        self.cells.extend(let_in);
        for (twist, terms) in twisted(terms, document, LONGEST, false) {
            let cell = Cell { twist, terms, wanted: false, ..first.clone() };
            if self.is_wanted(&cell) == Some(false) {
                self.cells.push(cell);
            }
        }
    }
}

fn name_of(principal: &str) -> &str {
    principal.rsplit('/').next().unwrap_or_default()
}

/// One operation of those that a pattern stands for (AWS KMS Developer Guide, "AWS KMS permissions").
fn operation(pattern: &str) -> String {
    let named = ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:DescribeKey", "kms:CreateGrant"];
    let known = named.iter().find(|action| pattern.contains(['*', '?']) && glob::is_like(&pattern.to_ascii_lowercase(), &action.to_ascii_lowercase()));
    known.map_or_else(|| pattern.to_owned(), |action| (*action).to_owned())
}
