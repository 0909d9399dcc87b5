//! Command lines and the operations they stand for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot unwrap has failed")]

use clap::Parser;

use super::*;
use crate::ctl::invocation::Goal;
use crate::day::NamedDay;
use crate::domain::{Kind, LogStatus, OperationType, State};
use crate::id::OrganizationBin;
use crate::moment::Span;
use crate::operation::{
    AcknowledgeRestore, Adopt, CancelPayment, ChangeConfig, ConfigChange, ConfigQuery, CreatePayment, DayQuery, Enrol,
    GetConfig, GetPayment, HealthQuery, IdentityQuery, LimitsQuery, LogQuery, MetricsQuery, Operation, Order, PayBack,
    PayerQuery, PaymentQuery, RangeQuery, RefundPayment, RegisterDevice, Reload, Resolve, ResolvePayment, RetireConfig,
    Select, TradePointQuery, VerifyConfig, VerifyQuery, VersionQuery,
};

const MAIN: &str = "891027350515";
const KEPT: &str = "4cf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cb01";
const KEPT_LINE: &str =
    "kaspictl log verify --rebuild --head 7:4cf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cb01";
const OURS: &str = "019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55";

fn read(line: &str) -> Invocation {
    let reader = Person::named("Asia/Almaty").unwrap();
    let cli = Cli::try_parse_from(line.split(' ')).unwrap_or_else(|error| panic!("{line}: {error}"));
    match of(cli, &reader) {
        Ok(Plan::Invocation(ask)) => *ask,
        Ok(Plan::Completions(_) | Plan::Restore(_) | Plan::Doctor(_) | Plan::Bugreport(_) | Plan::Setup(_)) => {
            panic!("{line}: is not one question")
        }
        Err(usage) => panic!("{line}: {usage}"),
    }
}

fn bin() -> OrganizationBin {
    MAIN.parse().unwrap()
}

fn payment() -> crate::id::PaymentRef {
    "12737694350".parse().unwrap()
}

fn change(change: ConfigChange) -> Operation {
    Operation::ChangeConfig(ChangeConfig { organization_bin: bin(), change })
}

fn create(kind: Kind) -> CreatePayment {
    CreatePayment {
        kind,
        amount_tiyn: crate::money::Amount::from_tiyn(15_050).unwrap(),
        phone_number: None,
        comment: None,
        invoice: None,
        repeat_invoice: false,
        shop_id: None,
        organization_bin: None,
        wait: None,
        supersedes: None,
        reason: None,
    }
}

fn enrol() -> Enrol {
    Enrol {
        shop_id: None,
        organization_bin: bin(),
        trade_point_id: None,
        device_token: None,
        is_default: false,
        description: None,
    }
}

