//! Whether what is linked in may be: the licences, the sources and the banned crates of deny.toml, as `cargo deny` judges
//! them, without the minutes that building it takes.

use std::path::Path;

use serde::Deserialize;
use spdx::{Expression, ParseMode};

use crate::linked::{Linked, linked};

/// Where every crate comes from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[derive(Deserialize)]
struct Rules {
    licenses: Licenses,
    bans: Bans,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Banned>,
}

#[derive(Deserialize)]
struct Banned {
    #[serde(rename = "crate")]
    name: String,
}

/// What is against the rules, a line each.
///
/// # Errors
/// Cargo, or deny.toml, in words.
pub fn against_the_rules(root: &Path) -> Result<Vec<String>, String> {
    let text = std::fs::read_to_string(root.join("deny.toml")).map_err(|error| format!("deny.toml: {error}"))?;
    let rules: Rules = toml::from_str(&text).map_err(|error| format!("deny.toml: {error}"))?;
    Ok(linked(root)?.iter().filter_map(|each| against(&rules, each)).collect())
}

fn against(rules: &Rules, each: &Linked) -> Option<String> {
    let Linked { name, version, license, source, .. } = each;
    if rules.bans.deny.iter().any(|banned| banned.name == *name) {
        return Some(format!("{name} {version} is banned"));
    }
    if source.as_deref().is_some_and(|source| source != REGISTRY) {
        return Some(format!("{name} {version} comes from elsewhere"));
    }
    let allowed = |wanted: &spdx::LicenseReq| {
        wanted.license.id().is_some_and(|id| rules.licenses.allow.iter().any(|allowed| allowed == id.name))
    };
    match Expression::parse_mode(license, ParseMode::LAX) {
        Ok(expression) if expression.evaluate(allowed) => None,
        _ => Some(format!("{name} {version}: {license} is no licence that deny.toml allows")),
    }
}
