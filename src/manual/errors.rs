//! docs/errors.md: what every code and every state means, in the languages of the shop, written from the catalogue.

use std::fmt::Write as _;
use std::path::Path;

use super::is_committed;
use crate::domain::{Kind, LogStatus, State};
use crate::failure::{Cashier, Code, Failure, Money, NEVER_SHOWN, cashier, texts};
use crate::language::{self, InEachLanguage, Language};

const HEAD: &str = "\
# Every error and every state

What a program matches on is `code` and `state`; what people read is here, as the till's `cashier` has it and as `kaspictl` says it \
to owners and shop IT (`--lang ru`, `kk` or `en`). Written from the program: `KASPID_BLESS=1 cargo test --lib manual`.

Of each code stand its HTTP status, whether the call that failed with it has moved money, and whether the same request with the same \
key may be sent again. A failure of its own may say otherwise in `money` and `retryable`, and then the answer is right. A call that \
failed is not the sale: behind a lost answer, and with `invoice_open`, `key_conflict` and `restored_gap`, another call of the same sale \
may have billed.

A wrong method is told with `invalid_request` and HTTP 405, a head that is too long with `too_large` and 431.

Of each code stands what it means and what to do, and below it what the cashier reads.
";

const STATES: [State; 8] = [
    State::Creating,
    State::Waiting,
    State::Paid,
    State::Declined,
    State::Cancelled,
    State::Expired,
    State::Unknown,
    State::Abandoned,
];

fn row(page: &mut String, name: &str, ru: &str, kk: &str, en: &str) {
    let _ = writeln!(page, "| {name} | {ru} | {kk} | {en} |");
}

fn words(page: &mut String, name: &str, words: InEachLanguage) {
    let InEachLanguage { ru, kk, en } = words;
    row(page, name, ru, kk, en);
}

fn table(page: &mut String, first: &str) {
    let _ = writeln!(page, "| {first} | Русский | Қазақша | English |\n|---|---|---|---|");
}

fn code(page: &mut String, code: Code) {
    let failure = Failure::new(code, "");
    let money = match failure.money {
        Money::NotMoved => "has moved no money",
        Money::Moved => "has moved money",
        Money::Unknown => "may have moved money: nobody here knows",
    };
    let again =
        if failure.retryable { "may be sent again with the same key" } else { "is not to be sent again as it is" };
    let _ = writeln!(page, "\n### `{}`\n\nHTTP {}; this call {money}; it {again}.\n", code.word(), code.status());
    let texts::Texts { title, remedy } = texts::of(code);
    let Cashier { ru, kk, en } = cashier(&failure);
    for (language, till) in [(Language::Russian, ru), (Language::Kazakh, kk), (Language::English, en)] {
        let (title, remedy) = (title.told(language), remedy.told(language));
        assert!(![title, remedy, till].iter().any(|text| text.trim().is_empty()), "{code:?} {language}");
        let _ = writeln!(page, "- {language}: **{title}.** {remedy}\n  > {till}");
    }
}

/// Promise: every code and every state has words for the cashier and for the owner in every language of the shop, and the page
/// of them is the program's.
#[test]
fn the_page_of_errors_is_written_from_the_catalogue() {
    let mut page = HEAD.to_owned();
    page.push_str("\n## States of a payment\n\n");
    table(&mut page, "`state`");
    STATES.iter().for_each(|state| words(&mut page, &format!("`{}`", state.word()), language::state(*state)));
    page.push_str("\n## Refunds\n\n");
    table(&mut page, "`status`");
    for status in [LogStatus::Success, LogStatus::Failed, LogStatus::Pending] {
        words(&mut page, &format!("`{}`", status.word()), language::refund(status));
    }
    page.push_str("\n## Ways to pay\n\n");
    table(&mut page, "`kind`");
    for kind in [Kind::Remote, Kind::Link, Kind::Qr] {
        words(&mut page, &format!("`{}`", kind.word()), language::kind(kind));
    }
    page.push_str("\n## Errors\n\nA link or QR whose create was lost is told otherwise than other lost creates:\n\n");
    table(&mut page, "`outcome_unknown`");
    let Cashier { ru, kk, en } = cashier(&Failure::new(Code::OutcomeUnknown, "").with_hint(NEVER_SHOWN));
    row(&mut page, "cashier", ru, kk, en);
    Code::ALL.iter().for_each(|one| code(&mut page, *one));
    for line in page.lines().filter(|line| line.starts_with('|')) {
        assert!(line.trim_matches('|').split(" | ").skip(1).all(|cell| !cell.trim().is_empty()), "{line}");
    }
    is_committed(Path::new("docs/errors.md"), &page);
}
