//! An HTTP request, read, into an operation.

use super::parse::{json, query};
use super::routes::RouteId;
use crate::failure::Failure;
use crate::operation::{FileFormat, Nothing, Operation, Parameter, Request, Shape, Upload, Visitor};

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

/// The operation a request asks for; none where it asks for the description of the interface.
///
/// # Errors
/// `invalid_request` that names what is wrong.
pub(super) fn read(route: RouteId, parts: Parts<'_>) -> Result<Option<Operation>, Failure> {
    match route.operation() {
        Some(id) => id.visit(parts).map(Some),
        None => parts.bare().map(|()| None),
    }
}

/// Reads a request of the type that the operation has.
impl Visitor for Parts<'_> {
    type Output = Result<Operation, Failure>;

    fn message<R: Request>(self) -> Self::Output {
        self.shaped::<R>()
    }

    fn upload<R: Upload>(self) -> Self::Output {
        query(self.query).map(|query| R::from((self.format, query)).into())
    }

    fn download<R: Shape>(self) -> Self::Output {
        self.shaped::<R>()
    }
}

impl Parts<'_> {
    fn shaped<R: Shape>(self) -> Result<Operation, Failure> {
        let query = query(self.query)?;
        let wrong = |error| Failure::invalid(format!("{} in the path: {error}", R::Path::PLACE));
        let path = R::Path::read(self.parameter).map_err(wrong)?;
        let body = match R::without_body() {
            Some(usual) if self.body.is_empty() => usual,
            _ => json(self.body)?,
        };
        R::join(path, query, body).map(Into::into)
    }

    /// A request with neither query parameters nor a body.
    fn bare(self) -> Result<(), Failure> {
        query(self.query).map(|Nothing {}| ())?;
        if self.body.is_empty() { Ok(()) } else { json(self.body).map(|Nothing {}| ()) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may")]

    use super::*;
    use crate::day::NamedDay;
    use crate::moment::Span;
    use crate::operation::{DayQuery, GetPayment, OperationId, RetireConfig};

    const RESOLVE: &str = r#"{"paid":true,"reason":"seen in the app"}"#;
    const ENROL: &str = r#"{"organization_bin":"891027350515"}"#;
    const CREATE: &str = r#"{"kind":"qr","amount_tiyn":10000}"#;
    const ADOPT: &str = r#"{"qr_payment_id":"12737694350","organization_bin":"891027350515"}"#;

    /// A request that each route accepts.
    pub(in crate::door) fn sample(route: RouteId) -> Option<Operation> {
        let parameter = match route.row().path {
            template if template.contains("{bin}") => "891027350515",
            template if template.contains("{ref}") => "12737694350",
            template if template.contains("{phone}") => "+7 701 521 15 45",
            _ => "",
        };
        let body = match route.operation() {
            Some(OperationId::Enrol) => ENROL,
            Some(OperationId::ChangeConfig | OperationId::Refund | OperationId::RegisterDevice) => "{}",
            Some(OperationId::Create) => CREATE,
            Some(OperationId::Resolve) => RESOLVE,
            Some(OperationId::Adopt) => ADOPT,
            Some(OperationId::GenerateIdentity) => r#"{"subject":"CN=shop.kz"}"#,
            Some(OperationId::InstallIdentity) => r#"{"certificate":"MAA="}"#,
            Some(OperationId::ImportIdentity | OperationId::RotateIdentity) => r#"{"pkcs12":"MAA=","passphrase":"x"}"#,
            _ => "",
        };
        let query = if route == RouteId::Operation(OperationId::ReportRange) { "from=2026-11-01" } else { "" };
        read(route, Parts { parameter, query, body: body.as_bytes(), format: FileFormat::Csv })
            .expect("a sample is a good request")
    }

    /// Whoever may call a route may do what is asked there, and what is asked there is what the route is named after.
    #[test]
    fn a_route_and_its_operation_name_each_other_and_need_the_same_right() {
        for route in RouteId::all() {
            let asked = sample(route);
            assert_eq!(asked.as_ref().map(Operation::id), route.operation());
            assert!(asked.is_none_or(|operation| operation.right() == route.row().right), "{route:?}");
        }
    }

    /// A person copies what `kaspictl --api` writes: it is read as the same operation.
    #[test]
    fn what_is_written_is_read_as_the_same() {
        for operation in RouteId::all().filter_map(sample) {
            let written = operation.written();
            let body = written.body.map(|body| serde_json::to_vec(&body).unwrap()).unwrap_or_default();
            let query: Vec<(String, String)> = written
                .query
                .into_iter()
                .map(|(name, value)| (name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
                .collect();
            let query = serde_urlencoded::to_string(query).unwrap();
            let format = written.file.unwrap_or_default();
            let parts = Parts { parameter: &written.parameter, query: &query, body: &body, format };
            assert_eq!(read(RouteId::Operation(operation.id()), parts).unwrap(), Some(operation));
        }
    }

    #[test]
    fn every_route_refuses_query_parameters_it_does_not_know() {
        for route in RouteId::all() {
            let format = FileFormat::Csv;
            let parts = Parts { parameter: "891027350515", query: "surprise=1", body: b"", format };
            let refused = read(route, parts).expect_err("unknown parameter").detail;
            assert!(refused.contains("surprise") || refused.contains("the body"), "{route:?}: {refused}");
        }
    }

    #[test]
    fn what_stands_in_the_path_and_query_arrives() {
        let format = FileFormat::Csv;
        let read = |id, parameter, query| {
            read(RouteId::Operation(id), Parts { parameter, query, body: b"", format }).unwrap().unwrap()
        };
        assert_eq!(
            read(OperationId::PaymentGet, "12737694350", "wait=60s"),
            Operation::from(GetPayment { payment: "12737694350".parse().unwrap(), wait: Some(Span::from_secs(60)) })
        );
        assert_eq!(
            read(OperationId::RetireConfig, "891027350515", "delete_device=true"),
            Operation::from(RetireConfig { organization_bin: "891027350515".parse().unwrap(), delete_device: true })
        );
        let day = DayQuery { date: Some(NamedDay::Yesterday), bin: None };
        assert_eq!(read(OperationId::ReportDay, "", "date=yesterday"), Operation::from(day));
        let bad = super::read(
            RouteId::Operation(OperationId::ConfigGet),
            Parts { parameter: "891027350516", query: "", body: b"", format },
        );
        assert!(bad.unwrap_err().detail.starts_with("{bin} in the path: "));
    }
}
