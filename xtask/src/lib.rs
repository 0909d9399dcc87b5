//! What people who work on kaspid do daily, and the measure of its house. The outside tests of kaspid read the same
//! figures, so that what is printed and what is kept are one thing.

pub mod daily;
pub mod crates;
pub mod house;
mod linked;
pub mod notices;
pub mod sbom;
pub mod told;
pub mod tree;
