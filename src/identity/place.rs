//! Where the identity is: named files, a systemd credential, or the daemon's own keeping.

use std::io;
use std::path::{Path, PathBuf};

use super::files::IdentityFiles;
use super::{IdentityTrouble, Staged, Unfit, Vault, key_is_exposed};
use crate::config::Configuration;
use crate::seal::{SealId, SealTrouble, Seals};

/// The credentials' names, as `LoadCredential=` gives them.
const KEY: &str = "kaspid.key";
const CERTIFICATE: &str = "kaspid.crt";
const PASSPHRASE: &str = "kaspid.pass";

/// Where the identity is. Only what the daemon keeps itself is exchanged by `kaspictl identity`.
#[derive(Clone, Debug)]
pub enum IdentityPlace {
    /// What systemd has put there for this run.
    Credential(PathBuf),
    /// What `[identity]` names.
    Files {
        /// `certificate_file`.
        certificate: PathBuf,
        /// `key_file`.
        key: PathBuf,
        /// `passphrase_file`.
        passphrase: Option<PathBuf>,
    },
    /// The daemon's own keeping; there may be nothing in it yet.
    Kept(Vault),
}

impl IdentityPlace {
    /// A credential comes before files, and files before what is kept, which is under these seals.
    #[must_use]
    pub fn of(config: &Configuration, seals: Seals) -> Self {
        match (credentials().filter(|dir| dir.join(KEY).exists()), &config.identity) {
            (Some(dir), _) => Self::Credential(dir),
            (None, Some(files)) => Self::Files {
                certificate: files.certificate_file.clone(),
                key: files.key_file.clone(),
                passphrase: files.passphrase_file.clone(),
            },
            (None, None) => Self::Kept(Vault::beside(&config.daemon.state_dir, seals)),
        }
    }

    /// Reads it; none where nothing was made or taken in yet.
    ///
    /// # Errors
    /// [`IdentityTrouble`], with the file and what to do.
    pub fn load(&self, warnings: &mut Vec<String>) -> Result<Option<Staged>, IdentityTrouble> {
        warnings.extend(self.passed_over());
        match self {
            Self::Credential(dir) => {
                let (key, passphrase) = (dir.join(KEY), dir.join(PASSPHRASE));
                let certificate = self.certificate_file();
                let passphrase = Some(passphrase).filter(|path| path.exists());
                Staged::load(IdentityFiles { certificate: &certificate, key: &key, passphrase: passphrase.as_deref() })
                    .map(Some)
                    .map_err(of_credential)
            }
            Self::Files { certificate, key, passphrase } => {
                if key_is_exposed(key) {
                    warnings.push(format!("{0} can be read by others: chmod 600 {0}", key.display()));
                }
                Staged::load(IdentityFiles { certificate, key, passphrase: passphrase.as_deref() }).map(Some)
            }
            Self::Kept(vault) => vault.identity(),
        }
    }

    /// The file that the certificate in use was read from.
    #[must_use]
    pub fn certificate_file(&self) -> PathBuf {
        match self {
            // Without a certificate of its own it stands behind the key, as in a PKCS#12 file.
            Self::Credential(dir) => {
                Some(dir.join(CERTIFICATE)).filter(|path| path.exists()).unwrap_or_else(|| dir.join(KEY))
            }
            Self::Files { certificate, .. } => certificate.clone(),
            Self::Kept(vault) => vault.identity_file(),
        }
    }

