//! One value of each reply, for the tests of text, JSON and exit codes.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

use crate::domain::{Actor, Dialect, Evidence, Kind, LogStatus, OperationType, Payer, Standing, State, TradePoint};
use crate::money::Amount;
use crate::operation::*;

fn amount(tiyn: u64) -> Amount {
    Amount::from_tiyn(tiyn).unwrap()
}

pub(super) fn payment(kind: Kind, state: State) -> Payment {
    Payment {
        id: "019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55".parse().unwrap(),
        qr_payment_id: Some("12737694350".parse().unwrap()),
        kind,
        state,
        kaspi_status: Some("RemotePaymentCreated".to_owned()),
        shop_id: 8,
        organization_bin: "891027350515".parse().unwrap(),
        description: Some("Main BIN".parse().unwrap()),
        trade_point_id: "104039".parse().unwrap(),
        trade_point_name: Some("Main Office".to_owned()),
        amount_tiyn: amount(1_250_050),
        refunded_tiyn: Amount::ZERO,
        refunded_elsewhere_tiyn: Amount::ZERO,
        refunds: Vec::new(),
        phone: Some("7701***1545".to_owned()),
        comment: None,
        invoice: Some("order-123".parse().unwrap()),
        link: None,
        qr_token: None,
        expires_at: Some("2026-11-25T13:00:00Z".parse().unwrap()),
        request_key: Some("K1".parse().unwrap()),
        supersedes: None,
        late: false,
        created_at: "2026-11-24T13:00:00Z".parse().unwrap(),
        updated_at: "2026-11-24T13:00:00Z".parse().unwrap(),
        paid_at: None,
        paid_at_source: None,
    }
}

pub(super) fn refunded(status: LogStatus) -> Payment {
    let refund = Refund {
        id: "019305c2-0000-7000-8000-000000000001".parse().unwrap(),
        amount_tiyn: amount(5_000),
        status,
        evidence: Some(Evidence::Answer),
        at: "2026-11-24T14:00:00Z".parse().unwrap(),
        return_operation_id: Some("9001".to_owned()),
    };
    Payment { refunds: vec![refund], refunded_tiyn: amount(5_000), ..payment(Kind::Remote, State::Paid) }
}

pub(super) fn config() -> Config {
    Config {
        id: 1,
        shop_id: 8,
        organization_bin: "891027350515".parse().unwrap(),
        trade_point_id: "104039".parse().unwrap(),
        trade_point_name: Some("Main Office".to_owned()),
        is_active: true,
        is_default: true,
        dialect: Some(Dialect::Bank),
        standing: Standing::Verified,
        standing_reason: None,
        standing_since: "2026-11-24T10:00:00Z".parse().unwrap(),
        created_at: "2026-11-24T10:00:00Z".parse().unwrap(),
        updated_at: "2026-11-24T10:00:00Z".parse().unwrap(),
        last_verified_at: Some("2026-11-24T10:00:00Z".parse().unwrap()),
        description: Some("Main BIN".parse().unwrap()),
    }
}

pub(super) fn trade_points() -> Vec<TradePoint> {
    let point = |id: &str, name: &str, city: Option<&str>| TradePoint {
        id: id.parse().unwrap(),
        name: name.to_owned(),
        city: city.map(str::to_owned),
    };
    vec![point("104039", "Main Office", Some("Almaty")), point("7", "Цветы", None)]
}

fn identity() -> Identity {
    Identity {
        subject: "CN=cvety".to_owned(),
        not_after: "2027-11-24T13:00:00Z".parse().unwrap(),
        days_left: 365,
        sealed: false,
        no_end: false,
        key_waits: false,
    }
}

fn health() -> Health {
    Health {
        status: HealthStatus::Degraded,
        version: "0.1.0".to_owned(),
        identity: Some(identity()),
        configs: ConfigCounts { total: 2, active: 2, verified: 1, unverified: 0, suspended: 1 },
        payments: PaymentCounts { open: 3, unknown: 1 },
        problems: vec![ProblemItem {
            code: "payment_unknown".to_owned(),
            detail: "The answer to a create was lost".to_owned(),
            remedy: "kaspictl payment resolve 019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55".to_owned(),
            payment: Some("019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55".parse().unwrap()),
            config_id: None,
        }],
        seals: SealsInUse { key: None, tokens: Some("0123456789abcdef".to_owned()) },
    }
}

