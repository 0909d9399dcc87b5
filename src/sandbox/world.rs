//! The organisations the bank knows: their trade points and the devices registered at them.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use uuid::Uuid;

use super::call::{BankCall, Dialect};
use super::refusal::BankRefusal;

/// The two organisations of the guide.
pub const GUIDE_BINS: [&str; 2] = ["891027350515", "210440028324"];

/// The tokens the guide prints; the first registration at its pairs gives them, so that its examples run as
/// printed. The second one is not a GUID.
const GUIDE_TOKENS: [&str; 2] = ["577b4b39-1e7e-43d2-83c3-a0116118ef16", "688c5d4a-2f8f-54e3-94d4-b1227229g27"];

/// A place where an organisation sells.
#[derive(Clone, Debug, Serialize)]
pub(super) struct TradePoint {
    /// An integer in the bank's dialect, any text in the guide's.
    pub(super) id: String,
    /// The bank's names carry the address in brackets.
    pub(super) name: String,
    /// Only the guide's dialect shows it.
    pub(super) city: String,
    /// Switched off: still listed, but its calls are refused.
    pub(super) active: bool,
    /// In the answer of the trade-point call; a removed one is neither listed nor known.
    pub(super) listed: bool,
    /// Takes QR and link payments.
    pub(super) accepts_qr: bool,
    /// Returns parts of a purchase.
    pub(super) partial_refunds: bool,
    /// Ways to pay; none means that QR and links are refused.
    pub(super) payment_methods: Vec<String>,
}

impl TradePoint {
    /// A working trade point.
    pub(super) fn open(id: &str, name: &str, city: &str) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            city: city.to_owned(),
            active: true,
            listed: true,
            accepts_qr: true,
            partial_refunds: true,
            payment_methods: ["Gold", "Red", "Loan"].map(str::to_owned).to_vec(),
        }
    }
}

/// How a device stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DeviceStanding {
    /// Its token works.
    Active,
    /// Switched off by somebody; a new registration gives another token.
    Disabled,
    /// Deleted by `device/delete`; its DeviceId is free again.
    Deleted,
    /// The bank no longer knows the token.
    Forgotten(Again),
}

/// What registering a forgotten device again gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Again {
    /// Another token.
    #[default]
    Another,
    /// The same token, which works again.
    Same,
    /// The same token, still refused: what a client must not loop on.
    SameRefused,
}

/// A device: what a token stands for.
#[derive(Clone, Debug)]
pub(super) struct RegisteredDevice {
    /// The caller's name for it; one fixed name in the guide's dialect, which has none.
    pub(super) device_id: String,
    /// Its organisation.
    pub(super) bin: String,
    /// Its trade point.
    pub(super) trade_point: String,
    /// Whether its token works.
    pub(super) standing: DeviceStanding,
}

/// The devices of an organisation, counted.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct DeviceCount {
    pub(super) works: usize,
    pub(super) dead: usize,
}

/// Organisations and devices.
#[derive(Debug, Default)]
pub(super) struct World {
    /// Trade points by organisation.
    organizations: BTreeMap<String, Vec<TradePoint>>,
    /// Devices by token, dead ones too: a deleted device is told from an unknown one.
    devices: HashMap<String, RegisteredDevice>,
    /// Tokens that the first registration of a (BIN, trade point) gets.
    promised: HashMap<(String, String), String>,
}

impl World {
    /// The guide's two organisations, in the ids of `dialect`.
    pub(super) fn of(dialect: Dialect) -> Self {
        let points = match dialect {
            Dialect::Bank => [
                TradePoint::open("104039", "Main Office (Almaty, Abay Avenue 10)", "Almaty"),
                TradePoint::open("104040", "Second Office (Astana, Kenesary Street 4)", "Astana"),
            ],
            Dialect::Guide => [
                TradePoint::open("550e8400-e29b-41d4-a716-446655440000", "Main Office", "Almaty"),
                TradePoint::open("660f9511-f30c-52e5-b827-557766551111", "Second Office", "Astana"),
            ],
        };
        let mut world = Self::default();
        for ((bin, point), token) in GUIDE_BINS.into_iter().zip(points).zip(GUIDE_TOKENS) {
            if dialect == Dialect::Guide {
                world.promised.insert((bin.to_owned(), point.id.clone()), token.to_owned());
            }
            world.organizations.insert(bin.to_owned(), vec![point]);
        }
        world
    }

    /// All organisations, for the control interface.
    pub(super) fn organizations(&self) -> &BTreeMap<String, Vec<TradePoint>> {
        &self.organizations
    }

