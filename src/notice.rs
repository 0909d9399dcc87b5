//! Lines of the journal that an administrator looks for. Each has a number that stays the same in every version and language
//! (`journalctl MESSAGE_ID=…`), and words of what to do, which `journalctl -x` shows below it.
//!
//! What a line says of stands in fields of their own: `KASPID_OPERATION`, `KASPID_CONFIG`, `KASPID_PAYMENT`, `KASPID_UID`,
//! `KASPID_PID`, `KASPID_CODE`. The text stands by itself all the same: it is what is read first.

/// A line that has a number.
pub(crate) struct Notice {
    /// 128 bits in hexadecimal digits, as systemd writes them.
    pub(crate) id: &'static str,
    /// What happened, on one line.
    #[cfg(test)]
    pub(crate) subject: &'static str,
    /// What it means and what to do. `@NAME@` stands for a field of the line.
    #[cfg(test)]
    pub(crate) advice: &'static str,
}

macro_rules! notices {
    ($($name:ident = $id:literal $subject:literal $advice:literal;)+) => {
        $(
            #[doc = $subject]
            pub(crate) const $name: Notice = Notice {
                id: $id,
                #[cfg(test)]
                subject: $subject,
                #[cfg(test)]
                advice: $advice,
            };
        )+

        /// Every one.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, Notice)] = &[$((stringify!($name), $name)),+];
    };
}

notices! {
    READY = "5cf704e046f9b5262de81cec24dde553"
        "kaspid is ready"
        "The state is open and calls of before are recovered: callers are answered from now on.";
    STOPPING = "53c9c6be17ca2648475a90a86c3ab95a"
        "kaspid stops"
        "New calls that move money are refused with shutting_down and may be repeated under the same key. Running \
         ones end, or are settled at the next start.";
    RECOVERED = "8904589d97cffda29751abb86d511a3f"
        "Calls were under way when kaspid last stopped"
        "The process was killed or the machine lost its power in the middle of calls to the bank. Each is kept as \
         what may have happened, and is never repeated by itself. What is left for a person to decide is told, with \
         the command, by\n\n    kaspictl status";
    UNSTORED = "fb022f089b8ad007fb60aa9dafec64de"
        "The state could not be stored"
        "The disk is full, or failed. What callers asked is refused, and nothing new is begun that moves money \
         until something can be stored again. What the bank has answered meanwhile is kept in memory: do not \
         restart kaspid. Make room on the disk of the state, or mend it; kaspid tries again by itself. Then:\n\n \
         kaspictl status";
    STORED_AGAIN = "05a742fbeb9a7ce23c73e8e779a90094"
        "The state can be stored again"
        "What was kept in memory is on the disk. Nothing is to be done.";
    DISPLACED = "170e70984652b1922f8f1479b6f735d7"
        "The file of the state lost its name"
        "The file that kaspid works with was moved, deleted or replaced while it runs. Nothing is begun, for the \
         next start would not know of it. Put the file back where it was, then:\n\n    kaspictl status";
    OUTCOME_UNSTORED = "a9069d7cb4665cd34fd280d0488cd2a1"
        "What the bank has answered could not be stored"
        "The bank has answered to a call for payment @KASPID_PAYMENT@, and the answer is in memory and in this line \
         only. Keep this line. Make room on the disk of the state, or mend it, and do not restart kaspid before it \
         says that the state can be stored again. Then:\n\n    kaspictl payment show @KASPID_PAYMENT@";
    MIGRATED = "2eeac51c6bd37d942344d5096f9f276b"
        "The state was brought to the layout of this version"
        "A newer version was installed. The file of before stays beside the new one, with its device tokens; delete \
         it when the older version is not wanted back.";
    HEAD = "92f1f4aa354ada1258580e4e27194354"
        "The head of the audit log"
        "Whoever keeps this line elsewhere can tell later whether the log was changed behind it:\n\n    kaspictl \
         log verify --head @KASPID_HEAD@";
    DENIED = "b6574ff445e5fc52eedccff9cae29745"
        "A caller was denied"
        "User @KASPID_UID@ (process @KASPID_PID@) has no right to @KASPID_OPERATION@. If it should have: put it \
         into the group that has the right (kaspid pays, kaspid-refund pays back, kaspid-audit reads the log), or \
         name it in [access] of /etc/kaspid/kaspid.toml, then:\n\n    kaspictl reload";
    SUSPENDED = "5406e440a28bf6b147c32655f8c90617"
        "An organisation takes no new payments"
        "The trade point of config @KASPID_CONFIG@ is not listed by Kaspi any more. New payments of it are refused; \
         open ones are followed. Ask Kaspi, or look again when it is mended:\n\n    kaspictl bin list\n    kaspictl \
         bin verify BIN";
    RESTORED = "c560ed5d15ae8360bdb9ee7151ebf944"
        "An organisation takes payments again"
        "The trade point of config @KASPID_CONFIG@ is listed again. Nothing is to be done.";
    NOT_FOLLOWED = "2cbbf2c2da41875cfda750eef2c10d02"
        "Open payments are not followed"
        "A defect of kaspid. Payments are still made and read when asked for, but not followed by themselves:\n\n \
         systemctl restart kaspid\n    kaspictl bugreport";
    IDENTITY_CHANGED = "cd3d7c9ea9d9cddb0cd8ed385ed1c254"
        "The key and certificate for Kaspi changed"
        "New connections to the bank use the new ones.";
    IDENTITY_GONE = "114a7954f1c5283ef094c0e9b1624c22"
        "The key and certificate for Kaspi are gone"
        "They were in use before and are not found now. Nothing can be asked of the bank until they are back:\n\n \
         kaspictl status\n    kaspictl identity show";
    IDENTITY_EXPIRING = "3bb51226cc3203d6fd5ce1a75f74d160"
        "The certificate for Kaspi ends soon"
        "When it has ended, the bank answers nothing any more. Ask the bank for a new one in time:\n\n    kaspictl \
         identity show";
    BACKUP_FAILED = "20f3d604d7fa6465b94183d72c533904"
        "The daily backup could not be made"
        "The one of before stays. Make room, or put right what the line names; it is tried again by itself. By \
         hand:\n\n    kaspictl backup FILE";
    RELOADED = "1047e251f8082ca3eeb15d4c2344af9d"
        "The configuration was read again"
        "What changed is in the line.";
    RELOAD_FAILED = "ad3b4aa0a74d1ab38e50956fcc8d0930"
        "The configuration was not taken"
        "The settings of before stay in force. Put right what the line names, then:\n\n    kaspid check\n \
         kaspictl reload";
}
