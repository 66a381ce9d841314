"""Five published walks, each as its reader does it: manifest, apply, verify, assume, list, copy both ways with the AWS CLI; then one of
the mistakes that such guides end with, what `doctor` says of the refusal, and its fix carried out as it is printed.

After: "Example walkthroughs: Managing access to your Amazon S3 resources" (Amazon S3 User Guide), "IAM tutorial: Delegate access across
AWS accounts using IAM roles" (IAM User Guide), and articles of AWS re:Post on cross-account access to buckets; the texts are ours."""

import json
import os
import subprocess
import sys
import tempfile

import boto3

ENDPOINT, AWS, BIN = sys.argv[1:4]
OWNER, DEV = "222222222222", "111111111111"
HEAD = f'[trusting]\naccount = "{OWNER}"\nregion = "eu-west-1"\n[trusted.dev]\naccount = "{DEV}"\n'


def client(service, account, region="eu-west-1"):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name=region, aws_access_key_id=account, aws_secret_access_key="any")


class Guide:
    """A reader's desk: one folder with the manifest, the shared files of AWS, and two files to copy."""

    def __init__(self, name, manifest):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix=f"crossrole-guide-{name}-")
        self.write("manifest.toml", f'name = "{name}"\n{HEAD}{manifest}')
        self.write("config", "")
        self.write("credentials", "")
        self.write("up.txt", "up")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)

    def env(self, more=None):
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "XDG_"))}
        env |= {"AWS_ENDPOINT_URL": ENDPOINT, "AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"}
        env |= {"AWS_CONFIG_FILE": self.path("config"), "AWS_SHARED_CREDENTIALS_FILE": self.path("credentials"), "HOME": self.folder}
        return env | {"XDG_CACHE_HOME": self.path("cache")} | (more or {})

    def crossrole(self, *words, text=None, mine=False):
        more = {} if mine else {"CROSSROLE_ACCOUNT_AS_KEY": "1"}
        return subprocess.run([BIN, *words], env=self.env(more), input=text, capture_output=True, text=True, cwd=self.folder)

    def good(self, *words, **more):
        done = self.crossrole(*words, **more)
        assert done.returncode == 0, f"{self.name}: {words}\n{done.stdout}{done.stderr}"
        return done.stdout

    def user(self, name):
        """The keys of a user, as a profile and at hand for `verify`."""
        keys = client("iam", DEV).create_access_key(UserName=name)["AccessKey"]
        lines = f"[{name}]\naws_access_key_id = {keys['AccessKeyId']}\naws_secret_access_key = {keys['SecretAccessKey']}\n"
        self.write("credentials", open(self.path("credentials")).read() + lines)
        known = open(self.path("crossrole.toml")).read() if os.path.exists(self.path("crossrole.toml")) else ""
        self.write("crossrole.toml", f'{known}[[verify.principals]]\nname = "dev/user/{name}"\nprofile = "{name}"\n')

    def proved(self):
        done = self.crossrole("verify", "--json", "--deadline", "2", "manifest.toml")
        value = json.loads(done.stdout)
        wrong = [(cell["says"], cell["known"]) for cell in value["cells"] if cell["verdict"] != "holds"]
        assert done.returncode == 0 and not wrong, f"{self.name}: {wrong}"
        assert any(cell["known"]["by"] == "calls" and cell["wanted"] == "let-in" for cell in value["cells"]), self.name

    def assume(self, role, profile):
        printed = self.good("assume", role, "--format", "json", "--no-cache", "--profile", profile, "manifest.toml", mine=True)
        return {k: v for k, v in json.loads(printed).items() if k.startswith("AWS_") and isinstance(v, str)}

    def aws(self, session, *words):
        # A session in the environment, or a profile.
        more = session if isinstance(session, dict) else {"AWS_PROFILE": session}
        return subprocess.run([AWS, *words], env=self.env(more), capture_output=True, text=True, cwd=self.folder)

    def works(self, session, *words):
        done = self.aws(session, *words)
        assert done.returncode == 0, f"{self.name}: aws {words}\n{done.stdout}{done.stderr}"
        return done.stdout

    def refused(self, session, *words):
        done = self.aws(session, *words)
        assert done.returncode != 0 and ("AccessDenied" in done.stderr or "403" in done.stderr), f"{self.name}: aws {words}\n{done.stdout}{done.stderr}"
        return done.stderr

    def fixed(self, error, cause, *words):
        """What `doctor` makes of a refusal, and its fix, carried out as it is printed."""
        done = self.crossrole("doctor", "--json", "--write", *words, "manifest.toml", text=error)
        value = json.loads(done.stdout)
        first = value["causes"][0]["cause"]
        assert done.returncode == 1 and first == cause, f"{self.name}: {first}\n{json.dumps(value, indent=1)[:3000]}"
        assert value["fix"], f"{self.name}: {json.dumps(value, indent=1)[:3000]}"
        for step in value["fix"]:
            if step["step"] == "apply":
                self.good(*step["argv"][1:], "--auto-approve", "--quiet")
            elif step["step"] == "command":
                words = step["argv"][1:] if step["argv"][0] == "aws" else step["argv"]
                keys = {"AWS_ACCESS_KEY_ID": step["account"], "AWS_SECRET_ACCESS_KEY": "any"}
                self.works(keys, *words)
            else:
                assert step["step"] == "manifest", step


