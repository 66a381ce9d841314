//! What is not here is said by its name, and does nothing.

use crate::client::{Client, nobody, root};

#[tokio::test]
async fn what_is_not_here_is_named_and_does_nothing() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.s3(&owner, "PUT", "/data/k", &[], "kept").await.is(200);
    for (method, target, operation) in [
        ("GET", "/data/k?torrent", "GetObjectTorrent"),
        ("POST", "/data/k?restore", "RestoreObject"),
        ("POST", "/data/k?select&select-type=2", "SelectObjectContent"),
        ("PUT", "/data/k?renameObject", "RenameObject"),
        ("GET", "/data?session", "CreateSession"),
        ("DELETE", "/data?somethingNew", "DELETE with the unknown parameter somethingNew"),
        ("DELETE", "/data/k?somethingNew", "DELETE with the unknown parameter somethingNew"),
    ] {
        for who in [&owner, &nobody()] {
            let answer = client.s3(who, method, target, &[], "x").await.refuses(501, "NotImplemented");
            assert_eq!(answer.one("Operation"), operation, "{method} {target}");
        }
    }
    let header = "x-amz-server-side-encryption-customer-algorithm";
    let answer = client.s3(&owner, "PUT", "/data/k", &[(header, "AES256")], "lost").await.refuses(501, "NotImplemented");
    assert_eq!(answer.one("Header"), header);
    assert_eq!(client.s3(&owner, "GET", "/data/k", &[], "").await.is(200).text(), "kept");
}

/// What cannot be read changes nothing.
#[tokio::test]
async fn malformed_xml_changes_nothing() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.s3(&owner, "PUT", "/data?tagging", &[], "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>").await.is(204);
    for setting in [
        "publicAccessBlock",
        "tagging",
        "logging",
        "versioning",
        "encryption",
        "ownershipControls",
        "cors",
        "lifecycle",
        "website",
        "replication",
        "notification",
        "requestPayment",
        "accelerate",
        "object-lock",
        "abac",
        "metrics&id=a",
        "inventory&id=a",
        "analytics&id=a",
        "intelligent-tiering&id=a",
    ] {
        for body in ["", "{}", "<", "<Other/>", "\u{1}", "<a>&#x1;</a>"] {
            let answer = client.s3(&owner, "PUT", &format!("/data?{setting}"), &[], body).await;
            // Of a lock, AWS was recorded to say it in words of its own.
            let code = if (setting, body) == ("object-lock", "") { "MissingRequestBodyError" } else { "MalformedXML" };
            assert_eq!((answer.status, answer.one("Code").as_str()), (400, code), "{setting} {body:?}: {}", answer.text());
        }
    }
    assert_eq!(client.s3(&owner, "GET", "/data?publicAccessBlock", &[], "").await.one("BlockPublicPolicy"), "true");
    assert_eq!(client.s3(&owner, "GET", "/data?tagging", &[], "").await.one("Key"), "a");
}

