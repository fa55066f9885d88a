/* The only process that forks. Owns the socket to the server and its children's exit states. */
#pragma once

/* Serves the SOCK_SEQPACKET socket until its other end is closed; returns the exit code.
 * Supervisors live on. */
int launcher_serve(int socket);
