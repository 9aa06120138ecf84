import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from kserve import InferInput, InferRequest
from kserve.protocol.infer_type import to_http_parameters

from hidden_gems.core.errors import BadFieldError, BadInputError
from inference.shell.tensors import LONGEST, Parameters, TensorModel, Tensors, TensorSpec, read_tensors

SPECS = (
    TensorSpec("user", "INT64", (1,)),
    TensorSpec("rows", "INT64", ("n",)),
    TensorSpec("x", "FP32", ("n", 2), missing=True),
    TensorSpec("context", "FP32", (1, 3)),
    TensorSpec("ids", "BYTES", ("n",)),
)


def good(n: int = 2) -> dict[str, Any]:
    return {
        "user": np.array([3]),
        "rows": np.arange(n),
        "x": np.full((n, 2), np.nan, dtype=np.float32),
        "context": np.zeros((1, 3), dtype=np.float32),
        "ids": np.array([f"g{i}".encode() for i in range(n)], dtype=object),
    }


def tensor(name: str, values: Any, binary: bool = True) -> InferInput:
    kinds = {"int64": "INT64", "float32": "FP32", "float64": "FP64", "object": "BYTES"}
    made = InferInput(name, list(values.shape), kinds[str(values.dtype)])
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def tensors(binary: bool = True, **values: Any) -> list[InferInput]:
    return [tensor(name, value, binary) for name, value in {**good(), **values}.items() if value is not None]


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("n", [0, 1, 7, LONGEST])
def test_what_fits_comes_as_arrays(n: int, binary: bool) -> None:
    read = read_tensors([tensor(name, values, binary) for name, values in good(n).items()], SPECS)
    assert list(read) == [spec.name for spec in SPECS]
    for name, values in good(n).items():
        assert read[name].shape == values.shape
        if name != "ids":
            np.testing.assert_array_equal(read[name], values)
    assert [each.encode() if isinstance(each, str) else each for each in read["ids"]] == good(n)["ids"].tolist()


@pytest.mark.parametrize(("name", "values", "reason"), [
    ("user", None, "the input is missing"),
    ("user", np.array([3.0]), "expected INT64, got FP64"),
    ("user", np.array([3, 4]), "expected the shape [1] with 1 = 1, got 2"),
    ("user", np.array([[3]]), "expected the shape [1], got 2 dimensions"),
    ("user", np.array([-1]), "a number is below 0"),
    ("rows", np.array([0, -1]), "a number is below 0"),
    ("rows", np.arange(LONGEST + 1), "n must be 0 to 2,000, got 2001"),
    ("x", np.zeros((3, 2), dtype=np.float32), "expected the shape [n, 2] with n = 2, got 3"),
    ("x", np.zeros((2, 3), dtype=np.float32), "expected the shape [n, 2] with 2 = 2, got 3"),
    ("x", np.full((2, 2), np.inf, dtype=np.float32), "a number is not finite"),
    ("x", np.full((2, 2), -np.inf, dtype=np.float32), "a number is not finite"),
    ("context", np.array([[0, np.nan, 0]], dtype=np.float32), "a number is not finite"),
    ("context", np.array([[0, np.inf, 0]], dtype=np.float32), "a number is not finite"),
    ("ids", np.array([1, 2]), "expected BYTES, got INT64"),
    ("more", np.array([1]), "there is no such input; expected context, ids, rows, user, x"),
])  # fmt: skip
@pytest.mark.parametrize("binary", [True, False])
def test_what_does_not_fit_is_refused_by_name(name: str, values: Any, reason: str, binary: bool) -> None:
    with pytest.raises(BadFieldError) as caught:
        read_tensors(tensors(binary, **{name: values}), SPECS)
    assert str(caught.value) == f"{name}: {reason}"
    assert caught.value.field == name


def raw(name: str, shape: Sequence[int], kind: str, data: Any = None, content: bytes | None = None) -> InferInput:
    made = InferInput(name, list(shape), kind, data=data)
    made._raw_data = content
    return made


