//! Values as Go sees them: truth, printed form, comparison. A value is JSON; null is Go's missing value or nil.

use std::cmp::Ordering;

use serde_json::Value as Json;

/// What a missing value prints.
pub(crate) const NO_VALUE: &str = "<no value>";

/// False: `false`, 0, empty, missing.
pub(crate) fn is_true(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::Bool(value) => *value,
        Json::Number(number) => number.as_f64() != Some(0.0),
        Json::String(text) => !text.is_empty(),
        Json::Array(elements) => !elements.is_empty(),
        Json::Object(members) => !members.is_empty(),
    }
}

/// Go's name of the value's type.
pub(crate) fn type_name(value: &Json) -> &'static str {
    match value {
        Json::Null => "nil",
        Json::Bool(_) => "bool",
        Json::Number(number) if number.is_f64() => "float64",
        Json::Number(_) => "int",
        Json::String(_) => "string",
        Json::Array(_) => "[]interface {}",
        Json::Object(_) => "map[string]interface {}",
    }
}

/// What an action prints.
pub(crate) fn printed(value: &Json) -> String {
    if value.is_null() { NO_VALUE.to_owned() } else { plain(value) }
}

/// `%v`, in which nil is `<nil>`.
pub(crate) fn plain(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".to_owned(),
        Json::Bool(value) => value.to_string(),
        Json::Number(number) => match number.as_f64().filter(|_| number.is_f64()) {
            Some(float) => general(float, None),
            None => number.to_string(),
        },
        Json::String(text) => text.clone(),
        Json::Array(elements) => format!("[{}]", elements.iter().map(plain).collect::<Vec<_>>().join(" ")),
        Json::Object(members) => {
            let mut sorted: Vec<_> = members.iter().collect();
            sorted.sort_by_key(|(key, _)| key.as_str());
            format!("map[{}]", sorted.iter().map(|(key, value)| format!("{key}:{}", plain(value))).collect::<Vec<_>>().join(" "))
        }
    }
}

/// `%g`: shortest, or `precision` significant digits; with an exponent below -4 and from the precision (shortest: 6) on.
pub(crate) fn general(float: f64, precision: Option<usize>) -> String {
    if !float.is_finite() {
        return if float.is_nan() { "NaN".into() } else { format!("{}Inf", if float > 0.0 { '+' } else { '-' }) };
    }
    if float == 0.0 {
        return if float.is_sign_negative() { "-0".into() } else { "0".into() };
    }
    let scientific = match precision {
        Some(digits) => format!("{float:.*e}", digits.max(1) - 1),
        None => format!("{float:e}"),
    };
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
    if exponent < -4 || exponent >= precision.map_or(6, |p| i32::try_from(p.max(1)).unwrap_or(i32::MAX)) {
        return format!("{trimmed}e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    }
    let digits = trimmed.chars().filter(char::is_ascii_digit).count();
    let decimals = usize::try_from(i64::try_from(digits).unwrap_or(0) - 1 - i64::from(exponent)).unwrap_or(0);
    format!("{float:.decimals$}")
}

/// `eq` of two operands.
pub(crate) fn equal(left: &Json, right: &Json) -> Result<bool, &'static str> {
    match (left, right) {
        (Json::Null, Json::Array(_) | Json::Object(_)) => Ok(false),
        (Json::Array(_) | Json::Object(_), _) | (_, Json::Array(_) | Json::Object(_)) => Err("incompatible types for comparison"),
        // Newer Go lets anything be compared with a missing value.
        (Json::Null, other) | (other, Json::Null) => Ok(other.is_null()),
        _ => compare(left, right).map(|order| order == Some(Ordering::Equal)),
    }
}

/// `lt` and its kin: both of one kind, and ordered.
pub(crate) fn ordered(left: &Json, right: &Json) -> Result<Option<Ordering>, &'static str> {
    let unordered = |value: &Json| matches!(value, Json::Null | Json::Array(_) | Json::Object(_));
    if unordered(left) || unordered(right) {
        return Err("invalid type for comparison");
    }
    if matches!((left, right), (Json::Bool(_), Json::Bool(_))) {
        return Err("invalid type for comparison");
    }
    compare(left, right)
}

fn compare(left: &Json, right: &Json) -> Result<Option<Ordering>, &'static str> {
    match (left, right) {
        (Json::Bool(left), Json::Bool(right)) => Ok(Some(left.cmp(right))),
        (Json::String(left), Json::String(right)) => Ok(Some(left.cmp(right))),
        (Json::Number(left), Json::Number(right)) if left.is_f64() == right.is_f64() => Ok(match (left.as_i64(), right.as_i64()) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.as_f64().partial_cmp(&right.as_f64()),
        }),
        _ => Err("incompatible types for comparison"),
    }
}
