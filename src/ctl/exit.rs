//! What the exit code says (architecture §8): the one place where an outcome becomes a number.

use std::process::ExitCode;

use super::invocation::Goal;
use crate::client::ClientError;
use crate::domain::{LogStatus, Standing, State};
use crate::failure::{Code, Failure, Money};
use crate::operation::{Payment, Reply};

/// How a command ended. Stable: scripts match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    /// Done.
    Done = 0,
    /// Refused or declined; nothing was paid by this command.
    Refused = 1,
    /// The command line is wrong.
    Usage = 2,
    /// The daemon cannot be reached, or is stopping; nothing was done.
    Unreachable = 3,
    /// The caller may not.
    Denied = 4,
    /// The payment is not final at the time-out.
    Waiting = 5,
    /// Nobody here knows; look before you repeat.
    Unknown = 6,
    /// Kaspi cannot be asked.
    Unavailable = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// The exit code of an answer, seen from what the command was for.
pub(super) fn of_reply(reply: &Reply, goal: Goal) -> Exit {
    if let Some(payment) = reply.payment() {
        return of_payment(payment, goal);
    }
    let is_bad_news = match reply {
        Reply::Verified(verified) => !verified.ok,
        // What was put out of use is out of use, however its trade point stands.
        Reply::Config(config) | Reply::Enrolled(config) => config.is_active && config.standing == Standing::Suspended,
        _ => false,
    };
    if is_bad_news { Exit::Refused } else { Exit::Done }
}

fn of_payment(payment: &Payment, goal: Goal) -> Exit {
    match goal {
        Goal::Answer | Goal::Follow => Exit::Done,
        Goal::Billed if payment.state == State::Waiting => Exit::Done,
        Goal::Billed | Goal::Final(_) => of_state(payment.state),
        Goal::Cancelled => match payment.state {
            State::Cancelled => Exit::Done,
            State::Unknown => Exit::Unknown,
            State::Creating | State::Waiting => Exit::Waiting,
            State::Paid | State::Declined | State::Expired | State::Abandoned => Exit::Refused,
        },
        // One refund at a time: the newest is the one that was asked for.
        Goal::PaidBack => match payment.refunds.last().map(|refund| refund.status) {
            Some(LogStatus::Success) => Exit::Done,
            Some(LogStatus::Failed) => Exit::Refused,
            Some(LogStatus::Pending) | None => Exit::Unknown,
        },
    }
}

/// What a state says to somebody who waited for money.
pub(super) fn of_state(state: State) -> Exit {
    match state {
        State::Paid => Exit::Done,
        State::Declined | State::Cancelled | State::Expired | State::Abandoned => Exit::Refused,
        State::Creating | State::Waiting => Exit::Waiting,
        State::Unknown => Exit::Unknown,
    }
}

/// The exit code of a failure. Doubt about money comes before everything else.
pub(super) fn of_failure(failure: &Failure) -> Exit {
    if failure.money == Money::Unknown {
        return Exit::Unknown;
    }
    match failure.code {
        Code::Denied => Exit::Denied,
        Code::OutcomeUnknown => Exit::Unknown,
        // Done at the bank but not stored: whoever reads "refused" would charge again.
        Code::StorageFailed if failure.money == Money::Moved => Exit::Unknown,
        Code::KaspiUnavailable | Code::CertificateRefused | Code::IdentityMissing => Exit::Unavailable,
        Code::ShuttingDown => Exit::Unreachable,
        Code::InvalidRequest
        | Code::NotFound
        | Code::KeyRequired
        | Code::KeyConflict
        | Code::NoDefaultBin
        | Code::BinNotAllowed
        | Code::BinInactive
        | Code::TradePointChoice
        | Code::TradePointInactive
        | Code::OrganizationNotRegistered
        | Code::DeviceTokenInvalid
        | Code::RefundExceedsBalance
        | Code::NotRefundable
        | Code::NotCancellable
        | Code::NotInDialect
        | Code::InvoiceOpen
        | Code::RefundOpen
        | Code::InProgress
        | Code::RestoredGap
        | Code::OtherBank
        | Code::IdentityWaiting
        | Code::IdentityElsewhere
        | Code::Declined
        | Code::RateLimited
        | Code::TooLarge
        | Code::StorageFailed => Exit::Refused,
    }
}

