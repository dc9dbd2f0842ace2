//! Images afterwards: which ones a template has made, what uses them, and which can go.
//!
//! - [`find`]: own images by template, tag or name; an image has no mark of amibake's, so its name tells;
//! - [`family`]: an image and its copies in other regions;
//! - [`keep`]: which of several stay, and why;
//! - [`used`]: what uses them, asked of EC2, Auto Scaling and Systems Manager.
//!
//! Nothing here removes anything; the commands do, through `engine::teardown`.

pub mod family;
pub mod find;
pub mod keep;
pub mod used;
