#!/usr/bin/env python3
"""Write the manual pages, docs/commands.md and the completions of shells from what the program says of itself.

    tools/make-manuals.py PROGRAM            writes docs/man/*, docs/commands.md and deploy/completions/*
    tools/make-manuals.py PROGRAM --check    exit 1 when a file is not what PROGRAM says

Options, commands and exit codes come from `--print-commands`, the keys of the configuration from `--print-docs`: nothing is told twice.
"""
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAME = "noveum-gateway"
FILES = [
    ("/etc/noveum-gateway/gateway.yaml", "the configuration of the service; `configs/gateway.yaml` is an example with every part explained"),
    ("/etc/noveum-gateway/environment", "NOVEUM_API_KEY=..., read by the service manager"),
    ("/var/lib/noveum-gateway", "journal, outbox and dead letters of the service (journal.directory)"),
    (".noveum_trace_dev", "traces as JSON files when there is no key (exporter.file.directory)")]


def say(program, argument):
    """What the program prints."""
    return subprocess.run([program, argument], capture_output=True, text=True, check=True, timeout=30).stdout


class Help:
    """--print-commands in parts: (words, text) of options and commands."""

    def __init__(self, table):
        self.summary = table["summary"]
        self.options = [(self.words(option), option["text"]) for option in table["options"]]
        self.commands = table["commands"]
        self.notes = table["notes"]
        self.version = table["version"]
        self.table = table

    @staticmethod
    def words(option):
        """-c, --config FILE"""
        letter = f"-{option['letter']}, " if option["letter"] else ""
        return f"{letter}--{option['name']}" + (f" {option['value']}" if option["value"] else "")


def keys_of(page):
    """[(key, kind, default, meaning, variable of the SDK)] of docs/configuration.md."""
    rows = re.findall(r"^\| `([\w.]+)` \| ([^|]*) \| ?([^|]*?) ?\| ((?:[^|\\]|\\.)*) \| ([^|]*) ?\|$", page, re.M)
    return [tuple(field.replace("\\|", "|").strip() for field in row) for row in rows]


def roff(text):
    """Text of a manual page: no line of it is a request, backquotes set what is typed in bold."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    text = re.sub(r"`([^`]*)`", r"\\fB\1\\fR", text)
    return "\n".join("\\&" + line if line[:1] in ".'" else line for line in text.splitlines())


def released(version):
    """The day of a version, by CHANGELOG.md."""
    found = re.search(rf"^## {re.escape(version)} \((\d{{4}}-\d\d-\d\d)\)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert found, f"CHANGELOG.md has no section `## {version} (YYYY-MM-DD)`"
    return found.group(1)


def head(section, version, summary):
    """The first lines of a page."""
    return (f'.\\" made by tools/make-manuals.py; do not edit\n.TH NOVEUM\\-GATEWAY {section} {released(version)} "noveum\\-gateway {version}" '
            f'"Noveum OpenTelemetry gateway"\n.SH NAME\n{roff(NAME)} \\- {roff(summary)}\n')


def sentence(text):
    """With a capital and a full stop."""
    return text[0].upper() + text[1:] + "."


def page_1(help_, version):
    """noveum-gateway(1)"""
    out = head(1, version, help_.summary) + f".SH SYNOPSIS\n.B {roff(NAME)}\n[OPTION]... [COMMAND]\n"
    out += ".SH OPTIONS\n" + "".join(f".TP\n.B {roff(words)}\n{roff(text)}\n" for words, text in help_.options)
    out += ".SH COMMANDS\n"
    for command in help_.commands:
        out += f".TP\n.B {roff(command['words'])}\n{roff(sentence(command['summary']))}\n" + (roff(command["text"]) + "\n" if command["text"] else "")
        if command["options"]:
            out += ".RS\n" + "".join(f".TP\n.B {roff(help_.words(option))}\n{roff(option['text'])}\n" for option in command["options"]) + ".RE\n"
    out += ".SH DESCRIPTION\n" + "\n.PP\n".join(roff(line) for line in help_.notes) + "\n"
    out += ".SH FILES\n" + "".join(f".TP\n.I {roff(path)}\n{roff(text)}\n" for path, text in FILES)
    return out + ".SH SEE ALSO\n.BR noveum\\-gateway (5)\n"


def commands_page(help_):
    """docs/commands.md"""
    def rows(options):
        return "".join(f"| `{help_.words(o)}` | {o['text']} |\n" for o in options)
    out = "# The command line\n\n<!-- made by `tools/make-manuals.py` from gateway/commands/command_table.h; do not edit -->\n\n"
    out += f"`{NAME} [OPTION]... [COMMAND]`. Without a command the gateway runs. `{NAME} COMMAND --help` says the same as this page.\n\n"
    out += "| option | does |\n|---|---|\n" + rows(help_.table["options"])
    for command in help_.commands:
        out += f"\n## {command['words']}\n{sentence(command['summary'])}" + (f" {command['text']}" if command["text"] else "") + "\n"
        if command["options"]:
            out += "\n| option | does |\n|---|---|\n" + rows(command["options"])
    return out


def page_5(keys, version):
    """noveum-gateway(5)"""
    out = head(5, version, "keys of the gateway's configuration")
    out += (".SH DESCRIPTION\n" + roff("Every key can be given by `--set KEY=VALUE`, as an environment variable (`NOVEUM_GATEWAY_` and the key in capitals\n"
            "with `_` for `.`) and in the YAML file of `--config`; what comes first here counts. `${env:NAME}` and `${file:PATH}` are replaced in\n"
            "values. Keys marked reload change at SIGHUP.") + "\n.SH KEYS\n")
    for key, kind, default, meaning, variable in keys:
        facts = f"{kind}, default {default.strip('`') or 'none'}" + (f", of the SDK: {variable}" if variable else "")
        out += f".TP\n.BR {roff(key)}\n{roff(meaning)}\n.br\n({roff(facts)})\n"
    return out + ".SH SEE ALSO\n.BR noveum\\-gateway (1)\n"


def words_of(help_):
    """(options, those that take a value, {first word of commands: what may follow}), with options of commands behind these."""
    options = [f"--{o['name']}" for o in help_.table["options"]]
    valued = [f"--{o['name']}" for o in help_.table["options"] if o["value"]]
    commands = {}
    for command in help_.commands:
        follow = commands.setdefault(command["first"], [])
        own = [f"--{o['name']}" for o in command["options"]]
        follow += [word for word in ([command["second"]] if command["second"] else []) + own if word not in follow]
    commands["help"] = [first for first in commands if first != "help"]
    return options, valued, commands


def take_files(help_):
    """First words of commands that take files."""
    return [c["first"] for c in help_.commands if c["argument"] == "FILE"]


def bash(help_, keys):
    """Completion for bash."""
    options, _, commands = words_of(help_)
    cases = "".join(f"    {first}) COMPREPLY=($(compgen -W '{' '.join(rest)}' -- \"$word\")) ;;\n"
                    for first, rest in commands.items() if rest and first not in take_files(help_))
    files = "|".join(take_files(help_))
    return f"""# made by tools/make-manuals.py; do not edit
