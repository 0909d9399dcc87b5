//! An HTTP request, read, into an operation.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::parse::{ResolveBody, json, no_body, no_query, parameter, query};
use super::routes::RouteId;
use crate::failure::Failure;
use crate::id::{OrganizationBin, PaymentRef, TradePointId};
use crate::moment::Span;
use crate::operation::{FileFormat, Operation, PayerQuery, Select};

/// The parts of a request that a route reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parts<'r> {
    /// Of the path, decoded.
    pub(super) parameter: &'r str,
    /// Behind the question mark.
    pub(super) query: &'r str,
    /// All of it; empty where it is a file.
    pub(super) body: &'r [u8],
    /// How the body is written where it is a file.
    pub(super) format: FileFormat,
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Something of the service.
    Operation(Operation),
    /// The description of this interface.
    OpenApi,
}

/// The query of `DELETE /v1/configs/{bin}`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RetireQuery {
    /// Also delete the device at Kaspi: cancels and refunds of its payments stop.
    #[serde(default)]
    delete_device: bool,
}

/// The query of `GET /v1/payments/{ref}`.
#[derive(Debug, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery {
    /// Answer when the payment is final or this long has passed, for instance `60s`; at most 10 minutes.
    wait: Option<Span>,
}

/// The body of `POST /v1/configs/{bin}/register`, which may be left out.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct RegisterBody {
    /// Where to register a device: a trade point that has or had one here, or that Kaspi lists; the config's own otherwise.
    trade_point_id: Option<TradePointId>,
}

impl Parts<'_> {
    fn bin(self) -> Result<OrganizationBin, Failure> {
        parameter("{bin}", self.parameter)
    }

    fn payment(self) -> Result<PaymentRef, Failure> {
        parameter("{ref}", self.parameter)
    }

    /// Its query parameters, and no body.
    fn asking<T: DeserializeOwned>(self) -> Result<T, Failure> {
        no_body(self.body)?;
        query(self.query)
    }

    /// A request without query parameters.
    fn plain(self) -> Result<Self, Failure> {
        no_query(self.query).map(|()| self)
    }

    /// A request with neither query parameters nor a body.
    fn bare(self) -> Result<Self, Failure> {
        no_body(self.body)?;
        self.plain()
    }

    /// The body, and no query parameters.
    fn object<T: DeserializeOwned>(self) -> Result<T, Failure> {
        no_query(self.query)?;
        json(self.body)
    }

    /// A body that may be left out, as may everything in it: a refund of all that is left.
    fn maybe_object<T: DeserializeOwned + Default>(self) -> Result<T, Failure> {
        if self.body.is_empty() { self.plain().map(|_| T::default()) } else { self.object() }
    }

    fn payer(self) -> Result<PayerQuery, Failure> {
        let Select { shop_id, organization_bin } = self.asking()?;
        Ok(PayerQuery { phone_number: parameter("{phone}", self.parameter)?, shop_id, organization_bin })
    }
}

