//! What the bank says, what the daemon says, what it announced and how often it asked, compared.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::readers::News;
use super::world::{Taken, World};
use crate::never_lose::crash::pages;
use crate::support::daemon::Daemon;

/// Until the last payment is what the bank says.
const PATIENCE: Duration = Duration::from_secs(60);
/// The bank's interval for links and QRs.
const POLL: Duration = Duration::from_secs(5);
/// After a deadline, and after being paid: 1 minute, 10 minutes, 1 hour, 24 hours.
const LATE_LOOKS: u64 = 4;
const PAID: &str = "payment.paid";
const FINAL: [&str; 4] = [PAID, "payment.declined", "payment.expired", "payment.cancelled"];

/// What of a payment the bank knows.
struct Truth {
    phase: String,
    statuses: u64,
    details: u64,
}

/// Status reads of the payments of one kind and life, fewest first.
type Asks = BTreeMap<(&'static str, &'static str), Vec<u64>>;

/// After the last act: waits until daemon and bank agree on every payment, then compares all that was promised.
pub(crate) fn compare(world: &mut World) {
    let rows = agreed(world);
    let truths = truths(world);
    let (news, lost) = world.readers.take().unwrap().end();
    let daemon = world.daemon.as_ref().unwrap();
    let read: Vec<u64> = news.iter().map(|one| one.seq).collect();
    assert_eq!(read, all_events(daemon), "events were lost or doubled on the way");
    let verified = daemon.door.get("/v1/log/verify").expect(200);
    assert_eq!(verified["ok"], true, "{verified}");
    let mut told: HashMap<&str, Vec<&News>> = HashMap::new();
    for one in &news {
        told.entry(one.payment.as_deref().unwrap_or_default()).or_default().push(one);
    }
    let lines = lines(daemon);
    let mut asks = Asks::new();
    for one in &world.taken {
        let (told, truth, row) = (&told[one.id.as_str()], &truths[&one.qr], &rows[&one.qr]);
        check_news(told, lines.get(&one.id).copied().unwrap_or_default(), row);
        check_asks(one, told, truth, world.restarts as u64);
        asks.entry((one.life.kind, one.life.name)).or_default().push(truth.statuses);
    }
    eprintln!(
        "lives: {} restarts, {} events, read twice; pages that did not come: {lost:?} (HTTP, native); {} open at once",
        world.restarts,
        news.len(),
        most_open(&news)
    );
    print(asks);
    print_ends(world, &rows, &truths);
}

fn truths(world: &World) -> HashMap<String, Truth> {
    let payments = world.bank.control("GET", "/payments", None);
    let payments = payments["payments"].as_array().unwrap().iter();
    let asked = |payment: &Value, call: &str| payment["asked"][call].as_u64().unwrap_or_default();
    let truth = |payment: &Value| Truth {
        phase: payment["state"]["phase"].as_str().unwrap().to_owned(),
        statuses: asked(payment, "payment_status"),
        details: asked(payment, "payment_details"),
    };
    payments.map(|payment| (payment["id"].to_string(), truth(payment))).collect()
}

