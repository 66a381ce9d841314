//! What a runner needs, as policies that IAM takes.

use std::collections::BTreeSet;

use crossrole_planner::rights::{Purpose, documents, rights};
use crossrole_policy::Document;

use crate::rows::{PROD, desired, manifest};
use crate::world::id;

/// IAM's quota of a managed policy, white space not counted.
const MOST: usize = 6_144;

fn pairs(documents: &[Document]) -> BTreeSet<(String, String)> {
    let statements = documents.iter().flat_map(|d| &d.statements);
    statements.flat_map(|s| s.action.values.iter().flat_map(|a| s.resource.as_ref().unwrap().values.iter().map(|r| (a.clone(), r.clone())))).collect()
}

#[test]
fn however_many_roles_there_are_each_policy_fits_and_nothing_is_lost() {
    for count in [1, 40, 300] {
        let role = |n: usize| format!("[roles.Reader{n}]\n[[roles.Reader{n}.trust]]\naccount = \"dev\"\n");
        let desired = desired(&manifest(&(0..count).map(role).collect::<String>()));
        for purpose in [Purpose::Plan, Purpose::Apply, Purpose::Verify] {
            let all = rights(&desired, purpose);
            let own = &all[&id(PROD)];
            let documents = documents(own, &desired.manifests);
            assert!(documents.iter().all(|d| d.size() <= MOST), "{count} {purpose:?}");
            let wanted: BTreeSet<(String, String)> =
                own.iter().flat_map(|(r, _, actions)| actions.iter().map(move |a| ((*a).to_owned(), r.to_owned()))).collect();
            assert_eq!(pairs(&documents), wanted, "{count} {purpose:?}");
            assert_eq!(purpose == Purpose::Apply, wanted.contains(&("iam:CreateRole".to_owned(), format!("arn:aws:iam::{PROD}:role/Reader0"))));
        }
    }
}

/// A key has no name before it is made: what is let on every key is limited to those that carry our mark.
#[test]
fn what_is_let_on_every_key_is_let_on_ours_alone() {
    let desired = desired(&manifest("[keys.data]\ncreate = true\n"));
    let all = rights(&desired, Purpose::Apply);
    for document in documents(&all[&id(PROD)], &desired.manifests) {
        for statement in document.statements {
            let writes = statement.action.values.iter().any(|a| ["kms:PutKeyPolicy", "kms:ScheduleKeyDeletion", "kms:UntagResource"].contains(&a.as_str()));
            let every = statement.resource.as_ref().unwrap().values.iter().any(|r| r.ends_with(":key/*") || r == "*");
            assert!(!(writes && every) || statement.conditions["StringEquals"]["aws:ResourceTag/crossrole:manifest"] == ["m"], "{statement:?}");
        }
    }
}

/// To prove takes what a plan does, and what tells of grants and ACLs; of keys that are declared, made or not, and nothing that writes.
#[test]
fn to_prove_takes_reading_grants_and_acls() {
    let arn = format!("arn:aws:kms:eu-west-1:{PROD}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    let desired = desired(&manifest(&format!("[keys.given]\narn = \"{arn}\"\n[keys.data]\ncreate = true\n[buckets.data-bucket]\n")));
    let of = |purpose| pairs(&documents(&rights(&desired, purpose)[&id(PROD)], &desired.manifests));
    let (plan, verify) = (of(Purpose::Plan), of(Purpose::Verify));
    assert!(plan.is_subset(&verify));
    let more: BTreeSet<&str> = verify.difference(&plan).map(|(action, _)| action.as_str()).collect();
    assert_eq!(more, BTreeSet::from(["kms:ListGrants", "s3:GetBucketAcl", "s3:GetBucketOwnershipControls"]));
    let grants: Vec<&str> = verify.iter().filter(|(action, _)| action == "kms:ListGrants").map(|(_, resource)| resource.as_str()).collect();
    assert!(grants.len() == 2 && grants.contains(&arn.as_str()) && grants.iter().any(|resource| resource.ends_with(":key/*")), "{grants:?}");
}
