//! Steps 1–3 of the guide as one call: look up the trade point, register the device, store the config. Also the
//! move of a config to another trade point, which is the same three steps.

use tokio::time::Instant;

use super::configs::{put, tried, unset_default};
use super::device::{Registered, Turn, refusal_of_another};
use super::renewal::of_bin;
use super::schedule::Poke;
use super::{Request, Service, trouble};
use crate::domain::{Actor, LogStatus, OperationType, Standing, TradePoint};
use crate::failpoint::fail_point;
use crate::failure::{Code, Failure};
use crate::id::{Description, DeviceToken, OrganizationBin, ShopId, TradePointId};
use crate::moment::Moment;
use crate::operation::{Enrol, Reply, TradePoints};
use crate::store::{Alarm, Alarms, Change, ConfigRow, Counterparty, Note, OfAnother, Refused, Writing};

/// A trade point that Kaspi lists, and the device there.
struct Place<'a> {
    at: At,
    /// Held until the token is stored: whoever waits for the same device takes it from there.
    turn: Turn<'a>,
}

impl Service {
    /// Step 1 of the guide by itself.
    pub(super) async fn trade_points(&self, request: &Request, bin: &OrganizationBin) -> Result<Reply, Failure> {
        let enrolled = self.store.read(|reading| Ok(reading.config(bin)?))?;
        let shop = enrolled.map_or(request.settings.config.daemon.shop_id, |row| row.shop_id);
        request.may_set_up(shop, bin)?;
        let (by, trade_points) = self.listed(request, bin).await?;
        self.notice_dialect(bin, by.dialect).await?;
        Ok(Reply::TradePoints(TradePoints { trade_points, next: None }))
    }

    /// What Kaspi lists for a BIN, and which bank says so in which dialect. Trouble stands in the log.
    pub(super) async fn listed(
        &self,
        request: &Request,
        bin: &OrganizationBin,
    ) -> Result<(Counterparty, Vec<TradePoint>), Failure> {
        let kaspi = request.settings.kaspi()?;
        let (ask, began) = (Self::ask(request), Moment::now());
        let listed = kaspi.trade_points(&ask, bin, request.settings.config.kaspi.dialect).await;
        if let Err(trouble) = &listed {
            let note = tried(OperationType::Verify, &ask, began, Some(trouble));
            self.note_of(request.caller.actor(), bin, note).await?;
        }
        let bank = request.settings.config.kaspi.url.clone();
        listed
            .map(|(dialect, points)| (Counterparty { bank, dialect }, points))
            .map_err(|trouble| trouble::failure(&trouble).with_bin(bin))
    }

    /// Keeps an administrative row about an organisation, enrolled or not.
    pub(super) async fn note_of(&self, actor: Actor, bin: &OrganizationBin, note: Note) -> Result<(), Failure> {
        let bin = bin.clone();
        let noted = self.store.write(move |writing| {
            let note = of_bin(writing, note, &bin)?;
            writing.append(Some(actor), Change::Noted(note))?;
            Ok(())
        });
        noted.await
    }

    pub(super) async fn enrol(&self, request: &Request, enrol: Enrol) -> Result<Reply, Failure> {
        let bin = enrol.organization_bin.clone();
        let shop = request.shop(enrol.shop_id);
        request.may_set_up(shop, &bin)?;
        let existing = self.store.read(|reading| Ok(reading.config(&bin)?))?;
        if let Some(row) = existing.as_ref().filter(|row| row.shop_id != shop) {
            let whose = if request.scope.allows(row.shop_id, &bin) {
                format!("shop {}", row.shop_id)
            } else {
                "another shop".to_owned()
            };
            let detail = format!("{bin} is enrolled for {whose}, and a BIN belongs to one shop");
            return Err(Failure::new(Code::BinNotAllowed, detail).with_bin(&bin));
        }
        let token = enrol.device_token.clone();
        let is_brought = token.is_some();
        let Place { at, turn } = self.place(request, &bin, enrol.trade_point_id.as_ref(), token).await?;
        let (actor, point) = (request.caller.actor(), at.point.id.clone());
        let stored = self.store.write(move |writing| {
            let bin = &enrol.organization_bin;
            let (mut row, is_new) = match writing.config(bin)? {
                Some(row) if row.shop_id == shop => (row, false),
                Some(_) => return Err(Failure::new(Code::BinNotAllowed, "enrolled for another shop just now").into()),
                None => (blank(writing, &enrol, &at.point.id, shop)?, true),
            };
            // Before anything else is written: what is written stays.
            if let Err(other) = writing.put_device(bin, &at.point.id, &at.token)? {
                return Ok(Err(other));
            }
            row.is_active = true;
            row.retire(false, writing.now);
            row.description = enrol.description.clone().map_or(row.description, Description::given);
            if enrol.is_default {
                unset_default(writing, &actor, shop, bin)?;
                row.is_default = true;
            }
            settle_at(writing, row, at, Some(actor))?;
            Ok(Ok(is_new))
        });
        let is_new = match stored.await? {
            Ok(is_new) => is_new,
            Err(other) if is_brought => return Err(self.brought_of_another(request, &bin, &other)?),
            Err(other) => return Err(self.given_of_another(request, (&bin, &point), &other)),
        };
        turn.ended(Registered::Stored);
        self.poke(Poke::Planned(bin.clone()));
        fail_point!("enrol.stored");
        let row = self.config_row(request, &bin)?.view();
        Ok(if is_new { Reply::Enrolled(row) } else { Reply::Config(row) })
    }

