"""The foreign hand on an emulator: makes what the scenarios rely on, spoils what they made, looks for what is left."""

import json
import sys

import boto3

ENDPOINT, EMULATOR, VERB, SCENARIO = sys.argv[1:5]
TRUSTING = "222222222222"
SETUPS = {
    "log-analysts": dict(buckets=["log-bucket"], role="DevLogAccessRole"),
    "cross-account-user": dict(users=[("111111111111", "ExternalUser")], role="CrossAccountAccessRole"),
    "lambda-service": dict(roles=[("111111111111", "LambdaExecutionRole")], role="LambdaS3Reader"),
    "ec2-service": dict(roles=[("333333333333", "EC2Role")], role="EC2ArtifactReader"),
    "codepipeline-service": dict(roles=[("333333333333", "CodePipelineRole")], role="CodePipelineArtifactReader"),
    "guarded-partner": dict(buckets=["partner-exchange"], role="PartnerRole"),
    "prod-data": dict(role="ProdS3RWRole"),
    "direct-bucket-access": dict(users=[("111111111111", "ExternalUser")], buckets=["shared-artifacts"]),
    "shared-bucket-read": dict(buckets=["shared-bucket"], role="CrossAccountS3ReadRole"),
    "github-actions": dict(buckets=["site-bucket"], role="SiteDeployer"),
    "saml-federation": dict(buckets=["people-reports"], role="ReportReaders", saml="ExampleIdp"),
    "encrypted-exchange": dict(
        roles=[("444444444444", "Uploader"), ("444444444444", "Importer")],
        role="ExchangeReader",
        key=("222222222222", "eu-west-1", "1234abcd-12ab-34cd-56ef-1234567890ab"),
    ),
    "foreign-key": dict(buckets=["sealed-reports"], role="ReportReader", key=("333333333333", "us-east-1", "9f8e7d6c-1111-4222-8333-444455556666")),
    "made-key": dict(roles=[("444444444444", "Uploader"), ("444444444444", "Importer")], role="ArchiveReader", made=("eu-west-1", "alias/data/archive")),
    "permission-set": dict(role="ReportWriter", key=("222222222222", "us-east-1", "5a6b7c8d-1111-4222-8333-444455556666")),
}
SETUP = SETUPS[SCENARIO]


def client(service, account, region="us-east-1"):
    common = dict(endpoint_url=ENDPOINT, region_name=region)
    if EMULATOR == "moto":
        sts = boto3.client("sts", aws_access_key_id="test", aws_secret_access_key="test", **common)
        keys = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/bootstrap", RoleSessionName="hand")["Credentials"]
        return boto3.client(
            service,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            **common,
        )
    return boto3.client(service, aws_access_key_id=account, aws_secret_access_key="any", **common)


def theirs(bucket):
    return {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::555555555555:root"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{bucket}/theirs/*",
    }


BACKUPS = {
    "Sid": "Their backups",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::555555555555:root"},
    "Action": ["kms:Decrypt", "kms:DescribeKey"],
    "Resource": "*",
    "Condition": {"Bool": {"kms:GrantIsForAWSResource": "true"}},
}


def made_key():
    """The key that was made for the scenario, by its description: emulators give it an id of their own."""
    account, region, name = SETUP["key"]
    kms = client("kms", account, region)
    for key in kms.list_keys()["Keys"]:
        about = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        if about["Description"] == name:
            return kms, about["Arn"]
    raise AssertionError("the key is gone")


def key_statements(kms, arn):
    return json.loads(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])["Statement"]


def put_key_policy(kms, arn, statements):
    kms.put_key_policy(KeyId=arn, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": statements}))


def prepare():
    if "key" in SETUP:
        account, region, name = SETUP["key"]
        root = {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*", "Resource": "*"}
        kms = client("kms", account, region)
        arn = kms.create_key(Description=name)["KeyMetadata"]["Arn"]
        put_key_policy(kms, arn, [root, BACKUPS])
        print(f"arn:aws:kms:{region}:{account}:key/{name} {arn}")
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    for account, name in SETUP.get("users", []):
        client("iam", account).create_user(UserName=name)
    for account, name in SETUP.get("roles", []):
        client("iam", account).create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    s3 = client("s3", TRUSTING)
    for bucket in SETUP.get("buckets", []):
        s3.create_bucket(Bucket=bucket)
        if "key" in SETUP:
            rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}}
            s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [theirs(bucket)]}))


