//! `crossrole accounts sync`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crossrole_cloud::{Aws, Member, Organization};
use crossrole_manifest::ListedAccount;
use crossrole_model::desired::AccountInfo;
use crossrole_model::{AccountId, Desired};

use crate::args::{AccountsArgs, AccountsCommand, SyncArgs};
use crate::failure::{Exit, Failure};
use crate::files;
use crate::io::Io;
use crate::settings::Settings;
use crate::stop::{Stops, reading};

/// The folder of control policies, beside the directory.
const POLICIES: &str = "control-policies";

const HEADER: &str = "# Written by `crossrole accounts sync` from AWS Organizations. Labels and regions are kept as they are changed here.\n";

pub(crate) async fn run(args: &AccountsArgs, io: &mut Io) -> Result<Exit, Failure> {
    match &args.command {
        AccountsCommand::Sync(args) => sync(args, io).await,
    }
}

async fn sync(args: &SyncArgs, io: &mut Io) -> Result<Exit, Failure> {
    let settings = Settings::read(&args.cloud.config)?;
    let Some(account) = AccountId::parse(&args.account) else {
        let error = format!("`{}` is not an account id", crossrole_report::safe(&args.account));
        return Err(Failure::new(error, "an account id has exactly 12 digits"));
    };
    if args.cloud.sandbox {
        return Err(Failure::new("the embedded AWS has no organization", "leave out `--sandbox`, and list its accounts by hand"));
    }
    let info = AccountInfo { label: "organization".to_owned(), trusting: false, managed: true, left: false, fills: BTreeMap::new() };
    let (before, mistakes) = settings.directory().map(crossrole_manifest::listed).unwrap_or_default();
    if !mistakes.is_empty() {
        // What can't be read of it would be lost: labels and regions.
        return Err(Failure::findings(mistakes, settings.shown(&[])));
    }
    // Settings may know accounts by the labels of the directory.
    let listed = |one: &ListedAccount| (one.id.clone(), AccountInfo { label: one.label.clone(), ..info.clone() });
    let mut accounts: BTreeMap<AccountId, AccountInfo> = before.iter().map(listed).collect();
    accounts.entry(account.clone()).or_insert(info);
    let desired = Desired { accounts, ..Desired::default() };
    let aws = Aws::new(settings.cloud(&args.cloud, &desired)?);
    let stops = Stops::new(settings.timeout_total(&args.cloud));
    let found = {
        let mut work = std::pin::pin!(aws.organization(&account));
        stops.or(&mut work).await.map_err(|stop| stop.while_(&reading(&aws.under_way())))?
    };
    let organization = found.map_err(|error| Failure::new(error.to_string(), error.advice()))?;
    let labels = labels(&organization, &before);
    let text = directory(&organization, &labels, &before);
    let mut wanted = BTreeMap::from([(settings.directory_path().to_owned(), text)]);
    let folder = settings.directory_path().parent().unwrap_or(Path::new(""));
    for (id, policy) in &organization.policies {
        wanted.insert(folder.join(file(id)), policy.document.clone() + "\n");
    }
    let changed: BTreeMap<_, _> = wanted.into_iter().filter(|(path, text)| std::fs::read_to_string(path).ok().as_ref() != Some(text)).collect();
    io.out(&said(&organization, &labels, &before, &changed.keys().map(|path| path.display().to_string()).collect::<Vec<_>>()));
    if args.check {
        return Ok(if changed.is_empty() { Exit::Clean } else { Exit::Changes });
    }
    // The directory names the policies: it comes last.
    let (last, first): (Vec<_>, Vec<_>) = changed.iter().partition(|(path, _)| path.as_path() == settings.directory_path());
    for (path, text) in first.into_iter().chain(last) {
        let what = if path.as_path() == settings.directory_path() { "directory of accounts" } else { "control policy" };
        files::put(path, settings.path(), what, text)?;
    }
    Ok(Exit::Clean)
}

/// The file of a control policy; its id is all letters, digits and one dash.
fn file(id: &str) -> String {
    let plain: String = id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect();
    format!("{POLICIES}/{plain}.json")
}

