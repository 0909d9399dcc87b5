//! What reads stored values, for fuzzing: a damaged file is told, and never a crash.

use super::chain::Chain;
use super::event::{self, Event};
use super::payment::PaymentRow;
use super::refund::RefundRow;
use super::secrets::Laid;
use super::{ConfigRow, codec};

/// A value of each stored type from the same bytes; what is read is written as something that reads the same.
pub fn stored(bytes: &[u8]) {
    fn both_ways<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
        if let Ok(value) = codec::decode::<T>(bytes) {
            let written = codec::encode(&value);
            let again = written.ok().and_then(|written| codec::decode::<T>(&written).ok());
            assert_eq!(again.as_ref(), Some(&value), "it does not read back");
        }
    }
    both_ways::<Event>(bytes);
    both_ways::<ConfigRow>(bytes);
    both_ways::<PaymentRow>(bytes);
    both_ways::<RefundRow>(bytes);
    both_ways::<Laid>(bytes);
}

/// A log of which each event is a length and so many bytes: the chain says where it is not as it was written.
pub fn chain(mut bytes: &[u8]) {
    let mut chain = Chain::new(None);
    for seq in 1.. {
        let [length, rest @ ..] = bytes else { return };
        let (stored, rest) = rest.split_at(usize::from(*length).min(rest.len()));
        bytes = rest;
        let _ = event::read(stored);
        if !chain.follow(seq, stored) {
            assert!(!chain.is_good());
            return;
        }
    }
}
