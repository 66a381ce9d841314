//! What a commit says: the files of `--base`, read with the user's own git. Nothing is checked out, and nothing fetched.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::Failure;
use crate::place;

/// Most bytes that git may say besides the files themselves: a line for each of some ten thousand.
const SAID_MOST: u64 = 16 << 20;

/// A commit of the repository that holds some files.
#[derive(Debug, Clone)]
pub(crate) struct Commit {
    /// The top folder of the repository.
    top: PathBuf,
    /// As it was asked for.
    reference: String,
    /// Its id.
    pub(crate) id: String,
}

/// A file of it.
struct Entry {
    /// From the top, parts separated by slashes.
    path: String,
    id: String,
    link: bool,
}

impl Commit {
    /// Finds the commit in the repository that `path` is in.
    pub(crate) fn find(reference: &str, path: &Path) -> Result<Self, Failure> {
        let folder = if path.is_dir() { path } else { path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")) };
        if Command::new("git").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            let hint = "put `git` on the PATH (in a container: into the image), or plan without `--base`";
            return Err(Failure::tool("`--base` reads a commit with git, which can't be run here", hint));
        }
        let top = said(git(folder).args(["rev-parse", "--show-toplevel"])).map_err(|why| {
            Failure::new(format!("`{}` is in no git repository: {why}", path.display()), "run it in a clone of the repository that holds the manifests")
        })?;
        let top = PathBuf::from(line(&top));
        let unknown = |why: String| {
            let error = format!("`--base {}`: git finds no such commit{}{why}", reference, if why.is_empty() { "" } else { ": " });
            Failure::new(error, "name a branch, tag or commit that this clone has; a shallow clone has few (`git fetch`, or `fetch-depth: 0` in the checkout)")
        };
        let id = said(git(&top).args(["rev-parse", "--verify", "--quiet", "--end-of-options"]).arg(format!("{reference}^{{commit}}"))).map_err(unknown)?;
        Ok(Self { top, reference: reference.to_owned(), id: line(&id) })
    }

    /// The commit that is checked out where `path` is, if that is in a repository.
    pub(crate) fn head(path: &Path) -> Option<String> {
        Self::find("HEAD", path).ok().map(|commit| commit.id)
    }

    fn failed(&self, why: &str) -> Failure {
        Failure::tool(format!("`--base {}`: git says: {why}", &self.reference), "see whether `git status` and `git ls-tree` work here")
    }

    /// Tells whether the paths are of this repository, or what is wrong with them: that is of what was typed, and not of the commit.
    pub(crate) fn holds(&self, paths: &[PathBuf]) -> Result<(), Failure> {
        paths.iter().try_for_each(|path| self.inside(path).map(drop))
    }

    /// A path of the work tree as the commit names it.
    fn inside(&self, path: &Path) -> Result<String, Failure> {
        let absolute = absolute(path);
        let top = std::fs::canonicalize(&self.top).unwrap_or_else(|_| self.top.clone());
        let outside =
            || Failure::new(format!("`{}` is not in the repository `{}`", path.display(), top.display()), "with `--base`, name files of one repository");
        let inside = absolute.strip_prefix(&top).map_err(|_| outside())?;
        let parts: Option<Vec<&str>> = inside.components().map(|part| if let Component::Normal(name) = part { name.to_str() } else { None }).collect();
        parts.map(|parts| parts.join("/")).ok_or_else(outside)
    }

