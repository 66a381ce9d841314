//! A day, as files say when something ends.

use crossrole_manifest::decode::{Decode, Decoder, Value, span, wrong_type};
use toml::de::DeValue;

/// A day.
#[derive(Debug, Clone)]
pub(crate) struct Day {
    /// As it is written.
    pub(crate) written: String,
    /// The second since 1970 at which it begins, in UTC, as grants end.
    pub(crate) begins: i64,
}

impl Decode for Day {
    fn decode(value: &Value<'_>, d: &mut Decoder<'_>) -> Option<Self> {
        let DeValue::Datetime(date) = value.get_ref() else {
            wrong_type(value, "a day such as 2027-01-31, without quotes", d);
            return None;
        };
        // A time beside it would be dropped.
        let day = date.date.filter(|_| date.time.is_none() && date.offset.is_none());
        let Some(begins) = day.and_then(|day| begins(day.year, day.month, day.day)) else {
            let advice = "write the day that ends it, as in `expires = 2027-01-31`: it holds until that day begins (UTC)";
            d.error(span(value.span()), "this is no day", advice);
            return None;
        };
        Some(Self { written: date.to_string(), begins })
    }
}

fn begins(year: u16, month: u8, day: u8) -> Option<i64> {
    let day = time::Date::from_calendar_date(i32::from(year), time::Month::try_from(month).ok()?, day).ok()?;
    Some(day.midnight().assume_utc().unix_timestamp())
}