fn row() -> LogRow {
    LogRow {
        id: 17,
        shop_id: Some(8),
        kaspi_config_id: Some(1),
        operation_type: OperationType::Refund,
        external_id: Some("12737694350".parse().unwrap()),
        organization_bin: Some("891027350515".parse().unwrap()),
        amount: Some(amount(5_000)),
        status: LogStatus::Failed,
        error_message: Some("more than is left".to_owned()),
        created_at: "2026-11-24T14:00:00Z".parse().unwrap(),
        payment_id: Some("019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55".parse().unwrap()),
        kaspi_status: None,
        actor: Some(Actor { uid: 1000, name: Some("kassa1".to_owned()), gid: 1000, pid: None }),
        request_key: Some("K2".parse().unwrap()),
        x_request_id: None,
        provider_code: Some(-990_000_026),
        duration_ms: Some(41),
    }
}

fn imported() -> Imported {
    let sum = |rows, payments, billed| FileSum { rows, payments, billed_tiyn: total(billed), refunded_tiyn: total(0) };
    let sums = OrganizationSums {
        organization_bin: Some("891027350515".parse().unwrap()),
        file: sum(3, 2, 30_000),
        taken_in: sum(2, 1, 20_000),
    };
    Imported {
        dry_run: false,
        imported: 2,
        skipped: 1,
        adopted: 1,
        unknown_columns: vec!["note".to_owned()],
        understood: "text in UTF-8: commas".to_owned(),
        sums: vec![sums],
    }
}

fn total(tiyn: i64) -> crate::money::Total {
    serde_json::from_str(&tiyn.to_string()).unwrap()
}

fn organization_report() -> OrganizationReport {
    let line = |state: State, paid_at: Option<&str>| {
        let Payment { id, qr_payment_id, kind, amount_tiyn, invoice, created_at, .. } = payment(Kind::Remote, state);
        let may_have_been_paid = matches!(state, State::Unknown | State::Abandoned);
        let paid_at = paid_at.map(|at| at.parse().unwrap());
        let not_asked = (state == State::Waiting).then(|| "connection refused".to_owned());
        ReportPayment {
            id,
            qr_payment_id,
            kind,
            state,
            amount_tiyn,
            invoice,
            created_at,
            paid_at,
            may_have_been_paid,
            not_asked,
            last_asked: None,
        }
    };
    OrganizationReport {
        organization_bin: "891027350515".parse().unwrap(),
        description: Some("Main BIN".parse().unwrap()),
        payments: 3,
        taken_tiyn: total(1_250_050),
        refunds: 1,
        refunded_tiyn: total(5_000),
        refunded_elsewhere_tiyn: total(2_000_000),
        net_tiyn: total(-754_950),
        by_kind: ByKind {
            remote: Part { payments: 2, taken_tiyn: total(1_250_000) },
            link: Part { payments: 1, taken_tiyn: total(50) },
            qr: Part::default(),
        },
        by_paid_at_source: BySource {
            bank: Part { payments: 2, taken_tiyn: total(1_250_000) },
            seen: Part { payments: 1, taken_tiyn: total(50) },
        },
        open: vec![line(State::Waiting, None)],
        unknown: vec![line(State::Unknown, None), line(State::Abandoned, None)],
        late: vec![line(State::Paid, Some("2026-11-24T18:59:59.999Z"))],
        refunds_pending: vec![ReportRefund {
            id: "019305c2-0000-7000-8000-000000000001".parse().unwrap(),
            payment: "019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55".parse().unwrap(),
            amount_tiyn: amount(5_000),
            at: "2026-11-24T14:00:00Z".parse().unwrap(),
        }],
        unlisted: 2,
        lists: ListCounts {
            open: ListCount { all: 2, unlisted: 1, not_asked: 2 },
            unknown: ListCount { all: 2, unlisted: 0, not_asked: 0 },
            late: ListCount { all: 1, unlisted: 0, not_asked: 0 },
            refunds_pending: ListCount { all: 2, unlisted: 1, not_asked: 0 },
        },
    }
}

fn day_report() -> DayReport {
    DayReport {
        date: "2026-11-24".parse().unwrap(),
        timezone: "Asia/Almaty".to_owned(),
        head: format!("42:{}", "ab".repeat(32)),
        organizations: vec![organization_report()],
    }
}

