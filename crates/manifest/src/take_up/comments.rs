//! Comments of a manifest's text, and that an edit loses none.

use std::collections::BTreeMap;

use toml::Table;

/// Most cells of the table in which the lines of two texts are paired: more is some hundred megabytes. Beyond it, what is lost is put
/// where the texts begin to differ.
const CELLS_MOST: usize = 16_000_000;

/// Returns an edited text with each comment that the edit took away on a line of its own, where it stood.
pub(super) fn kept(before: &str, after: String) -> String {
    let lost = lost(before, &after);
    if lost.is_empty() {
        return after;
    }
    let Ok(meaning) = after.parse::<Table>() else { return after };
    let old: Vec<&str> = before.lines().collect();
    let pairs = paired(&old, &after.lines().collect::<Vec<_>>());
    // By the line that they come behind in the new text: what stood together stays together.
    let mut groups: BTreeMap<usize, (usize, Vec<String>)> = BTreeMap::new();
    for (line, comment) in lost {
        let behind = pairs.iter().rev().find(|(at, _)| *at < line).map_or(0, |(_, new)| new + 1);
        let ahead = pairs.iter().find(|(at, _)| *at > line).map_or(usize::MAX, |(_, new)| *new);
        groups.entry(behind).or_insert((ahead, Vec::new())).1.push(format!("{}{comment}", indent(&old, line)));
    }
    let mut lines: Vec<String> = after.lines().map(str::to_owned).collect();
    // From the end, so that places stay what they are.
    for (behind, (ahead, mut group)) in groups.into_iter().rev() {
        let apart = |line: &String| line.trim_start().starts_with(['[', '#']);
        // It is not the comment of what comes next.
        group.extend(lines.get(behind).is_some_and(apart).then(String::new));
        // Nor may it be inside a text.
        for at in [behind, ahead.min(lines.len()), lines.len()] {
            let mut with = lines.clone();
            with.splice(at..at, group.iter().cloned());
            if with.join("\n").parse::<Table>().is_ok_and(|is| is == meaning) {
                lines = with;
                break;
            }
        }
    }
    lines.join("\n") + if after.ends_with('\n') || after.is_empty() { "\n" } else { "" }
}

fn indent<'l>(lines: &[&'l str], at: usize) -> &'l str {
    let line = lines.get(at).copied().unwrap_or_default();
    line.get(..line.len() - line.trim_start().len()).unwrap_or_default()
}

/// Comments that a text has and another has not, or not as often, with their lines.
fn lost(before: &str, after: &str) -> Vec<(usize, String)> {
    let mut left: BTreeMap<&str, usize> = BTreeMap::new();
    let kept = comments(after);
    for (_, comment) in &kept {
        *left.entry(comment).or_default() += 1;
    }
    let had = comments(before);
    // Of equal ones, those that are further behind are taken for the lost ones.
    let gone = had.into_iter().filter(|(_, comment)| match left.get_mut(comment) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    gone.map(|(line, comment)| (line, comment.to_owned())).collect()
}

/// The comments of a text, each with its line, from 0.
pub(super) fn comments(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let (mut line, mut rest) = (0, text);
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '#' => {
                let length = rest.find('\n').unwrap_or(rest.len());
                found.push((line, rest.get(..length).unwrap_or_default().trim_end()));
                length
            }
            '"' | '\'' => quoted(rest, first),
            other => other.len_utf8(),
        };
        let (taken, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        line += taken.matches('\n').count();
        rest = after;
    }
    found
}

/// The length of the text in quotes that stands at the beginning.
fn quoted(text: &str, quote: char) -> usize {
    let triple = String::from(quote).repeat(3);
    let end = if text.starts_with(&triple) { triple } else { String::from(quote) };
    let mut at = end.len();
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let Some(next) = rest.chars().next() else { return text.len() };
        if quote == '"' && next == '\\' {
            at += 1 + rest.chars().nth(1).map_or(0, char::len_utf8);
        } else if rest.starts_with(&end) {
            // Up to two quotes may stand before the closing ones, and are of the text.
            let more = if end.len() == 3 { rest.chars().skip(3).take(2).take_while(|next| *next == quote).count() } else { 0 };
            return at + end.len() + more;
        } else {
            at += next.len_utf8();
        }
    }
}

/// Lines that two texts have in common, in order: a longest common subsequence.
fn paired(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let same = |(a, b): &(&&str, &&str)| a.trim_end() == b.trim_end();
    let head = old.iter().zip(new).take_while(same).count();
    let (old_rest, new_rest) = (old.get(head..).unwrap_or_default(), new.get(head..).unwrap_or_default());
    let tail = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(same).count();
    let (rows, columns) = (old_rest.len() - tail, new_rest.len() - tail);
    let mut pairs: Vec<(usize, usize)> = (0..head).map(|at| (at, at)).collect();
    if rows.saturating_mul(columns) <= CELLS_MOST {
        let equal =
            |row: usize, column: usize| old_rest.get(row).zip(new_rest.get(column)).is_some_and(|(a, b)| !a.trim().is_empty() && a.trim_end() == b.trim_end());
        let width = columns + 1;
        let mut longest = vec![0_u32; (rows + 1) * width];
        let at = |longest: &[u32], row: usize, column: usize| longest.get(row * width + column).copied().unwrap_or_default();
        for row in (0..rows).rev() {
            for column in (0..columns).rev() {
                let best =
                    if equal(row, column) { at(&longest, row + 1, column + 1) + 1 } else { at(&longest, row + 1, column).max(at(&longest, row, column + 1)) };
                if let Some(cell) = longest.get_mut(row * width + column) {
                    *cell = best;
                }
            }
        }
        let (mut row, mut column) = (0, 0);
        while row < rows && column < columns {
            if equal(row, column) {
                pairs.push((head + row, head + column));
                (row, column) = (row + 1, column + 1);
            } else if at(&longest, row + 1, column) >= at(&longest, row, column + 1) {
                row += 1;
            } else {
                column += 1;
            }
        }
    }
    pairs.extend((0..tail).map(|at| (head + rows + at, head + columns + at)));
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_quotes_is_no_comment() {
        let text =
            "a = \"# no\" # one\nb = '# no' # two\nc = \"\"\"\n# no \"# no\\\"\"\"\"\" # three\nd = '''# no''''' # four\n[e] # five\nf = [\n  1, # six\n]";
        let found: Vec<(usize, &str)> = comments(text);
        assert_eq!(found, [(0, "# one"), (1, "# two"), (3, "# three"), (4, "# four"), (5, "# five"), (7, "# six")]);
    }

    #[test]
    fn what_is_lost_is_put_where_it_stood() {
        let before = "# top\n[a] # of a\nx = 1 # of x\ny = 2\n\n# of b\n[b]\nz = [ # of z\n  1, # one\n]\n\n# of c\n[c]\n";
        let after = "# top\n[a] # of a\ny = 2\n\n# of c\n[c]\n".to_owned();
        assert_eq!(kept(before, after), "# top\n[a] # of a\n# of x\ny = 2\n# of b\n# of z\n  # one\n\n# of c\n[c]\n");
    }
}
