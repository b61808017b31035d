"""What ChimeraX asks the bundle for."""

from chimerax.core.toolshed import BundleAPI


class _MakeSphereAPI(BundleAPI):
    api_version = 1

    @staticmethod
    def register_command(bundle_info, command_info, logger):
        from . import cmd

        cmd.register_command(command_info.name, logger)


bundle_api = _MakeSphereAPI()
