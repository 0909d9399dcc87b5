//! The bytes of every stored type, as they stand on the disks of shops. Whoever changes a type that is stored, or the
//! order of an enum, finds a line here that is not as it was: then the layout has to be raised and older files migrated
//! (data-file §7, §8). A new variant is a new line: `KASPID_BLESS=1 cargo test --lib pinned`.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::{Actor, Dialect, Evidence, Kind, LogStatus, OperationType, PaidAtSource, Standing, State};
use crate::id::{BankUrl, ConfigId, DeviceToken, PaymentId, ShopId};
use crate::moment::Moment;
use crate::money::Amount;
use crate::store::account::Booking;
use crate::store::alarm::{Alarm, Alarms};
use crate::store::doubt::{DetailsRead, Doubt, OtherTotal, OtherTotals};
use crate::store::envelope::Header;
use crate::store::event::{
    CallOutcome, Change, Closed, Ending, Event, FirstRefusal, GENESIS, Gap, IdentityTold, ImportedRow, LogPlace, Note,
    seal,
};
use crate::store::key::{Field, Wrote};
use crate::store::payment::{PaymentRow, Seen};
use crate::store::refund::{RefundRow, RefundState};
use crate::store::secrets::{Laid, TokenMark};
use crate::store::{ConfigRow, codec, ownership, zone};

const PINNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/stored.hex");

/// Lines of the fixture: the name of a value and its bytes.
#[derive(Default)]
struct Lines(Vec<String>);

impl Lines {
    /// A value as it is stored, which also reads back as itself.
    fn value<T: Serialize + DeserializeOwned + PartialEq + Debug>(&mut self, name: &str, value: &T) {
        let bytes = codec::encode(value).unwrap();
        assert_eq!(codec::decode::<T>(&bytes).unwrap(), *value, "{name}");
        self.bytes(name, &bytes);
    }

    fn bytes(&mut self, name: &str, bytes: &[u8]) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.0.push(format!("{name} {hex}"));
    }

    /// The words of an enum without fields, by the numbers that are stored for them.
    fn words<T: DeserializeOwned + Debug>(&mut self, name: &str) {
        let words = (0..u8::MAX).map_while(|place| postcard::from_bytes::<T>(&[place]).ok());
        self.0.extend(words.enumerate().map(|(place, word)| format!("{name} {place} {word:?}")));
    }
}

/// Names the variants of an enum, so that one without a sample does not compile, or is missed by name.
macro_rules! variants {
    ($lines:ident, $type:ident { $($variant:ident $pattern:tt => $sample:expr,)* }) => {{
        let name = |value: &$type| match value { $($type::$variant $pattern => stringify!($variant),)* };
        $({
            let sample: $type = $sample;
            assert_eq!(name(&sample), stringify!($variant));
            $lines.value(concat!(stringify!($type), "::", stringify!($variant)), &sample);
        })*
    }};
}

pub(super) fn id(last: u8) -> PaymentId {
    PaymentId::from_bytes([1, 0x9a, 0xc0, 0, 0, 0, 0x70, 0, 0x80, 0, 0, 0, 0, 0, 0, last])
}

pub(super) fn at(seconds: i64) -> Moment {
    Moment::from_millis(1_795_000_000_000 + seconds * 1_000)
}

pub(super) fn tiyn(tiyn: u64) -> Amount {
    Amount::from_tiyn(tiyn).unwrap()
}

pub(super) fn refund(state: RefundState) -> RefundRow {
    RefundRow {
        id: id(2),
        amount: tiyn(3_000),
        state,
        at: at(60),
        key: Some("refund-1".parse().unwrap()),
        asked: Some(tiyn(3_000)),
        balance_before: Some(tiyn(10_000)),
        return_operation_id: Some("5001".to_owned()),
        is_claimed: false,
    }
}

pub(super) fn config() -> ConfigRow {
    let mut alarms = Alarms::default();
    alarms.raise(&"104039".parse().unwrap(), Alarm::GivenOfAnother);
    ConfigRow { alarms, trade_point_name: Some("Абая 10".to_owned()), ..ConfigRow::sample(at(0)) }
}

