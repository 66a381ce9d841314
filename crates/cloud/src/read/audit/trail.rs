//! Trails of CloudTrail: which there are, whether they are on, and what they keep.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_sdk_cloudtrail::types::{AdvancedEventSelector, EventSelector, ReadWriteType};
use crossrole_model::audit::{DataEvents, Trail};
use crossrole_model::{CloudError, Observation, Unreadable};
use futures_util::future::{join, join_all};

use crate::session::Session;

/// How CloudTrail calls objects of S3 (CloudTrail API reference, DataResource and AdvancedFieldSelector).
const OBJECTS: &str = "AWS::S3::Object";

/// Asks each region; trails of all regions, and of the organization, are told in any. Each is looked at once.
pub(super) async fn all(session: &Arc<Session>, regions: &BTreeSet<String>) -> BTreeMap<String, Observation<Vec<Trail>>> {
    let listed = join_all(regions.iter().map(|region| async move { (region.clone(), named(session, region).await) })).await;
    let mut known: BTreeMap<String, Trail> = BTreeMap::new();
    for (_, trails) in &listed {
        known.extend(trails.iter().flatten().map(|trail| (trail.arn.clone(), trail.clone())));
    }
    let read = join_all(known.into_values().map(|trail| looked_at(session, trail))).await;
    let read: BTreeMap<String, Trail> = read.into_iter().map(|trail| (trail.arn.clone(), trail)).collect();
    let whole = |trails: Vec<Trail>| trails.iter().filter_map(|trail| read.get(&trail.arn)).cloned().collect();
    let of = |(region, trails): (String, Result<Vec<Trail>, CloudError>)| match trails {
        Ok(trails) => (region, Observation::Known(whole(trails))),
        Err(error) => (region, Observation::Unreadable(Unreadable::from(&error))),
    };
    listed.into_iter().map(of).collect()
}

/// Trails of a region, not looked at yet.
async fn named(session: &Arc<Session>, region: &str) -> Result<Vec<Trail>, CloudError> {
    let client = session.cloudtrail(region);
    let answer = session.read("DescribeTrails", || client.describe_trails().send()).await?;
    let trails = answer.trail_list().iter().filter_map(|trail| {
        let not_yet = || Unreadable::not_tried("this trail");
        Some(Trail {
            arn: trail.trail_arn()?.to_owned(),
            every_region: trail.is_multi_region_trail().unwrap_or(false),
            home: trail.home_region().unwrap_or(region).to_owned(),
            on: Observation::Unreadable(not_yet()),
            keeps: Observation::Unreadable(not_yet()),
        })
    });
    Ok(trails.collect())
}

async fn looked_at(session: &Arc<Session>, mut trail: Trail) -> Trail {
    let client = session.cloudtrail(&trail.home);
    let status = session.read("GetTrailStatus", || client.get_trail_status().name(&trail.arn).send());
    let selectors = session.read("GetEventSelectors", || client.get_event_selectors().trail_name(&trail.arn).send());
    let (status, selectors) = join(status, selectors).await;
    trail.on = match status {
        Ok(answer) => Observation::Known(answer.is_logging().unwrap_or(false)),
        Err(error) => Observation::Unreadable(Unreadable::from(&error)),
    };
    trail.keeps = match selectors {
        Ok(answer) => {
            let simple = answer.event_selectors().iter().flat_map(kept);
            Observation::Known(simple.chain(answer.advanced_event_selectors().iter().filter_map(kept_by_fields)).collect())
        }
        Err(error) => Observation::Unreadable(Unreadable::from(&error)),
    };
    trail
}

