//! From the text of files to a checked configuration: what no single row can say.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::row::SettingRow;
use super::table::{Configuration, PaymentSettings, SECTIONS, written};

/// The folder beside a configuration whose files are read behind it, in the order of their names: what a set-up writes, so
/// that the file of the package stays as it came.
const FOLDER: &str = "conf.d";

/// Reads a file and those of the folder beside it.
pub(super) fn load(path: &Path) -> Result<Configuration, ConfigError> {
    load_with(path, None)
}

/// The same as if a file of the folder held this text, whether it is there or not.
pub(super) fn load_with(path: &Path, proposed: Option<(&Path, &str)>) -> Result<Configuration, ConfigError> {
    let unreadable = |path: &Path, source| ConfigError::Unreadable { path: path.to_owned(), source };
    let mut texts = vec![(std::fs::read_to_string(path).map_err(|source| unreadable(path, source))?, path.to_owned())];
    let mut paths = further(path)?;
    if let Some((new, _)) = proposed
        && let Err(at) = paths.binary_search_by(|other| other.as_path().cmp(new))
    {
        paths.insert(at, new.to_owned());
    }
    for path in paths {
        let text = match proposed {
            Some((new, text)) if new == path => Ok(text.to_owned()),
            _ => text_of(&path),
        };
        texts.push((text.map_err(|source| unreadable(&path, source))?, path));
    }
    let texts: Vec<(&str, &Path)> = texts.iter().map(|(text, path)| (text.as_str(), path.as_path())).collect();
    parse(&texts, path)
}

/// A pipe that nobody writes to would be waited for without an end.
fn text_of(path: &Path) -> io::Result<String> {
    match std::fs::metadata(path)?.is_file() {
        true => std::fs::read_to_string(path),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a file")),
    }
}

/// The files of the folder beside `path` that are meant; what an editor or a package leaves there is not.
pub(super) fn further(path: &Path) -> Result<Vec<PathBuf>, ConfigError> {
    let folder = path.parent().unwrap_or(Path::new("")).join(FOLDER);
    let found = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()),
    };
    let mut paths = found.map_err(|source| ConfigError::Unreadable { path: folder, source })?;
    let is_hidden = |path: &Path| path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "toml") && !is_hidden(path));
    paths.sort();
    Ok(paths)
}

/// Checks what the texts of files say together.
pub(super) fn parse(texts: &[(&str, &Path)], first: &Path) -> Result<Configuration, ConfigError> {
    let mut files = Vec::new();
    for (text, path) in texts {
        let file: written::File = toml::from_str(text).map_err(|error| ConfigError::Malformed {
            path: path.to_path_buf(),
            message: with_nearest(&error.to_string()),
        })?;
        files.push((file, *path));
    }
    together(&mut files);
    let is_judged = |file: &written::File| {
        file.payments.as_ref().is_some_and(|payments| payments.refund_settle.is_some())
            || file.kaspi.as_ref().is_some_and(|kaspi| kaspi.timeout.is_some())
    };
    let judged = files.iter().rev().find(|(file, _)| is_judged(file)).map_or(first, |(_, path)| *path);
    let configuration = Configuration::of(files, first)?;
    agree(&configuration, judged)?;
    Ok(configuration)
}

/// Who is narrowed to shops and organisations by one file is not widened by another that narrows somebody else.
fn together(files: &mut [(written::File, &Path)]) {
    let mut narrowed = Vec::new();
    for access in files.iter_mut().filter_map(|(file, _)| file.access.as_mut()) {
        if let Some(rules) = access.shop.take() {
            narrowed.extend(rules);
            access.shop = Some(narrowed.clone());
        }
    }
}

/// What is asked of two settings together; `path` is the last file that writes one of them.
fn agree(Configuration { kaspi, payments, .. }: &Configuration, path: &Path) -> Result<(), ConfigError> {
    match payments.refund_settle < 2 * kaspi.timeout {
        true => Err(PaymentSettings::refund_settle
            .wrong(path, "must be at least twice [kaspi] timeout, or a slow refund would be called failed")),
        false => Ok(()),
    }
}

/// Adds to serde's "unknown field `x`, expected one of `a`, `b`" where `x` belongs, else the nearest right key.
fn with_nearest(message: &str) -> String {
    let message = message.trim_end();
    let Some((_, after)) = message.split_once("unknown field `") else { return message.to_owned() };
    let mut quoted = after.split('`').step_by(2);
    let wrong = quoted.next().unwrap_or_default();
    if let Some(row) = rows().find(|row| row.key == wrong) {
        return format!("{message}\n`{wrong}` stands under [{}]", row.section);
    }
    let nearest = quoted
        .filter(|known| !known.is_empty() && !known.contains(' '))
        .max_by(|a, b| strsim::jaro_winkler(wrong, a).total_cmp(&strsim::jaro_winkler(wrong, b)));
    match nearest {
        Some(known) => format!("{message}\nthere is no key `{wrong}`; did you mean `{known}`?"),
        None => message.to_owned(),
    }
}

fn rows() -> impl Iterator<Item = &'static SettingRow> {
    SECTIONS.iter().flat_map(|section| section.rows)
}
