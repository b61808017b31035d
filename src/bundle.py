"""What ChimeraX asks the bundle for."""

from chimerax.core.toolshed import BundleAPI


class _MakeSphereAPI(BundleAPI):
    api_version = 1

    @staticmethod
    def register_command(bundle_info, command_info, logger):
        from . import cmd

        cmd.register_command(command_info.name, logger)

    @staticmethod
    def initialize(session, bundle_info):
        # So that the mouse mode can be chosen before the panel was ever open.
        if session.ui.is_gui:
            from .panel.mouse import SphereMouseMode

            SphereMouseMode.of(session, lambda: _MakeSphereAPI.start_tool(session, None, None))

    @staticmethod
    def finish(session, bundle_info):
        # ChimeraX asks for it; the mouse mode stays until ChimeraX is started again.
        pass

    @staticmethod
    def start_tool(session, bundle_info, tool_info):
        from .panel.tool import MakeSphereTool

        return MakeSphereTool.get_singleton(session)

    @staticmethod
    def run_provider(session, name, manager, **kw):
        # The only provider is the toolbar button.
        from chimerax.core.commands import run

        run(session, 'ui tool show "Make Sphere"')


bundle_api = _MakeSphereAPI()
