//! Two programs that take all the time they get, on the daemon's processor: how long it waits for its turn.

use std::process::Command;

use kaspid::operation::VersionQuery;

use crate::door::{Native, invoice};
use crate::group::{Bound, Group};
use crate::kaspid::shop;
use crate::process::{Beside, Hog, on_the_last, start_behind};
use crate::rounds;
use crate::support::behaviour::Till;
use crate::table::{Table, Times, timed};

/// Calls of each kind in a round.
const NOOPS: usize = 1000;
const CREATES: usize = 200;

/// There are many settings.
const MOST_ROUNDS: usize = 3;

/// What the shipped unit says of its time.
const UNIT: &str = include_str!("../../systemd/kaspid.service");

/// A line of the unit.
fn of_unit(name: &str) -> Option<&'static str> {
    UNIT.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
}

/// The words before the daemon, and those before each hog.
struct Setting {
    what: String,
    daemon: Vec<String>,
    hogs: [Vec<String>; 2],
    /// Inner ones first; they live as long as what is in them.
    _groups: Vec<Group>,
}

/// A unit has a session of its own; the kernel may divide time by sessions before it looks at any nice.
fn session(groups: &[&Group], nice: &str) -> Vec<String> {
    let entering = groups.iter().flat_map(|group| group.words()).collect();
    [entering, on_the_last(), ["setsid", "nice", "-n", nice].map(str::to_owned).to_vec()].concat()
}

impl Setting {
    /// No groups: as where nothing of the machine divides time by units.
    fn sessions(nice: &str) -> Self {
        let hogs = [session(&[], "0"), session(&[], "0")];
        Self { what: format!("nice {nice}"), daemon: session(&[], nice), hogs, _groups: Vec::new() }
    }

    /// Before all that is not: what a unit may ask for and machines may refuse.
    fn real_time() -> Result<Self, String> {
        let words = ["chrt", "-r", "1"];
        let allowed = Command::new(words[0]).args(&words[1..]).arg("true").output();
        if !allowed.is_ok_and(|output| output.status.success()) {
            return Err("chrt is not here, or not allowed".to_owned());
        }
        let daemon = [session(&[], "0"), words.map(str::to_owned).to_vec()].concat();
        Ok(Self { what: "real time (rr 1)".to_owned(), daemon, ..Self::sessions("0") })
    }

    /// All in one group, as services are where none of them has a weight.
    fn one_slice(nice: &str) -> Result<Self, String> {
        let slice = Group::new("slice", &[Bound::Weight(100)])?;
        let hogs = [session(&[&slice], "0"), session(&[&slice], "0")];
        let what = format!("nice {nice}, hogs are services");
        Ok(Self { what, daemon: session(&[&slice], nice), hogs, _groups: vec![slice] })
    }

    /// A service with a weight: each has a group of its own in their slice then.
    fn weighed(nice: &str, weight: u64) -> Result<Self, String> {
        let slice = Group::new("slice", &[Bound::Weight(100)])?;
        let group = |name, weight| slice.inside(name, &[Bound::Weight(weight)]);
        let (own, one, other) = (group("own", weight)?, group("one", 100)?, group("other", 100)?);
        let hogs = [session(&[&one], "0"), session(&[&other], "0")];
        let what = format!("nice {nice}, weight {weight}, hogs are services");
        Ok(Self { what, daemon: session(&[&own], nice), hogs, _groups: vec![own, one, other, slice] })
    }

    /// The same, and the hogs are programs of who sits at the machine: in another slice.
    fn weighed_beside_people(nice: &str, weight: u64) -> Result<Self, String> {
        let slice = Group::new("slice", &[Bound::Weight(100)])?;
        let own = slice.inside("own", &[Bound::Weight(weight)])?;
        let people = Group::new("people", &[Bound::Weight(100)])?;
        let hogs = [session(&[&people], "0"), session(&[&people], "0")];
        let what = format!("nice {nice}, weight {weight}, hogs are a user's");
        Ok(Self { what, daemon: session(&[&own], nice), hogs, _groups: vec![own, slice, people] })
    }
}

