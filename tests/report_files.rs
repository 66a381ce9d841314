//! What `--report` writes besides the comment: findings and tests for machines, what happens while it happens; and over what it never
//! writes.

use std::fs;

use crossrole::Exit;
use crossrole_sandbox::Options;
use serde_json::Value;

use crate::fleet::team;
use crate::support::{Place, manifest, root, scenario};

fn folder(name: &str) -> String {
    let folder = root().join(format!("target/test-manifests/{}-report-files-{name}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder.display().to_string()
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap()
}

/// The four reports of findings, in a folder.
fn four(folder: &str) -> [String; 4] {
    ["json", "sarif", "junit", "gitlab-codequality"].map(|format| format!("--report={format}={folder}/{format}"))
}

const WRONG: &str = "name = \"wrong\"\n[trusting]\naccount = \"222222222222\"\n[roles.Reader]\n[[roles.Reader.trust]]\ngroup = \"nowhere/Readers\"\n";

#[tokio::test]
async fn validation_is_written_for_machines_too() {
    let (folder, place) = (folder("validate"), Place::new(Options::default()));
    let (bad, good) = (manifest("report-files-bad", WRONG), scenario("log-analysts"));
    let [one, two, three, four] = four(&folder);
    let said = place.run(&["validate", &bad, &good, &one, &two, &three, &four]).await;
    assert_eq!(said.exit, Exit::Failed);
    let printed = place.run(&["validate", "--format", "json", &bad, &good]).await;
    assert_eq!(json(&format!("{folder}/json")), serde_json::from_str::<Value>(&printed.out).unwrap());
    let printed = place.run(&["validate", "--format", "sarif", &bad, &good]).await;
    assert_eq!(json(&format!("{folder}/sarif")), serde_json::from_str::<Value>(&printed.out).unwrap(), "`--format` and `--report` are one");
    let count = json(&format!("{folder}/json"))["findings"].as_array().unwrap().len();
    assert!(count > 0);
    assert_eq!(json(&format!("{folder}/gitlab-codequality")).as_array().unwrap().len(), count);
    let junit = read(&format!("{folder}/junit"));
    assert!(
        junit.contains("<failure message=")
            && junit.contains("line=\"6\"")
            && junit.contains(&format!("<testcase name=\"{good}\" classname=\"crossrole.validate\"")),
        "{junit}"
    );
}

#[tokio::test]
async fn tests_are_written_with_file_and_line() {
    let (folder, place) = (folder("test"), Place::new(Options::default()));
    let file = manifest("report-files-test", &read(&scenario("log-analysts")));
    let expect = |action: &str, result: &str| {
        format!("[[expect]]\nprincipal = \"role/DevLogAccessRole\"\naction = \"{action}\"\nresource = \"log-bucket/any\"\nresult = \"{result}\"\n\n")
    };
    let expectations = file.replace(".toml", ".expect.toml");
    fs::write(&expectations, format!("# first\n\n{}{}", expect("s3:GetObject", "allowed"), expect("s3:PutObject", "allowed"))).unwrap();
    let cases = format!("{folder}/cases.jsonl");
    fs::copy(root().join("crates/access/tests/examples.jsonl"), &cases).unwrap();
    let [one, two, three, four] = four(&folder);
    let said = place.run(&["test", &file, &cases, &one, &two, &three, &four]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.err);
    let junit = read(&format!("{folder}/junit"));
    let line = |action: &str| junit.lines().find(|line| line.contains(&format!("role/DevLogAccessRole: {action}"))).unwrap().to_owned();
    assert!(line("s3:GetObject").ends_with(&format!("file=\"{expectations}\" line=\"3\"/>")), "{junit}");
    assert!(line("s3:PutObject").ends_with(&format!("file=\"{expectations}\" line=\"9\">")), "{junit}");
    assert!(junit.contains("<failure message=\"expected Allowed, got ImplicitlyDenied") && junit.contains(&format!("file=\"{cases}\" line=\"2\"")), "{junit}");
    let tests = json(&format!("{folder}/json"))["tests"].as_array().unwrap().len();
    assert!(junit.contains(&format!("<testsuites name=\"crossrole\" tests=\"{tests}\" failures=\"1\" errors=\"0\">")), "{junit}");
    let result = json(&format!("{folder}/sarif"))["runs"][0]["results"][0].clone();
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 9, "{result}");
    assert_eq!(json(&format!("{folder}/gitlab-codequality"))[0]["location"]["lines"]["begin"], 9);
    // What is printed is the same.
    let printed = place.run(&["test", &file, &cases]).await;
    assert_eq!(printed.out, said.out);
}

#[tokio::test]
async fn a_plan_is_suites_with_what_is_refused_and_withheld() {
    let (folder, place) = (folder("plan"), Place::with_bucket("other-bucket").await);
    let file = scenario("log-analysts");
    let report = format!("--report=junit={folder}/junit");
    let said = place.run(&["plan", "--deny-widening", &file, &report]).await;
    assert_eq!(said.exit, Exit::Refused, "{}", said.err);
    let junit = read(&format!("{folder}/junit"));
    assert!(junit.contains("<testcase name=\"create 222222222222/role/DevLogAccessRole\" classname=\"crossrole.plan\"/>"), "{junit}");
    assert!(junit.contains("<error message=\"") && junit.contains("<failure message=\"refused: "), "{junit}");
}

/// Two hundred manifests over fifty accounts, and the account that they all let in.
#[tokio::test(start_paused = true)]
async fn the_comment_of_a_large_folder_has_a_useful_head_and_its_end() {
    let (folder, place) = (folder("large"), Place::new(Options::default()));
    let manifests = format!("{folder}/manifests");
    fs::create_dir_all(&manifests).unwrap();
    for at in 0..200 {
        fs::write(format!("{manifests}/team-{at:03}.toml"), team(at, 50, true)).unwrap();
    }
    let comment = format!("{folder}/comment.md");
    let reports = [format!("--report=markdown={comment}"), format!("--report=summary={folder}/summary.md")];
    let said = place.run(&["plan", &manifests, &reports[0], &reports[1], "--report-key=large"]).await;
    assert_eq!(said.exit, Exit::Clean, "{}", said.err);
    let text = read(&comment);
    assert!(text.len() <= crossrole_report::COMMENT_MOST && text.len() > 30_000, "{}", text.len());
    let head: Vec<&str> = text.lines().filter(|line| !line.is_empty()).take(6).collect();
    insta::assert_snapshot!("large-head", head.join("\n"));
    assert_eq!(text.lines().filter(|line| line.starts_with("| `team-")).count(), 200, "every one has its row");
    assert!(text.trim_end().lines().last().unwrap().starts_with("Read with "), "{text}");
    assert!(read(&format!("{folder}/summary.md")).len() <= crossrole_report::SUMMARY_MOST);
    let least = format!("{folder}/least.md");
    place.run(&["plan", &manifests, &format!("--report=markdown={least}"), "--report-limit", "8000"]).await;
    let text = read(&least);
    assert!(text.len() <= 8_000 && text.contains("more manifests with something to read") && text.contains("Some of it is left out here"), "{text}");
}

/// The lines of a file of events, each as it is documented.
fn events(path: &str) -> Vec<Value> {
    let documented = fs::read_to_string(root().join("docs/events.md")).unwrap();
    let lines: Vec<Value> = read(path).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        assert_eq!(line["format_version"], "1.0");
        let time = line["time"].as_str().unwrap();
        assert!(time.len() == 20 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
        let name = line["type"].as_str().unwrap();
        let row = documented.lines().find(|row| row.starts_with(&format!("| `{name}` |"))).unwrap_or_else(|| panic!("{name} is not documented"));
        for field in line.as_object().unwrap().keys().filter(|key| !["format_version", "time", "type"].contains(&key.as_str())) {
            assert!(row.contains(&format!("`{field}`")), "`{field}` of {name} is not documented");
        }
    }
    lines
}

#[tokio::test(start_paused = true)]
async fn events_are_written_while_it_runs() {
    let (folder, place) = (folder("events"), Place::with_bucket("log-bucket").await);
    let file = format!("{folder}/events.jsonl");
    let text = "name = \"told\"\n[trusting]\naccount = \"222222222222\"\n[trusted.partner]\naccount = \"444444444444\"\nmanage = false\n[roles.Told]\n\
                [[roles.Told.trust]]\naccount = \"partner\"\nexternal_id = \"guarded-4711\"\n[[roles.Told.allow]]\nbucket = \"log-bucket\"\naccess = \"read\"\n\
                [buckets.log-bucket]\n";
    let manifest = manifest("report-files-events", text);
    let report = format!("--report=events={file}");
    let types = |lines: &[Value]| lines.iter().map(|line| line["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    place.good(&["plan", &manifest, &report]).await;
    let lines = events(&file);
    let names = types(&lines);
    assert!(names.first().unwrap() == "started" && names.contains(&"read".to_owned()) && names[names.len() - 2..] == ["planned", "ended"], "{names:?}");
    assert!(lines.last().unwrap()["exit_code"] == 0 && lines.last().unwrap()["reason"] == "done");
    place.good(&["apply", "--auto-approve", &manifest, &report]).await;
    let lines = events(&file);
    let names = types(&lines);
    let at = |name: &str| names.iter().position(|one| one == name).unwrap_or_else(|| panic!("no {name} in {names:?}"));
    let order = ["started", "read", "planned", "approved", "apply_start", "step_start", "step_complete", "verified", "ended"].map(at);
    assert!(order.is_sorted(), "{names:?}");
    assert_eq!(names.iter().filter(|name| *name == "step_start").count(), names.iter().filter(|name| *name == "step_complete").count());
    let whole = read(&file);
    assert!(whole.contains("role Told") && !whole.contains("guarded-4711"), "{whole}");
    // What was carried out is a suite as well.
    let junit = format!("{folder}/junit.xml");
    place.good(&["destroy", "--auto-approve", &manifest, &format!("--report=junit={junit}")]).await;
    assert!(read(&junit).contains("<testcase name=\"222222222222: DeleteRole (role Told)\" classname=\"crossrole.apply\"/>"), "{}", read(&junit));
    // A plan that is refused, and one that can't be made.
    let said = place.run(&["plan", "--deny-widening", "--detailed-exitcode", &scenario("log-analysts"), &report]).await;
    let last = events(&file).pop().unwrap();
    assert!(said.exit == Exit::Refused && last["reason"] == "refused" && last["exit_code"] == 3, "{last}");
    place.run(&["plan", "no/such.toml", &report]).await;
    let lines = events(&file);
    assert_eq!(types(&lines), ["started", "ended"]);
    assert!(lines[1]["exit_code"] == 1 && lines[1]["reason"] == "failed");
}

/// An account is told when its reading begins and when that has ended, not when all are read: one that answers late, or not at all, keeps
/// the others' lines from nobody.
#[tokio::test(start_paused = true)]
async fn each_account_is_told_as_it_is_read() {
    // As slow as a network is: accounts are read side by side.
    let options = Options { latency: std::time::Duration::from_millis(20), ..Options::default() };
    let (folder, place) = (folder("each"), Place::new(options));
    let file = format!("{folder}/events.jsonl");
    let text = "name = \"each\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"111111111111\"\n[trusted.dev.users.ann]\n\
                [roles.Told]\n[[roles.Told.trust]]\nuser = \"dev/ann\"\n";
    let manifest = manifest("report-files-each", text);
    let report = format!("--report=events={file}");
    let read_of = |account: &str| {
        let lines = events(&file);
        let of: Vec<(usize, Value)> = lines.into_iter().enumerate().filter(|(_, line)| line["account"] == account).collect();
        of
    };
    let types = |of: &[(usize, Value)]| of.iter().map(|(_, line)| line["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    place.good(&["plan", &manifest, &report]).await;
    let [first, second] = ["111111111111", "222222222222"].map(read_of);
    for of in [&first, &second] {
        assert_eq!(types(of), ["read_start", "read"]);
        assert!(of[1].1["calls"].as_u64().unwrap() > 2, "{of:?}");
    }
    assert!(first[0].0 < second[1].0 && second[0].0 < first[1].0, "both begin before either has ended: {first:?} {second:?}");
    // One is slow to answer, and refuses then: the other was told long before.
    let closed = crate::support::Closed("111111111111", crossrole_sandbox::Fault::Refuse("ExpiredToken"));
    place.sandbox.set_faults(Some(std::sync::Arc::new(closed)));
    let said = place.run(&["plan", &manifest, &report]).await;
    assert_eq!(said.exit, Exit::Failed, "{}", said.out);
    let failed = read_of("111111111111");
    assert_eq!(types(&failed), ["read_start", "read_failed"]);
    assert!(failed[1].1["class"] == "credentials" && failed[1].1["why"].as_str().unwrap().contains("ExpiredToken"), "{failed:?}");
    assert_eq!(types(&read_of("222222222222")), ["read_start", "read"]);
    // What an apply reads to see what it has written is told by its own events.
    place.sandbox.set_faults(None);
    place.good(&["apply", "--auto-approve", &manifest, &report]).await;
    let all: Vec<String> = events(&file).iter().map(|line| line["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(all.iter().filter(|one| *one == "read_start").count(), 2, "{all:?}");
}

/// What the run reads or writes otherwise is never written over.
#[tokio::test]
async fn no_report_is_written_over_settings_plans_or_expectations() {
    let (folder, place) = (folder("over"), Place::with_bucket("log-bucket").await);
    let file = manifest("report-files-over", &read(&scenario("log-analysts")));
    let config = format!("{folder}/crossrole.toml");
    let [accounts, plan, state] = ["accounts.toml", "saved.plan", "state.json"].map(|name| format!("{folder}/{name}"));
    fs::write(&config, "[defaults]\nconcurrency = 3\n").unwrap();
    let expectations = file.replace(".toml", ".expect.toml");
    let settings = ["--config", &config, "--sandbox-state", &state];
    let over = |path: &str| format!("--report=json={}", path.replace(&format!("{folder}/"), &format!("{folder}/./")));
    for (words, path) in [
        (&["plan", &file, "--out", &plan][..], &plan),
        (&["plan", &file], &config),
        (&["plan", &file], &accounts),
        (&["plan", &file], &state),
        (&["plan", &file], &file),
        (&["plan", &file], &expectations),
        (&["apply", "--auto-approve", &plan], &plan),
        (&["apply", "--auto-approve", &file], &config),
        (&["destroy", "--auto-approve", &file], &accounts),
    ] {
        let said = place.run(&[words, &settings, &[&over(path)]].concat()).await;
        assert!(
            said.exit == Exit::Failed && said.err.contains("would be written over a manifest, settings, a plan, or another report"),
            "{words:?} {path}: {}",
            said.err
        );
        assert!(path == &file || path == &config || !std::path::Path::new(path).exists(), "{path}");
    }
    // Events are written from the start, before any manifest is read.
    let saved = format!("{folder}/reviewed.plan");
    place.run(&[&["plan", &file, "--out", &saved], &settings[..]].concat()).await;
    for words in
        [&["plan", &file][..], &["plan", file.trim_end_matches("/manifest.toml")], &["apply", "--auto-approve", &saved], &["apply", "--auto-approve", &file]]
    {
        let before = read(&file);
        let said = place.run(&[words, &settings, &[&format!("--report=events={file}")]].concat()).await;
        assert!(said.exit == Exit::Failed && said.err.contains("would be written over"), "{words:?}: {}", said.err);
        assert_eq!(read(&file), before);
    }
    for command in ["validate", "test"] {
        for path in [&config, &file, &expectations] {
            fs::write(&expectations, "").unwrap();
            let said = place.run(&[command, &file, "--config", &config, &over(path)]).await;
            assert_eq!(said.exit, Exit::Failed, "{command} {path}: {}", said.err);
            assert!(!read(path).contains("format_version"), "{command} {path}");
        }
    }
    assert_eq!(read(&config), "[defaults]\nconcurrency = 3\n");
}

fn first_two(path: &str) -> (String, String) {
    let text = read(path);
    let mut lines = text.lines().map(str::to_owned);
    (lines.next().unwrap(), lines.next().unwrap())
}

/// Nothing was read: no report says that there is nothing to do.
#[tokio::test(start_paused = true)]
async fn what_was_not_read_is_not_reported_as_no_changes() {
    let (folder, place) = (folder("unread"), Place::new(Options::default()));
    let file = manifest(
        "report-files-unread",
        "name = \"unread\"\n[trusting]\naccount = \"222222222222\"\n[roles.R]\n[[roles.R.trust]]\nservice = \"ec2.amazonaws.com\"\n",
    );
    let (comment, terraform) = (format!("{folder}/c.md"), format!("{folder}/t.json"));
    let reports = [format!("--report=markdown={comment}"), format!("--report=gitlab-terraform={terraform}")];
    place.good(&["plan", &reports[0], &reports[1], &file]).await;
    assert!(first_two(&comment).1.ends_with(": 1 to add, 0 to change, 0 to destroy") && json(&terraform)["create"] == 1);
    place.sandbox.set_faults(Some(std::sync::Arc::new(crate::support::Closed("222222222222", crossrole_sandbox::Fault::Refuse("AccessDenied")))));
    assert_eq!(place.run(&["plan", &reports[0], &reports[1], &file]).await.exit, Exit::Failed);
    assert!(first_two(&comment).1.ends_with(": nothing can be done, see what is withheld"), "{}", read(&comment));
    // Without its three numbers, GitLab says that the report failed.
    assert!(json(&terraform).get("create").is_none(), "{}", read(&terraform));
    place.sandbox.set_faults(None);
    place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
    place.good(&["plan", &reports[0], &reports[1], &file]).await;
    assert!(first_two(&comment).1.ends_with(": no changes") && json(&terraform)["create"] == 0);
}

/// Push after push of one pull request: its comment is one, whatever manifests come, go or can't be read, and other jobs' are others.
#[tokio::test(start_paused = true)]
async fn each_push_is_found_in_one_comment() {
    let (folder, place) = (folder("pushes"), Place::new(Options::default()));
    let (one, comment) = (format!("{folder}/access"), format!("{folder}/c.md"));
    fs::create_dir_all(&one).unwrap();
    let text = |name: &str| {
        format!("name = \"{name}\"\n[trusting]\naccount = \"222222222222\"\n[roles.{name}]\n[[roles.{name}.trust]]\nservice = \"ec2.amazonaws.com\"\n")
    };
    let plan = async |words: &[&str]| {
        let report = format!("--report=markdown={comment}");
        let said = place.run(&[&["plan", &report], words].concat()).await;
        (said.exit, first_two(&comment))
    };
    fs::write(format!("{one}/a.toml"), text("a")).unwrap();
    let (_, (mark, _)) = plan(&[&one]).await;
    fs::write(format!("{one}/b.toml"), text("b")).unwrap();
    let (_, (added, title)) = plan(&[&format!("{one}/")]).await;
    assert!(added == mark && title.contains("2 manifests"), "{title}");
    for broken in ["x x", "name = \"c\"\n"] {
        fs::write(format!("{one}/c.toml"), broken).unwrap();
        let (exit, (broken, title)) = plan(&[&one]).await;
        assert!(exit == Exit::Failed && broken == mark && title == "### crossrole: this could not be planned", "{title}");
        assert!(read(&comment).contains("c.toml"), "{}", read(&comment));
    }
    fs::remove_file(format!("{one}/c.toml")).unwrap();
    let (exit, (refused, title)) = plan(&["--deny-widening=account=nobody", &one]).await;
    assert!(exit == Exit::Failed && refused == mark && title.ends_with("could not be planned"), "{title}");
    let (exit, (refused, title)) = plan(&["--deny-widening", &one]).await;
    assert!(exit == Exit::Refused && refused == mark && title.contains("2 to add"), "a refused plan is a plan: {title}");
    fs::remove_file(format!("{one}/a.toml")).unwrap();
    assert_eq!(plan(&[&one]).await.1.0, mark);
    // What carries a saved plan out writes into the same, whether it is told where the manifests are or not, and whatever the plan itself wrote.
    let saved = format!("{folder}/saved.plan");
    let report = format!("--report=markdown={comment}");
    for (planned, applied) in [(&[&one[..]][..], &[&saved[..]][..]), (&[&one], &[&saved, &one]), (&[&report, &one], &[&saved])] {
        place.good(&[&["plan", "--out", &saved], planned].concat()).await;
        let said = place.run(&[&["apply", "--max-age=1d", "--deny-widening", &report], applied].concat()).await;
        assert_eq!(first_two(&comment).0, mark, "{planned:?} {applied:?}: {}", said.err);
    }
    for (planned, applied, expected) in [("--report-key=prod", "--quiet", "prod"), ("--report-key=prod", "--report-key=dev", "dev")] {
        let (_, (wanted, _)) = plan(&["--report-key", expected, &one]).await;
        place.good(&["plan", "--out", &saved, planned, &one]).await;
        place.run(&["apply", "--deny-widening", &report, applied, &saved]).await;
        assert_eq!(first_two(&comment).0, wanted, "{planned} {applied}");
    }
    // Other jobs of the same pull request.
    let file = format!("{one}/b.toml");
    let others = [&["--destroy", &one][..], &["--target", "role/b", &one], &[&file], &["--report-key", "prod", &one], &["--report-key", "dev", &one]];
    let mut marks = std::collections::BTreeSet::from([mark]);
    for words in others {
        assert!(marks.insert(plan(words).await.1.0), "{words:?}");
    }
    assert!(!marks.insert(plan(&["--report-key", "prod", &file]).await.1.0), "a key is the user's alone");
    // A manifest is never written over, whatever could not be read, and no report is one.
    let said = place.run(&["plan", &format!("--report=json={one}/new.toml"), &one]).await;
    assert!(said.exit == Exit::Failed && said.err.contains("would be taken for a manifest") && !fs::exists(format!("{one}/new.toml")).unwrap(), "{}", said.err);
    let before = read(&file);
    let said = place.run(&["plan", &format!("--report=markdown={file}"), &one, &format!("{folder}/nowhere")]).await;
    assert!(said.exit == Exit::Failed && read(&file) == before, "{}", said.err);
}
