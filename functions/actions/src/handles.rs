//! Handles in arguments: a tool gets the texts that they name.

use functions_content::{Asking, ContentTable, Handle, NotAHandle};

use crate::parameters::{Arguments, Parameter};
use crate::tool_error::ToolError;

impl Arguments {
    /// Puts the text in place of each handle, where a parameter takes a content. The error names the parameter.
    pub async fn open_handles(
        &mut self,
        parameters: &[Parameter],
        contents: Option<&ContentTable>,
        asking: Asking<'_>,
    ) -> Result<(), ToolError> {
        for parameter in parameters.iter().filter(|parameter| parameter.is_content()) {
            if let Some(handle) = self.given_text(parameter.name).and_then(Handle::of) {
                let text = text_of(handle, contents, asking).await;
                self.replace(parameter.name, text.map_err(|error| error.named(parameter.name))?);
            }
        }
        Ok(())
    }
}

/// The text that a handle names.
pub async fn text_of(
    handle: Result<Handle, NotAHandle>,
    contents: Option<&ContentTable>,
    asking: Asking<'_>,
) -> Result<String, ToolError> {
    match contents {
        Some(contents) => Ok(Box::pin(contents.get(handle, asking)).await?),
        None => Err(ToolError::new("handles cannot be opened here; give the text itself")),
    }
}
