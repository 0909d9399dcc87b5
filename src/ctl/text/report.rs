//! Reports for the accountant: a table of sums for each organisation, and below it what a person should look at,
//! each with the command for it.

use super::payment::organisation;
use super::table::{Table, clean};
use crate::ctl::shell::quoted;
use crate::ctl::when::Person;
use crate::day::Day;
use crate::domain::State;
use crate::language::InEachLanguage;
use crate::money::Total;
use crate::operation::{DayReport, DayTotals, ListCount, OrganizationReport, Part, RangeReport, ReportPayment};

/// What a report calls payments that are still open.
const OPEN: InEachLanguage = InEachLanguage::of(
    "ОТКРЫТЫ: ещё не оплачены, насколько известно",
    "АШЫҚ: белгілі болғанынша әлі төленбеген",
    "OPEN: not paid yet, as far as is known",
);

/// What it calls those of which nobody knows.
const UNKNOWN: InEachLanguage = InEachLanguage::of(
    "НЕИЗВЕСТНО: каждый мог быть оплачен; посмотрите в приложении Kaspi Pay",
    "БЕЛГІСІЗ: әрқайсысы төленген болуы мүмкін; Kaspi Pay қолданбасын қараңыз",
    "UNKNOWN: each may have been paid; look in the Kaspi Pay app",
);

/// What it calls those that were paid late.
const LATE: InEachLanguage = InEachLanguage::of(
    "ОПЛАЧЕНЫ С ОПОЗДАНИЕМ: раньше считались неоплаченными",
    "КЕШІГІП ТӨЛЕНДІ: бұған дейін төленбеген деп саналған",
    "PAID LATE: after they had been taken for not paid",
);

/// A day.
pub(super) fn day(report: &DayReport, reader: &Person) -> String {
    let hours = reader.words("с 00:00 до 24:00", "00:00-ден 24:00-ге дейін", "00:00 to 24:00");
    let title = format!("{}, {hours} {}", report.date, clean(&report.timezone));
    let days = (report.date, report.date, report.timezone.as_str());
    page(&title, (&report.organizations, days), "", &report.head, reader)
}

/// The days of a range.
pub(super) fn range(report: &RangeReport, reader: &Person) -> String {
    let from = reader.words("с ", "", "");
    let to = reader.words("по", "–", "to");
    let both = reader.words("включительно", "қоса алғанда", "both included");
    let title = format!("{from}{} {to} {}, {both}, {}", report.from, report.to, clean(&report.timezone));
    let days = (report.from, report.to, report.timezone.as_str());
    page(&title, (&report.organizations, days), &daily(&report.days, reader), &report.head, reader)
}

/// The first day, the last one, and the zone they are of.
type Days<'a> = (Day, Day, &'a str);

