/* What the checks of a project said, in our own small format: part of its plan's summary, so part
 * of what is approved and of what the seal is over. Pure. */
#pragma once
#include "orchestrator/lib/arena.h"
#include "orchestrator/lib/err.h"
#include <jansson.h>

/* What is more is counted, and not kept. */
enum { CHECKS_MAX = 20, CHECK_FINDINGS_MAX = 200, CHECK_TEXT_MAX = 300, CHECK_NAME_MAX = 60 };

/* Numbers are on disk. A tool that does not say how bad a finding is gets the benefit of no doubt:
 * it reaches every threshold. */
enum severity {
	SEVERITY_UNKNOWN = 0,
	SEVERITY_LOW = 1,
	SEVERITY_MEDIUM = 2,
	SEVERITY_HIGH = 3,
	SEVERITY_CRITICAL = 4,
};
enum { SEVERITY_COUNT = SEVERITY_CRITICAL + 1 };

enum finding_age {
	FINDING_NEW = 0,     /* this change brings it */
	FINDING_OLD = 1,     /* it was so before */
	FINDING_SKIPPED = 2, /* a note beside the code says to pass over it */
};
enum { FINDING_AGES = FINDING_SKIPPED + 1 };

enum check_verdict {
	CHECK_PASSED = 1,
	CHECK_SOFT = 2,	  /* new findings, all below the threshold */
	CHECK_FAILED = 3, /* new findings that reach it */
	CHECK_ERROR = 4,  /* nothing is known: it crashed, hung, or printed what is no answer */
};

struct check_finding {
	enum severity severity;
	enum finding_age age;
	const char *id;	      /* of the rule: "CKV_AWS_260" */
	const char *title;    /* one line */
	const char *resource; /* or "" */
	const char *file;     /* relative to the tree, or "" */
	int line;	      /* or 0 */
};

struct check_result {
	const char *name; /* as the configuration has it */
	const char *tool; /* "checkov 3.2.497", or "" */
	enum check_verdict verdict;
	const char *message; /* CHECK_ERROR: why; else what is told beside the findings, or "" */
	int counts[FINDING_AGES][SEVERITY_COUNT];
	struct check_finding *findings; /* new ones first, the worst of them first */
	size_t finding_count;
};

struct check_results {
	struct check_result *list;
	size_t count;
};

/* NULL is nothing. A verdict that is kinder than its counts is not believed. */
_must_check_ int check_results_read(
	const json_t *json, struct arena *arena, struct check_results *ret, struct err *err);
json_t *check_results_write(const struct check_results *results); /* owned by the caller */

const char *severity_name(enum severity severity); /* "high"; "unrated" */
/* "low", "Medium", "HIGH", "error", "warning", ... in any case; SEVERITY_UNKNOWN: none of them. */
enum severity severity_read(const char *word);
/* Does it count against a threshold of the configuration? "" and what is no word are the strictest.
 */
bool severity_reaches(enum severity severity, const char *threshold);

/* Adds a finding: counted always, kept while there is room. The list must have room for
 * CHECK_FINDINGS_MAX. */
void check_result_add(struct check_result *result, const struct check_finding *finding);
int check_result_count(const struct check_result *result, enum finding_age age);
/* Orders the findings and decides by the counts; an error stays one. */
void check_result_judge(struct check_result *result, const char *threshold);
/* NULL: there is none of that name. */
const struct check_result *check_results_find(
	const struct check_results *results, const char *name);
/* The first that holds the apply up, or NULL. */
const struct check_result *check_results_against(const struct check_results *results);
/* "passed", "1 high", "failed: no answer"; of the column of the comment. Written to buf. */
const char *check_result_text(const struct check_result *result, char *buf, size_t size);
