//! Trails of CloudTrail, as they are told.

use bytes::Bytes;
use http::Request;
use serde_json::{Value, json};

use crate::client::{Client, Keys, now, root, sign};
use crate::iam::{A, B};

/// Clients name the API with the service's whole name before it (botocore), or without (the SDK for Rust).
const TARGETS: [&str; 2] = ["com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101", "CloudTrail_20131101"];

async fn call(client: &Client, who: &Keys, region: &str, operation: &str, input: Value) -> (u16, Value) {
    let target = TARGETS[operation.len() % 2];
    let request = Request::post("/").header("host", format!("cloudtrail.{region}.amazonaws.com")).header("content-type", "application/x-amz-json-1.1");
    let mut request = request.header("x-amz-target", format!("{target}.{operation}")).body(Bytes::from(input.to_string())).unwrap();
    sign(&mut request, who, region, "cloudtrail", &now());
    let answer = client.send(request).await;
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn trails_are_told_where_they_are() {
    let client = Client::new();
    let (a, b) = (root(A), root(B));
    let home = "us-east-1";
    let (status, error) = call(&client, &a, home, "CreateTrail", json!({ "Name": "all", "S3BucketName": "logs-of-a" })).await;
    assert_eq!((status, &error["__type"]), (400, &json!("S3BucketDoesNotExistException")));
    assert_eq!(client.s3(&a, "PUT", "/logs-of-a", &[], "").await.status, 200);
    let everywhere = json!({ "Name": "all", "S3BucketName": "logs-of-a", "IsMultiRegionTrail": true });
    let (status, made) = call(&client, &a, home, "CreateTrail", everywhere.clone()).await;
    let arn = format!("arn:aws:cloudtrail:us-east-1:{A}:trail/all");
    assert_eq!((status, &made["TrailARN"]), (200, &json!(arn)));
    let (status, error) = call(&client, &a, home, "CreateTrail", everywhere).await;
    assert_eq!((status, &error["__type"]), (400, &json!("TrailAlreadyExistsException")));
    assert_eq!(call(&client, &a, home, "CreateTrail", json!({ "Name": "here", "S3BucketName": "logs-of-a" })).await.0, 200);

    let names = |told: &Value| told["trailList"].as_array().unwrap().iter().map(|t| t["Name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names(&call(&client, &a, home, "DescribeTrails", json!({})).await.1), ["all", "here"]);
    assert_eq!(names(&call(&client, &a, "eu-west-1", "DescribeTrails", json!({})).await.1), ["all"], "it is in every region");
    assert!(names(&call(&client, &a, "eu-west-1", "DescribeTrails", json!({ "includeShadowTrails": false })).await.1).is_empty());
    assert!(names(&call(&client, &b, home, "DescribeTrails", json!({})).await.1).is_empty());
    let (status, error) = call(&client, &b, home, "GetTrailStatus", json!({ "Name": "all" })).await;
    assert_eq!((status, &error["__type"]), (400, &json!("TrailNotFoundException")));
}

#[tokio::test]
async fn a_trail_is_off_until_it_is_started_and_keeps_what_it_is_told_to() {
    let client = Client::new();
    let (a, home) = (root(A), "us-east-1");
    assert_eq!(client.s3(&a, "PUT", "/logs-of-a", &[], "").await.status, 200);
    assert_eq!(call(&client, &a, home, "CreateTrail", json!({ "Name": "all", "S3BucketName": "logs-of-a" })).await.0, 200);
    let is_on = |told: (u16, Value)| told.1["IsLogging"].as_bool().unwrap();
    assert!(!is_on(call(&client, &a, home, "GetTrailStatus", json!({ "Name": "all" })).await));
    assert_eq!(call(&client, &a, home, "StartLogging", json!({ "Name": "all" })).await.0, 200);
    assert!(is_on(call(&client, &a, home, "GetTrailStatus", json!({ "Name": "all" })).await));
    assert_eq!(call(&client, &a, home, "StopLogging", json!({ "Name": "all" })).await.0, 200);
    assert!(!is_on(call(&client, &a, home, "GetTrailStatus", json!({ "Name": "all" })).await));

    let told = call(&client, &a, home, "GetEventSelectors", json!({ "TrailName": "all" })).await.1;
    assert_eq!((&told["EventSelectors"][0]["IncludeManagementEvents"], &told["EventSelectors"][0]["DataResources"]), (&json!(true), &json!([])));
    let advanced = json!([{ "FieldSelectors": [{ "Field": "eventCategory", "Equals": ["Management"] }] }]);
    let both = json!({ "TrailName": "all", "EventSelectors": told["EventSelectors"], "AdvancedEventSelectors": advanced });
    let (status, error) = call(&client, &a, home, "PutEventSelectors", both).await;
    assert_eq!((status, &error["__type"]), (400, &json!("InvalidEventSelectorsException")));
    assert_eq!(call(&client, &a, home, "PutEventSelectors", json!({ "TrailName": "all", "AdvancedEventSelectors": advanced })).await.0, 200);
    let told = call(&client, &a, home, "GetEventSelectors", json!({ "TrailName": "all" })).await.1;
    assert_eq!((&told["AdvancedEventSelectors"], &told["EventSelectors"]), (&advanced, &Value::Null));
    let (status, error) = call(&client, &a, home, "LookupEvents", json!({})).await;
    assert_eq!((status, &error["message"]), (501, &json!("the sandbox has no cloudtrail:LookupEvents; nothing was done")));
}
