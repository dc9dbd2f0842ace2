//! Which account credentials belong to, without asking AWS.
//!
//! It has to stay the same when temporary credentials are renewed: builds of one account share their request budgets by it, and
//! `amibake cleanup` recognises by it the account in which a dead run created something.

use aws_credential_types::Credentials;

/// A name for the account: its number where the credentials tell it, else a fingerprint of the access key's id. No secret.
pub(crate) fn owner(credentials: &Credentials) -> String {
    if let Some(account) = credentials.account_id() {
        return account.as_str().to_owned();
    }
    account_in(credentials.access_key_id()).unwrap_or_else(|| fingerprint(credentials.access_key_id()))
}

/// The account's number as AWS writes it into the ids of access keys: 40 bits of the Base32 after the prefix. Ids from before 2019 hold
/// another number there, which tells keys apart, if not accounts.
fn account_in(access_key_id: &str) -> Option<String> {
    let digits = access_key_id.strip_prefix("AKIA").or_else(|| access_key_id.strip_prefix("ASIA"))?;
    if digits.len() != 16 {
        return None;
    }
    let mut bits = 0_u64;
    for digit in digits.bytes().take(10) {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        bits = bits << 5 | u64::from(value);
    }
    // 48 of these 50 bits; of those the first and the last seven are something else.
    let account = (bits >> 2 & 0x7fff_ffff_ff80) >> 7;
    Some(format!("{account:012}"))
}

/// FNV-1a: short, the same in each run, and not a secret's.
fn fingerprint(access_key_id: &str) -> String {
    let hash = access_key_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(access_key_id: &str, expected: Option<&str>) {
        assert_eq!(account_in(access_key_id).as_deref(), expected, "{access_key_id}");
    }

    #[test]
    fn the_account_is_in_the_access_keys_id() {
        // Both keys were published as examples.
        check("ASIAQNZGKIQY56JQ7WML", Some("029608264753"));
        check("AKIASP2TPHJSQH3FJRUX", Some("171436882533"));
        check("testing", None);
        check("AKIATEST", None);
        check("AKIA1111111111111111", None);
        check("AKIAäääääääää", None);
    }

    #[test]
    fn what_the_credentials_say_comes_first() {
        let credentials = Credentials::new("ASIAQNZGKIQY56JQ7WML", "s", None, None, "test");
        assert_eq!(owner(&credentials), "029608264753");
        let credentials =
            Credentials::builder().access_key_id("x").secret_access_key("s").provider_name("t").account_id("123456789012").build();
        assert_eq!(owner(&credentials), "123456789012");
        assert_eq!(owner(&Credentials::new("testing", "s", None, None, "test")).len(), 16);
    }
}