_noveum_gateway() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    case $before in
    --config) COMPREPLY=($(compgen -f -- "$word")) ;;
    --set)
        compopt -o nospace
        COMPREPLY=($(compgen -S = -W '{' '.join(key for key, *_ in keys)}' -- "$word"))
        ;;
{cases}    {files}) COMPREPLY=($(compgen -f -- "$word")) ;;
    *) COMPREPLY=($(compgen -W '{' '.join(options + list(commands))}' -- "$word")) ;;
    esac
}}
complete -o filenames -F _noveum_gateway noveum-gateway
"""


def quoted(text):
    """A text between single quotes of zsh's and fish's descriptions."""
    return re.sub(r"[\[\]:'`\\]", " ", text)


def zsh(help_, keys):
    """Completion for zsh."""
    options, valued, commands = words_of(help_)
    texts = {f"--{o['name']}": o["text"] for o in help_.table["options"]}
    actions = {"--config": ":file:_files", "--set": f":key:({' '.join(key + '=' for key, *_ in keys)})"}
    rows = "".join(f"    '{'*' if o == '--set' else ''}{o}[{quoted(texts[o])}]{actions.get(o, ':value:') if o in valued else ''}' \\\n" for o in options)
    seconds = "".join(f"    {first}) _values command {' '.join(rest)} ;;\n" for first, rest in commands.items() if rest and first not in take_files(help_))
    return f"""#compdef noveum-gateway
# made by tools/make-manuals.py; do not edit
_noveum_gateway_second() {{
    case $words[CURRENT-1] in
{seconds}    *) _files ;;
    esac
}}
_arguments \\
{rows}    '1:command:({' '.join(commands)})' \\
    '*::argument:_noveum_gateway_second'
"""


def fish(help_, keys):
    """Completion for fish."""
    options, valued, commands = words_of(help_)
    texts = {f"--{o['name']}": o["text"] for o in help_.table["options"]}
    out = "# made by tools/make-manuals.py; do not edit\ncomplete -c noveum-gateway -f\n"
    for o in options:
        more = {"--config": " -rF", "--set": f" -x -a '{' '.join(key + '=' for key, *_ in keys)}'"}.get(o, " -x") if o in valued else ""
        out += f"complete -c noveum-gateway -l {o[2:]}{more} -d '{quoted(texts[o])}'\n"
    out += f"complete -c noveum-gateway -n __fish_use_subcommand -a '{' '.join(commands)}'\n"
    for first, rest in commands.items():
        if rest:
            out += f"complete -c noveum-gateway -n '__fish_seen_subcommand_from {first}' -a '{' '.join(rest)}'\n"
        if first in take_files(help_):
            out += f"complete -c noveum-gateway -n '__fish_seen_subcommand_from {first}' -F\n"
    return out


def main(program, *arguments):
    """Command line."""
    help_, keys = Help(json.loads(say(program, "--print-commands"))), keys_of(say(program, "--print-docs"))
    version = help_.version
    assert len(keys) > 40 and len(help_.options) > 4 and len(help_.commands) > 7, "--print-commands or --print-docs looks different"
    files = {ROOT / "docs" / "man" / f"{NAME}.1": page_1(help_, version), ROOT / "docs" / "man" / f"{NAME}.5": page_5(keys, version)}
    files[ROOT / "docs" / "commands.md"] = commands_page(help_)
    files |= {ROOT / "deploy" / "completions" / f"{NAME}.{shell.__name__}": shell(help_, keys) for shell in (bash, zsh, fish)}
    wrong = 0
    for path, text in files.items():
        if arguments != ("--check",):
            path.write_text(text, "utf-8")
        elif not path.exists() or path.read_text("utf-8") != text:
            print(f"{path} is out of date: tools/make-manuals.py {program}")
            wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
