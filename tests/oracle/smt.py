"""Asks z3 for a request on which an access delta is wrong.

Reads cases (one JSON object a line, as crates/access/tests/access/smt.rs writes them): two estates and the delta between
them. IAM's evaluation is written here a second time, as formulas over a symbolic request; for every caller and every kind of
resource z3 looks for a request whose answer changes and of which no line of the delta speaks, or of which a line speaks and
whose answer does not change so. README.md, beside, says what is covered and what is skipped.

Usage: smt.py examples FILE | smt.py cases FILE [--first N] [--only N] [--timeout MS] [--seconds S] [--disputed FILE] [--out FILE] |
smt.py mutants FILE [--seconds S]
"""

import base64
import binascii
import datetime
import ipaddress
import json
import re
import signal
import sys
import time
from collections import Counter
from functools import lru_cache
from pathlib import Path

import z3

CATALOGUE = Path(__file__).resolve().parents[2] / "crates/access/src/catalogue/actions.txt"


class Skip(Exception):
    """Something that this encoding does not cover, by name."""


# Formulas that fold what is known already.


def all_of(parts):
    kept = []
    for part in parts:
        if part is False:
            return False
        if part is not True:
            kept.append(part)
    return True if not kept else kept[0] if len(kept) == 1 else z3.And(*kept)


def any_of(parts):
    kept = []
    for part in parts:
        if part is True:
            return True
        if part is not False:
            kept.append(part)
    return False if not kept else kept[0] if len(kept) == 1 else z3.Or(*kept)


def negated(part):
    return (not part) if isinstance(part, bool) else z3.Not(part)


def same_text(a, b):
    if isinstance(a, str) and isinstance(b, str):
        return a == b
    return text(a) == text(b)


def text(value):
    return z3.StringVal(value) if isinstance(value, str) else value


# Patterns: lists of ("lit", text), ("any",), ("one",), ("part",) for a star inside one segment, ("unit",) for a question mark
# there, ("var", key, default).

SORT = z3.ReSort(z3.StringSort())
VISIBLE = z3.Range(" ", "~")
NOT_COLON = z3.Union(z3.Range(" ", "9"), z3.Range(";", "~"))
DIGIT = z3.Range("0", "9")


def tokens(pattern, variables, segment=False):
    out = []
    star, mark = ("part", "unit") if segment else ("any", "one")
    at = 0
    while at < len(pattern):
        if variables and pattern.startswith("${", at):
            end = pattern.find("}", at)
            if end > 0:
                inner = pattern[at + 2 : end]
                at = end + 1
                if inner in ("*", "?", "$"):
                    out.append(("lit", inner))
                    continue
                name, _, default = inner.partition(",")
                default = default.strip()
                if default and not (default.startswith("'") and default.endswith("'")):
                    raise Skip("a policy variable that is not well formed")
                out.append(("var", name.strip().lower(), default[1:-1] if default else None))
                continue
        letter = pattern[at]
        at += 1
        out.append((star,) if letter == "*" else (mark,) if letter == "?" else ("lit", letter))
    joined = []
    for token in out:
        if token[0] == "lit" and joined and joined[-1][0] == "lit":
            joined[-1] = ("lit", joined[-1][1] + token[1])
        else:
            joined.append(token)
    return tuple(joined)


def arn_tokens(pattern, variables, wild_service):
    """Six segments; None: it matches nothing."""
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return None
    if any("${" in part for part in parts[:5]):
        raise Skip("a policy variable before an ARN's resource")
    if not wild_service and any(c in parts[2] for c in "*?"):
        return None
    out = []
    for part in parts[:5]:
        out += [*tokens(part, False, True), ("lit", ":")]
    out += tokens(parts[5], variables)
    joined = []
    for token in out:
        if token[0] == "lit" and joined and joined[-1][0] == "lit":
            joined[-1] = ("lit", joined[-1][1] + token[1])
        else:
            joined.append(token)
    return tuple(joined)


@lru_cache(maxsize=None)
def regex(items):
    kinds = {"any": z3.Star(VISIBLE), "one": VISIBLE, "part": z3.Star(NOT_COLON), "unit": NOT_COLON}
    parts = [z3.Re(item[1]) if item[0] == "lit" else kinds[item[0]] for item in items]
    return z3.Re("") if not parts else parts[0] if len(parts) == 1 else z3.Concat(*parts)


@lru_cache(maxsize=None)
def plain_regex(items):
    kinds = {"any": ".*", "one": ".", "part": "[^:]*", "unit": "[^:]"}
    return re.compile("".join(re.escape(item[1]) if item[0] == "lit" else kinds[item[0]] for item in items), re.DOTALL)


@lru_cache(maxsize=None)
def any_case(word):
    if not word.isascii():
        raise Skip("letters beyond ASCII without regard to case")
    parts = [z3.Union(z3.Re(c.lower()), z3.Re(c.upper())) if c.isalpha() else z3.Re(c) for c in word]
    return z3.Re("") if not parts else parts[0] if len(parts) == 1 else z3.Concat(*parts)


def matches(value, items, context):
    """(defined, match): whether every variable has a value, and whether the pattern matches then."""
    if items is None:
        return True, False
    filled, defined = [], True
    for item in items:
        if item[0] != "var":
            filled.append(item)
            continue
        key = context.key(item[1])
        if key.many or key.kind not in ("text", "arn"):
            if key.many:
                if item[2] is None:
                    return False, False
                filled.append(("lit", item[2]))
                continue
            raise Skip(f"a policy variable over a {key.kind} key")
        if key.present is False:
            if item[2] is None:
                return False, False
            filled.append(("lit", item[2]))
        elif key.present is True:
            filled.append(("lit", key.value) if isinstance(key.value, str) else ("expr", key.value))
        elif item[2] is None:
            defined = all_of([defined, key.present])
            filled.append(("expr", text(key.value)))
        else:
            filled.append(("expr", z3.If(key.present, text(key.value), z3.StringVal(item[2]))))
    if not any(item[0] == "expr" for item in filled):
        filled = tuple(filled)
        if all(item[0] == "lit" for item in filled):
            return defined, same_text(value, "".join(item[1] for item in filled))
        if isinstance(value, str):
            return defined, plain_regex(filled).fullmatch(value) is not None
        return defined, z3.InRe(value, regex(filled))
    last = max(i for i, item in enumerate(filled) if item[0] == "expr")
    head, tail = filled[: last + 1], tuple(filled[last + 1 :])
    if any(item[0] not in ("lit", "expr") for item in head):
        raise Skip("a policy variable behind a wildcard")
    start = [text(item[1]) for item in head]
    start = start[0] if len(start) == 1 else z3.Concat(*start)
    if all(item[0] == "lit" for item in tail):
        rest = "".join(item[1] for item in tail)
        return defined, text(value) == (z3.Concat(start, z3.StringVal(rest)) if rest else start)
    if tail == (("any",),):
        return defined, z3.PrefixOf(start, text(value))
    first = tail[0][1] if tail[0][0] == "lit" else ""
    if first and tail[1:] == (("any",),):
        return defined, z3.PrefixOf(z3.Concat(start, z3.StringVal(first)), text(value))
    rest = z3.SubString(text(value), z3.Length(start), z3.Length(text(value)) - z3.Length(start))
    return defined, z3.And(z3.PrefixOf(start, text(value)), z3.InRe(rest, regex(tail)))


# Condition keys.


def catalogue():
    actions, keys = {}, {}
    for line in CATALOGUE.read_text().splitlines():
        columns = line.split("\t")
        if columns[0] == "action":
            actions[columns[1]] = set(columns[3].split(",")) - {""} if len(columns) > 3 else set()
        elif columns[0] == "key":
            name = re.sub(r"/[$<].*", "/", columns[1].lower())
            many = columns[2].startswith("ArrayOf")
            kind = {"ARN": "arn", "Bool": "bool", "Numeric": "number", "Date": "date"}.get(columns[2].removeprefix("ArrayOf"), "text")
            keys[name] = (kind, many)
    for kind, names in {
        "date": "currenttime epochtime tokenissuetime",
        "bool": "multifactorauthpresent principalisawsservice securetransport viaawsservice",
        "number": "multifactorauthage",
        "ip": "sourceip vpcsourceip ec2instancesourceprivateipv4",
        "arn": "principalarn sourcearn",
    }.items():
        keys.update({f"aws:{name}": (kind, False) for name in names.split()})
    for name in "calledvia principalorgpaths principalservicenameslist resourceorgpaths sourceorgpaths tagkeys".split():
        keys[f"aws:{name}"] = ("text", True)
    return actions, keys


ACTIONS, KEYS = catalogue()
LISTED = ("s3", "iam", "sts")
ALWAYS = {"aws:currenttime", "aws:epochtime", "aws:securetransport", "aws:viaawsservice"}


