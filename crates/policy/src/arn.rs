//! Amazon Resource Names, split at their colons.

/// One ARN, borrowed: `arn:partition:service:region:account:resource`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arn<'a> {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: &'a str,
    /// `iam`, `sts`, `s3`.
    pub service: &'a str,
    /// Empty for IAM and S3.
    pub region: &'a str,
    /// Twelve digits; empty for S3.
    pub account: &'a str,
    /// Everything after the fifth colon, further colons included.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// Splits `text`; `None` when it has fewer than six parts or does not begin with `arn:`.
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        if parts.next()? != "arn" {
            return None;
        }
        Some(Self { partition: parts.next()?, service: parts.next()?, region: parts.next()?, account: parts.next()?, resource: parts.next()? })
    }

    /// Returns the name at the end of an IAM resource (`role/path/Name` gives `Name`), and its kind (`role`).
    pub fn kind_and_name(&self) -> Option<(&'a str, &'a str)> {
        let (kind, rest) = self.resource.split_once('/')?;
        Some((kind, rest.rsplit('/').next().unwrap_or(rest)))
    }
}

/// Tells whether `text` is an account id: exactly twelve digits.
pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_at_the_first_five_colons_only() {
        let arn = Arn::parse("arn:aws:s3:::data/x:y:z").unwrap();
        assert_eq!((arn.service, arn.account, arn.resource), ("s3", "", "data/x:y:z"));
        assert_eq!(Arn::parse("arn:aws:iam::1:role/a/b/C").unwrap().kind_and_name(), Some(("role", "C")));
        assert_eq!(Arn::parse("arn:aws:iam:role/x"), None);
        assert_eq!(Arn::parse("AROAEXAMPLE"), None);
    }
}
