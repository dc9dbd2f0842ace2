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

/// The entries of a list that are not empty, without repetitions, in their order.
pub fn given_list(list: &[String]) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for entry in list.iter().map(|entry| entry.trim()).filter(|entry| !entry.is_empty()) {
        if !kept.iter().any(|known| known == entry) {
            kept.push(entry.to_owned());
        }
    }
    kept
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

    #[test]
    fn lists_lose_blanks_and_repetitions() {
        let list: Vec<String> = ["us-west-2", "", " us-east-1", "us-west-2"].map(str::to_owned).to_vec();
        assert_eq!(given_list(&list), ["us-west-2", "us-east-1"]);
    }
}
