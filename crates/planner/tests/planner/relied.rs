//! What declared objects rely on is not deleted beside them; nor what live objects of other manifests do.

use crossrole_model::Observed;
use crossrole_model::state::Tags;

use crate::rows::{DEV, PROD, row};
use crate::world::{account, id};

/// A role that lets in whom `trust` names.
fn role(name: &str, trust: &str) -> String {
    format!("[roles.{name}]\n[[roles.{name}.trust]]\n{trust}\n")
}

/// A whole manifest of another name.
fn another(body: &str) -> String {
    crate::rows::manifest(body).replace("name = \"m\"", "name = \"another\"")
}

const ANN: &str = "[trusted.dev.users.ann]\n";
const DEVS: &str = "[trusted.dev.groups.Devs]\n";

#[test]
fn whom_a_trust_names() {
    let user = role("Reader", "user = \"dev/ann\"");
    row("a user", &user).after(&format!("{ANN}{user}")).plans(&["! dev/user/ann: ReliedOn role/Reader"]);
    let spelled = role("Reader", "user = \"dev/Ann\"");
    let (_, plan) = row("in another spelling", &spelled).after(&format!("{ANN}{user}")).planned();
    assert!(plan.changes.iter().all(|change| change.address.kind != crossrole_model::Kind::User), "{:?}", plan.changes);
    // Beside something that is new: what stays may be named.
    let more = format!("{user}{}", role("Writer", "user = \"dev/ann\""));
    row("and one role more", &more).after(&format!("{ANN}{user}")).plans(&[
        "~ dev/policy/crossrole-caller-user-ann (Statements): CreatePolicyVersion",
        "+ role/Writer (Missing): CreateRole",
        "! dev/user/ann: ReliedOn role/Reader",
    ]);
    let group = role("Reader", "group = \"dev/Devs\"");
    row("a group", &group).after(&format!("{DEVS}{group}")).plans(&["! dev/group/Devs: ReliedOn dev/caller/group/Devs/m"]);
    let own = role("Reader", "role = \"trusting/Caller\"");
    let caller = role("Caller", "service = \"ec2.amazonaws.com\"");
    row("a role", &own).after(&format!("{caller}{own}")).plans(&["! role/Caller: ReliedOn role/Reader"]);
    let (_, plan) = row("and nothing of it", "").after(&format!("{ANN}{DEVS}{user}{caller}")).planned();
    assert!(plan.withheld.is_empty() && plan.changes.len() == 5, "{:?}", crate::rows::lines(&plan));
}

#[test]
fn who_is_to_be_in_a_group() {
    let group = "[trusted.dev.groups.Devs]\nmembers = [\"ann\"]\n";
    row("a member", group).after(&format!("{ANN}{group}")).plans(&["! dev/user/ann: ReliedOn dev/membership/Devs/ann"]);
}

#[test]
fn what_a_policy_of_a_bucket_names() {
    let allow = "[[buckets.data-bucket.allow]]\nuser = \"dev/ann\"\naccess = \"list\"\n";
    let bucket = format!("[buckets.data-bucket]\n{allow}");
    row("its principal", &bucket).after(&format!("{ANN}{bucket}")).plans(&["! dev/user/ann: ReliedOn bucket-policy/data-bucket"]);
}

/// It is found by what the role is let do, and goes by itself where that goes as well.
#[test]
fn a_bucket_that_a_role_is_let_use() {
    let made = "[buckets.made-bucket]\ncreate = true\n";
    let raw = "[[roles.Raw.statement]]\nactions = \"s3:GetObject\"\nresources = \"arn:aws:s3:::made-bucket/*\"\n";
    let raw = format!("{}{raw}", role("Raw", "service = \"ec2.amazonaws.com\""));
    row("its table goes", &raw).after(&format!("{made}{raw}")).plans(&["! bucket/made-bucket: ReliedOn role/Raw"]);
    let (_, plan) = row("both go", "").after(&format!("{made}{raw}")).planned();
    assert!(plan.withheld.is_empty() && plan.changes.len() == 2, "{:?}", crate::rows::lines(&plan));
}

#[test]
fn a_provider_that_a_trust_names() {
    let oidc = "[oidc_providers.idp]\nurl = \"https://idp.example.com\"\nclient_ids = [\"aud\"]\n";
    let trust = role("Deployer", "oidc = \"idp.example.com\"\naudience = \"aud\"\nsubject = \"job\"");
    row("OpenID Connect", &trust).after(&format!("{oidc}{trust}")).plans(&["! oidc-provider/idp.example.com: ReliedOn role/Deployer"]);
    let alone = another(&trust);
    row("of another manifest", oidc).after(oidc).after_manifest(&alone).destroyed().plans(&["? oidc-provider/idp.example.com: Used"]);
}

/// Another manifest, of another run, of which nothing is known but what is live.
#[test]
fn what_other_manifests_rely_on_outlives_a_destroy() {
    let bare = |e: &mut Observed| {
        let dev = account(e, &id(DEV));
        dev.users.values_mut().for_each(|user| user.attached.clear());
        dev.policies.clear();
    };
    let theirs = another(&role("Theirs", "user = \"dev/ann\""));
    row("a user whom a trust names", ANN).after(ANN).after_manifest(&theirs).then(bare).destroyed().plans(&["? dev/user/ann: Used"]);
    row("and its table goes", "").after(ANN).after_manifest(&theirs).then(bare).plans(&["? dev/user/ann: Used"]);
    let open = another("[buckets.data-bucket]\n[[buckets.data-bucket.allow]]\nuser = \"dev/ann\"\naccess = \"list\"\n");
    row("a user whom a bucket names", &format!("{ANN}[buckets.data-bucket]\n"))
        .after(ANN)
        .after_manifest(&open)
        .then(bare)
        .destroyed()
        .plans(&["? dev/user/ann: Used"]);
    let caller = role("Caller", "service = \"ec2.amazonaws.com\"");
    row("a role whom a trust names", &caller)
        .after(&caller)
        .after_manifest(&another(&role("Theirs", "role = \"trusting/Caller\"")))
        .then(|e| {
            let prod = account(e, &id(PROD));
            prod.roles.values_mut().for_each(|role| role.state.attached.clear());
            prod.policies.clear();
        })
        .destroyed()
        .plans(&["? role/Caller: Used"]);
    let extra = "[policies.Extra]\n[[policies.Extra.statement]]\nactions = \"s3:ListAllMyBuckets\"\nresources = \"*\"\n";
    let has = |what: &str| another(&format!("[roles.Theirs]\n{what}\n[[roles.Theirs.trust]]\nservice = \"ec2.amazonaws.com\"\n"));
    for what in ["policies = [\"arn:aws:iam::222222222222:policy/Extra\"]", "permissions_boundary = \"arn:aws:iam::222222222222:policy/Extra\""] {
        row("a policy that a role has", extra).after(extra).after_manifest(&has(what)).destroyed().plans(&["? policy/Extra: Used"]);
    }
    // Nobody's role, and nobody's manifest.
    let (_, plan) = row("somebody's role", extra)
        .after(extra)
        .after_manifest(&has("policies = [\"arn:aws:iam::222222222222:policy/Extra\"]"))
        .then(|e| account(e, &id(PROD)).roles.values_mut().for_each(|role| role.state.tags = Tags::new()))
        .destroyed()
        .planned();
    assert!(plan.withheld.is_empty(), "{:?}", plan.withheld);
}
