//! Lists of texts in which an empty entry means "not given".

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
    fn lists_lose_blanks_and_repetitions() {
        let list: Vec<String> = ["us-west-2", "", " us-east-1", "us-west-2"].map(str::to_owned).to_vec();
        assert_eq!(given_list(&list), ["us-west-2", "us-east-1"]);
    }
}
