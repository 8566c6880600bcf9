//! The environment of a sandbox's processes: Lambda's variables, the function's own, nothing of this machine's but `PATH`.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>

use crate::config::{FunctionConfig, Runtime};
use crate::definition::Definition;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Names the program in front of a managed runtime.
pub(crate) const EXEC_WRAPPER: &str = "AWS_LAMBDA_EXEC_WRAPPER";
/// Where a proxy in the sandbox listens.
const LISTENER_PORT: &str = "LRAP_LISTENER_PORT";

/// Not given to extensions by Lambda either.
const RUNTIME_ONLY: &[&str] =
    &["_HANDLER", "AWS_EXECUTION_ENV", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "LAMBDA_TASK_ROOT"];

/// Variables by name.
pub(crate) type Environment = BTreeMap<String, OsString>;

/// The environment of the runtime. `api` is `host:port` of both APIs, `proxy_port` the port of a proxy that the layer may hold.
pub(crate) fn of_runtime(definition: &Definition, api: &str, proxy_port: Option<u16>) -> Environment {
    let function = &definition.config;
    let mut environment = reserved(definition, api);
    environment.extend(search_paths(function, &definition.host.inherited.path));
    if let Some(port) = proxy_port {
        environment.insert(LISTENER_PORT.to_owned(), port.to_string().into());
    }
    let own = function.environment.iter();
    environment.extend(own.map(|(name, value)| (name.clone(), under_layer(value, function.layer.as_deref()))));
    environment
}

/// The same without what extensions do not see.
pub(crate) fn of_extension(runtime: &Environment) -> Environment {
    let visible = runtime.iter().filter(|(name, _)| !RUNTIME_ONLY.contains(&name.as_str()));
    visible.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// Whether the layer's proxy needs a port: the function did not choose one.
pub(crate) fn chooses_port(function: &FunctionConfig) -> bool {
    function.environment.contains_key(LISTENER_PORT)
}

fn reserved(definition: &Definition, api: &str) -> Environment {
    let Definition { name, version, config: function, host, .. } = definition;
    let mut variables = vec![
        ("AWS_LAMBDA_RUNTIME_API", api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", version.clone()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", function.memory.to_string()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", initialization_type(function).to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[{version}]{}", uuid::Uuid::new_v4().simple())),
        ("AWS_REGION", host.inherited.region.clone()),
        ("AWS_DEFAULT_REGION", host.inherited.region.clone()),
        ("AWS_ENDPOINT_URL_DYNAMODB", host.table_endpoint.clone()),
        ("TZ", ":UTC".to_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("_HANDLER", function.handler.clone().unwrap_or_else(|| "bootstrap".to_owned())),
    ];
    if let Some(max_concurrency) = function.max_concurrency() {
        variables.push(("AWS_LAMBDA_MAX_CONCURRENCY", max_concurrency.to_string()));
        variables.push(("AWS_LAMBDA_LOG_FORMAT", "JSON".to_owned()));
    }
    let others = host.other_services.iter();
    variables.extend(others.map(|endpoint| ("AWS_ENDPOINT_URL_SECRETS_MANAGER", endpoint.clone())));
    let every = host.every_service.iter();
    variables.extend(every.map(|endpoint| ("AWS_ENDPOINT_URL", endpoint.clone())));
    let (mark, marked) = host.mark.variable();
    variables.push((mark, marked.to_owned()));
    let execution = match function.runtime {
        Runtime::Provided => None,
        Runtime::Python => Some("AWS_Lambda_python"),
        Runtime::Node => Some("AWS_Lambda_nodejs"),
    };
    variables.extend(execution.map(|execution| ("AWS_EXECUTION_ENV", execution.to_owned())));
    let mut environment: Environment =
        variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    environment.insert("LAMBDA_TASK_ROOT".to_owned(), function.directory.clone().into());
    let shared = host.inherited.credentials.iter().chain(&host.variables);
    environment.extend(shared.map(|(name, value)| (name.clone(), value.into())));
    environment
}

/// How Lambda starts the sandboxes of this function.
pub(crate) fn initialization_type(function: &FunctionConfig) -> &'static str {
    if function.managed_instances.is_some() { "lambda-managed-instances" } else { "on-demand" }
}

