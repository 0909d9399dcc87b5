//! What a person should look at of a device. It belongs to a (BIN, trade point): payments are paid back with the device of
//! the point they were made at, wherever their organisation stands now.

use serde::{Deserialize, Serialize};

use crate::id::{OrganizationBin, TradePointId};

/// What has happened to a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Alarm {
    /// Kaspi called it switched off or deleted: somebody may have done that on purpose.
    RegisteredAgain,
    /// The same, and there is no other token for it.
    NotRegisteredAgain,
    /// Kaspi gave it a token that stands for another (BIN, trade point).
    GivenOfAnother,
}

impl Alarm {
    /// What has happened, in words.
    pub(crate) fn what(self) -> &'static str {
        match self {
            Self::RegisteredAgain => "Kaspi called the device switched off or deleted; it was registered again",
            Self::NotRegisteredAgain => {
                "Kaspi called the device switched off or deleted, and it could not be registered again"
            }
            Self::GivenOfAnother => {
                "Kaspi gave the device the token of another organisation or trade point, which was not taken"
            }
        }
    }

    /// What a person types when it has been looked at, or mended.
    pub(crate) fn command(self, bin: &OrganizationBin, point: &TradePointId) -> String {
        match self {
            Self::RegisteredAgain | Self::NotRegisteredAgain => format!("kaspictl bin verify {bin}"),
            Self::GivenOfAnother => format!("kaspictl bin register {bin} --trade-point {point}"),
        }
    }
}

/// The last alarm of each trade point of an organisation, until a registration there gives a token or a person has looked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alarms(Vec<(TradePointId, Alarm)>);

impl Alarms {
    /// Takes the place of what stood for this point.
    pub(crate) fn raise(&mut self, point: &TradePointId, alarm: Alarm) {
        self.end_at(point);
        self.0.push((point.clone(), alarm));
    }

    /// The device at this point has a token of its own.
    pub(crate) fn end_at(&mut self, point: &TradePointId) {
        self.0.retain(|(at, _)| at != point);
    }

    /// A person has looked.
    pub(crate) fn end(&mut self) {
        self.0.clear();
    }

    /// Each with its trade point.
    pub(crate) fn each(&self) -> impl Iterator<Item = (&TradePointId, Alarm)> {
        self.0.iter().map(|(point, alarm)| (point, *alarm))
    }
}
