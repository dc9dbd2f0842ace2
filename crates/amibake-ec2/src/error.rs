//! What an EC2 call can answer instead of success.

/// A failed call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {}", match (&self.code, self.message.as_str()) { (Some(code), "") => code.clone(), (Some(code), message) => format!("{code}: {message}"), (None, message) => message.to_owned() })]
pub struct Ec2Error {
    /// The call, by EC2's name: `RunInstances`.
    pub operation: &'static str,
    /// What kind of failure.
    pub kind: ErrorKind,
    /// EC2's code, where EC2 answered: `InvalidAMIName.Duplicate`.
    pub code: Option<String>,
    /// EC2's message, or what stood in the way. Never holds credentials.
    pub message: String,
}

/// What a caller can do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// EC2 refused; the call had no effect.
    Refused,
    /// EC2 asked to slow down; the call had no effect (retries are used up).
    Throttled,
    /// No answer arrived, or a server error: the call may or may not have had its effect.
    Unknown,
    /// Credentials, region or endpoint could not be set up; nothing was sent.
    Setup,
}

impl Ec2Error {
    /// A refusal with EC2's code.
    pub fn refused(operation: &'static str, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self { operation, kind: ErrorKind::Refused, code: Some(code.into()), message: message.into() }
    }

    /// A call whose reply was lost.
    pub fn unknown(operation: &'static str, message: impl Into<String>) -> Self {
        Self { operation, kind: ErrorKind::Unknown, code: None, message: message.into() }
    }

    /// Whether EC2 answered with this code.
    pub fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// What a person can do about it, where EC2's own words do not say so.
    pub fn advice(&self) -> Option<&'static str> {
        Some(match self.code.as_deref()? {
            "RequestExpired" | "InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed" => {
                "EC2 takes no request that is more than five minutes old: look at this machine's clock (`date -u`), or at the secret key"
            }
            "AuthFailure" | "InvalidClientTokenId" | "UnrecognizedClientException" | "InvalidAccessKeyId" => {
                "the credentials are not valid, or not any more"
            }
            "ExpiredToken" | "ExpiredTokenException" => "the credentials were temporary and have expired",
            code if code.starts_with("Insufficient") => "AWS has no room of that kind there now; another zone, type or hour may have",
            _ => return None,
        })
    }

    /// Whether what the call was about does not exist (any more): `Invalid...NotFound`, `...Unavailable`, `NoSuch...`.
    pub fn is_not_found(&self) -> bool {
        self.code
            .as_deref()
            .is_some_and(|code| code.contains("NotFound") || code == "InvalidAMIID.Unavailable" || code.starts_with("NoSuch"))
    }
}