def sts(role):
    return ["sts", "assume-role", "--role-arn", f"arn:aws:iam::{OWNER}:role/{role}", "--role-session-name", "guide"]


def log_bucket_of_a_group():
    guide = Guide("guide-logs", '[trusted.dev.groups.Log-Analysts]\nmembers = ["Lena"]\n[trusted.dev.users.Lena]\n[buckets.guide-log-bucket]\ncreate = true\n'
        '[roles.LogReader]\n[[roles.LogReader.trust]]\ngroup = "dev/Log-Analysts"\n[[roles.LogReader.allow]]\nbucket = "guide-log-bucket"\naccess = "read"\n')
    guide.good("apply", "--auto-approve", "--quiet", "manifest.toml")
    client("s3", OWNER).put_object(Bucket="guide-log-bucket", Key="app/today.log", Body=b"one line")
    guide.user("Lena")
    guide.proved()
    session = guide.assume("LogReader", "Lena")
    assert "app/" in guide.works(session, "s3", "ls", "s3://guide-log-bucket")
    guide.works(session, "s3", "cp", "s3://guide-log-bucket/app/today.log", "down.txt")
    # Logs are read: the way back is refused, as it should be.
    guide.refused(session, "s3", "cp", "up.txt", "s3://guide-log-bucket/app/up.txt")
    # The user was taken out of the group.
    client("iam", DEV).remove_user_from_group(GroupName="Log-Analysts", UserName="Lena")
    guide.fixed(guide.refused("Lena", *sts("LogReader")), "not-in-group")
    guide.works("Lena", *sts("LogReader"))
    guide.proved()


def a_user_and_four_services():
    trusts = "".join(f'[[roles.Exchange.trust]]\nservice = "{name}.amazonaws.com"\n' for name in ["lambda", "ec2", "ecs-tasks", "glue"])
    guide = Guide("guide-services", '[trusted.dev.users.Sam]\n[buckets.guide-exchange]\ncreate = true\n[roles.Exchange]\n[[roles.Exchange.trust]]\nuser = "dev/Sam"\n'
        'external_id = "guide-ticket-17"\n' + trusts + '[[roles.Exchange.allow]]\nbucket = "guide-exchange"\naccess = "read-write"\n'
        '[[roles.Exchange.allow]]\nactions = "s3:ListAllMyBuckets"\nresources = "*"\n')
    guide.good("apply", "--auto-approve", "--quiet", "manifest.toml")
    client("s3", OWNER).put_object(Bucket="guide-exchange", Key="a.txt", Body=b"a")
    guide.user("Sam")
    guide.proved()
    session = guide.assume("Exchange", "Sam")
    assert "guide-exchange" in guide.works(session, "s3", "ls")
    guide.works(session, "s3", "cp", "s3://guide-exchange/a.txt", "down.txt")
    guide.works(session, "s3", "cp", "up.txt", "s3://guide-exchange/up.txt")
    # Somebody writes the trust policy anew, for the services alone.
    iam = client("iam", OWNER)
    trust = iam.get_role(RoleName="Exchange")["Role"]["AssumeRolePolicyDocument"]
    trust["Statement"] = [statement for statement in trust["Statement"] if "AWS" not in statement["Principal"]]
    iam.update_assume_role_policy(RoleName="Exchange", PolicyDocument=json.dumps(trust))
    with_id = [*sts("Exchange"), "--external-id", "guide-ticket-17"]
    guide.fixed(guide.refused("Sam", *with_id), "trust-lacks", "--external-id", "guide-ticket-17")
    guide.works("Sam", *with_id)
    guide.proved()


def a_bucket_in_a_region_with_a_group_a_user_and_a_managed_policy():
    guide = Guide("guide-data", '[trusted.dev.groups.Developers]\nmembers = ["Dora"]\n[trusted.dev.users.Dora]\n[buckets.guide-data-bucket]\ncreate = true\nregion = "ap-southeast-1"\n'
        '[policies.DataAccess]\n[[policies.DataAccess.allow]]\nbucket = "guide-data-bucket"\naccess = "read-write"\nprefix = "teams/"\n'
        '[roles.DataRole]\npolicies = ["DataAccess"]\n[[roles.DataRole.trust]]\ngroup = "dev/Developers"\n')
    guide.good("apply", "--auto-approve", "--quiet", "manifest.toml")
    client("s3", OWNER, "ap-southeast-1").put_object(Bucket="guide-data-bucket", Key="teams/a.txt", Body=b"a")
    guide.user("Dora")
    guide.proved()
    session = guide.assume("DataRole", "Dora")
    there = ["--region", "ap-southeast-1"]
    assert "a.txt" in guide.works(session, "s3", "ls", "s3://guide-data-bucket/teams/", *there)
    guide.works(session, "s3", "cp", "s3://guide-data-bucket/teams/a.txt", "down.txt", *there)
    guide.works(session, "s3", "cp", "up.txt", "s3://guide-data-bucket/teams/up.txt", *there)
    # The managed policy was detached from the role.
    client("iam", OWNER).detach_role_policy(RoleName="DataRole", PolicyArn=f"arn:aws:iam::{OWNER}:policy/DataAccess")
    error = guide.refused(session, "s3api", "get-object", "--bucket", "guide-data-bucket", "--key", "teams/a.txt", "down.txt", *there)
    guide.fixed(error, "identity-lacks", "--principal", "role/DataRole", "--action", "s3:GetObject", "--resource", "guide-data-bucket/teams/a.txt")
    guide.works(session, "s3", "cp", "s3://guide-data-bucket/teams/a.txt", "down.txt", *there)


