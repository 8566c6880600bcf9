//! Credentials and region of the operator's profile, as far as they simply are in `~/.aws/credentials` and `~/.aws/config`.
//! What must be fetched (single sign-on, roles, processes) is left to the AWS CLI, which exports it to the environment.

/// The value of `key` in the section of a profile; of several sections of that name, the last that has it.
pub(crate) fn value<'a>(file: &'a str, section: &str, key: &str) -> Option<&'a str> {
    let mut inside = false;
    let mut found = None;
    for line in file.lines().filter(|line| !line.starts_with(['#', ';'])) {
        if let Some(header) = line.trim().strip_prefix('[') {
            inside = header.split(']').next().is_some_and(|name| is_section(name, section));
        } else if let Some((name, value)) = line.split_once('=').filter(|_| inside && !line.starts_with([' ', '\t'])) {
            found = if name.trim().eq_ignore_ascii_case(key) { Some(value.trim()) } else { found };
        }
    }
    found.filter(|value| !value.is_empty())
}

/// Sections of `~/.aws/config` are called `profile name`, those of `~/.aws/credentials` just `name`.
fn is_section(name: &str, section: &str) -> bool {
    let mut words = name.split_whitespace();
    match (words.next(), words.next()) {
        (Some("profile"), Some(name)) => name.trim_matches('"') == section,
        (name, None) => name == Some(section),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::value;

    const CONFIG: &str = "\
# a comment
[default]
region = eu-central-1
s3 =
  region = nested
[profile work]
region=us-east-1
[sso-session x]
region = eu-north-1
";

    #[test]
    fn values_stand_in_their_section() {
        assert_eq!(value(CONFIG, "default", "region"), Some("eu-central-1"));
        assert_eq!(value(CONFIG, "work", "region"), Some("us-east-1"));
        assert_eq!(value(CONFIG, "x", "region"), None);
        assert_eq!(value(CONFIG, "work", "output"), None);
        assert_eq!(value("[a]\nAWS_Access_Key_Id = id=1 \n[b]\n", "a", "aws_access_key_id"), Some("id=1"));
    }
}
