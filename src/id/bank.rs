//! The bank's address: what tells one bank from another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{NotAnId, not};

/// The longest host name there is, a port, and the scheme before them.
const LONGEST: usize = 300;

/// `https://HOST` or `https://HOST:PORT`, in one way of writing: the host in lower case, no default port, nothing
/// behind it. Whoever stands at another address is another bank: numbers and tokens of one mean nothing to the other,
/// or something else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "StoredUrl", into = "StoredUrl")]
pub struct BankUrl(String);

/// As it is kept with each payment: without what all have.
#[derive(Serialize, Deserialize)]
struct StoredUrl(String);

const SCHEME: &str = "https://";

impl BankUrl {
    /// As text, to connect to and to show.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BankUrl {
    type Err = NotAnId;

    fn from_str(text: &str) -> Result<Self, NotAnId> {
        let wrong = || not("write https://HOST or https://HOST:PORT and nothing behind it; the call's path is added");
        let lower = text.trim_end_matches('/').to_ascii_lowercase();
        let authority = lower.strip_prefix(SCHEME).filter(|_| lower.len() <= LONGEST).ok_or_else(wrong)?;
        let (host, port) = split(authority).ok_or_else(wrong)?;
        // The dot of a full name says nothing else.
        let host = host.strip_suffix('.').unwrap_or(host);
        // No label is empty: what is read once more, as from the state, is the same.
        let is_named = host
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)));
        let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let is_address = bracketed.is_some_and(|address| address.parse::<std::net::Ipv6Addr>().is_ok());
        match (is_named || is_address, port) {
            (true, None | Some(443)) => Ok(Self(format!("{SCHEME}{host}"))),
            (true, Some(port)) => Ok(Self(format!("{SCHEME}{host}:{port}"))),
            (false, _) => Err(wrong()),
        }
    }
}

/// Host and port; `None` where what stands for the port is none.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    match authority.rsplit_once(':') {
        // The colons of an IPv6 address stand inside of its brackets.
        Some((host, port)) if !port.contains(']') => {
            let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            Some((host, Some(port.parse().ok().filter(|port| digits && *port > 0)?)))
        }
        _ => Some((authority, None)),
    }
}

impl TryFrom<StoredUrl> for BankUrl {
    type Error = NotAnId;

    fn try_from(StoredUrl(rest): StoredUrl) -> Result<Self, NotAnId> {
        format!("{SCHEME}{rest}").parse()
    }
}

impl From<BankUrl> for StoredUrl {
    fn from(url: BankUrl) -> Self {
        Self(url.0.trim_start_matches(SCHEME).to_owned())
    }
}

impl fmt::Display for BankUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The bank we speak to, and the addresses it had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OurBank {
    /// Where it is.
    pub url: BankUrl,
    /// Where it was: a person's word that it is the same bank.
    pub formerly: Vec<BankUrl>,
}

impl OurBank {
    /// Whether what is of the bank at `url` is of this one. The only comparison of two banks.
    #[must_use]
    pub fn is(&self, url: &BankUrl) -> bool {
        *url == self.url || self.formerly.contains(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two ways of writing one address are one bank, and two addresses are two.
    #[test]
    fn one_bank_however_it_is_written() {
        let url = |text: &str| text.parse::<BankUrl>().map(|url| url.to_string()).ok();
        for (text, one) in [
            ("https://qrapi-cert-ip.kaspi.kz", "https://qrapi-cert-ip.kaspi.kz"),
            ("https://QRAPI-cert-ip.Kaspi.kz:443/", "https://qrapi-cert-ip.kaspi.kz"),
            ("HTTPS://kaspi.kz.:8545", "https://kaspi.kz:8545"),
            ("https://127.0.0.1:08545//", "https://127.0.0.1:8545"),
            ("https://[::1]:443", "https://[::1]"),
            ("https://[::1]:1", "https://[::1]:1"),
        ] {
            assert_eq!(url(text).as_deref(), Some(one), "{text}");
            let url: BankUrl = text.parse().unwrap();
            let stored = postcard::to_allocvec(&url).unwrap();
            assert_eq!(postcard::from_bytes(&stored), Ok(url), "{text}");
        }
        for text in [
            "",
            "https://",
            "http://kaspi.kz",
            "kaspi.kz",
            "https://kaspi.kz/r3",
            "https://kaspi.kz?a",
            "https://a@kaspi.kz",
            "https://kaspi.kz:",
            "https://kaspi.kz:0",
            "https://kaspi.kz:99999",
            "https://kaspi.kz:+1",
            "https://ka spi.kz",
            "https://[::1",
            "https://[::1]]",
            "https://kaspi.kz..",
            "https://kaspi..kz",
            "https://.",
            "https://каспи.kz",
        ] {
            assert_eq!(url(text), None, "{text}");
        }
    }
}
