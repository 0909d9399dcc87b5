//! The HTTP interface in one table. Dispatch, `Allow`, OpenAPI and the journal's route names come from it.

use std::borrow::Cow;

use hyper::Method;
use percent_encoding::percent_decode_str;

use crate::operation::{Operation, Right};

/// One line per route: name, method, template, right, and what it does.
macro_rules! routes {
    ($($id:ident: $method:ident $template:literal, $right:ident, $summary:literal;)*) => {
        /// One of the HTTP routes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum RouteId { $(#[doc = $summary] $id,)* }

        impl RouteId {
            /// Every route, in the order of the documentation.
            pub const ALL: &'static [RouteId] = &[$(Self::$id),*];

            /// The HTTP method.
            #[must_use]
            pub fn method(self) -> Method {
                match self { $(Self::$id => Method::$method,)* }
            }

            /// The HTTP method as a word.
            #[must_use]
            pub fn verb(self) -> &'static str {
                match self { $(Self::$id => stringify!($method),)* }
            }

            /// The path; a part in braces is a parameter.
            #[must_use]
            pub fn template(self) -> &'static str {
                match self { $(Self::$id => $template,)* }
            }

            /// What a caller must be allowed to do.
            #[must_use]
            pub fn right(self) -> Right {
                match self { $(Self::$id => Right::$right,)* }
            }

            /// What it does, in a few words.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self { $(Self::$id => $summary,)* }
            }
        }
    };
}

routes! {
    Health: GET "/v1/health", Observe, "The state of the daemon and what needs a person";
    Version: GET "/v1/version", Observe, "The version of the running program";
    OpenApi: GET "/openapi.json", Observe, "This document";
    ConfigList: GET "/v1/configs", Observe, "The configs, without tokens";
    ConfigGet: GET "/v1/configs/{bin}", Observe, "One config";
    TradePoints: GET "/v1/trade-points/{bin}", Admin, "Ask Kaspi for the trade points of a BIN (step 1)";
    Enrol: POST "/v1/configs", Admin, "Enrol a BIN: trade point, device, config (steps 1 to 3)";
    ChangeConfig: PATCH "/v1/configs/{bin}", Admin, "Activate, make default, describe or move a config";
    RetireConfig: DELETE "/v1/configs/{bin}", Admin, "Take a BIN out of use; its history stays";
    VerifyConfig: POST "/v1/configs/{bin}/verify", Admin, "Look now whether the trade point is still listed";
    RegisterDevice: POST "/v1/configs/{bin}/register", Admin, "Ask Kaspi for a new device token (step 2)";
    Select: GET "/v1/select", Pay, "Which config a payment would use, and why";
    Create: POST "/v1/payments", Pay, "Take a payment (step 4)";
    PaymentList: GET "/v1/payments", Pay, "Payments, newest first";
    PaymentGet: GET "/v1/payments/{ref}", Pay, "One payment, asking Kaspi where what is known is old";
    Cancel: POST "/v1/payments/{ref}/cancel", Pay, "Cancel a remote invoice that is not paid";
    Refund: POST "/v1/payments/{ref}/refunds", Refund, "Pay money back, all that is left or a part";
    Resolve: POST "/v1/payments/{ref}/resolve", Admin, "Close what only a person can close";
    Adopt: POST "/v1/payments/adopt", Refund, "Take in a payment made before kaspid";
    PictureSvg: GET "/v1/payments/{ref}/qr.svg", Pay, "The QR of a link or QR payment, as SVG";
    PicturePng: GET "/v1/payments/{ref}/qr.png", Pay, "The QR of a link or QR payment, as PNG";
    LogList: GET "/v1/log", Audit, "Rows of the audit log; with wait, as they come";
    LogVerify: GET "/v1/log/verify", Audit, "Check the whole chain of the audit log, a kept head, the projections";
    LogExport: GET "/v1/log/export", Audit, "The audit log as CSV or JSON lines, with the guide's columns first";
    Events: GET "/v1/events", Pay, "What changed since a cursor, as soon as it does";
    Payer: GET "/v1/payers/{phone}", Pay, "The name Kaspi has for a phone number";
    Identity: GET "/v1/identity", Admin, "Subject and expiry of the client certificate";
    ImportConfigs: POST "/v1/import/configs", Admin, "Take in a KaspiPayConfig table, all rows or none";
    ImportLog: POST "/v1/import/log", Admin, "Take in a KaspiPayLog table and its payments, all rows or none";
    Backup: GET "/v1/backup", Admin, "All state in one file, device tokens included; no mTLS key";
    AcknowledgeRestore: POST "/v1/restore/acknowledge", Admin, "Say that a person has looked at what a restored backup left out";
    ReportDay: GET "/v1/reports/day", Audit, "What a day brought, by organisation, and what a person should look at";
    ReportRange: GET "/v1/reports/range", Audit, "The same for the days of a range, with each day's sums";
    Reload: POST "/v1/reload", Admin, "Read configuration and identity again";
    Metrics: GET "/metrics", Observe, "Numbers for a monitoring system, as Prometheus text";
    Diagnose: GET "/v1/doctor", Observe, "Look at the daemon, its files, the way to the bank and the shop";
}

