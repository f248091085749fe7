"""A run over HTTP: rows in, predictions out, for trying and for continuous integration.

    limits      how much one request, and all of them, may take
    questions   what a request asks for, and its rows as a table
    service     a loaded run that answers, one request after the other
    openapi     what `/schema` says
    app         the routes
    server      the socket, uvicorn, signals

`app` and `server` need the extra `[serve]`: Starlette and uvicorn. Nothing here is imported before
`modelspec serve` is called.
"""
