//! JSON objects one after the other, on a line each or on many, or in a list. Numbers keep their digits.

use std::fmt;
use std::io::Read;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::bytes::{self, Bytes};
use super::{ROW, Unreadable};

const NO_OBJECT: &str = "it is not a JSON object of texts, numbers, booleans and nulls";

/// The line and the text of an object.
type ObjectText = (u64, Zeroizing<Vec<u8>>);

/// Reads the texts of objects one by one.
pub(super) struct Objects<R> {
    bytes: Bytes<R>,
    list: bool,
    /// In a list, behind its first object.
    is_begun: bool,
    is_over: bool,
}

impl<R: Read> Objects<R> {
    pub(super) fn new(reader: R, list: bool) -> Result<Self, Unreadable> {
        Ok(Self { bytes: Bytes::begin(reader, b'\n')?, list, is_begun: false, is_over: false })
    }

    /// The line and the text of the next object. Behind an error there may be more, unless the file is not whole.
    pub(super) fn next(&mut self) -> Result<Option<ObjectText>, Unreadable> {
        if self.is_over {
            return Ok(None);
        }
        if self.list && !std::mem::replace(&mut self.is_begun, true) {
            self.space()?;
            self.bytes.next()?;
        }
        loop {
            self.space()?;
            match self.bytes.peek()? {
                Some(b'{') => return self.object().map(Some),
                // Between two objects of a list; a needless one hurts nobody.
                Some(b',') if self.list => drop(self.bytes.next()?),
                Some(b']') if self.list => return self.end(),
                None if self.list => return self.broken("the list has no end: the file is not whole"),
                None => return Ok(None),
                Some(_) => return self.stranger(),
            }
        }
    }

    fn space(&mut self) -> Result<(), Unreadable> {
        while self.bytes.peek()?.is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.bytes.next()?;
        }
        Ok(())
    }

    fn broken<T>(&mut self, why: &str) -> Result<T, Unreadable> {
        self.is_over = true;
        Err(Unreadable::at(self.bytes.line, why))
    }

    fn end<T>(&mut self) -> Result<Option<T>, Unreadable> {
        self.bytes.next()?;
        self.space()?;
        self.is_over = true;
        match self.bytes.peek()? {
            None => Ok(None),
            Some(_) => self.broken("something follows behind the end of the list"),
        }
    }

    /// What is no object, up to the end of its line.
    fn stranger<T>(&mut self) -> Result<T, Unreadable> {
        let line = self.bytes.line;
        while self.bytes.peek()?.is_some() && self.bytes.line == line {
            self.bytes.next()?;
        }
        Err(Unreadable::at(line, NO_OBJECT))
    }

    fn object(&mut self) -> Result<ObjectText, Unreadable> {
        let line = self.bytes.line;
        let mut text = Zeroizing::new(Vec::new());
        let (mut depth, mut in_text, mut is_escaped) = (0_u32, false, false);
        while let Some(byte) = self.bytes.next()? {
            if text.len() == ROW {
                self.is_over = true;
                return Err(Unreadable::at(line, format!("a row has at most {ROW} bytes; what follows was not read")));
            }
            bytes::push(&mut text, byte);
            match byte {
                _ if is_escaped => is_escaped = false,
                b'\\' => is_escaped = in_text,
                b'"' => in_text = !in_text,
                b'{' if !in_text => depth += 1,
                b'}' if !in_text => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                return Ok((line, text));
            }
        }
        self.is_over = true;
        Err(Unreadable::at(line, "the object that begins here has no end: the file is not whole"))
    }
}

/// A name and its value; none where it is null or empty.
pub(super) type Pair = (String, Value);

/// What stands behind a name.
pub(super) enum Value {
    /// There is none.
    None,
    /// A text, a number or a truth as text.
    Text(Zeroizing<String>),
    /// A list or an object, of which nothing that is wanted is one.
    Nested,
}

/// The names and values of an object in their order.
pub(super) fn pairs(line: u64, text: &[u8]) -> Result<Vec<Pair>, Unreadable> {
    let read = || serde_json::from_str::<Pairs>(std::str::from_utf8(text).ok()?).ok();
    read().map(|pairs| pairs.0).ok_or_else(|| Unreadable::at(line, NO_OBJECT))
}

struct Pairs(Vec<Pair>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor;

        impl<'de> Visitor<'de> for ObjectVisitor {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some((name, raw)) = map.next_entry::<String, &RawValue>()? {
                    pairs.push((name, value(raw.get())));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(ObjectVisitor)
    }
}

/// A value as a database would write it as text.
fn value(raw: &str) -> Value {
    match raw.bytes().next() {
        Some(b'"') => match serde_json::from_str::<String>(raw).map(Zeroizing::new) {
            Ok(text) if !text.is_empty() => Value::Text(text),
            _ => Value::None,
        },
        Some(b'n') | None => Value::None,
        Some(b'{' | b'[') => Value::Nested,
        Some(_) => Value::Text(Zeroizing::new(raw.to_owned())),
    }
}