/// What a selector takes.
fn kept(selector: &EventSelector) -> Vec<DataEvents> {
    let (reads, writes) = match selector.read_write_type() {
        Some(ReadWriteType::ReadOnly) => (true, false),
        Some(ReadWriteType::WriteOnly) => (false, true),
        _ => (true, true),
    };
    let management = selector.include_management_events().unwrap_or(true).then_some(DataEvents::Management { reads, writes });
    // A list of no values takes nothing.
    let of_objects = selector.data_resources().iter().filter(|data| data.r#type() == Some(OBJECTS) && !data.values().is_empty());
    let objects = of_objects.map(|data| {
        // `arn:aws:s3` is every bucket there is (CloudTrail API reference, DataResource).
        let every = data.values().iter().any(|value| value.split(':').count() <= 3);
        DataEvents::Objects { reads, writes, begins: if every { Vec::new() } else { data.values().to_vec() }, not: Vec::new() }
    });
    management.into_iter().chain(objects).collect()
}

/// What a selector by fields takes: all of its fields must fit.
fn kept_by_fields(selector: &AdvancedEventSelector) -> Option<DataEvents> {
    let (mut reads, mut writes, mut begins, mut not) = (true, true, Vec::new(), Vec::new());
    let (mut category, mut of_objects, mut more) = (String::new(), false, false);
    for field in selector.field_selectors() {
        let exact = field.ends_with().is_empty() && field.not_ends_with().is_empty();
        match field.field() {
            "eventCategory" => category = field.equals().first().cloned().unwrap_or_default(),
            "resources.type" => of_objects = field.equals().iter().any(|kind| kind == OBJECTS),
            "readOnly" => match field.equals().first().map(String::as_str) {
                Some("true") => writes = false,
                Some("false") => reads = false,
                _ => more = true,
            },
            "resources.ARN" if exact => {
                begins.extend(field.starts_with().iter().cloned());
                // One object is none of a bucket's all.
                more |= !field.equals().is_empty();
                not.extend(field.not_starts_with().iter().chain(field.not_equals()).cloned());
            }
            _ => more = true,
        }
    }
    match category.as_str() {
        // Sources of events that are left out are those of other services (CloudTrail User Guide, "Filtering management events").
        "Management" => Some(DataEvents::Management { reads, writes }),
        "Data" if of_objects && more => Some(DataEvents::Some),
        "Data" if of_objects => Some(DataEvents::Objects { reads, writes, begins, not }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudtrail::types::{AdvancedFieldSelector, DataResource};

    use super::*;

    const LOGS: &str = "arn:aws:s3:::logs";

    fn trail(keeps: Vec<DataEvents>) -> Trail {
        let arn = "arn:aws:cloudtrail:us-east-1:222222222222:trail/all".to_owned();
        Trail { arn, every_region: true, home: "us-east-1".to_owned(), on: Observation::Known(true), keeps: Observation::Known(keeps) }
    }

    fn simple(values: &[&str], kind: ReadWriteType) -> Vec<DataEvents> {
        let data = DataResource::builder().r#type(OBJECTS).set_values(Some(values.iter().map(|v| (*v).to_owned()).collect())).build();
        kept(&EventSelector::builder().read_write_type(kind).include_management_events(false).data_resources(data).build())
    }

    fn fields(fields: &[AdvancedFieldSelector]) -> Vec<DataEvents> {
        let selector = AdvancedEventSelector::builder().set_field_selectors(Some(fields.to_vec())).build().unwrap();
        kept_by_fields(&selector).into_iter().collect()
    }

    fn field(name: &str) -> aws_sdk_cloudtrail::types::builders::AdvancedFieldSelectorBuilder {
        AdvancedFieldSelector::builder().field(name)
    }

    #[test]
    fn data_events_of_a_bucket_are_those_of_all_its_objects() {
        let keeps = |events: Vec<DataEvents>| trail(events).keeps_objects("eu-west-1", LOGS).unwrap();
        assert!(keeps(simple(&["arn:aws:s3"], ReadWriteType::All)));
        assert!(keeps(simple(&["arn:aws:s3:::other/", "arn:aws:s3:::logs/"], ReadWriteType::All)));
        assert!(!keeps(simple(&["arn:aws:s3:::logs/app/"], ReadWriteType::All)), "a part of it");
        assert!(!keeps(simple(&["arn:aws:s3:::logs/"], ReadWriteType::ReadOnly)), "writes are not kept");
        assert!(!keeps(simple(&[], ReadWriteType::All)));
        let both = [simple(&["arn:aws:s3:::logs/"], ReadWriteType::ReadOnly), simple(&["arn:aws:s3"], ReadWriteType::WriteOnly)].concat();
        assert!(keeps(both), "each by a selector of its own");
    }

    #[test]
    fn selectors_by_fields_are_read() {
        let keeps = |events: Vec<DataEvents>| trail(events).keeps_objects("eu-west-1", LOGS).unwrap();
        let data = || vec![field("eventCategory").equals("Data").build().unwrap(), field("resources.type").equals(OBJECTS).build().unwrap()];
        let with = |more: AdvancedFieldSelector| fields(&[data(), vec![more]].concat());
        assert!(keeps(fields(&data())));
        assert!(keeps(with(field("resources.ARN").starts_with("arn:aws:s3:::logs/").build().unwrap())));
        assert!(!keeps(with(field("resources.ARN").starts_with("arn:aws:s3:::logs/app/").build().unwrap())));
        assert!(!keeps(with(field("resources.ARN").not_starts_with("arn:aws:s3:::logs/").build().unwrap())));
        assert!(keeps(with(field("resources.ARN").not_starts_with("arn:aws:s3:::others/").build().unwrap())));
        assert!(!keeps(with(field("readOnly").equals("false").build().unwrap())));
        assert!(!keeps(with(field("eventName").equals("DeleteObject").build().unwrap())));
        let management = fields(&[field("eventCategory").equals("Management").build().unwrap()]);
        assert_eq!(trail(management.clone()).keeps_management("eu-west-1"), Some(true));
        assert_eq!(Trail { every_region: false, ..trail(management) }.keeps_management("eu-west-1"), Some(false));
    }
}
