//! What reads answers of the bank, for fuzzing.

use hyper::body::Bytes;

use super::connection::HttpAnswer;
use super::gate::{CallKind, judge};
use super::{CallError, bank, guide};
use crate::domain::{Dialect, Kind};
use crate::id::QrPaymentId;

/// Asks of an answer everything that is asked of one, in both dialects. A refusal, which says that nothing happened, rests
/// on a code or a text that the bank said.
pub fn answer(bytes: &[u8]) {
    let answer = HttpAnswer { http: 200, date: None, body: Bytes::copy_from_slice(bytes) };
    let id: QrPaymentId = match "12737694350".parse() {
        Ok(id) => id,
        Err(_) => return,
    };
    let spoken = [None, Some(Dialect::Bank), Some(Dialect::Guide)];
    for (call, dialect) in CallKind::ALL.into_iter().flat_map(|call| spoken.map(|dialect| (call, dialect))) {
        match judge(&answer, call, dialect) {
            Ok(success) => {
                let _ = (bank::trade_points(&success), bank::device_token(&success), bank::status(&success, &id));
                let _ =
                    (bank::detailed(&success, &id), bank::payer_name(&success), bank::return_operation_id(&success));
                let _ = (guide::trade_points(&success), guide::device_token(&success), guide::status(&success, &id));
                let _ = (guide::word_of_status(&success, &id), guide::return_operation_id(&success));
                let _ = guide::created(&success, "Remote", None);
                for kind in [Kind::Remote, Kind::Link, Kind::Qr] {
                    let _ = bank::created(&success, kind, None);
                }
            }
            Err(CallError::Refused(refusal)) => {
                assert!(refusal.code.is_some() || refusal.text.is_some(), "a refusal without a word: {refusal:?}");
            }
            Err(_) => {}
        }
    }
}