/// A payment with something in every field.
pub(super) fn payment() -> PaymentRow {
    let config = ConfigRow { description: Some("Кафе".parse().unwrap()), ..config() };
    let mut row = PaymentRow {
        id: id(1),
        qr_payment_id: Some("12737694350".parse().unwrap()),
        state: State::Paid,
        kaspi_status: Some("Processed".to_owned()),
        refunded_elsewhere: tiyn(100),
        refunds: vec![refund(RefundState::Success(Evidence::Answer))],
        phone: Some("7701***1545".to_owned()),
        comment: Some("обед".parse().unwrap()),
        invoice: Some("order-1".parse().unwrap()),
        link: Some("https://pay.kaspi.kz/pay/1".to_owned()),
        qr_token: Some("token".to_owned()),
        expires_at: Some(at(300)),
        bank_deadline: Some(at(301)),
        poll_every_ms: Some(5_000),
        confirm_ms: Some(65_000),
        request_key: Some("key-1".parse().unwrap()),
        supersedes: Some(id(9)),
        late: true,
        was_over: true,
        contradiction: Some("Error".to_owned()),
        overruled: Some("Wait".to_owned()),
        balance_above: Some((tiyn(9_000), at(90))),
        number_taken: Some(("12737694351".parse().unwrap(), id(8))),
        paid_at: Some(at(30)),
        paid_at_source: Some(PaidAtSource::Bank),
        paid_seen_at: Some(at(31)),
        ..PaymentRow::frozen(&config, &config.counterparty(), Kind::Remote, tiyn(10_000), at(0))
    };
    ownership::read_details(&mut row, &DetailsRead::Total(tiyn(9_900)));
    ownership::status_told(&mut row, tiyn(9_800));
    row.doubt = Some(Doubt::Unproven);
    row
}

pub(super) fn wrote() -> Wrote {
    Wrote(vec![(Field::AmountTiyn, [1, 2, 3, 4, 5, 6, 7, 8])])
}

pub(super) fn note() -> Note {
    Note {
        error: Some("нет".to_owned()),
        provider_code: Some(-1501),
        ..Note::done(OperationType::Register).of(&config())
    }
}

pub(super) fn outcome(ending: Ending) -> CallOutcome {
    CallOutcome {
        status: LogStatus::Success,
        error: Some("x".to_owned()),
        provider_code: Some(-999),
        duration_ms: 42,
        ending,
    }
}

pub(super) fn imported() -> ImportedRow {
    ImportedRow {
        operation: OperationType::Create,
        shop_id: Some(8),
        config_id: Some(1),
        organization_bin: Some("891027350515".parse().unwrap()),
        external_id: Some("12737694350".parse().unwrap()),
        amount: Some(tiyn(10_000)),
        status: LogStatus::Failed,
        error: Some("нет".to_owned()),
        created_at: at(-60),
    }
}

fn rows(lines: &mut Lines) {
    lines.value("ConfigRow", &config());
    lines.value("PaymentRow", &payment());
    lines.value("Wrote", &wrote());
    lines.value("LogZone", &zone::tests::sample());
    lines.value("device", &Some("a-device-token".to_owned()));
    lines.value("device deleted", &None::<String>);
    lines.value("BankUrl", &"https://127.0.0.1:8443".parse::<BankUrl>().unwrap());
    let actor = Actor { uid: 1000, name: Some("till".to_owned()), gid: 1000, pid: Some(4242) };
    let event = Event { at: at(1), actor: Some(actor), change: Change::RestoreAcknowledged { restored: 3 } };
    lines.value("Event", &event);
    lines.bytes("event 1 of a log, with its hash", &seal(&GENESIS, 1, &event).unwrap().0);
}

