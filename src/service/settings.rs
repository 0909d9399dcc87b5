//! What a reload exchanges: the configuration, who may do what, and the client to the bank with its identity.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::access::Rules;
use crate::config::{ConfigError, Configuration, SettingRow};
use crate::failure::{Code, Failure};
use crate::identity::{ClientIdentity, IdentityFiles, IdentityTrouble, key_is_exposed};
use crate::kaspi::{Endpoint, Kaspi, KaspiSetup, Record};
use crate::operation::Reloaded;

/// One consistent set of settings. A request keeps the one it began with.
pub struct Settings {
    /// The checked file.
    pub config: Configuration,
    /// Who may do what.
    pub rules: Arc<Rules>,
    /// What an operator should know, for the journal and `kaspid check`.
    pub warnings: Vec<String>,
    /// How the calls to the bank went; the same one across reloads.
    pub record: Arc<Record>,
    bank: Option<(Kaspi, ClientIdentity)>,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Key or certificate.
    #[error("[identity]: {0}")]
    Identity(#[from] IdentityTrouble),
    /// Trust or address of the bank.
    #[error("[kaspi]: {0}")]
    Kaspi(#[from] KaspiSetup),
}

impl Settings {
    /// Reads the file and all it names. The daemon's start, a reload and `kaspid check` share this.
    ///
    /// # Errors
    /// [`SettingsError`], which names the file and what to do.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        Self::load_again(path, Arc::default())
    }

    fn load_again(path: &Path, record: Arc<Record>) -> Result<Self, SettingsError> {
        let config = Configuration::load(path)?;
        let (rules, mut warnings) = Rules::new(&config.access);
        let identity = load_identity(&config, &mut warnings)?;
        let bank = match identity {
            None => None,
            Some(identity) => Some((Kaspi::new(endpoint(&config), &identity, record.clone())?, identity)),
        };
        Ok(Self { config, rules: Arc::new(rules), warnings, record, bank })
    }

    /// The same for another run, with a bank in this process.
    ///
    /// # Errors
    /// The address of the bank.
    #[cfg(test)]
    pub(crate) fn over(&self, wire: crate::kaspi::Wire) -> Result<Self, SettingsError> {
        let (config, rules, record) = (self.config.clone(), self.rules.clone(), Arc::<Record>::default());
        let bank = match &self.bank {
            None => None,
            Some((_, identity)) => {
                let kaspi = Kaspi::new(endpoint(&config), identity, record.clone())?.over(wire);
                Some((kaspi, identity.clone()))
            }
        };
        Ok(Self { config, rules, warnings: Vec::new(), record, bank })
    }

    /// What [`Settings::load`] leaves to the first connection, so that a start does not wait for it.
    ///
    /// # Errors
    /// There is nobody to trust the bank by.
    pub fn check_trust(&self) -> Result<(), SettingsError> {
        Ok(self.bank.as_ref().map_or(Ok(()), |(kaspi, _)| kaspi.check_trust())?)
    }

    /// The client to the bank.
    ///
    /// # Errors
    /// `identity_missing` before a key and certificate are there.
    pub fn kaspi(&self) -> Result<&Kaspi, Failure> {
        match &self.bank {
            Some((kaspi, _)) => Ok(kaspi),
            None => Err(Failure::new(Code::IdentityMissing, "the daemon has no key and certificate for Kaspi yet")),
        }
    }

    /// The key and certificate in use.
    #[must_use]
    pub fn identity(&self) -> Option<&ClientIdentity> {
        self.bank.as_ref().map(|(_, identity)| identity)
    }
}

/// Files named in the configuration, else a systemd credential; neither is a daemon that waits for its identity.
fn load_identity(
    config: &Configuration,
    warnings: &mut Vec<String>,
) -> Result<Option<ClientIdentity>, IdentityTrouble> {
    let (certificate, key, passphrase) = match &config.identity {
        Some(files) => (files.certificate_file.clone(), files.key_file.clone(), files.passphrase_file.clone()),
        None => match std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from) {
            Some(dir) if dir.join("kaspid.key").exists() => (dir.join("kaspid.crt"), dir.join("kaspid.key"), None),
            _ => return Ok(None),
        },
    };
    if key_is_exposed(&key) {
        warnings.push(format!("{0} can be read by others: chmod 600 {0}", key.display()));
    }
    let files = IdentityFiles { certificate: &certificate, key: &key, passphrase: passphrase.as_deref() };
    ClientIdentity::load(files).map(Some)
}

