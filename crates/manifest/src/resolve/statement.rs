//! Statements: raw ones as they stand, and those that plain words stand for.

use crossrole_model::{AccountId, KeyRef, Partition};
use crossrole_policy::{Arn, Conditions, Effect, Element, Principal, Statement};

use crate::decode::{OneOrMany, Spanned, did_you_mean};
use crate::raw::{self, Access, Allow, EffectWord, Principals};
use crate::scalar::{ActionPattern, Prefix};

use super::grant::expires_at;
use super::{Builder, Placed};

/// Condition operators without `IfExists` and set prefixes (IAM User Guide, "Condition operators").
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// Adds one value list to conditions.
pub(super) fn condition(conditions: &mut Conditions, operator: &str, key: &str, values: impl IntoIterator<Item = String>) {
    conditions.entry(operator.to_owned()).or_default().entry(key.to_owned()).or_default().extend(values);
}

/// Tells whether conditions speak of a key under an operator; AWS takes keys in any case.
fn says(conditions: &Conditions, operator: &str, key: &str) -> bool {
    conditions.get(operator).is_some_and(|keys| keys.keys().any(|k| k.eq_ignore_ascii_case(key)))
}

/// The values of a list as text.
pub(super) fn texts<T, F: Fn(&T) -> &String>(list: &OneOrMany<T>, text: F) -> Vec<String> {
    list.0.iter().map(|v| text(&v.value).clone()).collect()
}

/// Who has what a permissions policy says.
pub(super) enum Holders {
    /// A role, by its ARN, which is named in the policies of the manifest's own buckets.
    Role(String),
    /// The roles that a managed policy is attached to, by their ARNs.
    Attached(Vec<String>),
}

impl Holders {
    fn roles(&self) -> impl Iterator<Item = &str> {
        let roles = match self {
            Self::Role(role) => std::slice::from_ref(role),
            Self::Attached(roles) => roles,
        };
        roles.iter().map(String::as_str)
    }
}

