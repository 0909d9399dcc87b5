//! The routes of the HTTP interface: those of the table of operations and two besides. Dispatch, `Allow`, OpenAPI and the
//! journal's route names come from their rows.

use std::borrow::Cow;

use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::operation::{Effect, OperationId, Right, Row, Traffic};

/// One of the HTTP routes: an operation's own, or one of the two that no operation has to itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteId {
    /// The operation's, by its row; of a picture the one of its SVG.
    Operation(OperationId),
    /// The other one of a picture.
    PicturePng,
    /// The description of this interface.
    OpenApi,
}

impl RouteId {
    /// Every route.
    pub fn all() -> impl Iterator<Item = Self> {
        OperationId::ALL.iter().copied().map(Self::Operation).chain([Self::PicturePng, Self::OpenApi])
    }

    /// The operation that is asked there, if it is one.
    #[must_use]
    pub fn operation(self) -> Option<OperationId> {
        match self {
            Self::Operation(id) => Some(id),
            Self::PicturePng => Some(OperationId::PaymentPicture),
            Self::OpenApi => None,
        }
    }

    /// Its row: the operation's, or one of its own.
    #[must_use]
    pub fn row(self) -> &'static Row {
        match self {
            Self::Operation(id) => id.row(),
            Self::PicturePng => &Row {
                right: Right::Pay,
                effect: Effect::Reads,
                traffic: Traffic::Message,
                method: "GET",
                path: "/v1/payments/{ref}/qr.png",
                summary: "The QR of a link or QR payment, as PNG",
            },
            Self::OpenApi => &Row {
                right: Right::Observe,
                effect: Effect::Reads,
                traffic: Traffic::Message,
                method: "GET",
                path: "/openapi.json",
                summary: "This document",
            },
        }
    }
}

/// Where a request goes.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'p> {
    /// To this route, with the decoded value of its parameter (empty without one).
    Route(RouteId, Cow<'p, str>),
    /// The path has other methods, as for an `Allow` header.
    OtherMethod(String),
    /// Nowhere.
    Nothing,
}

impl Found<'_> {
    /// The route, if there is one.
    pub(super) fn route(&self) -> Option<RouteId> {
        match self {
            Self::Route(route, _) => Some(*route),
            Self::OtherMethod(_) | Self::Nothing => None,
        }
    }
}

/// Finds the route of a request. A path whose parameter is not UTF-8 leads nowhere, and a word that a route names in full
/// is no parameter of another one: no payment is called `adopt`.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let mut allowed: Vec<String> = Vec::new();
    let is_named = RouteId::all().any(|route| route.row().path == path);
    for route in RouteId::all() {
        let Row { method: own, path: template, .. } = route.row();
        let Some(parameter) = fits(template, path).filter(|parameter| !is_named || parameter.is_empty()) else {
            continue;
        };
        if method.as_str() != *own {
            allowed.push((*own).to_owned());
        } else if let Ok(parameter) = percent_decode_str(parameter).decode_utf8() {
            return Found::Route(route, parameter);
        }
    }
    if allowed.is_empty() { Found::Nothing } else { Found::OtherMethod(allowed.join(", ")) }
}

/// The parameter of a path that is of this template; no template has two.
fn fits<'p>(template: &str, path: &'p str) -> Option<&'p str> {
    let (mut parts, mut parameter) = (path.split('/'), "");
    for wanted in template.split('/') {
        match parts.next()? {
            part if part == wanted => {}
            part if wanted.starts_with('{') && !part.is_empty() => parameter = part,
            _ => return None,
        }
    }
    parts.next().is_none().then_some(parameter)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may")]

    use super::*;

    #[test]
    fn every_route_is_found_by_its_own_template() {
        for route in RouteId::all() {
            let Row { method, path, .. } = route.row();
            let path = path.replace("{bin}", "1").replace("{ref}", "2").replace("{phone}", "%2B7");
            match find(&method.parse().unwrap(), &path) {
                Found::Route(found, _) => assert_eq!(found, route),
                other => assert_eq!(other, Found::Nothing, "{route:?}"),
            }
        }
    }

    #[test]
    fn a_parameter_is_decoded() {
        let found = find(&Method::GET, "/v1/payers/%2B7%20701");
        assert_eq!(found, Found::Route(RouteId::Operation(OperationId::Payer), "+7 701".into()));
        assert_eq!(find(&Method::GET, "/v1/payers/%ff"), Found::Nothing);
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        assert_eq!(find(&Method::PUT, "/v1/configs/1"), Found::OtherMethod("GET, PATCH, DELETE".into()));
        assert_eq!(find(&Method::GET, "/v1/reload"), Found::OtherMethod("POST".into()));
        assert_eq!(find(&Method::GET, "/v1/payments/adopt"), Found::OtherMethod("POST".into()));
        for path in
            ["", "/", "*", "/v1", "/v1/health/", "//v1/health", "/v1/payers/", "/v1/configs/1/2/3", "/v2/health"]
        {
            assert_eq!(find(&Method::GET, path), Found::Nothing, "{path}");
        }
    }
}