    /// True if the bank works with this organisation.
    pub(super) fn knows(&self, bin: &str) -> bool {
        self.organizations.contains_key(bin)
    }

    /// How many devices of an organisation have a token that works, and how many one that was switched off or forgotten.
    pub(super) fn devices_of(&self, bin: &str) -> DeviceCount {
        let mut count = DeviceCount::default();
        for device in self.devices.values().filter(|device| device.bin == bin) {
            match device.standing {
                DeviceStanding::Active => count.works += 1,
                DeviceStanding::Disabled | DeviceStanding::Forgotten(_) => count.dead += 1,
                DeviceStanding::Deleted => {}
            }
        }
        count
    }

    /// Adds an organisation without trade points; false if it is there.
    pub(super) fn add_organization(&mut self, bin: &str) -> bool {
        let new = !self.knows(bin);
        self.organizations.entry(bin.to_owned()).or_default();
        new
    }

    /// Ends the bank's contract with an organisation; its devices go with it.
    pub(super) fn remove_organization(&mut self, bin: &str) -> bool {
        self.devices.retain(|_, device| device.bin != bin);
        self.organizations.remove(bin).is_some()
    }

    /// The trade points an organisation sees: the listed ones.
    pub(super) fn listed(&self, bin: &str) -> Vec<&TradePoint> {
        self.organizations.get(bin).into_iter().flatten().filter(|point| point.listed).collect()
    }

    /// A trade point, listed or removed, to be changed by the control interface.
    pub(super) fn trade_point_mut(&mut self, bin: &str, id: &str) -> Option<&mut TradePoint> {
        self.organizations.get_mut(bin)?.iter_mut().find(|point| point.id == id)
    }

    /// Adds a trade point to a known organisation.
    pub(super) fn add_trade_point(&mut self, bin: &str, point: TradePoint) -> Option<&TradePoint> {
        let points = self.organizations.get_mut(bin)?;
        points.push(point);
        points.last()
    }

    /// A trade point that works.
    pub(super) fn open_trade_point(&self, bin: &str, id: &str) -> Result<&TradePoint, BankRefusal> {
        let points = self.organizations.get(bin).ok_or(BankRefusal::TRADE_POINT_UNKNOWN)?;
        let point =
            points.iter().find(|point| point.id == id && point.listed).ok_or(BankRefusal::TRADE_POINT_UNKNOWN)?;
        if point.active { Ok(point) } else { Err(BankRefusal::TRADE_POINT_INACTIVE) }
    }

    /// The working device of a token in its organisation; the token of another one is unknown there.
    pub(super) fn device(&self, bin: &str, token: &str, call: BankCall) -> Result<&RegisteredDevice, BankRefusal> {
        let device = self.device_of_token(token, call)?;
        if device.bin == bin { Ok(device) } else { Err(BankRefusal::DEVICE_UNKNOWN) }
    }

    /// The working device of a token, for calls that carry no organisation.
    pub(super) fn device_of_token(&self, token: &str, call: BankCall) -> Result<&RegisteredDevice, BankRefusal> {
        let device = self.devices.get(token).ok_or(BankRefusal::DEVICE_UNKNOWN)?;
        match device.standing {
            DeviceStanding::Active => Ok(device),
            // −1502 is listed for qr/* and return, not for remote/* and delete (wire §6).
            DeviceStanding::Disabled | DeviceStanding::Deleted
                if call.is_remote() || call == BankCall::DeviceDelete =>
            {
                Err(BankRefusal::DEVICE_UNKNOWN)
            }
            DeviceStanding::Disabled | DeviceStanding::Deleted => Err(BankRefusal::DEVICE_INACTIVE),
            DeviceStanding::Forgotten(_) => Err(BankRefusal::DEVICE_UNKNOWN),
        }
    }

    /// Registers a device: the same arguments give the same token (wire §9). True if it is new.
    ///
    /// A DeviceId stands at one trade point of one organisation: the manual leaves open whether −1503 looks
    /// across organisations, and the strictest reading harms no careful client.
    pub(super) fn register(
        &mut self,
        bin: &str,
        trade_point: &str,
        device_id: &str,
    ) -> Result<(String, bool), BankRefusal> {
        self.open_trade_point(bin, trade_point)?;
        let mut known = None;
        for (token, device) in self.devices.iter().filter(|(_, device)| device.device_id == device_id) {
            let here = device.bin == bin && device.trade_point == trade_point;
            match device.standing {
                DeviceStanding::Deleted => {}
                DeviceStanding::Active if here => return Ok((token.clone(), false)),
                DeviceStanding::Forgotten(again) if here && again != Again::Another => {
                    known = Some((token.clone(), again))
                }
                DeviceStanding::Disabled | DeviceStanding::Forgotten(_) if here => {}
                DeviceStanding::Active | DeviceStanding::Disabled => return Err(BankRefusal::DEVICE_ELSEWHERE),
                DeviceStanding::Forgotten(_) => {}
            }
        }
        if let Some((token, again)) = known {
            if again == Again::Same {
                self.set_standing(&token, DeviceStanding::Active);
            }
            return Ok((token, false));
        }
        Ok((self.new_device(bin, trade_point, device_id), true))
    }

