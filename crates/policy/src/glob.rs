//! Patterns with `*` and `?`.

/// Tells whether a pattern of actions, with `*` and `?`, stands for the action of this name; case does not count (IAM User Guide,
/// "IAM JSON policy elements: Action").
pub fn is_like(pattern: &str, name: &str) -> bool {
    is_match(&pattern.to_lowercase(), &name.to_lowercase())
}

/// Tells whether a text matches a pattern with `*` and `?`.
pub fn is_match(pattern: &str, text: &str) -> bool {
    let name: Vec<char> = text.chars().collect();
    // The places of the name that the pattern read so far may end at.
    let mut ends = vec![true];
    ends.resize(name.len() + 1, false);
    for symbol in pattern.chars() {
        let mut next = vec![false; name.len() + 1];
        let mut open = false;
        for (at, end) in next.iter_mut().enumerate() {
            let here = ends.get(at) == Some(&true);
            let before = at.checked_sub(1).and_then(|at| ends.get(at)) == Some(&true);
            open |= here;
            *end = match symbol {
                '*' => open,
                '?' => before,
                symbol => before && at.checked_sub(1).and_then(|at| name.get(at)) == Some(&symbol),
            };
        }
        ends = next;
    }
    ends.last() == Some(&true)
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn patterns_stand_for_names() {
        for (pattern, name, expected) in [
            ("s3:GetObject", "s3:getobject", true),
            ("s3:Get*", "s3:GetObject", true),
            ("s3:*Object", "s3:GetObject", true),
            ("s3:?etObject", "s3:GetObject", true),
            ("*", "s3:GetObject", true),
            ("s3:GetObject?", "s3:GetObject", false),
            ("s3:GetObjectTagging", "s3:GetObject", false),
            ("s3:Put*", "s3:GetObject", false),
            ("", "s3:GetObject", false),
        ] {
            assert_eq!(is_like(pattern, name), expected, "{pattern} {name}");
        }
    }
}