    /// All that it is read from, whether it is there or not.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        match self {
            Self::Credential(dir) => [KEY, CERTIFICATE, PASSPHRASE].map(|name| dir.join(name)).to_vec(),
            Self::Files { certificate, key, passphrase } => {
                [Some(certificate), Some(key), passphrase.as_ref()].into_iter().flatten().cloned().collect()
            }
            Self::Kept(vault) => vec![vault.identity_file()],
        }
    }

    /// Credentials that belong to a key which is none itself: nothing of them is used, and nobody means that.
    #[must_use]
    pub fn passed_over(&self) -> Option<String> {
        let dir = credentials().filter(|_| !matches!(self, Self::Credential(_)))?;
        let is_over = |path: &Path| path.exists() && !self.names(path);
        let here: Vec<&str> = [CERTIFICATE, PASSPHRASE].into_iter().filter(|name| is_over(&dir.join(name))).collect();
        (!here.is_empty()).then(|| {
            format!(
                "of the credentials {} nothing is used, for there is no credential {KEY}: hand the key over, too \
                 (LoadCredential= or LoadCredentialEncrypted= of kaspid.service), or take them out there",
                here.join(" and ")
            )
        })
    }

    /// Whether `[identity]` names this file: a credential may be named there, too.
    fn names(&self, path: &Path) -> bool {
        match self {
            Self::Files { certificate, key, passphrase } => {
                [Some(certificate), Some(key), passphrase.as_ref()].into_iter().flatten().any(|named| named == path)
            }
            Self::Credential(_) | Self::Kept(_) => false,
        }
    }

    /// Why somebody who is not the daemon cannot judge what it keeps, where that is no fault of what it keeps.
    #[must_use]
    pub fn hidden(&self, why: &IdentityTrouble) -> Option<&'static str> {
        match (self, why) {
            (Self::Kept(_), IdentityTrouble::Sealed { why: SealTrouble::Missing(_), .. }) => {
                Some("the key is sealed; only the service can open it")
            }
            (Self::Kept(_), IdentityTrouble::Unreadable { source, .. })
                if source.kind() == io::ErrorKind::PermissionDenied =>
            {
                Some("only the daemon's user can see the key and certificate that it keeps")
            }
            _ => None,
        }
    }

    /// With which seal the key lies sealed, if it does. What somebody else keeps, the daemon does not seal.
    #[must_use]
    pub fn seal(&self) -> Option<SealId> {
        match self {
            Self::Kept(vault) => vault.seal(),
            Self::Credential(_) | Self::Files { .. } => None,
        }
    }

    /// What the daemon keeps itself.
    ///
    /// # Errors
    /// Who has it instead, and what to do there.
    pub fn vault(&self) -> Result<&Vault, Elsewhere> {
        match self {
            Self::Kept(vault) => Ok(vault),
            Self::Credential(dir) => Err(Elsewhere::Credential(dir.clone())),
            Self::Files { key, .. } => Err(Elsewhere::Files(key.clone())),
        }
    }
}

/// What systemd has handed over, if anything.
fn credentials() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// A passphrase comes the way the key came.
fn of_credential(trouble: IdentityTrouble) -> IdentityTrouble {
    match trouble {
        IdentityTrouble::Unfit { name, why: Unfit::PassphraseNeeded } => {
            IdentityTrouble::Unfit { name, why: Unfit::CredentialPassphraseNeeded }
        }
        other => other,
    }
}

/// The identity is not the daemon's to exchange.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Elsewhere {
    /// systemd's.
    #[error("the key is the systemd credential {KEY}: the daemon takes it from there and keeps none of its own")]
    Credential(PathBuf),
    /// Whoever wrote the configuration.
    #[error("the key is the file {0} that [identity] names: the daemon reads it and keeps none of its own")]
    Files(PathBuf),
}

impl Elsewhere {
    /// What to do.
    #[must_use]
    pub fn remedy(&self) -> String {
        match self {
            Self::Credential(_) => "Exchange what LoadCredential= or LoadCredentialEncrypted= of kaspid.service names \
                                    (systemctl cat kaspid.service), then: systemctl restart kaspid.service"
                .to_owned(),
            Self::Files(key) => format!(
                "Exchange the files in {}, then: kaspictl reload. To let the daemon keep the key itself: remove [identity] \
                 from kaspid.toml, kaspictl reload, then: kaspictl identity import --key FILE --cert FILE",
                key.parent().unwrap_or(Path::new("/")).display()
            ),
        }
    }
}
