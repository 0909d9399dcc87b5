//! What lies sealed on the disk: device tokens, the secret behind keyed hashes, and the mTLS key where the daemon keeps
//! it. The key of the seal is made from a systemd credential, `kaspid.seal`, which lies outside of the state and, where
//! `LoadCredentialEncrypted=` is used, is bound to the machine: a copied disk or backup tells nothing without it.
//!
//! A sealed value names its seal by a number that tells nothing, so that another seal is told apart from damage. Where
//! a value stands (its *place*) goes into the seal: a value moved to another place does not open.

mod credential;
mod key;
#[cfg(test)]
mod tests;

pub use credential::Seals;
pub use key::{NotASealId, Seal, SealId, SealTrouble};
