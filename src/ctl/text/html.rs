//! A report as one file for the owner: sums, a plot of the days, and what a person should look at. It asks nothing of anybody:
//! no script, no font, no address.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::payment::organisation;
use crate::ctl::when::Person;
use crate::day::Day;
use crate::id::OrganizationBin;
use crate::money::Total;
use crate::operation::{OrganizationReport, OrganizationTotals, RangeReport};

/// Of a plot, in the units of its drawing.
const WIDE: f64 = 720.0;
const HIGH: f64 = 160.0;

const STYLE: &str = "\
body{font:16px/1.5 system-ui,\"DejaVu Sans\",sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1d1d1f}\
table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}caption{text-align:left;font-weight:600}\
th,td{text-align:left;padding:.3rem .8rem .3rem 0;border-bottom:1px solid #c9c9ce}\
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}.soft{color:#54545a}.look{color:#a3231f}\
.wide{overflow-x:auto}th[scope=row]{min-width:8rem;max-width:16rem;overflow-wrap:break-word}h2{break-after:avoid}h1,h2,p{overflow-wrap:anywhere}svg{width:100%;height:auto}.in{fill:#1a6b45}.out{fill:#a3231f}.line{stroke:#54545a}code{overflow-wrap:anywhere}\
@media print{body{margin:0}}";

/// The page.
pub(in crate::ctl) fn page(report: &RangeReport, reader: &Person) -> String {
    let to = reader.words("по", "–", "to");
    let title = match report.from == report.to {
        true => format!("{}, {}", report.from, report.timezone),
        false => format!("{} {to} {}, {}", report.from, report.to, report.timezone),
    };
    let heading = reader.words("Отчёт Kaspi Pay", "Kaspi Pay есебі", "Kaspi Pay report");
    let mut body = format!("<h1>{heading}</h1>\n<p>{}</p>\n", text(&title));
    body += &sums(report, reader);
    for found in &report.organizations {
        body += &plot(report, found, reader);
    }
    body += &days(report, reader);
    let head = reader.words("отпечаток журнала", "журнал таңбасы", "head of the log");
    let _ = writeln!(body, "<p class=\"soft\">{head}: <code>{}</code></p>", text(&report.head));
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{heading}, {}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n",
        reader.language.word(),
        text(&title)
    )
}

