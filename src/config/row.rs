//! What a row of the table of settings is, and what follows from it ([`settings!`]): the section's type, how it is read
//! from the file, judged and defaulted, what a reload has changed, and what a report for support tells.

use std::path::Path;

use serde::de::{Deserialize, DeserializeOwned};
use serde_json::Value;
use toml::de::ValueDeserializer;

use super::error::ConfigError;

/// A type that a setting may have: how the file writes it, and what may be told of it.
pub trait Setting: Sized {
    /// What TOML has to be for it. Anything else is refused with its line.
    type Written: DeserializeOwned;
    /// What to write, in words.
    const KIND: &'static str;
    /// What its range counts, where the type alone says it.
    const UNIT: &'static str = "";

    /// Judges what is written; relative paths begin at `folder`.
    ///
    /// # Errors
    /// What to write instead.
    fn read(written: Self::Written, folder: &Path) -> Result<Self, String>;

    /// What it is where the file says nothing and the row has no default; `None` where it must be written.
    fn absent() -> Option<Self> {
        None
    }

    /// What the row's default comes to on this machine.
    #[must_use]
    fn by_default(self) -> Self {
        self
    }

    /// What its range bounds, in whole units; `None` where there is nothing to bound.
    fn measure(&self) -> Option<u64> {
        None
    }

    /// What a report for support tells: never a path, nor the name of a person.
    fn reported(&self) -> Value;
}

/// One setting, without its type. The methods behind [`SettingRow::new`] are the clauses that a row of the table may
/// have behind its default.
#[derive(Clone, Copy, Debug)]
pub struct SettingRow {
    /// `[section]` in the file.
    pub section: &'static str,
    /// Its name there.
    pub key: &'static str,
    /// What to write, in words.
    pub kind: &'static str,
    /// What it is for, one line of Markdown each.
    pub words: &'static [&'static str],
    /// As TOML; without one it is required, or may be left out by its type.
    pub default: Option<&'static str>,
    /// The smallest that can be meant, in units.
    pub least: u64,
    /// The largest that can be meant, in units.
    pub most: u64,
    /// What its range counts.
    pub unit: &'static str,
    /// What the shipped file shows instead of the default.
    pub example: Option<&'static str>,
    /// Only a restart changes it.
    pub at_start: bool,
}

impl SettingRow {
    /// A row of that type without any clause.
    #[must_use]
    pub const fn new<T: Setting>(
        section: &'static str,
        key: &'static str,
        words: &'static [&'static str],
        default: Option<&'static str>,
    ) -> Self {
        let (kind, unit) = (T::KIND, T::UNIT);
        Self { section, key, kind, words, default, least: 0, most: u64::MAX, unit, example: None, at_start: false }
    }

    /// Less than this is refused.
    #[must_use]
    pub const fn from(self, least: u64) -> Self {
        Self { least, ..self }
    }

    /// More than this is refused.
    #[must_use]
    pub const fn to(self, most: u64) -> Self {
        Self { most, ..self }
    }

    /// What is counted, for people.
    #[must_use]
    pub const fn unit(self, unit: &'static str) -> Self {
        Self { unit, ..self }
    }

    /// The shipped file shows this instead of the default.
    #[must_use]
    pub const fn example(self, example: &'static str) -> Self {
        Self { example: Some(example), ..self }
    }

    /// A reload leaves it as it was and asks for a restart.
    #[must_use]
    pub const fn at_start(self) -> Self {
        Self { at_start: true, ..self }
    }

    /// What can be meant, for people; empty where nothing is bounded.
    #[must_use]
    pub fn range(&self) -> String {
        let unit = match self.unit {
            "s" => "s".to_owned(),
            "" => String::new(),
            unit => format!(" ({unit})"),
        };
        match (self.least, self.most) {
            (0, u64::MAX) => String::new(),
            (least, u64::MAX) => format!("at least {least}{unit}"),
            (least, most) if self.unit == "s" => format!("from {least}s to {most}s"),
            (least, most) => format!("from {least} to {most}{unit}"),
        }
    }

    /// The value of this setting: as it is written, else its default.
    pub(super) fn read<T: Setting>(&self, written: Option<T::Written>, path: &Path) -> Result<T, ConfigError> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let read = match (written, self.default) {
            (Some(written), _) => T::read(written, folder),
            (None, Some(default)) => literal::<T>(default, folder).map(T::by_default),
            (None, None) => T::absent().ok_or_else(|| "must be written in this section".to_owned()),
        };
        let value = read.map_err(|message| self.wrong(path, &message))?;
        match value.measure() {
            Some(measure) if measure < self.least || measure > self.most => {
                Err(self.wrong(path, &format!("must be {}", self.range())))
            }
            _ => Ok(value),
        }
    }

    /// A value that cannot be meant.
    pub(super) fn wrong(&self, path: &Path, message: &str) -> ConfigError {
        ConfigError::Judged { path: path.to_owned(), section: self.section, key: self.key, message: message.to_owned() }
    }
}

