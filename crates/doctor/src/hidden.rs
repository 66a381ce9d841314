//! A Deny that AWS names and the evaluator does not find: what AWS says is never taken for nothing.

use crossrole_model::access::StatementRef;
use crossrole_model::diagnosis::{Cause, RevokedBy, RevokedMark};
use crossrole_policy::Effect;

use crate::named::of_layer;
use crate::revoked::ISSUED;
use crate::trouble::{Hop, Trouble, bare};
use crate::world::World;

/// The unique id of who calls.
const USER_ID: &str = "aws:userid";

/// Before every session that there is. When one was made is not told by a refusal, so that a Deny of older ones (the console's
/// `AWSRevokeOlderSessions`, ours of revoked sessions) does not apply to a request that says nothing of it.
const LONG_AGO: &str = "1970-01-01T00:00:00Z";

impl World<'_> {
    /// The Deny that AWS's text names, as things are, where no statement that was read is found to deny.
    pub(crate) fn hidden(&self) -> Option<Trouble> {
        let denied = self.asked.denied.as_ref()?;
        let reason = denied.reason.filter(|reason| reason.explicit == Some(true) && !reason.endpoint)?;
        let hops = self.hops();
        let is_meant = |hop: &Hop| denied.action.as_deref().is_none_or(|action| action.eq_ignore_ascii_case(&hop.call.action));
        let at = hops.iter().rposition(is_meant).or_else(|| hops.iter().rposition(|hop| !hop.through))?;
        let hop = hops.get(at)?;
        let denies = |hop: &Hop| -> Option<StatementRef> {
            let mut all = hop.answer.reasons.iter().filter(|one| one.applies(Effect::Deny) && reason.layer.is_none_or(|layer| layer == one.layer));
            all.next().map(|one| one.statement.clone())
        };
        // Without the kind of policy, any Deny on the way may be meant.
        if denies(hop).is_some() || reason.layer.is_none() && hops.iter().any(|hop| denies(hop).is_some()) {
            return None;
        }
        if let Some(statement) = self.aged(hop).as_ref().and_then(denies) {
            let mut trouble = bare(Cause::SessionRevoked, at, hop);
            trouble.found.revoked = self.ended(at).map(|ended| RevokedBy { since: ended.since, mark: RevokedMark::Sessions });
            trouble.found.statement = Some(statement);
            return Some(told(trouble));
        }
        match reason.layer {
            // There may be policies of that kind that were not read.
            Some(layer) if self.may_be_more(layer, hop) => None,
            layer => {
                let cause = layer.and_then(|layer| of_layer(layer, true, hop.guard)).unwrap_or(Cause::DeniedSomewhere);
                Some(told(Trouble { layer, ..bare(cause, at, hop) }))
            }
        }
    }

    /// The same call by a session that was made long ago, where the request does not say when its was.
    pub(crate) fn aged(&self, hop: &Hop) -> Option<Hop> {
        if hop.question.context.get(ISSUED).is_some() {
            return None;
        }
        let mut question = hop.question.clone();
        question.context.set(ISSUED, LONG_AGO);
        // The unique id of a session ends with its name, whatever that of its role is.
        if let Some((_, session)) = hop.call.principal.split_once(":assumed-role/").and_then(|(_, name)| name.split_once('/'))
            && question.context.get(USER_ID).is_none()
        {
            question.context.set(USER_ID, format!("AROA:{session}"));
        }
        Some(self.decided(question, hop.through))
    }
}

fn told(mut trouble: Trouble) -> Trouble {
    trouble.found.told = true;
    trouble
}
