//! AWS Organizations: accounts with their units, tags and control policies.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_organizations::types::{AccountState, PolicyType, PolicyTypeStatus};
use crossrole_model::{AccountId, CloudError, ErrorClass};

use crate::call;
use crate::session::Session;

/// Most accounts of an organization that are read: AWS raises the quota of 10 to 50,000 at most (AWS Organizations User Guide,
/// "Quotas"), and a listing that does not end is none.
const ACCOUNTS_MOST: usize = 50_000;

/// Most pages of one listing: twenty things a page, and pages may be empty.
const PAGES_MOST: usize = 10_000;

/// Units nest five levels deep below the root (AWS Organizations User Guide, "Quotas").
const DEPTH_MOST: usize = 5;

/// An organization as it was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Organization {
    /// Its accounts that are in use.
    pub members: Vec<Member>,
    /// Accounts that are suspended, closed or not active yet.
    pub inactive: Vec<AccountId>,
    /// Control policies by id, those that are attached somewhere.
    pub policies: BTreeMap<String, ControlPolicy>,
}

/// An account of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// Names of its units, from the root down.
    pub units: Vec<String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Service control policies by id, a level each from the root down; none for the management account, which they do not bind.
    pub service_control: Vec<Vec<String>>,
    /// Resource control policies by id, the same.
    pub resource_control: Vec<Vec<String>>,
}

/// A control policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPolicy {
    /// Its name.
    pub name: String,
    /// Its document.
    pub document: String,
}

/// A root or unit whose content is to be read.
struct Parent {
    id: String,
    units: Vec<String>,
    service_control: Vec<Vec<String>>,
    resource_control: Vec<Vec<String>>,
}

struct Reader<'s> {
    session: &'s Session,
    client: aws_sdk_organizations::Client,
    /// The kinds of control policies that are in use.
    service: bool,
    resource: bool,
}

pub(crate) async fn read(session: &Session) -> Result<Organization, CloudError> {
    let client = session.organizations();
    let about = session.read("DescribeOrganization", || client.describe_organization().send()).await?;
    let management = about.organization().and_then(|o| o.master_account_id()).unwrap_or_default().to_owned();
    let mut reader = Reader { session, client, service: false, resource: false };
    let mut open = reader.roots().await?;
    let mut found = Organization::default();
    while let Some(parent) = open.pop() {
        open.extend(reader.units(&parent).await?);
        for account in reader.accounts(&parent.id).await? {
            let Some(id) = account.id().and_then(AccountId::parse) else { continue };
            if account.state() != Some(&AccountState::Active) {
                found.inactive.push(id);
                continue;
            }
            let bound = id.as_str() != management;
            let mut member = Member {
                name: account.name().unwrap_or_default().to_owned(),
                units: parent.units.clone(),
                tags: reader.tags(&id).await?,
                service_control: Vec::new(),
                resource_control: Vec::new(),
                id,
            };
            if bound {
                (member.service_control, member.resource_control) = reader.levels(&parent, member.id.as_str()).await?;
            }
            found.members.push(member);
            if found.members.len() > ACCOUNTS_MOST {
                return Err(endless(session, "ListAccountsForParent"));
            }
        }
    }
    found.members.sort_by(|a, b| a.id.cmp(&b.id));
    // One that is moved meanwhile may be found twice.
    found.members.dedup_by(|a, b| a.id == b.id);
    found.inactive.sort();
    let ids: BTreeSet<String> = found.members.iter().flat_map(|m| m.service_control.iter().chain(&m.resource_control).flatten().cloned()).collect();
    for id in ids {
        let policy = reader.policy(&id).await?;
        found.policies.insert(id, policy);
    }
    Ok(found)
}

fn endless(session: &Session, operation: &str) -> CloudError {
    call::plain(ErrorClass::Other, &session.account, operation, "the listing does not end")
}

