//! Access control lists: read from headers or XML, refused where ownership disables them, written back.

use roxmltree::Node;

use crate::error::ApiError;
use crate::query::{Asked, Reply};

use super::access::Target;
use super::state::{Bucket, Grant, Grantee, NULL, canonical_id};
use super::{S3, denied, read, reply};

/// Sid of a statement that stands for a grant while a request is decided.
pub(super) const SID: &str = "ACL grant";
pub(super) const EVERYONE: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
pub(super) const AUTHENTICATED: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";
const LOG_DELIVERY: &str = "http://acs.amazonaws.com/groups/s3/LogDelivery";

/// Actions that permissions stand for (S3 User Guide, "Access control list overview").
const ON_BUCKET: &[(&str, &str)] = &[
    ("s3:ListBucket", "READ"),
    ("s3:ListBucketVersions", "READ"),
    ("s3:ListBucketMultipartUploads", "READ"),
    ("s3:PutObject", "WRITE"),
    ("s3:DeleteObject", "WRITE"),
    ("s3:GetBucketAcl", "READ_ACP"),
    ("s3:PutBucketAcl", "WRITE_ACP"),
];
pub(super) const ON_OBJECT: &[(&str, &str)] = &[
    ("s3:GetObject", "READ"),
    ("s3:GetObjectVersion", "READ"),
    ("s3:GetObjectAcl", "READ_ACP"),
    ("s3:GetObjectVersionAcl", "READ_ACP"),
    ("s3:PutObjectAcl", "WRITE_ACP"),
    ("s3:PutObjectVersionAcl", "WRITE_ACP"),
];
const PERMISSIONS: &[&str] = &["READ", "WRITE", "READ_ACP", "WRITE_ACP", "FULL_CONTROL"];
const GRANT_HEADERS: &[(&str, &str)] = &[
    ("x-amz-grant-read", "READ"),
    ("x-amz-grant-write", "WRITE"),
    ("x-amz-grant-read-acp", "READ_ACP"),
    ("x-amz-grant-write-acp", "WRITE_ACP"),
    ("x-amz-grant-full-control", "FULL_CONTROL"),
];

/// The permission of an ACL that an action needs.
pub(super) fn permission(action: &str) -> Option<&'static str> {
    ON_BUCKET.iter().chain(ON_OBJECT).find(|(a, _)| *a == action).map(|(_, p)| *p)
}

/// Tells whether a request says an ACL in its headers.
pub(super) fn is_asked(asked: &Asked) -> bool {
    asked.header("x-amz-acl").is_some() || GRANT_HEADERS.iter().any(|(h, _)| asked.header(h).is_some())
}

fn argument(message: &str, name: &'static str, value: &str) -> ApiError {
    ApiError::new(400, "InvalidArgument", message).with("ArgumentName", name).with("ArgumentValue", value)
}

/// The grants that the headers ask for; `owner` is a canonical id, and so is the bucket's.
pub(super) fn from_headers(asked: &Asked, owner: &str, bucket_owner: &str) -> Result<Option<Vec<Grant>>, ApiError> {
    let with_grants = GRANT_HEADERS.iter().any(|(h, _)| asked.header(h).is_some());
    if let Some(canned) = asked.header("x-amz-acl") {
        if with_grants {
            return Err(ApiError::new(400, "InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed"));
        }
        return canned_grants(canned, owner, bucket_owner).map(Some).ok_or_else(|| argument("", "x-amz-acl", canned));
    }
    if !with_grants {
        return Ok(None);
    }
    let mut grants = Vec::new();
    for (header, permission) in GRANT_HEADERS {
        for entry in asked.header(header).unwrap_or_default().split(',').map(str::trim).filter(|e| !e.is_empty()) {
            let (kind, value) = entry.split_once('=').ok_or_else(|| argument("Argument format not recognized", header, entry))?;
            let value = value.trim().trim_matches('"').to_owned();
            let grantee = match kind.trim() {
                "id" => Grantee::User(canonical(value, "id")?),
                "uri" => Grantee::Group(group(value, "uri")?),
                _ => return Err(argument("Argument format not recognized", header, entry)),
            };
            grants.push(Grant { grantee, permission: (*permission).to_owned() });
        }
    }
    Ok(Some(grants))
}