def kind_of(name):
    lookup = name if name in KEYS else name.split("/")[0] + "/" if "/" in name else name
    return KEYS.get(lookup, ("text", False))


def moment(value):
    """Seconds since 1970, or None."""
    try:
        return float(value)
    except ValueError:
        pass
    try:
        at = datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=datetime.timezone.utc)).timestamp()


def number(value):
    return float(value) if re.fullmatch(r"[+-]?\d+(\.\d+)?", value) else None


def network(value):
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


class Key:
    """A key of the request: whether it is there, and its value (of `many`: a list of (is in, value))."""

    def __init__(self, kind, many, present, value):
        self.kind, self.many, self.present, self.value = kind, many, present, value


class Context:
    """The keys of one symbolic request; made when they are first asked for."""

    def __init__(self, fixed=None, closed=False, elements=0):
        self.keys, self.limits, self.elements, self.closed = {}, [], elements, closed
        self.moment = None
        self.unknown = {}
        for name, value in (fixed or {}).items():
            self.fix(name, value)

    def forbid(self, name, reason):
        self.unknown[name.lower()] = reason

    def fix(self, name, value):
        kind, many = kind_of(name.lower())
        if isinstance(value, list):
            key = Key("text", True, True if value else False, [(True, v) for v in value])
        elif value is None:
            key = Key(kind, many, False, [] if many else self.blank(kind))
        elif many:
            key = Key(kind, False, True, value)
        else:
            key = Key(kind, False, True, self.constant(kind, value))
        self.keys[name.lower()] = key

    @staticmethod
    def blank(kind):
        return {"number": z3.RealVal(0), "date": z3.RealVal(0), "bool": False, "ip": (False, z3.BitVecVal(0, 32), z3.BitVecVal(0, 128))}.get(kind, "")

    @staticmethod
    def constant(kind, value):
        if kind == "number":
            return None if number(value) is None else z3.RealVal(number(value))
        if kind == "date":
            return None if moment(value) is None else z3.RealVal(moment(value))
        if kind == "bool":
            return value.lower() == "true"
        if kind == "ip":
            at = ipaddress.ip_address(value)
            return (at.version == 6, z3.BitVecVal(int(at) if at.version == 4 else 0, 32), z3.BitVecVal(int(at) if at.version == 6 else 0, 128))
        return value

    def put(self, name, present, value):
        self.keys[name.lower()] = Key(kind_of(name.lower())[0], False, present, value)

    def key(self, name):
        name = name.lower()
        if name in self.unknown:
            raise Skip(self.unknown[name])
        if name in self.keys:
            return self.keys[name]
        kind, many = kind_of(name)
        if self.closed:
            return Key(kind, many, False, [] if many else self.blank(kind))
        present = True if name in ALWAYS else z3.Bool(f"has {name}")
        if many:
            elements = []
            for at in range(self.elements):
                value = z3.String(f"{name} {at}")
                self.limits.append(z3.InRe(value, z3.Plus(VISIBLE)))
                elements.append((z3.Bool(f"{name} {at} is in"), value))
            # That of a set without elements is open: a key of many values has one at least.
            self.limits.append(z3.Implies(present, z3.Or([isin for isin, _ in elements])))
            key = Key(kind, True, present, elements)
        elif kind == "number":
            key = Key(kind, False, present, z3.Real(name))
        elif kind == "date":
            if name in ("aws:currenttime", "aws:epochtime"):
                self.moment = z3.Real("now") if self.moment is None else self.moment
                key = Key(kind, False, present, self.moment)
            else:
                key = Key(kind, False, present, z3.Real(name))
        elif kind == "bool":
            key = Key(kind, False, present, z3.Bool(name))
        elif kind == "ip":
            key = Key(kind, False, present, (z3.Bool(f"{name} v6"), z3.BitVec(f"{name} 4", 32), z3.BitVec(f"{name} 6", 128)))
        else:
            value = z3.String(name)
            if kind == "arn":
                part = z3.Star(NOT_COLON)
                colon = z3.Re(":")
                self.limits.append(z3.InRe(value, z3.Concat(z3.Re("arn:"), part, colon, part, colon, part, colon, part, colon, z3.Plus(VISIBLE))))
            else:
                self.limits.append(z3.InRe(value, z3.Star(VISIBLE)))
            key = Key(kind, False, present, value)
        self.keys[name] = key
        return key


# Conditions.

ORDER = {
    "equals": lambda a, b: a == b,
    "lessthan": lambda a, b: a < b,
    "lessthanequals": lambda a, b: a <= b,
    "greaterthan": lambda a, b: a > b,
    "greaterthanequals": lambda a, b: a >= b,
}


def as_list(value):
    return [] if value is None else value if isinstance(value, list) else [value]


def condition_text(value):
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def inside(value, net):
    v6, four, six = value
    if net.version == 4:
        shift = 32 - net.prefixlen
        hit = True if shift == 32 else z3.LShR(four, shift) == z3.BitVecVal(int(net.network_address) >> shift, 32)
        return all_of([negated(v6), hit])
    shift = 128 - net.prefixlen
    hit = True if shift == 128 else z3.LShR(six, shift) == z3.BitVecVal(int(net.network_address) >> shift, 128)
    return all_of([v6, hit])


def operator(name):
    lower = name.lower()
    sets = None
    for prefix in ("foranyvalue:", "forallvalues:"):
        if lower.startswith(prefix):
            sets, lower = prefix[:-1], lower[len(prefix) :]
    ifexists = lower.endswith("ifexists")
    return sets, lower.removesuffix("ifexists"), ifexists


POSITIVE = {
    "stringnotequals": "stringequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "stringnotlike": "stringlike",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
    "notipaddress": "ipaddress",
    "arnnotequals": "arnlike",
    "arnnotlike": "arnlike",
    "arnequals": "arnlike",
}
NEGATIVE = {name for name in POSITIVE if "not" in name}


def fits(kind, value, base, wanted, variables, context):
    """Whether one value of the request compares with one of the policy, by a positive operator."""
    if base.startswith(("string", "arn")):
        if kind == "bool":
            value = ("true" if value else "false") if isinstance(value, bool) else z3.If(value, z3.StringVal("true"), z3.StringVal("false"))
        elif kind not in ("text", "arn"):
            raise Skip(f"an operator for texts on a key that holds a {kind}")
        if base == "stringequals":
            items = tuple(("lit", {"any": "*", "one": "?"}[t[0]]) if t[0] in ("any", "one") else t for t in tokens(wanted, variables))
            return matches(value, items, context)
        if base == "stringequalsignorecase":
            items = tokens(wanted, variables)
            if any(t[0] == "var" for t in items):
                raise Skip("a policy variable without regard to case")
            if isinstance(value, str):
                return True, value.lower() == wanted.lower()
            return True, z3.InRe(value, any_case(wanted))
        if base == "stringlike":
            return matches(value, tokens(wanted, variables), context)
        return matches(value, arn_tokens(wanted, variables, True), context)
    if base.startswith("numeric"):
        if kind != "number":
            raise Skip(f"an operator for numbers on a key that holds a {kind}")
        if value is None or number(wanted) is None:
            return True, False
        return True, ORDER[base.removeprefix("numeric")](value, z3.RealVal(number(wanted)))
    if base.startswith("date"):
        if kind != "date":
            raise Skip(f"an operator for dates on a key that holds a {kind}")
        if value is None or moment(wanted) is None:
            return True, False
        return True, ORDER[base.removeprefix("date")](value, z3.RealVal(moment(wanted)))
    if base == "bool":
        if kind == "bool":
            return True, value if wanted.lower() == "true" else negated(value) if wanted.lower() == "false" else False
        if kind == "text":
            if wanted.lower() not in ("true", "false"):
                return True, False
            return True, value.lower() == wanted.lower() if isinstance(value, str) else z3.InRe(value, any_case(wanted.lower()))
        raise Skip(f"Bool on a key that holds a {kind}")
    if base == "binaryequals":
        try:
            base64.b64decode(wanted, validate=True)
        except (binascii.Error, ValueError):
            return True, False
        return True, same_text(value, wanted)
    if base == "ipaddress":
        if kind != "ip":
            raise Skip(f"an operator for addresses on a key that holds a {kind}")
        return True, inside(value, network(wanted)) if network(wanted) else False
    raise Skip(f"operator {base}")


