//! What the audit log says of a call.

use serde::{Deserialize, Serialize};

words! {
    /// How an operation ended, or that it has not.
    LogStatus {
        /// It happened.
        Success = "success",
        /// It did not.
        Failed = "failed",
        /// Not known (yet).
        Pending = "pending",
    }
}

words! {
    /// What was done.
    ///
    /// The guide's `operation_type`, and the administrative ones.
    OperationType {
        /// A remote invoice.
        Create = "create",
        /// A payment link.
        Link = "link",
        /// A QR.
        Qr = "qr",
        /// A status read that changed what is known.
        Status = "status",
        /// A cancel.
        Cancel = "cancel",
        /// A refund.
        Refund = "refund",
        /// A device registration.
        Register = "register",
        /// A device deletion.
        DeviceDelete = "device_delete",
        /// A look at a trade point.
        Verify = "verify",
        /// A change of a config.
        Config = "config",
        /// A change of the client certificate or key.
        Identity = "identity",
        /// A person closed something.
        Resolve = "resolve",
        /// A payment taken in.
        Adopt = "adopt",
        /// Rows taken in.
        Import = "import",
        /// A backup put back.
        Restored = "restored",
        /// A caller was denied something.
        Access = "access",
    }
}

/// Who asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Actor {
    /// User.
    pub uid: u32,
    /// The name of that user then, where it could be looked up in time.
    pub name: Option<String>,
    /// Primary group.
    pub gid: u32,
    /// Process, where visible.
    pub pid: Option<i32>,
}
