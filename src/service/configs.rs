//! Configs that exist: list, change, retire.

use tokio::time::Instant;

use super::device::Turn;
use super::select::{no_token, settled};
use super::{Request, Service, trouble};
use crate::domain::{Actor, LogStatus, OperationType};
use crate::failure::{Code, Failure};
use crate::id::{Description, OrganizationBin, ShopId};
use crate::kaspi::Ask;
use crate::moment::Moment;
use crate::operation::{ConfigChange, ConfigQuery, Configs, Reply};
use crate::store::{Change, ConfigRow, Note, Refused, StoreError, Triple, Writing};

impl Service {
    pub(super) fn config_list(&self, request: &Request, query: &ConfigQuery) -> Result<Reply, Failure> {
        let rows = self.store.read(|reading| Ok(reading.configs()?))?;
        let seen = rows.iter().filter(|row| {
            request.scope.allows(row.shop_id, &row.organization_bin)
                && query.shop_id.is_none_or(|shop| row.shop_id == shop)
        });
        Ok(Reply::Configs(Configs { configs: seen.map(ConfigRow::view).collect(), next: None }))
    }

    pub(super) fn config_get(&self, request: &Request, bin: &OrganizationBin) -> Result<Reply, Failure> {
        Ok(Reply::Config(self.config_row(request, bin)?.view()))
    }

    /// An enrolled config that the caller may see.
    pub(super) fn config_row(&self, request: &Request, bin: &OrganizationBin) -> Result<ConfigRow, Failure> {
        let row = self.store.read(|reading| Ok(reading.config(bin)?))?;
        row.filter(|row| request.scope.allows(row.shop_id, bin)).ok_or_else(|| not_enrolled(bin))
    }

    pub(super) async fn change_config(
        &self,
        request: &Request,
        bin: OrganizationBin,
        change: ConfigChange,
    ) -> Result<Reply, Failure> {
        if change == ConfigChange::default() {
            return Err(Failure::invalid(
                "nothing to change: give is_active, is_default, description or trade_point_id",
            ));
        }
        let row = self.config_row(request, &bin)?;
        not_retired(&row, &change)?;
        if let Some(trade_point) = &change.trade_point_id
            && *trade_point != row.trade_point_id
        {
            self.move_config(request, &row, trade_point).await?;
        }
        let actor = request.caller.actor();
        let name = bin.clone();
        let changed = self.store.write(move |writing| {
            let Some(mut row) = writing.config(&name)? else { return Err(not_enrolled(&name).into()) };
            not_retired(&row, &change)?;
            row.is_active = change.is_active.unwrap_or(row.is_active);
            row.description = change.description.map_or(row.description, Description::given);
            if change.is_default == Some(true) {
                unset_default(writing, &actor, row.shop_id, &name)?;
            }
            row.is_default = change.is_default.unwrap_or(row.is_default);
            put(writing, Some(actor), row, Note::done(OperationType::Config))
        });
        changed.await?;
        self.poke(super::schedule::Poke::Planned(bin.clone()));
        self.config_get(request, &bin)
    }

    pub(super) async fn retire_config(
        &self,
        request: &Request,
        bin: OrganizationBin,
        delete_device: bool,
    ) -> Result<Reply, Failure> {
        self.config_row(request, &bin)?;
        let (deleted, turn) = match delete_device {
            true => self.delete_device(request, &bin).await.map(|(deleted, turn)| (Some(deleted), Some(turn)))?,
            false => (None, None),
        };
        let (actor, name) = (request.caller.actor(), bin.clone());
        let retired = self.store.write(move |writing| {
            let Some(mut row) = writing.config(&name)? else { return Err(not_enrolled(&name).into()) };
            (row.is_active, row.is_default) = (false, false);
            row.retire(true, writing.now);
            // The config may have moved meanwhile: what is forgotten is what was deleted.
            if let Some(deleted) = deleted {
                writing.forget_device((&name, deleted.trade_point()), deleted.token())?;
            }
            put(writing, Some(actor), row, Note::done(OperationType::Config))
        });
        retired.await?;
        drop(turn);
        self.config_get(request, &bin)
    }

