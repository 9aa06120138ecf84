import pytest
import torch
from torch import Tensor

from hidden_gems.models.graphsage import AttributeEncoderNet, Edges, GraphSAGE, GraphSAGEConfig, WeightedSAGE


def _edges(dense: list[list[float]]) -> Edges:
    table = torch.tensor(dense)
    return Edges(table.to_sparse_csr(), table.T.contiguous().to_sparse_csr())


def _nothing(nodes: int) -> Edges:
    return _edges([[0.0] * nodes] * nodes)


MET = [[0.0, 0.5, 0.0], [0.25, 0.0, 0.0], [0.0, 0.0, 0.0]]
NEAR = [[0.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]]
pytestmark = pytest.mark.filterwarnings("ignore:Sparse:UserWarning")


def _round() -> tuple[WeightedSAGE, Tensor, tuple[Edges, ...]]:
    torch.manual_seed(0)
    return WeightedSAGE(2), torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), (
        _edges(MET), _edges(NEAR), _nothing(3), _nothing(3),
    )  # fmt: skip


def test_a_round_starts_as_the_weighted_sum_of_neighbours() -> None:
    layer, x, edges = _round()
    torch.testing.assert_close(layer(x, edges, torch.ones(3, 1)), torch.tensor(MET) @ x)


def test_other_relations_come_in_by_gate_and_openness() -> None:
    layer, x, edges = _round()
    with torch.no_grad():
        layer.gates[1] = 0.5
    openness = torch.tensor([[1.0], [0.2], [1.0]])
    expected = torch.tensor(MET) @ x + openness * 0.5 * (torch.tensor(NEAR) @ x)
    torch.testing.assert_close(layer(x, edges, openness), expected)


def test_the_way_back_is_that_of_the_dense_product() -> None:
    layer, x, edges = _round()
    with torch.no_grad():
        layer.gates[1] = 0.5
    inner, dense = x.clone().requires_grad_(), x.clone().requires_grad_()
    weight = torch.arange(6.0).reshape(3, 2)
    (layer(inner, edges, torch.ones(3, 1)) * weight).sum().backward()
    ((torch.tensor(MET) @ dense + 0.5 * torch.tensor(NEAR) @ dense) * weight).sum().backward()
    torch.testing.assert_close(inner.grad, dense.grad)


def test_the_correction_reads_own_and_received() -> None:
    layer, x, edges = _round()
    with torch.no_grad():
        layer.correct.weight.copy_(torch.eye(2))
        layer.own.weight.copy_(torch.eye(2))
        layer.own.bias.zero_()
        layer.received.weight.copy_(-torch.eye(2))
    received = torch.tensor(MET) @ x
    torch.testing.assert_close(layer(x, edges, torch.ones(3, 1)), received + torch.relu(x - received))


def _module(layers: int = 1) -> GraphSAGE:
    module = GraphSAGE(GraphSAGEConfig(users=1, items=1, kinds=1, areas=0, width=2, layers=layers, dropout=0.5))
    with torch.no_grad():
        module.nodes.weight.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        module.bias.weight.fill_(0.7)
        module.gain.fill_(2.0)
    return module.eval()


def test_vectors_are_the_mean_of_all_rounds_with_gain_and_bias() -> None:
    module, edges = _module(), (_edges(MET), _nothing(3), _nothing(3), _nothing(3))
    people, items = module(edges, torch.ones(3, 1))
    torch.testing.assert_close(people, torch.tensor([2.0 * (1.0 + 1.5) / 2, 2.0 * (2.0 + 2.0) / 2, 1.0]))
    torch.testing.assert_close(items, torch.tensor([(3.0 + 0.25) / 2, (4.0 + 0.5) / 2, 0.7]))


def test_a_node_enters_by_its_trust() -> None:
    module, edges = _module(), (_nothing(3),) * 4
    _, items = module(edges, torch.tensor([[1.0], [0.5], [1.0]]))
    torch.testing.assert_close(items[:2], torch.tensor([0.75, 1.0]))


def test_dropout_is_for_training_only() -> None:
    module, edges = _module(), (_nothing(3),) * 4
    assert torch.equal(module(edges, torch.ones(3, 1)), module(edges, torch.ones(3, 1)))
    module.train()
    torch.manual_seed(1)
    drawn = torch.stack([module(edges, torch.ones(3, 1))[1, 0] for _ in range(20)])
    assert set(drawn.tolist()) == {0.0, 3.0}


def test_plan_sizes_are_the_defaults() -> None:
    config = GraphSAGEConfig(users=2, items=3, kinds=4, areas=5)
    assert (config.layers, config.dropout, config.width, config.nodes) == (3, 0.5, 64, 14)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_encoder_takes_any_number_of_items(rows: int) -> None:
    encoder = AttributeEncoderNet(attributes=3, width=4)
    assert encoder(torch.ones(rows, 3)).shape == (rows, 4)
