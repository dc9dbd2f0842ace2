//! This machine's public address, for a security group that lets nobody else in.

use std::net::IpAddr;
use std::time::Duration;

use crate::builder::BuildError;
use crate::builder::amazon::call::fail;
use crate::engine::context::BuildContext;

/// How long the question may take.
const LIMIT: Duration = Duration::from_secs(15);

/// Asks AWS from where it sees this machine, and answers the address range that holds nothing else.
///
/// # Errors
/// No answer in time, or one that is no address.
pub async fn own_address(cx: &BuildContext) -> Result<String, BuildError> {
    cx.report.say("Checking current host's public IP...");
    let asked = tokio::select! {
        biased;
        () = cx.cancel.cancelled() => return Err(BuildError::Cancelled),
        asked = tokio::time::timeout(LIMIT, cx.clouds.own_address()) => asked,
    };
    let why = match asked {
        Ok(Ok(address)) => {
            cx.report.say(format!("Current host's public IP: {address}"));
            return Ok(range(address));
        }
        Ok(Err(error)) => error.message,
        Err(_) => format!("no answer within {} seconds", LIMIT.as_secs()),
    };
    let help = "give it in `temporary_security_group_source_cidrs` instead of `temporary_security_group_source_public_ip`";
    Err(fail(cx, format!("Error: https://checkip.amazonaws.com did not tell this machine's public address: {why}; {help}")))
}

fn range(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}/32"),
        IpAddr::V6(address) => format!("{address}/128"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_alone() {
        assert_eq!(range(IpAddr::from([203, 0, 113, 7])), "203.0.113.7/32");
        assert_eq!(range(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7])), "2001:db8::7/128");
    }
}