/// The exit code when there is no answer. `changes` says whether the call could have changed anything.
pub(super) fn of_client(error: &ClientError, changes: bool) -> Exit {
    match error {
        ClientError::Unreachable { .. } | ClientError::Protocol { .. } => Exit::Unreachable,
        ClientError::Permission { .. } => Exit::Denied,
        ClientError::NotSent(_) => Exit::Refused,
        ClientError::Lost(_) if changes => Exit::Unknown,
        ClientError::Lost(_) => Exit::Unreachable,
        ClientError::OtherReply(_) => Exit::Unknown,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use super::*;
    use crate::ctl::samples;
    use crate::domain::Kind;
    use crate::moment::Span;
    use crate::operation::{Config, Verified};

    /// Every code and its exit code, written out once more, so that a change is a decision.
    #[test]
    fn every_code_has_its_exit_code() {
        for &code in Code::ALL {
            let expected = match code.word() {
                "denied" => 4,
                "outcome_unknown" => 6,
                "kaspi_unavailable" | "certificate_refused" | "identity_missing" => 7,
                "shutting_down" => 3,
                _ => 1,
            };
            assert_eq!(of_failure(&Failure::new(code, "x")) as u8, expected, "{}", code.word());
            let doubt = Failure::new(code, "x").with_money(Money::Unknown);
            assert_eq!(of_failure(&doubt), Exit::Unknown, "{}", code.word());
        }
        let stored_nowhere = Failure::new(Code::StorageFailed, "x").with_money(Money::Moved);
        assert_eq!(of_failure(&stored_nowhere), Exit::Unknown);
        let paid = Failure::new(Code::NotCancellable, "x").with_money(Money::Moved);
        assert_eq!(of_failure(&paid), Exit::Refused);
    }

    /// State, then the exit code of: billing without a wait, waiting, cancelling, showing.
    #[test]
    fn every_state_has_its_exit_code() {
        let table = [
            (State::Creating, [5, 5, 5, 0]),
            (State::Waiting, [0, 5, 5, 0]),
            (State::Paid, [0, 0, 1, 0]),
            (State::Declined, [1, 1, 1, 0]),
            (State::Cancelled, [1, 1, 0, 0]),
            (State::Expired, [1, 1, 1, 0]),
            (State::Unknown, [6, 6, 6, 0]),
            (State::Abandoned, [1, 1, 1, 0]),
        ];
        for (state, expected) in table {
            let reply = Reply::Payment(samples::payment(Kind::Remote, state));
            let goals = [Goal::Billed, Goal::Final(Span::from_secs(60)), Goal::Cancelled, Goal::Answer];
            assert_eq!(goals.map(|goal| of_reply(&reply, goal) as u8), expected, "{state}");
        }
    }

    #[test]
    fn a_refund_exits_by_its_own_outcome() {
        for (status, expected) in
            [(LogStatus::Success, Exit::Done), (LogStatus::Failed, Exit::Refused), (LogStatus::Pending, Exit::Unknown)]
        {
            assert_eq!(of_reply(&Reply::Payment(samples::refunded(status)), Goal::PaidBack), expected);
        }
        let nothing = samples::payment(Kind::Remote, State::Paid);
        assert_eq!(of_reply(&Reply::Payment(nothing), Goal::PaidBack), Exit::Unknown);
    }

    #[test]
    fn bad_news_is_not_done() {
        let forged = Verified {
            ok: false,
            events: 1,
            head: String::new(),
            first_bad: Some(1),
            head_matches: None,
            differences: None,
        };
        assert_eq!(of_reply(&Reply::Verified(forged), Goal::Answer), Exit::Refused);
        let suspended = Config { is_active: true, standing: Standing::Suspended, ..samples::config() };
        assert_eq!(of_reply(&Reply::Config(suspended), Goal::Answer), Exit::Refused);
        for reply in samples::replies() {
            assert_eq!(of_reply(&reply, Goal::Answer), Exit::Done, "{reply:?}");
        }
    }

    #[test]
    fn no_answer_has_its_exit_code() {
        let at = || std::path::PathBuf::from("/run/kaspid/kaspid.sock");
        let io = || std::io::Error::from(std::io::ErrorKind::NotFound);
        let unreachable = ClientError::Unreachable { socket: at(), source: io() };
        assert_eq!(of_client(&unreachable, true), Exit::Unreachable);
        assert_eq!(of_client(&ClientError::Permission { socket: at(), source: io() }, true), Exit::Denied);
        assert_eq!(of_client(&ClientError::Lost(String::new()), true), Exit::Unknown);
        assert_eq!(of_client(&ClientError::Lost(String::new()), false), Exit::Unreachable);
    }
}
