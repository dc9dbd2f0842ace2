//! Floating-point numbers as Go prints them.

use super::value::general;

/// More digits than that follow no binary fraction; what is asked for beyond is zeros.
const LAST_DIGIT: usize = 1_100;

/// The digits of a number that is not negative; None where the verb is not one for floats.
pub(crate) fn digits(verb: char, float: f64, precision: Option<usize>, sharp: bool) -> Option<String> {
    let digits = match verb {
        'f' | 'F' => fixed(float, precision.unwrap_or(6)),
        'e' | 'E' => exponent(float, precision.unwrap_or(6)),
        'g' | 'G' | 'v' => general(float, precision.map(|precision| precision.min(LAST_DIGIT))),
        'b' => return Some(binary(float)),
        'x' | 'X' => hexadecimal(float, precision),
        _ => return None,
    };
    let digits = if sharp { with_point(&digits, verb, precision) } else { digits };
    Some(if verb.is_ascii_uppercase() && verb != 'F' { digits.to_ascii_uppercase() } else { digits })
}

fn fixed(float: f64, precision: usize) -> String {
    let shown = precision.min(LAST_DIGIT);
    format!("{float:.shown$}") + &"0".repeat(precision - shown)
}

fn exponent(float: f64, precision: usize) -> String {
    let shown = precision.min(LAST_DIGIT);
    let text = format!("{float:.shown$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
    format!("{mantissa}{}e{sign}{digits:0>2}", "0".repeat(precision - shown))
}

/// Mantissa of 53 bits and power of two.
fn parts(float: f64) -> (u64, i64) {
    let bits = float.to_bits();
    let (fraction, power) = (bits & ((1 << 52) - 1), i64::try_from(bits >> 52 & 0x7ff).unwrap_or(0));
    if power == 0 { (fraction, -1074) } else { (fraction | 1 << 52, power - 1075) }
}

/// `4503599627370496p-52`
fn binary(float: f64) -> String {
    let (mantissa, power) = parts(float);
    format!("{mantissa}p{power:+}")
}

/// `0x1.8p+00`
fn hexadecimal(float: f64, precision: Option<usize>) -> String {
    let (mut mantissa, mut power) = parts(float);
    if mantissa == 0 {
        power = 0;
    } else {
        let shift = mantissa.leading_zeros() - 11;
        mantissa <<= shift;
        power += 52 - i64::from(shift);
    }
    if let Some(cut) = precision.filter(|precision| *precision < 13).map(|precision| 52 - 4 * precision) {
        // To the nearest, ties to even.
        let (half, last) = (1_u64 << (cut - 1), mantissa >> cut & 1);
        mantissa = (mantissa + half - 1 + last) >> cut << cut;
        if mantissa >> 53 != 0 {
            (mantissa, power) = (mantissa >> 1, power + 1);
        }
    }
    let all = format!("{:013x}", mantissa & ((1 << 52) - 1));
    let digits = match precision {
        Some(precision) => all.chars().chain(std::iter::repeat('0')).take(precision).collect(),
        None => all.trim_end_matches('0').to_owned(),
    };
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if power < 0 { '-' } else { '+' };
    format!("0x{}{point}{digits}p{sign}{:02}", mantissa >> 52, power.abs())
}

/// `#`: always a point, and for `%g` the zeros that it takes away otherwise.
fn with_point(digits: &str, verb: char, precision: Option<usize>) -> String {
    let marks: &[char] = if matches!(verb, 'x' | 'X') { &['p'] } else { &['e'] };
    let (mantissa, tail) = digits.find(marks).map_or((digits, ""), |at| digits.split_at(at));
    let keeps_zeros = matches!(verb, 'g' | 'G' | 'v' | 'x' | 'X');
    let wanted = if keeps_zeros { precision.unwrap_or(6).max(usize::from(verb != 'x' && verb != 'X')) } else { 0 };
    let significant =
        mantissa.chars().filter(char::is_ascii_alphanumeric).skip_while(|c| *c == '0').count().max(usize::from(mantissa == "0"));
    let point = if mantissa.contains('.') { "" } else { "." };
    format!("{mantissa}{point}{}{tail}", "0".repeat(wanted.saturating_sub(significant)))
}
