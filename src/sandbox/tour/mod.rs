//! The main job, shown: two organisations, a remote payment, a link, a refund and a cancel, each on the right
//! BIN, and the audit log that says so.
//!
//! Every command line that is shown is read by kaspictl's own code and sent to the daemon's socket; every
//! answer is compared with what it must be, and at the end the daemon's word with the bank's books.

mod asking;
mod books;
mod customer;
mod error;
mod page;
mod steps;
mod sums;

use asking::Tour;

use super::shop::SandboxShop;
use super::{Dialect, Options};

pub(super) use error::TourError;
pub(super) use page::TourPage;

/// Shows the tour in one dialect.
pub(super) async fn run(dialect: Dialect, page: &mut TourPage) -> Result<(), TourError> {
    let shop = SandboxShop::open(Options { dialect, ..Options::default() }).await?;
    page.chapter(&format!("kaspid and a bank that speaks the {} dialect", dialect.word()));
    let client = shop.client().await?;
    let shown = Tour { shop: &shop, client, page }.show().await;
    match shown {
        Ok(()) => Ok(shop.close().await?),
        Err(error) => Err(TourError::Logged { error: Box::new(error), log: shop.daemon.files.last_lines() }),
    }
}
