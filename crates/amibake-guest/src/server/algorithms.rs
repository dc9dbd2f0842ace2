//! What is offered to clients.

use std::borrow::Cow;

use russh::keys::PrivateKey;
use russh::server::Config;
use russh::{Limits, MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex, mac};

/// Key exchanges: today's OpenSSH list without the post-quantum ones, which cost more than the rest of a login and protect nothing
/// on a loopback address, and without SHA-1. The later ones are for templates that name them.
const KEX: &[kex::Name] = &[
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_GEX_SHA256,
    kex::DH_G16_SHA512,
    kex::DH_G18_SHA512,
    kex::DH_G14_SHA256,
    kex::EXTENSION_SUPPORT_AS_SERVER,
    kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
];

/// OpenSSH's own list. The client's order decides.
const CIPHERS: &[cipher::Name] =
    &[cipher::CHACHA20_POLY1305, cipher::AES_128_GCM, cipher::AES_256_GCM, cipher::AES_128_CTR, cipher::AES_192_CTR, cipher::AES_256_CTR];

/// OpenSSH's list without UMAC, which the crate does not have, and SHA-1.
const MACS: &[mac::Name] = &[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512];

/// Unread output that a client lets us send, per channel.
///
/// Source: OpenSSH's `CHAN_SES_WINDOW_DEFAULT`, 64 packets of 32 KiB.
const WINDOW: u32 = 2 * 1024 * 1024;

/// Messages that wait between the connection and a channel. Each is 32 KiB at most.
const CHANNEL_BUFFER: usize = 16;

/// Tries before a client is sent away.
///
/// Source: `MaxAuthTries` of sshd_config(5).
const MAX_AUTH_TRIES: usize = 6;

/// The server's settings for a guest with this host key.
pub(super) fn config(host_key: PrivateKey, methods: &[MethodKind]) -> Config {
    Config {
        server_id: SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-amibake_", env!("CARGO_PKG_VERSION")))),
        methods: MethodSet::from(methods),
        // Nobody to be slowed down: who can reach a loopback address has the machine.
        auth_rejection_time: std::time::Duration::ZERO,
        keys: vec![host_key],
        limits: Limits::default(),
        window_size: WINDOW,
        channel_buffer_size: CHANNEL_BUFFER,
        preferred: Preferred {
            kex: Cow::Borrowed(KEX),
            cipher: Cow::Borrowed(CIPHERS),
            mac: Cow::Borrowed(MACS),
            compression: Cow::Borrowed(&[compression::NONE]),
            ..Preferred::default()
        },
        max_auth_attempts: MAX_AUTH_TRIES,
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    }
}
