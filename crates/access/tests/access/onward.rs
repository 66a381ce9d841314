//! Where sessions may have gone on to.

use std::collections::BTreeSet;

use crossrole_access::estate::{Guarded, Placed};
use crossrole_access::onward;

use crate::delta::{APP, QUIET, TRUST_APP, allow, document, estate};

/// A trust may name one session of a role: whoever holds the role may have called a session so.
#[test]
fn a_session_that_a_trust_names_is_followed() {
    const NEXT: &str = "arn:aws:iam::333333333333:role/Next";
    let session = |name: &str| format!("arn:aws:sts::222222222222:assumed-role/{name}/ci");
    for (principal, lets, follows) in [
        (APP.to_owned(), NEXT, true),
        (session("App"), NEXT, true),
        (session("App"), "arn:aws:iam::333333333333:role/Other", false),
        (session("Other"), NEXT, false),
    ] {
        let trust = format!(r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}"#);
        let mut all = estate(&allow("sts:AssumeRole", lets), &[], TRUST_APP, QUIET);
        let policy = Some(Placed::new(document(&trust), ""));
        all.roles.insert(NEXT.to_owned(), Guarded { account: "333333333333".to_owned(), policy, restrict_public: false });
        let found = onward(&all, &BTreeSet::from([APP.to_owned()]), |_| false);
        assert_eq!(found.roles.contains_key(NEXT), follows, "{principal} {lets}");
    }
}
