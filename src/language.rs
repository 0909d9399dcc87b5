//! What owners and accountants read, in the languages of the shop. A word is there in all of them or not at all.

use serde::{Deserialize, Serialize};

use crate::domain::{Kind, LogStatus, State, words};

words! {
    /// A language.
    #[derive(Default)]
    Language {
        /// Russian.
        Russian = "ru",
        /// Kazakh.
        Kazakh = "kk",
        /// English.
        #[default]
        English = "en",
    }
}

/// A text in every language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InEachLanguage {
    /// Russian.
    pub ru: &'static str,
    /// Kazakh.
    pub kk: &'static str,
    /// English.
    pub en: &'static str,
}

impl InEachLanguage {
    /// All three, in the order in which a merchant's papers have them.
    #[must_use]
    pub const fn of(ru: &'static str, kk: &'static str, en: &'static str) -> Self {
        Self { ru, kk, en }
    }

    /// In this language.
    #[must_use]
    pub fn told(self, language: Language) -> &'static str {
        match language {
            Language::Russian => self.ru,
            Language::Kazakh => self.kk,
            Language::English => self.en,
        }
    }
}

impl Language {
    /// The one of a locale's name, such as `ru_RU.UTF-8`; English for any other.
    #[must_use]
    pub fn of_locale(name: &str) -> Self {
        let language = name.split(['_', '.', '-', '@']).next().unwrap_or_default();
        language.parse().unwrap_or_default()
    }
}

/// The language of whoever runs this program, as the first of `LC_ALL`, `LC_MESSAGES` and `LANG` that is set names it.
#[must_use]
pub fn of_locale() -> Language {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|locale| !locale.is_empty()));
    Language::of_locale(&set.unwrap_or_default())
}

/// Where a payment stands.
#[must_use]
pub fn state(state: State) -> InEachLanguage {
    match state {
        State::Creating => InEachLanguage::of("создаётся", "жасалуда", "being made"),
        State::Waiting => InEachLanguage::of("ждёт оплаты", "төлем күтілуде", "waiting"),
        State::Paid => InEachLanguage::of("оплачен", "төленді", "paid"),
        State::Declined => InEachLanguage::of("отклонён", "қабылданбады", "declined"),
        State::Cancelled => InEachLanguage::of("отменён", "күші жойылды", "cancelled"),
        State::Expired => InEachLanguage::of("срок истёк", "мерзімі өтті", "expired"),
        State::Unknown => InEachLanguage::of("неизвестно", "белгісіз", "unknown"),
        State::Abandoned => InEachLanguage::of("закрыт вручную", "қолмен жабылды", "given up"),
    }
}

/// What became of a refund.
#[must_use]
pub fn refund(status: LogStatus) -> InEachLanguage {
    match status {
        LogStatus::Success => InEachLanguage::of("возвращён", "қайтарылды", "paid back"),
        LogStatus::Failed => InEachLanguage::of("не прошёл", "өтпеді", "failed"),
        LogStatus::Pending => InEachLanguage::of("неизвестно", "белгісіз", "unknown"),
    }
}

/// Of a refund that the balance does not show: it counts as failed, and is watched.
pub const WATCHED: InEachLanguage =
    InEachLanguage::of("не найден, ещё может пройти", "табылмады, әлі өтуі мүмкін", "not seen, may still come");

/// How a customer pays.
#[must_use]
pub fn kind(kind: Kind) -> InEachLanguage {
    match kind {
        Kind::Remote => InEachLanguage::of("счёт", "шот", "invoice"),
        Kind::Link => InEachLanguage::of("ссылка", "сілтеме", "link"),
        Kind::Qr => InEachLanguage::of("QR", "QR", "QR"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Promise: whoever has set Russian or Kazakh reads it, whatever else stands in the name of the locale.
    #[test]
    fn a_locale_names_its_language() {
        for (name, language) in [
            ("ru_RU.UTF-8", Language::Russian),
            ("kk_KZ", Language::Kazakh),
            ("ru", Language::Russian),
            ("kk@cyrillic", Language::Kazakh),
            ("C.UTF-8", Language::English),
            ("", Language::English),
            ("de_DE", Language::English),
        ] {
            assert_eq!(Language::of_locale(name), language, "{name}");
        }
    }
}
