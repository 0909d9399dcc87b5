//! One row per operation and one per reply: whatever else is to be known of an operation follows from its row.

use serde::{Deserialize, Serialize, Serializer};

use super::shape::shape;
use super::*;
use crate::domain::Payer;
use crate::failure::Failure;
use crate::id::{OrganizationBin, PaymentRef};

/// A row of an operation, in the order in which operations came to be, which is their number on the wire:
///
/// ```text
/// Name(Request): Traffic(Reply's type in Reply's variants), Right, Effect, METHOD "path" shape,
///     "summary";
/// ```
///
/// The shape says what of the request is in the path, the query and the body ([`shape`]).
macro_rules! operations {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident($request:ident): $traffic:ident $(($answer:ident in $($reply:ident)|+))?,
            $right:ident, $effect:ident, $method:ident $path:literal $shape:ident, $summary:literal;
    )+) => {
        /// One thing a caller may ask. [`Operation::right`] says who may.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Operation { $($(#[doc = $doc])+ $name($request),)+ }

        /// Which operation it is, whatever is asked in it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum OperationId { $(#[doc = $summary] $name,)+ }

        impl OperationId {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What is known of it.
            #[must_use]
            pub fn row(self) -> &'static Row {
                match self {
                    $(Self::$name => &Row {
                        right: Right::$right,
                        effect: Effect::$effect,
                        traffic: Traffic::$traffic,
                        method: stringify!($method),
                        path: $path,
                        summary: $summary,
                    },)+
                }
            }

            /// Does something with the type of its request.
            pub fn visit<V: Visitor>(self, visitor: V) -> V::Output {
                match self { $(Self::$name => of_traffic!(visit $traffic visitor $request),)+ }
            }
        }

        impl Operation {
            /// Which it is.
            #[must_use]
            pub fn id(&self) -> OperationId {
                match self { $(Self::$name(_) => OperationId::$name,)+ }
            }

            /// The operation as HTTP writes it.
            #[must_use]
            pub fn written(&self) -> Written {
                match self { $(Self::$name(request) => of_traffic!(write $traffic request),)+ }
            }
        }

        $(
            impl From<$request> for Operation {
                fn from(request: $request) -> Self {
                    Self::$name(request)
                }
            }

            shape! { $shape $request }
            of_traffic! { answer $traffic $request $(($answer in $($reply)|+))? }
        )+
    };
}

/// What differs by what goes over the wire.
macro_rules! of_traffic {
    (visit Message $visitor:ident $request:ident) => { $visitor.message::<$request>() };
    (visit Upload $visitor:ident $request:ident) => { $visitor.upload::<$request>() };
    (visit Download $visitor:ident $request:ident) => { $visitor.download::<$request>() };
    (write Upload $request:ident) => { Written::upload($request.format, &ImportQuery { dry_run: $request.dry_run }) };
    (write $message:ident $request:ident) => { Written::of($request.clone()) };
    (answer Message $request:ident ($answer:ident in $($reply:ident)|+)) => {
        impl Request for $request {
            type Reply = $answer;

            fn reply(reply: Reply) -> Result<$answer, OtherReply> {
                match reply {
                    $(Reply::$reply(answer))|+ => Ok(answer),
                    _ => Err(OtherReply),
                }
            }
        }
    };
    (answer Upload $request:ident ($answer:ident in $reply:ident)) => {
        impl Upload for $request {
            type Query = ImportQuery;
            type Reply = $answer;
        }
    };
    (answer Download $request:ident) => {};
}

