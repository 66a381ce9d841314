"""Locks where nobody here decides about conditional writes: on an emulator, and read and written by boto3, as another hand would.

Arguments: the endpoint, which it is (`moto`, `ministack` or `sandbox`), and our command.
"""

import json
import os
import subprocess
import sys
import tempfile
import time

import boto3
import botocore.exceptions

ENDPOINT, WHICH, COMMAND = sys.argv[1:4]
TRUSTING, KEEPER = "222222222222", "333333333333"
PLACE = dict(Bucket="platform-locks", Key="crossrole/locks.json")
ID = "0123456789abcdef" * 2
FOLDER = tempfile.mkdtemp()


def client(service, account):
    common = dict(endpoint_url=ENDPOINT, region_name="us-east-1")
    if WHICH == "moto":
        sts = boto3.client("sts", aws_access_key_id="test", aws_secret_access_key="test", **common)
        keys = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/bootstrap", RoleSessionName="hand")["Credentials"]
        return boto3.client(
            service, aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretAccessKey"], aws_session_token=keys["SessionToken"], **common
        )
    return boto3.client(service, aws_access_key_id=account, aws_secret_access_key="any", **common)


def refused(call, *codes):
    try:
        call()
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] in codes, error
    else:
        raise AssertionError(f"not refused: {codes}")


def manifest(name, roles):
    path = os.path.join(FOLDER, f"{name}.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'name = "{name}"\n[trusting]\naccount = "{TRUSTING}"\n')
        for role in roles:
            file.write(f'[roles.{role}]\n[[roles.{role}.trust]]\nservice = "ec2.amazonaws.com"\n')
            file.write(f'[[roles.{role}.allow]]\nactions = "s3:ListAllMyBuckets"\nresources = "*"\n')
    return path


SETTINGS = os.path.join(FOLDER, "crossrole.toml")
with open(SETTINGS, "w", encoding="utf-8") as file:
    file.write(f'[lock]\nbucket = "platform-locks"\naccount = "{KEEPER}"\nregion = "us-east-1"\n')
    if WHICH == "moto":
        file.write('[defaults]\nrole_name = "bootstrap"\n')


def start(*words):
    environment = dict(os.environ, AWS_ENDPOINT_URL=ENDPOINT, AWS_REGION="us-east-1")
    if WHICH == "moto":
        environment.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    else:
        environment.update(CROSSROLE_ACCOUNT_AS_KEY="1")
    return subprocess.Popen([COMMAND, *words, "--config", SETTINGS], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ended(process, code):
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, f"{process.args}: {process.returncode}\n{out}{err}"
    return out + err


def apply(path, *more):
    return start("apply", "--auto-approve", "--quiet", *more, path)


s3 = client("s3", KEEPER)
s3.create_bucket(Bucket="platform-locks")


def table():
    answer = s3.get_object(**PLACE)
    return json.loads(answer["Body"].read()), answer["ETag"]


ended(apply(manifest("one", ["One"])), 0)
found, etag = table()
assert found["format_version"] == 1 and found["locks"] == [], found

# Another hand, with the conditions that we rely on.
refused(lambda: s3.put_object(**PLACE, Body=b"x", IfNoneMatch="*"), "PreconditionFailed")
refused(lambda: s3.put_object(**PLACE, Body=b"x", IfMatch='"' + "0" * 32 + '"'), "PreconditionFailed")
now = int(time.time())
lock = dict(id=ID, accounts=[TRUSTING], who="arn:aws:iam::333333333333:user/boto3", run="", command="apply", since=now, expires=now + 600)
s3.put_object(**PLACE, Body=json.dumps(dict(found, locks=[lock])).encode(), IfMatch=etag)
said = ended(apply(manifest("two", ["Two"])), 4)
assert "account 222222222222 is locked by another run" in said and "user/boto3" in said, said
said = ended(start("force-unlock", ID, "--auto-approve"), 0)
assert "Removed.\n" in said, said
assert table()[0]["locks"] == []

# One whose lock has ended keeps nobody out.
found, etag = table()
s3.put_object(**PLACE, Body=json.dumps(dict(found, locks=[dict(lock, expires=now - 60)])).encode(), IfMatch=etag)
ended(apply(manifest("two", ["Two"])), 0)

# Several at once: each waits for the others, and all are done.
running = [apply(manifest(f"many{n}", [f"Many{n}"]), "--lock-timeout", "5m") for n in range(4)]
for process in running:
    ended(process, 0)
iam = client("iam", TRUSTING)
for role in ["One", "Two", *(f"Many{n}" for n in range(4))]:
    iam.get_role(RoleName=role)
assert table()[0]["locks"] == []

# Where nothing is: it is made anew.
s3.delete_object(**PLACE)
ended(apply(manifest("three", ["Three"])), 0)
assert table()[0]["locks"] == []
print("ok")
