//! Keys that Packer knows and amibake does not act on yet: accepted while they ask for nothing, refused otherwise, so that no template
//! is built in another way than it says.

use amibake_template::component::Check;

/// Reports one key.
pub fn refuse(check: &mut Check<'_>, pointer: &str) {
    let key = pointer.rsplit('/').next().unwrap_or(pointer);
    check.not_supported_yet(pointer, &format!("`{key}`"), "remove the key, or build this template with Packer");
}
