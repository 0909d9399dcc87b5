//! `identity`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::operation::KeyType;

/// `kaspictl identity …`
#[derive(Subcommand)]
pub(in crate::ctl) enum IdentityCommand {
    /// Show the subject and the end of life of the client certificate; never a key
    #[command(after_help = "Example:\n  kaspictl identity show")]
    Show,
    /// Make a key in the daemon, which never leaves it, and print the request for its certificate
    Generate(GenerateArgs),
    /// Take the bank's certificate for the key that waits, and use both from now on
    Install(InstallArgs),
    /// Take in a key and certificate that were made elsewhere, and use them from now on
    #[command(after_help = IMPORT)]
    Import(HandedArgs),
    /// Exchange the key and certificate in use; if anything is off, they stay
    #[command(after_help = ROTATE)]
    Rotate(HandedArgs),
}

const GENERATE: &str = "\
The request (PKCS#10) goes to stdout. Without --subject the one that waits is printed again.

Examples:
  kaspictl identity generate --subject 'CN=shop.kz,O=ТОО Әйгерім,C=KZ' > shop.csr
  kaspictl identity generate > shop.csr";

const INSTALL: &str = "\
CERT is what the bank has sent: PEM or DER (.cer), PKCS#7 (.p7b), the chain in any order.

Examples:
  kaspictl identity install shop.cer
  kaspictl identity install shop.cer --chain bank-chain.pem";

const IMPORT: &str = "\
Any form of openssl and Windows is read; a passphrase is asked for at the terminal.

Examples:
  kaspictl identity import --key client.key --cert client.cer
  kaspictl identity import --pkcs12 client.p12 --passphrase-file pass.txt --remove-source";

const ROTATE: &str = "\
The new ones are matched, looked at the bank with, stored and used for new connections, in this order.
Payments under way go on. A passphrase is asked for at the terminal.

Examples:
  kaspictl identity rotate --key new.key --cert new.cer
  kaspictl identity rotate --pkcs12 new.p12 --passphrase-file -";

/// `kaspictl identity generate`
#[derive(Args)]
#[command(after_help = GENERATE)]
pub(in crate::ctl) struct GenerateArgs {
    /// Whose certificate it is to be, such as 'CN=shop.kz,O=Name,C=KZ'
    #[arg(long, value_name = "NAME")]
    pub(in crate::ctl) subject: Option<String>,
    /// What key to make [default: rsa2048]
    #[arg(long, value_enum, value_name = "TYPE", requires = "subject")]
    pub(in crate::ctl) key_type: Option<KeyTypeArg>,
    /// Throw away a key that waits for its certificate
    #[arg(long, requires = "subject")]
    pub(in crate::ctl) replace: bool,
}

/// [`KeyType`] as it is typed.
#[derive(Clone, Copy, ValueEnum)]
pub(in crate::ctl) enum KeyTypeArg {
    /// RSA of 2048 bits
    Rsa2048,
    /// The curve P-256
    P256,
}

impl From<KeyTypeArg> for KeyType {
    fn from(typed: KeyTypeArg) -> Self {
        match typed {
            KeyTypeArg::Rsa2048 => Self::Rsa2048,
            KeyTypeArg::P256 => Self::P256,
        }
    }
}

/// `kaspictl identity install CERT`
#[derive(Args)]
#[command(after_help = INSTALL)]
pub(in crate::ctl) struct InstallArgs {
    /// The certificate
    #[arg(value_name = "CERT")]
    pub(in crate::ctl) certificate: PathBuf,
    /// More certificates of its chain
    #[arg(long, value_name = "FILE")]
    pub(in crate::ctl) chain: Option<PathBuf>,
    /// Take it although the bank cannot be asked now
    #[arg(long)]
    pub(in crate::ctl) unchecked: bool,
}

/// `kaspictl identity import` and `rotate`
#[derive(Args)]
pub(in crate::ctl) struct HandedArgs {
    /// The private key; with its certificate in it, if --cert is not given
    #[arg(long, value_name = "FILE", required_unless_present = "pkcs12", conflicts_with = "pkcs12")]
    pub(in crate::ctl) key: Option<PathBuf>,
    /// The certificate
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(in crate::ctl) cert: Option<PathBuf>,
    /// Both in one: .p12 or .pfx
    #[arg(long, value_name = "FILE")]
    pub(in crate::ctl) pkcs12: Option<PathBuf>,
    /// A file with the passphrase, - for stdin; asked for at the terminal otherwise
    #[arg(long, value_name = "FILE")]
    pub(in crate::ctl) passphrase_file: Option<PathBuf>,
    /// Remove the file with the key once the daemon keeps it. Copies that the disk or a backup has stay
    #[arg(long)]
    pub(in crate::ctl) remove_source: bool,
    /// Take them although the bank cannot be asked now
    #[arg(long)]
    pub(in crate::ctl) unchecked: bool,
}
