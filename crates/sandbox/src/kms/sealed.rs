//! What KMS gives out as a ciphertext: opaque to its clients, and held together by a digest, but nothing is encrypted.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::sigv4::hex;

use super::input::EncryptionContext;

/// Bytes of the digest in front.
const DIGEST: usize = 32;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sealed {
    /// ARN of the key.
    pub(super) key: String,
    /// Digest of the encryption context.
    context: String,
    pub(super) plaintext: Vec<u8>,
    /// No two are the same.
    nonce: String,
}

/// Pairs in order, each with its length, so that no two contexts are one.
fn digest(context: &EncryptionContext) -> String {
    let text: String = context.iter().map(|(k, v)| format!("{} {k} {} {v} ", k.len(), v.len())).collect();
    hex(&Sha256::digest(text.as_bytes()))
}

impl Sealed {
    pub(super) fn new(key: &str, context: &EncryptionContext, plaintext: &[u8], nonce: String) -> Self {
        Self { key: key.to_owned(), context: digest(context), plaintext: plaintext.to_vec(), nonce }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let inside = serde_json::to_vec(self).unwrap_or_default();
        let mut bytes = Sha256::digest(&inside).to_vec();
        bytes.extend(inside);
        bytes
    }

    /// `None`: it is not what was given out.
    pub(super) fn open(bytes: &[u8]) -> Option<Self> {
        let (digest, inside) = bytes.split_at_checked(DIGEST)?;
        if Sha256::digest(inside).as_slice() != digest {
            return None;
        }
        serde_json::from_slice(inside).ok()
    }

    pub(super) fn is_of(&self, context: &EncryptionContext) -> bool {
        self.context == digest(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ciphertext_opens_with_its_context_alone() {
        let context = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<EncryptionContext>();
        let sealed = Sealed::new("arn", &context(&[("a", "b c")]), b"text", "n".to_owned());
        let bytes = sealed.bytes();
        let open = Sealed::open(&bytes).unwrap();
        assert_eq!(open, sealed);
        assert!(open.is_of(&context(&[("a", "b c")])));
        for other in [context(&[]), context(&[("a", "b")]), context(&[("a b", "c")])] {
            assert!(!open.is_of(&other), "{other:?}");
        }
        let mut torn = bytes.clone();
        torn[40] ^= 1;
        assert!(Sealed::open(&torn).is_none() && Sealed::open(b"short").is_none());
    }
}
