//! Roles and managed policies: made, changed part by part, replaced, pruned.

use crossrole_model::Observed;
use crossrole_model::state::Tags;
use crossrole_policy::parse;

use crate::rows::{PROD, row};
use crate::world::{account, id};

const ROLE: &str = r#"
[policies.Most]
[[policies.Most.allow]]
bucket = "data-bucket"
access = "read-write"
[roles.Reader]
description = "reads"
tags = { team = "data" }
[[roles.Reader.trust]]
service = "ec2.amazonaws.com"
[[roles.Reader.allow]]
actions = "s3:ListAllMyBuckets"
resources = "*"
"#;

/// The role with something after its first line.
fn with(more: &str) -> String {
    ROLE.replace("[roles.Reader]\n", &format!("[roles.Reader]\n{more}\n"))
}

fn reader(estate: &mut Observed) -> &mut crossrole_model::observed::ObservedRole {
    account(estate, &id(PROD)).roles.get_mut("reader").unwrap()
}

fn most(estate: &mut Observed) -> &mut crossrole_model::observed::ObservedPolicy {
    account(estate, &id(PROD)).policies.get_mut("most").unwrap()
}

#[test]
fn creations() {
    row("a role and a policy", ROLE).plans(&["+ policy/Most (Missing): CreatePolicy", "+ role/Reader (Missing): CreateRole PutRolePolicy"]);
    row("a role within a boundary of ours", &with("permissions_boundary = \"arn:aws:iam::222222222222:policy/Most\""))
        .plans(&["+ policy/Most (Missing): CreatePolicy", "+ role/Reader (Missing): CreateRole PutRolePolicy"]);
    row("a role with policies of ours and of AWS", &with("policies = [\"Most\", \"arn:aws:iam::aws:policy/ReadOnlyAccess\"]"))
        .plans(&["+ policy/Most (Missing): CreatePolicy", "+ role/Reader (Missing): CreateRole PutRolePolicy AttachRolePolicy AttachRolePolicy"]);
    row("a role on a path", &with("path = \"/app/\"")).plans(&["+ policy/Most (Missing): CreatePolicy", "+ role/Reader (Missing): CreateRole PutRolePolicy"]);
    row("nothing that is there already", ROLE).after(ROLE).plans(&[]);
    row("another part of what is half there", ROLE)
        .after(ROLE)
        .then(|e| reader(e).state.inline.clear())
        .plans(&["~ role/Reader (Inline(\"crossrole\")): PutRolePolicy"]);
}

