//! What changes in a text, line by line.

use std::time::Duration;

use similar::TextDiff;

/// How long the shortest difference is looked for; then one is taken that is right, but longer. Only of texts in which tens of thousands
/// of lines differ is it not found at once: the time for that grows with the square of their number.
const LIMIT: Duration = Duration::from_millis(300);

/// The changes of a file in the unified form, without a line break at the end.
pub fn unified(name: &str, old: &str, new: &str) -> String {
    let diff = TextDiff::configure().timeout(LIMIT).diff_lines(old, new);
    let text = diff.unified_diff().header(&format!("old/{name}"), &format!("new/{name}")).to_string();
    text.trim_end_matches('\n').to_owned()
}