#[test]
fn administration() {
    let organization_bin = bin();
    let table = [
        ("kaspictl status", Operation::Health(HealthQuery)),
        ("kaspictl version", Operation::Version(VersionQuery)),
        ("kaspictl metrics", Operation::Metrics(MetricsQuery)),
        ("kaspictl limits", Operation::Limits(LimitsQuery)),
        ("kaspictl reload", Operation::Reload(Reload)),
        ("kaspictl identity show", Operation::Identity(IdentityQuery)),
        ("kaspictl log verify", Operation::LogVerify(VerifyQuery::default())),
        (
            KEPT_LINE,
            Operation::LogVerify(VerifyQuery { head: Some(format!("7:{KEPT}").parse().unwrap()), rebuild: true }),
        ),
        ("kaspictl restore --acknowledge", Operation::AcknowledgeRestore(AcknowledgeRestore)),
        ("kaspictl bin list", Operation::ConfigList(ConfigQuery { shop_id: None })),
        ("kaspictl bin list --shop 8", Operation::ConfigList(ConfigQuery { shop_id: Some(8) })),
        ("kaspictl bin show 891027350515", Operation::ConfigGet(GetConfig { organization_bin: bin() })),
        ("kaspictl bin trade-points 891027350515", Operation::TradePoints(TradePointQuery { organization_bin: bin() })),
        ("kaspictl bin verify 891027350515", Operation::VerifyConfig(VerifyConfig { organization_bin: bin() })),
        (
            "kaspictl bin register 891027350515",
            Operation::RegisterDevice(RegisterDevice { organization_bin: bin(), trade_point_id: None }),
        ),
        (
            "kaspictl bin register 891027350515 --trade-point 104039",
            Operation::RegisterDevice(RegisterDevice {
                organization_bin: bin(),
                trade_point_id: Some("104039".parse().unwrap()),
            }),
        ),
        (
            "kaspictl bin remove 891027350515",
            Operation::RetireConfig(RetireConfig { organization_bin, delete_device: false }),
        ),
        ("kaspictl bin add 891027350515", Operation::Enrol(enrol())),
        (
            "kaspictl bin add 891027350515 --trade-point 104039 --default --description Main --shop 8",
            Operation::Enrol(Enrol {
                shop_id: Some(8),
                trade_point_id: Some("104039".parse().unwrap()),
                is_default: true,
                description: Some("Main".parse().unwrap()),
                ..enrol()
            }),
        ),
        (
            "kaspictl bin default 891027350515",
            change(ConfigChange { is_default: Some(true), ..ConfigChange::default() }),
        ),
        (
            "kaspictl bin activate 891027350515",
            change(ConfigChange { is_active: Some(true), ..ConfigChange::default() }),
        ),
        (
            "kaspictl bin deactivate 891027350515",
            change(ConfigChange { is_active: Some(false), ..ConfigChange::default() }),
        ),
        (
            "kaspictl bin set 891027350515 --trade-point 104040",
            change(ConfigChange { trade_point_id: Some("104040".parse().unwrap()), ..ConfigChange::default() }),
        ),
    ];
    for (line, operation) in table {
        let ask = read(line);
        assert_eq!(ask.operation, operation, "{line}");
        assert!(ask.key.is_none() && ask.goal == Goal::Answer, "{line}");
    }
}

#[test]
fn payments_are_taken() {
    let full = CreatePayment {
        phone_number: Some("77015211545".parse().unwrap()),
        comment: Some("Order".parse().unwrap()),
        invoice: Some("order-123".parse().unwrap()),
        repeat_invoice: true,
        shop_id: Some(8),
        organization_bin: Some(bin()),
        wait: Some("3m".parse().unwrap()),
        supersedes: Some(OURS.parse().unwrap()),
        reason: Some("lost".parse().unwrap()),
        ..create(Kind::Remote)
    };
    let ask = read(&format!(
        "kaspictl pay 150.50 --phone 87015211545 --comment Order --invoice order-123 --repeat-invoice --shop 8 \
         --bin {MAIN} --wait=3m --supersedes {OURS} --reason lost --key K1"
    ));
    assert_eq!(ask.operation, Operation::Create(full));
    assert_eq!(ask.key.map(|key| (key.key.to_string(), key.made)), Some(("K1".to_owned(), false)));
    assert_eq!(ask.goal, Goal::Final("3m".parse().unwrap()));

    let ask = read("kaspictl link 150.50 --qr");
    assert_eq!(ask.operation, Operation::Create(create(Kind::Link)));
    assert!(ask.draw && ask.goal == Goal::Billed && ask.key.is_some_and(|key| key.made));

    let ask = read("kaspictl qr 150.50 --wait");
    let waits = CreatePayment { wait: Some(Span::from_secs(60)), ..create(Kind::Qr) };
    assert_eq!((ask.operation, ask.goal), (Operation::Create(waits), Goal::Final(Span::from_secs(60))));
}

