//! The guide's two tables, as they are looked for in strangers' files.

use super::value::{bin, boolean, is_date, whole};
use super::{LOG_COLUMNS, MORE_COLUMNS};
use crate::domain::{LogStatus, OperationType};
use crate::id::{ConfigId, DeviceToken, QrPaymentId, ShopId, TradePointId};
use crate::sheet::WantedTable;

/// The guide's KaspiPayConfig.
pub(super) const CONFIGS: WantedTable = WantedTable {
    table: "kaspi_pay_config",
    columns: &[
        "shop_id",
        "organization_bin",
        "trade_point_id",
        "device_token",
        "is_active",
        "is_default",
        "created_at",
        "updated_at",
        "last_verified_at",
        "description",
    ],
    needed: &["shop_id", "organization_bin", "trade_point_id", "device_token"],
    // Row numbers are ours.
    ignored: &[&["id"]],
    refused: &[],
    guide: &[
        ("id", is_number),
        ("shop_id", is_shop),
        ("organization_bin", is_bin),
        ("trade_point_id", |text| text.parse::<TradePointId>().is_ok()),
        ("device_token", |text| DeviceToken::try_from(text.to_owned()).is_ok()),
        ("is_active", is_boolean),
        ("is_default", is_boolean),
        ("created_at", is_date),
        ("updated_at", is_date),
        ("last_verified_at", is_date),
        ("description", is_text),
    ],
};

/// The guide's KaspiPayLog.
pub(super) const LOG: WantedTable = WantedTable {
    table: "kaspi_pay_log",
    columns: &LOG_COLUMNS,
    needed: &["operation_type", "status", "created_at"],
    // Columns of our own export that are known and not taken in: they are the other daemon's, not facts of Kaspi. In JSON
    // lines the actor is one.
    ignored: &[&MORE_COLUMNS, &["actor"]],
    refused: &[(
        super::TENGE,
        "this is an export for Excel, which loses digits and seconds: export it again with kaspictl log export, without --excel",
    )],
    guide: &[
        ("id", is_number),
        ("shop_id", is_shop),
        ("kaspi_config_id", |text| whole::<ConfigId>(text).is_ok()),
        ("operation_type", |text| text.to_ascii_lowercase().parse::<OperationType>().is_ok()),
        ("external_id", |text| text.parse::<QrPaymentId>().is_ok()),
        ("organization_bin", is_bin),
        ("amount", is_number),
        ("status", |text| text.to_ascii_lowercase().parse::<LogStatus>().is_ok()),
        ("error_message", is_text),
        ("created_at", is_date),
    ],
};

fn is_number(text: &str) -> bool {
    whole::<u64>(text).is_ok()
}

fn is_shop(text: &str) -> bool {
    whole::<ShopId>(text).is_ok()
}

fn is_bin(text: &str) -> bool {
    bin(text).is_ok()
}

fn is_boolean(text: &str) -> bool {
    boolean(text).is_ok()
}

fn is_text(_: &str) -> bool {
    true
}
