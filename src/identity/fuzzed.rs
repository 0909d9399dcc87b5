//! Keys and certificates of bytes, for fuzzing: each is read or refused, whatever it claims of itself.

use super::{Handed, Staged};

/// The first byte says whether a passphrase is given, and where the key ends and the certificate begins.
pub fn identity(bytes: &[u8]) {
    let [how, at, rest @ ..] = bytes else { return };
    let passphrase = (how & 1 == 1).then_some(b"secret".as_slice());
    let file = Handed { name: "file", bytes: rest };
    let _ = Staged::read(file, file, passphrase);
    let (key, certificate) = rest.split_at((usize::from(*at) * 8).min(rest.len()));
    let read = Staged::read(
        Handed { name: "key", bytes: key },
        Handed { name: "certificate", bytes: certificate },
        passphrase,
    );
    if let Ok(staged) = read {
        // What is kept reads as the same.
        let kept = staged.to_pem();
        let file = Handed { name: "kept", bytes: &kept };
        assert!(Staged::read(file, file, None).is_ok(), "what would be kept cannot be read");
    }
}
