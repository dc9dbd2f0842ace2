//! Packer's own functions.

use std::sync::atomic::Ordering;

use serde_json::Value as Json;

use super::clock;
use super::context::Scope;
use super::table::{Call, Fault};

/// Results longer than this are refused: no field of a template needs them, and they could eat the memory.
pub(crate) const MAX_BYTES: usize = 16 << 20;

pub(crate) type Outcome = Result<Json, Fault>;

fn text(value: impl Into<String>) -> Outcome {
    Ok(Json::String(value.into()))
}

pub(crate) fn user(call: &Call<'_>) -> Outcome {
    let name = call.text(0);
    match call.cx.user.get(name) {
        Some(value) => text(value.as_str()),
        None if call.cx.scope == Scope::Variables => {
            Err(Fault { unset_variable: Some(name.to_owned()), ..format!("Error: variable not set: {name}").into() })
        }
        None => text(""),
    }
}

pub(crate) fn env(call: &Call<'_>) -> Outcome {
    if call.cx.scope != Scope::Variables {
        return Err(Fault::from("env vars are not allowed here")
            .with_help("read it in the `variables` section, \"name\": \"{{env `NAME`}}\", and use {{user `name`}} here"));
    }
    text(call.cx.host.env.get(call.text(0)).map_or("", String::as_str))
}

pub(crate) fn build_name(call: &Call<'_>) -> Outcome {
    call.cx.build.map_or_else(|| Err("build_name not available".into()), |(name, _)| text(name))
}

pub(crate) fn build_type(call: &Call<'_>) -> Outcome {
    call.cx.build.map_or_else(|| Err("build_type not available".into()), |(_, kind)| text(kind))
}

pub(crate) fn build(call: &Call<'_>) -> Outcome {
    let name = call.text(0);
    let Some(data) = call.cx.build_data else {
        return Err(format!("Error validating build variable: the given variable {name} will not be passed into your plugin.").into());
    };
    match data.get(name) {
        Some(value) => text(value.as_str()),
        None => {
            let fault = Fault::from(format!("loaded data, but couldnt find {name} in it."));
            Err(match crate::finding::nearest(name, data.keys().map(String::as_str)) {
                Some(meant) => fault.with_help(format!("did you mean `{meant}`?")),
                None => fault,
            })
        }
    }
}

pub(crate) fn packer_version(call: &Call<'_>) -> Outcome {
    text(call.cx.host.packer_version.as_str())
}

pub(crate) fn template_dir(call: &Call<'_>) -> Outcome {
    let directory = &call.cx.host.template_dir;
    if directory.is_empty() { Err("template path not available".into()) } else { text(directory.as_str()) }
}

pub(crate) fn pwd(call: &Call<'_>) -> Outcome {
    text(call.cx.host.cwd.as_str())
}

pub(crate) fn timestamp(call: &Call<'_>) -> Outcome {
    text(clock::unix_seconds(call.cx.host.started_unix_nanos).to_string())
}

pub(crate) fn isotime(call: &Call<'_>) -> Outcome {
    let nanos = call.cx.host.started_unix_nanos;
    let layouts: Vec<&str> = call.arguments.iter().filter_map(Json::as_str).collect();
    match layouts.as_slice() {
        [] => clock::go_layout(nanos, "2006-01-02T15:04:05Z07:00").map(Json::String).map_err(Into::into),
        [layout] => clock::go_layout(nanos, layout).map(Json::String).map_err(Into::into),
        many => Err(format!("too many values, 1 needed: [{}]", many.join(" ")).into()),
    }
}

pub(crate) fn strftime(call: &Call<'_>) -> Outcome {
    clock::strftime(call.cx.host.started_unix_nanos, call.text(0)).map(Json::String).map_err(Into::into)
}

