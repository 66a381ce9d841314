//! Policy documents in files.

use std::io::Read as _;
use std::path::Path;

use crossrole_policy::Document;

use crate::failure::Failure;

/// Most bytes of a file: AWS takes 20,480 without white space in the largest kind, a bucket policy.
const FILE_MOST: u64 = 1 << 18;

/// Reads a document; all its mistakes are in the error.
pub(crate) fn document(path: &Path) -> Result<Document, Failure> {
    let unreadable = |why: String| Failure::new(format!("policy `{}` can't be read: {why}", path.display()), "check its path and permissions");
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(|e| unreadable(e.to_string()))?;
    file.take(FILE_MOST + 1).read_to_string(&mut text).map_err(|e| unreadable(e.to_string()))?;
    if u64::try_from(text.len()).is_ok_and(|size| size > FILE_MOST) {
        return Err(unreadable(format!("it is over {FILE_MOST} bytes")));
    }
    crossrole_policy::parse(&text).map_err(|errors| {
        let list: Vec<String> = errors.iter().map(|e| format!("policy `{}`: {e}", path.display())).collect();
        Failure::new(list.join("\nerror: "), "AWS would refuse it too; correct the document")
    })
}
