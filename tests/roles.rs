//! The runner's roles: what the templates make lets in whom they were made for and nobody beside, may do what `runner-policy` prints,
//! and is enough for a whole cycle.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use crossrole::Exit;
use crossrole_policy::{Document, parse_value};
use crossrole_sandbox::Options;
use serde_json::{Map, Value, json};

use crate::runner::{Runner, settings};
use crate::runner_policy::{SCENARIOS, policies, prepared};
use crate::support::{Credentials, Place, manifest, root, scenario};

const GITHUB: &str = "token.actions.githubusercontent.com";

/// A role as an account gets it.
#[derive(Debug, Clone)]
struct Made {
    trust: Value,
    policies: Vec<Value>,
    properties: Map<String, Value>,
}

/// What an account gets: roles by name, and providers.
#[derive(Debug, Default)]
struct Stack {
    roles: BTreeMap<String, Made>,
    providers: Vec<(String, Value)>,
}

/// As CloudFormation reads a template in one account: conditions, parameters, and no function but those that are in ours.
struct Engine<'a> {
    template: &'a Value,
    account: &'a str,
    parameters: &'a [(&'a str, &'a str)],
}

impl Engine<'_> {
    fn holds(&self, condition: &Value) -> bool {
        let (function, operands) = condition.as_object().unwrap().iter().next().unwrap();
        let list = || operands.as_array().unwrap();
        match function.as_str() {
            "Condition" => self.named(operands.as_str().unwrap()),
            "Fn::Equals" => self.value(&list()[0]) == self.value(&list()[1]),
            "Fn::Not" => !self.holds(&list()[0]),
            "Fn::And" | "Fn::Or" => {
                assert!((2..=10).contains(&list().len()), "{function} takes from two to ten");
                let holds = |condition: &Value| self.holds(condition);
                if function == "Fn::And" { list().iter().all(holds) } else { list().iter().any(holds) }
            }
            other => panic!("{other}"),
        }
    }

    fn named(&self, condition: &str) -> bool {
        self.holds(&self.template["Conditions"][condition])
    }

    fn value(&self, value: &Value) -> Value {
        match value {
            Value::Array(list) => list.iter().map(|value| self.value(value)).collect(),
            Value::Object(map) => {
                let (function, operand) = map.iter().next().unwrap();
                match function.as_str() {
                    "Ref" => self.reference(operand.as_str().unwrap()),
                    "Fn::Sub" => json!(operand.as_str().unwrap().replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", self.account)),
                    "Fn::If" => self.value(&operand[if self.named(operand[0].as_str().unwrap()) { 1 } else { 2 }]),
                    other => {
                        assert!(!other.starts_with("Fn::"), "{other}");
                        map.iter().map(|(key, value)| (key.clone(), self.value(value))).filter(|(_, value)| !value.is_null()).collect()
                    }
                }
            }
            other => other.clone(),
        }
    }

    fn reference(&self, name: &str) -> Value {
        match name {
            "AWS::AccountId" => json!(self.account),
            "AWS::NoValue" => Value::Null,
            _ => match self.parameters.iter().find(|(parameter, _)| *parameter == name) {
                Some((_, value)) => json!(value),
                None => self.template["Parameters"].get(name).map_or_else(|| json!(name), |parameter| parameter["Default"].clone()),
            },
        }
    }

    fn stack(&self) -> Stack {
        let mut stack = Stack::default();
        let resources = self.template["Resources"].as_object().unwrap();
        let made = || resources.iter().filter(|(_, resource)| self.named(resource["Condition"].as_str().unwrap()));
        for (id, resource) in made() {
            let properties = self.value(&resource["Properties"]);
            match resource["Type"].as_str().unwrap() {
                "AWS::IAM::Role" => {
                    let attached = made().filter(|(_, r)| r["Type"] == "AWS::IAM::ManagedPolicy" && r["Properties"]["Roles"] == json!([{ "Ref": id }]));
                    let policies = attached.map(|(_, r)| self.value(&r["Properties"]["PolicyDocument"])).collect();
                    let role = Made { trust: properties["AssumeRolePolicyDocument"].clone(), policies, properties: properties.as_object().unwrap().clone() };
                    stack.roles.insert(properties["RoleName"].as_str().unwrap().to_owned(), role);
                }
                "AWS::IAM::OIDCProvider" => stack.providers.push((properties["Url"].as_str().unwrap().to_owned(), properties["ClientIdList"].clone())),
                "AWS::IAM::ManagedPolicy" => {}
                other => panic!("{other}"),
            }
        }
        stack
    }
}

