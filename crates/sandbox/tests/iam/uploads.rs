//! Keys and certificates that are uploaded, and the report that names them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{A, Client, policy};

/// What openssl wrote for `/CN=a`, from 1 January 2026 to 1 January 2036, as far as it is read: the rest says nothing here.
fn certificate(serial: u8) -> String {
    let validity = b"\x17\x0d260101000000Z\x17\x0d360101000000Z";
    let inner = [&[0xa0, 3, 2, 1, 2, 2, 1, serial, 0x30, 0, 0x30, 0, 0x30, 30][..], validity].concat();
    let tbs = [&[0x30, u8::try_from(inner.len()).unwrap()], inner.as_slice()].concat();
    let whole = [&[0x30, u8::try_from(tbs.len()).unwrap()], tbs.as_slice()].concat();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", STANDARD.encode(whole))
}

#[tokio::test]
async fn ssh_keys_are_kept_and_keep_their_user() {
    let client = Client::new();
    let ann = ("UserName", "ann");
    client.must(A, "iam", "CreateUser", &[ann]).await;
    let body = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQA= ann@desk";
    let key = client.must(A, "iam", "UploadSSHPublicKey", &[ann, ("SSHPublicKeyBody", body)]).await;
    let id = key.one("SSHPublicKeyId");
    assert!(id.starts_with("APKA") && id.len() == 20 && key.one("Fingerprint").len() == 47, "{}", key.text());
    let root = super::root(A);
    client.query(&root, "iam", "UploadSSHPublicKey", &[ann, ("SSHPublicKeyBody", body)]).await.refuses(409, "DuplicateSSHPublicKey");
    client.query(&root, "iam", "UploadSSHPublicKey", &[ann, ("SSHPublicKeyBody", "ssh-rsa ?")]).await.refuses(400, "InvalidPublicKey");
    let named = ("SSHPublicKeyId", id.as_str());
    client.must(A, "iam", "UpdateSSHPublicKey", &[ann, named, ("Status", "Inactive")]).await;
    let read = client.must(A, "iam", "GetSSHPublicKey", &[ann, named, ("Encoding", "SSH")]).await;
    assert_eq!((read.one("SSHPublicKeyBody").as_str(), read.one("Status").as_str()), (body, "Inactive"));
    assert_eq!(client.must(A, "iam", "ListSSHPublicKeys", &[ann]).await.all("SSHPublicKeys/member/SSHPublicKeyId"), [id.as_str()]);
    client.query(&root, "iam", "DeleteUser", &[ann]).await.refuses(409, "DeleteConflict");
    client.must(A, "iam", "UpdateUser", &[ann, ("NewUserName", "bea")]).await;
    let bea = ("UserName", "bea");
    client.must(A, "iam", "DeleteSSHPublicKey", &[bea, named]).await;
    client.query(&root, "iam", "DeleteSSHPublicKey", &[bea, named]).await.refuses(404, "NoSuchEntity");
    client.must(A, "iam", "DeleteUser", &[bea]).await;
}

#[tokio::test]
async fn certificates_are_kept_and_reported() {
    let client = Client::new();
    let (ann, root) = (("UserName", "ann"), super::root(A));
    client.must(A, "iam", "CreateUser", &[ann]).await;
    let ids = [client.must(A, "iam", "UploadSigningCertificate", &[ann, ("CertificateBody", &certificate(1))]).await.one("CertificateId")];
    client.query(&root, "iam", "UploadSigningCertificate", &[ann, ("CertificateBody", &certificate(1))]).await.refuses(409, "DuplicateCertificate");
    client.query(&root, "iam", "UploadSigningCertificate", &[ann, ("CertificateBody", "none")]).await.refuses(400, "MalformedCertificate");
    client.must(A, "iam", "UploadSigningCertificate", &[ann, ("CertificateBody", &certificate(2))]).await;
    let full = client.query(&root, "iam", "UploadSigningCertificate", &[ann, ("CertificateBody", &certificate(3))]).await.refuses(409, "LimitExceeded");
    assert_eq!(full.one("Message"), "Cannot exceed quota for CertificatesPerUser: 2");
    client.must(A, "iam", "UpdateSigningCertificate", &[ann, ("CertificateId", &ids[0]), ("Status", "Inactive")]).await;
    client.query(&root, "iam", "GetCredentialReport", &[]).await.refuses(410, "ReportNotPresent");
    for state in ["STARTED", "COMPLETE"] {
        assert_eq!(client.must(A, "iam", "GenerateCredentialReport", &[]).await.one("State"), state);
    }
    let report = String::from_utf8(STANDARD.decode(client.must(A, "iam", "GetCredentialReport", &[]).await.one("Content")).unwrap()).unwrap();
    let lines: Vec<Vec<&str>> = report.lines().map(|line| line.split(',').collect()).collect();
    assert!(lines.len() == 3 && lines.iter().all(|line| line.len() == 22), "{report}");
    assert_eq!((lines[2][0], lines[2][1], lines[2][8]), ("ann", "arn:aws:iam::111111111111:user/ann", "false"));
    let mut certificates = [lines[2][18], lines[2][20]];
    certificates.sort_unstable();
    assert_eq!(certificates, ["false", "true"], "{report}");
}

#[tokio::test]
async fn server_certificates_have_paths_and_tags() {
    let client = Client::new();
    let name = ("ServerCertificateName", "site");
    let (body, key) = (certificate(1), "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----");
    let made = [name, ("Path", "/cloudfront/"), ("CertificateBody", &body), ("PrivateKey", key), ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")];
    let made = client.must(A, "iam", "UploadServerCertificate", &made).await;
    assert_eq!(made.one("Arn"), "arn:aws:iam::111111111111:server-certificate/cloudfront/site");
    assert_eq!(made.one("Expiration"), "2036-01-01T00:00:00Z");
    assert_eq!(client.must(A, "iam", "ListServerCertificates", &[("PathPrefix", "/cloudfront/")]).await.all("member/ServerCertificateName"), ["site"]);
    assert_eq!(client.must(A, "iam", "ListServerCertificates", &[("PathPrefix", "/other/")]).await.all("member/ServerCertificateName"), [""; 0]);
    client.must(A, "iam", "UpdateServerCertificate", &[name, ("NewServerCertificateName", "other")]).await;
    let other = ("ServerCertificateName", "other");
    let read = client.must(A, "iam", "GetServerCertificate", &[other]).await;
    assert_eq!((read.one("CertificateBody"), read.one("Tags/member/Value").as_str()), (body.trim().to_owned(), "b"));
    // Asked of its own ARN, and with the tags that it has.
    client.must(A, "iam", "CreateUser", &[("UserName", "ann")]).await;
    let ann = client.must(A, "iam", "CreateAccessKey", &[("UserName", "ann")]).await.keys();
    let one = policy("Allow", "iam:DeleteServerCertificate", "arn:aws:iam::111111111111:server-certificate/cloudfront/*");
    client.must(A, "iam", "PutUserPolicy", &[("UserName", "ann"), ("PolicyName", "p"), ("PolicyDocument", &one)]).await;
    client.query(&ann, "iam", "GetServerCertificate", &[other]).await.refuses(403, "AccessDenied");
    client.query(&ann, "iam", "DeleteServerCertificate", &[other]).await.is(200);
    client.query(&super::root(A), "iam", "GetServerCertificate", &[other]).await.refuses(404, "NoSuchEntity");
}
