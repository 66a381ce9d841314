"""Clients that nobody here wrote, on `crossrole sandbox serve`: the by-hand sequence of the published guides, in two accounts.

With the argument `boto3` the AWS SDK for Python makes every call, with `cli` the AWS CLI does.
"""

import json
import os
import subprocess
import sys
import tempfile

import boto3
import botocore.exceptions

ENDPOINT, WHICH = sys.argv[1:3]
DEV, PROD = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{PROD}:role/ProdS3RWRole"
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{DEV}:root"}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": "an-external-id"}}}]}
PERMISSIONS = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "arn:aws:s3:::by-hand-bucket"},
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::by-hand-bucket/*"},
    ],
}
BUCKET_POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"], "Resource": "arn:aws:s3:::by-hand-bucket/*"}]}
MAY_ASSUME = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE}]}


class Refused(Exception):
    pass


class Boto3:
    """Operations by their snake_case names."""

    def __init__(self, key, secret="any", token=None, region="us-east-1"):
        self.make = lambda service: boto3.client(service, endpoint_url=ENDPOINT, region_name=region, aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token)

    def call(self, service, operation, **parameters):
        try:
            answer = getattr(self.make(service), operation)(**parameters)
        except botocore.exceptions.ClientError as error:
            raise Refused(f"{error.response['Error']['Code']}: {error.response['Error']['Message']}") from error
        return answer

    def upload(self, path, bucket, key):
        with open(path, "rb") as body:
            self.call("s3", "put_object", Bucket=bucket, Key=key, Body=body)

    def download(self, bucket, key):
        return self.call("s3", "get_object", Bucket=bucket, Key=key)["Body"].read()

    def listing(self, bucket):
        return [o["Key"] for o in self.call("s3", "list_objects_v2", Bucket=bucket).get("Contents", [])]


class Cli:
    """The same through `aws`."""

    def __init__(self, key, secret="any", token=None, region="us-east-1"):
        self.environment = dict(os.environ, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret, AWS_DEFAULT_REGION=region, AWS_ENDPOINT_URL=ENDPOINT, AWS_PAGER="")
        self.environment.pop("AWS_SESSION_TOKEN", None)
        if token:
            self.environment["AWS_SESSION_TOKEN"] = token

    def run(self, *words):
        done = subprocess.run([os.path.join(os.path.dirname(sys.executable), "aws"), *words], env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise Refused(done.stderr.strip())
        return done.stdout

    def call(self, service, operation, **parameters):
        service = {"s3": "s3api"}.get(service, service)
        words = [service, operation.replace("_", "-"), "--cli-input-json", json.dumps(parameters), "--output", "json"]
        text = self.run(*words)
        return json.loads(text) if text.strip() else {}

    def upload(self, path, bucket, key):
        self.run("s3", "cp", path, f"s3://{bucket}/{key}")

    def download(self, bucket, key):
        with tempfile.TemporaryDirectory() as folder:
            self.run("s3", "cp", f"s3://{bucket}/{key}", f"{folder}/object")
            with open(f"{folder}/object", "rb") as body:
                return body.read()

    def listing(self, bucket):
        return [line.split()[-1] for line in self.run("s3", "ls", f"s3://{bucket}").splitlines()]


CLIENT = {"boto3": Boto3, "cli": Cli}[WHICH]


def refused(code, act, *arguments, **parameters):
    try:
        act(*arguments, **parameters)
    except Refused as error:
        assert code in str(error), f"wanted {code}: {error}"
        return
    raise AssertionError(f"{act} {arguments} {parameters} was not refused")


def main():
    dev, prod = CLIENT(DEV), CLIENT(PROD)
    assert prod.call("sts", "get_caller_identity")["Account"] == PROD

    prod.call("iam", "create_role", RoleName="ProdS3RWRole", AssumeRolePolicyDocument=json.dumps(TRUST), Description="By hand", MaxSessionDuration=7200, Tags=[{"Key": "team", "Value": "data"}])
    refused("EntityAlreadyExists", prod.call, "iam", "create_role", RoleName="prods3rwrole", AssumeRolePolicyDocument=json.dumps(TRUST))
    refused("MalformedPolicyDocument", prod.call, "iam", "create_role", RoleName="Other", AssumeRolePolicyDocument="{}")
    role = prod.call("iam", "get_role", RoleName="ProdS3RWRole")["Role"]
    assert role["Arn"] == ROLE and role["MaxSessionDuration"] == 7200 and role["AssumeRolePolicyDocument"] == {**TRUST, "Statement": [TRUST["Statement"][0]]}, role
    prod.call("iam", "put_role_policy", RoleName="ProdS3RWRole", PolicyName="access", PolicyDocument=json.dumps(PERMISSIONS))
    refused("MalformedPolicyDocument", prod.call, "iam", "put_role_policy", RoleName="ProdS3RWRole", PolicyName="bad", PolicyDocument=json.dumps(TRUST))
    refused("NoSuchEntity", prod.call, "iam", "put_role_policy", RoleName="Ghost", PolicyName="access", PolicyDocument=json.dumps(PERMISSIONS))

    singapore = CLIENT(PROD, region="ap-southeast-1")
    singapore.call("s3", "create_bucket", Bucket="by-hand-bucket", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
    refused("BucketAlreadyOwnedByYou", singapore.call, "s3", "create_bucket", Bucket="by-hand-bucket", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})
    refused("BucketAlreadyExists", dev.call, "s3", "create_bucket", Bucket="by-hand-bucket")
    refused("NoSuchBucketPolicy", singapore.call, "s3", "get_bucket_policy", Bucket="by-hand-bucket")
    singapore.call("s3", "put_bucket_policy", Bucket="by-hand-bucket", Policy=json.dumps(BUCKET_POLICY))
    ghost = json.dumps(BUCKET_POLICY).replace("ProdS3RWRole", "Ghost")
    refused("MalformedPolicy", singapore.call, "s3", "put_bucket_policy", Bucket="by-hand-bucket", Policy=ghost)
    assert json.loads(singapore.call("s3", "get_bucket_policy", Bucket="by-hand-bucket")["Policy"]) == BUCKET_POLICY
    singapore.call("s3", "put_bucket_versioning", Bucket="by-hand-bucket", VersioningConfiguration={"Status": "Enabled"})
    assert singapore.call("s3", "get_bucket_versioning", Bucket="by-hand-bucket")["Status"] == "Enabled"

    arn = dev.call("iam", "create_policy", PolicyName="AssumeProdS3RWRole", PolicyDocument=json.dumps(MAY_ASSUME))["Policy"]["Arn"]
    dev.call("iam", "create_group", GroupName="Developers")
    refused("NoSuchEntity", dev.call, "iam", "attach_group_policy", GroupName="Developers", PolicyArn=arn + "X")
    dev.call("iam", "attach_group_policy", GroupName="Developers", PolicyArn=arn)
    dev.call("iam", "create_user", UserName="dev-user")
    refused("EntityAlreadyExists", dev.call, "iam", "create_user", UserName="Dev-User")
    keys = dev.call("iam", "create_access_key", UserName="dev-user")["AccessKey"]
    user = CLIENT(keys["AccessKeyId"], keys["SecretAccessKey"])
    assert user.call("sts", "get_caller_identity")["Arn"] == f"arn:aws:iam::{DEV}:user/dev-user"
    wrong = CLIENT(keys["AccessKeyId"], "x" * 40)
    refused("SignatureDoesNotMatch", wrong.call, "sts", "get_caller_identity")

    session = dict(RoleArn=ROLE, RoleSessionName="by-hand")
    refused("AccessDenied", user.call, "sts", "assume_role", **session, ExternalId="an-external-id")
    dev.call("iam", "add_user_to_group", GroupName="Developers", UserName="dev-user")
    refused("NoSuchEntity", dev.call, "iam", "add_user_to_group", GroupName="Developers", UserName="nobody")
    refused("AccessDenied", user.call, "sts", "assume_role", **session)
    refused("AccessDenied", user.call, "sts", "assume_role", **session, ExternalId="another-id")
    refused("ValidationError", user.call, "sts", "assume_role", **session, ExternalId="an-external-id", DurationSeconds=7201)
    got = user.call("sts", "assume_role", **session, ExternalId="an-external-id", DurationSeconds=7200)["Credentials"]
    data = CLIENT(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], region="ap-southeast-1")
    assert data.call("sts", "get_caller_identity")["Arn"] == f"arn:aws:sts::{PROD}:assumed-role/ProdS3RWRole/by-hand"

    with tempfile.TemporaryDirectory() as folder:
        with open(f"{folder}/file", "wb") as file:
            file.write(b"by hand \x00\xff" * 1000)
        data.upload(f"{folder}/file", "by-hand-bucket", "teams/file")
        refused("AccessDenied", CLIENT(keys["AccessKeyId"], keys["SecretAccessKey"], region="ap-southeast-1").upload, f"{folder}/file", "by-hand-bucket", "teams/other")
    assert data.download("by-hand-bucket", "teams/file") == b"by hand \x00\xff" * 1000
    assert data.listing("by-hand-bucket") in (["teams/file"], ["teams/"]), data.listing("by-hand-bucket")
    refused("AccessDenied", data.call, "s3", "list_buckets")
    refused("AccessDenied", data.call, "iam", "list_roles")
    refused("BucketNotEmpty", singapore.call, "s3", "delete_bucket", Bucket="by-hand-bucket")
    data.call("s3", "delete_object", Bucket="by-hand-bucket", Key="teams/file")

    refused("DeleteConflict", prod.call, "iam", "delete_role", RoleName="ProdS3RWRole")
    refused("DeleteConflict", dev.call, "iam", "delete_group", GroupName="Developers")
    refused("DeleteConflict", dev.call, "iam", "delete_policy", PolicyArn=arn)
    prod.call("iam", "delete_role_policy", RoleName="ProdS3RWRole", PolicyName="access")
    prod.call("iam", "delete_role", RoleName="ProdS3RWRole")
    left = json.loads(singapore.call("s3", "get_bucket_policy", Bucket="by-hand-bucket")["Policy"])["Statement"][0]["Principal"]["AWS"]
    assert left.startswith("AROA"), left
    refused("InvalidClientTokenId", data.call, "sts", "get_caller_identity")
    singapore.call("s3", "delete_bucket_policy", Bucket="by-hand-bucket")
    # What was deleted is still there, below its marker.
    versions = singapore.call("s3", "list_object_versions", Bucket="by-hand-bucket")
    for version in versions.get("Versions", []) + versions.get("DeleteMarkers", []):
        singapore.call("s3", "delete_object", Bucket="by-hand-bucket", Key=version["Key"], VersionId=version["VersionId"])
    singapore.call("s3", "delete_bucket", Bucket="by-hand-bucket")
    dev.call("iam", "remove_user_from_group", GroupName="Developers", UserName="dev-user")
    dev.call("iam", "detach_group_policy", GroupName="Developers", PolicyArn=arn)
    dev.call("iam", "delete_group", GroupName="Developers")
    dev.call("iam", "delete_policy", PolicyArn=arn)
    refused("DeleteConflict", dev.call, "iam", "delete_user", UserName="dev-user")
    dev.call("iam", "delete_access_key", UserName="dev-user", AccessKeyId=keys["AccessKeyId"])
    dev.call("iam", "delete_user", UserName="dev-user")


if __name__ == "__main__":
    main()
