"""The encrypted exchange, by clients that nobody here wrote: what `crossrole apply` gives, the AWS CLI or boto3 uses, and each
side that is taken away closes it again.

Arguments: the sandbox's address, `boto3` or `cli`, the crossrole command, the manifest.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from clients import CLIENT, ENDPOINT, Refused, refused

COMMAND, MANIFEST = sys.argv[3:5]
OWNER, PARTNER, REGION = "222222222222", "444444444444", "eu-west-1"
BUCKET, OBJECT = "encrypted-exchange", "from-partner/x"
CALLER = f"arn:aws:iam::{PARTNER}:policy/crossrole/caller/crossrole-caller-role-Uploader"


def crossrole(*words, file):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment |= {"AWS_ENDPOINT_URL": ENDPOINT, "AWS_REGION": REGION, "CROSSROLE_ACCOUNT_AS_KEY": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run([COMMAND, *words, file], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def assumed(client, role, **parameters):
    got = client.call("sts", "assume_role", RoleArn=role, RoleSessionName="by-hand", **parameters)["Credentials"]
    return CLIENT(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], region=REGION)


def main():
    owner, partner = CLIENT(OWNER, region=REGION), CLIENT(PARTNER, region=REGION)

    # A key that leaves nothing to the policies of its account but looking after it.
    arn = owner.call("kms", "create_key", Description="Exchange")["KeyMetadata"]["Arn"]
    keeps = ["kms:Describe*", "kms:Get*", "kms:List*", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"]
    foreign = [{"Sid": "Keepers", "Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OWNER}:root"}, "Action": keeps, "Resource": "*"}]
    close = dict(KeyId=arn, PolicyName="default", Policy=json.dumps({"Version": "2012-10-17", "Statement": foreign}))
    owner.call("kms", "put_key_policy", **close)

    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{PARTNER}:root"}, "Action": "sts:AssumeRole"}]}
    for role in ("Uploader", "Importer"):
        partner.call("iam", "create_role", RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))
    partner.call("iam", "create_user", UserName="hands")
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": f"arn:aws:iam::{PARTNER}:role/*"}]}
    partner.call("iam", "put_user_policy", UserName="hands", PolicyName="p", PolicyDocument=json.dumps(may))
    keys = partner.call("iam", "create_access_key", UserName="hands")["AccessKey"]
    hands = CLIENT(keys["AccessKeyId"], keys["SecretAccessKey"], region=REGION)

    with tempfile.TemporaryDirectory() as folder:
        file, upload = f"{folder}/exchange.toml", f"{folder}/upload"
        text = pathlib.Path(MANIFEST).read_text()
        declared = next(line.split('"')[1] for line in text.splitlines() if line.startswith("arn = "))
        pathlib.Path(file).write_text(text.replace(declared, arn))
        pathlib.Path(upload).write_text("hello")
        crossrole("apply", "--auto-approve", "--quiet", file=file)
        assert "No changes." in crossrole("plan", file=file)
        policy = json.loads(owner.call("kms", "get_key_policy", KeyId=arn, PolicyName="default")["Policy"])
        assert policy["Statement"][0]["Sid"] == "Keepers" and len(policy["Statement"]) > 1, policy

        uploader = assumed(hands, f"arn:aws:iam::{PARTNER}:role/Uploader")
        importer = assumed(hands, f"arn:aws:iam::{PARTNER}:role/Importer")
        reader = assumed(importer, f"arn:aws:iam::{OWNER}:role/ExchangeReader", ExternalId="exchange-0815")
        uploader.upload(upload, BUCKET, OBJECT)
        head = reader.call("s3", "head_object", Bucket=BUCKET, Key=OBJECT)
        assert head["ServerSideEncryption"] == "aws:kms" and head["SSEKMSKeyId"] == arn, head
        assert reader.download(BUCKET, OBJECT) == b"hello"
        reader.upload(upload, BUCKET, "ours/y")
        assert len(reader.call("s3", "list_objects_v2", Bucket=BUCKET)["Contents"]) == 2
        # Only through S3.
        refused("AccessDenied", reader.call, "kms", "generate_data_key", KeyId=arn, KeySpec="AES_256")
        refused("AccessDenied", hands.call, "kms", "describe_key", KeyId=arn)

        def explain():
            return crossrole("explain", "partner/role/Uploader", "s3:PutObject", f"{BUCKET}/{OBJECT}", "--from", "live", file=file)

        sides = {
            "no resource-based policy allows it": lambda: owner.call("s3", "delete_bucket_policy", Bucket=BUCKET),
            f"may not kms:GenerateDataKey on {arn}": lambda: owner.call("kms", "put_key_policy", **close),
            "no identity-based policy allows it": lambda: partner.call("iam", "detach_role_policy", RoleName="Uploader", PolicyArn=CALLER),
        }
        for named, take_away in sides.items():
            assert "yes: role Uploader" in explain(), explain()
            take_away()
            try:
                uploader.call("s3", "put_object", Bucket=BUCKET, Key=OBJECT)
            except Refused as error:
                assert "AccessDenied" in str(error), error
            else:
                raise AssertionError(f"let in, though {named}")
            said = explain()
            assert "no: role Uploader" in said and named in said, said
            crossrole("apply", "--auto-approve", "--quiet", file=file)
            uploader.upload(upload, BUCKET, OBJECT)

        for key in (OBJECT, "ours/y"):
            versions = owner.call("s3", "list_object_versions", Bucket=BUCKET, Prefix=key)
            for version in versions["Versions"]:
                owner.call("s3", "delete_object", Bucket=BUCKET, Key=key, VersionId=version["VersionId"])
        crossrole("destroy", "--auto-approve", "--quiet", file=file)
        policy = json.loads(owner.call("kms", "get_key_policy", KeyId=arn, PolicyName="default")["Policy"])
        assert policy["Statement"] == foreign, policy


if __name__ == "__main__":
    main()
