//! Go's built-in functions.

use std::cmp::Ordering;

use serde_json::Value as Json;

use super::functions::Outcome;
use super::strings::is_unprintable;
use super::table::{Call, Fault};
use super::value::{NO_VALUE, equal, is_true, ordered, plain, type_name};

/// `and`, `or` when evaluated as plain calls: never reached, the machine short-circuits them.
pub(crate) fn last(call: &Call<'_>) -> Outcome {
    Ok(call.arguments.last().cloned().unwrap_or(Json::Null))
}

/// No value of a template is a function.
pub(crate) fn call(call: &Call<'_>) -> Outcome {
    match call.arguments.first() {
        None | Some(Json::Null) => Err("call of nil".into()),
        Some(value) => Err(format!("non-function of type {}", type_name(value)).into()),
    }
}

pub(crate) fn not(call: &Call<'_>) -> Outcome {
    Ok(Json::Bool(!call.arguments.first().is_some_and(is_true)))
}

pub(crate) fn eq(call: &Call<'_>) -> Outcome {
    let Some((left, others)) = call.arguments.split_first() else { return Ok(Json::Bool(false)) };
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if equal(left, other)? {
            return Ok(Json::Bool(true));
        }
    }
    Ok(Json::Bool(false))
}

pub(crate) fn ne(call: &Call<'_>) -> Outcome {
    let (left, right) = two(call);
    Ok(Json::Bool(!equal(left, right)?))
}

pub(crate) fn lt(call: &Call<'_>) -> Outcome {
    order(call, Ordering::is_lt)
}

pub(crate) fn le(call: &Call<'_>) -> Outcome {
    order(call, Ordering::is_le)
}

pub(crate) fn gt(call: &Call<'_>) -> Outcome {
    order(call, Ordering::is_gt)
}

pub(crate) fn ge(call: &Call<'_>) -> Outcome {
    order(call, Ordering::is_ge)
}

fn order(call: &Call<'_>, wanted: fn(Ordering) -> bool) -> Outcome {
    let (left, right) = two(call);
    Ok(Json::Bool(ordered(left, right)?.is_some_and(wanted)))
}

fn two<'a>(call: &'a Call<'_>) -> (&'a Json, &'a Json) {
    (call.arguments.first().unwrap_or(&Json::Null), call.arguments.get(1).unwrap_or(&Json::Null))
}

pub(crate) fn len(call: &Call<'_>) -> Outcome {
    let length = match two(call).0 {
        Json::String(text) => text.len(),
        Json::Array(elements) => elements.len(),
        Json::Object(members) => members.len(),
        Json::Null => return Err("len of nil pointer".into()),
        other => return Err(format!("len of type {}", type_name(other)).into()),
    };
    Ok(length.into())
}

pub(crate) fn index(call: &Call<'_>) -> Outcome {
    let Some((item, indices)) = call.arguments.split_first() else { return Ok(Json::Null) };
    if item.is_null() {
        return Err("index of untyped nil".into());
    }
    let mut item = item.clone();
    for index in indices {
        item = match &item {
            Json::Object(members) => match index {
                Json::String(key) => members.get(key).cloned().unwrap_or(Json::Null),
                other => return Err(format!("value has type {}; should be string", type_name(other)).into()),
            },
            Json::Array(elements) => elements[position(index, elements.len(), false)?].clone(),
            Json::String(text) => text.as_bytes()[position(index, text.len(), false)?].into(),
            other => return Err(format!("can't index item of type {}", type_name(other)).into()),
        };
    }
    Ok(item)
}

fn position(index: &Json, length: usize, end_allowed: bool) -> Result<usize, Fault> {
    let Some(number) = index.as_i64() else {
        return Err(match index {
            Json::Null => "cannot index slice/array with nil".into(),
            other => format!("cannot index slice/array with type {}", type_name(other)).into(),
        });
    };
    match usize::try_from(number) {
        Ok(at) if at < length || (end_allowed && at == length) => Ok(at),
        _ => Err(format!("index out of range: {number}").into()),
    }
}

pub(crate) fn slice(call: &Call<'_>) -> Outcome {
    let Some((item, indices)) = call.arguments.split_first() else { return Ok(Json::Null) };
    if indices.len() > 3 {
        return Err(format!("too many slice indexes: {}", indices.len()).into());
    }
    let length = match item {
        Json::String(_) if indices.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Json::String(text) => text.len(),
        Json::Array(elements) => elements.len(),
        Json::Null => return Err("slice of untyped nil".into()),
        other => return Err(format!("can't slice item of type {}", type_name(other)).into()),
    };
    let start = indices.first().map_or(Ok(0), |index| position(index, length, true))?;
    let end = indices.get(1).map_or(Ok(length), |index| position(index, length, true))?;
    if start > end {
        return Err(format!("invalid slice index: {start} > {end}").into());
    }
    match item {
        Json::Array(elements) => Ok(Json::Array(elements[start..end].to_vec())),
        other => match other.as_str().unwrap_or_default().get(start..end) {
            Some(part) => Ok(part.into()),
            None => Err("this slice cuts a character in two".into()),
        },
    }
}

pub(crate) fn html(call: &Call<'_>) -> Outcome {
    let escaped = |c: char| match c {
        '\0' => "\u{fffd}".to_owned(),
        '"' => "&#34;".to_owned(),
        '\'' => "&#39;".to_owned(),
        '&' => "&amp;".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        c => c.to_string(),
    };
    Ok(printable(call).chars().map(escaped).collect::<String>().into())
}

pub(crate) fn js(call: &Call<'_>) -> Outcome {
    let escaped = |c: char| match c {
        '\\' | '\'' | '"' => format!("\\{c}"),
        '<' | '>' | '&' | '=' => format!("\\u{:04X}", u32::from(c)),
        c if is_unprintable(c) => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    };
    Ok(printable(call).chars().map(escaped).collect::<String>().into())
}

pub(crate) fn urlquery(call: &Call<'_>) -> Outcome {
    let escaped = |b: u8| match b {
        b' ' => "+".to_owned(),
        b if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    Ok(printable(call).bytes().map(escaped).collect::<String>().into())
}

/// All arguments printed one after the other, as an action prints them: nothing is `<no value>`, not `<nil>`.
fn printable(call: &Call<'_>) -> String {
    let shown = |value: &Json| if value.is_null() { NO_VALUE.into() } else { value.clone() };
    joined(&Call { cx: call.cx, arguments: call.arguments.iter().map(shown).collect() })
}

/// All arguments printed one after the other, as `print` does it.
pub(crate) fn joined(call: &Call<'_>) -> String {
    let mut out = String::new();
    for (index, value) in call.arguments.iter().enumerate() {
        let previous = index.checked_sub(1).and_then(|at| call.arguments.get(at));
        // A blank only between two operands of which neither is a string.
        if previous.is_some_and(|p| !p.is_string()) && !value.is_string() {
            out.push(' ');
        }
        out.push_str(&plain(value));
    }
    out
}
