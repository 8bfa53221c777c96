//! Errors that repeat: logged once, then counted.

use std::error::Error;

/// The last error of one activity.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    said: Option<String>,
    count: u64,
}

impl Repeats {
    /// Whether `error` is to be logged: it is not the one before again.
    pub(super) fn is_new(&mut self, error: &dyn Error) -> bool {
        let said = format!("{error}{}", error.source().map(|cause| format!(": {cause}")).unwrap_or_default());
        if self.said.as_ref() == Some(&said) {
            self.count += 1;
            return false;
        }
        self.end();
        self.said = Some(said);
        true
    }

    /// Notes a success; logs how often the error before came again.
    pub(super) fn end(&mut self) {
        if let Some(error) = self.said.take().filter(|_| self.count > 0) {
            tracing::warn!(times = self.count, error, "an error was repeated");
        }
        self.count = 0;
    }
}
