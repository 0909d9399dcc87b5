//! The bank or the sandbox: its address and its CA, in a file of settings that is read behind the configuration.

use std::fmt::Write as _;
use std::path::Path;

use super::answers::PRODUCTION;
use super::error::SetupError;
use super::record::{Deed, FileBytes};
use super::typed;
use super::workbench::{StepEnd, Workbench};
use crate::id::ShopId;

const UNIT: &str = "kaspi-sandbox.service";

/// Where the unit of the sandbox listens.
const SANDBOX_URL: &str = "https://127.0.0.1:8443";

pub(super) async fn run(bench: &mut Workbench<'_, '_>) -> Result<StepEnd, SetupError> {
    bench.head("The bank");
    ask_for_the_bank(bench)?;
    let Some(bank) = bench.answers.bank.clone() else { return Err(SetupError::Unanswered("bank")) };
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
    let mut files = Vec::new();
    if let Some(ca) = ca {
        let missing = || SetupError::File { path: ca.clone(), source: std::io::ErrorKind::NotFound.into() };
        let held = FileBytes::of(&ca)?.ok_or_else(missing)?;
        // Beside the configuration: the daemon reads it under another user.
        files.push((bench.config.with_file_name("setup-ca.crt"), held));
        text.push_str("ca_file = \"../setup-ca.crt\"\n");
    }
    files.push((bench.config.with_file_name("conf.d").join("setup.toml"), FileBytes::from(text.as_str())));
    let before = files.iter().map(|(path, _)| Ok((path, FileBytes::of(path)?)));
    let before = before.collect::<Result<Vec<_>, SetupError>>()?;
    let mut is_new = false;
    for (path, held) in &files {
        is_new |= bench.put(path, held, 0o644)?;
    }
    if let Err(error) = take_in(bench).await {
        // Settings that do not work are no reason for a shop that works to fail at its next start.
        for (path, held) in before.iter().rev() {
            bench.put_back(path, held.as_ref())?;
        }
        return Err(error);
    }
    Ok(if is_new { StepEnd::Done } else { StepEnd::Already })
}

/// Also where nothing is new: a call before may have been broken off between the files and this.
async fn take_in(bench: &mut Workbench<'_, '_>) -> Result<(), SetupError> {
    let config = bench.config.display().to_string();
    bench.typed(&["kaspid", "check", "--config", &config])?;
    if !bench.is_up().await {
        let how = match typed::is_booted() {
            true => "systemctl restart kaspid.socket kaspid.service".to_owned(),
            false => format!("kaspid --config {config}"),
        };
        return Err(SetupError::NotHere(format!("the daemon does not answer: start it, {how}")));
    }
    bench.typed(&["kaspictl", "reload"])
}

fn ask_for_the_bank(bench: &mut Workbench<'_, '_>) -> Result<(), SetupError> {
    let Some(person) = bench.person.as_ref().filter(|_| bench.answers.bank.is_none()) else { return Ok(()) };
    let out = &mut *bench.session.out;
    let options = [
        "the sandbox: a Kaspi on this machine, to try everything without money and without a contract",
        "Kaspi itself: money moves",
    ];
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
    let number = |line: String| line.parse::<ShopId>();
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
    let places = std::fs::read_to_string(folder.join("sandbox.json")).unwrap_or_default();
    let places: serde_json::Value = serde_json::from_str(&places).unwrap_or_default();
    places.get("url").and_then(|url| url.as_str()).unwrap_or(SANDBOX_URL).to_owned()
}
