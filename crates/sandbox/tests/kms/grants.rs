//! Grants: beside the policy, one principal may do some things, and a Deny still counts.

use serde_json::{Value, json};

use crate::client::{Client, root};

use super::{A, policy};

async fn granted(client: &Client, key: &str, input: Value) -> String {
    let mut whole = json!({ "KeyId": key });
    whole.as_object_mut().unwrap().extend(input.as_object().unwrap().clone());
    client.must_kms("CreateGrant", whole).await.member("/GrantId")
}

#[tokio::test]
async fn a_grant_lets_in_whom_it_names_and_no_longer_than_it_is_there() {
    let client = Client::new();
    let key = client.key().await;
    let ann = client.user("ann", &[]).await;
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.member("/CiphertextBlob");
    let open = json!({ "CiphertextBlob": sealed });
    client.kms(&ann, "Decrypt", open.clone()).await.fails("AccessDeniedException", "");
    let id = granted(&client, &key, json!({ "GranteePrincipal": format!("arn:aws:iam::{A}:user/ann"), "Operations": ["Decrypt"] })).await;
    client.kms(&ann, "Decrypt", open.clone()).await.is(200);
    client.kms(&ann, "Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.fails("AccessDeniedException", "");
    client.must_kms("RevokeGrant", json!({ "KeyId": key, "GrantId": id })).await;
    client.kms(&ann, "Decrypt", open).await.fails("AccessDeniedException", "");
    client.kms(&root(A), "RevokeGrant", json!({ "KeyId": key, "GrantId": id })).await.fails("NotFoundException", "");
}

#[tokio::test]
async fn a_constraint_is_about_the_encryption_context() {
    let client = Client::new();
    let key = client.key().await;
    let ann = client.user("ann", &[]).await;
    let operations = ["Encrypt", "DescribeKey"];
    let grantee = format!("arn:aws:iam::{A}:user/ann");
    let bound = json!({ "GranteePrincipal": grantee, "Operations": operations, "Constraints": { "EncryptionContextEquals": { "team": "blue" } } });
    granted(&client, &key, bound).await;
    let encrypt = |context: Value| json!({ "KeyId": key, "Plaintext": "YQ==", "EncryptionContext": context });
    client.kms(&ann, "Encrypt", encrypt(json!({ "team": "blue" }))).await.is(200);
    client.kms(&ann, "DescribeKey", json!({ "KeyId": key })).await.is(200);
    for context in [json!({}), json!({ "team": "red" }), json!({ "team": "blue", "stage": "prod" })] {
        client.kms(&ann, "Encrypt", encrypt(context)).await.fails("AccessDeniedException", "");
    }
}

#[tokio::test]
async fn grants_are_listed_in_pages_as_they_were_made() {
    let client = Client::new();
    let key = client.key().await;
    client.user("ann", &[]).await;
    let ann = format!("arn:aws:iam::{A}:user/ann");
    let named = json!({ "GranteePrincipal": ann, "Operations": ["Decrypt"], "Name": "one" });
    let first = granted(&client, &key, named.clone()).await;
    assert_eq!(granted(&client, &key, named).await, first, "a name makes the same call give the same grant");
    let bound = json!({ "EncryptionContextSubset": { "team": "blue" } });
    granted(&client, &key, json!({ "GranteePrincipal": "rds.amazonaws.com", "Operations": ["Decrypt"], "Constraints": bound })).await;
    let page = client.must_kms("ListGrants", json!({ "KeyId": key, "Limit": 1 })).await.json();
    assert_eq!((&page["Truncated"], &page["Grants"][0]["GranteePrincipal"], &page["Grants"][0]["KeyId"]), (&json!(true), &json!(ann), &json!(key)));
    let rest = client.must_kms("ListGrants", json!({ "KeyId": key, "Marker": page["NextMarker"] })).await.json();
    assert_eq!((&rest["Truncated"], &rest["Grants"][0]["Constraints"]), (&json!(false), &bound));
}

#[tokio::test]
async fn what_is_no_grant_is_refused() {
    let client = Client::new();
    let key = client.key().await;
    let asked = |grantee: &str, operation: &str| json!({ "KeyId": key, "GranteePrincipal": grantee, "Operations": [operation] });
    for grantee in ["*", "arn:aws:iam::111111111111:user/nobody", "ann"] {
        client.kms(&root(A), "CreateGrant", asked(grantee, "Decrypt")).await.fails("InvalidArnException", "");
    }
    client.kms(&root(A), "CreateGrant", asked("rds.amazonaws.com", "Nothing")).await.fails("ValidationException", "enum value set");
    let ann = client.user("ann", &[&policy("Allow", "kms:Decrypt", "*")]).await;
    client.kms(&ann, "ListGrants", json!({ "KeyId": key })).await.fails("AccessDeniedException", "kms:ListGrants");
}