/// The slowest hundredth of each kind of call, with the hogs at rest and at work.
#[derive(Default)]
struct Slow {
    noop: [Times; 2],
    create: [Times; 2],
}

impl Slow {
    fn round(&mut self, native: &mut Native, place: usize) {
        self.noop[place].round_of_slow(timed(NOOPS, || drop(native.call(VersionQuery))));
        self.create[place].round_of_slow(timed(CREATES, || drop(native.call(invoice()))));
    }
}

/// Its groups are there only as long as it is.
type Making<'a> = &'a dyn Fn() -> Result<Setting, String>;

pub(crate) fn hogs(table: &mut Table) {
    let nice = of_unit("Nice").unwrap_or("0");
    let weight = of_unit("CPUWeight").and_then(|text| text.parse().ok());
    let (ships, weight) = (weight.is_some(), weight.unwrap_or(1000));
    // What the unit comes to where it is installed, and what it could come to.
    let settings: [(bool, Making<'_>); 6] = [
        (false, &|| Ok(Setting::sessions("0"))),
        (!ships, &|| Ok(Setting::sessions(nice))),
        (!ships, &|| Setting::one_slice(nice)),
        (ships, &|| Setting::weighed(nice, weight)),
        (ships, &|| Setting::weighed_beside_people(nice, weight)),
        (false, &Setting::real_time),
    ];
    for (is_shipped, setting) in settings {
        let budget = if is_shipped { "≤ 1.5" } else { "" };
        for place in [Place::Same, Place::Beside] {
            match may(nice).and_then(|()| setting()) {
                Ok(setting) => measure(table, &setting, (place, budget)),
                Err(why) => table.line("two hogs", "skipped".to_owned(), budget, why),
            }
        }
    }
}

/// Whether this machine has the programs, and lets this one use them.
fn may(nice: &str) -> Result<(), String> {
    let own = said(&["nice".to_owned()])?;
    let given = said(&[session(&[], nice), vec!["nice".to_owned()]].concat())?;
    match own + nice.parse::<i32>().unwrap_or(0) == given {
        true => Ok(()),
        false => Err("this machine gives nobody here a better nice".to_owned()),
    }
}

fn said(words: &[String]) -> Result<i32, String> {
    let output = Command::new(&words[0]).args(&words[1..]).output();
    let output = output.map_err(|error| format!("{}: {error}", words[0]))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    text.parse().map_err(|_| format!("{words:?}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// Where the till and the bank are.
#[derive(Clone, Copy)]
enum Place {
    /// On the processor of the daemon and the hogs: whoever waits for an answer makes room for who gives it.
    Same,
    /// On another one: the daemon has to take its processor from a hog.
    Beside,
}

fn measure(table: &mut Table, setting: &Setting, (place, budget): (Place, &str)) {
    let Till { daemon, home, bank: _bank } = shop();
    assert!(daemon.stop().success());
    let (_beside, place) = match place {
        Place::Same => (None, "one processor for all"),
        Place::Beside => (Some(Beside::new()), "till and bank on another"),
    };
    let daemon = start_behind(&setting.daemon, &home);
    let hogs = setting.hogs.each_ref().map(|words| Hog::start(words));
    let mut native = Native::connect(&daemon);
    let mut slow = Slow::default();
    for _ in 0..rounds().min(MOST_ROUNDS) {
        slow.round(&mut native, 0);
        hogs.iter().for_each(Hog::go);
        slow.round(&mut native, 1);
        hogs.iter().for_each(Hog::rest);
    }
    for (what, [idle, hogged]) in [("no-op", &slow.noop), ("create", &slow.create)] {
        let ratio = format!("{:.2}", hogged.median() / idle.median());
        let what = format!("{what}, p99 with two hogs ÷ idle: {}; {place}", setting.what);
        table.line(&what, ratio, budget, format!("{} ÷ {}", hogged.told(), idle.told()));
    }
}
