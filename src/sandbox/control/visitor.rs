//! Who may ask the control interface: programs of this computer, and of the pages in its browser only the phone's own.

use std::net::IpAddr;

use hyper::header::{HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Method, StatusCode};

use super::complaint::Complaint;

/// What the phone's page shows to be itself.
const TOKEN: &str = "x-sandbox-token";
/// What a browser says of the page that asks; programs do not.
const SITE: &str = "sec-fetch-site";

/// Refuses a page that is not the phone's.
///
/// A page of another site can make a browser send a request here, though not read the answer: without this it could pay, refund
/// and order faults. A name that somebody has pointed at 127.0.0.1 would let it read as well.
pub(super) fn admit(method: &Method, headers: &HeaderMap, token: &str) -> Result<(), Complaint> {
    if headers.get(HOST).is_some_and(|host| !is_here(host)) {
        return Err(refused("This name is not the sandbox's: ask 127.0.0.1 or localhost."));
    }
    // An address that a person types has no page behind it.
    let is_typed = method == Method::GET && headers.get(SITE).is_none_or(|site| site == "none");
    let is_browser = headers.contains_key(ORIGIN) || headers.contains_key(SITE);
    let is_phone = headers.get(TOKEN).is_some_and(|shown| shown == token);
    if is_phone || !is_browser || (is_typed && !headers.contains_key(ORIGIN)) {
        return Ok(());
    }
    Err(refused(
        "A page asks without the phone's token: open the phone's address that kaspi-sandbox serve has printed.",
    ))
}

fn refused(sentence: &str) -> Complaint {
    Complaint(StatusCode::FORBIDDEN, sentence.to_owned())
}

/// How programs of this repository and people call it, beside its numbers.
const NAMES: [&str; 3] = ["localhost", "sandbox", "kaspid"];

/// Whether a Host is this computer. Any other name may have been pointed here, also one without a dot, of a network's own.
fn is_here(host: &HeaderValue) -> bool {
    let Ok(authority) = Authority::try_from(host.as_bytes()) else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    name.parse::<IpAddr>().map_or(NAMES.contains(&name), |ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn admitted(method: Method, headers: &[(&'static str, &'static str)]) -> bool {
        let named = |(name, value): &(&'static str, &'static str)| (name.parse().unwrap(), value.parse().unwrap());
        admit(&method, &headers.iter().map(named).collect(), "right").is_ok()
    }

    /// Promise: programs ask freely, a page only with the phone's token, and a foreign name not at all.
    #[test]
    fn a_page_of_somebody_else_does_nothing() {
        let here = ("host", "127.0.0.1:8081");
        let from = ("origin", "http://127.0.0.1:3000");
        let right = ("x-sandbox-token", "right");
        assert!(admitted(Method::POST, &[here]));
        assert!(admitted(Method::GET, &[("host", "localhost:1"), ("sec-fetch-site", "none")]));
        assert!(admitted(Method::GET, &[("host", "[::1]:1")]));
        assert!(admitted(Method::POST, &[here, from, right]));
        for headers in [
            &[here, from][..],
            &[here, ("origin", "null")],
            &[here, from, ("x-sandbox-token", "wrong")],
            &[here, ("sec-fetch-site", "same-site")],
            &[here, ("sec-fetch-site", "none"), from],
            &[("host", "shop.example:8081")],
            &[("host", "shop.example:8081"), from, right],
            &[("host", "127.0.0.1.shop.example")],
            &[("host", "192.168.0.7:8081")],
            &[("host", "printer:8081")],
        ] {
            assert!(!admitted(Method::POST, headers), "{headers:?}");
        }
        assert!(!admitted(Method::GET, &[here, ("sec-fetch-site", "cross-site")]));
        assert!(!admitted(Method::POST, &[here, ("sec-fetch-site", "none")]));
    }
}