/// The daemon's payments, once each is what the bank says: declined and expired are one, where nobody looked between.
fn agreed(world: &World) -> HashMap<String, Value> {
    let daemon = world.daemon.as_ref().unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        let rows = pages(daemon, "/v1/payments?", "payments");
        let truths = truths(world);
        assert_eq!((rows.len(), truths.len()), (world.taken.len(), world.taken.len()), "payments were lost or doubled");
        let agrees = |row: &Value| {
            let truth = &truths[row["qr_payment_id"].as_str().unwrap()];
            match row["state"].as_str().unwrap() {
                "expired" | "declined" => truth.phase == "failed",
                state => state == truth.phase,
            }
        };
        let differing: Vec<&Value> = rows.iter().filter(|row| !agrees(row)).collect();
        if differing.is_empty() {
            return rows.into_iter().map(|row| (row["qr_payment_id"].as_str().unwrap().to_owned(), row)).collect();
        }
        if Instant::now() > until {
            let qr = differing[0]["qr_payment_id"].as_str().unwrap();
            let bank = world.bank.control("GET", &format!("/payments/{qr}"), None);
            let life = &world.taken.iter().find(|one| one.qr == qr).unwrap().life;
            let count = differing.len();
            panic!("{count} payments are not what the bank says: {life:?}\n{bank}\n{}", differing[0]);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The numbers of all events, read once more from the beginning.
fn all_events(daemon: &Daemon) -> Vec<u64> {
    let (mut seqs, mut after) = (Vec::new(), 0);
    loop {
        let page = daemon.door.get(&format!("/v1/events?after={after}&limit=1000")).expect(200);
        let events = page["events"].as_array().unwrap();
        if events.is_empty() {
            return seqs;
        }
        seqs.extend(events.iter().map(|event| event["seq"].as_u64().unwrap()));
        after = page["next"].as_u64().unwrap();
    }
}

/// How many changes the log says were seen at Kaspi, by payment.
fn lines(daemon: &Daemon) -> HashMap<String, usize> {
    let mut lines = HashMap::new();
    for line in pages(daemon, "/v1/log?operation=status&", "rows") {
        *lines.entry(line["payment_id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    lines
}

/// Every change is announced once and stands in the log once, and they end in the state that the payment is in.
fn check_news(told: &[&News], lines: usize, row: &Value) {
    let words: Vec<&str> = told.iter().map(|news| news.what.as_str()).collect();
    assert_eq!(words[..2], ["payment.created", "payment.waiting"], "{words:?}");
    let first = words.iter().position(|word| FINAL.contains(word)).unwrap_or_else(|| panic!("{words:?}: {row}"));
    assert!(words[2..first].iter().all(|word| *word == "payment.waiting"), "{words:?}");
    match &words[first..] {
        [end] => assert_eq!((*end, &row["late"]), (end_of(row).as_str(), &Value::Bool(false)), "{row}"),
        [over, end] => {
            assert!(*over != PAID && *end == PAID, "{words:?}");
            assert_eq!((&row["state"], &row["late"]), (&Value::from("paid"), &Value::Bool(true)), "{words:?}: {row}");
        }
        _ => panic!("a payment ended more than once: {words:?}: {row}"),
    }
    // The answer to a cancel is a change that no status read has seen.
    let cancels = words.iter().filter(|word| **word == "payment.cancelled").count();
    assert!((lines..=lines + cancels).contains(&(words.len() - 2)), "{lines} lines in the log of {words:?}: {row}");
}

fn end_of(row: &Value) -> String {
    format!("payment.{}", row["state"].as_str().unwrap())
}

/// No more than the policy allows (architecture §6.6). A start looks at once at what is open or missed its last look.
fn check_asks(one: &Taken, told: &[&News], truth: &Truth, restarts: u64) {
    let over = told.iter().find(|news| FINAL.contains(&news.what.as_str())).unwrap();
    let open = over.at.since(told[0].at);
    let most = match one.life.kind {
        "remote" => sweeps(open) + 1 + LATE_LOOKS + 1 + one.cancels as u64,
        _ => open.as_secs() / POLL.as_secs() + 2 + restarts + LATE_LOOKS + 1,
    };
    // What is found paid by one of them is looked at as often again: whether Kaspi still says so.
    let is_late = over.what != PAID && told.iter().any(|news| news.what == PAID);
    let most = most + if is_late { LATE_LOOKS } else { 0 };
    assert!(truth.statuses <= most, "{} status reads, {most} at most: {:?}, open {open:?}", truth.statuses, one.life);
    assert!(truth.details <= 1 + restarts, "{} reads of details", truth.details);
}

/// Asks of the sweep in this time: after 10 minutes, after 30 more, then every hour, 40 at most.
fn sweeps(open: Duration) -> u64 {
    let minutes = open.as_secs() / 60;
    let hours = minutes.saturating_sub(40) / 60;
    (u64::from(minutes >= 10) + u64::from(minutes >= 40) + hours).min(40)
}

/// How many payments were open at the same time, at most.
fn most_open(news: &[News]) -> usize {
    let mut open = HashSet::new();
    let mut most = 0;
    for one in news {
        match one.what.as_str() {
            "payment.created" => drop(open.insert(one.payment.as_deref())),
            what if FINAL.contains(&what) => drop(open.remove(&one.payment.as_deref())),
            _ => {}
        }
        most = most.max(open.len());
    }
    most
}

fn print(asks: Asks) {
    eprintln!("lives: status reads a payment    payments  least  median   most  all");
    for ((kind, name), mut counts) in asks {
        counts.sort_unstable();
        let (least, median, most) = (counts[0], counts[counts.len() / 2], counts[counts.len() - 1]);
        let (life, sum) = (format!("{kind}: {name}"), counts.iter().sum::<u64>());
        eprintln!("lives:   {life:<28} {:>10} {least:>6} {median:>7} {most:>6} {sum:>5}", counts.len());
    }
}

/// What the bank says and what the daemon says, counted.
fn print_ends(world: &World, rows: &HashMap<String, Value>, truths: &HashMap<String, Truth>) {
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for one in &world.taken {
        let (truth, row) = (&truths[&one.qr], &rows[&one.qr]);
        let late = if row["late"] == true { " late" } else { "" };
        *ends.entry(format!("{} is {}{late}", truth.phase, row["state"].as_str().unwrap())).or_default() += 1;
    }
    eprintln!("lives: {ends:?}");
}
