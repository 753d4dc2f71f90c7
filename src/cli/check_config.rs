//! `usher check-config`. Knows how the configuration is shown; does not know what it is for.

use super::answer::Answer;
use super::error::CliError;
use crate::config::Config;

/// Prints the configuration in effect; that it was read is the check.
pub(super) fn run(config: &Config) -> Result<Answer, CliError> {
    let text =
        format!("# The configuration is sound. In effect is, with secrets masked:\n\n{}", config.masked());
    Answer::new(config, text)
}