operations! {
    /// The state of the daemon, its identity, configs and payments, with what needs a person.
    Health(HealthQuery): Message(Health in Health), Observe, Reads, GET "/v1/health" bare,
        "The state of the daemon and what needs a person";
    /// The version of the running program.
    Version(VersionQuery): Message(Version in Version), Observe, Reads, GET "/v1/version" bare,
        "The version of the running program";
    /// The configs of a shop or of all, without tokens.
    ConfigList(ConfigQuery): Message(Configs in Configs), Observe, Reads, GET "/v1/configs" query,
        "The configs, without tokens";
    /// One config by its BIN.
    ConfigGet(GetConfig): Message(Config in Config), Observe, Reads, GET "/v1/configs/{bin}" bin,
        "One config";
    /// Asks Kaspi for the trade points of a BIN (step 1 of the guide); changes nothing.
    TradePoints(TradePointQuery): Message(TradePoints in TradePoints), Admin, Reads, GET "/v1/trade-points/{bin}" bin,
        "Ask Kaspi for the trade points of a BIN";
    /// Steps 1–3 of the guide in one: look up the trade point, register the device, store the config.
    Enrol(Enrol): Message(Config in Enrolled | Config), Admin, Changes, POST "/v1/configs" body,
        "Enrol a BIN: trade point, device, config";
    /// Activates, makes default, describes, or moves a config to another trade point.
    ChangeConfig(ChangeConfig): Message(Config in Config), Admin, Changes, PATCH "/v1/configs/{bin}" own,
        "Activate, make default, describe or move a config";
    /// Takes a BIN out of use; its row, history and token stay, so its payments remain refundable.
    RetireConfig(RetireConfig): Message(Config in Config), Admin, Changes, DELETE "/v1/configs/{bin}" own,
        "Take a BIN out of use; its history stays";
    /// Looks now whether the config's trade point is still listed.
    VerifyConfig(VerifyConfig): Message(Config in Config), Admin, Reads, POST "/v1/configs/{bin}/verify" bin,
        "Look now whether the trade point is still listed";
    /// Asks Kaspi for a new token for the config's (BIN, trade point) (step 2 of the guide), or for another trade point of
    /// the BIN, so that payments made there can be refunded.
    RegisterDevice(RegisterDevice): Message(Config in Config), Admin, Changes, POST "/v1/configs/{bin}/register" own,
        "Ask Kaspi for a new device token";
    /// Which config a payment would use, and why.
    Select(Select): Message(Selected in Selected), Pay, Reads, GET "/v1/select" query,
        "Which config a payment would use, and why";
    /// Takes a payment (step 4 of the guide). Needs a request key.
    Create(CreatePayment): Message(Payment in Created | Payment), Pay, MovesMoney, POST "/v1/payments" body,
        "Take a payment";
    /// Payments, newest first.
    PaymentList(PaymentQuery): Message(Payments in Payments), Pay, Reads, GET "/v1/payments" query,
        "Payments, newest first";
    /// One payment; asks Kaspi when what is known is older than the polling interval.
    PaymentGet(GetPayment): Message(Payment in Payment), Pay, Reads, GET "/v1/payments/{ref}" own,
        "One payment, asking Kaspi where what is known is old";
    /// What a link's or QR's picture shows.
    PaymentPicture(GetPicture): Message(Picture in Picture), Pay, Reads, GET "/v1/payments/{ref}/qr.svg" payment,
        "The QR of a link or QR payment, as SVG";
    /// Cancels a remote invoice that is not paid. Moves no money and may be repeated: a request key is welcome, not needed.
    Cancel(CancelPayment): Message(Payment in Payment), Pay, Changes, POST "/v1/payments/{ref}/cancel" payment,
        "Cancel a remote invoice that is not paid";
    /// Pays money back, all that is left or a part. Needs a request key.
    Refund(PayBack): Message(Payment in Payment), Refund, MovesMoney, POST "/v1/payments/{ref}/refunds" own,
        "Pay money back, all that is left or a part";
    /// Takes in a payment that was made before kaspid.
    Adopt(Adopt): Message(Payment in Created | Payment), Refund, Changes, POST "/v1/payments/adopt" body,
        "Take in a payment made before kaspid";
    /// The name Kaspi has for a phone number, so that the cashier can ask "is that you?". Never stored.
    Payer(PayerQuery): Message(Payer in Payer), Pay, Reads, GET "/v1/payers/{phone}" own,
        "The name Kaspi has for a phone number";
    /// Rows of the audit log.
    LogList(LogQuery): Message(LogRows in Log), Audit, Reads, GET "/v1/log" query,
        "Rows of the audit log; with wait, as they come";
    /// Checks the whole chain of the audit log, and on request a kept head and the projections.
    LogVerify(VerifyQuery): Message(Verified in Verified), Audit, Reads, GET "/v1/log/verify" query,
        "Check the whole chain of the audit log, a kept head, the projections";
    /// Subject and expiry of the client certificate; never a key.
    Identity(IdentityQuery): Message(Identity in Identity), Admin, Reads, GET "/v1/identity" bare,
        "Subject and expiry of the client certificate";
    /// Reads configuration and identity again, as SIGHUP does; a failed reload keeps the old.
    Reload(Reload): Message(Reloaded in Reloaded), Admin, Changes, POST "/v1/reload" bare,
        "Read configuration and identity again";
    /// Closes what only a person can close.
    Resolve(ResolvePayment): Message(Payment in Payment), Admin, Changes, POST "/v1/payments/{ref}/resolve" own,
        "Close what only a person can close";
    /// What changed since a cursor.
    Events(EventQuery): Message(Events in Events), Pay, Reads, GET "/v1/events" query,
        "What changed since a cursor, as soon as it does";
    /// The rows of the audit log as a file. HTTP only: the answer is streamed.
    LogExport(ExportQuery): Download, Audit, Reads, GET "/v1/log/export" query,
        "The audit log as CSV or JSON lines, with the columns of KaspiPayLog first";
    /// Takes configs in from a file of the guide's KaspiPayConfig, all or none, or says what would come of it. HTTP only:
    /// the file is streamed.
    ImportConfigs(ImportConfigs): Upload(Imported in Imported), Admin, Changes, POST "/v1/import/configs" file,
        "Take in a KaspiPayConfig table, all rows or none";
    /// Takes rows of the guide's KaspiPayLog into the audit log, all or none, and adopts their payments, or says what would
    /// come of it. HTTP only: the file is streamed.
    ImportLog(ImportLog): Upload(Imported in Imported), Admin, Changes, POST "/v1/import/log" file,
        "Take in a KaspiPayLog table and its payments, all rows or none";
    /// Says that a person has looked at what a restored backup left out: creates and refunds go on.
    AcknowledgeRestore(AcknowledgeRestore): Message(Acknowledged in Acknowledged), Admin, Changes, POST "/v1/restore/acknowledge" bare,
        "Say that a person has looked at what a restored backup left out";
    /// A consistent copy of all state as a file, device tokens included. HTTP only: the answer is streamed.
    Backup(Backup): Download, Admin, Reads, GET "/v1/backup" bare,
        "All state in one file, device tokens included; no mTLS key";
    /// What a monitoring system asks for: numbers of all that the caller may see, as Prometheus text.
    Metrics(MetricsQuery): Message(Metrics in Metrics), Observe, Reads, GET "/metrics" bare,
        "Numbers for a monitoring system, as Prometheus text";
    /// What a day brought, by organisation. Asks Kaspi once for each payment of that day that is still open.
    ReportDay(DayQuery): Message(DayReport in Day), Audit, Reads, GET "/v1/reports/day" query,
        "What a day brought, by organisation, and what a person should look at";
    /// What the days of a range brought, by organisation. Asks Kaspi nothing.
    ReportRange(RangeQuery): Message(RangeReport in Range), Audit, Reads, GET "/v1/reports/range" query,
        "The same for the days of a range, with each day's sums";
    /// One line for each payment and each refund of some days, with sums that are those of the report. HTTP only: the answer is
    /// streamed.
    Statement(StatementQuery): Download, Audit, Reads, GET "/v1/statement" query,
        "One line per payment and refund of some days, in tenge, for the accountant";
    /// Looks at the configuration, the files, the way to the bank, the organisations and the payments; changes
    /// nothing, and asks the bank one read.
    Diagnose(Diagnose): Message(Diagnosis in Diagnosis), Observe, Reads, GET "/v1/doctor" bare,
        "Look at the daemon, its files, the way to the bank and the shop";
    /// What one caller may use: connections, requests a second, sizes, pages and waits.
    Limits(LimitsQuery): Message(LimitsInForce in Limits), Observe, Reads, GET "/v1/limits" bare,
        "What one caller may use of the daemon";
    /// Makes a key that never leaves the daemon, and the request that the bank is to sign; asked without a subject, tells
    /// the request that waits once more.
    GenerateIdentity(GenerateIdentity): Message(CertificateRequest in CertificateRequest), Admin, Changes,
        POST "/v1/identity/generate" body, "Make a key here, and the request for its certificate";
    /// Takes the bank's certificate for the key that waits, looks at the bank with it, and puts it in use.
    InstallIdentity(InstallIdentity): Message(IdentityTaken in IdentityTaken), Admin, Changes,
        POST "/v1/identity/install" body, "Take the certificate for the key that waits";
    /// Takes in a key and certificate made elsewhere, looks at the bank with them, and puts them in use.
    ImportIdentity(ImportIdentity): Message(IdentityTaken in IdentityTaken), Admin, Changes,
        POST "/v1/identity/import" body, "Take in a key and certificate made elsewhere";
    /// The same in place of those in use; whatever goes wrong, those stay.
    RotateIdentity(RotateIdentity): Message(IdentityTaken in IdentityTaken), Admin, Changes,
        POST "/v1/identity/rotate" body, "Exchange the key and certificate in use";
}

