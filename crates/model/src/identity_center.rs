//! IAM Identity Center: the instance, and the calls that write inline policies of permission sets.

use crossrole_policy::Document;
use serde::{Deserialize, Serialize};

use crate::call::{Does, Effects, Finds, row};
use crate::ids::AccountId;

/// Where an instance of IAM Identity Center is administered.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IdentityCenter {
    /// `arn:aws:sso:::instance/ssoins-…`.
    pub instance: String,
    /// The management account of the organization, or the one to which Identity Center is delegated.
    pub account: AccountId,
    /// The home region of the instance, which alone answers for it.
    pub region: String,
}

/// A permission set of an instance.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SetRef {
    /// Its instance.
    pub at: IdentityCenter,
    /// `arn:aws:sso:::permissionSet/ssoins-…/ps-…`.
    pub arn: String,
    /// Its name, unique in an instance.
    pub name: String,
}

/// A writing call to IAM Identity Center, on one permission set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each field is the API parameter of that name")]
pub enum SetCall {
    PutPolicy {
        set: SetRef,
        document: Document,
    },
    DeletePolicy {
        set: SetRef,
    },
    /// Into one account: a set that is changed changes no role before that (IAM Identity Center API reference,
    /// ProvisionPermissionSet).
    Provision {
        set: SetRef,
        account: AccountId,
    },
}

impl SetCall {
    pub(crate) fn effects(&self) -> Effects {
        use Does::{Removes, Sets};
        match self {
            Self::PutPolicy { .. } => row("PutInlinePolicyToPermissionSet", "sso:PutInlinePolicyToPermissionSet", Sets, Finds::SharedDocument),
            Self::DeletePolicy { .. } => row("DeleteInlinePolicyFromPermissionSet", "sso:DeleteInlinePolicyFromPermissionSet", Removes, Finds::SharedDocument),
            Self::Provision { .. } => row("ProvisionPermissionSet", "sso:ProvisionPermissionSet", Sets, Finds::Anything),
        }
    }

    /// Returns the set.
    pub fn set(&self) -> &SetRef {
        match self {
            Self::PutPolicy { set, .. } | Self::DeletePolicy { set } | Self::Provision { set, .. } => set,
        }
    }
}
