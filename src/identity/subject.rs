//! A distinguished name as people type it: `CN=shop.kz,O=ТОО Әйгерім,C=KZ`.

use rcgen::string::{Ia5String, PrintableString};
use rcgen::{DistinguishedName, DnType, DnValue};

/// What is asked for in a request for a certificate.
#[derive(Debug)]
pub struct Subject(Vec<(&'static Attribute, String)>);

/// One that may stand in a name.
#[derive(Debug)]
struct Attribute {
    /// How people call it.
    names: &'static [&'static str],
    oid: &'static [u64],
    /// X.520's bound, in characters.
    most: usize,
    alphabet: Alphabet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alphabet {
    Any,
    Printable,
    Ascii,
}

const ATTRIBUTES: [Attribute; 11] = [
    Attribute { names: &["CN"], oid: &[2, 5, 4, 3], most: 64, alphabet: Alphabet::Any },
    Attribute { names: &["O"], oid: &[2, 5, 4, 10], most: 64, alphabet: Alphabet::Any },
    Attribute { names: &["OU"], oid: &[2, 5, 4, 11], most: 64, alphabet: Alphabet::Any },
    Attribute { names: &["C"], oid: &[2, 5, 4, 6], most: 2, alphabet: Alphabet::Printable },
    Attribute { names: &["L"], oid: &[2, 5, 4, 7], most: 128, alphabet: Alphabet::Any },
    Attribute { names: &["ST", "S"], oid: &[2, 5, 4, 8], most: 128, alphabet: Alphabet::Any },
    Attribute { names: &["SERIALNUMBER"], oid: &[2, 5, 4, 5], most: 64, alphabet: Alphabet::Printable },
    Attribute { names: &["SN"], oid: &[2, 5, 4, 4], most: 64, alphabet: Alphabet::Any },
    Attribute { names: &["GN", "G"], oid: &[2, 5, 4, 42], most: 64, alphabet: Alphabet::Any },
    Attribute {
        names: &["EMAILADDRESS", "EMAIL", "E"],
        oid: &[1, 2, 840, 113_549, 1, 9, 1],
        most: 255,
        alphabet: Alphabet::Ascii,
    },
    Attribute { names: &["UID"], oid: &[0, 9, 2342, 19_200_300, 100, 1, 1], most: 256, alphabet: Alphabet::Any },
];

/// Why a text is no name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the subject {0}; write it as CN=shop.kz,O=Name,C=KZ, a comma within a name as \\,")]
pub struct NotASubject(String);

fn wrong(what: impl Into<String>) -> NotASubject {
    NotASubject(what.into())
}

impl std::str::FromStr for Subject {
    type Err = NotASubject;

    fn from_str(text: &str) -> Result<Self, NotASubject> {
        let mut found: Vec<(&'static Attribute, String)> = Vec::new();
        for part in parts(text)? {
            let (name, value) = pair(&part)?;
            if found.iter().any(|(there, _)| std::ptr::eq(*there, name)) {
                return Err(wrong(format!("has {} twice", name.names.first().unwrap_or(&""))));
            }
            found.push((name, value));
        }
        match found.iter().any(|(name, _)| name.names == ["CN"]) {
            true => Ok(Self(found)),
            false => Err(wrong("has no CN")),
        }
    }
}

/// A part between commas: what is typed, and whether the character was escaped.
type Part = Vec<(char, bool)>;

/// Taken apart at commas (and at `;`, which older tools write) that are neither escaped nor in quotes.
fn parts(text: &str) -> Result<Vec<Part>, NotASubject> {
    let (mut parts, mut part, mut quoted) = (Vec::new(), Part::new(), false);
    let mut rest = text.chars();
    while let Some(next) = rest.next() {
        match next {
            '\\' => part.push((rest.next().ok_or_else(|| wrong("ends with a \\"))?, true)),
            '"' => quoted = !quoted,
            ',' | ';' if !quoted => parts.push(std::mem::take(&mut part)),
            '+' if !quoted => return Err(wrong("has a +, which joins two names into one; write \\+ for the sign")),
            next if next.is_control() => return Err(wrong("has a control character")),
            next => part.push((next, quoted)),
        }
    }
    if quoted {
        return Err(wrong("has a quote that does not end"));
    }
    parts.push(part);
    Ok(parts)
}

fn pair(part: &Part) -> Result<(&'static Attribute, String), NotASubject> {
    let typed: String = part.iter().map(|(letter, _)| *letter).collect();
    let at = part.iter().position(|&(letter, escaped)| letter == '=' && !escaped);
    let Some(at) = at else { return Err(wrong(format!("has a part without =: '{}'", typed.trim()))) };
    let name: String = part.iter().take(at).map(|(letter, _)| *letter).collect();
    let name = name.trim();
    let Some(known) = ATTRIBUTES.iter().find(|known| known.names.iter().any(|it| it.eq_ignore_ascii_case(name))) else {
        let all: Vec<&str> = ATTRIBUTES.iter().filter_map(|known| known.names.first().copied()).collect();
        return Err(wrong(format!("has '{name}', which is none of {}", all.join(", "))));
    };
    let value = trimmed(part.get(at + 1..).unwrap_or_default());
    check(known, name, &value)?;
    Ok((known, value))
}

/// Without blanks at the ends that were not escaped.
fn trimmed(mut value: &[(char, bool)]) -> String {
    while let [(' ', false), rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., (' ', false)] = value {
        value = rest;
    }
    value.iter().map(|(letter, _)| *letter).collect()
}

fn check(known: &Attribute, name: &str, value: &str) -> Result<(), NotASubject> {
    let length = value.chars().count();
    if length == 0 {
        return Err(wrong(format!("has an empty {name}")));
    }
    if length > known.most {
        return Err(wrong(format!("has a {name} of {length} characters; {} are allowed", known.most)));
    }
    if known.names == ["C"] && !(length == 2 && value.chars().all(|letter| letter.is_ascii_uppercase())) {
        return Err(wrong("has a C that is no country of two capital letters, such as KZ"));
    }
    match typed(known.alphabet, value) {
        Some(_) => Ok(()),
        None => Err(wrong(format!("has a {name} with letters that may not stand in it"))),
    }
}

fn typed(alphabet: Alphabet, value: &str) -> Option<DnValue> {
    match alphabet {
        Alphabet::Any => Some(DnValue::Utf8String(value.to_owned())),
        Alphabet::Printable => PrintableString::try_from(value).ok().map(DnValue::PrintableString),
        Alphabet::Ascii => Ia5String::try_from(value).ok().map(DnValue::Ia5String),
    }
}

impl Subject {
    pub(super) fn into_name(self) -> DistinguishedName {
        let mut name = DistinguishedName::new();
        for (attribute, value) in self.0 {
            if let Some(value) = typed(attribute.alphabet, &value) {
                name.push(DnType::from_oid(attribute.oid), value);
            }
        }
        name
    }
}
