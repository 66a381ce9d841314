//! `graph`.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};

use super::CloudArgs;

/// What a picture is drawn from.
#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum GraphFromArg {
    /// What the manifests say, without calling AWS
    Manifest,
    /// What is live in their accounts, as it was read
    Live,
    /// A plan made now: what is gained and lost, and what stays as it is beside that
    Plan,
}

/// How a picture is written.
#[derive(Debug, Clone, Copy, ValueEnum, PartialEq, Eq)]
pub(crate) enum GraphFormatArg {
    /// Mermaid, which GitHub and GitLab draw where Markdown has it in a fence
    Mermaid,
    /// Graphviz
    Dot,
    /// A picture for light and dark
    Svg,
    /// A page that needs nothing else, with the picture and all of it in words
    Html,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct GraphArgs {
    /// Manifests, folders of them, or one saved plan: of that, what is gained and lost
    #[arg(default_value = "manifests")]
    pub(crate) paths: Vec<PathBuf>,
    /// What is drawn
    #[arg(long, value_enum, default_value_t = GraphFromArg::Manifest)]
    pub(crate) from: GraphFromArg,
    /// How it is written
    #[arg(long, value_enum, default_value_t = GraphFormatArg::Mermaid)]
    pub(crate) format: GraphFormatArg,
    /// Write it to a file, and not to standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) cloud: CloudArgs,
    /// Show external ids in full
    #[arg(long)]
    pub(crate) show_external_ids: bool,
}
