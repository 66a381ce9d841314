//! The file that a saved plan is: external ids in full, so its mode is 0600 (the command sees to that).
//!
//! It is a record of what was reviewed, never an instruction. A digest and its exact form tell whether it is as it was
//! written; whoever can forge both still gets nothing done that the manifests do not say, since everything is planned anew.

use crossrole_model::Plan;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// Version of the file, as `docs/plan-file.md` describes it. Releases that differ in their last number alone read one another's.
const FORMAT: u32 = 7;

/// Most bytes of a file: ten thousand roles make some tens of megabytes.
pub const PLAN_BYTES_MOST: usize = 256 << 20;

/// Why a file is no saved plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodecError {
    /// It is not a saved plan at all.
    NotAPlan(String),
    /// Another version of crossrole made it.
    OtherVersion(String),
    /// It is not as it was written.
    Altered,
}

impl std::fmt::Display for CodecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAPlan(why) => write!(f, "this is not a saved plan: {why}"),
            Self::OtherVersion(version) => write!(f, "this plan was made by another version of crossrole ({version}); this is {}", version_of(FORMAT)),
            Self::Altered => f.write_str("this plan was altered after it was written"),
        }
    }
}

impl std::error::Error for CodecError {}

fn version_of(format: u32) -> String {
    format!("{}, plan format {format}", env!("CARGO_PKG_VERSION"))
}

#[derive(Deserialize)]
struct Head {
    crossrole_plan: u32,
    version: String,
}

#[derive(Serialize)]
struct FileOut<'a> {
    crossrole_plan: u32,
    version: &'a str,
    digest: &'a str,
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
    written_by(env!("CARGO_PKG_VERSION"), plan)
}

fn written_by(version: &str, plan: &Plan) -> Result<String, serde_json::Error> {
    // The version as well: a letter more in it would make it another release's.
    let text = format!("{version}\n{}", serde_json::to_string(plan)?);
    let digest: String = Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect();
    serde_json::to_string(&FileOut { crossrole_plan: FORMAT, version, digest: &digest, plan })
}

/// A version without its last number (semver.org, "Patch version").
fn release(version: &str) -> Option<(&str, &str)> {
    let mut parts = version.split('.');
    let (major, minor, patch, more) = (parts.next()?, parts.next()?, parts.next()?, parts.next());
    (more.is_none() && patch.bytes().all(|b| b.is_ascii_digit())).then_some((major, minor))
}

/// Reads a plan.
///
/// # Errors
/// It is no plan, or one of another version, or not as it was written.
pub fn read_plan(text: &str) -> Result<Plan, CodecError> {
    if text.len() > PLAN_BYTES_MOST {
        return Err(CodecError::NotAPlan(format!("it has {} bytes, over {PLAN_BYTES_MOST}", text.len())));
    }
    let head: Head = serde_json::from_str(text).map_err(|e| CodecError::NotAPlan(e.to_string()))?;
    if head.crossrole_plan != FORMAT || release(&head.version) != release(env!("CARGO_PKG_VERSION")) {
        return Err(CodecError::OtherVersion(format!("{}, plan format {}", head.version, head.crossrole_plan)));
    }
    let file: FileIn = serde_json::from_str(text).map_err(|e| CodecError::NotAPlan(e.to_string()))?;
    // Its own text, digest included, is the only one that it is written as.
    let written = written_by(&head.version, &file.plan).map_err(|e| CodecError::NotAPlan(e.to_string()))?;
    if written == text.trim_end_matches('\n') { Ok(file.plan) } else { Err(CodecError::Altered) }
}

#[cfg(test)]
mod tests {
    use super::{CodecError, read_plan, written_by};

    #[test]
    fn another_patch_release_is_read_and_no_letter_of_it_may_change() {
        let written = written_by("0.1.9", &crossrole_model::Plan::default()).unwrap_or_default();
        assert!(read_plan(&written).is_ok());
        for version in ["0.1.90", "0.1.09", "0.1.8"] {
            assert_eq!(read_plan(&written.replacen("0.1.9", version, 1)).err(), Some(CodecError::Altered), "{version}");
        }
        let other = written_by("0.2.9", &crossrole_model::Plan::default()).unwrap_or_default();
        assert!(matches!(read_plan(&other), Err(CodecError::OtherVersion(_))));
    }
}