/// Each configuration that is taken is read back as it was put.
#[tokio::test]
async fn configurations_are_kept() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    client.s3(&owner, "PUT", "/copies", &[], "").await.is(200);
    for bucket in ["data", "copies"] {
        client
            .s3(&owner, "PUT", &format!("/{bucket}?versioning"), &[], "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")
            .await
            .is(200);
    }
    for (setting, root, content) in [
        (
            "cors",
            "CORSConfiguration",
            "<CORSRule><ID>one</ID><AllowedHeader>*</AllowedHeader><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://example.org</AllowedOrigin><MaxAgeSeconds>3000</MaxAgeSeconds></CORSRule>",
        ),
        (
            "lifecycle",
            "LifecycleConfiguration",
            "<Rule><ID>old</ID><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status><Transition><Days>30</Days><StorageClass>GLACIER</StorageClass></Transition><Expiration><Days>365</Days></Expiration></Rule>",
        ),
        ("website", "WebsiteConfiguration", "<IndexDocument><Suffix>index.html</Suffix></IndexDocument><ErrorDocument><Key>error.html</Key></ErrorDocument>"),
        (
            "replication",
            "ReplicationConfiguration",
            "<Role>arn:aws:iam::222222222222:role/r</Role><Rule><ID>all</ID><Priority>1</Priority><Filter><Prefix></Prefix></Filter><Status>Enabled</Status><Destination><Bucket>arn:aws:s3:::copies</Bucket></Destination><DeleteMarkerReplication><Status>Disabled</Status></DeleteMarkerReplication></Rule>",
        ),
        (
            "notification",
            "NotificationConfiguration",
            "<QueueConfiguration><Id>q</Id><Queue>arn:aws:sqs:us-east-1:222222222222:q</Queue><Event>s3:ObjectCreated:*</Event></QueueConfiguration>",
        ),
        ("requestPayment", "RequestPaymentConfiguration", "<Payer>Requester</Payer>"),
        ("accelerate", "AccelerateConfiguration", "<Status>Suspended</Status>"),
        ("abac", "AbacStatus", "<Status>Disabled</Status>"),
        ("metrics&id=all", "MetricsConfiguration", "<Id>all</Id>"),
        ("analytics&id=all", "AnalyticsConfiguration", "<Id>all</Id><StorageClassAnalysis></StorageClassAnalysis>"),
        (
            "intelligent-tiering&id=all",
            "IntelligentTieringConfiguration",
            "<Id>all</Id><Status>Enabled</Status><Tiering><Days>90</Days><AccessTier>ARCHIVE_ACCESS</AccessTier></Tiering>",
        ),
        (
            "inventory&id=all",
            "InventoryConfiguration",
            "<Destination><S3BucketDestination><AccountId>222222222222</AccountId><Bucket>arn:aws:s3:::copies</Bucket><Format>CSV</Format></S3BucketDestination></Destination><IsEnabled>true</IsEnabled><Id>all</Id><IncludedObjectVersions>All</IncludedObjectVersions><Schedule><Frequency>Daily</Frequency></Schedule>",
        ),
        (
            "object-lock",
            "ObjectLockConfiguration",
            "<ObjectLockEnabled>Enabled</ObjectLockEnabled><Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>",
        ),
    ] {
        let body = format!("<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{content}</{root}>");
        let answer = client.s3(&owner, "PUT", &format!("/data?{setting}"), &[], body).await;
        assert!(answer.status < 300, "{setting}: {}", answer.text());
        let kept = client.s3(&owner, "GET", &format!("/data?{setting}"), &[], "").await.is(200).text();
        assert!(kept.contains(&format!(">{content}</{root}>")), "{setting}: {kept}");
    }
}

/// What was put without an id has one from then on, and keeps it.
#[tokio::test]
async fn rules_without_an_id_get_one() {
    let client = Client::new();
    let owner = root("222222222222");
    client.s3(&owner, "PUT", "/data", &[], "").await.is(200);
    let topic = "<Topic>arn:aws:sns:us-east-1:222222222222:t</Topic><Event>s3:ObjectCreated:*</Event>";
    let text = format!(
        "<NotificationConfiguration><TopicConfiguration>{topic}</TopicConfiguration><TopicConfiguration><Id>mine</Id>{topic}</TopicConfiguration><EventBridgeConfiguration></EventBridgeConfiguration></NotificationConfiguration>"
    );
    client.s3(&owner, "PUT", "/data?notification", &[], text).await.is(200);
    let read = client.s3(&owner, "GET", "/data?notification", &[], "").await.is(200);
    let ids = read.all("TopicConfiguration/Id");
    assert!(ids.len() == 2 && ids[0].len() == 48 && ids[1] == "mine", "{}", read.text());
    assert_eq!(read.all("NotificationConfiguration/EventBridgeConfiguration").len(), 1);
    assert_eq!(client.s3(&owner, "GET", "/data?notification", &[], "").await.all("TopicConfiguration/Id"), ids);
}