    /// Moves a config: the new point must be listed, and a device is registered there. The old device stays, so
    /// that old payments can be refunded.
    pub(super) async fn move_config(
        &self,
        request: &Request,
        row: &ConfigRow,
        trade_point: &TradePointId,
    ) -> Result<(), Failure> {
        let bin = row.organization_bin.clone();
        let Place { at, turn } = self.place(request, &bin, Some(trade_point), None).await?;
        let (actor, point) = (request.caller.actor(), at.point.id.clone());
        let moved = self.store.write(move |writing| {
            let Some(row) = writing.config(&bin)? else { return Err(super::configs::not_enrolled(&bin).into()) };
            match writing.put_device(&bin, &at.point.id, &at.token)? {
                Ok(()) => settle_at(writing, row, at, Some(actor)).map(Ok),
                Err(other) => Ok(Err(other)),
            }
        });
        if let Err(other) = moved.await? {
            return Err(self.given_of_another(request, (&row.organization_bin, &point), &other));
        }
        turn.ended(Registered::Stored);
        Ok(())
    }

    /// A token that an admin brought for one organisation and that stands for another.
    fn brought_of_another(
        &self,
        request: &Request,
        bin: &OrganizationBin,
        other: &OfAnother,
    ) -> Result<Failure, Failure> {
        let whose = self.whose(request, other)?;
        let detail = format!(
            "this device token is that of {whose}, and a token stands for one organisation at one trade point; with it the \
             money of {bin} could go there"
        );
        Ok(Failure::invalid(detail).with_bin(bin).with_hint(format!(
            "Bring the token of {bin}, or leave it out and let Kaspi give it one: kaspictl bin add {bin}"
        )))
    }

    /// Steps 1 and 2: a listed trade point and a token for it. A refused registration stands in the log.
    async fn place(
        &self,
        request: &Request,
        bin: &OrganizationBin,
        wanted: Option<&TradePointId>,
        brought: Option<DeviceToken>,
    ) -> Result<Place<'_>, Failure> {
        let began = Instant::now();
        let (by, points) = self.listed(request, bin).await?;
        let point = chosen(bin, points, wanted)?;
        let turn = self.device_turn(bin, &point.id, began).await;
        let note = Note::done(OperationType::Config);
        let (token, note) = match brought {
            Some(token) => (token, note),
            None => self.registered(request, &by, (bin, &point.id), &turn).await?,
        };
        Ok(Place { at: At { by, point, token, note }, turn })
    }

    /// Step 2, made once however many wait for it: whoever had the turn meanwhile has the token for all.
    pub(super) async fn registered(
        &self,
        request: &Request,
        with: &Counterparty,
        (bin, point): (&OrganizationBin, &TradePointId),
        turn: &Turn<'_>,
    ) -> Result<(DeviceToken, Note), Failure> {
        match turn.meanwhile() {
            Some(Registered::Stored) => {
                let triple = self.store.read(|reading| Ok(reading.triple(bin, point, with)?))?;
                if let Some(triple) = triple {
                    return Ok((triple.token().clone(), Note::done(OperationType::Config)));
                }
            }
            Some(Registered::Refused(refusal)) => return Err(trouble::refused(&refusal).with_bin(bin)),
            Some(Registered::Failed(trouble)) => return Err(trouble::failure(&trouble).with_bin(bin)),
            Some(Registered::Useless) | None => {}
        }
        let kaspi = request.settings.kaspi()?;
        let (ask, began) = (Self::ask(request), Moment::now());
        let answer = self.ask_for_token(kaspi, (&ask, with.dialect), (bin, point)).await;
        fail_point!("register.answered");
        let note = tried(OperationType::Register, &ask, began, answer.as_ref().err());
        match answer {
            Ok(Ok(token)) => Ok((token, note)),
            Ok(Err(other)) => {
                turn.ended(Registered::Refused(refusal_of_another()));
                let failure = self.given_of_another(request, (bin, point), &other);
                let note = Note { status: LogStatus::Failed, error: Some(failure.detail.clone()), ..note };
                let at = (Some(request.caller.actor()), (bin, point));
                self.note_refused(at, note, Some(Alarm::GivenOfAnother)).await?;
                Err(failure)
            }
            Err(trouble) => {
                turn.ended(Registered::not(&trouble));
                self.note_of(request.caller.actor(), bin, note).await?;
                Err(trouble::failure(&trouble).with_bin(bin))
            }
        }
    }
}

