//! The paths of the API. The OpenAPI description lists the same; a test compares them.

use http_api::{Request, Response};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `POST /api/messages`
    CreateMessage,
    /// `GET /api/messages`
    ListMessages,
    /// `GET /api/messages/{id}`
    GetMessage,
    /// `POST /api/schedules`
    ChangeSchedule,
    /// `GET /api/schedules`
    ListSchedules,
    /// `GET /api/results/{id}`
    GetResult,
    /// `GET /api/usage`
    GetUsage,
    /// `GET /api/health`
    GetHealth,
    /// `GET /api/metrics`
    GetMetrics,
}

/// Every route: method, path with `{id}` for any part, operation.
pub const ROUTES: [(&str, &str, Operation); 9] = [
    ("POST", "/api/messages", Operation::CreateMessage),
    ("GET", "/api/messages", Operation::ListMessages),
    ("GET", "/api/messages/{id}", Operation::GetMessage),
    ("POST", "/api/schedules", Operation::ChangeSchedule),
    ("GET", "/api/schedules", Operation::ListSchedules),
    ("GET", "/api/results/{id}", Operation::GetResult),
    ("GET", "/api/usage", Operation::GetUsage),
    ("GET", "/api/health", Operation::GetHealth),
    ("GET", "/api/metrics", Operation::GetMetrics),
];

/// The operation of a request; else the 404, the 405 or the list of methods that it gets.
pub(crate) fn route(request: &Request) -> Result<Operation, Box<Response>> {
    let there: Vec<_> = ROUTES.iter().filter(|(_, path, _)| fits(path, &request.path)).collect();
    if let Some((_, _, operation)) = there.iter().find(|(method, _, _)| *method == request.method) {
        return Ok(*operation);
    }
    let mut methods: Vec<_> = there.iter().map(|(method, _, _)| *method).collect();
    methods.sort_unstable();
    if methods.is_empty() {
        return Err(Box::new(Response::no_such_path()));
    }
    methods.push("OPTIONS");
    let allowed = methods.join(", ");
    let is_question = request.method == "OPTIONS";
    let response =
        if is_question { Response::no_content().with("allow", allowed) } else { Response::other_methods(&allowed) };
    Err(Box::new(response))
}

fn fits(pattern: &str, path: &[String]) -> bool {
    let parts: Vec<_> = pattern.split('/').skip(1).collect();
    parts.len() == path.len() && parts.iter().zip(path).all(|(part, given)| *part == "{id}" || part == given)
}
