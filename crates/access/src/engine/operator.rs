//! Condition operators by name (IAM User Guide, "IAM JSON policy elements: Condition operators").

/// How the values of a multivalued key are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Set {
    /// A key with one value.
    Single,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

/// What is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Test {
    /// `StringEquals`
    StringEquals,
    /// `StringEqualsIgnoreCase`
    StringEqualsIgnoreCase,
    /// `StringLike`
    StringLike,
    /// `Numeric…`
    Number(Compare),
    /// `Date…`
    Date(Compare),
    /// `Bool`
    Bool,
    /// `BinaryEquals`
    Binary,
    /// `IpAddress`
    Ip,
    /// `ArnEquals` and `ArnLike`, which are one.
    Arn,
    /// `Null`
    Null,
}

/// An order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Compare {
    /// The same.
    Equal,
    /// Less than the value.
    Less,
    /// Less, or the same.
    LessOrEqual,
    /// Greater than the value.
    Greater,
    /// Greater, or the same.
    GreaterOrEqual,
}

/// An operator with its prefix and suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operator {
    /// Its prefix.
    pub set: Set,
    /// What it compares.
    pub test: Test,
    /// It holds where the comparison does not.
    pub negated: bool,
    /// It holds where the key is missing.
    pub if_exists: bool,
}

impl Operator {
    /// Reads an operator; its case does not count.
    pub fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let (set, rest) = match lower.split_once(':') {
            Some(("forallvalues", rest)) => (Set::All, rest),
            Some(("foranyvalue", rest)) => (Set::Any, rest),
            Some(_) => return None,
            None => (Set::Single, lower.as_str()),
        };
        let (name, if_exists) = rest.strip_suffix("ifexists").map_or((rest, false), |name| (name, true));
        let (test, negated) = match name {
            "stringequals" => (Test::StringEquals, false),
            "stringnotequals" => (Test::StringEquals, true),
            "stringequalsignorecase" => (Test::StringEqualsIgnoreCase, false),
            "stringnotequalsignorecase" => (Test::StringEqualsIgnoreCase, true),
            "stringlike" => (Test::StringLike, false),
            "stringnotlike" => (Test::StringLike, true),
            "bool" => (Test::Bool, false),
            "binaryequals" => (Test::Binary, false),
            "ipaddress" => (Test::Ip, false),
            "notipaddress" => (Test::Ip, true),
            "arnequals" | "arnlike" => (Test::Arn, false),
            "arnnotequals" | "arnnotlike" => (Test::Arn, true),
            "null" if set == Set::Single && !if_exists => (Test::Null, false),
            _ => {
                let (test, rest): (fn(Compare) -> Test, &str) = match name.strip_prefix("numeric") {
                    Some(rest) => (Test::Number, rest),
                    None => (Test::Date, name.strip_prefix("date")?),
                };
                let (compare, negated) = match rest {
                    "equals" => (Compare::Equal, false),
                    "notequals" => (Compare::Equal, true),
                    "lessthan" => (Compare::Less, false),
                    "lessthanequals" => (Compare::LessOrEqual, false),
                    "greaterthan" => (Compare::Greater, false),
                    "greaterthanequals" => (Compare::GreaterOrEqual, false),
                    _ => return None,
                };
                (test(compare), negated)
            }
        };
        Some(Self { set, test, negated, if_exists })
    }
}

impl Compare {
    pub(crate) fn of(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}
