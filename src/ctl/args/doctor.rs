//! `doctor` and `bugreport`.

use std::path::PathBuf;

use clap::Args;

const DOCTOR: &str = "\
Looks at the user, the units, the socket, the configuration and the files it names; the daemon looks at the way to \
the bank (name, connection, TLS, certificate, one question that moves nothing, the clock) and at the shop. What fails \
ends with one command; what cannot be looked at because of it is marked with a dash. Takes at most 15 seconds.

Exit code: 0 when nothing failed, warnings included; 1 when something did, an unreachable daemon included.

Examples:
  kaspictl doctor
  sudo kaspictl doctor
  kaspictl doctor --json | jq '.checks[] | select(.status == \"failed\")'";

/// `kaspictl doctor`
#[derive(Args)]
#[command(after_help = DOCTOR)]
pub(in crate::ctl) struct DoctorArgs {
    /// The configuration to judge where no daemon answers; one that answers judges its own
    /// [default: /etc/kaspid/kaspid.toml]
    #[arg(long, value_name = "FILE")]
    pub(in crate::ctl) config: Option<PathBuf>,
}

const BUGREPORT: &str = "\
One JSON file, mode 0600, that can be read before it is sent. Nothing is sent anywhere.

It holds versions, the operating system, what doctor finds, the settings that are no secret, how many payments are \
open and unknown, the head of the log, the codes of the latest failures, the modes of files, and where systemd runs, \
the latest lines of the daemon in the journal.

It leaves out keys, certificates, tokens, phones, names, comments, invoices, amounts and payment numbers. \
Organisations are named by their row, not by their BIN.

Examples:
  kaspictl bugreport
  sudo kaspictl bugreport /tmp/kaspid.json";

/// `kaspictl bugreport [FILE]`
#[derive(Args)]
#[command(after_help = BUGREPORT)]
pub(in crate::ctl) struct BugreportArgs {
    /// Where to; a file that is there stays as it is [default: kaspid-bugreport-DATE-TIME.json]
    #[arg(value_name = "FILE")]
    pub(in crate::ctl) file: Option<PathBuf>,
    /// The configuration to look at where no daemon answers [default: /etc/kaspid/kaspid.toml]
    #[arg(long, value_name = "FILE")]
    pub(in crate::ctl) config: Option<PathBuf>,
}
