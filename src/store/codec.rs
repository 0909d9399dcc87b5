//! Stored values: postcard and nothing else. How it is to be read, the layout of the file says.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::StoreError;

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    encode_behind(Vec::new(), value)
}

/// A value behind bytes that stand before it.
pub(super) fn encode_behind<T: Serialize>(before: Vec<u8>, value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(value, before).map_err(|error| StoreError::Codec(error.to_string()))
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    // A remainder means the value was written with fields this program does not know.
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(StoreError::Codec(format!("{} bytes too many in a stored value", rest.len()))),
        Err(error) => Err(StoreError::Codec(error.to_string())),
    }
}

/// The first fields of a stored value, without copying them.
pub(super) fn decode_first<'v, T: Deserialize<'v>>(bytes: &'v [u8]) -> Result<T, StoreError> {
    let first = postcard::take_from_bytes(bytes);
    first.map(|(value, _)| value).map_err(|error| StoreError::Codec(error.to_string()))
}
