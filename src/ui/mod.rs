//! Renders events: terminal, machine-readable. The only place that prints.
