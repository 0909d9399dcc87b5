//! What of the door reads bytes of callers, for fuzzing.

use hyper::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, TRANSFER_ENCODING};

use super::boundary::Boundary;
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

/// The bytes of one connection, that come in pieces: some of what is there is handed on each time, and never more, so that
/// nothing waits for ever. The first byte says how long the pieces are, the second what body the requests have.
pub fn boundary(bytes: &[u8]) {
    let [length, body, rest @ ..] = bytes else { return };
    let (mut boundary, mut given) = (Boundary::default(), Vec::new());
    for piece in rest.chunks(usize::from(*length).max(1)) {
        let mut waiting = piece;
        while !waiting.is_empty() {
            let taken = boundary.take(waiting);
            assert!((1..=waiting.len()).contains(&taken), "{taken} of {}: {boundary:?}", waiting.len());
            given.extend_from_slice(waiting.get(..taken).unwrap_or_default());
            waiting = waiting.get(taken..).unwrap_or_default();
            if given.ends_with(b"\n\r\n") || given.ends_with(b"\n\n") {
                boundary.head(&headers(*body));
            }
            if boundary.is_between() {
                boundary.answered();
            }
        }
    }
    assert!(given == rest, "hyper gets other bytes than came");
}

/// None, a length, or chunks.
fn headers(body: u8) -> HeaderMap {
    let header = match body {
        0 => return HeaderMap::new(),
        255 => (TRANSFER_ENCODING, HeaderValue::from_static("chunked")),
        length => (CONTENT_LENGTH, HeaderValue::from(u16::from(length))),
    };
    [header].into_iter().collect()
}