fn cloudformation(template: &Value, account: &str) -> Stack {
    Engine { template, account, parameters: &[] }.stack()
}

/// As Terraform reads it: in its strings, doubled signs are single ones.
fn terraform(configuration: &Value, account: &str) -> Stack {
    let text = |value: &Value| {
        let text = value.as_str().unwrap();
        let bare = text.replace("$${", "").replace("%%{", "");
        assert!(!bare.contains("${") && !bare.contains("%{"), "an expression: {text}");
        text.replace("$${", "${").replace("%%{", "%{")
    };
    let document = |value: &Value| serde_json::from_str::<Value>(&text(value)).unwrap();
    let of = |kind: &str| -> Vec<(String, Value)> {
        let all = configuration["resource"][kind].as_object().cloned().unwrap_or_default();
        all.into_iter().filter(|(_, body)| body["provider"] == format!("aws.account_{account}")).collect()
    };
    let mut stack = Stack::default();
    let attachments = of("aws_iam_role_policy_attachment");
    for (id, body) in of("aws_iam_role") {
        let is = |policy: &str| {
            let wanted = json!([format!("${{aws_iam_role.{id}.name}}"), format!("${{aws_iam_policy.{policy}.arn}}")]);
            attachments.iter().any(|(_, a)| json!([a["role"], a["policy_arn"]]) == wanted)
        };
        let policies = of("aws_iam_policy").into_iter().filter(|(policy, _)| is(policy)).map(|(_, body)| document(&body["policy"])).collect();
        let made = Made { trust: document(&body["assume_role_policy"]), policies, properties: body.as_object().unwrap().clone() };
        stack.roles.insert(text(&body["name"]), made);
    }
    stack.providers.extend(of("aws_iam_openid_connect_provider").into_iter().map(|(_, body)| (text(&body["url"]), body["client_id_list"].clone())));
    stack
}

/// Makes it, as CloudFormation and Terraform do.
async fn make(place: &Place, account: &str, stack: &Stack) {
    for (url, audiences) in &stack.providers {
        place.iam(account, "CreateOpenIDConnectProvider", &[("Url", url), ("ClientIDList.member.1", audiences[0].as_str().unwrap())]).await;
    }
    for (name, role) in &stack.roles {
        let session = role.properties.get("MaxSessionDuration").or_else(|| role.properties.get("max_session_duration")).unwrap().to_string();
        let trust = role.trust.to_string();
        place.iam(account, "CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", &trust), ("MaxSessionDuration", &session)]).await;
        for (number, document) in role.policies.iter().enumerate() {
            let policy = format!("{name}-{number}");
            place.iam(account, "CreatePolicy", &[("PolicyName", &policy), ("PolicyDocument", &document.to_string())]).await;
            let arn = format!("arn:aws:iam::{account}:policy/{policy}");
            place.iam(account, "AttachRolePolicy", &[("RoleName", name), ("PolicyArn", &arn)]).await;
        }
    }
}

async fn printed(place: &Place, format: &str, words: &[&str]) -> Value {
    serde_json::from_str(&place.good(&[&["runner-policy", "--format", format], words].concat()).await).unwrap()
}

/// A token of a provider.
fn token(host: &str, audience: &str, subject: &str) -> String {
    let claims = json!({ "iss": format!("https://{host}"), "aud": audience, "exp": 4_102_444_800_u64, "sub": subject }).to_string();
    format!("e30.{}.c2ln", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(claims))
}

