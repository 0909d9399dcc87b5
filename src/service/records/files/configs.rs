//! Taking in the guide's KaspiPayConfig. A token or trade point that is here is never replaced by a file.

use std::collections::HashMap;
use std::sync::Arc;

use super::spool;
use super::value::{Reader, bin, boolean, code, whole};
use super::wanted::CONFIGS;
use super::{NO_ROWS, aside};
use crate::access::Scope;
use crate::domain::{Actor, Dialect, OperationType, Standing};
use crate::failure::Failure;
use crate::id::{DeviceToken, OrganizationBin, ShopId, TradePointId};
use crate::moment::Moment;
use crate::operation::{BadRows, Imported, Reply};
use crate::service::organisation::{Verifications, put};
use crate::service::{Context, Settings};
use crate::sheet::{Rows, TableRow, Understood, Unreadable};
use crate::store::{Alarms, ConfigRow, Note, Refused, Store, Writing};
use crate::transfer::{Transferred, Upload};

/// A good row. `row.id` is not known yet.
struct ConfigEntry {
    line: u64,
    row: ConfigRow,
    token: DeviceToken,
}

/// A file that was read.
struct ConfigTable {
    entries: Vec<ConfigEntry>,
    bad: BadRows,
    unknown: Vec<String>,
    understood: String,
}

/// Takes configs in; touches them and their tokens.
pub(in crate::service) struct ConfigImports {
    store: Store,
    verifications: Arc<Verifications>,
}

impl ConfigImports {
    pub(in crate::service) fn new(store: Store, verifications: Arc<Verifications>) -> Self {
        Self { store, verifications }
    }

    pub(in crate::service) async fn import_configs(
        &self,
        context: &Context,
        mut upload: Upload,
        dry_run: bool,
    ) -> Result<Transferred, Failure> {
        let text = spool::in_memory(&mut upload).await?;
        let (settings, scope) = (Arc::clone(&context.settings), context.scope.clone());
        let mut table = aside(move || Ok(read(&text, &settings))).await?;
        for entry in &table.entries {
            if !scope.allows(entry.row.shop_id, &entry.row.organization_bin) {
                table.bad.add(entry.line, "this organisation is not one the caller may set up");
            }
        }
        let actor = context.caller.actor();
        let unknown_columns = std::mem::take(&mut table.unknown);
        let understood = std::mem::take(&mut table.understood);
        let scope = context.scope.clone();
        let done = self.store.write(move |writing| take_in(writing, table, (actor, &scope), dry_run)).await?;
        let (imported, skipped) = match done {
            Ok(counts) => counts,
            Err(bad) => return Ok(Transferred::Refused(BadRows { understood, ..bad })),
        };
        if !dry_run {
            // Without the bank's answer the configs stay suspended; a later verify settles them.
            let verifications = self.verifications.clone();
            tokio::spawn(async move { verifications.settle_dialects().await });
        }
        let done = Imported { dry_run, imported, skipped, adopted: 0, unknown_columns, understood, sums: Vec::new() };
        Ok(Transferred::Reply(Box::new(Reply::Imported(done))))
    }
}

fn read(text: &[u8], settings: &Settings) -> ConfigTable {
    let mut table =
        ConfigTable { entries: Vec::new(), bad: BadRows::default(), unknown: Vec::new(), understood: String::new() };
    let understood = Understood::of(|| Ok(text), &CONFIGS);
    table.understood = understood.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut rows = match understood.and_then(|understood| Rows::open(&understood, text, CONFIGS)) {
        Ok(rows) => rows,
        Err(Unreadable { line, detail }) => {
            table.bad.add(line, detail);
            return table;
        }
    };
    let mut seen = SeenInFile::default();
    while let Some(row) = rows.next() {
        match row.map_err(|Unreadable { line, detail }| (line, detail)).and_then(|row| entry(&row, settings, &mut seen))
        {
            Ok(entry) => table.entries.push(entry),
            Err((line, detail)) => table.bad.add(line, detail),
        }
    }
    table.unknown = rows.unknown();
    if table.entries.is_empty() && table.bad.is_empty() {
        table.bad.add(1, NO_ROWS);
    }
    table
}

/// What earlier lines of the file have taken.
#[derive(Default)]
struct SeenInFile {
    bins: HashMap<OrganizationBin, u64>,
    tokens: HashMap<DeviceToken, u64>,
    defaults: HashMap<ShopId, u64>,
}

