//! What is masked is not to be carried out as it is printed.

use crossrole_model::AccountId;
use crossrole_model::access::AccessDelta;
use crossrole_model::diagnosis::{Diagnosis, FixStep};
use crossrole_report::{View, diagnosis, diagnosis_json};

const PRINCIPALS: &str = r#""Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"sts:AssumeRole""#;

fn of(steps: Vec<FixStep>) -> Diagnosis {
    Diagnosis {
        unread: false,
        supposed: Vec::new(),
        refused: false,
        calls: Vec::new(),
        checks: Vec::new(),
        causes: Vec::new(),
        suspects: Vec::new(),
        fix: Some(steps),
        delta: AccessDelta::default(),
        gives: AccessDelta::default(),
    }
}

fn command(flag: &str, document: &str) -> FixStep {
    let argv = ["aws", "iam", "update-assume-role-policy", "--role-name", "Desk", flag, document];
    FixStep::Command { account: AccountId::parse("222222222222").unwrap(), argv: argv.map(str::to_owned).to_vec() }
}

/// A mask in the place of an external id would let in whatever id comes, or nobody at all.
#[test]
fn a_masked_document_is_no_document() {
    let shown = View { show_external_ids: true, ..View::default() };
    for flag in ["--policy-document", "--policy"] {
        for operator in ["StringEquals", "StringLike", "ForAnyValue:StringLikeIfExists"] {
            for key in ["sts:ExternalId", "STS:externalid"] {
                let text = format!(r#"{{"Version":"2012-10-17","Statement":[{{{PRINCIPALS},"Condition":{{"{operator}":{{"{key}":"desk-4711"}}}}}}]}}"#);
                let found = of(vec![command(flag, &text)]);
                let json = diagnosis_json(&found, View::default());
                let masked = &json["fix"][0]["argv"][6];
                assert_eq!(*masked, "<masked: run again with --show-external-ids>");
                assert!(serde_json::from_str::<serde_json::Value>(masked.as_str().unwrap()).is_err(), "AWS takes JSON alone");
                assert_eq!(json["fix"][0]["masked"], true);
                let printed = diagnosis(&found, View::default());
                assert!(printed.contains(&format!("{flag} '<masked: run again with --show-external-ids>'")), "{printed}");
                assert!(printed.contains("help: external ids are masked") && !printed.contains("4711") && !json.to_string().contains("4711"), "{printed}");
                let json = diagnosis_json(&found, shown);
                assert_eq!((&json["fix"][0]["argv"][6], &json["fix"][0]["masked"]), (&text.as_str().into(), &false.into()));
                assert!(!diagnosis(&found, shown).contains("masked"));
            }
        }
    }
    let open = format!(r#"{{"Version":"2012-10-17","Statement":[{{{PRINCIPALS}}}]}}"#);
    let json = diagnosis_json(&of(vec![command("--policy-document", &open)]), View::default());
    assert_eq!((&json["fix"][0]["argv"][6], &json["fix"][0]["masked"]), (&open.as_str().into(), &false.into()), "there is nothing to mask");
}

/// A line of a manifest with a mask in it is said to be no line of it.
#[test]
fn a_masked_line_is_said_to_be_masked() {
    for (line, masked) in [("external_id = \"desk-4711\"", true), ("mfa = true", false)] {
        let step = FixStep::Manifest { file: "m.toml".to_owned(), amendments: Vec::new(), before: String::new(), after: format!("{line}\n") };
        let found = of(vec![step]);
        let (printed, json) = (diagnosis(&found, View::default()), diagnosis_json(&found, View::default()));
        assert_eq!((printed.contains("help: external ids are masked"), &json["fix"][0]["masked"]), (masked, &masked.into()), "{printed}");
        assert!(!printed.contains("4711") && !json.to_string().contains("4711"), "{printed}");
    }
}
