//! Long searches: in pieces, each in its turn among all that walk, and no longer than somebody waits for the answer.

use crate::failure::Failure;
use crate::service::Context;
use crate::service::stop::Stopping;
use crate::store::{Refused, Store, Walk};

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
