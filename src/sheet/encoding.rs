//! Which encoding a text is in that is not UTF-8, and what to do. A command that would make other letters of it is never
//! told: where the bytes do not tell, that is said.

/// Letters of Russian in a thousand, from `а` to `я`: of several readings of the same bytes the likeliest is the right one.
const USUAL: [u32; 32] = [
    80, 16, 45, 17, 30, 85, 9, 16, 74, 12, 35, 44, 32, 67, 110, 28, 47, 55, 63, 26, 3, 10, 5, 14, 7, 4, 0, 19, 17, 3,
    6, 20,
];

/// A small letter is likelier than a capital one by so much, and a capital one behind a small one unlikelier.
const SMALL: u32 = 20;
const MIXED: u32 = 150;

/// Fewer bytes than these tell nothing, and letters that come to less on average are none.
const FEWEST: usize = 3;
const LEAST: u32 = 30;

/// KOI8-R's letters from 0xC0 on, by their place in the alphabet.
const KOI8: [u8; 32] = [
    30, 0, 1, 22, 4, 5, 20, 3, 21, 8, 9, 10, 11, 12, 13, 14, 15, 31, 16, 17, 18, 19, 6, 2, 28, 27, 7, 24, 29, 25, 23,
    26,
];

/// A letter's place in the alphabet, and whether it is small.
type Letter = Option<(u8, bool)>;

/// One letter for each byte.
struct Encoding {
    /// As iconv calls it.
    name: &'static str,
    /// As people do.
    is: &'static str,
    letter: fn(u8) -> Letter,
}

/// What is told apart.
const ENCODINGS: [Encoding; 4] = [
    Encoding { name: "CP1251", is: "CP1251 (Windows), as Excel saves \"CSV\" here", letter: windows },
    Encoding { name: "CP866", is: "CP866 (DOS)", letter: dos },
    Encoding { name: "KOI8-R", is: "KOI8-R (old Unix)", letter: koi8 },
    Encoding { name: "ISO-8859-5", is: "ISO 8859-5", letter: iso },
];

fn windows(byte: u8) -> Letter {
    let place = byte.checked_sub(0xC0)?;
    Some((place % 32, place >= 32))
}

fn dos(byte: u8) -> Letter {
    match byte {
        0x80..0xA0 => Some((byte - 0x80, false)),
        0xA0..0xB0 => Some((byte - 0xA0, true)),
        0xE0..0xF0 => Some((byte - 0xD0, true)),
        _ => None,
    }
}

fn koi8(byte: u8) -> Letter {
    let place = byte.checked_sub(0xC0)?;
    KOI8.get(usize::from(place % 32)).map(|letter| (*letter, place < 32))
}

fn iso(byte: u8) -> Letter {
    let place = byte.checked_sub(0xB0).filter(|place| *place < 64)?;
    Some((place % 32, place >= 32))
}

/// Two or four bytes for each letter, by the mark at the beginning or by the zeros between letters of a header.
pub(super) fn wide(begin: &[u8]) -> Option<String> {
    let name = match begin {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => "UTF-32",
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => "UTF-16",
        [0, 0, 0, 1..=255, ..] => "UTF-32BE",
        [1..=255, 0, 0, 0, ..] => "UTF-32LE",
        [0, 1..=255, 0, 1..=255, ..] => "UTF-16BE",
        [1..=255, 0, 1..=255, 0, ..] => "UTF-16LE",
        _ => return None,
    };
    let what = if name.starts_with("UTF-32") { "UTF-32" } else { "UTF-16 (Excel's \"Unicode text\")" };
    Some(format!("it is {what}: save it as \"CSV UTF-8\", or: iconv -f {name} -t UTF-8 FILE > new.csv"))
}