async fn is_let_in(place: &Place, role: &str, token: &str) -> bool {
    let words = [("RoleArn", role), ("RoleSessionName", "job"), ("WebIdentityToken", token)];
    let (status, body) = place.query_as(&Credentials::default(), "sts", "AssumeRoleWithWebIdentity", &words).await;
    assert!(status == 200 || body.contains("Not authorized to perform sts:AssumeRoleWithWebIdentity"), "{body}");
    status == 200
}

fn documents(values: &[Value]) -> Vec<Document> {
    values.iter().map(|value| parse_value(value).unwrap()).collect()
}

/// Both templates hold, for each account and purpose, what is printed without one, and nothing for anybody else.
#[tokio::test]
async fn the_policies_are_those_that_are_printed() {
    let place = Place::new(Options::default());
    let organization = root().join("manifests/organization").display().to_string();
    let settings = format!("{organization}/crossrole.toml");
    let mut checked = 0;
    for name in SCENARIOS.iter().copied().chain(["organization"]) {
        let file = scenario(name);
        let words: Vec<&str> = if name == "organization" { vec![&organization, "--config", &settings] } else { vec![&file] };
        let trust = ["--trust", "plan=github:o/r:pull_request", "--trust", "apply=gitlab:g/p:branch=main", "--role-name", "plan=reader"];
        let templates =
            [printed(&place, "cloudformation", &[&trust, &words[..]].concat()).await, printed(&place, "terraform", &[&trust, &words[..]].concat()).await];
        for (purpose, role) in [("plan", "reader"), ("apply", "crossrole-apply")] {
            let said = place.good(&[&["runner-policy", "--json", "--for", purpose], &words[..]].concat()).await;
            let said: Value = serde_json::from_str(&said).unwrap();
            for (account, wanted) in said.as_object().unwrap() {
                let stacks = [cloudformation(&templates[0], account), terraform(&templates[1], account)];
                for stack in &stacks {
                    let made = &stack.roles[role];
                    assert_eq!(documents(&made.policies), documents(wanted["policies"].as_array().unwrap()), "{name}: {purpose}: {account}");
                    assert_eq!(stack.providers.len(), 2, "{name}: {account}");
                    checked += 1;
                }
                let trusts: Vec<Document> = stacks.iter().map(|stack| parse_value(&stack.roles[role].trust).unwrap()).collect();
                assert_eq!(trusts[0], trusts[1], "{name}: {account}");
            }
        }
        let stranger = cloudformation(&templates[0], "999999999998");
        assert!(stranger.roles.is_empty() && stranger.providers.is_empty(), "{name}: {stranger:?}");
    }
    assert!(checked > 150, "{checked}");
}

/// What is said, the provider, the subjects that are let in, and those that are not.
type Case<'c> = (&'c [&'c str], &'c str, Vec<String>, Vec<String>);

