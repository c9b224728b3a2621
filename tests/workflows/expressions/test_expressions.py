"""What GitHub's cases in tests/data leave out, and what is ours: errors, traces, bounds."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsipcd.workflows.expressions.evaluation import Evaluation, Seen
from tsipcd.workflows.expressions.faults import ExpressionError, Stage
from tsipcd.workflows.expressions.functions import Arity
from tsipcd.workflows.expressions.parser import parse
from tsipcd.workflows.expressions.values import Value

CONTEXTS: dict[str, Value] = {
    "steps": {"build": {"outputs": {"tag": "v1"}, "outcome": "success"}, "test": {"outcome": "failure"}},
    "inputs": {"env": "prod", "n": 3, "list": [1, 2, [3]], "none": None},
}
PIECES = (
    "steps", "inputs", ".", "build", "*", "[", "]", "(", ")", ",", "'", "'a'", "1", "-0x1", "0xff",
    "1e400", "&&", "||", "!", "==", "<=", ">", "=", "contains(", "format('{0}',", "toJSON(", "fromJSON(",
    "case(", "join(", "'[1]'", "'{{{0}'", "NaN", "null", "Infinity", " ", "\n", "\u0131", "\U0001f600",
    "\ud800", "\x00", "{", "}",
)  # fmt: skip


def value_of(source: str) -> Value:
    """What `source` comes to with the contexts above."""
    return Evaluation(source, CONTEXTS).of(parse(source, CONTEXTS))


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("case(false, 'a', true, 'b', 'c')", "b"),
        ("case(1 == 2, 'a', 'c')", "c"),
        ("endsWith('ABC', 'bc')", True),
        ("'\u0131' == 'I'", False),
        ("'\u017f' == 'S'", False),
        ("'\u00df' == '\u1e9e'", False),
        ("'b' > 'A'", True),
        ("true > false", True),
        ("null >= null", True),
        ("'it''s'", "it's"),
        ("fromJSON('-0')", 0.0),
        ("toJSON(fromJSON('{\"a\":[],\"b\":{}}'))", '{\n  "a": [],\n  "b": {}\n}'),
        ("format('{0}', 100000000000000000000)", "100000000000000000000"),
        ("format('{0}', 1e21)", "1e+21"),
        ("format('{0}', 0.000001)", "0.000001"),
        ("format('{0}', 0.0000001)", "1e-7"),
        ("format('{0} {1}', -0.00001234, 0.1)", "-0.00001234 0.1"),
        ("join(steps.*.outcome, '+')", "success+failure"),
        ("join(steps.*['outcome'])", "success,failure"),
        ("inputs.LIST[1.9]", 2),
        ("inputs.none.more.and.more", None),
        ("!inputs.missing && 'yes'", "yes"),
        ("(" * 60 + "1" + ")" * 60, 1),
        (" \t\r\n ", None),
    ],
)  # fmt: skip
def test_value(source: str, value: Value) -> None:
    """Each as GitHub's documentation and data have it."""
    assert value_of(source) == value


@pytest.mark.parametrize(
    ("source", "stage", "part"),
    [
        ("fromJSON('')", Stage.EVALUATION, "fromJson"),
        ("fromJSON('NaN')", Stage.EVALUATION, "fromJson"),
        ("case(1, 2, 3)", Stage.EVALUATION, "boolean"),
        ("case(true, 2)", Stage.PARSING, "Too few"),
        ("case(true, 1, true, 2)", Stage.PARSING, "odd"),
        ("'a'[0]", Stage.PARSING, "Unexpected symbol: '['"),
        ("inputs[* 1]", Stage.PARSING, "Unexpected symbol: '1'"),
        ("* == 1", Stage.PARSING, "Unexpected symbol: '*'"),
        ("(1, 2)", Stage.PARSING, "Unexpected symbol: ','"),
        ("inputs[1)", Stage.PARSING, "Unexpected symbol: ')'"),
        ("inputs.", Stage.PARSING, "Unexpected end"),
        ("a" * 21_001, Stage.PARSING, "length 21000"),
    ],
)
def test_error(source: str, stage: Stage, part: str) -> None:
    """Found at the right stage, with the place."""
    with pytest.raises(ExpressionError, match=None) as caught:
        value_of(source)
    assert caught.value.stage is stage
    assert part in caught.value.message


def test_an_error_shows_the_place_and_the_nearest_name() -> None:
    """The line that is meant, a caret below it, and what was probably wanted."""
    source = "true &&\n  stps.build"
    with pytest.raises(ExpressionError) as caught:
        value_of(source)
    assert caught.value.shown(source).splitlines()[-3:] == ["    stps.build", "    ^", "did you mean steps?"]
    with pytest.raises(ExpressionError) as caught:
        value_of("startWith('a', 'b')")
    assert caught.value.hint == "did you mean startsWith?"
    with pytest.raises(ExpressionError) as caught:
        value_of("inputs.env = 'prod'")
    assert caught.value.hint == "did you mean ==?"


def test_the_trace_tells_what_was_looked_at_and_nothing_else() -> None:
    """What `&&` made needless is missing; long text is cut."""
    source = "inputs.env == 'dev' && steps.build.outcome == 'success'"
    evaluation = Evaluation(source, CONTEXTS)
    assert evaluation.of(parse(source, CONTEXTS)) is False
    assert evaluation.trace == [
        Seen("inputs", "Object"),
        Seen("inputs.env", "prod"),
        Seen("inputs.env == 'dev'", False),
        Seen(source, False),
    ]


def test_functions_of_a_run_are_given() -> None:
    """Their names and numbers of arguments are checked like those of the others."""
    tree = parse("Success() && 1", functions={"success": Arity(0, 0)})
    assert Evaluation("Success() && 1", {}, {"success": lambda _: True}).of(tree) == 1
    with pytest.raises(ExpressionError, match="Too many"):
        parse("success(1)", functions={"success": Arity(0, 0)})


def test_text_that_grows_is_stopped() -> None:
    """An expression cannot hold more than its bound, however it repeats itself."""
    big = "format('{0}{0}{0}{0}{0}{0}{0}{0}{0}{0}', " * 8 + "'0123456789'" + ")" * 8
    with pytest.raises(ExpressionError, match="memory"):
        value_of(big)
    deep = "[" * 10_000 + "]" * 10_000
    for source in (f"fromJSON('{deep}')", f"toJSON(fromJSON('{deep[9_500:10_500]}'))"):
        with pytest.raises(ExpressionError):
            value_of(source)


def test_text_that_is_let_go_is_not_counted() -> None:
    """The bound is on what is held at the same time: twenty comparisons of long text are fine."""
    source = " && ".join(["startsWith(format('{0}{0}', big), 'x')"] * 20)
    contexts: dict[str, Value] = {"big": "x" * 50_000}
    assert Evaluation(source, contexts).of(parse(source, contexts)) is True


def _is_told(source: str) -> bool:
    """There is a value, or an error that can be shown."""
    try:
        value_of(source)
    except ExpressionError as error:
        return bool(error.shown(source))
    return True


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=40).map("".join))
def test_any_text_is_a_value_or_our_error(source: str) -> None:
    """Nothing else is ever raised."""
    assert _is_told(source)


def test_pieces_of_expressions_are_a_value_or_our_error() -> None:
    """Put together at random, nearer to what people type than any text is."""
    chance = random.Random(1)  # noqa: S311 (no secret)
    for _ in range(5_000):
        parts = chance.choices(PIECES, k=chance.randrange(1, 30))
        assert _is_told("".join(chance.choice(("", " ")) + part for part in parts))
