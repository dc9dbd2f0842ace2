//! What Windows source images need.

use std::borrow::Cow;

use amibake_ec2::model::Image;
use amibake_template::component::Given;

use crate::builder::communicator::CommunicatorConfig;

impl CommunicatorConfig {
    /// The login for instances of this image: an RSA key pair where it is Windows, which takes no other, and the template does not say
    /// which.
    pub fn for_source(&self, source: &Image) -> Cow<'_, Self> {
        if !source.windows || self.temporary_key_pair_type.is_given() {
            return Cow::Borrowed(self);
        }
        Cow::Owned(Self { temporary_key_pair_type: Some("rsa".to_owned()), ..self.clone() })
    }
}
