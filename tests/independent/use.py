"""Temporary credentials that crossrole hands out, used by clients that nobody here wrote.

Arguments: the sandbox's address, what is tried, the crossrole command, a manifest (not used), a shell where one is tried.

`boto3` and `cli` use what `assume`, `profile` and `exec` give; sessions of that sandbox last a few seconds, so that both have to renew.
`factor` is a role that asks for a second factor. `sh`, `fish` and `powershell` read what `assume` prints of credentials that a hostile STS made up.
"""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import threading

ENDPOINT, WHICH, COMMAND = sys.argv[1:4]
OWNER, DEV = "222222222222", "111111111111"
BUCKET = "use-logs"
ROLE = f"arn:aws:iam::{OWNER}:role/Reader"
GUARDED = f"arn:aws:iam::{OWNER}:role/Guarded"
SERIAL = f"arn:aws:iam::{DEV}:mfa/mate"
MANIFEST = f"""
name = "use"
[trusting]
account = "{OWNER}"
[trusted.dev]
account = "{DEV}"
[trusted.dev.users.mate]
[buckets.{BUCKET}]
create = true
[roles.Reader]
[[roles.Reader.trust]]
user = "dev/mate"
external_id = "use-4711"
[[roles.Reader.allow]]
bucket = "{BUCKET}"
access = "read"
[roles.Guarded]
[[roles.Guarded.trust]]
user = "dev/mate"
mfa = true
[[roles.Guarded.allow]]
bucket = "{BUCKET}"
access = "read"
"""

# Lists, gets, and is refused to put, for longer than a session lasts; prints which keys it had.
LONG = f"""
import sys, time, boto3, botocore.exceptions
session = boto3.Session()
s3, seen, end = session.client("s3", region_name="us-east-1"), set(), time.monotonic() + float(sys.argv[1])
while True:
    assert [o["Key"] for o in s3.list_objects_v2(Bucket="{BUCKET}")["Contents"]] == ["a"]
    assert s3.get_object(Bucket="{BUCKET}", Key="a")["Body"].read() == b"hello"
    try:
        s3.put_object(Bucket="{BUCKET}", Key="a", Body=b"no")
        raise AssertionError("was let write")
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "AccessDenied", error
    seen.add(session.get_credentials().get_frozen_credentials().access_key)
    if time.monotonic() > end:
        break
print(len(seen))
"""


def environment(folder, **more):
    kept = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    files = {"AWS_CONFIG_FILE": f"{folder}/config", "AWS_SHARED_CREDENTIALS_FILE": f"{folder}/credentials", "XDG_CACHE_HOME": f"{folder}/cache"}
    return kept | files | {"AWS_ENDPOINT_URL": ENDPOINT, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "HOME": folder} | more


def run(words, good=True, **more):
    done = subprocess.run(words, capture_output=True, text=True, **more)
    assert (done.returncode == 0) == good, f"{words}: {done.returncode} {done.stdout}{done.stderr}"
    return done


def prepared(folder):
    """Applies the manifest, puts an object, and gives the user's keys to a profile."""
    import boto3

    file = f"{folder}/use.toml"
    pathlib.Path(file).write_text(MANIFEST)
    run([COMMAND, "apply", "--auto-approve", "--quiet", file], env=environment(folder, CROSSROLE_ACCOUNT_AS_KEY="1"))
    root = lambda service, account: boto3.client(service, endpoint_url=ENDPOINT, region_name="us-east-1", aws_access_key_id=account, aws_secret_access_key="any")
    root("s3", OWNER).put_object(Bucket=BUCKET, Key="a", Body=b"hello")
    keys = root("iam", DEV).create_access_key(UserName="mate")["AccessKey"]
    text = f"[base]\naws_access_key_id = {keys['AccessKeyId']}\naws_secret_access_key = {keys['SecretAccessKey']}\n"
    pathlib.Path(f"{folder}/credentials").write_text(text)
    return file, keys["SecretAccessKey"]


def aws(*words):
    return [os.path.join(os.path.dirname(sys.executable), "aws"), *words]


def used(words, seconds, **more):
    """Lists, gets and is refused with whatever credentials there are."""
    if WHICH == "boto3":
        return int(run([*words, sys.executable, "-c", LONG, str(seconds)], **more).stdout.split()[-1])
    assert run([*words, *aws("s3", "ls", f"s3://{BUCKET}")], **more).stdout.split()[-1] == "a"
    assert run([*words, *aws("s3", "cp", f"s3://{BUCKET}/a", "-")], **more).stdout == "hello"
    refused = run([*words, *aws("s3api", "put-object", "--bucket", BUCKET, "--key", "a")], good=False, **more)
    assert "AccessDenied" in refused.stderr, refused.stderr
    return 1


