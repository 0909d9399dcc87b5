//! `setup`.

use std::path::PathBuf;

use clap::Args;

use super::CONFIG;

const SETUP: &str = "\
Asks for the bank or the sandbox, the key, the organisations and who may take payments, types the commands for it one by \
one, and shows each. What is done already is left as it is, so it can be broken off and begun again at any time. Needs root.

Settings go into conf.d/setup.toml beside the configuration, answers into setup-answers.toml, which sets up the next \
server, too. It ends with kaspictl doctor.

Exit code: 5 while the bank's certificate is waited for; otherwise that of doctor, or 1 where a command failed.

Examples:
  kaspictl setup
  kaspictl setup --answers shop.toml
  kaspictl setup --undo

An answers file, of which every part but bank may be left out:
  bank = \"sandbox\"                  # or \"https://qrapi-cert-ip.kaspi.kz\"
  ca_file = \"kaspi-ca.crt\"          # of the bank, if it gave one
  shop_id = 8
  [identity]
  how = \"import\"                    # generate, import, credentials or keep
  pkcs12 = \"shop.p12\"
  passphrase_file = \"shop.pass\"
  remove_source = true
  [[organization]]
  bin = \"891027350515\"
  trade_point = 1                   # if there are several
  default = true
  [access]
  pay = [\"till\"]
  refund = [\"owner\"]
  [trial]                           # a payment that is paid back
  phone = \"77015211545\"
  amount = \"1\"
Others of [identity]:
  how = \"generate\", subject = \"CN=shop.kz,O=Name,C=KZ\", request = \"shop.csr\", certificate = \"shop.cer\"
  how = \"import\", key = \"client.key\", certificate = \"client.cer\"
  how = \"credentials\", key = \"/etc/kaspid.key\", certificate = \"/etc/kaspid.crt\", encrypted = false";

/// `kaspictl setup`
#[derive(Args)]
#[command(after_help = SETUP)]
pub(in crate::ctl) struct SetupArgs {
    /// Take the answers from a file instead of asking
    #[arg(long, value_name = "FILE", conflicts_with = "undo")]
    pub(in crate::ctl) answers: Option<PathBuf>,
    /// Take back what setup did: settings, members of groups, organisations; payments, the log and the key stay
    #[arg(long)]
    pub(in crate::ctl) undo: bool,
    /// The configuration beside which the settings go
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    pub(in crate::ctl) config: PathBuf,
}
