//! What the kernel is asked to execute: the same whichever C library this program is linked with.
//!
//! A script without a `#!` line is no program to the kernel (`ENOEXEC`). Shells run it all the same, by `/bin/sh`, and
//! so does glibc's `execvp`; musl's, which is shipped, does not. A name without a slash is searched by either, with
//! different defaults. So both are done here, as POSIX describes them for a shell: the file is found first, and a text
//! without `#!` is given to `/bin/sh`.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

const SHELL: &str = "/bin/sh";

/// Where programs are when `PATH` is unset.
const DEFAULT_PATH: &str = "/usr/local/bin:/bin:/usr/bin";

/// Bytes that tell a text from a program: bash looks at as many.
const SAMPLE: usize = 80;

/// How a program is executed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// By the kernel.
    Executable(PathBuf),
    /// By `/bin/sh`: a script that does not say by what.
    Script(PathBuf),
}

impl Program {
    /// The program of this name. One that is not found is left to the kernel to refuse.
    pub(crate) fn named(name: &OsStr, path: Option<OsString>) -> Self {
        let file = find(name, path).unwrap_or_else(|| name.into());
        if is_script_without_interpreter(&sample(&file)) { Self::Script(file) } else { Self::Executable(file) }
    }

    /// The file that the kernel executes, and what is in front of the arguments.
    pub(crate) fn command(self) -> (PathBuf, Option<PathBuf>) {
        match self {
            Self::Executable(file) => (file, None),
            Self::Script(script) => (SHELL.into(), Some(script)),
        }
    }
}

/// The file of this name: itself if it has a slash, else the first in the folders of `PATH` that may be executed.
fn find(name: &OsStr, path: Option<OsString>) -> Option<PathBuf> {
    if name.is_empty() || name.as_bytes().contains(&b'/') {
        return Some(name.into());
    }
    let path = path.unwrap_or_else(|| DEFAULT_PATH.into());
    std::env::split_paths(&path)
        .map(|folder| if folder.as_os_str().is_empty() { Path::new(".").join(name) } else { folder.join(name) })
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The first bytes of a file that may be executed; none of one that may not, or cannot be read.
fn sample(file: &Path) -> Vec<u8> {
    let mut sample = vec![];
    if is_executable(file)
        && let Ok(file) = File::open(file)
    {
        // What was read before an error is as good as nothing: the kernel decides.
        drop(file.take(SAMPLE as u64).read_to_end(&mut sample));
    }
    sample
}

/// Whether a file that begins so is text that names no interpreter: its first line, as far as it is known, has no NUL.
fn is_script_without_interpreter(sample: &[u8]) -> bool {
    let line = sample.split(|byte| *byte == b'\n').next().unwrap_or_default();
    !sample.is_empty() && !sample.starts_with(b"#!") && !sample.starts_with(b"\x7fELF") && !line.contains(&0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_without_an_interpreter_is_for_the_shell() {
        for text in ["exec \"$@\"\n", "# a comment\nexec \"$@\"", "\n", " #!/bin/sh\n", "e"] {
            assert!(is_script_without_interpreter(text.as_bytes()), "{text:?}");
        }
        for bytes in [&b"#!/bin/sh\n"[..], b"\x7fELF\x02\x01\x01\0", b"", b"\0asm", b"MZ\x90\0\x03"] {
            assert!(!is_script_without_interpreter(bytes), "{bytes:?}");
        }
        assert!(is_script_without_interpreter(b"echo 'a'\n\0"), "a payload behind the text");
    }

    #[test]
    fn a_name_is_searched_in_path_and_one_with_a_slash_is_not() {
        let find = |name: &str, path: &str| super::find(OsStr::new(name), Some(path.into()));
        assert_eq!(find("sh", "/no/such/folder:/bin:/usr/bin"), Some("/bin/sh".into()));
        assert_eq!(find("no-such-program", "/bin"), None);
        assert_eq!(find("./sh", "/bin"), Some("./sh".into()));
        assert_eq!(find("/bin", "/bin"), Some("/bin".into()));
        assert_eq!(find("passwd", "/etc:/usr/bin"), Some("/usr/bin/passwd".into()), "/etc/passwd may not be executed");
        assert_eq!(super::find(OsStr::new("sh"), None), Some("/bin/sh".into()));
    }

    #[test]
    fn what_is_not_there_is_left_to_the_kernel() {
        assert_eq!(Program::named(OsStr::new("nope"), Some("/bin".into())), Program::Executable("nope".into()));
    }
}
