//! Policy documents in files.

use std::path::Path;

use crossrole_policy::Document;

use crate::failure::Failure;
use crate::files::{self, Wanted};

/// AWS takes 20,480 bytes without white space in the largest kind of document, a bucket policy.
const POLICY: Wanted = Wanted { what: "policy", most: 1 << 18, advice: "check its path and permissions", smaller: "AWS takes no document of that size" };

/// Reads a document; all its mistakes are in the error.
pub(crate) fn document(path: &Path) -> Result<Document, Failure> {
    let text = files::read(path, &POLICY)?;
    crossrole_policy::parse(&text).map_err(|errors| {
        let list: Vec<String> = errors.iter().map(|e| format!("policy `{}`: {e}", path.display())).collect();
        Failure::several(list, "AWS would refuse it too; correct the document")
    })
}