fn page(
    title: &str,
    (organizations, of): (&[OrganizationReport], Days<'_>),
    days: &str,
    head: &str,
    reader: &Person,
) -> String {
    let nobody = reader.words(
        "ни одна организация не принимает здесь платежей",
        "мұнда ешбір ұйым төлем қабылдамайды",
        "no organisation takes payments here",
    );
    let none = if organizations.is_empty() { format!("\n{nobody}\n") } else { String::new() };
    let each: String = organizations.iter().map(|found| one(found, of, reader)).collect();
    format!(
        "{title}\n{none}{each}{days}\n{}\n{}\n",
        reader.words("отпечаток журнала", "журнал таңбасы", "head of the log"),
        clean(head)
    )
}

fn one(found: &OrganizationReport, days: Days<'_>, reader: &Person) -> String {
    let name = clean(&organisation(&found.organization_bin, found.description.as_ref()));
    let (from, to, timezone) = days;
    let (bin, timezone) = (&found.organization_bin, quoted([timezone].into_iter()));
    let list = |state: &str| format!("payment list --state {state} --bin {bin}");
    let since = format!("--since {from} --timezone {timezone}");
    let doubts = format!(
        "log list --operation refund --status pending --bin {bin} --from {from} --to {to} --timezone {timezone}"
    );
    let lists = [
        payments(OPEN.told(reader.language), &found.open, &found.lists.open, reader),
        unlisted(
            reader,
            reader.words("открытых", "ашық", "open"),
            &found.lists.open,
            &format!("{} {since}", list("waiting")),
        ),
        payments(UNKNOWN.told(reader.language), &found.unknown, &found.lists.unknown, reader),
        unlisted(
            reader,
            reader.words("неизвестных", "белгісіз", "unknown"),
            &found.lists.unknown,
            &format!("{} {since}", list("unknown")),
        ),
        payments(LATE.told(reader.language), &found.late, &found.lists.late, reader),
        // It may have been made on any day before.
        unlisted(
            reader,
            reader.words("оплаченных с опозданием", "кешігіп төленген", "paid late"),
            &found.lists.late,
            &list("paid"),
        ),
        refunds(found, reader),
        unlisted(
            reader,
            reader.words("сомнительных возвратов", "күмәнді қайтару", "refunds in doubt"),
            &found.lists.refunds_pending,
            &doubts,
        ),
    ];
    format!("\n{name}\n{}{}", sums(found, reader), lists.concat())
}

/// How many of a list are not shown, and the command that shows those of this organisation.
fn unlisted(reader: &Person, list: &str, ListCount { all, unlisted, .. }: &ListCount, command: &str) -> String {
    let (of, hidden) = (reader.words("из", "/", "of"), reader.words("не показаны", "көрсетілмеген", "are not shown"));
    match unlisted {
        0 => String::new(),
        _ => format!("{unlisted} {of} {all} {list} {hidden}: kaspictl {command} --limit 1000\n"),
    }
}

fn sums(found: &OrganizationReport, reader: &Person) -> String {
    let mut table =
        Table::new(&["", reader.words(">ШТУК", ">САНЫ", ">PAYMENTS"), reader.words(">СУММА", ">СОМА", ">AMOUNT")]);
    let mut row = |name: &str, count: Option<u64>, amount: Total| {
        table.row([name.to_owned(), count.map(|count| count.to_string()).unwrap_or_default(), amount.to_string()]);
    };
    let kinds = [
        (reader.words("счета на номер телефона", "телефон нөміріне шоттар", "invoices"), found.by_kind.remote),
        (reader.words("ссылки", "сілтемелер", "links"), found.by_kind.link),
        (reader.words("QR-коды", "QR-кодтар", "QR codes"), found.by_kind.qr),
    ];
    for (name, Part { payments, taken_tiyn }) in kinds.into_iter().filter(|(_, kind)| kind.payments > 0) {
        row(name, Some(payments), taken_tiyn);
    }
    row(reader.words("получено", "түсті", "taken"), Some(found.payments), found.taken_tiyn);
    row(reader.words("возвращено", "қайтарылды", "paid back"), Some(found.refunds), found.refunded_tiyn);
    if !found.refunded_elsewhere_tiyn.is_zero() {
        row(
            reader.words("возвращено в приложении Kaspi", "Kaspi қолданбасында қайтарылды", "paid back without kaspid"),
            None,
            found.refunded_elsewhere_tiyn,
        );
    }
    row(reader.words("осталось", "қалды", "left"), None, found.net_tiyn);
    let Part { payments, taken_tiyn } = found.by_paid_at_source.seen;
    let note = match payments {
        0 => String::new(),
        _ => {
            let of_these = reader.words("из них", "осылардың ішінде", "of these");
            let seen = reader.words(
                "посчитаны по времени, когда их увидел kaspid: банк времени не назвал",
                "kaspid көрген уақытпен саналды: банк уақытын айтпады",
                "count by when kaspid saw them: the bank told no time",
            );
            format!("{payments} {of_these}, {taken_tiyn}, {seen}\n")
        }
    };
    format!("{}{note}", table.print())
}

fn payments(title: &str, lines: &[ReportPayment], count: &ListCount, reader: &Person) -> String {
    if lines.is_empty() {
        return String::new();
    }
    // When it was paid says on which day it is counted.
    let time = match lines.iter().any(|line| line.paid_at.is_some()) {
        true => reader.words("ОПЛАЧЕН", "ТӨЛЕНДІ", "PAID"),
        false => reader.words("СОЗДАН", "ҚҰРЫЛДЫ", "CREATED"),
    };
    let mut table = Table::new(&[
        time,
        reader.words("СОСТОЯНИЕ", "КҮЙІ", "STATE"),
        reader.words(">СУММА", ">СОМА", ">AMOUNT"),
        reader.words("-ЧЕК", "-ЧЕК", "-INVOICE"),
        reader.words("ЧТО ДЕЛАТЬ", "НЕ ІСТЕУ КЕРЕК", "WHAT TO DO"),
    ]);
    for line in lines {
        table.row([
            reader.show(line.paid_at.unwrap_or(line.created_at)),
            super::payment::state_word(line.state, reader),
            line.amount_tiyn.to_string(),
            line.invoice.as_ref().map(ToString::to_string).unwrap_or_default(),
            next(line, reader),
        ]);
    }
    format!("\n{title}\n{}{}", table.print(), not_asked(lines, count, reader))
}

/// Which Kaspi could not be asked about, and when it last was. One reason stands for all: it is the same bank.
fn not_asked(lines: &[ReportPayment], count: &ListCount, reader: &Person) -> String {
    if count.not_asked == 0 {
        return String::new();
    }
    let (could_not, of) = (
        reader.words("Kaspi не ответил о", "Kaspi жауап бермеді:", "Kaspi could not be asked about"),
        reader.words("из", "/", "of"),
    );
    let asked = format!("{could_not} {} {of} {}", count.not_asked, count.all);
    let not_asked: Vec<&ReportPayment> = lines.iter().filter(|line| line.not_asked.is_some()).collect();
    let Some(why) = not_asked.first().and_then(|line| line.not_asked.as_deref()) else {
        let hidden = reader.words("все они не показаны", "олардың бәрі көрсетілмеген", "all of them not shown");
        return format!("{asked}, {hidden}\n");
    };
    let shown = match count.unlisted {
        0 => "",
        _ => reader.words("из показанных ", "көрсетілгендер ішінде ", "of those shown, "),
    };
    let last = match not_asked.iter().map(|line| line.last_asked).min().flatten() {
        Some(at) => {
            let last = reader.words(
                "о каждом из них он отвечал в это время или позже:",
                "әрқайсысы туралы осы уақытта не кейін жауап берген:",
                "it last answered about each of them at or after",
            );
            format!("{last} {}", reader.show(at))
        }
        None => reader
            .words(
                "о некоторых он не отвечал с запуска kaspid",
                "кейбіреулері туралы kaspid іске қосылғаннан бері жауап бермеді",
                "about some it has not answered since kaspid was started",
            )
            .to_owned(),
    };
    format!("{asked}: {}; {shown}{last}\n", clean(why))
}

/// The command that looks at it, or closes it.
fn next(line: &ReportPayment, reader: &Person) -> String {
    // What a person closes is named by the id that nothing else has.
    let (id, named) = (line.id, super::payment::named(line.id, line.qr_payment_id.as_ref()));
    match line.state {
        State::Unknown => format!("kaspictl payment resolve {id} --attach QRID --reason TEXT"),
        State::Abandoned => format!(
            "{}: kaspictl payment resolve {id} --attach QRID --reason TEXT",
            reader.words("если оплачен", "төленген болса", "if it was paid")
        ),
        State::Paid => {
            let goods = reader.words("отдайте товар или", "тауарды беріңіз немесе", "hand over the goods, or");
            format!("{goods}: kaspictl payment refund {named}")
        }
        State::Creating | State::Waiting | State::Declined | State::Cancelled | State::Expired => {
            format!("kaspictl payment show {named}")
        }
    }
}

fn refunds(found: &OrganizationReport, reader: &Person) -> String {
    if found.refunds_pending.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        reader.words("ЗАПРОШЕН", "СҰРАЛҒАН", "ASKED FOR"),
        reader.words(">СУММА", ">СОМА", ">AMOUNT"),
        reader.words("ЧТО ДЕЛАТЬ", "НЕ ІСТЕУ КЕРЕК", "WHAT TO DO"),
    ]);
    for refund in &found.refunds_pending {
        let (payment, id) = (refund.payment, refund.id);
        table.row([
            reader.show(refund.at),
            refund.amount_tiyn.to_string(),
            format!("kaspictl payment resolve {payment} --refund {id} --happened yes|no --reason TEXT"),
        ]);
    }
    let doubt = reader.words(
        "СОМНИТЕЛЬНЫЕ ВОЗВРАТЫ: не посчитаны; посмотрите в приложении Kaspi Pay",
        "КҮМӘНДІ ҚАЙТАРУЛАР: саналған жоқ; Kaspi Pay қолданбасын қараңыз",
        "REFUNDS IN DOUBT: not counted; look in the Kaspi Pay app",
    );
    format!("\n{doubt}\n{}", table.print())
}

fn daily(days: &[DayTotals], reader: &Person) -> String {
    if days.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        reader.words("ДЕНЬ", "КҮН", "DAY"),
        reader.words("БИН", "БСН", "BIN"),
        reader.words("->ПЛАТЕЖЕЙ", "->ТӨЛЕМ САНЫ", "->PAYMENTS"),
        reader.words(">ПОЛУЧЕНО", ">ТҮСТІ", ">TAKEN"),
        reader.words(">ВОЗВРАЩЕНО", ">ҚАЙТАРЫЛДЫ", ">PAID BACK"),
        reader.words("->В ПРИЛОЖЕНИИ", "->ҚОЛДАНБАДА", "->WITHOUT KASPID"),
        reader.words(">ОСТАЛОСЬ", ">ҚАЛДЫ", ">LEFT"),
    ]);
    for day in days {
        for found in &day.organizations {
            table.row([
                day.date.to_string(),
                found.organization_bin.to_string(),
                found.payments.to_string(),
                found.taken_tiyn.to_string(),
                found.refunded_tiyn.to_string(),
                found.refunded_elsewhere_tiyn.to_string(),
                found.net_tiyn.to_string(),
            ]);
        }
    }
    format!("\n{}", table.print())
}
