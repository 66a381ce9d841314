//! The table of many manifests: a row each of those with something to read, whatever they are called, and within any limit.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::{AccessDelta, Direction, Part, Party};
use crossrole_model::desired::{AccountInfo, ManifestRef};
use crossrole_model::{AccountId, Action, Address, Cause, Change, Digest, Kind, Plan, Subject, Withheld};
use crossrole_report::{COMMENT_MOST, Comment, LEAST, Owners, SUMMARY_MOST, View, markdown};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use crate::decisions;
use crate::hostile::{ROWS, is_harmful};

fn account(at: usize) -> AccountId {
    AccountId::parse(&format!("{:012}", 300_000_000_000_u64 + at as u64)).unwrap()
}

/// Manifests of which every fourth has nothing to do, one destroys, one is withheld, and one lets somebody gain something.
fn crowd(t: &str, count: usize) -> (Plan, Owners) {
    let name = |at: usize| format!("{t}{at}");
    let role = |at: usize| Address::new(&account(at % 50), Kind::Role, format!("Reader-{at}"));
    let change = |at: usize| Change {
        address: role(at),
        action: if at == 9 { Action::Delete } else { Action::Create },
        before: None,
        after: None,
        manifest: name(at),
        reasons: Vec::new(),
        consequences: Vec::new(),
    };
    let mut access = decisions::delta("xy").changes.into_iter().next().unwrap();
    access.direction = Direction::Widened;
    access.resources = vec![Part::of(format!("arn:aws:iam::{}:role/path/Reader-13", account(13)))];
    let mut elsewhere = access.clone();
    (elsewhere.resources, elsewhere.party) = (vec![Part::of("*")], Party::Unsigned);
    let withheld = Withheld { subject: Subject::Object(role(2)), cause: Cause::NoBucket, blocks: true };
    let info = AccountInfo { label: "xy".into(), trusting: true, managed: true, left: false, fills: BTreeMap::new() };
    let plan = Plan {
        manifests: (0..count).map(|at| ManifestRef { name: name(at), file: format!("{t}.toml"), digest: Digest::of(b"x"), renamed_from: Vec::new() }).collect(),
        accounts: (0..50).map(|at| (account(at), info.clone())).collect(),
        changes: (0..count).filter(|at| at % 4 != 3 && *at != 2).map(change).collect(),
        withheld: vec![withheld],
        access: Some(AccessDelta { changes: vec![access, elsewhere], ..AccessDelta::default() }),
        calls: (0..50).map(|at| (account(at), 6)).collect(),
        ..Plan::default()
    };
    (plan, (0..count).map(|at| (role(at), BTreeSet::from([name(at)]))).collect())
}

fn comment(t: &str, count: usize, most: usize) -> String {
    let (plan, owners) = crowd(t, count);
    markdown(
        &Comment {
            plan: &plan,
            findings: &[],
            sources: &[],
            owners: &owners,
            view: View::default(),
            judged: None,
            since: None,
            drift: None,
            refused: &[],
            left_out: &[],
            key: "k",
        },
        most,
    )
}

/// The cells of each row, as a parser of tables reads them.
fn table(text: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut inside = false;
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                inside = true;
                rows.last_mut().unwrap().push(String::new());
            }
            Event::End(TagEnd::TableCell) => inside = false,
            Event::Text(words) | Event::Code(words) if inside => rows.last_mut().unwrap().last_mut().unwrap().push_str(&words),
            event => assert!(!inside, "{event:?} in a cell of {text}"),
        }
    }
    rows
}

#[test]
fn a_row_says_what_a_manifest_comes_to_and_the_first_need_to_be_read() {
    let text = comment("team-", 16, SUMMARY_MOST);
    insta::assert_snapshot!(text.lines().take_while(|line| !line.starts_with("```")).skip(1).collect::<Vec<_>>().join("\n"));
    let rows = table(&text);
    assert_eq!(rows.len(), 1 + 12);
    assert!(rows.iter().all(|row| row.len() == 8), "{rows:?}");
    let first: Vec<&str> = rows[1..4].iter().map(|row| row[0].as_str()).collect();
    assert_eq!(first, ["team-2", "team-9", "team-13"]);
}

#[test]
fn few_manifests_have_no_table() {
    assert!(table(&comment("team-", 3, SUMMARY_MOST)).is_empty());
}

/// What events there are, outside of fences and without what names may differ in.
fn shape(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut said = Vec::new();
    for event in Parser::new_ext(text, Options::all()) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => fenced = true,
            Event::End(TagEnd::CodeBlock) => fenced = false,
            _ if fenced => {}
            Event::Code(name) => {
                assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{name}");
                said.push("name".to_owned());
            }
            Event::Html(html) if html.starts_with("<!-- crossrole plan ") => said.push("marker".to_owned()),
            event => said.push(format!("{event:?}")),
        }
    }
    said
}

#[test]
fn no_name_leaves_its_cell() {
    let more = ["|", "\\|", "a|b|c", "`|`", "\n| x | y |\n", "<!--", "-->", "@org/team", "#123", "GH-1", "org/repo#3", "&#124;", "$x$", "https://evil.example"];
    let plain = shape(&comment("xy", 12, SUMMARY_MOST));
    for row in ROWS.iter().copied().chain(more) {
        let text = comment(row, 12, SUMMARY_MOST);
        assert!(!text.chars().any(is_harmful), "{row:?}");
        assert_eq!(shape(&text), plain, "{row:?}: {text}");
        assert!(table(&text).iter().all(|cells| cells.len() == 8), "{row:?}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("::")), "{row:?}");
    }
}

/// However many there are and however long their names: the table takes a quarter, and what is left out is counted.
#[test]
fn it_keeps_its_room_and_counts_what_is_left_out() {
    for (name, count) in [("team-", 200), ("x", 5_000), (&"long-".repeat(30), 900)] {
        for most in [LEAST, 10_000, COMMENT_MOST] {
            let text = comment(name, count, most);
            assert!(text.len() <= most, "{}", text.len());
            let rows = table(&text);
            let shown = rows.len().saturating_sub(1);
            let all = count - count / 4;
            let told: usize = text.lines().find_map(|line| line.strip_prefix("And ")?.split(' ').next()?.parse().ok()).unwrap_or(0);
            assert_eq!(shown + told, all, "{name} {count} {most}");
            assert!(rows.iter().all(|row| row.len() == 8));
            assert_eq!(text.contains("Some of it is left out here"), told > 0 || text.contains("more lines"), "{name} {count} {most}");
            let size: usize = text.lines().filter(|line| line.starts_with("| ")).map(|line| line.len() + 1).sum();
            assert!(size <= most / 4, "{size} of {most}");
            assert!(text.trim_end().lines().last().unwrap().starts_with("Read with "), "{text}");
        }
    }
    let text = comment("team-", 200, COMMENT_MOST);
    assert!(text.lines().nth(1).unwrap().starts_with("### crossrole: 200 manifests in 50 accounts: "), "{text}");
    assert_eq!(table(&text).len(), 1 + 150, "of 200 there is room for all");
}
