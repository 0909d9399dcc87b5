//! The columns of a statement (architecture §7), and what a line has in them.

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::domain::LogStatus;
use crate::language::{self, InEachLanguage, Language};
use crate::moment::Moment;
use crate::operation::OrganizationReport;
use crate::store::{RefundState, StatementEntry, StatementItem};

/// As programs and people call them, in the order of the fields of [`Line`].
pub(super) const COLUMNS: [(&str, InEachLanguage); 12] = [
    ("at", InEachLanguage::of("Время", "Уақыты", "Time")),
    ("organization_bin", InEachLanguage::of("БИН", "БСН", "BIN")),
    ("organization", InEachLanguage::of("Организация", "Ұйым", "Organisation")),
    ("kind", InEachLanguage::of("Вид", "Түрі", "Kind")),
    ("invoice", InEachLanguage::of("Номер чека", "Чек нөмірі", "Invoice")),
    ("amount", InEachLanguage::of("Сумма, ₸", "Сомасы, ₸", "Amount, ₸")),
    ("state", InEachLanguage::of("Состояние", "Күйі", "State")),
    ("who", InEachLanguage::of("Учётная запись", "Есептік жазба", "Who")),
    ("qr_payment_id", InEachLanguage::of("Номер Kaspi", "Kaspi нөмірі", "Kaspi's number")),
    ("payment_id", InEachLanguage::of("Номер платежа", "Төлем нөмірі", "Payment")),
    ("refund_id", InEachLanguage::of("Номер возврата", "Қайтару нөмірі", "Refund")),
    ("comment", InEachLanguage::of("Комментарий", "Түсініктеме", "Comment")),
];

const REFUND: InEachLanguage = InEachLanguage::of("возврат", "қайтару", "refund");

const ELSEWHERE: InEachLanguage =
    InEachLanguage::of("возвращено в приложении Kaspi", "Kaspi қолданбасында қайтарылды", "paid back without kaspid");

/// A payment that is paid and stands in no sum, since what Kaspi says of it is another amount.
const DISPUTED: InEachLanguage = InEachLanguage::of(
    "Kaspi называет другую сумму: не посчитан",
    "Kaspi басқа соманы айтады: есептелмеді",
    "Kaspi names another amount: not counted",
);

const TOTAL: InEachLanguage = InEachLanguage::of("Итого", "Барлығы", "Total");

/// A line; what is not there is null, and empty in a table.
#[derive(Default, Serialize)]
pub(super) struct Line {
    pub(super) at: String,
    pub(super) organization_bin: String,
    pub(super) organization: Option<String>,
    pub(super) kind: Option<&'static str>,
    pub(super) invoice: Option<String>,
    pub(super) amount: Option<String>,
    pub(super) state: Option<&'static str>,
    pub(super) who: Option<String>,
    pub(super) qr_payment_id: Option<String>,
    pub(super) payment_id: Option<String>,
    pub(super) refund_id: Option<String>,
    pub(super) comment: Option<String>,
}

/// In what words a line is told.
#[derive(Clone, Copy)]
pub(super) enum Wording {
    /// Those of JSON, for programs.
    Programs,
    /// For people, with times as a spreadsheet reads them.
    People(Language),
}

impl Wording {
    fn of(self, word: &'static str, text: InEachLanguage) -> &'static str {
        match self {
            Self::Programs => word,
            Self::People(language) => text.told(language),
        }
    }
}

impl Line {
    pub(super) fn of(entry: &StatementEntry<'_>, words: Wording, zone: &TimeZone) -> Self {
        let row = entry.payment;
        let comment = row.comment.as_ref().map(ToString::to_string);
        // What the reader must know stands before what the till has written.
        let of_payment = || match row.is_disputed() {
            true => Some(
                [words.of(DISPUTED.en, DISPUTED)].into_iter().chain(comment.as_deref()).collect::<Vec<_>>().join("; "),
            ),
            false => comment.clone(),
        };
        let elsewhere = words.of(ELSEWHERE.en, ELSEWHERE);
        let back = words.of("refund", REFUND);
        let (kind, state, refund, comment) = match entry.item {
            StatementItem::Payment => {
                let kind = words.of(row.kind.word(), language::kind(row.kind));
                (kind, words.of(row.state.word(), language::state(row.state)), None, of_payment())
            }
            StatementItem::Refund(refund) => {
                let status = refund.status();
                let is_watched = refund.state == RefundState::Watched;
                let comment = is_watched.then(|| words.of(language::WATCHED.en, language::WATCHED).to_owned());
                (back, words.of(status.word(), language::refund(status)), Some(refund.id.to_string()), comment)
            }
            StatementItem::Elsewhere => {
                let status = LogStatus::Success;
                (back, words.of(status.word(), language::refund(status)), None, Some(elsewhere.to_owned()))
            }
        };
        let actor = entry.actor.as_ref();
        Self {
            at: time(entry.at, words, zone),
            organization_bin: row.organization_bin.to_string(),
            organization: row.description.as_ref().map(ToString::to_string),
            kind: Some(kind),
            invoice: row.invoice.as_ref().map(ToString::to_string),
            amount: entry.amount.map(crate::money::Total::to_tenge),
            state: Some(state),
            who: actor.map(|actor| actor.name.clone().unwrap_or_else(|| actor.uid.to_string())),
            qr_payment_id: row.qr_payment_id.as_ref().map(ToString::to_string),
            payment_id: Some(row.id.to_string()),
            refund_id: refund,
            comment,
        }
    }

    /// What is left to an organisation, as the report has it.
    pub(super) fn total(organization: &OrganizationReport, words: Wording) -> Self {
        Self {
            at: words.of("total", TOTAL).to_owned(),
            organization_bin: organization.organization_bin.to_string(),
            organization: organization.description.as_ref().map(ToString::to_string),
            amount: Some(organization.net_tiyn.to_tenge()),
            ..Self::default()
        }
    }

    /// In the order of [`COLUMNS`].
    pub(super) fn cells(self) -> [String; COLUMNS.len()] {
        let text = Option::unwrap_or_default;
        [
            self.at,
            self.organization_bin,
            text(self.organization),
            self.kind.unwrap_or_default().to_owned(),
            text(self.invoice),
            text(self.amount),
            self.state.unwrap_or_default().to_owned(),
            text(self.who),
            text(self.qr_payment_id),
            text(self.payment_id),
            text(self.refund_id),
            text(self.comment),
        ]
    }
}

/// Local, with the offset for programs; as a spreadsheet reads a time for people.
fn time(moment: Moment, words: Wording, zone: &TimeZone) -> String {
    let Ok(timestamp) = moment.timestamp() else { return moment.to_string() };
    let local = timestamp.to_zoned_datetime(zone.clone());
    match words {
        Wording::Programs => local.strftime("%Y-%m-%dT%H:%M:%S%.3f%:z").to_string(),
        Wording::People(_) => local.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    }
}
