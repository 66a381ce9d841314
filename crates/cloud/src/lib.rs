//! crossrole cloud
