//! A world: one bank, one disk, some tills and a person, and a daemon that dies again and again; in the end nothing
//! goes wrong any more, everybody finishes, days pass, and the books are compared.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::bank::{Bank, ORGANISATIONS};
use super::chance::Chance;
use super::fate::{self, Death, note};
use super::person::{self, Person};
use super::shop::Shop;
use super::till::{Known, SharedTill, Till};
use super::weather::{self, Weather};
use super::wire::Line;
use super::{books, clock, serve};
use crate::chance::seeded;
use crate::domain::Dialect;
use crate::operation::Enrol;
use crate::store::tests::disk::{Disk, Survives};

/// Lives of one world before the one in which nothing goes wrong.
const MOST_LIVES: u64 = 40;
/// How long a daemon is given to stop in order.
const STOP_WITHIN: Duration = Duration::from_secs(40);
/// The longest that a life may take until all customers have gone.
const LONGEST: Duration = Duration::from_secs(20 * 86_400);

/// Every step at which a daemon can be told to die.
pub(super) const STEPS: [&str; 27] = [
    "create.begin",
    "create.intended",
    "create.answered",
    "create.ended",
    "cancel.begin",
    "cancel.intended",
    "cancel.answered",
    "cancel.ended",
    "refund.begin",
    "refund.intended",
    "refund.answered",
    "refund.ended",
    "resolve.begin",
    "resolve.stored",
    "writer.commit",
    "writer.committed",
    "writer.resting",
    "writer.rested",
    "disk.flush",
    "disk.flushed",
    "wire.sent",
    "wire.done",
    "wire.answered",
    "wire.sent",
    "wire.done",
    "wire.answered",
    "disk.flush",
];

/// What a world came to.
#[derive(Default)]
pub(super) struct Came {
    /// Bills at the bank, and money that went back.
    pub(super) payments: u64,
    pub(super) refunds: u64,
    /// Of the daemon.
    pub(super) lives: u64,
    /// By step.
    pub(super) deaths: BTreeMap<&'static str, u64>,
    pub(super) broken: Option<String>,
    pub(super) trace: Vec<String>,
}

struct World {
    chance: Chance,
    line: Line,
    disk: Disk,
    tills: Vec<SharedTill>,
    person: Person,
    weather: Arc<Mutex<Weather>>,
    deaths: BTreeMap<&'static str, u64>,
    lives: u64,
}

