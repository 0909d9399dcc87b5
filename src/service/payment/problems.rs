//! What of a payment needs a person, in words and with a remedy. Health lists them, and calls that they stand in the way
//! of say the same.

use std::time::Duration;

use crate::domain::State;
use crate::failure::{Code, Failure};
use crate::moment::Moment;
use crate::operation::ProblemItem;
use crate::store::{Doubt, PaymentRow, RefundRow, RefundState};

/// How long a payment that was given up stands among the problems.
const SUPERSEDED: Duration = Duration::from_secs(24 * 3600);

pub(in crate::service) fn problem(code: &str, detail: impl Into<String>, remedy: impl Into<String>) -> ProblemItem {
    ProblemItem { code: code.to_owned(), detail: detail.into(), remedy: remedy.into(), payment: None, config_id: None }
}

/// Why nothing is cancelled or paid back of a payment that Kaspi calls paid while nobody knows for whom.
pub(in crate::service) fn awaits_owner(row: &PaymentRow, code: Code) -> Option<Failure> {
    let problem = ownership_problem(row).filter(|_| row.is_paid_in_doubt())?;
    Some(Failure::new(code, problem.detail).with_payment(row.id).with_hint(problem.remedy))
}

/// The bank's books may be behind for a few minutes; if they stay so, something here never happened.
pub(in crate::service) fn balance_problem(row: &PaymentRow) -> Option<ProblemItem> {
    let (balance, since) = row.stands_above(Moment::now())?;
    let (id, left) = (row.id, row.account().left());
    let detail = format!("Kaspi shows since {since} that {balance} can be paid back, and {left} is left by our books");
    let remedy = match row.account().too_much(balance) {
        Some(refund) => format!(
            "Look in the Kaspi Pay app. If refund {0} is not there: kaspictl payment resolve {id} --refund {0} --happened no --reason TEXT",
            refund.id
        ),
        None if !row.refunded_elsewhere.is_zero() => format!(
            "Look in the Kaspi Pay app. If nothing went back without kaspid: kaspictl payment resolve {id} --paid yes --reason TEXT"
        ),
        None => format!(
            "Compare kaspictl payment show {id} with the Kaspi Pay app. For a refund that is not there: kaspictl payment resolve {id} \
             --refund REFUND --happened no --reason TEXT"
        ),
    };
    Some(problem("balance_above", detail, remedy))
}

/// A refund that runs is nobody's business yet.
fn is_for_a_person(refund: &RefundRow) -> bool {
    match refund.state {
        RefundState::Doubted | RefundState::Unsettled => true,
        RefundState::Running | RefundState::Success(_) | RefundState::Failed { .. } | RefundState::Watched => false,
    }
}

/// Whose a payment is, or of how much, is not as we have it: until it is, its money stands in no sum.
pub(super) fn ownership_problem(row: &PaymentRow) -> Option<ProblemItem> {
    let (id, bin, point) = (row.id, &row.organization_bin, &row.trade_point_id);
    let word = match row.state {
        State::Paid => format!("kaspictl payment resolve {id} --paid yes --reason TEXT"),
        _ => format!("kaspictl payment resolve {id} --paid yes|no --reason TEXT"),
    };
    let (code, detail, remedy) = match (row.disputed_total(), &row.doubt) {
        (Some(other), _) => (
            "payment_amount_differs",
            format!("Kaspi says {other}, we asked for {}; it stands in no sum", row.amount),
            format!(
                "Look in the Kaspi Pay app and compare: kaspictl payment show {id}; to let our amount stand: {word}"
            ),
        ),
        (None, Some(Doubt::Refused(why))) if row.is_paid_in_doubt() => (
            "payment_of_another",
            format!(
                "Kaspi calls {} paid and says that it is not of {bin} at trade point {point} ({why}); it stands in no sum",
                row.amount
            ),
            format!(
                "Look in the Kaspi Pay app of {bin} whether the money is there, then: {word}. If it is and Kaspi has \
                 forgotten the device: kaspictl bin register {bin} --trade-point {point}"
            ),
        ),
        (None, Some(_)) if row.is_paid_in_doubt() => (
            "payment_unproven",
            format!(
                "Kaspi calls {} paid, and could not be asked yet whether it is of {bin}; it stands in no sum",
                row.amount
            ),
            format!("It is asked again by itself; now: kaspictl payment show {id}. If you know it: {word}"),
        ),
        _ => return None,
    };
    Some(problem(code, detail, remedy))
}

/// One that was given up so long ago that nobody is told of it any more.
pub(in crate::service) fn is_given_up_long_ago(row: &PaymentRow) -> bool {
    row.state == State::Abandoned && payment_problems(row).is_empty()
}

pub(in crate::service) fn payment_problems(row: &PaymentRow) -> Vec<ProblemItem> {
    let mut problems = Vec::new();
    if row.state == State::Unknown {
        let detail = format!("nobody here knows whether a payment of {} was made", row.amount);
        let remedy = format!(
            "Look at the customer's phone or the Kaspi Pay app, then: kaspictl payment resolve {} --attach QRID --reason TEXT; if it was not billed, --abandon instead of --attach QRID",
            row.id
        );
        problems.push(problem("payment_unknown", detail, remedy));
    }
    if let Some((number, by)) = &row.number_taken {
        let detail =
            format!("for a payment of {} Kaspi gave the number {number}, which is payment {by} here", row.amount);
        let remedy = format!(
            "Look at both in the Kaspi Pay app (kaspictl payment show {by}) and ask the bank, then: kaspictl payment resolve {id} \
             --attach QRID --reason TEXT, or --abandon instead of --attach QRID",
            id = row.id
        );
        problems.push(problem("payment_number_taken", detail, remedy));
    }
    if row.state == State::Abandoned && Moment::now().since(row.updated_at) < SUPERSEDED {
        let detail = format!("{} was given up and may have been paid all the same", row.amount);
        let remedy = "Look in the Kaspi Pay app at the end of the day; this line goes after 24 hours";
        problems.push(problem("payment_abandoned", detail, remedy));
    }
    if let Some(status) = &row.contradiction {
        let detail = format!("{} was paid, and Kaspi said {status} of it later", row.amount);
        let remedy = format!(
            "Look in the Kaspi Pay app whether the money is there. Once that is settled: kaspictl payment resolve {} --paid yes --reason TEXT",
            row.id
        );
        problems.push(problem("payment_contradicted", detail, remedy));
    }
    problems.extend(ownership_problem(row));
    problems.extend(balance_problem(row));
    if row.late && !row.acknowledged {
        let detail = format!("{} was paid after it had been called over", row.amount);
        let remedy = format!(
            "Hand over the goods, or pay it back: kaspictl payment refund {0}; then: kaspictl payment resolve {0} --paid yes --reason TEXT",
            row.id
        );
        problems.push(problem("payment_late", detail, remedy));
    }
    for refund in row.refunds.iter().filter(|refund| is_for_a_person(refund)) {
        let detail = format!("nobody here knows whether a refund of {} happened", refund.amount);
        let remedy = format!(
            "Look in the Kaspi Pay app, then: kaspictl payment resolve {} --refund {} --happened yes|no --reason TEXT",
            row.id, refund.id
        );
        problems.push(problem("refund_pending", detail, remedy));
    }
    problems.into_iter().map(|found| ProblemItem { payment: Some(row.id), ..found }).collect()
}
