//! The access picture and the page of a plan: what others wrote stays text in each form, as a parser of that form reads it, and
//! however much there is, it is drawn within the limits of those who look at it.

use std::collections::BTreeSet;

use base64::Engine as _;
use crossrole_model::access::{About, AccessDelta, Certainty, Clause, Comparison, How, Limit, Part, Party, Relation, Which, Why};
use crossrole_model::graph::{Basis, Doing, Edge, Graph, Status, Thing, Way};
use crossrole_model::{AccountId, Finding, Plan, Severity, Source, Unreadable};
use crossrole_report::{Comment, GraphFormat, Owners, View, graph, html, safe};
use roxmltree::{Document, Node, ParsingOptions};
use sha2::Digest as _;

use crate::hostile::{ROWS, is_harmful};
use crate::{decisions, facts, markdown};

const SHOW: View = View { show_external_ids: true, diff: crossrole_report::Diff::Statements, screen: crossrole_report::Screen { color: false, width: None } };

/// What an attack on one of the forms begins with.
const MORE: &[&str] = &[
    "\"]; click n0 href \"javascript:alert(1)\"",
    "\" --> x[y",
    "end",
    "%%{init: {\"securityLevel\": \"loose\"}}%%",
    "`**markdown**`",
    "#quot;#35;#60;b#62;",
    "style x:y #1;",
    "1. a list",
    "fa:fa-ban",
    "\\\"; n0 -> n1 [label=\"",
    "\\",
    "a\\",
    "<b>&amp;&lt;/title></title></svg><script>alert(1)</script>",
    "]]><![CDATA[x",
    "' onload='alert(1)",
    "\u{fffe}\u{ffff}",
    "</style><style>*{}",
    "*/ url(https://evil.example)",
];

fn rows() -> impl Iterator<Item = &'static str> {
    ROWS.iter().copied().chain(MORE.iter().copied())
}

fn account() -> AccountId {
    AccountId::parse("222222222222").unwrap()
}

fn clause(t: &str) -> Clause {
    let relation = Relation::Compares(Comparison { which: Which::One, not: false, how: How::Is, or_absent: false });
    Clause { key: t.into(), relation, values: vec![t.into(), "plain".into()] }
}

fn way(t: &str) -> Way {
    Way {
        actions: vec![Part::of(t)],
        resources: vec![Part::of(format!("arn:aws:s3:::bucket/{t}"))],
        when: vec![vec![clause(t)]],
        certainty: Certainty::OwnPolicies,
        except: vec![Party::User { arn: format!("arn:aws:iam::222222222222:user/{t}") }],
        keyless: None,
    }
}

/// A picture with this text wherever one may be.
fn picture(t: &str) -> Graph {
    let delta = decisions::delta(t);
    let mut graph = Graph { basis: Basis::Plan, manifests: vec![t.into()], accounts: [(account(), t.to_owned())].into(), ..Graph::default() };
    let things = [
        Thing::Bucket(t.into()),
        Thing::Key(format!("arn:aws:kms:eu-west-1:222222222222:key/{t}")),
        Thing::Role(format!("arn:aws:iam::222222222222:role/{t}")),
        Thing::Resources(t.into()),
        Thing::NoResource,
        Thing::Unknown(About::Policies(vec![t.into()])),
    ];
    let froms: Vec<Thing> = delta.changes.iter().map(|change| Thing::of(&change.party)).collect();
    for (at, status) in [Status::Gained, Status::Lost, Status::Undecided, Status::Kept].into_iter().enumerate() {
        for from in froms.iter().take(4).chain(&things) {
            let to = things[at % things.len()].clone();
            let why = if status == Status::Undecided { vec![Why::TooMany(Limit::KeyPatterns(t.into()))] } else { Vec::new() };
            let ways = if status == Status::Undecided { Vec::new() } else { vec![way(t)] };
            graph.edges.push(Edge { from: from.clone(), to, status, doing: [Doing::Reads, Doing::Acts].into(), ways, why });
        }
    }
    let ends = graph.edges.iter().flat_map(|edge| [edge.from.clone(), edge.to.clone()]);
    graph.things = ends.chain(things).chain(froms.clone()).map(|thing| (thing, Some(account().to_string()))).collect();
    graph.things.insert(Thing::Account(account()), Some(account().to_string()));
    graph.unread.insert(Thing::Account(account()), Unreadable { class: None, why: t.into() });
    graph
}

