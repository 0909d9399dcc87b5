//! What a reload exchanges: the configuration, who may do what, and the client to the bank with its identity.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::{Mutex, MutexGuard, watch};

use crate::access::Rules;
use crate::config::{ConfigError, Configuration, SettingRow};
use crate::failure::{Code, Failure};
use crate::identity::{ClientIdentity, IdentityPlace, IdentityTrouble, Vault};
use crate::kaspi::{Endpoint, Kaspi, KaspiSetup, Record};
use crate::moment::Moment;
use crate::operation::{Identity, Reloaded};
use crate::seal::{SealId, SealTrouble, Seals};

/// Said where there is no identity and there was one.
const IDENTITY_GONE: &str = "the key and certificate that were in use are gone: look whether identity/ of the state directory was moved or removed";

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
    /// What seals the state and the kept key; the same across reloads, so that the one is never sealed apart from the other.
    pub seals: Seals,
    /// Where the identity is, or would be.
    pub place: IdentityPlace,
    /// Why whoever looks cannot judge the identity, which is there: never the daemon.
    pub hidden: Option<&'static str>,
    bank: Option<(Kaspi, ClientIdentity)>,
}

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A credential that is to seal.
    #[error(transparent)]
    Seal(#[from] SealTrouble),
    /// Key or certificate.
    #[error("the identity: {0}")]
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
        Self::read(path, (Arc::default(), Seals::of_this_process()?), |_, _| None)
    }

    /// The same for somebody who is not the daemon: what only the daemon can open is no fault.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn look(path: &Path) -> Result<Self, SettingsError> {
        Self::read(path, (Arc::default(), Seals::of_this_process()?), IdentityPlace::hidden)
    }

    /// The file once more, for the same run.
    fn again(&self, path: &Path) -> Result<Self, SettingsError> {
        Self::read(path, (self.record.clone(), self.seals.clone()), |_, _| None)
    }

    fn read(
        path: &Path,
        (record, seals): (Arc<Record>, Seals),
        hides: fn(&IdentityPlace, &IdentityTrouble) -> Option<&'static str>,
    ) -> Result<Self, SettingsError> {
        let config = Configuration::load(path)?;
        let (rules, mut warnings) = Rules::new(&config.access);
        let place = IdentityPlace::of(&config, seals.clone());
        let (loaded, hidden) = match place.load(&mut warnings) {
            Ok(loaded) => (loaded, None),
            Err(why) => (None, Some(hides(&place, &why).ok_or(why)?)),
        };
        let identity = loaded.map(|staged| staged.identity().clone());
        let bank = match identity {
            None => None,
            Some(identity) => Some((Kaspi::new(endpoint(&config), &identity, record.clone())?, identity)),
        };
        Ok(Self { config, rules: Arc::new(rules), warnings, record, seals, place, hidden, bank })
    }

    /// The same with another identity, whose trust is checked. Calls under way keep the client they began with.
    ///
    /// # Errors
    /// Trust or address of the bank.
    pub fn with(&self, identity: &ClientIdentity) -> Result<Self, SettingsError> {
        let kaspi = Kaspi::new(endpoint(&self.config), identity, self.record.clone())?;
        let new = Self {
            config: self.config.clone(),
            rules: self.rules.clone(),
            warnings: self.warnings.clone(),
            record: self.record.clone(),
            seals: self.seals.clone(),
            place: self.place.clone(),
            hidden: None,
            bank: Some((kaspi, identity.clone())),
        };
        new.check_trust().map(|()| new)
    }

    /// The same for another run, with a bank in this process.
    ///
    /// # Errors
    /// The address of the bank.
    #[cfg(test)]
    pub(crate) fn over(&self, wire: crate::kaspi::Wire) -> Result<Self, SettingsError> {
        let (config, rules, record) = (self.config.clone(), self.rules.clone(), Arc::<Record>::default());
        let (seals, place) = (self.seals.clone(), self.place.clone());
        let bank = match &self.bank {
            None => None,
            Some((_, identity)) => {
                let kaspi = Kaspi::new(endpoint(&config), identity, record.clone())?.over(wire);
                Some((kaspi, identity.clone()))
            }
        };
        Ok(Self { config, rules, warnings: Vec::new(), record, seals, place, hidden: None, bank })
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
            None => Err(self.no_identity()),
        }
    }

    /// What people may see of it now.
    ///
    /// # Errors
    /// There is none.
    pub fn identity_shown(&self) -> Result<Identity, Failure> {
        self.identity_view(Moment::now()).ok_or_else(|| self.no_identity())
    }

    /// Said where there is no identity: the one place that knows whether a key waits for its certificate already.
    #[must_use]
    pub fn no_identity(&self) -> Failure {
        match self.has_waiting_key() {
            true => Failure::new(Code::IdentityMissing, "a key waits for its certificate").with_hint(
                "Install what the bank answers: kaspictl identity install CERT. To see the request again: kaspictl \
                 identity generate",
            ),
            false => Failure::new(Code::IdentityMissing, "the daemon has no key and certificate for Kaspi yet"),
        }
    }

    /// The same where there was one: the state tells.
    #[must_use]
    pub fn identity_gone(&self) -> Failure {
        let missing = self.no_identity();
        Failure::new(missing.code, IDENTITY_GONE).with_hint(missing.remedy())
    }

    /// Whether what is in use would be gone at the next start: the daemon is to keep it, and does not.
    #[must_use]
    pub fn is_kept_nowhere(&self) -> bool {
        self.bank.is_some() && self.place.vault().is_ok_and(|vault| !vault.keeps_one())
    }

    /// With which seal the key in use lies sealed on the disk, if it does.
    #[must_use]
    pub fn key_seal(&self) -> Option<SealId> {
        let is_kept = self.identity().is_some() && !self.is_kept_nowhere();
        self.place.seal().filter(|_| is_kept)
    }

    /// Why the bank cannot take the certificate at this time, with its file.
    #[must_use]
    pub fn unfit(&self, now: Moment) -> Option<IdentityTrouble> {
        let why = self.identity()?.check(now).err()?;
        Some(IdentityTrouble::Unfit { name: self.place.certificate_file().display().to_string(), why })
    }

    /// Whether a key waits for its certificate.
    #[must_use]
    pub fn has_waiting_key(&self) -> bool {
        self.place.vault().is_ok_and(Vault::waits)
    }

    /// What people may see of it.
    #[must_use]
    pub fn identity_view(&self, now: Moment) -> Option<Identity> {
        let view = self.identity()?.view(now);
        Some(Identity { sealed: self.key_seal().is_some(), key_waits: self.has_waiting_key(), ..view })
    }

    /// The key and certificate in use.
    #[must_use]
    pub fn identity(&self) -> Option<&ClientIdentity> {
        self.bank.as_ref().map(|(_, identity)| identity)
    }
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
    /// Told of each exchange of settings.
    changes: watch::Sender<()>,
    /// Whoever exchanges settings has this from the look at the old ones to the new ones being in force.
    turn: Mutex<()>,
}

