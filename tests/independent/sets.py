"""Permission sets by clients that nobody here wrote: made, assigned, written by `crossrole apply`, and seen in the accounts' roles.

Arguments: the server's address, `boto3` or `cli`, the crossrole command.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

from clients import CLIENT, ENDPOINT, refused

COMMAND = sys.argv[3]
CENTER, OWNER, DEV, REGION = "999999999999", "222222222222", "111111111111", "eu-west-1"
MANIFEST = f"""
name = "sets"
[trusting]
account = "{OWNER}"
[trusted.dev]
account = "{DEV}"
[roles.Reader]
[[roles.Reader.trust]]
permission_set = "dev/Developers"
"""


def crossrole(*words, folder):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
    environment |= {"AWS_ENDPOINT_URL": ENDPOINT, "AWS_REGION": REGION, "CROSSROLE_ACCOUNT_AS_KEY": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    words = [COMMAND, *words, f"{folder}/sets.toml", "--config", f"{folder}/crossrole.toml"]
    done = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    return done.stdout


def main():
    center, dev = CLIENT(CENTER, region=REGION), CLIENT(DEV, region=REGION)
    instance = center.call("sso-admin", "list_instances")["Instances"][0]["InstanceArn"]
    made = center.call("sso-admin", "create_permission_set", InstanceArn=instance, Name="Developers", Description="By day")["PermissionSet"]
    at = dict(InstanceArn=instance, PermissionSetArn=made["PermissionSetArn"])
    assert center.call("sso-admin", "describe_permission_set", **at)["PermissionSet"]["Name"] == "Developers"
    assert center.call("sso-admin", "list_permission_sets", InstanceArn=instance)["PermissionSets"] == [made["PermissionSetArn"]]
    assert not center.call("sso-admin", "get_inline_policy_for_permission_set", **at).get("InlinePolicy")
    theirs = {"Sid": "Theirs", "Effect": "Allow", "Action": "logs:Get*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [theirs]})
    center.call("sso-admin", "put_inline_policy_to_permission_set", **at, InlinePolicy=policy)
    who = dict(TargetId=DEV, TargetType="AWS_ACCOUNT", PrincipalType="GROUP", PrincipalId="11111111-2222-3333-4444-555555555555")
    center.call("sso-admin", "create_account_assignment", **at, **who)
    assert center.call("sso-admin", "list_accounts_for_provisioned_permission_set", **at)["AccountIds"] == [DEV]
    role = next(r for r in dev.call("iam", "list_roles")["Roles"] if r["RoleName"].startswith("AWSReservedSSO_Developers_"))
    assert role["Path"] == f"/aws-reserved/sso.amazonaws.com/{REGION}/"
    # Another account does not administer it, nor another region.
    refused("AccessDeniedException", dev.call, "sso-admin", "list_permission_sets", InstanceArn=instance)
    elsewhere = CLIENT(CENTER, region="us-east-1")
    refused("AccessDeniedException", elsewhere.call, "sso-admin", "list_permission_sets", InstanceArn=instance)

    def got():
        found = dev.call("iam", "get_role_policy", RoleName=role["RoleName"], PolicyName="AwsSSOInlinePolicy")["PolicyDocument"]
        return [s["Sid"][:9] for s in found["Statement"]]

    with tempfile.TemporaryDirectory() as folder:
        pathlib.Path(f"{folder}/sets.toml").write_text(MANIFEST)
        settings = f'[identity_center]\ninstance = "{instance}"\naccount = "{CENTER}"\nregion = "{REGION}"\n'
        pathlib.Path(f"{folder}/crossrole.toml").write_text(settings)
        assert got() == ["Theirs"]
        crossrole("apply", "--auto-approve", "--quiet", folder=folder)
        assert sorted(got()) == ["Crossrole", "Theirs"], got()
        assert "No changes." in crossrole("plan", folder=folder)
        # What is written is not provisioned, and is told so.
        center.call("sso-admin", "put_inline_policy_to_permission_set", **at, InlinePolicy=policy)
        late = center.call("sso-admin", "list_accounts_for_provisioned_permission_set", **at, ProvisioningStatus="LATEST_PERMISSION_SET_NOT_PROVISIONED")
        assert late["AccountIds"] == [DEV] and sorted(got()) == ["Crossrole", "Theirs"]
        asked = center.call("sso-admin", "provision_permission_set", **at, TargetType="ALL_PROVISIONED_ACCOUNTS")["PermissionSetProvisioningStatus"]
        status = dict(InstanceArn=instance, ProvisionPermissionSetRequestId=asked["RequestId"])
        told = center.call("sso-admin", "describe_permission_set_provisioning_status", **status)["PermissionSetProvisioningStatus"]
        assert told["Status"] in ("IN_PROGRESS", "SUCCEEDED") and got() == ["Theirs"]
        crossrole("apply", "--auto-approve", "--quiet", folder=folder)
        assert sorted(got()) == ["Crossrole", "Theirs"], got()
        crossrole("destroy", "--auto-approve", "--quiet", folder=folder)
        assert got() == ["Theirs"]
        center.call("sso-admin", "delete_inline_policy_from_permission_set", **at)
        refused("ResourceNotFoundException", center.call, "sso-admin", "delete_inline_policy_from_permission_set", **at)


if __name__ == "__main__":
    main()
