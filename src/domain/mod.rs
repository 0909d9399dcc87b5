//! The words of the field that every room uses: the bank's, the disk's and the socket's side of the daemon.
//!
//! Each of them is in the state file and in the frames of the socket alike, on purpose, under the same rule: a new
//! word comes last, and none is taken out, renamed or moved. `src/store/tests/pinned.rs` holds their bytes on the disk,
//! `tests/fixtures/native` those on the socket.

/// A lower-case word in JSON, `Display` the same.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)*
        }

        impl $name {
            /// The word in JSON.
            #[must_use]
            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("{text:?} is not one of: {}", [$($word),*].join(", "))),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

pub(crate) use words;

mod organisation;
mod payment;
mod record;

pub use organisation::{Dialect, Standing, TradePoint};
pub use payment::{Evidence, Kind, PaidAtSource, Payer, State};
pub use record::{Actor, LogStatus, OperationType};
