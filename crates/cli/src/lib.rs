//! crossrole cli
