//! A payment's QR code for the customer's screen.

use qrcode::render::svg;
use qrcode::{Color, QrCode};

use crate::failure::{Code, Failure};

/// The least width and height in pixels.
const LEAST: u32 = 256;

/// Empty modules around the code, without which cameras do not find it (ISO/IEC 18004).
const QUIET: u32 = 4;

fn code(content: &str) -> Result<QrCode, Failure> {
    QrCode::new(content).map_err(|error| {
        Failure::new(Code::NotFound, format!("no picture: Kaspi's text does not fit into a QR code ({error})"))
    })
}

/// As SVG.
///
/// # Errors
/// `not_found` if the content is too long for any QR code (2953 bytes).
pub(super) fn svg(content: &str) -> Result<Vec<u8>, Failure> {
    let code = code(content)?;
    Ok(code.render::<svg::Color<'_>>().quiet_zone(true).min_dimensions(LEAST, LEAST).build().into_bytes())
}

/// As PNG, one bit a pixel.
///
/// # Errors
/// As [`svg`].
pub(super) fn png(content: &str) -> Result<Vec<u8>, Failure> {
    let code = code(content)?;
    let modules = u32::try_from(code.width()).unwrap_or(u32::MAX);
    let scale = LEAST.div_ceil(modules.saturating_add(2 * QUIET));
    let side = modules.saturating_add(2 * QUIET).saturating_mul(scale);
    encode(&pixels(&code, side, scale), side)
        .map_err(|error| Failure::new(Code::NotFound, format!("no picture: {error}")))
}

/// Rows of bits, 1 is white, each row in whole bytes.
fn pixels(code: &QrCode, side: u32, scale: u32) -> Vec<u8> {
    let dark = |x: u32, y: u32| {
        let module = |at: u32| (at / scale).checked_sub(QUIET).and_then(|at| usize::try_from(at).ok());
        match (module(x), module(y)) {
            (Some(x), Some(y)) if x < code.width() && y < code.width() => code[(x, y)] == Color::Dark,
            _ => false,
        }
    };
    let byte = |x: u32, y: u32| (0..8).fold(0, |bits, bit| bits << 1 | u8::from(!dark(x * 8 + bit, y)));
    (0..side).flat_map(|y| (0..side.div_ceil(8)).map(move |x| (x, y))).map(|(x, y)| byte(x, y)).collect()
}

fn encode(pixels: &[u8], side: u32) -> Result<Vec<u8>, png::EncodingError> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, side, side);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(pixels)?;
    writer.finish()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

    use super::*;

    const LINK: &str = "https://pay.kaspi.kz/pay/uuyzvcdm";

    /// Every pixel of the PNG against the code itself, quiet zone included.
    #[test]
    fn the_png_shows_the_code_large_enough_and_with_its_quiet_zone() {
        let bytes = png(LINK).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut image = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut image).unwrap();
        let code = code(LINK).unwrap();
        let side = usize::try_from(info.width).unwrap();
        let scale = side / (code.width() + 8);
        assert!(side >= 256 && info.width == info.height && side == scale * (code.width() + 8));
        for y in 0..side {
            for x in 0..side {
                let white = image[y * info.line_size + x / 8] >> (7 - x % 8) & 1 == 1;
                let inside = |at: usize| (at / scale).checked_sub(4).filter(|&at| at < code.width());
                let dark = matches!((inside(x), inside(y)), (Some(x), Some(y)) if code[(x, y)] == Color::Dark);
                assert_eq!(white, !dark, "{x} {y}");
            }
        }
    }

    #[test]
    fn the_svg_is_one_and_too_much_text_is_a_failure() {
        let text = String::from_utf8(svg(LINK).unwrap()).unwrap();
        assert!(text.contains("<svg") && text.contains("viewBox"));
        assert_eq!(svg(&"x".repeat(3000)).unwrap_err().code, Code::NotFound);
    }
}