/// What stands inside of the rows, and what stands beside the state file.
fn parts(lines: &mut Lines) {
    let accepted = OtherTotal { total: tiyn(9_900), is_accepted: true };
    lines.value("OtherTotal", &accepted);
    lines.value::<OtherTotals>("OtherTotals", &payment().other_totals);
    lines.value::<ConfigId>("ConfigId", &300);
    lines.value::<ShopId>("ShopId", &800);
    let header = Header {
        kaspid_backup: 1,
        created_at: at(6),
        layout: 2,
        events: 9,
        head: "ab".repeat(32),
        bytes: 4_096,
        sha256: "cd".repeat(32),
        holds: "a state".to_owned(),
        seal: Some("0123456789abcdef".to_owned()),
    };
    let line = serde_json::to_vec(&header).unwrap();
    assert_eq!(serde_json::from_slice::<Header>(&line).unwrap(), header);
    lines.bytes("Header", &line);
}

fn changes(lines: &mut Lines) {
    let x_request_id = || "01a21fdf-8667-745e-a60e-c8f87b15dc29".to_owned();
    let (key, row) = (|| Some("key-1".parse().unwrap()), || Box::new(payment()));
    let reason = "seen in the app".parse::<crate::id::Reason>().unwrap();
    let place = |seq| LogPlace { seq, at: Some(at(5)) };
    variants!(lines, Change {
        Noted (_) => Change::Noted(note()),
        Config { .. } => Change::Config { row: Box::new(config()), note: note() },
        CreateIntended { .. } => Change::CreateIntended { payment: row(), wrote: Some(wrote()), x_request_id: x_request_id(), reason: Some(reason.clone()) },
        CancelIntended { .. } => Change::CancelIntended { payment: id(1), key: key(), wrote: Some(wrote()), x_request_id: x_request_id() },
        RefundIntended { .. } => Change::RefundIntended { payment: id(1), refund: refund(RefundState::Running), key: key(), wrote: Some(wrote()), x_request_id: x_request_id() },
        Ended { .. } => Change::Ended { intent: 7, outcome: outcome(Ending::Nothing) },
        Seen { .. } => Change::Seen { payment: id(1), seen: Seen::Dead },
        Adopted { .. } => Change::Adopted { payment: row(), x_request_id: x_request_id() },
        Resolved { .. } => Change::Resolved { payment: id(1), closed: Closed::Abandoned, reason: reason.clone() },
        Restored (_) => Change::Restored(Gap { backup: place(9), made_at: at(6), replaced: Some(place(12)) }),
        RestoreAcknowledged { .. } => Change::RestoreAcknowledged { restored: 13 },
        Imported { .. } => Change::Imported { row: Box::new(imported()), payment: Some(id(1)), becomes: Some(row()) },
        SentAgain { .. } => Change::SentAgain { intent: 7, payment: id(1), refused: FirstRefusal { provider_code: Some(-1501), error: "no".to_owned() }, x_request_id: x_request_id() },
        Device { .. } => Change::Device { organization_bin: "891027350515".parse().unwrap(), trade_point_id: "104039".parse().unwrap(), token: Some(TokenMark([7; 16])) },
        Identity { .. } => Change::Identity { told: IdentityTold::Changed { fingerprint: [7; 32] }, note: note() },
    });
    variants!(lines, IdentityTold {
        Changed { .. } => IdentityTold::Changed { fingerprint: [7; 32] },
        Expiring { .. } => IdentityTold::Expiring { fingerprint: [7; 32], days: 14 },
    });
    lines.value("Laid::Deleted", &Laid::Deleted);
    lines.value("Laid::Plain", &Laid::Plain(DeviceToken::try_from("a-device-token".to_owned()).unwrap()));
    lines.value("Laid::Sealed", &Laid::Sealed(vec![1, 2, 3]));
}