/// Each account's label: the one that it has, or its name in the letters that labels have, with its id where another has that.
fn labels(organization: &Organization, before: &[ListedAccount]) -> BTreeMap<AccountId, String> {
    let mut labels: BTreeMap<AccountId, String> = BTreeMap::new();
    let mut taken: BTreeSet<String> = BTreeSet::from(["trusting".to_owned()]);
    for known in before.iter().filter(|known| organization.members.iter().any(|m| m.id == known.id)) {
        taken.insert(known.label.clone());
        labels.insert(known.id.clone(), known.label.clone());
    }
    for member in &organization.members {
        if labels.contains_key(&member.id) {
            continue;
        }
        let name = slug(&member.name);
        let own = if name.is_empty() || AccountId::parse(&name).is_some() { format!("account-{}", member.id) } else { name };
        let mut label = own.clone();
        let mut number = 1;
        while taken.contains(&label) {
            label = if number == 1 { format!("{own}-{}", member.id) } else { format!("{own}-{}-{number}", member.id) };
            number += 1;
        }
        taken.insert(label.clone());
        labels.insert(member.id.clone(), label);
    }
    labels
}

fn slug(name: &str) -> String {
    let letters: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    letters.split_whitespace().collect::<Vec<_>>().join("-")
}

/// The text of the directory.
fn directory(organization: &Organization, labels: &BTreeMap<AccountId, String>, before: &[ListedAccount]) -> String {
    let mut members: Vec<(&String, &Member)> = organization.members.iter().filter_map(|member| Some((labels.get(&member.id)?, member))).collect();
    members.sort_by_key(|(label, _)| *label);
    let units = units(organization);
    let mut out = HEADER.to_owned();
    for (label, member) in members {
        out.push_str(&format!("\n[accounts.{}]\nid = {}\n", quoted(label), quoted(member.id.as_str())));
        if let Some(path) = units.get(&member.units) {
            out.push_str(&format!("ou = {}\n", quoted(path)));
        }
        if let Some(region) = before.iter().find(|known| known.id == member.id).and_then(|known| known.region.as_ref()) {
            out.push_str(&format!("region = {}\n", quoted(region)));
        }
        let tags: Vec<(&String, &String)> = member.tags.iter().filter(|(_, value)| crossrole_manifest::is_tag_value(value)).collect();
        if !tags.is_empty() {
            let tags: Vec<String> = tags.into_iter().map(|(key, value)| format!("{} = {}", quoted(key), quoted(value))).collect();
            out.push_str(&format!("tags = {{ {} }}\n", tags.join(", ")));
        }
        for (name, levels) in [("service_control", &member.service_control), ("resource_control", &member.resource_control)] {
            let level = |ids: &Vec<String>| format!("[{}]", ids.iter().map(|id| quoted(&file(id))).collect::<Vec<_>>().join(", "));
            if !levels.is_empty() {
                out.push_str(&format!("{name} = [{}]\n", levels.iter().map(level).collect::<Vec<_>>().join(", ")));
            }
        }
    }
    out
}

/// The path of each unit that has accounts, or units that have some, as the directory writes it: a `/` of a name is a dash there, or as many
/// as it takes to be no other unit.
fn units(organization: &Organization) -> BTreeMap<Vec<String>, String> {
    let paths = organization.members.iter().flat_map(|member| (1..=member.units.len()).filter_map(|depth| member.units.get(..depth)));
    let all: BTreeSet<(usize, bool, &[String])> = paths.map(|path| (path.len(), path.last().is_some_and(|name| name.contains('/')), path)).collect();
    let mut written: BTreeMap<Vec<String>, String> = BTreeMap::new();
    let mut taken: BTreeSet<String> = BTreeSet::new();
    // Those above come first, and of one level those that are written as they are called.
    for (_, _, path) in all {
        let Some((name, above)) = path.split_last() else { continue };
        let head = written.get(above).map(|above| format!("{above}/")).unwrap_or_default();
        let mut dashes = "-".to_owned();
        let mut text = format!("{head}{}", name.replace('/', &dashes));
        while taken.contains(&text) && name.contains('/') {
            dashes.push('-');
            text = format!("{head}{}", name.replace('/', &dashes));
        }
        taken.insert(text.clone());
        written.insert(path.to_vec(), text);
    }
    written
}

