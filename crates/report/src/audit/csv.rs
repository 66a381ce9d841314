//! An audit as a table, for those who ask for one: comma-separated values (RFC 4180).

use crossrole_model::audit::{Audit, Chain, NotKnown};

use super::text::account;
use super::words;
use crate::access::sorted;
use crate::findings::word;
use crate::{View, safe};

const HEADER: [&str; 9] = ["kind", "account", "object", "rule", "severity", "principal", "from", "standing", "text"];

/// One row for each way in, chain, finding, and what is not known.
pub fn audit_csv(audit: &Audit, view: View) -> String {
    let mut rows: Vec<[String; 9]> = vec![HEADER.map(str::to_owned)];
    let none = String::new;
    for way in &audit.ways {
        let principal = words::party(&way.access.party, &way.access.except);
        let text = format!("{}{}", sorted(&way.access.actions, str::to_owned).join(", "), words::doing(way, view).1);
        rows.push(["way".to_owned(), account(&way.to), way.to.long(), none(), none(), principal, words::origin(&way.origin), words::standings(way), text]);
    }
    rows.extend(audit.chains.iter().map(|one| chain(audit, one, view)));
    for issue in &audit.issues {
        let (rule, severity) = (issue.rule.id().to_owned(), word(issue.rule.severity()).to_owned());
        rows.push(["finding".to_owned(), account(&issue.object), issue.object.long(), rule, severity, none(), none(), none(), words::message(issue, view)]);
    }
    for one in &audit.suppressed {
        let (rule, severity) = (one.what.rule.id().to_owned(), word(one.what.rule.severity()).to_owned());
        let text = format!("{}; suppressed because {}", words::message(&one.what, view), one.reason);
        rows.push(["suppressed".to_owned(), account(&one.what.object), one.what.object.long(), rule, severity, none(), none(), none(), text]);
    }
    for one in &audit.not_known {
        let object = one.object();
        rows.push(["not known".to_owned(), account(object), object.long(), NotKnown::RULE.to_owned(), none(), none(), none(), none(), words::not_known(one)]);
    }
    for one in &audit.tolerated {
        let object = one.what.object();
        let text = format!("{}; suppressed because {}", words::not_known(&one.what), one.reason);
        rows.push(["suppressed".to_owned(), account(object), object.long(), NotKnown::RULE.to_owned(), none(), none(), none(), none(), text]);
    }
    rows.extend(audit.cut.iter().map(|cut| ["cut".to_owned(), none(), none(), none(), none(), none(), none(), none(), words::cut(*cut)]));
    rows.extend(words::NOT_LOOKED_AT.map(|what| ["not looked at".to_owned(), none(), none(), none(), none(), none(), none(), none(), what.to_owned()]));
    rows.iter().map(|row| row.each_ref().map(|text| cell(text)).join(",") + "\r\n").collect()
}

fn chain(audit: &Audit, chain: &Chain, view: View) -> [String; 9] {
    let first = chain.hops.first().map(|hop| words::party(&hop.party, &hop.except)).unwrap_or_default();
    let steps: Vec<String> = chain.hops.iter().map(|hop| words::step(hop, view)).collect();
    let reached =
        chain.last().and_then(|last| audit.reach.get(last)).into_iter().flatten().map(|change| format!("reaches {}", super::text::reaches(change, view)));
    let text = steps.into_iter().chain(reached).collect::<Vec<_>>().join("; ");
    let last = chain.last().unwrap_or_default();
    let none = String::new;
    let account = crossrole_policy::Arn::parse(last).map(|arn| arn.account.to_owned()).unwrap_or_default();
    ["chain".to_owned(), account, last.to_owned(), none(), none(), first, none(), none(), text]
}

/// A cell. Spreadsheets take what begins with one of these for a formula, whoever wrote it (OWASP, "CSV Injection"); an apostrophe before
/// it makes it text.
fn cell(text: &str) -> String {
    let text = safe(text);
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '|', '%']) || text.starts_with(['\t', '\r']);
    let text = if formula { format!("'{text}") } else { text };
    if text.contains(['"', ',', ';', '\n', '\r']) || formula { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::cell;

    #[test]
    fn a_name_is_no_formula() {
        for (text, expected) in [
            ("plain", "plain"),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("  =1", "\"'  =1\""),
            ("a,b", "\"a,b\""),
            ("a\nb", "a\\u{a}b"),
            ("a\tb", "a\\u{9}b"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