fn sights(lines: &mut Lines) {
    let status = || Seen::Status {
        kaspi_status: "Processed".to_owned(),
        state: State::Paid,
        paid_at: Some((at(30), PaidAtSource::Seen)),
        total: Some(tiyn(10_000)),
        details: Some(DetailsRead::Refused("no".to_owned())),
    };
    variants!(lines, Seen {
        Status { .. } => status(),
        Details (_) => Seen::Details(DetailsRead::Total(tiyn(9_900))),
        Total (_) => Seen::Total(tiyn(9_800)),
        Contradicted { .. } => Seen::Contradicted { kaspi_status: "Error".to_owned() },
        Booked (_) => Seen::Booked(Booking::Elsewhere(tiyn(100))),
        Dead {} => Seen::Dead,
        Confirmed { .. } => Seen::Confirmed { kaspi_status: "Processed".to_owned() },
        BalanceAbove (_) => Seen::BalanceAbove(Some(tiyn(9_000))),
    });
    variants!(lines, Booking {
        Happened (_) => Booking::Happened(id(2)),
        NotSeen (_) => Booking::NotSeen(id(2)),
        Doubted (_) => Booking::Doubted(id(2)),
        Elsewhere (_) => Booking::Elsewhere(tiyn(100)),
    });
    variants!(lines, DetailsRead {
        Total (_) => DetailsRead::Total(tiyn(9_900)),
        Refused (_) => DetailsRead::Refused("no".to_owned()),
    });
    variants!(lines, Doubt {
        Unproven {} => Doubt::Unproven,
        Refused (_) => Doubt::Refused("no".to_owned()),
    });
}

fn ends(lines: &mut Lines) {
    let number = || "12737694350".parse().unwrap();
    variants!(lines, Ending {
        Nothing {} => Ending::Nothing,
        Created { .. } => Ending::Created {
            qr_payment_id: number(),
            link: Some("https://pay.kaspi.kz/pay/1".to_owned()),
            qr_token: Some("token".to_owned()),
            expires_at: Some(at(300)),
            bank_deadline: Some(at(301)),
            poll_every_ms: Some(5_000),
            confirm_ms: Some(65_000),
        },
        Lost { .. } => Ending::Lost { dead_at: Some(at(300)) },
        Cancelled { .. } => Ending::Cancelled { kaspi_status: "RemotePaymentCanceled".to_owned() },
        Refunded { .. } => Ending::Refunded { return_operation_id: Some("5001".to_owned()) },
        RefundLost {} => Ending::RefundLost,
        NumberTaken { .. } => Ending::NumberTaken { qr_payment_id: number(), by: id(8) },
    });
    variants!(lines, Closed {
        Attached { .. } => Closed::Attached { qr_payment_id: number(), kaspi_status: "Wait".to_owned(), doubt: Some(Doubt::Unproven), bank_deadline: Some(at(301)) },
        Abandoned {} => Closed::Abandoned,
        Refund { .. } => Closed::Refund { refund: id(2), happened: true },
        Paid (_) => Closed::Paid(true),
    });
    variants!(lines, RefundState {
        Running {} => RefundState::Running,
        Unsettled {} => RefundState::Unsettled,
        Doubted {} => RefundState::Doubted,
        Success (_) => RefundState::Success(Evidence::Balance),
        Failed { .. } => RefundState::Failed { by_person: true },
        Watched {} => RefundState::Watched,
    });
}

fn words(lines: &mut Lines) {
    lines.words::<State>("State");
    lines.words::<Kind>("Kind");
    lines.words::<Dialect>("Dialect");
    lines.words::<Standing>("Standing");
    lines.words::<OperationType>("OperationType");
    lines.words::<LogStatus>("LogStatus");
    lines.words::<PaidAtSource>("PaidAtSource");
    lines.words::<Evidence>("Evidence");
    lines.words::<Alarm>("Alarm");
    lines.words::<Field>("Field");
}

/// Promise: what shops have on their disks is read by this program as it was written.
#[test]
fn stored_bytes_are_as_they_were() {
    let mut lines = Lines::default();
    [rows, parts, changes, sights, ends, words].iter().for_each(|of| of(&mut lines));
    let now = lines.0.join("\n") + "\n";
    if std::env::var_os("KASPID_BLESS").is_some() {
        std::fs::write(PINNED, &now).unwrap();
    }
    let pinned = std::fs::read_to_string(PINNED).unwrap();
    for line in pinned.lines() {
        assert!(now.lines().any(|found| found == line), "no more stored so: {line}");
    }
    assert_eq!(pinned.lines().count(), now.lines().count(), "what is new is not pinned");
}
