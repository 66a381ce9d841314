//! What an answer is taken for, whoever gives it, reading and writing.

use crossrole_model::{Call, Cloud as _, ErrorClass, Observation};

use crate::fake::{Answer, Host, account, attach, aws, create, error, put_policy, put_tags, scope};

/// An operation, and a call of it.
type Write = (&'static str, fn() -> Call);

const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Blocked</title></head><body>Your request was blocked.</body></html>";

fn page(status: u16) -> Answer {
    Answer::Http(status, "text/html; charset=utf-8", PAGE.into())
}

fn body(status: u16, kind: &'static str, text: &str) -> Answer {
    Answer::Http(status, kind, text.into())
}

/// Answers that any call may get, with the class that each is taken for.
fn table() -> Vec<(&'static str, Answer, ErrorClass, &'static str)> {
    vec![
        ("a proxy's page", page(403), ErrorClass::NotAws, "is a web page, not AWS's (HTTP 403): is there a proxy between?"),
        ("a proxy's page that says that all is well", page(200), ErrorClass::NotAws, "is a web page, not AWS's (HTTP 200)"),
        ("a page without its type", body(200, "", PAGE), ErrorClass::NotAws, "is a web page"),
        ("a page with another type", body(403, "text/xml", "  <HTML>no</HTML>"), ErrorClass::NotAws, "is a web page"),
        ("a portal to sign in at", page(302), ErrorClass::NotAws, "is a web page, not AWS's (HTTP 302)"),
        ("a page for 404", page(404), ErrorClass::NotAws, "is a web page, not AWS's (HTTP 404)"),
        ("proxy authentication, as a page", page(407), ErrorClass::Proxy, "proxy authentication"),
        ("proxy authentication, and nothing", body(407, "", ""), ErrorClass::Proxy, "proxy authentication"),
        ("a gateway's page", page(502), ErrorClass::Server, "is a web page, not AWS's (HTTP 502)"),
        ("a gateway, and nothing", body(504, "", ""), ErrorClass::Server, ""),
        ("too many, from whoever it is", page(429), ErrorClass::Throttled, ""),
        ("too many, and nothing", body(429, "", ""), ErrorClass::Throttled, ""),
        ("too many, by AWS", error(429, "TooManyRequestsException"), ErrorClass::Throttled, "no"),
        ("garbage", body(200, "application/octet-stream", "\u{1}\u{2}\u{3}"), ErrorClass::NotAws, "is not one of AWS's (HTTP 200)"),
        ("plain text", body(403, "text/plain", "Forbidden"), ErrorClass::NotAws, "is not one of AWS's (HTTP 403)"),
        ("nothing, refused", body(403, "", ""), ErrorClass::NotAws, "is empty (HTTP 403)"),
        ("a broken connection", Answer::Broken("connection reset by peer"), ErrorClass::Unanswered, "connection reset by peer"),
        ("no way", Answer::Broken("client error (Connect): connection refused"), ErrorClass::Network, "connection refused"),
        ("no name", Answer::Broken("failed to look up the address"), ErrorClass::Unresolved, "failed to look up"),
    ]
}

/// What only an answer with something in it can be, and so only of IAM's and of what S3 is read for.
fn read_table() -> Vec<(&'static str, Answer, ErrorClass, &'static str)> {
    vec![
        ("nothing, and well", body(200, "text/xml", ""), ErrorClass::NotAws, "is empty (HTTP 200): AWS's never is"),
        ("a cut answer", body(200, "text/xml", "<?xml version=\"1.0\"?><GetAccountAuthorizationDetailsRes"), ErrorClass::NotAws, "the answer can't be read"),
    ]
}

#[tokio::test(start_paused = true)]
async fn every_answer_to_the_bulk_read_is_what_it_is() {
    for (name, answer, class, words) in table().into_iter().chain(read_table()) {
        let host = Host::new(move |operation, _| (operation == "GetAccountAuthorizationDetails").then(|| answer.clone()));
        let observed = aws(&host).observe(&scope()).await;
        let Some(Observation::Unreadable(why)) = observed.accounts.get(&account()) else { panic!("{name}: taken for an answer") };
        assert_eq!(why.class, Some(class), "{name}: {why}");
        assert!(why.why.contains(words), "{name}: {why}");
        assert!(!why.why.contains("<html") && !why.why.contains("HTTP 403: Error"), "{name}: {why}");
        // Whoever is not let through to one call is not let through to others: no single reads, and no permission to ask for.
        assert_eq!(host.times("GetRole") + host.times("ListPolicies"), 0, "{name}");
        assert!(!why.class.is_some_and(|c| c.advice().contains("permission")), "{name}");
        // With the host that was asked, unless AWS itself has answered.
        let asked = matches!(class, ErrorClass::Proxy | ErrorClass::Network | ErrorClass::Unresolved) || words.starts_with("is ");
        assert!(!asked || why.why.contains("iam.amazonaws.com"), "{name}: {why}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_to_a_bucket_s_policy_is_what_it_is() {
    for (name, answer, class, words) in table() {
        let host = Host::new(move |operation, _| (operation == "GetBucketPolicy").then(|| answer.clone()));
        let observed = aws(&host).observe(&scope()).await;
        let Some(Observation::Known(Some(bucket))) = observed.buckets.get("data") else { panic!("{name}: the bucket itself was read") };
        let Observation::Unreadable(why) = &bucket.policy else { panic!("{name}: taken for an answer") };
        assert!(why.class == Some(class) && why.why.contains(words), "{name}: {:?} {why}", why.class);
    }
}

#[tokio::test(start_paused = true)]
async fn every_answer_to_a_write_is_what_it_is() {
    let writes: [Write; 4] = [("AttachRolePolicy", attach), ("CreateGroup", create), ("PutBucketPolicy", put_policy), ("PutBucketTagging", put_tags)];
    for (operation, call) in writes {
        for (name, answer, class, words) in table() {
            let host = Host::new(move |asked, _| (asked == operation).then(|| answer.clone()));
            let error = aws(&host).write(&account(), &call()).await.expect_err(name);
            assert!(error.class == class && error.message.contains(words), "{operation}, {name}: {:?} {error}", error.class);
            assert_eq!(error.operation, operation, "{name}");
            if operation == "PutBucketPolicy" {
                assert_eq!(host.times(operation), 1, "{name}: a document that others write is tried once");
            }
        }
        assert!(aws(&Host::new(|_, _| None)).write(&account(), &call()).await.is_ok(), "{operation}");
    }
    // IAM's answers are never empty.
    let host = Host::new(|asked, _| (asked == "AttachRolePolicy").then(|| body(200, "text/xml", "")));
    let error = aws(&host).write(&account(), &attach()).await.unwrap_err();
    assert_eq!(error.class, ErrorClass::NotAws, "{error}");
}

/// A refusal, and nothing else, is a reason to ask for each object by itself.
#[tokio::test(start_paused = true)]
async fn only_a_refusal_of_the_bulk_read_leads_to_single_reads() {
    for (answer, known) in [
        (error(403, "AccessDenied"), true),
        (error(500, "ServiceFailure"), false),
        (error(400, "ValidationError"), false),
        (error(400, "InvalidAction"), false),
        (error(400, "SomethingNew"), false),
        (error(403, "ExpiredToken"), false),
        (page(403), false),
    ] {
        let shown = format!("{answer:?}");
        let host = Host::new(move |operation, _| (operation == "GetAccountAuthorizationDetails").then(|| answer.clone()));
        let observed = aws(&host).observe(&scope()).await;
        assert_eq!(observed.accounts[&account()].known().is_some_and(|a| !a.complete), known, "{shown}");
    }
}

/// What could not be listed is unknown; only without the right to list are buckets asked for one by one.
#[tokio::test(start_paused = true)]
async fn a_listing_that_failed_makes_buckets_unknown() {
    for (answer, heads) in [(error(403, "AccessDenied"), 1), (error(500, "InternalError"), 0), (page(403), 0), (page(200), 0), (Answer::Hangs, 0)] {
        let shown = format!("{answer:?}");
        let host = Host::new(move |operation, _| (operation == "ListBuckets").then(|| answer.clone()));
        let observed = aws(&host).observe(&scope()).await;
        assert_eq!(host.times("HeadBucket"), heads, "{shown}");
        assert_eq!(matches!(observed.buckets["data"], Observation::Unreadable(_)), heads == 0, "{shown}");
    }
}
