"""Imports a module of its own from every kind of place that Python code can ask from, in a forked
child; account.py writes down who asked."""

import asyncio
import importlib
import os
import sys
import threading

import account  # noqa: F401

FOLDER = os.path.join(os.getcwd(), "modules")
sys.dont_write_bytecode = True


def module(name, text=""):
    with open(os.path.join(FOLDER, *name.split("/")) + ".py", "w", encoding="utf-8") as file:
        file.write(text)


def in_function():
    import of_function  # noqa: F401


def in_generator():
    import of_generator  # noqa: F401

    yield 1
    import of_generator_again  # noqa: F401


def in_class():
    class Class:
        import of_class  # noqa: F401

        def method(self):
            import of_method  # noqa: F401

        @property
        def given(self):
            import of_property  # noqa: F401

    Class().method()
    _ = Class().given


def in_string():
    exec("\n\nimport of_string\n")
    exec(compile("\n" * 300 + "import of_compiled\n", "<a page of text>", "exec"))
    eval("__import__('of_expression')")


def in_calls():
    importlib.import_module("of_import_module")
    list(map(__import__, ["of_map"]))
    sorted([2, 1], key=lambda number: __import__(f"of_sort_{number}").__name__)
    [__import__(name) for name in ["of_list"]]
    (
        __import__
    )(
        "of_lines"
    )


def in_finally():
    try:
        raise ValueError
    except ValueError:
        import of_except  # noqa: F401
    finally:
        import of_finally  # noqa: F401
    with Context():
        import of_with  # noqa: F401


class Context:
    def __enter__(self):
        import of_enter  # noqa: F401

    def __exit__(self, *_):
        import of_exit  # noqa: F401


def deep(levels):
    if levels:
        return deep(levels - 1)
    import of_the_deep  # noqa: F401


async def in_task():
    await asyncio.sleep(0)
    import of_task  # noqa: F401

    async for _ in in_async_generator():
        pass


async def in_async_generator():
    import of_async_generator  # noqa: F401

    yield 1


def données_über_π():
    import of_letters  # noqa: F401
    import módulo  # noqa: F401
    import 模块  # noqa: F401
    import 𐐀  # noqa: F401


def extensions():
    import _lsprof  # noqa: F401
    import _zoneinfo  # noqa: F401
    import resource  # noqa: F401


def everything():
    in_function()
    list(in_generator())
    exec(compile("import of_body", "body.py", "exec"))
    in_class()
    in_string()
    in_calls()
    in_finally()
    deep(50)
    import of_outer  # noqa: F401
    import package.inner.leaf  # noqa: F401
    import lazy

    _ = lazy.late
    thread = threading.Thread(target=__import__, args=("of_thread",))
    thread.start()
    thread.join()
    asyncio.run(in_task())
    données_über_π()
    extensions()
    try:
        import of_nobody  # noqa: F401
    except ImportError:
        pass
    import of_the_end  # noqa: F401


def modules():
    os.makedirs(os.path.join(FOLDER, "package", "inner"))
    for name in (
        "of_function of_generator of_generator_again of_class of_method of_property of_string of_compiled "
        "of_expression of_import_module of_map of_sort_1 of_sort_2 of_list of_lines of_except of_finally "
        "of_with of_enter of_exit of_the_deep of_task of_async_generator of_letters of_thread of_body of_lazy "
        "of_innermost of_leaf of_the_end package/__init__ package/inner/__init__"
    ).split():
        module(name)
    module("of_outer", "\n\nimport of_middle\n")
    module("of_middle", "def load():\n    import of_innermost\n\n\nload()\n")
    module("package/inner/leaf", "from .. import sibling\nimport of_leaf\n")
    module("package/sibling")
    module("lazy", "def __getattr__(name):\n    import of_lazy\n    return of_lazy\n")
    module("módulo", "import émoi\n")
    module("émoi")
    module("模块", "def 函数():\n    import 内部\n\n\n函数()\n")
    module("内部")
    module("𐐀", "import 𐐁\n")
    module("𐐁")
    sys.path.insert(0, FOLDER)


if __name__ == "__main__":
    modules()
    pid = os.fork()
    if pid == 0:
        everything()
        sys.exit(0)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