/// A row of a reply, with the same rule of order.
macro_rules! replies {
    ($($(#[doc = $doc:literal])+ $name:ident($answer:ident);)+) => {
        /// The answer to an operation that was carried out.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        pub enum Reply { $($(#[doc = $doc])+ $name($answer),)+ }

        impl Reply {
            /// What it holds, without its name.
            #[must_use]
            pub fn document(&self) -> Document<'_> {
                Document(self)
            }
        }

        impl Serialize for Document<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.0 { $(Reply::$name(answer) => answer.serialize(serializer),)+ }
            }
        }
    };
}

/// A reply as HTTP and `kaspictl --json` write it: what it holds, without its name.
#[derive(Clone, Copy, Debug)]
pub struct Document<'r>(&'r Reply);

replies! {
    /// To [`Operation::Health`].
    Health(Health);
    /// To [`Operation::Version`].
    Version(Version);
    /// A list of configs.
    Configs(Configs);
    /// One config.
    Config(Config);
    /// A config that did not exist before.
    Enrolled(Config);
    /// What Kaspi lists.
    TradePoints(TradePoints);
    /// The config a payment would use.
    Selected(Selected);
    /// A payment that did not exist before.
    Created(Payment);
    /// A payment.
    Payment(Payment);
    /// A list of payments.
    Payments(Payments);
    /// What a link's or QR's picture shows.
    Picture(Picture);
    /// A payer's name.
    Payer(Payer);
    /// Rows of the log.
    Log(LogRows);
    /// The state of the chain.
    Verified(Verified);
    /// The client certificate.
    Identity(Identity);
    /// What a reload did.
    Reloaded(Reloaded);
    /// What changed.
    Events(Events);
    /// What an import did.
    Imported(Imported);
    /// The gaps of restored backups that were closed.
    Acknowledged(Acknowledged);
    /// Prometheus text.
    Metrics(Metrics);
    /// What a day brought.
    Day(DayReport);
    /// What the days of a range brought.
    Range(RangeReport);
    /// What the daemon finds when it looks at itself and at the way to the bank.
    Diagnosis(Diagnosis);
    /// To [`Operation::Limits`].
    Limits(LimitsInForce);
    /// A request that the bank is to sign.
    CertificateRequest(CertificateRequest);
    /// To the operations that put an identity in use.
    IdentityTaken(IdentityTaken);
}
