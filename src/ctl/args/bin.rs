//! `bin`: the organisations the shop takes money for.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};

use crate::ctl::complete::bins;
use crate::id::{Description, OrganizationBin, ShopId, TradePointId};

/// `kaspictl bin …`
#[derive(Subcommand)]
pub(in crate::ctl) enum BinCommand {
    /// List the organisations, without their tokens
    #[command(after_help = "Examples:\n  kaspictl bin list\n  kaspictl bin list --shop 8 --json")]
    List {
        /// Only this shop's
        #[arg(long, value_name = "N")]
        shop: Option<ShopId>,
    },
    /// Enrol an organisation: find its trade point, register a device, store the result
    Add(AddArgs),
    /// Show one organisation
    Show(BinArgs),
    /// Ask Kaspi which trade points an organisation has; changes nothing
    TradePoints(BinArgs),
    /// Use this organisation when a payment names none
    Default(BinArgs),
    /// Let the organisation take payments again
    Activate(BinArgs),
    /// Let the organisation take no new payments; its old ones stay refundable
    Deactivate(BinArgs),
    /// Change the description, or move to another trade point
    Set(SetArgs),
    /// Look now whether Kaspi still lists the trade point
    Verify(BinArgs),
    /// Get a new device token from Kaspi
    Register(RegisterArgs),
    /// Take an organisation out of use; its history stays and its payments stay refundable
    Remove(RemoveArgs),
}

/// A command about one organisation.
#[derive(Args)]
pub(in crate::ctl) struct BinArgs {
    /// The organisation: 12 digits
    #[arg(value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: OrganizationBin,
}

const ADD: &str = "\
Where Kaspi lists one trade point, it is taken. Where it lists several, the command says which; repeat it \
with --trade-point.

A token from an earlier system is read from a file or from stdin, never from the command line, where \
every user of this machine could see it.

Examples:
  kaspictl bin add 891027350515 --default --description 'Main BIN'
  kaspictl bin add 210440028324 --trade-point 104039
  kaspictl bin add 891027350515 --trade-point 104039 --token-file token.txt";

/// `kaspictl bin add BIN`
#[derive(Args)]
#[command(after_help = ADD)]
pub(in crate::ctl) struct AddArgs {
    /// The organisation: 12 digits
    #[arg(value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: OrganizationBin,
    /// Which of its trade points
    #[arg(long, value_name = "ID")]
    pub(in crate::ctl) trade_point: Option<TradePointId>,
    /// Use it when a payment of this shop names no organisation
    #[arg(long)]
    pub(in crate::ctl) default: bool,
    /// A name for people
    #[arg(long, value_name = "TEXT")]
    pub(in crate::ctl) description: Option<Description>,
    /// The shop it takes money for [default: the daemon's]
    #[arg(long, value_name = "N")]
    pub(in crate::ctl) shop: Option<ShopId>,
    /// Use the device token in this file (- is stdin) instead of registering a device
    #[arg(long, value_name = "FILE|-")]
    pub(in crate::ctl) token_file: Option<PathBuf>,
}

const SET: &str = "\
A move looks the new trade point up, registers a device there and uses it for new payments. Payments made \
at the old one stay refundable.

Examples:
  kaspictl bin set 891027350515 --description 'Flowers, Abay 10'
  kaspictl bin set 891027350515 --description ''
  kaspictl bin set 891027350515 --trade-point 104040";

/// `kaspictl bin set BIN`
#[derive(Args)]
#[command(after_help = SET)]
#[command(group(ArgGroup::new("change").required(true).multiple(true).args(["trade_point", "description"])))]
pub(in crate::ctl) struct SetArgs {
    /// The organisation: 12 digits
    #[arg(value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: OrganizationBin,
    /// Move to this trade point
    #[arg(long, value_name = "ID")]
    pub(in crate::ctl) trade_point: Option<TradePointId>,
    /// A name for people; an empty one takes it away
    #[arg(long, value_name = "TEXT")]
    pub(in crate::ctl) description: Option<Description>,
}

const REGISTER: &str = "\
Old payments are refunded with the device of the trade point they were made at, also after a move. Where Kaspi \
has forgotten that device, register it again with --trade-point.

Examples:
  kaspictl bin register 891027350515
  kaspictl bin register 891027350515 --trade-point 104039";

/// `kaspictl bin register BIN`
#[derive(Args)]
#[command(after_help = REGISTER)]
pub(in crate::ctl) struct RegisterArgs {
    /// The organisation: 12 digits
    #[arg(value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: OrganizationBin,
    /// Another trade point than its own: one that has or had a device here, or that Kaspi lists
    #[arg(long, value_name = "ID")]
    pub(in crate::ctl) trade_point: Option<TradePointId>,
}

const REMOVE: &str = "\
Without --delete-device nothing is lost: `kaspictl bin add BIN` brings the organisation back.

With --delete-device Kaspi forgets the device too. Cancels and refunds of all payments made with it stop \
working. On a terminal the command asks first; in a script it wants --yes.

Examples:
  kaspictl bin remove 210440028324
  kaspictl bin remove 210440028324 --delete-device --yes";

/// `kaspictl bin remove BIN`
#[derive(Args)]
#[command(after_help = REMOVE)]
pub(in crate::ctl) struct RemoveArgs {
    /// The organisation: 12 digits
    #[arg(value_name = "BIN", add = bins())]
    pub(in crate::ctl) bin: OrganizationBin,
    /// Also delete the device at Kaspi: refunds of its payments stop
    #[arg(long)]
    pub(in crate::ctl) delete_device: bool,
    /// Do not ask before --delete-device
    #[arg(long, requires = "delete_device")]
    pub(in crate::ctl) yes: bool,
}