/// The operation a request asks for.
///
/// # Errors
/// `invalid_request` that names what is wrong.
pub(super) fn read(route: RouteId, parts: Parts<'_>) -> Result<Asked, Failure> {
    let operation = match route {
        RouteId::OpenApi => return parts.bare().map(|_| Asked::OpenApi),
        RouteId::Health => parts.bare().map(|_| Operation::Health)?,
        RouteId::Version => parts.bare().map(|_| Operation::Version)?,
        RouteId::ConfigList => Operation::ConfigList(parts.asking()?),
        RouteId::ConfigGet => Operation::ConfigGet { organization_bin: parts.bare()?.bin()? },
        RouteId::TradePoints => Operation::TradePoints { organization_bin: parts.bare()?.bin()? },
        RouteId::Enrol => Operation::Enrol(parts.object()?),
        RouteId::ChangeConfig => Operation::ChangeConfig { organization_bin: parts.bin()?, change: parts.object()? },
        RouteId::RetireConfig => {
            let RetireQuery { delete_device } = parts.asking()?;
            Operation::RetireConfig { organization_bin: parts.bin()?, delete_device }
        }
        RouteId::VerifyConfig => Operation::VerifyConfig { organization_bin: parts.bare()?.bin()? },
        RouteId::RegisterDevice => {
            let RegisterBody { trade_point_id } = parts.maybe_object()?;
            Operation::RegisterDevice { organization_bin: parts.bin()?, trade_point_id }
        }
        RouteId::Select => Operation::Select(parts.asking()?),
        RouteId::Create => Operation::Create(parts.object()?),
        RouteId::PaymentList => Operation::PaymentList(parts.asking()?),
        RouteId::PaymentGet => {
            let WaitQuery { wait } = parts.asking()?;
            Operation::PaymentGet { payment: parts.payment()?, wait }
        }
        RouteId::Cancel => Operation::Cancel { payment: parts.bare()?.payment()? },
        RouteId::Refund => Operation::Refund { payment: parts.payment()?, refund: parts.maybe_object()? },
        RouteId::Resolve => {
            Operation::Resolve { payment: parts.payment()?, resolution: parts.object::<ResolveBody>()?.resolution()? }
        }
        RouteId::Adopt => Operation::Adopt(parts.object()?),
        RouteId::PictureSvg | RouteId::PicturePng => Operation::PaymentPicture { payment: parts.bare()?.payment()? },
        RouteId::LogList => Operation::LogList(parts.asking()?),
        RouteId::Events => Operation::Events(parts.asking()?),
        RouteId::LogExport => Operation::LogExport(parts.asking()?),
        RouteId::Payer => Operation::Payer(parts.payer()?),
        RouteId::Identity => parts.bare().map(|_| Operation::Identity)?,
        RouteId::ImportConfigs => Operation::ImportConfigs { format: parts.plain()?.format },
        RouteId::ImportLog => Operation::ImportLog { format: parts.plain()?.format },
        RouteId::ReportDay => Operation::ReportDay(parts.asking()?),
        RouteId::ReportRange => Operation::ReportRange(parts.asking()?),
        RouteId::LogVerify => Operation::LogVerify(parts.asking()?),
        RouteId::Backup => parts.bare().map(|_| Operation::Backup)?,
        RouteId::AcknowledgeRestore => parts.bare().map(|_| Operation::AcknowledgeRestore)?,
        RouteId::Reload => parts.bare().map(|_| Operation::Reload)?,
        RouteId::Metrics => parts.bare().map(|_| Operation::Metrics)?,
        RouteId::Diagnose => parts.bare().map(|_| Operation::Diagnose)?,
    };
    Ok(Asked::Operation(operation))
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

    use super::*;
    use crate::day::NamedDay;
    use crate::operation::DayQuery;

    const RESOLVE: &str = r#"{"paid":true,"reason":"seen in the app"}"#;
    const ENROL: &str = r#"{"organization_bin":"891027350515"}"#;
    const CREATE: &str = r#"{"kind":"qr","amount_tiyn":10000}"#;
    const ADOPT: &str = r#"{"qr_payment_id":"12737694350","organization_bin":"891027350515"}"#;

    /// A request that each route accepts.
    pub(in crate::door) fn sample(route: RouteId) -> Asked {
        let parameter = match route.template() {
            template if template.contains("{bin}") => "891027350515",
            template if template.contains("{ref}") => "12737694350",
            template if template.contains("{phone}") => "+7 701 521 15 45",
            _ => "",
        };
        let body = match route {
            RouteId::Enrol => ENROL,
            RouteId::ChangeConfig | RouteId::Refund | RouteId::RegisterDevice => "{}",
            RouteId::Create => CREATE,
            RouteId::Resolve => RESOLVE,
            RouteId::Adopt => ADOPT,
            _ => "",
        };
        let query = if route == RouteId::ReportRange { "from=2026-11-01" } else { "" };
        read(route, Parts { parameter, query, body: body.as_bytes(), format: FileFormat::Csv })
            .expect("a sample is a good request")
    }

    #[test]
    fn a_route_and_its_operation_name_each_other_and_need_the_same_right() {
        for &route in RouteId::ALL {
            match sample(route) {
                Asked::OpenApi => assert_eq!(route, RouteId::OpenApi),
                Asked::Operation(operation) => {
                    assert_eq!(operation.right(), route.right(), "{route:?}");
                    let back = RouteId::of(&operation);
                    assert!(back == route || (back, route) == (RouteId::PictureSvg, RouteId::PicturePng), "{route:?}");
                }
            }
        }
    }

    #[test]
    fn every_route_refuses_query_parameters_it_does_not_know() {
        for &route in RouteId::ALL {
            let format = FileFormat::Csv;
            let parts = Parts { parameter: "891027350515", query: "surprise=1", body: b"", format };
            let refused = read(route, parts).expect_err("unknown parameter").detail;
            assert!(refused.contains("surprise") || refused.contains("the body"), "{route:?}: {refused}");
        }
    }

    #[test]
    fn what_stands_in_the_path_and_query_arrives() {
        let format = FileFormat::Csv;
        let read = |route, parameter, query| read(route, Parts { parameter, query, body: b"", format }).unwrap();
        assert_eq!(
            read(RouteId::PaymentGet, "12737694350", "wait=60s"),
            Asked::Operation(Operation::PaymentGet {
                payment: "12737694350".parse().unwrap(),
                wait: Some(Span::from_secs(60)),
            })
        );
        assert_eq!(
            read(RouteId::RetireConfig, "891027350515", "delete_device=true"),
            Asked::Operation(Operation::RetireConfig {
                organization_bin: "891027350515".parse().unwrap(),
                delete_device: true,
            })
        );
        let day = DayQuery { date: Some(NamedDay::Yesterday), bin: None };
        assert_eq!(read(RouteId::ReportDay, "", "date=yesterday"), Asked::Operation(Operation::ReportDay(day)));
        let bad = super::read(RouteId::ConfigGet, Parts { parameter: "891027350516", query: "", body: b"", format });
        assert!(bad.unwrap_err().detail.starts_with("{bin} in the path: "));
    }
}
