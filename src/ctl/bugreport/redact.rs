//! A second net below the allow-list: texts of our own making may name an organisation or a payment.

use crate::id::ConfigId;
use crate::operation::Config;

/// A phone has ten digits, a BIN twelve, a QrPaymentId about as many. Times and sizes that we write have fewer in a
/// row.
const LONGEST: usize = 8;

/// Knows the organisations by their rows.
pub(super) struct Redact(Vec<(String, ConfigId)>);

impl Redact {
    pub(super) fn new(configs: &[Config]) -> Self {
        Self(configs.iter().map(|config| (config.organization_bin.as_str().to_owned(), config.id)).collect())
    }

    /// BINs that are enrolled become `config-1`; of any other long row of digits only its length is told.
    pub(super) fn text(&self, text: &str) -> String {
        let mut named = text.to_owned();
        for (bin, id) in &self.0 {
            named = named.replace(bin, &format!("config-{id}"));
        }
        without_homes(&without_digits(&named))
    }
}

/// A home directory has a person's name.
fn without_homes(text: &str) -> String {
    let mut pieces = text.split("/home/");
    let mut kept = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let rest = piece.find(['/', ' ', '\'', ':', ';', ',']).and_then(|end| piece.get(end..)).unwrap_or_default();
        kept.push_str("/home/[user]");
        kept.push_str(rest);
    }
    kept
}

fn without_digits(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut digits = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_numeric() {
            digits.push(c);
            continue;
        }
        match digits.chars().count() {
            few if few <= LONGEST => kept.push_str(&digits),
            many => kept.push_str(&format!("[{many} digits]")),
        }
        digits.clear();
        kept.push(c);
    }
    kept.pop();
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctl::samples;

    #[test]
    fn nobody_is_named() {
        let redact = Redact::new(&[samples::config()]);
        assert_eq!(
            redact.text("kaspictl bin verify 891027350515; 77015211545 2026-11-25T03:00:00.123Z ١٢٣٤٥٦٧٨٩٠"),
            "kaspictl bin verify config-1; [11 digits] 2026-11-25T03:00:00.123Z [10 digits]"
        );
        assert_eq!(redact.text("210440028324"), "[12 digits]");
        assert_eq!(redact.text("chmod 600 /home/ali/k.key /home/aliya"), "chmod 600 /home/[user]/k.key /home/[user]");
        assert_eq!(redact.text(""), "");
    }
}
