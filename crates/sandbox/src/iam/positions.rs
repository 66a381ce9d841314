//! Where the statements of a policy stand in its text, as the simulator tells it.

/// Line and column, both from 1; the column is the one behind a statement's brace (LocalStack, test_iam.py::test_simulate_principle_policy, 2025-04-21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Position {
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Begin and end of each statement, in order. The text is JSON that was read before.
pub(super) fn of_statements(text: &str) -> Vec<(Position, Position)> {
    let mut found = Vec::new();
    let (mut line, mut column) = (1, 0);
    // Open braces and brackets, and where the innermost statement began.
    let (mut depth, mut statement_depth, mut begin) = (0_usize, None, None);
    let (mut in_text, mut escaped, mut last, mut key) = (false, false, String::new(), String::new());
    for c in text.chars() {
        column += 1;
        if c == '\n' {
            (line, column) = (line + 1, 0);
        }
        if in_text {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_text = false,
                c => last.push(c),
            }
            continue;
        }
        match c {
            '"' => {
                in_text = true;
                last.clear();
            }
            ':' => key.clone_from(&last),
            '{' | '[' => {
                depth += 1;
                if depth == 2 && key == "Statement" {
                    statement_depth = Some(if c == '{' { 2 } else { 3 });
                }
                if c == '{' && Some(depth) == statement_depth {
                    begin = Some(Position { line, column: column + 1 });
                }
            }
            '}' | ']' => {
                if let (true, Some(begin)) = (c == '}' && Some(depth) == statement_depth, begin) {
                    found.push((begin, Position { line, column: column + 1 }));
                }
                depth = depth.saturating_sub(1);
                if depth == 1 {
                    statement_depth = None;
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_stand_where_they_are_written() {
        let at = |line, column| Position { line, column };
        let one = r#"{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}"#;
        assert_eq!(of_statements(one), [(at(1, 41), at(1, 113))]);
        let two = "{\"Id\":\"{\",\"Statement\":[\n {\"Action\":\"a:\\\"{\",\"Condition\":{\"Bool\":{}}},\n {}],\"Version\":\"2012-10-17\"}";
        assert_eq!(of_statements(two).iter().map(|(begin, _)| *begin).collect::<Vec<_>>(), [at(2, 3), at(3, 3)]);
    }
}