/// Reads all pages of a listing; a page may be empty and have a next one (AWS Organizations API Reference).
macro_rules! all {
    ($reader:expr, $operation:literal, $request:expr, $items:ident) => {{
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        let mut pages = 0;
        loop {
            let request = $request.set_next_token(token.clone());
            let page = $reader.session.read($operation, || request.clone().send()).await?;
            items.extend(page.$items().iter().cloned());
            token = page.next_token().map(str::to_owned);
            pages += 1;
            if token.is_none() {
                break;
            }
            if pages == PAGES_MOST {
                return Err(endless($reader.session, $operation));
            }
        }
        items
    }};
}

impl Reader<'_> {
    async fn roots(&mut self) -> Result<Vec<Parent>, CloudError> {
        let mut parents = Vec::new();
        for root in all!(self, "ListRoots", self.client.list_roots(), roots) {
            let on = |kind: &PolicyType| root.policy_types().iter().any(|p| p.r#type() == Some(kind) && p.status() == Some(&PolicyTypeStatus::Enabled));
            self.service |= on(&PolicyType::ServiceControlPolicy);
            self.resource |= on(&PolicyType::ResourceControlPolicy);
            let id = root.id().unwrap_or_default().to_owned();
            let none = Parent { id: id.clone(), units: Vec::new(), service_control: Vec::new(), resource_control: Vec::new() };
            let (service_control, resource_control) = self.levels(&none, &id).await?;
            parents.push(Parent { service_control, resource_control, ..none });
        }
        Ok(parents)
    }

    async fn units(&self, parent: &Parent) -> Result<Vec<Parent>, CloudError> {
        let mut found = Vec::new();
        if parent.units.len() == DEPTH_MOST {
            return Ok(found);
        }
        let request = self.client.list_organizational_units_for_parent().parent_id(&parent.id);
        for unit in all!(self, "ListOrganizationalUnitsForParent", request.clone(), organizational_units) {
            let id = unit.id().unwrap_or_default().to_owned();
            let (service_control, resource_control) = self.levels(parent, &id).await?;
            let units = parent.units.iter().cloned().chain(unit.name().map(str::to_owned)).collect();
            found.push(Parent { id, units, service_control, resource_control });
        }
        Ok(found)
    }

    async fn accounts(&self, parent: &str) -> Result<Vec<aws_sdk_organizations::types::Account>, CloudError> {
        let request = self.client.list_accounts_for_parent().parent_id(parent);
        Ok(all!(self, "ListAccountsForParent", request.clone(), accounts))
    }

    async fn tags(&self, account: &AccountId) -> Result<BTreeMap<String, String>, CloudError> {
        let request = self.client.list_tags_for_resource().resource_id(account.as_str());
        let tags = all!(self, "ListTagsForResource", request.clone(), tags);
        Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
    }

    /// The levels of the parent, and that of what is attached to this root, unit or account.
    async fn levels(&self, parent: &Parent, target: &str) -> Result<(Vec<Vec<String>>, Vec<Vec<String>>), CloudError> {
        let (mut service, mut resource) = (parent.service_control.clone(), parent.resource_control.clone());
        if self.service {
            service.push(self.attached(target, PolicyType::ServiceControlPolicy).await?);
        }
        if self.resource {
            resource.push(self.attached(target, PolicyType::ResourceControlPolicy).await?);
        }
        Ok((service, resource))
    }

    async fn attached(&self, target: &str, kind: PolicyType) -> Result<Vec<String>, CloudError> {
        let request = self.client.list_policies_for_target().target_id(target).filter(kind);
        let policies = all!(self, "ListPoliciesForTarget", request.clone(), policies);
        let mut ids: Vec<String> = policies.iter().filter_map(|policy| policy.id()).map(str::to_owned).collect();
        ids.sort();
        Ok(ids)
    }

    async fn policy(&self, id: &str) -> Result<ControlPolicy, CloudError> {
        let answer = self.session.read("DescribePolicy", || self.client.describe_policy().policy_id(id).send()).await?;
        let policy = answer.policy();
        let name = policy.and_then(|p| p.policy_summary()).and_then(|s| s.name()).unwrap_or_default().to_owned();
        Ok(ControlPolicy { name, document: policy.and_then(|p| p.content()).unwrap_or_default().to_owned() })
    }
}
