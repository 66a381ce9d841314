//! CloudTrail: awsJson1.1, trails with their selectors. They are kept and told, and record nothing.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::auth::{Caller, Want, authorize};
use crate::error::ApiError;
use crate::query::{Asked, Reply};
use crate::world::World;

/// How its operations are named in the header `X-Amz-Target`.
pub(crate) const TARGET: &str = "CloudTrail_20131101.";

/// Trails of a region (CloudTrail User Guide, "Quotas in AWS CloudTrail").
const TRAILS_MOST: usize = 5;

/// Trails by ARN.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Store {
    trails: BTreeMap<String, Trail>,
}

/// A trail.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Trail {
    account: String,
    name: String,
    region: String,
    bucket: String,
    every_region: bool,
    global_events: bool,
    on: bool,
    /// As they were put; a new trail keeps what is administered.
    selectors: Option<Value>,
    advanced: Option<Value>,
}

/// Tells whether an operation changes something that is kept.
pub(crate) fn writes(operation: &str) -> bool {
    !["Describe", "Get", "List"].iter().any(|p| operation.starts_with(p))
}

struct Asking<'a> {
    world: &'a mut World,
    caller: &'a Caller,
    region: &'a str,
    input: Value,
}

pub(crate) fn answer(world: &mut World, caller: &Caller, asked: &Asked) -> Result<Reply, ApiError> {
    let region = asked.authorization.as_ref().map(|a| a.region.as_str()).unwrap_or_default();
    let input = serde_json::from_slice(&asked.body).map_err(|_| ApiError::new(400, "SerializationException", ""))?;
    let mut asking = Asking { world, caller, region, input };
    let told = match asked.operation.as_str() {
        "CreateTrail" => asking.create(),
        "DeleteTrail" => asking.delete(),
        "DescribeTrails" => asking.describe(),
        "GetTrailStatus" => asking.status(),
        "StartLogging" => asking.switch("StartLogging", true),
        "StopLogging" => asking.switch("StopLogging", false),
        "GetEventSelectors" => asking.selectors(),
        "PutEventSelectors" => asking.put_selectors(),
        other => Err(ApiError::new(501, "NotImplemented", format!("the sandbox has no cloudtrail:{other}; nothing was done"))),
    }?;
    Ok(Reply { status: 200, body: Bytes::from(told.to_string()), content_type: Some(crate::kms::CONTENT_TYPE.to_owned()), ..Reply::default() })
}

