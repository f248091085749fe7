"""Serves predictions of a run over HTTP, for testing and continuous integration.

    limits      the limits of one request and of all requests
    questions   the options of a request, and its rows as a table
    service     a loaded run that answers one request after the other
    openapi     the document of `/schema`
    app         the routes
    server      the socket, uvicorn, signals

`app` and `server` require the extra `[serve]`: Starlette and uvicorn. Nothing here is imported
before `modelspec serve` is called.
"""
