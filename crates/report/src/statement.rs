//! One statement as a sentence.

use crossrole_policy::{Element, Principal, Statement};

use crate::{MASK, View, safe};

/// `Allow s3:GetObject on arn:… to arn:… when …`.
pub(crate) fn sentence(statement: &Statement, view: View) -> String {
    let Statement { sid: _, effect, principal, action, resource, conditions } = statement;
    let mut out = format!("{} {}", effect.as_str(), element(action));
    if let Some(resource) = resource {
        out.push_str(&format!(" on {}", element(resource)));
    }
    if let Some(principal) = principal {
        out.push_str(&format!(" to {}", who(principal)));
    }
    let mut first = true;
    for (operator, keys) in conditions {
        for (key, values) in keys {
            out.push_str(if first { " when " } else { " and " });
            first = false;
            let values: Vec<String> = values.iter().map(|v| value(key, v, view)).collect();
            out.push_str(&format!("{} {} {}", safe(key), safe(operator), values.join(" or ")));
        }
    }
    out
}

/// A condition value, masked when it is an external id.
pub(crate) fn value(key: &str, value: &str, view: View) -> String {
    if !view.show_external_ids && key.to_ascii_lowercase().contains("sts:externalid") { MASK.to_owned() } else { safe(value) }
}

fn element(element: &Element) -> String {
    let list = element.values.iter().map(|v| safe(v)).collect::<Vec<_>>().join(", ");
    if element.negated { format!("everything but {list}") } else { list }
}

fn who(principal: &Principal) -> String {
    if principal.bare_star {
        return if principal.negated { "nobody".to_owned() } else { "everyone (*)".to_owned() };
    }
    let names: Vec<String> = principal
        .entries
        .iter()
        .flat_map(|(kind, values)| {
            values.iter().map(move |v| match (kind.as_str(), v.as_str()) {
                ("AWS", "*") => "everyone (*)".to_owned(),
                ("AWS", v) => safe(v),
                (kind, v) => format!("{} {}", kind.to_lowercase(), safe(v)),
            })
        })
        .collect();
    let names = names.join(", ");
    if principal.negated { format!("everyone but {names}") } else { names }
}
