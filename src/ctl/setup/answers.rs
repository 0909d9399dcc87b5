//! What a set-up has to know. Asked for one by one, or read from a file that was written for it; a file that setup wrote itself
//! is one of these.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};

use super::error::SetupError;
use crate::id::{OrganizationBin, PhoneNumber, ShopId, TradePointId};

/// The bank's own address, which the configuration has by default.
pub(super) const PRODUCTION: &str = "https://qrapi-cert-ip.kaspi.kz";

/// Where the unit of the sandbox keeps its files.
const SANDBOX: &str = "/var/lib/kaspi-sandbox";

/// No answers are longer.
const LARGEST: u64 = 1 << 20;

/// All of it; what is none was not answered yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answers {
    /// `sandbox`, or the address of the bank.
    pub(super) bank: Option<String>,
    /// Where the sandbox has its files.
    pub(super) sandbox_dir: Option<PathBuf>,
    /// The bank's own CA.
    pub(super) ca_file: Option<PathBuf>,
    /// The shop of calls that name none.
    pub(super) shop_id: Option<ShopId>,
    /// Where the key comes from.
    pub(super) identity: Option<IdentityAnswer>,
    /// Who takes money.
    pub(super) organization: Option<Vec<OrganizationAnswer>>,
    /// Which users may what.
    pub(super) access: Option<AccessAnswer>,
    /// A payment to see that it works. Never written: a phone is a person's.
    #[serde(skip_serializing)]
    pub(super) trial: Option<TrialAnswer>,
}

/// Where the key comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum IdentityAnswer {
    /// What is there stays, or comes later.
    Keep,
    /// The daemon makes it, the bank signs it.
    Generate {
        /// Whose.
        subject: String,
        /// Where the request for the bank goes.
        request: PathBuf,
        /// What the bank sends back, once it is there.
        certificate: Option<PathBuf>,
    },
    /// It was made elsewhere.
    Import {
        /// In a file of its own,
        key: Option<PathBuf>,
        /// with its certificate,
        certificate: Option<PathBuf>,
        /// or both in one.
        pkcs12: Option<PathBuf>,
        /// What opens it; asked for at the terminal otherwise.
        passphrase_file: Option<PathBuf>,
        /// Remove the file with the key afterwards.
        #[serde(default)]
        remove_source: bool,
    },
    /// systemd hands it to the daemon at each start.
    Credentials {
        /// The file of `kaspid.key`.
        key: PathBuf,
        /// The file of `kaspid.crt`.
        certificate: PathBuf,
        /// They were made by `systemd-creds encrypt`.
        #[serde(default)]
        encrypted: bool,
    },
}

/// An organisation that takes money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OrganizationAnswer {
    pub(super) bin: OrganizationBin,
    /// Needed where there are several. People write it as a number, too.
    #[serde(default, deserialize_with = "number_or_text")]
    pub(super) trade_point: Option<TradePointId>,
    /// Of payments that name no BIN.
    #[serde(default)]
    pub(super) default: bool,
    /// For people.
    pub(super) description: Option<String>,
}

/// Users of this machine, by what they may.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AccessAnswer {
    /// Take payments.
    pub(super) pay: Vec<String>,
    /// Pay back, too.
    pub(super) refund: Vec<String>,
    /// Read the log, too.
    pub(super) audit: Vec<String>,
}

/// A payment that is paid back at once. With the bank it is real money.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrialAnswer {
    pub(super) phone: PhoneNumber,
    /// Tenge, as on the command line.
    pub(super) amount: String,
}

/// A phone is shown to nobody.
impl std::fmt::Debug for TrialAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrialAnswer").field("phone", &self.phone.masked()).field("amount", &self.amount).finish()
    }
}

/// What is wrong and where, without the value: it may be a phone, or a passphrase in a wrong place.
fn told(error: &toml::de::Error, text: &str) -> String {
    let line =
        error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
    let message = error.message();
    let without_value = ["invalid type: ", "invalid value: "].iter().find_map(|kind| {
        let (_, expected) = message.strip_prefix(kind)?.rsplit_once(", expected ")?;
        Some(format!("{}, expected {expected}", kind.trim_end_matches([':', ' '])))
    });
    format!("line {line}: {}", without_value.as_deref().unwrap_or(message))
}

