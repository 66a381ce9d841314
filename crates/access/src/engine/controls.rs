//! What resource control policies bind.

/// Services whose resources they bind, as they stood on 1 October 2026 (AWS Organizations User Guide, "Resource control
/// policies", "List of AWS services that support RCPs"). IAM is none of them: a role is bound where STS is asked for it.
const SERVICES: [&str; 62] = [
    "aoss",
    "appconfig",
    "appstream",
    "autoscaling",
    "autoscaling-plans",
    "budgets",
    "clouddirectory",
    "cloudfront",
    "cloudsearch",
    "cloudtrail-data",
    "codeartifact",
    "codebuild",
    "codecommit",
    "codepipeline",
    "cognito-identity",
    "cognito-idp",
    "comprehend",
    "comprehendmedical",
    "compute-optimizer",
    "cost-optimization-hub",
    "dax",
    "dsql",
    "dynamodb",
    "ecr",
    "ecr-public",
    "events",
    "firehose",
    "fis",
    "fms",
    "gamelift",
    "health",
    "inspector-scan",
    "kendra",
    "kinesisvideo",
    "kms",
    "logs",
    "memorydb",
    "networkmonitor",
    "notifications",
    "opensearch",
    "pca-connector-ad",
    "personalize",
    "polly",
    "pricing",
    "resource-groups",
    "rolesanywhere",
    "s3",
    "secretsmanager",
    "servicediscovery",
    "signin",
    "sqs",
    "sts",
    "support",
    "swf",
    "textract",
    "timestream-influxdb",
    "transcribe",
    "transfer",
    "translate",
    "wafv2",
    "workspaces",
    "xray",
];

/// Tells whether resource control policies have a say in an action, in lower case.
pub(crate) fn bind(action: &str) -> bool {
    let service = action.split_once(':').map_or(action, |(service, _)| service);
    // The one action that they leave alone (the same page, "Resources and entities not restricted by RCPs").
    action != "kms:retiregrant" && SERVICES.binary_search(&service).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_leaves_iam_out() {
        assert!(SERVICES.is_sorted());
        for (action, bound) in [
            ("s3:getobject", true),
            ("sts:assumerole", true),
            ("kms:decrypt", true),
            ("kms:retiregrant", false),
            ("iam:createrole", false),
            ("ec2:runinstances", false),
            ("xray:puttracesegments", true),
            ("s3", true),
        ] {
            assert_eq!(bind(action), bound, "{action}");
        }
    }
}
