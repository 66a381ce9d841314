//! AWS: one session per account, bulk reads, single writes, errors.
//!
//! [`Aws`] is the only implementation of [`Cloud`]. It reaches AWS, an emulator at
//! `AWS_ENDPOINT_URL`, or (over a [`Transport`]) the embedded sandbox, always through the same SDK clients. Throttling, server
//! errors and lost answers are retried here (module `call`); "not visible yet" and conflicts are the applier's.

mod acting;
mod answer;
mod call;
mod causes;
mod code;
mod console;
mod credentials;
mod decode;
mod error;
mod halt;
mod https;
mod lock;
mod made;
mod organization;
mod own;
mod pace;
mod probe;
mod read;
mod session;
mod sign_in;
mod transport;
mod versions;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use crossrole_model::audit::{AuditScope, Audited, Besides};
use crossrole_model::observed::{Observed, Scope};
use crossrole_model::{AccountId, Address, Call, Cloud, CloudError, ObjectState};

pub use acting::{Acting, AssumeRole, AssumedRole, By, Identity, Keys, Mfa};
pub use console::Console;
pub use https::Authorities;
pub use lock::Locks;
pub use organization::{ControlPolicy, Member, Organization};
pub use own::Own;
pub use read::audit::beside::Places;
pub use session::{Access, Settings, TIMEOUT, TOTAL};
pub use sign_in::console_address;
pub use transport::{Transport, TransportFuture};

use session::Sessions;

/// AWS, reached with one set of credentials per account.
#[derive(Debug)]
pub struct Aws {
    sessions: Sessions,
    /// Unique ids to ARNs, from the last reads: what a document shows while a principal can't be resolved.
    ids: Mutex<BTreeMap<String, String>>,
    /// What AWS calls the keys that manifests make.
    made: made::MadeKeys,
    begun: tokio::time::Instant,
}

impl Aws {
    /// Prepares sessions; nothing is called yet.
    pub fn new(settings: Settings) -> Self {
        Self { sessions: Sessions::new(settings), ids: Mutex::default(), made: made::MadeKeys::default(), begun: tokio::time::Instant::now() }
    }

    /// Returns the calls made so far, by account.
    pub fn calls(&self) -> BTreeMap<AccountId, u64> {
        self.sessions.calls()
    }

    /// Returns what is waited for at this moment: operations, by account.
    pub fn under_way(&self) -> BTreeMap<AccountId, BTreeSet<String>> {
        self.sessions.under_way()
    }

    /// Reads the organization of an account that may look at it: the management account, or one to which that is delegated.
    ///
    /// # Errors
    /// Something of it could not be read: half an organization would look like accounts that have left.
    pub async fn organization(&self, account: &AccountId) -> Result<Organization, CloudError> {
        let session = self.sessions.get(account).await?;
        organization::read(&session).await
    }

    /// Reads whole accounts for an audit. What could not be read is part of the answer.
    pub async fn audit(&self, scope: &AuditScope) -> Audited {
        read::audit::read(self, scope).await
    }

    /// Reads what lets somebody in beside the policies of keys, by ARN, and of buckets. What could not be read is part of the answer.
    pub async fn besides(&self, keys: Vec<String>, buckets: &Places) -> Besides {
        read::audit::beside::read(self, keys, buckets).await
    }

    /// Returns the canonical ids of accounts, of those that can be asked.
    pub async fn canonical(&self, accounts: impl IntoIterator<Item = &AccountId>) -> BTreeMap<String, AccountId> {
        read::audit::beside::canonical(self, accounts).await
    }

    /// Tells the run to stop. The first time, nothing more is sent, waits end, and the answers to writes that were sent are waited
    /// for a few seconds; the second time, nothing is waited for.
    pub fn halt(&self) {
        self.sessions.run().halt.raise();
    }

    fn remember(&self, ids: &BTreeMap<String, String>) {
        if let Ok(mut known) = self.ids.lock() {
            known.extend(ids.iter().map(|(k, v)| (k.clone(), v.clone())));
        }
    }

    fn resolve(&self, id: &str) -> Option<String> {
        self.ids.lock().ok()?.get(id).cloned()
    }
}

impl Cloud for Aws {
    async fn observe(&self, scope: &Scope) -> Observed {
        read::observe(self, scope).await
    }

    async fn read(&self, address: &Address, call: &Call) -> Result<Option<ObjectState>, CloudError> {
        let mut state = read::shared_document(self, address, call).await?;
        if let Some(state) = &mut state {
            self.made.in_state(state);
        }
        Ok(state)
    }

    async fn write(&self, account: &AccountId, call: &Call) -> Result<(), CloudError> {
        write::write(self, account, call).await
    }

    fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    async fn sleep(&self, time: Duration) {
        let _ = self.sessions.run().halt.or(tokio::time::sleep(time)).await;
    }
}
