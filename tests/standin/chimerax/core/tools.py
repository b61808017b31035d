"""Stand-in for chimerax.core.tools."""


class Tools:
    """The tools that are running."""

    def __init__(self):
        self._tools = []

    def list(self):
        return list(self._tools)

    def add(self, tools):
        self._tools.extend(tools)

    def remove(self, tools):
        self._tools = [t for t in self._tools if t not in tools]


class ToolInstance:
    """A tool that is running."""

    SESSION_SAVE = False

    def __init__(self, session, tool_name):
        self.session, self.tool_name, self.display_name = session, tool_name, tool_name
        session.tools.add([self])

    def delete(self):
        self.session.ui.remove_tool(self)
        self.session.tools.remove([self])

    def display(self, shown):
        self.tool_window.shown = shown

    def display_help(self):
        self.session.logger.info(f"help {self.help}")


def get_singleton(session, tool_class, tool_name, create=True):
    for tool in session.tools.list():
        if isinstance(tool, tool_class):
            return tool
    return tool_class(session, tool_name) if create else None
