"""SSH servers of the demo's hosts, inside this process: for the demo, and for odd behaviour that OpenSSH never shows.

They prove nothing about OpenSSH, since client and server share one library. paramiko is imported by the modules
of this package, so import them only when a server is wanted.
"""