    fn new_device(&mut self, bin: &str, trade_point: &str, device_id: &str) -> String {
        let promised = self.promised.remove(&(bin.to_owned(), trade_point.to_owned()));
        let token = promised.unwrap_or_else(|| Uuid::new_v4().to_string());
        let device = RegisteredDevice {
            device_id: device_id.to_owned(),
            bin: bin.to_owned(),
            trade_point: trade_point.to_owned(),
            standing: DeviceStanding::Active,
        };
        self.devices.insert(token.clone(), device);
        token
    }

    /// Changes how one device stands.
    pub(super) fn set_standing(&mut self, token: &str, standing: DeviceStanding) {
        if let Some(device) = self.devices.get_mut(token) {
            device.standing = standing;
        }
    }

    /// Changes how all working devices of an organisation stand; how many there were.
    pub(super) fn set_standing_of(&mut self, bin: &str, standing: DeviceStanding) -> usize {
        let working = self.devices.values_mut().filter(|d| d.bin == bin && d.standing == DeviceStanding::Active);
        working.map(|device| device.standing = standing).count()
    }

    /// Makes the forgotten and disabled devices of an organisation work again; how many there were.
    pub(super) fn restore_devices_of(&mut self, bin: &str) -> usize {
        let dead =
            |d: &&mut RegisteredDevice| matches!(d.standing, DeviceStanding::Forgotten(_) | DeviceStanding::Disabled);
        let devices = self.devices.values_mut().filter(|d| d.bin == bin).filter(dead);
        devices.map(|device| device.standing = DeviceStanding::Active).count()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    const BIN: &str = GUIDE_BINS[0];

    fn registered() -> (World, String) {
        let mut world = World::of(Dialect::Bank);
        let (token, new) = world.register(BIN, "104039", "till-1").unwrap();
        assert!(new);
        (world, token)
    }

    #[test]
    fn registering_again_gives_the_same_token_and_another_device_another() {
        let (mut world, token) = registered();
        assert_eq!(world.register(BIN, "104039", "till-1"), Ok((token.clone(), false)));
        assert_ne!(world.register(BIN, "104039", "till-2").unwrap().0, token);
    }

    #[test]
    fn a_device_stands_at_one_trade_point_until_it_is_deleted() {
        let (mut world, token) = registered();
        assert_eq!(world.register(GUIDE_BINS[1], "104040", "till-1"), Err(BankRefusal::DEVICE_ELSEWHERE));
        world.set_standing(&token, DeviceStanding::Deleted);
        assert!(world.register(GUIDE_BINS[1], "104040", "till-1").is_ok());
        assert_eq!(world.device(BIN, &token, BankCall::QrCreate).err(), Some(BankRefusal::DEVICE_INACTIVE));
        assert_eq!(world.device(BIN, &token, BankCall::RemoteCreate).err(), Some(BankRefusal::DEVICE_UNKNOWN));
    }

    #[test]
    fn a_token_of_another_organisation_is_unknown() {
        let (world, token) = registered();
        assert!(world.device(BIN, &token, BankCall::RemoteCreate).is_ok());
        assert_eq!(
            world.device(GUIDE_BINS[1], &token, BankCall::RemoteCreate).err(),
            Some(BankRefusal::DEVICE_UNKNOWN)
        );
    }

    #[test]
    fn a_forgotten_device_comes_back_as_told() {
        for (again, same, works) in
            [(Again::Another, false, true), (Again::Same, true, true), (Again::SameRefused, true, false)]
        {
            let (mut world, token) = registered();
            assert_eq!(world.set_standing_of(BIN, DeviceStanding::Forgotten(again)), 1);
            assert_eq!(world.device(BIN, &token, BankCall::QrCreate).err(), Some(BankRefusal::DEVICE_UNKNOWN));
            let (next, _) = world.register(BIN, "104039", "till-1").unwrap();
            assert_eq!(next == token, same, "{again:?}");
            assert_eq!(world.device(BIN, &next, BankCall::QrCreate).is_ok(), works, "{again:?}");
        }
    }
}
