import torch

from hidden_gems.models.ncf import NCF, NCFConfig

CONFIG = NCFConfig(users=3, items=4, user_context=2, item_context=5, width=8, hidden=(6, 4))


def _model() -> NCF:
    torch.manual_seed(0)
    model = NCF(CONFIG).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def test_defaults_are_the_plans() -> None:
    config = NCFConfig(users=1, items=1, user_context=1, item_context=1)
    assert (config.width, config.hidden, config.dropout) == (128, (128, 64, 32), 0.2)


def test_logit_by_hand() -> None:
    model, context, known = _model(), torch.randn(1, 2), torch.randn(1, 5)
    u, v = model.user.weight[1], model.item.weight[2]
    parts = (model.from_user, model.from_item, model.from_user_context, model.from_item_context)
    first = torch.cat([part.weight for part in parts], dim=1)
    h = torch.relu(first @ torch.cat([u, v, context[0], known[0]]) + model.from_user.bias)
    h = torch.relu(model.perceptron[2](h))
    expected = model.fuse_product.weight[0] @ (u * v) + model.fuse_mixed(h) + model.bias.weight[2]
    torch.testing.assert_close(model(torch.tensor([1]), torch.tensor([2]), context, known), expected)


def test_one_user_meets_many_items_as_if_repeated() -> None:
    model, context, known = _model(), torch.randn(1, 2), torch.randn(3, 5)
    items = torch.tensor([1, 3, 0])
    one = model(torch.tensor([2]), items, context, known)
    torch.testing.assert_close(one, model(torch.tensor([2, 2, 2]), items, context.expand(3, 2), known))


def test_a_context_that_training_never_showed_changes_nothing() -> None:
    torch.manual_seed(0)
    model = NCF(CONFIG).eval()
    row = torch.tensor([1])
    plain = model(row, row, torch.zeros(1, 2), torch.zeros(1, 5))
    torch.testing.assert_close(model(row, row, torch.randn(1, 2), torch.randn(1, 5)), plain)


def test_dropout_acts_in_training_only() -> None:
    torch.manual_seed(0)
    model = NCF(NCFConfig(users=3, items=4, user_context=2, item_context=5, dropout=0.5))
    inputs = (torch.tensor([1]), torch.tensor([2]), torch.zeros(1, 2), torch.zeros(1, 5))
    assert model.train()(*inputs) != model(*inputs)
    assert model.eval()(*inputs) == model(*inputs)
    assert [layer.p for layer in model.perceptron if isinstance(layer, torch.nn.Dropout)] == [0.5] * 3
