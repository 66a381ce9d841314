//! A row of the table: a manifest, an estate, and all that is planned, line by line.
//!
//! Every plan of the table is also checked, carried out in the order of its steps by a world as strict as AWS, found to have
//! led where it said, and followed by a plan that is empty.

use crossrole_model::plan::{RestsOn, Turned};
use crossrole_model::{Action, Address, Cause, Desired, Digest, IdentityCenter, ObjectState, Observed, Plan, Reason, Source, Subject};
use crossrole_planner::{Options, check, plan, rests_on, scope, turned};

use crate::world::{add_bucket, carry_out, estate, look};

pub(crate) const PROD: &str = "222222222222";
pub(crate) const DEV: &str = "111111111111";

/// One row, before it is run.
pub(crate) struct Row {
    name: &'static str,
    start: Vec<fn(&mut Observed)>,
    before: Vec<String>,
    manifest: String,
    live: Vec<fn(&mut Observed)>,
    seen: Vec<fn(&mut Observed)>,
    options: Options,
    center: Option<IdentityCenter>,
}

/// A manifest of the trusting account and the account `dev`, with this in it.
pub(crate) fn manifest(body: &str) -> String {
    format!("name = \"m\"\n[trusting]\naccount = \"{PROD}\"\n[trusted.dev]\naccount = \"{DEV}\"\n{body}")
}

pub(crate) fn row(name: &'static str, body: &str) -> Row {
    Row { name, start: Vec::new(), before: Vec::new(), manifest: manifest(body), live: Vec::new(), seen: Vec::new(), options: Options::default(), center: None }
}

pub(crate) fn desired(text: &str) -> Desired {
    under(text, None)
}

fn under(text: &str, identity_center: Option<IdentityCenter>) -> Desired {
    let surroundings = crossrole_manifest::Surroundings { identity_center, ..Default::default() };
    let (desired, findings) = crossrole_manifest::load_in(&[Source { file: "m.toml".into(), text: text.into() }], &surroundings);
    desired.unwrap_or_else(|| panic!("{findings:?}\n{text}"))
}

/// Both accounts, empty but for a bucket.
pub(crate) fn empty() -> Observed {
    let mut empty = estate(&[PROD, DEV]);
    add_bucket(&mut empty, PROD, "data-bucket", "us-east-1");
    empty
}

impl Row {
    /// This was there before everything else.
    pub(crate) fn first(mut self, live: fn(&mut Observed)) -> Self {
        self.start.push(live);
        self
    }

    /// This was applied before.
    pub(crate) fn after(mut self, body: &str) -> Self {
        self.before.push(manifest(body));
        self
    }

    /// This was applied before, whole.
    pub(crate) fn after_manifest(mut self, text: &str) -> Self {
        self.before.push(text.to_owned());
        self
    }

    /// The manifest says that it was called so.
    pub(crate) fn renamed_from(mut self, names: &str) -> Self {
        self.manifest = self.manifest.replacen('\n', &format!("\nrenamed_from = {names}\n"), 1);
        self
    }

    /// Then somebody did this.
    pub(crate) fn then(mut self, live: fn(&mut Observed)) -> Self {
        self.live.push(live);
        self
    }

    /// This is all that can be read.
    pub(crate) fn seen(mut self, seen: fn(&mut Observed)) -> Self {
        self.seen.push(seen);
        self
    }

    /// Permission sets are written there.
    pub(crate) fn in_center(mut self, at: IdentityCenter) -> Self {
        self.center = Some(at);
        self
    }

    pub(crate) fn destroyed(mut self) -> Self {
        self.options.destroy = true;
        self
    }

    /// This key was told to go.
    pub(crate) fn and_key(mut self, alias: &str) -> Self {
        self.options.destroy_keys.insert(alias.to_owned());
        self
    }

    pub(crate) fn only(mut self, targets: &[&str]) -> Self {
        self.options.targets = targets.iter().map(|t| (*t).to_owned()).collect();
        self
    }

    fn plan(&self, desired: &Desired, live: &Observed, options: &Options) -> Plan {
        let mut observed = look(live, &scope(desired));
        self.seen.iter().for_each(|seen| seen(&mut observed));
        let plan = plan(desired, &observed, options);
        assert_eq!(check(&plan), [], "{}", self.name);
        plan
    }

    /// The estate before, and what is planned.
    pub(crate) fn planned(&self) -> (Observed, Plan) {
        let mut live = empty();
        self.start.iter().for_each(|edit| edit(&mut live));
        for text in &self.before {
            let desired = under(text, self.center.clone());
            let plan = plan(&desired, &look(&live, &scope(&desired)), &Options::default());
            self.carry_out(&plan, &mut live);
        }
        self.live.iter().for_each(|edit| edit(&mut live));
        let plan = self.plan(&under(&self.manifest, self.center.clone()), &live, &self.options);
        (live, plan)
    }

    /// What has turned, of what a reviewed plan rests on, once its first steps are done (at most so many), and then somebody did this.
    pub(crate) fn turned(&self, steps: usize, then: fn(&mut Observed)) -> Vec<Turned> {
        let (mut live, mut plan) = self.planned();
        let wanted = under(&self.manifest, self.center.clone());
        let read = |live: &Observed| {
            let mut observed = look(live, &plan.scope);
            self.seen.iter().for_each(|seen| seen(&mut observed));
            RestsOn { objects: rests_on(&wanted, &observed, &plan), ..RestsOn::default() }
        };
        let before = read(&live);
        for step in plan.steps.iter().take(steps) {
            assert_eq!(carry_out(&mut live, &step.account, &step.call), Ok(()), "{}: {:?}", self.name, step.call);
        }
        then(&mut live);
        let now = read(&live);
        plan.rests_on = before;
        turned(&plan, &now)
    }

