//! The agent that is asked: the one that answers questions about a document, or that of a file.

use crate::arguments::Arguments;
use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// An agent, and the functions of its tools. The same file is for `make deploy-agent`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agent {
    pub(crate) name: String,
    #[serde(default = "description")]
    pub(crate) description: String,
    /// `{document}` in it is replaced by the document's address.
    prompt: String,
    /// Tools of the function `tool`.
    #[serde(default)]
    pub(crate) tools: Vec<String>,
    #[serde(default)]
    pub(crate) model: Option<ModelOfAgent>,
    #[serde(default)]
    pub(crate) parameters: Map<String, Value>,
    #[serde(default)]
    pub(crate) own_tools: Vec<OwnTool>,
    /// What plays the model without a key, as the `script` of a model's row; if it is left out, the document is searched.
    #[serde(default)]
    pub(crate) script: Option<Value>,
}

/// A row of the table of models.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModelOfAgent {
    pub(crate) provider: String,
    pub(crate) id: String,
}

/// A function in Python that serves tools by `lrap_tools`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnTool {
    /// The function's folder, which has its source in `src`; relative to the agent's file.
    folder: PathBuf,
    /// `module.handler`.
    pub(crate) handler: String,
    /// The template of its stack, which only `make deploy-agent` reads.
    #[serde(default, rename = "template")]
    _template: Option<PathBuf>,
}

fn description() -> String {
    "An agent of one's own".to_owned()
}

impl Agent {
    /// The agent of a file, or the one that answers questions about a document.
    pub(crate) fn of(path: Option<&Path>) -> Result<Self> {
        let Some(path) = path else { return Ok(Self::of_document()) };
        let text = fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut agent: Self = toml::from_str(&text).with_context(|| format!("{} is not an agent", path.display()))?;
        let folder = path.parent().unwrap_or(Path::new("."));
        for tool in &mut agent.own_tools {
            tool.folder = folder.join(&tool.folder);
            ensure!(tool.source().is_dir(), "{}: there is no folder {}", path.display(), tool.source().display());
        }
        Ok(agent)
    }

    fn of_document() -> Self {
        Self {
            name: "document-reader".to_owned(),
            description: "Answers questions about one long document".to_owned(),
            prompt: "You answer questions about one document, which is at {document}. Fetch it with http_get. It is far too long to read: find \
                passages by document_search, giving it the handle, and read on from their offsets by document_read, as often as you need. \
                Quote what you answer from."
                .to_owned(),
            tools: ["http_get", "document_search", "document_read", "list_handles"].map(str::to_owned).to_vec(),
            model: None,
            parameters: Map::new(),
            own_tools: vec![],
            script: None,
        }
    }

    /// The prompt, with the address of the document.
    pub(crate) fn prompt(&self, url: &str) -> String {
        if self.prompt.contains("{document}") {
            return self.prompt.replace("{document}", url);
        }
        format!("{}\n\nThe document is at {url}.", self.prompt)
    }
}

impl OwnTool {
    fn module(&self) -> &str {
        self.handler.split_once('.').map_or(&self.handler, |(module, _)| module)
    }

    /// The function's name.
    pub(crate) fn function(&self) -> String {
        self.module().replace('_', "-")
    }

    /// What the function's sandbox gets as its code.
    pub(crate) fn source(&self) -> PathBuf {
        self.folder.join("src")
    }

    /// The command that prints its tools.
    pub(crate) fn describe(&self, arguments: &Arguments) -> Result<Command> {
        let (Some(python), Some(library)) = (&arguments.tool_python, &arguments.tool_library) else {
            bail!("an agent with own tools needs --tool-python and --tool-library");
        };
        let mut command = Command::new(std::path::absolute(python)?);
        command.args(["-m", "lrap_tools", self.module()]).current_dir(self.source());
        command.env("PYTHONPATH", std::path::absolute(library)?).env("PYTHONDONTWRITEBYTECODE", "1");
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Agent> {
        let folder = tempfile::tempdir()?;
        fs::create_dir_all(folder.path().join("mine/src"))?;
        fs::write(folder.path().join("agent.toml"), text)?;
        Agent::of(Some(&folder.path().join("agent.toml")))
    }

    #[test]
    fn an_agent_of_a_file_has_its_own_prompt_and_tools() {
        let text = "name = 'mine'\nprompt = 'Read {document}.'\ntools = ['http_get']\n[parameters]\nmax_iterations = 3\n\
            [[own_tools]]\nfolder = 'mine'\nhandler = 'count_word.handler'\ntemplate = 'mine.yaml'";
        let agent = read(text).expect("an agent");
        assert_eq!(agent.prompt("https://a.test"), "Read https://a.test.");
        assert_eq!(agent.tools, ["http_get"]);
        assert_eq!(
            (agent.own_tools[0].function().as_str(), &agent.parameters["max_iterations"]),
            ("count-word", &3.into())
        );
    }

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        let said = |text| format!("{:#}", read(text).expect_err("no agent"));
        assert!(said("name = 'mine'").contains("missing field `prompt`"));
        assert!(said("name = 'mine'\nprompt = ''\ntool = []").contains("unknown field `tool`"));
        let folder = said("name = 'mine'\nprompt = ''\n[[own_tools]]\nfolder = 'nowhere'\nhandler = 'a.b'");
        assert!(folder.contains("there is no folder") && folder.contains("nowhere"), "{folder}");
        assert!(
            format!("{:#}", Agent::of(Some(Path::new("/nowhere"))).expect_err("no file"))
                .contains("cannot read /nowhere")
        );
    }

    #[test]
    fn a_prompt_that_does_not_name_the_document_ends_with_it() {
        let agent = read("name = 'mine'\nprompt = 'Be brief.'").expect("an agent");
        assert_eq!(agent.prompt("https://a.test"), "Be brief.\n\nThe document is at https://a.test.");
    }
}
