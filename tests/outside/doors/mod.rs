//! The daemon's own door: what is wrong is refused in words, who may not is told why, and no secret comes out.

mod bad_requests;
mod identity;
mod limits_told;
pub(crate) mod rights;
mod secrets;
