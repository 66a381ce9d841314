"""Objects through clients that nobody here wrote, on `crossrole sandbox serve`: large files, trees, presigned URLs, pages.

The argument behind the endpoint says which client: `boto3`, `cli` or `s3cmd`. Every request is signed with the key of an IAM
user, so that each signature is checked.
"""

import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import boto3
import botocore.config
import botocore.exceptions

ENDPOINT, WHICH = sys.argv[1:3]
ACCOUNT, BUCKET = "222222222222", f"objects-{WHICH}"
# Three parts of the CLI's eight megabytes.
LARGE = random.Random(1).randbytes(20_000_000)


def client(service, key, secret, **more):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret, **more)


def user():
    iam = client("iam", ACCOUNT, "any")
    iam.create_user(UserName="objects")
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="objects", PolicyName="all", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName="objects")["AccessKey"]
    return key["AccessKeyId"], key["SecretAccessKey"]


def fetch(url, method="GET", body=None):
    # Without a type of its own a body would be sent as a form's, which nobody signed.
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": ""} if body else {})
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def with_boto3(key, secret):
    s3 = client("s3", key, secret)
    s3.create_bucket(Bucket=BUCKET)
    s3.upload_fileobj(io.BytesIO(LARGE), BUCKET, "large")
    assert s3.head_object(Bucket=BUCKET, Key="large")["ETag"].endswith('-3"')
    back = io.BytesIO()
    s3.download_fileobj(BUCKET, "large", back)
    assert back.getvalue() == LARGE
    put = s3.put_object(Bucket=BUCKET, Key="small", Body=b"small")
    assert put["ETag"].strip('"') == hashlib.md5(b"small").hexdigest(), put
    for algorithm in ["CRC32", "SHA1", "SHA256"]:
        s3.put_object(Bucket=BUCKET, Key="summed", Body=io.BytesIO(b"summed"), ChecksumAlgorithm=algorithm)
        assert s3.get_object(Bucket=BUCKET, Key="summed", ChecksumMode="ENABLED")["Body"].read() == b"summed"
    for version in ["s3v4", "s3"]:
        signer = client("s3", key, secret, config=botocore.config.Config(signature_version=version))
        get = signer.generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "small"}, ExpiresIn=60)
        assert fetch(get) == (200, b"small"), version
        assert fetch(get.replace("small", "large"))[0] == 403, version
        write = signer.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": f"put-{version}"}, ExpiresIn=60)
        assert fetch(write, "PUT", b"from a browser")[0] == 200, version
        assert s3.get_object(Bucket=BUCKET, Key=f"put-{version}")["Body"].read() == b"from a browser"
        assert fetch(write)[0] == 403, version
    conditions(s3)
    pages(s3)


def refused(call, code):
    try:
        call()
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == code, error
    else:
        raise AssertionError(f"not refused: {code}")


def conditions(s3):
    """Writes and deletions under conditions, and a date on every answer."""
    place = dict(Bucket=BUCKET, Key="conditions")
    one = s3.put_object(**place, Body=b"one", IfNoneMatch="*")
    refused(lambda: s3.put_object(**place, Body=b"two", IfNoneMatch="*"), "PreconditionFailed")
    two = s3.put_object(**place, Body=b"two", IfMatch=one["ETag"])
    refused(lambda: s3.put_object(**place, Body=b"three", IfMatch=one["ETag"]), "PreconditionFailed")
    refused(lambda: s3.put_object(Bucket=BUCKET, Key="none", Body=b"x", IfMatch=one["ETag"]), "NoSuchKey")
    refused(lambda: s3.delete_object(**place, IfMatch=one["ETag"]), "PreconditionFailed")
    read = s3.get_object(**place)
    assert read["Body"].read() == b"two" and "date" in read["ResponseMetadata"]["HTTPHeaders"], read
    s3.delete_object(**place, IfMatch=two["ETag"])
    s3.put_object(**place, Body=b"four", IfNoneMatch="*")


