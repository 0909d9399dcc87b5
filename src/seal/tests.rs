//! What is sealed opens with its seal and at its place, and nowhere else.

use std::path::Path;

use super::{Seal, SealTrouble, Seals};

fn seal(secret: &[u8]) -> Seal {
    Seal::from_secret(secret, Path::new("kaspid.seal")).unwrap()
}

#[test]
fn a_value_opens_with_its_seal_at_its_place_only() {
    let (ours, other) = (seal(&[7; 32]), seal(&[8; 32]));
    let sealed = ours.seal("device\0a\0b", b"a-token").unwrap();
    assert_eq!(ours.open("device\0a\0b", &sealed).unwrap().as_slice(), b"a-token");
    assert!(matches!(ours.open("device\0a\0c", &sealed), Err(SealTrouble::Damaged)));
    assert!(matches!(other.open("device\0a\0b", &sealed), Err(SealTrouble::Other(id)) if id == ours.id()));
    assert!(!sealed.windows(7).any(|window| window == b"a-token"));
    // The same value is never the same bytes.
    assert_ne!(sealed, ours.seal("device\0a\0b", b"a-token").unwrap());
}

#[test]
fn every_bit_of_a_sealed_value_counts() {
    let ours = seal(&[7; 32]);
    let sealed = ours.seal("identity", b"key and chain").unwrap();
    for place in 0..sealed.len() {
        let mut bent = sealed.clone();
        bent[place] ^= 1;
        assert!(ours.open("identity", &bent).is_err(), "byte {place}");
        assert!(ours.open("identity", &sealed[..place]).is_err(), "cut at {place}");
    }
}

#[test]
fn a_secret_that_could_be_guessed_is_no_seal() {
    let dir = tempfile::tempdir().unwrap();
    for secret in [vec![], vec![1; 15], vec![1; 4097]] {
        std::fs::write(dir.path().join("kaspid.seal"), secret).unwrap();
        assert!(matches!(Seals::within(dir.path()), Err(SealTrouble::Length(_))));
    }
}

#[test]
fn a_file_is_wrapped_anew_when_the_seal_changed() {
    let dir = tempfile::tempdir().unwrap();
    let seals = |names: &[(&str, u8)]| {
        let _ = std::fs::remove_file(dir.path().join("kaspid.seal"));
        let _ = std::fs::remove_file(dir.path().join("kaspid.seal.old"));
        for (name, byte) in names {
            std::fs::write(dir.path().join(name), [*byte; 32]).unwrap();
        }
        Seals::within(dir.path()).unwrap()
    };
    let (plain, first) = (seals(&[]), seals(&[("kaspid.seal", 1)]));
    let lies_plain = plain.wrap("identity", b"pem").unwrap();
    assert_eq!(lies_plain.as_slice(), b"pem");
    assert_eq!(first.unwrap("identity", &lies_plain).unwrap(), (b"pem".to_vec().into(), true));

    let sealed = first.wrap("identity", b"pem").unwrap();
    assert_eq!(first.unwrap("identity", &sealed).unwrap(), (b"pem".to_vec().into(), false));
    assert!(matches!(plain.unwrap("identity", &sealed), Err(SealTrouble::Missing(_))));
    assert!(matches!(seals(&[("kaspid.seal", 2)]).unwrap("identity", &sealed), Err(SealTrouble::Other(_))));
    let changing = seals(&[("kaspid.seal", 2), ("kaspid.seal.old", 1)]);
    assert_eq!(changing.unwrap("identity", &sealed).unwrap(), (b"pem".to_vec().into(), true));
    let unsealing = seals(&[("kaspid.seal.old", 1)]);
    assert_eq!(unsealing.unwrap("identity", &sealed).unwrap(), (b"pem".to_vec().into(), true));
    assert_eq!(unsealing.wrap("identity", b"pem").unwrap().as_slice(), b"pem");
}