impl Live {
    /// Settings read from `path`.
    #[must_use]
    pub fn new(path: PathBuf, settings: Settings) -> Self {
        let rules = watch::Sender::new(settings.rules.clone());
        let current = RwLock::new(Arc::new(settings));
        Self { path, current, rules, changes: watch::Sender::new(()), turn: Mutex::default() }
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

    /// The right to exchange settings: one at a time.
    pub(super) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Hears of each exchange of settings.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Reads everything again and puts nothing in force. Blocks on files.
    ///
    /// # Errors
    /// `invalid_request` with what is wrong in which file.
    pub(super) fn read_again(&self) -> Result<Settings, Failure> {
        let new = self.get().again(&self.path);
        new.and_then(|new| new.check_trust().map(|()| new)).map_err(|error| self.old_stay(&error))
    }

    /// Why the settings in force are left as they are.
    pub(super) fn old_stay(&self, error: &dyn std::fmt::Display) -> Failure {
        let correct =
            format!("Correct it, check it with: kaspid check --config {}, then: kaspictl reload", self.path.display());
        // A parser draws the line below its words: here all of it is one sentence.
        let why =
            error.to_string().lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        Failure::invalid(format!("the old settings stay in force: {why}")).with_hint(correct)
    }

    /// Puts a set in force; says what is different.
    pub(super) fn put(&self, mut new: Settings) -> Reloaded {
        let old = self.get();
        let reloaded = difference(&old, &new);
        // What this process works with stays named, so that the next reload asks for the restart again.
        new.config.keep_started(&old.config);
        if reloaded.changed.iter().any(|what| matches!(what.as_str(), "identity" | "kaspi")) {
            new.record.begin_anew();
        }
        self.rules.send_replace(new.rules.clone());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        self.changes.send_replace(());
        reloaded
    }
}

/// Whether another identity would be in use. Where the new settings have none, what is in use stays.
pub(super) fn differ_in_identity(old: &Settings, new: &Settings) -> bool {
    let print = |settings: &Settings| settings.identity().map(ClientIdentity::fingerprint);
    new.identity().is_some() && print(old) != print(new)
}

/// The identity is told by what its files hold; the daemon's own settings by their names, all others by their section.
fn difference(old: &Settings, new: &Settings) -> Reloaded {
    let identity = differ_in_identity(old, new).then(|| "identity".to_owned());
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
