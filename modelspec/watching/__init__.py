"""`show --watch`: a local page that shows a spec as it is saved. Loads no framework."""
