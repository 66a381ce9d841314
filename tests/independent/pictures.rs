//! Pictures for parsers that nobody here wrote: of every scenario, and with hostile text wherever one may be.

use std::path::{Path, PathBuf};
use std::process::Command;

use crossrole_model::AccountId;
use crossrole_model::access::{About, Certainty, Clause, Comparison, How, Part, Party, Relation, Which, Why};
use crossrole_model::graph::{Basis, Doing, Edge, Graph, Status, Thing, Way};
use crossrole_report::{GraphFormat, View, graph};

/// What attacks on one of the forms begin with, and what others have tried elsewhere.
const HOSTILE: &[&str] = &[
    "xy",
    "x\u{1b}[31m\u{7}\r\n\t\u{9b}2J\u{0}\u{7f}\u{202e}\u{200b}y",
    "\"]; click n0 href \"javascript:alert(1)\"",
    "\" --> x[y",
    "end",
    "%%{init: {\"securityLevel\": \"loose\"}}%%",
    "---\nconfig:\n  securityLevel: loose\n---",
    "`**markdown** _x_`",
    "#quot;#35;#60;b#62;",
    "style x:y #1;",
    "classDef x:y #1; #2;",
    "1. a list",
    "- a list",
    "fa:fa-ban",
    "@{ shape: circle }",
    "\\\"; n0 -> n1 [label=\"",
    "\\",
    "a\\",
    "/* a comment",
    "// a comment",
    "# a comment",
    "<b>&amp;&lt;/title></title></svg><script>alert(1)</script>",
    "<!-- --> --!> <!DOCTYPE x> <?x?>",
    "]]><![CDATA[x",
    "' onload='alert(1)",
    "\u{fffe}\u{ffff}\u{10ffff}",
    "</style><style>*{}",
    "[link](https://evil.example) ![image](x) | cell | @someone #1",
    "Größe 漢字 emoji 🦀",
    "&#x22;&quot;&NotAnEntity;",
];

fn account() -> Option<AccountId> {
    AccountId::parse("222222222222")
}

fn picture(t: &str) -> Graph {
    let relation = Relation::Compares(Comparison { which: Which::One, not: false, how: How::Is, or_absent: false });
    let way = Way {
        actions: vec![Part::of(t)],
        resources: vec![Part::of(format!("arn:aws:s3:::{t}/{t}"))],
        when: vec![vec![Clause { key: t.into(), relation, values: vec![t.into()] }]],
        certainty: Certainty::Exact,
        except: Vec::new(),
        keyless: None,
    };
    let things = [
        Thing::Party(Party::Members { group: format!("arn:aws:iam::222222222222:group/{t}") }),
        Thing::Party(Party::Service { name: t.into() }),
        Thing::Role(format!("arn:aws:iam::222222222222:role/{t}")),
        Thing::Bucket(t.into()),
        Thing::Key(format!("arn:aws:kms:eu-west-1:222222222222:key/{t}")),
        Thing::Resources(format!("arn:aws:ec2:{t}")),
        Thing::Unknown(About::Policies(vec![t.into()])),
    ];
    let mut edges = Vec::new();
    let all = [Status::Gained, Status::Lost, Status::Undecided, Status::Kept];
    for (at, (from, to)) in things.iter().zip(things.iter().cycle().skip(1)).enumerate() {
        let status = all[at % all.len()];
        let (ways, why) = if status == Status::Undecided { (Vec::new(), vec![Why::NotRead]) } else { (vec![way.clone()], Vec::new()) };
        edges.push(Edge { from: from.clone(), to: to.clone(), status, doing: [Doing::Reads].into(), ways, why });
    }
    let owner = |thing: &Thing| (!matches!(thing, Thing::Party(Party::Service { .. }))).then(|| "222222222222".to_owned());
    Graph {
        basis: Basis::Plan,
        manifests: vec![t.to_owned()],
        accounts: account().into_iter().map(|id| (id, t.to_owned())).collect(),
        things: things.iter().map(|thing| (thing.clone(), owner(thing))).collect(),
        edges,
        ..Graph::default()
    }
}

/// Writes all of them, each in four forms.
pub(crate) fn written(folder: &Path, scenarios: &[&str], root: &Path) -> Result<(), String> {
    let _ = std::fs::remove_dir_all(folder);
    std::fs::create_dir_all(folder).map_err(|e| e.to_string())?;
    let forms =
        [(GraphFormat::Mermaid, "mermaid", "mmd"), (GraphFormat::Dot, "dot", "dot"), (GraphFormat::Svg, "svg", "svg"), (GraphFormat::Html, "html", "html")];
    for (form, word, ending) in forms {
        let write = |name: &str, text: &str| std::fs::write(folder.join(format!("{name}.{ending}")), text).map_err(|e| e.to_string());
        for (number, text) in HOSTILE.iter().enumerate() {
            write(&format!("hostile-{number}"), &graph(&picture(text), form, View { show_external_ids: true, ..View::default() }))?;
        }
        let manifests: Vec<(String, PathBuf)> = scenarios
            .iter()
            .map(|name| ((*name).to_owned(), root.join(format!("manifests/{name}.toml"))))
            .chain([("all".to_owned(), root.join("manifests"))])
            .collect();
        for (name, path) in manifests {
            let output = super::succeed(Command::new(env!("CARGO_BIN_EXE_crossrole")).args(["graph", "--format", word]).arg(path))?;
            write(&name, &String::from_utf8_lossy(&output.stdout))?;
        }
    }
    Ok(())
}

/// A folder with Mermaid's own parser, from npm; why there is none where it can't be had.
pub(crate) fn mermaid(root: &Path) -> Result<PathBuf, String> {
    const WANTED: [&str; 2] = ["mermaid@11.17.2", "jsdom@29.1.1"];
    let folder = root.join("target/independent-mermaid");
    let marker = folder.join("installed.txt");
    if std::fs::read_to_string(&marker).is_ok_and(|text| text == WANTED.concat()) {
        return Ok(folder);
    }
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    std::fs::write(folder.join("package.json"), "{\"private\": true}\n").map_err(|e| e.to_string())?;
    super::succeed(Command::new("npm").args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]).args(WANTED).current_dir(&folder))?;
    std::fs::write(&marker, WANTED.concat()).map_err(|e| e.to_string())?;
    Ok(folder)
}