def condition(name, key_name, values, variables, context):
    """Whether a condition holds."""
    sets, base, ifexists = operator(name)
    values = [condition_text(v) for v in as_list(values)]
    key = context.key(key_name)
    if base == "null":
        return any_of(negated(key.present) if v.lower() == "true" else key.present for v in values)
    negative = base in NEGATIVE
    base = POSITIVE.get(base, base)

    def one(value):
        hits = []
        for wanted in values:
            defined, hit = fits(key.kind, value, base, wanted, variables, context)
            if negative and defined is not True:
                raise Skip("a variable without a value in a negated operator")
            hits.append(all_of([defined, hit]))
        return negated(any_of(hits)) if negative else any_of(hits)

    if key.many:
        if sets is None:
            # One value is asked of a key that has many.
            return negated(key.present) if ifexists or negative else False
        elements = key.value
        if sets == "foranyvalue":
            met = any_of(all_of([isin, one(v)]) for isin, v in elements)
        else:
            met = all_of(any_of([negated(isin), one(v)]) for isin, v in elements)
        if sets == "forallvalues" or ifexists:
            return any_of([negated(key.present), met])
        return all_of([key.present, met])
    met = one(key.value)
    if ifexists or sets == "forallvalues" or (negative and sets is None):
        return any_of([negated(key.present), met])
    return all_of([key.present, met])


# Statements.


class Action:
    """The action of the request: one of a list, or a text of a service that nobody has listed."""

    def __init__(self, names=None, value=None):
        self.names, self.value, self.index = names, value, z3.Int("action") if names and len(names) > 1 else None

    def among(self, chosen):
        chosen = [i for i, hit in enumerate(chosen) if hit]
        if self.index is None or len(chosen) == len(self.names):
            return bool(chosen)
        return any_of(self.index == i for i in chosen)

    def matches(self, pattern):
        items = tokens(pattern.lower(), False)
        if pattern == "*":
            return True
        if ":" not in pattern:
            return False
        if self.names:
            return self.among([plain_regex(items).fullmatch(name.lower()) is not None for name in self.names])
        return matches(self.value, items, None)[1]


class Caller:
    """Who asks. `forms` answers, of a value of a principal element, by which form it names the caller."""

    def __init__(self, name, kind, account=None, arn=None, role=None, session=None):
        self.name, self.kind, self.account, self.arn, self.role, self.session = name, kind, account, arn, role, session

    def names(self, kind, value, trust):
        """{form: formula}."""
        if value == "*" and kind in ("AWS", None):
            # It is every caller, signed or not; services and tokens are matched by name, or by the bare star.
            return {"star": self.kind not in ("token", "service") or kind is None and not trust}
        if kind == "Service":
            if self.kind != "service":
                return {}
            return {"service": same_text(self.arn, value)}
        if kind == "Federated":
            return {"token": self.kind == "token" and self.arn == value}
        if kind != "AWS" or self.kind in ("anonymous", "service", "token"):
            return {}
        if re.fullmatch(r"\d{12}", value):
            return {"account": same_text(self.account, value)}
        parts = value.split(":", 5)
        if len(parts) < 6 or parts[1] != "aws":
            return {}
        if parts[5] == "root":
            return {"account": same_text(self.account, parts[4])}
        if self.kind == "user":
            return {"user": same_text(self.arn, value)}
        if self.kind == "role" and isinstance(self.role, str):
            if parts[2] == "iam" and parts[5].startswith("role/"):
                return {"role": self.account == parts[4] and self.role == parts[5].rsplit("/", 1)[-1]}
            if parts[2] == "sts" and parts[5].startswith("assumed-role/"):
                _, role, session = parts[5].split("/", 2)
                return {"session": all_of([self.account == parts[4] and self.role == role, same_text(self.session, session)])}
        if self.kind == "federated":
            return {"session": self.arn == value}
        if self.kind == "root":
            return {}
        # One that stands for all who are not named.
        return {}


class Request:
    def __init__(self, caller, action, resource, owner, context, trust=False, key=False):
        self.caller, self.action, self.resource, self.owner, self.context, self.trust = caller, action, resource, owner, context, trust
        # What identity policies allow counts only where the resource's own policy leaves it to them.
        self.must_itself_allow = trust or key


def resource_pattern(pattern, variables):
    return None if pattern == "*" else arn_tokens(pattern, variables, False)


def applies(statement, variables, request):
    """Whether a statement's action, resource and conditions apply."""
    parts = []
    if "Action" in statement:
        parts.append(any_of(request.action.matches(p) for p in as_list(statement["Action"])))
    else:
        parts.append(negated(any_of(request.action.matches(p) for p in as_list(statement["NotAction"]))))
    for element in ("Resource", "NotResource"):
        if element not in statement:
            continue
        hits, defined = [], True
        for pattern in as_list(statement[element]):
            if pattern == "*":
                hits.append(True)
                continue
            known, hit = matches(request.resource, resource_pattern(pattern, variables), request.context)
            defined = all_of([defined, known])
            hits.append(all_of([known, hit]))
        hit = any_of(hits)
        if element == "NotResource":
            # A variable without a value: closed, that is an Allow does not apply and a Deny does.
            hit = all_of([negated(hit), defined]) if statement["Effect"] == "Allow" else negated(hit)
        parts.append(hit)
    if any(part is False for part in parts):
        return False
    for name, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            parts.append(condition(name, key, values, variables, request.context))
    return all_of(parts)


def principal_forms(statement, request, bounded):
    """{form: formula} of a statement's principal element."""
    caller = request.caller
    element = statement.get("Principal", statement.get("NotPrincipal"))
    forms = {}
    entries = [(None, "*")] if element == "*" else [(kind, v) for kind, values in (element or {}).items() for v in as_list(values)]
    for kind, value in entries:
        for form, hit in caller.names(kind, value, request.trust).items():
            forms.setdefault(form, []).append(hit)
    forms = {form: any_of(hits) for form, hits in forms.items()}
    if "NotPrincipal" in statement:
        if statement["Effect"] == "Deny" and bounded:
            return {"star": True}
        listed = any_of(forms.values())
        if statement["Effect"] == "Deny" and "star" not in forms:
            # Spared is who is listed with every layer: its account, its role, itself.
            layers = {"role": ("account", "role", "session"), "user": ("account", "user"), "other": ("account", "user")}.get(caller.kind)
            if caller.kind == "federated":
                raise Skip("NotPrincipal of a Deny and a federated user")
            if layers:
                listed = all_of(forms.get(layer, False) for layer in layers)
        return {"star": negated(listed)}
    return forms


def statements(document):
    variables = document.get("Version") == "2012-10-17"
    listed = document["Statement"]
    return [(s, variables) for s in (listed if isinstance(listed, list) else [listed])]


def of_identity(documents, request, effect):
    return any_of(applies(s, v, request) for d in documents for s, v in statements(d) if s["Effect"] == effect)


def has_controls(action):
    """Services that the cases ask about and whose resources resource control policies bind. IAM is none of them."""
    services = ("s3", "sts", "kms", "sqs", "secretsmanager", "dynamodb")
    return all_of([any_of(action.matches(f"{service}:*") for service in services), negated(action.matches("kms:RetireGrant"))])


def decide(request, policies):
    """(allowed, explicitly denied). `policies`: identity (None: everything), boundary, session, resource, scps, rcps, public."""
    caller = request.caller
    boundary, session, resource = policies.get("boundary"), policies.get("session"), policies.get("resource")
    identity = policies["identity"]
    mine = caller.kind in ("user", "role", "federated", "root", "other")
    denies, forms = [], {}
    if mine:
        layers = list(identity or []) + list(boundary or []) + list(session or []) + [d for level in policies.get("scps") or [] for d in level]
        denies.append(of_identity(layers, request, "Deny"))
    for level in policies.get("rcps") or []:
        denies.append(all_of([has_controls(request.action), of_identity(level, request, "Deny")]))
    for statement, variables in statements(resource) if resource else []:
        found = {form: hit for form, hit in principal_forms(statement, request, boundary is not None).items() if hit is not False}
        if not found:
            continue
        hit = applies(statement, variables, request)
        if statement["Effect"] == "Deny":
            denies.append(all_of([hit, any_of(found.values())]))
        else:
            for form, named in found.items():
                forms.setdefault(form, []).append(all_of([hit, named]))
    denied = any_of(denies)
    grant = {form: any_of(hits) for form, hits in forms.items()}
    of = lambda *names: any_of(grant.get(name, False) for name in names)
    if not mine:
        allowed = of("star", "service", "token")
        return all_of([negated(denied), allowed, negated(policies.get("shut", False)) if caller.kind == "anonymous" else True]), denied
    own = True if identity is None else of_identity(identity, request, "Allow")
    bound = True if boundary is None else of_identity(boundary, request, "Allow")
    limit = True if session is None else of_identity(session, request, "Allow")
    levels = all_of(of_identity(level, request, "Allow") for level in policies.get("scps") or [])
    anyhow = of("user", "session", "star")
    role = all_of([of("role"), bound, limit])
    inner = all_of([own, bound, limit])
    if request.must_itself_allow:
        same = any_of([anyhow, role, all_of([of("account"), inner])])
    else:
        same = any_of([anyhow, role, inner])
    cross = all_of([any_of(grant.values()), inner, negated(policies.get("shut", False))])
    here = same_text(caller.account, request.owner) if request.owner is not None else True
    if here is True:
        allowed = same
    elif here is False:
        allowed = cross
    else:
        allowed = any_of([all_of([here, same]), all_of([negated(here), cross])])
    return all_of([negated(denied), levels, allowed]), denied