/// What a page says, and nothing that it would do.
fn assert_inert(text: &str, t: &str) -> String {
    assert!(!text.chars().any(is_harmful), "{t:?}");
    let document = Document::parse_with_options(text, ParsingOptions { allow_dtd: true, ..ParsingOptions::default() }).unwrap_or_else(|e| panic!("{t:?}: {e}"));
    let mut said = String::new();
    for node in document.descendants() {
        if node.is_text() {
            said.push_str(node.text().unwrap());
            said.push(' ');
        }
        if node.is_element() {
            assert_known(node, t);
        }
        assert!(!node.is_comment() && !node.is_pi(), "{t:?}");
    }
    said
}

fn assert_known(node: Node<'_, '_>, t: &str) {
    const ELEMENTS: &[&str] = &[
        "html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "p", "ul", "li", "pre", "span", "details", "summary", "div", "svg", "desc",
        "defs", "marker", "path", "rect", "g", "text", "tspan",
    ];
    const CLASSES: &[&str] = &[
        "access",
        "fits",
        "ground",
        "account",
        "node",
        "label",
        "line",
        "tip",
        "heading",
        "foot",
        "name",
        "does",
        "gained",
        "lost",
        "undecided",
        "kept",
        "caller",
        "role",
        "bucket",
        "key",
        "resource",
        "unknown",
        "picture",
        "words",
        "sub",
        "cut",
        "warning",
        "changed",
        "quiet",
        "strong",
    ];
    let name = node.tag_name().name();
    assert!(ELEMENTS.contains(&name), "{t:?}: <{name}>");
    for attribute in node.attributes() {
        let value = attribute.value();
        let number = |c: char| c.is_ascii_digit() || "MCL HVz.-".contains(c);
        let good = match attribute.name() {
            "class" => value.split(' ').all(|class| CLASSES.contains(&class)),
            "x" | "y" | "width" | "height" | "rx" | "d" | "viewBox" | "refX" | "refY" | "markerWidth" | "markerHeight" => value.chars().all(number),
            "marker-end" => ["gained", "lost", "undecided", "kept"].iter().any(|class| value == format!("url(#access-{class})")),
            "id" => value.starts_with("access-") && value.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'),
            "role" => value == "img",
            "aria-labelledby" => value == "access-title access-desc",
            "orient" | "markerUnits" | "tabindex" | "lang" | "charset" => value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
            "http-equiv" | "content" | "name" => name == "meta" && !value.contains("evil"),
            _ => false,
        };
        assert!(good, "{t:?}: <{name} {}={value:?}>", attribute.name());
    }
    if name == "style" {
        let text = node.text().unwrap();
        assert!(!text.contains("url(") && !text.contains("@import") && !text.contains("evil"), "{t:?}");
    }
}

/// A policy that lets in the one style that there is, and nothing else.
fn assert_guarded(page: &str) {
    let document = Document::parse_with_options(page, ParsingOptions { allow_dtd: true, ..ParsingOptions::default() }).unwrap();
    let style: Vec<&str> = document.descendants().filter(|n| n.tag_name().name() == "style").map(|n| n.text().unwrap()).collect();
    assert_eq!(style.len(), 1);
    let digest = base64::engine::general_purpose::STANDARD.encode(sha2::Sha256::digest(style[0].as_bytes()));
    let policy = document.descendants().find(|n| n.attribute("http-equiv") == Some("Content-Security-Policy")).unwrap().attribute("content").unwrap();
    assert_eq!(policy, format!("default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"));
}

