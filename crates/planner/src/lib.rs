//! crossrole planner
