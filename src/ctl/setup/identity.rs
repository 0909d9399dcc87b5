//! The key and certificate: made in the daemon, taken in, or handed to it by systemd.

use std::path::{Path, PathBuf};

use super::answers::IdentityAnswer;
use super::error::SetupError;
use super::record::{self, BroughtIdentity};
use super::typed;
use super::workbench::{StepEnd, Workbench};
use crate::failure::Code;
use crate::operation::{GenerateIdentity, Identity, IdentityQuery};

/// Read by systemd behind the unit.
const DROP_IN: &str = "/etc/systemd/system/kaspid.service.d/setup.conf";

/// How a request for a certificate begins.
const REQUEST: &[u8] = b"-----BEGIN CERTIFICATE REQUEST-----";

pub(super) async fn run(bench: &mut Workbench<'_, '_>) -> Result<StepEnd, SetupError> {
    bench.head("The key and certificate for the bank");
    let in_use = in_use(bench).await?;
    if bench.answers.is_sandbox() && bench.answers.identity.is_none() {
        let folder = bench.answers.sandbox_folder();
        let file = |name: &str| Some(folder.join(name));
        return import(bench, (file("client.key"), file("client.cer"), None), &[], in_use.as_ref()).await;
    }
    ask_for_the_identity(bench, in_use.as_ref())?;
    match bench.answers.identity.clone() {
        None | Some(IdentityAnswer::Keep) => Ok(kept(bench, in_use.as_ref())),
        Some(IdentityAnswer::Generate { subject, request, certificate }) => {
            generate(bench, &subject, &request, certificate, in_use.as_ref()).await
        }
        Some(IdentityAnswer::Import { key, certificate, pkcs12, passphrase_file, remove_source }) => {
            let passphrase = passphrase_file.as_deref().map(|path| path.display().to_string());
            let mut more = Vec::new();
            if let Some(file) = &passphrase {
                more.extend(["--passphrase-file", file]);
            }
            if remove_source {
                more.push("--remove-source");
            }
            import(bench, (key, certificate, pkcs12), &more, in_use.as_ref()).await
        }
        Some(IdentityAnswer::Credentials { key, certificate, encrypted }) => {
            credentials(bench, &key, &certificate, encrypted)
        }
    }
}

async fn in_use(bench: &Workbench<'_, '_>) -> Result<Option<Identity>, SetupError> {
    match bench.told(IdentityQuery).await? {
        Ok(identity) => Ok(Some(identity)),
        Err(failure) if failure.code == Code::IdentityMissing => Ok(None),
        Err(failure) => Err(SetupError::Refused(Box::new(failure))),
    }
}

fn kept(bench: &mut Workbench<'_, '_>, in_use: Option<&Identity>) -> StepEnd {
    match in_use {
        Some(identity) => {
            bench.session.out.say(&format!("in use: {}, {}", identity.subject, identity.life()));
            StepEnd::Already
        }
        None => {
            bench.session.out.say("There is none yet. When you have one: kaspictl setup");
            StepEnd::Waiting
        }
    }
}

fn ask_for_the_identity(bench: &mut Workbench<'_, '_>, in_use: Option<&Identity>) -> Result<(), SetupError> {
    let Some(person) = bench.person.as_ref().filter(|_| bench.answers.identity.is_none()) else { return Ok(()) };
    if in_use.is_some() {
        return Ok(());
    }
    let out = &mut *bench.session.out;
    let options = [
        "the daemon makes a key, which never leaves it; the bank signs its request",
        "I have a key and a certificate, in two files",
        "I have both in one PKCS#12 file (.p12, .pfx)",
        "systemd hands them to the daemon (LoadCredential)",
        "later",
    ];
    let answer = match person.choice(out, "Where does the key come from?", &options)? {
        0 => {
            let subject = person.line(out, "Subject, as the bank wants it, such as CN=shop.kz,O=Name,C=KZ", "")?;
            let absolute = |line: String| std::path::absolute(line);
            let request = person.read(out, ("File for the request", "shop.csr"), absolute)?;
            IdentityAnswer::Generate { subject, request, certificate: None }
        }
        1 => IdentityAnswer::Import {
            key: Some(person.file(out, "File with the key")?),
            certificate: Some(person.file(out, "File with the certificate")?),
            pkcs12: None,
            passphrase_file: None,
            remove_source: person.yes(out, "Remove the file with the key, once the daemon keeps it", true)?,
        },
        2 => IdentityAnswer::Import {
            key: None,
            certificate: None,
            pkcs12: Some(person.file(out, "The file")?),
            passphrase_file: None,
            remove_source: person.yes(out, "Remove it, once the daemon keeps the key", true)?,
        },
        3 => IdentityAnswer::Credentials {
            key: person.file(out, "File with the key")?,
            certificate: person.file(out, "File with the certificate")?,
            encrypted: person.yes(out, "Were they made with systemd-creds encrypt", false)?,
        },
        _ => return Ok(()),
    };
    bench.answers.identity = Some(answer);
    Ok(())
}

