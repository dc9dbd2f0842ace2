//! A template's structure: root keys, builders, provisioners, post-processor chains (reference sections 3 to 7).

mod cross;
mod post_processor;
mod provisioner;
mod read;
mod root;
mod shape;
mod version;

use crate::component::GoDuration;
use crate::json::{Node, Value};
use crate::source::{SourceId, Span};

pub use self::cross::cross_check;
pub(crate) use self::post_processor::WRAPPER_KEYS as POST_PROCESSOR_KEYS;
pub(crate) use self::provisioner::WRAPPER_KEYS as PROVISIONER_KEYS;
pub use self::read::read;
pub(crate) use self::read::{BUILDER_KEYS, name_span};
pub use self::version::COMPATIBLE_VERSION;

/// A template as written: structure checked, nothing rendered.
#[derive(Debug, Clone)]
pub struct Document {
    /// The whole tree.
    pub root: Node,
    /// `description`.
    pub description: Option<String>,
    /// `variables`, in the file's order; None is required (`null`).
    pub variables: Vec<Variable>,
    /// `sensitive-variables`.
    pub sensitive: Vec<String>,
    /// `builders`, in the file's order.
    pub builders: Vec<Builder>,
    /// `provisioners`, in the file's order.
    pub provisioners: Vec<Provisioner>,
    /// `error-cleanup-provisioner`.
    pub error_cleanup_provisioner: Option<Provisioner>,
    /// `post-processors`: chains.
    pub post_processors: Vec<Vec<PostProcessor>>,
    /// `min_packer_version`.
    pub min_packer_version: Option<(String, Span)>,
}

impl Document {
    /// A document of nothing, for commands that work without a template.
    pub fn empty() -> Self {
        let root = Node { span: Span::new(SourceId(0), 0, 0), value: Value::Null };
        Self {
            root,
            description: None,
            variables: Vec::new(),
            sensitive: Vec::new(),
            builders: Vec::new(),
            provisioners: Vec::new(),
            error_cleanup_provisioner: None,
            post_processors: Vec::new(),
            min_packer_version: None,
        }
    }
}

/// A declared user variable.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// The default; None is required.
    pub default: Option<Node>,
}

/// An element of `builders`.
#[derive(Debug, Clone)]
pub struct Builder {
    /// `name`, raw; the type where absent.
    pub name: String,
    /// `type`.
    pub type_name: String,
    /// The object.
    pub node: Node,
}

/// An element of `provisioners`.
#[derive(Debug, Clone)]
pub struct Provisioner {
    /// `type`.
    pub type_name: String,
    /// The object.
    pub node: Node,
    /// Raw builder names of `only`.
    pub only: Vec<String>,
    /// Raw builder names of `except`.
    pub except: Vec<String>,
    /// `pause_before`.
    pub pause_before: Option<GoDuration>,
    /// `timeout`.
    pub timeout: Option<GoDuration>,
}

/// An element of a post-processor chain.
#[derive(Debug, Clone)]
pub struct PostProcessor {
    /// `name`; the type where absent.
    pub name: String,
    /// `type`.
    pub type_name: String,
    /// The object, or the string that only names the type.
    pub node: Node,
    /// Raw builder names of `only`.
    pub only: Vec<String>,
    /// Raw builder names of `except`.
    pub except: Vec<String>,
    /// `keep_input_artifact`.
    pub keep_input_artifact: Option<bool>,
}