/// Where a raw statement stands decides what it may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place<'a> {
    Identity,
    Bucket(&'a str),
    Key(&'a KeyRef),
}

impl Builder<'_> {
    pub(super) fn raw_conditions(&mut self, raw: Option<&raw::Conditions>, into: &mut Conditions) {
        self.further_conditions(raw, &into.clone(), into);
    }

    /// Adds conditions that are written out to those that are `said` already. Values of one key under one operator are
    /// alternatives (IAM User Guide, "Evaluation logic for multiple keys or values"): added to what is said, they would let more in.
    pub(super) fn further_conditions(&mut self, raw: Option<&raw::Conditions>, said: &Conditions, into: &mut Conditions) {
        let mut said = said.clone();
        for (operator, key, keys) in raw.iter().flat_map(|t| t.iter()) {
            let base = operator.strip_prefix("ForAllValues:").or_else(|| operator.strip_prefix("ForAnyValue:")).unwrap_or(operator);
            let base = base.strip_suffix("IfExists").unwrap_or(base);
            if !OPERATORS.contains(&base) {
                let advice = did_you_mean(base, OPERATORS.iter().copied()).unwrap_or_else(|| "see the IAM User Guide, \"Condition operators\"".to_owned());
                self.error(key, format!("unknown condition operator `{operator}`"), advice);
            }
            if base == "Null" && base != operator {
                self.error(key, format!("`{operator}` is not an operator: Null has no set form and no IfExists"), "write `Null`");
            }
            for (name, span, values) in keys.iter() {
                if !name.contains(':') {
                    self.error(span, format!("`{name}` is not a condition key"), "write it as in `aws:SourceIp`, in quotes");
                }
                if says(&said, operator, name) {
                    let advice = "values of one key are alternatives, so that both would let more in than each: leave one out, or use another operator";
                    self.error(span, format!("`{name}` under `{operator}` is said twice"), advice);
                    continue;
                }
                said.entry(operator.clone()).or_default().insert(name.clone(), Vec::new());
                condition(into, operator, name, texts(values, |v| &v.0));
            }
        }
    }

    /// A raw statement.
    pub(super) fn raw_statement(&mut self, raw: &raw::Statement, place: Place<'_>) -> Option<Placed> {
        let effect = match raw.effect {
            Some(EffectWord::Deny) => Effect::Deny,
            _ => Effect::Allow,
        };
        let mut good = true;
        let mut fail = |builder: &mut Self, message: &str, advice: &str| {
            builder.error(raw.span, message, advice);
            good = false;
        };
        if matches!(place, Place::Key(_)) {
            for action in raw.actions.iter().chain(&raw.not_actions).flat_map(|list| &list.0) {
                self.of_key(action);
            }
        }
        let action = match (&raw.actions, &raw.not_actions) {
            (Some(list), None) => Element { negated: false, values: texts(list, |v| &v.0) },
            (None, Some(list)) => Element { negated: true, values: texts(list, |v| &v.0) },
            (None, None) => {
                fail(self, "the statement has no `actions`", "name them, as in `actions = [\"s3:GetObject\"]`");
                Element::default()
            }
            (Some(_), Some(_)) => {
                fail(self, "the statement has both `actions` and `not_actions`", "keep one");
                Element::default()
            }
        };
        let resource = match (&raw.resources, &raw.not_resources) {
            (Some(list), None) => Element { negated: false, values: texts(list, |v| &v.0) },
            (None, Some(list)) => Element { negated: true, values: texts(list, |v| &v.0) },
            // A key's policy is about its key alone.
            (None, None) if matches!(place, Place::Key(_)) => Element::of(["*"]),
            (None, None) => {
                fail(self, "the statement has no `resources`", "name them, as in `resources = [\"arn:aws:s3:::bucket/*\"]`");
                Element::default()
            }
            (Some(_), Some(_)) => {
                fail(self, "the statement has both `resources` and `not_resources`", "keep one");
                Element::default()
            }
        };
        let principal = self.raw_principal(raw, effect, place);
        if let (Place::Bucket(bucket), false) = (place, resource.negated) {
            let arn = self.partition.s3_arn(bucket);
            if let Some(other) = resource.values.iter().find(|r| **r != arn && !r.starts_with(&format!("{arn}/"))) {
                fail(self, &format!("resource `{other}` is not in bucket `{bucket}`"), &format!("a bucket policy speaks only of `{arn}` and `{arn}/…`"));
            }
        }
        if let Some(sid) = &raw.sid
            && !sid.value.bytes().all(|b| b.is_ascii_alphanumeric())
        {
            self.error(sid.span, format!("sid `{}` has more than letters and digits", sid.value), "IAM takes only letters and digits");
        }
        let mut conditions = Conditions::new();
        self.raw_conditions(raw.conditions.as_ref(), &mut conditions);
        let principal = principal.ok().filter(|_| good)?;
        let statement = Statement { sid: raw.sid.as_ref().map(|s| s.value.clone()), effect, principal, action, resource: Some(resource), conditions };
        Some(self.placed(statement, raw.span))
    }

    /// Whom a statement names; `None` where it names nobody, `Err` where that has mistakes, which are reported.
    fn raw_principal(&mut self, raw: &raw::Statement, effect: Effect, place: Place<'_>) -> Result<Option<Principal>, ()> {
        let mut good = true;
        let mut fail = |builder: &mut Self, message: &str, advice: &str| {
            builder.error(raw.span, message, advice);
            good = false;
        };
        let principal = match (&raw.principals, &raw.not_principals) {
            (Some(p), None) => self.principals(&p.value, false),
            (None, Some(p)) if effect == Effect::Deny => self.principals(&p.value, true),
            // Which effect is meant is not known.
            (None, Some(_)) if raw.has("effect") && raw.effect.is_none() => None,
            (None, Some(_)) => {
                fail(self, "`not_principals` with Allow grants everyone else, anonymous callers too", "name whom you mean in `principals`");
                None
            }
            (None, None) => None,
            (Some(_), Some(_)) => {
                fail(self, "the statement has both `principals` and `not_principals`", "keep one");
                None
            }
        };
        // KMS takes the star in this form alone.
        let principal = match principal {
            Some(p) if p.bare_star && matches!(place, Place::Key(_)) => Some(Principal { negated: p.negated, ..Principal::of("AWS", ["*"]) }),
            other => other,
        };
        // That they have mistakes was said where they stand.
        let mistaken = principal.is_none() && (raw.has("principals") || raw.has("not_principals"));
        match (place, &principal) {
            (Place::Identity, Some(_)) => fail(self, "a permissions statement has no principals", "it is for whoever the policy is attached to"),
            (Place::Bucket(_), None) if !mistaken => {
                fail(self, "a bucket statement needs `principals`", "name them, as in `principals = { AWS = \"222222222222\" }`");
            }
            (Place::Key(_), None) if !mistaken => {
                fail(self, "a statement of a key's policy needs `principals`", "name them, as in `principals = { AWS = \"222222222222\" }`");
            }
            _ => {}
        }
        if good && !mistaken { Ok(principal) } else { Err(()) }
    }

    /// The statements of a permissions policy.
    pub(super) fn permissions(&mut self, allow: Option<&[Allow]>, raw: Option<&[raw::Statement]>, whose: &Holders) -> Vec<Placed> {
        let mut out = Vec::new();
        for allow in allow.into_iter().flatten() {
            let mut conditions = Conditions::new();
            expires_at(allow.expires.as_ref(), &mut conditions);
            self.raw_conditions(allow.conditions.as_ref(), &mut conditions);
            let over = self.is_over(allow.expires.as_ref());
            match (&allow.bucket, &allow.resources) {
                (Some(bucket), None) => {
                    let grants =
                        self.bucket_grants(&bucket.value.0, allow.access.as_ref(), allow.actions.as_ref(), allow.prefix.as_ref(), &conditions, allow.span);
                    if over {
                        continue;
                    }
                    let ours = self.raw.buckets.as_ref().is_some_and(|t| t.0.contains_key(&bucket.value.0));
                    if let (Holders::Role(role), true, true) = (whose, ours, allow.bucket_policy.unwrap_or(true)) {
                        for grant in &grants {
                            self.grant_in_bucket(&bucket.value.0, grant, &Principal::of("AWS", [role]));
                        }
                    }
                    if allow.kms.unwrap_or(true) {
                        for use_of_key in self.use_of_key(&bucket.value.0, &grants, allow.span) {
                            let use_of_key = use_of_key.of_caller(&conditions);
                            out.push(use_of_key.statement.clone());
                            whose.roles().for_each(|role| self.let_role_use(&use_of_key, role));
                        }
                    }
                    out.extend(grants);
                }
                (None, Some(resources)) => {
                    let Some(actions) = &allow.actions else {
                        self.error(allow.span, "`resources` needs `actions`", "plain words in `access` are for `bucket`");
                        continue;
                    };
                    for key in [allow.access.as_ref().map(|_| "access"), allow.prefix.as_ref().map(|_| "prefix")].into_iter().flatten() {
                        self.error(allow.span, format!("`{key}` goes with `bucket`, not with `resources`"), "leave it out, or name a bucket");
                    }
                    let mut statement = Statement::allow(Element::of(texts(actions, |v| &v.0)), Some(Element::of(texts(resources, |v| &v.0))));
                    statement.conditions = conditions;
                    if !over {
                        out.push(self.placed(statement, allow.span));
                    }
                }
                (None, None) if allow.has("bucket") || allow.has("resources") => {}
                (None, None) => self.error(allow.span, "`allow` says neither `bucket` nor `resources`", "name what it is about"),
                (Some(_), Some(_)) => self.error(allow.span, "`allow` says both `bucket` and `resources`", "make two of it"),
            }
        }
        self.unique_sids(raw);
        for raw in raw.into_iter().flatten() {
            out.extend(self.raw_statement(raw, Place::Identity));
        }
        self.takes(&out);
        out
    }

    /// IAM takes Latin-1 text alone in its documents (IAM API Reference, `PutRolePolicy`, the pattern of `PolicyDocument`).
    pub(super) fn takes(&mut self, placed: &[Placed]) {
        let good = |c: &char| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{ff}');
        for Placed { statement, origins } in placed {
            let resources = statement.resource.iter().flat_map(|r| &r.values);
            let values = statement.conditions.values().flat_map(|keys| keys.iter().flat_map(|(key, values)| values.iter().chain([key])));
            let found = resources.chain(values).find_map(|text| text.chars().find(|c| !good(c)));
            if let (Some(c), Some(origin)) = (found, origins.first()) {
                let message = format!("a policy can't have the character `{}` (U+{:04X})", c.escape_debug(), u32::from(c));
                self.error(origin.place.span, message, "use Latin-1 characters only");
            }
        }
    }

    /// The statements, without principal, that grant access to a bucket: one on the bucket, one on its objects.
    pub(super) fn bucket_grants(
        &mut self,
        bucket: &str,
        access: Option<&OneOrMany<Access>>,
        actions: Option<&OneOrMany<ActionPattern>>,
        prefix: Option<&OneOrMany<Prefix>>,
        conditions: &Conditions,
        span: crossrole_model::Span,
    ) -> Vec<Placed> {
        if access.is_none() && actions.is_none() {
            self.error(span, "`allow` says neither `access` nor `actions`", "write for example `access = \"read\"`");
            return Vec::new();
        }
        let mut split = Split::default();
        for word in access.iter().flat_map(|l| &l.0) {
            split.access(word.value);
        }
        for action in actions.iter().flat_map(|l| &l.0) {
            if action.value.0.eq_ignore_ascii_case("s3:ListAllMyBuckets") {
                self.error(action.span, "`s3:ListAllMyBuckets` is not about one bucket", "use `resources = [\"*\"]` in place of `bucket`");
            } else if !action.value.0.to_ascii_lowercase().starts_with("s3:") {
                self.error(action.span, format!("`{}` is not an action on a bucket", action.value.0), "use `resources` in place of `bucket`");
            } else {
                split.action(action);
            }
        }
        let arn = self.partition.s3_arn(bucket);
        let prefixes: Vec<String> = prefix.map(|p| texts(p, |v| &v.0)).unwrap_or_default();
        let objects: Vec<String> = if prefixes.is_empty() { vec![format!("{arn}/*")] } else { prefixes.iter().map(|p| format!("{arn}/{p}*")).collect() };
        if !prefixes.is_empty() && says(conditions, "StringLike", "s3:prefix") {
            let advice = "values of one key are alternatives, so that both would let more in than each: leave one out, or use another operator";
            self.error(span, "`prefix` and `conditions` both speak of `s3:prefix`", advice);
        }
        let mut out = Vec::new();
        let mut push = |actions: Vec<String>, resources: Vec<String>, listing: bool| {
            if actions.is_empty() {
                return;
            }
            let mut statement = Statement::allow(Element::of(actions), Some(Element::of(resources)));
            statement.conditions.clone_from(conditions);
            if listing && !prefixes.is_empty() {
                // The folder itself and what is below it.
                let patterns = prefixes.iter().flat_map(|p| [p.clone(), format!("{p}*")]);
                condition(&mut statement.conditions, "StringLike", "s3:prefix", patterns);
            }
            out.push(statement);
        };
        push(split.listing, vec![arn.clone()], true);
        push(split.bucket, vec![arn.clone()], false);
        push(split.objects, objects.clone(), false);
        push(split.both, std::iter::once(arn).chain(objects).collect(), false);
        out.into_iter().map(|statement| self.placed(statement, span)).collect()
    }
}