/// The daemon makes a key; its certificate comes from the bank, hours or days later.
async fn generate(
    bench: &mut Workbench<'_, '_>,
    subject: &str,
    request: &Path,
    certificate: Option<PathBuf>,
    in_use: Option<&Identity>,
) -> Result<StepEnd, SetupError> {
    let waits = bench.told(GenerateIdentity::default()).await?.is_ok();
    if in_use.is_some() && !waits {
        return Ok(kept(bench, in_use));
    }
    let came = came(bench, certificate, waits)?;
    if let Some(certificate) = came.filter(|_| waits) {
        bench.typed(&["kaspictl", "identity", "install", &certificate.display().to_string()])?;
        return Ok(StepEnd::Done);
    }
    // Also where one waits: the file of its request may be lost.
    let mut words = vec!["kaspictl", "identity", "generate"];
    if !waits {
        words.extend(["--subject", subject]);
    }
    let is_free = match record::read(request)? {
        None => true,
        Some(held) => held.starts_with(REQUEST),
    };
    if !is_free || request.is_symlink() {
        return Err(SetupError::NotHere(format!(
            "{} is there and is no request: name another file",
            request.display()
        )));
    }
    let text = bench.heard(&words)?;
    record::write(request, &text, 0o644)?;
    bench.session.out.say(&format!(
        "The request is in {}. Send it to the bank. When its certificate has come: kaspictl setup",
        request.display()
    ));
    Ok(StepEnd::Waiting)
}

/// The bank's certificate, if it has come.
fn came(bench: &mut Workbench<'_, '_>, named: Option<PathBuf>, waits: bool) -> Result<Option<PathBuf>, SetupError> {
    if let Some(named) = named.filter(|path| path.exists()) {
        return Ok(Some(named));
    }
    let Some(person) = bench.person.as_ref().filter(|_| waits) else { return Ok(None) };
    let out = &mut *bench.session.out;
    if !person.yes(out, "A key waits for its certificate. Has the bank sent it", false)? {
        return Ok(None);
    }
    Ok(Some(person.file(out, "Its file")?))
}

