//! The organization's control policies, of which settings and the directory of accounts name the files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crossrole_access::Controls;
use crossrole_access::estate::Placed;
use crossrole_model::{AccountId, Desired};

use super::Settings;
use super::accounts::Level;
use crate::failure::Failure;

/// Files of control policies, and the accounts that each binds.
pub(crate) type Bound = BTreeMap<String, BTreeSet<AccountId>>;

fn binds(bound: &mut Bound, file: &Path, account: &AccountId) {
    bound.entry(file.display().to_string()).or_default().insert(account.clone());
}

impl Settings {
    /// The organization's control policies; their files are named from the folder of the settings.
    pub(crate) fn controls(&self, desired: &Desired) -> Result<Controls, Failure> {
        self.bounds(desired).map(|(controls, _)| controls)
    }

    /// The same, with their files and the accounts that each binds.
    pub(crate) fn bounds(&self, desired: &Desired) -> Result<(Controls, Bound), Failure> {
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let placed = |Level(names): &Level, of_resource: bool| -> Result<Vec<Placed>, Failure> {
            let one = |name: &String| Ok(Placed::new(self.origin.policy(&self.path, &folder.join(name), of_resource, true)?, format!("policy {name}")));
            names.iter().map(one).collect()
        };
        let (mut controls, mut bound) = (Controls::default(), Bound::new());
        for (id, entry) in self.entries(desired)? {
            let both = [(&entry.service_control, &mut controls.service, false), (&entry.resource_control, &mut controls.resource, true)];
            for (levels, into, of_resource) in both.into_iter().filter(|(levels, ..)| !levels.is_empty()) {
                levels.iter().flat_map(|Level(names)| names).for_each(|name| binds(&mut bound, &folder.join(name), &id));
                into.insert(id.to_string(), levels.iter().map(|level| placed(level, of_resource)).collect::<Result<_, _>>()?);
            }
        }
        self.listed_controls(&mut controls, &mut bound)?;
        Ok((controls, bound))
    }

    /// Every file that was read, or is for control policies, in no order.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        fn named<'l>(folder: &Path, levels: impl Iterator<Item = &'l String>) -> Vec<PathBuf> {
            levels.map(|name| folder.join(name)).collect()
        }
        let own = self.said.accounts.iter().flat_map(|entry| entry.service_control.iter().chain(&entry.resource_control)).flat_map(|Level(names)| names);
        let mut files = named(self.path.parent().unwrap_or(Path::new("")), own);
        let listed: Vec<String> = self
            .directory
            .iter()
            .flat_map(|source| crossrole_manifest::listed(source).0)
            .flat_map(|account| account.service_control.into_iter().chain(account.resource_control).flatten())
            .collect();
        files.extend(named(self.directory_path.parent().unwrap_or(Path::new("")), listed.iter()));
        files.extend([self.path.clone(), self.directory_path.clone()]);
        files.sort();
        files.dedup();
        files.retain(|file| file.is_file());
        files
    }

    /// Adds what the directory says; what the settings say of an account comes before that.
    fn listed_controls(&self, controls: &mut Controls, bound: &mut Bound) -> Result<(), Failure> {
        let folder = self.directory_path.parent().unwrap_or(Path::new(""));
        let mut known: BTreeMap<(String, bool), Placed> = BTreeMap::new();
        // The same few policies bind most accounts: each is read once.
        let mut read = |name: &String, of_resource: bool| -> Result<Placed, Failure> {
            if let Some(placed) = known.get(&(name.clone(), of_resource)) {
                return Ok(placed.clone());
            }
            // AWS takes any action in them, and these are AWS's own.
            let placed = Placed::new(self.origin.policy(&self.path, &folder.join(name), of_resource, false)?, format!("policy {name}"));
            known.insert((name.clone(), of_resource), placed.clone());
            Ok(placed)
        };
        for account in self.directory.iter().flat_map(|source| crossrole_manifest::listed(source).0) {
            let both = [(account.service_control, &mut controls.service, false), (account.resource_control, &mut controls.resource, true)];
            for (levels, into, of_resource) in both {
                if levels.iter().any(Vec::is_empty) {
                    let error = format!("directory `{}`: a level of control policies of `{}` names none", self.directory_path.display(), account.label);
                    return Err(Failure::new(error, "every level has one at least: AWS's own is `FullAWSAccess`, or `RCPFullAWSAccess`"));
                }
                if levels.is_empty() || into.contains_key(account.id.as_str()) {
                    continue;
                }
                levels.iter().flatten().for_each(|name| binds(bound, &folder.join(name), &account.id));
                let mut all: Vec<Vec<Placed>> = Vec::new();
                for level in &levels {
                    all.push(level.iter().map(|name| read(name, of_resource)).collect::<Result<_, _>>()?);
                }
                into.insert(account.id.to_string(), all);
            }
        }
        Ok(())
    }
}
