//! An empty value means "not given": old templates pass `""` for whatever a user variable left open.

/// What a key holds, if it holds anything.
pub trait Given {
    /// The value; None where the key is absent or empty.
    fn given(&self) -> Option<&str>;

    /// Whether the key holds anything.
    fn is_given(&self) -> bool {
        self.given().is_some()
    }
}

impl Given for Option<String> {
    fn given(&self) -> Option<&str> {
        self.as_deref().filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_is_not_given() {
        assert_eq!(None::<String>.given(), None);
        assert_eq!(Some(String::new()).given(), None);
        assert_eq!(Some("x".to_owned()).given(), Some("x"));
    }
}