    /// Deletes the device where the config stands, for an admin who knows that refunds of this organisation stop. From
    /// before the call until its token is forgotten nobody else registers this device.
    async fn delete_device(&self, request: &Request, bin: &OrganizationBin) -> Result<(Triple, Turn<'_>), Failure> {
        let mut row = self.config_row(request, bin)?;
        let turn = loop {
            let turn = self.device_turn(bin, &row.trade_point_id, Instant::now()).await;
            let now = self.config_row(request, bin)?;
            if now.trade_point_id == row.trade_point_id {
                break turn;
            }
            // It moved while somebody else had the turn.
            row = now;
        };
        Ok((self.ask_to_delete(request, &row).await?, turn))
    }

    async fn ask_to_delete(&self, request: &Request, row: &ConfigRow) -> Result<Triple, Failure> {
        let kaspi = request.settings.kaspi()?;
        let with = settled(&request.settings, row)?;
        let triple =
            self.store.read(|reading| Ok(reading.triple(&row.organization_bin, &row.trade_point_id, &with)?))?;
        let triple = triple.ok_or_else(|| no_token(row))?;
        let ask = Self::ask(request);
        let began = Moment::now();
        let answer = kaspi.delete_device(&ask, &triple).await;
        let note = tried(OperationType::DeviceDelete, &ask, began, answer.as_ref().err()).of(row);
        self.note(request, note).await?;
        answer.map(|()| triple).map_err(|trouble| {
            let hint = format!(
                "The config is as it was; to retire it all the same: kaspictl bin remove {}",
                row.organization_bin
            );
            trouble::failure(&trouble).with_bin(&row.organization_bin).with_hint(hint)
        })
    }

    /// Keeps an administrative row that changes nothing else.
    pub(super) async fn note(&self, request: &Request, note: Note) -> Result<(), Failure> {
        let actor = request.caller.actor();
        self.store
            .write(move |writing| {
                writing.append(Some(actor), Change::Noted(note))?;
                Ok(())
            })
            .await
    }
}

/// A retired config is brought back by enrolling it, which asks the bank; not by a flag.
fn not_retired(row: &ConfigRow, change: &ConfigChange) -> Result<(), Failure> {
    if !row.is_retired || !(change.is_active == Some(true) || change.is_default == Some(true)) {
        return Ok(());
    }
    let bin = &row.organization_bin;
    Err(Failure::new(Code::BinInactive, format!("{bin} is retired"))
        .with_bin(bin)
        .with_hint(format!("Enrol it again: kaspictl bin add {bin}")))
}

/// How an administrative call ended, for the log.
pub(super) fn tried(
    operation: OperationType,
    ask: &Ask,
    began: Moment,
    trouble: Option<&crate::kaspi::Trouble>,
) -> Note {
    let failure = trouble.map(trouble::failure);
    Note {
        status: if failure.is_some() { LogStatus::Failed } else { LogStatus::Success },
        provider_code: failure.as_ref().and_then(|failure| failure.provider_code),
        error: failure.map(|failure| failure.detail),
        x_request_id: Some(ask.x_request_id.to_string()),
        duration_ms: u64::try_from(Moment::now().since(began).as_millis()).ok(),
        ..Note::done(operation)
    }
}

/// Writes a config as it is from now on.
pub(super) fn put(writing: &mut Writing<'_>, actor: Option<Actor>, row: ConfigRow, note: Note) -> Result<(), Refused> {
    keep(writing, actor, ConfigRow { updated_at: writing.now, ..row }, note)
}

/// The same where all that is new is when it was looked at.
pub(super) fn keep(writing: &mut Writing<'_>, actor: Option<Actor>, row: ConfigRow, note: Note) -> Result<(), Refused> {
    let note = note.of(&row);
    writing.append(actor, Change::Config { row: Box::new(row), note })?;
    Ok(())
}

/// At most one default per shop: the old one stops being it in the same commit.
pub(super) fn unset_default(
    writing: &mut Writing<'_>,
    actor: &Actor,
    shop: ShopId,
    except: &OrganizationBin,
) -> Result<(), StoreError> {
    let Some(mut old) = writing.default_config(shop)?.filter(|row| row.organization_bin != *except) else {
        return Ok(());
    };
    old.is_default = false;
    old.updated_at = writing.now;
    let note = Note::done(OperationType::Config).of(&old);
    writing.append(Some(actor.clone()), Change::Config { row: Box::new(old), note })?;
    Ok(())
}

/// What is not enrolled, or none of the caller's business.
pub(super) fn not_enrolled(bin: &OrganizationBin) -> Failure {
    Failure::not_found(format!("{bin} is not enrolled here"))
        .with_bin(bin)
        .with_hint(format!("See which are: kaspictl bin list; enrol it: kaspictl bin add {bin}"))
}
