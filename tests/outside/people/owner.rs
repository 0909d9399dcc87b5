//! What the owner reads: a page of the month that needs nobody else, and answers in a language of the shop.

use std::process::Command;

use serde_json::json;

use crate::money::day_reports::{QUIET, invoice, looked_at, pays, yesterday};
use crate::support::behaviour::Till;
use crate::support::browser::Browser;
use crate::support::fixture::Dialect;
use crate::support::scripted_bank::BIN;

fn kaspictl(till: &Till, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
    let command = command.args(arguments).env("KASPID_SOCKET", till.daemon.socket()).current_dir(till.home.path());
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Promise: a report is one file that any browser shows, with the sums of the report, a plot, no barrier, and nothing that runs or
/// asks, whatever the names in it are.
#[test]
fn a_page_of_the_month() {
    let till = Till::open(Dialect::Bank, QUIET);
    let door = &till.daemon.door;
    let hostile = json!({"description": "Цветы <script>document.title='taken'</script> & \"Co\""}).to_string();
    door.send("PATCH", &format!("/v1/configs/{BIN}"), &[], Some(&hostile));
    let (id, qr) = invoice(door, BIN, 15_050);
    pays(&till, &qr, 15_050, Some(&format!("{}T09:30:00.000+05:00", yesterday())));
    looked_at(door, &id);
    door.post(&format!("/v1/payments/{id}/refunds"), &json!({"amount_tiyn": 50})).expect(200);
    invoice(door, BIN, 700);
    let from = format!("{}-01", &yesterday()[..7]);
    for language in ["ru", "kk", "en"] {
        kaspictl(&till, &["report", "--from", &from, "--html", "month.html", "--lang", language]);
        let page = till.home.path().join("month.html");
        let text = std::fs::read_to_string(&page).unwrap();
        for sum in ["150.50\u{a0}₸", "0.50\u{a0}₸", "150.00\u{a0}₸"] {
            assert!(text.contains(sum), "{sum} in {text}");
        }
        assert!(!text.contains("<script>") && !text.contains("http://") && !text.contains("https://"), "{text}");
        assert_eq!(text.matches("<rect").count(), 2, "a bar up and one down");
        let Some(browser) = Browser::open(900, 900) else { return };
        browser.go(&format!("file://{}", page.display()));
        browser.shows("<script>document.title='taken'</script>");
        assert_eq!(browser.run("return document.documentElement.lang"), language);
        assert_ne!(browser.run("return document.title"), "taken");
        browser.picture(&format!("report-{language}"));
        assert_eq!(browser.barriers(), Vec::<String>::new());
    }
    // One day, on stdout.
    assert!(kaspictl(&till, &["report", "--date", "yesterday", "--html", "-"]).contains("<h1>Kaspi Pay report</h1>"));
}

/// Promise: by the locale, or by --lang, the owner reads Russian or Kazakh; what programs read is the same in all.
#[test]
fn answers_in_the_language_of_the_shop() {
    let till = Till::open(Dialect::Bank, QUIET);
    let (_, qr) = invoice(&till.daemon.door, BIN, 15_050);
    let said = |arguments: &[&str], locale: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kaspictl"));
        command.args(arguments).env("KASPID_SOCKET", till.daemon.socket()).env("LC_ALL", locale);
        let output = command.output().unwrap();
        (String::from_utf8([output.stdout, output.stderr].concat()).unwrap(), output.status.code())
    };
    let show = ["payment", "show", &qr];
    for (arguments, locale, words) in [
        (&show[..], "ru_RU.UTF-8", "ЖДЁТ: ещё не оплачен"),
        (&show, "kk_KZ.UTF-8", "КҮТУДЕ: әлі төленген жоқ"),
        (&show, "C.UTF-8", "WAITING: not paid yet"),
        (&["payment", "show", &qr, "--lang", "kk"], "ru_RU.UTF-8", "КҮТУДЕ"),
        (&["report"], "ru_RU.UTF-8", "ОТКРЫТЫ"),
        (&["payment", "show", "1"], "ru_RU.UTF-8", "Не найдено (not_found)"),
    ] {
        let (text, _) = said(arguments, locale);
        assert!(text.contains(words), "{words} in {text}");
    }
    let refused = ["payment", "refund", &qr, "5"];
    assert_eq!(said(&refused, "ru_RU.UTF-8").1, said(&refused, "C.UTF-8").1);
    let json = ["payment", "show", &qr, "--json"];
    let answer = |locale| said(&json, locale).0.lines().next().map(str::to_owned);
    assert_eq!(answer("ru_RU.UTF-8"), answer("C.UTF-8"));
}