fn endpoint(config: &Configuration) -> Endpoint {
    Endpoint {
        bank: config.kaspi.bank().clone(),
        ca_file: config.kaspi.ca_file.clone(),
        status_version: config.kaspi.status_version.to_string(),
        timeout: config.kaspi.timeout,
        idle: config.kaspi.idle,
        phone_prefix: config.payments.phone_prefix.digit(),
    }
}

/// The settings in force, and where they come from.
pub struct Live {
    path: PathBuf,
    current: RwLock<Arc<Settings>>,
    rules: watch::Sender<Arc<Rules>>,
}

impl Live {
    /// Settings read from `path`.
    #[must_use]
    pub fn new(path: PathBuf, settings: Settings) -> Self {
        let rules = watch::Sender::new(settings.rules.clone());
        Self { path, current: RwLock::new(Arc::new(settings)), rules }
    }

    /// Who may do what, now and after each reload: for the door.
    #[must_use]
    pub fn rules(&self) -> watch::Receiver<Arc<Rules>> {
        self.rules.subscribe()
    }

    /// The settings in force.
    #[must_use]
    pub fn get(&self) -> Arc<Settings> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps a connection to the bank made ahead, under the settings in force; ends by itself at the next reload.
    pub fn keep_warm(&self) {
        if let Ok(kaspi) = self.get().kaspi() {
            tokio::spawn(kaspi.keep_warm());
        }
    }

    /// Where they come from.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a reload that finds `new` would change.
    #[must_use]
    pub(super) fn pending(&self, new: &Settings) -> Reloaded {
        difference(&self.get(), new)
    }

    /// Reads everything again; a set that cannot be used leaves the old one in force. Blocks on files.
    ///
    /// # Errors
    /// `invalid_request` with what is wrong in which file.
    pub fn reload(&self) -> Result<Reloaded, Failure> {
        let old = self.get();
        let new = Settings::load_again(&self.path, old.record.clone());
        let mut new = new.and_then(|new| new.check_trust().map(|()| new)).map_err(|error| {
            Failure::invalid(format!("the old settings stay in force: {error}")).with_hint(format!(
                "Correct it, check it with: kaspid check --config {}, then: kaspictl reload",
                self.path.display()
            ))
        })?;
        let reloaded = difference(&old, &new);
        // What this process works with stays named, so that the next reload asks for the restart again.
        new.config.keep_started(&old.config);
        if reloaded.changed.iter().any(|what| matches!(what.as_str(), "identity" | "kaspi")) {
            new.record.begin_anew();
        }
        self.rules.send_replace(new.rules.clone());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(reloaded)
    }
}

/// The identity is told by what its files hold; the daemon's own settings by their names, all others by their section.
fn difference(old: &Settings, new: &Settings) -> Reloaded {
    let prints = |settings: &Settings| settings.identity().map(ClientIdentity::fingerprint);
    let identity = (prints(old) != prints(new)).then(|| "identity".to_owned());
    let mut differing = old.config.differing(&new.config);
    differing.retain(|row| row.section != "identity");
    differing.sort_by_key(|row| row.section == "daemon" && !row.at_start);
    let names = |at_start: bool| {
        let mut names: Vec<String> =
            differing.iter().filter(|row| row.at_start == at_start).map(|row| name(row)).collect();
        names.dedup();
        names
    };
    Reloaded { changed: identity.into_iter().chain(names(false)).collect(), restart_needed: names(true) }
}

/// What a reload calls a setting.
fn name(row: &SettingRow) -> String {
    match (row.section, row.at_start) {
        ("daemon", true) => format!("daemon.{}", row.key),
        ("daemon", false) => row.key.to_owned(),
        (section, _) => section.to_owned(),
    }
}
