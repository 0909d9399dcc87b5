//! Idempotency: a key belongs to a shop and stands for one intention across create, cancel and refund.

use crate::domain::State;
use crate::failure::{Code, Failure, Money};
use crate::id::{PaymentId, PaymentRef, RequestKey, ShopId};
use crate::money::Amount;
use crate::operation::CreatePayment;
use crate::service::Context;
use crate::store::{Attempts, Field, KeyRow, PaymentRow, Refused, Store, Writing, Wrote};

/// A failure that says nothing moved, with what its key has done to money, now or before: whoever asks under a key
/// is told of the intention and not of the last attempt at it.
pub(super) fn with_money_of_key(store: &Store, context: &Context, shop: ShopId, failure: Failure) -> Failure {
    let Some(key) = context.key.as_ref().filter(|_| failure.money == Money::NotMoved && is_of_key(failure.code)) else {
        return failure;
    };
    let row = store.read(|reading| {
        let Some(stands) = reading.key(shop, key)? else { return Ok(None) };
        let payment = reading.payment(&PaymentRef::Id(stands.payment))?;
        Ok(payment.filter(|row| context.sees(row)))
    });
    match row.map(|row| row.map(|row| (money_of(&row, key), may_still_come(&row, key)))) {
        Ok(Some((Money::NotMoved, _)) | None) => failure,
        // A program that asks again could pay beside the one that comes.
        Ok(Some((money, true))) => failure.with_money(money).with_retryable(false),
        Ok(Some((money, false))) => failure.with_money(money),
        // What cannot be read is not said to have moved nothing.
        Err(_) => failure.with_money(Money::Unknown),
    }
}

/// Whether a failure is of the intention that its key stands for. One of another request or another caller is not.
pub(super) fn is_of_key(code: Code) -> bool {
    !matches!(code, Code::KeyConflict | Code::InvalidRequest | Code::Denied | Code::NotFound | Code::KeyRequired)
}

/// What a key that stands for something of this payment has done to money.
fn money_of(row: &PaymentRow, key: &RequestKey) -> Money {
    if row.refunds.iter().any(|refund| refund.key.as_ref() == Some(key)) {
        return match row.account().attempts(Some(key)) {
            Attempts::Happened => Money::Moved,
            Attempts::InDoubt(_) | Attempts::NotSeen => Money::Unknown,
            Attempts::Nothing => Money::NotMoved,
        };
    }
    match row.state {
        State::Paid => Money::Moved,
        State::Creating | State::Waiting | State::Unknown | State::Abandoned => Money::Unknown,
        State::Declined | State::Cancelled | State::Expired => Money::NotMoved,
    }
}

/// Whether a refund under this key counts as failed and may still happen.
fn may_still_come(row: &PaymentRow, key: &RequestKey) -> bool {
    matches!(row.account().attempts(Some(key)), Attempts::NotSeen)
}

/// What a key stands for already, or `None` if it is free.
///
/// # Errors
/// `key_conflict`, naming the fields that differ.
pub(super) fn find_key(
    writing: &Writing<'_>,
    context: &Context,
    shop: ShopId,
    wrote: &Wrote,
) -> Result<Option<KeyRow>, Refused> {
    let Some(key) = &context.key else { return Ok(None) };
    let Some((row, running)) = writing.key(shop, key)? else { return Ok(None) };
    if !writing.payment(row.payment)?.is_some_and(|payment| context.sees(&payment)) {
        return Err(
            Failure::new(Code::KeyConflict, "this Idempotency-Key stands for something of another caller").into()
        );
    }
    judge(&row, wrote)?;
    if running {
        let failure = Failure::new(Code::InProgress, "the first request with this key is not finished");
        let money = writing.payment(row.payment)?.map_or(Money::Unknown, |payment| money_of(&payment, key));
        return Err(failure.with_payment(row.payment).with_money(money).into());
    }
    Ok(Some(row))
}

/// Refuses a key that stands for another request.
fn judge(row: &KeyRow, wrote: &Wrote) -> Result<(), Failure> {
    let different = row.wrote.differences(wrote);
    if different.is_empty() {
        return Ok(());
    }
    let detail = format!(
        "this Idempotency-Key stands for the {} of payment {} and differs in: {}",
        row.operation,
        row.payment,
        different.join(", ")
    );
    Err(Failure::new(Code::KeyConflict, detail).with_payment(row.payment))
}

/// What a caller wrote, as far as it is collected: field by field.
struct Collected<'a>(&'a Store, Wrote);

impl Collected<'_> {
    fn field(mut self, field: Field, value: Option<impl std::fmt::Display>) -> Self {
        if let Some(value) = value {
            self.1.0.push((field, self.0.hash(&value.to_string())));
        }
        self
    }
}

/// What the caller of a create wrote, not what it resolved to; how long to wait is no part of the intention.
pub(super) fn wrote_create(store: &Store, create: &CreatePayment) -> Wrote {
    Collected(store, Wrote::default())
        .field(Field::Operation, Some("create"))
        .field(Field::Kind, Some(create.kind))
        .field(Field::AmountTiyn, Some(create.amount_tiyn.tiyn()))
        .field(Field::PhoneNumber, create.phone_number.as_ref().map(|phone| phone.with_prefix('7')))
        .field(Field::Comment, create.comment.as_ref())
        .field(Field::Invoice, create.invoice.as_ref())
        .field(Field::ShopId, create.shop_id)
        .field(Field::OrganizationBin, create.organization_bin.as_ref())
        .field(Field::Supersedes, create.supersedes)
        .field(Field::Reason, create.reason.as_ref())
        .1
}

/// What the caller of a cancel wrote.
pub(super) fn wrote_cancel(store: &Store, payment: PaymentId) -> Wrote {
    Collected(store, Wrote::default()).field(Field::Operation, Some("cancel")).field(Field::Payment, Some(payment)).1
}

/// What the caller of a refund wrote.
pub(super) fn wrote_refund(store: &Store, payment: PaymentId, amount: Option<Amount>) -> Wrote {
    Collected(store, Wrote::default())
        .field(Field::Operation, Some("refund"))
        .field(Field::Payment, Some(payment))
        .field(Field::AmountTiyn, amount.map(Amount::tiyn))
        .1
}
