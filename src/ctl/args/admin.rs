//! `completions`.

use clap::Args;
use clap_complete::Shell;

const EXAMPLES: &str = "\
Examples:
  kaspictl completions bash > /etc/bash_completion.d/kaspictl
  kaspictl completions zsh  > /usr/local/share/zsh/site-functions/_kaspictl
  kaspictl completions fish > ~/.config/fish/completions/kaspictl.fish";

/// `kaspictl completions SHELL`
#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(in crate::ctl) struct CompletionsArgs {
    /// For which shell
    #[arg(value_parser = shell, value_name = "bash|zsh|fish")]
    pub(in crate::ctl) shell: Shell,
}

fn shell(text: &str) -> Result<Shell, String> {
    match text {
        "bash" => Ok(Shell::Bash),
        "zsh" => Ok(Shell::Zsh),
        "fish" => Ok(Shell::Fish),
        _ => Err("there are scripts for bash, zsh and fish".to_owned()),
    }
}
