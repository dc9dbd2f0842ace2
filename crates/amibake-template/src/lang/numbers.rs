//! Go's numeric constants.

use serde_json::Number;

/// The number; None for one that only fits an unsigned integer, which Go refuses when it is used.
pub(crate) fn number(spelling: &str) -> Result<Option<Number>, String> {
    let illegal = || format!("illegal number syntax: {spelling:?}");
    let lower = spelling.to_ascii_lowercase();
    if lower.ends_with('i') && !lower.contains("0x") {
        return Err("complex numbers are not supported".into());
    }
    let (negative, digits) = match lower.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, lower.strip_prefix('+').unwrap_or(&lower)),
    };
    if let Some(integer) = integer(digits) {
        if let Ok(integer) = i64::try_from(if negative { -integer } else { integer }) {
            return Ok(Some(integer.into()));
        }
        if digits.len() == lower.len() && u64::try_from(integer).is_ok() {
            return Ok(None);
        }
    }
    let float = float(digits).ok_or_else(illegal)?;
    if !lower.contains(['.', 'e', 'p']) {
        return Err(format!("integer overflow: {spelling:?}"));
    }
    Number::from_f64(if negative { -float } else { float }).map(Some).ok_or_else(illegal)
}

/// Decimal, `0x`, `0o`, `0b`, a leading 0 for octal, `_` between digits.
fn integer(lower: &str) -> Option<i128> {
    let (digits, radix) = match lower.as_bytes() {
        [b'0', b'x', ..] => (&lower[2..], 16),
        [b'0', b'o', ..] => (&lower[2..], 8),
        [b'0', b'b', ..] => (&lower[2..], 2),
        [b'0', _, ..] => (&lower[1..], 8),
        _ => (lower, 10),
    };
    if digits.starts_with(['+', '-']) || !underscores_separate(lower) {
        return None;
    }
    i128::from_str_radix(&digits.replace('_', ""), radix).ok()
}

/// Decimal or, with `0x` and `p`, hexadecimal. None where it is no number or too large.
fn float(lower: &str) -> Option<f64> {
    if !underscores_separate(lower) {
        return None;
    }
    let plain = lower.replace('_', "");
    let float = match plain.strip_prefix("0x") {
        Some(hexadecimal) => hexadecimal_float(hexadecimal)?,
        None => plain.parse().ok()?,
    };
    Some(float).filter(|float: &f64| float.is_finite())
}

fn hexadecimal_float(digits: &str) -> Option<f64> {
    let (mantissa, power) = digits.split_once('p')?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    // Fifteen digits are more than a mantissa holds.
    let kept = digits.get(..15).unwrap_or(&digits);
    let number = u64::from_str_radix(kept, 16).ok()?;
    let dropped = i32::try_from(digits.len() - kept.len()).ok()?;
    let power = power.parse::<i32>().ok()?.checked_add(4_i32.checked_mul(dropped - i32::try_from(fraction.len()).ok()?)?)?;
    #[expect(clippy::cast_precision_loss, reason = "rounded to the mantissa, as a constant is")]
    Some(number as f64 * 2_f64.powi(power))
}

/// Underscores stand between digits or behind a prefix such as `0x`, nowhere else.
fn underscores_separate(lower: &str) -> bool {
    let prefixed = matches!(lower.as_bytes(), [b'0', b'x' | b'o' | b'b', ..]);
    let hexadecimal = lower.starts_with("0x");
    let is_digit = |c: Option<&u8>| c.is_some_and(|c| if hexadecimal { c.is_ascii_hexdigit() } else { c.is_ascii_digit() });
    let bytes = lower.as_bytes();
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_').all(|(at, _)| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        (is_digit(before) || (prefixed && at == 2)) && is_digit(bytes.get(at + 1))
    })
}
