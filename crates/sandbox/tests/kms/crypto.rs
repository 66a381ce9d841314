//! What keys are for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::client::{Client, root};

use super::A;

#[tokio::test]
async fn what_is_encrypted_is_decrypted_again() {
    let client = Client::new();
    let key = client.key().await;
    let plaintext = STANDARD.encode("a secret");
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": plaintext })).await.json();
    assert_eq!((&sealed["KeyId"], &sealed["EncryptionAlgorithm"]), (&json!(key), &json!("SYMMETRIC_DEFAULT")));
    let open = client.must_kms("Decrypt", json!({ "CiphertextBlob": sealed["CiphertextBlob"] })).await.json();
    assert_eq!(open, json!({ "KeyId": key, "Plaintext": plaintext, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT" }));
    let again = client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": plaintext })).await.json();
    assert_ne!(again["CiphertextBlob"], sealed["CiphertextBlob"], "no two ciphertexts are the same");
}

#[tokio::test]
async fn a_context_must_come_back() {
    let client = Client::new();
    let key = client.key().await;
    let context = json!({ "team": "blue", "stage": "prod" });
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==", "EncryptionContext": context })).await.member("/CiphertextBlob");
    client.must_kms("Decrypt", json!({ "CiphertextBlob": sealed, "EncryptionContext": context })).await;
    for other in [Value::Null, json!({}), json!({ "team": "blue" }), json!({ "team": "red", "stage": "prod" }), json!({ "Team": "blue", "stage": "prod" })] {
        let answer = client.kms(&root(A), "Decrypt", json!({ "CiphertextBlob": sealed, "EncryptionContext": other })).await;
        assert_eq!(answer.member("/message"), "");
        answer.fails("InvalidCiphertextException", "");
    }
}

#[tokio::test]
async fn what_is_no_ciphertext_is_refused() {
    let client = Client::new();
    let key = client.key().await;
    client.kms(&root(A), "Decrypt", json!({ "CiphertextBlob": STANDARD.encode("nonsense") })).await.fails("InvalidCiphertextException", "");
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.member("/CiphertextBlob");
    let mut torn = STANDARD.decode(sealed).unwrap();
    torn[50] ^= 1;
    client.kms(&root(A), "Decrypt", json!({ "CiphertextBlob": STANDARD.encode(torn) })).await.fails("InvalidCiphertextException", "");
}

#[tokio::test]
async fn a_key_that_is_named_must_be_the_one() {
    let client = Client::new();
    let (key, other) = (client.key().await, client.key().await);
    client.must_kms("CreateAlias", json!({ "AliasName": "alias/a", "TargetKeyId": key })).await;
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": "alias/a", "Plaintext": "YQ==" })).await.member("/CiphertextBlob");
    for name in [key.as_str(), "alias/a"] {
        client.must_kms("Decrypt", json!({ "CiphertextBlob": sealed, "KeyId": name })).await;
    }
    let answer = client.kms(&root(A), "Decrypt", json!({ "CiphertextBlob": sealed, "KeyId": other })).await;
    answer.fails("IncorrectKeyException", "The key ID in the request does not identify a CMK that can perform this operation.");
}

#[tokio::test]
async fn plaintexts_have_a_size() {
    let client = Client::new();
    let key = client.key().await;
    let words = "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096";
    client.kms(&root(A), "Encrypt", json!({ "KeyId": key, "Plaintext": STANDARD.encode([7; 4_097]) })).await.fails("ValidationException", words);
    let most = STANDARD.encode([200; 4_096]);
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": most })).await.member("/CiphertextBlob");
    assert_eq!(client.must_kms("Decrypt", json!({ "CiphertextBlob": sealed })).await.member("/Plaintext"), most);
}

#[tokio::test]
async fn data_keys_come_with_and_without_their_plaintext() {
    let client = Client::new();
    let key = client.key().await;
    for (input, length) in [(json!({ "KeySpec": "AES_256" }), 32), (json!({ "KeySpec": "AES_128" }), 16), (json!({ "NumberOfBytes": 5 }), 5)] {
        for operation in ["GenerateDataKey", "GenerateDataKeyWithoutPlaintext"] {
            let mut input = input.clone();
            input["KeyId"] = json!(key);
            let answer = client.must_kms(operation, input).await;
            let open = client.must_kms("Decrypt", json!({ "CiphertextBlob": answer.member("/CiphertextBlob") })).await.member("/Plaintext");
            assert_eq!(STANDARD.decode(&open).unwrap().len(), length);
            assert_eq!(answer.member("/Plaintext"), if operation == "GenerateDataKey" { open } else { String::new() });
        }
    }
    for input in [json!({ "KeyId": key }), json!({ "KeyId": key, "KeySpec": "AES_256", "NumberOfBytes": 5 })] {
        client.kms(&root(A), "GenerateDataKey", input).await.fails("ValidationException", "Please specify either number of bytes or key spec.");
    }
}

#[tokio::test]
async fn re_encryption_changes_key_and_context() {
    let client = Client::new();
    let (from, to) = (client.key().await, client.key().await);
    let (before, after) = (json!({ "a": "1" }), json!({ "b": "2" }));
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": from, "Plaintext": "YQ==", "EncryptionContext": before })).await.member("/CiphertextBlob");
    let input = json!({ "CiphertextBlob": sealed, "DestinationKeyId": to, "SourceEncryptionContext": before, "DestinationEncryptionContext": after });
    let again = client.must_kms("ReEncrypt", input).await;
    assert_eq!((again.member("/SourceKeyId"), again.member("/KeyId")), (from, to.clone()));
    let open = client.must_kms("Decrypt", json!({ "CiphertextBlob": again.member("/CiphertextBlob"), "EncryptionContext": after })).await;
    assert_eq!((open.member("/KeyId"), open.member("/Plaintext")), (to.clone(), "YQ==".to_owned()));
    let input = json!({ "CiphertextBlob": sealed, "DestinationKeyId": to });
    client.kms(&root(A), "ReEncrypt", input).await.fails("InvalidCiphertextException", "");
}

#[tokio::test]
async fn a_ciphertext_says_nothing_in_another_region() {
    let mut client = Client::new();
    let key = client.key().await;
    let sealed = client.must_kms("Encrypt", json!({ "KeyId": key, "Plaintext": "YQ==" })).await.member("/CiphertextBlob");
    client.region = "eu-west-1".to_owned();
    client
        .kms(&root(A), "Decrypt", json!({ "CiphertextBlob": sealed }))
        .await
        .fails("AccessDeniedException", "kms:Decrypt on the resource associated with this ciphertext");
}

#[tokio::test]
async fn other_algorithms_and_dry_runs_end_without_an_answer() {
    let client = Client::new();
    let key = client.key().await;
    let input = json!({ "KeyId": key, "Plaintext": "YQ==", "EncryptionAlgorithm": "RSAES_OAEP_SHA_1" });
    client.kms(&root(A), "Encrypt", input).await.fails("InvalidKeyUsageException", "RSAES_OAEP_SHA_1");
    let input = json!({ "KeyId": key, "Plaintext": "YQ==", "DryRun": true });
    client.kms(&root(A), "Encrypt", input).await.fails("DryRunOperationException", "would have succeeded");
}
