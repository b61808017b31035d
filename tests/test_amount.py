"""Amounts: how they are read and written, and how errors are worded."""

import pytest
from chimerax.makesphere.engine.amount import (
    Multiple,
    read_amount,
    read_amounts,
    rounded_down,
    rounded_up,
    word,
)
from chimerax.makesphere.engine.errors import ArgumentError
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "text, amounts",
    [
        ("60", (60.0,)),
        ("60, 62.5,+7e1", (60.0, 62.5, 70.0)),
        ("-.5,5.,1E-3", (-0.5, 5.0, 0.001)),
        ("fit", (Multiple(1, "fit"),)),
        ("1.3fit,FIT,.5F,2fi", tuple(Multiple(t, "fit") for t in (1.3, 1, 0.5, 2))),
        ("1e1fit", (Multiple(10, "fit"),)),
        ("60,1.3fit", (60.0, Multiple(1.3, "fit"))),
        ("12,3fit", (12.0, Multiple(3, "fit"))),
        ("2fit,3fit", (Multiple(2, "fit"), Multiple(3, "fit"))),
    ],
)
def test_amounts(text, amounts):
    assert read_amounts("radius", text, "fit") == amounts


@pytest.mark.parametrize(
    "text, got",
    [
        ("", "nothing"),
        ("60,", "nothing"),
        ("60,,70", "nothing"),
        ("1.3 fit", "1.3 fit"),
        ("fits", "fits"),
        ("it", "it"),
        ("6_0", "6_0"),
        ("٣", "٣"),
        ("--6", "--6"),
        ("1e", "1e"),
        (".", "."),
        ("0x10", "0x10"),
    ],
)
def test_words_that_are_not_amounts(text, got):
    with pytest.raises(ArgumentError) as error:
        read_amounts("radius", text, "fit")
    assert error.value.argument == "radius"
    assert error.value.problem == f"must be a number, fit, or a multiple such as 2fit, got {got}"
    assert error.value.sentence("Radius").startswith("Radius must be a number")


@pytest.mark.parametrize("text", ["0fit", "-1fit", "1e999fit", "1e15fit"])
def test_multiples_are_above_0(text):
    with pytest.raises(
        ArgumentError, match=f"radius must be a multiple of fit above 0, got {text}"
    ):
        read_amounts("radius", text, "fit")


@pytest.mark.parametrize(
    "argument, unit, text, meant",
    [
        ("radius", "fit", "1,3fit", "would be 1 and 3fit; decimals take a point: 1.3fit"),
        ("radius", "fit", "60, 0,2 fit".replace(" ", ""), "would be 0 and 2fit"),
        ("value", "match", "0,5match,2match", "would be 0 and 5match; decimals take a point"),
    ],
)
def test_a_decimal_comma_is_not_a_list(argument, unit, text, meant):
    with pytest.raises(ArgumentError) as error:
        read_amounts(argument, text, unit)
    assert error.value.argument == argument and meant in error.value.problem


def test_density_1_and_2match_is_a_list():
    assert read_amounts("value", "1,2match", "match") == (1.0, Multiple(2, "match"))


def test_multiples_as_they_are_typed():
    assert [str(Multiple(t, "match")) for t in (1, 2.0, 0.25)] == ["match", "2match", "0.25match"]
    assert word(60.0) == "60" and word(Multiple(1.3, "fit")) == "1.3fit"


@given(st.floats(1e-6, 1e6), st.sampled_from(["fit", "match"]))
def test_what_is_written_reads_back(times, unit):
    for amount in (times, Multiple(times, unit)):
        assert read_amount("value", word(amount), unit) == amount


@pytest.mark.parametrize("text", ["1, 3fit", "1,3FIT", "60, 1 ,3fit", "1,3F"])
def test_a_decimal_comma_is_found_however_it_is_typed(text):
    with pytest.raises(ArgumentError, match=r"would be 1 and 3[a-zA-Z]+; decimals take a point"):
        read_amounts("radius", text, "fit")


@pytest.mark.parametrize(
    "length, up, down",
    [
        (52.3, 53, 52),
        (54.9999999, 55, 54),
        (55.0, 55, 55),
        (55.0000003, 55, 55),
        (55.00001, 56, 55),
        (10.01, 11, 10),
        (10.0, 10, 10),
        (9.9991, 10, 9.99),
        (8.5, 8.5, 8.5),
        (5.4321, 5.44, 5.43),
        (1.0000001, 1, 1),
        (0.2, 0.2, 0.2),
        (0.20001, 0.201, 0.2),
        (0.0123456, 0.0124, 0.0123),
        (1234567.2, 1234568, 1234567),
        (0, 0, 0),
        (-3.2, 0, 0),
    ],
)
def test_lengths_are_rounded_to_whole_angstroms_or_to_three_digits(length, up, down):
    assert (rounded_up(length), rounded_down(length)) == (up, down)
    assert isinstance(rounded_up(length), float) and isinstance(rounded_down(length), float)


@given(st.floats(1e-6, 1e6))
def test_rounded_lengths_are_near_and_short(length):
    up, down = rounded_up(length), rounded_down(length)
    step = 1 if length > 10 else 0.0101 * length
    assert length - 1e-6 * min(length, 1) <= up < length + step
    assert length - step < down <= length
    for rounded in (up, down):
        digits = word(rounded).replace(".", "").strip("0")
        assert len(digits) <= 3 or rounded == int(rounded)
    assert rounded_up(up) == up


@pytest.mark.parametrize("text, hint", [("0,5", "0.5"), ("1,3fit", "1.3fit"), ("-2,5F", "-2.5F")])
def test_a_decimal_comma_gets_a_hint(text, hint):
    with pytest.raises(ArgumentError) as error:
        read_amount("offset", text, "fit")
    assert error.value.problem.endswith(f"got {text}: write {hint}")
