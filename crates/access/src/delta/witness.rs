//! Witnesses: one request that shows what a line says.

use std::collections::BTreeSet;

use crossrole_model::access::{Decision, Direction, Why, Witness};

use crate::catalogue;
use crate::engine::decide::{Answer, evaluate};
use crate::principal::Caller;
use crate::request::{ContextValue, Request};

use super::atoms::{self, Resources};
use super::combine::{set, set_owner};
use super::cover::Dimension;
use super::pair::Pair;

impl Pair<'_, '_> {
    /// Asks both sides once more, of this action and resource. `tags`: those of the caller that are asked for.
    pub(super) fn witness(
        &self,
        request: &mut Request,
        (dimensions, combination): (&[Dimension], &[usize]),
        tags: &[String],
        direction: Direction,
    ) -> Result<Witness, Why> {
        set(request, dimensions, combination);
        self.subject.name_caller(request);
        let [before, after] = [0, 1].map(|at| {
            let policies = self.sides.get(at).copied().flatten().filter(|_| self.subject.has(at, tags, &request.context));
            policies.map(|p| evaluate(request, p))
        });
        let allowed = [before, after].map(|a| a.is_some_and(Answer::is_allowed));
        if allowed != [direction == Direction::Narrowed, direction == Direction::Widened] {
            return Err(Why::WitnessFails);
        }
        let decision = |answer: Option<Answer>| answer.map_or(Decision::ImplicitlyDenied, |a| a.decision);
        let context = request.context.iter().map(|(key, value)| {
            let values = match value {
                ContextValue::One(value) => vec![value.clone()],
                ContextValue::Many(values) => values.clone(),
            };
            (key.to_owned(), values)
        });
        Ok(Witness {
            principal: request.caller.as_str().to_owned(),
            action: request.action.clone(),
            resource: request.resource.clone(),
            context: context.collect(),
            before: decision(before),
            after: decision(after),
        })
    }

    /// A witness among these actions and resources: the one that there is, moved there when it still holds.
    pub(super) fn witness_in(
        &self,
        (names, at): (&BTreeSet<String>, &BTreeSet<usize>),
        resources: &Resources,
        tags: &[String],
        direction: Direction,
        like: &Witness,
    ) -> Witness {
        let mut request = self.request("", "");
        request.caller = Caller::parse(&like.principal);
        for (key, values) in &like.context {
            let many = catalogue::key(key).is_some_and(|k| k.many) || values.len() != 1;
            match values.first() {
                Some(value) if !many => request.context.set(key, value.clone()),
                _ => request.context.set_many(key, values.clone()),
            }
        }
        for class in at.iter().filter_map(|i| resources.classes.get(*i)) {
            let Some(name) = names.iter().find(|n| atoms::is_asked(n, &class.witness, self.domain)) else { continue };
            request.action.clone_from(name);
            request.resource.clone_from(&class.witness);
            set_owner(&mut request, self.owner(&class.witness).as_deref());
            if let Ok(witness) = self.witness(&mut request, (&[], &[]), tags, direction) {
                return witness;
            }
        }
        like.clone()
    }
}