/// Packer's form, which is no RFC 4122 UUID: 8 hex digits of the Unix time, then 24 random ones.
pub(crate) fn uuid(call: &Call<'_>) -> Outcome {
    let host = call.cx.host;
    let count = host.uuids.fetch_add(1, Ordering::Relaxed);
    let high = mix(host.seed ^ mix(count.wrapping_mul(2)));
    let low = mix(high ^ mix(count.wrapping_mul(2) + 1));
    let seconds = clock::unix_seconds(host.started_unix_nanos) & 0xffff_ffff;
    let (a, b, c) = (high >> 48, (high >> 32) & 0xffff, (high >> 16) & 0xffff);
    text(format!("{seconds:08x}-{a:04x}-{b:04x}-{c:04x}-{:012x}", low & 0xffff_ffff_ffff))
}

/// The SplitMix64 step: spreads neighbouring numbers over all 64 bits.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

pub(crate) fn upper(call: &Call<'_>) -> Outcome {
    text(call.text(0).chars().map(|c| single(c, c.to_uppercase())).collect::<String>())
}

pub(crate) fn lower(call: &Call<'_>) -> Outcome {
    text(call.text(0).chars().map(|c| single(c, c.to_lowercase())).collect::<String>())
}

/// Go maps one character to one: `ß` stays `ß`.
fn single(c: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(one), None) => one,
        _ => simple(c),
    }
}

/// Unicode's simple mapping of the characters that have another full one.
fn simple(c: char) -> char {
    match c {
        'İ' => 'i',
        // Greek with an iota below: the letter with the iota beside it.
        '\u{1f80}'..='\u{1f87}' | '\u{1f90}'..='\u{1f97}' | '\u{1fa0}'..='\u{1fa7}' => char::from_u32(u32::from(c) + 8).unwrap_or(c),
        '\u{1fb3}' | '\u{1fc3}' | '\u{1ff3}' => char::from_u32(u32::from(c) + 9).unwrap_or(c),
        _ => c,
    }
}

pub(crate) fn replace(call: &Call<'_>) -> Outcome {
    replaced(call.text(3), call.text(0), call.text(1), usize::try_from(call.integer(2)).ok())
}

pub(crate) fn replace_all(call: &Call<'_>) -> Outcome {
    replaced(call.text(2), call.text(0), call.text(1), None)
}

/// `limit` replacements; None is all.
fn replaced(source: &str, old: &str, new: &str, limit: Option<usize>) -> Outcome {
    let matches = source.matches(old).count().min(limit.unwrap_or(usize::MAX));
    if source.len().saturating_add(matches.saturating_mul(new.len())) > MAX_BYTES {
        return Err("the result is too long".into());
    }
    text(source.replacen(old, new, matches))
}

pub(crate) fn split(call: &Call<'_>) -> Outcome {
    let (source, separator, index) = (call.text(0), call.text(1), call.integer(2));
    let parts: Vec<String> = if separator.is_empty() {
        source.chars().map(String::from).collect()
    } else {
        source.split(separator).map(str::to_owned).collect()
    };
    let Ok(index) = usize::try_from(index) else {
        return Err(format!("runtime error: index out of range [{index}]").into());
    };
    match parts.get(index) {
        Some(part) => text(part.as_str()),
        None => Err(format!(
            "the substring {index} was unavailable using the separator value, {separator}, only {} values were found",
            parts.len()
        )
        .into()),
    }
}

/// Every byte that an AMI name may not hold becomes `-`.
pub(crate) fn clean_resource_name(call: &Call<'_>) -> Outcome {
    if call.cx.scope != (Scope::Component { amazon: true }) {
        let fault = Fault::from("function \"clean_resource_name\" not defined");
        return Err(Fault { bare: true, ..fault }.with_help("it exists only inside amazon builders; elsewhere use replace_all"));
    }
    let allowed = |b: &u8| b.is_ascii_alphanumeric() || b"()[] ./-'@_".contains(b);
    text(call.text(0).bytes().map(|b| if allowed(&b) { char::from(b) } else { '-' }).collect::<String>())
}

pub(crate) fn sed(_call: &Call<'_>) -> Outcome {
    Err("template function `sed` is deprecated use `replace` or `replace_all` instead.Documentation: https://www.packer.io/docs/templates/engine".into())
}
