//! A refusal on its way out of the rules; the service adds the name of the call.

/// What the rules answer.
pub(super) type Answer<T> = Result<T, Refusal>;

/// EC2's code and message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
}

/// Refuses with a code and a message.
pub(super) fn refuse<T>(code: &'static str, message: impl Into<String>) -> Answer<T> {
    Err(Refusal { code, message: message.into() })
}

/// `InvalidParameterValue`, the most frequent one.
pub(super) fn bad_value<T>(message: impl Into<String>) -> Answer<T> {
    refuse("InvalidParameterValue", message)
}
