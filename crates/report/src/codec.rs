//! The file that a saved plan is: external ids in full, so its mode is 0600 (the command sees to that).

use crossrole_model::Plan;
use serde::{Deserialize, Serialize};

/// Version of the file. A plan is applied by the version of crossrole that made it, so there is one.
const FORMAT: u32 = 1;

/// Why a file is no saved plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodecError {
    /// It is not a saved plan at all.
    NotAPlan(String),
    /// Another version of crossrole made it.
    OtherVersion(String),
}

impl std::fmt::Display for CodecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAPlan(why) => write!(f, "this is not a saved plan: {why}"),
            Self::OtherVersion(version) => write!(f, "this plan was made by crossrole {version}, and this is {}", env!("CARGO_PKG_VERSION")),
        }
    }
}

impl std::error::Error for CodecError {}

#[derive(Serialize, Deserialize)]
struct Head {
    crossrole_plan: u32,
    version: String,
}

#[derive(Serialize)]
struct FileOut<'a> {
    crossrole_plan: u32,
    version: &'a str,
    plan: &'a Plan,
}

#[derive(Deserialize)]
struct FileIn {
    plan: Plan,
}

/// Writes a plan.
///
/// # Errors
/// The plan can't be written as JSON: a bug of ours.
pub fn write_plan(plan: &Plan) -> Result<String, serde_json::Error> {
    serde_json::to_string(&FileOut { crossrole_plan: FORMAT, version: env!("CARGO_PKG_VERSION"), plan })
}

/// Reads a plan.
///
/// # Errors
/// It is no plan, or one of another version.
pub fn read_plan(text: &str) -> Result<Plan, CodecError> {
    let head: Head = serde_json::from_str(text).map_err(|e| CodecError::NotAPlan(e.to_string()))?;
    if head.crossrole_plan != FORMAT || head.version != env!("CARGO_PKG_VERSION") {
        return Err(CodecError::OtherVersion(head.version));
    }
    let file: FileIn = serde_json::from_str(text).map_err(|e| CodecError::NotAPlan(e.to_string()))?;
    Ok(file.plan)
}
