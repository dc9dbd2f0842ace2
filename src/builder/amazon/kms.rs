//! What a KMS key's name may look like.

/// Whether EC2 could know a key of this name: a key id (also a multi-region one), `alias/NAME`, or an ARN of either.
pub fn is_kms_key(text: &str) -> bool {
    match text.strip_prefix("arn:") {
        Some(arn) => is_key_arn(arn),
        None => is_key_id(text) || is_alias(text),
    }
}

/// `aws:kms:REGION:ACCOUNT:key/ID` or `...:alias/NAME`, for any partition.
fn is_key_arn(arn: &str) -> bool {
    let mut parts = arn.splitn(5, ':');
    let (Some(partition), Some("kms"), Some(region), Some(account), Some(resource)) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let partition_fits = partition == "aws" || partition.starts_with("aws-");
    let region_fits = region.is_empty() || region.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let account_fits = account.len() == 12 && account.bytes().all(|byte| byte.is_ascii_digit());
    let resource_fits = resource.strip_prefix("key/").is_some_and(is_key_id) || is_alias(resource);
    partition_fits && region_fits && account_fits && resource_fits
}

fn is_key_id(text: &str) -> bool {
    let hex = text.strip_prefix("mrk-").unwrap_or(text);
    hex.starts_with(|c: char| c.is_ascii_digit() || ('a'..='f').contains(&c))
        && hex.len() > 1
        && hex.chars().all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c) || c == '-')
}

fn is_alias(text: &str) -> bool {
    text.strip_prefix("alias/")
        .is_some_and(|name| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ":/_-".contains(c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: bool) {
        assert_eq!(is_kms_key(text), expected, "{text}");
    }

    #[test]
    fn key_names() {
        check("12345678-1234-abcd-0000-123456789012", true);
        check("mrk-f4224f9362ad4ed78c0d3ad9ccb6d5ef", true);
        check("alias/aws/ebs", true);
        check("arn:aws:kms:us-east-1:123456789012:key/12345678-1234-abcd-0000-123456789012", true);
        check("arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/12345678-1234-abcd-0000-123456789012", true);
        check("arn:aws:kms:us-east-1:123456789012:alias/foo-bar", true);
        check("arn:aws:kms:us-east-1:12345:alias/foo", false);
        check("arn:foo:kms:us-east-1:123456789012:key/12345678", false);
        check("arn:aws:ec2:us-east-1:123456789012:key/12345678", false);
        check("alias/", false);
        check("alias/foo bar", false);
        check("my key", false);
        check("a", false);
    }
}
