//! Client-side request budgets in EC2's published sizes.
