#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles the examples in the headers of include/mimo, so that they stay true.

An example is a run of lines in a header's comment that are indented by four spaces or more behind the star and hold C. `...`
stands for anything: alone, in front of a comment, or around words. SETTINGS has the names that an example takes for granted.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
C = re.compile(r"[;{}](\s*//.*|\s*\.\.\.)?$", re.MULTILINE)
FUNCTION = re.compile(r"^    static [^;={]*\)\n    \{\n(?:.*\n)*?    \}\n", re.MULTILINE)
# Of each header the headers that its example needs besides, the type that it returns, and the names that it takes for granted.
SETTINGS = {
    "certificate": ("mimo/clock.h", "int", "struct certificate_data data; struct error *error;"),
    "cleanup": ("fcntl.h", "void *", "struct { int fd; } *table; const char *path; char *text;"),
    "command_line": ("", "void", "const struct command_option table[7]; char **argv; int argc, number; const char *value; "
                                 "struct error error;"),
    "document": ("", "int", "struct json_object *object, *extra; const char *name; struct error *error;"),
    "endpoint": ("stdio.h", "int", "const char *url; struct error *error;"),
    "error": ("errno.h mimo/store.h", "int", "int fd; const char *path, *id; struct store *store; struct store_operation *operations; "
                                             "size_t count; struct error *error;"),
    "https": ("mimo/document.h", "int", "const char *pem; struct json_object *endpoints; struct https_client *client; struct error *error;"),
    "ini_file": ("", "int", "const char *path, *text; size_t length; void *reading; struct error *error; "
                            "__typeof__(*((struct ini_handlers *)0)->section) take_section; "
                            "__typeof__(*((struct ini_handlers *)0)->key) take_key;"),
    "json_scan": ("", "void", "const char *text; size_t length;"),
    "manifest": ("mimo/store.h", "void", "struct manifest manifest; struct store_item *item; const char *actuator_id; int64_t now, "
                                         "lease_seconds; struct store_operation operation; struct error *error;"),
    "network": ("", "void", "const struct sockaddr *peer; struct in6_addr address; struct error *error;"),
    "process_security": ("mimo/cleanup.h mimo/log.h", "void", "char text[PROCESS_CAPABILITIES_SIZE]; struct error *error;"),
    "step": ("", "struct step_result", "struct { int status; } answer; const char *what;"),
    "store": ("", "void", "struct store *store; const char *cluster_key, *id; struct json_object *changed; struct error *error;"),
    "store_change": ("", "enum change_verdict", "struct store *store; struct store_change *change; const char *key; "
                                               "struct json_object *changed; struct error *error; "
                                               "enum change_verdict decide(struct store_change *change);"),
    "text_buffer": ("sys/types.h mimo/cleanup.h", "void", "const char *name; void send(char *text, size_t length);"),
}


def examples(text):
    """(number of its first line, text) of each."""
    lines, first, in_list = [], 0, False
    for number, line in enumerate([*text.splitlines(), ""], 1):
        in_list = bool(re.match(r" \*\s+- ", line)) or (in_list and line != " *")
        if in_list:
            lines = []
        elif re.match(r" \*     +\S", line) or (lines and line == " *"):
            first = first if lines else number
            lines.append(line[3:])
        else:
            block = "\n".join(lines).strip("\n")
            block = re.sub(r"^ *\{\".*\n(?:\n|\Z)", "", block) # JSON
            if C.search(block):
                yield first, block
            lines = []


def complete(block):
    """C that can be compiled: prose gone, and something in place of what was left out."""
    out = []
    for line in block.splitlines():
        line = re.sub(r"\s+//.*", "", line)
        line = re.sub(r"^(\s*)\.\.\..*", r"\1;", line) # a line of prose, or nothing but dots
        out.append(re.sub(r"\s*\.\.\.$", " {;}", line))
    return "\n".join(out)


def compile_example(name, block):
    """What the compiler says; empty if it is content."""
    if name not in SETTINGS:
        return f"tests/unit/header_examples.py needs a row of SETTINGS for {name}.h"
    headers, result, names = SETTINGS[name]
    options = ["-Wall", "-Werror", "-Wno-unused", "-Wno-return-type", "-Wno-empty-body", "-fsyntax-only", "-x", "c", "-"]
    includes = "".join(f'#include <{header}>\n' if "/" not in header or header.startswith("sys/") else f'#include "{header}"\n'
                       for header in ["stdlib.h", "string.h", *headers.split(), f"mimo/{name}.h"])
    functions = "".join(FUNCTION.findall(block)) # outside of the function that has the rest
    block = FUNCTION.sub("", block)
    source = f"{includes}{names}\n{complete(functions)}\n{result} example(void);\n{result} example(void)\n{{\n{complete(block)}\n"
    source += {"int": "return 0;", "void *": "return NULL;"}.get(result, "") + "}\n"
    flags = subprocess.run(["pkg-config", "--cflags", "json-c"], capture_output=True, text=True, check=True).stdout.split()
    compiler = os.environ.get("CC", "cc").split()
    done = subprocess.run([*compiler, "-std=gnu17", "-D_GNU_SOURCE", f"-I{TOP}/include", f"-I{TOP}/src", *flags, *options],
                          input=source, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def main():
    passed = failed = 0
    for header in sorted((TOP / "include" / "mimo").glob("*.h")):
        for line, block in examples(header.read_text()):
            said = compile_example(header.stem, block)
            passed, failed = passed + (not said), failed + bool(said)
            if said:
                print(f"include/mimo/{header.name}:{line}: this example does not compile:\n{block}\n{said}")
    print(f"{passed} examples of headers compile, {failed} do not")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
