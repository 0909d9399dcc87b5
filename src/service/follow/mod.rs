//! Never forget: every payment that is not final is followed until it is. The follower asks as everybody else does and
//! books nothing itself; what it cannot do stands in the list of problems.

mod due;
mod follower;
mod foreign;
mod sign;
mod timetable;
mod following;

pub(super) use follower::{Follower, FollowerParts};
pub(super) use following::Following;
pub(super) use foreign::Foreign;
pub(super) use sign::{Sign, Signs};
