//! `pay`, `link`, `qr`, `payment …`, `payer` and `select` as operations.

use super::usage::Usage;
use crate::ctl::args::{
    AdoptArgs, CreateArgs, LinkArgs, PayArgs, PayerArgs, PaymentCommand, PaymentListArgs, RefundArgs, ResolveArgs,
    SelectArgs,
};
use crate::ctl::invocation::{Confirm, Goal, Invocation};
use crate::ctl::when::Person;
use crate::domain::Kind;
use crate::id::PhoneNumber;
use crate::operation::{
    Adopt, CancelPayment, CreatePayment, GetPayment, PayBack, PayerQuery, PaymentQuery, RefundPayment, Resolve,
    ResolvePayment, Select,
};

/// Creates wait for the customer by a second call, so their own exit code needs no wait.
fn goal(args: &CreateArgs) -> Goal {
    args.wait.map_or(Goal::Billed, Goal::Final)
}

pub(super) fn pay(args: PayArgs) -> Result<Invocation, Usage> {
    create(args.create, Kind::Remote, Some(&args.phone))
}

pub(super) fn code(args: LinkArgs, kind: Kind) -> Result<Invocation, Usage> {
    let ask = create(args.create, kind, args.phone.as_deref())?;
    Ok(Invocation { draw: args.qr, ..ask })
}

fn create(args: CreateArgs, kind: Kind, phone: Option<&str>) -> Result<Invocation, Usage> {
    let (goal, key) = (goal(&args), args.key);
    let create = CreatePayment {
        kind,
        amount_tiyn: args.amount,
        phone_number: phone.map(str::parse::<PhoneNumber>).transpose()?,
        comment: args.comment,
        invoice: args.invoice,
        repeat_invoice: args.repeat_invoice,
        shop_id: args.shop.shop,
        organization_bin: args.shop.bin,
        wait: args.wait,
        supersedes: args.supersedes,
        reason: args.reason,
    };
    let confirm = args.dry_run.then_some(Confirm::Rehearse);
    Ok(Invocation { confirm, ..Invocation::once(create).keyed(key, goal)? })
}

pub(super) fn ask(command: PaymentCommand, reader: &Person) -> Result<Invocation, Usage> {
    Ok(match command {
        PaymentCommand::List(args) => list(args, reader)?,
        PaymentCommand::Show { payment, qr } => {
            Invocation { draw: qr, ..Invocation::once(GetPayment { payment, wait: None }) }
        }
        PaymentCommand::Wait { payment, timeout } => {
            Invocation { goal: Goal::Final(timeout), ..Invocation::once(GetPayment { payment, wait: Some(timeout) }) }
        }
        PaymentCommand::Cancel { payment, key } => {
            Invocation::once(CancelPayment { payment }).keyed(key, Goal::Cancelled)?
        }
        PaymentCommand::Refund(args) => refund(args)?,
        PaymentCommand::Resolve(args) => resolve(args)?,
        PaymentCommand::Adopt(args) => adopt(args),
    })
}

fn list(args: PaymentListArgs, reader: &Person) -> Result<Invocation, Usage> {
    Ok(Invocation::once(PaymentQuery {
        state: args.state,
        bin: args.bin,
        key: args.key,
        invoice: args.invoice,
        since: args.since.map(|text| reader.begin(&text)).transpose()?,
        after: args.after,
        limit: args.limit,
    }))
}

fn refund(args: RefundArgs) -> Result<Invocation, Usage> {
    let refund = RefundPayment { amount_tiyn: args.amount, repeat_refund: args.repeat_refund };
    let confirm = match (args.dry_run, args.yes) {
        (true, _) => Some(Confirm::Rehearse),
        (false, true) => None,
        (false, false) => Some(Confirm::PayBack),
    };
    let ask = Invocation::once(PayBack { payment: args.payment, refund }).keyed(args.key, Goal::PaidBack)?;
    Ok(Invocation { confirm, ..ask })
}

fn resolve(args: ResolveArgs) -> Result<Invocation, Usage> {
    let (reason, confirm) = (args.reason, (args.attach.is_some() && !args.yes).then_some(Confirm::Attach));
    let resolution = match (args.attach, args.paid, args.refund, args.happened) {
        (Some(qr_payment_id), ..) => Resolve::Attach { qr_payment_id, reason },
        (None, Some(paid), ..) => Resolve::Paid { paid, reason },
        (None, None, Some(refund), Some(happened)) => Resolve::Refund { refund, happened, reason },
        (None, None, ..) if args.abandon => Resolve::Abandon { reason },
        (None, None, ..) => return Err(Usage::Incomplete("payment resolve needs --refund ID with --happened yes|no")),
    };
    let ask = Invocation::once(ResolvePayment { payment: args.payment, resolution });
    Ok(Invocation { confirm, ..ask })
}

fn adopt(args: AdoptArgs) -> Invocation {
    let AdoptArgs { qr_payment_id, bin: organization_bin, amount: amount_tiyn } = args;
    Invocation::once(Adopt { qr_payment_id, organization_bin, amount_tiyn })
}

pub(super) fn payer(args: PayerArgs) -> Result<Invocation, Usage> {
    let phone_number: PhoneNumber = args.phone.parse()?;
    let query = PayerQuery { phone_number, shop_id: args.shop.shop, organization_bin: args.shop.bin };
    Ok(Invocation::once(query))
}

pub(super) fn select(args: SelectArgs) -> Invocation {
    Invocation::once(Select { shop_id: args.shop.shop, organization_bin: args.shop.bin })
}
