//! Stored values: postcard behind a version byte, so a newer layout is refused in words and never misread.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;

/// The layout this program writes.
const VERSION: u8 = 1;

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(value, vec![VERSION]).map_err(|error| StoreError::Codec(error.to_string()))
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    // A remainder means the value was written with fields this program does not know.
    match postcard::take_from_bytes(known(bytes)?) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(StoreError::Codec(format!("{} bytes too many in a stored value", rest.len()))),
        Err(error) => Err(StoreError::Codec(error.to_string())),
    }
}

/// The first fields of a stored value, without copying them.
pub(super) fn decode_first<'v, T: Deserialize<'v>>(bytes: &'v [u8]) -> Result<T, StoreError> {
    let first = postcard::take_from_bytes(known(bytes)?);
    first.map(|(value, _)| value).map_err(|error| StoreError::Codec(error.to_string()))
}

/// The value behind a version byte that this program knows.
fn known(bytes: &[u8]) -> Result<&[u8], StoreError> {
    match bytes.split_first() {
        Some((&VERSION, rest)) => Ok(rest),
        Some((&version, _)) => Err(StoreError::Newer(version)),
        None => Err(StoreError::Codec("a stored value is empty".to_owned())),
    }
}