/// Where programs and libraries are found: this machine's `PATH`, and what Lambda adds for layers.
fn search_paths(function: &FunctionConfig, path: &OsString) -> Environment {
    let mut environment = Environment::from([("PATH".to_owned(), path.clone())]);
    let Some(layer) = &function.layer else {
        return environment;
    };
    let folders = [("LD_LIBRARY_PATH", "lib"), ("PYTHONPATH", "python"), ("NODE_PATH", "nodejs/node_modules")];
    let existing =
        folders.into_iter().map(|(name, folder)| (name, layer.join(folder))).filter(|(_, folder)| folder.is_dir());
    environment.extend(existing.map(|(name, folder)| (name.to_owned(), folder.into())));
    let bin = layer.join("bin");
    if bin.is_dir() {
        let mut extended = path.clone();
        extended.push(":");
        extended.push(bin);
        environment.insert("PATH".to_owned(), extended);
    }
    environment
}

/// `/opt/x` of the function is `x` in the layer's folder.
fn under_layer(value: &str, layer: Option<&Path>) -> OsString {
    match (value.strip_prefix("/opt/"), layer) {
        (Some(path), Some(layer)) => layer.join(path).into(),
        _ => value.into(),
    }
}

/// The files in `<layer>/extensions/` that Lambda would start: executable ones, not folders; in the order of their names.
pub(crate) fn extensions_in(layer: &Path) -> std::io::Result<Vec<PathBuf>> {
    let folder = layer.join("extensions");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if is_executable_file(&path) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn is_executable_file(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::Host;
    use std::sync::Arc;

    fn definition(function: FunctionConfig) -> Definition {
        Definition::latest("f".to_owned(), function, Arc::new(Host::for_tests()))
    }

    fn function(environment: &[(&str, &str)]) -> FunctionConfig {
        let own = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        FunctionConfig {
            layer: Some("/somewhere/layer".into()),
            environment: own.collect(),
            ..FunctionConfig::default()
        }
    }

    #[test]
    fn opt_is_the_layers_folder() {
        let function = function(&[(EXEC_WRAPPER, "/opt/extensions/w/wrapper"), ("OTHER", "/optional")]);
        let environment = of_runtime(&definition(function), "127.0.0.1:1", None);
        assert_eq!(environment[EXEC_WRAPPER], "/somewhere/layer/extensions/w/wrapper");
        assert_eq!(environment["OTHER"], "/optional");
    }

    #[test]
    fn the_functions_own_variables_win() {
        let function = function(&[("AWS_ENDPOINT_URL_DYNAMODB", "http://mine"), (LISTENER_PORT, "9009")]);
        let environment = of_runtime(&definition(function), "127.0.0.1:1", Some(1234));
        assert_eq!(environment["AWS_ENDPOINT_URL_DYNAMODB"], "http://mine");
        assert_eq!(environment[LISTENER_PORT], "9009");
    }

    #[test]
    fn every_function_gets_the_variables_of_the_machine_and_its_own_win() {
        let mut host = Host::for_tests();
        host.variables =
            [("TEST_CA_FILE", "/ca"), ("OTHER", "machine")].map(|(name, value)| (name.into(), value.into())).into();
        let definition = Definition::latest("f".to_owned(), function(&[("OTHER", "own")]), Arc::new(host));
        let environment = of_runtime(&definition, "127.0.0.1:1", None);
        assert_eq!((&environment["TEST_CA_FILE"], &environment["OTHER"]), (&"/ca".into(), &"own".into()));
    }

    #[test]
    fn extensions_do_not_see_what_lambda_hides_from_them() {
        let runtime = of_runtime(&definition(function(&[])), "127.0.0.1:1", Some(1234));
        let extension = of_extension(&runtime);
        assert!(runtime.contains_key("_HANDLER") && !extension.contains_key("_HANDLER"));
        assert_eq!(extension["AWS_LAMBDA_RUNTIME_API"], "127.0.0.1:1");
        assert_eq!(extension[LISTENER_PORT], "1234");
    }

    #[test]
    fn managed_instances_say_how_many_invocations_come_at_once() {
        let managed_instances = Some(crate::config::ManagedInstances { max_concurrency: 8 });
        let managed = FunctionConfig { managed_instances, ..function(&[]) };
        let runtime = of_runtime(&definition(managed), "127.0.0.1:1", None);
        for environment in [of_extension(&runtime), runtime] {
            assert_eq!(environment["AWS_LAMBDA_MAX_CONCURRENCY"], "8");
            assert_eq!(environment["AWS_LAMBDA_INITIALIZATION_TYPE"], "lambda-managed-instances");
        }
        let on_demand = of_runtime(&definition(function(&[])), "127.0.0.1:1", None);
        assert!(!on_demand.contains_key("AWS_LAMBDA_MAX_CONCURRENCY"));
        assert_eq!(on_demand["AWS_LAMBDA_INITIALIZATION_TYPE"], "on-demand");
    }
}