/// Whom `--trust` lets in, and who stands beside.
#[tokio::test]
async fn the_meant_tokens_are_let_in_and_no_others() {
    let gitlab = "gitlab.com";
    let branch = |project: &str, branch: &str| format!("project_path:{project}:ref_type:branch:ref:{branch}");
    let cases: [Case<'_>; 8] = [
        (
            &["github:example-org/access:environment=production"],
            GITHUB,
            vec!["repo:example-org/access:environment:production".into()],
            [
                "repo:example-org/access:environment:Production",
                "repo:Example-Org/access:environment:production",
                "repo:example-org/access:environment:production-eu",
                "repo:example-org/access:environment:productio",
                "repo:example-org/access:pull_request",
                "repo:example-org/access:ref:refs/heads/production",
                "repo:example-org/access-fork:environment:production",
                "repo:example-org2/access:environment:production",
                "repo:example-org@1/access@2:environment:production",
                "xrepo:example-org/access:environment:production",
            ]
            .map(str::to_owned)
            .into(),
        ),
        (
            &["github:example-org@11/access@22:branch=main"],
            GITHUB,
            vec!["repo:example-org@11/access@22:ref:refs/heads/main".into()],
            [
                "repo:example-org/access:ref:refs/heads/main",
                "repo:example-org@11/access@23:ref:refs/heads/main",
                "repo:example-org@111/access@22:ref:refs/heads/main",
                "repo:example-org@11/access@22:ref:refs/tags/main",
            ]
            .map(str::to_owned)
            .into(),
        ),
        (
            &["github:o/r:pull_request", "github:o/r:branch=main"],
            GITHUB,
            vec!["repo:o/r:pull_request".into(), "repo:o/r:ref:refs/heads/main".into()],
            ["repo:o/r:ref:refs/heads/main2", "repo:o/r:ref:refs/heads/x", "repo:o/r:environment:pull_request", "repo:p/r:pull_request"]
                .map(str::to_owned)
                .into(),
        ),
        (
            &["github:o/r:branch=release/*", "github:o/r:tag=v1"],
            GITHUB,
            vec!["repo:o/r:ref:refs/heads/release/1.0".into(), "repo:o/r:ref:refs/tags/v1".into()],
            ["repo:o/r:ref:refs/heads/release", "repo:o/r:ref:refs/tags/v10", "repo:o/r:ref:refs/tags/release/1", "repo:o/r2:ref:refs/heads/release/1"]
                .map(str::to_owned)
                .into(),
        ),
        (
            &["github:o/r:environment=a:b c"],
            GITHUB,
            vec!["repo:o/r:environment:a%3Ab c".into()],
            ["repo:o/r:environment:a:b c", "repo:o/r:environment:a"].map(str::to_owned).into(),
        ),
        (
            &["gitlab:group/sub/project:branch=main"],
            gitlab,
            vec![branch("group/sub/project", "main")],
            vec![
                branch("group/sub/project", "main2"),
                branch("group/sub/project2", "main"),
                branch("Group/sub/project", "main"),
                branch("other/sub/project", "main"),
                "project_path:group/sub/project:ref_type:tag:ref:main".to_owned(),
            ],
        ),
        (&["gitlab:g/p@git.example.com:tag=v*"], "git.example.com", vec!["project_path:g/p:ref_type:tag:ref:v1".into()], vec![branch("g/p", "v1")]),
        (&["gitlab:g/p:branch=*"], gitlab, vec![branch("g/p", "main"), branch("g/p", "a/b")], vec![branch("g/p2", "main"), branch("g/q/p", "main")]),
    ];
    for (number, (trusts, host, good, bad)) in cases.into_iter().enumerate() {
        let place = Place::new(Options::default());
        let file = scenario("prod-data");
        let trusts: Vec<&str> = trusts.iter().flat_map(|trust| ["--trust", trust]).collect();
        let template = printed(&place, "cloudformation", &[&trusts[..], &["--for", "plan", &file]].concat()).await;
        make(&place, "222222222222", &cloudformation(&template, "222222222222")).await;
        // The provider is shared: it takes other audiences as well.
        let more = [("OpenIDConnectProviderArn", format!("arn:aws:iam::222222222222:oidc-provider/{host}")), ("ClientID", "https://example.com".to_owned())];
        place.iam("222222222222", "AddClientIDToOpenIDConnectProvider", &more.each_ref().map(|(k, v)| (*k, v.as_str()))).await;
        let role = "arn:aws:iam::222222222222:role/crossrole-plan";
        for subject in &good {
            assert!(is_let_in(&place, role, &token(host, "sts.amazonaws.com", subject)).await, "{number}: {subject}");
            assert!(!is_let_in(&place, role, &token(host, "https://example.com", subject)).await, "{number}: {subject}: of another audience");
        }
        for subject in &bad {
            assert!(!is_let_in(&place, role, &token(host, "sts.amazonaws.com", subject)).await, "{number}: {subject}");
        }
    }
}

