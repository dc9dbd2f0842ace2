//! Guests in containers of podman or docker.