# Worked examples, whose answers are known.


def concrete_caller(principal):
    if principal in ("anonymous", "*"):
        return Caller(principal, "anonymous")
    parts = principal.split(":", 5)
    if len(parts) < 6:
        return Caller(principal, "service", arn=principal)
    if "-provider/" in parts[5]:
        return Caller(principal, "token", arn=principal)
    if parts[5].startswith("user/"):
        return Caller(principal, "user", parts[4], principal)
    if parts[5].startswith("assumed-role/"):
        _, role, session = parts[5].split("/", 2)
        return Caller(principal, "role", parts[4], principal, role, session)
    if parts[5].startswith("federated-user/"):
        return Caller(principal, "federated", parts[4], principal)
    return Caller(principal, "root", parts[4], principal)


def settled(formula):
    if isinstance(formula, bool):
        return formula
    formula = z3.simplify(formula)
    if z3.is_true(formula) or z3.is_false(formula):
        return z3.is_true(formula)
    solver = z3.Solver()
    solver.add(formula)
    return solver.check() == z3.sat


def examples(file):
    agreed, skipped, wrong = 0, Counter(), []
    for line in Path(file).read_text().splitlines():
        case = json.loads(line)
        asked = case["request"]
        try:
            context = Context(asked["context"], closed=True)
            trust = asked["action"].startswith("sts:Assume") or asked["action"] in ("sts:SetContext", "sts:SetSourceIdentity", "sts:TagSession")
            resource, owner = asked["resource"], asked["resourceAccount"]
            if asked["action"].lower() == "s3:listallmybuckets" and resource == "*":
                resource = "arn:%s:s3:::*" % asked["principal"].split(":")[1]
            if asked["action"].lower().startswith("iam:") and owner is None and resource != "*":
                owner = resource.split(":")[4]
            key = asked["action"].startswith("kms:") and ":key/" in resource and case.get("resourcePolicy") is not None
            request = Request(concrete_caller(asked["principal"]), Action([asked["action"]]), resource, owner, context, trust, key)
            session = case.get("sessionPolicy")
            policies = {
                "identity": case.get("identityPolicies") or [],
                "resource": case.get("resourcePolicy"),
                "boundary": case.get("permissionBoundaries"),
                "session": [session] if session else None,
                "scps": case.get("scps"),
                "rcps": case.get("rcps"),
            }
            allowed, denied = decide(request, policies)
            allowed = settled(allowed) or asked["action"] == "sts:GetCallerIdentity"
            answer = "Allowed" if allowed else "ExplicitlyDenied" if settled(denied) else "ImplicitlyDenied"
        except Skip as why:
            skipped[str(why)] += 1
            continue
        if answer == case["expected"]:
            agreed += 1
        else:
            wrong.append(f"{case['id']} ({case['note']}): expected {case['expected']}, got {answer}")
    print(f"examples: {agreed} agreed, {sum(skipped.values())} skipped, {len(wrong)} disagreed")
    for why, count in skipped.most_common():
        print(f"  {count} skipped: {why}")
    for line in wrong:
        print(f"  {line}")
    return not wrong


# The lines of a delta, read literally.


def part_holds(part, hits, value):
    """`hits` answers whether a pattern matches; `value` is the resource, None for actions."""
    if part.get("nameless"):
        return same_text(value, "*") if value is not None else False
    met = [hits(part["pattern"]), *(hits(p) for p in part.get("within", []))]
    met += [negated(part_holds(e, hits, value)) for e in part.get("except", [])]
    return all_of(met)


def is_apart(part, request, known):
    apart = part.get("apart")
    if not apart or apart == {"many": 0}:
        return False
    listed = apart["named"] if "named" in apart else known
    here = []
    for arn in listed:
        here.append(matches(request.resource, (("lit", arn),), None)[1])
        if arn.startswith("arn:aws:s3:::"):
            here.append(matches(request.resource, (("lit", arn + "/"), ("any",)), None)[1])
    return any_of(here)


def resource_hits(pattern, request):
    if pattern == "*":
        return True
    known, hit = matches(request.resource, arn_tokens(pattern, "${" in pattern, True), request.context)
    return all_of([known, hit])


HOW = {
    "is": ("stringequals", None),
    "is-in-any-case": ("stringequalsignorecase", None),
    "like": ("stringlike", None),
    "like-arn": ("arnlike", None),
    "in": ("ipaddress", None),
    "below": ("numericlessthan", None),
    "at-most": ("numericlessthanequals", None),
    "above": ("numericgreaterthan", None),
    "at-least": ("numericgreaterthanequals", None),
    "before": ("datelessthan", None),
    "not-after": ("datelessthanequals", None),
    "after": ("dategreaterthan", None),
    "not-before": ("dategreaterthanequals", None),
}


def clause_holds(clause, context):
    key, relation = context.key(clause["key"]), clause["relation"]
    if relation == "absent":
        return negated(key.present)
    if relation == "present":
        return key.present
    how = relation["compares"]
    base = HOW[how["how"]][0]
    if how["how"] == "is":
        base = {"number": "numericequals", "date": "dateequals", "ip": "ipaddress", "bool": "bool"}.get(key.kind, base)

    def one(value):
        hits = []
        for wanted in clause["values"]:
            hits.append(all_of(fits(key.kind, value, base, wanted, "${" in wanted, context)))
        return any_of(hits) if not how["not"] else negated(any_of(hits))

    if not key.many:
        met = one(key.value)
    elif how["which"] == "some":
        met = any_of(all_of([isin, one(v)]) for isin, v in key.value)
    elif how["which"] == "every":
        met = all_of(any_of([negated(isin), one(v)]) for isin, v in key.value)
    else:
        raise Skip("a clause asks for the one value of a key that has many")
    return any_of([negated(key.present), met]) if how["or_absent"] else all_of([key.present, met])


def speaks(line, request, known):
    """Whether a line speaks of a request (of its party)."""
    about = any_of(part_holds(p, request.action.matches, None) for p in line["actions"])
    if about is False:
        return False
    on = any_of(
        all_of([part_holds(p, lambda pattern: resource_hits(pattern, request), request.resource), negated(is_apart(p, request, known))])
        for p in line["resources"]
    )
    if on is False:
        return False
    when = any_of(all_of(clause_holds(c, request.context) for c in clauses) for clauses in line["when"]) if line["when"] else True
    return all_of([about, on, when])


# Cases.

ASSUME = ("sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:SetContext", "sts:SetSourceIdentity", "sts:TagSession")
IAM_KINDS = ("role", "user", "group", "policy", "instance-profile", "oidc-provider", "saml-provider", "mfa", "server-certificate")
NAME = z3.Union(z3.Range("a", "z"), z3.Range("A", "Z"), DIGIT, *(z3.Re(c) for c in "+=,.@_-"))
UPPER = z3.Union(z3.Range("A", "Z"), DIGIT)
LOWER = z3.Union(z3.Range("a", "z"), DIGIT)
ACCOUNT = z3.Loop(DIGIT, 12, 12)
MOST_ELEMENTS = 8


class Who:
    """A caller, its keys, and which lines speak of it."""

    def __init__(self, label, caller, parties, arn=None, allows=None, certainties=None, keys=None, limits=()):
        self.label, self.caller, self.parties, self.arn = label, caller, parties, arn
        # allows: None: its own policies, which are known; True: everything; False: nothing.
        self.allows, self.certainties, self.keys, self.limits = allows, certainties, keys or (lambda context: None), list(limits)
        # Lines of these speak of it, too, but are not held against it.
        self.besides = [{"party": "unsigned"}]


def documents_of(guarded):
    return [s for g in guarded if g and g["policy"] for s, _ in statements(g["policy"])]


def named_in(listed):
    found = {"accounts": set(), "arns": set(), "services": set(), "providers": set()}
    for statement in listed:
        element = statement.get("Principal", statement.get("NotPrincipal"))
        for kind, values in element.items() if isinstance(element, dict) else ():
            for value in as_list(values):
                if kind == "Service":
                    found["services"].add(value)
                elif kind == "Federated":
                    found["providers"].add(value)
                elif re.fullmatch(r"\d{12}", value):
                    found["accounts"].add(value)
                elif value.startswith("arn:aws:"):
                    if value.endswith(":root"):
                        found["accounts"].add(value.split(":")[4])
                    else:
                        found["arns"].add(value)
                        found["accounts"].add(value.split(":")[4])
        found["accounts"].update(re.findall(r"(?<!\d)\d{12}(?!\d)", json.dumps(statement.get("Condition", {}))))
    return found


