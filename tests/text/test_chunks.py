"""Windows of 77 tokens: filled, cut at commas, padded with EOS."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modules.text.chunks import COMMA, Chunk, chunks, count_tokens, words_of
from modules.text.tokenizer import BOS, EOS, clip_tokenizer

CAT, DOG = 2368, 1929


def words(chunk: Chunk) -> list[int]:
    """The ids without the marks."""
    return [token for token in chunk.ids if token not in (BOS, EOS)]


def test_an_empty_text_is_one_empty_window() -> None:
    assert chunks("") == (Chunk((BOS, *[EOS] * 76), (1.0,) * 77),)


def test_each_token_carries_the_weight_of_its_piece() -> None:
    (chunk,) = chunks("cat (dog:1.5) cat")
    assert chunk.ids == (BOS, CAT, DOG, CAT, *[EOS] * 73)
    assert chunk.weights == (1.0, 1.0, 1.5, 1.0, *[1.0] * 73)


def test_seventy_five_tokens_fit_into_one_window() -> None:
    assert len(chunks("cat " * 75)) == 1


def test_one_more_opens_a_second() -> None:
    first, second = chunks("cat " * 76)
    assert (words(first), words(second)) == ([CAT] * 75, [CAT])
    assert len(second.ids) == len(second.weights) == 77


def test_words_after_a_near_comma_move_to_the_next_window() -> None:
    first, second = chunks("cat " * 54 + "cat, " + "dog " * 20)
    assert words(first) == [CAT] * 55 + [COMMA]
    assert words(second) == [DOG] * 20


def test_a_comma_further_back_than_twenty_tokens_cuts_nothing() -> None:
    first, second = chunks("cat " * 53 + "cat, " + "dog " * 21)
    assert words(first) == [CAT] * 54 + [COMMA] + [DOG] * 20
    assert words(second) == [DOG]


def test_an_overflowing_comma_moves_alone() -> None:
    first, second = chunks("cat " * 60 + ", " + "cat " * 14 + ", dog")
    assert len(words(first)) == 75
    assert words(second) == [COMMA, DOG]


def test_moved_words_keep_their_weights() -> None:
    _, second = chunks("cat " * 70 + ", (dog:1.5) " + "cat " * 9)
    assert second.weights[:3] == (1.0, 1.5, 1.0)


def test_break_ends_a_window() -> None:
    assert [words(chunk) for chunk in chunks("cat BREAK dog")] == [[CAT], [DOG]]


def test_a_leading_break_leaves_an_empty_window_and_a_trailing_one_none() -> None:
    assert [words(chunk) for chunk in chunks("BREAK cat BREAK")] == [[], [CAT]]


def test_the_window_size_can_be_the_checkpoints_own() -> None:
    assert [chunk.ids for chunk in chunks("cat dog cat", size=2)] == [(BOS, CAT, DOG, EOS), (BOS, CAT, EOS, EOS)]


@given(st.lists(st.sampled_from(["cat", "(dog:1.2)", ",", "unbelievably", "[a]", "🙂"]), max_size=200).map(" ".join))
def test_no_token_is_lost_or_doubled(text: str) -> None:
    plain = text.replace("(", "").replace(":1.2)", "").replace("[", "").replace("]", "")
    found = [token for chunk in chunks(text) for token in words(chunk)]
    assert found == clip_tokenizer().encode(plain, add_special_tokens=False).ids
    assert all(len(chunk.ids) == len(chunk.weights) == 77 for chunk in chunks(text))


def test_the_count_is_what_the_last_window_holds_and_full_ones_before() -> None:
    assert count_tokens("") == 0
    assert count_tokens("a photo of a cat") == 5
    assert count_tokens("cat BREAK dog") == 76


def test_the_count_is_of_the_longest_text_without_comments() -> None:
    assert count_tokens("cat [dog dog dog:cat:.5] AND cat # not counted") == 4


def test_a_word_says_where_its_tokens_stand() -> None:
    found = words_of("a  Café, (unbelievableness:1.2) t-shirt")
    assert [word.text for word in found] == ["a", "Café", "unbelievableness", "t-shirt"]
    assert [word.tokens[0] for word in found][:2] == [1, 2]
    assert len(found[2].tokens) > 1, "a word of several tokens is one word"
    assert found[2].weight == 1.2
    assert len(found[3].tokens) == 3


def test_the_tokens_of_words_are_those_of_the_windows() -> None:
    text = "cat " * 70 + ", (dog:1.5) " + "cat " * 9 + "BREAK dog"
    ids = [token for chunk in chunks(text) for token in chunk.ids]
    found = [(word.text, ids[word.tokens[0]]) for word in words_of(text)]
    assert found == [("cat", CAT)] * 70 + [("dog", DOG)] + [("cat", CAT)] * 9 + [("dog", DOG)]
    assert words_of(text)[-1].tokens == (2 * 77 + 1,)


def test_a_learned_word_stands_where_its_vectors_do() -> None:
    (first, second) = words_of("dog cat", words={(DOG,): (50_000, 50_001)})
    assert (first.text, first.tokens, second.tokens) == ("dog", (1, 2), (3,))