impl Request {
    /// An admin narrowed to shops or BINs sets up nothing outside of them.
    fn may_set_up(&self, shop: ShopId, bin: &OrganizationBin) -> Result<(), Failure> {
        if self.scope.allows(shop, bin) {
            return Ok(());
        }
        let detail = format!("{bin} of shop {shop} is outside of what this caller may set up");
        Err(Failure::new(Code::BinNotAllowed, detail).with_bin(bin))
    }
}

/// Exactly one listed point is taken; several need a choice; a choice must be listed.
fn chosen(
    bin: &OrganizationBin,
    points: Vec<TradePoint>,
    wanted: Option<&TradePointId>,
) -> Result<TradePoint, Failure> {
    let names = points.iter().map(|point| format!("{} ({})", point.id, point.name)).collect::<Vec<_>>().join(", ");
    let inactive = |detail: String| Failure::new(Code::TradePointInactive, detail).with_bin(bin);
    match (wanted, points.as_slice()) {
        (_, []) => Err(inactive(format!("Kaspi lists no trade point for {bin}"))),
        (None, [only]) => Ok(only.clone()),
        (None, _) => {
            let failure = Failure::new(Code::TradePointChoice, format!("Kaspi lists several for {bin}: {names}"));
            Err(Failure { trade_points: points, ..failure }.with_bin(bin))
        }
        (Some(id), _) => points.iter().find(|point| point.id == *id).cloned().ok_or_else(|| {
            inactive(format!("Kaspi does not list {id} for {bin}; it lists: {names}"))
                .with_hint(format!("Choose one that is listed: kaspictl bin add {bin} --trade-point ID"))
        }),
    }
}

fn blank(writing: &Writing<'_>, enrol: &Enrol, point: &TradePointId, shop: ShopId) -> Result<ConfigRow, Refused> {
    Ok(ConfigRow {
        id: writing.next_config_id()?,
        shop_id: shop,
        organization_bin: enrol.organization_bin.clone(),
        trade_point_id: point.clone(),
        trade_point_name: None,
        is_active: true,
        is_default: false,
        is_retired: false,
        dialect: None,
        learned_from: None,
        standing: Standing::Unverified,
        standing_reason: None,
        standing_since: writing.now,
        missing_since: None,
        alarms: Alarms::default(),
        created_at: writing.now,
        updated_at: writing.now,
        last_verified_at: None,
        description: None,
    })
}

/// What is stored of a [`Place`].
struct At {
    /// Who lists it.
    by: Counterparty,
    point: TradePoint,
    token: DeviceToken,
    note: Note,
}

/// Step 3: the config stands at this trade point, whose token is kept.
fn settle_at(writing: &mut Writing<'_>, mut row: ConfigRow, at: At, actor: Option<Actor>) -> Result<(), Refused> {
    let At { by, point, note, .. } = at;
    row.trade_point_id = point.id.clone();
    row.seen_listed(&by, &point.name, writing.now);
    row.alarms.end_at(&point.id);
    put(writing, actor, row, note)
}
