//! What a request is refused by, and how each service says so.
//!
//! The frame is one: who, what, on what, why (IAM User Guide, "Troubleshoot access denied error messages"). Services differ in
//! how they spell the resource, and STS never says why.

use crossrole_access::{Answer, Compiled, Decision, Layer, Policies, Request, by_policies};

use crate::error::ApiError;

/// The kind of policy that decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// A Deny of this kind of policy; with the ARN of the managed policy that it stands in.
    Explicit(Layer, Option<String>),
    /// No policy of this kind allows it.
    Implicit(Layer),
    /// KMS does not tell other accounts what is there.
    Untold,
}

/// How the resource is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// Not at all.
    Nothing,
    /// As it is: an ARN, or IAM's `role NAME`.
    Plain(String),
    /// In double quotes, as S3 does.
    Quoted(String),
    /// As KMS speaks of keys that it does not name: in these words.
    Words(&'static str),
}

/// What is asked of the key that a ciphertext names.
const OF_CIPHERTEXT: [&str; 2] = ["kms:Decrypt", "kms:ReEncryptFrom"];

/// What callers of other accounts hear of a key, be it there or not.
const UNTOLD: &str =
    " because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access";

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) caller: String,
    /// `iam:GetRole`.
    pub(crate) action: String,
    pub(crate) resource: Spelling,
    /// `None` where the service does not tell.
    pub(crate) reason: Option<Reason>,
}

impl Refusal {
    /// Spells a refused request as its service does.
    pub(crate) fn new(request: &Request, caller: &str, reason: Option<Reason>) -> Self {
        let service = request.action.split(':').next().unwrap_or_default();
        let across = request.resource_account.as_deref() != request.caller.account();
        let resource = match (service, request.resource.as_str()) {
            ("s3", "*" | "arn:aws:s3:::*") | ("kms", "*") => Spelling::Nothing,
            ("s3", arn) => Spelling::Quoted(arn.to_owned()),
            ("kms", _) if OF_CIPHERTEXT.contains(&request.action.as_str()) => Spelling::Words("the resource associated with this ciphertext"),
            ("kms", _) if across => Spelling::Words("this resource"),
            (_, arn) => Spelling::Plain(arn.to_owned()),
        };
        let reason = match reason {
            Some(Reason::Implicit(Layer::Resource) | Reason::Explicit(Layer::Resource, _)) if service == "kms" && across => Some(Reason::Untold),
            reason => reason,
        };
        Self { caller: caller.to_owned(), action: request.action.clone(), resource, reason: reason.filter(|_| service != "sts") }
    }

    pub(crate) fn message(&self) -> String {
        let Self { caller, action, resource, reason } = self;
        let resource = match resource {
            Spelling::Nothing => String::new(),
            Spelling::Plain(text) => format!(" on resource: {text}"),
            Spelling::Quoted(text) => format!(" on resource: \"{text}\""),
            Spelling::Words(text) => format!(" on {text}"),
        };
        let reason = match reason {
            None => String::new(),
            Some(Reason::Untold) => UNTOLD.to_owned(),
            Some(Reason::Implicit(layer)) => format!(" because no {} allows the {action} action", layer.as_str()),
            Some(Reason::Explicit(layer, policy)) => {
                let article = if *layer == Layer::Identity { "an" } else { "a" };
                let policy = policy.as_deref().map(|arn| format!(": {arn}")).unwrap_or_default();
                format!(" with an explicit deny in {article} {}{policy}", layer.as_str())
            }
        };
        format!("User: {caller} is not authorized to perform: {action}{resource}{reason}")
    }

    pub(crate) fn error(&self) -> ApiError {
        if self.action.starts_with("kms:") {
            return ApiError::new(400, "AccessDeniedException", self.message());
        }
        ApiError::new(403, "AccessDenied", self.message())
    }
}

/// The policies of a request, with the ARNs of managed ones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Side {
    /// In the order of `arns`.
    pub(crate) documents: Vec<Compiled>,
    /// `None`: an inline policy.
    pub(crate) arns: Vec<Option<String>>,
}

impl Side {
    pub(crate) fn list(&self) -> Vec<&Compiled> {
        self.documents.iter().collect()
    }

