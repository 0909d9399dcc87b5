//! The bank's wire: each request is the manual's or the guide's, and each answer becomes what it proves, and no more.

mod bank_limits;
mod every_fixture;
mod guide;
mod odd_replies;
mod sandbox_dialects;
