//! crossrole sandbox