def a_direct_grant_beside_a_role():
    guide = Guide("guide-direct", '[trusted.dev.users.Dirk]\n[buckets.guide-direct]\ncreate = true\n[[buckets.guide-direct.allow]]\nuser = "dev/Dirk"\naccess = "read"\nprefix = "shared/"\n'
        '[roles.Writer]\n[[roles.Writer.trust]]\nuser = "dev/Dirk"\n[[roles.Writer.allow]]\nbucket = "guide-direct"\naccess = "read-write"\n')
    guide.good("apply", "--auto-approve", "--quiet", "manifest.toml")
    client("s3", OWNER).put_object(Bucket="guide-direct", Key="shared/a.txt", Body=b"a")
    guide.user("Dirk")
    guide.proved()
    session = guide.assume("Writer", "Dirk")
    assert "shared/" in guide.works(session, "s3", "ls", "s3://guide-direct")
    guide.works(session, "s3", "cp", "up.txt", "s3://guide-direct/shared/up.txt")
    guide.works("Dirk", "s3", "cp", "s3://guide-direct/shared/a.txt", "down.txt")
    # Another tool wrote its own bucket policy over ours.
    only = {"Version": "2012-10-17", "Statement": [{"Sid": "Theirs", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::guide-direct/*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}
    only["Statement"][0]["Action"] = "s3:PutBucketPolicy"
    only["Statement"][0]["Resource"] = "arn:aws:s3:::guide-direct"
    only["Statement"][0]["Principal"] = {"AWS": f"arn:aws:iam::{DEV}:root"}
    client("s3", OWNER).put_bucket_policy(Bucket="guide-direct", Policy=json.dumps(only))
    error = guide.refused("Dirk", "s3api", "get-object", "--bucket", "guide-direct", "--key", "shared/a.txt", "down.txt")
    guide.fixed(error, "bucket-policy-lacks", "--principal", "dev/user/Dirk", "--action", "s3:GetObject", "--resource", "guide-direct/shared/a.txt")
    guide.works("Dirk", "s3", "cp", "s3://guide-direct/shared/a.txt", "down.txt")


def users_of_another_account_for_an_hour():
    guide = Guide("guide-hour", '[trusted.dev.users.Hugo]\n[buckets.guide-hour]\ncreate = true\n[roles.HourReader]\nmax_session = "1h"\n[[roles.HourReader.trust]]\nuser = "dev/Hugo"\n'
        '[[roles.HourReader.allow]]\nbucket = "guide-hour"\naccess = "read-write"\n')
    guide.good("apply", "--auto-approve", "--quiet", "manifest.toml")
    client("s3", OWNER).put_object(Bucket="guide-hour", Key="a.txt", Body=b"a")
    guide.user("Hugo")
    guide.proved()
    session = guide.assume("HourReader", "Hugo")
    assert "a.txt" in guide.works(session, "s3", "ls", "s3://guide-hour")
    guide.works(session, "s3", "cp", "s3://guide-hour/a.txt", "down.txt")
    guide.works(session, "s3", "cp", "up.txt", "s3://guide-hour/up.txt")
    # A longer session than the role may have is refused, and doctor says why.
    long = guide.aws("Hugo", *sts("HourReader"), "--duration-seconds", "43200")
    assert long.returncode != 0, long.stdout
    done = guide.crossrole("doctor", "--json", "--principal", "dev/user/Hugo", "--action", "sts:AssumeRole", "--resource", "role/HourReader", "--duration", "43200", "manifest.toml", text=long.stderr)
    assert json.loads(done.stdout)["causes"][0]["cause"] == "session-too-long", done.stdout
    # The user's own policy for the role was deleted.
    iam = client("iam", DEV)
    for policy in iam.list_attached_user_policies(UserName="Hugo")["AttachedPolicies"]:
        iam.detach_user_policy(UserName="Hugo", PolicyArn=policy["PolicyArn"])
    guide.fixed(guide.refused("Hugo", *sts("HourReader")), "identity-lacks")
    guide.works("Hugo", *sts("HourReader"))
    guide.proved()


for each in [
    log_bucket_of_a_group,
    a_user_and_four_services,
    a_bucket_in_a_region_with_a_group_a_user_and_a_managed_policy,
    a_direct_grant_beside_a_role,
    users_of_another_account_for_an_hour,
]:
    if len(sys.argv) < 5 or sys.argv[4] in each.__name__:
        each()
