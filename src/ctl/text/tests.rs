//! Text as people see it.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

use super::*;
use crate::ctl::samples;
use crate::domain::{Kind, LogStatus, State};
use crate::failure::{Code, Failure};
use crate::language::Language;

fn reader() -> Person {
    Person::named("Asia/Almaty").unwrap()
}

fn shown(reply: &Reply) -> String {
    // No-break spaces keep an amount together; here they would only hide in the expectations.
    super::reply(reply, &reader()).replace('\u{a0}', " ")
}

/// Promise: whoever reads Russian or Kazakh finds no word of a payment, a report or a failure that only English has, but for
/// commands, names and what Kaspi says.
#[test]
fn an_owner_reads_a_language_of_the_shop() {
    let [remote, paid_back] = [samples::payment(Kind::Remote, State::Unknown), samples::refunded(LogStatus::Pending)];
    let told = |reply: &Reply, reader: &Person| super::reply(reply, reader);
    let reports = samples::replies().into_iter().filter(|reply| matches!(reply, Reply::Range(_) | Reply::Day(_)));
    let replies: Vec<Reply> = [Reply::Payment(remote), Reply::Payment(paid_back)].into_iter().chain(reports).collect();
    let names = [
        "kaspictl",
        "RemotePaymentCreated",
        "answer",
        "kaspid",
        "Kaspi",
        "KASPID",
        "QrPaymentId",
        "Main BIN",
        "Main Office",
        "Pay",
        "order-123",
        "Asia/Almaty",
        "QR",
    ];
    for language in [Language::Russian, Language::Kazakh] {
        let reader = reader().reading(language);
        let mut texts: Vec<String> = replies.iter().map(|reply| told(reply, &reader)).collect();
        texts.extend(replies.iter().filter_map(|reply| next(reply, &reader)));
        texts.extend([State::Waiting, State::Paid, State::Unknown].map(|state| {
            let payment = samples::payment(Kind::Link, state);
            besides::left(&"12737694350".parse().unwrap(), Some(&payment), &reader)
        }));
        for line in texts.iter().flat_map(|text| text.lines()) {
            let (line, _) = line.split_once("kaspictl payment").unwrap_or((line, ""));
            let (line, _) = line.split_once("kaspictl log").unwrap_or((line, ""));
            let (line, _) = line.split_once("connection refused").unwrap_or((line, ""));
            let line = names.iter().fold(line.to_owned(), |line, name| line.replace(name, ""));
            let foreign = line.split(|c: char| !c.is_ascii_alphabetic()).any(|word| word.len() > 3 && !is_hex(word));
            assert!(
                !foreign || line.contains("RemotePaymentCreated") || line.contains("answer"),
                "{language:?}: {line}"
            );
        }
    }
}