    /// The managed policy whose Deny is met.
    fn denying(&self, request: &Request) -> Option<String> {
        let hit = self.documents.iter().zip(&self.arns).find(|(document, _)| {
            let alone = Policies { identity: vec![document], ..Policies::default() };
            by_policies(request, &alone).decision == Decision::ExplicitlyDenied
        });
        hit.and_then(|(_, arn)| arn.clone())
    }
}

/// The caller's side, one for each kind of policy.
pub(crate) struct Sides<'s> {
    pub(crate) identity: &'s Side,
    pub(crate) boundary: Option<&'s Side>,
    pub(crate) session: Option<&'s Side>,
}

/// What AWS names, of all that refuses: one kind of policy only.
pub(crate) fn reason(request: &Request, policies: &Policies<'_>, answer: Answer, sides: &Sides<'_>) -> Option<Reason> {
    let layer = answer.layer?;
    if answer.decision == Decision::ExplicitlyDenied {
        return Some(explicit(request, layer, sides));
    }
    // Between accounts, whoever is only let in by its account's name is told of the resource's policy, whatever its own say
    // (measured on Secrets Manager, dev.classmethod.jp).
    let across = request.resource_account.as_deref().is_some_and(|owner| request.caller.account() != Some(owner));
    if across && layer == Layer::Identity && !lets_in_by_name(request, policies) {
        return Some(Reason::Implicit(Layer::Resource));
    }
    Some(Reason::Implicit(layer))
}

fn explicit(request: &Request, layer: Layer, sides: &Sides<'_>) -> Reason {
    // A Deny of the caller's own is named before one of the resource (the same measurements).
    let alone = Policies { identity: sides.identity.list(), ..Policies::default() };
    let own = layer == Layer::Resource && by_policies(request, &alone).decision == Decision::ExplicitlyDenied;
    let layer = match layer {
        _ if own => Layer::Identity,
        // RestrictPublicBuckets reads as a Deny of the bucket policy.
        Layer::PublicAccessBlock => Layer::Resource,
        layer => layer,
    };
    let side = match layer {
        Layer::Identity => Some(sides.identity),
        Layer::Boundary => sides.boundary,
        Layer::Session => sides.session,
        _ => None,
    };
    Reason::Explicit(layer, side.and_then(|s| s.denying(request)))
}

/// Tells whether the resource's policy names the caller itself: what it then allows inside one account without more.
fn lets_in_by_name(request: &Request, policies: &Policies<'_>) -> bool {
    let inside = Request { resource_account: request.caller.account().map(str::to_owned), ..request.clone() };
    by_policies(&inside, &Policies { resource: policies.resource, ..Policies::default() }).is_allowed()
}

#[cfg(test)]
mod tests {
    use crossrole_access::{Caller, Context};

    use super::*;

    const CALLER: &str = "arn:aws:iam::111111111111:user/ann";
    const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:222222222222:secret:s";

