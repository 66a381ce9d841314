//! Configurations that are kept and read back, and that do nothing here: CORS, lifecycle, website and their like.

use std::collections::BTreeSet;

use roxmltree::Node;

use crate::error::ApiError;
use crate::query::Reply;

use super::body::payload;
use super::read::{self, Element, child, children, malformed, text};
use super::{S3, invalid_argument, not_found, reply, schema};

/// A kind of configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Cors,
    Lifecycle,
    Website,
    Replication,
    Notification,
    Payment,
    Accelerate,
    ObjectLock,
    Abac,
    Metrics,
    Inventory,
    Analytics,
    Tiering,
}

/// What a kind is called in XML, in state files and in actions, and what it may hold.
struct Shape {
    root: &'static str,
    key: &'static str,
    get: &'static str,
    put: &'static str,
    delete: &'static str,
    elements: &'static [Element],
}

impl Kind {
    fn shape(self) -> Shape {
        let shape = |root, key, get, put, elements| Shape { root, key, get, put, delete: put, elements };
        match self {
            Self::Cors => shape("CORSConfiguration", "cors", "s3:GetBucketCORS", "s3:PutBucketCORS", schema::CORS),
            Self::Lifecycle => shape("LifecycleConfiguration", "lifecycle", "s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration", schema::LIFECYCLE),
            Self::Website => Shape {
                delete: "s3:DeleteBucketWebsite",
                ..shape("WebsiteConfiguration", "website", "s3:GetBucketWebsite", "s3:PutBucketWebsite", schema::WEBSITE)
            },
            Self::Replication => {
                shape("ReplicationConfiguration", "replication", "s3:GetReplicationConfiguration", "s3:PutReplicationConfiguration", schema::REPLICATION)
            }
            Self::Notification => {
                shape("NotificationConfiguration", "notification", "s3:GetBucketNotification", "s3:PutBucketNotification", schema::NOTIFICATION)
            }
            Self::Payment => {
                shape("RequestPaymentConfiguration", "requestPayment", "s3:GetBucketRequestPayment", "s3:PutBucketRequestPayment", schema::PAYMENT)
            }
            Self::Accelerate => {
                shape("AccelerateConfiguration", "accelerate", "s3:GetAccelerateConfiguration", "s3:PutAccelerateConfiguration", schema::ACCELERATE)
            }
            Self::ObjectLock => shape(
                "ObjectLockConfiguration",
                "object-lock",
                "s3:GetBucketObjectLockConfiguration",
                "s3:PutBucketObjectLockConfiguration",
                schema::OBJECT_LOCK,
            ),
            Self::Abac => shape("AbacStatus", "abac", "s3:GetBucketAbac", "s3:PutBucketAbac", schema::ABAC),
            Self::Metrics => shape("MetricsConfiguration", "metrics", "s3:GetMetricsConfiguration", "s3:PutMetricsConfiguration", schema::METRICS),
            Self::Inventory => shape("InventoryConfiguration", "inventory", "s3:GetInventoryConfiguration", "s3:PutInventoryConfiguration", schema::INVENTORY),
            Self::Analytics => shape("AnalyticsConfiguration", "analytics", "s3:GetAnalyticsConfiguration", "s3:PutAnalyticsConfiguration", schema::ANALYTICS),
            Self::Tiering => shape(
                "IntelligentTieringConfiguration",
                "intelligent-tiering",
                "s3:GetIntelligentTieringConfiguration",
                "s3:PutIntelligentTieringConfiguration",
                schema::TIERING,
            ),
        }
    }

