//! An audit as a page that needs nothing but itself, with the access picture.

use crossrole_model::audit::Audit;
use crossrole_model::graph::Graph;

use super::text::{audit_lines, severities};
use crate::graph::{Picture, escaped, figure, html_page};
use crate::html::block_of;
use crate::lines::Screen;
use crate::{View, safe};

/// The page: what was found first, then the picture, then all of it in words.
pub fn audit_html(audit: &Audit, picture: &Graph, view: View) -> String {
    let view = View { screen: Screen::default(), ..view };
    let title = title(audit);
    let mut body = format!("<h1>{}</h1>\n", escaped(&title));
    if audit.is_incomplete() {
        let count = audit.not_known.len();
        body.push_str(&format!("<p class=\"warning\">Not known: {count}. What could not be read, or not be decided, is not to be taken for nothing.</p>\n"));
    }
    body.push_str("<h2>Access picture</h2>\n");
    body.push_str(&figure(&Picture::of(picture, view)));
    body.push_str("<h2>In words</h2>\n");
    body.push_str(&block_of(&audit_lines(audit, view)));
    html_page(&title, &body)
}

/// `crossrole audit: 2 accounts: 1 error, 2 warnings`
fn title(audit: &Audit) -> String {
    let accounts = match audit.accounts.len() {
        1 => audit.accounts.keys().next().map(|id| format!("account {id}")).unwrap_or_default(),
        n => format!("{n} accounts"),
    };
    let found = if audit.issues.is_empty() { "nothing found".to_owned() } else { severities(&audit.issues) };
    safe(&format!("crossrole audit: {accounts}: {found}"))
}
