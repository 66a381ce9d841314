//! What may be wrong with a plan: always a bug of ours.

use crate::address::Address;
use crate::ids::AccountId;
use crate::plan::StepId;

/// An invariant that a plan breaks, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Broken {
    /// A step needs one that does not come before it.
    Order {
        /// The step.
        step: StepId,
        /// What it needs.
        needs: StepId,
    },
    /// A step belongs to no change.
    NoChange(StepId),
    /// A step goes to another account than its object's.
    OtherAccount(StepId),
    /// A step goes to an account that is not managed.
    Unmanaged(StepId),
    /// A step goes to an account that could not be read.
    Unread {
        /// The step.
        step: StepId,
        /// The account.
        account: AccountId,
    },
    /// A change has no step.
    NoStep(Address),
    /// A change has no reason.
    NoReason(Address),
    /// A change has the wrong sides for its action.
    Sides(Address),
    /// A change changes nothing.
    Nothing(Address),
    /// A step deletes an object with something on it.
    Held {
        /// The step.
        step: StepId,
        /// What is still on it: an ARN, or the name of an inline policy.
        what: String,
    },
    /// A step names what a later one makes.
    TooEarly {
        /// The step.
        step: StepId,
        /// The ARN.
        arn: String,
    },
    /// A step deletes a key that was not told by name, or without saying what goes with it.
    Untold(StepId),
    /// Within one object, a step gives before another has taken.
    GivesFirst {
        /// The one that gives.
        step: StepId,
        /// The one that takes.
        takes: StepId,
    },
    /// A bucket's policy would lose a foreign statement.
    Foreign {
        /// The step.
        step: StepId,
        /// Sid of the statement, or empty.
        sid: String,
    },
    /// A step does not say which part of a shared document is ours, or says it of another call.
    Share(StepId),
    /// A step takes away what alone tells of an object before our statements are taken out of that.
    Unfindable {
        /// The step.
        step: StepId,
        /// The object.
        address: Address,
    },
    /// A step names, or is put on, an object that is withheld.
    Withheld {
        /// The step.
        step: StepId,
        /// The object.
        address: Address,
    },
}
