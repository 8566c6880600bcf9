//! Messages to topics, and batches of messages from queues.
//!
//! - [`Topics`] publishes a message to the topic of its type. A message that is too long for SNS is shortened first: its payload is stored
//!   as a content, and the layer of the function that receives the message puts it back.
//! - [`batch`] handles the records of an SQS event one by one, and names the failed ones, so that SQS delivers only these again.

pub mod batch;
mod delivery;
mod publish_error;
mod topics;

pub use batch::{BatchResponse, SqsEvent};
pub use delivery::{Delivery, NotAMessage};
pub use publish_error::PublishError;
pub use topics::Topics;
