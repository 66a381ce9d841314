//! Everyone whom documents can be about and who is not known.

use std::collections::BTreeSet;

use crossrole_model::access::{AccessChange, Direction, Party};
use crossrole_policy::{Arn, Document};

use crate::engine::condition::Condition;
use crate::engine::operator::Test;
use crate::estate::Estate;
use crate::principal::Caller;

use super::crowd::{Accounts, Crowd, Sort};
use super::pair::Domain;
use super::subjects::{Kind, Who, role_behind};

/// Whom documents name.
#[derive(Default)]
struct Named {
    arns: BTreeSet<String>,
    accounts: BTreeSet<String>,
    everyone: bool,
    /// Services too.
    all: bool,
    services: BTreeSet<String>,
    providers: BTreeSet<String>,
    /// Accounts that some `NotPrincipal` lists: it spares their root users, and of the others only whom it lists as well
    /// (IAM User Guide, "NotPrincipal").
    roots: BTreeSet<String>,
}

impl Named {
    fn of(documents: &[&Document]) -> Self {
        let mut named = Self::default();
        for statement in documents.iter().flat_map(|d| &d.statements) {
            let Some(principal) = &statement.principal else { continue };
            named.all |= principal.bare_star || principal.negated;
            named.everyone |= principal.bare_star || principal.negated;
            if principal.negated {
                named.roots.extend(principal.aws().iter().filter_map(|value| account_of(value)).map(str::to_owned));
            }
            for (kind, values) in &principal.entries {
                for value in values {
                    match kind.as_str() {
                        "Service" => drop(named.services.insert(value.clone())),
                        "Federated" => drop(named.providers.insert(value.clone())),
                        "AWS" => named.aws(value),
                        _ => {}
                    }
                }
            }
            named.accounts.extend(accounts_in_conditions(statement));
        }
        named
    }

    /// The same for a resource of `owner`, which is asked about in any case.
    fn at(documents: &[&Document], owner: &str, sides: [&Estate; 2]) -> Self {
        let mut named = Self::of(documents);
        if named.everyone {
            // Control policies tell an account from those of which nothing is known.
            named.accounts.extend(sides.iter().flat_map(|side| side.service_control.keys().cloned()));
        }
        if !owner.is_empty() {
            named.accounts.remove(owner);
        }
        named
    }

    fn aws(&mut self, value: &str) {
        match Arn::parse(value) {
            _ if value == "*" => self.everyone = true,
            None if value.len() == 12 && value.bytes().all(|b| b.is_ascii_digit()) => drop(self.accounts.insert(value.to_owned())),
            Some(arn) if arn.resource == "root" => drop(self.accounts.insert(arn.account.to_owned())),
            Some(_) => drop(self.arns.insert(value.to_owned())),
            None => {}
        }
    }

    /// ARNs that conditions see of those who are asked about by themselves.
    fn apart(&self) -> BTreeSet<String> {
        let mut all = self.arns.clone();
        // A federated user is named by the user behind it.
        all.extend(self.arns.iter().filter_map(|arn| {
            let arn = Arn::parse(arn)?;
            let ("user", name) = arn.kind_and_name()? else { return None };
            Some(format!("arn:{}:sts::{}:federated-user/{name}", arn.partition, arn.account))
        }));
        all
    }
}

/// Everyone whom a resource's documents can be about and who is not known: named principals, the accounts named, another
/// account, unsigned callers, services, identity providers.
pub(crate) fn others(documents: &[&Document], owner: &str, sides: [&Estate; 2], domain: &Domain) -> Vec<Who> {
    let partition = partition(sides);
    let named = Named::at(documents, owner, sides);
    let apart = named.apart();
    let mut all: Vec<Who> = Vec::new();
    for arn in named.arns.iter().filter(|arn| !sides.iter().any(|side| side.principals.contains_key(*arn))) {
        match role_behind(arn, sides).and_then(|role| Who::session(arn, &role, sides)) {
            Some(session) => all.push(session),
            None => {
                let who = Who::named(arn);
                // In one account the resource's policy alone may let it, whatever its own say.
                if who.subject.account.as_deref() == Some(owner) {
                    all.push(who.clone().bare());
                }
                all.push(who);
            }
        }
    }
    let of = |account: &str| {
        let mut crowd = Crowd::of(partition, Accounts::One(account.to_owned()), apart.clone());
        crowd.kinds.retain(|kind| *kind != Sort::Root || !named.roots.contains(account));
        crowd
    };
    all.extend(named.roots.iter().map(|account| Who::root(partition, account)));
    all.extend(named.accounts.iter().map(|account| Who::any_of(of(account), Kind::Everything)));
    all.extend([Kind::Nothing, Kind::Everything].map(|kind| Who::any_of(of(owner), kind)));
    if named.everyone {
        let known = named.accounts.iter().cloned().chain([owner.to_owned()]).collect();
        all.push(Who::any_of(Crowd::of(partition, Accounts::Others(known), apart.clone()), Kind::Everything));
        if !domain.is_signed() {
            all.push(Who::without_identity(Caller::Anonymous));
        }
    }
    // Roles are assumed by no service that their trust does not name.
    if named.all && !domain.is_of("iam") {
        all.push(Who::any_service(named.services.clone()));
    }
    all.extend(named.services.into_iter().map(Caller::Service).chain(named.providers.into_iter().map(Caller::Arn)).map(Who::without_identity));
    all
}