/// A default, read as if it stood in the file.
fn literal<T: Setting>(default: &str, folder: &Path) -> Result<T, String> {
    let written = ValueDeserializer::parse(default).and_then(T::Written::deserialize);
    T::read(written.map_err(|error| error.to_string())?, folder)
}

/// A section of the file.
#[derive(Clone, Copy, Debug)]
pub struct SectionRows {
    /// Its name.
    pub name: &'static str,
    /// What holds for all of it, one line of Markdown each.
    pub about: &'static [&'static str],
    /// It is left out as a whole, or written.
    pub optional: bool,
    /// Its settings, in the order of the file.
    pub rows: &'static [SettingRow],
}

/// What several files write of one thing, the last word last.
pub(super) type Layers<'f, W> = Vec<(W, &'f Path)>;

/// The last word on one setting, and the file it stands in; `first` where there is none.
pub(super) fn last_word<'f, W, T>(
    layers: &mut Layers<'f, W>,
    first: &'f Path,
    take: impl Fn(&mut W) -> Option<T>,
) -> (Option<T>, &'f Path) {
    let word = layers.iter_mut().rev().find_map(|(written, path)| Some((take(written)?, *path)));
    word.map_or((None, first), |(word, path)| (Some(word), path))
}

/// The values of a section.
pub(super) trait Section: Sized {
    /// As serde reads it.
    type Written: Default;
    /// Its settings, in the order of the file.
    const ROWS: &'static [SettingRow];

    /// `first` is the file that is asked for by name.
    fn read<'f>(layers: Layers<'f, Self::Written>, first: &'f Path) -> Result<Self, ConfigError>;

    /// The settings that are not the same in both.
    fn differing(&self, other: &Self) -> Vec<&'static SettingRow>;

    /// Takes over what only a start decides.
    fn keep_started(&mut self, running: &Self);

    fn reported(&self) -> Value;
}

/// A section that may be left out has no values then.
impl<S: Section + Clone> Section for Option<S> {
    type Written = S::Written;
    const ROWS: &'static [SettingRow] = S::ROWS;

    fn read<'f>(layers: Layers<'f, S::Written>, first: &'f Path) -> Result<Self, ConfigError> {
        (!layers.is_empty()).then(|| S::read(layers, first)).transpose()
    }

    fn differing(&self, other: &Self) -> Vec<&'static SettingRow> {
        match (self, other) {
            (Some(own), Some(other)) => own.differing(other),
            (None, None) => Vec::new(),
            // It came or went as a whole, and any row names it.
            _ => Self::ROWS.iter().take(1).collect(),
        }
    }

    fn keep_started(&mut self, running: &Self) {
        if let (Some(own), Some(running)) = (self, running) {
            own.keep_started(running);
        }
    }

    fn reported(&self) -> Value {
        self.as_ref().map_or(Value::Null, S::reported)
    }
}

