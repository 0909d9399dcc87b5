//! The key and certificate: made, taken in, exchanged, and watched for their end. Whoever exchanges them stages the new
//! ones, looks at the bank with them, makes them durable and only then puts them in use; whatever goes wrong before that
//! leaves the old ones.

mod exchange;
mod expiry;
mod kept;
mod generate;
mod look;
mod news;
mod next_start;

pub(super) use exchange::Exchanges;
pub(super) use expiry::ExpiryWatch;
pub(super) use generate::Requests;
pub(super) use look::{Looks, is_good};
pub(super) use news::News;
pub(super) use next_start::NextStart;