fn entry(row: &TableRow, settings: &Settings, seen: &mut SeenInFile) -> Result<ConfigEntry, (u64, String)> {
    let zone = &settings.config.daemon.timezone;
    let mut reader = Reader::new(row, CONFIGS.columns);
    let shop = reader.needed("shop_id", whole::<ShopId>);
    let bin = reader.needed("organization_bin", bin);
    let as_given = |text: &str| code(text).map(str::to_owned).map_err(str::to_owned);
    let point = reader
        .needed("trade_point_id", |text| as_given(text)?.parse::<TradePointId>().map_err(|error| error.to_string()));
    let token =
        reader.needed("device_token", |text| DeviceToken::try_from(as_given(text)?).map_err(|error| error.to_string()));
    let is_active = reader.maybe("is_active", boolean);
    let is_default = reader.maybe("is_default", boolean).unwrap_or(false);
    let created_at = reader.maybe_moment("created_at", zone);
    let updated_at = reader.maybe_moment("updated_at", zone);
    let last_verified_at = reader.maybe_moment("last_verified_at", zone);
    let description = reader.maybe("description", str::parse);
    if let Some(first) = bin.as_ref().and_then(|bin| seen.bins.insert(bin.clone(), row.line)) {
        reader.wrong(format!("organization_bin is that of line {first}"));
    }
    if let Some(first) = token.as_ref().and_then(|token| seen.tokens.insert(token.clone(), row.line)) {
        reader.wrong(format!("device_token is that of line {first}, and a token stands for one organisation"));
    }
    if let (Some(shop), true) = (shop, is_default)
        && let Some(first) = seen.defaults.insert(shop, row.line)
    {
        reader.wrong(format!("line {first} is the default of shop {shop} already"));
    }
    let now = Moment::now();
    match (shop, bin, point, token, reader.verdict()) {
        (Some(shop_id), Some(organization_bin), Some(trade_point_id), Some(token), None) => {
            let row_of = ConfigRow {
                id: 0,
                shop_id,
                organization_bin,
                trade_point_id,
                trade_point_name: None,
                is_active: is_active.unwrap_or(true),
                is_default,
                is_retired: false,
                dialect: None::<Dialect>,
                learned_from: None,
                // A file says nothing of the dialect: no money call until a trade-point read has settled it.
                standing: Standing::Suspended,
                standing_reason: Some("dialect_changed".to_owned()),
                standing_since: now,
                missing_since: None,
                alarms: Alarms::default(),
                created_at: created_at.unwrap_or(now),
                updated_at: updated_at.unwrap_or(now),
                last_verified_at,
                description,
            };
            Ok(ConfigEntry { line: row.line, row: row_of, token })
        }
        (.., verdict) => Err((row.line, verdict.unwrap_or_default())),
    }
}

/// What an existing config makes of a row.
enum Known {
    New,
    Same,
}

/// All rows, or none and why. Checks everything before it writes; a dry run ends there.
fn take_in(
    writing: &mut Writing<'_>,
    table: ConfigTable,
    (actor, scope): (Actor, &Scope),
    dry_run: bool,
) -> Result<Result<(u64, u64), BadRows>, Refused> {
    let ConfigTable { entries, mut bad, .. } = table;
    let (mut new, mut skipped) = (Vec::new(), 0_u64);
    for entry in entries {
        match known(writing, scope, &entry)? {
            Ok(Known::New) => new.push(entry),
            Ok(Known::Same) => skipped += 1,
            Err(detail) => bad.add(entry.line, detail),
        }
    }
    if !bad.is_empty() {
        bad.rows.sort_by_key(|row| row.line);
        return Ok(Err(bad));
    }
    let imported = u64::try_from(new.len()).unwrap_or(u64::MAX);
    if dry_run {
        return Ok(Ok((imported, skipped)));
    }
    for ConfigEntry { mut row, token, .. } in new {
        row.id = writing.next_config_id()?;
        // Every row was checked before the first was written.
        if writing.put_device(Some(actor.clone()), (&row.organization_bin, &row.trade_point_id), &token)?.is_err() {
            return Err(Failure::invalid("a device token stands for two organisations").into());
        }
        row.standing_since = writing.now;
        put(writing, Some(actor.clone()), row, Note::done(OperationType::Import))?;
    }
    Ok(Ok((imported, skipped)))
}

fn known(writing: &Writing<'_>, scope: &Scope, entry: &ConfigEntry) -> Result<Result<Known, String>, Refused> {
    let (bin, row) = (&entry.row.organization_bin, &entry.row);
    if let Some(holder) = writing.holder_of(&entry.token, (bin, &row.trade_point_id))? {
        let config = writing.config(&holder.bin)?;
        let whose = holder.named(config.as_ref(), scope);
        return Ok(Err(format!("device_token is that of {whose}, and a token stands for one organisation")));
    }
    let Some(here) = writing.config(bin)? else {
        let default = if row.is_default { writing.default_config(row.shop_id)? } else { None };
        return Ok(match default {
            Some(other) => Err(format!(
                "shop {} has the default {} already; import it without is_default, then: kaspictl bin default {bin}",
                row.shop_id, other.organization_bin
            )),
            None => Ok(Known::New),
        });
    };
    let token = writing.device_token(bin, &here.trade_point_id)?;
    let differs = if here.shop_id != row.shop_id {
        format!("is here for shop {}", here.shop_id)
    } else if here.trade_point_id != row.trade_point_id {
        format!("is here with trade point {}", here.trade_point_id)
    } else if token.is_none_or(|token| token != entry.token) {
        "is here with another device token".to_owned()
    } else if here.is_retired {
        format!("is retired here; bring it back with: kaspictl bin add {bin}")
    } else {
        return Ok(Ok(Known::Same));
    };
    Ok(Err(format!("{bin} {differs}; a file never changes that")))
}
