"""The rules of the `sweep` section, which are imported only for specs that have one."""
