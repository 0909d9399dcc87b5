//! The types that a setting may have.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::row::Setting;
use crate::domain::{Dialect, words};
use crate::id::{BankUrl, NotAnId, OrganizationBin, ShopId};
use crate::moment::{Span, zone};
use crate::money::Amount;

/// Types that the file holds as they are.
macro_rules! as_written {
    ($($type:ty: $kind:literal, $measure:expr;)+) => {$(
        impl Setting for $type {
            type Written = Self;
            const KIND: &'static str = $kind;

            fn read(written: Self, _: &Path) -> Result<Self, String> {
                Ok(written)
            }

            fn measure(&self) -> Option<u64> {
                let measure: fn(Self) -> Option<u64> = $measure;
                measure(*self)
            }

            fn reported(&self) -> Value {
                json!(self)
            }
        }
    )+};
}

as_written! {
    bool: "`true` or `false`", |_| None;
    u32: "whole number", |number| Some(number.into());
    usize: "whole number", |number| u64::try_from(number).ok();
    Amount: "whole tiyn", |amount| Some(amount.tiyn());
    PhonePrefix: "`\"7\"` or `\"8\"`", |_| None;
    Supersede: "`\"pay\"` or `\"admin\"`", |_| None;
}

words! {
    /// The digit before a customer's ten.
    PhonePrefix {
        /// As in +7.
        Seven = "7",
        /// As people dial.
        Eight = "8",
    }
}

impl PhonePrefix {
    /// As it is put before a number.
    #[must_use]
    pub fn digit(self) -> char {
        match self {
            Self::Seven => '7',
            Self::Eight => '8',
        }
    }
}

words! {
    /// Who may replace a payment of unknown outcome by a new one.
    Supersede {
        /// Whoever may take payments.
        Pay = "pay",
        /// Only an admin.
        Admin = "admin",
    }
}

/// A file or folder; a relative path begins at the file that names it.
impl Setting for PathBuf {
    type Written = PathBuf;
    const KIND: &'static str = "path";

    fn read(written: PathBuf, folder: &Path) -> Result<Self, String> {
        Ok(folder.join(written))
    }

    /// A path may name a person.
    fn reported(&self) -> Value {
        json!("[a path]")
    }
}

/// A file that need not be there. One that only the default names is taken where it exists.
impl Setting for Option<PathBuf> {
    type Written = PathBuf;
    const KIND: &'static str = "path";

    fn read(written: PathBuf, folder: &Path) -> Result<Self, String> {
        PathBuf::read(written, folder).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    fn by_default(self) -> Self {
        self.filter(|file| file.exists())
    }

    fn reported(&self) -> Value {
        self.as_ref().map_or(Value::Null, Setting::reported)
    }
}

impl Setting for TimeZone {
    type Written = String;
    const KIND: &'static str = "name of a time zone";

    fn read(written: String, _: &Path) -> Result<Self, String> {
        let none = "no such zone on this machine; write a name such as \"Asia/Almaty\" (package tzdata)";
        zone(&written).ok_or_else(|| none.to_owned())
    }

    fn reported(&self) -> Value {
        json!(self.iana_name())
    }
}

impl Setting for BankUrl {
    type Written = String;
    const KIND: &'static str = "address";

    fn read(written: String, _: &Path) -> Result<Self, String> {
        written.parse().map_err(|not: NotAnId| not.to_string())
    }

    fn reported(&self) -> Value {
        json!(self.as_str())
    }
}

impl Setting for Vec<BankUrl> {
    type Written = Vec<String>;
    const KIND: &'static str = "list of addresses";

    fn read(written: Vec<String>, folder: &Path) -> Result<Self, String> {
        written.into_iter().map(|url| BankUrl::read(url, folder)).collect()
    }

    fn reported(&self) -> Value {
        self.iter().map(Setting::reported).collect()
    }
}

/// What the file may say of the dialect.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialectChoice {
    /// Learned for each organisation.
    Auto,
    /// Fixed.
    Bank,
    /// Fixed.
    Guide,
}

/// `None` is learned from the trade-point answer of each organisation.
impl Setting for Option<Dialect> {
    type Written = DialectChoice;
    const KIND: &'static str = "`\"auto\"`, `\"bank\"` or `\"guide\"`";

    fn read(written: DialectChoice, _: &Path) -> Result<Self, String> {
        Ok(match written {
            DialectChoice::Auto => None,
            DialectChoice::Bank => Some(Dialect::Bank),
            DialectChoice::Guide => Some(Dialect::Guide),
        })
    }