/// A text as TOML has it (TOML 1.0, "String"). Whatever could steer a terminal is written by its number.
fn quoted(text: &str) -> String {
    let letter = |c: char| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() || !c.is_ascii() && !c.is_alphanumeric() => format!("\\U{:08X}", u32::from(c)),
        c => c.to_string(),
    };
    format!("\"{}\"", text.chars().map(letter).collect::<String>())
}

/// Who joins and who leaves, and which files change.
fn said(organization: &Organization, labels: &BTreeMap<AccountId, String>, before: &[ListedAccount], changed: &[String]) -> String {
    let safe = crossrole_report::safe;
    let units = units(organization);
    let mut out = String::new();
    for member in organization.members.iter().filter(|member| !before.iter().any(|known| known.id == member.id)) {
        let label = labels.get(&member.id).map_or("", String::as_str);
        out.push_str(&format!("+ {} {} ({})\n", member.id, safe(label), safe(units.get(&member.units).map_or("", String::as_str))));
    }
    for (path, text) in &units {
        let (Some(name), Some(last)) = (path.last(), text.rsplit('/').next()) else { continue };
        if name.contains('/') {
            out.push_str(&format!("unit {}: written {}, as `/` stands between units\n", safe(name), safe(last)));
        }
    }
    for member in &organization.members {
        for (key, _) in member.tags.iter().filter(|(_, value)| !crossrole_manifest::is_tag_value(value)) {
            let why = "its value has a character that is more than itself in a policy or a manifest";
            out.push_str(&format!("tag {} of {} is left out: {why}\n", safe(key), member.id));
        }
    }
    for known in before.iter().filter(|known| !labels.contains_key(&known.id)) {
        let why = if organization.inactive.contains(&known.id) { "no longer active" } else { "no longer in the organization" };
        out.push_str(&format!("- {} {} ({why})\n", known.id, safe(&known.label)));
    }
    let count = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    let inactive = if organization.inactive.is_empty() { String::new() } else { format!(", {} not active and left out", organization.inactive.len()) };
    out.push_str(&format!(
        "{} and {} in the organization{inactive}.\n",
        count(organization.members.len(), "account"),
        if organization.policies.len() == 1 { "1 control policy".to_owned() } else { format!("{} control policies", organization.policies.len()) }
    ));
    match changed {
        [] => out.push_str("No file changes.\n"),
        files => files.iter().for_each(|file| out.push_str(&format!("changes {}\n", safe(file)))),
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str, name: &str, units: &[&str]) -> Member {
        Member {
            id: AccountId::parse(id).unwrap(),
            name: name.to_owned(),
            units: units.iter().map(|u| (*u).to_owned()).collect(),
            tags: BTreeMap::from([("env".to_owned(), "pr\"od".to_owned())]),
            service_control: vec![vec!["p-FullAWSAccess".to_owned()], vec!["p-FullAWSAccess".to_owned(), "p-abc".to_owned()]],
            resource_control: Vec::new(),
        }
    }

    /// No two units are written alike, whatever their names are, and those that can be are written as they are called.
    #[test]
    fn each_unit_has_a_path_of_its_own() {
        let paths: [&[&str]; 9] = [
            &["W", "Prod / EU"],
            &["W", "Prod - EU"],
            &["W", "Prod -- EU"],
            &["W", "Prod / EU", "x"],
            &["W", "Prod - EU", "x"],
            &["W/x"],
            &["W", "x"],
            &["W-x"],
            &[],
        ];
        let at = |at: usize| format!("2222222222{:02}", at + 1);
        for first in 0..paths.len() {
            let members = (0..paths.len()).map(|n| (n + first) % paths.len()).map(|n| member(&at(n), "a", paths[n])).collect();
            let organization = Organization { members, ..Organization::default() };
            let written = units(&organization);
            assert_eq!(written.values().collect::<BTreeSet<_>>().len(), written.len(), "{written:?}");
            let of = |n: usize| written[&paths[n].iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()].as_str();
            assert_eq!((of(1), of(2), of(4), of(6), of(7)), ("W/Prod - EU", "W/Prod -- EU", "W/Prod - EU/x", "W/x", "W-x"));
            assert_eq!((of(0), of(3), of(5)), ("W/Prod --- EU", "W/Prod --- EU/x", "W--x"));
            let said = said(&organization, &labels(&organization, &[]), &[], &[]);
            assert!(said.contains("unit Prod / EU: written Prod --- EU, "), "{said}");
        }
    }

    /// A tag that would make the directory unreadable is none of it, and that is said.
    #[test]
    fn what_a_directory_does_not_take_is_left_out() {
        for (value, taken) in [("prod", true), ("", true), ("a b", true), ("*", false), ("pro?", false), ("${x}", false), ("{account}", false)] {
            let mut one = member("222222222201", "a", &["W"]);
            one.tags = BTreeMap::from([("env".to_owned(), value.to_owned()), ("other".to_owned(), "x".to_owned())]);
            let organization = Organization { members: vec![one], ..Organization::default() };
            let labels = labels(&organization, &[]);
            let text = directory(&organization, &labels, &[]);
            let (_, mistakes) = crossrole_manifest::listed(&crossrole_model::Source { file: "accounts.toml".into(), text: text.clone() });
            assert_eq!((mistakes, text.contains("\"env\"")), (Vec::new(), taken), "{text}");
            assert_eq!(said(&organization, &labels, &[], &[]).contains("tag env of 222222222201 is left out"), !taken);
        }
    }

    /// What is written is read as it is meant: hostile names too, and labels and regions stay.
    #[test]
    fn what_is_written_is_read_again() {
        let names = [
            ("222222222201", "Shop (Prod)"),
            ("222222222202", "shop prod"),
            ("222222222203", ""),
            ("222222222204", "\u{1b}[31m\"]\n[x]"),
            ("222222222205", "444444444444"),
            ("222222222206", "shop-prod-222222222207"),
            ("222222222207", "Shop Prod"),
        ];
        let members = names.iter().map(|(id, name)| member(id, name, &["Work/loads", "Prod \"1\""])).collect();
        let organization = Organization { members, ..Organization::default() };
        let known = |label: &str, id: &str| ListedAccount {
            label: label.to_owned(),
            id: AccountId::parse(id).unwrap(),
            region: Some("eu-west-1".to_owned()),
            service_control: Vec::new(),
            resource_control: Vec::new(),
        };
        let before = [known("my-shop", "222222222202"), known("gone", "999999999999")];
        let labels = labels(&organization, &before);
        let text = directory(&organization, &labels, &before);
        let source = crossrole_model::Source { file: "accounts.toml".into(), text: text.clone() };
        let (read, mistakes) = crossrole_manifest::listed(&source);
        assert_eq!(mistakes, []);
        assert_eq!(read.len(), 7, "{text}");
        assert_eq!(read.iter().map(|one| &one.label).collect::<BTreeSet<_>>().len(), 7);
        let by_id = |id: &str| read.iter().find(|one| one.id.as_str() == id).unwrap();
        assert_eq!((by_id("222222222201").label.as_str(), &by_id("222222222201").region), ("shop-prod", &None));
        assert_eq!((by_id("222222222202").label.as_str(), by_id("222222222202").region.as_deref()), ("my-shop", Some("eu-west-1")));
        assert_eq!(by_id("222222222203").label, "account-222222222203");
        assert_eq!(by_id("222222222205").label, "account-222222222205");
        assert_eq!(by_id("222222222201").service_control[1], ["control-policies/p-FullAWSAccess.json", "control-policies/p-abc.json"]);
        let manifest = "name = \"x\"\n[trusting]\naccounts = [\"ou:Work-loads/*\"]\n[roles.R]\n[[roles.R.trust]]\nservice = \"ec2.amazonaws.com\"\n";
        let surroundings = crossrole_manifest::Surroundings { directory: Some(source), ..Default::default() };
        let (desired, findings) = crossrole_manifest::load_in(&[crossrole_model::Source { file: "m.toml".into(), text: manifest.into() }], &surroundings);
        assert_eq!(desired.map(|d| d.objects.len()), Some(7), "{findings:?}");
        assert_eq!(said(&organization, &labels, &before, &[]).matches('\u{1b}').count(), 0);
    }
}
