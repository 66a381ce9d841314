//! Constraints of parameters that a request breaks, in the form that the query services share.

use crate::error::ApiError;
use crate::query::Service;

/// The constraints that one request breaks, in order.
pub(crate) struct Constraints {
    /// STS and KMS repeat the value that is wrong; IAM leaves it out.
    quoted: bool,
    code: &'static str,
    broken: Vec<String>,
}

impl Constraints {
    pub(crate) fn of(service: Service) -> Self {
        let code = if service == Service::Kms { "ValidationException" } else { "ValidationError" };
        Self { quoted: service != Service::Iam, code, broken: Vec::new() }
    }

    /// `field`: as the service's model spells it, `roleSessionName`.
    pub(crate) fn add(&mut self, field: &str, value: Option<&str>, rule: &str) {
        let value = match value.filter(|_| self.quoted) {
            Some(value) => format!("Value '{value}' at"),
            None if self.quoted => "Value null at".to_owned(),
            None => "Value at".to_owned(),
        };
        self.broken.push(format!("{value} '{field}' failed to satisfy constraint: {rule}"));
    }

    /// Lengths are counted in characters (Unicode scalar values).
    pub(crate) fn length(&mut self, field: &str, value: &str, least: usize, most: usize) {
        let length = value.chars().count();
        if length < least {
            self.add(field, Some(value), &format!("Member must have length greater than or equal to {least}"));
        }
        if length > most {
            self.add(field, Some(value), &format!("Member must have length less than or equal to {most}"));
        }
    }

    pub(crate) fn pattern(&mut self, field: &str, value: &str, pattern: &str, allowed: impl Fn(char) -> bool) {
        if !value.chars().all(allowed) {
            self.add(field, Some(value), &format!("Member must satisfy regular expression pattern: {pattern}"));
        }
    }

    pub(crate) fn number(&mut self, field: &str, value: i32, least: i32, most: i32) {
        if value < least {
            self.add(field, Some(&value.to_string()), &format!("Member must have value greater than or equal to {least}"));
        }
        if value > most {
            self.add(field, Some(&value.to_string()), &format!("Member must have value less than or equal to {most}"));
        }
    }

    /// Fails with all of them in one message.
    pub(crate) fn check(self) -> Result<(), ApiError> {
        if self.broken.is_empty() {
            return Ok(());
        }
        let errors = if self.broken.len() == 1 { "error" } else { "errors" };
        let message = format!("{} validation {errors} detected: {}", self.broken.len(), self.broken.join("; "));
        Err(ApiError::new(400, self.code, message))
    }
}

/// One constraint that is broken.
pub(crate) fn broken(service: Service, field: &str, value: Option<&str>, rule: &str) -> ApiError {
    let mut constraints = Constraints::of(service);
    constraints.add(field, value, rule);
    constraints.check().err().unwrap_or_else(|| ApiError::validation(rule))
}

/// An integer as the query protocol reads it: 32 bits with a sign, `+900` and `0900` included.
pub(crate) fn integer(text: &str) -> Result<i32, ApiError> {
    let malformed = |message: &str| ApiError::new(400, "MalformedInput", message);
    if text.is_empty() {
        return Err(malformed("missing value for decimal type"));
    }
    text.parse().map_err(|_| malformed(""))
}
