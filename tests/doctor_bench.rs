//! The benches of the tests of `doctor`: an estate that works, what is broken in it, and who carries a printed fix out.

use std::collections::BTreeMap;

use crossrole::Exit;
use crossrole_sandbox::{Options, StateFile};
use serde_json::{Value, json};

use crate::support::{Credentials, Place, element, manifest, root, scenario};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base {
    Desk,
    Exchange,
}

/// What is broken.
#[derive(Debug, Clone)]
pub(crate) enum Seed {
    /// Account, operation, parameters.
    Iam(&'static str, &'static str, Vec<(&'static str, String)>),
    /// By the owner: method, path, query, body.
    S3(&'static str, &'static str, &'static str, String),
    Kms(&'static str, Value),
    /// The manifest says otherwise, and is applied.
    Manifest(&'static str, &'static str),
    DropKey(&'static str),
    DisableKey(&'static str),
    DropRole(&'static str),
    DropBucket(&'static str),
    DenyInTrust(&'static str),
    /// A group loses all that is attached.
    DetachAll(&'static str),
    DetachRole(&'static str),
    /// A role of the partner is deleted and made anew.
    Anew(&'static str),
    AddToBucket(String, Value),
    /// Another account writes an object.
    PutAs(&'static str, &'static str),
    AddToKey(&'static str, Value),
    /// A key loses our statements.
    ForgetKey(&'static str),
    /// The owner makes a key that no manifest and no bucket names.
    OtherKey,
}

/// One cause.
pub(crate) struct Row {
    pub(crate) id: &'static str,
    pub(crate) base: Base,
    /// The order in which AWS meets it.
    pub(crate) stage: u32,
    /// What it is done to: two that are done to the same do not go together.
    pub(crate) touches: &'static str,
    pub(crate) cause: &'static str,
    pub(crate) seeds: Vec<Seed>,
    pub(crate) call: fn(&mut Call),
}

impl Row {
    /// Tells whether both can be there.
    pub(crate) fn goes_with(&self, other: &Row) -> bool {
        /// Of a role that is not there, or is another one, nothing else can be broken.
        const ALONE: [(&str, &[&str]); 13] = [
            ("object key", &["key policy", "key deny", "key state", "object"]),
            ("bucket one", &["object", "list", "bucket", "bucket gone", "role", "role policy"]),
            ("object", &["key deny", "caller deny", "bucket deny"]),
            ("trust deny", &["other user", "trust", "role"]),
            ("caller role", &["bucket", "bucket deny", "bucket public", "caller", "caller deny", "key deny"]),
            ("bucket public", &["bucket"]),
            ("bucket gone", &["bucket", "object", "list", "region", "manifest boundary", "role policy"]),
            ("manifest boundary", &["list", "role boundary"]),
            ("role policy", &["bucket"]),
            ("role", &["bucket", "trust", "duration", "role policy", "role deny", "role boundary", "window", "key"]),
            ("key", &["user", "user boundary", "group"]),
            ("other user", &["user", "user boundary", "group", "key"]),
            ("trust", &["external id", "mfa", "address", "window", "session"]),
        ];
        let apart = |a: &Row, b: &Row| ALONE.iter().any(|(one, others)| a.touches == *one && others.contains(&b.touches));
        // A session policy is seen by the session alone, which there is none of before the role is assumed.
        let early = self.stage.min(other.stage) < 100 && self.base == Base::Desk;
        let alone = [self, other].iter().any(|row| row.touches == "alone" || early && row.touches == "session policy");
        self.touches != other.touches && !alone && !apart(self, other) && !apart(other, self)
    }
}

/// What is called.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) user: &'static str,
    pub(crate) role: String,
    pub(crate) external_id: Option<String>,
    pub(crate) mfa: bool,
    pub(crate) address: &'static str,
    pub(crate) duration: Option<u32>,
    pub(crate) tags: bool,
    pub(crate) source_identity: bool,
    pub(crate) session_policy: Option<String>,
    pub(crate) unsigned: bool,
    pub(crate) wrong_secret: bool,
    pub(crate) root: bool,
    pub(crate) method: &'static str,
    pub(crate) object: &'static str,
    pub(crate) query: &'static str,
    pub(crate) region: &'static str,
    /// The session's name, where it is said.
    pub(crate) session: Option<String>,
    /// It is to be encrypted with the key that nothing names.
    pub(crate) other_key: bool,
}

impl Call {
    pub(crate) fn list(&mut self, path: &'static str, query: &'static str) {
        (self.method, self.object, self.query) = ("GET", path, query);
    }

    /// What tells it from other calls, in parts.
    fn parts(&self) -> Vec<String> {
        let who = [self.user.to_owned(), self.role.clone(), format!("{:?}", self.external_id), self.mfa.to_string(), self.address.to_owned()];
        let session = [format!("{:?}", self.duration), self.tags.to_string(), self.source_identity.to_string()];
        who.into_iter().chain(session).chain([format!("{} {} {}", self.method, self.object, self.query)]).collect()
    }

    fn action(&self) -> &'static str {
        match (self.method, self.query) {
            ("PUT", _) => "s3:PutObject",
            (_, "") => "s3:GetObject",
            _ => "s3:ListBucket",
        }
    }
}

/// A refusal, and what a caller knows of it.
pub(crate) struct Refused {
    pub(crate) text: String,
    /// The call was for the role.
    assuming: bool,
    principal: String,
    /// What is asked about is the object behind the role.
    pub(crate) whole: bool,
}

/// An error as the AWS CLI prints it.
pub(crate) fn cli_error(operation: &str, body: &str) -> String {
    let value: Option<Value> = serde_json::from_str(body).ok();
    let (code, message) = match &value {
        Some(value) => (value["__type"].as_str().unwrap_or_default().to_owned(), value["message"].as_str().unwrap_or_default().to_owned()),
        None => (element(body, "Code"), element(body, "Message")),
    };
    format!("\nAn error occurred ({code}) when calling the {operation} operation: {}\n", message.replace("&quot;", "\""))
}

/// An estate that works, kept as it was.
pub(crate) struct Bench {
    base: Base,
    state: std::path::PathBuf,
    text: String,
    keys: BTreeMap<&'static str, Credentials>,
    /// What may be called, and what not, before anything is broken.
    usual: Vec<bool>,
}

/// Both.
pub(crate) struct Benches {
    desk: Bench,
    exchange: Bench,
}

impl Benches {
    pub(crate) fn of(&self, base: Base) -> &Bench {
        match base {
            Base::Desk => &self.desk,
            Base::Exchange => &self.exchange,
        }
    }
}

const OWNER: &str = "222222222222";
const PARTNER: &str = "444444444444";
const DEV: &str = "111111111111";

fn root_of(account: &str) -> Credentials {
    Credentials { key: account.to_owned(), ..Credentials::default() }
}

/// A folder of one run of one test.
fn folder() -> std::path::PathBuf {
    static COUNT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let folder = root().join("target/test-manifests").join(format!("{}-doctor-{count}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

impl Bench {
    pub(crate) async fn all() -> Benches {
        Benches { desk: Self::desk().await, exchange: Self::exchange().await }
    }

    async fn desk() -> Self {
        let place = Place::new(Options::default());
        let text = crate::doctor::DESK.to_owned();
        place.good(&["apply", "--auto-approve", "--quiet", &manifest("doctor-desk", &text)]).await;
        place.iam(DEV, "CreateUser", &[("UserName", "carol")]).await;
        for object in ["/desk-data/reports/q1", "/desk-data/other/q1"] {
            assert_eq!(place.s3(OWNER, "PUT", object, "", "figures").await.0, 200);
        }
        Self::of(Base::Desk, &place, text, DEV, &["ann", "bob", "carol"]).await
    }

    async fn exchange() -> Self {
        let place = Place::new(Options::default());
        let text = std::fs::read_to_string(scenario("encrypted-exchange")).unwrap();
        let file = manifest("doctor-exchange", &text);
        place.good(&["sandbox", "prepare", &file]).await;
        place.good(&["apply", "--auto-approve", "--quiet", &file]).await;
        place.iam(PARTNER, "CreateUser", &[("UserName", "hands")]).await;
        let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
        place.iam(PARTNER, "PutUserPolicy", &[("UserName", "hands"), ("PolicyName", "p"), ("PolicyDocument", policy)]).await;
        let (status, body) = place.s3_as(&root_of(OWNER), "eu-west-1", "PUT", "/encrypted-exchange/from-partner/x", "", &[], "figures").await;
        assert_eq!(status, 200, "{body}");
        Self::of(Base::Exchange, &place, text, PARTNER, &["hands"]).await
    }

    async fn of(base: Base, place: &Place, text: String, account: &str, users: &[&'static str]) -> Self {
        let mut keys = BTreeMap::new();
        for user in users {
            keys.insert(*user, Credentials::of(&place.iam(account, "CreateAccessKey", &[("UserName", user)]).await));
        }
        let state = folder().join("state.json");
        StateFile::open(&state, std::time::Duration::ZERO).unwrap().save(&place.sandbox).unwrap();
        let mut bench = Self { base, state, text, keys, usual: Vec::new() };
        let mut run = bench.run();
        let usual = run.probed().await;
        assert!(run.call(&bench.good()).await.is_ok(), "it works before anything is broken");
        bench.usual = usual;
        bench
    }

    /// The call that works.
    fn good(&self) -> Call {
        let desk = Call {
            user: "ann",
            role: "arn:aws:iam::222222222222:role/Desk".to_owned(),
            external_id: Some("desk-4711".to_owned()),
            mfa: true,
            address: "203.0.113.9",
            duration: None,
            tags: false,
            source_identity: false,
            session_policy: None,
            unsigned: false,
            wrong_secret: false,
            root: false,
            method: "GET",
            object: "/desk-data/reports/q1",
            query: "",
            region: "us-east-1",
            session: None,
            other_key: false,
        };
        match self.base {
            Base::Desk => desk,
            Base::Exchange => Call {
                user: "hands",
                role: format!("arn:aws:iam::{PARTNER}:role/Uploader"),
                external_id: None,
                mfa: false,
                method: "PUT",
                object: "/encrypted-exchange/from-partner/x",
                region: "eu-west-1",
                ..desk
            },
        }
    }

    /// Calls of others, and other calls: what they come to must stay as it was.
    fn probes(&self) -> Vec<Call> {
        let with = |change: &dyn Fn(&mut Call)| {
            let mut call = self.good();
            change(&mut call);
            call
        };
        match self.base {
            Base::Desk => vec![
                with(&|c| c.user = "bob"),
                with(&|c| c.user = "carol"),
                with(&|c| c.method = "PUT"),
                with(&|c| c.object = "/desk-data/other/q1"),
                with(&|c| c.list("/desk-data", "prefix=other%2F")),
                with(&|c| c.list("/desk-data", "prefix=reports%2F")),
                with(&|c| c.external_id = None),
                with(&|c| c.external_id = Some("guessed".to_owned())),
                with(&|c| c.mfa = false),
                with(&|c| c.address = "198.51.100.7"),
                with(&|c| c.address = "198.51.100.8"),
                with(&|c| c.tags = true),
                with(&|c| c.source_identity = true),
                with(&|c| c.duration = Some(14_400)),
                with(&|c| (c.user, c.address) = ("bob", "198.51.100.7")),
            ],
            Base::Exchange => vec![
                with(&|c| c.method = "GET"),
                with(&|c| c.object = "/encrypted-exchange/elsewhere/x"),
                with(&|c| c.role = format!("arn:aws:iam::{PARTNER}:role/Importer")),
                with(&|c| c.list("/encrypted-exchange", "prefix=from-partner%2F")),
            ],
        }
    }

    fn run(&self) -> Run<'_> {
        let copy = folder().join("state.json");
        std::fs::copy(&self.state, &copy).unwrap();
        let file = StateFile::open(&copy, std::time::Duration::ZERO).unwrap();
        let place = Place::of(file.load(Options::default()).unwrap());
        let path = folder().join("manifest.toml");
        std::fs::write(&path, &self.text).unwrap();
        Run { bench: self, place, file: path.display().to_string(), keys: self.keys.clone(), other: String::new() }
    }

    /// Breaks it in these ways, and has it diagnosed and fixed.
    pub(crate) async fn treat(&self, rows: &[&Row]) -> Result<(), String> {
        let mut run = self.run();
        let mut call = self.good();
        for row in rows {
            (row.call)(&mut call);
        }
        // Applying a manifest heals what was broken before.
        let (first, then): (Vec<&Seed>, Vec<&Seed>) = rows.iter().flat_map(|row| &row.seeds).partition(|seed| matches!(seed, Seed::Manifest(..)));
        for seed in first.into_iter().chain(then) {
            run.seed(seed).await?;
        }
        let (asked, before_fix) = (format!("{call:?}"), call.parts());
        let Err(mut refused) = run.call(&call).await else { return Err("the call works all the same".to_owned()) };
        refused.whole = rows.len() > 1;
        let found = run.diagnosed(&call, &refused).await?;
        named(&found, rows).map_err(|why| format!("{why}\n{}", refused.text))?;
        let steps = found["fix"].as_array().ok_or_else(|| format!("no fix is known\n{found:#}"))?;
        for step in steps {
            run.carried_out(step, &mut call).await.map_err(|why| format!("{why}\n{:#}", found["fix"]))?;
        }
        if let Err(still) = run.call(&call).await {
            return Err(format!("it is refused after the fix: {}\n{:#}\n{:#}", still.text, found["causes"], found["fix"]));
        }
        let then = run.probed().await;
        for ((probe, before), after) in self.probes().iter().zip(&self.usual).zip(then) {
            // Of two things that are granted, one alone is granted as well: each part of such a call is that of what works, or of the asked.
            let mixed = rows.len() > 1
                && probe
                    .parts()
                    .iter()
                    .zip(self.good().parts())
                    .zip(call.parts())
                    .zip(&before_fix)
                    .all(|(((part, usual), then), first)| [&usual, &then, first].contains(&part));
            let same = mixed || [asked.clone(), format!("{call:?}")].contains(&format!("{probe:?}"));
            if after && !before && !same {
                return Err(format!("the fix widens {probe:?}\n{:#}", found["fix"]));
            }
        }
        run.place.assert_no_secret();
        Ok(())
    }
}

impl Bench {
    /// What is printed for people, with the one file that it names.
    pub(crate) async fn printed(&self, rows: &[&Row]) -> String {
        let mut run = self.run();
        let mut call = self.good();
        for row in rows {
            for seed in &row.seeds {
                run.seed(seed).await.unwrap();
            }
            (row.call)(&mut call);
        }
        let refused = run.call(&call).await.unwrap_err();
        let words = run.words(&call, &refused, &[]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = run.place.run(&words).await;
        assert_eq!(said.err, "");
        format!("{}\n---\n{}", refused.text.trim(), said.out).replace(&run.file, "manifest.toml")
    }
}

/// The causes are there, and the one that is met first stands first.
fn named(found: &Value, rows: &[&Row]) -> Result<(), String> {
    let causes: Vec<&str> = found["causes"].as_array().unwrap().iter().map(|c| c["cause"].as_str().unwrap()).collect();
    for row in rows {
        if !causes.contains(&row.cause) {
            return Err(format!("{} is not among {causes:?}", row.cause));
        }
    }
    let first = rows.iter().map(|row| row.stage).min().unwrap();
    let may: Vec<&str> = rows.iter().filter(|row| row.stage == first).map(|row| row.cause).collect();
    if may.contains(&causes[0]) { Ok(()) } else { Err(format!("{may:?} is not first of {causes:?}")) }
}

/// One estate that is being broken.
struct Run<'b> {
    bench: &'b Bench,
    place: Place,
    file: String,
    keys: BTreeMap<&'static str, Credentials>,
    /// ARN of the key that nothing names.
    other: String,
}

impl Run<'_> {
    async fn probed(&mut self) -> Vec<bool> {
        let mut out = Vec::new();
        for probe in self.bench.probes() {
            out.push(self.call(&probe).await.is_ok());
        }
        out
    }

    fn account(&self) -> &'static str {
        if self.bench.base == Base::Desk { DEV } else { PARTNER }
    }

    /// Assumes the role, and calls S3 as it.
    async fn call(&mut self, call: &Call) -> Result<(), Refused> {
        let account = self.account();
        let mut who = self.keys[call.user].clone();
        if call.wrong_secret {
            who.secret = "wrong".repeat(8);
        }
        if call.unsigned {
            who = Credentials::default();
        }
        if call.root {
            who = root_of(account);
        }
        who.extra = vec![("x-crossrole-source-ip", call.address.to_owned())];
        let (serial, seconds) = (format!("arn:aws:iam::{account}:mfa/{}", call.user), call.duration.unwrap_or(3_600).to_string());
        let mut params = vec![("RoleArn", call.role.as_str()), ("RoleSessionName", call.session.as_deref().unwrap_or("desk"))];
        params.extend(call.external_id.as_deref().map(|id| ("ExternalId", id)));
        params.extend(call.session_policy.as_deref().map(|policy| ("Policy", policy)));
        params.extend(call.duration.map(|_| ("DurationSeconds", seconds.as_str())));
        if call.mfa {
            params.extend([("SerialNumber", serial.as_str()), ("TokenCode", "123456")]);
        }
        if call.tags {
            params.extend([("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "x")]);
        }
        if call.source_identity {
            params.push(("SourceIdentity", call.user));
        }
        let (status, body) = self.place.query_as(&who, "sts", "AssumeRole", &params).await;
        if status != 200 {
            let principal = if call.root { format!("arn:aws:iam::{account}:root") } else { format!("arn:aws:iam::{account}:user/{}", call.user) };
            return Err(Refused { text: cli_error("AssumeRole", &body), assuming: true, principal, whole: false });
        }
        let mut session = Credentials::of(&body);
        session.extra = who.extra;
        let content = if call.method == "PUT" { "figures" } else { "" };
        let mut headers: Vec<(&'static str, &str)> = Vec::new();
        if call.other_key {
            headers.extend([("x-amz-server-side-encryption", "aws:kms"), ("x-amz-server-side-encryption-aws-kms-key-id", self.other.as_str())]);
        }
        let (status, body) = self.place.s3_as(&session, call.region, call.method, call.object, call.query, &headers, content).await;
        if status == 200 { Ok(()) } else { Err(Refused { text: body, assuming: false, principal: element_of_session(call), whole: false }) }
    }

    /// The words of `doctor`: what the caller knows of its call.
    fn words(&self, call: &Call, refused: &Refused, more: &[&str]) -> Vec<String> {
        let path = folder().join("error.txt");
        // What KMS refuses is told by the client of S3.
        let by_kms = !refused.assuming && refused.text.contains("kms:");
        let text = if by_kms { cli_error(if call.method == "PUT" { "PutObject" } else { "GetObject" }, &refused.text) } else { refused.text.clone() };
        std::fs::write(&path, text).unwrap();
        let (error, duration) = (path.display().to_string(), call.duration.unwrap_or_default().to_string());
        let mut words = vec!["doctor", "--error", &error, "--source-ip", call.address];
        words.extend(more);
        let resource = call.object.trim_start_matches('/').to_owned();
        if refused.whole && refused.assuming {
            words.extend(["--principal", &refused.principal, "--via", &call.role, "--action", call.action(), "--resource", &resource]);
        } else if !refused.text.contains("is not authorized to perform") {
            words.extend(["--principal", &refused.principal]);
            words.extend(if refused.assuming {
                ["--action", "sts:AssumeRole", "--resource", &call.role]
            } else {
                ["--action", call.action(), "--resource", &resource]
            });
        } else if by_kms {
            words.extend(["--resource", &resource]);
        }
        words.extend(call.external_id.iter().flat_map(|id| ["--external-id", id]));
        if call.other_key {
            words.extend(["--key", &self.other]);
        }
        words.extend(call.mfa.then_some("--mfa"));
        words.extend(call.tags.then_some("--session-tags"));
        words.extend(call.source_identity.then_some("--source-identity"));
        if call.duration.is_some() && refused.assuming {
            words.extend(["--duration", &duration]);
        }
        if call.region != self.bench.good().region {
            words.extend(["--region", call.region]);
        }
        let prefix = call.query.replace("prefix=", "s3:prefix=").replace("%2F", "/");
        if !prefix.is_empty() {
            words.extend(["--context", &prefix]);
        }
        words.push(&self.file);
        words.into_iter().map(str::to_owned).collect()
    }

    async fn diagnosed(&self, call: &Call, refused: &Refused) -> Result<Value, String> {
        let words = self.words(call, refused, &["--json", "--write", "--show-external-ids"]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let said = self.place.run(&words).await;
        if said.exit != Exit::Failed || !said.out.starts_with('{') {
            return Err(format!("{:?} {}{}\n{}", said.exit, said.out, said.err, refused.text));
        }
        serde_json::from_str(&said.out).map_err(|e| e.to_string())
    }

    async fn apply(&self, more: &[&str]) -> Result<(), String> {
        let words: Vec<&str> = ["apply", "--auto-approve", "--quiet"].into_iter().chain(more.iter().copied()).collect();
        let said = self.place.run(&words).await;
        if said.exit == Exit::Clean { Ok(()) } else { Err(format!("{words:?}\n{}{}", said.out, said.err)) }
    }

    /// Does what a step of a printed fix says, and nothing else.
    async fn carried_out(&mut self, step: &Value, call: &mut Call) -> Result<(), String> {
        let argv: Vec<&str> = step["argv"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        match step["step"].as_str().unwrap() {
            // It is written already.
            "manifest" => Ok(()),
            "apply" => self.apply(&argv[2..]).await,
            "command" => self.aws(step["account"].as_str().unwrap(), &argv).await,
            _ => {
                for change in step["changes"].as_array().unwrap() {
                    self.asked_otherwise(change, &argv, call).await;
                }
                Ok(())
            }
        }
    }

    async fn asked_otherwise(&mut self, change: &Value, argv: &[&str], call: &mut Call) {
        let flag = |name: &str| argv.iter().position(|word| *word == name).and_then(|at| argv.get(at + 1)).map(|word| (*word).to_owned());
        match change["request"].as_str().unwrap() {
            "external-id" => call.external_id = flag("--external-id"),
            "mfa" => call.mfa = flag("--serial-number").is_some(),
            "duration" => call.duration = flag("--duration-seconds").and_then(|text| text.parse().ok()),
            "role" => call.role = flag("--role-arn").unwrap_or_default(),
            "region" => call.region = if change["text"] == "in region us-east-1" { "us-east-1" } else { "" },
            "with" => call.session = flag("--role-session-name"),
            "without-session-policy" => call.session_policy = None,
            "not-root" => call.root = false,
            "credentials" => {
                (call.unsigned, call.wrong_secret) = (false, false);
                let new = self.place.iam(self.account(), "CreateAccessKey", &[("UserName", call.user)]).await;
                self.keys.insert(call.user, Credentials::of(&new));
            }
            other => panic!("{other}"),
        }
    }

    /// The AWS CLI, as far as fixes need it.
    async fn aws(&self, account: &str, argv: &[&str]) -> Result<(), String> {
        let [_, service, operation, flags @ ..] = argv else { return Err(format!("{argv:?}")) };
        let camel = |text: &str| text.split('-').map(|w| w[..1].to_uppercase() + &w[1..]).collect::<String>();
        let mut params: Vec<(String, String)> = Vec::new();
        let mut at = 0;
        while let Some(flag) = flags.get(at) {
            let name = camel(flag.trim_start_matches("--"));
            match flags.get(at + 1).filter(|value| !value.starts_with("--")) {
                Some(value) => params.push((name, (*value).to_owned())),
                None => params.push((name, "true".to_owned())),
            }
            at += if flags.get(at + 1).is_some_and(|value| !value.starts_with("--")) { 2 } else { 1 };
        }
        let get = |name: &str| params.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()).unwrap_or_default();
        let region = if get("Region").is_empty() { "us-east-1".to_owned() } else { get("Region") };
        let who = root_of(account);
        let (status, body) = match *service {
            "iam" => {
                let pairs: Vec<(&str, &str)> = params.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
                self.place.query(account, "iam", &camel(operation), &pairs).await
            }
            "kms" => {
                let input: serde_json::Map<String, Value> = params.iter().filter(|(k, _)| k != "Region").map(|(k, v)| (k.clone(), json!(v))).collect();
                self.place.kms_as(&who, &region, &camel(operation), &input.into()).await
            }
            _ => {
                let path = format!("/{}", get("Bucket"));
                let (method, query, body) = match *operation {
                    "put-bucket-policy" => ("PUT", "policy", get("Policy")),
                    "delete-bucket-policy" => ("DELETE", "policy", String::new()),
                    "put-bucket-ownership-controls" => {
                        let rule = "<OwnershipControls><Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule></OwnershipControls>";
                        ("PUT", "ownershipControls", rule.to_owned())
                    }
                    other => return Err(other.to_owned()),
                };
                self.place.s3_as(&who, &region, method, &path, query, &[], &body).await
            }
        };
        if (200..300).contains(&status) { Ok(()) } else { Err(format!("{argv:?}: {body}")) }
    }

    async fn seed(&mut self, seed: &Seed) -> Result<(), String> {
        let region = self.bench.good().region;
        match seed {
            Seed::Iam(account, action, params) => {
                let pairs: Vec<(&str, &str)> = params.iter().map(|(k, v)| (*k, v.as_str())).collect();
                self.place.iam(account, action, &pairs).await;
            }
            Seed::S3(method, path, query, body) => {
                let (status, answer) = self.place.s3_as(&root_of(OWNER), region, method, path, query, &[], body).await;
                assert!((200..300).contains(&status), "{answer}");
            }
            Seed::Kms(operation, input) => drop(self.place.kms(OWNER, region, operation, input).await),
            Seed::Manifest(from, to) => {
                let text = std::fs::read_to_string(&self.file).unwrap();
                assert!(text.contains(from));
                std::fs::write(&self.file, text.replace(from, to)).unwrap();
                self.apply(&[&self.file.clone()]).await?;
            }
            Seed::DropKey(user) => {
                let key = self.keys[user].key.clone();
                self.place.iam(self.account(), "DeleteAccessKey", &[("UserName", user), ("AccessKeyId", &key)]).await;
            }
            Seed::DisableKey(user) => {
                let key = self.keys[user].key.clone();
                self.place.iam(self.account(), "UpdateAccessKey", &[("UserName", user), ("AccessKeyId", &key), ("Status", "Inactive")]).await;
            }
            Seed::DropRole(role) => self.drop_role(OWNER, role).await,
            Seed::DropBucket(bucket) => {
                for object in ["reports/q1", "other/q1"] {
                    self.place.s3(OWNER, "DELETE", &format!("/{bucket}/{object}"), "", "").await;
                }
                assert_eq!(self.place.s3(OWNER, "DELETE", &format!("/{bucket}"), "", "").await.0, 204);
            }
            Seed::DenyInTrust(role) => {
                let answer = self.place.iam(OWNER, "GetRole", &[("RoleName", role)]).await;
                let text = percent_encoding::percent_decode_str(&element(&answer, "AssumeRolePolicyDocument")).decode_utf8().unwrap().into_owned();
                let mut document: Value = serde_json::from_str(&text).unwrap();
                let deny = json!({"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::111111111111:user/ann"}, "Action": "sts:AssumeRole"});
                let mut all = document["Statement"].as_array().cloned().unwrap_or_else(|| vec![document["Statement"].clone()]);
                all.push(deny);
                document["Statement"] = all.into();
                self.place.iam(OWNER, "UpdateAssumeRolePolicy", &[("RoleName", role), ("PolicyDocument", &document.to_string())]).await;
            }
            Seed::DetachAll(group) => self.detach("Group", group).await,
            Seed::DetachRole(role) => self.detach("Role", role).await,
            Seed::Anew(role) => {
                let answer = self.place.iam(PARTNER, "GetRole", &[("RoleName", role)]).await;
                let trust = percent_encoding::percent_decode_str(&element(&answer, "AssumeRolePolicyDocument")).decode_utf8().unwrap().into_owned();
                self.drop_role(PARTNER, role).await;
                self.place.iam(PARTNER, "CreateRole", &[("RoleName", role), ("AssumeRolePolicyDocument", &trust)]).await;
            }
            Seed::AddToBucket(bucket, statement) => {
                let (status, body) = self.place.s3_as(&root_of(OWNER), region, "GET", &format!("/{bucket}"), "policy", &[], "").await;
                let mut document: Value = if status == 200 { serde_json::from_str(&body).unwrap() } else { json!({"Version": "2012-10-17", "Statement": []}) };
                document["Statement"].as_array_mut().unwrap().push(statement.clone());
                let (status, body) = self.place.s3_as(&root_of(OWNER), region, "PUT", &format!("/{bucket}"), "policy", &[], &document.to_string()).await;
                assert_eq!(status, 204, "{body}");
            }
            Seed::PutAs(account, object) => {
                let (status, body) = self.place.s3_as(&root_of(account), region, "PUT", object, "", &[], "theirs").await;
                assert_eq!(status, 200, "{body}");
            }
            Seed::AddToKey(key, statement) => {
                let mut all = crate::keys::key_statements(&self.place, OWNER, region, key).await;
                all.push(statement.clone());
                crate::keys::put_key_policy(&self.place, OWNER, region, key, &all).await;
            }
            Seed::OtherKey => {
                let made = self.place.kms(OWNER, region, "CreateKey", &json!({})).await;
                made["KeyMetadata"]["Arn"].as_str().unwrap().clone_into(&mut self.other);
            }
            Seed::ForgetKey(key) => {
                let mut all = crate::keys::key_statements(&self.place, OWNER, region, key).await;
                all.retain(|s| !s["Sid"].as_str().unwrap_or_default().starts_with("Crossrole"));
                crate::keys::put_key_policy(&self.place, OWNER, region, key, &all).await;
            }
        }
        Ok(())
    }

    /// Takes off what is attached.
    async fn detach(&self, kind: &'static str, name: &str) {
        let account = self.account();
        let flag = if kind == "Group" { "GroupName" } else { "RoleName" };
        let list = self.place.iam(account, &format!("ListAttached{kind}Policies"), &[(flag, name)]).await;
        for part in list.split("<PolicyArn>").skip(1) {
            let arn = part.split('<').next().unwrap();
            self.place.iam(account, &format!("Detach{kind}Policy"), &[(flag, name), ("PolicyArn", arn)]).await;
        }
    }

    async fn drop_role(&self, account: &str, role: &str) {
        let inline = self.place.iam(account, "ListRolePolicies", &[("RoleName", role)]).await;
        for part in inline.split("<member>").skip(1) {
            self.place.iam(account, "DeleteRolePolicy", &[("RoleName", role), ("PolicyName", part.split('<').next().unwrap())]).await;
        }
        let attached = self.place.iam(account, "ListAttachedRolePolicies", &[("RoleName", role)]).await;
        for part in attached.split("<PolicyArn>").skip(1) {
            self.place.iam(account, "DetachRolePolicy", &[("RoleName", role), ("PolicyArn", part.split('<').next().unwrap())]).await;
        }
        self.place.iam(account, "DeleteRole", &[("RoleName", role)]).await;
    }
}

fn element_of_session(call: &Call) -> String {
    let (account, name) = (call.role.split(':').nth(4).unwrap(), call.role.rsplit('/').next().unwrap());
    format!("arn:aws:sts::{account}:assumed-role/{name}/desk")
}
