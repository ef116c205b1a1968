"""What every widget is: a module of `tla.widgets.modules`, state that both sides share, and a still picture."""

import base64
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets

from tla.widgets.bundle import script
from tla.widgets.packing import pack
from tla.widgets.page import save_page


class ModuleWidget(anywidget.AnyWidget):
    """A widget that a module draws; subclasses name the module and the traits that it shares.

    Attributes:
        module: In `tla/widgets/modules`.
        shared: Names of the traits that the browser reads and writes.
    """

    module: ClassVar[str]
    shared: ClassVar[tuple[str, ...]]
    _data = traitlets.Bytes().tag(sync=True)
    _shared = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "module" in cls.__dict__:  # anywidget derives a class of its own from each
            cls._esm = script(cls.module, "notebook")
        super().__init_subclass__(**kwargs)

    def __init__(self, data: dict[str, Any], **state: Any) -> None:
        super().__init__(_data=pack(data), _shared=list(self.shared), **state)
        self.on_msg(self._received)

    def whole(self) -> dict[str, Any]:
        """Everything that the module shows, in one piece, for a page where nobody answers."""
        raise NotImplementedError

    def still(self) -> bytes:
        """The present state as a PNG, drawn without a browser."""
        raise NotImplementedError

    def save(self, path: str | Path) -> Path:
        """Write a page that shows the same without a server and without a network; what is not Python still works.

        Args:
            path: Ends in .html.

        Raises:
            ValueError: for another ending.
        """
        return save_page(path, self.module, self.whole(), str(self.title))

    @property
    def title(self) -> str:
        """Heading of a saved page."""
        return repr(self)

    def told(self, name: str, value: Any) -> None:
        """What the browser reports once; each widget knows which names."""

    def redraw(self, data: dict[str, Any]) -> None:
        """Show other data in the place of all that was shown."""
        self._data = pack(data)

    def tell(self, block: dict[str, Any]) -> None:
        """Send the browser more data."""
        self.send({"block": True}, [pack(block)])

    def _received(self, _: Any, content: Any, __: Any) -> None:
        if isinstance(content, dict) and "name" in content:
            self.told(str(content["name"]), content.get("value"))

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """The widget, and a still picture for where there is no front end."""
        bundle = super()._repr_mimebundle_(**kwargs)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        picture = base64.b64encode(self.still()).decode()
        return data | {"image/png": picture, "text/plain": repr(self)}, metadata
