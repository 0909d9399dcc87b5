//! `bin …` as operations.

use super::{Ask, Confirm};
use crate::ctl::args::{AddArgs, BinCommand, RemoveArgs, SetArgs};
use crate::id::OrganizationBin;
use crate::operation::{ConfigChange, ConfigQuery, Enrol, Operation};

pub(super) fn ask(command: BinCommand) -> Ask {
    let operation = match command {
        BinCommand::List { shop } => Operation::ConfigList(ConfigQuery { shop_id: shop }),
        BinCommand::Add(args) => return add(args),
        BinCommand::Show(args) => Operation::ConfigGet { organization_bin: args.bin },
        BinCommand::TradePoints(args) => Operation::TradePoints { organization_bin: args.bin },
        BinCommand::Default(args) => {
            change(args.bin, ConfigChange { is_default: Some(true), ..ConfigChange::default() })
        }
        BinCommand::Activate(args) => {
            change(args.bin, ConfigChange { is_active: Some(true), ..ConfigChange::default() })
        }
        BinCommand::Deactivate(args) => {
            change(args.bin, ConfigChange { is_active: Some(false), ..ConfigChange::default() })
        }
        BinCommand::Set(SetArgs { bin, trade_point: trade_point_id, description }) => {
            change(bin, ConfigChange { trade_point_id, description, ..ConfigChange::default() })
        }
        BinCommand::Verify(args) => Operation::VerifyConfig { organization_bin: args.bin },
        BinCommand::Register(args) => {
            Operation::RegisterDevice { organization_bin: args.bin, trade_point_id: args.trade_point }
        }
        BinCommand::Remove(args) => return remove(args),
    };
    Ask::once(operation)
}

fn change(organization_bin: OrganizationBin, change: ConfigChange) -> Operation {
    Operation::ChangeConfig { organization_bin, change }
}

fn add(args: AddArgs) -> Ask {
    let enrol = Enrol {
        shop_id: args.shop,
        organization_bin: args.bin,
        trade_point_id: args.trade_point,
        device_token: None,
        is_default: args.default,
        description: args.description,
    };
    Ask { token_file: args.token_file, ..Ask::once(Operation::Enrol(enrol)) }
}

fn remove(args: RemoveArgs) -> Ask {
    let RemoveArgs { bin, delete_device, yes } = args;
    let confirm = (delete_device && !yes).then(|| Confirm { bin: bin.clone() });
    Ask { confirm, ..Ask::once(Operation::RetireConfig { organization_bin: bin, delete_device }) }
}