impl RouteId {
    /// True where the request's body is a file, which is handed to the operation piece by piece.
    #[must_use]
    pub fn takes_file(self) -> bool {
        matches!(self, Self::ImportConfigs | Self::ImportLog)
    }

    /// True where the answer's body is a file.
    #[must_use]
    pub fn gives_file(self) -> bool {
        matches!(self, Self::LogExport | Self::Backup)
    }

    /// The route that asks for `operation`; of a picture's two the first.
    #[must_use]
    pub fn of(operation: &Operation) -> Self {
        match operation {
            Operation::Health => Self::Health,
            Operation::Version => Self::Version,
            Operation::ConfigList(_) => Self::ConfigList,
            Operation::ConfigGet { .. } => Self::ConfigGet,
            Operation::TradePoints { .. } => Self::TradePoints,
            Operation::Enrol(_) => Self::Enrol,
            Operation::ChangeConfig { .. } => Self::ChangeConfig,
            Operation::RetireConfig { .. } => Self::RetireConfig,
            Operation::VerifyConfig { .. } => Self::VerifyConfig,
            Operation::RegisterDevice { .. } => Self::RegisterDevice,
            Operation::Select(_) => Self::Select,
            Operation::Create(_) => Self::Create,
            Operation::PaymentList(_) => Self::PaymentList,
            Operation::PaymentGet { .. } => Self::PaymentGet,
            Operation::PaymentPicture { .. } => Self::PictureSvg,
            Operation::Cancel { .. } => Self::Cancel,
            Operation::Refund { .. } => Self::Refund,
            Operation::Adopt(_) => Self::Adopt,
            Operation::Payer(_) => Self::Payer,
            Operation::LogList(_) => Self::LogList,
            Operation::LogVerify(_) => Self::LogVerify,
            Operation::Identity => Self::Identity,
            Operation::Reload => Self::Reload,
            Operation::Resolve { .. } => Self::Resolve,
            Operation::Events(_) => Self::Events,
            Operation::LogExport(_) => Self::LogExport,
            Operation::ImportConfigs { .. } => Self::ImportConfigs,
            Operation::ImportLog { .. } => Self::ImportLog,
            Operation::Backup => Self::Backup,
            Operation::AcknowledgeRestore => Self::AcknowledgeRestore,
            Operation::Metrics => Self::Metrics,
            Operation::ReportDay(_) => Self::ReportDay,
            Operation::ReportRange(_) => Self::ReportRange,
            Operation::Diagnose => Self::Diagnose,
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

/// Finds the route of a request. A path whose parameter is not UTF-8 leads nowhere.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let mut allowed: Vec<String> = Vec::new();
    for &route in RouteId::ALL {
        let Some(parameter) = fits(route.template(), path) else { continue };
        if route.method() != *method {
            allowed.push(route.method().to_string());
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
        for &route in RouteId::ALL {
            let path = route.template().replace("{bin}", "1").replace("{ref}", "2").replace("{phone}", "%2B7");
            match find(&route.method(), &path) {
                Found::Route(found, _) => assert_eq!(found, route),
                other => assert_eq!(other, Found::Nothing, "{route:?}"),
            }
        }
    }

    #[test]
    fn a_parameter_is_decoded() {
        let found = find(&Method::GET, "/v1/payers/%2B7%20701");
        assert_eq!(found, Found::Route(RouteId::Payer, "+7 701".into()));
        assert_eq!(find(&Method::GET, "/v1/payers/%ff"), Found::Nothing);
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        assert_eq!(find(&Method::PUT, "/v1/configs/1"), Found::OtherMethod("GET, PATCH, DELETE".into()));
        assert_eq!(find(&Method::GET, "/v1/reload"), Found::OtherMethod("POST".into()));
        for path in
            ["", "/", "*", "/v1", "/v1/health/", "//v1/health", "/v1/payers/", "/v1/configs/1/2/3", "/v2/health"]
        {
            assert_eq!(find(&Method::GET, path), Found::Nothing, "{path}");
        }
    }
}