/// What is given out in a template holds what must be let in, whatever the letters: IAM's own variables are refused.
#[tokio::test]
async fn what_is_wider_than_it_looks_is_refused() {
    let place = Place::new(Options::default());
    let file = scenario("log-analysts");
    for (trust, wanted) in [
        ("github:o/r", "this would let every workflow of the repository in"),
        ("github:o/*:pull_request", "github:OWNER/REPO"),
        ("github:*/r:pull_request", "github:OWNER/REPO"),
        ("github:o@1/r:pull_request", "github:OWNER@ID/REPO@ID"),
        ("github:o@x/r@1:pull_request", "github:OWNER@ID/REPO@ID"),
        ("github:o/r:branch=", "from 1 to 255"),
        ("github:o/r:branch=${aws:username}", "a variable of IAM's"),
        ("github:o/r:*", "after the repository comes"),
        ("github:o/r:environment=?*", "write `*` for any"),
        ("github:o/r:ref=main", "after the repository comes"),
        ("gitlab:g/p", "this would let every job of the project in"),
        ("gitlab:g:branch=main", "gitlab:GROUP/PROJECT"),
        ("gitlab:g/*:branch=main", "gitlab:GROUP/PROJECT"),
        ("gitlab:g/p@git.example.com:8443:branch=main", "after the project comes"),
        ("role:arn:aws:iam::111111111111:role/*", "one role, without `*`"),
        ("role:arn:aws:iam::*:role/a", "one role, without `*`"),
        ("role:arn:aws:iam::111111111111:root", "one role, without `*`"),
        ("role:arn:aws-cn:iam::111111111111:role/a", "is not of partition aws"),
        ("role:arn:aws:iam::111111111111:role/crossrole-apply", "would trust itself"),
        ("everybody", "there are `github:"),
    ] {
        let said = place.run(&["runner-policy", "--format", "terraform", "--trust", trust, &file]).await;
        assert!(said.exit != Exit::Clean && said.out.is_empty() && said.err.contains(wanted), "{trust}: {}", said.err);
    }
    for (words, wanted) in [
        (&["--trust", "github:o/r:pull_request"][..], "--format"),
        (&["--format", "terraform"], "--trust"),
        (&["--format", "terraform", "--trust", "github:o/r:pull_request", "--json"], "cannot be used with"),
        (&["--format", "terraform", "--trust", "github:o/r:pull_request", "--role-name", "plan=x"], "role `x` is trusted to nobody"),
        (&["--format", "terraform", "--trust", "github:o/r:pull_request", "--role-name", "a b"], "up to 64 letters"),
        (&["--format", "terraform", "--trust", "github:o/r:pull_request", "--max-session", "13h"], "from `1h` to `12h`"),
        (&["--format", "terraform", "--trust", "github:o/r:pull_request", "--audience", "*"], "an audience is one URL or name"),
        (&["--format", "terraform", "--trust", "github:o/r:pull_request", "--account", "nowhere"], "no account of these manifests is `nowhere`"),
    ] {
        let said = place.run(&[&["runner-policy"], words, &[&file]].concat()).await;
        assert!(said.exit != Exit::Clean && said.err.contains(wanted), "{words:?}: {}", said.err);
    }
}

/// Of the role that writes it is said where it lets in what nobody has reviewed.
#[tokio::test]
async fn a_role_that_writes_for_pull_requests_is_warned_of() {
    let place = Place::new(Options::default());
    let file = scenario("prod-data");
    for (trust, warned) in [
        ("apply=github:o/r:pull_request", true),
        ("apply=github:o/r:branch=*", true),
        ("apply=github:o/r:environment=production", false),
        ("apply=gitlab:g/p:branch=main", false),
        ("plan=github:o/r:pull_request", false),
    ] {
        let said = place.run(&["runner-policy", "--format", "cloudformation", "--trust", trust, &file]).await;
        assert_eq!((said.exit, said.err.contains("warning: role crossrole-apply writes")), (Exit::Clean, warned), "{trust}: {}", said.err);
    }
}

