//! The roles as a CloudFormation template: one for all accounts, so that a stack set rolls out the same everywhere and each account
//! makes what is its own.
//!
//! No text of a policy goes through `Fn::Sub`: a policy's own variables are written alike.

use crossrole_model::AccountId;
use serde_json::{Map, Value, json};

use super::{Role, Roles};

/// Bytes of a template that a call carries; longer ones are uploaded to S3 first, up to [`BYTES_MOST`] (AWS CloudFormation User Guide,
/// "Understand CloudFormation quotas").
pub(crate) const BYTES_INLINE: usize = 51_200;
/// Bytes of a template in S3.
pub(crate) const BYTES_MOST: usize = 1_000_000;
/// Resources of a template.
pub(crate) const RESOURCES_MOST: usize = 500;
/// Conditions that one `Fn::Or` joins.
const OR_MOST: usize = 10;

/// Returns the template.
pub(crate) fn template(roles: &Roles) -> Value {
    let mut template = Template::default();
    for account in roles.accounts() {
        template.conditions.insert(of_account(account), is(account));
    }
    template.boundary();
    for (number, host) in (1..).zip(roles.hosts()) {
        template.provider(roles, number, host);
    }
    for role in &roles.made {
        template.role(roles, role);
    }
    let Template { parameters, conditions, resources, outputs } = template;
    json!({
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "The roles that crossrole runs with. In accounts that it was not made for it makes nothing. IAM is global: one region of each account is enough.",
        "Parameters": parameters,
        "Conditions": conditions,
        "Resources": resources,
        "Outputs": outputs,
    })
}

#[derive(Default)]
struct Template {
    parameters: Map<String, Value>,
    conditions: Map<String, Value>,
    resources: Map<String, Value>,
    outputs: Map<String, Value>,
}

impl Template {
    fn boundary(&mut self) {
        let parameter = json!({ "Type": "String", "Default": "", "Description": "ARN of the policy that bounds the roles; empty: none" });
        self.parameters.insert("PermissionsBoundary".to_owned(), parameter);
        self.conditions.insert("HasBoundary".to_owned(), json!({ "Fn::Not": [{ "Fn::Equals": [{ "Ref": "PermissionsBoundary" }, ""] }] }));
    }

    /// An account has one provider of a host: where it is there already, it is used, and where it is made, it stays when the stack
    /// goes, since other roles may have come to trust it.
    fn provider(&mut self, roles: &Roles, number: usize, host: &str) {
        let suffix = if number == 1 { String::new() } else { number.to_string() };
        let (parameter, condition) = (format!("OidcProvider{suffix}"), format!("MakesOidcProvider{suffix}"));
        let asked = json!({ "Fn::Equals": [{ "Ref": parameter }, "create"] });
        self.conditions.insert(condition.clone(), json!({ "Fn::And": [any(roles.accounts()), asked] }));
        self.resources.insert(
            format!("Provider{suffix}"),
            json!({
                "Type": "AWS::IAM::OIDCProvider",
                "Condition": condition,
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": { "Url": format!("https://{host}"), "ClientIdList": [roles.audience] },
            }),
        );
        self.parameters.insert(
            parameter,
            json!({
                "Type": "String",
                "AllowedValues": ["create", "existing"],
                "Default": "create",
                "Description": format!("existing: the account has the OpenID Connect provider {host} already, for the audience {}", roles.audience),
            }),
        );
    }

    fn role(&mut self, roles: &Roles, role: &Role) {
        let (id, made) = (logical(role, "Role"), logical(role, "Is"));
        self.conditions.insert(made.clone(), any(role.policies.keys()));
        self.resources.insert(id.clone(), of_role(roles, role, &made));
        for (account, documents) in &role.policies {
            for (number, document) in (1..).zip(documents) {
                let properties = json!({ "Description": role.description(), "PolicyDocument": document, "Roles": [{ "Ref": id }] });
                let policy = json!({ "Type": "AWS::IAM::ManagedPolicy", "Condition": of_account(account), "Properties": properties });
                self.resources.insert(logical(role, &format!("Policy{account}N{number}")), policy);
            }
        }
        let output = json!({ "Condition": made, "Description": role.description(), "Value": { "Fn::GetAtt": [id, "Arn"] } });
        self.outputs.insert(logical(role, "RoleArn"), output);
    }
}

fn of_role(roles: &Roles, role: &Role, made: &str) -> Value {
    let trust = role.trust("${AWS::Partition}", "${AWS::AccountId}", &roles.audience);
    let mut trust = serde_json::to_value(trust).unwrap_or_default();
    for statement in trust.get_mut("Statement").and_then(Value::as_array_mut).into_iter().flatten() {
        for principal in statement.get_mut("Principal").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
            // Its letters are those of a host or an account: nothing else in it is replaced.
            *principal = json!({ "Fn::Sub": principal.take() });
        }
    }
    json!({
        "Type": "AWS::IAM::Role",
        "Condition": made,
        "Properties": {
            "RoleName": role.name,
            "Description": role.description(),
            "MaxSessionDuration": roles.max_session,
            "AssumeRolePolicyDocument": trust,
            "PermissionsBoundary": { "Fn::If": ["HasBoundary", { "Ref": "PermissionsBoundary" }, { "Ref": "AWS::NoValue" }] },
        },
    })
}

/// Logical ids are letters and digits.
fn of_account(account: &AccountId) -> String {
    format!("Account{account}")
}

fn logical(role: &Role, rest: &str) -> String {
    let word = role.word();
    format!("{}{}{rest}", word.get(..1).unwrap_or_default().to_uppercase(), word.get(1..).unwrap_or_default())
}

/// The condition that it is this account.
fn is(account: &AccountId) -> Value {
    json!({ "Fn::Equals": [{ "Ref": "AWS::AccountId" }, account.to_string()] })
}

/// The condition that it is one of these accounts: `Fn::Or` takes from two to ten, so that they stand in tens.
fn any<'a>(accounts: impl IntoIterator<Item = &'a AccountId>) -> Value {
    let accounts: Vec<&AccountId> = accounts.into_iter().collect();
    if let [one] = accounts.as_slice() {
        return is(one);
    }
    let mut conditions: Vec<Value> = accounts.into_iter().map(|account| json!({ "Condition": of_account(account) })).collect();
    while conditions.len() > 1 {
        let joined = |chunk: &[Value]| if let [one] = chunk { one.clone() } else { json!({ "Fn::Or": chunk }) };
        conditions = conditions.chunks(OR_MOST).map(joined).collect();
    }
    conditions.pop().unwrap_or_default()
}
