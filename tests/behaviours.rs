//! What AWS answers, call by call: the sandbox is held to AWS's documented and observed behaviour, row by row.

use crossrole_sandbox::Options;

use crate::support::{Credentials, Place, element};

const A: &str = "111111111111";
const B: &str = "222222222222";

/// Name, account, `iam:CreateRole` or `s3:PUT /bucket?policy`, parameters (an S3 body is the value of ""), status, and what
/// the answer holds (`!x`: does not hold).
type Row<'a> = (&'a str, &'a str, &'a str, Vec<(&'a str, &'a str)>, u16, &'a str);

const ACCOUNT_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}]}"#;
const ALLOW: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#;

async fn check(place: &Place, rows: &[Row<'_>]) -> usize {
    for (name, account, call, params, status, text) in rows {
        let (service, rest) = call.split_once(':').unwrap();
        let (got, body) = if service == "s3" {
            let (method, path) = rest.split_once(' ').unwrap();
            let (path, query) = path.split_once('?').unwrap_or((path, ""));
            let body = params.iter().find(|(k, _)| k.is_empty()).map_or("", |(_, v)| v);
            let region = params.iter().find(|(k, _)| *k == "region").map_or("us-east-1", |(_, v)| v);
            let owner: Vec<(&'static str, &str)> = params
                .iter()
                .filter_map(|(k, v)| match *k {
                    "owner" => Some(("x-amz-expected-bucket-owner", *v)),
                    "if-none-match" => Some(("if-none-match", *v)),
                    "if-match" => Some(("if-match", *v)),
                    _ => None,
                })
                .collect();
            let who = Credentials { key: (*account).to_owned(), ..Credentials::default() };
            place.s3_as(&who, region, method, path, query, &owner, body).await
        } else {
            place.query(account, service, rest, params).await
        };
        assert_eq!(got, *status, "{name}: {call} {params:?}\n{body}");
        match text.strip_prefix('!') {
            Some(absent) => assert!(!body.contains(absent), "{name}: {body}"),
            None => assert!(body.contains(text), "{name}: wanted {text}\n{body}"),
        }
    }
    rows.len()
}

#[tokio::test]
async fn iam_answers_as_aws_does() {
    let place = Place::new(Options::default());
    let long = "x".repeat(2_100);
    let big_trust = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Sid":"{long}","Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":"sts:AssumeRole"}}]}}"#
    );
    let big_inline =
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{}"}}]}}"#, "y".repeat(10_300));
    let big_managed =
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::{}"}}]}}"#, "y".repeat(6_200));
    let policy = "arn:aws:iam::222222222222:policy/P";
    let github = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity"}]}"#;
    let rows: Vec<Row<'_>> = vec![
        (
            "a role is made",
            B,
            "iam:CreateRole",
            vec![("RoleName", "App"), ("AssumeRolePolicyDocument", ACCOUNT_TRUST), ("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")],
            200,
            "arn:aws:iam::222222222222:role/App",
        ),
        ("its unique id begins with AROA", B, "iam:GetRole", vec![("RoleName", "App")], 200, "<RoleId>AROA"),
        (
            "names are unique without regard to case",
            B,
            "iam:CreateRole",
            vec![("RoleName", "aPP"), ("AssumeRolePolicyDocument", ACCOUNT_TRUST)],
            409,
            "Role with name aPP already exists.",
        ),
        ("and found without regard to case", B, "iam:GetRole", vec![("RoleName", "APP")], 200, "<RoleName>App</RoleName>"),
        ("an account principal is read back as its root ARN", B, "iam:GetRole", vec![("RoleName", "App")], 200, "arn%3Aaws%3Aiam%3A%3A111111111111%3Aroot"),
        ("documents are percent-encoded", B, "iam:GetRole", vec![("RoleName", "App")], 200, "%7B%22Version%22"),
        ("the default session is an hour", B, "iam:GetRole", vec![("RoleName", "App")], 200, "<MaxSessionDuration>3600</MaxSessionDuration>"),
        ("GetRole has tags", B, "iam:GetRole", vec![("RoleName", "App")], 200, "<Key>team</Key>"),
        ("ListRoles has none", B, "iam:ListRoles", vec![], 200, "!<Key>team</Key>"),
        ("ListRoles has the session", B, "iam:ListRoles", vec![], 200, "<MaxSessionDuration>"),
        ("the bulk read has tags", B, "iam:GetAccountAuthorizationDetails", vec![("Filter.member.1", "Role")], 200, "<Key>team</Key>"),
        ("and no session", B, "iam:GetAccountAuthorizationDetails", vec![("Filter.member.1", "Role")], 200, "!MaxSessionDuration"),
        ("an unknown filter is refused", B, "iam:GetAccountAuthorizationDetails", vec![("Filter.member.1", "Everything")], 400, "ValidationError"),
        ("a role that is not there", B, "iam:GetRole", vec![("RoleName", "None")], 404, "NoSuchEntity"),
        ("a blank in a name", B, "iam:CreateRole", vec![("RoleName", "My App"), ("AssumeRolePolicyDocument", ACCOUNT_TRUST)], 400, "ValidationError"),
        (
            "65 characters",
            B,
            "iam:CreateRole",
            vec![("RoleName", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), ("AssumeRolePolicyDocument", ACCOUNT_TRUST)],
            400,
            "less than or equal to 64",
        ),
        ("no trust", B, "iam:CreateRole", vec![("RoleName", "X")], 400, "Member must not be null"),
        ("a path without a slash", B, "iam:CreateRole", vec![("RoleName", "X"), ("Path", "team"), ("AssumeRolePolicyDocument", ACCOUNT_TRUST)], 400, "path"),
        (
            "a session too long",
            B,
            "iam:CreateRole",
            vec![("RoleName", "X"), ("MaxSessionDuration", "43201"), ("AssumeRolePolicyDocument", ACCOUNT_TRUST)],
            400,
            "maxSessionDuration",
        ),
        (
            "a long dash in a description",
            B,
            "iam:CreateRole",
            vec![("RoleName", "X"), ("Description", "a \u{2014} b"), ("AssumeRolePolicyDocument", ACCOUNT_TRUST)],
            400,
            "description",
        ),
        ("not JSON", B, "iam:CreateRole", vec![("RoleName", "X"), ("AssumeRolePolicyDocument", "{")], 400, "MalformedPolicyDocument"),
        (
            "a Resource in a trust policy",
            B,
            "iam:CreateRole",
            vec![
                ("RoleName", "X"),
                ("AssumeRolePolicyDocument", r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole","Resource":"*"}]}"#),
            ],
            400,
            "Has prohibited field Resource",
        ),
        (
            "a bare star in a trust policy",
            B,
            "iam:CreateRole",
            vec![("RoleName", "X"), ("AssumeRolePolicyDocument", r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#)],
            400,
            "&quot;STAR&quot;:&quot;*&quot;",
        ),
        (
            "no Principal in a trust policy",
            B,
            "iam:CreateRole",
            vec![("RoleName", "X"), ("AssumeRolePolicyDocument", r#"{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}"#)],
            400,
            "Missing required field Principal",
        ),
        (
            "a role that does not exist as principal",
            B,
            "iam:CreateRole",
            vec![
                ("RoleName", "X"),
                (
                    "AssumeRolePolicyDocument",
                    r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:role/Ghost"},"Action":"sts:AssumeRole"}]}"#,
                ),
            ],
            400,
            "Invalid principal in policy: &quot;AWS&quot;:&quot;arn:aws:iam::111111111111:role/Ghost&quot;",
        ),
        (
            "a role can't name itself before it exists",
            B,
            "iam:CreateRole",
            vec![
                ("RoleName", "Self"),
                (
                    "AssumeRolePolicyDocument",
                    r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/Self"},"Action":"sts:AssumeRole"}]}"#,
                ),
            ],
            400,
            "Invalid principal",
        ),
        (
            "a group can't be a principal",
            B,
            "iam:CreateRole",
            vec![
                ("RoleName", "X"),
                (
                    "AssumeRolePolicyDocument",
                    r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:group/G"},"Action":"sts:AssumeRole"}]}"#,
                ),
            ],
            400,
            "Invalid principal",
        ),
        (
            "a principal of another partition",
            B,
            "iam:CreateRole",
            vec![
                ("RoleName", "X"),
                (
                    "AssumeRolePolicyDocument",
                    r#"{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws-cn:iam::111111111111:root"},"Action":"sts:AssumeRole"}]}"#,
                ),
            ],
            400,
            "Invalid principal",
        ),
        (
            "a trust policy over its quota",
            B,
            "iam:CreateRole",
            vec![("RoleName", "X"), ("AssumeRolePolicyDocument", &big_trust)],
            409,
            "Cannot exceed quota for ACLSizePerRole: 2048",
        ),
        ("GitHub without a subject", B, "iam:CreateRole", vec![("RoleName", "X"), ("AssumeRolePolicyDocument", github)], 400, "which is not scoped to all"),
        (
            "duplicate tag keys in two cases",
            B,
            "iam:CreateRole",
            vec![
                ("RoleName", "X"),
                ("AssumeRolePolicyDocument", ACCOUNT_TRUST),
                ("Tags.member.1.Key", "a"),
                ("Tags.member.1.Value", "1"),
                ("Tags.member.2.Key", "A"),
                ("Tags.member.2.Value", "2"),
            ],
            400,
            "Duplicate tag keys found",
        ),
        ("nothing was made by all that", B, "iam:GetRole", vec![("RoleName", "X")], 404, "NoSuchEntity"),
        (
            "a boundary that does not exist",
            B,
            "iam:CreateRole",
            vec![("RoleName", "X"), ("AssumeRolePolicyDocument", ACCOUNT_TRUST), ("PermissionsBoundary", "arn:aws:iam::222222222222:policy/None")],
            404,
            "NoSuchEntity",
        ),
        (
            "UpdateRole changes what it names",
            B,
            "iam:UpdateRole",
            vec![("RoleName", "App"), ("Description", "hello")],
            200,
            "<UpdateRoleResult></UpdateRoleResult>",
        ),
        (
            "UpdateRoleDescription answers with the role",
            B,
            "iam:UpdateRoleDescription",
            vec![("RoleName", "App"), ("Description", "hello")],
            200,
            "<UpdateRoleDescriptionResult><Role>",
        ),
        ("and nothing else", B, "iam:GetRole", vec![("RoleName", "App")], 200, "<MaxSessionDuration>3600</MaxSessionDuration>"),
        ("an empty description clears it", B, "iam:UpdateRole", vec![("RoleName", "App"), ("Description", "")], 200, ""),
        ("it is gone", B, "iam:GetRole", vec![("RoleName", "App")], 200, "!<Description>"),
        (
            "an inline policy with a principal",
            B,
            "iam:PutRolePolicy",
            vec![
                ("RoleName", "App"),
                ("PolicyName", "p"),
                ("PolicyDocument", r#"{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}"#),
            ],
            400,
            "Policy document should not specify a principal.",
        ),
        (
            "an inline policy without a resource",
            B,
            "iam:PutRolePolicy",
            vec![("RoleName", "App"), ("PolicyName", "p"), ("PolicyDocument", r#"{"Statement":[{"Effect":"Allow","Action":"s3:*"}]}"#)],
            400,
            "Policy statement must contain resources.",
        ),
        (
            "an inline policy without an action",
            B,
            "iam:PutRolePolicy",
            vec![("RoleName", "App"), ("PolicyName", "p"), ("PolicyDocument", r#"{"Statement":[{"Effect":"Allow","Resource":"*"}]}"#)],
            400,
            "Policy statement must contain actions.",
        ),
        (
            "an action without a service",
            B,
            "iam:PutRolePolicy",
            vec![("RoleName", "App"), ("PolicyName", "p"), ("PolicyDocument", r#"{"Statement":[{"Effect":"Allow","Action":"GetObject","Resource":"*"}]}"#)],
            400,
            "must be prefaced by a vendor",
        ),
        (
            "a resource that is no ARN",
            B,
            "iam:PutRolePolicy",
            vec![("RoleName", "App"), ("PolicyName", "p"), ("PolicyDocument", r#"{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"data"}]}"#)],
            400,
            "must be in ARN format",
        ),
        (
            "a Sid with a blank",
            B,
            "iam:PutRolePolicy",
            vec![
                ("RoleName", "App"),
                ("PolicyName", "p"),
                ("PolicyDocument", r#"{"Statement":[{"Sid":"a b","Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#),
            ],
            400,
            "must be alpha-numeric",
        ),
        (
            "two equal Sids",
            B,
            "iam:PutRolePolicy",
            vec![
                ("RoleName", "App"),
                ("PolicyName", "p"),
                (
                    "PolicyDocument",
                    r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#,
                ),
            ],
            400,
            "must be unique",
        ),
        (
            "an unknown action is accepted",
            B,
            "iam:PutRolePolicy",
            vec![("RoleName", "App"), ("PolicyName", "odd"), ("PolicyDocument", r#"{"Statement":[{"Effect":"Allow","Action":"s3:GetOject","Resource":"*"}]}"#)],
            200,
            "",
        ),
        (
            "inline policies over their quota",
            B,
            "iam:PutRolePolicy",
            vec![("RoleName", "App"), ("PolicyName", "big"), ("PolicyDocument", &big_inline)],
            409,
            "Maximum policy size of 10240 bytes exceeded for role App",
        ),
        ("inline documents come back as they were sent", B, "iam:GetRolePolicy", vec![("RoleName", "App"), ("PolicyName", "odd")], 200, "s3%3AGetOject"),
        (
            "an inline policy that is not there",
            B,
            "iam:GetRolePolicy",
            vec![("RoleName", "App"), ("PolicyName", "none")],
            404,
            "The role policy with name none cannot be found.",
        ),
        ("a managed policy", B, "iam:CreatePolicy", vec![("PolicyName", "P"), ("PolicyDocument", ALLOW)], 200, policy),
        (
            "its name is taken in any case",
            B,
            "iam:CreatePolicy",
            vec![("PolicyName", "p"), ("PolicyDocument", ALLOW)],
            409,
            "A policy called p already exists.",
        ),
        (
            "a managed policy over its quota",
            B,
            "iam:CreatePolicy",
            vec![("PolicyName", "Big"), ("PolicyDocument", &big_managed)],
            409,
            "Cannot exceed quota for PolicySize: 6144",
        ),
        ("attached", B, "iam:AttachRolePolicy", vec![("RoleName", "App"), ("PolicyArn", policy)], 200, ""),
        ("attached again", B, "iam:AttachRolePolicy", vec![("RoleName", "App"), ("PolicyArn", policy)], 200, ""),
        (
            "a policy that does not exist",
            B,
            "iam:AttachRolePolicy",
            vec![("RoleName", "App"), ("PolicyArn", "arn:aws:iam::222222222222:policy/None")],
            404,
            "does not exist or is not attachable.",
        ),
        ("one of AWS's own", B, "iam:AttachRolePolicy", vec![("RoleName", "App"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")], 200, ""),
        ("deleting an attached policy", B, "iam:DeletePolicy", vec![("PolicyArn", policy)], 409, "Cannot delete a policy attached to entities."),
        ("deleting a role with policies", B, "iam:DeleteRole", vec![("RoleName", "App")], 409, "must delete policies first"),
        (
            "version 2",
            B,
            "iam:CreatePolicyVersion",
            vec![("PolicyArn", policy), ("PolicyDocument", ALLOW), ("SetAsDefault", "true")],
            200,
            "<VersionId>v2</VersionId>",
        ),
        ("version 3", B, "iam:CreatePolicyVersion", vec![("PolicyArn", policy), ("PolicyDocument", ALLOW)], 200, "<IsDefaultVersion>false"),
        ("version 4", B, "iam:CreatePolicyVersion", vec![("PolicyArn", policy), ("PolicyDocument", ALLOW)], 200, "v4"),
        ("version 5", B, "iam:CreatePolicyVersion", vec![("PolicyArn", policy), ("PolicyDocument", ALLOW)], 200, "v5"),
        ("a sixth version", B, "iam:CreatePolicyVersion", vec![("PolicyArn", policy), ("PolicyDocument", ALLOW)], 409, "LimitExceeded"),
        (
            "deleting the default version",
            B,
            "iam:DeletePolicyVersion",
            vec![("PolicyArn", policy), ("VersionId", "v2")],
            409,
            "Cannot delete the default version",
        ),
        ("a version that is no version", B, "iam:GetPolicyVersion", vec![("PolicyArn", policy), ("VersionId", "2")], 400, "versionId"),
        ("a version that is not there", B, "iam:GetPolicyVersion", vec![("PolicyArn", policy), ("VersionId", "v9")], 404, "NoSuchEntity"),
        ("ListPolicies has no description", B, "iam:ListPolicies", vec![], 200, "!<Description>"),
        ("detached", B, "iam:DetachRolePolicy", vec![("RoleName", "App"), ("PolicyArn", policy)], 200, ""),
        ("detached again", B, "iam:DetachRolePolicy", vec![("RoleName", "App"), ("PolicyArn", policy)], 404, "NoSuchEntity"),
        ("deleting a policy with versions", B, "iam:DeletePolicy", vec![("PolicyArn", policy)], 409, "more than one version"),
        ("a user", A, "iam:CreateUser", vec![("UserName", "dev")], 200, "<UserId>AIDA"),
        ("a group", A, "iam:CreateGroup", vec![("GroupName", "G")], 200, "arn:aws:iam::111111111111:group/G"),
        ("a member", A, "iam:AddUserToGroup", vec![("GroupName", "G"), ("UserName", "dev")], 200, ""),
        (
            "a member who is not there",
            A,
            "iam:AddUserToGroup",
            vec![("GroupName", "G"), ("UserName", "nobody")],
            404,
            "The user with name nobody cannot be found.",
        ),
        ("deleting a group with members", A, "iam:DeleteGroup", vec![("GroupName", "G")], 409, "must remove users from group first"),
        ("deleting a user in a group", A, "iam:DeleteUser", vec![("UserName", "dev")], 409, "must remove users from group first"),
        ("the group has its member", A, "iam:GetGroup", vec![("GroupName", "G")], 200, "<UserName>dev</UserName>"),
        (
            "a user as principal",
            B,
            "iam:UpdateAssumeRolePolicy",
            vec![
                ("RoleName", "App"),
                (
                    "PolicyDocument",
                    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111111111111:user/dev"]},"Action":["sts:AssumeRole"]}]}"#,
                ),
            ],
            200,
            "",
        ),
        (
            "a list of one is read back as text",
            B,
            "iam:GetRole",
            vec![("RoleName", "App")],
            200,
            "%22AWS%22%3A%22arn%3Aaws%3Aiam%3A%3A111111111111%3Auser%2Fdev%22",
        ),
        ("accounts do not see each other", A, "iam:GetRole", vec![("RoleName", "App")], 404, "NoSuchEntity"),
        ("the member goes", A, "iam:RemoveUserFromGroup", vec![("GroupName", "G"), ("UserName", "dev")], 200, ""),
        ("and can't go twice", A, "iam:RemoveUserFromGroup", vec![("GroupName", "G"), ("UserName", "dev")], 404, "NoSuchEntity"),
        ("the user goes", A, "iam:DeleteUser", vec![("UserName", "dev")], 200, ""),
        ("and leaves its unique id behind", B, "iam:GetRole", vec![("RoleName", "App")], 200, "%22AWS%22%3A%22AIDA"),
        ("a user of its name again", A, "iam:CreateUser", vec![("UserName", "dev")], 200, ""),
        ("does not get the access back", B, "iam:GetRole", vec![("RoleName", "App")], 200, "%22AWS%22%3A%22AIDA"),
        ("a page of one", B, "iam:ListRoles", vec![("MaxItems", "1")], 200, "<IsTruncated>false"),
        ("MaxItems 0", B, "iam:ListRoles", vec![("MaxItems", "0")], 400, "ValidationError"),
        ("a marker nobody gave", B, "iam:ListRoles", vec![("Marker", "x")], 400, "Marker"),
        (
            "a provider",
            B,
            "iam:CreateOpenIDConnectProvider",
            vec![("Url", "https://token.actions.githubusercontent.com"), ("ClientIDList.member.1", "sts.amazonaws.com")],
            200,
            "oidc-provider/token.actions.githubusercontent.com",
        ),
        ("the same provider", B, "iam:CreateOpenIDConnectProvider", vec![("Url", "https://token.actions.githubusercontent.com")], 409, "EntityAlreadyExists"),
        ("a provider without TLS", B, "iam:CreateOpenIDConnectProvider", vec![("Url", "http://example.com")], 400, "InvalidInput"),
        (
            "a provider's URL is read back without its scheme",
            B,
            "iam:GetOpenIDConnectProvider",
            vec![("OpenIDConnectProviderArn", "arn:aws:iam::222222222222:oidc-provider/token.actions.githubusercontent.com")],
            200,
            "<Url>token.actions.githubusercontent.com</Url>",
        ),
        ("the quotas are told", B, "iam:GetAccountSummary", vec![], 200, "<key>AssumeRolePolicySizeQuota</key><value>2048</value>"),
        ("an operation that IAM does not have", B, "iam:MakeRole", vec![], 400, "InvalidAction"),
        ("who am I", B, "sts:GetCallerIdentity", vec![], 200, "<Arn>arn:aws:iam::222222222222:root</Arn>"),
        (
            "the root user assumes no role",
            A,
            "sts:AssumeRole",
            vec![("RoleArn", "arn:aws:iam::222222222222:role/App"), ("RoleSessionName", "s1")],
            403,
            "Roles may not be assumed by root accounts.",
        ),
    ];
    let count = check(&place, &rows).await;
    assert!(count >= 95, "{count}");
}

#[tokio::test]
async fn s3_answers_as_aws_does() {
    let place = Place::new(Options::default());
    let allow = |principal: &str, action: &str, resource: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"{action}","Resource":"arn:aws:s3:::{resource}"}}]}}"#
        )
    };
    let account = r#"{"AWS":"111111111111"}"#;
    let (fine, wrong_bucket, mismatch) =
        (allow(account, "s3:GetObject", "data/*"), allow(account, "s3:GetObject", "other/*"), allow(account, "s3:GetObject", "data"));
    let (ghost, public, typo) = (
        allow(r#"{"AWS":"arn:aws:iam::111111111111:role/Ghost"}"#, "s3:GetObject", "data/*"),
        allow("\"*\"", "s3:GetObject", "data/*"),
        allow(account, "s3:GetOject", "data/*"),
    );
    let not_principal = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotPrincipal":{"AWS":"111111111111"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#;
    let huge = allow(account, "s3:GetObject", &format!("data/{}", "k".repeat(20_600)));
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    let off = "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>";
    let tokyo = "<CreateBucketConfiguration><LocationConstraint>ap-northeast-1</LocationConstraint></CreateBucketConfiguration>";
    let rows: Vec<Row<'_>> = vec![
        ("a bucket", B, "s3:PUT /data", vec![], 200, ""),
        ("again, in us-east-1", B, "s3:PUT /data", vec![], 200, ""),
        ("by somebody else", A, "s3:PUT /data", vec![], 409, "BucketAlreadyExists"),
        ("a bucket in Tokyo", B, "s3:PUT /tokyo-data", vec![("", tokyo)], 200, ""),
        ("again, in Tokyo", B, "s3:PUT /tokyo-data", vec![("", tokyo)], 409, "BucketAlreadyOwnedByYou"),
        (
            "us-east-1 by name",
            B,
            "s3:PUT /more-data",
            vec![("", "<CreateBucketConfiguration><LocationConstraint>us-east-1</LocationConstraint></CreateBucketConfiguration>")],
            400,
            "InvalidLocationConstraint",
        ),
        ("no region from elsewhere", B, "s3:PUT /more-data", vec![("region", "eu-west-1")], 400, "IllegalLocationConstraintException"),
        ("capitals in a bucket name", B, "s3:PUT /Data", vec![], 400, "InvalidBucketName"),
        ("an address as a name", B, "s3:PUT /10.0.0.1", vec![], 400, "InvalidBucketName"),
        ("a name of two characters", B, "s3:PUT /ab", vec![], 400, "InvalidBucketName"),
        (
            "us-east-1 is said by saying nothing",
            B,
            "s3:GET /data?location",
            vec![],
            200,
            "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"></LocationConstraint>",
        ),
        ("signed for the wrong region", B, "s3:GET /tokyo-data?policy", vec![], 400, "AuthorizationHeaderMalformed"),
        ("signed for the right one", B, "s3:GET /tokyo-data?policy", vec![("region", "ap-northeast-1")], 404, "NoSuchBucketPolicy"),
        ("no policy", B, "s3:GET /data?policy", vec![], 404, "NoSuchBucketPolicy"),
        ("no bucket", B, "s3:GET /nothing-here?policy", vec![], 404, "NoSuchBucket"),
        ("encrypted by default", B, "s3:GET /data?encryption", vec![], 200, "AES256"),
        ("closed to the public by default", B, "s3:GET /data?publicAccessBlock", vec![], 200, "<BlockPublicPolicy>true"),
        ("no ACLs by default", B, "s3:GET /data?ownershipControls", vec![], 200, "BucketOwnerEnforced"),
        ("no tags", B, "s3:GET /data?tagging", vec![], 404, "NoSuchTagSet"),
        ("versioning never set", B, "s3:GET /data?versioning", vec![], 200, "!Status"),
        ("logging never set", B, "s3:GET /data?logging", vec![], 200, "!LoggingEnabled"),
        (
            "logging to nowhere",
            B,
            "s3:PUT /data?logging",
            vec![("", "<BucketLoggingStatus><LoggingEnabled><TargetBucket>nowhere</TargetBucket><TargetPrefix/></LoggingEnabled></BucketLoggingStatus>")],
            400,
            "InvalidTargetBucketForLogging",
        ),
        ("tags", B, "s3:PUT /data?tagging", vec![("", tags)], 204, ""),
        ("are read back", B, "s3:GET /data?tagging", vec![], 200, "<Key>a</Key>"),
        ("the wrong expected owner", B, "s3:GET /data?policy", vec![("owner", A)], 403, "AccessDenied"),
        ("the right one", B, "s3:GET /data?policy", vec![("owner", B)], 404, "NoSuchBucketPolicy"),
        ("a policy", B, "s3:PUT /data?policy", vec![("", &fine)], 204, ""),
        ("its account is read back as a root ARN", B, "s3:GET /data?policy", vec![], 200, "arn:aws:iam::111111111111:root"),
        ("it is not public", B, "s3:GET /data?policyStatus", vec![], 200, "<IsPublic>false"),
        ("not JSON", B, "s3:PUT /data?policy", vec![("", "policy")], 400, "the first byte must be"),
        ("a newline first", B, "s3:PUT /data?policy", vec![("", "\n{}")], 400, "the first byte must be"),
        ("no statement", B, "s3:PUT /data?policy", vec![("", r#"{"Version":"2012-10-17"}"#)], 400, "Missing required field Statement"),
        ("an empty statement list", B, "s3:PUT /data?policy", vec![("", r#"{"Version":"2012-10-17","Statement":[]}"#)], 400, "Statement is empty!"),
        ("a wrong version", B, "s3:PUT /data?policy", vec![("", r#"{"Version":"2020-01-01","Statement":[]}"#)], 400, "valid version string"),
        (
            "no principal",
            B,
            "s3:PUT /data?policy",
            vec![("", r#"{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*"}]}"#)],
            400,
            "Missing required field Principal",
        ),
        ("another bucket's ARN", B, "s3:PUT /data?policy", vec![("", &wrong_bucket)], 400, "Policy has invalid resource"),
        ("an object action on the bucket", B, "s3:PUT /data?policy", vec![("", &mismatch)], 400, "Action does not apply to any resource(s) in statement"),
        ("and where", B, "s3:PUT /data?policy", vec![("", &mismatch)], 400, "in Statement &quot;NO_ID-0&quot;"),
        ("a misspelt action", B, "s3:PUT /data?policy", vec![("", &typo)], 400, "Policy has invalid action"),
        ("a principal that does not exist", B, "s3:PUT /data?policy", vec![("", &ghost)], 400, "Invalid principal in policy"),
        ("and which", B, "s3:PUT /data?policy", vec![("", &ghost)], 400, "<Detail>arn:aws:iam::111111111111:role/Ghost</Detail>"),
        ("everyone but", B, "s3:PUT /data?policy", vec![("", not_principal)], 400, "NotPrincipal"),
        (
            "a public policy",
            B,
            "s3:PUT /data?policy",
            vec![("", &public)],
            403,
            "because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
        ),
        ("too long", B, "s3:PUT /data?policy", vec![("", &huge)], 400, "Policy exceeds the maximum allowed document size."),
        ("the first policy still stands", B, "s3:GET /data?policy", vec![], 200, "arn:aws:iam::111111111111:root"),
        ("the owner's own object", B, "s3:PUT /data/k", vec![("", "body")], 200, ""),
        ("another account's root reads it", A, "s3:GET /data/k", vec![], 200, "body"),
        ("and may not write", A, "s3:PUT /data/k", vec![("", "x")], 403, "AccessDenied"),
        ("nor list", A, "s3:GET /data?list-type=2", vec![], 403, "AccessDenied"),
        ("nor is it told what is not there", A, "s3:GET /data/none", vec![], 403, "AccessDenied"),
        ("the owner is", B, "s3:GET /data/none", vec![], 404, "NoSuchKey"),
        ("another account's policy call", A, "s3:GET /data?policy", vec![], 403, "AccessDenied"),
        ("if none match", B, "s3:PUT /data/k", vec![("", "x"), ("if-none-match", "*")], 412, "PreconditionFailed"),
        ("if match, wrong", B, "s3:PUT /data/k", vec![("", "x"), ("if-match", "\"0\"")], 412, "PreconditionFailed"),
        ("if match, nothing there", B, "s3:PUT /data/none", vec![("", "x"), ("if-match", "\"0\"")], 404, "NoSuchKey"),
        ("anonymous", "", "s3:GET /data/k", vec![], 403, "AccessDenied"),
        ("a folder", B, "s3:GET /data?list-type=2&delimiter=/&prefix=", vec![], 200, "<Key>k</Key>"),
        ("not empty", B, "s3:DELETE /data", vec![], 409, "BucketNotEmpty"),
        ("three settings off", B, "s3:PUT /data?publicAccessBlock", vec![("", off)], 200, ""),
        ("what is left out is off", B, "s3:GET /data?publicAccessBlock", vec![], 200, "<BlockPublicPolicy>false"),
        ("now a public policy is taken", B, "s3:PUT /data?policy", vec![("", &public)], 204, ""),
        ("it is public", B, "s3:GET /data?policyStatus", vec![], 200, "<IsPublic>true"),
        ("and anonymous callers read", "", "s3:GET /data/k", vec![], 200, "body"),
        ("no policy any more", B, "s3:DELETE /data?policy", vec![], 204, ""),
        ("deleted again", B, "s3:DELETE /data?policy", vec![], 204, ""),
        ("the object goes", B, "s3:DELETE /data/k", vec![], 204, ""),
        ("the bucket goes", B, "s3:DELETE /data", vec![], 204, ""),
        ("it is gone", B, "s3:GET /data?policy", vec![], 404, "NoSuchBucket"),
    ];
    let count = check(&place, &rows).await;
    assert!(count >= 60, "{count}");
}

/// AssumeRole across accounts: both sides, external id, second factor, duration, chaining, sessions.
#[tokio::test]
async fn sts_enforces_both_sides() {
    let place = Place::new(Options::default());
    let user = |name: &'static str| [("UserName", name)];
    place.iam(A, "CreateUser", &user("dev")).await;
    let dev = Credentials::of(&place.iam(A, "CreateAccessKey", &user("dev")).await);
    let trust = |condition: &str| {
        format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"111111111111"}},"Action":"sts:AssumeRole"{condition}}}]}}"#)
    };
    for (name, condition) in [
        ("Plain", ""),
        ("WithId", r#","Condition":{"StringEquals":{"sts:ExternalId":"secret-1"}}"#),
        ("WithMfa", r#","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}"#),
        ("Office", r#","Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#),
    ] {
        place.iam(B, "CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", &trust(condition)), ("MaxSessionDuration", "7200")]).await;
    }
    let arn = |name: &str| format!("arn:aws:iam::{B}:role/{name}");
    let assume = async |who: &Credentials, name: &str, more: &[(&str, &str)]| {
        let arn = arn(name);
        let mut params = vec![("RoleArn", arn.as_str()), ("RoleSessionName", "test-session")];
        params.extend_from_slice(more);
        place.query_as(who, "sts", "AssumeRole", &params).await
    };
    let denied = format!("User: arn:aws:iam::{A}:user/dev is not authorized to perform: sts:AssumeRole on resource: {}", arn("Plain"));
    let (status, body) = assume(&dev, "Plain", &[]).await;
    assert_eq!(status, 403, "trusting the account is not enough: {body}");
    assert!(body.contains(&denied), "{body}");
    let (status, body) = assume(&dev, "Ghost", &[]).await;
    assert_eq!(status, 403, "a role that does not exist is not told apart: {body}");
    let may = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::222222222222:role/*"}]}"#;
    place.iam(A, "PutUserPolicy", &[("UserName", "dev"), ("PolicyName", "may"), ("PolicyDocument", may)]).await;
    for (name, more, expected, why) in [
        ("Plain", vec![], 200, ""),
        ("WithId", vec![], 403, "no external id"),
        ("WithId", vec![("ExternalId", "secret-2")], 403, "the wrong one"),
        ("WithId", vec![("ExternalId", "secret-1")], 200, ""),
        ("WithId", vec![("ExternalId", "a b")], 400, "no external id at all"),
        ("WithMfa", vec![], 403, "no second factor"),
        ("WithMfa", vec![("SerialNumber", "arn:aws:iam::111111111111:mfa/dev"), ("TokenCode", "123456")], 200, ""),
        ("WithMfa", vec![("SerialNumber", "arn:aws:iam::111111111111:mfa/dev"), ("TokenCode", "12345")], 400, "five digits"),
        ("Office", vec![], 403, "not from the office"),
        ("Plain", vec![("DurationSeconds", "7200")], 200, ""),
        ("Plain", vec![("DurationSeconds", "7201")], 400, "MaxSessionDuration set for this role"),
        ("Plain", vec![("DurationSeconds", "899")], 400, "greater than or equal to 900"),
        ("Plain", vec![("DurationSeconds", "43201")], 400, "less than or equal to 43200"),
        ("Plain", vec![("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")], 403, "nobody allowed sts:TagSession"),
    ] {
        let (status, body) = assume(&dev, name, &more).await;
        assert_eq!(status, expected, "{name} {more:?} {why}: {body}");
    }
    let mut office = dev.clone();
    office.extra.push(("x-crossrole-source-ip", "203.0.113.9".to_owned()));
    assert_eq!(assume(&office, "Office", &[]).await.0, 200);

    let session = Credentials::of(&assume(&dev, "Plain", &[]).await.1);
    let (_, me) = place.query_as(&session, "sts", "GetCallerIdentity", &[]).await;
    assert_eq!(element(&me, "Arn"), format!("arn:aws:sts::{B}:assumed-role/Plain/test-session"));
    // What the session may do is the role's affair alone.
    place.s3(B, "PUT", "/role-data", "", "").await;
    place.s3(B, "PUT", "/role-data/k", "", "body").await;
    assert_eq!(place.s3_as(&session, "us-east-1", "GET", "/role-data/k", "", &[], "").await.0, 403);
    let get = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::role-data/*"}]}"#;
    place.iam(B, "PutRolePolicy", &[("RoleName", "Plain"), ("PolicyName", "get"), ("PolicyDocument", get)]).await;
    assert_eq!(place.s3_as(&session, "us-east-1", "GET", "/role-data/k", "", &[], "").await, (200, "body".to_owned()), "the policy reaches the live session");
    // A session policy can only take away.
    let limited = Credentials::of(
        &assume(&dev, "Plain", &[("Policy", r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}]}"#)]).await.1,
    );
    assert_eq!(place.s3_as(&limited, "us-east-1", "GET", "/role-data/k", "", &[], "").await.0, 403);
    // A boundary, too.
    place.iam(B, "PutRolePermissionsBoundary", &[("RoleName", "Plain"), ("PermissionsBoundary", "arn:aws:iam::aws:policy/IAMReadOnlyAccess")]).await;
    assert_eq!(place.s3_as(&session, "us-east-1", "GET", "/role-data/k", "", &[], "").await.0, 403);
    place.iam(B, "DeleteRolePermissionsBoundary", &[("RoleName", "Plain")]).await;
    // A Deny in the bucket policy wins, and names the role by its ARN.
    let deny = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Principal":{{"AWS":"{}"}},"Action":"s3:GetObject","Resource":"arn:aws:s3:::role-data/*"}}]}}"#,
        arn("Plain")
    );
    assert_eq!(place.s3(B, "PUT", "/role-data", "policy", &deny).await.0, 204);
    let (status, body) = place.s3_as(&session, "us-east-1", "GET", "/role-data/k", "", &[], "").await;
    assert!(status == 403 && body.contains("with an explicit deny in a resource-based policy"), "{body}");
    // Chaining: an hour at most.
    let chain =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::222222222222:role/Plain"},"Action":"sts:AssumeRole"}]}"#;
    place.iam(B, "CreateRole", &[("RoleName", "Second"), ("AssumeRolePolicyDocument", chain), ("MaxSessionDuration", "7200")]).await;
    assert_eq!(assume(&session, "Second", &[]).await.0, 200, "inside one account the trust policy naming the role suffices");
    let (status, body) = assume(&session, "Second", &[("DurationSeconds", "3601")]).await;
    assert!(status == 400 && body.contains("role chaining"), "{body}");
    // A wrong secret, a wrong token, no such key.
    let forged = Credentials { secret: "x".repeat(40), ..dev.clone() };
    assert!(place.query_as(&forged, "sts", "GetCallerIdentity", &[]).await.1.contains("SignatureDoesNotMatch"));
    let untokened = Credentials { token: String::new(), ..session.clone() };
    assert!(place.query_as(&untokened, "sts", "GetCallerIdentity", &[]).await.1.contains("InvalidClientTokenId"));
    let nobody = Credentials { key: "AKIANOBODYNOBODYNOBO".into(), ..Credentials::default() };
    assert!(place.s3_as(&nobody, "us-east-1", "GET", "/", "", &[], "").await.1.contains("InvalidAccessKeyId"));
    // A role's sessions die with it, and stay dead.
    place.iam(B, "DeleteRolePolicy", &[("RoleName", "Plain"), ("PolicyName", "get")]).await;
    place.iam(B, "DeleteRole", &[("RoleName", "Plain")]).await;
    assert!(place.query_as(&session, "sts", "GetCallerIdentity", &[]).await.1.contains("InvalidClientTokenId"));
    place.iam(B, "CreateRole", &[("RoleName", "Plain"), ("AssumeRolePolicyDocument", &trust(""))]).await;
    assert!(place.query_as(&session, "sts", "GetCallerIdentity", &[]).await.1.contains("InvalidClientTokenId"));
}

/// What is about a part of a bucket or an object never touches the whole.
#[tokio::test]
async fn no_s3_request_is_taken_for_another() {
    let place = Place::new(Options::default());
    let who = Credentials { key: "222222222222".to_owned(), secret: "x".to_owned(), ..Credentials::default() };
    let ask = async |method: &str, path: &str, query: &str, body: &str| place.s3_as(&who, "us-east-1", method, path, query, &[], body).await;
    let block = "<PublicAccessBlockConfiguration><BlockPublicPolicy>true</BlockPublicPolicy></PublicAccessBlockConfiguration>";
    let tags = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    for (method, path, query, body) in
        [("PUT", "/kept", "", ""), ("PUT", "/kept/k", "", "text"), ("PUT", "/kept", "publicAccessBlock", block), ("PUT", "/kept", "tagging", tags)]
    {
        assert!(ask(method, path, query, body).await.0 < 300, "{method} {path}?{query}");
    }
    let mut seen = String::new();
    for (method, path, query) in [("GET", "/kept/k", ""), ("GET", "/kept", "publicAccessBlock"), ("GET", "/kept", "tagging")] {
        seen.push_str(&ask(method, path, query, "").await.1);
    }
    for (method, path, query, wanted, text) in [
        ("DELETE", "/kept", "cors", 204, ""),
        ("DELETE", "/kept", "lifecycle", 204, ""),
        ("DELETE", "/kept", "website", 204, ""),
        ("DELETE", "/kept", "replication", 204, ""),
        ("DELETE", "/kept", "metrics&id=a", 404, "NoSuchConfiguration"),
        ("DELETE", "/kept", "inventory&id=a", 404, "NoSuchConfiguration"),
        ("DELETE", "/kept", "analytics&id=a", 404, "NoSuchConfiguration"),
        ("DELETE", "/kept", "of-next-year", 501, "unknown parameter of-next-year"),
        ("PUT", "/kept/k", "tagging", 400, "MalformedXML"),
        ("PUT", "/kept/k", "acl", 400, "MalformedACLError"),
        ("PUT", "/kept/k", "partNumber=1&uploadId=u", 404, "NoSuchUpload"),
        ("PUT", "/kept/k", "retention", 400, "Bucket is missing Object Lock Configuration"),
        ("PUT", "/kept/k", "renameObject", 501, "RenameObject"),
        ("DELETE", "/kept/k", "tagging", 204, ""),
        ("DELETE", "/kept/k", "uploadId=u", 404, "NoSuchUpload"),
        ("GET", "/kept", "acl", 200, "AccessControlPolicy"),
    ] {
        let (status, body) = ask(method, path, query, "anything").await;
        assert!(status == wanted && body.contains(text), "{method} {path}?{query}: {status} {body}");
    }
    for (query, code) in [("cors", "NoSuchCORSConfiguration"), ("lifecycle", "NoSuchLifecycleConfiguration"), ("website", "NoSuchWebsiteConfiguration")] {
        let (status, body) = ask("GET", "/kept", query, "").await;
        assert!(status == 404 && body.contains(code), "{query}: {status} {body}");
    }
    for query in ["publicAccessBlock", "tagging", "logging", "versioning", "encryption", "ownershipControls"] {
        for body in ["", "<", "<Other/>"] {
            let (status, answer) = ask("PUT", "/kept", query, body).await;
            assert!(status == 400 && answer.contains("MalformedXML"), "{query} {body}: {status} {answer}");
        }
    }
    let mut after = String::new();
    for (method, path, query) in [("GET", "/kept/k", ""), ("GET", "/kept", "publicAccessBlock"), ("GET", "/kept", "tagging")] {
        after.push_str(&ask(method, path, query, "").await.1);
    }
    assert_eq!(seen, after);
}