/// The pipeline's tokens reach each account: the role that plans plans, that which applies applies, and none does the other's.
#[tokio::test]
async fn a_pipeline_plans_and_applies_with_the_roles_alone() {
    for format in ["cloudformation", "terraform"] {
        let (place, file) = prepared("log-analysts").await;
        let trust = ["--trust", "plan=github:o/r:pull_request", "--trust", "apply=github:o/r:environment=production"];
        let template = printed(&place, format, &[&trust[..], &[&file]].concat()).await;
        let accounts: Vec<String> = policies(&place, "apply", &file).await.into_keys().collect();
        for account in &accounts {
            let stack = if format == "terraform" { terraform(&template, account) } else { cloudformation(&template, account) };
            make(&place, account, &stack).await;
        }
        let settings = settings(&accounts);
        let runner = |role: &str, subject: &str| {
            let name = format!("roles-{format}-{role}-{}", subject.rsplit(':').next().unwrap());
            let runner = Runner::reached(&name, &place, "", &settings);
            std::fs::write(runner.folder.join("token"), token(GITHUB, "sts.amazonaws.com", subject)).unwrap();
            let profile = |account: &String| {
                let file = runner.folder.join("token").display().to_string();
                format!("[profile p{account}]\nrole_arn = arn:aws:iam::{account}:role/{role}\nweb_identity_token_file = {file}\nrole_session_name = job\n")
            };
            std::fs::write(runner.folder.join("config"), accounts.iter().map(profile).collect::<String>()).unwrap();
            runner
        };
        let plans = runner("crossrole-plan", "repo:o/r:pull_request");
        let (code, said) = plans.run(&["plan", &file]);
        assert!(code == 0 && said.contains("Plan: ") && !said.contains("withheld"), "{format}: {said}");
        let (code, said) = plans.run(&["apply", "--auto-approve", "--quiet", &file]);
        assert!(code == 1 && said.contains("nothing was changed:"), "{format}: {said}");
        let applies = runner("crossrole-apply", "repo:o/r:environment:production");
        let (code, said) = applies.run(&["runner-policy", "--check", &file]);
        assert!(code == 0 && said.contains("may do all of it"), "{format}: {said}");
        applies.cycle(&file).unwrap_or_else(|why| panic!("{format}: {why}"));
        let strange = runner("crossrole-apply", "repo:o/r:pull_request");
        let (code, said) = strange.run(&["plan", &file]);
        assert!(code == 1 && said.contains("AssumeRoleWithWebIdentity"), "{format}: {said}");
    }
}

/// One role of a hub account is let into the others, and no other of that account, whatever it may do there.
#[tokio::test]
async fn a_hub_role_reaches_the_accounts() {
    let (place, file) = prepared("log-analysts").await;
    let hub = "999999999999";
    let template = printed(&place, "cloudformation", &["--trust", "role:arn:aws:iam::999999999999:role/ci/pipeline", &file]).await;
    let accounts: Vec<String> = policies(&place, "apply", &file).await.into_keys().collect();
    for account in &accounts {
        let stack = cloudformation(&template, account);
        assert!(stack.providers.is_empty());
        // The role need not be there yet.
        make(&place, account, &stack).await;
    }
    let trust = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Principal": { "AWS": hub }, "Action": "sts:AssumeRole" }] }).to_string();
    let assume = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*" }] }).to_string();
    place.iam(hub, "CreateUser", &[("UserName", "ci")]).await;
    place.iam(hub, "PutUserPolicy", &[("UserName", "ci"), ("PolicyName", "assume"), ("PolicyDocument", &assume)]).await;
    for (path, name) in [("/ci/", "pipeline"), ("/", "pipeline2")] {
        place.iam(hub, "CreateRole", &[("RoleName", name), ("Path", path), ("AssumeRolePolicyDocument", &trust)]).await;
        place.iam(hub, "PutRolePolicy", &[("RoleName", name), ("PolicyName", "assume"), ("PolicyDocument", &assume)]).await;
    }
    let key = Credentials::of(&place.iam(hub, "CreateAccessKey", &[("UserName", "ci")]).await);
    let settings = "[defaults]\nrole_name = \"crossrole-apply\"\n";
    for (role, good) in [("ci/pipeline", true), ("pipeline2", false)] {
        let profiles = format!(
            "[default]\nrole_arn = arn:aws:iam::{hub}:role/{role}\nsource_profile = ci\n[profile ci]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            key.key, key.secret
        );
        let runner = Runner::reached(&format!("hub-{good}"), &place, &profiles, settings);
        let (code, said) = runner.run(&["plan", &file]);
        assert_eq!((code == 0, said.contains("Plan: ")), (good, good), "{role}: {said}");
        if good {
            runner.cycle(&file).unwrap();
        }
    }
}

