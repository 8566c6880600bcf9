//! The real program where a sandbox has several invocations at once, as on managed instances: a stand-in for the Runtime API hands
//! out all events together, and accepts no response before all of them are there.

#![allow(clippy::unwrap_used)]

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

const AT_ONCE: usize = 4;
const LONG: Duration = Duration::from_secs(30);

/// Where [`AT_ONCE`] requests wait for each other.
#[derive(Default)]
struct Meeting {
    present: Mutex<usize>,
    changed: Condvar,
}

impl Meeting {
    /// Whether everybody came in time; the number of whoever comes.
    fn join(&self) -> (usize, bool) {
        let mut present = self.present.lock().unwrap();
        *present += 1;
        let number = *present;
        self.changed.notify_all();
        (number, self.wait(present))
    }

    fn is_complete(&self) -> bool {
        self.wait(self.present.lock().unwrap())
    }

    fn wait(&self, present: std::sync::MutexGuard<'_, usize>) -> bool {
        *self.changed.wait_timeout_while(present, LONG, |present| *present < AT_ONCE).unwrap().0 >= AT_ONCE
    }
}

/// The stand-in.
#[derive(Default)]
struct RuntimeApi {
    polls: Meeting,
    responses: Meeting,
    names: Mutex<Vec<String>>,
}

impl RuntimeApi {
    /// Serves one connection until it closes.
    fn serve(&self, connection: TcpStream) -> io::Result<()> {
        let mut lines = BufReader::new(connection.try_clone()?);
        let mut connection = connection;
        while let Some((target, body)) = request(&mut lines)? {
            let answer = if target.starts_with("GET") { self.event() } else { Some(self.response(&target, &body)) };
            // A poll after the events stays open until the end.
            let Some(answer) = answer else { return lines.read_to_end(&mut vec![]).map(drop) };
            connection.write_all(answer.as_bytes())?;
        }
        Ok(())
    }

    fn event(&self) -> Option<String> {
        let (number, together) = self.polls.join();
        let body = format!(r#"{{"document":{{"name":"{number}","encoding":"utf-8"}},"text":"some words"}}"#);
        let head = format!(
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {number}\r\nLambda-Runtime-Deadline-Ms: 9999999999999\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        (together && number <= AT_ONCE).then(|| head + &body)
    }

    fn response(&self, target: &str, body: &str) -> String {
        self.names.lock().unwrap().push(format!("{target} {body}"));
        self.responses.join();
        "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n".to_owned()
    }
}

/// Method and path of the next request, and its body.
fn request(lines: &mut BufReader<TcpStream>) -> io::Result<Option<(String, String)>> {
    let (mut head, mut line) = (Vec::new(), String::new());
    while lines.read_line(&mut line)? > 2 {
        head.push(std::mem::take(&mut line));
    }
    if head.is_empty() {
        return Ok(None);
    }
    let length = |line: &String| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok();
    let mut body = vec![0; head.iter().find_map(length).unwrap_or(0)];
    lines.read_exact(&mut body)?;
    Ok(Some((head[0].clone(), String::from_utf8(body).unwrap())))
}

struct Function(Child);

impl Drop for Function {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[test]
fn invocations_overlap_where_the_sandbox_has_several() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_document-analyser"));
    command.env_clear().env("AWS_LAMBDA_RUNTIME_API", listener.local_addr().unwrap().to_string());
    command.env("AWS_LAMBDA_FUNCTION_NAME", "f").env("AWS_LAMBDA_FUNCTION_VERSION", "1");
    command.env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048").env("AWS_LAMBDA_MAX_CONCURRENCY", AT_ONCE.to_string());
    let _function = Function(command.stdout(Stdio::null()).spawn().unwrap());

    let api = Arc::new(RuntimeApi::default());
    let accepting = Arc::clone(&api);
    thread::spawn(move || {
        for connection in listener.incoming() {
            let api = Arc::clone(&accepting);
            thread::spawn(move || api.serve(connection.unwrap()));
        }
    });

    assert!(api.polls.is_complete(), "{AT_ONCE} polls wait at once");
    assert!(api.responses.is_complete(), "no response waits for another one's acceptance");
    let mut names = std::mem::take(&mut *api.names.lock().unwrap());
    names.sort();
    for (number, name) in names.iter().enumerate().map(|(index, name)| (index + 1, name)) {
        assert!(name.starts_with(&format!("POST /2018-06-01/runtime/invocation/{number}/response")), "{name}");
        assert!(name.contains(&format!(r#""name":"{number}""#)), "each answers its own event: {name}");
    }
    assert_eq!(names.len(), AT_ONCE);
}