    fn compiled(effect: &str, principal: &str) -> Compiled {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"{effect}",{principal}"Action":"*","Resource":"*"}}]}}"#);
        Compiled::new(&crossrole_policy::parse(&text).unwrap(), "")
    }

    fn request(action: &str, resource: &str) -> Request {
        let owner = Some("222222222222".to_owned());
        Request {
            caller: Caller::parse(CALLER),
            action: action.to_owned(),
            resource: resource.to_owned(),
            resource_account: owner,
            context: Context::default(),
        }
    }

    /// Every row of the table that was measured.
    #[test]
    fn between_accounts_one_kind_of_policy_is_named() {
        let account = r#""Principal":{"AWS":"111111111111"},"#;
        let entity = r#""Principal":{"AWS":"arn:aws:iam::111111111111:user/ann"},"#;
        let cases = [
            ("Allow", Some(("Allow", account)), None),
            ("", Some(("Allow", account)), Some(Reason::Implicit(Layer::Resource))),
            ("", Some(("Allow", entity)), Some(Reason::Implicit(Layer::Identity))),
            ("Allow", None, Some(Reason::Implicit(Layer::Resource))),
            ("", None, Some(Reason::Implicit(Layer::Resource))),
            ("Deny", Some(("Allow", account)), Some(Reason::Explicit(Layer::Identity, None))),
            ("Allow", Some(("Deny", entity)), Some(Reason::Explicit(Layer::Resource, None))),
            ("Deny", Some(("Deny", entity)), Some(Reason::Explicit(Layer::Identity, None))),
        ];
        for (own, resource, expected) in cases {
            let identity = if own.is_empty() { Side::default() } else { Side { documents: vec![compiled(own, "")], arns: vec![None] } };
            let resource = resource.map(|(effect, principal)| compiled(effect, principal));
            let request = request("secretsmanager:GetSecretValue", SECRET);
            let policies = Policies { identity: identity.list(), resource: resource.as_ref(), ..Policies::default() };
            let answer = by_policies(&request, &policies);
            let sides = Sides { identity: &identity, boundary: None, session: None };
            assert_eq!(reason(&request, &policies, answer, &sides), expected, "{own} {resource:?}");
        }
    }

    #[test]
    fn each_reason_has_its_words() {
        let said = |action: &str, resource: &str, reason| Refusal::new(&request(action, resource), CALLER, reason).message();
        let frame = format!("User: {CALLER} is not authorized to perform: iam:GetRole on resource: *");
        let explicit = |layer| Some(Reason::Explicit(layer, None));
        let implicit = |layer| Some(Reason::Implicit(layer));
        for (reason, words) in [
            (None, ""),
            (implicit(Layer::Identity), " because no identity-based policy allows the iam:GetRole action"),
            (implicit(Layer::Resource), " because no resource-based policy allows the iam:GetRole action"),
            (implicit(Layer::Boundary), " because no permissions boundary allows the iam:GetRole action"),
            (implicit(Layer::Session), " because no session policy allows the iam:GetRole action"),
            (implicit(Layer::ServiceControl), " because no service control policy allows the iam:GetRole action"),
            (explicit(Layer::Identity), " with an explicit deny in an identity-based policy"),
            (explicit(Layer::Resource), " with an explicit deny in a resource-based policy"),
            (explicit(Layer::Boundary), " with an explicit deny in a permissions boundary"),
            (explicit(Layer::Session), " with an explicit deny in a session policy"),
            (explicit(Layer::ResourceControl), " with an explicit deny in a resource control policy"),
            (
                Some(Reason::Explicit(Layer::ServiceControl, Some("arn:aws:organizations::1:policy/o-a/service_control_policy/p-b".to_owned()))),
                " with an explicit deny in a service control policy: arn:aws:organizations::1:policy/o-a/service_control_policy/p-b",
            ),
        ] {
            assert_eq!(said("iam:GetRole", "*", reason), format!("{frame}{words}"));
        }
        let who = format!("User: {CALLER} is not authorized to perform: ");
        let key = |account: &str| format!("arn:aws:kms:eu-west-1:{account}:key/k");
        for (action, account, reason, words) in [
            ("CreateKey", "", implicit(Layer::Identity), " because no identity-based policy allows the kms:CreateKey action".to_owned()),
            (
                "GenerateDataKey",
                "222222222222",
                implicit(Layer::Identity),
                " on this resource because no identity-based policy allows the kms:GenerateDataKey action".to_owned(),
            ),
            ("GenerateDataKey", "222222222222", implicit(Layer::Resource), format!(" on this resource{UNTOLD}")),
            ("Decrypt", "222222222222", explicit(Layer::Resource), format!(" on the resource associated with this ciphertext{UNTOLD}")),
            (
                "Decrypt",
                "222222222222",
                explicit(Layer::Identity),
                " on the resource associated with this ciphertext with an explicit deny in an identity-based policy".to_owned(),
            ),
        ] {
            let resource = if account.is_empty() { "*".to_owned() } else { key(account) };
            assert_eq!(said(&format!("kms:{action}"), &resource, reason), format!("{who}kms:{action}{words}"));
        }
        let untold = implicit(Layer::Identity);
        let role = "arn:aws:iam::222222222222:role/r";
        assert_eq!(said("sts:AssumeRole", role, untold.clone()), format!("{who}sts:AssumeRole on resource: {role}"));
        let because = " because no identity-based policy allows the s3:";
        assert_eq!(
            said("s3:GetObject", "arn:aws:s3:::b/k", untold.clone()),
            format!("{who}s3:GetObject on resource: \"arn:aws:s3:::b/k\"{because}GetObject action")
        );
        assert_eq!(said("s3:ListAllMyBuckets", "*", untold), format!("{who}s3:ListAllMyBuckets{because}ListAllMyBuckets action"));
    }
}
