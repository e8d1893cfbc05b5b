"""Many questions read at once, each beginning that they share only once.

CLEVR's questions begin alike: of the words of 16,000 of them more than a third are not read a
second time. A GRU's state depends on the words before it alone, so its states form a tree whose
nodes are the distinct beginnings. And since there are few words, what a word adds to the gates is
a table with a row for each.

Letters in shape comments: Q questions, T tokens, N nodes of one depth, H units of the GRU.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from film.network import FiLMNetwork

AT_ONCE = 512  # nodes in one pass: their gates stay in a core's cache
PLAIN = 512  # questions in one pass through an encoder that is no plain GRU


def encode_tokens(network: FiLMNetwork, tokens: np.ndarray, lengths: np.ndarray) -> Tensor:
    """The state that gamma and beta are linear in, float32 (Q, state), on the network's device.

    Equal to `network.question_encoder(tokens, lengths)` up to the order of sums.

    Args:
        tokens: ids, int (Q, T), padded with 0.
        lengths: tokens of each question, int (Q,), at least 1.
    """
    config = network.config
    with torch.inference_mode():
        if config.cell != "gru" or config.gru_layers > 1 or config.bidirectional:
            return _plainly(network, tokens, lengths)
        return _as_tree(network, tokens, lengths)


def _plainly(network: FiLMNetwork, tokens: np.ndarray, lengths: np.ndarray) -> Tensor:
    """Questions of like length together, so that few steps are padding."""
    device = network.question_encoder.embedding.weight.device
    states = torch.empty(len(tokens), network.config.state, device=device)
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), PLAIN):
        rows = order[start : start + PLAIN]
        ids = torch.from_numpy(tokens[rows, : lengths[rows].max()].astype(np.int64)).to(device)
        states[torch.from_numpy(rows).to(device)] = network.question_encoder(
            ids, torch.from_numpy(lengths[rows].astype(np.int64))
        ).float()
    return states


def _as_tree(network: FiLMNetwork, tokens: np.ndarray, lengths: np.ndarray) -> Tensor:
    encoder = network.question_encoder
    # (3H, E), (3H, H), (3H,), (3H,)
    of_words, weight, word_bias, bias = cast(nn.GRU, encoder.gru).all_weights[0]
    by_word = torch.addmm(word_bias, encoder.embedding.weight, of_words.T)  # (V, 3H)
    device, words = weight.device, len(by_word)
    final = torch.empty(len(tokens), network.config.state, device=device)
    node = np.zeros(len(tokens), np.int64)  # (Q,) of each question, among those of the depth reached
    states = torch.zeros(1, network.config.state, device=device)  # (N, H) of those nodes
    going = np.arange(len(tokens))
    for depth in range(int(lengths.max(initial=0))):
        going = going[lengths[going] > depth]
        step = node[going] * words + tokens[going, depth]
        distinct, node[going] = np.unique(step, return_inverse=True)
        before, word = (torch.from_numpy(part).to(device) for part in np.divmod(distinct, words))
        after = torch.empty(len(distinct), states.shape[1], device=device)
        for start in range(0, len(distinct), AT_ONCE):
            part = slice(start, start + AT_ONCE)
            after[part] = _cell(states[before[part]], by_word[word[part]], weight, bias)
        states = after
        ended = going[lengths[going] == depth + 1]
        final[torch.from_numpy(ended).to(device)] = states[torch.from_numpy(node[ended]).to(device)]
    return final


def _cell(state: Tensor, of_word: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A GRU's step: states (N, H) and what their next word adds to the gates (N, 3H) -> states (N, H)."""
    units = state.shape[1]
    of_state = torch.addmm(bias, state, weight.T)  # (N, 3H)
    reset, update = (of_word[:, : 2 * units] + of_state[:, : 2 * units]).sigmoid_().chunk(2, dim=1)
    new = torch.addcmul(of_word[:, 2 * units :], reset, of_state[:, 2 * units :]).tanh_()
    return torch.lerp(new, state, update)
