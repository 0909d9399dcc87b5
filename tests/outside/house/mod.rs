//! The repository itself: layers, lengths and papers are what a reader was told they are.

mod layers;
mod papers;
mod walls;