/// Lives through a world.
pub(super) fn live(seed: u64, traced: bool) -> Came {
    seeded::sow(Some(seed));
    clock::begin();
    fate::begin(false);
    enrolled(Dialect::Bank);
    enrolled(Dialect::Guide);
    seeded::sow(Some(seed));
    clock::begin();
    fate::begin(traced);
    let mut world = World::new(seed);
    for _ in 0..world.chance.below(MOST_LIVES) {
        if fate::is_broken() || !world.life() {
            break;
        }
    }
    if !fate::is_broken() {
        world.finish();
    }
    let (payments, refunds) =
        world.line.look(|bank| (bank.bills.len() as u64, bank.bills.iter().map(|bill| bill.backs.len() as u64).sum()));
    let (broken, trace) = fate::end();
    clock::end();
    seeded::sow(None);
    Came { payments, refunds, lives: world.lives, deaths: world.deaths, broken, trace }
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance::of(seed, 0);
        let dialect = if chance.percent(80) { Dialect::Bank } else { Dialect::Guide };
        let is_of_refunds = chance.percent(45);
        let bank = Bank::new(Chance::of(seed, 1), dialect, is_of_refunds);
        let (tills, known) = (1 + chance.below(4), Known::default());
        let tills = (0..tills).map(|number| {
            Till::new(number, Chance::of(seed, 10 + number), 2 + chance.below(8), known.clone(), is_of_refunds)
        });
        Self {
            line: Line::new(bank, Chance::of(seed, 2), is_of_refunds),
            disk: enrolled(dialect),
            tills: tills.collect(),
            person: Arc::new(Mutex::new(Chance::of(seed, 3))),
            weather: Weather::new(Chance::of(seed, 4)),
            deaths: BTreeMap::new(),
            lives: 1,
            chance,
        }
    }

    /// How the next life ends.
    fn death(&mut self) -> Death {
        match self.chance.below(100) {
            0..15 => Death::Step(self.chance.magnitude(1, 12)),
            15..45 => Death::Step(self.chance.magnitude(10, 150)),
            45..88 => Death::At(self.chance.one_of(&STEPS), self.chance.magnitude(1, 3)),
            88..97 => Death::After(self.chance.span(Duration::from_millis(1), Duration::from_secs(2_000))),
            _ => Death::Stop(self.chance.span(Duration::from_millis(1), Duration::from_secs(2_000))),
        }
    }

    /// One life and the time until the next; false once there is nothing more to do.
    fn life(&mut self) -> bool {
        let death = self.death();
        self.lives += 1;
        note(|| format!("a life begins, and is to end so: {death:?}"));
        self.weather.lock().unwrap().at_start();
        let mut is_done = false;
        on_a_runtime(&self.disk, death, async {
            let Some(shop) = Shop::open(&self.disk, &self.line).await else { return };
            tokio::spawn(person::work(self.person.clone(), shop.clone()));
            tokio::spawn(weather::work(self.weather.clone(), self.disk.clone()));
            tokio::select! {
                biased;
                () = self.serve(&shop) => is_done = true,
                () = stop(death, &shop) => {}
            }
        });
        if let Some(at) = fate::died_at() {
            *self.deaths.entry(at).or_default() += 1;
        }
        self.time_between();
        !is_done
    }

    /// Lets the tills work until all customers have gone.
    async fn serve(&self, shop: &Shop) {
        let mut working = JoinSet::new();
        for till in &self.tills {
            working.spawn(serve::work(till.clone(), shop.clone()));
        }
        let all = async {
            while let Some(done) = working.join_next().await {
                if let Err(error) = done {
                    fate::broken(format!("a till panicked: {error}"));
                }
            }
        };
        if timeout(LONGEST, all).await.is_err() {
            fate::broken("the tills are never done".to_owned());
        }
    }

    /// What a daemon that died had not flushed, the disk has kept as it likes.
    fn time_between(&mut self) {
        let survives = match self.chance.below(6) {
            _ if !fate::is_dead() => Survives::All,
            0 => Survives::Nothing,
            1 => Survives::All,
            2 => Survives::Head,
            _ => Survives::Chosen(self.chance.number()),
        };
        self.disk = self.disk.after_power_cut(survives);
        clock::sleep_through(self.chance.span(Duration::from_millis(100), Duration::from_secs(7_200)));
        for till in &self.tills {
            till.lock().unwrap().lost_contact();
        }
    }

    /// Nothing goes wrong any more: everybody finishes, days pass, and the books are compared.
    fn finish(&mut self) {
        note(|| "nothing goes wrong any more".to_owned());
        on_a_runtime(&self.disk, Death::Never, async {
            self.line.set_rates([0; 5]);
            self.line.look(|bank| bank.is_tame = true);
            clock::set_wrong_by(0);
            let Some(shop) = Shop::open(&self.disk, &self.line).await else {
                return fate::broken("the last daemon does not start".to_owned());
            };
            books::check_census(&shop).await;
            self.serve(&shop).await;
            for _ in 0..22 {
                person::close_all(&shop).await;
                clock::sleep_through(Duration::from_secs(3 * 3_600));
                sleep(Duration::from_secs(21)).await;
            }
            books::ask_all(&shop).await;
            sleep(Duration::from_secs(60)).await;
            person::close_all(&shop).await;
            let told: Vec<_> = self.tills.iter().flat_map(|till| till.lock().unwrap().told.clone()).collect();
            let books = books::Books::read(&shop).await;
            books.check(&told);
            books::check_news(&shop, &books).await;
            books::check_log(&shop);
            books::check_census(&shop).await;
        });
    }
}

/// Lets the daemon live on a runtime of its own, which ends with it.
fn on_a_runtime(disk: &Disk, death: Death, life: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    fate::life_begins(death, disk);
    runtime.block_on(async {
        clock::life_begins();
        let bell = fate::bell();
        tokio::select! {
            biased;
            () = bell.notified() => {}
            () = life => {}
            () = age(death) => {}
        }
        clock::life_ends();
    });
}

thread_local! {
    /// The state that every world of a dialect begins with.
    static ENROLLED: RefCell<HashMap<Dialect, Disk>> = RefCell::default();
}

/// A disk on which the organisations are enrolled, made by the daemon itself, once a thread.
fn enrolled(dialect: Dialect) -> Disk {
    if let Some(disk) = ENROLLED.with_borrow(|known| known.get(&dialect).cloned()) {
        return disk.after_power_cut(Survives::All);
    }
    let (disk, line) =
        (Disk::furnished(), Line::new(Bank::new(Chance::of(0, 1), dialect, false), Chance::of(0, 2), false));
    line.set_rates([0; 5]);
    on_a_runtime(&disk, Death::Never, async {
        let Some(shop) = Shop::open(&disk, &line).await else { return };
        for (bin, _) in ORGANISATIONS {
            let organization_bin = bin.parse().unwrap();
            let (shop_id, trade_point_id, device_token, is_default, description) = (None, None, None, false, None);
            let enrol = Enrol { shop_id, organization_bin, trade_point_id, device_token, is_default, description };
            shop.run(None, enrol).await.unwrap();
        }
    });
    ENROLLED.with_borrow_mut(|known| known.insert(dialect, disk.clone()));
    enrolled(dialect)
}

/// Tells the daemon to stop, if this life is to end so, and gives it the time for it.
async fn stop(death: Death, shop: &Shop) {
    let Death::Stop(age) = death else { return std::future::pending().await };
    sleep(age).await;
    note(|| "the daemon is told to stop".to_owned());
    shop.stop();
    sleep(STOP_WITHIN).await;
}

/// Ends a life that is to end at an age.
async fn age(death: Death) {
    match death {
        Death::After(age) => {
            tokio::time::sleep_until(Instant::now() + age).await;
            fate::die(fate::MOMENT);
        }
        _ => std::future::pending().await,
    }
}
