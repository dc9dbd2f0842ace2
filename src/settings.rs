//! What the environment, the clock and the home directory say: read once, here, and passed down.
