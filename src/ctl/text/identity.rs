//! The key and certificate, for people.

use super::table::Fields;
use crate::ctl::when::Person;
use crate::operation::{CertificateRequest, Identity, IdentityTaken};

/// Whose it is and how long it lives.
pub(super) fn one(identity: &Identity, reader: &Person) -> String {
    let mut fields = Fields::default();
    fields.add("subject", &identity.subject);
    life(&mut fields, identity, reader);
    fields.add("key sealed to this machine", if identity.sealed { "yes" } else { "no" });
    if identity.key_waits {
        fields.add("another key waits", "for its certificate; when it comes: kaspictl identity install CERT");
    }
    fields.print()
}

fn life(fields: &mut Fields, identity: &Identity, reader: &Person) {
    match identity.no_end {
        true => fields.add("valid until", "no end"),
        false => {
            let at = identity.not_after;
            fields
                .add("valid until", format!("{} ({})", reader.show(at), reader.offset(at)))
                .add("days left", identity.days_left)
        }
    };
}

/// What is in use from now on.
pub(super) fn taken(taken: &IdentityTaken, reader: &Person) -> String {
    let mut fields = Fields::default();
    fields.add("in use now", &taken.identity.subject);
    life(&mut fields, &taken.identity, reader);
    fields.maybe("the bank", taken.bank.as_ref());
    if let Some(before) = &taken.before {
        let until = if before.no_end { "without an end".to_owned() } else { before.end_day() };
        fields.add("before", format!("{}, until {until}", before.subject));
    }
    fields.print()
}

/// What to do with a request.
pub(super) fn next(request: &CertificateRequest) -> String {
    let made = match request.made {
        true => "The key was made and stays in the daemon. Send this request to the bank",
        false => "This is the request that waits; send it to the bank",
    };
    format!("{made};\nwhen its certificate comes: kaspictl identity install CERT")
}

/// What was not proven, and what is left of another beginning.
pub(super) fn besides(taken: &IdentityTaken) -> Option<String> {
    let unasked =
        taken.bank.is_none().then_some("The bank was not asked: look whether it takes them with kaspictl doctor");
    let waits = taken
        .identity
        .key_waits
        .then_some("Another key still waits for its certificate; when it comes: kaspictl identity install CERT");
    let said: Vec<&str> = [unasked, waits].into_iter().flatten().collect();
    (!said.is_empty()).then(|| said.join("\n"))
}
