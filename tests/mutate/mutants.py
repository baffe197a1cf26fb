# SPDX-License-Identifier: Apache-2.0
"""The single changes of a C file that a test should notice.

The file is cut into tokens, not parsed. That suffices because clang-format has laid it out: a binary operator has
white space on both sides, a unary operator and the star of a declaration have not.
"""

import re
from dataclasses import dataclass

TOKEN = re.compile(r"""
    (?P<comment>/\*.*?\*/|//[^\n]*)
  | (?P<directive>^[ \t]*\#(?:\\\n|[^\n])*)
  | (?P<string>"(?:\\.|[^"\\\n])*")
  | (?P<character>'(?:\\.|[^'\\\n])*')
  | (?P<number>\.?\d(?:[eEpP][+-]|[\w.])*)
  | (?P<word>[A-Za-z_]\w*)
  | (?P<operator>->|\+\+|--|<<=|>>=|\.\.\.|&&|\|\||[-+*/%&|^=!<>]=|<<|>>|[^\s\w])
""", re.VERBOSE | re.DOTALL | re.MULTILINE)

BINARY = {
    "==": ("!=",), "!=": ("==",), "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"),
    "&&": ("||",), "||": ("&&",), "+": ("-",), "-": ("+",), "*": ("/",), "/": ("*",), "%": ("*",),
    "&": ("|",), "|": ("&",), "^": ("&",), "<<": (">>",), ">>": ("<<",),
    "+=": ("-=",), "-=": ("+=",), "|=": ("&=",), "&=": ("|=",),
}
UNARY = {"!": "", "~": "", "++": "--", "--": "++"}
WORDS = {"true": "false", "false": "true"}
KEYWORDS = set("""auto bool break case char const continue default do double else enum extern float for goto if inline int
    long register return short signed sizeof static struct switch typedef union unsigned void volatile while _Noreturn
    _Static_assert static_assert _Alignof __attribute__ typeof""".split())
JUMPS = {"break", "continue", "goto"}
OPENING, CLOSING = "([{", ")]}"
NUMBER = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)([uUlL]*)$")


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True)
class Mutant:
    start: int
    end: int
    replacement: str # has as many line ends as what it replaces
    line: int
    function: str    # the one that it is in, "" outside of functions
    before: str      # the lines that change, white space collapsed ...
    after: str       # ... and what becomes of them

    def apply(self, text):
        return text[:self.start] + self.replacement + text[self.end:]


