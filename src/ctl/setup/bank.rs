//! The bank or the sandbox: its address and its CA, in a file of settings that is read behind the configuration.

use std::fmt::Write as _;
use std::path::Path;

use super::answers::PRODUCTION;
use super::error::SetupError;
use super::record::{self, Deed};
use super::workbench::{StepEnd, Workbench};
use super::{identity, typed};
use crate::config::Configuration;
use crate::id::ShopId;
use crate::kaspi::check_ca_file;

const UNIT: &str = "kaspi-sandbox.service";

/// Where the unit of the sandbox listens.
const SANDBOX_URL: &str = "https://127.0.0.1:8443";

pub(super) async fn run(bench: &mut Workbench<'_, '_>) -> Result<StepEnd, SetupError> {
    bench.head("The bank");
    ask_for_the_bank(bench)?;
    let Some(bank) = bench.answers.bank.clone() else { return Err(SetupError::Unanswered("bank")) };
    let settings_file = bench.config.with_file_name("conf.d").join("setup.toml");
    // Settings of setup's own that do not work may be what keeps the daemon from answering.
    if bench.is_up().await || bench.record.written(&settings_file).is_empty() {
        identity::check_sandbox(bench).await?;
    }
    let (url, ca) = match bench.answers.is_sandbox() {
        true => {
            start_the_sandbox(bench)?;
            let folder = bench.answers.sandbox_folder();
            (address_of(&folder), Some(folder.join("ca.crt")))
        }
        false => (bank, bench.answers.ca_file.clone()),
    };
    let mut text = String::from("# Written by kaspictl setup; taken back by kaspictl setup --undo.\n");
    if let Some(shop) = bench.answers.shop_id {
        let _ = writeln!(text, "[daemon]\nshop_id = {shop}\n");
    }
    let _ = writeln!(text, "[kaspi]\nurl = {}", toml::Value::String(url));
    if let Some(ca) = ca {
        let missing = || SetupError::File { path: ca.clone(), source: std::io::ErrorKind::NotFound.into() };
        let held = record::read(&ca)?.ok_or_else(missing)?;
        check_ca_file(&ca).map_err(|error| SetupError::NotHere(error.to_string()))?;
        // Beside the configuration: the daemon reads it under another user. By its content, so that the settings in force go
        // on naming theirs.
        let name: String =
            format!("setup-ca-{}", record::sha256(&held)).chars().take("setup-ca-01234567".len()).collect();
        bench.put(&bench.config.with_file_name(format!("{name}.crt")), &held, 0o644)?;
        let _ = writeln!(text, "ca_file = \"../{name}.crt\"");
    }
    let is_new = settings(bench, &settings_file, &text).await?;
    Ok(if is_new { StepEnd::Done } else { StepEnd::Already })
}

/// Judged before they are put where the next start finds them, and in force behind it.
async fn settings(bench: &mut Workbench<'_, '_>, path: &Path, text: &str) -> Result<bool, SetupError> {
    let before = record::read(path)?;
    if bench.differs(path, text.as_bytes())? {
        Configuration::load_with(&bench.config, (path, text))
            .map_err(|error| SetupError::NotHere(error.to_string()))?;
    }
    let is_new = bench.put(path, text.as_bytes(), 0o644)?;
    let config = bench.config.display().to_string();
    if !bench.is_up().await {
        let how = match typed::is_booted() {
            true => "systemctl restart kaspid.socket kaspid.service".to_owned(),
            false => format!("kaspid --config {config}"),
        };
        return Err(SetupError::NotHere(format!("the daemon does not answer: start it, {how}")));
    }
    // Also where nothing is new: a call before may have been broken off between the two.
    let Err(refused) = bench.typed(&["kaspictl", "reload"]) else { return Ok(is_new) };
    if is_new {
        match before {
            Some(before) => drop(bench.put(path, &before, 0o644)?),
            None => {
                bench.take_back(path)?;
                bench.record.withdraw(&Deed::File { path: path.to_owned(), sha256: Vec::new() })?;
            }
        }
        bench.session.out.say("The settings are as they were before.");
    }
    Err(refused)
}

fn ask_for_the_bank(bench: &mut Workbench<'_, '_>) -> Result<(), SetupError> {
    let Some(person) = bench.person.as_ref().filter(|_| bench.answers.bank.is_none()) else { return Ok(()) };
    let out = &mut *bench.session.out;
    let options = ["the sandbox: a Kaspi of your own on this machine, without money", "Kaspi itself: money moves"];
    if person.choice(out, "Which bank is asked?", &options)? == 0 {
        bench.answers.bank = Some("sandbox".to_owned());
    } else {
        let https = |line: String| match line.starts_with("https://") {
            true => Ok(line),
            false => Err("an address begins with https://"),
        };
        bench.answers.bank = Some(person.read(out, ("Its address", PRODUCTION), https)?);
        if person.yes(out, "Did the bank give a CA certificate of its own", false)? {
            bench.answers.ca_file = Some(person.file(out, "Its file")?);
        }
    }
    let number = |line: String| line.parse::<ShopId>().map_err(|_| "a shop is a number, such as 1");
    bench.answers.shop_id = Some(person.read(out, ("Number of this shop in your software", "1"), number)?);
    Ok(())
}

/// One that was named is somebody's own, who has started it.
fn start_the_sandbox(bench: &mut Workbench<'_, '_>) -> Result<(), SetupError> {
    if bench.answers.sandbox_dir.is_some() {
        return Ok(());
    }
    if !typed::is_there("kaspi-sandbox") {
        let install = "the sandbox is not installed: install the package kaspi-sandbox, as kaspid was";
        return Err(SetupError::NotHere(install.to_owned()));
    }
    if !typed::is_booted() {
        let start = "systemd does not run here: start a sandbox with kaspi-sandbox serve --bank-only --dir DIR --port 8443 \
                     --control-port 8444, and give sandbox_dir = \"DIR\" in a file of answers";
        return Err(SetupError::NotHere(start.to_owned()));
    }
    bench.record.note(Deed::Unit(UNIT.to_owned()))?;
    bench.typed(&["systemctl", "enable", "--now", "--quiet", UNIT])
}

/// As the sandbox has written it down, else where its unit listens.
fn address_of(folder: &Path) -> String {
    let places = record::read(&folder.join("sandbox.json")).ok().flatten().unwrap_or_default();
    let places: serde_json::Value = serde_json::from_slice(&places).unwrap_or_default();
    places.get("url").and_then(|url| url.as_str()).unwrap_or(SANDBOX_URL).to_owned()
}
