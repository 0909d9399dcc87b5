//! What people who work on kaspid do daily, and the measure of its house. The outside tests of kaspid read the same
//! figures, so that what is printed and what is kept are one thing.

pub mod daily;
pub mod house;
pub mod tree;
