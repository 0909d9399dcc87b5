//! To come.

mod triple;

pub use triple::Triple;
