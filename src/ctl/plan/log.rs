//! `log …` as operations.

use super::{Ask, Usage};
use crate::ctl::args::{LogCommand, LogListArgs};
use crate::ctl::when::Zone;
use crate::operation::{LogQuery, Operation, Order, VerifyQuery};

pub(super) fn ask(command: LogCommand, zone: &Zone) -> Result<Ask, Usage> {
    Ok(Ask::once(match command {
        LogCommand::List(args) => Operation::LogList(query(args, zone)?),
        LogCommand::Verify(args) => Operation::LogVerify(VerifyQuery { head: args.head, rebuild: args.rebuild }),
    }))
}

fn query(args: LogListArgs, zone: &Zone) -> Result<LogQuery, Usage> {
    Ok(LogQuery {
        from: args.from.map(|text| zone.begin(&text)).transpose()?,
        to: args.to.map(|text| zone.end(&text)).transpose()?,
        bin: args.bin,
        payment: args.payment,
        operation: args.operation,
        status: args.status,
        after: args.after,
        limit: args.limit,
        order: args.newest_first.then_some(Order::Desc),
    })
}
