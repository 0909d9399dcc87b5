//! Configs as they stand, and how a change of one is written. A config that a caller may not see does not exist.

use crate::domain::{Actor, OperationType};
use crate::failure::Failure;
use crate::id::{OrganizationBin, ShopId};
use crate::operation::{ConfigQuery, Configs, Reply};
use crate::service::Context;
use crate::store::{Change, ConfigRow, Note, Refused, Store, StoreError, Writing};

/// Reads configs; touches nothing else.
#[derive(Clone)]
pub(in crate::service) struct ConfigRows {
    store: Store,
}

impl ConfigRows {
    pub(in crate::service) fn new(store: Store) -> Self {
        Self { store }
    }

    pub(in crate::service) fn config_list(&self, context: &Context, query: &ConfigQuery) -> Result<Reply, Failure> {
        let rows = self.store.read(|reading| Ok(reading.configs()?))?;
        let seen = rows.iter().filter(|row| {
            context.scope.allows(row.shop_id, &row.organization_bin)
                && query.shop_id.is_none_or(|shop| row.shop_id == shop)
        });
        Ok(Reply::Configs(Configs { configs: seen.map(ConfigRow::view).collect(), next: None }))
    }

    pub(in crate::service) fn config_get(&self, context: &Context, bin: &OrganizationBin) -> Result<Reply, Failure> {
        Ok(Reply::Config(self.config_row(context, bin)?.view()))
    }

    /// An enrolled config that the caller may see.
    pub(super) fn config_row(&self, context: &Context, bin: &OrganizationBin) -> Result<ConfigRow, Failure> {
        let row = self.store.read(|reading| Ok(reading.config(bin)?))?;
        row.filter(|row| context.scope.allows(row.shop_id, bin)).ok_or_else(|| not_enrolled(bin))
    }
}

/// Writes a config as it is from now on.
pub(in crate::service) fn put(
    writing: &mut Writing<'_>,
    actor: Option<Actor>,
    row: ConfigRow,
    note: Note,
) -> Result<(), Refused> {
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
pub(in crate::service) fn not_enrolled(bin: &OrganizationBin) -> Failure {
    Failure::not_found(format!("{bin} is not enrolled here"))
        .with_bin(bin)
        .with_hint(format!("See which are: kaspictl bin list; enrol it: kaspictl bin add {bin}"))
}
