//! Where the block of public access of a whole account is asked for.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use crossrole_cloud::{Aws, Settings, Transport, TransportFuture};
use crossrole_model::audit::AuditScope;
use crossrole_model::state::PublicAccessBlock;
use crossrole_model::{Observation, Partition};

use crate::fake::{ACCOUNT, account};

/// Knows who asks, and blocks of accounts; refuses everything else.
#[derive(Debug, Default)]
struct Wire(Mutex<Vec<(String, String)>>);

impl Transport for Wire {
    fn call(&self, request: http::Request<Bytes>) -> TransportFuture {
        let uri = request.uri().to_string();
        let signed = request.headers()["authorization"].to_str().unwrap().to_owned();
        let (status, body) = if String::from_utf8_lossy(request.body()).contains("GetCallerIdentity") {
            let told = format!("<Account>{ACCOUNT}</Account><Arn>arn:aws:iam::{ACCOUNT}:root</Arn><UserId>u</UserId>");
            (200, format!("<GetCallerIdentityResponse><GetCallerIdentityResult>{told}</GetCallerIdentityResult></GetCallerIdentityResponse>"))
        } else if request.uri().path() == "/v20180820/configuration/publicAccessBlock" {
            let some = "<BlockPublicAcls>true</BlockPublicAcls><RestrictPublicBuckets>true</RestrictPublicBuckets>";
            (200, format!("<PublicAccessBlockConfiguration>{some}</PublicAccessBlockConfiguration>"))
        } else {
            (403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>".to_owned())
        };
        self.0.lock().unwrap().push((uri, signed));
        Box::pin(async move { Ok(http::Response::builder().status(status).header("content-type", "text/xml").body(Bytes::from(body)).unwrap()) })
    }
}

#[tokio::test(start_paused = true)]
async fn the_block_of_an_account_is_asked_of_the_control_plane() {
    for (partition, host) in [
        (Partition::Aws, "s3-control.us-east-1.amazonaws.com"),
        (Partition::AwsCn, "s3-control.cn-north-1.amazonaws.com.cn"),
        (Partition::AwsUsGov, "s3-control.us-gov-west-1.amazonaws.com"),
    ] {
        let wire = Arc::new(Wire::default());
        let aws = Aws::new(Settings { partition, concurrency: 10, transport: Some(wire.clone()), ..Settings::default() });
        let read = aws.audit(&AuditScope { accounts: BTreeSet::from([account()]), regions: BTreeSet::new() }).await;
        let some = PublicAccessBlock { block_acls: true, ignore_acls: false, block_policy: false, restrict_buckets: true };
        let facts = &read.facts[&account()];
        assert_eq!(facts.block, Observation::Known(Some(some)));
        // What was refused is told apart from nothing.
        assert!(facts.buckets_unlisted.is_some() && facts.access_keys.known().is_none() && read.observed.accounts[&account()].known().is_none());
        let asked = wire.0.lock().unwrap();
        let (uri, signed) = asked.iter().find(|(uri, _)| uri.contains("v20180820")).unwrap();
        assert_eq!(*uri, format!("https://{ACCOUNT}.{host}/v20180820/configuration/publicAccessBlock"));
        assert!(signed.contains("/s3/aws4_request") && signed.contains("x-amz-account-id"), "{signed}");
        assert!(!asked.iter().any(|(uri, _)| uri.contains("the-account")));
    }
}
