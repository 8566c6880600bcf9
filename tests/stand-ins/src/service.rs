//! One service: what it is called, where it is, and what it answers; recorded, and failing as planned.

use crate::fault::{Fault, Script};
use crate::record::Record;
use axum::Router;
use axum::body::Body;
use axum::body::HttpBody;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{Request, Response};
use http_body_util::BodyExt;
use std::fmt;
use std::time::Duration;
use tokio::time::sleep;
use tower::ServiceExt;

/// What answers with [`Fault::Garbage`].
const GARBAGE: &str = "<html><title>Sign in to the network</title></html>";

/// A service that is stood in for.
#[derive(Clone)]
pub struct Service {
    /// As records and scripts call it.
    pub name: String,
    /// The real service's.
    pub hosts: &'static [&'static str],
    /// What the paths of its requests begin with: several services may share a host.
    pub below: &'static str,
    /// What it answers.
    pub router: Router,
}

/// The connection is to be closed without an answer.
#[derive(Debug)]
pub(crate) struct Dropped;

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the connection is closed, as planned")
    }
}

impl std::error::Error for Dropped {}

impl Service {
    /// Answers one request, or meets its fault.
    pub(crate) async fn answer<B>(
        &self,
        request: Request<B>,
        record: &Record,
        script: &Script,
    ) -> Result<Response<Body>, Dropped>
    where
        B: HttpBody<Data = Bytes>,
    {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Dropped)?.to_bytes();
        let place = record.add(&self.name, &head, &body);
        let request = Request::from_parts(head, Body::from(body));
        let response = self.meet(script.next(&self.name), request).await?;
        record.answered(place, &response);
        Ok(response)
    }

    async fn meet(&self, fault: Option<Fault>, request: Request<Body>) -> Result<Response<Body>, Dropped> {
        match fault {
            None => Ok(self.ask(request).await),
            Some(Fault::Down) => Err(Dropped),
            Some(Fault::Lost) => {
                self.ask(request).await;
                Err(Dropped)
            }
            Some(Fault::Slow { milliseconds }) => {
                let response = self.ask(request).await;
                sleep(Duration::from_millis(milliseconds)).await;
                Ok(response)
            }
            Some(Fault::Garbage) => Ok(Response::new(Body::from(GARBAGE))),
            Some(Fault::Status { status, retry_after }) => refused(status, retry_after),
        }
    }

    async fn ask(&self, request: Request<Body>) -> Response<Body> {
        let Ok(response) = self.router.clone().oneshot(request).await;
        response
    }
}

fn refused(status: u16, retry_after: Option<u64>) -> Result<Response<Body>, Dropped> {
    let mut response = Response::builder().status(status);
    if let Some(seconds) = retry_after {
        response = response.header(RETRY_AFTER, seconds);
    }
    // A script may have any number in place of a status.
    response.body(Body::empty()).map_err(|_| Dropped)
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("name", &self.name).finish_non_exhaustive()
    }
}
