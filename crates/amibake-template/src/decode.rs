//! Weak typing of old templates, converted once and guided by the schema, before plain serde (reference section 12).
