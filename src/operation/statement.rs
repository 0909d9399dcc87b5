//! What an accountant closes a month with.

use serde::{Deserialize, Serialize};

use super::shape::null_is_usual;
use super::transfer::FileFormat;
use crate::day::NamedDay;
use crate::id::OrganizationBin;
use crate::language::Language;

/// Which days to tell of, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StatementQuery {
    /// The first day: `2026-11-24`, `today` or `yesterday`, in `[daemon] timezone`; the first of the month of `to` otherwise.
    pub from: Option<NamedDay>,
    /// The last day, which is included; today otherwise. At most 366 days.
    pub to: Option<NamedDay>,
    /// Only this organisation's.
    pub bin: Option<OrganizationBin>,
    /// `csv` (the default), `jsonl`, or `excel` for a spreadsheet.
    #[serde(default, deserialize_with = "null_is_usual")]
    pub format: FileFormat,
    /// The language of `excel`: `ru`, `kk` or `en` (the default). The other formats are for programs and have one.
    pub lang: Option<Language>,
}