fn canned_grants(canned: &str, owner: &str, bucket_owner: &str) -> Option<Vec<Grant>> {
    let user = |id: &str, permission: &str| Grant { grantee: Grantee::User(id.to_owned()), permission: permission.to_owned() };
    let group = |uri: &str, permission: &str| Grant { grantee: Grantee::Group(uri.to_owned()), permission: permission.to_owned() };
    let more = match canned {
        "private" | "aws-exec-read" => Vec::new(),
        "public-read" => vec![group(EVERYONE, "READ")],
        "public-read-write" => vec![group(EVERYONE, "READ"), group(EVERYONE, "WRITE")],
        "authenticated-read" => vec![group(AUTHENTICATED, "READ")],
        "log-delivery-write" => vec![group(LOG_DELIVERY, "WRITE"), group(LOG_DELIVERY, "READ_ACP")],
        "bucket-owner-read" if owner != bucket_owner => vec![user(bucket_owner, "READ")],
        "bucket-owner-full-control" if owner != bucket_owner => vec![user(bucket_owner, "FULL_CONTROL")],
        "bucket-owner-read" | "bucket-owner-full-control" => Vec::new(),
        _ => return None,
    };
    let mut grants = vec![user(owner, "FULL_CONTROL")];
    grants.extend(more);
    Some(grants)
}

fn canonical(id: String, name: &'static str) -> Result<String, ApiError> {
    if id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit()) { Ok(id) } else { Err(argument("Invalid id", name, &id)) }
}

fn group(uri: String, name: &'static str) -> Result<String, ApiError> {
    if [EVERYONE, AUTHENTICATED, LOG_DELIVERY].contains(&uri.as_str()) { Ok(uri) } else { Err(argument("Invalid group uri", name, &uri)) }
}

fn malformed() -> ApiError {
    ApiError::new(400, "MalformedACLError", "The XML you provided was not well-formed or did not validate against our published schema")
}

/// The grants of an `AccessControlPolicy`.
fn from_body(body: &[u8]) -> Result<Vec<Grant>, ApiError> {
    let document = read::document(body).map_err(|_| malformed())?;
    let root = document.root_element();
    let list = read::child(root, "AccessControlList");
    let owner = read::child(root, "Owner").and_then(|o| read::text(o, "ID"));
    let (Some(list), Some(owner), "AccessControlPolicy") = (list, owner, root.tag_name().name()) else { return Err(malformed()) };
    canonical(owner, "CanonicalUser/ID")?;
    read::children(list, "Grant").map(grant).collect()
}

fn grant(node: Node<'_, '_>) -> Result<Grant, ApiError> {
    let permission = read::text(node, "Permission").filter(|p| PERMISSIONS.contains(&p.as_str())).ok_or_else(malformed)?;
    let grantee = read::child(node, "Grantee").ok_or_else(malformed)?;
    let grantee = match (read::text(grantee, "ID"), read::text(grantee, "URI")) {
        (Some(id), None) => Grantee::User(canonical(id, "CanonicalUser/ID")?),
        (None, Some(uri)) => Grantee::Group(group(uri, "Group/URI")?),
        _ => return Err(malformed()),
    };
    Ok(Grant { grantee, permission })
}

fn is_public(grants: &[Grant]) -> bool {
    grants.iter().any(|g| matches!(&g.grantee, Grantee::Group(uri) if uri == EVERYONE || uri == AUTHENTICATED))
}