fn range_report() -> RangeReport {
    let DayReport { timezone, head, organizations, date: to } = day_report();
    let totals = OrganizationTotals {
        organization_bin: "891027350515".parse().unwrap(),
        payments: 3,
        taken_tiyn: total(1_250_050),
        refunds: 1,
        refunded_tiyn: total(5_000),
        refunded_elsewhere_tiyn: total(2_000_000),
        net_tiyn: total(-754_950),
    };
    let days = vec![DayTotals { date: to, organizations: vec![totals] }];
    RangeReport { from: "2026-11-01".parse().unwrap(), to, timezone, head, organizations, days }
}

fn diagnosis() -> Diagnosis {
    Diagnosis {
        version: "0.1.0".to_owned(),
        config_file: "/etc/kaspid/kaspid.toml".to_owned(),
        state_dir: "/var/lib/kaspid".to_owned(),
        log_events: 42,
        log_head: "ab".repeat(32),
        checks: vec![
            Check::ok("config", "/etc/kaspid/kaspid.toml"),
            Check::failed("dns", "no address for no-such-host.invalid", "getent ahosts no-such-host.invalid"),
            Check::skipped("tcp", "needs the bank's address"),
            Check::warning(
                "bin",
                "its trade point was last seen listed 3 days ago",
                "kaspictl bin verify 891027350515",
            )
            .of(&"891027350515".parse().unwrap(), 1),
        ],
    }
}

/// One of each, in the order of [`Reply`].
pub(super) fn replies() -> Vec<Reply> {
    let verified = Verified {
        ok: true,
        events: 42,
        head: "ab".repeat(32),
        first_bad: None,
        head_matches: Some(true),
        differences: Some(Vec::new()),
    };
    let gap = RestoredGap {
        event: 18,
        restored_at: "2026-11-25T09:00:00Z".parse().unwrap(),
        backup_event: 17,
        backup_at: Some("2026-11-24T14:00:00Z".parse().unwrap()),
        replaced_event: Some(31),
        replaced_at: Some("2026-11-25T08:30:00Z".parse().unwrap()),
    };
    vec![
        Reply::Health(health()),
        Reply::Version(Version { version: "0.1.0".to_owned(), protocol: 1 }),
        Reply::Limits(LimitsInForce {
            connections: 512,
            connections_per_uid: 256,
            rate_per_uid: 500,
            burst_per_uid: 1000,
            body_bytes: 1 << 20,
            rows: 1000,
            wait_s: 600,
        }),
        Reply::Configs(Configs { configs: vec![config()], next: None }),
        Reply::Config(config()),
        Reply::Enrolled(Config { is_default: false, ..config() }),
        Reply::TradePoints(TradePoints { trade_points: trade_points(), next: None }),
        Reply::Selected(Selected { config: config(), reason: SelectReason::Default }),
        Reply::Created(payment(Kind::Remote, State::Waiting)),
        Reply::Payment(refunded(LogStatus::Success)),
        Reply::Payments(Payments {
            payments: vec![payment(Kind::Remote, State::Waiting), refunded(LogStatus::Success)],
            next: Some("019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55".parse().unwrap()),
        }),
        Reply::Picture(Picture { content: "https://kaspi.kz/pay?qrId=1".to_owned() }),
        Reply::Payer(Payer { name: "Test P.".to_owned() }),
        Reply::Log(LogRows { rows: vec![row()], next: None }),
        Reply::Verified(verified),
        Reply::Identity(identity()),
        Reply::Reloaded(Reloaded { changed: vec!["[verify] every".to_owned()], restart_needed: Vec::new() }),
        Reply::Imported(imported()),
        Reply::Acknowledged(Acknowledged { gaps: vec![gap] }),
        Reply::Metrics(Metrics {
            text: "# TYPE kaspid_configs gauge\nkaspid_configs{standing=\"verified\"} 1\n".to_owned(),
        }),
        Reply::Day(day_report()),
        Reply::Range(range_report()),
        Reply::Diagnosis(diagnosis()),
        Reply::CertificateRequest(CertificateRequest {
            request: "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n-----END CERTIFICATE REQUEST-----\n".to_owned(),
            made: true,
        }),
        Reply::IdentityTaken(IdentityTaken {
            identity: identity(),
            before: None,
            bank: Some("it lists the trade points of config 1".to_owned()),
        }),
    ]
}
