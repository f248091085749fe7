"""Plugins: Python modules of the user that add layers to what a spec may name.

    requests    which modules: of the trusted project, of installed packages, of the command line
    opened      the plugins of a folder, and what is wrong with them
    loading     a module becomes a `Plugin`, or diagnostics; its code runs guarded
    code_hash   the hash of the code of a plugin
    members     what a module declares (`declared`) or registers
    methods     faults of the methods of declared classes
    working     plugins that work when a spec runs: in one thread, with a time limit

A spec never names a plugin: only the user does, outside of it. The modules that a check without
plugins does not use are not imported here.
"""

from .opened import OpenedPlugins, plugins_for
from .plugin import NO_PLUGINS, Plugin, Plugins
from .requests import plugged, plugging

__all__ = ["NO_PLUGINS", "OpenedPlugins", "Plugin", "Plugins", "plugged", "plugging", "plugins_for"]
