//! The roles as Terraform.
//!
//! In its JSON syntax: it is written by a serializer, so that no text ends a string of it, and of what a string may hold only `${` and
//! `%{` mean something (Terraform, "JSON Configuration Syntax"). A policy's own variables come through.

use crossrole_model::AccountId;
use serde_json::{Map, Value, json};

use super::{Role, Roles};

/// Returns the content of a `.tf.json` file.
pub(crate) fn configuration(roles: &Roles) -> Value {
    let mut resources = Resources::default();
    let mut outputs = Map::new();
    let mut providers = Vec::new();
    for account in roles.accounts() {
        providers.push(json!({
            "alias": alias(account),
            "region": roles.partition.home_region(),
            // Credentials of another account are refused before anything is made.
            "allowed_account_ids": [account.to_string()],
            "profile": format!("${{lookup(var.profiles, \"{account}\", null)}}"),
        }));
        for (number, host) in (1..).zip(roles.hosts()) {
            let suffix = if number == 1 { String::new() } else { format!("_{number}") };
            let provider = json!({
                "provider": of(account),
                "count": format!("${{contains(var.existing_oidc_providers, \"{account}/{host}\") ? 0 : 1}}"),
                "url": literal(&format!("https://{host}")),
                "client_id_list": [literal(&roles.audience)],
            });
            resources.add("aws_iam_openid_connect_provider", format!("provider_{account}{suffix}"), provider);
        }
    }
    for role in &roles.made {
        for account in role.policies.keys() {
            of_role(roles, role, account, &mut resources);
        }
        let arns: Map<String, Value> =
            role.policies.keys().map(|account| (account.to_string(), json!(format!("${{aws_iam_role.{}.arn}}", id(role, account))))).collect();
        outputs.insert(format!("{}_role_arns", role.word()), json!({ "description": role.description(), "value": arns }));
    }
    json!({
        "terraform": { "required_version": ">= 1.3", "required_providers": { "aws": { "source": "hashicorp/aws", "version": ">= 5.81" } } },
        "variable": variables(),
        "provider": { "aws": providers },
        "resource": resources.0,
        "output": outputs,
    })
}

fn variables() -> Value {
    json!({
        "profiles": { "type": "map(string)", "default": {}, "description": "The profile that makes the roles, by account id; otherwise the usual credentials, which are of one account" },
        "permissions_boundaries": { "type": "map(string)", "default": {}, "description": "ARN of the policy that bounds the roles, by account id" },
        "existing_oidc_providers": { "type": "set(string)", "default": [], "description": "OpenID Connect providers that are there already, as ACCOUNT/HOST" },
    })
}

#[derive(Default)]
struct Resources(Map<String, Value>);

impl Resources {
    fn add(&mut self, kind: &str, name: String, body: Value) {
        if let Some(of_kind) = self.0.entry(kind).or_insert_with(|| json!({})).as_object_mut() {
            of_kind.insert(name, body);
        }
    }
}

fn of_role(roles: &Roles, role: &Role, account: &AccountId, resources: &mut Resources) {
    let id = id(role, account);
    let trust = role.trust(roles.partition.as_str(), account.as_str(), &roles.audience);
    let body = json!({
        "provider": of(account),
        "name": literal(&role.name),
        "description": role.description(),
        "max_session_duration": roles.max_session,
        "assume_role_policy": literal(&trust.to_json()),
        "permissions_boundary": format!("${{lookup(var.permissions_boundaries, \"{account}\", null)}}"),
    });
    resources.add("aws_iam_role", id.clone(), body);
    for (number, document) in (1..).zip(role.policies.get(account).into_iter().flatten()) {
        let name = format!("{id}_{number}");
        let policy = json!({
            "provider": of(account),
            "name": literal(&format!("{}-{number}", role.name)),
            "description": role.description(),
            "policy": literal(&document.to_json()),
        });
        let attachment =
            json!({ "provider": of(account), "role": format!("${{aws_iam_role.{id}.name}}"), "policy_arn": format!("${{aws_iam_policy.{name}.arn}}") });
        resources.add("aws_iam_policy", name.clone(), policy);
        resources.add("aws_iam_role_policy_attachment", name, attachment);
    }
}

fn id(role: &Role, account: &AccountId) -> String {
    format!("{}_{account}", role.word())
}

fn alias(account: &AccountId) -> String {
    format!("account_{account}")
}

fn of(account: &AccountId) -> String {
    format!("aws.{}", alias(account))
}

/// A text that means itself: what begins an expression or a directive in a string is doubled (Terraform, "Strings and Templates").
fn literal(text: &str) -> String {
    text.replace("${", "$${").replace("%{", "%%{")
}
