//! What a row of an earlier system's log makes of the payments here.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::earlier::{Earlier, changes, is_create};
use super::taken::Taken;
use super::value::{Reader, bin, payment_number, tiyn, whole};
use super::verdict::{RowVerdict, number};
use super::{LOG_COLUMNS, NO_SHOP, is_formula};
use crate::access::Scope;
use crate::domain::{LogStatus, OperationType};
use crate::id::{OrganizationBin, QrPaymentId, ShopId};
use crate::message::{LONGEST, without_phones};
use crate::service::Settings;
use crate::sheet::{TableRow, Understood};
use crate::store::{ConfigRow, ImportedRow, PaymentRow, StoreError};

/// What is known before the first row.
pub(super) struct KnownBefore {
    pub(super) settings: Arc<Settings>,
    pub(super) scope: Scope,
    pub(super) understood: Understood,
    pub(super) configs: HashMap<OrganizationBin, ConfigRow>,
    pub(super) earlier: Earlier,
    /// The places of rows in the file that this daemon has written itself.
    pub(super) own: HashSet<u64>,
}

/// Judges the rows of one file in their order.
#[derive(Default)]
pub(super) struct RowJudge {
    taken: HashMap<u128, Taken>,
    /// Cancels and refunds whose payment had not come before them, with their lines.
    early: HashMap<u128, u64>,
}

impl KnownBefore {
    /// A row of the file as the log keeps it, or all that is wrong with it.
    pub(super) fn row(&self, row: &TableRow) -> Result<ImportedRow, String> {
        let mut reader = Reader::new(row, &LOG_COLUMNS);
        let shop = reader.maybe("shop_id", whole::<ShopId>).filter(|shop| *shop != NO_SHOP);
        let operation = reader.needed("operation_type", |text| {
            text.to_ascii_lowercase()
                .parse::<OperationType>()
                .map_err(|_| "it is not an operation this daemon knows (create, link, qr, status, cancel, refund …)")
        });
        let status = reader.needed("status", |text| {
            text.to_ascii_lowercase().parse::<LogStatus>().map_err(|_| "it is not success, failed or pending")
        });
        let external_id = reader.maybe("external_id", payment_number);
        let bin = reader.maybe("organization_bin", bin);
        let amount = reader.maybe("amount", tiyn);
        let error = reader.maybe("error_message", |text| self.message(text));
        let created_at = reader.needed_moment("created_at", &self.settings.config.daemon.timezone);
        let config = match &bin {
            None => None,
            Some(bin) => match self.config(bin, shop) {
                Ok(config) => Some(config),
                Err(detail) => {
                    reader.wrong(detail);
                    None
                }
            },
        };
        match (operation, status, created_at, reader.verdict()) {
            (Some(operation), Some(status), Some(created_at), None) => Ok(ImportedRow {
                operation,
                shop_id: shop.or(config.map(|config| config.shop_id)),
                config_id: config.map(|config| config.id),
                organization_bin: bin,
                external_id,
                amount,
                status,
                error,
                created_at,
            }),
            (.., verdict) => Err(verdict.unwrap_or_default()),
        }
    }

    fn message(&self, text: &str) -> Result<String, String> {
        let text = match text.strip_prefix('\'') {
            Some(formula) if self.understood.is_csv() && is_formula(formula) => formula,
            _ => text,
        };
        match text.chars().count() {
            0..=LONGEST => Ok(without_phones(text)),
            length => Err(format!("it has {length} characters and may have {LONGEST}")),
        }
    }

    fn config(&self, bin: &OrganizationBin, shop: Option<ShopId>) -> Result<&ConfigRow, String> {
        let config = self.configs.get(bin).filter(|config| self.scope.allows(config.shop_id, bin));
        let config = config.ok_or_else(|| format!("{bin} is not enrolled here: kaspictl bin add {bin}"))?;
        match shop {
            Some(shop) if shop != config.shop_id => {
                Err(format!("{bin} belongs to shop {}, not {shop}", config.shop_id))
            }
            _ => Ok(config),
        }
    }
}

impl RowJudge {
    /// What a row makes of the payments here; `known` finds one that was here before this file.
    pub(super) fn judge(
        &mut self,
        line: u64,
        row: &ImportedRow,
        before: &KnownBefore,
        known: impl FnOnce(&QrPaymentId) -> Result<Option<PaymentRow>, StoreError>,
    ) -> Result<RowVerdict, StoreError> {
        let Some(id) = &row.external_id else { return history(row, before) };
        if let Some(taken) = self.taken.get_mut(&number(id)) {
            return taken.judge(id, row, &before.earlier);
        }
        if let Some(payment) = known(id)? {
            return self.here(id, row, before, &payment);
        }
        if is_create(row) {
            return Ok(self.adopt(id, row, before));
        }
        let verdict = history(row, before)?;
        if changes(row) && !matches!(verdict, RowVerdict::Known) {
            self.early.insert(number(id), line);
        }
        Ok(verdict)
    }

    /// A row about a payment that was here before this file. Only one that an import made is changed by another.
    fn here(
        &mut self,
        id: &QrPaymentId,
        row: &ImportedRow,
        before: &KnownBefore,
        payment: &PaymentRow,
    ) -> Result<RowVerdict, StoreError> {
        let is_seen = before.scope.allows(payment.shop_id, &payment.organization_bin);
        if !is_seen || row.config_id.is_some_and(|config| config != payment.config_id) {
            return Ok(RowVerdict::Bad("external_id is a payment of another organisation here".to_owned()));
        }
        if is_create(row) && row.amount.is_some_and(|amount| amount != payment.amount) {
            return Ok(RowVerdict::Bad(format!(
                "external_id is a payment of another amount here ({})",
                payment.amount
            )));
        }
        if !before.earlier.made(id) {
            return Ok(RowVerdict::Known);
        }
        let taken = self.taken.entry(number(id)).or_insert_with(|| Taken::of(payment));
        taken.judge(id, row, &before.earlier)
    }

    fn adopt(&mut self, id: &QrPaymentId, row: &ImportedRow, before: &KnownBefore) -> RowVerdict {
        if let Some(line) = self.early.get(&number(id)) {
            return RowVerdict::Bad(format!(
                "what happened to this payment on line {line} stands before it: sort the rows by id"
            ));
        }
        match (row.config_id, row.amount.filter(|amount| !amount.is_zero())) {
            (Some(config), Some(amount)) => {
                let mut taken = Taken::new(config, amount);
                if let Err(detail) = taken.told_before(before.earlier.waiting_for(id)) {
                    return RowVerdict::Bad(detail);
                }
                self.taken.insert(number(id), taken);
                RowVerdict::Adopt(id.clone())
            }
            (None, _) => {
                RowVerdict::Bad("organization_bin is missing: nobody could tell whose payment this is".to_owned())
            }
            (_, None) => RowVerdict::Bad("amount is missing: a payment without one could not be refunded".to_owned()),
        }
    }
}

/// A row that concerns no payment here.
fn history(row: &ImportedRow, before: &KnownBefore) -> Result<RowVerdict, StoreError> {
    Ok(if before.earlier.has(row)? { RowVerdict::Known } else { RowVerdict::History })
}