impl Asking<'_> {
    fn allow(&self, operation: &str, resource: &str) -> Result<(), ApiError> {
        authorize(self.caller, &Want { action: &format!("cloudtrail:{operation}"), resource, ..Want::default() })
    }

    fn text(&self, member: &str) -> Option<&str> {
        self.input.get(member).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    fn flag(&self, member: &str) -> Option<bool> {
        self.input.get(member).and_then(Value::as_bool)
    }

    /// The ARN of a trail that is named by its name or its ARN.
    fn arn(&self, name: &str) -> String {
        if name.starts_with("arn:") { name.to_owned() } else { format!("arn:aws:cloudtrail:{}:{}:trail/{name}", self.region, self.caller.account) }
    }

    /// A trail of the caller's, in its own region or one that it is told in.
    fn trail(&mut self, operation: &str, member: &str) -> Result<&mut Trail, ApiError> {
        let name = self.text(member).ok_or_else(|| ApiError::new(400, "InvalidTrailNameException", "Trail name cannot be blank!"))?.to_owned();
        let arn = self.arn(&name);
        self.allow(operation, &arn)?;
        let account = self.caller.account.clone();
        let found = self.world.cloudtrail.trails.get_mut(&arn).filter(|trail| trail.account == account);
        found.ok_or_else(|| ApiError::new(400, "TrailNotFoundException", format!("Unknown trail: {arn} for the user: {account}")))
    }

    fn create(&mut self) -> Result<Value, ApiError> {
        let name = self.text("Name").filter(|name| (3..=128).contains(&name.len())).map(str::to_owned);
        let name = name.ok_or_else(|| ApiError::new(400, "InvalidTrailNameException", "Trail name must have between 3 and 128 characters"))?;
        let arn = self.arn(&name);
        self.allow("CreateTrail", &arn)?;
        let account = self.caller.account.clone();
        let bucket = self.text("S3BucketName").map(str::to_owned);
        let bucket = bucket.ok_or_else(|| ApiError::new(400, "InvalidS3BucketNameException", "Bucket name cannot be blank!"))?;
        if !self.world.buckets.contains_key(&bucket) {
            return Err(ApiError::new(400, "S3BucketDoesNotExistException", format!("S3 bucket {bucket} does not exist!")));
        }
        let trails = &mut self.world.cloudtrail.trails;
        if trails.contains_key(&arn) {
            return Err(ApiError::new(400, "TrailAlreadyExistsException", format!("Trail {name} already exists for customer: {account}")));
        }
        if trails.values().filter(|trail| trail.account == account && trail.region == self.region).count() >= TRAILS_MOST {
            return Err(ApiError::new(
                400,
                "MaximumNumberOfTrailsExceededException",
                format!("User: {account} already has {TRAILS_MOST} trails in {}.", self.region),
            ));
        }
        let trail = Trail {
            account,
            name,
            region: self.region.to_owned(),
            bucket,
            every_region: self.flag("IsMultiRegionTrail").unwrap_or(false),
            global_events: self.flag("IncludeGlobalServiceEvents").unwrap_or(true),
            on: false,
            selectors: None,
            advanced: None,
        };
        let told = told(&arn, &trail);
        self.world.cloudtrail.trails.insert(arn, trail);
        Ok(told)
    }

    fn delete(&mut self) -> Result<Value, ApiError> {
        self.trail("DeleteTrail", "Name")?;
        let arn = self.arn(self.text("Name").unwrap_or_default());
        self.world.cloudtrail.trails.remove(&arn);
        Ok(json!({}))
    }

    /// Those of this region, and those of every region, which are told in each (CloudTrail API reference, DescribeTrails).
    fn describe(&mut self) -> Result<Value, ApiError> {
        self.allow("DescribeTrails", "*")?;
        let shadows = self.flag("includeShadowTrails").unwrap_or(true);
        let all = self.world.cloudtrail.trails.iter().filter(|(_, trail)| {
            let here = trail.region == self.region || shadows && trail.every_region;
            trail.account == self.caller.account && here
        });
        Ok(json!({ "trailList": all.map(|(arn, trail)| told(arn, trail)).collect::<Vec<_>>() }))
    }

    fn status(&mut self) -> Result<Value, ApiError> {
        let trail = self.trail("GetTrailStatus", "Name")?;
        Ok(json!({ "IsLogging": trail.on }))
    }

    fn switch(&mut self, operation: &str, on: bool) -> Result<Value, ApiError> {
        self.trail(operation, "Name")?.on = on;
        Ok(json!({}))
    }

    fn selectors(&mut self) -> Result<Value, ApiError> {
        let arn = self.arn(self.text("TrailName").unwrap_or_default());
        let trail = self.trail("GetEventSelectors", "TrailName")?;
        Ok(match (&trail.selectors, &trail.advanced) {
            (_, Some(advanced)) => json!({ "TrailARN": arn, "AdvancedEventSelectors": advanced }),
            (Some(selectors), None) => json!({ "TrailARN": arn, "EventSelectors": selectors }),
            (None, None) => {
                let usual = json!({ "ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": [], "ExcludeManagementEventSources": [] });
                json!({ "TrailARN": arn, "EventSelectors": [usual] })
            }
        })
    }

    /// Of both kinds, a trail has one (CloudTrail API reference, PutEventSelectors).
    fn put_selectors(&mut self) -> Result<Value, ApiError> {
        let list = |member: &str| self.input.get(member).filter(|value| value.as_array().is_some_and(|list| !list.is_empty())).cloned();
        let (selectors, advanced) = (list("EventSelectors"), list("AdvancedEventSelectors"));
        if selectors.is_some() == advanced.is_some() {
            let message = "Exactly one of EventSelectors and AdvancedEventSelectors must be specified.";
            return Err(ApiError::new(400, "InvalidEventSelectorsException", message));
        }
        let trail = self.trail("PutEventSelectors", "TrailName")?;
        (trail.selectors, trail.advanced) = (selectors.clone(), advanced.clone());
        let arn = self.arn(self.text("TrailName").unwrap_or_default());
        Ok(if let Some(advanced) = advanced {
            json!({ "TrailARN": arn, "AdvancedEventSelectors": advanced })
        } else {
            json!({ "TrailARN": arn, "EventSelectors": selectors })
        })
    }
}

fn told(arn: &str, trail: &Trail) -> Value {
    let Trail { account: _, name, region, bucket, every_region, global_events, on: _, selectors, advanced } = trail;
    json!({
        "Name": name,
        "S3BucketName": bucket,
        "IncludeGlobalServiceEvents": global_events,
        "IsMultiRegionTrail": every_region,
        "HomeRegion": region,
        "TrailARN": arn,
        "LogFileValidationEnabled": false,
        "HasCustomEventSelectors": selectors.is_some() || advanced.is_some(),
        "HasInsightSelectors": false,
        "IsOrganizationTrail": false,
    })
}
