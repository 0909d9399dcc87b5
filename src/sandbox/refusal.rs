//! What the bank says when it will not: its code, its words, and the guide's words for the same.

/// A refusal by its bank code. Codes and texts are those of the bank's manual, word for word (wire §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BankRefusal(pub(super) i64);

impl BankRefusal {
    /// The organisation has no trade points; nearest official code to the guide's "not registered".
    pub(super) const NOT_REGISTERED: Self = Self(-14_000_002);
    /// No device has this token, or not in this organisation.
    pub(super) const DEVICE_UNKNOWN: Self = Self(-1501);
    /// The device was switched off or deleted.
    pub(super) const DEVICE_INACTIVE: Self = Self(-1502);
    /// The DeviceId is registered at another trade point.
    pub(super) const DEVICE_ELSEWHERE: Self = Self(-1503);
    /// Status and details: no such purchase.
    pub(super) const PURCHASE_UNKNOWN: Self = Self(-1601);
    /// Return and cancel: no purchase with this id.
    pub(super) const PAYMENT_UNKNOWN: Self = Self(-99_000_001);
    /// The trade point does not exist (any more).
    pub(super) const TRADE_POINT_UNKNOWN: Self = Self(-99_000_002);
    /// The device stands at another trade point than the purchase.
    pub(super) const OTHER_TRADE_POINT: Self = Self(-99_000_003);
    /// More than is left of the purchase.
    pub(super) const EXCEEDS_PURCHASE: Self = Self(-99_000_005);
    /// The purchase is not in a state to be returned.
    pub(super) const WRONG_STATE: Self = Self(-99_000_011);
    /// This trade point returns only whole purchases.
    pub(super) const PARTIAL_IMPOSSIBLE: Self = Self(-99_000_020);
    /// The trade point is switched off.
    pub(super) const TRADE_POINT_INACTIVE: Self = Self(990_000_018);
    /// The trade point takes no QR payments.
    pub(super) const NO_QR: Self = Self(990_000_026);
    /// Not an amount the bank takes.
    pub(super) const WRONG_AMOUNT: Self = Self(990_000_028);
    /// Not a phone number. The code is listed for client-info without a text; its meaning here is our guess.
    pub(super) const NOT_A_PHONE: Self = Self(990_000_029);
    /// Not a client of Kaspi. Listed for client-info and remote/create without a text; our guess too.
    pub(super) const NOT_A_CLIENT: Self = Self(990_000_032);
    /// No way to pay is switched on.
    pub(super) const NO_METHODS: Self = Self(990_000_033);

    /// The bank's text; some documented codes have none.
    pub(super) fn text(self) -> Option<&'static str> {
        Some(match self.0 {
            -999 => "Сервис временно недоступен",
            -10_000 => "Отсутствует сертификат клиента",
            -1501 => "Устройство с заданным идентификатором не найдено",
            -1502 => "Устройство не активно (отключено или удалено)",
            -1503 => "Устройство уже добавлено в другую торговую точку",
            -1601 => "Покупка не найдена",
            -14_000_002 => "Отсутствуют торговые точки, необходимо создать торговую точку в приложении Kaspi Pay",
            -99_000_001 => "Покупка с заданным идентификатором не найдена",
            -99_000_002 => "Торговая точка не найдена",
            -99_000_003 => "Торговая точка покупки не соответствует текущему устройству",
            -99_000_005 => "Сумма возврата не может превышать сумму покупки",
            -99_000_006 => "Ошибка возврата, необходимо попробовать еще раз и при повторении ошибки обратиться в банк",
            -99_000_011 => "Невозможно вернуть покупку (несоответствующий статус покупки)",
            -99_000_020 => "Частичный возврат невозможен",
            990_000_018 => "Торговая точка отключена",
            990_000_026 => "Торговая точка не принимает оплату с QR",
            990_000_028 => "Указана неверная сумма операции",
            990_000_033 => "Нет доступных методов оплаты",
            _ => return None,
        })
    }

    /// The text of the guide's troubleshooting section for the same trouble (wire §6), if it has one.
    pub(super) fn guide_text(self) -> Option<&'static str> {
        match self {
            Self::NOT_REGISTERED => Some("Организация не зарегистрирована в Kaspi Pay"),
            Self::DEVICE_UNKNOWN | Self::DEVICE_INACTIVE => Some("Invalid deviceToken"),
            Self::TRADE_POINT_UNKNOWN | Self::TRADE_POINT_INACTIVE => Some("Trade point is not active"),
            _ => None,
        }
    }
}