/// Actions by the resource they apply to (Service Authorization Reference, Amazon S3).
#[derive(Default)]
struct Split {
    /// On the bucket, with the condition key `s3:prefix`.
    listing: Vec<String>,
    /// On the bucket.
    bucket: Vec<String>,
    /// On objects.
    objects: Vec<String>,
    /// Patterns that may be either.
    both: Vec<String>,
}

impl Split {
    fn add(list: &mut Vec<String>, action: &str) {
        if !list.iter().any(|a| a.eq_ignore_ascii_case(action)) {
            list.push(action.to_owned());
        }
    }

    fn access(&mut self, word: Access) {
        let (list, get, put, delete) = match word {
            Access::List => (true, false, false, false),
            Access::Get => (false, true, false, false),
            Access::Put => (false, false, true, false),
            Access::Delete => (false, false, false, true),
            Access::Read => (true, true, false, false),
            Access::Write => (false, false, true, true),
            Access::ReadWrite => (true, true, true, true),
        };
        if list {
            Self::add(&mut self.listing, "s3:ListBucket");
        }
        for (wanted, action) in [(get, "s3:GetObject"), (put, "s3:PutObject"), (delete, "s3:DeleteObject")] {
            if wanted {
                Self::add(&mut self.objects, action);
            }
        }
    }

