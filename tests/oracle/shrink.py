"""Makes a disagreement that smt.py found small: takes away whatever can go while the judge still finds the same.

Usage: shrink.py FOUND CASES TEST-BINARY REASON...   (FOUND and CASES as smt.py writes and reads them; one of each reason)
"""

import copy
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import smt

WORK = Path("target/smt")


def with_delta(binary, pairs):
    """The same pairs, each with the delta that is said of it now."""
    (WORK / "pairs.jsonl").write_text("".join(json.dumps(p) + "\n" for p in pairs))
    environment = {**os.environ, "CROSSROLE_SMT_PAIRS": str((WORK / "pairs.jsonl").resolve()), "CROSSROLE_SMT_CASES": str((WORK / "given.jsonl").resolve())}
    subprocess.run([binary, "--ignored", "--exact", "smt::given_cases_for_the_solver"], env=environment, check=True, capture_output=True)
    return [json.loads(line) for line in (WORK / "given.jsonl").read_text().splitlines()]


def removable(value, path=()):
    """Paths of what can be taken away, the largest first."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if path and path[-1] in ("Condition", "principals", "roles", "buckets", "service_control", "resource_control", "tags") or key == "Condition":
                yield (*path, key)
            elif len(path) > 1 and path[-2] == "Condition" and len(value) > 1:
                yield (*path, key)
            elif key == "boundary" and inner:
                yield (*path, key)
            elif path and path[-1] in ("Principal", "NotPrincipal") and len(value) > 1:
                yield (*path, key)
            yield from removable(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            if len(value) > 1 or path[-1] in ("identity", "Statement"):
                yield (*path, at)
            yield from removable(inner, (*path, at))


def at_path(value, path):
    for key in path:
        if not isinstance(value, (dict, list)):
            return None
        try:
            value = value[key]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def without(side, path):
    side = copy.deepcopy(side)
    parent = at_path(side, path[:-1])
    if path[-1] == "boundary":
        parent["boundary"] = None
    else:
        del parent[path[-1]]
    return side


def smaller(case):
    """Pairs that are smaller by one thing, on both sides where both have it."""
    before, after = case["before"], case["after"]
    for path in sorted({*removable(before), *removable(after)}, key=lambda p: (len(p), str(p))):
        ours, theirs = at_path(before, path), at_path(after, path)
        if ours is not None and ours == theirs:
            yield {**case, "before": without(before, path), "after": without(after, path)}
        for side, there in (("before", ours), ("after", theirs)):
            if there is not None and ours != theirs:
                yield {**case, side: without(case[side], path)}


def holds(case, like, known):
    if case["delta"] is None:
        return None
    judge = smt.Judge(case, 2000)
    if like["what"] != "empty":
        ask = judge.ask
        judge.ask = lambda who, domain: ask(who, domain) if (who.label, domain.label) == (like["who"], like["domain"]) else None
    try:
        judge.run()
    except (smt.Skip, StopIteration, KeyError):
        return None
    for found in judge.found:
        same = all(found[k] == like[k] for k in ("what", "who", "domain"))
        if same and smt.reason_of(case, found, known) == like["reason"]:
            return found
    return None


def shrink(binary, case, like, known, until):
    found, progress = like, True
    while progress and time.monotonic() < until:
        progress = False
        for candidate in with_delta(binary, list(smaller(case))):
            if time.monotonic() > until:
                break
            again = holds(candidate, like, known)
            if again:
                case, found, progress = candidate, again, True
                break
    return case, found


def main(found_file, cases_file, binary, *reasons):
    known = smt.explanations("tests/oracle/smt-disputed.txt")
    found = [json.loads(line) for line in Path(found_file).read_text().splitlines()]
    cases = {json.loads(line)["number"]: line for line in Path(cases_file).read_text().splitlines()}
    wanted = reasons or sorted({str(f["reason"]) for f in found})
    for reason in wanted:
        # The shortest case first, and a request before a line of which none is.
        of_it = sorted((f for f in found if str(f["reason"]).startswith(reason)), key=lambda f: (f["what"] == "empty", len(cases[f["number"]])))
        if not of_it:
            continue
        like = of_it[0]
        case, small = shrink(binary, json.loads(cases[like["number"]]), like, known, time.monotonic() + float(os.environ.get("SECONDS_EACH", "45")))
        print(f"=== {like['reason']} (seed {like['seed']}, case {like['number']}): {small['what']}, {small['who']}, {small['domain']}")
        for side in ("before", "after"):
            print(side, json.dumps(case[side]))
        print("request", json.dumps({k: v for k, v in small.items() if k not in ("lines", "seed", "number", "family", "reason")}))
        for line in case["delta"]["changes"]:
            print("line", json.dumps({k: v for k, v in line.items() if k != "witness"}))
        print("undecided", json.dumps(case["delta"]["undecided"]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
