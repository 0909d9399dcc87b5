//! A QR code in the terminal.

use qrcode::render::unicode::Dense1x2;
use qrcode::types::QrError;
use qrcode::{EcLevel, QrCode};

/// Black on white, whatever the terminal's own colours: a scanner wants dark on light.
const BLACK_ON_WHITE: &str = "\u{1b}[38;5;16;48;5;231m";
const RESET: &str = "\u{1b}[0m";

/// `content` as a code of two modules a character with its quiet zone. Colours are set where they are wanted.
pub(in crate::ctl) fn draw(content: &str, colours: bool) -> Result<String, QrError> {
    let code = QrCode::with_error_correction_level(content, EcLevel::M)?;
    let picture = code.render::<Dense1x2>().quiet_zone(true).build();
    let (before, behind) = if colours { (BLACK_ON_WHITE, RESET) } else { ("", "") };
    Ok(picture.lines().map(|line| format!("{before}{line}{behind}\n")).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

    use super::*;

    #[test]
    fn a_code_has_its_quiet_zone_and_its_own_colours() {
        let plain = draw("https://kaspi.kz/pay?qrId=1", false).unwrap();
        let lines: Vec<&str> = plain.lines().collect();
        // Version 3 at level M: 29 modules and 4 of quiet zone on each side, two rows a line.
        assert_eq!((lines.len(), lines.first().unwrap().chars().count()), (19, 37));
        assert!(lines.iter().take(2).all(|line| line.trim().is_empty()));
        assert!(lines.iter().all(|line| line.starts_with("    ") && line.ends_with("    ")));
        let coloured = draw("https://kaspi.kz/pay?qrId=1", true).unwrap();
        assert!(coloured.lines().all(|line| line.starts_with(BLACK_ON_WHITE) && line.ends_with(RESET)));
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert!(draw(&"x".repeat(5000), false).is_err());
    }
}
