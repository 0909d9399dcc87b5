//! The catalogue of sentences of codes, for those who run the daemon and those who own the shop: a title and a remedy for each,
//! in every language of the shop. Its page is docs/errors.md.

use super::code::Code;
use crate::language::InEachLanguage;

/// The sentences of a code. `{bin}` and `{payment}` stand for the ones it is about.
#[derive(Clone, Copy, Debug)]
pub struct Texts {
    /// A few words.
    pub title: InEachLanguage,
    /// What to do; ends with a command where one helps.
    pub remedy: InEachLanguage,
}

/// The sentences of a code.
#[must_use]
pub fn of(code: Code) -> Texts {
    let (title, remedy) = match code {
        Code::InvalidRequest => (
            words("Запрос неверен", "Сұрау дұрыс емес", "The request is not valid"),
            words(
                "Исправьте, как сказано в detail; поля описаны в /openapi.json, ключи команд в kaspictl help COMMAND.",
                "detail-де айтылғандай түзетіңіз; өрістер /openapi.json ішінде, команда кілттері kaspictl help COMMAND ішінде.",
                "Correct it as the detail says; the fields stand at /openapi.json, the options in kaspictl help COMMAND.",
            ),
        ),
        Code::Denied => (
            words("Нет права", "Құқық жоқ", "Not allowed"),
            words(
                "Попросите право у того, кто ведёт этот сервер; оно даётся в [access] в kaspid.toml, затем: kaspictl reload",
                "Құқықты осы серверді жүргізетін адамнан сұраңыз; ол kaspid.toml ішіндегі [access] бөлімінде беріледі, содан кейін: kaspictl reload",
                "Ask whoever runs this machine for the right; it is given under [access] in kaspid.toml, then: kaspictl reload",
            ),
        ),
        Code::NotFound => (
            words("Не найдено", "Табылмады", "Not found"),
            words(
                "Проверьте номер; что есть: kaspictl payment list, kaspictl bin list",
                "Нөмірді тексеріңіз; бары: kaspictl payment list, kaspictl bin list",
                "Check the id; list what there is: kaspictl payment list, kaspictl bin list",
            ),
        ),
        Code::KeyRequired => (
            words("Нужен Idempotency-Key", "Idempotency-Key керек", "An Idempotency-Key is needed"),
            words(
                "Посылайте заголовок Idempotency-Key, свой для каждой продажи и каждого возврата, и тот же самый при повторе.",
                "Idempotency-Key тақырыбын жіберіңіз: әр сатуға және әр қайтаруға өзінікі, ал қайталағанда сол баяғысы.",
                "Send an Idempotency-Key header of your own for each sale or refund, the same one when you try again.",
            ),
        ),
        Code::KeyConflict => (
            words(
                "Ключ уже занят другим запросом",
                "Кілт басқа сұрауға берілген",
                "The key stands for another request",
            ),
            words(
                "Для нового намерения возьмите новый ключ; что было под этим: kaspictl payment list --key KEY",
                "Жаңа ниетке жаңа кілт алыңыз; осы кілтпен не болғаны: kaspictl payment list --key KEY",
                "Use a new key for a new intention; look at the first one: kaspictl payment list --key KEY",
            ),
        ),
        Code::NoDefaultBin => (
            words(
                "Организация не названа, и основной нет",
                "Ұйым аталмаған, ал негізгісі жоқ",
                "No organisation named and no default set",
            ),
            words(
                "Назовите organization_bin в запросе, или пусть администратор назначит основную: kaspictl bin default BIN",
                "Сұрауда organization_bin атаңыз немесе әкімші негізгісін тағайындасын: kaspictl bin default BIN",
                "Name organization_bin in the request, or have an admin set the shop's default: kaspictl bin default BIN",
            ),
        ),
        Code::BinNotAllowed => (
            words(
                "Эта организация не этого магазина или не для вас",
                "Бұл ұйым осы дүкендікі емес немесе сізге рұқсат етілмеген",
                "The organisation is not this shop's or this caller's",
            ),
            words(
                "Проверьте БИН; организации магазина: kaspictl bin list",
                "БСН-ді тексеріңіз; дүкеннің ұйымдары: kaspictl bin list",
                "Check the BIN; see which ones this shop has: kaspictl bin list",
            ),
        ),
        Code::BinInactive => (
            words(
                "Организация не принимает новых платежей",
                "Ұйым жаңа төлем қабылдамайды",
                "The organisation takes no new payments",
            ),
            words(
                "Администратор может это изменить: kaspictl bin activate {bin}",
                "Мұны әкімші өзгерте алады: kaspictl bin activate {bin}",
                "An admin can change that: kaspictl bin activate {bin}",
            ),
        ),
        Code::TradePointChoice => (
            words("Торговых точек несколько", "Сауда нүктелері бірнешеу", "Several trade points"),
            words(
                "Выберите одну: kaspictl bin add {bin} --trade-point ID",
                "Біреуін таңдаңыз: kaspictl bin add {bin} --trade-point ID",
                "Choose one of them: kaspictl bin add {bin} --trade-point ID",
            ),
        ),
        Code::TradePointInactive => (
            words(
                "Торговая точка в Kaspi не работает",
                "Сауда нүктесі Kaspi-де жұмыс істемейді",
                "The trade point is not active at Kaspi",
            ),
            words(
                "Включите её в приложении Kaspi Pay, затем: kaspictl bin verify {bin}; что показывает Kaspi: kaspictl bin trade-points {bin}",
                "Оны Kaspi Pay қолданбасында қосыңыз, содан кейін: kaspictl bin verify {bin}; Kaspi не көрсетеді: kaspictl bin trade-points {bin}",
                "Have the merchant activate it in the Kaspi Pay app, then: kaspictl bin verify {bin}; see what Kaspi lists: kaspictl bin trade-points {bin}",
            ),
        ),
        Code::OrganizationNotRegistered => (
            words(
                "Kaspi не знает эту организацию",
                "Kaspi бұл ұйымды білмейді",
                "Kaspi does not know the organisation",
            ),
            words(
                "Проверьте БИН; продавец регистрирует организацию в Kaspi Pay и сообщает банку для этого сертификата, затем: kaspictl bin trade-points {bin}",
                "БСН-ді тексеріңіз; сатушы ұйымды Kaspi Pay-де тіркейді және осы сертификат үшін банкке хабарлайды, содан кейін: kaspictl bin trade-points {bin}",
                "Check the BIN; the merchant registers it in Kaspi Pay and gives it to the bank for this certificate, then: kaspictl bin trade-points {bin}",
            ),
        ),
        Code::DeviceTokenInvalid => (
            words(
                "Kaspi не принимает токен кассы",
                "Kaspi касса токенін қабылдамайды",
                "Kaspi refuses the device token",
            ),
            words(
                "Получите новый: kaspictl bin register {bin}; если Kaspi даёт тот же, спросите банк об устройстве.",
                "Жаңасын алыңыз: kaspictl bin register {bin}; Kaspi сол баяғысын берсе, құрылғы туралы банктен сұраңыз.",
                "Get a new one: kaspictl bin register {bin}; if Kaspi gives the same one again, ask the bank about the device.",
            ),
        ),
        Code::RefundExceedsBalance => (
            words("Больше, чем осталось по платежу", "Төлем қалдығынан көп", "More than is left of the payment"),
            words(
                "Сколько осталось: kaspictl payment show {payment}",
                "Қанша қалғаны: kaspictl payment show {payment}",
                "See what is left: kaspictl payment show {payment}",
            ),
        ),
        Code::NotRefundable => (
            words(
                "По этому платежу возврат невозможен",
                "Бұл төлем бойынша қайтару мүмкін емес",
                "This payment cannot be refunded",
            ),
            words(
                "Возврат бывает только по оплаченному; состояние: kaspictl payment show {payment}",
                "Тек төленген төлем қайтарылады; күйі: kaspictl payment show {payment}",
                "Only a paid payment can; see its state: kaspictl payment show {payment}",
            ),
        ),
        Code::NotCancellable => (
            words(
                "Этот платёж нельзя отменить",
                "Бұл төлемнің күшін жою мүмкін емес",
                "This payment cannot be cancelled",
            ),
            words(
                "Состояние: kaspictl payment show {payment}; за оплаченный деньги возвращают: kaspictl payment refund {payment}",
                "Күйі: kaspictl payment show {payment}; төленген болса ақша қайтарылады: kaspictl payment refund {payment}",
                "See its state: kaspictl payment show {payment}; a paid one is paid back with: kaspictl payment refund {payment}",
            ),
        ),
        Code::NotInDialect => (
            words(
                "У банка этой организации нет такого вызова",
                "Бұл ұйымның банкінде мұндай шақыру жоқ",
                "The bank of this organisation has no such call",
            ),
            words(
                "Счета по телефону, ссылки, отмены и возвраты работают везде; что умеет этот банк: kaspictl bin show {bin}",
                "Телефон арқылы шоттар, сілтемелер, күшін жою мен қайтару барлық жерде істейді; бұл банк не біледі: kaspictl bin show {bin}",
                "Remote payments, links, cancels and refunds go on in every dialect; see what this one speaks: kaspictl bin show {bin}",
            ),
        ),
        Code::InvoiceOpen => (
            words("По этому чеку уже есть платёж", "Бұл чек бойынша төлем бар", "This invoice has a payment already"),
            words(
                "Сначала посмотрите его: kaspictl payment show {payment}; чтобы намеренно выставить чек второй раз: --repeat-invoice (поле repeat_invoice).",
                "Алдымен оны қараңыз: kaspictl payment show {payment}; чекті әдейі екінші рет қою үшін: --repeat-invoice (repeat_invoice өрісі).",
                "Look at it first: kaspictl payment show {payment}; to bill the invoice a second time on purpose: --repeat-invoice (field repeat_invoice).",
            ),
        ),
        Code::RefundOpen => (
            words(
                "Другой возврат по этому платежу, возможно, прошёл",
                "Бұл төлем бойынша басқа қайтару өткен болуы мүмкін",
                "Another refund of this payment may have happened",
            ),
            words(
                "Посмотрите: kaspictl payment show {payment}; завершите: kaspictl payment resolve {payment} --refund ID --happened yes|no --reason TEXT",
                "Қараңыз: kaspictl payment show {payment}; аяқтаңыз: kaspictl payment resolve {payment} --refund ID --happened yes|no --reason TEXT",
                "See it: kaspictl payment show {payment}; end it: kaspictl payment resolve {payment} --refund ID --happened yes|no --reason TEXT",
            ),
        ),
        Code::InProgress => (
            words(
                "Другая операция по этому платежу не закончена",
                "Бұл төлем бойынша басқа операция аяқталған жоқ",
                "Another call on this payment is not finished",
            ),
            words(
                "Повторите через мгновение с тем же ключом или посмотрите: kaspictl payment show {payment}",
                "Сәлден кейін сол кілтпен қайталаңыз немесе қараңыз: kaspictl payment show {payment}",
                "Repeat it with the same key in a moment, or look: kaspictl payment show {payment}",
            ),
        ),
        Code::RestoredGap => (
            words("Данные восстановлены из копии", "Деректер көшірмеден қалпына келтірілді", "A backup was put back"),
            words(
                "Сверьте приложение Kaspi Pay с журналом за время разрыва, затем: kaspictl restore --acknowledge",
                "Kaspi Pay қолданбасын журналмен үзіліс уақыты бойынша салыстырыңыз, содан кейін: kaspictl restore --acknowledge",
                "Compare the Kaspi Pay app with the log for the time of the gap, then: kaspictl restore --acknowledge",
            ),
        ),
        Code::Declined => (
            words("Kaspi отказал", "Kaspi бас тартты", "Kaspi refused"),
            words(
                "Прочитайте, что говорит Kaspi; счёт не выставлен, новая попытка безопасна.",
                "Kaspi не айтатынын оқыңыз; шот қойылмады, жаңа әрекет қауіпсіз.",
                "Read what Kaspi says; nothing was billed, so a new attempt is safe.",
            ),
        ),
        Code::OutcomeUnknown => (
            words(
                "Неизвестно, прошла ли операция",
                "Операцияның өткені белгісіз",
                "Nobody here knows whether it happened",
            ),
            words(
                "Посмотрите в телефон покупателя или в приложение Kaspi Pay, затем: kaspictl payment resolve {payment} --attach QRID --reason TEXT; если счёт не выставлен, вместо --attach QRID напишите --abandon",
                "Сатып алушының телефонын немесе Kaspi Pay қолданбасын қараңыз, содан кейін: kaspictl payment resolve {payment} --attach QRID --reason TEXT; шот қойылмаған болса, --attach QRID орнына --abandon жазыңыз",
                "Look at the customer's phone or the Kaspi Pay app, then: kaspictl payment resolve {payment} --attach QRID --reason TEXT; if it was not billed, --abandon instead of --attach QRID",
            ),
        ),
        Code::KaspiUnavailable => (
            words("Kaspi сейчас не отвечает", "Kaspi қазір жауап бермейді", "Kaspi cannot be asked right now"),
            words(
                "Повторите с тем же ключом; если не проходит: kaspictl doctor",
                "Сол кілтпен қайталаңыз; өтпесе: kaspictl doctor",
                "Try again with the same key; if it stays so: kaspictl doctor",
            ),
        ),
        Code::CertificateRefused => (
            words("Kaspi не принимает сертификат", "Kaspi сертификатты қабылдамайды", "Kaspi refuses the certificate"),
            words(
                "Проверьте сертификат и разрешён ли банком адрес этого сервера: kaspictl identity show",
                "Сертификатты және банк осы сервердің мекенжайына рұқсат бергенін тексеріңіз: kaspictl identity show",
                "Check the certificate and that the bank allows this machine's address: kaspictl identity show",
            ),
        ),
        Code::IdentityMissing => (
            words("Ключа и сертификата ещё нет", "Кілт пен сертификат әлі жоқ", "There is no key and certificate yet"),
            words(
                "Создайте ключ здесь: kaspictl identity generate --subject 'CN=shop.kz,O=NAME,C=KZ'. Или возьмите готовый: kaspictl identity import --key FILE --cert FILE (или --pkcs12 FILE)",
                "Кілтті осында жасаңыз: kaspictl identity generate --subject 'CN=shop.kz,O=NAME,C=KZ'. Немесе дайынын алыңыз: kaspictl identity import --key FILE --cert FILE (немесе --pkcs12 FILE)",
                "Make a key here: kaspictl identity generate --subject 'CN=shop.kz,O=NAME,C=KZ'. Or take in what there is: kaspictl identity import --key FILE --cert FILE (or --pkcs12 FILE)",
            ),
        ),
        Code::RateLimited => (
            words("Слишком много запросов", "Сұрау тым көп", "Too many requests"),
            words(
                "Посылайте реже; пределы стоят в [limits] в kaspid.toml.",
                "Сирегірек жіберіңіз; шектер kaspid.toml ішіндегі [limits] бөлімінде.",
                "Send fewer at a time; the limits stand under [limits] in kaspid.toml.",
            ),
        ),
        Code::TooLarge => (
            words("Запрос слишком велик", "Сұрау тым үлкен", "The request is too large"),
            words(
                "Запрос не больше 1 МиБ, его заголовки не больше 16 КиБ.",
                "Сұрау 1 МиБ-тан, оның тақырыптары 16 КиБ-тан аспайды.",
                "Requests are at most 1 MiB and their head 16 KiB.",
            ),
        ),
        Code::ShuttingDown => (
            words("kaspid останавливается", "kaspid тоқтап жатыр", "The daemon is stopping"),
            words(
                "Повторите через несколько секунд с тем же ключом.",
                "Бірнеше секундтан кейін сол кілтпен қайталаңыз.",
                "Try again in a few seconds with the same key.",
            ),
        ),
        Code::StorageFailed => (
            words("Данные не удалось сохранить", "Деректерді сақтау мүмкін болмады", "The state could not be stored"),
            words(
                "Проверьте диск с данными (df, journalctl -u kaspid); когда место появится, kaspid продолжит сам.",
                "Деректер дискісін тексеріңіз (df, journalctl -u kaspid); орын болғанда kaspid өзі жалғастырады.",
                "Check the disk of the state directory (df, journalctl -u kaspid); the daemon recovers by itself when there is room.",
            ),
        ),
        Code::IdentityWaiting => (
            words("Ключ ждёт сертификата", "Кілт сертификат күтуде", "A key waits for its certificate"),
            words(
                "Установите ответ банка: kaspictl identity install CERT. Показать запрос снова: kaspictl identity generate. Выбросить ключ и создать другой: добавьте --replace",
                "Банктің жауабын орнатыңыз: kaspictl identity install CERT. Сұрауды қайта көрсету: kaspictl identity generate. Кілтті тастап, басқасын жасау: --replace қосыңыз",
                "Install the bank's answer: kaspictl identity install CERT. To see the request again: kaspictl identity generate. To throw the key away and make another: add --replace",
            ),
        ),
        Code::IdentityElsewhere => (
            words(
                "Этот ключ меняет не kaspid",
                "Бұл кілтті kaspid ауыстырмайды",
                "The key is not the daemon's to exchange",
            ),
            words(
                "Посмотрите, где он: kaspictl doctor",
                "Қайда екенін қараңыз: kaspictl doctor",
                "See where it is: kaspictl doctor",
            ),
        ),
        Code::OtherBank => (
            words(
                "Платёж проведён через другой банк",
                "Төлем басқа банк арқылы жасалған",
                "The payment was made with another bank",
            ),
            words(
                "Решите в приложении Kaspi Pay. Если это тот же банк по другому адресу, администратор добавит прежний в formerly в [kaspi] в kaspid.toml, затем: kaspictl reload",
                "Kaspi Pay қолданбасында шешіңіз. Бұл сол банк, тек мекенжайы басқа болса, әкімші бұрынғысын kaspid.toml ішіндегі [kaspi] бөлімінің formerly тізіміне қосады, содан кейін: kaspictl reload",
                "Settle it in the Kaspi Pay app. If it is the same bank at another address, an admin adds the old one to formerly under [kaspi] in kaspid.toml, then: kaspictl reload",
            ),
        ),
    };
    Texts { title, remedy }
}

const fn words(ru: &'static str, kk: &'static str, en: &'static str) -> InEachLanguage {
    InEachLanguage::of(ru, kk, en)
}
