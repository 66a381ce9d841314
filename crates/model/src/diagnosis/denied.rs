//! A refusal, as AWS tells of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Cause;
use crate::access::Layer;

/// A refusal as AWS, or whatever stands before it, has told of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// The error's code: `AccessDenied`; empty where none was found.
    pub code: String,
    /// The operation: `AssumeRole`.
    pub operation: Option<String>,
    /// ARN of who asked.
    pub principal: Option<String>,
    /// `s3:GetObject`.
    pub action: Option<String>,
    /// An ARN.
    pub resource: Option<String>,
    /// The kind of policy that the refusal names.
    pub reason: Option<DeniedReason>,
    /// ARN of the policy that it names.
    pub policy: Option<String>,
    /// What is wrong before any policy is asked.
    pub cause: Option<Cause>,
    /// The region that was asked for, or that the bucket is in, as the error tells.
    pub region: Option<String>,
    /// The message for `sts:DecodeAuthorizationMessage`.
    pub encoded: Option<String>,
    /// What the request brought, where it is told whole: an event of CloudTrail, or a decoded message.
    pub brought: Option<Brought>,
    /// Of a call that S3 made of KMS: the action that S3 was asked for.
    pub through: Option<String>,
    /// The object that was asked for, where the resource is another one or is not told: an ARN.
    pub object: Option<String>,
}

/// What a request brought.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brought {
    /// Condition keys with their values.
    pub context: BTreeMap<String, Vec<String>>,
    /// Seconds that a session was asked for.
    pub duration: Option<u32>,
    /// It was to have session tags.
    pub session_tags: bool,
    /// It was to have a source identity.
    pub source_identity: bool,
    /// It came with a session policy.
    pub session_policy: bool,
    /// The object that was to be copied: an ARN.
    pub copies: Option<String>,
}

/// The kind of policy that a refusal names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeniedReason {
    /// The kind; `None` for kinds that are not evaluated here, and where KMS does not tell.
    pub layer: Option<Layer>,
    /// A Deny, and not the lack of an Allow; `None` where it is not told.
    pub explicit: Option<bool>,
    /// A policy of a VPC endpoint.
    pub endpoint: bool,
}
