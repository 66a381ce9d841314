//! crossrole report
