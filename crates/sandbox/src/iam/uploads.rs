//! Public keys and certificates that are uploaded: SSH keys and signing certificates of users, and server certificates of the
//! account (IAM API reference). They are kept and read back, and sign nothing here.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

use crate::auth::{iso, unix_now};
use crate::constraint::broken;
use crate::error::ApiError;
use crate::query::Service;
use crate::world::Tags;
use crate::xml::Xml;

use super::{Iam, maybe_tags, merge_tags};

/// Most of each that a user, and an account, has (IAM User Guide, "IAM and AWS STS quotas").
const SSH_KEYS_MOST: usize = 5;
const CERTIFICATES_MOST: usize = 2;
const SERVER_CERTIFICATES_MOST: usize = 20;

/// An SSH public key or a signing certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Upload {
    pub(crate) ssh: bool,
    pub(crate) user: String,
    body: String,
    pub(crate) active: bool,
    pub(crate) uploaded: String,
}

/// A server certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ServerCertificate {
    name: String,
    path: String,
    id: String,
    body: String,
    chain: Option<String>,
    uploaded: String,
    expires: Option<String>,
    tags: Tags,
}

impl ServerCertificate {
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn tags(&self) -> &Tags {
        &self.tags
    }
}

fn malformed() -> ApiError {
    ApiError::new(400, "MalformedCertificate", "Unable to parse certificate. Please ensure the certificate is in PEM format.")
}

/// The bytes between a PEM's first two lines of dashes.
fn pem(text: &str) -> Option<Vec<u8>> {
    let inside = text.split_once("-----BEGIN CERTIFICATE-----")?.1.split_once("-----END CERTIFICATE-----")?.0;
    let bytes = STANDARD.decode(inside.split_whitespace().collect::<String>()).ok()?;
    // A certificate is a sequence in DER.
    (bytes.first() == Some(&0x30)).then_some(bytes)
}

/// One value in DER: its tag, its content, and what comes behind it (ITU-T X.690, 8.1.3).
fn der(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, length) = (*bytes.first()?, usize::from(*bytes.get(1)?));
    let (from, length) = if length < 0x80 {
        (2, length)
    } else {
        let count = length & 0x7f;
        let digits = bytes.get(2..2 + count).filter(|_| count <= 4)?;
        (2 + count, digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)))
    };
    let end = from.checked_add(length)?;
    Some((tag, bytes.get(from..end)?, bytes.get(end..)?))
}

/// The end of a certificate's validity (RFC 5280, 4.1): version, serial number, algorithm and issuer stand before it.
fn expiration(certificate: &[u8]) -> Option<String> {
    let (_, certificate, _) = der(certificate)?;
    let (_, mut rest, _) = der(certificate)?;
    if rest.first() == Some(&0xa0) {
        rest = der(rest)?.2;
    }
    for _ in ["serial number", "algorithm", "issuer"] {
        rest = der(rest)?.2;
    }
    let (_, validity, _) = der(rest)?;
    let (tag, end, _) = der(der(validity)?.2)?;
    let text = std::str::from_utf8(end).ok()?;
    // A year of two digits is of 1950 to 2049.
    let century = if tag == 0x18 {
        ""
    } else if text.get(..2)? < "50" {
        "20"
    } else {
        "19"
    };
    let digits = format!("{century}{text}");
    let part = |range: std::ops::Range<usize>| digits.get(range);
    Some(format!("{}-{}-{}T{}:{}:{}Z", part(0..4)?, part(4..6)?, part(6..8)?, part(8..10)?, part(10..12)?, part(12..14)?))
}

/// The fingerprint of an OpenSSH public key, as `ssh-keygen -E md5` prints it.
fn fingerprint(body: &str) -> Option<String> {
    let mut words = body.split_whitespace();
    words.next().filter(|kind| matches!(*kind, "ssh-rsa" | "ssh-ed25519" | "ecdsa-sha2-nistp256"))?;
    let bytes = STANDARD.decode(words.next()?).ok()?;
    Some(Md5::digest(bytes).iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":"))
}

fn status(active: bool) -> &'static str {
    if active { "Active" } else { "Inactive" }
}

fn ssh_fields(x: &mut Xml, id: &str, upload: &Upload) {
    x.text("UserName", &upload.user).text("SSHPublicKeyId", id).text("Fingerprint", &fingerprint(&upload.body).unwrap_or_default());
    x.text("SSHPublicKeyBody", &upload.body).text("Status", status(upload.active)).text("UploadDate", &upload.uploaded);
}

fn certificate_fields(x: &mut Xml, id: &str, upload: &Upload) {
    x.text("UserName", &upload.user).text("CertificateId", id).text("CertificateBody", &upload.body);
    x.text("Status", status(upload.active)).text("UploadDate", &upload.uploaded);
}