#[test]
fn what_others_wrote_is_text_in_pictures_and_pages() {
    for t in rows().chain(["xy"]) {
        let drawn = picture(t);
        let shown: String = safe(t).chars().filter(|c| !c.is_whitespace()).collect();
        for format in [GraphFormat::Svg, GraphFormat::Html] {
            let text = graph(&drawn, format, SHOW);
            let said: String = assert_inert(&text, t).chars().filter(|c| !c.is_whitespace()).collect();
            assert!(said.contains(&shown.replace(['\u{fffe}', '\u{ffff}'], "")) || shown.contains('\u{fffe}'), "{t:?}: nothing is lost");
            if format == GraphFormat::Html {
                assert_guarded(&text);
            }
        }
    }
}

#[test]
fn what_others_wrote_is_text_in_the_page_of_a_plan() {
    for t in rows().chain(["xy"]) {
        let calls = [(facts::account(), 12)].into();
        let plan = Plan { access: Some(decisions::delta(t)), lockouts: decisions::lockouts(t), calls, ..facts::plan(t) };
        let finding = Finding { file: t.into(), span: None, severity: Severity::Warning, message: t.into(), advice: t.into(), rule: Some(t.into()) };
        let (findings, sources, owners) = ([finding], [Source { file: t.into(), text: t.into() }], Owners::new());
        let (since, judged, delta) = (markdown::since(&plan, t), markdown::judged(&plan, t), markdown::drifted(t));
        let [unread, _] = markdown::unread(t);
        let refused = [t.to_owned(), t.to_owned()];
        let plain = Comment {
            plan: &plan,
            findings: &findings,
            sources: &sources,
            owners: &owners,
            view: SHOW,
            judged: None,
            since: None,
            drift: None,
            refused: &refused,
            left_out: &refused,
            key: "k",
        };
        for comment in [
            plain,
            Comment { judged: Some(&judged), since: Some(&since), ..plain },
            Comment { since: Some(&unread), ..plain },
            Comment { drift: Some(&delta), ..plain },
        ] {
            let text = html(&comment, &picture(t));
            assert_inert(&text, t);
            assert_guarded(&text);
        }
    }
}

/// Quoted texts, and what stands outside of them; `escape`: a letter that takes its meaning from the next.
fn quoted(text: &str, escape: Option<char>) -> (Vec<String>, String) {
    let (mut inside, mut outside) = (Vec::new(), String::new());
    let mut letters = text.chars();
    while let Some(c) = letters.next() {
        if c != '"' {
            outside.push(c);
            continue;
        }
        let mut one = String::new();
        loop {
            match letters.next().expect("an end of the quotes") {
                '"' => break,
                c if Some(c) == escape => {
                    let next = letters.next().unwrap();
                    assert!("\\\"n".contains(next), "\\{next} in {text}");
                    one.push(if next == 'n' { '\n' } else { next });
                }
                c => one.push(c),
            }
        }
        inside.push(one);
    }
    (inside, outside)
}

/// Mermaid reads directives, Markdown, entities and HTML in labels, so none of their letters is in one.
#[test]
fn what_others_wrote_is_text_in_mermaid() {
    for t in rows().chain(["xy"]) {
        let text = graph(&picture(t), GraphFormat::Mermaid, SHOW);
        assert!(!text.chars().any(is_harmful), "{t:?}");
        for line in text.lines() {
            let (inside, outside) = quoted(line, None);
            for label in inside {
                let mut rest = label.replace("<br/>", "");
                while let Some((before, after)) = rest.split_once('#') {
                    let (number, after) = after.split_once(';').unwrap();
                    assert!(char::from_u32(number.parse().unwrap()).is_some_and(|c| !c.is_control()), "{t:?}: {line}");
                    rest = format!("{before}{after}");
                }
                assert!(rest.chars().all(|c| c.is_alphanumeric() || " ,-./".contains(c)), "{t:?}: {line}");
            }
            assert!(line.starts_with("  accTitle: ") || outside.chars().all(|c| c.is_ascii_alphanumeric() || " []()|{}<>-=./,:#".contains(c)), "{t:?}: {line}");
        }
    }
}