    fn reported(&self) -> Value {
        json!(self.map_or("auto", Dialect::word))
    }
}

/// `v01`, `v02` …: the version of the status call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusVersion(String);

impl fmt::Display for StatusVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Setting for StatusVersion {
    type Written = String;
    const KIND: &'static str = "`\"v01\"`, `\"v02\"` or a later one";

    fn read(written: String, _: &Path) -> Result<Self, String> {
        let digits = written.strip_prefix('v').unwrap_or_default();
        match digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit()) {
            true => Ok(Self(written)),
            false => Err("write \"v01\", \"v02\" or a later one".to_owned()),
        }
    }

    fn reported(&self) -> Value {
        json!(self.0)
    }
}

impl Setting for Duration {
    type Written = Span;
    const KIND: &'static str = "time";
    const UNIT: &'static str = "s";

    fn read(written: Span, _: &Path) -> Result<Self, String> {
        Ok(written.duration())
    }

    fn measure(&self) -> Option<u64> {
        Some(self.as_secs())
    }

    fn reported(&self) -> Value {
        json!(Span::from_duration(*self))
    }
}

/// A list of times, or a word for none.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a list such as [\"10m\", \"30m\", \"1h\"], or \"off\"")]
pub enum Times {
    /// `off`, or a mistake.
    Word(String),
    /// The list.
    List(Vec<Span>),
}

/// Each of them is bounded by the range; there are none where the file says `off`.
impl Setting for Vec<Duration> {
    type Written = Times;
    const KIND: &'static str = "list of times, or `\"off\"`";
    const UNIT: &'static str = "s";

    fn read(written: Times, _: &Path) -> Result<Self, String> {
        match written {
            Times::Word(word) if word == "off" => Ok(Vec::new()),
            Times::Word(_) => Err("write a list such as [\"10m\", \"30m\", \"1h\"], or \"off\"".to_owned()),
            Times::List(times) => Ok(times.into_iter().map(Span::duration).collect()),
        }
    }

    fn measure(&self) -> Option<u64> {
        self.iter().min().map(Duration::as_secs)
    }

    fn reported(&self) -> Value {
        match self.is_empty() {
            true => json!("off"),
            false => self.iter().map(Setting::reported).collect(),
        }
    }
}

/// A user or `@group` as it may be written; whether there is one is not asked here.
fn is_name(text: &str) -> bool {
    let name = text.strip_prefix('@').unwrap_or(text);
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || "!@:,".contains(c))
}

/// Users and `@groups`.
impl Setting for Vec<String> {
    type Written = Vec<String>;
    const KIND: &'static str = "list of users and `@groups`";

    fn read(written: Vec<String>, _: &Path) -> Result<Self, String> {
        match written.iter().find(|name| !is_name(name.strip_prefix('!').unwrap_or(name))) {
            // A name that takes a right away must not fail open by a slip of the pen.
            Some(wrong) => {
                Err(format!("{wrong:?} is not a name: write \"user\", \"@group\", or one of them behind a !"))
            }
            None => Ok(written),
        }
    }

    /// Groups are named and users are counted.
    fn reported(&self) -> Value {
        let (groups, users): (Vec<_>, Vec<_>) = self.iter().partition(|name| name.starts_with('@'));
        json!({ "groups": groups, "users": users.len() })
    }
}

/// One `[[access.shop]]`: what a user or group sees and may use, whatever rights it has. Who is in several
/// has all of them together; who is in none is not narrowed; root never is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShopRule {
    /// A user or `@group`.
    pub who: String,
    /// Only these shops; all if left out.
    pub shops: Option<Vec<ShopId>>,
    /// Only these organisations; all if left out.
    pub bins: Option<Vec<OrganizationBin>>,
}

impl Setting for Vec<ShopRule> {
    type Written = Vec<ShopRule>;
    const KIND: &'static str = "a table for each";

    fn read(written: Vec<ShopRule>, _: &Path) -> Result<Self, String> {
        match written.iter().find(|rule| !is_name(&rule.who)) {
            Some(ShopRule { who, .. }) => Err(format!("who = {who:?} is not a name: write \"user\" or \"@group\"")),
            None => Ok(written),
        }
    }

    /// How many there are: they name people and organisations.
    fn reported(&self) -> Value {
        json!(self.len())
    }
}