def user_keys(context, arn):
    context.fix("aws:PrincipalArn", arn)
    context.fix("aws:PrincipalAccount", arn.split(":")[4])
    context.fix("aws:PrincipalType", "User")
    context.fix("aws:username", arn.rsplit("/", 1)[-1])
    own = z3.String("user id")
    context.limits.append(z3.InRe(own, z3.Concat(z3.Re("AIDA"), z3.Plus(UPPER))))
    context.put("aws:userid", True, own)
    signed(context)


def signed(context):
    # Only a service that calls for somebody says for whom.
    for name in ("aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths"):
        context.fix(name, None)
    context.fix("aws:PrincipalIsAWSService", "false")
    context.fix("aws:PrincipalServiceName", None)
    context.fix("aws:PrincipalServiceNamesList", None)


def role_keys(context, arn, session):
    context.fix("aws:PrincipalArn", arn)
    context.fix("aws:PrincipalAccount", arn.split(":")[4])
    context.fix("aws:PrincipalType", "AssumedRole")
    context.fix("aws:username", None)
    own = z3.String("role id")
    context.limits.append(z3.InRe(own, z3.Concat(z3.Re("AROA"), z3.Plus(UPPER))))
    context.put("aws:userid", True, z3.Concat(own, z3.StringVal(":"), text(session)))
    signed(context)


def tag_keys(context, case, arn, tagged):
    """Tags of a known principal: its own, unless a session can bring others."""
    brings = False
    for side in ("before", "after"):
        guarded = case[side]["roles"].get(arn)
        for statement in documents_of([guarded]):
            patterns = as_list(statement.get("Action"))
            brings |= statement["Effect"] == "Allow" and any(Action(["sts:TagSession"]).matches(p) for p in patterns)
            brings |= "NotAction" in statement
    if brings:
        return
    for name in tagged:
        context.fix(name, None)
    for side in ("before", "after"):
        for name, value in case[side]["principals"].get(arn, {}).get("tags", {}).items():
            context.fix(f"aws:PrincipalTag/{name}", value)


def unsigned_keys(context, tagged):
    for name in ("Arn", "OrgID", "OrgPaths", "ServiceName", "ServiceNamesList", "IsAWSService"):
        context.fix(f"aws:Principal{name}", None)
    for name in ("aws:PrincipalAccount", "aws:userid"):
        context.fix(name, "anonymous")
    for name in ("aws:username", "aws:MultiFactorAuthPresent", "aws:MultiFactorAuthAge", "aws:TokenIssueTime", "aws:FederatedProvider"):
        context.fix(name, None)
    for name in tagged:
        context.fix(name, None)


def any_of_account(label, account, parties, allows, certainties, arns, limits=()):
    """Some user, or session of some role, of an account, none of `arns`."""
    caller = Caller(label, "other", account)

    def keys(context):
        arn, name, user = z3.String("principal arn"), z3.String("name"), z3.Bool("is a user")
        start = z3.Concat(z3.StringVal("arn:aws:iam::"), text(account), z3.StringVal(":"))
        rest = z3.String("path and name")
        kind = lambda word: z3.Concat(z3.Re(word), z3.Star(z3.Concat(z3.Re("/"), z3.Plus(NAME))))
        context.limits += [
            arn == z3.Concat(start, rest),
            z3.InRe(rest, z3.Concat(z3.Union(z3.Re("user/"), z3.Re("role/")), z3.Star(z3.Union(NAME, z3.Re("/"))), NAME)),
            user == z3.PrefixOf(z3.StringVal("user/"), rest),
            z3.InRe(name, z3.Plus(NAME)),
            z3.SuffixOf(z3.Concat(z3.StringVal("/"), name), rest),
            *(arn != z3.StringVal(known) for known in arns),
        ]
        context.put("aws:PrincipalArn", True, arn)
        context.put("aws:PrincipalAccount", True, account)
        context.put("aws:PrincipalType", True, z3.If(user, z3.StringVal("User"), z3.StringVal("AssumedRole")))
        context.put("aws:username", user, name)
        own, session = z3.String("unique id"), z3.String("session")
        context.limits += [
            z3.InRe(own, z3.Concat(z3.Union(z3.Re("AIDA"), z3.Re("AROA")), z3.Plus(UPPER))),
            user == z3.PrefixOf(z3.StringVal("AIDA"), own),
            z3.InRe(session, z3.Concat(NAME, z3.Plus(NAME))),
        ]
        context.put("aws:userid", True, z3.If(user, own, z3.Concat(own, z3.StringVal(":"), session)))
        signed(context)

    return Who(label, caller, parties, None, allows, certainties, keys, limits)


def callers(case, guarded, trust, tagged):
    """Everyone whose requests of a guarded resource are looked at."""
    delta = case["delta"]
    listed = documents_of(guarded)
    found = named_in(listed)
    owner = next(g["account"] for g in guarded if g)
    known = sorted({*case["before"]["principals"], *case["after"]["principals"]})
    everyone = []
    sessions = {}
    for arn in found["arns"]:
        parts = arn.split(":", 5)
        if parts[2] == "sts" and parts[5].startswith("assumed-role/"):
            _, role, session = parts[5].split("/", 2)
            sessions.setdefault((parts[4], role), set()).add(session)
    for arn in known:
        everyone.append(known_caller(case, arn, tagged, sessions))
    for arn in sorted(found["arns"] - set(known)):
        parts = arn.split(":", 5)
        kind = parts[5].split("/")[0]
        party = [{"party": {"role": "role", "user": "user"}.get(kind, "named") if parts[2] == "iam" else "named", "arn": arn}]
        behind = [k for k in known if kind == "assumed-role" and k.startswith(f"arn:aws:iam::{parts[4]}:role/") and k.rsplit("/", 1)[-1] == parts[5].split("/")[1]]
        if kind == "user":
            caller, keys = Caller(arn, "user", parts[4], arn), lambda context, arn=arn: user_keys(context, arn)
        elif kind in ("role", "assumed-role"):
            name = parts[5].rsplit("/", 1)[-1] if kind == "role" else parts[5].split("/")[1]
            role = arn if kind == "role" else behind[0] if behind else f"arn:aws:iam::{parts[4]}:role/{name}"
            taken = sessions.get((parts[4], name), set()) if kind == "role" else ()
            session = z3.String("session") if kind == "role" else parts[5].split("/", 2)[2]
            caller = Caller(arn, "role", parts[4], None, name, session)

            def keys(context, role=role, session=session, taken=taken):
                role_keys(context, role, session)
                if not isinstance(session, str):
                    context.limits += [z3.InRe(session, z3.Concat(NAME, z3.Plus(NAME))), *(session != z3.StringVal(t) for t in taken)]

        else:
            continue
        if behind:
            who = Who(f"{arn} (session of a known role)", caller, party, behind[0], None, None, keys)
            who.besides.append({"party": "role", "arn": behind[0]})
            everyone.append(who)
        else:
            everyone.append(Who(f"{arn} (allowed everything by its own policies)", caller, party, None, True, None, keys))
            everyone.append(Who(f"{arn} (allowed nothing by its own policies)", caller, party, None, False, None, keys))
            everyone[-1].claims_with = everyone[-2]
    arns = [*known, *found["arns"]]
    spoken = {(l["party"].get("partition"), l["party"].get("account")) for l in delta["changes"] if l["party"]["party"] == "any-of"}
    for account in sorted(found["accounts"] | {owner}):
        own = {"party": "any-of", "partition": "aws", "account": account}
        # "Any account that has no lines of its own."
        party = [own] if ("aws", account) in spoken else [{"party": "any-other", "partition": "aws"}]
        everyone.append(any_of_account(f"any other of {account}, allowed everything by its own policies", account, party, True, ("own-policies", "exact", "even-without"), arns))
        if account == owner:
            everyone.append(any_of_account(f"any other of {account}, allowed nothing by its own policies", account, [own], False, ("even-without", "exact"), arns))
    other = z3.String("account")
    limits = [z3.InRe(other, ACCOUNT), *(other != z3.StringVal(a) for a in sorted(found["accounts"] | {owner}))]
    everyone.append(any_of_account("any of another account", other, [{"party": "any-other", "partition": "aws"}], True, ("own-policies", "exact", "even-without"), arns, limits))
    if not trust:
        everyone.append(Who("unsigned", Caller("unsigned", "anonymous"), [{"party": "unsigned"}], keys=lambda context: (unsigned_keys(context, tagged), signed(context), context.fix("aws:PrincipalType", "Anonymous"))))
    spoken_services = [l["party"] for l in delta["changes"] if l["party"]["party"] == "service"]
    for service in sorted(found["services"]):

        def keys(context, service=service):
            unsigned_keys(context, tagged)
            context.forbid("aws:PrincipalType", "aws:PrincipalType of services and tokens")
            context.fix("aws:PrincipalIsAWSService", "true")
            context.fix("aws:PrincipalServiceName", service)

        own = {"party": "service", "name": service}
        # "Any service that has no lines of its own."
        party = [own] if own in spoken_services else [own, {"party": "any-service"}]
        everyone.append(Who(f"service {service}", Caller(service, "service", arn=service), party, keys=keys))

    def any_service(context):
        unsigned_keys(context, tagged)
        context.forbid("aws:PrincipalType", "aws:PrincipalType of services and tokens")
        context.fix("aws:PrincipalIsAWSService", "true")
        name = z3.String("service")
        context.limits += [z3.InRe(name, z3.Concat(z3.Plus(LOWER), z3.Re(".amazonaws.com"))), *(name != z3.StringVal(s) for s in found["services"])]
        context.put("aws:PrincipalServiceName", True, name)

    everyone.append(Who("another service", Caller("another service", "service", arn=z3.String("service")), [{"party": "any-service"}], keys=any_service))
    for provider in sorted(found["providers"]) if trust else ():
        keys = lambda context: (unsigned_keys(context, tagged), context.forbid("aws:PrincipalType", "aws:PrincipalType of services and tokens"))
        everyone.append(Who(f"tokens of {provider}", Caller(provider, "token", arn=provider), [{"party": "tokens", "provider": provider}], keys=keys))
    return everyone


