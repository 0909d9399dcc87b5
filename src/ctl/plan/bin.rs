//! `bin …` as operations.

use crate::ctl::args::{AddArgs, BinCommand, RemoveArgs, SetArgs};
use crate::ctl::invocation::{Confirm, Invocation};
use crate::id::OrganizationBin;
use crate::operation::{
    ChangeConfig, ConfigChange, ConfigQuery, Enrol, GetConfig, Operation, RegisterDevice, RetireConfig,
    TradePointQuery, VerifyConfig,
};

pub(super) fn ask(command: BinCommand) -> Invocation {
    let operation = match command {
        BinCommand::List { shop } => ConfigQuery { shop_id: shop }.into(),
        BinCommand::Add(args) => return add(args),
        BinCommand::Show(args) => GetConfig { organization_bin: args.bin }.into(),
        BinCommand::TradePoints(args) => TradePointQuery { organization_bin: args.bin }.into(),
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
        BinCommand::Verify(args) => VerifyConfig { organization_bin: args.bin }.into(),
        BinCommand::Register(args) => {
            RegisterDevice { organization_bin: args.bin, trade_point_id: args.trade_point }.into()
        }
        BinCommand::Remove(args) => return remove(args),
    };
    Invocation::once(operation)
}

fn change(organization_bin: OrganizationBin, change: ConfigChange) -> Operation {
    ChangeConfig { organization_bin, change }.into()
}

fn add(args: AddArgs) -> Invocation {
    let enrol = Enrol {
        shop_id: args.shop,
        organization_bin: args.bin,
        trade_point_id: args.trade_point,
        device_token: None,
        is_default: args.default,
        description: args.description,
    };
    Invocation { token_file: args.token_file, ..Invocation::once(enrol) }
}

fn remove(args: RemoveArgs) -> Invocation {
    let RemoveArgs { bin, delete_device, yes } = args;
    let confirm = (delete_device && !yes).then(|| Confirm::Forget(bin.clone()));
    Invocation { confirm, ..Invocation::once(RetireConfig { organization_bin: bin, delete_device }) }
}
