//! Manifests from files and folders.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crossrole_model::{Desired, Source};

use crate::args::{ACCOUNTS, CONFIG};
use crate::failure::Failure;
use crate::files::Wanted;
use crate::io::Io;
use crate::place;
use crate::settings::Settings;

/// Most manifests of one run: a folder with more is a mistake in the path.
const FILES_MOST: usize = 10_000;

/// How files of access expectations end; `NAME.expect.toml` belongs to `NAME.toml`.
pub(crate) const EXPECTATIONS: &str = ".expect.toml";

/// Where the access expectations of a manifest are, if it has any.
pub(crate) fn expectations_of(manifest: &str) -> PathBuf {
    PathBuf::from(manifest.strip_suffix(".toml").unwrap_or(manifest).to_owned() + EXPECTATIONS)
}

/// Reads the files: folders give their `.toml` files, sorted by name. One that is named twice is read once.
pub(crate) fn sources(paths: &[PathBuf]) -> Result<Vec<Source>, Failure> {
    listed(paths)?.iter().map(|file| source(file)).collect()
}

/// The same, without reading them.
pub(crate) fn listed(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut found = in_folder(path)?;
            if found.is_empty() {
                return Err(Failure::new(format!("there is no manifest in `{}`", path.display()), "name a folder with .toml files, or run `crossrole init`"));
            }
            files.append(&mut found);
        } else {
            files.push(path.clone());
        }
    }
    let mut seen = BTreeSet::new();
    // What can't be found is an error of its own, later.
    files.retain(|file| seen.insert(std::fs::canonicalize(file).unwrap_or_else(|_| file.clone())));
    if files.len() > FILES_MOST {
        return Err(Failure::new(format!("{} manifests in one run, over {FILES_MOST}", files.len()), "run them in several parts"));
    }
    Ok(files)
}

fn in_folder(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |e: std::io::Error| Failure::new(format!("folder `{}` can't be read: {e}", path.display()), "check its name and permissions");
    let (mut files, mut wrong) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(path).map_err(unreadable)? {
        let file = entry.map_err(unreadable)?.path();
        match std::fs::metadata(&file) {
            _ if !is_manifest(&file) => {}
            // Folders are flat. What else is no file is refused where it is read.
            Ok(known) => files.extend((!known.is_dir()).then_some(file)),
            Err(e) => {
                let link = if file.is_symlink() { " is a symbolic link, and what it leads to" } else { "" };
                wrong.push(format!("manifest `{}`{link} can't be read: {e}", file.display()));
            }
        }
    }
    wrong.sort();
    files.sort();
    // Without it, a run would be of less than the folder says.
    let advice = "put the file itself there, check its permissions, or take it out of the folder";
    if wrong.is_empty() { Ok(files) } else { Err(Failure::several(wrong, advice)) }
}

/// Tells by its name whether a file of a folder is a manifest.
pub(crate) fn is_manifest(file: &Path) -> bool {
    let settings = file.file_name().is_some_and(|n| n == CONFIG || n == ACCOUNTS);
    let expectations = file.to_string_lossy().ends_with(EXPECTATIONS);
    !settings && !expectations && file.extension().is_some_and(|e| e == "toml")
}

/// Files that are manifests.
pub(crate) const MANIFEST: Wanted = Wanted {
    what: "manifest",
    most: crossrole_manifest::MAX_BYTES,
    advice: "check the path, or run `crossrole init` for a first manifest",
    smaller: "split it into several manifests",
};

fn source(file: &Path) -> Result<Source, Failure> {
    let text = place::read(file, &MANIFEST)?;
    // As TOML, it would have a mistake in its first line.
    if text.trim_start().starts_with('{') && crossrole_report::read_plan(&text).is_ok() {
        let name = crossrole_report::safe(&file.display().to_string());
        return Err(Failure::new(
            format!("`{name}` is a saved plan, and no manifest"),
            "`crossrole apply` takes it, or name the manifests that it was made of",
        ));
    }
    Ok(Source { file: file.display().to_string(), text })
}

/// Settings that stand beside manifests and are not those of this run: guardrails in them hold nothing up.
pub(crate) fn passed_over(sources: &[Source], config: &Path) -> String {
    if config != Path::new(CONFIG) {
        return String::new();
    }
    let folder = |source: &Source| Path::new(&source.file).parent().map(|folder| folder.join(CONFIG));
    let beside: BTreeSet<PathBuf> = sources.iter().filter_map(folder).filter(|file| file.is_file()).collect();
    let taken = config.canonicalize().ok();
    let others = beside.into_iter().filter(|file| file.canonicalize().ok() != taken);
    let line = |file: PathBuf| {
        let name = crossrole_report::safe(&file.display().to_string());
        format!("warning: `{name}` stands beside manifests and is not read: settings are those of the folder where a command runs, or `--config`'s\n")
    };
    others.map(line).collect()
}

/// The settings of this place, and manifests under them.
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) desired: Desired,
    pub(crate) sources: Vec<Source>,
}

impl Loaded {
    /// Reads both; warnings go to stderr, mistakes are the error.
    pub(crate) fn read(paths: &[PathBuf], config: &Path, io: &mut Io) -> Result<Self, Failure> {
        let settings = Settings::read(config)?;
        let sources = sources(paths)?;
        io.err(&passed_over(&sources, config));
        let (desired, findings) = crossrole_manifest::load_in(&sources, &settings.surroundings()?);
        let shown = settings.shown(&sources);
        let Some(desired) = desired else { return Err(Failure::findings(findings, shown)) };
        io.err(&crossrole_report::findings_on(&findings, &shown, io.err_screen()));
        Ok(Self { settings, desired, sources })
    }
}
