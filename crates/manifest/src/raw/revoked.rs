//! Access that is taken back, as it is written.

use crate::decode::{OneOrMany, Spanned, record};
use crate::scalar::{Instant, PolicyText};

record! {
    /// Whose access is taken back. Name one: nothing of this manifest lets it in any more, and its sessions are denied.
    Revoked {
        /// A role of this manifest, by name: nobody may assume it. Or one of a trusted account, as `label/Name`: it is
        /// let in by nothing and, where this manifest makes it, assumed by nobody.
        role: Option<Spanned<String>>,
        /// A user, as `label/Name`. In place of a label, the id of an account is taken, here and below.
        user: Option<Spanned<String>>,
        /// A group, as `label/Name`: what its members have otherwise, they keep.
        group: Option<Spanned<String>>,
        /// A permission set of IAM Identity Center, as `label/Name`.
        permission_set: Option<Spanned<String>>,
        /// A whole account, by the label of a trusted one, or by its id.
        account: Option<Spanned<String>>,
        /// A user or role, as an ARN.
        principal: Option<Spanned<String>>,
        /// A role that this manifest makes, by name, or as `label/Name`: only sessions of it end, all of them or those of a source
        /// identity. `crossrole revoke` writes it of roles that may have been assumed from sessions that it ends.
        sessions_of: Option<Spanned<String>>,
        /// Sessions that began before this instant are denied.
        since: Spanned<Instant>,
        /// Why, for those who read the manifest.
        #[allow(dead_code, reason = "it is for readers")]
        reason: Option<Spanned<String>>,
        /// Where its sessions of a role can't be told from those of others, deny all of them that began before `since`.
        all_sessions: Option<bool>,
        /// Names that its sessions of roles have, `*` and `?` allowed: only those are denied.
        session_name: Option<OneOrMany<PolicyText>>,
        /// Source identities that its sessions of roles have, `*` and `?` allowed: only those are denied.
        source_identity: Option<OneOrMany<PolicyText>>,
    }
}
