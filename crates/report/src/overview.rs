//! Many manifests in one table: what changes in each, who gains or loses by it, and what is withheld of it.

use std::collections::{BTreeMap, BTreeSet};

use crossrole_model::access::{AccessChange, Direction};
use crossrole_model::{AccountId, Action, Address, KeyRef, Kind, Plan, Subject};
use crossrole_policy::Arn;

/// The manifests that declare each object, by name.
pub type Owners = BTreeMap<Address, BTreeSet<String>>;

/// One manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) manifest: String,
    /// Where its roles, buckets and keys are.
    pub(crate) accounts: BTreeSet<AccountId>,
    /// What is made, changed and destroyed; how often somebody gains and loses something; what is withheld.
    pub(crate) add: usize,
    pub(crate) change: usize,
    pub(crate) destroy: usize,
    pub(crate) widened: usize,
    pub(crate) narrowed: usize,
    pub(crate) withheld: usize,
}

impl Row {
    pub(crate) fn numbers(&self) -> [usize; 6] {
        [self.add, self.change, self.destroy, self.widened, self.narrowed, self.withheld]
    }

    /// Tells whether there is nothing to read of it.
    pub(crate) fn is_quiet(&self) -> bool {
        self.numbers() == [0; 6]
    }
}

/// What each manifest comes to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Overview {
    /// First what is withheld or destroyed, then who gains, then the rest, each by name.
    pub(crate) rows: Vec<Row>,
    /// So often access changes where no object of any manifest is named.
    pub(crate) elsewhere: usize,
}

pub(crate) fn overview(plan: &Plan, owners: &Owners) -> Overview {
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for manifest in &plan.manifests {
        rows.insert(&manifest.name, Row { manifest: manifest.name.clone(), ..Row::default() });
    }
    let declared = owners.iter().flat_map(|(address, names)| names.iter().map(move |name| (name.as_str(), address)));
    for (name, address) in declared.chain(plan.changes.iter().map(|change| (change.manifest.as_str(), &change.address))) {
        let trusting = plan.accounts.get(&address.account).is_some_and(|info| info.trusting);
        if let Some(row) = rows.get_mut(name).filter(|_| trusting) {
            row.accounts.insert(address.account.clone());
        }
    }
    for change in &plan.changes {
        let Some(row) = rows.get_mut(change.manifest.as_str()) else { continue };
        let replaced = usize::from(change.action == Action::Replace);
        row.add += replaced + usize::from(change.action == Action::Create);
        row.change += usize::from(change.action == Action::Update);
        row.destroy += replaced + usize::from(change.action == Action::Delete);
    }
    for withheld in plan.blocking() {
        for name in concerned(&withheld.subject, owners) {
            rows.entry(name).and_modify(|row| row.withheld += 1);
        }
    }
    let elsewhere = access(plan, &mut rows);
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.sort_by_key(|row| (row.withheld + row.destroy == 0, row.widened == 0, row.is_quiet()));
    Overview { rows, elsewhere }
}

/// The manifests of which something withheld is a part.
fn concerned<'o>(subject: &Subject, owners: &'o Owners) -> BTreeSet<&'o str> {
    let of = |is: &dyn Fn(&Address) -> bool| owners.iter().filter(|(address, _)| is(address)).flat_map(|(_, names)| names).map(String::as_str).collect();
    match subject {
        Subject::Object(withheld) | Subject::Part(withheld) | Subject::Description(withheld) => of(&|address| address == withheld),
        Subject::Account { account, .. } | Subject::Pruning { account, .. } | Subject::PruningOf { account, .. } | Subject::PermissionSets(account) => {
            of(&|address| address.account == *account)
        }
        Subject::Quotas(accounts) => of(&|address| accounts.contains(&address.account)),
        Subject::Target(_) | Subject::Key(_) | Subject::Untargeted(_) => BTreeSet::new(),
    }
}

/// Counts who gains and loses something: where an object that a manifest changes is named, by its resources or else as who gains, it is
/// that manifest's. Returns how often none is.
fn access(plan: &Plan, rows: &mut BTreeMap<&str, Row>) -> usize {
    let mut by_name: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for change in &plan.changes {
        by_name.entry(key_of(plan, &change.address)).or_default().insert(&change.manifest);
    }
    let changes = plan.access.iter().flat_map(|delta| &delta.changes);
    let mut elsewhere = 0;
    for change in changes {
        let manifests = whose(change, &by_name);
        elsewhere += usize::from(manifests.is_empty());
        for name in manifests {
            let Some(row) = rows.get_mut(name) else { continue };
            match change.direction {
                Direction::Widened => row.widened += 1,
                Direction::Narrowed => row.narrowed += 1,
            }
        }
    }
    elsewhere
}

fn whose<'p>(change: &AccessChange, by_name: &BTreeMap<String, BTreeSet<&'p str>>) -> BTreeSet<&'p str> {
    let of = |texts: &mut dyn Iterator<Item = &str>| -> BTreeSet<&'p str> { texts.filter_map(|text| by_name.get(&key(text)?)).flatten().copied().collect() };
    let by_resource = of(&mut change.resources.iter().map(|part| part.pattern.as_str()));
    if by_resource.is_empty() { of(&mut change.party.arns().iter().map(String::as_str)) } else { by_resource }
}

/// What an object is known by where access is spoken of: a bucket by its name, a key by its ARN, others by account, kind and name.
fn key_of(plan: &Plan, address: &Address) -> String {
    let Address { account, kind, name } = address;
    match kind {
        Kind::Bucket | Kind::BucketPolicy => format!("bucket/{name}"),
        Kind::Key | Kind::KeyPolicy => KeyRef::named(plan.partition, account, name).arn,
        _ => format!("{account}/{}/{name}", kind.as_str()),
    }
}

/// The same of an ARN: `None` for what names no object.
fn key(text: &str) -> Option<String> {
    let arn = Arn::parse(text)?;
    match arn.service {
        "s3" => Some(format!("bucket/{}", arn.resource.split('/').next()?)),
        "kms" => Some(text.to_owned()),
        "iam" => Some(format!("{}/{}/{}", arn.account, arn.resource.split('/').next()?, arn.resource.rsplit('/').next()?)),
        _ => None,
    }
}
