//! A place of the audit log that somebody has kept elsewhere.

use serde::{Deserialize, Serialize};

/// An event and its hash, noted earlier: `SEQ:SHA256`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeptHead {
    /// From 1.
    pub(crate) seq: u64,
    pub(crate) sha: [u8; 32],
}

impl std::str::FromStr for KeptHead {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (seq, sha) = text.split_once(':')?;
            let seq = seq.parse().ok().filter(|seq| *seq > 0)?;
            let sha = sha.as_bytes();
            let mut bytes = [0; 32];
            if sha.len() != 64 || !sha.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            for (byte, pair) in bytes.iter_mut().zip(sha.chunks(2)) {
                *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
            }
            Some(Self { seq, sha: bytes })
        };
        read().ok_or_else(|| "a head is the number of an event from 1, a colon and 64 hexadecimal digits".to_owned())
    }
}

impl TryFrom<String> for KeptHead {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<KeptHead> for String {
    fn from(head: KeptHead) -> Self {
        let sha: Self = head.sha.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}:{sha}", head.seq)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for KeptHead {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "KeptHead".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^0*[1-9][0-9]{0,18}:[0-9a-fA-F]{64}$" })
    }
}
