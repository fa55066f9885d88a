/* Numbers that must not be swapped: each row's id has a type of its own. 0 is "none". */
#pragma once
#include <stdint.h>

struct repo_id {
	int64_t v;
};
struct pull_id {
	int64_t v;
};
struct run_id {
	int64_t v;
};
struct job_id {
	int64_t v;
};
struct inbox_id {
	int64_t v;
};
struct outbox_id {
	int64_t v;
};

enum { OID_HEX = 40 }; /* a git object id as text, without the NUL */
