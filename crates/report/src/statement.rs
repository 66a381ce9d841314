//! One statement as a sentence.

use crossrole_policy::{Element, Principal, Statement};

use crate::clause::quoted;
use crate::{MASK, View, safe};

/// `Allow s3:GetObject on arn:… to arn:… when …`, in the parts that a line may be broken between.
pub(crate) fn sentence(statement: &Statement, view: View) -> Vec<String> {
    let Statement { sid: _, effect, principal, action, resource, conditions } = statement;
    let mut out = list(&format!("{} ", effect.as_str()), element(action));
    out.extend(resource.iter().flat_map(|resource| list(" on ", element(resource))));
    out.extend(principal.iter().flat_map(|principal| list(" to ", who(principal))));
    let mut word = " when ";
    for (operator, keys) in conditions {
        for (key, values) in keys {
            let values: Vec<String> = values.iter().map(|v| value(key, v, view)).collect();
            out.push(format!("{word}{} {} {}", quoted(key), quoted(operator), values.join(" or ")));
            word = " and ";
        }
    }
    out
}

/// The items with commas, behind what leads to them.
pub(crate) fn list(lead: &str, items: Vec<String>) -> Vec<String> {
    let last = items.len().saturating_sub(1);
    let one = |(at, item): (usize, String)| {
        let (lead, comma) = (if at == 0 { lead } else { "" }, if at == last { "" } else { ", " });
        format!("{lead}{item}{comma}")
    };
    if items.is_empty() { vec![lead.to_owned()] } else { items.into_iter().enumerate().map(one).collect() }
}

/// A condition value, masked when it is an external id.
pub(crate) fn value(key: &str, value: &str, view: View) -> String {
    if !view.show_external_ids && key.to_ascii_lowercase().contains("sts:externalid") { MASK.to_owned() } else { quoted(value) }
}

fn element(element: &Element) -> Vec<String> {
    if element.negated { negated("everything but", values(element)) } else { values(element) }
}

fn values(element: &Element) -> Vec<String> {
    crate::fold::arns(&element.values, quoted)
}

/// The exception stands before the first.
fn negated(but: &str, mut names: Vec<String>) -> Vec<String> {
    let first = names.first().cloned().unwrap_or_default();
    names.splice(..names.len().min(1), [format!("{but} {first}")]);
    names
}

fn who(principal: &Principal) -> Vec<String> {
    if principal.bare_star {
        return vec![if principal.negated { "nobody".to_owned() } else { "everyone (*)".to_owned() }];
    }
    let names: Vec<String> = principal
        .entries
        .iter()
        .flat_map(|(kind, values)| {
            values.iter().map(move |v| match (kind.as_str(), v.as_str()) {
                ("AWS", "*") => "everyone (*)".to_owned(),
                ("AWS", v) => safe(v),
                (kind, v) => format!("{} {}", safe(&kind.to_lowercase()), safe(v)),
            })
        })
        .collect();
    if principal.negated { negated("everyone but", names) } else { names }
}