#[test]
fn what_others_wrote_is_text_in_dot() {
    for t in rows().chain(["xy"]) {
        let text = graph(&picture(t), GraphFormat::Dot, SHOW);
        assert!(!text.chars().any(is_harmful), "{t:?}");
        let (inside, outside) = quoted(&text, Some('\\'));
        assert!(outside.chars().all(|c| c.is_ascii_alphanumeric() || " \n[]{};=,.->_".contains(c)), "{t:?}: {outside}");
        let said = inside.join("\n").replace("&amp;", "&");
        assert!(said.contains(&safe(t)), "{t:?}: nothing is lost: {said}");
    }
}

#[test]
fn external_ids_are_masked_in_pictures() {
    let mut drawn = picture("xy");
    for way in drawn.edges.iter_mut().flat_map(|edge| &mut edge.ways) {
        way.when = vec![vec![Clause { key: "sts:ExternalId".into(), values: vec!["secret-4711".into()], ..clause("") }]];
    }
    for format in [GraphFormat::Mermaid, GraphFormat::Dot, GraphFormat::Svg, GraphFormat::Html] {
        for (view, shown) in [(View::default(), false), (SHOW, true)] {
            let text = graph(&drawn, format, view);
            assert!(text.contains("ExternalId"), "{format:?}: {text}");
            assert_eq!(text.contains("secret-4711"), shown, "{format:?}");
        }
    }
}

/// Color is one way of three to tell what becomes of a line: symbols and line styles are the others.
#[test]
fn what_becomes_of_a_line_is_said_three_times() {
    let drawn = picture("xy");
    let svg = graph(&drawn, GraphFormat::Svg, SHOW);
    for (class, symbol, legend) in [("gained", "+ ", "gained"), ("lost", "- ", "lost"), ("undecided", "? ", "not decided")] {
        assert!(svg.contains(&format!("<path class=\"line {class}\"")) && svg.contains(&format!(">{legend}</text>")), "{svg}");
        assert!(svg.contains(&format!(">{symbol}")), "{symbol}");
    }
    let styles: BTreeSet<&str> =
        svg.lines().filter(|line| line.contains(".line {") && line.contains("stroke-width")).map(|line| line.split("stroke-width").nth(1).unwrap()).collect();
    assert_eq!(styles.len(), 4, "{styles:?}");
}

/// A picture of so many roles in so many accounts, by chance.
fn random(seed: &mut usize, things: usize, accounts: usize, edges: usize) -> Graph {
    let mut next = |most: usize| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % most
    };
    let all: Vec<(Thing, String)> = (0..things)
        .map(|number| {
            let account = format!("{:012}", 300_000_000_000_u64 + next(accounts) as u64);
            let thing = match next(4) {
                0 => Thing::Party(Party::User { arn: format!("arn:aws:iam::{account}:user/{number}") }),
                1 => Thing::Bucket(format!("bucket-{number}-with-a-name-that-is-rather-long-for-a-bucket-{number}")),
                2 => Thing::Key(format!("arn:aws:kms:eu-west-1:{account}:key/{number}")),
                _ => Thing::Role(format!("arn:aws:iam::{account}:role/Role-{number}-{}", "x".repeat(next(60)))),
            };
            (thing, account)
        })
        .collect();
    let mut graph =
        Graph { basis: Basis::Plan, things: all.iter().map(|(thing, account)| (thing.clone(), Some(account.clone()))).collect(), ..Graph::default() };
    let edge = |_| {
        let status = [Status::Gained, Status::Lost, Status::Undecided, Status::Kept][next(4)];
        let (from, to) = (all[next(things)].0.clone(), all[next(things)].0.clone());
        let ways = if status == Status::Undecided { Vec::new() } else { vec![way(["aws:MultiFactorAuthPresent", "sts:ExternalId", "aws:SourceIp"][next(3)])] };
        Edge { from, to, status, doing: [[Doing::Reads, Doing::Writes, Doing::Assumes][next(3)]].into(), ways, why: Vec::new() }
    };
    let mut edges: Vec<Edge> = (0..edges).map(edge).collect();
    edges.sort();
    edges.dedup_by(|a, b| (&a.from, &a.to, a.status) == (&b.from, &b.to, b.status));
    graph.edges = edges;
    graph
}