#[test]
fn payments_are_followed() {
    let get = |wait| Operation::PaymentGet(GetPayment { payment: payment(), wait });
    assert_eq!(read("kaspictl payment show 12737694350").operation, get(None));
    let ask = read("kaspictl payment wait 12737694350 --timeout 10m");
    assert_eq!((ask.operation, ask.goal), (get(Some(Span::from_secs(600))), Goal::Final(Span::from_secs(600))));

    let ask = read("kaspictl payment cancel 12737694350");
    assert_eq!((ask.operation, ask.goal), (Operation::Cancel(CancelPayment { payment: payment() }), Goal::Cancelled));
    assert!(ask.key.is_some_and(|key| key.made));

    for (line, tiyn) in
        [("kaspictl payment refund 12737694350 50", Some(5_000)), ("kaspictl payment refund 12737694350", None)]
    {
        let amount_tiyn = tiyn.map(|tiyn| crate::money::Amount::from_tiyn(tiyn).unwrap());
        let refund = RefundPayment { amount_tiyn, repeat_refund: false };
        let ask = read(line);
        assert_eq!(
            (ask.operation, ask.goal),
            (Operation::Refund(PayBack { payment: payment(), refund }), Goal::PaidBack)
        );
        assert!(ask.key.is_some_and(|key| key.made));
    }
    let query = PaymentQuery {
        state: Some(State::Unknown),
        bin: Some(bin()),
        key: Some("K1".parse().unwrap()),
        invoice: Some("order-123".parse().unwrap()),
        since: Some("2026-11-23T19:00:00Z".parse().unwrap()),
        after: Some(OURS.parse().unwrap()),
        limit: Some(5),
    };
    let line = format!(
        "kaspictl payment list --state unknown --bin {MAIN} --key K1 --invoice order-123 --since 2026-11-24 \
         --after {OURS} --limit 5"
    );
    assert_eq!(read(&line).operation, Operation::PaymentList(query));
}

#[test]
fn people_close_what_only_they_can() {
    let reason = || "seen".parse().unwrap();
    let table = [
        ("--attach 1", Resolve::Attach { qr_payment_id: "1".parse().unwrap(), reason: reason() }),
        ("--abandon", Resolve::Abandon { reason: reason() }),
        ("--paid no", Resolve::Paid { paid: false, reason: reason() }),
        (
            "--refund 019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55 --happened yes",
            Resolve::Refund { refund: OURS.parse().unwrap(), happened: true, reason: reason() },
        ),
    ];
    for (how, resolution) in table {
        let ask = read(&format!("kaspictl payment resolve 12737694350 {how} --reason seen"));
        assert_eq!(ask.operation, Operation::Resolve(ResolvePayment { payment: payment(), resolution }), "{how}");
    }
    let adopt = Adopt {
        qr_payment_id: "12737694350".parse().unwrap(),
        organization_bin: bin(),
        amount_tiyn: Some(crate::money::Amount::from_tiyn(10_000).unwrap()),
    };
    let ask = read("kaspictl payment adopt 12737694350 --bin 891027350515 --amount 100");
    assert_eq!(ask.operation, Operation::Adopt(adopt));
}

#[test]
fn questions() {
    let phone_number = "77015211545".parse().unwrap();
    let payer = PayerQuery { phone_number, shop_id: Some(8), organization_bin: Some(bin()) };
    assert_eq!(read("kaspictl payer 77015211545 --shop 8 --bin 891027350515").operation, Operation::Payer(payer));
    assert_eq!(read("kaspictl select").operation, Operation::Select(Select::default()));
    let query = LogQuery {
        from: Some("2026-11-23T19:00:00Z".parse().unwrap()),
        to: Some("2026-11-24T19:00:00Z".parse().unwrap()),
        bin: Some(bin()),
        payment: Some(OURS.parse().unwrap()),
        operation: Some(OperationType::Refund),
        status: Some(LogStatus::Failed),
        after: Some(7),
        limit: Some(10),
        order: Some(Order::Desc),
        wait: None,
    };
    let line = format!(
        "kaspictl log list --from 2026-11-24 --to 2026-11-24 --bin {MAIN} --payment {OURS} --operation refund \
         --status failed --after 7 --limit 10 --newest-first"
    );
    assert_eq!(read(&line).operation, Operation::LogList(query));
}

