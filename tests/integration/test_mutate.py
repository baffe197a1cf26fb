# SPDX-License-Identifier: Apache-2.0
"""./bootstrap mutate: which changes it makes, and that it tells a noticed change from one that is not."""

import os
import subprocess
import sys

import pytest

from conftest import TOP, skip_with_sanitizers

sys.path.insert(0, str(TOP / "tests" / "mutate"))
from mutants import Source # noqa: E402

FUNCTION = """
/* a < b */
#define SMALLEST (1 + 2)
static const char *first_of(const char *text, size_t size)
{
    char *copy = text ? strndup(text, 16) : NULL;
    for (size_t i = 0; i < size; i++)
        size = 0x10u - size;
    assert(size > 7);
    if (!copy)
        return "a < b";
    switch (*copy) {
    case 'x':
        forget(copy,
               size);
        break;
    }
    return true;
}
"""


def changes(text):
    return {(mutant.before, mutant.after) for mutant in Source(text).mutants()}


@pytest.mark.parametrize("before, after", [
    ("for (size_t i = 0; i < size; i++)", "for (size_t i = 0; i <= size; i++)"),
    ("for (size_t i = 0; i < size; i++)", "for (size_t i = 1; i < size; i++)"),
    ("for (size_t i = 0; i < size; i++)", "for (size_t i = 0; i < size; i--)"),
    ("size = 0x10u - size;", "size = 0xfu - size;"),
    ("size = 0x10u - size;", "size = 0x10u + size;"),
    ("size = 0x10u - size;", ";"),
    ("char *copy = text ? strndup(text, 16) : NULL;", "char *copy = text ? strndup(16, text) : NULL;"),
    ("if (!copy)", "if (copy)"),
    ("if (!copy)", "if (1)"),
    ("case 'x':", "case 'y':"),
    ("forget(copy, size);", "forget(size, copy);"),
    ("forget(copy, size);", ";"),
    ("break;", ";"),
    ("return true;", "return false;"),
])
def test_a_change_of_each_kind_is_made(before, after):
    assert (before, after) in changes(FUNCTION)


def test_comments_strings_directives_and_assertions_are_left_alone():
    text = "\n".join(before for before, _ in changes(FUNCTION))
    for untouched in ("a < b", "SMALLEST", "assert"):
        assert untouched not in text
    assert all(after != ";" for before, after in changes(FUNCTION) if before.startswith("char *copy")) # a declaration


def test_a_change_keeps_the_lines_that_follow_where_they_are():
    for mutant in Source(FUNCTION).mutants():
        assert mutant.apply(FUNCTION).count("\n") == FUNCTION.count("\n")


def mutate(build, *words):
    return subprocess.run([sys.executable, "-B", TOP / "tests/mutate/run", "--nice=0", *words], text=True, capture_output=True, check=False,
                          env={**os.environ, "MIMO_BUILD": str(build)})


def test_the_same_seed_takes_the_same_sample(build_dir):
    first, second, other = (mutate(build_dir, "--list", "--count=5", f"--seed={seed}", TOP / "src/core/bucket.c").stdout
                            for seed in (7, 7, 8))
    assert first == second and len(first.splitlines()) == 6
    assert first.splitlines()[1:] != other.splitlines()[1:]


def test_a_noticed_change_is_told_from_one_that_is_not(build_dir):
    """Of the file that makes statsd lines. Whatever the sample, most of it is noticed, and what is not stands there with its line."""
    skip_with_sanitizers(build_dir, "make every program ten times as large")
    done = mutate(build_dir, "--count=8", "--seed=1", TOP / "src/metrics/metric_line.c")
    assert done.returncode == 0, done.stderr
    assert "tests that enter it: test_metrics_line" in done.stdout
    assert " killed" in done.stdout.splitlines()[-1]
    assert "src/metrics/metric_line.c" in done.stdout and not list(build_dir.glob("mutate-*/"))