#[test]
fn however_much_there_is_it_is_drawn_within_the_limits() {
    let mut seed = 4711;
    let sizes =
        [(1, 1, 0), (1, 1, 1), (2, 2, 3), (7, 3, 20), (20, 5, 40), (60, 10, 90), (140, 50, 130), (400, 40, 500), (3_000, 200, 4_000), (2_000, 1, 9_000)];
    for (things, accounts, edges) in sizes.into_iter().flat_map(|size| std::iter::repeat_n(size, if size.0 < 50 { 12 } else { 1 })) {
        let drawn = random(&mut seed, things, accounts, edges);
        let [mermaid, svg] = [GraphFormat::Mermaid, GraphFormat::Svg].map(|format| graph(&drawn, format, View::default()));
        let size = (things, accounts, edges);
        assert!(mermaid.chars().count() < 50_000, "{size:?}: {}", mermaid.chars().count());
        assert!(mermaid.lines().filter(|line| line.contains("-->|") || line.contains("==>|") || line.contains("-.->|")).count() <= 300, "{size:?}");
        assert!(svg.len() < 2_000_000, "{size:?}: {}", svg.len());
        assert_inert(&svg, "");
        assert!(svg.matches("<g class=\"node").count() <= 150, "{size:?}");
        assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{size:?}");
        let folded = svg.contains("are drawn as");
        assert_eq!(svg.matches("<g class=\"node").count() < drawn.things.len(), folded, "{size:?}: what is folded is said");
        assert_eq!(graph(&drawn, GraphFormat::Svg, View::default()), svg, "{size:?}: twice the same");
    }
}

/// A line that is gained is never drawn as one that stays, however much is folded.
#[test]
fn folding_keeps_what_becomes_of_each_line() {
    let mut seed = 42;
    for (things, accounts, edges) in [(30, 4, 60), (900, 30, 1_200), (2_000, 400, 2_500)] {
        let drawn = random(&mut seed, things, accounts, edges);
        let dot = graph(&drawn, GraphFormat::Dot, View::default());
        for (status, style) in
            [(Status::Gained, "style=bold"), (Status::Lost, "style=dashed"), (Status::Undecided, "style=dotted, penwidth"), (Status::Kept, "style=solid")]
        {
            let times = |line: &str| {
                let label = line.split("label=\"").nth(1).unwrap().split('"').next().unwrap();
                label.rsplit("\\n").next().unwrap().strip_suffix(" times").map_or(1, |count| count.parse::<usize>().unwrap())
            };
            let drawn_lines: usize = dot.lines().filter(|line| line.contains(" -> ") && line.contains(style)).map(times).sum();
            assert_eq!(drawn_lines, drawn.edges.iter().filter(|edge| edge.status == status).count(), "{status:?} of {things}");
        }
    }
}

#[test]
fn nothing_is_drawn_of_nothing_and_that_is_said() {
    let text = graph(&Graph::default(), GraphFormat::Svg, View::default());
    assert!(text.contains("nobody reaches anything"), "{text}");
    assert_inert(&text, "");
    let (plan, drawn) = (Plan { access: Some(AccessDelta::default()), ..Plan::default() }, Graph { basis: Basis::Plan, ..Graph::default() });
    let page = html(
        &Comment {
            plan: &plan,
            findings: &[],
            sources: &[],
            owners: &Owners::new(),
            view: View::default(),
            judged: None,
            since: None,
            drift: None,
            refused: &[],
            left_out: &[],
            key: "k",
        },
        &drawn,
    );
    assert!(page.contains("nobody gains or loses anything") && page.contains("<p>Nothing.</p>"), "{page}");
    assert_inert(&page, "");
}