def clients():
    with tempfile.TemporaryDirectory() as folder:
        file, secret = prepared(folder)
        base = ["--profile", "base"]
        of = lambda **more: {"env": environment(folder, **more)}

        printed = run([COMMAND, "assume", "Reader", file, *base, "--format", "json"], **of())
        used([], 0, **of(**json.loads(printed.stdout)))
        assert secret not in printed.stdout + printed.stderr and "use-4711" not in printed.stderr

        run([COMMAND, "profile", "Reader", file, *base, "--name", "reader"], **of())
        assert oct(os.stat(f"{folder}/config").st_mode & 0o777) == "0o600"
        several = used([], 22, **of(AWS_PROFILE="reader"))
        assert several > 1 or WHICH == "cli", f"a profile was not renewed: {several}"

        # What any tool does by itself; boto3 knows the settings alone.
        run([COMMAND, "profile", "Reader", file, *base, "--name", "plain", "--plain"], **of())
        used([], 0, **of(AWS_PROFILE="plain"))

        several = used([COMMAND, "exec", "Reader", file, *base, "--"], 22, **of())
        assert several > 1 or WHICH == "cli", f"exec did not renew: {several}"
        # Another profile that is the default one does not come before the role.
        pathlib.Path(f"{folder}/credentials").write_text(pathlib.Path(f"{folder}/credentials").read_text() + f"[default]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = x\n")
        identity = run([COMMAND, "exec", "Reader", file, *base, "--", *aws("sts", "get-caller-identity", "--query", "Arn", "--output", "text")], **of()).stdout
        assert identity.strip() == f"arn:aws:sts::{OWNER}:assumed-role/Reader/mate", identity


def factor():
    """A role with a second factor: the code is asked for once, whatever asks for credentials."""
    global WHICH
    with tempfile.TemporaryDirectory() as folder:
        file, _ = prepared(folder)
        asked = f"{folder}/asked"
        words = ["--profile", "base", "--mfa-serial", SERIAL, "--mfa-process", f"echo x >>{asked}; echo 123456"]
        run([COMMAND, "profile", "Guarded", file, *words, "--name", "guarded"], env=environment(folder))
        for WHICH in ("cli", "boto3"):
            used([], 0, env=environment(folder, AWS_PROFILE="guarded"))
            used([COMMAND, "exec", "Guarded", file, *words, "--"], 0, env=environment(folder))
        count = len(pathlib.Path(asked).read_text().split())
        assert count == 1, f"asked for {count} times"


class Hostile(http.server.BaseHTTPRequestHandler):
    """STS as somebody would write it who wants a shell to do what it says."""

    values = {}

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        escape = lambda text: "".join(f"&#{ord(c)};" for c in text)
        if "Action=GetCallerIdentity" in body:
            name, inside = "GetCallerIdentity", f"<Arn>arn:aws:iam::{DEV}:user/mate</Arn><UserId>AIDA</UserId><Account>{DEV}</Account>"
        else:
            keys = "".join(f"<{k}>{escape(v)}</{k}>" for k, v in self.values.items())
            user = f"<AssumedRoleUser><Arn>arn:aws:sts::{OWNER}:assumed-role/Reader/mate</Arn><AssumedRoleId>AROA:mate</AssumedRoleId></AssumedRoleUser>"
            name, inside = "AssumeRole", f"<Credentials>{keys}<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>{user}"
        text = f'<{name}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{name}Result>{inside}</{name}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{name}Response>'
        self.send_response(200)
        self.send_header("content-type", "text/xml")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())


HOSTILE = [
    ("'; touch PWNED; '", '"; touch PWNED; "', "$(touch PWNED)`touch PWNED`(touch PWNED)"),
    ("\\'; touch PWNED; \\'", "\u2019; touch PWNED; \u2018", "a\nb; touch PWNED\nset -gx X Y"),
    ("$HOME %PATH% ~ * ? {a,b}", "back\\slash\\\\", "tab\tquote'\"`\u201a\u201b end"),
]
NAMES = ("AccessKeyId", "SecretAccessKey", "SessionToken")
VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def shells(shell):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hostile)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    show = f'{sys.executable} -c "import json,os;print(json.dumps([os.environ[n] for n in {VARIABLES!r}]))"'
    scripts = {
        "sh": f'eval "$(cat printed)"\n{show}\n',
        "fish": f"cat printed | source\n{show}\n",
        "powershell": f"Get-Content -Raw printed | Invoke-Expression\n& {show}\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        for values in HOSTILE:
            Hostile.values = dict(zip(NAMES, values))
            of = environment(folder, AWS_ENDPOINT_URL=f"http://127.0.0.1:{server.server_port}", AWS_ACCESS_KEY_ID="AKIA", AWS_SECRET_ACCESS_KEY="x")
            assume = [COMMAND, "assume", ROLE, "--no-manifest", "--no-cache", "--format"]
            form = {"sh": "bash"}.get(WHICH, WHICH)
            pathlib.Path(f"{folder}/printed").write_text(run([*assume, form], env=of, cwd=folder).stdout)
            pathlib.Path(f"{folder}/script").write_text(scripts[WHICH])
            words = {"sh": ["sh", "script"], "fish": [shell, "--no-config", "script"], "powershell": [shell, "-NoProfile", "-File", "script.ps1"]}[WHICH]
            if WHICH == "powershell":
                os.rename(f"{folder}/script", f"{folder}/script.ps1")
            read = json.loads(run(words, env=of, cwd=folder).stdout.strip().splitlines()[-1])
            assert read == list(values), f"{WHICH} read {read} of {values}"
            assert not os.path.exists(f"{folder}/PWNED"), f"{WHICH} ran what {values} says"
            assert json.loads(run([*assume, "json"], env=of, cwd=folder).stdout)[VARIABLES[0]] == values[0]
            refused = run([*assume, "dotenv"], good=False, env=of, cwd=folder)
            assert refused.stdout == "" and values[1] not in refused.stderr, refused
    server.shutdown()


if WHICH in ("boto3", "cli"):
    clients()
elif WHICH == "factor":
    factor()
else:
    shells(sys.argv[5] if len(sys.argv) > 5 else WHICH)
