//! The courses.

use crate::tool_error::ToolError;

/// Where the API of a course begins.
const API: &str = "/onlineres/onlineapi/api/v1/onlinereservation";
const IDENTITY: &str = "/identityapi";

/// One course.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Course {
    /// As payloads and tools call it.
    pub(crate) id: u32,
    pub(crate) name: &'static str,
    pub(crate) host: &'static str,
}

pub(crate) static COURSES: [Course; 2] = [
    Course { id: 1, name: "Birdsfoot", host: "birdsfoot.cps.golf" },
    Course { id: 2, name: "Totteridge", host: "totteridge.cps.golf" },
];

impl Course {
    /// The course of this number.
    pub(crate) fn of(id: u32) -> Result<&'static Self, ToolError> {
        let known = COURSES.iter().find(|course| course.id == id);
        known.ok_or_else(|| ToolError::new(format!("there is no course {id}; the courses are 1 and 2")))
    }

    /// A call's address, from the part behind the API's own path.
    pub(crate) fn api(&self, call: &str) -> String {
        format!("https://{}{API}/{call}", self.host)
    }

    /// Where a token is asked for.
    pub(crate) fn token_url(&self) -> String {
        format!("{}/connect/token", self.issuer())
    }

    /// Where the keys of tokens are published.
    pub(crate) fn jwks_url(&self) -> String {
        format!("{}/.well-known/openid-configuration/jwks", self.issuer())
    }

    /// Who gives tokens.
    pub(crate) fn issuer(&self) -> String {
        format!("https://{}{IDENTITY}", self.host)
    }
}
