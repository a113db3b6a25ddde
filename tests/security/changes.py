"""What somebody may change in the text of trees."""

import re
from collections.abc import Callable

Change = Callable[[str], str]


def swap(name: str, values: str, *, tree: int = 0) -> Change:
    """Let the line *name* of a tree say *values*."""

    def change(text: str) -> str:
        head, *trees = text.split("\nTree=")
        trees[tree], times = re.subn(rf"(?m)^{name}=.*$", f"{name}={values}", trees[tree])
        assert times == 1
        return "\nTree=".join([head, *trees])

    return change


def head(name: str, value: str) -> Change:
    return lambda text: re.sub(rf"(?m)^{name}=.*$", f"{name}={value}", text, count=1)


def measured(change: Change) -> Change:
    """*change*, and the sizes of trees as they are then: LightGBM would look for them there."""

    def changed(text: str) -> str:
        text = change(text)
        trees, _, _ = text.partition("\nend of trees\n")
        sizes = [len(f"Tree={block}\n".encode()) for block in trees.split("\nTree=")[1:]]
        return head("tree_sizes", " ".join(map(str, sizes)))(text)

    return changed


def place(name: str, place: int, value: str) -> Change:
    """Let *value* stand at a *place* in the line *name* of the first tree."""

    def change(text: str) -> str:
        [line] = re.findall(rf"(?m)^{name}=.*$", text.split("\nTree=")[1])
        values = line.partition("=")[2].split(" ")
        values[place] = value
        return text.replace(line, f"{name}={' '.join(values)}".rstrip(), 1)

    return change


def each(*changes: Change) -> Change:
    def change(text: str) -> str:
        for one in changes:
            text = one(text)
        return measured(lambda same: same)(text)

    return change
