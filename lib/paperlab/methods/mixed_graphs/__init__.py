"""Linear structural equations on graphs with directed and bidirected edges (page ``one_connection_sem``)."""