def pages(s3):
    """Paginators end, and say everything once."""
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    wanted = [f"folder-{n}/{m}" for n in range(4) for m in range(3)]
    for key in wanted:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    upload = [s3.create_multipart_upload(Bucket=BUCKET, Key=f"upload-{n}")["UploadId"] for n in range(3)]
    for n in range(1, 4):
        s3.upload_part(Bucket=BUCKET, Key="upload-0", UploadId=upload[0], PartNumber=n, Body=b"x")
    for operation in ["list_objects", "list_objects_v2"]:
        paginate = s3.get_paginator(operation).paginate
        found = [o["Key"] for p in paginate(Bucket=BUCKET, Prefix="folder-", PaginationConfig={"PageSize": 2}) for o in p.get("Contents", [])]
        assert found == wanted, (operation, found)
        folders = [f["Prefix"] for p in paginate(Bucket=BUCKET, Prefix="folder-", Delimiter="/", PaginationConfig={"PageSize": 1}) for f in p.get("CommonPrefixes", [])]
        assert folders == [f"folder-{n}/" for n in range(4)], (operation, folders)
    versions = [v["Key"] for p in s3.get_paginator("list_object_versions").paginate(Bucket=BUCKET, Prefix="folder-", PaginationConfig={"PageSize": 5}) for v in p["Versions"]]
    assert versions == sorted(wanted * 2), versions
    uploads = [u["Key"] for p in s3.get_paginator("list_multipart_uploads").paginate(Bucket=BUCKET, PaginationConfig={"PageSize": 1}) for u in p.get("Uploads", [])]
    assert uploads == ["upload-0", "upload-1", "upload-2"], uploads
    parts = [x["PartNumber"] for p in s3.get_paginator("list_parts").paginate(Bucket=BUCKET, Key="upload-0", UploadId=upload[0], PaginationConfig={"PageSize": 1}) for x in p.get("Parts", [])]
    assert parts == [1, 2, 3], parts
    buckets = [b["Name"] for p in s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1}) for b in p["Buckets"]]
    assert BUCKET in buckets


def tree(folder):
    names = {"one.txt": b"1", "a/two.txt": b"2", "a/b/three and \u00e9.txt": b"3"}
    for name, body in names.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(body)
    return names


def read(folder):
    found = {}
    for place, _, files in os.walk(folder):
        for name in files:
            path = os.path.join(place, name)
            with open(path, "rb") as file:
                found[os.path.relpath(path, folder)] = file.read()
    return found


def with_command(run, presigns):
    """A large file both ways, a tree both ways, a presigned URL, and the end of the bucket."""
    with tempfile.TemporaryDirectory() as folder:
        large, back = os.path.join(folder, "large"), os.path.join(folder, "back")
        with open(large, "wb") as file:
            file.write(LARGE)
        commands = run(folder)
        commands["make"]()
        commands["up"](large, "large")
        commands["down"]("large", back)
        with open(back, "rb") as file:
            assert file.read() == LARGE
        here, there = os.path.join(folder, "here"), os.path.join(folder, "there")
        wanted = tree(here)
        os.makedirs(there)
        commands["sync"](f"{here}/", f"s3://{BUCKET}/tree/")
        commands["sync"](f"s3://{BUCKET}/tree/", f"{there}/")
        assert read(there) == wanted, read(there)
        url = presigns(folder, f"s3://{BUCKET}/tree/one.txt")
        assert fetch(url) == (200, b"1"), url
        assert fetch(url.replace("one.txt", "a/two.txt"))[0] == 403
        commands["end"]()


def with_cli(key, secret):
    environment = dict(os.environ, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret, AWS_DEFAULT_REGION="us-east-1", AWS_ENDPOINT_URL=ENDPOINT, AWS_PAGER="")

    def aws(*words):
        done = subprocess.run([os.path.join(os.path.dirname(sys.executable), "aws"), "s3", *words], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout

    def run(_):
        return {
            "make": lambda: aws("mb", f"s3://{BUCKET}"),
            "up": lambda path, name: aws("cp", path, f"s3://{BUCKET}/{name}"),
            "down": lambda name, path: aws("cp", f"s3://{BUCKET}/{name}", path),
            "sync": lambda a, b: aws("sync", a, b),
            "end": lambda: aws("rb", "--force", f"s3://{BUCKET}"),
        }

    with_command(run, lambda _, name: aws("presign", name).strip())


def with_s3cmd(key, secret):
    host = ENDPOINT.removeprefix("http://")

    def s3cmd(folder, *words):
        settings = os.path.join(folder, "s3cfg")
        with open(settings, "w", encoding="utf-8") as file:
            file.write(f"[default]\naccess_key = {key}\nsecret_key = {secret}\nhost_base = {host}\nhost_bucket = {host}\nuse_https = False\nbucket_location = us-east-1\n")
        done = subprocess.run([sys.executable, os.path.join(os.path.dirname(sys.executable), "s3cmd"), "-c", settings, *words], capture_output=True, text=True)
        assert done.returncode == 0 and "MD5 signatures do not match" not in done.stderr, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout

    def run(folder):
        return {
            "make": lambda: s3cmd(folder, "mb", f"s3://{BUCKET}"),
            "up": lambda path, name: s3cmd(folder, "put", "--multipart-chunk-size-mb=8", path, f"s3://{BUCKET}/{name}"),
            "down": lambda name, path: s3cmd(folder, "get", f"s3://{BUCKET}/{name}", path),
            "sync": lambda a, b: s3cmd(folder, "sync", a, b),
            "end": lambda: s3cmd(folder, "rb", "--recursive", "--force", f"s3://{BUCKET}"),
        }

    with_command(run, lambda folder, name: s3cmd(folder, "signurl", name, "+60").strip())


{"boto3": with_boto3, "cli": with_cli, "s3cmd": with_s3cmd}[WHICH](*user())
print("ok")
