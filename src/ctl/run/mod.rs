//! Asks the daemon and shows what it says.

mod answer;
mod call;
mod files;
mod follow;
mod serve;
mod tail;
#[cfg(test)]
mod tests;
