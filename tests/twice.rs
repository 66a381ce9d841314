//! Two manifests that declare the same group, user or caller role: one object where they say the same, an error where not.

use crossrole::Exit;
use crossrole_sandbox::Options;

use crate::support::{Place, root};

const DEV: &str = "111111111111";

/// What both say of the caller's side.
const SIDE: &str = "[trusted.dev.groups.Devs]\nmembers = [\"ann\"]\n[trusted.dev.users.ann]\ntags = { team = \"data\" }\n";
const ROLE: &str = "[trusted.dev.roles.App]\n[[trusted.dev.roles.App.trust]]\nservice = \"lambda.amazonaws.com\"\n";

/// A manifest that lets the group in, with more of the caller's side.
fn text(name: &str, side: &str) -> String {
    format!(
        "name = \"{name}\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"{DEV}\"\n{side}[roles.R-{name}]\n[[roles.R-{name}.trust]]\ngroup = \"dev/Devs\"\n"
    )
}

struct Folder(std::path::PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder = root().join("target/test-manifests").join(format!("{}-twice-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn write(&self, name: &str, side: &str) -> String {
        let path = self.0.join(format!("{name}.toml"));
        std::fs::write(&path, text(name, side)).unwrap();
        path.display().to_string()
    }

    fn path(&self) -> String {
        self.0.display().to_string()
    }
}

/// The mark of a user, or of a role.
async fn mark(place: &Place, kind: &str, name: &str) -> String {
    let answer = place.iam(DEV, &format!("List{kind}Tags"), &[(&format!("{kind}Name"), name)]).await;
    let rest = answer.split("crossrole:manifest").nth(1).unwrap_or_default();
    crate::support::element(rest, "Value")
}

#[tokio::test(start_paused = true)]
async fn what_two_manifests_say_alike_is_one_object() {
    let place = Place::new(Options::default());
    let folder = Folder::new("alike");
    let both = format!("{SIDE}{ROLE}");
    let (a, _) = (folder.write("a", &both), folder.write("b", &both));
    place.good(&["apply", "--auto-approve", "--quiet", &folder.path()]).await;
    assert!(place.good(&["plan", &folder.path()]).await.starts_with("No changes."));
    assert_eq!([mark(&place, "User", "ann").await, mark(&place, "Role", "App").await], ["a", "a"]);
    // The first leaves it to the second, which is in the same run.
    folder.write("a", "");
    let plan = place.good(&["plan", &folder.path()]).await;
    assert!(plan.contains("~ user ann") && plan.contains("~ role App") && !plan.contains("to destroy\n- "), "{plan}");
    assert!(plan.contains("Plan: 0 to add, 2 to change, 0 to destroy."), "{plan}");
    place.good(&["apply", "--auto-approve", "--quiet", &folder.path()]).await;
    assert_eq!([mark(&place, "User", "ann").await, mark(&place, "Role", "App").await], ["b", "b"]);
    assert!(place.good(&["plan", &folder.path()]).await.starts_with("No changes."));
    // It comes back, and the mark that is there stays: the order of manifests is no change.
    std::fs::write(&a, text("a", &both)).unwrap();
    assert!(place.good(&["plan", &folder.path()]).await.starts_with("No changes."));
    place.good(&["destroy", "--auto-approve", "--quiet", &folder.path()]).await;
    for (action, name) in [("GetUser", ("UserName", "ann")), ("GetRole", ("RoleName", "App")), ("GetGroup", ("GroupName", "Devs"))] {
        assert_eq!(place.query(DEV, "iam", action, &[name]).await.0, 404, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_they_say_differently_is_shown_in_both_places() {
    let place = Place::new(Options::default());
    for (name, one, other, parts) in [
        ("members", SIDE.to_owned(), SIDE.replace("[\"ann\"]", "[\"ann\", \"bob\"]"), "members"),
        ("tags", SIDE.to_owned(), SIDE.replace("data", "ops"), "tags"),
        ("role", format!("{SIDE}{ROLE}"), format!("{SIDE}{}", ROLE.replace("lambda", "ec2")), "trust"),
    ] {
        let folder = Folder::new(name);
        let (a, b) = (folder.write("a", &one), folder.write("b", &other));
        let said = place.run(&["plan", &folder.path()]).await;
        assert_eq!(said.exit, Exit::Failed, "{}", said.out);
        for (file, other) in [(&a, "b"), (&b, "a")] {
            let wanted = format!("manifest `{other}` declares it with other {parts}; two manifests may declare it where they say the same");
            let (_, at) = said.err.split_once(&format!(" --> {file}:")).unwrap_or_else(|| panic!("{name}: {file}\n{}", said.err));
            assert!(at.split("\n\n").next().is_some_and(|finding| finding.contains(&wanted)), "{name}: {wanted}\n{}", said.err);
        }
    }
}

/// One of the two is destroyed by itself: what the other uses stays, and is said.
#[tokio::test(start_paused = true)]
async fn what_another_manifest_uses_stays() {
    let place = Place::new(Options::default());
    let folder = Folder::new("stays");
    let (a, b) = (folder.write("a", SIDE), folder.write("b", SIDE));
    place.good(&["apply", "--auto-approve", "--quiet", &a]).await;
    place.good(&["apply", "--auto-approve", "--quiet", &b]).await;
    assert!(place.good(&["plan", &a]).await.starts_with("No changes."));
    let said = place.good(&["destroy", "--auto-approve", "--quiet", &a]).await;
    assert!(said.contains("it stays: a manifest that is not of this run lets somebody in by it"), "{said}");
    assert!(place.good(&["plan", &b]).await.starts_with("No changes."));
    place.good(&["destroy", "--auto-approve", "--quiet", &b]).await;
    place.good(&["destroy", "--auto-approve", "--quiet", &a]).await;
    for (action, name) in [("GetUser", ("UserName", "ann")), ("GetGroup", ("GroupName", "Devs"))] {
        assert_eq!(place.query(DEV, "iam", action, &[name]).await.0, 404, "{action}");
    }
}

/// A bucket by which another run lets somebody in stays, and ours goes out of its policy; so does a user whom it names.
#[tokio::test(start_paused = true)]
async fn what_another_run_uses_outlives_its_manifest() {
    let place = Place::new(Options::default());
    let folder = Folder::new("used");
    let whole = |name: &str, body: &str| {
        let path = folder.0.join(format!("{name}.toml"));
        let head = format!("name = \"{name}\"\n[trusting]\naccount = \"222222222222\"\n[trusted.dev]\naccount = \"{DEV}\"\n");
        std::fs::write(&path, format!("{head}{body}")).unwrap();
        path.display().to_string()
    };
    let allow = "[[buckets.bkt-used.allow]]\nuser = \"dev/lena\"\naccess = \"list\"\n";
    let a = whole("a", &format!("[trusted.dev.users.lena]\n[buckets.bkt-used]\ncreate = true\n{allow}"));
    let b = whole("b", &format!("[buckets.bkt-used]\n{}", allow.replace("\"list\"", "\"get\"")));
    for file in [&a, &b] {
        place.good(&["apply", "--auto-approve", "--quiet", file]).await;
    }
    let said = place.run(&["plan", "--destroy", &a]).await;
    assert!(
        said.exit == Exit::Clean
            && said.out.contains("it stays: a manifest that is not of this run lets somebody in by it")
            && said.out.contains("222222222222/bucket/bkt-used"),
        "{}{}",
        said.out,
        said.err
    );
    place.good(&["destroy", "--auto-approve", "--quiet", &a]).await;
    assert!(place.good(&["plan", &b]).await.starts_with("No changes."));
    // Its own table goes, and it is named still: the plan says so, and takes nothing.
    let c = whole("c", "[trusted.dev.users.carl]\n[roles.Carl]\n[[roles.Carl.trust]]\nuser = \"dev/carl\"\n");
    place.good(&["apply", "--auto-approve", "--quiet", &c]).await;
    whole("c", "[roles.Carl]\n[[roles.Carl.trust]]\nuser = \"dev/carl\"\n");
    let said = place.run(&["plan", &c]).await;
    assert_eq!(said.exit, Exit::Failed, "{}{}", said.out, said.err);
    assert!(said.out.contains("user/carl: it stays: no manifest declares it any more, and role Carl in account 222222222222 relies on it"), "{}", said.out);
    // Somebody lets go of it, and it is the account's own.
    place.iam(DEV, "UntagUser", &[("UserName", "carl"), ("TagKeys.member.1", "crossrole:manifest")]).await;
    assert!(place.good(&["plan", &c]).await.starts_with("No changes."));
}
