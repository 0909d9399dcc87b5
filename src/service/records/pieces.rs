//! Long searches: in pieces, each in its turn among all that walk, and no longer than somebody waits for the answer.

use crate::failure::Failure;
use crate::service::Context;
use crate::service::stop::Stopping;
use crate::store::{FEW, PIECE, Refused, Store, Walk};

/// The same for what is mostly found within a few rows: those are looked at in place, and only what is longer takes its turn.
///
/// # Errors
/// As [`in_pieces`].
pub(super) async fn at_once_or_in_pieces<T: Send + 'static>(
    by: (&Store, &Stopping),
    context: &Context,
    mut piece: impl FnMut((&Walk<'_>, u64)) -> Result<Option<T>, Refused> + Send + 'static,
) -> Result<T, Failure> {
    match by.0.glimpse(|walk| piece((walk, FEW)))? {
        Some(found) => Ok(found),
        None => in_pieces(by, context, move |walk| piece((walk, PIECE))).await,
    }
}

/// Goes on with `piece` until it has found what it looks for.
///
/// # Errors
/// What a piece is refused with; `shutting_down` where the daemon stops before the end.
pub(super) async fn in_pieces<T: Send + 'static>(
    (store, stop): (&Store, &Stopping),
    context: &Context,
    mut piece: impl FnMut(&Walk<'_>) -> Result<Option<T>, Refused> + Send + 'static,
) -> Result<T, Failure> {
    loop {
        let found;
        (piece, found) = store.walk(move |walk| piece(walk).map(|found| (piece, found))).await?;
        if let Some(found) = found {
            return Ok(found);
        }
        stop.may_search_on()?;
        context.is_still_heard()?;
    }
}
