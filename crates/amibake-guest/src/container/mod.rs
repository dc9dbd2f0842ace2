//! Guests in containers of podman or docker.

/// How.
#[derive(Debug, Default)]
pub struct Options {
    /// Image.
    pub image: Option<String>,
}

/// Containers.
pub struct Container;

impl Container {
    /// # Errors
    /// Always.
    pub fn new(_: Options) -> Result<Self, crate::GuestError> {
        Err(crate::GuestError::Impossible("not there".to_owned()))
    }
}

#[async_trait::async_trait]
impl crate::Backend for Container {
    fn about(&self) -> String {
        String::new()
    }
    async fn boot(&self, _: crate::Spec) -> Result<std::sync::Arc<dyn crate::Guest>, crate::GuestError> {
        Err(crate::GuestError::Off)
    }
}
