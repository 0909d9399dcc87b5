//! What of the door reads bytes of callers, for fuzzing.

use super::request::{Parts, read};
use super::routes::RouteId;
use crate::operation::FileFormat;

/// A request on any route: which route, how long the parameter and the query are, then those and the body.
pub fn request(bytes: &[u8]) {
    let [route, parameter, query, rest @ ..] = bytes else { return };
    let routes: Vec<RouteId> = RouteId::all().collect();
    let Some(route) = routes.get(usize::from(*route) % routes.len().max(1)) else { return };
    let (parameter, rest) = rest.split_at(usize::from(*parameter).min(rest.len()));
    let (query, body) = rest.split_at(usize::from(*query).min(rest.len()));
    let (parameter, query) = (String::from_utf8_lossy(parameter), String::from_utf8_lossy(query));
    // Read or refused in words; either way nothing else happens.
    let _ = read(*route, Parts { parameter: &parameter, query: &query, body, format: FileFormat::Csv });
}
