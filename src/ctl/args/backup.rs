//! `backup` and `restore`.

use std::path::PathBuf;

use clap::Args;

const BACKUP: &str = "\
The daemon goes on working. The file has mode 0600 and replaces an older one of that name only when it is whole. \
It holds the device tokens of all organisations, and no mTLS key: keep it as secret as the key. Where the state is \
sealed, so are the tokens in it, and it opens only with that credential kaspid.seal: keep a copy of the seal elsewhere. \
The daemon also makes one backup a day in the folder backups of its state directory and keeps the last ones, \
as many as [log] daily_backups says.

Example:
  kaspictl backup /mnt/usb/kaspid-2026-11-24.backup";

/// `kaspictl backup FILE`
#[derive(Args)]
#[command(after_help = BACKUP)]
pub(in crate::ctl) struct BackupArgs {
    /// Where to
    #[arg(value_name = "FILE")]
    pub(in crate::ctl) file: PathBuf,
}

const RESTORE: &str = "\
Works on the files of a stopped daemon, as root. Nothing is touched unless the backup is whole and its log is as it \
was written. With which seal it is sealed is said first. The replaced state is kept beside the new one. What happened \
after the backup was made is not in its log: payments and refunds are refused until somebody has compared with the Kaspi Pay app and says so.

Examples:
  systemctl stop kaspid.socket kaspid.service
  kaspictl restore /var/lib/kaspid/backups/kaspid-2026-11-24.backup
  systemctl start kaspid.socket kaspid.service
  kaspictl restore --acknowledge";

/// Where the packages put the daemon's configuration.
pub(in crate::ctl) const CONFIG: &str = "/etc/kaspid/kaspid.toml";

/// `kaspictl restore FILE` and `kaspictl restore --acknowledge`
#[derive(Args)]
#[command(after_help = RESTORE)]
pub(in crate::ctl) struct RestoreArgs {
    /// The backup
    #[arg(value_name = "FILE", required_unless_present = "acknowledge", conflicts_with = "acknowledge")]
    pub(in crate::ctl) file: Option<PathBuf>,
    /// The daemon's configuration, which names the state directory
    #[arg(long, value_name = "FILE", default_value = CONFIG, conflicts_with = "acknowledge")]
    pub(in crate::ctl) config: PathBuf,
    /// Tell the running daemon that the gap has been looked at
    #[arg(long)]
    pub(in crate::ctl) acknowledge: bool,
}
