"""`verify` with real credentials of users, on an AWS that is not the command's own: green, and red where something was spoiled."""

import json
import os
import subprocess
import sys
import tempfile

import boto3

ENDPOINT, WHERE, BIN = sys.argv[1:4]
TRUSTING, DEV = "222222222222", "111111111111"
FOLDER = tempfile.mkdtemp(prefix="crossrole-proofs-")
# What this AWS does not do as AWS does it: sessions longer than the role's are given out.
UNTRUE = {"ministack": {"too-long"}}.get(WHERE, set())

MANIFEST = """
name = "proofs"
[trusting]
account = "222222222222"
[trusted.dev]
account = "111111111111"
[trusted.dev.users.Ann]
[trusted.dev.users.Bob]
[buckets.proofs-bucket]
create = true
[roles.Prover]
[[roles.Prover.trust]]
user = "dev/Ann"
external_id = "proofs-4711"
[[roles.Prover.allow]]
bucket = "proofs-bucket"
access = "read-write"
prefix = "in/"
"""


def client(service, account):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id=account, aws_secret_access_key="any")


def path(name, text=None):
    full = os.path.join(FOLDER, name)
    if text is not None:
        with open(os.open(full, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
    return full


def crossrole(*words):
    env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    env |= {"AWS_ENDPOINT_URL": ENDPOINT, "AWS_REGION": "us-east-1", "CROSSROLE_ACCOUNT_AS_KEY": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    env |= {"AWS_CONFIG_FILE": path("config"), "AWS_SHARED_CREDENTIALS_FILE": path("credentials")}
    return subprocess.run([BIN, *words, "--config", path("crossrole.toml"), path("manifest.toml")], env=env, capture_output=True, text=True, cwd=FOLDER)


def verify():
    done = crossrole("verify", "--json", "--write-probes", "--deadline", "2")
    try:
        value = json.loads(done.stdout)
    except ValueError:
        raise SystemExit(f"{done.stdout}{done.stderr}")
    for keys in KEYS.values():
        assert keys["SecretAccessKey"] not in done.stdout + done.stderr
    return done.returncode, value


def red(value):
    cells = [cell for cell in value["cells"] if cell["verdict"] != "holds"]
    return [cell for cell in cells if cell["twist"] not in UNTRUE]


path("manifest.toml", MANIFEST)
path("config", "")
path("credentials", "")
path("crossrole.toml", "")
done = crossrole("apply", "--auto-approve", "--quiet")
assert done.returncode == 0, done.stdout + done.stderr
s3, iam, dev = client("s3", TRUSTING), client("iam", TRUSTING), client("iam", DEV)
for key in ["in/a.txt", "out.txt"]:
    s3.put_object(Bucket="proofs-bucket", Key=key, Body=b"x")
KEYS = {user: dev.create_access_key(UserName=user)["AccessKey"] for user in ["Ann", "Bob"]}
lines = [f"[{user}]\naws_access_key_id = {k['AccessKeyId']}\naws_secret_access_key = {k['SecretAccessKey']}\n" for user, k in KEYS.items()]
path("credentials", "\n".join(lines))
printed = json.dumps({"Version": 1, "AccessKeyId": KEYS["Bob"]["AccessKeyId"], "SecretAccessKey": KEYS["Bob"]["SecretAccessKey"]})
path("bob.json", printed)
path("bob.sh", "echo run >> runs\ncat bob.json\n")
SETTINGS = '[[verify.principals]]\nname = "dev/user/Ann"\nprofile = "Ann"\n[[verify.principals]]\nname = "dev/user/Bob"\ncommand = "sh bob.sh"\n'
path("crossrole.toml", SETTINGS)

code, value = verify()
assert not red(value), json.dumps(red(value), indent=1)
assert code == (1 if UNTRUE else 0), value["counts"]
called = {(cell["principal"].split("/")[-1], cell["act"]["call"], cell["twist"]) for cell in value["cells"] if cell["known"]["by"] == "calls"}
wanted = {
    ("Ann", "assume", "as-granted"),
    ("Ann", "assume", "no-external-id"),
    ("Ann", "assume", "wrong-external-id"),
    ("Bob", "assume", "other-principal"),
    ("Ann", "get", "as-granted"),
    ("Ann", "put", "as-granted"),
    ("Ann", "delete", "as-granted"),
    ("Ann", "get", "outside"),
    ("Bob", "list", "other-principal"),
    ("anonymous", "list", "unsigned"),
}
assert wanted <= called, wanted - called
with open(path("runs")) as file:
    assert file.read() == "run\n", "a command that gives credentials is run once"
listed = s3.list_objects_v2(Bucket="proofs-bucket").get("Contents", [])
assert sorted(each["Key"] for each in listed) == ["in/a.txt", "out.txt"], listed

# A hand drops the external id.
trust = iam.get_role(RoleName="Prover")["Role"]["AssumeRolePolicyDocument"]
spoiled = json.loads(json.dumps(trust))
for statement in spoiled["Statement"]:
    statement.pop("Condition", None)
iam.update_assume_role_policy(RoleName="Prover", PolicyDocument=json.dumps(spoiled))
code, value = verify()
found = {(cell["principal"].split("/")[-1], cell["twist"], cell["known"]["by"]) for cell in red(value)}
assert code == 1 and {("Ann", "no-external-id", "calls"), ("Ann", "wrong-external-id", "calls")} <= found, found
iam.update_assume_role_policy(RoleName="Prover", PolicyDocument=json.dumps(trust))

# A hand takes the role's permissions; the bucket's policy names the role as well, which would do in one account.
s3.delete_bucket_policy(Bucket="proofs-bucket")
name = iam.list_role_policies(RoleName="Prover")["PolicyNames"][0]
document = iam.get_role_policy(RoleName="Prover", PolicyName=name)["PolicyDocument"]
iam.delete_role_policy(RoleName="Prover", PolicyName=name)
code, value = verify()
found = {(cell["act"]["call"], cell["twist"]) for cell in red(value)}
assert code == 1 and {("list", "as-granted"), ("put", "as-granted")} <= found, found
iam.put_role_policy(RoleName="Prover", PolicyName=name, PolicyDocument=json.dumps(document))

# Credentials that are somebody else's are used for nothing.
path("crossrole.toml", '[[verify.principals]]\nname = "dev/user/Ann"\ncommand = "cat bob.json"\n')
done = crossrole("verify")
assert done.returncode == 1 and "these credentials are those of arn:aws:iam::111111111111:user/Bob" in done.stderr, done.stderr
