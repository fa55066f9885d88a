/* The server: the only place that knows every part. */
#pragma once

struct serve_options {
	const char *config;   /* path of server.yaml, or NULL */
	const char *data_dir; /* wins over the file; or NULL */
};

int serve(const struct serve_options *options); /* an exit code */
