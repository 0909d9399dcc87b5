//! From the text of a file to a checked configuration: what no single row can say.

use std::path::Path;

use super::error::ConfigError;
use super::row::SettingRow;
use super::table::{Configuration, PaymentSettings, SECTIONS, written};

pub(super) fn parse(text: &str, path: &Path) -> Result<Configuration, ConfigError> {
    let file: written::File = toml::from_str(text)
        .map_err(|error| ConfigError::Malformed { path: path.to_owned(), message: with_nearest(&error.to_string()) })?;
    let configuration = Configuration::of(file, path)?;
    agree(&configuration, path)?;
    Ok(configuration)
}

/// What is asked of two settings together.
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
