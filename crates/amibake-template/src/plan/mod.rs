//! A checked template as data: which builds, with which configuration. `validate`, `inspect`, `build` and `rehearse` make the same one.

mod components;
mod make;
mod names;
mod size;
mod takers;
mod ways;
mod wrapper;

use std::time::Duration;

use crate::component::Kind;
use crate::json::Node;
use crate::lang::Host;
use crate::variables::Values;

pub use self::make::plan;

/// All that a run needs to know. `Debug` leaves the outside world out: environments hold secrets.
#[derive(Clone)]
pub struct Plan {
    /// The builds, sorted by name.
    pub builds: Vec<Build>,
    /// The user variables' final values.
    pub variables: Values,
    /// The outside world as it was when the run began.
    pub host: Host,
}

impl std::fmt::Debug for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Plan").field("builds", &self.builds).field("variables", &self.variables).finish_non_exhaustive()
    }
}

/// One builder's run.
#[derive(Debug, Clone)]
pub struct Build {
    /// Interpolated name: in output, `-only`, `build_name`.
    pub name: String,
    /// The builder.
    pub builder: Part,
    /// In the template's order, those that apply to this builder, overrides merged.
    pub provisioners: Vec<ProvisionerPart>,
    /// `error-cleanup-provisioner`.
    pub error_cleanup_provisioner: Option<ProvisionerPart>,
    /// Post-processor chains that apply to this builder.
    pub post_processors: Vec<Vec<PostProcessorPart>>,
}

/// One component, its configuration decoded to what its struct deserialises from. The configuration may hold secrets, so that
/// `Debug` leaves it out.
#[derive(Clone)]
pub struct Part {
    /// Builder, provisioner or post-processor.
    pub kind: Kind,
    /// `type`.
    pub type_name: String,
    /// Rendered (but for late fields), converted, checked.
    pub config: serde_json::Value,
    /// As written, for pointing at it.
    pub node: Node,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("kind", &self.kind).field("type_name", &self.type_name).finish_non_exhaustive()
    }
}

/// A provisioner with what the core wraps around it.
#[derive(Debug, Clone)]
pub struct ProvisionerPart {
    /// The provisioner.
    pub part: Part,
    /// `pause_before`.
    pub pause_before: Option<Duration>,
    /// `max_retries`.
    pub max_retries: u32,
    /// `timeout`; ignored by Packer where `pause_before` is set, honoured here.
    pub timeout: Option<Duration>,
}

/// A post-processor with what the core keeps of it.
#[derive(Debug, Clone)]
pub struct PostProcessorPart {
    /// The post-processor.
    pub part: Part,
    /// `name`, or the type.
    pub name: String,
    /// `keep_input_artifact`; None is the post-processor's own choice.
    pub keep_input_artifact: Option<bool>,
}

/// What the command line decides about a plan.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// `-only`; None where the flag was not given.
    pub only: Option<Vec<String>>,
    /// `-except`.
    pub except: Vec<String>,
    /// `-force`.
    pub force: bool,
}