/// Names that are texts of the formats' own: whatever they hold, strings stay strings.
#[tokio::test]
async fn a_hostile_name_is_a_name() {
    let place = Place::new(Options::default());
    let file = scenario("prod-data");
    let name = r#"%{ if true }"}\u0022 $${x} ]] <script> %%{"#;
    let trust = format!("github:o/r:environment={}", name.replace("$${x}", "$x"));
    let subject = format!("repo:o/r:environment:{}", name.replace("$${x}", "$x"));
    for format in ["cloudformation", "terraform"] {
        let template = printed(&place, format, &["--trust", &trust, &file]).await;
        let stack = if format == "terraform" { terraform(&template, "222222222222") } else { cloudformation(&template, "222222222222") };
        assert_eq!(stack.roles["crossrole-apply"].trust["Statement"][0]["Condition"]["StringEquals"][format!("{GITHUB}:sub")], subject, "{format}");
    }
}

/// The provider may be there, and a boundary may be asked for.
#[tokio::test]
async fn parameters_say_what_is_there() {
    let place = Place::new(Options::default());
    let file = scenario("prod-data");
    let template = printed(&place, "cloudformation", &["--trust", "github:o/r:branch=main", "--max-session", "2h", &file]).await;
    let boundary = "arn:aws:iam::222222222222:policy/bound";
    let parameters = [("OidcProvider", "existing"), ("PermissionsBoundary", boundary)];
    let stack = Engine { template: &template, account: "222222222222", parameters: &parameters }.stack();
    let role = &stack.roles["crossrole-apply"];
    assert!(stack.providers.is_empty());
    assert_eq!((&role.properties["PermissionsBoundary"], &role.properties["MaxSessionDuration"]), (&json!(boundary), &json!(7_200)));
    let stack = cloudformation(&template, "222222222222");
    assert_eq!(stack.providers, [(format!("https://{GITHUB}"), json!(["sts.amazonaws.com"]))]);
    assert!(!stack.roles["crossrole-apply"].properties.contains_key("PermissionsBoundary"));
}

/// One account of several.
#[tokio::test]
async fn an_account_may_be_made_by_itself() {
    let place = Place::new(Options::default());
    let file = scenario("log-analysts");
    for account in ["dev", "111111111111"] {
        let template = printed(&place, "cloudformation", &["--trust", "github:o/r:branch=main", "--account", account, &file]).await;
        let conditions: BTreeSet<&String> = template["Conditions"].as_object().unwrap().keys().filter(|name| name.starts_with("Account")).collect();
        assert_eq!(conditions.into_iter().collect::<Vec<_>>(), ["Account111111111111"]);
        let said: Value = serde_json::from_str(&place.good(&["runner-policy", "--json", "--account", account, &file]).await).unwrap();
        assert_eq!(said.as_object().unwrap().keys().collect::<Vec<_>>(), ["111111111111"]);
    }
}

#[tokio::test]
async fn both_templates_are_read_by_people() {
    let place = Place::new(Options::default());
    let text = "name = \"small\"\n[trusting]\naccount = \"222222222222\"\n[buckets.small-bucket]\n[roles.Reader]\n[[roles.Reader.trust]]\nservice = \"lambda.amazonaws.com\"\n";
    let file = manifest("roles-small", text);
    for format in ["cloudformation", "terraform"] {
        let words =
            ["runner-policy", "--format", format, "--trust", "plan=github:o/r:pull_request", "--trust", "apply=github:o/r:environment=production", &file];
        insta::assert_snapshot!(format!("runner_roles_{format}"), place.good(&words).await);
    }
}