    fn carry_out(&self, plan: &Plan, live: &mut Observed) {
        for step in &plan.steps {
            assert_eq!(carry_out(live, &step.account, &step.call), Ok(()), "{}: {:?}", self.name, step.call);
        }
        for (index, change) in plan.changes.iter().enumerate() {
            let none = ObjectState::BucketPolicy(crossrole_model::state::BucketPolicyState { document: None });
            let seen = look(live, &plan.scope).state(&change.address);
            let found = seen.ok().flatten().filter(|state| *state != none);
            // A bucket that is only followed is not read once the role that named it is gone.
            if change.action != Action::Delete {
                assert_eq!(found, change.after, "{}: {}", self.name, change.address);
            }
            let mut facets = std::collections::BTreeSet::new();
            for step in plan.steps.iter().rev().filter(|s| s.change == index) {
                if facets.insert(&step.facet) {
                    let value = found.as_ref().map_or_else(Digest::absent, |s| s.facet(&step.facet));
                    assert_eq!(value, step.after, "{}: {} {:?}", self.name, change.address, step.facet);
                }
            }
        }
    }

    /// Runs the row.
    #[track_caller]
    pub(crate) fn plans(self, expected: &[&str]) {
        let (mut live, planned) = self.planned();
        let lines = lines(&planned);
        assert_eq!(lines, expected, "{}:\n{}", self.name, lines.iter().map(|l| format!("        {l:?},\n")).collect::<String>());
        self.carry_out(&planned, &mut live);
        // Targets that have nothing left to do are no changes any more.
        let options = Options { destroy: self.options.destroy, targets: Vec::new(), destroy_keys: self.options.destroy_keys.clone(), ..Options::default() };
        let again = self.plan(&under(&self.manifest, self.center.clone()), &live, if self.options.targets.is_empty() { &options } else { &self.options });
        assert_eq!(again.changes, [], "{}, a second time", self.name);
        if self.manifest.contains("renamed_from") && planned.withheld.is_empty() {
            assert_eq!(crate::renamed::bears(&live, "old"), [""; 0], "{}", self.name);
            // What a manifest was called need not be said any more.
            let without: Vec<&str> = self.manifest.lines().filter(|line| !line.starts_with("renamed_from")).collect();
            let after = self.plan(&under(&without.join("\n"), self.center.clone()), &live, &options);
            assert_eq!((&after.changes[..], &after.withheld), (&[][..], &again.withheld), "{}, without its earlier name", self.name);
        }
    }
}

fn short(address: &Address) -> String {
    let account = match address.account.as_str() {
        PROD => "",
        DEV => "dev/",
        other => other,
    };
    format!("{account}{}/{}", address.kind.as_str(), address.name)
}

/// `+ role/Reader (Missing): CreateRole PutRolePolicy`; `!` is what is withheld, `>` what else happens.
pub(crate) fn lines(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, change) in plan.changes.iter().enumerate() {
        let sign = match change.action {
            Action::Create => '+',
            Action::Update => '~',
            Action::Replace => '±',
            Action::Delete => '-',
        };
        let reasons: Vec<String> = change.reasons.iter().map(reason).collect();
        let calls: Vec<&str> = plan.steps.iter().filter(|s| s.change == index).map(|s| s.call.operation()).collect();
        lines.push(format!("{sign} {} ({}): {}", short(&change.address), reasons.join(", "), calls.join(" ")));
        lines.extend(change.consequences.iter().map(|c| format!("  > {c:?}")));
    }
    for withheld in &plan.withheld {
        let subject = match &withheld.subject {
            Subject::Object(address) => short(address),
            Subject::Part(address) => format!("part of {}", short(address)),
            Subject::Description(address) => format!("description of {}", short(address)),
            Subject::Account { label, .. } => format!("account {label}"),
            Subject::Pruning { label, .. } => format!("pruning in {label}"),
            Subject::PruningOf { label, kind, .. } => format!("{} in {label}", kind.as_str()),
            Subject::Quotas(accounts) => format!("quotas of {} accounts", accounts.len()),
            Subject::Target(target) => format!("target {target}"),
            Subject::PermissionSets(account) => format!("permission sets of {account}"),
            Subject::Key(alias) => format!("key {alias}"),
            Subject::Untargeted(count) => format!("{count} others"),
        };
        lines.push(format!("{} {subject}: {}", if withheld.blocks { "!" } else { "?" }, cause(&withheld.cause)));
    }
    lines
}

fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Differs(part) => format!("{part:?}"),
        other => format!("{other:?}"),
    }
}

fn cause(cause: &Cause) -> String {
    match cause {
        Cause::Withheld(on) => format!("Withheld {}", short(on)),
        Cause::Missing(what) => format!("Missing {}", short(what)),
        Cause::Unreadable(why) => format!("Unreadable {why}"),
        Cause::Unmarked { mark, command } => format!("Unmarked {mark}{}", if command.is_some() { ", with a command" } else { "" }),
        Cause::ReliedOn(by) => format!("ReliedOn {}", short(by)),
        Cause::BoundaryOf(of) => format!("BoundaryOf {}", short(of)),
        other => format!("{other:?}"),
    }
}
