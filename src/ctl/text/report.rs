//! Reports for the accountant: a table of sums for each organisation, and below it what a person should look at,
//! each with the command for it.

use super::payment::organisation;
use super::table::{Table, clean};
use crate::ctl::shell::quoted;
use crate::ctl::when::Zone;
use crate::day::Day;
use crate::domain::State;
use crate::money::Total;
use crate::operation::{DayReport, DayTotals, ListCount, OrganizationReport, Part, RangeReport, ReportPayment};

/// A day.
pub(super) fn day(report: &DayReport, zone: &Zone) -> String {
    let title = format!("{}, 00:00 to 24:00 {}", report.date, clean(&report.timezone));
    let days = (report.date, report.date, report.timezone.as_str());
    page(&title, (&report.organizations, days), "", &report.head, zone)
}

/// The days of a range.
pub(super) fn range(report: &RangeReport, zone: &Zone) -> String {
    let title = format!("{} to {}, both included, {}", report.from, report.to, clean(&report.timezone));
    let days = (report.from, report.to, report.timezone.as_str());
    page(&title, (&report.organizations, days), &daily(&report.days), &report.head, zone)
}

/// The first day, the last one, and the zone they are of.
type Days<'a> = (Day, Day, &'a str);

fn page(
    title: &str,
    (organizations, of): (&[OrganizationReport], Days<'_>),
    days: &str,
    head: &str,
    zone: &Zone,
) -> String {
    let none = if organizations.is_empty() { "\nno organisation takes payments here\n" } else { "" };
    let each: String = organizations.iter().map(|found| one(found, of, zone)).collect();
    format!("{title}\n{none}{each}{days}\nhead of the log\n{}\n", clean(head))
}

fn one(found: &OrganizationReport, days: Days<'_>, zone: &Zone) -> String {
    let name = clean(&organisation(&found.organization_bin, found.description.as_ref()));
    let (from, to, timezone) = days;
    let (bin, timezone) = (&found.organization_bin, quoted([timezone].into_iter()));
    let list = |state: &str| format!("payment list --state {state} --bin {bin}");
    let since = format!("--since {from} --timezone {timezone}");
    let doubts = format!(
        "log list --operation refund --status pending --bin {bin} --from {from} --to {to} --timezone {timezone}"
    );
    let lists = [
        payments("OPEN: not paid yet, as far as is known", &found.open, &found.lists.open, zone),
        unlisted("open", &found.lists.open, &format!("{} {since}", list("waiting"))),
        payments(
            "UNKNOWN: each may have been paid; look in the Kaspi Pay app",
            &found.unknown,
            &found.lists.unknown,
            zone,
        ),
        unlisted("unknown", &found.lists.unknown, &format!("{} {since}", list("unknown"))),
        payments("PAID LATE: after they had been taken for not paid", &found.late, &found.lists.late, zone),
        // It may have been made on any day before.
        unlisted("paid late", &found.lists.late, &list("paid")),
        refunds(found, zone),
        unlisted("refunds in doubt", &found.lists.refunds_pending, &doubts),
    ];
    format!("\n{name}\n{}{}", sums(found), lists.concat())
}

/// How many of a list are not shown, and the command that shows those of this organisation.
fn unlisted(list: &str, ListCount { all, unlisted, .. }: &ListCount, command: &str) -> String {
    match unlisted {
        0 => String::new(),
        _ => format!("{unlisted} of {all} {list} are not shown: kaspictl {command} --limit 1000\n"),
    }
}

fn sums(found: &OrganizationReport) -> String {
    let mut table = Table::new(&["", ">PAYMENTS", ">AMOUNT"]);
    let mut row = |name: &str, count: Option<u64>, amount: Total| {
        table.row([name.to_owned(), count.map(|count| count.to_string()).unwrap_or_default(), amount.to_string()]);
    };
    let kinds = [("invoices", found.by_kind.remote), ("links", found.by_kind.link), ("QR codes", found.by_kind.qr)];
    for (name, Part { payments, taken_tiyn }) in kinds.into_iter().filter(|(_, kind)| kind.payments > 0) {
        row(name, Some(payments), taken_tiyn);
    }
    row("taken", Some(found.payments), found.taken_tiyn);
    row("paid back", Some(found.refunds), found.refunded_tiyn);
    if !found.refunded_elsewhere_tiyn.is_zero() {
        row("paid back without kaspid", None, found.refunded_elsewhere_tiyn);
    }
    row("left", None, found.net_tiyn);
    let Part { payments, taken_tiyn } = found.by_paid_at_source.seen;
    let note = match payments {
        0 => String::new(),
        _ => format!("{payments} of these, {taken_tiyn}, count by when kaspid saw them: the bank told no time\n"),
    };
    format!("{}{note}", table.print())
}

fn payments(title: &str, lines: &[ReportPayment], count: &ListCount, zone: &Zone) -> String {
    if lines.is_empty() {
        return String::new();
    }
    // When it was paid says on which day it is counted.
    let time = if lines.iter().any(|line| line.paid_at.is_some()) { "PAID" } else { "CREATED" };
    let mut table = Table::new(&[time, "STATE", ">AMOUNT", "-INVOICE", "WHAT TO DO"]);
    for line in lines {
        table.row([
            zone.show(line.paid_at.unwrap_or(line.created_at)),
            line.state.to_string(),
            line.amount_tiyn.to_string(),
            line.invoice.as_ref().map(ToString::to_string).unwrap_or_default(),
            next(line),
        ]);
    }
    format!("\n{title}\n{}{}", table.print(), not_asked(lines, count, zone))
}

/// Which Kaspi could not be asked about, and when it last was. One reason stands for all: it is the same bank.
fn not_asked(lines: &[ReportPayment], count: &ListCount, zone: &Zone) -> String {
    if count.not_asked == 0 {
        return String::new();
    }
    let asked = format!("Kaspi could not be asked about {} of {}", count.not_asked, count.all);
    let not_asked: Vec<&ReportPayment> = lines.iter().filter(|line| line.not_asked.is_some()).collect();
    let Some(why) = not_asked.first().and_then(|line| line.not_asked.as_deref()) else {
        return format!("{asked}, all of them not shown\n");
    };
    let shown = if count.unlisted > 0 { "of those shown, " } else { "" };
    let last = match not_asked.iter().map(|line| line.last_asked).min().flatten() {
        Some(at) => format!("it last answered about each of them at {} or later", zone.show(at)),
        None => "about some it has not answered since kaspid was started".to_owned(),
    };
    format!("{asked}: {}; {shown}{last}\n", clean(why))
}

/// The command that looks at it, or closes it.
fn next(line: &ReportPayment) -> String {
    // What a person closes is named by the id that nothing else has.
    let (id, named) = (line.id, super::payment::named(line.id, line.qr_payment_id.as_ref()));
    match line.state {
        State::Unknown => format!("kaspictl payment resolve {id} --attach QRID|--abandon --reason TEXT"),
        State::Abandoned => format!("if it was paid: kaspictl payment resolve {id} --attach QRID --reason TEXT"),
        State::Paid => format!("hand over the goods, or: kaspictl payment refund {named}"),
        State::Creating | State::Waiting | State::Declined | State::Cancelled | State::Expired => {
            format!("kaspictl payment show {named}")
        }
    }
}

fn refunds(found: &OrganizationReport, zone: &Zone) -> String {
    if found.refunds_pending.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["ASKED FOR", ">AMOUNT", "WHAT TO DO"]);
    for refund in &found.refunds_pending {
        let (payment, id) = (refund.payment, refund.id);
        table.row([
            zone.show(refund.at),
            refund.amount_tiyn.to_string(),
            format!("kaspictl payment resolve {payment} --refund {id} --happened yes|no --reason TEXT"),
        ]);
    }
    format!("\nREFUNDS IN DOUBT: not counted; look in the Kaspi Pay app\n{}", table.print())
}

fn daily(days: &[DayTotals]) -> String {
    if days.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["DAY", "BIN", "->PAYMENTS", ">TAKEN", ">PAID BACK", "->WITHOUT KASPID", ">LEFT"]);
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