    fn action(&mut self, action: &Spanned<ActionPattern>) {
        let text = &action.value.0;
        let name = text.split_once(':').map_or("", |(_, name)| name).to_ascii_lowercase();
        let list = if name.contains(['*', '?']) {
            &mut self.both
        } else if matches!(name.as_str(), "listbucket" | "listbucketversions") {
            &mut self.listing
        } else if name.contains("bucket")
            || matches!(
                name.as_str(),
                "putencryptionconfiguration"
                    | "getencryptionconfiguration"
                    | "putlifecycleconfiguration"
                    | "getlifecycleconfiguration"
                    | "getreplicationconfiguration"
                    | "putreplicationconfiguration"
            )
        {
            &mut self.bucket
        } else {
            &mut self.objects
        };
        Self::add(list, text);
    }
}

impl Builder<'_> {
    /// The principals of a statement; `None` where some are none, which is reported.
    fn principals(&mut self, raw: &Principals, negated: bool) -> Option<Principal> {
        let table = match raw {
            Principals::Star(_) => return Some(Principal { negated, bare_star: true, ..Principal::default() }),
            Principals::Kinds(table) => table,
        };
        let (mut principal, mut good) = (Principal { negated, ..Principal::default() }, true);
        for (kind, _, values) in table.iter() {
            for value in &values.0 {
                let text = &value.value.0;
                let text = match AccountId::parse(text) {
                    // A bare id is meant for partition `aws`; of others, AWS reads back the ARN.
                    Some(id) if kind == "AWS" && self.partition != Partition::Aws => self.partition.iam_arn(&id, "root", "", ""),
                    None if kind == "AWS" && text != "*" && Arn::parse(text).is_none() => {
                        // AWS would put the ARN in the place of a unique id, and each plan the id in that of the ARN.
                        let advice = "name it by its ARN, as in `arn:aws:iam::222222222222:user/ann`, an account by its id, or everyone by `*`: AWS keeps no unique id \
                                      of a principal that is there";
                        self.error(value.span, format!("`{text}` is not an ARN"), advice);
                        good = false;
                        continue;
                    }
                    _ => text.clone(),
                };
                principal.entries.entry(kind.clone()).or_default().push(text);
            }
        }
        good.then_some(principal)
    }
}