class Source:
    def __init__(self, text):
        self.text = text
        self.tokens = [Token(match.lastgroup, match.group(), match.start(), match.end())
                       for match in TOKEN.finditer(text) if match.lastgroup not in ("comment", "directive")]
        self.partner = self._match_brackets()
        self.functions = list(self._find_functions())
        self.ignored = set(self._tokens_of_assertions())

    def mutants(self):
        """All of them, in the order of the file."""
        found = []
        for number, token in enumerate(self.tokens):
            if number not in self.ignored:
                for start, end, replacement in self._changes(number, token):
                    found.append(self._mutant(start, end, replacement))
        return sorted(set(found), key=lambda mutant: (mutant.start, mutant.end, mutant.replacement))

    # ---- structure ----

    def _match_brackets(self):
        """Index of the closing bracket for each opening one, and the other way round; sets `inside` to the innermost
        bracket around each token."""
        partner, stack, self.inside = {}, [], []
        for number, token in enumerate(self.tokens):
            self.inside.append(self.tokens[stack[-1]].text if stack else "")
            if token.kind == "operator" and token.text in OPENING:
                stack.append(number)
            elif token.kind == "operator" and token.text in CLOSING and stack:
                partner[number] = stack[-1]
                partner[stack.pop()] = number
        return partner

    def _is(self, number, text):
        return 0 <= number < len(self.tokens) and self.tokens[number].text == text

    def _find_functions(self):
        """(name, first token, last token) of each body."""
        number = 0
        while number < len(self.tokens):
            if self.tokens[number].text in OPENING and number in self.partner:
                end = self.partner[number]
                if self.tokens[number].text == "{" and self._is(number - 1, ")"):
                    yield self.tokens[self.partner[number - 1] - 1].text, number, end
                number = end
            number += 1

    def _function_at(self, offset):
        for name, first, last in self.functions:
            if self.tokens[first].start <= offset <= self.tokens[last].end:
                return name
        return ""

    def _tokens_of_assertions(self):
        """An assertion states what cannot happen: no test can see it change."""
        for number, token in enumerate(self.tokens):
            if token.text in ("assert", "static_assert", "_Static_assert") and number + 1 in self.partner:
                yield from range(number, self.partner[number + 1])

    # ---- changes ----

    def _changes(self, number, token):
        if token.kind == "number":
            yield from self._other_numbers(number, token)
        elif token.kind == "character":
            yield from self._other_characters(token)
        elif token.kind == "word" and token.text in WORDS:
            yield token.start, token.end, WORDS[token.text]
        elif token.kind == "word" and token.text in ("if", "while") and self._is(number + 1, "("):
            yield from self._decided_conditions(number)
        elif token.kind == "operator":
            yield from self._other_operators(number, token)
        if self._function_at(token.start):
            yield from self._deleted_statement(number, token)
            if token.kind == "word" and token.text not in KEYWORDS and self._is(number + 1, "("):
                yield from self._swapped_arguments(number + 1)

    def _other_operators(self, number, token):
        spaced = self.text[token.start - 1:token.start].isspace() and self.text[token.end:token.end + 1].isspace()
        if token.text in BINARY and spaced:
            for other in BINARY[token.text]:
                yield token.start, token.end, other
        elif token.text in UNARY and not spaced:
            yield token.start, token.end, UNARY[token.text]

    def _other_numbers(self, number, token):
        match = NUMBER.match(token.text)
        if not match:
            return
        digits, suffix = match.groups()
        base = 16 if digits[:2].lower() == "0x" else 8 if digits.startswith("0") and len(digits) > 1 else 10
        try:
            value = int(digits, base)
        except ValueError:
            return
        if self._is(number - 1, "return") and self._is(number + 1, ";") and value == 0:
            yield token.start, token.end, "-1"
            return
        others = {0: (1,), 1: (0,)}.get(value, (value - 1, value + 1))
        for other in others:
            yield token.start, token.end, {16: hex, 8: lambda n: f"0{n:o}", 10: str}[base](other) + suffix

    @staticmethod
    def _other_characters(token):
        if len(token.text) == 3:
            other = chr(ord(token.text[1]) + 1)
            if other.isprintable() and other not in "'\\":
                yield token.start, token.end, f"'{other}'"

    def _decided_conditions(self, number):
        start, end = self.tokens[number + 1].end, self.tokens[self.partner[number + 1]].start
        line_ends = "\n" * self.text.count("\n", start, end)
        for value in ("1", "0") if self.tokens[number].text == "if" else ("0",):
            if self.text[start:end] != value:
                yield start, end, value + line_ends

    def _deleted_statement(self, number, token):
        if not self._begins_statement(number):
            return
        if token.text in KEYWORDS - JUMPS or token.kind not in ("word", "operator"):
            return
        if token.kind == "operator" and token.text not in ("*", "(", "++", "--"):
            return
        if token.text not in JUMPS and self._is_declaration(number):
            return
        end = number
        while end < len(self.tokens) and self.tokens[end].text != ";":
            if self.tokens[end].text in CLOSING or (self.tokens[end].text == ":" and end == number + 1):
                return # no statement: the members of an initializer, or a label
            end = self.partner.get(end, end) + 1 if self.tokens[end].text in OPENING else end + 1
        if end < len(self.tokens):
            stop = self.tokens[end].end
            yield token.start, stop, ";" + "\n" * self.text.count("\n", token.start, stop)

    def _begins_statement(self, number):
        before = self.tokens[number - 1].text
        if before in ("{", "}", "else"):
            return True
        if before == ";":
            return self.inside[number] != "(" # not in the head of a for loop
        if before == ":":
            return self._is_label(number - 1)
        opening = self.partner.get(number - 1, 0)
        return before == ")" and self.tokens[opening - 1].text in ("if", "while", "for", "switch")

    def _is_label(self, colon):
        first = colon - 1
        while self.tokens[first - 1].text not in (";", "{", "}", ":"):
            first -= 1
        return self.tokens[first].text in ("case", "default")

    def _is_declaration(self, number):
        """A word followed by a word, or by stars and a word."""
        if self.tokens[number].kind != "word":
            return False
        after = number + 1
        while self._is(after, "*"):
            after += 1
        return self.tokens[after].kind == "word" and self.tokens[number].text not in KEYWORDS

    def _swapped_arguments(self, opening):
        if opening not in self.partner:
            return
        pieces, start, number = [], self.tokens[opening].end, opening + 1
        closing = self.partner[opening]
        while number < closing:
            if self.tokens[number].text == ",":
                pieces.append((start, self.tokens[number].start))
                start = self.tokens[number].end
            number = self.partner.get(number, number) + 1 if self.tokens[number].text in OPENING else number + 1
        pieces.append((start, self.tokens[closing].start))
        for (a_start, a_end), (b_start, b_end) in zip(pieces, pieces[1:]):
            first, second = self.text[a_start:a_end], self.text[b_start:b_end]
            if first.strip() != second.strip():
                yield a_start, b_end, _refill(first, second) + "," + _refill(second, first)

    def _mutant(self, start, end, replacement):
        first = self.text.rfind("\n", 0, start) + 1
        last = self.text.find("\n", end)
        last = len(self.text) if last < 0 else last
        before, after = self.text[first:last], self.text[first:start] + replacement + self.text[end:last]
        return Mutant(start, end, replacement, self.text.count("\n", 0, start) + 1, self._function_at(start),
                      " ".join(before.split()), " ".join(after.split()))


def _refill(around, inner):
    """`inner` within the white space of `around`."""
    stripped = around.strip()
    start = around.index(stripped)
    return around[:start] + inner.strip() + around[start + len(stripped):]