def known_caller(case, arn, tagged, sessions):
    parts = arn.split(":", 5)
    if parts[5].startswith("user/"):

        def keys(context):
            user_keys(context, arn)
            tag_keys(context, case, arn, tagged)

        return Who(f"user {arn}", Caller(arn, "user", parts[4], arn), [{"party": "user", "arn": arn}], arn, keys=keys)
    if not parts[5].startswith("role/"):
        raise Skip("a group's members")
    name, session = parts[5].rsplit("/", 1)[-1], z3.String("session")

    def keys(context):
        role_keys(context, arn, session)
        tag_keys(context, case, arn, tagged)
        context.limits.append(z3.InRe(session, z3.Concat(NAME, z3.Plus(NAME))))
        context.limits.extend(session != z3.StringVal(taken) for taken in sessions.get((parts[4], name), ()))

    return Who(f"role {arn}", Caller(arn, "role", parts[4], None, name, session), [{"party": "role", "arn": arn}], arn, keys=keys)


class Domain:
    def __init__(self, label, about, resource, owner, actions, limits=(), guarded=(None, None), trust=False, symbolic=False, account=None, elsewhere=False, never=False):
        self.label, self.about, self.resource, self.owner, self.actions, self.limits = label, about, resource, owner, actions, list(limits)
        self.guarded, self.trust, self.symbolic, self.account, self.elsewhere, self.never = guarded, trust, symbolic, account, elsewhere, never


def of_type(kind, services):
    return [name for name, types in ACTIONS.items() if kind in types and name.split(":")[0] in services]


def domains(case):
    for name in sorted({*case["before"]["buckets"], *case["after"]["buckets"]}):
        guarded = [case[side]["buckets"].get(name) for side in ("before", "after")]
        owner = next(g["account"] for g in guarded if g)
        arn, resource = f"arn:aws:s3:::{name}", z3.String("resource")
        inside = [z3.InRe(resource, z3.Concat(z3.Re(arn + "/"), z3.Star(VISIBLE)))]
        yield Domain(f"bucket {name}", {"bucket": name}, arn, owner, of_type("bucket", ("s3",)), (), guarded)
        yield Domain(f"objects in {name}", {"bucket": name}, resource, owner, of_type("object", ("s3",)), inside, guarded)
    for arn in sorted({*case["before"]["roles"], *case["after"]["roles"]}):
        guarded = [case[side]["roles"].get(arn) for side in ("before", "after")]
        owner = next(g["account"] for g in guarded if g)
        yield Domain(f"role {arn}", {"role": arn}, arn, owner, list(ASSUME), (), guarded, True)


def elsewhere(case, arn):
    """What has no policy of its own, of one known principal."""
    buckets = sorted({*case["before"]["buckets"], *case["after"]["buckets"]})
    roles = sorted({*case["before"]["roles"], *case["after"]["roles"]})
    own, resources = arn.split(":")[4], "other-resources"
    whole, account = z3.String("resource"), z3.String("resource's account")
    # Whose the resource is matters to these alone.
    asks = "resourceaccount" in json.dumps(case).lower() or any(case[side]["resource_control"] for side in ("before", "after"))
    bucket = z3.Plus(z3.Union(LOWER, z3.Re("."), z3.Re("-")))
    start = z3.Re("arn:aws:s3:::")
    is_account = z3.InRe(account, ACCOUNT)
    if buckets:
        bucket = z3.Intersect(bucket, z3.Complement(z3.Union(*(z3.Re(b) for b in buckets)) if len(buckets) > 1 else z3.Re(buckets[0])))
    shape = [z3.InRe(whole, z3.Concat(start, bucket)), is_account]
    yield Domain("other buckets", resources, whole, None, of_type("bucket", ("s3",)), shape, account=account, elsewhere=True)
    shape = [z3.InRe(whole, z3.Concat(start, bucket, z3.Re("/"), z3.Star(VISIBLE))), is_account]
    yield Domain("objects in other buckets", resources, whole, None, of_type("object", ("s3",)), shape, account=account, elsewhere=True)
    path_and_name = z3.Concat(z3.Star(z3.Concat(z3.Plus(NAME), z3.Re("/"))), z3.Plus(NAME))
    for kind in IAM_KINDS:
        actions = [name for name in of_type(kind, ("iam", "sts")) if name not in ASSUME]
        # IAM's own actions do not cross accounts: no resource there has a policy that could let anybody in.
        foreign = z3.Intersect(ACCOUNT, z3.Complement(z3.Re(own)))
        shape = [is_account, z3.InRe(whole, z3.Concat(z3.Re("arn:aws:iam::"), foreign, z3.Re(f":{kind}/"), path_and_name))]
        yield Domain(f"IAM {kind} of other accounts", resources, whole, None, actions, shape, account=account, elsewhere=True, never=True)
        shape = [z3.InRe(whole, z3.Concat(z3.Re(f"arn:aws:iam::{own}:{kind}/"), path_and_name))]
        yield Domain(f"IAM {kind}", resources, whole, None, actions, shape, account=own, elsewhere=True)
    nameless = [name for name, types in ACTIONS.items() if not types]
    yield Domain("no resource", resources, "*", None, nameless, account=own, elsewhere=True)
    word, dashed = z3.String("action of the service"), z3.Union(LOWER, z3.Re("-"))
    service = z3.Intersect(z3.Plus(dashed), z3.Complement(z3.Union(*(z3.Re(s) for s in LISTED))))
    act = [z3.InRe(word, z3.Concat(service, z3.Re(":"), z3.Plus(LOWER)))]
    yield Domain("no resource of other services", resources, "*", None, word, act, account=own, symbolic=True, elsewhere=True)

    def owned(head):
        """The account in the resource's ARN, where it matters."""
        return [whole == z3.Concat(head, account, z3.StringVal(":"), z3.String("rest"))] if asks else []

    colon = z3.Re(":")
    shape = [*act, is_account, z3.InRe(whole, z3.Concat(z3.Re("arn:aws:"), service, colon, z3.Star(dashed), colon, ACCOUNT, colon, z3.Plus(VISIBLE)))]
    if asks:
        name, region = z3.String("service of the resource"), z3.String("region")
        shape += [z3.InRe(name, service), z3.InRe(region, z3.Star(dashed)), *owned(z3.Concat(z3.StringVal("arn:aws:"), name, z3.StringVal(":"), region, z3.StringVal(":")))]
    yield Domain("resources of other services", resources, whole, None, word, shape, account=account, symbolic=True, elsewhere=True)
    shape = [is_account, z3.InRe(whole, z3.Concat(z3.Re("arn:aws:iam::"), ACCOUNT, z3.Re(":role/"), path_and_name)), *(whole != z3.StringVal(r) for r in roles)]
    shape += owned(z3.StringVal("arn:aws:iam::"))
    yield Domain("other roles", "other-roles", whole, None, ["sts:AssumeRole", "sts:SetContext", "sts:SetSourceIdentity", "sts:TagSession"], shape, account=account, elsewhere=True)


