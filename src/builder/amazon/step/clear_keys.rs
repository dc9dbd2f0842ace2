//! Removes the temporary key from the guest, so that it does not end up in the image.

use crate::communicator::Communicator;
use crate::engine::context::BuildContext;

/// Removes lines that end in the key pair's name from the user's and from root's `authorized_keys`. As in Packer, nothing depends on
/// whether it works: a guest without sudo or without such a file is no reason to fail.
pub async fn clear_authorized_keys(cx: &BuildContext, communicator: &dyn Communicator, key_pair: &str) {
    cx.report.say("Trying to remove ephemeral keys from authorized_keys files");
    let key = key_pair.replace('/', "\\/");
    for command in [
        format!("sed -i.bak '/ {key}$/d' ~/.ssh/authorized_keys; rm ~/.ssh/authorized_keys.bak"),
        format!("sudo sed -i.bak '/ {key}$/d' /root/.ssh/authorized_keys; sudo rm /root/.ssh/authorized_keys.bak"),
    ] {
        tokio::select! {
            () = cx.cancel.cancelled() => return,
            _ = communicator.run(&command, &cx.report) => {}
        }
    }
}
