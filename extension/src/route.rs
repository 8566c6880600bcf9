//! Determines which call of the Runtime API a request is. Any request that is not known here is forwarded unchanged.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

/// A call of the Runtime API, as far as the proxy distinguishes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Route<'a> {
    /// The long poll for the next event.
    Next,
    /// The response of the invocation with this request id.
    Response(&'a str),
    /// The error of the invocation with this request id.
    Error(&'a str),
    /// The poll with which a runtime waits to be restored from a snapshot.
    RestoreNext,
    /// Every other call, known or not. It includes errors of the init phase: Lambda passes them to the caller, but they
    /// occur before any event, so they contain nothing from an event.
    Other,
}

const INVOCATION: &str = "/2018-06-01/runtime/invocation/";
const RESTORE_NEXT: &str = "/2018-06-01/runtime/restore/next";

impl<'a> Route<'a> {
    /// The call of a request with this `method` and `path` (without its query).
    pub fn of(method: &str, path: &'a str) -> Self {
        if method == "GET" && path == RESTORE_NEXT {
            return Self::RestoreNext;
        }
        let Some(call) = path.strip_prefix(INVOCATION) else { return Self::Other };
        if method == "GET" && call == "next" {
            return Self::Next;
        }
        match call.split_once('/') {
            Some((id, "response")) if method == "POST" && !id.is_empty() => Self::Response(id),
            Some((id, "error")) if method == "POST" && !id.is_empty() => Self::Error(id),
            _ => Self::Other,
        }
    }
}

/// The path to which the error of an invocation is sent.
pub fn error_path(request_id: &str) -> String {
    format!("{INVOCATION}{request_id}/error")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_calls_we_act_on_are_told_from_the_rest() {
        let of = Route::of;
        assert_eq!(of("GET", "/2018-06-01/runtime/invocation/next"), Route::Next);
        assert_eq!(of("POST", "/2018-06-01/runtime/invocation/a-1/response"), Route::Response("a-1"));
        assert_eq!(of("POST", "/2018-06-01/runtime/invocation/a-1/error"), Route::Error("a-1"));
        assert_eq!(of("GET", "/2018-06-01/runtime/restore/next"), Route::RestoreNext);
        for (method, path) in [
            ("POST", "/2018-06-01/runtime/invocation/next"),
            ("GET", "/2018-06-01/runtime/invocation/a-1/response"),
            ("POST", "/2018-06-01/runtime/invocation//response"),
            ("POST", "/2018-06-01/runtime/invocation/a-1/response/more"),
            ("POST", "/2018-06-01/runtime/init/error"),
            ("POST", "/2018-06-01/runtime/restore/next"),
            ("GET", "/2018-06-01/runtime/restore/error"),
            ("GET", "/2030-01-01/runtime/invocation/next"),
        ] {
            assert_eq!(of(method, path), Route::Other, "{method} {path}");
        }
    }

    proptest! {
        #[test]
        fn total(method in "[A-Z]{1,7}", path in "(/2018-06-01/runtime/invocation/)?[ -~]{0,40}") {
            let _ = Route::of(&method, &path);
        }

        #[test]
        fn error_paths_are_error_routes(id in "[!-.0-~]{1,40}") {
            let path = error_path(&id);
            prop_assert_eq!(Route::of("POST", &path), Route::Error(&id));
        }
    }
}