def assume_by(who):
    if who.caller.kind == "token":
        own = "sts:AssumeRoleWithSAML" if ":saml-provider/" in who.caller.arn else "sts:AssumeRoleWithWebIdentity"
    else:
        own = "sts:AssumeRole"
    # Contexts of other providers come with `AssumeRole` alone.
    contexts = ["sts:SetContext"] if own == "sts:AssumeRole" else []
    return [own, *contexts, "sts:SetSourceIdentity", "sts:TagSession"]


def walk(value, name):
    """All values of members of that name."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == name:
                yield inner
            yield from walk(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner, name)


class Judge:
    def __init__(self, case, timeout):
        self.case, self.timeout = case, timeout
        self.lines = case["delta"]["changes"]
        conditions = [(op, k, json.dumps(v)) for side in ("before", "after") for c in walk(case[side], "Condition") for op, keys in c.items() for k, v in keys.items()]
        keys = {k.lower() for _, k, _ in conditions} | {c["key"].lower() for l in self.lines for clauses in l["when"] for c in clauses}
        variables = set(re.findall(r"\$\{([A-Za-z0-9:/_-]+)", json.dumps(case)))
        self.tagged = sorted({k for k in keys | {v.lower() for v in variables} if k.startswith("aws:principaltag/")})
        per_key = Counter(k.lower() for op, k, v in set(conditions) if operator(op)[0])
        clauses = {json.dumps(c, sort_keys=True) for l in self.lines for clauses in l["when"] for c in clauses}
        for c in map(json.loads, clauses):
            if isinstance(c["relation"], dict) and c["relation"]["compares"]["which"] != "one":
                per_key[c["key"].lower()] += 1
        self.elements = max([1, *(n for k, n in per_key.items() if kind_of(k)[1])])
        self.patterns = sorted(
            {p for side in ("before", "after") for name in ("Action", "NotAction") for v in walk(case[side], name) for p in as_list(v)}
            | {p for l in self.lines for part in l["actions"] for p in self.of_part(part)}
        )
        self.known = [f"arn:aws:s3:::{b}" for b in {*case["before"]["buckets"], *case["after"]["buckets"]}] + sorted({*case["before"]["roles"], *case["after"]["roles"]})
        self.counts, self.found = Counter(), []
        # Lines that somebody's request was asked of, and those of which one was found.
        self.asked, self.alive = {}, set()

    def of_part(self, part):
        yield part["pattern"]
        yield from part.get("within", [])
        for inner in part.get("except", []):
            yield from self.of_part(inner)

    def grouped(self, names):
        """One name of those that no pattern tells apart."""
        groups = {}
        for name in names:
            vector = tuple(Action([name]).matches(p) for p in self.patterns)
            groups.setdefault(vector, name)
        return sorted(groups.values())

    def run(self):
        if self.elements > MOST_ELEMENTS:
            raise Skip(f"more than {MOST_ELEMENTS} set tests of one key")
        for domain in domains(self.case):
            for who in callers(self.case, domain.guarded, domain.trust, self.tagged):
                self.ask(who, domain)
        for arn in sorted({*self.case["before"]["principals"], *self.case["after"]["principals"]}):
            for domain in elsewhere(self.case, arn):
                self.ask(known_caller(self.case, arn, self.tagged, {}), domain)
        for line in self.lines:
            if id(line) in self.asked and id(line) not in self.alive and not any(k.startswith("skipped") for k in self.counts):
                self.found.append(self.about("empty", {"who": json.dumps(line["party"]), "domain": "", "lines": [line]}))

    def answer(self, who, request, domain, side, at, allows):
        estate = self.case[side]
        principal = estate["principals"].get(who.arn) if who.arn else None
        if who.arn and principal is None or domain.never:
            return False
        if who.arn:
            identity, boundary = principal["identity"], principal["boundary"]
        else:
            identity, boundary = (None if allows else []), None
        account = who.caller.account
        scps = estate["service_control"].get(account) if isinstance(account, str) else None
        policies = {"identity": identity, "boundary": boundary, "scps": scps}
        if domain.elsewhere:
            policies["resource"] = None
            # Who owns it has the last word, but for its control policies, which are known.
            rcps = [(a, levels) for a, levels in estate["resource_control"].items()]
            request = Request(request.caller, request.action, request.resource, None, request.context, False)
            allowed, _ = decide(request, policies)
            for owner, levels in rcps:
                here = same_text(domain.account, owner)
                if here is not False:
                    hit = all_of([has_controls(request.action), any_of(of_identity(level, request, "Deny") for level in levels)])
                    allowed = all_of([allowed, negated(all_of([here, hit]))])
            return allowed
        guarded = domain.guarded[at]
        policies["resource"] = guarded["policy"] if guarded else None
        policies["rcps"] = estate["resource_control"].get(domain.owner)
        # Block public access restricts a policy that is public: whether this one is, the estate has decided.
        policies["shut"] = bool(guarded and guarded["restrict_public"])
        return decide(request, policies)[0]

    def is_undecided(self, who, domain):
        for entry in self.case["delta"]["undecided"]:
            party = entry["party"]
            same = party in who.parties or party in who.besides or party["party"] == "of-kind"
            if same and (entry["about"] == domain.about or isinstance(entry["about"], dict) and ("policies" in entry["about"] or "resource" in entry["about"] and domain.elsewhere)):
                return True
        return False

    def ask(self, who, domain):
        names = domain.actions
        if domain.trust:
            names = assume_by(who)
        try:
            self.query(who, domain, names)
        except Skip as why:
            self.counts["skipped"] += 1
            self.counts[f"skipped: {why}"] += 1
        except z3.Z3Exception as why:
            self.counts["skipped"] += 1
            self.counts[f"skipped: z3 says {str(why)[:60]}"] += 1

    def bears(self, who, domain, side, at):
        """All documents that bear on a caller and a domain."""
        estate = self.case[side]
        return [estate["principals"].get(who.arn), domain.guarded[at], estate["service_control"], estate["resource_control"]]

    def query(self, who, domain, names):
        about = [l for l in self.lines if l["party"] in who.parties or l["party"] in who.besides]
        if not about and self.bears(who, domain, "before", 0) == self.bears(who, domain, "after", 1):
            self.counts["same documents, and no line"] += 1
            return
        context = Context(elements=self.elements)
        who.keys(context)
        for key in ("aws:ResourceAccount", "s3:ResourceAccount"):
            context.put(key, True, domain.owner if domain.owner is not None else domain.account)
        action = Action(None, domain.actions) if domain.symbolic else Action(self.grouped(names))
        request = Request(who.caller, action, domain.resource, domain.owner, context, domain.trust)
        before, after = (self.answer(who, request, domain, side, at, who.allows) for at, side in enumerate(("before", "after")))
        own = [l for l in self.lines if l["party"] in who.parties and (who.certainties is None or l["certainty"] in who.certainties)]
        besides = [l for l in self.lines if l["party"] in who.besides and l not in own]
        held = own
        if who.caller.kind == "other":
            # What is said of those whom their own policies let is not said of those whom they do not.
            held = [l for l in own if (l["certainty"] == "even-without") != bool(who.allows)]
        if who.allows is False and who.caller.kind != "other":
            held = []
        spoken = {id(l): speaks(l, request, self.known) for l in own + besides}
        gains, loses = all_of([negated(before), after]), all_of([before, negated(after)])
        bad = []
        undecided = self.is_undecided(who, domain)
        if undecided:
            self.counts["undecided by the delta"] += 1
        else:
            for change, direction in ((gains, "widened"), (loses, "narrowed")):
                said = any_of(spoken[id(l)] for l in own + besides if l["direction"] == direction)
                bad.append((f"missed, {direction}", all_of([change, negated(said)])))
        other_gain, other_loss = False, False
        if who.allows is True and who.caller.kind != "other":
            # Of a named principal of which nothing else is known, a line may be meant whatever its own policies say.
            b, a = (self.answer(who, request, domain, side, at, False) for at, side in enumerate(("before", "after")))
            other_gain, other_loss = all_of([negated(b), a]), all_of([b, negated(a)])
        for line in held:
            meant = any_of([gains, other_gain]) if line["direction"] == "widened" else any_of([loses, other_loss])
            bad.append((f"invented, {line['direction']}", all_of([spoken[id(line)], negated(meant)])))
        limits = [*context.limits, *who.limits, *domain.limits]
        if action.index is not None:
            limits += [action.index >= 0, action.index < len(action.names)]
        for line in held:
            if id(line) not in self.alive:
                meant = any_of([gains, other_gain]) if line["direction"] == "widened" else any_of([loses, other_loss])
                self.asked[id(line)] = line
                some = all_of([spoken[id(line)], meant])
                if some is not False and self.check(limits, some)[0] != z3.unsat:
                    self.alive.add(id(line))
        bad = [(what, formula) for what, formula in bad if formula is not False]
        if before is after or isinstance(before, z3.ExprRef) and isinstance(after, z3.ExprRef) and before.eq(after):
            bad = [(what, formula) for what, formula in bad if not what.startswith("missed")]
        if not bad:
            self.counts["same by form, and no line"] += 1
            return
        answer, model = self.check(limits, any_of(formula for _, formula in bad))
        self.counts[str(answer)] += 1
        if answer == z3.unknown:
            self.counts[f"unknown: {domain.label.split(' arn')[0]}, {who.label.split(' ')[0]}"] += 1
        if answer == z3.sat:
            self.say(who, domain, action, context, model, before, after, bad)

    def check(self, limits, goal):
        solver = z3.Solver()
        solver.set("timeout", self.timeout)
        solver.add(*limits, goal)
        answer = solver.check()
        return answer, solver.model() if answer == z3.sat else None

    def say(self, who, domain, action, context, model, before, after, bad):
        def shown(value):
            if isinstance(value, bool):
                return "true" if value else "false"
            if value is None or isinstance(value, str):
                return value
            got = model.eval(value, model_completion=True)
            return got.as_string() if z3.is_string_value(got) else str(got)

        def true(formula):
            return formula if isinstance(formula, bool) else z3.is_true(model.eval(formula, model_completion=True))

        keys = {}
        for name, key in sorted(context.keys.items()):
            if not true(key.present):
                keys[name] = None
            elif key.many:
                keys[name] = [shown(v) for isin, v in key.value if true(isin)]
            elif key.kind == "ip":
                v6, four, six = key.value
                number = model.eval(six if true(v6) else four, model_completion=True).as_long()
                keys[name] = str(ipaddress.IPv6Address(number) if true(v6) else ipaddress.IPv4Address(number))
            else:
                keys[name] = shown(key.value)
        name = action.names[model.eval(action.index, model_completion=True).as_long()] if action.index is not None else action.names[0] if action.names else shown(action.value)
        what = [w for w, formula in bad if true(formula)]
        request = (
            {
                "who": who.label,
                "domain": domain.label,
                "action": name,
                "resource": shown(domain.resource),
                "account": shown(domain.account if domain.owner is None else domain.owner),
                "caller_account": shown(who.caller.account),
                "session": shown(who.caller.session),
                "keys": keys,
                "before": true(before),
                "after": true(after),
                "lines": [l for l in self.lines if l["party"] in who.parties or l["party"] in who.besides],
            }
        )
        self.found.append(self.about(what[0] if what else "?", request))

    def about(self, what, request):
        return {"seed": self.case["seed"], "number": self.case["number"], "family": self.case["family"], "what": what, **request}


def documents(value):
    """All policy documents in a value."""
    if isinstance(value, dict):
        if "Statement" in value:
            yield value
        else:
            for inner in value.values():
                yield from documents(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from documents(inner)


def lists(case, found, effect):
    """Whether a NotPrincipal of such a statement lists who asked, or its account, or everyone."""
    account = found.get("caller_account") or ""
    for statement in (s for d in documents(case) for s, _ in statements(d) if s["Effect"] == effect and "NotPrincipal" in s):
        element = statement["NotPrincipal"]
        for value in ["*"] if element == "*" else [v for values in element.values() for v in as_list(values)]:
            parts = value.split(":")
            if value in found["who"] or value in ("*", account) or parts[-1] == "root" and parts[4] == account:
                return True
            if len(parts) > 5 and parts[4] == account and parts[-1].split("/")[0] in ("role", "assumed-role") and any(p in found["who"] for p in parts[-1].split("/")[1:]):
                return True
    return False


def explanations(file):
    """Reasons, each with a test over a case and what was found of it."""
    lines = [line for line in Path(file).read_text().splitlines() if line.strip() and not line.startswith("#")] if file else []
    return [(reason, compile(test, file, "eval")) for reason, test in (line.split("\t", 1) for line in lines)]


def reason_of(case, found, known):
    """The first reason whose test holds."""
    names = {"c": case, "f": found, "text": json.dumps([case["before"], case["after"]]), "re": re, "json": json, "documents": documents, "statements": statements, "as_list": as_list, "lists": lists}
    return next((reason for reason, test in known if eval(test, names)), None)


def cases(file, timeout, only=None, first=0, seconds=None, out=None, disputed=None):
    start, total, found = time.monotonic(), Counter(), []
    kinds, reasons, known, open_ones = Counter(), Counter(), explanations(disputed), 0
    # What was seen is said of a run that is stopped, too.
    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    for line in open(file):
        case = json.loads(line)
        if stopped:
            total["cases left out, stopped"] += 1
            continue
        if only is not None and case["number"] != only or case["number"] < first:
            continue
        if seconds and time.monotonic() - start > seconds:
            total["cases left out, time was up"] += 1
            continue
        judge = Judge(case, timeout)
        try:
            judge.run()
        except Skip as why:
            total["cases skipped"] += 1
            total[f"case skipped: {why}"] += 1
            continue
        total.update(judge.counts)
        total["cases"] += 1
        total["cases, family " + case["family"]] += 1
        total["lines in deltas"] += len(judge.lines)
        total["cases with a disagreement"] += bool(judge.found)
        for one in judge.found:
            reason = one["reason"] = reason_of(case, one, known)
            if reason:
                reasons[reason] += 1
            else:
                open_ones += 1
                kinds[(one["what"], re.sub(r"arn:\S+|\d{12}", "…", one["who"]), re.sub(r"arn:\S+", "…", one["domain"]))] += 1
            if out:
                out.write(json.dumps(one) + "\n")
                out.flush()
            elif not reason:
                print(json.dumps({k: v for k, v in one.items() if k != "lines"}, indent=1))
                for l in one["lines"]:
                    print("   line", l["direction"], json.dumps({k: v for k, v in l.items() if k not in ("witness", "direction")}))
    for name, count in sorted(total.items()):
        print(f"{count:8} {name}")
    for reason, count in reasons.most_common():
        print(f"{count:8} known: {reason}")
    for kind, count in kinds.most_common():
        print(f"{count:8} OPEN {', '.join(kind)}")
    print(f"{open_ones} disagreements without a reason, {time.monotonic() - start:.0f} s")
    return open_ones == 0


def spoiled(delta, at):
    """A delta with one line that is wrong, and what was done to it."""
    line = delta["changes"][at % len(delta["changes"])]
    others = [l for l in delta["changes"] if l is not line]
    changes = [("dropped", None), ("turned around", {**line, "direction": {"widened": "narrowed", "narrowed": "widened"}[line["direction"]]})]
    if line["when"]:
        changes.append(("without its conditions", {**line, "when": []}))
        changes.append(("without a clause", {**line, "when": [clauses[1:] for clauses in line["when"]]}))
    for name in ("actions", "resources"):
        if any(p.get("except") or p.get("within") for p in line[name]):
            changes.append((f"without exceptions of {name}", {**line, name: [{k: v for k, v in p.items() if k not in ("except", "within")} for p in line[name]]}))
        if len(line[name]) > 1:
            changes.append((f"without one of its {name}", {**line, name: line[name][1:]}))
    how, changed = changes[at % len(changes)]
    return how, {**delta, "changes": others + ([changed] if changed else [])}


def mutants(file, timeout, seconds):
    start, found, missed, left = time.monotonic(), Counter(), [], 0
    for line in open(file):
        case = json.loads(line)
        if not case["delta"]["changes"] or time.monotonic() - start > seconds:
            continue
        judge = Judge(case, timeout)
        judge.run()
        if judge.found or judge.counts["unknown"] or judge.counts["skipped"]:
            left += 1
            continue
        how, case["delta"] = spoiled(case["delta"], case["number"])
        judge = Judge(case, timeout)
        judge.run()
        found[how, bool(judge.found)] += 1
        if not judge.found:
            missed.append((case["number"], how))
    for how in sorted({how for how, _ in found}):
        print(f"{found[how, True]:6} of {found[how, True] + found[how, False]} found: a line {how}")
    print(f"{left} cases left out: the judge has something to say of the delta as it is")
    print("not found:", missed)
    return True


def main(arguments):
    mode, file, *rest = arguments
    if mode == "examples":
        return examples(file)
    options = dict(zip(rest[::2], rest[1::2]))
    number_of = lambda name, otherwise: int(options[name]) if name in options else otherwise
    if mode == "mutants":
        return mutants(file, number_of("--timeout", 2000), number_of("--seconds", 600))
    out = open(options["--out"], "w") if "--out" in options else None
    return cases(file, number_of("--timeout", 2000), number_of("--only", None), number_of("--first", 0), number_of("--seconds", None), out, options.get("--disputed"))


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1:]) else 1)
