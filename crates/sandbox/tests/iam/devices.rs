//! Access keys, passwords and MFA devices.

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;

use super::{A, Client, policy, root};

/// The code that an authenticator shows, `later` steps from now.
fn code(seed: &str, later: i64) -> String {
    let bits: Vec<bool> = seed
        .bytes()
        .flat_map(|c| {
            let value = if c.is_ascii_uppercase() { c - b'A' } else { c - b'2' + 26 };
            (0..5).rev().map(move |bit| value >> bit & 1 == 1)
        })
        .collect();
    let key: Vec<u8> = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |b, bit| b << 1 | u8::from(*bit))).collect();
    let step = time::OffsetDateTime::now_utc().unix_timestamp() / 30 + later;
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).unwrap();
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let word = u32::from_be_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]]) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

#[tokio::test]
async fn a_device_yields_codes_that_let_its_user_in() {
    let client = Client::new();
    let only_with_mfa = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}]}"#;
    let ann = client.user("ann", &[only_with_mfa]).await;
    let made = client.must(A, "iam", "CreateVirtualMFADevice", &[("VirtualMFADeviceName", "phone")]).await;
    let serial = made.one("SerialNumber");
    let seed = String::from_utf8(base64::engine::general_purpose::STANDARD.decode(made.one("Base32StringSeed")).unwrap()).unwrap();
    let enable = |first: String, second: String| {
        let (client, serial) = (&client, serial.as_str());
        async move {
            let params = [("UserName", "ann"), ("SerialNumber", serial), ("AuthenticationCode1", first.as_str()), ("AuthenticationCode2", second.as_str())];
            client.query(&root(A), "iam", "EnableMFADevice", &params).await
        }
    };
    enable("000000".to_owned(), "000000".to_owned()).await.refuses(403, "InvalidAuthenticationCode");
    enable(code(&seed, 0), code(&seed, 1)).await.is(200);
    assert_eq!(client.must(A, "iam", "ListMFADevices", &[("UserName", "ann")]).await.one("SerialNumber"), serial);
    let list = client.must(A, "iam", "ListVirtualMFADevices", &[("AssignmentStatus", "Assigned")]).await;
    assert_eq!(list.one("User/UserName"), "ann");
    let token = |code: String| {
        let (client, ann, serial) = (&client, &ann, serial.as_str());
        async move { client.query(ann, "sts", "GetSessionToken", &[("SerialNumber", serial), ("TokenCode", &code)]).await }
    };
    // A code of a quarter of an hour ago is no longer right.
    token(code(&seed, -30)).await.refuses(403, "AccessDenied");
    let session = token(code(&seed, 0)).await.is(200).keys();
    client.query(&ann, "iam", "ListRoles", &[]).await.refuses(403, "AccessDenied");
    client.query(&session, "iam", "ListRoles", &[]).await.is(200);
    let own = [("UserName", "ann"), ("SerialNumber", serial.as_str())];
    client.query(&root(A), "iam", "DeleteVirtualMFADevice", &own[1..]).await.refuses(409, "DeleteConflict");
    client.must(A, "iam", "DeactivateMFADevice", &own).await;
    client.must(A, "iam", "DeleteVirtualMFADevice", &own[1..]).await;
}

#[tokio::test]
async fn an_access_key_tells_its_last_use_and_can_be_switched_off() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "iam:*", "*")]).await;
    let used = |id: String| {
        let client = &client;
        async move { client.must(A, "iam", "GetAccessKeyLastUsed", &[("AccessKeyId", &id)]).await }
    };
    let never = used(ann.id.clone()).await;
    assert_eq!((never.one("ServiceName"), never.one("Region"), never.one("LastUsedDate")), ("N/A".to_owned(), "N/A".to_owned(), String::new()));
    client.query(&ann, "iam", "GetUser", &[]).await.is(200);
    let once = used(ann.id.clone()).await;
    assert_eq!((once.one("UserName"), once.one("ServiceName"), once.one("Region")), ("ann".to_owned(), "iam".to_owned(), "us-east-1".to_owned()));
    assert!(once.one("LastUsedDate").ends_with('Z'));
    let off = [("UserName", "ann"), ("AccessKeyId", ann.id.as_str()), ("Status", "Inactive")];
    client.must(A, "iam", "UpdateAccessKey", &off).await;
    assert_eq!(client.must(A, "iam", "ListAccessKeys", &[("UserName", "ann")]).await.one("Status"), "Inactive");
    client.query(&ann, "iam", "GetUser", &[]).await.refuses(403, "InvalidClientTokenId");
}

#[tokio::test]
async fn a_password_is_set_changed_and_kept_to_the_policy() {
    let client = Client::new();
    let ann = client.user("ann", &[&policy("Allow", "iam:ChangePassword", "*")]).await;
    let ask = |call: &'static str, params: Vec<(&'static str, &'static str)>| {
        let client = &client;
        async move { client.query(&root(A), "iam", call, &params).await }
    };
    ask("GetLoginProfile", vec![("UserName", "ann")]).await.refuses(404, "NoSuchEntity");
    ask("GetAccountPasswordPolicy", vec![]).await.refuses(404, "NoSuchEntity");
    ask("UpdateAccountPasswordPolicy", vec![("MinimumPasswordLength", "10"), ("RequireNumbers", "true")]).await.is(200);
    let read = ask("GetAccountPasswordPolicy", vec![]).await.is(200);
    assert_eq!((read.one("MinimumPasswordLength"), read.one("RequireNumbers"), read.one("ExpirePasswords")), ("10".into(), "true".into(), "false".into()));
    ask("CreateLoginProfile", vec![("UserName", "ann"), ("Password", "short1")]).await.refuses(400, "PasswordPolicyViolation");
    ask("CreateLoginProfile", vec![("UserName", "ann"), ("Password", "long enough 1")]).await.is(200);
    ask("CreateLoginProfile", vec![("UserName", "ann"), ("Password", "long enough 1")]).await.refuses(409, "EntityAlreadyExists");
    ask("DeleteUser", vec![("UserName", "ann")]).await.refuses(409, "DeleteConflict");
    let change = |old: &'static str| {
        let (client, ann) = (&client, &ann);
        async move { client.query(ann, "iam", "ChangePassword", &[("OldPassword", old), ("NewPassword", "another one 2")]).await }
    };
    change("a guess").await.refuses(403, "AccessDenied");
    change("long enough 1").await.is(200);
    change("long enough 1").await.refuses(403, "AccessDenied");
    ask("DeleteLoginProfile", vec![("UserName", "ann")]).await.is(200);
    assert!(!client.sandbox.snapshot().is_ok_and(|text| String::from_utf8_lossy(&text).contains("another one")));
}
