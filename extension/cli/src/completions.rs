//! `lrap completions`: scripts that complete the command line in a shell, from the same lists as everything else.

use std::fmt::Write as _;

use serde_json::json;

use super::answer::{Outcome, ToolError, print};
use super::commands::{COMMANDS, Command, Completes, FLAGS, Flag, SHELLS};
use super::context::Context;

pub(super) fn run(context: &Context) -> Result<Outcome, ToolError> {
    let shell = context.arguments.operands[0].to_string_lossy();
    let script = match shell.as_ref() {
        "bash" => bash(),
        "zsh" => zsh(),
        "fish" => fish(),
        _ => return Err(ToolError::Usage(format!("no completions for {shell:?}, only {}", SHELLS.join(", ")))),
    };
    print(context.arguments.has("json"), &json!({ "shell": shell, "script": script }), &script)
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(" ")
}

/// Every spelling of an option.
fn spellings(flag: &Flag) -> String {
    let short = flag.short.map(|short| format!("-{short}"));
    short.into_iter().chain([format!("--{}", flag.name)]).collect::<Vec<_>>().join("|")
}

fn bash() -> String {
    let names = words(COMMANDS.iter().map(|command| command.name));
    let mut values = String::new();
    for (flag, completes) in FLAGS.iter().filter_map(|flag| Some((flag, flag.value?.1))) {
        let _ = writeln!(values, "        {}) {} return ;;", spellings(flag), bash_reply(completes));
    }
    let mut operands = String::new();
    for command in COMMANDS {
        let flags: Vec<_> = command.flags().map(|flag| format!("--{}", flag.name)).collect();
        let reply = bash_reply(command.completes);
        let _ = writeln!(operands, "        {}) flags='{}'; {reply} ;;", command.name, flags.join(" "));
    }
    format!(
        r#"# bash completion of lrap: source <(lrap completions bash)
_lrap() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" command='' flags='' word
    COMPREPLY=()
    for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
        case " {names} " in *" $word "*) command=$word; break ;; esac
    done
    case "$previous" in
{values}    esac
    case "$command" in
        '') flags='{names} --help --version' ;;
{operands}    esac
    if [[ -z "$command" || "$current" == -* ]]; then
        COMPREPLY=($(compgen -W "$flags" -- "$current"))
    fi
}}
complete -o filenames -F _lrap lrap
"#
    )
}

fn bash_reply(completes: Completes) -> String {
    match completes {
        Completes::Nothing => String::new(),
        Completes::Files => r#"COMPREPLY=($(compgen -f -- "$current"));"#.to_owned(),
        Completes::Words(choices) => format!(r#"COMPREPLY=($(compgen -W "{}" -- "$current"));"#, choices.join(" ")),
    }
}

fn zsh() -> String {
    let mut commands = String::new();
    let mut cases = String::new();
    for command in COMMANDS {
        let _ = writeln!(commands, "        '{}:{}'", command.name, command.help);
        let flags = command.flags().map(zsh_flag).collect::<Vec<_>>().join(" ");
        let _ = writeln!(cases, "        {}) _arguments {flags} {} ;;", command.name, zsh_operand(command));
    }
    format!(
        r#"#compdef lrap
# zsh completion of lrap: lrap completions zsh > "${{fpath[1]}}/_lrap"
_lrap() {{
    local state
    local -a commands
    commands=(
{commands}    )
    _arguments '(-h --help)'{{-h,--help}}'[Print help]' '(-V --version)'{{-V,--version}}'[Print version and commit]' \
        '1: :->command' '*:: :->operand'
    case $state in
    command) _describe command commands ;;
    operand)
        case $words[1] in
{cases}        esac
        ;;
    esac
}}
_lrap "$@"
"#
    )
}

fn zsh_flag(flag: &Flag) -> String {
    let value = flag.value.map_or_else(String::new, |(name, completes)| format!(":{name}:{}", zsh_action(completes)));
    format!("'--{}[{}]{value}'", flag.name, flag.help)
}

fn zsh_operand(command: &Command) -> String {
    if command.count.1 == 0 { String::new() } else { format!("'*:operand:{}'", zsh_action(command.completes)) }
}

fn zsh_action(completes: Completes) -> String {
    match completes {
        Completes::Nothing => " ".to_owned(),
        Completes::Files => "_files".to_owned(),
        Completes::Words(choices) => format!("({})", choices.join(" ")),
    }
}

fn fish() -> String {
    let mut script =
        String::from("# fish completion of lrap: lrap completions fish > ~/.config/fish/completions/lrap.fish\n");
    script.push_str("complete -c lrap -f\n");
    for Command { name, help, completes, .. } in COMMANDS {
        let _ = writeln!(script, "complete -c lrap -n __fish_use_subcommand -a {name} -d '{help}'");
        let _ =
            writeln!(script, "complete -c lrap -n '__fish_seen_subcommand_from {name}'{}", fish_operand(*completes));
    }
    for flag in FLAGS {
        let short = flag.short.map_or_else(String::new, |short| format!(" -s {short}"));
        let value = flag.value.map_or_else(String::new, |(_, completes)| format!(" -r{}", fish_operand(completes)));
        let only = words(flag.commands.iter().copied());
        let only = if only.is_empty() { only } else { format!(" -n '__fish_seen_subcommand_from {only}'") };
        let _ = writeln!(script, "complete -c lrap{only} -l {}{short}{value} -d '{}'", flag.name, flag.help);
    }
    script
}

fn fish_operand(completes: Completes) -> String {
    match completes {
        Completes::Nothing => String::new(),
        Completes::Files => " -F".to_owned(),
        Completes::Words(choices) => format!(" -a '{}'", choices.join(" ")),
    }
}