#[test]
fn reports_and_who_follows() {
    let day = |line: &str| read(line).operation;
    let query = |date: Option<&str>| DayQuery { date: date.map(|date| date.parse().unwrap()), bin: None };
    assert_eq!(day("kaspictl report"), Operation::ReportDay(query(None)));
    assert_eq!(day("kaspictl report --date yesterday"), Operation::ReportDay(query(Some("yesterday"))));
    let range = RangeQuery { from: "2026-11-01".parse().unwrap(), to: Some(NamedDay::Today), bin: Some(bin()) };
    let line = format!("kaspictl report --from 2026-11-01 --to today --bin {MAIN}");
    assert_eq!(day(&line), Operation::ReportRange(range));
    let ask = read(&format!("kaspictl log follow --bin {MAIN} --after 7"));
    let Operation::LogList(query) = ask.operation else { panic!("{:?}", ask.operation) };
    assert_eq!((ask.goal, query.bin, query.after, query.wait.is_some()), (Goal::Follow, Some(bin()), Some(7), true));
}

#[test]
fn deleting_a_device_wants_a_yes() {
    assert!(read("kaspictl bin remove 891027350515").confirm.is_none());
    assert!(read("kaspictl bin remove 891027350515 --delete-device").confirm.is_some());
    assert!(read("kaspictl bin remove 891027350515 --delete-device --yes").confirm.is_none());
}

#[test]
fn a_wrong_command_line_never_becomes_an_operation() {
    let reader = Person::named("Asia/Almaty").unwrap();
    for line in [
        "kaspictl pay 150",
        "kaspictl pay 150 --phone 123",
        "kaspictl pay 0 --phone 77015211545",
        "kaspictl pay 1.005 --phone 77015211545",
        "kaspictl pay 150 --phone 77015211545 --bin 891027350516",
        "kaspictl pay 150 --phone 77015211545 --wait 60s",
        "kaspictl link 150 --supersedes 019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55",
        "kaspictl link 150 --repeat-invoice",
        "kaspictl link 150 --qr --json",
        "kaspictl bin set 891027350515",
        "kaspictl bin remove 891027350515 --yes",
        "kaspictl payment resolve 1 --reason seen",
        "kaspictl payment resolve 1 --abandon",
        "kaspictl payment resolve 1 --abandon --paid yes --reason seen",
        "kaspictl payment resolve 1 --refund 019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55 --reason seen",
        "kaspictl payment resolve 1 --abandon --happened yes --reason seen",
        "kaspictl payment adopt 1",
        "kaspictl payment show order-123",
        "kaspictl payment list --state open",
        "kaspictl log list --from yesterday",
        "kaspictl report --date tomorrow",
        "kaspictl report --date today --from yesterday",
        "kaspictl report --to yesterday",
        "kaspictl report --from 2026-1-1",
        "kaspictl log verify --head 7",
        "kaspictl log verify --head 0:4cf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cbf6cb01",
        "kaspictl log verify --head 7:4cf6",
        "kaspictl restore",
        "kaspictl restore FILE --acknowledge",
        "kaspictl restore FILE --api",
        "kaspictl status --json --api",
        "kaspictl completions bash --api",
        "kaspictl completions tcsh",
        "kaspictl",
    ] {
        let read = Cli::try_parse_from(line.split(' ')).map(|cli| of(cli, &reader).is_ok());
        assert!(!matches!(read, Ok(true)), "{line}");
    }
}

#[test]
fn the_definition_holds_together() {
    use clap::CommandFactory;
    Cli::command().debug_assert();
}