    /// The text of each of these files, by path as it was given; those that the commit does not have are left out. Of a folder,
    /// every file directly in it that `wanted` says.
    pub(crate) fn files(&self, paths: &[PathBuf], most: usize, wanted: impl Fn(&Path) -> bool) -> Result<BTreeMap<PathBuf, String>, Failure> {
        let mut found: BTreeMap<PathBuf, Entry> = BTreeMap::new();
        // One that is named twice is read once.
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for path in paths {
            let inside = self.inside(path)?;
            let folder = path.is_dir();
            for entry in self.entries(&if folder && !inside.is_empty() { format!("{inside}/") } else { inside.clone() })? {
                let name = entry.path.rsplit('/').next().unwrap_or_default().to_owned();
                let at = if folder { path.join(name) } else { path.clone() };
                if (folder && wanted(&at) || !folder && entry.path == inside) && seen.insert(entry.path.clone()) {
                    if entry.link {
                        return Err(self.link(&entry.path));
                    }
                    found.insert(at, entry);
                }
            }
        }
        let texts = self.texts(&found, most)?;
        Ok(found.into_keys().zip(texts).collect())
    }

    /// The text of one file; `None` where the commit does not have it, or it is elsewhere.
    pub(crate) fn file(&self, path: &Path, most: usize) -> Result<Option<String>, Failure> {
        if self.inside(path).is_err() {
            return Ok(None);
        }
        Ok(self.files(&[path.to_owned()], most, |_| true)?.into_values().next())
    }

    /// The text of the file of this name, whatever links lead there now; `None` where the commit has none of it, or it is elsewhere.
    pub(crate) fn named(&self, path: &Path, most: usize) -> Result<Option<String>, Failure> {
        let top = std::fs::canonicalize(&self.top).unwrap_or_else(|_| self.top.clone());
        let path = place::absolute(path);
        let Ok(inside) = path.strip_prefix(&top) else { return Ok(None) };
        let Some(inside) = inside.to_str().map(|inside| inside.replace(std::path::MAIN_SEPARATOR, "/")) else { return Ok(None) };
        match self.entries(&inside)?.into_iter().find(|entry| entry.path == inside) {
            None => Ok(None),
            Some(Entry { link: true, .. }) => Err(self.link(&inside)),
            Some(entry) => Ok(self.texts(&BTreeMap::from([(path, entry)]), most)?.into_iter().next()),
        }
    }

    fn link(&self, inside: &str) -> Failure {
        let error = format!("`{inside}` is a symbolic link in {}", self.reference);
        Failure::new(error, "with `--base`, manifests and settings are files of the repository themselves")
    }

    fn entries(&self, inside: &str) -> Result<Vec<Entry>, Failure> {
        let mut command = git(&self.top);
        command.args(["--literal-pathspecs", "ls-tree", "-z", "--full-tree", &self.id]);
        if !inside.is_empty() {
            command.arg("--").arg(inside);
        }
        let listed = said(&mut command).map_err(|why| self.failed(&why))?;
        let mut entries = Vec::new();
        // A name that is no text is none of a manifest.
        for one in listed.split(|byte| *byte == 0).filter_map(|one| std::str::from_utf8(one).ok()).filter(|one| !one.is_empty()) {
            // `<mode> <type> <id>\t<path>`
            let Some((head, path)) = one.split_once('\t') else { return Err(self.failed("its list can't be read")) };
            let words: Vec<&str> = head.split(' ').collect();
            if let [mode, "blob", id] = words.as_slice() {
                entries.push(Entry { path: path.to_owned(), id: (*id).to_owned(), link: *mode == "120000" });
            }
        }
        Ok(entries)
    }