/// The table: `[section] Type { rows }`, where `as Option` is a section that may be left out as a whole. A row is
///
/// ```text
/// /// What it is for, in Markdown, for the shipped file and the manual.
/// key: Type = default as TOML writes it, clause(), clause();
/// ```
///
/// and its clauses are the methods of [`SettingRow`]. From it come a struct for each section with a typed field for each
/// row, [`Configuration`](super::Configuration) with a field for each section, and `SECTIONS`.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        [$section:ident] $Section:ident $(as $Option:ident)? { $(
            $(#[doc = $words:literal])+
            $key:ident: $type:ty $(= $default:tt)? $(, $clause:ident($($argument:literal),*))*;
        )+ }
    )+) => {
        /// The sections as they are written: what is not there is `None`, and what is not known is refused.
        pub(super) mod written {
            use super::*;

            #[derive(Default, serde::Deserialize)]
            #[serde(deny_unknown_fields, default)]
            pub(in crate::config) struct File {
                $(pub(in crate::config) $section: Option<$Section>,)+
            }

            $(
                #[derive(Default, serde::Deserialize)]
                #[serde(deny_unknown_fields, default)]
                pub(in crate::config) struct $Section {
                    $(pub(in crate::config) $key: Option<<$type as Setting>::Written>,)+
                }
            )+
        }

        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, PartialEq, Eq)]
            pub struct $Section {
                $($(#[doc = $words])+ pub $key: $type,)+
            }

            #[allow(non_upper_case_globals, reason = "a row has the name of its setting")]
            impl $Section {
                $(pub(super) const $key: SettingRow = SettingRow::new::<$type>(
                    stringify!($section),
                    stringify!($key),
                    &[$($words),+],
                    settings!(@default $($default)?),
                )$(.$clause($($argument),*))*;)+
            }

            impl Section for $Section {
                type Written = written::$Section;
                const ROWS: &'static [SettingRow] = &[$(Self::$key),+];

                fn read<'f>(mut layers: Layers<'f, Self::Written>, first: &'f Path) -> Result<Self, ConfigError> {
                    Ok(Self { $($key: {
                        let (written, path) = last_word(&mut layers, first, |layer| layer.$key.take());
                        Self::$key.read(written, path)?
                    },)+ })
                }

                fn differing(&self, other: &Self) -> Vec<&'static SettingRow> {
                    let differs = [$(self.$key != other.$key),+];
                    Self::ROWS.iter().zip(differs).filter_map(|(row, differs)| differs.then_some(row)).collect()
                }

                fn keep_started(&mut self, running: &Self) {
                    $(if Self::$key.at_start {
                        self.$key.clone_from(&running.$key);
                    })+
                }

                fn reported(&self) -> Value {
                    Value::from_iter([$((stringify!($key), self.$key.reported())),+])
                }
            }
        )+

        /// A configuration that has passed every check that needs no bank.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Configuration {
            $($(#[doc = $about])+ pub $section: settings!(@held $Section $($Option)?),)+
        }

        impl Configuration {
            /// Judges each setting by its own row.
            pub(super) fn of<'f>(mut files: Layers<'f, written::File>, first: &'f Path) -> Result<Self, ConfigError> {
                Ok(Self { $($section: {
                    let layers = files.iter_mut().filter_map(|(file, path)| Some((file.$section.take()?, *path)));
                    Section::read(layers.collect(), first)?
                },)+ })
            }

            /// The settings that are not the same in both.
            #[must_use]
            pub fn differing(&self, other: &Self) -> Vec<&'static SettingRow> {
                [$(self.$section.differing(&other.$section)),+].concat()
            }

            /// Takes over from the running one what only a start decides.
            pub fn keep_started(&mut self, running: &Self) {
                $(self.$section.keep_started(&running.$section);)+
            }

            /// What a report for support tells of each setting, by section and key.
            #[must_use]
            pub fn reported(&self) -> Value {
                Value::from_iter([$((stringify!($section), self.$section.reported())),+])
            }
        }

        /// All settings, in the order of the file.
        pub static SECTIONS: &[SectionRows] = &[
            $(SectionRows {
                name: stringify!($section),
                about: &[$($about),+],
                optional: !stringify!($($Option)?).is_empty(),
                rows: <$Section as Section>::ROWS,
            },)+
        ];
    };
    (@default) => { None };
    (@default $default:tt) => { Some(stringify!($default)) };
    (@held $Section:ident) => { $Section };
    (@held $Section:ident Option) => { Option<$Section> };
}

pub(super) use settings;
