"""Runs the parametrized tests of a module side by side before the first one reports."""


def selected(request, names):
    """The (test name, parameters) of this module that pytest selected."""
    found = []
    for item in request.session.items:
        name = getattr(item, "originalname", None)
        if item.module is request.module and name in names:
            found.append((name, item.callspec.params))
    return found


def job(function, *args):
    """A job for Lanes.run: function(lane, *args)."""
    return lambda lane: function(lane, *args)
