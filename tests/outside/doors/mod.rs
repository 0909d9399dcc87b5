//! The daemon's own door: what is wrong is refused in words, who may not is told why, and no secret comes out.

mod bad_requests;
mod half_closed;
mod hidden_callers;
mod hostile;
mod identity;
mod limits_told;
mod matrix;
mod names_made_later;
pub(crate) mod rights;
mod secrets;
mod untaken;
