//! Names that no other build has: made of the run's UUID, the build's name and what the name is for.
//!
//! They need no source of randomness beyond the run's UUID, and a test knows them in advance.

use std::hash::{DefaultHasher, Hash, Hasher};

use crate::engine::context::BuildContext;

/// A UUID for one purpose of this build: `key pair`, `launch 1`.
pub fn uuid(cx: &BuildContext, purpose: &str) -> String {
    let bits = hash(&cx.options.run_uuid, &cx.late.build_name, purpose);
    // Version 4 and variant 1, as random UUIDs have them.
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// Seven letters and digits for an image that only lives for this build.
pub fn passing_image_name(cx: &BuildContext) -> String {
    const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut bits = hash(&cx.options.run_uuid, &cx.late.build_name, "passing image");
    let mut name = String::new();
    for _ in 0..7 {
        let index = usize::try_from(bits % 36).unwrap_or_default();
        name.push(char::from(ALPHABET[index]));
        bits /= 36;
    }
    name
}

fn hash(run: &str, build: &str, purpose: &str) -> u128 {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, run, build, purpose).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_and_build_has_its_own() {
        let all = [hash("r", "b", "x"), hash("r", "b", "y"), hash("r", "c", "x"), hash("s", "b", "x")];
        for (index, one) in all.iter().enumerate() {
            assert!(!all[index + 1..].contains(one));
        }
        assert_eq!(hash("r", "b", "x"), hash("r", "b", "x"));
    }
}