def spoil():
    if "key" in SETUP:
        kms, arn = made_key()
        kept = [s for s in key_statements(kms, arn) if not s.get("Sid", "").startswith("Crossrole")]
        new = {"Sid": "New", "Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "kms:ScheduleKeyDeletion", "Resource": "*"}
        put_key_policy(kms, arn, [*kept, new])
    if "made" in SETUP:
        region, alias = SETUP["made"]
        kms = client("kms", TRUSTING, region)
        arn = kms.describe_key(KeyId=alias)["KeyMetadata"]["Arn"]
        kms.update_key_description(KeyId=arn, Description="Mine now")
        kms.disable_key_rotation(KeyId=arn)
        kept = [s for s in key_statements(kms, arn) if not s.get("Sid", "").startswith("Crossrole")]
        put_key_policy(kms, arn, [*kept, BACKUPS])
    if "role" in SETUP:
        iam = client("iam", TRUSTING)
        star = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]}
        iam.update_assume_role_policy(RoleName=SETUP["role"], PolicyDocument=json.dumps(star))
        sneaky = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
        iam.put_role_policy(RoleName=SETUP["role"], PolicyName="sneaky", PolicyDocument=json.dumps(sneaky))
        iam.tag_role(RoleName=SETUP["role"], Tags=[{"Key": "rogue", "Value": "yes"}])
    if "saml" in SETUP:
        stranger = f"<EntityDescriptor entityID='https://stranger.example'><X509Certificate>{'A' * 1_000}</X509Certificate></EntityDescriptor>"
        arn = f"arn:aws:iam::{TRUSTING}:saml-provider/{SETUP['saml']}"
        client("iam", TRUSTING).update_saml_provider(SAMLProviderArn=arn, SAMLMetadataDocument=stranger)
    s3 = client("s3", TRUSTING)
    for bucket in SETUP.get("buckets", []):
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [theirs(bucket)]}))


def left():
    found = []
    if "key" in SETUP:
        kms, arn = made_key()
        statements = key_statements(kms, arn)
        assert [s["Sid"] for s in statements] == ["Enable IAM User Permissions", "Their backups", "New"], statements
        assert {k: v for k, v in statements[1].items() if k != "Principal"} == {k: v for k, v in BACKUPS.items() if k != "Principal"}, statements
    if "made" in SETUP:
        region, alias = SETUP["made"]
        kms = client("kms", TRUSTING, region)
        about = kms.describe_key(KeyId=alias)["KeyMetadata"]
        assert (about["KeyState"], about["Description"]) == ("Enabled", "Encrypts what partners hand in"), about
        assert kms.get_key_rotation_status(KeyId=about["KeyId"])["KeyRotationEnabled"]
        assert "Their backups" in [s.get("Sid") for s in key_statements(kms, about["Arn"])]
        assert not [s for s in key_statements(kms, about["Arn"]) if s.get("Sid", "").startswith("Crossrole")]
    for account in [TRUSTING, "111111111111", "333333333333"]:
        iam = client("iam", account)
        for kind, call, name in [("role", iam.list_roles, "Roles"), ("user", iam.list_users, "Users"), ("group", iam.list_groups, "Groups")]:
            found += [f"{account} {kind} {e[kind.capitalize() + 'Name']}" for e in call()[name]]
        found += [f"{account} provider {p['Arn']}" for p in iam.list_saml_providers()["SAMLProviderList"]]
        found += [f"{account} policy {p['PolicyName']}" for p in iam.list_policies(Scope="Local")["Policies"]]
    relied_on = {f"{account} user {name}" for account, name in SETUP.get("users", [])} | {f"{account} role {name}" for account, name in SETUP.get("roles", [])}
    found = [f for f in found if f not in relied_on]
    s3 = client("s3", TRUSTING)
    for bucket in [b["Name"] for b in s3.list_buckets().get("Buckets", [])]:
        if bucket not in SETUP.get("buckets", []):
            found.append(f"bucket {bucket}")
            continue
        policy = json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])
        statements = policy["Statement"]
        assert len(statements) == 1, statements
        want = theirs(bucket)
        assert {k: statements[0][k] for k in ("Sid", "Effect", "Action", "Resource")} == {k: want[k] for k in ("Sid", "Effect", "Action", "Resource")}, statements
    assert not found, found


{"prepare": prepare, "spoil": spoil, "left": left}[VERB]()
