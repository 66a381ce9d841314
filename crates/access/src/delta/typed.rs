//! Text operators on keys that are no texts: what a pattern says of addresses, numbers and times.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use crate::engine::condition::instant;

/// What a text or pattern says of a typed key.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Says<T> {
    /// Everything, or nothing.
    AllOrNone,
    /// Just these.
    Range(T),
    /// What has no name as a range.
    Unknown,
}

/// `203.0.113.*` is a block of addresses; a pattern that ends inside a number, or does not begin one, is none.
pub(crate) fn block(pattern: &str) -> Says<IpNet> {
    if let Ok(address) = pattern.parse::<IpAddr>() {
        return Says::Range(IpNet::from(address));
    }
    if pattern.chars().all(|c| c == '*') {
        return Says::AllOrNone;
    }
    if !pattern.contains(['*', '?']) {
        // It is no address.
        return Says::AllOrNone;
    }
    let Some(head) = pattern.strip_suffix(".*") else { return Says::Unknown };
    let octets: Vec<Option<u8>> = head.split('.').map(|octet| octet.parse().ok().filter(|n: &u8| n.to_string() == octet)).collect();
    let numbers: Vec<u8> = octets.iter().flatten().copied().collect();
    if numbers.len() != octets.len() || numbers.len() > 3 {
        return Says::Unknown;
    }
    let octet = |at: usize| numbers.get(at).copied().unwrap_or_default();
    let address = Ipv4Addr::new(octet(0), octet(1), octet(2), octet(3));
    let length = u8::try_from(numbers.len() * 8).unwrap_or(32);
    IpNet::new(address.into(), length).map_or(Says::Unknown, Says::Range)
}

/// `2026-07-*` is a month: its first second, and the first after it.
pub(crate) fn span(pattern: &str) -> Says<(i128, i128)> {
    const SECOND: i128 = 1_000_000_000;
    if let Some(at) = instant(pattern) {
        let at = at.div_euclid(SECOND);
        return Says::Range((at, at + 1));
    }
    if !pattern.contains(['*', '?']) || pattern.chars().all(|c| c == '*') {
        return Says::AllOrNone;
    }
    let Some(head) = pattern.strip_suffix('*').filter(|head| !head.contains(['*', '?'])) else { return Says::Unknown };
    let parts: Vec<&str> = head.trim_end_matches(['-', 'T']).split('-').collect();
    let number = |at: usize, digits: usize| parts.get(at).filter(|p| p.len() == digits).and_then(|p| p.parse::<i32>().ok());
    let day = |year: i32, month: i32, day: i32| instant(&format!("{year:04}-{month:02}-{day:02}T00:00:00Z")).map(|n| n.div_euclid(SECOND));
    let span = match (parts.len(), number(0, 4), number(1, 2), number(2, 2)) {
        (1, Some(year), ..) => day(year, 1, 1).zip(day(year + 1, 1, 1)),
        (2, Some(year), Some(month), _) => day(year, month, 1).zip(if month == 12 { day(year + 1, 1, 1) } else { day(year, month + 1, 1) }),
        (3, Some(year), Some(month), Some(date)) => day(year, month, date).map(|start| (start, start + 86_400)),
        _ => None,
    };
    span.map_or(Says::Unknown, Says::Range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_over_addresses_are_blocks() {
        for (pattern, expected) in [
            ("203.0.113.*", Says::Range("203.0.113.0/24".parse().unwrap())),
            ("10.*", Says::Range("10.0.0.0/8".parse().unwrap())),
            ("203.0.113.7", Says::Range("203.0.113.7/32".parse().unwrap())),
            ("2001:db8::1", Says::Range("2001:db8::1/128".parse().unwrap())),
            ("*", Says::AllOrNone),
            ("office", Says::AllOrNone),
            ("203.0.11*", Says::Unknown),
            ("*.7", Says::Unknown),
            ("10.0.0.?", Says::Unknown),
            ("010.*", Says::Unknown),
        ] {
            assert_eq!(block(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn patterns_over_times_are_spans() {
        let second = |text: &str| instant(text).unwrap() / 1_000_000_000;
        for (pattern, from, to) in
            [("2026-*", "2026-01-01", "2027-01-01"), ("2026-12*", "2026-12-01", "2027-01-01"), ("2026-07-04T*", "2026-07-04", "2026-07-05")]
        {
            assert_eq!(span(pattern), Says::Range((second(from), second(to))), "{pattern}");
        }
        assert_eq!((span("*-01-01*"), span("soon"), span("*")), (Says::Unknown, Says::AllOrNone, Says::AllOrNone));
    }
}
