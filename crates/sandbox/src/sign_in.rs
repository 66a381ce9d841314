//! Credentials of a principal without its asking: what signing in, or a service, would give it.

use crossrole_policy::Arn;

use crate::auth::unix_now;
use crate::world::{Session, Tags, World};

/// Lifetime of such a session, in seconds: what IAM Identity Center gives at most.
const SECONDS: i64 = 43_200;

/// Credentials that the sandbox gave out.
#[derive(Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// `ASIA…`.
    pub access_key_id: String,
    /// What requests are signed with.
    pub secret_access_key: String,
    /// Sent along.
    pub session_token: String,
    /// When it ends, in seconds since 1970.
    pub expires: i64,
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedIn").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Opens a session of a user or role, whoever its policies let in; `None`: there is none of that name.
pub(crate) fn sign_in(world: &mut World, arn: &str, mfa: bool) -> Option<SignedIn> {
    let parsed = Arn::parse(arn).filter(|arn| arn.service == "iam")?;
    let (kind, name) = parsed.kind_and_name()?;
    let account = world.accounts.get(parsed.account)?;
    let key = name.to_ascii_lowercase();
    let (held, resource) = match kind {
        "user" => {
            let held = &account.users.get(&key)?.newest()?.held;
            (held, format!("user/{}", held.name))
        }
        "role" => {
            let held = &account.roles.get(&key)?.newest()?.held;
            (held, format!("assumed-role/{}/signed-in", held.name))
        }
        _ => return None,
    };
    if parsed.resource != format!("{kind}{}{}", held.path, held.name) {
        return None;
    }
    let (principal_id, now) = (held.id.clone(), unix_now());
    let session = Session {
        account: parsed.account.to_owned(),
        resource,
        secret: world.fresh(40),
        token: world.fresh(120),
        expires: now + SECONDS,
        issued: now,
        principal_id,
        mfa,
        policies: None,
        tags: Tags::new(),
        transitive: std::collections::BTreeSet::new(),
        source_identity: None,
        federated: None,
        user: None,
    };
    let id = world.fresh_id("ASIA").chars().take(20).collect::<String>();
    let given =
        SignedIn { access_key_id: id.clone(), secret_access_key: session.secret.clone(), session_token: session.token.clone(), expires: session.expires };
    world.sessions.insert(id, session);
    Some(given)
}