    /// What is read where nothing was put.
    fn absent(self, bucket: &str) -> Result<String, ApiError> {
        let none = |code: &str, message: &str| Err(not_found(code, message, bucket));
        match self {
            Self::Cors => none("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
            Self::Lifecycle => none("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
            Self::Website => none("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
            Self::Replication => none("ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
            Self::ObjectLock => none("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"),
            Self::Notification | Self::Accelerate => Ok(String::new()),
            Self::Payment => Ok("<Payer>BucketOwner</Payer>".to_owned()),
            Self::Abac => Ok("<Status>Disabled</Status>".to_owned()),
            Self::Metrics | Self::Inventory | Self::Analytics | Self::Tiering => {
                Err(ApiError::new(404, "NoSuchConfiguration", "The specified configuration does not exist."))
            }
        }
    }
}

/// What gets an id where it was put without one, and how that is written (S3 API reference, LifecycleRule, ReplicationRule,
/// TopicConfiguration and its like).
const IDS: &[(&str, &str)] = &[("Rule", "ID"), ("TopicConfiguration", "Id"), ("QueueConfiguration", "Id"), ("CloudFunctionConfiguration", "Id")];

/// Where lifecycle keeps the header that goes with it.
const MINIMUM: &str = "x-amz-transition-default-minimum-object-size";

impl S3<'_> {
    fn kept_key(&self, kind: Kind) -> String {
        let key = kind.shape().key;
        self.asked.param("id").map_or_else(|| key.to_owned(), |id| format!("{key}/{id}"))
    }

    pub(super) fn get_kept(&mut self, name: &str, kind: Kind) -> Result<Reply, ApiError> {
        let shape = kind.shape();
        self.allow(name, shape.get)?;
        let bucket = self.bucket(name)?;
        let content = bucket.kept.get(&self.kept_key(kind)).cloned();
        let content = content.map_or_else(|| kind.absent(name), Ok)?;
        let answer = reply(shape.root, |x| x.0.push_str(&content));
        if kind == Kind::Lifecycle {
            let minimum = bucket.kept.get(MINIMUM).map_or("all_storage_classes_128K", String::as_str);
            return Ok(answer.header(MINIMUM, minimum));
        }
        Ok(answer)
    }

    /// All configurations of a kind that has many.
    pub(super) fn list_kept(&mut self, name: &str, kind: Kind) -> Result<Reply, ApiError> {
        let shape = kind.shape();
        self.allow(name, shape.get)?;
        let prefix = format!("{}/", shape.key);
        let root = match kind {
            Kind::Metrics => "ListMetricsConfigurationsResult",
            Kind::Inventory => "ListInventoryConfigurationsResult",
            Kind::Analytics => "ListBucketAnalyticsConfigurationsResult",
            _ => "ListBucketIntelligentTieringConfigurationsResult",
        };
        let kept: Vec<String> = self.bucket(name)?.kept.range(prefix.clone()..).take_while(|(k, _)| k.starts_with(&prefix)).map(|(_, v)| v.clone()).collect();
        Ok(reply(root, |x| {
            for content in &kept {
                x.nest(shape.root, |x| x.0.push_str(content));
            }
            x.text("IsTruncated", "false");
        }))
    }

    pub(super) fn put_kept(&mut self, name: &str, kind: Kind) -> Result<Reply, ApiError> {
        let shape = kind.shape();
        self.allow(name, shape.put)?;
        let payload = payload(self.asked)?;
        if kind == Kind::ObjectLock && payload.bytes.is_empty() {
            return Err(ApiError::new(400, "MissingRequestBodyError", "Request Body is empty"));
        }
        let document = read::document(&payload.bytes)?;
        let root = document.root_element();
        if root.tag_name().name() != shape.root {
            return Err(malformed());
        }
        read::check(root, shape.elements)?;
        self.fits_kind(name, kind, root)?;
        let mut content = read::inside(root);
        if matches!(kind, Kind::Lifecycle | Kind::Notification | Kind::Replication) {
            content = self.with_ids(root);
        }
        if kind == Kind::Lifecycle {
            let minimum = self.asked.header(MINIMUM).map(str::to_owned);
            self.bucket_mut(name)?.kept.extend(minimum.map(|m| (MINIMUM.to_owned(), m)));
        }
        let key = self.kept_key(kind);
        let kept = &mut self.bucket_mut(name)?.kept;
        if kind == Kind::Notification && content.is_empty() {
            kept.remove(&key);
        } else {
            kept.insert(key, content);
        }
        let many = matches!(kind, Kind::Metrics | Kind::Inventory | Kind::Tiering);
        Ok(Reply::empty(if many { 204 } else { 200 }))
    }

    pub(super) fn delete_kept(&mut self, name: &str, kind: Kind) -> Result<Reply, ApiError> {
        self.allow(name, kind.shape().delete)?;
        let key = self.kept_key(kind);
        let gone = self.bucket_mut(name)?.kept.remove(&key);
        if gone.is_none() && key.contains('/') {
            kind.absent(name)?;
        }
        Ok(Reply::empty(204))
    }

    /// Rules without an id get one.
    fn with_ids(&mut self, root: Node<'_, '_>) -> String {
        let mut content = String::new();
        for node in root.children().filter(Node::is_element) {
            let name = node.tag_name().name();
            let id = IDS.iter().find(|(of, _)| *of == name).map(|(_, id)| *id).filter(|id| child(node, id).is_none());
            let id = id.map(|id| format!("<{id}>{}</{id}>", self.world.fresh(48))).unwrap_or_default();
            content.push_str(&format!("<{name}>{id}{}</{name}>", read::inside(node)));
        }
        content
    }

    /// What a table of elements does not say.
    fn fits_kind(&self, name: &str, kind: Kind, root: Node<'_, '_>) -> Result<(), ApiError> {
        match kind {
            Kind::Cors => children(root, "CORSRule").try_for_each(cors),
            Kind::Lifecycle => lifecycle(root),
            Kind::Website => website(root),
            Kind::Replication => self.replication(name, root),
            Kind::Notification => notification(root),
            Kind::ObjectLock => self.object_lock(name, root),
            Kind::Accelerate if name.contains('.') => {
                Err(ApiError::new(400, "InvalidRequest", "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names"))
            }
            Kind::Inventory => {
                let bucket = root.descendants().find(|n| n.tag_name().name() == "Bucket").and_then(|n| n.text()).unwrap_or_default();
                if !bucket.starts_with("arn:") {
                    return Err(ApiError::new(400, "InvalidS3DestinationBucket", "Invalid bucket ARN."));
                }
                self.same_id(root)
            }
            Kind::Metrics | Kind::Analytics | Kind::Tiering => self.same_id(root),
            Kind::Payment | Kind::Accelerate | Kind::Abac => Ok(()),
        }
    }

    fn same_id(&self, root: Node<'_, '_>) -> Result<(), ApiError> {
        if text(root, "Id").as_deref() == self.asked.param("id") {
            return Ok(());
        }
        Err(ApiError::new(400, "IdMismatch", "Document ID does not match the specified configuration ID."))
    }

    fn replication(&self, name: &str, root: Node<'_, '_>) -> Result<(), ApiError> {
        let invalid = |message: &str| Err(ApiError::new(400, "InvalidRequest", message));
        if !self.bucket(name)?.versions_new() {
            return invalid("Versioning must be 'Enabled' on the bucket to apply a replication configuration");
        }
        for rule in children(root, "Rule") {
            let bucket = child(rule, "Destination").and_then(|d| text(d, "Bucket")).unwrap_or_default();
            let target = bucket.strip_prefix("arn:aws:s3:::").unwrap_or(&bucket);
            if !self.world.buckets.get(target).is_some_and(super::state::Bucket::versions_new) {
                return invalid("Destination bucket must have versioning enabled.");
            }
        }
        Ok(())
    }

    fn object_lock(&self, name: &str, root: Node<'_, '_>) -> Result<(), ApiError> {
        if !self.bucket(name)?.versions_new() {
            let message = "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration";
            return Err(ApiError::new(409, "InvalidBucketState", message));
        }
        let retention = child(root, "Rule").and_then(|r| child(r, "DefaultRetention"));
        match retention.map(|r| (child(r, "Days").is_some(), child(r, "Years").is_some())) {
            Some((days, years)) if days == years => Err(malformed()),
            _ => Ok(()),
        }
    }
}

fn cors(rule: Node<'_, '_>) -> Result<(), ApiError> {
    const METHODS: &[&str] = &["GET", "PUT", "HEAD", "POST", "DELETE"];
    for method in children(rule, "AllowedMethod").filter_map(|m| m.text()) {
        if !METHODS.contains(&method) {
            let message = format!("Found unsupported HTTP method in CORS config. Unsupported method is {method}");
            return Err(ApiError::new(400, "InvalidRequest", message));
        }
    }
    for origin in children(rule, "AllowedOrigin").filter_map(|o| o.text()) {
        if origin.matches('*').count() > 1 {
            let message = format!("AllowedOrigin \"{origin}\" can not have more than one wildcard.");
            return Err(ApiError::new(400, "InvalidRequest", message));
        }
    }
    Ok(())
}

fn lifecycle(root: Node<'_, '_>) -> Result<(), ApiError> {
    const ACTIONS: &[&str] = &["Expiration", "Transition", "NoncurrentVersionExpiration", "NoncurrentVersionTransition", "AbortIncompleteMultipartUpload"];
    let mut ids = BTreeSet::new();
    for rule in children(root, "Rule") {
        if text(rule, "ID").is_some_and(|id| !ids.insert(id)) {
            return Err(invalid_argument("RuleId must be unique. Found same ID for more than one rule", "ID", &text(rule, "ID").unwrap_or_default()));
        }
        if child(rule, "Filter").is_some() == child(rule, "Prefix").is_some() || !ACTIONS.iter().any(|a| child(rule, a).is_some()) {
            return Err(malformed());
        }
        if let Some(filter) = child(rule, "Filter") {
            if filter.children().filter(Node::is_element).count() > 1 {
                return Err(malformed());
            }
            tags_differ(filter)?;
        }
        if child(rule, "NoncurrentVersionExpiration").is_some_and(|e| !e.children().any(|c| c.is_element())) {
            return Err(malformed());
        }
        if let Some(expiration) = child(rule, "Expiration") {
            if expiration.children().filter(Node::is_element).count() != 1 {
                return Err(malformed());
            }
            if text(expiration, "Days").is_some_and(|d| d.trim().parse::<i64>().is_ok_and(|n| n <= 0)) {
                return Err(invalid_argument("'Days' for Expiration action must be a positive integer", "Days", &text(expiration, "Days").unwrap_or_default()));
            }
        }
        for date in ["Expiration", "Transition"].iter().flat_map(|a| children(rule, a)).filter_map(|a| text(a, "Date")) {
            midnight(&date)?;
        }
    }
    Ok(())
}

fn tags_differ(filter: Node<'_, '_>) -> Result<(), ApiError> {
    let mut keys = BTreeSet::new();
    for tag in filter.descendants().filter(|n| n.tag_name().name() == "Tag") {
        if !keys.insert(text(tag, "Key")) {
            return Err(ApiError::new(400, "InvalidRequest", "Duplicate Tag Keys are not allowed."));
        }
    }
    Ok(())
}

fn midnight(date: &str) -> Result<(), ApiError> {
    use time::format_description::well_known::Rfc3339;
    let at = crossrole_access::language::instant(date.trim()).ok_or_else(malformed)?;
    let seconds = i64::try_from(at / 1_000_000_000).map_err(|_| malformed())?;
    if seconds % 86_400 == 0 {
        return Ok(());
    }
    let shown = time::OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|t| t.format(&Rfc3339).ok()).unwrap_or_default();
    Err(invalid_argument("'Date' must be at midnight GMT", "Date", &shown))
}

fn website(root: Node<'_, '_>) -> Result<(), ApiError> {
    let invalid = |message: &str| Err(ApiError::new(400, "InvalidRequest", message));
    let suffix = child(root, "IndexDocument").and_then(|i| text(i, "Suffix"));
    if let Some(redirect) = child(root, "RedirectAllRequestsTo") {
        if root.children().filter(Node::is_element).count() > 1 {
            let message = "RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.";
            return Err(invalid_argument(message, "RedirectAllRequestsTo", "not null"));
        }
        return protocol(redirect);
    }
    match suffix {
        None => {
            let message = "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty";
            return Err(invalid_argument(message, "IndexDocument", "null"));
        }
        Some(suffix) if suffix.is_empty() || suffix.contains('/') => {
            return Err(invalid_argument("The IndexDocument Suffix is not well formed", "IndexDocument", &suffix));
        }
        Some(_) => {}
    }
    for rule in child(root, "RoutingRules").into_iter().flat_map(|r| children(r, "RoutingRule")) {
        let Some(redirect) = child(rule, "Redirect") else { continue };
        protocol(redirect)?;
        if child(redirect, "ReplaceKeyPrefixWith").is_some() && child(redirect, "ReplaceKeyWith").is_some() {
            return invalid("You can only define ReplaceKeyPrefix or ReplaceKey but not both.");
        }
        if child(rule, "Condition").is_some_and(|c| !c.children().any(|n| n.is_element())) {
            return invalid("Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.");
        }
    }
    Ok(())
}

fn protocol(redirect: Node<'_, '_>) -> Result<(), ApiError> {
    if text(redirect, "Protocol").is_none_or(|p| p == "http" || p == "https") {
        return Ok(());
    }
    let message = "Invalid protocol, protocol can be http or https. If not defined the protocol will be selected automatically.";
    Err(ApiError::new(400, "InvalidRequest", message))
}

fn notification(root: Node<'_, '_>) -> Result<(), ApiError> {
    for (kind, target) in [("TopicConfiguration", "Topic"), ("QueueConfiguration", "Queue"), ("CloudFunctionConfiguration", "CloudFunction")] {
        for one in children(root, kind) {
            let arn = text(one, target).unwrap_or_default();
            if crossrole_policy::Arn::parse(&arn).is_none() {
                return Err(invalid_argument("The ARN could not be parsed", target, &arn));
            }
            if let Some(event) = children(one, "Event").filter_map(|e| e.text()).find(|e| !e.starts_with("s3:")) {
                return Err(invalid_argument("The event is not supported for notifications", "Event", event));
            }
            for rule in one.descendants().filter(|n| n.tag_name().name() == "FilterRule") {
                let name = text(rule, "Name").unwrap_or_default();
                if !["prefix", "suffix"].contains(&name.to_ascii_lowercase().as_str()) {
                    return Err(invalid_argument("filter rule name must be either prefix or suffix", "FilterRule.Name", &name));
                }
            }
        }
    }
    Ok(())
}
