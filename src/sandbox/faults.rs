//! Faults on order: what goes wrong with the next calls.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::call::BankCall;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The answer comes `ms` late; the effect is at once. Goes together with another fault.
    Delay,
    /// Refused with `code`, without an effect.
    Refuse,
    /// The connection is closed before the effect.
    DropBefore,
    /// The effect happens, the connection is closed without an answer.
    DropAfter,
    /// The effect happens, the answer is HTTP `code` (default 500) without an envelope.
    #[serde(rename = "error_5xx")]
    Error5xx,
    /// The effect happens, the answer is 200 without a body.
    Empty,
    /// The effect happens, half of the answer arrives.
    Cut,
    /// A status nobody has heard of: `text`, default `QrTokenScanned`.
    UnknownStatus,
    /// The effect happens, the answer is a `code` (default −77000077) that no manual lists, with `text`.
    UnknownCode,
    /// The effect happens, the success carries no id.
    NoId,
    /// A redirect to `/elsewhere`, before the effect. Following it is answered 404 and seen in the requests.
    Redirect,
    /// The effect happens, the answer is 200 with a page for people.
    Html,
    /// A refund is accepted, the balance falls `ms` of the bank's time later. Goes together with another fault.
    LateBalance,
}

/// One order.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which call.
    pub call: BankCall,
    /// What goes wrong with it.
    pub fault: FaultKind,
    /// How many calls; 0 means all until the faults are deleted.
    #[serde(default = "once")]
    pub times: u32,
    /// Milliseconds, for `delay` (real time) and `late_balance` (the bank's time).
    #[serde(default)]
    pub ms: u64,
    /// The bank's code, or the HTTP status of `error_5xx`.
    #[serde(default)]
    pub code: Option<i64>,
    /// The status of `unknown_status`, the words of `unknown_code`.
    #[serde(default)]
    pub text: Option<String>,
    /// Only calls of this organisation.
    #[serde(default)]
    pub bin: Option<String>,
}

fn once() -> u32 {
    1
}

/// What goes wrong with one call: the two faults that bend time, and at most one of the others.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultPlan {
    /// How late the answer is.
    pub(super) delay: Duration,
    /// How late the balance falls.
    pub(super) late_balance: Duration,
    /// The rest.
    pub(super) fault: Option<Fault>,
}

impl FaultPlan {
    /// What goes wrong besides time.
    pub(super) fn kind(&self) -> Option<FaultKind> {
        self.fault.as_ref().map(|fault| fault.fault)
    }
}

/// The orders not yet used up, oldest first.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Adds an order; says in a sentence why it makes no sense.
    pub(super) fn order(&mut self, fault: Fault) -> Result<(), &'static str> {
        use FaultKind::{Delay, DropBefore, Error5xx, LateBalance, Refuse, UnknownStatus};
        match (fault.fault, fault.call) {
            (kind, BankCall::Connect) if !matches!(kind, DropBefore | Delay) => {
                Err("a connection can only be dropped (drop_before) or delayed")
            }
            (Refuse, _) if fault.code.is_none_or(|code| code == 0) => Err("refuse needs the bank's \"code\", not 0"),
            (Delay | LateBalance, _) if fault.ms == 0 => Err("this fault needs \"ms\""),
            (LateBalance, call) if call != BankCall::Refund => Err("late_balance is a fault of the call refund"),
            (UnknownStatus, call) if call != BankCall::PaymentStatus => {
                Err("unknown_status is a fault of the call payment_status")
            }
            (Error5xx, _) if fault.code.is_some_and(|code| !(400..600).contains(&code)) => {
                Err("error_5xx takes an HTTP status from 400 to 599 as \"code\"")
            }
            _ => {
                self.0.push(fault);
                Ok(())
            }
        }
    }

    /// The orders still open.
    pub(super) fn open(&self) -> &[Fault] {
        &self.0
    }

    /// Takes all orders back.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What goes wrong with this call; uses the orders up.
    pub(super) fn plan(&mut self, call: BankCall, bin: Option<&str>) -> FaultPlan {
        if self.0.is_empty() {
            return FaultPlan::default();
        }
        let millis = |fault: Option<Fault>| Duration::from_millis(fault.map_or(0, |fault| fault.ms));
        FaultPlan {
            delay: millis(self.take(call, bin, |kind| kind == FaultKind::Delay)),
            late_balance: millis(self.take(call, bin, |kind| kind == FaultKind::LateBalance)),
            fault: self.take(call, bin, |kind| !matches!(kind, FaultKind::Delay | FaultKind::LateBalance)),
        }
    }

    fn take(&mut self, call: BankCall, bin: Option<&str>, wanted: impl Fn(FaultKind) -> bool) -> Option<Fault> {
        let index = self.0.iter().position(|fault| {
            let same_bin = fault.bin.as_deref().is_none_or(|only| Some(only) == bin);
            fault.call == call && same_bin && wanted(fault.fault)
        })?;
        let fault = self.0.get_mut(index)?;
        let taken = fault.clone();
        match fault.times {
            0 => {}
            1 => drop(self.0.remove(index)),
            _ => fault.times -= 1,
        }
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_order_is_used_up_by_its_own_call() {
        let mut faults = Faults::default();
        faults.order(fault(r#"{"call":"remote_create","fault":"drop_after","times":2}"#)).unwrap();
        faults.order(fault(r#"{"call":"remote_create","fault":"delay","ms":7}"#)).unwrap();
        assert_eq!(faults.plan(BankCall::RemoteCancel, None).kind(), None);
        let plan = faults.plan(BankCall::RemoteCreate, None);
        assert_eq!((plan.kind(), plan.delay), (Some(FaultKind::DropAfter), Duration::from_millis(7)));
        assert_eq!(faults.plan(BankCall::RemoteCreate, None).kind(), Some(FaultKind::DropAfter));
        assert_eq!(faults.plan(BankCall::RemoteCreate, None).kind(), None);
    }

    #[test]
    fn an_order_for_one_organisation_leaves_others_alone() {
        let mut faults = Faults::default();
        faults.order(fault(r#"{"call":"refund","fault":"empty","times":0,"bin":"891027350515"}"#)).unwrap();
        assert_eq!(faults.plan(BankCall::Refund, Some("210440028324")).kind(), None);
        for _ in 0..3 {
            assert_eq!(faults.plan(BankCall::Refund, Some("891027350515")).kind(), Some(FaultKind::Empty));
        }
    }

    #[test]
    fn senseless_orders_are_refused_in_words() {
        let mut faults = Faults::default();
        for json in [
            r#"{"call":"remote_create","fault":"refuse"}"#,
            r#"{"call":"remote_create","fault":"delay"}"#,
            r#"{"call":"remote_create","fault":"late_balance","ms":5}"#,
            r#"{"call":"refund","fault":"unknown_status"}"#,
            r#"{"call":"connect","fault":"empty"}"#,
            r#"{"call":"refund","fault":"error_5xx","code":200}"#,
        ] {
            assert!(faults.order(fault(json)).is_err(), "{json}");
        }
        assert!(serde_json::from_str::<Fault>(r#"{"call":"refund","fault":"empty","tmies":1}"#).is_err());
        assert!(faults.open().is_empty());
    }
}