/// A key of elsewhere. One that was taken in from the same file by an earlier call is not taken in again.
async fn import(
    bench: &mut Workbench<'_, '_>,
    (key, certificate, pkcs12): (Option<PathBuf>, Option<PathBuf>, Option<PathBuf>),
    more: &[&str],
    in_use: Option<&Identity>,
) -> Result<StepEnd, SetupError> {
    let Some(told_by) = pkcs12.as_ref().or(certificate.as_ref()).or(key.as_ref()) else {
        return Err(SetupError::Unanswered("key, certificate or pkcs12 of [identity]"));
    };
    let sha256 = match record::read(told_by)? {
        Some(bytes) => record::sha256(&bytes),
        // Removed by the call before, once the daemon kept it.
        None if in_use.is_some() => return Ok(kept(bench, in_use)),
        None => return Err(SetupError::NotHere(format!("{} is not there", told_by.display()))),
    };
    let before = bench.record.identity.clone();
    if let Some(identity) = in_use {
        let is_same = before.as_ref().is_some_and(|brought| brought.sha256 == sha256);
        let is_ours = before.as_ref().is_some_and(|brought| is_brought(brought, identity));
        let is_being_brought = before.as_ref().is_some_and(|brought| brought.told.is_none());
        if is_same && (is_ours || is_being_brought) {
            return Ok(kept(bench, in_use));
        }
        // What it was brought from may be the only copy there is, or it may be the daemon's own.
        if !is_ours {
            let ended = kept(bench, in_use);
            bench.session.out.say("It was not brought by setup, and stays. To exchange it: kaspictl identity rotate");
            return Ok(ended);
        }
    }
    let brought = BroughtIdentity { sha256, told: None, is_sandbox: bench.answers.is_sandbox() };
    // Noted before, so that a call that is broken off here knows it for its own; not in place of what is known of one in use.
    if in_use.is_none() {
        bench.record.identity = Some(brought.clone());
        bench.record.save()?;
    }
    let shown = |path: Option<PathBuf>| path.map(|path| path.display().to_string());
    let files = [("--key", shown(key)), ("--cert", shown(certificate)), ("--pkcs12", shown(pkcs12))];
    let mut words = vec!["kaspictl", "identity", if in_use.is_some() { "rotate" } else { "import" }];
    for (option, file) in &files {
        words.extend(file.iter().flat_map(|file| [*option, file.as_str()]));
    }
    words.extend(more);
    let done = bench.typed(&words);
    bench.record.identity = match &done {
        Ok(()) => Some(BroughtIdentity { told: self::in_use(bench).await?.as_ref().map(told), ..brought }),
        Err(_) => before,
    };
    bench.record.save()?;
    done.map(|()| StepEnd::Done)
}

/// What the daemon tells of an identity, to know it again.
fn told(identity: &Identity) -> String {
    format!("{} until {}", identity.subject, identity.not_after)
}

fn is_brought(brought: &BroughtIdentity, in_use: &Identity) -> bool {
    brought.told.as_ref() == Some(&told(in_use))
}

/// The sandbox takes no identity of the bank's, and its own would take the place of what may be the only copy: refused before
/// anything is changed.
pub(super) async fn check_sandbox(bench: &Workbench<'_, '_>) -> Result<(), SetupError> {
    if !bench.answers.is_sandbox() || bench.answers.identity.is_some() {
        return Ok(());
    }
    let is_ours = |identity: &Identity| {
        let brought = bench.record.identity.as_ref().filter(|brought| brought.is_sandbox);
        brought.is_some_and(|brought| brought.told.is_none() || is_brought(brought, identity))
    };
    match in_use(bench).await? {
        None => Ok(()),
        Some(identity) if is_ours(&identity) => Ok(()),
        Some(identity) => Err(SetupError::NotHere(format!(
            "this daemon has a key and certificate that are not of the sandbox ({}), and those of the sandbox would take their \
             place: try the sandbox with a daemon of its own, kaspi-sandbox serve",
            identity.subject
        ))),
    }
}

fn credentials(
    bench: &mut Workbench<'_, '_>,
    key: &Path,
    certificate: &Path,
    encrypted: bool,
) -> Result<StepEnd, SetupError> {
    if !typed::is_booted() {
        return Err(SetupError::NotHere("systemd does not run here: credentials come from it alone".to_owned()));
    }
    let load = if encrypted { "LoadCredentialEncrypted" } else { "LoadCredential" };
    let (key, certificate) = (key.display(), certificate.display());
    let text = format!(
        "# Written by kaspictl setup; taken back by kaspictl setup --undo.\n[Service]\n{load}=kaspid.key:{key}\n\
         {load}=kaspid.crt:{certificate}\n"
    );
    if !bench.put(Path::new(DROP_IN), text.as_bytes(), 0o644)? {
        return Ok(StepEnd::Already);
    }
    bench.typed(&["systemctl", "daemon-reload"])?;
    bench.typed(&["systemctl", "restart", "kaspid.service"])?;
    Ok(StepEnd::Done)
}