/// What a text is that is not UTF-8; so many letters before it were good ones.
pub(super) fn other(text: &[u8], before: usize) -> String {
    let (mut good, mut broken) = (before, 0_usize);
    for chunk in text.utf8_chunks() {
        good += chunk.valid().chars().filter(|letter| !letter.is_ascii()).count();
        broken += usize::from(!chunk.invalid().is_empty());
    }
    if good > broken {
        // Only a piece of the file was looked at: how many there are is not known.
        return "it is UTF-8 but for one broken letter on this line (a text that was cut off, or a value in another encoding): \
                correct it and import the file again; LC_ALL=C.UTF-8 grep -naxv '.*' FILE shows every such line"
            .to_owned();
    }
    match likeliest(text).as_slice() {
        [Encoding { name, is, .. }] => format!(
            "it is not UTF-8 and looks like {is}: save it as \"CSV UTF-8\", or: iconv -f {name} -t UTF-8 FILE > new.csv, and \
             look at its letters"
        ),
        [one, other] => {
            format!("it is not UTF-8, and its letters may be {} or {}: save it as \"CSV UTF-8\"", one.name, other.name)
        }
        _ => "it is not UTF-8, and its letters do not tell which encoding it is: save it as \"CSV UTF-8\"".to_owned(),
    }
}

/// The encoding, or the two between which the letters do not tell; none where they look like no Russian in any.
fn likeliest(text: &[u8]) -> Vec<&'static Encoding> {
    let count = text.iter().filter(|byte| **byte >= 0x80).count();
    let mut readings: Vec<_> = ENCODINGS.iter().map(|encoding| (worth(text, encoding.letter), encoding)).collect();
    readings.sort_by_key(|(worth, _)| std::cmp::Reverse(*worth));
    let [(worth, encoding), (second, other), ..] = readings.as_slice() else { return Vec::new() };
    // A short word in capital letters may be one in either of two.
    let is_clear = u64::from(*worth) * 10 >= u64::from(*second) * 13;
    let least = u32::try_from(count).unwrap_or(u32::MAX).saturating_mul(LEAST);
    match count >= FEWEST && *worth >= least {
        false => Vec::new(),
        true if is_clear => vec![encoding],
        true => vec![encoding, other],
    }
}

/// How much a text looks like Russian, read so.
fn worth(text: &[u8], read: fn(u8) -> Letter) -> u32 {
    let (mut worth, mut mixed, mut after_small) = (0_u32, 0_u32, false);
    for byte in text {
        let letter = read(*byte);
        if let Some((place, is_small)) = letter {
            let usual = USUAL.get(usize::from(place)).copied().unwrap_or(0);
            worth = worth.saturating_add(usual + if is_small { SMALL } else { 0 });
            mixed = mixed.saturating_add(if after_small && !is_small { MIXED } else { 0 });
        }
        after_small = letter.is_some_and(|(_, is_small)| is_small);
    }
    worth.saturating_sub(mixed)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text in an encoding, by iconv's own name, as this module reads it.
    fn written(text: &str, read: fn(u8) -> Letter) -> Vec<u8> {
        let letter = |c: char| -> Letter {
            let place = u32::from(c).checked_sub(0x410).filter(|place| *place < 64)?;
            Some((u8::try_from(place % 32).ok()?, place >= 32))
        };
        let byte = |c: char| match letter(c) {
            Some(wanted) => (0x80..=0xFF).find(|byte| read(*byte) == Some(wanted)).unwrap_or(b'?'),
            None => u8::try_from(c).unwrap_or(b'?'),
        };
        text.chars().map(byte).collect()
    }

    #[test]
    fn russian_is_known_in_every_encoding() {
        let names = |text: &[u8]| likeliest(text).iter().map(|found| found.name).collect::<Vec<_>>();
        for text in ["Организация не зарегистрирована", "связи", "нет", "Платёж отменён", "при"]
        {
            for Encoding { name, letter, .. } in ENCODINGS {
                assert_eq!(names(&written(text, letter)), [name], "{text}");
            }
        }
        // Capital letters alone are small ones elsewhere.
        assert_eq!(names(&written("ОШИБКА", windows)), ["CP1251", "KOI8-R"]);
        assert!(names(b"caf\xE9").is_empty() && names(b"\x81\xB2\xDB\xB1\xB3").is_empty());
    }

    #[test]
    fn one_broken_letter_is_told_as_one() {
        let mut text = "нет связи".as_bytes().to_vec();
        text.truncate(text.len() - 1);
        text.extend_from_slice(b",x");
        assert!(other(&text, 0).contains("UTF-8 but for one broken letter"));
        assert!(other(b"\xD0,x", 5).contains("one broken letter"));
        assert!(other(b"\xD0,x", 0).contains("do not tell"));
    }
}
