//! Stored values: postcard behind a version byte, so a newer layout is refused in words and never misread.

use serde::{Serialize, de::DeserializeOwned};

use super::StoreError;

/// The layout this program writes.
const VERSION: u8 = 1;

pub(super) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    postcard::to_extend(value, vec![VERSION]).map_err(|error| StoreError::Codec(error.to_string()))
}

pub(super) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    let Some((&version, rest)) = bytes.split_first() else {
        return Err(StoreError::Codec("a stored value is empty".to_owned()));
    };
    if version != VERSION {
        return Err(StoreError::Newer(version));
    }
    // A remainder means the value was written with fields this program does not know.
    match postcard::take_from_bytes(rest) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(StoreError::Codec(format!("{} bytes too many in a stored value", rest.len()))),
        Err(error) => Err(StoreError::Codec(error.to_string())),
    }
}
