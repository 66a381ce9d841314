//! Names that manifests had before.

use std::collections::BTreeSet;

use crossrole_model::Finding;
use crossrole_model::desired::Place;

use super::Builder;

/// A name that a manifest of the run says it had.
pub(super) struct Former {
    /// The manifest, by the name that it has.
    manifest: String,
    /// Where it says so.
    place: Place,
}

impl Builder<'_> {
    /// The names that the manifest says it had, where they can be nobody else's. A later manifest of the run may still claim one of them.
    pub(super) fn renamed_from(&mut self) -> Vec<String> {
        let name = self.name.clone();
        if let Some(former) = self.former.get(&name) {
            let finding = of_the_run(&former.place.clone(), &former.manifest, &name);
            self.findings.push(finding);
        }
        let mut names = BTreeSet::new();
        for said in self.raw.renamed_from.iter().flat_map(|names| &names.0) {
            let old = said.value.0.clone();
            let place = self.place(said.span);
            if old == name {
                self.error(said.span, format!("manifest `{name}` was not renamed from its own name"), "name what it was called before, or leave this out");
            } else if self.desired.manifests.iter().any(|manifest| manifest.name == old) {
                self.findings.push(of_the_run(&place, &name, &old));
            } else if let Some(other) = self.former.get(&old).map(|former| former.manifest.clone()).filter(|other| *other != name) {
                let advice = "say it in one of them; in one run with it, the other takes over what it declares itself";
                self.error(said.span, format!("manifests `{other}` and `{name}` were both renamed from `{old}`"), advice);
            } else if names.insert(old.clone()) {
                self.former.insert(old, Former { manifest: name.clone(), place });
            }
        }
        names.into_iter().collect()
    }
}

/// A name that another manifest of the run has.
fn of_the_run(place: &Place, manifest: &str, old: &str) -> Finding {
    let message = format!("manifest `{manifest}` was not renamed from `{old}`: that one is of this run");
    let advice = "what moves between manifests of one run needs no word of it; say this when the other is gone";
    Finding::error(&place.file, Some(place.span), message, advice)
}
