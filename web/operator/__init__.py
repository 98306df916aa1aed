"""The operators' console at ``/operator``: drawn on the server, made quicker by one small script."""
