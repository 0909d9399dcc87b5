//! What a caller wrote under an Idempotency-Key, as it is compared.

use serde::{Deserialize, Serialize};

/// What the caller wrote, field by field, as keyed hashes: enough to tell whether a second request is the
/// same and which fields differ, without keeping a phone number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wrote(pub(crate) Vec<(Field, [u8; 8])>);

/// The fields of a request that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Field {
    Operation,
    Payment,
    Kind,
    AmountTiyn,
    PhoneNumber,
    Comment,
    Invoice,
    ShopId,
    OrganizationBin,
    Supersedes,
    Reason,
}

impl Field {
    /// As in the request.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Operation => "operation",
            Self::Payment => "payment",
            Self::Kind => "kind",
            Self::AmountTiyn => "amount_tiyn",
            Self::PhoneNumber => "phone_number",
            Self::Comment => "comment",
            Self::Invoice => "invoice",
            Self::ShopId => "shop_id",
            Self::OrganizationBin => "organization_bin",
            Self::Supersedes => "supersedes",
            Self::Reason => "reason",
        }
    }
}

impl Wrote {
    /// The names of the fields in which `other` differs.
    pub(crate) fn differences(&self, other: &Self) -> Vec<&'static str> {
        let missing = |from: &Self, other: &Self| -> Vec<Field> {
            from.0.iter().filter(|entry| !other.0.contains(entry)).map(|entry| entry.0).collect()
        };
        let mut names: Vec<_> = missing(self, other).into_iter().chain(missing(other, self)).map(Field::name).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_changed_added_and_missing_fields() {
        let first = Wrote(vec![(Field::AmountTiyn, [1; 8]), (Field::Comment, [2; 8])]);
        let second = Wrote(vec![(Field::AmountTiyn, [3; 8]), (Field::Invoice, [4; 8])]);
        assert_eq!(first.differences(&second), ["amount_tiyn", "comment", "invoice"]);
        assert!(first.differences(&first.clone()).is_empty());
    }
}
