//! Instance types, as far as a launch depends on them: does the type exist, which architecture does it have.

/// Families that exist, without their size: general ones first. Not complete, and need not be: what is missing here is
/// refused as EC2 refuses a type that a region does not offer.
const X86_64: &[&str] = &[
    "t1", "t2", "t3", "t3a", "m1", "m2", "m3", "m4", "m5", "m5a", "m5ad", "m5d", "m5n", "m5dn", "m5zn", "m6a", "m6i", "m6id", "m6in",
    "m6idn", "m7a", "m7i", "m7i-flex", "m8a", "m8i", "m8i-flex", "c1", "c3", "c4", "c5", "c5a", "c5ad", "c5d", "c5n", "c6a", "c6i", "c6id",
    "c6in", "c7a", "c7i", "c7i-flex", "c8i", "r3", "r4", "r5", "r5a", "r5ad", "r5b", "r5d", "r5dn", "r5n", "r6a", "r6i", "r6id", "r6in",
    "r7a", "r7i", "r7iz", "r8i", "x1", "x1e", "x2idn", "x2iedn", "x2iezn", "z1d", "i2", "i3", "i3en", "i4i", "i7i", "i7ie", "d2", "d3",
    "d3en", "h1", "g3", "g3s", "g4dn", "g4ad", "g5", "g6", "g6e", "gr6", "p2", "p3", "p3dn", "p4d", "p4de", "p5", "p5e", "inf1", "inf2",
    "trn1", "f1", "f2",
];
const ARM64: &[&str] = &[
    "a1", "t4g", "m6g", "m6gd", "m7g", "m7gd", "m8g", "m8gd", "c6g", "c6gd", "c6gn", "c7g", "c7gd", "c7gn", "c8g", "c8gd", "c8gn", "r6g",
    "r6gd", "r7g", "r7gd", "r8g", "r8gd", "x2gd", "x8g", "im4gn", "is4gen", "i4g", "i8g", "g5g",
];

/// The architectures a type can run, or None for a type that does not exist.
pub(super) fn architectures(instance_type: &str) -> Option<&'static [&'static str]> {
    let (family, size) = instance_type.split_once('.')?;
    if !is_size(size) {
        return None;
    }
    if ARM64.contains(&family) {
        Some(&["arm64"])
    } else if matches!(family, "t2" | "m1" | "c1" | "m3" | "c3") {
        Some(&["i386", "x86_64"])
    } else if X86_64.contains(&family) {
        Some(&["x86_64"])
    } else {
        None
    }
}

/// The virtualization types that a type can run: only old ones take `paravirtual`, the oldest nothing else (EC2 user guide, "Linux AMI
/// virtualization types").
pub(super) fn virtualizations(instance_type: &str) -> &'static [&'static str] {
    match family(instance_type) {
        "t1" | "m1" | "m2" | "c1" => &["paravirtual"],
        "c3" | "m3" => &["hvm", "paravirtual"],
        _ => &["hvm"],
    }
}

/// Whether the type earns CPU credits.
pub(super) fn is_burstable(instance_type: &str) -> bool {
    matches!(family(instance_type), "t2" | "t3" | "t3a" | "t4g")
}

/// Families without EBS optimisation.
pub(super) fn never_ebs_optimized(instance_type: &str) -> bool {
    matches!(family(instance_type), "t1" | "t2" | "m2")
}

fn family(instance_type: &str) -> &str {
    instance_type.split('.').next().unwrap_or_default()
}

fn is_size(size: &str) -> bool {
    let size = size.strip_prefix("metal-").unwrap_or(size);
    if matches!(size, "nano" | "micro" | "small" | "medium" | "large" | "xlarge" | "metal") {
        return true;
    }
    size.strip_suffix("xlarge").is_some_and(|count| matches!(count.parse(), Ok(2..=112)))
}

#[cfg(test)]
mod tests {
    use super::architectures;

    #[track_caller]
    fn check(instance_type: &str, expected: Option<&[&str]>) {
        assert_eq!(architectures(instance_type), expected, "{instance_type}");
    }

    #[test]
    fn types_have_the_architectures_of_their_family() {
        check("t2.micro", Some(&["i386", "x86_64"]));
        check("m5.large", Some(&["x86_64"]));
        check("t4g.nano", Some(&["arm64"]));
        check("m7i-flex.2xlarge", Some(&["x86_64"]));
        check("c7g.metal", Some(&["arm64"]));
        check("t2.mikro", None);
        check("t9.micro", None);
        check("t2micro", None);
        check("m5.0xlarge", None);
        check("", None);
    }
}