/// Refuses an ACL where ACLs are disabled, all but the one that says what is so anyway; and a public one where they are blocked.
impl S3<'_> {
    pub(super) fn acl_fits(&self, state: &Bucket, grants: &[Grant], setting: bool) -> Result<(), ApiError> {
        let owner = canonical_id(&state.account);
        let owner_alone = grants.iter().all(|g| g.grantee == Grantee::User(owner.clone()));
        let full_control = self.asked.header("x-amz-acl") == Some("bucket-owner-full-control") || (!setting && owner_alone);
        if state.acls_disabled() && (setting || !full_control) {
            return Err(ApiError::new(400, "AccessControlListNotSupported", "The bucket does not allow ACLs"));
        }
        if self.block(state)[0] && is_public(grants) {
            return Err(denied());
        }
        Ok(())
    }

    /// What a request to set an ACL asks for: headers or a body.
    fn asked_acl(&self, owner: &str, bucket_owner: &str) -> Result<Vec<Grant>, ApiError> {
        let body = &self.asked.body;
        if let Some(grants) = from_headers(self.asked, owner, bucket_owner)? {
            return if body.is_empty() { Ok(grants) } else { Err(ApiError::new(400, "UnexpectedContent", "This request does not support content")) };
        }
        if body.is_empty() {
            let error = ApiError::new(400, "MissingSecurityHeader", "Your request was missing a required header");
            return Err(error.with("MissingHeaderName", "x-amz-acl"));
        }
        from_body(body)
    }

    pub(super) fn get_bucket_acl(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:GetBucketAcl")?;
        let state = self.bucket(name)?;
        Ok(shown(&canonical_id(&state.account), state.acl.as_deref()))
    }

    pub(super) fn put_bucket_acl(&mut self, name: &str) -> Result<Reply, ApiError> {
        self.allow(name, "s3:PutBucketAcl")?;
        let state = self.bucket(name)?;
        let owner = canonical_id(&state.account);
        let grants = self.asked_acl(&owner, &owner)?;
        self.acl_fits(state, &grants, true)?;
        self.bucket_mut(name)?.acl = Some(grants);
        Ok(Reply::empty(200))
    }

    pub(super) fn get_object_acl(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let target = Target::of(self.key(), asked.param("versionId"));
        self.allow_object(name, target.action("s3:GetObjectAcl", "s3:GetObjectVersionAcl"), target)?;
        let (version, object) = self.found(name, target)?;
        let owner = canonical_id(object.owner.as_ref().unwrap_or(&self.bucket(name)?.account));
        let reply = shown(&owner, object.acl.as_deref());
        let id = version.id.clone();
        Ok(if id == NULL { reply } else { reply.header("x-amz-version-id", id) })
    }

    pub(super) fn put_object_acl(&mut self, name: &str) -> Result<Reply, ApiError> {
        let asked = self.asked;
        let target = Target::of(self.key(), asked.param("versionId"));
        self.allow_object(name, target.action("s3:PutObjectAcl", "s3:PutObjectVersionAcl"), target)?;
        let (version, object) = self.found_for_writing(name, target)?;
        let state = self.bucket(name)?;
        let bucket_owner = canonical_id(&state.account);
        let owner = object.owner.as_deref().map_or_else(|| bucket_owner.clone(), canonical_id);
        let grants = self.asked_acl(&owner, &bucket_owner)?;
        let disabled = state.acls_disabled();
        self.acl_fits(state, &grants, false)?;
        let id = version.id.clone();
        if !disabled {
            self.object_mut(name, target.key, &id)?.acl = Some(grants);
        }
        Ok(Reply::empty(200))
    }
}

fn shown(owner: &str, grants: Option<&[Grant]>) -> Reply {
    let default = [Grant { grantee: Grantee::User(owner.to_owned()), permission: "FULL_CONTROL".to_owned() }];
    reply("AccessControlPolicy", |x| {
        x.nest("Owner", |x| {
            x.text("ID", owner);
        });
        x.nest("AccessControlList", |x| {
            for grant in grants.unwrap_or(&default) {
                x.nest("Grant", |x| {
                    let (kind, name, value) = match &grant.grantee {
                        Grantee::User(id) => ("CanonicalUser", "ID", id),
                        Grantee::Group(uri) => ("Group", "URI", uri),
                    };
                    x.0.push_str(&format!("<Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{kind}\">"));
                    x.text(name, value);
                    x.0.push_str("</Grantee>");
                    x.text("Permission", &grant.permission);
                });
            }
        });
    })
}