/// As text in a page: what somebody wrote is no markup, and nothing in it is hidden.
fn text(text: &str) -> String {
    let text = super::clean(text);
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn head(names: &[(&str, bool)]) -> String {
    let cell = |(name, is_number): &(&str, bool)| {
        format!("<th scope=\"col\"{}>{name}</th>", if *is_number { " class=\"n\"" } else { "" })
    };
    format!("<tr>{}</tr>\n", names.iter().map(cell).collect::<String>())
}

/// A table that a narrow screen moves sideways, by the keyboard too.
fn table(names: &[(&str, bool)], rows: &str) -> String {
    let label = names.first().map_or("", |(name, _)| name);
    format!(
        "<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">\n<table>\n<thead>{}</thead>\n<tbody>{rows}</tbody>\n</table>\n</div>\n",
        head(names)
    )
}

fn row(name: &str, numbers: &[String]) -> String {
    let cells: String = numbers.iter().map(|number| format!("<td class=\"n\">{number}</td>")).collect();
    format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", text(name))
}

/// Whose the money is, and what a person should look at.
fn sums(report: &RangeReport, reader: &Person) -> String {
    let names = [
        (reader.words("Организация", "Ұйым", "Organisation"), false),
        (reader.words("Платежей", "Төлем саны", "Payments"), true),
        (reader.words("Получено", "Түсті", "Taken"), true),
        (reader.words("Возвращено", "Қайтарылды", "Paid back"), true),
        (reader.words("В приложении", "Қолданбада", "Without kaspid"), true),
        (reader.words("Осталось", "Қалды", "Left"), true),
    ];
    let mut rows = String::new();
    let mut looks = String::new();
    for found in &report.organizations {
        let name = organisation(&found.organization_bin, found.description.as_ref());
        let sums = [found.taken_tiyn, found.refunded_tiyn, found.refunded_elsewhere_tiyn, found.net_tiyn];
        let numbers: Vec<String> =
            std::iter::once(found.payments.to_string()).chain(sums.iter().map(Total::to_string)).collect();
        rows += &row(&name, &numbers);
        looks += &look(report, found, &name, reader);
    }
    format!("{}{looks}", table(&names, &rows))
}

fn look(report: &RangeReport, found: &OrganizationReport, name: &str, reader: &Person) -> String {
    let lists = &found.lists;
    let counts = [
        (reader.words("открыты", "ашық", "open"), lists.open.all),
        (reader.words("неизвестно", "белгісіз", "unknown"), lists.unknown.all),
        (reader.words("оплачены с опозданием", "кешігіп төленген", "paid late"), lists.late.all),
        (reader.words("сомнительные возвраты", "күмәнді қайтарулар", "refunds in doubt"), lists.refunds_pending.all),
    ];
    let said: Vec<String> =
        counts.iter().filter(|(_, count)| *count > 0).map(|(what, count)| format!("{what}: {count}")).collect();
    if said.is_empty() {
        return String::new();
    }
    let more = reader.words("подробно", "толығырақ", "in detail");
    let bin = &found.organization_bin;
    let (from, to) = (report.from, report.to);
    let range = format!("kaspictl report --bin {bin} --from {from} --to {to}");
    format!("<p class=\"look\">{}: {} ({more}: <code>{range}</code>)</p>\n", text(name), said.join(", "))
}

/// What came in above the line and what went back below it, a bar for each day.
fn plot(report: &RangeReport, found: &OrganizationReport, reader: &Person) -> String {
    let bin = &found.organization_bin;
    let by_day: BTreeMap<Day, &OrganizationTotals> = report
        .days
        .iter()
        .filter_map(|day| Some((day.date, day.organizations.iter().find(|one| one.organization_bin == *bin)?)))
        .collect();
    if by_day.is_empty() {
        return String::new();
    }
    let all: Vec<Day> =
        std::iter::successors(Some(report.from), |day| day.next().ok().filter(|day| *day <= report.to)).collect();
    let most = |of: fn(&OrganizationTotals) -> i64| by_day.values().map(|totals| of(totals)).max().unwrap_or(0).max(0);
    let (highest, lowest) = (most(|totals| totals.taken_tiyn.tiyn()), most(went_back));
    let scale = HIGH / as_drawn((highest + lowest).max(1));
    let (line, step) = (as_drawn(highest) * scale, WIDE / all.len() as f64);
    let mut bars = String::new();
    for (at, day) in all.iter().enumerate() {
        let Some(totals) = by_day.get(day) else { continue };
        let x = step * at as f64;
        let (came, back) = (totals.taken_tiyn.tiyn().max(0), went_back(totals));
        bars +=
            &bar("in", (x, line - as_drawn(came) * scale), (step, as_drawn(came) * scale), (day, totals.taken_tiyn));
        bars += &bar("out", (x, line), (step, as_drawn(back) * scale), (day, Total::from_tiyn(-back)));
    }
    let about = reader.words(
        "получено (вверх) и возвращено (вниз) по дням, самое большее",
        "күн сайын түскені (жоғары) мен қайтарылғаны (төмен), ең көбі",
        "taken (up) and paid back (down) by day, at most",
    );
    let name = text(&organisation(bin, found.description.as_ref()));
    let most = Total::from_tiyn(highest);
    let (from, to, high, foot) = (report.from, report.to, HIGH + 20.0, HIGH + 16.0);
    format!(
        "<h2>{name}</h2>\n<p class=\"soft\">{about} {most}</p>\n\
         <svg viewBox=\"0 0 {WIDE} {high}\" role=\"img\" aria-label=\"{name}: {about} {most}\">\n{bars}\
         <line class=\"line\" x1=\"0\" x2=\"{WIDE}\" y1=\"{line:.1}\" y2=\"{line:.1}\"/>\n\
         <text x=\"0\" y=\"{foot}\" font-size=\"14\">{from}</text>\
         <text x=\"{WIDE}\" y=\"{foot}\" font-size=\"14\" text-anchor=\"end\">{to}</text>\n</svg>\n"
    )
}

fn went_back(totals: &OrganizationTotals) -> i64 {
    totals.refunded_tiyn.tiyn().saturating_add(totals.refunded_elsewhere_tiyn.tiyn()).max(0)
}

/// For the eye: the table below has the money.
#[expect(clippy::cast_precision_loss, reason = "a bar is drawn, not counted")]
fn as_drawn(tiyn: i64) -> f64 {
    tiyn as f64
}

fn bar(class: &str, (x, y): (f64, f64), (step, high): (f64, f64), (day, amount): (&Day, Total)) -> String {
    match high > 0.0 {
        true => format!(
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{high:.1}\"><title>{day}: {amount}</title></rect>\n",
            x + step * 0.1,
            step * 0.8
        ),
        false => String::new(),
    }
}

fn days(report: &RangeReport, reader: &Person) -> String {
    let names = [
        (reader.words("День", "Күн", "Day"), false),
        (reader.words("БИН", "БСН", "BIN"), true),
        (reader.words("Платежей", "Төлем саны", "Payments"), true),
        (reader.words("Получено", "Түсті", "Taken"), true),
        (reader.words("Возвращено", "Қайтарылды", "Paid back"), true),
        (reader.words("В приложении", "Қолданбада", "Without kaspid"), true),
        (reader.words("Осталось", "Қалды", "Left"), true),
    ];
    let bins = |bin: &OrganizationBin| bin.to_string();
    let mut rows = String::new();
    for day in &report.days {
        for found in &day.organizations {
            let numbers = [
                bins(&found.organization_bin),
                found.payments.to_string(),
                found.taken_tiyn.to_string(),
                found.refunded_tiyn.to_string(),
                found.refunded_elsewhere_tiyn.to_string(),
                found.net_tiyn.to_string(),
            ];
            rows += &row(&day.date.to_string(), &numbers);
        }
    }
    match rows.is_empty() {
        true => String::new(),
        false => table(&names, &rows),
    }
}
