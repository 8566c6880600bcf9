//! `document-analyser`: a Lambda function for `provided.al2023`. Receives a document's text, however long, and answers with a
//! few kilobytes about it.

mod analysis;
mod handler;
mod sections;
mod terms;

fn main() -> Result<(), functions_shared::Error> {
    functions_shared::run(handler::handle)
}