    /// What is in the files, in their order; one process for all of them.
    fn texts(&self, files: &BTreeMap<PathBuf, Entry>, most: usize) -> Result<Vec<String>, Failure> {
        let failed = |why: String| self.failed(&why);
        let mut child = git(&self.top)
            .args(["cat-file", "--batch"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| failed(e.to_string()))?;
        let asked: String = files.values().map(|entry| format!("{}\n", entry.id)).collect();
        let stdin = child.stdin.take();
        // Beside the reading: both pipes have an end.
        let asking = std::thread::spawn(move || stdin.map(|mut stdin| stdin.write_all(asked.as_bytes())));
        let result = child.stdout.take().ok_or_else(|| failed("it has no output".to_owned())).and_then(|stdout| {
            let mut answers = BufReader::new(stdout);
            let told = |path: &PathBuf, wrong: Wrong| match wrong {
                Wrong::Git(why) => failed(format!("`{}`: {why}", path.display())),
                Wrong::File(why) => Failure::new(format!("`{}` of {}: {why}", path.display(), self.reference), "keep it as a manifest is"),
            };
            files.keys().map(|path| one(&mut answers, most).map_err(|wrong| told(path, wrong))).collect::<Result<Vec<_>, _>>()
        });
        if result.is_err() {
            let _ = child.kill();
        }
        let _ = asking.join();
        let _ = child.wait();
        result
    }
}

/// Why a file can't be had.
enum Wrong {
    /// Git does not give it.
    Git(String),
    /// It is not as it has to be.
    File(String),
}

/// One answer of `cat-file --batch`: `<id> blob <size>`, the bytes, a line's end.
fn one(answers: &mut impl std::io::BufRead, most: usize) -> Result<String, Wrong> {
    /// An id, a type and a number.
    const HEAD_MOST: u64 = 200;
    let failed = |e: std::io::Error| Wrong::Git(e.to_string());
    let mut head = String::new();
    answers.by_ref().take(HEAD_MOST).read_line(&mut head).map_err(failed)?;
    let size = head.trim_end().split_once(" blob ").and_then(|(_, size)| size.parse::<usize>().ok());
    let size = size.ok_or_else(|| Wrong::Git(format!("it is not there ({})", head.trim_end())))?;
    if size > most {
        return Err(Wrong::File(format!("it has {size} bytes, over {most}")));
    }
    let mut bytes = vec![0; size + 1];
    answers.read_exact(&mut bytes).map_err(failed)?;
    bytes.pop();
    String::from_utf8(bytes).map_err(|_| Wrong::File("it is not UTF-8".to_owned()))
}

/// A path without links in its folder; the last part need not be there any more.
fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::canonicalize(folder).map_or_else(|_| path.to_owned(), |folder| folder.join(path.file_name().unwrap_or_default()))
    })
}

/// Where this folder is in its repository, where it is in one and git is there: `prod/`.
pub(crate) fn prefix() -> Option<PathBuf> {
    let said = said(git(Path::new(".")).args(["rev-parse", "--show-prefix"])).ok()?;
    Some(PathBuf::from(line(&said)))
}

fn line(text: &[u8]) -> String {
    String::from_utf8_lossy(text).trim_end_matches(['\n', '\r']).to_owned()
}

/// Git in a folder: it asks nobody, locks nothing and brings nothing from elsewhere.
fn git(folder: &Path) -> Command {
    let mut command = Command::new("git");
    // Nor does a replacement stand in for what a commit says.
    let quiet = [("GIT_TERMINAL_PROMPT", "0"), ("GIT_OPTIONAL_LOCKS", "0"), ("GIT_NO_LAZY_FETCH", "1"), ("GIT_NO_REPLACE_OBJECTS", "1")];
    command.arg("-C").arg(folder).envs(quiet).stdin(Stdio::null());
    command
}

/// What it says, or why it did not.
fn said(command: &mut Command) -> Result<Vec<u8>, String> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(|e| format!("git can't be run: {e}"))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let errors = std::thread::spawn(move || {
        let mut text = Vec::new();
        let _ = stderr.map(|s| s.take(SAID_MOST).read_to_end(&mut text));
        text
    });
    let mut text = Vec::new();
    stdout.map(|s| s.take(SAID_MOST).read_to_end(&mut text)).transpose().map_err(|e| e.to_string())?;
    let errors = errors.join().unwrap_or_default();
    let status = child.wait().map_err(|e| e.to_string())?;
    if !status.success() {
        return Err(String::from_utf8_lossy(&errors).lines().next().unwrap_or_default().to_owned());
    }
    Ok(text)
}
