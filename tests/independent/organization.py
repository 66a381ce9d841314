"""An organization on moto: units, accounts with tags, control policies. Our command writes the directory, and it selects."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import boto3

ENDPOINT, CROSSROLE = sys.argv[1:3]
MANAGEMENT = "123456789012"
KEYS = dict(aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1", endpoint_url=ENDPOINT)
organizations = boto3.client("organizations", **KEYS)

organizations.create_organization(FeatureSet="ALL")
root = organizations.list_roots()["Roots"][0]["Id"]
organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
workloads = organizations.create_organizational_unit(ParentId=root, Name="Workloads")["OrganizationalUnit"]["Id"]
prod = organizations.create_organizational_unit(ParentId=workloads, Name="Prod")["OrganizationalUnit"]["Id"]


def account(name, unit, **tags):
    made = organizations.create_account(AccountName=name, Email=f"{name.replace(' ', '-')}@example.com")["CreateAccountStatus"]["AccountId"]
    if unit != root:
        organizations.move_account(AccountId=made, SourceParentId=root, DestinationParentId=unit)
    if tags:
        organizations.tag_resource(ResourceId=made, Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
    return made


# More than a page of them.
shops = [account(f"Shop {n}", prod, env="prod") for n in range(23)]
search = account("Search", workloads, env="test")
lone = account("Lone", root)
deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:CreateUser", "Resource": "*"}]}
policy = organizations.create_policy(Name="NoUsers", Description="", Type="SERVICE_CONTROL_POLICY", Content=json.dumps(deny))["Policy"]["PolicySummary"]["Id"]
organizations.attach_policy(PolicyId=policy, TargetId=prod)

folder = pathlib.Path(tempfile.mkdtemp())
settings = folder / "crossrole.toml"
settings.write_text("")
environment = dict(os.environ, AWS_ENDPOINT_URL=ENDPOINT, AWS_REGION="us-east-1", AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")


def crossrole(*words, code=0):
    done = subprocess.run([CROSSROLE, *words, "--config", str(settings)], env=environment, capture_output=True, text=True)
    assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


SYNC = ("accounts", "sync", "--account", MANAGEMENT)
said = crossrole(*SYNC, "--check", code=2)
assert not (folder / "accounts.toml").exists(), "`--check` has written"
said = crossrole(*SYNC)
assert "26 accounts and" in said, said
text = (folder / "accounts.toml").read_text()
assert f'[accounts."shop-0"]\nid = "{shops[0]}"\nou = "Workloads/Prod"\ntags = {{ "env" = "prod" }}\n' in text, text
assert "No file changes." in crossrole(*SYNC, "--check"), "written once, nothing is left to write"

manifest = folder / "m.toml"


def selects(accounts, count):
    manifest.write_text(f'name = "m"\n[trusting]\naccounts = ["{accounts}"]\n[roles.R]\n[[roles.R.trust]]\nservice = "ec2.amazonaws.com"\n')
    said = crossrole("validate", str(manifest))
    assert f": {count} object" in said, (accounts, said)


selects("ou:Workloads/Prod", 23)
selects("ou:Workloads/*", 24)
selects("tag:env=test", 1)

# What the organization denies bounds every answer.
manifest.write_text(
    'name = "m"\n[trusting]\naccounts = ["shop-0", "search"]\n[roles.R]\n[[roles.R.trust]]\nservice = "ec2.amazonaws.com"\n'
    '[[roles.R.allow]]\nactions = "iam:CreateUser"\nresources = "*"\n'
)
for label, answer in [("search", "yes: "), ("shop-0", "no: ")]:
    said = crossrole("explain", f"{label}/role/R", "iam:CreateUser", "*", "--from", "manifest", str(manifest))
    assert said.startswith(answer), (label, said)

# Labels and regions are kept, a closed account goes, a new one comes.
(folder / "accounts.toml").write_text(text.replace('[accounts."search"]', '[accounts."find"]\nregion = "eu-west-1"'))
organizations.close_account(AccountId=lone)
fresh = account("Fresh", workloads)
said = crossrole(*SYNC)
assert f"- {lone} lone (no longer active)" in said and f"+ {fresh} fresh (Workloads)" in said, said
text = (folder / "accounts.toml").read_text()
assert f'[accounts."find"]\nid = "{search}"\nou = "Workloads"\nregion = "eu-west-1"\n' in text and lone not in text, text