fn number_or_text<'de, D: Deserializer<'de>>(from: D) -> Result<Option<TradePointId>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum NumberOrText {
        Number(u64),
        Text(String),
    }
    let text = match Option::<NumberOrText>::deserialize(from)? {
        None => return Ok(None),
        Some(NumberOrText::Number(number)) => number.to_string(),
        Some(NumberOrText::Text(text)) => text,
    };
    TradePointId::try_from(text).map(Some).map_err(serde::de::Error::custom)
}

impl Answers {
    /// A file of them; relative paths in it start at its folder.
    pub(super) fn read(path: &Path) -> Result<Self, SetupError> {
        let unreadable = |source| SetupError::File { path: path.to_owned(), source };
        // A pipe of the caller's own is read, too, and no more of it than answers are long.
        let mut text = String::new();
        File::open(path).and_then(|file| file.take(LARGEST).read_to_string(&mut text)).map_err(unreadable)?;
        let mut answers: Self = toml::from_str(&text)
            .map_err(|error| SetupError::Answers { path: path.to_owned(), why: told(&error, &text) })?;
        let folder = std::path::absolute(path).map_err(unreadable)?;
        answers.start_at(folder.parent().unwrap_or(Path::new("/")));
        Ok(answers)
    }

    /// As a file that [`Answers::read`] reads.
    pub(super) fn written(&self) -> String {
        let head = "# What kaspictl setup was told. On another server: kaspictl setup --answers FILE\n";
        format!("{head}{}", toml::to_string(self).unwrap_or_default())
    }

    pub(super) fn is_sandbox(&self) -> bool {
        self.bank.as_deref() == Some("sandbox")
    }

    /// The bank, told apart from every other; one sandbox is not another one.
    pub(super) fn named_bank(&self) -> String {
        match self.is_sandbox() {
            true => format!("sandbox {}", self.sandbox_folder().display()),
            false => self.bank.clone().unwrap_or_default(),
        }
    }

    /// Where the sandbox has its key and tells where it is.
    pub(super) fn sandbox_folder(&self) -> PathBuf {
        self.sandbox_dir.clone().unwrap_or_else(|| PathBuf::from(SANDBOX))
    }

    fn start_at(&mut self, folder: &Path) {
        let at = |path: &mut PathBuf| *path = folder.join(&*path);
        self.sandbox_dir.iter_mut().chain(self.ca_file.iter_mut()).for_each(at);
        match &mut self.identity {
            None | Some(IdentityAnswer::Keep) => {}
            Some(IdentityAnswer::Generate { request, certificate, .. }) => {
                at(request);
                certificate.iter_mut().for_each(at);
            }
            Some(IdentityAnswer::Import { key, certificate, pkcs12, passphrase_file, .. }) => {
                [key, certificate, pkcs12, passphrase_file].into_iter().flatten().for_each(at);
            }
            Some(IdentityAnswer::Credentials { key, certificate, .. }) => {
                at(key);
                at(certificate);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use super::*;

    /// Promise: the answers of one server are those of the next; a word that is misspelt is named, not passed over.
    #[test]
    fn answers_are_written_as_they_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("answers.toml");
        std::fs::write(
            &path,
            "bank = \"sandbox\"\nshop_id = 8\n[identity]\nhow = \"import\"\npkcs12 = \"shop.p12\"\n[[organization]]\nbin = \
             \"891027350515\"\n[trial]\nphone = \"77015211545\"\namount = \"1\"\n",
        )
        .unwrap();
        let answers = Answers::read(&path).unwrap();
        let Some(IdentityAnswer::Import { pkcs12: Some(file), .. }) = &answers.identity else { panic!("{answers:?}") };
        assert_eq!(file, &folder.path().join("shop.p12"));
        assert!(!format!("{answers:?}").contains("5211545"));
        std::fs::write(&path, answers.written()).unwrap();
        assert_eq!(Answers::read(&path).unwrap(), Answers { trial: None, ..answers });
        std::fs::write(&path, "bank = \"sandbox\"\n[identity]\nhow = \"import\"\npkcs = \"shop.p12\"\n").unwrap();
        let error = Answers::read(&path).unwrap_err().to_string();
        assert!(error.contains("pkcs") && error.contains("answers.toml"), "{error}");
    }
}
