//! The qemu builder: sizes with a unit.

use serde_json::{Map, Value as Json, json};

use crate::fix::sections::Problem;

/// A number in `disk_size` becomes mebibytes in words; a fraction is cut off.
pub(in crate::fix) fn disk_size(builder: &mut Map<String, Json>) -> Result<(), Problem> {
    if let Some(size) = builder.get("disk_size").and_then(Json::as_f64) {
        builder.insert("disk_size".to_owned(), json!(format!("{}M", go_integer(size))));
    }
    Ok(())
}

/// Go's conversion to an integer: what does not fit becomes the smallest one.
fn go_integer(number: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "cutting the fraction off is what is wanted, and the range is checked")]
    if number.abs() < 9.2e18 { number as i64 } else { i64::MIN }
}
