//! crossrole applier