fn is_hex(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[test]
fn a_payment_says_whose_money_it_is() {
    let text = shown(&Reply::Created(samples::payment(Kind::Remote, State::Waiting)));
    assert_eq!(
        text,
        "\
WAITING: not paid yet
amount             12 500.50 ₸
money goes to      891027350515 (Main BIN)
trade point        104039 (Main Office)
payment            019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55
QrPaymentId        12737694350
kind               remote
state              waiting (Kaspi says RemotePaymentCreated)
phone              7701***1545
invoice            order-123
created            2026-11-24 18:00:00 (+05:00)
can be paid until  2026-11-25 18:00:00 (+05:00)
key                K1
"
    );
}

#[test]
fn refunds_stand_below_their_payment() {
    let text = shown(&Reply::Payment(samples::refunded(LogStatus::Pending)));
    assert!(text.starts_with("PAID\n"), "{text}");
    assert!(
        text.ends_with(
            "
REFUND                                 AMOUNT  STATUS   KNOWN BY  WHEN
019305c2-0000-7000-8000-000000000001  50.00 ₸  pending  answer    2026-11-24 19:00:00
"
        ),
        "{text}"
    );
}

/// A report has its sums in a table, and a command behind everything that a person should look at.
#[test]
fn a_report_says_what_to_do() {
    let reply = samples::replies().into_iter().find(|reply| matches!(reply, Reply::Range(_))).unwrap();
    let text = shown(&reply);
    let id = "019305c1-5d2e-7c3a-9f10-2b7d4c1a6e55";
    let expected = format!(
        "\
2026-11-01 to 2026-11-24, both included, Asia/Almaty

891027350515 (Main BIN)
                          PAYMENTS       AMOUNT
invoices                         2  12 500.00 ₸
links                            1       0.50 ₸
taken                            3  12 500.50 ₸
paid back                        1      50.00 ₸
paid back without kaspid            20 000.00 ₸
left                                -7 549.50 ₸
1 of these, 0.50 ₸, count by when kaspid saw them: the bank told no time

OPEN: not paid yet, as far as is known
CREATED              STATE         AMOUNT  INVOICE    WHAT TO DO
2026-11-24 18:00:00  waiting  12 500.50 ₸  order-123  kaspictl payment show 12737694350
Kaspi could not be asked about 2 of 2: connection refused; of those shown, about some it has not answered since kaspid was started
1 of 2 open are not shown: kaspictl payment list --state waiting --bin 891027350515 --since 2026-11-01 --timezone Asia/Almaty --limit 1000

UNKNOWN: each may have been paid; look in the Kaspi Pay app
CREATED              STATE           AMOUNT  INVOICE    WHAT TO DO
2026-11-24 18:00:00  unknown    12 500.50 ₸  order-123  kaspictl payment resolve {id} --attach QRID --reason TEXT
2026-11-24 18:00:00  abandoned  12 500.50 ₸  order-123  if it was paid: kaspictl payment resolve {id} --attach QRID --reason TEXT

PAID LATE: after they had been taken for not paid
PAID                 STATE       AMOUNT  INVOICE    WHAT TO DO
2026-11-24 23:59:59  paid   12 500.50 ₸  order-123  hand over the goods, or: kaspictl payment refund 12737694350

REFUNDS IN DOUBT: not counted; look in the Kaspi Pay app
ASKED FOR             AMOUNT  WHAT TO DO
2026-11-24 19:00:00  50.00 ₸  kaspictl payment resolve {id} --refund 019305c2-0000-7000-8000-000000000001 --happened yes|no --reason TEXT
1 of 2 refunds in doubt are not shown: kaspictl log list --operation refund --status pending --bin 891027350515 --from 2026-11-01 --to 2026-11-24 --timezone Asia/Almaty --limit 1000

DAY         BIN           PAYMENTS        TAKEN  PAID BACK  WITHOUT KASPID         LEFT
2026-11-24  891027350515         3  12 500.50 ₸    50.00 ₸     20 000.00 ₸  -7 549.50 ₸

head of the log
42:{}
",
        "ab".repeat(32)
    );
    assert_eq!(text, expected);
}

/// The line of a wait names the end that comes first.
#[test]
fn a_wait_says_how_long() {
    let left = std::time::Duration::from_millis(41_200);
    let later = samples::payment(Kind::Remote, State::Waiting);
    let sooner = Payment { expires_at: Some(Moment::now()), kaspi_status: None, ..later.clone() };
    let line = |payment: Option<&Payment>| standing(payment, left);
    assert_eq!(line(None), "waiting: 42 s of the wait are left");
    assert_eq!(line(Some(&sooner)), "waiting: the customer can pay for 0 s more");
    let later = Payment { expires_at: Some(Moment::now().after(left * 2)), ..later };
    assert_eq!(line(Some(&later)), "waiting (RemotePaymentCreated): 42 s of the wait are left");
}

/// Every state has its own first line, and only a paid one begins with PAID.
#[test]
fn paid_and_not_paid_cannot_be_mixed_up() {
    let states = [
        State::Creating,
        State::Waiting,
        State::Paid,
        State::Declined,
        State::Cancelled,
        State::Expired,
        State::Unknown,
        State::Abandoned,
    ];
    let mut seen = std::collections::HashSet::new();
    for state in states {
        let text = shown(&Reply::Payment(samples::payment(Kind::Remote, state)));
        assert!(seen.insert(text.lines().next().unwrap_or_default().to_owned()), "{text}");
        assert_eq!(text.starts_with("PAID"), state == State::Paid, "{text}");
    }
}

/// Every reply has text, ends its last line, and carries no control character but line ends.
#[test]
fn every_reply_has_text() {
    for reply in samples::replies() {
        let text = shown(&reply);
        assert!(text.ends_with('\n') && text.len() > 1, "{reply:?}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{reply:?}");
        assert!(!text.lines().any(|line| line.ends_with(' ')), "{text}");
    }
}

#[test]
fn lists_are_aligned() {
    let list = shown(&Reply::Configs(crate::operation::Configs { configs: vec![samples::config()], next: None }));
    assert_eq!(
        list,
        "\
SHOP  BIN           DEFAULT  ACTIVE  STANDING  VERIFIED             TRADE POINT           DESCRIPTION
   8  891027350515  yes      yes     verified  2026-11-24 15:00:00  104039 (Main Office)  Main BIN
"
    );
}

#[test]
fn a_failure_says_what_to_do_and_whether_money_moved() {
    let mut failure =
        Failure::new(Code::TradePointChoice, "Kaspi lists 2 trade points").with_bin(&"891027350515".parse().unwrap());
    failure.trade_points = samples::trade_points();
    assert_eq!(
        super::failure(&failure, &reader()),
        "\
Several trade points (trade_point_choice): Kaspi lists 2 trade points
money         not moved
what to do    Choose one of them: kaspictl bin add 891027350515 --trade-point ID
organisation  891027350515

TRADE POINT  NAME         CITY
104039       Main Office  Almaty
7            Цветы
"
    );
    for &code in Code::ALL {
        let text = super::failure(&Failure::new(code, "x"), &reader());
        assert!(text.contains("\nmoney") && text.contains("\nwhat to do"), "{text}");
    }
}

#[test]
fn the_next_step_is_named() {
    let waiting = Reply::Payment(samples::payment(Kind::Remote, State::Waiting));
    assert!(next(&waiting, &reader()).unwrap().ends_with("kaspictl payment wait 12737694350"));
    let unknown = Reply::Payment(samples::payment(Kind::Remote, State::Unknown));
    assert!(next(&unknown, &reader()).unwrap().contains("kaspictl payment resolve"));
    assert_eq!(next(&Reply::Payment(samples::payment(Kind::Remote, State::Paid)), &reader()), None);
}