/// Whom documents name and who is known.
pub(crate) fn known(documents: &[&Document], sides: [&Estate; 2]) -> Vec<Party> {
    let named = Named::of(documents).arns;
    named.iter().filter(|arn| sides.iter().any(|side| side.principals.contains_key(*arn))).map(|arn| Party::of(arn)).collect()
}

/// Tells whether documents name somebody who is among those that a subject stands for: what is true of it may not be of them.
pub(crate) fn names_some_of(documents: &[&Document], who: &Who, sides: [&Estate; 2]) -> bool {
    let named = Named::of(documents);
    let Some(crowd) = &who.subject.crowd else { return false };
    if !who.arn.is_empty() && !who.arn.contains(":group/") {
        return named.arns.iter().any(|arn| role_behind(arn, sides).as_deref() == Some(who.arn.as_str()));
    }
    if matches!(crowd.kinds.as_slice(), [Sort::Service(_)]) {
        return named.services.iter().any(|name| who.subject.party != Party::Service { name: name.clone() });
    }
    let (inside, many): (&dyn Fn(&str) -> bool, bool) = match &crowd.accounts {
        Accounts::One(id) => (&move |account| id == account, false),
        Accounts::Others(except) => (&move |account| !except.contains(account), true),
    };
    let others = named.arns.iter().filter(|arn| who.subject.party != Party::of(arn));
    others.filter_map(|arn| Arn::parse(arn)).any(|arn| inside(arn.account)) || many && named.accounts.iter().chain(&named.roots).any(|account| inside(account))
}

/// Who is asked about by itself, since documents name it, and so is not meant where many are spoken of: the same policy may spare
/// it, or have let it before.
pub(crate) struct Apart {
    parties: BTreeSet<Party>,
    accounts: BTreeSet<String>,
    owner: String,
}

impl Apart {
    pub(crate) fn of(documents: &[&Document], owner: &str, sides: [&Estate; 2]) -> Self {
        let named = Named::at(documents, owner, sides);
        let accounts = named.accounts.iter().map(|account| Party::AnyOf { partition: partition(sides).to_owned(), account: account.clone() });
        let roots = named.roots.iter().map(|account| Party::of(&root(partition(sides), account)));
        let parties = named.arns.iter().map(|arn| Party::of(arn)).chain(accounts).chain(roots).collect();
        Self { parties, accounts: named.accounts, owner: owner.to_owned() }
    }

    /// Those of the ones that `party` stands for of whom nothing is said.
    pub(crate) fn silent(&self, party: &Party, is_said: impl Fn(&Party) -> bool) -> Vec<Party> {
        let is_one = |one: &Party| match party {
            Party::AnyOf { account, .. } => one != party && one.account() == Some(account),
            // Who is of an account that is named is meant by none but its own lines.
            Party::AnyOther { .. } => one.account().is_some_and(|a| a != self.owner && self.accounts.contains(a) == matches!(one, Party::AnyOf { .. })),
            _ => false,
        };
        self.parties.iter().filter(|one| is_one(one) && !is_said(one)).cloned().collect()
    }

    /// Leaves them out of changes.
    pub(crate) fn leave_out(&self, changes: &mut [AccessChange]) {
        // A line that says the same as that of unsigned callers is left to that.
        let grant = |c: &AccessChange| (c.direction, c.actions.clone(), c.resources.clone(), c.when.clone());
        let anyone: BTreeSet<_> = changes.iter().filter(|c| c.party == Party::Unsigned).map(grant).collect();
        let own = changes.iter().filter(|c| !anyone.contains(&grant(c)));
        let said: BTreeSet<(Direction, Party)> = own.map(|change| (change.direction, change.party.clone())).collect();
        for change in changes {
            change.except = self.silent(&change.party, |one| said.contains(&(change.direction, one.clone())));
        }
    }
}

/// The partition of the resources that are asked about.
fn partition(sides: [&Estate; 2]) -> &str {
    sides.into_iter().rev().map(|s| s.partition.as_str()).find(|p| !p.is_empty()).unwrap_or("aws")
}

/// The account that a value of a principal element is, if it is one.
fn account_of(value: &str) -> Option<&str> {
    match Arn::parse(value) {
        None => Some(value).filter(|v| v.len() == 12 && v.bytes().all(|b| b.is_ascii_digit())),
        Some(arn) => Some(arn.account).filter(|_| arn.resource == "root"),
    }
}

fn root(partition: &str, account: &str) -> String {
    format!("arn:{partition}:iam::{account}:root")
}

/// Accounts that conditions on the caller's account or ARN speak of.
fn accounts_in_conditions(statement: &crossrole_policy::Statement) -> Vec<String> {
    let mut found = Vec::new();
    for (operator, keys) in &statement.conditions {
        for (key, values) in keys {
            let about = ["aws:principalarn", "aws:principalaccount", "kms:calleraccount"].iter().any(|k| key.eq_ignore_ascii_case(k));
            let written = crate::engine::condition::Written { operator: operator.clone(), key: key.clone(), values: Vec::new() };
            let texts = Condition::new(written, false).operator.is_some_and(|o| o.test != Test::Null);
            if !about || !texts {
                continue;
            }
            for value in values {
                let account = Arn::parse(value).map_or(value.as_str(), |a| a.account);
                if account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()) {
                    found.push(account.to_owned());
                }
            }
        }
    }
    found
}