fn server_fields(x: &mut Xml, account: &str, held: &ServerCertificate) {
    x.text("Path", &held.path).text("ServerCertificateName", &held.name).text("ServerCertificateId", &held.id);
    x.text("Arn", &format!("arn:aws:iam::{account}:server-certificate{}{}", held.path, held.name)).text("UploadDate", &held.uploaded);
    x.maybe("Expiration", held.expires.as_deref());
}

impl Iam<'_> {
    /// Of a user, the oldest first.
    pub(super) fn uploads_of(&mut self, user: &str, ssh: bool) -> Vec<(String, Upload)> {
        let all = self.state().uploads.iter().filter(|(_, u)| u.ssh == ssh && u.user == user);
        let mut uploads: Vec<(String, Upload)> = all.map(|(id, u)| (id.clone(), u.clone())).collect();
        uploads.sort_by(|(_, a), (_, b)| a.uploaded.cmp(&b.uploaded));
        uploads
    }

    /// Every call about SSH keys and signing certificates of users.
    pub(super) fn uploads(&mut self) -> Result<(), ApiError> {
        let user = self.user()?.held.name;
        let asked = self.asked;
        let op = asked.operation.as_str();
        let ssh = op.contains("SSHPublicKey");
        if op.starts_with("Upload") {
            return self.upload(user, ssh);
        }
        if op.starts_with("List") {
            let uploads = self.uploads_of(&user, ssh);
            let page = self.page(uploads)?;
            if ssh {
                self.x.members("SSHPublicKeys", &page, |x, (id, u)| {
                    x.text("UserName", &u.user).text("SSHPublicKeyId", id).text("Status", status(u.active)).text("UploadDate", &u.uploaded);
                });
            } else {
                self.x.members("Certificates", &page, |x, (id, u)| certificate_fields(x, id, u));
            }
            return Ok(());
        }
        let id = asked.need(if ssh { "SSHPublicKeyId" } else { "CertificateId" })?;
        let what = if ssh { "Public Key" } else { "Certificate" };
        let mut upload = self.state().uploads.get(id).filter(|u| u.ssh == ssh && u.user == user).cloned();
        let upload = upload.as_mut().ok_or_else(|| ApiError::new(404, "NoSuchEntity", format!("The {what} with id {id} cannot be found.")))?;
        if op.starts_with("Get") {
            match asked.need("Encoding")? {
                "SSH" | "PEM" => {}
                _ => return Err(broken(Service::Iam, "encoding", None, "Member must satisfy enum value set: [PEM, SSH]")),
            }
            self.x.nest("SSHPublicKey", |x| ssh_fields(x, id, upload));
        } else if op.starts_with("Update") {
            upload.active = match asked.need("Status")? {
                "Active" => true,
                "Inactive" => false,
                _ => return Err(broken(Service::Iam, "status", None, "Member must satisfy enum value set: [Active, Inactive]")),
            };
            let upload = upload.clone();
            self.state().uploads.insert(id.to_owned(), upload);
        } else {
            self.state().uploads.remove(id);
        }
        Ok(())
    }

    fn upload(&mut self, user: String, ssh: bool) -> Result<(), ApiError> {
        let body = self.asked.need(if ssh { "SSHPublicKeyBody" } else { "CertificateBody" })?.to_owned();
        let there = self.uploads_of(&user, ssh);
        if ssh {
            fingerprint(&body).ok_or_else(|| ApiError::new(400, "InvalidPublicKey", "The public key is invalid."))?;
            if there.iter().any(|(_, u)| fingerprint(&u.body) == fingerprint(&body)) {
                return Err(ApiError::new(409, "DuplicateSSHPublicKey", "The SSH public key is already associated with the specified IAM user."));
            }
        } else {
            pem(&body).ok_or_else(malformed)?;
            if there.iter().any(|(_, u)| pem(&u.body) == pem(&body)) {
                return Err(ApiError::new(409, "DuplicateCertificate", "The same certificate is associated with an IAM user in the account."));
            }
        }
        let (most, quota) = if ssh { (SSH_KEYS_MOST, "SSHPublicKeysPerUser") } else { (CERTIFICATES_MOST, "CertificatesPerUser") };
        if there.len() >= most {
            return Err(ApiError::limit(format!("Cannot exceed quota for {quota}: {most}")));
        }
        let id = if ssh { self.world.fresh_id("APKA").chars().take(20).collect() } else { self.world.fresh(32) };
        let upload = Upload { ssh, user, body, active: true, uploaded: iso(unix_now()) };
        if ssh {
            self.x.nest("SSHPublicKey", |x| ssh_fields(x, &id, &upload));
        } else {
            self.x.nest("Certificate", |x| certificate_fields(x, &id, &upload));
        }
        self.state().uploads.insert(id, upload);
        Ok(())
    }

    pub(super) fn upload_server_certificate(&mut self) -> Result<(), ApiError> {
        let (name, path) = (self.name("ServerCertificateName", 128)?, self.path()?);
        // Without the line's end behind it, as Terraform waits for it (its `normalizeCert`).
        let body = self.asked.need("CertificateBody")?.trim().to_owned();
        let bytes = pem(&body).ok_or_else(malformed)?;
        if !self.asked.need("PrivateKey")?.contains("PRIVATE KEY-----") {
            let message = "Unable to parse key. Please ensure the key is in PEM format.";
            return Err(ApiError::new(400, "MalformedCertificate", message));
        }
        let mut tags = Tags::new();
        merge_tags(&mut tags, self.asked.tags())?;
        if self.state().server_certificates.contains_key(&name) {
            return Err(ApiError::new(409, "EntityAlreadyExists", format!("The Server Certificate with name {name} already exists.")));
        }
        if self.state().server_certificates.len() >= SERVER_CERTIFICATES_MOST {
            return Err(ApiError::limit(format!("Cannot exceed quota for ServerCertificatesPerAccount: {SERVER_CERTIFICATES_MOST}")));
        }
        let chain = self.asked.param("CertificateChain").map(|chain| chain.trim().to_owned());
        let id = self.world.fresh_id("ASCA");
        let held = ServerCertificate { name: name.clone(), path, id, body, chain, uploaded: iso(unix_now()), expires: expiration(&bytes), tags };
        let account = self.account.clone();
        self.x.nest("ServerCertificateMetadata", |x| server_fields(x, &account, &held));
        maybe_tags(&mut self.x, &held.tags);
        self.state().server_certificates.insert(name, held);
        Ok(())
    }

    pub(super) fn list_server_certificates(&mut self) -> Result<(), ApiError> {
        let prefix = self.asked.param("PathPrefix").unwrap_or("/").to_owned();
        let all: Vec<ServerCertificate> = self.state().server_certificates.values().filter(|c| c.path.starts_with(&prefix)).cloned().collect();
        let page = self.page(all)?;
        let account = self.account.clone();
        self.x.members("ServerCertificateMetadataList", &page, |x, held| server_fields(x, &account, held));
        Ok(())
    }

    /// Calls about one that is there.
    pub(super) fn server_certificate(&mut self) -> Result<(), ApiError> {
        let asked = self.asked;
        let name = self.name("ServerCertificateName", 128)?;
        let there = self.state().server_certificates.get(&name).cloned();
        let mut held = there.ok_or_else(|| ApiError::new(404, "NoSuchEntity", format!("The Server Certificate with name {name} cannot be found.")))?;
        match asked.operation.as_str() {
            "GetServerCertificate" => {
                let account = self.account.clone();
                self.x.nest("ServerCertificate", |x| {
                    x.nest("ServerCertificateMetadata", |x| server_fields(x, &account, &held));
                    x.text("CertificateBody", &held.body).maybe("CertificateChain", held.chain.as_deref());
                    maybe_tags(x, &held.tags);
                });
                return Ok(());
            }
            "DeleteServerCertificate" => {
                self.state().server_certificates.remove(&name);
                return Ok(());
            }
            "UpdateServerCertificate" => {
                let fresh = asked.param("NewServerCertificateName").map(str::to_owned);
                if fresh.as_ref().is_some_and(|n| *n != name && self.state().server_certificates.contains_key(n)) {
                    let message = format!("The Server Certificate with name {} already exists.", fresh.unwrap_or_default());
                    return Err(ApiError::new(409, "EntityAlreadyExists", message));
                }
                held.path = asked.param("NewPath").map_or(held.path, str::to_owned);
                held.name = fresh.unwrap_or(held.name);
                self.state().server_certificates.remove(&name);
            }
            _ => match Self::change_tags(asked, &mut held.tags) {
                None => return self.tag_page(held.tags),
                Some(result) => result?,
            },
        }
        self.state().server_certificates.insert(held.name.clone(), held);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_tells_its_end() {
        let tbs = |validity: &[u8]| {
            let inner = [&[0xa0, 3, 2, 1, 2, 2, 1, 7, 0x30, 0, 0x30, 0, 0x30, u8::try_from(validity.len()).unwrap()], validity].concat();
            let tbs = [&[0x30, u8::try_from(inner.len()).unwrap()], inner.as_slice()].concat();
            [&[0x30, u8::try_from(tbs.len()).unwrap()], tbs.as_slice()].concat()
        };
        let short = tbs(b"\x17\x0d260101000000Z\x17\x0d360101123456Z");
        assert_eq!(expiration(&short).as_deref(), Some("2036-01-01T12:34:56Z"));
        let long = tbs(b"\x17\x0d260101000000Z\x18\x0f20760101000000Z");
        assert_eq!(expiration(&long).as_deref(), Some("2076-01-01T00:00:00Z"));
        for end in 0..short.len() {
            assert_eq!(expiration(&short[..end]), None);
        }
    }
}
