//! Weak typing of old templates, converted once and guided by the schema, before plain serde (reference section 12).
//!
//! [`Decoder`] walks a component as written beside its strict schema: it renders strings, converts what old templates wrote weakly
//! typed and reports every key nobody reads. [`constraints`] then checks values against the same schema. Start at `decoder.rs`.

pub(crate) mod constraints;
mod decoder;
mod failed;
mod renamed;
mod render;
mod scalar;
mod shape;

pub(crate) use self::decoder::{Decoder, Setting, kind_word, merge};
