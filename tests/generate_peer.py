"""Beam search of transformers over a decoder of ours: one vocabulary, level after level, children by a function."""

import numpy as np
import torch
import transformers
from transformers.generation import GenerationMixin
from transformers.modeling_outputs import CausalLMOutput


class Peer(transformers.PreTrainedModel, GenerationMixin):
    """Letter c of level l is token 1 + starts[l] + c; token 0 begins. What another level has is out of reach."""

    config_class = transformers.PretrainedConfig

    def __init__(self, decoder):
        super().__init__(transformers.PretrainedConfig())
        self.decoder = decoder
        self.generation_config = transformers.GenerationConfig()

    def prepare_inputs_for_generation(self, input_ids, states=None, **_):
        return {"input_ids": input_ids, "states": states}

    def forward(self, input_ids, states=None, **_):
        tokens, level = self.decoder.tokens, input_ids.shape[1] - 1
        out = torch.full((len(input_ids), 1 + sum(tokens.sizes)), -1e9)
        if level < len(tokens.sizes):
            codes = torch.full((len(input_ids), len(tokens.sizes)), -1)
            codes[:, :level] = input_ids[:, 1:] - 1 - torch.tensor(tokens.starts)[:level]
            inner = self.decoder.from_state(states.mean(1)) + self.decoder.from_prefix(tokens.embed(codes).sum(1))
            logits = self.decoder.out(torch.relu(inner + self.decoder.bias[level])) @ tokens.letters(level).T
            out[:, 1 + tokens.starts[level] :][:, : tokens.sizes[level]] = logits
        return CausalLMOutput(logits=out[:, None])


def children_of(decoder):
    """Tokens that may follow each prefix of a code of the catalogue."""
    children = {}
    for code in (decoder.tokens.codes.numpy() + 1 + np.array(decoder.tokens.starts)).tolist():
        for end in range(len(code)):
            children.setdefault(tuple(code[:end]), set()).add(code[end])
    return {prefix: sorted(found) for prefix, found in children.items()}


def generate(decoder, states, width, children=None):
    """Items and scores (n, width), best first, of a catalogue whose codes have one length and are unique."""
    children = children_of(decoder) if children is None else children
    found = Peer(decoder).generate(
        torch.zeros(len(states), 1, dtype=torch.long),
        states=states,
        num_beams=width,
        num_return_sequences=width,
        max_new_tokens=decoder.tokens.codes.shape[1],
        prefix_allowed_tokens_fn=lambda _, ids: children[tuple(ids[1:].tolist())],
        do_sample=False,
        length_penalty=0.0,
        use_cache=False,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_scores=True,
    )
    trie = decoder.tokens.trie
    leaf = trie.find(found.sequences[:, 1:].numpy() - 1 - np.array(decoder.tokens.starts))
    return trie.items[leaf].reshape(-1, width), found.sequences_scores.numpy().reshape(-1, width)
