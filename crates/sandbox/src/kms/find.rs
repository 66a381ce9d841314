//! Names of keys: ids, aliases and their ARNs (AWS KMS Developer Guide, "Key identifiers").

use crossrole_policy::Arn;

use crate::error::ApiError;

use super::state::{Store, arn};

/// A key as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) arn: String,
    /// `alias/name`, where it was named by one.
    pub(crate) alias: Option<String>,
}

/// Where a name is looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'p> {
    /// The account of ids and aliases that are no ARNs.
    pub(crate) account: &'p str,
    pub(crate) region: &'p str,
    /// Unix seconds.
    pub(crate) now: i64,
}

pub(crate) fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::new(400, "NotFoundException", message)
}

pub(super) fn no_alias(arn: &str) -> ApiError {
    not_found(format!("Alias {arn} is not found."))
}

/// Whom a name stands for; whether the key is there is another question.
///
/// # Errors
/// It is no name of a key, one of another region, or an alias of this account that is not there.
pub(crate) fn named(store: &Store, place: Place<'_>, text: &str, with_aliases: bool) -> Result<Named, ApiError> {
    // Ids of one account are told from those of another by their ARNs alone.
    let invalid = || not_found(format!("Invalid keyId '{text}'"));
    let full = if text.starts_with("arn:") {
        let parsed = Arn::parse(text).filter(|a| a.partition == "aws" && a.service == "kms" && is_account(a.account)).ok_or_else(invalid)?;
        if parsed.region != place.region {
            return Err(not_found(format!("Invalid arn {}", parsed.region)));
        }
        text.to_owned()
    } else if text.starts_with("alias/") {
        arn(place.region, place.account, text)
    } else {
        arn(place.region, place.account, &format!("key/{text}"))
    };
    let parsed = Arn::parse(&full).ok_or_else(invalid)?;
    match parsed.resource.split_once('/') {
        Some(("key", id)) if is_id(id) => Ok(Named { arn: full, alias: None }),
        Some(("alias", _)) if with_aliases => {
            let alias = Some(parsed.resource.to_owned());
            match store.target(&full, place.now) {
                Some(arn) => Ok(Named { arn, alias }),
                None if parsed.account == place.account => Err(no_alias(&full)),
                // Other accounts are not told.
                None => Ok(Named { arn: full, alias }),
            }
        }
        _ => Err(invalid()),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// A UUID, or the id of a multi-Region key.
fn is_id(text: &str) -> bool {
    let is_hex = |part: &str| part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if let Some(digits) = text.strip_prefix("mrk-") {
        return digits.len() == 32 && is_hex(digits);
    }
    let parts: Vec<&str> = text.split('-').collect();
    parts.iter().map(|p| p.len()).eq([8, 4, 4, 4, 12]) && parts.iter().all(|p| is_hex(p))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_or_those_of_multi_region_keys() {
        assert!(is_id("1234abcd-12ab-34cd-56ef-1234567890ab") && is_id("mrk-1234abcd12ab34cd56ef1234567890ab"));
        for text in ["", "fake-key-id", "134f2428cec14b25a1ae9048164dba47", "mrk-fake-key-id", "1234abcd-12ab-34cd-56ef-1234567890ag"] {
            assert!(!is_id(text), "{text}");
        }
        assert!(is_id(&super::super::state::uuid("seed")));
    }
}