#[test]
fn each_part_of_a_role_that_differs() {
    row("description", &ROLE.replace("\"reads\"", "\"reads all\"")).after(ROLE).plans(&["~ role/Reader (Description): UpdateRole"]);
    row("longest session", &with("max_session = \"2h\"")).after(ROLE).plans(&["~ role/Reader (LongestSession): UpdateRole"]);
    row("description and longest session are one call", &with("max_session = \"2h\"").replace("\"reads\"", "\"x\""))
        .after(ROLE)
        .plans(&["~ role/Reader (Description, LongestSession): UpdateRole"]);
    let bounded = with("permissions_boundary = \"arn:aws:iam::222222222222:policy/Most\"");
    row("a boundary is put before anything is given", &format!("{bounded}\n[[roles.Reader.allow]]\nactions = \"iam:ListRoles\"\nresources = \"*\""))
        .after(ROLE)
        .plans(&["~ role/Reader (Boundary, Inline(\"crossrole\")): PutRolePermissionsBoundary PutRolePolicy"]);
    row("a boundary is taken away last", &format!("{ROLE}\n[[roles.Reader.allow]]\nactions = \"iam:ListRoles\"\nresources = \"*\""))
        .after(&bounded)
        .plans(&["~ role/Reader (Boundary, Inline(\"crossrole\")): PutRolePolicy DeleteRolePermissionsBoundary"]);
    row(
        "another boundary",
        &format!("{}\n[policies.Less]\n[[policies.Less.allow]]\nactions = \"s3:*\"\nresources = \"*\"", bounded.replace("policy/Most", "policy/Less")),
    )
    .after(&bounded)
    .plans(&["+ policy/Less (Missing): CreatePolicy", "~ role/Reader (Boundary): PutRolePermissionsBoundary"]);
    row("a policy of ours is attached", &with("policies = [\"Most\"]"))
        .after(ROLE)
        .plans(&["~ role/Reader (Attached(\"arn:aws:iam::222222222222:policy/Most\")): AttachRolePolicy"]);
    row("tags", &ROLE.replace("team = \"data\"", "team = \"logs\", cost = \"7\"")).after(ROLE).plans(&["~ role/Reader (Tags): TagRole"]);
    row("a tag that goes", &ROLE.replace("tags = { team = \"data\" }\n", "")).after(ROLE).plans(&["~ role/Reader (Tags): UntagRole"]);
    row("a foreign tag goes from a role that is declared whole", ROLE)
        .after(ROLE)
        .then(|e| drop(reader(e).state.tags.insert("theirs".into(), "x".into())))
        .plans(&["~ role/Reader (Tags): UntagRole"]);
    row("permissions", &ROLE.replace("ListAllMyBuckets", "ListBucket")).after(ROLE).plans(&["~ role/Reader (Inline(\"crossrole\")): PutRolePolicy"]);
    row("what AWS rewrites is no difference", ROLE)
        .after(ROLE)
        .then(|e| {
            let text = reader(e).state.trust.to_json().replace("\"sts:AssumeRole\"", "[\"STS:AssumeRole\"]");
            reader(e).state.trust = parse(&text).unwrap();
        })
        .plans(&[]);
}

const TWO: &str = "[[roles.Reader.trust]]\nservice = \"lambda.amazonaws.com\"\n";

#[test]
fn trust_narrows_first_and_widens_last() {
    let wide = ROLE.replace("[[roles.Reader.allow]]", &format!("{TWO}[[roles.Reader.allow]]"));
    let more = |toml: &str| toml.replace("ListAllMyBuckets", "ListBucket");
    row("nobody new is let in before the permissions stand", &more(&wide))
        .after(ROLE)
        .plans(&["~ role/Reader (Trust, Inline(\"crossrole\")): PutRolePolicy UpdateAssumeRolePolicy"]);
    row("somebody is shut out before the permissions change", &more(ROLE))
        .after(&wide)
        .plans(&["~ role/Reader (Trust, Inline(\"crossrole\")): UpdateAssumeRolePolicy PutRolePolicy"]);
    // The same whoever it is let in for: only a condition differs.
    let asked = wide.replace(TWO, &format!("{TWO}source_account = \"222222222222\"\n"));
    row("a condition more is set before the permissions change", &more(&asked))
        .after(&wide)
        .plans(&["~ role/Reader (Trust, Inline(\"crossrole\")): UpdateAssumeRolePolicy PutRolePolicy"]);
    row("a condition less comes when the permissions stand", &more(&wide))
        .after(&asked)
        .plans(&["~ role/Reader (Trust, Inline(\"crossrole\")): PutRolePolicy UpdateAssumeRolePolicy"]);
    row("a principal that no longer exists is taken out", ROLE)
        .after(ROLE)
        .then(|e| {
            let text = reader(e).state.trust.to_json().replace("\"Service\":\"ec2.amazonaws.com\"", "\"AWS\":\"AROAEXAMPLEEXAMPLE123\"");
            reader(e).state.trust = parse(&text).unwrap();
        })
        .plans(&["~ role/Reader (OrphanedPrincipal(\"AROAEXAMPLEEXAMPLE123\"), Trust): UpdateAssumeRolePolicy"]);
}