@pytest.mark.parametrize("wrong", [
    raw("rows", [2], "INT64", content=b"\0" * 15),
    raw("rows", [2], "INT64", content=b"\0" * 24),
    raw("rows", [2], "INT64", content=b""),
    raw("rows", [2], "INT64", data=[1]),
    raw("rows", [2], "INT64", data=["one", "two"]),
    raw("rows", [2], "INT64", data=[1, 2**70]),
    raw("rows", [2], "INT64", data=[[1], [2, 3]]),
    raw("rows", [2], "INT64", data=[None, {}]),
])  # fmt: skip
def test_data_that_do_not_fill_the_shape_are_refused(wrong: InferInput) -> None:
    with pytest.raises(BadFieldError, match=r"rows: the data do not fit INT64 \[2\]"):
        read_tensors([wrong if each.name == "rows" else each for each in tensors()], SPECS)


@pytest.mark.parametrize("content", [b"\x09\0\0\0abc\x01\0\0\0d", b"\x01\0", b"\xff\xff\xff\xff"])
def test_texts_that_end_early_are_refused(content: bytes) -> None:
    with pytest.raises(BadFieldError, match=r"ids: the data do not fit BYTES \[2\]"):
        read_tensors([*tensors(ids=None), raw("ids", [2], "BYTES", content=content)], SPECS)


def test_negative_sizes_are_refused() -> None:
    with pytest.raises(BadFieldError, match="rows: n must be 0 to 2,000, got -1"):
        read_tensors([*tensors(rows=None), raw("rows", [-1], "INT64", data=[1, 2])], SPECS)


def test_an_input_may_come_once() -> None:
    with pytest.raises(BadFieldError, match="inputs: an input comes twice"):
        read_tensors([*tensors(), tensor("user", np.array([1]))], SPECS)


class Doubles(TensorModel):
    """Twice the rows."""

    def specs(self, parameters: Parameters) -> Sequence[TensorSpec]:
        return (TensorSpec("rows", "INT64", ("n",)),)

    def outputs(self) -> Sequence[TensorSpec]:
        return (TensorSpec("twice", "INT64", ("n",)),)

    def infer(self, inputs: Tensors, parameters: Parameters) -> tuple[Tensors, Parameters]:
        return {"twice": inputs["rows"] * int(parameters.get("times", 2))}, {"said": True}


@pytest.mark.parametrize("n", [0, 3])
def test_a_model_answers_over_grpc_with_raw_bytes(n: int) -> None:
    sent = InferRequest("d", [tensor("rows", np.arange(n))], parameters={"times": 3}).to_grpc()
    response = asyncio.run(Doubles("d").predict(InferRequest.from_grpc(sent)))
    message = response.to_grpc()
    assert list(message.raw_output_contents) == [(np.arange(n) * 3).tobytes()]
    assert to_http_parameters(message.parameters) == {"said": True}
    assert message.id


@pytest.mark.parametrize("n", [0, 3])
def test_a_model_answers_over_http_with_numbers(n: int) -> None:
    asked = InferRequest("d", [raw("rows", [n], "INT64", data=list(range(n)))], request_id="r7")
    body, length = asyncio.run(Doubles("d").predict(asked)).to_rest()
    assert length is None
    assert body["id"] == "r7"
    assert body["outputs"] == [{"name": "twice", "shape": [n], "datatype": "INT64", "data": [2 * i for i in range(n)]}]


def test_a_model_refuses_the_first_protocol() -> None:
    with pytest.raises(BadInputError, match="speaks the v2 protocol"):
        asyncio.run(Doubles("d").predict({"instances": [1]}))


def test_a_model_says_what_it_takes_and_gives() -> None:
    assert Doubles("d").get_input_types() == [{"name": "rows", "datatype": "INT64", "shape": [-1]}]
    assert Doubles("d").get_output_types() == [{"name": "twice", "datatype": "INT64", "shape": [-1]}]
