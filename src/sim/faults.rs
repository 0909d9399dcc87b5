//! What goes wrong between the daemon and the bank, and how often.

use super::bank::{Given, Order};
use super::chance::Chance;
use super::words::Heard;

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// No connection: surely not sent.
    Unsent,
    /// Lost before the bank; the connection breaks, or nothing more is heard.
    Lost {
        silent: bool,
    },
    /// Waits on its way, and is carried out after nobody waits for its answer any more.
    Late,
    /// Done, and the answer lost.
    Unheard {
        silent: bool,
    },
    /// Done, and answered so that nobody can tell.
    Garbled(&'static str),
    /// Not done, and answered the same way.
    Refused(&'static str),
    /// The device is forgotten first.
    Forgotten,
}

const GARBLED: [&str; 6] =
    ["", "<html>502</html>", "{", r#"{"StatusCode":0}"#, r#"{"StatusCode":-999}"#, r#"{"StatusCode":-777}"#];
const TRY_AGAIN: &str = r#"{"StatusCode":-99000006,"Message":"error"}"#;

/// How much goes wrong.
pub(super) struct Troubles {
    pub(super) chance: Chance,
    /// In percent, of calls of each kind: reads, creates, cancels, refunds, balances.
    pub(super) rates: [u64; 5],
}

impl Troubles {
    pub(super) fn new(mut chance: Chance, is_of_refunds: bool) -> Self {
        let usual = chance.one_of(&[0, 2, 5, 10, 25]);
        let mut rates = [usual; 5];
        if chance.percent(60) {
            rates[chance.below(5) as usize] = chance.one_of(&[20, 50, 80]);
        }
        if is_of_refunds {
            (rates[3], rates[4]) = (chance.one_of(&[30, 60, 80]), chance.one_of(&[0, 10, 40]));
        }
        Self { chance, rates }
    }

    /// What goes wrong with this request.
    pub(super) fn pick(&mut self, heard: &Heard) -> Fault {
        let kind = match heard {
            Heard::TradePoints(_) | Heard::Register(_) | Heard::Status(_) => 0,
            Heard::Money(Given { order: Order::Create { .. }, .. }) => 1,
            Heard::Money(Given { order: Order::Cancel { .. }, .. }) => 2,
            Heard::Money(Given { order: Order::Refund { .. }, .. }) => 3,
            Heard::Details(..) => 4,
        };
        if !self.chance.percent(self.rates[kind]) {
            return Fault::None;
        }
        let silent = self.chance.percent(50);
        // An envelope of the other dialect there is a bank that has changed, which is another story.
        let is_of_points = matches!(heard, Heard::TradePoints(_));
        let garbled = if is_of_points {
            GARBLED[0]
        } else if kind == 3 && silent {
            TRY_AGAIN
        } else {
            self.chance.one_of(&GARBLED)
        };
        match self.chance.below(100) {
            0..10 => Fault::Unsent,
            10..30 => Fault::Lost { silent },
            30..50 if matches!(heard, Heard::Money(_)) => Fault::Late,
            30..70 => Fault::Unheard { silent },
            70..85 => Fault::Garbled(garbled),
            85..95 => Fault::Refused(garbled),
            _ => Fault::Forgotten,
        }
    }
}