#[test]
fn a_role_is_declared_whole() {
    let theirs: fn(&mut Observed) = |e| {
        let document = parse(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#).unwrap();
        reader(e).state.inline.insert("Theirs".into(), document);
        reader(e).state.attached.insert("arn:aws:iam::aws:policy/AdministratorAccess".into());
    };
    let revoked: fn(&mut Observed) = |e| {
        let document = parse(r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#).unwrap();
        reader(e).state.inline.insert("AWSRevokeOlderSessions".into(), document);
    };
    row("foreign policies go", ROLE).after(ROLE).then(theirs).plans(&[
        "~ role/Reader (ForeignPolicy(\"Theirs\"), ForeignPolicy(\"arn:aws:iam::aws:policy/AdministratorAccess\")): DeleteRolePolicy DetachRolePolicy",
    ]);
    row("foreign policies go before anything is given", &ROLE.replace("ListAllMyBuckets", "ListBucket")).after(ROLE).then(theirs).plans(&["~ role/Reader (ForeignPolicy(\"Theirs\"), Inline(\"crossrole\"), ForeignPolicy(\"arn:aws:iam::aws:policy/AdministratorAccess\")): DeleteRolePolicy DetachRolePolicy PutRolePolicy"]);
    row("foreign policies stay where they may", &with("foreign_policies = \"keep\"")).after(ROLE).then(theirs).plans(&[]);
    row("sessions that were revoked stay so", ROLE).after(ROLE).then(revoked).plans(&[]);
    row("sessions that were revoked stay so when more differs", &ROLE.replace("\"reads\"", "\"x\""))
        .after(ROLE)
        .then(revoked)
        .plans(&["~ role/Reader (Description): UpdateRole"]);
}

#[test]
fn roles_that_are_not_ours() {
    let unmarked: fn(&mut Observed) = |e| reader(e).state.tags = Tags::new();
    row("without a mark", ROLE).after(ROLE).then(unmarked).plans(&["! role/Reader: Unmarked crossrole:manifest=m, with a command"]);
    row("without a mark, adopted", &with("adopt = true")).after(ROLE).then(unmarked).plans(&["~ role/Reader (Adopted, Tags): TagRole"]);
    row("with the mark of another manifest", &with("adopt = true"))
        .after(ROLE)
        .then(|e| drop(reader(e).state.tags.insert("crossrole:manifest".into(), "other".into())))
        .plans(&["! role/Reader: Owned(\"other\")"]);
    row("in another spelling", ROLE).after(ROLE).then(|e| reader(e).name = "READER".into()).plans(&["! role/Reader: Spelling(\"READER\")"]);
    row("of a service", ROLE).after(ROLE).then(|e| reader(e).state.path = "/aws-service-role/x.amazonaws.com/".into()).plans(&["! role/Reader: ServiceLinked"]);
    row("a policy without a mark", ROLE)
        .after(ROLE)
        .then(|e| most(e).state.tags = Tags::new())
        .plans(&["! policy/Most: Unmarked crossrole:manifest=m, with a command"]);
    row("a policy in another spelling", ROLE).after(ROLE).then(|e| most(e).name = "MOST".into()).plans(&["! policy/Most: Spelling(\"MOST\")"]);
    row("a policy that is adopted", &ROLE.replace("[policies.Most]", "[policies.Most]\nadopt = true"))
        .after(ROLE)
        .then(|e| most(e).state.tags = Tags::new())
        .plans(&["~ policy/Most (Adopted, Tags): TagPolicy"]);
}

#[test]
fn a_path_that_changes_makes_the_object_anew() {
    let bucket = "[buckets.data-bucket]\n[[roles.Reader.allow]]\nbucket = \"data-bucket\"\naccess = \"read\"\n";
    row("a role, with all that is on it and names it", &format!("{}{bucket}", with("path = \"/app/\"\npolicies = [\"Most\"]")))
        .after(&format!("{}{bucket}", with("policies = [\"Most\"]")))
        .plans(&[
            "± role/Reader (Immutable(Path)): DetachRolePolicy DeleteRolePolicy DeleteRole CreateRole PutRolePolicy AttachRolePolicy",
            "  > SessionsEnd",
            "  > OldNameLost(\"AROA222222222222READER\")",
            "~ bucket-policy/data-bucket (Statements): PutBucketPolicy",
        ]);
    row("a policy", &ROLE.replace("[policies.Most]", "[policies.Most]\npath = \"/app/\""))
        .after(ROLE)
        .plans(&["± policy/Most (Immutable(Path)): DeletePolicy CreatePolicy"]);
    row("a policy that is attached", &with("policies = [\"Most\"]").replace("[policies.Most]", "[policies.Most]\npath = \"/app/\""))
        .after(&with("policies = [\"Most\"]"))
        .plans(&[
            "± policy/Most (Immutable(Path)): DetachRolePolicy DeletePolicy CreatePolicy",
            "  > Loses(PrincipalRef { kind: Role, name: \"Reader\" })",
            "~ role/Reader (Attached(\"arn:aws:iam::222222222222:policy/Most\"), Attached(\"arn:aws:iam::222222222222:policy/app/Most\")): AttachRolePolicy",
        ]);
}

#[test]
fn policies_that_differ() {
    let wide = ROLE.replace("read-write", "read");
    row("document", &wide).after(ROLE).plans(&["~ policy/Most (Document): CreatePolicyVersion"]);
    row("document, with no room for a version", &wide)
        .after(ROLE)
        .then(|e| most(e).old_versions = ["v1", "v2", "v3", "v4"].map(String::from).to_vec())
        .plans(&["~ policy/Most (Document): DeletePolicyVersion CreatePolicyVersion", "  > VersionDeleted { version: \"v1\", of: 5 }"]);
    row("document, with room for one more", &wide)
        .after(ROLE)
        .then(|e| most(e).old_versions = ["v1", "v2", "v3"].map(String::from).to_vec())
        .plans(&["~ policy/Most (Document): CreatePolicyVersion"]);
    row("tags", ROLE)
        .after(ROLE)
        .then(|e| {
            most(e).state.tags.insert("theirs".into(), "x".into());
        })
        .plans(&["~ policy/Most (Tags): UntagPolicy"]);
    row("a description can't be changed", &ROLE.replace("[policies.Most]", "[policies.Most]\ndescription = \"new\""))
        .after(ROLE)
        .plans(&["? description of policy/Most: Unchangeable"]);
}

#[test]
fn what_is_no_longer_declared_goes() {
    row("role and policy", "").after(&with("policies = [\"Most\"]")).plans(&[
        "- policy/Most (NotInManifest): DeletePolicy",
        "  > Loses(PrincipalRef { kind: Role, name: \"Reader\" })",
        "- role/Reader (NotInManifest): DetachRolePolicy DeleteRolePolicy DeleteRole",
        "  > SessionsEnd",
    ]);
    row("a role in an instance profile", "")
        .after(ROLE)
        .then(|e| {
            reader(e).instance_profiles.insert("Web".into());
        })
        .plans(&[
            "- policy/Most (NotInManifest): DeletePolicy",
            "- role/Reader (NotInManifest): DeleteRolePolicy RemoveRoleFromInstanceProfile DeleteRole",
            "  > SessionsEnd",
            "  > ProfileEmptied(\"Web\")",
        ]);
    row("a role with foreign policies", "")
        .after(ROLE)
        .then(|e| {
            reader(e).state.attached.insert("arn:aws:iam::aws:policy/ReadOnlyAccess".into());
        })
        .plans(&[
            "- policy/Most (NotInManifest): DeletePolicy",
            "- role/Reader (NotInManifest): DetachRolePolicy DeleteRolePolicy DeleteRole",
            "  > SessionsEnd",
        ]);
    row("a policy that somebody else uses", "")
        .after(ROLE)
        .then(|e| {
            let arn = most(e).arn.clone();
            let mut role = reader(e).clone();
            role.name = "Theirs".into();
            role.state.tags = Tags::new();
            role.state.attached.insert(arn);
            account(e, &id(PROD)).roles.insert("theirs".into(), role);
            most(e).old_versions = vec!["v1".into()];
        })
        .plans(&[
            "- policy/Most (NotInManifest): DeletePolicyVersion DetachRolePolicy DeletePolicy",
            "  > Loses(PrincipalRef { kind: Role, name: \"Theirs\" })",
            "- role/Reader (NotInManifest): DeleteRolePolicy DeleteRole",
            "  > SessionsEnd",
        ]);
    row("a role within a boundary of ours", "").after(&with("permissions_boundary = \"arn:aws:iam::222222222222:policy/Most\"")).plans(&[
        "- policy/Most (NotInManifest): DeletePolicy",
        "- role/Reader (NotInManifest): DeleteRolePolicy DeleteRole",
        "  > SessionsEnd",
    ]);
    row("another manifest's role stays", "")
        .after(ROLE)
        .then(|e| drop(reader(e).state.tags.insert("crossrole:manifest".into(), "other".into())))
        .plans(&["- policy/Most (NotInManifest): DeletePolicy"]);
    row("everything", ROLE).after(ROLE).destroyed().plans(&[
        "- policy/Most (Destroy): DeletePolicy",
        "- role/Reader (Destroy): DeleteRolePolicy DeleteRole",
        "  > SessionsEnd",
    ]);
}

const CYCLE: &str = r#"
[roles.A]
[[roles.A.trust]]
role = "trusting/B"
[roles.B]
[[roles.B.trust]]
role = "trusting/A"
[roles.C]
[[roles.C.trust]]
role = "trusting/A"
"#;

#[test]
fn trust_in_circles() {
    row("two that trust each other", CYCLE).plans(&[
        "+ policy/crossrole-caller-role-A (Missing): CreatePolicy",
        "+ policy/crossrole-caller-role-B (Missing): CreatePolicy",
        "+ role/A (Missing): CreateRole UpdateAssumeRolePolicy AttachRolePolicy",
        "+ role/B (Missing): CreateRole AttachRolePolicy UpdateAssumeRolePolicy",
        "+ role/C (Missing): CreateRole",
    ]);
    row("one that trusts itself", "[roles.A]\n[[roles.A.trust]]\nrole = \"trusting/A\"\n")
        .plans(&["+ policy/crossrole-caller-role-A (Missing): CreatePolicy", "+ role/A (Missing): CreateRole UpdateAssumeRolePolicy AttachRolePolicy"]);
    row("two that trust each other go", "").after(CYCLE).plans(&[
        "- policy/crossrole-caller-role-A (NotInManifest): DetachRolePolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: Role, name: \"A\" })",
        "- policy/crossrole-caller-role-B (NotInManifest): DetachRolePolicy DeletePolicy",
        "  > Loses(PrincipalRef { kind: Role, name: \"B\" })",
        "- role/A (NotInManifest): DeleteRole",
        "  > SessionsEnd",
        "- role/B (NotInManifest): DeleteRole",
        "  > SessionsEnd",
        "- role/C (NotInManifest): DeleteRole",
        "  > SessionsEnd",
    ]);
    row("a chain is made from its end", &CYCLE.replace("role = \"trusting/B\"", "service = \"ec2.amazonaws.com\"")).plans(&[
        "+ policy/crossrole-caller-role-A (Missing): CreatePolicy",
        "+ role/A (Missing): CreateRole AttachRolePolicy",
        "+ role/B (Missing): CreateRole",
        "+ role/C (Missing): CreateRole",
    ]);
}

const OIDC: &str = r#"
[oidc_providers.github]
url = "https://token.actions.githubusercontent.com"
client_ids = ["sts.amazonaws.com", "other"]
[roles.Deployer]
[[roles.Deployer.trust]]
github = { repository = "example-org/site", environment = "production" }
audience = "sts.amazonaws.com"
"#;

#[test]
fn providers() {
    row("made before who trusts it", OIDC)
        .plans(&["+ oidc-provider/token.actions.githubusercontent.com (Missing): CreateOpenIDConnectProvider", "+ role/Deployer (Missing): CreateRole"]);
    row("audiences", &OIDC.replace("\"other\"", "\"new\"")).after(OIDC).plans(&[
        "~ oidc-provider/token.actions.githubusercontent.com (Audiences): RemoveClientIDFromOpenIDConnectProvider AddClientIDToOpenIDConnectProvider",
    ]);
    row("tags", &OIDC.replace("client_ids", "tags = { team = \"data\" }\nclient_ids"))
        .after(OIDC)
        .plans(&["~ oidc-provider/token.actions.githubusercontent.com (Tags): TagOpenIDConnectProvider"]);
    row("gone", "").after(OIDC).plans(&[
        "- oidc-provider/token.actions.githubusercontent.com (NotInManifest): DeleteOpenIDConnectProvider",
        "  > ProviderTrustLost",
        "- role/Deployer (NotInManifest): DeleteRole",
        "  > SessionsEnd",
    ]);
    row("not ours", OIDC)
        .after(OIDC)
        .then(|e| account(e, &id(PROD)).oidc_providers.values_mut().for_each(|p| p.tags = Tags::new()))
        .plans(&["! oidc-provider/token.actions.githubusercontent.com: Unmarked crossrole:manifest=m"]);
}

/// A provider and a role that trusts it; AWS takes no shorter metadata.
pub(crate) fn saml(key: &str) -> String {
    let certificate = key.repeat(1_000);
    format!(
        r#"
[saml_providers.Okta]
metadata = "<EntityDescriptor entityID='https://idp.example'><X509Certificate>{certificate}</X509Certificate></EntityDescriptor>"
[roles.People]
[[roles.People.trust]]
saml = "Okta"
"#
    )
}

#[test]
fn saml_providers() {
    row("made before who trusts it", &saml("A")).plans(&["+ saml-provider/Okta (Missing): CreateSAMLProvider", "+ role/People (Missing): CreateRole"]);
    row("metadata", &saml("B")).after(&saml("A")).plans(&["~ saml-provider/Okta (Metadata): UpdateSAMLProvider"]);
    row("tags", &saml("A").replace("[roles.People]", "tags = { team = \"data\" }\n[roles.People]"))
        .after(&saml("A"))
        .plans(&["~ saml-provider/Okta (Tags): TagSAMLProvider"]);
    row("tags that go", &saml("A"))
        .after(&saml("A").replace("[roles.People]", "tags = { team = \"data\" }\n[roles.People]"))
        .plans(&["~ saml-provider/Okta (Tags): UntagSAMLProvider"]);
    row("gone", "").after(&saml("A")).plans(&[
        "- saml-provider/Okta (NotInManifest): DeleteSAMLProvider",
        "  > ProviderTrustLost",
        "- role/People (NotInManifest): DeleteRole",
        "  > SessionsEnd",
    ]);
    row("not ours", &saml("A"))
        .after(&saml("A"))
        .then(|e| account(e, &id(PROD)).saml_providers.values_mut().for_each(|p| p.tags = Tags::new()))
        .plans(&["! saml-provider/Okta: Unmarked crossrole:manifest=m"]);
}

#[test]
fn only_targets() {
    let bucket = format!("{ROLE}[buckets.data-bucket]\n[[roles.Reader.allow]]\nbucket = \"data-bucket\"\naccess = \"read\"\n");
    let bounded = bucket.replace("[roles.Reader]\n", "[roles.Reader]\npermissions_boundary = \"arn:aws:iam::222222222222:policy/Most\"\n");
    row("one, and what it needs", &bounded).only(&["role/Reader"]).plans(&[
        "+ policy/Most (Missing): CreatePolicy",
        "+ role/Reader (Missing): CreateRole PutRolePolicy",
        "? 1 others: NotTargeted",
    ]);
    row("by account and pattern", &bounded).only(&["222222222222/p*"]).plans(&["+ policy/Most (Missing): CreatePolicy", "? 2 others: NotTargeted"]);
    row("a bare name, and one that is nothing", &bounded).only(&["Most", "role/Nobody"]).plans(&[
        "+ policy/Most (Missing): CreatePolicy",
        "! target role/Nobody: NoSuchTarget",
        "? 2 others: NotTargeted",
    ]);
}
