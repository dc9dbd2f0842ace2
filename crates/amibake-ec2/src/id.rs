//! Ids as types; the prefix is checked once, on entry.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An id that does not look like its kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an id of the form `{prefix}…`")]
pub struct BadId {
    text: String,
    prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes an id over, if it has the right prefix.
            ///
            /// # Errors
            /// Another prefix.
            pub fn new(text: impl Into<String>) -> Result<Self, BadId> {
                let text = text.into();
                if text.starts_with($prefix) { Ok(Self(text)) } else { Err(BadId { text, prefix: $prefix }) }
            }

            /// A fresh id of this kind, as the lab hands them out.
            pub(crate) fn with_hex(hex: &str) -> Self {
                Self(format!("{}{hex}", $prefix))
            }

            /// The id as EC2 writes it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadId;
            fn try_from(text: String) -> Result<Self, BadId> {
                Self::new(text)
            }
        }
    )*};
}

ids! {
    /// An image: `ami-…`.
    ImageId = "ami-";
    /// An instance: `i-…`.
    InstanceId = "i-";
    /// A volume: `vol-…`.
    VolumeId = "vol-";
    /// A snapshot: `snap-…`.
    SnapshotId = "snap-";
    /// A security group: `sg-…`.
    SecurityGroupId = "sg-";
    /// A subnet: `subnet-…`.
    SubnetId = "subnet-";
    /// An import of an image: `import-ami-…`.
    ImportTaskId = "import-ami-";
    /// A VPC: `vpc-…`.
    VpcId = "vpc-";
}

/// A region's name: `us-east-2`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Region(String);

impl Region {
    /// Takes a name over.
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
